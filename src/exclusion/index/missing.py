"""The missing-data ladder: each cell is filled by the first rung that can, and the mask says which."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index.spec import Indicator

Array = npt.NDArray[Any]

# Statuses of a value that is there, the most direct first; the rest are reasons why a value is not.
PRESENT = ("observed", "carried", "fallback", "modelled")


@dataclass(frozen=True)
class Cells:
    """Hold one indicator's cells, all (N,).

    `raw` as published (null where not), `events` and `base` its counts (None for a ready-made value), `filled` after
    the ladder (null where only `neutral` was left), `status` in words, `is_present` where the publisher's own
    value, or the one declared to stand in for it, is used.
    """

    raw: Array
    events: Array | None
    base: Array | None
    filled: Array
    status: Array
    is_present: Array


def read_cells(indicator: Indicator, table: Any) -> Cells:
    """Read an indicator from the table, in its own units and direction; nothing is filled yet.

    An empty denominator gives null. InputError names a column that the table does not have or that holds no numbers,
    and the first area with a count below zero.
    """
    absent = [column for column in indicator.columns if column not in table]
    if absent:
        raise InputError(
            f"Indicator `{indicator.id}` reads the column {absent[0]}, which the indicator table does not have; "
            "retrieve its source, or change the indicator in the spec."
        )
    if indicator.column is not None:
        raw = _numbers(table, indicator, indicator.column)
        events = base = None
    else:
        events = _total(table, indicator, indicator.numerator)
        base = _total(table, indicator, indicator.denominator)
        if (events < 0).any() or (base < 0).any():
            raise InputError(
                f"Indicator `{indicator.id}` is made from counts, and some are below zero, first in "
                f"{table.index[int(np.argmax((events < 0) | (base < 0)))]}; correct the table, or name a ready-made "
                "value with `column`."
            )
        raw = indicator.multiplier * events / np.where(base > 0, base, np.nan)
    raw = np.where(np.isfinite(raw), raw, np.nan)
    is_present = np.isfinite(raw)
    status = np.where(is_present, "observed", "missing").astype(object)
    for column in indicator.columns:
        if f"{column}__status" not in table:
            continue
        words = table[f"{column}__status"].to_numpy(dtype=object)
        level = np.array([PRESENT.index(word) if word in PRESENT else -1 for word in words])
        held = np.array([PRESENT.index(word) if word in PRESENT else 0 for word in status])
        status = np.where(is_present & (level > held), words, status)
        status = np.where(~is_present & (level < 0) & (words != None), words, status)  # noqa: E711 (elementwise)
    return Cells(raw, events, base, raw, status, is_present)


def climb(cells: Cells, indicator: Indicator, values: Array, table: Any) -> Cells:
    """Fill the cells that are not there, rung by rung; `values` are the raw or shrunk values in natural units.

    parent:<column>: the rate of all areas of the same parent that are known, from counts where there are any.
    group_median:<columns joined by +>: the median of the known areas of the same group. neutral: left null here and
    scored as the typical area. A cell that no rung reaches is treated as neutral, and the mask says so.
    """
    filled, status = values.copy(), cells.status.copy()
    for rung in (*indicator.missing, "neutral"):
        todo = ~cells.is_present & ~np.isfinite(filled)
        if not todo.any():
            break
        if rung == "neutral":
            status[todo] = [f"neutral ({reason})" for reason in cells.status[todo]]
            break
        kind, _, columns = rung.partition(":")
        codes = group_codes(table, tuple(columns.split("+")))
        found = _parent_rate(cells, indicator, codes) if kind == "parent" else _median(cells, values, codes)
        reached = todo & np.isfinite(found)
        filled[reached] = found[reached]
        status[reached] = [f"{rung} ({reason})" for reason in cells.status[reached]]
    return Cells(cells.raw, cells.events, cells.base, filled, status, cells.is_present)


def _numbers(table: Any, indicator: Indicator, column: str) -> Array:
    try:
        return np.asarray(table[column].to_numpy(dtype=float, na_value=np.nan))
    except (TypeError, ValueError):
        raise InputError(
            f"Indicator `{indicator.id}` reads the column {column}, which does not hold numbers; name another column."
        ) from None


def _total(table: Any, indicator: Indicator, columns: tuple[str, ...]) -> Array:
    """Return the sum of columns; null where any of them is."""
    return np.asarray(np.sum([_numbers(table, indicator, column) for column in columns], axis=0))


def group_codes(table: Any, columns: tuple[str, ...]) -> Array:
    """Return 0-based codes of the groups of several columns; a null in any of them makes -1."""
    import pandas as pd

    code = np.zeros(len(table), dtype=np.int64)
    lost = np.zeros(len(table), dtype=bool)
    for column in columns:
        one, names = pd.factorize(table[column])
        lost |= one < 0
        code = code * (len(names) + 1) + one + 1
    dense = pd.factorize(code)[0]
    return np.where(lost, -1, dense)


def _parent_rate(cells: Cells, indicator: Indicator, codes: Array) -> Array:
    use = cells.is_present & (codes >= 0)
    size = int(codes.max(initial=-1)) + 1
    if cells.events is not None and cells.base is not None:
        above = np.bincount(codes[use], weights=indicator.multiplier * cells.events[use], minlength=size)
        below = np.bincount(codes[use], weights=cells.base[use], minlength=size)
    else:
        above = np.bincount(codes[use], weights=cells.raw[use], minlength=size)
        below = np.bincount(codes[use], minlength=size).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.append(above / below, np.nan)
    return np.asarray(rate[codes])


def _median(cells: Cells, values: Array, codes: Array) -> Array:
    import pandas as pd

    use = cells.is_present & (codes >= 0)
    medians = pd.Series(values[use]).groupby(codes[use]).median()
    return np.asarray(medians.reindex(codes).to_numpy(float))
