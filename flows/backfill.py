"""The backfill: editions of days of the past, from the copies that were held then; none of them is served."""

from typing import Any

from prefect import flow, get_run_logger

from exclusion.errors import InputError
from flows.tasks import RUN_WAIT_S, job_of, publish, step, text_of


@flow(name="backfill")
def backfill(
    days: list[str],
    places: list[str] | None = None,
    home: str = ".",
    spec: str = "default",
    draws: int | None = None,
    sensitivity_base: int | None = None,
    reference: str | None = None,
    target: str | None = None,
    choose: int = 5,
    within_min: float = 20.0,
    venues: str | None = None,
    engine: str = "auto",
    accept: list[str] | None = None,
    why: str = "",
    accepted_by: str = "",
    publisher: str = "",
    contact: str = "",
    is_demo: bool = False,
) -> list[str]:
    """Make one edition for each day (2026-05-31), one after another, and return their names.

    All other parameters as for the refresh; every day is looked at before the first edition is made.
    """
    from exclusion.plan import run_lock, step_names

    if not days:
        raise InputError("days: name at least one day of the past, such as 2026-05-31.")
    jobs = [
        job_of(
            is_for_place=True, home=home, places=places, spec=spec, draws=draws, sensitivity_base=sensitivity_base,
            reference=reference, target=target, choose=choose, within_min=within_min, venues=venues, engine=engine,
            accept=accept, why=why, accepted_by=accepted_by, publisher=publisher, contact=contact, is_demo=is_demo, is_offline=True, as_of=day,
        )
        for day in days
    ]  # fmt: skip
    names = []
    for job in jobs:
        text: dict[str, Any] = text_of(job)
        with run_lock(job, wait_s=RUN_WAIT_S):
            for name in step_names():
                step(text, name)
            published = publish(text)
        get_run_logger().info("%s: %s", job.as_of, published["edition"])
        names.append(published["edition"])
    return names
