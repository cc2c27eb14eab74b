"""The local publishers' server answers as the publishers do."""

import json

import pytest
import requests

from exclusion.demo.server import Fault, PublisherServer, link_page, location
from exclusion.sources.catalogue import catalogue
from tests.sources.retrieval_world import csv_bytes, make_catalogue, make_publishers

AGENT = {"User-Agent": "tests/1 (someone@example.invalid)"}


@pytest.fixture
def server(tmp_path):
    with PublisherServer(make_publishers(tmp_path / "publishers"), of=make_catalogue(tmp_path)) as server:
        yield server


@pytest.fixture
def ask(server):
    with requests.Session() as session:
        session.trust_env = False

        def ask(path: str, method: str = "GET", headers=None, **more):
            return session.request(
                method, f"{server.address}/{path}", headers={**AGENT, **(headers or {})}, timeout=10, **more
            )

        yield ask


def query(ask, service: str = "LOOKUP_LU", **params):
    return ask(
        f"geography/{service}/FeatureServer/0/query", params={"where": "1=1", "f": "json", **params}
    ).json()


def test_a_file_is_served_with_validators_and_not_twice(ask):
    first = ask("statistics/files/table.csv")
    assert first.content == csv_bytes()
    assert first.headers["Content-Type"] == "text/csv"
    for name, value in (
        ("If-None-Match", first.headers["ETag"]),
        ("If-Modified-Since", first.headers["Last-Modified"]),
    ):
        again = ask("statistics/files/table.csv", headers={name: value})
        assert (again.status_code, again.content) == (304, b"")
    assert ask("statistics/files/table.csv", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_range_is_served_while_the_file_is_the_same(ask):
    etag = ask("statistics/files/table.csv").headers["ETag"]
    part = ask("statistics/files/table.csv", headers={"Range": "bytes=2600-", "If-Range": etag})
    assert (part.status_code, part.content) == (206, csv_bytes()[2600:])
    assert part.headers["Content-Range"] == "bytes 2600-2614/2615"
    assert (
        ask("statistics/files/table.csv", headers={"Range": "bytes=2600-", "If-Range": '"old"'}).status_code
        == 200
    )
    assert ask("statistics/files/table.csv", headers={"Range": "bytes=9999-"}).status_code == 416


def test_queries_folders_and_paths_outside(ask, server):
    assert ask("statistics/files/table.csv?v=99").content == csv_bytes()
    (server.root / "statistics/files/file/uri=").mkdir(parents=True)
    (server.root / "statistics/files/file/uri=/x.csv").write_bytes(b"by query")
    assert ask("statistics/file?uri=/x.csv").content == b"by query"
    assert ask("statistics/pages/moving").headers["Content-Type"].startswith("text/html")
    assert ask("statistics/none.csv").status_code == 404
    assert ask("statistics/..%2f..%2fcatalogue.toml").status_code == 404


def test_head_has_no_body(ask, server):
    answer = ask("statistics/files/table.csv", "HEAD")
    assert (answer.content, answer.headers["Content-Length"]) == (b"", "2615")
    assert server.body_bytes()["/statistics/files/table.csv"] == 0


def test_arcgis_pages_and_flags_stand_where_arcgis_puts_them(ask):
    assert query(ask, returnCountOnly="true") == {"count": 90}
    first = query(ask, outFields="LSOA21CD", orderByFields="LSOA21CD", resultRecordCount="2000")
    assert [f["attributes"]["LSOA21CD"] for f in first["features"]][:2] == ["E01000000", "E01000001"]
    assert len(first["features"]) == 40
    assert first["exceededTransferLimit"] is True
    last = query(ask, resultOffset="80")
    assert len(last["features"]) == 10
    assert "exceededTransferLimit" not in last
    shapes = query(ask, "SHAPES_BGC", f="geojson")
    assert shapes["properties"] == {"exceededTransferLimit": True}
    assert shapes["features"][0]["geometry"]["type"] == "Polygon"
    assert "properties" not in query(ask, "SHAPES_BGC", f="geojson", resultOffset="10")


def test_arcgis_filters_and_distinct_values(ask):
    assert query(ask, where="LSOA21CD='E01000007'", returnCountOnly="true") == {"count": 1}
    assert query(ask, where="LSOA21CD IN ('E01000007','E01000008','W01000001')", returnCountOnly="true") == {
        "count": 2
    }
    assert query(ask, outFields="LAD24CD", returnDistinctValues="true", returnCountOnly="true") == {
        "count": 1
    }
    posted = ask(
        "geography/LOOKUP_LU/FeatureServer/0/query",
        "POST",
        data={"where": "1=1", "returnCountOnly": "true", "f": "json"},
    )
    assert posted.json() == {"count": 90}


def test_arcgis_mistakes_are_answered_with_200(ask):
    for answer in (
        query(ask, outFields="lsoa21cd"),
        query(ask, where="nonsense"),
        query(ask, "NONE"),
        query(ask, orderByFields="X"),
    ):
        assert answer["error"]["code"] == 400
    assert ask("geography/NONE/FeatureServer/0?f=json").json()["error"]["message"] == "Invalid URL"


def test_arcgis_tells_its_state_and_its_services(ask, server):
    state = ask("geography/LOOKUP_LU/FeatureServer/0?f=json")
    assert state.json()["maxRecordCount"] == 40
    assert (
        ask(
            "geography/LOOKUP_LU/FeatureServer/0?f=json", headers={"If-None-Match": state.headers["ETag"]}
        ).status_code
        == 304
    )
    assert [s["name"] for s in ask("geography?f=json").json()["services"]] == ["LOOKUP_LU", "SHAPES_BGC"]


def test_nomis_pages_filters_and_counts(ask):
    path = "nomis/api/v01/dataset/NM_1_1.data.csv"
    lines = ask(path, params={"c_age": "200,201", "RecordOffset": "95"}).text.splitlines()
    assert lines[0] == '"DATE","GEOGRAPHY_CODE","C_AGE","OBS_VALUE","RECORD_COUNT"'
    assert len(lines) == 6
    assert all(line.endswith(",100") for line in lines[1:])
    assert ask(path, params={"select": "geography_code,obs_value"}).text.startswith(
        '"GEOGRAPHY_CODE","OBS_VALUE"\n'
    )
    assert len(ask(path, params={"c_age": "999"}).text.splitlines()) == 1
    assert ask("nomis/api/v01/dataset/NM_9_9.data.csv").content == b""


def test_overpass_wants_a_name_a_known_query_and_one_at_a_time(ask):
    def post(text: str, agent: str | None = "tests/1"):
        return ask("overpass/api/interpreter", "POST", data={"data": text}, headers={"User-Agent": agent})

    assert post("/* halls */", "python-requests/2").status_code == 406
    assert post("/* halls */", None).status_code == 406
    assert len(post("/* halls */").json()["elements"]) == 7
    assert len(post("/* halls */[bbox:50.9,-2,52,1]").json()["elements"]) == 4
    assert b"parse error" in post("/* none */").content


def test_ofcom_refuses_what_is_not_a_browser(tmp_path):
    with PublisherServer(tmp_path, of=catalogue()) as server, requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{server.address}/ofcom/x.zip", timeout=10).status_code == 403
        agent = {"User-Agent": "Mozilla/5.0 (compatible; x)"}
        assert session.get(f"{server.address}/ofcom/x.zip", headers=agent, timeout=10).status_code == 404


def test_faults_are_used_up_in_order_and_everything_is_counted(ask, server):
    server.script("table.csv", Fault(status=500), Fault(body=b"x"))
    answers = [ask("statistics/files/table.csv") for _ in range(3)]
    assert [a.status_code for a in answers] == [500, 200, 200]
    assert [len(a.content) for a in answers] == [10, 1, 2615]
    assert server.counts() == {"/statistics/files/table.csv": 3}
    assert server.body_bytes() == {"/statistics/files/table.csv": 2626}
    server.clear()
    assert server.requests == []


def test_a_file_that_is_changed_is_served_as_it_is_now(ask, server):
    ask("geography/LOOKUP_LU/FeatureServer/0?f=json")
    path = server.root / "geography/arcgis/LOOKUP_LU.json"
    path.write_text(json.dumps({"key": "LSOA21CD", "features": []}))
    assert query(ask, returnCountOnly="true") == {"count": 0}


def test_every_source_that_can_be_downloaded_has_a_place(tmp_path):
    of = catalogue()
    places = {}
    for source in of.sources.values():
        if source.protocol == "by_hand":
            with pytest.raises(ValueError, match="supplied by hand"):
                location(tmp_path, source)
        else:
            places[source.id] = location(tmp_path, source, {"county": "rutland"})
    assert places["census_ts045"] == tmp_path / "nomis/files/output/census/2021/census2021-ts045.zip"
    assert places["internet_users_2020"].name == "internetusers2020.xlsx"
    assert places["ofcom_fixed_coverage_oa"].suffix == ".zip"
    assert link_page(tmp_path, of.source("digital_propensity_index")).name == "index.html"
    with pytest.raises(ValueError, match="not looked for on a page"):
        link_page(tmp_path, of.source("ruc21"))
    for place in places.values():
        assert place.is_relative_to(tmp_path)
        assert max(len(part) for part in place.parts) < 200


def test_every_place_is_where_the_client_asks(tmp_path):
    from exclusion.sources.pull import pull
    from exclusion.sources.snapshots import RawStore

    of = catalogue()
    ids = (
        "census_ts045",
        "internet_users_2020",
        "postcodes_codepoint_open",
        "gp_practices",
        "wimd2025",
        "dft_connectivity",
    )
    for source_id in ids:
        place = location(tmp_path / "root", of.source(source_id))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(csv_bytes() if of.source(source_id).media == "csv" else _zip())
    with PublisherServer(tmp_path / "root") as server:
        report = pull(ids, raw=tmp_path / "raw", bases=server.bases(), check=None)
    assert set(report.snapshots) == set(ids)
    assert RawStore(tmp_path / "raw").records("gp_practices")[0].file == "epraccur.csv"


def _zip() -> bytes:
    from tests.sources.retrieval_world import zip_bytes

    return zip_bytes(a__csv=csv_bytes())


def test_a_server_that_has_not_been_started_has_no_address(tmp_path):
    with pytest.raises(RuntimeError, match="has not been started"):
        _ = PublisherServer(tmp_path).address
