"""What publishers do wrong, one case at a time: each ends in the right bytes or in one clear reason.

Every case is run on an empty store; every case that ends in a reason is run again over a store that holds a good
copy, which must stay in use, whole and alone.
"""

import gzip
import json
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import stamina

from exclusion.demo.server import OK, Fault, PublisherServer
from exclusion.errors import SourceError
from exclusion.sources import download
from exclusion.sources.pull import PullReport, pull
from tests.sources.retrieval_world import (
    FakeClock,
    csv_bytes,
    estimate_rows,
    lookup_features,
    make_catalogue,
    make_publishers,
    put,
    zip_bytes,
)

HTML = (
    b"<!DOCTYPE html><html><head><title>Just a moment</title></head><body>Checking your browser</body></html>"
)
Script = tuple[str, tuple[Fault, ...], bool]


def once(match: str, *faults: Fault) -> Script:
    return match, faults, False


def always(match: str, *faults: Fault) -> Script:
    return match, faults, True


def page(body: bytes = HTML, kind: str = "text/html", **more) -> Fault:
    return Fault(status=200, body=body, content_type=kind, **more)


def arc_error(code: int, message: str = "Invalid URL") -> Fault:
    body = json.dumps({"error": {"code": code, "message": message, "details": ["x"]}}).encode()
    return Fault(status=200, body=body, content_type="application/json")


def edit_json(change: Callable[[dict], None]) -> Fault:
    def transform(body: bytes) -> bytes:
        value = json.loads(body)
        change(value)
        return json.dumps(value).encode()

    return Fault(transform=transform)


def cut(share: float) -> Fault:
    return Fault(transform=lambda body: body[: int(len(body) * share)])


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    script: tuple[Script, ...] = ()
    expect: str | None = None
    prepare: Callable[[Path], None] | None = None
    slept_at_least: float = 0.0
    requests: int | None = None
    changes: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


TABLE, ARCHIVE, QUERY, NOMIS, OVERPASS = (
    "table.csv",
    "archive.zip",
    "LOOKUP_LU/FeatureServer/0/query",
    "NM_1_1",
    "interpreter",
)
ROWS = "resultOffset"


def layer(root: Path, **changes) -> None:
    path = root / "geography/arcgis/LOOKUP_LU.json"
    put(path, json.dumps({**json.loads(path.read_text()), **changes}).encode())


def dataset(root: Path, data: bytes) -> None:
    put(root / "nomis/api/NM_1_1.csv", data)


CASES = [
    # One file over HTTP.
    Case("500 then success", "table", (once(TABLE, Fault(status=500)),), requests=2),
    Case("502 twice then success", "table", (once(TABLE, Fault(status=502), Fault(status=502)),), requests=3),
    Case(
        "503 with Retry-After",
        "table",
        (once(TABLE, Fault(status=503, headers={"Retry-After": "7"})),),
        slept_at_least=7,
    ),
    Case(
        "429 with Retry-After in seconds",
        "table",
        (once(TABLE, Fault(status=429, headers={"Retry-After": "11"})),),
        slept_at_least=11,
    ),
    Case(
        "429 with Retry-After as a date",
        "table",
        (once(TABLE, Fault(status=429, headers={"Retry-After": "Sun, 01 Nov 2026 12:00:40 GMT"})),),
        slept_at_least=40,
    ),
    Case("429 without Retry-After", "table", (once(TABLE, Fault(status=429)),), slept_at_least=5),
    Case(
        "429 with Retry-After that makes no sense",
        "table",
        (once(TABLE, Fault(status=429, headers={"Retry-After": "soon"})),),
        slept_at_least=5,
    ),
    Case("429 for ever", "table", (always(TABLE, Fault(status=429)),), "HTTP 429, after 5 tries", requests=5),
    Case("500 for ever", "table", (always(TABLE, Fault(status=500)),), "HTTP 500, after 5 tries", requests=5),
    Case(
        "Retry-After of a day",
        "table",
        (always(TABLE, Fault(status=429, headers={"Retry-After": "86400"})),),
        "left alone for 86400 seconds",
        requests=1,
    ),
    Case("reset before the first byte", "table", (once(TABLE, Fault(cut_after=0, is_reset=True)),)),
    Case("reset in the middle", "table", (once(TABLE, Fault(cut_after=1000, is_reset=True)),), requests=2),
    Case("short body against Content-Length", "table", (once(TABLE, Fault(cut_after=1200)),), requests=2),
    Case("short body four times", "table", (once(TABLE, *[Fault(cut_after=300)] * 4),), requests=5),
    Case("never a byte", "table", (always(TABLE, Fault(cut_after=0)),), "after 5 tries", requests=5),
    Case(
        "reset, and Range is ignored",
        "table",
        (once(TABLE, Fault(cut_after=900), Fault(ignores_range=True)),),
    ),
    Case("reset, and no validators", "table", (once(TABLE, Fault(cut_after=900, has_validators=False)),)),
    Case("reset, then 416", "table", (once(TABLE, Fault(cut_after=900), Fault(status=416)),), requests=3),
    Case(
        "reset, then the wrong range",
        "table",
        (once(TABLE, Fault(cut_after=900), Fault(headers={"Content-Range": "bytes 0-9/10"})),),
        requests=3,
    ),
    Case("weak ETag alone", "table", (once(TABLE, Fault(cut_after=900, headers={"ETag": 'W/"1"'})),)),
    Case(
        "HTML page where a zip is due",
        "archive",
        (always(ARCHIVE, page()),),
        "is a web page, not data",
        requests=1,
    ),
    Case(
        "HTML page where a CSV is due",
        "table",
        (always(TABLE, page(b"\r\n <html>" + b"x" * 500)),),
        "is a web page, not data",
    ),
    Case(
        "JSON where a CSV is due",
        "table",
        (always(TABLE, page(b'{"error": "no"}', "application/json")),),
        "does not begin as a csv file",
    ),
    Case(
        "CSV where a zip is due",
        "archive",
        (always(ARCHIVE, page(csv_bytes(), "text/csv")),),
        "does not begin as a zip file",
    ),
    Case("empty file", "table", (always(TABLE, page(b"", "text/csv")),), "is empty"),
    Case(
        "zip cut short with an honest length",
        "archive",
        (always(ARCHIVE, cut(0.7)),),
        "zip that was cut short",
    ),
    Case(
        "gzip on the wire",
        "table",
        (once(TABLE, Fault(headers={"Content-Encoding": "gzip"}, transform=gzip.compress)),),
    ),
    Case("no Content-Length", "table", (once(TABLE, Fault(has_length=False)),)),
    Case(
        "no Content-Length, cut in a line",
        "table",
        (once(TABLE, Fault(has_length=False, transform=lambda body: body[:1000])),),
        requests=2,
    ),
    Case(
        "no Content-Length, cut for ever",
        "table",
        (always(TABLE, Fault(has_length=False, transform=lambda body: body[:1000])),),
        "ended in the middle of a line after 1,000 bytes, and does not say how many there are",
    ),
    Case(
        "two lengths for one body",
        "table",
        (always(TABLE, Fault(headers={"Content-Length": "9" * 40})),),
        "multiple unmatching values",
    ),
    Case(
        "packed by name alone",
        "table",
        (always(TABLE, Fault(headers={"Content-Encoding": "gzip"})),),
        "incorrect header check",
    ),
    Case(
        "packed in a way that nobody asked for",
        "table",
        (
            always(
                TABLE,
                Fault(
                    headers={"Content-Encoding": "br"}, body=b"\x1b\x00\x00\x24\x00", content_type="text/csv"
                ),
            ),
        ),
        "does not begin as a csv file",
    ),
    Case("another charset by name", "table", (once(TABLE, Fault(content_type="text/csv; charset=utf-16")),)),
    Case(
        "redirect out of the folder",
        "table",
        (once(TABLE, Fault(status=302, headers={"Location": "/root/..%2f..%2f..%2fetc%2fpasswd"})),),
        "HTTP 404",
    ),
    Case("404", "table", (always(TABLE, Fault(status=404)),), "nothing at this address", requests=1),
    Case("403", "table", (always(TABLE, Fault(status=403)),), "put it in the inbox", requests=1),
    Case("401", "table", (always(TABLE, Fault(status=401)),), "asks for a sign-in", requests=1),
    Case("410", "table", (always(TABLE, Fault(status=410)),), "withdrawn", requests=1),
    Case(
        "406 for the User-Agent",
        "table",
        (always(TABLE, Fault(status=406)),),
        "set EXCLUSION_CONTACT",
        requests=1,
    ),
    Case(
        "204 without a body",
        "table",
        (always(TABLE, Fault(status=204, body=b"", content_type="text/csv")),),
        "HTTP 204, which is no file",
    ),
    Case(
        "304 although nothing is held",
        "table",
        (always(TABLE, Fault(status=304, body=b"", content_type="text/csv")),),
        "unchanged although nothing is held",
    ),
    Case(
        "redirect loop",
        "table",
        (always(TABLE, Fault(status=302, headers={"Location": "table.csv"})),),
        "redirects for ever",
    ),
    Case(
        "redirect to the file",
        "table",
        (once(TABLE, Fault(status=302, headers={"Location": "/statistics/files/table.csv?again=1"})),),
        requests=2,
    ),
    Case(
        "redirect to a strange scheme",
        "table",
        (always(TABLE, Fault(status=302, headers={"Location": "ftp://elsewhere.invalid/x"})),),
        "not an address that can be asked",
    ),
    Case(
        "over the ceiling, announced",
        "table",
        (always(TABLE, page(b"a,b\n" + b"1,2\n" * 400_000, "text/csv")),),
        "over the limit of 1 MB",
        changes={"max_megabytes": 1},
    ),
    Case(
        "over the ceiling, unannounced",
        "table",
        (always(TABLE, page(b"a,b\n" + b"1,2\n" * 400_000, "text/csv", has_length=False)),),
        "goes on and on, over the limit of 1 MB",
        changes={"max_megabytes": 1},
    ),
    Case("silence, then success", "table", (once(TABLE, Fault(delay_s=0.5)),)),
    Case(
        "hash is not the one in the catalogue",
        "table",
        (),
        "the catalogue asks for 000000000000",
        changes={"sha256": "0" * 64},
    ),
    Case("moved: the page has the link", "moving"),
    Case(
        "moved: the page has no such link",
        "moving",
        (always("pages/moving", page(b"<html><a href='other.csv'>x</a></html>")),),
        "no link on .* matches the file of moving",
    ),
    Case(
        "moved: the page is gone too",
        "moving",
        (always("pages/moving", Fault(status=404)),),
        "nothing at this address",
    ),
    Case("moved: the page fails once", "moving", (once("pages/moving", Fault(status=500)),)),
    # ArcGIS.
    Case(
        "ArcGIS error body in 200",
        "lookup",
        (always(QUERY, arc_error(400, "Cannot perform query.")),),
        "ArcGIS error 400: Cannot perform query",
        requests=2,
    ),
    Case(
        "ArcGIS layer deleted",
        "lookup",
        (always("LOOKUP_LU", arc_error(400)),),
        "ArcGIS error 400: Invalid URL",
        requests=1,
    ),
    Case(
        "ArcGIS field misspelt",
        "lookup",
        (),
        "Invalid field: LAD24CD",
        prepare=lambda root: layer(
            root, features=[{"attributes": {"LSOA21CD": "E01000001", "LAD24CD_": "x"}}]
        ),
    ),
    Case("ArcGIS token 499 then success", "lookup", (once(ROWS, arc_error(499, "Token Required")),)),
    Case("ArcGIS token 498 on the count", "lookup", (once("returnCountOnly", arc_error(498)),)),
    Case(
        "ArcGIS token 499 for ever",
        "lookup",
        (always(ROWS, arc_error(499, "Token Required")),),
        "ArcGIS error 499: Token Required.* after 5 tries",
    ),
    Case(
        "ArcGIS error 500 in 200 then success",
        "lookup",
        (once(ROWS, arc_error(500, "Error performing query")),),
    ),
    Case("page cap lower than said", "lookup", (always(ROWS, Fault(query={"resultRecordCount": "7"})),)),
    Case("page cap of one", "shapes", (always(ROWS, Fault(query={"resultRecordCount": "1"})),)),
    Case(
        "duplicate keys across pages",
        "lookup",
        (once(ROWS, OK, Fault(query={"resultOffset": "35"})),),
        "gave LSOA21CD E01000035 twice",
    ),
    Case(
        "a page that repeats for ever",
        "lookup",
        (always(ROWS, Fault(query={"resultOffset": "0"})),),
        "gave LSOA21CD E01000000 twice",
    ),
    Case(
        "count higher than the rows",
        "lookup",
        (once("returnCountOnly", edit_json(lambda v: v.update(count=95))),),
        "ended after 90 of the 95 rows",
    ),
    Case(
        "count lower than the rows",
        "lookup",
        (once("returnCountOnly", edit_json(lambda v: v.update(count=80))),),
        "more rows than the 80",
    ),
    Case(
        "count lower, at a page's end",
        "lookup",
        (once("returnCountOnly", edit_json(lambda v: v.update(count=40))),),
        "more rows than the 40",
    ),
    Case(
        "empty page in the middle",
        "lookup",
        (once(ROWS, OK, edit_json(lambda v: v.update(features=[]))),),
        "then an empty page",
    ),
    Case(
        "flag of more pages is left out",
        "lookup",
        (always(ROWS, edit_json(lambda v: v.pop("exceededTransferLimit", None))),),
    ),
    Case(
        "short page without the flag",
        "lookup",
        (
            once(
                ROWS,
                edit_json(lambda v: (v.pop("exceededTransferLimit"), v.update(features=v["features"][:9]))),
            ),
        ),
        "ended after 9 of the 90",
    ),
    Case("page without features", "lookup", (once(ROWS, edit_json(lambda v: v.pop("features"))),)),
    Case("HTML page in place of a page of rows", "lookup", (once(ROWS, page()),)),
    Case("JSON cut short", "lookup", (once(ROWS, OK, cut(0.5)),)),
    Case(
        "JSON that is a list",
        "lookup",
        (always(ROWS, page(b"[1]", "application/json")),),
        "not a feature set",
    ),
    Case(
        "row without its key",
        "lookup",
        (once(ROWS, edit_json(lambda v: v["features"][3]["attributes"].pop("LSOA21CD"))),),
        "row without the key LSOA21CD",
    ),
    Case(
        "no count", "lookup", (always("returnCountOnly", page(b"{}", "application/json")),), "gave no count"
    ),
    Case(
        "layer without rows",
        "lookup",
        (),
        "says it has no rows",
        prepare=lambda root: layer(root, features=[]),
    ),
    Case("reset in the middle of a page", "lookup", (once(ROWS, Fault(cut_after=500, is_reset=True)),)),
    Case("500 on the layer's state", "lookup", (once("FeatureServer/0?f=json", Fault(status=500)),)),
    Case("layer without an ETag", "lookup", (once("FeatureServer/0?f=json", Fault(has_validators=False)),)),
    # Nomis.
    Case(
        "Nomis empty 200",
        "estimates",
        (always(NOMIS, page(b"", "text/csv")),),
        "answered nothing: Nomis does so when a parameter is mistyped",
    ),
    Case(
        "Nomis header alone",
        "estimates",
        (),
        "answered no rows",
        prepare=lambda root: dataset(root, estimate_rows(0) + b"2024,E01000001,999,1\n"),
    ),
    Case("Nomis page of fewer cells", "estimates", (always(NOMIS, Fault(query={"RecordLimit": "13"})),)),
    Case(
        "Nomis page repeats",
        "estimates",
        (once(NOMIS, OK, Fault(query={"RecordOffset": "0"})),),
        "gave the row E01000000 / 200 twice",
    ),
    Case(
        "Nomis count changes between pages",
        "estimates",
        (once(NOMIS, OK, Fault(transform=lambda b: b.replace(b",100\n", b",101\n"))),),
        "changed its RECORD_COUNT from 100 to 101",
    ),
    Case(
        "Nomis columns change between pages",
        "estimates",
        (once(NOMIS, OK, Fault(transform=lambda b: b.replace(b"OBS_VALUE", b"VALUE", 1))),),
        "changed its columns between pages",
    ),
    Case(
        "Nomis without RECORD_COUNT",
        "estimates",
        (always(NOMIS, Fault(transform=lambda b: b.replace(b"RECORD_COUNT", b"COUNT"))),),
        "lacks the column RECORD_COUNT",
    ),
    Case(
        "Nomis ends early",
        "estimates",
        (once(NOMIS, OK, OK, Fault(transform=lambda b: b.split(b"\n")[0] + b"\n")),),
        "empty page at row 80 of 100",
    ),
    Case("Nomis with a BOM", "estimates", (always(NOMIS, Fault(transform=lambda b: b"\xef\xbb\xbf" + b)),)),
    Case("Nomis row cut short", "estimates", (once(NOMIS, Fault(transform=lambda b: b[:-20])),)),
    Case("Nomis HTML in 200", "estimates", (once(NOMIS, page()),)),
    # Overpass.
    Case(
        "Overpass remark with partial elements",
        "halls",
        (
            once(
                OVERPASS,
                edit_json(
                    lambda v: v.update(remark="runtime error: Query timed out", elements=v["elements"][:1])
                ),
            ),
        ),
    ),
    Case(
        "Overpass remark with no elements",
        "halls",
        (
            once(
                OVERPASS,
                OK,
                edit_json(lambda v: v.update(remark="runtime error: out of memory", elements=[])),
            ),
        ),
    ),
    Case(
        "Overpass remark for ever",
        "halls",
        (always(OVERPASS, edit_json(lambda v: v.update(remark="runtime error: Query timed out"))),),
        "partial answer for the smallest band .*timed out",
    ),
    Case("Overpass 429", "halls", (once(OVERPASS, Fault(status=429)),), slept_at_least=30),
    Case(
        "Overpass 429 with a short Retry-After",
        "halls",
        (once(OVERPASS, Fault(status=429, headers={"Retry-After": "1"})),),
        slept_at_least=30,
    ),
    Case(
        "Overpass 406 without a User-Agent",
        "halls",
        (always(OVERPASS, Fault(status=406)),),
        "set EXCLUSION_CONTACT",
        requests=1,
    ),
    Case(
        "Overpass 504 in HTML",
        "halls",
        (once(OVERPASS, Fault(status=504, body=HTML, content_type="text/html")),),
    ),
    Case("Overpass busy page in 200", "halls", (once(OVERPASS, page()),)),
    Case("Overpass JSON cut short", "halls", (once(OVERPASS, cut(0.6)),)),
    Case("Overpass without elements", "halls", (once(OVERPASS, page(b"{}", "application/json")),)),
    Case(
        "Overpass does not understand",
        "halls",
        (always(OVERPASS, page(b"<html>parse error: line 1</html>")),),
        "does not understand the query",
        requests=1,
    ),
]


@dataclass
class World:
    folder: Path
    server: PublisherServer
    clock: FakeClock

    def pull(self, source: str, raw: str, *, of, **more) -> PullReport:
        return pull(
            [source],
            raw=self.folder / raw,
            bases=self.server.bases(),
            of=of,
            check=None,
            timing=self.clock.timing,
            **more,
        )


@pytest.fixture
def world(tmp_path: Path):
    root = make_publishers(tmp_path / "publishers")
    with (
        stamina.set_testing(True, attempts=5, cap=True),
        PublisherServer(root, of=make_catalogue(tmp_path)) as server,
    ):
        yield World(tmp_path, server, FakeClock())


def changed_catalogue(world: World, source: str, changes: dict):
    of = make_catalogue(world.folder)
    publishers = {
        name: p.model_copy(update={"read_timeout_s": 0.25}) if name == "statistics" else p
        for name, p in of.publishers.items()
    }
    sources = {
        **of.sources,
        source: of.sources[source].model_copy(update={**changes, "is_required": False, "alternatives": ()}),
    }
    return of.model_copy(update={"sources": sources, "publishers": publishers})


def lay(world: World, case: Case) -> None:
    world.server.clear()
    for match, faults, is_repeating in case.script:
        world.server.script(match, *faults, is_repeating=is_repeating)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_fault_ends_in_the_right_bytes_or_one_clear_reason(case: Case, world: World):
    plain = changed_catalogue(world, case.source, {})
    of = changed_catalogue(world, case.source, case.changes)
    undisturbed = world.pull(case.source, "good", of=plain)[case.source]
    good = undisturbed.path.read_bytes()
    if case.prepare is not None:
        case.prepare(world.server.root)
    lay(world, case)
    world.clock.slept.clear()
    report = world.pull(case.source, "fresh", of=of)
    if case.requests is not None:
        assert len(world.server.requests) == case.requests
    assert sum(world.clock.slept) >= case.slept_at_least
    if case.expect is None:
        assert report.missing == ()
        assert report[case.source].path.read_bytes() == good
        assert report[case.source].how == "downloaded"
        return
    assert report.snapshots == {}
    (missing,) = report.missing
    assert re.search(case.expect, missing.why), missing.why
    assert missing.source_id == case.source
    assert not list((world.folder / "fresh" / case.source).glob("[!.]*")), "a partial file was entered"
    with pytest.raises(SourceError, match=f"Source {case.source} .* is missing: "):
        report[case.source]

    lay(world, case)
    again = world.pull(case.source, "good", of=of, refresh=True)[case.source]
    if "304" in case.name:
        assert again.how == "last_good" or again.how == "unchanged"
    else:
        assert again.how == "last_good"
        assert f"Source {case.source} is the last good copy, retrieved or confirmed today" in again.message
        assert re.search(case.expect, again.message)
    assert again.path.read_bytes() == good
    assert len(list((world.folder / "good" / case.source).glob("[!.]*"))) == 1


def test_there_are_at_least_sixty_cases_with_names_of_their_own():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


def test_a_broken_download_goes_on_where_it_stopped(world: World):
    of = changed_catalogue(world, "table", {})
    world.server.script("table.csv", Fault(cut_after=1000, is_reset=True))
    snapshot = world.pull("table", "raw", of=of)["table"]
    first, second = world.server.requests
    assert second.headers["Range"] == "bytes=1000-"
    assert second.headers["If-Range"].startswith('"')
    assert first.body_bytes + second.body_bytes == snapshot.bytes == len(csv_bytes())


def test_the_length_is_counted_here_too_and_not_only_by_the_http_library(tmp_path: Path):
    import requests

    from exclusion.sources.fetched import Task
    from exclusion.sources.transport import TransientFault

    class Short:
        def __init__(self) -> None:
            self.left = [b"LSOA21CD,", b"value\n"]

        def read1(self, size: int, *, decode_content: bool) -> bytes:
            return self.left.pop(0) if self.left else b""

    response = requests.Response()
    response.url, response.raw, response.status_code = "https://p.invalid/x", Short(), 200
    response.headers["Content-Length"] = "20"
    task = Task(make_catalogue(tmp_path).source("table"), "x", tmp_path, None, {}, lambda _: None)
    part = download._Part(tmp_path / "x.part")
    with pytest.raises(TransientFault, match="ended after 15 of 20 bytes"):
        download._store(response, task, part, 0)
    assert part.path.read_bytes() == b"LSOA21CD,value\n"


def test_a_bomb_on_the_wire_is_let_go_at_the_ceiling_in_little_memory(world: World):
    bomb = gzip.compress(b"0" * (64 << 20), 9)
    world.server.script(
        TABLE,
        Fault(headers={"Content-Encoding": "gzip"}, body=bomb, content_type="text/csv"),
        is_repeating=True,
    )
    of = changed_catalogue(world, "table", {"max_megabytes": 20})
    tracemalloc.start()
    (missing,) = world.pull("table", "raw", of=of).missing
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "goes on and on, over the limit of 20 MB for source table" in missing.why
    assert peak < 20 << 20
    assert not list((world.folder / "raw").rglob("*.part"))


def test_another_etag_for_the_same_bytes_is_no_news(world: World):
    of = changed_catalogue(world, "table", {})
    first = world.pull("table", "raw", of=of)["table"]
    world.server.script(TABLE, Fault(headers={"ETag": '"other"'}), is_repeating=True)
    again = world.pull("table", "raw", of=of, refresh=True)["table"]
    assert (again.how, again.sha256) == ("unchanged", first.sha256)
    assert len(list((world.folder / "raw/table").glob("[!.]*"))) == 1


def test_a_file_that_changes_between_two_halves_is_never_mixed(world: World):
    of = changed_catalogue(world, "table", {})
    file = world.server.root / "statistics/files/files/table.csv"

    def swap(body: bytes) -> bytes:
        put(file, csv_bytes(tag="new"))
        return body

    world.server.script("table.csv", Fault(cut_after=1000, transform=swap))
    assert world.pull("table", "raw", of=of)["table"].path.read_bytes() == csv_bytes(tag="new")


def test_a_download_that_gave_up_goes_on_in_the_next_run(world: World):
    of = changed_catalogue(world, "table", {})
    world.server.script("table.csv", Fault(cut_after=1000), *[Fault(cut_after=0)] * 4)
    assert world.pull("table", "raw", of=of).missing
    world.server.clear()
    assert world.pull("table", "raw", of=of)["table"].path.read_bytes() == csv_bytes()
    assert [r.status for r in world.server.requests] == [206]


def test_a_file_that_shrinks_by_a_third_is_not_taken_unless_it_is_accepted(world: World):
    of = changed_catalogue(world, "table", {})
    good = world.pull("table", "raw", of=of)["table"]
    put(world.server.root / "statistics/files/files/table.csv", csv_bytes(130))
    kept = world.pull("table", "raw", of=of)["table"]
    assert (kept.how, kept.sha256) == ("last_good", good.sha256)
    assert re.search(r"the file shrank from 2,615 to [\d,]+ bytes since 2026-11-01", kept.message)
    taken = world.pull("table", "raw", of=of, accept=["table"])["table"]
    assert (taken.how, taken.path.read_bytes()) == ("downloaded", csv_bytes(130))


def test_a_file_that_shrinks_by_less_is_taken_and_told(world: World):
    of = changed_catalogue(world, "table", {})
    world.pull("table", "raw", of=of)
    put(world.server.root / "statistics/files/files/table.csv", csv_bytes(170))
    taken = world.pull("table", "raw", of=of)["table"]
    assert taken.how == "downloaded"
    assert "changed since 2026-11-01 under the same vintage (2021)" in taken.message


def test_a_new_file_that_its_reader_refuses_never_replaces_a_good_one(world: World):
    of = changed_catalogue(world, "table", {})

    def check(snapshot) -> None:
        if b"new" in snapshot.path.read_bytes():
            raise SourceError(f"{snapshot.path.name} has no column LSOA21CD.")

    def run(raw: str):
        return pull(
            ["table"],
            raw=world.folder / raw,
            bases=world.server.bases(),
            of=of,
            check=check,
            timing=world.clock.timing,
        )

    good = run("raw")["table"]
    put(world.server.root / "statistics/files/files/table.csv", csv_bytes(tag="new"))
    kept = run("raw")["table"]
    assert (kept.how, kept.sha256) == ("last_good", good.sha256)
    assert "the new file cannot be used (table.csv has no column LSOA21CD)" in kept.message
    assert "table.csv has no column LSOA21CD" in run("empty").missing[0].why
    assert not list((world.folder / "empty" / "table").glob("[!.]*"))


def test_a_full_disk_ends_the_run_and_replaces_nothing(world: World, monkeypatch: pytest.MonkeyPatch):
    of = changed_catalogue(world, "table", {})
    good = world.pull("table", "raw", of=of)["table"]
    put(world.server.root / "statistics/files/files/table.csv", csv_bytes(300))

    def full(handle, chunk) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(download, "_append", full)
        with pytest.raises(SourceError, match="disk that holds .* is full"):
            world.pull("table", "raw", of=of)
    assert good.path.read_bytes() == csv_bytes()
    assert not list((world.folder / "raw/table/.partial").glob("*.part"))
    assert world.pull("table", "raw", of=of)["table"].path.read_bytes() == csv_bytes(300)


@pytest.mark.parametrize("source", ["lookup", "estimates", "halls"])
def test_a_full_disk_while_pages_are_joined_ends_the_run(
    source: str, world: World, monkeypatch: pytest.MonkeyPatch
):
    of = changed_catalogue(world, source, {})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("exclusion.files.os.fsync", full)
    with pytest.raises(SourceError, match="disk that holds .* is full"):
        world.pull(source, "raw", of=of)
    assert not list((world.folder / "raw" / source).glob("[!.]*"))


def test_bytes_altered_in_the_store_are_fetched_again(world: World):
    of = changed_catalogue(world, "table", {})
    snapshot = world.pull("table", "raw", of=of)["table"]
    snapshot.path.write_bytes(b"x" * snapshot.bytes)
    again = world.pull("table", "raw", of=of)["table"]
    assert again.path.read_bytes() == csv_bytes()


def test_a_server_that_is_not_there_is_asked_three_times_for_all_its_sources(world: World):
    of = make_catalogue(world.folder, "table", "stand_in", "archive")
    of = of.model_copy(
        update={"sources": {k: s.model_copy(update={"is_required": False}) for k, s in of.sources.items()}}
    )
    bases = {**world.server.bases(), "statistics": "http://127.0.0.1:9"}
    report = pull(
        list(of.sources), raw=world.folder / "raw", bases=bases, of=of, check=None, timing=world.clock.timing
    )
    assert report.snapshots == {}
    assert all("127.0.0.1 cannot be reached" in m.why for m in report.missing)


def test_a_required_source_that_is_missing_ends_the_run_with_what_to_do(world: World):
    of = make_catalogue(world.folder)
    world.server.script("table.csv", Fault(status=403), is_repeating=True)
    with pytest.raises(SourceError) as caught:
        world.pull("table", "raw", of=of)
    text = str(caught.value)
    assert "Source table (Made-up table) is missing" in text
    assert "Get it from https://statistics.invalid/root/files/table.csv" in text
    assert "put it in a folder named with --inbox as table*.csv" in text


def test_zip_members_are_not_trusted_before_they_are_read(world: World):
    of = changed_catalogue(world, "archive", {})
    put(
        world.server.root / "statistics/files/files/archive.zip",
        zip_bytes(**{"../../evil__csv": csv_bytes(400)}),
    )
    snapshot = world.pull("archive", "raw", of=of)["archive"]
    from exclusion.sources.archives import open_member

    with pytest.raises(SourceError, match="points outside the archive"), open_member(snapshot.path, "*.csv"):
        pass


def test_lookup_features_are_not_in_order():
    keys = [f["attributes"]["LSOA21CD"] for f in lookup_features()]
    assert keys != sorted(keys)
    assert len(set(keys)) == len(keys)
