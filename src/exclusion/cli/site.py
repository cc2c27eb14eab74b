"""exclusion site: where the next venues should be, with the proof; check, compare, and how many would be enough."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import App

from exclusion.cli.numbers import Whole
from exclusion.cli.site_options import Question

if TYPE_CHECKING:
    from exclusion.cli.display import Display
    from exclusion.job import Job
    from exclusion.plan import Prepared
    from exclusion.siting.request import Request
    from exclusion.stages.site import Answer

app = App(
    name="site",
    help="Choose venues for digital champions, with a bound that no plan can exceed.",
    help_format="plaintext",
)

_PLAIN = Question()
# a day: nobody means more, and a time without end would never be stopped
_EXACT_SECONDS_AT_MOST = 86_400
# More draws of people offline would tell nothing new and fill the memory.
_MOST_DRAWS = 10_000


@app.default
def site(question: Question = _PLAIN, *, benefit: Path | None = None) -> None:
    """Choose venues for a place and write the plan: plan.html (map and reasons), plan.csv, plan.geojson, plan.json.

    Example: exclusion site --place Northumberland --venues halls.csv --choose 8 --within 20 --keep libraries --rural-share 0.4

    Parameters
    ----------
    benefit
        A TOML file of your own costs and take-up, laid over the declared ones.
    """
    from exclusion.cli.display import Display
    from exclusion.stages.site import answer

    display = Display(is_quiet=question.quiet)
    job, request, ready = _ready(question, display)
    found = answer(
        job,
        request,
        ready.files,
        ready.report,
        ready.sources,
        out=_folder(question, job),
        benefit_file=benefit,
        exact_seconds=question.exact_seconds,
        tell=display.step,
    )
    print("\n".join(_lines(job, found)))


@app.command
def frontier(question: Question = _PLAIN, *, up_to: Whole = 30) -> None:
    """Tell the best plan for every number of new venues, each proven where it can be, and write frontier.csv.

    Example: exclusion site frontier --place Northumberland --venues halls.csv --up-to 30

    Parameters
    ----------
    up_to
        The largest number of new venues.
    """
    from exclusion.cli.display import Display
    from exclusion.publish.lists import csv_bytes
    from exclusion.siting.choice import frontier as frontier_of
    from exclusion.siting.problem import Effort
    from exclusion.stages import standing_note
    from exclusion.stages.site import frontier_table, refusals_told
    from exclusion.stages.site_question import question_of

    display = Display(is_quiet=question.quiet)
    job, request, ready = _ready(question, display, choose=up_to)
    asked = question_of(job, request, ready.files, ready.report, display.step)
    effort = Effort(seed=question.seed, exact_seconds=question.exact_seconds)
    with refusals_told(asked):
        points = frontier_of(asked.problem, up_to, effort, display.step)
    table = frontier_table(asked.problem, points)
    folder = _folder(question, job)
    path = folder / "frontier.csv"
    from exclusion.files import write_bytes

    write_bytes(path, csv_bytes(table, note=standing_note(job)))
    who, limit = asked.problem.weight_name, f"{request.within_min:g} minutes"
    counted = (
        f"minutes below {limit}, summed over {who}"
        if request.goal == "mean_time"
        else f"{who} within {limit}"
    )
    print(f"Best plan of each number of new venues for {asked.place.label} ({counted}):")
    for row in table.itertuples(index=False):
        most = "proven" if row.is_proven else f"at most {row.bound:,.0f} possible"
        print(f"  {row.venues:>3}  {row.value:>12,.0f}  {most:<26} +{row.added:,.0f}")
    note = standing_note(job)
    print("\n".join([*([note] if note else []), f"Written: {path}"]))


@app.command
def verify(plan: Path) -> None:
    """Check a plan.json without any solver: its conditions, its people counted again, its bound; exit 1 where it fails.

    Example: exclusion site verify plans/northumberland/plan.json

    Parameters
    ----------
    plan
        The plan.json that a plan wrote, or the folder that holds it.
    """
    from exclusion.siting.verification import verify as check

    found = check(_plan_file(plan))
    for sentence in found.sentences:
        print(sentence)
    print("The plan holds." if found.is_valid else "The plan does NOT hold.")
    if not found.is_valid:
        raise SystemExit(1)


@app.command
def compare(first: Path, second: Path) -> None:
    """Tell what two plans of the same place have in common, and whom each alone reaches.

    Example: exclusion site compare plans/today plans/with-rural-share

    Parameters
    ----------
    first
        A plan.json, or the folder that holds it.
    second
        Another one.
    """
    from exclusion.siting.comparison import compare as compare_plans
    from exclusion.siting.comparison import side_from
    from exclusion.siting.plan_files import read_record

    found = compare_plans(*(side_from(read_record(_plan_file(path))) for path in (first, second)))
    print(found.summary)
    for title, ids in (("Only in the first", found.only_first), ("Only in the second", found.only_second)):
        print(f"{title}: {'; '.join(found.names.get(one, one) for one in ids) or 'no venue'}")
    if found.rural_first_pct is not None and found.rural_second_pct is not None:
        print(
            f"Rural people within reach: {found.rural_first_pct:.1f}% by the first, {found.rural_second_pct:.1f}% by the second."
        )


def _plan_file(path: Path) -> Path:
    return path / "plan.json" if path.is_dir() else path


def _ready(
    question: Question, display: "Display", *, choose: int | None = None
) -> "tuple[Job, Request, Prepared]":
    """Check what was asked and make what is stale; nothing is fetched unless an inbox is given."""
    from exclusion.plan import prepare

    request = _request(question, choose)
    job = _job(question)
    return job, request, prepare(job, display, until="index")


def _request(question: Question, choose: int | None) -> "Request":
    from exclusion.errors import InputError
    from exclusion.siting.request import Helper, Request, goal_of

    for option, path in (
        *(("--venues", path) for path in question.venues),
        ("--weights", question.weights),
        ("--roads", question.roads),
    ):
        if path is not None and not path.is_file():
            raise InputError(f"{option} {path}: there is no such file.")
    if question.inbox is not None and not question.inbox.is_dir():
        raise InputError(f"--inbox {question.inbox}: there is no such folder.")
    if not 0 < question.within <= 180:
        raise InputError(f"--within {question.within:g}: give minutes above 0 and up to 180.")
    goal = goal_of(question.goal)
    _check_options(question, goal)
    number = choose if question.choose is None else question.choose
    if goal != "fewest" and number is None and question.budget is None:
        raise InputError("Say how many venues to choose with --choose, or give a --budget.")
    if number is not None and number < 1:
        raise InputError(f"--choose {number}: ask for at least 1 new venue.")
    return Request(
        goal=goal,
        choose=number,
        within_min=question.within,
        mode=question.mode,
        files=question.venues,
        candidates=question.candidates,
        keep=question.keep,
        is_keep_counted=question.keep_counts,
        must=question.must,
        never=question.never,
        weight=question.weight,
        weights_file=question.weights,
        share_pct=question.share,
        full_min=question.full,
        backup_share=question.backup_share,
        budget=question.budget,
        cost=question.cost,
        sessions_at_most=question.sessions,
        helper=Helper(
            hours_at_most=question.champion_hours,
            people_per_hour=question.people_per_hour,
            weeks=question.weeks,
            visits_per_person=question.visits,
        ),
        one_per=question.one_per,
        kind_at_most=question.kind_at_most or {},
        rural_share=question.rural_share,
        district_share=question.district_share,
        minimum_gain=question.min_gain,
        roads=question.roads,
        draws=question.draws,
        seed=question.seed,
    )


def _check_options(question: Question, goal: str) -> None:
    """Raise InputError for numbers that mean nothing, in the words of the command line."""
    from exclusion.errors import InputError

    if not 0 < question.exact_seconds <= _EXACT_SECONDS_AT_MOST:
        raise InputError(
            f"--exact-seconds {question.exact_seconds:g}: give seconds above 0 and up to {_EXACT_SECONDS_AT_MOST:,}."
        )
    if question.seed < 0:
        raise InputError(f"--seed {question.seed}: give a whole number of 0 or more.")
    if question.out is not None and question.out.exists() and not question.out.is_dir():
        raise InputError(f"--out {question.out}: there is a file of that name; name a folder.")
    if goal == "gradual" and (question.full is None or not 0 <= question.full < question.within):
        raise InputError(
            "The goal gradual needs --full, the minutes up to which people count fully: 0 or more, and below --within"
            f" ({question.within:g})."
        )
    if question.share is not None and not 0 < question.share <= 100:
        raise InputError(f"--share {question.share:g}: give a percentage above 0 and up to 100.")
    if goal == "fewest" and question.share is None:
        raise InputError(
            "The goal share asks for the fewest venues for a share of the people: say which with --share."
        )
    for option, value, most in (
        ("--backup-share", question.backup_share, 1),
        ("--rural-share", question.rural_share, 1),
        ("--district-share", question.district_share, 1),
        ("--draws", question.draws, _MOST_DRAWS),
    ):
        if value is not None and not 0 <= value <= most:
            raise InputError(f"{option} {value:g}: give a number from 0 to {most:,}.")


def _job(question: Question) -> "Job":
    from exclusion.request import requested_job

    choices = {
        "home": question.home, "places": question.place, "inbox": question.inbox, "target": question.target,
        "is_demo": question.demo, "is_offline": question.inbox is None and not question.demo,
    }  # fmt: skip
    names = {"home": "--home", "places": "--place", "inbox": "--inbox", "target": "--target"}
    return requested_job(choices, names, is_for_place=True)


def _folder(question: Question, job: "Job") -> Path:
    from exclusion.geography.places import slug_of

    return question.out or job.home / "plans" / (
        slug_of(" ".join(question.place)) if question.place else "demo"
    )


def _lines(job: "Job", found: "Answer") -> list[str]:
    """Return the answer as a planner reads it on a terminal."""
    import pandas as pd

    from exclusion.stages import standing_note

    plan, explanation = found.plan, found.explanation
    names: dict[str, Any] = plan.problem.venues.set_index(plan.problem.venues["venue_id"].astype(str))[
        "name"
    ].to_dict()
    note = standing_note(job)
    lines = [
        "",
        *([note] if note else []),
        *explanation.sentences,
        "",
        "New venues, in order of what each adds:",
    ]
    for at, row in enumerate(explanation.venues.head(len(plan.chosen)).itertuples(index=False), start=1):
        drawn = (
            "" if pd.isna(row.chosen_in_draws_pct) else f"  chosen in {row.chosen_in_draws_pct:.0f}% of draws"
        )
        held = f"  {plan.sessions[at - 1]} sessions" if plan.sessions[at - 1] > 1 else ""
        lines.append(
            f"  {at:>3}. {str(names.get(row.venue_id, row.venue_id))[:44]:<44} +{row.people_added:>8,.0f}{held}{drawn}"
        )
    if found.benefit is not None:
        lines += ["", found.benefit.sentence]
    left_out = found.question.left_out
    if len(left_out):
        from exclusion.stages.own_venues import left_out_count, left_out_text

        said = left_out_text(left_out)
        lines += [
            "",
            f"{left_out_count(len(said))} of the venue files could not be used:",
            *(f"  {text}" for text in said[:20]),
        ]
        lines += [f"  and {len(said) - 20:,} more, in plan.json"] if len(said) > 20 else []
    lines += [
        "",
        *found.question.notes,
        "",
        f"Written to {found.paths[0].parent}: {', '.join(path.name for path in found.paths)}",
    ]
    return lines
