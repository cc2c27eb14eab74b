"""The last resort: straight-line distance, times circuity, over speed by rural class."""

from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.modes import DEFAULT_ASSUMPTIONS, RURAL_CLASSES, Mode, TravelAssumptions
from exclusion.access.reach import Reach, reach_of_pairs
from exclusion.access.travel import Points
from exclusion.errors import InputError


class StraightLine:
    """Estimate minutes as distance in a straight line times circuity over speed, by the origin's rural class.

    Knows nothing of rivers, hills or roads: results are labelled as estimated. One KD-tree of the venues, no
    network and no matrix.
    """

    name = "straight line with circuity"

    def __init__(self, assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS) -> None:
        self.assumptions = assumptions

    def _metres_a_minute(self, mode: Mode) -> npt.NDArray[np.float64]:
        return self.assumptions.straight_kmh(mode) * (1000.0 / 60.0)

    def pairs(self, origins: Points, venues: Points, *, mode: Mode, limit_min: float) -> Reach:
        """Return all pairs of at most `limit_min` minutes on the move."""
        from scipy.spatial import KDTree

        speed = self._metres_a_minute(mode)
        keys: list[npt.NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
        times: list[npt.NDArray[np.float64]] = [np.empty(0)]
        tree = KDTree(venues.xy) if len(venues) else None
        for code in range(len(RURAL_CLASSES)):
            here = np.flatnonzero(origins.rural == code)
            if not here.size or tree is None:
                continue
            found = KDTree(origins.xy[here]).sparse_distance_matrix(
                tree, limit_min * speed[code] * (1 + 1e-12), output_type="ndarray"
            )
            keys.append(here[found["i"]] * np.int64(len(venues)) + found["j"])
            times.append(found["v"] / speed[code])
        key, time = np.concatenate(keys), np.concatenate(times)
        order = np.argsort(key)
        return reach_of_pairs(key[order], time[order], len(origins), len(venues), limit_min, is_exact=True)

    def nearest(
        self, origins: Points, venues: Points, *, mode: Mode, limit_min: float, count: int
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Return the nearest venues of each origin: the speed is the origin's, so distance decides."""
        from scipy.spatial import KDTree

        minutes = np.full((len(origins), count), np.inf)
        position = np.full((len(origins), count), -1, dtype=np.int64)
        if not len(venues):
            return minutes, position
        known = min(count, len(venues))
        distance, index = KDTree(venues.xy).query(origins.xy, k=list(range(1, known + 1)))
        time = distance / self._metres_a_minute(mode)[origins.rural][:, None]
        is_near = time <= limit_min
        minutes[:, :known] = np.where(is_near, time, np.inf)
        position[:, :known] = np.where(is_near, index, -1)
        return minutes, position

    def minutes_to_nearest(self, origins: Points, venues: Points, *, mode: Mode) -> npt.NDArray[np.float64]:
        """Return each origin's minutes on the move to its nearest venue; inf where there is none."""
        return self.nearest(origins, venues, mode=mode, limit_min=np.inf, count=1)[0][:, 0]

    def report(self, origins: Points, venues: Points) -> dict[str, Any]:
        """Say that nothing was snapped to any network."""
        return {"origins": len(origins), "venues": len(venues), "is_estimated": True}


def fitted_straight_kmh(
    straight_m: npt.NDArray[np.float64], minutes: npt.NDArray[np.float64], rural: npt.NDArray[np.int8]
) -> dict[str, dict[str, float]]:
    """Fit straight-line km/h (speed over circuity) to known minutes on the move, by rural class.

    The fit is the median of distance over time, which no handful of odd pairs can move; `error_pct` is the median
    absolute error of the fitted minutes and `pairs` their number. Classes without pairs are left out.
    """
    usable = np.isfinite(minutes) & (minutes > 0) & (straight_m > 0)
    if not usable.any():
        raise InputError(
            "There is no pair with a known time to fit speeds to: supply measured minutes above 0."
        )
    fitted = {}
    for code, name in enumerate(RURAL_CLASSES):
        here = usable & (rural == code)
        if here.any():
            kmh = float(np.median(straight_m[here] / minutes[here]) * 60 / 1000)
            error = np.abs(straight_m[here] / (kmh * 1000 / 60) / minutes[here] - 1)
            fitted[name] = {
                "straight_kmh": kmh,
                "error_pct": float(100 * np.median(error)),
                "pairs": int(here.sum()),
            }
    return fitted
