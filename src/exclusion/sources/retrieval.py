"""One source, had in the best way there is: pinned, from the inbox, from the publisher, or the last good copy.

A new download is looked at, compared in size with the last one and tried with its reader before it may take the
place of a good one.
"""

import dataclasses
import datetime as dt
import hashlib
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from exclusion.errors import ExclusionError, InputError, SourceError
from exclusion.files import sha256_of
from exclusion.sources.arcgis import fetch_layer, layer_path
from exclusion.sources.catalogue import CADENCE_DAYS, Catalogue, Source
from exclusion.sources.download import Rebase, fetch_file
from exclusion.sources.fetched import Fetched, Listener, Progress, Task, Unchanged
from exclusion.sources.inbox import Supplied, is_of_another_place
from exclusion.sources.loading import reader_version
from exclusion.sources.nomis import data_path, fetch_dataset
from exclusion.sources.overpass import PATH as OVERPASS_PATH
from exclusion.sources.overpass import fetch_elements
from exclusion.sources.records import How, Record, Snapshot, iso, snapshot_of
from exclusion.sources.snapshots import RawStore, disk_fault
from exclusion.sources.transport import Client, PermanentFault, Timing

# A file that loses more than a third of its bytes has lost rows, not found a better packing.
_SHRINK = 2 / 3

Check = Callable[[Snapshot], object]


def identity(source: Source, base: str, parameters: Mapping[str, str]) -> str:
    """Return the name of what is asked for, in the publisher's own terms whatever server is asked.

    It holds everything that changes the bytes: an edited query is another thing, and is fetched anew.
    """
    if source.arcgis is not None:
        fields = ",".join(source.arcgis.out_fields)
        return f"{base}/{layer_path(source.arcgis)}?where={source.arcgis.where}&outFields={fields}"
    if source.nomis is not None:
        query = "&".join(f"{k}={v}" for k, v in sorted(source.nomis.parameters.items()))
        return f"{base}/{data_path(source.nomis)}?{query}"
    if source.overpass is not None:
        box = parameters.get("box") or ",".join(f"{v:g}" for v in source.overpass.box)
        digest = hashlib.sha256(source.overpass.query.encode()).hexdigest()[:8]
        return f"{base}/{OVERPASS_PATH}#{digest}:{box}"
    if source.address is not None:
        return f"{base}/{source.fill(source.address, parameters)}"
    if source.link is not None:
        return f"{base}/{source.link.page}#{source.link.pattern}"
    return f"inbox:{source.id}"


def _age(age: dt.timedelta) -> str:
    days = max(0, age.days)
    return "today" if days == 0 else f"{days} day{'s' if days > 1 else ''} ago"


class Stopped(Exception):  # noqa: N818 (not an error: the run was ended elsewhere)
    """The run is ending for another reason, so this source is left where it is."""


@dataclass(frozen=True)
class Failure:
    """Why a source could not be had by itself."""

    why: str


@dataclass
class Retrieval:
    """One pull; its methods are called from several threads, one source to a thread.

    Sources that are read from one file of a publisher (two tables of a workbook) take turns, by its address: what the
    first has had in this pull, by `had`, serves the others.
    """

    of: Catalogue
    store: RawStore
    clients: dict[str, Client]
    substituted: frozenset[str]
    parameters: Mapping[str, Mapping[str, str]]
    is_offline: bool
    is_refresh: bool
    accept: frozenset[str]
    check: Check | None
    timing: Timing
    listener: Listener
    stopping: threading.Event
    supplied: dict[str, Supplied] = field(default_factory=dict)
    as_of: dt.date | None = None
    turns: dict[str, threading.Lock] = field(default_factory=dict)
    had: dict[str, Record] = field(default_factory=dict)

    def realm(self, source: Source) -> str:
        """Return whose server this run asks: the publisher's own, or one in its place."""
        return "substitute" if source.publisher in self.substituted else "published"

    def obtain(self, source_id: str) -> Snapshot | Failure:
        """Get one source by itself, without its alternatives."""
        source = self.of.source(source_id)
        try:
            with self.store.locked(source_id):
                result = self._obtain(source)
        except Exception:
            self.listener(Progress(source_id, "failed"))
            raise
        self.listener(Progress(source_id, "failed" if isinstance(result, Failure) else "done"))
        return result

    def _obtain(self, source: Source) -> Snapshot | Failure:
        parameters = {**source.parameters, **self.parameters.get(source.id, {})}
        self.store.heal(source.id)
        if self.as_of is not None:
            return self._held_on(source, self.as_of, parameters)
        if (pinned := self._pinned(source)) is not None:
            return pinned
        base = self.of.publisher_of(source).base
        try:
            name = identity(source, base, parameters)
        except InputError as fault:
            name, unasked = f"inbox:{source.id}", str(fault).rstrip(".")
        else:
            unasked = ""
        if (supplied := self.supplied.get(source.id)) is not None:
            return self._enter_supplied(source, supplied, name)
        if unasked:
            return Failure(unasked)
        return self._from_publisher(source, name, parameters)

    def _from_publisher(self, source: Source, name: str, parameters: Mapping[str, str]) -> Snapshot | Failure:
        held = [
            record
            for record in self.store.records(source.id, realm=self.realm(source))
            if record.address == name and not self._is_elsewhere(source, record, parameters)
        ]
        if source.protocol == "by_hand":
            return self._last_good(source, held, "it is not published for download: it is supplied by hand")
        if self.is_offline:
            return self._offline(source, held)
        latest = next((r for r in reversed(held) if r.obtained == "downloaded"), None)
        if latest is not None and self._is_fresh_enough(source, latest):
            return self._snapshot(latest, "unchanged")
        task = Task(
            source=source,
            identity=name,
            work=self.store.folder / source.id / ".partial",
            held=None if self.is_refresh else latest,
            parameters=parameters,
            listener=self.listener,
        )
        try:
            with self.turns.setdefault(name, threading.Lock()):
                return self._fetch(task, latest)
        except PermanentFault as fault:
            return self._last_good(source, held, str(fault))

    def _snapshot(self, record: Record, how: How, **details: Any) -> Snapshot:
        return snapshot_of(self.store.path_of(record), record, how, **details)

    def _pinned(self, source: Source) -> Snapshot | None:
        sha256 = self.store.pins().get(source.id)
        if sha256 is None:
            return None
        for record in self.store.records(source.id):
            if record.sha256 == sha256:
                if not self.store.is_whole(record):
                    raise SourceError(
                        f"The pinned snapshot {sha256[:12]} of source {source.id} no longer has its hash: "
                        f"restore {self.store.path_of(record)}, or unpin it."
                    )
                message = f"Source {source.id} is pinned to the copy {sha256[:12]} retrieved on {record.retrieved_at[:10]}."
                return self._snapshot(record, "unchanged", message=message)
        raise SourceError(
            f"Source {source.id} is pinned to {sha256[:12]}, which is not in {self.store.folder}: unpin it."
        )

    def _held_on(self, source: Source, day: dt.date, parameters: Mapping[str, str]) -> Snapshot | Failure:
        """Return the copy that was the latest at the end of a day of the past, of the place that is asked for."""
        for record in self.store.held_on(source.id, day, realm=self.realm(source)):
            if self.store.is_whole(record) and not self._is_elsewhere(source, record, parameters):
                return snapshot_of(
                    self.store.path_of(record), record, "unchanged", reason=f"this run is as of {day}"
                )
        return Failure(f"no copy of it was held on {day}")

    def _is_elsewhere(self, source: Source, record: Record, parameters: Mapping[str, str]) -> bool:
        """Tell whether a copy is of another place than the one asked for; where no place is asked for none is.

        Its address tells, or, where one address serves all places, the name of the file that was supplied by hand.
        """
        if source.id not in self.parameters:
            return False
        if source.address is not None and "{" in source.address:
            return record.address != identity(source, self.of.publisher_of(source).base, parameters)
        return is_of_another_place(source, record.file, parameters)

    def _is_fresh_enough(self, source: Source, record: Record) -> bool:
        """Spare a publisher that cannot say "unchanged" (Overpass) until its copy is due again."""
        days = CADENCE_DAYS[source.cadence]
        if source.protocol != "overpass" or self.is_refresh or days is None:
            return False
        return record.age(self.timing.now()) < dt.timedelta(days=days)

    def _record(self, source: Source, file: Path, name: str, obtained: str, **details: object) -> Record:
        values: dict[str, object] = {
            "source_id": source.id,
            "file": file.name,
            "sha256": sha256_of(file),
            "bytes": file.stat().st_size,
            "obtained": obtained,
            "address": name,
            "final_address": name,
            "realm": self.realm(source),
            "retrieved_at": iso(self.timing.now()),
            "reader": source.reader or "",
            "vintage": source.vintage,
            "licence": source.licence,
            "credit": source.credit,
            **details,
        }
        values["reader_version"] = reader_version(str(values["reader"]))
        return Record(**values)  # type: ignore[arg-type]

    def _enter_supplied(self, source: Source, supplied: Supplied, name: str) -> Snapshot:
        self.listener(Progress(source.id, "checking"))
        try:
            record = self._record(
                source,
                supplied.path,
                name,
                "supplied_by_hand",
                reader=supplied.reader,
                vintage=supplied.vintage or source.vintage,
                final_address=f"inbox:{supplied.path.name}",
            )
        except OSError as fault:
            raise SourceError(
                f"The inbox file {supplied.path.name} for source {source.id} cannot be read ({fault.strerror}): mend it."
            ) from fault
        last = self.store.records(source.id, realm=record.realm)[-1:]
        if last and _is_same(last[0], record):
            return self._snapshot(last[0], "supplied_by_hand")
        if self.check is not None:
            self.check(self._snapshot(record, "supplied_by_hand", changes={"path": supplied.path}))
        record = self.store.add(record, supplied.path, is_move=False)
        if sha256_of(self.store.path_of(record)) != record.sha256:
            shutil.rmtree(self.store.path_of(record).parent)
            raise SourceError(f"The inbox file {supplied.path.name} changed while it was copied: run again.")
        return self._snapshot(record, "supplied_by_hand")

    def _fetch(self, task: Task, latest: Record | None) -> Snapshot:
        source = task.source
        client = self.clients[source.publisher]
        if source.protocol == "arcgis":
            result = fetch_layer(client, task)
        elif source.protocol == "nomis_api":
            result = fetch_dataset(client, task)
        elif source.protocol == "overpass":
            result = fetch_elements(client, task)
        elif (twin := self.had.get(task.identity)) is not None and self.store.is_whole(twin):
            result = self._shared(task, twin, latest)
        else:
            page = self.clients[source.link.publisher or source.publisher] if source.link else None
            rebase = Rebase(self.clients, [(p.base, p.id) for p in self.of.publishers.values()])
            result = fetch_file(client, task, page, rebase)
        if isinstance(result, Unchanged):
            if latest is None:
                raise PermanentFault(f"{task.identity} says it is unchanged although nothing is held")
            if not self.store.is_whole(latest):
                # The bytes on disk were altered: what is held counts for nothing, so ask again without conditions.
                shutil.rmtree(self.store.path_of(latest).parent)
                return self._fetch(dataclasses.replace(task, held=None), None)
            self.store.refresh_validators(
                latest,
                etag=result.etag or latest.etag,
                last_modified=result.last_modified or latest.last_modified,
            )
            self.store.confirm(latest, self.timing.now())
            self.had[task.identity] = latest
            return self._snapshot(latest, "unchanged")
        return self._accept(task, result, latest)

    def _shared(self, task: Task, twin: Record, latest: Record | None) -> Fetched | Unchanged:
        """Take the copy that another source has just had from the same address, as if it had been fetched again."""
        if latest is not None and latest.sha256 == twin.sha256:
            return Unchanged(twin.etag, twin.last_modified)
        copy = task.part.with_name(f"{task.part.stem}.copy")
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.store.path_of(twin), copy)
        except OSError as fault:
            raise disk_fault(fault, self.store.folder) from fault
        return Fetched(
            path=copy,
            file=twin.file,
            final_address=twin.final_address,
            etag=twin.etag,
            last_modified=twin.last_modified,
            revision=twin.revision,
            found_at=twin.found_at,
        )

    def _accept(self, task: Task, result: Fetched, latest: Record | None) -> Snapshot:
        """Enter a new file, unless it is smaller than it can be, not the one expected, or unreadable."""
        source = task.source
        named = result.path.with_name(result.file)
        if named != result.path:
            result.path.replace(named)
        record = self._record(
            source,
            named,
            task.identity,
            "downloaded",
            final_address=result.final_address,
            etag=result.etag,
            last_modified=result.last_modified,
            revision=result.revision,
            found_at=result.found_at,
        )
        try:
            self._refuse_if_bad(source, record, named, latest)
        except PermanentFault as fault:
            self.store.note("refused", source.id, self.timing.now(), sha256=record.sha256, why=str(fault))
            raise
        messages = [result.message] if result.message else []
        if latest is not None and latest.sha256 != record.sha256 and latest.vintage == record.vintage:
            messages.append(
                f"Source {source.id} changed since {latest.retrieved_at[:10]} under the same vintage "
                f"({record.vintage}): look at the publisher's notes."
            )
        is_same = latest is not None and latest.sha256 == record.sha256
        record = self.had[task.identity] = self.store.add(record, named, is_move=True)
        return self._snapshot(record, "unchanged" if is_same else "downloaded", message=" ".join(messages))

    def _refuse_if_bad(self, source: Source, record: Record, file: Path, latest: Record | None) -> None:
        if source.sha256 is not None and record.sha256 != source.sha256:
            file.unlink()
            raise PermanentFault(
                f"the file has the hash {record.sha256[:12]}, the catalogue asks for {source.sha256[:12]}"
            )
        is_smaller = latest is not None and record.bytes < latest.bytes * _SHRINK
        if latest is not None and is_smaller and not source.may_shrink and source.id not in self.accept:
            file.unlink()
            raise PermanentFault(
                f"the file shrank from {latest.bytes:,} to {record.bytes:,} bytes since {latest.retrieved_at[:10]}, "
                "so it was not taken (accept it by name if it is right)"
            )
        if self.check is not None and (latest is None or latest.sha256 != record.sha256):
            try:
                self.check(self._snapshot(record, "downloaded", changes={"path": file}))
            except ExclusionError as fault:
                file.unlink()
                raise PermanentFault(f"the new file cannot be used ({str(fault).rstrip('.')})") from fault

    def _offline(self, source: Source, held: Sequence[Record]) -> Snapshot | Failure:
        """Use what is held without a word until a newer release is due, and then say so."""
        days = CADENCE_DAYS[source.cadence]
        now = self.timing.now()
        is_current = held and (
            days is None or now - self.store.last_seen(held[-1]) <= dt.timedelta(days=days)
        )
        if is_current and self.store.is_whole(held[-1]):
            return self._snapshot(held[-1], "unchanged", reason="this run is offline")
        return self._last_good(source, held, "this run is offline")

    def _last_good(self, source: Source, held: Iterable[Record], why: str) -> Snapshot | Failure:
        now = self.timing.now()
        for record in sorted(held, key=lambda r: r.retrieved_at, reverse=True):
            if not self.store.is_whole(record):
                why += (
                    f", and the copy of {record.retrieved_at[:10]} in the raw store is damaged "
                    f"({source.id}/{record.sha256[:12]}/{record.file} no longer has its hash: put the file back from "
                    "a backup, or run with the publisher in reach to have it fetched again)"
                )
                continue
            seen = self.store.last_seen(record)
            if now - seen > dt.timedelta(days=source.max_age_days):
                return Failure(
                    f"{why}, and the last good copy, of {seen.date()}, is older than "
                    f"the {source.max_age_days} days allowed"
                )
            message = (
                f"Source {source.id} is the last good copy, retrieved or confirmed {_age(now - seen)} "
                f"({seen.date()}), because {why}."
            )
            return self._snapshot(record, "last_good", message=message)
        return Failure(why)


def _is_same(held: Record, new: Record) -> bool:
    """Tell whether a supplied file is already in the store as it would be entered now."""
    parts = (
        "sha256",
        "obtained",
        "address",
        "final_address",
        "reader",
        "reader_version",
        "vintage",
        "realm",
        "file",
    )
    return all(getattr(held, part) == getattr(new, part) for part in parts)
