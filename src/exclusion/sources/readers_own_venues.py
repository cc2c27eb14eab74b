"""A council's own list of venues: CSV, workbook, GeoJSON or GeoPackage, with its columns guessed and rows accounted for."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.sources.contracts import fail
from exclusion.sources.own_venue_tables import guess_columns, venue_table
from exclusion.sources.readers_text import (
    tidy_text,
)
from exclusion.sources.readers_venues import (
    KINDS,
    finish_venues,
    place_by_postcode,
    slug,
    tidy_postcode,
    to_grid,
    unique_ids,
)

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_KIND_WORDS = (
    ("mobile_library_stop", r"mobile"), ("library", r"librar|llyfrgell"),
    ("village_hall", r"village|parish hall|memorial hall|institute|neuadd"),
    ("community_centre", r"communit|hub|youth|leisure|cymuned"), ("gp_practice", r"\bgp\b|surgery|medical|health|meddygfa"),
    ("jobcentre", r"job ?cent"), ("post_office", r"post ?office"), ("pharmacy", r"pharmac|chemist"),
    ("place_of_worship", r"church|chapel|mosque|temple|synagogue|gurdwara|eglwys|\bcapel\b"), ("school", r"school|college|academy|ysgol"),
)  # fmt: skip
_YES, _NO = {"yes", "y", "true", "1", "x", "1.0"}, {"no", "n", "false", "0", "", "0.0", "nan", "none"}
_WEEK_HOURS = 168
# Great Britain: degrees and metres cannot be taken for each other.
_DEGREES = (-9.0, 49.0, 2.5, 61.5)


@dataclass(frozen=True)
class OwnVenues:
    """What was read of a council's file.

    `venues` has the venue columns. `left_out` has `row` (as a spreadsheet numbers it), `name` and `reason` for every
    row that could not be used. `columns` tells which header was taken for what. `extras` has, for each venue, what
    only a plan asks of it: `venue_id, cost, capacity_people, parish, round_id` (null where the file has no such column
    or no such entry). `unread` has `row, name, what` ("hours_per_week", "cost" or "capacity_people") and `written` for
    every entry of a venue that is no number there can be, and so is null in the tables.
    """

    venues: pd.DataFrame
    left_out: pd.DataFrame
    columns: dict[str, str]
    extras: pd.DataFrame
    unread: pd.DataFrame


def read_venues_file(path: Path, source: "Source") -> pd.DataFrame:
    """Read a venue file; rows with a postcode and no coordinates have null positions for `place_by_postcode`.

    Rows that cannot be used are listed in the table's `attrs["left_out"]` (row, name, reason); see `read_own_venues`.
    """
    found = _read(path, source)
    table = found.venues
    table.attrs["left_out"] = found.left_out.to_dict(orient="records")
    return table


def read_own_venues(path: Path, source: "Source", postcodes: pd.DataFrame | None = None) -> OwnVenues:
    """Read a venue file and place its rows: by coordinates, shape, or postcode through Code-Point Open.

    Columns are guessed from their headers: name, postcode, easting and northing or latitude and longitude, kind,
    whether digital help is given there now, hours a week, an id. Every row is either a venue or is in `left_out`
    with the reason. Titles above the headers are passed over. ContractError where no column is a name, none says
    where venues are, or no row can be used.
    """
    found = _read(path, source)
    placed = place_by_postcode(found.venues, postcodes)
    lost = placed.left_out.assign(row=placed.left_out["venue_id"].map(found.venues.attrs["rows"]))
    left_out = pd.concat([found.left_out, lost[["row", "name", "reason"]]], ignore_index=True)
    if placed.venues.empty:
        raise _nothing(left_out, source, path)
    extras = found.extras[found.extras["venue_id"].isin(placed.venues["venue_id"])]
    return OwnVenues(
        placed.venues,
        left_out.sort_values("row", ignore_index=True),
        found.columns,
        extras.reset_index(drop=True),
        found.unread[~found.unread["row"].isin(left_out["row"])].reset_index(drop=True),
    )


def _nothing(left_out: pd.DataFrame, source: "Source", path: Path) -> Exception:
    first = left_out.sort_values("row").iloc[0]
    return fail(
        source,
        path,
        f"none of its {len(left_out):,} rows can be used: row {first['row']} ({first['name'] or 'no name'}), {first['reason']}",
        "give each venue a name and a postcode or coordinates",
    )


def _read(path: Path, source: "Source") -> OwnVenues:
    raw, first_row = venue_table(path, source)
    if raw.empty:
        raise fail(source, path, "there is no row of data in the file", "give each venue a row")
    columns = guess_columns([str(c) for c in raw.columns])
    where = [{"easting", "northing"}, {"longitude", "latitude"}, {"postcode"}]
    if "name" not in columns or not any(keys <= set(columns) for keys in where):
        shown = ", ".join(f"'{c}'" for c in list(raw.columns)[:10])
        lacking = (
            "a name"
            if "name" not in columns
            else "where venues are (postcode, easting and northing, or latitude and longitude)"
        )
        raise fail(
            source,
            path,
            f"no column says {lacking} among {shown}",
            "name the columns so, for example name, postcode, kind",
        )
    rows = pd.Series(first_row + raw.index.to_numpy())
    raw = raw.reset_index(drop=True)
    get = {key: tidy_text(raw[header].astype("str")) for key, header in columns.items()}
    x, y, odd = _positions(get, len(raw))
    blank = pd.Series(None, index=raw.index, dtype="str")
    names = get["name"]
    postcodes = get.get("postcode", blank).map(tidy_postcode).astype("object")
    kind = str(source.options.get("kind", ""))
    kinds = [_kind(t, n, kind) for t, n in zip(get.get("kind", blank), names, strict=True)]
    is_existing, odd_flags = _flags(get.get("is_existing"), len(raw))
    hours = _numbers(get.get("hours"), len(raw))
    hours = np.where((hours >= 0) & (hours <= _WEEK_HOURS), hours, np.nan)
    reasons = []
    for i in range(len(raw)):
        written = get.get("postcode", blank).iloc[i]
        has_postcode = isinstance(postcodes.iloc[i], str)
        reason = odd[i] or odd_flags[i]
        if not isinstance(names.iloc[i], str):
            reason = "it has no name"
        elif not reason and np.isnan(x[i]) and isinstance(written, str) and not has_postcode:
            reason = f"'{written}' is no postcode"
        elif not reason and np.isnan(x[i]) and not has_postcode:
            reason = "it has neither coordinates nor a postcode"
        reasons.append(reason)
    frame = pd.DataFrame(
        {
            "row": rows,
            "name": names,
            "kind": kinds,
            "is_existing": is_existing,
            "postcode": postcodes,
            "x_m": x,
            "y_m": y,
            "hours_per_week": hours,
            "cost": _numbers(get.get("cost"), len(raw)),
            "capacity_people": _numbers(get.get("capacity_people"), len(raw)),
            "parish": get.get("parish", blank),
            "round_id": get.get("round_id", blank),
        }
    )
    ids = (
        get["id"].map(slug)
        if "id" in get
        else pd.Series([slug(n, p) for n, p in zip(names, postcodes, strict=True)])
    )
    frame["slug"] = [i if isinstance(i, str) and i else slug(n) for i, n in zip(ids, names, strict=True)]
    frame["reason"] = reasons
    if "id" in get:
        _refuse_twice(frame)
    is_same = frame["reason"].eq("") & frame.duplicated(["slug", "name", "postcode", "x_m", "y_m"])
    frame.loc[is_same, "reason"] = "it repeats an earlier row"
    left_out = frame.loc[frame["reason"] != "", ["row", "name", "reason"]].reset_index(drop=True)
    left_out["name"] = left_out["name"].fillna("")
    used = frame[frame["reason"] == ""].reset_index(drop=True)
    if used.empty:
        raise _nothing(left_out, source, path)
    used["venue_id"] = unique_ids(source.id, list(used["slug"]), [list(used["postcode"])])
    rows_by_id = dict(zip(used["venue_id"], used["row"].astype(int), strict=True))
    venues = finish_venues(used, source, path.name)
    venues.attrs["rows"] = rows_by_id
    extras = used[["venue_id", "cost", "capacity_people", "parish", "round_id"]]
    return OwnVenues(venues, left_out, columns, extras, _unread(frame, get))


def _unread(frame: pd.DataFrame, get: dict[str, pd.Series]) -> pd.DataFrame:
    """Return the entries of usable rows that say something where a number is wanted, and none that there can be."""
    parts = []
    for key, what in (("hours", "hours_per_week"), ("cost", "cost"), ("capacity_people", "capacity_people")):
        if key in get:
            is_odd = frame["reason"].eq("") & get[key].notna() & frame[what].isna()
            parts.append(frame.loc[is_odd, ["row", "name"]].assign(what=what, written=get[key][is_odd]))
    empty = pd.DataFrame({"row": [], "name": [], "what": [], "written": []}, dtype="object")
    return pd.concat([part for part in parts if len(part)] or [empty], ignore_index=True)


def _refuse_twice(frame: pd.DataFrame) -> None:
    """An id that stands for two different venues can be used for neither."""
    known = frame["reason"].eq("")
    same = frame[known].groupby("slug")["name"].transform("nunique") > 1
    for i in same.index[same]:
        frame.loc[i, "reason"] = f"its id '{frame.loc[i, 'slug']}' stands for another venue too"


def _numbers(values: pd.Series | None, size: int) -> np.ndarray[Any, Any]:
    if values is None:
        return np.full(size, np.nan)
    bare = values.astype("str").str.replace(r"[,£\s]", "", regex=True)
    numbers: np.ndarray[Any, Any] = pd.to_numeric(bare, errors="coerce").to_numpy(float)
    return numbers


def _positions(
    get: dict[str, pd.Series], size: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[str]]:
    """Return grid metres and, for each row, what is wrong with its coordinates (empty where nothing is)."""
    east, north = _numbers(get.get("easting"), size), _numbers(get.get("northing"), size)
    lon, lat = _numbers(get.get("longitude"), size), _numbers(get.get("latitude"), size)
    odd = [""] * size
    # Degrees under the headings x and y are common; no place of Britain has metres so small.
    is_degrees = (np.abs(east) <= 180) & (np.abs(north) <= 90) & ~((east == 0) & (north == 0))
    lon, lat = np.where(is_degrees, east, lon), np.where(is_degrees, north, lat)
    east, north = np.where(is_degrees, np.nan, east), np.where(is_degrees, np.nan, north)
    is_zero = (east == 0) & (north == 0)
    east, north = np.where(is_zero, np.nan, east), np.where(is_zero, np.nan, north)
    x, y = to_grid(lon, lat)
    x, y = (
        np.where(np.isfinite(east) & np.isfinite(north), east, x),
        np.where(np.isfinite(east) & np.isfinite(north), north, y),
    )
    for i in range(size):
        if (
            np.isfinite(lon[i])
            and np.isfinite(lat[i])
            and not (_DEGREES[0] < lon[i] < _DEGREES[2] and _DEGREES[1] < lat[i] < _DEGREES[3])
        ):
            odd[i] = f"its coordinates ({lat[i]:g}, {lon[i]:g}) lie outside Great Britain"
        elif np.isfinite(x[i]) and not (0 <= x[i] <= 700_000 and 0 <= y[i] <= 1_300_000):
            odd[i] = f"its coordinates ({x[i]:.0f}, {y[i]:.0f}) lie outside Great Britain"
    return x, y, odd


def _kind(written: object, name: object, default: str) -> str:
    if default:
        return default
    text = written if isinstance(written, str) else ""
    if slug(text).replace("-", "_") in KINDS:
        return slug(text).replace("-", "_")
    for words in (text, name if isinstance(name, str) else ""):
        for kind, pattern in _KIND_WORDS:
            if re.search(pattern, words, re.IGNORECASE):
                return kind
    return "other"


def _flags(values: pd.Series | None, size: int) -> tuple[list[bool], list[str]]:
    if values is None:
        return [False] * size, [""] * size
    words = [v.strip().lower() if isinstance(v, str) else "" for v in values]
    return [w in _YES for w in words], [
        "" if w in _YES | _NO else f"'{w}' is neither yes nor no" for w in words
    ]
