"""Pull: bring every source that is asked for into the raw store, or say exactly what is missing and what to do.

The order for each source: a pinned snapshot; a file in the inbox; the publisher, asked conditionally; the last
good snapshot, loudly and until its maximum age; a declared alternative. A new download is looked at, compared in
size with the last one and tried with its reader before it may take the place of a good one.
"""

import contextlib
import dataclasses
import datetime as dt
import logging
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from exclusion.errors import InputError, SourceError
from exclusion.files import stable_json
from exclusion.sources.catalogue import Catalogue, Source, catalogue
from exclusion.sources.fetched import Listener, Progress
from exclusion.sources.inbox import Inbox, Supplied
from exclusion.sources.loading import try_reader
from exclusion.sources.records import Snapshot
from exclusion.sources.retrieval import Check, Failure, Retrieval, Stopped
from exclusion.sources.snapshots import RawStore
from exclusion.sources.sniffing import fault_of
from exclusion.sources.transport import Client, Reach, Timing, is_loopback

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Missing:
    """A source that could not be had, why, and what a person can do about it."""

    source_id: str
    title: str
    why: str
    download_from: str
    put_as: tuple[str, ...]
    put_in: str
    is_required: bool

    def __str__(self) -> str:
        names = " or ".join(self.put_as[:2])
        where = f"{'Get it from' if '://' in self.download_from else 'See'} {self.download_from}"
        todo = f" {where} and put it in {self.put_in} as {names}." if names else ""
        return f"Source {self.source_id} ({self.title}) is missing: {self.why}.{todo}"


@dataclass(frozen=True)
class PullReport:
    """What was pulled: one snapshot for each source that was asked for and had, and what is missing.

    `snapshots` is keyed by the source that was asked for; `messages` are the sentences that a map and a manifest
    must carry (alternatives, old copies, moved files).
    """

    snapshots: Mapping[str, Snapshot]
    missing: tuple[Missing, ...]
    messages: tuple[str, ...]

    def __getitem__(self, source_id: str) -> Snapshot:
        """Return the snapshot that serves a source; a missing one is a SourceError that says what to do."""
        if source_id in self.snapshots:
            return self.snapshots[source_id]
        for missing in self.missing:
            if missing.source_id == source_id:
                raise SourceError(str(missing))
        raise InputError(f"Source {source_id} was not asked for in this pull.")

    def get(self, source_id: str) -> Snapshot | None:
        """Return the snapshot that serves a source, or None where there is none."""
        return self.snapshots.get(source_id)


def make_clients(
    of: Catalogue, bases: Mapping[str, str] | None, contact: str | None, timing: Timing
) -> dict[str, Client]:
    """Make one client for each publisher, at its own base or at the one given in its place."""
    for name in bases or {}:
        if name not in of.publishers:
            raise InputError(
                f"There is no publisher '{name}' to point elsewhere; there are {', '.join(of.publishers)}."
            )
    clients, reach = {}, Reach()
    for name, publisher in of.publishers.items():
        base = (bases or {}).get(name, publisher.base).rstrip("/")
        # The pace spares a publisher's server; one on this machine is our own.
        polite = publisher.model_copy(update={"min_interval_s": 0.0}) if is_loopback(base) else publisher
        clients[name] = Client(polite, base, contact, timing, reach)
    return clients


def _take_given(puller: Retrieval, given: Mapping[str, Path]) -> None:
    """Take the files that were named outright for a source, in the layout of its download."""
    for source_id, path in given.items():
        source = puller.of.source(source_id)
        if not path.is_file():
            raise InputError(f"There is no file {path} for source {source_id}: correct the path.")
        fault = fault_of(path, source.media)
        if fault is not None:
            raise SourceError(f"{path.name}, given for source {source_id}, {fault}: give another file.")
        puller.supplied[source_id] = Supplied(source_id, path, source.reader or "", "as supplied")


def _find_supplied(puller: Retrieval, inbox: Path | None, ids: Iterable[str]) -> None:
    """Look every source up in the inbox first, so that a damaged file is told before anything is fetched."""
    if inbox is None:
        return
    folder = Inbox(inbox)
    faults = []
    for source_id in ids:
        if source_id in puller.supplied:
            continue
        source = puller.of.source(source_id)
        try:
            supplied = folder.find(source, puller.parameters.get(source_id))
        except SourceError as fault:
            faults.append(str(fault))
            continue
        if supplied is not None:
            puller.supplied[source_id] = supplied
    faults = faults or _growing(puller)
    if faults:
        raise SourceError(" ".join(dict.fromkeys(faults)))


# A file that was written to more recently than this may still be under way.
_FRESH_S = 10.0


def _growing(puller: Retrieval) -> list[str]:
    """Tell which supplied files are still being written to: those written to lately are looked at twice."""

    def looks() -> dict[str, tuple[int, int]]:
        found = {name: supplied.path.stat() for name, supplied in puller.supplied.items()}
        return {name: (seen.st_size, seen.st_mtime_ns) for name, seen in found.items()}

    first, now = looks(), puller.timing.now().timestamp()
    if all(now - written / 1e9 > _FRESH_S for _, written in first.values()):
        return []
    puller.timing.sleep(1.0)
    second = looks()
    return [
        f"The inbox file {puller.supplied[name].path.name} for source {name} is still being written to: run again "
        "when it is whole."
        for name in first
        if first[name] != second[name]
    ]


def _stand_ins(source: Source, nations: Collection[str]) -> list[str]:
    return [a.source for a in source.alternatives if set(a.nations) & set(nations)]


def _run(puller: Retrieval, ids: Iterable[str]) -> dict[str, Snapshot | Failure]:
    """Obtain sources side by side; each publisher's own limits hold within its client."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    for source_id in wanted:
        puller.listener(Progress(source_id, "waiting"))
    # One small pool for each publisher, so that a slow one holds up nobody else's sources.
    with contextlib.ExitStack() as stack:
        pools: dict[str, ThreadPoolExecutor] = {}
        futures = {}
        for source_id in wanted:
            publisher = puller.of.publisher_of(puller.of.source(source_id))
            if publisher.id not in pools:
                pool = ThreadPoolExecutor(publisher.max_parallel, thread_name_prefix=f"pull-{publisher.id}")
                stack.callback(pool.shutdown, wait=True, cancel_futures=True)
                pools[publisher.id] = pool
            futures[source_id] = pools[publisher.id].submit(puller.obtain, source_id)
        try:
            for future in wait(futures.values(), return_when=FIRST_EXCEPTION).done:
                future.result()
            return {source_id: future.result() for source_id, future in futures.items()}
        except BaseException:
            # Ctrl-C, a full disk: downloads under way stop at their next piece, and go on from there another time.
            puller.stopping.set()
            raise


def pull(
    source_ids: Iterable[str],
    *,
    raw: Path,
    inbox: Path | None = None,
    given: Mapping[str, Path] | None = None,
    bases: Mapping[str, str] | None = None,
    parameters: Mapping[str, Mapping[str, str]] | None = None,
    nations: Collection[str] = ("England", "Wales"),
    realm: str | None = None,
    offline: bool = False,
    refresh: bool = False,
    accept: Collection[str] = (),
    contact: str | None = None,
    check: Check | None = try_reader,
    progress: Listener | None = None,
    timing: Timing | None = None,
    of: Catalogue | None = None,
    as_of: dt.date | None = None,
) -> PullReport:
    """Bring sources into the raw store and say how each was had; publishers are asked side by side.

    `given` names a file outright for a source; it goes before the inbox.
    `bases` points publishers elsewhere, `parameters` fills a source's own (`{"roads_osm": {"county": "rutland"}}`,
    `{"village_halls": {"box": "south,west,north,east"}}`), `nations` are those the run is about. `offline` uses what
    is in the store and the inbox and asks nobody; `refresh` fetches again whatever is held. `accept` names sources
    whose file may shrink. `check` tries a new file with its reader before it is entered (None: do not). `progress`
    is told of every step, never from two threads at once. `as_of` uses the copies that were the latest on that day,
    and asks nobody; InputError where nothing was held yet.

    Copies from a publisher's own server and from one put in its place are never mixed. An offline run without
    `bases` takes the latter only from a store that holds no other, as a demonstration's does; `realm` ("published",
    "substitute") says outright which.

    Raises SourceError where a source that is required in these nations has neither download, inbox file, last good
    copy nor alternative, or where an inbox file is damaged or ambiguous; InputError for unknown names.
    """
    of = of or catalogue()
    timing = timing or Timing()
    store = RawStore(raw)
    ids = list(dict.fromkeys(source_ids))
    for source_id in [*ids, *(parameters or {}), *accept]:
        of.source(source_id)
    if as_of is not None:
        _require_day(as_of, store.first_day(), timing.now().date())
    guard = threading.Lock()
    stopping = threading.Event()

    def listener(event: Progress) -> None:
        if stopping.is_set() and event.state in {"checking", "downloading"}:
            raise Stopped(event.source_id)
        if progress is not None:
            with guard:
                progress(event)

    if realm is None and offline and not bases:
        realm = store.only_realm()
    clients = make_clients(of, bases, contact, timing)
    puller = Retrieval(
        of=of,
        store=store,
        clients=clients,
        substituted=frozenset(of.publishers if realm == "substitute" else bases or {}),
        parameters=parameters or {},
        is_offline=offline,
        is_refresh=refresh,
        accept=frozenset(accept),
        check=check,
        timing=timing,
        listener=listener,
        stopping=stopping,
        as_of=as_of,
    )
    try:
        _take_given(puller, {name: path for name, path in (given or {}).items() if name in ids})
        _find_supplied(puller, inbox, [*ids, *(s for i in ids for s in _stand_ins(of.source(i), nations))])
        results = _run(puller, ids)
        failed = [i for i, r in results.items() if isinstance(r, Failure)]
        others = [s for i in failed for s in _stand_ins(of.source(i), nations) if s not in results]
        spare = {**results, **_run(puller, others)}
    finally:
        for client in clients.values():
            client.close()
    return _report(puller, ids, spare, inbox, nations)


def _require_day(day: dt.date, first: dt.date | None, today: dt.date) -> None:
    """Raise InputError unless something was held on a day, and the day is not ahead."""
    if day > today:
        raise InputError(f"As of {day}: that day is still to come; name one of the past.")
    if first is None:
        raise InputError(
            f"As of {day}: no copy of any source is held yet; a run without a day of the past comes first."
        )
    if day < first:
        raise InputError(f"As of {day}: nothing was held on that day; the first copy came on {first}.")


def _report(
    puller: Retrieval,
    ids: Iterable[str],
    results: Mapping[str, Snapshot | Failure],
    inbox: Path | None,
    nations: Collection[str],
) -> PullReport:
    snapshots: dict[str, Snapshot] = {}
    missing: list[Missing] = []
    for source_id in ids:
        source = puller.of.source(source_id)
        result = results[source_id]
        if isinstance(result, Snapshot):
            snapshots[source_id] = result
            continue
        stand_in = _alternative(source, result, results, nations)
        if stand_in is not None:
            snapshots[source_id] = stand_in
        else:
            missing.append(_missing(puller, source, result.why, inbox, nations))
    # A lookup that only serves a file which is not there either is not missed.
    own = {s.source_id for s in snapshots.values()}
    missing = [
        m for m in missing if not (served := puller.of.source(m.source_id).needed_with) or own & set(served)
    ]
    fatal = [m for m in missing if m.is_required]
    if fatal:
        raise SourceError(_all_of(fatal))
    said = [s.message for s in snapshots.values() if s.message]
    for snapshot in snapshots.values():
        if snapshot.message:
            _LOG.warning("%s %s", snapshot.message, snapshot.reason)
    return PullReport(snapshots, tuple(missing), tuple(dict.fromkeys(said)))


def _alternative(
    source: Source,
    failure: Failure,
    results: Mapping[str, Snapshot | Failure],
    nations: Collection[str],
) -> Snapshot | None:
    for alternative in source.alternatives:
        covered = [n for n in alternative.nations if n in nations]
        found = results.get(alternative.source)
        if not covered or not isinstance(found, Snapshot):
            continue
        bare = [n for n in nations if n in source.nations and n not in alternative.nations]
        without = f" Nothing stands in for {' and '.join(bare)}." if bare else ""
        message = f"{alternative.map_note}{without} {found.message}".strip()
        reason = f"{source.title} was not to be had: {failure.why}."
        return dataclasses.replace(
            found, how="alternative", stands_in_for=source.id, message=message, reason=reason
        )
    return None


def _all_of(fatal: Sequence[Missing]) -> str:
    """Say what is missing: one sentence for one source, a list to work through for several."""
    if len(fatal) == 1:
        return str(fatal[0])
    return "\n  - ".join(
        [f"{len(fatal)} sources without which nothing can be made are missing.", *map(str, fatal)]
    )


def _missing(
    puller: Retrieval, source: Source, why: str, inbox: Path | None, nations: Collection[str]
) -> Missing:
    where = source.landing_page
    if source.protocol == "http_file" and source.address and "{" not in source.address:
        where = f"{puller.of.publisher_of(source).base}/{source.address} (page: {source.landing_page})"
    filled = puller.parameters.get(source.id)
    return Missing(
        source_id=source.id,
        title=source.title,
        why=why.rstrip("."),
        download_from=where,
        # The past cannot be mended by a file that comes today.
        put_as=()
        if puller.as_of is not None
        else tuple(source.fill(entry.pattern, filled, blank="*") for entry in source.inbox),
        put_in=str(inbox) if inbox is not None else "a folder named with --inbox",
        is_required=source.is_required and bool(set(source.nations) & set(nations)),
    )


def manifest(report: PullReport) -> str:
    """Return the report as stable JSON for an edition's manifest, without machine paths."""
    entries = {}
    for name, snapshot in report.snapshots.items():
        entry = snapshot.as_json()
        entry["path"] = f"{snapshot.source_id}/{snapshot.sha256[:12]}/{snapshot.path.name}"
        entries[name] = entry
    return stable_json(
        {
            "sources": entries,
            "missing": [{"source_id": m.source_id, "why": m.why} for m in report.missing],
            "messages": list(report.messages),
        }
    )
