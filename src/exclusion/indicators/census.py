"""Census tables as one row an area: counts as published, and the age bands that every edition can offer."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.geography.keys import keyed

AGE_BANDS = (
    "age_0_15", "age_16_24", "age_25_34", "age_35_49", "age_50_64", "age_65_74", "age_75_79", "age_80_84", "age_85plus",
)  # fmt: skip

# Five-year bands of TS007A that add up to each of ours. Census counts stop at 15 to 19 years, so the 16th
# birthday falls inside a band: a fifth of it (age 15) is moved to childhood, which the status column says.
_FIVE_YEAR = {
    "age_0_15": ("aged_4_years_and_under", "aged_5_to_9_years", "aged_10_to_14_years"),
    "age_16_24": ("aged_15_to_19_years", "aged_20_to_24_years"),
    "age_25_34": ("aged_25_to_29_years", "aged_30_to_34_years"),
    "age_35_49": ("aged_35_to_39_years", "aged_40_to_44_years", "aged_45_to_49_years"),
    "age_50_64": ("aged_50_to_54_years", "aged_55_to_59_years", "aged_60_to_64_years"),
    "age_65_74": ("aged_65_to_69_years", "aged_70_to_74_years"),
    "age_75_79": ("aged_75_to_79_years",),
    "age_80_84": ("aged_80_to_84_years",),
    "age_85plus": ("aged_85_years_and_over",),
}
_SHARE_AGED_15 = 0.2


def join_census(tables: Mapping[str, pd.DataFrame], index: pd.Index) -> pd.DataFrame:
    """Return all Census counts for the areas of `index` (`lsoa21cd`), one column a published column.

    `tables` maps source ids (`census_ts045`, ...) to tidy tables keyed by `lsoa21cd`. Every table must hold every
    area once; ContractError names the table and the first area that is lost.
    """
    parts = []
    for source_id, table in sorted(tables.items()):
        rows = keyed(table, "lsoa21cd", source_id)
        lost = index.difference(rows.index)
        if len(lost):
            raise ContractError(
                f"{source_id}: area {lost[0]} (and {len(lost) - 1:,} more) of the boundaries is in no row; "
                "retrieve the whole LSOA table again."
            )
        parts.append(rows.reindex(index).select_dtypes("number"))
    return pd.concat(parts, axis=1)


def age_bands(counts: pd.DataFrame, bands_table: pd.DataFrame | None) -> pd.DataFrame:
    """Return residents by AGE_BANDS with `age_0_15__status`, indexed like `counts`.

    From TS007A where its columns are in `counts`, else from the ready-made bands (`bands_table` keyed by
    `lsoa21cd`). ContractError where neither is there.
    """
    out = pd.DataFrame(index=counts.index)
    if f"ts007a_{_FIVE_YEAR['age_85plus'][0]}" in counts:
        for band, parts in _FIVE_YEAR.items():
            out[band] = counts[[f"ts007a_{part}" for part in parts]].sum(axis=1).astype(float)
        aged_15 = np.floor(counts["ts007a_aged_15_to_19_years"] * _SHARE_AGED_15 + 0.5)
        out["age_0_15"] += aged_15
        out["age_16_24"] -= aged_15
        status = "modelled"
    elif bands_table is not None:
        rows = keyed(bands_table, "lsoa21cd", "census_age_bands").reindex(counts.index)
        out = rows[list(AGE_BANDS)].astype(float)
        status = "observed"
    else:
        raise ContractError(
            "Residents by age: neither Census table TS007A nor the age-bands table is at hand; "
            "put census2021-ts007a.zip into the inbox."
        )
    for band in ("age_0_15", "age_16_24"):
        out[f"{band}__status"] = status
    return out


def totals(counts: pd.DataFrame, ages: pd.DataFrame) -> pd.DataFrame:
    """Return `residents, households, adults_16plus` from each table's own total.

    Totals differ slightly between Census tables by cell-key perturbation, so residents come from TS001,
    households from TS041 (else TS045), adults from NS-SEC (TS062: all usual residents aged 16 and over) or, where
    that is absent, from the age bands.
    """
    households = counts.get("ts041_number_of_households", counts["ts045_total"])
    adults = counts.get("ts062_total", ages[list(AGE_BANDS)].sum(axis=1) - ages["age_0_15"])
    return pd.DataFrame(
        {"residents": counts["ts001_total"], "households": households, "adults_16plus": adults},
        index=counts.index,
    )
