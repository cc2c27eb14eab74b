"""What surrounds an area: household-weighted means of features over its nearest areas, and how far those are."""

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial import cKDTree

#: Neighbourhoods by number of nearest areas: the streets around, the town or the dale, and the district.
NEIGHBOUR_COUNTS = (8, 30, 100)


def neighbour_means(local: pd.DataFrame, points: np.ndarray, weights: np.ndarray) -> dict[int, pd.DataFrame]:
    """Return the means of all columns over the nearest areas, the area itself left out, by number of neighbours.

    `points` are EPSG:27700 metres, `weights` households. A null neighbour does not count; where all are null the
    mean is null. Where fewer areas exist than asked for, all others are taken. Columns are named `near<k>_<name>`.
    """
    filled = local.to_numpy(float)
    is_known = np.isfinite(filled)
    filled = np.where(is_known, filled, 0.0)
    has_nulls = not is_known.all()
    out = {}
    for count in NEIGHBOUR_COUNTS:
        nearest = _nearest(points, count)
        matrix = _matrix(nearest, weights)
        with np.errstate(invalid="ignore", divide="ignore"):
            bottom = matrix @ is_known.astype(float) if has_nulls else matrix.sum(axis=1).reshape(-1, 1)
            means = (matrix @ filled) / np.asarray(bottom)
        names = [f"near{count}_{name}" for name in local.columns]
        out[count] = pd.DataFrame(means, index=local.index, columns=names)
    return out


def neighbour_distances(points: np.ndarray, index: pd.Index) -> pd.DataFrame:
    """Return the logarithm of the distance in metres to the farthest of each neighbourhood."""
    columns = {}
    for count in NEIGHBOUR_COUNTS:
        nearest = _nearest(points, count)
        if nearest.shape[1] == 0:
            continue
        far = points[nearest[:, -1]] - points
        columns[f"near{count}_distance_log"] = np.log(np.maximum(np.hypot(far[:, 0], far[:, 1]), 1.0))
    return pd.DataFrame(columns, index=index)


def _nearest(points: np.ndarray, count: int) -> np.ndarray:
    wanted = min(count, len(points) - 1)
    if wanted < 1:
        return np.empty((len(points), 0), dtype=np.int64)
    _, found = cKDTree(points).query(points, k=wanted + 1)
    found = found.reshape(len(points), wanted + 1)
    # Areas that share a centroid may come before the area itself, so it is looked for, not assumed to be first.
    is_self = found == np.arange(len(points))[:, None]
    is_self[~is_self.any(axis=1), -1] = True
    return np.asarray(found[~is_self].reshape(len(points), wanted))


def _matrix(nearest: np.ndarray, weights: np.ndarray) -> sparse.csr_matrix:
    rows, count = nearest.shape
    pointer = np.arange(0, rows * count + 1, count) if count else np.zeros(rows + 1, dtype=np.int64)
    flat = nearest.ravel()
    return sparse.csr_matrix((weights[flat], flat, pointer), shape=(rows, rows))
