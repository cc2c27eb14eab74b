"""Every fault of a layout ends in the right value, or in one clear sentence naming source, file and row or key."""

import gzip
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made_reader_files import (
    ACTIVITY,
    ACTIVITY_COUNTS,
    AGE_COUNTS,
    AGES,
    COUNTS,
    HOUSEHOLD_COUNTS,
    HOUSEHOLD_HEADERS,
    LSOAS,
    OFCOM,
    TENURE,
    TENURE_COUNTS,
    census_csv,
    census_zip,
    csv_text,
    features,
    lsoa_features,
    ods,
    ofcom_rows,
    ofcom_zip,
    overpass,
    source,
    square,
    workbook,
    write,
    zip_bytes,
    zipped,
)

from exclusion.errors import ContractError, ExclusionError, SourceError
from exclusion.sources.readers import read_source

RUC_HEADER = "LSOA21CD,LSOA21NM,RUC21CD,RUC21NM,Urban_rural_flag\r\n"
RUC_ROWS = "".join(f"{c},Area {c},RSN1,Rural: Nearer to a major town or city,Rural\r\n" for c in LSOAS)
EXACT = (
    "F_LSOA11CD,LSOA11NM,LSOA21CD,LSOA21NM,CHGIND,LAD22CD,LAD22NM,LAD22NMW,ObjectId\r\n"
    "E01000001,A 1,E01000001,A 1,U,E06000001,A,,1\r\nE01000002,A 2,E01033769,A 3,S,E06000001,A,,2\r\n"
)


@dataclass(frozen=True)
class Case:
    """One fault: a file made in a folder, how it is read, and what must come of it."""

    name: str
    source_id: str
    make: Callable[[Path], Path]
    reader: str | None = None
    value: Callable[[Any], bool] | None = None
    says: tuple[str, ...] = ()
    error: type[ExclusionError] = ContractError
    changes: dict[str, Any] | None = None


def text(name: str, body: str, encoding: str = "utf-8") -> Callable[[Path], Path]:
    return lambda folder: write(folder / name, body, encoding=encoding)


def tenure(body: str | None = None, member: str = "census2021-ts054-lsoa.csv") -> Callable[[Path], Path]:
    body = census_csv(TENURE, TENURE_COUNTS) if body is None else body
    return lambda folder: census_zip(folder / "census2021-ts054.zip", body, member)


def oa(
    change: Callable[[list[list[Any]]], None] = lambda rows: None, encoding: str = "utf-8", **how: Any
) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        rows = ofcom_rows(OFCOM)
        change(rows)
        return ofcom_zip(
            folder / "202601_fixed_broadband_coverage_r1.zip", csv_text(rows).encode(encoding), **how
        )

    return make


def put(row: int, column: str, value: Any) -> Callable[[list[list[Any]]], None]:
    def change(rows: list[list[Any]]) -> None:
        rows[row][rows[0].index(column)] = value

    return change


def rename(old: str, new: str) -> Callable[[list[list[Any]]], None]:
    def change(rows: list[list[Any]]) -> None:
        rows[0][rows[0].index(old)] = new

    return change


def has_tenure(table: pd.DataFrame) -> bool:
    return len(table) == len(LSOAS) and list(table["ts054_social_rented"].unique()) == [22]


def has_oas(table: pd.DataFrame) -> bool:
    return len(table) == len(OFCOM) and int(table["premises_gigabit"].sum()) == 80 + 40 + 2 + 10 + 30 + 20


def truncated(make: Callable[[Path], Path], keep: float = 0.6) -> Callable[[Path], Path]:
    def cut(folder: Path) -> Path:
        path = make(folder)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * keep)])
        return path

    return cut


def mid_year(rows: list[tuple[str, int, Any]], count: int | None = None) -> Callable[[Path], Path]:
    table = [
        [
            "DATE",
            "GEOGRAPHY_CODE",
            "GEOGRAPHY_NAME",
            "C_AGE",
            "C_AGE_NAME",
            "OBS_VALUE",
            "OBS_STATUS_NAME",
            "RECORD_COUNT",
        ]
    ]
    table += [
        [2024, area, area, age, "age", value, "Normal Value", count or len(rows)] for area, age, value in rows
    ]  # type: ignore[list-item]
    return text("NM_2014_1.csv", csv_text(table))


AGE_ROWS = [
    (area, age, {200: 1500, 201: 300, 204: 40, 209: 200}[age])
    for area in LSOAS
    for age in (200, 201, 204, 209)
]


def file7(change: Callable[[list[list[Any]]], None] = lambda rows: None) -> Callable[[Path], Path]:
    domains = [
        "Index of Multiple Deprivation (IMD) Score", "Income Score (rate)", "Employment Score (rate)",
        "Education, Skills and Training Score", "Health Deprivation and Disability Score", "Crime Score",
        "Barriers to Housing and Services Score", "Living Environment Score",
    ]  # fmt: skip
    header = [
        "LSOA code (2021)",
        "LSOA name (2021)",
        "Local Authority District code (2024)",
        "Local Authority District name (2024)",
    ]
    for domain in domains:
        name = re.sub(r" Score.*", "", domain)
        header += [
            domain,
            f"{name} Rank (where 1 is most deprived)",
            f"{name} Decile (where 1 is most deprived 10% of LSOAs)",
        ]
    english = [code for code in LSOAS if code.startswith("E")]
    rows: list[list[Any]] = [list(header)]
    for i, code in enumerate(english):
        rows.append([code, code, "E06000001", "Somewhere", *[0.5 - i / 10, i + 1, i + 1] * 8])
    change(rows)
    return text("File_7_IoD2025.csv", "\ufeff" + csv_text(rows))


def wimd(rows_above: int, headers: list[str] | None = None) -> Callable[[Path], Path]:
    names = ["WIMD 2019 ", "Income ", "Employment ", "Health ", "Education ", "Access to Services ", "Housing ", "Community Safety ", "Physical Environment "]  # fmt: skip
    head = headers or ["LSOA Code ", "LSOA Name (Eng) ", *names]
    body = [["W01000001", "One", *[1] * 9], ["W01000002", "Two", *[2] * 9]]
    above = [[f"Title {i}"] for i in range(rows_above)]
    return lambda folder: ods(
        folder / "wimd2019.ods", {"Contents": [["x"]], "WIMD_2019_ranks": [*above, head, *body]}
    )


def dft(header: list[str], rows: list[list[Any]]) -> Callable[[Path], Path]:
    sheets = {
        "OA": [["OA21CD"], ["E00000001"]],
        "LSOA": [["DfT connectivity"], header, *rows],
        "Metadata": [["x"]],
    }
    return lambda folder: ods(folder / "connectivity_metrics_2025.ods", sheets)


DFT_HEADER = [
    "LSOA21CD",
    "Business (public transport)",
    "Leisure & Community (walking)",
    "Overall (driving)",
    "Overall",
]


def users(years_row: int, mark: str = "-", block: str = "Never used") -> Callable[[Path], Path]:
    def sheet(unit: str, names: list[list[Any]]) -> list[list[Any]]:
        top: list[list[Any]] = [["TABLE", "", "", "", "", unit]]
        top += [[""]] * (years_row - 3)
        top += [["", "", "Used in the last 3 months", "", "", block], ["", "", 2019, 2020, "", 2019, 2020]]
        return [*top, [""], *names, [""], ["Some percentages sum to less than 100."]]

    plain = [
        ["All adults", "", 90.8, 92.1, "", 7.5, mark],
        ["Age group (years)"],
        ["16-24", "", 99.2, 99.5, "", 0.3, 0.2],
    ]
    nuts = [["UKC", "North East", 80, 81, "", 10, mark]]
    sheets = {f"{n}b": sheet("%", nuts if n in "56" else plain) for n in "12356"}
    return lambda folder: workbook(folder / "internetusers2020.xlsx", {"Contents": [["x"]], **sheets})


def libraries(rows: str) -> Callable[[Path], Path]:
    header = "Reporting service,Reporting service code,Name,Type,Postcode,Easting,Northing,Year closed,Operation in 2023,Hours open per week\r\n"
    return text("basic-dataset-for-libraries-2023-enhanced.csv", header + rows)


LIBRARY = "Northumberland,E06000057,Alnwick,Static Library,NE66 1AA,418800,613300,,LA,30\r\n"


def codepoint(rows: str, name: str = "Data/CSV/ne.csv") -> Callable[[Path], Path]:
    return lambda folder: zipped(
        folder / "codepo_gb.zip",
        {name: rows, "Doc/licence.txt": "OGL", "Doc/Code-Point_Open_Column_Headers.csv": "PC,PQ\r\n"},
    )


PLACE = '"NE661AA",10,418800,613300,"E92000001","E19000001","E18000002","","E06000057","E05000001"\r\n'


def laua(rows: list[list[Any]]) -> Callable[[Path], Path]:
    header = ["laua", "laua_name", "All Premises", "All Matched Premises", *COUNTS]
    return text("202309_fixed_laua_coverage_r01.csv", csv_text([header, *rows]))


def counts(sfbb: int = 95, ufbb300: int = 85) -> list[int]:
    from made_reader_files import ofcom_counts

    return [100, 100, *ofcom_counts(100, sfbb, min(90, sfbb), ufbb300, 80)]


MOBILE = "laua,laua_name,4G_prem_in_0,4G_prem_in_1,4G_prem_in_2,4G_prem_in_3,4G_prem_in_4\r\n"


def esri_error(folder: Path) -> Path:
    return write(
        folder / "layer.json", '{"error":{"code":400,"message":"Cannot perform query.","details":["x"]}}'
    )


CASES = [
    # Text: marks, encodings, headers
    Case("BOM", "ruc21", text("r.csv", "\ufeff" + RUC_HEADER + RUC_ROWS), "lookup_csv", lambda t: len(t) == 6 and t["is_rural"].all()),
    Case("no BOM", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS), "lookup_csv", lambda t: len(t) == 6),
    Case("UTF-16", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS, "utf-16"), "lookup_csv", lambda t: len(t) == 6),
    Case("cp1252", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS.replace("Area E01000001", "Cô"), "cp1252"), "lookup_csv", lambda t: t["lsoa21nm"][0] == "Cô"),
    Case("gzip under a plain name", "ruc21", lambda f: _gzip(f / "r.csv", RUC_HEADER + RUC_ROWS), "lookup_csv", lambda t: len(t) == 6),
    Case("truncated gzip", "ruc21", truncated(lambda f: _gzip(f / "r.csv.gz", RUC_HEADER + RUC_ROWS * 1)), "lookup_csv", says=("r.csv.gz", "cut short"), error=SourceError),
    Case("lower-case headers", "ruc21", text("r.csv", RUC_HEADER.lower() + RUC_ROWS), "lookup_csv", lambda t: len(t) == 6),
    Case("damaged first header", "lsoa11_lsoa21", text("e.csv", "\ufeff" + EXACT), "lookup_csv", lambda t: list(t["chgind"]) == ["U", "S"]),
    Case("header of a later vintage", "lsoa21_ward_lad", text("w.csv", "LSOA21CD,LSOA21NM,WD25CD,WD25NM,LAD25CD,LAD25NM\r\nE01000001,A,E05000001,W,E08000038,Barnsley\r\n"), "lookup_csv", lambda t: t["lad_cd"][0] == "E08000038"),
    Case("missing column", "ruc21", text("r.csv", "LSOA21CD,LSOA21NM,RUC21NM,Urban_rural_flag\r\nE01000001,A,x,Rural\r\n"), "lookup_csv", says=("ruc21", "r.csv", "ruc21cd", "RUC21NM")),
    Case("header fits twice", "ruc21", text("r.csv", RUC_HEADER.replace("\r\n", ",lsoa21_code\r\n") + RUC_ROWS.replace("Rural\r\n", "Rural,x\r\n")), "lookup_csv", says=("lsoa21cd", "could be any of")),
    Case("empty file", "ruc21", text("r.csv", ""), "lookup_csv", says=("r.csv", "is empty"), error=SourceError),
    Case("header only", "ruc21", text("r.csv", RUC_HEADER), "lookup_csv", says=("r.csv", "no row of data")),
    Case("web page under the name of a table", "ruc21", text("r.csv", "<!DOCTYPE html><html>Sign in</html>"), "lookup_csv", says=("r.csv", "web page"), error=SourceError),
    Case("row with a cell too many", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS + "E01000009,a,b,c,d,e,f\r\n"), "lookup_csv", says=("r.csv", "damaged")),
    # Keys and codes
    Case("duplicate key", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS + RUC_ROWS.splitlines()[0] + "\r\n"), "lookup_csv", says=("r.csv", "E01000001", "more than one row", "data row 7")),
    Case("blank key", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS + ",Area,RSN1,x,Rural\r\n"), "lookup_csv", says=("lsoa21cd", "empty", "data row 7")),
    Case("code of another level", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS.replace("W01000001", "W02000001")), "lookup_csv", says=("lsoa21cd", "W02000001", "LSOA")),
    Case("class that is not in the scheme", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS.replace("RSN1", "D1", 1)), "lookup_csv", says=("ruc21cd", "must be one of", "E01000001 has D1")),
    Case("LSOA 2021 codes where 2011 are expected", "ruc11", text("r.csv", "LSOA11CD,LSOA11NM,RUC11CD,RUC11\r\nE01000001,a,A1,x\r\nE01033769,b,A1,x\r\n"), "lookup_csv", says=("E01033769", "LSOA 2021 where LSOA 2011")),
    Case("LSOA 2011 codes where 2021 are expected", "ruc21", text("r.csv", RUC_HEADER + "".join(f"E01{i:06d},a,UN1,x,Urban\r\n" for i in range(1, 10_501))), "lookup_csv", says=("lsoa21cd", "LSOA 2011 codes where LSOA 2021", "E01000001")),
    Case("short by a third", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS), "lookup_csv", says=("6 rows", "the publisher's has 10"), changes={"expected_rows": 10}),
    Case("partial where it may be", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS), "lookup_csv", lambda t: len(t) == 6, changes={"expected_rows": 10, "may_be_partial": True}),
    Case("flag that is neither yes nor no", "ruc21", text("r.csv", RUC_HEADER + RUC_ROWS.replace("city,Rural", "city,Perhaps", 1)), "lookup_csv", says=("is_rural", "Perhaps", "data row 1")),
    Case("councils recoded", "lad_codes", text("la.csv", "LADCD,LADNM,LADCD_ACTIVE,LADNM_ACTIVE,UTLACD,UTLANM,CAUTHCD,CAUTHNM,RGNCD,RGNNM,CTRYNM,Current\r\nE08000016,Barnsley,E08000038,Barnsley,E08000038,Barnsley,,,E12000003,Y,England,FALSE\r\nE08000038,Barnsley,E08000038,Barnsley,E08000038,Barnsley,,,E12000003,Y,England,TRUE\r\n"), "lad_codes_csv", lambda t: list(t["is_current"]) == [False, True] and t["cauth_cd"].isna().all()),
    # ArcGIS
    Case("ArcGIS error body as a table", "ruc21", esri_error, "arcgis_table", says=("layer.json", "Cannot perform query"), error=SourceError),
    Case("ArcGIS error body as shapes", "lsoa21_boundaries", esri_error, "arcgis_features", says=("layer.json", "Cannot perform query"), error=SourceError),
    Case("ArcGIS without features", "ruc21", text("l.json", '{"features":[]}'), "arcgis_table", says=("no row of data",)),
    Case("ArcGIS attributes", "msoa21_names", text("l.json", '{"features":[{"attributes":{"msoa21cd":"E02000001","msoa21nm":"A 001","msoa21hclnm":"Here"}}]}'), "arcgis_table", lambda t: t["msoa_hcl_nm"][0] == "Here"),
    Case("JSON cut short", "lsoa21_boundaries", text("l.geojson", lsoa_features()[:700]), "arcgis_features", says=("l.geojson",), error=SourceError),
    Case("shapes in British National Grid", "lsoa21_boundaries", text("l.geojson", lsoa_features()), "arcgis_features", lambda t: t.crs.to_epsg() == 27700 and abs(t.area.sum() - 6 * 250_000) < 1),
    Case("shapes in metres that claim degrees", "lsoa21_boundaries", text("l.geojson", lsoa_features(crs=None)), "arcgis_features", says=("E01000001", "coordinate system")),
    Case("outline that crosses itself", "lsoa21_boundaries", text("l.geojson", features([({"LSOA21CD": "E01000001", "LSOA21NM": "A"}, {"type": "Polygon", "coordinates": [[[0, 0], [1000, 1000], [1000, 0], [0, 1000], [0, 0]]]})])), "arcgis_features", lambda t: t.is_valid.all() and abs(t.area.sum() - 500_000) < 1),
    Case("area without a shape", "lsoa21_boundaries", text("l.geojson", features([({"LSOA21CD": "E01000001", "LSOA21NM": "A"}, {"type": "Polygon", "coordinates": square(0, 0)}), ({"LSOA21CD": "E01000002", "LSOA21NM": "B"}, None)])), "arcgis_features", says=("E01000002", "no shape")),
    Case("parquet that is none", "lsoa21_boundaries", text("b.parquet", "PAR1 nothing"), "boundaries_parquet", says=("b.parquet",), error=SourceError),
    Case("centroids in degrees under x and y", "lsoa21_centroids", text("c.csv", "\ufeffFID,LSOA21CD,GlobalID,x,y\r\n1,E01000001,g,-1.5,55.0\r\n"), "centroids_csv", says=("x_m", "between 0 and 700000", "E01000001 has -1.5")),
    # Census
    Case("plain member", "census_ts054", tenure(), None, has_tenure),
    Case("mistyped member", "census_ts054", tenure(member="census2021-ts054-lsoa..csv"), None, has_tenure),
    Case("no member of the level", "census_ts054", tenure(member="census2021-ts054-llta.csv"), says=("census2021-ts054.zip", "no member for level LSOA", "llta")),
    Case("suffix of measures", "census_ts003", lambda f: census_zip(f / "census2021-ts003.zip", census_csv(HOUSEHOLD_HEADERS, HOUSEHOLD_COUNTS), "census2021-ts003-lsoa.csv"), None, lambda t: list(t["ts003_one_person_household__aged_66_years_and_over"].unique()) == [12]),
    Case("colons without a space", "census_ts066", lambda f: census_zip(f / "census2021-ts066.zip", census_csv(ACTIVITY, ACTIVITY_COUNTS), "census2021-ts066-lsoa.csv"), None, lambda t: "ts066_economically_active_excluding_full_time_students__in_employment__employee" in t),
    Case("five-year ages", "census_ts007a", lambda f: census_zip(f / "census2021-ts007a.zip", census_csv(AGES, AGE_COUNTS), "census2021-ts007a-lsoa.csv"), None, lambda t: t["ts007a_aged_85_years_and_over"].sum() == 60),
    Case("leaf lost", "census_ts054", tenure(census_csv([h for h in TENURE if "mortgage" not in h], [c for h, c in zip(TENURE, TENURE_COUNTS, strict=True) if "mortgage" not in h])), says=("add up to 693", "ts054_total", "E01000001")),
    Case("cell moved by perturbation", "census_ts054", tenure(census_csv(TENURE, [839, *TENURE_COUNTS[1:]])), None, lambda t: len(t) == 6),
    Case("negative count", "census_ts054", tenure(census_csv(TENURE, TENURE_COUNTS).replace("E01000002,837", "E01000002,-837")), says=("ts054_total", "at least 0", "E01000002 has -837")),
    Case("text among counts", "census_ts054", tenure(census_csv(TENURE, TENURE_COUNTS).replace("E01000002,837", "E01000002,many")), says=("ts054_total", "many", "data row 2")),
    Case("suppressed count", "census_ts054", tenure(census_csv(TENURE, TENURE_COUNTS).replace("E01000002,837", "E01000002,c")), None, lambda t: t["ts054_total"].isna().sum() == 1 and list(t["ts054_total__status"])[1] == "suppressed"),
    Case("zero is not missing", "census_ts054", tenure(census_csv(TENURE, [0] * 13)), None, lambda t: (t["ts054_total"] == 0).all() and "ts054_total__status" not in t),
    Case("thousands with a comma", "census_age_bands", text("a.csv", 'geography code,Total,Aged 15 years and under,Aged 16 to 24 years,Aged 25 to 34 years,Aged 35 to 49 years,Aged 50 to 64 years,Aged 65 to 74 years,Aged 75 to 79 years,Aged 80 to 84 years,Aged 85 years and over\r\nE01000001,"1,477",125,110,291,336,245,220,58,57,35\r\n'), "census_age_bands_csv", lambda t: t["residents"][0] == 1477),
    Case("two columns of one name", "census_ts054", tenure(census_csv([*TENURE, TENURE[-1]], [*TENURE_COUNTS, 1])), says=("two columns make 'ts054_lives_rent_free'",)),
    Case("another table in the zip", "census_ts054", tenure(census_csv(["Age: Total", "Age: Aged 4 years and under"], [10, 10])), says=("ts054_social_rented", "census2021-ts054.zip")),
    Case("truncated zip", "census_ts054", truncated(tenure()), says=("census2021-ts054.zip", "damaged or cut short"), error=SourceError),
    Case("empty zip", "census_ts054", lambda f: zipped(f / "census2021-ts054.zip", {}), says=("no member for level LSOA", "nothing")),
    Case("member that points outside", "census_ts054", lambda f: zipped(f / "z.zip", {"../census2021-ts054-lsoa.csv": "x"}), says=("z.zip", "points outside"), error=SourceError),
    # Nomis API
    Case("Nomis pages", "mid_year_population", mid_year(AGE_ROWS), None, lambda t: (t["age_16plus"] == 1200).all() and (t["year"] == 2024).all()),
    Case("Nomis header only", "mid_year_population", mid_year([]), says=("NM_2014_1.csv", "header and no rows")),
    Case("Nomis empty answer", "mid_year_population", text("NM_2014_1.csv", ""), says=("NM_2014_1.csv", "is empty"), error=SourceError),
    Case("Nomis rows lost", "mid_year_population", mid_year(AGE_ROWS, 30), says=("24 rows", "RECORD_COUNT says 30")),
    Case("Nomis page twice", "mid_year_population", mid_year([*AGE_ROWS, AGE_ROWS[0]]), says=("E01000001, age code 200", "more than one row", "data row 25")),
    Case("Nomis category lost", "mid_year_population", mid_year(AGE_ROWS[:-1]), says=("W01001959", "no row for age code 209")),
    Case("Nomis estimate missing", "mid_year_population", mid_year([*AGE_ROWS[:-1], ("W01001959", 209, None)]), None, lambda t: list(t["age_65plus__status"])[-1] == "not_published" and t["age_65plus"].isna().sum() == 1),
    Case("band above all residents", "mid_year_population", mid_year([(a, g, 9000 if g == 209 else v) for a, g, v in AGE_ROWS]), says=("age_65plus", "never exceed 'residents'", "E01000001")),
    # Ofcom
    Case("nested zip", "ofcom_fixed_coverage_oa", oa(), None, has_oas),
    Case("zip not nested", "ofcom_fixed_coverage_oa", oa(nested=False), None, has_oas),
    Case("file name of 2025", "ofcom_fixed_coverage_oa", oa(name="202507_fixed_oa_coverage_r01"), None, has_oas),
    Case("Ofcom with a BOM", "ofcom_fixed_coverage_oa", oa(encoding="utf-8-sig"), None, has_oas),
    Case("column renamed: below the USO", "ofcom_fixed_coverage_oa", oa(rename(COUNTS[5], "Number of premises below the USO")), None, lambda t: has_oas(t) and "premises_below_decent" in t),
    Case("key of earlier editions", "ofcom_fixed_coverage_oa", oa(rename("output_area", "oa11")), None, has_oas),
    Case("only the residential twin", "ofcom_fixed_coverage_oa", lambda f: zipped(f / "o.zip", {"202601_fixed_oa_res_coverage_r1.csv": csv_text(ofcom_rows(OFCOM))}), says=("o.zip", "no member named for oa and coverage", "res")),
    Case("no counts, percentages alone", "ofcom_fixed_coverage_oa", oa(lambda rows: [row.__delitem__(slice(20, None)) for row in rows] and None), says=("premises_superfast", "layout is not the one expected")),
    Case("percentage over 100", "ofcom_fixed_coverage_oa", oa(put(3, "SFBB availability (% premises)", 104.2)), says=("superfast_pct", "between 0 and 100", "E00000005 has 104.2", "data row 3")),
    Case("percentage below 0", "ofcom_fixed_coverage_oa", oa(put(2, "% of premises with NGA", -1)), says=("nga_pct", "E00000003 has -1")),
    Case("speed thresholds not monotone", "ofcom_fixed_coverage_oa", oa(put(1, COUNTS[3], 99)), says=("premises_gigabit", "never exceed 'premises_ultrafast_300'", "E00000001")),
    Case("more premises than there are", "ofcom_fixed_coverage_oa", oa(put(4, COUNTS[0], 81)), says=("premises_superfast", "never exceed 'premises'", "W00000001")),
    Case("negative premises", "ofcom_fixed_coverage_oa", oa(put(1, COUNTS[7], -3)), says=("premises_below_2mbit", "at least 0", "E00000001 has -3")),
    Case("blank count", "ofcom_fixed_coverage_oa", oa(put(2, COUNTS[0], None)), says=("premises_superfast", "empty", "E00000003")),
    Case("text in a count", "ofcom_fixed_coverage_oa", oa(put(2, "All Premises", "n/a")), says=("All Premises", "n/a", "no number")),
    Case("output area twice", "ofcom_fixed_coverage_oa", oa(put(2, "output_area", "E00000001")), says=("oa21cd", "E00000001", "more than one row")),
    Case("areas of another level", "ofcom_fixed_coverage_oa", oa(put(2, "output_area", "E01000001")), says=("oa21cd", "E01000001")),
    Case("Ofcom truncated", "ofcom_fixed_coverage_oa", truncated(oa()), says=("202601_fixed_broadband_coverage_r1.zip",), error=SourceError),
    Case("inner zip damaged", "ofcom_fixed_coverage_oa", lambda f: zipped(f / "o.zip", {"a.zip": zip_bytes({"202601_fixed_oa_coverage_r1.csv": "x" * 500})[:90]}), says=("o.zip", "damaged or cut short"), error=SourceError),
    Case("performance in cp1252", "ofcom_fixed_performance_oa", text("202507_fixed_performance_oa_r01.csv", "output_area,Average max download speed (Mbit/s) for lines <10Mbit/s,Average max download speed (Mbit/s) for lines >=900Mbit/s\r\nE00000001,7.5,\r\nE00000003,,950\r\n", "cp1252"), "ofcom_oa_performance_csv", lambda t: list(t["download_mbit_lines_below_10__status"]) == ["observed", "not_published"]),
    Case("cp1252 in a header", "ofcom_fixed_performance_oa", text("p.csv", "output_area,Average download speed (Mbit/s) ô\r\nE00000001,7.5\r\n", "cp1252"), "ofcom_oa_performance_csv", lambda t: len(t) == 1),
    Case("council shares recomputed from counts (2019)", "ofcom_fixed_coverage_lad", laua([["S12000033", "ABERDEEN CITY", *counts()]]), "ofcom_laua_coverage_csv", lambda t: t["superfast_pct"][0] == 95),
    Case("council counts not monotone", "ofcom_fixed_coverage_lad", laua([["S12000033", "ABERDEEN CITY", 100, 100, 90, 80, 85, 82, *counts()[6:]]]), "ofcom_laua_coverage_csv", says=("S12000033", "premises_ultrafast_300", "never exceed 'premises_ultrafast_100'")),
    Case("council JSON with a blank", "ofcom_fixed_coverage_lad", text("broadband-by-laua.json", '{"E06000001":{"laName":"H","superfast":98,"ultrafast":null,"fullFibre":1,"gigabit":1,"belowUso":0}}'), "ofcom_laua_json", says=("E06000001", "ultrafast", "no number")),
    Case("mobile blank is 0", "ofcom_mobile_lad", text("202601_mobile_coverage_laua_r01.csv", MOBILE + "E06000001,H,,,,28.2,71.8\r\n"), "ofcom_mobile_laua_csv", lambda t: t["mobile_4g_any_pct"][0] == 100 and t["mobile_4g_all_pct"][0] == 71.8),
    Case("mobile shares short of 100", "ofcom_mobile_lad", text("m.csv", MOBILE + "E06000001,H,,,,28.2,61.8\r\n"), "ofcom_mobile_laua_csv", says=("E06000001", "add up to 90")),
    # Deprivation
    Case("File 7", "iod2025_file7", file7(), None, lambda t: list(t["imd_rank"]) == [1, 2, 3, 4]),
    Case("File 7 deciles mixed up", "iod2025_file7", file7(put(1, "Crime Decile (where 1 is most deprived 10% of LSOAs)", 9)), says=("crime_decile", "E01000002")),
    Case("File 7 decile 11", "iod2025_file7", file7(put(4, "Crime Decile (where 1 is most deprived 10% of LSOAs)", 11)), says=("crime_decile", "between 1 and 10", "E01033769 has 11")),
    Case("File 7 rate above 1", "iod2025_file7", file7(put(1, "Income Score (rate)", 13.0)), says=("income_score", "between 0 and 1", "E01000001 has 13")),
    Case("File 7 short of a domain", "iod2025_file7", file7(rename("Crime Score", "Crime and Disorder Points")), says=("crime_score", "layout is not the one expected")),
    Case("WIMD with trailing spaces", "wimd2019", wimd(2), "wimd2019_ods", lambda t: list(t["wimd2019_access_to_services_rank"]) == [1, 2]),
    Case("WIMD header moved", "wimd2019", wimd(7), "wimd2019_ods", lambda t: len(t) == 2),
    Case("WIMD of another year", "wimd2025", wimd(2), "wimd2025_ods", says=("WIMD_2019_ranks",)),
    Case("ODS cut in its XML", "wimd2019", lambda f: ods(f / "w.ods", {"WIMD_2019_ranks": [["LSOA Code"], ["W01000001"]]}, tail="x" * 220), "wimd2019_ods", says=("w.ods", "damaged or cut short"), error=SourceError),
    Case("DfT headings", "dft_connectivity", dft(DFT_HEADER, [["E01000001", 50.5, 60, 70, 80], ["W01000001", 1, 2, 3, 4]]), None, lambda t: list(t["connectivity_employment_public_transport"]) == [50.5, 1]),
    Case("DfT score over 100", "dft_connectivity", dft(DFT_HEADER, [["E01000001", 50.5, 60, 170, 80]]), says=("connectivity_overall_driving", "E01000001 has 170")),
    Case("DfT blank", "dft_connectivity", dft(DFT_HEADER, [["E01000001", None, 60, 70, 80], ["E01000002", 1, 1, 1, 1]]), None, lambda t: list(t["connectivity_employment_public_transport__status"]) == ["not_published", "observed"]),
    Case("DfT heading not understood", "dft_connectivity", dft([*DFT_HEADER[:-1], "Employment (teleport)", "Overall"], [["E01000001", 1, 1, 1, 1, 1]]), says=("Employment (teleport)",)),
    Case("DfT text for a score", "dft_connectivity", dft(DFT_HEADER, [["E01000001", "high", 60, 70, 80]]), says=("E01000001", "high", "no number")),
    # Going online
    Case("users workbook", "internet_users_2020", users(4), None, lambda t: t["value__status"].eq("not_published").sum() == 5),
    Case("users header moved", "internet_users_2020", users(9), None, lambda t: len(t) > 20),
    Case("users sign too small", "internet_users_2020", users(4, "~0"), None, lambda t: t["value__status"].eq("too_small").sum() == 5),
    Case("users sign unknown", "internet_users_2020", users(4, "??"), says=("sheet '1b'", "'??'")),
    Case("users block unknown", "internet_users_2020", users(4, block="Used a fax"), says=("Used a fax",)),
    Case("users is no workbook", "internet_users_2020", text("internetusers2020.xlsx", "<html>"), says=("internetusers2020.xlsx", "workbook"), error=SourceError),
    Case("propensity above 100", "digital_propensity_index", text("d.csv", "LSOAcode,Region,Local Authority name,Score\r\nE01000001,London,City,197.0\r\n"), says=("online_share_pct", "E01000001 has 197")),
    Case("propensity of a subset", "digital_propensity_index", text("d.csv", "LSOAcode,Region,Local Authority name,Score\r\nE01000001,London,City,97.8\r\n"), None, lambda t: t["offline_share_pct"][0] == 2.2, changes={"expected_rows": 34_753}),
    Case("peer score missing", "deri_v1_6", text("d.csv", "lsoa11_dz11_code,broadband_comp_national,demography_comp_national,deprivation_comp_national,deri_score_national\r\nS01006506,1,2,,\r\n"), "deri_csv", lambda t: t["deri_score__status"][0] == "missing" and t["deri_score"].isna().all()),
    # Venues
    Case("libraries", "libraries", libraries(LIBRARY + LIBRARY.replace("Alnwick", "Old").replace(",,LA", ",2019,LA") + LIBRARY.replace("Static", "Prison").replace("Alnwick", "HMP")), None, lambda t: list(t["name"]) == ["Alnwick"] and t["is_existing"].all()),
    Case("no library is open", "libraries", libraries(LIBRARY.replace(",,LA", ",2019,LA")), says=("no library in it is open",)),
    Case("more hours than a week has", "libraries", libraries(LIBRARY.replace("LA,30", "LA,300")), says=("hours_per_week", "between 0 and 168", "300")),
    Case("Overpass remark with partial elements", "village_halls", text("v.json", overpass([{"type": "node", "id": 1, "lat": 55, "lon": -2, "tags": {"amenity": "community_centre"}}], remark="runtime error: Query timed out")), says=("v.json", "timed out"), error=SourceError),
    Case("Overpass way without centre", "village_halls", text("v.json", overpass([{"type": "way", "id": 7, "tags": {"amenity": "community_centre"}}])), says=("way/7", "no centre")),
    Case("Overpass empty", "village_halls", text("v.json", overpass([])), says=("holds no",)),
    Case("Overpass HTML", "village_halls", text("v.json", "<html>504</html>"), says=("v.json", "web page"), error=SourceError),
    Case("postcodes without a header", "postcodes_codepoint_open", codepoint(PLACE + PLACE.replace("1AA", "1AB").replace(",10,418800,613300", ",90,0,0")), None, lambda t: list(t["pcds"]) == ["NE66 1AA", "NE66 1AB"] and t["x_m"].isna().tolist() == [False, True]),
    Case("postcodes with a header", "postcodes_codepoint_open", codepoint("Postcode,PQ,EA,NO,CY,RH,LH,CC,DC,WC\r\n" + PLACE), None, lambda t: len(t) == 1),
    Case("postcode twice", "postcodes_codepoint_open", codepoint(PLACE * 2), says=("NE66 1AA", "more than one row")),
    Case("postcode off the grid", "postcodes_codepoint_open", codepoint(PLACE.replace("418800", "1418800")), says=("x_m", "NE66 1AA has 1418800")),
]  # fmt: skip


def _gzip(path: Path, body: str) -> Path:
    path.write_bytes(gzip.compress(body.encode(), mtime=0))
    return path


def test_the_suite_is_as_large_as_promised():
    assert len(CASES) >= 100
    assert len({case.name for case in CASES}) == len(CASES)
    assert all((case.value is None) != (not case.says) for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_fault_ends_in_the_right_value_or_one_clear_sentence(case: Case, tmp_path: Path):
    check(case, tmp_path)


def check(case: Case, folder: Path) -> None:
    path = case.make(folder)
    entry = source(case.source_id, **(case.changes or {}))
    if case.value is not None:
        table = read_source(path, entry, case.reader)
        assert case.value(table), table
        return
    with pytest.raises(ExclusionError) as caught:
        read_source(path, entry, case.reader)
    sentence = str(caught.value)
    assert isinstance(caught.value, case.error), type(caught.value)
    for words in (f"{case.source_id}: ", path.name, *case.says):
        assert words in sentence, sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert len(sentence) < 700
