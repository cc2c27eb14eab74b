"""Sizes on real boundaries: a council's page and the nation's, and how far apart the colours are."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from exclusion.publish.map.content import PageContent, Reach
from exclusion.publish.map.page import build_page
from tests.publish.map_made import DOMAINS, made_edition, made_table, made_venues

COUNCIL_BYTES = 350_000
NATION_BYTES = 8_000_000


def real_areas(real) -> gpd.GeoDataFrame:
    areas = gpd.read_parquet(real / "boundaries" / "lsoa21_ew_bgc_wgs84.parquet").to_crs(27700)
    areas = areas.rename(columns={"LSOA21CD": "lsoa21cd", "LSOA21NM": "lsoa21nm", "LADCD": "lad_cd"})
    areas["lad_nm"] = areas["lsoa21nm"].str.rsplit(" ", n=1).str[0]
    wards = pd.read_csv(real / "lookups" / "lsoa21_ward24_lad24_ew.csv.gz", encoding="utf-8-sig")
    areas["wd_nm"] = areas["lsoa21cd"].map(wards.set_index("lsoa21_code")["ward24_name"])
    rural = pd.read_csv(real / "ruc" / "LSOA21_RUC21_EW_LU.csv", encoding="utf-8-sig").set_index("LSOA21CD")
    areas["ruc21nm"] = areas["lsoa21cd"].map(rural["RUC21NM"])
    areas["is_rural"] = areas["lsoa21cd"].map(rural["Urban_rural_flag"]) == "Rural"
    bounds = areas.bounds
    return areas.assign(x_m=(bounds["minx"] + bounds["maxx"]) / 2, y_m=(bounds["miny"] + bounds["maxy"]) / 2)


def sectors_or_units(real, areas: gpd.GeoDataFrame, *, is_sectors: bool, council: str = "") -> pd.DataFrame:
    columns = ["pcds", "eastings", "northings", "admin_district_code"]
    postcodes = pd.read_parquet(real / "postcodes" / "codepoint_open_gb_2025_2.parquet", columns=columns)
    postcodes = postcodes[postcodes["eastings"].notna()]
    if council:
        postcodes = postcodes[postcodes["admin_district_code"] == council]
    names = postcodes["pcds"].str[:-2] if is_sectors else postcodes["pcds"]
    places = (
        postcodes.assign(postcode=names).groupby("postcode")[["eastings", "northings"]].median().reset_index()
    )
    points = gpd.GeoDataFrame(
        places, geometry=gpd.points_from_xy(places["eastings"], places["northings"]), crs=27700
    )
    return gpd.sjoin(points, areas[["lsoa21cd", "geometry"]], predicate="within")[["postcode", "lsoa21cd"]]


@pytest.mark.real
@pytest.mark.slow
def test_northumberland_with_postcodes_venues_and_reach_fits_the_budget(real):
    everywhere = real_areas(real)
    areas = everywhere[everywhere["lad_cd"] == "E06000057"].reset_index(drop=True)
    assert len(areas) == 200
    table, venues = made_table(areas), made_venues(areas)
    copies = [
        venues.assign(venue_id=venues["venue_id"] + str(at), x_m=venues["x_m"] + 900 * at) for at in range(7)
    ]
    venues = pd.concat(copies, ignore_index=True)
    rng = np.random.default_rng(3)
    demand = pd.DataFrame({"demand_id": range(1_600), "lsoa21cd": np.repeat(areas["lsoa21cd"].to_numpy(), 8)})
    demand["people_offline"] = np.repeat(table["people_offline"].to_numpy() / 8, 8)
    x = np.repeat(areas["x_m"].to_numpy(), 8) + rng.normal(0, 1_500, 1_600)
    y = np.repeat(areas["y_m"].to_numpy(), 8) + rng.normal(0, 1_500, 1_600)
    minutes = np.hypot(x[:, None] - venues["x_m"].to_numpy(), y[:, None] - venues["y_m"].to_numpy()) / 500
    row, column = np.nonzero(minutes <= 45)
    pairs = pd.DataFrame(
        {"demand_id": row, "venue_id": venues["venue_id"].to_numpy()[column], "minutes": minutes[row, column]}
    )
    content = PageContent(
        areas=areas, table=table, edition=made_edition(200, place_name="Northumberland"), domains=DOMAINS, venues=venues,
        reach=Reach(demand, pairs, 45.0), postcodes=sectors_or_units(real, areas, is_sectors=False, council="E06000057"),
    )  # fmt: skip
    page = build_page(content)
    assert len(content.postcodes) > 10_000
    assert len(page) <= COUNCIL_BYTES
    assert page == build_page(
        replace(
            content, areas=areas.sample(frac=1, random_state=1), venues=venues.sample(frac=1, random_state=1)
        )
    )


@pytest.mark.real
@pytest.mark.slow
def test_the_nation_with_sectors_fits_the_budget(real):
    areas = real_areas(real)
    content = PageContent(
        areas=areas, table=made_table(areas), edition=made_edition(35_672, place_name="England and Wales"), domains=DOMAINS,
        postcodes=sectors_or_units(real, areas, is_sectors=True), is_national=True,
        pages={code: f"{code}.html" for code in areas["lad_cd"].unique()},
    )  # fmt: skip
    assert len(content.postcodes) > 9_000
    assert len(build_page(content)) <= NATION_BYTES
