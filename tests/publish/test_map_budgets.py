"""Sizes on real boundaries: a council's page and the nation's, and how far apart the colours are."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from exclusion.geography.postcodes import postcode_areas
from exclusion.publish.edition_pages import EditionTables, edition_pages
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


def sectors_of(real, areas: gpd.GeoDataFrame) -> pd.DataFrame:
    columns = ["pcds", "eastings", "northings"]
    postcodes = pd.read_parquet(real / "postcodes" / "codepoint_open_gb_2025_2.parquet", columns=columns)
    postcodes = postcodes[postcodes["eastings"].notna()]
    places = (
        postcodes.assign(postcode=postcodes["pcds"].str[:-2])
        .groupby("postcode")[["eastings", "northings"]]
        .median()
        .reset_index()
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
    # A reason as long as the job's own: the sentences are the largest part of the readable table.
    table["reason"] = [
        f"At higher risk of digital exclusion than {at % 100} in 100 areas in England and Wales, mainly because {at % 60}% of "
        f"adults have not worked for a year or more, and {at % 40}% of people are 65 or over. The nearest help in person is "
        f"{at % 50} minutes away, which adds {at % 9}.{at % 10} points; better connected homes lower it by {at % 4} points."
        for at in range(200)
    ]
    units = pd.read_parquet(real / "postcodes" / "codepoint_open_gb_2025_2.parquet").rename(
        columns={"eastings": "x_m", "northings": "y_m", "admin_district_code": "lad_cd"}
    )
    postcodes = postcode_areas(units, areas)
    assert 10_000 < len(postcodes) < 15_000
    tables = EditionTables(
        areas=areas.assign(area_km2=1.0, msoa_hcl_nm=areas["wd_nm"]), results=table, venues=venues, domains=DOMAINS,
        edition=made_edition(200), reach=Reach(demand, pairs, 45.0), postcodes=postcodes,
    )  # fmt: skip
    # The same way as the job goes.
    ((file, page),) = edition_pages(tables, "Northumberland", "northumberland")
    assert file == "northumberland.html"
    assert len(page) <= COUNCIL_BYTES
    shuffled = replace(
        tables,
        areas=tables.areas.sample(frac=1, random_state=1),
        venues=venues.sample(frac=1, random_state=1),
        postcodes=postcodes.sample(frac=1, random_state=1),
    )
    assert dict(edition_pages(shuffled, "Northumberland", "northumberland")) == {file: page}


@pytest.mark.real
@pytest.mark.slow
def test_the_nation_with_sectors_fits_the_budget(real):
    areas = real_areas(real)
    content = PageContent(
        areas=areas, table=made_table(areas), edition=made_edition(35_672, place_name="England and Wales"), domains=DOMAINS,
        postcodes=sectors_of(real, areas), is_national=True,
        pages={code: f"{code}.html" for code in areas["lad_cd"].unique()},
    )  # fmt: skip
    assert len(content.postcodes) > 9_000
    assert len(build_page(content)) <= NATION_BYTES
