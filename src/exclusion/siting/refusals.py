"""Why nothing can be chosen: which floor cannot be met, and what could be met instead."""

from dataclasses import replace

import numpy as np

from exclusion.errors import InputError
from exclusion.siting.conditions import Ints
from exclusion.siting.engine import Solution, solve
from exclusion.siting.instance import Instance
from exclusion.siting.model import Model
from exclusion.siting.problem import Effort, Problem
from exclusion.siting.solver import SolverProcess


def allowed_columns(
    problem: Problem,
    instance: Instance,
    model: Model,
    found: Solution,
    effort: Effort,
    process: SolverProcess,
) -> Ints:
    """Return the columns a solver found; InputError says why there are none."""
    if found.columns is not None:
        return found.columns
    raise InputError(why_not(problem, instance, model, found, effort, process))


def why_not(
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
                f"{plan_size(problem, instance)} cannot bring {100 * floor.required / total:.0f}% of the"
                f" {problem.weight_name} in {floor.label} {limit}: at most"
                f" {np.floor(1000 * reach / total) / 10:.1f}% is possible, so lower that share, choose more venues, add"
                " candidates there or raise the limit."
            )
    if found.is_infeasible and len(instance.floors) > 1:
        return (
            f"{plan_size(problem, instance)} can meet each of the {len(instance.floors)} floors alone but not all"
            f" together {limit}: lower the shares, choose more venues or raise the limit."
        )
    return (
        f"No plan that meets the floors was found in {effort.exact_seconds:g} seconds, and none was proven impossible:"
        " give the exact solver more seconds, or lower the shares."
    )


def plan_size(problem: Problem, instance: Instance) -> str:
    """Name the size of a plan in a sentence."""
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
