"""Downloads that break off, change underneath, shrink, or find no room: what is held stays whole and in use."""

import gzip
import re
import tracemalloc
from pathlib import Path

import pytest

from exclusion.demo.server import Fault
from exclusion.errors import SourceError
from exclusion.sources import download
from exclusion.sources.pull import pull
from tests.sources.retrieval_world import (
    World,
    changed_catalogue,
    csv_bytes,
    lookup_features,
    make_catalogue,
    put,
    zip_bytes,
)

TABLE = "table.csv"


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
