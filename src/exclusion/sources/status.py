"""What is in the raw store against what the catalogue promises, and what is new upstream."""

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from exclusion.errors import InputError
from exclusion.sources.arcgis import layer_state
from exclusion.sources.catalogue import CADENCE_DAYS, Catalogue, Source, catalogue
from exclusion.sources.download import Rebase, find_link
from exclusion.sources.fetched import Task
from exclusion.sources.nomis import data_path
from exclusion.sources.pull import make_clients
from exclusion.sources.records import Record
from exclusion.sources.retrieval import identity
from exclusion.sources.snapshots import RawStore
from exclusion.sources.transport import Client, PermanentFault, Timing

_MOST_THREADS = 12
_NO_HEAD = frozenset({403, 405, 501})


@dataclass(frozen=True)
class SourceStatus:
    """One line of the list of sources; `status` is one of never, current, due, too_old and by_hand."""

    source_id: str
    title: str
    publisher: str
    vintage: str
    licence: str
    cadence: str
    is_required: bool
    retrieved_at: str | None
    age_days: int | None
    bytes: int | None
    sha256: str | None
    obtained: str | None
    is_pinned: bool
    copies: int
    status: Literal["never", "current", "due", "too_old", "by_hand"]


@dataclass(frozen=True)
class UpstreamCheck:
    """What a publisher has, found out without downloading it.

    `state` is unchanged, changed (the same address holds something else), newer (a later release under another
    name), new (nothing is held yet), unknown (the publisher does not say) or unreachable.
    """

    source_id: str
    state: Literal["unchanged", "changed", "newer", "new", "unknown", "unreachable", "by_hand"]
    message: str


def list_sources(
    raw: Path,
    source_ids: Iterable[str] | None = None,
    *,
    timing: Timing | None = None,
    of: Catalogue | None = None,
) -> list[SourceStatus]:
    """List sources with their last copy, its age against the cadence, licence, bytes and status."""
    of = of or catalogue()
    store = RawStore(raw)
    now = (timing or Timing()).now()
    pins = store.pins()
    return [_status(of, of.source(i), store, pins, now) for i in (source_ids or of.sources)]


def _status(
    of: Catalogue, source: Source, store: RawStore, pins: Mapping[str, str], now: dt.datetime
) -> SourceStatus:
    records = store.records(source.id)
    pinned = [r for r in records if r.sha256 == pins.get(source.id)]
    last = (pinned or records)[-1] if records else None
    age = max(0, last.age(now).days) if last else None
    due = CADENCE_DAYS[source.cadence]
    status: Literal["never", "current", "due", "too_old", "by_hand"] = "current"
    if last is None or age is None:
        status = "by_hand" if source.protocol == "by_hand" else "never"
    elif age > source.max_age_days:
        status = "too_old"
    elif due is not None and age > due:
        status = "due"
    return SourceStatus(
        source_id=source.id,
        title=source.title,
        publisher=of.publisher_of(source).name,
        vintage=last.vintage if last else source.vintage,
        licence=source.licence,
        cadence=source.cadence,
        is_required=source.is_required,
        retrieved_at=last.retrieved_at if last else None,
        age_days=age,
        bytes=last.bytes if last else None,
        sha256=last.sha256 if last else None,
        obtained=last.obtained if last else None,
        is_pinned=bool(pinned),
        copies=len(records),
        status=status,
    )


def check_sources(
    raw: Path,
    source_ids: Iterable[str] | None = None,
    *,
    bases: Mapping[str, str] | None = None,
    parameters: Mapping[str, Mapping[str, str]] | None = None,
    contact: str | None = None,
    timing: Timing | None = None,
    of: Catalogue | None = None,
) -> list[UpstreamCheck]:
    """Ask the publishers what is new, without downloading any of it; never raises for a publisher's fault."""
    of = of or catalogue()
    timing = timing or Timing()
    store = RawStore(raw)
    ids = list(source_ids or of.sources)
    sources = [of.source(i) for i in ids]
    clients = make_clients(of, bases, contact, timing)
    listings: dict[str, list[str]] = {}
    try:
        for publisher in sorted({s.publisher for s in sources if s.arcgis and s.arcgis.newer_pattern}):
            listings[publisher] = _services(clients[publisher])

        def check(source: Source) -> UpstreamCheck:
            realm = "substitute" if source.publisher in (bases or {}) else "published"
            own = {**source.parameters, **(parameters or {}).get(source.id, {})}
            return _check(of, source, store, realm, own, clients, listings.get(source.publisher, []))

        with ThreadPoolExecutor(max_workers=_MOST_THREADS, thread_name_prefix="check") as pool:
            return list(pool.map(check, sources))
    finally:
        for client in clients.values():
            client.close()


def _services(client: Client) -> list[str]:
    """List a portal's service names; an unreachable or empty list is empty, as the portal's own at times is."""

    def ask() -> list[str]:
        body, _ = client.read("", params={"f": "json"}, ceiling=32 << 20)
        answer = json.loads(body)
        return [str(s["name"]).rpartition("/")[2] for s in answer.get("services", [])]

    try:
        return client.patiently(ask)
    except (PermanentFault, ValueError, KeyError, TypeError):
        return []


def _newer(source: Source, services: Collection[str]) -> str | None:
    """Return the service that the catalogue's pattern knows as a later version than the one in use."""
    layer = source.arcgis
    if layer is None or layer.newer_pattern is None:
        return None
    pattern = re.compile(layer.newer_pattern)

    def version(name: str) -> int:
        match = pattern.fullmatch(name)
        return int(match.group("version")) if match else -1

    best = max(services, key=lambda name: (version(name), name), default=layer.service)
    return best if version(best) > version(layer.service) >= 0 else None


def _check(
    of: Catalogue,
    source: Source,
    store: RawStore,
    realm: str,
    parameters: Mapping[str, str],
    clients: Mapping[str, Client],
    services: Collection[str],
) -> UpstreamCheck:
    if source.protocol == "by_hand":
        return UpstreamCheck(source.id, "by_hand", f"supplied by hand: look at {source.landing_page}")
    try:
        name = identity(source, of.publisher_of(source).base, parameters)
    except InputError as fault:
        return UpstreamCheck(source.id, "unknown", str(fault))
    held = [
        r for r in store.records(source.id, realm=realm) if r.address == name and r.obtained == "downloaded"
    ]
    last = held[-1] if held else None
    task = Task(source, name, store.folder / source.id / ".partial", last, parameters, lambda _: None)
    if (newer := _newer(source, services)) is not None:
        return UpstreamCheck(
            source.id, "newer", f"{newer} is published; the catalogue uses {_service(source)}"
        )
    try:
        return _ask(task, clients, of)
    except PermanentFault as fault:
        # A server that refuses to be asked without a download may still give one.
        return UpstreamCheck(source.id, "unknown" if fault.status in _NO_HEAD else "unreachable", str(fault))


def _ask(task: Task, clients: Mapping[str, Client], of: Catalogue) -> UpstreamCheck:
    source, last = task.source, task.held
    client = clients[source.publisher]
    if source.arcgis is not None:
        state = layer_state(client, source.arcgis, last.etag if last else None)
        edited = state[1] if state is not None else None
        is_same = state is None or (last is not None and edited is not None and edited == last.revision)
        return _verdict(source, last, is_same=is_same, says=is_same or edited is not None)
    if source.nomis is not None:
        return _check_nomis(client, task)
    if source.overpass is not None:
        return UpstreamCheck(
            source.id, "unknown", "OpenStreetMap changes all the time; ask for it when it is due"
        )
    return _check_file(client, task, clients, of)


def _service(source: Source) -> str:
    return source.arcgis.service if source.arcgis else source.id


def _verdict(source: Source, last: Record | None, *, is_same: bool, says: bool) -> UpstreamCheck:
    if last is None:
        return UpstreamCheck(source.id, "new", "published, and not yet downloaded")
    since = last.retrieved_at[:10]
    if is_same:
        return UpstreamCheck(source.id, "unchanged", f"the same as retrieved on {since}")
    if not says:
        return UpstreamCheck(
            source.id, "unknown", f"the publisher does not say whether it changed since {since}"
        )
    return UpstreamCheck(source.id, "changed", f"changed since it was retrieved on {since}")


def _check_nomis(client: Client, task: Task) -> UpstreamCheck:
    query = task.source.nomis
    assert query is not None
    last = task.held
    params = {**query.parameters, "RecordOffset": "0", "RecordLimit": str(query.cells_per_page)}
    headers = {"If-None-Match": last.etag} if last is not None and last.etag else None

    def ask() -> tuple[bool, str | None]:
        # HEAD, so that the first page's cells stay where they are.
        with client.open("HEAD", data_path(query), params=params, headers=headers) as response:
            return response.status_code == 304, response.headers.get("ETag")

    is_same, etag = client.patiently(ask)
    is_same = is_same or (last is not None and etag is not None and etag == last.etag)
    return _verdict(task.source, last, is_same=is_same, says=is_same or etag is not None)


def _check_file(client: Client, task: Task, clients: Mapping[str, Client], of: Catalogue) -> UpstreamCheck:
    source, last = task.source, task.held
    rebase = Rebase(dict(clients), [(p.base, p.id) for p in of.publishers.values()])
    known = (last.found_at if last else None) or (
        f"{client.publisher.base}/{source.fill(source.address, task.parameters)}" if source.address else None
    )
    if source.link is not None:
        linked = _linked(clients[source.link.publisher or source.publisher], task, is_needed=known is None)
        if linked is not None and known is not None and _bare(linked) != _bare(known):
            return UpstreamCheck(source.id, "newer", f"the publisher's page now links to {linked}")
        known = known or linked
    if known is None:
        return UpstreamCheck(source.id, "unknown", "no address is known and the page has no link to it")
    owner, address = rebase(known, client)
    headers: dict[str, str] = {}
    if last is not None and last.etag:
        headers["If-None-Match"] = last.etag
    if last is not None and last.last_modified:
        headers["If-Modified-Since"] = last.last_modified

    def ask() -> tuple[bool, str | None, str | None, int | None]:
        with owner.open("HEAD", address, headers=headers) as response:
            length = response.headers.get("Content-Length", "")
            return (
                response.status_code == 304,
                response.headers.get("ETag"),
                response.headers.get("Last-Modified"),
                int(length) if length.isdigit() else None,
            )

    is_same, etag, modified, length = owner.patiently(ask)
    if last is not None and not is_same:
        told = [(etag, last.etag), (modified, last.last_modified)]
        agree = [a == b for a, b in told if a and b]
        is_same = bool(agree) and all(agree) and length in {None, last.bytes}
    return _verdict(source, last, is_same=is_same, says=bool(is_same or etag or modified))


def _bare(address: str) -> str:
    return address.partition("?v=")[0]


def _linked(client: Client, task: Task, *, is_needed: bool) -> str | None:
    try:
        return find_link(client, task)
    except PermanentFault:
        if is_needed:
            raise
        return None


def pin_source(
    raw: Path, source_id: str, sha256: str | None = None, *, of: Catalogue | None = None
) -> Record:
    """Hold a source at one copy (its last, or the one whose hash begins so) until it is unpinned."""
    (of or catalogue()).source(source_id)
    store = RawStore(raw)
    with store.locked("pins"):
        return store.pin(source_id, Timing().now(), sha256)


def unpin_source(raw: Path, source_id: str, *, of: Catalogue | None = None) -> bool:
    """Let a source move again; return whether it was pinned."""
    (of or catalogue()).source(source_id)
    store = RawStore(raw)
    with store.locked("pins"):
        return store.unpin(source_id, Timing().now())


def prune_sources(raw: Path, cited: Collection[str], *, keep: int = 1, is_dry: bool = False) -> list[Record]:
    """Remove copies that no edition cites (by full hash), that are not pinned nor among the last `keep`."""
    store = RawStore(raw)
    return store.prune(cited, Timing().now(), keep=keep, is_dry=is_dry)


def as_rows(statuses: Iterable[SourceStatus | UpstreamCheck]) -> list[dict[str, object]]:
    """Return statuses as plain rows for a table or JSON."""
    return [dataclasses.asdict(s) for s in statuses]
