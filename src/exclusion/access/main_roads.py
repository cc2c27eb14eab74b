"""Main roads of an OpenStreetMap extract, for maps to find one's way by."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from exclusion.access.travel import LEAST_COVERED
from exclusion.errors import SourceError

if TYPE_CHECKING:
    import geopandas as gpd

MAIN_CLASSES = frozenset({"motorway", "trunk", "primary"})
# Homes are rarely further than this from the nearest mapped road, even on moors.
_SQUARE_M = 2_000.0


@dataclass(frozen=True)
class MainRoads:
    """Hold main roads as lines, and where the extract has any road at all.

    `lines`: GeoSeries in EPSG:27700 metres, one way joined to the next, in the order of the file. `squares`: sorted
    numbers of the squares of 2 km in which some road begins.
    """

    lines: "gpd.GeoSeries"
    squares: npt.NDArray[np.int64]

    def is_covering(self, x_m: Any, y_m: Any) -> bool:
        """Tell whether the extract holds roads round nearly all of some points (EPSG:27700 metres).

        Main roads of a part of a place would look as if the rest had none.
        """
        x, y = (np.floor(np.asarray(at, dtype=float) / _SQUARE_M).astype(np.int64) for at in (x_m, y_m))
        if not len(x):
            return False
        is_near = np.zeros(len(x), dtype=bool)
        for right in (-1, 0, 1):
            for up in (-1, 0, 1):
                is_near |= np.isin(_numbered(x + right, y + up), self.squares)
        return bool(is_near.mean() >= LEAST_COVERED)


def read_main_roads(path: Path) -> MainRoads:
    """Read motorways, trunk and primary roads of an OpenStreetMap extract (.osm.pbf).

    Slip roads are left out, and so are stretches with an end outside the extract. An extract without a main road
    gives no lines. Raises SourceError where the file is missing, damaged or of a place outside Great Britain.
    """
    import geopandas as gpd
    import osmium
    import shapely

    if not path.is_file():
        raise SourceError(f"There is no road extract at {path}: correct the path or leave the roads out.")
    firsts: list[tuple[float, float]] = []
    parts: list[list[tuple[float, float]]] = []
    try:
        reader = osmium.FileProcessor(str(path)).with_locations()
        reader = reader.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY)).with_filter(
            osmium.filter.KeyFilter("highway")
        )
        for way in reader:
            known = _known_parts(way) if way.tags["highway"] in MAIN_CLASSES else []
            parts += [part for part in known if len(part) > 1]
            if way.nodes and way.nodes[0].location.valid():
                firsts.append((way.nodes[0].lon, way.nodes[0].lat))
    except RuntimeError as error:
        raise SourceError(
            f"{path.name} cannot be read as an OpenStreetMap extract ({error}): fetch the .osm.pbf file again."
        ) from error
    spots = np.floor(_metres(firsts, path.name) / _SQUARE_M).astype(np.int64)
    points = _metres([point for part in parts for point in part], path.name)
    ways = shapely.linestrings(
        points, indices=np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    )
    joined = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(ways)))
    return MainRoads(gpd.GeoSeries(joined, crs=27700), np.unique(_numbered(spots[:, 0], spots[:, 1])))


def _known_parts(way: Any) -> list[list[tuple[float, float]]]:
    """Return a way's points in degrees, parted where one of them lies outside the extract."""
    parts: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        if node.location.valid():
            parts[-1].append((node.lon, node.lat))
        elif parts[-1]:
            parts.append([])
    return parts


def _metres(degrees: list[tuple[float, float]], name: str) -> npt.NDArray[np.float64]:
    """Return points in EPSG:27700 metres (n, 2)."""
    import pyproj

    table = np.array(degrees, dtype=np.float64).reshape(-1, 2)
    to_grid = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True)
    points = np.column_stack(to_grid.transform(table[:, 0], table[:, 1]))
    if not (np.isfinite(points) & (points > 0) & (points < (800_000, 1_400_000))).all():
        raise SourceError(f"{name} reaches outside Great Britain: supply an extract of this place.")
    return points


def _numbered(right: npt.NDArray[np.int64], up: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return one number for a square's column and row."""
    return right * 4096 + up
