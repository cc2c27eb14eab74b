"""Prices without a linear programme: a subgradient walk on the priced bound (Held, Wolfe and Crowder 1974)."""

import numpy as np

from exclusion.siting.certificate import Prices, bound_of
from exclusion.siting.conditions import Ints
from exclusion.siting.greedy import Standing, value_of
from exclusion.siting.model import PRICE_SCALE, Model
from exclusion.siting.solver import Progress, silent

_STEPS = 6000


def walked_prices(
    model: Model, columns: Ints | None, *, progress: Progress = silent, unit: float = 1.0
) -> tuple[Prices, Ints]:
    """Return prices for a service model, and the columns paid most on the way, best first; walk from what the rows' second best open venue gives them.

    `columns` is the best set known (its value sets the length of the steps). Floors are left unpriced.
    """
    from exclusion.siting import price_kernels
    from exclusion.siting.search import padded_groups

    if model.second is not None:
        free = Prices(
            row=model.weight * PRICE_SCALE, floor=model.floor_required * 0, budget=0,
            dominated=np.empty((0, 2), dtype=np.int64),
        )  # fmt: skip
        return free, np.empty(0, dtype=np.int64)
    standing = Standing(model)
    for column in columns if columns is not None else ():
        standing.open(int(column))
    value = value_of(model, columns) - model.base if columns is not None else 0
    group, places = padded_groups(model)
    if len(model.partitions) != 1:
        group, places = (
            np.zeros((2, model.column_count), dtype=np.int64),
            np.full((2, 1), 1 << 40, dtype=np.int64),
        )
    cost = np.ones(model.column_count, dtype=np.int64) if model.cost is None else model.cost
    best_first = np.lexsort((-model.values, model.row_of_pair))
    progress("price bound: walking")
    row, used = price_kernels.walk_prices(
        model.indptr,
        model.columns[best_first],
        model.values[best_first].astype(np.float64),
        standing.best * 0.9,
        min(model.pick, model.column_count),
        float(model.penalty),
        cost,
        -1 if model.budget is None else model.budget,
        group,
        places,
        float(value),
        _STEPS,
    )
    whole = np.rint(row * PRICE_SCALE).astype(np.int64)
    prices = Prices(
        row=whole,
        floor=np.zeros(len(model.floor_required), dtype=np.int64),
        budget=0,
        dominated=np.empty((0, 2), dtype=np.int64),
    )
    if model.budget is not None and model.cost is not None:
        prices = _with_budget_price(model, prices)
    progress(f"price bound: at most {bound_of(model, prices) / unit:,.1f}")
    return prices, np.argsort(-used, kind="stable").astype(np.int64)


def _with_budget_price(model: Model, prices: Prices) -> Prices:
    """Return the prices with that price of money, among the venues' own rates, that proves the lowest bound."""
    assert model.cost is not None
    worth = np.zeros(model.column_count, dtype=np.int64)
    paid = np.maximum(model.values * PRICE_SCALE - prices.row[model.row_of_pair], 0)
    np.add.at(worth, model.columns, paid)
    rates = np.unique(np.maximum(worth - model.penalty * PRICE_SCALE, 0) // np.maximum(model.cost, 1))
    low, high = 0, len(rates) - 1

    def bound(number: int) -> int:
        tried = Prices(
            row=prices.row, floor=prices.floor, budget=int(rates[number]), dominated=prices.dominated
        )
        return bound_of(model, tried)

    # the bound is convex in the price of money
    while high - low > 2:
        left = low + (high - low) // 3
        right = high - (high - low) // 3
        if bound(left) <= bound(right):
            high = right
        else:
            low = left
    best = min(range(low, high + 1), key=bound)
    return Prices(row=prices.row, floor=prices.floor, budget=int(rates[best]), dominated=prices.dominated)
