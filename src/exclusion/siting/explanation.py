"""Why these venues: what each adds, who goes where, what closing one loses, what nearly won, who is still beyond reach."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.siting.conditions import Ints
from exclusion.siting.greedy import Standing
from exclusion.siting.instance import Instance
from exclusion.siting.model import Model, model_of
from exclusion.siting.plan import Plan, covered, nearest, pounds
from exclusion.siting.problem import Effort
from exclusion.siting.solver import Progress, silent

NEAR_TIE_SHARE = 0.01
# a further venue that adds less than this share of all people is on the flat part of the curve
FLAT_SHARE = 0.01
_FURTHER = 10
# a new venue nearer than this to another open one owes what it adds to the limit being a hard line
_BESIDE_KM = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Hold what a planner asks about a plan, as tables.

    `venues`: `venue_id, people_added` (in the order of choice), `people_nearest` (whom it is nearest to, kept venues
    included), `people_lost_if_closed`, `near_ties` (venue ids that could replace it at a loss of less than 1 % of the
    people reached, best first, separated by spaces), `near_tie_losses` (the people each of them would lose), `nearest_open_km` (straight line to the nearest other open venue, null
    without coordinates), `chosen_in_draws_pct` (null without draws).
    `curve`: `venues` (number of new ones), `venue_id, people_added, people_reached`: the plan's venues, then up to ten more,
    each the best addition. `flat_after` is the number after which each further venue adds less than 1 % of the
    people, or None. `beyond`: people still beyond the limit by rural class and district, `areas_beyond` the areas
    with most of them. `reached_in_draws` is the 5 %, 50 % and 95 % point of people reached over the draws.
    """

    venues: Any
    curve: Any
    flat_after: int | None
    beyond: Any
    areas_beyond: Any
    reached_in_draws: tuple[float, float, float] | None
    draws: int
    sentences: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the explanation as plain values."""
        import json

        return {
            "venues": json.loads(self.venues.to_json(orient="records")),
            "curve": json.loads(self.curve.to_json(orient="records")),
            "flat_after": self.flat_after,
            "beyond": json.loads(self.beyond.to_json(orient="records")),
            "areas_beyond": json.loads(self.areas_beyond.to_json(orient="records")),
            "reached_in_draws": self.reached_in_draws,
            "draws": self.draws,
            "sentences": list(self.sentences),
        }


def explain(plan: Plan, effort: Effort | None = None, progress: Progress = silent) -> Explanation:
    """Explain a plan; counts are people within the limit, whatever the plan's goal."""
    import pandas as pd

    effort = effort or Effort()
    instance = plan.instance
    cover = replace(
        instance, goal="cover", must=instance.must[:0], penalty=0, floors=(), cost=None, budget=None
    )
    model = model_of(cover)
    place = {int(venue): column for column, venue in enumerate(model.venue)}
    chosen = np.array(plan.chosen, dtype=np.int64)
    curve = _curve(plan, model, place)
    added = curve.set_index("venue_id")["people_added"]
    near, _ = nearest(instance, plan.open_venues)
    lost = _lost(instance, plan.open_venues)
    ties = {venue: _near_ties(plan, model, place, venue) for venue in chosen.tolist()}
    shares, reached = _stability(plan, effort, progress)
    open_now = [*chosen.tolist(), *instance.keep.tolist()]
    venues = pd.DataFrame(
        {
            "venue_id": [str(plan.venue_ids[venue]) for venue in open_now],
            "people_added": [
                float(added.get(str(plan.venue_ids[venue]), np.nan)) if venue in ties else np.nan
                for venue in open_now
            ],
            "people_nearest": [
                int(instance.weight[near == venue].sum()) / instance.scale for venue in open_now
            ],
            "people_lost_if_closed": [lost.get(venue, 0) / instance.scale for venue in open_now],
            "near_ties": [
                " ".join(str(plan.venue_ids[other]) for other, _ in ties.get(venue, [])) for venue in open_now
            ],
            "near_tie_losses": [
                " ".join(f"{loss:.1f}" for _, loss in ties.get(venue, [])) for venue in open_now
            ],
            "nearest_open_km": _nearest_open_km(plan, open_now),
            "chosen_in_draws_pct": pd.array(
                [None if shares is None or venue not in ties else 100 * shares[venue] for venue in open_now],
                dtype="Float64",
            ),
        }
    )
    flat = _flat_after(curve, plan.people_total)
    beyond, areas = _beyond(plan)
    return Explanation(
        venues=venues,
        curve=curve,
        flat_after=flat,
        beyond=beyond,
        areas_beyond=areas,
        reached_in_draws=reached,
        draws=0 if plan.problem.people_draws is None else len(plan.problem.people_draws),
        sentences=_sentences(plan, venues, curve, flat, beyond, reached),
    )


def _curve(plan: Plan, model: Model, place: dict[int, int]) -> Any:
    import pandas as pd

    standing = Standing(replace(model, partitions=(), pick=model.column_count))
    scale = plan.instance.scale
    reached = model.base
    rows: list[tuple[int, str, float, float, bool]] = []
    for venue in plan.chosen:
        gain = standing.open(place[venue]) if venue in place else 0
        reached += gain
        rows.append((len(rows) + 1, str(plan.venue_ids[venue]), gain / scale, reached / scale, True))
    for _ in range(_FURTHER):
        gains = np.where(standing.allowed(), standing.gain, 0)
        if not len(gains) or gains.max() <= 0:
            break
        column = int(np.argmax(gains))
        reached += standing.open(column)
        rows.append(
            (
                len(rows) + 1,
                str(plan.venue_ids[model.venue[column]]),
                gains[column] / scale,
                reached / scale,
                False,
            )
        )
    return pd.DataFrame(rows, columns=["venues", "venue_id", "people_added", "people_reached", "is_chosen"])


def _flat_after(curve: Any, total: float) -> int | None:
    gains = curve["people_added"].to_numpy()
    for number in range(len(gains)):
        if (gains[number:] < FLAT_SHARE * total).all():
            return number
    return None


def _lost(instance: Instance, opened: Ints) -> dict[int, int]:
    """Return for each open venue the people who have no other open venue within the limit."""
    row = np.repeat(np.arange(len(instance.weight)), np.diff(instance.indptr))
    is_in = np.isin(instance.columns, opened)
    row, column = row[is_in], instance.columns[is_in].astype(np.int64)
    times = np.bincount(row, minlength=len(instance.weight))
    only = times[row] == 1
    sums = np.zeros(instance.venue_count, dtype=np.int64)
    np.add.at(sums, column[only], instance.weight[row[only]])
    return {int(venue): int(sums[venue]) for venue in opened}


def _nearest_open_km(plan: Plan, opened: list[int]) -> npt.NDArray[np.float64]:
    """Return the straight-line kilometres from each open venue to the nearest other one (null where unknown)."""
    venues = plan.problem.venues
    if "x_m" not in venues.columns or "y_m" not in venues.columns or len(opened) < 2:
        return np.full(len(opened), np.nan)
    at = venues[["x_m", "y_m"]].to_numpy(dtype=np.float64, na_value=np.nan)[opened]
    metres = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    np.fill_diagonal(metres, np.inf)
    metres[np.isnan(metres)] = np.inf
    nearest_m = metres.min(axis=1)
    return np.where(np.isfinite(nearest_m), np.round(nearest_m / 1000, 2), np.nan)


def _near_ties(plan: Plan, model: Model, place: dict[int, int], venue: int) -> list[tuple[int, float]]:
    """Return venues that could take one's place at a loss under 1 % of the people reached, and the loss; at most 5."""
    standing = Standing(replace(model, partitions=(), pick=model.column_count))
    for other in plan.chosen:
        if other != venue and other in place:
            standing.open(place[other])
    own = int(standing.gain[place[venue]]) if venue in place else 0
    slack = NEAR_TIE_SHARE * plan.people_reached * plan.instance.scale
    is_near = ~standing.is_open & (standing.gain > own - slack) & (model.venue != venue) & (standing.gain > 0)
    order = np.argsort(-standing.gain, kind="stable")
    return [
        (int(model.venue[column]), max(own - int(standing.gain[column]), 0) / plan.instance.scale)
        for column in order
        if is_near[column]
    ][:5]


def _beyond(plan: Plan) -> tuple[Any, Any]:
    import pandas as pd

    instance, demand = plan.instance, plan.problem.demand.reset_index(drop=True)
    is_beyond = ~covered(instance, plan.open_venues)
    people = pd.Series(instance.weight / instance.scale)
    table = pd.DataFrame({"people": people, "people_beyond": people.where(is_beyond, 0.0)})
    keys = [name for name in ("ruc21cd", "is_rural", "lad_cd") if name in demand.columns]
    for name in (*keys, "lsoa21cd"):
        if name in demand.columns:
            table[name] = demand[name].astype(str)
    if not keys:
        table["place"] = plan.problem.place_name
        keys = ["place"]
    by_class = table.groupby(keys, as_index=False, sort=True)[["people", "people_beyond"]].sum()
    by_class["beyond_pct"] = np.where(
        by_class["people"] > 0, 100 * by_class["people_beyond"] / by_class["people"].replace(0, 1), 0.0
    )
    if "lsoa21cd" in table.columns:
        areas = table.groupby("lsoa21cd", as_index=False, sort=True)[["people", "people_beyond"]].sum()
        areas = areas[areas["people_beyond"] > 0]
        areas = areas.sort_values(["people_beyond", "lsoa21cd"], ascending=[False, True]).head(10)
    else:
        areas = pd.DataFrame({"lsoa21cd": [], "people": [], "people_beyond": []})
    return by_class, areas.reset_index(drop=True)


def _stability(
    plan: Plan, effort: Effort, progress: Progress
) -> tuple[dict[int, float] | None, tuple[float, float, float] | None]:
    """Choose again for each draw of the people (search, not proof), and count how often each venue is in."""
    draws = plan.problem.people_draws
    if draws is None:
        return None, None
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(plan.instance.weight) or not (values >= 0).all():
        raise InputError(
            f"The draws of people are {' x '.join(map(str, values.shape))}; they must be draws x"
            f" {len(plan.instance.weight)} demand rows, with no negative number."
        )
    reached = values[:, covered(plan.instance, plan.open_venues)].sum(axis=1)
    spread = tuple(float(one) for one in np.quantile(reached, (0.05, 0.5, 0.95)))
    if plan.instance.goal not in ("cover", "backup", "gradual", "mean_time"):
        return None, spread  # type: ignore[return-value]
    from exclusion.siting.certificate import Prices
    from exclusion.siting.greedy import greedy, value_of
    from exclusion.siting.search import improved

    empty = np.empty(0, dtype=np.int64)
    counts = dict.fromkeys(plan.chosen, 0)
    own_venues = np.setdiff1d(plan.chosen, plan.instance.must)
    for number, draw in enumerate(values):
        whole = np.rint(draw * plan.instance.scale).astype(np.int64)
        model = model_of(replace(plan.instance, weight=whole, floors=()))
        nothing = Prices(row=empty, floor=empty, budget=0, dominated=empty.reshape(0, 2))
        own = np.flatnonzero(np.isin(model.venue, own_venues))
        best: Ints = own
        # the plan itself comes first: another is "chosen again" only where it is truly worth more in this draw
        for start in (own, greedy(model)):
            found = improved(model, start, nothing, rounds=min(10 * model.pick, 500), seed=effort.seed)
            columns = start if found is None else found
            if value_of(model, columns) > value_of(model, best):
                best = columns
        inside = set(model.venue[best].tolist()) | set(plan.instance.must.tolist())
        for venue in counts:
            counts[venue] += venue in inside
        if (number + 1) % 25 == 0:
            progress(f"stability: {number + 1} of {len(values)} draws")
    return {venue: count / len(values) for venue, count in counts.items()}, spread  # type: ignore[return-value]


def _named(plan: Plan, venue_id: str) -> str:
    """Return the name of a venue as people know it, its id where it has none."""
    table = plan.problem.venues
    if "name" not in table.columns:
        return venue_id
    name = table.loc[table["venue_id"].astype(str) == venue_id, "name"].iloc[0]
    return venue_id if name is None or name != name else str(name)  # noqa: PLR0124 - a null that is not a number


def _costs(plan: Plan) -> npt.NDArray[np.float64]:
    costs: npt.NDArray[np.float64] = plan.problem.venues[plan.problem.cost].to_numpy(dtype=np.float64)
    return costs


def _curve_sentences(plan: Plan, curve: Any, flat: int | None) -> list[str]:
    who = plan.problem.weight_name
    further = curve[~curve["is_chosen"]]
    said = ["One more venue would add nobody."]
    if len(further):
        first = further.iloc[0]
        name = _named(plan, str(first["venue_id"]))
        cost = ""
        if plan.problem.budget is not None:
            at = int(np.flatnonzero(plan.venue_ids == str(first["venue_id"]))[0])
            cost = f", at a cost of {pounds(float(_costs(plan)[at]))}"
        said = [f"One more venue ({name}) would add {first['people_added']:,.0f} {who}{cost}."]
    if flat == 0:
        said.append(
            f"No new venue adds as much as 1% of the {who}: most are within reach already, or too few live near any."
        )
    elif flat is not None and flat < len(curve):
        plural = "s" if flat != 1 else ""
        said.append(f"After {flat} venue{plural} each further one adds less than 1% of the {who}.")
    return said


def _used_sentences(plan: Plan) -> list[str]:
    """Say whether fewer venues than asked for are used, and what they cost where there is a budget."""
    said = []
    if (
        plan.instance.goal not in ("fewest", "capacity")
        and len(plan.chosen) < plan.instance.pick
        and plan.problem.choose
    ):
        why = "a further one adds nobody or not enough" + (
            "" if plan.problem.budget is None else ", or the budget is too small for it"
        )
        said.append(
            f"Only {len(plan.chosen)} of the {plan.instance.pick} venues {'is' if len(plan.chosen) == 1 else 'are'} used: {why}."
        )
    if plan.problem.budget is not None:
        spent = float((_costs(plan)[list(plan.chosen)] * np.array(plan.sessions)).sum())
        said.append(
            f"The chosen venues cost {pounds(spent)} of the budget of {pounds(plan.problem.budget)}."
            if plan.chosen
            else f"Nothing of the budget of {pounds(plan.problem.budget)} is spent."
        )
    return said


def _draw_sentences(plan: Plan, venues: Any, reached: tuple[float, float, float] | None) -> list[str]:
    """Say how the plan does where other numbers of people are true."""
    who, said = plan.problem.weight_name, []
    if reached is not None:
        said.append(
            f"As the number of {who} is itself an estimate, the plan reaches between {reached[0]:,.0f} and"
            f" {reached[2]:,.0f} (90% of draws)."
        )
    shares = venues["chosen_in_draws_pct"].dropna()
    if len(shares):
        least, count = float(shares.min()), len(shares)
        if least >= 100:
            said.append(
                "Every chosen venue is chosen in every draw." if count > 1 else "It is chosen in every draw."
            )
        else:
            weakest = _named(plan, str(venues.loc[shares.astype(float).idxmin(), "venue_id"]))
            said.append(
                f"Chosen in at least 90% of draws: {int((shares >= 90).sum())} of the {count} chosen venues; the least"
                f" certain is {weakest} ({least:.0f}%)."
                if count > 1
                else f"{weakest} is chosen in {least:.0f}% of draws."
            )
    return said


def _sentences(
    plan: Plan,
    venues: Any,
    curve: Any,
    flat: int | None,
    beyond: Any,
    reached: tuple[float, float, float] | None,
) -> tuple[str, ...]:
    who, limit = plan.problem.weight_name, f"{plan.problem.limit_min:g} minutes"
    said = [plan.summary]
    if len(plan.instance.keep):
        said.append(
            f"Venues kept: {len(plan.instance.keep)}, which already reach {plan.people_reached_before:,.0f} {who}; venues"
            f" added: {len(plan.chosen)}, which bring in {plan.people_reached - plan.people_reached_before:,.0f} more."
        )
    said += _used_sentences(plan)
    said += _curve_sentences(plan, curve, flat)
    new = venues[: len(plan.chosen)]
    idle = int((new["people_added"] < 1).sum())
    if idle and plan.instance.goal in ("cover", "gradual", "backup"):
        said.append(
            f"{idle} of the {len(new)} new venues add{'s' if idle == 1 else ''} fewer than one of the {who}:"
            f" {len(new) - idle} would do as well."
        )
    beside = [_named(plan, str(name)) for name in new.loc[new["nearest_open_km"] < _BESIDE_KM, "venue_id"]]
    if beside:
        more = f" and {len(beside) - 3} more" if len(beside) > 3 else ""
        said.append(
            f"Look twice at {', '.join(beside[:3])}{more}: within {_BESIDE_KM:g} km of another open venue, so much of what"
            " is added there comes from the limit being a hard line; try another limit, or gradual coverage."
        )
    left = plan.people_total - plan.people_reached
    said.append(
        f"{left:,.0f} {who} ({100 * left / plan.people_total:.1f}%) stay beyond {limit}; of these"
        f" {plan.people_total - plan.people_reachable:,.0f} are beyond every venue in the list."
    )
    if "is_rural" in beyond.columns:
        rural = beyond[beyond["is_rural"] == "True"]
        if len(rural) and rural["people"].sum() > 0:
            said.append(
                f"In rural areas {rural['people_beyond'].sum():,.0f} of {rural['people'].sum():,.0f} stay beyond it"
                f" ({100 * rural['people_beyond'].sum() / rural['people'].sum():.1f}%)."
            )
    said += _draw_sentences(plan, venues, reached)
    return tuple(said)
