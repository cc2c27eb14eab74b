"""A job carried out: all of it, or up to a step, or the siting of one place."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exclusion.files import write_bytes
from exclusion.job import Job
from exclusion.plan.job_steps import carry_out, open_steps, step_names
from exclusion.plan.publication import edition_store, publish_edition
from exclusion.plan.retrieval import served_publishers, settle
from exclusion.plan.run_lock import run_lock
from exclusion.plan.teller import Teller
from exclusion.steps import StepResult, Steps, telling

if TYPE_CHECKING:
    from exclusion.editions.store import Edition
    from exclusion.sources import PullReport


@dataclass(frozen=True)
class Outcome:
    """What a run came to; `is_served` is false for an edition of the past that is not also the present one."""

    edition: "Edition"
    is_served: bool
    made: tuple[str, ...]
    files: int
    front_page: Path
    sources_text: str


@dataclass(frozen=True)
class Prepared:
    """What a command finds ready: all files made so far by name, the pull behind them, and what to say of each source."""

    files: Mapping[str, Path]
    report: "PullReport"
    sources: Mapping[str, Mapping[str, Any]]


def prepare(job: Job, teller: Teller, *, until: str) -> Prepared:
    """Carry a job out up to a step, making only what is stale, and return what it came to."""
    with run_lock(job), served_publishers(job) as served:
        with teller.doing(_pull_title(served)):
            report = settle(served, teller)
        steps = open_steps(served, report)
        files: dict[str, Path] = {}
        for result in _carried_out(served, steps, teller, step_names()[: step_names().index(until) + 1]):
            files |= result.files
    return Prepared(files, report, steps.steps["publish"].parameters["sources"])


def _pull_title(job: Job) -> str:
    return "Looking at what is held" if job.is_offline else "Asking the publishers"


def _carried_out(job: Job, steps: Steps, teller: Teller, names: Sequence[str]) -> Iterator[StepResult]:
    """Carry steps out one after another and tell how long each took."""
    for name in names:
        with teller.doing(steps.steps[name].title), telling(teller.detail):
            result = carry_out(job, steps, name)
        yield result


def prepared(job: Job, teller: Teller, *, until: str) -> Mapping[str, Path]:
    """Carry a job out up to a step, making only what is stale, and return all files made so far by name."""
    return prepare(job, teller, until=until).files


def site_venues(job: Job, out: Path) -> dict[str, Any]:
    """Choose venues for the job's place from tables that are at hand, and copy the plan's files into `out/<place>/`.

    The caller holds the folder. The steps before siting are made where they are stale: what is held of one county (its
    village halls) is not what is held of another. Returns a small JSON-able account.
    """
    from filelock import FileLock

    from exclusion.stages import place_of

    steps = open_steps(job)
    # Several places are sited side by side, each in a process of its own, and may need the same step.
    with FileLock(job.processed / ".siting.lock"):
        files: dict[str, Path] = {}
        for name in ("indicators", "estimate"):
            files |= carry_out(job, steps, name).files
    slug = place_of(job, files).slug
    plan = steps.execute("siting").files
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


def run_job(job: Job, teller: Teller) -> Outcome:
    """Carry a job out: pull, make what is stale, pass the gates, publish."""
    with run_lock(job), served_publishers(job) as served:
        with teller.doing(_pull_title(served)):
            report = settle(served, teller)
        for message in report.messages:
            teller.note(message)
        steps = open_steps(served, report)
        results = _carried_out(served, steps, teller, step_names())
        made = tuple(result.name for result in results if result.is_made)
        with teller.doing("Publishing the edition"):
            edition = publish_edition(served, steps, is_served=job.as_of is None)
    outputs = edition.manifest["outputs"]
    return Outcome(
        edition=edition,
        is_served=edition.name in edition_store(job).served().values(),
        made=made,
        files=len(outputs["pages"]) + 1,
        front_page=(job.maps / "index.html").resolve(),
        sources_text=_sources_text(report),
    )


def _sources_text(report: "PullReport") -> str:
    """Say how the sources were had, as "31 supplied by hand, 2 alternatives, 5 missing"."""
    counts = Counter(snapshot.how.replace("_", " ") for snapshot in report.snapshots.values())
    parts = [f"{count} {how}" for how, count in sorted(counts.items())]
    return ", ".join([*parts, *([f"{len(report.missing)} not to be had"] if report.missing else [])])
