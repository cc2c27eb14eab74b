"""Counting deprivations: how many areas are excluded in several ways at once, and how deeply (Alkire & Foster 2011)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Counting:
    """Hold the counting measures.

    `counts` (N,) weighted deprivations, share of poor H, their mean share of deprivations A, M0 = H x A, M1 (depth),
    M2 (severity); `by_dimension` (D,) sums to M0.
    """

    counts: Array
    headcount: float
    intensity: float
    m0: float
    m1: float
    m2: float
    by_dimension: Array


def counting(achievements: Array, cutoffs: Array, k: float, weights: Array | None = None) -> Counting:
    """Return the Alkire-Foster measures of (N, D) achievements; deprived below a cutoff, poor from `k` on.

    `weights` (D,) sum to D; equal where not given. Gaps are (cutoff - achievement) / cutoff, counted of the poor only.
    """
    n, dimensions = achievements.shape
    weight = np.ones(dimensions) if weights is None else np.asarray(weights, float)
    is_deprived = achievements < cutoffs
    counts = is_deprived @ weight
    is_poor = counts >= k
    gaps = np.where(is_deprived, (cutoffs - achievements) / cutoffs, 0.0) * is_poor[:, None]
    censored = (is_deprived & is_poor[:, None]) * weight
    size = n * dimensions
    return Counting(
        counts=counts,
        headcount=float(is_poor.mean()),
        intensity=float(counts[is_poor].mean() / dimensions) if is_poor.any() else 0.0,
        m0=float(censored.sum() / size),
        m1=float((gaps * weight).sum() / size),
        m2=float((gaps**2 * weight).sum() / size),
        by_dimension=censored.sum(axis=0) / size,
    )


def needs_counting(domain_scores: Array, threshold: float, k: int = 2) -> Counting:
    """Return the counting measures of domain scores (M, N): deprived from `threshold` on, poor in `k` domains.

    Depth is not defined for scores without an upper post, so M1 and M2 are those of the 0-to-100 scale.
    """
    room = 100.0 - np.asarray(domain_scores, float).T
    # A score at the threshold is deprived, which "below the cutoff" would leave out.
    cutoff = np.nextafter(100.0 - threshold, np.inf)
    return counting(room, np.full(room.shape[1], cutoff), float(k))
