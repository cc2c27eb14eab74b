"""The land of the made-up county: a coast, settlements, and output areas that share their edges exactly.

All coordinates are EPSG:27700 metres in the open North Sea, so that no one takes the county for a real place.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from exclusion.demo.names import ISLAND_VILLAGE, LARGE_VILLAGES, TOWNS, VILLAGES, Settlement

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# South-west corner of the county's square: open sea 120 km off the English coast, and west of 1.9 degrees east,
# beyond which the transformations to the National Grid are no longer defined.
ORIGIN_M = (560_000.0, 590_000.0)
# The outline before it is roughened, km from the corner; the coast runs down the east side and into an inlet.
_INLAND_KM = (
    (8.2, 4.6), (4.6, 8.0), (5.8, 12.6), (2.4, 17.0), (4.8, 23.5), (1.8, 27.0), (0.6, 33.0), (2.0, 38.6), (1.0, 44.0),
    (5.0, 47.6), (4.2, 53.0), (8.6, 55.0), (11.4, 59.4), (16.4, 57.8), (20.0, 60.6), (25.4, 58.6), (29.5, 55.6),
    (35.4, 56.8), (39.0, 55.4), (44.4, 57.6), (49.0, 55.4),
)  # fmt: skip
_COAST_KM = (
    (54.6, 57.0), (57.4, 56.4), (60.2, 54.8), (61.0, 52.2), (64.6, 50.4), (65.6, 49.2), (63.0, 47.8), (61.6, 45.4),
    (62.6, 43.6), (64.6, 42.2), (66.0, 39.6), (65.4, 36.8), (66.6, 34.6), (66.0, 32.2), (63.0, 31.0), (59.2, 30.7),
    (54.4, 29.5), (50.6, 30.2), (47.8, 31.4), (50.8, 29.7), (54.6, 28.6), (58.2, 27.6), (62.2, 28.2), (65.2, 28.9),
    (67.4, 26.0), (67.6, 23.0), (65.0, 20.6), (63.6, 18.4), (65.4, 15.8), (63.6, 11.6), (61.6, 9.6), (60.2, 6.4), (61.4, 3.2),
)  # fmt: skip
_SOUTH_KM = (
    (57.0, 1.8), (52.0, 3.6), (47.6, 2.4), (43.0, 5.0), (38.0, 3.0), (34.0, 1.2), (29.0, 3.8), (24.0, 2.6), (19.0, 5.4), (13.0, 3.2),
)  # fmt: skip
_ISLAND_KM = ((69.0, 43.0), (70.6, 42.2), (72.0, 43.4), (71.4, 45.2), (70.2, 46.9), (68.9, 45.4))
# Residents of an output area, and how many output areas lie outside every settlement.
_OA_RESIDENTS = 315.0
_DISPERSED_OAS = 112
# Built-up residents per square kilometre, which sets how far a settlement spreads.
_DENSITY = {"large_town": 3_900.0, "town": 3_300.0, "large_village": 2_300.0, "village": 1_500.0}


@dataclass(frozen=True)
class Land:
    """Output areas of the county and what stands on them.

    `oas`: polygons (27700), a valid coverage, in a fixed order; `sites` (n, 2): a point inside each. `settlement`
    is the index into `settlements` or -1 for dispersed country. `edges` (m, 2): pairs of output areas that share
    an edge, lower index first; `moor` (n,): 0 lowland to 1 high moor.
    """

    outline: Any
    oas: NDArray[np.object_]
    sites: Floats
    settlement: Integers
    settlements: tuple[Settlement, ...]
    centres: Floats
    edges: Integers
    moor: Floats


def all_settlements() -> tuple[Settlement, ...]:
    """Return every settlement, largest kinds first, in the order that indexes them everywhere."""
    small = tuple(
        Settlement(name, x, y, 520 + (index * 173) % 760, "village", age=0.25 + 0.05 * (index % 5))
        for index, (name, x, y) in enumerate(VILLAGES)
    )
    return (*TOWNS, *LARGE_VILLAGES, *small, ISLAND_VILLAGE)


def make_land(rng: np.random.Generator) -> Land:
    """Lay out coast, settlements and output areas; the same generator state gives the same land."""
    settlements = all_settlements()
    centres = on_grid(np.array([(s.x_km, s.y_km) for s in settlements]))
    rings = [_rough_ring(_mainland(), rng), _rough_ring(_closed(_ISLAND_KM), rng)]
    outline = shapely.multipolygons([shapely.polygons(ring) for ring in rings])
    sites, settlement = _sites(rng, settlements, centres, outline)
    order = np.lexsort((sites[:, 0], sites[:, 1], settlement))
    sites, settlement = sites[order], settlement[order]
    oas, edges = _cells(sites, outline, rng, is_built=settlement >= 0)
    is_outside = ~shapely.contains_xy(oas, sites[:, 0], sites[:, 1])
    sites[is_outside] = shapely.get_coordinates(shapely.point_on_surface(oas[is_outside]))
    return Land(
        outline=shapely.coverage_union_all(oas),
        oas=oas,
        sites=sites,
        settlement=settlement,
        settlements=settlements,
        centres=centres,
        edges=edges,
        moor=moor_at(sites),
    )


def on_grid(points_km: Floats) -> Floats:
    """Return EPSG:27700 metres of points in the plan's km; the plan is bent a little, so that nothing is square."""
    x, y = points_km.T
    bent = np.column_stack([x + 3.2 * np.sin(y / 12.5 + 0.6), y + 2.6 * np.sin(x / 13.0)])
    return np.asarray(bent * 1000.0 + np.array(ORIGIN_M))


def moor_at(points: Floats) -> Floats:
    """Return how much of a moor a point stands on (0 to 1): high ground in the west, cut by two dales."""
    bent_x, bent_y = (points - np.array(ORIGIN_M)).T / 1000.0
    # One step back through the bend is near enough for a moor, which has no sharp edge.
    x, y = bent_x - 3.2 * np.sin(bent_y / 12.5 + 0.6), bent_y - 2.6 * np.sin(bent_x / 13.0)
    height = 1.0 / (1.0 + np.exp((x - 19.0) / 3.6))
    north_dale = np.exp(-(((y - 42.0 - 0.15 * (x - 10.0)) / 3.4) ** 2))
    south_dale = np.exp(-(((y - 31.0 + 0.10 * (x - 10.0)) / 2.6) ** 2))
    return np.asarray(np.clip(height * (1.0 - 0.75 * np.maximum(north_dale, south_dale)), 0.0, 1.0))


def _closed(points_km: tuple[tuple[float, float], ...]) -> Floats:
    return on_grid(np.array([*points_km, points_km[0]]))


def _mainland() -> Floats:
    return _closed((*_INLAND_KM, *_COAST_KM, *_SOUTH_KM))


def _rough_ring(ring: Floats, rng: np.random.Generator) -> Floats:
    """Return the ring with each segment displaced once, rougher on the coast than inland."""
    parts = []
    for start, end in itertools.pairwise(ring):
        is_coast = min(start[0], end[0]) > ORIGIN_M[0] + 50_500.0
        parts.append(displaced(np.array([start, end]), rng, 0.16 if is_coast else 0.12, 500.0)[:-1])
    out = np.vstack([*parts, parts[0][:1]])
    polygon = shapely.make_valid(shapely.polygons(out))
    largest = max(shapely.get_parts(polygon), key=shapely.area)
    return np.asarray(shapely.get_coordinates(shapely.get_exterior_ring(largest)))


def displaced(line: Floats, rng: np.random.Generator, amplitude: float, finest_m: float) -> Floats:
    """Return a line whose segments are split at displaced midpoints until none is longer than `finest_m`.

    A midpoint moves across its segment by a normal deviate of `amplitude` times the segment's length (Fournier,
    Fussell and Carpenter 1982, midpoint displacement), held within two and a half deviates.
    """
    points = line
    while True:
        steps = np.diff(points, axis=0)
        length = np.hypot(steps[:, 0], steps[:, 1])
        is_long = length > finest_m
        if not is_long.any():
            return points
        shift = np.clip(rng.standard_normal(len(length)), -2.5, 2.5) * amplitude
        across = np.column_stack([-steps[:, 1], steps[:, 0]])
        middle = points[:-1] + 0.5 * steps + across * shift[:, None]
        kept = np.repeat(points, 2, axis=0)[:-1]
        kept[1::2] = middle
        mask = np.ones(len(kept), dtype=bool)
        mask[1::2] = is_long
        points = kept[mask]


def radius_m(settlement: Settlement) -> float:
    """Return the radius of a disc that holds the settlement at the density of its kind."""
    return float(np.sqrt(settlement.residents / _DENSITY[settlement.kind] / np.pi) * 1000.0)


def _sites(
    rng: np.random.Generator, settlements: tuple[Settlement, ...], centres: Floats, outline: Any
) -> tuple[Floats, Integers]:
    """Return a point for each output area: in settlements on a jittered spiral, elsewhere spread by best candidate."""
    shapely.prepare(outline)
    shore = shapely.boundary(outline)
    points: list[Floats] = []
    owner: list[int] = []
    for index, (settlement, centre) in enumerate(zip(settlements, centres, strict=True)):
        count = max(1, round(settlement.residents / _OA_RESIDENTS))
        turn, stretch = rng.uniform(0.0, np.pi), rng.uniform(0.72, 0.95)
        rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        # More points are drawn than needed, so that a town on the shore keeps its people on land.
        k = np.arange(4 * count + 8)
        radius = radius_m(settlement) * np.sqrt((k + 0.4) / count)
        angle = k * np.pi * (3.0 - np.sqrt(5.0))
        spiral = np.column_stack([radius * np.cos(angle), radius * np.sin(angle) * stretch])
        spiral += rng.normal(0.0, 0.16 * radius_m(settlement) / np.sqrt(count), spiral.shape)
        candidates = centre + spiral @ rotation.T
        is_inside = shapely.contains_xy(outline, candidates)
        is_dry = shapely.distance(shore, shapely.points(candidates)) > 60.0
        chosen = candidates[is_inside & is_dry][:count]
        points.extend(chosen)
        owner.extend([index] * len(chosen))
    fringe = _fringe(rng, settlements, centres)
    fringe = fringe[shapely.contains_xy(outline, fringe)]
    fringe = fringe[shapely.distance(shore, shapely.points(fringe)) > 150.0]
    points.extend(fringe)
    owner.extend([-1] * len(fringe))
    radii = np.array([radius_m(s) for s in settlements])
    left, bottom, right, top = shapely.bounds(outline)
    taken = np.array(points)
    for _ in range(_DISPERSED_OAS):
        draws = np.column_stack([rng.uniform(left, right, 160), rng.uniform(bottom, top, 160)])
        draws = draws[shapely.contains_xy(outline, draws)]
        keep = rng.uniform(size=len(draws)) < 1.0 - 0.62 * moor_at(draws)
        gap = np.hypot(*(draws[:, None, :] - centres[None, :, :]).transpose(2, 0, 1))
        keep &= (gap > radii * 1.25 + 350.0).all(axis=1) & (draws[:, 0] < ORIGIN_M[0] + 69_500.0)
        draws = draws[keep][:14]
        nearest = np.hypot(*(draws[:, None, :] - taken[None, :, :]).transpose(2, 0, 1)).min(axis=1)
        # On the moor the same number of people takes three times the ground.
        best = draws[np.argmax(nearest * (1.0 - 0.45 * moor_at(draws)))]
        points.append(best)
        owner.append(-1)
        taken = np.vstack([taken, best])
    return np.array(points), np.array(owner, dtype=np.int64)


def _fringe(rng: np.random.Generator, settlements: tuple[Settlement, ...], centres: Floats) -> Floats:
    """Return a ring of farmland points round each larger settlement, so that its own areas stay compact."""
    rings = []
    for settlement, centre in zip(settlements, centres, strict=True):
        if settlement.kind == "village":
            continue
        radius = radius_m(settlement) * 1.32 + 420.0
        count = max(4, round(2.0 * np.pi * radius / 2_300.0))
        angle = (np.arange(count) + rng.uniform(0.0, 1.0)) * 2.0 * np.pi / count + rng.normal(
            0.0, 0.12, count
        )
        reach = radius * rng.uniform(0.92, 1.22, count)
        rings.append(centre + np.column_stack([reach * np.cos(angle), reach * np.sin(angle)]))
    return np.vstack(rings)


def _cells(
    sites: Floats, outline: Any, rng: np.random.Generator, *, is_built: NDArray[np.bool_]
) -> tuple[NDArray[np.object_], Integers]:
    """Return output areas (Voronoi cells of the sites, cut at the shore, edges roughened once) and neighbour pairs."""
    rays = shapely.voronoi_polygons(shapely.multipoints(sites), extend_to=outline, only_edges=True)
    lines = shapely.unary_union([rays, shapely.boundary(outline)])
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    faces = faces[shapely.contains(outline, shapely.point_on_surface(faces))]
    label = _labels(faces, sites)
    pieces = shapely.get_parts(lines)
    sides = _sides(pieces, faces, label)
    is_border = sides[:, 0] != sides[:, 1]
    pieces, sides = pieces[is_border], sides[is_border]
    arcs, arc_sides = _arcs(pieces, sides)
    rough = _roughen(arcs, arc_sides, rng, is_built=is_built)
    cells = shapely.get_parts(shapely.polygonize(rough))
    owner = _owners(cells, rough, arc_sides, faces, label)
    order = np.argsort(owner, kind="stable")
    if not np.array_equal(owner[order], np.arange(len(sites))):
        raise AssertionError("every output area of the made-up county must be one polygon")
    pairs = np.unique(np.sort(arc_sides[(arc_sides >= 0).all(axis=1)], axis=1), axis=0)
    return cells[order], pairs


def _labels(faces: NDArray[np.object_], sites: Floats) -> Integers:
    """Return the site of each face; a face cut off by the water joins the neighbour with the longest shared edge."""
    tree = shapely.STRtree(faces)
    point, face = tree.query(shapely.points(sites), predicate="intersects")
    label = np.full(len(faces), -1, dtype=np.int64)
    label[face] = point
    for orphan in np.flatnonzero(label < 0):
        near = np.sort(tree.query(faces[orphan], predicate="intersects"))
        near = near[(near != orphan) & (label[near] >= 0)]
        shared = shapely.length(shapely.intersection(faces[orphan], faces[near]))
        label[orphan] = label[near[np.argmax(shared)]]
    return label


def _owners(
    cells: NDArray[np.object_],
    arcs: NDArray[np.object_],
    arc_sides: Integers,
    faces: NDArray[np.object_],
    label: Integers,
) -> Integers:
    """Return the output area of each roughened cell: the one that all its arcs have on one side.

    Where two areas qualify (one lies wholly inside the other) the overlap with the straight-edged faces decides.
    """
    score = np.zeros((len(cells), int(label.max()) + 1))
    arc, cell = shapely.STRtree(shapely.boundary(cells)).query(arcs, predicate="covered_by")
    for column in (0, 1):
        sides = arc_sides[arc, column]
        np.add.at(score, (cell[sides >= 0], sides[sides >= 0]), 1.0)
    cell, face = shapely.STRtree(faces).query(cells, predicate="intersects")
    overlap = shapely.area(shapely.intersection(cells[cell], faces[face])) / shapely.area(cells[cell])
    np.add.at(score, (cell, label[face]), 0.5 * overlap)
    return np.asarray(score.argmax(axis=1), dtype=np.int64)


def _sides(pieces: NDArray[np.object_], faces: NDArray[np.object_], label: Integers) -> Integers:
    """Return the two output areas beside each piece of line, -1 for the sea or the neighbouring county."""
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    ahead = shapely.line_interpolate_point(pieces, 0.501, normalized=True)
    start, end = shapely.get_coordinates(middle), shapely.get_coordinates(ahead)
    step = end - start
    step /= np.hypot(step[:, 0], step[:, 1])[:, None]
    across = np.column_stack([-step[:, 1], step[:, 0]]) * 0.05
    tree = shapely.STRtree(faces)
    sides = np.full((len(pieces), 2), -1, dtype=np.int64)
    for column, sign in enumerate((1.0, -1.0)):
        piece, face = tree.query(shapely.points(start + sign * across), predicate="intersects")
        sides[piece, column] = label[face]
    return np.sort(sides, axis=1)


def _arcs(pieces: NDArray[np.object_], sides: Integers) -> tuple[NDArray[np.object_], Integers]:
    """Join pieces that have the same two sides into arcs, in a fixed order."""
    key, group = np.unique(sides, axis=0, return_inverse=True)
    arcs: list[Any] = []
    arc_sides: list[Integers] = []
    for index in range(len(key)):
        merged = shapely.get_parts(
            shapely.line_merge(shapely.multilinestrings(pieces[group.ravel() == index]))
        )
        arcs.extend(sorted(merged, key=lambda line: shapely.get_coordinates(line)[0].tolist()))
        arc_sides.extend([key[index]] * len(merged))
    return np.array(arcs, dtype=object), np.array(arc_sides)


def _roughen(
    arcs: NDArray[np.object_], sides: Integers, rng: np.random.Generator, *, is_built: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """Return each arc displaced once; arcs that would cross another or themselves are calmed until none does."""
    seeds = rng.integers(0, 2**63, len(arcs))
    is_outer = (sides < 0).any(axis=1)
    in_town = np.array([is_built[pair[pair >= 0]].all() for pair in sides])
    amplitude = np.where(is_outer, 0.10, np.where(in_town, 0.08, 0.13))
    finest = np.where(in_town, 70.0, np.where(is_outer, 130.0, 190.0))
    rough = arcs.copy()
    stale = np.arange(len(arcs))
    for attempt in range(9):
        for index in stale:
            line = shapely.get_coordinates(arcs[index])
            scale = amplitude[index] if attempt < 8 else 0.0
            own = np.random.default_rng(seeds[index])
            rough[index] = shapely.linestrings(np.round(displaced(line, own, scale, finest[index]), 2))
        left, right = shapely.STRtree(rough).query(rough, predicate="intersects")
        pairs = (left < right).nonzero()[0]
        left, right = left[pairs], right[pairs]
        shared = shapely.intersection(rough[left], rough[right])
        ends = shapely.intersection(shapely.boundary(rough[left]), shapely.boundary(rough[right]))
        is_bad = ~shapely.equals(shared, ends)
        stale = np.unique(
            np.concatenate([left[is_bad], right[is_bad], np.flatnonzero(~shapely.is_simple(rough))])
        )
        if not len(stale):
            return rough
        amplitude[stale] *= 0.55
    raise AssertionError("borders of the made-up county cross even when straight")
