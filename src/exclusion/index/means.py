"""Weighted means of domain scores, and the exact share of each domain in a difference between two means."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError

Array = npt.NDArray[Any]
Kind = Literal["arithmetic", "geometric", "harmonic", "power"]

_NEAR = 1e-6
_MOST_PAIRED = 5000


def weighted_sum(weights: Array, rows: Array) -> Array:
    """Return the sum over the first axis of weight x row, added in order.

    Not a matrix product: its rounding depends on how many areas there are, and an area must have the same score, to
    the last bit, in a county's run and in the nation's.
    """
    out = weights[0] * rows[0]
    for weight, row in zip(weights[1:], rows[1:], strict=True):
        out = out + weight * row
    return np.asarray(out)


def weighted_mean(
    scores: Array, weights: Array, *, kind: Kind = "arithmetic", power: float = 1.0, offset: float = 0.0
) -> Array:
    """Return the weighted mean over the first axis.

    `scores` is (M, N) or (M,), `weights` (M,) as stated. The arithmetic mean is the plain weighted sum, so weights
    that sum to 0.999 give 0.999 of the mean (the published English index is made so). The others divide by the sum
    of the weights. `offset` is added to every score and taken off the result. InputError where a geometric,
    harmonic or negative-power mean meets a score that is not positive.
    """
    weights = np.asarray(weights, dtype=float)
    if kind == "arithmetic":
        return weighted_sum(weights, scores)
    shifted = np.asarray(scores, dtype=float) + offset
    exponent = {"geometric": 0.0, "harmonic": -1.0}.get(kind, power)
    if (exponent <= 0 and (shifted <= 0).any()) or (exponent != int(exponent) and (shifted < 0).any()):
        raise InputError(
            f"A {kind} mean met a score that is not positive; state a larger `offset` in the spec or use the "
            "arithmetic mean."
        )
    total = weights.sum()
    if exponent == 0.0:
        return np.asarray(np.exp(weighted_sum(weights / total, np.log(shifted))) - offset)
    return np.asarray(weighted_sum(weights / total, shifted**exponent) ** (1.0 / exponent) - offset)


def mean_slopes(
    scores: Array,
    reference: Array,
    weights: Array,
    *,
    kind: Kind = "arithmetic",
    power: float = 1.0,
    offset: float = 0.0,
) -> Array:
    """Return m (M, N) such that the difference of the means is exactly the sum of m x (scores - reference).

    For the arithmetic mean m is the weight. For the geometric mean it is the log-mean Divisia share (Ang 2004),
    w L(S, S_ref) / L(X, X_ref) with L(a, b) = (a - b) / ln(a / b); for a power mean the same with
    L_p(a, b) = (a^p - b^p) / (a - b). `reference` is (M,) or (M, N).
    """
    weights = np.asarray(weights, dtype=float)
    ref = np.broadcast_to(
        reference if np.ndim(reference) == np.ndim(scores) else reference[:, None], scores.shape
    )
    if kind == "arithmetic":
        return np.broadcast_to(weights[:, None], scores.shape)
    exponent = {"geometric": 0.0, "harmonic": -1.0}.get(kind, power)
    share = (weights / weights.sum())[:, None]
    whole = weighted_mean(scores, weights, kind=kind, power=power, offset=offset) + offset
    whole_ref = weighted_mean(ref, weights, kind=kind, power=power, offset=offset) + offset
    inner = _secant(scores + offset, ref + offset, exponent)
    outer = _secant(whole, whole_ref, exponent)
    return np.asarray(share * inner / outer)


def log_mean(a: Array, b: Array) -> Array:
    """Return the logarithmic mean (a - b) / ln(a / b) of positive numbers, and a where they are equal."""
    return np.asarray(1.0 / _secant(np.asarray(a, float), np.asarray(b, float), 0.0))


def product_contributions(factors: Array, reference: Array) -> Array:
    """Return the log-mean Divisia share of each factor in the difference of two products.

    `factors` is (M, N), `reference` (M,) or (M, N), all positive; the result sums over M to the difference of the
    products (perfect decomposition, Ang 2004).
    """
    ref = np.broadcast_to(reference if np.ndim(reference) == 2 else reference[:, None], factors.shape)
    return np.asarray(log_mean(factors.prod(axis=0), ref.prod(axis=0)) * np.log(factors / ref))


def _secant(a: Array, b: Array, exponent: float) -> Array:
    """Return (a^p - b^p) / (a - b), or (ln a - ln b) / (a - b) for p = 0, stable where a and b are near."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    if exponent == 1.0:
        return np.ones_like(a)
    if exponent == 2.0:
        return a + b
    gap = a - b
    middle = 0.5 * (a + b)
    near = np.abs(gap) <= _NEAR * np.abs(middle)
    safe = np.where(near, 1.0, gap)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Beyond the first order the error of the tangent at the middle is (gap / middle)^2, below 1e-12 here.
        if exponent == 0.0:
            return np.where(near, 1.0 / middle, np.log1p(gap / b) / safe)
        tangent = exponent * middle ** (exponent - 1.0)
        return np.where(near, tangent, (a**exponent - b**exponent) / safe)


def copeland(values: Array, weights: Array) -> Array:
    """Return Copeland scores: in how many pairs a unit wins by weight of indicators, less those it loses.

    `values` (K, N), higher wins, ties count half. InputError above 5,000 units, because every pair is compared; for
    small comparisons such as councils, never for ranking all areas.
    """
    if values.shape[1] > _MOST_PAIRED:
        raise InputError(
            f"Copeland scores compare every pair and are made for at most {_MOST_PAIRED:,} units; use a mean instead."
        )
    share = np.zeros((values.shape[1],) * 2)
    for weight, row in zip(weights / weights.sum(), values, strict=True):
        share += weight * np.where(row[:, None] == row, 0.5, row[:, None] > row)
    # Half a weight may come out a rounding below or above one half.
    return np.asarray(np.sign(np.round(share - 0.5, 12)).sum(axis=1))
