"""Census tables by Data Zone as Scotland and Northern Ireland publish them: one row an area and category.

Scotland (table builder of the census of 2022): title lines, then code, one cell for each variable's category, count.
Northern Ireland (Flexible Table Builder): code and label of the area, then code and label of each category, count. The
catalogue says which categories make each tidy column: its pattern is held against the labels, joined by " ; ", and
the counts of all labels that fit are added up.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exclusion.sources.contracts import Contract, Rule, count, fail, finish
from exclusion.sources.readers_lookups import rule_of
from exclusion.sources.readers_text import numbers_with_status, to_utf8

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_AREA = re.compile(r"[EWSN]\d{8}")
_AGE = "age_"
# Perturbation moves a cell by a few; a part that is larger than its whole by more was counted twice.
_PERTURBATION = 20


def read_census_long_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read a census table by Data Zone: `lsoa21cd` and the columns of counts that the catalogue declares.

    A cell that is withheld is null with its reason in `<column>__status`. ContractError where a column fits no
    category, an area lacks a category or has it twice, age bands do not add up to the residents, or a part is larger
    than its total.
    """
    table = _cells(path, source)
    wide = _by_category(table, source, path)
    columns: dict[str, pd.Series] = {}
    for name, pattern in source.columns.items():
        parts = [label for label in wide.columns if re.fullmatch(pattern, label, re.IGNORECASE)]
        if not parts:
            shown = ", ".join(f"'{label}'" for label in wide.columns[:6])
            raise fail(
                source,
                path,
                f"no category fits column '{name}' (like {pattern}) among {shown} of {len(wide.columns)}",
                "check that it is the table the catalogue names",
            )
        columns[name] = wide[parts].sum(axis=1, skipna=False)
    frame = pd.DataFrame(columns, index=wide.index).rename_axis("lsoa21cd").reset_index()
    for name in columns:
        if frame[name].isna().any():
            frame[f"{name}__status"] = np.where(frame[name].isna(), "suppressed", "observed")
        else:
            frame[name] = frame[name].astype("int64")
    rules: dict[str, Rule] = {n: count(has_status=f"{n}__status" in frame) for n in columns}
    rules["lsoa21cd"] = rule_of("lsoa21cd", source)
    frame = finish(frame, Contract(source.title, ("lsoa21cd",), rules), source, path)
    _check_sums(frame, list(columns), source, path)
    return frame


def _cells(path: Path, source: "Source") -> pd.DataFrame:
    """Return `area, label, count` (text) of every row that begins with the code of an area."""
    rows = list(_rows(path))
    if not rows:
        raise fail(
            source,
            path,
            "no row begins with the code of an area",
            "download the table by Data Zone as CSV, one row a category",
        )
    table = pd.DataFrame(rows, columns=["area", "label", "text"])
    table["count"], _ = numbers_with_status(table["text"], "count", source, path.name)
    return table


def _rows(path: Path) -> Iterator[tuple[str, str, str]]:
    reader = csv.reader(io.StringIO(to_utf8(path.read_bytes()).decode(), newline=""))
    is_labelled = False
    for row in reader:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1] and not _AREA.fullmatch(cells[0]):
            cells.pop()
        if len(cells) >= 3 and cells[0].endswith(" Code") and cells[1].endswith(" Label"):
            is_labelled = True
        if len(cells) < 2 or not _AREA.fullmatch(cells[0]):
            continue
        if is_labelled:
            labels, text = cells[3:-1:2], cells[-1]
        else:
            # A table builder ends each row with a comma.
            inner = cells[1:-1] if not cells[-1] and len(cells) > 3 else cells[1:]
            labels, text = inner[:-1], inner[-1]
        yield cells[0], " ; ".join(labels), text


def _by_category(table: pd.DataFrame, source: "Source", path: Path) -> pd.DataFrame:
    twice = table.duplicated(["area", "label"])
    if twice.any():
        row = table[twice].iloc[0]
        raise fail(source, path, f"{row['area']} has '{row['label']}' on more than one row")
    labels = list(dict.fromkeys(table["label"]))
    held = table.groupby("area")["label"].size()
    if (held != len(labels)).any():
        area = held.index[held != len(labels)][0]
        gone = next(x for x in labels if x not in set(table.loc[table["area"] == area, "label"]))
        raise fail(
            source,
            path,
            f"{area} has {held[area]} of {len(labels)} categories ('{gone}' is missing), so its counts would be too small",
        )
    return table.pivot_table(index="area", columns="label", values="count", dropna=False)[labels]


def _check_sums(frame: pd.DataFrame, names: list[str], source: "Source", path: Path) -> None:
    bands = [name for name in names if name.startswith(_AGE)]
    total = "residents" if bands else next((n for n in names if n.endswith("_total")), None)
    if total is None:
        return
    whole = frame[total]
    if bands:
        sums = frame[bands].sum(axis=1)
        is_off = (sums - whole).abs() > _PERTURBATION
        what = "age bands add up to"
    else:
        sums = frame[[name for name in names if name != total]].max(axis=1)
        is_off = sums > whole + _PERTURBATION
        what = "a part is"
    if is_off.any():
        row = int(is_off.idxmax())
        raise fail(
            source,
            path,
            f"{what} {sums[row]:,.0f} in {frame.loc[row, 'lsoa21cd']} where '{total}' is {whole[row]:,.0f}, more than "
            f"perturbation allows ({int(is_off.sum()):,} areas so)",
            "a category is missing or doubled: retrieve the table again",
        )
