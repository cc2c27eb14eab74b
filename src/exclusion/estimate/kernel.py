"""The smooth half of the estimator: kernel ridge regression whose explanation is exact and whose folds are cheap.

Gaussian kernels over several views of an area plus a linear term, in the Nystrom approximation (Williams and Seeger
2001, Using the Nystrom method to speed up kernel machines). Normal equations add up over rows, so a fit without a
council is the sum over all other folds: every held-out fold costs one solve, and the held-out rows provably do not
enter it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numba
import numpy as np
from scipy import linalg
from scipy.special import ndtri

from exclusion.estimate.features import DRIVERS, Features

#: Standardised features are cut off here, so that one odd area cannot be infinitely far from all others.
CLIP = 4.0
#: Neighbours' means count for half in the distance between two areas; found on held-out councils, not fitted.
NEIGHBOUR_SCALE = 0.5
#: Ratio of noise to signal variance on the angular scale with weights of mean one.
RIDGE = 1.0
#: Areas nearer than this, in km, share what is regional and in no table; it has a sixtieth of the prior variance.
PLACE_KM = 40.0
PLACE_VARIANCE = 1 / 60
PLACE_LANDMARKS = 200
_KNOTS = 201
_RANKED_AREAS = 9_000
_JITTER = 1e-6


@dataclass(frozen=True)
class View:
    """One way to look at an area: which features, how they become coordinates, and how wide the kernel is.

    `kind` "standard" is `(x - mean) / spread` cut at CLIP, "ranks" the normal score of the rank among all areas,
    "plain" the feature itself. A null stands at the average area. `width` is twice the squared length scale.
    """

    kind: Literal["standard", "ranks", "plain"]
    columns: np.ndarray
    means: np.ndarray
    spreads: np.ndarray
    scales: np.ndarray
    knots: np.ndarray
    width: float
    variance: float

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return the coordinates (n x features of the view) of raw feature values (n x all features)."""
        own = values[:, self.columns]
        own = np.where(np.isfinite(own), own, self.means)
        if self.kind == "plain":
            return own
        if self.kind == "standard":
            return np.asarray(np.clip((own - self.means) / self.spreads, -CLIP, CLIP) * self.scales)
        scores = ndtri(np.linspace(0.001, 0.999, _KNOTS))
        out = np.empty_like(own)
        for column in range(own.shape[1]):
            out[:, column] = np.interp(own[:, column], self.knots[column], scores)
        return np.asarray(out * self.scales)


@dataclass(frozen=True)
class ViewFit:
    """A view with what was fitted on it: prediction adds `K(x, landmarks) @ alpha`."""

    view: View
    landmarks: np.ndarray
    alpha: np.ndarray


@dataclass(frozen=True)
class KernelPart:
    """A fitted kernel ridge: `intercept + sum over views + x @ slopes`, x being the first view's coordinates.

    `groups` is the driver number of every feature, `average` the raw features of the average area.
    """

    views: tuple[ViewFit, ...]
    slopes: np.ndarray
    intercept: float
    groups: np.ndarray
    average: np.ndarray

    def predict(self, values: np.ndarray) -> np.ndarray:
        """Return predictions on the angular scale from raw feature values (n x f)."""
        total = np.full(len(values), self.intercept)
        for number, fitted in enumerate(self.views):
            coordinates = fitted.view.apply(values)
            total += gaussian(coordinates, fitted.landmarks, fitted.view.width) @ fitted.alpha
            if number == 0:
                total += coordinates @ self.slopes
        return total

    def contributions(self, values: np.ndarray, *, block: int = 128) -> np.ndarray:
        """Return exact Shapley values of the drivers against the average area (n x drivers).

        A Gaussian kernel is a product over groups of features, so the Shapley value of the game "this area's
        features for those of the average area" is the integral over t in [0, 1] of
        `(a_g - b_g) * prod over h != g of (b_h + t (a_h - b_h))` (Owen 1972, Multilinear extensions of games), a
        polynomial that Gauss-Legendre nodes integrate exactly. Rows sum to prediction(area) - prediction(average).
        """
        out = np.zeros((len(values), len(DRIVERS)))
        for number, fitted in enumerate(self.views):
            coordinates = fitted.view.apply(values)
            origin = fitted.view.apply(self.average[None, :])
            _add_shapley(out, fitted, coordinates, origin, self.groups, block)
            if number == 0:
                distance = coordinates - origin
                own = self.groups[fitted.view.columns]
                for group in range(len(DRIVERS)):
                    out[:, group] += distance[:, own == group] @ self.slopes[own == group]
        return out


@dataclass(frozen=True)
class KernelFit:
    """A kernel part fitted on all rows and its predictions for each row from the fits without its fold."""

    part: KernelPart
    held_out: np.ndarray


def views_of(features: Features) -> tuple[View, ...]:
    """Return the views of a feature matrix: everything, the area by itself, its ranks, and where it lies.

    Scalings are over all areas of the table and use no yardstick. The area by itself has a shorter length scale
    than everything together; the blend of the four did best on held-out councils.
    """
    values = features.frame.to_numpy(float)
    is_position = np.array(features.is_position)
    everything = np.flatnonzero(~is_position)
    alone = np.flatnonzero(~is_position & ~np.array(features.is_neighbour))
    views = [
        _view("standard", everything, values, features, 1.0),
        _view("standard", alone, values, features, 0.7),
        _view("ranks", alone, values, features, 0.7),
    ]
    if is_position.any():
        views.append(_view("plain", np.flatnonzero(is_position), values, features, 1.0))
    return tuple(views)


def _view(
    kind: Literal["standard", "ranks", "plain"],
    columns: np.ndarray,
    values: np.ndarray,
    features: Features,
    stretch: float,
) -> View:
    own = values[:, columns]
    spreads = np.nanstd(own, axis=0)
    is_plain = kind == "plain"
    view = View(
        kind=kind,
        columns=columns,
        means=np.nanmean(own, axis=0),
        spreads=np.where(spreads > 0, spreads, 1.0),
        scales=np.where(np.array(features.is_neighbour)[columns], NEIGHBOUR_SCALE, 1.0),
        knots=_rank_knots(own) if kind == "ranks" else np.empty((0, 0)),
        width=2.0 * PLACE_KM**2 if is_plain else 1.0,
        variance=PLACE_VARIANCE if is_plain else 1.0,
    )
    if is_plain:
        return view
    width = 2.0 * stretch * float(_squares(view.apply(values)).mean())
    return replace(view, width=width)


def _rank_knots(own: np.ndarray) -> np.ndarray:
    """Return increasing values of every column at which the normal score of its rank is known.

    Taken from evenly spaced rows where there are very many, which moves no rank by more than a fraction of a per cent.
    Shares with many equal values (no caravan at all) have flat stretches of quantiles; they are parted by less than
    anything that is measured, so that interpolation has one answer.
    """
    some = own[:: max(1, len(own) // _RANKED_AREAS)]
    knots = np.empty((own.shape[1], _KNOTS))
    for column in range(own.shape[1]):
        seen = some[np.isfinite(some[:, column]), column]
        known = seen if seen.size else own[np.isfinite(own[:, column]), column]
        knots[column] = np.quantile(known, np.linspace(0.0, 1.0, _KNOTS))
    step = 1e-9 * np.maximum(np.ptp(knots, axis=1), 1e-300)
    return np.asarray(knots + step[:, None] * np.arange(_KNOTS))


def fit_kernel(
    features: Features,
    rows: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
    folds: Sequence[np.ndarray],
    *,
    landmarks: int,
    seed: int,
) -> KernelFit:
    """Fit on the areas `rows` (positions in the feature matrix) and predict each fold from the others alone.

    `target` and `weights` belong to `rows`; `folds` are arrays of positions within `rows`, whole councils each.
    `landmarks` a view are drawn from all areas without sight of the target.
    """
    values = features.frame.to_numpy(float)
    generator = np.random.default_rng(seed)
    views = views_of(features)
    # Where an area lies has two coordinates and a long scale, so a few landmarks say all of it.
    sizes = [
        min(PLACE_LANDMARKS if view.kind == "plain" else landmarks, landmarks, len(values)) for view in views
    ]
    ends = np.cumsum([1, *sizes, len(views[0].columns)])
    # One array from the start: at 25,000 rows a second copy would cost more than half a gigabyte.
    basis = np.empty((len(rows), ends[-1]))
    basis[:, 0] = 1.0
    centres, roots = [], []
    for number, view in enumerate(views):
        chosen = np.sort(generator.choice(len(values), size=sizes[number], replace=False))
        middle = view.apply(values[chosen])
        root = linalg.cholesky(
            gaussian(middle, middle, view.width) + _JITTER * np.eye(len(middle)), lower=True
        )
        near = gaussian(view.apply(values[rows]), middle, view.width)
        basis[:, ends[number] : ends[number + 1]] = linalg.solve_triangular(
            root, near.T, lower=True, overwrite_b=True
        ).T * np.sqrt(view.variance)
        centres.append(middle)
        roots.append(root)
    # Scaled so that the linear term has the same prior variance as the kernel, whatever the number of features.
    linear = 1.0 / np.sqrt(views[0].width / 2.0)
    basis[:, ends[-2] :] = views[0].apply(values[rows]) * linear
    left, right = _normal_equations(basis, target, weights, folds)
    held_out = np.empty(len(rows))
    for number, without in _without_each(left):
        others = [other for other in range(len(folds)) if other != number]
        fold = folds[number]
        held_out[fold] = basis[fold] @ _solve(without, right[others].sum(axis=0))
    coefficients = _solve(left.sum(axis=0, dtype=np.float64), right.sum(axis=0))
    del left, basis
    fitted = tuple(
        ViewFit(
            view=view,
            landmarks=centres[number],
            alpha=linalg.solve_triangular(
                roots[number], coefficients[ends[number] : ends[number + 1]], lower=True, trans="T"
            )
            * np.sqrt(view.variance),
        )
        for number, view in enumerate(views)
    )
    part = KernelPart(
        views=fitted,
        slopes=coefficients[ends[-2] :] * linear,
        intercept=float(coefficients[0]),
        groups=np.array([DRIVERS.index(name) for name in features.drivers]),
        average=np.nanmean(values, axis=0),
    )
    return KernelFit(part=part, held_out=held_out)


def _normal_equations(
    basis: np.ndarray, target: np.ndarray, weights: np.ndarray, folds: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    # Held as they are made, in single precision: ten folds of them are the largest thing in memory.
    left = np.empty((len(folds), basis.shape[1], basis.shape[1]), dtype=np.float32)
    right = np.empty((len(folds), basis.shape[1]))
    for number, fold in enumerate(folds):
        root = np.sqrt(weights[fold])
        heavy = basis[fold] * root[:, None]
        right[number] = heavy.T @ (target[fold] * root)
        # Single precision halves the time of the largest product; its error is a ten-thousandth of the ridge.
        single = heavy.astype(np.float32)
        np.matmul(single.T, single, out=left[number])
    return left, right


def _without_each(left: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield for each fold the sum of all others' equations.

    Summed without the fold, never subtracted from a total, so that not even its rounding can leak. Halves of the
    folds share their sums: n log n additions in place of n squared.
    """

    def halve(low: int, high: int, outside: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        if high - low == 1:
            yield low, outside
            return
        middle = (low + high) // 2
        for first, last, others in ((low, middle, range(middle, high)), (middle, high, range(low, middle))):
            total = outside.copy()
            for other in others:
                total += left[other]
            yield from halve(first, last, total)

    yield from halve(0, len(left), np.zeros(left.shape[1:]))


def _solve(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    diagonal = np.arange(1, len(left))
    left[diagonal, diagonal] += RIDGE
    # The transpose of a symmetric matrix is itself, and in the order in which LAPACK works in place, without a copy.
    factor = linalg.cho_factor(left.T, overwrite_a=True, check_finite=False)
    return np.asarray(linalg.cho_solve(factor, right, check_finite=False))


def _squares(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("ij,ij->i", values, values))


def gaussian(left: np.ndarray, right: np.ndarray, width: float) -> np.ndarray:
    """Return `exp(-|l - r|^2 / width)` for all pairs of rows."""
    distances = left @ right.T
    distances *= -2.0
    distances += _squares(left)[:, None]
    distances += _squares(right)[None, :]
    np.maximum(distances, 0.0, out=distances)
    distances *= -1.0 / width
    np.exp(distances, out=distances)
    return np.asarray(distances)


def _add_shapley(
    out: np.ndarray,
    fitted: ViewFit,
    coordinates: np.ndarray,
    origin: np.ndarray,
    groups: np.ndarray,
    block: int,
) -> None:
    own = groups[fitted.view.columns]
    used = np.unique(own)
    members = [np.flatnonzero(own == group) for group in used]
    width = fitted.view.width
    centres = [np.ascontiguousarray(fitted.landmarks[:, places]) for places in members]
    base = np.stack(
        [
            gaussian(origin[:, places], centre, width)[0]
            for places, centre in zip(members, centres, strict=True)
        ]
    )
    nodes, weights = np.polynomial.legendre.leggauss(len(used) // 2 + 1)
    for start in range(0, len(coordinates), block):
        rows = coordinates[start : start + block]
        here = np.stack(
            [
                gaussian(rows[:, places], centre, width)
                for places, centre in zip(members, centres, strict=True)
            ]
        )
        shares = _owen(here, base, fitted.alpha, (nodes + 1) / 2, weights / 2)
        out[start : start + block, used] += shares


# Sums may be taken in any order, which lets the compiler use wide registers; the order is fixed by the machine code.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _owen(here, origin, alpha, nodes, weights):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the Shapley values of product games: `here` is groups x rows x landmarks, `origin` groups x landmarks."""
    count, rows, centres = here.shape
    out = np.zeros((rows, count))
    blend = np.empty((count, centres))
    before = np.empty((count, centres))
    after = np.empty(centres)
    for row in range(rows):
        for node in range(len(nodes)):
            for centre in range(centres):
                before[0, centre] = 1.0
                after[centre] = weights[node] * alpha[centre]
            for group in range(count):
                for centre in range(centres):
                    step = here[group, row, centre] - origin[group, centre]
                    blend[group, centre] = origin[group, centre] + nodes[node] * step
            for group in range(1, count):
                for centre in range(centres):
                    before[group, centre] = before[group - 1, centre] * blend[group - 1, centre]
            for group in range(count - 1, -1, -1):
                total = 0.0
                for centre in range(centres):
                    step = here[group, row, centre] - origin[group, centre]
                    total += step * before[group, centre] * after[centre]
                    after[centre] *= blend[group, centre]
                out[row, group] += total
    return out
