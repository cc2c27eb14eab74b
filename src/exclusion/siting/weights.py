"""Whom a plan counts: people offline, another number of the areas spread over where they live, and plausible other numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.index.people_draws import drawn_around


def spread(demand: Any, per_area: Any, *, name: str) -> npt.NDArray[np.float64]:
    """Spread a number of each area over its demand rows as people offline live there, by adults where none do.

    `per_area` is a Series by `lsoa21cd`. Raises InputError for an area of the demand without a number, or below 0.
    """
    value = demand["lsoa21cd"].map(per_area).to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(value) & (value >= 0))
    if wrong.any():
        areas = demand.loc[wrong, "lsoa21cd"]
        raise InputError(
            f"The weight {name!r} has no number of 0 or more for {areas.nunique()} areas of the place, first"
            f" {areas.iloc[0]}: give every area one, 0 where there is nobody."
        )
    share = np.zeros(len(demand))
    for people in ("adults", "people_offline"):
        own = demand[people].to_numpy(dtype=np.float64)
        whole = demand.groupby("lsoa21cd")[people].transform("sum").to_numpy(dtype=np.float64)
        share = np.where(whole > 0, own / np.where(whole > 0, whole, 1.0), share)
    return np.asarray(value * share, dtype=np.float64)


def people_draws(
    demand: Any, people: Any, *, shared: float, draws: int, seed: int
) -> npt.NDArray[np.float64]:
    """Draw plausible people offline for each demand row from the areas' 90 % intervals (draws x rows).

    `people` has `people_offline, people_offline_low, people_offline_high` by `lsoa21cd`, `demand` also `lad_cd`. Each side
    of the estimate is half of a normal law; `shared` is the part of the variance that areas of one council have in common,
    as `exclusion.index.people_draws` measures it for the ranges of larger places. Areas without an interval stay as they
    are.
    """
    rng = np.random.default_rng(seed)
    table = people.reindex(np.unique(demand["lsoa21cd"]))
    centre, low, high = (
        table[name].to_numpy(dtype=np.float64, na_value=np.nan)
        for name in ("people_offline", "people_offline_low", "people_offline_high")
    )
    council = (
        demand.drop_duplicates("lsoa21cd").set_index("lsoa21cd")["lad_cd"].astype(str).reindex(table.index)
    )
    _, group = np.unique(council.to_numpy(dtype=object).astype(str), return_inverse=True)
    together = rng.standard_normal((draws, int(group.max()) + 1))[:, group]
    alone = rng.standard_normal((draws, len(table)))
    z = np.sqrt(shared) * together + np.sqrt(1 - shared) * alone
    low, high = (np.where(np.isnan(end), centre, end) for end in (low, high))
    drawn = np.maximum(drawn_around(centre, low, high, z, interval=0.90), 0.0)
    factor = np.where(centre > 0, drawn / np.where(centre > 0, centre, 1.0), 1.0)
    place = np.searchsorted(
        table.index.to_numpy(dtype=object).astype(str), demand["lsoa21cd"].astype(str).to_numpy(dtype=str)
    )
    return np.asarray(factor[:, place] * demand["people_offline"].to_numpy(dtype=np.float64))
