"""Travel time between places and venues: one interface, whatever engine measures it.

An engine gives minutes on the move for two plain modes, driving and walking. What people do with them is the same
for all engines and stands here: who has a car drives or walks, whichever is quicker; who has none walks or takes
something like a bus (`modes`).
"""

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from exclusion.access.modes import Mode, TravelAssumptions, rural_codes
from exclusion.access.reach import Reach, reach_of_pairs, rounded_minutes
from exclusion.errors import ContractError, InputError

_FloatArray = npt.NDArray[np.float64]

# Roads or surfaces that touch fewer of the populated places are those of another place, or a part of this one; to
# call everybody else out of reach would be wrong.
LEAST_COVERED = 0.9


@dataclass(frozen=True)
class Points:
    """Hold points in EPSG:27700 metres, with the position of each in `modes.RURAL_CLASSES`.

    The rural class is read at a journey's origin only; venues carry zeros.
    """

    x_m: _FloatArray
    y_m: _FloatArray
    rural: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.x_m)

    @property
    def xy(self) -> _FloatArray:
        """Return an (n, 2) array of coordinates."""
        return np.column_stack([self.x_m, self.y_m])


class TravelEngine(Protocol):
    """Measure minutes on the move between points, by driving or walking, without waits or parking."""

    @property
    def name(self) -> str:
        """Name the engine as every result does."""

    @property
    def assumptions(self) -> TravelAssumptions:
        """Return the speeds and waits that it rests on."""

    def pairs(self, origins: Points, venues: Points, *, mode: Mode, limit_min: float) -> Reach:
        """Return all pairs of at most `limit_min`, from origin to venue; minutes are not rounded."""

    def nearest(
        self, origins: Points, venues: Points, *, mode: Mode, limit_min: float, count: int
    ) -> tuple[_FloatArray, npt.NDArray[np.int64]]:
        """Return minutes and venue positions, each (origins, count), nearest first; inf and -1 beyond the limit."""

    def minutes_to_nearest(self, origins: Points, venues: Points, *, mode: Mode) -> _FloatArray:
        """Return each origin's minutes to its nearest venue without any limit; inf where no way leads to one."""

    def report(self, origins: Points, venues: Points) -> dict[str, Any]:
        """Say how the points were placed on the engine's network or grid, for a manifest."""


def points_of(table: Any, *, what: str, rural: npt.NDArray[np.int8] | None = None) -> Points:
    """Read `x_m, y_m` (EPSG:27700 metres) of a table as points; `what` names it in errors.

    Raises ContractError for coordinates that are missing or far from Great Britain.
    """
    missing = [name for name in ("x_m", "y_m") if name not in table.columns]
    if missing:
        raise ContractError(f"The {what} table has no column {missing[0]!r}.")
    x = table["x_m"].to_numpy(dtype=np.float64, na_value=np.nan)
    y = table["y_m"].to_numpy(dtype=np.float64, na_value=np.nan)
    # The square of British National Grid, with room for made-up places: degrees and Web Mercator fall outside it.
    good = (x > 1_000) & (x < 800_000) & (y > 1_000) & (y < 1_400_000)
    if not good.all():
        first = int(np.argmax(~good))
        key = next((name for name in ("venue_id", "demand_id", "lsoa21cd") if name in table.columns), None)
        where = f"{table[key].iloc[first]}" if key else f"row {first}"
        raise ContractError(
            f"The {what} table's coordinates of {where} ({x[first]:g}, {y[first]:g}) are missing or not in EPSG:27700"
            f" metres ({int((~good).sum())} such rows): give eastings and northings, or leave the rows out."
        )
    return Points(x, y, np.zeros(len(x), dtype=np.int8) if rural is None else rural)


@dataclass(frozen=True)
class DemandPoints:
    """Hold the distinct places behind demand rows: `place` is each row's position in `points`."""

    points: Points
    place: npt.NDArray[np.int64]
    has_car: npt.NDArray[np.bool_]


def demand_points(demand: Any, ruc21cd: Any) -> DemandPoints:
    """Find the distinct places (location and rural class) of a `demand` table.

    `ruc21cd` is a Series of Rural Urban Classification 2021 codes indexed by `lsoa21cd`.
    """
    rural = rural_codes(demand["lsoa21cd"].map(ruc21cd).to_numpy(dtype=object))
    points = points_of(demand, what="demand", rural=rural)
    distinct, place = np.unique(
        np.column_stack([points.x_m, points.y_m, rural.astype(np.float64)]), axis=0, return_inverse=True
    )
    return DemandPoints(
        Points(distinct[:, 0], distinct[:, 1], distinct[:, 2].astype(np.int8)),
        place.ravel().astype(np.int64),
        demand["has_car"].to_numpy(dtype=bool),
    )


def door_to_door(
    minutes: npt.NDArray[Any],
    rural: npt.NDArray[np.int8],
    mode: Mode,
    *,
    has_car: bool,
    assumptions: TravelAssumptions,
) -> _FloatArray:
    """Turn minutes on the move into minutes from door to door, rounded to 0.01.

    Driving with a car adds starting and parking. Without one, driving minutes stand for the bus's way: they are
    stretched by `bus_ratio` and preceded by `bus_wait_min` of the origin's rural class. Walking stays as it is.
    """
    minutes = np.asarray(minutes, dtype=np.float64)
    if mode == "walk":
        return rounded_minutes(minutes)
    if has_car:
        return rounded_minutes(minutes + assumptions.start_and_park_min)
    wait, ratio = assumptions.of_class("bus_wait_min")[rural], assumptions.of_class("bus_ratio")[rural]
    return rounded_minutes(wait + ratio * minutes)


def reach_of(engine: TravelEngine, demand: DemandPoints, venues: Points, *, limit_min: float) -> Reach:
    """Return the venues within reach of every demand row, each by its own modes; the limit is inclusive."""
    _check_limit(limit_min)
    assumptions = engine.assumptions
    # Half of a rounding step, so that what rounds to the limit is found.
    walk = engine.pairs(demand.points, venues, mode="walk", limit_min=limit_min + 0.005)
    drive_limit = max(limit_min + 0.005 - assumptions.start_and_park_min, 0.0)
    drive = engine.pairs(demand.points, venues, mode="drive", limit_min=drive_limit)
    by_car = _quickest(
        drive, walk, demand.points.rural, has_car=True, limit_min=limit_min, assumptions=assumptions
    )
    by_other = _quickest(
        drive, walk, demand.points.rural, has_car=False, limit_min=limit_min, assumptions=assumptions
    )
    return _gathered(by_car, by_other, demand)


# How a plan may suppose that people travel: each by what they have, all by car, none by car, or on foot alone.
TRAVEL_MODES = ("own", "drive", "no-car", "walk")


def reach_by(
    engine: TravelEngine, demand: DemandPoints, venues: Points, *, mode: str, limit_min: float
) -> Reach:
    """Return the venues within reach of every demand row in one of `TRAVEL_MODES`; the limit is inclusive.

    "own" is `reach_of`. "drive" gives everybody a car, "no-car" nobody one (walking, or something like a bus), and
    "walk" leaves walking alone. Raises InputError for another mode.
    """
    if mode not in TRAVEL_MODES:
        raise InputError(f"There is no way of travelling {mode!r}: choose {', '.join(TRAVEL_MODES)}.")
    if mode == "walk":
        _check_limit(limit_min)
        pairs = engine.pairs(demand.points, venues, mode="walk", limit_min=limit_min + 0.005)
        minutes = rounded_minutes(pairs.minutes)
        keep = minutes <= limit_min
        key = pairs.rows() * pairs.n_venues + pairs.indices
        walk = reach_of_pairs(key[keep], minutes[keep], len(demand.points), pairs.n_venues, limit_min)
        return _gathered(walk, walk, demand)
    if mode != "own":
        demand = replace(demand, has_car=np.full(len(demand.place), mode == "drive"))
    return reach_of(engine, demand, venues, limit_min=limit_min)


def _check_limit(limit_min: float) -> None:
    if not (np.isfinite(limit_min) and limit_min > 0):
        raise InputError(f"The time limit is {limit_min} minutes; it must be a number above 0.")


def _quickest(
    drive: Reach,
    walk: Reach,
    rural: npt.NDArray[np.int8],
    *,
    has_car: bool,
    limit_min: float,
    assumptions: TravelAssumptions,
) -> Reach:
    """Merge two modes' pairs, keeping the quicker one of each pair, and cut at the limit."""
    n_rows, n_venues = drive.shape
    keys, times = [], []
    for mode, pairs in (("drive", drive), ("walk", walk)):
        rows = pairs.rows()
        time = door_to_door(
            pairs.minutes,
            rural[rows],
            "drive" if mode == "drive" else "walk",
            has_car=has_car,
            assumptions=assumptions,
        )
        keep = time <= limit_min
        keys.append(rows[keep] * n_venues + pairs.indices[keep])
        times.append(time[keep])
    key, time = keys[0], times[0]
    position = np.searchsorted(key, keys[1])
    is_shared = np.zeros(len(keys[1]), dtype=bool)
    inside = position < len(key)
    is_shared[inside] = key[position[inside]] == keys[1][inside]
    shared = position[is_shared]
    time[shared] = np.minimum(time[shared], times[1][is_shared])
    key = np.insert(key, position[~is_shared], keys[1][~is_shared])
    time = np.insert(time, position[~is_shared], times[1][~is_shared])
    return reach_of_pairs(key, time, n_rows, n_venues, limit_min)


def _gathered(by_car: Reach, by_other: Reach, demand: DemandPoints) -> Reach:
    """Give each demand row the list of its place and car ownership."""
    from scipy.sparse import csr_array

    n_places = len(demand.points)
    stacked = csr_array(
        (
            np.concatenate([by_car.minutes, by_other.minutes]),
            np.concatenate([by_car.indices, by_other.indices]),
            np.concatenate([by_car.indptr, by_other.indptr[1:] + by_car.indptr[-1]]),
        ),
        shape=(2 * n_places, by_car.n_venues),
    )
    rows = stacked[demand.place + np.where(demand.has_car, 0, n_places)]
    return Reach(
        rows.indptr.astype(np.int64),
        rows.indices.astype(np.int32),
        rows.data.astype(np.float32),
        by_car.n_venues,
        by_car.limit_min,
    )


def nearest_of(
    engine: TravelEngine, demand: DemandPoints, venues: Points, *, limit_min: float, count: int = 2
) -> tuple[_FloatArray, npt.NDArray[np.int64]]:
    """Return each demand row's minutes to its nearest venues and their positions, (rows, count), nearest first.

    Minutes are door to door by the row's own modes; inf and -1 where there is none within the inclusive limit. Equal
    times go to the venue that stands first.
    """
    _check_limit(limit_min)
    rural = demand.points.rural
    found: dict[Mode, tuple[_FloatArray, npt.NDArray[np.int64]]] = {
        "drive": engine.nearest(
            demand.points, venues, mode="drive", limit_min=limit_min + 0.005, count=count
        ),
        "walk": engine.nearest(demand.points, venues, mode="walk", limit_min=limit_min + 0.005, count=count),
    }
    by_kind = []
    for has_car in (True, False):
        times, positions = [], []
        for mode, (minutes, position) in found.items():
            time = door_to_door(
                minutes, rural[:, None], mode, has_car=has_car, assumptions=engine.assumptions
            )
            times.append(np.where(time <= limit_min, time, np.inf))
            positions.append(np.where(time <= limit_min, position, -1))
        by_kind.append(_first_distinct(np.hstack(times), np.hstack(positions), count))
    row = demand.place
    is_car = demand.has_car[:, None]
    minutes = np.where(is_car, by_kind[0][0][row], by_kind[1][0][row])
    position = np.where(is_car, by_kind[0][1][row], by_kind[1][1][row])
    return minutes, position


def _first_distinct(
    time: _FloatArray, position: npt.NDArray[np.int64], count: int
) -> tuple[_FloatArray, npt.NDArray[np.int64]]:
    """Keep the `count` quickest of each row, each venue once."""
    rows = np.arange(len(time))
    out_time = np.full((len(time), count), np.inf)
    out_position = np.full((len(time), count), -1, dtype=np.int64)
    time = time.copy()
    # Ties go to the venue that stands first: order by (time, position).
    for rank in range(count):
        least = time.min(axis=1)
        tied = (time == least[:, None]) & np.isfinite(time)
        candidate = np.where(tied, position, np.iinfo(np.int64).max).min(axis=1)
        is_found = np.isfinite(least)
        out_time[rows[is_found], rank] = least[is_found]
        out_position[rows[is_found], rank] = candidate[is_found]
        time[position == candidate[:, None]] = np.inf
    return out_time, out_position


def nearest_in(pairs: Reach, count: int) -> tuple[_FloatArray, npt.NDArray[np.int64]]:
    """Return the `count` quickest venues of each row of reach lists, as `TravelEngine.nearest` does."""
    n_rows = pairs.shape[0]
    minutes = np.full((n_rows, count), np.inf)
    position = np.full((n_rows, count), -1, dtype=np.int64)
    rows = pairs.rows()
    order = np.lexsort((pairs.indices, pairs.minutes, rows))
    rank = np.arange(len(rows)) - pairs.indptr[rows]
    keep = rank < count
    chosen = order[keep]
    minutes[rows[keep], rank[keep]] = pairs.minutes[chosen]
    position[rows[keep], rank[keep]] = pairs.indices[chosen]
    return minutes, position
