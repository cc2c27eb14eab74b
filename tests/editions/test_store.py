"""Editions: whole or absent, the last good one always served, any earlier one at hand."""

import hashlib
import json

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


def test_a_damaged_pointer_is_written_anew_by_the_next_publication(store, tmp_path):
    store.publish(draft(tmp_path, "one"))
    (tmp_path / "maps" / "latest.json").write_text("{")
    assert store.served() == {}
    edition = store.publish(draft(tmp_path, "two"))
    assert json.loads((tmp_path / "maps" / "latest.json").read_text())["places"] == {"dale": edition.name}


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
