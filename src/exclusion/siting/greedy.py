"""The first plan: always open the venue that adds most, with gains kept exact rather than lazily bounded.

Gains change only along the lists of rows whose value changes, so each pair is visited a few times in all: that is
cheaper than the lazy evaluation of Minoux (1978) and gives the same choices.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from exclusion.siting.conditions import Ints
from exclusion.siting.model import PRICE_SCALE, Model, kept_part


class Standing:
    """Follow what each row has and what each column would add while venues are opened.

    Values are in 1/PRICE_SCALE value units where floors are priced, else in value units.
    """

    def __init__(self, model: Model, floor_price: Ints | None = None) -> None:
        self.model = model
        is_priced = floor_price is not None and bool(floor_price.any())
        self.unit = PRICE_SCALE if is_priced else 1
        self.values = model.effective(floor_price) if is_priced and floor_price is not None else model.values
        self.row = model.row_of_pair
        self.indptr, self.rows, self.pair = model.by_column()
        self.best = np.zeros(model.row_count, dtype=np.int64)
        self.count = np.zeros(model.row_count, dtype=np.int64)
        self.second = None if model.second is None else model.second * self.unit
        self.gain = np.zeros(model.column_count, dtype=np.int64)
        np.add.at(self.gain, model.columns, self.values)
        self.is_open = np.zeros(model.column_count, dtype=bool)
        self.left = [left.copy() for _, left in model.partitions]
        self.spent = 0
        self.value = 0

    def allowed(self) -> npt.NDArray[np.bool_]:
        """Return the columns that may be opened next."""
        model = self.model
        allowed = ~self.is_open
        if model.cost is not None and model.budget is not None:
            allowed &= model.cost <= model.budget - self.spent
        for (group, _), left in zip(model.partitions, self.left, strict=True):
            allowed &= (group < 0) | (left[np.maximum(group, 0)] > 0)
        return allowed

    def open(self, column: int) -> int:
        """Open a column and return what it adds."""
        model = self.model
        added = int(self.gain[column])
        self.is_open[column] = True
        self.value += added
        if model.cost is not None:
            self.spent += int(model.cost[column])
        for (group, _), left in zip(model.partitions, self.left, strict=True):
            if group[column] >= 0:
                left[group[column]] -= 1
        part = slice(self.indptr[column], self.indptr[column + 1])
        rows, values = self.rows[part].astype(np.int64), self.values[self.pair[part]]
        if self.second is not None:
            changed = rows[self.count[rows] < 2]
            before = np.where(self.count[changed] == 0, self._first(changed), self.second[changed])
            after = np.where(self.count[changed] == 0, self.second[changed], 0)
            self.count[rows] += 1
            pairs = self._pairs(changed)
            drop = np.repeat(before - after, np.diff(model.indptr)[changed])
        else:
            is_better = values > self.best[rows]
            changed, new = rows[is_better], values[is_better]
            old = self.best[changed]
            self.best[changed] = new
            pairs = self._pairs(changed)
            length = np.diff(model.indptr)[changed]
            mine = self.values[pairs]
            drop = np.maximum(mine - np.repeat(old, length), 0) - np.maximum(mine - np.repeat(new, length), 0)
        np.subtract.at(self.gain, model.columns[pairs], drop)
        self.gain[column] = 0
        return added

    def _first(self, rows: Ints) -> Ints:
        return self.values[self.model.indptr[rows]]

    def _pairs(self, rows: Ints) -> Ints:
        start, length = self.model.indptr[rows], np.diff(self.model.indptr)[rows]
        offset = np.concatenate(([0], np.cumsum(length)[:-1])) if len(length) else length
        return np.asarray(np.repeat(start - offset, length) + np.arange(int(length.sum())))


def greedy(
    model: Model, *, pick: int | None = None, floor_price: Ints | None = None, is_by_cost: bool = False
) -> Ints:
    """Return columns in the order in which they add most (per unit of cost, if asked); ties go to the first.

    Stops when nothing adds more than the model's penalty, or nothing more is allowed.
    """
    standing = Standing(model, floor_price)
    chosen: list[int] = []
    penalty = model.penalty * standing.unit
    for _ in range(model.pick if pick is None else pick):
        net = np.where(standing.allowed(), standing.gain - penalty, 0)
        if not len(net) or net.max() <= 0:
            break
        score = net / np.maximum(model.cost, 1) if is_by_cost and model.cost is not None else net
        column = int(np.argmax(score))
        standing.open(column)
        chosen.append(column)
    return np.array(chosen, dtype=np.int64)


def value_of(model: Model, columns: Ints) -> int:
    """Return the value of a set of columns, what is there already included and penalties paid."""
    is_in = np.zeros(model.column_count, dtype=bool)
    is_in[columns] = True
    pairs = is_in[model.columns]
    row = model.row_of_pair[pairs]
    total = model.base - model.penalty * int(is_in.sum())
    if model.second is not None:
        count = np.bincount(row, minlength=model.row_count)
        return total + int(model.weight[count > 0].sum()) + int(model.second[count > 1].sum())
    best = np.zeros(model.row_count, dtype=np.int64)
    np.maximum.at(best, row, model.values[pairs])
    return total + int(best.sum())


def floors_held(model: Model, columns: Ints) -> npt.NDArray[np.bool_]:
    """Return for each floor whether a set of columns holds it."""
    is_in = np.zeros(model.column_count, dtype=bool)
    is_in[columns] = True
    is_served = np.bincount(model.row_of_pair[is_in[model.columns]], minlength=model.row_count) > 0
    return np.asarray(model.floor_weight @ is_served.astype(np.int64) >= model.floor_required)


def is_allowed_set(model: Model, columns: Ints) -> bool:
    """Return whether a set of columns keeps to number, quotas and budget (floors are asked separately)."""
    if len(columns) > model.pick:
        return False
    if model.cost is not None and model.budget is not None and int(model.cost[columns].sum()) > model.budget:
        return False
    for group, left in model.partitions:
        own = group[columns]
        if (np.bincount(own[own >= 0], minlength=len(left)) > left).any():
            return False
    return True


def in_order(model: Model, columns: Ints) -> Ints:
    """Return chosen columns in the order in which each adds most; those that add nothing come last."""
    is_in = np.zeros(model.column_count, dtype=bool)
    is_in[columns] = True
    part = kept_part(replace(model, penalty=0, cost=None, budget=None, partitions=()), is_in)
    order = np.searchsorted(model.venue, part.venue[greedy(part, pick=len(columns))])
    return np.concatenate((order, np.setdiff1d(columns, order))).astype(np.int64)
