"""Golden G13: every decomposition sums to the difference of scores, over random specs and data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import InputError
from exclusion.index.coherence import correlations, covariance_shares, flags, importance, main_effect
from exclusion.index.decomposition import shapley
from exclusion.index.engine import build
from exclusion.index.means import log_mean, mean_slopes, product_contributions, weighted_mean
from exclusion.index.spec import load_spec
from exclusion.index.transforms import fit_curve
from tests.index.made import spec_of, table


@st.composite
def builds(draw):
    """A random spec (domains, indicators, weights, directions, scores, means) and random data with gaps and ties."""
    columns = iter("abcdefghijkl")
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    aggregation = draw(st.sampled_from(["arithmetic", "geometric", "harmonic", "power"]))
    plain = aggregation == "arithmetic"
    score = draw(
        st.sampled_from(
            ["exponential", "minmax", "prank", *(["normal", "zscore", "identity"] if plain else [])]
        )
    )
    weights = np.array(draw(st.lists(st.integers(1, 9), min_size=len(sizes), max_size=len(sizes))), float)
    weights /= weights.sum()
    domains = {}
    for d, size in enumerate(sizes):
        inner = np.array(draw(st.lists(st.integers(1, 9), min_size=size, max_size=size)), float)
        inner /= inner.sum()
        members = [(next(columns), float(w), draw(st.sampled_from("+-"))) for w in inner]
        domains[f"domain_{d}"] = (float(weights[d]), "arithmetic", members)
    rural = score in {"exponential", "minmax", "prank"} and draw(st.booleans())
    spec = spec_of(
        domains,
        rural=rural,
        score=score,
        indicator_score=draw(st.sampled_from(["normal", "zscore", "minmax", "exponential"])),
        aggregation=aggregation,
        power=draw(st.sampled_from([0.5, 2.0, 3.0])),
        offset=0.0 if plain else 1.0,
        ties=draw(st.sampled_from(["average", "min"])),
    )
    n = draw(st.integers(2, 25))
    cells = st.one_of(st.integers(0, 6), st.floats(-1e3, 1e3), st.none())
    data = {
        member[0]: draw(st.lists(cells, min_size=n, max_size=n))
        for _, _, members in domains.values()
        for member in members
    }
    data["minutes"] = draw(st.lists(st.floats(0, 200), min_size=n, max_size=n))
    index = pd.Index([f"E{i:08d}" for i in range(n)], name="lsoa21cd")
    return spec, pd.DataFrame(data, index=index, dtype=float)


@given(builds())
@settings(max_examples=60, deadline=None)
def test_g13_contributions_sum_to_the_difference(made):
    spec, data = made
    found = build(spec, data)
    parts, layers = found.contributions, found.layers
    gap = layers.risk - parts.reference_score
    assert np.abs(parts.domains.sum(axis=0) - gap).max() <= 1e-9
    assert np.abs(parts.indicators.sum(axis=0) - gap).max() <= 1e-9
    for d, name in enumerate(spec.domain_ids):
        inside = parts.indicators[list(spec.in_domain(name))].sum(axis=0)
        assert np.abs(inside - parts.domains[d]).max() <= 1e-9
    out = found.table[found.table["is_ranked"]]
    total = sum(out[f"{name}_contribution"] for name in spec.domain_ids) + out["rural_contribution"]
    assert (
        np.abs(total - (out["exclusion_score"] - parts.reference_score)).to_numpy().max(initial=0.0) <= 1e-9
    )
    # Nothing known, nothing explained.
    unknown = layers.domain_observed == 0
    assert np.abs(parts.domains[unknown]).max(initial=0.0) <= 1e-9


def test_a_single_indicator_explains_everything_it_moves():
    rng = np.random.default_rng(0)
    parts, weights = rng.normal(size=(3, 50)), np.array([0.5, 0.3, 0.2])
    typical = np.zeros(3)
    parts[1:] = 0.0
    curve = fit_curve(weights @ rng.normal(size=(3, 400)), "exponential")
    whole = curve(weights @ parts)
    values = shapley(parts, typical, weights, curve, whole)
    np.testing.assert_allclose(values[1:], 0.0, atol=1e-12)
    np.testing.assert_allclose(values.sum(axis=0), whole - curve(np.zeros(1)), atol=1e-12)


def test_shapley_is_symmetric_and_linear_where_the_curve_is():
    rng = np.random.default_rng(1)
    parts = rng.normal(size=(4, 30))
    parts[1] = parts[0]
    weights = np.full(4, 0.25)
    bent = fit_curve(weights @ parts, "exponential")
    values = shapley(parts, np.zeros(4), weights, bent, bent(weights @ parts))
    np.testing.assert_allclose(values[0], values[1], atol=1e-12)
    straight = fit_curve(weights @ parts, "identity")
    values = shapley(parts, np.zeros(4), weights, straight, straight(weights @ parts))
    np.testing.assert_allclose(values, weights[:, None] * parts, atol=1e-12)


def test_shapley_agrees_with_the_average_over_all_orders():
    from itertools import permutations

    rng = np.random.default_rng(2)
    parts, typical, weights = rng.normal(size=(3, 8)), rng.normal(size=3), np.array([0.2, 0.5, 0.3])
    curve = fit_curve(weights @ rng.normal(size=(3, 100)), "exponential")
    whole = curve(weights @ parts)
    expected = np.zeros_like(parts)
    for order in permutations(range(3)):
        now = np.repeat(typical[:, None], 8, axis=1)
        for k in order:
            before = curve(weights @ now)
            now[k] = parts[k]
            expected[k] += (curve(weights @ now) - before) / 6
    np.testing.assert_allclose(shapley(parts, typical, weights, curve, whole), expected, atol=1e-12)


def test_domains_that_are_too_large_are_refused():
    with pytest.raises(InputError, match="at most 10"):
        shapley(
            np.zeros((11, 2)), np.zeros(11), np.ones(11), fit_curve(np.arange(3.0), "identity"), np.zeros(2)
        )


@given(
    st.lists(st.floats(0.01, 1e3), min_size=3, max_size=3),
    st.lists(st.floats(0.01, 1e3), min_size=3, max_size=3),
    st.sampled_from([("geometric", 1.0), ("harmonic", 1.0), ("power", 0.5), ("power", 2.0), ("power", 5.0)]),
)
def test_slopes_are_exact_for_every_mean(first, second, how):
    kind, power = how
    x, y = np.array(first)[:, None], np.array(second)[:, None]
    weights = np.array([0.5, 0.3, 0.2])
    slopes = mean_slopes(x, y, weights, kind=kind, power=power)
    gap = weighted_mean(x, weights, kind=kind, power=power) - weighted_mean(
        y, weights, kind=kind, power=power
    )
    scale = max(*first, *second)
    np.testing.assert_allclose((slopes * (x - y)).sum(axis=0), gap, atol=1e-9 * scale)
    assert (slopes > 0).all()


def test_slopes_are_exact_for_nearly_equal_scores():
    x = np.array([[50.0], [20.0]])
    weights = np.array([0.5, 0.5])
    for gap in (0.0, 1e-12, 1e-9, 1e-6, 1e-4, 1e-3):
        y = x * (1 + gap)
        for kind, power in (("geometric", 1.0), ("power", 3.0), ("harmonic", 1.0)):
            slopes = mean_slopes(x, y, weights, kind=kind, power=power)
            difference = weighted_mean(x, weights, kind=kind, power=power) - weighted_mean(
                y, weights, kind=kind, power=power
            )
            np.testing.assert_allclose((slopes * (x - y)).sum(axis=0), difference, atol=1e-11)


@given(
    st.lists(st.floats(0.1, 100), min_size=3, max_size=3),
    st.lists(st.floats(0.1, 100), min_size=3, max_size=3),
)
def test_products_split_exactly_by_log_mean_divisia(first, second):
    x, y = np.array(first)[:, None], np.array(second)
    parts = product_contributions(x, y)
    assert parts.sum() == pytest.approx(x.prod() - y.prod(), rel=1e-9, abs=1e-9)
    assert log_mean(np.array([3.0]), np.array([3.0]))[0] == pytest.approx(3.0)


@given(st.integers(2, 6), st.integers(0, 100))
def test_covariance_shares_sum_to_one(rows, seed):
    parts = np.random.default_rng(seed).normal(size=(rows, 40))
    assert covariance_shares(parts, parts.sum(axis=0)).sum() == pytest.approx(1.0)
    assert (covariance_shares(parts, np.ones(40)) == 0).all()


def test_main_effect_of_itself_is_all_and_of_noise_is_little():
    rng = np.random.default_rng(8)
    total = rng.normal(size=5000)
    assert main_effect(total, total) > 0.99
    assert main_effect(rng.normal(size=5000), total) < 0.05
    assert main_effect(np.zeros(5000), total) == pytest.approx(0.0, abs=1e-12)
    assert main_effect(total, np.ones(5000)) == 0.0


def test_importance_and_flags_find_what_was_put_in():
    rng = np.random.default_rng(9)
    data = pd.DataFrame(
        {"a": rng.normal(size=500)}, index=pd.Index([f"E{i:08d}" for i in range(500)], name="lsoa21cd")
    )
    data["b"] = data["a"] + 0.05 * rng.normal(size=500)
    data["c"] = -data["a"] + rng.normal(size=500)
    data["d"] = rng.normal(size=500)
    spec = spec_of(
        {
            "one": (0.9, "arithmetic", [("a", 0.4, "+"), ("b", 0.4, "+"), ("c", 0.2, "+")]),
            "two": (0.1, "arithmetic", [("d", 1.0, "+")]),
        }
    )
    found = build(spec, data)
    text = " ".join(flags(found))
    assert "Redundant: a and b correlate" in text
    assert "Conflicting: a and c" in text
    assert "Two has a weight of 10.0% and moves" in text
    table_ = importance(found)
    assert table_.loc[table_["level"] == "domain", "covariance_share_pct"].sum() == pytest.approx(100.0)
    assert table_.loc[table_["level"] == "indicator", "covariance_share_pct"].sum() == pytest.approx(100.0)
    assert correlations(found).shape == (4, 4)


def test_importance_of_the_default_spec_adds_up():
    table_ = importance(build(load_spec("default"), table()))
    for level in ("domain", "indicator"):
        part = table_[table_["level"] == level]
        assert part["weight_pct"].sum() == pytest.approx(100.0)
        assert part["covariance_share_pct"].sum() == pytest.approx(100.0)
