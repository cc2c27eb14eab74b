"""The rural term: one continuous factor for remoteness from help, and what it does to every list.

exclusion index = risk x g, g = min(1 + lambda x h(t), cap). Risk itself has no rural term. Classes of the Rural Urban
Classification never score; they stratify and check (method reference, Part 4).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index.missing import group_codes
from exclusion.index.spec import Rural, RuralMeasure
from exclusion.index.transforms import ScoreCurve, fit_curve

Array = npt.NDArray[Any]

# A measure known for fewer areas than this would raise some areas only because they were measured.
LEAST_COVERAGE = 2 / 3


@dataclass(frozen=True)
class RuralTerm:
    """Hold h (N,) from 0 to 1 and the factor g (N,), both of one measure.

    `measure` is None where no declared measure covers the areas: then every factor is 1. `is_known` (N,) is False
    where the area's own remoteness is not known and its factor is 1 for that reason. `notes` say so in words.
    """

    measure: RuralMeasure | None
    curve: ScoreCurve | None
    remoteness: Array
    factor: Array
    is_known: Array
    notes: tuple[str, ...]


def rural_factor(remoteness: Array, lambda_: float, cap: float) -> Array:
    """Return min(1 + lambda x h, cap)."""
    return np.asarray(np.minimum(1.0 + lambda_ * remoteness, cap))


def shape_remoteness(measure: RuralMeasure, values: Array, curve: ScoreCurve | None) -> Array:
    """Return h for values of a measure; out of reach (infinite) is 1, null stays null."""
    t = np.where(np.isposinf(values), np.inf, values) * (1.0 if measure.direction == "+" else -1.0)
    beyond = np.isposinf(values) if measure.direction == "+" else np.zeros(len(values), bool)
    finite = np.where(np.isfinite(t), t, np.nan)
    if measure.shape == "linear":
        assert measure.t1 is not None
        h = np.clip((finite - measure.t0) / (measure.t1 - measure.t0), 0.0, 1.0)
    elif measure.shape == "saturating":
        assert measure.tau is not None
        h = -np.expm1(-np.maximum(finite - measure.t0, 0.0) / measure.tau)
    else:
        assert curve is not None
        h = np.clip(curve(finite), 0.0, 1.0)
    return np.asarray(np.where(beyond, 1.0, h))


def rural_term(
    rural: Rural, table: Any, *, held_column: str | None = None, held_curve: ScoreCurve | None = None
) -> RuralTerm:
    """Return the factor of every area from the first declared measure that covers two thirds of the areas.

    `held_column` and `held_curve` come from a frozen reference. An area whose measure is null gets the factor 1 and
    is marked.
    """
    count = len(table)
    none = RuralTerm(None, None, np.zeros(count), np.ones(count), np.zeros(count, bool), ())
    if rural.mode == "none":
        return none
    notes = []
    for measure in rural.measures:
        if measure.column not in table:
            notes.append(f"{measure.label} ({measure.column}) is not at hand")
            continue
        values = table[measure.column].to_numpy(dtype=float, na_value=np.nan)
        known = ~np.isnan(values)
        if known.mean() < LEAST_COVERAGE:
            notes.append(f"{measure.label} ({measure.column}) is known for only {int(known.sum()):,} areas")
            continue
        curve = None
        if measure.shape == "rank":
            sign = 1.0 if measure.direction == "+" else -1.0
            is_held = held_curve is not None and held_column == measure.column
            oriented = np.where(np.isfinite(values), sign * values, np.nan)
            curve = held_curve if is_held else fit_curve(oriented, "prank", scale=1.0)
        h = shape_remoteness(measure, values, curve)
        if not known.all():
            notes.append(
                f"{measure.label} is not known for {int((~known).sum()):,} areas: their rural factor is 1"
            )
        if notes and measure is not rural.measures[0]:
            notes.append(f"so the rural weight rests on {measure.label} ({measure.column})")
        remoteness = np.where(known, h, 0.0)
        return RuralTerm(
            measure,
            curve,
            remoteness,
            rural_factor(remoteness, rural.lambda_, rural.cap),
            known,
            tuple(notes),
        )
    notes.append("so no rural weight is applied: the exclusion index equals the risk index")
    return RuralTerm(None, None, none.remoteness, none.factor, none.is_known, tuple(notes))


def stratified_ranks(ranks: Array, table: Any, column: str) -> Array:
    """Return ranks within the groups of a column, 1 the most excluded; null where rank or group is null."""
    import pandas as pd

    codes = group_codes(table, (column,))
    held = pd.Series(np.where(codes >= 0, ranks, np.nan))
    return np.asarray(held.groupby(codes).rank(method="min").to_numpy(float))


def list_effect(table: Any, classes: Any, *, sizes: dict[str, int]) -> Any:
    """Return what the rural term does to lists, one row a list.

    `table` is the `index` table, `classes` has `is_rural` on the same `lsoa21cd`, `sizes` maps a list's name to its
    length. Columns: `list, areas, moved_areas, moved_pct` (areas in the exclusion list that the risk list of the
    same length leaves out), `rural_pct_of_risk_list, rural_pct_of_exclusion_list, rural_pct_of_all`. Ties at the
    end of a list are cut by area code, so that both lists have the same length.
    """
    import pandas as pd

    joined = _aligned(table, classes, ("is_rural",))
    is_rural = joined["is_rural"].astype(bool)
    rows = []
    for name, size in sizes.items():
        by_risk, by_exclusion = (_top(joined, column, size) for column in ("risk_rank", "exclusion_rank"))
        moved = int((by_exclusion & ~by_risk).sum())
        rows.append(
            {
                "list": name,
                "areas": int(by_risk.sum()),
                "moved_areas": moved,
                "moved_pct": 100.0 * moved / max(int(by_risk.sum()), 1),
                "rural_pct_of_risk_list": 100.0 * float(is_rural[by_risk].mean())
                if by_risk.any()
                else np.nan,
                "rural_pct_of_exclusion_list": (
                    100.0 * float(is_rural[by_exclusion].mean()) if by_exclusion.any() else np.nan
                ),
                "rural_pct_of_all": 100.0 * float(is_rural.mean()),
            }
        )
    return pd.DataFrame(rows)


def people_missed(
    table: Any, people: Any, *, size: int, by: str = "ruc21cd", count: str = "people_offline"
) -> Any:
    """Return people outside the worst `size` areas of each list, by class: no list reaches dispersed people.

    `people` has `count` (such as `people_offline`) and the column `by`, on the same `lsoa21cd`. One row a class and
    one for all: `<by>, people, missed_by_risk_list, missed_by_risk_list_pct, missed_by_exclusion_list,
    missed_by_exclusion_list_pct`. Areas without a count are left out of both sides and counted in
    `areas_without_count`.
    """
    import pandas as pd

    joined = _aligned(table, people, (by, count))
    held = joined[count].astype(float)
    frame = pd.DataFrame({by: joined[by].astype(object).fillna("not known"), "people": held})
    for column in ("risk", "exclusion"):
        inside = _top(joined, f"{column}_rank", size)
        frame[f"missed_by_{column}_list"] = held.where(~inside, 0.0)
    frame["areas_without_count"] = held.isna().astype(int)
    out = frame.groupby(by, sort=True).sum().reset_index()
    whole = out.drop(columns=by).sum().to_frame().T
    whole.insert(0, by, "all")
    out = pd.concat([out, whole], ignore_index=True)
    for column in ("risk", "exclusion"):
        missed = out[f"missed_by_{column}_list"].astype(float)
        out[f"missed_by_{column}_list_pct"] = (
            100.0 * missed / out["people"].astype(float).replace(0.0, np.nan)
        )
    out["areas_without_count"] = out["areas_without_count"].astype(int)
    return out


def _aligned(table: Any, other: Any, columns: tuple[str, ...]) -> Any:
    """Return the index table joined one to one with columns of another; InputError if areas are lost."""
    left = table.set_index("lsoa21cd") if "lsoa21cd" in table else table
    right = other.set_index("lsoa21cd") if "lsoa21cd" in other else other
    lost = left.index.difference(right.index)
    if len(lost):
        raise InputError(
            f"The table with {columns[0]} has no row for {lost[0]} (and {len(lost) - 1:,} more) of the index; "
            "give a table of all areas."
        )
    ranks = [column for column in ("risk_rank", "exclusion_rank") if column in left]
    return left[ranks].join(right[list(columns)], validate="one_to_one")


def _top(joined: Any, column: str, size: int) -> Any:
    """Return which areas are the `size` highest in a list; ties are cut by area code."""
    import pandas as pd

    order = joined[[column]].astype(float).sort_index().sort_values(column, kind="stable", na_position="last")
    chosen = order.index[: min(size, int(order[column].notna().sum()))]
    return pd.Series(joined.index.isin(chosen), index=joined.index)
