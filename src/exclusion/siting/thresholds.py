"""The goals that ask how little is enough: the fewest venues for a share of the people, the shortest longest time."""

from dataclasses import replace
from typing import Any

import numpy as np

from exclusion.errors import InputError
from exclusion.siting.certificate import Prices, bound_of
from exclusion.siting.conditions import Ints
from exclusion.siting.engine import Solution, solve
from exclusion.siting.greedy import greedy, in_order, value_of
from exclusion.siting.instance import Instance
from exclusion.siting.model import Model, model_of
from exclusion.siting.plan import Certificate, Proof
from exclusion.siting.problem import Effort, Problem
from exclusion.siting.refusals import allowed_columns, plan_size, why_not
from exclusion.siting.solver import Progress, SolverProcess


def fewest_venues(
    problem: Problem, instance: Instance, effort: Effort, process: SolverProcess, progress: Progress
) -> Proof:
    """Find the fewest venues that bring a share of all people within the limit, asking for one number after another."""
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
    columns = allowed_columns(problem, instance, model, best, effort, process)
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
        columns=in_order(model, columns),
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
            f"{plan_size(problem, instance)} cannot bring {aim}: at most {most:.1f}% is possible under the conditions"
            " given, so choose more venues or ask for less."
        )
    return (
        f"{plan_size(problem, instance)} were not found to bring {aim} in the time given: give the exact solver more"
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


def shortest_worst_time(
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
        raise InputError(why_not(problem, instance, model, found, effort, process))
    if found.value < total:
        missed = total - found.value
        raise InputError(
            f"{plan_size(problem, instance)} cannot bring everybody within {problem.limit_min:g} minutes: at least"
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
        columns=in_order(best_model, best.columns),
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
