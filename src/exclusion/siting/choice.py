"""Choose venues: one call from a problem to a plan with a bound, and one for a whole frontier of plans."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from exclusion.errors import InputError
from exclusion.siting.certificate import Prices, bound_of
from exclusion.siting.engine import Solution, solve
from exclusion.siting.greedy import Standing, greedy, is_allowed_set, value_of
from exclusion.siting.instance import Instance, Ints, instance_of
from exclusion.siting.model import Model, kept_part, model_of, reduced
from exclusion.siting.plan import Certificate, Plan, Proof, plan_of
from exclusion.siting.problem import Effort, Problem
from exclusion.siting.solver import Progress, SolverProcess, silent

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
        return _fewest(problem, instance, effort, process, progress)
    if instance.goal == "worst_time":
        return _worst_time(problem, instance, effort, process, progress)
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
    columns = _allowed_columns(problem, instance, model, found, effort, process)
    columns, log = _shorter_times(instance, model, columns)
    return Proof(
        columns=_in_order(model, columns),
        model=model,
        value=found.value,
        bound=found.bound,
        certificate=Certificate(prices=found.prices, bound=found.priced_bound, pick=model.pick),
        is_proven=found.is_proven,
        log=[*found.log, *log],
        cpu_seconds=process.cpu_seconds,
    )


def _allowed_columns(
    problem: Problem,
    instance: Instance,
    model: Model,
    found: Solution,
    effort: Effort,
    process: SolverProcess,
) -> Ints:
    if found.columns is not None:
        return found.columns
    raise InputError(_why_not(problem, instance, model, found, effort, process))


def _why_not(
    problem: Problem,
    instance: Instance,
    model: Model,
    found: Solution,
    effort: Effort,
    process: SolverProcess,
) -> str:
    """Say which floor cannot be met, and what could be met instead."""
    limit = f"within {problem.limit_min:g} minutes"
    for number, floor in enumerate(instance.floors):
        alone = _floor_alone(model, number)
        best = solve(alone, instance.scale, effort, process)
        total = int(instance.weight[floor.rows].sum())
        missing = floor.required - int(model.floor_required[number])
        reach = missing + best.bound
        if reach < floor.required:
            return (
                f"{_plan_size(problem, instance)} cannot bring {100 * floor.required / total:.0f}% of the"
                f" {problem.weight_name} in {floor.label} {limit}: at most"
                f" {np.floor(1000 * reach / total) / 10:.1f}% is possible, so lower that share, choose more venues, add"
                " candidates there or raise the limit."
            )
    if found.is_infeasible and len(instance.floors) > 1:
        return (
            f"{_plan_size(problem, instance)} can meet each of the {len(instance.floors)} floors alone but not all"
            f" together {limit}: lower the shares, choose more venues or raise the limit."
        )
    return (
        f"No plan that meets the floors was found in {effort.exact_seconds:g} seconds, and none was proven impossible:"
        " give the exact solver more seconds, or lower the shares."
    )


def _plan_size(problem: Problem, instance: Instance) -> str:
    if problem.choose is None:
        return "The budget"
    return f"{instance.pick} venue{'s' if instance.pick != 1 else ''}"


def _floor_alone(model: Model, number: int) -> Model:
    """Return the model whose value is one floor's people."""
    weight = model.floor_weight[number]
    row = model.row_of_pair
    return replace(
        model,
        values=weight[row],
        weight=weight,
        is_uniform=True,
        second=None,
        base=0,
        penalty=0,
        floor_weight=np.zeros((0, model.row_count), dtype=np.int64),
        floor_required=np.zeros(0, dtype=np.int64),
    )


def _in_order(model: Model, columns: Ints) -> Ints:
    """Return chosen columns in the order in which each adds most; those that add nothing come last."""
    is_in = np.zeros(model.column_count, dtype=bool)
    is_in[columns] = True
    part = kept_part(replace(model, penalty=0, cost=None, budget=None, partitions=()), is_in)
    order = np.searchsorted(model.venue, part.venue[greedy(part, pick=len(columns))])
    return np.concatenate((order, np.setdiff1d(columns, order))).astype(np.int64)


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


def _fewest(
    problem: Problem, instance: Instance, effort: Effort, process: SolverProcess, progress: Progress
) -> Proof:
    model = model_of(instance)
    everything = value_of(model, np.arange(model.column_count))
    if everything < instance.required:
        total = int(instance.weight.sum())
        raise InputError(
            f"All {instance.venue_count} venues together bring only {np.floor(1000 * everything / total) / 10:.1f}% of the"
            f" {problem.weight_name} within {problem.limit_min:g} minutes, so {problem.share_pct:g}% cannot be reached: ask"
            " for less, add venues or raise the limit."
        )
    floored = model.floor_required.copy()
    if model.base >= instance.required and not floored.any():
        nothing = np.zeros(0, dtype=np.int64)
        row = np.zeros(model.row_count, dtype=np.int64)
        prices = Prices(row=row, floor=floored * 0, budget=0, dominated=nothing.reshape(0, 2))
        certificate = Certificate(prices=prices, bound=bound_of(model, prices, pick=0), pick=-1)
        return Proof(
            columns=nothing, model=model, value=model.base, bound=model.base, certificate=certificate,
            is_proven=True, log=[], cpu_seconds=process.cpu_seconds, fewest_bound=0,
        )  # fmt: skip
    order = greedy(model)
    enough = np.flatnonzero(
        np.array([value_of(model, order[: n + 1]) for n in range(len(order))]) >= instance.required
    )
    best = solve(model, instance.unit, effort, process, starts=(order,), enough=instance.required)
    columns = _allowed_columns(problem, instance, model, best, effort, process)
    if len(enough) and not floored.any() and enough[0] + 1 < len(columns):
        columns = order[: enough[0] + 1]
    if value_of(model, columns) < instance.required:
        raise InputError(_too_few(problem, instance, best))
    log = list(best.log)
    while True:
        fewer = replace(model, pick=len(columns) - 1)
        progress(f"{len(columns)} venues are enough; are {len(columns) - 1}?")
        below = solve(fewer, instance.unit, effort, process, starts=(columns[:-1],), enough=instance.required)
        log += below.log
        if below.columns is None or below.value < instance.required:
            break
        columns = below.columns
    is_proven = below.is_infeasible or below.bound < instance.required
    lower = len(columns) if is_proven else 0
    certificate = _fewest_certificate(fewer, below.prices, instance.required)
    exact = solve(
        replace(model, pick=len(columns)),
        instance.unit,
        effort,
        process,
        starts=(columns,),
        progress=progress,
    )
    if exact.columns is not None and exact.value >= value_of(model, columns):
        columns = exact.columns
        log += exact.log
    return Proof(
        columns=_in_order(model, columns),
        model=model,
        value=value_of(model, columns),
        bound=max(exact.bound, value_of(model, columns)),
        certificate=certificate,
        is_proven=is_proven,
        log=log,
        cpu_seconds=process.cpu_seconds,
        fewest_bound=max(lower, certificate.pick + 1),
    )


def _too_few(problem: Problem, instance: Instance, best: Solution) -> str:
    aim = f"{problem.share_pct:g}% of the {problem.weight_name} within {problem.limit_min:g} minutes"
    if best.bound < instance.required:
        most = 100 * best.bound / int(instance.weight.sum())
        return (
            f"{_plan_size(problem, instance)} cannot bring {aim}: at most {most:.1f}% is possible under the conditions"
            " given, so choose more venues or ask for less."
        )
    return (
        f"{_plan_size(problem, instance)} were not found to bring {aim} in the time given: give the exact solver more"
        " seconds or choose more venues."
    )


def _fewest_certificate(model: Model, prices: Prices, required: int) -> Certificate:
    """Return the largest number of venues that the prices show to be too few."""
    low, high = -1, model.pick
    while low < high:
        middle = (low + high + 1) // 2
        if bound_of(model, prices, pick=middle) < required:
            low = middle
        else:
            high = middle - 1
    return Certificate(prices=prices, bound=bound_of(model, prices, pick=max(low, 0)), pick=low)


def _worst_time(
    problem: Problem, instance: Instance, effort: Effort, process: SolverProcess, progress: Progress
) -> Proof:
    """Find the shortest longest time by halving the list of times, one covering question for each."""
    pairs = np.repeat(np.arange(len(instance.weight), dtype=np.int64), np.diff(instance.indptr))
    is_open = ~np.isin(instance.columns, instance.never) & (instance.weight[pairs] > 0)
    is_counted = np.zeros(len(instance.weight), dtype=bool)
    is_counted[pairs[is_open]] = True
    weight = is_counted.astype(np.int64)
    total = int(weight.sum())
    times = np.unique(instance.hundredths[is_open]).astype(np.int64)
    log: list[dict[str, Any]] = []

    def ask(number: int, starts: tuple[Ints, ...]) -> tuple[Model, Solution]:
        model = model_of(instance, at=int(times[number]), weight=weight)
        places = tuple(np.flatnonzero(np.isin(model.venue, venues)) for venues in starts)
        progress(f"is everybody within {times[number] / 100:g} minutes?")
        found = solve(model, 1, effort, process, starts=places, enough=total)
        log.extend(found.log)
        return model, found

    high = len(times) - 1
    model, found = ask(high, ())
    if found.columns is None:
        raise InputError(_why_not(problem, instance, model, found, effort, process))
    if found.value < total:
        missed = total - found.value
        raise InputError(
            f"{_plan_size(problem, instance)} cannot bring everybody within {problem.limit_min:g} minutes: at least"
            f" {total - found.bound if found.bound < total else missed:,} of {total:,} demand rows stay beyond, so choose"
            " more venues, compute times further out, or ask for the most people within a limit instead."
        )
    best_model, best = model, found
    low, undecided = -1, False
    proof: tuple[int, Solution] | None = None
    while high - low > 1:
        middle = (low + high) // 2
        assert best.columns is not None
        model, found = ask(middle, (best_model.venue[best.columns],))
        if found.columns is not None and found.value >= total:
            high, best_model, best = middle, model, found
        else:
            undecided |= not (found.bound < total or found.is_infeasible)
            low, proof = middle, (middle, found) if found.bound < total or found.is_infeasible else proof
    at, prices, priced = _worst_certificate(instance, times, proof, weight)
    assert best.columns is not None
    lower = int(times[proof[0] + 1]) if proof is not None else int(times[0])
    return Proof(
        columns=_in_order(best_model, best.columns),
        model=best_model,
        value=int(times[high]),
        bound=lower if undecided else int(times[high]),
        certificate=Certificate(prices=prices, bound=priced, pick=best_model.pick, at=at),
        is_proven=not undecided,
        log=log,
        cpu_seconds=process.cpu_seconds,
    )


def _worst_certificate(
    instance: Instance, times: Ints, proof: tuple[int, Solution] | None, weight: Ints
) -> tuple[int | None, Prices, int]:
    if proof is None:
        empty = np.empty(0, dtype=np.int64)
        return None, Prices(row=empty, floor=empty, budget=0, dominated=empty.reshape(0, 2)), 0
    at = int(times[proof[0]])
    return at, proof[1].prices, bound_of(model_of(instance, at=at, weight=weight), proof[1].prices)
