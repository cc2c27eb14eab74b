"""Every reader with a real file reads all of it, and its totals are the publisher's."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from exclusion.sources.catalogue import catalogue
from exclusion.sources.contracts import check_known_keys
from exclusion.sources.readers import read_source
from exclusion.sources.readers_libraries import library_register, library_table
from exclusion.sources.readers_lookups import present_councils
from exclusion.sources.readers_venues import place_by_postcode

pytestmark = pytest.mark.real


@lru_cache(maxsize=8)
def read(real: Path, source_id: str, file: str, reader: str | None = None) -> Any:
    return read_source(real / file, catalogue().source(source_id), reader)


LOOKUPS = [
    ("lsoa21_ward_lad", "lookups/lsoa21_ward24_lad24_ew.csv.gz", "lookup_csv", 35_672),
    ("lsoa21_lad23", "lookups/lsoa21_lad23_ew.csv.gz", "lookup_csv", 35_672),
    ("lsoa21_msoa21", "lookups/lsoa21_msoa21_ew_derived_by_name.csv.gz", "lookup_csv", 35_672),
    ("lsoa21_icb", "lookups/lsoa21_icb24_en.csv.gz", "lookup_csv", 33_755),
    ("lad_region", "lookups/lad24_region24_en.csv.gz", "lookup_csv", 296),
    ("lad_county", "lookups/lad23_county_ua23_ew.csv.gz", "lookup_csv", 318),
    ("lad_codes", "lookups/la_all_codes.csv", "lad_codes_csv", 415),
    ("msoa21_names", "lookups/msoa21_house_of_commons_names_ew.csv.gz", "msoa_names_csv", 7_264),
    ("lsoa11_lsoa21", "lookups/lsoa11_lsoa21_lad22_exact_fit_ew.csv.gz", "lookup_csv", 35_795),
    ("ruc21", "ruc/LSOA21_RUC21_EW_LU.csv", "lookup_csv", 35_672),
    ("ruc11", "ruc/ruc2011_lsoa11_ew.csv.gz", "lookup_csv", 34_753),
    (
        "lsoa21_centroids",
        "centroids/lsoa21_population_weighted_centroids_ew_bng.csv.gz",
        "centroids_csv",
        35_672,
    ),
]


@pytest.mark.parametrize(("source_id", "file", "reader", "rows"), LOOKUPS, ids=[x[0] for x in LOOKUPS])
def test_lookups_are_read_in_full(real, source_id, file, reader, rows):
    table = read(real, source_id, file, reader)
    assert len(table) == rows
    key = list(catalogue().source(source_id).key)
    assert not table.duplicated(key).any()
    assert table[key[0]].is_monotonic_increasing


def test_the_exact_fit_has_all_codes_of_both_years(real):
    fit = read(real, *LOOKUPS[8][:3])
    assert fit["lsoa11cd"].nunique() == 34_753
    assert fit["lsoa21cd"].nunique() == 35_672
    assert fit["chgind"].value_counts().to_dict() == {"U": 33_647, "S": 1_900, "M": 239, "X": 9}


def test_rural_classes_have_the_published_counts(real):
    ruc = read(real, *LOOKUPS[9][:3])
    counts = ruc["ruc21cd"].value_counts().to_dict()
    assert counts == {"UN1": 27_106, "UF1": 2_451, "RLN1": 2_127, "RSN1": 1_735, "RSF1": 1_232, "RLF1": 1_021}
    assert int(ruc["is_rural"].sum()) == 2_127 + 1_735 + 1_232 + 1_021
    old = read(real, *LOOKUPS[10][:3])
    assert old["ruc11cd"].value_counts()["A1"] == 11_523


def test_councils_of_any_year_lead_to_present_ones(real):
    codes = read(real, *LOOKUPS[6][:3])
    assert dict(zip(codes["lad_cd"], codes["lad_cd_active"], strict=True))["E08000016"] == "E08000038"
    table = pd.DataFrame({"lad_cd": ["E08000016", "E08000019", "S12000033"], "value": [1.0, 2.0, 3.0]})
    moved = present_councils(table, codes, {"E08000038", "E08000039"})
    assert dict(zip(moved["lad_cd"], moved["value"], strict=True)) == {
        "E08000038": 1,
        "E08000039": 2,
        "S12000033": 3,
    }


BOUNDARIES = [
    ("lsoa21_boundaries", "boundaries/lsoa21_ew_bgc_wgs84.parquet", 35_672, 151_240),
    ("lsoa21_boundaries_bsc", "boundaries/lsoa21_ew_bsc_wgs84.parquet", 35_672, 151_304),
    ("msoa_boundaries", "boundaries/msoa21_ew_wgs84.parquet", 7_264, 151_322),
    ("lad_boundaries", "boundaries/lad24_uk_wgs84.parquet", 361, 244_317),
]


@pytest.mark.parametrize(("source_id", "file", "rows", "km2"), BOUNDARIES, ids=[x[0] for x in BOUNDARIES])
def test_boundaries_are_valid_and_on_the_grid(real, source_id, file, rows, km2):
    shapes = read(real, source_id, file, "boundaries_parquet")
    assert len(shapes) == rows
    assert shapes.crs.to_epsg() == 27700
    assert shapes.is_valid.all()
    assert set(shapes.geom_type) <= {"Polygon", "MultiPolygon"}
    assert shapes.area.sum() / 1e6 == pytest.approx(km2, abs=1)


def test_most_population_weighted_centroids_lie_in_their_own_area(real):
    import shapely

    shapes = read(real, *BOUNDARIES[0][:2], "boundaries_parquet")
    points = read(real, *LOOKUPS[11][:3])
    assert list(shapes["lsoa21cd"]) == list(points["lsoa21cd"])
    inside = shapely.contains_xy(shapes.geometry.to_numpy(), points["x_m"], points["y_m"])
    # Outlines are generalised to 20 m, so a centroid by the boundary may fall just beyond it.
    assert inside.mean() > 0.985


CENSUS = {
    "ts001": (59_597_601, 3), "ts011": (24_783_097, 6), "ts037": (59_597_441, 6), "ts038": (59_597_543, 7),
    "ts044": (24_783_316, 9), "ts045": (24_782_971, 5), "ts054": (24_783_417, 13), "ts062": (48_566_461, 10),
    "ts063": (27_773_458, 10), "ts065": (20_792_964, 4), "ts068": (56_365_491, 3),
}  # fmt: skip


@pytest.mark.parametrize("table", CENSUS)
def test_census_tables_add_up_to_the_published_totals(real, table):
    frame = read(real, f"census_{table}", f"census2021/census2021-{table}.zip")
    total, columns = CENSUS[table]
    assert frame.shape == (35_672, columns + 1)
    assert int(frame[f"{table}_total"].sum()) == total
    assert not frame.isna().any(axis=None)


def test_households_and_the_health_of_59_6_million_residents(real):
    homes = read(real, "census_ts041", "census2021/census2021-ts041.zip")
    assert int(homes["ts041_number_of_households"].sum()) == 24_783_179
    health = read(real, "census_ts037", "census2021/census2021-ts037.zip")
    parts = health.drop(columns=["lsoa21cd", "ts037_total"])
    assert int(parts.sum().sum()) == pytest.approx(59_600_000, abs=5_000)


def test_stand_in_tables_add_up(real):
    bands = read(
        real, "census_age_bands", "census2021/census2021_age_bands_lsoa21.csv.gz", "census_age_bands_csv"
    )
    assert len(bands) == 35_672
    assert int(bands["residents"].sum()) == 59_596_590
    spoken = read(
        real, "census_english_proficiency_msoa", "census2021/census2021_english_proficiency_msoa21_ew.csv.gz",
        "census_english_proficiency_csv",
    )  # fmt: skip
    assert len(spoken) == 7_264
    assert int(spoken[["cannot_speak_english_well", "cannot_speak_english"]].sum().sum()) == 879_776 + 160_525


def test_mid_2020_residents(real):
    people = read(
        real,
        "population_2020_lsoa11",
        "population/mid2020_single_year_of_age_lsoa11_ew.csv.gz",
        "population_lsoa11_csv",
    )
    assert people.shape == (34_753, 93)
    assert int(people["residents_2020"].sum()) == 59_719_724


def test_deprivation_ranks_are_all_there_once(real):
    file7 = read(
        real,
        "iod2025_file7",
        "deprivation/File_7_IoD2025_All_Ranks_Scores_Deciles_Population_Denominators.csv",
    )
    subdomains = read(
        real,
        "iod2025_subdomains",
        "deprivation/imd2025_england_lsoa21_subdomains.csv.gz",
        "iod_subdomains_csv",
    )
    for table in (file7, subdomains):
        assert len(table) == 33_755
        # Ties apart, ranks are 1 to n once each, so they add up to n(n + 1)/2.
        for rank in [c for c in table if c.endswith("_rank")]:
            assert table[rank].sum() == pytest.approx(33_755 * 33_756 / 2, abs=20)
        for decile in [c for c in table if c.endswith("_decile")]:
            assert table[decile].value_counts().between(3_370, 3_380).all()
    wales = read(real, "wimd2019", "deprivation/wimd2019_ranks_lsoa11.csv.gz", "wimd2019_csv")
    assert len(wales) == 1_909
    assert wales["wimd2019_rank"].sum() == 1_909 * 1_910 / 2


def test_both_layouts_of_the_connectivity_indicator_agree(real):
    csv = read(
        real, "iod2025_file8", "deprivation/imd2025_england_lsoa21_indicators.csv.gz", "iod_indicators_csv"
    )
    parquet = read(
        real, "iod2025_digital_connectivity", "broadband/iod2025_broadband_connectivity_lsoa21_england.parquet",
        "iod_connectivity_parquet",
    )  # fmt: skip
    assert len(csv) == len(parquet) == 33_755
    name = "digital_connectivity_broadband_download_and_upload_speeds"
    np.testing.assert_allclose(csv[name], parquet[name])
    assert csv["connectivity_score"].describe()[["min", "50%", "max"]].round(1).tolist() == [3.2, 67.1, 98.9]
    blank = csv["income_deprivation_affecting_older_people_index_idaopi_numerator__status"]
    assert (
        (blank == "suppressed").sum()
        == csv["income_deprivation_affecting_older_people_index_idaopi_numerator"].isna().sum()
        > 0
    )


def test_digital_propensity_and_the_peer(real):
    dpi = read(real, "digital_propensity_index", "digital/digital_propensity_index_2021_lsoa11.csv")
    assert len(dpi) == 26_325
    assert dpi["online_share_pct"].sum() == pytest.approx(2_473_171.7)
    fit = read(real, *LOOKUPS[8][:3])
    check_known_keys(dpi, "lsoa11cd", fit["lsoa11cd"], catalogue().source("digital_propensity_index"), "dpi")
    deri = read(real, "deri_v1_6", "peers/deri_v1_6_components_gb_lsoa11_dz11.csv.gz", "deri_csv")
    assert len(deri) == 41_729
    assert (deri["deri_score__status"] == "missing").sum() == deri["deri_score"].isna().sum() == 167


def test_every_figure_of_the_internet_users_workbook_is_read(real):
    import python_calamine

    users = read(real, "internet_users_2020", "digital/internetusers2020.xlsx")
    book = python_calamine.CalamineWorkbook.from_path(str(real / "digital" / "internetusers2020.xlsx"))
    figures = 0
    for name in book.sheet_names[1:]:
        # A row of years is the one row of numbers that lies wholly within 2011 to 2020.
        rows = book.get_sheet_by_name(name).to_python()
        numbers = [[c for c in row if isinstance(c, int | float)] for row in rows]
        figures += sum(len(row) for row in numbers if not all(2011 <= c <= 2020 for c in row))
    read_in = sum(int((users[f"{c}__status"] == "observed").sum()) for c in ("value", "low", "high"))
    assert read_in == figures
    assert users["sheet"].nunique() == 20
    north_east = users[(users["sheet"] == "5a") & (users["nuts_cd"] == "UKC") & (users["year"] == 2019)]
    by_use = north_east.set_index("use")["value"].to_dict()
    assert by_use == {"last_3_months": 1871, "over_3_months_ago": 54, "never": 186}
    nuts3 = users[(users["sheet"] == "6b") & users["nuts_cd"].fillna("").str.len().eq(5)]
    assert nuts3["nuts_cd"].nunique() > 170
    assert (users["value__status"] == "too_small").sum() == 1


def test_ofcom_by_council(real):
    fixed = read(real, "ofcom_fixed_coverage_lad", "broadband/broadband-by-laua.json", "ofcom_laua_json")
    mobile = read(real, "ofcom_mobile_lad", "broadband/mobile-by-laua.json", "ofcom_mobile_json")
    assert len(fixed) == len(mobile) == 361
    aberdeen = fixed.set_index("lad_cd").loc["S12000033"]
    assert (aberdeen["superfast_pct"], aberdeen["gigabit_pct"], aberdeen["below_decent_pct"]) == (
        97.5,
        89.2,
        0,
    )
    assert mobile.set_index("lad_cd").loc["E06000001", "mobile_4g_all_pct"] == 71.8


def test_libraries_are_read_in_full_and_open_ones_are_kept(real):
    entry = catalogue().source("libraries")
    path = real / "venues" / "libraries_england_2023_enhanced.parquet"
    register = library_register(library_table(path, entry), entry, path.name)
    assert len(register) == 3_539
    assert (register["standing"] == "closed").sum() == 361
    assert (register["year_closed"].isna() & register["operation"].notna()).sum() == 3_158
    table = read_source(path, entry, "libraries_parquet")
    assert len(table) == (register["standing"] == "open").sum() == 2_945 + 24
    assert table["venue_id"].is_unique
    assert table["x_m"].notna().all()


def test_practices_stops_and_jobcentres_are_read_in_full(real):
    practices = read(
        real, "gp_practices", "venues/gp_practices_england_2020_geocoded.parquet", "gp_practices_parquet"
    )
    assert len(practices) == 6_919
    assert practices["x_m"].isna().sum() == 1
    stops = read(real, "mobile_library_stops", "venues/mobile_library_stops.parquet", "mobile_stops_parquet")
    assert len(stops) == 5_482
    assert stops["venue_id"].str.split(":").str[1].str.split("-").str[0].nunique() > 20
    assert stops["hours_per_week"].notna().mean() > 0.999
    centres = read(real, "jobcentres", "venues/gm_jobcentreplus.geojson", "venues_file")
    assert len(centres) == 26
    assert set(centres["kind"]) == {"jobcentre"}
    assert centres.attrs["left_out"] == []


def test_postcodes_place_what_has_no_coordinates(real):
    postcodes = read(
        real, "postcodes_codepoint_open", "postcodes/codepoint_open_gb_2025_2.parquet", "codepoint_parquet"
    )
    assert len(postcodes) == 1_743_449
    assert postcodes["x_m"].isna().sum() == (postcodes["quality"] == 90).sum() == 811
    practices = read(
        real, "gp_practices", "venues/gp_practices_england_2020_geocoded.parquet", "gp_practices_parquet"
    )
    bare = practices.assign(x_m=np.nan, y_m=np.nan)
    placed = place_by_postcode(bare, postcodes)
    assert len(placed.venues) + len(placed.left_out) == 6_919
    assert len(placed.venues) > 6_700
    both = placed.venues.merge(practices, on="venue_id", suffixes=("", "_published")).dropna(
        subset=["x_m_published"]
    )
    apart = np.hypot(both["x_m"] - both["x_m_published"], both["y_m"] - both["y_m_published"])
    assert apart.median() < 60


def test_the_population_raster_and_the_rutland_extract(real):
    raster = read(
        real,
        "population_raster_ukceh",
        "raster/GB_residential_population_2011_1_km_deflate.tif",
        "population_raster",
    )
    assert (raster["width"][0], raster["height"][0], raster["crs"][0]) == (651, 1_214, "EPSG:27700")
    assert raster["people"][0] == 60_920_748
    roads = read(real, "roads_osm", "roads/rutland-latest.osm.pbf", "osm_pbf_roads")
    shapes = read(real, "roads_osm", "roads/rutland-latest-free.shp.zip", "osm_pbf_roads")
    assert roads["roads"][0] == shapes["roads"][0] == 6_665
    halls = read(real, "village_halls", "roads/rutland-latest.osm.pbf", "osm_pbf_venues")
    assert len(halls) == 28
    assert set(halls["kind"]) == {"village_hall", "community_centre"}


def test_northumberland_and_rutland_are_whole(real):
    ward = read(real, *LOOKUPS[0][:3])
    assert (ward["lad_cd"] == "E06000057").sum() == 200
    assert (ward["lad_cd"] == "E06000017").sum() == 26
    fit = read(real, *LOOKUPS[8][:3])
    assert fit.loc[fit["lad_cd"] == "E06000057", "lsoa21cd"].nunique() == 200
