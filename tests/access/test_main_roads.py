"""Main roads of an extract, and which places it covers."""

import numpy as np
import pytest

from exclusion.access.main_roads import read_main_roads
from exclusion.errors import SourceError
from tests.access.test_access_roads import write_extract

NODES = {
    1: (4e5, 3e5), 2: (4e5 + 900, 3e5), 3: (4e5 + 1_800, 3e5 + 500), 4: (4e5, 3e5 + 700), 5: (4e5 + 300, 3e5 + 700),
    6: (4e5 + 600, 3e5 + 700), 7: (4e5 + 900, 3e5 + 700),
}  # fmt: skip


def test_main_roads_are_joined_and_others_left_out(tmp_path):
    ways = [
        ([1, 2], {"highway": "primary"}),
        ([2, 3], {"highway": "trunk"}),
        ([4, 5, 99, 6, 7], {"highway": "motorway"}),
        ([3, 4], {"highway": "motorway_link"}),
        ([1, 4], {"highway": "residential"}),
    ]
    found = read_main_roads(write_extract(tmp_path / "made.osm.pbf", NODES, ways))
    assert found.lines.crs.to_epsg() == 27700
    spots = sorted(np.round(line.coords).tolist() for line in found.lines)
    assert spots == [
        [[4e5, 3e5], [4e5 + 900, 3e5], [4e5 + 1_800, 3e5 + 500]],
        # The motorway has a point outside the extract: nobody knows how it runs there.
        [[4e5, 3e5 + 700], [4e5 + 300, 3e5 + 700]],
        [[4e5 + 600, 3e5 + 700], [4e5 + 900, 3e5 + 700]],
    ]


def test_an_extract_covers_where_it_has_roads_of_any_class(tmp_path):
    ways = [([1, 4], {"highway": "residential"})]
    found = read_main_roads(write_extract(tmp_path / "lanes.osm.pbf", NODES, ways))
    assert found.lines.empty
    assert found.is_covering([4e5 + 1_000, 4e5 - 1_000], [3e5, 3e5])
    assert not found.is_covering([4e5 + 60_000], [3e5])
    assert not found.is_covering([], [])
    # One in ten may lie aside, a half may not.
    assert found.is_covering([4e5] * 9 + [5e5], [3e5] * 10)
    assert not found.is_covering([4e5, 5e5], [3e5, 3e5])


def test_what_is_no_extract_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(SourceError, match=r"no road extract at .*gone\.osm\.pbf"):
        read_main_roads(tmp_path / "gone.osm.pbf")
    (tmp_path / "cut.osm.pbf").write_bytes(b"not an extract")
    with pytest.raises(SourceError, match=r"cut\.osm\.pbf cannot be read"):
        read_main_roads(tmp_path / "cut.osm.pbf")
    with pytest.raises(SourceError, match="reaches outside Great Britain"):
        read_main_roads(_elsewhere(tmp_path / "elsewhere.osm.pbf"))


def _elsewhere(path):
    import osmium
    from osmium.osm import mutable

    with osmium.SimpleWriter(str(path)) as writer:
        writer.add_node(mutable.Node(id=1, location=(150.0, -33.0), version=1))
        writer.add_node(mutable.Node(id=2, location=(150.1, -33.0), version=1))
        writer.add_way(mutable.Way(id=1, nodes=[1, 2], tags={"highway": "primary"}, version=1))
    return path


@pytest.mark.real
def test_rutland_is_covered_by_its_extract_and_northumberland_is_not(real):
    found = read_main_roads(real / "roads" / "rutland-latest.osm.pbf")
    assert 100_000 < found.lines.length.sum() < 140_000
    assert found.is_covering([486_000, 490_000], [309_000, 300_000])
    assert not found.is_covering([420_000], [580_000])
