"""Census 2021 tables as Nomis publishes them in bulk, and the two ready-made tables that may stand in."""

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exclusion.geography.census_names import census_column
from exclusion.sources.archives import Member, list_members
from exclusion.sources.contracts import Contract, Rule, code, count, fail, finish
from exclusion.sources.readers_text import (
    TextFile,
    field,
    fold_header,
    load_text,
    numbers_with_status,
    read_columns,
    read_places,
    resolve,
)

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# Codes that each level of a bulk file holds.
_LEVELS = {
    "lsoa": ("lsoa21cd", "lsoa", 2021),
    "msoa": ("msoa21cd", "msoa", 2021),
    "oa": ("oa21cd", "oa", 2021),
}
_TOTALS = {"number_of_households"}  # TS041 has one column and no `Total`
# Cell-key perturbation moves single cells by a few, so a total and the sum of its leaves may differ; the drift
# grows with the root of the number of cells, never with their size. Beyond this a column was lost or doubled.
_PERTURBATION_A_CELL = 6.0
_NATIONAL_DRIFT = 0.005
_MANY_PEOPLE = 1_000_000

AGE_BANDS = {
    "age_0_15": "Aged 15 years and under", "age_16_24": "Aged 16 to 24 years", "age_25_34": "Aged 25 to 34 years",
    "age_35_49": "Aged 35 to 49 years", "age_50_64": "Aged 50 to 64 years", "age_65_74": "Aged 65 to 74 years",
    "age_75_79": "Aged 75 to 79 years", "age_80_84": "Aged 80 to 84 years", "age_85plus": "Aged 85 years and over",
}  # fmt: skip


def read_nomis_census_zip(path: Path, source: "Source") -> pd.DataFrame:
    """Read the one member of a bulk zip that holds the level wanted (`*lsoa*.csv`, mistyped names and all).

    Returns `lsoa21cd` (or `msoa21cd`, `oa21cd` by the option `level`) and one column of counts for every published
    column, named by `census_column`; parents and children both. A cell that is not a number is null with its
    reason in `<column>__status`. ContractError where counts are below 0, an area stands twice, or the leaves do
    not add up to the table's total within cell-key perturbation.
    """
    level = str(source.options.get("level", "lsoa"))
    file = load_text(path, source, _member(path, source, level))
    # Neighbourhoods' proficiency in English comes in two layouts, which must give one table.
    if level == "msoa" and source.options.get("table") == "ts029":
        return _english(file, source)
    return _read(file, source, level)


def read_nomis_census_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read the unzipped member of a bulk zip; see `read_nomis_census_zip`."""
    return _read(load_text(path, source), source, str(source.options.get("level", "lsoa")))


def _member(path: Path, source: "Source", level: str) -> Member:
    """Find the level's member by pattern: `-lsoa..csv` and its like occur; metadata are no tables."""
    pattern = re.compile(rf"(^|[-_.]){level}[-_.]*(\.csv)?\.*$", re.IGNORECASE)
    members = list_members(path)
    found = [
        m for m in members if m.name.lower().endswith(".csv") and pattern.search(PurePosixPath(m.name).stem)
    ]
    if len(found) != 1:
        names = ", ".join(m.name for m in members[:12]) or "nothing"
        what = "no member" if not found else f"{len(found)} members"
        raise fail(
            source,
            path,
            f"it holds {what} for level {level.upper()} among {names}",
            "use the bulk zip of the Census table",
        )
    return found[0]


def leaves(headers: list[str]) -> list[str]:
    """Return the headers that no other extends by a colon, the total apart; colons may lack their space."""
    bare = {header: _levels(header) for header in headers}
    parents = {levels[:depth] for levels in bare.values() for depth in range(1, len(levels))}
    return [h for h, levels in bare.items() if levels not in parents and not _is_total(levels)]


def _levels(header: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in fold_header(header).split(":"))


def _is_total(levels: tuple[str, ...]) -> bool:
    return "total" in levels[1:2]


def _read(file: TextFile, source: "Source", level: str) -> pd.DataFrame:
    table = str(source.options.get("table", "")) or source.id.removeprefix("census_")
    key, kind, vintage = _LEVELS[level]
    places = resolve(
        file.header,
        {key: field("geography code", r"GEOGRAPHY_CODE", rf"{key}|{level}21_code|mnemonic")},
        source,
        file.name,
    )
    skipped = re.compile(r"date|geography|geography code|geography_code|geography_name", re.IGNORECASE)
    headers = {
        i: h for i, h in enumerate(file.header) if i != places[key] and not skipped.fullmatch(fold_header(h))
    }
    if not headers:
        raise fail(
            source,
            file.name,
            "it has no column of counts beside the area",
            "use the bulk zip of the Census table",
        )
    names = {i: census_column(table, header) for i, header in headers.items()}
    if len(set(names.values())) < len(names):
        twice = next(n for n in names.values() if list(names.values()).count(n) > 1)
        raise fail(source, file.name, f"two columns make '{twice}'", "remove the doubled column")
    _require_published(table, set(names.values()), source, file)
    wanted = {key: (places[key], "text")} | {name: (i, "text") for i, name in names.items()}
    try:
        frame = read_places(file, wanted | {n: (i, "integer") for i, n in names.items()}, source)
        is_plain = not frame[list(names.values())].isna().any(axis=None)
    except Exception:  # noqa: BLE001 - read again as text, which tells what the cells hold
        is_plain = False
    if not is_plain:
        frame = read_places(file, wanted, source)
        for name in names.values():
            frame[name], status = numbers_with_status(frame[name], name, source, file.name)
            if (status != "observed").any():
                frame[f"{name}__status"] = status
    rules: dict[str, Rule] = {key: code(kind, vintage)}
    rules |= {n: count(has_status=f"{n}__status" in frame) for n in names.values()}
    contract = Contract(title=source.title, key=(key,), columns=rules)
    frame = finish(frame, contract, source, file.name)
    _check_leaves(frame, {names[i]: h for i, h in headers.items()}, key, source, file)
    return frame


# Columns without which a table is not the table its name says; the rest of the pipeline counts on them.
_PUBLISHED = {
    "ts001": ("ts001_total",),
    "ts037": ("ts037_total", "ts037_bad_health", "ts037_very_bad_health"),
    "ts038": ("ts038_total", "ts038_disabled_under_the_equality_act"),
    "ts041": ("ts041_number_of_households",),
    "ts045": ("ts045_total", "ts045_no_cars_or_vans_in_household"),
    "ts054": ("ts054_total", "ts054_social_rented"),
    "ts007a": ("ts007a_total", "ts007a_aged_85_years_and_over"),
    "ts003": ("ts003_total",),
    "ts029": ("ts029_total",),
    "ts067": ("ts067_total", "ts067_no_qualifications"),
}


def _require_published(table: str, names: set[str], source: "Source", file: TextFile) -> None:
    lacking = [name for name in _PUBLISHED.get(table.lower(), ()) if name not in names]
    if lacking:
        shown = ", ".join(sorted(names)[:8])
        raise fail(
            source,
            file.name,
            f"the layout is not the one expected: column '{lacking[0]}' of Census table {table.upper()} is missing "
            f"among {shown}",
            "check that it is the table the catalogue names",
        )


def _check_leaves(
    frame: pd.DataFrame, headers: dict[str, str], key: str, source: "Source", file: TextFile
) -> None:
    """Check the leaves against the table's own total, by area and nationally."""
    total = next((n for n, h in headers.items() if _is_total(_levels(h))), None)
    at_the_ends = set(leaves(list(headers.values())))
    parts = [name for name, header in headers.items() if header in at_the_ends and name not in _TOTALS]
    if total is None or not parts:
        return
    values = frame[[key, total, *parts]].dropna()
    _check_parts(values, key, parts, total, source, file.name)
    # A small column may hide within one area's perturbation, but not within the whole country's.
    everywhere, leaves_sum = float(values[total].sum()), float(values[parts].sum().sum())
    if everywhere > _MANY_PEOPLE and abs(leaves_sum - everywhere) > _NATIONAL_DRIFT * everywhere:
        raise fail(
            source,
            file.name,
            f"the parts add up to {leaves_sum:,.0f} everywhere where '{total}' is {everywhere:,.0f}",
            "a column is missing or doubled: retrieve the table again",
        )


def read_census_age_bands_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read residents by nine age bands, LSOA 2021: `lsoa21cd, residents, age_0_15, ..., age_85plus`.

    ContractError where the bands of an area do not add up to its total.
    """
    file = load_text(path, source)
    wanted = {"lsoa21cd": field("geography code", "lsoa21cd", "lsoa21_code")}
    wanted["residents"] = field("(Age: )?Total(: .*)?", kind="integer")
    wanted |= {name: field(f"(Age: )?{header}", kind="integer") for name, header in AGE_BANDS.items()}
    frame = read_columns(file, wanted, source)
    rules = {name: count() for name in wanted} | {"lsoa21cd": code("lsoa", 2021)}
    frame = finish(frame, Contract(title=source.title, key=("lsoa21cd",), columns=rules), source, path)
    _check_parts(frame, "lsoa21cd", list(AGE_BANDS), "residents", source, path.name)
    return frame


_PREFIX = "(Proficiency in English language: ?)?"
_ENGLISH = {
    "main_language_is_english": _PREFIX + r"Main language is English[^:]*",
    "main_language_is_not_english": _PREFIX + r"Main language is not English[^:]*",
    "can_speak_english_very_well": r".*: ?Can speak English very well",
    "can_speak_english_well": r".*: ?Can speak English well",
    "cannot_speak_english_well": r".*: ?Cannot speak English well",
    "cannot_speak_english": r".*: ?Cannot speak English",
}


def read_census_english_proficiency_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read proficiency in English of residents aged 3 and over, MSOA 2021, from the ready-made table.

    Columns `msoa21cd, main_language_is_english, main_language_is_not_english` and, under the latter,
    `can_speak_english_very_well, can_speak_english_well, cannot_speak_english_well, cannot_speak_english` (counts).
    """
    return _english(load_text(path, source), source)


def _english(file: TextFile, source: "Source") -> pd.DataFrame:
    wanted = {"msoa21cd": field("msoa21_code", "msoa21cd", "geography code")}
    wanted |= {name: field(pattern, kind="integer") for name, pattern in _ENGLISH.items()}
    rules = {name: count() for name in wanted} | {"msoa21cd": code("msoa", 2021)}
    contract = Contract(source.title, ("msoa21cd",), rules)
    frame = finish(read_columns(file, wanted, source), contract, source, file.name)
    spoken = list(_ENGLISH)[2:]
    _check_parts(frame, "msoa21cd", spoken, "main_language_is_not_english", source, file.name)
    return frame


def _check_parts(
    frame: pd.DataFrame, key: str, parts: list[str], total: str, source: "Source", name: str
) -> None:
    """Check that parts add up to their total in every area, as nearly as perturbation lets them."""
    sums = frame[parts].sum(axis=1)
    drift = (sums - frame[total]).abs()
    is_off = drift > _PERTURBATION_A_CELL * np.sqrt(len(parts) + 1) + 5
    if is_off.any():
        row = int(is_off.idxmax())
        raise fail(
            source,
            name,
            f"the parts of {frame.loc[row, key]} add up to {sums[row]:,.0f} where '{total}' is "
            f"{frame.loc[row, total]:,.0f}, more than perturbation allows ({int(is_off.sum()):,} areas so)",
            "a column is missing or doubled: retrieve the table again",
        )
