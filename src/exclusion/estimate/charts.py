"""Inline SVG of the back-test report: drawn from numbers, no script, no font file, no network."""

from html import escape
from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError

_WIDTH, _HEIGHT, _PAD = 640, 420, 56
#: Observed less estimate in percentage points: edges, colours that colour-blind readers tell apart, and words.
_CLASSES = (
    (-np.inf, -2.0, "#542788", "2 points or more below the estimate"),
    (-2.0, -1.0, "#998ec3", "1 to 2 points below"),
    (-1.0, 1.0, "#d9d9d9", "within 1 point"),
    (1.0, 2.0, "#f1a340", "1 to 2 points above"),
    (2.0, np.inf, "#b35806", "2 points or more above the estimate"),
)
#: More areas than this are drawn as the means of cells: single marks would hide one another in towns.
_MOST_SHAPES = 3000
_CELL_PX = 2


def calibration_chart(calibration: pd.DataFrame) -> str:
    """Return a plot of mean observation by mean estimate, one point a tenth, with twice the standard error."""
    estimate = calibration["mean_estimate_pct"].to_numpy(float)
    observed = calibration["mean_observed_pct"].to_numpy(float)
    error = 2 * calibration["standard_error_pp"].fillna(0.0).to_numpy(float)
    top = float(np.ceil(max(estimate.max(), (observed + error).max()) / 2) * 2)

    def x(value: float) -> str:
        return f"{_PAD + value / top * (_WIDTH - 1.4 * _PAD):.1f}"

    def y(value: float) -> str:
        return f"{_HEIGHT - _PAD - value / top * (_HEIGHT - 1.4 * _PAD):.1f}"

    ticks = np.arange(0, top + 1e-9, max(1.0, top / 8 // 1))
    parts = [
        f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(top)}" y2="{y(top)}" stroke="#777" stroke-dasharray="6 4"/>',
        f'<path d="M{x(0)} {y(top)}V{y(0)}H{x(top)}" fill="none" stroke="#1a1a1a"/>',
    ]
    parts += [
        f'<text x="{x(tick)}" y="{_HEIGHT - _PAD + 20}" text-anchor="middle">{tick:.0f}</text>'
        f'<text x="{_PAD - 8}" y="{float(y(tick)) + 5:.1f}" text-anchor="end">{tick:.0f}</text>'
        for tick in ticks
    ]
    for one, other, span in zip(estimate, observed, error, strict=True):
        parts.append(
            f'<line x1="{x(one)}" y1="{y(max(other - span, 0))}" x2="{x(one)}" y2="{y(other + span)}" stroke="#1f4e8c" '
            f'stroke-width="2"/><circle cx="{x(one)}" cy="{y(other)}" r="5" fill="#1f4e8c"/>'
        )
    parts.append(
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 12}" text-anchor="middle">Estimate, held out (% of households)</text>'
        f'<text transform="translate(16 {_HEIGHT / 2}) rotate(-90)" text-anchor="middle">Observed (% of households)</text>'
    )
    gap = float(np.abs(observed - estimate).max())
    return _figure(
        "Calibration",
        f"Ten points, one for each tenth of areas; the largest gap between observation and estimate is {gap:.2f} "
        "percentage points. The table below holds the same numbers.",
        _WIDTH,
        _HEIGHT,
        "".join(parts),
    )


def residual_map(residuals: pd.DataFrame, *, points: pd.DataFrame | None = None, geometry: Any = None) -> str:
    """Return a map of observed less estimated share in five classes, or a sentence where no positions are given.

    Up to 3,000 areas are drawn as their own shapes where `geometry` (GeoSeries in EPSG:27700) is given, or as squares
    on their `points` (`x_m, y_m`). More of them are drawn as square cells, each by the mean over the areas whose
    points (or shapes' centres) it holds. Every class has its count of areas in the legend.
    """
    if geometry is None and points is None:
        return "<p>No map: neither shapes nor centres of the areas were given.</p>"
    if geometry is not None:
        if geometry.crs is None or geometry.crs.to_epsg() != 27700:
            raise ContractError(
                "The areas' geometry for the map of residuals is not in EPSG:27700; project it first."
            )
        shapes = geometry.reindex(residuals.index)
        if points is None:
            centres = shapes.representative_point()
            points = pd.DataFrame({"x_m": centres.x, "y_m": centres.y})
    assert points is not None
    places = points.reindex(residuals.index)[["x_m", "y_m"]].to_numpy(float)
    bounds = (
        geometry.reindex(residuals.index).total_bounds
        if geometry is not None
        else np.array([*np.nanmin(places, axis=0), *np.nanmax(places, axis=0)])
    )
    width = 640.0
    scale = (width - 20) / max(float(bounds[2] - bounds[0]), 1.0)
    height = min(1000.0, float(bounds[3] - bounds[1]) * scale + 20)
    scale = min(scale, (height - 20) / max(float(bounds[3] - bounds[1]), 1.0))
    values = residuals["residual_pp"].to_numpy(float)
    number = _class_of(values)
    as_cells = len(residuals) > _MOST_SHAPES
    as_shapes = geometry is not None and not as_cells
    size = float(np.clip(6 * np.sqrt(600 / max(len(residuals), 1)), 1.2, 6.0))
    cells = _cells(places, values, bounds, scale, height) if as_cells else {}
    parts, legend = [], []
    for group, (_, _, colour, words) in enumerate(_CLASSES):
        mine = np.flatnonzero(number == group)
        if as_cells:
            path = ""
            if group in cells:
                parts.append(
                    f'<path d="{cells[group]}" transform="translate(0 {_CELL_PX / 2:g}) scale({_CELL_PX})" '
                    f'fill="none" stroke="{colour}"/>'
                )
        elif as_shapes:
            path = "".join(_outline(shapes.iloc[row], bounds, scale, height) for row in mine)
        else:
            path = "".join(_square(places[row], bounds, scale, height, size) for row in mine)
        if path:
            parts.append(f'<path d="{path}" fill="{colour}" stroke="none"/>')
        legend.append(
            f'<li><svg width="16" height="16" aria-hidden="true" focusable="false"><rect width="16" height="16" '
            f'fill="{colour}" stroke="#555"/></svg> {escape(words)}: {len(mine):,} areas</li>'
        )
    picture = _figure(
        "Map of residuals",
        "Where the observed share is above (orange) or below (purple) the held-out estimate; the counts and the "
        "twenty largest errors follow as text.",
        width,
        height,
        "".join(parts),
    )
    side = f"{_CELL_PX / scale / 1000:.1f}"
    meaning = f"<p>Each square, {side} km wide, is the mean over its areas; the counts are of areas.</p>"
    return f"{picture}{meaning if as_cells else ''}<ul>{''.join(legend)}</ul>"


def _class_of(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.digitize(values, [edge[1] for edge in _CLASSES[:-1]]))


def _cells(
    places: np.ndarray, values: np.ndarray, bounds: np.ndarray, scale: float, height: float
) -> dict[int, str]:
    """Return for each class the path, in cells, of the cells whose mean is of the class; runs in a row are one line."""
    is_placed = np.isfinite(places).all(axis=1)
    x = 10 + (places[is_placed, 0] - bounds[0]) * scale
    y = height - 10 - (places[is_placed, 1] - bounds[1]) * scale
    frame = pd.DataFrame({"row": y // _CELL_PX, "column": x // _CELL_PX, "value": values[is_placed]})
    means = frame.astype({"row": int, "column": int}).groupby(["row", "column"])["value"].mean().reset_index()
    means["group"] = _class_of(means["value"].to_numpy(float))
    paths = {}
    for group, mine in means.groupby("group"):
        is_next = mine["row"].diff().eq(0) & mine["column"].diff().eq(1)
        runs = mine.groupby((~is_next).cumsum()).agg(
            row=("row", "first"), column=("column", "first"), length=("row", "size")
        )
        paths[int(group)] = "".join(f"M{run.column} {run.row}h{run.length}" for run in runs.itertuples())
    return paths


def _figure(title: str, description: str, width: float, height: float, inside: str) -> str:
    key = title.lower().replace(" ", "-")
    return (
        f'<figure><svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'aria-labelledby="{key}-title {key}-description" font-size="14" font-family="sans-serif">'
        f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-description">{escape(description)}</desc>'
        f"{inside}</svg></figure>"
    )


def _at(x: float, y: float, bounds: np.ndarray, scale: float, height: float) -> str:
    return f"{10 + (x - bounds[0]) * scale:.1f} {height - 10 - (y - bounds[1]) * scale:.1f}"


def _square(place: np.ndarray, bounds: np.ndarray, scale: float, height: float, size: float) -> str:
    if not np.isfinite(place).all():
        return ""
    corner = _at(float(place[0]), float(place[1]), bounds, scale, height)
    return f"M{corner}h{size:.1f}v{size:.1f}h-{size:.1f}z"


def _outline(shape: Any, bounds: np.ndarray, scale: float, height: float) -> str:
    if shape is None or shape.is_empty:
        return ""
    # Details below half a pixel cannot be seen and only make the page heavy.
    simple = shape.simplify(0.5 / scale)
    rings = []
    for polygon in getattr(simple, "geoms", [simple]):
        if polygon.geom_type != "Polygon":
            continue
        rings += [
            "M" + "L".join(_at(x, y, bounds, scale, height) for x, y, *_ in ring.coords[:-1]) + "z"
            for ring in (polygon.exterior, *polygon.interiors)
        ]
    return "".join(rings)
