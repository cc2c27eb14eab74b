"""Points to areas: the one seam for joins that may outgrow a machine (postcodes, premises), with three engines.

Every engine answers the same: the position of the first area, in the order of `lsoa21cd`, whose outline holds or
touches the point, and -1 where none does. Points are read and answered in parts, so memory does not grow with the file.

- `shapely` (default): areas against a tree of each part's points, so that each outline is prepared once a part; two
  parts at a time on threads.
- `sedonadb`: the same parts as SQL in SedonaDB (extra `scale`), which can spill to disk.
- `dask`: the parts as Dask tasks (extra `dask`), on the cluster of the active client or on this machine's threads.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError, InputError
from exclusion.geography.areas import WORKING_CRS

ENGINES = ("shapely", "sedonadb", "dask")
# Two parts of half a million points are worked on at a time: about 0.5 GB with the tree of each.
PART = 500_000
OUTSIDE = -1

_SEDONA_JOIN = """
    SELECT p.point AS point, a.area AS area
    FROM (SELECT point, ST_SetCRS(ST_Point(x, y), 'EPSG:27700') AS place FROM points) AS p
    JOIN areas AS a ON ST_Intersects(a.geometry, p.place)
"""

Part = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PointCounts:
    """How many points each area holds.

    `areas`: `lsoa21cd, points` (int64), one row an area, sorted by code. `points` = `inside` + `outside` +
    `without_place`; `outside` lie in no area, `without_place` have no coordinates.
    """

    areas: pd.DataFrame
    points: int
    outside: int
    without_place: int


def areas_of_points(x_m: Any, y_m: Any, areas: Any, *, engine: str = "shapely") -> np.ndarray:
    """Return for each point the position of its area in `areas` (int32), -1 where it lies in none.

    `x_m`, `y_m`: EPSG:27700 metres, null where unknown (answered -1). `areas`: GeoDataFrame in EPSG:27700 sorted by a
    unique `lsoa21cd`. A point on a shared edge belongs to the lower code. Raises ContractError on another CRS or order,
    InputError on an engine that is unknown or not installed.
    """
    _require_engine(engine)
    outlines = _outlines(areas)
    xy = np.column_stack([np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float)])
    parts = (xy[start : start + PART] for start in range(0, len(xy), PART))
    found = list(_answers(parts, outlines, engine))
    return np.concatenate(found) if found else np.empty(0, dtype=np.int32)


def check_points(path: Path, *, x: str = "x_m", y: str = "y_m", engine: str = "shapely") -> None:
    """Raise InputError for what `count_points` would refuse at once: the engine, the file, its columns, its first points."""
    _require_engine(engine)
    next(_read_parts(path, x, y), None)


def count_points(
    path: Path, areas: Any, *, x: str = "x_m", y: str = "y_m", engine: str = "shapely"
) -> PointCounts:
    """Count the points of a Parquet or CSV file in each area, reading a part at a time.

    `x` and `y` name its columns of EPSG:27700 metres; a null or 0, 0 (Code-Point Open's way to say "not known") is
    counted apart, never as outside. `areas` as for `areas_of_points`. Raises InputError naming the file and the column
    where one is missing or is not a number.
    """
    check_points(path, x=x, y=y, engine=engine)
    outlines = _outlines(areas)
    counts = np.zeros(len(outlines) + 1, dtype=np.int64)
    without_place = 0

    def parts() -> Iterator[np.ndarray]:
        nonlocal without_place
        for xy in _read_parts(path, x, y):
            has_place = np.isfinite(xy).all(axis=1) & (xy != 0).any(axis=1)
            without_place += int((~has_place).sum())
            yield xy[has_place]

    for found in _answers(parts(), outlines, engine):
        # Outside (-1) is counted in the last cell.
        counts += np.bincount(found.astype(np.int64) % len(counts), minlength=len(counts))
    table = pd.DataFrame({"lsoa21cd": areas["lsoa21cd"].to_numpy(), "points": counts[:-1]})
    return PointCounts(table, int(counts.sum()) + without_place, int(counts[-1]), without_place)


def _require_engine(engine: str) -> None:
    if engine not in ENGINES:
        raise InputError(f"There is no engine called '{engine}'; choose one of {', '.join(ENGINES)}.")


def _outlines(areas: Any) -> np.ndarray:
    if areas.crs is None or areas.crs.to_epsg() != 27700:
        raise ContractError(f"Areas are in {areas.crs}; points are joined to areas in {WORKING_CRS}.")
    codes = areas["lsoa21cd"]
    if not codes.is_unique or not codes.is_monotonic_increasing:
        raise ContractError("Areas must be sorted by lsoa21cd, each once, for points to be joined to them.")
    return np.asarray(areas.geometry.to_numpy(), dtype=object)


def _answers(parts: Iterable[np.ndarray], outlines: np.ndarray, engine: str) -> Iterator[np.ndarray]:
    """Yield the answers of each part, in order."""
    if engine == "shapely":
        yield from _side_by_side(partial(shapely_part, outlines), parts)
    elif engine == "sedonadb":
        yield from map(_sedona_part(outlines), parts)
    else:
        yield from _on_dask(parts, outlines)


def shapely_part(outlines: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Return the positions (int32) of the points `xy` (n x 2) in `outlines`, -1 outside."""
    import shapely

    tree = shapely.STRtree(shapely.points(xy))
    area, point = tree.query(outlines, predicate="intersects")
    found = np.full(len(xy), len(outlines), dtype=np.int32)
    np.minimum.at(found, point, area.astype(np.int32))
    found[found == len(outlines)] = OUTSIDE
    return found


def _side_by_side(work: Part, parts: Iterable[np.ndarray], threads: int = 2) -> Iterator[np.ndarray]:
    # GEOS lets go of the interpreter, so threads are enough. Only as many parts are read as are worked on.
    waiting = iter(parts)
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(work, part) for part in itertools.islice(waiting, threads)]
        while running:
            yield running.pop(0).result()
            running += [pool.submit(work, part) for part in itertools.islice(waiting, 1)]


def _sedona_part(outlines: np.ndarray) -> Part:
    try:
        import sedonadb
    except ImportError:
        raise InputError(
            "The engine sedonadb is not installed: pip install 'exclusion-map[scale]'."
        ) from None
    import geopandas
    import pyarrow as pa

    connection = sedonadb.connect()
    frame = geopandas.GeoDataFrame(
        {"area": np.arange(len(outlines), dtype=np.int32)}, geometry=outlines, crs=WORKING_CRS
    )
    connection.create_data_frame(frame).to_view("areas", overwrite=True)

    def answer(xy: np.ndarray) -> np.ndarray:
        points = pa.table({"point": np.arange(len(xy), dtype=np.int64), "x": xy[:, 0], "y": xy[:, 1]})
        connection.create_data_frame(points).to_view("points", overwrite=True)
        pairs = connection.sql(_SEDONA_JOIN).to_arrow_table()
        found = np.full(len(xy), len(outlines), dtype=np.int32)
        np.minimum.at(found, pairs["point"].to_numpy(), pairs["area"].to_numpy())
        found[found == len(outlines)] = OUTSIDE
        return found

    return answer


def _on_dask(parts: Iterable[np.ndarray], outlines: np.ndarray) -> Iterator[np.ndarray]:
    try:
        from dask.base import compute
        from dask.delayed import delayed
    except ImportError:
        raise InputError("The engine dask is not installed: pip install 'exclusion-map[dask]'.") from None

    client = _dask_client()
    waiting = iter(parts)
    if client is None:
        work = delayed(shapely_part, pure=False)
        while window := list(itertools.islice(waiting, 4)):
            yield from compute(*[work(outlines, part) for part in window], scheduler="threads")
        return
    # The outlines are sent to each worker once; twice as many parts are under way as there are threads.
    shared = client.scatter(outlines, broadcast=True)
    width = 2 * sum(client.nthreads().values())
    running = [
        client.submit(shapely_part, shared, part, pure=False) for part in itertools.islice(waiting, width)
    ]
    while running:
        yield running.pop(0).result()
        running += [
            client.submit(shapely_part, shared, part, pure=False) for part in itertools.islice(waiting, 1)
        ]


def _dask_client() -> Any:
    """Return the client of the cluster in use, or None."""
    try:
        from distributed import get_client
    except ImportError:
        return None
    try:
        return get_client()
    except ValueError:
        return None


def _read_parts(path: Path, x: str, y: str) -> Iterator[np.ndarray]:
    """Yield n x 2 arrays of float metres, null where the file has none."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if not path.is_file():
        raise InputError(f"There is no file {path}; name a Parquet or CSV file of points.")
    try:
        if path.suffix.lower() == ".parquet":
            file = pyarrow.parquet.ParquetFile(path)
            _require_columns(path, file.schema_arrow.names, x, y)
            batches: Iterable[Any] = file.iter_batches(batch_size=PART, columns=[x, y])
        elif path.suffix.lower() == ".csv":
            reader = pyarrow.csv.open_csv(path, read_options=pyarrow.csv.ReadOptions(block_size=1 << 24))
            _require_columns(path, reader.schema.names, x, y)
            batches = reader
        else:
            raise InputError(f"{path.name} is neither .parquet nor .csv; points are read from these two.")
        for batch in batches:
            columns = [
                batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in (x, y)
            ]
            whole = np.column_stack(columns)
            for start in range(0, len(whole), PART):
                yield whole[start : start + PART]
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path.name} cannot be read as points: {reason}. Columns {x} and {y} must hold metres in {WORKING_CRS}."
        ) from None


def _require_columns(path: Path, names: list[str], x: str, y: str) -> None:
    for name in (x, y):
        if name not in names:
            raise InputError(
                f"{path.name} has no column '{name}'; it has {', '.join(names[:12])}. Name the columns of "
                f"eastings and northings with --x and --y."
            )
