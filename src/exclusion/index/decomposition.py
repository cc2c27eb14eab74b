"""Exact contributions: how much of an area's distance from the typical area each domain and indicator makes.

The typical area stands at the median of every indicator. Inside a domain, where a rank transform bends the sum, an
indicator's share is its Shapley value (Shapley 1953) with the absent indicators at the typical value and the curve
of the domain frozen; between domains it is exact for arithmetic, geometric and power means (`means.mean_slopes`).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index.means import mean_slopes, weighted_mean, weighted_sum
from exclusion.index.spec import Spec
from exclusion.index.transforms import ScoreCurve

Array = npt.NDArray[Any]

MOST_INDICATORS = 10


@dataclass(frozen=True)
class Contributions:
    """Hold contributions to risk_score - reference_score: `domains` (M, N), `indicators` (K, N).

    Indicators sum to their domain and domains to the difference. `reference_score` is the risk score of the
    typical area, `reference_domains` (M,) its domain scores.
    """

    domains: Array
    indicators: Array
    reference_score: float
    reference_domains: Array


def shapley(parts: Array, typical: Array, weights: Array, curve: ScoreCurve, whole: Array) -> Array:
    """Return Shapley values (K, N) of the indicators in curve(sum of weights x parts) against the typical area.

    `parts` (K, N) are indicator scores, `typical` (K,) theirs at the typical area, `whole` (N,) the domain score
    with all of them present, as it was built. Values sum over K to whole - curve(sum of weights x typical).
    InputError beyond ten indicators, because the cost doubles with each.
    """
    count = len(parts)
    if count > MOST_INDICATORS:
        raise InputError(
            f"A domain has {count} indicators; exact contributions are made for at most {MOST_INDICATORS}, so split it."
        )
    start = curve(weighted_sum(weights, typical[:, None]))[0]
    if count == 1:
        return np.asarray((whole - start)[None, :])
    steps = weights[:, None] * (parts - typical[:, None])
    base = float(weights @ typical)
    full = (1 << count) - 1
    value: dict[int, Array] = {0: np.full(parts.shape[1], start), full: whole}
    sums: dict[int, Array] = {0: np.full(parts.shape[1], base)}
    for subset in range(1, full):
        low = subset & -subset
        sums[subset] = sums[subset ^ low] + steps[low.bit_length() - 1]
        value[subset] = curve(sums[subset])
    out = np.zeros_like(parts, dtype=float)
    for subset in range(full):
        size = subset.bit_count()
        share = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
        for k in range(count):
            if not subset >> k & 1:
                out[k] += share * (value[subset | 1 << k] - value[subset])
    return out


def decompose(
    spec: Spec,
    *,
    indicator_scores: Array,
    domain_scores: Array,
    typical: Array,
    inner_weights: dict[str, Array],
    curves: dict[str, ScoreCurve],
) -> Contributions:
    """Return the contributions of a build; `indicator_scores` (K, N), `domain_scores` (M, N), `typical` (K,)."""
    index = spec.index
    reference = np.array(
        [
            curves[name](weighted_sum(inner_weights[name], typical[list(spec.in_domain(name)), None]))[0]
            for name in spec.domain_ids
        ]
    )
    weights = np.array([spec.domains[name].weight for name in spec.domain_ids])
    how: dict[str, Any] = {"kind": index.aggregation, "power": index.power, "offset": index.offset}
    slopes = mean_slopes(domain_scores, reference, weights, **how)
    by_domain = slopes * (domain_scores - reference[:, None])
    by_indicator = np.empty_like(indicator_scores, dtype=float)
    for d, name in enumerate(spec.domain_ids):
        members = list(spec.in_domain(name))
        inner = shapley(
            indicator_scores[members], typical[members], inner_weights[name], curves[name], domain_scores[d]
        )
        by_indicator[members] = slopes[d] * inner
    return Contributions(by_domain, by_indicator, float(weighted_mean(reference, weights, **how)), reference)
