"""The local publishers: a small loopback server that speaks the publishers' protocols from a folder of files.

The folder has one sub-folder for each publisher id of the catalogue; `location(root, source)` tells where the
file behind a source belongs, so a maker of made-up data need not know the rules below.

`<root>/<publisher>/files/<path>`
    A static file, served at `/<publisher>/<path>` with ETag, Last-Modified, Range and 304. An address with a
    query (`file?uri=/a/b.xlsx`) is looked for at `<path>/<query>` first (`files/file/uri=/a/b.xlsx`) and then at
    `<path>` alone, so `x.zip?v=42` may be stored as `x.zip`. A folder that holds `index.html` answers with it:
    that is how a landing page with links is made.
`<root>/<publisher>/arcgis/<Service>.json`
    `{"key": "LSOA21CD", "max_record_count": 1000, "geometry_type": "esriGeometryPolygon" or null,
    "features": [{"attributes": {...}, "geometry": GeoJSON geometry in EPSG:4326 or null}, ...]}`, answered at
    `/<publisher>/<Service>/FeatureServer/<layer>/query` for `f=json` and `f=geojson` with `where` (1=1, FIELD='x',
    FIELD IN ('x','y')), `outFields`, `orderByFields`, `resultOffset`, `resultRecordCount`, `returnCountOnly`,
    `returnDistinctValues` and `returnGeometry`; `/<publisher>/<Service>/FeatureServer/<layer>?f=json` tells the
    page cap and the date of the last edit, with an ETag. Mistakes are answered the ArcGIS way: HTTP 200 with an `error`.
    `/<publisher>?f=json` lists the services there are.
`<root>/<publisher>/api/<DATASET>.csv`
    A Nomis dataset with the publisher's column names (`DATE,GEOGRAPHY_CODE,...,OBS_VALUE`) and without
    RECORD_COUNT, answered at `/<publisher>/api/v01/dataset/<DATASET>.data.csv` with `RecordOffset`, `RecordLimit`,
    `select`, and a filter for every parameter that is a column (`c_age=200,209`). RECORD_COUNT is added.
`<root>/<publisher>/overpass/<name>.json`
    `{"elements": [...]}` as Overpass gives them (`out center tags`), answered at `/<publisher>/api/interpreter`
    to the query that says `/* name */`; `[bbox:s,w,n,e]` in the query keeps the elements within.

Every request is recorded (`server.requests`), and a script of faults may be laid over any address.
"""

import contextlib
import csv
import email.utils
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from exclusion.demo.server_answers import arcgis, arcgis_error, nomis, within
from exclusion.sources.catalogue import Catalogue, Source, catalogue

_CHUNK = 64 << 10
_TYPES = {
    ".zip": "application/zip",
    ".csv": "text/csv",
    ".json": "application/json",
    ".geojson": "application/geo+json",
    ".html": "text/html; charset=utf-8",
    ".tif": "image/tiff",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".ods": "application/vnd.oasis.opendocument.spreadsheet",
}


def location(root: Path, source: Source, parameters: Mapping[str, str] | None = None) -> Path:
    """Return where under `root` the file (or layer, or dataset) behind a source belongs.

    For an ArcGIS source this is the layer's JSON, for Nomis the dataset's CSV, for Overpass the elements' JSON. A
    source that has no fixed address is found through its page: the file goes to `files/<page>/<file name>` and
    `link_page(root, source)` tells where the page with the link to it goes.
    """
    folder = root / source.publisher
    if source.arcgis is not None:
        return folder / "arcgis" / f"{source.arcgis.service}.json"
    if source.nomis is not None:
        return folder / "api" / f"{source.nomis.dataset}.csv"
    if source.overpass is not None:
        return folder / "overpass" / f"{source.id}.json"
    if source.address is None:
        if source.link is None or source.file_name is None:
            raise ValueError(f"source {source.id} is supplied by hand and has no place on a server")
        return folder / "files" / source.link.page / source.file_name
    parts = urlsplit(source.fill(source.address, parameters))
    path = unquote(parts.path)
    if parts.query and not Path(path).suffix:
        path = f"{path}/{unquote(parts.query)}"
    return folder / "files" / re.sub("/+", "/", path).strip("/")


def link_page(root: Path, source: Source) -> Path:
    """Return where the HTML page goes on which the link to a source's file is looked for."""
    if source.link is None:
        raise ValueError(f"source {source.id} is not looked for on a page")
    return root / (source.link.publisher or source.publisher) / "files" / source.link.page / "index.html"


@dataclass(frozen=True)
class Fault:
    """One scripted misbehaviour for one request; fields that are left out leave the answer as it was.

    `cut_after` sends that many bytes of the body and then breaks off, by a reset where `is_reset`. `query`
    replaces query parameters before the answer is made; `transform` changes the answer's body. Without a length the
    body ends where the connection does.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str | None = None
    cut_after: int | None = None
    is_reset: bool = False
    delay_s: float = 0.0
    query: Mapping[str, str] = field(default_factory=dict)
    transform: Callable[[bytes], bytes] | None = None
    ignores_range: bool = False
    has_validators: bool = True
    has_length: bool = True


OK = Fault()


@dataclass(frozen=True)
class Request:
    """One request as it was answered."""

    method: str
    path: str
    status: int
    body_bytes: int
    headers: Mapping[str, str]


@dataclass
class _Answer:
    status: int
    body: bytes
    content_type: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Script:
    match: str
    faults: list[Fault]
    is_repeating: bool


class PublisherServer:
    """Serve a folder of publishers on loopback; use as a context manager, or `start()` and `stop()`."""

    def __init__(self, root: Path, *, of: Catalogue | None = None) -> None:
        """Take the folder to serve; `of` is the catalogue whose publishers get a base address here."""
        self.root = root
        self.requests: list[Request] = []
        self._catalogue = of or catalogue()
        self._scripts: list[_Script] = []
        self._lock = threading.Lock()
        self._cache: dict[Path, tuple[tuple[int, int], Any]] = {}
        self._at_work: Counter[str] = Counter()
        self._http: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        handler = type("Handler", (_Handler,), {"owner": self})
        self._http = _QuietServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and wait for the thread."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._http.server_close()
            self._http = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> str:
        """The server's own address, without a slash at the end."""
        if self._http is None:
            raise RuntimeError("the publishers' server has not been started")
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def bases(self) -> dict[str, str]:
        """Return a base address here for every publisher of the catalogue, so that no other is asked."""
        return {name: f"{self.address}/{name}" for name in self._catalogue.publishers}

    def script(self, match: str, *faults: Fault, is_repeating: bool = False) -> None:
        """Lay faults over the requests whose path and query contain `match`, one a request, in order.

        When they are used up the server behaves again; with `is_repeating` the last one stays for ever.
        """
        with self._lock:
            self._scripts.append(_Script(match, list(faults), is_repeating))

    def clear(self) -> None:
        """Forget all faults and all recorded requests."""
        with self._lock:
            self._scripts.clear()
            self.requests.clear()

    def counts(self) -> Counter[str]:
        """Count requests by path (without the query)."""
        return Counter(urlsplit(r.path).path for r in list(self.requests))

    def body_bytes(self) -> Counter[str]:
        """Sum the bytes of the bodies sent, by path (without the query)."""
        total: Counter[str] = Counter()
        for request in list(self.requests):
            total[urlsplit(request.path).path] += request.body_bytes
        return total

    def _next_fault(self, path: str) -> Fault:
        with self._lock:
            for script in self._scripts:
                if script.match in path and script.faults:
                    last = script.is_repeating and len(script.faults) == 1
                    return script.faults[0] if last else script.faults.pop(0)
        return OK

    def _record(self, request: Request) -> None:
        with self._lock:
            self.requests.append(request)

    def _cached(self, path: Path, read: Callable[[Path], Any]) -> Any:
        stat = path.stat()
        stamp = (stat.st_mtime_ns, stat.st_size)
        with self._lock:
            held = self._cache.get(path)
        if held is not None and held[0] == stamp:
            return held[1]
        value = read(path)
        with self._lock:
            self._cache[path] = (stamp, value)
        return value

    @contextlib.contextmanager
    def _one_of(self, publisher: str) -> Iterator[int]:
        with self._lock:
            self._at_work[publisher] += 1
            count = self._at_work[publisher]
        try:
            yield count
        finally:
            with self._lock:
                self._at_work[publisher] -= 1

    def _answer(self, publisher: str, path: str, query: dict[str, str], agent: str) -> _Answer | Path:
        """Make the answer to one request: a body, or the static file to be sent."""
        folder = self.root / publisher
        if publisher == "ofcom" and "Mozilla/5.0" not in agent:
            return _Answer(403, b"<html><title>Forbidden</title></html>", "text/html")
        if match := re.fullmatch(r"([^/]+)/FeatureServer/\d+/query", path):
            return self._layer(folder / "arcgis" / f"{match.group(1)}.json", query)
        if match := re.fullmatch(r"([^/]+)/FeatureServer/(\d+)", path):
            return self._layer_state(folder / "arcgis" / f"{match.group(1)}.json", int(match.group(2)))
        if match := re.fullmatch(r"api/v01/dataset/([^/]+)\.data\.csv", path):
            return self._dataset(folder / "api" / f"{match.group(1)}.csv", query)
        if path == "api/interpreter":
            return self._overpass(folder, query, agent)
        return self._listing(folder) if path == "" else self._static(folder, path, query)

    def _listing(self, folder: Path) -> _Answer:
        names = sorted(p.stem for p in (folder / "arcgis").glob("*.json"))
        return _json({"services": [{"name": n, "type": "FeatureServer"} for n in names]})

    def _layer(self, layer: Path, query: dict[str, str]) -> _Answer:
        if not layer.is_file():
            return _json(arcgis_error("Invalid URL", "Invalid URL"))
        return _json(arcgis(self._cached(layer, _read_json), query))

    def _layer_state(self, layer: Path, number: int) -> _Answer:
        if not layer.is_file():
            return _json(arcgis_error("Invalid URL", "Invalid URL"))
        held = self._cached(layer, _read_json)
        stat = layer.stat()
        answer = _json(
            {
                "id": number,
                "name": layer.stem,
                "geometryType": held.get("geometry_type"),
                "maxRecordCount": held.get("max_record_count", 2000),
                "editingInfo": {"lastEditDate": stat.st_mtime_ns // 1_000_000},
            }
        )
        answer.headers["ETag"] = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        return answer

    def _dataset(self, dataset: Path, query: dict[str, str]) -> _Answer:
        # Nomis answers a mistyped request with 200 and nothing at all.
        body = nomis(self._cached(dataset, _read_rows), query) if dataset.is_file() else b""
        return _Answer(200, body, "text/csv", {"ETag": f'"{hashlib.sha256(body).hexdigest()[:20]}"'})

    def _overpass(self, folder: Path, query: dict[str, str], agent: str) -> _Answer:
        if agent == "" or agent.startswith("python-"):
            return _Answer(406, b"Not Acceptable", "text/plain")
        with self._one_of("overpass") as count:
            if count > 1:
                return _Answer(429, b"Too Many Requests", "text/plain")
            text = query.get("data", "")
            name = re.search(r"/\*\s*([a-z0-9_]+)\s*\*/", text)
            file = folder / "overpass" / f"{name.group(1) if name else ''}.json"
            if not file.is_file():
                return _Answer(400, b"<html><body>parse error: unknown query</body></html>", "text/html")
            elements = self._cached(file, _read_json)["elements"]
            box = re.search(r"\[bbox:([-\d.]+),([-\d.]+),([-\d.]+),([-\d.]+)\]", text)
            if box:
                south, west, north, east = (float(g) for g in box.groups())
                elements = [e for e in elements if within(e, south, west, north, east)]
            return _json(
                {
                    "version": 0.6,
                    "generator": "Overpass API",
                    "osm3s": {"timestamp_osm_base": "2026-01-01T00:00:00Z", "copyright": "ODbL"},
                    "elements": elements,
                }
            )

    def _static(self, folder: Path, path: str, query: dict[str, str]) -> _Answer | Path:
        base = (folder / "files").resolve()
        text = "&".join(k if v == "" else f"{k}={v}" for k, v in query.items())
        for name in ([f"{path}/{text}"] if text else []) + [path]:
            file = (base / re.sub("/+", "/", name).strip("/")).resolve()
            if not file.is_relative_to(base):
                break
            if file.is_file():
                return file
            if (file / "index.html").is_file():
                return file / "index.html"
        return _Answer(404, b"<html><title>Not found</title></html>", "text/html; charset=utf-8")


class _QuietServer(ThreadingHTTPServer):
    """A threading server that does not print a traceback when a client goes away."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that break off are part of what is tested."""


class _Handler(BaseHTTPRequestHandler):
    """Answer one connection."""

    protocol_version = "HTTP/1.1"
    owner: PublisherServer
    disable_nagle_algorithm = True
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class names it so)
        """Say nothing: requests are recorded instead."""

    def do_GET(self) -> None:
        """Answer a GET."""
        self._serve({})

    def do_HEAD(self) -> None:
        """Answer a HEAD."""
        self._serve({})

    def do_POST(self) -> None:
        """Answer a POST with a form body."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self._serve(dict(parse_qsl(body, keep_blank_values=True)))

    def _serve(self, form: dict[str, str]) -> None:
        fault = self.owner._next_fault(self.path)  # noqa: SLF001 (one class in two parts)
        if fault.delay_s:
            time.sleep(fault.delay_s)
        parts = urlsplit(self.path)
        publisher, _, path = unquote(parts.path).lstrip("/").partition("/")
        query = {**dict(parse_qsl(parts.query, keep_blank_values=True)), **form, **fault.query}
        agent = self.headers.get("User-Agent") or ""
        answer = self.owner._answer(publisher, path, query, agent)  # noqa: SLF001
        if isinstance(answer, Path):
            answer = self._file(answer, fault)
        elif not fault.has_validators:
            answer.headers.pop("ETag", None)
        elif answer.headers.get("ETag", "none") in self.headers.get("If-None-Match", ""):
            answer.status, answer.body = 304, b""
        if fault.transform is not None:
            answer.body = fault.transform(answer.body)
        if fault.body is not None:
            answer.body = fault.body
            answer.content_type = fault.content_type or answer.content_type
        if fault.status is not None:
            answer.status = fault.status
            if fault.body is None and fault.status >= 300:
                answer.body, answer.content_type = f"status {fault.status}".encode(), "text/plain"
        answer.headers.update(fault.headers)
        self._send(answer, fault)

    def _file(self, file: Path, fault: Fault) -> _Answer:
        data: bytes
        data, etag = self.owner._cached(file, _read_bytes)  # noqa: SLF001
        modified = email.utils.formatdate(int(file.stat().st_mtime), usegmt=True)
        headers = {"Accept-Ranges": "bytes"}
        if fault.has_validators:
            headers |= {"ETag": etag, "Last-Modified": modified}
        kind = _TYPES.get(file.suffix, "application/octet-stream")
        changed = self.headers.get("If-None-Match", "")
        since = self.headers.get("If-Modified-Since", "")
        if fault.has_validators and (etag in changed or (not changed and since == modified)):
            return _Answer(304, b"", kind, headers)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        is_same = self.headers.get("If-Range") in {None, etag, modified}
        if asked and is_same and not fault.ignores_range:
            start = int(asked.group(1))
            if start >= len(data):
                headers["Content-Range"] = f"bytes */{len(data)}"
                return _Answer(416, b"", kind, headers)
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            return _Answer(206, data[start:], kind, headers)
        return _Answer(200, data, kind, headers)

    def _send(self, answer: _Answer, fault: Fault) -> None:
        has_body = self.command != "HEAD" and answer.status != HTTPStatus.NOT_MODIFIED
        body = answer.body if has_body else b""
        sent = body if fault.cut_after is None else body[: fault.cut_after]
        self.send_response(answer.status)
        if has_body:
            self.send_header("Content-Type", answer.content_type)
        if not fault.has_length:
            self.send_header("Connection", "close")
            self.close_connection = True
        elif has_body or self.command == "HEAD":
            self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        request = Request(self.command, self.path, answer.status, len(sent), dict(self.headers.items()))
        # Recorded before the body goes out, so that a client that has read it all finds it in the record.
        self.owner._record(request)  # noqa: SLF001
        self.end_headers()
        for start in range(0, len(sent), _CHUNK):
            self.wfile.write(sent[start : start + _CHUNK])
        if fault.cut_after is not None:
            self.wfile.flush()
            if fault.is_reset:
                # Linger of zero seconds makes the close a reset, as a broken line does.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True


def _json(value: object) -> _Answer:
    return _Answer(200, json.dumps(value, separators=(",", ":")).encode(), "application/json; charset=utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_bytes(path: Path) -> tuple[bytes, str]:
    data = path.read_bytes()
    return data, f'"{hashlib.sha256(data).hexdigest()[:20]}"'


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))
