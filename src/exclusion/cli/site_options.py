"""The options of `exclusion site` and `exclusion site frontier`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from exclusion.cli.numbers import Number, Whole

_Words = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=(), show_default=False)]
_Files = Annotated[tuple[Path, ...], Parameter(consume_multiple=True, negative=(), show_default=False)]
_Flag = Annotated[bool, Parameter(negative=(), show_default=False)]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked; shared by `exclusion site` and `exclusion site frontier`.

    Parameters
    ----------
    place
        A council, county, combined authority or region, by name or code; or a CSV of LSOA 2021 codes.
    venues
        Venue files of your own (CSV, XLSX, GeoJSON, GeoPackage): a name and a postcode or coordinates in each row; where
        there are such columns also kind, hours, whether help is given there now, cost, capacity, parish, round.
    candidates
        Kinds of known venues that may be chosen too: village_hall, community_centre, gp_practice, jobcentre, ..., all or
        none. Without --venues all of them may be.
    choose
        How many new venues (sessions, with capacity) to choose.
    within
        Minutes within which help counts as reachable; the last minute counts.
    mode
        How people travel: own (by car where the household has one), drive, no-car (on foot or by something like a bus), walk.
    keep
        Venues that stay open and are counted: existing (all that help now), none, a kind (libraries), names or ids.
    keep_counts
        Count the kept venues among those to choose.
    must
        Venues to open whatever happens: names or ids.
    never
        Venues not to open: names, ids or kinds.
    goal
        coverage (most people), share (fewest venues for --share), median (least mean time), centre (shortest longest
        time), backup (a second venue counts too), gradual (people fade from --full to --within), capacity (no champion
        beyond what one can help).
    share
        For the goal share: percent of all people to bring within reach.
    full
        For the goal gradual: minutes up to which people count fully.
    backup_share
        For the goal backup: what a second venue within reach is worth, as a share of the first.
    budget
        Money for new venues; needs a cost column in the venue file, or --cost.
    cost
        The cost of each venue that has none of its own.
    sessions
        For the goal capacity: sessions at one venue at most.
    champion_hours
        For the goal capacity: hours a week a session lasts at most, and where opening hours are not known.
    people_per_hour
        For the goal capacity: people a champion sees in an hour.
    visits
        For the goal capacity: visits a person needs.
    weeks
        For the goal capacity: weeks a year.
    one_per
        At most one open venue in each ward, parish, neighbourhood or council.
    kind_at_most
        At most so many new venues of a kind: --kind-at-most.gp_practice 3.
    rural_share
        At least this share (0 to 1) of rural people within reach.
    district_share
        At least this share (0 to 1) of the people of every council within reach.
    min_gain
        Choose a venue only if it adds so many people.
    weight
        Whom to count: people_offline, adults, exclusion (people offline weighted by the exclusion index), a count of the
        indicators table (age_85plus), or a column of --weights.
    weights
        A CSV of your own with lsoa21cd and the column that --weight names.
    target
        Who counts as offline, as for `exclusion run`.
    roads
        An OpenStreetMap extract (.osm.pbf) to measure minutes along roads instead of straight lines.
    draws
        On how many plausible numbers of people offline the plan is tried; 0 for none.
    seed
        The seed of the search; the same question and seed give the same files.
    exact_seconds
        Seconds of one exact solve before the search takes over.
    out
        The folder for the files; plans/PLACE under the home folder where it is left out.
    inbox
        A folder of files dropped in by hand, as for `exclusion run`; without it nothing is fetched.
    demo
        Use the fictional county.
    home
        The folder that holds data/ and maps/.
    quiet
        Print only the answer.
    """

    place: _Words = ()
    venues: _Files = ()
    candidates: _Words = ()
    choose: Whole | None = None
    within: Number = 20.0
    mode: str = "own"
    keep: _Words = ("existing",)
    keep_counts: _Flag = False
    must: _Words = ()
    never: _Words = ()
    goal: str = "coverage"
    share: Number | None = None
    full: Number | None = None
    backup_share: Number = 0.3
    budget: Number | None = None
    cost: Number | None = None
    sessions: Whole = 1
    champion_hours: Number = 7.0
    people_per_hour: Number = 2.0
    visits: Number = 6.0
    weeks: Number = 48.0
    one_per: str | None = None
    kind_at_most: dict[str, Whole] | None = None
    rural_share: Number | None = None
    district_share: Number | None = None
    min_gain: Number = 0.0
    weight: str = "people_offline"
    weights: Path | None = None
    target: str | None = None
    roads: Path | None = None
    draws: Whole = 100
    seed: Whole = 1
    exact_seconds: Number = 60.0
    out: Path | None = None
    inbox: Path | None = None
    demo: _Flag = False
    home: Path = Path()
    quiet: _Flag = False
