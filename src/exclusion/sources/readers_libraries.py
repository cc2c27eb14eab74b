"""Libraries and mobile library stops, in the columns of the `venues` table."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.sources.contracts import check_rows, fail
from exclusion.sources.readers_sheets import find_header, open_workbook, sheet_rows
from exclusion.sources.readers_text import field, load_text, read_columns, resolve, tidy_text, to_numbers
from exclusion.sources.readers_venues import (
    finish_venues,
    read_parquet,
    slug,
    tidy_postcode,
    to_grid,
    unique_ids,
)

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_LIBRARY = {
    "service": field("Reporting service"),
    "service_code": field("Reporting service code", is_optional=True),
    "name": field("Name", "Library name"),
    "type": field("Type", "Type of library"),
    "postcode": field("Postcode"),
    "easting": field("Easting", kind="number", is_optional=True),
    "northing": field("Northing", kind="number", is_optional=True),
    "year_closed": field("Year closed"),
    "operation": field("Operation in 2023"),
    "hours": field("Hours open per week", "Number of hours open per week.*", kind="number"),
}
_NOT_FIXED = re.compile(r"mobile|prison|archive", re.IGNORECASE)


def library_register(frame: pd.DataFrame, source: "Source", name: str) -> pd.DataFrame:
    """Return every row of the register with its `standing`: open, closed, out_of_use or not_fixed.

    Open is a blank `Year closed` and an `Operation in 2023`; Mobile, Prison and Archive are no places to go to.
    """
    is_open = frame["year_closed"].isna()
    standing = np.select(
        [~is_open, frame["type"].fillna("").str.contains(_NOT_FIXED), frame["operation"].isna()],
        ["closed", "not_fixed", "out_of_use"],
        "open",
    )
    nameless = frame.index[frame["name"].isna()]
    if len(nameless):
        raise fail(source, name, f"column 'name' is empty in data row {nameless[0] + 1:,}")
    return frame.assign(standing=standing)


def read_libraries_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read the Arts Council's library dataset (or its cleaned edition) as CSV; returns open, fixed libraries.

    Venue columns; all of them give digital help now. Without coordinates in the file `x_m, y_m` are null and
    `place_by_postcode` finds them.
    """
    frame = read_columns(load_text(path, source), _LIBRARY, source)
    return _libraries(frame, source, path)


def read_libraries_parquet(path: Path, source: "Source") -> pd.DataFrame:
    """Read the cleaned library dataset from Parquet; see `read_libraries_csv`."""
    return _libraries(library_table(path, source), source, path)


def read_libraries_xlsx(path: Path, source: "Source") -> pd.DataFrame:
    """Read the Arts Council's library dataset from its workbook; see `read_libraries_csv`."""
    book = open_workbook(path, source)
    for sheet in book.sheet_names:
        rows = sheet_rows(book, sheet)
        if any("Reporting service" in str(cell) for row in rows[:40] for cell in row):
            break
    else:
        raise fail(
            source, path, f"no sheet has a column 'Reporting service' among {', '.join(book.sheet_names)}"
        )
    where = f"{path.name}, sheet '{sheet}'"
    top = find_header(rows, "Reporting service", source, where)
    places = resolve([str(cell) for cell in rows[top]], _LIBRARY, source, where)
    body = [row for row in rows[top + 1 :] if any(str(cell).strip() for cell in row)]
    frame = pd.DataFrame(
        {n: tidy_text(pd.Series([_plain(row[p]) for row in body], dtype="str")) for n, p in places.items()}
    )
    for name in frame:
        if _LIBRARY[name].kind == "number":
            frame[name] = to_numbers(frame[name], "number", name, source, where)
    return _libraries(frame, source, path)


def _plain(cell: Any) -> str:
    """Return a cell as text; years and counts come as floats from a workbook."""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def library_table(path: Path, source: "Source") -> pd.DataFrame:
    """Return all rows of the cleaned library dataset, its wanted columns named as here."""
    raw = read_parquet(path, source)
    places = resolve([str(c) for c in raw.columns], _LIBRARY, source, path.name)
    frame = pd.DataFrame({name: raw.iloc[:, place] for name, place in places.items()})
    for name in frame:
        if _LIBRARY[name].kind == "text":
            frame[name] = tidy_text(frame[name].where(frame[name].notna(), ""))
    return frame


def _libraries(frame: pd.DataFrame, source: "Source", path: Path) -> pd.DataFrame:
    check_rows(len(frame), source, path)
    frame = library_register(frame, source, path.name)
    frame = frame[frame["standing"] == "open"].reset_index(drop=True)
    if frame.empty:
        raise fail(
            source,
            path,
            "no library in it is open",
            "check the columns 'Year closed' and 'Operation in 2023'",
        )
    owner = frame["service_code"].fillna(frame["service"]) if "service_code" in frame else frame["service"]
    postcode = frame["postcode"].map(tidy_postcode)
    ids = [slug(who, name) for who, name in zip(owner, frame["name"], strict=True)]
    out = pd.DataFrame(
        {
            "venue_id": unique_ids(source.id, ids, [list(postcode)]),
            "name": frame["name"],
            "kind": "library",
            "is_existing": True,
            "postcode": postcode,
            "x_m": pd.Series(frame.get("easting", np.nan), index=frame.index, dtype=float),
            "y_m": pd.Series(frame.get("northing", np.nan), index=frame.index, dtype=float),
            "hours_per_week": frame["hours"],
        }
    )
    return finish_venues(out, source, path.name)


_STOP = {
    "organisation": field("organisation"), "mobile": field("mobile"), "route": field("route"), "stop": field("stop"),
    "community": field("community", is_optional=True), "postcode": field("postcode", is_optional=True),
    "lon": field("geox|longitude|lon", kind="number"), "lat": field("geoy|latitude|lat", kind="number"),
    "day": field("day"), "arrival": field("arrival"), "departure": field("departure"), "frequency": field("frequency"),
}  # fmt: skip
_WEEKS_A_MONTH = 365.25 / 12 / 7


def read_mobile_stops_parquet(path: Path, source: "Source") -> pd.DataFrame:
    """Read mobile library stops from Parquet: venue columns, one row a stop and visit; see `visit_hours`."""
    raw = read_parquet(path, source)
    places = resolve([str(c) for c in raw.columns], _STOP, source, path.name)
    frame = pd.DataFrame({name: raw.iloc[:, place] for name, place in places.items()})
    for name in frame:
        if _STOP[name].kind == "text":
            frame[name] = tidy_text(frame[name].where(frame[name].notna(), ""))
    return _stops(frame, source, path)


def read_mobile_stops_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read mobile library stops from CSV; see `read_mobile_stops_parquet`."""
    return _stops(read_columns(load_text(path, source), _STOP, source), source, path)


def visit_hours(arrival: object, departure: object, frequency: object) -> float:
    """Return hours a week of a stop from its times (`09:20`, `09:45`) and rule (`FREQ=WEEKLY;INTERVAL=2`, ...).

    NaN where any of them is missing or is not understood, or where the stop ends before it begins.
    """
    times = [
        re.fullmatch(r"(\d{1,2}):(\d{2})(:\d{2})?", str(value).strip()) for value in (arrival, departure)
    ]
    if not all(times):
        return float("nan")
    start, end = (int(t[1]) + int(t[2]) / 60 for t in times if t)
    parts = dict(part.split("=", 1) for part in str(frequency).upper().split(";") if "=" in part)
    if end <= start or parts.get("FREQ") not in {"WEEKLY", "MONTHLY"}:
        return float("nan")
    if parts["FREQ"] == "WEEKLY":
        return (end - start) / int(parts.get("INTERVAL", "1"))
    visits = len(parts["BYDAY"].split(",")) if parts.get("BYDAY") else 1
    return (end - start) * visits / int(parts.get("INTERVAL", "1")) / _WEEKS_A_MONTH


def _stops(frame: pd.DataFrame, source: "Source", path: Path) -> pd.DataFrame:
    check_rows(len(frame), source, path)
    x, y = to_grid(frame["lon"], frame["lat"])
    community = (
        frame["community"] if "community" in frame else pd.Series(None, index=frame.index, dtype="str")
    )
    postcode = frame["postcode"] if "postcode" in frame else pd.Series(None, index=frame.index, dtype="str")
    ids = [slug(*parts) for parts in zip(frame["organisation"], frame["route"], frame["stop"], strict=True)]
    out = pd.DataFrame(
        {
            "venue_id": unique_ids(
                source.id, ids, [list(frame["mobile"]), list(frame["day"]), list(frame["arrival"].map(slug))]
            ),
            "name": [
                s if pd.isna(c) or c in s else f"{s}, {c}"
                for s, c in zip(frame["stop"], community, strict=True)
            ],
            "kind": "mobile_library_stop",
            "is_existing": False,
            "postcode": postcode.map(tidy_postcode),
            "x_m": x,
            "y_m": y,
            "hours_per_week": [
                visit_hours(*v)
                for v in zip(frame["arrival"], frame["departure"], frame["frequency"], strict=True)
            ],
        }
    )
    return finish_venues(out, source, path.name)
