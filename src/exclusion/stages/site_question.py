"""A siting question: the problem that a planner's request makes of a place's people and venues."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import InputError
from exclusion.geography.places import Place
from exclusion.job import Job
from exclusion.siting.request import Request
from exclusion.stages.national import PLACE_SIZE_M, POSTCODES, RASTER_SOURCES, ROADS, people_for_access
from exclusion.stages.own_venues import left_out_count, read_own_files, unread_text
from exclusion.stages.siting import PLAN_AREAS_AT_MOST, SEARCH_M, within_use
from exclusion.stages.tables import Inputs, place_of, read_json, read_table

if TYPE_CHECKING:
    from exclusion.access.reach import Reach
    from exclusion.siting.problem import Problem
    from exclusion.sources import PullReport

Tell = Callable[[str], None]

# Pairs are measured this far at least, so that a planner may try other limits on the page.
_PAGE_REACH_MIN = 30.0
_WEIGHT_NAMES = {
    "people_offline": "people offline",
    "adults": "adults",
    "exclusion": "people offline (weighted by the exclusion index)",
}
_MODE_NAMES = {
    "own": "everybody by what they have: a car where the household has one, else on foot or by something like a bus",
    "drive": "everybody by car",
    "no-car": "nobody by car: on foot or by something like a bus",
    "walk": "everybody on foot",
}


@dataclass(frozen=True, kw_only=True)
class Question:
    """Hold a siting problem and what is to be said beside its answer."""

    problem: "Problem"
    place: Place
    areas: Any
    reach: "Reach"
    left_out: pd.DataFrame
    notes: tuple[str, ...]
    engine: str


def question_of(job: Job, request: Request, inputs: Inputs, report: "PullReport", tell: Tell) -> Question:
    """Turn a request into a problem over the place's people and venues.

    Raises InputError with one sentence for what cannot be asked.
    """
    from exclusion.siting.problem import Problem
    from exclusion.siting.rounds import join_rounds

    place = place_of(job, inputs)
    if len(place) > PLAN_AREAS_AT_MOST:
        raise InputError(
            f"{place.label} has {len(place):,} areas, too many to choose venues for at once: name a council, a county or"
            " a region."
        )
    areas = read_table(inputs["areas.parquet"])
    here = areas[areas["lsoa21cd"].isin(place.lsoa21cd)].reset_index(drop=True)
    venues, left_out, unread = _venues(request, place, here, inputs, report)
    kept, venues = _kept_and_candidates(request, venues)
    tell(f"measuring the way to {len(venues):,} venues")
    demand, venues, reach, engine, notes = _measured(request, here, venues, inputs, _ground(report))
    if "round_id" in venues.columns and venues["round_id"].notna().any():
        venues, reach = join_rounds(venues, reach)
    kept_ids = tuple(venues.loc[venues["venue_id"].isin(kept), "venue_id"])
    demand, column, name = _weighed(request, demand, inputs)
    venues = _capacities(request, _costs(request, venues))
    draws = _draws(request, demand, inputs)
    problem = Problem(
        demand=demand,
        venues=venues,
        reach=reach,
        goal=request.goal,  # type: ignore[arg-type]  # one of the goals: see request.goal_of
        choose=request.choose,
        limit_min=request.within_min,
        weight=column,
        weight_name=name,
        keep=kept_ids,
        is_keep_counted=request.is_keep_counted,
        must=_named(request.must, venues, kept_ids, "--must"),
        never=_named(request.never, venues, kept_ids, "--never"),
        budget=request.budget,
        share_pct=request.share_pct,
        full_min=request.full_min,
        backup_share=request.backup_share,
        sessions_at_most=request.sessions_at_most,
        one_per=_one_per(request, venues),
        kind_at_most=request.kind_at_most,
        rural_share=request.rural_share,
        district_share=request.district_share,
        minimum_gain=request.minimum_gain,
        people_draws=draws,
        place_name=place.label,
    )
    return Question(
        problem=problem,
        place=place,
        areas=here,
        reach=reach,
        left_out=left_out,
        notes=(*_who_counts(request, inputs), *notes, *unread),
        engine=engine,
    )


def _venues(
    request: Request, place: Place, here: Any, inputs: Inputs, report: "PullReport"
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Return the venues of a question, the rows of files left out, and what of the files was not understood."""
    from exclusion.siting.candidates import gathered
    from exclusion.sources import load

    def postcodes() -> pd.DataFrame | None:
        snapshot = report.get(POSTCODES)
        return None if snapshot is None else load(snapshot)

    own = read_own_files(request.files, postcodes)
    known = read_table(inputs["venues.parquet"])
    found = gathered(known, own.venues, own.left_out, here, place=place.label, around_m=SEARCH_M)
    if found.venues.empty:
        raise InputError(
            f"No venue is known in or around {place.label}: give a venue file with --venues (name and postcode or"
            " coordinates in each row)."
        )
    if request.files and not found.venues["venue_id"].isin(own.venues["venue_id"]).any():
        first = found.left_out.iloc[0]
        raise InputError(
            f"Nothing of {', '.join(path.name for path in request.files)} can be used:"
            f" {first['name'] or 'a venue without a name'} in row {int(first['row'])}, because {first['reason']}"
            + (f"; nor {left_out_count(len(found.left_out) - 1)} more." if len(found.left_out) > 1 else ".")
        )
    uses = ("hours_per_week", "capacity_people") if request.goal == "capacity" else ()
    said = unread_text(own.unread, uses if request.budget is None else (*uses, "cost"))
    return found.venues, found.left_out, said


def _kept_and_candidates(request: Request, venues: pd.DataFrame) -> tuple[set[str], pd.DataFrame]:
    """Return the ids of kept venues, and the venues that are kept or may be chosen."""
    from exclusion.siting.candidates import kind_of, selected

    is_existing = venues["is_existing"].astype(bool)
    kept: set[str] = set()
    for word in request.keep:
        if word == "existing":
            kept |= set(venues.loc[is_existing, "venue_id"])
        elif word != "none":
            named = set(selected(venues, [word], option="--keep"))
            is_kind = kind_of(word, sorted(set(venues["kind"].astype(str)))) is not None
            # "libraries" means those that help now, where any do
            helping = named & set(venues.loc[is_existing, "venue_id"])
            kept |= helping if is_kind and helping else named
    words = request.candidates or (("none",) if request.files else ("all",))
    is_own = venues["source_id"].astype(str) == "own_venues"
    allowed = set(venues.loc[is_own, "venue_id"])
    for word in words:
        if word == "all":
            allowed |= set(venues["venue_id"])
        elif word != "none":
            allowed |= set(selected(venues, [word], option="--candidates"))
    allowed |= set(selected(venues, request.must, option="--must"))
    if not allowed - kept:
        raise InputError(
            "There is no venue to choose from: give a file with --venues, or name kinds of known venues with"
            f" --candidates ({', '.join(sorted(set(venues['kind'].astype(str))))})."
        )
    return kept, venues[venues["venue_id"].isin(kept | allowed)].reset_index(drop=True)


@dataclass(frozen=True)
class _Ground:
    """Hold the files that say where people live and how roads run, where a pull has them."""

    raster: Path | None
    roads: Path | None


def _ground(report: "PullReport") -> _Ground:
    """Return the population raster and the road extract that a pull settled on, as the siting step takes them."""
    rasters = (report.get(name) for name in RASTER_SOURCES)
    raster = next((snapshot.path for snapshot in rasters if snapshot is not None), None)
    roads = report.get(ROADS)
    return _Ground(raster, None if roads is None else roads.path)


def roads_of(request: Request, report: "PullReport") -> Path | None:
    """Return the road extract of a question: its own, or the one that a pull settled on."""
    return request.roads or _ground(report).roads


def _measured(
    request: Request, here: Any, venues: pd.DataFrame, inputs: Inputs, ground: _Ground
) -> tuple[pd.DataFrame, pd.DataFrame, "Reach", str, list[str]]:
    """Place the people and measure the way to every venue; existing venues that nobody can reach are left out."""
    from exclusion.access.assessment import checked_venues, engine_of
    from exclusion.access.population import checked_areas, demand_of, populated_places, population_note
    from exclusion.access.tables import checked_demand
    from exclusion.access.travel import demand_points, points_of, reach_by

    areas = checked_areas(here)
    venues = checked_venues(venues)
    places = populated_places(areas, raster=ground.raster, place_size_m=PLACE_SIZE_M)
    demand, remarks = demand_of(places, people_for_access(inputs))
    demand = checked_demand(demand)
    rows = demand_points(demand, areas.set_index("lsoa21cd")["ruc21cd"])
    people = demand["people_offline"].to_numpy(dtype=np.float64)
    chosen = engine_of(
        "roads" if request.roads else "auto", rows, people, roads=request.roads or ground.roads
    )
    engine = chosen.engine
    points = points_of(venues, what="venues")
    reach = reach_by(
        engine, rows, points, mode=request.mode, limit_min=max(request.within_min, _PAGE_REACH_MIN)
    )
    venues, reach = within_use(venues, reach)
    demand = demand.merge(
        here[["lsoa21cd", "lad_cd", "lad_nm", "wd_cd", "ruc21cd", "is_rural"]],
        on="lsoa21cd",
        validate="many_to_one",
    )
    placed = population_note(places)
    notes = [
        f"People travel so: {_MODE_NAMES[request.mode]}. Minutes are estimates ({engine.name}).",
        f"People are placed by {placed}.",
        *chosen.remarks,
        *remarks,
    ]
    if "centroid" in placed:
        notes.append(
            "On area centroids a plan claims more people within reach than it delivers: use a population raster."
        )
    return demand, venues, reach, engine.name, notes


def _who_counts(request: Request, inputs: Inputs) -> tuple[str, ...]:
    """Return who is offline by the definition that was chosen, where a plan counts them."""
    if request.weights_file is not None or request.weight.strip() not in {"people_offline", "exclusion"}:
        return ()
    estimate = read_json(inputs["estimate.json"])
    return (f"Offline here means: {estimate['definition']} ({estimate['level']['year']}).",)


def _weighed(request: Request, demand: pd.DataFrame, inputs: Inputs) -> tuple[pd.DataFrame, str, str]:
    """Return the demand with the column that is counted, its name, and what it is called in sentences."""
    from exclusion.siting.weights import spread

    word = request.weight.strip()
    if request.weights_file is not None:
        own = _own_weights(request.weights_file, word)
        return demand.assign(**{word: spread(demand, own, name=word)}), word, word.replace("_", " ")
    if word in {"people_offline", "adults"}:
        return demand, word, _WEIGHT_NAMES[word]
    if word == "exclusion":
        score = read_table(inputs["index.parquet"]).set_index("lsoa21cd")["exclusion_score"].astype(float)
        row = demand["lsoa21cd"].map(score)
        mean = float((row * demand["people_offline"]).sum()) / max(
            float(demand["people_offline"].sum()), 1e-9
        )
        people = demand.groupby("lsoa21cd")["people_offline"].sum()
        weighted = spread(demand, people * score.reindex(people.index) / max(mean, 1e-9), name=word)
        return demand.assign(exclusion_weight=weighted), "exclusion_weight", _WEIGHT_NAMES[word]
    indicators = read_table(inputs["indicators.parquet"]).set_index("lsoa21cd")
    counts = [
        str(name)
        for name in indicators.columns
        if indicators[name].dtype.kind in "iuf" and not str(name).endswith("_pct")
    ]
    if word in counts:
        return (
            demand.assign(**{word: spread(demand, indicators[word], name=word)}),
            word,
            count_in_words(word),
        )
    raise InputError(
        f"--weight {word!r}: no such number of people is known; give people_offline, adults, exclusion, a count of the"
        " indicators table (age_85plus, say), or a column of your own with --weights FILE."
    )


def count_in_words(column: str) -> str:
    """Return what sentences call the people of a column of counts: ages in words, other names as they stand."""
    if ages := re.fullmatch(r"age_(\d+)_(\d+)", column):
        return f"people aged {ages[1]} to {ages[2]}"
    if oldest := re.fullmatch(r"age_(\d+)plus", column):
        return f"people aged {oldest[1]} and over"
    return column.replace("_", " ")


def _own_weights(path: Path, column: str) -> pd.Series:
    """Read a planner's CSV of `lsoa21cd` and a number."""
    try:
        table = pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as fault:
        raise InputError(
            f"--weights {path}: the file cannot be read as a CSV ({str(fault).splitlines()[0]})."
        ) from None
    table.columns = [str(name).strip() for name in table.columns]
    key = next(
        (name for name in table.columns if name.lower() in {"lsoa21cd", "lsoa21", "lsoa code", "code"}), None
    )
    if key is None or column not in table.columns:
        raise InputError(
            f"--weights {path}: a column lsoa21cd and the column {column!r} that --weight names are needed; it has"
            f" {', '.join(table.columns)}."
        )
    codes = table[key].str.strip()
    if codes.duplicated().any():
        raise InputError(
            f"--weights {path}: {codes[codes.duplicated()].iloc[0]} stands in two rows: keep one for each area."
        )
    numbers = pd.to_numeric(table[column].str.replace(",", "", regex=False), errors="coerce")
    return pd.Series(numbers.to_numpy(float), index=codes)


def _costs(request: Request, venues: pd.DataFrame) -> pd.DataFrame:
    own = venues["cost"] if "cost" in venues.columns else pd.Series(np.nan, index=venues.index)
    if request.cost is not None:
        if not request.cost >= 0:
            raise InputError(f"--cost {request.cost:g}: a cost is 0 or more.")
        own = own.fillna(request.cost)
    if request.budget is not None and own.isna().all():
        raise InputError(
            "A budget needs the cost of venues: add a column cost to the venue file, or give one cost for all with --cost."
        )
    # Kept venues are paid for already.
    own = own.where(own.notna() | ~venues["is_existing"].astype(bool), 0.0)
    return (
        venues.assign(cost=own.astype(float))
        if own.notna().any()
        else venues.drop(columns="cost", errors="ignore")
    )


def _capacities(request: Request, venues: pd.DataFrame) -> pd.DataFrame:
    if request.goal != "capacity":
        return venues
    from exclusion.siting.capacity import capacity_of_hours

    helper = request.helper
    if not helper.hours_at_most > 0:
        raise InputError("A champion's hours a week at a venue must be above 0.")
    hours = (
        venues["hours_per_week"].astype(float).fillna(helper.hours_at_most).clip(upper=helper.hours_at_most)
    )
    by_hours = capacity_of_hours(
        hours,
        people_per_hour=helper.people_per_hour,
        weeks=helper.weeks,
        visits_per_person=helper.visits_per_person,
    )
    own = (
        venues["capacity_people"]
        if "capacity_people" in venues.columns
        else pd.Series(np.nan, index=venues.index)
    )
    return venues.assign(capacity_people=np.where(own.notna(), own, by_hours))


def _draws(request: Request, demand: pd.DataFrame, inputs: Inputs) -> Any:
    if request.draws < 0:
        raise InputError(f"--draws {request.draws}: give 0 (none) or more.")
    if not request.draws or request.weight != "people_offline" or request.weights_file is not None:
        return None
    from exclusion.siting.weights import people_draws

    people = read_table(inputs["people_offline.parquet"]).set_index("lsoa21cd")
    # The range of a plan must not contradict that of its place, which rests on the same measure.
    shared = float(read_json(inputs["index.json"])["method"]["draws"]["shared_error"])
    return people_draws(demand, people, shared=shared, draws=request.draws, seed=request.seed)


def _named(
    words: tuple[str, ...], venues: pd.DataFrame, kept: tuple[str, ...], option: str
) -> tuple[str, ...]:
    from exclusion.siting.candidates import selected

    found = selected(venues, words, option=option)
    # A kind forced out means those of it that are not kept.
    return tuple(name for name in found if name not in kept or name in words)


def _one_per(request: Request, venues: pd.DataFrame) -> str | None:
    from exclusion.siting.candidates import ONE_PER

    if request.one_per is None:
        return None
    column = ONE_PER.get(request.one_per.strip().lower())
    if column is None:
        raise InputError(f"--one-per {request.one_per!r}: choose {', '.join(ONE_PER)}.")
    if column not in venues.columns or venues[column].isna().all():
        raise InputError(
            f"--one-per {request.one_per}: no venue has a {request.one_per}; add a column {request.one_per} to the venue file."
        )
    return column
