"""Small pictures as accessible SVG: a locator map, bars of reasons, a range. Each says in words what it shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely

from exclusion.publish.briefs.spoken import amount, apart
from exclusion.publish.map.markup import escaped as e

# From most to least excluded, as in the map files; the last is for areas without a rank.
FILLS = ("#253494", "#2c7fb8", "#41b6c4", "#a1dab4", "#ffffcc", "#d9d9d9")
FIFTHS = (
    "most excluded fifth",
    "second fifth",
    "middle fifth",
    "fourth fifth",
    "least excluded fifth",
    "not ranked",
)
_SIDE = 300.0
_MARK = "#c51b1b"
# More areas than this are drawn as small squares, for outlines would be too fine to see and too large to send.
_MOST_OUTLINES = 1_500
_SQUARE = 3


@dataclass(frozen=True)
class Picture:
    """An SVG and what it shows, in words."""

    svg: str
    title: str


def fifth_of(ranks: pd.Series, ranked: int) -> Any:
    """Return for each area the position (0 to 4) of its fifth by exclusion rank, 5 where it is not ranked."""
    known = ranks.astype(float)
    found = np.ceil(5.0 * known / ranked).clip(1, 5) - 1
    return found.fillna(5).astype(int)


def locator(
    areas: Any,
    fifths: pd.Series,
    *,
    title: str,
    words: str,
    marked: Sequence[str] = (),
    pins: Any = None,
    name: str = "map",
) -> Picture:
    """Return a small map: `areas` (GeoDataFrame by `lsoa21cd`, 27700) filled by fifth, `marked` ones outlined.

    `pins` may hold `x_m, y_m` of venues, drawn as numbered points. `words` says what the map shows for those who do
    not see it.
    """
    west, south, east, north = areas.total_bounds
    scale = (_SIDE - 8) / max(east - west, north - south)
    width, height = (east - west) * scale + 8, (north - south) * scale + 8

    def to_page(xy: Any) -> Any:
        return np.column_stack([(xy[:, 0] - west) * scale + 4, (north - xy[:, 1]) * scale + 4])

    codes = fifths.reindex(areas.index).to_numpy()
    parts = []
    if len(areas) > _MOST_OUTLINES:
        parts += _squares(areas, codes, to_page)
    else:
        outlines = shapely.simplify(areas.geometry.to_numpy(), 0.4 / scale, preserve_topology=False)
        for code in range(len(FILLS) - 1, -1, -1):
            path = _path(outlines[codes == code], to_page)
            if path:
                parts.append(
                    f'<path d="{path}" fill="{FILLS[code]}" stroke="#8a8a8a" stroke-width="0.3" fill-rule="evenodd"/>'
                )
    is_marked = areas.index.isin(list(marked))
    if is_marked.any():
        path = _path(shapely.simplify(areas.geometry.to_numpy()[is_marked], 0.2 / scale), to_page)
        parts.append(f'<path d="{path}" fill="none" stroke="{_MARK}" stroke-width="2.5"/>')
        x, y = to_page(np.array([[areas.loc[is_marked, "x_m"].mean(), areas.loc[is_marked, "y_m"].mean()]]))[
            0
        ]
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="14" fill="none" stroke="{_MARK}" stroke-width="2"/>'
        )
    if pins is not None and len(pins):
        for number, (x, y) in enumerate(to_page(pins[["x_m", "y_m"]].to_numpy(float)), start=1):
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="#ffffff" stroke="{_MARK}" stroke-width="2"/>'
                f'<text x="{x:.1f}" y="{y + 3.5:.1f}" text-anchor="middle" font-size="10" font-weight="bold" fill="#000000">{number}</text>'
            )
    return Picture(_svg(name, width, height, title, words, "".join(parts)), title)


def _squares(areas: Any, codes: Any, to_page: Any) -> list[str]:
    """Return one path a fifth of small squares, each as dark as the most excluded area whose people live in it."""
    spots = (to_page(areas[["x_m", "y_m"]].to_numpy(float)) // _SQUARE).astype(int)
    order = np.lexsort((codes, spots[:, 1], spots[:, 0]))
    spots, codes = spots[order], codes[order]
    is_first = np.concatenate(([True], (np.diff(spots, axis=0) != 0).any(axis=1)))
    spots, codes = spots[is_first], codes[is_first]
    found = []
    for code in range(len(FILLS) - 1, -1, -1):
        here = spots[codes == code] * _SQUARE
        if len(here):
            path = "".join(f"M{x} {y}h{_SQUARE}v{_SQUARE}h-{_SQUARE}z" for x, y in here)
            found.append(f'<path d="{path}" fill="{FILLS[code]}"/>')
    return found


def _path(shapes: Any, to_page: Any) -> str:
    """Return the rings of polygons as one SVG path in tenths of a unit."""
    rings = shapely.get_rings(shapely.get_parts(shapes))
    xy = to_page(shapely.get_coordinates(rings)).tolist()
    text = []
    last = 0
    for count in shapely.get_num_coordinates(rings).tolist():
        first, last = last, last + count
        if count > 3:
            # A path closes by itself: the last vertex, which is the first again, is left out.
            text.append("M" + "L".join([f"{x:.1f} {y:.1f}" for x, y in xy[first : last - 1]]) + "z")
    return "".join(text)


def legend(codes: pd.Series) -> str:
    """Return the legend as a list: colour, meaning and how many areas, for the fifths that are there."""
    counts = codes.value_counts()
    rows = "".join(
        f'<li><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" fill="{FILLS[at]}" stroke="#5a5a5a"/></svg> '
        f"{e(FIFTHS[at].capitalize())}: {int(counts[at]):,} area{'' if counts[at] == 1 else 's'}</li>"
        for at in range(len(FILLS))
        if counts.get(at, 0)
    )
    return f'<ul class="brief-key">{rows}</ul>'


def bars(rows: Sequence[tuple[str, float]], *, title: str, words: str, name: str = "bars") -> Picture:
    """Return bars to the right (raises risk) and to the left (lowers it) of a middle line, with their numbers."""
    top = max((abs(value) for _, value in rows), default=1.0) or 1.0
    step, middle, half = 26, 265, 85
    parts = [f'<line x1="{middle}" y1="0" x2="{middle}" y2="{len(rows) * step}" stroke="#5a5a5a"/>']
    for at, (label, value) in enumerate(rows):
        length = abs(value) / top * half
        start = middle if value >= 0 else middle - length
        number_x, anchor = (middle + length + 4, "start") if value >= 0 else (middle - length - 4, "end")
        parts.append(
            f'<text x="0" y="{at * step + 17}" font-size="15" fill="currentColor">{e(label)}</text>'
            f'<rect x="{start:.1f}" y="{at * step + 5}" width="{length:.1f}" height="16" fill="{"#b35806" if value >= 0 else "#2c7fb8"}"/>'
            f'<text x="{number_x:.1f}" y="{at * step + 17}" font-size="14" text-anchor="{anchor}" fill="currentColor">{value:+.1f}</text>'
        )
    return Picture(_svg(name, 400, len(rows) * step, title, words, "".join(parts)), title)


def interval(low: float, middle: float, high: float, *, title: str, name: str = "range") -> Picture:
    """Return a line from low to high with the estimate marked, all three with their numbers, and the same in words."""
    span = max(high - low, 1e-9)
    x = 40 + (middle - low) / span * 280
    figures = apart(low, middle, high)
    least, likely, most = (amount(value, figures) for value in (low, middle, high))
    words = f"The estimate is {likely}; it is likely from {least} to {most}."
    parts = (
        f'<line x1="40" y1="26" x2="320" y2="26" stroke="#2c7fb8" stroke-width="6"/>'
        f'<circle cx="{x:.1f}" cy="26" r="8" fill="#253494"/>'
        f'<text x="40" y="50" font-size="12" text-anchor="middle" fill="currentColor">{least}</text>'
        f'<text x="{x:.1f}" y="13" font-size="13" font-weight="bold" text-anchor="middle" fill="currentColor">{likely}</text>'
        f'<text x="320" y="50" font-size="12" text-anchor="middle" fill="currentColor">{most}</text>'
    )
    return Picture(_svg(name, 360, 56, title, words, parts), title)


def _svg(name: str, width: float, height: float, title: str, words: str, body: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img" aria-labelledby="{name}-title {name}-words">'
        f'<title id="{name}-title">{e(title)}</title><desc id="{name}-words">{e(words)}</desc>{body}</svg>'
    )
