"""Empirical-Bayes shrinkage of small-area rates on the logit scale.

IoD 2019 Technical Report, Appendix D. The official formula takes the whole spread of the observed logits as the
spread of the truth, which still contains the sampling variance and so shrinks too little; `eb` takes the sampling
variance out first (a moment estimate).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Shrunk:
    """Hold one indicator after shrinkage, each (N,): the posterior of the logit rate of every area.

    `rate` is the shrunk rate (0 to 1); `weight` the share of the area's own evidence; `logit` and `logit_sd` mean
    and standard deviation of the posterior; null where the rate is not known. The variance is that of the area given
    its group and that of the group's centre (g1 + g2 of Prasad & Rao 1990, JASA 85:163); that of the spread itself
    is left out.
    """

    rate: Array
    weight: Array
    logit: Array
    logit_sd: Array


def logit_rates(events: Array, base: Array) -> tuple[Array, Array]:
    """Return the logit of a rate and its sampling variance, with the half corrections of the IoD.

    m = ln((r + 0.5) / (n - r + 0.5)); s2 = (n + 1)(n + 2) / (n (r + 1)(n - r + 1)). Null where n is 0 or unknown.
    """
    r = np.asarray(events, float)
    n = np.where(np.asarray(base, float) > 0, base, np.nan).astype(float)
    with np.errstate(invalid="ignore"):
        r = np.minimum(r, n)
        return (
            np.asarray(np.log((r + 0.5) / (n - r + 0.5))),
            np.asarray((n + 1) * (n + 2) / (n * (r + 1) * (n - r + 1))),
        )


def shrink_rates(
    events: Array,
    base: Array,
    groups: Array,
    *,
    method: Literal["eb", "iod"] = "eb",
    inflation: float = 1.0,
    variance: Array | None = None,
) -> Shrunk:
    """Shrink the rate of each area towards the rate of its group.

    `events`, `base` are counts (N,), `groups` codes 0.. (N,). `inflation` multiplies the sampling variance (a
    design effect) and `variance` (N,) replaces it. In a group of one area there is no spread to learn from, so it keeps its own rate.
    """
    m, s2 = logit_rates(events, base)
    s2 = (s2 if variance is None else np.where(np.isfinite(m), variance, np.nan)) * inflation
    known = np.isfinite(m)
    count = int(groups.max()) + 1 if len(groups) else 0
    codes = groups[known]

    def by_group(values: Array) -> Array:
        return np.bincount(codes, weights=values[known], minlength=count)

    # Two Census tables may disagree by a person or two, so a count can exceed its base.
    n = np.asarray(base, float)
    r_total, n_total = by_group(np.minimum(np.asarray(events, float), n)), by_group(n)
    size = np.bincount(codes, minlength=count)
    centre = np.log((r_total + 0.5) / (n_total - r_total + 0.5))
    spread = by_group((m - centre[groups]) ** 2) / np.maximum(size - 1, 1)
    if method == "eb":
        spread = np.maximum(spread - by_group(s2) / np.maximum(size, 1), 0.0)
    own = spread[groups] / (spread[groups] + s2)
    own = np.where(size[groups] > 1, own, 1.0)
    posterior = own * m + (1 - own) * centre[groups]
    # Where no spread is found the areas share one rate, but that rate is not known exactly either.
    evidence = by_group(1.0 / (spread[groups] + s2))
    of_centre = np.divide(1.0, evidence, out=np.zeros(count), where=evidence > 0)
    return Shrunk(
        rate=1.0 / (1.0 + np.exp(-posterior)),
        weight=own,
        logit=posterior,
        logit_sd=np.sqrt(own * s2 + (1 - own) ** 2 * of_centre[groups]),
    )


def median_cv(events: Array, base: Array) -> float:
    """Return the median coefficient of variation of the rates, taking each count as binomial."""
    n = np.where(np.asarray(base, float) > 0, base, np.nan).astype(float)
    p = np.minimum((np.asarray(events, float) + 0.5) / (n + 1.0), 1.0)
    cv = np.sqrt((1 - p) / (p * n))
    return float(np.nanmedian(cv)) if np.isfinite(cv).any() else 0.0
