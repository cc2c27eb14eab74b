"""What a planner asks on the command line or from a script, before any table is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exclusion.errors import InputError
from exclusion.siting.problem import GOALS

# Words that planners use for the goals.
_GOAL_WORDS = {
    "cover": "cover", "coverage": "cover", "fewest": "fewest", "share": "fewest", "minimum": "fewest",
    "mean-time": "mean_time", "mean_time": "mean_time", "median": "mean_time", "p-median": "mean_time",
    "worst-time": "worst_time", "worst_time": "worst_time", "centre": "worst_time", "center": "worst_time",
    "p-centre": "worst_time", "backup": "backup", "gradual": "gradual", "capacity": "capacity",
}  # fmt: skip
GOAL_NAMES = ("coverage", "share", "median", "centre", "backup", "gradual", "capacity")


def goal_of(word: str) -> str:
    """Return the goal that a planner's word stands for; InputError lists the words."""
    goal = _GOAL_WORDS.get(word.strip().lower().replace(" ", "-"))
    if goal is None or goal not in GOALS:
        raise InputError(f"{word!r} is no kind of problem: choose {', '.join(GOAL_NAMES)}.")
    return goal


@dataclass(frozen=True, kw_only=True)
class Helper:
    """Say what one champion can do, from which the people a venue can help follow (goal "capacity").

    Hours a week at a venue are its opening hours, `hours_at_most` at most, and that too where they are not known. People
    helped a year = hours x `people_per_hour` x `weeks` / `visits_per_person`. All are assumptions to be replaced.
    """

    hours_at_most: float = 7.0
    people_per_hour: float = 2.0
    weeks: float = 48.0
    visits_per_person: float = 6.0


@dataclass(frozen=True, kw_only=True)
class Request:
    """State a siting question in the words of its options; `exclusion.stages.site` turns it into a `Problem`.

    `files` are venue files; `candidates` names kinds of known venues that may be chosen (or "all", "none"; empty: all
    of them where no file is given, else none). `keep`, `must`, `never` name kinds, venues or their ids; `keep` also "existing"
    and "none". `weight` is a column of people; `weights_file` a CSV of `lsoa21cd` and that column. `one_per` is
    "ward", "parish", "neighbourhood" or "council". `cost` is that of venues without one of their own. `mode` is one of
    `exclusion.access.travel.TRAVEL_MODES`. `draws` is how many plausible numbers of people the plan is tried on.
    """

    goal: str = "cover"
    choose: int | None = None
    within_min: float = 20.0
    mode: str = "own"
    files: tuple[Path, ...] = ()
    candidates: tuple[str, ...] = ()
    keep: tuple[str, ...] = ("existing",)
    is_keep_counted: bool = False
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    weight: str = "people_offline"
    weights_file: Path | None = None
    share_pct: float | None = None
    full_min: float | None = None
    backup_share: float = 0.3
    budget: float | None = None
    cost: float | None = None
    sessions_at_most: int = 1
    helper: Helper = field(default_factory=Helper)
    one_per: str | None = None
    kind_at_most: Mapping[str, int] = field(default_factory=dict)
    rural_share: float | None = None
    district_share: float | None = None
    minimum_gain: float = 0.0
    roads: Path | None = None
    draws: int = 100
    seed: int = 1
