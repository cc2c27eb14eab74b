"""The overview map of the front page: an outline a council as a link, coloured by the share of adults offline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exclusion.errors import ContractError
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.words import Words

if TYPE_CHECKING:
    import geopandas as gpd

# Steps of the outlines' grid; much finer than a pixel of the overview at any size of place.
GRID_M = 20
# A line is drawn with so many steps to the longer side of the whole map: finer is not seen on a page.
_STEPS = 900
_CLASSES = 5


@dataclass(frozen=True)
class Outline:
    """Hold one place's shape as the data of an SVG path, in steps of GRID_M of EPSG:27700 with south down.

    `box` is west, north, east, south in the same steps.
    """

    path: str
    box: tuple[int, int, int, int]

    def as_json(self) -> dict[str, Any]:
        """Return plain values for a manifest."""
        return {"path": self.path, "box": list(self.box)}

    @classmethod
    def from_json(cls, found: Mapping[str, Any] | None) -> "Outline | None":
        """Return the outline in a manifest, None where it has none (an edition of before there were any)."""
        if not found:
            return None
        west, north, east, south = (int(value) for value in found["box"])
        return cls(str(found["path"]), (west, north, east, south))


def council_outlines(areas: "gpd.GeoDataFrame") -> dict[str, Outline]:
    """Return the outline of each council (by lad_cd) of areas in EPSG:27700, thinned so that neighbours still meet."""
    import shapely

    if areas.crs is None or areas.crs.to_epsg() != 27700:
        raise ContractError("The overview's areas are not in EPSG:27700: reproject them before publishing.")
    councils = areas[["lad_cd", "geometry"]].dissolve("lad_cd", method="coverage").sort_index()
    west, south, east, north = councils.total_bounds
    step_m = max(east - west, north - south) / _STEPS
    shapes = shapely.coverage_simplify(councils.geometry.to_numpy(), step_m)
    return {str(code): _outline(shape, step_m) for code, shape in zip(councils.index, shapes, strict=True)}


def _outline(shape: Any, step_m: float) -> Outline:
    """Return a polygon's outer rings as one path of relative steps; islets of a few pixels are left out, never all."""
    import numpy as np
    import shapely

    parts = sorted(shapely.get_parts(shape), key=lambda part: -part.area)
    kept = [part for at, part in enumerate(parts) if at == 0 or part.area > 12 * step_m**2]
    texts, points = [], []
    for part in kept:
        ring = np.rint(shapely.get_coordinates(part.exterior) / GRID_M).astype(int) * (1, -1)
        moves = np.diff(ring[:-1], axis=0)
        points.append(ring)
        texts.append(f"M{ring[0][0]} {ring[0][1]}l" + " ".join(f"{x} {y}" for x, y in moves) + "z")
    every = np.concatenate(points)
    (west, north), (east, south) = every.min(axis=0).tolist(), every.max(axis=0).tolist()
    return Outline("".join(texts).replace(" -", "-"), (west, north, east, south))


@dataclass(frozen=True)
class Shape:
    """Name one place to draw: where its page is, its share of adults offline (None where not known), its outline."""

    name: str
    href: str
    share_pct: float | None
    outline: Outline


def overview_map(shapes: list[Shape], words: Words) -> str:
    """Return the map and its key as HTML, "" for fewer than two places.

    The table of places holds the same links and figures, so the drawing is hidden from screen readers and is no stop
    of the keyboard; the text beside it says so.
    """
    if len(shapes) < 2:
        return ""
    limits = _limits([shape.share_pct for shape in shapes if shape.share_pct is not None])
    west, north = (min(shape.outline.box[at] for shape in shapes) for at in (0, 1))
    east, south = (max(shape.outline.box[at] for shape in shapes) for at in (2, 3))
    margin = max(east - west, south - north) // 50 + 1
    view = f"{west - margin} {north - margin} {east - west + 2 * margin} {south - north + 2 * margin}"
    links = "".join(
        f'<a href="{e(shape.href)}" tabindex="-1"><path class="k{_class(shape.share_pct, limits)}" d="{e(shape.outline.path)}">'
        f"<title>{e(_said(shape, words))}</title></path></a>\n"
        for shape in shapes
    )
    return (
        f'<section aria-labelledby="overview-title"><h2 id="overview-title">{e(words("index.map"))}</h2>\n'
        f'<p class="hint">{e(words("index.map_hint"))}</p>\n<div class="overview">\n'
        f'<svg viewBox="{view}" aria-hidden="true" focusable="false">\n{links}</svg>\n'
        f'<div class="overview-key"><p>{e(words("index.map_key"))}</p>\n<ul>\n{_key(shapes, limits, words)}</ul></div>\n</div></section>\n'
    )


def _limits(shares: list[float]) -> list[float]:
    """Return the least share of each class: fifths of the places, fewer where few places or equal shares need it."""
    ordered = sorted(shares)
    if len(set(ordered)) <= _CLASSES:
        return sorted(set(ordered))
    return sorted({ordered[len(ordered) * part // _CLASSES] for part in range(_CLASSES)})


def _class(share: float | None, limits: list[float]) -> str:
    return "none" if share is None else str(sum(limit <= share for limit in limits) - 1)


def _key(shapes: list[Shape], limits: list[float], words: Words) -> str:
    lines = []

    def line(name: str, text: str, count: int) -> None:
        places = words("index.map_places_one") if count == 1 else words("index.map_places", n=f"{count:,}")
        lines.append(
            f'<li><span class="swatch {name}"></span> {e(text)} <span class="quiet">{e(places)}</span></li>\n'
        )

    for at in range(len(limits)):
        held = [
            s.share_pct for s in shapes if s.share_pct is not None and _class(s.share_pct, limits) == str(at)
        ]
        key = "index.map_class_one" if f"{min(held):.1f}" == f"{max(held):.1f}" else "index.map_class"
        line(f"k{at}", words(key, low=f"{min(held):.1f}", high=f"{max(held):.1f}"), len(held))
    unknown = sum(shape.share_pct is None for shape in shapes)
    if unknown:
        line("knone", words("index.map_unknown"), unknown)
    return "".join(lines)


def _said(shape: Shape, words: Words) -> str:
    if shape.share_pct is None:
        return f"{shape.name}: {words('table.unknown')}"
    return words("index.map_place", name=shape.name, share=f"{shape.share_pct:.1f}")
