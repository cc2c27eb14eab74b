"""The steps every goal shares: reduce, start greedily, bound by prices, prove exactly, search where proof is out of reach."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.siting.certificate import Prices, bound_of, lifted, prices_of
from exclusion.siting.conditions import Ints
from exclusion.siting.exact import log_entry, solve_exactly, undecided
from exclusion.siting.formulation import formulation_of, prices_from
from exclusion.siting.greedy import floors_held, greedy, value_of
from exclusion.siting.incumbent import Incumbent
from exclusion.siting.model import PRICE_SCALE, Model, Reduction, reduced
from exclusion.siting.problem import Effort
from exclusion.siting.solver import Progress, SolverProcess, silent

# above so many pairs with values of their own, prices come from a subgradient walk instead of a linear programme
_ASSIGNMENT_PAIRS_AT_MOST = 4_000
# above so many pairs HiGHS's interior point is quicker than its simplex (measured in docs/method-siting.md)
_SIMPLEX_PAIRS_AT_MOST = 250_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Solution:
    """Hold columns of a model in order, their value, and what no plan can exceed.

    `bound` is the lowest bound known, `priced_bound` the one the `prices` prove without a solver; `is_proven` says
    that no better plan exists. `columns` is None where floors, quotas and number cannot be met together.
    """

    columns: Ints | None
    value: int
    bound: int
    priced_bound: int
    prices: Prices
    is_proven: bool
    is_infeasible: bool = False
    log: list[dict[str, Any]] = field(default_factory=list)


def solve(
    model: Model,
    unit: float,
    effort: Effort,
    process: SolverProcess,
    *,
    progress: Progress = silent,
    starts: tuple[Ints, ...] = (),
    enough: int | None = None,
    reduction: Reduction | None = None,
    is_search_first: bool = False,
) -> Solution:
    """Find the best set of columns of a model and prove it as far as the effort allows.

    `unit` is the number of value units in what is reported (a person). `starts` are sets of columns to begin from.
    With `enough` the search may end as soon as a plan is worth that much or none can be. `reduction` saves making it
    again for another number of venues; `is_search_first` puts local search before the exact search at any size.
    """
    reduction = reduced(model) if reduction is None else reduction
    small = replace(reduction.model, pick=model.pick)
    log: list[dict[str, Any]] = [
        {
            "step": "reduce",
            "rows": model.row_count,
            "rows_left": small.row_count,
            "venues": model.column_count,
            "venues_left": small.column_count,
            "pairs": len(model.columns),
            "pairs_left": len(small.columns),
        }
    ]
    progress(
        f"{model.row_count:,} demand rows and {model.column_count:,} venues reduce to {small.row_count:,} and"
        f" {small.column_count:,} without loss"
    )
    best = Incumbent(small, unit, progress)
    for columns in starts:
        best.offer(_among(columns, reduction.dominated, model, small), "start")
    best.offer(_greedy_start(small), "greedy")
    priced, prices = _priced_bound(small, unit, effort, process, best, log, progress)
    bound = priced
    is_done = best.is_proven(bound, enough)
    pairs = len(small.columns)
    is_infeasible = is_searched = False
    if not is_done and model.is_uniform and is_search_first:
        # a better plan lets the prices rule out more venues before the exact search
        is_searched = True
        _search(small, prices, effort, best, log, progress, unit)
        is_done = best.is_proven(bound, enough)
    if not is_done and effort.is_exact_tried and small.column_count:
        part, certain = undecided(small, prices, priced, best)
        if len(part.columns) <= effort.exact_pairs_at_most:
            exact, is_infeasible = solve_exactly(
                part, certain, small, unit, effort, process, best, log, progress
            )
            bound = min(bound, exact)
            is_done = best.is_proven(bound, enough) or is_infeasible
    if not is_done and small.column_count and pairs and not is_searched:
        _search(small, prices, effort, best, log, progress, unit)
    full = lifted(prices, reduction, model)
    full_bound = bound_of(model, full)
    if best.columns is None:
        return Solution(
            columns=None, value=0, bound=bound, priced_bound=full_bound, prices=full, is_proven=is_infeasible,
            is_infeasible=is_infeasible, log=log,
        )  # fmt: skip
    back = np.searchsorted(model.venue, small.venue[best.columns])
    value = best.value
    bound = max(min(bound, full_bound), value)
    return Solution(
        columns=back.astype(np.int64),
        value=value,
        bound=bound,
        priced_bound=full_bound,
        prices=full,
        is_proven=value >= bound,
        log=log,
    )


def _search(
    model: Model,
    prices: Prices,
    effort: Effort,
    best: "Incumbent",
    log: list[dict[str, Any]],
    progress: Progress,
    unit: float,
) -> None:
    from exclusion.siting.search import improved

    columns = improved(
        model,
        best.columns,
        prices,
        rounds=effort.search_rounds,
        seed=effort.seed,
        progress=progress,
        unit=unit,
    )
    best.offer(columns, "search")
    log.append({"step": "search", "value": best.value_in_units()})


def _among(columns: Ints, dominated: Ints, model: Model, small: Model) -> Ints:
    """Translate columns of a model to those of its reduction."""
    target = dict(dominated.tolist())
    kept = np.unique(np.array([target.get(int(column), int(column)) for column in columns], dtype=np.int64))
    place = np.searchsorted(small.venue, model.venue[kept])
    place = np.minimum(place, max(small.column_count - 1, 0))
    return np.asarray(place[small.venue[place] == model.venue[kept]]) if small.column_count else kept[:0]


def _greedy_start(model: Model) -> Ints | None:
    """Return a greedy set that holds the floors, pricing them higher until it does; None where that fails."""
    ways = [greedy(model)]
    if model.cost is not None:
        ways.append(greedy(model, is_by_cost=True))
    good = [way for way in ways if floors_held(model, way).all()]
    if good:
        return max(good, key=lambda way: value_of(model, way))
    step = max(1, int(model.weight.max()) // max(int(model.floor_weight.max()), 1))
    for power in range(-2, 8):
        is_held = floors_held(model, ways[0])
        price = np.where(is_held, 0, int(PRICE_SCALE * step * 2.0**power)).astype(np.int64)
        way = greedy(model, floor_price=price)
        if floors_held(model, way).all():
            return way
    return None


def _priced_bound(
    model: Model,
    unit: float,
    effort: Effort,
    process: SolverProcess,
    best: Incumbent,
    log: list[dict[str, Any]],
    progress: Progress,
) -> tuple[int, Prices]:
    """Find prices and the bound they prove: from a linear programme, or from a walk where that is too large."""
    nothing = prices_of(
        model,
        np.zeros(model.row_count, dtype=np.int64),
        np.zeros(len(model.floor_required), dtype=np.int64),
        0,
    )
    if not model.column_count:
        return bound_of(model, nothing), nothing
    if model.is_uniform or len(model.columns) <= _ASSIGNMENT_PAIRS_AT_MOST:
        is_large = len(model.columns) > _SIMPLEX_PAIRS_AT_MOST
        options: dict[str, Any] = {"solver": "ipm", "run_crossover": "off"} if is_large else {}
        formulation = formulation_of(model, unit, is_whole=False)
        progress("linear bound: solving")
        answer = process.solve(
            formulation.linear, seconds=max(effort.exact_seconds, 60.0), options=options, progress=progress
        )
        log.append(log_entry("linear bound", answer))
        if answer.duals is not None and answer.status == "optimal":
            prices = prices_of(model, *prices_from(formulation, model, answer))
            bound = bound_of(model, prices)
            progress(f"linear bound: at most {bound / unit:,.1f}")
            if answer.values is not None:
                best.offer(_rounded(model, answer.values[: model.column_count]), "linear plan")
            return bound, prices
        if answer.status == "infeasible":
            return bound_of(model, nothing), nothing
    from exclusion.siting.prices import walked_prices

    if not model.is_uniform:
        from exclusion.siting.search import improved

        columns = improved(
            model,
            best.columns,
            nothing,
            rounds=effort.search_rounds,
            seed=effort.seed,
            progress=progress,
            unit=unit,
        )
        best.offer(columns, "swaps")
    prices, ranking = walked_prices(model, best.columns, progress=progress, unit=unit)
    if not model.is_uniform and not best.is_proven(bound_of(model, prices), None):
        share = np.zeros(model.column_count)
        share[ranking] = np.linspace(1.0, 0.5, len(ranking))
        columns = improved(
            model, _rounded(model, share), prices, rounds=effort.search_rounds, seed=effort.seed, progress=progress,
            unit=unit,
        )  # fmt: skip
        best.offer(columns, "swaps from prices")
    bound = bound_of(model, prices)
    log.append({"step": "price walk", "bound": bound / unit})
    return bound, prices


def _rounded(model: Model, share: npt.NDArray[np.float64]) -> Ints:
    """Return the columns the linear programme opens most, as many as are allowed."""
    order = np.argsort(-share, kind="stable")
    if not model.partitions and model.cost is None:
        return np.asarray(order[: model.pick])
    chosen: list[int] = []
    left = [places.copy() for _, places in model.partitions]
    spent = 0
    for column in order[share[order] > 0]:
        groups = [int(group[column]) for group, _ in model.partitions]
        price = 0 if model.cost is None else int(model.cost[column])
        is_over = model.budget is not None and spent + price > model.budget
        is_full = any(own >= 0 and places[own] <= 0 for own, places in zip(groups, left, strict=True))
        if len(chosen) >= model.pick or is_over or is_full:
            continue
        chosen.append(int(column))
        spent += price
        for own, places in zip(groups, left, strict=True):
            if own >= 0:
                places[own] -= 1
    return np.array(chosen, dtype=np.int64)
