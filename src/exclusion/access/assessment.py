"""The way in: from areas, people and venues to the demand, travel and reach tables."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from exclusion.access.friction import FrictionGrid
from exclusion.access.measures import HelpTimes, supply_of, travel_table
from exclusion.access.modes import DEFAULT_ASSUMPTIONS, TravelAssumptions
from exclusion.access.population import checked_areas, demand_of, populated_places, population_note
from exclusion.access.reach import Reach
from exclusion.access.road_graph import RoadGraph
from exclusion.access.roads import read_roads
from exclusion.access.straight import StraightLine
from exclusion.access.tables import checked_demand, checked_travel
from exclusion.access.travel import Points, TravelEngine, demand_points, nearest_of, points_of, reach_of
from exclusion.errors import ContractError, InputError

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
    snapped, what stood in for what.
    """

    demand: Any
    travel: Any
    venues: Any
    reach: Reach
    help_times: HelpTimes
    notes: dict[str, Any]


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


def engine_of(
    name: EngineName,
    places: Points,
    *,
    roads: Path | None = None,
    cell_m: float = 100.0,
    assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
) -> TravelEngine:
    """Make the engine that is asked for around the populated places.

    "roads" needs an OpenStreetMap extract (.osm.pbf) of the place and its surroundings. "friction" draws the same
    extract on a grid of `cell_m`, or plain circuity by rural class where there is none. "straight" needs nothing.
    "auto" takes roads where an extract is given, else the straight line.
    """
    if name == "auto":
        name = "straight" if roads is None else "roads"
    if name == "straight":
        return StraightLine(assumptions)
    if name == "roads":
        if roads is None:
            raise InputError(
                "The road engine needs a road extract (.osm.pbf): give one, or choose auto or straight."
            )
        return RoadGraph.from_extract(roads, assumptions)
    if name == "friction":
        if roads is None:
            return FrictionGrid.from_classes(places, cell_m=cell_m, assumptions=assumptions)
        return FrictionGrid.from_roads(read_roads(roads), places, cell_m=cell_m, assumptions=assumptions)
    raise InputError(f"There is no travel engine {name!r}: choose auto, roads, friction or straight.")


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
    assumptions: TravelAssumptions = DEFAULT_ASSUMPTIONS,
    cell_m: float = 100.0,
    limit_min: float = 60.0,
    reach_limit_min: float = 30.0,
) -> Access:
    """Work out how long it takes from where people live to existing help and to every venue.

    `areas`: the `areas` table (EPSG:27700; geometry needed with a raster). `people`: see `population.demand_of`.
    `venues`: the `venues` table, including those beyond the border that people may use. `population`: a population
    GeoTIFF; `output_areas`: centroids, see `population.populated_places`. `roads`, `cell_m` and `engine`: see
    `engine_of`; an engine made beforehand brings its own assumptions. `limit_min` caps the way to existing help, `reach_limit_min` the pairs for siting; both inclusive.
    """
    areas = checked_areas(areas)
    venues = checked_venues(venues)
    places = populated_places(areas, raster=population, output_areas=output_areas, place_size_m=place_size_m)
    demand, demand_notes = demand_of(places, people)
    demand = checked_demand(demand)
    rows = demand_points(demand, areas.set_index("lsoa21cd")["ruc21cd"])
    if isinstance(engine, str):
        engine = engine_of(engine, rows.points, roads=roads, cell_m=cell_m, assumptions=assumptions)
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
    travel = checked_travel(
        travel_table(demand, existing, times, engine_name=engine.name), limit_min=limit_min
    )
    _, supply_note = supply_of(existing["hours_per_week"].to_numpy(dtype=np.float64, na_value=np.nan))
    out_of_reach = demand["people_offline"].to_numpy()[~np.isfinite(minutes[:, 0])].sum()
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
        "remarks": demand_notes,
    }
    return Access(demand, travel, venues, reach, times, notes)
