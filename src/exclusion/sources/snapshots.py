"""The raw store: the publisher's bytes, addressed by their hash, never changed, and a ledger of how they came.

`<raw>/<source>/<sha256[:12]>/<file>` holds the bytes and `source.json` beside it where they came from;
`<raw>/ledger.jsonl` is appended to, one line an event; `<raw>/pins.json` names the snapshots held on purpose.
A snapshot appears by one rename, so it is whole or absent. The folders are the truth: a ledger line lost to a
crash is written again from them.
"""

import contextlib
import dataclasses
import datetime as dt
import errno
import json
import os
import secrets
import shutil
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from exclusion.errors import InputError, SourceError
from exclusion.files import sha256_of, stable_json, write_text
from exclusion.sources.records import Record, iso

RECORD = "source.json"
LEDGER = "ledger.jsonl"
PINS = "pins.json"
_LOCKS = ".locks"
_ARRIVALS = frozenset({"downloaded", "supplied_by_hand"})


def disk_fault(fault: OSError, folder: Path) -> SourceError:
    """Return the sentence for a disk that would not take the data."""
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return SourceError(
            f"The disk that holds {folder} is full: free some space and run again; nothing was replaced."
        )
    return SourceError(f"{folder} cannot be written to ({fault.strerror or fault}); nothing was replaced.")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class RawStore:
    """The folder of snapshots with its ledger and pins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        self._lines: list[dict[str, Any]] = []
        self._read_to = 0

    @contextlib.contextmanager
    def locked(self, what: str, *, wait_s: float = 300.0) -> Iterator[None]:
        """Hold one source (or the pins) for this thread; one that is held elsewhere is waited for, then an error.

        Each source has a lock of its own, so that several runs and tasks may share a store. The system lets go of
        a lock whose process was killed.
        """
        folder = self.folder / _LOCKS
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise disk_fault(fault, self.folder) from fault
        holder = folder / f"{what}.txt"
        lock = FileLock(folder / f"{what}.lock")
        try:
            lock.acquire(timeout=wait_s)
        except Timeout as fault:
            who = holder.read_text().strip() if holder.is_file() else "another process"
            raise SourceError(
                f"{what} in {self.folder} is in use by {who}: wait for it to end, then run again."
            ) from fault
        try:
            holder.write_text(f"process {os.getpid()}\n")
            yield
        finally:
            lock.release()

    def _folders(self, source_id: str) -> list[Path]:
        base = self.folder / source_id
        if not base.is_dir():
            return []
        return sorted(p for p in base.iterdir() if p.is_dir() and not p.name.startswith("."))

    def read_record(self, folder: Path) -> Record | None:
        """Read one snapshot's record; None where it is absent or not ours (an interrupted run's leftovers)."""
        try:
            raw = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            record = Record(**raw)
        except (OSError, ValueError, TypeError):
            return None
        file = folder / record.file
        if not file.is_file() or file.stat().st_size != record.bytes:
            return None
        return record

    def path_of(self, record: Record) -> Path:
        """Return the file of a record."""
        return self.folder / record.source_id / record.sha256[:12] / record.file

    def records(self, source_id: str, *, realm: str | None = None) -> list[Record]:
        """List a source's snapshots, the most recently retrieved last."""
        found = [r for f in self._folders(source_id) if (r := self.read_record(f)) is not None]
        found = [r for r in found if realm is None or r.realm == realm]
        latest: dict[str, int] = {}
        for number, line in enumerate(self.ledger()):
            if line.get("source_id") == source_id and line.get("event") in _ARRIVALS:
                latest[str(line.get("sha256"))] = number
        return sorted(found, key=lambda r: (latest.get(r.sha256, -1), r.retrieved_at, r.sha256))

    def held_on(self, source_id: str, day: dt.date, *, realm: str) -> list[Record]:
        """List the copies that had arrived by the end of a day (UTC), the latest arrival first, each as of its arrival."""
        held = {record.sha256: record for record in self.records(source_id, realm=realm)}
        found = []
        for at, line in self._arrivals():
            record = held.get(str(line.get("sha256")))
            if line.get("source_id") == source_id and record is not None and at.date() <= day:
                found.append(dataclasses.replace(record, retrieved_at=str(line["at"])))
        return found[::-1]

    def first_day(self) -> dt.date | None:
        """Return the day (UTC) on which the first copy of any source arrived; None for an empty store."""
        return min((at.date() for at, _ in self._arrivals()), default=None)

    def _arrivals(self) -> Iterator[tuple[dt.datetime, dict[str, Any]]]:
        """Yield the ledger's lines of arrivals with their time; a line without one was damaged and is left out."""
        for line in self.ledger():
            if line.get("event") in _ARRIVALS:
                with contextlib.suppress(ValueError):
                    yield dt.datetime.fromisoformat(str(line.get("at"))), line

    def only_realm(self) -> str | None:
        """Return the one realm that all copies are of; None for a mixed or an empty store."""
        realms = {str(line.get("realm")) for line in self.ledger() if line.get("event") in _ARRIVALS}
        return realms.pop() if len(realms) == 1 else None

    def last_seen(self, record: Record) -> dt.datetime:
        """Return when these bytes were last retrieved, or last said by the publisher to be unchanged."""
        times = [
            str(line["at"])
            for line in self.ledger()
            if line.get("sha256") == record.sha256 and line.get("event") in {*_ARRIVALS, "confirmed"}
        ]
        return max(map(dt.datetime.fromisoformat, [*times, record.retrieved_at]))

    def confirm(self, record: Record, at: dt.datetime) -> None:
        """Note that the publisher says these bytes are unchanged, at most once a day."""
        if at - self.last_seen(record) >= dt.timedelta(days=1):
            self.note("confirmed", record.source_id, at, sha256=record.sha256)

    def ledger(self) -> list[dict[str, Any]]:
        """Read the ledger's whole lines; a line that a crash cut short is left out.

        Only what was appended since the last look is read, for a ledger grows for years and is looked at often.
        """
        path = self.folder / LEDGER
        with self._reading:
            size = path.stat().st_size if path.is_file() else 0
            if size < self._read_to:
                self._lines, self._read_to = [], 0
            if size > self._read_to:
                with path.open("rb") as handle:
                    handle.seek(self._read_to)
                    fresh = handle.read(size - self._read_to)
                whole = fresh[: fresh.rfind(b"\n") + 1]
                self._read_to += len(whole)
                for text in whole.splitlines():
                    with contextlib.suppress(ValueError):
                        line = json.loads(text)
                        if isinstance(line, dict):
                            self._lines.append(line)
            return list(self._lines)

    def note(self, event: str, source_id: str, at: dt.datetime, **details: object) -> None:
        """Append one line to the ledger and flush it to disk."""
        line = stable_json({"event": event, "source_id": source_id, "at": iso(at), **details}, indent=None)
        path = self.folder / LEDGER
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._writing, path.open("ab+") as handle:
            if handle.tell() > 0:
                handle.seek(-1, os.SEEK_END)
                if handle.read(1) != b"\n":
                    # A crash cut the last line short: begin on a fresh one, and the stump is skipped by readers.
                    line = "\n" + line
            handle.write(line.encode())
            handle.flush()
            os.fsync(handle.fileno())

    def heal(self, source_id: str) -> None:
        """Clear what an interrupted run left behind, and write ledger lines that a crash lost."""
        base = self.folder / source_id
        if not base.is_dir():
            return
        noted = {line.get("sha256") for line in self.ledger() if line.get("source_id") == source_id}
        for folder in sorted(p for p in base.iterdir() if p.is_dir()):
            if folder.name.startswith(".new-"):
                shutil.rmtree(folder, ignore_errors=True)
            elif folder.name.startswith("."):
                continue
            elif (record := self.read_record(folder)) is None:
                shutil.rmtree(folder)
            elif record.sha256 not in noted:
                self._note_arrival(record, dt.datetime.fromisoformat(record.retrieved_at), is_healed=True)

    def _note_arrival(self, record: Record, at: dt.datetime, **details: object) -> None:
        self.note(
            record.obtained,
            record.source_id,
            at,
            sha256=record.sha256,
            bytes=record.bytes,
            file=record.file,
            address=record.address,
            final_address=record.final_address,
            realm=record.realm,
            licence=record.licence,
            vintage=record.vintage,
            **details,
        )

    def add(self, record: Record, file: Path, *, is_move: bool) -> Record:
        """Enter a file as a snapshot by one rename; bytes already there are not stored twice.

        Returns the record that stands: bytes already held keep their file name and take this retrieval's record.
        """
        base = self.folder / record.source_id
        target = base / record.sha256[:12]
        at = dt.datetime.fromisoformat(record.retrieved_at)
        try:
            base.mkdir(parents=True, exist_ok=True)
            held = self.read_record(target)
            if held is not None and (base / target.name / held.file).is_file():
                record = dataclasses.replace(record, file=held.file)
                if is_move:
                    file.unlink(missing_ok=True)
                write_text(target / RECORD, stable_json(dataclasses.asdict(record)))
                self._note_arrival(record, at)
                return record
            fresh = base / f".new-{secrets.token_hex(6)}"
            fresh.mkdir()
            try:
                if is_move:
                    file.replace(fresh / record.file)
                else:
                    shutil.copyfile(file, fresh / record.file)
                with (fresh / record.file).open("rb") as handle:
                    os.fsync(handle.fileno())
                write_text(fresh / RECORD, stable_json(dataclasses.asdict(record)))
                if target.exists():
                    shutil.rmtree(target)
                fresh.rename(target)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
            _sync_folder(base)
            self._note_arrival(record, at)
        except OSError as fault:
            raise disk_fault(fault, self.folder) from fault
        return record

    def refresh_validators(self, record: Record, *, etag: str | None, last_modified: str | None) -> None:
        """Remember new validators for bytes that have not changed."""
        if (etag, last_modified) != (record.etag, record.last_modified):
            changed = dataclasses.replace(record, etag=etag, last_modified=last_modified)
            write_text(self.path_of(record).parent / RECORD, stable_json(dataclasses.asdict(changed)))

    def is_whole(self, record: Record) -> bool:
        """Tell whether the stored bytes still have their hash."""
        return sha256_of(self.path_of(record)) == record.sha256

    def pins(self) -> dict[str, str]:
        """Read the pinned hashes by source id."""
        path = self.folder / PINS
        if not path.is_file():
            return {}
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as fault:
            raise InputError(
                f"{path} is not valid JSON: mend it, or remove it to unpin everything."
            ) from fault
        return {str(k): str(v) for k, v in raw.items()}

    def pin(self, source_id: str, at: dt.datetime, sha256: str | None = None) -> Record:
        """Hold a source at one snapshot, named by the first digits of its hash; else at the last retrieved."""
        records = self.records(source_id)
        chosen = [r for r in records if sha256 is None or r.sha256.startswith(sha256)]
        if not chosen or sha256 == "":
            if not records:
                raise InputError(f"Source {source_id} has no snapshot to pin: `exclusion run` retrieves one.")
            have = ", ".join(r.sha256[:12] for r in records)
            raise InputError(
                f"Source {source_id} has no snapshot '{sha256 or ''}' to pin; in the store: {have}."
            )
        record = chosen[-1]
        write_text(self.folder / PINS, stable_json({**self.pins(), source_id: record.sha256}))
        self.note("pinned", source_id, at, sha256=record.sha256)
        return record

    def unpin(self, source_id: str, at: dt.datetime) -> bool:
        """Let a source move again; return whether it was pinned."""
        pins = self.pins()
        if source_id not in pins:
            return False
        sha256 = pins.pop(source_id)
        write_text(self.folder / PINS, stable_json(pins))
        self.note("unpinned", source_id, at, sha256=sha256)
        return True

    def prune(
        self, cited: Collection[str], at: dt.datetime, *, keep: int = 1, is_dry: bool = False
    ) -> list[Record]:
        """Remove snapshots that no edition cites, that are not pinned and are not among the last `keep`.

        `cited` holds full hashes. Returns the records removed (or that would be).
        """
        if keep < 0:
            raise InputError(
                f"--keep {keep} is less than none: give 0 or more snapshots to keep of each source."
            )
        held = {*cited, *self.pins().values()}
        removed: list[Record] = []
        bases = sorted(p for p in self.folder.iterdir() if p.is_dir()) if self.folder.is_dir() else []
        for base in bases:
            if base.name.startswith("."):
                continue
            with contextlib.nullcontext() if is_dry else self.locked(base.name):
                for realm in ("published", "substitute"):
                    records = self.records(base.name, realm=realm)
                    spare = [r for r in records[: max(0, len(records) - keep)] if r.sha256 not in held]
                    removed += spare
                    for record in [] if is_dry else spare:
                        shutil.rmtree(self.path_of(record).parent)
                        self.note("pruned", record.source_id, at, sha256=record.sha256, bytes=record.bytes)
        return removed
