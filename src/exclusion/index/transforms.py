"""Scores from values: ranks, the exponential and normal transforms, and curves that can be frozen.

Every transform is a monotone piecewise-linear curve from value to score (`ScoreCurve`): a rank transform has a knot
at every distinct value, min-max and z-scores have two. A curve made once and stored is the frozen reference of an
edition; it scores any later value, an imputed one, or a mixture for a Shapley share, without a step (a step function
jumps when float rounding moves a value across its own knot).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.index.spec import Score

Array = npt.NDArray[Any]

# The 23 gives about 10% cancellation between a good and a bad domain (IoD 2019 Technical Report, Appendix F).
EXPONENTIAL_SCALE = 23.0

_END_SHARE = 0.01


def exponential_score(share: Array) -> Array:
    """Return X = -23 ln(1 - R (1 - exp(-100/23))), 0 to 100, for R = (N - rank + 1) / N, 1 the most excluded.

    IoD 2019 Technical Report, Appendix F; WIMD 2019 Technical Report, Annex A.
    """
    top = -np.expm1(-100.0 / EXPONENTIAL_SCALE)
    return np.asarray(-EXPONENTIAL_SCALE * np.log1p(-np.asarray(share, float) * top))


def normal_score(share: Array) -> Array:
    """Return the normal deviate of a share strictly between 0 and 1."""
    from scipy.special import ndtri

    return np.asarray(ndtri(np.asarray(share, float)))


def goalposts(values: Array, low: float, high: float, *, is_reversed: bool = False) -> Array:
    """Return (x - low) / (high - low) clipped to 0 and 1; one minus that where `is_reversed`."""
    share = np.clip((np.asarray(values, float) - low) / (high - low), 0.0, 1.0)
    return np.asarray(1.0 - share if is_reversed else share)


def distance_to_target(values: Array, target: float, low: float, *, is_capped: bool = False) -> Array:
    """Return (x - low) / (target - low), at most 1 where `is_capped`."""
    share = (np.asarray(values, float) - low) / (target - low)
    return np.asarray(np.minimum(share, 1.0) if is_capped else share)


def ranks_descending(scores: Array, *, ties: str = "min") -> Array:
    """Return ranks with 1 for the largest score; null scores keep a null rank. `ties` is `min` or `average`."""
    from scipy.stats import rankdata

    out = np.full(scores.shape, np.nan)
    known = np.isfinite(scores)
    out[known] = rankdata(-scores[known], method=ties)
    return out


@dataclass(frozen=True)
class ScoreCurve:
    """Map values to scores by straight lines between knots.

    `values` ascending (K,), `scores` (K,) not falling. Beyond the ends the curve goes on with the slope of its
    outermost hundredth where `goes_on`, so that a later edition can pass 0 and 100; else it is flat. `neutral` is
    the score of an area that is taken as typical because nothing is known of it.
    """

    values: Array
    scores: Array
    neutral: float
    goes_on: bool = False

    def __call__(self, values: Array) -> Array:
        """Return scores for values; null stays null."""
        values = np.asarray(values, dtype=float)
        out = np.interp(values, self.values, self.scores)
        if self.goes_on and len(self.values) > 1:
            low, high = values < self.values[0], values > self.values[-1]
            if low.any() or high.any():
                first, last = self._end_slopes()
                out = np.where(low, self.scores[0] + first * (values - self.values[0]), out)
                out = np.where(high, self.scores[-1] + last * (values - self.values[-1]), out)
        return np.asarray(np.where(np.isfinite(values), out, np.nan))

    def _end_slopes(self) -> tuple[float, float]:
        step = max(1, int(len(self.values) * _END_SHARE))
        first = (self.scores[step] - self.scores[0]) / (self.values[step] - self.values[0])
        last = (self.scores[-1] - self.scores[-1 - step]) / (self.values[-1] - self.values[-1 - step])
        return float(first), float(last)

    def thinned(self, knots: int) -> "ScoreCurve":
        """Return the curve with at most `knots` knots, closest at both ends, where rank scores bend most."""
        count = len(self.values)
        if count <= knots:
            return self
        end = knots // 8
        middle = np.linspace(end, count - 1 - end, knots - 2 * end).round().astype(int)
        keep = np.unique(np.concatenate([np.arange(end), middle, np.arange(count - end, count)]))
        return ScoreCurve(self.values[keep], self.scores[keep], self.neutral, self.goes_on)

    def frozen(self) -> "ScoreCurve":
        """Return the curve as a reference for other editions: it goes on beyond its ends."""
        return ScoreCurve(self.values, self.scores, self.neutral, goes_on=True)


def fit_curve(
    values: Array,
    score: Score,
    *,
    ties: str = "average",
    scale: float = 100.0,
    posts: tuple[float, float] | None = None,
) -> ScoreCurve:
    """Return the curve of a transform for a sample of values (higher is more excluded); null values are left out.

    exponential: 0 to 100 from R = rank from below / N. normal: (rank - 0.5) / N through the normal distribution.
    prank: (rank - 1) / (N - 1) x scale. minmax: 0 to scale. zscore: mean 0, standard deviation 1. goalposts: fixed
    posts, clipped. identity: the value itself. Ties share their average rank, or the rank of the most excluded of
    them where `ties` is `min` (a published rank, counted from the most excluded, is then the smallest).
    """
    known = np.sort(np.asarray(values, float)[np.isfinite(values)])
    if not len(known):
        return ScoreCurve(np.array([0.0]), np.array([0.0]), 0.0)
    if score in {"identity", "minmax", "zscore", "goalposts"}:
        return _straight(known, score, scale, posts)
    n = len(known)
    distinct, counts = np.unique(known, return_counts=True)
    upper = np.cumsum(counts).astype(float)
    rank = upper if ties == "min" else upper - (counts - 1) / 2.0
    # A value known nowhere is taken as the median area, by rank and not by value.
    middle = np.array([(n + 1) / 2.0])
    return ScoreCurve(
        distinct, _rank_score(rank, n, score, scale), float(_rank_score(middle, n, score, scale)[0])
    )


def _rank_score(rank: Array, n: int, score: str, scale: float) -> Array:
    if score == "exponential":
        return exponential_score(rank / n)
    if score == "normal":
        return normal_score((rank - 0.5) / n)
    return np.asarray(scale * (rank - 1.0) / max(n - 1, 1))


def _straight(known: Array, score: str, scale: float, posts: tuple[float, float] | None) -> ScoreCurve:
    low, high = float(known[0]), float(known[-1])
    median = float(np.median(known))
    if score == "goalposts":
        assert posts is not None
        low, high = posts
        curve = ScoreCurve(np.array([low, high]), np.array([0.0, scale]), 0.0)
        return ScoreCurve(curve.values, curve.scores, float(curve(np.array([median]))[0]))
    if score == "identity":
        return ScoreCurve(np.array([low, low + 1.0]), np.array([low, low + 1.0]), median, goes_on=True)
    if high == low:
        # All areas are alike: nobody is more excluded than anybody else.
        return ScoreCurve(np.array([low]), np.array([0.0]), 0.0)
    if score == "minmax":
        return ScoreCurve(
            np.array([low, high]), np.array([0.0, scale]), scale * (median - low) / (high - low)
        )
    mean, sd = float(known.mean()), float(known.std(ddof=0))
    ends = np.array([low, high])
    return ScoreCurve(ends, (ends - mean) / sd, (median - mean) / sd, goes_on=True)
