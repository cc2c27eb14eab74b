"""Compiled subgradient walk to prices."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg,no-any-return,assignment"
# ruff: noqa: ANN001, ANN201, PLR0912, PLR0915, C901, PLR0917

import numpy as np
from numba import njit


@njit(cache=True)
def walk_prices(indptr, columns, values, price, pick, penalty, cost, budget, group, places, value, steps):
    """Lower the priced bound by steps along the subgradient (Polyak's step towards `value`).

    Returns the best prices and how much each column was in the paid sets of late (a fading mean).

    The pairs of a row come best first, so that a row is left at the first venue that is not worth its price. With a
    budget (`budget` >= 0) the paid set is a fractional knapsack, else the `pick` best paid within their groups.
    """
    n, m = len(indptr) - 1, len(cost)
    best_price = price.copy()
    used = np.zeros(m)
    best = 1e300
    factor = 1.5
    stale = 0
    worth = np.zeros(m)
    share = np.zeros(m)
    slope = np.zeros(n)
    for _ in range(steps):
        worth[:] = -penalty
        for row in range(n):
            own = price[row]
            for pair in range(indptr[row], indptr[row + 1]):
                if values[pair] <= own:
                    break
                worth[columns[pair]] += values[pair] - own
        share[:] = 0.0
        bound = price.sum()
        if budget >= 0:
            order = np.argsort(-worth / np.maximum(cost, 1))
            money = float(budget)
            for column in order:
                if worth[column] <= 0 or money <= 0:
                    break
                part = 1.0 if cost[column] <= money else money / cost[column]
                share[column] = part
                bound += part * worth[column]
                money -= part * cost[column]
        else:
            threshold = 0.0
            if pick < m:
                threshold = max(0.0, -np.partition(-worth, pick - 1)[pick - 1])
            taken = 0
            left = places.copy()
            order = np.argsort(-worth) if places.shape[1] > 1 else np.arange(m)
            for sweep in range(2):
                for column in order:
                    if taken >= pick:
                        break
                    if share[column] > 0 or worth[column] <= 0:
                        continue
                    if places.shape[1] > 1:
                        if left[0, group[0, column]] <= 0:
                            continue
                        left[0, group[0, column]] -= 1
                    elif worth[column] < threshold or (sweep == 0) != (worth[column] > threshold):
                        continue
                    share[column] = 1.0
                    bound += worth[column]
                    taken += 1
        if bound < best - 1e-9 * abs(best):
            if bound < best * (1 - 1e-6):
                stale = 0
            best = bound
            best_price[:] = price
        stale += 1
        used *= 0.99
        used += 0.01 * share
        if stale > 40:
            factor *= 0.8
            stale = 0
            if factor < 1e-3:
                break
        if best - value < 0.5:
            break
        square = 0.0
        for row in range(n):
            paid = 1.0
            for pair in range(indptr[row], indptr[row + 1]):
                if values[pair] <= price[row]:
                    break
                paid -= share[columns[pair]]
            if paid > 0 and price[row] <= 0:
                paid = 0.0
            slope[row] = paid
            square += paid * paid
        if square == 0:
            break
        step = factor * (bound - value) / square
        for row in range(n):
            price[row] = max(0.0, price[row] - step * slope[row])
    return best_price, used
