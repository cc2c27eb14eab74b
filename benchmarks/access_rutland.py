"""Rutland on OpenStreetMap: road graph beside friction surface, villages by hand, networkx in the same run.

Run: .venv/bin/python benchmarks/access_rutland.py
Needs the real open data beside the repository (or EXCLUSION_REAL). CPU seconds, user and system.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import networkx as nx
import numpy as np
import pandas as pd

from exclusion.access.friction import FrictionGrid
from exclusion.access.modes import DEFAULT_ASSUMPTIONS, rural_codes
from exclusion.access.population import populated_places
from exclusion.access.road_graph import RoadGraph
from exclusion.access.roads import read_roads
from exclusion.access.shortest import Snapped, limited_pairs
from exclusion.access.straight import StraightLine, fitted_straight_kmh
from exclusion.access.travel import Points, points_of
from tests.access.test_access_real import EXTRACT, RASTER, VILLAGES, helping_places, real_areas

REAL = Path(os.environ.get("EXCLUSION_REAL", Path(__file__).resolve().parents[1].parent / "shared" / "real"))


def timed(label, work):
    begin = time.process_time()
    result = work()
    print(f"{label:66s} {time.process_time() - begin:8.2f} CPU s", flush=True)
    return result


def main():
    areas = real_areas(REAL, "E06000017")
    places = populated_places(areas, raster=REAL / RASTER)
    rural = rural_codes(places["lsoa21cd"].map(areas.set_index("lsoa21cd")["ruc21cd"]).to_numpy(dtype=object))
    homes = points_of(places, what="places", rural=rural)
    venues = helping_places(REAL)
    every_venue = points_of(venues, what="venues")

    network = timed("read the extract", lambda: read_roads(REAL / EXTRACT))
    roads = timed("make the graphs to drive and to walk", lambda: RoadGraph(network))
    grids = {
        cell_m: timed(
            f"draw roads on a grid of {cell_m} m",
            lambda cell_m=cell_m: FrictionGrid.from_roads(network, homes, cell_m=cell_m),
        )
        for cell_m in (100.0, 250.0)
    }
    print("\n== connectivity, joins, islands (road graph)")
    for key, value in roads.report(homes, every_venue).items():
        print(f"  {key}: {value}")

    print("\n== minutes on the move by car, from", len(homes), "populated places of the 1 km raster")
    for kind in ("library", "community_centre"):
        goal = points_of(venues[venues["kind"] == kind], what="venues")
        by_road = roads.minutes_to_nearest(homes, goal, mode="drive")
        print(
            f"nearest of {len(goal)} {kind}: road graph median {np.median(by_road):.2f}, 90% within {np.quantile(by_road, 0.9):.2f}"
        )
        for cell_m, grid in grids.items():
            by_grid = grid.minutes_to_nearest(homes, goal, mode="drive")
            gap = by_grid - by_road
            print(
                f"  friction {cell_m:g} m: correlation {np.corrcoef(by_road, by_grid)[0, 1]:.3f}, median difference"
                f" {np.median(gap):+.2f} min (5% {np.quantile(gap, 0.05):+.2f}, 95% {np.quantile(gap, 0.95):+.2f})"
            )
        straight = StraightLine().minutes_to_nearest(homes, goal, mode="drive")
        print(
            f"  straight line: correlation {np.corrcoef(by_road, straight)[0, 1]:.3f}, median difference {np.median(straight - by_road):+.2f} min"
        )
    all_roads = roads.pairs(homes, every_venue, mode="drive", limit_min=120).matrix().toarray()
    for cell_m, grid in grids.items():
        all_grid = grid.pairs(homes, every_venue, mode="drive", limit_min=120).matrix().toarray()
        both = (all_roads > 0) & (all_grid > 0)
        ratio = all_grid[both] / all_roads[both]
        print(
            f"all {both.sum():,} pairs, friction {cell_m:g} m: correlation {np.corrcoef(all_roads[both], all_grid[both])[0, 1]:.3f}, median ratio {np.median(ratio):.3f}, median difference {np.median((all_grid - all_roads)[both]):+.2f} min"
        )

    print("\n== three villages, by road, minutes on the move (by hand: see tests/access/test_access_real.py)")
    named = venues.set_index("name")
    for village, ((x, y), library, by_hand) in VILLAGES.items():
        home = Points(np.array([float(x)]), np.array([float(y)]), np.zeros(1, dtype=np.int8))
        goal = points_of(named.loc[[library]], what="venues")
        found = [engine.minutes_to_nearest(home, goal, mode="drive")[0] for engine in (roads, grids[100.0])]
        print(
            f"  {village} to {library}: road graph {found[0]:.1f}, friction 100 m {found[1]:.1f}, by hand {by_hand:g} ({found[0] / by_hand - 1:+.0%})"
        )

    print("\n== straight-line speed fitted to the road graph (km/h over the ground as the crow flies)")
    distance = np.hypot(homes.x_m[:, None] - every_venue.x_m, homes.y_m[:, None] - every_venue.y_m)
    near = (distance < 12_000).ravel()
    fitted = fitted_straight_kmh(
        np.where(near, distance.ravel(), 0), all_roads.ravel(), np.repeat(homes.rural, len(every_venue))
    )
    assumed = dict(
        zip(
            fitted_order := ("UN1", "UF1", "RLN1", "RLF1", "RSN1", "RSF1"),
            DEFAULT_ASSUMPTIONS.straight_kmh("drive"),
            strict=True,
        )
    )
    for name in fitted_order:
        if name in fitted:
            row = fitted[name]
            print(
                f"  {name}: fitted {row['straight_kmh']:.1f} (median error {row['error_pct']:.0f}%, {row['pairs']:,} pairs), assumed {assumed[name]:.1f}"
            )

    print("\n== 100 sources on the graph to drive, no limit")
    graph = roads.graphs["drive"]
    used = np.flatnonzero(graph.is_used)
    small = graph.backward[used][:, used]
    sources = np.random.default_rng(1).choice(np.flatnonzero(graph.is_main[used]), 100, replace=False)
    every = Snapped(np.arange(len(used)), np.zeros(len(used)))
    goal = Snapped(sources, np.zeros(100))
    print(f"{len(used):,} nodes, {small.nnz:,} edges (asked: 30,000 nodes in < 2 s)")
    from scipy.sparse.csgraph import dijkstra

    begin = time.process_time()
    minutes = dijkstra(small, indices=sources)
    print(f"{'ours: 100 searches, every node':66s} {time.process_time() - begin:8.2f} CPU s")
    timed(
        "ours: 100 venues within 15 min of every node, as reach lists",
        lambda: limited_pairs(small, every, goal, limit_min=15.0),
    )
    peer = timed(
        "networkx: building the graph", lambda: nx.from_scipy_sparse_array(small, create_using=nx.DiGraph)
    )
    begin = time.process_time()
    lengths = [nx.single_source_dijkstra_path_length(peer, int(source)) for source in sources[:5]]
    cpu = time.process_time() - begin
    print(
        f"{'networkx: 5 of the 100 searches':66s} {cpu:8.2f} CPU s, {cpu * 20:.0f} for all 100 by extension"
    )
    worst = max(
        abs(minutes[row, node] - value) for row, found in enumerate(lengths) for node, value in found.items()
    )
    print(f"  the two agree: largest difference {worst:.1e} min")
    print(pd.Series(lengths[0]).describe().loc[["count", "max"]].round(1).to_dict())


if __name__ == "__main__":
    main()
