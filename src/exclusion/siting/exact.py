"""What prices leave undecided, solved by HiGHS to proof."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.siting.certificate import Prices
from exclusion.siting.conditions import Ints
from exclusion.siting.formulation import formulation_of
from exclusion.siting.greedy import value_of
from exclusion.siting.incumbent import Incumbent
from exclusion.siting.model import PRICE_SCALE, Model, kept_part
from exclusion.siting.problem import Effort
from exclusion.siting.solver import Progress, SolverProcess


def undecided(model: Model, prices: Prices, bound: int, best: Incumbent) -> tuple[Model, Ints]:
    """Drop columns, and pairs of rows with values of their own, that no plan better than the best can use.

    Also return the columns of what is left that every better plan must open.

    A column outside the best-paid set can be in a plan only if the plan gives up the worst paid one for it; a pair
    below its row's price loses the difference (Lagrangian reduced costs; Beasley 1993).
    """
    if best.columns is None or model.second is not None or len(model.partitions) > 1:
        return model, np.empty(0, dtype=np.int64)
    slack = (bound + 1 - best.value) * PRICE_SCALE
    row = model.row_of_pair
    effective = model.effective(prices.floor)
    worth = np.zeros(model.column_count, dtype=np.int64)
    np.add.at(worth, model.columns, np.maximum(effective - prices.row[row], 0))
    worth -= model.penalty * PRICE_SCALE
    if model.cost is not None:
        worth -= prices.budget * model.cost
    order = np.argsort(-worth, kind="stable")
    order = order[worth[order] > 0]
    is_full = not model.partitions and len(order) >= model.pick
    least = int(worth[order[model.pick - 1]]) if is_full else 0
    following = int(worth[order[model.pick]]) if len(order) > model.pick else 0
    is_certain = (worth - following > slack) & (not model.partitions)
    is_useful = worth + slack >= least
    is_useful[best.columns] = True
    if not model.is_uniform:
        is_pair = prices.row[row] - effective <= slack
        is_pair |= np.isin(model.columns, best.columns) | (model.floor_weight.sum(axis=0) > 0)[row]
        counts = np.bincount(row[is_pair], minlength=model.row_count)
        model = replace(
            model,
            indptr=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            columns=model.columns[is_pair],
            values=model.values[is_pair],
        )
    part = kept_part(model, is_useful)
    return part, np.flatnonzero(np.isin(part.venue, model.venue[is_certain])).astype(np.int64)


def solve_exactly(  # noqa: PLR0917
    part: Model,
    certain: Ints,
    model: Model,
    unit: float,
    effort: Effort,
    process: SolverProcess,
    best: Incumbent,
    log: list[dict[str, Any]],
    progress: Progress,
) -> tuple[int, bool]:
    """Solve the part that is undecided to proof; return the bound on the whole model and whether nothing is allowed."""
    formulation = formulation_of(part, unit, is_whole=True)
    lower = formulation.linear.lower.copy()
    lower[certain] = 1.0
    start = None
    if best.columns is not None:
        start = _start_values(
            formulation.column_count, len(formulation.linear.objective), part, model, best.columns
        )
    # the smallest step between two plans is one value unit: anything closer is the same plan
    options: dict[str, Any] = {"mip_rel_gap": 0.0, "mip_abs_gap": 0.999 / unit}
    if part.is_uniform:
        # our own reductions leave HiGHS's presolve nothing but time to spend: without it a county's frontier takes a third
        options |= {"presolve": "off", "mip_allow_restart": False}
    if len(part.floor_required):
        options["mip_feasibility_tolerance"] = 1e-8
        options["primal_feasibility_tolerance"] = 1e-8
    progress(
        f"exact search: {part.row_count:,} rows, {part.column_count:,} venues ({len(certain):,} of them certain),"
        f" {len(part.columns):,} pairs"
    )
    answer = process.solve(
        replace(formulation.linear, lower=lower),
        seconds=effort.exact_seconds,
        start=start,
        options=options,
        progress=progress,
    )
    log.append(log_entry("exact", answer))
    if answer.status == "infeasible":
        return best.value if best.columns is not None else -(1 << 62), best.columns is None
    chosen = formulation.chosen(answer)
    found = None
    if answer.values is not None:
        found = np.searchsorted(model.venue, part.venue[chosen])
        best.offer(found, "exact")
    # what HiGHS bounds is the part; the rest of the columns cannot beat the plan in hand
    base = part.base
    if answer.status == "optimal" and found is not None and best.columns is not None:
        objective = int(np.floor(answer.objective * unit + 0.5))
        value = value_of(model, found)
        if abs(value - base - objective) <= max(1, 1e-6 * abs(objective)):
            return best.value, False
    if np.isfinite(answer.bound):
        return max(int(np.floor(answer.bound * unit * (1 + 1e-9) + 0.999)) + base, best.value), False
    return 1 << 62, False


def _start_values(
    column_count: int, length: int, part: Model, model: Model, columns: Ints
) -> npt.NDArray[np.float64] | None:
    """Spell out a plan as a point of the linear model, so that HiGHS starts from it."""
    values = np.zeros(length)
    place = np.searchsorted(part.venue, model.venue[columns])
    if (place >= part.column_count).any() or (part.venue[place] != model.venue[columns]).any():
        return None
    values[place] = 1.0
    is_in = values[:column_count] > 0
    row = part.row_of_pair
    count = np.bincount(row[is_in[part.columns]], minlength=part.row_count)
    n = part.row_count
    if part.is_uniform:
        values[column_count : column_count + n] = count > 0
        if part.second is not None:
            values[column_count + n :] = count > 1
        return values
    pairs = len(part.columns)
    is_extra = part.floor_weight.sum(axis=0) > 0
    open_value = np.where(is_in[part.columns] & ~is_extra[row], part.values, -1)
    best = np.full(n, -1, dtype=np.int64)
    np.maximum.at(best, row, open_value)
    hit = np.flatnonzero((open_value == best[row]) & (open_value >= 0))
    _, first = np.unique(row[hit], return_index=True)
    values[column_count + hit[first]] = 1.0
    values[column_count + pairs :] = is_extra & (count > 0)
    return values


def log_entry(step: str, answer: Any) -> dict[str, Any]:
    """Return what the plan's log says of one HiGHS run."""
    return {
        "step": step,
        "status": answer.status,
        "objective": float(answer.objective) if np.isfinite(answer.objective) else None,
        "bound": float(answer.bound) if np.isfinite(answer.bound) else None,
        "nodes": answer.nodes,
        "solver": f"HiGHS {answer.version}" if answer.version else "HiGHS",
    }
