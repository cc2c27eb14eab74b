"""Reading roads: tags to speeds, an extract to a network, and extracts that cannot be used."""

import numpy as np
import osmium
import pyproj
import pytest
from osmium.osm import mutable

from exclusion.access.road_graph import RoadGraph
from exclusion.access.roads import CLASS_KMH, car_kmh, posted_kmh, read_roads, way_speeds
from exclusion.access.travel import Points
from exclusion.errors import SourceError

MPH = 1.609344


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("30 mph", 30 * MPH),
        ("30mph", 30 * MPH),
        ("50", 50.0),
        ("50 km/h", 50.0),
        ("national", 60 * MPH),
        ("GB:nsl_dual", 70 * MPH),
        ("40 mph;30 mph", 30 * MPH),
        ("signals", None),
        ("0", None),
        ("", None),
        (None, None),
    ],
)
def test_posted_speeds_are_read(text, kmh):
    assert posted_kmh(text) == (None if kmh is None else pytest.approx(kmh))


def test_a_car_makes_good_less_than_the_limit_and_little_more_than_the_class():
    assert car_kmh("residential", None) == CLASS_KMH["residential"]
    assert car_kmh("primary", "20 mph") == pytest.approx(20 * MPH * 0.85)
    assert car_kmh("unclassified", "60 mph") == pytest.approx(CLASS_KMH["unclassified"] * 1.25)
    assert car_kmh("footway", "30 mph") == 0


@pytest.mark.parametrize(
    ("tags", "forward", "backward", "walkable"),
    [
        ({"highway": "tertiary"}, True, True, True),
        ({"highway": "tertiary", "oneway": "yes"}, True, False, True),
        ({"highway": "tertiary", "oneway": "-1"}, False, True, True),
        ({"highway": "tertiary", "junction": "roundabout"}, True, False, True),
        ({"highway": "tertiary", "junction": "roundabout", "oneway": "no"}, True, True, True),
        ({"highway": "motorway"}, True, False, False),
        ({"highway": "footway"}, False, False, True),
        ({"highway": "track"}, False, False, True),
        ({"highway": "service", "access": "private"}, False, False, False),
        (
            {"highway": "service", "access": "private", "motor_vehicle": "yes", "foot": "yes"},
            True,
            True,
            True,
        ),
        ({"highway": "residential", "motor_vehicle": "no"}, False, False, True),
        ({"highway": "residential", "access": "destination"}, True, True, True),
        ({"highway": "residential", "foot": "no"}, True, True, False),
        ({"highway": "construction"}, False, False, False),
        ({"highway": "raceway"}, False, False, False),
    ],
)
def test_tags_say_who_may_go_where(tags, forward, backward, walkable):
    found = way_speeds(tags)
    assert (found[0] > 0, found[1] > 0, found[2]) == (forward, backward, walkable)


def test_no_home_opens_on_a_dual_carriageway():
    assert not way_speeds({"highway": "trunk", "oneway": "yes"})[3]
    assert way_speeds({"highway": "trunk"})[3]
    assert not way_speeds({"highway": "motorway"})[3]


def write_extract(path, nodes, ways):
    """Nodes as {id: (easting, northing)}, ways as (node ids, tags)."""
    to_degrees = pyproj.Transformer.from_crs(27700, 4326, always_xy=True)
    with osmium.SimpleWriter(str(path)) as writer:
        for number, (x, y) in nodes.items():
            longitude, latitude = to_degrees.transform(x, y)
            writer.add_node(mutable.Node(id=number, location=(longitude, latitude), version=1))
        for number, (refs, tags) in enumerate(ways, start=1):
            writer.add_way(mutable.Way(id=number, nodes=refs, tags=tags, version=1))
    return path


def test_an_extract_becomes_a_network_in_metres(tmp_path):
    """A kilometre of road with a bend, divided into stretches of at most 100 m; a repeated point and a lost one."""
    nodes = {
        1: (4e5, 3e5),
        2: (4e5 + 600, 3e5),
        3: (4e5 + 600, 3e5 - 400),
        4: (4e5 + 600, 3e5),
        6: (4e5, 3e5 + 90),
    }
    ways = [
        ([1, 2, 4, 3], {"highway": "tertiary", "maxspeed": "30 mph"}),
        ([6, 1, 99], {"highway": "footway"}),
        ([1, 3], {"highway": "proposed"}),
        ([1, 2, 3, 1], {"highway": "pedestrian", "area": "yes"}),
        ([1, 6], {"waterway": "stream"}),
    ]
    network = read_roads(write_extract(tmp_path / "made.osm.pbf", nodes, ways))
    assert network.length_m.sum() == pytest.approx(1_090, abs=0.5)
    assert network.length_m.max() <= 100.001
    assert len(network.start) == 11
    assert network.driveable_km == pytest.approx(1.0, abs=0.001)
    assert network.forward_kmh.max() == pytest.approx(30 * MPH * 0.85)
    assert network.notes == (
        "2 ways, 1 with a posted speed; class speeds elsewhere",
        "1 stretches without length were merged",
        "1 points of ways lie outside the extract",
    )
    ends = (Points(np.array([x]), np.array([y]), np.zeros(1, dtype=np.int8)) for x, y in (nodes[1], nodes[3]))
    minutes = RoadGraph(network).pairs(*ends, mode="drive", limit_min=9).minutes
    assert minutes[0] == pytest.approx(60 / (30 * MPH * 0.85), rel=0.002)


def test_the_same_extract_gives_the_same_network(tmp_path):
    nodes = {1: (4e5, 3e5), 2: (4e5 + 250, 3e5), 3: (4e5 + 600, 3e5 - 400)}
    path = write_extract(tmp_path / "made.osm.pbf", nodes, [([1, 2, 3], {"highway": "residential"})])
    first, second = read_roads(path), read_roads(path)
    for name in ("x_m", "y_m", "start", "end", "length_m", "forward_kmh"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


def test_extracts_that_cannot_be_used_are_one_clear_sentence(tmp_path):
    with pytest.raises(SourceError, match="no road extract at"):
        read_roads(tmp_path / "none.osm.pbf")
    (tmp_path / "text.osm.pbf").write_bytes(b"this is no extract of anything at all")
    with pytest.raises(SourceError, match=r"text\.osm\.pbf cannot be read"):
        read_roads(tmp_path / "text.osm.pbf")
    nodes = {1: (4e5, 3e5), 2: (4e5 + 250, 3e5)}
    rivers = write_extract(tmp_path / "rivers.osm.pbf", nodes, [([1, 2], {"waterway": "river"})])
    with pytest.raises(SourceError, match=r"rivers\.osm\.pbf holds no road"):
        read_roads(rivers)
    whole = write_extract(tmp_path / "whole.osm.pbf", nodes, [([1, 2], {"highway": "residential"})])
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(SourceError, match=r"cut\.osm\.pbf"):
        read_roads(cut)
    abroad = tmp_path / "abroad.osm.pbf"
    with osmium.SimpleWriter(str(abroad)) as writer:
        for number, place in enumerate([(13.0, 52.0), (13.01, 52.0)], start=1):
            writer.add_node(mutable.Node(id=number, location=place, version=1))
        writer.add_way(mutable.Way(id=1, nodes=[1, 2], tags={"highway": "residential"}, version=1))
    with pytest.raises(SourceError, match=r"abroad\.osm\.pbf reaches outside Great Britain"):
        read_roads(abroad)


def test_a_small_town_timed_by_hand(tmp_path):
    """One street out, a longer road back, a track, a private lane, and an island that only a ferry serves.

    A at 0 m, B 1 km east of it. A to B: a one-way street of 1 km at a posted 30 mph. B to A: an unclassified road of
    3 km, three sides of a square. The track and the private lane between A and B are 1 km straight.
    """
    x, y = 4e5, 3e5
    nodes = {
        1: (x, y), 2: (x + 1_000, y), 3: (x + 1_000, y + 1_000), 4: (x, y + 1_000),
        5: (x + 8_000, y), 6: (x + 8_500, y),
    }  # fmt: skip
    ways = [
        ([1, 2], {"highway": "tertiary", "oneway": "yes", "maxspeed": "30 mph"}),
        ([2, 3, 4, 1], {"highway": "unclassified"}),
        ([1, 2], {"highway": "track"}),
        ([1, 2], {"highway": "service", "access": "private"}),
        ([2, 5], {"route": "ferry", "motor_vehicle": "yes"}),
        ([5, 6], {"highway": "residential"}),
    ]
    network = read_roads(write_extract(tmp_path / "town.osm.pbf", nodes, ways))
    graph = RoadGraph(network)

    def minutes(start, end, mode):
        ends = (
            Points(np.array([nodes[at][0]]), np.array([nodes[at][1]]), np.zeros(1, dtype=np.int8))
            for at in (start, end)
        )
        found = graph.pairs(*ends, mode=mode, limit_min=60.0).minutes
        return float(found[0]) if len(found) else None

    assert minutes(1, 2, "drive") == pytest.approx(60 / (30 * MPH * 0.85), abs=0.011)
    assert minutes(2, 1, "drive") == pytest.approx(3 * 60 / CLASS_KMH["unclassified"], abs=0.011)
    # on foot the one-way street goes both ways
    assert minutes(1, 2, "walk") == minutes(2, 1, "walk") == pytest.approx(60 / 4.8, abs=0.011)
    # the island is out of reach, and its own people are not: nobody is carried over water
    assert minutes(1, 6, "drive") is None
    assert minutes(6, 2, "walk") is None
    assert minutes(5, 6, "drive") == pytest.approx(0.5 * 60 / CLASS_KMH["residential"], abs=0.011)
