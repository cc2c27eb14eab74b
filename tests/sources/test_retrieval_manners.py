"""Manners: who asks, how often, how many at a time, and what a second run costs."""

import datetime as dt
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
import stamina

from exclusion.demo.server import Fault, PublisherServer
from exclusion.errors import InputError
from exclusion.sources import Progress, check_sources, pin_source, prune_sources, pull, unpin_source
from exclusion.sources.catalogue import Publisher, catalogue
from exclusion.sources.pull import manifest
from exclusion.sources.transport import Client, PermanentFault, Reach, Timing, TransientFault, user_agent
from tests.sources.retrieval_world import FakeClock, csv_bytes, make_catalogue, make_publishers, put

COUNTY = {"county": {"county": "rutland"}}


@pytest.fixture
def of(tmp_path):
    return make_catalogue(tmp_path)


@pytest.fixture
def ids(of):
    return [name for name in of.sources if name != "by_hand"]


@pytest.fixture
def server(tmp_path, of):
    with (
        stamina.set_testing(True, attempts=5, cap=True),
        PublisherServer(make_publishers(tmp_path / "publishers"), of=of) as server,
    ):
        yield server


@pytest.fixture
def clock():
    return FakeClock()


def run(tmp_path, of, server, clock, ids, **more):
    given = {"bases": server.bases(), "parameters": COUNTY, "timing": clock.timing, "check": None, **more}
    return pull(ids, raw=tmp_path / "raw", of=of, **given)


def publisher(**more) -> Publisher:
    given = {
        "id": "p",
        "name": "P",
        "base": "https://p.invalid",
        "landing_page": "https://p.invalid/",
        **more,
    }
    return Publisher(**given)


def test_a_second_run_moves_no_bodies_and_asks_once_a_source(tmp_path, of, server, clock, ids):
    first = run(tmp_path, of, server, clock, ids)
    assert sum(server.body_bytes().values()) > 20_000
    server.clear()
    second = run(tmp_path, of, server, clock, ids)
    assert sum(server.body_bytes().values()) == 0
    # Overpass is not asked before its copy is due, and one address is asked once for both sources that are read from it.
    assert len(server.requests) == len(ids) - 2
    assert {r.status for r in server.requests} == {304}
    assert {s.how for s in second.snapshots.values()} == {"unchanged"}
    assert {k: s.sha256 for k, s in first.snapshots.items()} == {
        k: s.sha256 for k, s in second.snapshots.items()
    }
    assert second.messages == ()


def test_a_server_on_another_port_is_still_the_same_publisher(tmp_path, of, server, clock, ids):
    run(tmp_path, of, server, clock, ids)
    with PublisherServer(server.root, of=of) as other:
        run(tmp_path, of, other, clock, ids)
        assert sum(other.body_bytes().values()) == 0


def test_overpass_is_asked_again_when_its_copy_is_due_or_on_demand(tmp_path, of, server, clock):
    run(tmp_path, of, server, clock, ["halls"])
    assert len(server.requests) == 2
    clock.pass_days(100)
    run(tmp_path, of, server, clock, ["halls"])
    assert len(server.requests) == 2
    run(tmp_path, of, server, clock, ["halls"], refresh=True)
    assert len(server.requests) == 4
    clock.pass_days(367)
    run(tmp_path, of, server, clock, ["halls"])
    assert len(server.requests) == 6


def test_the_same_world_gives_the_same_bytes(tmp_path, of, server, clock, ids):
    first = run(tmp_path, of, server, clock, ids)
    other = pull(
        ids,
        raw=tmp_path / "other",
        of=of,
        bases=server.bases(),
        parameters=COUNTY,
        timing=clock.timing,
        check=None,
    )
    for name in ids:
        assert first[name].path.read_bytes() == other[name].path.read_bytes()
    assert manifest(first) != ""
    assert str(tmp_path) not in manifest(first)


def test_layers_are_joined_in_the_order_of_their_key(tmp_path, of, server, clock):
    report = run(tmp_path, of, server, clock, ["lookup", "shapes", "estimates", "halls"])
    lookup = json.loads(report["lookup"].path.read_bytes())
    codes = [record["LSOA21CD"] for record in lookup["records"]]
    assert codes == sorted(codes)
    assert len(codes) == 90
    assert (lookup["key"], lookup["service"]) == ("LSOA21CD", "LOOKUP_LU")
    shapes = json.loads(report["shapes"].path.read_bytes())
    assert [f["properties"]["LSOA21CD"] for f in shapes["features"]] == [
        f"E0100{n:04d}" for n in range(1, 13)
    ]
    lines = report["estimates"].path.read_text().splitlines()
    assert len(lines) == 101
    assert lines[1:] == sorted(lines[1:])
    halls = json.loads(report["halls"].path.read_bytes())
    assert [(e["type"], e["id"]) for e in halls["elements"]] == [("node", n) for n in range(5, 11)] + [
        ("way", 3)
    ]
    assert halls["timestamp_osm_base"] == "2026-01-01T00:00:00Z"


def test_a_box_asks_for_one_place(tmp_path, of, server, clock):
    report = run(tmp_path, of, server, clock, ["halls"], parameters={"halls": {"box": "50.0,-2.0,50.6,0"}})
    assert len(json.loads(report["halls"].path.read_bytes())["elements"]) == 2
    assert len(server.requests) == 1


@pytest.mark.parametrize("box", ["50,1,2", "a,b,c,d", "52,-2,50,1", "50,1,52,-2"])
def test_a_box_that_makes_no_sense(tmp_path, of, server, clock, box):
    with pytest.raises(InputError, match=r"The box '.*' of source halls"):
        run(tmp_path, of, server, clock, ["halls"], parameters={"halls": {"box": box}})


def test_the_user_agent_says_who_asks(tmp_path, of, server, clock, monkeypatch):
    monkeypatch.setenv("EXCLUSION_CONTACT", "maps@council.example")
    run(tmp_path, of, server, clock, ["table"])
    assert server.requests[0].headers["User-Agent"].startswith("exclusion-map/")
    assert "maps@council.example" in server.requests[0].headers["User-Agent"]
    assert user_agent(publisher(user_agent_style="compatible"), "me").startswith(
        "Mozilla/5.0 (compatible; exclusion-map/"
    )
    assert "\n" not in user_agent(publisher(), "evil\r\nX-Header: (1)")
    assert "contact not set" in user_agent(publisher(), None) or "maps@council" in user_agent(
        publisher(), None
    )


def test_requests_are_paced(server, clock):
    client = Client(publisher(min_interval_s=2.0), f"{server.address}/statistics", timing=clock.timing)
    for _ in range(3):
        client.read("files/table.csv")
    client.close()
    assert clock.slept == [2.0, 2.0]


def test_only_a_server_on_this_machine_is_not_paced(of):
    from exclusion.sources.pull import make_clients

    clients = make_clients(of, {"overpass": "http://127.0.0.1:9/overpass"}, None, Timing())
    assert clients["overpass"].publisher.min_interval_s == 0.0
    assert clients["overpass"].publisher.pause_after_429_s == 30.0
    assert make_clients(of, None, None, Timing())["overpass"].publisher.min_interval_s == 2.0


def test_turns_of_threads_do_not_overlap(clock):
    client = Client(publisher(min_interval_s=0.5, max_parallel=8), "http://127.0.0.1:9", timing=clock.timing)
    frozen = Timing(clock=lambda: 0.0, sleep=clock.sleep, now=clock.now)
    client.timing = frozen
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: client._wait_for_turn(), range(8)))
    assert sorted(clock.slept) == [0.5 * n for n in range(1, 8)]


def test_at_most_so_many_at_a_time(server):
    at_work = most = 0
    guard = threading.Lock()
    client = Client(publisher(min_interval_s=0.0, max_parallel=2), f"{server.address}/statistics")

    def work(_: int) -> None:
        nonlocal at_work, most
        with client.open("GET", "files/table.csv"):
            with guard:
                at_work += 1
                most = max(most, at_work)
            time.sleep(0.02)
            with guard:
                at_work -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(8)))
    client.close()
    assert most == 2


def test_independent_publishers_are_asked_side_by_side(tmp_path, of, server):
    both = threading.Barrier(2, timeout=20)

    def meet(body: bytes) -> bytes:
        # Each publisher waits until the other has been asked as well: one after the other would never get here.
        both.wait()
        return body

    server.script("table.csv", Fault(transform=meet))
    server.script("NM_1_1", Fault(transform=meet))
    report = run(tmp_path, of, server, FakeClock(), ["table", "estimates"])
    assert set(report.snapshots) == {"table", "estimates"}


def test_a_run_that_ends_for_one_source_does_not_wait_for_the_others(tmp_path, of, server, clock):
    failed = threading.Event()

    def hold(body: bytes) -> bytes:
        assert failed.wait(20)
        time.sleep(0.3)
        return body

    def listen(event: Progress) -> None:
        if event.source_id == "estimates" and event.state == "checking":
            failed.set()
            raise KeyboardInterrupt

    server.script("table.csv", Fault(transform=hold))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, of, server, clock, ["table", "estimates"], progress=listen)
    assert not list((tmp_path / "raw/table").glob("[!.]*"))
    assert run(tmp_path, of, server, clock, ["table"])["table"].path.read_bytes() == csv_bytes()


def test_a_certificate_that_is_not_valid_is_not_asked_again(clock, monkeypatch):
    client = Client(publisher(), "https://p.invalid", timing=clock.timing)
    asked = []

    def refuse(*args, **more):
        asked.append(args)
        raise requests.exceptions.SSLError("certificate verify failed: self-signed certificate")

    monkeypatch.setattr(client._session, "request", refuse)
    with pytest.raises(PermanentFault, match=r"no valid certificate \(certificate verify failed"):
        client.patiently(lambda: client.read("x"))
    assert len(asked) == 1


def test_clients_of_one_process_share_one_pace_towards_a_server():
    one, two = (
        Client(publisher(max_parallel=1), "https://p.invalid"),
        Client(publisher(), "https://p.invalid"),
    )
    other = Client(publisher(), "https://q.invalid")
    assert one._pace is two._pace
    assert one._pace is not other._pace


def test_pulls_side_by_side_share_a_store(tmp_path, of, server, ids):
    def one(name: str):
        return pull([name], raw=tmp_path / "raw", of=of, bases=server.bases(), parameters=COUNTY, check=None)

    with ThreadPoolExecutor(6) as pool:
        reports = list(pool.map(one, [*ids, *ids]))
    assert all(len(r.snapshots) == 1 for r in reports)
    lines = (tmp_path / "raw/ledger.jsonl").read_text().splitlines()
    assert len(lines) == len(ids)
    assert all(json.loads(line)["event"] == "downloaded" for line in lines)


def test_connections_are_pooled(server, clock):
    client = Client(
        publisher(min_interval_s=0.0, max_parallel=1), f"{server.address}/statistics", timing=clock.timing
    )
    for _ in range(5):
        client.read("files/table.csv")
    pools = client._session.get_adapter(server.address).poolmanager.pools
    (pool,) = [pools[key] for key in pools.keys()]  # noqa: SIM118 (not a mapping that can be iterated)
    assert (pool.num_connections, pool.num_requests) == (1, 5)
    client.close()


def test_a_server_that_is_not_there_is_given_up_after_three_tries(clock):
    client = Client(publisher(), "http://127.0.0.1:9", timing=clock.timing)
    with (
        stamina.set_testing(True, attempts=5, cap=True),
        pytest.raises(PermanentFault, match="cannot be reached"),
    ):
        client.patiently(lambda: client.read("x"))
    assert client.unreachable is not None
    with pytest.raises(PermanentFault, match="cannot be reached"):
        client.read("y")
    client.close()


def _asked(client, tries=5):
    """Ask a server and return how often that was tried before it was given up."""
    asked = []

    def ask():
        asked.append(1)
        return client.read("x")

    with (
        stamina.set_testing(True, attempts=tries, cap=True),
        pytest.raises(PermanentFault, match="cannot be"),
    ):
        client.patiently(ask)
    client.close()
    return len(asked)


def test_servers_are_given_up_together_where_none_can_be_reached(clock):
    reach = Reach()
    bases = [f"http://127.0.0.1:{port}" for port in (5, 7, 9, 11)]
    clients = [Client(publisher(), base, timing=clock.timing, reach=reach) for base in bases]
    # The third one out of reach tells that it is the network, and each later one is tried once.
    assert [_asked(client) for client in clients] == [3, 3, 1, 1]


def test_a_server_that_was_tried_already_is_not_tried_again_without_a_network(clock):
    reach = Reach()
    bases = [f"http://127.0.0.1:{port}" for port in (5, 7, 9)]
    clients = [Client(publisher(), base, timing=clock.timing, reach=reach) for base in bases]
    for client in clients[:2]:
        with pytest.raises(TransientFault, match="cannot be reached"):
            client.read("x")
    with pytest.raises(PermanentFault, match=r"127\.0\.0\.1 cannot be reached"):
        clients[2].read("x")
    with pytest.raises(PermanentFault, match=r"127\.0\.0\.1 cannot be reached"):
        clients[0].read("x")
    assert clients[0]._link_faults == 1
    for client in clients:
        client.close()


def test_servers_out_of_reach_are_asked_three_times_each_where_another_answers(clock):
    reach = Reach()
    reach.found("https://p.invalid/x")
    bases = [f"http://127.0.0.1:{port}" for port in (5, 7, 9, 11)]
    clients = [Client(publisher(), base, timing=clock.timing, reach=reach) for base in bases]
    assert [_asked(client) for client in clients] == [3, 3, 3, 3]


def test_the_clients_of_a_pull_learn_together(of, server):
    from exclusion.sources.pull import make_clients

    clients = make_clients(of, server.bases(), None, Timing())
    assert len({id(client.reach) for client in clients.values()}) == 1
    clients["statistics"].read("files/table.csv")
    assert not clients["statistics"].reach._has_answer, "a server on this machine says nothing of the network"
    for client in clients.values():
        client.close()


def test_an_answer_without_encryption_to_a_question_with_it_is_refused(clock):
    client = Client(publisher(), "https://p.invalid", timing=clock.timing)
    response = requests.Response()
    response.status_code, response.url = 200, "http://p.invalid/x"
    with pytest.raises(PermanentFault, match="without encryption"):
        client._check(response, "https://p.invalid/x")
    # Nor on the way to an address with it.
    last = requests.Response()
    last.status_code, last.url, last.history = 200, "https://p.invalid/y", [response]
    with pytest.raises(PermanentFault, match=r"without encryption \(http://p\.invalid/x\)"):
        client._check(last, "https://p.invalid/x")
    last.history = []
    client._check(last, "https://p.invalid/x")


def test_certificates_are_verified_and_proxies_come_from_the_environment():
    outside = Client(publisher(), "https://p.invalid")
    assert outside._session.verify is True
    assert outside._session.trust_env is True
    inside = Client(publisher(), "http://127.0.0.1:1/p")
    assert inside._session.trust_env is False


def test_a_proxy_of_the_environment_is_used(monkeypatch, server, clock):
    monkeypatch.setenv("HTTP_PROXY", server.address)
    monkeypatch.setenv("http_proxy", server.address)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    client = Client(publisher(), "http://publisher.invalid", timing=clock.timing)
    body, _ = client.read("statistics/files/table.csv")
    client.close()
    assert body == csv_bytes()
    assert server.requests[0].path == "http://publisher.invalid/statistics/files/table.csv"


def test_a_body_over_the_ceiling_is_not_read(server, clock):
    client = Client(publisher(), f"{server.address}/statistics", timing=clock.timing)
    with pytest.raises(PermanentFault, match="sends more than 100 bytes"):
        client.read("files/table.csv", ceiling=100)
    client.close()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("3", 3.0),
        ("Sun, 01 Nov 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Nov 2020 12:00:00 GMT", 0.0),
        ("soon", None),
        ("", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_in_both_forms(clock, text, seconds):
    response = requests.Response()
    response.headers["Retry-After"] = text
    assert Client(publisher(), "https://p.invalid", timing=clock.timing)._retry_after(response) == seconds


def test_backoff_without_test_mode_waits_and_tries_again(clock):
    tries = []
    client = Client(publisher(), "https://p.invalid", timing=clock.timing)

    def work() -> str:
        tries.append(1)
        if len(tries) < 2:
            raise TransientFault("once")
        return "done"

    assert client.patiently(work) == "done"
    assert len(tries) == 2


def test_progress_is_told_for_every_source_and_never_from_two_threads(tmp_path, of, server, clock, ids):
    events: list[Progress] = []
    busy = threading.Lock()

    def listen(event: Progress) -> None:
        assert busy.acquire(blocking=False), "told from two threads at once"
        events.append(event)
        busy.release()

    server.script("archive.zip", Fault(status=404), is_repeating=True)
    run(tmp_path, of, server, clock, ids, progress=listen)
    for name in ids:
        states = [e.state for e in events if e.source_id == name]
        assert states[0] == "waiting"
        assert states[-1] == ("failed" if name == "archive" else "done")
    last = [e for e in events if e.source_id == "table" and e.state == "downloading"][-1]
    assert (last.done, last.total, last.unit) == (2615, 2615, "bytes")
    rows = [e for e in events if e.source_id == "lookup" and e.state == "downloading"][-1]
    assert (rows.done, rows.total, rows.unit) == (90, 90, "rows")


def test_what_is_new_upstream_is_told_without_downloading_it(tmp_path, of, server, clock, ids):
    raw = tmp_path / "raw"

    def states() -> dict[str, str]:
        server.clear()
        found = check_sources(raw, bases=server.bases(), parameters=COUNTY, timing=clock.timing, of=of)
        large = {
            p: n for p, n in server.body_bytes().items() if not p.startswith("/statistics/pages") and n > 500
        }
        assert large == {}
        return {c.source_id: c.state for c in found}

    before = states()
    assert before["table"] == before["lookup"] == before["estimates"] == "new"
    assert before["by_hand"] == "by_hand"
    run(tmp_path, of, server, clock, ids)
    after = states()
    assert {after[n] for n in ids if n != "halls"} == {"unchanged"}
    assert after["halls"] == "unknown"
    put(server.root / "statistics/files/files/table.csv", csv_bytes(tag="b"))
    put(
        server.root / "nomis/api/NM_1_1.csv",
        (server.root / "nomis/api/NM_1_1.csv").read_bytes().replace(b",1000\n", b",999\n"),
    )
    lookup = server.root / "geography/arcgis/LOOKUP_LU.json"
    put(lookup, lookup.read_bytes().replace(b"E06000057", b"E06000099"))
    put(
        server.root / "statistics/files/pages/found/index.html",
        b"<a href='/root/media/found_v2.csv'>2</a><a href='/root/media/found_v3.csv'>3</a>",
    )
    changed = states()
    assert changed["table"] == changed["estimates"] == changed["lookup"] == "changed"
    assert changed["found"] == "newer"
    assert changed["archive"] == "unchanged"


def test_a_publisher_that_cannot_be_asked_is_told_as_such(tmp_path, of, server, clock):
    bases = {**server.bases(), "statistics": "http://127.0.0.1:9"}
    found = {
        c.source_id: c
        for c in check_sources(
            tmp_path / "raw", ["table", "county", "found"], bases=bases, timing=clock.timing, of=of
        )
    }
    assert found["table"].state == "unreachable"
    assert found["county"].state == "unknown"
    assert found["found"].state == "unreachable"


def test_a_later_service_of_the_portal_is_found(tmp_path, of, server, clock):
    source = of.source("lookup")
    layer = source.arcgis.model_copy(
        update={"service": "LSOA21_WD24_LU", "newer_pattern": "LSOA21_WD(?P<version>[0-9]{2})_LU"}
    )
    changed = of.model_copy(update={"sources": {"lookup": source.model_copy(update={"arcgis": layer})}})
    arcgis = server.root / "geography/arcgis"
    for name in ("LSOA21_WD24_LU", "LSOA21_WD25_LU", "OTHER_WD26_LU"):
        put(arcgis / f"{name}.json", (arcgis / "LOOKUP_LU.json").read_bytes())
    (check,) = check_sources(tmp_path / "raw", bases=server.bases(), timing=clock.timing, of=changed)
    assert (check.state, check.message) == (
        "newer",
        "LSOA21_WD25_LU is published; the catalogue uses LSOA21_WD24_LU",
    )


def test_pin_unpin_and_prune_by_function(tmp_path, of, server, clock):
    raw = tmp_path / "raw"
    snapshot = run(tmp_path, of, server, clock, ["table"])["table"]
    assert pin_source(raw, "table", of=of).sha256 == snapshot.sha256
    assert unpin_source(raw, "table", of=of) is True
    assert prune_sources(raw, [snapshot.sha256]) == []
    with pytest.raises(InputError, match="no source 'tabel'"):
        pin_source(raw, "tabel", of=of)


def test_names_that_do_not_exist_are_told(tmp_path, of, server, clock):
    with pytest.raises(InputError, match="no source 'tabel'"):
        run(tmp_path, of, server, clock, ["tabel"])
    with pytest.raises(InputError, match="no publisher 'nobody'"):
        run(tmp_path, of, server, clock, ["table"], bases={"nobody": "http://127.0.0.1:9"})
    report = run(tmp_path, of, server, clock, ["table"])
    with pytest.raises(InputError, match="was not asked for"):
        report["lookup"]


def test_a_lookup_that_serves_only_an_absent_file_is_not_missed(tmp_path, of, server, clock):
    changed = of.sources["county"].model_copy(update={"needed_with": ("archive",)})
    of = of.model_copy(update={"sources": {**of.sources, "county": changed}})
    ids = ["archive", "county"]
    assert [m.source_id for m in run(tmp_path, of, server, clock, ids, parameters={}).missing] == ["county"]
    server.script("archive.zip", Fault(status=404), is_repeating=True)
    report = pull(ids, raw=tmp_path / "other", of=of, bases=server.bases(), timing=clock.timing, check=None)
    assert report["archive"].source_id == "stand_in"
    assert report.missing == ()


def test_a_pull_of_nothing_is_an_empty_report(tmp_path, of, server, clock):
    assert run(tmp_path, of, server, clock, []).snapshots == {}


def test_a_file_that_moved_is_asked_for_where_it_was_found(tmp_path, of, server, clock):
    first = run(tmp_path, of, server, clock, ["moving"])
    assert first.messages == (
        "The file of moving has moved to https://statistics.invalid/root/media/new/moving_2025.csv: put the new address in the catalogue.",
    )
    server.clear()
    run(tmp_path, of, server, clock, ["moving"])
    assert [(r.path, r.status) for r in server.requests] == [("/statistics/media/new/moving_2025.csv", 304)]


def test_importing_the_room_is_cheap():
    import subprocess
    import sys

    code = "import sys, exclusion.sources; print([m for m in ('pandas', 'geopandas', 'pyarrow', 'numpy', 'rasterio', 'prefect') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_default_timing_is_the_real_clock():
    timing = Timing()
    assert timing.now().tzinfo is dt.UTC
    assert timing.clock() <= timing.clock()
    assert catalogue() is catalogue()
