"""Where people live within output areas: postcodes, and the hamlets that country lanes lead to."""

from dataclasses import dataclass

import numpy as np
import shapely

from exclusion.demo.land import Floats, Integers, Land, radius_m

_HOUSEHOLDS_PER_POSTCODE = 15.0
# The postcode areas XA to XZ have never been given out.
_POSTCODE_AREA = "XL"


@dataclass(frozen=True)
class Homes:
    """Postcodes: position (n, 2) in EPSG:27700 metres, output area, residents and unit (`XL4 7QD`).

    `hamlets` (m, 2) with `hamlet_oa`: clusters of homes in dispersed output areas.
    """

    points: Floats
    oa: Integers
    residents: Floats
    unit: tuple[str, ...]
    hamlets: Floats
    hamlet_oa: Integers


def make_homes(land: Land, residents: Integers, households: Integers, rng: np.random.Generator) -> Homes:
    """Scatter each output area's residents over postcodes: round its built-up point, or round its hamlets."""
    shapely.prepare(land.oas)
    points: list[Floats] = []
    hamlets: list[Floats] = []
    weights: list[Floats] = []
    owners: list[int] = []
    hamlet_owners: list[int] = []
    for index, polygon in enumerate(land.oas):
        settlement = land.settlement[index]
        if settlement >= 0:
            place = land.settlements[settlement]
            spread = 0.40 * radius_m(place) * np.sqrt(np.pi * residents[index] / place.residents)
            centres = land.sites[index][None, :]
        else:
            centres = _inside(polygon, int(rng.integers(2, 5)), None, 0.0, rng)
            spread = 190.0
            hamlets.append(centres)
            hamlet_owners.extend([index] * len(centres))
        count = max(3, round(households[index] / _HOUSEHOLDS_PER_POSTCODE))
        where = _inside(polygon, count, centres, spread, rng)
        share = rng.gamma(4.0, 1.0, len(where))
        points.append(where)
        owners.extend([index] * len(where))
        weights.append(residents[index] * share / share.sum())
    everywhere: Floats = np.asarray(np.round(np.vstack(points)), dtype=np.float64)
    return Homes(
        points=everywhere,
        oa=np.array(owners, dtype=np.int64),
        residents=np.concatenate(weights),
        unit=_units(everywhere),
        hamlets=np.vstack(hamlets),
        hamlet_oa=np.array(hamlet_owners, dtype=np.int64),
    )


def _inside(
    polygon: object, count: int, centres: Floats | None, spread: float, rng: np.random.Generator
) -> Floats:
    """Return points inside a polygon: normal round the centres, or even over it where there are none."""
    left, bottom, right, top = shapely.bounds(polygon)
    found = np.empty((0, 2))
    for _ in range(40):
        if centres is None:
            draws = np.column_stack(
                [rng.uniform(left, right, 4 * count), rng.uniform(bottom, top, 4 * count)]
            )
        else:
            # One home in six stands alone, further out.
            reach = np.where(rng.uniform(size=4 * count) < 1.0 / 6.0, 2.4, 1.0) * spread
            draws = centres[rng.integers(0, len(centres), 4 * count)]
            draws = draws + rng.standard_normal((4 * count, 2)) * reach[:, None]
        # Rounded to whole metres as published, and still inside.
        draws = np.round(draws)
        draws = draws[shapely.contains_xy(polygon, draws)]
        # No two homes on one spot.
        found = np.vstack([found, draws])
        found = found[np.sort(np.unique(found, axis=0, return_index=True)[1])][:count]
        if len(found) == count:
            break
    return found


def _units(points: Floats) -> tuple[str, ...]:
    """Return a postcode for each point: districts of about 350 units from west to east, sectors within them."""
    letters = "ABDEFGHJLNPQRSTUWXYZ"
    rank = np.empty(len(points), dtype=np.int64)
    # Sorted along broad strips, so that neighbours mostly share a district.
    strip = np.floor(points[:, 0] / 9_000.0)
    rank[np.lexsort((points[:, 1] * (1 - 2 * (strip % 2)), strip))] = np.arange(len(points))
    units = []
    for number in rank.tolist():
        district, within = divmod(number, 360)
        sector, last = divmod(within, 40)
        second, first = divmod((last * 37 + sector * 11) % 400, 20)
        units.append(f"{_POSTCODE_AREA}{district + 1} {sector + 1}{letters[first]}{letters[second]}")
    return tuple(units)
