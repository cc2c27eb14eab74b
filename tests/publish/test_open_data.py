"""Open data: CSVW that a validator accepts, map files that open coloured, a portal entry, one dictionary."""

import contextlib
import csv
import json
import re
import sqlite3
import xml.etree.ElementTree as ET
from pathlib import Path

import csvw
import geopandas
import numpy as np
import pyogrio
import pytest

from exclusion.errors import ContractError
from exclusion.publish.access_list import access_list
from exclusion.publish.columns import AREA_LIST, CONTRACTS
from exclusion.publish.csvw import METADATA, csvw_bytes
from exclusion.publish.dictionary import dictionary_page, dictionary_table
from exclusion.publish.geo_files import (
    LAYER,
    fifths,
    list_layer,
    write_geojson,
    write_geopackage,
    write_geoparquet,
)
from exclusion.publish.lists import csv_bytes, fair_share, missed_outside
from exclusion.publish.place_lists import larger_places
from exclusion.publish.portal import dcat_bytes
from tests.publish.lists_made import made_list

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOTICE = "Demonstration data: not a real place"


@pytest.fixture(scope="module")
def made():
    return made_list()


@pytest.mark.parametrize("note", [None, NOTICE])
def test_an_independent_validator_accepts_the_csvw_of_every_list(made, tmp_path, note):
    _, results, ranked = made
    tables = {
        "ranked-areas.csv": ("Areas", ranked),
        "fair-share.csv": ("Fair share", fair_share(results, top=10)),
        "missed.csv": ("Missed", missed_outside(results, ranked["lsoa21cd"].head(3))),
        "larger-places.csv": ("Places", larger_places(results, results.index, n_ranked=len(results))),
        "access-to-help.csv": ("Access", access_list(results)),
        "data-dictionary.csv": ("Dictionary", dictionary_table()),
    }
    for name, (_, table) in tables.items():
        (tmp_path / name).write_bytes(csv_bytes(table, note=note))
    meta = tmp_path / METADATA
    meta.write_bytes(csvw_bytes(tables, title="Lists", credit_lines=("ONS",), note=note))
    assert csvw.CSVW(str(meta), validate=True).is_valid
    group = csvw.TableGroup.from_file(meta)
    for table in group.tables:
        rows = list(table.iterdicts(strict=True))
        assert len(rows) == len(tables[str(table.url)][1])
        assert table.check_primary_key()
    areas = {row["lsoa21cd"]: row for row in group.tabledict["ranked-areas.csv"].iterdicts(strict=True)}
    for row in ranked.itertuples(index=False):
        read = areas[row.lsoa21cd]
        assert read["is_rural"] is bool(row.is_rural)
        assert read["people_offline"] == row.people_offline
        assert (read["help_min"] is None) == np.isnan(row.help_min)


def test_the_validator_refuses_what_is_not_as_declared(made, tmp_path):
    _, _, ranked = made
    broken = csv_bytes(ranked).replace(b",yes,", b",perhaps,", 1)
    assert broken != csv_bytes(ranked)
    (tmp_path / "ranked-areas.csv").write_bytes(broken)
    meta = tmp_path / METADATA
    meta.write_bytes(csvw_bytes({"ranked-areas.csv": ("Areas", ranked)}, title="x", credit_lines=()))
    with pytest.raises(ValueError, match="perhaps"):
        list(csvw.TableGroup.from_file(meta).tables[0].iterdicts(strict=True))


def test_the_geopackage_opens_with_the_list_and_with_the_style_of_qgis(made, tmp_path):
    areas, results, ranked = made
    path = tmp_path / "areas.gpkg"
    write_geopackage(path, list_layer(areas, ranked), ranked=len(results), title="Fellshire", note=NOTICE)
    assert [name for name, _ in pyogrio.list_layers(path)] == [LAYER, "layer_styles"]
    read = geopandas.read_file(path, layer=LAYER)
    assert read.crs.to_epsg() == 27700
    assert read["lsoa21cd"].tolist() == ranked["lsoa21cd"].tolist()
    assert read["people_offline"].tolist() == ranked["people_offline"].tolist()
    assert set(read["note"]) == {NOTICE}
    shapes = areas.set_index("lsoa21cd").geometry
    assert all(row.geometry.equals(shapes[row.lsoa21cd]) for row in read.itertuples())
    with contextlib.closing(sqlite3.connect(path)) as base:
        ((qml, sld, default, column),) = base.execute(
            "SELECT styleQML, styleSLD, useAsDefault, f_geometry_column FROM layer_styles WHERE f_table_name = ?",
            (LAYER,),
        )
        ((stored,),) = base.execute("SELECT column_name FROM gpkg_geometry_columns")
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        meanings = dict(
            base.execute(
                "SELECT column_name, description FROM gpkg_data_columns WHERE table_name = ?", (LAYER,)
            )
        )
        ((extension,),) = base.execute(
            "SELECT extension_name FROM gpkg_extensions WHERE table_name = 'gpkg_data_columns'"
        )
        assert extension == "gpkg_schema"
    assert (default, column) == (1, stored)
    assert set(meanings) == set(read.columns) - {"geometry"}
    assert all(meanings.values())
    style = ET.fromstring(qml)
    rules = [rule.get("filter") for rule in style.iter("rule")]
    symbols = {symbol.get("name") for symbol in style.iter("symbol")}
    assert {rule.get("symbol") for rule in style.iter("rule")} == symbols
    colours = {
        o.get("value")
        for symbol in style.iter("symbol")
        for o in symbol.iter("Option")
        if o.get("name") == "color"
    }
    assert len(colours) == len(rules) == 6
    shown = [int(read.query(_pandas(rule)).shape[0]) for rule in rules]
    assert sum(shown) == len(read), "every area has exactly one colour"
    assert len(list(ET.fromstring(sld.split("?>", 1)[1]).iter("{http://www.opengis.net/se}Rule"))) == 6


def _pandas(rule):
    if "IS NULL" in rule:
        return "exclusion_rank.isna()"
    return rule.replace('"', "").replace(" AND ", " and ")


@pytest.mark.parametrize("ranked", [1, 7, 31, 35_672])
def test_fifths_part_all_ranks(ranked):
    classes = fifths(ranked)
    if ranked >= 5:
        assert [low for low, _, _ in classes] == [1, *(high + 1 for _, high, _ in classes[:-1])]
        assert classes[-1][1] == ranked


def test_geojson_and_geoparquet_hold_the_same_list(made, tmp_path):
    areas, _, ranked = made
    layer = list_layer(areas, ranked)
    write_geojson(tmp_path / "areas.geojson", layer)
    write_geoparquet(tmp_path / "areas.parquet", layer)
    raw = json.loads((tmp_path / "areas.geojson").read_text())
    assert len(raw["features"]) == len(ranked)
    west, south, east, north = geopandas.read_file(tmp_path / "areas.geojson").total_bounds
    assert -9 < west < east < 3
    assert 49 < south < north < 61
    back = geopandas.read_parquet(tmp_path / "areas.parquet")
    assert back.crs.to_epsg() == 27700
    for row, feature in zip(ranked.itertuples(index=False), raw["features"], strict=True):
        assert feature["properties"]["lsoa21cd"] == row.lsoa21cd
        assert feature["properties"]["people_offline"] == row.people_offline
    assert back["people_offline"].tolist() == ranked["people_offline"].tolist()


def test_the_same_list_gives_the_same_map_files(made, tmp_path):
    areas, results, ranked = made
    layer = list_layer(areas, ranked)
    for turn in ("one", "two"):
        write_geopackage(tmp_path / turn / "areas.gpkg", layer, ranked=len(results), title="Fellshire")
        write_geojson(tmp_path / turn / "areas.geojson", layer)
        write_geoparquet(tmp_path / turn / "areas.parquet", layer)
    for name in ("areas.gpkg", "areas.geojson", "areas.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [
        "areas.geojson",
        "areas.gpkg",
        "areas.parquet",
    ]


def test_a_layer_in_another_grid_or_without_a_boundary_is_refused(made):
    areas, _, ranked = made
    with pytest.raises(ContractError, match="27700"):
        list_layer(areas.to_crs(4326), ranked)
    with pytest.raises(ContractError, match=str(ranked["lsoa21cd"].iloc[0])):
        list_layer(areas[areas["lsoa21cd"] != ranked["lsoa21cd"].iloc[0]], ranked)


def portal_entry(**who):
    source = {
        "title": "Census",
        "publisher": "ONS",
        "vintage": "2021",
        "licence": "OGL-UK-3.0",
        "sha256": "ab" * 32,
        "retrieved": "2026-11-24",
    }
    return json.loads(
        dcat_bytes(
            {"ranked-areas.csv": ("Areas", "cd" * 32, 12), "areas.gpkg": ("Map", "ef" * 32, 34), "minutes.tif": ("Minutes", "01" * 32, 5)},
            edition="fellshire-1", place="Fellshire", about="x", bounds=(-2.0, 54.0, -1.0, 55.0), sources={"census": source}, credit_lines=("ONS",), **who,
        )
    )  # fmt: skip


def test_the_portal_entry_names_every_file_with_its_checksum():
    record = portal_entry()
    files = {d["dcat:downloadURL"]["@id"]: d for d in record["dcat:distribution"]}
    assert {
        name: one["dcat:mediaType"]["@id"].partition("media-types/")[2] for name, one in files.items()
    } == {
        "ranked-areas.csv": "text/csv",
        "areas.gpkg": "application/geopackage+sqlite3",
        "minutes.tif": "image/tiff",
    }
    assert files["ranked-areas.csv"]["spdx:checksum"]["spdx:checksumValue"]["@value"] == "cd" * 32
    assert record["dct:license"]["@id"].startswith("https://www.nationalarchives.gov.uk")


def test_the_portal_entry_has_what_a_harvester_asks_for():
    day = {"@type": "xsd:date", "@value": "2026-11-24"}
    record = portal_entry(publisher="Fellshire Council", contact="open.data@fellshire.example")
    assert record["dct:issued"] == record["dct:modified"] == day
    assert record["dct:publisher"] == {"@type": "foaf:Organization", "foaf:name": "Fellshire Council"}
    assert record["dcat:contactPoint"]["vcard:fn"] == "Fellshire Council"
    assert record["dcat:contactPoint"]["vcard:hasEmail"] == {"@id": "mailto:open.data@fellshire.example"}
    for one in record["dcat:distribution"]:
        assert one["dcat:accessURL"] == one["dcat:downloadURL"]
        assert one["dct:license"] == record["dct:license"]
        assert one["dct:issued"] == day
        assert one["dct:format"]["@id"].endswith(("/CSV", "/GPKG", "/TIFF"))
    # Every prefix that is used is declared, or a harvester drops what it stands before.
    used = set(
        re.findall(r'"([a-z]+):[A-Za-z]', json.dumps({k: v for k, v in record.items() if k != "@context"}))
    )
    assert used - {"https", "http", "mailto"} == set(record["@context"])


def test_a_portal_entry_says_nothing_of_who_publishes_where_that_was_not_said():
    assert not {"dct:publisher", "dcat:contactPoint"} & set(portal_entry())


def test_the_dictionary_in_docs_is_the_one_of_the_contracts():
    assert (DOCS / "data-dictionary.md").read_text(encoding="utf-8") == dictionary_page(), "run `make docs`"
    table = dictionary_table()
    assert len(table) == sum(len(columns) for _, columns in CONTRACTS.values())
    assert table["meaning"].str.len().min() > 0
    for _, columns in CONTRACTS.values():
        assert len({column.name for column in columns}) == len(columns)
        assert len({column.heading for column in columns}) == len(columns)
        assert all(
            column.unit or column.kind != "number" or column.name.endswith("_rank") for column in columns
        )


def test_every_column_of_the_list_file_is_declared(made):
    header = next(csv.reader(csv_bytes(made[2]).decode("utf-8-sig").splitlines()))
    assert header == [column.name for column in AREA_LIST]
