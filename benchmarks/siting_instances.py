"""Made-up counties, regions and nations to measure siting on: settlements, people around them, halls in villages.

Settlements have Zipf sizes (exponent 0.95), 35 % of them satellites of the largest; people are spread around each
with a radius that grows with the root of its size, 12 % are scattered; candidates are drawn with size to the power 0.6
(villages have halls), 10 % scattered. Minutes = 2 + 60 x 1.35 x km / v, v = 22 km/h from urban origins, 45 km/h from
rural ones. Weights are whole people. Reach lists come from a KD-tree, never from a full matrix.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from exclusion.access.reach import Reach


@dataclass(frozen=True)
class Size:
    """Say how large a made-up instance is."""

    name: str
    demand: int
    venues: int
    side_km: float
    settlements: int
    people: int


COUNTY = Size("county", 1_050, 600, 70.7, 60, 42_000)
REGION = Size("region", 10_000, 3_000, 150.0, 400, 400_000)
NATION = Size("nation", 35_672, 40_000, 600.0, 15_000, 7_075_631)


def made_up(size: Size, limit_min: float, *, seed: int = 7) -> tuple[pd.DataFrame, pd.DataFrame, Reach]:
    """Return demand, venues and reach lists up to a limit."""
    rng = np.random.default_rng(seed)
    rank = np.arange(1, size.settlements + 1)
    weight = rank**-0.95
    centre = rng.uniform(0, size.side_km, (size.settlements, 2))
    satellites = rng.random(size.settlements) < 0.35
    satellites[: max(3, size.settlements // 20)] = False
    near = rng.integers(0, max(3, size.settlements // 20), size.settlements)
    centre = np.where(satellites[:, None], centre[near] + rng.normal(0, 5.0, centre.shape), centre)
    share = weight / weight.sum()
    radius = 0.35 + 2.6 * np.sqrt(share / share.max())

    def scatter(count: int, power: float, scattered: float) -> tuple[np.ndarray, np.ndarray]:
        odds = weight**power
        home = rng.choice(size.settlements, count, p=odds / odds.sum())
        at = centre[home] + rng.normal(0, 1, (count, 2)) * radius[home, None]
        is_scattered = rng.random(count) < scattered
        at[is_scattered] = rng.uniform(0, size.side_km, (int(is_scattered.sum()), 2))
        return np.clip(at, 0, size.side_km), np.where(is_scattered, -1, home)

    at, home = scatter(size.demand, 1.0, 0.12)
    people = np.maximum(1, np.rint(rng.gamma(4.0, size.people / size.demand / 4.0, size.demand))).astype(
        np.int64
    )
    hall, _ = scatter(size.venues, 0.6, 0.10)
    is_urban = (home >= 0) & (home < max(3, size.settlements // 20))
    speed = np.where(is_urban, 22.0, 45.0)
    tree = cKDTree(hall)
    far = (limit_min - 2) * speed / (60 * 1.35)
    lists = tree.query_ball_point(at, far + 1e-9, return_sorted=True)
    count = np.array([len(one) for one in lists])
    row = np.repeat(np.arange(size.demand), count)
    column = np.concatenate([np.array(one, dtype=np.int64) for one in lists])
    km = np.hypot(*(at[row] - hall[column]).T)
    minutes = np.round(2 + 60 * 1.35 * km / speed[row], 2)
    keep = minutes <= limit_min
    position = np.concatenate(([0], np.cumsum(keep)))
    indptr = position[np.concatenate(([0], np.cumsum(count)))].astype(np.int64)
    reach = Reach(
        indptr, column[keep].astype(np.int32), minutes[keep].astype(np.float32), size.venues, limit_min
    )
    demand = pd.DataFrame(
        {
            "demand_id": [f"d{number:06d}" for number in range(size.demand)],
            "x_m": at[:, 0] * 1000,
            "y_m": at[:, 1] * 1000,
            "people_offline": people,
            "is_rural": ~is_urban,
        }
    )
    venues = pd.DataFrame(
        {
            "venue_id": [f"v{number:06d}" for number in range(size.venues)],
            "x_m": hall[:, 0] * 1000,
            "y_m": hall[:, 1] * 1000,
        }
    )
    return demand, venues, reach
