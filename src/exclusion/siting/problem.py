"""What a planner asks for: which venues, out of which, for whom, under which conditions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from exclusion.access.reach import Reach

Goal = Literal["cover", "fewest", "mean_time", "worst_time", "backup", "gradual", "capacity"]

GOALS: dict[str, str] = {
    "cover": "reach the most people within the limit",
    "fewest": "reach a given share of the people with the fewest venues",
    "mean_time": "make the mean travel time of everybody shortest",
    "worst_time": "make the longest travel time of anybody shortest",
    "backup": "reach the most people, and as many as possible from a second venue too",
    "gradual": "count people fully up to one time and less and less up to another",
    "capacity": "serve the most people, none of the venues beyond what its champion can help",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """State a siting problem on the contract tables; `exclusion.siting.instance.instance_of` checks it.

    `demand` has `demand_id` and the `weight` column (people, may be fractional, null is an error), and, where an
    option asks for it, `is_rural` or the district column. `venues` has `venue_id` and what the options name.
    `reach` holds minutes of demand rows (in the order of `demand`) by venues (in the order of `venues`).

    `choose` counts new venues: `keep` stays open beside them unless `is_keep_counted`. `must` are opened and count
    among the new ones, `never` are not opened. `budget` with the venue column `cost` may stand in place of, or
    beside, `choose`. `share_pct` belongs to "fewest" (percent of all people), `full_min` to "gradual" (people count
    fully up to it, fading to nothing at `limit_min`), `backup_share` to "backup" (worth of a second venue within
    reach, as a share of the first), `capacity` names the venue column of people a session can help to "capacity",
    where `sessions_at_most` sessions may be held at one venue and `choose` counts sessions.

    `one_per` is a venue column (a ward or parish code): at most one open venue in each; kept venues use up their
    ward's place, and a null code is no ward. `kind_at_most` is a quota of new venues by `kind`. `rural_share` is the
    least share (0 to 1) of rural people within `limit_min`, `district_share` the least share in every district
    of `district_column`. `minimum_gain` is the number of people each new venue must add. `people_draws` (draws x
    demand rows) are other possible values of the weights, for the stability of the plan.
    """

    demand: Any
    venues: Any
    reach: "Reach"
    goal: Goal = "cover"
    choose: int | None = None
    limit_min: float
    weight: str = "people_offline"
    weight_name: str = "people offline"
    keep: tuple[str, ...] = ()
    is_keep_counted: bool = False
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    budget: float | None = None
    cost: str = "cost"
    share_pct: float | None = None
    full_min: float | None = None
    backup_share: float = 0.3
    capacity: str = "capacity_people"
    sessions_at_most: int = 1
    one_per: str | None = None
    kind_at_most: Mapping[str, int] = field(default_factory=dict)
    rural_share: float | None = None
    district_share: float | None = None
    district_column: str = "lad_cd"
    minimum_gain: float = 0.0
    people_draws: Any = None
    place_name: str = "the place"


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Say how hard to work: wall seconds for one exact solve, rounds of local search, seed, exact or not.

    `exact_seconds` is HiGHS's own limit; the child process is ended `grace_seconds` after it whatever it does.
    `is_exact_tried` off leaves the plan to the search and the bound to prices. `search_rounds` of None grows with the
    problem. Search is counted in rounds, never in seconds, so that the same input and seed give the same plan.
    """

    exact_seconds: float = 60.0
    grace_seconds: float = 10.0
    is_exact_tried: bool = True
    exact_pairs_at_most: int = 300_000
    search_rounds: int | None = None
    seed: int = 1
