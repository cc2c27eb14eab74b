"""The refresh flow: the same plan as `exclusion run`, as Prefect tasks, for those who schedule.

One task a source and one a step; retries on fetches only; tasks hand each other small JSON results (path and hash),
never frames. The plan decides what is fresh, so Prefect's own result cache stays off.
"""

import logging
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import exponential_backoff

from exclusion.job import Job


@task(
    task_run_name="fetch-{source_id}",
    retries=3,
    retry_delay_seconds=exponential_backoff(backoff_factor=10),
    retry_jitter_factor=0.5,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def fetch(job: dict[str, Any], source_id: str) -> dict[str, Any]:
    """Retrieve one source, or settle on its inbox file, alternative or last good snapshot."""
    from exclusion.plan import fetch_one

    return fetch_one(Job.model_validate(job), source_id)


@task(task_run_name="step-{name}", cache_policy=NO_CACHE, persist_result=False)
def step(job: dict[str, Any], name: str) -> dict[str, Any]:
    """Carry out one step of the plan unless its outputs are fresh."""
    from exclusion.plan import open_steps

    return open_steps(Job.model_validate(job)).execute(name).as_json()


@task(task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish(job: dict[str, Any]) -> dict[str, Any]:
    """Pass the gates and publish the edition; the last good one is served until then."""
    from exclusion.plan import publish_edition

    edition = publish_edition(Job.model_validate(job))
    return {"edition": edition.name, "label": edition.label, "folder": str(edition.folder)}


@flow(name="refresh", task_runner=ThreadPoolTaskRunner(max_workers=4))
def refresh(
    places: list[str] | None = None,
    home: str = ".",
    inbox: str | None = None,
    spec: str = "default",
    choose: int = 5,
    within_min: float = 20.0,
    is_demo: bool = False,  # noqa: FBT001, FBT002 - Prefect passes parameters by name
) -> dict[str, Any]:
    """Pull what changed, make what is stale, publish, and say what was published."""
    from exclusion.plan import run_lock, served_publishers, step_names, wanted_sources

    logging.getLogger("exclusion").setLevel(logging.INFO)
    job = Job.model_validate(
        {
            "home": home,
            "places": places or [],
            "inbox": inbox,
            "spec": spec,
            "choose": choose,
            "within_min": within_min,
            "is_demo": is_demo,
        }
    )
    log = get_run_logger()
    with run_lock(job), served_publishers(job) as served:
        text = served.model_dump(mode="json")
        fetched = fetch.map([text] * len(wanted_sources()), list(wanted_sources())).result()
        log.info("%d sources settled", len(fetched))
        for name in step_names():
            result = step(text, name)
            log.info("%s: %s", name, "made" if result["is_made"] else "unchanged")
        published = publish(text)
    log.info("published %s", published["edition"])
    return published


if __name__ == "__main__":
    refresh(is_demo=True)
