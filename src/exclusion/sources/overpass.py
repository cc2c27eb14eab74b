"""Overpass: one query after another, band by band, and never a partial answer.

A query that ran out of time or memory is answered with HTTP 200, some of the elements, and a `remark`. Such an
answer is thrown away and the band is asked for in two halves; a band that fails at the smallest size is a fault.
"""

import json
from typing import Any

from exclusion.errors import InputError, SourceError
from exclusion.files import stable_json, write_text
from exclusion.sources.catalogue import OverpassQuery
from exclusion.sources.fetched import Fetched, Task, Unchanged
from exclusion.sources.snapshots import disk_fault
from exclusion.sources.transport import Client, PermanentFault, TransientFault

PATH = "api/interpreter"
_HALVINGS = 3
Box = tuple[float, float, float, float]


class _TooMuch(Exception):  # noqa: N818 (not an error: a reason to ask for less)
    """The server ran out of time or memory for a band."""


def boxes(query: OverpassQuery, box: Box | None) -> list[Box]:
    """Cut a box (the query's own, or one place's) into bands of latitude."""
    south, west, north, east = box or query.box
    bands: list[Box] = []
    while south < north - 1e-9:
        top = min(north, south + query.band_degrees)
        bands.append((round(south, 6), west, round(top, 6), east))
        south = top
    return bands


def parse_box(text: str, source_id: str) -> Box:
    """Read `south,west,north,east`; a slip is an InputError."""
    try:
        south, west, north, east = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"The box '{text}' of source {source_id} is not south,west,north,east in degrees."
        ) from None
    if not (-90 <= south < north <= 90 and -180 <= west < east <= 180):
        raise InputError(f"The box '{text}' of source {source_id} has its corners the wrong way round.")
    return south, west, north, east


def _ask(client: Client, text: str) -> dict[str, Any]:
    body, response = client.read(PATH, method="POST", data={"data": text}, ceiling=256 << 20)
    if body.lstrip()[:1] == b"<":
        if response.status_code == 200 and b"parse error" in body:
            raise PermanentFault(f"{response.url} does not understand the query")
        raise TransientFault(f"{response.url} answered a web page")
    try:
        answer = json.loads(body)
    except ValueError as fault:
        raise TransientFault(f"{response.url} answered JSON that was cut short") from fault
    if not isinstance(answer, dict) or not isinstance(answer.get("elements"), list):
        raise TransientFault(f"{response.url} answered without elements")
    if remark := answer.get("remark"):
        raise _TooMuch(str(remark))
    return answer


def _text(task: Task, query: OverpassQuery, box: Box) -> str:
    south, west, north, east = (f"{value:g}" for value in box)
    filled = query.query.format(south=south, west=west, north=north, east=east).strip()
    return f"/* {task.source.id} */\n{filled}\n"


def _band(client: Client, task: Task, query: OverpassQuery, box: Box, depth: int) -> list[dict[str, Any]]:
    try:
        return [client.patiently(lambda: _ask(client, _text(task, query, box)))]
    except _TooMuch as fault:
        if depth >= _HALVINGS:
            raise PermanentFault(
                f"{client.address(PATH)} gave a partial answer for the smallest band ({fault})"
            ) from fault
        south, west, north, east = box
        middle = round((south + north) / 2, 6)
        lower = _band(client, task, query, (south, west, middle, east), depth + 1)
        return lower + _band(client, task, query, (middle, west, north, east), depth + 1)


def fetch_elements(client: Client, task: Task) -> Fetched | Unchanged:
    """Fetch a query whole into one JSON: elements without repeats, sorted by type and id."""
    query = task.source.overpass
    if query is None:
        raise SourceError(f"Source {task.source.id} describes no Overpass query.")
    box = parse_box(task.parameters["box"], task.source.id) if task.parameters.get("box") else None
    elements: dict[tuple[str, int], dict[str, Any]] = {}
    stamps: set[str] = set()
    bands = boxes(query, box)
    task.tell("checking")
    for number, band in enumerate(bands, start=1):
        for answer in _band(client, task, query, band, 0):
            stamps.add(str((answer.get("osm3s") or {}).get("timestamp_osm_base", "")))
            for element in answer["elements"]:
                elements[(str(element.get("type")), int(element.get("id", 0)))] = element
        task.tell("downloading", number, len(bands), "rows")
    if len(elements) < query.minimum_elements:
        raise PermanentFault(
            f"{client.address(PATH)} gave {len(elements):,} elements where at least {query.minimum_elements:,} are expected"
        )
    asked = box or query.box
    whole = {
        "generator": "Overpass API",
        "box": list(asked),
        "timestamp_osm_base": min(stamps) if stamps else "",
        "copyright": "© OpenStreetMap contributors, ODbL 1.0",
        "elements": [elements[key] for key in sorted(elements)],
    }
    target = task.part.with_suffix(".json")
    try:
        task.work.mkdir(parents=True, exist_ok=True)
        write_text(target, stable_json(whole, indent=None))
    except OSError as fault:
        raise disk_fault(fault, task.work.parent.parent) from fault
    return Fetched(
        path=target,
        file=task.source.file_name or f"{task.source.id}.json",
        final_address=client.address(PATH),
        revision=whole["timestamp_osm_base"] if isinstance(whole["timestamp_osm_base"], str) else None,
    )
