"""Golden G14, the limits of shrinkage, and factor weights against an independent implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exclusion.errors import InputError
from exclusion.index.factors import factor_weights
from exclusion.index.shrinkage import logit_rates, median_cv, shrink_rates

R = np.array([12.0, 40, 3, 90, 25])
N = np.array([300.0, 700, 150, 1500, 500])
ONE_GROUP = np.zeros(5, int)


def test_g14_logits_and_variances():
    m, s2 = logit_rates(R, N)
    np.testing.assert_allclose(m, [-3.138966, -2.791695, -3.741065, -2.746350, -2.925688], atol=5e-7)
    np.testing.assert_allclose(s2, [0.080651, 0.025940, 0.258468, 0.011706, 0.040644], atol=5e-7)


@pytest.mark.parametrize(
    ("method", "weights", "rates"),
    [
        (
            "iod",
            [0.730328, 0.893845, 0.458011, 0.949134, 0.843114],
            [0.044615, 0.057375, 0.036822, 0.059963, 0.051390],
        ),
        (
            "eb",
            [0.625904, 0.838760, 0.343000, 0.920177, 0.768522],
            [0.045869, 0.057168, 0.040585, 0.059776, 0.051625],
        ),
    ],
)
def test_g14_shrunk_rates(method, weights, rates):
    found = shrink_rates(R, N, ONE_GROUP, method=method)
    np.testing.assert_allclose(found.weight, weights, atol=5e-7)
    np.testing.assert_allclose(found.rate, rates, atol=5e-7)
    s2 = logit_rates(R, N)[1]
    spread = found.weight[0] * s2[0] / (1 - found.weight[0])
    of_centre = 1 / np.sum(1 / (s2 + spread))
    expected = found.weight * s2 + (1 - found.weight) ** 2 * of_centre
    np.testing.assert_allclose(found.logit_sd**2, expected, rtol=1e-9)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), min_size=3, max_size=20))
def test_shrunk_logits_lie_between_the_own_and_the_group_rate(pairs):
    n = np.array([max(a, b) for a, b in pairs], float)
    r = np.array([min(a, b) for a, b in pairs], float)
    found = shrink_rates(r, n, np.zeros(len(r), int))
    m, _ = logit_rates(r, n)
    centre = np.log((r.sum() + 0.5) / (n.sum() - r.sum() + 0.5))
    assert (found.logit >= np.minimum(m, centre) - 1e-9).all()
    assert (found.logit <= np.maximum(m, centre) + 1e-9).all()


def test_shrinkage_vanishes_with_much_evidence_and_a_lone_area_keeps_its_own():
    r, n = np.array([1e6, 5e6, 3e6]), np.full(3, 1e7)
    np.testing.assert_allclose(shrink_rates(r, n, np.zeros(3, int)).rate, r / n, atol=1e-5)
    alone = shrink_rates(R, N, np.arange(5))
    assert (alone.weight == 1).all()


def test_small_groups_are_not_surer_than_they_may_be():
    """Areas of one rate in groups of eight: often no spread is found, and the shared rate itself is uncertain."""
    rng = np.random.default_rng(4)
    groups = np.repeat(np.arange(200), 8)
    truth = np.repeat(rng.normal(-1.5, 0.5, 200), 8)
    n = rng.integers(60, 200, truth.size).astype(float)
    found = shrink_rates(rng.binomial(n.astype(int), 1 / (1 + np.exp(-truth))).astype(float), n, groups)
    assert (found.weight == 0).mean() > 0.3
    assert (found.logit_sd > 0).all()
    inside = np.abs(found.logit - truth) <= 1.645 * found.logit_sd
    assert 0.84 <= inside.mean() <= 0.96


def test_unknown_counts_stay_null_and_do_not_touch_the_others():
    with_gap = shrink_rates(np.append(R, np.nan), np.append(N, 400.0), np.zeros(6, int))
    assert np.isnan(with_gap.rate[-1])
    np.testing.assert_array_equal(with_gap.rate[:5], shrink_rates(R, N, ONE_GROUP).rate)


def test_coefficient_of_variation_tells_small_counts_from_large():
    assert median_cv(R, N) > median_cv(R * 100, N * 100)
    assert median_cv(np.array([np.nan]), np.array([np.nan])) == 0.0


def _one_factor(seed=3, n=3000, loadings=(0.9, 0.7, 0.5, 0.4)):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=n)
    return np.vstack([a * factor + np.sqrt(1 - a * a) * rng.normal(size=n) for a in loadings])


def test_factor_weights_agree_with_statsmodels():
    from statsmodels.multivariate.factor import Factor

    scores = _one_factor()
    ours = factor_weights(scores, ("a", "b", "c", "d"), "made")
    theirs = Factor(scores.T, n_factor=1, method="ml").fit()
    loadings = np.abs(theirs.loadings[:, 0])
    np.testing.assert_allclose(ours.loadings, loadings, atol=1e-3)
    expected = loadings / theirs.uniqueness
    np.testing.assert_allclose(ours.weights, expected / expected.sum(), atol=2e-3)
    assert ours.weights.sum() == pytest.approx(1.0)
    assert (np.diff(ours.weights) < 0).all()


def test_factor_weights_refuse_an_indicator_that_pulls_against_its_domain():
    scores = _one_factor()
    scores[3] *= -1
    with pytest.raises(InputError, match="`d` has the loading -0"):
        factor_weights(scores, ("a", "b", "c", "d"), "made")
    with pytest.raises(InputError, match="do not vary"):
        factor_weights(np.ones((3, 50)), ("a", "b", "c"), "made")


def test_a_count_above_its_base_counts_as_all_of_it():
    found = shrink_rates(np.array([12.0, 5.0, 3.0]), np.array([10.0, 10.0, 10.0]), np.zeros(3, int))
    capped = shrink_rates(np.array([10.0, 5.0, 3.0]), np.array([10.0, 10.0, 10.0]), np.zeros(3, int))
    np.testing.assert_array_equal(found.rate, capped.rate)
