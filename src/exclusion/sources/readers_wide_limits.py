"""What a contract asks of a wide table's numbers, in the terms of the compiled pass."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from exclusion.sources.contracts import Rule
from exclusion.sources.readers_wide_cells import IS_DECIMAL, IS_WHOLE, MAY_BE_BLANK, MOST_DIGITS
from exclusion.sources.readers_wide_kernel import DECIMAL, PATTERN_ROWS, TEXT, WHOLE
from exclusion.sources.readers_wide_parts import NotPlainError, Wanted

_KINDS = {"text": TEXT, "integer": WHOLE, "number": DECIMAL}
# Ten times a decimal is a whole number up to rounding.
_DUST = 1e-6


@dataclass(frozen=True)
class Plan:
    """Arrays that tell `parse_lines` what to do with each wanted column of one layout; see there."""

    jobs: np.ndarray[Any, Any]
    pattern: np.ndarray[Any, Any]
    steps: np.ndarray[Any, Any]


def plan(places: Mapping[str, int], columns: int, wanted: Wanted, *, has_returns: bool) -> Plan:
    """Return what to do with each wanted column; `places` tells where it stands among a line's `columns`.

    Columns without a rule may hold any number, blanks in decimals too. NotPlainError for a chain of columns of
    unlike kinds, which only the general way can check.
    """
    kinds = {name: _KINDS[wanted.fields[name].kind] for name in places}
    slots = {name: slot for of_kind in slots_of(places, wanted).values() for name, slot in of_kind.items()}
    jobs = np.array([(place, kinds[n], slots.get(n, -1)) for n, place in places.items()], np.int64)
    pattern = np.zeros((3, columns + has_returns), np.int32)
    pattern[:2] = [[-(2**31)], [2**31 - 1]]
    for name, place in places.items():
        if kinds[name] != TEXT:
            pattern[:, place] = _limits(kinds[name], wanted.contract.columns.get(name))
    pairs = [
        (lower, upper)
        for chain in wanted.contract.rising
        for lower, upper in pairwise([name for name in chain if name in kinds])
    ]
    if any(kinds[lower] != kinds[upper] for lower, upper in pairs):
        raise NotPlainError
    more = {WHOLE: 0, DECIMAL: 2 * math.floor(10 * wanted.contract.tolerance + _DUST)}
    steps = [(places[lower], places[upper], more[kinds[lower]]) for lower, upper in pairs]
    return Plan(jobs, np.tile(pattern, PATTERN_ROWS), np.array(steps, np.int32).reshape(-1, 3))


def _limits(kind: int, rule: Rule | None) -> tuple[int, int, int]:
    """Return the least and the greatest that a cell may become and what its column may hold; see `parse_sixteen`."""
    scale, odd, holds = (1, 0, IS_WHOLE) if kind == WHOLE else (10, 1, IS_DECIMAL)
    low = rule.low if rule and rule.low is not None else 0
    high = rule.high if rule and rule.high is not None else math.inf
    if odd and (rule is None or rule.is_nullable):
        holds |= MAY_BE_BLANK
    least = max(0, math.ceil(low * scale - _DUST))
    greatest = MOST_DIGITS if high * scale >= MOST_DIGITS else math.floor(high * scale + _DUST)
    return 2 * least + odd, 2 * greatest + odd, holds


def slots_of(names: Iterable[str], wanted: Wanted) -> dict[str, dict[str, int]]:
    """Return, for whole numbers (`integer`) and decimals (`number`), which row of them each column kept goes to."""
    return {
        kind: {
            name: slot
            for slot, name in enumerate(n for n in names if wanted.fields[n].kind == kind and wanted.keep(n))
        }
        for kind in ("integer", "number")
    }
