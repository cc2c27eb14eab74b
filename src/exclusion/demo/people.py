"""The people of the made-up county: Census counts by output area, correlated as they are in England.

Each output area has two hidden scores in standard deviations, hardship and age, made of its settlement, a smooth
field with a few estates, and noise. Every count is drawn from shares that depend on them, from one population, so
that tables agree with each other. Levels were set by eye to published averages of rural English counties; no
figure of a real area is used.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exclusion.demo.land import Floats, Integers, Land

AGE_LOWER = (0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 80, 85)
_AGE_SHARE = (4.6, 5.2, 5.6, 5.1, 4.5, 5.3, 5.7, 5.6, 5.7, 6.4, 7.5, 7.8, 7.2, 6.5, 6.4, 4.6, 3.1, 2.9)
# Day-to-day activities limited a lot, a little, and a condition that does not limit, by age in seven groups (%).
_HEALTH_GROUPS = ((0, 3), (3, 5), (5, 10), (10, 13), (13, 15), (15, 17), (17, 18))
_LIMITED_A_LOT = (1.8, 3.0, 4.0, 8.5, 11.5, 19.0, 36.0)
_LIMITED_A_LITTLE = (4.0, 8.0, 7.0, 10.0, 14.0, 20.0, 23.5)
_NOT_LIMITED = (3.0, 6.5, 7.5, 9.5, 10.0, 9.0, 6.0)


@dataclass(frozen=True)
class People:
    """Counts by output area; each array is (n, k) in the order of the published leaf columns, or (n,).

    `hardship`, `age_score`, `rural` (0 to 1): the hidden scores. `residents`, `communal`, `households`, `adults`
    (16 and over), `aged_3plus`, `aged_5plus`; the other arrays are named after their Census table.
    """

    hardship: Floats
    age_score: Floats
    rural: Floats
    residents: Integers
    communal: Integers
    households: Integers
    adults: Integers
    aged_3plus: Integers
    aged_5plus: Integers
    ages: Integers
    ts003: Integers
    ts011: Integers
    ts029: Integers
    ts037: Integers
    ts038: Integers
    ts044: Integers
    ts045: Integers
    ts054: Integers
    ts062: Integers
    ts063: Integers
    ts065: Integers
    ts066: Integers
    ts067: Integers
    ts068: Integers


def make_people(land: Land, lsoa: Integers, coast_m: Floats, rng: np.random.Generator) -> People:
    """Return the people of each output area; `coast_m` is each output area's distance to the sea."""
    hardship, age_score, rural = _scores(land, lsoa, coast_m, rng)
    count = len(lsoa)
    residents = np.clip(np.round(rng.normal(318.0, 52.0, count) * (1.0 - 0.05 * land.moor)), 150, 640).astype(
        int
    )
    slope = np.clip((np.array(AGE_LOWER) + 2.5 - 45.0) / 45.0, -1.0, 1.0)
    older = 0.44 * age_score - 0.10 * hardship
    ages = _draw(
        rng,
        residents,
        np.log(_AGE_SHARE) + older[:, None] * slope + 0.05 * (slope > 0.6) * age_score[:, None],
    )
    adults = ages[:, 4:].sum(axis=1) + rng.binomial(ages[:, 3], 0.8)
    aged_3plus = ages[:, 1:].sum(axis=1) + rng.binomial(ages[:, 0], 0.41)
    aged_5plus = ages[:, 1:].sum(axis=1)
    over_65 = ages[:, 13:].sum(axis=1) / residents - 0.24
    over_75 = ages[:, 15:].sum(axis=1) / residents - 0.11
    young = ages[:, 3:5].sum(axis=1) / residents - 0.095
    has_care_home = rng.uniform(size=count) < 0.025 + 0.02 * (age_score > 0.8)
    communal = np.where(has_care_home, rng.integers(14, 62, count), rng.binomial(2, 0.15, count))
    size = np.clip(2.28 - 1.9 * over_65 + 0.04 * hardship + rng.normal(0.0, 0.08, count), 1.6, 3.1)
    households = np.round((residents - communal) / size).astype(int)
    h, r = hardship, rural
    ts066 = _draw(rng, adults, _economic_activity(h, over_65, young, r))
    employed = ts066[:, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]].sum(axis=1)
    ts062 = _draw(
        rng, adults,
        _logits((12.2, 20.4, 11.0, 12.2, 6.7, 12.6, 13.1, 7.0, 4.8),
                (-0.50, -0.22, -0.03, -0.15, 0.12, 0.30, 0.46, 0.75, -0.05), h)
        + r[:, None] * np.array([0.15, 0.05, -0.12, 0.62, -0.05, -0.22, -0.25, -0.35, -0.15])
        + young[:, None] * np.array([0, 0, 0, 0, 0, 0, 0, 0, 9.0]),
    )  # fmt: skip
    ts063 = _draw(
        rng, employed,
        _logits((13.0, 17.1, 11.9, 8.6, 13.6, 9.9, 7.7, 7.4, 10.8),
                (-0.32, -0.40, -0.22, -0.05, 0.05, 0.26, 0.28, 0.36, 0.42), h)
        + r[:, None] * np.array([0.35, 0.05, -0.08, -0.05, 0.40, -0.2, -0.3, -0.2, -0.1]),
    )  # fmt: skip
    disability = _by_age(rng, ages, h)
    return People(
        hardship=hardship,
        age_score=age_score,
        rural=rural,
        residents=residents,
        communal=communal,
        households=households,
        adults=adults,
        aged_3plus=aged_3plus,
        aged_5plus=aged_5plus,
        ages=ages,
        ts003=_draw(rng, households, _household_types(h, over_65, over_75)),
        ts011=_draw(rng, households, _logits(
            (50.5, 33.4, 12.8, 3.0, 0.14), (-0.30, 0.03, 0.42, 0.80, 1.0), h)
            + over_75[:, None] * np.array([-1.5, 0.8, 1.6, 1.2, 0.0])),
        ts029=_draw(rng, aged_3plus, _english(h, r)),
        ts037=_draw(rng, residents, _logits(
            (45.8, 34.7, 14.1, 4.3, 1.2), (-0.14, -0.01, 0.21, 0.42, 0.46), h)
            + over_65[:, None] * np.array([-1.4, 0.35, 2.0, 1.8, 1.6])),
        ts038=disability,
        ts044=_draw(rng, households, _accommodation(h, r)),
        ts045=_draw(rng, households, _logits((17.0, 42.5, 30.0, 10.5), (0.62, 0.08, -0.28, -0.36), h)
            + r[:, None] * np.array([-0.95, -0.12, 0.25, 0.65])
            + over_75[:, None] * np.array([3.4, 1.2, -2.0, -2.6])),
        ts054=_draw(rng, households, _tenure(h, r, over_65)),
        ts062=ts062,
        ts063=ts063,
        ts065=_draw(rng, adults - employed, _logits((11.1, 69.3, 19.6), (-0.02, -0.12, 0.34), h)
            + young[:, None] * np.array([2.5, -1.5, 6.0])),
        ts066=ts066,
        ts067=_draw(rng, adults, _logits(
            (17.0, 9.6, 13.8, 6.3, 16.6, 33.6, 2.8), (0.46, 0.22, 0.08, 0.10, -0.02, -0.46, 0.05), h)
            + over_65[:, None] * np.array([2.6, -0.4, -0.4, 0.0, -1.6, -0.6, 0.2])),
        ts068=np.column_stack(_students(rng, ages, aged_5plus)),
    )  # fmt: skip


def _scores(
    land: Land, lsoa: Integers, coast_m: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Return hardship, age and rurality of each output area."""
    count = len(lsoa)
    kinds = np.array([land.settlements[s].kind if s >= 0 else "country" for s in land.settlement])
    rural = np.select(
        [kinds == "country", kinds == "village", kinds == "large_village", kinds == "town"],
        [1.0, 0.85, 0.5, 0.12],
        0.0,
    )
    own_hardship = np.array([land.settlements[s].hardship if s >= 0 else -0.45 for s in land.settlement])
    own_age = np.array([land.settlements[s].age if s >= 0 else 0.4 for s in land.settlement])
    hardship = own_hardship + 0.55 * land.moor * rural - 0.15 * (kinds == "village")
    age = own_age + 0.45 * land.moor * rural + 0.55 * np.exp(-coast_m / 2_500.0) * (rural > 0.05)
    # Council estates and leafy suburbs: bumps round a few output areas of each town.
    for index, settlement in enumerate(land.settlements):
        own = np.flatnonzero(land.settlement == index)
        if settlement.kind not in {"large_town", "town"}:
            continue
        spread = 0.34 * np.sqrt(np.ptp(land.sites[own], axis=0).prod()) / np.sqrt(max(len(own) / 45.0, 1.0))
        for height, share, lean in ((1.75, 42, -0.35), (-1.0, 38, 0.45)):
            for centre in rng.choice(own, max(1, len(own) // share), replace=False):
                near = np.exp(-0.5 * (np.hypot(*(land.sites[own] - land.sites[centre]).T) / spread) ** 2)
                hardship[own] += height * near
                age[own] += lean * near
    group = int(lsoa.max()) + 1
    hardship += rng.normal(0.0, 0.20, group)[lsoa] + rng.normal(0.0, 0.22, count)
    age += rng.normal(0.0, 0.50, group)[lsoa] + rng.normal(0.0, 0.30, count)
    # Estates that overlap do not add up without end.
    return 2.5 * np.tanh(hardship / 2.5), age, rural


def _logits(shares: tuple[float, ...], slopes: tuple[float, ...], hardship: Floats) -> Floats:
    return np.asarray(np.log(shares) + hardship[:, None] * np.array(slopes))


def _draw(rng: np.random.Generator, totals: Integers, logits: Floats) -> Integers:
    """Draw counts that add up to each total, with shares proportional to exp(logits)."""
    weight = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(rng.multinomial(totals, weight / weight.sum(axis=1, keepdims=True)), dtype=np.int64)


def _by_age(rng: np.random.Generator, ages: Integers, hardship: Floats) -> Integers:
    """Return residents limited a lot, a little, with a condition that does not limit, and with none."""
    out = np.zeros((len(ages), 4), dtype=np.int64)
    for group, (first, last) in enumerate(_HEALTH_GROUPS):
        people = ages[:, first:last].sum(axis=1)
        shares = np.column_stack(
            [
                _LIMITED_A_LOT[group] * np.exp(0.36 * hardship),
                _LIMITED_A_LITTLE[group] * np.exp(0.16 * hardship),
                np.full(len(ages), _NOT_LIMITED[group]),
            ]
        ) / 100.0  # fmt: skip
        shares *= np.minimum(1.0, 0.92 / shares.sum(axis=1))[:, None]
        out += rng.multinomial(people, np.column_stack([shares, 1.0 - shares.sum(axis=1)]))
    return out


def _economic_activity(hardship: Floats, over_65: Floats, young: Floats, rural: Floats) -> Floats:
    """Return logits of the 19 leaf columns of TS066: active, active students, inactive."""
    shares = (
        13.2, 29.5, 0.35, 1.35, 2.6, 4.9, 2.4, 1.35, 0.35, 0.02, 0.02, 0.08, 0.06, 0.35, 28.5, 3.4, 4.0, 4.2, 2.6,
    )  # fmt: skip
    slopes = (
        0.03,
        -0.13,
        -0.2,
        -0.25,
        -0.06,
        -0.12,
        0.55,
        0,
        0,
        0,
        0,
        0,
        0,
        0.2,
        -0.02,
        -0.02,
        0.30,
        0.62,
        0.45,
    )
    out = _logits(shares, slopes, hardship)
    out[:, [0, 1, 6]] -= 1.7 * over_65[:, None]
    out[:, 14] += 4.2 * over_65
    out[:, 7:14] += 7.0 * young[:, None]
    out[:, 15] += 8.0 * young
    out[:, [2, 3, 4, 5]] += 0.6 * rural[:, None]
    return out


def _household_types(hardship: Floats, over_65: Floats, over_75: Floats) -> Floats:
    """Return logits of the 14 leaf columns of TS003."""
    shares = (14.0, 15.6, 11.8, 12.6, 13.6, 5.0, 6.0, 5.0, 0.8, 6.2, 4.0, 0.7, 2.0, 2.7)
    slopes = (0.14, 0.24, -0.20, -0.24, -0.22, -0.08, 0.0, 0.22, 0.15, 0.58, 0.30, 0.1, 0.2, 0.15)
    out = _logits(shares, slopes, hardship)
    out[:, 0] += 4.6 * over_75
    out[:, 2] += 5.2 * over_65
    out[:, [4, 6, 7, 9, 12]] -= 3.4 * over_65[:, None]
    return out


def _english(hardship: Floats, rural: Floats) -> Floats:
    out = _logits((96.0, 1.7, 1.25, 0.6, 0.12), (-0.01, 0.05, 0.28, 0.42, 0.42), hardship)
    out[:, 1:] -= 0.75 * rural[:, None]
    out[:, 1:] += 0.25 * (1.0 - rural[:, None])
    return out


def _accommodation(hardship: Floats, rural: Floats) -> Floats:
    out = _logits(
        (26.0, 35.0, 26.0, 8.0, 1.6, 0.8, 0.7, 0.4), (-0.62, 0.03, 0.24, 0.45, 0.2, 0.0, 0.1, 0.1), hardship
    )
    out += rural[:, None] * np.array([0.75, -0.1, -0.2, -1.9, -1.0, 0.3, -0.4, 0.8])
    return out


def _tenure(hardship: Floats, rural: Floats, over_65: Floats) -> Floats:
    """Return logits of the 8 leaf columns of TS054."""
    out = _logits(
        (40.0, 28.5, 0.75, 4.4, 7.4, 13.8, 2.6, 0.1),
        (-0.36, -0.22, 0.1, 0.95, 0.82, 0.12, 0.05, 0.0),
        hardship,
    )
    out += rural[:, None] * np.array([0.12, -0.1, -0.2, -0.5, -0.5, 0.0, 0.65, 0.2])
    out[:, 0] += 3.6 * over_65
    out[:, 1] -= 2.6 * over_65
    return out


def _students(rng: np.random.Generator, ages: Integers, aged_5plus: Integers) -> tuple[Integers, Integers]:
    """Return schoolchildren and full-time students, and all others aged five and over."""
    students = (
        ages[:, 1:3].sum(axis=1)
        + rng.binomial(ages[:, 3], 0.82)
        + rng.binomial(ages[:, 4], 0.24)
        + rng.binomial(ages[:, 5:10].sum(axis=1), 0.012)
    )
    return students, aged_5plus - students


def offline_share_pct(
    people: People, group: NDArray[np.int64], rng: np.random.Generator, *, count: int
) -> Floats:
    """Return the share of households of each group of output areas that would not answer online, per cent.

    The hidden truth behind the made-up Digital Propensity file: age above all, then disability, schooling and
    having no car, and scattered homes; noise of one point, or of a tenth of a large share, is what no model finds.
    """

    def total(values: NDArray[Any]) -> Floats:
        # A number that is in no use has no people: one stands in, and nobody reads its share.
        return np.maximum(np.bincount(group, values, minlength=count), 1.0)

    residents = total(people.residents)
    older = 100.0 * total(people.ages[:, 15:].sum(axis=1)) / residents
    old = 100.0 * total(people.ages[:, 13:15].sum(axis=1)) / residents
    limited = 100.0 * total(people.ts038[:, 0]) / residents
    unqualified = 100.0 * total(people.ts067[:, 0]) / total(people.adults)
    no_car = 100.0 * total(people.ts045[:, 0]) / total(people.households)
    scattered = total(people.residents * people.rural) / residents
    share = (
        -2.4
        + 0.9 * scattered
        + 0.26 * older
        + 0.07 * old
        + 0.16 * limited
        + 0.09 * unqualified
        + 0.025 * no_car
    )
    return np.asarray(np.clip(share + rng.normal(0.0, 1.0, count) * np.maximum(1.0, share / 10.0), 0.4, 25.0))
