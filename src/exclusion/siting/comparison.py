"""Two plans side by side: what both open, whom each alone reaches, and what that means for rural people."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.siting.conditions import Ints
from exclusion.siting.instance import Instance
from exclusion.siting.plan import Plan, covered
from exclusion.siting.plan_files import instance_from


@dataclass(frozen=True, kw_only=True, eq=False)
class Side:
    """Hold what a comparison needs of one plan, whether it comes from memory or from its file."""

    instance: Instance
    demand_ids: list[str]
    names: dict[str, str]
    open_ids: frozenset[str]
    opened: Ints
    is_rural: npt.NDArray[np.bool_] | None
    weight_name: str
    limit_min: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Hold two plans side by side: venues in both and in one only, people won and lost between them.

    Venues are ids, `names` their names; people are those of the demand within each plan's own limit.
    """

    in_both: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    names: dict[str, str]
    people_first: float
    people_second: float
    people_only_first: float
    people_only_second: float
    rural_first_pct: float | None
    rural_second_pct: float | None
    summary: str


def side_of(plan: Plan) -> Side:
    """Return a plan in memory as one side of a comparison."""
    demand = plan.problem.demand
    has_rural = "is_rural" in demand.columns and not demand["is_rural"].isna().any()
    names = plan.problem.venues.get("name", plan.venue_ids)
    return Side(
        instance=plan.instance,
        demand_ids=demand["demand_id"].astype(str).tolist(),
        names=dict(zip(plan.venue_ids.tolist(), map(str, names), strict=True)),
        open_ids=frozenset(str(plan.venue_ids[venue]) for venue in plan.open_venues),
        opened=plan.open_venues,
        is_rural=demand["is_rural"].to_numpy(dtype=bool) if has_rural else None,
        weight_name=plan.problem.weight_name,
        limit_min=plan.problem.limit_min,
    )


def side_from(record: dict[str, Any]) -> Side:
    """Return a plan file's record as one side of a comparison; ContractError where its inputs were changed."""
    instance, inputs = instance_from(record), record["inputs"]
    opened = np.union1d(instance.keep, np.array(record["answer"]["chosen_at"], dtype=np.int64)).astype(
        np.int64
    )
    rural = inputs.get("is_rural")
    return Side(
        instance=instance,
        demand_ids=inputs["demand_id"],
        names=dict(zip(inputs["venue_id"], inputs["venue_name"], strict=True)),
        open_ids=frozenset(inputs["venue_id"][venue] for venue in opened),
        opened=opened,
        is_rural=None if rural is None else np.array(rural, dtype=bool),
        weight_name=record["question"]["weight_name"],
        limit_min=record["question"]["limit_min"],
    )


def compare(first: Plan | Side, second: Plan | Side) -> Comparison:
    """Compare two plans of the same people, counting those within each plan's own limit.

    The lists of venues may differ. Raises InputError where the plans are about other people.
    """
    one = side_of(first) if isinstance(first, Plan) else first
    two = side_of(second) if isinstance(second, Plan) else second
    people = one.instance.weight / one.instance.scale
    other = two.instance.weight / two.instance.scale
    if one.demand_ids != two.demand_ids or not np.array_equal(people, other):
        raise InputError(
            "Two plans can be compared only where both are about the same people of the same place: these count"
            f" {people.sum():,.0f} {one.weight_name} in {len(one.demand_ids):,} demand rows and {other.sum():,.0f}"
            f" {two.weight_name} in {len(two.demand_ids):,}."
        )
    by_first, by_second = covered(one.instance, one.opened), covered(two.instance, two.opened)
    lost, won = float(people[by_first & ~by_second].sum()), float(people[by_second & ~by_first].sum())

    def rural_pct(is_covered: npt.NDArray[np.bool_]) -> float | None:
        if one.is_rural is None or not people[one.is_rural].sum() > 0:
            return None
        return float(100 * people[one.is_rural & is_covered].sum() / people[one.is_rural].sum())

    both = one.open_ids & two.open_ids
    limits = (
        f" (within {one.limit_min:g} and {two.limit_min:g} minutes)" if one.limit_min != two.limit_min else ""
    )
    return Comparison(
        in_both=tuple(sorted(both)),
        only_first=tuple(sorted(one.open_ids - both)),
        only_second=tuple(sorted(two.open_ids - both)),
        names=two.names | one.names,
        people_first=float(people[by_first].sum()),
        people_second=float(people[by_second].sum()),
        people_only_first=lost,
        people_only_second=won,
        rural_first_pct=rural_pct(by_first),
        rural_second_pct=rural_pct(by_second),
        summary=(
            f"The second plan reaches {people[by_second].sum():,.0f} {one.weight_name} where the first reaches"
            f" {people[by_first].sum():,.0f}{limits}: {won:,.0f} come within reach and {lost:,.0f} fall out of it;"
            f" {len(both)} venue{'s are' if len(both) != 1 else ' is'} in both."
        ),
    )
