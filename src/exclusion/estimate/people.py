"""The way in: people offline in every area with intervals, drivers and a back-test."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from exclusion.errors import ContractError, InputError
from exclusion.estimate import cache as cached
from exclusion.estimate.backtest import BackTest, make_backtest
from exclusion.estimate.bridge import Bridge, fit_bridge, region_codes
from exclusion.estimate.features import DRIVERS, Features, build_features
from exclusion.estimate.levels import Level, default_level, find_level, national_household_share, pattern_of
from exclusion.estimate.model import Fitted, fit, share_of
from exclusion.estimate.rounding import whole_people

#: The last driver: what age mix and regional survey levels add on the way from households in 2021 to adults.
SURVEY_LEVEL = "survey_level"
DERI = {
    "DERI v1.6": "deri_score",
    "DERI demography": "deri_demography",
    "DERI deprivation": "deri_deprivation",
    "DERI broadband": "deri_broadband",
}


@dataclass(frozen=True)
class Estimate:
    """An estimate of people offline.

    `people` is the `people_offline` table of docs/architecture.md, `drivers` the `offline_drivers` table (columns
    DRIVERS and `survey_level`, percentage points that sum to `offline_share_pct - national_average_pct`), both
    indexed by `lsoa21cd`. `backtest` is None for the synthetic estimate. `notes` says in words what stands in for
    what and what the numbers are not. `facts` is JSON-able. `is_from_cache` says that no fit was needed.
    """

    people: pd.DataFrame
    drivers: pd.DataFrame
    backtest: BackTest | None
    level: Level
    national_average_pct: float
    notes: tuple[str, ...]
    facts: dict[str, Any]
    is_from_cache: bool = False


def estimate_people_offline(
    table: pd.DataFrame,
    yardstick: pd.DataFrame | None,
    *,
    target: str | None = None,
    confidence: float = 0.90,
    seed: int = 20210321,
    cache: Path | None = None,
    internet_users: pd.DataFrame | None = None,
    method: Literal["fitted", "synthetic"] = "fitted",
) -> Estimate:
    """Estimate adults offline in every area of a table.

    `table` is the indicator table with the areas' geography, indexed by `lsoa21cd` (see `features.build_features`).
    `yardstick` is indexed by `lsoa21cd`: `observed_offline_share_pct`, `dpi_carry` ("U" rows, unchanged from 2011 to
    2021, are learnt from and tested on; no other), and optionally `deri_score, deri_demography, deri_deprivation,
    deri_broadband`. `target` is the id of a level in levels.toml; None takes its default. `confidence` is that of the
    intervals. `cache` is a folder for fitted models. `internet_users` is the tidy table of the ONS workbook; without
    it the rates kept in levels.toml are used.

    With fewer than three councils in the yardstick the fitted method raises InputError; `method="synthetic"` then
    gives an estimate from published national rates by age and disability alone, without intervals (null), without
    contributions but `survey_level`, and without a back-test.
    """
    if not 0.5 <= confidence < 1:
        raise InputError(
            f"A confidence of {confidence} cannot be used; give one from 0.5 to below 1, such as 0.90."
        )
    level = find_level(target or default_level())
    pattern = pattern_of(internet_users)
    features = build_features(table)
    if method == "synthetic":
        return _synthetic(table, level, internet_users)
    if yardstick is None:
        raise InputError(
            "There is no yardstick to learn from; supply the Digital Propensity Index, or ask for the synthetic estimate."
        )
    observed = _observed(table, yardstick)
    fitted, came_from_cache = _fit(table, features, observed, confidence, seed, cache)
    household = share_of(fitted.theta, fitted.smearing)
    bridge = fit_bridge(table, household, level, pattern)
    share = bridge.apply(household)
    low = np.minimum(bridge.apply(share_of(fitted.low, 0.0)), share)
    high = np.maximum(bridge.apply(share_of(fitted.high, 0.0)), share)
    people = people_table(table, level, share, low, high)
    held_out = share_of(fitted.held_out, fitted.smearing)
    people["backtest_share_pct"] = np.nan
    people.iloc[fitted.rows, people.columns.get_loc("backtest_share_pct")] = 100 * held_out
    people["observed_share_pct"] = 100 * observed.reindex(table.index)
    average = float(np.average(share, weights=table["adults_16plus"].to_numpy(float)))
    drivers = _drivers(table, fitted, household, share, average)
    backtest = _backtest(table, yardstick, features, fitted, bridge, household, observed, confidence)
    return Estimate(
        people=people,
        drivers=drivers,
        backtest=backtest,
        level=level,
        national_average_pct=100 * average,
        notes=_notes(level, bridge, features),
        facts=_facts(level, bridge, people, seed, confidence),
        is_from_cache=came_from_cache,
    )


def _observed(table: pd.DataFrame, yardstick: pd.DataFrame) -> pd.Series:
    for name in ("observed_offline_share_pct", "dpi_carry"):
        if name not in yardstick:
            raise ContractError(
                f"The yardstick has no column {name}; it needs the offline share and how it was carried."
            )
    if not yardstick.index.is_unique:
        raise ContractError("The yardstick has areas twice; give one row an area.")
    counts = yardstick["dpi_carry"].eq("U") & yardstick["observed_offline_share_pct"].notna()
    return (yardstick["observed_offline_share_pct"].astype(float) / 100).where(counts).reindex(table.index)


def _fit(
    table: pd.DataFrame,
    features: Features,
    observed: pd.Series,
    confidence: float,
    seed: int,
    cache: Path | None,
) -> tuple[Fitted, bool]:
    if cache is None:
        return fit(table, features, observed, confidence=confidence, seed=seed), False
    key = cached.fingerprint(table, observed, confidence=confidence, seed=seed)
    found = cached.load(cache, key, len(table))
    if found is not None:
        return found, True
    fitted = fit(table, features, observed, confidence=confidence, seed=seed)
    cached.save(fitted, cache, key)
    return fitted, False


def people_table(
    table: pd.DataFrame, level: Level, share: np.ndarray, low: np.ndarray | None, high: np.ndarray | None
) -> pd.DataFrame:
    """Return the `people_offline` table but its back-test: whole people whose sums by council and region are kept."""
    adults = table["adults_16plus"].to_numpy(float)
    counts = pd.Series(share * adults, index=table.index)
    region = region_codes(table)
    whole = whole_people(counts, [region, table["lad_cd"]])
    nothing = pd.Series(pd.NA, index=table.index, dtype="Int64")
    return pd.DataFrame(
        {
            "adults": table["adults_16plus"].round().astype("int64"),
            "offline_share_pct": 100 * share,
            "offline_share_low_pct": np.nan if low is None else 100 * low,
            "offline_share_high_pct": np.nan if high is None else 100 * high,
            "people_offline": whole,
            "people_offline_low": nothing
            if low is None
            else _whole(np.floor(low * adults + 1e-9), table.index),
            "people_offline_high": nothing
            if high is None
            else _whole(np.ceil(high * adults - 1e-9), table.index),
            "definition": level.label,
        },
        index=table.index,
    )


def _whole(values: np.ndarray, index: pd.Index) -> pd.Series:
    return pd.Series(values.astype(np.int64), index=index).astype("Int64")


def _drivers(
    table: pd.DataFrame, fitted: Fitted, household: np.ndarray, share: np.ndarray, average: float
) -> pd.DataFrame:
    """Turn contributions on the angular scale into percentage points of the published share, summing exactly.

    The way from angle to share is monotone, so each area's contributions are scaled by its own secant slope between
    the area and the average; what the bridge adds on top of the national ratio is the last driver.
    """
    weights = table["adults_16plus"].to_numpy(float)
    mean_household = float(np.average(household, weights=weights))
    smearing = fitted.smearing
    centre = float(np.arcsin(np.sqrt((mean_household - smearing) / (1 - 2 * smearing))))
    centred = fitted.contributions - np.average(fitted.contributions, axis=0, weights=weights)
    offset = float(np.average(fitted.theta, weights=weights)) - centre
    centred += offset / centred.shape[1]
    distance = fitted.theta - centre
    derivative = (1 - 2 * smearing) * np.sin(2 * centre)
    is_far = np.abs(distance) > 1e-7
    slope = np.full(len(distance), derivative)
    slope[is_far] = (household - mean_household)[is_far] / distance[is_far]
    ratio = average / mean_household
    points = 100 * ratio * centred * slope[:, None]
    out = pd.DataFrame(points, index=table.index, columns=list(DRIVERS))
    out[SURVEY_LEVEL] = 100 * (share - average) - points.sum(axis=1)
    return out


def _backtest(
    table: pd.DataFrame,
    yardstick: pd.DataFrame,
    features: Features,
    fitted: Fitted,
    bridge: Bridge,
    household: np.ndarray,
    observed: pd.Series,
    confidence: float,
) -> BackTest:
    rows = fitted.rows
    area = table.iloc[rows]
    seen = 100 * observed.iloc[rows].to_numpy(float)
    estimate = 100 * share_of(fitted.held_out, fitted.smearing)
    low = 100 * share_of(fitted.held_out_low, 0.0)
    high = 100 * share_of(fitted.held_out_high, 0.0)
    residuals = pd.DataFrame(
        {
            "estimate_pct": estimate,
            "low_pct": low,
            "high_pct": high,
            "observed_pct": seen,
            "residual_pp": seen - estimate,
            "is_covered": (seen >= low - 1e-9) & (seen <= high + 1e-9),
        },
        index=area.index,
    )
    mixed = household.copy()
    mixed[rows] = estimate / 100
    predictors: dict[str, np.ndarray] = {"this estimate": estimate}
    predictors["this estimate, as adults"] = bridge.apply(mixed)[rows]
    absent_peers = []
    for name, column in DERI.items():
        if column in yardstick and yardstick[column].notna().any():
            predictors[name] = yardstick[column].reindex(area.index).to_numpy(float)
        else:
            absent_peers.append(name)
    if "ts011_total" in area:
        undeprived = area["ts011_household_is_not_deprived_in_any_dimension"] / area["ts011_total"]
        predictors["deprivation alone (Census households)"] = 1 - undeprived.to_numpy(float)
    for column in ("iod2025_income_rate", "iod2025_income_score"):
        if column in area and area[column].notna().any():
            predictors["deprivation alone (IoD 2025 income, England)"] = area[column].to_numpy(float)
    older = area[["age_65_74", "age_75_79", "age_80_84", "age_85plus"]].sum(axis=1) / area["residents"]
    predictors["aged 65 and over alone"] = older.to_numpy(float)
    by_driver = {
        driver: tuple(
            name for name, own in zip(features.names, features.drivers, strict=True) if own == driver
        )
        for driver in DRIVERS
    }
    return make_backtest(
        area,
        residuals,
        predictors,
        folds=int(fitted.fold_of_row.max()) + 1,
        confidence=confidence,
        features=by_driver,
        absent=features.absent,
        absent_peers=tuple(absent_peers),
    )


def _notes(level: Level, bridge: Bridge, features: Features) -> tuple[str, ...]:
    notes = [f"Shown: {level.label}. Source: {level.source}."]
    if level.note:
        notes.append(level.note)
    if level.level is not None and not bridge.is_raked:
        notes.append(
            "The table does not hold whole regions, so the level follows from the national household share and nothing "
            "is raked to a region."
        )
    if features.absent:
        notes.append(f"Not at hand, and so not used: {'; '.join(features.absent)}.")
    return tuple(notes)


def _facts(
    level: Level, bridge: Bridge, people: pd.DataFrame, seed: int, confidence: float
) -> dict[str, Any]:
    return {
        "target": level.id,
        "definition": level.label,
        "source": level.source,
        "year": level.year,
        "published_level_pct": None if level.level is None else round(100 * level.level, 6),
        "adults": int(people["adults"].sum()),
        "people_offline": int(people["people_offline"].sum()),
        "confidence": confidence,
        "seed": seed,
        "is_raked_to_regions": bridge.is_raked,
        "regions": [
            {
                "code": region.code,
                "survey_pct": round(100 * region.survey, 4),
                "standard_error_pp": round(100 * region.standard_error, 4),
                "from_areas_pct": round(100 * region.from_areas, 4),
                "weight_of_survey": round(region.weight_of_survey, 4),
                "used_pct": round(100 * region.used, 4),
            }
            for region in bridge.regions
        ],
    }


def _synthetic(table: pd.DataFrame, level: Level, internet_users: pd.DataFrame | None) -> Estimate:
    if level.level is None:
        raise InputError(
            f"The level '{level.id}' is the yardstick itself and cannot be made without it; choose another target."
        )
    pattern = pattern_of(internet_users)
    flat = np.full(len(table), national_household_share())
    bridge = fit_bridge(table, flat, level, pattern)
    share = bridge.from_rates()
    average = float(np.average(share, weights=table["adults_16plus"].to_numpy(float)))
    people = people_table(table, level, share, None, None)
    people["backtest_share_pct"] = np.nan
    people["observed_share_pct"] = np.nan
    drivers = pd.DataFrame(0.0, index=table.index, columns=[*DRIVERS, SURVEY_LEVEL])
    drivers[SURVEY_LEVEL] = 100 * (share - average)
    return Estimate(
        people=people,
        drivers=drivers,
        backtest=None,
        level=level,
        national_average_pct=100 * average,
        notes=(
            f"Shown: {level.label}. Source: {level.source}.",
            (
                "A synthetic estimate from published national rates by age and disability: it was not fitted to any "
                "observed behaviour, has no interval and no back-test."
            ),
        ),
        facts=_facts(level, bridge, people, 0, 0.0) | {"seed": None, "confidence": None},
    )
