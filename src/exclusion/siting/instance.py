"""A checked problem in whole numbers: what the solvers work on and what a certificate is checked against."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import ContractError, InputError
from exclusion.siting.problem import GOALS, Goal, Problem

Ints = npt.NDArray[np.int64]

PERMILLE = 1000
_LARGEST = 1 << 52


@dataclass(frozen=True, kw_only=True, eq=False)
class Floor:
    """Ask that at least `required` (scaled people) of the demand rows `rows` are within the limit."""

    label: str
    rows: Ints
    required: int


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
    keep = _positions(problem.keep, venue_id, "kept")
    must = np.setdiff1d(_positions(problem.must, venue_id, "forced in"), keep)
    never = _positions(problem.never, venue_id, "forced out")
    for name, other in (("kept", keep), ("forced in", must)):
        both = np.intersect1d(never, other)
        if len(both):
            raise InputError(
                f"Venue {venue_id[both[0]]!r} is both {name} and forced out: take it off one of the two lists."
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
    cost, budget = _costs(problem, must)
    pick = _pick(problem, keep, must, never, len(venues))
    instance = Instance(
        goal=problem.goal,
        scale=scale,
        weight=whole,
        indptr=position[np.asarray(reach.indptr)],
        columns=columns,
        hundredths=hundredths[within],
        venue_count=len(venues),
        limit=limit,
        full=_full(problem, limit),
        pick=pick,
        keep=keep,
        must=must,
        never=never,
        partitions=_partitions(problem, keep, must),
        cost=cost,
        budget=budget,
        penalty=_whole_penalty(problem, scale),
        backup=_backup(problem),
        floors=_floors(problem, whole),
        required=_required(problem, whole),
        capacity=_capacity(problem, scale),
        sessions=_sessions(problem),
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


def _positions(ids: Sequence[str], known: npt.NDArray[Any], role: str) -> Ints:
    place = {name: number for number, name in enumerate(known)}
    for name in ids:
        if name not in place:
            near = difflib.get_close_matches(name, list(place), n=1)
            hint = f": did you mean {near[0]!r}?" if near else ": give its venue_id as in the venues table."
            raise InputError(
                f"Venue {name!r} is to be {role}, but the venues table has no such venue_id{hint}"
            )
    return np.unique(np.array([place[name] for name in ids], dtype=np.int64))


def _limit(problem: Problem) -> int:
    if not problem.limit_min > 0:
        raise InputError(f"The limit is {problem.limit_min:g} minutes: give a time above 0.")
    if problem.limit_min > problem.reach.limit_min:
        raise InputError(
            f"Travel times were computed up to {problem.reach.limit_min:g} minutes, so a limit of"
            f" {problem.limit_min:g} cannot be answered: compute them further or lower the limit."
        )
    return round(problem.limit_min * 100)


def _full(problem: Problem, limit: int) -> int:
    if problem.goal != "gradual":
        return limit
    if problem.full_min is None or not 0 <= problem.full_min < problem.limit_min:
        raise InputError(
            "Gradual coverage needs full_min, the minutes up to which people count fully, from 0 to below the limit of"
            f" {problem.limit_min:g}."
        )
    return round(problem.full_min * 100)


def _costs(problem: Problem, must: Ints) -> tuple[Ints | None, int | None]:
    if problem.budget is None:
        return None, None
    if problem.cost not in problem.venues.columns:
        raise InputError(
            f"A budget needs the cost of each venue: add a column {problem.cost!r} to the venues table."
        )
    cost = problem.venues[problem.cost].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(cost) & (cost >= 0))
    if wrong.any():
        name = problem.venues["venue_id"].iloc[int(np.argmax(wrong))]
        raise InputError(
            f"The cost of venue {name!r} is missing or negative: give every venue a cost of 0 or more."
        )
    whole = np.rint(cost * 100).astype(np.int64)
    budget = round(problem.budget * 100)
    is_free = np.ones(len(whole), dtype=bool)
    is_free[_positions((*problem.keep, *problem.never), _ids(problem.venues), "kept or forced out")] = False
    if is_free.any() and budget < int(whole[is_free].min()):
        raise InputError(
            f"The budget of {problem.budget:,.0f} is below the cheapest venue ({whole[is_free].min() / 100:,.0f}):"
            " raise the budget or add cheaper venues."
        )
    forced = int(whole[must].sum())
    if forced > budget:
        raise InputError(
            f"The venues forced in cost {forced / 100:,.0f}, more than the budget of {problem.budget:,.0f}: raise the"
            " budget or free some of them."
        )
    return whole, budget


def _ids(venues: Any) -> npt.NDArray[Any]:
    return np.asarray(venues["venue_id"].astype(str).to_numpy(dtype=object))


def _pick(problem: Problem, keep: Ints, must: Ints, never: Ints, venue_count: int) -> int:
    open_to_choice = venue_count - len(keep) - len(never)
    if problem.goal == "capacity":
        open_to_choice *= max(problem.sessions_at_most, 1)
    if problem.choose is None:
        if problem.goal == "fewest" or problem.budget is not None:
            return open_to_choice
        raise InputError("Say how many venues to choose, or give a budget and the cost of each venue.")
    choose = problem.choose - (len(keep) if problem.is_keep_counted else 0)
    if choose < 0:
        raise InputError(
            f"{len(keep)} venues are kept and counted, more than the {problem.choose} to choose: choose at least"
            f" {len(keep)} or keep fewer."
        )
    if choose == 0:
        raise InputError("Nothing is to be chosen: ask for at least 1 venue beside those that are kept.")
    if choose > open_to_choice:
        raise InputError(
            f"{choose} venues are to be chosen but only {open_to_choice} may be opened: choose at most"
            f" {open_to_choice} or add candidates."
        )
    if len(must) > choose:
        raise InputError(
            f"{len(must)} venues are forced in, more than the {choose} to choose: choose at least {len(must)} or free"
            " some."
        )
    return choose


def _partitions(problem: Problem, keep: Ints, must: Ints) -> tuple[tuple[Ints, Ints], ...]:
    found = []
    if problem.one_per is not None:
        if problem.one_per not in problem.venues.columns:
            raise InputError(
                f"At most one venue per {problem.one_per!r} needs that column in the venues table."
            )
        group, names = _coded(problem.venues[problem.one_per])
        left = np.ones(len(names), dtype=np.int64)
        forced = np.bincount(group[must][group[must] >= 0], minlength=len(names))
        kept = np.bincount(group[keep][group[keep] >= 0], minlength=len(names))
        crowded = np.flatnonzero((forced > 1) | ((forced == 1) & (kept > 0)))
        if len(crowded):
            raise InputError(
                f"{problem.one_per} {names[crowded[0]]!r} would hold more than one open venue because of those kept or"
                " forced in: free one, or drop the rule of one venue in each."
            )
        found.append((group, np.maximum(left - kept, 0)))
    if problem.kind_at_most:
        if "kind" not in problem.venues.columns:
            raise InputError("A quota by kind needs the column 'kind' in the venues table.")
        group, names = _coded(problem.venues["kind"])
        place = {name: number for number, name in enumerate(names)}
        for kind in problem.kind_at_most:
            if kind not in place:
                raise InputError(
                    f"There is a quota for {kind!r}, but the venues are of the kinds {', '.join(names)}."
                )
        left = np.full(len(names), len(group), dtype=np.int64)
        for kind, quota in problem.kind_at_most.items():
            left[place[kind]] = quota
        forced = np.bincount(group[must][group[must] >= 0], minlength=len(names))
        over = np.flatnonzero(forced > left)
        if len(over):
            raise InputError(
                f"{forced[over[0]]} venues of kind {names[over[0]]!r} are forced in, above their quota: raise the quota."
            )
        found.append((group, left))
    return tuple(found)


def _coded(values: Any) -> tuple[Ints, list[str]]:
    import pandas as pd

    codes, names = pd.factorize(values, sort=True)
    return np.asarray(codes, dtype=np.int64), [str(name) for name in names]


def _whole_penalty(problem: Problem, scale: int) -> int:
    if problem.minimum_gain < 0:
        raise InputError("The minimum gain of a venue is a number of people, 0 or more.")
    if problem.minimum_gain and problem.goal in ("fewest", "worst_time", "capacity"):
        raise InputError(
            f"A minimum gain has no meaning when the aim is to {GOALS[problem.goal]}: leave it out."
        )
    return round(problem.minimum_gain * scale)


def _backup(problem: Problem) -> int:
    if not 0 <= problem.backup_share <= 1:
        raise InputError(
            "The worth of a second venue is a share of the first's: give backup_share from 0 to 1."
        )
    return round(problem.backup_share * PERMILLE)


def _floors(problem: Problem, whole: Ints) -> tuple[Floor, ...]:
    found = []
    demand = problem.demand
    for name, share in (("rural_share", problem.rural_share), ("district_share", problem.district_share)):
        if share is not None and not 0 <= share <= 1:
            raise InputError(f"{name} is a share from 0 to 1; {share:g} was given.")
    if problem.rural_share:
        if "is_rural" not in demand.columns or demand["is_rural"].isna().any():
            raise InputError("A rural share needs is_rural, without nulls, in the demand table.")
        rows = np.flatnonzero(demand["is_rural"].to_numpy(dtype=bool))
        if not whole[rows].sum():
            raise InputError(
                f"A rural share was asked for, but no {problem.weight_name} live in rural areas of"
                f" {problem.place_name}: leave the rural share out."
            )
        found.append(_floor("rural areas", rows, problem.rural_share, whole))
    if problem.district_share:
        if problem.district_column not in demand.columns:
            raise InputError(
                f"A share for each district needs {problem.district_column!r} in the demand table."
            )
        group, names = _coded(demand[problem.district_column])
        for number, name in enumerate(names):
            rows = np.flatnonzero(group == number)
            if whole[rows].sum():
                found.append(_floor(name, rows, problem.district_share, whole))
    return tuple(found)


def _floor(label: str, rows: npt.NDArray[np.int64], share: float, whole: Ints) -> Floor:
    # a share is a decimal the user typed: a rounding of the product must not ask for more than 100 % of the people
    total = int(whole[rows].sum())
    return Floor(
        label=label,
        rows=rows.astype(np.int64),
        required=min(total, int(np.ceil(share * total - 1e-9 * total))),
    )


def _required(problem: Problem, whole: Ints) -> int:
    if problem.goal != "fewest":
        if problem.share_pct is not None:
            raise InputError(
                "A share of people to reach belongs to the goal 'fewest': name that goal or leave it out."
            )
        return 0
    if problem.share_pct is None or not 0 < problem.share_pct <= 100:
        raise InputError(
            "The fewest venues for which share of the people? Give share_pct above 0 and up to 100."
        )
    total = int(whole.sum())
    return min(total, int(np.ceil(problem.share_pct / 100 * total - 1e-9 * total)))


def _capacity(problem: Problem, scale: int) -> Ints | None:
    if problem.goal != "capacity":
        return None
    if problem.capacity not in problem.venues.columns:
        raise InputError(
            f"Capacity needs how many people each venue can help: add the column {problem.capacity!r} to the venues"
            " table, or make it from opening hours with capacity_of_hours."
        )
    values = problem.venues[problem.capacity].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(values) & (values >= 0))
    if wrong.any():
        name = problem.venues["venue_id"].iloc[int(np.argmax(wrong))]
        raise InputError(
            f"The capacity of venue {name!r} is missing or negative: give every venue a number of people."
        )
    whole = np.floor(values * scale + 1e-9).astype(np.int64)
    return np.asarray(np.minimum(whole, _LARGEST))


def _sessions(problem: Problem) -> int:
    if problem.sessions_at_most < 1:
        raise InputError("At least one session can be held at a venue: give sessions_at_most of 1 or more.")
    if problem.sessions_at_most > 1 and problem.goal != "capacity":
        raise InputError(
            "Several sessions at one venue only add people where capacity counts: use the goal 'capacity'."
        )
    return problem.sessions_at_most
