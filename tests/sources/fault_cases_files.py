"""Cases of one file over HTTP."""

import gzip

from exclusion.demo.server import Fault
from tests.sources.fault_scripts import Case, always, cut, once, page
from tests.sources.retrieval_world import csv_bytes

TABLE, ARCHIVE = "table.csv", "archive.zip"

CASES = [
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
]
