"""Indices of deprivation that are a sheet of a workbook: Scotland's SIMD 2020v2 and Northern Ireland's NIMDM 2017."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from exclusion.sources.contracts import Contract, Rule, count, fail, finish, number
from exclusion.sources.readers_lookups import rule_of
from exclusion.sources.readers_sheets import find_header, sheet_named
from exclusion.sources.readers_text import field, numbers_with_status, resolve

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source


def read_deprivation_sheet(path: Path, source: "Source") -> pd.DataFrame:
    """Read the sheet that the option `sheet` names: the key of the source and the columns that the catalogue declares.

    `<index>_..._rank` is 1 for the most deprived (ties end in .5), other columns are counts of people. A count that is
    withheld is null with its reason in `<column>__status`. ContractError for a rank beyond the number of zones, or a
    count of people above the population of its zone.
    """
    rows, name = sheet_named(path, str(source.options["sheet"]), source)
    where = f"{path.name}, sheet '{name}'"
    (key,) = source.key
    top = find_header(rows, source.columns[key], source, where)
    wanted = {column: field(pattern) for column, pattern in source.columns.items()}
    places = resolve([str(cell) for cell in rows[top]], wanted, source, where)
    body = [row for row in rows[top + 1 :] if str(row[places[key]]).strip()]
    frame = pd.DataFrame({key: [str(row[places[key]]).strip() for row in body]})
    rules: dict[str, Rule] = {key: rule_of(key, source)}
    for column, place in places.items():
        if column == key:
            continue
        values, status = numbers_with_status(
            pd.Series([row[place] for row in body], dtype=object), column, source, where
        )
        if column.endswith("_rank"):
            rules[column] = number(1, max(len(body), source.expected_rows or 1))
            frame[column] = values
            continue
        # Counts are stored as numbers with a decimal or two where they were scaled to a later population.
        frame[column] = values.round()
        rules[column] = count()
        if (status != "observed").any():
            frame[f"{column}__status"] = status
            rules[column] = count(has_status=True)
    frame = finish(frame, Contract(source.title, (key,), rules), source, where)
    for part, whole in (("income_count", "total_population"), ("employment_count", "working_age_population")):
        _check_within(frame, part, whole, key, source, where)
    return frame


def _check_within(frame: pd.DataFrame, part: str, whole: str, key: str, source: "Source", where: str) -> None:
    names = {tail: next((c for c in frame if c.endswith(tail)), None) for tail in (part, whole)}
    inside, around = names[part], names[whole]
    if inside is None or around is None:
        return
    is_off = frame[inside] > frame[around]
    if is_off.any():
        row = int(is_off.idxmax())
        raise fail(
            source,
            where,
            f"'{inside}' of {frame.loc[row, key]} is {frame.loc[row, inside]:,.0f}, more than its '{around}' of "
            f"{frame.loc[row, around]:,.0f}",
        )
