"""Tables of the ONS Open Geography Portal and its kin: lookups, names, classes and centroids.

The catalogue names the columns a source has and the patterns of their headers, so a new lookup needs an entry
there and no code here. Columns whose name begins with `is_` become yes or no.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.errors import SourceError
from exclusion.sources.contracts import Contract, Rule, code, fail, finish, flag, number, text
from exclusion.sources.readers_sheets import find_header, sheet_named
from exclusion.sources.readers_text import Field, load_text, read_columns, read_json, resolve, tidy_text

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# British National Grid over Great Britain, metres.
EASTING = number(0, 700_000)
NORTHING = number(0, 1_300_000)
RUC21_CLASSES = ("RLF1", "RLN1", "RSF1", "RSN1", "UF1", "UN1")
RUC11_CLASSES = ("A1", "B1", "C1", "C2", "D1", "D2", "E1", "E2")

# What a tidy column of a portal table holds, whatever lookup it stands in; others are text that may be blank.
RULES: dict[str, Rule] = {
    "oa21cd": code("oa", 2021),
    "lsoa21cd": code("lsoa", 2021),
    "lsoa11cd": code("lsoa", 2011),
    "msoa21cd": code("msoa", 2021),
    "wd_cd": code("ward"),
    "lad_cd": code("lad"),
    "lad_cd_active": code("lad"),
    "utla_cd": code("utla", is_nullable=True),
    "rgn_cd": code("region", is_nullable=True),
    "lsoa21nm": text(),
    "lsoa11nm": text(),
    "msoa21nm": text(),
    "msoa_hcl_nm": text(),
    "wd_nm": text(),
    "lad_nm": text(),
    "chgind": text(one_of=("U", "S", "M", "X")),
    "ruc21cd": text(one_of=RUC21_CLASSES),
    "ruc21nm": text(),
    "ruc11cd": text(one_of=RUC11_CLASSES),
    "ruc11nm": text(),
    "x_m": EASTING,
    "y_m": NORTHING,
    "people": number(0),
}
# The same columns on the areas of Scotland and Northern Ireland, by the catalogue's `geography`.
_DZ22 = code("data_zone_of_scotland", 2022)
_DZ21 = code("data_zone_of_northern_ireland", 2021)
RULES_OF: dict[str, dict[str, Rule]] = {
    "dz22": {
        "lsoa21cd": _DZ22,
        "oa21cd": code("oa_of_scotland"),
        "msoa21cd": code("intermediate_zone"),
        "wd_cd": code("ward_of_scotland", is_nullable=True),
        "wd_nm": text(is_nullable=True),
    },
    "dz11": {"dz11cd": code("data_zone_of_scotland", 2011), "lsoa21cd": _DZ22},
    "dz21": {
        "lsoa21cd": _DZ21,
        "msoa21cd": code("super_data_zone"),
        "wd_cd": code("electoral_area", is_nullable=True),
        "wd_nm": text(is_nullable=True),
    },
    "soa01": {"soa01cd": code("super_output_area"), "lsoa21cd": _DZ21},
}
_YES = {"true": True, "yes": True, "y": True, "1": True, "rural": True}
_NO = {"false": False, "no": False, "n": False, "0": False, "urban": False}
_NUMBERS = {"x_m", "y_m", "people"}


def read_lookup_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read a lookup the portal exports as CSV (plain or gzip, BOM or none, first header damaged or not).

    Columns are those the catalogue declares for the source, keyed as it says; text that is blank is null.
    ContractError where a column is in no header, a code has the wrong form or vintage, or a key stands twice.
    """
    return finish_table(read_columns(load_text(path, source), wanted_columns(source), source), source, path)


def read_lookup_xlsx(path: Path, source: "Source") -> pd.DataFrame:
    """Read a lookup from the sheet of a workbook that the option `sheet` names (a pattern); see `read_lookup_csv`."""
    rows, name = sheet_named(path, str(source.options["sheet"]), source)
    where = f"{path.name}, sheet '{name}'"
    top = find_header(rows, source.columns[source.key[0]], source, where)
    places = resolve([str(cell) for cell in rows[top]], wanted_columns(source), source, where)
    body = [row for row in rows[top + 1 :] if str(row[places[source.key[0]]]).strip()]
    table = pd.DataFrame(
        {column: tidy_text(pd.Series([str(row[place]) for row in body])) for column, place in places.items()}
    )
    return finish_table(table.drop_duplicates(ignore_index=True), source, path)


def read_arcgis_table(path: Path, source: "Source") -> pd.DataFrame:
    """Read an ArcGIS layer without shapes, as retrieval assembled it (`features` with attributes or properties).

    Same columns and errors as `read_lookup_csv`; SourceError where the body is an ArcGIS error.
    """
    records = arcgis_records(path, source)
    frame = pd.DataFrame.from_records(records)
    places = resolve([str(c) for c in frame.columns], wanted_columns(source), source, path.name)
    table = pd.DataFrame({name: frame.iloc[:, place] for name, place in places.items()})
    for name in table:
        if name not in _NUMBERS:
            table[name] = tidy_text(table[name])
    return finish_table(table, source, path)


def arcgis_records(path: Path, source: "Source") -> list[dict[str, Any]]:
    """Return the attributes of each feature of an ArcGIS answer: assembled by retrieval, Esri's form or GeoJSON."""
    body = read_json(path, source)
    if isinstance(body, Mapping) and isinstance(body.get("records"), list):
        body = {"features": [{"attributes": record} for record in body["records"]]}
    if isinstance(body, Mapping) and "error" in body:
        error = body["error"]
        message = error.get("message", error) if isinstance(error, Mapping) else error
        raise SourceError(
            f"{source.id}: {path.name} holds an error of the portal, not data ({message}); retrieve it again."
        )
    if not isinstance(body, Mapping) or not isinstance(body.get("features"), list):
        raise SourceError(f"{source.id}: {path.name} holds no list of features; retrieve it again.")
    records = [f.get("attributes") or f.get("properties") or {} for f in body["features"]]
    if not records:
        raise fail(source, path, "there is no row of data in the file")
    return records


def wanted_columns(source: "Source") -> dict[str, Field]:
    """Return the columns that the catalogue declares for a source, as fields to look for.

    A name that is not part of a source's key and that is a name of an area is optional: editions drop them.
    """
    return {
        name: Field(
            (pattern,), "number" if name in _NUMBERS else "text", is_optional=_is_optional(name, source)
        )
        for name, pattern in source.columns.items()
    }


def _is_optional(name: str, source: "Source") -> bool:
    return name not in source.key and name in {"lsoa11nm", "lsoa21nm"}


def finish_table(table: pd.DataFrame, source: "Source", path: Path) -> pd.DataFrame:
    """Turn yes and no into flags, check the table against the rules of its columns, and sort it by key."""
    for name in table:
        if name.startswith("is_"):
            table[name] = _flags(table[name], name, source, path)
    return finish(table, portal_contract(list(table.columns), source), source, path)


def portal_contract(columns: list[str], source: "Source") -> Contract:
    """Return the contract of a portal table: the rules of its columns and the catalogue's key."""
    rules = {
        name: flag() if name.startswith("is_") else rule_of(name, source)
        for name in columns
        if name != "geometry"
    }
    return Contract(title=source.title, key=source.key, columns=rules)


def rule_of(name: str, source: "Source") -> Rule:
    """Return the rule of a tidy column on the areas that a source is about; text that may be blank where there is none."""
    return RULES_OF.get(source.geography, {}).get(name) or RULES.get(name, text(is_nullable=True))


def _flags(values: pd.Series, name: str, source: "Source", path: Path) -> pd.Series:
    found = values.astype("str").str.lower().map(_YES | _NO)
    wrong = values.index[found.isna()]
    if len(wrong):
        raise fail(
            source,
            path,
            f"column '{name}' holds '{values.loc[wrong[0]]}' in data row {wrong[0] + 1:,}, not yes or no",
        )
    return found.astype(bool)


def present_councils(table: pd.DataFrame, lad_codes: pd.DataFrame, in_use: set[str]) -> pd.DataFrame:
    """Return a table keyed by `lad_cd` with its codes in the vintage of the councils in use.

    A code that is not in use takes the code of the same present council (`lad_cd`, `lad_cd_active` of
    `lad_codes`): Barnsley is E08000016 or E08000038 by year. Rows that fall on one council (councils merged since)
    are left as they are, because shares cannot be added; rows of councils not in use are kept. Sorted by `lad_cd`.
    """
    active = lad_codes.set_index("lad_cd")["lad_cd_active"].to_dict()
    used: dict[str, str] = {active.get(cd, cd): cd for cd in sorted(in_use)}
    moved = [cd if cd in in_use else used.get(active.get(cd, cd), cd) for cd in table["lad_cd"]]
    out = table.assign(lad_cd=moved)
    is_merged = out["lad_cd"].duplicated(keep=False)
    out.loc[is_merged, "lad_cd"] = table.loc[is_merged, "lad_cd"]
    return out.sort_values("lad_cd", ignore_index=True)
