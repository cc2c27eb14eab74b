"""Venues from registers, OpenStreetMap and a council's own list; every row of a list is accounted for."""

import json

import numpy as np
import pandas as pd
import pytest
from made_reader_files import features, overpass, source, workbook, write

from exclusion.errors import ContractError, SourceError
from exclusion.sources.catalogue import catalogue
from exclusion.sources.own_venue_tables import guess_columns
from exclusion.sources.readers import READERS, read_source, reader_named
from exclusion.sources.readers_libraries import visit_hours
from exclusion.sources.readers_osm import venue_kind
from exclusion.sources.readers_own_venues import read_own_venues
from exclusion.sources.readers_practices import spoken_name
from exclusion.sources.readers_venues import VENUE_COLUMNS, place_by_postcode, tidy_postcode, unique_ids

POSTCODES = pd.DataFrame(
    {
        "pcds": ["NE66 1AA", "NE66 1AB"],
        "quality": [10, 90],
        "x_m": [418_800.0, np.nan],
        "y_m": [613_300.0, np.nan],
    }
)
OWN = source("own_venues")


def test_every_reader_of_the_catalogue_is_there_and_loads():
    named = {name for entry in catalogue().sources.values() for name in entry.readers}
    assert named <= set(READERS)
    for name in READERS:
        assert callable(reader_named(name))


def test_an_unknown_reader_is_named(tmp_path):
    with pytest.raises(ValueError, match="no reader 'nonsense'"):
        reader_named("nonsense")
    with pytest.raises(SourceError, match=r"no file gone\.csv"):
        read_source(tmp_path / "gone.csv", OWN, "venues_file")
    with pytest.raises(ValueError, match="has no reader of its own"):
        read_source(tmp_path / "gone.csv", OWN)


@pytest.mark.parametrize(
    ("text", "tidy"),
    [("ne661aa", "NE66 1AA"), (" NE66  1AA ", "NE66 1AA"), ("W1A 1AA", "W1A 1AA"), ("none", None), ("", None), (None, None), (float("nan"), None), ("NE66", None)],
)  # fmt: skip
def test_postcodes_are_tidied_or_refused(text, tidy):
    assert tidy_postcode(text) == tidy


@pytest.mark.parametrize(
    ("times", "hours"),
    [
        (("09:20", "09:45", "FREQ=WEEKLY;INTERVAL=2"), 25 / 60 / 2),
        (("9:00", "10:00", "FREQ=WEEKLY;INTERVAL=1"), 1.0),
        (("09:00", "10:00", "FREQ=MONTHLY;BYDAY=2TU,4TU"), 2 / (365.25 / 12 / 7)),
        (("10:00", "09:00", "FREQ=WEEKLY"), None),
        (("", "09:00", "FREQ=WEEKLY"), None),
        (("09:00", "10:00", "by arrangement"), None),
    ],
)
def test_hours_of_a_mobile_stop(times, hours):
    found = visit_hours(*times)
    assert np.isnan(found) if hours is None else found == pytest.approx(hours)


def test_ids_are_stable_and_unique():
    assert unique_ids("s", ["a", "b"]) == ["s:a", "s:b"]
    assert unique_ids("s", ["a", "a"], [["NE66 1AA", "NE66 1AB"]]) == ["s:a-ne66-1aa", "s:a-ne66-1ab"]
    assert unique_ids("s", ["a", "a", "a"], [["x", "x", None]]) == ["s:a-x", "s:a-x-2", "s:a"]


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"amenity": "community_centre", "community_centre": "village_hall"}, "village_hall"),
        ({"amenity": "community_centre", "name": "Glanton Memorial Hall"}, "village_hall"),
        ({"amenity": "community_centre", "name": "The Hub"}, "community_centre"),
        ({"amenity": "townhall", "name": "Rock Village Hall"}, "village_hall"),
        ({"amenity": "townhall", "name": "Morpeth Town Hall"}, None),
        ({"amenity": "townhall"}, None),
        ({"amenity": "library"}, "library"),
        ({"amenity": "pub"}, None),
    ],
)
def test_what_tags_make_a_venue(tags, kind):
    assert venue_kind(tags) == kind


def test_overpass_elements_become_venues_once(tmp_path):
    hall = {"amenity": "community_centre", "name": "Rock Village Hall", "addr:postcode": "ne663sb"}
    body = overpass(
        [
            {"type": "node", "id": 5, "lat": 55.48, "lon": -1.68, "tags": hall},
            {"type": "way", "id": 9, "center": {"lat": 55.4801, "lon": -1.6801}, "tags": hall},
            {
                "type": "relation",
                "id": 3,
                "center": {"lat": 55.2, "lon": -1.9},
                "tags": {"amenity": "community_centre"},
            },
            {
                "type": "node",
                "id": 6,
                "lat": 55.3,
                "lon": -1.7,
                "tags": {"amenity": "townhall", "name": "Alnwick Town Hall"},
            },
            {"type": "node", "id": 5, "lat": 55.48, "lon": -1.68, "tags": hall},
        ]
    )
    table = read_source(write(tmp_path / "v.json", body), source("village_halls"))
    assert list(table.columns) == VENUE_COLUMNS
    assert list(table["venue_id"]) == ["village_halls:relation/3", "village_halls:way/9"]
    assert list(table["name"]) == ["Community centre without a name", "Rock Village Hall"]
    assert table["postcode"].tolist()[1] == "NE66 3SB"
    assert not table["is_existing"].any()
    assert table["x_m"].between(400_000, 430_000).all()
    assert table["hours_per_week"].isna().all()


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("HAWSEGARTH SURGERY", "Hawsegarth Surgery"),
        ("DR A B O'CONNOR & PARTNERS", "Dr A B O'Connor & Partners"),
        ("ST MARY'S NHS CTR AT THE MILL", "St Mary's NHS Ctr at the Mill"),
        ("THE 1ST STOKE-ON-TRENT GP PRACTICE", "The 1st Stoke-on-Trent GP Practice"),
        ("CANOLFAN IECHYD TŶ ELLI", "Canolfan Iechyd Tŷ Elli"),
        ("RHC CLINIC 2", "RHC Clinic 2"),
        ("GP direct", "GP direct"),
        ("Dr McDonald", "Dr McDonald"),
    ],
)
def test_names_in_capitals_are_written_as_people_write_them(written, spoken):
    assert spoken_name(written) == spoken


def test_practices_with_and_without_a_header_are_the_same(tmp_path):
    def row(code: str, status: str, role: str) -> str:
        cells = [""] * 27
        cells[0], cells[1], cells[9], cells[12], cells[25] = (
            code,
            f'"Surgery {code}"',
            "NE66 1AA",
            status,
            role,
        )
        return ",".join(cells)

    header = [f"H{i}" for i in range(27)]
    header[0], header[1], header[9], header[12], header[25] = "Code", "Name", "Postcode", "Status", "Role"
    rows = [
        row("A83001", "ACTIVE", "RO76"),
        row("A83002", "INACTIVE", "RO76"),
        row("A83003", "ACTIVE", "RO72"),
        row("A83004", "ACTIVE", "RO177;RO76"),
    ]
    bare = read_source(write(tmp_path / "epraccur.csv", "\r\n".join(rows)), source("gp_practices"))
    headed = read_source(
        write(tmp_path / "headed.csv", "\r\n".join([",".join(header), *rows])), source("gp_practices")
    )
    pd.testing.assert_frame_equal(bare, headed)
    assert list(bare["venue_id"]) == ["gp_practices:A83001", "gp_practices:A83004"]
    assert bare["x_m"].isna().all()


def test_libraries_of_the_original_workbook_are_placed_by_postcode(tmp_path):
    header = [
        "Reporting service",
        "Library name",
        "Type of library",
        "Postcode",
        "Year closed",
        "Operation in 2023",
        "Number of hours open per week",
    ]
    rows = [["Basic dataset for libraries"], [], header, ["Northumberland", "Alnwick", "Static Library", "ne66 1aa", "", "LA", 30], ["Northumberland", "Belford", "Static library", "see note", "", "CR", 5], ["Northumberland", "Old", "Static library", "NE66 1AA", 2019, "LA", 5]]  # fmt: skip
    path = workbook(tmp_path / "libraries.xlsx", {"Notes": [["x"]], "Data": rows})
    table = read_source(path, source("libraries"), "libraries_xlsx")
    assert list(table["name"]) == ["Alnwick", "Belford"]
    placed = place_by_postcode(table, POSTCODES)
    assert list(placed.venues["name"]) == ["Alnwick"]
    assert placed.left_out["reason"].tolist() == ["it has neither coordinates nor a postcode"]


def test_placing_says_why_a_venue_is_left_out():
    venues = pd.DataFrame(
        {
            "venue_id": ["s:a", "s:b", "s:c", "s:d"], "name": list("ABCD"), "postcode": ["NE66 1AA", "NE66 1AB", "ZZ1 1ZZ", None],
            "x_m": np.nan, "y_m": np.nan,
        }
    )  # fmt: skip
    placed = place_by_postcode(venues, POSTCODES)
    assert placed.venues["x_m"].tolist() == [418_800.0]
    reasons = dict(zip(placed.left_out["name"], placed.left_out["reason"], strict=True))
    assert reasons["B"] == "its postcode has no coordinates in Code-Point Open"
    assert reasons["C"] == "its postcode is not in Code-Point Open"
    assert reasons["D"] == "it has neither coordinates nor a postcode"
    assert len(place_by_postcode(venues, None).left_out) == 4


# --- A council's own list -------------------------------------------------------------------------------------------


def test_columns_are_guessed_once_each():
    guessed = guess_columns(["Venue Name", "Type of site", "Post Code", "X", "Y", "Digital help?", "Ref"])
    assert guessed["name"] == "Venue Name"
    assert guessed["postcode"] == "Post Code"
    assert (guessed["easting"], guessed["northing"]) == ("X", "Y")
    assert guessed["is_existing"] == "Digital help?"
    assert guessed["id"] == "Ref"
    assert len(set(guessed.values())) == len(guessed)


def test_every_row_is_a_venue_or_is_left_out_with_its_reason(tmp_path):
    text = (
        "Name,Type,Postcode,Easting,Northing,Digital help,Hours\r\n"
        "Rock Village Hall,hall,NE66 1AA,,,yes,4\r\n"  # row 2: placed by postcode
        "Alnwick Hub,community hub,,418900,613400,no,\r\n"  # row 3: placed by its coordinates
        ",,NE66 1AA,,,,\r\n"  # row 4: no name
        "Nowhere Hall,,,,,,\r\n"  # row 5: no place
        "Wrong Hall,,NE66,,,,\r\n"  # row 6: no postcode
        "Far Hall,,,9999999,5,,\r\n"  # row 7: beyond Britain
        "Unknown Hall,,ZZ1 1ZZ,,,,\r\n"  # row 8: postcode unknown
        "Bare Hall,,NE66 1AB,,,,\r\n"  # row 9: postcode without coordinates
        "Maybe Hall,,NE66 1AA,,,perhaps,\r\n"  # row 10: flag
        "Long Hall,,,418900,613400,,400\r\n"  # row 11: more hours than a week has
        "Alnwick Hub,community hub,,418900,613400,no,\r\n"  # row 12: repeats row 3
    )
    found = read_own_venues(write(tmp_path / "own_venues.csv", text), OWN, POSTCODES)
    assert list(found.venues["name"]) == ["Alnwick Hub", "Long Hall", "Rock Village Hall"]
    assert list(found.venues["kind"]) == ["community_centre", "other", "village_hall"]
    assert list(found.venues["is_existing"]) == [False, False, True]
    assert found.venues["x_m"].tolist() == [418_900.0, 418_900.0, 418_800.0]
    assert found.venues["hours_per_week"].isna().tolist() == [True, True, False]
    assert found.unread.to_numpy().tolist() == [[11, "Long Hall", "hours_per_week", "400"]]
    reasons = dict(zip(found.left_out["row"], found.left_out["reason"], strict=True))
    assert sorted([*reasons, 2, 3, 11]) == list(range(2, 13))
    for row, words in {4: "no name", 5: "neither", 6: "'NE66' is no postcode", 7: "outside Great Britain", 8: "not in Code-Point", 9: "no coordinates in", 10: "perhaps", 12: "repeats"}.items():  # fmt: skip
        assert words in reasons[row], (row, reasons[row])
    assert found.columns["hours"] == "Hours"


def test_degrees_shapes_workbooks_and_packages_give_the_same_place(tmp_path):
    import geopandas
    from shapely.geometry import Point

    place = {"name": "Rock Village Hall", "kind": "village_hall"}
    degrees = write(
        tmp_path / "own_venues.csv",
        "name,kind,latitude,longitude\r\nRock Village Hall,village_hall,55.41286,-1.70446\r\n",
    )
    under_xy = write(
        tmp_path / "xy.csv", "name,kind,x,y\r\nRock Village Hall,village_hall,-1.70446,55.41286\r\n"
    )
    geojson = write(
        tmp_path / "own_venues.geojson",
        features([(place, {"type": "Point", "coordinates": [-1.70446, 55.41286]})], crs=None),
    )
    sheet = workbook(tmp_path / "own_venues.xlsx", {"About": [["Our halls"]], "Halls": [["List of 2026"], [], ["Name", "Kind", "Latitude", "Longitude"], ["Rock Village Hall", "village_hall", 55.41286, -1.70446]]})  # fmt: skip
    package = tmp_path / "own_venues.gpkg"
    geopandas.GeoDataFrame([place], geometry=[Point(-1.70446, 55.41286)], crs="EPSG:4326").to_file(
        package, driver="GPKG"
    )
    tables = [read_own_venues(path, OWN).venues for path in (degrees, under_xy, geojson, sheet, package)]
    for table in tables:
        assert table["x_m"].iloc[0] == pytest.approx(418_800, abs=60)
        assert table["y_m"].iloc[0] == pytest.approx(613_300, abs=600)
        assert table["kind"].tolist() == ["village_hall"]
        assert table["x_m"].iloc[0] == pytest.approx(tables[0]["x_m"].iloc[0], abs=0.01)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Postcode\r\nNE66 1AA\r\n", "a name"),
        ("Name\r\nRock Hall\r\n", "where venues are"),
        ("Name,Postcode\r\n", "no row of data"),
        ("Name,Postcode\r\nRock Hall,nowhere\r\n", "row 2 (Rock Hall), 'nowhere' is no postcode"),
    ],
)
def test_a_list_that_cannot_be_used_says_so(tmp_path, text, says):
    with pytest.raises(ContractError) as caught:
        read_source(write(tmp_path / "own_venues.csv", text), OWN, "venues_file")
    assert says in str(caught.value)
    assert "own_venues.csv" in str(caught.value)


def test_an_id_for_two_venues_is_refused_for_both(tmp_path):
    text = (
        "id,name,postcode\r\n1,Rock Hall,NE66 1AA\r\n1,Glanton Hall,NE66 1AA\r\n2,Eglingham Hall,NE66 1AA\r\n"
    )
    found = read_own_venues(write(tmp_path / "own_venues.csv", text), OWN, POSTCODES)
    assert list(found.venues["venue_id"]) == ["own_venues:2"]
    assert list(found.left_out["row"]) == [2, 3]


def test_blank_rows_are_no_venues_without_a_name_and_others_keep_their_numbers(tmp_path):
    text = "name,postcode\r\nRock Hall,NE66 1AA\r\n,\r\n , \r\nNowhere Hall,\r\n,\r\n"
    found = read_own_venues(write(tmp_path / "own_venues.csv", text), OWN, POSTCODES)
    assert list(found.venues["name"]) == ["Rock Hall"]
    assert found.left_out[["row", "name"]].to_numpy().tolist() == [[5, "Nowhere Hall"]]


def test_rows_left_out_travel_with_the_table(tmp_path):
    text = "name,postcode\r\nRock Hall,NE66 1AA\r\n,NE66 1AA\r\n"
    table = read_source(write(tmp_path / "own_venues.csv", text), OWN, "venues_file")
    assert table.attrs["left_out"] == [{"row": 3, "name": "", "reason": "it has no name"}]
    assert table["x_m"].isna().all()
    json.dumps(table.attrs["left_out"])


def test_a_list_may_be_in_cp1252(tmp_path):
    path = write(tmp_path / "own_venues.csv", "name,postcode\r\nCaffè Hall,NE66 1AA\r\n", encoding="cp1252")
    assert read_own_venues(path, OWN, POSTCODES).venues["name"].tolist() == ["Caffè Hall"]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_titles_above_the_headers_are_passed_over_and_rows_keep_their_numbers(tmp_path, ending):
    rows = [
        ["Halls of the county (draft)", "", "", ""],
        ["", "", "", ""],
        ["Hall name", "Post code", "Opening hours", "Hours"],
        ["Neuadd y Pentref Ll\u0177n", "NE66 1AA", "Mon-Fri 9-5", "Mon-Fri 9-5"],
        ["", "", "", ""],
        ["Elm Hall", "", "", "7"],
    ]
    path = tmp_path / f"own_venues.{ending}"
    if ending == "xlsx":
        workbook(path, {"Halls": rows})
    else:
        write(path, "".join(f"{','.join(row)}\r\n" for row in rows))
    found = read_own_venues(path, OWN, POSTCODES)
    assert found.venues["name"].tolist() == ["Neuadd y Pentref Ll\u0177n"]
    assert found.venues["kind"].tolist() == ["village_hall"]
    # Hours in words do not cost a hall its place: they are not known, and that is told.
    assert found.venues["hours_per_week"].isna().all()
    assert found.unread[["row", "what", "written"]].to_numpy().tolist() == [
        [4, "hours_per_week", "Mon-Fri 9-5"]
    ]
    assert found.left_out[["row", "reason"]].to_numpy().tolist() == [
        [6, "it has neither coordinates nor a postcode"],
    ]


def test_what_only_a_plan_asks_of_a_venue_is_read_beside_it(tmp_path):
    text = (
        "Hall,Postcode,Hire cost (\u00a3),Capacity,Parish,Route\n"
        'Ash Hall,NE66 1AA,"\u00a31,250.50",40,Ashton,R1\nElm Hall,NE66 1AA,tbc,,,\n'
    )
    found = read_own_venues(write(tmp_path / "own_venues.csv", text), OWN, POSTCODES)
    extras = found.extras.set_index("venue_id")
    assert found.columns["cost"].startswith("Hire cost")
    assert extras["cost"].tolist()[0] == 1250.5
    assert extras["capacity_people"].tolist()[0] == 40
    assert extras.iloc[0][["parish", "round_id"]].tolist() == ["Ashton", "R1"]
    assert extras.iloc[1].isna().all()
    assert found.unread[["row", "name", "what", "written"]].to_numpy().tolist() == [
        [3, "Elm Hall", "cost", "tbc"]
    ]
