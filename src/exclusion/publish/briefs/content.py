"""What a brief says: every sentence is made from results by template, in short words and rounded numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import InputError
from exclusion.index.needs import NOT_ASSESSED
from exclusion.publish.briefs.savings import FEW, far_saving, saving
from exclusion.publish.briefs.spoken import (
    likely_range,
    minutes,
    one_in,
    ordinal,
    people,
    small,
)
from exclusion.publish.map.content import Domain
from exclusion.siting.benefit import BenefitParameters

# Facts about the people who live in a place: column, the count it is a share of, and the words for it.
_FACTS = (
    ("aged_75plus_pct", "residents", "people are aged 75 or over"),
    ("disabled_pct", "residents", "people are disabled"),
    ("bad_health_pct", "residents", "people are in bad health"),
    ("no_car_pct", "households", "homes have no car"),
    ("social_rented_pct", "households", "homes are rented from the council or a housing group"),
)
_MOST_FACTS = 3
# Plain words for the needs types and domains of the shipped specification; others keep their own words.
_ACTIONS = {
    "skills-led": "Run weekly one-to-one help with a digital champion. Offer short, free lessons.",
    "connection-led": "Find the homes with slow broadband. Lend mobile data, and open up public wifi.",
    "cost-led": "Tell people about cheap broadband deals. Give out free data and used laptops.",
    "age/health-led": "Bring help to people at home, by phone and at the GP surgery. Keep a way to do things offline.",
}
# Kinds of need that bring no action of their own: what is said of the way to help stands for the first.
_NO_ACTION = {"help-too-far", "lower priority", NOT_ASSESSED}
_WHY = {
    "skills": "Fewer people learn to go online at work.",
    "connection": "Broadband is slow in more homes.",
    "affordability": "More homes are short of money.",
    "age_health": "More people are old or in poor health.",
}
_HELP = "help_min"
_FAR_MIN = 20
# A chance of this much or more is said as almost sure.
_SURE_PCT = 95.0
_TOP = 5


@dataclass(frozen=True)
class Scope:
    """What briefs are written from.

    results: `join_results` of all ranked areas, by `lsoa21cd`; ranked: how many areas the ranks run over; among: in
    words; definition: whom we count; domains of the index; parameters of the saving; plan: the siting record of the
    place, or None; tested: how the estimate did on areas it had not seen, a sentence.
    """

    results: pd.DataFrame
    ranked: int
    among: str
    definition: str
    domains: tuple[Domain, ...]
    plan: Mapping[str, Any] | None = None
    parameters: BenefitParameters | None = None
    tested: str = ""

    @cached_property
    def usual(self) -> Mapping[str, float]:
        """Return the means over all areas that a place is compared with, by column; one that is not there is NaN."""
        weights = {**{column: weight for column, weight, _ in _FACTS}, _HELP: "adults"}
        weights |= {f"{domain.key}_contribution": "adults" for domain in self.domains}
        return {column: _mean(self.results, column, weight) for column, weight in weights.items()}


@dataclass(frozen=True)
class Brief:
    """One brief in words: a title, a lead, and named sections of sentences and bullets (numbers, where the map has them).

    reasons: what each domain adds to risk, in points against what `against` names.
    """

    title: str
    lead: tuple[str, ...]
    sections: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    is_numbered: bool = field(default=False, kw_only=True)
    people: tuple[float, float, float]
    reasons: tuple[tuple[str, float], ...] = field(default=())
    against: str = "a typical area"

    def sentences(self) -> list[str]:
        """Return all that is said, for a test of how easy it is to read."""
        found = [*self.lead]
        for _, texts, bullets in self.sections:
            found += [*texts, *bullets]
        return found


def name_of(row: Any) -> str:
    """Return the name of an area that residents know, with its official name."""
    known = row["msoa_hcl_nm"] if isinstance(row["msoa_hcl_nm"], str) else row["msoa21nm"]
    return f"{known} ({row['lsoa21nm']})"


def place_brief(
    scope: Scope, name: str, here: pd.DataFrame, *, interval: tuple[float, float] | None = None
) -> Brief:
    """Return the brief of a council or any larger place; `here` are its rows of the results.

    `interval` is the range of its people offline from draws; the sums of the areas' own ends, which are wider than
    need be, stand in for it.
    """
    if here.empty:
        raise InputError(f"{name} has no areas to write a brief of.")
    count, low, high = (
        float(here[c].sum()) for c in ("people_offline", "people_offline_low", "people_offline_high")
    )
    share = 100.0 * count / max(float(here["adults"].sum()), 1.0)
    low, high = interval or (low, high)
    reasons = _reasons(scope, here, is_place=True)
    lead = (
        f"{people(count).capitalize()} adults in {name} are offline. That is {one_in(share)}.",
        f"By offline we mean {scope.definition}.",
    )
    return Brief(
        title=f"Who is left offline in {name}",
        lead=lead,
        sections=(
            ("Where they live", *_where(scope, here)),
            ("Who lives here", (), _who(scope, here)),
            ("Why", (), _why(scope, here, reasons)),
            ("How sure we are", _sure(scope, here, low, count, high), ()),
            ("What to do", _help(here), _actions(here)),
            ("What it might save", far_saving(_beyond(here), scope.parameters), ()),
        ),
        people=(low, count, high),
        reasons=reasons,
        against="all areas together",
    )


def area_brief(scope: Scope, lsoa21cd: str) -> Brief:
    """Return the brief of one area; InputError where it is not among the results."""
    if lsoa21cd not in scope.results.index:
        raise InputError(f"{lsoa21cd} is not among the areas of the last run; `exclusion rank` lists them.")
    here = scope.results.loc[[lsoa21cd]]
    row = here.iloc[0]
    count, low, high = (
        float(row[c]) for c in ("people_offline", "people_offline_low", "people_offline_high")
    )
    reasons = _reasons(scope, here, is_place=False)
    lead = (
        f"{people(count).capitalize()} adults in {name_of(row)} are offline. That is {one_in(float(row['offline_share_pct']))}.",
        f"The area is in {row['lad_nm']}. By offline we mean {scope.definition}.",
    )
    return Brief(
        title=f"Who is left offline in {name_of(row)}",
        lead=lead,
        sections=(
            ("Where it stands", _stands(scope, row), ()),
            ("Who lives here", (), _who(scope, here)),
            ("Why", (), _why(scope, here, reasons)),
            ("How sure we are", _sure(scope, here, low, count, high), ()),
            ("What to do", _help(here), _actions(here)),
            ("What it might save", far_saving(_beyond(here), scope.parameters), ()),
        ),
        people=(low, count, high),
        reasons=reasons,
    )


def plan_brief(
    scope: Scope, name: str, here: pd.DataFrame, *, interval: tuple[float, float] | None = None
) -> Brief:
    """Return the brief of the plan for a place; InputError where no plan was made."""
    plan = scope.plan
    if plan is None or "why_not" in plan:
        raise InputError(f"There is no plan for {name}: {(plan or {}).get('why_not', 'run it first.')}")
    before, after, total = (float(plan[key]) for key in ("reached_before", "reached", "people_offline"))
    limit = f"{plan['within_min']:g} minutes"
    venues = plan["venues"]
    low, high = interval or (
        float(here["people_offline_low"].sum()),
        float(here["people_offline_high"].sum()),
    )
    lead = (
        f"We looked for the best {small(len(venues))} new place{'s' if len(venues) != 1 else ''} for a digital champion in {name}.",
        f"{people(total).capitalize()} adults there are offline. Today {people(before)} of them are within {limit} of help.",
        f"The plan would bring {people(after - before)} more within {limit}.",
    )
    proof = (
        "We can prove that no other choice of as many places would reach more."
        if plan["is_proven"]
        else f"No choice of as many places can reach more than {people(float(plan['bound']))}."
    )
    chosen = tuple(
        f"{venue['name']}: {people(float(venue['newly_reached']))} more people within reach"
        for venue in venues
    )
    left = total - after
    return Brief(
        title=f"A plan for digital help in {name}",
        lead=lead,
        sections=(
            ("Where to open", ("In order of what each adds:",), chosen),
            ("Who gains", (f"{people(after - before).capitalize()} more adults would be within {limit} of help.",), ()),
            ("Why these places", (proof, "We count from where people live, and by how long the way takes with and with no car."), ()),
            ("How sure we are", (likely_range("The number of adults offline", low, total, high), "Travel times are worked out, not measured. Ask local people before you choose."), ()),
            ("What to do", ("Ask each venue if it will host a champion. Start with the first on the list.", _left(left)), ()),
            ("What it might save", saving(after - before, scope.parameters), ()),
        ),
        people=(low, total, high),
        is_numbered=True,
    )  # fmt: skip


def _left(people_left: float) -> str:
    if people_left < 0.5:
        return "Nobody would still be far from help."
    return (
        f"{people(people_left).capitalize()} would still be far from help. Call on them at home or by phone."
    )


def _where(scope: Scope, here: pd.DataFrame) -> tuple[tuple[str, ...], tuple[str, ...]]:
    worst = here["exclusion_rank"].astype(float) <= scope.ranked / 10
    rural = (
        100.0
        * float(here.loc[here["is_rural"].astype(bool), "people_offline"].sum())
        / max(float(here["people_offline"].sum()), 1.0)
    )
    count = int(worst.sum())
    known = f"among the worst tenth of {scope.among}"
    said = [
        f"{small(count).capitalize() if count else 'None'} of the {small(len(here))} small areas {'is' if count == 1 else 'are'} {known}."
        if len(here) > 1
        else f"Its one small area is {'' if count else 'not '}{known}.",
        "All of them live in rural areas."
        if rural == 100
        else "All of them live in towns and cities."
        if rural == 0
        else f"{one_in(rural).capitalize()} of those offline live in rural areas.",
        "The areas with most need are:" if len(here) > 1 else "The area is:",
    ]
    top = here["exclusion_rank"].dropna().sort_values().index[:_TOP]
    named = here.loc[top, ["msoa_hcl_nm", "msoa21nm", "lsoa21nm", "people_offline"]].to_dict("records")
    rows = tuple(f"{name_of(row)}: {people(float(row['people_offline']))}" for row in named)
    return tuple(said), rows


def _stands(scope: Scope, row: Any) -> tuple[str, ...]:
    if pd.isna(row["exclusion_rank"]):
        return (f"Too little is known of the area to rank it among {scope.among}.",)
    said = [
        f"Of {scope.among}, it comes {ordinal(row['exclusion_rank'])} from the top for need. "
        + (
            "Without a weight for distance it comes the same."
            if row["risk_rank"] == row["exclusion_rank"]
            else f"Without a weight for distance it comes {ordinal(row['risk_rank'])}."
        )
    ]
    if pd.notna(row.get("exclusion_rank_low")):
        said.append(
            f"The true place is likely from {ordinal(row['exclusion_rank_low'])} to {ordinal(row['exclusion_rank_high'])}."
        )
    said.append("It is a rural area." if bool(row["is_rural"]) else "It is in a town or city.")
    return tuple(said)


def _mean(rows: pd.DataFrame, column: str, weight: str) -> float:
    """Return a weighted mean over the rows in which both are known; NaN where there are none."""
    if not {column, weight} <= set(rows):
        return float("nan")
    values, weights = (rows[name].to_numpy(dtype=float, na_value=np.nan) for name in (column, weight))
    is_known = ~(np.isnan(values) | np.isnan(weights))
    total = float(weights[is_known].sum())
    return float((values[is_known] * weights[is_known]).sum()) / total if total else float("nan")


def _who(scope: Scope, here: pd.DataFrame) -> tuple[str, ...]:
    """Say what sets the place apart most, and compare it with all areas."""
    found = []
    for column, weight, words in _FACTS:
        own, all_areas = _mean(here, column, weight), scope.usual[column]
        if pd.notna(own) and all_areas > 0:
            found.append(
                (own / all_areas, f"{one_in(own).capitalize()} {words} ({one_in(all_areas)} in all areas)")
            )
    found.sort(key=lambda pair: -pair[0])
    return tuple(text for _, text in found[:_MOST_FACTS])


def _reasons(scope: Scope, here: pd.DataFrame, *, is_place: bool) -> tuple[tuple[str, float], ...]:
    """Return what each domain adds to risk, in points, people-weighted; nothing where it is not known.

    Of an area against the typical one. Of a place against all areas together: scores stretch the worst areas, so that
    the mean of all lies above the typical area, and an average place would seem worse in everything.
    """
    found = []
    for domain in scope.domains:
        column = f"{domain.key}_contribution"
        value = _mean(here, column, "adults") - (scope.usual[column] if is_place else 0.0)
        if pd.notna(value):
            found.append((domain.label, value))
    return tuple(found)


def _why(scope: Scope, here: pd.DataFrame, reasons: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
    points = dict(reasons)
    rising = sorted(
        ((value, d) for d in scope.domains if (value := points.get(d.label, 0.0)) > 0.5),
        key=lambda pair: -pair[0],
    )
    said = [_WHY.get(domain.key, f"It scores high on {domain.label.lower()}.") for _, domain in rising[:2]]
    far, usual = _mean(here, _HELP, "adults"), scope.usual[_HELP]
    if far > usual + 1:
        # Minutes are counted up to a limit, and where most are beyond it the limit is what is known at least.
        beyond = here["is_beyond_limit"] if "is_beyond_limit" in here else pd.Series(False, here.index)
        is_limit = bool(beyond.fillna(False).astype(bool).all())
        way = minutes(far).removeprefix("about ") + " or more" if is_limit else minutes(far)
        said.append(f"The way to help is longer: {way} ({minutes(usual)} in all areas).")
    if not rising:
        said.insert(0, "No single cause stands out here." if reasons else "Too little is known to say why.")
    return tuple(said)


def _sure(scope: Scope, here: pd.DataFrame, low: float, count: float, high: float) -> tuple[str, ...]:
    said = [f"This is an estimate. {likely_range('The true number', low, count, high)}"]
    if "chance_worst_tenth_pct" in here and here["chance_worst_tenth_pct"].notna().any():
        chance = here["chance_worst_tenth_pct"].astype(float)
        if len(here) == 1:
            said.append(f"The chance that it is in the worst tenth is {_chance(float(chance.iloc[0]))}.")
        elif sure := int((chance >= _SURE_PCT).sum()):
            said.append(
                f"{small(sure).capitalize()} small area{'s are' if sure != 1 else ' is'} almost sure to be in the worst tenth."
            )
        else:
            said.append("No small area is sure to be in the worst tenth.")
    if scope.tested:
        said.append(scope.tested)
    return tuple(said)


def _chance(pct: float) -> str:
    if pct >= _SURE_PCT:
        return "very high"
    return "very low" if pct <= 100 - _SURE_PCT else one_in(pct)


def _help(here: pd.DataFrame) -> tuple[str, ...]:
    beyond = _beyond(here)
    if beyond is None:
        return ("We do not know where help is given here, so we cannot say who is far from it.",)
    if beyond < 0.5:
        return (f"Everyone offline is within {_FAR_MIN} minutes of help. Make sure they know of it.",)
    return (
        f"{people(beyond).capitalize()} of those offline live more than {_FAR_MIN} minutes from help. "
        + ("A new venue or visits would serve them." if beyond >= FEW else "Visits would serve them."),
    )


def _beyond(here: pd.DataFrame) -> float | None:
    column = "people_offline_beyond_20_min"
    if column not in here or here[column].isna().all():
        return None
    return float(here[column].sum())


def _actions(here: pd.DataFrame) -> tuple[str, ...]:
    """Return what to do for the kinds of need that most people offline live with, in plain words where there are any."""
    by_type = (
        here.groupby("needs_type", observed=True)["people_offline"]
        .sum()
        .sort_values(ascending=False, kind="stable")
    )
    said: list[str] = []
    for kind in by_type.index:
        if kind in _ACTIONS:
            said.append(_ACTIONS[kind])
        elif kind == "multiple":
            where = "In some areas the needs" if len(here) > 1 else "The needs here"
            said.append(f"{where} are mixed. Bring several kinds of help at once.")
        elif kind not in _NO_ACTION:
            # A specification of one's own has its own kinds of need, and says what fits them.
            said.append(str(here.loc[here["needs_type"] == kind, "action"].iloc[0]))
    if not said and set(by_type.index) == {NOT_ASSESSED}:
        said = ["Too little is known to say what would help most. Ask the people who live here."]
    if not said:
        said = ["Keep to the help there is. Need is lower here than in most areas."]
    return tuple(said[:2])
