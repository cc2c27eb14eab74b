"""Roads and surfaces on the way from a job to an edition: what is asked for, what is refused, what is written."""

import hashlib

import numpy as np
import pytest
import rasterio

from exclusion.access.assessment import assess_access
from exclusion.errors import ExclusionError
from exclusion.job import Job
from exclusion.plan import settle
from exclusion.stages.surfaces import write_surfaces
from tests.access.test_access_roads import write_extract
from tests.access.worlds import LEFT, TOP, people_of, square_areas, venues_at, write_raster

LANES = {number + 1: (LEFT + number * 1_000, TOP) for number in range(5)}
GOOD = [([1, 2, 3, 4, 5], {"highway": "tertiary"})]


def roads_of(job):
    """Settle on the road extract alone, offline."""
    return settle(job.model_copy(update={"is_offline": True}), only=("roads_osm",))


@pytest.mark.parametrize("where", ["given", "inbox by name", "inbox by code"])
def test_a_road_extract_is_taken_as_a_source_with_hash_and_licence(tmp_path, where):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    path = write_extract((tmp_path if where == "given" else inbox) / "rutland-latest.osm.pbf", LANES, GOOD)
    place = "E06000017" if where == "inbox by code" else "Rutland"
    job = Job(home=tmp_path, places=(place,), inbox=inbox, roads=path if where == "given" else None)
    snapshot = roads_of(job).get("roads_osm")
    assert snapshot is not None
    assert snapshot.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert snapshot.licence == "ODbL-1.0"
    assert snapshot.how == "supplied_by_hand"


@pytest.mark.parametrize(
    "places", [("England and Wales",), ("england & wales",), ("Wales",), ("England", "Wales")]
)
def test_nations_take_the_one_extract_of_the_inbox_however_they_are_named(tmp_path, places):
    write_extract(tmp_path / "rutland-latest.osm.pbf", LANES, GOOD)
    assert roads_of(Job(home=tmp_path, places=places, inbox=tmp_path)).get("roads_osm") is not None


def test_another_countys_extract_is_not_taken_and_the_gap_is_reported(tmp_path):
    write_extract(tmp_path / "rutland-latest.osm.pbf", LANES, GOOD)
    report = roads_of(Job(home=tmp_path, places=("Northumberland",), inbox=tmp_path))
    assert report.get("roads_osm") is None
    assert "northumberland-*.osm.pbf" in str(report.missing[0])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is empty"),
        (b"<!doctype html><html>not found</html>", "is a web page, not data"),
        (b"PK\x03\x04 a zip", "does not begin as a pbf file does"),
        ("cut short", "is not a whole OpenStreetMap extract"),
        ("no road", "it holds no road"),
    ],
)
@pytest.mark.parametrize("is_given", [True, False])
def test_a_bad_extract_is_one_clear_sentence(tmp_path, body, words, is_given):
    path = tmp_path / "rutland-latest.osm.pbf"
    if body == "cut short":
        # Enough ways that the file ends within a block.
        whole = write_extract(path, LANES, GOOD * 50).read_bytes()
        path.write_bytes(whole[: len(whole) * 3 // 4])
    elif body == "no road":
        write_extract(path, LANES, [([1, 2], {"waterway": "river"})])
    else:
        path.write_bytes(body)
    job = Job(home=tmp_path, places=("Rutland",))
    job = job.model_copy(update={"roads": path} if is_given else {"inbox": tmp_path})
    with pytest.raises(ExclusionError, match=words) as fault:
        roads_of(job)
    assert "rutland-latest.osm.pbf" in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        ([[1, 2], [3, -4]], {"nodata": None}, "holds -4 people in a cell"),
        ([[-9999, -9999]], {}, "holds no people at all"),
        ([[1, 2]], {"crs": "EPSG:3857"}, r"is in EPSG:3857 where the catalogue says EPSG:27700"),
        ([[1, 2]], {"left": 2_500_000.0}, "not Britain"),
    ],
)
def test_a_bad_population_raster_in_the_inbox_is_one_clear_sentence(tmp_path, values, options, words):
    write_raster(
        tmp_path / "GB_residential_population_2021_1_km.tif", np.array(values, dtype=np.float32), **options
    )
    job = Job(home=tmp_path, places=("Rutland",), inbox=tmp_path, is_offline=True)
    with pytest.raises(ExclusionError, match=words) as fault:
        settle(job, only=("population_raster_ukceh",))
    assert "\n" not in str(fault.value)


@pytest.fixture
def access(tmp_path):
    areas = square_areas()
    raster = write_raster(tmp_path / "people.tif", np.full((4, 4), 9.0, dtype=np.float32))
    found = assess_access(areas, people_of(areas), venues_at([(LEFT + 500, TOP - 500)]), population=raster)
    return areas, raster, found


def test_surfaces_are_written_the_same_twice_and_hold_the_same_people(access, tmp_path):
    areas, raster, found = access
    record = write_surfaces(found, areas, tmp_path / "one", raster=raster, notice="Made up")
    assert record == write_surfaces(found, areas, tmp_path / "two", raster=raster, notice="Made up")
    assert len(record["files"]) == 3
    for file in record["files"]:
        one, two = (tmp_path / side / "surfaces" / file["file"] for side in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        with rasterio.open(one) as layer:
            assert layer.crs.to_epsg() == 27700
            assert layer.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert layer.nodata == -9999
            assert layer.tags()["notice"] == "Made up"
            assert layer.res == (file["cell_m"], file["cell_m"])
            values = layer.read(1, masked=True)
        if file["unit"] == "people":
            assert file["cell_m"] == 1_000
            assert values.sum() == pytest.approx(found.travel["people_offline_beyond_20_min"].sum(), abs=1e-3)
        else:
            assert file["cells"] == 40 * 40


def test_a_place_too_large_or_without_help_gets_no_surface_and_says_so(access, tmp_path, monkeypatch):
    areas, raster, found = access
    monkeypatch.setattr("exclusion.stages.surfaces._CELLS_AT_MOST", 100)
    assert "more than 100 cells" in write_surfaces(found, areas, tmp_path, raster=raster)["why_not"]
    bare = assess_access(areas, people_of(areas), venues_at([]), population=raster)
    assert "no existing help" in write_surfaces(bare, areas, tmp_path, raster=raster)["why_not"]
    assert not (tmp_path / "surfaces").exists()
