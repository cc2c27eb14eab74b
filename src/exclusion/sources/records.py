"""What is known of one retrieved copy, and of the copy that a run reads."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

How = Literal["downloaded", "unchanged", "supplied_by_hand", "last_good", "alternative"]
_SCHEMA = 1


@dataclass(frozen=True)
class Record:
    """What is known of one retrieved copy; times are UTC in ISO 8601.

    `realm` is "published" for the publisher's own server and "substitute" where a run pointed it elsewhere: the
    two are never mixed up. `revision` is what the publisher says its state was (ETag or edit date); `found_at` is the
    publisher's address that was found on a page, where the catalogue's own address did not serve.
    """

    source_id: str
    file: str
    sha256: str
    bytes: int
    obtained: Literal["downloaded", "supplied_by_hand"]
    address: str
    final_address: str
    realm: str
    retrieved_at: str
    reader: str
    reader_version: str
    vintage: str
    licence: str
    credit: str
    etag: str | None = None
    last_modified: str | None = None
    revision: str | None = None
    found_at: str | None = None
    schema: int = _SCHEMA

    def age(self, now: dt.datetime) -> dt.timedelta:
        """Return how long ago it was retrieved."""
        return now - dt.datetime.fromisoformat(self.retrieved_at)


@dataclass(frozen=True)
class Snapshot:
    """One copy to be read: the file, its hash, the reader for its layout, and how it came to be used.

    `source_id` is the source whose data these are; `stands_in_for` the one that was asked for, where another
    steps in. `message` is a sentence for the reader of the map, empty where all is as it should be; `reason` says
    to the person who runs this why it had to be so.
    """

    source_id: str
    path: Path
    sha256: str
    bytes: int
    reader: str
    vintage: str
    how: How
    obtained: str
    retrieved_at: str
    licence: str
    credit: str
    address: str
    realm: str
    stands_in_for: str | None = None
    message: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the fields for a manifest, the path as text."""
        return {**dataclasses.asdict(self), "path": str(self.path)}


def iso(at: dt.datetime) -> str:
    """Return a time as UTC text to the second."""
    return at.astimezone(dt.UTC).isoformat(timespec="seconds")


def snapshot_of(
    path: Path,
    record: Record,
    how: How,
    *,
    message: str = "",
    reason: str = "",
    stands_in_for: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> Snapshot:
    """Return the snapshot of a record whose file lies at `path`."""
    values: dict[str, Any] = {
        "source_id": record.source_id,
        "path": path,
        "sha256": record.sha256,
        "bytes": record.bytes,
        "reader": record.reader,
        "vintage": record.vintage,
        "how": how,
        "obtained": record.obtained,
        "retrieved_at": record.retrieved_at,
        "licence": record.licence,
        "credit": record.credit,
        "address": record.address,
        "realm": record.realm,
        "stands_in_for": stands_in_for,
        "message": message,
        "reason": reason,
    }
    return Snapshot(**{**values, **(changes or {})})
