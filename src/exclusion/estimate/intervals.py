"""Intervals that hold their promise on councils never seen: cross-conformal, with a width that fits the area.

Residuals of held-out councils, divided by a predicted spread, give two quantiles (Barber, Candes, Ramdas and
Tibshirani 2021, Predictive inference with the jackknife+; Lei and others 2018, Distribution-free predictive
inference for regression, for the division by a spread).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

_RIDGE = 30.0
_FLOOR = 1e-3


@dataclass(frozen=True)
class Spread:
    """A log-linear model of how far held-out areas lie from their estimates, on the angular scale."""

    coefficients: np.ndarray
    low: float
    high: float

    def apply(self, design: np.ndarray) -> np.ndarray:
        """Return the spread of every row of a design; never outside what was seen when it was fitted."""
        return np.asarray(np.exp(np.clip(design @ self.coefficients, self.low, self.high)))


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of `(observed - estimate) / spread` that bound the wanted share of held-out areas."""

    lower: float
    upper: float


def spread_design(table: pd.DataFrame, theta: np.ndarray) -> np.ndarray:
    """Return what the width may depend on: the estimate, households, density, region or nation, and rural class."""
    households = table["households"].to_numpy(float)
    density = np.log(table["residents"].to_numpy(float) / np.maximum(table["area_km2"].to_numpy(float), 1e-4))
    scaled = (density - density.mean()) / max(float(density.std()), 1e-9)
    region = (
        table["rgn_cd"].astype("object").where(table["rgn_cd"].notna(), table["nation"])
        if "rgn_cd" in table
        else table["nation"]
    )
    columns = [
        np.ones(len(table)),
        (theta - theta.mean()) / max(float(theta.std()), 1e-9),
        np.log(households / households.mean()),
        scaled,
        scaled**2,
    ]
    for group in (region.astype(str), table["ruc21cd"].astype(str)):
        columns += [group.eq(code).to_numpy(float) for code in sorted(group.unique())]
    return np.column_stack(columns)


def fit_spread(design: np.ndarray, residuals: np.ndarray) -> Spread:
    """Fit the spread to held-out residuals by ridge regression of their logarithm."""
    size = np.log(np.maximum(np.abs(residuals), _FLOOR))
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[0] = 1e-9
    left = design.T @ design + np.diag(penalty)
    coefficients = np.linalg.solve(left, design.T @ size)
    fitted = design @ coefficients
    low, high = np.quantile(fitted, [0.005, 0.995])
    return Spread(coefficients=coefficients, low=float(low), high=float(high))


def fit_quantiles(residuals: np.ndarray, spread: np.ndarray, confidence: float) -> Quantiles:
    """Return the two quantiles with the finite-sample rank of split conformal prediction, half the error each side."""
    scores = np.sort(residuals / spread)
    count = len(scores)
    rank = int(np.ceil((count + 1) * (1 - (1 - confidence) / 2)))
    # With too few held-out areas for the level asked, the widest residual seen is all that can be said.
    rank = min(rank, count)
    return Quantiles(lower=float(scores[count - rank]), upper=float(scores[rank - 1]))


def held_out_bounds(
    design: np.ndarray,
    theta: np.ndarray,
    observed: np.ndarray,
    folds: Sequence[np.ndarray],
    confidence: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper bounds on the angular scale for each row, calibrated without its own fold.

    `theta` are held-out estimates, `observed` what was seen. Neither the spread nor the quantiles of a fold see the
    fold's own observations.
    """
    residuals = observed - theta
    low, high = np.empty_like(theta), np.empty_like(theta)
    for fold in folds:
        others = np.ones(len(theta), dtype=bool)
        others[fold] = False
        spread = fit_spread(design[others], residuals[others])
        quantiles = fit_quantiles(residuals[others], spread.apply(design[others]), confidence)
        here = spread.apply(design[fold])
        low[fold] = theta[fold] + quantiles.lower * here
        high[fold] = theta[fold] + quantiles.upper * here
    return low, high
