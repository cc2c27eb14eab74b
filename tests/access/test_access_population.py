"""Where people live: dasymetric spread, its exactness, and what it does with odd rasters."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import Affine

from exclusion.access import rasters
from exclusion.access.population import (
    FROM_CENTROID,
    FROM_OUTPUT_AREAS,
    FROM_RASTER,
    apportioned,
    demand_of,
    populated_places,
    population_note,
)
from exclusion.access.rasters import cell_shares
from exclusion.errors import ContractError, InputError, SourceError
from tests.access.worlds import LEFT, TOP, people_of, square_areas, write_raster


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 20_000, allow_nan=False),
            st.lists(st.one_of(st.just(0.0), st.floats(1e-6, 1e6)), min_size=1, max_size=12).filter(
                lambda weights: sum(weights) > 0
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_parts_sum_to_their_totals_in_any_order(groups, shuffler):
    totals = np.array([total for total, _ in groups])
    group = np.repeat(np.arange(len(groups)), [len(weights) for _, weights in groups])
    weight = np.concatenate([np.array(weights) for _, weights in groups])
    parts = apportioned(totals, group, weight)
    assert (parts >= 0).all()
    assert (parts[weight == 0] == 0).all()
    for number, (total, weights) in enumerate(groups):
        mine = parts[group == number].tolist()
        shuffler.shuffle(mine)
        assert abs(sum(mine) - total) <= 2.0**-27
        exact = np.array(weights) / sum(weights) * total
        assert np.abs(parts[group == number] - exact).max() <= 2.0**-25 + 1e-12 * total


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=20), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_whole_totals_are_kept_without_any_error(totals, n_members):
    group = np.repeat(np.arange(len(totals)), n_members)
    weight = np.tile(np.arange(1.0, n_members + 1) / 7, len(totals))
    parts = apportioned(np.array(totals, dtype=float), group, weight)
    assert np.bincount(group, weights=parts).tolist() == totals
    assert parts.sum() == sum(totals)


def test_a_cell_across_a_border_is_shared_by_its_surface_and_stands_inside_each_area(tmp_path):
    areas = square_areas(1, 2, side_m=1_500.0)
    path = write_raster(tmp_path / "p.tif", np.array([[10.0, 20.0, 30.0], [0.0, 0.0, 0.0]]))
    shares, facts = cell_shares(areas, path)
    assert facts.crs.to_epsg() == 27700
    by_area = shares.groupby("lsoa21cd")["population"].apply(list)
    assert by_area["E01000000"] == [10.0, 10.0]
    assert by_area["E01000001"] == [10.0, 30.0]
    half = shares[(shares["lsoa21cd"] == "E01000000") & (shares["column"] == 1)].iloc[0]
    assert (half["x_m"], half["y_m"]) == (LEFT + 1_250, TOP - 500)
    assert shares["population"].sum() == 60.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 3.0))
def test_no_cell_counts_twice_and_none_is_lost_inside(tmp_path_factory, seed, side_km):
    """Shares of a cell over all areas sum to the part of it that the areas cover, by an independent overlay."""
    generator = np.random.default_rng(seed)
    areas = square_areas(2, 3, side_m=side_km * 1_000)
    areas["geometry"] = areas.geometry.translate(
        float(generator.uniform(0, 900)), float(-generator.uniform(0, 900))
    )
    values = generator.integers(0, 50, size=(8, 11)).astype(np.float64)
    path = write_raster(tmp_path_factory.mktemp("r") / "p.tif", values)
    shares, _ = cell_shares(areas, path)
    union = areas.union_all()
    covered = shares.groupby(["row", "column"])["coverage"].sum()
    for (row, column), part in covered.items():
        box = shapely.box(
            LEFT + column * 1000, TOP - (row + 1) * 1000, LEFT + (column + 1) * 1000, TOP - row * 1000
        )
        assert part == pytest.approx(box.intersection(union).area / 1e6, abs=1e-6)
        assert part <= 1 + 1e-9
    total = sum(
        values[row, column]
        * shapely.box(
            LEFT + column * 1000, TOP - (row + 1) * 1000, LEFT + (column + 1) * 1000, TOP - row * 1000
        )
        .intersection(union)
        .area
        / 1e6
        for row in range(8)
        for column in range(11)
    )
    assert shares["population"].sum() == pytest.approx(total, rel=1e-6)


def test_overlapping_boundaries_share_a_cell_once(tmp_path):
    areas = square_areas(1, 2, side_m=1_000.0)
    areas["geometry"] = shapely.box(LEFT, TOP - 1_000, LEFT + 1_000, TOP)
    shares, _ = cell_shares(areas, write_raster(tmp_path / "p.tif", np.full((2, 2), 8.0)))
    assert shares["coverage"].tolist() == [0.5, 0.5]
    assert shares["population"].tolist() == [4.0, 4.0]


def test_windows_by_tile_give_the_same_as_one_window(tmp_path, monkeypatch):
    areas = square_areas(5, 5, side_m=1_300.0)
    values = np.random.default_rng(3).integers(0, 90, size=(7, 7)).astype(np.int32)
    path = write_raster(tmp_path / "p.tif", values)
    whole, _ = cell_shares(areas, path)
    monkeypatch.setattr(rasters, "_MAX_WINDOW_CELLS", 4)
    monkeypatch.setattr(rasters, "_TILE_M", 2_000.0)
    tiles, _ = cell_shares(areas, path)
    pd.testing.assert_frame_equal(whole, tiles)


def test_only_the_window_around_the_areas_is_read(tmp_path, monkeypatch):
    """A national raster is not read for a county: the negative cell far away is never seen."""
    values = np.full((400, 400), 1.0)
    values[399, 399] = -5.0
    path = write_raster(tmp_path / "p.tif", values)
    read = []
    monkeypatch.setattr(rasters, "_people", _watch_people(read))
    shares, _ = cell_shares(square_areas(), path)
    assert shares["population"].sum() == pytest.approx(16.0)
    assert sum(read) <= 6 * 6


def _watch_people(read):
    original = rasters._people

    def people(dataset, facts, window):
        values, has_data = original(dataset, facts, window)
        read.append(values.size)
        return values, has_data

    return people


def test_nodata_and_empty_cells_hold_nobody(tmp_path):
    values = np.array([[-9999.0, 4.0, np.nan, 0.0], [6.0, -9999.0, 0.0, 0.0], [0, 0, 0, 0], [0, 0, 0, 0]])
    shares, _ = cell_shares(square_areas(), write_raster(tmp_path / "p.tif", values))
    assert sorted(shares["population"]) == [4.0, 6.0]


def test_a_float_rasters_rounded_nodata_is_still_nodata(tmp_path):
    values = np.full((4, 4), np.float32(-99999.0), dtype=np.float32)
    values[0, 0] = 3
    path = write_raster(tmp_path / "p.tif", values, nodata=-99999.0)
    shares, _ = cell_shares(square_areas(), path)
    assert shares["population"].tolist() == [3.0]


def test_british_national_grid_without_its_code_is_known(tmp_path):
    text = pyproj.CRS.from_epsg(27700).to_wkt("WKT1_GDAL").replace(',AUTHORITY["EPSG","27700"]]', "]")
    path = write_raster(tmp_path / "p.tif", np.ones((4, 4)), crs=text)
    _, facts = cell_shares(square_areas(), path)
    assert facts.crs.to_epsg() == 27700


def test_a_like_name_with_another_meridian_is_not_british_national_grid(tmp_path):
    """PROJ's identification by name alone would call this EPSG:27700 and put everybody 140 km away."""
    text = pyproj.CRS.from_epsg(27700).to_wkt("WKT1_GDAL").replace(',AUTHORITY["EPSG","27700"]]', "]")
    other = text.replace('"central_meridian",-2', '"central_meridian",-4')
    assert other != text
    to_other = pyproj.Transformer.from_crs(27700, pyproj.CRS.from_wkt(other), always_xy=True)
    left, top = to_other.transform(LEFT, TOP)
    path = write_raster(
        tmp_path / "p.tif", np.ones((9, 9)), crs=other, left=left - 2_000, top=top + 2_000, nodata=-1.0
    )
    shares, facts = cell_shares(square_areas(), path)
    assert facts.crs.to_epsg() is None
    assert shares["population"].sum() == pytest.approx(16, rel=0.02)


def test_a_raster_in_degrees_puts_people_where_they_are(tmp_path):
    """WorldPop's layout: WGS84, cells of some 100 m. One populated cell, found to a metre."""
    to_degrees = pyproj.Transformer.from_crs(27700, 4326, always_xy=True)
    longitude, latitude = to_degrees.transform(LEFT + 3_000, TOP - 1_000)
    step = 3 / 3600
    values = np.full((81, 81), -99999.0, dtype=np.float32)
    values[40, 40] = 12.5
    transform = Affine(step, 0, longitude - 40.5 * step, 0, -step, latitude + 40.5 * step)
    path = write_raster(tmp_path / "w.tif", values, crs="EPSG:4326", nodata=-99999.0, transform=transform)
    places = populated_places(square_areas(), raster=path)
    cell = places[places["place_from"] == FROM_RASTER]
    assert cell["lsoa21cd"].tolist() == ["E01000001"]
    assert np.hypot(cell["x_m"] - LEFT - 3_000, cell["y_m"] - TOP + 1_000).iloc[0] < 1


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.array([[-3.0, 1.0]]), {}, "negative population"),
        (np.full((4, 4), -9999.0), {}, "no data at all"),
        (np.ones((4, 4)), {"left": 100_000.0}, "does not overlap"),
        (np.ones((4, 4)), {"crs": None}, "no coordinate reference system"),
        (np.ones((4, 4)), {"crs": 'LOCAL_CS["a field of mine",UNIT["metre",1]]'}, "not a place on the map"),
        (np.ones((4, 4)), {"transform": Affine(0, 1000, LEFT, -1000, 0, TOP)}, "turned"),
    ],
)
def test_a_bad_raster_is_one_clear_sentence(tmp_path, values, options, words):
    path = write_raster(tmp_path / "bad.tif", values, **options)
    with pytest.raises(SourceError, match=words) as fault:
        cell_shares(square_areas(), path)
    assert "bad.tif" in str(fault.value)
    assert "\n" not in str(fault.value)


def test_a_raster_of_several_bands_or_an_unknown_system_is_one_clear_sentence(tmp_path):
    path = write_raster(tmp_path / "one.tif", np.ones((4, 4)))
    with rasterio.open(path) as one:
        profile = one.profile | {"count": 2}
    with rasterio.open(tmp_path / "two.tif", "w", **profile) as two:
        two.write(np.ones((2, 4, 4)))
    with pytest.raises(SourceError, match=r"two\.tif has 2 bands"):
        cell_shares(square_areas(), tmp_path / "two.tif")
    with pytest.raises(SourceError, match="not understood"):
        cell_shares(square_areas(), path, crs="EPSG:999999")


def test_a_system_given_by_hand_is_used(tmp_path):
    path = write_raster(tmp_path / "bare.tif", np.ones((4, 4)), crs=None)
    shares, facts = cell_shares(square_areas(), path, crs="EPSG:27700")
    assert facts.crs.to_epsg() == 27700
    assert shares["population"].sum() == pytest.approx(16)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda areas: areas.iloc[:0], "empty"),
        (lambda areas: pd.concat([areas, areas.iloc[:1]]), "E01000000 twice"),
        (
            lambda areas: areas.assign(y_m=[1.0, np.nan, 1.0, 1.0]),
            "1 areas have no population-weighted centroid .* E01000001",
        ),
    ],
)
def test_an_areas_table_that_does_not_fit_is_named(change, words):
    with pytest.raises(ContractError, match=words):
        populated_places(change(square_areas()))


def test_a_missing_or_damaged_raster_is_one_clear_sentence(tmp_path):
    with pytest.raises(SourceError, match="no population raster"):
        cell_shares(square_areas(), tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("not a raster")
    with pytest.raises(SourceError, match="cannot be read as a raster"):
        cell_shares(square_areas(), tmp_path / "text.tif")
    whole = write_raster(
        tmp_path / "w.tif", np.random.default_rng(1).random((300, 300)), left=LEFT - 9e4, top=TOP + 9e4
    )
    cut = tmp_path / "cut.tif"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 4])
    with pytest.raises(SourceError, match=r"cut\.tif"):
        cell_shares(square_areas(), cut)


def test_boundaries_that_cannot_be_used_are_named(tmp_path):
    path = write_raster(tmp_path / "p.tif", np.ones((4, 4)))
    unclosed = square_areas()
    unclosed.loc[2, "geometry"] = shapely.LineString([(LEFT, TOP), (LEFT + 1, TOP), (LEFT, TOP - 1)])
    with pytest.raises(ContractError, match="E01000002.*no closed polygon"):
        populated_places(unclosed, raster=path)
    crossed = square_areas()
    crossed.loc[1, "geometry"] = shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])
    with pytest.raises(ContractError, match="E01000001.*Self-intersection"):
        populated_places(crossed, raster=path)
    with pytest.raises(ContractError, match="not in EPSG:27700"):
        populated_places(square_areas().to_crs(4326), raster=path)
    bare = gpd.GeoDataFrame(square_areas().drop(columns="x_m"))
    with pytest.raises(ContractError, match="'x_m'"):
        populated_places(bare)


def test_three_areas_smaller_than_one_cell_share_it_by_surface_and_keep_their_totals(tmp_path):
    """Three areas of 300 m within one cell of 1 km and 100 people: 9 of its people each, the rest are nobody's here."""
    areas = square_areas(1, 3, side_m=300.0)
    path = write_raster(tmp_path / "p.tif", np.array([[100.0, 0.0], [0.0, 0.0]]))
    shares, _ = cell_shares(areas, path)
    np.testing.assert_allclose(shares["population"], [9.0, 9.0, 9.0], rtol=1e-6)
    places = populated_places(areas, raster=path)
    assert places["place_from"].tolist() == [FROM_RASTER] * 3
    # each stands at its own area's middle, for the cell is wider than 250 m
    np.testing.assert_allclose(places["x_m"], areas["x_m"])
    demand, _ = demand_of(places, people_of(areas, adults=[10, 0, 3], offline=[1.1, 0.0, 2.2]))
    sums = demand.groupby("lsoa21cd")[["adults", "people_offline"]].sum()
    assert sums["adults"].tolist() == [10, 0, 3]
    np.testing.assert_allclose(sums["people_offline"], [1.1, 0.0, 2.2], atol=1e-8)


def test_areas_without_a_populated_cell_fall_back_and_say_so(tmp_path):
    areas = square_areas()
    values = np.zeros((4, 4))
    values[0, 0] = 5
    places = populated_places(areas, raster=write_raster(tmp_path / "p.tif", values))
    assert places.set_index("lsoa21cd")["place_from"].to_dict() == {
        "E01000000": FROM_RASTER,
        "E01000001": FROM_CENTROID,
        "E01000002": FROM_CENTROID,
        "E01000003": FROM_CENTROID,
    }
    assert (
        population_note(places) == f"{FROM_RASTER} (1 areas, 1 places); {FROM_CENTROID} (3 areas, 3 places)"
    )


def test_output_areas_step_in_by_residents():
    areas = square_areas()
    output_areas = pd.DataFrame(
        {
            "lsoa21cd": ["E01000000", "E01000000", "E01999999"],
            "x_m": [LEFT + 100, LEFT + 300, 0.0],
            "y_m": [TOP - 100, TOP - 300, 0.0],
            "residents": [30, 10, 5],
        }
    )
    places = populated_places(areas, output_areas=output_areas)
    mine = places[places["lsoa21cd"] == "E01000000"]
    assert mine["weight"].tolist() == [0.75, 0.25]
    assert mine["place_from"].eq(FROM_OUTPUT_AREAS).all()
    assert len(places) == 5
    with pytest.raises(ContractError, match="no column 'y_m'"):
        populated_places(areas, output_areas=output_areas.drop(columns="y_m"))
    with pytest.raises(ContractError, match="missing coordinates or missing or negative residents"):
        populated_places(areas, output_areas=output_areas.assign(residents=-1))
    with pytest.raises(ContractError, match="No output-area centroid"):
        populated_places(areas, output_areas=output_areas.iloc[2:])


def test_merged_cells_keep_the_weight_and_its_centre(tmp_path):
    areas = square_areas(1, 1, side_m=4_000.0)
    values = np.random.default_rng(5).integers(1, 90, size=(4, 4)).astype(float)
    path = write_raster(tmp_path / "p.tif", values)
    fine, coarse = (populated_places(areas, raster=path, place_size_m=size) for size in (None, 2_000.0))
    assert (len(fine), len(coarse)) == (16, 4)
    for name in ("x_m", "y_m"):
        assert (fine[name] * fine["weight"]).sum() == pytest.approx(
            (coarse[name] * coarse["weight"]).sum(), abs=0.1
        )
    with pytest.raises(InputError, match="place_size_m"):
        populated_places(areas, raster=path, place_size_m=-1)


def test_demand_splits_people_by_car_and_keeps_every_total(tmp_path):
    areas = square_areas()
    values = np.random.default_rng(7).integers(0, 40, size=(4, 4)).astype(np.int32)
    places = populated_places(areas, raster=write_raster(tmp_path / "p.tif", values, nodata=-9999))
    people = people_of(
        areas, adults=[1_001, 2_003, 7, 0], offline=[33.3, 0.1, 7.0, 0.0], no_car=[400, 0, 133, 1]
    )
    demand, notes = demand_of(places, people)
    assert notes == []
    assert demand["demand_id"].is_monotonic_increasing
    assert len(demand) == 2 * len(places)
    sums = demand.groupby("lsoa21cd")[["adults", "people_offline"]].sum()
    assert sums["adults"].tolist() == [1_001, 2_003, 7, 0]
    np.testing.assert_allclose(sums["people_offline"], people["people_offline"], atol=1e-8)
    by_car = demand.pivot_table(index="lsoa21cd", columns="has_car", values="adults", aggfunc="sum")
    np.testing.assert_allclose(by_car[False], [1_001, 0, 7 * 133 / 400, 0], atol=1e-6)


def test_an_area_without_households_takes_the_pooled_share_and_says_so():
    areas = square_areas(1, 2)
    people = people_of(areas, households=[400, 0], no_car=[100, 0])
    demand, notes = demand_of(populated_places(areas), people)
    assert "1 areas have no households" in notes[0]
    assert "E01000001" in notes[0]
    assert demand.loc[demand["demand_id"] == "E01000001-centroid-other", "adults"].iloc[0] == 250


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.drop("E01000001"), "lacks 1 of 4 areas, first E01000001"),
        (lambda t: t.drop(columns="people_offline"), "no column 'people_offline'"),
        (
            lambda t: t.assign(people_offline=[1, np.nan, 1, 1]),
            "people_offline is missing or negative in 1 areas, first E01000001",
        ),
        (lambda t: t.assign(adults_16plus=-1), "adults_16plus is missing or negative in 4"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "E01000000 twice"),
        (lambda t: t.assign(ts045_no_cars_or_vans_in_household=500), "more households without a car"),
    ],
)
def test_a_people_table_that_does_not_fit_is_named(change, words):
    areas = square_areas()
    with pytest.raises(ContractError, match=words):
        demand_of(populated_places(areas), change(people_of(areas)))
