"""Travel time over a friction surface: minutes for each metre of ground, on roads and off them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.grid import Grid, grid_around, grid_graph
from exclusion.access.modes import DEFAULT_ASSUMPTIONS, Mode, TravelAssumptions
from exclusion.access.reach import Reach
from exclusion.access.roads import RoadNetwork
from exclusion.access.shortest import Snapped, limited_pairs, nearest_minutes
from exclusion.access.travel import LEAST_COVERED, Points, nearest_in
from exclusion.errors import ContractError, InputError, SourceError

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

# A path of eight-neighbour steps is 5.5% longer than the straight line on average over all directions, 8.2% at
# most (8 (sqrt 2 - 1) / pi - 1); all frictions are lowered by that mean.
STAIRCASE = 1.055
# Across fields, where no road or path is drawn: possible, but never a short cut.
_OFF_ROAD_KMH: Mapping[Mode, float] = {"drive": 4.0, "walk": 3.0}
# Journeys may swing out, and venues may lie, this far beyond the places.
_MARGIN_M = 15_000.0


@dataclass(frozen=True)
class FrictionSurface:
    """Hold the minutes that a metre of ground takes, cell by cell; infinity is a barrier.

    `is_road` marks the cells that homes and venues may be joined to; None means that a point stands in its own cell.
    `made_from` says what the surface rests on.
    """

    grid: Grid
    minutes_per_m: _FloatArray
    is_road: npt.NDArray[np.bool_] | None
    made_from: str

    def __post_init__(self) -> None:
        if self.minutes_per_m.shape != self.grid.shape:
            raise ContractError(
                f"A friction surface of {self.minutes_per_m.shape} does not fit its grid {self.grid.shape}."
            )
        if not (self.minutes_per_m > 0).all():
            raise ContractError(
                f"The friction surface made from {self.made_from} holds cells of 0, negative or unknown minutes: give"
                " every cell more than 0, and barriers infinity."
            )
        if not np.isfinite(self.minutes_per_m).any():
            raise ContractError(
                f"The friction surface made from {self.made_from} is one barrier: nobody could move."
            )


def minutes_per_m(kmh: npt.ArrayLike) -> _FloatArray:
    """Turn km/h into minutes for a metre of grid path, lowered by the staircase's mean; 0 km/h is a barrier."""
    speed = np.asarray(kmh, dtype=np.float64)
    if not (np.isfinite(speed) & (speed >= 0)).all():
        raise ContractError("A friction surface needs speeds of 0 or more km/h in every cell.")
    return np.asarray(
        np.divide(60.0 / 1000.0 / STAIRCASE, speed, out=np.full(speed.shape, np.inf), where=speed > 0),
        dtype=np.float64,
    )


def surface_of_roads(
    network: RoadNetwork,
    grid: Grid,
    mode: Mode,
    *,
    assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
    land_kmh: _FloatArray | None = None,
) -> FrictionSurface:
    """Draw roads on a grid, each cell at their mean speed in it; off them `land_kmh` (0: barrier) or across fields.

    A road crosses a barrier: that is what a bridge is. Directions and levels are lost: a one-way street may be
    driven both ways, and a road may be left wherever another one crosses it.
    """
    if mode == "drive":
        kmh = np.maximum(network.forward_kmh, network.backward_kmh)
    else:
        kmh = np.where(network.is_walkable, assumptions.walk_kmh, 0.0)
    used = np.flatnonzero(kmh > 0)
    edge, cell, length = _pieces(network, grid, used)
    if not len(cell):
        raise SourceError(
            "The roads do not overlap the grid of this place: supply an extract that covers it."
        )
    # The mean over all road in the cell: the fastest road alone makes times 6% too short at 100 m and 15% at 250 m,
    # the mean keeps them within 2% at both (Rutland, against the road graph).
    metres = np.bincount(cell, weights=length, minlength=grid.n_cells)
    summed = np.bincount(cell, weights=kmh[edge] * length, minlength=grid.n_cells)
    drawn = np.divide(summed, metres, out=np.zeros(grid.n_cells), where=metres > 0).reshape(grid.shape)
    joinable = np.zeros(grid.n_cells, dtype=bool)
    joinable[cell[network.has_doors[edge]]] = True
    off_road = (
        np.full(grid.shape, _OFF_ROAD_KMH[mode])
        if land_kmh is None
        else np.asarray(land_kmh, dtype=np.float64)
    )
    if off_road.shape != grid.shape:
        raise ContractError(
            f"Speeds off the road of shape {off_road.shape} do not fit the grid {grid.shape}."
        )
    # A drawn road's staircase makes up for the bends that a cell cannot show, so its speed is not raised.
    made_from = "roads" if land_kmh is None else "roads and land cover"
    friction = minutes_per_m(np.where(drawn > 0, drawn / STAIRCASE, off_road))
    return FrictionSurface(grid, friction, joinable.reshape(grid.shape), made_from)


def _pieces(network: RoadNetwork, grid: Grid, used: _IntArray) -> tuple[_IntArray, _IntArray, _FloatArray]:
    """Cut stretches at every cell border that they cross: the stretch, cell and metres of each piece.

    No cell is skipped, so a drawn road hangs together by cells' sides and a bridge needs no diagonal step.
    """
    column = (
        np.stack([network.x_m[network.start[used]], network.x_m[network.end[used]]]) - grid.left_m
    ) / grid.cell_m
    row = (
        grid.top_m - np.stack([network.y_m[network.start[used]], network.y_m[network.end[used]]])
    ) / grid.cell_m
    edges, shares = [np.tile(np.arange(len(used)), 2)], [np.repeat([0.0, 1.0], len(used))]
    for line in (column, row):
        first = np.floor(line.min(axis=0)).astype(np.int64) + 1
        n_crossed = np.maximum(np.ceil(line.max(axis=0)).astype(np.int64) - first, 0)
        edge = np.repeat(np.arange(len(used)), n_crossed)
        border = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(n_crossed) - n_crossed, n_crossed)
        edges.append(edge)
        shares.append((border - line[0, edge]) / (line[1, edge] - line[0, edge]))
    edge, share = np.concatenate(edges), np.clip(np.concatenate(shares), 0.0, 1.0)
    order = np.lexsort((share, edge))
    edge, share = edge[order], share[order]
    is_piece = (edge[1:] == edge[:-1]) & (share[1:] > share[:-1])
    piece_edge, begin, finish = edge[:-1][is_piece], share[:-1][is_piece], share[1:][is_piece]
    middle = (begin + finish) / 2
    x = column[0, piece_edge] * (1 - middle) + column[1, piece_edge] * middle
    y = row[0, piece_edge] * (1 - middle) + row[1, piece_edge] * middle
    inside = (x >= 0) & (x < grid.n_columns) & (y >= 0) & (y < grid.n_rows)
    cell = np.floor(y[inside]).astype(np.int64) * grid.n_columns + np.floor(x[inside]).astype(np.int64)
    taken = used[piece_edge[inside]]
    return taken, cell, (finish - begin)[inside] * network.length_m[taken]


def surface_of_classes(
    places: Points, grid: Grid, mode: Mode, *, assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS
) -> FrictionSurface:
    """Give every cell the straight-line speed (speed over circuity) of the nearest place's rural class."""
    from scipy.spatial import KDTree

    x, y = grid.centres()
    _distance, index = KDTree(places.xy).query(np.column_stack([x, y]))
    speed = assumptions.straight_kmh(mode)[places.rural[index]].reshape(grid.shape)
    return FrictionSurface(grid, minutes_per_m(speed), None, "circuity by rural class")


def land_cover_kmh(path: Path, grid: Grid, kmh_by_class: Mapping[int, float]) -> _FloatArray:
    """Read a land-cover raster onto a grid as km/h by class (0: barrier); any CRS, nearest cell.

    Raises SourceError for a raster that is missing, has no CRS or does not cover the grid, and InputError for a
    class without a speed.
    """
    values, is_data = _warped(path, grid)
    if not is_data.all():
        raise SourceError(
            f"{path.name} leaves {int((~is_data).sum()):,} of {grid.n_cells:,} cells of this place without land cover:"
            " supply a raster that covers it."
        )
    kmh = np.full(grid.shape, np.nan)
    for code, speed in kmh_by_class.items():
        kmh[values == code] = speed
    if np.isnan(kmh).any():
        unknown = values[np.isnan(kmh)][0]
        raise InputError(
            f"{path.name} holds land-cover class {unknown:g}, which has no speed: add it to kmh_by_class."
        )
    return kmh


def read_friction(path: Path, grid: Grid) -> FrictionSurface:
    """Read a friction GeoTIFF (minutes for each metre; nodata is a barrier) onto a grid, in any CRS.

    Raises SourceError where it is missing, has no CRS or does not overlap the grid, ContractError for a value of 0
    or less.
    """
    values, is_data = _warped(path, grid)
    if not is_data.any():
        raise SourceError(
            f"{path.name} does not overlap this place, or holds nodata only: supply another surface."
        )
    return FrictionSurface(grid, np.where(is_data, values, np.inf), None, path.name)


def _warped(path: Path, grid: Grid) -> tuple[_FloatArray, npt.NDArray[np.bool_]]:
    from rasterio.enums import Resampling
    from rasterio.warp import reproject

    from exclusion.access.rasters import BRITISH_NATIONAL_GRID, open_population

    with open_population(path) as (dataset, facts):
        values = np.full(grid.shape, np.nan)
        reproject(
            source=dataset.read(1).astype(np.float64),
            destination=values,
            src_transform=facts.transform,
            src_crs=facts.crs.to_wkt(),
            src_nodata=facts.nodata if facts.nodata is not None else np.nan,
            dst_transform=grid.transform,
            dst_crs=BRITISH_NATIONAL_GRID,
            dst_nodata=np.nan,
            resampling=Resampling.nearest,
        )
    return values, np.isfinite(values)


class FrictionGrid:
    """Measure minutes over a friction surface for each mode: Dijkstra on the grid, up to a limit.

    Where the surface has roads, a point is joined to the nearest road cell within `max_join_m`, straight and at the
    off-road speed (drive) or on foot, as the road graph does; elsewhere it stands in its own cell.
    """

    name = "friction surface"

    def __init__(
        self,
        surfaces: Mapping[Mode, FrictionSurface],
        assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
        *,
        max_join_m: float = 2_000.0,
    ) -> None:
        if set(surfaces) != {"drive", "walk"}:
            raise InputError("The friction engine needs one surface to drive and one to walk.")
        self.surfaces = dict(surfaces)
        self.assumptions = assumptions
        self.max_join_m = max_join_m
        self.graphs = {
            mode: grid_graph(surface.minutes_per_m, surface.grid.cell_m) for mode, surface in surfaces.items()
        }

    @classmethod
    def from_roads(
        cls,
        network: RoadNetwork,
        places: Points,
        *,
        cell_m: float = 100.0,
        assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
    ) -> "FrictionGrid":
        """Draw roads on a grid around places and 15 km beyond."""
        grid = grid_around(places, cell_m=cell_m, margin_m=_MARGIN_M)
        return cls(
            {
                mode: surface_of_roads(network, grid, mode, assumptions=assumptions)
                for mode in ("drive", "walk")
            },
            assumptions,
        )

    @classmethod
    def from_classes(
        cls, places: Points, *, cell_m: float = 250.0, assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS
    ) -> "FrictionGrid":
        """Lay plain circuity by rural class on a grid around places and 15 km beyond."""
        grid = grid_around(places, cell_m=cell_m, margin_m=_MARGIN_M)
        return cls(
            {
                mode: surface_of_classes(places, grid, mode, assumptions=assumptions)
                for mode in ("drive", "walk")
            },
            assumptions,
        )

    def join(self, points: Points, mode: Mode) -> tuple[Snapped, _FloatArray]:
        """Join points to cells; also return the metres from each to its cell, 0 where it stands in it."""
        from scipy.spatial import KDTree

        surface = self.surfaces[mode]
        grid, passable = surface.grid, np.isfinite(surface.minutes_per_m).ravel()
        own = grid.cell_of(points.x_m, points.y_m)
        target = passable if surface.is_road is None else surface.is_road.ravel() & passable
        node = np.where((own >= 0) & target[own], own, -1)
        away = np.where(node >= 0, 0.0, np.inf)
        lost = np.flatnonzero((node < 0) & (own >= 0))
        cells = np.flatnonzero(target)
        if lost.size and cells.size:
            x, y = grid.centres()
            distance, index = KDTree(np.column_stack([x[cells], y[cells]])).query(points.xy[lost])
            # The road runs through the cell, on average half a side nearer than its far edge.
            distance = np.maximum(distance - grid.cell_m / 2, 0.0)
            is_near = distance <= self.max_join_m
            node[lost[is_near]], away[lost] = cells[index[is_near]], distance
        kmh = self.assumptions.off_road_drive_kmh if mode == "drive" else self.assumptions.walk_kmh
        lead = np.where(node >= 0, away / 1000 / kmh * 60, np.inf)
        return Snapped(node.astype(np.int64), lead), away

    def pairs(self, origins: Points, venues: Points, *, mode: Mode, limit_min: float) -> Reach:
        """Return all pairs of at most `limit_min` minutes on the move."""
        start, _away = self.join(origins, mode)
        covered = float((start.node >= 0).mean()) if len(origins) else 1.0
        if covered < LEAST_COVERED:
            raise SourceError(
                f"The friction surface made from {self.surfaces[mode].made_from} leaves only {covered:.0%} of the"
                " populated places with a way out: supply roads or a surface that cover all of this place."
            )
        goal, _away = self.join(venues, mode)
        return limited_pairs(self.graphs[mode], start, goal, limit_min=limit_min)

    def nearest(
        self, origins: Points, venues: Points, *, mode: Mode, limit_min: float, count: int
    ) -> tuple[_FloatArray, _IntArray]:
        """Return the nearest venues of each origin by time on the move."""
        return nearest_in(self.pairs(origins, venues, mode=mode, limit_min=limit_min), count)

    def minutes_to_nearest(self, origins: Points, venues: Points, *, mode: Mode) -> _FloatArray:
        """Return each origin's minutes on the move to its nearest venue, in one search from all venues."""
        goal, _away = self.join(venues, mode)
        start, _away = self.join(origins, mode)
        everywhere = nearest_minutes(self.graphs[mode], goal)
        return np.where(start.node >= 0, everywhere[start.node] + start.lead_min, np.inf)

    def report(self, origins: Points, venues: Points) -> dict[str, Any]:
        """Say what the grid is like, how far points lie from its cells, and which stand on islands of it."""
        from scipy.sparse.csgraph import connected_components

        grid = self.surfaces["drive"].grid
        record: dict[str, Any] = {
            "cell_m": grid.cell_m,
            "rows": grid.n_rows,
            "columns": grid.n_columns,
            "max_join_m": self.max_join_m,
            "off_road_kmh": dict(_OFF_ROAD_KMH),
        }
        for mode, surface in self.surfaces.items():
            passable = np.isfinite(surface.minutes_per_m).ravel()
            _, part = connected_components(self.graphs[mode], directed=False)
            main = int(np.argmax(np.bincount(part[passable])))
            record[f"{mode}_made_from"] = surface.made_from
            record[f"{mode}_main_pct"] = round(100 * float((part[passable] == main).mean()), 2)
            for what, points in (("origins", origins), ("venues", venues)):
                joined, away = self.join(points, mode)
                is_joined = joined.node >= 0
                record[f"{mode}_{what}_unjoined"] = int((~is_joined).sum())
                record[f"{mode}_{what}_on_islands"] = int((part[joined.node[is_joined]] != main).sum())
                if is_joined.any():
                    record[f"{mode}_{what}_join_max_m"] = round(float(away[is_joined].max()), 1)
        return record


def with_barriers(surface: FrictionSurface, is_barrier: npt.NDArray[np.bool_]) -> FrictionSurface:
    """Close cells to everybody, such as a flooded valley or a lake."""
    return replace(surface, minutes_per_m=np.where(is_barrier, np.inf, surface.minutes_per_m))
