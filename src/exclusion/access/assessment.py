"""The way in: from areas, people and venues to the demand, travel and reach tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from exclusion.access.friction import FrictionGrid
from exclusion.access.measures import HelpTimes, supply_of, travel_table
from exclusion.access.modes import DEFAULT_ASSUMPTIONS, TravelAssumptions
from exclusion.access.partial import PartialRoads, RoadExtent
from exclusion.access.population import checked_areas, demand_of, populated_places, population_note
from exclusion.access.reach import Reach
from exclusion.access.road_graph import RoadGraph
from exclusion.access.roads import read_roads
from exclusion.access.straight import StraightLine
from exclusion.access.tables import checked_demand, checked_travel
from exclusion.access.travel import (
    LEAST_COVERED,
    DemandPoints,
    Points,
    TravelEngine,
    demand_points,
    nearest_of,
    points_of,
    reach_of,
)
from exclusion.errors import ContractError, InputError, SourceError

EngineName = Literal["auto", "roads", "friction", "straight"]
_VENUE_COLUMNS = ("venue_id", "name", "is_existing", "x_m", "y_m", "hours_per_week")
# Two-step catchments and the counts of the travel table need reach lists up to here.
_HELP_REACH_MIN = 30.0


@dataclass(frozen=True)
class Access:
    """Hold all that siting, index and maps need to know about travel.

    `demand` and `travel` are the tables of that name; `venues` the venues as used, in the order of the columns of
    `reach` (demand rows by venues, all of them, cut at `reach.limit_min`); `help_times` each demand row's way to
    existing help; `notes` plain values for the manifest: engine, assumptions, where people were placed, what was
    snapped, what stood in for what. `engine` and `places` are what a surface of the same times is made with.
    """

    demand: Any
    travel: Any
    venues: Any
    reach: Reach
    help_times: HelpTimes
    notes: dict[str, Any]
    engine: TravelEngine
    places: Points


def checked_venues(venues: Any) -> Any:
    """Return the venues sorted by `venue_id`, or raise ContractError for what cannot be reached."""
    missing = [name for name in _VENUE_COLUMNS if name not in venues.columns]
    if missing:
        raise ContractError(
            f"The venues table has no column {missing[0]!r}: it needs {', '.join(_VENUE_COLUMNS)}."
        )
    if venues["venue_id"].duplicated().any():
        twice = venues.loc[venues["venue_id"].duplicated(), "venue_id"].iloc[0]
        raise ContractError(f"The venues table holds {twice} twice: merge the rows of one building.")
    if venues["is_existing"].isna().any():
        first = venues.loc[venues["is_existing"].isna(), "venue_id"].iloc[0]
        raise ContractError(
            f"The venues table does not say whether {first} gives help now (is_existing is null)."
        )
    points_of(venues, what="venues")
    return venues.sort_values("venue_id", ignore_index=True)


@dataclass(frozen=True)
class EngineChoice:
    """Hold an engine, sentences on what it was chosen over, and plain values on the roads it rests on (or none)."""

    engine: TravelEngine
    remarks: tuple[str, ...] = ()
    roads: dict[str, Any] | None = None


def engine_of(
    name: EngineName,
    rows: DemandPoints,
    people: npt.NDArray[np.float64],
    *,
    roads: Path | None = None,
    is_whole: bool = True,
    cell_m: float = 100.0,
    assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
) -> EngineChoice:
    """Make the engine that is asked for, or the best that there is, and say so.

    `rows` are the demand rows and `people` the people in each. "roads" searches an OpenStreetMap extract (.osm.pbf)
    and goes on in a straight line to venues beyond it; "friction" draws the same extract on a grid of `cell_m`;
    "straight" needs nothing. "auto" goes down the ladder road graph, straight line: the first for which there are
    data that cover the place.

    An extract covers a place where nine tenths of its people live within 1 km of a road in it. With `is_whole` one
    that does not is an error for "roads" and "friction", and a step down with a remark for "auto". Without it the
    areas are more than one place (a nation): journeys from homes on the extract go by it, others in a straight
    line. Without an extract "friction" lays plain circuity by rural class. Raises InputError for an unknown name
    or a missing extract, SourceError for an extract that cannot be used.
    """
    if name not in ("auto", "roads", "friction", "straight"):
        raise InputError(f"There is no travel engine {name!r}: choose auto, roads, friction or straight.")
    if name == "roads" and roads is None:
        raise InputError(
            "The road engine needs a road extract (.osm.pbf): give one, or choose auto or straight."
        )
    straight = StraightLine(assumptions)
    if name == "straight" or roads is None:
        if name == "friction":
            return EngineChoice(
                FrictionGrid.from_classes(rows.points, cell_m=cell_m, assumptions=assumptions)
            )
        lacking = (
            "No road extract of this place was at hand (put one in the inbox, or name it with --roads): travel times"
            " are by straight line, with declared detours and speeds."
        )
        return EngineChoice(straight, (lacking,) if name == "auto" else ())
    network = read_roads(roads)
    extent = RoadExtent(network)
    facts = _coverage(extent, rows, people, roads.name)
    covered = facts["people_on_roads_pct"]
    if covered < (100 * LEAST_COVERED if is_whole else 1e-9):
        near = f"{extent.near_m / 1000:g} km of a road in {roads.name} live only {covered:.0f}% of the people"
        if name != "auto":
            raise SourceError(
                f"Within {near}: it does not cover this place. Supply an extract that does, or choose auto."
            )
        remark = f"Within {near}, so it was not used: travel times are by straight line, with declared detours and speeds."
        return EngineChoice(straight, (remark,), facts)
    inside: TravelEngine
    if name == "friction":
        on = extent.holds(rows.points)
        points = rows.points
        homes = Points(points.x_m[on], points.y_m[on], points.rural[on])
        inside = FrictionGrid.from_roads(network, homes, cell_m=cell_m, assumptions=assumptions)
    else:
        inside = RoadGraph(network, assumptions)
    return EngineChoice(PartialRoads(inside, straight, extent), (), facts)


def _coverage(
    extent: RoadExtent, rows: DemandPoints, people: npt.NDArray[np.float64], file: str
) -> dict[str, Any]:
    """Return how many people live on an extract, and how far those do from its roads."""
    away = extent.distance_m(rows.points)[rows.place]
    people = people if people.sum() > 0 else np.ones(len(people))
    is_on = away <= extent.near_m
    total, on = float(people.sum()), float(people[is_on].sum())
    order = np.argsort(away[is_on], kind="stable")
    running = np.cumsum(people[is_on][order])
    metres = away[is_on][order]

    def quantile(share: float) -> float:
        return float(metres[min(int(np.searchsorted(running, share * on)), len(metres) - 1)])

    return {
        "file": file,
        "near_road_m": extent.near_m,
        "people_on_roads_pct": 100.0 * on / total,
        "people_median_m": round(quantile(0.5)) if on else None,
        "people_p95_m": round(quantile(0.95)) if on else None,
        "people_max_m": round(float(metres[-1])) if on else None,
    }


def assess_access(
    areas: Any,
    people: Any,
    venues: Any,
    *,
    population: Path | None = None,
    output_areas: Any | None = None,
    place_size_m: float | None = None,
    roads: Path | None = None,
    engine: EngineName | TravelEngine = "auto",
    is_whole: bool = True,
    assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
    cell_m: float = 100.0,
    limit_min: float = 60.0,
    reach_limit_min: float = 30.0,
) -> Access:
    """Work out how long it takes from where people live to existing help and to every venue.

    `areas`: the `areas` table (EPSG:27700; geometry needed with a raster). `people`: see `population.demand_of`.
    `venues`: the `venues` table, including those beyond the border that people may use. `population`: a population
    GeoTIFF; `output_areas`: centroids, see `population.populated_places`. `roads`, `cell_m`, `is_whole` and `engine`:
    see `engine_of`; an engine made beforehand brings its own assumptions. `limit_min` caps the way to existing help, `reach_limit_min` the pairs for siting; both inclusive.
    """
    areas = checked_areas(areas)
    venues = checked_venues(venues)
    places = populated_places(areas, raster=population, output_areas=output_areas, place_size_m=place_size_m)
    demand, demand_notes = demand_of(places, people)
    demand = checked_demand(demand)
    rows = demand_points(demand, areas.set_index("lsoa21cd")["ruc21cd"])
    offline = demand["people_offline"].to_numpy(dtype=np.float64)
    if isinstance(engine, str):
        choice = engine_of(
            engine,
            rows,
            offline,
            roads=roads,
            is_whole=is_whole,
            cell_m=cell_m,
            assumptions=assumptions,
        )
    else:
        choice = EngineChoice(engine)
    engine = choice.engine
    all_points = points_of(venues, what="venues")
    is_existing = venues["is_existing"].to_numpy(dtype=bool)
    existing = venues[is_existing].reset_index(drop=True)

    help_points = points_of(existing, what="venues")
    minutes, position = nearest_of(engine, rows, help_points, limit_min=limit_min, count=2)
    reach = reach_of(engine, rows, all_points, limit_min=reach_limit_min)
    if reach_limit_min >= _HELP_REACH_MIN:
        help_reach = reach.of_venues(is_existing)
    else:
        help_reach = reach_of(engine, rows, help_points, limit_min=_HELP_REACH_MIN)
    times = HelpTimes(minutes, position, help_reach, float(limit_min))
    measured_by = (
        engine.names_of(rows.points)[rows.place] if isinstance(engine, PartialRoads) else engine.name
    )
    travel = checked_travel(
        travel_table(demand, existing, times, measured_by=measured_by), limit_min=limit_min
    )
    _, supply_note = supply_of(existing["hours_per_week"].to_numpy(dtype=np.float64, na_value=np.nan))
    out_of_reach = offline[~np.isfinite(minutes[:, 0])].sum()
    notes: dict[str, Any] = {
        "engine": engine.name,
        "assumptions": engine.assumptions.as_record(),
        "population_from": population_note(places),
        "limit_min": float(limit_min),
        "reach_limit_min": float(reach_limit_min),
        "existing_venues": int(is_existing.sum()),
        "people_offline_beyond_limit": float(out_of_reach),
        "supply": supply_note,
        "placement": engine.report(rows.points, all_points),
        "roads": choice.roads,
        "measured": measured_in_words(
            engine, choice, _share_beyond(engine, position[:, 0], help_points, offline)
        ),
        "remarks": [*choice.remarks, *demand_notes],
    }
    return Access(demand, travel, venues, reach, times, notes, engine, rows.points)


def measured_in_words(engine: TravelEngine, choice: EngineChoice, beyond_pct: float) -> str:
    """Say what measured the times, from which file, and how much of the place it holds, after the word "measured".

    `beyond_pct` is the share of people offline whose nearest help stands beyond the extract.
    """
    if not isinstance(engine, PartialRoads) or choice.roads is None:
        return f"by {engine.name}"
    facts = choice.roads
    text = (
        f"by {engine.inside.name} from {facts['file']}: {facts['people_on_roads_pct']:.1f}% of people offline live within"
        f" {facts['near_road_m'] / 1000:g} km of a road in it (half within {facts['people_median_m']} m, 95% within"
        f" {facts['people_p95_m']} m); what lies beyond it is measured by {engine.beyond.name}"
    )
    return f"{text} (nearest help of {beyond_pct:.1f}% of people offline)"


def _share_beyond(
    engine: TravelEngine,
    position: npt.NDArray[np.int64],
    help_points: Points,
    people: npt.NDArray[np.float64],
) -> float:
    """Return the percentage of people whose nearest help, within the limit, is not on the extract."""
    if not isinstance(engine, PartialRoads) or not len(help_points) or not people.sum():
        return 0.0
    is_off = ~engine.extent.holds(help_points)
    return float(100 * people[(position >= 0) & is_off[position]].sum() / people.sum())
