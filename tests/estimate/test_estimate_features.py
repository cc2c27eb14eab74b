"""Features: what they are made of, what they may not be made of, and neighbours against a slow oracle."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import ContractError
from exclusion.estimate.features import DRIVERS, build_features
from exclusion.estimate.neighbours import neighbour_means


def test_every_feature_has_a_driver_a_direction_and_varies(made):
    features = build_features(made.table)
    assert len(features.drivers) == len(features.directions) == len(features.names) == features.frame.shape[1]
    assert set(features.drivers) <= set(DRIVERS)
    assert (features.frame.max() > features.frame.min()).all()
    assert features.directions[features.names.index("ts045_no_cars_or_vans_in_household")] == 1
    assert features.directions[features.names.index("ts011_household_is_not_deprived_in_any_dimension")] == -1


def test_shares_are_of_their_own_table(made):
    features = build_features(made.table)
    expected = made.table["ts045_no_cars_or_vans_in_household"] / made.table["ts045_total"]
    pd.testing.assert_series_equal(
        features.frame["ts045_no_cars_or_vans_in_household"], expected, check_names=False
    )


def test_a_null_stays_null_and_is_never_filled(made):
    features = build_features(made.table)
    was_null = made.table["iod2025_income_rate"].isna()
    assert was_null.any()
    assert features.frame.loc[was_null, "iod2025_income_rate"].isna().all()
    assert features.frame.loc[~was_null, "iod2025_income_rate"].notna().all()


def test_what_is_absent_is_said(made):
    features = build_features(made.table)
    assert "single years of age, mid-2020" in features.absent
    assert "Indices of Deprivation 2025 (England)" not in features.absent


def test_a_table_supplied_later_is_used(made):
    extra = made.table.assign(ts003_total=made.table["households"], ts003_one_person_household=100)
    names = build_features(extra.assign(ts003_one_person_household=range(len(extra)))).names
    assert "ts003_one_person_household" in names


def test_columns_of_the_yardstick_are_not_read(made):
    plain = build_features(made.table)
    mixed = build_features(made.table.join(made.yardstick))
    pd.testing.assert_frame_equal(plain.frame, mixed.frame)


@pytest.mark.parametrize("column", ["lad_cd", "households", "age_85plus", "x_m"])
def test_a_missing_column_is_named(made, column):
    with pytest.raises(ContractError, match=column):
        build_features(made.table.drop(columns=column))


def test_a_null_key_and_an_empty_area_are_named(made):
    table = made.table.copy()
    table.loc["E01000003", "lad_cd"] = None
    with pytest.raises(ContractError, match=r"lad_cd is null in E01000003"):
        build_features(table)
    table = made.table.copy()
    table.loc["E01000004", "households"] = 0
    with pytest.raises(ContractError, match=r"households is not above zero in E01000004"):
        build_features(table)
    with pytest.raises(ContractError, match="twice"):
        build_features(pd.concat([made.table, made.table.iloc[:1]]))


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000), count=st.integers(2, 40), with_null=st.booleans(), on_one_spot=st.booleans()
)
def test_neighbour_means_agree_with_a_slow_count(seed, count, with_null, on_one_spot):
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 1000, (count, 2))
    weights = rng.uniform(1, 9, count)
    values = rng.normal(size=count)
    if with_null:
        values[rng.integers(count)] = np.nan
    if on_one_spot:
        # Twins in all but name: which of them is taken as the nearer one cannot matter, only that no area takes itself.
        points[0], weights[0], values[0] = points[1], weights[1], values[1]
    means = neighbour_means(pd.DataFrame({"a": values}), points, weights)[8]["near8_a"].to_numpy()
    for area in range(count):
        distances = np.hypot(*(points - points[area]).T)
        distances[area] = np.inf
        nearest = np.argsort(distances, kind="stable")[: min(8, count - 1)]
        known = nearest[np.isfinite(values[nearest])]
        expected = np.average(values[known], weights=weights[known]) if known.size else np.nan
        np.testing.assert_allclose(means[area], expected, rtol=1e-9)
