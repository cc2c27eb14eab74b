"""A checked problem in whole numbers: what the solvers work on and what a certificate is checked against."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import ContractError, InputError
from exclusion.siting.conditions import (
    PERMILLE,
    Floor,
    Ints,
    backup_of,
    called,
    capacity_of,
    costs_of,
    floors_of,
    full_of,
    partitions_of,
    penalty_of,
    pick_of,
    positions_of,
    required_of,
    sessions_of,
)
from exclusion.siting.problem import GOALS, Goal, Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """Hold a siting problem in whole numbers.

    `weight` is people x `scale` for each demand row; `indptr`, `columns`, `hundredths` are the reach lists (venues of
    each row, and travel time in hundredths of a minute, a time equal to the limit being within it). `pick` is the
    number of new venues (sessions, for "capacity"), `must` among them. Venues in `never` cannot be opened.
    `partitions` are (group of each venue or -1, places left in each group) pairs. `cost` and `budget` are in hundredths
    of a unit of money. `penalty` is the scaled number of people a new venue must add. `capacity` is scaled people.
    """

    goal: Goal
    scale: int
    weight: Ints
    indptr: Ints
    columns: npt.NDArray[np.int32]
    hundredths: npt.NDArray[np.int32]
    venue_count: int
    limit: int
    full: int
    pick: int
    keep: Ints
    must: Ints
    never: Ints
    partitions: tuple[tuple[Ints, Ints], ...] = ()
    cost: Ints | None = None
    budget: int | None = None
    penalty: int = 0
    backup: int = 300
    floors: tuple[Floor, ...] = ()
    required: int = 0
    capacity: Ints | None = None
    sessions: int = 1

    @property
    def opened(self) -> Ints:
        """Return the venues that are open in every plan: kept and forced in."""
        return np.union1d(self.keep, self.must).astype(np.int64)

    @property
    def unit(self) -> int:
        """Return how many value units of this goal make one person (one person-minute for "mean_time")."""
        return self.scale * {"gradual": PERMILLE, "backup": PERMILLE, "mean_time": 100}.get(self.goal, 1)

    def with_weight(self, weight: Ints) -> "Instance":
        """Return the same problem with other weights."""
        return replace(self, weight=weight)


def scaled(values: npt.NDArray[np.float64]) -> tuple[Ints, int]:
    """Scale numbers of people to whole numbers; return them and the scale.

    Whole numbers keep scale 1; fractional ones are held to a hundredth, and to more digits where the total is small
    (an index as weight), so that the total has at least seven digits.
    """
    total = float(values.sum())
    if total > 0 and (values == np.rint(values)).all() and total >= 1:
        return np.rint(values).astype(np.int64), 1
    scale = 100
    while 0 < total * scale < 1e7 and scale < 10**9:
        scale *= 10
    return np.rint(values * scale).astype(np.int64), scale


def instance_of(problem: Problem) -> Instance:
    """Check a problem and put it in whole numbers.

    Raises InputError with one sentence that says what to change where the request is silly or impossible, and
    ContractError where a table does not hold what its contract says.
    """
    demand, venues, reach = problem.demand, problem.venues, problem.reach
    if problem.goal not in GOALS:
        raise InputError(f"{problem.goal!r} is no goal of siting: choose one of {', '.join(sorted(GOALS))}.")
    weight = _weights(problem)
    venue_id = _unique_ids(venues, "venue_id", "venues")
    _unique_ids(demand, "demand_id", "demand")
    if reach.shape != (len(demand), len(venues)):
        raise ContractError(
            f"The reach lists are for {reach.shape[0]} demand rows and {reach.shape[1]} venues, but the tables"
            f" hold {len(demand)} and {len(venues)}: make the lists from these tables."
        )
    limit = _limit(problem)
    hundredths = np.rint(np.asarray(reach.minutes, dtype=np.float64) * 100).astype(np.int32)
    within = hundredths <= limit
    position = np.concatenate(([0], np.cumsum(within, dtype=np.int64)))
    keep = positions_of(problem.keep, venue_id, "kept")
    must = np.setdiff1d(positions_of(problem.must, venue_id, "forced in"), keep)
    never = positions_of(problem.never, venue_id, "forced out")
    for name, other in (("kept", keep), ("forced in", must)):
        both = np.intersect1d(never, other)
        if len(both):
            raise InputError(
                f"Venue {called(venues, int(both[0]))!r} is both {name} and forced out: take it off one of the two lists."
            )
    whole, scale = scaled(weight)
    if int(whole.sum()) * PERMILLE * max(limit, 1) > 1 << 60:
        raise InputError(
            f"The weights in {problem.weight!r} are too large to add up exactly: use smaller units."
        )
    columns = np.asarray(reach.indices)[within].astype(np.int32)
    if not len(columns) or not whole[np.diff(position[np.asarray(reach.indptr)]) > 0].sum():
        raise InputError(
            f"No venue is within {problem.limit_min:g} minutes of any {problem.weight_name} in {problem.place_name}:"
            " check that the venues lie in or near the place, or raise the limit."
        )
    cost, budget = costs_of(problem, must)
    pick = pick_of(problem, keep, must, never, len(venues))
    instance = Instance(
        goal=problem.goal,
        scale=scale,
        weight=whole,
        indptr=position[np.asarray(reach.indptr)],
        columns=columns,
        hundredths=hundredths[within],
        venue_count=len(venues),
        limit=limit,
        full=full_of(problem, limit),
        pick=pick,
        keep=keep,
        must=must,
        never=never,
        partitions=partitions_of(problem, keep, must),
        cost=cost,
        budget=budget,
        penalty=penalty_of(problem, scale),
        backup=backup_of(problem),
        floors=floors_of(problem, whole),
        required=required_of(problem, whole),
        capacity=capacity_of(problem, scale),
        sessions=sessions_of(problem),
    )
    candidates = np.setdiff1d(np.unique(instance.columns), np.concatenate((never, keep)))
    if not len(candidates) and problem.goal != "capacity":
        raise InputError(
            f"None of the venues that may be opened is within {problem.limit_min:g} minutes of any"
            f" {problem.weight_name}: add candidate venues, free some from the kept or forced-out lists, or raise the limit."
        )
    return instance


def _weights(problem: Problem) -> npt.NDArray[np.float64]:
    if problem.weight not in problem.demand.columns:
        raise InputError(
            f"The demand table has no column {problem.weight!r} to weigh people by: it has"
            f" {', '.join(map(str, problem.demand.columns))}."
        )
    values = problem.demand[problem.weight].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        row = problem.demand["demand_id"].iloc[int(np.argmax(wrong))]
        raise ContractError(
            f"Column {problem.weight!r} of the demand table is null or negative in {int(wrong.sum())} rows, first"
            f" {row!r}: give every row a number, 0 where nobody lives."
        )
    if not values.sum() > 0:
        raise InputError(
            f"There are no {problem.weight_name} in {problem.place_name}: nothing to choose venues for."
        )
    return np.asarray(values, dtype=np.float64)


def _unique_ids(table: Any, key: str, name: str) -> npt.NDArray[Any]:
    if key not in table.columns:
        raise ContractError(f"The {name} table has no column {key!r}.")
    ids = table[key].astype(str)
    twice = ids[ids.duplicated()]
    if len(twice):
        raise InputError(
            f"{len(twice)} rows of the {name} table repeat the id of another, first {twice.iloc[0]!r}: keep one row"
            " for each."
        )
    return np.asarray(ids.to_numpy(dtype=object))


def _limit(problem: Problem) -> int:
    if not problem.limit_min > 0:
        raise InputError(f"The limit is {problem.limit_min:g} minutes: give a time above 0.")
    if problem.limit_min > problem.reach.limit_min:
        raise InputError(
            f"Travel times were computed up to {problem.reach.limit_min:g} minutes, so a limit of"
            f" {problem.limit_min:g} cannot be answered: compute them further or lower the limit."
        )
    return round(problem.limit_min * 100)
