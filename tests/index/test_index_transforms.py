"""Goldens G1, G2, G7, G8 and the shape of every transform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from exclusion.errors import InputError
from exclusion.index.means import copeland, weighted_mean
from exclusion.index.transforms import (
    ScoreCurve,
    distance_to_target,
    exponential_score,
    fit_curve,
    goalposts,
    ranks_descending,
)
from exclusion.index.treatment import kurtosis, log_ct, passes_gate, skewness, treat, winsorise

# G1: IoD 2019 Technical Report, Appendix F; WIMD 2019 Technical Report, Annex A.
G1_SHARES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1]
G1_SCORES = [
    0, 2.390259732416, 6.517733263680, 15.646790072603, 31.009143532807, 50.426654274244, 63.847631505328,
    86.957278691287, 100,
]  # fmt: skip
G1_RANKS = [1, 2, 10, 100, 1000, 3284, 16422, 32844]
G1_RANK_SCORES = [
    100, 99.94662345841, 99.52401272532, 95.23833750048, 72.39325491282, 50.43532393604, 15.64815490378, 0.00069123244,
]  # fmt: skip


def test_g1_exponential_scores_of_shares():
    np.testing.assert_allclose(exponential_score(np.array(G1_SHARES)), G1_SCORES, atol=5e-12, rtol=0)


def test_g1_exponential_scores_of_ranks():
    n = 32844
    share = (n - np.array(G1_RANKS) + 1) / n
    np.testing.assert_allclose(exponential_score(share), G1_RANK_SCORES, atol=6e-12, rtol=0)
    assert exponential_score(np.array([1 / 1909]))[0] == pytest.approx(0.01189542616768, abs=5e-15)


def test_g1_half_the_scale_is_the_worst_tenth_and_a_little_more():
    for n, last in ((32844, 3354), (33755, 3447), (35672, 3643)):
        scores = exponential_score((n - np.array([last, last + 1]) + 1) / n)
        assert scores[0] >= 50 > scores[1]


def test_g2_published_worked_example():
    """NIMDM 2017 Technical Report, Annex D: five areas, two domains of weight 0.75 and 0.25."""
    x = fit_curve(np.array([5.0, 4, 3, 2, 1]), "exponential")(np.array([5.0, 4, 3, 2, 1]))
    y = x[::-1]
    np.testing.assert_allclose(x, [100, 35.8568, 20.6327, 11.5515, 5.0580], atol=5e-5)
    combined = weighted_mean(np.vstack([x, y]), np.array([0.75, 0.25]))
    np.testing.assert_allclose(combined, [76.2645, 29.7805, 20.6327, 17.6278, 28.7935], atol=5e-5)
    assert ranks_descending(combined).tolist() == [1, 2, 4, 5, 3]


def test_g7_means():
    values = np.array([1.0, 2, 3])
    assert weighted_mean(values, np.array([1.0, 1, 2]), kind="geometric") == pytest.approx(
        2.059767143907, abs=1e-12
    )
    assert weighted_mean(values, np.array([2.0, 1, 1]), kind="harmonic") == pytest.approx(
        1.411764705882, abs=1e-12
    )


def test_g7_goalposts_and_target():
    assert goalposts(np.array([1.0, 11]), 0, 10).tolist() == [0.1, 1.0]
    assert goalposts(np.array([1.0, 11]), 0, 10, is_reversed=True).tolist() == [0.9, 0.0]
    np.testing.assert_allclose(distance_to_target(np.array([0.0, 5, 11]), 10, 0), [0, 0.5, 1.1])
    assert distance_to_target(np.array([11.0]), 10, 0, is_capped=True)[0] == 1.0


def test_g7_skewness_kurtosis_and_winsorising():
    spiked = np.array([*range(1, 11), 100.0])
    assert skewness(spiked) == pytest.approx(3.25563818406, abs=1e-10)
    assert kurtosis(spiked) == pytest.approx(10.7066739064, abs=1e-9)
    treated, count = winsorise(np.array([*range(1, 21), 100.0, 200.0]), most=5)
    assert treated[-3:].tolist() == [20, 20, 20]
    assert count == 2


def test_g7_copeland():
    values = np.array([[1, 2, 3, 2], [3, 1, 2, 2], [1, 1, 5, 2]], float)
    assert copeland(values, np.ones(3)).tolist() == [-2, -2, 3, 1]
    with pytest.raises(InputError, match="every pair"):
        copeland(np.zeros((1, 5001)), np.ones(1))


def test_g8_human_development_index():
    """UNDP technical notes: an index of income by logarithm, and the geometric mean of three."""
    income = goalposts(np.log([3829.0]), np.log(100), np.log(75000))[0]
    assert income == pytest.approx(0.55063, abs=5e-6)
    hdi = weighted_mean(np.array([0.6971, 0.3447, 0.5506]), np.ones(3), kind="geometric")
    assert hdi == pytest.approx(0.50955, abs=5e-6)


def test_log_treatment_changes_its_input():
    """The R package's `log_GII` gives its input back; ours must not."""
    out = log_ct(np.array([1.0, 5, 9]))
    np.testing.assert_allclose(out, np.log([0.08, 4.08, 8.08]))
    assert log_ct(np.array([2.0, 2.0])).tolist() == [2.0, 2.0]


def test_treatment_says_what_it_did_and_leaves_good_data_alone():
    good = np.arange(100.0)
    assert passes_gate(good)
    assert treat(good, most=5, then="log_ct")[1].startswith("passed")
    wild = np.exp(np.random.default_rng(1).normal(0, 2.5, 300))
    treated, done = treat(wild, most=2, then="log_ct")
    assert "logarithm" in done
    assert (np.diff(treated[np.argsort(wild)]) >= 0).all()
    assert "pulled" in treat(np.array([*range(1, 21), 100.0, 200.0]), most=5, then="none")[1]


def test_winsorising_keeps_to_its_limit_and_to_null():
    values = np.array([*range(1, 21), 100.0, 200.0, 400.0, np.nan])
    out, count = winsorise(values, most=1)
    assert count <= 1
    assert np.isnan(out[-1])


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_rank_curves_agree_with_the_plain_formula(numbers):
    values = np.array(numbers, float)
    n = len(values)
    for ties, method in (("average", "average"), ("min", "max")):
        rank = rankdata(values, method=method)
        found = fit_curve(values, "exponential", ties=ties)(values)
        np.testing.assert_array_equal(found, exponential_score(rank / n))
    prank = fit_curve(values, "prank", scale=1.0)(values)
    np.testing.assert_allclose(prank, (rankdata(values) - 1) / max(n - 1, 1), atol=1e-15)


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60),
    st.sampled_from(["exponential", "normal", "minmax", "zscore", "prank", "identity"]),
)
def test_every_curve_is_monotone_and_keeps_null(numbers, score):
    values = np.array(numbers)
    curve = fit_curve(values, score)
    grid = np.linspace(values.min() - 1, values.max() + 1, 97)
    assert (np.diff(curve(grid)) >= -1e-9).all()
    assert np.isnan(curve(np.array([np.nan]))[0])
    low, high = curve(np.array([values.min(), values.max()]))
    assert low - 1e-9 <= curve.neutral <= high + 1e-9


def test_frozen_curves_pass_their_ends_and_plain_ones_do_not():
    curve = fit_curve(np.arange(1000.0), "exponential")
    assert curve(np.array([5000.0]))[0] == pytest.approx(100.0, abs=1e-9)
    frozen = curve.frozen()
    assert frozen(np.array([1100.0]))[0] > 100.0
    assert frozen(np.array([-100.0]))[0] < 0.1
    np.testing.assert_array_equal(frozen(np.arange(1000.0)), curve(np.arange(1000.0)))


def test_thinned_curves_keep_their_ends_and_come_close():
    values = np.sort(np.random.default_rng(2).normal(size=20_000))
    curve = fit_curve(values, "normal")
    thin = curve.thinned(4096)
    assert len(thin.values) == 4096
    assert thin.values[0] == values[0]
    assert thin.values[-1] == values[-1]
    assert np.abs(thin(values) - curve(values)).max() < 0.05


def test_degenerate_samples_do_not_break():
    for score in ("exponential", "normal", "minmax", "zscore", "prank", "identity"):
        for values in ([3.0, 3.0, 3.0], [7.0], [np.nan, np.nan]):
            curve = fit_curve(np.array(values), score)
            assert isinstance(curve, ScoreCurve)
            assert np.isfinite(curve.neutral)


def test_ranks_descending_keep_null_and_ties():
    out = ranks_descending(np.array([3.0, np.nan, 5.0, 3.0]))
    assert out[[0, 2, 3]].tolist() == [2, 1, 2]
    assert np.isnan(out[1])
