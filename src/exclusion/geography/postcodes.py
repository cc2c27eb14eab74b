"""Which area each postcode lies in, by point in polygon; and sectors, for maps too wide for unit postcodes."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exclusion.geography.points import OUTSIDE, areas_of_points

if TYPE_CHECKING:
    import geopandas as gpd

# Generalised boundaries cut corners of the coast: a postcode of the same council this near an edge belongs to it.
_OFF_EDGE_M = 150.0


def postcode_areas(postcodes: pd.DataFrame, areas: "gpd.GeoDataFrame") -> pd.DataFrame:
    """Return `postcode` and `lsoa21cd` of every postcode that lies in one of the areas, sorted by postcode.

    `postcodes`: `pcds, x_m, y_m` (EPSG:27700 metres, null where unknown: left out) and `lad_cd`. `areas`: `lsoa21cd,
    lad_cd` and polygons in EPSG:27700. A postcode just off every edge goes to the nearest area of its own council; on
    an edge, to the first area by code. Raises ContractError for areas in another grid.
    """
    import shapely

    ordered = areas.sort_values("lsoa21cd", ignore_index=True)
    west, south, east, north = ordered.total_bounds
    is_near = postcodes["x_m"].between(west - _OFF_EDGE_M, east + _OFF_EDGE_M) & postcodes["y_m"].between(
        south - _OFF_EDGE_M, north + _OFF_EDGE_M
    )
    near = postcodes[is_near]
    x, y = near["x_m"].to_numpy(dtype=float), near["y_m"].to_numpy(dtype=float)
    found = areas_of_points(x, y, ordered)
    off = np.flatnonzero(found == OUTSIDE)
    off = off[near["lad_cd"].iloc[off].isin(set(ordered["lad_cd"])).to_numpy()]
    tree = shapely.STRtree(ordered.geometry.to_numpy())
    at, closest = tree.query_nearest(
        shapely.points(x[off], y[off]), max_distance=_OFF_EDGE_M, all_matches=False
    )
    found[off[at]] = closest
    is_in = found != OUTSIDE
    kept = pd.DataFrame(
        {
            "postcode": near["pcds"].to_numpy()[is_in],
            "lsoa21cd": ordered["lsoa21cd"].to_numpy()[found[is_in]],
        }
    )
    return kept.sort_values("postcode", ignore_index=True)


def sector_areas(postcodes: pd.DataFrame) -> pd.DataFrame:
    """Return `postcode` (the sector, "NE46 1") and `lsoa21cd`, the area that holds most of its unit postcodes.

    `postcodes` is what `postcode_areas` returned; of areas with equally many, the first by code is taken.
    """
    counts = postcodes.assign(postcode=postcodes["postcode"].str[:-2]).value_counts(["postcode", "lsoa21cd"])
    ordered = counts.reset_index().sort_values(
        ["postcode", "count", "lsoa21cd"], ascending=[True, False, True]
    )
    return ordered.drop_duplicates("postcode")[["postcode", "lsoa21cd"]].reset_index(drop=True)
