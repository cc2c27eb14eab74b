"""Retrieval beside the plain way, over the local publishers' server: `python benchmarks/retrieval.py [--kills 20]`.

The plain way is what a script does with `requests` alone: one GET a file into memory or onto disk, and pages of a
feature layer until one is short. Both sides run in this process against the same server; CPU seconds are user and
system time of the process and its children, and include the server's share on both sides.
"""

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import requests
import urllib3

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from exclusion.demo.server import Fault, PublisherServer  # noqa: E402
from exclusion.sources.pull import pull  # noqa: E402
from tests.sources.retrieval_world import csv_bytes, make_catalogue, put  # noqa: E402

MEGABYTES = 200
ROWS = 35_672


def cpu_seconds() -> float:
    """Return the process's user and system time, its children's included."""
    return sum(
        u.ru_utime + u.ru_stime
        for u in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def timed(name: str, work: Callable[[], str]) -> None:
    """Run one piece of work and print what it cost."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    said = work()
    print(f"  {name:<28} {cpu_seconds() - cpu:6.2f} CPU s {time.perf_counter() - wall:7.2f} s  {said}")


def one_file(work: Path) -> None:
    """Fetch one large file whole, and again after the line broke at nine tenths."""
    print(f"One file of {MEGABYTES} MB")
    of = make_catalogue(work, "table")
    root = work / "publishers"
    file = put(
        root / "statistics/files/files/table.csv",
        b"a,b\n" + os.urandom(1 << 20).hex().encode()[: 1 << 20] * MEGABYTES,
    )
    with PublisherServer(root, of=of) as server:

        def plain() -> str:
            with (
                requests.get(
                    f"{server.address}/statistics/files/table.csv", stream=True, timeout=60
                ) as response,
                (work / "plain.csv").open("wb") as out,
            ):
                shutil.copyfileobj(response.raw, out, 1 << 20)
            return "no hash, no length check, straight onto its target"

        def ours() -> str:
            snapshot = pull(["table"], raw=work / "raw", bases=server.bases(), of=of, check=None)["table"]
            return f"hashed, flushed, renamed, in the ledger ({snapshot.sha256[:12]})"

        requests.head(f"{server.address}/statistics/files/table.csv", timeout=60)
        timed("plain requests", plain)
        timed("exclusion", ours)
        size = file.stat().st_size
        for name in ("plain requests", "exclusion"):
            server.clear()
            server.script("table.csv", Fault(cut_after=int(size * 0.9), is_reset=True))

            def plain_again() -> str:
                for _ in range(2):
                    try:
                        plain()
                        if (work / "plain.csv").stat().st_size == size:
                            break
                    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
                        continue
                return f"{sum(server.body_bytes().values()) / 1e6:.0f} MB sent"

            def ours_again() -> str:
                shutil.rmtree(work / "raw")
                ours()
                return f"{sum(server.body_bytes().values()) / 1e6:.0f} MB sent"

            timed(f"{name}, cut at 90 %", plain_again if name.startswith("plain") else ours_again)


def one_layer(work: Path) -> None:
    """Fetch a layer of all areas whose pages are capped below what is asked for."""
    print(f"A layer of {ROWS:,} rows, asked for 2,000 at a time, given 732")
    of = make_catalogue(work, "lookup")
    root = work / "layer"
    features = [{"attributes": {"LSOA21CD": f"E01{n:06d}", "LAD24CD": "E06000057"}} for n in range(ROWS)]
    layer = {"key": "LSOA21CD", "max_record_count": 732, "geometry_type": None, "features": features}
    put(root / "geography/arcgis/LOOKUP_LU.json", json.dumps(layer).encode())
    with PublisherServer(root, of=of) as server:
        address = f"{server.address}/geography/LOOKUP_LU/FeatureServer/0/query"

        def plain() -> str:
            rows, offset = [], 0
            while True:
                params = {
                    "where": "1=1",
                    "outFields": "*",
                    "f": "json",
                    "resultOffset": offset,
                    "resultRecordCount": 2000,
                }
                page = requests.get(address, params=params, timeout=60).json()["features"]
                rows += page
                offset += 2000
                if len(page) < 2000:
                    return f"{len(rows):,} of {ROWS:,} rows, and no error"

        def ours() -> str:
            snapshot = pull(["lookup"], raw=work / "raw", bases=server.bases(), of=of, check=None)["lookup"]
            return f"{len(json.loads(snapshot.path.read_bytes())['records']):,} of {ROWS:,} rows"

        timed("plain requests", plain)
        timed("exclusion", ours)


def second_run(work: Path) -> None:
    """Pull the whole made-up county twice; the second time nothing has changed."""
    from exclusion.demo import DEFAULT_SEED, PARAMETERS
    from exclusion.demo.county import make_county
    from exclusion.demo.publishers import write_inbox, write_publishers
    from exclusion.sources import catalogue

    print("The made-up county, every source of the catalogue")
    county = make_county(DEFAULT_SEED)
    write_publishers(county, work / "county")
    write_inbox(county, work / "inbox")
    wanted = [s.id for s in catalogue().sources.values() if "Wales" not in s.nations or len(s.nations) > 1]
    with PublisherServer(work / "county") as server:

        def run() -> str:
            server.clear()
            report = pull(
                wanted,
                raw=work / "county_raw",
                inbox=work / "inbox",
                bases=server.bases(),
                nations=("England",),
                parameters={"roads_osm": PARAMETERS, "village_halls": PARAMETERS},
            )
            sent = sum(r.body_bytes for r in server.requests if r.status == 200)
            return (
                f"{len(report.snapshots)} sources, {len(server.requests)} requests, {sent:,} bytes of bodies"
            )

        timed("first run", run)
        timed("second run", run)


def memory(work: Path) -> None:
    """Show that a file passes through in small pieces, whatever its size."""
    print(
        f"Peak of Python memory while one file of {MEGABYTES} MB arrives (the server's own copy is made before)"
    )
    of = make_catalogue(work, "table")
    root = work / "memory"
    data = csv_bytes(1000) * (MEGABYTES * 1_000_000 // len(csv_bytes(1000)))
    put(root / "statistics/files/files/table.csv", data)
    with PublisherServer(root, of=of) as server:
        requests.head(f"{server.address}/statistics/files/table.csv", timeout=60)
        for name, get in (
            (
                "plain requests, .content",
                lambda: len(requests.get(f"{server.address}/statistics/files/table.csv", timeout=60).content),
            ),
            (
                "exclusion",
                lambda: (
                    pull(["table"], raw=work / "memory_raw", bases=server.bases(), of=of, check=None)[
                        "table"
                    ].bytes
                ),
            ),
        ):
            tracemalloc.start()
            size = get()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            print(f"  {name:<28} {peak / 1e6:8.1f} MB for {size / 1e6:.0f} MB")


def kills(work: Path, times: int) -> None:
    """Cut a refresh off so many times; every rerun must complete with the same bytes, or this ends in an error."""
    from tests.sources.test_retrieval_killed import kill_at_random_moments

    print(f"kill -9 at {times} random moments of a refresh, then run again")
    cpu = cpu_seconds()
    kill_at_random_moments(work, times=times, seed=20261123)
    print(f"  every rerun completed with the same bytes ({cpu_seconds() - cpu:.1f} CPU s)")


def main() -> None:
    """Run all comparisons in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    options = parser.parse_args()
    for number, part in enumerate(
        (one_file, one_layer, second_run, memory, lambda w: kills(w, options.kills))
    ):
        with tempfile.TemporaryDirectory(prefix=f"retrieval-{number}-") as folder:
            part(Path(folder))


if __name__ == "__main__":
    main()
