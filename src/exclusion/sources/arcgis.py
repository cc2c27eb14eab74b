"""ArcGIS feature services: a whole layer, page by page, assembled into one file that is the same every time.

Method: count first; ask in the order of the key; advance by the number of rows received, because the cap differs
from layer to layer; compare the rows with the count and the keys with each other. Errors come as HTTP 200 with an
`error` body; `exceededTransferLimit` stands at the top for f=json and under `properties` for f=geojson.
"""

import json
from typing import Any

from exclusion.errors import SourceError
from exclusion.files import atomic_path
from exclusion.sources.catalogue import ArcgisLayer
from exclusion.sources.fetched import Fetched, Task, Unchanged
from exclusion.sources.snapshots import disk_fault
from exclusion.sources.transport import Client, PermanentFault, TransientFault

_PAGE = 2000
_PAGE_CEILING = 512 << 20
_TOKEN_CODES = frozenset({498, 499})
_BUSY_CODES = frozenset({429, 500, 502, 503, 504})


def _ask(
    client: Client, path: str, params: dict[str, str], headers: dict[str, str] | None = None
) -> tuple[Any, Any]:
    """Make one request and return its JSON with the response; an error in the body is a fault."""
    body, response = client.read(path, params=params, headers=headers, ceiling=_PAGE_CEILING)
    if response.status_code == 304:
        return None, response
    try:
        answer = json.loads(body)
    except ValueError as fault:
        what = "a web page" if body.lstrip()[:1] == b"<" else f"{len(body):,} bytes that are not JSON"
        raise TransientFault(f"{response.url} answered {what}") from fault
    if not isinstance(answer, dict):
        raise PermanentFault(f"{response.url} answered JSON that is not a feature set")
    if (error := answer.get("error")) is not None:
        code = error.get("code") if isinstance(error, dict) else None
        details = "; ".join(str(d) for d in error.get("details") or []) if isinstance(error, dict) else ""
        text = error.get("message", "") if isinstance(error, dict) else str(error)
        message = f"{client.address(path)} answered with ArcGIS error {code}: {text} {details}".rstrip()
        if code in _TOKEN_CODES or code in _BUSY_CODES:
            raise TransientFault(message)
        raise PermanentFault(message)
    return answer, response


def layer_path(layer: ArcgisLayer) -> str:
    """Return the layer's path below the services folder."""
    return f"{layer.service}/FeatureServer/{layer.layer}"


def layer_state(
    client: Client, layer: ArcgisLayer, etag: str | None
) -> tuple[str | None, str | None, int] | None:
    """Return the layer's (ETag, edit date, page cap); None where the ETag given still holds."""
    headers = {"If-None-Match": etag} if etag else None

    def ask() -> tuple[str | None, str | None, int] | None:
        answer, response = _ask(client, layer_path(layer), {"f": "json"}, headers)
        if answer is None:
            return None
        editing = answer.get("editingInfo") or {}
        edited = editing.get("dataLastEditDate") or editing.get("lastEditDate")
        cap = answer.get("maxRecordCount")
        return (
            response.headers.get("ETag"),
            str(edited) if edited else None,
            cap if isinstance(cap, int) else _PAGE,
        )

    return client.patiently(ask)


def _count(client: Client, layer: ArcgisLayer) -> int:
    params = {"where": layer.where, "returnCountOnly": "true", "f": "json"}
    if layer.is_distinct:
        params |= {
            "outFields": ",".join(layer.out_fields),
            "returnDistinctValues": "true",
            "returnGeometry": "false",
        }
    answer, response = client.patiently(lambda: _ask(client, f"{layer_path(layer)}/query", params))
    count = answer.get("count")
    if not isinstance(count, int) or isinstance(count, bool):
        raise PermanentFault(f"{response.url} gave no count of its rows")
    return count


def _page(client: Client, layer: ArcgisLayer, offset: int, size: int) -> tuple[list[Any], bool]:
    """Return one page's features in GeoJSON's or ArcGIS's shape, and whether there is said to be more."""
    params = {
        "where": layer.where,
        "outFields": ",".join(layer.out_fields),
        "orderByFields": layer.key,
        "resultOffset": str(offset),
        "resultRecordCount": str(size),
        "returnGeometry": "true" if layer.has_geometry else "false",
        "f": "geojson" if layer.has_geometry else "json",
    }
    if layer.has_geometry:
        params["outSR"] = "4326"
    if layer.is_distinct:
        params["returnDistinctValues"] = "true"

    def ask() -> tuple[list[Any], bool]:
        answer, response = _ask(client, f"{layer_path(layer)}/query", params)
        features = answer.get("features")
        if not isinstance(features, list):
            raise TransientFault(f"{response.url} answered without features")
        properties = answer.get("properties") or {}
        return features, bool(answer.get("exceededTransferLimit") or properties.get("exceededTransferLimit"))

    return client.patiently(ask)


def _row(feature: Any, layer: ArcgisLayer, where: str) -> tuple[str, str]:
    """Return a feature's key and its text in a fixed form."""
    attributes = (
        feature.get("properties" if layer.has_geometry else "attributes")
        if isinstance(feature, dict)
        else None
    )
    if not isinstance(attributes, dict) or attributes.get(layer.key) in {None, ""}:
        raise PermanentFault(f"{where} has a row without the key {layer.key}")
    value: Any = attributes
    if layer.has_geometry:
        value = {"type": "Feature", "properties": attributes, "geometry": feature.get("geometry")}
    key = attributes[layer.key]
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return (f"{key:020d}" if isinstance(key, int) else str(key)), text


def _rows(client: Client, task: Task, layer: ArcgisLayer, cap: int) -> dict[str, str]:
    where = client.address(layer_path(layer))
    count = _count(client, layer)
    if count == 0:
        raise PermanentFault(f"{where} says it has no rows")
    rows: dict[str, str] = {}
    offset = 0
    while len(rows) < count:
        features, is_more = _page(client, layer, offset, cap)
        if not features:
            raise PermanentFault(
                f"{where} gave {len(rows):,} rows of the {count:,} it counts, then an empty page"
            )
        for feature in features:
            key, text = _row(feature, layer, where)
            if key in rows:
                raise PermanentFault(f"{where} gave {layer.key} {key} twice (row {offset:,} and after)")
            rows[key] = text
        offset += len(features)
        task.tell("downloading", len(rows), count, "rows")
        if len(rows) < count and not is_more and len(features) < cap:
            raise PermanentFault(f"{where} ended after {len(rows):,} of the {count:,} rows it counts")
        if len(rows) > count or (len(rows) == count and is_more):
            raise PermanentFault(f"{where} gives more rows than the {count:,} it counts")
    return rows


def fetch_layer(client: Client, task: Task) -> Fetched | Unchanged:
    """Fetch a layer whole into one GeoJSON (with shapes) or JSON (without), rows sorted by key.

    JSON is `{"key", "service", "records": [attributes, ...]}`; GeoJSON is in EPSG:4326.
    """
    layer = task.source.arcgis
    if layer is None:
        raise SourceError(f"Source {task.source.id} describes no ArcGIS layer.")
    address = client.address(layer_path(layer))
    held = task.held
    task.tell("checking")
    state = layer_state(client, layer, held.etag if held else None)
    if state is None:
        return Unchanged(held.etag if held else None)
    etag, edited, cap = state
    if held is not None and edited is not None and held.revision == edited:
        return Unchanged(etag)
    rows = _rows(client, task, layer, min(cap, _PAGE))
    suffix = "geojson" if layer.has_geometry else "json"
    target = task.part.with_suffix(f".{suffix}")
    try:
        with atomic_path(target) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as out:
            if layer.has_geometry:
                out.write('{"type":"FeatureCollection","features":[\n')
            else:
                names = json.dumps({"key": layer.key, "service": layer.service})
                out.write(f'{names[:-1]},"records":[\n')
            out.write(",\n".join(rows[key] for key in sorted(rows)))
            out.write("\n]}\n")
    except OSError as fault:
        raise disk_fault(fault, task.work.parent.parent) from fault
    return Fetched(
        path=target,
        file=task.source.file_name or f"{layer.service}.{suffix}",
        final_address=f"{address}/query",
        etag=etag,
        revision=edited or etag,
    )
