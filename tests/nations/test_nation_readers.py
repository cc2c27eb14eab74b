"""Readers of Scottish and Northern Irish layouts on made files, and the faults that each must tell."""

import shutil
import zipfile

import numpy as np
import pytest

from exclusion.errors import ContractError
from exclusion.sources.readers import read_source
from tests.nations.made import AGES_20, builder, csv_bytes, shapefile, superweb
from tests.sources.made_reader_files import source, workbook, zipped


def read(made, source_id, pattern):
    entry = source(source_id)
    (path,) = made.inbox.glob(pattern)
    return read_source(path, entry, entry.inbox[0].reader)


def test_boundaries_of_scotland_are_on_the_grid_and_keyed_as_all_areas_are(scotland):
    table = read(scotland, "dz22_boundaries", "SG_DataZoneBdry_2022.zip")
    assert table.crs.to_epsg() == 27700
    assert table["lsoa21cd"].tolist() == sorted(scotland.zones["code"])
    assert table.geometry.area.sum() == pytest.approx(48e6)


@pytest.mark.parametrize("epsg", [29902, 2157, 4326])
def test_irish_grids_come_onto_the_national_grid(northern_ireland, tmp_path, epsg):
    frame = northern_ireland.zones.rename(columns={"code": "DZ2021_cd", "name": "DZ2021_nm"}).to_crs(epsg)
    path = shapefile(tmp_path / "geography-dz2021-esri-shapefile.zip", frame, "DZ2021")
    table = read_source(path, source("dz21_boundaries"), "boundaries_ogr")
    assert table.crs.to_epsg() == 27700
    centres = table.geometry.centroid
    wanted = northern_ireland.zones.geometry.centroid
    # The National Grid and the Irish ones are tied to each other within a few metres by the transformation PROJ has.
    assert np.hypot(centres.x - wanted.x, centres.y - wanted.y).max() < 10


def test_boundaries_without_a_coordinate_system_are_refused(northern_ireland, tmp_path):
    frame = northern_ireland.zones.rename(columns={"code": "DZ2021_cd", "name": "DZ2021_nm"})
    whole = shapefile(tmp_path / "whole.zip", frame, "DZ2021")
    with zipfile.ZipFile(whole) as archive:
        members = {name: archive.read(name) for name in archive.namelist() if not name.endswith(".prj")}
    path = zipped(tmp_path / "b.zip", members)
    with pytest.raises(ContractError, match="does not say in which coordinate system"):
        read_source(path, source("dz21_boundaries"), "boundaries_ogr")


def test_a_grid_that_is_not_what_the_file_says_is_refused(northern_ireland, tmp_path):
    frame = northern_ireland.zones.rename(columns={"code": "DZ2021_cd", "name": "DZ2021_nm"})
    frame = frame.to_crs(2157).set_crs(27700, allow_override=True)
    path = shapefile(tmp_path / "b.zip", frame, "DZ2021")
    with pytest.raises(ContractError, match="outside the United Kingdom"):
        read_source(path, source("dz21_boundaries"), "boundaries_ogr")


def test_a_data_zone_of_2011_where_2022_is_expected_says_so(scotland, tmp_path):
    frame = scotland.old.rename(columns={"code": "DZCode", "name": "DZName"})
    path = shapefile(tmp_path / "SG_DataZoneBdry_2022.zip", frame, "SG_DataZone_Bdry_2022")
    with pytest.raises(
        ContractError,
        match=r"S01006600, .* and 35 more are Data Zone of Scotland 2011 where Data Zone of Scotland 2022",
    ):
        read_source(path, source("dz22_boundaries"), "boundaries_ogr")


def test_a_data_zone_of_2022_in_simd_says_so(scotland, tmp_path):
    rows = [
        ["Data_Zone", "Total_population", "Working_age_population", "Income_count", "Employment_count"],
        ["S01013482", 10, 5, 1, 1],
    ]
    path = workbook(tmp_path / "s.xlsx", {"Data": rows})
    with pytest.raises(
        ContractError, match="S01013482 is Data Zone of Scotland 2022 where Data Zone of Scotland 2011"
    ):
        read_source(path, source("simd2020_indicators"), "deprivation_sheet")


def test_a_code_that_no_data_zone_has_says_so(tmp_path):
    path = tmp_path / "o.csv"
    path.write_bytes(csv_bytes([["OA22", "DZ22"], ["S00135000", "S01999999"], ["S00135001", "S01020874"]]))
    with pytest.raises(ContractError, match="S01020874 is no code of a Data Zone of Scotland"):
        read_source(path, source("oa22_dz22"), "lookup_csv")


def test_lookups_of_both_nations(scotland, northern_ireland):
    table = read(scotland, "dz22_lookup", "DataZone2022lookup*.csv")
    assert set(table["lad_cd"]) == {"S12000005"}
    assert sorted(set(table["rural_class"])) == list("12345678")
    table = read(northern_ireland, "dz21_lookup", "geography-data-zone*.xlsx")
    assert set(table["msoa21cd"].str[:3]) == {"N21"}
    assert table["rural_class"].isna().sum() == 6


def test_ages_of_both_nations_add_up(scotland, northern_ireland):
    table = read(scotland, "scotland_age", "*UV102b*.csv").set_index("lsoa21cd")
    assert table["residents"].equals(scotland.residents.rename_axis("lsoa21cd").rename("residents"))
    assert (table.filter(like="age_").sum(axis=1) == table["residents"]).all()
    table = read(northern_ireland, "ni_age", "ni_age.csv").set_index("lsoa21cd")
    assert (table.filter(like="age_").sum(axis=1) == table["residents"]).all()
    assert table["residents"].sum() == northern_ireland.residents.sum()


def test_a_total_over_several_categories_leaves_out_what_is_asked_of_nobody(northern_ireland):
    table = read(northern_ireland, "ni_nssec", "ni_nssec.csv").set_index("lsoa21cd")
    ages = read(northern_ireland, "ni_age", "ni_age.csv").set_index("lsoa21cd")
    assert (table["ts062_total"] == ages["residents"] - ages["age_0_15"]).all()


def test_a_cell_that_is_withheld_is_null_and_not_zero(tmp_path):
    rows = [
        ["N20000001", "One", 1, "No cars or vans in household", "-"],
        ["N20000001", "One", 2, "1 or more", 5],
    ]
    path = tmp_path / "ni_cars.csv"
    path.write_bytes(builder("Cars", rows))
    table = read_source(path, source("ni_cars"), "census_long_csv")
    assert table["ts045_total"].isna().all()
    assert table["ts045_no_cars_or_vans_in_household__status"].tolist() == ["suppressed"]


AGE_ROWS = [["S01013500", "All people", 200], *(["S01013500", label, 10] for label in AGES_20)]
FAULTS = {
    "bands do not add up": ([*AGE_ROWS[:-1], ["S01013500", "85 and over", 99]], "age bands add up to 289 in S01013500 where 'residents' is 200"),
    "a category is missing in one area": ([*AGE_ROWS, *(["S01013501", *r[1:]] for r in AGE_ROWS[:-1])], r"S01013501 has 20 of 21 categories \('85 and over' is missing\)"),
    "a category is missing everywhere": (AGE_ROWS[:-1], "no category fits column 'age_85plus'"),
    "a row stands twice": ([*AGE_ROWS, AGE_ROWS[1]], "S01013500 has '0 - 4' on more than one row"),
    "a cell is no number": ([*AGE_ROWS[:-1], ["S01013500", "85 and over", "ten"]], "column 'count' holds 'ten'"),
    "another vintage": ([["S01006506", *row[1:]] for row in AGE_ROWS], "S01006506 is Data Zone of Scotland 2011"),
    "another nation": ([["E01000001", *row[1:]] for row in AGE_ROWS], "must be a code of level DATA ZONE OF SCOTLAND"),
    "no areas at all": ([["Scotland", "All people", 5]], "no row begins with the code of an area"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_a_census_table_are_told(tmp_path, name):
    rows, words = FAULTS[name]
    path = tmp_path / "Table UV102b - Age (20) by sex.csv"
    path.write_bytes(superweb("Table UV102b", rows))
    with pytest.raises(ContractError, match=words):
        read_source(path, source("scotland_age"), "census_long_csv")


def test_a_part_above_its_total_is_told(tmp_path):
    path = tmp_path / "t.csv"
    rows = [["S01013500", "All occupied households", 50], ["S01013500", "No cars or vans", 150]]
    path.write_bytes(superweb("UV405", rows, ending=False))
    with pytest.raises(ContractError, match="a part is 150 in S01013500 where 'ts045_total' is 50"):
        read_source(path, source("scotland_cars"), "census_long_csv")


def test_indices_of_both_nations(scotland, northern_ireland):
    counts = read(scotland, "simd2020_indicators", "SIMD*indicators.xlsx")
    assert len(counts) == 40
    ranks = read(scotland, "simd2020_ranks", "SIMD*ranks.xlsx")
    assert (ranks["simd2020_rank"] % 1 == 0.5).sum() == 1
    index = read(northern_ireland, "nimdm2017", "NIMDM17*.xlsx")
    assert index["nimdm2017_rank"].tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("sheet", "row", "words"),
    [
        ("Other", ["S01006506", 10, 5, 1, 1], "no sheet like 'Data' among Other"),
        ("Data", ["S01006506", 10, 5, 11, 1], "'simd2020_income_count' of S01006506 is 11, more than its 'simd2020_total_population' of 10"),
        ("Data", ["S01006506", 10, 5, -1, 1], "'simd2020_income_count' must be a whole number of at least 0"),
        ("Data", ["W01000001", 10, 5, 1, 1], "must be a code of level DATA ZONE OF SCOTLAND"),
    ],
)  # fmt: skip
def test_faults_of_an_index_are_told(tmp_path, sheet, row, words):
    head = ["Data_Zone", "Total_population", "Working_age_population", "Income_count", "Employment_count"]
    path = workbook(tmp_path / "s.xlsx", {sheet: [head, row]})
    with pytest.raises(ContractError, match=words):
        read_source(path, source("simd2020_indicators"), "deprivation_sheet")


def test_a_withheld_count_of_simd_has_its_reason(tmp_path):
    rows = [
        ["Data_Zone", "Total_population", "Working_age_population", "Income_count", "Employment_count"],
        ["S01006506", 10, 5, "*", 1],
    ]
    table = read_source(
        workbook(tmp_path / "s.xlsx", {"Data": rows}), source("simd2020_indicators"), "deprivation_sheet"
    )
    assert table["simd2020_income_count__status"].tolist() == ["suppressed"]
    assert table["simd2020_income_count"].isna().all()


def test_a_national_file_that_lost_a_third_is_refused(scotland):
    whole = source("dz22_lookup", expected_rows=7392)
    (path,) = scotland.inbox.glob("DataZone2022lookup*.csv")
    with pytest.raises(ContractError, match="48 rows where the publisher's has 7,392"):
        read_source(path, whole, "lookup_csv")


def test_postcodes_of_scotland_lie_in_its_zones(scotland, tmp_path):
    shutil.copy(scotland.inbox / "codepo_gb.zip", tmp_path)
    table = read_source(tmp_path / "codepo_gb.zip", source("postcodes_codepoint_open"), "codepoint_zip")
    assert len(table) == 12 * 48 + 1
    assert table["x_m"].isna().sum() == 1
