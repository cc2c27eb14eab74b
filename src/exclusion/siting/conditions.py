"""The conditions of a problem, each checked and put in whole numbers; a silly one is refused in one sentence."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.errors import InputError
from exclusion.siting.problem import GOALS, Problem

Ints = npt.NDArray[np.int64]

PERMILLE = 1000
_LARGEST = 1 << 52


@dataclass(frozen=True, kw_only=True, eq=False)
class Floor:
    """Ask that at least `required` (scaled people) of the demand rows `rows` are within the limit."""

    label: str
    rows: Ints
    required: int


def costs_of(problem: Problem, must: Ints) -> tuple[Ints | None, int | None]:
    """Return the cost of each venue and the budget in hundredths, None and None without a budget."""
    if problem.budget is None:
        return None, None
    if not 0 <= problem.budget < _LARGEST:
        raise InputError(f"The budget is {problem.budget:g}: give an amount of money of 0 or more.")
    if problem.cost not in problem.venues.columns:
        raise InputError(
            f"A budget needs the cost of each venue: add a column {problem.cost!r} to the venues table."
        )
    cost = problem.venues[problem.cost].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = ~(np.isfinite(cost) & (cost >= 0))
    if wrong.any():
        name = called(problem.venues, int(np.argmax(wrong)))
        raise InputError(
            f"The cost of venue {name!r} is missing or negative: give every venue a cost of 0 or more, or one for those without with --cost."
        )
    whole = np.rint(cost * 100).astype(np.int64)
    budget = round(problem.budget * 100)
    is_free = np.ones(len(whole), dtype=bool)
    is_free[positions_of((*problem.keep, *problem.never), _ids(problem.venues), "kept or forced out")] = False
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


def called(venues: Any, place: int) -> str:
    """Return what people call the venue at a place of the table: its name, its id where it has none."""
    name = venues["name"].iloc[place] if "name" in venues.columns else None
    return str(venues["venue_id"].iloc[place]) if name is None or name != name else str(name)  # noqa: PLR0124


def _ids(venues: Any) -> npt.NDArray[Any]:
    return np.asarray(venues["venue_id"].astype(str).to_numpy(dtype=object))


def pick_of(problem: Problem, keep: Ints, must: Ints, never: Ints, venue_count: int) -> int:
    """Return how many new venues (sessions) may be opened."""
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


def partitions_of(problem: Problem, keep: Ints, must: Ints) -> tuple[tuple[Ints, Ints], ...]:
    """Return the groups of which only so many venues may be open, and the places left in each."""
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
        found.append(_quotas(problem, must))
    return tuple(found)


def _quotas(problem: Problem, must: Ints) -> tuple[Ints, Ints]:
    """Return the kind of each venue and how many new ones of each kind may be open."""
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
        if quota < 0:
            raise InputError(f"The quota for {kind!r} is {quota}: give 0 (none of them) or more.")
        left[place[kind]] = quota
    forced = np.bincount(group[must][group[must] >= 0], minlength=len(names))
    over = np.flatnonzero(forced > left)
    if len(over):
        raise InputError(
            f"{forced[over[0]]} venues of kind {names[over[0]]!r} are forced in, above their quota: raise the quota."
        )
    return group, left


def _coded(values: Any) -> tuple[Ints, list[str]]:
    import pandas as pd

    codes, names = pd.factorize(values, sort=True)
    return np.asarray(codes, dtype=np.int64), [str(name) for name in names]


def positions_of(ids: Sequence[str], known: npt.NDArray[Any], role: str) -> Ints:
    """Return the places of venue ids in the table, ascending; InputError suggests the likeliest for an unknown one."""
    place = {name: number for number, name in enumerate(known)}
    for name in ids:
        if name not in place:
            near = difflib.get_close_matches(name, list(place), n=1)
            hint = f": did you mean {near[0]!r}?" if near else ": give its venue_id as in the venues table."
            raise InputError(
                f"Venue {name!r} is to be {role}, but the venues table has no such venue_id{hint}"
            )
    return np.unique(np.array([place[name] for name in ids], dtype=np.int64))


def penalty_of(problem: Problem, scale: int) -> int:
    """Return the scaled number of people that each new venue must add."""
    if not 0 <= problem.minimum_gain < _LARGEST:
        raise InputError("The minimum gain of a venue is a number of people, 0 or more.")
    if problem.minimum_gain and problem.goal in ("fewest", "worst_time", "capacity"):
        raise InputError(
            f"A minimum gain has no meaning when the aim is to {GOALS[problem.goal]}: leave it out."
        )
    return round(problem.minimum_gain * scale)


def backup_of(problem: Problem) -> int:
    """Return the worth of a second venue in thousandths of the first."""
    if not 0 <= problem.backup_share <= 1:
        raise InputError(
            "The worth of a second venue is a share of the first's: give backup_share from 0 to 1."
        )
    return round(problem.backup_share * PERMILLE)


def floors_of(problem: Problem, whole: Ints) -> tuple[Floor, ...]:
    """Return the least numbers of people within reach that shares of rural people or of each district ask for."""
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
        group, codes = _coded(demand[problem.district_column])
        label = _district_names(demand, problem.district_column)
        for number, code in enumerate(codes):
            rows = np.flatnonzero(group == number)
            if whole[rows].sum():
                found.append(_floor(label.get(code, code), rows, problem.district_share, whole))
    return tuple(found)


def _district_names(demand: Any, column: str) -> dict[str, str]:
    """Return what people call each district, where the table says so (`lad_nm` beside `lad_cd`)."""
    name = f"{column.removesuffix('_cd')}_nm"
    if name not in demand.columns:
        return {}
    known = demand[[column, name]].dropna().drop_duplicates(column).astype(str)
    return dict(zip(known[column], known[name], strict=True))


def _floor(label: str, rows: npt.NDArray[np.int64], share: float, whole: Ints) -> Floor:
    # a share is a decimal the user typed: a rounding of the product must not ask for more than 100 % of the people
    total = int(whole[rows].sum())
    return Floor(
        label=label,
        rows=rows.astype(np.int64),
        required=min(total, int(np.ceil(share * total - 1e-9 * total))),
    )


def required_of(problem: Problem, whole: Ints) -> int:
    """Return the scaled number of people that the fewest venues are to reach, 0 for other goals."""
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


def capacity_of(problem: Problem, scale: int) -> Ints | None:
    """Return the scaled people that one session at each venue can help, None for other goals."""
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
        name = called(problem.venues, int(np.argmax(wrong)))
        raise InputError(
            f"The capacity of venue {name!r} is missing or negative: give every venue a number of people."
        )
    whole = np.floor(values * scale + 1e-9).astype(np.int64)
    return np.asarray(np.minimum(whole, _LARGEST))


def sessions_of(problem: Problem) -> int:
    """Return how many sessions one venue may hold."""
    if problem.sessions_at_most < 1:
        raise InputError("At least one session can be held at a venue: give sessions_at_most of 1 or more.")
    if problem.sessions_at_most > 1 and problem.goal != "capacity":
        raise InputError(
            "Several sessions at one venue only add people where capacity counts: use the goal 'capacity'."
        )
    return problem.sessions_at_most


def full_of(problem: Problem, limit: int) -> int:
    """Return the hundredths of a minute up to which people count fully."""
    if problem.goal != "gradual":
        return limit
    if problem.full_min is None or not 0 <= problem.full_min < problem.limit_min:
        raise InputError(
            "Gradual coverage needs full_min, the minutes up to which people count fully, from 0 to below the limit of"
            f" {problem.limit_min:g}."
        )
    return round(problem.full_min * 100)
