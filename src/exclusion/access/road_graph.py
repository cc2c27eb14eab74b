"""Travel time along roads: the road network as a sparse graph, searched from every venue up to a limit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.modes import DEFAULT_ASSUMPTIONS, Mode, TravelAssumptions
from exclusion.access.reach import Reach
from exclusion.access.roads import RoadNetwork, read_roads
from exclusion.access.shortest import Snapped, limited_pairs, nearest_minutes, sparse_graph
from exclusion.access.travel import LEAST_COVERED, Points, nearest_in
from exclusion.errors import SourceError

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

# Below this share of nodes in one piece the roads do not fit the place, and times would be nonsense.
_LEAST_CONNECTED = 0.5


@dataclass(frozen=True)
class ModeGraph:
    """Hold the graph of one mode, edges turned round, with its connected parts.

    `is_main` marks the nodes of the largest strongly connected part; `is_island` those that no road at all joins
    to it; `can_join` those where homes and venues may be joined.
    """

    backward: Any
    is_main: npt.NDArray[np.bool_]
    is_island: npt.NDArray[np.bool_]
    is_used: npt.NDArray[np.bool_]
    can_join: npt.NDArray[np.bool_]
    n_islands: int

    @property
    def main_share(self) -> float:
        """Return the share of the mode's nodes in its largest strongly connected part."""
        return float(self.is_main.sum() / max(int(self.is_used.sum()), 1))


def mode_graph(network: RoadNetwork, mode: Mode, assumptions: TravelAssumptions) -> ModeGraph:
    """Make the graph of one mode; raises SourceError where it falls apart."""
    from scipy.sparse.csgraph import connected_components

    n_nodes = len(network.x_m)
    km = network.length_m / 1000
    if mode == "drive":
        ahead, back = network.forward_kmh > 0, network.backward_kmh > 0
        start = np.concatenate([network.start[ahead], network.end[back]])
        end = np.concatenate([network.end[ahead], network.start[back]])
        hours = np.concatenate(
            [km[ahead] / network.forward_kmh[ahead], km[back] / network.backward_kmh[back]]
        )
        is_edge = ahead | back
    else:
        is_edge = network.is_walkable
        start = np.concatenate([network.start[is_edge], network.end[is_edge]])
        end = np.concatenate([network.end[is_edge], network.start[is_edge]])
        hours = np.tile(km[is_edge] / assumptions.walk_kmh, 2)
    if not len(start):
        raise SourceError(
            f"The road network has no edge that may be used to {mode}: supply a fuller extract."
        )
    backward = sparse_graph(end, start, hours * 60, n_nodes)
    is_used = np.zeros(n_nodes, dtype=bool)
    is_used[start] = is_used[end] = True
    _, strong = connected_components(backward, directed=True, connection="strong")
    main = int(np.argmax(np.bincount(strong[is_used])))
    is_main = (strong == main) & is_used
    _, weak = connected_components(backward, directed=False)
    is_island = is_used & (weak != weak[int(np.argmax(is_main))])
    doors = np.zeros(n_nodes, dtype=bool)
    with_doors = is_edge & network.has_doors
    doors[network.start[with_doors]] = doors[network.end[with_doors]] = True
    graph = ModeGraph(
        backward=backward,
        is_main=is_main,
        is_island=is_island,
        is_used=is_used,
        can_join=doors & (is_main | is_island),
        n_islands=len(np.unique(weak[is_island])),
    )
    if graph.main_share < _LEAST_CONNECTED:
        raise SourceError(
            f"The roads fall apart: the largest connected part holds only {graph.main_share:.0%} of the nodes to"
            f" {mode}, with {graph.n_islands} islands beside it; supply an extract with all classes of road."
        )
    return graph


@dataclass(frozen=True)
class Joined:
    """Hold where points meet the network, the metres from each to its node, and whose nearest road is an island."""

    snapped: Snapped
    away_m: _FloatArray
    is_past_island: npt.NDArray[np.bool_]


class RoadGraph:
    """Measure minutes along an OpenStreetMap road network, one-way streets and class speeds included.

    A point is joined to the nearest node of the main network within `max_join_m` of it (straight, at the off-road
    speed or on foot), where there is none to an island of the network so near; a point with neither is out of
    reach. `report` counts all of these. No turn is forbidden, no junction delays and no barrier closes a road.
    """

    name = "road graph"

    def __init__(
        self,
        network: RoadNetwork,
        assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
        *,
        max_join_m: float = 2_000.0,
    ) -> None:
        self.network = network
        self.assumptions = assumptions
        self.max_join_m = max_join_m
        self.graphs: dict[Mode, ModeGraph] = {
            "drive": mode_graph(network, "drive", assumptions),
            "walk": mode_graph(network, "walk", assumptions),
        }

    @classmethod
    def from_extract(cls, path: Path, assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS) -> "RoadGraph":
        """Read an OpenStreetMap extract (.osm.pbf) and make its graphs."""
        return cls(read_roads(path), assumptions)

    def join(self, points: Points, mode: Mode) -> "Joined":
        """Join points to the network."""
        graph = self.graphs[mode]
        main_node, main_away = self._nearest_node(points, graph.can_join & graph.is_main)
        island_node, island_away = self._nearest_node(points, graph.can_join & graph.is_island)
        # Most islands are estates and farms whose way out is private or not drawn; people there do get out.
        is_on_island = (main_away > self.max_join_m) & (island_away < main_away)
        node = np.where(is_on_island, island_node, main_node)
        away = np.where(is_on_island, island_away, main_away)
        kmh = self.assumptions.off_road_drive_kmh if mode == "drive" else self.assumptions.walk_kmh
        is_near = away <= self.max_join_m
        lead_min = np.where(is_near, away / 1000 / kmh * 60, np.inf)
        return Joined(Snapped(np.where(is_near, node, -1), lead_min), away, is_near & (island_away < away))

    def _nearest_node(
        self, points: Points, is_candidate: npt.NDArray[np.bool_]
    ) -> tuple[_IntArray, _FloatArray]:
        from scipy.spatial import KDTree

        nodes = np.flatnonzero(is_candidate)
        if not nodes.size or not len(points):
            return np.full(len(points), -1, dtype=np.int64), np.full(len(points), np.inf)
        tree = KDTree(np.column_stack([self.network.x_m[nodes], self.network.y_m[nodes]]))
        distance, index = tree.query(points.xy)
        return nodes[index], distance

    def pairs(self, origins: Points, venues: Points, *, mode: Mode, limit_min: float) -> Reach:
        """Return all pairs of at most `limit_min` minutes on the move; raises SourceError where roads are missing."""
        start = self.join(origins, mode).snapped
        covered = float((start.node >= 0).mean()) if len(origins) else 1.0
        if covered < LEAST_COVERED:
            raise SourceError(
                f"The road extract has a road within {self.max_join_m / 1000:g} km of only {covered:.0%} of the populated"
                " places: supply an extract that covers all of this place."
            )
        goal = self.join(venues, mode).snapped
        return limited_pairs(self.graphs[mode].backward, start, goal, limit_min=limit_min)

    def nearest(
        self, origins: Points, venues: Points, *, mode: Mode, limit_min: float, count: int
    ) -> tuple[_FloatArray, _IntArray]:
        """Return the nearest venues of each origin by time on the move."""
        return nearest_in(self.pairs(origins, venues, mode=mode, limit_min=limit_min), count)

    def minutes_to_nearest(self, origins: Points, venues: Points, *, mode: Mode) -> _FloatArray:
        """Return each origin's minutes on the move to its nearest venue, in one search from all venues."""
        everywhere = nearest_minutes(self.graphs[mode].backward, self.join(venues, mode).snapped)
        start = self.join(origins, mode).snapped
        return np.where(start.node >= 0, everywhere[start.node] + start.lead_min, np.inf)

    def report(self, origins: Points, venues: Points) -> dict[str, Any]:
        """Say how connected the roads are, how far points lie from them, and who is joined to an island."""
        record: dict[str, Any] = {
            "nodes": len(self.network.x_m),
            "driveable_km": round(self.network.driveable_km, 1),
            "network": list(self.network.notes),
            "max_join_m": self.max_join_m,
        }
        for mode, graph in self.graphs.items():
            record[f"{mode}_main_pct"] = round(100 * graph.main_share, 2)
            record[f"{mode}_islands"] = graph.n_islands
            record[f"{mode}_island_nodes"] = int(graph.is_island.sum())
            for what, points in (("origins", origins), ("venues", venues)):
                join = self.join(points, mode)
                joined, away = join.snapped, join.away_m
                is_joined = joined.node >= 0
                record[f"{mode}_{what}_unjoined"] = int((~is_joined).sum())
                record[f"{mode}_{what}_on_islands"] = int(graph.is_island[joined.node[is_joined]].sum())
                record[f"{mode}_{what}_past_islands"] = int(join.is_past_island.sum())
                if is_joined.any():
                    record[f"{mode}_{what}_join_median_m"] = round(float(np.median(away[is_joined])), 1)
                    record[f"{mode}_{what}_join_max_m"] = round(float(away[is_joined].max()), 1)
        return record
