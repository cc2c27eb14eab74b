"""Metadata for the CSV files after "CSV on the Web" (W3C, 2015): types, units, licence and the meaning of every column."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from exclusion.files import stable_json
from exclusion.publish.columns import ListColumn, columns_for, reworded

METADATA = "csv-metadata.json"
_LICENCES = {
    "OGL-UK-3.0": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
}


def licence_of() -> str:
    """Return the address of the licence under which lists are published; each source keeps its own credit line."""
    return _LICENCES["OGL-UK-3.0"]


def csvw_bytes(
    tables: Mapping[str, tuple[str, pd.DataFrame]],
    *,
    title: str,
    credit_lines: tuple[str, ...],
    note: str | None = None,
    terms: Mapping[str, str] | None = None,
) -> bytes:
    """Return `csv-metadata.json` for CSV files of one folder: file name to title and table, as `csv_bytes` wrote them.

    `terms` as for `columns.reworded`.
    """
    group = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "dc:title": title,
        "dc:description": note or "Lists of the digital exclusion map",
        "dc:license": {"@id": licence_of()},
        "dc:source": list(credit_lines),
        "dialect": {"encoding": "utf-8", "header": True, "delimiter": ",", "lineTerminators": ["\r\n"]},
        "tables": [_table(name, *found, note, terms) for name, found in sorted(tables.items())],
    }
    return stable_json(group).encode()


def _table(
    name: str, title: str, table: pd.DataFrame, note: str | None, terms: Mapping[str, str] | None
) -> dict[str, Any]:
    names = [*table.columns, *(["note"] if note else [])]
    columns = columns_for(names)
    schema: dict[str, Any] = {"columns": [_column(column, terms) for column in columns]}
    key = next((c for c in ("lsoa21cd", "group", "ruc21nm") if c in table), None)
    if key is not None and table[key].is_unique and table[key].notna().all():
        schema["primaryKey"] = key
    return {"url": name, "dc:title": title, "tableSchema": schema}


def _column(column: ListColumn, terms: Mapping[str, str] | None) -> dict[str, Any]:
    datatype: Any = {
        "text": "string",
        "whole": "integer",
        "number": "number",
        "flag": {"base": "boolean", "format": "yes|no"},
    }[column.kind]
    found = {
        "name": column.name,
        "titles": [column.name],
        "dc:title": column.heading,
        "dc:description": reworded(column.about, terms),
        "datatype": datatype,
        "null": [""],
    }
    if column.unit:
        found["schema:unitText"] = column.unit
    return found
