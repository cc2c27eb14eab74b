"""Surfaces to look at and reuse: travel time and people beyond help, as GeoTIFF and as an overlay for the map."""

import math
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.friction import FrictionSurface
from exclusion.access.grid import Grid
from exclusion.access.rasters import BRITISH_NATIONAL_GRID
from exclusion.access.travel import Points, TravelEngine, door_to_door
from exclusion.errors import ContractError, InputError
from exclusion.files import atomic_path

_NODATA = -9999.0
_OUTSIDE = 255


@dataclass(frozen=True)
class Surface:
    """Hold one number for each cell of a grid, NaN where there is none, and what it is in words."""

    grid: Grid
    cells: npt.NDArray[np.float32]
    name: str
    unit: str
    made_by: str


def travel_surface(
    engine: TravelEngine,
    venues: Points,
    grid: Grid,
    places: Points,
    *,
    has_car: bool,
    limit_min: float = 60.0,
    areas: Any | None = None,
) -> Surface:
    """Return the door-to-door minutes to the nearest venue from every cell's centre, capped at the limit.

    `places` lend each cell the rural class of the nearest of them. `areas` (EPSG:27700 polygons) cuts the surface
    to their cells; elsewhere it is NaN. A cell at the limit is at or beyond it.
    """
    from scipy.spatial import KDTree

    x, y = grid.centres()
    kept = np.flatnonzero(_inside(grid, areas))
    minutes = np.full(grid.n_cells, np.nan)
    if kept.size:
        _distance, index = KDTree(places.xy).query(np.column_stack([x[kept], y[kept]]))
        origins = Points(x[kept], y[kept], places.rural[index])
        best = np.full(len(kept), limit_min)
        for mode in ("drive", "walk"):
            moved = engine.minutes_to_nearest(origins, venues, mode=mode)
            time = door_to_door(moved, origins.rural, mode, has_car=has_car, assumptions=engine.assumptions)
            best = np.minimum(best, time)
        minutes[kept] = best
    who = "with a car" if has_car else "without a car"
    return Surface(
        grid,
        minutes.reshape(grid.shape).astype(np.float32),
        f"minutes to the nearest help {who}, {limit_min:g} and more shown as {limit_min:g}",
        "minutes",
        engine.name,
    )


def people_beyond_surface(
    demand: Any, minutes: npt.NDArray[np.float64], grid: Grid, *, beyond_min: float = 20.0, engine_name: str
) -> Surface:
    """Sum the people offline whose nearest help is more than `beyond_min` minutes away, cell by cell.

    `minutes` is each demand row's time to its nearest help (inf: out of reach, which counts). Cells where nobody
    lives are NaN, cells where everybody has help within the limit 0. Raises ContractError where somebody lives
    outside the grid: the surface's sum is the number of people.
    """
    cell = grid.cell_of(demand["x_m"].to_numpy(dtype=np.float64), demand["y_m"].to_numpy(dtype=np.float64))
    if (cell < 0).any():
        raise ContractError(
            f"{int((cell < 0).sum())} demand rows, first {demand['demand_id'].iloc[int(np.argmax(cell < 0))]}, lie"
            " outside the surface's grid: lay the grid around all of them."
        )
    people = demand["people_offline"].to_numpy(dtype=np.float64)
    beyond = np.bincount(cell, weights=people * (minutes > beyond_min), minlength=grid.n_cells)
    has_rows = np.bincount(cell, minlength=grid.n_cells) > 0
    return Surface(
        grid,
        np.where(has_rows, beyond, np.nan).reshape(grid.shape).astype(np.float32),
        f"people offline without help within {beyond_min:g} minutes",
        "people",
        engine_name,
    )


def friction_layer(friction: FrictionSurface) -> Surface:
    """Return a friction surface as a layer to write; barriers become nodata, as `friction.read_friction` reads them."""
    return Surface(
        friction.grid,
        friction.minutes_per_m.astype(np.float32),
        "minutes to move one metre; nodata is a barrier",
        "minutes/metre",
        friction.made_from,
    )


def _inside(grid: Grid, areas: Any | None) -> npt.NDArray[np.bool_]:
    if areas is None:
        return np.ones(grid.n_cells, dtype=bool)
    from rasterio.features import geometry_mask

    if areas.crs is None or areas.crs.to_epsg() != 27700:
        raise ContractError(
            "The areas that cut a surface must be in EPSG:27700: reproject them with to_crs(27700)."
        )
    return np.asarray(
        geometry_mask(areas.geometry, grid.shape, grid.transform, invert=True), dtype=bool
    ).ravel()


def write_geotiff(surface: Surface, path: Path, *, notice: str = "") -> None:
    """Write a surface as a Cloud Optimized GeoTIFF: EPSG:27700, tiles, overviews, nodata -9999, atomically.

    `notice` is what every copy must say of itself; it becomes a tag beside the engine.
    """
    import rasterio
    import rasterio.shutil
    from rasterio.io import MemoryFile

    values = np.where(np.isfinite(surface.cells), surface.cells, _NODATA).astype(np.float32)
    with atomic_path(path) as temporary, MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=surface.grid.n_columns,
            height=surface.grid.n_rows,
            count=1,
            dtype="float32",
            crs=BRITISH_NATIONAL_GRID,
            transform=surface.grid.transform,
            nodata=_NODATA,
        ) as dataset:
            dataset.write(values, 1)
            dataset.set_band_description(1, surface.name)
            dataset.set_band_unit(1, surface.unit)
            dataset.update_tags(engine=surface.made_by, **({"notice": notice} if notice else {}))
        with memory.open() as dataset, rasterio.Env(GDAL_NUM_THREADS="1"):
            rasterio.shutil.copy(
                dataset,
                temporary,
                driver="COG",
                BLOCKSIZE="256",
                COMPRESS="DEFLATE",
                PREDICTOR="YES",
                OVERVIEWS="IGNORE_EXISTING",
                OVERVIEW_RESAMPLING="AVERAGE",
            )


@dataclass(frozen=True)
class Overlay:
    """Hold a surface as classes for a web map: rows in Web Mercator from the north, 255 where there is nothing.

    Class k holds values from `breaks[k - 1]` up to but not including `breaks[k]`; the last is open. The edges are
    WGS84 degrees.
    """

    classes: npt.NDArray[np.uint8]
    breaks: tuple[float, ...]
    west: float
    south: float
    east: float
    north: float

    def png(self, colours: Sequence[str]) -> bytes:
        """Return a PNG with one colour ("#rrggbb") for each class, see-through where there is nothing."""
        if len(colours) != len(self.breaks) + 1:
            raise InputError(
                f"{len(self.breaks) + 1} colours are needed, one for each class; {len(colours)} were given."
            )
        palette = b"".join(bytes.fromhex(colour.removeprefix("#")) for colour in colours) + b"\xff\xff\xff"
        pixels = np.where(self.classes == _OUTSIDE, len(colours), self.classes).astype(np.uint8)
        n_rows, n_columns = pixels.shape
        raw = np.zeros((n_rows, n_columns + 1), dtype=np.uint8)
        raw[:, 1:] = pixels
        header = struct.pack(">IIBBBBB", n_columns, n_rows, 8, 3, 0, 0, 0)
        chunks = (
            (b"IHDR", header),
            (b"PLTE", palette),
            (b"tRNS", b"\xff" * len(colours) + b"\x00"),
            (b"IDAT", zlib.compress(raw.tobytes(), 9)),
            (b"IEND", b""),
        )
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        )


def overlay_of(surface: Surface, breaks: Sequence[float], *, max_pixels: int = 1_000_000) -> Overlay:
    """Warp a surface to Web Mercator (nearest cell) and sort its values into classes."""
    from rasterio import Affine
    from rasterio.enums import Resampling
    from rasterio.warp import reproject, transform_bounds

    if not breaks or (np.diff(breaks) <= 0).any() or len(breaks) > 250:
        raise InputError("An overlay's breaks must ascend, and there must be from one to 250 of them.")
    grid = surface.grid
    bottom = grid.top_m - grid.n_rows * grid.cell_m
    right = grid.left_m + grid.n_columns * grid.cell_m
    mercator = "EPSG:3857"
    west_m, south_m, east_m, north_m = transform_bounds(
        BRITISH_NATIONAL_GRID, mercator, grid.left_m, bottom, right, grid.top_m
    )
    pixel = max(
        (east_m - west_m) / grid.n_columns, ((east_m - west_m) * (north_m - south_m) / max_pixels) ** 0.5
    )
    width, height = math.ceil((east_m - west_m) / pixel), math.ceil((north_m - south_m) / pixel)
    east_m, south_m = west_m + width * pixel, north_m - height * pixel
    warped = np.full((height, width), np.nan, dtype=np.float32)
    reproject(
        source=surface.cells,
        destination=warped,
        src_transform=grid.transform,
        src_crs=BRITISH_NATIONAL_GRID,
        src_nodata=np.nan,
        dst_transform=Affine(pixel, 0.0, west_m, 0.0, -pixel, north_m),
        dst_crs=mercator,
        dst_nodata=np.nan,
        resampling=Resampling.nearest,
    )
    classes = np.searchsorted(np.asarray(breaks, dtype=np.float64), warped, side="right").astype(np.uint8)
    classes[~np.isfinite(warped)] = _OUTSIDE
    west, south, east, north = transform_bounds(mercator, "EPSG:4326", west_m, south_m, east_m, north_m)
    return Overlay(classes, tuple(float(value) for value in breaks), west, south, east, north)
