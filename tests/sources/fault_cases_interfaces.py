"""Cases of the interfaces that are asked page by page: ArcGIS, Nomis, Overpass."""

import json
from pathlib import Path

from exclusion.demo.server import OK, Fault
from tests.sources.fault_scripts import HTML, Case, always, arc_error, cut, edit_json, once, page
from tests.sources.retrieval_world import estimate_rows, put

QUERY, NOMIS, OVERPASS = "LOOKUP_LU/FeatureServer/0/query", "NM_1_1", "interpreter"
ROWS = "resultOffset"


def layer(root: Path, **changes) -> None:
    path = root / "geography/arcgis/LOOKUP_LU.json"
    put(path, json.dumps({**json.loads(path.read_text()), **changes}).encode())


def dataset(root: Path, data: bytes) -> None:
    put(root / "nomis/api/NM_1_1.csv", data)


ARCGIS = [
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
]
NOMIS_CASES = [
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
]
OVERPASS_CASES = [
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
CASES = [*ARCGIS, *NOMIS_CASES, *OVERPASS_CASES]
