"""What times mean for people: quantiles, catchments, and a travel table that drops nobody."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.access.measures import (
    CATCHMENT_ZONES,
    HelpTimes,
    floating_catchment,
    supply_of,
    travel_table,
    venues_within,
    weighted_quantile,
)
from exclusion.access.reach import Reach, reach_from_frame
from exclusion.errors import ContractError, InputError
from tests.access.worlds import venues_at


def reach_of_dense(dense, limit=30.0):
    rows, columns = np.nonzero(np.isfinite(dense))
    pairs = pd.DataFrame({"demand_id": rows, "venue_id": columns, "minutes": dense[rows, columns]})
    return reach_from_frame(pairs, np.arange(dense.shape[0]), np.arange(dense.shape[1]), limit_min=limit)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))
def test_weighted_quantiles_equal_repeating_each_value(seed, quantile):
    generator = np.random.default_rng(seed)
    value = generator.integers(0, 9, 12).astype(float)
    value[generator.random(12) < 0.2] = np.inf
    weight = generator.integers(0, 4, 12).astype(float)
    group = generator.integers(0, 3, 12)
    found = weighted_quantile(value, weight, group, 4, quantile)
    for number in range(4):
        mine = group == number
        repeated = np.sort(np.repeat(value[mine], weight[mine].astype(int)))
        if not len(repeated):
            assert np.isnan(found[number])
        else:
            assert found[number] == repeated[max(int(np.ceil(quantile * len(repeated) - 1e-9)) - 1, 0)]
    with pytest.raises(InputError, match="quantile"):
        weighted_quantile(value, weight, group, 4, 1.5)


def test_floating_catchment_equals_a_case_worked_by_hand():
    """Three places, two venues, weights 1, 0.68 and 0.22.

    Venue 0 (20 h): 100 people at 5 min, 50 at 15 -> 100 + 34 = 134. Venue 1 (10 h): 50 people at 10 (first zone,
    inclusive), 30 at 30 (last zone, inclusive) -> 50 + 6.6 = 56.6.
    """
    dense = np.array([[5.0, np.inf], [15.0, 10.0], [np.inf, 30.0]])
    score = floating_catchment(reach_of_dense(dense), np.array([100.0, 50.0, 30.0]), np.array([20.0, 10.0]))
    first, second = 20 / 134, 10 / 56.6
    np.testing.assert_allclose(score, [first, 0.68 * first + second, 0.22 * second])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_catchments_hand_out_exactly_what_there_is(seed):
    """The identity of the method: sum of people times score is the supply of venues that anybody reaches."""
    generator = np.random.default_rng(seed)
    dense = generator.uniform(0, 40, (9, 4))
    dense[dense > 30] = np.inf
    people, supply = generator.integers(0, 50, 9).astype(float), generator.uniform(1, 60, 4)
    score = floating_catchment(reach_of_dense(dense), people, supply)
    wanted = supply[(np.isfinite(dense) & (people[:, None] > 0)).any(axis=0)].sum()
    assert (people * score).sum() == pytest.approx(wanted)
    assert (score[~np.isfinite(dense).any(axis=1)] == 0).all()


def test_catchments_refuse_what_does_not_fit():
    reach = reach_of_dense(np.array([[5.0]]))
    with pytest.raises(InputError, match="ascend"):
        floating_catchment(reach, np.ones(1), np.ones(1), zones=((20, 1), (10, 0.5)))
    with pytest.raises(ContractError, match="do not fit"):
        floating_catchment(reach, np.ones(2), np.ones(1))
    with pytest.raises(ContractError, match="cannot answer for 30"):
        floating_catchment(reach_of_dense(np.array([[5.0]]), limit=20), np.ones(1), np.ones(1))
    assert CATCHMENT_ZONES[-1][0] == 30


def test_unknown_hours_take_the_median_and_say_so():
    filled, note = supply_of([10.0, np.nan, 30.0])
    assert filled.tolist() == [10, 20, 30]
    assert note == "weekly opening hours, known for 2 of 3 venues, the median elsewhere"
    assert supply_of([np.nan, np.nan])[0].tolist() == [1, 1]
    with pytest.raises(ContractError, match="negative"):
        supply_of([-1.0])


def test_venues_are_counted_inclusively_and_none_is_zero():
    reach = reach_of_dense(np.array([[15.0, 15.01, 3.0], [np.inf, np.inf, np.inf]]))
    assert venues_within(reach, 15).tolist() == [2, 0]
    assert venues_within(reach, 30).tolist() == [3, 0]


def made_table(minutes, second, people, *, has_car=None, area=None, limit=60.0):
    n_rows = len(minutes)
    has_car = np.tile([True, False], n_rows // 2) if has_car is None else np.asarray(has_car)
    place = np.arange(n_rows) // 2
    demand = pd.DataFrame(
        {
            "demand_id": [
                f"p{p}{'-car' if car else '-other'}" for p, car in zip(place, has_car, strict=True)
            ],
            "lsoa21cd": ["E01000000"] * n_rows if area is None else area,
            "x_m": 4e5,
            "y_m": 3e5,
            "adults": 10.0,
            "people_offline": np.asarray(people, dtype=float),
            "has_car": has_car,
            "place_from": "made",
        }
    )
    minutes, second = np.asarray(minutes, dtype=float), np.asarray(second, dtype=float)
    position = np.stack([np.where(np.isfinite(minutes), 0, -1), np.where(np.isfinite(second), 1, -1)], axis=1)
    dense = np.stack([minutes, second], axis=1)
    dense[dense > 30] = np.inf
    times = HelpTimes(np.stack([minutes, second], axis=1), position, reach_of_dense(dense), limit)
    venues = venues_at([(4e5, 3e5), (4.1e5, 3e5)])
    return travel_table(demand, venues, times, measured_by="made").set_index("lsoa21cd")


def test_the_blend_weighs_both_kinds_of_traveller():
    """80 with a car at 10 minutes, 20 without at 40: 0.8 * 10 + 0.2 * 40 = 16."""
    row = made_table([10, 40], [20, 50], [80, 20]).iloc[0]
    assert row["help_min"] == pytest.approx(16)
    assert (row["help_car_min"], row["help_other_min"]) == (10, 40)
    assert row["second_help_min"] == pytest.approx(26)
    assert (row["help_min_p50"], row["help_min_p90"]) == (10, 40)
    assert row["people_offline_beyond_20_min"] == 20
    assert row["offline_within_20_min_pct"] == pytest.approx(80)
    assert row["venues_within_15_min"] == pytest.approx(0.8)
    assert not row["is_beyond_limit"]


def test_people_out_of_reach_are_counted_and_never_dropped():
    """The peer's fault: out-of-reach rows as NaN leave a mean of 5. Here they count as the limit, and as zero access."""
    row = made_table([5, np.inf], [np.inf, np.inf], [50, 50]).iloc[0]
    assert row["help_min"] == pytest.approx((5 + 60) / 2)
    assert row["help_other_min"] == 60
    assert row["people_offline_beyond_limit"] == 50
    assert row["people_offline_beyond_20_min"] == 50
    assert row["venues_within_30_min"] == pytest.approx(0.5)
    assert row["is_beyond_limit"]
    nobody = made_table([np.inf, np.inf], [np.inf, np.inf], [50, 50]).iloc[0]
    assert (nobody["help_min"], nobody["help_supply"]) == (60, 0)
    assert nobody["nearest_venue_id"] is None
    assert nobody["is_beyond_limit"]


def test_exactly_twenty_minutes_is_within_twenty():
    row = made_table([20, 20.01], [30, 30], [1, 1]).iloc[0]
    assert row["people_offline_beyond_20_min"] == 1


def test_an_area_without_people_offline_still_has_a_time():
    table = made_table([10, 30, 5, 5], [40] * 4, [0, 0, 3, 1], area=["E01000000"] * 2 + ["E01000001"] * 2)
    assert table.loc["E01000000", "help_min"] == pytest.approx(20)
    assert table.loc["E01000000", "people_offline_beyond_20_min"] == 0
    assert table.notna().to_numpy()[:, :12].all()


def test_an_area_where_all_have_a_car_still_has_a_time_without_one():
    row = made_table([10, 45], [60, 60], [70, 0]).iloc[0]
    assert (row["help_min"], row["help_other_min"]) == (10, 45)


def test_a_time_on_a_zones_edge_in_single_precision_takes_the_inner_zone():
    reach = reach_of_dense(np.array([[20.0], [5.0]]))
    assert isinstance(reach, Reach)
    assert reach.minutes.dtype == np.float32
    np.testing.assert_allclose(floating_catchment(reach, np.ones(2), np.ones(1)), [0.68 / 1.68, 1 / 1.68])
