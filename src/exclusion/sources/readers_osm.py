"""Venues of OpenStreetMap: village halls and their like, from Overpass or from an extract. ODbL: kept apart."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exclusion.errors import SourceError
from exclusion.sources.contracts import fail
from exclusion.sources.readers_text import read_json
from exclusion.sources.readers_venues import finish_venues, slug, tidy_postcode, to_grid

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_HALL = re.compile(
    r"\b(village|parish|memorial|community|church|w\.?i\.?)\s+(hall|institute)\b|\binstitute\b|\breading room\b",
    re.IGNORECASE,
)
_CIVIC = re.compile(r"\b(town|city|county|guild)\s*hall\b", re.IGNORECASE)
_KINDS = {
    "library": "library",
    "doctors": "gp_practice",
    "post_office": "post_office",
    "pharmacy": "pharmacy",
}
_HALLS = ("village_hall", "community_centre")
# The same hall is often drawn as a building and marked by a point: same name and kind within this many metres.
_SAME_M = 150.0
_PLAIN_NAMES = {
    "village_hall": "Village hall", "community_centre": "Community centre", "library": "Library", "gp_practice": "GP practice",
    "post_office": "Post office", "pharmacy": "Pharmacy",
}  # fmt: skip


def venue_kind(tags: Mapping[str, str]) -> str | None:
    """Return the kind of venue that tags describe, or None for none of ours.

    A village hall is a `community_centre` that says so by its own tag or by its name, or a `townhall` with the name
    of a hall of that sort, as mappers in Britain use it; a civic town hall is none.
    """
    amenity, name = tags.get("amenity", ""), tags.get("name", "")
    if tags.get("community_centre") in {"village_hall", "parish_hall"}:
        return "village_hall"
    if amenity == "community_centre":
        return "village_hall" if _HALL.search(name) else "community_centre"
    if amenity == "townhall":
        return "village_hall" if _HALL.search(name) and not _CIVIC.search(name) else None
    return _KINDS.get(amenity)


def read_overpass_venues(path: Path, source: "Source") -> pd.DataFrame:
    """Read an Overpass answer (`out center tags`) as venues: `venue_id` is `<source_id>:node/123` and the like.

    Nodes have their own place, ways and relations their centre. Elements of the same kind and name within 150 m of
    each other are one hall; the one drawn as a building stays. Nothing gives digital help yet (`is_existing` is
    false) save libraries. SourceError for an answer with a `remark` (it timed out and is partial) or without
    elements; ContractError where a way has no centre.
    """
    body = read_json(path, source)
    if not isinstance(body, Mapping) or not isinstance(body.get("elements"), list):
        raise SourceError(f"{source.id}: {path.name} holds no list of elements; ask Overpass again.")
    if body.get("remark"):
        raise SourceError(
            f"{source.id}: {path.name} is only part of the answer, because Overpass said '{body['remark']}'; ask for a "
            "smaller box or wait and ask again."
        )
    rows = []
    for element in body["elements"]:
        place = element if element.get("type") == "node" else element.get("center") or {}
        if element.get("type") not in {"node", "way", "relation"} or "id" not in element:
            raise fail(source, path, f"an element has no type or id ({str(element)[:60]})")
        if "lat" not in place or "lon" not in place:
            raise fail(
                source, path, f"{element['type']}/{element['id']} has no centre", "ask with `out center tags`"
            )
        rows.append(
            (
                element["type"],
                int(element["id"]),
                float(place["lon"]),
                float(place["lat"]),
                element.get("tags") or {},
            )
        )
    return venues_of(rows, source, path.name)


def read_osm_pbf_venues(path: Path, source: "Source") -> pd.DataFrame:
    """Read venues from an OpenStreetMap extract (.osm.pbf); see `read_overpass_venues`."""
    import osmium

    rows: list[tuple[str, int, float, float, dict[str, str]]] = []
    try:
        processor = (
            osmium.FileProcessor(str(path))
            .with_areas()
            .with_filter(osmium.filter.KeyFilter("amenity", "community_centre"))
        )
        for thing in processor:
            tags = {tag.k: tag.v for tag in thing.tags}
            if venue_kind(tags) is None:
                continue
            if thing.is_node():
                rows.append(("node", thing.id, thing.location.lon, thing.location.lat, tags))
            elif thing.is_area():
                points = [(n.location.lon, n.location.lat) for ring in thing.outer_rings() for n in ring]
                lon, lat = np.mean(points, axis=0)
                kind = "way" if thing.from_way() else "relation"
                rows.append((kind, thing.orig_id(), float(lon), float(lat), tags))
    except RuntimeError as fault:
        raise SourceError(
            f"{source.id}: {path.name} is not a whole OpenStreetMap extract ({str(fault).splitlines()[0]}); retrieve it again."
        ) from None
    return venues_of(rows, source, path.name)


def venues_of(
    rows: Iterable[tuple[str, int, float, float, Mapping[str, str]]], source: "Source", name: str
) -> pd.DataFrame:
    """Return venues of (type, id, longitude, latitude, tags), each once; the option `kinds` says which are wanted.

    By default those are halls alone: libraries and practices have registers of their own, which are more whole.
    """
    wanted = source.options.get("kinds", _HALLS)
    kinds = set(wanted) if isinstance(wanted, tuple) else {str(wanted)}
    found = [(kind, *row) for row in rows if (kind := venue_kind(row[4])) in kinds]
    if not found:
        raise fail(
            source, name, f"it holds no {' or '.join(sorted(kinds))}", "check the query or the extract's area"
        )
    order = {"relation": 0, "way": 1, "node": 2}
    unique = {(row[1], row[2]): row for row in found}
    found = sorted(unique.values(), key=lambda row: (order[row[1]], row[2]))
    x, y = to_grid([row[3] for row in found], [row[4] for row in found])
    frame = pd.DataFrame(
        {
            "venue_id": [f"{source.id}:{row[1]}/{row[2]}" for row in found],
            "name": [_name(row[0], row[5]) for row in found],
            "kind": [row[0] for row in found],
            "is_existing": [row[0] == "library" for row in found],
            "postcode": [tidy_postcode(row[5].get("addr:postcode")) for row in found],
            "x_m": x,
            "y_m": y,
            "hours_per_week": np.nan,
        }
    )
    return finish_venues(frame[_is_first(frame)], source, name)


def _name(kind: str, tags: Mapping[str, str]) -> str:
    for key in ("name", "official_name", "alt_name", "operator"):
        if tags.get(key, "").strip():
            return " ".join(tags[key].split())
    where = tags.get("addr:village") or tags.get("addr:city") or tags.get("addr:street")
    return f"{_PLAIN_NAMES[kind]} without a name" + (f", {where}" if where else "")


def _is_first(frame: pd.DataFrame) -> list[bool]:
    """Tell which rows stay: the first of each kind and name within the distance that makes them one."""
    seen: dict[tuple[str, str], list[tuple[float, float]]] = {}
    keep = []
    for kind, name, x, y in zip(frame["kind"], frame["name"], frame["x_m"], frame["y_m"], strict=True):
        near = seen.setdefault((kind, slug(name)), [])
        is_new = all(np.hypot(x - a, y - b) > _SAME_M for a, b in near)
        if is_new:
            near.append((x, y))
        keep.append(bool(is_new))
    return keep
