"""The list of how far each area is from help: every access measure, for spreadsheets."""

import pandas as pd

ACCESS_COLUMNS = (
    "lsoa21cd", "lsoa21nm", "neighbourhood", "wd_nm", "lad_nm", "ruc21nm", "people_offline",
    "help_min", "help_car_min", "help_other_min", "second_help_min", "help_min_p50", "help_min_p90",
    "venues_within_15_min", "venues_within_30_min", "help_supply",
    "people_offline_beyond_20_min", "offline_within_20_min_pct", "people_offline_beyond_limit", "is_beyond_limit",
    "nearest_venue_id", "nearest_venue_nm", "engine", "population_from", "help_min__status",
)  # fmt: skip
_DECIMALS = 2


def access_list(results: pd.DataFrame) -> pd.DataFrame:
    """Return ACCESS_COLUMNS of `results` (from `join_results`), one row an area, farthest from help first.

    Minutes are door to door; docs/method-access.md explains each column. Areas whose time is not known come last
    and stay blank.
    """
    rows = results.reset_index()
    rows = rows.assign(neighbourhood=rows["msoa_hcl_nm"].fillna(rows["msoa21nm"]))
    out = rows.reindex(columns=list(ACCESS_COLUMNS))
    out = out.sort_values(
        ["help_min", "lsoa21cd"], ascending=[False, True], na_position="last", ignore_index=True
    )
    numbers = out.select_dtypes("number").columns.drop("people_offline", errors="ignore")
    return out.assign(**{name: out[name].astype(float).round(_DECIMALS) for name in numbers})
