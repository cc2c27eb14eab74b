"""Venues of the made-up county: libraries, village halls, surgeries, jobcentres and mobile library stops."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from exclusion.demo.homes import Homes
from exclusion.demo.land import Floats, Land
from exclusion.demo.names import QUARTERS, STREETS
from exclusion.demo.roads import Roads

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# What a day's opening is called in the dataset, and its hours.
_OPENING = {
    "All Day (continuous)": 8.0, "AM Only": 3.5, "PM Only": 4.0, "PM & Eve (continuous)": 6.0,
    "AM & PM (closed lunch)": 6.5, "Closed": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Venue:
    """One venue: position in EPSG:27700 metres, street, settlement and postcode; the rest by kind in `facts`."""

    kind: str
    name: str
    x_m: float
    y_m: float
    street: str
    place: str
    postcode: str
    facts: dict[str, str]


@dataclass(frozen=True)
class Venues:
    """All venues, in a fixed order."""

    libraries: tuple[Venue, ...]
    halls: tuple[Venue, ...]
    surgeries: tuple[Venue, ...]
    jobcentres: tuple[Venue, ...]
    mobile_stops: tuple[Venue, ...]


class _Sites:
    """Finds a spot by a settlement's roads for one venue after another."""

    def __init__(self, land: Land, homes: Homes, roads: Roads, rng: np.random.Generator) -> None:
        self._land, self._homes, self._rng = land, homes, rng
        self._homes_tree = cKDTree(homes.points)
        self._road_nodes = roads.nodes[: len(homes.points)]

    def at(self, kind: str, name: str, near: Floats, place: str, facts: dict[str, str]) -> Venue:
        """Return a venue at the home nearest to a point, a few metres off the road."""
        home = int(self._homes_tree.query(near)[1])
        spot = self._homes.points[home] + self._rng.uniform(-18.0, 18.0, 2)
        street = STREETS[int(self._rng.integers(len(STREETS)))]
        return Venue(
            kind,
            name,
            float(np.round(spot[0], 1)),
            float(np.round(spot[1], 1)),
            street,
            place,
            self._homes.unit[home],
            facts,
        )

    def spread(self, index: int, count: int) -> Floats:
        """Return points spread over a settlement, the first at its centre."""
        own = self._land.sites[self._land.settlement == index]
        chosen = [own[np.hypot(*(own - self._land.centres[index]).T).argmin()]]
        while len(chosen) < count:
            gap = np.hypot(*(own[:, None, :] - np.array(chosen)[None, :, :]).transpose(2, 0, 1)).min(axis=1)
            chosen.append(own[int(np.argsort(gap)[int(0.8 * (len(own) - 1))])])
        return np.array(chosen)


def make_venues(land: Land, homes: Homes, roads: Roads, rng: np.random.Generator) -> Venues:
    """Return the venues; every kind stands where such venues stand in England, some closed and some half-described."""
    sites = _Sites(land, homes, roads, rng)
    return Venues(
        libraries=_libraries(land, sites, rng),
        halls=_halls(land, homes, sites, rng),
        surgeries=_surgeries(land, sites),
        jobcentres=tuple(
            sites.at("jobcentre", place.name, land.centres[i] + 150.0, place.name, {})
            for i, place in enumerate(land.settlements)
            if place.kind in {"large_town", "town"} and place.residents > 15_000
        ),
        mobile_stops=_mobile_stops(land, sites),
    )


def _libraries(land: Land, sites: _Sites, rng: np.random.Generator) -> tuple[Venue, ...]:
    out = []
    quarters = iter(QUARTERS)
    for index, place in enumerate(land.settlements):
        count = {"large_town": 5, "town": 2, "large_village": 1}.get(place.kind, 0)
        for number, near in enumerate(sites.spread(index, count) if count else ()):
            name = f"{place.name} Library" if number == 0 else f"{next(quarters)} Library"
            # Branches and villages were handed to the community, shortened or closed.
            is_closed = (place.kind == "large_village" and index % 5 in {1, 3, 4}) or number == 4
            operator = (
                "LA"
                if number == 0 and place.kind != "large_village"
                else ("CR", "LA", "C", "ICL")[(index + number) % 4]
            )
            facts = {
                "operation": "" if is_closed else operator,
                "closed": str(2012 + index % 9) if is_closed else "",
            }
            facts |= _hours(place.kind, number, is_closed=is_closed, rng=rng)
            facts["type"] = "Static Library"
            out.append(sites.at("library", name, near, place.name, facts))
    out.append(
        _odd(
            sites.at("library", "Larkenshire Mobile Library", land.centres[0], "Larkminster", {}),
            "Mobile",
            rng,
        )
    )
    out.append(
        _odd(
            sites.at("library", "Larkenshire Archive", land.centres[0] + 300.0, "Larkminster", {}),
            "Archive",
            rng,
        )
    )
    return tuple(out)


def _odd(venue: Venue, kind: str, rng: np.random.Generator) -> Venue:
    """Return a library of a kind that is no fixed public venue."""
    facts = {"type": kind, "operation": "LA", "closed": ""} | _hours("town", 0, is_closed=False, rng=rng)
    return Venue(
        venue.kind, venue.name, venue.x_m, venue.y_m, venue.street, venue.place, venue.postcode, facts
    )


def _hours(kind: str, number: int, *, is_closed: bool, rng: np.random.Generator) -> dict[str, str]:
    """Return the opening of each day and the hours of a week."""
    if is_closed:
        return dict.fromkeys(_DAYS, "") | {"hours": "", "staffed": ""}
    week = dict.fromkeys(_DAYS, "Closed")
    days = 6 if number == 0 and kind in {"large_town", "town"} else 4 if kind != "large_village" else 3
    for day in sorted(rng.choice(6, days, replace=False).tolist()):
        long = number == 0 and kind != "large_village"
        week[_DAYS[day]] = "All Day (continuous)" if long else list(_OPENING)[1 + int(rng.integers(4))]
    hours = sum(_OPENING[text] for text in week.values())
    staffed = hours if kind != "large_village" else round(0.6 * hours, 1)
    return week | {"hours": f"{hours:g}", "staffed": f"{staffed:g}"}


def _halls(land: Land, homes: Homes, sites: _Sites, rng: np.random.Generator) -> tuple[Venue, ...]:
    """Return halls with OpenStreetMap tags; every village has one, some hamlets too, and towns have centres."""
    out = []
    for index, place in enumerate(land.settlements):
        near = land.centres[index] + rng.uniform(-120.0, 120.0, 2)
        if place.kind in {"village", "large_village"}:
            form = index % 7
            name = f"{place.name} {'Memorial Hall' if form == 3 else 'Institute' if form == 5 else 'Village Hall'}"
            tags = {"amenity": "community_centre", "community_centre": "village_hall", "name": name}
            if form == 2:
                tags = {"amenity": "townhall", "name": name}
            elif form == 6:
                tags = {"amenity": "community_centre", "name": name}
            if index % 5 == 0:
                tags["opening_hours"] = "Mo-Fr 09:00-12:00"
            if index % 4 == 0:
                tags["wheelchair"] = "yes"
            out.append(sites.at("hall", name, near, place.name, tags))
        else:
            for number, where in enumerate(sites.spread(index, 4 if place.kind == "large_town" else 2)):
                name = (
                    f"{place.name} Community Centre"
                    if number == 0
                    else f"{place.name} {STREETS[number]} Centre"
                )
                tags = {"amenity": "community_centre", "community_centre": "community_hall", "name": name}
                out.append(sites.at("hall", name, where, place.name, tags))
    for number, hamlet in enumerate(rng.choice(len(homes.hamlets), 9, replace=False).tolist()):
        tags = {"amenity": "community_centre", "community_centre": "village_hall"}
        # Two in nine have no name on the map, as happens.
        if number > 1:
            tags["name"] = f"{QUARTERS[number + 8]} Parish Room"
        out.append(sites.at("hall", tags.get("name", ""), homes.hamlets[hamlet], "", tags))
    return tuple(out)


def _surgeries(land: Land, sites: _Sites) -> tuple[Venue, ...]:
    out: list[Venue] = []
    for index, place in enumerate(land.settlements):
        count = {"large_town": 9, "town": 3, "large_village": 1}.get(place.kind, 0)
        for number, near in enumerate(sites.spread(index, count) if count else ()):
            name = (
                f"{place.name.upper()} SURGERY"
                if number == 0
                else f"{QUARTERS[(index * 5 + number) % 24].upper()} PRACTICE"
            )
            facts = {"code": f"X9{len(out) + 1:04d}", "status": "ACTIVE", "role": "RO76"}
            out.append(sites.at("gp_practice", name, near, place.name, facts))
    # A closed practice and a prison's are in the report too.
    for name, status, role in (
        ("OLD FOUNDRY PRACTICE", "INACTIVE", "RO76"),
        ("LARKMINSTER CUSTODIAL CARE", "ACTIVE", "RO177"),
    ):
        facts = {"code": f"X9{len(out) + 1:04d}", "status": status, "role": role}
        out.append(sites.at("gp_practice", name, land.centres[0] - 400.0, "Larkminster", facts))
    return tuple(out)


def _mobile_stops(land: Land, sites: _Sites) -> tuple[Venue, ...]:
    out = []
    for index, place in enumerate(land.settlements):
        if place.kind == "village" and index % 2 == 0:
            day = _DAYS[index % 5]
            hour = 9 + index % 7
            facts = {
                "route": f"Route {1 + index % 6}", "day": day, "arrival": f"{hour:02d}:15", "departure": f"{hour:02d}:{40 + index % 15}",
                "frequency": f"FREQ=WEEKLY;INTERVAL={2 + index % 3}",
            }  # fmt: skip
            out.append(sites.at("mobile_stop", f"{place.name} Green", land.centres[index], place.name, facts))
    return tuple(out)
