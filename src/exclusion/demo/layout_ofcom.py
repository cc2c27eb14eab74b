"""Ofcom's Connected Nations files of the made-up county: archives in archives, counts and percentages that agree."""

import math
from typing import Any

import numpy as np

from exclusion.demo.county import County, summed
from exclusion.demo.encoding import csv_bytes, zip_bytes
from exclusion.demo.land import Integers

# The columns of Ofcom's files by output area, in their order.
SHARES = (
    "SFBB availability (% premises)", "UFBB (100Mbit/s) availability (% premises)", "UFBB availability (% premises)",
    "Gigabit availability (% premises)", "% of premises with NGA",
    "% of premises unable to receive decent broadband from fixed or FWA",
    "% of premises able to receive decent broadband from FWA", "% of premises unable to receive 2Mbit/s",
    "% of premises unable to receive 5Mbit/s", "% of premises unable to receive 10Mbit/s",
    "% of premises unable to receive 30Mbit/s", "% of premises with 0<2Mbit/s download speed",
    "% of premises with 2<5Mbit/s download speed", "% of premises with 5<10Mbit/s download speed",
    "% of premises with 10<30Mbit/s download speed", "% of premises with 30<300Mbit/s download speed",
    "% of premises with >=300Mbit/s download speed",
)  # fmt: skip
COUNTS = tuple(
    "Number of premises with " + p.removesuffix(" (% premises)") if p.endswith("(% premises)")
    else p.replace("% of premises", "Number of premises")
    for p in SHARES
)  # fmt: skip
# The council file of 2024 is a generation older: other order, the USO column, full fibre, no 30<300 band.
_LAUA = (
    ("SFBB availability", 0), ("UFBB (100Mbit/s) availability", 1), ("UFBB availability", 2),
    ("Full Fibre availability", 17), ("Gigabit availability", 3),
)  # fmt: skip
_LAUA_PLAIN = (
    ("unable to receive 2Mbit/s", 7), ("unable to receive 5Mbit/s", 8), ("unable to receive 10Mbit/s", 9),
    ("unable to receive 30Mbit/s", 10), ("below the USO", 5), ("with NGA", 4),
    ("able to receive decent broadband from FWA", 6), ("with 0<2Mbit/s download speed", 11),
    ("with 2<5Mbit/s download speed", 12), ("with 5<10Mbit/s download speed", 13), ("with 10<30Mbit/s download speed", 14),
    ("with 30<300Mbit/s download speed", 15), ("with >=300Mbit/s download speed", 16),
)  # fmt: skip


def _counts(steps: Integers, fwa: Integers, undecent: Integers) -> Integers:
    """Return the 17 published counts by output area, and full fibre as an eighteenth."""
    up = steps[:, ::-1].cumsum(axis=1)[:, ::-1]
    matched = up[:, 0]
    return np.column_stack(
        [
            up[:, 5], up[:, 6], up[:, 7], up[:, 8], up[:, 4], undecent, fwa, matched - up[:, 1], matched - up[:, 2],
            matched - up[:, 3], matched - up[:, 5], steps[:, 0], steps[:, 1], steps[:, 2], steps[:, 3] + steps[:, 4],
            up[:, 5] - up[:, 7], up[:, 7], np.floor(up[:, 8] * 0.97).astype(int),
        ]
    )  # fmt: skip


def _share(count: int, premises: int) -> float:
    """Return a percentage with one decimal, halves up, as published; 0 without premises."""
    return math.floor(1000.0 * count / premises + 0.5) / 10.0 if premises else 0.0


def _oa_rows(county: County, *, is_residential: bool) -> list[tuple[Any, ...]]:
    c = county.connection
    if is_residential:
        premises, matched = c.residential_premises, c.residential_matched
        counts = _counts(c.residential_steps, c.residential_fwa, c.residential_undecent)
    else:
        premises, matched, counts = c.premises, c.matched, _counts(c.steps, c.fwa, c.undecent)
    rows: list[tuple[Any, ...]] = [("output_area", "All Premises", "All Matched Premises", *SHARES, *COUNTS)]
    for oa in sorted(range(len(county.oa_code)), key=county.oa_code.__getitem__):
        # An output area without residential premises has no row in the residential file.
        if premises[oa] == 0:
            continue
        own = counts[oa, :17].tolist()
        total = int(premises[oa])
        rows.append((county.oa_code[oa], total, int(matched[oa]), *(_share(n, total) for n in own), *own))
    return rows


def coverage(county: County) -> bytes:
    """Return the fixed coverage archive of January 2026: an archive of archives with BOMs and CRLF."""
    oa = {
        f"202601_fixed_oa_coverage_r1/202601_fixed_oa{res}_coverage_r1.csv": csv_bytes(
            _oa_rows(county, is_residential=bool(res)), has_bom=True
        )
        for res in ("", "_res")
    }
    council = csv_bytes(_council_rows(county, code="laua"))
    return zip_bytes(
        {
            "202601_fixed_coverage_r1/202601_fixed_oa_coverage_r1.zip": zip_bytes(oa),
            "202601_fixed_coverage_r1/202601_fixed_laua_coverage_r1.zip": zip_bytes(
                {"202601_fixed_laua_coverage_r1/202601_fixed_laua_coverage_r1.csv": council}
            ),
        }
    )


def council_coverage(county: County) -> bytes:
    """Return the coverage of councils and constituencies of July 2024."""
    rows = _council_rows(county, code="laua")
    constituencies = [tuple("pcon" + h[4:] if h.startswith("laua") else h for h in rows[0]), *rows[1:3]]
    constituencies[1:] = [
        (f"E149000{i}1", f"{row[1]} AND THE SHIRE", *row[2:]) for i, row in enumerate(rows[1:3])
    ]
    return zip_bytes(
        {
            "202407_fixed_coverage_uk_nations_laua_pcon_r01/202407_fixed_laua_coverage_r01.csv": csv_bytes(
                rows
            ),
            "202407_fixed_coverage_uk_nations_laua_pcon_r01/202407_fixed_pcon_coverage_r01.csv": csv_bytes(
                constituencies
            ),
        }
    )


def _council_rows(county: County, *, code: str) -> list[tuple[Any, ...]]:
    c = county.connection
    group = county.nesting.district[county.nesting.lsoa]
    size = len(county.district_code)
    counts = summed(_counts(c.steps, c.fwa, c.undecent), group, size)
    premises, matched = summed(c.premises, group, size), summed(c.matched, group, size)
    header = (
        code, f"{code}_name", "All Premises", "All Matched Premises",
        *(f"{name} (% premises)" for name, _ in _LAUA), *(f"% of premises {name}" for name, _ in _LAUA_PLAIN),
        *(f"Number of premises with {name}" for name, _ in _LAUA), *(f"Number of premises {name}" for name, _ in _LAUA_PLAIN),
    )  # fmt: skip
    order = [place for _, place in (*_LAUA, *_LAUA_PLAIN)]
    rows: list[tuple[Any, ...]] = [header]
    for i, lad in enumerate(county.district_code):
        own = counts[i, order].tolist()
        total = int(premises[i])
        rows.append(
            (
                lad,
                county.district_name[i].upper(),
                total,
                int(matched[i]),
                *(_share(n, total) for n in own),
                *own,
            )
        )
    return rows


def performance(county: County) -> bytes:
    """Return the performance archive of July 2025: one file in cp1252, blank where a band has too few lines."""
    bands = ("<10Mbit/s", "10<30Mbit/s", "30<100Mbit/s", "100<300Mbit/s", "300<900Mbit/s", ">=900Mbit/s")
    header = (
        "output_area",
        *(f"Average max download speed (Mbit/s) for lines {band}" for band in bands),
        *(f"Average max upload speed (Mbit/s) for lines {band}" for band in bands),
    )
    rows: list[tuple[Any, ...]] = [header]
    speed = county.connection.download
    for oa in sorted(range(len(county.oa_code)), key=county.oa_code.__getitem__):
        down = [None if np.isnan(v) else float(v) for v in speed[oa]]
        if any(v is not None for v in down):
            rows.append(
                (county.oa_code[oa], *down, *(None if v is None else round(v * 0.21, 1) for v in down))
            )
    name = "202507_fixed_performance_r01/202507_fixed_performance_oa_r01.csv"
    return zip_bytes({name: csv_bytes(rows, encoding="cp1252")})


def mobile(county: County) -> bytes:
    """Return the mobile archive of July 2025: shares of premises and ground by number of operators; blank is 0."""
    kinds = [
        f"{g}_high_confidence_{place}" for g in ("4G", "5G") for place in ("prem_in", "prem_out", "geo_out")
    ]
    header = ("laua", "laua_name", *(f"{kind}_{n}" for kind in kinds for n in range(5)))
    rng = np.random.default_rng([county.seed, 720])
    rows: list[tuple[Any, ...]] = [header]
    group = county.nesting.district[county.nesting.lsoa]
    rural = summed(county.people.rural, group, len(county.district_code)) / np.bincount(group)
    for i, lad in enumerate(county.district_code):
        cells: list[Any] = []
        for number, kind in enumerate(kinds):
            reach = 0.97 - 0.22 * rural[i] * (1.4 if "geo" in kind else 1.0) - (0.3 if number > 2 else 0.0)
            weight = rng.gamma([0.3, 0.5, 1.0, 3.0, 12.0]) * [1 - reach, 1 - reach, 0.4, 0.6, reach]
            share = np.floor(1000.0 * weight / weight.sum()) / 10.0
            share[4] = round(100.0 - float(share[:4].sum()), 1)
            cells += [None if v < 0.05 else round(float(v), 1) for v in share]
        rows.append((lad, county.district_name[i].upper(), *cells))
    name = "202507_mobile_coverage_r01/202507_mobile_coverage_laua_r01.csv"
    return zip_bytes({name: csv_bytes(rows, has_bom=True)})
