"""Files that other rooms open themselves: population rasters and road extracts, checked before they are trusted.

The tidy table of such a source is one row of what the file is; the file stays where it is.
"""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.errors import SourceError
from exclusion.sources.contracts import Contract, count, fail, finish, number, text

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# Some point of every county of Great Britain lies within these; a raster that misses them is of elsewhere.
_BRITAIN = (-8.7, 49.8, 1.8, 60.9)
_RASTER = Contract(
    title="population raster",
    key=("path",),
    columns={
        "path": text(), "crs": text(), "width": count(), "height": count(), "cell_m": number(1), "nodata": number(is_nullable=True),
        "cells_with_people": count(), "people": number(0), "left": number(), "bottom": number(), "right": number(), "top": number(),
    },
)  # fmt: skip
_ROADS = Contract(
    title="road extract",
    key=("path",),
    columns={
        "path": text(), "format": text(one_of=("pbf", "shapefile")), "roads": count(), "left": number(), "bottom": number(),
        "right": number(), "top": number(), "timestamp": text(is_nullable=True),
    },
)  # fmt: skip


def read_population_raster(path: Path, source: "Source") -> pd.DataFrame:
    """Check a population raster and return one row that describes it.

    Columns `path, crs` (`EPSG:27700` also where the file's own CRS carries no code, by the catalogue's option),
    `width, height, cell_m` (metres, of a cell's side at the middle), `nodata, cells_with_people, people` (sum),
    `left, bottom, right, top` (in the CRS). ContractError where it has no CRS, more than one band, no people,
    negative people, or lies elsewhere.
    """
    import numpy as np
    import rasterio
    import rasterio.errors
    from rasterio.warp import transform_bounds

    try:
        with rasterio.open(path) as raster:
            crs = _crs(raster, source, path)
            if raster.count != 1:
                raise fail(source, path, f"it has {raster.count} bands where a count of people has one")
            bounds = raster.bounds
            degrees = transform_bounds(crs, "EPSG:4326", *bounds)
            people, cells, lowest = 0.0, 0, 0.0
            for _, window in raster.block_windows(1):
                block = raster.read(1, window=window, masked=True)
                values = np.ma.masked_invalid(block).compressed().astype(float)
                if values.size:
                    people += float(values.sum())
                    cells += int((values > 0).sum())
                    lowest = min(lowest, float(values.min()))
            described = {
                "path": str(path), "crs": crs, "width": raster.width, "height": raster.height,
                "cell_m": _cell_m(raster.res, crs, degrees),
                "nodata": float("nan") if raster.nodata is None else float(raster.nodata),
                "cells_with_people": cells, "people": people, "left": bounds.left, "bottom": bounds.bottom,
                "right": bounds.right, "top": bounds.top,
            }  # fmt: skip
    except rasterio.errors.RasterioError as fault:
        raise SourceError(
            f"{source.id}: {path.name} cannot be read as a raster ({str(fault).splitlines()[0]}); retrieve it again."
        ) from None
    if lowest < 0:
        raise fail(
            source, path, f"it holds {lowest:g} people in a cell, so its value for no data is not declared"
        )
    if people == 0:
        raise fail(source, path, "it holds no people at all")
    west, south, east, north = degrees
    if east < _BRITAIN[0] or west > _BRITAIN[2] or north < _BRITAIN[1] or south > _BRITAIN[3]:
        raise fail(
            source,
            path,
            f"it covers {west:.1f} to {east:.1f} east and {south:.1f} to {north:.1f} north, not Britain",
        )
    return finish(pd.DataFrame([described]), _RASTER, source, path, is_whole=False)


def _crs(raster: Any, source: "Source", path: Path) -> str:
    """Return the raster's CRS as an EPSG code; one without a code takes the catalogue's where they agree."""
    declared = str(source.options.get("crs", ""))
    code = raster.crs.to_epsg() if raster.crs else None
    if code is None and raster.crs and declared and raster.crs.is_projected == declared.endswith("27700"):
        return declared
    if code is None:
        raise fail(
            source, path, "it does not say in which coordinate system it is", "use the publisher's own file"
        )
    if declared and f"EPSG:{code}" != declared:
        raise fail(source, path, f"it is in EPSG:{code} where the catalogue says {declared}")
    return f"EPSG:{code}"


def _cell_m(size: tuple[float, float], crs: str, degrees: tuple[float, float, float, float]) -> float:
    """Return the side of a cell in metres, at the middle of the raster where it is in degrees."""
    if crs != "EPSG:4326":
        return float(abs(size[0]))
    middle = math.radians((degrees[1] + degrees[3]) / 2)
    return float(abs(size[1])) * 111_320.0 * math.sqrt(max(math.cos(middle), 0.0))


def read_osm_pbf_roads(path: Path, source: "Source") -> pd.DataFrame:
    """Check an OpenStreetMap extract and return one row that describes it.

    Columns `path, format, roads` (ways with `highway`), `left, bottom, right, top` (degrees, of the file's header or
    its roads), `timestamp` (of the header, null where it has none). A shapefile zip of Geofabrik is taken too.
    SourceError where the file is cut short, ContractError where it holds no road.
    """
    if path.suffix.lower() == ".zip":
        return _shapefile_roads(path, source)
    import osmium

    roads = 0
    try:
        with osmium.io.Reader(str(path)) as reader:
            header = reader.header()
            box = header.box()
            stamp = header.get("osmosis_replication_timestamp") or header.get("timestamp") or None
        # Reading to the end is what tells a whole file from one cut short.
        for thing in osmium.FileProcessor(str(path)).with_filter(osmium.filter.KeyFilter("highway")):
            roads += int(thing.is_way())
    except RuntimeError as fault:
        raise SourceError(
            f"{source.id}: {path.name} is not a whole OpenStreetMap extract ({str(fault).splitlines()[0]}); retrieve it again."
        ) from None
    if roads == 0:
        raise fail(source, path, "it holds no road", "use the extract of the county")
    corners = (box.bottom_left, box.top_right) if box.valid() else None
    described = {
        "path": str(path), "format": "pbf", "roads": roads, "left": corners[0].lon if corners else -180.0,
        "bottom": corners[0].lat if corners else -90.0, "right": corners[1].lon if corners else 180.0,
        "top": corners[1].lat if corners else 90.0, "timestamp": stamp,
    }  # fmt: skip
    return _finish_roads(described, source, path)


def _shapefile_roads(path: Path, source: "Source") -> pd.DataFrame:
    import pyogrio
    import pyogrio.errors

    from exclusion.sources.archives import find_members

    member = find_members(path, "gis_osm_roads_free_1.shp")[0]
    try:
        info = pyogrio.read_info(f"/vsizip/{path}/{member.path[-1]}")
    except pyogrio.errors.DataSourceError as fault:
        raise SourceError(
            f"{source.id}: {path.name} is damaged ({str(fault).splitlines()[0]}); retrieve it again."
        ) from None
    left, bottom, right, top = info["total_bounds"]
    described = {
        "path": str(path), "format": "shapefile", "roads": int(info["features"]), "left": left, "bottom": bottom,
        "right": right, "top": top, "timestamp": None,
    }  # fmt: skip
    if not described["roads"]:
        raise fail(source, path, "it holds no road", "use the extract of the county")
    return _finish_roads(described, source, path)


def _finish_roads(described: dict[str, Any], source: "Source", path: Path) -> pd.DataFrame:
    frame = pd.DataFrame([described]).astype({"timestamp": "str"})
    frame["timestamp"] = frame["timestamp"].where(pd.Series([described["timestamp"] is not None]))
    return finish(frame, _ROADS, source, path, is_whole=False)
