"""The siting step: which venues for the job's place, and the reach that the choice rests on."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.demo import DEMONSTRATION_NOTICE
from exclusion.files import stable_json, write_text
from exclusion.geography.places import Place
from exclusion.job import Job
from exclusion.stages.national import PLACE_SIZE_M, POSTCODES, people_for_access
from exclusion.stages.own_venues import left_out_text, read_own_files
from exclusion.stages.surfaces import write_surfaces
from exclusion.stages.tables import Inputs, place_of, read_table, write_table

if TYPE_CHECKING:
    from exclusion.access.reach import Reach
    from exclusion.sources import PullReport

# A plan for more areas than this is no plan: a champion venue is chosen for a council, a county or a region.
PLAN_AREAS_AT_MOST = 4_000
# Pairs are measured this far at least, so that a planner may try other limits on the page.
_REACH_MIN = 30.0
# Existing venues count this far beyond the place's bounds: people use them.
SEARCH_M = 25_000.0


def make_siting(job: Job, report: "PullReport") -> Callable[[Inputs, Path], None]:
    """Return the builder of the siting step: the plan for the job's place, and the reach it rests on."""

    def build(inputs: Inputs, folder: Path) -> None:
        from exclusion.siting.candidates import gathered

        place = place_of(job, inputs)
        if len(place) > PLAN_AREAS_AT_MOST:
            why = f"No plan is made for {len(place):,} areas at once: choose a council, county or region for one."
            write_text(folder / "siting.json", stable_json({"place": place.label, "why_not": why}))
            return
        areas = read_table(inputs["areas.parquet"])
        here = areas[areas["lsoa21cd"].isin(place.lsoa21cd)].reset_index(drop=True)
        own = read_own_files([] if job.venues is None else [job.venues], _postcodes(report))
        found = gathered(
            read_table(inputs["venues.parquet"]),
            own.venues,
            own.left_out,
            here,
            place=place.label,
            around_m=SEARCH_M,
        )
        venues, remarks = found.venues, left_out_text(found.left_out)
        if venues.empty:
            why = "No venue is known in or around the place: supply a venue file with --venues."
            write_text(folder / "siting.json", stable_json({"place": place.label, "why_not": why}))
            return
        _plan(job, place, here, venues, inputs, remarks, folder)

    return build


def _postcodes(report: "PullReport") -> Callable[[], pd.DataFrame | None]:
    """Return what reads Code-Point Open, where a pull has it."""

    def read() -> pd.DataFrame | None:
        from exclusion.sources import load

        snapshot = report.get(POSTCODES)
        return None if snapshot is None else load(snapshot)

    return read


def _plan(
    job: Job, place: Place, here: Any, venues: pd.DataFrame, inputs: Inputs, remarks: list[str], folder: Path
) -> None:
    """Choose venues and write the plan, the demand and the reach."""
    from exclusion.access.assessment import assess_access

    found = assess_access(
        here,
        people_for_access(inputs),
        venues,
        population=inputs.get("population_raster"),
        place_size_m=PLACE_SIZE_M,
        roads=inputs.get("roads"),
        engine=job.engine,
        reach_limit_min=max(job.within_min, _REACH_MIN),
    )
    surfaces = write_surfaces(
        found,
        here,
        folder,
        raster=inputs.get("population_raster"),
        notice=DEMONSTRATION_NOTICE if job.is_demo else "",
    )
    used, reach = within_use(found.venues, found.reach)
    found = dataclasses.replace(found, venues=used, reach=reach)
    demand = found.demand.merge(
        here[["lsoa21cd", "lad_cd", "lad_nm", "wd_cd", "ruc21cd", "is_rural"]],
        on="lsoa21cd",
        validate="many_to_one",
    )
    write_table(found.venues, folder / "place_venues.parquet")
    write_table(demand, folder / "demand.parquet")
    pairs = found.reach.to_frame(demand["demand_id"], found.venues["venue_id"])
    write_table(pairs.astype({"demand_id": str, "venue_id": str}), folder / "reach.parquet")
    candidates = int((~found.venues["is_existing"].astype(bool)).sum())
    choose = min(job.choose, candidates)
    record: dict[str, Any] = {
        "place": place.label,
        "remarks": [*remarks, *found.notes["remarks"]],
        "measured": found.notes["measured"],
        "roads": found.notes["roads"],
        "placement": found.notes["placement"],
        "surfaces": surfaces,
        "within_min": job.within_min,
        "engine": found.notes["engine"],
        "population_from": found.notes["population_from"],
        "existing": int(found.venues["is_existing"].sum()),
        "candidates": candidates,
    }
    if choose == 0:
        record["why_not"] = (
            "No candidate venue is known in the place: supply a venue file with --venues."
            if not candidates
            else "No new venue was asked for."
        )
    else:
        record |= _chosen(job, place, demand, found, choose, folder)
    write_text(folder / "siting.json", stable_json(record))


def within_use(venues: pd.DataFrame, reach: "Reach") -> tuple[pd.DataFrame, "Reach"]:
    """Leave out existing venues that nobody of the place can reach: they are another place's help."""
    is_reached = np.bincount(reach.indices, minlength=reach.n_venues) > 0
    is_kept = is_reached | ~venues["is_existing"].to_numpy(bool)
    return venues[is_kept].reset_index(drop=True), reach.of_venues(is_kept)


def _chosen(
    job: Job, place: Place, demand: pd.DataFrame, found: Any, choose: int, folder: Path
) -> dict[str, Any]:
    """Choose the venues, write the plan's own files, and return what pages and the summary say of it."""
    from exclusion.siting.choice import choose as choose_venues
    from exclusion.siting.explanation import explain
    from exclusion.siting.plan_files import write_plan
    from exclusion.siting.problem import Problem

    plan = choose_venues(
        Problem(
            demand=demand,
            venues=found.venues,
            reach=found.reach,
            choose=choose,
            limit_min=job.within_min,
            keep=tuple(found.venues.loc[found.venues["is_existing"].astype(bool), "venue_id"]),
            place_name=place.label,
        )
    )
    explained = explain(plan)
    (folder / "plan").mkdir()
    write_plan(plan, folder / "plan", explained)
    names = found.venues.set_index("venue_id")
    return {
        "summary": plan.summary,
        "sentences": list(explained.sentences),
        "is_proven": plan.is_proven,
        "people_offline": plan.people_total,
        "reached_before": plan.people_reached_before,
        "reached": plan.people_reached,
        "reachable": plan.people_reachable,
        "bound": plan.bound,
        "venues": [
            {
                "venue_id": row.venue_id,
                "name": str(names.loc[row.venue_id, "name"]),
                "kind": str(names.loc[row.venue_id, "kind"]),
                "newly_reached": float(row.people_added),
            }
            for row in explained.venues.itertuples(index=False)
            if row.venue_id in plan.chosen_ids
        ],
    }
