"""Population rasters as they come: checked, read by window, and cut exactly along area boundaries."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import SourceError

BRITISH_NATIONAL_GRID = "EPSG:27700"
# About 160 MB of float64 at once; a county's window is far smaller, the whole of England & Wales at 100 m is cut up.
_MAX_WINDOW_CELLS = 20_000_000
_TILE_M = 100_000.0
# A part of a cell is looked up in the boundary only where the cell's centre could be far from it.
_WIDE_CELL_M = 250.0


@dataclass(frozen=True)
class RasterFacts:
    """Hold what must be known of a population raster before it is used.

    `crs` is a pyproj CRS, told from the projection's own parameters where the file carries no EPSG code;
    `cell_m` is the cell's side in metres (in the middle of the raster where its units are degrees).
    """

    path: Path
    crs: Any
    transform: Any
    width: int
    height: int
    nodata: float | None
    cell_m: float


@contextmanager
def open_population(path: Path, *, crs: str | None = None) -> Iterator[tuple[Any, RasterFacts]]:
    """Open a population GeoTIFF and yield its rasterio dataset and facts.

    `crs` overrides the file's own coordinate reference system. Raises SourceError where the file is missing, is no
    raster, has no usable CRS, more than one band, or a grid that is turned.
    """
    import rasterio
    from rasterio.errors import RasterioError, RasterioIOError

    if not path.is_file():
        raise SourceError(
            f"There is no population raster at {path}: correct the path or leave the raster out."
        )
    try:
        dataset = rasterio.open(path)
    except (RasterioIOError, RasterioError) as error:
        raise SourceError(f"{path.name} cannot be read as a raster ({error}): supply a GeoTIFF.") from error
    with dataset:
        if dataset.count != 1:
            raise SourceError(f"{path.name} has {dataset.count} bands; a population raster must have one.")
        transform = dataset.transform
        if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
            raise SourceError(
                f"{path.name} is turned or upside down: warp it to a north-up grid first (gdalwarp)."
            )
        known = _known_crs(path, crs or dataset.crs)
        yield (
            dataset,
            RasterFacts(
                path=path,
                crs=known,
                transform=transform,
                width=dataset.width,
                height=dataset.height,
                nodata=None if dataset.nodata is None else float(dataset.nodata),
                cell_m=_cell_m(known, transform, dataset.height),
            ),
        )


def _known_crs(path: Path, given: Any) -> Any:
    import pyproj
    from pyproj.exceptions import CRSError

    if not given:
        raise SourceError(
            f"{path.name} carries no coordinate reference system: say which one it is in (for example EPSG:27700)."
        )
    try:
        known = pyproj.CRS.from_user_input(given if isinstance(given, str) else given.to_wkt())
    except CRSError as error:
        raise SourceError(
            f"{path.name} has a coordinate reference system that is not understood ({error})."
        ) from error
    # The UKCEH rasters spell British National Grid out without its code. Below 70 a like name would be enough, with
    # another meridian behind it; at 70 the parameters are the same and only names may differ.
    code = known.to_epsg(min_confidence=70)
    if code is not None:
        return pyproj.CRS.from_epsg(code)
    if not (known.is_projected or known.is_geographic):
        raise SourceError(
            f"{path.name} is in {known.name}, which is not a place on the map: warp it to EPSG:27700."
        )
    return known


def _cell_m(crs: Any, transform: Any, height: int) -> float:
    if crs.is_geographic:
        latitude = math.radians(transform.f + transform.e * height / 2)
        return math.sqrt(abs(transform.a * transform.e) * math.cos(latitude)) * 111_320.0
    return float(math.sqrt(abs(transform.a * transform.e)))


def cell_shares(areas: Any, path: Path, *, crs: str | None = None) -> tuple[Any, RasterFacts]:
    """Cut every populated cell along area boundaries and return the population that falls to each area.

    `areas` is a GeoDataFrame in EPSG:27700 with `lsoa21cd` and valid polygons. Returns a table with one row for
    each area and cell that overlap, sorted: `lsoa21cd, row, column` (of the whole raster), `coverage` (the share
    of the cell inside the area), `population` (the cell's times coverage, above 0), `x_m, y_m` (EPSG:27700: the
    cell's centre, or the middle of the part inside where cells are wide), and the raster's facts. Only windows
    around the areas are read. Where boundaries overlap, a cell's shares are scaled down to a sum of 1, so that
    nobody is counted twice. Raises SourceError for no overlap, no data, or negative population.
    """
    import pandas as pd

    with open_population(path, crs=crs) as (dataset, facts):
        projected = areas[["lsoa21cd", "geometry"]].to_crs(facts.crs).reset_index(drop=True)
        window_of = _windows(projected, facts)
        if not window_of.size:
            raise SourceError(
                f"{path.name} does not overlap the areas (it covers {_bounds_text(facts)}): supply a raster of"
                " this place, or check its coordinate reference system."
            )
        parts, has_values = [], False
        for chunk in _chunks(projected, facts):
            part, has_here = _cut_window(dataset, facts, projected.iloc[chunk])
            parts.append(part)
            has_values |= has_here
    if not has_values:
        raise SourceError(
            f"{path.name} holds no data at all around the areas: every cell there is marked as nodata."
        )
    shares = pd.concat(parts, ignore_index=True)
    # Generalised boundaries overlap here and there by a few metres.
    cell = shares["row"].to_numpy() * facts.width + shares["column"].to_numpy()
    _, inverse = np.unique(cell, return_inverse=True)
    scale = 1.0 / np.maximum(np.bincount(inverse, weights=shares["coverage"].to_numpy()), 1.0)
    shares["coverage"] *= scale[inverse]
    shares["population"] *= scale[inverse]
    shares = shares[shares["population"] > 0].sort_values(["lsoa21cd", "row", "column"], ignore_index=True)
    return _located(shares, projected, facts), facts


def _bounds_text(facts: RasterFacts) -> str:
    left, top = facts.transform.c, facts.transform.f
    right, bottom = left + facts.transform.a * facts.width, top + facts.transform.e * facts.height
    return f"{left:g} to {right:g} and {bottom:g} to {top:g} in {facts.crs.name}"


def _windows(projected: Any, facts: RasterFacts) -> npt.NDArray[np.int64]:
    """Return column and row bounds (first, last + 1) around each geometry, without those off the raster."""
    bounds = projected.geometry.bounds.to_numpy()
    transform = facts.transform
    first_column = np.floor((bounds[:, 0] - transform.c) / transform.a)
    last_column = np.ceil((bounds[:, 2] - transform.c) / transform.a)
    first_row = np.floor((bounds[:, 3] - transform.f) / transform.e)
    last_row = np.ceil((bounds[:, 1] - transform.f) / transform.e)
    window = np.stack(
        [
            np.clip(first_column, 0, facts.width),
            np.clip(last_column, 0, facts.width),
            np.clip(first_row, 0, facts.height),
            np.clip(last_row, 0, facts.height),
        ],
        axis=1,
    ).astype(np.int64)
    return window[(window[:, 1] > window[:, 0]) & (window[:, 3] > window[:, 2])]


def _chunks(projected: Any, facts: RasterFacts) -> list[npt.NDArray[np.int64]]:
    """Split the areas into neighbours whose common window is small enough to read at once."""
    everything = np.arange(len(projected))
    bounds = projected.total_bounds
    cells = (bounds[2] - bounds[0]) * (bounds[3] - bounds[1]) / abs(facts.transform.a * facts.transform.e)
    if cells <= _MAX_WINDOW_CELLS:
        return [everything]
    per_tile = max(_TILE_M / facts.cell_m, 1.0)
    middle = projected.geometry.bounds.to_numpy()
    column = np.floor((middle[:, 0] + middle[:, 2]) / 2 / (facts.transform.a * per_tile))
    row = np.floor((middle[:, 1] + middle[:, 3]) / 2 / (-facts.transform.e * per_tile))
    _, tile = np.unique(np.stack([row, column], axis=1), axis=0, return_inverse=True)
    tile = tile.ravel()
    return [everything[tile == number] for number in range(int(tile.max()) + 1)]


def _cut_window(dataset: Any, facts: RasterFacts, chunk: Any) -> tuple[Any, bool]:
    """Read the window around a chunk of areas and share its cells out by exact fractions of their surface."""
    import pandas as pd
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource
    from rasterio.windows import Window

    names = ["lsoa21cd", "row", "column", "coverage", "population"]
    windows = _windows(chunk, facts)
    if not windows.size:
        return pd.DataFrame({name: [] for name in names}), False
    left, right = int(windows[:, 0].min()), int(windows[:, 1].max())
    top, bottom = int(windows[:, 2].min()), int(windows[:, 3].max())
    values, has_data = _people(dataset, facts, Window(left, top, right - left, bottom - top))
    transform = facts.transform
    source = NumPyRasterSource(
        values,
        xmin=transform.c + left * transform.a,
        xmax=transform.c + right * transform.a,
        ymin=transform.f + bottom * transform.e,
        ymax=transform.f + top * transform.e,
        srs_wkt=chunk.crs.to_wkt(),
    )
    found = exact_extract(
        source,
        _wkb_source(chunk),
        ["cell_id", "coverage", "values"],
        include_cols=["lsoa21cd"],
        output="pandas",
    )
    length = found["cell_id"].map(len).to_numpy()
    if not length.sum():
        return pd.DataFrame({name: [] for name in names}), has_data
    cell = np.concatenate(found["cell_id"].to_numpy()).astype(np.int64)
    coverage = np.concatenate(found["coverage"].to_numpy()).astype(np.float64)
    people = np.concatenate(found["values"].to_numpy()).astype(np.float64)
    part = pd.DataFrame(
        {
            "lsoa21cd": np.repeat(found["lsoa21cd"].to_numpy(), length),
            "row": cell // (right - left) + top,
            "column": cell % (right - left) + left,
            "coverage": coverage,
            "population": people * coverage,
        }
    )
    return part[part["population"] > 0], has_data


def _wkb_source(chunk: Any) -> Any:
    """Hand areas to exactextract as WKB: its own GeoPandas source writes and parses JSON for twice the time."""
    import shapely
    from exactextract.feature import FeatureSource, JSONFeature

    class WkbFeature(JSONFeature):
        def __init__(self, code: str, wkb: bytes) -> None:
            super().__init__({"type": "Feature", "properties": {"lsoa21cd": code}})
            self.wkb = wkb

        def geometry(self) -> bytes:
            return self.wkb

    class WkbSource(FeatureSource):
        def count(self) -> int:
            return len(chunk)

        def __iter__(self) -> Iterator[WkbFeature]:
            codes, shapes = chunk["lsoa21cd"].tolist(), shapely.to_wkb(chunk.geometry.to_numpy())
            for code, wkb in zip(codes, shapes.tolist(), strict=True):
                yield WkbFeature(code, wkb)

        def srs_wkt(self) -> str:
            return str(chunk.crs.to_wkt())

    return WkbSource()


def _people(dataset: Any, facts: RasterFacts, window: Any) -> tuple[npt.NDArray[np.float64], bool]:
    """Read a window as people per cell: nodata becomes 0, and a negative number is an error."""
    from rasterio.errors import RasterioIOError

    try:
        values = dataset.read(1, window=window).astype(np.float64)
    except RasterioIOError as error:
        raise SourceError(
            f"{facts.path.name} is damaged and cannot be read to its end: fetch it again."
        ) from error
    is_data = np.isfinite(values)
    if facts.nodata is not None and math.isfinite(facts.nodata):
        # Float rasters round their own marker (WorldPop's -99999 and -3.4e38).
        is_data &= ~np.isclose(values, facts.nodata, rtol=1e-6, atol=0.0)
    values[~is_data] = 0.0
    if (values < 0).any():
        row, column = (int(index[0]) for index in np.nonzero(values < 0))
        raise SourceError(
            f"{facts.path.name} holds a negative population ({values[row, column]:g} at row {window.row_off + row},"
            f" column {window.col_off + column}): declare its nodata value or mend the file."
        )
    return values, bool(is_data.any())


def _located(shares: Any, projected: Any, facts: RasterFacts) -> Any:
    """Add where the people of each share stand: the cell's centre, or the middle of the part inside the area."""
    import pyproj
    import shapely

    transform = facts.transform
    x = transform.c + (shares["column"].to_numpy() + 0.5) * transform.a
    y = transform.f + (shares["row"].to_numpy() + 0.5) * transform.e
    cut = np.flatnonzero(shares["coverage"].to_numpy() < 1 - 1e-6)
    if facts.cell_m > _WIDE_CELL_M and cut.size:
        half_x, half_y = transform.a / 2, -transform.e / 2
        position = projected.set_index("lsoa21cd").index.get_indexer(shares["lsoa21cd"].to_numpy()[cut])
        shapes = projected.geometry.to_numpy()[position]
        # Clipping to a rectangle is several times as fast as a general intersection.
        inside = np.array(
            [
                shapely.clip_by_rect(shape, east - half_x, north - half_y, east + half_x, north + half_y)
                for shape, east, north in zip(shapes, x[cut].tolist(), y[cut].tolist(), strict=True)
            ]
        )
        centre = shapely.centroid(inside)
        is_found = ~shapely.is_empty(centre)
        x[cut[is_found]] = shapely.get_x(centre[is_found])
        y[cut[is_found]] = shapely.get_y(centre[is_found])
    if facts.crs != pyproj.CRS.from_epsg(27700):
        x, y = pyproj.Transformer.from_crs(facts.crs, BRITISH_NATIONAL_GRID, always_xy=True).transform(x, y)
    return shares.assign(x_m=np.round(x, 1), y_m=np.round(y, 1))
