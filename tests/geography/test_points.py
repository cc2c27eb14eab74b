"""Points to areas: every engine gives brute force's answer; edges, gaps and unknown places are told apart."""

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import ContractError, InputError
from exclusion.geography import points as points_module
from exclusion.geography.points import ENGINES, areas_of_points, count_points


def squares(rows=4, columns=5, size=100.0):
    boxes = [
        shapely.box(column * size, row * size, (column + 1) * size, (row + 1) * size)
        for row in range(rows)
        for column in range(columns)
    ]
    # One square is left out, so that there is a gap inside.
    del boxes[7]
    codes = [f"E0100{number:04d}" for number in range(len(boxes))]
    return geopandas.GeoDataFrame({"lsoa21cd": codes}, geometry=boxes, crs="EPSG:27700")


def engine_or_skip(engine):
    needed = {"sedonadb": "sedonadb", "dask": "dask"}.get(engine)
    if needed:
        pytest.importorskip(needed, reason=f"the extra with {needed} is not installed")
    return engine


def brute_force(xy, areas):
    places = shapely.points(xy)
    found = np.full(len(xy), -1)
    for position in reversed(range(len(areas))):
        found[shapely.intersects(areas.geometry.iloc[position], places)] = position
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_answer_of_brute_force(engine, monkeypatch):
    engine_or_skip(engine)
    monkeypatch.setattr(points_module, "PART", 700)
    rng = np.random.default_rng(5)
    xy = rng.uniform(-50, 550, (2_000, 2))
    # A tenth of the points stand on edges and corners, where more than one outline touches them.
    xy[::10] = np.round(xy[::10], -2)
    areas = squares()
    assert np.array_equal(areas_of_points(xy[:, 0], xy[:, 1], areas, engine=engine), brute_force(xy, areas))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-1, 11), st.integers(-1, 9)), max_size=30))
def test_a_point_on_an_edge_belongs_to_the_lower_code(corners):
    areas = squares()
    xy = np.array(corners, dtype=float).reshape(-1, 2) * 50
    assert np.array_equal(areas_of_points(xy[:, 0], xy[:, 1], areas), brute_force(xy, areas))


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("engine", ENGINES)
def test_counts_add_up_and_unknown_is_neither_outside_nor_zero(tmp_path, monkeypatch, engine, suffix):
    engine_or_skip(engine)
    monkeypatch.setattr(points_module, "PART", 3)
    table = pd.DataFrame({"x": [50, 150, 150, 0, np.nan, 9_999, 250], "y": [50, 50, 60, 0, 50, 50, 150]})
    path = tmp_path / f"premises.{suffix}"
    table.to_parquet(path) if suffix == "parquet" else table.to_csv(path, index=False)
    found = count_points(path, squares(), x="x", y="y", engine=engine)
    assert (found.points, found.outside, found.without_place) == (7, 2, 2)  # the gap counts as outside
    assert found.areas["points"].sum() == 3
    assert found.areas["points"].tolist()[:2] == [1, 2]


def test_points_without_coordinates_have_no_area():
    assert areas_of_points([np.nan, 50.0], [50.0, 50.0], squares()).tolist() == [-1, 0]


def test_no_points_is_no_answer():
    assert areas_of_points([], [], squares()).tolist() == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "gone.parquet", "no file"),
        (lambda folder: _written(folder / "points.csv", "a,b\n1,2\n"), "no column 'x_m'"),
        (lambda folder: _written(folder / "points.csv", "x_m,y_m\nfar,2\n"), "points.csv"),
        (lambda folder: _written(folder / "points.csv", ""), "points.csv"),
        (lambda folder: _written(folder / "points.parquet", "not parquet"), "points.parquet"),
        (lambda folder: _written(folder / "points.xlsx", ""), "neither"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, make, message):
    path = make(tmp_path)
    with pytest.raises(InputError, match=message):
        count_points(path, squares())


def _written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_a_wrong_system_order_or_engine_is_refused():
    areas = squares()
    with pytest.raises(ContractError, match="4326"):
        areas_of_points([1], [1], areas.to_crs(4326))
    with pytest.raises(ContractError, match="sorted"):
        areas_of_points([1], [1], areas.iloc[::-1])
    with pytest.raises(InputError, match="no engine called 'spark'"):
        areas_of_points([1], [1], areas, engine="spark")


def test_dask_workers_in_processes_of_their_own_give_the_same_answer(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    monkeypatch.setattr(points_module, "PART", 500)
    rng = np.random.default_rng(6)
    xy = rng.uniform(-50, 550, (3_000, 2))
    areas = squares()
    cluster = distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        local_directory=str(tmp_path),
    )
    with cluster, distributed.Client(cluster):
        found = areas_of_points(xy[:, 0], xy[:, 1], areas, engine="dask")
    assert np.array_equal(found, brute_force(xy, areas))


@pytest.mark.real
def test_real_postcodes_fall_in_real_areas(real):
    outlines = geopandas.read_parquet(real / "boundaries/lsoa21_ew_bsc_wgs84.parquet").to_crs("EPSG:27700")
    outlines = outlines.rename(columns={"lsoa21_code": "lsoa21cd"}).sort_values("lsoa21cd", ignore_index=True)
    path = real / "postcodes/codepoint_open_gb_2025_2.parquet"
    found = count_points(path, outlines, x="eastings", y="northings")
    assert found.points == 1_743_449
    assert found.without_place == 811
    country = pd.read_parquet(path, columns=["country_code"])["country_code"]
    here = int(country.isin(["E92000001", "W92000004"]).sum())
    # Boundaries clipped to the coast and generalised to 200 m leave a few hundred quays and piers outside.
    assert 0.995 * here < found.areas["points"].sum() <= here
