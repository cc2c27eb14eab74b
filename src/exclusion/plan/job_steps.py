"""The steps of a job after the pull: their names, their store, and how one is carried out."""

from typing import TYPE_CHECKING

from exclusion.job import Job
from exclusion.plan.retrieval import settle
from exclusion.steps import StepResult, Steps

if TYPE_CHECKING:
    from exclusion.sources import PullReport


def step_names() -> tuple[str, ...]:
    """Return the names of the steps after the pull, in order."""
    return ("indicators", "estimate", "access", "index", "sensitivity", "siting", "publish")


def open_steps(job: Job, report: "PullReport | None" = None) -> Steps:
    """Return the steps of a job over what has been retrieved; no publisher is asked."""
    from exclusion.stages import steps_of

    if report is None:
        report = settle(job.model_copy(update={"is_offline": True}))
    return Steps(steps_of(job, report), job.steps)


def carry_out(job: Job, steps: Steps, name: str) -> StepResult:
    """Carry out one step unless its outputs are fresh.

    As soon as the areas are at hand the job's places are looked up, so that a mistyped name ends the run (InputError)
    before the long steps and not after them.
    """
    from exclusion.stages import place_of

    result = steps.execute(name)
    if name == "indicators" and job.places:
        place_of(job, result.files)
    return result
