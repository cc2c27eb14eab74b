"""The indicator table: everything known of every area, joined once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd

from exclusion.errors import ContractError
from exclusion.geography.areas import AreaSources, build_areas
from exclusion.geography.crosswalk import carry_counts, carry_rates
from exclusion.geography.keys import keyed
from exclusion.geography.spines import Spine, default_spine
from exclusion.indicators.census import age_bands, join_census, totals
from exclusion.indicators.connection import connection
from exclusion.indicators.spine_tables import complete_tables


@dataclass(frozen=True)
class IndicatorTables:
    """What the room hands on.

    areas: the spine (GeoDataFrame, 27700). indicators: keyed by `lsoa21cd`. yardstick: observed offline share and
    the peer index on LSOA 2021, keyed by `lsoa21cd`. stand_ins: a sentence for each source that another replaced.
    checks: figures that were reconciled, for the manifest.
    """

    areas: Any
    indicators: pd.DataFrame
    yardstick: pd.DataFrame
    stand_ins: tuple[str, ...]
    checks: dict[str, int]


def build_indicators(tables: Mapping[str, pd.DataFrame], spine: Spine | None = None) -> IndicatorTables:
    """Join all tidy tables to the areas of a spine, England and Wales (LSOA 2021) where none is given.

    `tables` maps roles of the spine, in England and Wales source ids of the catalogue, to the tidy tables of readers. Required: boundaries,
    centroids, ward, MSOA and rural lookups, Census TS001, TS038, TS045 and ages; the rest is joined where it is
    there. Missing values stay null with a `<column>__status` saying why. ContractError names the source and the
    first key that does not fit.
    """
    spine = spine or default_spine()
    completed = complete_tables(tables, spine)
    tables = completed.tables
    areas = build_areas(
        AreaSources(
            boundaries=tables["lsoa21_boundaries"],
            centroids=tables["lsoa21_centroids"],
            ward=tables["lsoa21_ward_lad"],
            msoa=tables["lsoa21_msoa21"],
            ruc=tables["ruc21"],
            msoa_names=tables.get("msoa21_names"),
            lad_codes=tables.get("lad_codes"),
            lad_region=tables.get("lad_region"),
            lad_county=tables.get("lad_county"),
            icb=tables.get("lsoa21_icb"),
        ),
        spine,
    )
    index = pd.Index(areas["lsoa21cd"])
    census = {name: table for name, table in tables.items() if name.startswith("census_ts")}
    counts = join_census(census, index)
    ages = age_bands(counts, tables.get("census_age_bands"))
    table = pd.concat([totals(counts, ages), ages, counts], axis=1)
    table = table.join(_rates(table))
    stand_ins: list[str] = list(completed.notes)
    if completed.further is not None:
        table = table.join(completed.further, validate="one_to_one")
    if "population_2020_lsoa11" in tables:
        table = table.join(_mid_2020(tables, table["residents"]))
    table = table.join(_english_proficiency(tables, areas))
    table = table.join(_deprivation(tables, index))
    part = connection(
        areas,
        premises=tables.get("ofcom_premises"),
        iod_connectivity=table.get("iod2025_digital_connectivity_broadband_download_and_upload_speeds"),
        lad_coverage=_by_lad(tables.get("ofcom_fixed_coverage_lad")),
    )
    table = table.join(part.table, validate="one_to_one")
    stand_ins += part.stand_ins
    if not table.index.equals(index) or table.columns.duplicated().any():
        raise ContractError(
            "The indicator table lost or doubled areas or columns while it was joined; report this."
        )
    checks = {
        "areas": len(areas),
        "residents": int(table["residents"].sum()),
        "residents_published": int(
            tables["census_ts001"].set_index("lsoa21cd")["ts001_total"].reindex(index).sum()
        ),
        "households": int(table["households"].sum()),
    }
    return IndicatorTables(
        areas=areas,
        indicators=table.rename_axis("lsoa21cd"),
        yardstick=_yardstick(tables, index),
        stand_ins=tuple(stand_ins),
        checks=checks,
    )


def declared_rates() -> dict[str, dict[str, Any]]:
    """Return the declared descriptive rates: id to `label, numerators, denominator`."""
    return tomllib.loads(
        resources.files("exclusion.indicators").joinpath("rates.toml").read_text(encoding="utf-8")
    )


def _rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return the declared rates whose columns are all there; an empty denominator gives null, not zero."""
    out = {}
    for name, rate in declared_rates().items():
        columns = [*rate["numerators"], rate["denominator"]]
        if set(columns) <= set(table.columns):
            base = table[rate["denominator"]].astype(float)
            out[name] = 100.0 * table[rate["numerators"]].sum(axis=1, skipna=False) / base.where(base > 0)
    return pd.DataFrame(out, index=table.index)


def _mid_2020(tables: Mapping[str, pd.DataFrame], residents: pd.Series) -> pd.DataFrame:
    """Return mid-2020 residents by single year of age, `age2020_0` to `age2020_90`, carried to LSOA 2021."""
    ages = keyed(tables["population_2020_lsoa11"], "lsoa11cd", "population_2020_lsoa11")
    ages = ages[[column for column in ages if column.startswith("age2020_")]]
    return (
        carry_counts(ages, tables["lsoa11_lsoa21"], residents21=residents)
        .drop(columns="change")
        .reindex(residents.index)
    )


def _english_proficiency(tables: Mapping[str, pd.DataFrame], areas: pd.DataFrame) -> pd.DataFrame:
    """Return MSOA shares of residents by English proficiency; not needed where TS029 itself is at hand."""
    table = tables.get("census_english_proficiency_msoa")
    index = pd.Index(areas["lsoa21cd"])
    if table is None:
        return pd.DataFrame(index=index)
    rows = keyed(table, "msoa21cd", "census_english_proficiency_msoa")
    base = rows["main_language_is_english"] + rows["main_language_is_not_english"]
    cannot = rows["cannot_speak_english_well"] + rows["cannot_speak_english"]
    shares = pd.DataFrame(
        {
            "msoa_main_language_not_english_pct": 100.0 * rows["main_language_is_not_english"] / base,
            "msoa_cannot_speak_english_pct": 100.0 * cannot / base,
        }
    )
    return shares.reindex(areas["msoa21cd"]).set_axis(index, axis=0)


def _deprivation(tables: Mapping[str, pd.DataFrame], index: pd.Index) -> pd.DataFrame:
    """Return IoD 2025 (England) and WIMD 2019 (Wales) columns; null in the other nation."""
    parts: list[pd.DataFrame] = []
    for source_id in ("iod2025_file7", "iod2025_file8", "iod2025_digital_connectivity"):
        if source_id in tables:
            table = keyed(tables[source_id], "lsoa21cd", source_id)
            table = table[
                [c for c in table if c.endswith("__status") or pd.api.types.is_numeric_dtype(table[c])]
            ]
            table = table.rename(
                columns=lambda name: name if name.startswith("iod2025_") else f"iod2025_{name}"
            )
            seen = {column for part in parts for column in part}
            parts.append(table[[column for column in table if column not in seen]].reindex(index))
    if "wimd2019" in tables:
        ranks = keyed(tables["wimd2019"], "lsoa11cd", "wimd2019").select_dtypes("number")
        ranks = ranks.rename(
            columns=lambda name: name if name.startswith("wimd2019_") else f"wimd2019_{name}"
        )
        parts.append(carry_rates(ranks, tables["lsoa11_lsoa21"]).drop(columns="change").reindex(index))
    return pd.concat([pd.DataFrame(index=index), *parts], axis=1)


def _by_lad(table: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if table is None else keyed(table, "lad_cd", "ofcom_fixed_coverage_lad")


def _yardstick(tables: Mapping[str, pd.DataFrame], index: pd.Index) -> pd.DataFrame:
    """Return `observed_offline_share_pct, dpi_carry` and the peer's `deri_*` scores on LSOA 2021.

    `dpi_carry` is the change code of each area that has a value: only U rows are the publisher's own figure.
    """
    out = pd.DataFrame(index=index)
    fit = tables.get("lsoa11_lsoa21")
    if fit is None or "digital_propensity_index" not in tables:
        return out.assign(observed_offline_share_pct=float("nan"), dpi_carry=None)
    dpi = keyed(tables["digital_propensity_index"], "lsoa11cd", "digital_propensity_index")
    carried = carry_rates(dpi[["offline_share_pct"]], fit)
    out["observed_offline_share_pct"] = carried["offline_share_pct"].reindex(index)
    out["dpi_carry"] = carried["change"].reindex(index).where(out["observed_offline_share_pct"].notna())
    if "deri_v1_6" in tables:
        deri = keyed(tables["deri_v1_6"], "lsoa11cd", "deri_v1_6")
        scores = deri[
            [column for column in deri if column.startswith("deri_") and not column.endswith("__status")]
        ]
        known = scores[scores.index.isin(fit["lsoa11cd"])]
        out = out.join(carry_rates(known, fit).drop(columns="change").reindex(index))
    return out
