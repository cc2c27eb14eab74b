"""Which venue is within reach of whom, and in how many minutes: sparse pairs, never a full matrix."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import ContractError

Minutes = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def rounded_minutes(minutes: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Round to a hundredth of a minute, so that a limit is compared with what is printed."""
    return np.asarray(np.round(np.asarray(minutes, dtype=np.float64), 2), dtype=np.float64)


@dataclass(frozen=True)
class Reach:
    """Hold the pairs of demand row and venue within a limit, in compressed sparse rows.

    Row i's venues are `indices[indptr[i]:indptr[i + 1]]`, ascending, with their `minutes` (float32, rounded to
    0.01; engines' own minutes on the move are float64 and not rounded). A minute equal to `limit_min` is within it; a pair that is absent is out of reach. Zero minutes are a
    stored value, so no sparse routine that drops zeros may be used on `matrix()`.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    minutes: Minutes
    n_venues: int
    limit_min: float

    def __post_init__(self) -> None:
        fits = self.indptr[0] == 0 and self.indptr[-1] == len(self.indices) == len(self.minutes)
        if not fits or (np.diff(self.indptr) < 0).any():
            raise ContractError("The reach lists are torn: row pointers and pairs do not fit together.")

    @property
    def shape(self) -> tuple[int, int]:
        """Return the number of demand rows and of venues."""
        return len(self.indptr) - 1, self.n_venues

    def rows(self) -> npt.NDArray[np.int64]:
        """Return the demand row of every pair."""
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr))

    def matrix(self) -> Any:
        """Return a SciPy CSR array of minutes, rows demand, columns venues; explicit zeros are kept."""
        from scipy.sparse import csr_array

        return csr_array((self.minutes, self.indices, self.indptr), shape=self.shape)

    def within(self, limit_min: float) -> "Reach":
        """Keep the pairs of at most so many minutes; a limit above this one's own is an error."""
        if limit_min > self.limit_min:
            raise ContractError(
                f"Reach lists cut at {self.limit_min:g} minutes cannot answer for {limit_min:g}: make them anew."
            )
        return self._kept(rounded_minutes(self.minutes) <= limit_min, limit_min)

    def of_venues(self, is_kept: npt.NDArray[np.bool_]) -> "Reach":
        """Keep the venues that are marked, renumbered in their old order."""
        if is_kept.shape != (self.n_venues,):
            raise ContractError(
                f"{self.n_venues} marks are needed, one for each venue; {len(is_kept)} were given."
            )
        kept = self._kept(is_kept[self.indices], self.limit_min)
        number = np.cumsum(is_kept, dtype=np.int64) - 1
        return Reach(
            kept.indptr,
            number[kept.indices].astype(np.int32),
            kept.minutes,
            int(is_kept.sum()),
            self.limit_min,
        )

    def _kept(self, mask: npt.NDArray[np.bool_], limit_min: float) -> "Reach":
        position = np.concatenate(([0], np.cumsum(mask, dtype=np.int64)))
        return Reach(position[self.indptr], self.indices[mask], self.minutes[mask], self.n_venues, limit_min)

    def to_frame(self, demand_ids: npt.ArrayLike, venue_ids: npt.ArrayLike) -> Any:
        """Return the `reach` table: `demand_id`, `venue_id` (both categorical) and `minutes`, sorted by row."""
        import pandas as pd

        demand, venues = np.asarray(demand_ids, dtype=object), np.asarray(venue_ids, dtype=object)
        if (len(demand), len(venues)) != self.shape:
            raise ContractError(
                f"The reach lists are for {self.shape[0]} demand rows and {self.shape[1]} venues, but"
                f" {len(demand)} and {len(venues)} names were given."
            )
        return pd.DataFrame(
            {
                "demand_id": pd.Categorical.from_codes(self.rows(), categories=pd.Index(demand)),
                "venue_id": pd.Categorical.from_codes(self.indices, categories=pd.Index(venues)),
                "minutes": self.minutes,
            }
        )


def reach_from_frame(
    pairs: Any, demand_ids: npt.ArrayLike, venue_ids: npt.ArrayLike, *, limit_min: float
) -> Reach:
    """Build reach lists from a table of pairs, such as a council's own travel times.

    `pairs` has `demand_id`, `venue_id` and `minutes`; pairs beyond `limit_min` are left out. Raises ContractError
    for an unknown id, a pair given twice, or minutes that are null or negative.
    """
    import pandas as pd

    missing = [name for name in ("demand_id", "venue_id", "minutes") if name not in pairs.columns]
    if missing:
        raise ContractError(
            f"The travel-time table has no column {missing[0]!r}: it needs demand_id, venue_id, minutes."
        )
    demand, venues = (
        pd.Index(np.asarray(demand_ids, dtype=object)),
        pd.Index(np.asarray(venue_ids, dtype=object)),
    )
    rows = demand.get_indexer(pd.Index(pairs["demand_id"].astype(object)))
    columns = venues.get_indexer(pd.Index(pairs["venue_id"].astype(object)))
    for position, name in ((rows, "demand_id"), (columns, "venue_id")):
        if (position < 0).any():
            first = pairs[name].iloc[int(np.argmax(position < 0))]
            raise ContractError(
                f"The travel-time table names {name} {first!r}, which is not known: match the ids first."
            )
    minutes = rounded_minutes(pairs["minutes"].to_numpy(dtype=np.float64, na_value=np.nan))
    if not (minutes >= 0).all():
        first = pairs["demand_id"].iloc[int(np.argmax(~(minutes >= 0)))]
        raise ContractError(
            f"The travel-time table holds minutes that are null or negative, first for demand_id {first!r}:"
            " leave out pairs without a time."
        )
    keep = minutes <= limit_min
    key = rows[keep].astype(np.int64) * len(venues) + columns[keep]
    order = np.argsort(key, kind="stable")
    if (np.diff(key[order]) == 0).any():
        twice = int(key[order][:-1][np.diff(key[order]) == 0][0])
        raise ContractError(
            f"The travel-time table holds the pair {demand[twice // len(venues)]!r}, {venues[twice % len(venues)]!r}"
            " twice: keep one time for each pair."
        )
    return reach_of_pairs(key[order], minutes[keep][order], len(demand), len(venues), limit_min)


def reach_of_pairs(
    key: npt.NDArray[np.int64],
    minutes: npt.NDArray[Any],
    n_rows: int,
    n_venues: int,
    limit_min: float,
    *,
    is_exact: bool = False,
) -> Reach:
    """Build reach lists from ascending keys `row * n_venues + venue` and their minutes (float64 if `is_exact`)."""
    rows, columns = np.divmod(key, max(n_venues, 1))
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=n_rows), out=indptr[1:])
    times: Minutes = minutes.astype(np.float64) if is_exact else minutes.astype(np.float32)
    return Reach(indptr, columns.astype(np.int32), times, n_venues, float(limit_min))
