"""Prices for the bound on capacity plans, from linear programmes tightened by cuts round after round.

The linear programme opens parts of sessions: one and a half for a town of one and a half sessions' people, both full. Whole
sessions cannot; the cuts (`certificate.Cut`) say so for the towns where it matters. Every round's prices prove a bound
by themselves, so the rounds may end at any time.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.siting.capacity_task import SHARE_SCALE, Task, capacity_bound, cut_terms
from exclusion.siting.certificate import Cut
from exclusion.siting.conditions import Ints
from exclusion.siting.formulation import Rows, at_most, linear_model
from exclusion.siting.solver import Answer, Floats, LinearModel, Progress, SolverProcess

_ROUNDS = 4
_CUTS_A_ROUND = 60
# rounds that together lower the bound by less than this share are the last
_STALL_SHARE = 0.0005
_STALL_ROUNDS = 2
# a strong row with a dual value below this costs nothing
_PAID = 1e-3
# venues around each open one that a cut may hold
_NEIGHBOURS = 60
_OPEN_PART = 1e-3
# two cuts of a round that share so many of their rows say the same
_ALIKE = 0.8
_SIZES = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Tightened:
    """Hold the prices in millionths (`row`, `cuts` priced above 0) and what a whole-number model may take over.

    `strong` are the pairs whose limit x <= w y was found to matter, `all_cuts` every cut found.
    """

    row: Ints
    cuts: tuple[Cut, ...]
    bound: int
    strong: Ints
    all_cuts: tuple[Cut, ...]


def tightened_prices(
    task: Task, value: int, scale: int, process: SolverProcess, *, seconds: float, log: list[dict[str, Any]],
    progress: Progress,
) -> Tightened | None:  # fmt: skip
    """Return the best prices of some rounds of linear programmes and cuts; None where the first was not solved."""
    best: Tightened | None = None
    strong = np.arange(len(task.model.columns), dtype=np.int64)
    cuts: tuple[Cut, ...] = ()
    history: list[int] = []
    for number in range(1, _ROUNDS + 1):
        linear, strong_rows, cut_rows = linear_programme(task, scale, strong, cuts)
        answer = process.solve(
            linear, seconds=seconds, options={"solver": "ipm", "run_crossover": "off"}, progress=progress
        )
        if answer.status != "optimal" or answer.values is None or answer.duals is None:
            log.append({"step": "cuts", "round": number, "status": answer.status})
            break
        row, priced = _prices(task, answer, cuts, cut_rows)
        bound = capacity_bound(task, row, priced)
        if best is None or bound < best.bound:
            best = Tightened(row=row, cuts=priced, bound=bound, strong=strong, all_cuts=cuts)
        if cuts:
            history.append(best.bound)
        log.append(
            {
                "step": "cuts",
                "round": number,
                "cuts": len(cuts),
                "strong": len(strong),
                "bound": bound / scale,
            }
        )
        progress(f"linear bound, round {number}: at most {best.bound / scale:,.0f}")
        if best.bound <= value:
            break
        opened = answer.values[: task.model.column_count]
        served = answer.values[task.model.column_count :][: len(task.model.columns)] * scale
        more = _broken(task, opened, served)
        new = separated(task, opened, served)
        # strong rows that cost nothing are left out from here on, and come back where they are broken
        is_paid = np.abs(answer.duals[strong_rows]) > _PAID
        strong = np.union1d(strong[is_paid], more)
        cuts += new
        is_stalled = (
            len(history) > _STALL_ROUNDS
            and history[-_STALL_ROUNDS - 1] - best.bound < _STALL_SHARE * best.bound
        )
        if (not len(more) and not new) or is_stalled:
            break
    return best


def linear_programme(
    task: Task, scale: int, strong: Ints, cuts: tuple[Cut, ...]
) -> tuple[LinearModel, slice, slice]:
    """Return the linear programme in people (sessions y by column, people x by pair), and where its strong rows and cuts stand.

    The first rows are the model's rows (nobody is served twice); floors and quotas are left to the bound that ignores them.
    """
    model, m, pairs = task.model, task.model.column_count, len(task.model.columns)
    row, column = model.row_of_pair, model.columns.astype(np.int64)
    rows = Rows()
    rows.add(row, m + np.arange(pairs), 1.0, at_most(model.weight / scale, model.row_count))
    rows.add(
        np.concatenate((column, np.arange(m))),
        np.concatenate((m + np.arange(pairs), np.arange(m))),
        np.concatenate((np.ones(pairs), -task.capacity / scale)),
        at_most(0.0, m),
    )
    strong_rows = add_strong(rows, task, scale, strong)
    rows.add(np.zeros(m), np.arange(m), 1.0, at_most(task.pick + int(task.fixed.sum()), 1))
    if model.cost is not None:
        spent = int((task.fixed * model.cost).sum())
        rows.add(np.zeros(m), np.arange(m), model.cost / 100, at_most((task.money + spent) / 100, 1))
    place = add_cuts(rows, task, scale, cuts)
    objective = np.concatenate((np.zeros(m), np.ones(pairs)))
    upper = np.concatenate((task.most.astype(np.float64), model.weight[row] / scale))
    linear = linear_model(rows, objective, upper, np.zeros(m + pairs, dtype=np.int32))
    linear.lower[:m] = task.fixed
    return linear, strong_rows, place


def add_strong(rows: Rows, task: Task, scale: int, strong: Ints) -> slice:
    """Add x <= min(w, C) y for some pairs; return where they stand."""
    model, m = task.model, task.model.column_count
    column, index = model.columns[strong].astype(np.int64), np.arange(len(strong))
    most = np.minimum(model.weight[model.row_of_pair[strong]], task.capacity[column]) / scale
    return rows.add(
        np.concatenate((index, index)),
        np.concatenate((m + strong, column)),
        np.concatenate((np.ones(len(strong)), -most)),
        at_most(0.0, len(strong)),
    )


def add_cuts(rows: Rows, task: Task, scale: int, cuts: tuple[Cut, ...]) -> slice:
    """Add cuts to a linear model whose columns are sessions, then people by pair; return where they stand."""
    model, m = task.model, task.model.column_count
    row = model.row_of_pair
    entries: list[tuple[Ints, Ints, Floats]] = []
    limits = []
    for number, cut in enumerate(cuts):
        start, added = cut_terms(task, cut)
        pairs = np.flatnonzero(np.isin(row, cut.rows) & np.isin(model.columns, cut.columns))
        entries.append((np.full(len(pairs), number), m + pairs, np.ones(len(pairs))))
        entries.append((np.full(len(added), number), cut.columns, -added / scale))
        limits.append(start / scale)
    if not cuts:
        return slice(rows.count, rows.count)
    return rows.add(
        np.concatenate([entry[0] for entry in entries]),
        np.concatenate([entry[1] for entry in entries]),
        np.concatenate([entry[2] for entry in entries]),
        at_most(np.array(limits), len(cuts)),
    )


def _prices(
    task: Task, answer: Answer, cuts: tuple[Cut, ...], cut_rows: slice
) -> tuple[Ints, tuple[Cut, ...]]:
    """Turn dual values into whole prices in millionths: of rows (0 to 1) and of the cuts that matter."""
    assert answer.duals is not None
    duals = np.rint(np.abs(answer.duals) * SHARE_SCALE).astype(np.int64)
    row = np.clip(duals[: task.model.row_count], 0, SHARE_SCALE)
    priced = tuple(
        Cut(rows=cut.rows, columns=cut.columns, size=cut.size, price=int(price))
        for cut, price in zip(cuts, duals[cut_rows], strict=True)
        if price > 0
    )
    return row, priced


def _broken(task: Task, opened: Floats, served: Floats) -> Ints:
    """Return the pairs through which more people go than the part of the session that is open allows."""
    row, column = task.model.row_of_pair, task.model.columns
    most = np.minimum(task.model.weight[row], task.capacity[column])
    return np.flatnonzero(served > most * opened[column] + np.maximum(1e-3 * most, 1e-6)).astype(np.int64)


def separated(task: Task, opened: Floats, served: Floats) -> tuple[Cut, ...]:
    """Return cuts that a fractional solution breaks, the worst first and no two alike.

    Around every open column its neighbours (by people in common) are taken in one after another. For a set of columns
    with Y sessions open, the rows of the worst cut are those served beyond the fraction of Y (Atamtuerk and Rajan 2002).
    """
    model = task.model
    support = np.flatnonzero(opened > _OPEN_PART)
    near = _nearness(task, support)
    known, times = np.unique(task.capacity[support][task.capacity[support] > 0], return_counts=True)
    sizes: list[int] = known[np.argsort(-times, kind="stable")][:_SIZES].tolist()
    indptr, rows, pair = model.by_column()
    found: list[tuple[float, npt.NDArray[np.bool_], npt.NDArray[np.bool_], int]] = []
    for first in range(len(support)):
        order = support[np.argsort(-near[first], kind="stable")[:_NEIGHBOURS]]
        got = np.zeros(model.row_count)
        is_in = np.zeros(model.column_count, dtype=bool)
        for column in order:
            is_in[column] = True
            entries = slice(indptr[column], indptr[column + 1])
            got[rows[entries]] += served[pair[entries]]
            for size in sizes:
                broken = _most_broken(task, got, is_in, opened, size)
                if broken is not None:
                    found.append((broken[0], broken[1], is_in.copy(), size))
    found.sort(key=lambda one: -one[0])
    chosen: list[tuple[npt.NDArray[np.bool_], int]] = []
    cuts = []
    for _, inside, columns, size in found:
        if any(_is_alike(inside, other) and size == own for other, own in chosen):
            continue
        chosen.append((inside, size))
        cuts.append(_widened(task, inside, columns, opened, size))
        if len(cuts) == _CUTS_A_ROUND:
            break
    return tuple(cuts)


def _most_broken(
    task: Task, got: Floats, is_in: npt.NDArray[np.bool_], opened: Floats, size: int
) -> tuple[float, npt.NDArray[np.bool_]] | None:
    """Return by how many people the worst cut of some columns is broken, and its rows; None where none is."""
    weight = task.model.weight
    sessions = float((task.capacity[is_in] * opened[is_in]).sum()) / size
    part = sessions - np.floor(sessions)
    if not _OPEN_PART < part < 1 - _OPEN_PART:
        return None
    inside = got > weight * part
    people = int(weight[inside].sum())
    rest = people % size
    capacity = task.capacity[is_in]
    added = rest * (capacity // size) + np.minimum(rest, capacity % size)
    most = people - rest * (people // size + 1) + float((added * opened[is_in]).sum())
    over = float(got[inside].sum()) - most
    return (over, inside) if over > 1e-4 * size else None


def _widened(
    task: Task, inside: npt.NDArray[np.bool_], columns: npt.NDArray[np.bool_], opened: Floats, size: int
) -> Cut:
    """Take closed columns into a cut where that makes it tighter: those that could serve more than they add to it."""
    model = task.model
    reach = np.bincount(
        model.columns,
        weights=np.where(inside, model.weight, 0)[model.row_of_pair],
        minlength=model.column_count,
    )
    rest = int(model.weight[inside].sum()) % size
    added = rest * (task.capacity // size) + np.minimum(rest, task.capacity % size)
    is_wider = (opened <= _OPEN_PART) & (np.minimum(reach, task.capacity) > added)
    return Cut(
        rows=np.flatnonzero(inside).astype(np.int64),
        columns=np.flatnonzero(columns | is_wider).astype(np.int64),
        size=size,
        price=0,
    )


def _nearness(task: Task, support: Ints) -> Floats:
    """Return for each pair of columns how large a part of the smaller one's people both can serve."""
    from scipy.sparse import csr_array

    model = task.model
    shape = (model.row_count, model.column_count)
    root = np.sqrt(model.weight[model.row_of_pair].astype(np.float64))
    reach = csr_array((root, model.columns, model.indptr), shape=shape)[:, support]
    shared: Floats = (reach.T @ reach).toarray()
    alone = np.maximum(shared.diagonal(), 1e-9)
    near = shared / np.minimum(alone[:, None], alone[None, :])
    np.fill_diagonal(near, 2.0)
    return np.asarray(near)


def _is_alike(first: npt.NDArray[np.bool_], second: npt.NDArray[np.bool_]) -> bool:
    return bool((first & second).sum() > _ALIKE * (first | second).sum())
