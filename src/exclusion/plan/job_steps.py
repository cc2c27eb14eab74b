"""The steps of a job after the pull: their names, their store, and the files that the last finished run came to."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from exclusion.errors import InputError
from exclusion.files import stable_json, write_text
from exclusion.job import Job
from exclusion.plan.retrieval import settle
from exclusion.steps import StepResult, Steps

if TYPE_CHECKING:
    from exclusion.sources import PullReport

_LAST_RUN = "last-run.json"


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


def remember(job: Job, steps: Steps) -> None:
    """Record which files the finished run came to, relative to the store."""
    found = {
        name: {
            artefact.name: artefact.path.relative_to(job.steps).as_posix()
            for artefact in steps.result(name).artefacts
        }
        for name in step_names()
    }
    write_text(job.steps / _LAST_RUN, stable_json(found))
