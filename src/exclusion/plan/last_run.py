"""The last run: the files behind what is served, for commands that read tables and make none."""

import json
from pathlib import Path

from exclusion.errors import InputError
from exclusion.files import stable_json, write_text
from exclusion.job import Job
from exclusion.plan.job_steps import step_names
from exclusion.steps import Steps

_LAST_RUN = "last-run.json"
# The same record for each edition that is kept, by its name: what to go back to where the last one is rolled back.
_RUNS = "runs"


def last_files(job: Job, *, until: str) -> dict[str, Path]:
    """Return the files of the last finished run up to a step, by name.

    Where its edition was rolled back they are those of the edition that is served in its place. InputError where
    nothing was run, and where files are gone.
    """
    try:
        steps = _record(job.steps / _LAST_RUN)
        facts = job.steps / steps["publish"]["facts.json"]
        edition = json.loads(facts.read_text(encoding="utf-8"))["edition"]
    except (OSError, ValueError, KeyError):
        how = "exclusion run --demo" if job.is_demo else "exclusion run --place ... --inbox ..."
        raise InputError(f"Nothing has been run in this folder yet: `{how}` makes the tables.") from None
    steps = _served_instead(job, edition) or steps
    names = step_names()[: step_names().index(until) + 1]
    files = {name: job.steps / path for step in names for name, path in steps[step].items()}
    for path in files.values():
        if not path.is_file():
            raise InputError(f"{path} is gone since the last run: run again to make it anew.")
    return files


def _record(path: Path) -> dict[str, dict[str, str]]:
    """Read the paths of a run's files by step and name; OSError, ValueError or KeyError where a step is not in it."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: found[name] for name in step_names()}


def _served_instead(job: Job, edition: str) -> dict[str, dict[str, str]] | None:
    """Return the record of the edition that a rollback put in the place of one, or None where that one is served."""
    from exclusion.plan.publication import edition_store

    place = edition.rpartition("-")[0]
    served = edition_store(job).served().get(place, edition)
    if served == edition:
        return None
    try:
        return _record(job.steps / _RUNS / f"{served}.json")
    except (OSError, ValueError, KeyError):
        raise InputError(
            f"{edition}, which the last run made, was rolled back, and what {served} was made from is not on record: run "
            f"again, or serve it again by `exclusion editions rollback {place} --to {edition}`."
        ) from None


def remember(job: Job, steps: Steps, edition: str) -> None:
    """Record which files the finished run came to, relative to the store, as the last run's and as the edition's."""
    from exclusion.plan.publication import edition_store

    found = stable_json(
        {
            name: {
                artefact.name: artefact.path.relative_to(job.steps).as_posix()
                for artefact in steps.result(name).artefacts
            }
            for name in step_names()
        }
    )
    kept = set(edition_store(job).names())
    for record in (job.steps / _RUNS).glob("*.json"):
        if record.stem not in kept:
            record.unlink()
    write_text(job.steps / _RUNS / f"{edition}.json", found)
    write_text(job.steps / _LAST_RUN, found)
