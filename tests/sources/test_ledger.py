"""The raw store and its ledger: whole or absent, never changed, and healed after a crash."""

import dataclasses
import datetime as dt
import json
import multiprocessing

import pytest
import stamina

from exclusion.demo.server import Fault, PublisherServer
from exclusion.errors import InputError, SourceError
from exclusion.files import sha256_of
from exclusion.sources.pull import manifest, pull
from exclusion.sources.snapshots import RECORD, RawStore
from exclusion.sources.status import list_sources
from tests.sources.retrieval_world import FakeClock, csv_bytes, make_catalogue, make_publishers, put


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def of(tmp_path):
    return make_catalogue(tmp_path)


@pytest.fixture
def server(tmp_path, of):
    with (
        stamina.set_testing(True, attempts=5, cap=True),
        PublisherServer(make_publishers(tmp_path / "publishers"), of=of) as server,
    ):
        yield server


@pytest.fixture
def run(tmp_path, of, server, clock):
    def run(*ids, **more):
        given = {"bases": server.bases(), **more}
        return pull(ids, raw=tmp_path / "raw", of=of, check=None, timing=clock.timing, **given)

    return run


def publish(server, data: bytes) -> None:
    put(server.root / "statistics/files/files/table.csv", data)


def test_a_snapshot_is_named_by_its_hash_and_carries_its_record(tmp_path, run):
    snapshot = run("table")["table"]
    folder = snapshot.path.parent
    assert folder == tmp_path / "raw/table" / snapshot.sha256[:12]
    assert sha256_of(snapshot.path) == snapshot.sha256
    record = json.loads((folder / RECORD).read_text())
    assert record["address"] == "https://statistics.invalid/root/files/table.csv"
    assert record["final_address"].startswith("http://127.0.0.1:")
    assert record["etag"].startswith('"')
    assert record["retrieved_at"] == "2026-11-01T12:00:00+00:00"
    assert record["licence"] == "OGL-UK-3.0"
    assert record["bytes"] == len(csv_bytes())
    assert record["realm"] == "substitute"
    assert record["reader_version"]


def test_the_ledger_is_only_ever_appended_to(tmp_path, run, server, clock):
    run("table")
    before = (tmp_path / "raw/ledger.jsonl").read_bytes()
    clock.pass_days(3)
    publish(server, csv_bytes(190))
    run("table")
    after = (tmp_path / "raw/ledger.jsonl").read_bytes()
    assert after.startswith(before)
    assert [json.loads(line)["event"] for line in after.splitlines()] == ["downloaded", "downloaded"]


def test_an_old_release_that_comes_back_is_the_latest_again(run, server, tmp_path):
    first = run("table")["table"]
    publish(server, csv_bytes(190))
    run("table")
    publish(server, csv_bytes())
    again = run("table")["table"]
    assert again.sha256 == first.sha256
    assert RawStore(tmp_path / "raw").records("table")[-1].sha256 == first.sha256
    assert run("table", offline=True)["table"].sha256 == first.sha256


def test_a_day_of_the_past_is_served_by_what_was_held_then_and_nobody_is_asked(run, server, clock):
    first = run("table")["table"]
    clock.pass_days(30)
    publish(server, csv_bytes(190))
    second = run("table")["table"]
    clock.pass_days(30)
    publish(server, csv_bytes())
    run("table")
    server.clear()
    days = {
        "2026-11-01": first,
        "2026-11-30": first,
        "2026-12-01": second,
        "2026-12-30": second,
        "2026-12-31": first,
    }
    for day, wanted in days.items():
        found = run("table", as_of=dt.date.fromisoformat(day))["table"]
        assert (found.sha256, found.how, found.path) == (wanted.sha256, "unchanged", wanted.path), day
        assert found.retrieved_at[:10] <= day
    with pytest.raises(InputError, match="nothing was held on that day; the first copy came on 2026-11-01"):
        run("table", as_of=dt.date(2026, 10, 31))
    with pytest.raises(InputError, match="that day is still to come"):
        run("table", as_of=dt.date(2027, 1, 1))
    assert server.requests == []


def test_a_source_that_was_not_held_on_a_day_of_the_past_is_named_without_advice_that_cannot_help(run, clock):
    run("table")
    report = run("table", "archive", as_of=dt.date(2026, 11, 1))
    (missing,) = report.missing
    assert str(missing).endswith("is missing: no copy of it was held on 2026-11-01.")


def test_an_empty_store_has_no_past(run):
    with pytest.raises(InputError, match="no copy of any source is held yet"):
        run("table", as_of=dt.date(2026, 10, 31))


def test_last_good_is_loud_about_its_age_and_ends_at_its_maximum(run, server, clock):
    good = run("table")["table"]
    server.script("table.csv", Fault(status=404), is_repeating=True)
    clock.pass_days(45)
    kept = run("table")["table"]
    assert (kept.how, kept.sha256) == ("last_good", good.sha256)
    assert "retrieved or confirmed 45 days ago (2026-11-01), because" in kept.message
    assert "HTTP 404" in kept.message
    clock.pass_days(1096)
    with pytest.raises(SourceError, match="older than the 1096 days allowed"):
        run("table")


def test_a_copy_that_the_publisher_confirms_does_not_grow_too_old(run, server, clock, tmp_path):
    run("table")
    clock.pass_days(1000)
    assert run("table")["table"].how == "unchanged"
    assert run("table")["table"].how == "unchanged"
    assert [line["event"] for line in RawStore(tmp_path / "raw").ledger()] == ["downloaded", "confirmed"]
    server.script("table.csv", Fault(status=404), is_repeating=True)
    clock.pass_days(1000)
    assert "confirmed 1000 days ago" in run("table")["table"].message


def test_a_source_without_its_own_copy_is_stood_in_for_and_the_map_is_told(run, server):
    server.script("archive.zip", Fault(status=404), is_repeating=True)
    report = run("archive", "table")
    snapshot = report["archive"]
    assert (snapshot.how, snapshot.source_id, snapshot.stands_in_for) == (
        "alternative",
        "stand_in",
        "archive",
    )
    assert snapshot.message == "The stand-in is used. Nothing stands in for Wales."
    assert "HTTP 404" in snapshot.reason
    assert report.messages == (snapshot.message,)
    assert "stand_in/" in manifest(report)


def test_an_alternative_for_other_nations_does_not_step_in(run, server):
    server.script("archive.zip", Fault(status=404), is_repeating=True)
    report = run("archive", nations=("Wales",))
    assert report.get("archive") is None
    assert [m.source_id for m in report.missing] == ["archive"]


def test_a_good_copy_goes_before_an_alternative(run, server):
    run("archive")
    server.script("archive.zip", Fault(status=404), is_repeating=True)
    assert run("archive")["archive"].how == "last_good"


def test_an_alternative_is_not_fetched_while_the_source_is_well(run, server):
    run("archive")
    assert not [r for r in server.requests if "stand_in" in r.path]


def test_a_pin_holds_whatever_is_published(run, server, clock, tmp_path):
    first = run("table")["table"]
    store = RawStore(tmp_path / "raw")
    store.pin("table", clock.now())
    publish(server, csv_bytes(190))
    server.clear()
    held = run("table")["table"]
    assert held.sha256 == first.sha256
    assert "is pinned to the copy" in held.message
    assert server.requests == []
    assert store.unpin("table", clock.now())
    assert not store.unpin("table", clock.now())
    assert run("table")["table"].sha256 != first.sha256


def test_a_pin_to_bytes_that_were_altered_or_lost_ends_the_run(run, clock, tmp_path):
    snapshot = run("table")["table"]
    store = RawStore(tmp_path / "raw")
    store.pin("table", clock.now(), snapshot.sha256[:8])
    snapshot.path.write_bytes(b"x" * snapshot.bytes)
    with pytest.raises(SourceError, match="no longer has its hash"):
        run("table")
    snapshot.path.unlink()
    with pytest.raises(SourceError, match="is not in"):
        run("table")


def test_a_pin_of_what_is_not_there_lists_what_is(run, clock, tmp_path):
    sha256 = run("table")["table"].sha256
    store = RawStore(tmp_path / "raw")
    with pytest.raises(InputError, match=f"no snapshot 'beef' to pin; in the store: {sha256[:12]}"):
        store.pin("table", clock.now(), "beef")
    with pytest.raises(InputError, match="lookup has no snapshot to pin: `exclusion run`"):
        store.pin("lookup", clock.now())


def test_prune_keeps_what_is_cited_pinned_or_last(run, server, clock, tmp_path):
    hashes = []
    for rows in (200, 190, 180, 170):
        publish(server, csv_bytes(rows))
        clock.pass_days(1)
        hashes.append(run("table")["table"].sha256)
    store = RawStore(tmp_path / "raw")
    store.pin("table", clock.now(), hashes[1])
    would = store.prune({hashes[0]}, clock.now(), is_dry=True)
    assert [r.sha256 for r in would] == [hashes[2]]
    assert len(store.records("table")) == 4
    store.prune({hashes[0]}, clock.now())
    assert {r.sha256 for r in store.records("table")} == {hashes[0], hashes[1], hashes[3]}
    assert store.ledger()[-1]["event"] == "pruned"


def test_the_ledger_is_read_on_from_where_it_was_read_to(tmp_path, clock):
    writer, reader = RawStore(tmp_path), RawStore(tmp_path)
    assert reader.ledger() == []
    for number in range(3):
        writer.note("downloaded", f"source_{number}", clock.now(), sha256="0")
        assert [line["source_id"] for line in reader.ledger()] == [f"source_{n}" for n in range(number + 1)]
    with (tmp_path / "ledger.jsonl").open("ab") as handle:
        handle.write(b'{"event": "x"')
    assert len(reader.ledger()) == 3
    (tmp_path / "ledger.jsonl").write_bytes(b"")
    assert reader.ledger() == []


def test_prune_of_an_empty_store(tmp_path, clock):
    assert RawStore(tmp_path / "none").prune(set(), clock.now()) == []


def test_prune_never_keeps_less_than_none(run, tmp_path, clock):
    path = run("table")["table"].path
    with pytest.raises(InputError, match="--keep -1 is less than none"):
        RawStore(tmp_path / "raw").prune(set(), clock.now(), keep=-1)
    assert path.is_file()


def test_a_line_cut_short_by_a_crash_is_skipped_and_written_past(run, server, tmp_path, clock):
    run("table")
    ledger = tmp_path / "raw/ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + b'{"event": "downl')
    publish(server, csv_bytes(190))
    clock.pass_days(1)
    run("table")
    assert [line["event"] for line in RawStore(tmp_path / "raw").ledger()] == ["downloaded", "downloaded"]


def test_a_snapshot_whose_line_was_lost_is_noted_again(run, tmp_path):
    first = run("table")["table"]
    (tmp_path / "raw/ledger.jsonl").unlink()
    assert run("table")["table"].sha256 == first.sha256
    (line,) = RawStore(tmp_path / "raw").ledger()
    assert line["sha256"] == first.sha256
    assert line["is_healed"] is True


@pytest.mark.parametrize("leftover", [".new-abc/table.csv", "0123456789ab/table.csv"])
def test_leftovers_of_an_interrupted_run_are_cleared(run, tmp_path, leftover):
    put(tmp_path / "raw/table" / leftover, b"half")
    snapshot = run("table")["table"]
    assert [p.name for p in (tmp_path / "raw/table").glob("[!.]*")] == [snapshot.sha256[:12]]
    assert not list((tmp_path / "raw/table").glob(".new-*"))


def test_copies_from_a_server_in_the_publishers_place_are_never_taken_for_the_publishers(run):
    run("table")
    with pytest.raises(SourceError, match="this run is offline"):
        run("table", bases=None, offline=True, realm="published")
    assert run("table", bases=None, offline=True, realm="substitute")["table"].how == "unchanged"


def test_an_offline_run_after_a_demonstration_finds_its_copies_but_never_mixes_them(run, tmp_path, clock):
    run("table")
    assert run("table", bases=None, offline=True)["table"].realm == "substitute"
    RawStore(tmp_path / "raw").note("downloaded", "lookup", clock.now(), realm="published")
    with pytest.raises(SourceError, match="this run is offline"):
        run("table", bases=None, offline=True)


def test_an_offline_run_says_nothing_until_a_release_is_due(run, clock, server):
    run("table")
    server.clear()
    assert run("table", offline=True).messages == ()
    clock.pass_days(400)
    kept = run("table", offline=True)["table"]
    assert kept.how == "last_good"
    assert "400 days ago" in kept.message
    assert server.requests == []


def test_the_list_of_sources_tells_age_against_cadence(run, clock, tmp_path, of):
    run("table")
    RawStore(tmp_path / "raw").pin("table", clock.now())

    def line(name: str):
        return next(
            s for s in list_sources(tmp_path / "raw", timing=clock.timing, of=of) if s.source_id == name
        )

    assert line("table").status == "current"
    assert line("table").is_pinned
    assert line("table").bytes == len(csv_bytes())
    assert line("lookup").status == "never"
    assert line("by_hand").status == "by_hand"
    clock.pass_days(367)
    assert (line("table").status, line("table").age_days) == ("due", 367)
    clock.pass_days(800)
    assert line("table").status == "too_old"


def _hold(folder, ready, done) -> None:
    with RawStore(folder).locked("table"):
        ready.set()
        done.wait(20)


def test_two_runs_do_not_share_a_source(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "raw", ready, done))
    holder.start()
    try:
        assert ready.wait(20)
        with (
            pytest.raises(SourceError, match=f"is in use by process {holder.pid}: wait"),
            RawStore(tmp_path / "raw").locked("table", wait_s=0.1),
        ):
            pass
    finally:
        with RawStore(tmp_path / "raw").locked("other", wait_s=0.1):
            done.set()
        holder.join()
    with RawStore(tmp_path / "raw").locked("table", wait_s=0.1):
        pass


def test_pins_that_were_spoilt_by_hand_are_told(tmp_path):
    put(tmp_path / "pins.json", b"{")
    with pytest.raises(InputError, match="is not valid JSON"):
        RawStore(tmp_path).pins()


def test_a_record_that_does_not_fit_its_file_is_no_record(run, tmp_path):
    snapshot = run("table")["table"]
    store = RawStore(tmp_path / "raw")
    record = store.records("table")[0]
    snapshot.path.write_bytes(b"short")
    assert store.records("table") == []
    assert record.age(dt.datetime(2026, 11, 3, 12, tzinfo=dt.UTC)).days == 2
    assert dataclasses.asdict(record)["schema"] == 1


def test_one_fetch_serves_all_sources_of_one_address(run, server, tmp_path):
    first = run("moving", "moving_too")
    counts = server.counts()
    assert counts["/statistics/media/old/moving.csv"] == counts["/statistics/media/new/moving_2025.csv"] == 1
    assert first["moving"].sha256 == first["moving_too"].sha256
    assert first["moving"].path != first["moving_too"].path
    assert first["moving"].path.read_bytes() == first["moving_too"].path.read_bytes()
    records = [RawStore(tmp_path / "raw").records(name)[0] for name in ("moving", "moving_too")]
    assert records[0].etag == records[1].etag
    assert {r.reader for r in records} == {"lookup_csv", "centroids_csv"}
    # The second time both are held: one question, no body, for both.
    server.clear()
    again = run("moving", "moving_too")
    assert {s.how for s in again.snapshots.values()} == {"unchanged"}
    assert sum(server.body_bytes().values()) == 0
    assert len(server.requests) == 1
    # And alone it asks for itself, with what it has learnt.
    server.clear()
    assert run("moving_too")["moving_too"].how == "unchanged"
    assert [request.status for request in server.requests] == [304]


def test_a_file_that_one_reader_refuses_is_not_handed_to_the_other_unseen(tmp_path, of, server, clock):
    seen = []

    def check(snapshot):
        seen.append(snapshot.source_id)
        if snapshot.source_id == "moving":
            raise SourceError("no such sheet")

    report = pull(
        ["moving", "moving_too"],
        raw=tmp_path / "raw",
        of=of,
        check=check,
        timing=clock.timing,
        bases=server.bases(),
    )
    assert sorted(seen) == ["moving", "moving_too"]
    assert [m.source_id for m in report.missing] == ["moving"]
    assert "no such sheet" in report.missing[0].why
    assert report["moving_too"].how == "downloaded"


def test_a_damaged_copy_is_named_where_nobody_can_be_asked(run, tmp_path):
    snapshot = run("stand_in")["stand_in"]
    snapshot.path.write_bytes(snapshot.path.read_bytes().replace(b"s1", b"s2"))
    report = run("stand_in", offline=True)
    why = report.missing[0].why
    assert why.startswith("this run is offline, and the copy of 2026-11-01 in the raw store is damaged")
    assert f"stand_in/{snapshot.sha256[:12]}/stand_in.csv no longer has its hash" in why
    assert "from a backup" in why
    # With the publisher in reach it mends itself.
    assert run("stand_in")["stand_in"].how == "downloaded"
    assert run("stand_in", offline=True)["stand_in"].sha256 == snapshot.sha256
