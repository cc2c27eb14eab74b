"""The pointer: which edition is served for each place, what was served before it, and what was taken out of service.

It is one small file, replaced whole. A copy lies beside the tables, so that a pointer that was deleted or damaged costs
neither the way back nor what the next edition is compared with.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exclusion.errors import InputError
from exclusion.files import clear_parts, stable_json, write_text

POINTER = "latest.json"


@dataclass
class Pointer:
    """What is served: by a place's slug the edition, those served so far (oldest first) and those rolled back.

    `leaving` are editions that are being removed: where a crash comes between, the next writer goes on with them.
    """

    places: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[str]] = field(default_factory=dict)
    withdrawn: dict[str, list[str]] = field(default_factory=dict)
    leaving: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, text: str) -> "Pointer":
        """Read a pointer; ValueError, KeyError or TypeError where it is damaged."""
        said = json.loads(text)
        return cls(
            places={slug: str(name) for slug, name in dict(said["places"]).items()},
            history=_lists(said["history"]),
            withdrawn=_lists(said.get("withdrawn", {})),
            leaving=[str(name) for name in said.get("leaving", [])],
        )

    def as_json(self) -> str:
        """Return the pointer as text, without what is empty."""
        said: dict[str, Any] = {"places": self.places, "history": self.history}
        said |= {
            key: value for key, value in (("withdrawn", self.withdrawn), ("leaving", self.leaving)) if value
        }
        return stable_json(said)

    def keep_only(self, here: Collection[str]) -> None:
        """Forget editions that are gone."""
        self.places = {slug: name for slug, name in self.places.items() if name in here}
        self.history = {slug: _of(names, here) for slug, names in self.history.items()}
        self.withdrawn = {slug: kept for slug, names in self.withdrawn.items() if (kept := _of(names, here))}

    def serve(self, slug: str, name: str, keep: int) -> None:
        """Serve an edition as the newest of its place; its oldest ones beyond `keep` are to leave."""
        served = [one for one in self.history.get(slug, []) if one != name] + [name]
        self.places[slug] = name
        self.history[slug] = served[-keep:]
        self.leaving = served[:-keep]
        self._withdraw(slug, {*self.withdrawn.get(slug, [])} - {name})

    def roll_back(self, slug: str, name: str) -> None:
        """Serve an earlier edition; the one that was served is withdrawn."""
        now = self.places.get(slug)
        self.places[slug] = name
        left = set() if now is None else {now}
        self._withdraw(slug, ({*self.withdrawn.get(slug, [])} | left) - {name})

    def before(self, slug: str) -> str:
        """Return the last edition served before the present one that was not withdrawn; InputError where there is none."""
        now, history = self.places[slug], self.history.get(slug, [])
        earlier = history[: history.index(now)] if now in history else history
        found = [name for name in earlier if name not in self.withdrawn.get(slug, [])]
        if found:
            return found[-1]
        if earlier:
            raise InputError(
                f"{slug}: every edition before {now} was rolled back ({', '.join(earlier)}); name one with --to."
            )
        if len(history) > 1:
            raise InputError(f"{slug}: {now} is the oldest edition kept; name a later one with --to.")
        raise InputError(f"{slug}: {now} is the only edition, so there is nothing to go back to.")

    def _withdraw(self, slug: str, names: Collection[str]) -> None:
        self.withdrawn.pop(slug, None)
        if names:
            self.withdrawn[slug] = sorted(names)


class PointerFiles:
    """The pointer on disk: the one that readers look at, and its copy."""

    def __init__(self, maps: Path, processed: Path) -> None:
        """Take the folders of pages and of tables."""
        self._paths = (maps / POINTER, processed / POINTER)

    def read(self, here: Collection[str]) -> Pointer:
        """Return the pointer, of the copy where it is missing or damaged, empty where both are.

        Editions that are not among `here` are forgotten.
        """
        for path in self._paths:
            try:
                pointer = Pointer.from_json(path.read_text(encoding="utf-8"))
            except (FileNotFoundError, ValueError, KeyError, TypeError):
                continue
            pointer.keep_only(here)
            return pointer
        return Pointer()

    def write(self, pointer: Pointer) -> None:
        """Write the copy, then the pointer that readers look at, by which all is decided."""
        for path in reversed(self._paths):
            write_text(path, pointer.as_json())

    def clear_parts(self) -> None:
        """Clear what a writer that was killed left beside either."""
        for path in self._paths:
            clear_parts(path)


def _lists(said: Mapping[str, Iterable[Any]]) -> dict[str, list[str]]:
    return {slug: [str(name) for name in names] for slug, names in dict(said).items()}


def _of(names: Iterable[str], here: Collection[str]) -> list[str]:
    return [name for name in names if name in here]
