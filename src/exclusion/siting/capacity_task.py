"""A capacity problem made ready: merged rows, all venues, sessions by column, and the bound that prices prove."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import ContractError
from exclusion.siting.certificate import Cut, check_sums
from exclusion.siting.conditions import Ints
from exclusion.siting.instance import Instance
from exclusion.siting.model import Model, model_of, reduced

SHARE_SCALE = 1_000_000  # capacity prices are shares of a person, kept to a millionth


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Hold a capacity problem ready for the compiled loops.

    By column: `capacity` of one session (scaled people), `most` sessions, `fixed` sessions that are held in every plan.
    `order` is the order in which rows claim places.
    """

    model: Model
    capacity: Ints
    most: Ints
    fixed: Ints
    pick: int
    money: int
    order: Ints
    column_pointers: Ints
    column_rows: Any

    @property
    def slots(self) -> int:
        """Return how many venues can be open at once, and one."""
        return min(self.model.column_count, int(self.fixed.sum()) + self.pick) + 1

    @property
    def cost(self) -> Ints:
        """Return the cost of a session at each column, 0 without a budget."""
        return (
            np.zeros(self.model.column_count, dtype=np.int64) if self.model.cost is None else self.model.cost
        )

    def served(self, count: Ints) -> tuple[int, Ints, Ints]:
        """Return how many the sessions serve, the flow (rows x slots) and the slot of each column."""
        from exclusion.siting import capacity_kernels

        model, slots = self.model, self.slots
        flow = np.zeros((model.row_count, slots), dtype=np.int64)
        slot = np.full(model.column_count, -1, dtype=np.int64)
        total = capacity_kernels.serve(
            count, self.capacity, self.order, model.weight, model.indptr, model.columns, self.column_pointers,
            self.column_rows, flow, model.weight.copy(), np.zeros(slots, dtype=np.int64), slot,
            np.zeros(slots, dtype=np.bool_),
        )  # fmt: skip
        return int(total), flow, slot

    def is_fair(self, count: Ints) -> bool:
        """Return whether the sessions serve every floor's least share."""
        if not len(self.model.floor_required):
            return True
        _, flow, _ = self.served(count)
        held = (self.model.floor_weight > 0).astype(np.int64) @ flow.sum(axis=1)
        return bool((held >= self.model.floor_required).all())


def whole_model(instance: Instance) -> Model:
    """Return the rows and all venues that may be open, the kept and forced ones among them."""
    model = model_of(replace(instance, goal="cover", keep=instance.keep[:0], must=instance.must[:0]))
    return replace(model, pick=instance.pick, partitions=_places_beside(model, instance))


def merged(model: Model) -> tuple[Model, Ints]:
    """Merge rows with the same list; venues are not dropped, for two side by side help twice as many."""
    uncut = reduced(replace(model, second=np.zeros(model.row_count, dtype=np.int64)))
    return replace(uncut.model, second=None), uncut.merged


def _places_beside(model: Model, instance: Instance) -> tuple[tuple[Ints, Ints], ...]:
    """Return the places left in each group beside the venues forced in (kept ones were taken off before)."""
    found = []
    for group, left in model.partitions:
        own = group[np.isin(model.venue, instance.must)]
        found.append((group, left - np.bincount(own[own >= 0], minlength=len(left)).astype(np.int64)))
    return tuple(found)


def task_of(instance: Instance, model: Model) -> Task:
    """Make a task of an instance and its (merged or whole) model."""
    assert instance.capacity is not None
    fixed = np.zeros(model.column_count, dtype=np.int64)
    fixed[np.isin(model.venue, instance.opened)] = 1
    capacity = instance.capacity[model.venue]
    money = 1 << 60
    if model.cost is not None and model.budget is not None:
        money = model.budget - int(model.cost[np.isin(model.venue, instance.must)].sum())
    indptr, rows, _ = model.by_column()
    is_floor = (model.floor_weight > 0).any(axis=0)
    return Task(
        model=model,
        capacity=capacity,
        most=np.where(capacity > 0, np.maximum(instance.sessions, fixed), fixed),
        fixed=fixed,
        pick=instance.pick - len(instance.must),
        money=money,
        # rows that count towards a floor are served first: a row once served is never given up for another
        order=np.lexsort((np.arange(model.row_count), ~is_floor)),
        column_pointers=indptr,
        column_rows=rows,
    )


def cut_terms(task: Task, cut: Cut) -> tuple[int, Ints]:
    """Return a cut's constant and, for each of its columns, what a session there adds to it (scaled people)."""
    people, size = int(task.model.weight[cut.rows].sum()), cut.size
    rest = people % size
    capacity = task.capacity[cut.columns]
    return people - rest * (people // size + 1), rest * (capacity // size) + np.minimum(rest, capacity % size)


def capacity_bound(task: Task, price: Ints, cuts: tuple[Cut, ...] = ()) -> int:
    """Return the most people any plan can serve, by prices in millionths of rows and of cuts, in whole numbers.

    sum w mu + sum of cuts' constants at their prices + the sessions that could take most. Each session fills up with the
    people in its reach who leave it most: 1 - mu less the price of every cut that holds the pair; and each session at
    a column of a cut is paid what it adds to the cut. True for any mu from 0 to 1 and any cut's price of 0 or more.

    Raises ContractError for prices of the wrong length or sign, and for cuts that name no row or column.
    """
    model, most, fixed, pick = task.model, task.most, task.fixed, task.pick
    _check_prices(task, price, cuts)
    row = model.row_of_pair
    keep = SHARE_SCALE - price[row]
    paid = np.zeros(model.column_count, dtype=np.int64)
    constant = 0
    for cut in cuts:
        is_row, is_column = _marks(model.row_count, cut.rows), _marks(model.column_count, cut.columns)
        keep = keep - cut.price * (is_row[row] & is_column[model.columns])
        start, added = cut_terms(task, cut)
        constant += cut.price * start
        paid[cut.columns] += cut.price * added
    worth = _session_worth(task, np.maximum(keep, 0))
    levels = worth.shape[1]
    worth += np.where(np.arange(levels) < most[:, None], paid[:, None], 0)
    is_fixed = np.arange(levels) < fixed[:, None]
    fixed_worth = int(worth[is_fixed].sum())
    worth[is_fixed] = 0
    flat = worth.reshape(-1)
    best = int(np.sort(flat)[::-1][:pick].sum())
    if model.cost is not None and model.budget is not None:
        best = min(best, _within_budget(flat, np.repeat(model.cost, levels), task.money))
    return (int((model.weight * price).sum()) + constant + fixed_worth + best) // SHARE_SCALE


def _check_prices(task: Task, price: Ints, cuts: tuple[Cut, ...]) -> None:
    if len(price) != task.model.row_count or (price < 0).any() or (price > SHARE_SCALE).any():
        raise ContractError(
            "The certificate's prices must be one share from 0 to 1 for every row of the problem."
        )
    people = int(task.model.weight.sum()) + int(task.capacity.sum())
    check_sums(sum(cut.price for cut in cuts) * people * max(int(task.most.max(initial=1)), 1))
    for cut in cuts:
        for members, count in ((cut.rows, task.model.row_count), (cut.columns, task.model.column_count)):
            if len(np.unique(members)) != len(members) or ((members < 0) | (members >= count)).any():
                raise ContractError(
                    "A cut of the certificate names a row or venue twice, or one that is not there."
                )
        if cut.size < 1 or cut.price < 0:
            raise ContractError(
                "A cut of the certificate has a size below 1 or a price below 0: it proves nothing."
            )


def _marks(count: int, members: Ints) -> npt.NDArray[np.bool_]:
    is_in = np.zeros(count, dtype=bool)
    is_in[members] = True
    return is_in


def _session_worth(task: Task, keep: Ints) -> Ints:
    """Return what each session (columns x levels) could take at most, filling up with the pairs that leave most."""
    model, capacity, most = task.model, task.capacity, task.most
    row = model.row_of_pair
    order = np.lexsort((row, -keep, model.columns))
    column, own, keep = model.columns[order].astype(np.int64), row[order], keep[order]
    weight = model.weight[own]
    before = np.cumsum(weight) - weight
    before = before - before[np.searchsorted(column, column)]
    levels = int(most.max(initial=1))
    worth = np.zeros((model.column_count, levels), dtype=np.int64)
    for level in range(levels):
        low = np.where(most[column] > level, level * capacity[column], 0)
        high = np.where(most[column] > level, (level + 1) * capacity[column], 0)
        part = np.clip(np.minimum(before + weight, high) - np.maximum(before, low), 0, None)
        np.add.at(worth[:, level], column, part * keep)
    return worth


def _within_budget(worth: Ints, cost: Ints, money: int) -> int:
    """Return the most that sessions within a budget are worth, by worth per money, the last in part (rounded up)."""
    left, filled = money, 0
    for item in np.argsort(-(worth / np.maximum(cost, 1)), kind="stable"):
        value, price = int(worth[item]), int(cost[item])
        if value <= 0:
            break
        if price > left:
            return filled + -(-value * left // price)
        filled, left = filled + value, left - price
    return filled
