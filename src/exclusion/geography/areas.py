"""The spine: one row for each LSOA 2021 with its place in every larger geography."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from exclusion.errors import ContractError
from exclusion.geography.codes import nation_of
from exclusion.geography.spines import Spine, default_spine, require_areas

WORKING_CRS = "EPSG:27700"

AREA_COLUMNS = [
    "lsoa21cd", "lsoa21nm", "lad_cd", "lad_nm", "utla_cd", "utla_nm", "cauth_cd", "cauth_nm", "rgn_cd", "rgn_nm",
    "nation", "wd_cd", "wd_nm", "msoa21cd", "msoa21nm", "msoa_hcl_nm", "icb_cd", "icb_nm", "ruc21cd", "ruc21nm",
    "is_rural", "x_m", "y_m", "area_km2", "geometry",
]  # fmt: skip


@dataclass(frozen=True)
class AreaSources:
    """The tidy tables from which the spine is made; None where a lookup is not to be had.

    boundaries: GeoDataFrame (27700) `lsoa21cd, lsoa21nm`; centroids: `lsoa21cd, x_m, y_m`; ward: `lsoa21cd, wd_cd,
    wd_nm, lad_cd, lad_nm`; msoa: `lsoa21cd, msoa21cd, msoa21nm`; msoa_names: `msoa21cd, msoa_hcl_nm`; ruc:
    `lsoa21cd, ruc21cd, ruc21nm, is_rural`; lad_codes: `lad_cd, lad_cd_active, utla_cd, utla_nm, cauth_cd, cauth_nm,
    rgn_cd, rgn_nm`; lad_region: `lad_cd, rgn_cd, rgn_nm`; lad_county: `lad_cd, utla_cd, utla_nm`; icb: `lsoa21cd,
    icb_cd, icb_nm`.
    """

    boundaries: Any
    centroids: pd.DataFrame
    ward: pd.DataFrame
    msoa: pd.DataFrame
    ruc: pd.DataFrame
    msoa_names: pd.DataFrame | None = None
    lad_codes: pd.DataFrame | None = None
    lad_region: pd.DataFrame | None = None
    lad_county: pd.DataFrame | None = None
    icb: pd.DataFrame | None = None


def build_areas(sources: AreaSources, spine: Spine | None = None) -> Any:
    """Return the `areas` GeoDataFrame: AREA_COLUMNS, one row an area of the spine, sorted by `lsoa21cd`, EPSG:27700.

    Every boundary has a centroid, a ward, a council, an MSOA and a rural class, or ContractError names the first
    that has not. Levels that do not exist in a nation (region, ICB and combined authority in Wales) are null. The areas
    are those of England and Wales where no spine is given.
    """
    import geopandas

    boundaries = sources.boundaries
    if boundaries.crs is None or boundaries.crs.to_epsg() != 27700:
        raise ContractError(
            f"Boundaries of areas are in {boundaries.crs}; they must be in EPSG:27700 (British National Grid)."
        )
    spine = spine or default_spine()
    require_areas(boundaries["lsoa21cd"], spine, "Boundaries of areas")
    table = pd.DataFrame(boundaries[["lsoa21cd", "lsoa21nm"]])
    for name, lookup, columns in (
        ("population-weighted centroids", sources.centroids, ["x_m", "y_m"]),
        ("area to ward lookup", sources.ward, ["wd_cd", "wd_nm", "lad_cd", "lad_nm"]),
        ("area to neighbourhood lookup", sources.msoa, ["msoa21cd", "msoa21nm"]),
        ("rural urban classification", sources.ruc, ["ruc21cd", "ruc21nm", "is_rural"]),
    ):
        table = _join(table, lookup, "lsoa21cd", columns, name, area_kind=spine.area_kind)
    for name, optional, key, columns in (
        ("MSOA names", sources.msoa_names, "msoa21cd", ["msoa_hcl_nm"]),
        ("LAD to region lookup", sources.lad_region, "lad_cd", ["rgn_cd", "rgn_nm"]),
        ("LAD to county lookup", sources.lad_county, "lad_cd", ["utla_cd", "utla_nm"]),
        ("LSOA to ICB lookup", sources.icb, "lsoa21cd", ["icb_cd", "icb_nm"]),
    ):
        table = _join(table, optional, key, columns, name)
    codes = None
    if sources.lad_codes is not None:
        codes = sources.lad_codes.assign(cauth_cd=lambda d: d["cauth_cd"].replace("", None))
    table = _join(table, codes, "lad_cd", ["cauth_cd", "cauth_nm"], "local authority codes")
    # A unitary council, a London borough and a metropolitan district are their own upper tier.
    table["utla_cd"] = table["utla_cd"].fillna(table["lad_cd"])
    table["utla_nm"] = table["utla_nm"].fillna(table["lad_nm"])
    table["nation"] = table["lsoa21cd"].map(nation_of)
    table["is_rural"] = table["is_rural"].astype(bool)
    out = geopandas.GeoDataFrame(table, geometry=boundaries.geometry.to_numpy(), crs=WORKING_CRS)
    out["area_km2"] = out.geometry.area / 1e6
    return out[AREA_COLUMNS].sort_values("lsoa21cd", ignore_index=True)


def _join(
    table: pd.DataFrame,
    lookup: pd.DataFrame | None,
    key: str,
    columns: list[str],
    name: str,
    *,
    area_kind: str | None = None,
) -> pd.DataFrame:
    """Join a lookup on its unique key; null columns where it is absent.

    With `area_kind` it must be whole: ContractError names the first key that is in no row.
    """
    if lookup is None:
        return table.assign(**dict.fromkeys(columns))
    lookup = lookup[[key, *columns]]
    if lookup[key].duplicated().any():
        twice = lookup.loc[lookup[key].duplicated(), key].iloc[0]
        raise ContractError(f"{name}: {twice} stands on more than one row; each {key} may have one.")
    joined = table.merge(lookup, on=key, how="left", validate="many_to_one")
    if area_kind is not None:
        lost = joined.loc[joined[columns[0]].isna(), key]
        if len(lost):
            raise ContractError(
                f"{name}: {lost.iloc[0]} (and {len(lost) - 1:,} more) are in no row; use the edition of the lookup "
                f"that belongs to the {area_kind} boundaries."
            )
    return joined
