"""The tasks that all flows share: check, fetch, step, publish, site.

Tasks hand each other small JSON values (ids, hashes, paths), never frames. The plan decides what is fresh, so
Prefect's own result cache stays off. Only fetches are retried: the library has its own patience with single
requests, and a step that fails once fails again.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import task_run
from prefect.tasks import exponential_backoff

from exclusion.errors import SourceError
from exclusion.job import Job
from exclusion.request import requested_job

RETRIES = 3
FIRST_WAIT_S = 10.0
# A person's run in the same folder takes minutes; a schedule that gave up at once would come again only in months.
RUN_WAIT_S = 3600.0


_TELL_EVERY_S = 20.0


class PublisherDownError(SourceError):
    """A publisher that could not be asked, while there is patience left; its last good copies are at hand."""


def job_of(*, is_for_place: bool = False, **choices: Any) -> Job:
    """Return the job of a flow's parameters, and have the library's own messages shown in the run's log."""
    logging.getLogger("exclusion").setLevel(logging.INFO)
    return requested_job(choices, is_for_place=is_for_place)


def text_of(job: Job) -> dict[str, Any]:
    """Return a job in the form that tasks hand on."""
    return job.model_dump(mode="json")


@task(task_run_name="check-publishers", cache_policy=NO_CACHE, persist_result=False)
def check(job: dict[str, Any]) -> list[dict[str, str]]:
    """Ask the publishers what is new; nothing is downloaded."""
    from exclusion.plan import check_publishers

    found = check_publishers(Job.model_validate(job))
    return [{"source": one.source_id, "state": one.state, "message": one.message} for one in found]


def backoff(first_wait_s: float) -> Any:
    """Return how long to wait before each retry: twice as long each time."""
    return exponential_backoff(backoff_factor=first_wait_s)


@task(
    task_run_name="fetch-{publisher}",
    retries=RETRIES,
    retry_delay_seconds=backoff(FIRST_WAIT_S),
    retry_jitter_factor=0.5,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def fetch(
    job: dict[str, Any], publisher: str, sources: list[str], retries: int = RETRIES
) -> dict[str, dict[str, str]]:
    """Bring one publisher's sources; while retries are left, a last good copy is a reason to ask once more."""
    from exclusion.plan import fetch_some

    found = fetch_some(Job.model_validate(job), sources)
    tired = [name for name, one in found.items() if one["how"] == "last_good"]
    if tired and task_run.get_run_count() <= retries:
        raise PublisherDownError(f"{publisher}: {found[tired[0]]['message']}")
    return found


@task(task_run_name="step-{name}", cache_policy=NO_CACHE, persist_result=False)
def step(job: dict[str, Any], name: str) -> dict[str, Any]:
    """Carry out one step of the plan unless its outputs are fresh."""
    from exclusion.plan import carry_out, open_steps
    from exclusion.steps import telling

    log, started = get_run_logger(), time.perf_counter()
    asked = Job.model_validate(job)
    steps = open_steps(asked)
    log.info("%s ...", steps.steps[name].title)
    with telling(_every_few_seconds(log.info)):
        done = carry_out(asked, steps, name)
    took = f"{len(done.artefacts)} files made in {time.perf_counter() - started:.0f} s"
    log.info("%s: %s", steps.steps[name].title, took if done.is_made else "unchanged, nothing to do")
    return done.as_json()


def _every_few_seconds(say: Callable[[str], None]) -> Callable[[str], None]:
    """Return a function that passes on a line of progress at most once in `_TELL_EVERY_S`."""
    last = time.perf_counter()

    def tell(text: str) -> None:
        nonlocal last
        if time.perf_counter() - last >= _TELL_EVERY_S:
            last = time.perf_counter()
            say(text)

    return tell


@task(task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish(job: dict[str, Any]) -> dict[str, Any]:
    """Pass the gates and publish the edition; the last good one is served until then."""
    from exclusion.plan import publish_edition

    asked = Job.model_validate(job)
    edition = publish_edition(asked, is_served=asked.as_of is None)
    return {
        "edition": edition.name,
        "label": edition.label,
        "folder": str(edition.folder),
        "gates": list(edition.manifest["gates"]),
        "backtest": list(edition.manifest["backtest"]),
        "changes": edition.manifest["changes"],
    }


@task(task_run_name="site-{place}", cache_policy=NO_CACHE, persist_result=False)
def site(job: dict[str, Any], place: str, out: str) -> dict[str, Any]:
    """Choose venues for one place."""
    from exclusion.plan import site_venues

    asked = Job.model_validate(job)
    return site_venues(asked.model_copy(update={"places": (place,) if place else asked.places}), Path(out))
