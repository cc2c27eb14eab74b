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
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from exclusion.demo.server_answers import arcgis, arcgis_error, nomis, within
from exclusion.demo.server_handler import OK, Answer, Fault, Handler, QuietServer, Request
from exclusion.demo.server_places import link_page, location
from exclusion.sources.catalogue import Catalogue, catalogue

__all__ = ["OK", "Fault", "PublisherServer", "Request", "link_page", "location"]


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
        self._http: QuietServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        handler = type("Handler", (Handler,), {"owner": self})
        self._http = QuietServer(("127.0.0.1", 0), handler)
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

    def next_fault(self, path: str) -> Fault:
        """Return the fault laid over the next request for a path, which is then used up."""
        with self._lock:
            for script in self._scripts:
                if script.match in path and script.faults:
                    last = script.is_repeating and len(script.faults) == 1
                    return script.faults[0] if last else script.faults.pop(0)
        return OK

    def record(self, request: Request) -> None:
        """Keep a request as it was answered."""
        with self._lock:
            self.requests.append(request)

    def cached(self, path: Path, read: Callable[[Path], Any]) -> Any:
        """Return what `read` makes of a file, kept until the file changes."""
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

    def answer(self, publisher: str, path: str, query: dict[str, str], agent: str) -> Answer | Path:
        """Make the answer to one request: a body, or the static file to be sent."""
        folder = self.root / publisher
        if publisher == "ofcom" and "Mozilla/5.0" not in agent:
            return Answer(403, b"<html><title>Forbidden</title></html>", "text/html")
        if match := re.fullmatch(r"([^/]+)/FeatureServer/\d+/query", path):
            return self._layer(folder / "arcgis" / f"{match.group(1)}.json", query)
        if match := re.fullmatch(r"([^/]+)/FeatureServer/(\d+)", path):
            return self._layer_state(folder / "arcgis" / f"{match.group(1)}.json", int(match.group(2)))
        if match := re.fullmatch(r"api/v01/dataset/([^/]+)\.data\.csv", path):
            return self._dataset(folder / "api" / f"{match.group(1)}.csv", query)
        if path == "api/interpreter":
            return self._overpass(folder, query, agent)
        return self._listing(folder) if path == "" else self._static(folder, path, query)

    def _listing(self, folder: Path) -> Answer:
        names = sorted(p.stem for p in (folder / "arcgis").glob("*.json"))
        return _json({"services": [{"name": n, "type": "FeatureServer"} for n in names]})

    def _layer(self, layer: Path, query: dict[str, str]) -> Answer:
        if not layer.is_file():
            return _json(arcgis_error("Invalid URL", "Invalid URL"))
        return _json(arcgis(self.cached(layer, _read_json), query))

    def _layer_state(self, layer: Path, number: int) -> Answer:
        if not layer.is_file():
            return _json(arcgis_error("Invalid URL", "Invalid URL"))
        held = self.cached(layer, _read_json)
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

    def _dataset(self, dataset: Path, query: dict[str, str]) -> Answer:
        # Nomis answers a mistyped request with 200 and nothing at all.
        body = nomis(self.cached(dataset, _read_rows), query) if dataset.is_file() else b""
        return Answer(200, body, "text/csv", {"ETag": f'"{hashlib.sha256(body).hexdigest()[:20]}"'})

    def _overpass(self, folder: Path, query: dict[str, str], agent: str) -> Answer:
        if agent == "" or agent.startswith("python-"):
            return Answer(406, b"Not Acceptable", "text/plain")
        with self._one_of("overpass") as count:
            if count > 1:
                return Answer(429, b"Too Many Requests", "text/plain")
            text = query.get("data", "")
            name = re.search(r"/\*\s*([a-z0-9_]+)\s*\*/", text)
            file = folder / "overpass" / f"{name.group(1) if name else ''}.json"
            if not file.is_file():
                return Answer(400, b"<html><body>parse error: unknown query</body></html>", "text/html")
            elements = self.cached(file, _read_json)["elements"]
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

    def _static(self, folder: Path, path: str, query: dict[str, str]) -> Answer | Path:
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
        return Answer(404, b"<html><title>Not found</title></html>", "text/html; charset=utf-8")


def _json(value: object) -> Answer:
    return Answer(200, json.dumps(value, separators=(",", ":")).encode(), "application/json; charset=utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return list(csv.DictReader(handle))
