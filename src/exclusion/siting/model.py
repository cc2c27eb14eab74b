"""The coverage model every goal becomes: rows that want a venue, columns that give value to rows.

A row's value is that of the best open column in its list (`second` adds a worth for a second one). Coverage, gradual
coverage and mean travel time differ only in the values; the longest travel time is a coverage question asked at one
time after another. Everything is in whole numbers, so that what is found can be checked without rounding.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.siting.conditions import PERMILLE, Ints
from exclusion.siting.instance import Instance

Columns = npt.NDArray[np.int32]

PRICE_SCALE = 1000  # prices are kept to a thousandth of a value unit


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """Hold rows and columns after what is open in every plan has been taken into account.

    `indptr`, `columns`, `values` are the rows' lists (values > 0, or >= 0 in rows that only serve a floor).
    `is_uniform` says that all values of a row are equal to `weight[row]`. `second` is the further worth of a second
    column in a row (backup). `floor_weight` (floors x rows) and `floor_required` state equity floors; their rows
    are uniform. `venue` is the venue of each column, `base` the value that is there already, `pick` how many
    columns may be opened, `penalty` what each must add. `demand` is the demand row of each row.
    """

    indptr: Ints
    columns: Columns
    values: Ints
    weight: Ints
    is_uniform: bool
    second: Ints | None
    venue: Ints
    demand: Ints
    base: int
    pick: int
    penalty: int
    cost: Ints | None
    budget: int | None
    partitions: tuple[tuple[Ints, Ints], ...]
    floor_weight: Ints
    floor_required: Ints

    @property
    def row_count(self) -> int:
        """Return the number of rows."""
        return len(self.indptr) - 1

    @property
    def column_count(self) -> int:
        """Return the number of columns."""
        return len(self.venue)

    @property
    def row_of_pair(self) -> Ints:
        """Return the row of every pair."""
        return np.repeat(np.arange(self.row_count, dtype=np.int64), np.diff(self.indptr))

    def effective(self, floor_price: Ints) -> Ints:
        """Return the pairs' values, in units of 1/PRICE_SCALE, when floors are priced."""
        values = self.values * PRICE_SCALE
        if len(floor_price) and floor_price.any():
            values = values + (floor_price @ self.floor_weight)[self.row_of_pair]
        return values

    def by_column(self) -> tuple[Ints, Columns, Ints]:
        """Return the transposed lists: column pointers, rows, and the pair each entry comes from."""
        order = np.argsort(self.columns, kind="stable")
        counts = np.bincount(self.columns, minlength=self.column_count)
        indptr = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        return indptr, self.row_of_pair[order].astype(np.int32), order.astype(np.int64)


def worth(instance: Instance, weight: Ints, hundredths: npt.NDArray[np.int32], row: Ints) -> Ints:
    """Return the value a venue at so many hundredths of a minute has for a row of the given weight, by goal."""
    time = hundredths.astype(np.int64)
    if instance.goal == "mean_time":
        return np.asarray(weight[row] * (instance.limit - time))
    if instance.goal == "gradual":
        fading = (instance.limit - time) * PERMILLE // (instance.limit - instance.full)
        return np.asarray(weight[row] * np.clip(fading, 0, PERMILLE))
    if instance.goal == "backup":
        return np.asarray(weight[row] * PERMILLE)
    return np.asarray(weight[row])


def model_of(instance: Instance, *, at: int | None = None, weight: Ints | None = None) -> Model:
    """Build the model of an instance; `at` is a time in hundredths for the longest-time question.

    With `at`, coverage at that time is asked for, each row weighing `weight` (1 where none is given).
    """
    if at is not None:
        instance = replace(instance, goal="cover")
        weight = (instance.weight > 0).astype(np.int64) if weight is None else weight
    else:
        weight = instance.weight
    row = np.repeat(np.arange(len(instance.weight), dtype=np.int64), np.diff(instance.indptr))
    is_used = weight[row] > 0
    if at is not None:
        is_used &= instance.hundredths <= at
    row, column, time = row[is_used], instance.columns[is_used], instance.hundredths[is_used]
    value = worth(instance, weight, time, row)
    is_uniform = instance.goal in ("cover", "fewest", "backup", "capacity", "worst_time")
    demand = np.arange(len(weight), dtype=np.int64)
    floor_weight = np.zeros((len(instance.floors), len(weight)), dtype=np.int64)
    needed = np.array([floor.required for floor in instance.floors], dtype=np.int64)
    for number, floor in enumerate(instance.floors):
        floor_weight[number, floor.rows] = instance.weight[floor.rows]
    unit = value_of_one(instance)
    if len(instance.floors) and (not is_uniform or at is not None):
        # floors speak of coverage within the limit, so they get rows of their own beside the goal's
        is_extra = (floor_weight.sum(axis=0) > 0)[np.repeat(np.arange(len(weight)), np.diff(instance.indptr))]
        extra_row = np.repeat(np.arange(len(weight), dtype=np.int64), np.diff(instance.indptr))[is_extra]
        row = np.concatenate((row, extra_row + len(weight)))
        column = np.concatenate((column, instance.columns[is_extra]))
        value = np.concatenate((value, np.zeros(len(extra_row), dtype=np.int64)))
        floor_weight = np.concatenate((np.zeros_like(floor_weight), floor_weight), axis=1)
        demand = np.concatenate((demand, demand))
        weight = np.concatenate((weight, np.zeros_like(weight)))
    elif instance.goal == "backup":
        weight = weight * PERMILLE
    model = Model(
        indptr=_pointers(row, len(demand)),
        columns=column.astype(np.int32),
        values=value,
        weight=weight,
        is_uniform=is_uniform,
        second=instance.weight * instance.backup if instance.goal == "backup" else None,
        venue=np.arange(instance.venue_count, dtype=np.int64),
        demand=demand,
        base=0,
        pick=instance.pick,
        penalty=instance.penalty * unit,
        cost=instance.cost,
        budget=instance.budget,
        partitions=instance.partitions,
        floor_weight=floor_weight,
        floor_required=needed,
    )
    return _candidates_only(_open_already(model, instance.opened, instance.must), instance)


def value_of_one(instance: Instance) -> int:
    """Return how many value units one scaled person (or person-minute) is worth."""
    return instance.unit // instance.scale


def _pointers(row: Ints, row_count: int) -> Ints:
    return np.concatenate(([0], np.cumsum(np.bincount(row, minlength=row_count)))).astype(np.int64)


def _open_already(model: Model, opened: Ints, must: Ints) -> Model:
    """Take the venues that are open in every plan out of the question and credit what they give."""
    partitions = model.partitions
    if len(must):
        partitions = tuple(
            (group, left - np.bincount(group[must][group[must] >= 0], minlength=len(left)).astype(np.int64))
            for group, left in partitions
        )
    budget = model.budget
    if budget is not None and model.cost is not None:
        budget -= int(model.cost[must].sum())
    model = replace(model, pick=model.pick - len(must), budget=budget, partitions=partitions)
    if not len(opened):
        return model
    is_open = np.isin(model.columns, opened)
    row = model.row_of_pair
    best = np.zeros(model.row_count, dtype=np.int64)
    np.maximum.at(best, row[is_open], model.values[is_open])
    times = np.bincount(row[is_open], minlength=model.row_count)
    floor_weight = np.where(times > 0, 0, model.floor_weight)
    held = (model.floor_weight - floor_weight).sum(axis=1)
    base = model.base + int(best.sum())
    weight, values, second = model.weight, model.values - best[row], model.second
    if second is not None:
        # where the kept venues cover a row once, the next venue is its second; where twice, none adds anything
        base += int(second[times > 1].sum())
        weight = np.where(times == 0, weight, np.where(times == 1, second, 0))
        second = np.where(times == 0, second, 0)
        values = weight[row]
    elif model.is_uniform:
        weight = np.where(times > 0, 0, weight)
    is_left = ~is_open & ((values > 0) | (floor_weight.sum(axis=0) > 0)[row])
    return replace(
        model,
        indptr=_pointers(row[is_left], model.row_count),
        columns=model.columns[is_left],
        values=np.maximum(values[is_left], 0),
        weight=weight,
        second=second,
        base=base,
        floor_weight=floor_weight,
        floor_required=np.maximum(model.floor_required - held, 0),
    )


def _candidates_only(model: Model, instance: Instance) -> Model:
    """Drop columns that cannot be opened or that give nothing, and rows nobody can serve."""
    is_free = np.ones(instance.venue_count, dtype=bool)
    is_free[instance.opened] = False
    is_free[instance.never] = False
    if model.budget is not None and model.cost is not None:
        is_free &= model.cost <= model.budget
    for group, left in model.partitions:
        is_free &= ~((group >= 0) & (left[np.maximum(group, 0)] <= 0))
    return kept_part(model, is_free[model.venue])


def kept_part(model: Model, is_column: npt.NDArray[np.bool_]) -> Model:
    """Keep the marked columns that serve somebody, and the rows they serve."""
    row = model.row_of_pair
    is_pair = is_column[model.columns]
    is_column = is_column & (np.bincount(model.columns[is_pair], minlength=model.column_count) > 0)
    is_row = np.bincount(row[is_pair], minlength=model.row_count) > 0
    new_column = np.cumsum(is_column) - 1
    new_row = np.cumsum(is_row) - 1
    return replace(
        model,
        indptr=_pointers(new_row[row[is_pair]], int(is_row.sum())),
        columns=new_column[model.columns[is_pair]].astype(np.int32),
        values=model.values[is_pair],
        weight=model.weight[is_row],
        second=None if model.second is None else model.second[is_row],
        venue=model.venue[is_column],
        demand=model.demand[is_row],
        cost=None if model.cost is None else model.cost[is_column],
        partitions=tuple((group[is_column], left) for group, left in model.partitions),
        floor_weight=model.floor_weight[:, is_row],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduction:
    """Hold a smaller model with the same best value, and the way back.

    `merged` is the reduced row of each row. `dominated` are pairs (column, column whose list contains it), both of
    the larger model.
    """

    model: Model
    merged: Ints
    dominated: Ints


def reduced(model: Model) -> Reduction:
    """Merge rows with the same list and drop columns contained in another.

    Columns are dropped only where that can cost nothing: one venue is enough for a row, and the containing column
    costs no more and is of the same groups. Rows are merged where their values are the same along the list up to
    one factor of the row, that is in uniform models.
    """
    merged = np.arange(model.row_count, dtype=np.int64)
    column_name = np.arange(model.column_count, dtype=np.int64)
    dominated = np.empty((0, 2), dtype=np.int64)
    if not model.is_uniform:
        return Reduction(model=model, merged=merged, dominated=dominated)
    small = model
    for _ in range(3):
        size = (small.row_count, small.column_count)
        small, step = _rows_merged(small)
        merged = step[merged]
        if model.second is None:
            containing = _containing_columns(small)
            lost = np.flatnonzero(containing >= 0)
            if len(lost):
                pairs = np.column_stack((column_name[lost], column_name[containing[lost]]))
                dominated = np.concatenate((dominated, pairs))
                is_kept = containing < 0
                column_name = column_name[is_kept]
                small = kept_part(small, is_kept)
        if (small.row_count, small.column_count) == size:
            break
    return Reduction(model=small, merged=merged, dominated=_followed(dominated))


def _followed(pairs: Ints) -> Ints:
    """Point each dropped column at one that was not dropped."""
    target = dict(pairs.tolist())
    for name, first in target.items():
        end = first
        while end in target:
            end = target[end]
        target[name] = end
    return np.array(sorted(target.items()), dtype=np.int64).reshape(-1, 2)


def _rows_merged(model: Model) -> tuple[Model, Ints]:
    counts = np.diff(model.indptr)
    # two independent 64-bit sums over each list: equal lists always agree, and others agree by chance once in 2^128
    keys = np.random.default_rng(20240501).integers(0, 1 << 63, size=(2, model.column_count), dtype=np.uint64)
    sums = [np.add.reduceat(key[model.columns], model.indptr[:-1]) for key in keys] if model.row_count else []
    if not sums:
        return model, np.empty(0, dtype=np.int64)
    _, first, group = np.unique(
        np.column_stack((*sums, counts.astype(np.uint64))), axis=0, return_index=True, return_inverse=True
    )
    order = np.argsort(np.argsort(first))
    group, first = order[group.reshape(-1)], np.sort(first)
    total = len(first)
    is_first = np.zeros(model.row_count, dtype=bool)
    is_first[first] = True
    is_pair = is_first[model.row_of_pair]
    weight = _summed(model.weight, group, total)
    indptr = np.concatenate(([0], np.cumsum(counts[first]))).astype(np.int64)
    floors = np.array([_summed(row, group, total) for row in model.floor_weight], dtype=np.int64)
    return (
        replace(
            model,
            indptr=indptr,
            columns=model.columns[is_pair],
            values=np.repeat(weight, counts[first]),
            weight=weight,
            second=None if model.second is None else _summed(model.second, group, total),
            demand=model.demand[first],
            floor_weight=floors.reshape(len(model.floor_weight), total),
        ),
        group.astype(np.int64),
    )


def _summed(values: Ints, group: Ints, count: int) -> Ints:
    sums = np.zeros(count, dtype=np.int64)
    np.add.at(sums, group, values)
    return sums


def _containing_columns(model: Model) -> Ints:
    """Return for each column another that contains it, or -1; of equal columns the first is kept."""
    from scipy.sparse import csr_array

    none = np.full(model.column_count, -1, dtype=np.int64)
    if not len(model.columns):
        return none
    shape = (model.row_count, model.column_count)
    incidence = csr_array(
        (np.ones(len(model.columns), dtype=np.int32), model.columns, model.indptr), shape=shape
    )
    shared: Any = (incidence.T @ incidence).tocoo()
    size = np.bincount(model.columns, minlength=model.column_count)
    inner, outer = shared.coords
    is_inside = (shared.data == size[inner]) & (inner != outer)
    inner, outer = inner[is_inside], outer[is_inside]
    is_better = (size[outer] > size[inner]) | (outer < inner)
    if model.cost is not None:
        cheaper = model.cost[outer] < model.cost[inner]
        is_equal = size[outer] == size[inner]
        is_better = np.where(
            is_equal, cheaper | ((model.cost[outer] == model.cost[inner]) & (outer < inner)), True
        )
        is_better &= model.cost[outer] <= model.cost[inner]
    for group, _ in model.partitions:
        is_better &= group[outer] == group[inner]
    inner, outer = inner[is_better], outer[is_better]
    # the largest containing column, the first of equals, so that chains stay short and the choice is stable
    order = np.lexsort((outer, -size[outer], inner))
    inner, outer = inner[order], outer[order]
    is_start = np.concatenate(([True], inner[1:] != inner[:-1])) if len(inner) else np.empty(0, dtype=bool)
    none[inner[is_start]] = outer[is_start]
    return none
