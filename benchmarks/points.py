"""Points to areas: 1.74 million real postcodes and 30 million made points, all engines beside geopandas.sjoin.

Every engine runs in a process of its own; CPU seconds are user + system of the work alone (reading points, joining,
counting), peak memory is that process's highest resident size. The made points stand around real postcodes, so that they
are dense where people live. All counts must be equal, or the run fails.

    python benchmarks/points.py                 # postcodes; about a minute
    python benchmarks/points.py --made 30       # and 30 million made points; about eight minutes
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"
WAYS = ("shapely", "sedonadb", "dask", "geopandas.sjoin")


def areas_table():
    import geopandas

    table = geopandas.read_parquet(
        REAL / "boundaries/lsoa21_ew_bgc_wgs84.parquet", columns=["LSOA21CD", "geometry"]
    )
    table = table.rename(columns={"LSOA21CD": "lsoa21cd"}).to_crs("EPSG:27700")
    return table.sort_values("lsoa21cd", ignore_index=True)


def plain(path, areas, x, y):
    """Count as an analyst writes it; the whole file at once."""
    import geopandas
    import pandas as pd

    table = pd.read_parquet(path, columns=[x, y]).dropna()
    table = table[(table[x] != 0) | (table[y] != 0)]
    points = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(table[x], table[y]), crs="EPSG:27700")
    pairs = points.sjoin(areas, predicate="intersects").reset_index()
    first = pairs.groupby("index")["lsoa21cd"].min()
    return first.value_counts().reindex(areas["lsoa21cd"], fill_value=0).to_numpy()


def one(way, path, x, y):
    from exclusion.geography.points import count_points

    areas = areas_table()
    began, cpu = time.perf_counter(), time.process_time()
    counts = (
        plain(path, areas, x, y)
        if way == "geopandas.sjoin"
        else count_points(Path(path), areas, x=x, y=y, engine=way).areas["points"].to_numpy()
    )
    print(
        json.dumps(
            {
                "wall_s": time.perf_counter() - began,
                "cpu_s": time.process_time() - cpu,
                "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
                "inside": int(counts.sum()),
                "hash": hashlib.sha256(counts.astype("int64").tobytes()).hexdigest()[:12],
            }
        )
    )


def made_points(path, millions):
    """Write made points in row groups, from a seed, around real postcodes."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    codes = pd.read_parquet(
        REAL / "postcodes/codepoint_open_gb_2025_2.parquet", columns=["eastings", "northings", "country_code"]
    )
    codes = codes[codes["country_code"].isin(["E92000001", "W92000004"]) & (codes["eastings"] > 0)]
    xy = codes[["eastings", "northings"]].to_numpy(float)
    rng = np.random.default_rng(1)
    with pq.ParquetWriter(path, pa.schema([("x_m", pa.float64()), ("y_m", pa.float64())])) as writer:
        for _ in range(millions):
            some = xy[rng.integers(0, len(xy), 1_000_000)] + rng.normal(0, 80, (1_000_000, 2))
            writer.write_table(pa.table({"x_m": some[:, 0], "y_m": some[:, 1]}))


def compare(title, path, x, y, ways):
    print(f"{title}\n{'':<18}{'wall s':>9}{'CPU s':>9}{'peak GB':>9}{'inside':>13}  counts")
    hashes = set()
    for way in ways:
        done = subprocess.run(
            [sys.executable, __file__, "--one", way, str(path), x, y],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            print(f"{way:<18} failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        found = json.loads(done.stdout)
        hashes.add(found["hash"])
        print(
            f"{way:<18}{found['wall_s']:>9.1f}{found['cpu_s']:>9.1f}{found['peak_gb']:>9.2f}{found['inside']:>13,}  {found['hash']}",
            flush=True,
        )
    if len(hashes) != 1:
        sys.exit("The engines differ.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--made", type=int, default=0, help="millions of made points as well")
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    parser.add_argument("--one", nargs=4)
    given = parser.parse_args()
    if given.one:
        one(*given.one)
        return
    real = REAL / "postcodes/codepoint_open_gb_2025_2.parquet"
    compare("1.74 million postcodes in 35,672 areas", real, "eastings", "northings", given.ways)
    if given.made:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "made.parquet"
            made_points(path, given.made)
            compare(f"{given.made} million made points in 35,672 areas", path, "x_m", "y_m", given.ways)


if __name__ == "__main__":
    main()
