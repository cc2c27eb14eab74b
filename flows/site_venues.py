"""Siting on demand: a place (or several) and a venue file, over the tables of the last refresh."""

from typing import Any

from prefect import flow
from prefect.task_runners import ProcessPoolTaskRunner

from flows.report import tell_plan
from flows.tasks import RUN_WAIT_S, job_of, site, step, text_of


# A process takes seconds to start, so it pays for several places and never for one, which is sited in this process.
@flow(name="site-venues", task_runner=ProcessPoolTaskRunner(max_workers=2))
def site_venues(
    places: list[str],
    venues: str | None = None,
    home: str = ".",
    inbox: str | None = None,
    roads: str | None = None,
    target: str | None = None,
    out: str | None = None,
    choose: int = 5,
    within_min: float = 20.0,
    is_demo: bool = False,
) -> list[dict[str, Any]]:
    """Choose venues for each place and return where its plan is; no edition is published.

    `venues` is a CSV, XLSX, GeoJSON or GeoPackage of candidates of your own. Plans go to `data/processed/plans/<place>/`
    unless `out` names another folder. `inbox`, `roads` and `target` as for the refresh, so that
    the same roads are used and the same people counted.
    """
    from exclusion.plan import run_lock

    job = job_of(
        is_for_place=True,
        home=home,
        places=places,
        inbox=inbox,
        roads=roads,
        target=target,
        venues=venues,
        choose=choose,
        within_min=within_min,
        is_demo=is_demo,
        is_offline=True,
    )
    text, folder = text_of(job), out or str(job.processed / "plans")
    with run_lock(job, wait_s=RUN_WAIT_S):
        # With all the places, so that a mistyped one ends the run before any plan is made.
        for name in ("indicators", "estimate"):
            step(text, name)
        wanted = places or [""]
        if len(wanted) == 1:
            plans = [site(text, wanted[0], folder)]
        else:
            plans = [future.result() for future in [site.submit(text, place, folder) for place in wanted]]
    for plan in plans:
        tell_plan(plan)
    return plans
