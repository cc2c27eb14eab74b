"""People offline drawn within their intervals: sums of areas with honest intervals, and who is surely among the most.

The lows of many areas do not all come true together, so the low of a sum is not the sum of the lows. Errors are
partly shared inside a council: how far is measured on the areas that were held out. Ranks of the index do not take
people offline, so these draws stand beside those of the ranks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError

Array = npt.NDArray[Any]

_LEAST_COUNCILS = 3


@dataclass(frozen=True)
class PeopleDraws:
    """Hold what the draws of people offline say.

    areas: `lsoa21cd, people_chance_top_tenth_pct` (chance of being in the tenth of areas with most people offline;
    null where people are not known). groups: for each level a table `group, people_offline, people_offline_low,
    people_offline_high`. shared: the correlation of errors of two areas of one council.
    """

    areas: Any
    groups: dict[str, Any]
    shared: float


def shared_error(errors: Array, councils: Array) -> float:
    """Return the intraclass correlation of errors (N,) within councils (N,), 0 to 1; 0 with fewer than three councils.

    One-way analysis of variance (Donner 1986, doi 10.2307/1403259); errors that are null are left out.
    """
    import pandas as pd

    known = np.isfinite(errors)
    frame = pd.DataFrame({"error": errors[known], "council": councils[known]})
    sizes = frame.groupby("council")["error"].size()
    groups, count = len(sizes), len(frame)
    if groups < _LEAST_COUNCILS or count <= groups:
        return 0.0
    means = frame.groupby("council")["error"].transform("mean")
    between = float(((means - frame["error"].mean()) ** 2).sum()) / (groups - 1)
    within = float(((frame["error"] - means) ** 2).sum()) / (count - groups)
    typical = (count - float((sizes**2).sum()) / count) / (groups - 1)
    total = between + (typical - 1) * within
    return float(np.clip((between - within) / total, 0.0, 1.0)) if total > 0 else 0.0


def drawn_around(middle: Array, low: Array, high: Array, z: Array, *, interval: float) -> Array:
    """Return values drawn around estimates whose bounds lie unevenly, from standard normals z (..., N).

    Two halves of normal laws meet at a mode m, each as wide as puts the ends of `interval` on the bounds. The estimate
    is a mean, so m is where the mean of both halves, m + (up - down) / sqrt(2 pi), is the estimate: were it the estimate
    itself, sums of many areas would all lie above the sum of their estimates. Where no m between the bounds does that,
    the nearer bound is taken.
    """
    from scipy.special import ndtri

    reach = float(ndtri(0.5 + interval / 2))
    lever = 1 / (reach * np.sqrt(2 * np.pi))
    mode = np.clip((middle - lever * (low + high)) / (1 - 2 * lever), low, high)
    return np.asarray(mode + z / reach * np.where(z < 0, mode - low, high - mode))


def draw_people(
    people: Any,
    councils: Any,
    levels: Mapping[str, Any],
    *,
    shared: float,
    interval: float = 0.90,
    draws: int = 2000,
    seed: int = 1,
) -> PeopleDraws:
    """Draw people offline of every area and sum them.

    `people`: `people_offline, people_offline_low, people_offline_high, adults`, indexed by `lsoa21cd`; the bounds are
    those of `interval`. `councils` (council of each area) and `levels` (name to a column of groups) have the same
    index. An area's error is a standard normal, `shared` of its variance the council's, scaled as in `drawn_around`;
    people stay within 0 and the adults. InputError where tables differ in areas.
    """
    import pandas as pd

    for name, column in {"councils": councils, **levels}.items():
        if not column.index.equals(people.index):
            raise InputError(
                f"Draws of people: {name} has other areas than the table of people; join them first."
            )
    middle, low, high, adults = (
        people[c].to_numpy(float, na_value=np.nan)
        for c in ("people_offline", "people_offline_low", "people_offline_high", "adults")
    )
    known = np.isfinite(middle) & np.isfinite(low) & np.isfinite(high)
    middle, low, high = middle[known], low[known], high[known]
    most = np.where(np.isfinite(adults), adults, np.inf)[known]
    council, names = pd.factorize(councils[known], sort=True)
    coded = {name: pd.factorize(column[known], sort=True) for name, column in levels.items()}
    sums = {name: np.zeros((draws, len(groups))) for name, (_, groups) in coded.items()}
    size = len(middle)
    tenth = max(1, size // 10)
    top = np.zeros(size)
    rng = np.random.Generator(np.random.SFC64([seed, size]))
    for j in range(draws):
        common = rng.standard_normal(len(names) + 1)[council]
        z = np.sqrt(shared) * common + np.sqrt(1 - shared) * rng.standard_normal(size)
        drawn = np.clip(drawn_around(middle, low, high, z, interval=interval), 0.0, most)
        top[np.argpartition(-drawn, tenth - 1)[:tenth]] += 1.0
        for name, (code, groups) in coded.items():
            use = code >= 0
            sums[name][j] = np.bincount(code[use], weights=drawn[use], minlength=len(groups))
    chance = np.full(len(people), np.nan)
    chance[known] = 100.0 * top / draws
    tail = (1.0 - interval) / 2
    tables = {}
    for name, (code, groups) in coded.items():
        ends = np.quantile(sums[name], (tail, 1.0 - tail), axis=0)
        best = np.bincount(code[code >= 0], weights=middle[code >= 0], minlength=len(groups))
        tables[name] = pd.DataFrame(
            {
                "group": groups,
                "people_offline": best,
                "people_offline_low": np.minimum(ends[0], best),
                "people_offline_high": np.maximum(ends[1], best),
            }
        )
    areas = pd.DataFrame({"lsoa21cd": people.index, "people_chance_top_tenth_pct": chance})
    return PeopleDraws(areas, tables, shared)
