"""Choose venues: one call from a problem to a plan with a bound, and one for a whole frontier of plans."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from exclusion.errors import InputError
from exclusion.siting.conditions import Ints
from exclusion.siting.engine import solve
from exclusion.siting.greedy import Standing, in_order, is_allowed_set, value_of
from exclusion.siting.instance import Instance, instance_of
from exclusion.siting.model import Model, model_of, reduced
from exclusion.siting.plan import Certificate, Plan, Proof, plan_of
from exclusion.siting.problem import Effort, Problem
from exclusion.siting.refusals import allowed_columns
from exclusion.siting.solver import Progress, SolverProcess, silent
from exclusion.siting.thresholds import fewest_venues, shortest_worst_time

# second-phase swaps look at every pair once for each chosen venue; beyond this they are left out, and the log says so
_TIE_WORK_AT_MOST = 20_000_000


def choose(problem: Problem, effort: Effort | None = None, progress: Progress = silent) -> Plan:
    """Choose venues for a problem, with a bound that no plan can exceed and the prices that prove it.

    Among plans worth the same, one with a shorter mean travel time is taken (as Esri's location-allocation does).
    Raises InputError with one sentence that says what to change where the request cannot be met.
    """
    effort = effort or Effort()
    instance = instance_of(problem)
    with SolverProcess(grace_seconds=effort.grace_seconds, seed=effort.seed) as process:
        return plan_of(problem, instance, choose_instance(problem, instance, effort, process, progress))


def choose_instance(
    problem: Problem,
    instance: Instance,
    effort: Effort,
    process: SolverProcess,
    progress: Progress = silent,
) -> Proof:
    """Solve a checked problem with a solver process that may serve several."""
    if instance.goal == "capacity":
        from exclusion.siting.capacity import choose_within_capacity

        return choose_within_capacity(instance, effort, process, progress)
    if instance.goal == "fewest":
        return fewest_venues(problem, instance, effort, process, progress)
    if instance.goal == "worst_time":
        return shortest_worst_time(problem, instance, effort, process, progress)
    return _best_value(problem, instance, effort, process, progress)


def frontier(
    problem: Problem, choose_up_to: int, effort: Effort | None = None, progress: Progress = silent
) -> list["FrontierPoint"]:
    """Return the best plan for every number of new venues from 1 to `choose_up_to`, each with its bound.

    Works for the goals that have a value to maximise (cover, backup, gradual, mean_time). Ends early, with a
    progress line, at the number from which no further venue adds anybody.
    """
    effort = effort or Effort()
    if problem.goal not in ("cover", "backup", "gradual", "mean_time"):
        raise InputError(
            f"A frontier over the number of venues has no meaning for the goal {problem.goal!r}."
        )
    if choose_up_to < 1:
        raise InputError("A frontier needs at least one number of venues: give choose_up_to of 1 or more.")
    asked = replace(problem, choose=max(choose_up_to, len(problem.must)), is_keep_counted=False)
    free = len(problem.venues) - len(set(problem.keep)) - len(set(problem.never))
    asked = replace(asked, choose=max(1, min(asked.choose or 1, free)))
    instance = instance_of(asked)
    whole = model_of(instance)
    points: list[FrontierPoint] = []
    last: Ints = np.empty(0, dtype=np.int64)
    reduction = reduced(whole)
    # many solves of one problem: a short search for each is enough to start the proof from
    brief = effort if effort.search_rounds is not None else replace(effort, search_rounds=400)
    everything = value_of(whole, np.arange(whole.column_count)) if not whole.penalty else None
    with SolverProcess(grace_seconds=effort.grace_seconds, seed=effort.seed) as process:
        for pick in range(1, whole.pick + 1):
            model = replace(whole, pick=pick)
            starts = (_one_more(model, last),)
            found = solve(
                model, instance.unit, brief, process, starts=starts, reduction=reduction, is_search_first=True
            )
            if found.columns is None:
                progress(f"{pick + len(instance.must)} venues cannot meet the floors")
                continue
            last = found.columns
            number = pick + len(instance.must)
            points.append(
                FrontierPoint(
                    choose=number,
                    value=found.value / instance.unit,
                    bound=found.bound / instance.unit,
                    is_proven=found.is_proven,
                    venue=tuple(whole.venue[found.columns].tolist()),
                )
            )
            progress(
                f"{number} venues: {found.value / instance.unit:,.0f} of at most {found.bound / instance.unit:,.0f}"
            )
            if everything is not None and found.value >= everything:
                progress(f"no further venue adds anybody after {number}")
                break
    if not points:
        raise InputError(
            "No number of venues up to that can meet the floors: lower the floors or choose more."
        )
    return points


def kept_value(problem: Problem) -> float:
    """Return what the kept venues are worth by the problem's goal without any new one, in the unit of a frontier."""
    instance = instance_of(replace(problem, must=(), choose=1, is_keep_counted=False))
    return model_of(instance).base / instance.unit


@dataclass(frozen=True, kw_only=True)
class FrontierPoint:
    """Hold the best plan of `choose` new venues: value and bound in people, venues as positions in the table."""

    choose: int
    value: float
    bound: float
    is_proven: bool
    venue: tuple[int, ...]


def _one_more(model: Model, columns: Ints) -> Ints:
    standing = Standing(model)
    for column in columns:
        standing.open(int(column))
    gain = np.where(standing.allowed(), standing.gain, 0)
    if len(gain) and gain.max() > 0 and len(columns) < model.pick:
        return np.append(columns, np.argmax(gain))
    return columns


def _best_value(
    problem: Problem, instance: Instance, effort: Effort, process: SolverProcess, progress: Progress
) -> Proof:
    model = model_of(instance)
    found = solve(model, instance.unit, effort, process, progress=progress)
    columns = allowed_columns(problem, instance, model, found, effort, process)
    columns, log = _shorter_times(instance, model, columns)
    return Proof(
        columns=in_order(model, columns),
        model=model,
        value=found.value,
        bound=found.bound,
        certificate=Certificate(prices=found.prices, bound=found.priced_bound, pick=model.pick),
        is_proven=found.is_proven,
        log=[*found.log, *log],
        cpu_seconds=process.cpu_seconds,
    )


def _shorter_times(instance: Instance, model: Model, columns: Ints) -> tuple[Ints, list[dict[str, Any]]]:
    """Exchange venues while that leaves the value as it is and shortens the mean travel time."""
    if instance.goal != "cover" or not len(columns):
        return columns, []
    if len(columns) * len(model.columns) > _TIE_WORK_AT_MOST:
        return columns, [{"step": "shorter times among equals", "is_skipped": True}]
    times = model_of(replace(instance, goal="mean_time", floors=(), penalty=0))
    place = np.searchsorted(times.venue, model.venue)
    value, current = value_of(model, columns), columns.copy()
    swaps = 0
    is_changed = True
    while is_changed and swaps < 200:
        is_changed = False
        for position in range(len(current)):
            rest = np.delete(current, position)
            cover, time = Standing(model), Standing(times)
            for column in rest:
                cover.open(int(column))
                time.open(int(place[column]))
            needed = cover.gain[current[position]]
            is_equal = (cover.gain == needed) & ~cover.is_open
            gain = np.where(is_equal, time.gain[place], -1)
            for candidate in np.argsort(-gain, kind="stable")[:5]:
                if gain[candidate] <= gain[current[position]]:
                    break
                swapped = np.append(rest, candidate)
                if (
                    is_allowed_set(model, swapped)
                    and _holds(model, swapped)
                    and value_of(model, swapped) == value
                ):
                    current, is_changed, swaps = np.sort(swapped), True, swaps + 1
                    break
    return current, [{"step": "shorter times among equals", "swaps": swaps}]


def _holds(model: Model, columns: Ints) -> bool:
    from exclusion.siting.greedy import floors_held

    return bool(floors_held(model, columns).all())
