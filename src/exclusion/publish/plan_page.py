"""plan.html: the map of one plan with why it is as it is; one file, offline, readable without its script."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.publish.map.content import Domain, Edition, PageContent, Plan, Reach
from exclusion.publish.map.councils import national_breaks
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.markup import paragraphs, table
from exclusion.publish.map.page import build_page
from exclusion.publish.map.surroundings import Surroundings

if TYPE_CHECKING:
    from exclusion.access.reach import Reach as ReachLists
    from exclusion.siting.benefit import Benefit, BenefitParameters
    from exclusion.siting.explanation import Explanation
    from exclusion.siting.plan import Plan as SitingPlan

_BAR_WIDTH, _BAR_HEIGHT = 640, 22
# Of the width that there is; the numbers before the bars take 90 pixels of it, also where that is 280.
_BAR_MOST_PCT = 66.0
_HEADS = (("Nearest for", True), ("Lost if it closes", True))
_PARAMETERS = (
    ("take_up", "People within reach who come and become able to use services online", "{:.0%}"),
    ("contacts_per_person", "Contacts of a person with the council, a year", "{:.1f}"),
    ("contacts_shifted", "Share of these contacts that then move online", "{:.0%}"),
    ("face_to_face_share", "Share of them that were face to face, the others by phone", "{:.0%}"),
    ("cost_face_to_face", "Cost of a contact face to face", "£{:.2f}"),
    ("cost_phone", "Cost of a contact by phone", "£{:.2f}"),
    ("cost_web", "Cost of a visit to the website", "£{:.2f}"),
    ("failed_web_visits", "Visits to the website that fail and end in a call", "{:.0%}"),
)
_DOWNLOADS = (
    ("Plan (CSV)", "plan.csv"),
    ("Plan (GeoJSON, for a GIS)", "plan.geojson"),
    ("Plan with its proof (JSON)", "plan.json"),
)


@dataclass(frozen=True, kw_only=True)
class PlanTables:
    """All that the page of one plan is made from; `areas` is a GeoDataFrame in EPSG:27700, `results` of all ranked areas."""

    plan: "SitingPlan"
    explanation: "Explanation"
    benefit: "Benefit | None"
    areas: Any
    results: pd.DataFrame
    reach: "ReachLists"
    engine: str
    edition: Edition
    domains: tuple[Domain, ...]
    notes: tuple[str, ...]
    left_out: tuple[str, ...]
    surroundings: Surroundings = field(default_factory=Surroundings)


def build_plan_page(tables: PlanTables) -> bytes:
    """Return plan.html as UTF-8 bytes, the same for the same plan."""
    plan, explanation = tables.plan, tables.explanation
    areas = tables.areas.set_index("lsoa21cd")
    results = tables.results.loc[areas.index].copy()
    results.insert(0, "people_beyond_plan", beyond_by_area(plan).reindex(areas.index))
    demand = plan.problem.demand[["demand_id", "lsoa21cd", "people_offline"]]
    pairs = tables.reach.to_frame(demand["demand_id"], plan.problem.venues["venue_id"])
    venues = plan.problem.venues.assign(
        is_existing=np.isin(np.arange(len(plan.problem.venues)), plan.instance.keep)
    )
    added = explanation.venues["people_added"].to_numpy(float)[: len(plan.chosen)]
    is_part = len(areas) < len(tables.results)
    content = PageContent(
        areas=areas,
        table=results,
        edition=tables.edition,
        domains=tables.domains,
        title=f"Where help could be in {tables.edition.place_name}: a plan of {_count(len(plan.chosen), 'new venue')}",
        venues=venues,
        plan=Plan(
            venue_ids=plan.chosen_ids,
            newly_reached=tuple(float(one) for one in added),
            bound_text=plan.summary,
            title=f"{_count(len(plan.chosen), 'new venue')} for {tables.edition.place_name}",
            minutes=plan.problem.limit_min,
        ),
        reach=Reach(
            demand=demand,
            pairs=pairs.astype({"demand_id": str, "venue_id": str}),
            limit_min=tables.reach.limit_min,
            engine=tables.engine,
        ),
        context=tables.surroundings.context_of(areas),
        national_breaks=national_breaks(tables.results, list(tables.domains)) if is_part else {},
        downloads=_DOWNLOADS,
        explanation=explanation_html(tables),
    )
    return build_page(replace(content, areas=content.areas))


def beyond_by_area(plan: "SitingPlan") -> pd.Series:
    """Return people (of the plan's weight) beyond the limit of every open venue, by lsoa21cd."""
    from exclusion.siting.plan import covered

    instance = plan.instance
    people = np.where(covered(instance, plan.open_venues), 0, instance.weight) / instance.scale
    return pd.Series(people).groupby(plan.problem.demand["lsoa21cd"].to_numpy()).sum()


def explanation_html(tables: PlanTables) -> str:
    """Return the sections between the map and the table of areas, as escaped HTML."""
    parts = [
        _section("plan-words", "What this plan does", paragraphs(tables.explanation.sentences)),
        _section("plan-venues", "The venues, one by one", _venues(tables)),
        _section("plan-curve", "What each further venue adds", _curve(tables)),
        _section("plan-beyond", "Who stays beyond reach", _beyond(tables)),
        _section("plan-proof", "How good the plan is, and how to check it", _proof(tables.plan)),
        _section("plan-worth", "What it may be worth", _worth(tables.benefit)) if tables.benefit else "",
        _section("plan-basis", "What was asked, and what it rests on", _basis(tables)),
    ]
    return f'<div id="plan-explained">\n{"".join(parts)}</div>\n'


def _section(name: str, title: str, body: str) -> str:
    return f'<section class="panel" aria-labelledby="{name}">\n<h2 id="{name}">{e(title)}</h2>\n{body}</section>\n'


def _venues(tables: PlanTables) -> str:
    from exclusion.siting.plan_files import fewer, near_ties

    plan, rows = tables.plan, tables.explanation.venues
    names = _names(plan)
    kinds = dict(zip(plan.venue_ids.tolist(), plan.problem.venues["kind"].astype(str), strict=True))
    has_draws = rows["chosen_in_draws_pct"].notna().any()
    heads = [("Venue", False), ("Order", True), ("Kind", False), ("Adds", True), *_HEADS]
    heads += [("Nearest to replacing it (and people reached)", False)]
    heads += [("Chosen in draws", True)] if has_draws else []
    new, kept = [], []
    for at, row in enumerate(rows.itertuples(index=False)):
        name, kind = names.get(row.venue_id, row.venue_id), kinds.get(row.venue_id, "").replace("_", " ")
        counted = [_people(row.people_nearest), _people(row.people_lost_if_closed)]
        if at >= len(plan.chosen):
            kept.append([name, kind, *counted])
            continue
        others = "; ".join(f"{names.get(other, other)} ({fewer(loss)})" for other, loss in near_ties(row)[:3])
        cells = [name, str(at + 1), kind, _people(row.people_added), *counted, others or "none"]
        if has_draws:
            cells.append(f"{row.chosen_in_draws_pct:.0f}%")
        new.append(cells)
    lead = (
        f"<p>Numbers are {e(plan.problem.weight_name)} within {plan.problem.limit_min:g} minutes. “Adds” counts in the order"
        " of choice; “nearest for” gives everybody to the nearest open venue; “lost if it closes” counts those who"
        " would have no other open venue within the limit.</p>\n"
    )
    found = lead + _scroll(table("New venues", heads, new, name="plan-venue-table"), "New venues of the plan")
    if kept:
        title = f"The {_count(len(kept), 'venue')} kept open"
        inner = table(title, [("Venue", False), ("Kind", False), *_HEADS], kept, name="plan-kept-table")
        found += f"<details><summary>{e(title)}</summary>\n{_scroll(inner, title)}</details>\n"
    return found


def _curve(tables: PlanTables) -> str:
    plan, curve = tables.plan, tables.explanation.curve
    if curve.empty:
        return "<p>No venue adds anybody.</p>\n"
    names = _names(plan)
    flat = tables.explanation.flat_after
    said = (
        f"No venue adds as much as 1% of the {plan.problem.weight_name}."
        if flat == 0
        else f"The curve flattens after {_count(flat, 'venue')}: each further one adds less than 1% of the"
        f" {plan.problem.weight_name}."
        if flat is not None and flat < len(curve)
        else "The curve does not flatten within the venues shown: more venues would go on adding people."
    )
    rows = [
        [
            str(row.venues), names.get(row.venue_id, row.venue_id), "chosen" if row.is_chosen else "would be next",
            _people(row.people_added), _people(row.people_reached),
        ]
        for row in curve.itertuples(index=False)
    ]  # fmt: skip
    heads = [
        ("Venues", False),
        ("Venue", False),
        ("In the plan", False),
        ("Adds", True),
        ("Within reach then", True),
    ]
    return (
        f"<p>{e(said)}</p>\n"
        + bars([float(one) for one in curve["people_added"]], [bool(one) for one in curve["is_chosen"]])
        + _scroll(
            table("What each venue adds, best first", heads, rows, name="plan-curve-table"),
            "What each venue adds",
        )
    )


def bars(values: Sequence[float], is_chosen: Sequence[bool]) -> str:
    """Return a bar for each value as SVG; the table beside it holds the same numbers, so it is hidden from readers of screens.

    Lengths are shares of the width, so that on a narrow screen the bars grow shorter and the numbers stay as large.
    """
    top = max([*values, 1e-9])
    height = _BAR_HEIGHT * len(values) + 4
    found = []
    for at, (value, chosen) in enumerate(zip(values, is_chosen, strict=True)):
        y, width_pct = at * _BAR_HEIGHT + 2, _BAR_MOST_PCT * max(value, 0.0) / top
        fill = "fill: var(--bar)" if chosen else "fill: none; stroke: var(--bar); stroke-dasharray: 4 3"
        found.append(
            f'<text x="26" y="{y + 15}" text-anchor="end">{at + 1}</text>'
            f'<text x="82" y="{y + 15}" text-anchor="end">{_people(value)}</text>'
            f'<rect x="90" y="{y + 2}" width="{width_pct:.1f}%" height="{_BAR_HEIGHT - 6}" style="{fill}"></rect>'
        )
    return (
        f'<svg aria-hidden="true" width="100%" height="{height}" style="display: block; max-width: {_BAR_WIDTH}px"'
        f' font-size="13" fill="currentColor">{"".join(found)}</svg>\n<p class="hint">Filled: in the plan. Dashed: would be next.</p>\n'
    )


def _beyond(tables: PlanTables) -> str:
    plan, explanation = tables.plan, tables.explanation
    areas = tables.areas.drop_duplicates("lsoa21cd").set_index("lsoa21cd")
    who = plan.problem.weight_name
    classes = explanation.beyond
    shown = [name for name in ("ruc21cd", "lad_cd") if name in classes.columns]
    labels = {
        "ruc21cd": dict(zip(areas["ruc21cd"].astype(str), areas["ruc21nm"].astype(str), strict=True)),
        "lad_cd": dict(zip(areas["lad_cd"].astype(str), areas["lad_nm"].astype(str), strict=True)),
    }
    parts = []
    for key, title in (("ruc21cd", "By rural class"), ("lad_cd", "By council")):
        if key not in shown or (key == "lad_cd" and classes[key].nunique() < 2):
            continue
        sums = classes.groupby(key, sort=True)[["people", "people_beyond"]].sum()
        rows = [
            [
                labels[key].get(str(code), str(code)),
                _people(row.people),
                _people(row.people_beyond),
                f"{100 * row.people_beyond / row.people:.1f}%" if row.people > 0 else "",
            ]
            for code, row in sums.iterrows()
        ]
        heads = [
            (title.removeprefix("By ").capitalize(), False),
            (who.capitalize(), True),
            ("Beyond reach", True),
            ("Share", True),
        ]
        parts.append(_scroll(table(title, heads, rows, name=f"plan-beyond-{key}"), title))
    worst = explanation.areas_beyond
    if len(worst):
        neighbourhood = areas["msoa_hcl_nm"] if "msoa_hcl_nm" in areas.columns else areas["lsoa21nm"]
        rows = [
            [str(areas["lsoa21nm"].get(row.lsoa21cd, row.lsoa21cd)), _text(neighbourhood.get(row.lsoa21cd)), _people(row.people_beyond), _people(row.people)]
            for row in worst.itertuples(index=False)
        ]  # fmt: skip
        heads = [("Area", False), ("Neighbourhood", False), ("Beyond reach", True), (f"All {who}", True)]
        title = "Areas with most of them"
        parts.append(_scroll(table(title, heads, rows, name="plan-beyond-areas"), title))
    return "".join(parts) or "<p>Nobody.</p>\n"


def _proof(plan: "SitingPlan") -> str:
    said = [
        "This is proven: no other choice under the same conditions is better."
        if plan.is_proven
        else f"The plan is within {max(plan.gap_pct, 0.01):.2f}% of the best possible; a better one may exist within that."
    ]
    if plan.certified_bound is not None:
        unit = {"mean_time": "minutes", "worst_time": "minutes", "fewest": "venues"}.get(
            plan.instance.goal, "people"
        )
        digits = 2 if unit == "minutes" else 0
        how = "Without trusting any solver, the list of prices in plan.json shows that no plan can"
        better = {
            "minutes": "bring the time below",
            "venues": "do with fewer than",
            "people": "reach more than",
        }[unit]
        bound = plan.certified_bound
        said.append(
            f"{how} {better} {np.ceil(bound - 1e-9):,.0f}."
            if unit != "minutes"
            else f"{how} {better} {bound:,.{digits}f} minutes."
        )
    check = "<p>Anybody can check it: <code>exclusion site verify plan.json</code> counts everything again from the file.</p>\n"
    return paragraphs(said) + check


def _worth(benefit: "Benefit | None") -> str:
    if benefit is None:
        return ""
    rows = [
        [label, *(f"{mark}{getattr(one, side):,.{digits}f}" for side in ("low", "central", "high"))]
        for label, one, mark, digits in (
            ("People who may become able to use services online", benefit.new_users, "", 0),
            ("Contacts a year that may move online", benefit.contacts_moved, "", 0),
            ("Saving for each of them", benefit.saving_per_contact, "£", 2),
            ("Saving a year", benefit.saving_per_year, "£", 0),
        )
    ]
    heads = [("Estimate", False), ("Low", True), ("Central", True), ("High", True)]
    title = f"Estimate with its range, prices of {benefit.price_year}"
    return (
        f"<p>{e(benefit.sentence)}</p>\n"
        + _scroll(table(title, heads, rows, name="plan-worth-table"), "Estimate")
        + _assumed(benefit.parameters)
        + "<p>Lay your own over them with <code>--benefit FILE</code>.</p>\n"
    )


def _assumed(parameters: "BenefitParameters") -> str:
    """Return what the estimate rests on as a table, each with its range."""
    rows = [
        [
            label,
            *(shape.format(getattr(getattr(parameters, name), side)) for side in ("low", "central", "high")),
        ]
        for name, label, shape in _PARAMETERS
    ]
    heads = [("Declared assumption", False), ("Low", True), ("Central", True), ("High", True)]
    title = "What the estimate rests on"
    return _scroll(table(title, heads, rows, name="plan-worth-assumed"), title) + paragraphs(
        [parameters.note]
    )


def _basis(tables: PlanTables) -> str:
    from exclusion.siting.problem import GOALS

    problem = tables.plan.problem
    asked = [
        f"The aim: {GOALS[problem.goal]}.",
        f"The limit: {problem.limit_min:g} minutes; a time equal to it is within it. It is a choice: try another as well.",
        (
            f"Venues kept open and counted: {len(tables.plan.instance.keep):,}. Venues that could be chosen:"
            f" {len(problem.venues) - len(tables.plan.instance.keep) - len(tables.plan.instance.never):,}."
        ),
    ]
    if problem.rural_share:
        asked.append(f"At least {100 * problem.rural_share:g}% of rural {problem.weight_name} within reach.")
    if problem.district_share:
        asked.append(f"At least {100 * problem.district_share:g}% within reach in every council.")
    if problem.budget is not None:
        asked.append(f"Budget: {problem.budget:,.0f}.")
    if problem.one_per is not None:
        asked.append("At most one open venue in each ward, parish or other group asked for.")
    if problem.minimum_gain:
        asked.append(f"Each new venue is to add at least {problem.minimum_gain:,.0f} people.")
    left_out = (
        f"<h3>Rows that could not be used ({len(tables.left_out):,})</h3>\n" + paragraphs(tables.left_out)
        if tables.left_out
        else ""
    )
    return paragraphs([*asked, *tables.notes]) + left_out


def _names(plan: "SitingPlan") -> dict[str, str]:
    from exclusion.siting.plan_files import venue_names

    return dict(zip(plan.venue_ids.tolist(), venue_names(plan), strict=True))


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)  # noqa: PLR0124 - NaN differs from itself


def _people(value: float) -> str:
    return "" if pd.isna(value) else f"{value:,.0f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _scroll(markup: str, label: str) -> str:
    return f'<div class="scroll" role="region" aria-label="{e(label)}" tabindex="0">\n{markup}</div>\n'
