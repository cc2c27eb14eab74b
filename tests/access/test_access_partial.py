"""Roads where they reach, straight lines elsewhere: every pair falls to one engine, and the ladder says each step."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.access.assessment import assess_access
from exclusion.access.partial import PartialRoads, RoadExtent
from exclusion.access.road_graph import RoadGraph
from exclusion.access.roads import RoadNetwork
from exclusion.access.straight import StraightLine
from exclusion.access.travel import Points
from exclusion.errors import InputError, SourceError
from tests.access.test_access_roads import write_extract
from tests.access.worlds import LEFT, TOP, people_of, square_areas, venues_at


def grid_network(side=4, step_m=500.0):
    """A square of two-way lanes with its lower left corner at (LEFT, TOP)."""
    number = np.arange(side * side).reshape(side, side)
    start = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    end = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    rows, columns = np.divmod(np.arange(side * side), side)
    every = np.ones(len(start), dtype=bool)
    return RoadNetwork(
        x_m=LEFT + columns * step_m,
        y_m=TOP + rows * step_m,
        start=start,
        end=end,
        length_m=np.full(len(start), step_m),
        forward_kmh=np.full(len(start), 40.0),
        backward_kmh=np.full(len(start), 40.0),
        is_walkable=every,
        has_doors=every,
    )


def points_near(generator, count):
    """Points on the lanes, near them, and many kilometres away."""
    spread = generator.choice([300.0, 2_000.0, 9_000.0], count)
    return Points(
        LEFT + 750 + generator.uniform(-1, 1, count) * spread,
        TOP + 750 + generator.uniform(-1, 1, count) * spread,
        generator.integers(0, 6, count).astype(np.int8),
    )


NETWORK = grid_network()
ROADS, EXTENT = RoadGraph(NETWORK), RoadExtent(NETWORK)
PARTIAL = PartialRoads(ROADS, StraightLine(), EXTENT)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["drive", "walk"]))
def test_each_pair_is_measured_by_road_where_both_ends_are_on_the_extract_else_straight(seed, mode):
    generator = np.random.default_rng(seed)
    homes, venues = points_near(generator, 12), points_near(generator, 5)
    by_road = ROADS.pairs(on(homes), venues, mode=mode, limit_min=60) if EXTENT.holds(homes).any() else None
    straight = StraightLine().pairs(homes, venues, mode=mode, limit_min=60).matrix().toarray()
    expected = straight.copy()
    is_home, is_venue = EXTENT.holds(homes), EXTENT.holds(venues)
    if by_road is not None:
        block = by_road.matrix().toarray()
        expected[np.ix_(is_home, is_venue)] = block[:, is_venue]
    found = PARTIAL.pairs(homes, venues, mode=mode, limit_min=60)
    np.testing.assert_array_equal(found.matrix().toarray(), expected)
    assert (np.diff(found.indices)[np.diff(found.rows()) == 0] > 0).all()
    reached = np.where(expected > 0, expected, np.inf)
    minutes, position = PARTIAL.nearest(homes, venues, mode=mode, limit_min=60, count=2)
    np.testing.assert_array_equal(minutes, np.sort(reached, axis=1)[:, :2])
    known = position >= 0
    np.testing.assert_array_equal(reached[np.nonzero(known)[0], position[known]], minutes[known])
    np.testing.assert_allclose(
        np.minimum(PARTIAL.minutes_to_nearest(homes, venues, mode=mode), 61), np.minimum(minutes[:, 0], 61)
    )


def on(points):
    holds = EXTENT.holds(points)
    return Points(points.x_m[holds], points.y_m[holds], points.rural[holds])


def test_engines_on_different_assumptions_are_not_mixed():
    from exclusion.access.modes import TravelAssumptions

    with pytest.raises(InputError, match="same travel assumptions"):
        PartialRoads(ROADS, StraightLine(TravelAssumptions(walk_kmh=3.0)), EXTENT)


@pytest.fixture
def town(tmp_path):
    """An extract of lanes over the areas at (LEFT, TOP); other areas lie 40 km east of it."""
    nodes = {
        row * 5 + column + 1: (LEFT + column * 1_000, TOP - row * 1_000)
        for row in range(5)
        for column in range(5)
    }
    ways = [([row * 5 + column + 1 for column in range(5)], {"highway": "tertiary"}) for row in range(5)]
    ways += [([row * 5 + column + 1 for row in range(5)], {"highway": "tertiary"}) for column in range(5)]
    roads = write_extract(tmp_path / "town-latest.osm.pbf", nodes, ways)
    here = square_areas()
    there = here.assign(
        lsoa21cd=[f"E01001{number:03d}" for number in range(4)],
        x_m=here["x_m"] + 40_000,
        geometry=here.translate(40_000),
    )
    return roads, here, pd.concat([here, there], ignore_index=True)


VENUES = venues_at([(LEFT + 500, TOP - 500), (LEFT + 41_000, TOP - 500)])


def test_an_extract_that_covers_the_place_is_used_and_said(town):
    roads, here, _both = town
    found = assess_access(here, people_of(here), VENUES, roads=roads)
    assert found.travel["engine"].eq("road graph").all()
    assert found.notes["remarks"] == []
    assert found.notes["roads"]["people_on_roads_pct"] == 100
    assert (
        "by road graph from town-latest.osm.pbf: 100.0% of people offline live within 1 km"
        in found.notes["measured"]
    )
    assert found.notes["placement"]["venues_beyond_extract"] == 1


def test_an_extract_of_half_the_place_is_stepped_over_aloud_or_refused_by_name(town):
    roads, _here, both = town
    found = assess_access(both, people_of(both), VENUES, roads=roads)
    assert found.travel["engine"].eq("straight line with circuity").all()
    (said,) = found.notes["remarks"]
    assert said.startswith(
        "Within 1 km of a road in town-latest.osm.pbf live only 50% of the people, so it was not used"
    )
    for engine in ("roads", "friction"):
        with pytest.raises(SourceError, match=r"only 50% of the people: it does not cover this place"):
            assess_access(both, people_of(both), VENUES, roads=roads, engine=engine)


def test_no_extract_is_said(town):
    _roads, here, _both = town
    assert (
        "No road extract of this place was at hand"
        in assess_access(here, people_of(here), VENUES).notes["remarks"][0]
    )
    assert assess_access(here, people_of(here), VENUES, engine="straight").notes["remarks"] == []


@pytest.mark.parametrize(("engine", "name"), [("auto", "road graph"), ("friction", "friction surface")])
def test_over_many_places_each_home_goes_by_the_roads_that_it_has(town, engine, name):
    roads, here, both = town
    found = assess_access(both, people_of(both), VENUES, roads=roads, engine=engine, is_whole=False)
    by = found.travel.set_index("lsoa21cd")["engine"]
    assert by.loc[here["lsoa21cd"]].eq(name).all()
    assert by.drop(here["lsoa21cd"]).eq("straight line with circuity").all()
    # What is measured of the town does not depend on the areas measured beside it.
    alone = assess_access(here, people_of(here), VENUES, roads=roads, engine=engine)
    pd.testing.assert_frame_equal(
        found.travel[found.travel["engine"] == name].reset_index(drop=True), alone.travel
    )
