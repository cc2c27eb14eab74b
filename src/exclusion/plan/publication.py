"""The way of a job's results into an edition: the draft, the gates, what changed, the publication."""

from dataclasses import replace
from typing import TYPE_CHECKING

from exclusion.job import Job
from exclusion.plan.job_steps import open_steps, step_names
from exclusion.plan.last_run import remember
from exclusion.plan.run_lock import user_name
from exclusion.steps import Steps

if TYPE_CHECKING:
    from exclusion.editions.compare import EditionTables
    from exclusion.editions.store import Draft, Edition, EditionStore


def edition_store(job: Job) -> "EditionStore":
    """Return the editions under a job's home."""
    from exclusion.editions.front import front_page
    from exclusion.editions.store import EditionStore

    return EditionStore(job.maps, job.processed, front_page)


def comparable_edition(job: Job, name: str) -> "EditionTables":
    """Return a published edition's manifest and tables, for a comparison."""
    from exclusion.stages.published import tables_of

    return tables_of(job, edition_store(job).get(name))


def draft_edition(job: Job, steps: Steps) -> "Draft":
    """Return the draft of the edition that the steps made; their outputs must be fresh."""
    from exclusion.stages import draft_of

    return draft_of(job, {a.name: a.path for name in step_names() for a in steps.result(name).artefacts})


def publish_edition(job: Job, steps: Steps | None = None, *, is_served: bool = True) -> "Edition":
    """Pass the gates and publish what the steps made; their outputs must be fresh.

    An edition that is served already keeps the verdicts that it was published with, and damaged files of it are put
    back. One of the past (`is_served` false) is compared with no other and put beside them.
    """
    from exclusion.editions.changes import changes_of
    from exclusion.editions.gates import Acceptance, check_gates
    from exclusion.editions.store import Past

    steps = steps or open_steps(job)
    draft = draft_edition(job, steps)
    store = edition_store(job)
    if is_served and store.is_standing(draft):
        standing = store.get(draft.name).manifest
        gates, changes = list(standing["gates"]), standing.get("changes")
    else:
        past = store.past(draft) if is_served else Past()
        accepted = Acceptance(job.accept_gates, job.why, job.accepted_by or user_name())
        verdicts = check_gates(draft, past, accepted, report=job.gate_report(draft.slug))
        gates, changes = [verdict.as_json() for verdict in verdicts], changes_of(draft, past)
    draft = replace(draft, facts={**draft.facts, "changes": changes})
    edition = store.publish(draft, keep=job.keep, gates=gates, is_served=is_served)
    if is_served:
        remember(job, steps, edition.name)
    return edition
