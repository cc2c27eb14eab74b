"""Roads of the made-up county: streets in settlements, lanes between hamlets, and main roads along the shortest ways.

Streets and lanes are Gabriel graphs (Gabriel and Sokal 1969), which are planar and look like roads people make:
two points are joined where no third lies in the circle between them.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay, cKDTree

from exclusion.demo.homes import Homes
from exclusion.demo.land import Floats, Integers, Land, displaced, moor_at
from exclusion.demo.names import STREETS

_GATEWAYS = {"large_town": 14, "town": 8, "large_village": 4, "village": 2}
_MAIN = ("residential", "unclassified", "tertiary", "secondary", "primary")


@dataclass(frozen=True)
class Way:
    """One way: nodes in order and its OpenStreetMap tags."""

    nodes: tuple[int, ...]
    tags: dict[str, str]


@dataclass(frozen=True)
class Roads:
    """Road nodes (n, 2) in EPSG:27700 metres and the ways between them, in a fixed order."""

    nodes: Floats
    ways: tuple[Way, ...]


def make_roads(land: Land, homes: Homes, rng: np.random.Generator) -> Roads:
    """Return a connected network that reaches every postcode and hamlet; the island has a causeway."""
    count = len(homes.points)
    points = np.vstack([homes.points, homes.hamlets])
    settlement = land.settlement[np.concatenate([homes.oa, homes.hamlet_oa])]
    shapely.prepare(land.outline)
    streets, paths = _streets(land, points, settlement, rng)
    lanes = _lanes(land, points, settlement, count)
    drives = _drives(points, settlement, homes, count)
    edges = np.vstack([streets, lanes, drives])
    kind = np.repeat(["street", "lane", "drive"], [len(streets), len(lanes), len(drives)])
    bridges = _links(points, edges)
    edges = np.vstack([edges, bridges])
    kind = np.concatenate([kind, np.repeat("bridge", len(bridges))])
    importance = _importance(land, points, edges, kind)
    keep = _kept_lanes(points, edges, kind, importance, rng)
    edges, kind, importance = edges[keep], kind[keep], importance[keep]
    return _drawn(points, edges, kind, importance, paths, rng)


def _gabriel(points: Floats) -> tuple[Integers, Integers]:
    """Return Gabriel edges, and the other Delaunay edges, as pairs of indices with the lower first."""
    if len(points) < 3:
        return np.array([[0, 1]] if len(points) == 2 else [], dtype=np.int64).reshape(-1, 2), np.empty(
            (0, 2), np.int64
        )
    corners = Delaunay(points).simplices
    pairs = np.unique(
        np.sort(np.vstack([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]]), axis=1), axis=0
    )
    middle = points[pairs].mean(axis=1)
    half = 0.5 * np.hypot(*(points[pairs[:, 0]] - points[pairs[:, 1]]).T)
    nearest, _ = cKDTree(points).query(middle)
    is_gabriel = nearest >= half * (1.0 - 1e-9)
    return np.asarray(pairs[is_gabriel], np.int64), np.asarray(pairs[~is_gabriel], np.int64)


def _dry(land: Land, points: Floats, edges: Integers) -> NDArray[np.bool_]:
    """Tell which edges stay on land."""
    return np.asarray(shapely.contains(land.outline, shapely.linestrings(points[edges])))


def _length(points: Floats, edges: Integers) -> Floats:
    return np.asarray(np.hypot(*(points[edges[:, 0]] - points[edges[:, 1]]).T))


def _streets(
    land: Land, points: Floats, settlement: Integers, rng: np.random.Generator
) -> tuple[Integers, Integers]:
    """Return street edges within settlements, and footpaths between streets."""
    streets, paths = [], []
    for index, place in enumerate(land.settlements):
        own = np.flatnonzero(settlement == index)
        if len(own) < 2:
            continue
        near, far = _gabriel(points[own])
        streets.append(own[near])
        if place.kind != "village":
            chosen = far[rng.uniform(size=len(far)) < 0.3]
            paths.append(own[chosen])
    edges = np.vstack(streets)
    walks = np.vstack(paths)
    walks = walks[_length(points, walks) < 260.0]
    return edges[_dry(land, points, edges)], walks[_dry(land, points, walks)]


def _lanes(land: Land, points: Floats, settlement: Integers, first_hamlet: int) -> Integers:
    """Return country lanes: the Gabriel graph of hamlets and of the gateways of settlements."""
    chosen = [np.arange(first_hamlet, len(points))]
    for index, place in enumerate(land.settlements):
        own = np.flatnonzero(settlement == index)
        middle = points[own].mean(axis=0)
        angle = np.arctan2(*(points[own] - middle).T[::-1])
        reach = np.hypot(*(points[own] - middle).T)
        count = _GATEWAYS[place.kind]
        sector = np.floor((angle + np.pi) / (2.0 * np.pi) * count).astype(int) % count
        chosen.append(np.array([own[sector == s][reach[sector == s].argmax()] for s in np.unique(sector)]))
    nodes = np.unique(np.concatenate(chosen))
    edges = nodes[_gabriel(points[nodes])[0]]
    is_inside = (settlement[edges[:, 0]] == settlement[edges[:, 1]]) & (settlement[edges[:, 0]] >= 0)
    edges = edges[~is_inside]
    return np.asarray(edges[_dry(land, points, edges)])


def _drives(points: Floats, settlement: Integers, homes: Homes, count: int) -> Integers:
    """Return a drive from each postcode outside settlements to the nearest hamlet of its own output area."""
    out = []
    for index in np.flatnonzero(settlement[:count] < 0):
        own = np.flatnonzero(homes.hamlet_oa == homes.oa[index])
        nearest = own[np.hypot(*(homes.hamlets[own] - points[index]).T).argmin()]
        out.append((index, count + nearest))
    return np.array(out, dtype=np.int64)


def _graph(points: Floats, edges: Integers, weight: Floats) -> coo_array:
    return coo_array((weight, (edges[:, 0], edges[:, 1])), shape=(len(points), len(points)))


def _links(points: Floats, edges: Integers) -> Integers:
    """Return the shortest bridges that join all parts of the network, nearest part first."""
    out: list[tuple[int, int]] = []
    while True:
        both = np.vstack([edges, np.array(out, dtype=np.int64).reshape(-1, 2)])
        parts, label = connected_components(_graph(points, both, np.ones(len(both))).tocsr(), directed=False)
        if parts == 1:
            return np.array(out, dtype=np.int64).reshape(-1, 2)
        main = label == np.bincount(label).argmax()
        gap, nearest = cKDTree(points[main]).query(points[~main])
        best = int(gap.argmin())
        out.append((int(np.flatnonzero(main)[nearest[best]]), int(np.flatnonzero(~main)[best])))


def _importance(land: Land, points: Floats, edges: Integers, kind: NDArray[np.str_]) -> Integers:
    """Return 0 to 4 for each edge (residential to primary): how far the journeys that share it lead."""
    centre = cKDTree(points)
    stop = {k: [] for k in ("large_town", "town", "large_village", "village")}  # type: dict[str, list[int]]
    for place, where in zip(land.settlements, land.centres, strict=True):
        stop[place.kind].append(int(centre.query(where)[1]))
    towns = stop["large_town"] + stop["town"]
    level = np.where(kind == "lane", 1, np.where(kind == "bridge", 1, 0))
    ease = np.where(kind == "drive", 3.0, np.where(kind == "street", 1.15, 1.0))
    journeys = (
        (4, [(a, b) for i, a in enumerate(towns) for b in towns[i + 1 :]]),
        (3, [(a, _nearest(points, a, towns)) for a in stop["large_village"]]),
        (2, [(a, _nearest(points, a, towns + stop["large_village"])) for a in stop["village"]]),
    )
    place_of = {(int(a), int(b)): i for i, (a, b) in enumerate(edges.tolist())}
    for rank, pairs in journeys:
        # Roads that are made already are easier to follow, so that ways run together.
        weight = _length(points, edges) * ease * np.where(level >= 2, 0.62, 1.0)
        starts = sorted({a for a, _ in pairs})
        _, before = dijkstra(
            _graph(points, edges, weight).tocsr(), directed=False, indices=starts, return_predecessors=True
        )
        for start, end in pairs:
            node = end
            row = before[starts.index(start)]
            while node != start and row[node] >= 0:
                last = int(row[node])
                edge = place_of.get((last, node), place_of.get((node, last), -1))
                level[edge] = max(level[edge], rank)
                node = last
    return np.asarray(level, dtype=np.int64)


def _nearest(points: Floats, start: int, others: list[int]) -> int:
    gaps = np.hypot(*(points[others] - points[start]).T)
    return others[int(np.where(np.array(others) == start, np.inf, gaps).argmin())]


def _kept_lanes(
    points: Floats, edges: Integers, kind: NDArray[np.str_], importance: Integers, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Drop some lanes, most of them on the moor, but never one that anything hangs on."""
    length = _length(points, edges)
    tree = minimum_spanning_tree(_graph(points, edges, length).tocsr()).tocoo()
    needed = {tuple(sorted(pair)) for pair in zip(tree.row.tolist(), tree.col.tolist(), strict=True)}
    is_needed = np.array([tuple(sorted(pair)) in needed for pair in edges.tolist()])
    chance = 0.22 + 0.45 * moor_at(points[edges].mean(axis=1))
    is_dropped = (kind == "lane") & (importance < 2) & ~is_needed & (rng.uniform(size=len(edges)) < chance)
    return np.asarray(~is_dropped)


def _drawn(
    points: Floats,
    edges: Integers,
    kind: NDArray[np.str_],
    importance: Integers,
    paths: Integers,
    rng: np.random.Generator,
) -> Roads:
    """Return ways with tags; lanes wind, streets are straight."""
    is_crossing = np.bincount(edges.ravel(), minlength=len(points)) > 3
    nodes = [points]
    total = len(points)
    ways: list[Way] = []
    for (start, end), what, level in zip(edges.tolist(), kind.tolist(), importance.tolist(), strict=True):
        middle: range = range(0)
        if what == "lane":
            line = displaced(points[[start, end]], rng, 0.05 if level >= 3 else 0.075, 320.0)[1:-1]
            nodes.append(np.round(line, 1))
            middle = range(total, total + len(line))
            total += len(line)
        tags = _tags(start, end, what, level, rng)
        # A street may be one-way only where there is another way round.
        if (
            tags["highway"] == "residential"
            and is_crossing[start]
            and is_crossing[end]
            and rng.uniform() < 0.04
        ):
            tags["oneway"] = "yes"
        ways.append(Way((start, *middle, end), tags))
    for start, end in paths.tolist():
        ways.append(Way((start, end), {"highway": "footway" if (start + end) % 3 else "path"}))
    return Roads(nodes=np.vstack(nodes), ways=tuple(ways))


def _tags(start: int, end: int, what: str, level: int, rng: np.random.Generator) -> dict[str, str]:
    """Return the tags of a way; speed limits and names are mapped here and there, as on the real map."""
    in_place = what == "street"
    tags = {"highway": "service" if what == "drive" else _MAIN[level]}
    if level >= 3:
        tags["ref"] = f"{'A' if level == 4 else 'B'}{9_000 + (start * 7 + level) % 60}"
    if in_place and level == 0 and rng.uniform() < 0.55:
        tags["name"] = STREETS[(start + end) % len(STREETS)]
    if rng.uniform() < (0.45 if level >= 3 else 0.10):
        tags["maxspeed"] = "30 mph" if in_place else "60 mph" if level >= 1 else "20 mph"
    if what == "bridge":
        tags["bridge"] = "yes"
    elif what == "drive":
        tags["access"] = "destination" if rng.uniform() < 0.3 else "yes"
    return tags
