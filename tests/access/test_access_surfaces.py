"""Surfaces as files and overlays: tiled, with overviews, in the right place, the same bytes twice."""

import warnings

import numpy as np
import pandas as pd
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.errors import NotGeoreferencedWarning

from exclusion.access.friction import FrictionGrid, read_friction, surface_of_classes, with_barriers
from exclusion.access.grid import Grid, grid_around
from exclusion.access.straight import StraightLine
from exclusion.access.surfaces import (
    Surface,
    friction_layer,
    overlay_of,
    people_beyond_surface,
    travel_surface,
    write_geotiff,
)
from exclusion.access.travel import Points
from exclusion.errors import ContractError, InputError
from tests.access.worlds import LEFT, TOP, square_areas


def made_surface(n_rows=300, n_columns=700):
    values = np.random.default_rng(2).uniform(0, 60, (n_rows, n_columns)).astype(np.float32)
    values[:20] = np.nan
    return Surface(Grid(LEFT, TOP, 100.0, n_rows, n_columns), values, "made", "minutes", "made")


def places(count=6):
    generator = np.random.default_rng(1)
    return Points(
        LEFT + generator.uniform(0, 4_000, count),
        TOP - generator.uniform(0, 4_000, count),
        np.full(count, 4, dtype=np.int8),
    )


def test_the_geotiff_is_cloud_optimized_and_says_what_it_is(tmp_path):
    surface = made_surface()
    write_geotiff(surface, tmp_path / "s.tif")
    with rasterio.open(tmp_path / "s.tif") as dataset:
        assert dataset.crs.to_epsg() == 27700
        assert dataset.nodata == -9999
        assert dataset.block_shapes == [(256, 256)]
        assert dataset.overviews(1) == [2, 4]
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.descriptions == ("made",)
        assert dataset.units == ("minutes",)
        assert dataset.tags()["engine"] == "made"
        assert dataset.transform == surface.grid.transform
        back = dataset.read(1, masked=True).filled(np.nan)
    np.testing.assert_array_equal(back, surface.cells)


def test_the_same_surface_gives_the_same_bytes(tmp_path):
    for name in ("a.tif", "b.tif"):
        write_geotiff(made_surface(), tmp_path / name)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    overlays = [
        overlay_of(made_surface(), [10, 20, 30]).png(["#000000", "#444444", "#888888", "#ffffff"])
        for _ in "ab"
    ]
    assert overlays[0] == overlays[1]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "s.tif"
    target.write_bytes(b"old")

    def broken(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("rasterio.shutil.copy", broken)
    with pytest.raises(OSError, match="disk full"):
        write_geotiff(made_surface(30, 30), target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["s.tif"]


def test_a_travel_surface_holds_each_cells_own_time():
    homes = places()
    halls = Points(np.array([LEFT + 1_050.0]), np.array([TOP - 1_050.0]), np.zeros(1, dtype=np.int8))
    grid = Grid(LEFT, TOP, 100.0, 40, 40)
    with_car, without = (
        travel_surface(StraightLine(), halls, grid, homes, has_car=kind) for kind in (True, False)
    )
    assert with_car.cells[10, 10] == 0
    assert (with_car.cells <= without.cells).all()
    km = 0.1 * np.hypot(10, 5)
    assumed = StraightLine().assumptions
    drive = 2 + 60 * km * assumed.drive_circuity["RSN1"] / assumed.drive_kmh["RSN1"]
    walk = 60 * km * 1.3 / 4.8
    assert with_car.cells[0, 15] == pytest.approx(min(walk, drive), abs=0.006)
    capped = travel_surface(StraightLine(), halls, grid, homes, has_car=True, limit_min=4)
    assert capped.cells.max() == 4
    assert "4 and more shown as 4" in capped.name
    friction = FrictionGrid.from_classes(homes, cell_m=100.0)
    over_ground = travel_surface(friction, halls, grid, homes, has_car=True)
    assert np.abs(over_ground.cells - with_car.cells).max() < 1.0
    assert over_ground.made_by == "friction surface"


def test_a_friction_surface_is_written_and_read_back(tmp_path):
    grid = Grid(LEFT, TOP, 100.0, 30, 40)
    friction = surface_of_classes(places(), grid, "drive")
    closed = np.zeros(grid.shape, dtype=bool)
    closed[10, :20] = True
    friction = with_barriers(friction, closed)
    write_geotiff(friction_layer(friction), tmp_path / "f.tif")
    back = read_friction(tmp_path / "f.tif", grid)
    np.testing.assert_array_equal(np.isinf(back.minutes_per_m), closed)
    np.testing.assert_allclose(back.minutes_per_m[~closed], friction.minutes_per_m[~closed], rtol=1e-6)


def test_a_travel_surface_is_cut_to_its_areas():
    halls = Points(np.array([LEFT + 50.0]), np.array([TOP - 50.0]), np.zeros(1, dtype=np.int8))
    grid = Grid(LEFT - 500, TOP + 500, 100.0, 50, 50)
    areas = square_areas(2, 2, side_m=2_000.0)
    surface = travel_surface(StraightLine(), halls, grid, places(), has_car=True, areas=areas)
    assert np.isfinite(surface.cells).sum() == 40 * 40
    assert np.isnan(surface.cells[:5]).all()
    with pytest.raises(ContractError, match="EPSG:27700"):
        travel_surface(StraightLine(), halls, grid, places(), has_car=True, areas=areas.to_crs(4326))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_the_people_on_the_surface_are_the_people_without_help(seed, count):
    generator = np.random.default_rng(seed)
    demand = pd.DataFrame(
        {
            "demand_id": np.arange(count).astype(str),
            "x_m": LEFT + generator.uniform(0, 3_000, count),
            "y_m": TOP - generator.uniform(0, 3_000, count),
            "people_offline": generator.integers(0, 30, count).astype(float),
        }
    )
    minutes = generator.choice([5.0, 20.0, 20.01, np.inf], count)
    points = Points(demand["x_m"].to_numpy(), demand["y_m"].to_numpy(), np.zeros(count, dtype=np.int8))
    grid = grid_around(points, cell_m=250.0)
    surface = people_beyond_surface(demand, minutes, grid, engine_name="made")
    assert np.nansum(surface.cells) == demand["people_offline"][minutes > 20].sum()
    cells = grid.cell_of(points.x_m, points.y_m)
    assert np.isfinite(surface.cells).sum() == len(np.unique(cells))
    assert np.isfinite(surface.cells.ravel()[cells]).all()


def test_nobody_may_live_outside_the_surface():
    demand = pd.DataFrame({"demand_id": ["a"], "x_m": [LEFT - 1], "y_m": [TOP], "people_offline": [3.0]})
    with pytest.raises(ContractError, match="1 demand rows, first a, lie outside"):
        people_beyond_surface(demand, np.array([5.0]), Grid(LEFT, TOP, 100.0, 3, 3), engine_name="made")


def test_an_overlay_puts_classes_where_they_belong():
    surface = made_surface(120, 200)
    overlay = overlay_of(surface, [15, 30, 45])
    assert set(np.unique(overlay.classes)) == {0, 1, 2, 3, 255}
    share = [(overlay.classes == number).sum() / (overlay.classes != 255).sum() for number in range(4)]
    assert share == pytest.approx([0.25] * 4, abs=0.03)
    assert 50 < overlay.south < overlay.north < 56
    assert overlay.west < overlay.east
    small = overlay_of(surface, [15], max_pixels=1_000)
    assert small.classes.size <= 1_100
    # A value on a break belongs to the class above it.
    flat = Surface(surface.grid, np.full(surface.cells.shape, 15, dtype=np.float32), "made", "", "made")
    assert set(np.unique(overlay_of(flat, [15, 30]).classes)) <= {1, 255}


def test_the_png_reads_back_with_its_colours(tmp_path):
    overlay = overlay_of(made_surface(60, 80), [20, 40])
    (tmp_path / "o.png").write_bytes(overlay.png(["#ff0000", "#00ff00", "#0000ff"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(tmp_path / "o.png") as picture:
            pixels, palette = picture.read(1), picture.colormap(1)
    assert pixels.shape == overlay.classes.shape
    for number, colour in enumerate(((255, 0, 0, 255), (0, 255, 0, 255), (0, 0, 255, 255))):
        assert {palette[pixel] for pixel in pixels[overlay.classes == number]} == {colour}
    assert {palette[pixel][3] for pixel in pixels[overlay.classes == 255]} == {0}
    with pytest.raises(InputError, match="3 colours are needed"):
        overlay.png(["#000000"])


@pytest.mark.parametrize("breaks", [[], [3, 2], [1, 1]])
def test_breaks_must_ascend(breaks):
    with pytest.raises(InputError, match="must ascend"):
        overlay_of(made_surface(40, 40), breaks)
