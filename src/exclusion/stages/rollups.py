"""Wards, councils, counties, regions, combined authorities, care boards and nations: index, people, how sure both are."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.stages.tables import Inputs, read_json, read_table

if TYPE_CHECKING:
    from exclusion.index.people_draws import PeopleDraws
    from exclusion.index.spec import Uncertainty as Declared
    from exclusion.index.uncertainty import Uncertainty

# Level and its columns of codes and names.
LEVELS = {
    "ward": ("wd_cd", "wd_nm"),
    "council": ("lad_cd", "lad_nm"),
    "county": ("utla_cd", "utla_nm"),
    "combined authority": ("cauth_cd", "cauth_nm"),
    "care board": ("icb_cd", "icb_nm"),
    "region": ("rgn_cd", "rgn_nm"),
    "nation": ("nation", "nation"),
}


def levels_in(table: pd.DataFrame) -> dict[str, str]:
    """Return the levels that exist for any area of the table: name and column."""
    return {
        name: column
        for name, (column, _) in LEVELS.items()
        if column in table and table[column].notna().any()
    }


def people_draws(
    table: pd.DataFrame, inputs: Inputs, declared: "Declared", *, draws: int, seed: int
) -> "PeopleDraws":
    """Return draws of people offline; how far errors are shared in a council is measured on held-out areas.

    Where the spec declares that people offline are not drawn, all that rests on draws is null.
    """
    from exclusion.index.people_draws import draw_people, shared_error

    people = read_table(inputs["people_offline.parquet"]).set_index("lsoa21cd").reindex(table.index)
    shared = float(read_json(inputs["estimate.json"]).get("shared_error", 0.0))
    if "residuals.parquet" in inputs:
        held = read_table(inputs["residuals.parquet"]).set_index("lsoa21cd")
        gap = held["residual_pp"].to_numpy(float)
        low, high = (
            (held["estimate_pct"] - held["low_pct"]).to_numpy(float),
            (held["high_pct"] - held["estimate_pct"]).to_numpy(float),
        )
        width = np.where(gap < 0, low, high)
        errors = np.divide(gap, width, out=np.full(len(gap), np.nan), where=width > 0)
        shared = shared_error(errors, table["lad_cd"].reindex(held.index).to_numpy())
    found = draw_people(
        people,
        table["lad_cd"],
        {name: table[column] for name, column in levels_in(table).items()},
        shared=shared,
        interval=declared.interval,
        draws=draws if declared.people_offline else 1,
        seed=seed,
    )
    if not declared.people_offline:
        found.areas["people_chance_top_tenth_pct"] = np.nan
        for groups in found.groups.values():
            groups[["people_offline_low", "people_offline_high"]] = np.nan
    return found


def rollup_table(
    table: pd.DataFrame, index: pd.DataFrame, draws: "Uncertainty", people: "PeopleDraws"
) -> pd.DataFrame:
    """Return one row a group of every level, sorted by level and code.

    Columns: `level, code, name, areas, areas_ranked, residents, residents_not_ranked`, people offline with interval,
    `rank` among the level's groups by average exclusion rank (1 the worst) with interval, all measures of
    `rollups.MEASURES` of the exclusion index with ranks, intervals of those of `group_draws.ROLLUP_MEASURES`, and the
    same rank by risk.
    """
    from exclusion.index.rollups import roll_up

    ranked = int(index["exclusion_rank"].notna().sum())
    found: list[pd.DataFrame] = []
    for level, groups in people.groups.items():
        column, name = LEVELS[level]
        how: dict[str, Any] = {"by": column, "people": "residents", "n_ranked": ranked}
        rows = roll_up(index, table, index="exclusion", **how)
        risk = roll_up(index, table, index="risk", **how).set_index("group")
        rows["rank"] = rows["average_rank_rank"]
        rows["risk_rank"] = rows["group"].map(risk["average_rank_rank"])
        rows["risk_average_score"] = rows["group"].map(risk["average_score"])
        rows = rows.merge(groups, on="group", how="left", validate="one_to_one")
        drawn = draws.rollups[level]
        drawn = drawn.drop(columns=[c for c in drawn if c.endswith("_median")])
        rows = rows.merge(drawn, on="group", how="left", validate="one_to_one")
        rows["rank_low"], rows["rank_high"] = rows["average_rank_rank_low"], rows["average_rank_rank_high"]
        names = table.groupby(column)[name].first()
        rows.insert(0, "level", level)
        rows["name"] = rows["group"].map(names)
        found.append(rows)
    out = pd.concat(found, ignore_index=True).rename(
        columns={"group": "code", "people": "residents", "people_not_ranked": "residents_not_ranked"}
    )
    first = [
        "level", "code", "name", "rank", "rank_low", "rank_high", "risk_rank", "areas", "areas_ranked", "residents",
        "residents_not_ranked", "people_offline", "people_offline_low", "people_offline_high",
    ]  # fmt: skip
    out = out.reindex(columns=[*first, *(c for c in out if c not in first)])
    return out.sort_values(["level", "code"], ignore_index=True)


def drawn_range(rollups: pd.DataFrame, here: pd.DataFrame) -> tuple[int, int] | None:
    """Return the range of people offline from draws, in whole people, of the larger place that areas make up.

    `here` are areas with the columns of LEVELS. None where they are no larger place, or one whose people were not
    drawn: a place has one range, wherever it is told.
    """
    for level, (column, _) in LEVELS.items():
        if column not in here or len(set(here[column])) != 1:
            continue
        found = rollups[(rollups["level"] == level) & (rollups["code"] == here[column].iloc[0])]
        ends = found[["people_offline_low", "people_offline_high"]].astype(float).to_numpy()
        if len(found) and int(found["areas"].iloc[0]) == len(here) and np.isfinite(ends[0]).all():
            low, high = (math.floor(end + 0.5) for end in ends[0])
            return low, high
    return None
