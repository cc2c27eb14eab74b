"""Roads from an OpenStreetMap extract: what may be driven and walked, in which direction, how fast."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import ContractError, SourceError

_FloatArray = npt.NDArray[np.float64]
_IntArray = npt.NDArray[np.int64]

# Average km/h by class where nothing is posted: what a car makes of it over a journey with bends, junctions and
# villages, not the limit. Held against known drives in Rutland (benchmarks/access_rutland.py).
CLASS_KMH = {
    "motorway": 100.0,
    "motorway_link": 60.0,
    "trunk": 80.0,
    "trunk_link": 50.0,
    "primary": 64.0,
    "primary_link": 45.0,
    "secondary": 56.0,
    "secondary_link": 40.0,
    "tertiary": 50.0,
    "tertiary_link": 40.0,
    "unclassified": 42.0,
    "residential": 28.0,
    "living_street": 12.0,
    "service": 15.0,
    "road": 30.0,
}
# A posted limit is not the speed made good: 85% of it, and not far above what the class of road allows.
_OF_LIMIT = 0.85
_OVER_CLASS = 1.25
_KMH_PER_MPH = 1.609344
_NATIONAL_KMH = {
    "national": 60 * _KMH_PER_MPH,
    "gb:nsl_single": 60 * _KMH_PER_MPH,
    "gb:nsl_dual": 70 * _KMH_PER_MPH,
}
_NATIONAL_KMH |= {
    "gb:motorway": 70 * _KMH_PER_MPH,
    "none": 70 * _KMH_PER_MPH,
    "walk": 8.0,
    "gb:urban": 30 * _KMH_PER_MPH,
}

_WALK_ONLY = frozenset({"footway", "path", "pedestrian", "steps", "bridleway", "cycleway", "track"})
_NO_WALKING = frozenset({"motorway", "motorway_link"})
_CLOSED = frozenset(
    {"no", "private", "agricultural", "forestry", "military", "emergency", "delivery", "permit"}
)
# Nobody's front door opens on these: homes and venues are never joined to the network there.
_NO_DOORS = frozenset({"motorway", "motorway_link", "trunk_link"})
# Longer stretches get nodes in between, so that a home beside a long straight road is joined to it nearby.
_STRETCH_M = 100.0


@dataclass(frozen=True)
class RoadNetwork:
    """Hold a road network as nodes (EPSG:27700 metres) and straight edges between them.

    `forward_kmh` and `backward_kmh` are car speeds along and against the drawn direction, 0 where driving is not
    allowed; `is_walkable` both ways; `has_doors` is false where no home or venue may be joined. Raises
    ContractError for edges without length, ends that do not exist, or coordinates outside EPSG:27700.
    """

    x_m: _FloatArray
    y_m: _FloatArray
    start: _IntArray
    end: _IntArray
    length_m: _FloatArray
    forward_kmh: _FloatArray
    backward_kmh: _FloatArray
    is_walkable: npt.NDArray[np.bool_]
    has_doors: npt.NDArray[np.bool_]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.start):
            raise ContractError(
                "The road network has no edges: the extract holds no road that may be driven or walked."
            )
        inside = (self.x_m > 0) & (self.x_m < 800_000) & (self.y_m > 0) & (self.y_m < 1_400_000)
        if not inside.all():
            first = int(np.argmax(~inside))
            raise ContractError(
                f"The road network's node {first} lies at ({self.x_m[first]:g}, {self.y_m[first]:g}), outside"
                " EPSG:27700: give eastings and northings in metres."
            )
        ends = np.concatenate([self.start, self.end])
        if ends.min() < 0 or ends.max() >= len(self.x_m):
            raise ContractError(
                "The road network has an edge to a node that does not exist: rebuild it from its source."
            )
        if not (self.length_m > 0).all():
            first = int(np.argmax(~(self.length_m > 0)))
            raise ContractError(
                f"The road network's edge {first} has a length of {self.length_m[first]:g} m"
                f" ({int((~(self.length_m > 0)).sum())} such edges): merge nodes that lie in one spot."
            )
        for name, speed in (("forward_kmh", self.forward_kmh), ("backward_kmh", self.backward_kmh)):
            if not (np.isfinite(speed) & (speed >= 0)).all():
                raise ContractError(
                    f"The road network's {name} holds a speed that is negative or not a number."
                )

    @property
    def driveable_km(self) -> float:
        """Return the length that may be driven in at least one direction."""
        return float(self.length_m[(self.forward_kmh > 0) | (self.backward_kmh > 0)].sum() / 1000)


def posted_kmh(text: str | None) -> float | None:
    """Read a `maxspeed` tag as km/h; None where it is absent or says nothing usable ("signals", "variable").

    A bare number is km/h, "30 mph" miles an hour; of several the lowest counts.
    """
    if not text:
        return None
    found = []
    for part in text.split(";"):
        word = part.strip().lower()
        if word in _NATIONAL_KMH:
            found.append(_NATIONAL_KMH[word])
            continue
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh|kph)?", word)
        if match:
            found.append(float(match[1]) * (_KMH_PER_MPH if match[2] == "mph" else 1.0))
    found = [speed for speed in found if speed > 0]
    return min(found) if found else None


def car_kmh(highway: str, maxspeed: str | None) -> float:
    """Return the km/h that a car makes good on a road of this class, 0 where its class is not for cars."""
    usual = CLASS_KMH.get(highway, 0.0)
    posted = posted_kmh(maxspeed)
    if usual == 0 or posted is None:
        return usual
    return min(posted * _OF_LIMIT, usual * _OVER_CLASS)


def way_speeds(tags: dict[str, str]) -> tuple[float, float, bool, bool]:
    """Read a way's tags: km/h forward and backward (0: not by car), whether it may be walked, and has doors.

    One-way roads, roundabouts and motorways go one way for cars; people on foot go both ways. Closed or private
    ways are left out of the mode that they are closed to; the most particular tag decides.
    """
    highway = tags["highway"]
    speed = car_kmh(highway, tags.get("maxspeed"))
    if highway == "service" and tags.get("service") == "emergency_access":
        speed = 0.0
    for key in ("motorcar", "motor_vehicle", "vehicle", "access"):
        if key in tags:
            speed = 0.0 if tags[key] in _CLOSED else speed
            break
    walkable = (highway in CLASS_KMH or highway in _WALK_ONLY) and highway not in _NO_WALKING
    for key in ("foot", "access"):
        if key in tags:
            walkable = walkable and tags[key] not in _CLOSED | {"use_sidepath"}
            break
    oneway = tags.get("oneway", "")
    is_forward_only = oneway in ("yes", "true", "1") or (
        oneway != "no"
        and (tags.get("junction") in ("roundabout", "circular") or highway in ("motorway", "motorway_link"))
    )
    forward = 0.0 if oneway in ("-1", "reverse") else speed
    backward = 0.0 if is_forward_only else speed
    has_doors = highway not in _NO_DOORS and not (highway == "trunk" and is_forward_only)
    return forward, backward, walkable, has_doors


def read_roads(path: Path) -> RoadNetwork:
    """Read the roads and paths of an OpenStreetMap extract (.osm.pbf) as a network in EPSG:27700.

    Every point of a way is a node; stretches longer than 100 m get more. Points in one spot are one node. Ways cut
    at the extract's edge keep the stretches whose ends are known. Raises SourceError where the file is missing,
    damaged, or holds no road.
    """
    import osmium

    if not path.is_file():
        raise SourceError(f"There is no road extract at {path}: correct the path or leave the roads out.")
    ways = _Ways()
    try:
        reader = osmium.FileProcessor(str(path)).with_locations()
        reader = reader.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY)).with_filter(
            osmium.filter.KeyFilter("highway")
        )
        for way in reader:
            ways.add(way)
    except RuntimeError as error:
        raise SourceError(
            f"{path.name} cannot be read as an OpenStreetMap extract ({error}): fetch the .osm.pbf file again."
        ) from error
    if not ways.start:
        raise SourceError(
            f"{path.name} holds no road that may be driven or walked: supply an extract of this place."
        )
    return ways.network(path.name)


class _Ways:
    """Gather ways' stretches as they are read."""

    def __init__(self) -> None:
        self.node_of: dict[tuple[float, float], int] = {}
        self.start: list[int] = []
        self.end: list[int] = []
        self.kind: list[int] = []
        self.kinds: dict[tuple[float, float, bool, bool], int] = {}
        self.n_unknown = self.n_flat = self.n_ways = self.n_posted = 0

    def add(self, way: Any) -> None:
        tags = dict(way.tags)
        if tags.get("area") == "yes":
            return
        kind = way_speeds(tags)
        if not (kind[0] or kind[1] or kind[2]):
            return
        self.n_ways += 1
        self.n_posted += posted_kmh(tags.get("maxspeed")) is not None
        number = self.kinds.setdefault(kind, len(self.kinds))
        before = None
        for point in way.nodes:
            if not point.location.valid():
                self.n_unknown += 1
                before = None
                continue
            spot = (point.location.x, point.location.y)
            node = self.node_of.setdefault(spot, len(self.node_of))
            if before is not None:
                if node == before:
                    self.n_flat += 1
                else:
                    self.start.append(before)
                    self.end.append(node)
                    self.kind.append(number)
            before = node

    def network(self, name: str) -> RoadNetwork:
        import pyproj

        degrees = np.array(list(self.node_of), dtype=np.float64) / 1e7
        to_grid = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True)
        x, y = to_grid.transform(degrees[:, 0], degrees[:, 1])
        if not (np.isfinite(x) & np.isfinite(y) & (x > 0) & (x < 800_000) & (y > 0) & (y < 1_400_000)).all():
            raise SourceError(f"{name} reaches outside Great Britain: supply an extract of this place.")
        start, end = np.array(self.start, dtype=np.int64), np.array(self.end, dtype=np.int64)
        kind = np.array(self.kind, dtype=np.int64)
        x, y, start, end, kind = _divided(x, y, start, end, kind)
        table = np.array(list(self.kinds), dtype=np.float64)[kind]
        notes = [
            f"{self.n_ways} ways, {self.n_posted} with a posted speed; class speeds elsewhere",
        ]
        if self.n_flat:
            notes.append(f"{self.n_flat} stretches without length were merged")
        if self.n_unknown:
            notes.append(f"{self.n_unknown} points of ways lie outside the extract")
        return RoadNetwork(
            x_m=x,
            y_m=y,
            start=start,
            end=end,
            # Two points of one spot to the centimetre still have a length.
            length_m=np.maximum(np.hypot(x[end] - x[start], y[end] - y[start]), 0.01),
            forward_kmh=table[:, 0],
            backward_kmh=table[:, 1],
            is_walkable=table[:, 2] > 0,
            has_doors=table[:, 3] > 0,
            notes=tuple(notes),
        )


def _divided(
    x: _FloatArray, y: _FloatArray, start: _IntArray, end: _IntArray, kind: _IntArray
) -> tuple[_FloatArray, _FloatArray, _IntArray, _IntArray, _IntArray]:
    """Divide long stretches into equal parts of at most 100 m."""
    length = np.hypot(x[end] - x[start], y[end] - y[start])
    parts = np.maximum(np.ceil(length / _STRETCH_M).astype(np.int64), 1)
    extra = parts - 1
    first_new = len(x) + np.concatenate(([0], np.cumsum(extra)[:-1]))
    edge = np.repeat(np.arange(len(start)), parts)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(parts) - parts, parts)
    part_start = np.where(step == 0, start[edge], first_new[edge] + step - 1)
    part_end = np.where(step == parts[edge] - 1, end[edge], first_new[edge] + step)
    inner = step > 0
    share = step[inner] / parts[edge[inner]]
    new_x = x[start[edge[inner]]] * (1 - share) + x[end[edge[inner]]] * share
    new_y = y[start[edge[inner]]] * (1 - share) + y[end[edge[inner]]] * share
    return np.concatenate([x, new_x]), np.concatenate([y, new_y]), part_start, part_end, kind[edge]
