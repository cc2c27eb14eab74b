"""What a job needs of the publishers: which sources, asked for how, and one snapshot settled on for each."""

import contextlib
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from exclusion.errors import SourceError
from exclusion.files import write_text
from exclusion.job import Job
from exclusion.plan.teller import Teller

if TYPE_CHECKING:
    from exclusion.sources import PullReport
    from exclusion.sources.status import UpstreamCheck

_ROADS = "roads_osm"


def wanted_sources(job: Job) -> tuple[str, ...]:
    """Return the ids of the sources that a job's steps read, in the catalogue's order."""
    from exclusion.stages import sources_of, spine_of

    return sources_of(spine_of(job))


@contextlib.contextmanager
def served_publishers(job: Job) -> Iterator[Job]:
    """Yield the job as it is, or for the made-up county with its publishers served on loopback."""
    if not job.is_demo or job.bases:
        yield job
        return
    from exclusion.demo.server import PublisherServer

    with PublisherServer(made_up_publishers(job)) as server:
        yield job.model_copy(update={"bases": server.bases()})


def made_up_publishers(job: Job) -> Path:
    """Return the folder of the made-up county's publishers, written anew where the code that makes it changed."""
    from exclusion.steps import code_hash

    root, mark = job.raw / "publishers", job.raw / "publishers.sha256"
    wanted = code_hash(("demo", "geography", "sources/catalogue.toml"))
    if not mark.is_file() or mark.read_text(encoding="utf-8") != wanted:
        # The makers are a second's work to load: only when they are needed.
        from exclusion.demo import DEFAULT_SEED
        from exclusion.demo.county import make_county
        from exclusion.demo.publishers import write_inbox, write_publishers

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
        from exclusion.demo import PARAMETERS

        return {"village_halls": dict(PARAMETERS), "roads_osm": dict(PARAMETERS)}
    from exclusion.stages import spine_of

    spine, county = spine_of(job), _county_of(job)
    halls = ({"county": county} if county else {}) | ({"box": spine.box} if spine.box else {})
    found = {"village_halls": halls, spine.sources.get(_ROADS, _ROADS): {"county": county} if county else {}}
    return {name: values for name, values in found.items() if values}


def _county_of(job: Job) -> str | None:
    """Return the county whose extracts a job wants, as Geofabrik spells it, or None where nothing tells.

    A single place is known by its name. For nations, codes, lists and several places the one extract of the inbox is
    taken; whether it covers the place is seen when it is used.
    """
    from exclusion.geography.codes import is_code
    from exclusion.geography.place_names import fold_name
    from exclusion.geography.places import slug_of
    from exclusion.stages import spine_of

    spine = spine_of(job)
    nations = {fold_name(name) for name in (*spine.nations, spine.label)}
    if (
        len(job.places) == 1
        and fold_name(job.places[0]) not in nations
        and not is_code(job.places[0].upper())
        and not Path(job.places[0]).is_file()
    ):
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


def require_reached(checks: Iterable[tuple[str, str]]) -> None:
    """Raise SourceError where publishers were asked and not one could be reached; `checks` are states and their messages.

    A check that has heard from nobody is no check: without this it would end well for as long as the way out is shut.
    """
    # By-hand sources are not asked for, and of some it is not known whether they can be.
    asked = [(state, message) for state, message in checks if state not in {"by_hand", "unknown"}]
    if asked and all(state == "unreachable" for state, _ in asked):
        raise SourceError(
            f"No publisher could be asked what is new ({len(asked):,} source{'s' if len(asked) > 1 else ''}; {asked[0][1]}): "
            "see whether this machine may reach them (HTTPS_PROXY), or use the inbox."
        )


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
