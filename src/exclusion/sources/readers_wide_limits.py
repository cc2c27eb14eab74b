"""What a contract asks of a wide table's numbers, in the terms of the compiled pass."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from exclusion.sources.contracts import Contract
from exclusion.sources.readers_wide_cells import IS_DECIMAL, IS_WHOLE, MAY_BE_BLANK
from exclusion.sources.readers_wide_kernel import (
    DECIMAL,
    LEAST_CELL,
    MOST_CELL,
    MOST_TENTHS,
    PATTERN_ROWS,
    TEXT,
    WHOLE,
)
from exclusion.sources.readers_wide_parts import NotPlainError, Wanted

_KINDS = {"text": TEXT, "integer": WHOLE, "number": DECIMAL}
_MOST_WHOLE = 2**31 - 1


@dataclass(frozen=True)
class Plan:
    """Arrays that tell `parse_lines` what to do with each wanted column of one layout; see there."""

    jobs: np.ndarray[Any, Any]
    bounds: np.ndarray[Any, Any]
    chains: np.ndarray[Any, Any]
    pattern: np.ndarray[Any, Any]
    steps: np.ndarray[Any, Any]


def plan(places: Mapping[str, int], columns: int, wanted: Wanted, *, has_returns: bool) -> Plan:
    """Return what to do with each wanted column; `places` tells where it stands among a line's `columns`.

    Columns without a rule may hold any number, blanks in decimals too. NotPlainError for a chain of columns of
    unlike kinds, which only the general way can check.
    """
    names, contract = list(places), wanted.contract
    kinds = {name: _KINDS[wanted.fields[name].kind] for name in names}
    slots = {name: slot for of_kind in slots_of(names, wanted).values() for name, slot in of_kind.items()}
    jobs = np.array([(places[n], kinds[n], slots.get(n, -1)) for n in names], np.int64)
    bounds = np.array([_bounds(n, kinds[n], contract) for n in names], np.float64)
    pattern = np.zeros((3, columns + has_returns), np.int32)
    pattern[:2] = [[-(2**31)], [_MOST_WHOLE]]
    for (place, kind, _), (low, high, may_be_blank) in zip(jobs, bounds, strict=True):
        if kind == TEXT:
            continue
        # Ten times a decimal is a whole number up to rounding.
        scale, odd, most = (1, 0, MOST_CELL // 2) if kind == WHOLE else (10, 1, MOST_TENTHS)
        least = max(LEAST_CELL, math.ceil(low * scale - 1e-6)) if low > -_MOST_WHOLE else LEAST_CELL
        greatest = min(most, math.floor(high * scale + 1e-6)) if high < _MOST_WHOLE else most
        holds = (IS_DECIMAL if odd else IS_WHOLE) | (MAY_BE_BLANK if may_be_blank and odd else 0)
        pattern[:, place] = 2 * least + odd, 2 * greatest + odd, holds
    pairs = [
        (lower, upper)
        for chain in contract.rising
        for lower, upper in pairwise([name for name in chain if name in kinds])
    ]
    if any(kinds[lower] != kinds[upper] for lower, upper in pairs):
        raise NotPlainError
    more = {WHOLE: 0.0, DECIMAL: contract.tolerance}
    chains = [(names.index(lower), names.index(upper), more[kinds[lower]]) for lower, upper in pairs]
    steps = [(places[lo], places[up], 2 * math.floor(10 * more[kinds[lo]] + 1e-6)) for lo, up in pairs]
    return Plan(
        jobs,
        bounds,
        np.array(chains, np.float64).reshape(-1, 3),
        np.tile(pattern, PATTERN_ROWS),
        np.array(steps, np.int32).reshape(-1, 3),
    )


def slots_of(names: Sequence[str], wanted: Wanted) -> dict[str, dict[str, int]]:
    """Return, for whole numbers (`integer`) and decimals (`number`), which row of them each column kept goes to."""
    return {
        kind: {
            name: slot
            for slot, name in enumerate(n for n in names if wanted.fields[n].kind == kind and wanted.keep(n))
        }
        for kind in ("integer", "number")
    }


def _bounds(name: str, kind: int, contract: Contract) -> tuple[float, float, bool]:
    rule = contract.columns.get(name)
    if rule is None or kind == TEXT:
        return -math.inf, math.inf, True
    low = -math.inf if rule.low is None else rule.low
    return low, math.inf if rule.high is None else rule.high, rule.is_nullable
