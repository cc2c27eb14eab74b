"""A capacity problem made ready: merged rows, all venues, sessions by column, and the bound that prices prove."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from exclusion.errors import ContractError
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


def capacity_bound(task: Task, price: Ints) -> int:
    """Return the most people any plan can serve, by prices in millionths, in whole numbers.

    sum w mu + the sessions that could take most: each fills up with the people in its reach of the lowest price mu, at
    1 - mu each. True for any mu from 0 to 1.
    """
    model, capacity, most, fixed, pick = task.model, task.capacity, task.most, task.fixed, task.pick
    if len(price) != model.row_count or (price < 0).any() or (price > SHARE_SCALE).any():
        raise ContractError(
            "The certificate's prices must be one share from 0 to 1 for every row of the problem."
        )
    row = model.row_of_pair
    order = np.lexsort((row, price[row], model.columns))
    column, own = model.columns[order].astype(np.int64), row[order]
    weight = model.weight[own]
    before = np.cumsum(weight) - weight
    start = np.searchsorted(column, column)
    before = before - before[start]
    levels = int(most.max(initial=1))
    worth = np.zeros((model.column_count, levels), dtype=np.int64)
    for level in range(levels):
        low = np.where(most[column] > level, level * capacity[column], 0)
        high = np.where(most[column] > level, (level + 1) * capacity[column], 0)
        part = np.clip(np.minimum(before + weight, high) - np.maximum(before, low), 0, None)
        np.add.at(worth[:, level], column, part * (SHARE_SCALE - price[own]))
    fixed_worth = sum(
        int(worth[place, number]) for place in np.flatnonzero(fixed) for number in range(int(fixed[place]))
    )
    for number in range(levels):
        worth[fixed > number, number] = 0
    flat = np.sort(worth.reshape(-1))[::-1]
    best = int(flat[:pick].sum())
    if model.cost is not None and model.budget is not None:
        # the budget alone: sessions by worth per money, the last one in part (rounded up)
        cost = np.repeat(model.cost, levels)
        rate = np.argsort(-(worth.reshape(-1) / np.maximum(cost, 1)), kind="stable")
        left, filled = task.money, 0
        for item in rate:
            value, price_of_it = int(worth.reshape(-1)[item]), int(cost[item])
            if value <= 0:
                break
            if price_of_it <= left:
                filled, left = filled + value, left - price_of_it
            else:
                filled += -(-value * left // price_of_it)
                break
        best = min(best, filled)
    return (int((model.weight * price).sum()) + fixed_worth + best) // SHARE_SCALE
