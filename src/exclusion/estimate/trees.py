"""The stepwise half of the estimator: gradient boosting that never bends against a known direction.

Histogram gradient boosting of scikit-learn with Poisson loss (a share of many households, log link) and monotone constraints where the direction is known before any data
are seen (age, disability, no car, deprivation). The fitted trees are copied into plain arrays that this module
walks itself, so that a cached model needs no pickle and the explanation is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np

from exclusion.errors import ContractError
from exclusion.estimate.features import DRIVERS, Features

ITERATIONS = 100
LEARNING_RATE = 0.12
LEAVES = 15
SMALLEST_LEAF = 40
BINS = 63
#: Few areas cannot bear many trees: one for each so many areas, within these bounds.
AREAS_A_TREE = 50
FEWEST_TREES = 30


@dataclass(frozen=True)
class TreePart:
    """Boosted trees as flat arrays, one entry a node; children are positions in the same arrays.

    `columns` are the features that the trees read (positions in the feature matrix), `roots` the first node of
    every tree, `average` the raw features of the average area, `groups` the driver number of each column.
    """

    columns: np.ndarray
    groups: np.ndarray
    average: np.ndarray
    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    null_goes_left: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    is_leaf: np.ndarray
    baseline: float

    def predict(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the share from raw feature values (n x all features)."""
        read = np.ascontiguousarray(values[:, self.columns])
        return np.asarray(self.baseline + _walk(read, *self._nodes()))

    @property
    def average_score(self) -> float:
        """The logarithm of the share of the average area."""
        return float(self.baseline + _walk(self.average[None, :], *self._nodes())[0])

    def contributions(self, values: np.ndarray) -> np.ndarray:
        """Return exact interventional Shapley values of the drivers against the average area (n x drivers).

        For one tree and one reference, every leaf that a mixture of the two areas can reach adds its value times
        the Shapley weight of the drivers that must come from the area and of those that must come from the
        reference (Lundberg and others 2020, From local explanations to global understanding with explainable AI).
        Rows sum to prediction(area) - prediction(average).
        """
        read = np.ascontiguousarray(values[:, self.columns])
        gain, loss = _shapley_weights(len(DRIVERS))
        return np.asarray(_explain(read, self.average, self.groups, len(DRIVERS), gain, loss, *self._nodes()))

    def _nodes(self) -> tuple[np.ndarray, ...]:
        return (
            self.roots,
            self.feature,
            self.threshold,
            self.null_goes_left,
            self.left,
            self.right,
            self.value,
            self.is_leaf,
        )


@dataclass(frozen=True)
class TreeFit:
    """A tree part fitted on all rows and its predictions for each row from the fits without its fold."""

    part: TreePart
    held_out: np.ndarray


def fit_trees(
    features: Features,
    rows: np.ndarray,
    share: np.ndarray,
    folds: Sequence[np.ndarray],
    *,
    seed: int,
) -> TreeFit:
    """Fit on the areas `rows` and predict each fold from the others alone, as logarithms of shares.

    `share` (0 to 1, not all 0) belongs to `rows`; `folds` are positions within `rows`. Trees read every feature but neighbours' means
    and coordinates, which the kernel half carries; nulls go where they reduce the loss, never filled.
    """
    values = features.frame.to_numpy(float)
    columns = np.flatnonzero(~(np.array(features.is_neighbour) | np.array(features.is_position)))
    directions = np.array(features.directions)[columns]
    own = values[rows][:, columns]
    held_out = np.empty(len(rows))
    for fold in folds:
        keep = np.ones(len(rows), dtype=bool)
        keep[fold] = False
        held_out[fold] = np.log(_boost(own[keep], share[keep], directions, seed).predict(own[fold]))
    final = _boost(own, share, directions, seed)
    with np.errstate(all="ignore"):
        average = np.nanmean(values[:, columns], axis=0)
    groups = np.array([DRIVERS.index(features.drivers[column]) for column in columns])
    part = _flatten(final, columns, groups, average)
    if not np.allclose(np.exp(part.predict(values[rows])), final.predict(own), rtol=1e-9, atol=0):
        raise ContractError(
            "The trees copied from scikit-learn do not repeat its predictions; this version of scikit-learn lays "
            "its trees out differently, so pin the version in the lock file."
        )
    return TreeFit(part=part, held_out=held_out)


def _boost(values: np.ndarray, share: np.ndarray, directions: np.ndarray, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    # No sample weights: areas hold about as many households each, and scikit-learn bins weighted rows slowly.
    return HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=LEARNING_RATE,
        max_iter=int(np.clip(len(values) // AREAS_A_TREE, FEWEST_TREES, ITERATIONS)),
        max_bins=BINS,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=max(5, min(SMALLEST_LEAF, len(values) // 20)),
        monotonic_cst=directions,
        early_stopping=False,
        random_state=seed,
    ).fit(values, share)


def _flatten(model: Any, columns: np.ndarray, groups: np.ndarray, average: np.ndarray) -> TreePart:
    trees = [stage[0].nodes for stage in model._predictors]  # noqa: SLF001
    starts = np.concatenate([[0], np.cumsum([len(nodes) for nodes in trees])[:-1]])
    shift = np.repeat(starts, [len(nodes) for nodes in trees])
    nodes = np.concatenate(trees)
    return TreePart(
        columns=columns,
        groups=groups.astype(np.int64),
        average=average,
        roots=starts.astype(np.int64),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"].astype(float),
        null_goes_left=nodes["missing_go_to_left"].astype(bool),
        left=nodes["left"].astype(np.int64) + shift,
        right=nodes["right"].astype(np.int64) + shift,
        value=nodes["value"].astype(float),
        is_leaf=nodes["is_leaf"].astype(bool),
        baseline=float(np.ravel(model._baseline_prediction)[0]),  # noqa: SLF001
    )


def _shapley_weights(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a leaf that needs `a` drivers of the area and `b` of the reference.

    A driver among the `a` gains (a-1)! b! / (a+b)!, one among the `b` loses a! (b-1)! / (a+b)!.
    """
    from math import factorial

    gain = np.zeros((count + 1, count + 1))
    loss = np.zeros((count + 1, count + 1))
    for a in range(count + 1):
        for b in range(count + 1 - a):
            if a:
                gain[a, b] = factorial(a - 1) * factorial(b) / factorial(a + b)
            if b:
                loss[a, b] = factorial(a) * factorial(b - 1) / factorial(a + b)
    return gain, loss


@numba.njit(cache=True, nogil=True)
def _goes_left(value, threshold, null_goes_left):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if np.isnan(value):
        return null_goes_left
    return value <= threshold


@numba.njit(cache=True, nogil=True)
def _walk(values, roots, feature, threshold, null_goes_left, left, right, value, is_leaf):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202, PLR0917
    out = np.zeros(len(values))
    for row in range(len(values)):
        for root in roots:
            node = root
            while not is_leaf[node]:
                goes_left = _goes_left(values[row, feature[node]], threshold[node], null_goes_left[node])
                node = left[node] if goes_left else right[node]
            out[row] += value[node]
    return out


@numba.njit(cache=True, nogil=True)
def _explain(  # type: ignore[no-untyped-def]  # noqa: ANN202, C901, PLR0917
    values,  # noqa: ANN001
    average,  # noqa: ANN001
    groups,  # noqa: ANN001
    count,  # noqa: ANN001
    gain,  # noqa: ANN001
    loss,  # noqa: ANN001
    roots,  # noqa: ANN001
    feature,  # noqa: ANN001
    threshold,  # noqa: ANN001
    null_goes_left,  # noqa: ANN001
    left,  # noqa: ANN001
    right,  # noqa: ANN001
    value,  # noqa: ANN001
    is_leaf,  # noqa: ANN001
):
    out = np.zeros((len(values), count))
    # A node waits with the drivers taken from the area and from the reference on the way to it, as bit masks.
    waiting_node = np.empty(4096, dtype=np.int64)
    waiting_area = np.empty(4096, dtype=np.int64)
    waiting_reference = np.empty(4096, dtype=np.int64)
    for row in range(len(values)):
        for root in roots:
            top = 0
            waiting_node[0], waiting_area[0], waiting_reference[0] = root, 0, 0
            while top >= 0:
                node, area, reference = waiting_node[top], waiting_area[top], waiting_reference[top]
                top -= 1
                if is_leaf[node]:
                    a, b = 0, 0
                    for group in range(count):
                        a += (area >> group) & 1
                        b += (reference >> group) & 1
                    for group in range(count):
                        if (area >> group) & 1:
                            out[row, group] += value[node] * gain[a, b]
                        elif (reference >> group) & 1:
                            out[row, group] -= value[node] * loss[a, b]
                    continue
                column = feature[node]
                bit = 1 << groups[column]
                mine = _goes_left(values[row, column], threshold[node], null_goes_left[node])
                theirs = _goes_left(average[column], threshold[node], null_goes_left[node])
                if mine == theirs:
                    top += 1
                    waiting_node[top] = left[node] if mine else right[node]
                    waiting_area[top], waiting_reference[top] = area, reference
                    continue
                if not reference & bit:
                    top += 1
                    waiting_node[top] = left[node] if mine else right[node]
                    waiting_area[top], waiting_reference[top] = area | bit, reference
                if not area & bit:
                    top += 1
                    waiting_node[top] = left[node] if theirs else right[node]
                    waiting_area[top], waiting_reference[top] = area, reference | bit
    return out
