"""Venues that can help only so many people: who is served where, proven as far as prices and HiGHS reach.

    max sum x_ij;  sum_j x_ij <= w_i;  sum_i x_ij <= C_j y_j;  sum_j y_j <= k;  y_j whole sessions, x_ij people

Venues cannot stand for one another here (two halls side by side help twice as many), so only rows are merged.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.siting.capacity_prices import Tightened, add_cuts, add_strong, tightened_prices
from exclusion.siting.capacity_task import SHARE_SCALE, Task, capacity_bound, merged, task_of, whole_model
from exclusion.siting.certificate import Prices
from exclusion.siting.conditions import Ints
from exclusion.siting.formulation import Rows, at_most, linear_model
from exclusion.siting.instance import Instance
from exclusion.siting.model import Model
from exclusion.siting.plan import Certificate, Proof
from exclusion.siting.problem import Effort
from exclusion.siting.search import padded_groups
from exclusion.siting.solver import Progress, SolverProcess

# with so few pairs all strong rows x <= w y pay; above, only those that the linear programmes found to matter
_STRONG_PAIRS_AT_MOST = 4_000
_EXACT_PAIRS_AT_MOST = 60_000
_CHUNKS = 10
# how many additions are tried for each closing, best bound first
_TRIES = 12
# people a floor falls short count so much against a plan while exchanges are made
_SHORTFALL_PRICE = 10.0
_PRICE_STEPS = 3000


def capacity_of_hours(
    hours_per_week: npt.ArrayLike, *, people_per_hour: float, weeks: float, visits_per_person: float
) -> npt.NDArray[np.float64]:
    """Return how many people a champion can help: hours a week x people an hour x weeks / visits each needs.

    Null hours stay null: give them a value before they are used as a capacity.
    """
    if not (people_per_hour > 0 and weeks > 0 and visits_per_person > 0):
        raise InputError("People per hour, weeks and visits per person must all be above 0.")
    hours = np.asarray(hours_per_week, dtype=np.float64)
    return np.asarray(hours * people_per_hour * weeks / visits_per_person)


def choose_within_capacity(
    instance: Instance, effort: Effort, process: SolverProcess, progress: Progress
) -> Proof:
    """Choose venues (sessions) that serve the most people within their capacities."""
    whole = whole_model(instance)
    small, member_of = merged(whole)
    task = task_of(instance, small)
    log: list[dict[str, Any]] = [
        {
            "step": "reduce",
            "rows": whole.row_count,
            "rows_left": small.row_count,
            "pairs_left": len(small.columns),
        }
    ]
    progress(f"{whole.row_count:,} demand rows merge to {small.row_count:,}; {small.column_count:,} venues")
    count = _exchanged(task, instance, effort, progress)
    value, is_held = task.served(count)[0], task.is_fair(count)
    log.append({"step": "exchanges", "value": value / instance.scale})
    tight = _priced(task, instance, value, effort, process, log, progress)
    priced = tight.bound
    progress(f"price bound: at most {priced / instance.scale:,.0f}")
    bound, is_infeasible = priced, False
    is_open = value < bound or not is_held
    if effort.is_exact_tried and is_open and len(small.columns) <= _EXACT_PAIRS_AT_MOST:
        found, exact, is_infeasible = _exact(task, instance, tight, effort, process, log, progress)
        bound = min(bound, exact)
        if found is not None and task.is_fair(found) and (task.served(found)[0] > value or not is_held):
            count, is_held = found, True
    if not is_held:
        raise InputError(_no_floor(instance, small, is_infeasible=is_infeasible))
    value, flow, slot = task.served(count)
    chosen = np.flatnonzero((count > 0) & ~np.isin(small.venue, instance.keep))
    share = np.array([int(flow[:, slot[column]].sum()) for column in chosen], dtype=np.int64)
    chosen = chosen[np.argsort(-share, kind="stable")]
    sessions = np.ones(instance.venue_count, dtype=np.int64)
    sessions[small.venue[chosen]] = count[chosen]
    none = np.empty(0, dtype=np.int64)
    cuts = tuple(replace(cut, rows=np.flatnonzero(np.isin(member_of, cut.rows))) for cut in tight.cuts)
    prices = Prices(row=tight.row[member_of], floor=none, budget=0, dominated=none.reshape(0, 2), cuts=cuts)
    return Proof(
        columns=chosen[~np.isin(small.venue[chosen], instance.must)],
        model=small,
        value=value,
        bound=max(bound, value),
        certificate=Certificate(prices=prices, bound=priced, pick=task.pick),
        is_proven=value >= bound,
        log=log,
        cpu_seconds=process.cpu_seconds,
        sessions=sessions,
        served=_allocation(whole, small, member_of, flow, slot),
    )


def _exchanged(task: Task, instance: Instance, effort: Effort, progress: Progress) -> Ints:
    """Return sessions by column after rounds of exchanges."""
    from exclusion.siting import capacity_kernels

    model = task.model
    group, places = padded_groups(model)
    state = np.array([effort.seed * 2654435761 + 12345], dtype=np.uint64)
    count = task.fixed.copy()
    rounds = effort.search_rounds if effort.search_rounds is not None else _rounds(model, task.slots)
    floor_row = model.floor_weight > 0
    everybody = int(model.weight.sum())
    progress("exchanges: starting (the first time on a machine its loops are compiled, some 30 s)")
    for chunk in range(_CHUNKS):
        left, money = _left(task, group, places, count)
        capacity_kernels.exchange(
            count, task.fixed, task.most, task.pick, task.capacity, task.order, model.weight, model.indptr,
            model.columns, task.column_pointers, task.column_rows, task.slots, group, left, task.cost, money,
            floor_row, _SHORTFALL_PRICE if len(floor_row) else 0.0, model.floor_required,
            max(rounds // _CHUNKS, 1), _TRIES, state,
        )  # fmt: skip
        value = task.served(count)[0]
        done = 100 * (chunk + 1) // _CHUNKS
        progress(f"exchanges: {value / instance.scale:,.0f} served after {done}% of the rounds")
        if value >= everybody:
            break
    return count


def _priced(
    task: Task,
    instance: Instance,
    value: int,
    effort: Effort,
    process: SolverProcess,
    log: list[dict[str, Any]],
    progress: Progress,
) -> Tightened:
    """Return prices and the bound they prove: from linear programmes with cuts, or from a walk where those are too large."""
    if len(task.model.columns) <= _EXACT_PAIRS_AT_MOST:
        tight = tightened_prices(
            task,
            value,
            instance.scale,
            process,
            seconds=max(effort.exact_seconds, 60.0),
            log=log,
            progress=progress,
        )
        if tight is not None:
            return tight
    progress("price bound: walking")
    row = _walked(task, value)
    none = np.empty(0, dtype=np.int64)
    bound = capacity_bound(task, row)
    log.append({"step": "price walk", "bound": bound / instance.scale})
    return Tightened(row=row, cuts=(), bound=bound, strong=none, all_cuts=())


def _walked(task: Task, value: int) -> Ints:
    """Return prices in millionths after a subgradient walk towards the value in hand."""
    from exclusion.siting import capacity_kernels

    model = task.model
    price = capacity_kernels.walk_capacity_prices(
        model.indptr, model.columns, model.weight, task.capacity, task.most, task.fixed, task.pick,
        np.full(model.row_count, 0.5), float(value), _PRICE_STEPS,
    )  # fmt: skip
    return np.asarray(np.rint(price * SHARE_SCALE).astype(np.int64))


def _rounds(model: Model, slots: int) -> int:
    return int(np.clip(40_000_000 // (len(model.columns) * max(slots, 1)), 10, 400))


def _left(task: Task, group: Ints, places: Ints, count: Ints) -> tuple[Ints, int]:
    """Return places and money left beside the sessions held; those of kept and forced venues were taken off before."""
    left = places.copy()
    for column in np.flatnonzero((count > 0) & (task.fixed == 0)):
        left[0, group[0, column]] -= 1
        left[1, group[1, column]] -= 1
    return left, int(task.money - int(((count - task.fixed) * task.cost).sum()))


def _no_floor(instance: Instance, model: Model, *, is_infeasible: bool) -> str:
    floor = instance.floors[0]
    most = int(model.floor_weight[0].sum()) / int(instance.weight[floor.rows].sum())
    if most < floor.required / int(instance.weight[floor.rows].sum()):
        return (
            f"Only {100 * most:.1f}% of the people in {floor.label} are within the limit of any venue: lower that share,"
            " add candidates there or raise the limit."
        )
    why = "cannot be met" if is_infeasible else "could not be met in the time given"
    return (
        f"The least share of people served in {floor.label} {why} by {instance.pick} venues with these capacities: lower"
        " the share, choose more venues or raise their capacities."
    )


def _exact(
    task: Task,
    instance: Instance,
    tight: Tightened,
    effort: Effort,
    process: SolverProcess,
    log: list[dict[str, Any]],
    progress: Progress,
) -> tuple[Ints | None, int, bool]:
    """Ask HiGHS; return its sessions, the bound it proved, and whether nothing is allowed."""
    model, capacity, most, fixed, pick = task.model, task.capacity, task.most, task.fixed, task.pick
    n, m, pairs = model.row_count, model.column_count, len(model.columns)
    row, index = model.row_of_pair, np.arange(pairs)
    scale = float(instance.scale)
    rows = Rows()
    rows.add(row, m + index, 1.0, at_most(model.weight / scale, n))
    rows.add(
        np.concatenate((model.columns, np.arange(m))),
        np.concatenate((m + index, np.arange(m))),
        np.concatenate((np.ones(pairs), -capacity / scale)),
        at_most(0.0, m),
    )
    add_strong(rows, task, instance.scale, index if pairs <= _STRONG_PAIRS_AT_MOST else tight.strong)
    add_cuts(rows, task, instance.scale, tight.all_cuts)
    rows.add(np.zeros(m), np.arange(m), 1.0, at_most(pick + int(fixed.sum()), 1))
    extra = m + pairs
    total = m + pairs
    if model.partitions:
        # quotas count venues, however many sessions each holds
        is_open = extra + np.arange(m)
        total += m
        rows.add(
            np.concatenate((np.arange(m), np.arange(m))),
            np.concatenate((np.arange(m), is_open)),
            np.concatenate((np.ones(m), -most.astype(np.float64))),
            at_most(0.0, m),
        )
        for group, left in model.partitions:
            is_in = (group >= 0) & (fixed == 0)
            rows.add(group[is_in], is_open[is_in], 1.0, at_most(left, len(left)))
    if model.cost is not None and model.budget is not None:
        spent = int((model.cost * np.isin(model.venue, instance.keep)).sum())
        rows.add(np.zeros(m), np.arange(m), model.cost / 100, at_most((model.budget + spent) / 100, 1))
    for number, required in enumerate(model.floor_required):
        inside = np.flatnonzero((model.floor_weight[number] > 0)[row])
        rows.add(np.zeros(len(inside)), m + inside, 1.0, np.array([[required / scale, np.inf]]))
    objective = np.zeros(total)
    objective[m : m + pairs] = 1.0
    upper = np.concatenate((most.astype(np.float64), model.weight[row] / scale, np.ones(total - m - pairs)))
    integer = np.zeros(total, dtype=np.int32)
    integer[:m] = 1
    linear = linear_model(rows, objective, upper, integer)
    lower = linear.lower.copy()
    lower[:m] = fixed
    progress(f"exact search: {n:,} rows, {m:,} venues, {pairs:,} pairs")
    answer = process.solve(
        replace(linear, lower=lower),
        seconds=effort.exact_seconds,
        options={"mip_rel_gap": 0.0, "mip_abs_gap": 0.999 / scale},
        progress=progress,
    )
    log.append(
        {
            "step": "exact",
            "status": answer.status,
            "objective": float(answer.objective) if np.isfinite(answer.objective) else None,
            "bound": float(answer.bound) if np.isfinite(answer.bound) else None,
            "nodes": answer.nodes,
        }
    )
    if answer.status == "infeasible":
        return None, 1 << 60, True
    found = None if answer.values is None else np.rint(answer.values[:m]).astype(np.int64)
    bound = 1 << 60
    if answer.status == "optimal":
        bound = int(np.floor(answer.objective * scale + 0.5))
    elif np.isfinite(answer.bound):
        bound = int(np.floor(answer.bound * scale * (1 + 1e-9) + 0.999))
    return found, bound, False


def _allocation(whole: Model, small: Model, member_of: Ints, flow: Ints, slot: Ints) -> Ints:
    """Share a merged row's places among its members; return (demand row, venue, people) triples."""
    triples = []
    column_of = {int(place): column for column, place in enumerate(slot) if place >= 0}
    left = flow.copy()
    members = np.argsort(member_of, kind="stable")
    for row in members.tolist():
        need, group = int(whole.weight[row]), int(member_of[row])
        for place in np.flatnonzero(left[group]):
            part = min(need, int(left[group, place]))
            if part:
                left[group, place] -= part
                need -= part
                triples.append((int(whole.demand[row]), int(small.venue[column_of[int(place)]]), part))
    return np.array(triples, dtype=np.int64).reshape(-1, 3)
