"""What stands round a page's areas: names, main roads where an extract covers them, councils round about."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely

from exclusion.access.main_roads import MainRoads, read_main_roads
from exclusion.errors import ContractError
from exclusion.publish.map.content import Context
from exclusion.publish.map.page import build_page
from exclusion.publish.map.surroundings import NEIGHBOUR_SIZE, Surroundings, surrounding_councils
from tests.access.test_access_roads import write_extract
from tests.publish.map_made import made_areas, made_content

AREAS = made_areas().assign(msoa_hcl_nm="Fell End").replace({"lad_nm": {"Fellshire": "Fell"}})
HERE = AREAS[AREAS["lad_nm"] == "Marrick"].set_index("lsoa21cd")


def roads_over(areas: gpd.GeoDataFrame, tmp_path, *, step_m: float = 500.0) -> MainRoads:
    """A wandering primary road across the areas and lanes everywhere on them."""
    west, south, east, north = areas.total_bounds
    x = np.arange(west - 9_000, east + 9_000, step_m)
    y = (south + north) / 2 + 400 * np.sin(x / 700)
    nodes = {at + 1: (float(px), float(py)) for at, (px, py) in enumerate(zip(x, y, strict=True))}
    ways = [(list(nodes), {"highway": "primary"})]
    for px in np.arange(west, east + 1_000, 1_000):
        for py in np.arange(south, north + 1_000, 1_000):
            first = len(nodes) + 1
            nodes |= {first: (px, py), first + 1: (px + 100, py)}
            ways.append(([first, first + 1], {"highway": "residential"}))
    return read_main_roads(write_extract(tmp_path / "made.osm.pbf", nodes, ways))


def test_councils_round_about_are_drawn_and_named_but_not_along_the_pages_own_edge():
    councils = surrounding_councils(AREAS, HERE)
    assert list(councils["lad_nm"]) == ["Fell", "Marrick"]
    context = Surroundings(councils).context_of(HERE)
    names = context.place_names.set_index("name")
    assert names.loc["Fell", "size"] == NEIGHBOUR_SIZE
    assert "Marrick" not in names.index
    assert names.loc["Fell End", "size"] < NEIGHBOUR_SIZE
    at = shapely.Point(names.loc["Fell", ["x_m", "y_m"]].astype(float))
    assert AREAS[AREAS["lad_nm"] == "Fell"].union_all().contains(at)
    own = HERE.union_all().boundary
    lines = context.outlines.union_all()
    other = AREAS[AREAS["lad_nm"] == "Fell"].union_all().boundary
    assert lines.length > other.length / 4
    assert lines.distance(own) > 100
    assert shapely.hausdorff_distance(lines, other.intersection(lines.buffer(300))) < 300


def test_a_council_without_room_for_its_name_is_not_named():
    long = AREAS.replace({"lad_nm": {"Fell": "Fell with a name longer than the strip of it that is seen"}})
    names = Surroundings(surrounding_councils(long, HERE)).context_of(HERE).place_names
    assert not names["size"].eq(NEIGHBOUR_SIZE).any()


def test_neighbours_still_meet_where_they_are_thinned():
    councils = surrounding_councils(AREAS, AREAS).geometry
    assert shapely.coverage_is_valid(councils.to_numpy()).all()
    assert councils.area.sum() == pytest.approx(AREAS.area.sum(), rel=0.01)


def test_a_whole_nation_has_nothing_round_it():
    context = Surroundings(surrounding_councils(AREAS, AREAS)).context_of(AREAS.set_index("lsoa21cd"))
    assert context.outlines is None
    assert context.roads is None


def test_areas_in_another_grid_are_refused():
    with pytest.raises(ContractError, match="EPSG:27700"):
        surrounding_councils(AREAS.to_crs(4326), HERE)


def test_roads_are_cut_to_the_page_and_left_out_where_the_extract_covers_a_part_only(tmp_path):
    roads = roads_over(HERE, tmp_path)
    drawn = Surroundings(roads=roads).context_of(HERE).roads
    assert drawn is not None
    west, _, east, _ = HERE.total_bounds
    assert drawn.total_bounds[0] > west - 9_000
    assert drawn.total_bounds[2] > east
    assert drawn.crs.to_epsg() == 27700
    assert Surroundings(roads=roads).context_of(AREAS.set_index("lsoa21cd")).roads is None
    lanes = replace(roads, lines=roads.lines.iloc[:0])
    assert Surroundings(roads=lanes).context_of(HERE).roads is None


def test_many_roads_are_thinned_until_they_fit_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr("exclusion.publish.map.surroundings._ROAD_VERTICES", 12)
    roads = roads_over(HERE, tmp_path, step_m=60.0)
    drawn = Surroundings(roads=roads).context_of(HERE).roads
    assert 2 <= len(shapely.get_coordinates(drawn.to_numpy())) <= 12


def test_roads_have_a_switch_only_where_there_are_roads(tmp_path):
    content = made_content(context=Context())
    assert 'id="layer-roads"' not in build_page(content).decode()
    with_roads = replace(content, context=Context(roads=roads_over(HERE, tmp_path).lines))
    assert '<input type="checkbox" id="layer-roads" checked>' in build_page(with_roads).decode()
