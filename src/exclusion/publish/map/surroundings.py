"""What stands on and round a page's areas to find one's way by: settlements, main roads, the councils round about."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.publish.map.content import Context
from exclusion.publish.map.plain_names import settlements

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely

    from exclusion.access.main_roads import MainRoads

# Outlines of councils are thinned this far once, while neighbours still share their edges.
_OUTLINE_M = 60.0
# A line on a page is thinned by this part of what the page shows, which no screen can tell.
_PAGE_STEPS = 1_500
# All lines of a page together: some 12 kB.
_ROAD_VERTICES = 6_000
# How far beyond its areas a page is drawn, as a part of their extent; a screen is rarely as narrow as the place.
_AROUND = 0.3
# A council round about is named within what a screen shows for certain, and where there is room for its name.
_NAMED_AROUND = 0.1
_LETTER_PART = 0.008
NEIGHBOUR_SIZE = 5


@dataclass(frozen=True)
class Surroundings:
    """Hold the councils (`surrounding_councils`) and main roads that pages of a place may show; both may be None."""

    councils: "gpd.GeoDataFrame | None" = None
    roads: "MainRoads | None" = None

    def context_of(self, areas: "gpd.GeoDataFrame") -> Context:
        """Return the background of a page that shows these areas (lad_cd, names, x_m, y_m, geometry in EPSG:27700).

        Roads are left out where the extract does not cover the areas.
        """
        box = _box(areas.total_bounds)
        outlines, names = self._neighbours(set(areas["lad_cd"]), box, _seen(areas.total_bounds))
        return Context(
            place_names=pd.concat([own_names(areas), names], ignore_index=True),
            roads=_drawn_roads(self.roads, areas, box),
            outlines=outlines,
        )

    @cached_property
    def _tree(self) -> "shapely.STRtree":
        """Return the councils in order, to be found by where they lie; there must be some."""
        import shapely

        assert self.councils is not None
        return shapely.STRtree(self.councils.geometry.to_numpy())

    def _neighbours(
        self, own: set[str], box: tuple[float, float, float, float], seen: tuple[float, float, float, float]
    ) -> "tuple[gpd.GeoSeries | None, pd.DataFrame]":
        """Return the lines round other councils within a box, and where in what is seen of them their names stand."""
        import geopandas as gpd
        import shapely

        names = pd.DataFrame({"name": [], "x_m": [], "y_m": [], "size": []})
        if self.councils is None:
            return None, names
        side = box[2] - box[0]
        is_own = self.councils.index.isin(own)
        near = np.sort(self._tree.query(shapely.box(*box), predicate="intersects"))
        others = near[~is_own[near]]
        if not len(others):
            return None, names
        geometry = self.councils.geometry.to_numpy()
        # The page draws its own edge; a second line a little beside it would only be in the way.
        mine = shapely.union_all(shapely.boundary(geometry[is_own]))
        edge = shapely.buffer(mine, 3 * _OUTLINE_M, quad_segs=2)
        lines = shapely.clip_by_rect(shapely.boundary(geometry[others]), *box)
        # What is taken away also makes one line of an edge that two councils share.
        joined = shapely.difference(shapely.multilinestrings(shapely.get_parts(lines)), edge)
        thinned = shapely.simplify(shapely.line_merge(joined), side / _PAGE_STEPS)
        called = self.councils["lad_nm"].to_numpy()[others]
        rooms = _rooms(called, geometry[others], seen, side)
        has_room = ~shapely.is_empty(rooms)
        points = shapely.point_on_surface(rooms[has_room])
        names = pd.DataFrame({
            "name": called[has_room], "x_m": shapely.get_x(points), "y_m": shapely.get_y(points), "size": NEIGHBOUR_SIZE,
        })  # fmt: skip
        return None if shapely.is_empty(thinned) else gpd.GeoSeries([thinned], crs=27700), names


def surrounding_councils(everywhere: "gpd.GeoDataFrame", here: "gpd.GeoDataFrame") -> "gpd.GeoDataFrame":
    """Return the councils on and round a place: `lad_nm` and thinned geometry by lad_cd, neighbours still meeting.

    `everywhere` are areas with lad_cd and lad_nm, of which only those near the place `here` are joined; both in
    EPSG:27700, else ContractError.
    """
    import shapely

    for areas in (everywhere, here):
        if areas.crs is None or areas.crs.to_epsg() != 27700:
            raise ContractError("The areas round a map are not in EPSG:27700: reproject them first.")
    west, south, east, north = _box(here.total_bounds)
    bounds = shapely.bounds(everywhere.geometry.to_numpy())
    is_near = (
        (bounds[:, 0] <= east) & (bounds[:, 2] >= west) & (bounds[:, 1] <= north) & (bounds[:, 3] >= south)
    )
    near = everywhere.loc[is_near, ["lad_cd", "lad_nm", "geometry"]]
    councils = near.dissolve("lad_cd", method="coverage").sort_index()
    thinned = shapely.coverage_simplify(councils.geometry.to_numpy(), _OUTLINE_M)
    return councils.set_geometry(thinned, crs=27700)


def own_names(areas: "gpd.GeoDataFrame") -> pd.DataFrame:
    """Return place names to find one's way by (`name, x_m, y_m, size`): councils on a wide map, settlements on a council's."""
    level = "lad_nm" if areas["lad_cd"].nunique() > 12 else "msoa_hcl_nm"
    if areas[level].isna().all():
        level = "wd_nm"
    label = areas[level] if level == "lad_nm" else settlements(areas[level])
    located = pd.DataFrame({"name": label, "x_m": areas["x_m"], "y_m": areas["y_m"]})
    named = located.dropna(subset=["name"]).groupby("name")
    names = named[["x_m", "y_m"]].mean().reset_index()
    # Small areas hold about as many people each, so the place with the most of them is the largest.
    spread = named.size().reindex(names["name"]).rank(ascending=False, method="first").to_numpy()
    names["size"] = [2 if position <= 8 else 3 if position <= 25 else 4 for position in spread]
    return names


def _box(bounds: Any) -> tuple[float, float, float, float]:
    """Return the square that a page may show: its areas in the middle, and a margin."""
    west, south, east, north = (float(bound) for bound in bounds)
    half = max(east - west, north - south) * (0.5 + _AROUND)
    x, y = (west + east) / 2, (south + north) / 2
    return x - half, y - half, x + half, y + half


def _seen(bounds: Any) -> tuple[float, float, float, float]:
    """Return what a screen shows of a page for certain: its areas and a narrow margin."""
    west, south, east, north = (float(bound) for bound in bounds)
    margin = max(east - west, north - south) * _NAMED_AROUND
    return west - margin, south - margin, east + margin, north + margin


def _rooms(names: Any, shapes: Any, seen: tuple[float, float, float, float], side: float) -> Any:
    """Return where the middle of each name may stand so that all of it lies on what is seen of its own council.

    Empty for nowhere.
    """
    import shapely

    half = _LETTER_PART * side * np.array([len(name) for name in names]) / 2
    west, south, east, north = shapely.bounds(shapes).T
    width = np.minimum(east, seen[2]) - np.maximum(west, seen[0])
    # Where less of a council is seen than its name is wide there is no room, and of most there is.
    at = np.flatnonzero((width > 2 * half) & (south <= seen[3]) & (north >= seen[1]))
    whole = room = _polygons(shapely.intersection(shapes[at], shapely.box(*seen)))
    for part in (-1.0, 1.0, -0.5, 0.5):
        room = _polygons(shapely.intersection(room, _moved(whole, part * half[at])))
    rooms = np.full(len(names), shapely.Polygon(), dtype=object)
    rooms[at] = room
    return rooms


def _moved(shapes: Any, east_m: Any) -> Any:
    """Return shapes, each moved to the east."""
    import shapely

    xy, at = shapely.get_coordinates(shapes, return_index=True)
    xy[:, 0] += east_m[at]
    return shapely.set_coordinates(shapes.copy(), xy)


def _polygons(shapes: Any) -> Any:
    """Return the polygons of each shape alone: where two only touch, what they share is a line or a point."""
    import shapely

    parts, at = shapely.get_parts(shapes, return_index=True)
    is_area = shapely.get_dimensions(parts) == 2
    found = np.full(len(shapes), shapely.MultiPolygon(), dtype=object)
    shapely.multipolygons(parts[is_area], indices=at[is_area], out=found)
    return found


def _drawn_roads(
    roads: "MainRoads | None", areas: "gpd.GeoDataFrame", box: tuple[float, float, float, float]
) -> "gpd.GeoSeries | None":
    """Return the main roads of a page, thinned until they are few enough; None where there are none to show."""
    import geopandas as gpd
    import shapely

    if roads is None or roads.lines.empty or not roads.is_covering(areas["x_m"], areas["y_m"]):
        return None
    inside = shapely.clip_by_rect(roads.lines.to_numpy(), *box)
    inside = inside[~shapely.is_empty(inside)]
    step_m = (box[2] - box[0]) / _PAGE_STEPS
    thinned = shapely.simplify(inside, step_m)
    while shapely.get_num_coordinates(thinned).sum() > _ROAD_VERTICES:
        step_m *= 1.5
        lengths = shapely.length(inside)
        thinned = shapely.simplify(inside[lengths > step_m], step_m)
    if not len(thinned):
        return None
    drawn = gpd.GeoSeries(thinned, crs=27700)
    # Lines near one another stand together, so that the steps between them are small.
    return drawn.iloc[np.argsort(drawn.hilbert_distance().to_numpy(), kind="stable")].reset_index(drop=True)
