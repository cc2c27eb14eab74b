"""Wards, councils, counties, regions and custom sets, always from counts of areas and people.

The measures are those of IoD 2019 Technical Report, Appendix N; no single one is best, so all are given. A ratio of a
larger place is never the mean of the ratios of its parts.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError

Array = npt.NDArray[Any]

MEASURES = ("average_rank", "average_score", "share_in_worst_tenth_pct", "extent_pct", "local_concentration")

_WORST = 0.10
_FALL = 0.9 / 19.0
_CONCENTRATED = 0.10


def extent_weight(ranks: Array, n_ranked: int) -> Array:
    """Return the weight of each area in the extent: 1 in the worst tenth, then 0.95 falling to 0.05, then 0.

    The percentile is ceil(100 rank / N); it falls by 0.9 / 19 a percentile from the 11th to the 30th.
    """
    percentile = np.ceil(100.0 * np.asarray(ranks, float) / n_ranked - 1e-9)
    falling = 0.95 - (percentile - 11.0) * _FALL
    return np.where(percentile <= 10, 1.0, np.where(percentile <= 30, falling, 0.0))


def local_concentration(ranks: Array, people: Array, codes: Array, count: int, n_ranked: int) -> Array:
    """Return for each group the mean reversed rank of its worst areas that hold exactly a tenth of its people.

    All (N,); `codes` 0.. count-1. The last area is cut, so that the tenth is exact. Null for a group without people.
    """
    order = np.lexsort((ranks, codes))
    code, held = codes[order], people[order].astype(float)
    total = np.bincount(codes, weights=people, minlength=count)
    running = np.cumsum(held)
    before_group = (np.cumsum(total) - total)[code]
    before = running - held - before_group
    use = np.clip(_CONCENTRATED * total[code] - before, 0.0, held)
    reversed_rank = n_ranked + 1.0 - ranks[order]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(
            np.bincount(code, weights=use * reversed_rank, minlength=count)
            / np.bincount(code, weights=use, minlength=count)
        )


def summary_measures(
    ranks: Array, scores: Array, people: Array, codes: Array, count: int, n_ranked: int
) -> dict[str, Array]:
    """Return MEASURES for each group; all inputs (N,) of ranked areas, `codes` 0.. count-1.

    average_rank and local_concentration are on reversed ranks (N for the most excluded), so that large is worse in
    every measure. Null for a group without people or areas.
    """
    people = people.astype(float)

    def total(values: Array) -> Array:
        return np.bincount(codes, weights=values, minlength=count)

    with np.errstate(invalid="ignore", divide="ignore"):
        held, areas = total(people), total(np.ones(len(codes)))
        return {
            "average_rank": total(people * (n_ranked + 1.0 - ranks)) / held,
            "average_score": total(people * scores) / held,
            "share_in_worst_tenth_pct": 100.0 * total((ranks <= _WORST * n_ranked).astype(float)) / areas,
            "extent_pct": 100.0 * total(people * extent_weight(ranks, n_ranked)) / held,
            "local_concentration": local_concentration(ranks, people, codes, count, n_ranked),
        }


def roll_up(
    table: Any,
    areas: Any,
    *,
    by: str | Any,
    people: str,
    n_ranked: int,
    index: str = "risk",
    counts: tuple[str, ...] = (),
) -> Any:
    """Return one row a group with all measures, their ranks among the groups, and counts.

    `table` is the `index` table; `areas` has `people` (residents or adults) and `counts` (summed) on the same
    `lsoa21cd`. `by` is a column of `areas`, or a table `lsoa21cd, group` of custom sets, which may overlap;
    with a column `weight` (0 to 1) only that part of an area's people and counts is in the group.
    `index` is `risk` or `exclusion`, `n_ranked` the number of areas the ranks run over. Columns: `group, areas,
    areas_ranked, people, people_not_ranked`, MEASURES and `<measure>_rank` (1 the worst), the counts and
    `<count>_areas_missing`. Areas whose group is null are left out, because the level does not exist there.
    InputError names an area that is not in the index.
    """
    import pandas as pd

    left = table.set_index("lsoa21cd") if "lsoa21cd" in table else table
    right = areas.set_index("lsoa21cd") if "lsoa21cd" in areas else areas
    if isinstance(by, str):
        member = right[[by]].rename(columns={by: "group"}).reset_index().dropna(subset=["group"])
        member = member[member["lsoa21cd"].isin(left.index)]
    else:
        member = by[[c for c in ("lsoa21cd", "group", "weight") if c in by]].drop_duplicates(
            ["lsoa21cd", "group"]
        )
        lost = left.index.get_indexer(member["lsoa21cd"]) < 0
        if lost.any():
            raise InputError(
                f"Custom set `{member.loc[lost, 'group'].iloc[0]}` names {member.loc[lost, 'lsoa21cd'].iloc[0]}, "
                "which is not among the areas of the index; correct the list."
            )
    part = member["weight"].to_numpy(float) if "weight" in member else np.ones(len(member))
    at, at_people = (table.index.get_indexer(member["lsoa21cd"]) for table in (left, right))
    codes, groups = pd.factorize(member["group"], sort=True)
    count = len(groups)
    ranks, scores = _taken(left[f"{index}_rank"], at), _taken(left[f"{index}_score"], at)
    size = part * _taken(right[people], at_people)
    if np.isnan(size).any():
        where = member["lsoa21cd"].iloc[int(np.flatnonzero(np.isnan(size))[0])]
        raise InputError(f"Roll-up: {people} of {where} is not known; give a count of people for every area.")
    use = np.isfinite(ranks)
    out = pd.DataFrame({"group": groups})
    out["areas"] = np.bincount(codes, minlength=count)
    out["areas_ranked"] = np.bincount(codes[use], minlength=count)
    out["people"] = np.bincount(codes, weights=size, minlength=count)
    out["people_not_ranked"] = np.bincount(codes[~use], weights=size[~use], minlength=count)
    found = summary_measures(ranks[use], scores[use], size[use], codes[use], count, n_ranked)
    for name, values in found.items():
        out[name] = values
        out[f"{name}_rank"] = out[name].rank(ascending=False, method="min").astype("Int64")
    for name in counts:
        values = part * _taken(right[name], at_people)
        known = np.isfinite(values)
        out[name] = np.bincount(codes[known], weights=values[known], minlength=count)
        out[f"{name}_areas_missing"] = np.bincount(codes[~known], minlength=count)
    return out


def _taken(column: Any, at: Array) -> Array:
    """Return the numbers of a column at places; null where it has none, and for the place -1."""
    return np.where(at >= 0, column.to_numpy(dtype=float, na_value=np.nan)[at], np.nan)
