"""The inbox: what a person put there is used, or they are told in one sentence why it cannot be."""

import dataclasses
import datetime as dt
import gzip
import os

import pytest

from exclusion.errors import SourceError
from exclusion.sources.inbox import Inbox
from exclusion.sources.pull import pull
from tests.sources.retrieval_world import FakeClock, csv_bytes, make_catalogue, put, zip_bytes

DEAD = dict.fromkeys(("statistics", "geography", "nomis", "overpass"), "http://127.0.0.1:9")


@pytest.fixture
def of(tmp_path):
    return make_catalogue(tmp_path)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "inbox"
    path.mkdir()
    return path


def run(tmp_path, of, folder, *ids, **more):
    return pull(
        ids,
        raw=tmp_path / "raw",
        inbox=folder,
        bases=DEAD,
        of=of,
        check=None,
        timing=FakeClock().timing,
        **more,
    )


def test_a_file_in_a_sub_folder_is_copied_hashed_and_entered_as_supplied_by_hand(tmp_path, of, folder):
    file = put(folder / "from the web" / "TABLE_2024.CSV", csv_bytes())
    report = run(tmp_path, of, folder, "table")
    snapshot = report["table"]
    assert snapshot.how == "supplied_by_hand"
    assert snapshot.path == tmp_path / "raw/table" / snapshot.sha256[:12] / "TABLE_2024.CSV"
    assert snapshot.path.read_bytes() == csv_bytes()
    assert file.read_bytes() == csv_bytes()
    line = (tmp_path / "raw/ledger.jsonl").read_text()
    assert '"event": "supplied_by_hand"' in line
    assert snapshot.sha256 in line


def test_the_inbox_goes_before_the_publisher_and_asks_nobody(tmp_path, of, folder):
    put(folder / "table.csv", csv_bytes())
    assert run(tmp_path, of, folder, "table")["table"].how == "supplied_by_hand"


def test_a_second_run_enters_nothing_twice(tmp_path, of, folder):
    put(folder / "table.csv", csv_bytes())
    first = run(tmp_path, of, folder, "table")["table"]
    ledger = (tmp_path / "raw/ledger.jsonl").read_bytes()
    assert run(tmp_path, of, folder, "table")["table"] == first
    assert (tmp_path / "raw/ledger.jsonl").read_bytes() == ledger


def test_a_changed_file_is_a_new_snapshot_beside_the_old(tmp_path, of, folder):
    put(folder / "table.csv", csv_bytes())
    first = run(tmp_path, of, folder, "table")["table"]
    put(folder / "table.csv", csv_bytes(tag="b"))
    second = run(tmp_path, of, folder, "table")["table"]
    assert second.sha256 != first.sha256
    assert first.path.is_file()


def test_patterns_stand_in_order_of_preference(tmp_path, of, folder):
    put(folder / "spare_table.csv", csv_bytes(tag="spare"))
    assert run(tmp_path, of, folder, "table")["table"].path.name == "spare_table.csv"
    put(folder / "table.csv", csv_bytes())
    assert run(tmp_path, of, folder, "table")["table"].path.name == "table.csv"


def test_two_different_files_are_a_question_for_a_person(tmp_path, of, folder):
    put(folder / "table_old.csv", csv_bytes())
    put(folder / "new/table_new.csv", csv_bytes(tag="b"))
    with pytest.raises(
        SourceError,
        match=r"2 different files for source table \(new/table_new.csv, table_old.csv\): keep one",
    ):
        run(tmp_path, of, folder, "table")


def test_two_copies_of_one_file_are_no_question(tmp_path, of, folder):
    put(folder / "table.csv", csv_bytes())
    put(folder / "copy/table (1).csv", csv_bytes())
    assert run(tmp_path, of, folder, "table")["table"].how == "supplied_by_hand"


@pytest.mark.parametrize(
    ("name", "data", "fault"),
    [
        (
            "archive.zip",
            zip_bytes(a__csv=csv_bytes(400))[:500],
            "is a zip that was cut short or damaged",
        ),
        ("archive.zip", b"", "is empty"),
        ("archive.zip", b"<html><body>Sign in</body></html>", "is a web page, not data"),
        ("archive.zip", csv_bytes(), "does not begin as a zip file does"),
        ("table.csv", zip_bytes(a__csv=csv_bytes()), "does not begin as a csv file does"),
        ("table.csv", "a,b\n1,2\n".encode("utf-16"), "does not begin as a csv file does"),
        ("spare_table.csv.gz", csv_bytes(), "does not begin as a gzip file does"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_sentence(tmp_path, of, folder, name, data, fault):
    put(folder / "given" / name, data)
    source = "archive" if "archive" in name else "table"
    with pytest.raises(
        SourceError, match=f"^The inbox file given/{name} for source {source} {fault}: replace or remove it.$"
    ):
        run(tmp_path, of, folder, source)
    assert not (tmp_path / "raw" / source).exists()


def test_all_faults_are_told_at_once(tmp_path, of, folder):
    put(folder / "archive.zip", b"")
    put(folder / "table.csv", b"")
    with pytest.raises(SourceError, match=r"archive\.zip.*table\.csv|table\.csv.*archive\.zip"):
        run(tmp_path, of, folder, "archive", "table")


def test_a_damaged_file_of_a_source_that_is_not_asked_for_is_let_be(tmp_path, of, folder):
    put(folder / "by_hand.csv", b"")
    put(folder / "table.csv", csv_bytes())
    assert run(tmp_path, of, folder, "table").missing == ()


def test_gzip_is_known_by_its_own_first_bytes(tmp_path, of, folder):
    put(folder / "spare_table.csv.gz", gzip.compress(csv_bytes(), mtime=0))
    assert run(tmp_path, of, folder, "table")["table"].path.name == "spare_table.csv.gz"


def test_hidden_and_lock_files_are_passed_over(tmp_path, of, folder):
    for name in (".table.csv", "~$table.csv", ".git/table.csv"):
        put(folder / name, b"")
    put(folder / "table.csv", csv_bytes())
    assert run(tmp_path, of, folder, "table")["table"].bytes == len(csv_bytes())


def test_a_file_for_one_county_is_no_use_in_another(tmp_path, of, folder):
    put(folder / "rutland-roads.csv", csv_bytes())
    missing = run(tmp_path, of, folder, "county").missing
    assert "needs the parameter 'county'" in missing[0].why
    taken = run(tmp_path, of, folder, "county", parameters={"county": {"county": "rutland"}})
    assert taken["county"].how == "supplied_by_hand"
    other = run(tmp_path, of, folder, "county", parameters={"county": {"county": "devon"}})
    assert other.snapshots == {}
    assert other.missing[0].put_as == ("devon-*.csv",)


@pytest.mark.parametrize(
    "when", [{"offline": True}, {"as_of": dt.date(2026, 11, 1)}], ids=["offline", "past"]
)
def test_what_is_held_of_one_county_does_not_serve_another(tmp_path, of, folder, when):
    def wanted(name):
        return {"county": {"county": name}, "halls": {"county": name}}

    for rows, name in enumerate(("rutland", "devon"), start=190):
        put(folder / f"{name}-roads.csv", csv_bytes(rows))
    for name in ("rutland", "devon"):
        run(tmp_path, of, folder, "county", "halls", parameters=wanted(name))
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in ("rutland", "devon"):
        found = run(tmp_path, of, empty, "county", "halls", parameters=wanted(name), **when)
        assert {one.path.name for one in found.snapshots.values()} == {f"{name}-roads.csv"}
        assert found.missing == ()
    other = run(tmp_path, of, empty, "county", "halls", parameters=wanted("kent"), **when)
    assert other.snapshots == {}


def test_the_vintage_of_a_supplied_file_may_be_its_own(tmp_path, of, folder):
    put(folder / "by_hand_1.csv", csv_bytes())
    assert run(tmp_path, of, folder, "by_hand")["by_hand"].vintage == "as supplied"


def test_a_source_supplied_by_hand_says_so_when_it_is_missing(tmp_path, of, folder):
    (missing,) = run(tmp_path, of, folder, "by_hand").missing
    assert "supplied by hand" in missing.why
    assert missing.put_in == str(folder)
    assert missing.put_as == ("by_hand*.csv",)


def test_an_inbox_that_is_not_a_folder(tmp_path, of):
    with pytest.raises(SourceError, match="is not a folder: create it"):
        run(tmp_path, of, tmp_path / "none", "table")


def test_a_file_whose_reader_refuses_it_is_not_entered(tmp_path, of, folder):
    put(folder / "table.csv", csv_bytes())

    def check(snapshot) -> None:
        raise SourceError(f"{snapshot.path.name} has no column LSOA21CD; it has value.")

    with pytest.raises(SourceError, match=r"table\.csv has no column LSOA21CD"):
        pull(["table"], raw=tmp_path / "raw", inbox=folder, bases=DEAD, of=of, check=check)
    assert not (tmp_path / "raw/table").exists()


@pytest.mark.parametrize(
    ("name", "make", "says"),
    [
        (
            "table.csv",
            lambda path: path.symlink_to("/nowhere/table.csv"),
            r"table\.csv .* cannot be read \(No such",
        ),
        ("table.csv", os.mkfifo, r"table\.csv for source table is no ordinary file"),
        ("table\n.csv", lambda path: put(path, csv_bytes()), r"'table\\n\.csv' .* rename it"),
        ("table\udcff.csv", lambda path: put(path, csv_bytes()), r"'table\\udcff\.csv' .* rename it"),
        (
            "spare_table.csv.part",
            lambda path: put(path, csv_bytes()[:500]),
            r"a download that has not ended: wait",
        ),
        (
            "spare_table.csv.CRDOWNLOAD",
            lambda path: put(path, csv_bytes()),
            r"a download that has not ended: wait",
        ),
    ],
)
def test_what_is_no_whole_file_is_named_and_nothing_is_entered(tmp_path, of, folder, name, make, says):
    make(folder / name)
    with pytest.raises(SourceError, match=says) as caught:
        run(tmp_path, of, folder, "table")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "raw/table").exists()


def test_a_file_that_is_still_being_copied_is_left_alone(tmp_path, of, folder):
    file = put(folder / "table.csv", csv_bytes()[:1000])
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        put(file, csv_bytes()[:2000])

    def take(timing):
        return pull(
            ["table"], raw=tmp_path / "raw", inbox=folder, bases=DEAD, of=of, check=None, timing=timing
        )

    with pytest.raises(
        SourceError, match=r"table\.csv for source table is still being written to: run again"
    ):
        take(dataclasses.replace(clock.timing, sleep=sleep))
    assert not (tmp_path / "raw/table").exists()
    put(file, csv_bytes())
    assert take(clock.timing)["table"].path.read_bytes() == csv_bytes()
    assert clock.slept == [1.0, 1.0]


def test_a_file_that_was_put_there_long_ago_is_taken_at_once(tmp_path, of, folder):
    file = put(folder / "table.csv", csv_bytes())
    os.utime(file, (1_000_000_000, 1_000_000_000))
    clock = FakeClock()
    pull(["table"], raw=tmp_path / "raw", inbox=folder, bases=DEAD, of=of, check=None, timing=clock.timing)
    assert clock.slept == []


def test_a_folder_that_links_to_itself_ends(tmp_path, of, folder):
    put(folder / "a/table.csv", csv_bytes())
    (folder / "a/again").symlink_to(folder, target_is_directory=True)
    assert run(tmp_path, of, folder, "table")["table"].path.read_bytes() == csv_bytes()


def test_links_to_folders_elsewhere_are_followed(tmp_path, of, folder):
    put(tmp_path / "share/table.csv", csv_bytes())
    (folder / "share").symlink_to(tmp_path / "share", target_is_directory=True)
    assert run(tmp_path, of, folder, "table")["table"].how == "supplied_by_hand"


def test_files_that_no_source_claims_are_listed(of, folder):
    put(folder / "tabel.csv", csv_bytes())
    put(folder / "table.csv", csv_bytes())
    put(folder / "rutland-roads.csv", csv_bytes())
    assert [p.name for p in Inbox(folder).unclaimed(of.sources)] == ["tabel.csv"]
