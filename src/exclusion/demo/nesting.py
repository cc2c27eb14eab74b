"""Nest output areas in LSOAs, MSOAs, wards and districts, contiguous and of even size, with 2011 predecessors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exclusion.demo.land import Floats, Integers, Land, on_grid
from exclusion.demo.names import DISTRICTS

_OAS_PER_LSOA = 5.1
_LSOAS_PER_MSOA = 5.0
_LSOAS_PER_WARD = 3.4
# Minutes by road to a large town are not known here; 26 km stands for the classification's half hour.
_NEAR_LARGE_TOWN_M = 23_500.0
RUC_NAMES = {
    "UN1": "Urban: Nearer to a major town or city",
    "UF1": "Urban: Further from a major town or city",
    "RLN1": "Larger rural: Nearer to a major town or city",
    "RLF1": "Larger rural: Further from a major town or city",
    "RSN1": "Smaller rural: Nearer to a major town or city",
    "RSF1": "Smaller rural: Further from a major town or city",
}


@dataclass(frozen=True)
class Nesting:
    """Which area each smaller area lies in; all arrays hold indices that start at 0 without a gap.

    `lsoa` by output area; `msoa`, `ward`, `district` and `ruc` (class code) by LSOA; `lsoa11` by output area, with
    the LSOA of 2011; `change` by LSOA 2021 (U, S, M, X). LSOA 2011 number i is LSOA 2021 number i where it is
    unchanged; those that changed follow after.
    """

    lsoa: Integers
    msoa: Integers
    ward: Integers
    district: Integers
    ruc: NDArray[np.str_]
    lsoa11: Integers
    change: NDArray[np.str_]


def nest(land: Land, rng: np.random.Generator) -> Nesting:
    """Return the nesting of the land's output areas; every level nests exactly in the next."""
    neighbours = _neighbours(len(land.oas), land.edges)
    district_of_oa = _districts(land, neighbours)
    lsoa = _lsoas(land, neighbours, district_of_oa)
    count = int(lsoa.max()) + 1
    centre = _means(land.sites, lsoa, count)
    district = np.array([district_of_oa[lsoa == index][0] for index in range(count)])
    lsoa_neighbours = _neighbours(count, _lifted(land.edges, lsoa))
    msoa = _within_districts(district, centre, lsoa_neighbours, _LSOAS_PER_MSOA)
    ward = _within_districts(district, centre, lsoa_neighbours, _LSOAS_PER_WARD)
    # Renumbered by district, then MSOA, from north to south, as the publisher numbers them.
    msoa_north = np.array([centre[msoa == msoa[i], 1].max() for i in range(count)])
    order = np.lexsort((centre[:, 0], -centre[:, 1], msoa, -msoa_north, district))
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    lsoa = rank[lsoa]
    district, msoa, ward = district[order], _first_seen(msoa[order]), _first_seen(ward[order])
    lsoa_neighbours = _neighbours(count, _lifted(land.edges, lsoa))
    lsoa11, change = _predecessors(lsoa, msoa, lsoa_neighbours, rng)
    return Nesting(lsoa, msoa, ward, district, _rural_classes(land, lsoa), lsoa11, change)


def _neighbours(count: int, edges: Integers) -> list[list[int]]:
    out: list[list[int]] = [[] for _ in range(count)]
    for left, right in edges.tolist():
        out[left].append(right)
        out[right].append(left)
    return out


def _lifted(edges: Integers, parent: Integers) -> Integers:
    """Return the neighbour pairs of the areas that are made of the edges' areas."""
    pairs = np.sort(parent[edges], axis=1)
    return np.asarray(np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0))


def _means(points: Floats, group: Integers, count: int) -> Floats:
    size = np.bincount(group, minlength=count)
    return np.column_stack([np.bincount(group, points[:, axis], count) / size for axis in (0, 1)])


def _first_seen(labels: Integers) -> Integers:
    """Renumber labels from 0 in the order in which they first occur."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _components(nodes: Sequence[int], neighbours: list[list[int]]) -> list[list[int]]:
    """Return the connected parts of a set of areas, largest first."""
    left = set(nodes)
    parts = []
    for node in nodes:
        if node not in left:
            continue
        left.discard(node)
        part, queue = [node], [node]
        while queue:
            for other in neighbours[queue.pop()]:
                if other in left:
                    left.discard(other)
                    part.append(other)
                    queue.append(other)
        parts.append(sorted(part))
    return sorted(parts, key=lambda part: (-len(part), part[0]))


def _districts(land: Land, neighbours: list[list[int]]) -> Integers:
    """Return the district of each output area: the nearest seed, whole settlements together, strays handed over."""
    seeds = on_grid(np.array([(d.x_km, d.y_km) for d in DISTRICTS]))
    pull = np.array([d.pull for d in DISTRICTS])
    # A settlement goes where its centre goes.
    points = np.where(land.settlement[:, None] >= 0, land.centres[land.settlement], land.sites)
    gap = np.hypot(*(points[:, None, :] - seeds[None, :, :]).transpose(2, 0, 1)) / pull
    district = np.asarray(gap.argmin(axis=1), dtype=np.int64)
    for index in range(len(DISTRICTS)):
        for stray in _components(np.flatnonzero(district == index).tolist(), neighbours)[1:]:
            outside = [district[n] for node in stray for n in neighbours[node] if district[n] != index]
            if outside:
                district[stray] = int(np.bincount(outside).argmax())
    return district


def _bisect(nodes: list[int], parts: int, points: Floats, neighbours: list[list[int]]) -> list[list[int]]:
    """Cut a connected set of areas into connected parts of about even size, by straight cuts, in two each time."""
    if parts <= 1 or len(nodes) < 2:
        return [nodes]
    first = parts // 2
    target = min(max(round(len(nodes) * first / parts), 1), len(nodes) - 1)
    where = points[nodes] - points[nodes].mean(axis=0)
    covariance = where.T @ where
    main = 0.5 * np.arctan2(2.0 * covariance[0, 1], covariance[0, 0] - covariance[1, 1])
    best: tuple[float, list[int], list[int]] | None = None
    for step, turn in enumerate((0.0, 0.4, -0.4, 0.8, -0.8, 1.2, -1.2, 1.57)):
        across = where @ np.array([np.cos(main + turn), np.sin(main + turn)])
        order = [nodes[i] for i in np.argsort(across, kind="stable")]
        one, two = order[:target], order[target:]
        lost = _components(sorted(one), neighbours)[1:], _components(sorted(two), neighbours)[1:]
        strays = [{node for part in side for node in part} for side in lost]
        one = sorted((set(one) - strays[0]) | strays[1])
        two = sorted((set(two) - strays[1]) | strays[0])
        cost = 10.0 * (len(_components(one, neighbours)) + len(_components(two, neighbours)) - 2)
        cost += abs(len(one) - target) + 0.15 * step
        if one and two and (best is None or cost < best[0]):
            best = cost, one, two
    if best is None:
        return [nodes]
    _, one, two = best
    return [
        *_bisect(one, first, points, neighbours),
        *_bisect(two, parts - first, points, neighbours),
    ]


def _lsoas(land: Land, neighbours: list[list[int]], district: Integers) -> Integers:
    """Return the LSOA of each output area: settlements are kept apart from the country round them."""
    groups: list[list[int]] = []
    for index in range(len(DISTRICTS)):
        own = np.flatnonzero(district == index)
        size = np.bincount(land.settlement[own] + 1, minlength=len(land.settlements) + 1)
        is_large = (size[land.settlement[own] + 1] >= 7) & (land.settlement[own] >= 0)
        pools = [own[is_large & (land.settlement[own] == s)].tolist() for s in range(len(land.settlements))]
        pools.append(own[~is_large].tolist())
        for pool in pools:
            for part in _components(pool, neighbours):
                groups += _bisect(part, max(1, round(len(part) / _OAS_PER_LSOA)), land.sites, neighbours)
    lsoa = np.empty(len(land.oas), dtype=np.int64)
    for index, group in enumerate(groups):
        lsoa[group] = index
    # An LSOA has at least 400 households, so fewer than four output areas join their smallest neighbour.
    while True:
        size = np.bincount(lsoa)
        small = np.flatnonzero((size > 0) & (size < 4))
        for number in small:
            nodes = np.flatnonzero(lsoa == number)
            near = {
                int(lsoa[n])
                for node in nodes
                for n in neighbours[node]
                if lsoa[n] != number and district[n] == district[node]
            }
            if near:
                lsoa[nodes] = min(near, key=lambda other: (size[other], other))
                break
        else:
            return _first_seen(lsoa)


def _within_districts(
    district: Integers, centre: Floats, neighbours: list[list[int]], per_group: float
) -> Integers:
    """Return groups of LSOAs that nest in districts, about `per_group` to a group."""
    out = np.empty(len(district), dtype=np.int64)
    count = 0
    for index in range(len(DISTRICTS)):
        own = np.flatnonzero(district == index).tolist()
        # An island has no neighbour by land and goes with the nearest shore.
        linked = [list(near) for near in neighbours]
        parts = _components(own, neighbours)
        for island in parts[1:]:
            main = np.array(parts[0])
            shore = int(main[np.hypot(*(centre[main] - centre[island[0]]).T).argmin()])
            linked[shore].append(island[0])
            linked[island[0]].append(shore)
        for group in _bisect(own, max(1, round(len(own) / per_group)), centre, linked):
            out[group] = count
            count += 1
    return out


def _rural_classes(land: Land, lsoa: Integers) -> NDArray[np.str_]:
    """Return the Rural Urban Classification 2021 code of each LSOA: settlement of most output areas, and nearness."""
    kinds = {"large_town": "U", "town": "U", "large_village": "RL", "village": "RS"}
    count = int(lsoa.max()) + 1
    # A settlement is near or far as a whole.
    points = np.where(land.settlement[:, None] >= 0, land.centres[land.settlement], land.sites)
    centre = _means(points, lsoa, count)
    large = [i for i, s in enumerate(land.settlements) if s.kind == "large_town"]
    gap = np.hypot(*(centre[:, None, :] - land.centres[large][None, :, :]).transpose(2, 0, 1)).min(axis=1)
    out = []
    for index in range(count):
        own = land.settlement[lsoa == index]
        found = [kinds[land.settlements[s].kind] if s >= 0 else "RS" for s in own]
        names, counts = np.unique(found, return_counts=True)
        out.append(f"{names[counts.argmax()]}{'N' if gap[index] <= _NEAR_LARGE_TOWN_M else 'F'}1")
    return np.array(out)


def _predecessors(
    lsoa: Integers, msoa: Integers, neighbours: list[list[int]], rng: np.random.Generator
) -> tuple[Integers, NDArray[np.str_]]:
    """Return the LSOA 2011 of each output area and the change code of each LSOA 2021.

    Six LSOAs of 2011 were split in two, three pairs merged, and one pair was cut up anew.
    """
    count = int(lsoa.max()) + 1
    change = np.full(count, "U")
    lsoa11 = lsoa.copy()
    next11 = count
    pairs = [(a, b) for a in range(count) for b in neighbours[a] if a < b and msoa[a] == msoa[b]]
    rng.shuffle(pairs)
    singles = rng.permutation(count).tolist()
    for number in range(7):
        a, b = next((a, b) for a, b in pairs if change[a] == change[b] == "U")
        own_a, own_b = np.flatnonzero(lsoa == a), np.flatnonzero(lsoa == b)
        if number < 6:
            change[[a, b]] = "S"
            lsoa11[[*own_a, *own_b]] = next11
            next11 += 1
        else:
            change[[a, b]] = "X"
            lsoa11[[*own_a, *own_b[:1]]] = next11
            lsoa11[own_b[1:]] = next11 + 1
            next11 += 2
    for _ in range(3):
        one = next(i for i in singles if change[i] == "U" and (lsoa == i).sum() >= 4)
        own = np.flatnonzero(lsoa == one)
        change[one] = "M"
        lsoa11[own[: len(own) // 2]] = next11
        lsoa11[own[len(own) // 2 :]] = next11 + 1
        next11 += 2
    return lsoa11, change
