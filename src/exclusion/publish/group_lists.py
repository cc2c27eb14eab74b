"""Lists of larger places: wards to nations, or a user's own areas, summed from areas and never averaged from shares."""

from typing import Any

import pandas as pd

from exclusion.errors import InputError
from exclusion.index.rollups import roll_up
from exclusion.publish.columns import GROUP_LIST
from exclusion.publish.lists import rounded

# Level, and the columns of its code and name.
LEVELS: dict[str, tuple[str, str]] = {
    "ward": ("wd_cd", "wd_nm"),
    "neighbourhood": ("msoa21cd", "msoa_hcl_nm"),
    "council": ("lad_cd", "lad_nm"),
    "county": ("utla_cd", "utla_nm"),
    "combined-authority": ("cauth_cd", "cauth_nm"),
    "care-board": ("icb_cd", "icb_nm"),
    "region": ("rgn_cd", "rgn_nm"),
    "nation": ("nation", "nation"),
}
# Several places of each level in a sentence.
PLURALS = {
    "ward": "wards",
    "neighbourhood": "neighbourhoods",
    "council": "councils",
    "county": "counties",
    "combined-authority": "combined authorities",
    "care-board": "care boards",
    "region": "regions",
    "nation": "nations",
}
# Each order in the title of a list.
GROUP_ORDER_WORDS = {
    "exclusion": "average exclusion rank",
    "risk": "average risk rank, without any weight for remoteness",
    "people": "people offline",
    "share": "the share of adults offline",
    "chance": "the share of areas in the worst tenth",
    "venue": "people offline who live more than 20 minutes from help",
}
# Order of the list, by the name that `exclusion rank --by` takes: column, and whether small comes first.
_ORDERS = {
    "exclusion": ("average_rank", False),
    "risk": ("average_risk_rank", False),
    "people": ("people_offline", False),
    "share": ("offline_share_pct", False),
    "chance": ("share_in_worst_tenth_pct", False),
    "venue": ("people_offline_beyond_20_min", False),
}
_COUNTS = (
    "adults",
    "people_offline",
    "people_offline_low",
    "people_offline_high",
    "people_offline_beyond_20_min",
)


def group_list(
    results: pd.DataFrame,
    *,
    level: str | pd.DataFrame,
    n_ranked: int,
    by: str = "exclusion",
    top: int | None = None,
    drawn: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return one row a place of `level` (columns of GROUP_LIST), the most excluded first.

    `level` is a name of LEVELS, or a table `lsoa21cd, group, weight, covered_pct` of the user's own areas, whose
    counts are each area's times its weight. `n_ranked` is how many areas the ranks of `results` run over. `drawn` may
    be the roll-ups of all places: `level, code, areas, rank, rank_low, rank_high`, and `people_offline_low` and `_high`,
    which are narrower than the sums of the areas' own ranges; it is used for whole places alone, so that elsewhere the
    rank is null. Places without a name keep their code as the name.
    """
    if by not in _ORDERS:
        raise InputError(f"--by {by}: larger places are listed by {', '.join(_ORDERS)}.")
    if top is not None and top < 1:
        raise InputError(f"--top {top}: a list needs at least one place.")
    people = results
    if "people_offline_beyond_20_min" not in results:
        people = results.assign(people_offline_beyond_20_min=float("nan"))
    names: dict[str, str] = {}
    if isinstance(level, str):
        if level not in LEVELS:
            raise InputError(f"--level {level}: choose one of {', '.join(LEVELS)}.")
        code, name = LEVELS[level]
        member: Any = (
            people[[code]]
            .rename(columns={code: "group"})
            .dropna()
            .reset_index()
            .assign(weight=1.0, covered_pct=100.0)
        )
        if member.empty:
            raise InputError(f"--level {level}: no area of the place has one; choose another level.")
        names = people.dropna(subset=[code]).groupby(code)[name].first().dropna().to_dict()
    else:
        member = level
    how: dict[str, Any] = {"by": member, "people": "residents", "n_ranked": n_ranked}
    rows = roll_up(results, people, index="exclusion", counts=_COUNTS, **how)
    risk = roll_up(results, people, index="risk", **how).set_index("group")
    rows["average_risk_rank"] = rows["group"].map(risk["average_rank"])
    rows["name"] = [names.get(code, code) for code in rows["group"]]
    rows = rows.rename(
        columns={
            "people": "residents",
            "people_offline_beyond_20_min_areas_missing": "areas_without_help_known",
        }
    )
    is_unknown = rows["areas_without_help_known"] == rows["areas"]
    rows.loc[is_unknown, "people_offline_beyond_20_min"] = float("nan")
    worst = people["exclusion_rank"].astype(float) <= n_ranked / 10
    rows["areas_in_worst_tenth"] = rows["group"].map(
        member.assign(is_worst=member["lsoa21cd"].map(worst)).groupby("group")["is_worst"].sum()
    )
    rows["covered_pct"] = rows["group"].map(member.groupby("group")["covered_pct"].first())
    if drawn is not None and isinstance(level, str):
        rows = _with_draws(rows, drawn, level)
    adults = rows["adults"].where(rows["adults"] > 0)
    rows["offline_share_pct"] = 100.0 * rows["people_offline"] / adults
    column, is_rising = _ORDERS[by]
    # Places that tie stand in the order of their rank, like areas.
    rows = rows.sort_values(
        [column, "average_rank", "group"],
        ascending=[is_rising, False, True],
        na_position="last",
        ignore_index=True,
    )
    rows["position"] = range(1, len(rows) + 1)
    return rounded(rows.reindex(columns=[c.name for c in GROUP_LIST]).head(top), GROUP_LIST)


def _with_draws(rows: pd.DataFrame, drawn: pd.DataFrame, level: str) -> pd.DataFrame:
    """Take ranks, and ranges from draws, for places that the results hold whole."""
    found = drawn[drawn["level"] == level.replace("-", " ")].set_index("code")
    found = found[~found.index.duplicated()]
    is_whole = rows["areas"] == rows["group"].map(found["areas"])
    for column in ("people_offline_low", "people_offline_high"):
        known = rows["group"].map(found[column].astype(float))
        rows[column] = known.where(is_whole & known.notna(), rows[column])
    for column in ("rank", "rank_low", "rank_high"):
        rows[column] = rows["group"].map(found[column].astype(float)).where(is_whole)
    return rows
