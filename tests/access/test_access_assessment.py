"""The whole way: areas, people and venues to demand, travel and reach, with each engine."""

import json

import numpy as np
import pandas as pd
import pytest

from exclusion.access.assessment import assess_access
from exclusion.access.straight import StraightLine
from exclusion.access.tables import checked_demand, checked_reach, checked_travel
from exclusion.errors import ContractError, InputError
from exclusion.files import stable_json
from tests.access.test_access_roads import write_extract
from tests.access.worlds import LEFT, TOP, people_of, square_areas, venues_at, write_raster

HALLS = [(LEFT + 500, TOP - 500), (LEFT + 3_500, TOP - 3_500), (LEFT + 60_000, TOP)]


@pytest.fixture
def world(tmp_path):
    areas = square_areas()
    values = np.random.default_rng(11).integers(0, 60, (4, 4)).astype(np.int32)
    raster = write_raster(tmp_path / "people.tif", values, nodata=-9999)
    streets = {}
    for row in range(5):
        for column in range(5):
            streets[row * 5 + column + 1] = (LEFT + column * 1_000, TOP - row * 1_000)
    ways = [([row * 5 + column + 1 for column in range(5)], {"highway": "tertiary"}) for row in range(5)]
    ways += [([row * 5 + column + 1 for row in range(5)], {"highway": "residential"}) for column in range(5)]
    roads = write_extract(tmp_path / "roads.osm.pbf", streets, ways)
    return areas, people_of(areas, offline=[50.5, 10.0, 0.0, 99.9]), raster, roads


@pytest.mark.parametrize(
    ("engine", "with_roads", "name"),
    [
        ("auto", False, "straight line with circuity"),
        ("auto", True, "road graph"),
        ("friction", True, "friction surface"),
        ("friction", False, "friction surface"),
        ("straight", True, "straight line with circuity"),
    ],
)
def test_each_engine_gives_whole_tables(world, engine, with_roads, name):
    areas, people, raster, roads = world
    venues = venues_at(HALLS, is_existing=[True, False, True], hours=[20.0, np.nan, 40.0])
    result = assess_access(
        areas, people, venues, population=raster, roads=roads if with_roads else None, engine=engine
    )
    assert result.notes["engine"].startswith(name)
    assert (result.travel["engine"] == name).all()
    assert result.travel["lsoa21cd"].tolist() == areas["lsoa21cd"].tolist()
    assert result.travel["population_from"].eq("population raster").all()
    assert result.travel["nearest_venue_id"].eq("v0").all()
    assert (result.travel["help_car_min"] < result.travel["help_other_min"]).all()
    sums = result.demand.groupby("lsoa21cd")[["adults", "people_offline"]].sum()
    np.testing.assert_allclose(sums["people_offline"], people["people_offline"], atol=1e-8)
    assert result.reach.shape == (len(result.demand), 3)
    pairs = result.reach.to_frame(result.demand["demand_id"], result.venues["venue_id"])
    checked_reach(pairs, limit_min=30)
    assert set(pairs["venue_id"].unique()) == {"v0", "v1"}
    # The way to existing help is the way that the reach lists tell.
    dense = result.reach.matrix()[:, [0]].toarray().ravel()
    known = np.isfinite(result.help_times.minutes[:, 0]) & (dense > 0)
    assert known.any()
    np.testing.assert_allclose(result.help_times.minutes[known, 0], dense[known], atol=1e-5)
    assert json.loads(stable_json(result.notes))["limit_min"] == 60


def test_the_same_inputs_in_another_order_give_the_same_tables(world):
    areas, people, raster, roads = world
    venues = venues_at(HALLS)
    first = assess_access(areas, people, venues, population=raster, roads=roads)
    second = assess_access(
        areas.sample(frac=1, random_state=3),
        people.sample(frac=1, random_state=4),
        venues.sample(frac=1, random_state=5),
        population=raster,
        roads=roads,
    )
    pd.testing.assert_frame_equal(first.demand, second.demand)
    pd.testing.assert_frame_equal(first.travel, second.travel)
    np.testing.assert_array_equal(first.reach.minutes, second.reach.minutes)
    assert stable_json(first.notes) == stable_json(second.notes)


def test_no_help_at_all_is_access_zero_for_everybody():
    """AccessMod #219 reported 17% covered before any site was placed."""
    areas = square_areas()
    result = assess_access(areas, people_of(areas), venues_at(HALLS, is_existing=False))
    assert result.travel["help_min"].eq(60).all()
    assert result.travel["is_beyond_limit"].all()
    assert result.travel["people_offline_beyond_20_min"].eq(100).all()
    assert result.travel["offline_within_20_min_pct"].abs().max() < 1e-9
    assert result.travel["nearest_venue_id"].isna().all()
    assert result.travel["help_supply"].eq(0).all()
    assert result.notes["people_offline_beyond_limit"] == 400
    assert len(result.reach.minutes)


def test_no_venues_at_all_is_not_a_fault():
    areas = square_areas()
    result = assess_access(areas, people_of(areas), venues_at([]))
    assert result.reach.shape == (8, 0)
    assert result.travel["help_min"].eq(60).all()


def test_a_short_reach_still_counts_help_within_thirty_minutes():
    areas = square_areas()
    near, far = (
        assess_access(areas, people_of(areas), venues_at(HALLS), reach_limit_min=limit) for limit in (10, 30)
    )
    pd.testing.assert_frame_equal(near.travel, far.travel)
    assert near.reach.minutes.max() <= 10
    assert len(near.reach.minutes) < len(far.reach.minutes)


def test_an_engine_made_beforehand_is_used_as_it_is():
    areas = square_areas()
    from exclusion.access.modes import TravelAssumptions

    engine = StraightLine(TravelAssumptions(walk_kmh=3.0))
    result = assess_access(areas, people_of(areas), venues_at(HALLS), engine=engine)
    assert result.notes["assumptions"]["walk_kmh"] == 3.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engine": "teleport"}, "no travel engine 'teleport'"),
        ({"engine": "roads"}, "road engine needs a road extract"),
        ({"limit_min": 0}, "time limit is 0"),
    ],
)
def test_what_cannot_be_asked_is_said(change, words):
    areas = square_areas()
    with pytest.raises(InputError, match=words):
        assess_access(areas, people_of(areas), venues_at(HALLS), **change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v.drop(columns="hours_per_week"), "no column 'hours_per_week'"),
        (lambda v: v.assign(venue_id="v"), "holds v twice"),
        (lambda v: v.assign(is_existing=pd.array([True, None, False], dtype="boolean")), "v1 gives help now"),
        (lambda v: v.assign(x_m=[LEFT, np.nan, LEFT]), r"coordinates of v1"),
    ],
)
def test_a_venues_table_that_does_not_fit_is_named(change, words):
    areas = square_areas()
    with pytest.raises(ContractError, match=words):
        assess_access(areas, people_of(areas), change(venues_at(HALLS)))


def test_contracts_name_the_column_and_the_key():
    areas = square_areas()
    result = assess_access(areas, people_of(areas), venues_at(HALLS))
    broken = result.demand.copy()
    broken.loc[1, "people_offline"] = -1.0
    with pytest.raises(ContractError, match=r"demand table .* people_offline .* at E01000000-centroid-other"):
        checked_demand(broken)
    with pytest.raises(ContractError, match=r"travel table breaks its contract: help_min .* at E01000002"):
        checked_travel(result.travel.assign(help_min=[1.0, 2.0, 61.0, 3.0]), limit_min=60)
    with pytest.raises(ContractError, match=r"column_in_dataframe \(help_min\)"):
        checked_travel(result.travel.drop(columns="help_min"), limit_min=60)
    pairs = result.reach.to_frame(result.demand["demand_id"], result.venues["venue_id"])
    with pytest.raises(ContractError, match="twice"):
        checked_reach(pd.concat([pairs, pairs.iloc[:1]], ignore_index=True), limit_min=30)
