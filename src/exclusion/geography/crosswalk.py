"""Carry values from LSOA 2011 to LSOA 2021 by the publisher's exact-fit table.

The table's change codes say what is exact: U unchanged, S split, M merged, X irregular. A rate is copied for U
and S (a part has its parent's rate), weighted by the 2011 populations for M; a count is copied for U, shared in
proportion to the 2021 populations for S, summed for M. X has no like-for-like: its parts are weighted in the
same way and every such area is flagged, never dropped.
"""

from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError


def change_by_area(exact_fit: pd.DataFrame) -> pd.Series:
    """Return the change code (U, S, M, X) of each LSOA 2021, indexed by `lsoa21cd`.

    `exact_fit` has `lsoa11cd, lsoa21cd, chgind`. An area on several rows with different codes is irregular (X).
    """
    by_area = exact_fit.groupby("lsoa21cd")["chgind"]
    codes = by_area.min().where(by_area.min() == by_area.max(), "X")
    return codes.sort_index().rename("change")


def carry_rates(
    values: pd.DataFrame, exact_fit: pd.DataFrame, *, weight11: pd.Series | None = None
) -> pd.DataFrame:
    """Carry rates or scores from LSOA 2011 to LSOA 2021.

    `values` is indexed by `lsoa11cd`; `weight11` (residents by `lsoa11cd`) weighs merged and irregular parts,
    equally where it is not given. Returns the same columns indexed by `lsoa21cd` plus `change`. A value is null
    where any of its parts is null: half an area's evidence is not evidence of the whole.
    """
    pairs = _pairs(values.index, exact_fit)
    weights = np.ones(len(pairs)) if weight11 is None else weight11.reindex(pairs["lsoa11cd"]).to_numpy(float)
    weights = np.where(np.isfinite(weights) & (weights > 0), weights, 1.0)
    total = pd.Series(weights, index=pairs.index).groupby(pairs["lsoa21cd"]).transform("sum").to_numpy()
    carried = values.reindex(pairs["lsoa11cd"]).to_numpy(float) * (weights / total)[:, None]
    out = _sum_all_or_null(carried, pairs["lsoa21cd"], list(values.columns))
    # A single parent is copied, so that a rate never picks up rounding on its way.
    single = pairs.groupby("lsoa21cd")["lsoa11cd"].agg(["first", "size"])
    single = single[single["size"] == 1]["first"]
    out.loc[single.index] = values.reindex(single.to_numpy()).to_numpy(float)
    return out.join(change_by_area(exact_fit), how="left", validate="one_to_one")


def carry_counts(values: pd.DataFrame, exact_fit: pd.DataFrame, *, residents21: pd.Series) -> pd.DataFrame:
    """Carry counts from LSOA 2011 to LSOA 2021 so that totals are kept.

    `values` is indexed by `lsoa11cd`; `residents21` (indexed by `lsoa21cd`) shares a split area's count between
    its parts, equally where all parts are empty or unknown. Returns the same columns indexed by `lsoa21cd` plus
    `change`.
    """
    pairs = _pairs(values.index, exact_fit)
    size = residents21.reindex(pairs["lsoa21cd"]).to_numpy(float)
    size = pd.Series(np.where(np.isfinite(size), size, 0.0), index=pairs.index)
    total = size.groupby(pairs["lsoa11cd"]).transform("sum").to_numpy()
    parts = size.groupby(pairs["lsoa11cd"]).transform("size").to_numpy()
    share = np.where(total > 0, size.to_numpy() / np.where(total > 0, total, 1.0), 1.0 / parts)
    carried = values.reindex(pairs["lsoa11cd"]).to_numpy(float) * share[:, None]
    out = _sum_all_or_null(carried, pairs["lsoa21cd"], list(values.columns))
    return out.join(change_by_area(exact_fit), how="left", validate="one_to_one")


def _pairs(index: pd.Index, exact_fit: pd.DataFrame) -> pd.DataFrame:
    """Return the exact-fit rows; ContractError when the values hold areas that the table does not know."""
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise ContractError(f"LSOA 2011 values: {twice} stands on more than one row; each area may have one.")
    unknown = index.difference(exact_fit["lsoa11cd"])
    if len(unknown):
        raise ContractError(
            f"LSOA 2011 values: {unknown[0]} (and {len(unknown) - 1:,} more) are in no row of the exact-fit table; "
            "check that the file holds LSOA 2011 codes of England and Wales."
        )
    return exact_fit[["lsoa11cd", "lsoa21cd"]].sort_values(["lsoa21cd", "lsoa11cd"]).reset_index(drop=True)


def _sum_all_or_null(carried: np.ndarray[Any, Any], key: pd.Series, columns: list[str]) -> pd.DataFrame:
    """Sum parts by area; null where any part is null."""
    frame = pd.DataFrame(carried, columns=columns)
    return (
        frame.groupby(key.to_numpy())
        .sum(min_count=1)
        .mask(frame.isna().groupby(key.to_numpy()).any())
        .rename_axis("lsoa21cd")
    )
