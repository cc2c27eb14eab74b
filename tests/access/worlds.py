"""Small made-up places to test access on: square areas, people, venues, rasters, roads."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from rasterio import Affine

LEFT, TOP = 400_000.0, 300_000.0


def square_areas(n_rows=2, n_columns=2, side_m=2_000.0, ruc="RSN1"):
    """Square areas from the top left, row by row."""
    rows = []
    for row in range(n_rows):
        for column in range(n_columns):
            x0, y1 = LEFT + column * side_m, TOP - row * side_m
            rows.append(
                {
                    "lsoa21cd": f"E01{len(rows):06d}",
                    "ruc21cd": ruc,
                    "x_m": x0 + side_m / 2,
                    "y_m": y1 - side_m / 2,
                    "geometry": shapely.box(x0, y1 - side_m, x0 + side_m, y1),
                }
            )
    return gpd.GeoDataFrame(rows, crs=27700)


def people_of(areas, *, adults=1_000, offline=100.0, households=400, no_car=100):
    return pd.DataFrame(
        {
            "adults_16plus": adults,
            "people_offline": offline,
            "ts045_total": households,
            "ts045_no_cars_or_vans_in_household": no_car,
        },
        index=pd.Index(areas["lsoa21cd"], name="lsoa21cd"),
    )


def venues_at(points, *, is_existing=True, hours=np.nan):
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    return pd.DataFrame(
        {
            "venue_id": [f"v{number}" for number in range(len(points))],
            "name": [f"Venue {number}" for number in range(len(points))],
            "kind": "library",
            "is_existing": is_existing,
            "postcode": None,
            "x_m": points[:, 0],
            "y_m": points[:, 1],
            "hours_per_week": hours,
            "source_id": "made",
        }
    )


def write_raster(
    path: Path,
    values,
    *,
    cell_m=1_000.0,
    left=LEFT,
    top=TOP,
    crs="EPSG:27700",
    nodata=-9999.0,
    transform=None,
):
    values = np.asarray(values)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=transform or Affine(cell_m, 0, left, 0, -cell_m, top),
        nodata=nodata,
    ) as dataset:
        dataset.write(values, 1)
    return path
