"""Boundaries as shared arcs on an integer grid: every edge that two areas share is kept once, so neighbours meet.

The way of cutting rings into arcs at junctions is that of TopoJSON (M. Bostock, "How to Infer Topology", 2013): a
vertex is a junction where the rings through it do not all have the same two neighbours there.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from exclusion.errors import ContractError

if TYPE_CHECKING:
    import geopandas as gpd

TILE_PIXELS = 256
# Half the side of the Web Mercator square, metres (EPSG:3857).
MERCATOR_HALF_M = 20037508.342789244
# How many areas are rounded in one go.
_AREAS_AT_ONCE = 2_048


@dataclass(frozen=True)
class Topology:
    """Hold areas as rings of shared arcs in Web-Mercator pixels at `zoom`.

    `xy` (vertices, 2) int64; arc i is `xy[arc_start[i]:arc_start[i + 1]]`. Area a has `rings_per_area[a]` rings, each
    of `arcs_per_ring` arcs; `ring_arcs` names them in order, `~i` where arc i is walked backwards.
    """

    zoom: int
    xy: Any
    arc_start: Any
    rings_per_area: Any
    arcs_per_ring: Any
    ring_arcs: Any

    def rings(self, area: int) -> list[Any]:
        """Return an area's closed rings as (vertices, 2) integer arrays, first vertex repeated at the end."""
        ring_first = int(self.rings_per_area[:area].sum())
        found = []
        arc_first = int(self.arcs_per_ring[:ring_first].sum())
        for ring in range(ring_first, ring_first + int(self.rings_per_area[area])):
            arc_last = arc_first + int(self.arcs_per_ring[ring])
            parts = [self.arc(int(code)) for code in self.ring_arcs[arc_first:arc_last]]
            found.append(np.concatenate([parts[0], *(part[1:] for part in parts[1:])]))
            arc_first = arc_last
        return found

    def arc(self, code: int) -> Any:
        """Return one arc's vertices, reversed for a negative code."""
        index = ~code if code < 0 else code
        part = self.xy[self.arc_start[index] : self.arc_start[index + 1]]
        return part[::-1] if code < 0 else part

    def subset(self, areas: Sequence[int]) -> "Topology":
        """Return the topology of some areas, in the order given, with only the arcs they need."""
        wanted = np.asarray(areas, dtype=np.int64)
        ring_first = np.concatenate([[0], np.cumsum(self.rings_per_area)])
        arc_first = np.concatenate([[0], np.cumsum(self.arcs_per_ring)])
        rings = _ranges(ring_first[wanted], ring_first[wanted + 1])
        codes = self.ring_arcs[_ranges(arc_first[rings], arc_first[rings + 1])]
        indices = np.where(codes < 0, ~codes, codes)
        used, first_at, inverse = np.unique(indices, return_index=True, return_inverse=True)
        order = np.argsort(first_at, kind="stable")
        renamed = np.empty(len(used), dtype=np.int64)
        renamed[order] = np.arange(len(used))
        kept = used[order]
        lengths = self.arc_start[kept + 1] - self.arc_start[kept]
        new_index = renamed[inverse]
        return Topology(
            zoom=self.zoom,
            xy=self.xy[_ranges(self.arc_start[kept], self.arc_start[kept + 1])],
            arc_start=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            rings_per_area=self.rings_per_area[wanted],
            arcs_per_ring=self.arcs_per_ring[rings],
            ring_arcs=np.where(codes < 0, ~new_index, new_index),
        )


@cache
def _to_mercator() -> Any:
    from pyproj import Transformer

    return Transformer.from_crs(27700, 3857, always_xy=True)


def world_pixels(x_m: Any, y_m: Any, zoom: int) -> Any:
    """Return Web-Mercator pixels (n, 2) at a zoom, rounded to integers, of EPSG:27700 coordinates in metres."""
    east, north = _to_mercator().transform(np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float))
    scale = TILE_PIXELS * 2**zoom / (2 * MERCATOR_HALF_M)
    pixels = np.column_stack([(east + MERCATOR_HALF_M) * scale, (MERCATOR_HALF_M - north) * scale])
    if not np.isfinite(pixels).all():
        raise ContractError(
            "A boundary or a venue lies outside Great Britain's grid: check its coordinates (EPSG:27700)."
        )
    return np.rint(pixels).astype(np.int64)


def topology_of(geometry: "gpd.GeoSeries", zoom: int) -> Topology:
    """Return the shared arcs of polygons in EPSG:27700, rounded to Web-Mercator pixels at `zoom`.

    No simplification: rounding moves equal vertices equally, so shared edges stay shared. Raises ContractError where
    an area would vanish on the grid.
    """
    rings, ring_area, node, xy = _rounded_rings(geometry, zoom)
    starts = _arc_breaks(rings, node)
    arcs: dict[bytes, int] = {}
    pieces: list[Any] = []
    ring_arcs: list[int] = []
    arcs_per_ring: list[int] = []
    for (first, last), breaks in zip(rings, starts, strict=True):
        nodes = node[first:last]
        whole = np.concatenate([np.roll(nodes, -breaks[0]), nodes[breaks[0] : breaks[0] + 1]])
        limits = np.append(breaks - breaks[0], len(nodes))
        for begin, end in itertools.pairwise(limits):
            ring_arcs.append(_enter(whole[begin : end + 1], arcs, pieces))
        arcs_per_ring.append(len(limits) - 1)
    lengths = np.array([len(piece) for piece in pieces], dtype=np.int64)
    rings_per_area = np.bincount(ring_area, minlength=len(geometry))
    if (rings_per_area == 0).any():
        lost = geometry.index[int(np.argmin(rings_per_area))]
        raise ContractError(
            f"Area {lost} is smaller than the map's grid at zoom {zoom} and would vanish: use a finer grid."
        )
    return Topology(
        zoom=zoom,
        xy=xy[np.concatenate(pieces)],
        arc_start=np.concatenate([[0], np.cumsum(lengths)]),
        rings_per_area=rings_per_area.astype(np.int64),
        arcs_per_ring=np.array(arcs_per_ring, dtype=np.int64),
        ring_arcs=np.array(ring_arcs, dtype=np.int64),
    )


def _rounded_rings(geometry: "gpd.GeoSeries", zoom: int) -> tuple[list[tuple[int, int]], Any, Any, Any]:
    """Return open rings as ranges of vertices, each ring's area, vertex numbers, and the numbered vertices' pixels."""
    shapes = geometry.to_numpy()
    # In parts: a nation's rings, coordinates and pixels at once would take hundreds of megabytes on the way.
    parts = [
        _rounded_part(shapes[first : first + _AREAS_AT_ONCE], zoom, first)
        for first in range(0, len(shapes), _AREAS_AT_ONCE)
    ]
    key, counts, ring_area = (np.concatenate(column) for column in zip(*parts, strict=True))
    ends = np.cumsum(counts)
    ranges = list(zip((ends - counts).tolist(), ends.tolist(), strict=True))
    unique, node = np.unique(key, return_inverse=True)
    xy = np.column_stack([unique >> 32, unique & 0xFFFFFFFF])
    return ranges, ring_area, node.astype(np.int32), xy


def _rounded_part(shapes: Any, zoom: int, first_area: int) -> tuple[Any, Any, Any]:
    """Return some areas' open rings: each vertex's pixel as one number, each ring's number of vertices, and its area."""
    import shapely

    parts, part_area = shapely.get_parts(shapes, return_index=True)
    lines, line_part = shapely.get_rings(parts, return_index=True)
    coordinates, ring = shapely.get_coordinates(lines, return_index=True)
    pixels = world_pixels(coordinates[:, 0], coordinates[:, 1], zoom)
    same_as_before = np.zeros(len(ring), dtype=bool)
    same_as_before[1:] = (ring[1:] == ring[:-1]) & (pixels[1:] == pixels[:-1]).all(axis=1)
    pixels, ring = pixels[~same_as_before], ring[~same_as_before]
    # A ring ends where it began; the repeated last vertex is dropped so that rings can be turned freely.
    is_last = np.append(ring[1:] != ring[:-1], True)
    counts = np.bincount(ring, minlength=len(lines))
    drop = is_last & (counts[ring] > 1)
    pixels, ring = pixels[~drop], ring[~drop]
    counts = np.bincount(ring, minlength=len(lines))
    is_kept = counts >= 3
    pixels = pixels[is_kept[ring]]
    kept = np.flatnonzero(is_kept)
    return pixels[:, 0] << 32 | pixels[:, 1], counts[kept], part_area[line_part[kept]] + first_area


def _arc_breaks(rings: list[tuple[int, int]], node: Any) -> list[Any]:
    """Return, for every ring, the places where its arcs begin; a ring without junctions begins at its least vertex."""
    first = np.array([begin for begin, _ in rings])
    last = np.array([end for _, end in rings])
    before = np.arange(len(node)) - 1
    before[first] = last - 1
    after = np.arange(len(node)) + 1
    after[last - 1] = first
    low = np.minimum(node[before], node[after])
    high = np.maximum(node[before], node[after])
    order = np.lexsort((high, low, node))
    changes = np.zeros(len(node), dtype=bool)
    same_node = node[order][1:] == node[order][:-1]
    differs = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    changes[1:] = same_node & differs
    is_junction = np.zeros(int(node.max()) + 1, dtype=bool)
    is_junction[node[order][changes]] = True
    at = np.flatnonzero(is_junction[node])
    begin = np.searchsorted(at, first)
    end = np.searchsorted(at, last)
    return [
        at[b:e] - f if e > b else np.array([int(np.argmin(node[f:stop]))])
        for b, e, f, stop in zip(begin.tolist(), end.tolist(), first.tolist(), last.tolist(), strict=True)
    ]


def _enter(nodes: Any, arcs: dict[bytes, int], pieces: list[Any]) -> int:
    """Return an arc's number (`~number` when walked backwards), entering it when it is new."""
    is_backwards = nodes[0] > nodes[-1] or (nodes[0] == nodes[-1] and nodes[1] > nodes[-2])
    forward = nodes[::-1] if is_backwards else nodes
    name = forward.tobytes()
    number = arcs.get(name)
    if number is None:
        number = len(pieces)
        arcs[name] = number
        pieces.append(forward)
    return ~number if is_backwards else number


def _ranges(first: Any, last: Any) -> Any:
    """Return the concatenation of the integer ranges [first, last)."""
    lengths = last - first
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - lengths, lengths) + np.repeat(first, lengths)
