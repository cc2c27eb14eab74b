"""People over cells: exactextract beside rasterio.features at rising fineness, on one council and on the nation.

Run: .venv/bin/python benchmarks/access_population.py
Needs the real open data beside the repository (or EXCLUSION_REAL). CPU seconds, user and system.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import rasterio
from rasterio.features import rasterize

from exclusion.access.population import apportioned, populated_places
from exclusion.access.rasters import cell_shares
from tests.access.test_access_real import RASTER, real_areas, real_people

REAL = Path(os.environ.get("EXCLUSION_REAL", Path(__file__).resolve().parents[1].parent / "shared" / "real"))


def by_rasterize(areas, path, fineness):
    """Population of each area by burning its polygon on a grid `fineness` times as fine: the runner-up."""
    with rasterio.open(path) as dataset:
        window = (
            rasterio.windows.from_bounds(*areas.total_bounds, transform=dataset.transform)
            .round_offsets()
            .round_lengths()
        )
        window = rasterio.windows.Window(
            window.col_off - 1, window.row_off - 1, window.width + 3, window.height + 3
        )
        values = dataset.read(1, window=window, boundless=True, fill_value=-9999).astype(float)
        values[values < 0] = 0
        left, top = dataset.window_transform(window).c, dataset.window_transform(window).f
    step = 1000 / fineness
    fine = rasterize(
        ((shape, number + 1) for number, shape in enumerate(areas.geometry)),
        out_shape=(values.shape[0] * fineness, values.shape[1] * fineness),
        transform=rasterio.Affine(step, 0, left, 0, -step, top),
        dtype="int32",
    )
    people = np.repeat(np.repeat(values, fineness, 0), fineness, 1) / fineness**2
    return np.bincount(fine.ravel(), weights=people.ravel(), minlength=len(areas) + 1)[1:]


def timed(label, work):
    begin = time.process_time()
    result = work()
    print(f"{label:60s} {time.process_time() - begin:8.2f} CPU s", flush=True)
    return result


def main():
    for name, council in (("Northumberland", "E06000057"), ("England and Wales", None)):
        areas = real_areas(REAL, council).sort_values("lsoa21cd", ignore_index=True)
        print(f"\n== {name}: {len(areas):,} areas, UKCEH 1 km")
        shares, _facts = timed("exactextract (ours)", lambda areas=areas: cell_shares(areas, REAL / RASTER))
        exact = (
            shares.groupby("lsoa21cd")["population"].sum().reindex(areas["lsoa21cd"], fill_value=0).to_numpy()
        )
        twice = shares.groupby(["row", "column"])["coverage"].sum().max()
        print(f"  {exact.sum():,.0f} people; largest sum of a cell's shares {twice:.9f}")
        for fineness in (5, 10, 50) if council else (5, 10):
            burnt = timed(
                f"rasterio.features, cells {fineness} x {fineness} as fine",
                lambda areas=areas, fineness=fineness: by_rasterize(areas, REAL / RASTER, fineness),
            )
            error = np.abs(burnt - exact)
            print(
                f"  differs by {error.max():,.1f} people in the worst area, {np.median(error):.2f} in the middle one; {burnt.sum():,.0f} in all"
            )
        people = real_people(REAL)
        places = timed(
            "populated places (read again, located, weighted)",
            lambda areas=areas: populated_places(areas, raster=REAL / RASTER),
        )
        codes, group = np.unique(places["lsoa21cd"].to_numpy(dtype=object).astype(str), return_inverse=True)
        totals = people.loc[codes, "people_offline"].to_numpy(dtype=float)
        weight = places["weight"].to_numpy()
        begin = time.process_time()
        parts = apportioned(totals, group, weight)
        print(f"{'dealing people offline out':60s} {time.process_time() - begin:8.2f} CPU s")
        print(
            f"  {len(places):,} places; largest difference of an area's sum {np.abs(np.bincount(group, weights=parts) - totals).max():.1e} (asked: < 1e-6)"
        )
        print(f"  peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
