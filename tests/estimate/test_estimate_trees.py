"""The tree half: scikit-learn's own predictions, known directions, and the explanation against all coalitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.estimate import trees
from exclusion.estimate.features import DRIVERS, build_features
from tests.estimate.shapley import brute_force_shapley


@pytest.fixture(scope="module")
def fitted(made):
    features = build_features(made.table)
    rows = np.flatnonzero(made.yardstick["dpi_carry"].eq("U"))
    target = made.yardstick["observed_offline_share_pct"].to_numpy()[rows] / 100
    folds = [np.flatnonzero(np.arange(len(rows)) % 3 == number) for number in range(3)]
    return features, rows, target, folds, trees.fit_trees(features, rows, target, folds, seed=5)


def test_contributions_sum_to_the_distance_from_the_average_area(fitted):
    features, *_, fit = fitted
    values = features.frame.to_numpy(float)
    average = np.zeros((1, values.shape[1]))
    average[0, fit.part.columns] = fit.part.average
    expected = fit.part.predict(values) - fit.part.predict(average)
    np.testing.assert_allclose(fit.part.contributions(values).sum(axis=1), expected, atol=1e-9)


def test_contributions_are_the_shapley_values_of_all_coalitions(fitted):
    features, *_, fit = fitted
    values = features.frame.to_numpy(float)
    groups = np.array([DRIVERS.index(name) for name in features.drivers])
    average = np.zeros(values.shape[1])
    average[fit.part.columns] = fit.part.average
    used = sorted(set(fit.part.groups.tolist()))
    with_null = np.flatnonzero(np.isnan(values).any(axis=1))[0]
    for row in (0, 11, with_null):
        expected = brute_force_shapley(fit.part.predict, values[row], average, groups, used)
        np.testing.assert_allclose(fit.part.contributions(values[row : row + 1])[0], expected, atol=1e-9)


_KNOWN = {
    "aged_75plus_per_household": 1,
    "ts045_no_cars_or_vans_in_household": 1,
    "ts038_disabled_under_the_equality_act": 1,
    "iod2025_income_rate": 1,
    "ts011_household_is_not_deprived_in_any_dimension": -1,
}


@settings(max_examples=60, deadline=None)
@given(row=st.integers(0, 239), step=st.floats(0, 3), name=st.sampled_from(sorted(_KNOWN)))
def test_known_directions_are_never_bent(fitted, row, step, name):
    features, *_, fit = fitted
    values = features.frame.to_numpy(float)[row : row + 1]
    column = features.names.index(name)
    if np.isnan(values[0, column]):
        return
    more = values.copy()
    more[0, column] += step
    change = float(fit.part.predict(more)[0] - fit.part.predict(values)[0])
    assert change * _KNOWN[name] >= -1e-12


def test_poison_in_a_fold_leaves_its_own_predictions_to_the_last_bit(fitted):
    features, rows, target, folds, fit = fitted
    poisoned = target.copy()
    poisoned[folds[0]] = 99.0
    dirty = trees.fit_trees(features, rows, poisoned, folds, seed=5)
    np.testing.assert_array_equal(fit.held_out[folds[0]], dirty.held_out[folds[0]])
    assert not np.allclose(fit.held_out[folds[1]], dirty.held_out[folds[1]])


def test_trees_do_not_read_neighbours(fitted):
    features, *_, fit = fitted
    assert not np.array(features.is_neighbour)[fit.part.columns].any()
