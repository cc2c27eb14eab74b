"""From the share of households in March 2021 to adults offline now: seeds, area shifts and raking.

Cells are areas by eight age bands. Each starts at the survey's rate for its age and the area's own mix of disabled
people, is shifted on the log-odds scale until the area's total follows the household share, and is then raked to
region by age. Rakes are shifts on the log-odds scale too, so that no rate leaves 0 to 1 (generalised raking: Deville,
Sarndal and Sautory 1993). Region totals of the survey are shrunk towards what the areas say by the sampling error
(Fay and Herriot 1979); nothing below regions is ever raked to.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from exclusion.estimate.levels import Level, Pattern, national_household_share
from exclusion.indicators.census import AGE_BANDS

ADULT_BANDS = tuple(band for band in AGE_BANDS if band != "age_0_15")

# Census bands in the survey's bands: 35-49 is two thirds 35-44 and one third 45-54, by years of age.
_BAND_MIX = {
    "age_16_24": {"16-24": 1.0},
    "age_25_34": {"25-34": 1.0},
    "age_35_49": {"35-44": 2 / 3, "45-54": 1 / 3},
    "age_50_64": {"45-54": 1 / 3, "55-64": 2 / 3},
    "age_65_74": {"65-74": 1.0},
    "age_75_79": {"75+": 1.0},
    "age_80_84": {"75+": 1.0},
    "age_85plus": {"75+": 1.0},
}
_SURVEY_BAND_OF = {"age_75_79": "age_75plus", "age_80_84": "age_75plus", "age_85plus": "age_75plus"}

#: Nations without regions are regions of their own.
NATION_CODES = {"Wales": "W92000004", "Scotland": "S92000003", "Northern Ireland": "N92000002"}
_TINY = 1e-9
_STEPS = 50
#: A region is raked only where the table holds nearly all of its adults.
WHOLE_REGION = 0.9


@dataclass(frozen=True)
class RegionLevel:
    """How one region's level came about: all shares between 0 and 1, at the year and definition of the survey."""

    code: str
    survey: float
    standard_error: float
    from_areas: float
    weight_of_survey: float
    used: float


@dataclass(frozen=True)
class Bridge:
    """A fitted bridge; `apply` turns household shares into adult shares with the same shifts for all."""

    level: Level
    adults: np.ndarray
    bands: np.ndarray
    seeds: np.ndarray
    shift: float
    rakes: np.ndarray
    regions: tuple[RegionLevel, ...]
    is_raked: bool

    def apply(self, household_share: np.ndarray) -> np.ndarray:
        """Return the share of adults offline by the level's definition from the share of households, 0 to 1."""
        if self.level.level is None:
            return np.asarray(household_share, dtype=float)
        wanted = sigmoid(logit(household_share) + self.shift)
        rates = sigmoid(self.seeds + _area_shifts(self.seeds, self.bands, wanted)[:, None] + self.rakes)
        return np.asarray((rates * self.bands).sum(axis=1) / self.bands.sum(axis=1))

    def from_rates(self) -> np.ndarray:
        """Return the adult share that published rates by age and disability alone imply for each area, 0 to 1."""
        return area_shares(self.seeds, self.bands)


def area_shares(logits: np.ndarray, bands: np.ndarray) -> np.ndarray:
    """Return the share offline of each area from log-odds by age band and adults in the bands (areas x bands)."""
    return np.asarray((sigmoid(logits) * bands).sum(axis=1) / bands.sum(axis=1))


def fit_bridge(table: pd.DataFrame, household_share: np.ndarray, level: Level, pattern: Pattern) -> Bridge:
    """Fit the bridge of a table to a level.

    `table` as for the features, `household_share` between 0 and 1 in its order. Where the table holds whole
    regions they are raked to region by age; where it holds only a part of the country, its level follows from the
    national household share and nothing is raked.
    """
    adults = table["adults_16plus"].to_numpy(float)
    bands = table[list(ADULT_BANDS)].to_numpy(float)
    # Census bands and totals are perturbed separately: the bands are scaled to the adults that are published.
    inside = bands.sum(axis=1, keepdims=True)
    bands = np.where(inside > 0, bands, 1.0)
    bands *= (adults / bands.sum(axis=1))[:, None]
    if level.level is None:
        none = np.zeros((len(table), len(ADULT_BANDS)))
        return Bridge(level, adults, bands, none, 0.0, none, (), is_raked=False)
    cells, regions = _shifted(pattern, level.level)
    seeds = logit(_seed_rates(table, bands, cells))
    codes = region_codes(table).to_numpy()
    whole = _whole_regions(codes, adults, pattern)
    if not whole.all():
        anchor = _country_rate(regions)
        shift = float(logit(np.array([anchor]))[0] - logit(np.array([national_household_share()]))[0])
        return Bridge(level, adults, bands, seeds, shift, np.zeros_like(seeds), (), is_raked=False)
    total = float(sum(regions.loc[code, "rate"] * adults[codes == code].sum() for code in np.unique(codes)))
    shift = _national_shift(household_share, adults, total)
    start = sigmoid(seeds + _area_shifts(seeds, bands, sigmoid(logit(household_share) + shift))[:, None])
    rakes, report = _rake(start, seeds, bands, codes, cells, regions, pattern, total)
    return Bridge(level, adults, bands, seeds, shift, rakes, report, is_raked=True)


def region_codes(table: pd.DataFrame) -> pd.Series:
    """Return the region of every area; a nation that has none is its own."""
    nation = table["nation"].map({**NATION_CODES, "England": "E92000001"}).fillna("").astype(str)
    if "rgn_cd" not in table:
        return nation
    return table["rgn_cd"].astype("object").where(table["rgn_cd"].notna(), nation).astype(str)


def ipf(seed: np.ndarray, rows: np.ndarray, columns: np.ndarray, *, tolerance: float = 1e-10) -> np.ndarray:
    """Return the table nearest to `seed` in relative entropy whose rows and columns add up to the margins.

    Iterative proportional fitting (Deming and Stephan 1940). `rows` and `columns` must have equal sums; a row or
    column of zeros stays zero.
    """
    fitted = seed.astype(float).copy()
    for _ in range(10_000):
        fitted *= _safe_ratio(rows, fitted.sum(axis=1))[:, None]
        fitted *= _safe_ratio(columns, fitted.sum(axis=0))[None, :]
        if np.abs(fitted.sum(axis=1) - rows).max() <= tolerance * max(float(rows.sum()), 1.0):
            break
    return fitted


def _safe_ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(top, bottom, out=np.zeros_like(top, dtype=float), where=bottom > 0))


def _shifted(pattern: Pattern, level: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the survey's cells and regions moved on the log-odds scale until each set's mean is the level."""
    out = []
    for frame, base in ((pattern.cells, None), (pattern.regions, pattern.level)):
        moved = frame.copy()
        rates, people = frame["rate"].to_numpy(float), frame["people_thousand"].to_numpy(float)
        # Regions leave out Scotland and Northern Ireland, so their shift is that of the United Kingdom's rate.
        shift = (
            _common_shift(rates, people, level)
            if base is None
            else float(logit(np.array([level]))[0] - logit(np.array([base]))[0])
        )
        moved["rate"] = sigmoid(logit(rates) + shift)
        out.append(moved)
    return out[0], out[1]


def _common_shift(rates: np.ndarray, people: np.ndarray, level: float) -> float:
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        if float((sigmoid(logit(rates) + middle) * people).sum() / people.sum()) < level:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _country_rate(regions: pd.DataFrame) -> float:
    return float((regions["rate"] * regions["people_thousand"]).sum() / regions["people_thousand"].sum())


def _seed_rates(table: pd.DataFrame, bands: np.ndarray, cells: pd.DataFrame) -> np.ndarray:
    rate = cells.pivot_table(index="band", columns="is_disabled", values="rate")
    people = cells.pivot_table(index="band", columns="is_disabled", values="people_thousand")
    disabled = people[True] / (people[True] + people[False])
    mixed = {
        name: np.array([_BAND_MIX[band].get(survey, 0.0) for survey in rate.index])
        for name, band in zip(ADULT_BANDS, ADULT_BANDS, strict=True)
    }
    with_disability = np.array([float(mixed[band] @ rate[True].to_numpy()) for band in ADULT_BANDS])
    without = np.array([float(mixed[band] @ rate[False].to_numpy()) for band in ADULT_BANDS])
    national = np.array([float(mixed[band] @ disabled.to_numpy()) for band in ADULT_BANDS])
    shares = np.tile(national, (len(table), 1))
    if "ts038_total" in table and table["ts038_total"].notna().any():
        observed = (
            table["ts038_disabled_under_the_equality_act"]
            / table["ts038_total"].where(table["ts038_total"] > 0)
        ).to_numpy(float)
        observed = np.where(np.isfinite(observed), observed, np.nan)
        # The Census asks of all residents and the survey of adults: only each area's distance from the mean is used.
        expected = (shares * bands).sum(axis=1) / bands.sum(axis=1)
        mean = float(np.nanmean(observed))
        tilt = logit(np.clip(observed, 0.01, 0.9)) - logit(np.array([mean]))[0]
        base = logit(expected) - logit(np.array([float(expected.mean())]))[0]
        tilt = np.where(np.isfinite(tilt), tilt - base, 0.0)
        shares = sigmoid(logit(shares) + tilt[:, None])
    return np.asarray(shares * with_disability + (1 - shares) * without)


def _whole_regions(codes: np.ndarray, adults: np.ndarray, pattern: Pattern) -> np.ndarray:
    found = []
    for code in np.unique(codes):
        known = code in pattern.regions.index
        held = adults[codes == code].sum()
        found.append(known and held >= WHOLE_REGION * 1000 * pattern.regions.loc[code, "people_thousand"])
    return np.array(found)


def _national_shift(household_share: np.ndarray, adults: np.ndarray, total: float) -> float:
    return _common_shift(household_share, adults, total / adults.sum())


def _area_shifts(seeds: np.ndarray, bands: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return the log-odds shift of each area at which its mean rate is the wanted share (bisection, all at once)."""
    low, high = np.full(len(seeds), -25.0), np.full(len(seeds), 25.0)
    total = bands.sum(axis=1)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        below = (sigmoid(seeds + middle[:, None]) * bands).sum(axis=1) < wanted * total
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)


def _rake(
    start: np.ndarray,
    seeds: np.ndarray,
    bands: np.ndarray,
    codes: np.ndarray,
    cells: pd.DataFrame,
    regions: pd.DataFrame,
    pattern: Pattern,
    total: float,
) -> tuple[np.ndarray, tuple[RegionLevel, ...]]:
    names = np.unique(codes)
    survey_bands = [_SURVEY_BAND_OF.get(band, band) for band in ADULT_BANDS]
    columns = list(dict.fromkeys(survey_bands))
    place = np.array([columns.index(name) for name in survey_bands])
    people = np.zeros((len(names), len(columns)))
    offline = np.zeros_like(people)
    for row, code in enumerate(names):
        mine = codes == code
        np.add.at(people[row], place, bands[mine].sum(axis=0))
        np.add.at(offline[row], place, (bands[mine] * start[mine]).sum(axis=0))
    margin, report = _region_margin(names, people, offline, regions, pattern, total)
    rate = (
        cells.assign(offline=cells["rate"] * cells["people_thousand"])
        .groupby("band")[["offline", "people_thousand"]]
        .sum()
    )
    by_band = (rate["offline"] / rate["people_thousand"]).to_dict()
    ages = np.zeros(len(columns))
    for band, column in zip(ADULT_BANDS, place, strict=True):
        national = sum(share * by_band[survey] for survey, share in _BAND_MIX[band].items())
        ages[column] += national * bands[:, ADULT_BANDS.index(band)].sum()
    ages *= margin.sum() / ages.sum()
    wanted = np.minimum(ipf(offline, margin, ages), 0.999 * people)
    logits = logit(start)
    rakes = np.zeros_like(seeds)
    for row, code in enumerate(names):
        mine = np.flatnonzero(codes == code)
        for column in range(len(columns)):
            inside = np.flatnonzero(place == column)
            block = np.ix_(mine, inside)
            share = wanted[row, column] / people[row, column]
            rakes[block] = mean_shift(logits[block], bands[block], share)
    return rakes, report


def mean_shift(logits: np.ndarray, weights: np.ndarray, level: float) -> float:
    """Return the shift of log-odds at which their weighted mean rate is a level between 0 and 1."""
    low, high = -20.0, 20.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if float((sigmoid(logits + middle) * weights).sum()) < level * float(weights.sum()):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _region_margin(
    names: np.ndarray,
    people: np.ndarray,
    offline: np.ndarray,
    regions: pd.DataFrame,
    pattern: Pattern,
    total: float,
) -> tuple[np.ndarray, tuple[RegionLevel, ...]]:
    """Shrink the survey's region rates towards those of the areas in proportion to their sampling variance."""
    adults = people.sum(axis=1)
    from_areas = offline.sum(axis=1) / adults
    survey = regions.loc[names, "rate"].to_numpy(float)
    # The sampling error is the survey's own, at the survey's own level, carried over by the log-odds shift.
    own = pattern.regions.loc[names, "rate"].to_numpy(float)
    sample = (
        pattern.effective_sample
        * pattern.regions.loc[names, "people_thousand"].to_numpy(float)
        / pattern.people_thousand
    )
    slope = survey * (1 - survey) / (own * (1 - own))
    variance = slope**2 * own * (1 - own) / sample
    between = max(float(np.mean((survey - from_areas) ** 2 - variance)), 0.0)
    weight = between / (between + variance)
    used = weight * survey + (1 - weight) * from_areas
    used *= total / float((used * adults).sum())
    report = tuple(
        RegionLevel(
            code=str(code),
            survey=float(survey[row]),
            standard_error=float(np.sqrt(variance[row])),
            from_areas=float(from_areas[row]),
            weight_of_survey=float(weight[row]),
            used=float(used[row]),
        )
        for row, code in enumerate(names)
    )
    return used * adults, report


def logit(share: np.ndarray) -> np.ndarray:
    """Return log-odds of shares, those of 0 and 1 just inside."""
    inside = np.clip(share, _TINY, 1 - _TINY)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def sigmoid(log_odds: np.ndarray) -> np.ndarray:
    """Return the shares of log-odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))
