"""Postcodes in areas: by the polygon that holds them, on the coast by nearness, sectors by most postcodes."""

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from exclusion.errors import ContractError
from exclusion.geography.postcodes import postcode_areas, sector_areas

AREAS = gpd.GeoDataFrame(
    {"lsoa21cd": ["E01000002", "E01000001"], "lad_cd": ["E06000998", "E06000998"]},
    geometry=[box(401_000, 500_000, 402_000, 501_000), box(400_000, 500_000, 401_000, 501_000)],
    crs=27700,
)


def postcodes(**places):
    rows = [(name.replace("_", " "), x, y, lad) for name, (x, y, lad) in places.items()]
    return pd.DataFrame(rows, columns=["pcds", "x_m", "y_m", "lad_cd"])


def test_each_postcode_has_the_area_that_holds_it_and_edges_do_not_lose_any():
    found = postcode_areas(
        postcodes(
            XA1_1AB=(401_500, 500_500, "E06000998"), XA1_1AA=(400_500, 500_500, "E06000998"),
            XA1_1AC=(401_000, 500_500, "E06000998"), XA1_1AD=(400_500, 499_950, "E06000998"),
            XA1_1AE=(400_500, 499_950, "E06000001"), XA1_1AF=(400_500, 499_000, "E06000998"),
            XA1_1AG=(float("nan"), float("nan"), "E06000998"),
        ),
        AREAS,
    )  # fmt: skip
    assert dict(found.itertuples(index=False)) == {
        "XA1 1AA": "E01000001", "XA1 1AB": "E01000002", "XA1 1AC": "E01000001", "XA1 1AD": "E01000001",
    }  # fmt: skip
    assert found["postcode"].is_monotonic_increasing


def test_a_sector_goes_to_the_area_with_most_of_its_postcodes():
    units = pd.DataFrame(
        {"postcode": ["XA1 1AA", "XA1 1AB", "XA1 1AC", "XA1 2AA"], "lsoa21cd": ["E2", "E2", "E1", "E1"]}
    )
    assert sector_areas(units).to_dict("list") == {"postcode": ["XA1 1", "XA1 2"], "lsoa21cd": ["E2", "E1"]}


def test_areas_in_degrees_are_refused():
    with pytest.raises(ContractError, match="EPSG:27700"):
        postcode_areas(postcodes(), AREAS.to_crs(4326))
