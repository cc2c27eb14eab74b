"""Numbers of the command line: whole ones that are not rounded, and others that are numbers indeed."""

import math
from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter, Token


def _whole(_: Any, tokens: Sequence[Token]) -> int:
    """Return a whole number; ValueError for "1.5", which the library would round."""
    text = tokens[0].value
    try:
        return int(text)
    except ValueError:
        raise ValueError(f'"{text}" is not a whole number.') from None


def _finite(_: Any, tokens: Sequence[Token]) -> float:
    """Return a number; ValueError for infinity and for what is no number at all."""
    text = tokens[0].value
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f'"{text}" is not a number.')
    return value


Whole = Annotated[int, Parameter(converter=_whole)]
Number = Annotated[float, Parameter(converter=_finite)]
