"""The tables of a spine under the names that the indicator table knows: one row of `spines.toml` made good.

England and Wales need nothing. Elsewhere one lookup gives council, ward, neighbourhood and rural class; points that
nobody publishes are made, an index of deprivation on older zones is carried over, and columns that the nation does not
publish are null with that reason, never zero.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.geography.areas import WORKING_CRS
from exclusion.geography.keys import keyed
from exclusion.geography.points import OUTSIDE, areas_of_points
from exclusion.geography.spines import Spine
from exclusion.geography.zone_crosswalk import (
    ZoneCrosswalk,
    carry_zone_counts,
    carry_zone_ranks,
    crosswalk_of_postcodes,
    supplied_crosswalk,
)

# What the shipped specifications read of censuses and of connection, by the table it comes from.
_READ_OF = {
    "ts011": "household deprivation",
    "ts038": "disability",
    "ts054": "tenure",
    "ts062": "occupation (NS-SeC)",
    "ts065": "work in the last twelve months",
    "ts067": "qualifications",
}
_COLUMNS = (
    "ts011_total", "ts011_household_is_deprived_in_two_dimensions", "ts011_household_is_deprived_in_three_dimensions",
    "ts011_household_is_deprived_in_four_dimensions", "ts038_total", "ts038_disabled_under_the_equality_act",
    "ts054_total", "ts054_social_rented", "ts062_total", "ts062_l12_semi_routine_occupations",
    "ts062_l13_routine_occupations", "ts065_not_in_employment__not_worked_in_the_last_12_months", "ts067_total",
    "ts067_no_qualifications",
)  # fmt: skip
_NEEDED = {
    "lsoa21_boundaries": "boundaries",
    "lsoa21_lookup": "the lookup to councils",
    "census_age_bands": "residents by age",
    "census_ts045": "car or van availability",
}


@dataclass(frozen=True)
class SpineTables:
    """Tables by the names of England and Wales, further columns indexed by `lsoa21cd`, and what stands in for what."""

    tables: Mapping[str, Any]
    further: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()


def complete_tables(tables: Mapping[str, Any], spine: Spine) -> SpineTables:
    """Return the tables that `build_indicators` asks for, made from those of a spine.

    ContractError names the source that is wanting or the first class, zone or area that does not fit.
    """
    if not spine.sources:
        return SpineTables(tables)
    for role, what in _NEEDED.items():
        if role not in tables:
            raise ContractError(
                f"{spine.label}: {what} (source {spine.sources[role]}) is not at hand; see `exclusion sources` for what to "
                "put into the inbox."
            )
    notes: list[str] = []
    areas = tables["lsoa21_boundaries"]
    lookup = tables["lsoa21_lookup"]
    ages = keyed(tables["census_age_bands"], "lsoa21cd", spine.sources["census_age_bands"])
    made = dict(tables)
    made["lsoa21_ward_lad"] = lookup[["lsoa21cd", "wd_cd", "wd_nm", "lad_cd", "lad_nm"]]
    made["lsoa21_msoa21"] = lookup[["lsoa21cd", "msoa21cd", "msoa21nm"]]
    made["ruc21"] = rural_classes(lookup, spine)
    made["census_ts001"] = (
        ages[["residents"]].rename(columns={"residents": "ts001_total"}).astype("int64").reset_index()
    )
    if "lsoa21_centroids" not in tables:
        made["lsoa21_centroids"], how = inner_points(areas, tables.get("postcodes"), spine)
        notes.append(how)
    index = pd.Index(sorted(areas["lsoa21cd"]), name="lsoa21cd")
    carried, said = carried_deprivation(tables, spine, areas, ages["residents"], index)
    notes += said
    census = {column for name, table in made.items() if name.startswith("census_ts") for column in table}
    absent = [column for column in _COLUMNS if column not in census]
    blank = pd.DataFrame(np.nan, index=index, columns=absent)
    for column in absent:
        blank[f"{column}__status"] = "not_published"
    if absent:
        named = [words for prefix, words in _READ_OF.items() if any(c.startswith(prefix) for c in absent)]
        notes.append(
            f"Not at hand for {spine.label} by {spine.area_kind}: {', '.join(named)}. A domain that asks for one of them rests "
            "on its other figures."
        )
    return SpineTables(made, carried.join(blank, validate="one_to_one"), tuple(notes))


def rural_classes(lookup: pd.DataFrame, spine: Spine) -> pd.DataFrame:
    """Return `lsoa21cd, ruc21cd, ruc21nm, is_rural` by the spine's mapping of its own classes to the shared codes.

    A class that is blank is the last, open country. ContractError names the first class that has no mapping.
    """
    classes = lookup["rural_class"].fillna(list(spine.rural)[-1]).astype("str").str.strip()
    classes = classes.str.removesuffix(".0").str.removeprefix("Band ")
    unknown = lookup.loc[~classes.isin(spine.rural), "lsoa21cd"]
    if len(unknown):
        first = unknown.iloc[0]
        raise ContractError(
            f"{spine.sources['lsoa21_lookup']}: {first} is of the urban rural class '{classes[unknown.index[0]]}', which is none "
            f"of {', '.join(spine.rural)} ({len(unknown):,} areas so); use the lookup of the vintage that the catalogue names."
        )
    mapped = [spine.rural[name] for name in classes]
    table = pd.DataFrame(mapped, columns=["ruc21cd", "ruc21nm", "is_rural"])
    return table.assign(lsoa21cd=lookup["lsoa21cd"].to_numpy())


def inner_points(areas: Any, postcodes: pd.DataFrame | None, spine: Spine) -> tuple[pd.DataFrame, str]:
    """Return `lsoa21cd, x_m, y_m` (EPSG:27700) where no population-weighted centroid is published, and what to say.

    The mean of an area's postcodes, where postcodes may be used; else, and for areas without one, a point inside the
    area. A mean that falls outside its area is moved to the postcode nearest to it.
    """
    import shapely

    new = areas.sort_values("lsoa21cd", ignore_index=True)
    if new.crs is None or new.crs.to_epsg() != 27700:
        raise ContractError(f"{spine.label}: boundaries are in {new.crs}; they must be in {WORKING_CRS}.")
    shapes = np.asarray(new.geometry, dtype=object)
    inside = shapely.point_on_surface(shapes)
    x, y = shapely.get_x(inside), shapely.get_y(inside)
    said = (
        f"No population-weighted centroid of {spine.label} is at hand: people of an area without a finer figure are taken to "
        "live at a point inside its outline."
    )
    if postcodes is not None:
        px, py = postcodes["x_m"].to_numpy(float), postcodes["y_m"].to_numpy(float)
        found = areas_of_points(px, py, new)
        held = pd.DataFrame({"area": found, "x": px, "y": py})[found != OUTSIDE]
        mean = held.groupby("area")[["x", "y"]].transform("mean")
        held["off"] = np.hypot(held["x"] - mean["x"], held["y"] - mean["y"])
        at = held.groupby("area")[["x", "y"]].mean()
        is_out = ~shapely.contains_xy(shapes[at.index], at["x"].to_numpy(), at["y"].to_numpy())
        nearest = held.loc[held.groupby("area")["off"].idxmin()].set_index("area")
        at[is_out] = nearest.loc[at.index[is_out], ["x", "y"]]
        x[at.index], y[at.index] = at["x"], at["y"]
        said = f"No population-weighted centroid of {spine.label} is at hand: the middle of each area's postcodes stands in for it."
    return pd.DataFrame({"lsoa21cd": new["lsoa21cd"], "x_m": x, "y_m": y}), said


def carried_deprivation(
    tables: Mapping[str, Any], spine: Spine, areas: Any, residents: pd.Series, index: pd.Index
) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns of the nation's index of deprivation on the spine's areas, and what to say of them.

    Counts are split by people and get the status `carried`; so do ranks, averaged by people. Without a crosswalk every
    column is null and `not_published`.
    """
    found = {role: tables[role] for role in ("deprivation_counts", "deprivation_ranks") if role in tables}
    zone = next((str(c) for table in found.values() for c in table if c in {"dz11cd", "soa01cd"}), None)
    crosswalk = None if zone is None else _crosswalk(tables, areas, residents, zone)
    out = pd.DataFrame(np.nan, index=index, columns=list(spine.deprivation_columns))
    status = pd.DataFrame(
        "not_published", index=index, columns=list(spine.deprivation_columns), dtype="object"
    )
    if zone is not None and crosswalk is not None:
        for role, table in found.items():
            carry = carry_zone_counts if role == "deprivation_counts" else carry_zone_ranks
            part = carry(keyed(table, zone, spine.sources[role]).select_dtypes("number"), crosswalk, index)
            out[part.columns] = part
            status[part.columns] = np.where(part.notna(), "carried", "missing")
    names = ", ".join(spine.sources[role] for role in found)
    said = _deprivation_words(spine, names, crosswalk)
    return out.join(status.add_suffix("__status"), validate="one_to_one"), said


def _deprivation_words(spine: Spine, names: str, crosswalk: ZoneCrosswalk | None) -> list[str]:
    if not names:
        return [f"The index of deprivation of {spine.label} is not at hand."]
    if crosswalk is None:
        lost = (
            f"The index of deprivation of {spine.label} ({names}) is on older zones, and nothing that carries them to "
            f"{spine.area_kind} is at hand: it is left out."
        )
        return [lost]
    carried = (
        f"The index of deprivation of {spine.label} ({names}) is apportioned from older zones to {spine.area_kind}, "
        f"{crosswalk.how}: its figures are shares of older zones, not counts of these areas."
    )
    if not crosswalk.by_shape:
        return [carried]
    return [
        carried,
        f"{crosswalk.by_shape:,} zones or areas without a postcode were joined by an inner point.",
    ]


def _crosswalk(
    tables: Mapping[str, Any], areas: Any, residents: pd.Series, zone: str
) -> ZoneCrosswalk | None:
    if "zone_crosswalk" in tables:
        return supplied_crosswalk(tables["zone_crosswalk"], zone)
    if "old_zones" in tables and "postcodes" in tables:
        return crosswalk_of_postcodes(tables["postcodes"], tables["old_zones"], areas, residents, zone=zone)
    return None
