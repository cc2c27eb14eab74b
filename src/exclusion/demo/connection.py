"""Fixed broadband by output area: premises in steps of speed, worse where homes are scattered."""

from dataclasses import dataclass

import numpy as np

from exclusion.demo.land import Floats, Integers, Land
from exclusion.demo.people import People


@dataclass(frozen=True)
class Connection:
    """Counts of premises by output area, all premises and residential ones apart.

    `steps` (n, 9) holds matched premises by the best speed on offer, Mbit/s: under 2, 2-5, 5-10, 10-30 without
    and with next-generation access, 30-100, 100-300, 300-1000, gigabit. `fwa` counts premises with decent
    broadband from fixed wireless, `undecent` those without it from either. `download` (n, 6) is the average
    maximum download speed of lines in the publisher's bands (NaN: fewer than five lines).
    """

    premises: Integers
    matched: Integers
    steps: Integers
    fwa: Integers
    undecent: Integers
    residential_premises: Integers
    residential_matched: Integers
    residential_steps: Integers
    residential_fwa: Integers
    residential_undecent: Integers
    download: Floats


# Best speed on offer by kind of place: nine steps as in `Connection.steps`, and how they shift with remoteness.
_SHARES = {
    "town": (0.05, 0.1, 0.15, 0.4, 0.5, 4.0, 3.0, 7.0, 85.0),
    "large_village": (0.1, 0.3, 0.5, 1.0, 1.4, 20.0, 5.0, 6.0, 66.0),
    "village": (0.3, 0.8, 1.6, 3.4, 3.0, 34.0, 5.0, 4.0, 48.0),
    "country": (1.6, 3.0, 5.5, 9.0, 4.0, 26.0, 5.0, 4.0, 42.0),
}


def make_connection(land: Land, people: People, lsoa: Integers, rng: np.random.Generator) -> Connection:
    """Return the premises of each output area by the best speed on offer."""
    kinds = [land.settlements[s].kind if s >= 0 else "country" for s in land.settlement]
    shares = np.log([_SHARES["town" if kind == "large_town" else kind] for kind in kinds])
    remote = land.moor * people.rural + 0.25 * people.rural
    # Full fibre comes exchange by exchange, so that neighbours share their luck.
    luck = rng.normal(0.0, 0.85, int(lsoa.max()) + 1)[lsoa] * (0.35 + 0.65 * people.rural) + rng.normal(
        0.0, 0.3, len(lsoa)
    )
    shares[:, :5] += (0.75 * remote - 0.25 * luck)[:, None]
    shares[:, 7:] += (luck - 1.6 * remote)[:, None]
    homes = people.households + rng.binomial(people.households, 0.035 + 0.05 * people.rural)
    business = rng.poisson(3.0 + 7.0 * people.rural)
    # A handful of output areas are barracks and halls: no residential premises at all.
    is_institution = np.zeros(len(lsoa), dtype=bool)
    is_institution[rng.choice(np.flatnonzero(people.rural < 0.6), 4, replace=False)] = True
    homes, business = np.where(is_institution, 0, homes), np.where(is_institution, business + 24, business)
    home_matched = homes - rng.binomial(homes, 0.006)
    business_matched = business - rng.binomial(business, 0.05)
    weight = np.exp(shares)
    weight /= weight.sum(axis=1, keepdims=True)
    home_steps = rng.multinomial(home_matched, weight)
    steps = home_steps + rng.multinomial(business_matched, weight)
    fwa_share = np.clip(0.93 - 0.5 * land.moor, 0.2, 0.95)
    home_fwa = rng.binomial(home_matched, fwa_share)
    fwa = home_fwa + rng.binomial(business_matched, fwa_share)
    home_undecent = rng.binomial(home_steps[:, :3].sum(axis=1), 1.0 - fwa_share)
    other = rng.binomial((steps - home_steps)[:, :3].sum(axis=1), 1.0 - fwa_share)
    return Connection(
        premises=homes + business,
        matched=home_matched + business_matched,
        steps=steps,
        fwa=fwa,
        undecent=home_undecent + other,
        residential_premises=homes,
        residential_matched=home_matched,
        residential_steps=home_steps,
        residential_fwa=home_fwa,
        residential_undecent=home_undecent,
        download=_lines(steps, rng),
    )


def _lines(steps: Integers, rng: np.random.Generator) -> Floats:
    """Return the mean maximum download speed of lines by band; NaN below five lines."""
    middle = np.array([6.2, 19.5, 63.0, 155.0, 480.0, 942.0])
    offered = np.column_stack(
        [
            steps[:, :3].sum(axis=1),
            steps[:, 3] + steps[:, 4],
            steps[:, 5],
            steps[:, 6],
            steps[:, 7],
            steps[:, 8],
        ]
    )
    # Most people take a slower line than the best on offer.
    lines = offered.astype(float)
    lines[:, 2] += 0.45 * offered[:, 5] + 0.5 * offered[:, 4]
    lines[:, 3] += 0.20 * offered[:, 5]
    lines[:, 5] *= 0.12
    speed = middle * np.exp(rng.normal(0.0, 0.06, offered.shape))
    return np.where(lines >= 5.0, np.round(speed, 1), np.nan)
