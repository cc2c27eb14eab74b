"""Our own tables and records on disk, and the place that a job is for."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from exclusion.errors import InputError
from exclusion.files import atomic_path
from exclusion.geography.places import Gazetteer, Place
from exclusion.job import Job

Inputs = Mapping[str, Path]


def read_table(path: Path) -> pd.DataFrame:
    """Read one of our own tables; GeoParquet comes back as a GeoDataFrame."""
    import geopandas
    import pyarrow.parquet

    if b"geo" in (pyarrow.parquet.read_schema(path).metadata or {}):
        return geopandas.read_parquet(path)
    return pd.read_parquet(path)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write one of our own tables: Parquet, zstd, no index but the key as a column, atomically."""
    if table.index.name is not None:
        table = table.reset_index()
    with atomic_path(path) as temporary:
        table.to_parquet(temporary, compression="zstd", index=False)


def read_json(path: Path) -> Any:
    """Read one of our own JSON records."""
    return json.loads(path.read_text(encoding="utf-8"))


def gazetteer_of(inputs: Inputs) -> Gazetteer:
    """Return the gazetteer over the areas of an indicators step."""
    import pyarrow.parquet

    path = inputs["areas.parquet"]
    columns = [name for name in pyarrow.parquet.read_schema(path).names if name != "geometry"]
    return Gazetteer(pd.read_parquet(path, columns=columns), read_table(inputs["lad_codes.parquet"]))


def place_of(job: Job, inputs: Inputs) -> Place:
    """Return the place a job is for: what it names, or all areas of the made-up county."""
    gazetteer = gazetteer_of(inputs)
    if job.places:
        return gazetteer.resolve(list(job.places))
    if not job.is_demo:
        raise InputError(
            "No place was named: give --place a council, county, region or nation (see `exclusion places`)."
        )
    areas = read_table(inputs["areas.parquet"])
    return gazetteer.resolve(sorted(areas["utla_nm"].unique()))
