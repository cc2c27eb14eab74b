"""The made-up county as one model in memory: land, people, homes, connection and deprivation, all from one seed."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from exclusion.demo.connection import Connection, make_connection
from exclusion.demo.deprivation import Deprivation, make_deprivation
from exclusion.demo.homes import Homes, make_homes
from exclusion.demo.land import Floats, Integers, Land, make_land
from exclusion.demo.names import CARE_BOARD, COUNTY, DISTRICTS, QUARTERS, REGION
from exclusion.demo.nesting import Nesting, nest
from exclusion.demo.people import People, make_people, offline_share_pct
from exclusion.demo.roads import Roads, make_roads
from exclusion.demo.venues import Venues, make_venues

# The national statistics office has given out no code with 9 after the level's prefix.
_FIRST = 900_001
COUNTY_CODE, REGION_CODE, BOARD_CODE, SUB_BOARD_CODE = "E10900001", "E12900001", "E54900001", "E38900001"


@dataclass(frozen=True)
class County:
    """A made-up county. Arrays are by output area (oa), LSOA 2021 (lsoa) or LSOA 2011 (lsoa11), as they say.

    Coordinates are EPSG:27700 metres. `offline_share_pct` is the hidden truth by LSOA 2011.
    """

    seed: int
    land: Land
    nesting: Nesting
    people: People
    homes: Homes
    connection: Connection
    deprivation: Deprivation
    roads: Roads
    venues: Venues
    offline_share_pct: Floats

    @property
    def name(self) -> str:
        """The county's name."""
        return COUNTY

    @property
    def region(self) -> tuple[str, str]:
        """Code and name of the region."""
        return REGION_CODE, REGION

    @property
    def care_board(self) -> tuple[str, str]:
        """Code and name of the integrated care board."""
        return BOARD_CODE, CARE_BOARD

    @cached_property
    def lsoa_count(self) -> int:
        """The number of LSOAs of 2021."""
        return int(self.nesting.lsoa.max()) + 1

    @cached_property
    def lsoa(self) -> NDArray[np.object_]:
        """Polygons of the LSOAs, a valid coverage."""
        return dissolved(self.land.oas, self.nesting.lsoa)

    @cached_property
    def msoa(self) -> NDArray[np.object_]:
        """Polygons of the MSOAs."""
        return dissolved(self.land.oas, self.nesting.msoa[self.nesting.lsoa])

    @cached_property
    def district(self) -> NDArray[np.object_]:
        """Polygons of the districts."""
        return dissolved(self.land.oas, self.nesting.district[self.nesting.lsoa])

    @cached_property
    def district_code(self) -> list[str]:
        """Codes of the districts."""
        return [f"E07{_FIRST + i}" for i in range(len(DISTRICTS))]

    @cached_property
    def district_name(self) -> list[str]:
        """Names of the districts."""
        return [district.name for district in DISTRICTS]

    @cached_property
    def oa_code(self) -> list[str]:
        """Codes of the output areas, numbered along their LSOAs."""
        order = np.argsort(np.argsort(self.nesting.lsoa, kind="stable"), kind="stable")
        return [f"E00{_FIRST + i}" for i in order.tolist()]

    @cached_property
    def lsoa11_code(self) -> list[str]:
        """Codes of the LSOAs of 2011; some numbers of the present ones are not in use among them.

        Number i is the LSOA of 2021 with the same number where that is unchanged.
        """
        return [f"E01{_FIRST + i}" for i in range(int(self.nesting.lsoa11.max()) + 1)]

    @cached_property
    def lsoa_code(self) -> list[str]:
        """Codes of the LSOAs of 2021: that of 2011 where nothing changed, else a new one."""
        after = _FIRST + int(self.nesting.lsoa11.max()) + 1
        return [
            f"E01{(_FIRST if change == 'U' else after) + i}" for i, change in enumerate(self.nesting.change)
        ]

    @cached_property
    def msoa_code(self) -> list[str]:
        """Codes of the MSOAs."""
        return [f"E02{_FIRST + i}" for i in range(int(self.nesting.msoa.max()) + 1)]

    @cached_property
    def ward_code(self) -> list[str]:
        """Codes of the wards."""
        return [f"E05{_FIRST + i}" for i in range(int(self.nesting.ward.max()) + 1)]

    @cached_property
    def msoa_name(self) -> list[str]:
        """Names of the MSOAs: the district and a number from 001 up."""
        district = self._of_group(self.nesting.msoa)
        seen = [0] * len(DISTRICTS)
        names = []
        for index in district:
            seen[index] += 1
            names.append(f"{self.district_name[index]} {seen[index]:03d}")
        return names

    @cached_property
    def lsoa_name(self) -> list[str]:
        """Names of the LSOAs: the MSOA and a letter."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        seen = [0] * len(self.msoa_code)
        names = []
        for index in self.nesting.msoa.tolist():
            names.append(f"{self.msoa_name[index]}{letters[seen[index]]}")
            seen[index] += 1
        return names

    @cached_property
    def lsoa11_name(self) -> list[str]:
        """Names of the LSOAs of 2011: the present name where unchanged, else one of the area's own."""
        out = []
        for number in range(len(self.lsoa11_code)):
            own = np.unique(self.nesting.lsoa[self.nesting.lsoa11 == number])
            is_same = len(own) == 1 and number == own[0]
            name = self.lsoa_name[int(own[0])] if len(own) else ""
            out.append(name if is_same else f"{name[:-1]}{'PQRSTUVWXYZ'[number % 11]}")
        return out

    @cached_property
    def ward_name(self) -> list[str]:
        """Names of the wards, after the largest settlement in each."""
        return self._local_names(self.nesting.ward)

    @cached_property
    def msoa_local_name(self) -> list[str]:
        """Names of the MSOAs as people know them, after the largest settlement in each."""
        return self._local_names(self.nesting.msoa)

    @cached_property
    def centroid(self) -> Floats:
        """Population-weighted centroids of the LSOAs: the home nearest to the weighted mean, so always inside."""
        lsoa = self.nesting.lsoa[self.homes.oa]
        weight = np.bincount(lsoa, self.homes.residents, self.lsoa_count)
        out = np.empty((self.lsoa_count, 2))
        for index in range(self.lsoa_count):
            own = self.homes.points[lsoa == index]
            mean = (own * self.homes.residents[lsoa == index, None]).sum(axis=0) / weight[index]
            if shapely.contains_xy(self.lsoa[index], *mean):
                out[index] = mean
            else:
                out[index] = own[np.hypot(*(own - mean).T).argmin()]
        return np.round(out, 4)

    @cached_property
    def exact_fit(self) -> list[tuple[int, int]]:
        """Pairs of LSOA 2011 and LSOA 2021 that share an output area, in order."""
        pairs = np.unique(np.column_stack([self.nesting.lsoa11, self.nesting.lsoa]), axis=0)
        return [(int(a), int(b)) for a, b in pairs]

    @cached_property
    def lsoa11_in_use(self) -> list[int]:
        """Numbers of the LSOAs of 2011 that hold an output area."""
        return [int(number) for number in np.unique(self.nesting.lsoa11)]

    def by_lsoa(self, values: Any) -> Any:
        """Sum values by output area, (n,) or (n, k), to LSOAs."""
        return summed(np.asarray(values), self.nesting.lsoa, self.lsoa_count)

    def _of_group(self, group: Integers) -> list[int]:
        """Return the district of each group of LSOAs."""
        return [int(self.nesting.district[group == i][0]) for i in range(int(group.max()) + 1)]

    def _local_names(self, group: Integers) -> list[str]:
        """Name each group of LSOAs after its largest settlement, each name once in the county."""
        names: list[str] = []
        quarters = iter(QUARTERS)
        of_oa = group[self.nesting.lsoa]
        for index in range(int(group.max()) + 1):
            own = self.land.settlement[of_oa == index]
            places, sizes = np.unique(own[own >= 0], return_counts=True)
            ordered = [self.land.settlements[i] for i in places[np.argsort(-sizes, kind="stable")]]
            is_town = bool(ordered) and ordered[0].kind in {"town", "large_town"}
            quarter = f"{ordered[0].name} {next(quarters, 'Outer')}" if is_town else ""
            choices = [quarter, *(s.name for s in ordered)]
            choices += [f"{a} and {b}" for a in choices[1:2] for b in choices[2:]]
            choices += [f"{choices[-1]} {side}" for side in ("North", "South", "East", "West", "Rural")]
            names.append(next(name for name in choices if name and name not in names))
        return names


def make_county(seed: int) -> County:
    """Make the county from a seed; the same seed gives the same county, to the last digit."""
    rngs = [np.random.default_rng([seed, stream]) for stream in range(10)]
    land = make_land(rngs[0])
    nesting = nest(land, rngs[1])
    # The sea is what lies east; the inland border is no shore.
    shore = shapely.boundary(land.outline)
    points = shapely.points(land.sites)
    coast_m = np.where(_is_by_the_sea(land), shapely.distance(shore, points), 50_000.0)
    people = make_people(land, nesting.lsoa, coast_m, rngs[2])
    homes = make_homes(land, people.residents, people.households, rngs[3])
    connection = make_connection(land, people, nesting.lsoa, rngs[4])
    count = int(nesting.lsoa.max()) + 1
    size = np.bincount(nesting.lsoa, minlength=count)

    def mean(values: Floats) -> Floats:
        return np.bincount(nesting.lsoa, values, count) / size

    slow = np.bincount(nesting.lsoa, connection.steps[:, :4].sum(axis=1), count)
    matched = np.bincount(nesting.lsoa, connection.matched, count)
    deprivation = make_deprivation(
        mean(people.hardship),
        mean(people.age_score),
        mean(people.rural),
        mean(land.moor),
        slow / matched,
        rngs[5],
    )
    roads = make_roads(land, homes, rngs[6])
    return County(
        seed=seed,
        land=land,
        nesting=nesting,
        people=people,
        homes=homes,
        connection=connection,
        deprivation=deprivation,
        roads=roads,
        venues=make_venues(land, homes, roads, rngs[7]),
        offline_share_pct=offline_share_pct(
            people, nesting.lsoa11, rngs[8], count=int(nesting.lsoa11.max()) + 1
        ),
    )


def _is_by_the_sea(land: Land) -> NDArray[np.bool_]:
    """Tell which output areas lie in the eastern third, where the county's edge is the coast."""
    left, _, right, _ = shapely.bounds(land.outline)
    return np.asarray(land.sites[:, 0] > left + 0.66 * (right - left))


def dissolved(oas: NDArray[np.object_], group: Integers) -> NDArray[np.object_]:
    """Return the union of each group of output areas, edges kept vertex for vertex."""
    return np.array([shapely.coverage_union_all(oas[group == i]) for i in range(int(group.max()) + 1)])


def summed(values: Any, group: Integers, count: int) -> Any:
    """Return sums of values (n,) or (n, k) by group, as whole numbers where the values are."""
    out = np.zeros((count, *values.shape[1:]), dtype=values.dtype)
    np.add.at(out, group, values)
    return out
