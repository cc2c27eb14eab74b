"""The backfill: editions of days of the past, from the copies that were held then; none of them is served."""

from typing import Any

from prefect import flow, get_run_logger

from flows.tasks import RUN_WAIT_S, job_of, publish, step, text_of


@flow(name="backfill")
def backfill(
    days: list[str],
    places: list[str] | None = None,
    home: str = ".",
    spec: str = "default",
    draws: int | None = None,
    target: str | None = None,
    choose: int = 5,
    within_min: float = 20.0,
    is_demo: bool = False,
) -> list[str]:
    """Make one edition for each day (2026-05-31), one after another, and return their names."""
    from exclusion.plan import run_lock, step_names

    names = []
    for day in days:
        job = job_of(
            home=home, places=places, spec=spec, draws=draws, target=target, choose=choose, within_min=within_min,
            is_demo=is_demo, is_offline=True, as_of=day,
        )  # fmt: skip
        text: dict[str, Any] = text_of(job)
        with run_lock(job, wait_s=RUN_WAIT_S):
            for name in step_names():
                step(text, name)
            published = publish(text)
        get_run_logger().info("%s: %s", day, published["edition"])
        names.append(published["edition"])
    return names
