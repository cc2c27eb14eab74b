"""The list of what changed for each area since an earlier edition that was given as reference."""

import pandas as pd

from exclusion.publish.columns import REFERENCE_LIST
from exclusion.publish.lists import rounded


def change_list(change: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Return how the risk score of each area of the place changed since the reference edition, the largest first.

    Columns of REFERENCE_LIST: `data`, `reference`, `method` and `geography` sum to `change`; `score_fixed` and
    `rank_fixed` are today's data on the earlier reference.
    """
    names = results[["lsoa21nm", "lad_nm", "risk_rank"]]
    rows = names.join(change.set_index("lsoa21cd"), how="left", validate="one_to_one").reset_index()
    rows = rows.sort_values(
        ["change", "lsoa21cd"], key=lambda c: -c.abs() if c.name == "change" else c, ignore_index=True
    )
    return rounded(rows[[column.name for column in REFERENCE_LIST]], REFERENCE_LIST)
