"""Features of areas for the estimator: shares of published counts, neighbours' means, density and deprivation."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.estimate.neighbours import NEIGHBOUR_COUNTS, neighbour_distances, neighbour_means
from exclusion.indicators.census import AGE_BANDS

#: The drivers that explain an estimate, in the order in which they are shown.
DRIVERS = (
    "older_age",
    "disability_and_health",
    "no_car",
    "tenure_and_deprivation",
    "occupation_and_education",
    "household_and_housing",
    "language",
    "connectivity",
    "place_and_neighbours",
)

REQUIRED = (
    "lad_cd",
    "nation",
    "ruc21cd",
    "x_m",
    "y_m",
    "area_km2",
    "residents",
    "households",
    "adults_16plus",
)

_POSITION = ("x_km", "y_km")

# Every level of a Census table becomes a share of the table's total; the table tells the driver.
_TABLE_DRIVERS = {
    "ts003": "household_and_housing",
    "ts007a": "older_age",
    "ts011": "tenure_and_deprivation",
    "ts029": "language",
    "ts037": "disability_and_health",
    "ts038": "disability_and_health",
    "ts044": "household_and_housing",
    "ts045": "no_car",
    "ts054": "tenure_and_deprivation",
    "ts062": "occupation_and_education",
    "ts063": "occupation_and_education",
    "ts065": "occupation_and_education",
    "ts066": "occupation_and_education",
    "ts067": "occupation_and_education",
    "ts068": "occupation_and_education",
}

# The single years of mid-2020 are grouped as closely as a share of about 1,700 residents can bear.
_SINGLE_YEAR_BANDS = (
    (18, 22),
    (50, 54),
    (55, 59),
    (60, 64),
    (65, 69),
    (70, 74),
    (75, 79),
    (80, 84),
    (85, 89),
    (90, 90),
)

_IOD_DRIVERS = {
    "health": "disability_and_health",
    "acute_morbidity": "disability_and_health",
    "comparative_illness": "disability_and_health",
    "mental_health": "disability_and_health",
    "years_of_potential_life_lost": "disability_and_health",
    "patient_to_gp": "disability_and_health",
    "education": "occupation_and_education",
    "adult_skills": "occupation_and_education",
    "entry_to_higher": "occupation_and_education",
    "household_overcrowding": "household_and_housing",
    "digital_connectivity": "connectivity",
    "connectivity_score": "connectivity",
    "barriers": "connectivity",
}

_NOT_FEATURES = ("__status", "_decile", "2025_imd_score", "wimd2019_rank")

# Counts among the IoD's underlying indicators and what they are counts of.
_IOD_COUNTS = {
    "iod2025_income_domain_numerator": ("residents",),
    "iod2025_employment_domain_numerator": ("age_16_24", "age_25_34", "age_35_49", "age_50_64"),
    "iod2025_income_deprivation_affecting_children_index_idaci_numerator": ("age_0_15",),
    "iod2025_income_deprivation_affecting_older_people_index_idaopi_numerator": (
        "age_65_74",
        "age_75_79",
        "age_80_84",
        "age_85plus",
    ),
}

# Directions that are known before any data are seen: more of it never lowers the offline share (+1) or raises it (-1).
_DIRECTIONS = {
    "age_65_74_pct": 1,
    "age_75_79_pct": 1,
    "age_80_84_pct": 1,
    "age_85plus_pct": 1,
    "aged_65plus_per_household": 1,
    "aged_75plus_per_household": 1,
    "aged_80plus_per_household": 1,
    "aged_85plus_per_household": 1,
    "ts037_bad_health": 1,
    "ts037_very_bad_health": 1,
    "ts038_disabled_under_the_equality_act": 1,
    "ts038_disabled_under_the_equality_act__day_to_day_activities_limited_a_lot": 1,
    "ts045_no_cars_or_vans_in_household": 1,
    "ts011_household_is_not_deprived_in_any_dimension": -1,
    "ts011_household_is_deprived_in_two_dimensions": 1,
    "ts011_household_is_deprived_in_three_dimensions": 1,
    "ts011_household_is_deprived_in_four_dimensions": 1,
    "iod2025_income_rate": 1,
    "iod2025_income_score": 1,
    "iod2025_employment_rate": 1,
    "iod2025_employment_score": 1,
    "iod2025_health_score": 1,
    "iod2025_education_score": 1,
    "wimd2019_income_rank": -1,
    "wimd2019_employment_rank": -1,
    "wimd2019_health_rank": -1,
    "wimd2019_education_rank": -1,
}


@dataclass(frozen=True)
class Features:
    """The feature matrix and what is known of its columns.

    `frame` has one row an area (index `lsoa21cd`, the table's order) and one column a feature; null means that the
    publisher has no figure there. `drivers` gives each column its driver, `directions` its known direction (-1, 0,
    +1), `is_neighbour` marks means over neighbouring areas, `is_position` the coordinates in km. `absent` lists groups of features that the table does
    not hold at all, in words.
    """

    frame: pd.DataFrame
    drivers: tuple[str, ...]
    directions: tuple[int, ...]
    is_neighbour: tuple[bool, ...]
    is_position: tuple[bool, ...]
    absent: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(str(name) for name in self.frame.columns)


def build_features(table: pd.DataFrame) -> Features:
    """Return the features of all areas of an indicator table.

    `table` is indexed by `lsoa21cd` and holds `lad_cd, nation, ruc21cd, x_m, y_m` (EPSG:27700 metres), `area_km2`,
    `residents, households, adults_16plus`, the age bands and any Census tables named as in
    `geography.census_names`; IoD 2025, WIMD 2019, mid-2020 single years and proficiency in English are optional and
    may be null. No column of the yardstick is read. Raises ContractError where a needed column is missing or null.
    """
    _check(table)
    local, drivers = _local(table)
    context, context_drivers = _deprivation(table)
    place = _place(table)
    weights = table["households"].to_numpy(float)
    points = table[["x_m", "y_m"]].to_numpy(float)
    near = neighbour_means(local, points, weights)
    position = pd.DataFrame(points / 1000, index=table.index, columns=list(_POSITION))
    parts = [local, context, place, neighbour_distances(points, table.index), *near.values(), position]
    values = pd.concat(parts, axis=1)
    names = [str(name) for name in values.columns]
    known = drivers | context_drivers
    neighbours = {str(name) for frame in near.values() for name in frame.columns}
    keep = [name for name in names if _varies(values[name])]
    return Features(
        frame=values[keep],
        drivers=tuple(known.get(name, "place_and_neighbours") for name in keep),
        directions=tuple(_DIRECTIONS.get(name, 0) for name in keep),
        is_neighbour=tuple(name in neighbours for name in keep),
        is_position=tuple(name in _POSITION for name in keep),
        absent=_absent(table),
    )


def _varies(column: pd.Series) -> bool:
    values = column.to_numpy(float)
    seen = values[np.isfinite(values)]
    return bool(seen.size > 1 and seen.max() - seen.min() > 1e-12)


def _check(table: pd.DataFrame) -> None:
    missing = [name for name in (*REQUIRED, *AGE_BANDS) if name not in table]
    if missing:
        raise ContractError(
            f"The indicator table has no column {', '.join(missing)}; the estimator needs it for every area."
        )
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][:3].tolist()
        raise ContractError(
            f"The indicator table has areas twice, such as {', '.join(map(str, twice))}; one row an area."
        )
    for name in (*REQUIRED, *AGE_BANDS):
        if table[name].isna().any():
            first = table.index[table[name].isna()][:3].tolist()
            raise ContractError(
                f"The indicator table's {name} is null in {', '.join(map(str, first))}; supply it for every area."
            )
    for name in ("residents", "households", "adults_16plus"):
        if (table[name] <= 0).any():
            first = table.index[table[name] <= 0][:3].tolist()
            raise ContractError(
                f"The indicator table's {name} is not above zero in {', '.join(map(str, first))}; leave out areas "
                "where nobody lives."
            )


def _ratio(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    bottom = denominator.astype(float)
    return numerator.astype(float) / bottom.where(bottom > 0)


def _local(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return what is known of the area by itself, and the driver of each column."""
    found = {
        **_census_shares(table),
        **_ages(table),
        **_households(table),
        **_work_and_language(table),
        **_single_years(table),
    }
    density = np.log(table["residents"].astype(float) / table["area_km2"].astype(float).clip(lower=1e-4))
    found["density_log"] = (density, "place_and_neighbours")
    columns = {name: values for name, (values, _) in found.items()}
    drivers = {name: driver for name, (_, driver) in found.items()}
    _products(columns, drivers)
    return pd.DataFrame(columns, index=table.index), drivers


def _census_shares(table: pd.DataFrame) -> dict[str, tuple[pd.Series, str]]:
    found = {}
    for prefix, driver in _TABLE_DRIVERS.items():
        total = f"{prefix}_total"
        if total not in table:
            continue
        for column in sorted(str(name) for name in table.columns):
            if column.startswith(f"{prefix}_") and column != total and not column.endswith("__status"):
                found[column] = (_ratio(table[column], table[total]), driver)
    return found


def _ages(table: pd.DataFrame) -> dict[str, tuple[pd.Series, str]]:
    found = {}
    for number, band in enumerate(AGE_BANDS):
        driver = "older_age" if number >= AGE_BANDS.index("age_50_64") else "household_and_housing"
        found[f"{band}_pct"] = (_ratio(table[band], table["residents"]), driver)
        if number:
            found[f"{band}_of_adults_pct"] = (_ratio(table[band], table["adults_16plus"]), driver)
    households = table["households"]
    for first, name in ((5, "65plus"), (6, "75plus"), (7, "80plus"), (8, "85plus")):
        older = table[list(AGE_BANDS[first:])].sum(axis=1)
        found[f"aged_{name}_per_household"] = (_ratio(older, households), "older_age")
    # Lone older people are rarely helped online by somebody they live with.
    aged_75plus = table[["age_75_79", "age_80_84", "age_85plus"]].sum(axis=1)
    alone = _ratio(aged_75plus * households, table["adults_16plus"] ** 2)
    found["aged_75plus_per_adult_squared"] = (alone, "older_age")
    return found


def _households(table: pd.DataFrame) -> dict[str, tuple[pd.Series, str]]:
    driver = "household_and_housing"
    households = table["households"]
    found = {
        "children_per_household": (_ratio(table["age_0_15"], households), driver),
        "adults_per_household": (_ratio(table["adults_16plus"], households), driver),
        "households_log": (np.log(households.astype(float)), driver),
    }
    if "ts001_lives_in_a_household" in table:
        inside, communal = (
            table["ts001_lives_in_a_household"],
            table["ts001_lives_in_a_communal_establishment"],
        )
        found["residents_per_household"] = (_ratio(inside, households), driver)
        found["communal_pct"] = (_ratio(communal, table["ts001_total"]), driver)
    return found


def _work_and_language(table: pd.DataFrame) -> dict[str, tuple[pd.Series, str]]:
    found = {}
    if "ts063_total" in table:
        share = _ratio(table["ts063_total"], table["adults_16plus"])
        found["in_work_pct"] = (share, "occupation_and_education")
    long_out = "ts065_not_in_employment__not_worked_in_the_last_12_months"
    if long_out in table:
        share = _ratio(table[long_out], table["adults_16plus"])
        found["long_out_of_work_pct"] = (share, "occupation_and_education")
    for name in ("msoa_main_language_not_english_pct", "msoa_cannot_speak_english_pct"):
        if name in table:
            found[name] = (table[name].astype(float), "language")
    return found


def _products(columns: dict[str, pd.Series], drivers: dict[str, str]) -> None:
    """Add what matters only together with age; each counts under age, which turns it on."""
    for name, left, right in (
        ("social_rent_by_65plus", "ts054_social_rented", "aged_65plus_per_household"),
        ("owned_outright_by_75plus", "ts054_owned__owns_outright", "aged_75plus_per_household"),
        ("no_car_by_75plus", "ts045_no_cars_or_vans_in_household", "aged_75plus_per_household"),
    ):
        if left in columns:
            columns[name] = columns[left] * columns[right]
            drivers[name] = "older_age"


def _single_years(table: pd.DataFrame) -> dict[str, tuple[pd.Series, str]]:
    years = [f"age2020_{age}" for age in range(91)]
    if not set(years) <= set(table.columns):
        return {}
    counts = table[years].astype(float)
    total = counts.sum(axis=1, min_count=1)
    found = {}
    for low, high in _SINGLE_YEAR_BANDS:
        inside = counts[years[low : high + 1]].sum(axis=1, min_count=1)
        found[f"mid2020_{low}_{high}_pct"] = (_ratio(inside, total), "older_age")
    weighted = pd.Series(counts.to_numpy() @ np.arange(91.0), index=table.index)
    found["mean_age"] = (_ratio(weighted, total), "older_age")
    found["growth_since_2020"] = (_ratio(table["residents"], total), "place_and_neighbours")
    return found


def _deprivation(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    columns: dict[str, pd.Series] = {}
    drivers: dict[str, str] = {}
    for column in sorted(str(name) for name in table.columns):
        # Of England's index the scores are taken: ranks and deciles say the same with less, the overall index the same
        # again. Wales publishes ranks alone.
        if not column.startswith(("iod2025_", "wimd2019_")) or column.endswith(_NOT_FEATURES):
            continue
        if column.startswith("iod2025_") and column.endswith("_rank"):
            continue
        values = pd.to_numeric(table[column], errors="coerce").astype(float)
        if column in _IOD_COUNTS:
            values = _ratio(values, table[list(_IOD_COUNTS[column])].sum(axis=1))
        columns[column] = values
        stem = column.split("_", 1)[1]
        drivers[column] = next(
            (driver for start, driver in _IOD_DRIVERS.items() if stem.startswith(start)),
            "connectivity" if stem.startswith("access_to_services") else "tenure_and_deprivation",
        )
    return pd.DataFrame(columns, index=table.index), drivers


def _place(table: pd.DataFrame) -> pd.DataFrame:
    codes = sorted(table["ruc21cd"].astype(str).unique())
    columns = {f"ruc_{code}": table["ruc21cd"].astype(str).eq(code).astype(float) for code in codes}
    columns["is_wales"] = table["nation"].eq("Wales").astype(float)
    return pd.DataFrame(columns, index=table.index)


def _absent(table: pd.DataFrame) -> tuple[str, ...]:
    groups = {
        "single years of age, mid-2020": "age2020_0",
        "proficiency in English": "msoa_cannot_speak_english_pct",
        "household composition (TS003)": "ts003_total",
        "main language (TS029)": "ts029_total",
        "economic activity (TS066)": "ts066_total",
        "qualifications (TS067)": "ts067_total",
        "Indices of Deprivation 2025 (England)": "iod2025_",
        "Welsh Index of Multiple Deprivation 2019": "wimd2019_",
    }
    held = [str(name) for name in table.columns if table[name].notna().any()]
    return tuple(words for words, start in groups.items() if not any(name.startswith(start) for name in held))


__all__ = ["AGE_BANDS", "DRIVERS", "NEIGHBOUR_COUNTS", "Features", "build_features"]
