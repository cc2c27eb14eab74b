"""Compiled loops for venues that can help only so many people: whom they serve, exchanges, and price bounds.

People of a row may be split between venues. Serving is a flow from rows to open venues; it is kept in whole numbers, so
that what is served can be checked by adding up.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg,no-any-return"
# ruff: noqa: ANN001, ANN201, ANN202, PLR0912, PLR0915, C901, PLR0917

import numpy as np
from numba import njit

from exclusion.siting.kernels import draw


@njit(cache=True)
def serve(count, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead):
    """Fill `flow` (rows x slots) with the most people served by the open venues; return how many.

    `count` is sessions per column, `order` the rows in order of claim: a row served stays served, so the first rows are
    served as fully as any set of venues allows. On return `left` is unserved people by row, `slot` the slot of each
    column (-1 closed), and slots marked in `is_dead` cannot pass anybody on, directly or through others.
    """
    m, n = len(count), len(weight)
    slots = 0
    for column in range(m):
        slot[column] = -1
        if count[column] > 0:
            slot[column] = slots
            free[slots] = capacity[column] * count[column]
            slots += 1
    column_of = np.empty(max(slots, 1), dtype=np.int64)
    for column in range(m):
        if slot[column] >= 0:
            column_of[slot[column]] = column
    flow[:, :slots] = 0
    is_dead[:slots] = False
    came_row = np.empty(max(slots, 1), dtype=np.int64)
    came_slot = np.empty(max(slots, 1), dtype=np.int64)
    seen = np.zeros(max(slots, 1), dtype=np.int64)
    queue = np.empty(max(slots, 1), dtype=np.int64)
    mark = 0
    total = np.int64(0)
    for place in range(n):
        row = order[place]
        left[row] = weight[row]
        for pair in range(indptr[row], indptr[row + 1]):
            at = slot[columns[pair]]
            if at >= 0 and free[at] > 0 and left[row] > 0:
                push = min(free[at], left[row])
                flow[row, at] += push
                free[at] -= push
                left[row] -= push
                total += push
        while left[row] > 0:
            mark += 1
            head = tail = 0
            goal = -1
            for pair in range(indptr[row], indptr[row + 1]):
                at = slot[columns[pair]]
                if at >= 0 and not is_dead[at] and seen[at] != mark:
                    seen[at], came_row[at], came_slot[at] = mark, row, -1
                    queue[tail] = at
                    tail += 1
            while head < tail and goal < 0:
                at = queue[head]
                head += 1
                if free[at] > 0:
                    goal = at
                    break
                own = column_of[at]
                for entry in range(cptr[own], cptr[own + 1]):
                    other = crows[entry]
                    if flow[other, at] == 0:
                        continue
                    for pair in range(indptr[other], indptr[other + 1]):
                        onward = slot[columns[pair]]
                        if onward >= 0 and not is_dead[onward] and seen[onward] != mark:
                            seen[onward], came_row[onward], came_slot[onward] = mark, other, at
                            queue[tail] = onward
                            tail += 1
            if goal < 0:
                for entry in range(tail):
                    is_dead[queue[entry]] = True
                break
            push = min(left[row], free[goal])
            at = goal
            while came_slot[at] >= 0:
                push = min(push, flow[came_row[at], came_slot[at]])
                at = came_slot[at]
            at = goal
            free[goal] -= push
            while came_slot[at] >= 0:
                flow[came_row[at], at] += push
                flow[came_row[at], came_slot[at]] -= push
                at = came_slot[at]
            flow[row, at] += push
            left[row] -= push
            total += push
    return total


@njit(cache=True)
def _claims(left, flow, slot, is_dead, indptr, columns, n, claim):
    """Write for each row how many of its people another venue could come to serve."""
    for row in range(n):
        claim[row] = left[row]
        for pair in range(indptr[row], indptr[row + 1]):
            at = slot[columns[pair]]
            if at >= 0 and is_dead[at]:
                claim[row] += flow[row, at]


@njit(cache=True)
def _best_addition(
    count, most, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead, claim, score,
    rank, group, places, cost, money, floor_row, shortfall_price, required, current, tries,
):  # fmt: skip
    """Return the column whose further session serves most with the others as they are, and the merit of that.

    Columns are tried in the order of an upper bound on what they add, until none left can beat the best.
    """
    m, n = len(count), len(weight)
    _claims(left, flow, slot, is_dead, indptr, columns, n, claim)
    for column in range(m):
        score[column] = -1.0
        if count[column] >= most[column] or cost[column] > money:
            continue
        if count[column] == 0 and (places[0, group[0, column]] <= 0 or places[1, group[1, column]] <= 0):
            continue
        reachable = 0.0
        for entry in range(cptr[column], cptr[column + 1]):
            reachable += claim[crows[entry]]
        score[column] = min(float(capacity[column]), reachable)
    best, at = current, np.int64(-1)
    rank[:] = np.argsort(-score)
    for place in range(min(m, tries)):
        column = rank[place]
        if score[column] <= 0 or (shortfall_price == 0 and current + score[column] <= best):
            break
        count[column] += 1
        merit = _merit(
            serve(count, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead),
            left, weight, floor_row, shortfall_price, required,
        )  # fmt: skip
        count[column] -= 1
        if merit > best:
            best, at = merit, column
    return at, best


@njit(cache=True)
def _merit(total, left, weight, floor_row, shortfall_price, required):
    """Return people served, less a price for every person a floor falls short."""
    merit = float(total)
    for number in range(len(required)):
        held = np.int64(0)
        for row in range(len(weight)):
            if floor_row[number, row]:
                held += weight[row] - left[row]
        if held < required[number]:
            merit -= shortfall_price * (required[number] - held)
    return merit


@njit(cache=True)
def exchange(
    count, fixed, most, pick, capacity, order, weight, indptr, columns, cptr, crows, slots_at_most, group, places, cost,
    money, floor_row, shortfall_price, required, rounds, tries, state,
):  # fmt: skip
    """Fill up, exchange sessions to a local optimum, then disturb and repeat; `count` is changed to the best found.

    `fixed` sessions stay. `places` and `money` are what is left beside the sessions in `count`.
    """
    m, n = len(count), len(weight)
    flow = np.zeros((n, slots_at_most), dtype=np.int64)
    left = weight.copy()
    free = np.zeros(slots_at_most, dtype=np.int64)
    is_dead = np.zeros(slots_at_most, dtype=np.bool_)
    slot = np.full(m, -1, dtype=np.int64)
    claim = np.zeros(n, dtype=np.int64)
    score = np.zeros(m)
    rank = np.zeros(m, dtype=np.int64)
    kept_count = count.copy()
    kept_merit = -1e300
    kept_places, kept_money = places.copy(), money
    for turn in range(rounds + 1):
        if turn > 0:
            count[:] = kept_count
            places[:] = kept_places
            money = kept_money
            for _ in range(1 + draw(state) % 3):
                start = draw(state) % m
                for step in range(m):
                    column = (start + step) % m
                    if count[column] > fixed[column]:
                        count[column] -= 1
                        money += cost[column]
                        if count[column] == 0:
                            places[0, group[0, column]] += 1
                            places[1, group[1, column]] += 1
                        break
        opened = np.int64(0)
        for column in range(m):
            opened += count[column] - fixed[column]
        merit = _merit(
            serve(count, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead),
            left, weight, floor_row, shortfall_price, required,
        )  # fmt: skip
        is_first_fill = turn > 0
        while opened < pick:
            column, _ = _best_addition(
                count, most, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead,
                claim, score, rank, group, places, cost, money, floor_row, shortfall_price, required, merit, tries,
            )  # fmt: skip
            if column < 0:
                break
            if is_first_fill and draw(state) % 2 == 0:
                # now and then another of the best, or the search would only ever walk back
                pickable = rank[draw(state) % min(m, 5)]
                if score[pickable] > 0:
                    column = pickable
            is_first_fill = False
            if count[column] == 0:
                places[0, group[0, column]] -= 1
                places[1, group[1, column]] -= 1
            count[column] += 1
            money -= cost[column]
            opened += 1
            merit = _merit(
                serve(count, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead),
                left, weight, floor_row, shortfall_price, required,
            )  # fmt: skip
        is_better = True
        while is_better:
            is_better = False
            for out in range(m):
                if count[out] <= fixed[out]:
                    continue
                count[out] -= 1
                money += cost[out]
                if count[out] == 0:
                    places[0, group[0, out]] += 1
                    places[1, group[1, out]] += 1
                without = _merit(
                    serve(count, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead),
                    left, weight, floor_row, shortfall_price, required,
                )  # fmt: skip
                column, found = _best_addition(
                    count, most, capacity, order, weight, indptr, columns, cptr, crows, flow, left, free, slot, is_dead,
                    claim, score, rank, group, places, cost, money, floor_row, shortfall_price, required, without, tries,
                )  # fmt: skip
                if column < 0 or found <= merit:
                    column = out
                else:
                    merit, is_better = found, True
                if count[column] == 0:
                    places[0, group[0, column]] -= 1
                    places[1, group[1, column]] -= 1
                count[column] += 1
                money -= cost[column]
        if merit > kept_merit or (merit == kept_merit and turn > 0):
            kept_merit = merit
            kept_count[:] = count
            kept_places[:] = places
            kept_money = money
    count[:] = kept_count
    places[:] = kept_places
    return kept_merit


@njit(cache=True)
def walk_capacity_prices(indptr, columns, weight, capacity, most, fixed, pick, price, value, steps):
    """Lower the bound of prices mu in [0, 1] by steps along its subgradient; return the best prices.

    Bound: sum of w mu, plus what the best `pick` sessions could take: each fills up with the people in its reach of the
    lowest price, at 1 - mu each. A later session at a venue takes dearer people, so taking sessions best first is exact.
    """
    n, m = len(weight), len(capacity)
    levels = 1
    for column in range(m):
        levels = max(levels, most[column])
    worth = np.zeros((m, levels))
    level = np.zeros(m, dtype=np.int64)
    room = np.zeros(m, dtype=np.int64)
    best, best_price = 1e300, price.copy()
    factor, stale = 1.5, 0
    got = np.zeros(n)
    slope = np.zeros(n)
    is_taken = np.zeros((m, levels), dtype=np.bool_)
    for _ in range(steps):
        order = np.argsort(price)
        worth[:] = 0.0
        level[:] = 0
        for column in range(m):
            room[column] = capacity[column]
        for place in range(n):
            row = order[place]
            keep = 1.0 - price[row]
            if keep <= 0:
                break
            for pair in range(indptr[row], indptr[row + 1]):
                column = columns[pair]
                need = weight[row]
                while need > 0 and level[column] < most[column]:
                    part = min(need, room[column])
                    worth[column, level[column]] += part * keep
                    need -= part
                    room[column] -= part
                    if room[column] == 0:
                        level[column] += 1
                        room[column] = capacity[column]
        bound = 0.0
        for row in range(n):
            bound += weight[row] * price[row]
        is_taken[:] = False
        for column in range(m):
            for number in range(fixed[column]):
                is_taken[column, number] = True
                bound += worth[column, number]
                worth[column, number] = 0.0
        flat = worth.reshape(m * levels)
        rank = np.argsort(-flat)
        for place in range(min(pick, m * levels)):
            at = rank[place]
            if flat[at] <= 0:
                break
            bound += flat[at]
            is_taken[at // levels, at % levels] = True
        if bound < best * (1 - 1e-7):
            stale = 0
        if bound < best:
            best = bound
            best_price[:] = price
        stale += 1
        if stale > 40:
            factor *= 0.8
            stale = 0
            if factor < 1e-3:
                break
        if best - value < 0.5:
            break
        got[:] = 0.0
        level[:] = 0
        for column in range(m):
            room[column] = capacity[column]
        for place in range(n):
            row = order[place]
            if price[row] >= 1.0:
                break
            for pair in range(indptr[row], indptr[row + 1]):
                column = columns[pair]
                need = weight[row]
                while need > 0 and level[column] < most[column]:
                    part = min(need, room[column])
                    if is_taken[column, level[column]]:
                        got[row] += part
                    need -= part
                    room[column] -= part
                    if room[column] == 0:
                        level[column] += 1
                        room[column] = capacity[column]
        square = 0.0
        for row in range(n):
            slope[row] = weight[row] - got[row]
            if (price[row] <= 0 and slope[row] > 0) or (price[row] >= 1 and slope[row] < 0):
                slope[row] = 0.0
            square += slope[row] * slope[row]
        if square == 0:
            break
        step = factor * (bound - value) / square
        for row in range(n):
            price[row] = min(1.0, max(0.0, price[row] - step * slope[row]))
    return best_price
