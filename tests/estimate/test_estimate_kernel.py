"""The kernel half: held-out fits against a direct fit, and its explanation against all coalitions."""

import numpy as np
import pytest

from exclusion.estimate import kernel
from exclusion.estimate.features import DRIVERS, build_features
from exclusion.estimate.kernel import fit_kernel
from tests.estimate.shapley import brute_force_shapley


@pytest.fixture(scope="module")
def parts(made):
    features = build_features(made.table)
    rows = np.flatnonzero(made.yardstick["dpi_carry"].eq("U"))
    target = np.arcsin(np.sqrt(made.truth.to_numpy()[rows]))
    folds = [np.flatnonzero(np.arange(len(rows)) % 4 == number) for number in range(4)]
    weights = made.table["households"].to_numpy(float)[rows]
    weights = weights / weights.mean()
    return features, rows, target, weights, folds


def test_held_out_is_what_a_fit_without_the_fold_says(parts):
    features, rows, target, weights, folds = parts
    whole = fit_kernel(features, rows, target, weights, folds, landmarks=60, seed=3)
    away = folds[2]
    keep = np.setdiff1d(np.arange(len(rows)), away)
    again = [np.flatnonzero(np.isin(keep, fold)) for fold in folds if not np.array_equal(fold, away)]
    alone = fit_kernel(features, rows[keep], target[keep], weights[keep], again, landmarks=60, seed=3)
    direct = alone.part.predict(features.frame.to_numpy(float)[rows[away]])
    np.testing.assert_allclose(whole.held_out[away], direct, atol=1e-7)


def test_poison_in_a_fold_leaves_its_own_predictions_to_the_last_bit(parts):
    features, rows, target, weights, folds = parts
    clean = fit_kernel(features, rows, target, weights, folds, landmarks=60, seed=3)
    poisoned = target.copy()
    poisoned[folds[1]] = 1e6
    dirty = fit_kernel(features, rows, poisoned, weights, folds, landmarks=60, seed=3)
    np.testing.assert_array_equal(clean.held_out[folds[1]], dirty.held_out[folds[1]])
    assert not np.allclose(clean.held_out[folds[0]], dirty.held_out[folds[0]])


def test_contributions_sum_to_the_distance_from_the_average_area(parts):
    features, rows, target, weights, folds = parts
    part = fit_kernel(features, rows, target, weights, folds, landmarks=60, seed=3).part
    values = features.frame.to_numpy(float)
    contributions = part.contributions(values, block=17)
    average = part.predict(np.nanmean(values, axis=0)[None, :])
    assert contributions.shape == (len(values), len(DRIVERS))
    np.testing.assert_allclose(contributions.sum(axis=1), part.predict(values) - average, atol=1e-9)


def test_contributions_are_the_shapley_values_of_all_coalitions(parts):
    features, rows, target, weights, folds = parts
    part = fit_kernel(features, rows, target, weights, folds, landmarks=60, seed=3).part
    values = features.frame.to_numpy(float)
    average = part.average
    used = sorted(set(part.groups.tolist()))
    expected = brute_force_shapley(part.predict, values[7], average, part.groups, used)
    np.testing.assert_allclose(part.contributions(values[7:8])[0], expected, atol=1e-9)


def test_a_null_counts_as_the_average(parts):
    features, rows, target, weights, folds = parts
    part = fit_kernel(features, rows, target, weights, folds, landmarks=60, seed=3).part
    values = features.frame.to_numpy(float)[:1].copy()
    column = features.names.index("iod2025_income_rate")
    values[0, column] = np.nan
    with_null = part.predict(values)
    values[0, column] = part.average[column]
    np.testing.assert_array_equal(with_null, part.predict(values))


def test_an_odd_area_is_cut_off_and_cannot_run_away(parts):
    features, rows, target, weights, folds = parts
    part = fit_kernel(features, rows, target, weights, folds, landmarks=60, seed=3).part
    values = np.nanmean(features.frame.to_numpy(float), axis=0)[None, :]
    far = values + 1e9
    for fitted in part.views:
        if fitted.view.kind != "plain":
            assert np.abs(fitted.view.apply(far)).max() <= kernel.CLIP
    assert np.isfinite(part.predict(far)).all()
