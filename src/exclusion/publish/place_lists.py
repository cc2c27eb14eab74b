"""The list of larger places: every ward to nation that holds areas of a place, with ranks among all of its kind."""

import pandas as pd

from exclusion.publish.columns import PLACE_LIST
from exclusion.publish.group_lists import LEVELS, group_list
from exclusion.publish.lists import rounded

# Of these a nation has thousands, so that only those of the place are listed; of all others every one, to compare.
_OWN_ONLY = frozenset({"ward", "neighbourhood"})
# Column of the list and of the roll-ups, where the two are not called alike.
_MEASURES = {
    "average_rank_low": "average_rank_low",
    "average_rank_high": "average_rank_high",
    "share_in_worst_tenth_low_pct": "share_in_worst_tenth_pct_low",
    "share_in_worst_tenth_high_pct": "share_in_worst_tenth_pct_high",
    "share_in_worst_tenth_rank": "share_in_worst_tenth_pct_rank",
    "extent_low_pct": "extent_pct_low",
    "extent_high_pct": "extent_pct_high",
    "extent_rank": "extent_pct_rank",
    "local_concentration": "local_concentration",
    "local_concentration_rank": "local_concentration_rank",
    "risk_rank": "risk_rank",
}


def larger_places(
    everything: pd.DataFrame, here: pd.Index, *, n_ranked: int, rollups: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return one row a larger place (columns of PLACE_LIST), levels from nation to ward, the most excluded first.

    `everything` are the results of all ranked areas, `here` the `lsoa21cd` of the place. Every row is of a whole place,
    whatever of it lies in `here`: `areas_here` tells. Levels above the neighbourhood hold all places that are ranked
    together. `rollups` bring ranks within a level and intervals; what they do not hold is null.
    """
    found = []
    for level, (code, _) in reversed(LEVELS.items()):
        if everything.loc[here, code].isna().all():
            continue
        areas_here = everything.loc[here, code].value_counts()
        rows = everything[everything[code].isin(areas_here.index)] if level in _OWN_ONLY else everything
        table = group_list(rows, level=level, n_ranked=n_ranked, drawn=rollups).assign(level=level)
        table["areas_here"] = table["group"].map(areas_here).fillna(0)
        found.append(_with_ranks(table, rollups, level))
    return rounded(pd.concat(found, ignore_index=True)[[column.name for column in PLACE_LIST]], PLACE_LIST)


def _with_ranks(table: pd.DataFrame, rollups: pd.DataFrame | None, level: str) -> pd.DataFrame:
    """Take ranks within the level and intervals from the roll-ups."""
    if rollups is None:
        return table.assign(**dict.fromkeys(_MEASURES, float("nan")))
    rows = rollups[rollups["level"] == level.replace("-", " ")].set_index("code")
    rows = rows.reindex(columns=list(_MEASURES.values())).astype(float)
    rows.columns = list(_MEASURES)
    return table.join(rows, on="group", validate="one_to_one")
