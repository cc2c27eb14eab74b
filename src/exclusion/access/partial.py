"""Roads where they reach, the straight line elsewhere: an extract seldom holds everywhere that people go for help."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.modes import Mode, TravelAssumptions
from exclusion.access.reach import Reach, reach_of_pairs
from exclusion.access.roads import RoadNetwork
from exclusion.access.straight import StraightLine
from exclusion.access.travel import Points, TravelEngine
from exclusion.errors import InputError

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

# A home or venue with a road of the extract this near is on the extract; farther away its own roads are probably
# missing. Of Rutland's populated places 99% lie within 840 m of a road (1 km raster).
NEAR_ROAD_M = 1_000.0


class RoadExtent:
    """Tell which points lie within `near_m` of a road of a network that may be driven and has doors."""

    def __init__(self, network: RoadNetwork, *, near_m: float = NEAR_ROAD_M) -> None:
        from scipy.spatial import KDTree

        is_street = network.has_doors & ((network.forward_kmh > 0) | (network.backward_kmh > 0))
        nodes = np.unique(np.concatenate([network.start[is_street], network.end[is_street]]))
        self.near_m = near_m
        self._tree = KDTree(np.column_stack([network.x_m[nodes], network.y_m[nodes]]))

    def distance_m(self, points: Points) -> _FloatArray:
        """Return the metres from each point to the nearest street."""
        if not len(points) or not self._tree.n:
            return np.full(len(points), np.inf)
        return np.asarray(self._tree.query(points.xy)[0], dtype=np.float64)

    def holds(self, points: Points) -> npt.NDArray[np.bool_]:
        """Tell which points are on the extract."""
        return np.asarray(self.distance_m(points) <= self.near_m)


@dataclass(frozen=True)
class PartialRoads:
    """Measure journeys between points on a road extract by `inside`, and all others by `beyond`.

    A journey goes by road where both of its ends are on the extract. One that leaves the extract on the way and
    comes back is measured within it, and so may come out too long near its edge.
    """

    inside: TravelEngine
    beyond: StraightLine
    extent: RoadExtent

    def __post_init__(self) -> None:
        if self.inside.assumptions != self.beyond.assumptions:
            raise InputError("Two engines that measure one place must rest on the same travel assumptions.")

    @property
    def name(self) -> str:
        """Name both engines."""
        return f"{self.inside.name}; {self.beyond.name} beyond the extract"

    @property
    def assumptions(self) -> TravelAssumptions:
        """Return the speeds and waits that both rest on."""
        return self.inside.assumptions

    def names_of(self, points: Points) -> npt.NDArray[np.object_]:
        """Return the name of the engine that measures the journeys from each point."""
        return np.where(self.extent.holds(points), self.inside.name, self.beyond.name).astype(object)

    def pairs(self, origins: Points, venues: Points, *, mode: Mode, limit_min: float) -> Reach:
        """Return all pairs of at most `limit_min` minutes on the move."""
        n_venues = np.int64(len(venues))
        keys: list[_IntArray] = [np.empty(0, dtype=np.int64)]
        times: list[npt.NDArray[Any]] = [np.empty(0)]
        for engine, here, there in self._parts(origins, venues):
            found = engine.pairs(_taken(origins, here), _taken(venues, there), mode=mode, limit_min=limit_min)
            keys.append(here[found.rows()] * n_venues + there[found.indices])
            times.append(found.minutes)
        key, time = np.concatenate(keys), np.concatenate(times)
        order = np.argsort(key)
        return reach_of_pairs(key[order], time[order], len(origins), len(venues), limit_min, is_exact=True)

    def nearest(
        self, origins: Points, venues: Points, *, mode: Mode, limit_min: float, count: int
    ) -> tuple[_FloatArray, _IntArray]:
        """Return the nearest venues of each origin by time on the move; of equals, the one that stands first."""
        minutes = np.full((len(origins), 2 * count), np.inf)
        position = np.full((len(origins), 2 * count), -1, dtype=np.int64)
        for engine, here, there in self._parts(origins, venues):
            column = 0 if engine is self.inside else count
            time, which = engine.nearest(
                _taken(origins, here), _taken(venues, there), mode=mode, limit_min=limit_min, count=count
            )
            minutes[here, column : column + count] = time
            position[here, column : column + count] = np.where(which >= 0, there[which], -1)
        order = np.lexsort((position, minutes), axis=1)[:, :count]
        return np.take_along_axis(minutes, order, axis=1), np.take_along_axis(position, order, axis=1)

    def minutes_to_nearest(self, origins: Points, venues: Points, *, mode: Mode) -> _FloatArray:
        """Return each origin's minutes on the move to its nearest venue; inf where no way leads to one."""
        minutes = np.full(len(origins), np.inf)
        for engine, here, there in self._parts(origins, venues):
            time = engine.minutes_to_nearest(_taken(origins, here), _taken(venues, there), mode=mode)
            minutes[here] = np.minimum(minutes[here], time)
        return minutes

    def report(self, origins: Points, venues: Points) -> dict[str, Any]:
        """Say who is on the extract and how far from its roads, and what the road engine says of those."""
        record: dict[str, Any] = {"near_road_m": self.extent.near_m}
        for what, points in (("origins", origins), ("venues", venues)):
            away = self.extent.distance_m(points)
            on = away <= self.extent.near_m
            record[f"{what}_on_extract"], record[f"{what}_beyond_extract"] = int(on.sum()), int((~on).sum())
        home, venue = (np.flatnonzero(self.extent.holds(points)) for points in (origins, venues))
        inside = self.inside.report(_taken(origins, home), _taken(venues, venue))
        return {**record, **{f"on_extract_{key}": value for key, value in inside.items()}}

    def _parts(self, origins: Points, venues: Points) -> list[tuple[TravelEngine, _IntArray, _IntArray]]:
        """Return which origins and venues each engine measures between; every pair falls to exactly one."""
        is_home, is_venue = self.extent.holds(origins), self.extent.holds(venues)
        on, off = np.flatnonzero(is_home), np.flatnonzero(~is_home)
        here, away = np.flatnonzero(is_venue), np.flatnonzero(~is_venue)
        parts: list[tuple[TravelEngine, _IntArray, _IntArray]] = [
            (self.inside, on, here),
            (self.beyond, on, away),
            (self.beyond, off, np.arange(len(venues))),
        ]
        return [part for part in parts if len(part[1]) and len(part[2])]


def _taken(points: Points, which: _IntArray) -> Points:
    return Points(points.x_m[which], points.y_m[which], points.rural[which])
