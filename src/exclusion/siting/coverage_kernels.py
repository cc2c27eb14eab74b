"""Compiled search where rows count once or twice: swaps, and taking out neighbours and refilling."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg,no-any-return,assignment"
# ruff: noqa: ANN001, ANN201, ANN202, PLR0912, PLR0915, C901, PLR0917

import numpy as np
from numba import njit

from exclusion.siting.kernels import draw, is_allowed, take

_BLOCK = 64


@njit(cache=True)
def _marginal(count, first, second):
    if count == 0:
        return first
    if count == 1:
        return second
    return 0


@njit(cache=True)
def _toggle(column, is_opening, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty):
    """Open or close a column; keep what every other column would add (closed) or take along (open)."""
    step = 1 if is_opening else -1
    for place in range(cptr[column], cptr[column + 1]):
        row = crows[place]
        before = count[row]
        after = before + step
        count[row] = after
        if weight[row] == 0 and second[row] == 0:
            continue
        first_w, second_w = weight[row], second[row]
        closed_change = _marginal(after, first_w, second_w) - _marginal(before, first_w, second_w)
        open_change = 0
        if after > 0:
            open_change += _marginal(after - 1, first_w, second_w)
        if before > 0:
            open_change -= _marginal(before - 1, first_w, second_w)
        if closed_change == 0 and open_change == 0:
            continue
        for pair in range(indptr[row], indptr[row + 1]):
            other = columns[pair]
            if other == column:
                continue
            if is_open[other]:
                delta[other] += open_change
            else:
                delta[other] += closed_change
                dirty[other // _BLOCK] = True
    is_open[column] = is_opening
    dirty[column // _BLOCK] = True


@njit(cache=True)
def _best_closed(
    delta, is_open, is_barred, dirty, block_best, block_at, group, left, cost, money, is_constrained
):
    """Return the closed, allowed column that adds most, the first of equals; -1 where none is."""
    best, at = np.int64(-1), np.int64(-1)
    if is_constrained:
        for column in range(len(delta)):
            if is_open[column] or is_barred[column] or delta[column] <= best:
                continue
            if is_allowed(column, group, left, cost, money):
                best, at = delta[column], column
        return at
    for block in range(len(dirty)):
        if dirty[block]:
            dirty[block] = False
            top, place = np.int64(-1), np.int64(-1)
            for column in range(block * _BLOCK, min((block + 1) * _BLOCK, len(delta))):
                if not is_open[column] and not is_barred[column] and delta[column] > top:
                    top, place = delta[column], column
            block_best[block], block_at[block] = top, place
        if block_best[block] > best:
            best, at = block_best[block], block_at[block]
    return at


@njit(cache=True)
def _walk(column, indptr, columns, cptr, crows, is_open, found, wanted, steps, state):
    """Collect open columns near one, by a random walk over rows and columns; returns how many were found."""
    number = 0
    here = column
    for _ in range(steps):
        width = cptr[here + 1] - cptr[here]
        if width == 0:
            break
        row = crows[cptr[here] + draw(state) % width]
        length = indptr[row + 1] - indptr[row]
        here = columns[indptr[row] + draw(state) % length]
        if is_open[here] and here != column:
            is_new = True
            for place in range(number):
                if found[place] == here:
                    is_new = False
                    break
            if is_new:
                found[number] = here
                number += 1
                if number == wanted:
                    break
        # back to the start now and then, so that the walk stays near
        if draw(state) % 4 == 0:
            here = column
    return number


@njit(cache=True)
def rebuild_counted(
    indptr, columns, cptr, crows, weight, second, is_open, pick, penalty, group, places, cost, budget,
    is_constrained, rounds, state,
):  # fmt: skip
    """Swap to a local optimum, then take out a few neighbours, refill and swap again, `rounds` times."""
    n, m = len(indptr) - 1, len(is_open)
    count = np.zeros(n, dtype=np.int64)
    delta = np.zeros(m, dtype=np.int64)
    left = places.copy()
    money = np.array([budget])
    open_count = 0
    for column in range(m):
        if is_open[column]:
            open_count += 1
            take(column, 1, group, left, cost, money)
            for place in range(cptr[column], cptr[column + 1]):
                count[crows[place]] += 1
    for row in range(n):
        closed = _marginal(count[row], weight[row], second[row])
        opened = _marginal(count[row] - 1, weight[row], second[row]) if count[row] > 0 else 0
        for pair in range(indptr[row], indptr[row + 1]):
            delta[columns[pair]] += opened if is_open[columns[pair]] else closed
    blocks = (m + _BLOCK - 1) // _BLOCK
    dirty = np.ones(blocks, dtype=np.bool_)
    block_best = np.zeros(blocks, dtype=np.int64)
    block_at = np.zeros(blocks, dtype=np.int64)
    is_barred = np.zeros(m, dtype=np.bool_)
    log = np.zeros(4096, dtype=np.int64)
    queue = np.zeros(max(m, 64), dtype=np.int64)
    found = np.zeros(64, dtype=np.int64)
    barred = np.zeros(64, dtype=np.int64)

    for turn in range(rounds + 1):
        logged = 0
        change = np.int64(0)
        tail = 0
        if turn == 0:
            for column in range(m):
                if is_open[column]:
                    queue[tail] = column
                    tail += 1
        else:
            if open_count == 0:
                break
            seed_column = -1
            # a random open column: draw columns until an open one turns up, then look in order
            at = draw(state) % m
            for step in range(m):
                if is_open[(at + step) % m]:
                    seed_column = (at + step) % m
                    break
            wanted = 1 + draw(state) % 7
            near = _walk(
                seed_column, indptr, columns, cptr, crows, is_open, found, wanted, 40 * wanted, state
            )
            found[near] = seed_column
            near += 1
            for place in range(near):
                column = found[place]
                change -= delta[column] - penalty
                _toggle(
                    column, False, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty
                )
                take(column, -1, group, left, cost, money)
                log[logged] = -column - 1
                logged += 1
                open_count -= 1
            barred_count = 0
            while open_count < pick:
                column = _best_closed(
                    delta,
                    is_open,
                    is_barred,
                    dirty,
                    block_best,
                    block_at,
                    group,
                    left,
                    cost,
                    money[0],
                    is_constrained,
                )
                if column < 0 or delta[column] <= penalty:
                    break
                if barred_count < 60 and draw(state) % 100 < 15:
                    is_barred[column] = True
                    dirty[column // _BLOCK] = True
                    barred[barred_count] = column
                    barred_count += 1
                    continue
                change += delta[column] - penalty
                _toggle(
                    column, True, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty
                )
                take(column, 1, group, left, cost, money)
                log[logged] = column + 1
                logged += 1
                open_count += 1
                queue[tail] = column
                tail += 1
            for place in range(barred_count):
                is_barred[barred[place]] = False
                dirty[barred[place] // _BLOCK] = True
            around = _walk(seed_column, indptr, columns, cptr, crows, is_open, found, 12, 120, state)
            for place in range(around):
                queue[tail] = found[place]
                tail += 1
        head = 0
        while head < tail and (turn == 0 or logged < 3900):
            column = queue[head]
            head += 1
            if not is_open[column]:
                continue
            lost = delta[column]
            _toggle(column, False, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty)
            take(column, -1, group, left, cost, money)
            other = _best_closed(
                delta,
                is_open,
                is_barred,
                dirty,
                block_best,
                block_at,
                group,
                left,
                cost,
                money[0],
                is_constrained,
            )
            if other < 0 or delta[other] <= lost:
                if lost < penalty:
                    change += penalty - lost
                    open_count -= 1
                    if turn > 0:
                        log[logged] = -column - 1
                        logged += 1
                    continue
                _toggle(
                    column, True, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty
                )
                take(column, 1, group, left, cost, money)
                continue
            change += delta[other] - lost
            _toggle(other, True, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty)
            take(other, 1, group, left, cost, money)
            if turn > 0:
                log[logged] = -column - 1
                log[logged + 1] = other + 1
                logged += 2
            # whoever stands near the exchanged pair may now want to move too
            around = _walk(other, indptr, columns, cptr, crows, is_open, found, 8, 64, state)
            for place in range(around):
                if tail < len(queue):
                    queue[tail] = found[place]
                    tail += 1
            if tail < len(queue):
                queue[tail] = other
                tail += 1
        if turn > 0 and change < 0:
            for place in range(logged - 1, -1, -1):
                column = abs(log[place]) - 1
                is_undone_open = log[place] < 0
                _toggle(
                    column,
                    is_undone_open,
                    indptr,
                    columns,
                    cptr,
                    crows,
                    weight,
                    second,
                    count,
                    delta,
                    is_open,
                    dirty,
                )
                take(column, 1 if is_undone_open else -1, group, left, cost, money)
                open_count += 1 if is_undone_open else -1
