"""People offline drawn: sums with honest intervals, and errors shared inside a council."""

import numpy as np
import pandas as pd
import pytest

from exclusion.errors import InputError
from exclusion.index.people_draws import draw_people, shared_error

REACH = 1.6448536269514722


def people(n=400, half=REACH * 5.0):
    index = pd.Index([f"E{i:08d}" for i in range(n)], name="lsoa21cd")
    middle = np.linspace(50, 150, n)
    return pd.DataFrame(
        {
            "people_offline": middle,
            "people_offline_low": middle - half,
            "people_offline_high": middle + half,
            "adults": 1000.0,
        },
        index=index,
    )


def councils(table, count=4):
    return pd.Series([f"C{i * count // len(table)}" for i in range(len(table))], index=table.index)


@pytest.mark.parametrize(("shared", "sd"), [(0.0, 5 * np.sqrt(100)), (1.0, 5 * 100), (0.25, None)])
def test_the_interval_of_a_sum_is_the_one_of_normal_errors(shared, sd):
    table = people()
    mine = councils(table)
    found = draw_people(table, mine, {"council": mine}, shared=shared, draws=4000).groups["council"]
    if sd is None:
        sd = 5 * np.sqrt(100 + 0.25 * 100 * 99)
    half = (found["people_offline_high"] - found["people_offline_low"]) / 2
    np.testing.assert_allclose(half, REACH * sd, rtol=0.06)
    np.testing.assert_allclose(found["people_offline"], table.groupby(mine)["people_offline"].sum())
    # The sum of lows would be as wide as fully shared errors, whatever the truth.
    assert (half <= REACH * 5 * 100 * 1.06).all()


@pytest.mark.parametrize("truth", [0.0, 0.3, 0.8])
def test_the_shared_part_of_errors_is_found(truth):
    rng = np.random.default_rng(1)
    council = np.repeat(np.arange(200), 30)
    errors = np.sqrt(truth) * rng.normal(size=200)[council] + np.sqrt(1 - truth) * rng.normal(size=6000)
    errors[::50] = np.nan
    assert shared_error(errors, council) == pytest.approx(truth, abs=0.06)
    assert shared_error(errors[:60], council[:60]) == 0.0


def test_chances_follow_the_numbers_and_nulls_stay_null():
    table = people()
    table.iloc[5] = np.nan
    mine = councils(table)
    mine.iloc[7] = None
    found = draw_people(table, mine, {"council": mine}, shared=0.2)
    chance = found.areas["people_chance_top_tenth_pct"].to_numpy()
    assert np.isnan(chance[5])
    assert np.nansum(chance) == pytest.approx(100 * 39)
    assert chance[-1] > 95
    assert chance[0] == 0
    again = draw_people(table, mine, {"council": mine}, shared=0.2)
    pd.testing.assert_frame_equal(found.areas, again.areas)


def test_sums_of_uneven_intervals_lie_around_the_sum_of_the_estimates():
    index = pd.Index([f"E{i:08d}" for i in range(400)], name="lsoa21cd")
    people = pd.DataFrame(
        {
            "people_offline": 100.0,
            "people_offline_low": 80.0,
            "people_offline_high": 160.0,
            "adults": 1_000.0,
        },
        index=index,
    )
    one = pd.Series("x", index=index)
    found = draw_people(people, one, {"place": one}, shared=0.0, draws=2_000).groups["place"].iloc[0]
    half = (found["people_offline_high"] - found["people_offline_low"]) / 2
    assert abs((found["people_offline_low"] + found["people_offline_high"]) / 2 - 40_000) < 0.1 * half


def test_people_stay_between_none_and_all():
    table = people(half=300.0).assign(adults=160.0)
    mine = councils(table)
    found = draw_people(table, mine, {"one": pd.Series("all", index=table.index)}, shared=1.0).groups["one"]
    assert found.loc[0, "people_offline_high"] <= 160 * 400
    assert found.loc[0, "people_offline_low"] >= 0
    with pytest.raises(InputError, match="other areas"):
        draw_people(table, mine.iloc[1:], {}, shared=0.0)
