"""Where people live: every area's adults and people offline spread over its populated places."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.rasters import cell_shares
from exclusion.errors import ContractError, InputError

# People are dealt out in units of 2**-26: fine enough that a rounded total differs by less than 1e-8, and coarse
# enough that every sum up to 67 million people is exact in float64, in whatever order it is taken.
_UNIT = 2.0**-26

FROM_RASTER = "population raster"
FROM_OUTPUT_AREAS = "output-area centroids"
FROM_CENTROID = "LSOA population-weighted centroid"

PLACE_COLUMNS = ("place_id", "lsoa21cd", "x_m", "y_m", "weight", "place_from")
_PEOPLE_COLUMNS = ("adults_16plus", "people_offline", "ts045_total", "ts045_no_cars_or_vans_in_household")


def checked_areas(areas: Any, *, needs_geometry: bool = False) -> Any:
    """Return the areas sorted by `lsoa21cd`, or raise ContractError for what access cannot work with.

    Needs EPSG:27700, unique `lsoa21cd`, finite `x_m, y_m` and `ruc21cd`; with `needs_geometry` also closed, valid
    polygons.
    """
    missing = [name for name in ("lsoa21cd", "x_m", "y_m", "ruc21cd") if name not in areas.columns]
    if missing:
        raise ContractError(
            f"The areas table has no column {missing[0]!r}: build it with the indicators step."
        )
    if not len(areas):
        raise ContractError("The areas table is empty: name a place that has areas.")
    if areas["lsoa21cd"].duplicated().any():
        twice = areas.loc[areas["lsoa21cd"].duplicated(), "lsoa21cd"].iloc[0]
        raise ContractError(f"The areas table holds {twice} twice: keep one row for each area.")
    unplaced = ~np.isfinite(areas[["x_m", "y_m"]].to_numpy(dtype=np.float64)).all(axis=1)
    if unplaced.any():
        raise ContractError(
            f"{int(unplaced.sum())} areas have no population-weighted centroid (x_m, y_m), first"
            f" {areas.loc[unplaced, 'lsoa21cd'].iloc[0]}: join the centroids file."
        )
    if needs_geometry:
        _check_polygons(areas)
    return areas.sort_values("lsoa21cd", ignore_index=True)


def _check_polygons(areas: Any) -> None:
    import shapely

    crs = getattr(areas, "crs", None)
    if crs is None or crs.to_epsg() != 27700:
        raise ContractError(
            f"The area boundaries are in {'no coordinate reference system' if crs is None else crs.name}, not in"
            " EPSG:27700: reproject them with to_crs(27700)."
        )
    geometry = areas.geometry.to_numpy()
    is_polygon = np.isin(shapely.get_type_id(geometry), (3, 6)) & ~shapely.is_empty(geometry)
    faulty = ~(is_polygon & shapely.is_valid(geometry))
    if faulty.any():
        first = int(np.argmax(faulty))
        why = shapely.is_valid_reason(geometry[first]) if is_polygon[first] else "it is no closed polygon"
        raise ContractError(
            f"The boundary of {areas['lsoa21cd'].iloc[first]} cannot be used ({why}): repair it with make_valid"
            f" ({int(faulty.sum())} such areas)."
        )


def populated_places(
    areas: Any,
    *,
    raster: Path | None = None,
    raster_crs: str | None = None,
    output_areas: Any | None = None,
    place_size_m: float | None = None,
) -> Any:
    """Find the populated places of each area and the share of the area's people in each.

    `areas` is the `areas` table (EPSG:27700). With `raster` (people per cell, GeoTIFF, read by window) a place is a
    populated cell, or the part of it inside the area. `output_areas` has `lsoa21cd, x_m, y_m` and optionally
    `residents`. An area without any populated cell, and every area where neither is given, is one place at its
    population-weighted centroid; `place_from` says which. `place_size_m` merges the cells of an area that lie in
    the same square of that side into one place at their weighted centre.

    Returns `place_id, lsoa21cd, x_m, y_m, weight, place_from`, sorted by `place_id`; weights sum to 1 in each area.
    Weighting cells by population is dasymetric mapping (Wright 1936; Eicher and Brewer 2001).
    """
    import pandas as pd

    areas = checked_areas(areas, needs_geometry=raster is not None)
    if raster is not None:
        shares, _facts = cell_shares(areas, raster, crs=raster_crs)
        places = pd.DataFrame(
            {
                "place_id": shares["lsoa21cd"]
                + "-r"
                + shares["row"].astype(int).astype(str).str.zfill(6)
                + "c"
                + shares["column"].astype(int).astype(str).str.zfill(6),
                "lsoa21cd": shares["lsoa21cd"],
                "x_m": shares["x_m"],
                "y_m": shares["y_m"],
                "weight": shares["population"],
                "place_from": FROM_RASTER,
            }
        )
        if place_size_m is not None:
            places = _merged(places, place_size_m)
    elif output_areas is not None:
        places = _output_area_places(areas, output_areas)
    else:
        places = pd.DataFrame({name: pd.Series(dtype=object) for name in PLACE_COLUMNS})
    bare = areas[~areas["lsoa21cd"].isin(places["lsoa21cd"])]
    centroids = pd.DataFrame(
        {
            "place_id": bare["lsoa21cd"] + "-centroid",
            "lsoa21cd": bare["lsoa21cd"],
            "x_m": bare["x_m"],
            "y_m": bare["y_m"],
            "weight": 1.0,
            "place_from": FROM_CENTROID,
        }
    )
    everything = pd.concat([part for part in (places, centroids) if len(part)], ignore_index=True)
    everything = everything.astype({"x_m": float, "y_m": float, "weight": float})
    everything = everything.sort_values("place_id", ignore_index=True)
    total = everything.groupby("lsoa21cd")["weight"].transform("sum")
    return everything.assign(weight=everything["weight"] / total)


def _merged(places: Any, size_m: float) -> Any:
    if not (np.isfinite(size_m) and size_m > 0):
        raise InputError(f"place_size_m is {size_m}; it must be a number of metres above 0.")
    weight = places["weight"]
    east = np.floor(places["x_m"] / size_m).astype(int)
    north = np.floor(places["y_m"] / size_m).astype(int)
    summed = (
        places.assign(east=east, north=north, x_m=places["x_m"] * weight, y_m=places["y_m"] * weight)
        .groupby(["lsoa21cd", "east", "north"], sort=True)[["x_m", "y_m", "weight"]]
        .sum()
        .reset_index()
    )
    square = "-e" + summed["east"].astype(str).str.zfill(6) + "n" + summed["north"].astype(str).str.zfill(6)
    return summed.assign(
        place_id=summed["lsoa21cd"] + square,
        x_m=(summed["x_m"] / summed["weight"]).round(1),
        y_m=(summed["y_m"] / summed["weight"]).round(1),
        place_from=FROM_RASTER,
    )[list(PLACE_COLUMNS)]


def _output_area_places(areas: Any, output_areas: Any) -> Any:
    import pandas as pd

    missing = [name for name in ("lsoa21cd", "x_m", "y_m") if name not in output_areas.columns]
    if missing:
        raise ContractError(f"The output-area centroids have no column {missing[0]!r}.")
    here = output_areas[output_areas["lsoa21cd"].isin(areas["lsoa21cd"])]
    if not len(here):
        raise ContractError("No output-area centroid lies in any of the areas: supply those of this place.")
    weight = (
        here["residents"].astype(float) if "residents" in here.columns else pd.Series(1.0, index=here.index)
    )
    located = np.isfinite(here[["x_m", "y_m"]].to_numpy(dtype=np.float64)).all(axis=1)
    if not (located & np.isfinite(weight) & (weight >= 0)).all():
        raise ContractError(
            "The output-area centroids hold missing coordinates or missing or negative residents."
        )
    here = here.assign(weight=weight)[weight > 0].sort_values(["lsoa21cd", "x_m", "y_m"])
    number = here.groupby("lsoa21cd").cumcount().astype(str).str.zfill(4)
    return pd.DataFrame(
        {
            "place_id": here["lsoa21cd"] + "-oa" + number,
            "lsoa21cd": here["lsoa21cd"],
            "x_m": here["x_m"],
            "y_m": here["y_m"],
            "weight": here["weight"],
            "place_from": FROM_OUTPUT_AREAS,
        }
    )


def apportioned(
    totals: npt.NDArray[np.float64], group: npt.NDArray[np.int64], weight: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Deal each group's total out over its members by weight, so that the parts sum to it exactly.

    `totals[g]` is split over the members with `group == g` (ascending). Parts are multiples of 2**-26 by the
    method of largest remainders: they sum to the total without any rounding error wherever it is itself such a
    multiple (every whole number is), and to within 1e-8 elsewhere. Members of weight 0 receive nothing.
    """
    units = np.rint(totals / _UNIT)
    share = units[group] * (weight / np.bincount(group, weights=weight, minlength=len(totals))[group])
    whole = np.floor(share)
    left = (units - np.bincount(group, weights=whole, minlength=len(totals))).astype(np.int64)
    # Largest remainders first within each group; members of weight 0 stand last and never win one.
    order = np.lexsort((np.arange(len(group)), -np.where(weight > 0, share - whole, -1.0), group))
    start = np.concatenate(([0], np.cumsum(np.bincount(group, minlength=len(totals)))))
    place = np.empty(len(group), dtype=np.int64)
    place[order] = np.arange(len(group)) - start[group[order]]
    whole += place < left[group]
    # Rounding of the shares may deal out a unit too many in a group of one or two members; its largest gives it back.
    over = np.flatnonzero(left < 0)
    if over.size:
        for number in over.tolist():
            members = np.flatnonzero(group == number)
            whole[members[np.argmax(whole[members])]] += left[number]
    return np.asarray(whole * _UNIT, dtype=np.float64)


def demand_of(places: Any, people: Any) -> tuple[Any, list[str]]:
    """Spread each area's adults and people offline over its places, with and without a car.

    `places` as `populated_places` returns it. `people` is indexed by `lsoa21cd` (or has it as a column) and has
    `adults_16plus, people_offline, ts045_total, ts045_no_cars_or_vans_in_household`; it may hold more areas than
    `places`. Everybody in an area has its households' chance of having a car (Census 2021, TS045): the people
    offline of an area without a car are probably more than that share.

    Returns the `demand` table (`demand_id, lsoa21cd, x_m, y_m, adults, people_offline, has_car, place_from`, two
    rows a place, sorted by `demand_id`) and notes for the manifest. Each area's sums equal its totals (see
    `apportioned`). Raises ContractError for areas without a number.
    """
    import pandas as pd

    table = _people_of(places, people)
    codes, group = np.unique(places["lsoa21cd"].to_numpy(dtype=object).astype(str), return_inverse=True)
    table = table.reindex(codes)
    households = table["ts045_total"].to_numpy()
    without_car = table["ts045_no_cars_or_vans_in_household"].to_numpy()
    notes = []
    is_empty = households == 0
    pooled = without_car.sum() / households.sum() if households.sum() else 0.0
    if is_empty.any():
        notes.append(
            f"{int(is_empty.sum())} areas have no households in TS045 (first {codes[is_empty][0]}): the share of"
            f" households without a car of all areas together, {pooled:.1%}, stands in."
        )
    no_car_share = np.where(is_empty, pooled, without_car / np.where(is_empty, 1.0, households))
    weight = places["weight"].to_numpy(dtype=np.float64)
    columns = {}
    for name, source in (("adults", "adults_16plus"), ("people_offline", "people_offline")):
        here = apportioned(table[source].to_numpy(), group, weight)
        other = np.rint(here * no_car_share[group] / _UNIT) * _UNIT
        columns[name] = np.stack([here - other, other], axis=1).ravel()
    double = np.repeat(np.arange(len(places)), 2)
    has_car = np.tile([True, False], len(places))
    demand = pd.DataFrame(
        {
            "demand_id": places["place_id"].to_numpy(dtype=object)[double]
            + np.where(has_car, "-car", "-other").astype(object),
            "lsoa21cd": places["lsoa21cd"].to_numpy(dtype=object)[double],
            "x_m": places["x_m"].to_numpy()[double],
            "y_m": places["y_m"].to_numpy()[double],
            **columns,
            "has_car": has_car,
            "place_from": places["place_from"].to_numpy(dtype=object)[double],
        }
    )
    return demand.sort_values("demand_id", ignore_index=True), notes


def _people_of(places: Any, people: Any) -> Any:
    table = people if "lsoa21cd" not in people.columns else people.set_index("lsoa21cd")
    missing = [name for name in _PEOPLE_COLUMNS if name not in table.columns]
    if missing:
        raise ContractError(
            f"The people table has no column {missing[0]!r}: it needs {', '.join(_PEOPLE_COLUMNS)}."
        )
    if table.index.has_duplicates:
        raise ContractError(f"The people table holds {table.index[table.index.duplicated()][0]} twice.")
    wanted = places["lsoa21cd"].drop_duplicates()
    absent = wanted[~wanted.isin(table.index)]
    if len(absent):
        raise ContractError(
            f"The people table lacks {len(absent)} of {len(wanted)} areas, first {absent.iloc[0]}."
        )
    table = table.loc[wanted, list(_PEOPLE_COLUMNS)].astype(float)
    for name in _PEOPLE_COLUMNS:
        bad = ~(np.isfinite(table[name]) & (table[name] >= 0))
        if bad.any():
            raise ContractError(
                f"The people table's {name} is missing or negative in {int(bad.sum())} areas, first"
                f" {table.index[bad][0]}: estimate it before access is worked out."
            )
    over = table["ts045_no_cars_or_vans_in_household"] > table["ts045_total"]
    if over.any():
        raise ContractError(
            f"{table.index[over][0]} has more households without a car than households (TS045)."
        )
    return table


def population_note(places: Any) -> str:
    """Say in one line where people were placed, for a manifest."""
    parts = []
    for name in (FROM_RASTER, FROM_OUTPUT_AREAS, FROM_CENTROID):
        is_here = places["place_from"] == name
        if is_here.any():
            n_areas = places.loc[is_here, "lsoa21cd"].nunique()
            parts.append(f"{name} ({n_areas:,} areas, {int(is_here.sum()):,} places)")
    return "; ".join(parts)


__all__ = [
    "apportioned",
    "checked_areas",
    "demand_of",
    "populated_places",
    "population_note",
]
