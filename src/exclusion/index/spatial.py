"""Where need clusters: global Moran, local clusters with false-discovery control, and hot spots of certain need.

Local tests are thousands at once: without control of false discoveries a twentieth of a country would look like a
cluster by chance (Benjamini & Hochberg 1995). Run them on the chance of being in the worst tenth, and the clusters
are of certain need. Needs esda and libpysal, which are imported only here.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError

Array = npt.NDArray[Any]

NEIGHBOURS = 8
_MOST_DISCOVERIES = 0.05
_QUADRANTS = {1: "high among high", 2: "low among high", 3: "low among low", 4: "high among low"}
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
    weights = KNN.from_array(points, k=k)
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
) -> Any:
    """Return local clusters of values (N,), one row an area in their order.

    `moran` (local Moran's I) says high among high and so on; `hot_spot` (Getis-Ord Gi*) says hot spot or cold spot.
    Columns: `statistic, p, is_significant` (after control of false discoveries at 5%), `cluster` (in words; `no
    cluster` where not significant). Two-sided pseudo p values cannot be below 1 / (permutations + 1): take 9,999 to publish.
    """
    import pandas as pd

    held = _known(values)
    how: dict[str, Any] = {"permutations": permutations, "seed": seed, "n_jobs": 1, "keep_simulations": False}
    if np.ptp(held) == 0:
        raise InputError("Clusters are not defined where all areas have the same value.")
    with warnings.catch_warnings():
        # esda tells that its p values will become two-sided by default; until then they are doubled below.
        warnings.filterwarnings("ignore", message="The alternative hypothesis", category=DeprecationWarning)
        if statistic == "moran":
            from esda import Moran_Local

            found = Moran_Local(held, weights, **how)
            local = found.Is
            words = np.array([_QUADRANTS[q] for q in found.q], dtype=object)
        else:
            from esda import G_Local

            # Gi* counts an area as its own neighbour, with the weight of any other.
            itself = float(max(weights.weights[weights.id_order[0]]))
            found = G_Local(held, weights, star=itself, **how)
            local = found.Zs
            words = np.where(local > 0, "hot spot", "cold spot").astype(object)
    p = np.minimum(2.0 * found.p_sim, 1.0)
    is_significant = discoveries(p)
    return pd.DataFrame(
        {
            "statistic": local,
            "p": p,
            "is_significant": is_significant,
            "cluster": np.where(is_significant, words, NOT_CLUSTERED),
        }
    )


def discoveries(p: Array, most: float = _MOST_DISCOVERIES) -> Array:
    """Return which of many tests stand when at most a share `most` of those may be false (Benjamini-Hochberg)."""
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(np.asarray(p, float), method="bh") <= most)


def neighbour_sensitivity(
    values: Array, x_m: Array, y_m: Array, *, ks: tuple[int, ...] = (4, 8, 12), seed: int = 1
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
        moran = global_moran(values, weights, seed=seed, name=f"{k} nearest")
        high[k] = (local_clusters(values, weights, seed=seed)["cluster"] == "high among high").to_numpy()
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
