"""Outlier treatment behind the skewness and kurtosis gate of composite-indicator practice.

An indicator passes if |skewness| < 2 or kurtosis < 3.5 (JRC; both of e1071 type 2, that is scipy `bias=False`). One
that does not is winsorised value by value, at most `most` values, then given a logarithm if that did not help.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SKEW_LIMIT = 2.0
KURTOSIS_LIMIT = 3.5
LOG_OFFSET = 0.01


def skewness(values: Array) -> float:
    """Return the sample skewness G1 (type 2) of the known values; 0 where all are alike."""
    from scipy.stats import skew

    known = _known(values)
    return 0.0 if known.size < 3 or np.ptp(known) == 0 else float(skew(known, bias=False))


def kurtosis(values: Array) -> float:
    """Return the sample excess kurtosis G2 (type 2) of the known values; 0 where all are alike."""
    from scipy.stats import kurtosis as excess

    known = _known(values)
    return 0.0 if known.size < 4 or np.ptp(known) == 0 else float(excess(known, bias=False))


def passes_gate(values: Array) -> bool:
    """Return whether the values are well enough behaved to be left alone."""
    return abs(skewness(values)) < SKEW_LIMIT or kurtosis(values) < KURTOSIS_LIMIT


def winsorise(values: Array, *, most: int) -> tuple[Array, int]:
    """Pull outlying values to their neighbour until the gate is passed or `most` values are treated.

    Returns the values and how many were treated. The side follows the sign of the skewness, as it stands at each
    step; values tied at the extreme are pulled together and each counts. Nothing is treated beyond `most`.
    """
    out = np.array(values, dtype=float)
    treated = np.zeros(out.shape, dtype=bool)
    while not passes_gate(out):
        known = _known(out)
        above = skewness(out) > 0
        edge = known.max() if above else known.min()
        inner = known[known < edge] if above else known[known > edge]
        at_edge = out == edge
        if not inner.size or int((treated | at_edge).sum()) > most:
            break
        treated |= at_edge
        out[at_edge] = inner.max() if above else inner.min()
    return out, int(treated.sum())


def log_ct(values: Array) -> Array:
    """Return ln(x - min + 0.01 (max - min)), which is defined for any values that are not all alike."""
    known = _known(values)
    low, spread = float(known.min()), float(np.ptp(known))
    if spread == 0:
        return np.array(values, dtype=float)
    return np.asarray(np.log(np.asarray(values, float) - low + LOG_OFFSET * spread))


def treat(values: Array, *, most: int, then: str) -> tuple[Array, str]:
    """Return treated values and what was done, in words; `values` come back as they were if they pass the gate."""
    if passes_gate(values):
        return np.array(values, dtype=float), "passed the skewness and kurtosis gate untouched"
    winsorised, count = winsorise(values, most=most)
    if passes_gate(winsorised):
        return winsorised, f"{count} outlying values pulled to their neighbour"
    if then == "log_ct":
        logged = log_ct(values)
        done = "a logarithm was taken"
        return logged, done if passes_gate(logged) else f"{done}; still fails the skewness and kurtosis gate"
    return winsorised, f"{count} outlying values pulled to their neighbour; still fails the gate"


def _known(values: Array) -> Array:
    values = np.asarray(values, float)
    return np.asarray(values[np.isfinite(values)])
