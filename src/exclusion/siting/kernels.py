"""Compiled inner loops of the local search; plain arrays in, changed in place.

`rebuild_counted` serves models whose rows have one value (coverage, backup); `rebuild_nearest` those with a value for
each pair (travel time), after the shared accumulator of FastPAM1 with eager acceptance (Schubert and Rousseeuw 2021),
written for weighted sparse rectangular lists.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call,type-arg,no-any-return,assignment"
# ruff: noqa: ANN001, ANN201, ANN202, PLR0912, PLR0915, C901, PLR0917

import numpy as np
from numba import njit

_BLOCK = 64


@njit(cache=True)
def _draw(state):
    """Return the next number of a 64-bit xorshift generator."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return np.int64(x >> np.uint64(2))


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
def _is_allowed(column, group, left, cost, money):
    if left[0, group[0, column]] <= 0 or left[1, group[1, column]] <= 0:
        return False
    return cost[column] <= money


@njit(cache=True)
def _take(column, sign, group, left, cost, money):
    """Book a column's places and money; `money` is what is left, in an array of one."""
    left[0, group[0, column]] -= sign
    left[1, group[1, column]] -= sign
    money[0] -= sign * cost[column]


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
            if _is_allowed(column, group, left, cost, money):
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
        row = crows[cptr[here] + _draw(state) % width]
        length = indptr[row + 1] - indptr[row]
        here = columns[indptr[row] + _draw(state) % length]
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
        if _draw(state) % 4 == 0:
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
            _take(column, 1, group, left, cost, money)
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
            at = _draw(state) % m
            for step in range(m):
                if is_open[(at + step) % m]:
                    seed_column = (at + step) % m
                    break
            wanted = 1 + _draw(state) % 7
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
                _take(column, -1, group, left, cost, money)
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
                if barred_count < 60 and _draw(state) % 100 < 15:
                    is_barred[column] = True
                    dirty[column // _BLOCK] = True
                    barred[barred_count] = column
                    barred_count += 1
                    continue
                change += delta[column] - penalty
                _toggle(
                    column, True, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty
                )
                _take(column, 1, group, left, cost, money)
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
            _take(column, -1, group, left, cost, money)
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
                _take(column, 1, group, left, cost, money)
                continue
            change += delta[other] - lost
            _toggle(other, True, indptr, columns, cptr, crows, weight, second, count, delta, is_open, dirty)
            _take(other, 1, group, left, cost, money)
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
                _take(column, 1 if is_undone_open else -1, group, left, cost, money)
                open_count += 1 if is_undone_open else -1


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
            strength = 1 + _draw(state) % 4
            for _ in range(strength):
                at = _draw(state) % m
                column = -1
                for step in range(m):
                    if is_open[(at + step) % m]:
                        column = (at + step) % m
                        break
                if column < 0 or cptr[column + 1] == cptr[column]:
                    continue
                row = crows[cptr[column] + _draw(state) % (cptr[column + 1] - cptr[column])]
                # of a few draws the one nearest to somebody the closed venue served
                chosen, top = np.int64(-1), np.int64(-1)
                for _try in range(6):
                    pair = indptr[row] + _draw(state) % (indptr[row + 1] - indptr[row])
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
                _take(column, 1, group, left, cost, money)
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
                if is_open[column] or not _is_allowed(column, group, left, cost, money[0]):
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
            _take(at, 1, group, left, cost, money)
            loss[at] = 0
            _opened(at, cptr, crows, cvalues, first, first_at, second, second_at, loss)
        opened = 0
        for column in range(m):
            if is_open[column]:
                order[opened] = column
                opened += 1
        quiet = 0
        candidate = _draw(state) % m
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
            _take(column, -1, group, left, cost, money)
            _take(candidate, 1, group, left, cost, money)
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
