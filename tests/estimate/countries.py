"""A small made-up country in the columns of the indicator table, with a known law behind its offline shares."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from exclusion.estimate.features import AGE_BANDS


@dataclass(frozen=True)
class Made:
    table: pd.DataFrame
    yardstick: pd.DataFrame
    truth: pd.Series


def make(councils=6, areas=40, *, seed=1, without=1, region="E12000001"):
    """Return a country of `councils` x `areas`; the last `without` councils have no yardstick."""
    rng = np.random.default_rng(seed)
    count = councils * areas
    council = np.repeat(np.arange(councils), areas)
    index = pd.Index([f"E01{number:06d}" for number in range(count)], name="lsoa21cd")
    x = 400_000 + 20_000 * (council % 3) + rng.normal(0, 3_000, count)
    y = 550_000 + 20_000 * (council // 3) + rng.normal(0, 3_000, count)
    age = np.clip(rng.beta(2, 6, count) + 0.03 * rng.normal(size=councils)[council], 0.02, 0.8)
    poor = np.clip(rng.beta(2, 5, count), 0.01, 0.95)
    residents = rng.integers(1_100, 2_600, count)
    shares = np.column_stack(
        [
            0.18 * (1 - age),
            0.12 * (1 - age),
            0.16 * (1 - age),
            0.27 * (1 - age),
            0.27 * (1 - age),
            0.5 * age,
            0.22 * age,
            0.16 * age,
            0.12 * age,
        ]
    )
    shares /= shares.sum(axis=1, keepdims=True)
    bands = np.array([rng.multinomial(total, share) for total, share in zip(residents, shares, strict=True)])
    households = (residents / rng.uniform(2.0, 2.6, count)).astype(int)
    limited = rng.binomial(residents, np.clip(0.05 + 0.3 * age + 0.1 * poor, 0, 1))
    no_car = rng.binomial(households, np.clip(0.05 + 0.5 * poor, 0, 1))
    social = rng.binomial(households, np.clip(0.02 + 0.6 * poor, 0, 1))
    deprived = rng.binomial(households, np.clip(0.2 + 0.6 * poor, 0, 1))
    columns = {
        "lad_cd": [f"E0700{number:04d}" for number in council],
        "rgn_cd": region,
        "rgn_nm": "North East",
        "nation": "England",
        "msoa21cd": [f"E0200{number // 5:04d}" for number in range(count)],
        "ruc21cd": np.where(x < 415_000, "RSN1", "UN1"),
        "is_rural": x < 415_000,
        "x_m": x,
        "y_m": y,
        "area_km2": np.where(x < 415_000, 20.0, 0.6) * rng.uniform(0.5, 2, count),
        "residents": residents,
        "households": households,
        "adults_16plus": residents - bands[:, 0],
        **dict(zip(AGE_BANDS, bands.T, strict=True)),
        "ts038_total": residents,
        "ts038_disabled_under_the_equality_act": limited + rng.binomial(residents, 0.05),
        "ts038_disabled_under_the_equality_act__day_to_day_activities_limited_a_lot": limited // 2,
        "ts045_total": households,
        "ts045_no_cars_or_vans_in_household": no_car,
        "ts054_total": households,
        "ts054_social_rented": social,
        "ts011_total": households,
        "ts011_household_is_not_deprived_in_any_dimension": households - deprived,
        "ts011_household_is_deprived_in_two_dimensions": deprived // 3,
        "iod2025_income_rate": np.where(rng.random(count) < 0.05, np.nan, 0.05 + 0.4 * poor),
    }
    table = pd.DataFrame(columns, index=index)
    logit = -3.6 + 3.0 * age + 1.5 * poor + 2.0 * age * poor
    truth = pd.Series(1 / (1 + np.exp(-logit)), index=index)
    seen = np.round(100 * rng.binomial(households, truth) / households, 1)
    yardstick = pd.DataFrame(
        {"observed_offline_share_pct": seen, "dpi_carry": "U", "deri_score": rng.normal(3, 1, count)},
        index=index,
    )
    hidden = council >= councils - without
    yardstick.loc[hidden, ["observed_offline_share_pct", "dpi_carry"]] = None
    # Areas that changed between 2011 and 2021 have a carried share, which neither teaches nor tests.
    yardstick.iloc[::17, yardstick.columns.get_loc("dpi_carry")] = "S"
    yardstick["observed_offline_share_pct"] = yardstick["observed_offline_share_pct"].astype(float)
    return Made(table, yardstick, truth)
