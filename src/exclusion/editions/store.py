"""Editions on disk: assembled aside, moved into place whole, served through one pointer, rolled back at will.

`maps/<edition>/` holds pages, lists and `manifest.json`; `data/processed/<edition>/` the tables behind them;
`maps/latest.json` names the edition that is served for each place, and `maps/index.html` is its front page. An
edition's name ends in the hash of what it is made from, so the same inputs give the same edition and nothing is ever
changed after publication. One process at a time writes; a crash at any point leaves the served edition as it was.
"""

import contextlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exclusion.editions.pointer import Pointer, PointerFiles
from exclusion.errors import ExclusionError, InputError
from exclusion.files import clear_parts, sha256_of, stable_json, write_bytes, write_text

MANIFEST = "manifest.json"
FRONT_PAGE = "index.html"
# Folders of ours that are being put in or taken away; a crash may leave them, and the next writer clears them.
_STAGING, _LEAVING = ".staging-", ".leaving-"
_EDITION_NAME = re.compile(r"[a-z0-9-]+-[0-9a-f]{10}")
_LOCK_WAIT_S = 60.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draft:
    """What is to become an edition: files by their name in the edition, and the manifest's facts about them.

    `name` is the slug and a hash of all that the edition is made from, so that pages can carry it. `facts` must not
    hold a clock time: the same inputs give the same edition. `is_demonstration` marks made-up places, whose editions
    never take the front page from a real one.
    """

    name: str
    slug: str
    label: str
    pages: Mapping[str, Path]
    tables: Mapping[str, Path]
    facts: Mapping[str, Any]
    is_demonstration: bool = False


@dataclass(frozen=True)
class Edition:
    """One published edition."""

    name: str
    label: str
    slug: str
    is_demonstration: bool
    folder: Path
    tables: Path
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Past:
    """What went before a draft: the edition that it would follow, and those of its place that were rolled back."""

    previous: Edition | None = None
    withdrawn: frozenset[str] = frozenset()


FrontPage = Callable[[list[Edition]], bytes]


class EditionStore:
    """The editions under one home folder."""

    def __init__(self, maps: Path, processed: Path, front_page: FrontPage) -> None:
        """Take the two folders and the function that draws the front page from the served editions."""
        self._maps = maps
        self._processed = processed
        self._front_page = front_page
        self._pointer_files = PointerFiles(maps, processed)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the editions for one writer at a time; InputError where another does not end in a minute."""
        from filelock import FileLock, Timeout

        self._processed.mkdir(parents=True, exist_ok=True)
        self._maps.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._processed / ".editions.lock")
        try:
            lock.acquire(timeout=_LOCK_WAIT_S)
        except Timeout:
            raise InputError(
                f"Another process is changing the editions under {self._maps}; try again when it has ended."
            ) from None
        try:
            self._sweep()
            yield
        finally:
            lock.release()

    def _sweep(self) -> None:
        """Clear what a writer that was killed left behind, so that only whole editions are there."""
        self._let_go()
        clear_parts(self._maps / FRONT_PAGE)
        self._pointer_files.clear_parts()
        for base in (self._maps, self._processed):
            for path in base.iterdir():
                if path.name.startswith((_STAGING, _LEAVING)):
                    shutil.rmtree(path, ignore_errors=True)
        for path in self._processed.iterdir():
            if _EDITION_NAME.fullmatch(path.name) and not (self._maps / path.name / MANIFEST).is_file():
                shutil.rmtree(path, ignore_errors=True)

    def _let_go(self) -> None:
        """Remove the editions that the pointer names as leaving, then forget them."""
        pointer = self._pointer()
        if pointer.leaving:
            for name in pointer.leaving:
                self._remove(name)
            pointer.leaving = []
            self._pointer_files.write(pointer)

    def past(self, draft: Draft) -> Past:
        """Return what a draft is compared with: the edition served, or the one before where that is the draft itself.

        An edition whose manifest is damaged is passed over for the one before it, with a warning.
        """
        pointer = self._pointer()
        names = [*pointer.history.get(draft.slug, []), pointer.places.get(draft.slug)]
        earlier = [name for name in reversed(names) if name is not None and name != draft.name]
        previous = next(iter(self._readable(earlier)), None)
        return Past(previous, frozenset(pointer.withdrawn.get(draft.slug, [])))

    def _readable(self, names: Iterable[str]) -> Iterator[Edition]:
        """Yield those of the editions whose manifest can be read; the others are warned of."""
        for name in names:
            try:
                yield self.get(name)
            except ExclusionError as fault:
                _LOG.warning("%s", fault)

    def is_standing(self, draft: Draft) -> bool:
        """Tell whether the draft is the edition on record as served for its place, with the same files."""
        if self.served().get(draft.slug) != draft.name:
            return False
        try:
            return bool(self.get(draft.name).manifest["outputs"] == _outputs(draft))
        except (ExclusionError, KeyError):
            return False

    def publish(
        self,
        draft: Draft,
        *,
        keep: int = 5,
        gates: list[dict[str, Any]] | None = None,
        is_served: bool = True,
    ) -> Edition:
        """Publish a draft and return its edition; the last good one is served until the last moment.

        Tables and pages are staged beside their place and moved in whole; then the pointer and the front page are
        replaced. Older editions of the same place beyond `keep` are removed. Publishing the same content again
        changes nothing but a damaged copy, which is replaced. `gates` are the verdicts for the manifest. An edition
        of the past (`is_served` false) is put beside the others and does not become the one that is served.
        """
        if keep < 1:
            raise InputError(f"--keep {keep}: at least one edition has to be kept.")
        outputs = _outputs(draft)
        name = draft.name
        text = stable_json(
            {
                "edition": name,
                "label": draft.label,
                "slug": draft.slug,
                "is_demonstration": draft.is_demonstration,
                **draft.facts,
                "gates": gates or [],
                "outputs": outputs,
            }
        )
        with self._writing():
            if self.faults(name) or self.get(name).manifest["outputs"] != outputs:
                self._place(self._processed / name, draft.tables, {})
                self._place(self._maps / name, draft.pages, {MANIFEST: text})
            if is_served:
                pointer = self._pointer()
                pointer.serve(draft.slug, name, keep)
                self._switch(pointer)
                self._let_go()
        return self.get(name)

    def _place(self, folder: Path, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
        """Copy files into a staging folder beside their place and move it in whole."""
        staging = folder.with_name(f"{_STAGING}{os.getpid()}-{folder.name}")
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            for name, path in files.items():
                target = staging / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
            for name, text in texts.items():
                write_text(staging / name, text)
            if folder.exists():
                self._take_away(folder)
            staging.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _take_away(self, folder: Path) -> None:
        """Remove a folder by one rename out of sight, so that no half of it is ever seen."""
        leaving = folder.with_name(f"{_LEAVING}{os.getpid()}-{folder.name}")
        shutil.rmtree(leaving, ignore_errors=True)
        folder.rename(leaving)
        shutil.rmtree(leaving, ignore_errors=True)

    def _pointer(self) -> Pointer:
        """Return what is served; editions that are gone are forgotten."""
        return self._pointer_files.read(set(self.names()))

    def _switch(self, pointer: Pointer) -> None:
        """Serve what the pointer names; real editions come before demonstrations on the front page.

        A place whose edition cannot be read is left out of it, so that it holds up no other place. The pointer comes
        last: a rollback that was killed before it has not happened, so that asking again goes no further back.
        """
        editions = list(self._readable(pointer.places.values()))
        real = [edition for edition in editions if not edition.is_demonstration]
        page = self._front_page(sorted(real or editions, key=lambda e: (e.label, e.name)))
        write_bytes(self._maps / FRONT_PAGE, page)
        self._pointer_files.write(pointer)

    def _remove(self, name: str) -> None:
        """Remove pages before tables, so that no page is ever left without what it was made from."""
        for folder in (self._maps / name, self._processed / name):
            if folder.exists():
                self._take_away(folder)

    def prune(self, *, keep: int, slug: str | None = None, is_dry: bool = False) -> list[str]:
        """Remove the oldest editions of each place (or of one) beyond `keep`; those served always stay.

        Editions that were never served, such as a backfill's, count as older than those that were. Returns the names
        removed, or that would be.
        """
        if keep < 1:
            raise InputError(f"--keep {keep}: at least one edition has to be kept.")
        if not self.names():
            return []
        with contextlib.nullcontext() if is_dry else self._writing():
            pointer = self._pointer()
            by_place: dict[str, list[str]] = {}
            for name in self.names():
                by_place.setdefault(name.rpartition("-")[0], []).append(name)
            if slug is not None and slug not in by_place:
                raise InputError(f"No edition of '{slug}'; places: {', '.join(sorted(by_place)) or 'none'}.")
            gone: list[str] = []
            for place, names in sorted(by_place.items()):
                if slug not in {None, place}:
                    continue
                history, served = pointer.history.get(place, []), pointer.places.get(place)
                spare = [n for n in names if n not in history] + [n for n in history if n in names]
                spare = [n for n in spare if n != served]
                gone += spare[: max(0, len(names) - keep)]
            if gone and not is_dry:
                pointer.keep_only({*self.names()} - {*gone})
                pointer.leaving = gone
                self._switch(pointer)
                self._let_go()
        return gone

    def names(self) -> list[str]:
        """Return the names of all editions, sorted."""
        return sorted(
            path.parent.name
            for path in self._maps.glob(f"*/{MANIFEST}")
            if not path.parent.name.startswith(".")
        )

    def named(self, text: str) -> str:
        """Return the edition of a name, or the one that is served for a place; InputError where there is neither."""
        name = self.served().get(text, text)
        if name not in self.names():
            raise InputError(
                f"There is no edition and no place served called '{text}'; `exclusion editions list` names them."
            )
        return name

    def get(self, name: str) -> Edition:
        """Return an edition; InputError where there is none of that name, ExclusionError where its manifest is damaged."""
        try:
            manifest = _whole_manifest((self._maps / name / MANIFEST).read_text(encoding="utf-8"), name)
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(f"There is no edition '{name}'; `exclusion editions list` names them.") from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExclusionError(
                f"{name}/{MANIFEST} is damaged ({error}); run again to publish the edition anew."
            ) from error
        return Edition(
            name=name,
            label=manifest["label"],
            slug=manifest["slug"],
            is_demonstration=manifest["is_demonstration"],
            folder=self._maps / name,
            tables=self._processed / name,
            manifest=manifest,
        )

    def served(self) -> dict[str, str]:
        """Return the edition that is served for each place's slug."""
        return dict(self._pointer().places)

    def faults(self, name: str) -> list[str]:
        """Return what is wrong with an edition on disk, a sentence each; empty where every file is as recorded."""
        try:
            edition = self.get(name)
        except ExclusionError as error:
            return [str(error)]
        found = []
        for kind, folder in (("pages", self._maps / name), ("tables", self._processed / name)):
            for file, record in edition.manifest["outputs"][kind].items():
                path = folder / file
                if not path.is_file():
                    found.append(f"{name}: {file} is missing.")
                elif sha256_of(path) != record["sha256"]:
                    found.append(f"{name}: {file} was altered after publication.")
        return found

    def rollback(self, slug: str, name: str | None = None) -> Edition:
        """Serve an earlier edition of a place: the one named, or the one published before the one served now.

        The edition that was served is marked as withdrawn, so that no scheduled run serves it again unasked.
        """
        if name is None and slug not in self.served():
            known = ", ".join(sorted(self.served())) or "none"
            raise InputError(f"No edition of '{slug}' is served; places served: {known}.")
        if name is not None:
            self.get(name)
        with self._writing():
            pointer = self._pointer()
            name = name or pointer.before(slug)
            edition = self.get(name)
            if edition.slug != slug:
                raise InputError(f"{name} is an edition of {edition.slug}, not of '{slug}'.")
            faults = self.faults(name)
            if faults:
                raise ExclusionError(f"{faults[0]} It is not served; run again to make it anew.")
            pointer.roll_back(slug, name)
            self._switch(pointer)
        return edition


def _whole_manifest(text: str, name: str) -> dict[str, Any]:
    """Read a manifest; ValueError, KeyError, TypeError or AttributeError where it is not the whole one of an edition."""
    manifest = dict(json.loads(text))
    if manifest["edition"] != name:
        raise ValueError(f"it is of {manifest['edition']}")
    for part in ("label", "slug", "is_demonstration"):
        manifest[part]
    for kind in ("pages", "tables"):
        manifest["outputs"][kind].items()
    return manifest


def _outputs(draft: Draft) -> dict[str, dict[str, dict[str, Any]]]:
    """Return hash and size of each file of a draft, pages and tables apart."""
    return {
        kind: {
            name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
            for name, path in sorted(files.items())
        }
        for kind, files in (("pages", draft.pages), ("tables", draft.tables))
    }
