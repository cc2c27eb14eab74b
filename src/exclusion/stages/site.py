"""A siting question answered from the tables of a run: problem, plan, explanation, and the files a planner takes away."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.errors import InputError
from exclusion.files import write_bytes
from exclusion.job import Job
from exclusion.siting.request import Request
from exclusion.stages.own_venues import left_out_count, left_out_text
from exclusion.stages.site_question import Question, Tell, question_of, roads_of
from exclusion.stages.surroundings import surroundings_of
from exclusion.stages.tables import Inputs, read_json, read_table

if TYPE_CHECKING:
    from exclusion.publish.map.surroundings import Surroundings
    from exclusion.siting.benefit import Benefit
    from exclusion.siting.explanation import Explanation
    from exclusion.siting.plan import Plan
    from exclusion.siting.problem import Problem
    from exclusion.sources import PullReport

# rows of a planner's files that a refusal names
_TOLD = 3


def frontier_table(problem: "Problem", points: list[Any]) -> pd.DataFrame:
    """Return a row for each number of venues: `venues, value, bound, is_proven, added, chosen` (names, by table order).

    `added` is what this number adds to the plan in the row before it, and in the first row to the venues that are kept.
    """
    from exclusion.siting.choice import kept_value

    names = problem.venues["name"].astype(str).to_numpy()
    rows = [
        {
            "venues": point.choose,
            "value": point.value,
            "bound": point.bound,
            "is_proven": point.is_proven,
            "chosen": "; ".join(names[venue] for venue in point.venue),
        }
        for point in points
    ]
    table = pd.DataFrame(rows)
    table.insert(4, "added", table["value"].diff().fillna(table["value"] - kept_value(problem)))
    return table


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Hold a plan, why it is as it is, what it may be worth, and the files that were written."""

    question: Question
    plan: "Plan"
    explanation: "Explanation"
    benefit: "Benefit | None"
    paths: tuple[Path, ...]


def answer(
    job: Job,
    request: Request,
    inputs: Inputs,
    report: "PullReport",
    sources: Mapping[str, Mapping[str, Any]],
    *,
    out: Path,
    benefit_file: Path | None,
    exact_seconds: float,
    tell: Tell,
) -> Answer:
    """Choose, explain, and write plan.json, plan.csv, plan.geojson, plan.html and how-this-was-made.html into `out`."""
    from exclusion.publish.lists import csv_bytes
    from exclusion.siting.benefit import estimate_benefit, read_parameters
    from exclusion.siting.choice import choose
    from exclusion.siting.explanation import explain
    from exclusion.siting.plan_files import plan_table, write_plan
    from exclusion.siting.problem import Effort
    from exclusion.stages.edition_facts import standing_note

    parameters = read_parameters(benefit_file)
    question = question_of(job, request, inputs, report, tell)
    effort = Effort(seed=request.seed, exact_seconds=exact_seconds)
    with refusals_told(question):
        plan = choose(question.problem, effort, tell)
    explanation = explain(plan, effort, tell)
    benefit = estimate_benefit(plan, parameters) if request.weight == "people_offline" else None
    note = standing_note(job)
    about = {
        "notice": note or "",
        "notes": list(question.notes),
        "left_out": left_out_text(question.left_out),
        "mode": request.mode,
        "engine": question.engine,
        "benefit": None if benefit is None else {**dataclasses.asdict(benefit), "sentence": benefit.sentence},
        "sources": {name: source["sha256"] for name, source in sorted(sources.items())},
    }
    out.mkdir(parents=True, exist_ok=True)
    paths = write_plan(plan, out, explanation, about)
    write_bytes(out / "plan.csv", csv_bytes(plan_table(plan, explanation), note=note))
    tell("drawing plan.html")
    around = surroundings_of(read_table(inputs["areas.parquet"]), question.areas, roads_of(request, report))
    page, made = _pages(job, question, plan, explanation, benefit, inputs, sources, around)
    write_bytes(out / "plan.html", page)
    write_bytes(out / "how-this-was-made.html", made)
    return Answer(
        question=question,
        plan=plan,
        explanation=explanation,
        benefit=benefit,
        paths=(*paths, out / "plan.html", out / "how-this-was-made.html"),
    )


@contextmanager
def refusals_told(question: Question) -> Iterator[None]:
    """Add to a refusal which rows of the planner's own files were left out, for that is often why."""
    try:
        yield
    except InputError as refusal:
        said = left_out_text(question.left_out)
        if not said:
            raise
        more = f" (and {len(said) - _TOLD:,} more)" if len(said) > _TOLD else ""
        raise InputError(
            f"{refusal} Of the venue files {left_out_count(len(said))} could not be used: {' '.join(said[:_TOLD])}{more}"
        ) from None


def _pages(
    job: Job,
    question: Question,
    plan: "Plan",
    explanation: "Explanation",
    benefit: "Benefit | None",
    inputs: Inputs,
    sources: Mapping[str, Mapping[str, Any]],
    surroundings: "Surroundings",
) -> tuple[bytes, bytes]:
    from exclusion.publish.edition_pages import source_notes
    from exclusion.publish.map.content import Domain, Edition
    from exclusion.publish.map.provenance import build_provenance
    from exclusion.publish.plan_page import PlanTables, build_plan_page
    from exclusion.stages.edition_facts import date_text, ranked_count, standing_note
    from exclusion.stages.publication import results_of

    everything = results_of(job.model_copy(update={"places": ()}), inputs)
    index, estimate = read_json(inputs["index.json"]), read_json(inputs["estimate.json"])
    edition = Edition(
        name=f"plan of {len(plan.chosen)} venue{'s' if len(plan.chosen) != 1 else ''} for {question.place.label}",
        date_text=date_text(sources),
        place_name=question.place.label,
        ranked_areas=ranked_count(everything),
        ranked_among=f"{ranked_count(everything):,} areas {index['relative_to']}",
        sources=source_notes(sources),
        fallbacks=tuple(read_json(inputs["indicators.json"])["stand_ins"]),
        backtest=(*estimate["backtest"], *index["backtest"]),
        method=(*question.notes, "People offline are an estimate with an interval for each area."),
        limits=tuple(estimate["notes"]),
        attribution=tuple(sorted({str(source["credit"]) for source in sources.values() if source["credit"]})),
        is_demonstration=job.is_demo,
        notice=standing_note(job) or "",
        index_href="",
    )
    tables = PlanTables(
        plan=plan,
        explanation=explanation,
        benefit=benefit,
        areas=question.areas,
        results=everything,
        reach=question.reach,
        engine=question.engine,
        edition=edition,
        domains=tuple(Domain(d["id"], d["label"], 100.0 * d["weight"]) for d in index["domains"]),
        notes=question.notes,
        left_out=tuple(left_out_text(question.left_out)),
        surroundings=surroundings,
    )
    made = build_provenance(dataclasses.replace(edition, index_href="plan.html"))
    return build_plan_page(tables), made
