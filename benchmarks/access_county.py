"""A county of 5,000 km² at 100 m and 600 venues: our grid searches beside scikit-image's MCP, in one run.

Run: .venv/bin/python benchmarks/access_county.py
CPU seconds (user and system) on one thread unless NumPy's libraries take more; peak memory of the process so far.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import math
import resource
import time

import numpy as np
from skimage.graph import MCP_Geometric

from exclusion.access.friction import minutes_per_m
from exclusion.access.grid import grid_graph
from exclusion.access.shortest import Snapped, limited_pairs, nearest_minutes

SIDE, CELL_M, N_VENUES, LIMIT_MIN = 707, 100.0, 600, 30.0


def made_county(seed=1):
    """Settlements with Zipf sizes joined by roads, three rivers crossed only by roads, a moor in the north-west."""
    generator = np.random.default_rng(seed)
    towns = generator.uniform(20, SIDE - 20, (120, 2))
    kmh = np.full((SIDE, SIDE), 4.0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    kmh[(rows + columns) < SIDE * 0.5] = 2.5
    rivers = np.zeros((SIDE, SIDE), dtype=bool)
    for start in (0.25, 0.5, 0.75):
        course = SIDE * start + 25 * np.sin(np.arange(SIDE) / 45 + start * 20) + np.arange(SIDE) * 0.1
        rivers[np.clip(course.astype(int), 0, SIDE - 1), np.arange(SIDE)] = True
    people = np.zeros((SIDE, SIDE))
    size = 1 / np.arange(1, 121) ** 0.95
    for (row, column), share in zip(towns, size, strict=True):
        radius = 3 + 25 * math.sqrt(share)
        near = np.hypot(rows - row, columns - column) < radius
        kmh[near] = 20.0
        people[near] += 270_000 * share / size.sum() / near.sum()
    kmh[rivers] = 0.0
    gap = np.hypot(*(towns[:, None, :] - towns[None, :, :]).transpose(2, 0, 1))
    for here in range(120):
        for there in np.argsort(gap[here])[1:4]:
            steps = np.linspace(0, 1, int(gap[here, there] * 4) + 2)
            row = (towns[here, 0] * (1 - steps) + towns[there, 0] * steps).astype(int)
            column = (towns[here, 1] * (1 - steps) + towns[there, 1] * steps).astype(int)
            kmh[row, column] = np.maximum(kmh[row, column], generator.choice([32.0, 48.0, 65.0]))
    venues = []
    while len(venues) < N_VENUES:
        town = towns[generator.choice(120, p=size**0.6 / (size**0.6).sum())]
        row, column = np.clip((town + generator.normal(0, 12, 2)).astype(int), 0, SIDE - 1)
        if kmh[row, column] > 0:
            venues.append(row * SIDE + column)
    return minutes_per_m(kmh), np.flatnonzero(people.ravel() > 0.5), np.array(venues)


def timed(label, work):
    begin, wall = time.process_time(), time.perf_counter()
    result = work()
    cpu, wall = time.process_time() - begin, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{label:72s} {cpu:8.2f} CPU s {wall:8.2f} wall s   peak {peak:.2f} GB", flush=True)
    return result, cpu


def main():
    friction, populated, venues = made_county()
    print(
        f"{SIDE} x {SIDE} cells of {CELL_M:g} m = {(SIDE * CELL_M / 1000) ** 2:,.0f} km²; {len(populated):,} populated cells; {N_VENUES} venues"
    )
    graph, built = timed("ours: graph of the grid", lambda: grid_graph(friction, CELL_M))
    goal = Snapped(venues, np.zeros(len(venues)))
    home = Snapped(populated, np.zeros(len(populated)))
    nearest, searched = timed(
        "ours: nearest of 600, every cell (one search)", lambda: nearest_minutes(graph, goal)
    )
    print(f"  nearest-source surface with the graph: {built + searched:.2f} CPU s (asked: < 3)")
    pairs, cpu = timed(
        f"ours: all of 600 to {len(populated):,} cells, within {LIMIT_MIN:g} min",
        lambda: limited_pairs(graph, home, goal, limit_min=LIMIT_MIN),
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"  reach lists: {len(pairs.minutes):,} pairs in {cpu:.1f} CPU s (asked: < 60), peak {peak:.2f} GB (asked: < 2)"
    )
    reached = np.full(len(populated), np.inf)
    np.minimum.at(reached, pairs.rows(), pairs.minutes)
    within = nearest[populated] <= LIMIT_MIN
    print(
        f"  the two agree: largest difference {np.abs(reached[within] - nearest[populated][within]).max():.1e} min"
    )

    # scikit-image allows diagonal steps beside a barrier, so it is compared on a county without rivers as well.
    costs = np.where(np.isfinite(friction), friction * CELL_M, -1.0)
    starts = [divmod(int(venue), SIDE) for venue in venues]

    def flood(sources):
        return MCP_Geometric(costs, fully_connected=True).find_costs(sources)[0]

    peer, _ = timed("scikit-image MCP_Geometric: nearest of 600, every cell", lambda: flood(starts))
    sample = 12
    _, peer_cpu = timed(
        f"scikit-image MCP_Geometric: {sample} of 600 venues, no limit exists",
        lambda: [flood([start]) for start in starts[:sample]],
    )
    print(
        f"  scikit-image for all 600, by extension: {peer_cpu / sample * N_VENUES:.0f} CPU s; ours is {peer_cpu / sample * N_VENUES / cpu:.0f} times as fast"
    )
    settled = np.isfinite(nearest)
    slips = nearest[settled] - peer.ravel()[settled] > 1
    print(
        f"  cells that scikit-image reaches more than a minute sooner by slipping between diagonal river cells: {slips.sum():,}"
    )
    dry = np.where(np.isfinite(friction), friction, friction[np.isfinite(friction)].max())
    ours = nearest_minutes(grid_graph(dry, CELL_M), goal)
    theirs = MCP_Geometric(dry * CELL_M, fully_connected=True).find_costs(starts)[0].ravel()
    print(f"  without rivers the two agree: largest difference {np.abs(ours - theirs).max():.1e} min")


if __name__ == "__main__":
    main()
