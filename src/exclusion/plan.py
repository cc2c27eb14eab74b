"""The plan: which steps a job has, which are stale and why, and how it is carried out.

pull -> indicators -> estimate -> access -> index -> sensitivity -> siting -> publish. The pull settles on one snapshot a source; every
later step is a `Step` with a fingerprint. `exclusion run` and the Prefect flow both drive what is named here.
"""

import contextlib
import datetime as dt
import getpass
import json
import os
import re
import shutil
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from exclusion.errors import InputError
from exclusion.files import sha256_of_parts, stable_json, write_bytes, write_text
from exclusion.job import Job
from exclusion.steps import Steps, telling

if TYPE_CHECKING:
    from exclusion.editions.compare import EditionTables
    from exclusion.editions.store import Draft, Edition, EditionStore
    from exclusion.sources import PullReport
    from exclusion.sources.status import UpstreamCheck


class Teller(Protocol):
    """Whoever tells the user what is being done."""

    def doing(self, title: str) -> contextlib.AbstractContextManager[None]:
        """Show a title while something runs."""

    def detail(self, text: str) -> None:
        """Replace the line under way by a more exact one."""

    def note(self, text: str) -> None:
        """Print one line that stays."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to."""

    edition: "Edition"
    made: tuple[str, ...]
    files: int
    front_page: Path
    sources_text: str


_ROADS = "roads_osm"


def wanted_sources(job: Job) -> tuple[str, ...]:
    """Return the ids of the sources that a job's steps read, in the catalogue's order."""
    from exclusion.stages import sources_of, spine_of

    return sources_of(spine_of(job))


def step_names() -> tuple[str, ...]:
    """Return the names of the steps after the pull, in order."""
    return ("indicators", "estimate", "access", "index", "sensitivity", "siting", "publish")


@contextlib.contextmanager
def run_lock(job: Job) -> Iterator[None]:
    """Hold the home folder for one run at a time; InputError names who holds it and since when."""
    from filelock import FileLock, Timeout

    job.processed.mkdir(parents=True, exist_ok=True)
    path = job.processed / ".run.lock"
    holder = job.processed / ".run.json"
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"Another run is at work in this folder ({_holder_text(holder)}); wait until it ends."
        ) from None
    try:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        record = {"process": os.getpid(), "started": now, "user": _user(), "machine": socket.gethostname()}
        write_text(holder, stable_json(record))
        for left in (job.processed / "steps").glob("*/*/.staging-*"):
            # A run that was killed left it: while the folder is held, nobody else is at work on a step.
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder_text(holder: Path) -> str:
    try:
        record = json.loads(holder.read_text(encoding="utf-8"))
        age = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(record["started"])
        minutes = int(age.total_seconds() // 60)
        return (
            f"process {record['process']} of {record['user']} on {record['machine']}, "
            f"for {minutes} minute{'' if minutes == 1 else 's'}"
        )
    except (OSError, ValueError, KeyError):
        return "process unknown"


@contextlib.contextmanager
def served_publishers(job: Job) -> Iterator[Job]:
    """Yield the job as it is, or for the made-up county with its publishers served on loopback."""
    if not job.is_demo or job.bases:
        yield job
        return
    from exclusion.demo.server import PublisherServer

    with PublisherServer(_made_up_publishers(job)) as server:
        yield job.model_copy(update={"bases": server.bases()})


def _made_up_publishers(job: Job) -> Path:
    """Return the folder of the made-up county's publishers, written anew where the code that makes it changed."""
    from exclusion.demo import DEFAULT_SEED
    from exclusion.demo.county import make_county
    from exclusion.demo.publishers import write_inbox, write_publishers
    from exclusion.steps import code_hash

    root, mark = job.raw / "publishers", job.raw / "publishers.sha256"
    wanted = code_hash(("demo", "geography", "sources/catalogue.toml"))
    if not mark.is_file() or mark.read_text(encoding="utf-8") != wanted:
        # Another maker makes another county: what was retrieved of the old one is of no place.
        shutil.rmtree(job.raw, ignore_errors=True)
        county = make_county(DEFAULT_SEED)
        write_publishers(county, root)
        write_inbox(county, job.demo_inbox)
        write_text(mark, wanted)
    return root


def settle(job: Job, teller: Teller | None = None, *, only: tuple[str, ...] | None = None) -> "PullReport":
    """Settle on one snapshot a source: downloaded, unchanged, supplied by hand, last good, or an alternative."""
    from exclusion.sources import Bars, pull
    from exclusion.stages import spine_of

    bars, spine = Bars(), spine_of(job)
    roads = spine.sources.get(_ROADS, _ROADS)
    return pull(
        only or wanted_sources(job),
        raw=job.raw,
        inbox=None if job.as_of is not None else _inbox(job),
        given={} if job.roads is None or job.as_of is not None else {roads: job.roads},
        bases=job.bases or None,
        parameters=_parameters(job),
        nations=("England",) if job.is_demo else spine.nations,
        realm="substitute" if job.is_demo else None,
        offline=job.is_offline,
        as_of=job.as_of,
        accept=tuple(name for name in job.accept if only is None or name in only),
        progress=(lambda event: teller.detail(bars.take(event))) if teller else None,
    )


def _inbox(job: Job) -> Path | None:
    return job.demo_inbox if job.is_demo and job.inbox is None else job.inbox


def _parameters(job: Job) -> dict[str, dict[str, str]]:
    """Return what sources that are published county by county are asked for: the job's one place by its name."""
    if job.is_demo:
        from exclusion.demo.publishers import PARAMETERS

        return {"village_halls": dict(PARAMETERS), "roads_osm": dict(PARAMETERS)}
    from exclusion.stages import spine_of

    spine, county = spine_of(job), _county_of(job)
    halls = ({"county": county} if county else {}) | ({"box": spine.box} if spine.box else {})
    found = {"village_halls": halls, spine.sources.get(_ROADS, _ROADS): {"county": county} if county else {}}
    return {name: values for name, values in found.items() if values}


def _county_of(job: Job) -> str | None:
    """Return the county whose extracts a job wants, as Geofabrik spells it, or None where nothing tells.

    A single place is known by its name. For codes, lists and several places the one extract of the inbox is taken;
    whether it covers the place is seen when it is used.
    """
    from exclusion.geography.codes import is_code
    from exclusion.geography.places import slug_of

    if len(job.places) == 1 and not is_code(job.places[0].upper()) and not Path(job.places[0]).is_file():
        slug = slug_of(job.places[0])
        return re.sub(r"^(county|city-of|county-of)-|-(city|county)-of$", "", slug)
    if job.inbox is None:
        return None
    found = {re.split(r"-\d|-latest|\.", path.name)[0] for path in job.inbox.rglob("*.osm.pbf")}
    return found.pop() if len(found) == 1 else None


def check_publishers(job: Job) -> "list[UpstreamCheck]":
    """Ask the publishers what is new, without downloading; files of the inbox and by-hand sources are not asked for."""
    from exclusion.sources import catalogue
    from exclusion.sources.inbox import Inbox
    from exclusion.sources.status import check_sources

    known, folder = catalogue(), _inbox(job)
    supplied = Inbox(folder) if folder is not None else None
    asked = [
        name
        for name in wanted_sources(job)
        if known.source(name).protocol != "by_hand"
        and (supplied is None or supplied.find(known.source(name), _parameters(job).get(name)) is None)
    ]
    return check_sources(job.raw, asked, bases=job.bases or None, parameters=_parameters(job))


def by_publisher(source_ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return sources by their publisher, so that each publisher's own limits hold within one pull."""
    from exclusion.sources import catalogue

    found: dict[str, list[str]] = {}
    for source_id in source_ids:
        found.setdefault(catalogue().source(source_id).publisher, []).append(source_id)
    return {publisher: tuple(ids) for publisher, ids in found.items()}


def fetch_some(job: Job, source_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Settle on some sources and return a small JSON-able account of each: how it was had, its hash, what to say."""
    report = settle(job, only=tuple(source_ids))
    return {
        name: {"how": found.how, "sha256": found.sha256, "message": found.message}
        for name, found in report.snapshots.items()
    }


def open_steps(job: Job, report: "PullReport | None" = None) -> Steps:
    """Return the steps of a job over what has been retrieved; no publisher is asked."""
    from exclusion.stages import steps_of

    if report is None:
        report = settle(job.model_copy(update={"is_offline": True}))
    return Steps(steps_of(job, report), job.steps)


@dataclass(frozen=True)
class Prepared:
    """What a command finds ready: all files made so far by name, the pull behind them, and what to say of each source."""

    files: Mapping[str, Path]
    report: "PullReport"
    sources: Mapping[str, Mapping[str, Any]]


def prepare(job: Job, teller: Teller, *, until: str) -> Prepared:
    """Carry a job out up to a step, making only what is stale, and return what it came to."""
    with run_lock(job), served_publishers(job) as served:
        with teller.doing("Asking the publishers"):
            report = settle(served, teller)
        steps = open_steps(served, report)
        files: dict[str, Path] = {}
        for name in step_names()[: step_names().index(until) + 1]:
            with teller.doing(steps.steps[name].title), telling(teller.detail):
                files |= {artefact.name: artefact.path for artefact in steps.execute(name).artefacts}
    return Prepared(files, report, steps.steps["publish"].parameters["sources"])


def prepared(job: Job, teller: Teller, *, until: str) -> Mapping[str, Path]:
    """Carry a job out up to a step, making only what is stale, and return all files made so far by name."""
    return prepare(job, teller, until=until).files


def site_venues(job: Job, out: Path) -> dict[str, Any]:
    """Choose venues for the job's place from tables that are at hand, and copy the plan's files into `out/<place>/`.

    The caller holds the folder, and the steps before siting are fresh. Returns a small JSON-able account.
    """
    from exclusion.stages import place_of

    steps = open_steps(job)
    files = {a.name: a.path for name in ("indicators", "estimate") for a in steps.result(name).artefacts}
    slug = place_of(job, files).slug
    plan = {a.name: a.path for a in steps.execute("siting").artefacts}
    folder = out / slug
    for name, path in plan.items():
        if name.startswith("plan/"):
            write_bytes(folder / name.removeprefix("plan/"), path.read_bytes())
    record = json.loads(plan["siting.json"].read_text(encoding="utf-8"))
    return {
        "place": slug,
        "folder": str(folder),
        "why_not": record.get("why_not", ""),
        "sentences": record.get("sentences", []),
        "venues": [
            {"venue": venue["name"], "newly_reached": round(venue["newly_reached"])}
            for venue in record.get("venues", [])
        ],
    }


_LAST_RUN = "last-run.json"


def last_files(job: Job, *, until: str) -> dict[str, Path]:
    """Return the files of the last finished run up to a step, by name; InputError where there is none."""
    record = job.steps / _LAST_RUN
    try:
        steps = json.loads(record.read_text(encoding="utf-8"))
        names = step_names()[: step_names().index(until) + 1]
        files = {name: job.steps / path for step in names for name, path in steps[step].items()}
    except (OSError, ValueError, KeyError):
        how = "exclusion run --demo" if job.is_demo else "exclusion run --place ... --inbox ..."
        raise InputError(f"Nothing has been run in this folder yet: `{how}` makes the tables.") from None
    for path in files.values():
        if not path.is_file():
            raise InputError(f"{path} is gone since the last run: run again to make it anew.")
    return files


def _remember(job: Job, steps: Steps) -> None:
    """Record which files the finished run came to, relative to the store."""
    found = {
        name: {
            artefact.name: artefact.path.relative_to(job.steps).as_posix()
            for artefact in steps.result(name).artefacts
        }
        for name in step_names()
    }
    write_text(job.steps / _LAST_RUN, stable_json(found))


def edition_store(job: Job) -> "EditionStore":
    """Return the editions under a job's home."""
    from exclusion.editions.front import front_page
    from exclusion.editions.store import EditionStore

    return EditionStore(job.maps, job.processed, front_page)


def comparable_edition(job: Job, name: str) -> "EditionTables":
    """Return a published edition's manifest and tables, for a comparison."""
    from exclusion.stages.published import tables_of

    return tables_of(job, edition_store(job).get(name))


def draft_edition(job: Job, steps: Steps) -> "Draft":
    """Return the draft of the edition that the steps made; their outputs must be fresh."""
    from exclusion.stages import draft_of

    return draft_of(job, {a.name: a.path for name in step_names() for a in steps.result(name).artefacts})


def publish_edition(job: Job, steps: Steps | None = None, *, is_served: bool = True) -> "Edition":
    """Pass the gates and publish what the steps made; their outputs must be fresh.

    An edition that is served already keeps the verdicts that it was published with, and damaged files of it are put
    back. One of the past
    (`is_served` false) is compared with no other and put beside them.
    """
    from exclusion.editions.changes import changes_of
    from exclusion.editions.gates import Acceptance, check_gates
    from exclusion.editions.store import Past

    steps = steps or open_steps(job)
    draft = draft_edition(job, steps)
    store = edition_store(job)
    if is_served and store.is_standing(draft):
        standing = store.get(draft.name).manifest
        gates, changes = list(standing["gates"]), standing.get("changes")
    else:
        past = store.past(draft) if is_served else Past()
        accepted = Acceptance(job.accept_gates, job.why, job.accepted_by or _user())
        verdicts = check_gates(draft, past, accepted, report=job.gate_report(draft.slug))
        gates, changes = [verdict.as_json() for verdict in verdicts], changes_of(draft, past)
    draft = replace(draft, facts={**draft.facts, "changes": changes})
    edition = store.publish(draft, keep=job.keep, gates=gates, is_served=is_served)
    if is_served:
        _remember(job, steps)
    return edition


def _user() -> str:
    """Return who runs this, as the machine knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user {os.getuid()}"


def run_job(job: Job, teller: Teller) -> Outcome:
    """Carry a job out: pull, make what is stale, pass the gates, publish."""
    made: list[str] = []
    with run_lock(job), served_publishers(job) as served:
        with teller.doing("Asking the publishers"):
            report = settle(served, teller)
        for message in report.messages:
            teller.note(message)
        steps = open_steps(served, report)
        for name in step_names():
            with teller.doing(steps.steps[name].title), telling(teller.detail):
                if steps.execute(name).is_made:
                    made.append(name)
        with teller.doing("Publishing the edition"):
            edition = publish_edition(served, steps, is_served=job.as_of is None)
    outputs = edition.manifest["outputs"]
    return Outcome(
        edition=edition,
        made=tuple(made),
        files=len(outputs["pages"]) + 1,
        front_page=(job.maps / "index.html").resolve(),
        sources_text=_sources_text(report),
    )


def _sources_text(report: "PullReport") -> str:
    """Say how the sources were had, as "31 supplied by hand, 2 alternatives, 5 missing"."""
    counts = Counter(snapshot.how.replace("_", " ") for snapshot in report.snapshots.values())
    parts = [f"{count} {how}" for how, count in sorted(counts.items())]
    return ", ".join([*parts, *([f"{len(report.missing)} not to be had"] if report.missing else [])])


def code_version() -> str:
    """Return a short hash of all code of the package, for manifests."""
    from exclusion.steps import code_hash

    return sha256_of_parts([code_hash((".",))])[:12]
