"""Indices of deprivation: England's 2025 files and the Welsh index of 2019 and 2025."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.sources.contracts import Contract, Rule, code, fail, finish, number
from exclusion.sources.readers_ods import open_rows, sheet_named
from exclusion.sources.readers_sheets import find_header, open_workbook, sheet_rows
from exclusion.sources.readers_text import (
    Field,
    field,
    fold_header,
    load_text,
    read_columns,
    read_places,
    resolve,
    to_numbers,
)

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_LSOA = field(r"LSOA code \(2021\)", "lsoa21_code", "lsoa21cd", r"LSOA_?code.*2021.*")
_LAD = field(r"Local Authority District code \(20\d\d\).*", is_optional=True)
# Published name of each index, domain and sub-domain in File 7, and what it is called here. The wording in
# brackets drifts between editions, so only the head of a header is matched.
_FILE7 = {
    "imd": r"Index of Multiple Deprivation \(IMD\)",
    "income": r"Income",
    "employment": r"Employment",
    "education": r"Education, Skills and Training",
    "health": r"Health Deprivation and Disability",
    "crime": r"Crime",
    "barriers": r"Barriers to Housing and Services",
    "living_environment": r"Living Environment",
    "idaci": r"Income Deprivation Affecting Children Index \(IDACI\)",
    "idaopi": r"Income Deprivation Affecting Older People( Index)? \(IDAOPI\)",
    "children_and_young_people": r"Children and Young People( Sub-domain)?",
    "adult_skills": r"Adult Skills( Sub-domain)?",
    "geographical_barriers": r"Geographical Barriers( Sub-domain)?",
    "wider_barriers": r"Wider Barriers( Sub-domain)?",
    "indoors": r"Indoors( Sub-domain)?",
    "outdoors": r"Outdoors( Sub-domain)?",
}
_ALWAYS = ("imd", "income", "employment", "education", "health", "crime", "barriers", "living_environment")
_SUBDOMAINS = tuple(name for name in _FILE7 if name not in _ALWAYS and not name.startswith("ida"))
_RATES = {"income", "employment", "idaci", "idaopi"}
_CONNECTIVITY = {
    "digital_connectivity_broadband_download_and_upload_speeds": r"digital_connectivity.*|Digital connectivity.*",
    "connectivity_score": r"connectivity_score|Connectivity score.*",
}


def read_iod_file7_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read File 7 of the English indices: `lsoa21cd, lad_cd` and `<name>_score, <name>_rank, <name>_decile`.

    Names are `imd, income, employment, education, health, crime, barriers, living_environment` and, where the file
    has them, `idaci, idaopi` and the six sub-domains; rank 1 and decile 1 are the most deprived. Population
    denominators are left out. ContractError where a triple is broken, a rank is beyond the number of areas, or
    deciles do not rise with ranks.
    """
    return _triples(path, source, tuple(_FILE7), _ALWAYS)


def read_iod_subdomains_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read the six sub-domains, from File 7 or with its column names tidied; see `read_iod_file7_csv`."""
    return _triples(path, source, _SUBDOMAINS, _SUBDOMAINS)


def _triples(path: Path, source: "Source", names: tuple[str, ...], needed: tuple[str, ...]) -> pd.DataFrame:
    wanted: dict[str, Field] = {"lsoa21cd": _LSOA, "lad_cd": _LAD}
    for name in names:
        is_optional = name not in needed
        for part, tail, kind in (
            ("score", r"Score.*", "number"),
            ("rank", r"Rank.*", "integer"),
            ("decile", r"Decile.*", "integer"),
        ):
            wanted[f"{name}_{part}"] = field(
                f"{_FILE7[name]} {tail}", f"{name}_{part}", kind=kind, is_optional=is_optional
            )
    frame = read_columns(load_text(path, source), wanted, source)
    rules: dict[str, Rule] = {}
    for column in frame.columns:
        name, _, part = column.rpartition("_")
        if part == "score":
            rules[column] = number(0, 1) if name in _RATES else number()
        elif part == "rank":
            rules[column] = Rule(kind="count", low=1, high=_most(frame, source))
        elif part == "decile":
            rules[column] = Rule(kind="count", low=1, high=10)
    rules |= {"lsoa21cd": code("lsoa", 2021), "lad_cd": code("lad")}
    rules = {c: r for c, r in rules.items() if c in frame}
    frame = finish(frame, Contract(source.title, ("lsoa21cd",), rules), source, path)
    for name in {c.removesuffix("_rank") for c in frame if c.endswith("_rank")}:
        _check_deciles(frame, name, source, path)
    return frame


def _most(frame: pd.DataFrame, source: "Source") -> int:
    """Return the highest rank there can be: the publisher's number of areas, also where the file is a part of it."""
    return max(len(frame), source.expected_rows or 1)


def _check_deciles(frame: pd.DataFrame, name: str, source: "Source", path: Path) -> None:
    """A decile may only rise with the rank: a file sorted or joined wrongly breaks this at once."""
    if f"{name}_decile" not in frame:
        return
    ordered = frame[["lsoa21cd", f"{name}_rank", f"{name}_decile"]].sort_values(f"{name}_rank", kind="stable")
    falls = ordered[f"{name}_decile"].diff() < 0
    if falls.any():
        row = ordered.loc[falls.idxmax()]
        raise fail(
            source,
            path,
            f"column '{name}_decile' falls where the rank rises at {row['lsoa21cd']} (rank {row[f'{name}_rank']:,}, "
            f"decile {row[f'{name}_decile']}), so columns or rows are mixed up",
        )


def read_iod_indicators_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read the underlying indicators (File 8) with tidied names: `lsoa21cd` and every indicator as a number.

    `connectivity_score` is 0-100, higher is better connected; the digital connectivity indicator is standardised,
    higher is worse. Numerators that are blank are null with `<column>__status` `suppressed`: small counts.
    """
    file = load_text(path, source)
    key = resolve(file.header, {"lsoa21cd": _LSOA}, source, file.name)["lsoa21cd"]
    resolve(file.header, {n: field(p) for n, p in _CONNECTIVITY.items()}, source, file.name)
    places = {"lsoa21cd": (key, "text")}
    for place, header in enumerate(file.header):
        if place != key and not _is_area_name(header):
            places[_snake(header)] = (place, "number")
    return _finish_indicators(read_places(file, places, source), source, file.name)


def read_iod_connectivity_parquet(path: Path, source: "Source") -> pd.DataFrame:
    """Read the two connectivity columns of File 8 from Parquet: `lsoa21cd` and the two, never null."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        raw = pq.read_table(path).to_pandas()
    except (pa.ArrowInvalid, OSError) as fault:
        raise fail(source, path, f"it is not whole Parquet ({str(fault).splitlines()[0]})") from None
    wanted = {"lsoa21cd": _LSOA} | {n: field(p) for n, p in _CONNECTIVITY.items()}
    places = resolve([str(c) for c in raw.columns], wanted, source, path.name)
    frame = pd.DataFrame({name: raw.iloc[:, place] for name, place in places.items()})
    return _finish_indicators(frame, source, path.name)


def read_iod_file8_xlsx(path: Path, source: "Source") -> pd.DataFrame:
    """Read the underlying indicators from File 8 as published: one table of every sheet that is keyed by LSOA.

    Column names are the headers in snake case, as `read_iod_indicators_csv` gives them; see there.
    """
    book = open_workbook(path, source)
    tables: list[pd.DataFrame] = []
    for sheet in book.sheet_names:
        rows = sheet_rows(book, sheet)
        if re.search(r"note|contents|cover", sheet, re.IGNORECASE) or not any(
            _looks_keyed(r) for r in rows[:40]
        ):
            continue
        where = f"{path.name}, sheet '{sheet}'"
        top = find_header(rows, _LSOA.patterns[0] + "|" + "|".join(_LSOA.patterns[1:]), source, where)
        header = [" ".join(str(cell).split()) for cell in rows[top]]
        key = resolve(header, {"lsoa21cd": _LSOA}, source, where)["lsoa21cd"]
        body = [row for row in rows[top + 1 :] if str(row[key]).strip()]
        table = pd.DataFrame({"lsoa21cd": [str(row[key]).strip() for row in body]})
        for place, name in enumerate(header):
            if place != key and name and not _is_area_name(name):
                cells = pd.Series([row[place] for row in body], dtype=object).astype(str)
                table[_snake(name)] = to_numbers(cells, "number", name, source, where)
        tables.append(table)
    if not tables:
        raise fail(source, path, f"no sheet is keyed by LSOA 2021 among {', '.join(book.sheet_names)}")
    whole = tables[0]
    for table in tables[1:]:
        if set(table["lsoa21cd"]) != set(whole["lsoa21cd"]) or table["lsoa21cd"].duplicated().any():
            odd = sorted(set(table["lsoa21cd"]) ^ set(whole["lsoa21cd"])) or [table["lsoa21cd"].iloc[0]]
            raise fail(source, path, f"its sheets do not hold the same areas ({odd[0]} is not once in each)")
        new = [c for c in table if c == "lsoa21cd" or c not in whole]
        whole = whole.merge(table[new], on="lsoa21cd", how="left", validate="one_to_one")
    resolve(list(whole.columns), {n: field(p) for n, p in _CONNECTIVITY.items()}, source, path.name)
    return _finish_indicators(whole, source, path.name)


def _looks_keyed(row: list[Any]) -> bool:
    return any(re.fullmatch("|".join(_LSOA.patterns), " ".join(str(c).split()), re.IGNORECASE) for c in row)


def _is_area_name(header: str) -> bool:
    return re.match(r"lsoa|local authority|lad|ltla", fold_header(header), re.IGNORECASE) is not None


def _snake(header: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", fold_header(header).lower().replace("%", " percent ")).strip("_")


def _finish_indicators(frame: pd.DataFrame, source: "Source", name: str) -> pd.DataFrame:
    long_name = "digital_connectivity_broadband_download_and_upload_speeds"
    frame = frame.rename(
        columns={c: long_name for c in frame if c.startswith("digital_connectivity")}
        | {c: "connectivity_score" for c in frame if c.startswith("connectivity_score")}
    )
    rules: dict[str, Rule] = {"lsoa21cd": code("lsoa", 2021), "connectivity_score": number(0, 100)}
    for column in list(frame.columns[1:]):
        is_blank = frame[column].isna()
        if is_blank.any() and column not in {long_name, "connectivity_score"}:
            # Counts of few people are left blank; a blank rate has no such reason.
            reason = "suppressed" if "numerator" in column else "missing"
            frame[f"{column}__status"] = is_blank.map({True: reason, False: "observed"}).astype("str")
        is_count = "numerator" in column
        rules.setdefault(column, number(0 if is_count else None, has_status=f"{column}__status" in frame))
    return finish(frame, Contract(source.title, ("lsoa21cd",), rules), source, name)


_WIMD = {
    "rank": r"WIMD[ _]?20\d\d([ _]overall)?[ _]?Rank|WIMD 20\d\d|WIMD[ _]20\d\d[ _]overall rank.*",
    "income_rank": r"Income([ _]Rank)?",
    "employment_rank": r"Employment([ _]Rank)?",
    "health_rank": r"Health([ _]Rank)?",
    "education_rank": r"Education([ _]Rank)?",
    "access_to_services_rank": r"Access ?(to )?Services([ _]Rank)?",
    "housing_rank": r"Housing([ _]Rank)?",
    "community_safety_rank": r"Community ?Safety([ _]Rank)?",
    "physical_environment_rank": r"Physical ?Environment([ _]Rank)?",
}
_WIMD_CODE = r"LSOA[ _]?code( \(20\d\d\))?"
_WIMD_YEARS = {2019: ("lsoa11cd", 2011), 2025: ("lsoa21cd", 2021)}


def read_wimd2019_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read WIMD 2019 ranks: `lsoa11cd, wimd2019_rank, wimd2019_<domain>_rank` (rank 1 is the most deprived)."""
    file = load_text(path, source)
    wanted = _wimd_fields(2019)
    frame = read_columns(file, wanted, source)
    return _finish_wimd(frame, 2019, source, path.name)


def read_wimd2019_ods(path: Path, source: "Source") -> pd.DataFrame:
    """Read WIMD 2019 ranks from the published ODS; headers with trailing spaces and an empty last column are usual."""
    return _read_wimd_ods(path, source, 2019)


def read_wimd2025_ods(path: Path, source: "Source") -> pd.DataFrame:
    """Read WIMD 2025 ranks from the published ODS: `lsoa21cd, wimd2025_rank, wimd2025_<domain>_rank`."""
    return _read_wimd_ods(path, source, 2025)


def _wimd_fields(year: int) -> dict[str, Field]:
    key, _ = _WIMD_YEARS[year]
    fields = {key: field(_WIMD_CODE, key)}
    fields |= {f"wimd{year}_{name}": field(pattern, kind="integer") for name, pattern in _WIMD.items()}
    return fields


def _read_wimd_ods(path: Path, source: "Source", year: int) -> pd.DataFrame:
    name = sheet_named(path, rf"WIMD[_ ]?{year}[_ ]?ranks", source)
    rows = list(open_rows(path, name, source))
    where = f"{path.name}, sheet '{name}'"
    top = find_header(rows, _WIMD_CODE, source, where)
    wanted = _wimd_fields(year)
    places = resolve([str(cell or "") for cell in rows[top]], wanted, source, where)
    key = places[next(iter(wanted))]
    body = [row for row in rows[top + 1 :] if len(row) > key and str(row[key] or "").strip()]
    frame = pd.DataFrame(_cells(body, places))
    for column in frame.columns[1:]:
        frame[column] = to_numbers(frame[column].astype("str"), "integer", column, source, where)
    return _finish_wimd(frame, year, source, where)


def _cells(body: list[list[Any]], places: Mapping[str, int]) -> dict[str, list[Any]]:
    return {
        name: ["" if place >= len(row) or row[place] is None else str(row[place]).strip() for row in body]
        for name, place in places.items()
    }


def _finish_wimd(frame: pd.DataFrame, year: int, source: "Source", name: str) -> pd.DataFrame:
    key, vintage = _WIMD_YEARS[year]
    rules: dict[str, Rule] = {c: Rule(kind="count", low=1, high=_most(frame, source)) for c in frame}
    rules[key] = code("lsoa", vintage)
    frame = finish(frame, Contract(source.title, (key,), rules), source, name)
    if not frame[key].str.startswith("W").all():
        odd = frame.loc[~frame[key].str.startswith("W"), key].iloc[0]
        raise fail(source, name, f"column '{key}': {odd} is not in Wales")
    return frame
