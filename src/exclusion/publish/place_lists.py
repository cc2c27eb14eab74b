"""Lists of larger places and of change: councils and regions with intervals, and areas since an earlier edition."""

import pandas as pd

# Column of the list and of the roll-ups, with its decimals. Large is worse in every measure but the ranks.
_PLACE_COLUMNS = (
    ("level", "level", None), ("code", "code", None), ("name", "name", None), ("holds_this_place", "", None),
    ("rank", "rank", 0), ("rank_low", "rank_low", 0), ("rank_high", "rank_high", 0), ("risk_rank", "risk_rank", 0),
    ("average_exclusion_score", "average_score", 2), ("average_risk_score", "risk_average_score", 2),
    ("average_reversed_rank", "average_rank", 1),
    ("average_reversed_rank_low", "average_rank_low", 1), ("average_reversed_rank_high", "average_rank_high", 1),
    ("share_in_worst_tenth_pct", "share_in_worst_tenth_pct", 1),
    ("share_in_worst_tenth_low_pct", "share_in_worst_tenth_pct_low", 1),
    ("share_in_worst_tenth_high_pct", "share_in_worst_tenth_pct_high", 1),
    ("share_in_worst_tenth_rank", "share_in_worst_tenth_pct_rank", 0),
    ("extent_pct", "extent_pct", 1), ("extent_low_pct", "extent_pct_low", 1), ("extent_high_pct", "extent_pct_high", 1),
    ("extent_rank", "extent_pct_rank", 0),
    ("local_concentration", "local_concentration", 1), ("local_concentration_rank", "local_concentration_rank", 0),
    ("people_offline", "people_offline", 0), ("people_offline_low", "people_offline_low", 0),
    ("people_offline_high", "people_offline_high", 0),
    ("areas", "areas", 0), ("areas_ranked", "areas_ranked", 0), ("residents", "residents", 0),
    ("residents_not_ranked", "residents_not_ranked", 0),
)  # fmt: skip
_LEVELS = ("region", "combined authority", "care board", "county", "council", "ward")
_COLUMN_OF = {
    "ward": "wd_cd", "council": "lad_cd", "county": "utla_cd", "combined authority": "cauth_cd", "care board": "icb_cd",
    "region": "rgn_cd",
}  # fmt: skip


def place_list(rollups: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Return regions, combined authorities, care boards, counties and councils, and the wards of the place, in order.

    `rollups` are those of all ranked areas, `results` the place's rows. Ranks run within a level, 1 the most
    excluded; rank_low and rank_high hold it in the spec's interval. `holds_this_place` is yes where any area of the
    place is in it.
    """
    here = {level: set(results[column].dropna()) for level, column in _COLUMN_OF.items() if column in results}
    is_here = pd.Series(
        [row.code in here.get(row.level, ()) for row in rollups.itertuples()], index=rollups.index, dtype=bool
    )
    rows = rollups.assign(
        order=rollups["level"].map({level: at for at, level in enumerate(_LEVELS)}), is_here=is_here
    )
    rows = rows[(rows["level"] != "ward") | rows["is_here"]].sort_values(["order", "rank", "code"])
    out = pd.DataFrame(index=rows.index)
    for name, column, decimals in _PLACE_COLUMNS:
        if name == "holds_this_place":
            out[name] = ["yes" if held else "no" for held in rows["is_here"]]
        elif decimals is None:
            out[name] = rows[column].astype(object)
        elif decimals == 0:
            out[name] = rows[column].astype(float).round(0).astype("Int64")
        else:
            out[name] = rows[column].astype(float).round(decimals)
    return out.reset_index(drop=True)


def change_list(change: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Return how the risk score of each area of the place changed since the reference edition, the largest first.

    `data`, `reference`, `method` and `geography` sum to `change`; `score_fixed` and `rank_fixed` are today's data on
    the earlier reference.
    """
    names = results[["lsoa21nm", "lad_nm", "risk_rank"]]
    rows = names.join(change.set_index("lsoa21cd"), how="left", validate="one_to_one").reset_index()
    rows = rows.sort_values(
        ["change", "lsoa21cd"], key=lambda c: -c.abs() if c.name == "change" else c, ignore_index=True
    )
    points = [
        "score_before",
        "data",
        "reference",
        "method",
        "geography",
        "score_after",
        "change",
        "score_fixed",
    ]
    rows[points] = rows[points].astype(float).round(3)
    rows[["risk_rank", "rank_fixed"]] = (
        rows[["risk_rank", "rank_fixed"]].astype(float).round(0).astype("Int64")
    )
    return rows[["lsoa21cd", "lsoa21nm", "lad_nm", *points, "risk_rank", "rank_fixed"]]
