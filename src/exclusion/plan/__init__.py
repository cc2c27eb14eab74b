"""The plan: which steps a job has, which are stale and why, and how it is carried out.

pull -> indicators -> estimate -> access -> index -> sensitivity -> siting -> publish. The pull settles on one snapshot a
source; every later step is a `Step` with a fingerprint. `exclusion run` and the Prefect flows both drive what is named here.
"""

from exclusion.plan.job_steps import carry_out, open_steps, step_names
from exclusion.plan.last_run import last_files
from exclusion.plan.publication import comparable_edition, draft_edition, edition_store, publish_edition
from exclusion.plan.retrieval import (
    by_publisher,
    check_publishers,
    fetch_some,
    made_up_publishers,
    require_reached,
    served_publishers,
    settle,
    wanted_sources,
)
from exclusion.plan.run_lock import run_lock
from exclusion.plan.runs import Outcome, Prepared, prepare, prepared, run_job, site_venues
from exclusion.plan.teller import Teller

__all__ = [
    "Outcome",
    "Prepared",
    "Teller",
    "by_publisher",
    "carry_out",
    "check_publishers",
    "comparable_edition",
    "draft_edition",
    "edition_store",
    "fetch_some",
    "last_files",
    "made_up_publishers",
    "open_steps",
    "prepare",
    "prepared",
    "publish_edition",
    "require_reached",
    "run_job",
    "run_lock",
    "served_publishers",
    "settle",
    "site_venues",
    "step_names",
    "wanted_sources",
]
