"""Change between two editions, split exactly into data, reference, method and geography.

Scores from ranks are zero-sum: if everyone improves, nothing moves. So the score of today's data is also given
against yesterday's frozen reference, and the published change is told apart into what really changed in an area and
what changed around it.
"""

from typing import Any

import numpy as np

from exclusion.errors import InputError
from exclusion.index.engine import IndexResult, build
from exclusion.index.past import Past


def change_terms(
    before: IndexResult | Past,
    after: IndexResult,
    table_after: Any,
    *,
    carried: Any | None = None,
    parents: Any | None = None,
) -> Any:
    """Return the exact terms of the change of risk for every area of the later edition.

    With S(data; reference, spec) and 0, 1 for the editions:
    data = S(x1; F0, spec0) - S(x0; F0, spec0); reference = S(x1; F1, spec0) - S(x1; F0, spec0);
    method = S(x1; F1, spec1) - S(x1; F1, spec0); geography = S(x0 carried; F0, spec0) - mean score of the parents.

    `table_after` is the later indicator table; it must hold what the earlier spec reads. For areas that the earlier
    edition did not have, `carried` is the earlier indicator table carried to them and `parents` a table
    `lsoa21cd, parent_cd, weight` (weights of one area sum to 1). Columns, indexed by `lsoa21cd`:
    `score_before, data, reference, method, geography, score_after, change` (the four terms sum to `change`),
    `score_fixed` and `rank_fixed` (today's data on the earlier reference). InputError names an area without a past.
    """
    import pandas as pd

    index = table_after.index
    before = before if isinstance(before, Past) else Past.of(before)
    earlier = before.risk
    start = earlier.reindex(index)
    published = start.copy()
    new = index[start.isna().to_numpy()]
    if len(new):
        if carried is None or parents is None:
            raise InputError(
                f"Area {new[0]} (and {len(new) - 1:,} more) was not in the earlier edition; give the earlier table "
                "carried to it and its parents."
            )
        lost = new.difference(carried.index)
        if len(lost) or not new.isin(parents["lsoa21cd"]).all():
            name = lost[0] if len(lost) else new[~new.isin(parents["lsoa21cd"])][0]
            raise InputError(f"Area {name} has no row in the carried table or among the parents; add it.")
        on_new = build(before.spec, carried.loc[new], before.reference)
        start.loc[new] = on_new.layers.risk
        mine = parents[parents["lsoa21cd"].isin(new)]
        score = earlier.reindex(mine["parent_cd"]).to_numpy()
        if np.isnan(score).any():
            name = mine["parent_cd"].to_numpy()[np.isnan(score)][0]
            raise InputError(
                f"Parent area {name} was not in the earlier edition; correct the table of parents."
            )
        published.loc[new] = (mine["weight"] * score).groupby(mine["lsoa21cd"]).sum().reindex(new)
    fixed = build(before.spec, table_after, before.reference)
    own = build(before.spec, table_after)
    later = pd.Series(after.layers.risk, index=after.table["lsoa21cd"].to_numpy()).reindex(index)
    if later.isna().any():
        raise InputError(
            f"Area {index[later.isna().to_numpy()][0]} is in the later table and not in the later index; build the "
            "later index from this table."
        )
    out = pd.DataFrame(
        {
            "score_before": published,
            "data": fixed.layers.risk - start,
            "reference": own.layers.risk - fixed.layers.risk,
            "method": later - own.layers.risk,
            "geography": start - published,
            "score_after": later,
            "change": later - published,
            "score_fixed": fixed.layers.risk,
        },
        index=index,
    )
    out["rank_fixed"] = fixed.table["risk_rank"].to_numpy()
    return out


def backcast(before: IndexResult, table_before: Any, spec_after: Any) -> Any:
    """Return a change of method alone: the earlier data under both specs, each with its own reference.

    Columns, indexed by `lsoa21cd`: `score_before, score_backcast, method, rank_before, rank_backcast`.
    """
    import pandas as pd

    redone = build(spec_after, table_before)
    return pd.DataFrame(
        {
            "score_before": before.layers.risk,
            "score_backcast": redone.layers.risk,
            "method": redone.layers.risk - before.layers.risk,
            "rank_before": before.table["risk_rank"].to_numpy(),
            "rank_backcast": redone.table["risk_rank"].to_numpy(),
        },
        index=table_before.index,
    )
