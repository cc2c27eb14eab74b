"""Points on the map: venues, place names, postcodes; and the lines behind it (main roads, councils round about)."""

from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.publish.map.arcs import world_pixels
from exclusion.publish.map.content import PageContent
from exclusion.publish.map.markup import cleaned
from exclusion.publish.map.packing import json_bytes, streams, zigzag
from exclusion.publish.map.words import Words

# How many areas met last are coded by their place among them: postcodes of one sector lie in a few areas.
RECENT = 64
# Numbers that the last two letters of a postcode can have: all pairs, and none.
_UNITS = 1 + 26 * 26
_VENUE_COLUMNS = ("venue_id", "name", "kind", "is_existing", "x_m", "y_m")


def checked_venues(content: PageContent) -> pd.DataFrame:
    """Return the venues that have coordinates, sorted by venue_id; raise ContractError where a column is missing."""
    venues = content.venues
    if venues is None:
        return pd.DataFrame(columns=list(_VENUE_COLUMNS))
    for column in _VENUE_COLUMNS:
        if column not in venues.columns:
            raise ContractError(f"The map's venues table has no {column} column: see docs/architecture.md.")
    if not venues["venue_id"].is_unique:
        twice = venues.loc[venues["venue_id"].duplicated(), "venue_id"].iloc[0]
        raise ContractError(
            f"The map's venues table holds venue {twice} more than once: give one row for each."
        )
    is_placed = np.isfinite(venues[["x_m", "y_m"]].astype(float)).all(axis=1)
    return venues[is_placed].sort_values("venue_id", key=lambda ids: ids.astype(str)).reset_index(drop=True)


def venue_list(content: PageContent, words: Words, zoom: int) -> list[list[Any]]:
    """Return each venue as [id, name, kind, is existing (0 or 1), detail, x, y] in pixels at `zoom`."""
    venues = checked_venues(content)
    if not len(venues):
        return []
    points = world_pixels(venues["x_m"], venues["y_m"], zoom).tolist()
    found = []
    columns = ("venue_id", "name", "kind", "is_existing", "postcode", "hours_per_week")
    rows = zip(*(_listed(venues, column) for column in columns), points, strict=True)
    for venue_id, name, kind, is_existing, postcode, hours, (x, y) in rows:
        called = kind_name(kind, words)
        details = []
        if isinstance(postcode, str):
            details.append(cleaned(postcode))
        if hours is not None and pd.notna(hours):
            details.append(words("venue.hours", hours=f"{float(hours):g}"))
        found.append([
            str(venue_id), cleaned(name) or called, called, int(bool(is_existing)), ", ".join(details), x, y,
        ])  # fmt: skip
    return found


def _listed(table: pd.DataFrame, column: str) -> list[Any]:
    """Return a column's values; None for each row where the table has no such column."""
    return table[column].tolist() if column in table else [None] * len(table)


def kind_name(kind: object, words: Words) -> str:
    """Return what a kind of venue is called; one that has no name is spelt out."""
    return words.get(f"venue.{kind}") or cleaned(kind).replace("_", " ")


def venue_names(content: PageContent, words: Words) -> dict[str, str]:
    """Return for each venue its name with its kind and, where known, its postcode."""
    if content.venues is None:
        return {}
    found = {}
    columns = (_listed(content.venues, column) for column in ("venue_id", "name", "kind", "postcode"))
    for venue_id, name, kind, postcode in zip(*columns, strict=True):
        parts = [
            cleaned(name),
            kind_name(kind, words),
            cleaned(postcode) if isinstance(postcode, str) else "",
        ]
        found[str(venue_id)] = ", ".join(part for part in parts if part)
    return found


def place_name_list(content: PageContent, zoom: int) -> list[list[Any]]:
    """Return place names as [name, size, x, y], largest places first."""
    names = content.context.place_names
    if names is None or not len(names):
        return []
    names = names.sort_values(["size", "name"], kind="stable")
    points = world_pixels(names["x_m"], names["y_m"], zoom).tolist()
    return [
        [cleaned(name), int(size), x, y]
        for name, size, (x, y) in zip(names["name"], names["size"], points, strict=True)
    ]


def postcode_block(content: PageContent) -> bytes:
    """Return postcodes and the area of each, sorted, as five streams; empty where none are given.

    Sectors ("NE46 1") as a JSON list of endings behind beginnings shared with the one before; how many entries each
    has; each entry's last two letters as steps (0 = the sector itself); each entry's area: below RECENT its place
    among the areas met last, else RECENT plus the step from the area before (zigzag).
    """
    postcodes = content.postcodes
    if postcodes is None or not len(postcodes):
        return b""
    at = content.areas.index.get_indexer(postcodes["lsoa21cd"])
    is_here = at >= 0
    names = [" ".join(str(name).upper().split()) for name in postcodes["postcode"].to_numpy()[is_here]]
    called, unit = _sectors_and_units(names)
    sectors, sector = np.unique(called, return_inverse=True)
    # In order of sector and unit; of a postcode that is there twice the first is taken.
    _, first = np.unique(sector * _UNITS + unit, return_index=True)
    sector, unit, area = sector[first], unit[first], at[is_here][first]
    counts = np.bincount(sector, minlength=len(sectors))
    is_new = np.append(True, sector[1:] != sector[:-1])[: len(sector)]
    steps = np.where(is_new, unit, np.diff(unit, prepend=0))
    named = sectors.tolist()
    shared = [_shared_length(before, name) for before, name in zip(["", *named], named, strict=False)]
    endings = json_bytes([name[length:] for name, length in zip(named, shared, strict=True)])
    text = np.frombuffer(endings, dtype=np.uint8)
    return streams([text, shared, counts, steps, recency_codes(area.tolist())])


def _sectors_and_units(names: list[str]) -> tuple[Any, Any]:
    """Return the sector of each postcode and the number of its last two letters from 1; 0 for a sector, or any other text."""
    # Room for four letters more than the longest has, so that each text has a last, and a last but three.
    texts = np.array(names, dtype=f"U{4 + max(map(len, names), default=0)}")
    letters = texts.view(np.uint32).reshape(len(names), texts.itemsize // 4)
    last = np.char.str_len(texts) - 1
    row = np.arange(len(names))
    one, two = (
        letters[row, last - 1].astype(np.int64) - ord("A"),
        letters[row, last].astype(np.int64) - ord("A"),
    )
    digit = letters[row, last - 2].astype(np.int64) - ord("0")
    is_unit = (one >= 0) & (one < 26) & (two >= 0) & (two < 26) & (digit >= 0) & (digit < 10)
    is_unit &= letters[row, last - 3] == ord(" ")
    at = np.flatnonzero(is_unit)
    letters[at, last[at]] = letters[at, last[at] - 1] = 0
    return texts, np.where(is_unit, 1 + 26 * one + two, 0)


def recency_codes(areas: list[int]) -> list[int]:
    """Return small numbers for areas that come again soon: their place among the RECENT met last, else a step."""
    recent: list[int] = []
    codes = []
    before = 0
    for area in areas:
        if recent and area == before:
            codes.append(0)
            continue
        if area in recent:
            place = recent.index(area)
            codes.append(place)
            del recent[place]
        else:
            step = area - before
            codes.append(RECENT + (2 * step if step >= 0 else -2 * step - 1))
        recent.insert(0, area)
        del recent[RECENT:]
        before = area
    return codes


def _shared_length(before: str, name: str) -> int:
    """Return how many characters two texts share at their beginnings."""
    for length, (one, other) in enumerate(zip(before, name, strict=False)):
        if one != other:
            return length
    return min(len(before), len(name))


def context_block(content: PageContent, zoom: int) -> bytes:
    """Return main roads and outlines as packed lines (kind 0 = outline, 1 = road); empty where there are none.

    Streams: each line's kind, its number of vertices, steps from one vertex to the next (x, y), on through all lines.
    """
    import shapely

    kinds: list[Any] = []
    lengths: list[Any] = []
    lines: list[Any] = []
    for kind, series in ((0, content.context.outlines), (1, content.context.roads)):
        if series is None or not len(series):
            continue
        if series.crs is None or series.crs.to_epsg() != 27700:
            raise ContractError(
                "The map's context lines are not in EPSG:27700: reproject them before building a page."
            )
        shapes = series.to_numpy()
        is_area = shapely.get_dimensions(shapes) == 2
        shapes = np.where(is_area, shapely.boundary(shapes), shapes)
        merged = shapely.get_parts(shapely.line_merge(shapes))
        xy, line = shapely.get_coordinates(merged, return_index=True)
        pixels = world_pixels(xy[:, 0], xy[:, 1], zoom)
        moved = np.append(True, (np.diff(pixels, axis=0) != 0).any(axis=1) | (np.diff(line) != 0))[
            : len(line)
        ]
        counts = np.bincount(line[moved], minlength=len(merged))
        # A line that comes down to one pixel is not drawn.
        moved &= (counts > 1)[line]
        lines.append(pixels[moved])
        lengths.append(counts[counts > 1])
        kinds.append(np.full(len(lengths[-1]), kind))
    if not sum(map(len, lines)):
        return b""
    steps = np.diff(np.concatenate(lines), axis=0, prepend=[[0, 0]])
    return streams([np.concatenate(kinds), np.concatenate(lengths), zigzag(steps[:, 0]), zigzag(steps[:, 1])])
