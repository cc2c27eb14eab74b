"""Contracts of tables too large to check twice: values are held to them block by block, as they are read."""

import itertools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.sources.contracts import (
    Contract,
    check_keys,
    check_rows,
    check_schema,
    fail,
    finish,
    rules_of,
    wording,
)
from exclusion.sources.contracts_rules import CODE_PATTERNS
from exclusion.sources.readers_wide_parts import Wide, packed_keys

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source


def finish_wide(wide: Wide, contract: Contract, source: "Source", path: Path | str) -> pd.DataFrame:
    """Make and check a table whose values were held to the contract block by block while they were read.

    The reader gave the columns their types; of the keys one of each form is held to the contract, which says for all
    whether they fit (a code's pattern looks at no character but the first three by itself). A table read the general
    way is checked as any other. Same errors as `finish`.
    """
    (name,) = contract.key
    frame = pd.DataFrame({name: wide.key, **wide.columns}, copy=False)
    packed = packed_keys(wide.key) if wide.is_rising is False else None
    if not wide.is_rising and packed is None:
        return finish(frame, contract, source, path)
    check_rows(len(frame), source, path)
    rules = rules_of(frame, contract, source, path)
    # Most files come sorted by key, which shows at once that no key stands twice.
    if packed is not None:
        order = np.argsort(packed, kind="stable")
        ranked = packed[order]
        twice = order[1:][ranked[1:] == ranked[:-1]]
        if len(twice):
            check_keys(frame.iloc[: int(twice.max()) + 1], contract, source, path)
        frame = frame.iloc[order].reset_index(drop=True)
    pattern = CODE_PATTERNS.get(rules[name].level or "")
    if not (pattern and wide.forms and all(re.fullmatch(pattern, form) for form in wide.forms)):
        check_schema(frame[[name]], contract, {name: rules[name]}, source, path)
    return frame


def check_block(
    columns: Mapping[str, np.ndarray[Any, Any]],
    contract: Contract,
    name_of: Callable[[int], str],
    rows_before: int,
    source: "Source",
    path: Path | str,
) -> None:
    """Hold one block of numbers to the bounds and chains of a contract; columns without a rule there pass."""

    def refuse(column: str, what: str, is_off: np.ndarray[Any, Any], shown: str = "") -> ContractError:
        row = int(is_off.argmax())
        value = f"{columns[column][row]:g}"
        found = f"but {name_of(row)} has {'nothing' if value == 'nan' else value}{shown and ' above ' + f'{columns[shown][row]:g}'}"
        return fail(
            source,
            path,
            f"column '{column}' {what}, {found} (data row {rows_before + row + 1:,})",
            contract.advice,
        )

    if not len(next(iter(columns.values()), ())):
        return
    for column, values in columns.items():
        rule = contract.columns.get(column)
        if rule is None:
            continue
        # The least and the greatest tell of most columns that all is well; either is nothing where any value is.
        least, most = values.min(), values.max()
        if not rule.is_nullable and np.isnan(least):
            raise refuse(column, "must not be empty", np.isnan(values))
        if rule.low is not None and not least >= rule.low and (values < rule.low).any():
            raise refuse(column, f"must be {wording(rule)}", values < rule.low)
        if rule.high is not None and not most <= rule.high and (values > rule.high).any():
            raise refuse(column, f"must be {wording(rule)}", values > rule.high)
    _check_chains(columns, contract, refuse)


def _check_chains(
    columns: Mapping[str, np.ndarray[Any, Any]], contract: Contract, refuse: Callable[..., ContractError]
) -> None:
    for chain in contract.rising:
        there = [column for column in chain if column in columns]
        for lower, upper in itertools.pairwise(there):
            is_exact = columns[lower].dtype.kind != "f"
            limit = columns[upper] if is_exact else columns[upper] + np.float32(contract.tolerance)
            is_off = columns[lower] > limit
            if is_off.any():
                raise refuse(lower, f"must never exceed '{upper}'", is_off, upper)
