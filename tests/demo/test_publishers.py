"""The publishers' files: the same bytes on every run, in the layouts that the readers and the retrieval know."""

import csv
import hashlib
import io
import itertools
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import osmium
import pandas as pd
import pytest
import rasterio
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from exclusion.demo import DEFAULT_SEED, PARAMETERS, layout_census, layout_ofcom
from exclusion.demo.layout_deprivation import LEFT_OUT
from exclusion.demo.publishers import served_sources
from exclusion.demo.server import PublisherServer, link_page, location
from exclusion.sources import load, pull
from exclusion.sources.catalogue import catalogue
from exclusion.sources.readers import read_source
from exclusion.sources.transport import Timing

ENGLISH = {s.id for s in catalogue().sources.values() if "England" in s.nations}
REQUIRED = ENGLISH & set(catalogue().required)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def file_of(published: Path, source_id: str) -> Path:
    return location(published / "publishers", catalogue().source(source_id), PARAMETERS)


def test_two_runs_write_the_same_bytes(published, tmp_path):
    """In a process of its own with another hash seed, so that no order of a set or a dictionary can hide."""
    script = (
        "import sys, pathlib; from exclusion.demo.county import make_county;"
        "from exclusion.demo.publishers import write_inbox, write_publishers;"
        "root = pathlib.Path(sys.argv[1]); county = make_county(int(sys.argv[2]));"
        "write_publishers(county, root / 'publishers'); write_inbox(county, root / 'inbox')"
    )
    environment = os.environ | {"PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo"}
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(DEFAULT_SEED)], check=True, env=environment
    )
    first, second = hashes(published), hashes(tmp_path)
    assert len(first) >= 55
    assert first == second


def test_all_files_together_are_small(published):
    assert sum(path.stat().st_size for path in published.rglob("*") if path.is_file()) < 30_000_000


def test_every_required_source_is_served():
    assert set(served_sources()) >= REQUIRED


def test_only_sources_of_other_nations_and_by_hand_are_not_served():
    unserved = ENGLISH - set(served_sources())
    by_hand = {s.id for s in catalogue().sources.values() if s.protocol == "by_hand"}
    # The DfT file is 68 MB of ODS; File 8 carries the same score.
    assert unserved - by_hand == {"dft_connectivity"}


@pytest.fixture(scope="session")
def pulled(published, tmp_path_factory):
    """Everything the publishers have, through the server and the retrieval, without the pauses of politeness."""
    raw = tmp_path_factory.mktemp("raw")
    timing = Timing(sleep=lambda _: None)
    with PublisherServer(published / "publishers") as server:
        return pull(
            [*served_sources(), "jobcentres", "mobile_library_stops", "population_raster_ukceh"],
            raw=raw,
            inbox=published / "inbox",
            bases=server.bases(),
            parameters={"roads_osm": PARAMETERS, "village_halls": {"box": "54.9,0.3,55.85,1.9"}},
            nations=("England",),
            check=None,
            timing=timing,
        )


def test_everything_comes_through_the_server_and_the_retrieval(pulled):
    assert pulled.missing == ()
    assert set(served_sources()) <= set(pulled.snapshots)
    # Nothing stood in for anything: each source is served by itself.
    assert [i for i, s in pulled.snapshots.items() if s.source_id != i] == []


@pytest.mark.parametrize("source_id", served_sources())
def test_the_registered_reader_reads_it_back(pulled, source_id):
    table = load(pulled[source_id])
    assert len(table) > 0
    key = list(catalogue().source(source_id).key)
    if key and set(key) <= set(table.columns):
        assert not table.duplicated(key).any()


@pytest.mark.parametrize("source_id", ["jobcentres", "mobile_library_stops", "population_raster_ukceh"])
def test_files_for_the_inbox_are_taken_and_read(pulled, source_id):
    assert len(load(pulled[source_id])) > 0


def test_areas_of_all_tables_are_the_areas_of_the_boundaries(pulled):
    areas = set(load(pulled["lsoa21_boundaries"])["lsoa21cd"])
    for source_id in (
        "lsoa21_centroids",
        "lsoa21_ward_lad",
        "lsoa21_msoa21",
        "ruc21",
        "lsoa21_icb",
        "iod2025_file7",
        "census_ts045",
    ):
        assert set(load(pulled[source_id])["lsoa21cd"]) == areas, source_id
    pairs = load(pulled["lsoa11_lsoa21"])
    assert set(pairs["lsoa21cd"]) == areas
    assert set(load(pulled["population_2020_lsoa11"])["lsoa11cd"]) == set(pairs["lsoa11cd"])
    assert set(load(pulled["oa21_lsoa21"])["lsoa21cd"]) == areas


@pytest.mark.parametrize("table", sorted(layout_census.TABLES))
def test_census_levels_agree_within_perturbation(county, published, table):
    archive = zipfile.ZipFile(file_of(published, f"census_{table}"))
    level = {}
    for name in archive.namelist():
        if name.endswith(".csv"):
            found = re.search(rf"{table}-(\w+)\.*csv$", name).group(1)
            level[found] = pd.read_csv(archive.open(name))
    archive.close()
    names = {"lsoa", "msoa", "oa", "ctry", "rgn"}
    assert names <= set(level)
    assert len(level["lsoa"]) == county.lsoa_count
    assert len(level["oa"]) == len(county.oa_code)
    national = level["ctry"].iloc[0, 3:].astype(float)
    for other in ("lsoa", "msoa", "oa"):
        total = level[other].iloc[:, 3:].sum().astype(float)
        assert (total - national).abs().max() < 5 * np.sqrt(3 * len(level[other])) + 10, other
    # The tables differ by perturbation: an exact copy would hide a join on the wrong column.
    assert level["lsoa"].iloc[:, 3].sum() != 0


def test_one_census_zip_has_the_mistyped_members_of_the_published_ones(published):
    with zipfile.ZipFile(file_of(published, "census_ts011")) as archive:
        names = archive.namelist()
    assert "census2021-ts011-lsoa..csv" in names
    assert "census2021-ts011-llta.csv" in names
    assert "metadata/ts011-2021-1.txt" in names


def test_census_headers_differ_between_tables_as_published(published):
    first = {}
    for table in ("ts001", "ts066"):
        with zipfile.ZipFile(file_of(published, f"census_{table}")) as archive:
            first[table] = archive.read(f"census2021-{table}-lsoa.csv").decode().splitlines()
    assert first["ts001"][0].startswith(
        '"date","geography","geography code","Residence type: Total; measures: Value"'
    )
    assert first["ts001"][1].startswith('"2021",')
    assert ":In employment:Employee," in first["ts066"][0]
    assert first["ts066"][1].startswith("2021,")


def test_totals_differ_a_little_between_census_tables(pulled):
    residents = load(pulled["census_ts001"]).set_index("lsoa21cd")["ts001_total"]
    disability = load(pulled["census_ts038"]).set_index("lsoa21cd")["ts038_total"]
    gap = (residents - disability).abs()
    assert gap.max() > 0
    assert gap.max() < 15


def oa_rows(published: Path, name: str) -> pd.DataFrame:
    with zipfile.ZipFile(file_of(published, "ofcom_fixed_coverage_oa")) as outer:
        inner = outer.read("202601_fixed_coverage_r1/202601_fixed_oa_coverage_r1.zip")
    with zipfile.ZipFile(io.BytesIO(inner)) as archive:
        data = archive.read(f"202601_fixed_oa_coverage_r1/{name}")
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in data
    return pd.read_csv(io.BytesIO(data), encoding="utf-8-sig")


def test_ofcom_counts_and_percentages_agree_and_speeds_only_fall(published):
    rows = oa_rows(published, "202601_fixed_oa_coverage_r1.csv")
    assert len(rows.columns) == 37
    n = rows.filter(like="Number of")
    chain = [n.iloc[:, i] for i in (3, 2, 1, 0, 4)]
    for faster, slower in itertools.pairwise(chain):
        assert (faster <= slower).all()
    unable = [n.iloc[:, i] for i in (7, 8, 9, 10)]
    for slower, faster in itertools.pairwise(unable):
        assert (slower <= faster).all()
    bands = n.iloc[:, 11:17].sum(axis=1)
    assert (bands == rows["All Matched Premises"]).all()
    percent = 100 * n.iloc[:, 0] / rows["All Premises"]
    assert (percent - rows["SFBB availability (% premises)"]).abs().max() <= 0.0500001


def test_output_areas_without_homes_are_absent_from_the_residential_file(county, published):
    everything = set(oa_rows(published, "202601_fixed_oa_coverage_r1.csv")["output_area"])
    homes = set(oa_rows(published, "202601_fixed_oa_res_coverage_r1.csv")["output_area"])
    assert everything == set(county.oa_code)
    assert homes < everything
    assert 3 <= len(everything - homes) <= 10


def test_performance_leaves_bands_with_few_lines_blank(published):
    with zipfile.ZipFile(file_of(published, "ofcom_fixed_performance_oa")) as archive:
        text = archive.read(archive.namelist()[0]).decode("cp1252")
    assert ",," in text
    assert not re.search(r",0(\.0)?(,|\r)", text)


def test_half_up_rounding_of_percentages():
    assert layout_ofcom._share(1, 8) == 12.5
    assert layout_ofcom._share(1, 16) == 6.3
    assert layout_ofcom._share(0, 0) == 0.0


def test_one_district_is_left_out_of_the_propensity_index(county, published):
    with file_of(published, "digital_propensity_index").open() as handle:
        rows = list(csv.DictReader(handle))
    present = {row["Local Authority name"] for row in rows}
    assert present == set(county.district_name) - {county.district_name[LEFT_OUT]}
    assert all(re.fullmatch(r"\d{2,3}\.\d", row["Score"]) for row in rows)


def test_pages_hold_links_to_files_that_are_there(published):
    root = published / "publishers"
    linked = [s for s in map(catalogue().source, served_sources()) if s.link]
    assert len(linked) >= 6
    for source in linked:
        page = link_page(root, source).read_text()
        hrefs = [h for h in re.findall(r'href="([^"]+)"', page) if re.search(source.link.pattern, h)]
        assert hrefs, source.id
        base = catalogue().publisher_of(source).base
        assert all((root / source.publisher / "files" / h.removeprefix(f"{base}/")).is_file() for h in hrefs)


def test_rasters_hold_everybody_on_land(county, published):
    residents = int(county.people.residents.sum())
    with rasterio.open(file_of(published, "population_raster_worldpop")) as raster:
        assert raster.crs.to_epsg() == 4326
        assert raster.res == pytest.approx((3 / 3600, 3 / 3600))
        values = raster.read(1, masked=True)
        assert values.mask.mean() > 0.5
        assert values.min() > 0
        assert float(values.sum(dtype="float64")) == pytest.approx(residents, rel=1e-5)
    with rasterio.open(published / "inbox" / "GB_residential_population_2021_1_km.tif") as raster:
        assert raster.crs.to_epsg() == 27700
        assert raster.transform.c % 1000 == 0
        assert raster.read(1, masked=True).sum() == pytest.approx(residents, rel=2e-3)


def test_roads_form_one_network_that_reaches_every_home(county):
    roads = county.roads
    assert len(roads.nodes) <= 30_000
    driveable = [w for w in roads.ways if w.tags["highway"] not in {"footway", "path"}]
    pairs = np.array([pair for way in driveable for pair in itertools.pairwise(way.nodes)])
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(roads.nodes),) * 2)
    parts, label = connected_components(graph.tocsr(), directed=False)
    assert np.bincount(label).max() == len(roads.nodes)
    assert parts == 1
    # All but a few places can be left and reached again where streets are one-way.
    both = [w for w in driveable if w.tags.get("oneway") != "yes"]
    back = np.array([pair[::-1] for way in both for pair in itertools.pairwise(way.nodes)])
    directed = np.vstack([pairs, back])
    graph = coo_array((np.ones(len(directed)), (directed[:, 0], directed[:, 1])), shape=graph.shape)
    _, label = connected_components(graph.tocsr(), directed=True, connection="strong")
    assert np.bincount(label).max() > 0.97 * len(roads.nodes)
    kinds = {way.tags["highway"] for way in roads.ways}
    assert {"primary", "secondary", "tertiary", "unclassified", "residential", "service", "footway"} <= kinds
    assert "motorway" not in kinds
    speed = sum("maxspeed" in w.tags for w in driveable) / len(driveable)
    assert 0.05 < speed < 0.25


def test_the_extract_is_sound_to_osmium(county, published):
    counts = {"n": 0, "w": 0}
    known = set()
    for item in osmium.FileProcessor(str(file_of(published, "roads_osm"))):
        if item.is_node():
            counts["n"] += 1
            known.add(item.id)
        elif item.is_way():
            counts["w"] += 1
            assert {ref.ref for ref in item.nodes} <= known
    assert counts["w"] == len(county.roads.ways)
    assert counts["n"] > len(county.roads.nodes)


def test_halls_come_as_nodes_and_as_buildings_and_some_have_no_name(published):
    elements = json.loads(file_of(published, "village_halls").read_text())["elements"]
    assert len(elements) >= 40
    assert {e["type"] for e in elements} == {"node", "way"}
    assert all(("center" in e) == (e["type"] == "way") for e in elements)
    assert any("name" not in e["tags"] for e in elements)
    assert any(e["tags"]["amenity"] == "townhall" for e in elements)


def test_libraries_are_open_closed_and_of_other_kinds(county):
    libraries = county.venues.libraries
    fixed = [v for v in libraries if v.facts["operation"] and v.facts["type"] == "Static Library"]
    assert 15 <= len(fixed) <= 30
    assert any(v.facts["closed"] for v in libraries)
    assert {v.facts["type"] for v in libraries} == {"Static Library", "Mobile", "Archive"}
    assert all(0 < float(v.facts["hours"]) <= 60 for v in fixed)


def test_postcodes_fill_seven_characters_and_some_have_no_place(published):
    with zipfile.ZipFile(file_of(published, "postcodes_codepoint_open")) as archive:
        rows = list(csv.reader(io.StringIO(archive.read("Data/CSV/xl.csv").decode())))
    assert {len(row[0]) for row in rows} == {7}
    assert {len(row) for row in rows} == {10}
    unplaced = [row for row in rows if row[1] == "90"]
    assert 0 < len(unplaced) < 20
    assert all(row[2:4] == ["0", "0"] for row in unplaced)


def test_a_source_read_alone_needs_no_catalogue_of_its_own(published):
    source = catalogue().source("iod2025_file7").model_copy(update={"expected_rows": None})
    table = read_source(file_of(published, "iod2025_file7"), source)
    assert table["imd_rank"].is_unique
