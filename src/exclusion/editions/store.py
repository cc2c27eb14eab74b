"""Editions on disk: assembled aside, moved into place whole, served through one pointer, rolled back at will.

`maps/<edition>/` holds pages, lists and `manifest.json`; `data/processed/<edition>/` the tables behind them;
`maps/latest.json` names the edition that is served for each place, and `maps/index.html` is its front page. An
edition's name ends in the hash of what it is made from, so the same inputs give the same edition and nothing is ever
changed after publication.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exclusion.errors import ExclusionError, InputError
from exclusion.files import sha256_of, stable_json, write_bytes, write_text

MANIFEST = "manifest.json"
POINTER = "latest.json"
FRONT_PAGE = "index.html"


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
    manifest: Mapping[str, Any]


FrontPage = Callable[[list[Edition]], bytes]


class EditionStore:
    """The editions under one home folder."""

    def __init__(self, maps: Path, processed: Path, front_page: FrontPage) -> None:
        """Take the two folders and the function that draws the front page from the served editions."""
        self._maps = maps
        self._processed = processed
        self._front_page = front_page

    def publish(self, draft: Draft, *, keep: int = 5) -> Edition:
        """Publish a draft and return its edition; the last good one is served until the last moment.

        Tables and pages are staged beside their place and moved in whole; then the pointer and the front page are
        replaced. Older editions of the same place beyond `keep` are removed. Publishing the same content again
        changes nothing but a damaged copy, which is replaced.
        """
        if keep < 1:
            raise InputError(f"--keep {keep}: at least one edition has to be kept.")
        outputs = {
            kind: {
                name: {"sha256": sha256_of(path), "bytes": path.stat().st_size}
                for name, path in sorted(files.items())
            }
            for kind, files in (("pages", draft.pages), ("tables", draft.tables))
        }
        manifest = {
            "label": draft.label,
            "slug": draft.slug,
            "is_demonstration": draft.is_demonstration,
            **draft.facts,
            "outputs": outputs,
        }
        name = draft.name
        text = stable_json({"edition": name, **manifest})
        if self.faults(name) or (self._maps / name / MANIFEST).read_text(encoding="utf-8") != text:
            self._place(self._processed / name, draft.tables, {})
            self._place(self._maps / name, draft.pages, {MANIFEST: text})
        pointer = self._pointer()
        history = [n for n in pointer["history"].get(draft.slug, []) if n != name]
        pointer["places"][draft.slug] = name
        pointer["history"][draft.slug] = [*history, name][-keep:]
        self._switch(pointer)
        for old in history[: len(history) + 1 - keep]:
            self._remove(old)
        return self.get(name)

    def _place(self, folder: Path, files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
        """Copy files into a staging folder beside their place and move it in whole."""
        staging = folder.with_name(f".staging-{os.getpid()}-{folder.name}")
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
                shutil.rmtree(folder)
            staging.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _pointer(self) -> dict[str, Any]:
        """Return what is served: `places` (slug to edition) and `history` (slug to editions, oldest first).

        A damaged or missing pointer counts as empty, and an edition that is gone is forgotten: the next
        publication writes both anew.
        """
        try:
            pointer = json.loads((self._maps / POINTER).read_text(encoding="utf-8"))
            places, history = dict(pointer["places"]), dict(pointer["history"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return {"places": {}, "history": {}}
        here = set(self.names())
        return {
            "places": {slug: name for slug, name in places.items() if name in here},
            "history": {slug: [name for name in names if name in here] for slug, names in history.items()},
        }

    def _switch(self, pointer: dict[str, Any]) -> None:
        """Serve what the pointer names; real editions come before demonstrations on the front page."""
        editions = [self.get(name) for name in pointer["places"].values()]
        real = [edition for edition in editions if not edition.is_demonstration]
        page = self._front_page(sorted(real or editions, key=lambda e: (e.label, e.name)))
        write_text(self._maps / POINTER, stable_json(pointer))
        write_bytes(self._maps / FRONT_PAGE, page)

    def _remove(self, name: str) -> None:
        """Remove pages before tables, so that no page is ever left without what it was made from."""
        shutil.rmtree(self._maps / name, ignore_errors=True)
        shutil.rmtree(self._processed / name, ignore_errors=True)

    def names(self) -> list[str]:
        """Return the names of all editions, sorted."""
        return sorted(
            path.parent.name
            for path in self._maps.glob(f"*/{MANIFEST}")
            if not path.parent.name.startswith(".")
        )

    def get(self, name: str) -> Edition:
        """Return an edition; InputError where there is none of that name."""
        try:
            manifest = json.loads((self._maps / name / MANIFEST).read_text(encoding="utf-8"))
            return Edition(
                name=name,
                label=manifest["label"],
                slug=manifest["slug"],
                is_demonstration=manifest["is_demonstration"],
                folder=self._maps / name,
                manifest=manifest,
            )
        except FileNotFoundError:
            raise InputError(f"There is no edition '{name}'; `exclusion editions list` names them.") from None
        except (ValueError, KeyError) as error:
            raise ExclusionError(
                f"{name}/{MANIFEST} is damaged ({error}); run again to publish the edition anew."
            ) from error

    def served(self) -> dict[str, str]:
        """Return the edition that is served for each place's slug."""
        return dict(self._pointer()["places"])

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
        """Serve an earlier edition of a place: the one named, or the one published before the one served now."""
        pointer = self._pointer()
        if slug not in pointer["places"]:
            known = ", ".join(sorted(pointer["places"])) or "none"
            raise InputError(f"No edition of '{slug}' is served; places served: {known}.")
        now = pointer["places"][slug]
        if name is None:
            earlier = [n for n in pointer["history"].get(slug, []) if n != now]
            if not earlier:
                raise InputError(f"{slug}: {now} is the only edition, so there is nothing to go back to.")
            name = earlier[-1]
        edition = self.get(name)
        if edition.slug != slug:
            raise InputError(f"{name} is an edition of {edition.slug}, not of {slug}.")
        faults = self.faults(name)
        if faults:
            raise ExclusionError(f"{faults[0]} It is not served; run again to make it anew.")
        pointer["places"][slug] = name
        self._switch(pointer)
        return edition
