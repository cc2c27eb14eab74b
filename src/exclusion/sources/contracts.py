"""Contracts of tidy tables: what every column must hold, checked whole and told in one sentence.

A contract is declared once, as rules for columns, and made into a strict pandera schema when it is first used.
Checks are lazy, so that one reading of a file tells all that is wrong with it; the sentence names the source, the
file, the column and the first keys at fault, and how many more there are.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.errors import ContractError
from exclusion.sources.contracts_rules import (
    CODE_PATTERNS,
    VINTAGES,
    Rule,
    code,
    count,
    flag,
    number,
    percentage,
    text,
    wording,
)

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

__all__ = [
    "LAST_LSOA_2011", "Contract", "Rule", "check_keys", "check_known_keys", "check_rows", "check_schema", "code",
    "count", "fail", "finish", "flag", "number", "percentage", "rules_of", "text", "wording",
]  # fmt: skip

# Codes of 2011 run up to these; every code that was new in 2021 lies above, so one such code tells the vintage.
LAST_LSOA_2011 = {"E": "E01033768", "W": "W01001958"}
# A national table of 2021 areas always holds some of the 2,025 codes that were new in 2021.
_NATIONAL_ROWS = 10_000
# A file that lost a third of its rows is not the publisher's file, whatever else is right with it.
_SMALLEST_SHARE = 2 / 3
_SHOWN = 5


@dataclass(frozen=True)
class Contract:
    """What a tidy table must be.

    `key` columns together are unique and never null. Each group in `rising` lists columns whose values never fall
    from left to right in a row, within `tolerance`. A column without a rule is an error, and so is a rule without
    its column, unless it is optional.
    """

    title: str
    key: tuple[str, ...]
    columns: Mapping[str, Rule]
    rising: tuple[tuple[str, ...], ...] = ()
    tolerance: float = 0.0
    advice: str = "retrieve the file again, and tell the publisher if it is the same"


def fail(source: "Source", path: Path | str, what: str, advice: str = "") -> ContractError:
    """Return the one sentence for a file that breaks its contract."""
    name = path if isinstance(path, str) else path.name
    advice = advice or "retrieve the file again, and tell the publisher if it is the same"
    return ContractError(f"{source.id}: {name}: {what}; {advice}.")


def refuse_fractions(frame: pd.DataFrame, column: str, source: "Source", path: Path | str) -> None:
    """Refuse shares from 0 to 1 where per cent are expected; for columns that are far above 1 in most places."""
    if frame[column].max() <= 1:
        raise fail(
            source,
            path,
            f"column '{column}' must be in per cent, but it holds fractions: its highest is {frame[column].max():g}, "
            f"at {_keys(frame.loc[[frame[column].idxmax()], frame.columns[0]])}",
            "multiply it by 100, or use the publisher's own file",
        )


def finish(
    frame: pd.DataFrame,
    contract: Contract,
    source: "Source",
    path: Path | str,
    *,
    is_whole: bool = True,
) -> pd.DataFrame:
    """Check a table in its file's order and return it sorted by key, with a fresh index.

    ContractError names the source, the file, the column and the first keys at fault. With `is_whole` the number
    of rows is held against the catalogue's: a file short by more than a third is refused, unless the catalogue
    says that the source may be partial.
    """
    frame = frame.reset_index(drop=True)
    if is_whole:
        check_rows(len(frame), source, path)
    check_keys(frame, contract, source, path)
    rules = rules_of(frame, contract, source, path)
    check_schema(frame, contract, rules, source, path)
    _check_vintage(frame, rules, source, path)
    for columns in contract.rising:
        _check_rising(frame, columns, contract, source, path)
    key = list(contract.key)
    if not key or (len(key) == 1 and frame[key[0]].is_monotonic_increasing):
        return frame
    return frame.sort_values(key, kind="stable", ignore_index=True)


def check_rows(rows: int, source: "Source", path: Path | str) -> None:
    """Refuse an empty file, or one that lost more than a third of the rows that the publisher gives it."""
    if rows == 0:
        raise fail(source, path, "there is no row of data in the file")
    expected = source.expected_rows
    if expected and not source.may_be_partial and rows < expected * _SMALLEST_SHARE:
        raise fail(source, path, f"it has {rows:,} rows where the publisher's has {expected:,}")


def check_known_keys(
    frame: pd.DataFrame,
    column: str,
    known: Iterable[str],
    source: "Source",
    path: Path | str,
    *,
    least_share: float = 1.0,
) -> None:
    """Check that the areas of a table are areas that are known; ContractError names the first that are not.

    `least_share` is the share of rows that must be known: below 1 where codes beyond England and Wales are usual.
    """
    is_known = frame[column].isin(set(known))
    share = float(is_known.mean()) if len(frame) else 0.0
    if share < least_share:
        raise fail(
            source,
            path,
            f"column '{column}': {_keys(frame[column][~is_known])} {_are(int((~is_known).sum()))} in no lookup of "
            f"the areas in use ({share:.1%} of rows match)",
            "check that the file is of the vintage that the catalogue names",
        )


def _are(rows: int) -> str:
    return "is" if rows == 1 else "are"


def _keys(values: Iterable[Any]) -> str:
    shown = [str(value) for value in values]
    more = f" and {len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _key_of(frame: pd.DataFrame, contract: Contract, rows: Sequence[int]) -> list[str]:
    """Name rows by their key, or by their number where they have none."""
    if not contract.key:
        return [f"row {row + 1:,}" for row in rows]
    parts = frame.loc[list(rows), list(contract.key)].astype(object)
    return ["/".join(map(str, row)) for row in parts.itertuples(index=False)]


def check_keys(frame: pd.DataFrame, contract: Contract, source: "Source", path: Path | str) -> None:
    """Check that the key is never empty and never stands twice."""
    for column in contract.key:
        empty = frame.index[frame[column].isna()]
        if len(empty):
            raise fail(
                source,
                path,
                f"column '{column}' is empty in data row {empty[0] + 1:,}"
                + (f" and {len(empty) - 1:,} more" if len(empty) > 1 else ""),
                contract.advice,
            )
    if contract.key:
        key = list(contract.key)
        twice = frame.index[frame.duplicated(key)]
        if len(twice):
            names = _keys(dict.fromkeys(_key_of(frame, contract, list(twice))))
            raise fail(
                source,
                path,
                f"column '{' + '.join(key)}': {names} stands on more than one row (data row {twice[0] + 1:,})",
                contract.advice,
            )


def rules_of(frame: pd.DataFrame, contract: Contract, source: "Source", path: Path | str) -> dict[str, Rule]:
    """Return the rule of each column of the frame; a column without one, or one that lacks, is an error."""
    rules: dict[str, Rule] = {}
    for name in frame.columns:
        if name == "geometry":  # shapes have a check of their own, beside the reader of boundaries
            continue
        if name in contract.columns:
            rules[name] = contract.columns[name]
        elif name.endswith("__status") and name.removesuffix("__status") in frame.columns:
            rules[name] = Rule(kind="text")
    unknown = [name for name in frame.columns if name not in rules and name != "geometry"]
    lacking = [name for name, rule in contract.columns.items() if name not in rules and not rule.is_optional]
    if unknown or lacking:
        what = [f"column '{unknown[0]}' is not in the contract"] if unknown else []
        what += [f"column '{lacking[0]}' is missing"] if lacking else []
        raise fail(source, path, f"the {contract.title} cannot be made: {' and '.join(what)}")
    return rules


def check_schema(
    frame: pd.DataFrame, contract: Contract, rules: Mapping[str, Rule], source: "Source", path: Path | str
) -> None:
    """Hold the columns that have rules to a strict pandera schema, all at once."""
    import pandera.errors
    import pandera.pandas as pa

    schema = pa.DataFrameSchema(
        {name: _column(rule) for name, rule in rules.items()}, strict=True, name=contract.title
    )
    plain = pd.DataFrame(frame[list(rules)])
    try:
        schema.validate(plain, lazy=True)
    except pandera.errors.SchemaErrors as fault:
        raise _sentence(fault.failure_cases, frame, contract, rules, source, path) from None
    for name, rule in rules.items():
        if rule.has_status:
            _check_status(frame, name, contract, source, path)


def _column(rule: Rule) -> Any:
    import pandera.pandas as pa

    if rule.kind == "flag":
        return pa.Column(bool, nullable=rule.is_nullable)
    if rule.kind in {"text", "code"}:
        pattern = rule.pattern if rule.level is None else CODE_PATTERNS[rule.level]
        checks = [
            pa.Check(lambda s: s.astype("str").str.fullmatch(pattern), error=f"must be {wording(rule)}")
            if pattern
            else pa.Check(lambda s: s.astype("str").str.len() > 0, error="must not be empty")
        ]
        if rule.one_of:
            checks.append(
                pa.Check(lambda s: s.isin(rule.one_of), error=f"must be one of {', '.join(rule.one_of)}")
            )
        return pa.Column(checks=checks, nullable=rule.is_nullable)
    # One check a column: what it costs is paid for each of some fifty columns.
    check = pa.Check(lambda s: _within(s, rule), error=f"must be {wording(rule)}")
    return pa.Column(checks=[check], nullable=rule.is_nullable)


def _within(values: pd.Series, rule: Rule) -> Any:
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return False
    is_fine = values.abs() != float("inf")
    if rule.kind == "count" and not pd.api.types.is_integer_dtype(values):
        is_fine &= values % 1 == 0
    if rule.low is not None:
        is_fine &= values >= rule.low
    if rule.high is not None:
        is_fine &= values <= rule.high
    return is_fine


def _sentence(
    cases: pd.DataFrame,
    frame: pd.DataFrame,
    contract: Contract,
    rules: Mapping[str, Rule],
    source: "Source",
    path: Path | str,
) -> ContractError:
    """Make one sentence of pandera's failure cases: the first column in full, the others by name."""
    order = {name: place for place, name in enumerate(rules)}
    cases = cases.assign(place=cases["column"].map(order)).sort_values(
        ["place", "check_number"], kind="stable"
    )
    first = cases[(cases["column"] == cases["column"].iloc[0]) & (cases["check"] == cases["check"].iloc[0])]
    column, check = str(first["column"].iloc[0]), str(first["check"].iloc[0])
    if check == "not_nullable":
        check = "must not be empty"
    elif check.startswith("dtype("):
        check = "must hold yes or no" if rules[column].kind == "flag" else f"has the wrong type ({check})"
    rows = [int(row) for row in first["index"].dropna()]
    found = ""
    if rows:
        names = _key_of(frame, contract, rows[:_SHOWN])
        values = [frame.loc[row, column] for row in rows[:_SHOWN]]
        shown = ", ".join(
            f"{name} has {'nothing' if pd.isna(value) else value}"
            for name, value in zip(names, values, strict=True)
        )
        more = f" and {len(rows) - _SHOWN:,} more rows" if len(rows) > _SHOWN else ""
        found = f", but {shown}{more} (first in data row {rows[0] + 1:,})"
    others = [name for name in dict.fromkeys(cases["column"]) if name != column]
    also = f"; also at fault: {_keys(others)}" if others else ""
    return fail(source, path, f"column '{column}' {check}{found}{also}", contract.advice)


def _check_status(
    frame: pd.DataFrame, name: str, contract: Contract, source: "Source", path: Path | str
) -> None:
    """Every null has a reason, every number is observed: missing, suppressed and zero stay different."""
    status = frame[f"{name}__status"]
    is_wrong = (frame[name].isna() == (status == "observed")) | status.isna()
    rows = list(frame.index[is_wrong])
    if rows:
        raise fail(
            source,
            path,
            f"column '{name}__status' does not fit '{name}' at {_keys(_key_of(frame, contract, rows))}",
        )


def _check_vintage(
    frame: pd.DataFrame, rules: Mapping[str, Rule], source: "Source", path: Path | str
) -> None:
    """Tell LSOA 2011 from LSOA 2021 by the codes that were new in 2021."""
    for name, rule in rules.items():
        if rule.level in VINTAGES and rule.vintage is not None:
            _check_range(frame[name].astype("str"), name, rule, source, path)
        if rule.level != "lsoa" or rule.vintage is None:
            continue
        values = frame[name].astype("str")
        last = values.str[0].map(LAST_LSOA_2011)
        # Codes with a 9 after the level's prefix have never been given out: made-up places use them for both years.
        is_new = (values > last.astype("str")) & (values.str[3] != "9")
        if rule.vintage == 2011 and is_new.any():
            raise fail(
                source,
                path,
                f"column '{name}': {_keys(values[is_new])} {_are(int(is_new.sum()))} LSOA 2021 where LSOA 2011 "
                f"codes are expected (first in data row {int(is_new.idxmax()) + 1:,})",
                "use the publisher's table on LSOA 2011",
            )
        if rule.vintage == 2021 and len(values) >= _NATIONAL_ROWS and not is_new.any():
            raise fail(
                source,
                path,
                f"column '{name}' holds LSOA 2011 codes where LSOA 2021 codes are expected: none of its "
                f"{len(values):,} codes, from {values.iloc[0]} on, is one that was new in 2021",
                "use the publisher's table on LSOA 2021, or carry this one over with the exact-fit table",
            )


def _check_range(values: pd.Series, name: str, rule: Rule, source: "Source", path: Path | str) -> None:
    """Tell vintages apart whose codes follow one another without a gap, and name the one that was found."""
    assert rule.level is not None
    assert rule.vintage is not None
    ranges = VINTAGES[rule.level]
    first, last = ranges[rule.vintage]
    wrong = values[((values < first) | (values > last)) & (values.str[3] != "9")]
    if wrong.empty:
        return
    other = next((year for year, (low, high) in ranges.items() if low <= wrong.iloc[0] <= high), None)
    level = rule.level.replace("_", " ").replace("data zone", "Data Zone").title().replace(" Of ", " of ")
    what = f"{level} {other}" if other else f"no code of a {level}"
    raise fail(
        source,
        path,
        f"column '{name}': {_keys(wrong)} {_are(len(wrong))} {what} where {level} {rule.vintage} codes are expected "
        f"(first in data row {int(wrong.index[0]) + 1:,})",
        f"use the publisher's table on {level} {rule.vintage}",
    )


def _check_rising(
    frame: pd.DataFrame, columns: tuple[str, ...], contract: Contract, source: "Source", path: Path | str
) -> None:
    """Check that a chain such as gigabit, 300, 100, 30 Mbit/s never falls in any row."""
    for lower, upper in itertools.pairwise(columns):
        if lower not in frame or upper not in frame:
            continue
        rows = list(frame.index[frame[lower] > frame[upper] + contract.tolerance])
        if rows:
            row = rows[0]
            raise fail(
                source,
                path,
                f"column '{lower}' must never exceed '{upper}', but {_keys(_key_of(frame, contract, rows))} "
                f"{'has' if len(rows) == 1 else 'have'} it so ({frame.loc[row, lower]:g} above "
                f"{frame.loc[row, upper]:g} in data row {row + 1:,})",
                contract.advice,
            )
