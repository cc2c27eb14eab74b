"""The fitted estimator: two halves blended on the angular scale, held-out predictions, bounds and contributions.

A share p of about 700 households has variance p(1-p)/n; on the angular scale asin(sqrt(p)) the variance is 1/(4n)
whatever p is (Anscombe 1948), so squared loss weighted by households is the proper loss there, and sin squared
keeps every estimate within 0 and 1.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd

from exclusion.errors import ContractError, InputError
from exclusion.estimate.features import DRIVERS, Features
from exclusion.estimate.intervals import fit_quantiles, fit_spread, held_out_bounds, spread_design
from exclusion.estimate.kernel import fit_kernel
from exclusion.estimate.trees import TreeFit, fit_trees

FOLDS = 10
FEWEST_COUNCILS = 3
#: Landmarks a view.
LANDMARKS = 1000
#: Weight of the trees in the blend; the rest is the kernel's.
TREE_WEIGHT = 0.2


@dataclass(frozen=True)
class Fitted:
    """What a fit says of every area of its table; all arrays but the first block are on the angular scale.

    `rows` are the positions of the areas that were learnt from, `fold_of_row` their fold. `held_out`, `held_out_low`
    and `held_out_high` belong to `rows` and come from fits without the row's council; `theta`, `low` and `high`
    belong to all areas; `contributions` (areas x drivers) sum to theta less that of the average area.
    `smearing` is the variance of held-out residuals, which the way back to shares needs.
    """

    rows: np.ndarray
    fold_of_row: np.ndarray
    held_out: np.ndarray
    held_out_low: np.ndarray
    held_out_high: np.ndarray
    theta: np.ndarray
    low: np.ndarray
    high: np.ndarray
    contributions: np.ndarray
    smearing: float


def angle(share: np.ndarray) -> np.ndarray:
    """Return asin(sqrt(share)) of shares between 0 and 1."""
    return np.asarray(np.arcsin(np.sqrt(share)))


def share_of(theta: np.ndarray, smearing: float) -> np.ndarray:
    """Return the mean share at an angle around which observations scatter with variance `smearing`.

    E[sin(theta + e)^2] is sin(theta)^2 + variance * cos(2 theta) to second order, so the estimate is unbiased for
    shares and not only for angles. Always within 0 and 1.
    """
    inside = np.clip(theta, 0.0, np.pi / 2)
    return np.asarray(np.sin(inside) ** 2 + smearing * np.cos(2 * inside))


def council_folds(councils: Sequence[str], *, seed: int, folds: int = FOLDS) -> np.ndarray:
    """Return the fold of every row so that a council is never split; with few councils, one fold each.

    Councils are dealt out largest first to the fold with the fewest rows, in an order shuffled by `seed` among equals.
    Raises InputError with fewer than three councils.
    """
    names, codes = np.unique(np.asarray(councils, dtype=str), return_inverse=True)
    if len(names) < FEWEST_COUNCILS:
        raise InputError(
            f"The yardstick covers {len(names)} council(s) and the estimator needs at least {FEWEST_COUNCILS} to hold "
            "whole councils out; supply a Digital Propensity file with more councils, or ask for the synthetic "
            "estimate from published national rates, which has no interval and no back-test."
        )
    sizes = np.bincount(codes)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    load = np.zeros(min(folds, len(names)), dtype=np.int64)
    fold_of_council = np.empty(len(names), dtype=np.int64)
    for council in order:
        fold_of_council[council] = int(np.argmin(load))
        load[fold_of_council[council]] += sizes[council]
    return fold_of_council[codes]


def fit(
    table: pd.DataFrame,
    features: Features,
    observed_share: pd.Series,
    *,
    confidence: float,
    seed: int,
    landmarks: int = LANDMARKS,
) -> Fitted:
    """Fit on the areas with an observed share, each council held out in turn, and predict all areas.

    `table` is the indicator table, `features` its features in the same order, `observed_share` (index `lsoa21cd`)
    the share of households offline between 0 and 1, null or absent where not observed. Raises InputError with fewer
    than three councils.
    """
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # One thread for each half, so that sums are taken in the same order on every machine and two threads that wait for
    # one core do not burn both. A limit reaches only libraries that are loaded, so scikit-learn comes first.
    with threadpool_limits(limits=1):
        return _fit(table, features, observed_share, confidence=confidence, seed=seed, landmarks=landmarks)


def _fit(
    table: pd.DataFrame,
    features: Features,
    observed_share: pd.Series,
    *,
    confidence: float,
    seed: int,
    landmarks: int,
) -> Fitted:
    observed = observed_share.reindex(table.index).to_numpy(float)
    rows = np.flatnonzero(np.isfinite(observed))
    if (observed[rows] < 0).any() or (observed[rows] > 1).any():
        worst = table.index[rows[(observed[rows] < 0) | (observed[rows] > 1)]][0]
        raise ContractError(
            f"The yardstick's offline share of {worst} is outside 0 to 100 per cent; check the file."
        )
    if rows.size and np.ptp(observed[rows]) == 0:
        raise InputError(
            "The yardstick has the same share in every area, so there is nothing to learn; check the file."
        )
    fold_of_row = council_folds(table["lad_cd"].iloc[rows].tolist(), seed=seed)
    folds = [np.flatnonzero(fold_of_row == number) for number in range(int(fold_of_row.max()) + 1)]
    target = angle(observed[rows])
    weights = table["households"].to_numpy(float)[rows]
    weights = weights / weights.mean()
    held_out, theta, contributions = _fit_halves(
        features, rows, target, weights, folds, landmarks=landmarks, seed=seed
    )
    residuals = target - held_out
    design = spread_design(table, theta)
    # The widths of held-out rows may not see the final fit, so their design is made from held-out estimates.
    mixed = theta.copy()
    mixed[rows] = held_out
    design_rows = spread_design(table, mixed)[rows]
    held_low, held_high = held_out_bounds(design_rows, held_out, target, folds, confidence)
    spread = fit_spread(design_rows, residuals)
    quantiles = fit_quantiles(residuals, spread.apply(design_rows), confidence)
    widths = spread.apply(design)
    return Fitted(
        rows=rows,
        fold_of_row=fold_of_row,
        held_out=held_out,
        held_out_low=held_low,
        held_out_high=held_high,
        theta=theta,
        low=theta + quantiles.lower * widths,
        high=theta + quantiles.upper * widths,
        contributions=contributions,
        # The trees' own half is a mean share already; only the kernel's is a mean angle.
        smearing=float((1 - TREE_WEIGHT) * np.average(residuals**2, weights=weights)),
    )


def _fit_halves(
    features: Features,
    rows: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
    folds: Sequence[np.ndarray],
    *,
    landmarks: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return held-out predictions of `rows`, and predictions and contributions of all areas.

    The two halves run side by side, so that two cores are used.
    """
    values = features.frame.to_numpy(float)
    middle = len(values) // 2
    with ThreadPoolExecutor(max_workers=2) as pool:
        waiting = pool.submit(_trees_on_one_thread, features, rows, np.sin(target) ** 2, folds, seed)
        smooth = pool.submit(
            fit_kernel, features, rows, target, weights, folds, landmarks=landmarks, seed=seed
        ).result()
        parts = [pool.submit(smooth.part.contributions, half) for half in (values[:middle], values[middle:])]
        theta = smooth.part.predict(values)
        steps = waiting.result()
        contributions = np.concatenate([part.result() for part in parts])
    scores = steps.part.predict(values)
    return (
        _blend(smooth.held_out, _angle_of_log(steps.held_out)),
        _blend(theta, _angle_of_log(scores)),
        _blend(
            contributions, _angle_parts(scores, steps.part.average_score, steps.part.contributions(values))
        ),
    )


def _trees_on_one_thread(
    features: Features, rows: np.ndarray, share: np.ndarray, folds: Sequence[np.ndarray], seed: int
) -> TreeFit:
    from threadpoolctl import threadpool_limits

    # OpenMP keeps a limit for each thread, so it is set again inside the thread that boosts.
    with threadpool_limits(limits=1):
        return fit_trees(features, rows, share, folds, seed=seed)


def _angle_of_log(score: np.ndarray) -> np.ndarray:
    return angle(np.exp(np.minimum(score, 0.0)))


def _angle_parts(score: np.ndarray, average: float, parts: np.ndarray) -> np.ndarray:
    """Return contributions to a log share as contributions to the angle, by each area's own secant to the average.

    The way from one to the other is monotone, so every secant is positive and no contribution changes its sign; rows
    sum to the distance of the angles.
    """
    middle = np.array([average])
    distance = score - average
    is_far = np.abs(distance) > 1e-9
    share = float(np.exp(min(average, -1e-9)))
    slope = np.full(len(score), 0.5 * np.sqrt(share / (1 - share)))
    slope[is_far] = (_angle_of_log(score) - _angle_of_log(middle))[is_far] / distance[is_far]
    return np.asarray(parts * slope[:, None])


def _blend(smooth: np.ndarray, steps: np.ndarray) -> np.ndarray:
    return (1 - TREE_WEIGHT) * smooth + TREE_WEIGHT * steps


__all__ = ["DRIVERS", "Fitted", "angle", "council_folds", "fit", "share_of"]
