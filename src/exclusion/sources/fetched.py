"""What a protocol hands back, and how it tells of its progress."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from exclusion.sources.catalogue import Source
from exclusion.sources.records import Record

State = Literal["waiting", "checking", "downloading", "done", "failed"]


@dataclass(frozen=True)
class Progress:
    """One step of one source: bytes (or rows) so far and in all, where known."""

    source_id: str
    state: State
    done: int = 0
    total: int | None = None
    unit: Literal["bytes", "rows"] = "bytes"


Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class Task:
    """One source to be fetched: where it works, what is held already, and this run's parameters.

    `identity` is the name in the publisher's own terms of what is asked for; `held` is the last copy of that same
    thing, or None.
    """

    source: Source
    identity: str
    work: Path
    held: Record | None
    parameters: Mapping[str, str]
    listener: Listener

    def tell(
        self, state: State, done: int = 0, total: int | None = None, unit: Literal["bytes", "rows"] = "bytes"
    ) -> None:
        """Report progress."""
        self.listener(Progress(self.source.id, state, done, total, unit))

    @property
    def part(self) -> Path:
        """The file in which an unfinished download grows."""
        return self.work / f"{hashlib.sha256(self.identity.encode()).hexdigest()[:16]}.part"


@dataclass(frozen=True)
class Unchanged:
    """The publisher says that what is held is still the latest."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True)
class Fetched:
    """A whole file, not yet in the store; the file is the caller's to move."""

    path: Path
    file: str
    final_address: str
    etag: str | None = None
    last_modified: str | None = None
    revision: str | None = None
    found_at: str | None = None
    message: str = ""
