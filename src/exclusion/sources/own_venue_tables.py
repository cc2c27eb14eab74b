"""The rows and columns of a council's own list of venues, whatever kind of file it is."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import SourceError
from exclusion.sources.contracts import fail
from exclusion.sources.readers_sheets import open_workbook, sheet_rows
from exclusion.sources.readers_text import TextFile, fold_header, load_text, parse_text, read_places

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# What each column may be called, the likelier first; the first header that fits is taken.
_GUESSES = {
    "id": (r"venue[ _]?id", r"id|ref(erence)?|code|uprn|urn|site[ _]?(id|code|ref)"),
    "name": (
        r"(venue|site|hall|building|library|office)?[ _]?name",
        r"venue|site|hall|building|title|organisation|location",
    ),
    "kind": (r"kind|type|category|venue[ _]?type|site[ _]?type",),
    "postcode": (r"post[ _]?code", r"pcds?|pcd\d|zip"),
    "easting": (r"eastings?|x_m|osgb_?x|bng_?e|geo_?x_?m?", r"x"),
    "northing": (r"northings?|y_m|osgb_?y|bng_?n", r"y"),
    "longitude": (r"longitude|lon|long|lng",),
    "latitude": (r"latitude|lat",),
    "is_existing": (
        r"is[ _]?existing|existing|((gives?|has|offers?)[ _])?digital[ _]?(help|champion|support).*|has[ _]?champions?",
    ),
    "hours": (r"hours[ _]?per[ _]?week|hours[ _]?open.*|weekly[ _]?hours|hours",),
    "cost": (r"costs?", r"(.*[ _])?costs?([ _(].*)?"),
    "capacity_people": (r"capacity([ _]?people)?|people[ _]?(helped[ _])?(a|per)[ _]?(session|year)",),
    "parish": (r"parish([ _]?(name|code))?|par(n?cp)?\d\d(cd|nm)",),
    "round_id": (r"round([ _]?(id|name))?|route([ _]?(id|name))?",),
}
# A header stands in the first rows, below titles and dates.
_TITLE_ROWS = 20


def guess_columns(headers: Sequence[str]) -> dict[str, str]:
    """Return which header is taken for what; a header is taken once, and the likelier name wins."""
    taken: dict[str, str] = {}
    for key, patterns in _GUESSES.items():
        for pattern in patterns:
            hit = next(
                (
                    h
                    for h in headers
                    if h not in taken.values() and re.fullmatch(pattern, _plain_header(h), re.IGNORECASE)
                ),
                None,
            )
            if hit is not None:
                taken[key] = hit
                break
    return taken


def _plain_header(header: str) -> str:
    """Return a header without the marks that people put into one: "Post-code:" is "Post code"."""
    return re.sub(r"[\s\-:*.#?]+", " ", fold_header(header)).strip()


def venue_table(path: Path, source: "Source") -> tuple[pd.DataFrame, int]:
    """Return the file's rows as text, indexed by where they stand, and the number a spreadsheet gives the first of them.

    Blank rows and titles above the headers are passed over; shapes become easting and northing. SourceError where the
    file cannot be read or has no column for names.
    """
    suffix = path.suffix.lower()
    if suffix in {".geojson", ".json", ".gpkg", ".shp"}:
        return _shapes(path, source), 1
    if suffix in {".xlsx", ".xls", ".ods"}:
        book = open_workbook(path, source)
        for sheet in book.sheet_names:
            rows = sheet_rows(book, sheet)
            top = next(
                (
                    i
                    for i, row in enumerate(rows[:_TITLE_ROWS])
                    if "name" in guess_columns([str(c) for c in row if str(c).strip()])
                ),
                None,
            )
            if top is not None:
                header = [str(c).strip() or f"column {i}" for i, c in enumerate(rows[top])]
                body = [[_plain(c) for c in row] for row in rows[top + 1 :]]
                return _without_blank(pd.DataFrame(body, columns=_unlike(header))), top + 2
        raise fail(
            source,
            path,
            f"no sheet has a column for names of venues ({', '.join(book.sheet_names)})",
            "add a header row",
        )
    file, first_row = _below_titles(load_text(path, source), source)
    header = _unlike(list(file.header))
    frame = read_places(file, {h: (i, "text") for i, h in enumerate(header)}, source)
    return _without_blank(frame), first_row


def _below_titles(file: TextFile, source: "Source") -> tuple[TextFile, int]:
    """Return a text from the row of its headers on, and the number a spreadsheet gives the row below.

    The text as it stands where none of its first rows has a header for names: it is refused with its own first row.
    """
    found = file
    for first_row in range(2, _TITLE_ROWS + 2):
        if "name" in guess_columns([cell for cell in found.header if cell]):
            return found, first_row
        if not found.body.strip():
            break
        found = parse_text(found.body, file.name, source)
    return file, 2


def _unlike(header: list[str]) -> list[str]:
    """Return headers with a number behind each that repeats an earlier one, so that none hides another."""
    seen: dict[str, int] = {}
    out = []
    for name in header:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def _without_blank(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop blank rows; the index says where the others stand in the file, so that row numbers stay true."""
    return frame[~frame.replace("", np.nan).isna().all(axis=1)]


def _plain(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def _shapes(path: Path, source: "Source") -> pd.DataFrame:
    import geopandas
    import pyogrio.errors

    try:
        frame = geopandas.read_file(path, engine="pyogrio")
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as fault:
        raise SourceError(
            f"{source.id}: {path.name} cannot be read as a map layer ({str(fault).splitlines()[0]}); save it again."
        ) from None
    if not isinstance(frame, geopandas.GeoDataFrame):
        return pd.DataFrame(frame).astype("str")
    if frame.crs is None:
        raise fail(
            source,
            path,
            "it does not say in which coordinate system it is",
            "save it as EPSG:27700 or EPSG:4326",
        )
    points = frame.geometry.to_crs("EPSG:27700").representative_point()
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    named = guess_columns([str(c) for c in table.columns])
    # The shape says where a venue is; columns that say it too may be stale.
    table = table.drop(
        columns=[named[k] for k in ("easting", "northing", "longitude", "latitude") if k in named]
    )
    out = table.astype("object").where(table.notna(), "").astype("str")
    is_there = ~(frame.geometry.isna() | frame.geometry.is_empty)
    out["easting"] = [str(p.x) if ok else "" for p, ok in zip(points, is_there, strict=True)]
    out["northing"] = [str(p.y) if ok else "" for p, ok in zip(points, is_there, strict=True)]
    return out
