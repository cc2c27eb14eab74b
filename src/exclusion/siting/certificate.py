"""The proof that comes with a plan: prices from which anybody can compute what no plan can exceed.

Give every row i a price. A venue is then worth c_j, what the rows in its list pay for it; no plan can be worth more
than what the rows keep for themselves plus what the best allowed set of venues is paid:

    value of any plan <= base + sum of phi_i(price) + max over allowed sets of sum c_j   (Lagrange; Church and ReVelle's
    coverage model 1974; Cornuejols, Fisher and Nemhauser 1977 for travel time)

    service rows:  price mu_i >= 0, phi_i = mu_i,                          c_j = sum_i max(0, v_ij - mu_i) - penalty
    backup rows:   price la_i >= 0, phi_i = max(0, w - la, w + s - 2 la),  c_j = sum_i la_i - penalty

Any prices give a true bound, good prices a tight one: the solver that found them need not be trusted. Floors and the
budget enter with prices of their own. All in whole numbers, so there is no rounding to argue about.
"""

from dataclasses import dataclass

import numpy as np

from exclusion.errors import ContractError
from exclusion.siting.conditions import Ints
from exclusion.siting.model import PRICE_SCALE, Model, Reduction


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """Hold a limit on whom some columns can serve of some rows, and its price; capacity only.

    Sessions are whole: a town of one and a half sessions' people needs two, of which one is half empty. With W the
    people of `rows`, D the `size` (scaled people), r = W mod D and C_j the capacity of a session, in any plan

        people of `rows` served at `columns` <= W - r (W div D + 1) + sum over `columns` of h_j y_j,
        h_j = r (C_j div D) + min(r, C_j mod D)

    for every choice of rows, columns and size (the residual capacity inequality of Magnanti, Mirchandani and Vachani 1993;
    mixed-integer rounding of W - served + sum C_j y_j >= W, where capacities differ). `price` is in millionths.
    """

    rows: Ints
    columns: Ints
    size: int
    price: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Prices:
    """Hold prices in thousandths of a value unit: `row` for each row of a model, `floor`, `budget` (a hundredth).

    `dominated` are pairs of columns of that model: the first is left out, because the second serves all that it
    serves at no higher cost. For capacity, `row` is in millionths and `cuts` have prices of their own.
    """

    row: Ints
    floor: Ints
    budget: int
    dominated: Ints
    cuts: tuple[Cut, ...] = ()


def bound_of(model: Model, prices: Prices, *, pick: int | None = None) -> int:
    """Return the value no plan of a model can exceed, by the prices.

    Raises ContractError for prices of the wrong length or sign, and where a column said to be dominated is not.
    """
    if len(prices.row) != model.row_count or len(prices.floor) != len(model.floor_required):
        raise ContractError(
            f"The certificate has {len(prices.row)} row prices and {len(prices.floor)} floor prices, the problem"
            f" {model.row_count} rows and {len(model.floor_required)} floors."
        )
    if (prices.row < 0).any() or (prices.floor < 0).any() or prices.budget < 0:
        raise ContractError("A price of the certificate is below 0: it proves nothing.")
    check_sums(_largest_sum(model, prices))
    worth = _column_worth(model, prices)
    fixed = (
        _kept_by_rows(model, prices)
        + model.base * PRICE_SCALE
        - _exact_dot(prices.floor, model.floor_required)
    )
    is_left_out = np.zeros(model.column_count, dtype=bool)
    if len(prices.dominated):
        _check_dominated(model, prices.dominated)
        is_left_out[prices.dominated[:, 0]] = True
    if prices.budget and model.cost is not None and model.budget is not None:
        worth = worth - prices.budget * model.cost
        fixed += prices.budget * model.budget
    worth = np.where(is_left_out, 0, worth)
    best = best_set_worth(model, worth, model.pick if pick is None else pick)
    return int((fixed + best) // PRICE_SCALE)


def check_sums(largest: int) -> None:
    """Raise ContractError where prices are so large that whole numbers of 64 bits could run over and prove anything."""
    if largest >= 1 << 62:
        raise ContractError("The certificate's prices are too large to add up exactly: it proves nothing.")


def _largest_sum(model: Model, prices: Prices) -> int:
    """Return a number that no sum over the prices can exceed, in Python's own whole numbers."""
    floors = sum(
        int(price) * (int(weight.sum()) + int(required))
        for price, weight, required in zip(
            prices.floor, model.floor_weight, model.floor_required, strict=True
        )
    )
    money = 0
    if model.cost is not None and model.budget is not None:
        money = prices.budget * (int(model.cost.sum()) + abs(model.budget))
    return 3 * sum(int(price) for price in prices.row) + 3 * floors + money


def _exact_dot(first: Ints, second: Ints) -> int:
    return sum(int(a) * int(b) for a, b in zip(first, second, strict=True))


def _column_worth(model: Model, prices: Prices) -> Ints:
    row = model.row_of_pair
    if model.second is not None:
        paid = prices.row[row]
    else:
        paid = np.maximum(model.effective(prices.floor) - prices.row[row], 0)
    worth = np.zeros(model.column_count, dtype=np.int64)
    np.add.at(worth, model.columns, paid)
    return worth - model.penalty * PRICE_SCALE


def _kept_by_rows(model: Model, prices: Prices) -> int:
    if model.second is None:
        return int(prices.row.sum())
    first = model.weight * PRICE_SCALE
    if len(prices.floor):
        first = first + prices.floor @ model.floor_weight
    second = model.second * PRICE_SCALE
    once = first - prices.row
    twice = first + second - 2 * prices.row
    return int(np.maximum(0, np.maximum(once, twice)).sum())


def best_set_worth(model: Model, worth: Ints, pick: int) -> int:
    """Return the most an allowed set of columns is worth when columns add up.

    With one family of groups (a ward each) taking the best first is exact, for such sets form a matroid; with two
    families, each alone gives a bound and the lower one counts. The budget is in the prices, not here.
    """
    order = np.argsort(-worth, kind="stable")
    order = order[worth[order] > 0]
    best = int(worth[order[:pick]].sum())
    for group, left in model.partitions:
        # the place of each column among those of its group, best first
        own = group[order]
        grouped = np.argsort(own, kind="stable")
        start = np.searchsorted(own[grouped], own[grouped])
        place = np.empty(len(order), dtype=np.int64)
        place[grouped] = np.arange(len(order)) - start
        is_allowed = (own < 0) | (place < left[np.maximum(own, 0)])
        best = min(best, int(worth[order[is_allowed][:pick]].sum()))
    return best


def _check_dominated(model: Model, pairs: Ints) -> None:
    """Check that each first column's list is within its second's, and that the exchange is allowed."""
    if model.second is not None or not model.is_uniform:
        raise ContractError(
            "Venues cannot stand for one another in this kind of plan, yet the certificate says so."
        )
    inner, outer = pairs[:, 0], pairs[:, 1]
    if np.isin(outer, inner).any():
        raise ContractError("The certificate lets a venue that it leaves out stand for another.")
    indptr, rows, _ = model.by_column()
    keys = np.repeat(np.arange(model.column_count, dtype=np.int64), np.diff(indptr)) * model.row_count + rows
    keys.sort()
    size = np.diff(indptr)[inner]
    first = np.repeat(indptr[inner] - np.concatenate(([0], np.cumsum(size)[:-1])), size) + np.arange(
        int(size.sum())
    )
    wanted = np.repeat(outer, size) * model.row_count + rows[first]
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    is_wrong = len(wanted) > 0 and bool((keys[place] != wanted).any())
    if model.cost is not None:
        is_wrong |= bool((model.cost[outer] > model.cost[inner]).any())
    for group, _ in model.partitions:
        is_wrong |= bool((group[outer] != group[inner]).any())
    if is_wrong:
        raise ContractError(
            "The certificate leaves out a venue that nothing else can stand for: it proves nothing."
        )


def lifted(prices: Prices, reduction: Reduction, model: Model) -> Prices:
    """Spread the prices of a reduced model's rows over the rows of the model it came from.

    A merged row's price goes to its members in turn, none beyond its weight (uniform rows), which leaves every
    column's worth and what the rows keep unchanged.
    """
    if not model.is_uniform:
        return prices
    weight = model.weight * PRICE_SCALE
    if len(prices.floor):
        weight = weight + prices.floor @ model.floor_weight
    full = reduction.model.weight * PRICE_SCALE
    if len(prices.floor):
        full = full + prices.floor @ reduction.model.floor_weight
    group = reduction.merged
    if model.second is not None:
        # shares in proportion keep phi where it was, up to the rounding that only loosens the bound
        share = np.divide(prices.row, np.maximum(full, 1), dtype=np.float64)
        return Prices(
            row=np.rint(weight * share[group]).astype(np.int64),
            floor=prices.floor,
            budget=prices.budget,
            dominated=reduction.dominated,
        )
    order = np.argsort(group, kind="stable")
    before = np.cumsum(weight[order]) - weight[order]
    starts = np.searchsorted(group[order], group[order])
    before -= before[starts]
    # a service row's price is what it keeps: the first members keep all until the merged row's keep is used up
    kept = np.clip(prices.row[group[order]] - before, 0, weight[order])
    row = np.empty_like(weight)
    row[order] = kept
    return Prices(row=row, floor=prices.floor, budget=prices.budget, dominated=reduction.dominated)


def prices_of(model: Model, row: Ints, floor: Ints, budget: int) -> Prices:
    """Make prices out of dual values: uniform service rows keep what they do not pay."""
    if model.second is None and model.is_uniform:
        weight = model.weight * PRICE_SCALE
        if len(floor):
            weight = weight + floor @ model.floor_weight
        row = weight - np.clip(row, 0, weight)
    elif model.second is None and len(floor):
        # rows that only serve a floor hold what they pay in the dual, and keep the rest
        is_extra = model.floor_weight.sum(axis=0) > 0
        full = floor @ model.floor_weight
        row = np.where(is_extra, full - np.clip(row, 0, full), row)
    return Prices(row=row, floor=floor, budget=budget, dominated=np.empty((0, 2), dtype=np.int64))
