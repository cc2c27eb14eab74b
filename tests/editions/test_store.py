"""Editions: whole or absent, the last good one always served, any earlier one at hand."""

import hashlib
import json
import os
import shutil

import pytest

from exclusion.editions.store import Draft, EditionStore
from exclusion.errors import ExclusionError, InputError


def front_page(editions):
    return ("front: " + ", ".join(edition.name for edition in editions)).encode()


@pytest.fixture
def store(tmp_path):
    (tmp_path / "maps").mkdir()
    return EditionStore(tmp_path / "maps", tmp_path / "data" / "processed", front_page)


def draft(tmp_path, text, *, slug="dale", demonstration=False):
    source = tmp_path / f"{slug}-{text}.html"
    source.write_text(text)
    return Draft(
        name=f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:10]}",
        slug=slug,
        label=slug.title(),
        pages={"map.html": source, "lists/ranked.csv": source},
        tables={"index.parquet": source},
        facts={"place": slug},
        is_demonstration=demonstration,
    )


def front(tmp_path):
    return (tmp_path / "maps" / "index.html").read_text()


def test_the_same_content_is_the_same_edition(store, tmp_path):
    first = store.publish(draft(tmp_path, "one"))
    before = {p: p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file()}
    assert store.publish(draft(tmp_path, "one")).name == first.name
    assert {p: p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file()} == before
    assert store.faults(first.name) == []


def test_a_new_edition_is_served_and_old_ones_are_dropped_beyond_keep(store, tmp_path):
    names = [store.publish(draft(tmp_path, str(n)), keep=2).name for n in range(4)]
    assert store.names() == sorted(names[2:])
    assert store.served() == {"dale": names[3]}
    assert names[3] in front(tmp_path)
    assert not (tmp_path / "data" / "processed" / names[0]).exists()


def test_rollback_serves_the_edition_before_and_refuses_a_damaged_one(store, tmp_path):
    first = store.publish(draft(tmp_path, "one"))
    second = store.publish(draft(tmp_path, "two"))
    assert store.rollback("dale").name == first.name
    assert first.name in front(tmp_path)
    store.rollback("dale", second.name)
    (first.folder / "map.html").write_text("altered")
    with pytest.raises(ExclusionError, match="altered after publication"):
        store.rollback("dale", first.name)
    assert store.served() == {"dale": second.name}


def test_a_damaged_edition_is_mended_by_publishing_it_again(store, tmp_path):
    edition = store.publish(draft(tmp_path, "one"))
    (edition.folder / "map.html").unlink()
    assert "map.html is missing" in store.faults(edition.name)[0]
    store.publish(draft(tmp_path, "one"))
    assert store.faults(edition.name) == []


def test_a_demonstration_never_takes_the_front_page_from_a_real_place(store, tmp_path):
    demo = store.publish(draft(tmp_path, "demo", slug="madeup", demonstration=True))
    assert demo.name in front(tmp_path)
    real = store.publish(draft(tmp_path, "one"))
    assert front(tmp_path) == f"front: {real.name}"
    store.publish(draft(tmp_path, "demo again", slug="madeup", demonstration=True))
    assert front(tmp_path) == f"front: {real.name}"


def test_a_crash_while_staging_leaves_the_served_edition_and_no_rubbish_counts(store, tmp_path, monkeypatch):
    first = store.publish(draft(tmp_path, "one"))
    page = front(tmp_path)

    def crash(*_):
        raise OSError("disk full")

    monkeypatch.setattr("shutil.copyfile", crash)
    with pytest.raises(OSError, match="disk full"):
        store.publish(draft(tmp_path, "two"))
    monkeypatch.undo()
    assert front(tmp_path) == page
    assert store.names() == [first.name]
    assert not [p for p in (tmp_path / "maps").iterdir() if p.name.startswith(".staging")]


@pytest.mark.parametrize("damage", ["deleted", "damaged", "a list"])
def test_a_lost_pointer_is_read_from_its_copy_and_written_anew(store, tmp_path, damage):
    names = [store.publish(draft(tmp_path, text)).name for text in ("one", "two")]
    pointer = tmp_path / "maps" / "latest.json"
    before = pointer.read_bytes()
    if damage == "deleted":
        pointer.unlink()
    else:
        pointer.write_text("{" if damage == "damaged" else "[]")
    assert store.served() == {"dale": names[1]}
    assert store.past(draft(tmp_path, "three")).previous.name == names[1]
    assert store.rollback("dale").name == names[0], "the way back is not lost with it"
    assert json.loads(pointer.read_text())["places"] == {"dale": names[0]}
    store.publish(draft(tmp_path, "two"))
    assert pointer.read_bytes() == before


def test_without_pointer_and_copy_an_edition_is_served_again_by_name_or_by_the_next_run(store, tmp_path):
    names = [store.publish(draft(tmp_path, text)).name for text in ("one", "two")]
    for folder in (tmp_path / "maps", tmp_path / "data" / "processed"):
        (folder / "latest.json").unlink()
    assert store.served() == {}
    with pytest.raises(InputError, match="places served: none"):
        store.rollback("dale")
    assert store.rollback("dale", names[1]).name == names[1]
    assert names[1] in front(tmp_path)
    assert store.publish(draft(tmp_path, "two")).name == names[1]
    assert store.served() == {"dale": names[1]}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"edition": "other-0000000000"}', "null"])
def test_a_damaged_manifest_of_one_place_holds_up_no_other(store, tmp_path, text, caplog):
    dale = store.publish(draft(tmp_path, "one"))
    hill = store.publish(draft(tmp_path, "x", slug="hill"))
    (hill.folder / "manifest.json").write_text(text)
    second = store.publish(draft(tmp_path, "two"))
    assert f"{hill.name}/manifest.json is damaged" in caplog.text
    assert store.served() == {"dale": second.name, "hill": hill.name}
    assert front(tmp_path) == f"front: {second.name}"
    assert store.rollback("dale").name == dale.name
    (fault,) = store.faults(hill.name)
    assert "is damaged" in fault
    with pytest.raises(ExclusionError, match="is damaged"):
        store.get(hill.name)
    store.publish(draft(tmp_path, "x", slug="hill"))
    assert store.faults(hill.name) == []
    assert front(tmp_path) == f"front: {dale.name}, {hill.name}"


def test_a_draft_is_compared_with_the_last_edition_that_can_be_read(store, tmp_path, caplog):
    first = store.publish(draft(tmp_path, "one"))
    second = store.publish(draft(tmp_path, "two"))
    (second.folder / "manifest.json").write_text("{")
    assert store.past(draft(tmp_path, "three")).previous.name == first.name
    assert f"{second.name}/manifest.json is damaged" in caplog.text


def test_unknown_editions_and_places_get_a_sentence(store, tmp_path):
    with pytest.raises(InputError, match="no edition 'nope'"):
        store.get("nope")
    with pytest.raises(InputError, match="No edition of 'nope'"):
        store.rollback("nope")
    store.publish(draft(tmp_path, "one"))
    with pytest.raises(InputError, match="only edition"):
        store.rollback("dale")
    with pytest.raises(InputError, match="at least one"):
        store.publish(draft(tmp_path, "one"), keep=0)


def test_pages_can_be_read_by_others(store, tmp_path):
    store.publish(draft(tmp_path, "one"))
    assert (tmp_path / "maps" / "index.html").stat().st_mode & 0o044 == 0o044


def test_a_rolled_back_edition_is_withdrawn_until_it_is_published_again(store, tmp_path):
    first = store.publish(draft(tmp_path, "one"))
    second = draft(tmp_path, "two")
    store.publish(second)
    assert store.past(second).previous.name == first.name
    assert not store.past(second).withdrawn
    store.rollback("dale")
    assert store.past(second).withdrawn == {second.name}
    assert not store.is_standing(second)
    store.publish(second)
    assert store.is_standing(second)
    (tmp_path / "maps" / second.name / "map.html").write_text("altered")
    assert store.is_standing(second), "what is on record counts: damaged files are put back, not judged again"
    assert not store.past(second).withdrawn


def test_rolling_back_goes_back_one_at_a_time_and_stops_at_the_oldest(store, tmp_path):
    names = [store.publish(draft(tmp_path, str(n))).name for n in range(3)]
    assert [store.rollback("dale").name, store.rollback("dale").name] == [names[1], names[0]]
    with pytest.raises(InputError, match="oldest edition kept; name a later one with --to"):
        store.rollback("dale")
    assert store.rollback("dale", names[2]).name == names[2]


def test_where_every_earlier_edition_was_rolled_back_they_are_named(store, tmp_path):
    names = [store.publish(draft(tmp_path, str(n))).name for n in range(2)]
    store.rollback("dale")
    store.rollback("dale", names[1])
    with pytest.raises(
        InputError, match=f"every edition before {names[1]} was rolled back .{names[0]}.; name one"
    ):
        store.rollback("dale")


def test_rolling_back_passes_over_what_was_rolled_back_before(store, tmp_path):
    first = store.publish(draft(tmp_path, "one"))
    store.publish(draft(tmp_path, "two"))
    store.rollback("dale")
    store.publish(draft(tmp_path, "three"))
    assert store.rollback("dale").name == first.name


def test_an_edition_of_the_past_is_kept_and_not_served(store, tmp_path):
    served = store.publish(draft(tmp_path, "one"))
    page = front(tmp_path)
    past = store.publish(draft(tmp_path, "past"), is_served=False)
    assert store.served() == {"dale": served.name}
    assert front(tmp_path) == page
    assert store.names() == sorted([served.name, past.name])


def test_prune_keeps_the_newest_and_always_the_one_served(store, tmp_path):
    names = [store.publish(draft(tmp_path, str(n))).name for n in range(4)]
    past = store.publish(draft(tmp_path, "past"), is_served=False).name
    other = store.publish(draft(tmp_path, "x", slug="hill")).name
    store.rollback("dale", names[1])
    assert store.prune(keep=2, is_dry=True) == [past, names[0], names[2]]
    assert past in store.names()
    assert store.prune(keep=2, slug="dale") == [past, names[0], names[2]]
    assert store.names() == sorted([names[1], names[3], other])
    assert not (tmp_path / "data" / "processed" / past).exists()
    assert [store.faults(name) for name in store.names()] == [[], [], []]
    assert store.prune(keep=1) == [names[3]]
    with pytest.raises(InputError, match="No edition of 'vale'"):
        store.prune(keep=1, slug="vale")


def test_publishing_the_same_files_again_keeps_the_manifest_of_the_first_time(store, tmp_path):
    first = store.publish(draft(tmp_path, "one"), gates=[{"gate": "backtest", "state": "accepted"}])
    again = store.publish(draft(tmp_path, "one"), gates=[{"gate": "backtest", "state": "passed"}])
    assert again.manifest == first.manifest


def _files(tmp_path):
    """What a reader sees: no lock, and no folder that is being put in or taken away."""
    return {
        path.relative_to(tmp_path): path.read_bytes()
        for base in (tmp_path / "maps", tmp_path / "data")
        for path in sorted(base.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(tmp_path).parts)
    }


@pytest.mark.parametrize("is_damaged", [False, True], ids=["whole", "damaged"])
def test_a_kill_at_any_step_of_publishing_leaves_only_whole_editions(tmp_path, is_damaged):
    """Publish a third edition with two kept, killed at every change to the disk in turn, then publish it again."""
    start = tmp_path / "start"
    (start / "maps").mkdir(parents=True)
    store = EditionStore(start / "maps", start / "data" / "processed", front_page)
    names = [store.publish(draft(start, str(n)), keep=2).name for n in range(2)]
    third = draft(start, "third")
    if is_damaged:
        # A damaged copy of the edition is in the way and has to be replaced.
        store.publish(third, is_served=False)
        (start / "maps" / third.name / "map.html").write_text("altered")
    for step in range(200):
        home = tmp_path / f"{step}"
        shutil.copytree(start, home)
        store = EditionStore(home / "maps", home / "data" / "processed", front_page)
        is_done = _is_done_before(step, lambda: store.publish(third, keep=2))  # noqa: B023 (called at once)
        served = store.served()["dale"]
        assert served in {names[1], third.name}
        assert any(name in front(home) for name in (names[1], third.name))
        for name in {served, *store.names()} - ({third.name} if is_damaged else set()):
            assert store.faults(name) == [], (step, name)
        assert store.publish(third, keep=2).name == third.name
        assert all(store.faults(name) == [] for name in store.names())
        assert not list(home.rglob(".*-*")), step
        files = _files(home)
        if step == 0:
            undisturbed = files
        assert files == undisturbed, step
        shutil.rmtree(home)
        if is_done:
            assert step > 15
            return
    pytest.fail("publishing took more steps than expected")


def test_a_rollback_that_was_killed_and_is_asked_for_again_goes_no_further_back(tmp_path):
    start = tmp_path / "start"
    (start / "maps").mkdir(parents=True)
    store = EditionStore(start / "maps", start / "data" / "processed", front_page)
    names = [store.publish(draft(start, str(n))).name for n in range(3)]
    for step in range(50):
        home = tmp_path / f"{step}"
        shutil.copytree(start, home)
        store = EditionStore(home / "maps", home / "data" / "processed", front_page)
        if _is_done_before(step, lambda: store.rollback("dale")):  # noqa: B023 (called at once)
            assert step >= 3
            return
        assert store.rollback("dale").name == names[1], step
        assert names[1] in front(home)
        assert not list(home.rglob(".*-*")), step
    pytest.fail("a rollback took more steps than expected")


def _is_done_before(step, work):
    """Do some work in a child that is killed at a change to the disk; return whether it had ended before."""
    child = os.fork()
    if child == 0:
        _die_at(step)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _die_at(step):
    """Make the process die just before its `step`th change to the disk, counted from 0."""
    left = [step]

    def counted(function):
        def call(*arguments, **options):
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return function(*arguments, **options)

        return call

    for owner, name in ((os, "rename"), (os, "replace"), (os, "unlink"), (os, "rmdir"), (os, "mkdir")):
        setattr(owner, name, counted(getattr(owner, name)))
    shutil.copyfile = counted(shutil.copyfile)


def test_two_writers_take_turns(store, tmp_path):
    children = []
    drafts = [draft(tmp_path, str(n)) for n in range(6)]
    for one in drafts:
        child = os.fork()
        if child == 0:
            store.publish(one, keep=3)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
    assert len(store.names()) == 3
    assert all(store.faults(name) == [] for name in store.names())
    assert store.served()["dale"] in front(tmp_path)
