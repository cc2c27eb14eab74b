"""Shortest paths with a time limit on a sparse graph, in batches that fit in memory."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.reach import Reach, reach_of_pairs
from exclusion.errors import ContractError

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

# Distances of one batch: SciPy returns them dense, 8 bytes for each source and node.
_BATCH_BYTES = 96_000_000


@dataclass(frozen=True)
class Snapped:
    """Hold where points meet a graph: the node of each (-1 where none is near enough) and the minutes to it."""

    node: _IntArray
    lead_min: _FloatArray


def sparse_graph(start: _IntArray, end: _IntArray, minutes: _FloatArray, n_nodes: int) -> Any:
    """Return directed edges as a SciPy CSR array, keeping the quickest of parallel edges.

    A sparse constructor would add parallel edges up. Raises ContractError for minutes that are not above 0: SciPy
    reads a stored 0 as no edge at all in some of its routines.
    """
    from scipy.sparse import csr_array

    if not (minutes > 0).all():
        first = int(np.argmax(~(minutes > 0)))
        raise ContractError(
            f"The edge from node {start[first]} to node {end[first]} takes {minutes[first]:g} minutes; every edge must"
            " take more than 0: merge nodes that lie in one spot."
        )
    order = np.lexsort((minutes, end, start))
    start, end, minutes = start[order], end[order], minutes[order]
    is_first = np.ones(len(start), dtype=bool)
    is_first[1:] = (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    return csr_array((minutes[is_first], (start[is_first], end[is_first])), shape=(n_nodes, n_nodes))


def limited_pairs(backward: Any, origins: Snapped, venues: Snapped, *, limit_min: float) -> Reach:
    """Return the minutes of every origin and venue that are at most `limit_min` apart.

    `backward` is the graph with its edges turned round, so that one search from each venue gives the time of the
    journeys *to* it, one-way streets included. A search stops at the limit. Unrounded.
    """
    from scipy.sparse.csgraph import dijkstra

    n_nodes = backward.shape[0]
    here = np.flatnonzero(origins.node >= 0)
    usable = np.flatnonzero(venues.node >= 0)
    n_venues = len(venues.node)
    batch = max(1, _BATCH_BYTES // (8 * max(n_nodes, 1)))
    keys: list[_IntArray] = [np.empty(0, dtype=np.int64)]
    times: list[_FloatArray] = [np.empty(0)]
    source_node, source_of = np.unique(venues.node[usable], return_inverse=True)
    by_source = np.argsort(source_of, kind="stable")
    first = np.searchsorted(source_of[by_source], np.arange(len(source_node) + 1))
    node, lead = origins.node[here], origins.lead_min[here]
    for start in range(0, len(source_node), batch):
        reached = dijkstra(backward, indices=source_node[start : start + batch], limit=limit_min)
        for offset in range(reached.shape[0]):
            arrival = reached[offset, node] + lead
            near = np.flatnonzero(arrival <= limit_min)
            for which in by_source[first[start + offset] : first[start + offset + 1]].tolist():
                venue = int(usable[which])
                minutes = arrival[near] + venues.lead_min[venue]
                keep = minutes <= limit_min
                keys.append(here[near[keep]] * np.int64(n_venues) + venue)
                times.append(minutes[keep])
    key, time = np.concatenate(keys), np.concatenate(times)
    order = np.argsort(key)
    return reach_of_pairs(key[order], time[order], len(origins.node), n_venues, limit_min, is_exact=True)


def nearest_minutes(backward: Any, venues: Snapped, *, limit_min: float = np.inf) -> _FloatArray:
    """Return every node's minutes to its nearest venue (inf beyond the limit), in a single search from all of them."""
    from scipy.sparse import csr_array, hstack, vstack
    from scipy.sparse.csgraph import dijkstra

    n_nodes = backward.shape[0]
    usable = venues.node >= 0
    if not usable.any():
        return np.full(n_nodes, np.inf)
    node, lead = venues.node[usable], venues.lead_min[usable]
    if not lead.any():
        return np.asarray(
            dijkstra(backward, indices=np.unique(node), min_only=True, limit=limit_min), dtype=np.float64
        )
    # One more node stands before all venues, so that each venue's own lead counts. An edge of 0 would be lost.
    floor = 1e-9
    quickest = np.full(n_nodes, np.inf)
    np.minimum.at(quickest, node, np.maximum(lead, floor))
    reached = np.flatnonzero(np.isfinite(quickest))
    from_source = csr_array(
        (quickest[reached], (np.zeros(len(reached), dtype=np.int64), reached)), shape=(1, n_nodes)
    )
    corner = csr_array((1, 1))
    graph = vstack([hstack([backward, csr_array((n_nodes, 1))]), hstack([from_source, corner])], format="csr")
    return np.asarray(dijkstra(graph, indices=n_nodes, limit=limit_min)[:n_nodes], dtype=np.float64)
