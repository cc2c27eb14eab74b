"""Workbooks, rasters and extracts in the publishers' layouts, and what they say when something is wrong."""

import numpy as np
import pandas as pd
import pytest
from made_reader_files import LSOAS, csv_text, source, workbook, write

from exclusion.errors import ContractError, SourceError
from exclusion.sources.contracts import check_known_keys
from exclusion.sources.readers import read_source
from exclusion.sources.readers_lookups import present_councils

BANDS = ["0 to 15", "16 to 29", "30 to 44", "45 to 64", "65 and over"]
HEADER = [
    "LAD 2023 Code",
    "LAD 2023 Name",
    "LSOA 2021 Code",
    "LSOA 2021 Name",
    "Total",
    *[f"{s}{b}" for s in "FM" for b in BANDS],
]


def mid_year(path, *, total=100, above=3, year=2024):
    rows = [["E06000001", "H", code, code, total, *[10] * 10] for code in LSOAS]
    sheet = [*[[f"Title {i}"] for i in range(above)], HEADER, *rows]
    old = [*[["Title"]] * 3, HEADER, *[[*row[:4], 50, *[5] * 10] for row in rows]]
    return workbook(
        path,
        {
            "Contents": [["x"]],
            "Mid-2022 LSOA 2021": old,
            f"Mid-{year} LSOA 2021": sheet,
            "Median age": [["x"]],
        },
    )


def test_the_newest_year_of_the_mid_year_workbook_is_read(tmp_path):
    entry = source("mid_year_population")
    for above in (3, 8):
        table = read_source(
            mid_year(tmp_path / "sapelsoabroadage20222024.xlsx", above=above), entry, "ons_mid_year_workbook"
        )
        assert (table["year"] == 2024).all()
        assert (table["residents"] == 100).all()
        assert (table["age_0_15"] == 20).all()
        assert (table["age_16plus"] == 80).all()
        assert (table["age_65plus"] == 20).all()


def test_ages_that_do_not_add_up_are_named(tmp_path):
    with pytest.raises(
        ContractError, match=r"sheet 'Mid-2024 LSOA 2021'.*E01000001 add up to 100 where Total is 99"
    ):
        read_source(
            mid_year(tmp_path / "s.xlsx", total=99), source("mid_year_population"), "ons_mid_year_workbook"
        )


def test_a_workbook_without_the_year_sheets_is_named(tmp_path):
    path = workbook(tmp_path / "s.xlsx", {"Notes": [["x"]]})
    with pytest.raises(ContractError, match=r"no sheet 'Mid-<year> LSOA 2021' among Notes"):
        read_source(path, source("mid_year_population"), "ons_mid_year_workbook")


ENGLISH = [code for code in LSOAS if code.startswith("E")]
PLACE = [
    "LSOA code (2021)",
    "LSOA name (2021)",
    "Local Authority District code (2024)",
    "Local Authority District name (2024)",
]
DIGITAL = "Digital connectivity: broadband download and upload speeds"


def file8(path, *, score=60.5, second=None, above=0):
    first = [[code, code, "E06000001", "H", 20, "" if i == 0 else 7] for i, code in enumerate(ENGLISH)]
    living = [[code, code, "E06000001", "H", score, -0.5] for code in second or ENGLISH]
    return workbook(
        path,
        {
            "Notes": [["LSOA code (2021) is the key of every sheet"]],
            "IoD2025 Income Domain": [
                *[["About"]] * above,
                [*PLACE, "Income Domain numerator", "IDAOPI numerator"],
                *first,
            ],
            "IoD2025 Barriers Domain": [[*PLACE, "Connectivity score", DIGITAL], *living],
        },
    )


@pytest.mark.parametrize("above", [0, 4])
def test_the_sheets_of_file_8_become_one_table(tmp_path, above):
    table = read_source(file8(tmp_path / "File_8_IoD2025.xlsx", above=above), source("iod2025_file8"))
    assert len(table) == len(ENGLISH)
    assert table["connectivity_score"].tolist() == [60.5] * len(ENGLISH)
    assert table["digital_connectivity_broadband_download_and_upload_speeds"].tolist() == [-0.5] * len(
        ENGLISH
    )
    assert table["idaopi_numerator__status"].tolist()[:2] == ["suppressed", "observed"]
    assert np.isnan(table["idaopi_numerator"].iloc[0])


def test_sheets_of_different_areas_are_refused(tmp_path):
    path = file8(tmp_path / "f.xlsx", second=[*ENGLISH[:-1], "E01000009"])
    with pytest.raises(ContractError, match=r"sheets do not hold the same areas \(E01000009"):
        read_source(path, source("iod2025_file8"))


def test_a_score_that_is_text_is_named(tmp_path):
    with pytest.raises(
        ContractError,
        match=r"sheet 'IoD2025 Barriers Domain'.*'Connectivity score' holds 'high' in data row 1",
    ):
        read_source(file8(tmp_path / "f.xlsx", score="high"), source("iod2025_file8"))


def test_cells_that_are_formulas_give_their_stored_value(tmp_path):
    import xlsxwriter

    path = tmp_path / "own_venues.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Halls")
        sheet.write_row(0, 0, ["Name", "Easting", "Northing"])
        sheet.write_formula(1, 0, '="Rock"&" Hall"', None, "Rock Hall")
        sheet.write_formula(1, 1, "=400000+18800", None, 418_800)
        sheet.write(1, 2, 613_300)
    table = read_source(path, source("own_venues"), "venues_file")
    assert table["name"].tolist() == ["Rock Hall"]
    assert table["x_m"].tolist() == [418_800.0]


def test_the_propensity_index_may_come_as_a_workbook(tmp_path):
    rows = [
        ["Digital propensity index"],
        [],
        ["LSOA code", "Region", "Local Authority name", "Score"],
        ["E01000001", "London", "City", 97.8],
    ]
    path = workbook(tmp_path / "d.xlsx", {"Cover": [["x"]], "Data": rows})
    table = read_source(path, source("digital_propensity_index"), "digital_propensity_xlsx")
    assert table["offline_share_pct"].tolist() == [2.2]
    with pytest.raises(ContractError, match="no sheet holds LSOA codes"):
        read_source(
            workbook(tmp_path / "e.xlsx", {"Cover": [["x"]]}),
            source("digital_propensity_index"),
            "digital_propensity_xlsx",
        )


def raster(path, *, crs="EPSG:4326", left=-1.7, top=55.5, value=3.5, nodata=-99999.0, bands=1):
    import rasterio
    from affine import Affine

    size = 1 / 1200 if crs == "EPSG:4326" else 100.0
    values = np.full((20, 30), value, "float32")
    values[:5] = nodata if nodata is not None else -99999.0
    profile = {"driver": "GTiff", "width": 30, "height": 20, "count": bands, "dtype": "float32", "crs": crs, "transform": Affine(size, 0, left, 0, -size, top), "nodata": nodata}  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        for band in range(1, bands + 1):
            out.write(values, band)
    return path


def test_a_population_raster_is_described(tmp_path):
    table = read_source(
        raster(tmp_path / "gbr_pop_2021_CN_100m_R2025A_v1.tif"), source("population_raster_worldpop")
    )
    assert table["people"].iloc[0] == pytest.approx(15 * 30 * 3.5)
    assert table["cells_with_people"].iloc[0] == 450
    assert table["crs"].iloc[0] == "EPSG:4326"
    assert 60 < table["cell_m"].iloc[0] < 100


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (
            {"crs": "EPSG:27700", "left": 400_000, "top": 600_000},
            "EPSG:27700 where the catalogue says EPSG:4326",
        ),
        ({"nodata": None}, "no data is not declared"),
        ({"value": 0}, "no people at all"),
        ({"left": 30}, "not Britain"),
        ({"bands": 2}, "2 bands"),
        ({"crs": None}, "in which coordinate system"),
    ],
)
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_raster_that_cannot_be_trusted_says_why(tmp_path, how, says):
    with pytest.raises(ContractError) as caught:
        read_source(raster(tmp_path / "p.tif", **how), source("population_raster_worldpop"))
    assert says in str(caught.value)
    assert "p.tif" in str(caught.value)


def test_files_that_are_no_layers_say_so(tmp_path):
    with pytest.raises(SourceError, match=r"p\.tif cannot be read as a raster"):
        read_source(write(tmp_path / "p.tif", "II*nothing"), source("population_raster_worldpop"))
    for reader, entry in (("osm_pbf_roads", "roads_osm"), ("osm_pbf_venues", "village_halls")):
        with pytest.raises(SourceError, match=r"r\.osm\.pbf is not a whole OpenStreetMap extract"):
            read_source(write(tmp_path / "r.osm.pbf", "nothing at all"), source(entry), reader)


@pytest.mark.real
def test_an_extract_cut_short_is_refused(real, tmp_path):
    data = (real / "roads" / "rutland-latest.osm.pbf").read_bytes()
    path = tmp_path / "rutland.osm.pbf"
    path.write_bytes(data[: len(data) // 2])
    for reader, entry in (("osm_pbf_roads", "roads_osm"), ("osm_pbf_venues", "village_halls")):
        with pytest.raises(SourceError, match=r"rutland\.osm\.pbf is not a whole"):
            read_source(path, source(entry), reader)


def test_areas_that_are_in_no_lookup_are_named():
    table = pd.DataFrame({"lsoa21cd": ["E01000001", "E01009999", "E01009998"]})
    entry = source("ruc21")
    with pytest.raises(ContractError, match=r"E01009999, E01009998 are in no lookup.*33\.3% of rows match"):
        check_known_keys(table, "lsoa21cd", LSOAS, entry, "r.csv")
    check_known_keys(table, "lsoa21cd", LSOAS, entry, "r.csv", least_share=0.3)


def test_councils_take_the_codes_in_use():
    codes = pd.DataFrame(
        {"lad_cd": ["E08000016", "E08000038", "E07000028", "E07000030", "E06000063"], "lad_cd_active": ["E08000038", "E08000038", "E06000063", "E06000063", "E06000063"]}
    )  # fmt: skip
    table = pd.DataFrame({"lad_cd": ["E08000038", "E07000028", "E07000030"], "share_pct": [1.0, 2.0, 3.0]})
    moved = present_councils(table, codes, {"E08000016", "E06000063"})
    # Barnsley takes the older code in use; two districts that were merged are not one figure.
    assert dict(zip(moved["lad_cd"], moved["share_pct"], strict=True)) == {
        "E07000028": 2,
        "E07000030": 3,
        "E08000016": 1,
    }


def test_the_ready_made_ages_are_read(tmp_path):
    ages = ["lsoa11_name", "lsoa11_code", "total_population", *map(str, range(90)), "90+"]
    text = csv_text([ages, ["A", "E01000001", 91, *[1] * 91]])
    table = read_source(
        write(tmp_path / "m.csv", text), source("population_2020_lsoa11"), "population_lsoa11_csv"
    )
    assert table["age2020_90"].tolist() == [1]
    broken = csv_text([ages, ["A", "E01000001", 92, *[1] * 91]])
    with pytest.raises(ContractError, match="E01000001 add up to 91 where the total is 92"):
        read_source(
            write(tmp_path / "m.csv", broken), source("population_2020_lsoa11"), "population_lsoa11_csv"
        )
