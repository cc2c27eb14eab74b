"""The refresh: check sources, fetch what changed, make what is stale, pass the gates, publish, report."""

from typing import Any

from prefect import flow, get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from exclusion.errors import GateError
from exclusion.job import Job
from flows.report import Progress, tell_edition, tell_refusal, tell_sources
from flows.tasks import (
    FIRST_WAIT_S,
    RETRIES,
    RUN_WAIT_S,
    backoff,
    check,
    fetch,
    job_of,
    publish,
    step,
    text_of,
)


@flow(name="refresh", task_runner=ThreadPoolTaskRunner(max_workers=4))
def refresh(
    places: list[str] | None = None,
    home: str = ".",
    inbox: str | None = None,
    spec: str = "default",
    draws: int | None = None,
    sensitivity_base: int | None = None,
    reference: str | None = None,
    target: str | None = None,
    choose: int = 5,
    within_min: float = 20.0,
    venues: str | None = None,
    roads: str | None = None,
    engine: str = "auto",
    keep: int = 5,
    accept: list[str] | None = None,
    why: str = "",
    accepted_by: str = "",
    publisher: str = "",
    contact: str = "",
    is_demo: bool = False,
    bases: dict[str, str] | None = None,
    retries: int = RETRIES,
    first_wait_s: float = FIRST_WAIT_S,
) -> dict[str, Any]:
    """Bring a place up to date and say what was published.

    `draws` is how many versions of the index are drawn (10000 for a release), `sensitivity_base` how thoroughly to find what drives the ranks, `reference` an edition against which risk is
    also scored, `target` who counts as offline, `venues` and `roads` files of your own: all as for `exclusion run`.
    `accept` names sources whose file may rightly have shrunk, or publish gates whose failure `accepted_by` takes and
    `why`. `bases` points publishers at another server. A run of the command line that is at work in the folder is waited
    for. A publisher that is down is asked `retries` times more, from
    `first_wait_s` seconds on, and then its last good copies serve.
    """
    from exclusion.plan import run_lock, served_publishers

    job = job_of(
        is_for_place=True, home=home, places=places, inbox=inbox, spec=spec, draws=draws, sensitivity_base=sensitivity_base, reference=reference, target=target, choose=choose,
        within_min=within_min, venues=venues, roads=roads, engine=engine, keep=keep,
        accept=accept, why=why, accepted_by=accepted_by, publisher=publisher, contact=contact, is_demo=is_demo, bases=bases,
    )  # fmt: skip
    with run_lock(job, wait_s=RUN_WAIT_S), served_publishers(job) as served:
        return _refresh(served, retries, first_wait_s)


def _refresh(job: Job, retries: int, first_wait_s: float) -> dict[str, Any]:
    from exclusion.plan import by_publisher, step_names

    log, text = get_run_logger(), text_of(job)
    progress = Progress(len(step_names()) + 3)
    checks = check(text)
    tell_sources(checks)
    progress.advance()
    wanted = by_publisher(one["source"] for one in checks if one["state"] != "unchanged")
    patient = fetch.with_options(retries=retries, retry_delay_seconds=backoff(first_wait_s))
    futures = [patient.submit(text, publisher, list(ids), retries) for publisher, ids in wanted.items()]
    fetched = {name: one for future in futures for name, one in future.result().items()}
    log.info("%d sources asked for, %d unchanged upstream", len(fetched), len(checks) - len(fetched))
    progress.advance()
    made = []
    for name in step_names():
        if step(text, name)["is_made"]:
            made.append(name)
        progress.advance()
    log.info("made: %s", ", ".join(made) or "nothing, all fresh")
    try:
        published = publish(text)
    except GateError as fault:
        tell_refusal(fault)
        raise
    tell_edition(job, published, made, fetched)
    progress.advance()
    log.info("published %s", published["edition"])
    return published


if __name__ == "__main__":
    refresh(is_demo=True)
