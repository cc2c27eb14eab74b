"""The Indices of Deprivation and what is known of going online, in the layouts of MHCLG and the ONS."""

from typing import Any

import numpy as np

from exclusion.demo.county import County
from exclusion.demo.encoding import csv_bytes, workbook_bytes
from exclusion.demo.names import DISTRICTS

_RATES = {
    "Income", "Employment", "Income Deprivation Affecting Children Index (IDACI)",
    "Income Deprivation Affecting Older People (IDAOPI)",
}  # fmt: skip
# The district whose areas the made-up propensity file leaves out, as the real one leaves out whole councils.
LEFT_OUT = 1
# File 8 by sheet: column header and the indicator it holds.
_FILE8 = {
    "IoD2025 Education Domain": {
        "Adult skills and English language proficiency indicator": "adult_skills_and_english_language_proficiency_indicator",
        "Entry to higher education indicator": "entry_to_higher_education_indicator",
    },
    "IoD2025 Barriers Domain": {
        "Connectivity score": "connectivity_score",
        "Digital connectivity (broadband download and upload speeds)": "digital_connectivity_broadband_download_and_upload_speeds",
        "Core homelessness rate (percent of households)": "core_homelessness_rate_percent_of_households",
        "Patient to GP ratio": "patient_to_gp_ratio",
    },
}  # fmt: skip


def _area(county: County, i: int) -> tuple[str, str, str, str]:
    d = int(county.nesting.district[i])
    return county.lsoa_code[i], county.lsoa_name[i], county.district_code[d], county.district_name[d]


_AREA_HEADER = (
    "LSOA code (2021)", "LSOA name (2021)", "Local Authority District code (2024)", "Local Authority District name (2024)",
)  # fmt: skip


def file7(county: County) -> bytes:
    """Return File 7: scores, ranks and deciles, sub-domains and population denominators."""
    header: list[str] = list(_AREA_HEADER)
    columns: list[Any] = []
    for name, index in county.deprivation.indices.items():
        header += [
            f"{name} Score{' (rate)' if name in _RATES else ''}",
            f"{name} Rank (where 1 is most deprived)",
            f"{name} Decile (where 1 is most deprived 10% of LSOAs)",
        ]
        columns += [index.score.tolist(), index.rank.tolist(), index.decile.tolist()]
    ages = county.by_lsoa(county.people.ages)
    header += [
        "Total population: mid 2022", "Dependent Children aged 0-15: mid 2022", "Older population aged 60 and over: mid 2022",
    ]  # fmt: skip
    columns += [
        ages.sum(axis=1).tolist(),
        ages[:, :3].sum(axis=1).tolist(),
        ages[:, 12:].sum(axis=1).tolist(),
    ]
    rows = [(*_area(county, i), *(column[i] for column in columns)) for i in range(county.lsoa_count)]
    return csv_bytes([header, *rows], has_bom=True)


def file8(county: County) -> bytes:
    """Return File 8: a sheet of notes and a sheet for each of three domains; small numerators are blank."""
    sheets: dict[str, list[Any]] = {
        "Notes": [
            ("English Indices of Deprivation 2025: underlying indicators",),
            ("Demonstration data: not a real place",),
        ]
    }
    income = county.deprivation.indices["Income"].score
    children = county.deprivation.indices["Income Deprivation Affecting Children Index (IDACI)"].score
    ages = county.by_lsoa(county.people.ages)
    young = ages[:, :3].sum(axis=1)
    poor = np.round(income * ages.sum(axis=1) / 5.0).astype(int) * 5
    poor_young = np.round(children * young / 5.0).astype(int) * 5
    sheets["IoD2025 Income Domain"] = [
        (
            *_AREA_HEADER,
            "Income Domain numerator",
            "Income Deprivation Affecting Children Index (IDACI) numerator",
        ),
        *(
            (*_area(county, i), int(poor[i]), int(poor_young[i]) if poor_young[i] > 10 else None)
            for i in range(county.lsoa_count)
        ),
    ]
    for sheet, wanted in _FILE8.items():
        values = [county.deprivation.indicators[name].tolist() for name in wanted.values()]
        sheets[sheet] = [
            (*_AREA_HEADER, *wanted),
            *((*_area(county, i), *(column[i] for column in values)) for i in range(county.lsoa_count)),
        ]
    return workbook_bytes(sheets)


def digital_propensity(county: County) -> bytes:
    """Return the Digital Propensity Index by LSOA 2011, one district left out; the score has one decimal."""
    rows: list[tuple[Any, ...]] = [("LSOAcode", "Region", "Local Authority name", "Score")]
    district_of = {old: int(county.nesting.district[new]) for old, new in county.exact_fit}
    for old in county.lsoa11_in_use:
        if district_of[old] != LEFT_OUT:
            score = round(100.0 - float(county.offline_share_pct[old]), 1)
            rows.append(
                (county.lsoa11_code[old], county.region[1], DISTRICTS[district_of[old]].name, f"{score:.1f}")
            )
    return csv_bytes(rows, newline="\n")


# No region of the European statistics has the letter X.
_NUTS = "UKX"
_BANDS = ("16-24", "25-34", "35-44", "45-54", "55-64", "65-74", "75+")
# Thousands of adults and the share that never went online in 2020, by band; made up, of the size of a nation.
_ADULTS = (6_900, 8_950, 8_430, 8_910, 8_400, 6_750, 5_650)
_NEVER_2020 = (0.3, 0.4, 0.6, 1.6, 4.4, 12.6, 37.5)
_LAPSED_2020 = (0.2, 0.2, 0.4, 0.7, 1.7, 3.6, 7.6)
_HEADS = ("Used in the last 3 months", "Used over 3 months ago", "Never used")
_SCOPE = "Persons aged 16 years and over"


def internet_users(county: County) -> bytes:
    """Return the Internet users workbook in the layout of 2020: contents and 20 tables, thousands and per cent."""
    sheets: dict[str, list[list[Any]]] = {}
    contents: list[list[Any]] = [
        [],
        [None, "Press this symbol within the tables to return to contents page."],
        [],
        [],
        [],
    ]
    contents += [["Internet Users, 2020: Demonstration data: not a real place"], [], []]
    for number, (title, years, lead, groups) in enumerate(_tables(county), start=1):
        for letter, unit in (("a", "Thousands"), ("b", "%")):
            label = f"TABLE {number}{letter.upper()}: {title.upper()}"
            sheets[f"{number}{letter}"] = _sheet(label, unit, years, lead, groups, has_limits=number >= 8)
            contents.append([f"Table {number}{letter.upper()}{' (%)' if unit == '%' else ''}", title])
    return workbook_bytes({"Contents": contents, **sheets})


def _row(
    labels: list[Any], adults: float, never: float, lapsed: float
) -> tuple[list[Any], float, float, float]:
    return labels, adults, never, lapsed


def _county_figures(county: County) -> tuple[float, float]:
    """Return thousands of adults, and the share that never went online as the hidden truth has it."""
    size = np.bincount(county.nesting.lsoa11, county.people.adults, len(county.offline_share_pct))
    return float(size.sum() / 1000.0), float(np.average(county.offline_share_pct, weights=size))


def _tables(county: County) -> list[tuple[str, list[int], int, list[Any]]]:
    """Return title, years, number of label columns and groups of rows of each table."""
    years = list(range(2013, 2021))
    later = years[1:]
    total = float(sum(_ADULTS))
    never = sum(a * s for a, s in zip(_ADULTS, _NEVER_2020, strict=True)) / total
    lapsed = sum(a * s for a, s in zip(_ADULTS, _LAPSED_2020, strict=True)) / total
    bands = list(zip(_BANDS, _ADULTS, _NEVER_2020, _LAPSED_2020, strict=True))
    ages = [[_row(["All adults", None], total, never, lapsed)], [["Age group (years)"]] + [
        _row([name, None], a, n, la) for name, a, n, la in bands
    ]]  # fmt: skip
    sexes = [
        [
            _row([name, "Men"], a * 0.49, n * 0.92, la * 0.95),
            _row([None, "Women"], a * 0.51, n * 1.08, la * 1.05),
        ]
        for name, a, n, la in [("All ", total, never, lapsed), *bands]
    ]
    sick = (0.16, 0.14, 0.16, 0.2, 0.26, 0.32, 0.48)
    disability = [
        [
            _row(["All", "Equality Act Disabled1", None], total * 0.22, never * 2.4, lapsed * 2.1),
            _row([None, "Not Equality Act Disabled2", None], total * 0.78, never * 0.6, lapsed * 0.7),
        ]
    ] + [
        [
            _row([name, "Equality Act Disabled", None], a * s, n * 1.55, la * 1.4),
            _row(
                [None, "Not Equality Act Disabled", None],
                a * (1 - s),
                n * (1 - 1.55 * s) / (1 - s),
                la * (1 - 1.4 * s) / (1 - s),
            ),
        ]
        for (name, a, n, la), s in zip(bands, sick, strict=True)
    ]
    ethnic = [[_row([name, None], total * share, never * by, lapsed * by) for name, share, by in (
        ("White", 0.88, 1.06), ("Mixed/multiple ethnic background", 0.012, 0.2), ("Indian", 0.024, 0.7),
        ("Pakistani", 0.016, 0.9), ("Bangladeshi", 0.007, 0.8), ("Chinese", 0.005, 0.4),
        ("Other Asian background", 0.012, 0.6), ("Black/African/Caribbean/black British", 0.03, 0.7),
        ("Other ethnic group", 0.014, 0.8),
    )]]  # fmt: skip
    local_adults, local_never = _county_figures(county)
    # Every region of the survey has a row: its code as published, no real name, and a figure of no real region.
    regions = [
        [
            _row(
                [f"UK{letter}", f"Made-up region {letter}", None],
                total / 12.0,
                never * (0.75 + 0.05 * i),
                lapsed * (0.8 + 0.04 * i),
            )
        ]
        for i, letter in enumerate("CDEFGHIJKLMN")
    ]
    places = [
        [_row([None, "UK", None], total, never, lapsed)],
        *regions,
        [
            _row([_NUTS, county.region[1], None], local_adults, local_never, lapsed),
            _row([f"{_NUTS}1", county.name, None], local_adults, local_never, lapsed),
        ],
    ]
    work = [[_row([name, None], total * share, never * by, lapsed * by) for name, share, by in (
        ("Employed", 0.52, 0.12), ("Self-employed", 0.09, 0.25), ("Government employment & training programmes", 0.001, 0.1),
        ("Unpaid family worker", 0.002, 0.8), ("Unemployed", 0.026, 0.3), ("Student", 0.043, 0.08), ("Retired", 0.22, 3.6),
        ("Inactive", 0.098, 1.4),
    )]]  # fmt: skip
    limits = [[_row(["All"], total, never, lapsed)], [_row([name], a, n, la) for name, a, n, la in bands]]
    return [
        ("Recent and lapsed internet users and internet non-users, UK, 2013 to 2020", years, 2, ages),
        ("Recent and lapsed internet users and internet non-users, by age group (years) and sex, UK, 2013 to 2020", years, 2, sexes),
        ("Recent and lapsed internet users and internet non-users, by age group (years) and disability, UK, 2014 to 2020", later, 3, disability),
        ("Recent and lapsed internet users and internet non-users, by ethnic group, UK, 2013 to 2020", years, 2, ethnic),
        ("Recent and lapsed internet users and internet non-users, by geographical location, UK, 2014 to 2020", later, 3, places),
        ("Recent and lapsed internet users and internet non-users, by low level geographical location, UK, 2014 to 2020", later, 3, places),
        ("Recent and lapsed internet users and internet non-users, by economic activity1, UK, 2011 to 2020", list(range(2011, 2021)), 2, work),
        ("Internet non users: 95% confidence intervals, UK, 2020", [2020], 1, limits),
        ("Lapsed internet users and internet non-users: 95% confidence intervals by low level geographical location, UK, 2020", [2020], 2,
         [[_row([f"{_NUTS}1", county.name], local_adults, local_never, lapsed)]]),
        ("Recent and lapsed internet users and internet non-users: 95% confidence intervals, by ethnic group, UK, 2020", [2020], 2, ethnic),
    ]  # fmt: skip


def _sheet(
    title: str, unit: str, years: list[int], lead: int, groups: list[list[Any]], *, has_limits: bool
) -> list[list[Any]]:
    """Return the cells of one table: title, scope and unit, heads, years, and groups with a blank row between."""
    if has_limits:
        return _limits_sheet(title, unit, lead, groups)
    is_merged = any(key in title for key in ("LOW LEVEL", "ECONOMIC"))
    heads = [_HEADS[0], "Used over 3 months ago/Never used"] if is_merged else list(_HEADS)
    width = lead + len(heads) * (len(years) + 1) - 1
    top: list[Any] = [None] * width
    below: list[Any] = [None] * width
    below[0] = "NUTS Code" if "GEOGRAPHICAL" in title else None
    for block, head in enumerate(heads):
        start = lead + block * (len(years) + 1)
        top[start] = head
        below[start : start + len(years)] = years
    cells: list[list[Any]] = [[title], [_SCOPE, *[None] * (width - 2), unit], top, below, []]
    for group in groups:
        cells += [list(e) if isinstance(e, list) else _series(e, years, len(heads), unit) for e in group]
        cells.append([])
    return [*cells, ["Source: demonstration data: not a real place"]]


def _series(
    entry: tuple[list[Any], float, float, float], years: list[int], heads: int, unit: str
) -> list[Any]:
    """Return labels and one block a head; a series starts late where it is not to be had (`-`)."""
    labels, adults, never_2020, lapsed_2020 = entry
    blocks: list[list[Any]] = [[] for _ in range(heads)]
    for year in years:
        back = 2020 - year
        never = min(never_2020 * 1.13**back, 92.0)
        lapsed = min(lapsed_2020 * 1.05**back, 7.5)
        shares = (
            [100.0 - never - lapsed, lapsed, never]
            if heads == 3
            else [100.0 - never - lapsed, lapsed + never]
        )
        size = adults * (1.0 - 0.006 * back)
        for block, share in zip(blocks, shares, strict=True):
            value = round(share, 1) if unit == "%" else round(size * share / 100.0)
            block.append("-" if unit != "%" and value == 0 else value)
    out = list(labels)
    for number, block in enumerate(blocks):
        out += ([None] if number else []) + block
    return out


def _limits_sheet(title: str, unit: str, lead: int, groups: list[list[Any]]) -> list[list[Any]]:
    """Return a table of 95% limits for 2020; a limit below nothing is `-`."""
    cells: list[list[Any]] = [
        [title], [_SCOPE, *[None] * (lead + 1), unit], [*[None] * lead, "Never used the internet"],
        [*[None] * lead, "Lower limit", "Survey estimate", "Upper limit"], [],
    ]  # fmt: skip
    for group in groups:
        for labels, adults, never, _ in group:
            estimate = never if unit == "%" else adults * never / 100.0
            spread = 1.96 * np.sqrt(max(never, 0.1) * (100.0 - never) / max(adults * 1.5, 10.0))
            spread = float(spread if unit == "%" else spread * adults / 100.0)
            digits = 1 if unit == "%" else 0
            low = round(estimate - spread, digits)
            cells.append(
                [*labels, low if low > 0 else "-", round(estimate, digits), round(estimate + spread, digits)]
            )
        cells.append([])
    return cells
