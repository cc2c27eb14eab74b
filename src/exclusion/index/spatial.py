"""Where need clusters: global Moran, local clusters with false-discovery control, and hot spots of certain need.

Local tests are thousands at once: without control of false discoveries a twentieth of a country would look like a
cluster by chance (Benjamini & Hochberg 1995). Run them on the chance of being in the worst tenth, and the clusters
are of certain need. Neighbours come from libpysal and the global test from esda, which are imported only here; the
local tests are a loop of our own, because esda compiles its own anew in every process (15 s), and counts ties to one
side.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index import kernels

Array = npt.NDArray[Any]

NEIGHBOURS = 8
_THREADS = 2
_MOST_DISCOVERIES = 0.05
_QUADRANTS = ("high among high", "high among low", "low among high", "low among low")
NOT_CLUSTERED = "no cluster"


@dataclass(frozen=True)
class GlobalMoran:
    """Hold Moran's I, its expectation without clustering, the one-sided pseudo p and the areas it rests on."""

    i: float
    expected: float
    p: float
    areas: int
    weights: str


def nearest_weights(x_m: Array, y_m: Array, *, k: int = NEIGHBOURS) -> Any:
    """Return row-standardised weights of the k nearest areas by population-weighted centroid (EPSG:27700 metres).

    Nearest areas and not shared borders, because islands have none. InputError where there are not more than k areas
    or a centroid is not known.
    """
    from libpysal.weights import KNN

    points = np.column_stack([np.asarray(x_m, float), np.asarray(y_m, float)])
    if not np.isfinite(points).all():
        raise InputError("Spatial diagnostics need the centroid of every area (x_m, y_m); one is null.")
    if len(points) <= k:
        raise InputError(
            f"Spatial diagnostics with {k} neighbours need more than {k} areas, and there are {len(points)}."
        )
    # Nearest neighbours may fall into several groups that are not joined; nothing here needs them to be.
    weights = KNN.from_array(points, k=k, silence_warnings=True)
    weights.transform = "r"
    return weights


def global_moran(
    values: Array, weights: Any, *, permutations: int = 999, seed: int = 1, name: str = ""
) -> GlobalMoran:
    """Return Moran's I of values (N,), all known; the pseudo p is by permutation, the same for the same seed."""
    from esda import Moran

    held = _known(values)
    if np.ptp(held) == 0:
        raise InputError("Moran's I is not defined where all areas have the same value.")
    state = np.random.get_state()  # noqa: NPY002 (esda draws from NumPy's global state)
    np.random.seed(seed)  # noqa: NPY002
    try:
        found = Moran(held, weights, permutations=permutations)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return GlobalMoran(float(found.I), float(found.EI), float(found.p_sim), len(held), name)


def local_clusters(
    values: Array,
    weights: Any,
    *,
    permutations: int = 999,
    seed: int = 1,
    statistic: Literal["moran", "hot_spot"] = "moran",
    p: Array | None = None,
) -> Any:
    """Return local clusters of values (N,), one row an area in their order.

    `moran` (local Moran's I) says high among high and so on; `hot_spot` (Getis-Ord Gi*) says hot spot or cold spot.
    The test is conditional: an area keeps its own value and its neighbours' are drawn from all others; ties count on
    both sides, so that a plain of zeros is no cold spot. Columns: `statistic` (as esda gives it), `p` (two-sided),
    `is_significant` (after control of false discoveries at 5%), `cluster` (in words; `no cluster` where not
    significant). p cannot be below 2 / (permutations + 1): take 9,999 to publish. `p` may hold what `conditional_p`
    returned for the same values and weights: the test is the same for both statistics.
    """
    import pandas as pd

    held, z, matrix, lag = _standardised(values, weights)
    if p is None:
        p = conditional_p(values, weights, permutations=permutations, seed=seed)
    if statistic == "moran":
        local = (len(z) - 1) * z * lag / float(z @ z)
        words = np.array(_QUADRANTS, dtype=object)[2 * (z <= 0) + (lag <= 0)]
    else:
        local = _gi_star(held, matrix)
        words = np.where(local > 0, "hot spot", "cold spot").astype(object)
    is_significant = discoveries(p)
    return pd.DataFrame(
        {
            "statistic": local,
            "p": p,
            "is_significant": is_significant,
            "cluster": np.where(is_significant, words, NOT_CLUSTERED),
        }
    )


def conditional_p(values: Array, weights: Any, *, permutations: int = 999, seed: int = 1) -> Array:
    """Return the two-sided p (N,) of each area's neighbours among neighbours drawn from all other areas.

    Areas are shared out among threads; each is tested against the same draws, so p does not hang on how.
    """
    _, z, matrix, lag = _standardised(values, weights)
    rng = np.random.default_rng(seed)
    picks = _draws_without_repeats(rng, permutations, int(np.diff(matrix.indptr).max()), len(z) - 1)
    threads = min(_THREADS, os.cpu_count() or 1)
    ends = np.linspace(0, len(z), threads + 1).astype(int).tolist()
    shared = (z, lag, matrix.indptr, matrix.data.astype(float), picks)
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(kernels.conditional_counts, *shared, *part) for part in pairwise(ends)]
        counts = np.concatenate([part.result() for part in waiting], axis=1)
    return np.asarray(np.minimum(2.0 * (counts.min(axis=0) + 1.0) / (permutations + 1.0), 1.0))


def _standardised(values: Array, weights: Any) -> tuple[Array, Array, Any, Array]:
    """Return the values, the same as z values, the weights as a matrix by rows, and the z values' lag."""
    held = _known(values)
    if np.ptp(held) == 0:
        raise InputError("Clusters are not defined where all areas have the same value.")
    z = (held - held.mean()) / held.std()
    matrix = weights.sparse.tocsr()
    matrix.sort_indices()
    return held, z, matrix, np.asarray(matrix @ z)


def _gi_star(values: Array, matrix: Any) -> Array:
    """Return Getis-Ord Gi* as a z value (Ord & Getis 1995); an area is its own neighbour, with the weight of another."""
    own = np.asarray(matrix.max(axis=1).todense()).ravel()
    n = len(values)
    sums = np.asarray(matrix @ values) + own * values
    weight = np.asarray(matrix.sum(axis=1)).ravel() + own
    square = np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel() + own**2
    spread = values.std() * np.sqrt(np.maximum(n * square - weight**2, 0.0) / (n - 1))
    return np.asarray((sums - weight * values.mean()) / np.where(spread > 0, spread, np.inf))


def _draws_without_repeats(rng: np.random.Generator, rows: int, columns: int, size: int) -> Array:
    """Return whole numbers 0.. size-1, (rows, columns), none twice in a row."""
    picks = rng.integers(0, size, (rows, columns), dtype=np.int32)
    while True:
        ordered = np.sort(picks, axis=1)
        doubled = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if not len(doubled):
            return picks
        if size < 4 * columns:
            for row in doubled:
                picks[row] = rng.permutation(size)[:columns]
        else:
            picks[doubled] = rng.integers(0, size, (len(doubled), columns), dtype=np.int32)


def discoveries(p: Array, most: float = _MOST_DISCOVERIES) -> Array:
    """Return which of many tests stand when at most a share `most` of those may be false (Benjamini-Hochberg)."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(np.asarray(p, float), method="bh") <= most)


def neighbour_sensitivity(
    values: Array,
    x_m: Array,
    y_m: Array,
    *,
    ks: tuple[int, ...] = (4, 8, 12),
    permutations: int = 999,
    seed: int = 1,
) -> Any:
    """Return how much the clusters hang on the definition of neighbours, one row a k.

    Columns: `neighbours, moran_i, moran_p, areas_in_high_clusters, overlap_with_8_pct` (share of the high clusters
    with eight neighbours that stay).
    """
    import pandas as pd

    high: dict[int, Array] = {}
    rows = []
    for k in sorted({*ks, NEIGHBOURS}):
        weights = nearest_weights(x_m, y_m, k=k)
        moran = global_moran(values, weights, permutations=99, seed=seed, name=f"{k} nearest")
        found = local_clusters(values, weights, permutations=permutations, seed=seed)
        high[k] = (found["cluster"] == "high among high").to_numpy()
        rows.append([k, moran.i, moran.p, int(high[k].sum())])
    out = pd.DataFrame(rows, columns=["neighbours", "moran_i", "moran_p", "areas_in_high_clusters"])
    base = high[NEIGHBOURS]
    out["overlap_with_8_pct"] = [
        100.0 * (high[k] & base).sum() / base.sum() if base.any() else np.nan for k in out["neighbours"]
    ]
    return out


def _known(values: Array) -> Array:
    held = np.asarray(values, float)
    if not np.isfinite(held).all():
        raise InputError(
            "Spatial diagnostics need a value for every area given; leave areas without one out of values and weights."
        )
    return held
