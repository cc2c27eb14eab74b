"""What travel times mean for people: nearest help, choice, supply, and who is left beyond a limit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from exclusion.access.reach import Reach
from exclusion.errors import ContractError, InputError

_FloatArray = npt.NDArray[np.float64]

# Enhanced two-step floating catchment, Luo and Qi 2009 (Health & Place 15): three zones of ten minutes with the
# weights of a slow Gaussian decay.
CATCHMENT_ZONES = ((10.0, 1.0), (20.0, 0.68), (30.0, 0.22))


def weighted_quantile(
    value: _FloatArray, weight: _FloatArray, group: npt.NDArray[np.int64], n_groups: int, quantile: float
) -> _FloatArray:
    """Return each group's weighted quantile: its least value at or below which lies that share of the weight.

    No interpolation, so infinity stays infinity. A group without weight gives NaN.
    """
    if not 0 <= quantile <= 1:
        raise InputError(f"A quantile is a number from 0 to 1, not {quantile}.")
    present = weight > 0
    value, weight, group = value[present], weight[present], group[present]
    order = np.lexsort((value, group))
    value, weight, group = value[order], weight[order], group[order]
    total = np.bincount(group, weights=weight, minlength=n_groups)
    running = np.cumsum(weight)
    start = np.concatenate(([0.0], np.cumsum(total)))[:-1]
    # A hair less than asked, so that a share that is met exactly is met in floating point too.
    is_met = running - start[group] >= quantile * total[group] * (1 - 1e-12) - 1e-300
    out = np.full(n_groups, np.nan)
    where = np.flatnonzero(is_met)
    # Written backwards, so that the first of each group stays.
    out[group[where[::-1]]] = value[where[::-1]]
    return out


def venues_within(reach: Reach, limit_min: float) -> npt.NDArray[np.int64]:
    """Count the venues within a limit (inclusive) for each demand row; out of reach is 0."""
    return np.asarray(np.diff(reach.within(limit_min).indptr), dtype=np.int64)


def supply_of(hours_per_week: npt.ArrayLike) -> tuple[_FloatArray, str]:
    """Return each venue's weekly hours, filling the unknown ones, and a sentence that says how.

    Unknown hours (NaN) take the median of the known ones; where none is known every venue counts 1 and the measure
    is in venues, not hours.
    """
    hours = np.asarray(hours_per_week, dtype=np.float64)
    if (hours < 0).any() or np.isinf(hours).any():
        raise ContractError(
            "The venues table holds hours_per_week that are negative or infinite: mend or blank them."
        )
    known = np.isfinite(hours)
    if not known.any():
        return np.ones(len(hours)), "no opening hours are known: each venue counts as one"
    filled = np.where(known, hours, np.median(hours[known]))
    return (
        filled,
        f"weekly opening hours, known for {int(known.sum())} of {len(hours)} venues, the median elsewhere",
    )


def floating_catchment(
    reach: Reach,
    people: _FloatArray,
    supply: _FloatArray,
    *,
    zones: Sequence[tuple[float, float]] = CATCHMENT_ZONES,
) -> _FloatArray:
    """Return the enhanced two-step floating catchment score of each demand row: supply per person in reach.

    Step one shares each venue's supply among the people in reach, weighted by zone: R_j = S_j / Σ_i P_i f(t_ij).
    Step two adds up what is in reach of each row: A_i = Σ_j R_j f(t_ij). Rows out of reach score 0, so that
    Σ_i P_i A_i equals the supply of all venues with somebody in reach. `zones` are (minutes, weight), ascending and
    inclusive. Source: Luo and Qi 2009.
    """
    limits, weights = (np.array(column, dtype=np.float64) for column in zip(*zones, strict=True))
    if (np.diff(limits) <= 0).any() or (weights <= 0).any():
        raise InputError("The catchment's zones must ascend in minutes and have weights above 0.")
    if len(people) != reach.shape[0] or len(supply) != reach.shape[1]:
        raise ContractError(
            "The reach lists do not fit the people or the venues: make them from the same tables."
        )
    near = reach.within(float(limits[-1]))
    rows = near.rows()
    # Minutes are rounded to 0.01, and so compared after rounding: 10.00 as float32 is not above 10.
    pull = weights[np.searchsorted(limits, np.round(near.minutes.astype(np.float64), 2), side="left")]
    asked = np.bincount(near.indices, weights=people[rows] * pull, minlength=near.n_venues)
    share = np.divide(supply, asked, out=np.zeros(near.n_venues), where=asked > 0)
    return np.asarray(
        np.bincount(rows, weights=share[near.indices] * pull, minlength=reach.shape[0]), dtype=np.float64
    )


@dataclass(frozen=True)
class HelpTimes:
    """Hold each demand row's way to existing help, door to door by its own modes.

    `minutes` and `position` are (rows, 2): nearest and second nearest, inf and -1 beyond `limit_min`. `reach` lists
    the existing venues around each row up to its own, shorter limit.
    """

    minutes: _FloatArray
    position: npt.NDArray[np.int64]
    reach: Reach
    limit_min: float


def travel_table(
    demand: Any,
    venues: Any,
    times: HelpTimes,
    *,
    measured_by: str | npt.NDArray[np.object_],
    beyond_min: float = 20.0,
    within_min: tuple[float, float] = (15.0, 30.0),
) -> Any:
    """Sum the way to existing help up for each area: the `travel` table.

    `demand` is the table that `times` was made for; `venues` are the existing ones, in the order of `times`.
    Everything is weighted by people offline (by adults where an area has none, by places where it has neither).

    Columns, minutes from door to door: `help_min` (mean over car ownership: c of car, 1 - c of other), `help_car_min`
    and `help_other_min`, `second_help_min`, `help_min_p50`, `help_min_p90`; `venues_within_15_min`,
    `venues_within_30_min` (mean number); `help_supply` (floating catchment, weekly hours, or venues, per 1,000
    people offline); `people_offline_beyond_20_min`, `offline_within_20_min_pct`, `people_offline_beyond_limit`,
    `is_beyond_limit`; `nearest_venue_id`, `nearest_venue_nm` (nearest to most people offline; null where nothing
    is within the limit); `engine` (what measured most of the area's people, from `measured_by`: one name, or one for
    each demand row), `population_from`.

    A row without help within the limit counts as exactly the limit in every mean and quantile, so those are lower
    bounds there; it counts 0 venues and 0 supply and is never dropped. `is_beyond_limit` is true where that holds
    for at least half of an area's people offline: its median then is "`limit` minutes or more".
    """
    import pandas as pd

    codes, area = np.unique(demand["lsoa21cd"].to_numpy(dtype=object).astype(str), return_inverse=True)
    n_areas = len(codes)
    offline = demand["people_offline"].to_numpy(dtype=np.float64)
    weight = _weights(demand, area, n_areas)
    has_car = demand["has_car"].to_numpy(dtype=bool)
    place_weight = _place_weights(demand, weight)

    nearest, second = times.minutes[:, 0], times.minutes[:, 1]
    is_out = ~np.isfinite(nearest)
    capped, second_capped = np.minimum(nearest, times.limit_min), np.minimum(second, times.limit_min)

    def mean(value: npt.NDArray[Any], by: _FloatArray) -> _FloatArray:
        total = np.bincount(area, weights=by, minlength=n_areas)
        summed = np.bincount(area, weights=value * by, minlength=n_areas)
        return np.asarray(
            np.divide(summed, total, out=np.full(n_areas, np.nan), where=total > 0), dtype=np.float64
        )

    supply, _note = supply_of(venues["hours_per_week"].to_numpy(dtype=np.float64, na_value=np.nan))
    score = floating_catchment(times.reach, offline, supply)
    beyond = np.bincount(area, weights=offline * (nearest > beyond_min), minlength=n_areas)
    total = np.bincount(area, weights=offline, minlength=n_areas)
    beyond_share = mean(nearest > beyond_min, weight)
    table = {
        "lsoa21cd": codes,
        "help_min": mean(capped, weight),
        "help_car_min": mean(capped, np.where(has_car, place_weight, 0.0)),
        "help_other_min": mean(capped, np.where(has_car, 0.0, place_weight)),
        "second_help_min": mean(second_capped, weight),
        "help_min_p50": weighted_quantile(capped, weight, area, n_areas, 0.5),
        "help_min_p90": weighted_quantile(capped, weight, area, n_areas, 0.9),
        **{
            f"venues_within_{limit:g}_min": mean(venues_within(times.reach, limit), weight)
            for limit in within_min
        },
        "help_supply": 1000.0 * mean(score, weight),
        f"people_offline_beyond_{beyond_min:g}_min": np.minimum(beyond, total),
        f"offline_within_{beyond_min:g}_min_pct": 100.0 * (1.0 - beyond_share),
        "people_offline_beyond_limit": np.bincount(area, weights=offline * is_out, minlength=n_areas),
        "is_beyond_limit": mean(is_out, weight) >= 0.5,
    }
    frame = pd.DataFrame(table)
    frame = frame.assign(**_nearest_venue(times.position[:, 0], weight, area, n_areas, venues))
    first = demand.groupby("lsoa21cd", sort=True)["place_from"].first()
    engine = measured_by if isinstance(measured_by, str) else _most_of(measured_by, weight, area, n_areas)
    return frame.assign(engine=engine, population_from=first.reindex(codes).to_numpy(dtype=object))


def _most_of(
    name: npt.NDArray[np.object_], weight: _FloatArray, area: npt.NDArray[np.int64], n_areas: int
) -> npt.NDArray[np.object_]:
    """Return the name that holds for most of each area's weight; of equals, the first in the alphabet."""
    names, code = np.unique(name.astype(str), return_inverse=True)
    held = np.bincount(area * len(names) + code, weights=weight, minlength=n_areas * len(names))
    return np.asarray(names[np.argmax(held.reshape(n_areas, len(names)), axis=1)], dtype=object)


def _weights(demand: Any, area: npt.NDArray[np.int64], n_areas: int) -> _FloatArray:
    """Weigh rows by people offline, by adults where an area has none, evenly where it has neither."""
    weight = demand["people_offline"].to_numpy(dtype=np.float64).copy()
    for stand_in in (demand["adults"].to_numpy(dtype=np.float64), np.ones(len(demand))):
        is_empty = np.bincount(area, weights=weight, minlength=n_areas) <= 0
        weight = np.where(is_empty[area], stand_in, weight)
    return np.asarray(weight, dtype=np.float64)


def _place_weights(demand: Any, weight: _FloatArray) -> _FloatArray:
    """Weigh a row by everybody at its place, so that an area where all have a car still has a time without one."""
    place = demand["demand_id"].str.removesuffix("-car").str.removesuffix("-other")
    _, number = np.unique(place.to_numpy(dtype=object).astype(str), return_inverse=True)
    return np.asarray(np.bincount(number, weights=weight)[number], dtype=np.float64)


def _nearest_venue(
    position: npt.NDArray[np.int64],
    weight: _FloatArray,
    area: npt.NDArray[np.int64],
    n_areas: int,
    venues: Any,
) -> dict[str, Any]:
    """Name the venue that is nearest to most of each area's people; of equals, the one that stands first."""
    ids, names = venues["venue_id"].to_numpy(dtype=object), venues["name"].to_numpy(dtype=object)
    is_near = position >= 0
    pair, inverse = np.unique(area[is_near] * max(len(ids), 1) + position[is_near], return_inverse=True)
    people = np.bincount(inverse, weights=weight[is_near], minlength=len(pair))
    pair_area, pair_venue = np.divmod(pair, max(len(ids), 1))
    order = np.lexsort((pair_venue, -people, pair_area))
    chosen_area, first = np.unique(pair_area[order], return_index=True)
    chosen = np.full(n_areas, -1, dtype=np.int64)
    chosen[chosen_area] = pair_venue[order][first]
    venue_id = np.full(n_areas, None, dtype=object)
    venue_nm = np.full(n_areas, None, dtype=object)
    known = chosen >= 0
    venue_id[known], venue_nm[known] = ids[chosen[known]], names[chosen[known]]
    return {"nearest_venue_id": venue_id, "nearest_venue_nm": venue_nm}
