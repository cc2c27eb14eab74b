"""Residents between censuses: Nomis mid-year estimates, the ONS workbook, and single years of age for LSOA 2011."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exclusion.sources.contracts import Contract, Rule, code, count, fail, finish
from exclusion.sources.readers_sheets import find_header, open_workbook, sheet_rows
from exclusion.sources.readers_text import TextFile, field, load_text, read_columns, read_places, resolve

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# Nomis codes of age: 200 all, 201 0-15, 204 16-17, 202 16 and over, 209 65 and over; 101... single years from 0.
_AGES = {
    "200": "residents", "201": "age_0_15", "202": "age_16plus", "203": "age_16_64", "204": "age_16_17", "209": "age_65plus",
}  # fmt: skip
_OLDEST = 90
_AREA_KEYS = {"lsoa21cd": ("lsoa", 2021), "lsoa11cd": ("lsoa", 2011)}


def read_nomis_mid_year_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read mid-year estimates by age from the Nomis API (long CSV, pages put together) as one row an area.

    Returns the key (`lsoa21cd` or `lsoa11cd` by the catalogue), `year`, `residents, age_0_15, age_65plus, ...` for
    the age codes asked for (single years as `age_<n>`), and `age_16plus` = residents less `age_0_15`; on LSOA 2011
    `residents_2020` and `age2020_<n>`, as in the single-year table. A suppressed or missing estimate is null with its reason beside it. ContractError where the file is empty or a header only
    (what Nomis answers to a mistyped parameter), a row stands twice, there are fewer rows than RECORD_COUNT says,
    or an area lacks an age.
    """
    file = load_text(path, source)
    key = source.key[0]
    long = read_columns(
        file,
        {
            "date": field("DATE", "DATE_NAME"),
            key: field("GEOGRAPHY_CODE"),
            "age": field("C_AGE", "AGE", kind="integer"),
            "value": field("OBS_VALUE", kind="number"),
            "status": field("OBS_STATUS_NAME", "OBS_STATUS", is_optional=True),
            "records": field("RECORD_COUNT", kind="integer", is_optional=True),
        },
        source,
    )
    if long.empty:
        raise fail(
            source,
            path,
            "Nomis sent a header and no rows, as it does for a mistyped parameter",
            "check the query in the catalogue",
        )
    if "records" in long and int(long["records"].max()) != len(long):
        raise fail(
            source, path, f"it has {len(long):,} rows where RECORD_COUNT says {int(long['records'].max()):,}"
        )
    twice = long.duplicated([key, "age", "date"])
    if twice.any():
        row = long.loc[twice.idxmax()]
        raise fail(
            source,
            path,
            f"{row[key]}, age code {row['age']} stands on more than one row (data row {int(twice.idxmax()) + 1:,})",
        )
    dates = sorted(long["date"].unique())
    if len(dates) > 1:
        years = ", ".join(dates[:4])
        raise fail(source, path, f"it holds several years ({years}) where one is wanted", "ask for one date")
    # Unstacking keeps a null estimate apart from a row that is not there, which a fill value then shows.
    cells = long.set_index([key, "age"])
    wide = cells["value"].unstack("age")  # noqa: PD010 - pivot_table would add up and drop nulls
    is_there = cells.assign(is_there=1)["is_there"].unstack("age", fill_value=0)  # noqa: PD010
    gone = is_there == 0
    if gone.any(axis=None):
        area = gone.any(axis=1).idxmax()
        raise fail(source, path, f"{area} has no row for age code {gone.loc[area].idxmax()}")
    wide = wide.rename(columns=_age_name)
    table = wide.rename_axis(columns=None).reset_index()
    table.insert(1, "year", int(str(long["date"].iloc[0])[:4]))
    if key == "lsoa11cd":
        # The 2011 areas are only read to carry figures over: their columns say which year they are of.
        year = int(table["year"].iloc[0])
        table = table.rename(columns={"residents": f"residents_{year}"}).rename(
            columns=lambda name: re.sub(r"^age_(\d+)$", rf"age{year}_\1", name)
        )
    return _finish(table, source, path.name)


def _age_name(age: int) -> str:
    number = str(age)
    if number in _AGES:
        return _AGES[number]
    return f"age_{int(age) - 101}" if 101 <= int(age) <= 101 + _OLDEST else f"age_code_{number}"


def _finish(table: pd.DataFrame, source: "Source", name: str) -> pd.DataFrame:
    """Add adults, give reasons to nulls, and check: no band may exceed all residents."""
    key = source.key[0]
    if {"residents", "age_0_15"} <= set(table) and "age_16plus" not in table:
        table["age_16plus"] = table["residents"] - table["age_0_15"]
    numbers = [c for c in table.columns if c not in {key, "year"}]
    for column in numbers:
        if table[column].isna().any():
            table[f"{column}__status"] = np.where(table[column].isna(), "not_published", "observed")
        else:
            table[column] = table[column].astype("int64")
    rules: dict[str, Rule] = {key: code(*_AREA_KEYS[key]), "year": count()}
    rules |= {c: count(has_status=f"{c}__status" in table) for c in numbers}
    bands = [c for c in numbers if re.match(r"age_(0_15|16plus|16_17|65plus)$", c)]
    rising = tuple((band, "residents") for band in bands) if "residents" in table else ()
    return finish(table, Contract(source.title, (key,), rules, rising=rising), source, name)


def read_ons_mid_year_workbook(path: Path, source: "Source") -> pd.DataFrame:
    """Read the newest year of the ONS workbook of LSOA 2021 estimates by broad age and sex.

    Returns `lsoa21cd, year, residents, age_0_15, age_16_29, age_30_44, age_45_64, age_65plus, age_16plus`: women and
    men added. The header row is found, not counted. ContractError where sexes and ages do not add up to the total.
    """
    book = open_workbook(path, source)
    years = {
        int(m.group(1)): s
        for s in book.sheet_names
        if (m := re.fullmatch(r"Mid-(20\d\d) LSOA 2021", s.strip()))
    }
    if not years:
        raise fail(
            source, path, f"there is no sheet 'Mid-<year> LSOA 2021' among {', '.join(book.sheet_names)}"
        )
    year = max(years)
    rows = sheet_rows(book, years[year])
    top = find_header(rows, r"LSOA 2021 Code", source, f"{path.name}, sheet '{years[year]}'")
    header = [str(cell).strip() for cell in rows[top]]
    where = f"{path.name}, sheet '{years[year]}'"
    bands = {
        "0 to 15": "age_0_15",
        "16 to 29": "age_16_29",
        "30 to 44": "age_30_44",
        "45 to 64": "age_45_64",
        "65 and over": "age_65plus",
    }
    wanted = {"lsoa21cd": field("LSOA 2021 Code"), "residents": field("Total")}
    wanted |= {f"{sex}|{name}": field(f"{sex} ?{band}") for sex in "FM" for band, name in bands.items()}
    places = resolve(header, wanted, source, where)
    body = [row for row in rows[top + 1 :] if str(row[places["lsoa21cd"]]).strip()]
    table = pd.DataFrame({name: [row[place] for row in body] for name, place in places.items()})
    for name in table.columns[1:]:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if numbers.isna().any():
            row = int(numbers.isna().idxmax())
            raise fail(
                source,
                where,
                f"column '{name}' holds '{table.loc[row, name]}' at {table.loc[row, 'lsoa21cd']}, which is no number",
            )
        table[name] = numbers.astype("int64")
    for name in bands.values():
        table[name] = table.pop(f"F|{name}") + table.pop(f"M|{name}")
    parts = table[list(bands.values())].sum(axis=1)
    if (parts != table["residents"]).any():
        row = int((parts != table["residents"]).idxmax())
        raise fail(
            source,
            where,
            f"the ages of {table.loc[row, 'lsoa21cd']} add up to {parts[row]:,} where Total is {table.loc[row, 'residents']:,}",
        )
    table.insert(1, "year", year)
    return _finish(table, source, where)


def read_population_lsoa11_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read mid-2020 residents by single year of age, LSOA 2011: `lsoa11cd, residents_2020, age2020_0 ... age2020_90`.

    The last column is 90 and over. ContractError where an age is missing or ages do not add up to the total.
    """
    file: TextFile = load_text(path, source)
    wanted = {"lsoa11cd": field("lsoa11_code", "LSOA11CD", r"LSOA code( \(2011\))?")}
    wanted["residents_2020"] = field("total_population", "All Ages", "Total", kind="integer")
    wanted |= {
        f"age2020_{age}": field(f"(age_?)?{age}" + (r"\+?" if age == _OLDEST else ""), kind="integer")
        for age in range(_OLDEST + 1)
    }
    places = resolve(file.header, wanted, source, file.name)
    frame = read_places(file, {n: (p, wanted[n].kind) for n, p in places.items()}, source)
    rules = {name: count() for name in wanted} | {"lsoa11cd": code("lsoa", 2011)}
    frame = finish(frame, Contract(source.title, ("lsoa11cd",), rules), source, path)
    parts = frame.filter(regex=r"^age2020_").sum(axis=1)
    if (parts != frame["residents_2020"]).any():
        row = int((parts != frame["residents_2020"]).idxmax())
        raise fail(
            source,
            path,
            f"the ages of {frame.loc[row, 'lsoa11cd']} add up to {parts[row]:,} where the total is {frame.loc[row, 'residents_2020']:,}",
        )
    return frame
