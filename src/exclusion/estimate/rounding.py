"""Whole people that still add up: largest remainders from the national total down to areas."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def largest_remainder(values: np.ndarray, total: int) -> np.ndarray:
    """Return whole numbers that add up to `total`, each the floor or the ceiling of its value.

    `values` are not negative and `total` is the floor or the ceiling of their sum. The remainders decide who is
    rounded up, the earlier of equals first (Hamilton's method).
    """
    # Sums such as 0.1 + 0.2 must not turn a whole value into one a hair below itself.
    cleaned = np.where(np.abs(values - np.rint(values)) < 1e-9, np.rint(values), values)
    whole = np.floor(cleaned).astype(np.int64)
    missing = int(total) - int(whole.sum())
    order = np.argsort(-(cleaned - whole), kind="stable")
    whole[order[:missing]] += 1
    return whole


def whole_people(values: pd.Series, levels: Sequence[pd.Series]) -> pd.Series:
    """Return whole numbers of people that add up at every level, from the whole country down to areas.

    `levels` are codes of the same index from the widest (region) to the narrowest (council), each nested in the one
    before. Every area, council and region gets the floor or the ceiling of its own sum, so none is off by one person
    or more, and the total is the rounded total.
    """
    codes = [level.astype(str).to_numpy() for level in levels]
    keys = pd.Series([""] * len(values), index=values.index)
    total = pd.Series({"": int(np.rint(values.sum()))})
    for code in codes:
        narrower = keys + "/" + code
        sums = values.groupby(narrower.to_numpy()).sum().sort_index()
        parents = pd.Series(keys.to_numpy(), index=narrower.to_numpy()).groupby(level=0).first().sort_index()
        total = _split(sums, parents, total)
        keys = narrower
    out = _split(values, keys, total)
    return out.astype("int64")


def _split(values: pd.Series, parents: pd.Series, totals: pd.Series) -> pd.Series:
    out = pd.Series(0, index=values.index, dtype="int64")
    for parent, positions in pd.Series(np.arange(len(values))).groupby(parents.to_numpy()):
        where = positions.to_numpy()
        out.iloc[where] = largest_remainder(values.to_numpy(float)[where], int(totals[parent]))
    return out
