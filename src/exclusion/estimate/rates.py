"""People offline where no behaviour was observed: published rates by age and disability, at the nation's own level.

The Digital Propensity Index covers England and Wales, so nothing can be learnt or tested in Scotland and Northern Ireland.
Each area gets the survey's rates for its own ages and disability (`bridge`); all are shifted by one log-odds step until
the nation's mean is the nation's own rate in the survey, brought to the level asked for. The interval is how far areas of
England and Wales lie from such rates, with the survey's sampling error of the nation added; that it holds elsewhere
is an assumption, and every output says so.
"""

from statistics import NormalDist

import numpy as np
import pandas as pd

from exclusion.errors import InputError
from exclusion.estimate.bridge import (
    WHOLE_REGION,
    area_shares,
    fit_bridge,
    logit,
    mean_shift,
    region_codes,
    sigmoid,
)
from exclusion.estimate.features import DRIVERS
from exclusion.estimate.levels import (
    Level,
    Pattern,
    RatesAlone,
    default_level,
    find_level,
    national_household_share,
    pattern_of,
    rates_alone,
)
from exclusion.estimate.people import SURVEY_LEVEL, Estimate, people_table


def estimate_from_rates(
    table: pd.DataFrame,
    *,
    target: str | None = None,
    confidence: float = 0.90,
    internet_users: pd.DataFrame | None = None,
) -> Estimate:
    """Estimate adults offline in every area of a nation without observed behaviour.

    `table` as for `estimate_people_offline`, all areas of one nation; Census TS038 columns may be null. Returns an
    Estimate without a back-test, with intervals and with `survey_level` as its only driver. InputError for a target that is
    the yardstick itself, or a nation that the survey has no rate for.
    """
    level = find_level(target or default_level())
    if level.level is None:
        raise InputError(
            f"--target {level.id}: this level is observed behaviour in England and Wales and there is none here; choose another."
        )
    pattern, scatter = pattern_of(internet_users), rates_alone()
    bridge = fit_bridge(table, np.full(len(table), national_household_share()), level, pattern)
    code = region_codes(table).iloc[0]
    if code not in pattern.nations.index:
        raise InputError(f"The survey of internet users has no rate for {table['nation'].iloc[0]}.")
    wanted = nation_level(level, pattern, code)
    adults = table["adults_16plus"].to_numpy(float)
    people = 1000 * float(pattern.nations.loc[code, "people_thousand"])
    is_whole = adults.sum() >= WHOLE_REGION * people
    if is_whole:
        shift = mean_shift(bridge.seeds, bridge.bands, wanted)
    else:
        shift = float(logit(np.array([wanted]))[0] - logit(np.array([level.level]))[0])
    share = area_shares(bridge.seeds + shift, bridge.bands)
    low, high = _bounds(share, scatter, _nation_error(pattern, code), confidence)
    average = float(np.average(share, weights=adults))
    found = people_table(table, level, share, low, high)
    found["backtest_share_pct"] = np.nan
    found["observed_share_pct"] = np.nan
    drivers = pd.DataFrame(0.0, index=table.index, columns=[*DRIVERS, SURVEY_LEVEL])
    drivers[SURVEY_LEVEL] = 100 * (share - average)
    nation = str(pattern.nations.loc[code, "name"])
    return Estimate(
        people=found,
        drivers=drivers,
        backtest=None,
        level=level,
        national_average_pct=100 * average,
        notes=_notes(level, nation, wanted, is_whole=is_whole),
        facts={
            "target": level.id,
            "definition": level.label,
            "source": level.source,
            "year": level.year,
            "published_level_pct": round(100 * level.level, 6),
            "nation": nation,
            "nation_level_pct": round(100 * wanted, 6),
            "is_whole_nation": bool(is_whole),
            "adults": int(found["adults"].sum()),
            "people_offline": int(found["people_offline"].sum()),
            "confidence": confidence,
            "shared_error": scatter.shared,
            "why_no_backtest": why_not_tested(nation, scatter),
        },
    )


def nation_level(level: Level, pattern: Pattern, code: str) -> float:
    """Return a nation's share offline at a level of the United Kingdom: as far from it in log-odds as in the survey."""
    assert level.level is not None
    values = np.array([level.level, float(pattern.nations.loc[code, "rate"]), pattern.level])
    whole, nation, kingdom = logit(values)
    return float(sigmoid(np.array([whole + nation - kingdom]))[0])


def why_not_tested(nation: str, scatter: RatesAlone) -> str:
    """Say why there is no back-test, and what is known instead."""
    return (
        f"Not back-tested here: no observed behaviour is published for {nation}. People offline rest on rates by age and disability; in "
        f"England and Wales such rates rank areas with a correlation of {scatter.rank_correlation:.2f} with the observed share "
        f"({scatter.areas:,} areas), and the interval is as wide as they were wrong there."
    )


def _nation_error(pattern: Pattern, code: str) -> float:
    """Return the standard error of the nation's rate in the survey, in log-odds."""
    rate, people = (float(pattern.nations.loc[code, name]) for name in ("rate", "people_thousand"))
    sample = pattern.effective_sample * people / pattern.people_thousand
    return float(np.sqrt(1 / (sample * rate * (1 - rate))))


def _bounds(
    share: np.ndarray, scatter: RatesAlone, error: float, confidence: float
) -> tuple[np.ndarray, np.ndarray]:
    normal = NormalDist()
    wanted = normal.inv_cdf(0.5 + confidence / 2)
    stretch = wanted / normal.inv_cdf(0.5 + scatter.confidence / 2)
    low, high = (
        sign * np.hypot(width * stretch, wanted * error)
        for sign, width in ((-1, scatter.low), (1, scatter.high))
    )
    middle = logit(share)
    return sigmoid(middle + low), sigmoid(middle + high)


def _notes(level: Level, nation: str, wanted: float, *, is_whole: bool) -> tuple[str, ...]:
    notes = [f"Shown: {level.label}. Source: {level.source}."]
    if level.note:
        notes.append(level.note)
    notes.append(
        f"Level of {nation}: {100 * wanted:.1f}% of adults, as far from the United Kingdom's {100 * (level.level or 0):.1f}% as in "
        "the ONS survey of 2020."
    )
    if not is_whole:
        notes.append(
            f"The table does not hold all of {nation}, so its mean is not held to that level: each area has the rates for its ages."
        )
    notes.append(
        "Made from published rates by age and disability alone: poverty, work and broadband move an area's rank on the index "
        "but not its people offline."
    )
    return tuple(notes)
