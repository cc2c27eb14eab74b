"""Larger places in the draws: their measures and their ranks among each other, with intervals.

Each draw is counted on a grid of steps and then forgotten, so that wards, of which there are thousands, take no more
memory for 10,000 draws than for 100.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.index import kernels

Array = npt.NDArray[Any]

ROLLUP_MEASURES = ("average_rank", "share_in_worst_tenth_pct", "extent_pct")

# Ends lie within half a step of those of all draws: 0.1% of the areas, of 100%, or of the places that are ranked.
STEPS = 500
_COLUMNS = 2 * len(ROLLUP_MEASURES)


class GroupDraws:
    """Count the draws of one level of larger places.

    `codes` (N,) 0-based places of the ranked areas, -1 for none; `groups` their number; `people` (N,) weighs the
    areas. A place without people in ranked areas is not ranked and stays null. A share of areas is exact in a place of
    up to 500 areas, a rank where there are up to 501 places.
    """

    def __init__(self, codes: Array, groups: int, people: Array) -> None:
        use = codes >= 0
        held = np.bincount(codes[use], weights=people[use], minlength=groups)
        self.known = np.flatnonzero(held > 0)
        self.groups = groups
        place = np.full(groups + 1, -1, np.int32)  # the last stands for no place
        place[self.known] = np.arange(len(self.known), dtype=np.int32)
        self._codes, self._people = place[codes], people
        count, size = len(self.known), len(codes)
        areas = np.bincount(self._codes[self._codes >= 0], minlength=count)
        self._steps = np.empty((len(ROLLUP_MEASURES), count))
        self._steps[0], self._steps[2] = size / STEPS, 100.0 / STEPS
        self._steps[1] = 100.0 / np.clip(areas, 1, STEPS)
        self._rank_step = max(1.0, (count - 1) / STEPS)
        self._counts = np.zeros((_COLUMNS * count, STEPS + 1), np.uint16)
        self._same = np.arange(STEPS + 1, dtype=np.uint16)

    def cells(self, draws: int) -> Array:
        """Return room for the steps of some draws (draws, 2 x measures x places)."""
        return np.empty((draws, len(self._counts)), np.uint16)

    def place(self, ranks: Array, tenth: float, cells: Array) -> None:
        """Fill one row of `cells` from whole exclusion ranks (N,) of one draw."""
        count = len(self.known)
        values = np.empty((count, len(ROLLUP_MEASURES)))
        kernels.group_measures(ranks, self._people, self._codes, tenth, values)
        kernels.place_groups(
            values.T.astype(np.float32), self._steps, self._rank_step, cells.reshape(_COLUMNS, count)
        )

    def add(self, cells: Array) -> None:
        """Count the steps of some draws; the order in which they come makes no difference."""
        kernels.add_ranks(cells, self._same, self._counts)

    def table(self, names: Any, draws: int, interval: float) -> Any:
        """Return low, median and high of each measure of each place, and of its rank among the places (1 the worst).

        `names` (G,) are the places' codes, in the order of the 0-based codes. Places that tie share the smaller rank,
        as they do in the roll-ups themselves. Null for a place without people in ranked areas.
        """
        import pandas as pd

        tail = (1.0 - interval) / 2.0
        wanted = [max(int(np.ceil(share * draws - 1e-9)), 1) for share in (tail, 0.5, 1.0 - tail)]
        counts = self._counts.reshape(_COLUMNS, len(self.known), STEPS + 1)
        out = pd.DataFrame({"group": names})
        for m, name in enumerate(ROLLUP_MEASURES):
            for what, at, first, step in (
                ("", m, 0.0, self._steps[m]),
                ("_rank", len(ROLLUP_MEASURES) + m, 1.0, self._rank_step),
            ):
                running = np.cumsum(counts[at], axis=1, dtype=np.int32)
                for end, least in zip(("low", "median", "high"), wanted, strict=True):
                    found = first + step * (running < least).sum(axis=1)
                    column = np.full(self.groups, np.nan)
                    column[self.known] = np.round(found) if what else found
                    out[f"{name}{what}_{end}"] = column
        return out
