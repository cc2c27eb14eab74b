"""Carry values from older zones to the areas of a spine by the people who live in both: no exact fit is published.

SIMD 2020v2 is on Data Zones of 2011 and the spine on those of 2022. Postcodes say where people live: those of an area
share its residents equally, and each lies in one older zone. Counts are split in proportion to these people and keep
their sum; rates are made from carried counts, never averaged; ranks, which no count stands behind, are averaged by
people, and say only that their order is about so.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.geography.areas import WORKING_CRS
from exclusion.geography.points import OUTSIDE, areas_of_points


@dataclass(frozen=True)
class ZoneCrosswalk:
    """Pairs of an older zone and an area with the people who live in both, and how they came about.

    `pairs`: `zone_cd, lsoa21cd, people` (above 0), one row a pair, sorted. `how` is a sentence for people. `by_shape`
    counts zones and areas without a postcode, which were joined by their inner points.
    """

    pairs: pd.DataFrame
    how: str
    by_shape: int = 0


def supplied_crosswalk(table: pd.DataFrame, zone: str) -> ZoneCrosswalk:
    """Return the crosswalk of a file: `zone` (its column of older zones), `lsoa21cd, people`."""
    pairs = table[table["people"] > 0].rename(columns={zone: "zone_cd"})[["zone_cd", "lsoa21cd", "people"]]
    return ZoneCrosswalk(_sorted(pairs), "by the people of the crosswalk that was supplied")


def crosswalk_of_postcodes(
    postcodes: pd.DataFrame, zones: Any, areas: Any, residents: pd.Series, *, zone: str
) -> ZoneCrosswalk:
    """Return the crosswalk made from where postcodes lie.

    `postcodes`: `x_m, y_m` (EPSG:27700, null where unknown). `zones`: GeoDataFrame with the column `zone`; `areas`:
    with `lsoa21cd`; both in EPSG:27700. `residents` is indexed by `lsoa21cd`. A zone or area that holds no postcode is
    joined by its inner point, so that nobody is lost.
    """
    import shapely

    old = zones.rename(columns={zone: "lsoa21cd"}).sort_values("lsoa21cd", ignore_index=True)
    new = areas.sort_values("lsoa21cd", ignore_index=True)
    _require_grid(old)
    _require_grid(new)
    x, y = postcodes["x_m"].to_numpy(float), postcodes["y_m"].to_numpy(float)
    west, south, east, north = new.total_bounds
    near = np.isfinite(x) & (x >= west) & (x <= east) & (y >= south) & (y <= north)
    x, y = x[near], y[near]
    in_new, in_old = areas_of_points(x, y, new), areas_of_points(x, y, old)
    both = (in_new != OUTSIDE) & (in_old != OUTSIDE)
    counts = pd.DataFrame({"old": in_old[both], "new": in_new[both]}).value_counts().reset_index(name="n")
    # What holds no postcode: an area asks which zone its inner point is in, a zone which area.
    bare_new = np.setdiff1d(np.arange(len(new)), counts["new"])
    bare_old = np.setdiff1d(np.arange(len(old)), counts["old"])
    spots = shapely.point_on_surface(np.asarray(new.geometry, dtype=object)[bare_new])
    found = areas_of_points(shapely.get_x(spots), shapely.get_y(spots), old)
    more = [pd.DataFrame({"old": found, "new": bare_new, "n": 1})]
    spots = shapely.point_on_surface(np.asarray(old.geometry, dtype=object)[bare_old])
    found = areas_of_points(shapely.get_x(spots), shapely.get_y(spots), new)
    more.append(pd.DataFrame({"old": bare_old, "new": found, "n": 1}))
    counts = pd.concat([counts, *more], ignore_index=True).query("old >= 0 and new >= 0")
    counts = counts.drop_duplicates(["old", "new"])
    pairs = pd.DataFrame(
        {
            "zone_cd": old["lsoa21cd"].to_numpy()[counts["old"]],
            "lsoa21cd": new["lsoa21cd"].to_numpy()[counts["new"]],
            "n": counts["n"].to_numpy(float),
        }
    )
    people = residents.reindex(pairs["lsoa21cd"]).to_numpy(float)
    share = pairs["n"] / pairs.groupby("lsoa21cd")["n"].transform("sum")
    # An area that nobody is known to live in still says which zone it lies in.
    pairs["people"] = np.where(np.isfinite(people) & (people > 0), people, 1e-6) * share
    how = "by residents, whose homes are taken to lie as the postcodes of Code-Point Open do"
    return ZoneCrosswalk(
        _sorted(pairs[["zone_cd", "lsoa21cd", "people"]]), how, len(bare_new) + len(bare_old)
    )


def carry_zone_counts(values: pd.DataFrame, crosswalk: ZoneCrosswalk, index: pd.Index) -> pd.DataFrame:
    """Return counts on the areas of `index`, split by people; every column keeps its sum.

    `values` is indexed by the older zone. An area is null where a zone that it takes from is null, or where it takes
    from none. ContractError where a zone with a count is in no row of the crosswalk: its people would be lost.
    """
    pairs = _pairs(values, crosswalk)
    share = pairs["people"] / pairs.groupby("zone_cd")["people"].transform("sum")
    parts = values.reindex(pairs["zone_cd"]).mul(share.to_numpy(), axis=0)
    out = _summed(parts, pairs["lsoa21cd"])
    held = values.reindex(pairs["zone_cd"].unique())
    for column in values:
        # An area of a zone that is withheld is null as a whole, so only whole columns can be held to their sum.
        if held[column].notna().all():
            before, after = float(held[column].sum()), float(out[column].sum())
            if abs(after - before) > 1e-6 * max(before, 1.0):
                raise ContractError(
                    f"Crosswalk: '{column}' adds up to {before:,.1f} before and {after:,.1f} after; report this."
                )
    return out.reindex(index)


def carry_zone_ranks(ranks: pd.DataFrame, crosswalk: ZoneCrosswalk, index: pd.Index) -> pd.DataFrame:
    """Return ranks on the areas of `index`, averaged by people; null where an area takes from a zone without one.

    For order only: a mean of ranks is no rank.
    """
    pairs = _pairs(ranks, crosswalk)
    weight = pairs["people"] / pairs.groupby("lsoa21cd")["people"].transform("sum")
    return _summed(ranks.reindex(pairs["zone_cd"]).mul(weight.to_numpy(), axis=0), pairs["lsoa21cd"]).reindex(
        index
    )


def _pairs(values: pd.DataFrame, crosswalk: ZoneCrosswalk) -> pd.DataFrame:
    if not values.index.is_unique:
        twice = values.index[values.index.duplicated()][0]
        raise ContractError(f"Crosswalk: {twice} stands on more than one row; each zone may have one.")
    pairs = crosswalk.pairs
    unknown = values.index.difference(pairs["zone_cd"])
    with_value = values.loc[unknown].notna().any(axis=1)
    if with_value.any():
        lost = with_value.index[with_value]
        raise ContractError(
            f"Crosswalk: {lost[0]} (and {len(lost) - 1:,} more) of {len(values):,} zones are in no row, so their people "
            "would be lost; complete the crosswalk, or check that zones and crosswalk are of the same vintage."
        )
    return pairs


def _summed(parts: pd.DataFrame, areas: pd.Series) -> pd.DataFrame:
    """Sum parts by area; null where any part is null."""
    by = areas.to_numpy()
    parts = parts.set_axis(range(len(parts)), axis=0)
    return parts.groupby(by).sum().mask(parts.isna().groupby(by).any()).rename_axis("lsoa21cd")


def _require_grid(frame: Any) -> None:
    if frame.crs is None or frame.crs.to_epsg() != 27700:
        raise ContractError(f"Crosswalk: zones are in {frame.crs}; they must be in {WORKING_CRS}.")


def _sorted(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.sort_values(["zone_cd", "lsoa21cd"], ignore_index=True)
