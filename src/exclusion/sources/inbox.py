"""The inbox: files that a person put in a folder, used in place of a download.

A file belongs to a source when its name matches one of the source's patterns; the patterns stand in order of
preference and the first that matches a file wins. Two different files for the same pattern are a question only a
person can answer, so they are reported, never guessed at.
"""

import fnmatch
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exclusion.errors import SourceError
from exclusion.files import sha256_of
from exclusion.sources.catalogue import Source
from exclusion.sources.sniffing import fault_of, media_of

_HIDDEN = (".", "~$", "Thumbs.db")
# What browsers and copying tools add to the name of a file that is not whole yet.
_UNFINISHED = (".crdownload", ".part", ".partial", ".download", ".filepart", ".tmp")


def is_of_another_place(source: Source, file: str, parameters: Mapping[str, str]) -> bool:
    """Tell by a file's name whether it is of another place than the one asked for (rutland-latest.osm.pbf).

    It is where a pattern of the source with a place in it fits the name, and none fits it with the place filled in.
    """

    def fits(filled: Mapping[str, str]) -> bool:
        return any(
            fnmatch.fnmatchcase(file.lower(), source.fill(entry.pattern, filled, blank="*").lower())
            for entry in source.inbox
        )

    return fits({}) and not fits(parameters)


@dataclass(frozen=True)
class Supplied:
    """A file in the inbox that serves a source, with the reader for its layout."""

    source_id: str
    path: Path
    reader: str
    vintage: str | None


class Inbox:
    """A folder that is looked through once, with its sub-folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise SourceError(f"The inbox {folder} is not a folder: create it, or leave --inbox out.")
        found: list[Path] = []
        for base, folders, files in os.walk(folder, followlinks=True):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            found += [Path(base) / name for name in files if not name.startswith(_HIDDEN)]
        self.files = sorted(found)

    def find(self, source: Source, parameters: Mapping[str, str] | None = None) -> Supplied | None:
        """Return the file that serves a source, or None.

        An ambiguous, unreadable or plainly damaged file is a SourceError that names it: a person put it there to
        be used, so passing over it in silence would be wrong.
        """
        filled = {**source.parameters, **(parameters or {})}
        for entry in source.inbox:
            # A pattern that wants a parameter matches nothing until it is known: Rutland's roads are no use elsewhere.
            try:
                pattern = entry.pattern.format(**filled).lower()
            except KeyError:
                continue
            matching = [p for p in self.files if fnmatch.fnmatchcase(p.name.lower(), pattern)]
            if not matching:
                continue
            for path in matching:
                self._check(source, path)
            distinct = (
                {sha256_of(p): p for p in reversed(matching)} if len(matching) > 1 else {"": matching[0]}
            )
            if len(distinct) > 1:
                names = ", ".join(str(p.relative_to(self.folder)) for p in sorted(distinct.values()))
                raise SourceError(
                    f"The inbox holds {len(distinct)} different files for source {source.id} ({names}): keep one of them."
                )
            path = min(distinct.values())
            return Supplied(source.id, path, entry.reader, entry.vintage)
        return None

    def _check(self, source: Source, path: Path) -> None:
        name = path.relative_to(self.folder)
        if not str(name).isprintable():
            raise SourceError(
                f"The inbox file {str(name)!a} for source {source.id} has signs in its name that cannot be "
                "written down: rename it."
            )
        if path.name.lower().endswith(_UNFINISHED):
            raise SourceError(
                f"The inbox file {name} for source {source.id} is a download that has not ended: wait for its end, or "
                "remove it."
            )
        if path.exists() and not path.is_file():
            raise SourceError(
                f"The inbox file {name} for source {source.id} is no ordinary file: replace or remove it."
            )
        try:
            fault = fault_of(path, media_of(path, None))
        except OSError as error:
            raise SourceError(
                f"The inbox file {name} for source {source.id} cannot be read ({error.strerror}): mend or remove it."
            ) from error
        if fault is not None:
            raise SourceError(f"The inbox file {name} for source {source.id} {fault}: replace or remove it.")

    def unclaimed(self, sources: Mapping[str, Source]) -> list[Path]:
        """List the files that match no source, so that a slip in a name can be told to the person who made it."""
        patterns = [
            source.fill(entry.pattern, blank="*").lower()
            for source in sources.values()
            for entry in source.inbox
        ]
        return [p for p in self.files if not any(fnmatch.fnmatchcase(p.name.lower(), x) for x in patterns)]
