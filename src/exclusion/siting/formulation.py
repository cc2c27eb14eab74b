"""Linear models for HiGHS: coverage with continuous row variables, assignment where the time itself counts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exclusion.siting.conditions import Ints
from exclusion.siting.model import PRICE_SCALE, Model
from exclusion.siting.solver import Answer, Floats, LinearModel

_INF = np.inf


class Rows:
    """Collect sparse constraint rows."""

    def __init__(self) -> None:
        self.entries: list[tuple[Ints, Ints, Floats]] = []
        self.lower: list[Floats] = []
        self.upper: list[Floats] = []
        self.count = 0

    def add(self, row: npt.ArrayLike, column: npt.ArrayLike, data: npt.ArrayLike, bounds: Floats) -> slice:
        """Add rows numbered from 0 within this block; `bounds` is (rows x 2). Return where they stand."""
        rows = np.asarray(row, dtype=np.int64)
        self.entries.append(
            (
                rows + self.count,
                np.asarray(column, dtype=np.int64),
                np.broadcast_to(np.asarray(data, dtype=np.float64), rows.shape),
            )
        )
        self.lower.append(bounds[:, 0])
        self.upper.append(bounds[:, 1])
        place = slice(self.count, self.count + len(bounds))
        self.count += len(bounds)
        return place


def at_most(bound: npt.ArrayLike, count: int) -> Floats:
    """Return bounds of rows that have only an upper one."""
    return np.column_stack(
        (np.full(count, -_INF), np.broadcast_to(np.asarray(bound, dtype=np.float64), (count,)))
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Formulation:
    """Hold a linear model and where in it the dual values stand that become prices.

    The objective is in people (value units / `unit`); `cover_rows` are the constraints of the model's rows.
    """

    linear: LinearModel
    unit: float
    cover_rows: slice
    floor_rows: slice
    budget_row: int | None
    column_count: int

    def chosen(self, answer: Answer) -> Ints:
        """Return the columns an answer opens."""
        if answer.values is None:
            return np.empty(0, dtype=np.int64)
        return np.flatnonzero(answer.values[: self.column_count] > 0.5).astype(np.int64)


def coverage_formulation(model: Model, unit: float, *, is_whole: bool) -> Formulation:
    """Formulate a uniform model: max sum w z (+ second u), z (+ u) <= sum y, with z, u continuous.

    Whole z and u follow from whole y, and leaving them continuous halves HiGHS's time.
    """
    n, m = model.row_count, model.column_count
    row = model.row_of_pair
    rows = Rows()
    has_second = model.second is not None
    objective: list[Floats] = [np.full(m, -float(model.penalty)), model.weight.astype(np.float64)]
    pair_row: list[Ints] = [row, np.arange(n)]
    pair_column: list[Ints] = [model.columns.astype(np.int64), m + np.arange(n)]
    pair_data: list[Floats] = [np.full(len(row), -1.0), np.ones(n)]
    if model.second is not None:
        objective.append(model.second.astype(np.float64))
        pair_row.append(np.arange(n))
        pair_column.append(m + n + np.arange(n))
        pair_data.append(np.ones(n))
    cover = rows.add(
        np.concatenate(pair_row), np.concatenate(pair_column), np.concatenate(pair_data), at_most(0.0, n)
    )
    total = m + n * (2 if has_second else 1)
    if has_second:
        # without this a row could count its second venue and not its first (where theta is 1 that is no matter)
        index = np.arange(n)
        rows.add(
            np.concatenate((index, index)),
            np.concatenate((m + n + index, m + index)),
            np.concatenate((np.ones(n), -np.ones(n))),
            at_most(0.0, n),
        )
    floor, budget = _common_rows(rows, model, unit, np.arange(n) + m)
    whole = np.zeros(total, dtype=np.int32)
    if is_whole:
        whole[:m] = 1
    return Formulation(
        linear=linear_model(rows, np.concatenate(objective) / unit, np.ones(total), whole),
        unit=unit,
        cover_rows=cover,
        floor_rows=floor,
        budget_row=budget,
        column_count=m,
    )


def assignment_formulation(model: Model, unit: float, *, is_whole: bool) -> Formulation:
    """Formulate a model with values of its own for each pair: max sum v x, sum x <= 1, x <= y."""
    n, m, pairs = model.row_count, model.column_count, len(model.columns)
    row = model.row_of_pair
    is_extra = model.floor_weight.sum(axis=0) > 0
    rows = Rows()
    is_main = ~is_extra[row]
    index = np.arange(pairs)
    cover_row = np.concatenate((row[is_main], row[~is_main], np.flatnonzero(is_extra)))
    cover_column = np.concatenate(
        (m + index[is_main], model.columns[~is_main], m + pairs + np.flatnonzero(is_extra))
    )
    cover_data = np.concatenate(
        (np.ones(int(is_main.sum())), -np.ones(int((~is_main).sum())), np.ones(int(is_extra.sum())))
    )
    cover = rows.add(cover_row, cover_column, cover_data, at_most(np.where(is_extra, 0.0, 1.0), n))
    block = np.arange(int(is_main.sum()))
    rows.add(
        np.concatenate((block, block)),
        np.concatenate((m + index[is_main], model.columns[is_main])),
        np.concatenate((np.ones(len(block)), -np.ones(len(block)))),
        at_most(0.0, len(block)),
    )
    floor, budget = _common_rows(rows, model, unit, m + pairs + np.arange(n))
    total = m + pairs + n
    objective = np.concatenate(
        (
            np.full(m, -float(model.penalty)),
            np.where(is_main, model.values, 0).astype(np.float64),
            np.zeros(n),
        )
    )
    upper = np.concatenate((np.ones(m), is_main.astype(np.float64), is_extra.astype(np.float64)))
    whole = np.zeros(total, dtype=np.int32)
    if is_whole:
        whole[:m] = 1
    return Formulation(
        linear=linear_model(rows, objective / unit, upper, whole),
        unit=unit,
        cover_rows=cover,
        floor_rows=floor,
        budget_row=budget,
        column_count=m,
    )


def _common_rows(rows: Rows, model: Model, unit: float, served: Ints) -> tuple[slice, int | None]:
    """Add number, quotas, budget and floors; `served` is the column that says a row is served."""
    m = model.column_count
    rows.add(np.zeros(m), np.arange(m), 1.0, at_most(model.pick, 1))
    for group, left in model.partitions:
        is_in = group >= 0
        rows.add(group[is_in], np.flatnonzero(is_in), 1.0, at_most(left, len(left)))
    budget = None
    if model.cost is not None and model.budget is not None:
        budget = rows.add(np.zeros(m), np.arange(m), model.cost / 100, at_most(model.budget / 100, 1)).start
    # the floors are people, whatever the unit of the objective
    scale = floor_scale(model, unit)
    number, row = np.nonzero(model.floor_weight)
    needed = model.floor_required / scale
    floor = rows.add(
        number,
        served[row],
        model.floor_weight[number, row] / scale,
        np.column_stack((needed, np.full(len(needed), _INF))),
    )
    return floor, budget


def floor_scale(model: Model, unit: float) -> float:
    """Return the divisor of floor weights in the linear model (any will do; people-sized numbers suit HiGHS)."""
    return float(max(1.0, model.floor_weight.max() / 100)) if model.floor_weight.size else unit


def linear_model(rows: Rows, objective: Floats, upper: Floats, whole: npt.NDArray[np.int32]) -> LinearModel:
    """Put rows and columns together."""
    from scipy.sparse import csr_array

    row = np.concatenate([entry[0] for entry in rows.entries])
    column = np.concatenate([entry[1] for entry in rows.entries])
    data = np.concatenate([entry[2] for entry in rows.entries])
    matrix = csr_array((data, (row, column)), shape=(rows.count, len(objective)))
    return LinearModel(
        objective=objective,
        lower=np.zeros(len(objective)),
        upper=upper,
        integrality=whole,
        indptr=matrix.indptr.astype(np.int32),
        indices=matrix.indices.astype(np.int32),
        data=matrix.data,
        row_lower=np.concatenate(rows.lower),
        row_upper=np.concatenate(rows.upper),
    )


def formulation_of(model: Model, unit: float, *, is_whole: bool) -> Formulation:
    """Formulate a model in the way that suits its values."""
    make = coverage_formulation if model.is_uniform else assignment_formulation
    return make(model, unit, is_whole=is_whole)


def prices_from(formulation: Formulation, model: Model, answer: Answer) -> tuple[Ints, Ints, int]:
    """Turn the dual values of a linear programme into whole prices: of rows, of floors, of a hundredth of money.

    Row prices are what a served row is worth to the venues that serve it for uniform models (0 to its weight), and
    what a row keeps for itself otherwise; all in thousandths of a value unit.
    """
    if answer.duals is None:
        raise ValueError("A linear programme without dual values has no prices.")
    duals = np.abs(answer.duals) * formulation.unit * PRICE_SCALE
    row = np.rint(duals[formulation.cover_rows]).astype(np.int64)
    scale = floor_scale(model, formulation.unit)
    floor = np.rint(duals[formulation.floor_rows] / scale).astype(np.int64)
    budget = 0
    if formulation.budget_row is not None:
        budget = round(duals[formulation.budget_row] / 100)
    return row, floor, budget
