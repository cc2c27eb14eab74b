"""The made-up county's Census and mid-year tables, as Nomis publishes them in bulk and through its API."""

import re
from typing import Any

import numpy as np

from exclusion.demo.county import COUNTY_CODE, County, summed
from exclusion.demo.encoding import csv_bytes, zip_bytes
from exclusion.demo.land import Integers
from exclusion.demo.people import AGE_LOWER

_AGES = [
    "Aged 4 years and under"
    if low == 0
    else "Aged 85 years and over"
    if low == 85
    else f"Aged {low} to {low + 4} years"
    for low in AGE_LOWER
]
_SUFFIX = "; measures: Value"
# Tables whose headers carry the suffix and whose first columns are all in quotes, as published.
_WITH_SUFFIX = {"ts001", "ts003", "ts011", "ts041"}
# The published zips have members whose names were mistyped; TS011 shows the kind here.
_MISTYPED = {("ts011", "lsoa"): "lsoa.", ("ts011", "ltla"): "llta", ("ts011", "utla"): "ulta"}

_ACTIVE = "Economically active (excluding full-time students)"
_STUDENT = "Economically active and a full-time student"


def _activity_block(head: str) -> list[str]:
    """Return a block of TS066; some colons lack their space, as published."""
    return [
        f" {head}", f" {head}:In employment", f" {head}:In employment:Employee",
        f" {head}: In employment: Employee: Part-time", f" {head}: In employment: Employee: Full-time",
        f" {head}:In employment:Self-employed with employees",
        f" {head}: In employment: Self-employed with employees: Part-time",
        f" {head}: In employment: Self-employed with employees: Full-time",
        f" {head}:In employment:Self-employed without employees",
        f" {head}: In employment: Self-employed without employees: Part-time",
        f" {head}: In employment: Self-employed without employees: Full-time",
        f" {head}: Unemployed",
    ]  # fmt: skip


_NOT_DISABLED = "Not disabled under the Equality Act"
_NON_ENGLISH = "Main language is not English (English or Welsh in Wales)"
# Prefix of each table and its columns after the prefix, in published order; parents stand before their parts.
TABLES: dict[str, tuple[str, list[str]]] = {
    "ts001": ("Residence type", [" Total", " Lives in a household", " Lives in a communal establishment"]),
    "ts003": ("Household composition", [
        " Total", " One person household", " One person household: Aged 66 years and over", " One person household: Other",
        " Single family household", " Single family household: All aged 66 years and over",
        " Single family household: Married or civil partnership couple",
        " Single family household: Married or civil partnership couple: No children",
        " Single family household: Married or civil partnership couple: Dependent children",
        " Single family household: Married or civil partnership couple: All children non-dependent",
        " Single family household: Cohabiting couple family",
        " Single family household: Cohabiting couple family: No children",
        " Single family household: Cohabiting couple family: With dependent children",
        " Single family household: Cohabiting couple family: All children non-dependent",
        " Single family household: Lone parent family",
        " Single family household: Lone parent family: With dependent children",
        " Single family household: Lone parent family: All children non-dependent",
        " Single family household: Other single family household",
        " Single family household: Other single family household: Other family composition",
        " Other household types", " Other household types: With dependent children",
        " Other household types: Other, including all full-time students and all aged 66 years and over",
    ]),
    "ts007a": ("Age", [" Total", *(f" {age}" for age in _AGES)]),
    "ts011": ("Household deprivation", [
        " Total: All households", " Household is not deprived in any dimension", " Household is deprived in one dimension",
        " Household is deprived in two dimensions", " Household is deprived in three dimensions",
        " Household is deprived in four dimensions",
    ]),
    "ts029": ("Proficiency in English language", [
        " Total: All usual residents aged 3 years and over",
        " Main language is English (English or Welsh in Wales)", f" {_NON_ENGLISH}",
        f" {_NON_ENGLISH}: Can speak English very well", f" {_NON_ENGLISH}: Can speak English well",
        f" {_NON_ENGLISH}: Cannot speak English well", f" {_NON_ENGLISH}: Cannot speak English",
    ]),
    "ts037": ("General health", [
        " Total: All usual residents", " Very good health", " Good health", " Fair health", " Bad health", " Very bad health",
    ]),
    "ts038": ("Disability", [
        " Total: All usual residents", " Disabled under the Equality Act",
        " Disabled under the Equality Act: Day-to-day activities limited a lot",
        " Disabled under the Equality Act: Day-to-day activities limited a little",
        f" {_NOT_DISABLED}",
        f" {_NOT_DISABLED}: Has long term physical or mental health condition but day-to-day activities are not limited",
        f" {_NOT_DISABLED}: No long term physical or mental health conditions",
    ]),
    "ts041": ("Number of households", [" Number of households"]),
    "ts044": ("Accommodation type", [
        " Total: All households", " Detached", " Semi-detached", " Terraced",
        " In a purpose-built block of flats or tenement", " Part of a converted or shared house, including bedsits",
        " Part of another converted building, for example, former school, church or warehouse",
        " In a commercial building, for example, in an office building, hotel or over a shop",
        " A caravan or other mobile or temporary structure",
    ]),
    "ts045": ("Number of cars or vans", [
        " Total: All households", " No cars or vans in household", " 1 car or van in household",
        " 2 cars or vans in household", " 3 or more cars or vans in household",
    ]),
    "ts054": ("Tenure of household", [
        " Total: All households", " Owned", " Owned: Owns outright", " Owned: Owns with a mortgage or loan",
        " Shared ownership", " Shared ownership: Shared ownership", " Social rented",
        " Social rented: Rents from council or Local Authority", " Social rented: Other social rented", " Private rented",
        " Private rented: Private landlord or letting agency", " Private rented: Other private rented", " Lives rent free",
    ]),
    "ts062": ("National Statistics Socio-economic Classification (NS-SEC)", [
        " Total: All usual residents aged 16 years and over",
        " L1, L2 and L3 Higher managerial, administrative and professional occupations",
        " L4, L5 and L6 Lower managerial, administrative and professional occupations",
        " L7 Intermediate occupations", " L8 and L9 Small employers and own account workers",
        " L10 and L11 Lower supervisory and technical occupations", " L12 Semi-routine occupations",
        " L13 Routine occupations", " L14.1 and L14.2 Never worked and long-term unemployed", " L15 Full-time students",
    ]),
    "ts063": ("Occupation (current)", [
        " Total: All usual residents aged 16 years and over in employment the week before the census",
        " 1. Managers, directors and senior officials", " 2. Professional occupations",
        " 3. Associate professional and technical occupations", " 4. Administrative and secretarial occupations",
        " 5. Skilled trades occupations", " 6. Caring, leisure and other service occupations",
        " 7. Sales and customer service occupations", " 8. Process, plant and machine operatives",
        " 9. Elementary occupations",
    ]),
    "ts065": ("Unemployment history", [
        " Total: All usual residents aged 16 years and over not in employment the week before the census",
        " Not in employment: Worked in the last 12 months", " Not in employment: Not worked in the last 12 months",
        " Not in employment: Never worked",
    ]),
    "ts066": ("Economic activity status", [
        " Total: All usual residents aged 16 years and over", *_activity_block(_ACTIVE), *_activity_block(_STUDENT),
        " Economically inactive", " Economically inactive: Retired", " Economically inactive: Student",
        " Economically inactive: Looking after home or family", " Economically inactive: Long-term sick or disabled",
        " Economically inactive: Other",
    ]),
    "ts067": ("Highest level of qualification", [
        " Total: All usual residents aged 16 years and over", " No qualifications",
        " Level 1 and entry level qualifications", " Level 2 qualifications", " Apprenticeship", " Level 3 qualifications",
        " Level 4 qualifications and above", " Other qualifications",
    ]),
    "ts068": ("Schoolchild or full-time student indicator", [
        " Total: All usual residents aged 5 years and over", " Student", " Not a student",
    ]),
}  # fmt: skip


def leaf_counts(county: County, table: str) -> Integers:
    """Return the unperturbed leaf counts of a table by output area, (n, k)."""
    people = county.people
    if table == "ts001":
        return np.column_stack([people.residents - people.communal, people.communal])
    if table == "ts041":
        return people.households[:, None]
    if table == "ts007a":
        return people.ages
    return np.asarray(getattr(people, table))


def bulk_zip(county: County, table: str) -> bytes:
    """Return the bulk zip of a Census table with a member for each level and the metadata."""
    prefix, columns = TABLES[table]
    suffix = _SUFFIX if table in _WITH_SUFFIX else ""
    header = ["date", "geography", "geography code", *(f"{prefix}:{column}{suffix}" for column in columns)]
    leaves = leaf_counts(county, table)
    # Each table and level is perturbed by itself, as cell keys do; the table's number keeps the draws apart.
    stream = int(re.sub(r"\D", "", table)) * 10 + len(table)
    members = {}
    for number, (level, names, codes, group) in enumerate(_levels(county)):
        counts = summed(leaves, group, len(codes))
        rng = np.random.default_rng([county.seed, 700, stream, number])
        full = _with_parents(_perturbed(counts, rng), columns)
        date: Any = "2021" if suffix else 2021
        rows = [(date, name, code, *row) for name, code, row in zip(names, codes, full.tolist(), strict=True)]
        name = _MISTYPED.get((table, level), level)
        members[f"census2021-{table}-{name}.csv"] = csv_bytes(
            [header, *rows], newline="\n", is_quoted=bool(suffix)
        )
    about = f"{table.upper()} - {prefix}\nDemonstration data: not a real place\n"
    members[f"metadata/{table}-2021-1.txt"] = about.encode()
    return zip_bytes(members)


def _levels(county: County) -> list[tuple[str, list[str], list[str], Integers]]:
    """Return level, names, codes and the group of each output area, coarsest first."""
    lsoa = county.nesting.lsoa
    everywhere = np.zeros(len(lsoa), dtype=np.int64)
    oa = np.argsort(np.argsort(np.array(county.oa_code)))
    code, name = county.region
    return [
        ("ctry", ["England"], ["E92000001"], everywhere),
        ("rgn", [name], [code], everywhere),
        ("utla", [county.name], [COUNTY_CODE], everywhere),
        ("ltla", county.district_name, county.district_code, county.nesting.district[lsoa]),
        ("msoa", county.msoa_name, county.msoa_code, county.nesting.msoa[lsoa]),
        ("lsoa", county.lsoa_name, county.lsoa_code, lsoa),
        ("oa", sorted(county.oa_code), sorted(county.oa_code), oa),
    ]


def _perturbed(counts: Integers, rng: np.random.Generator) -> Integers:
    """Return counts of which some are off by one or two, none below 0 and no zero made up."""
    shift = rng.choice([-2, -1, 0, 1, 2], size=counts.shape, p=[0.03, 0.12, 0.70, 0.12, 0.03])
    return np.where(counts > 2, counts + shift, counts)


def _with_parents(leaves: Integers, columns: list[str]) -> Integers:
    """Return all published columns: leaves in order, and each parent and the total as the sum of its leaves."""
    names = [re.sub(r":\s*", ": ", column.strip()) for column in columns]
    is_total = [name.split(":")[0] == "Total" for name in names]
    parts = [
        [j for j, other in enumerate(names) if other.startswith(f"{name}: ") and not is_total[j]]
        for name in names
    ]
    is_leaf = [not parts[i] and not is_total[i] for i in range(len(names))]
    if sum(is_leaf) != leaves.shape[1]:
        raise AssertionError(f"{sum(is_leaf)} leaf columns for {leaves.shape[1]} counts in {columns[0]}")
    place = dict(zip([i for i, leaf in enumerate(is_leaf) if leaf], range(leaves.shape[1]), strict=True))
    out = np.empty((len(leaves), len(names)), dtype=np.int64)
    for i in range(len(names)):
        if is_total[i]:
            chosen = list(place.values())
        else:
            chosen = [place[i]] if i in place else [place[j] for j in parts[i] if j in place]
        out[:, i] = leaves[:, chosen].sum(axis=1)
    return out


def mid_year(county: County) -> bytes:
    """Return mid-year estimates by age of LSOAs 2021 as a Nomis dataset: a little later, a little older."""
    ages = county.by_lsoa(county.people.ages)
    rng = np.random.default_rng([county.seed, 710])
    grown = np.round(
        ages * (1.012 + rng.normal(0.0, 0.012, (len(ages), 1)) + 0.004 * (np.arange(18) >= 13))
    ).astype(int)
    return _by_age_code(county.lsoa_code, county.lsoa_name, grown, "2024", rng)


def mid_2020_lsoa11(county: County) -> bytes:
    """Return mid-2020 estimates by age of LSOAs 2011 as a Nomis dataset."""
    used = county.lsoa11_in_use
    ages = summed(county.people.ages, county.nesting.lsoa11, len(county.lsoa11_code))[used]
    rng = np.random.default_rng([county.seed, 711])
    shrunk = np.round(ages * (0.994 + rng.normal(0.0, 0.010, (len(ages), 1)))).astype(int)
    codes = [county.lsoa11_code[i] for i in used]
    return _by_age_code(codes, [county.lsoa11_name[i] for i in used], shrunk, "2020", rng)


def _by_age_code(
    codes: list[str], names: list[str], ages: Integers, year: str, rng: np.random.Generator
) -> bytes:
    """Return long rows of all ages, 0 to 15, 16 and over, 16 to 17, 65 and over, and single years."""
    single = _single_years(ages, rng)
    bands = {
        200: ("All ages", single.sum(axis=1)), 201: ("Aged 0 to 15", single[:, :16].sum(axis=1)),
        202: ("Aged 16+", single[:, 16:].sum(axis=1)), 204: ("Aged 16 to 17", single[:, 16:18].sum(axis=1)),
        209: ("Aged 65+", single[:, 65:].sum(axis=1)),
    }  # fmt: skip
    bands |= {101 + age: (f"Age {age}{'+' if age == 90 else ''}", single[:, age]) for age in range(91)}
    rows = [
        (year, code, name, age, label, int(values[i]), "Normal Value")
        for i, (code, name) in enumerate(zip(codes, names, strict=True))
        for age, (label, values) in sorted(bands.items())
    ]
    header = (
        "DATE",
        "GEOGRAPHY_CODE",
        "GEOGRAPHY_NAME",
        "C_AGE",
        "C_AGE_NAME",
        "OBS_VALUE",
        "OBS_STATUS_NAME",
    )
    return csv_bytes([header, *rows], newline="\n")


def _single_years(ages: Integers, rng: np.random.Generator) -> Integers:
    """Return residents by single year, 0 to 90 and over, that add up to the bands."""
    parts = []
    for band, low in enumerate(AGE_LOWER):
        years = 6 if low == 85 else 5
        share = np.array([0.22, 0.2, 0.17, 0.14, 0.11, 0.16]) if low == 85 else np.full(5, 0.2)
        parts.append(rng.multinomial(ages[:, band], share[:years] / share[:years].sum()))
    return np.column_stack(parts)
