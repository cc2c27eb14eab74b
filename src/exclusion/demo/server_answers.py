"""How the publishers' query services answer: ArcGIS feature layers, the Nomis API, and a box of Overpass."""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_NOMIS_GUEST_CELLS = 25_000


def arcgis_error(message: str, *details: str) -> dict[str, Any]:
    """Return a mistake the ArcGIS way: to be sent with HTTP 200."""
    return {"error": {"code": 400, "message": message, "details": list(details)}}


def _where(text: str, features: list[dict[str, Any]], fields: Sequence[str]) -> list[dict[str, Any]] | None:
    """Apply the few where clauses that are understood; None for any other."""
    if text.replace(" ", "") in {"1=1", ""}:
        return features
    match = re.fullmatch(r"\s*(\w+)\s*(?:=\s*('[^']*')|IN\s*\(([^)]*)\))\s*", text, re.IGNORECASE)
    if match is None or match.group(1) not in fields:
        return None
    wanted = set(re.findall(r"'([^']*)'", match.group(2) or match.group(3)))
    return [f for f in features if str(f["attributes"][match.group(1)]) in wanted]


def arcgis(layer: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
    """Answer one query of a feature layer."""
    features: list[dict[str, Any]] = layer["features"]
    fields = list(features[0]["attributes"]) if features else [layer["key"]]
    chosen = _where(query.get("where", "1=1"), features, fields)
    invalid = "Cannot perform query. Invalid query parameters."
    if chosen is None:
        return arcgis_error(invalid, "'where' parameter is invalid")
    names = fields if query.get("outFields", "*") == "*" else query["outFields"].split(",")
    order = [part.split()[0] for part in query.get("orderByFields", "").split(",") if part.strip()]
    for name in [*names, *order]:
        if name not in fields:
            return arcgis_error(invalid, f"'Invalid field: {name}' parameter is invalid")
    rows = [({n: f["attributes"][n] for n in names}, f) for f in chosen]
    if query.get("returnDistinctValues") == "true":
        rows = list({json.dumps(a, sort_keys=True): (a, f) for a, f in rows}.values())
    if query.get("returnCountOnly") == "true":
        return {"count": len(rows)}
    for name in reversed(order):
        rows.sort(key=lambda row: row[1]["attributes"][name])
    cap = int(layer.get("max_record_count", 2000))
    size = min(int(query.get("resultRecordCount", cap)), cap)
    offset = int(query.get("resultOffset", 0))
    page = rows[offset : offset + size]
    is_partial = offset + size < len(rows)
    has_shapes = query.get("returnGeometry", "true") == "true" and layer.get("geometry_type")
    if query.get("f") == "geojson":
        collection: dict[str, Any] = {"type": "FeatureCollection"}
        if is_partial:
            collection["properties"] = {"exceededTransferLimit": True}
        collection["features"] = [
            {"type": "Feature", "geometry": f.get("geometry") if has_shapes else None, "properties": a}
            for a, f in page
        ]
        return collection
    answer: dict[str, Any] = {
        "fields": [{"name": n, "type": "esriFieldTypeString"} for n in names],
        "features": [{"attributes": a} for a, _ in page],
    }
    if is_partial:
        answer["exceededTransferLimit"] = True
    return answer


def nomis(rows: list[dict[str, str]], query: Mapping[str, str]) -> bytes:
    """Answer one call of the Nomis API from a whole dataset."""
    lower = {k.lower(): v for k, v in query.items()}
    columns = [*(rows[0] if rows else ()), "RECORD_COUNT"]
    for name in columns[:-1]:
        wanted = lower.get(name.lower())
        if wanted is not None and wanted not in {"latest", ""}:
            rows = [row for row in rows if row[name] in set(wanted.split(","))]
    selected = [c for c in lower.get("select", ",".join(columns)).upper().split(",") if c in columns]
    offset = int(lower.get("recordoffset", 0))
    limit = min(int(lower.get("recordlimit", _NOMIS_GUEST_CELLS)), _NOMIS_GUEST_CELLS)
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    writer.writerow(selected)
    for row in rows[offset : offset + limit]:
        writer.writerow([len(rows) if c == "RECORD_COUNT" else row[c] for c in selected])
    return out.getvalue().encode()


def within(element: Mapping[str, Any], south: float, west: float, north: float, east: float) -> bool:
    """Tell whether an Overpass element (or its centre) lies in a box of degrees."""
    point = element.get("center", element)
    return bool(south <= point.get("lat", -999) <= north and west <= point.get("lon", -999) <= east)
