"""Local search where exact proof is out of reach: swaps, and rounds of taking out a few neighbours and refilling.

Compiled by numba on first use and cached beside the module. Work is counted in rounds and random numbers come from a
seed, so that the same input gives the same plan.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from exclusion.siting.certificate import Prices
from exclusion.siting.conditions import Ints
from exclusion.siting.greedy import floors_held, is_allowed_set, value_of
from exclusion.siting.model import Model
from exclusion.siting.solver import silent

_CHUNKS = 10
_QUIET_CHUNKS = 3


def improved(
    model: Model,
    columns: Ints | None,
    prices: Prices,
    *,
    rounds: int | None = None,
    seed: int = 1,
    progress: Callable[[str], None] = silent,
    unit: float = 1.0,
) -> Ints | None:
    """Return a set of columns at least as good as the one given, by swaps and rounds of partial rebuilding.

    Where floors bind, rows are valued with the floors' prices, so that the search leans the way the floors ask; the
    best set that holds the floors is returned, or the given one.
    """
    best = columns
    if not model.column_count or model.pick < 1:
        return best
    start = np.empty(0, dtype=np.int64) if columns is None else columns
    if not is_allowed_set(model, start):
        return best
    factors = (1.0, 1.25, 2.0) if len(prices.floor) and prices.floor.any() else (0.0,)
    progress("search: starting (the first time on a machine its loops are compiled, some 20 s)")
    for factor in factors:
        floor = np.rint(prices.floor * factor).astype(np.int64)
        found = _run(model, start, floor, rounds, seed, progress, unit)
        if not floors_held(model, found).all() or not is_allowed_set(model, found):
            continue
        if (
            best is None
            or not floors_held(model, best).all()
            or value_of(model, found) > value_of(model, best)
        ):
            best = found
    return best


def _run(
    model: Model,
    start: Ints,
    floor: Ints,
    rounds: int | None,
    seed: int,
    progress: Callable[[str], None],
    unit: float,
) -> Ints:
    from exclusion.siting import coverage_kernels, nearest_kernels

    priced = bool(len(floor) and floor.any())
    values = model.effective(floor) if priced else model.values
    scale = 1000 if priced else 1
    indptr, rows, pair = model.by_column()
    is_open = np.zeros(model.column_count, dtype=np.bool_)
    is_open[start] = True
    group, left = padded_groups(model)
    cost = np.zeros(model.column_count, dtype=np.int64) if model.cost is None else model.cost
    budget = np.int64(1 << 60) if model.budget is None else np.int64(model.budget)
    state = np.array([seed * 2654435761 + 12345], dtype=np.uint64)
    if rounds is None:
        rounds = _rounds(model)
    is_constrained = model.cost is not None or bool(model.partitions)
    if model.is_uniform:
        weight = np.zeros(model.row_count, dtype=np.int64)
        weight[model.row_of_pair] = values
        second = np.zeros_like(weight) if model.second is None else model.second * scale
    last, quiet = value_of(model, start), 0
    for chunk in range(_CHUNKS):
        part = rounds // _CHUNKS + (1 if chunk < rounds % _CHUNKS else 0)
        if not part and chunk:
            break
        if model.is_uniform:
            coverage_kernels.rebuild_counted(
                model.indptr, model.columns, indptr, rows, weight, second, is_open, model.pick, model.penalty * scale,
                group, left, cost, budget, is_constrained, part, state,
            )  # fmt: skip
        else:
            nearest_kernels.rebuild_nearest(
                model.indptr, model.columns, values, indptr, rows, values[pair], is_open, model.pick,
                model.penalty * scale, group, left, cost, budget, part, state,
            )  # fmt: skip
        value = value_of(model, np.flatnonzero(is_open))
        quiet = 0 if value > last else quiet + 1
        last = max(value, last)
        progress(f"search: {value / unit:,.1f} after {100 * (chunk + 1) // _CHUNKS}% of {rounds:,} rounds")
        if quiet >= _QUIET_CHUNKS:
            break
    return np.flatnonzero(is_open).astype(np.int64)


def _rounds(model: Model) -> int:
    if model.is_uniform:
        return int(np.clip(200 * model.pick, 2_000, 200_000))
    return int(np.clip(600_000_000 // (len(model.columns) + model.column_count * model.pick), 4, 300))


def padded_groups(model: Model) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return two families of groups and their places, padded with groups that are never full."""
    group = np.zeros((2, model.column_count), dtype=np.int64)
    size = max([len(left) for _, left in model.partitions] + [0]) + 1
    places = np.full((2, size), 1 << 40, dtype=np.int64)
    for number, (own, left) in enumerate(model.partitions):
        group[number] = np.where(own < 0, len(left), own)
        places[number, : len(left)] = left
    return group, places
