"""Mobile stops: a round of stops is served or not as one, so it is one choice whose reach is that of all its stops."""

from typing import Any

import numpy as np

from exclusion.access.reach import Reach
from exclusion.errors import ContractError, InputError


def join_rounds(venues: Any, reach: Reach, *, round_column: str = "round_id") -> tuple[Any, Reach]:
    """Return venues and reach in which the stops of each round are one venue.

    `venues` has `venue_id` and the round of each stop in `round_column` (null: a venue of its own). The joined venue takes
    the round's id as `venue_id`, the first stop's other columns, the mean place of its stops, and the sum of
    `hours_per_week` and `capacity_people` where these exist (null where any stop's is null). A demand row's time to
    it is that to its nearest stop. Raises InputError where a round's id is also a venue's.
    """
    import pandas as pd

    if round_column not in venues.columns:
        raise InputError(
            f"The venues table has no column {round_column!r} that says which stops make up a round."
        )
    if reach.n_venues != len(venues):
        raise ContractError(f"The reach lists are for {reach.n_venues} venues, but {len(venues)} were given.")
    table = venues.reset_index(drop=True)
    is_stop = table[round_column].notna()
    own = set(table.loc[~is_stop, "venue_id"].astype(str))
    both = sorted(own & set(table.loc[is_stop, round_column].astype(str)))
    if both:
        raise InputError(f"{both[0]!r} is both a round and a venue: give the round another id.")
    name = table["venue_id"].astype(str).where(~is_stop, table[round_column].astype(str))
    code, ids = pd.factorize(name)
    first = np.unique(code, return_index=True)[1]
    joined = table.iloc[first].copy()
    joined["venue_id"] = np.asarray(ids)
    for measure, how in (
        ("x_m", "mean"),
        ("y_m", "mean"),
        ("hours_per_week", "sum"),
        ("capacity_people", "sum"),
    ):
        if measure in table.columns:
            grouped = table.groupby(code)[measure]
            values = grouped.mean() if how == "mean" else grouped.sum(min_count=1)
            if how == "sum":
                values = values.where(grouped.count() == grouped.size())
            joined[measure] = values.to_numpy()
    row = reach.rows()
    column = np.asarray(code, dtype=np.int64)[reach.indices]
    order = np.lexsort((reach.minutes, column, row))
    row, column, minutes = row[order], column[order], reach.minutes[order]
    is_first = (
        np.concatenate(([True], (row[1:] != row[:-1]) | (column[1:] != column[:-1]))) if len(row) else row > 0
    )
    counts = np.bincount(row[is_first], minlength=reach.shape[0])
    pointers = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    return joined.reset_index(drop=True), Reach(
        pointers, column[is_first].astype(np.int32), minutes[is_first], len(ids), reach.limit_min
    )
