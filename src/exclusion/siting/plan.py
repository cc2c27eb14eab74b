"""A plan: what is open, whom it reaches, how good it is at most, and the sentences that say so."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.siting.certificate import Prices
from exclusion.siting.conditions import Ints
from exclusion.siting.instance import Instance
from exclusion.siting.model import Model
from exclusion.siting.problem import Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Certificate:
    """Hold prices, the bound they prove in value units, for how many new venues, and at which time if one is asked.

    For "fewest", `pick` venues are proven too few (-1: nothing is proven). For "worst_time", `at` is a longest time
    (hundredths of a minute) proven too short for everybody.
    """

    prices: Prices
    bound: int
    pick: int
    at: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Proof:
    """Hold what a solver of one goal found, in the value units of its model; `sessions` is by venue of the table."""

    columns: Ints
    model: Model
    value: int
    bound: int
    certificate: Certificate
    is_proven: bool
    log: list[dict[str, Any]]
    cpu_seconds: float
    fewest_bound: int | None = None
    sessions: Ints | None = None
    served: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Hold a plan; venues are positions in the problem's table, `chosen` in the order in which each adds most.

    `value` and `bound` are in the goal's own unit: people (cover, gradual, backup, capacity), venues (fewest), minutes
    (mean_time over all people, those beyond the limit counted at the limit; worst_time). `certified_bound` is what the
    certificate proves without a solver. `sessions` is the number held at each chosen venue (capacity only, else 1).
    """

    problem: Problem
    instance: Instance
    chosen: tuple[int, ...]
    value: float
    bound: float
    certified_bound: float | None
    certificate: Certificate
    is_proven: bool
    people_total: float
    people_reached: float
    people_reached_before: float
    people_reachable: float
    log: list[dict[str, Any]] = field(default_factory=list)
    solver_cpu_seconds: float = 0.0
    sessions: tuple[int, ...] = ()
    served: Any = None

    @cached_property
    def venue_ids(self) -> npt.NDArray[Any]:
        """Return the id of every venue of the table."""
        return np.asarray(self.problem.venues["venue_id"].astype(str).to_numpy(dtype=object))

    @property
    def chosen_ids(self) -> tuple[str, ...]:
        """Return the ids of the chosen venues, in order."""
        return tuple(str(self.venue_ids[position]) for position in self.chosen)

    @property
    def open_venues(self) -> Ints:
        """Return all open venues: kept and chosen, ascending."""
        return np.union1d(self.instance.keep, np.array(self.chosen, dtype=np.int64)).astype(np.int64)

    @property
    def gap_pct(self) -> float:
        """Return how far the plan may be from the best possible, in percent of the bound."""
        if self.bound == self.value:
            return 0.0
        return 100 * abs(self.bound - self.value) / max(abs(self.bound), 1e-12)

    @property
    def reached_pct(self) -> float:
        """Return the percent of people (never of places) within the limit of an open venue."""
        return 100 * self.people_reached / self.people_total

    @property
    def summary(self) -> str:
        """Say in plain English what the plan does and how good it is."""
        return summary_of(self)


def covered(instance: Instance, venues: Ints) -> npt.NDArray[np.bool_]:
    """Return for each demand row whether one of the venues is within the limit."""
    row = np.repeat(np.arange(len(instance.weight)), np.diff(instance.indptr))
    return np.bincount(row[np.isin(instance.columns, venues)], minlength=len(instance.weight)) > 0


def nearest(instance: Instance, venues: Ints) -> tuple[Ints, Ints]:
    """Return each demand row's nearest of the venues and its time in hundredths; -1 where none is within the limit.

    Of venues equally near the first in the table counts.
    """
    row = np.repeat(np.arange(len(instance.weight), dtype=np.int64), np.diff(instance.indptr))
    is_in = np.isin(instance.columns, venues)
    row, column, time = row[is_in], instance.columns[is_in], instance.hundredths[is_in]
    order = np.lexsort((column, time, row))
    row, column, time = row[order], column[order], time[order]
    is_first = np.concatenate(([True], row[1:] != row[:-1])) if len(row) else np.empty(0, dtype=bool)
    venue = np.full(len(instance.weight), -1, dtype=np.int64)
    best = np.full(len(instance.weight), -1, dtype=np.int64)
    venue[row[is_first]], best[row[is_first]] = column[is_first], time[is_first]
    return venue, best


def plan_of(problem: Problem, instance: Instance, proof: Proof) -> Plan:
    """Turn what a solver found into a plan in the goal's own unit."""
    chosen = np.concatenate((instance.must, proof.model.venue[proof.columns])).astype(np.int64)
    if len(instance.must):
        chosen = _by_gain(instance, chosen)
    scale, weight = instance.scale, instance.weight
    total = int(weight.sum())
    free = np.setdiff1d(np.arange(instance.venue_count), instance.never)
    opened = np.union1d(instance.keep, chosen)
    value, bound, certified = _in_goal_units(instance, proof, len(chosen))
    sessions = tuple(proof.sessions[chosen].tolist()) if proof.sessions is not None else (1,) * len(chosen)
    return Plan(
        problem=problem,
        instance=instance,
        chosen=tuple(chosen.tolist()),
        value=value,
        bound=bound,
        certified_bound=certified,
        certificate=proof.certificate,
        is_proven=proof.is_proven,
        people_total=total / scale,
        people_reached=int(weight[covered(instance, opened)].sum()) / scale,
        people_reached_before=int(weight[covered(instance, instance.keep)].sum()) / scale,
        people_reachable=int(weight[covered(instance, free)].sum()) / scale,
        log=proof.log,
        solver_cpu_seconds=proof.cpu_seconds,
        sessions=sessions,
        served=proof.served,
    )


def _by_gain(instance: Instance, chosen: Ints) -> Ints:
    """Return venues in the order in which each adds most people within the limit."""
    left = set(chosen.tolist())
    is_covered = covered(instance, instance.keep)
    order: list[int] = []
    sets = {venue: covered(instance, np.array([venue])) for venue in left}
    while left:
        venue = max(sorted(left), key=lambda one: int(instance.weight[sets[one] & ~is_covered].sum()))
        is_covered |= sets[venue]
        left.remove(venue)
        order.append(venue)
    return np.array(order, dtype=np.int64)


def _in_goal_units(instance: Instance, proof: Proof, chosen: int) -> tuple[float, float, float | None]:
    certificate = proof.certificate
    if instance.goal == "fewest":
        certified = None if certificate.pick < 0 else float(certificate.pick + 1 + len(instance.must))
        bound = float((proof.fewest_bound or 0) + len(instance.must))
        return float(chosen), bound, certified
    if instance.goal == "worst_time":
        return proof.value / 100, proof.bound / 100, None if certificate.at is None else certificate.at / 100
    if instance.goal == "mean_time":
        return tuple(  # type: ignore[return-value]
            mean_minutes(instance, value) for value in (proof.value, proof.bound, certificate.bound)
        )
    return proof.value / instance.unit, proof.bound / instance.unit, certificate.bound / instance.unit


def mean_minutes(instance: Instance, value: int) -> float:
    """Return the mean minutes per person that a saving of so many value units below the limit amounts to."""
    return (instance.limit - value / int(instance.weight.sum())) / 100


def summary_of(plan: Plan) -> str:
    """Say in plain English what a plan does, what no plan can do better, and how that is known."""
    return {
        "fewest": _fewest_summary,
        "mean_time": _time_summary,
        "worst_time": _time_summary,
    }.get(plan.instance.goal, _people_summary)(plan)


def _fewest_summary(plan: Plan) -> str:
    who, limit = plan.problem.weight_name, f"{plan.problem.limit_min:g} minutes"
    if not plan.chosen:
        return f"No new venue is needed: {plan.reached_pct:.1f}% of the {who} are within {limit} of help already."
    first = (
        f"{_size(plan)} bring{'s' if len(plan.chosen) == 1 else ''} {plan.people_reached:,.0f} of"
        f" {plan.people_total:,.0f} {who} ({plan.reached_pct:.1f}%) within {limit} of help"
    )
    if plan.is_proven:
        return f"{first}; fewer cannot reach {plan.problem.share_pct:g}%{_conditions(plan)}."
    return f"{first}; at least {plan.bound:.0f} are needed to reach {plan.problem.share_pct:g}%."


def _time_summary(plan: Plan) -> str:
    if plan.instance.goal == "mean_time":
        first = (
            f"With this plan the mean time to help is {plan.value:.2f} minutes ({plan.problem.limit_min:g} minutes for"
            " everybody beyond that)"
        )
        least = f"{np.floor(plan.bound * 100) / 100:.2f}"
    else:
        first = (
            f"With this plan nobody who can be reached at all is more than {plan.value:.2f} minutes from help"
        )
        least = f"{plan.bound:.2f}"
    if plan.is_proven:
        return f"{first}; no plan of {_size(plan)} does better{_conditions(plan)}."
    return f"{first}; no plan of {_size(plan)} can bring that below {least}{_conditions(plan)}."


def _people_summary(plan: Plan) -> str:
    problem = plan.problem
    who, limit = problem.weight_name, f"{problem.limit_min:g} minutes"
    verb = {
        "cover": f"puts {{0}} {who} within {limit} of help",
        "gradual": f"reaches the worth of {{0}} {who}, counted fully up to {problem.full_min or 0:g} minutes and less and"
        f" less up to {problem.limit_min:g}",
        "backup": f"is worth {{0}} {who} within {limit} of help, a second venue in reach counting"
        f" {problem.backup_share:g} of the first",
        "capacity": f"serves {{0}} {who} within {limit}, at no venue more than its champion can help",
    }[problem.goal]
    if plan.is_proven:
        return f"This plan {verb.format(f'{plan.value:,.0f}')}; no plan of {_size(plan)} can do better{_conditions(plan)}."
    most = _up(plan.bound)
    if problem.goal == "cover":
        most = min(most, _up(plan.people_reachable))
    return (
        f"This plan {verb.format(_down(plan.value))}; no plan of {_size(plan)} can reach more than {most:,}{_conditions(plan)},"
        " so it is"
        f" within {max(plan.gap_pct, 0.01):.2f}% of the best possible."
    )


def _size(plan: Plan) -> str:
    number = sum(plan.sessions) if plan.instance.goal == "capacity" else plan.instance.pick
    if plan.instance.goal == "fewest":
        number = len(plan.chosen)
    noun = "session" if plan.instance.goal == "capacity" and plan.instance.sessions > 1 else "venue"
    kept = len(plan.instance.keep)
    budget, is_fewest = plan.problem.budget, plan.instance.goal == "fewest"
    if plan.problem.choose is None and not is_fewest:
        name = f"{'new ' if kept else ''}{noun}s"
    else:
        name = f"{number:,} {'new ' if kept else ''}{noun}{'s' if number != 1 else ''}"
    if budget is not None and not is_fewest:
        name += f" within the budget of {pounds(budget)}"
    return f"{name} beside the {kept:,} kept" if kept else name


def _conditions(plan: Plan) -> str:
    """Say that only plans under the same conditions are meant, where there are any beside number and budget."""
    asked = plan.problem
    is_conditioned = (
        asked.must or asked.never or asked.one_per or asked.kind_at_most or asked.minimum_gain > 0
        or asked.rural_share is not None or asked.district_share is not None
    )  # fmt: skip
    return " under the same conditions" if is_conditioned else ""


def pounds(money: float) -> str:
    """Return an amount of money, with pence where there are any."""
    return f"£{money:,.0f}" if round(money) == round(money, 2) else f"£{money:,.2f}"


def _down(people: float) -> str:
    return f"{np.floor(people + 1e-9):,.0f}"


def _up(people: float) -> int:
    return int(np.ceil(people - 1e-9))


def figure(value: float) -> str:
    """Return a number in full: millions of people are not said in powers of ten."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")
