"""Compiled search where each row counts its best open venue: FasterPAM-like swaps and disturbances.

After the shared accumulator of FastPAM1 with eager acceptance (Schubert and Rousseeuw 2021), written for weighted
sparse rectangular lists. Plain arrays in, changed in place.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg,no-any-return,assignment"
# ruff: noqa: ANN001, ANN201, ANN202, PLR0912, PLR0915, C901, PLR0917

import numpy as np
from numba import njit

from exclusion.siting.kernels import draw, is_allowed, take


@njit(cache=True)
def _best_two(row, indptr, columns, values, is_open, first, first_at, second, second_at):
    top, at, next_top, next_at = np.int64(0), np.int64(-1), np.int64(0), np.int64(-1)
    for pair in range(indptr[row], indptr[row + 1]):
        if is_open[columns[pair]]:
            value = values[pair]
            if value > top:
                next_top, next_at = top, at
                top, at = value, columns[pair]
            elif value > next_top:
                next_top, next_at = value, columns[pair]
    first[row], first_at[row], second[row], second_at[row] = top, at, next_top, next_at


@njit(cache=True)
def _closed(column, indptr, columns, values, cptr, crows, is_open, first, first_at, second, second_at, loss):
    """Follow the closing of a column: only rows that had it as their first or second choice look again."""
    for place in range(cptr[column], cptr[column + 1]):
        row = crows[place]
        if first_at[row] != column and second_at[row] != column:
            continue
        loss[first_at[row]] -= first[row] - second[row]
        _best_two(row, indptr, columns, values, is_open, first, first_at, second, second_at)
        if first_at[row] >= 0:
            loss[first_at[row]] += first[row] - second[row]


@njit(cache=True)
def _opened(column, cptr, crows, cvalues, first, first_at, second, second_at, loss):
    """Follow the opening of a column."""
    for place in range(cptr[column], cptr[column + 1]):
        row = crows[place]
        mine = cvalues[place]
        if mine > first[row]:
            if first_at[row] >= 0:
                loss[first_at[row]] -= first[row] - second[row]
            second[row], second_at[row] = first[row], first_at[row]
            first[row], first_at[row] = mine, column
            loss[column] += mine - second[row]
        elif mine > second[row]:
            loss[first_at[row]] -= mine - second[row]
            second[row], second_at[row] = mine, column


@njit(cache=True)
def rebuild_nearest(
    indptr,
    columns,
    values,
    cptr,
    crows,
    cvalues,
    is_open,
    pick,
    penalty,
    group,
    places,
    cost,
    budget,
    rounds,
    state,
):
    """Swap to a local optimum, then disturb a few venues and swap again, `rounds` times, keeping what is not worse."""
    n, m = len(indptr) - 1, len(is_open)
    first = np.zeros(n, dtype=np.int64)
    first_at = np.zeros(n, dtype=np.int64)
    second = np.zeros(n, dtype=np.int64)
    second_at = np.zeros(n, dtype=np.int64)
    loss = np.zeros(m, dtype=np.int64)
    saved = np.zeros(m, dtype=np.int64)
    kept_open = is_open.copy()
    kept_value = np.int64(-1)
    order = np.zeros(m, dtype=np.int64)
    for turn in range(rounds + 1):
        if turn > 0:
            is_open[:] = kept_open
            strength = 1 + draw(state) % 4
            for _ in range(strength):
                at = draw(state) % m
                column = -1
                for step in range(m):
                    if is_open[(at + step) % m]:
                        column = (at + step) % m
                        break
                if column < 0 or cptr[column + 1] == cptr[column]:
                    continue
                row = crows[cptr[column] + draw(state) % (cptr[column + 1] - cptr[column])]
                # of a few draws the one nearest to somebody the closed venue served
                chosen, top = np.int64(-1), np.int64(-1)
                for _try in range(6):
                    pair = indptr[row] + draw(state) % (indptr[row + 1] - indptr[row])
                    if not is_open[columns[pair]] and values[pair] > top:
                        chosen, top = columns[pair], values[pair]
                if chosen < 0:
                    continue
                is_open[column], is_open[chosen] = False, True
        left = places.copy()
        money = np.array([budget])
        number = 0
        for column in range(m):
            if is_open[column]:
                number += 1
                take(column, 1, group, left, cost, money)
        if money[0] < 0 or left.min() < 0:
            continue
        loss[:] = 0
        value = np.int64(0)
        for row in range(n):
            _best_two(row, indptr, columns, values, is_open, first, first_at, second, second_at)
            value += first[row]
            if first_at[row] >= 0:
                loss[first_at[row]] += first[row] - second[row]
        # open what is still allowed before exchanging
        while number < pick:
            best, at = penalty, np.int64(-1)
            for column in range(m):
                if is_open[column] or not is_allowed(column, group, left, cost, money[0]):
                    continue
                gain = np.int64(0)
                for place in range(cptr[column], cptr[column + 1]):
                    gain += max(np.int64(0), cvalues[place] - first[crows[place]])
                if gain > best:
                    best, at = gain, column
            if at < 0:
                break
            is_open[at] = True
            number += 1
            value += best
            take(at, 1, group, left, cost, money)
            loss[at] = 0
            _opened(at, cptr, crows, cvalues, first, first_at, second, second_at, loss)
        opened = 0
        for column in range(m):
            if is_open[column]:
                order[opened] = column
                opened += 1
        quiet = 0
        candidate = draw(state) % m
        while quiet < m and opened > 0:
            candidate = (candidate + 1) % m
            quiet += 1
            if is_open[candidate]:
                continue
            gain = np.int64(0)
            for place in range(cptr[candidate], cptr[candidate + 1]):
                row = crows[place]
                mine = cvalues[place]
                if mine > first[row]:
                    gain += mine - first[row]
                    if first_at[row] >= 0:
                        saved[first_at[row]] += first[row] - second[row]
                elif mine > second[row]:
                    saved[first_at[row]] += mine - second[row]
            best, out = np.int64(1) << np.int64(60), np.int64(-1)
            for place in range(opened):
                column = order[place]
                price = loss[column] - saved[column]
                saved[column] = 0
                if price < best and price < gain:
                    is_fit = cost[candidate] <= money[0] + cost[column]
                    for family in range(2):
                        mine = group[family, candidate]
                        if left[family, mine] <= 0 and group[family, column] != mine:
                            is_fit = False
                    if is_fit:
                        best, out = price, place
            if out < 0:
                continue
            column = order[out]
            is_open[column], is_open[candidate] = False, True
            order[out] = candidate
            take(column, -1, group, left, cost, money)
            take(candidate, 1, group, left, cost, money)
            value += gain - best
            quiet = 0
            is_open[candidate] = False
            _closed(
                column,
                indptr,
                columns,
                values,
                cptr,
                crows,
                is_open,
                first,
                first_at,
                second,
                second_at,
                loss,
            )
            is_open[candidate] = True
            loss[candidate] = 0
            _opened(candidate, cptr, crows, cvalues, first, first_at, second, second_at, loss)
        for place in range(opened):
            column = order[place]
            if loss[column] < penalty:
                # closing one changes what the others are worth, so one at a time and look again
                is_open[column] = False
                value -= loss[column]
                number -= 1
                _closed(
                    column,
                    indptr,
                    columns,
                    values,
                    cptr,
                    crows,
                    is_open,
                    first,
                    first_at,
                    second,
                    second_at,
                    loss,
                )
        total = np.int64(0)
        for column in range(m):
            if is_open[column]:
                total -= penalty
        total += value
        if turn == 0 or total >= kept_value:
            kept_value = total
            kept_open[:] = is_open
    is_open[:] = kept_open
