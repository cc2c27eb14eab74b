"""The list of how far each area is from help: every access measure, for spreadsheets."""

import pandas as pd

from exclusion.publish.columns import ACCESS_LIST
from exclusion.publish.lists import rounded


def access_list(results: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of ACCESS_LIST of `results` (from `join_results`), one row an area, farthest from help first.

    Minutes are door to door; docs/method-access.md explains each column. Areas whose time is not known come last
    and stay blank.
    """
    rows = results.reset_index()
    rows = rows.assign(neighbourhood=rows["msoa_hcl_nm"].fillna(rows["msoa21nm"]))
    out = rows.reindex(columns=[column.name for column in ACCESS_LIST])
    out = out.sort_values(
        ["help_min", "lsoa21cd"], ascending=[False, True], na_position="last", ignore_index=True
    )
    return rounded(out, ACCESS_LIST)
