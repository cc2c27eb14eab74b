"""Boundaries: shapes of areas from ArcGIS layers, GeoPackage, GeoJSON and GeoParquet, valid and in EPSG:27700."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import SourceError
from exclusion.sources.contracts import fail
from exclusion.sources.readers_lookups import arcgis_records, finish_table, wanted_columns
from exclusion.sources.readers_text import resolve, tidy_text

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

WORKING_CRS = "EPSG:27700"
# Great Britain with its islands on the National Grid; Northern Ireland lies on it too, off to the west.
_BOUNDS = (-100_000.0, -10_000.0, 700_000.0, 1_300_000.0)


def read_boundaries_parquet(path: Path, source: "Source") -> Any:
    """Read boundaries from GeoParquet in any CRS.

    Returns a GeoDataFrame in EPSG:27700 with the columns the catalogue declares and `geometry`, valid polygons,
    sorted by key. ContractError for a missing CRS, an empty shape, or a shape outside Great Britain.
    """
    import geopandas

    try:
        frame = geopandas.read_parquet(path)
    except (OSError, ValueError) as fault:
        raise _unreadable(path, source, fault) from None
    return _finish(frame, source, path)


def read_boundaries_ogr(path: Path, source: "Source") -> Any:
    """Read boundaries from GeoPackage, GeoJSON or a shapefile in any CRS; see `read_boundaries_parquet`."""
    import geopandas
    import pyogrio.errors

    try:
        frame = geopandas.read_file(path, engine="pyogrio")
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as fault:
        raise _unreadable(path, source, fault) from None
    return _finish(frame, source, path)


def read_arcgis_features(path: Path, source: "Source") -> Any:
    """Read an ArcGIS layer with shapes as retrieval assembled it (one GeoJSON FeatureCollection).

    Polygons give a GeoDataFrame as `read_boundaries_parquet` does. Points (population-weighted centroids) give a
    plain table with `x_m, y_m` in EPSG:27700 metres.
    """
    import geopandas

    with path.open("rb") as handle:
        head = handle.read(2048)
    if b'"error"' in head or not head.strip():
        arcgis_records(path, source)  # raises the sentence that fits
    try:
        with path.open(encoding="utf-8") as handle:
            body = json.load(handle, parse_constant=_no_number)
        features = body["features"]
        crs = _crs_of(body)
        frame = geopandas.GeoDataFrame.from_features(features, crs=crs)
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise _unreadable(path, source, fault) from None
    return _finish(frame, source, path)


def _no_number(word: str) -> float:
    raise ValueError(f"it holds {word} where a number must be")


def _crs_of(body: dict[str, Any]) -> str:
    """Return the CRS of a GeoJSON: WGS 84 unless the older `crs` member names another."""
    name = str(((body.get("crs") or {}).get("properties") or {}).get("name", ""))
    digits = name.rsplit(":", 1)[-1]
    return f"EPSG:{digits}" if digits.isdigit() and "EPSG" in name.upper() else "EPSG:4326"


def _unreadable(path: Path, source: "Source", fault: Exception) -> SourceError:
    reason = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
    return SourceError(
        f"{source.id}: {path.name} cannot be read as boundaries ({reason}); retrieve it again or put a whole copy "
        "into the inbox."
    )


def _finish(frame: Any, source: "Source", path: Path) -> Any:
    """Name the columns, reproject, mend, and hold the table to its contract."""
    import geopandas

    if len(frame) == 0:
        raise fail(source, path, "there is no row of data in the file")
    if frame.crs is None:
        raise fail(
            source, path, "it does not say in which coordinate system it is", "use the publisher's own file"
        )
    is_points = bool((frame.geometry.geom_type.dropna() == "Point").all())
    wanted = {n: w for n, w in wanted_columns(source).items() if not (is_points and n in {"x_m", "y_m"})}
    names = [str(column) for column in frame.columns if column != frame.geometry.name]
    places = resolve(names, wanted, source, path.name)
    table = pd.DataFrame({name: tidy_text(frame[names[place]]) for name, place in places.items()})
    shapes = frame.geometry
    is_empty = (shapes.isna() | shapes.is_empty).to_numpy()
    if is_empty.any():
        key = table[source.key[0]].iloc[int(is_empty.argmax())]
        raise fail(source, path, f"{key} (data row {int(is_empty.argmax()) + 1:,}) has no shape")
    shapes = shapes.to_crs(WORKING_CRS)
    _check_place(shapes, table[source.key[0]], source, path)
    if is_points:
        table["x_m"], table["y_m"] = shapes.x.to_numpy(), shapes.y.to_numpy()
        return finish_table(table, source, path)
    shapes = _polygons(shapes, table[source.key[0]], source, path)
    return finish_table(geopandas.GeoDataFrame(table, geometry=shapes, crs=WORKING_CRS), source, path)


def _check_place(shapes: Any, keys: pd.Series, source: "Source", path: Path) -> None:
    bounds = shapes.bounds.to_numpy()
    is_off = ~np.isfinite(bounds).all(axis=1)
    is_off |= (bounds[:, :2] < _BOUNDS[:2]).any(axis=1) | (bounds[:, 2:] > _BOUNDS[2:]).any(axis=1)
    if is_off.any():
        row = int(is_off.argmax())
        raise fail(
            source,
            path,
            f"{keys.iloc[row]} (data row {row + 1:,}) lies outside the United Kingdom, so the file's coordinate "
            "system is not what it says",
            "use the publisher's own file",
        )


def _polygons(shapes: Any, keys: pd.Series, source: "Source", path: Path) -> Any:
    """Return valid polygons: outlines that touch themselves are mended and stray lines and points dropped."""
    import shapely

    values = np.array(shapes.array, dtype=object)
    for row in np.flatnonzero(~shapely.is_valid(values)):
        values[row] = shapely.make_valid(values[row])
    types = shapely.get_type_id(values)
    for row in np.flatnonzero(types == 7):  # a collection: lines and points are left over from mending
        parts = [p for p in values[row].geoms if p.geom_type in {"Polygon", "MultiPolygon"}]
        values[row] = shapely.union_all(parts)
    is_wrong = ~np.isin(shapely.get_type_id(values), (3, 6)) | shapely.is_empty(values)
    if is_wrong.any():
        first = int(is_wrong.argmax())
        raise fail(source, path, f"{keys.iloc[first]} (data row {first + 1:,}) is no polygon")
    return values
