"""The land: a true coverage, exact nesting, codes and names that belong to no real place, nowhere near one."""

import json
import re

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from exclusion.demo import DEFAULT_SEED, DEMONSTRATION_NOTICE, county_name
from exclusion.demo.land import displaced, make_land
from exclusion.demo.layout_geography import layer, to_degrees
from exclusion.demo.names import DISTRICTS, QUARTERS, REGION, all_names
from exclusion.demo.nesting import RUC_NAMES
from exclusion.geography.codes import level_of


def test_the_notice_and_the_name():
    assert DEMONSTRATION_NOTICE == "Demonstration data: not a real place"
    assert county_name() == "Larkenshire"


@pytest.mark.parametrize("level", ["oas", "lsoa", "msoa", "district"])
def test_every_level_is_a_coverage_without_gaps_or_overlaps(county, level):
    shapes = county.land.oas if level == "oas" else getattr(county, level)
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    whole = shapely.unary_union(shapes)
    assert shapely.area(shapes).sum() == pytest.approx(whole.area, rel=1e-12)
    # A gap would be a hole in the whole: the county is a mainland and an island, both without holes.
    assert [len(part.interiors) for part in whole.geoms] == [0, 0]


def test_neighbours_meet_in_the_same_vertices(county):
    edges = np.concatenate([_edges(shape) for shape in county.lsoa])
    _, counts = np.unique(np.sort(edges.view("U64").reshape(-1, 2), axis=1), axis=0, return_counts=True)
    assert set(counts.tolist()) == {1, 2}
    inner = 2 * shapely.length(shapely.coverage_invalid_edges(county.lsoa)).sum()
    assert inner == 0.0


def _edges(shape):
    points = np.array([f"{x:.3f},{y:.3f}" for x, y in shapely.get_coordinates(shape)], dtype="U64")
    return np.column_stack([points[:-1], points[1:]]).reshape(-1, 2)


def test_the_coverage_stays_one_in_the_degrees_that_are_published(county):
    answer = json.loads(layer("LSOA21CD", [{"LSOA21CD": code} for code in county.lsoa_code], county.lsoa))
    shapes = np.array([shapely.geometry.shape(feature["geometry"]) for feature in answer["features"]])
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    back = geopandas.GeoSeries(shapes, crs="EPSG:4326").to_crs("EPSG:27700")
    assert shapely.coverage_is_valid(back.to_numpy())
    moved = np.hypot(*(shapely.get_coordinates(back.to_numpy()) - shapely.get_coordinates(county.lsoa)).T)
    assert moved.max() < 0.05


def test_each_level_nests_exactly_in_the_next(county):
    n = county.nesting
    for parent, child in (
        (n.msoa[n.lsoa], n.lsoa),
        (n.district[n.lsoa], n.msoa[n.lsoa]),
        (n.district[n.lsoa], n.ward[n.lsoa]),
    ):
        pairs = np.unique(np.column_stack([child, parent]), axis=0)
        assert len(pairs) == len(np.unique(child))
    assert 190 <= county.lsoa_count <= 215
    assert 950 <= len(county.oa_code) <= 1100
    assert 36 <= len(county.msoa_code) <= 46
    assert 54 <= len(county.ward_code) <= 66
    assert len(np.unique(n.district)) == len(DISTRICTS) == 6
    assert np.bincount(n.lsoa).min() >= 4


def test_areas_are_of_one_piece(county):
    assert {shape.geom_type for shape in county.land.oas} == {"Polygon"}
    assert {shape.geom_type for shape in county.lsoa} == {"Polygon"}


def test_there_are_towns_dales_and_moor(county):
    area_km2 = shapely.area(county.lsoa) / 1e6
    assert area_km2.min() < 0.5
    assert area_km2.max() > 80.0
    classes, counts = np.unique(county.nesting.ruc, return_counts=True)
    assert set(classes) == set(RUC_NAMES)
    assert counts.min() >= 8
    urban = np.char.startswith(county.nesting.ruc, "U")
    assert np.median(area_km2[~urban]) > 10 * np.median(area_km2[urban])


def test_every_change_since_2011_occurs_and_the_pairs_say_so(county):
    changes = pd.Series(county.nesting.change)
    assert set(changes) == {"U", "S", "M", "X"}
    pairs = pd.DataFrame(county.exact_fit, columns=["old", "new"])
    old_of = pairs.groupby("new")["old"].nunique()
    new_of = pairs.groupby("old")["new"].nunique()
    for new, change in changes.items():
        old = pairs.loc[pairs["new"] == new, "old"]
        same = [county.lsoa11_code[o] == county.lsoa_code[new] for o in old]
        if change == "U":
            assert old_of[new] == 1
            assert same == [True]
        else:
            assert not any(same)
        if change == "S":
            assert old_of[new] == 1
            assert new_of[old].eq(2).all()
        if change == "M":
            assert old_of[new] == 2
            assert new_of[old].eq(1).all()


def test_codes_have_the_right_level_and_are_unique(county):
    for codes, level in (
        (county.oa_code, "oa"), (county.lsoa_code, "lsoa"), (county.lsoa11_code, "lsoa"), (county.msoa_code, "msoa"),
        (county.ward_code, "ward"), (county.district_code, "lad"),
    ):  # fmt: skip
        assert len(set(codes)) == len(codes)
        assert {level_of(code) for code in codes} == {level}
        # The statistics office has given out no number from 900,000 up.
        assert all(re.fullmatch(r"E\d\d9\d{5}", code) for code in codes)
    for names in (county.lsoa_name, county.msoa_name, county.ward_name, county.msoa_local_name):
        assert len(set(names)) == len(names)
    units = county.homes.unit
    assert len(set(units)) == len(units)
    assert all(re.fullmatch(r"XL\d{1,2} \d[ABD-HJLNP-UW-Z]{2}", unit) for unit in units)


def test_centroids_lie_inside_their_areas(county):
    assert shapely.contains_xy(county.lsoa, county.centroid[:, 0], county.centroid[:, 1]).all()


def test_the_county_lies_in_the_sea_within_the_national_grid(county):
    left, bottom, right, top = shapely.bounds(county.land.outline)
    assert 0 < left < right < 700_000
    assert 0 < bottom < top < 1_300_000
    lon, lat = to_degrees(np.array([[left, bottom], [right, top]])).T
    # The transformations to the National Grid end at 1.92 degrees east, the box that Overpass is asked for at 55.9.
    assert lon.max() < 1.85
    assert lat.max() < 55.9


@pytest.mark.real
def test_no_real_land_is_near(county, real):
    land = geopandas.read_parquet(real / "boundaries" / "lad24_uk_wgs84.parquet").to_crs("EPSG:27700")
    assert land.distance(shapely.convex_hull(county.land.outline)).min() > 100_000


@pytest.mark.real
def test_no_code_belongs_to_a_real_area(county, real):
    lookups = real / "lookups"
    pairs = pd.read_csv(lookups / "lsoa11_lsoa21_lad22_exact_fit_ew.csv.gz", encoding="utf-8-sig")
    wards = pd.read_csv(lookups / "lsoa21_ward24_lad24_ew.csv.gz")
    msoa = pd.read_csv(lookups / "lsoa21_msoa21_ew_derived_by_name.csv.gz")
    lads = pd.read_csv(lookups / "la_all_codes.csv", encoding="latin-1")
    taken = (
        set(pairs["F_LSOA11CD"]) | set(pairs["LSOA21CD"]) | set(wards["ward24_code"]) | set(msoa["MSOA21CD"])
    )
    taken |= set(lads[["LADCD", "UTLACD", "RGNCD"]].to_numpy().ravel())
    assert len(taken) > 40_000
    made = {
        *county.lsoa_code,
        *county.lsoa11_code,
        *county.ward_code,
        *county.msoa_code,
        *county.district_code,
    }
    assert not made & taken
    assert county.region[0] not in taken


@pytest.mark.real
def test_no_name_is_that_of_a_real_place(real):
    lookups = real / "lookups"
    wards = pd.read_csv(lookups / "lsoa21_ward24_lad24_ew.csv.gz")
    msoa = pd.read_csv(lookups / "msoa21_house_of_commons_names_ew.csv.gz", encoding="utf-8-sig")
    lads = pd.read_csv(lookups / "la_all_codes.csv", encoding="latin-1")
    stops = pd.read_parquet(real / "venues" / "mobile_library_stops.parquet")
    taken = {
        *wards["ward24_name"],
        *msoa["msoa21hclnm"],
        *lads["LADNM"],
        *lads["UTLANM"],
        *lads["RGNNM"],
        *stops["community"],
    }
    taken = {str(name).lower() for name in taken}
    assert len(taken) > 10_000
    assert not {name.lower() for name in (*all_names(), *QUARTERS, REGION)} & taken


def test_another_seed_gives_another_land_that_is_as_sound():
    for seed in (DEFAULT_SEED + 1, DEFAULT_SEED + 2):
        land = make_land(np.random.default_rng([seed, 0]))
        assert shapely.coverage_is_valid(land.oas)
        assert shapely.contains_xy(land.oas, land.sites[:, 0], land.sites[:, 1]).all()


def test_displacement_keeps_the_ends_and_leaves_no_long_step():
    line = displaced(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.random.default_rng(1), 0.1, 90.0)
    assert line[0].tolist() == [0.0, 0.0]
    assert line[-1].tolist() == [1000.0, 0.0]
    assert np.hypot(*np.diff(line, axis=0).T).max() <= 90.0
    still = displaced(np.array([[0.0, 0.0], [1000.0, 0.0]]), np.random.default_rng(1), 0.0, 90.0)
    assert (still[:, 1] == 0.0).all()
