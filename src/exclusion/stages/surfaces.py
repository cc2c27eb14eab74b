"""Surfaces of a place: minutes to help and people without it as GeoTIFF, for those who work with maps of their own."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from exclusion.stages.national import PLACE_SIZE_M

if TYPE_CHECKING:
    from exclusion.access.assessment import Access
    from exclusion.access.grid import Grid
    from exclusion.access.surfaces import Surface

SURFACES = "surfaces"
# The finest cells that keep a surface below so many of them; a nation has none that fine.
_CELLS_M = (100.0, 250.0)
_CELLS_AT_MOST = 2_000_000
# Where nothing tells where in an area people live, its centroid is no more exact than this.
_CENTROIDS_CELL_M = 1_000.0
_BEYOND_MIN = 20.0
_LIMIT_MIN = 60.0
# A page has to stay small: a county's picture has pixels of about 250 m.
_PIXELS_AT_MOST = 100_000


def write_surfaces(
    found: "Access", here: Any, folder: Path, *, raster: Path | None, notice: str = ""
) -> dict[str, Any]:
    """Write a place's surfaces below `folder/surfaces` and return what they are: file, title, unit and cell side.

    `here` are the place's areas (EPSG:27700), which cut the travel surfaces. `raster` placed the people, whose
    surface has cells no smaller than its own. Where the place has no existing help
    within its venues, or is too large, nothing is written and `why_not` says so.
    """
    import numpy as np

    from exclusion.access.surfaces import people_beyond_surface, travel_surface, write_geotiff
    from exclusion.access.travel import points_of

    helping = found.venues[found.venues["is_existing"].astype(bool)]
    if helping.empty:
        return {
            "files": [],
            "why_not": "No surface is written: no existing help is known in or around the place.",
        }
    grid = _grid_over(here.total_bounds)
    if grid is None:
        why = (
            f"No surface is written: the place has more than {_CELLS_AT_MOST:,} cells of {_CELLS_M[-1]:g} m."
        )
        return {"files": [], "why_not": why}
    goal = points_of(helping, what="venues")
    layers = {
        f"minutes-to-help-{who}-a-car.tif": travel_surface(
            found.engine, goal, grid, found.places, has_car=who == "with", limit_min=_LIMIT_MIN, areas=here
        )
        for who in ("with", "without")
    } | {
        f"people-offline-without-help-in-{_BEYOND_MIN:g}-minutes.tif": people_beyond_surface(
            found.demand,
            found.help_times.minutes[:, 0],
            _around(here.total_bounds, _people_cell_m(raster)),
            beyond_min=_BEYOND_MIN,
            engine_name=found.engine.name,
        )
    }
    files = []
    for name, surface in layers.items():
        write_geotiff(surface, folder / SURFACES / name, notice=notice)
        known = np.isfinite(surface.cells)
        record = {"file": name, "title": surface.name, "unit": surface.unit, "cell_m": surface.grid.cell_m}
        if name.startswith("minutes"):
            record["overlay"] = _write_overlay(surface, folder / SURFACES / name)
        files.append(
            {
                **record,
                "cells": int(known.sum()),
                "sum": round(float(surface.cells[known].sum(dtype=float)), 1),
            }
        )
    return {"files": files}


def _write_overlay(surface: "Surface", path: Path) -> dict[str, Any]:
    """Write the picture of a surface that maps lay over their areas, beside it; return its file and bounds."""
    from exclusion.access.surfaces import overlay_of
    from exclusion.publish.map.content import SURFACE_BREAKS_MIN, SURFACE_COLOURS

    overlay = overlay_of(surface, SURFACE_BREAKS_MIN, max_pixels=_PIXELS_AT_MOST)
    target = path.with_suffix(".png")
    target.write_bytes(overlay.png(SURFACE_COLOURS))
    bounds = [round(edge, 5) for edge in (overlay.south, overlay.west, overlay.north, overlay.east)]
    return {"file": target.name, "key": target.stem.split("-")[-3] + "_car", "bounds": bounds}


def _grid_over(bounds: Any) -> "Grid | None":
    """Return the finest grid over an extent that is not too large to write, or None."""
    for cell_m in _CELLS_M:
        west, south, east, north = (float(bound) for bound in bounds)
        if (east - west) * (north - south) / cell_m**2 <= _CELLS_AT_MOST:
            return _around(bounds, cell_m)
    return None


def _people_cell_m(raster: Path | None) -> float:
    """Return the side of the cells that people are shown in: the raster's own, in whole places."""
    import math

    from exclusion.access.rasters import open_population

    if raster is None:
        return _CENTROIDS_CELL_M
    with open_population(raster) as (_dataset, facts):
        # A raster in degrees has cells of no round size; a thousandth more is the same cell.
        return math.ceil(facts.cell_m / PLACE_SIZE_M - 1e-3) * PLACE_SIZE_M


def _around(bounds: Any, cell_m: float) -> "Grid":
    import math

    from exclusion.access.grid import Grid

    west, south, east, north = (float(bound) for bound in bounds)
    left, bottom = math.floor(west / cell_m), math.floor(south / cell_m)
    # One cell more than the extent on the far sides: somebody may live on its very edge.
    columns, rows = math.floor(east / cell_m) + 1 - left, math.floor(north / cell_m) + 1 - bottom
    return Grid(left * cell_m, (bottom + rows) * cell_m, cell_m, rows, columns)
