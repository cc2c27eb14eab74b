"""Contracts of tables too large to check twice: values are held to them block by block, as they are read."""

import itertools
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
from exclusion.sources.readers_wide import Wide, packed_keys

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# Rows on which the types of a table are checked whose values were checked as they were read.
_SAMPLE = 2_000


def finish_wide(wide: Wide, contract: Contract, source: "Source", path: Path | str) -> pd.DataFrame:
    """Make and check a table whose values were held to the contract block by block while they were read.

    Keys are checked in full, the columns' types on the first rows; a table read the general way is checked as any
    other. Same errors as `finish`.
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
    check_schema(frame.head(_SAMPLE), contract, rules, source, path)
    if len(frame) > _SAMPLE:
        check_schema(frame[[name]].iloc[_SAMPLE:], contract, {name: rules[name]}, source, path)
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

    for column, values in columns.items():
        rule = contract.columns.get(column)
        if rule is None:
            continue
        if values.dtype.kind == "f" and not rule.is_nullable and np.isnan(values).any():
            raise refuse(column, "must not be empty", np.isnan(values))
        if rule.low is not None and (values < rule.low).any():
            raise refuse(column, f"must be {wording(rule)}", values < rule.low)
        if rule.high is not None and (values > rule.high).any():
            raise refuse(column, f"must be {wording(rule)}", values > rule.high)
    for chain in contract.rising:
        there = [column for column in chain if column in columns]
        for lower, upper in itertools.pairwise(there):
            margin = contract.tolerance if columns[lower].dtype.kind == "f" else 0
            is_off = columns[lower] > columns[upper] + margin
            if is_off.any():
                raise refuse(lower, f"must never exceed '{upper}'", is_off, upper)
