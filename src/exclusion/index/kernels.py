"""The inner loops of the draws, compiled: scores, ranks by radix, histograms. Nothing here draws a random number.

Areas are the last axis. All loops run in one thread and release the interpreter's lock, so that chunks of draws can
run side by side.
"""

from typing import Any

import numpy as np
from numba import njit

_BITS = np.uint32(11)
_BUCKETS = 1 << 11
_TWICE = np.uint32(22)
_MINUS_ZERO = np.uint32(0x80000000)
_MASK = np.uint32(_BUCKETS - 1)

# Normalisations of a domain, in the order of the code that the kernels take.
EXPONENTIAL, NORMAL, MINMAX = 0, 1, 2


@njit(cache=True, nogil=True)
def _sortable(values: Any, keys: Any, starts: Any) -> None:
    """Fill `keys` with the bits of 32-bit floats, flipped so that they sort as whole numbers, and count buckets."""
    bits = values.view(np.uint32)
    for i in range(values.shape[0]):
        held = bits[i]
        if held == _MINUS_ZERO:
            held = np.uint32(0)
        # Negative floats sort backwards by their bits.
        key = held ^ np.uint32(0xFFFFFFFF) if held >> np.uint32(31) else held ^ np.uint32(0x80000000)
        keys[i] = key
        starts[0, key & _MASK] += 1
        starts[1, (key >> _BITS) & _MASK] += 1
        starts[2, key >> _TWICE] += 1
    for p in range(3):
        total = 0
        for b in range(_BUCKETS):
            count = starts[p, b]
            starts[p, b] = total
            total += count


@njit(cache=True, nogil=True)
def _share_ties(order: Any, keys: Any, ranks: Any) -> None:
    """Give every run of equal sorted keys its average rank."""
    n = order.shape[0]
    start = 0
    while start < n:
        end = start + 1
        while end < n and keys[end] == keys[start]:
            end += 1
        shared = np.float32(0.5 * (start + 1 + end))
        for j in range(start, end):
            ranks[order[j]] = shared
        start = end


@njit(cache=True, nogil=True)
def rank_up(values: Any, order: Any, keys: Any, spare_order: Any, spare_keys: Any, ranks: Any) -> None:
    """Rank 32-bit floats from below, 1 to n, ties sharing their average; `order` becomes the areas from low to high.

    A radix sort in three passes of eleven bits.
    """
    n = values.shape[0]
    starts = np.zeros((3, _BUCKETS), np.int32)
    _sortable(values, keys, starts)
    for i in range(n):
        b = keys[i] & _MASK
        at = starts[0, b]
        starts[0, b] = at + 1
        spare_order[at] = i
        spare_keys[at] = keys[i]
    for j in range(n):
        b = (spare_keys[j] >> _BITS) & _MASK
        at = starts[1, b]
        starts[1, b] = at + 1
        order[at] = spare_order[j]
        keys[at] = spare_keys[j]
    for j in range(n):
        b = keys[j] >> _TWICE
        at = starts[2, b]
        starts[2, b] = at + 1
        spare_order[at] = order[j]
        spare_keys[at] = keys[j]
    order[:] = spare_order
    _share_ties(order, spare_keys, ranks)


@njit(cache=True, nogil=True)
def draw_scores(
    base: Any, posterior: Any, source: Any, noise: Any, steps: Any, lookup: Any, out: Any
) -> None:
    """Fill `out` (K, N) with indicator scores: `base`, or, where an error is declared, the score of mean + sd x noise.

    `posterior` (2, K, N) holds mean and sd. `source` (K,) says which row of `noise` (S, N) an indicator shares, -1
    for none. `lookup` (K, G) holds scores at even steps; `steps` (2, K) the lowest value and the steps a unit.
    """
    count, n = base.shape
    last = lookup.shape[1] - 1
    for k in range(count):
        if source[k] < 0:
            out[k] = base[k]
            continue
        row, mean, sd = noise[source[k]], posterior[0, k], posterior[1, k]
        for i in range(n):
            if sd[i] == 0.0:
                out[k, i] = base[k, i]
                continue
            place = (mean[i] + sd[i] * row[i] - steps[0, k]) * steps[1, k]
            place = min(max(place, np.float32(0.0)), np.float32(last))
            at = min(int(place), last - 1)
            share = place - np.float32(at)
            out[k, i] = lookup[k, at] + share * (lookup[k, at + 1] - lookup[k, at])


@njit(cache=True, nogil=True)
def add_imputed(
    row: Any, area: Any, base: Any, start: Any, size: Any, pool: Any, pick: Any, out: Any
) -> None:
    """Give each imputed cell its base score and the residual of a donor; `pick` is uniform on 0 to 1."""
    for c in range(row.shape[0]):
        donor = start[c] + min(int(pick[c] * size[c]), size[c] - 1)
        out[row[c], area[c]] = base[c] + pool[donor]


@njit(cache=True, nogil=True)
def domain_sums(scores: Any, members: Any, domain_of: Any, weights: Any, out: Any) -> None:
    """Fill `out` (M, N) with the weighted sums of indicator scores inside each domain; weight 0 is left out."""
    n = scores.shape[1]
    out[:, :] = 0.0
    for k in members:
        weight = weights[k]
        if weight == 0.0:
            continue
        d = domain_of[k]
        for i in range(n):
            out[d, i] += weight * scores[k, i]


@njit(cache=True, nogil=True)
def domain_values(sums: Any, ranks: Any, normalisation: int, tables: Any, out: Any) -> None:
    """Fill `out` (N,) with the scores of one domain, 0 to 100, by its ranks or by the range of its sums.

    `tables` (2, N) hold the exponential and the normal score of every whole rank; a shared half rank is between two.
    """
    n = sums.shape[0]
    if normalisation == MINMAX:
        low = sums[0]
        high = sums[0]
        for i in range(n):
            low = min(low, sums[i])
            high = max(high, sums[i])
        scale = np.float32(0.0) if high == low else np.float32(100.0) / (high - low)
        for i in range(n):
            out[i] = (sums[i] - low) * scale
        return
    for i in range(n):
        place = ranks[i] - np.float32(1.0)
        at = int(place)
        above = min(at + 1, n - 1)
        share = place - np.float32(at)
        out[i] = tables[normalisation, at] + share * (
            tables[normalisation, above] - tables[normalisation, at]
        )


@njit(cache=True, nogil=True)
def _add_power(row: Any, weight: Any, power: float, out: Any) -> None:
    n = row.shape[0]
    if power == 1.0:
        for i in range(n):
            out[i] += weight * row[i]
    elif power == 2.0:
        for i in range(n):
            out[i] += weight * row[i] * row[i]
    else:
        for i in range(n):
            out[i] += weight * row[i] ** np.float32(power)


@njit(cache=True, nogil=True)
def combine(scores: Any, weights: Any, power: float, out: Any) -> None:
    """Fill `out` (N,) with the power mean of domain scores (M, N); power 1 is the arithmetic mean."""
    count, n = scores.shape
    out[:] = 0.0
    for d in range(count):
        _add_power(scores[d], np.float32(weights[d]), power, out)
    if power == 2.0:
        for i in range(n):
            out[i] = np.sqrt(out[i])
    elif power != 1.0:
        for i in range(n):
            out[i] = out[i] ** np.float32(1.0 / power)


@njit(cache=True, nogil=True)
def weigh_remote(risk: Any, remoteness: Any, lambda_: float, cap: float, out: Any) -> None:
    """Fill `out` (N,) with risk x min(1 + lambda x h, cap)."""
    for i in range(risk.shape[0]):
        out[i] = risk[i] * np.float32(min(1.0 + lambda_ * remoteness[i], cap))


@njit(cache=True, nogil=True)
def spread_like(order: Any, held: Any, out: Any) -> None:
    """Fill `out` (N,) so that areas in `order`, from low to high, have the sorted scores `held`."""
    for j in range(order.shape[0]):
        out[order[j]] = held[j]


@njit(cache=True, nogil=True)
def rank_down(
    scores: Any, order: Any, keys: Any, spare_order: Any, spare_keys: Any, up: Any, out: Any
) -> None:
    """Fill `out` (N,) with whole ranks, 1 the highest; ties share the middle, rounded up to the worse half."""
    rank_up(scores, order, keys, spare_order, spare_keys, up)
    n = scores.shape[0]
    for i in range(n):
        out[i] = np.uint16(n + 1 - int(up[i] + np.float32(0.5)))


@njit(cache=True, nogil=True)
def take_worst(order: Any, council: Any, size: int, counts: Any, hits: Any) -> None:
    """Add one to `hits` of the `size` highest areas of every council; `order` runs from low to high."""
    counts[:] = 0
    n = order.shape[0]
    for j in range(n - 1, -1, -1):
        i = order[j]
        c = council[i]
        if c >= 0 and counts[c] < size:
            counts[c] += 1
            hits[i] += 1


@njit(cache=True, nogil=True)
def count_types(
    ranks: Any, least_rank: float, is_far: Any, risk_rank: Any, broad_rank: float, nominal: Any, hits: Any
) -> None:
    """Add one to `hits` where an area has its nominal needs type; `ranks` (M, N) of the domains from below."""
    count, n = ranks.shape
    least = np.float32(least_rank)
    found = np.zeros(n, np.int8)
    code = np.full(n, count + 2, np.int8)
    for d in range(count):
        row = ranks[d]
        for i in range(n):
            drives = row[i] >= least
            found[i] += drives
            code[i] = d if drives else code[i]
    for i in range(n):
        held = found[i] + is_far[i]
        last = count if is_far[i] else code[i]
        is_multiple = held > 1 or (held == 0 and risk_rank[i] <= broad_rank)
        hits[i] += (count + 1 if is_multiple else last) == nominal[i]


@njit(cache=True, nogil=True)
def add_ranks(ranks: Any, bin_of: Any, histogram: Any) -> None:
    """Add a chunk of ranks (D, N) to the histogram (N, bins), area by area; `bin_of` maps a rank to its bin."""
    draws, n = ranks.shape
    for i in range(n):
        row = histogram[i]
        for j in range(draws):
            row[bin_of[ranks[j, i]]] += 1


@njit(cache=True, nogil=True)
def shift_and_overlap(ranks: Any, nominal: Any, tenth: float) -> Any:
    """Return the mean absolute shift from the nominal ranks and the share of the nominal worst tenth that is kept."""
    n = ranks.shape[0]
    shift = np.int64(0)
    kept = 0
    listed = 0
    for i in range(n):
        shift += abs(np.int64(ranks[i]) - np.int64(nominal[i]))
        if nominal[i] <= tenth:
            listed += 1
            if ranks[i] <= tenth:
                kept += 1
    return shift / n, kept / max(listed, 1)


@njit(cache=True, nogil=True)
def group_measures(ranks: Any, people: Any, codes: Any, tenth: float, out: Any) -> None:
    """Fill `out` (G, 3): average reversed rank, share of areas in the worst tenth, extent; as `rollups` defines them."""
    n = ranks.shape[0]
    groups = out.shape[0]
    held = np.zeros(groups)
    areas = np.zeros(groups)
    out[:, :] = 0.0
    for i in range(n):
        g = codes[i]
        if g < 0:
            continue
        held[g] += people[i]
        areas[g] += 1.0
        out[g, 0] += people[i] * (n + 1.0 - ranks[i])
        if ranks[i] <= tenth:
            out[g, 1] += 1.0
        percentile = np.ceil(100.0 * ranks[i] / n - 1e-9)
        if percentile <= 10.0:
            out[g, 2] += people[i]
        elif percentile <= 30.0:
            out[g, 2] += people[i] * (0.95 - (percentile - 11.0) * (0.9 / 19.0))
    for g in range(groups):
        out[g, 0] = out[g, 0] / held[g] if held[g] > 0 else np.nan
        out[g, 1] = 100.0 * out[g, 1] / areas[g] if areas[g] > 0 else np.nan
        out[g, 2] = 100.0 * out[g, 2] / held[g] if held[g] > 0 else np.nan


@njit(cache=True, nogil=True)
def place_groups(values: Any, steps: Any, rank_step: float, out: Any) -> None:
    """Fill `out` (2 T, G) with the nearest step of T measures (T, G, 32-bit) of G groups and of their ranks.

    `steps` (T, G) is the width of a step of each measure; a rank r, 1 the largest and ties the smallest, is at
    (r - 1) / `rank_step`.
    """
    count, groups = values.shape
    order, spare_order = np.empty(groups, np.int32), np.empty(groups, np.int32)
    keys, spare_keys = np.empty(groups, np.uint32), np.empty(groups, np.uint32)
    up = np.empty(groups, np.float32)
    for m in range(count):
        row = values[m]
        rank_up(row, order, keys, spare_order, spare_keys, up)
        rank = 1
        for j in range(groups - 1, -1, -1):
            g = order[j]
            if j < groups - 1 and row[g] < row[order[j + 1]]:
                rank = groups - j
            out[m, g] = np.uint16(row[g] / steps[m, g] + 0.5)
            out[count + m, g] = np.uint16((rank - 1) / rank_step + 0.5)


@njit(cache=True, nogil=True)
def conditional_counts(z: Any, lag: Any, starts: Any, weights: Any, picks: Any, begin: int, end: int) -> Any:
    """Return for areas `begin` to `end` how many permuted lags are at least, and at most, their own (2, end - begin).

    `starts` and `weights` are those of a sparse matrix by rows; each row of `picks` numbers the other areas that stand
    in for the neighbours, in the order of all areas but i.
    """
    out = np.zeros((2, end - begin))
    for i in range(begin, end):
        first, count = starts[i], starts[i + 1] - starts[i]
        # Sums of the same terms in another order differ in the last digits; such are ties.
        slack = 1e-12 * (1.0 + abs(lag[i]))
        for p in range(picks.shape[0]):
            total = 0.0
            for j in range(count):
                other = picks[p, j]
                total += weights[first + j] * z[other + 1 if other >= i else other]
            if total >= lag[i] - slack:
                out[0, i - begin] += 1.0
            if total <= lag[i] + slack:
                out[1, i - begin] += 1.0
    return out
