"""How well an index ranks areas against observed behaviour, on councils that it was not made from."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from exclusion.errors import InputError

_LEAST_AREAS = 20


def is_held_out(councils: Any) -> Any:
    """Return which areas lie in the half of the councils that is held out of every choice, by a hash of the code.

    The weights of the default spec were looked at on the other half only; the split never changes.
    """
    return councils.map(lambda code: zlib.crc32(str(code).encode()) % 2 == 1).astype(bool)


def agreement(scores: Mapping[str, Any], observed: Any, areas: Any) -> Any:
    """Return how each index agrees with an observed share of people offline, one row an index.

    `scores` maps names to scores (higher is more excluded), `observed` is the share, `areas` has `lad_cd, is_rural`;
    all indexed by `lsoa21cd`. Only areas where all of them are known are used, so that the rows compare. Columns:
    `index, areas, councils, spearman, worst_tenth_overlap_pct, mean_within_council_spearman` (councils with 20 areas
    or more), `rural_pct_of_worst_tenth, rural_pct_of_observed_worst_tenth`. InputError if no area is left.
    """
    import pandas as pd
    from scipy.stats import spearmanr

    frame = pd.DataFrame(dict(scores))
    frame["observed"] = observed
    frame = frame.join(areas[["lad_cd", "is_rural"]], how="inner").dropna()
    if len(frame) < _LEAST_AREAS:
        raise InputError(
            "Back-test: fewer than 20 areas have both an index and an observed share; check that both use LSOA 2021."
        )
    observed_worst = _worst(frame["observed"])
    rows = []
    for name in scores:
        worst = _worst(frame[name])
        within = [
            spearmanr(part[name], part["observed"])[0]
            for _, part in frame.groupby("lad_cd")
            if len(part) >= _LEAST_AREAS and np.ptp(part[name]) > 0 and np.ptp(part["observed"]) > 0
        ]
        rows.append(
            {
                "index": name,
                "areas": len(frame),
                "councils": frame["lad_cd"].nunique(),
                "spearman": float(spearmanr(frame[name], frame["observed"])[0]),
                "worst_tenth_overlap_pct": 100.0
                * float((worst & observed_worst).sum() / observed_worst.sum()),
                "mean_within_council_spearman": float(np.mean(within)) if within else np.nan,
                "rural_pct_of_worst_tenth": 100.0 * float(frame.loc[worst, "is_rural"].astype(float).mean()),
                "rural_pct_of_observed_worst_tenth": (
                    100.0 * float(frame.loc[observed_worst, "is_rural"].astype(float).mean())
                ),
            }
        )
    return pd.DataFrame(rows)


def _worst(values: Any) -> Any:
    """Return which areas are the worst tenth; ties are cut by area code."""
    import pandas as pd

    size = max(1, round(0.1 * len(values)))
    chosen = values.sort_index().sort_values(ascending=False, kind="stable").index[:size]
    return pd.Series(values.index.isin(chosen), index=values.index)
