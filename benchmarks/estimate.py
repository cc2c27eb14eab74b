"""Estimate people offline for all areas of England and Wales from the real data and print the back-test and times.

Fits, predicts and explains all areas with intervals, then again from the cache; prints the held-out figures beside
the Digital Exclusion Risk Index's and simple rules on the same rows, with the targets that the project set itself.
Councils are drawn again with replacement to say how far the figures depend on which councils are in the yardstick.
Needs the real open data beside the repository; they are read through the project's own readers and joins.

    python benchmarks/estimate.py [--target ID] [--report FOLDER]
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from exclusion.estimate.backtest import overlap, spearman
from exclusion.estimate.levels import default_level
from exclusion.estimate.people import estimate_people_offline
from exclusion.estimate.report import write_report
from exclusion.indicators.table import build_indicators
from exclusion.sources import load, pull
from exclusion.stages.national import RASTER_SOURCES, USED_SOURCES

REAL = Path(os.environ.get("EXCLUSION_REAL", Path(__file__).resolve().parents[1].parent / "shared" / "real"))
TARGETS = {
    "spearman": (0.865, 0.88),
    "worst_tenth_overlap": (0.625, 0.66),
    "within_council_spearman": (0.775, 0.80),
    "spearman_wales": (0.78, None),
}


def tables(raw: Path):
    """The indicator table, the yardstick and the internet users, as the pipeline makes them."""
    report = pull(
        [name for name in USED_SOURCES if name not in RASTER_SOURCES], raw=raw, inbox=REAL, offline=True
    )
    held = {
        snapshot.source_id: load(snapshot)
        for snapshot in report.snapshots.values()
        if snapshot.source_id not in RASTER_SOURCES
    }
    built = build_indicators(held)
    areas = pd.DataFrame(built.areas.drop(columns="geometry"))
    areas = areas.set_index("lsoa21cd") if "lsoa21cd" in areas else areas
    indicators = (
        built.indicators.set_index("lsoa21cd") if "lsoa21cd" in built.indicators else built.indicators
    )
    yardstick = built.yardstick.set_index("lsoa21cd") if "lsoa21cd" in built.yardstick else built.yardstick
    return areas.join(indicators, validate="one_to_one"), yardstick, held.get("internet_users_2020")


def timed(words, work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    spent = f"{time.perf_counter() - wall:.1f} s wall, {time.process_time() - cpu:.1f} CPU s"
    print(f"{words}: {spent} (load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
    return result


def standard_errors(residuals, councils, *, draws=200, seed=1):
    """The standard errors of rank correlation and worst-tenth overlap when whole councils are drawn with replacement."""
    estimate = residuals["estimate_pct"].to_numpy(float)
    observed = residuals["observed_pct"].to_numpy(float)
    places = [
        group.to_numpy() for _, group in pd.Series(np.arange(len(residuals))).groupby(councils.to_numpy())
    ]
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([places[i] for i in generator.integers(0, len(places), len(places))])
        found.append((spearman(estimate[drawn], observed[drawn]), overlap(estimate[drawn], observed[drawn])))
    return np.std(found, axis=0, ddof=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", default=default_level())
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    if not (REAL / "README.md").is_file():
        raise SystemExit(f"The real data are not at {REAL}; set EXCLUSION_REAL.")
    with tempfile.TemporaryDirectory() as scratch:
        table, yardstick, users = timed("read and join", lambda: tables(Path(scratch) / "raw"))

        def run():
            return estimate_people_offline(
                table, yardstick, target=asked.target, internet_users=users, cache=Path(scratch) / "models"
            )

        found = timed(f"fit, predict, intervals and drivers of {len(table):,} areas", run)
        again = timed("the same from the cache", run)
    assert found.people.equals(again.people), "the cache changed the estimate"
    print()
    print(found.backtest.text())
    own, peer = found.backtest.scores.loc["this estimate"], found.backtest.scores.loc["DERI v1.6"]
    print(f"{'figure':<26}{'ours':>8}{'DERI':>8}{'must':>8}{'aim':>8}")
    for name, (must, aim) in TARGETS.items():
        print(f"{name:<26}{own[name]:>8.3f}{peer[name]:>8.3f}{must:>8.3f}{aim or '':>8}")
    residuals = found.backtest.residuals
    errors = standard_errors(residuals, table.loc[residuals.index, "lad_cd"].astype(str))
    print(
        f"standard errors over councils: rank correlation {errors[0]:.3f}, worst-tenth overlap {errors[1]:.3f}"
    )
    spread = found.backtest.groups.query("kind in ('region', 'rural urban class')")["coverage"]
    print(
        f"coverage overall {found.backtest.facts['coverage']:.3f}; by region and rural class {spread.min():.3f} to {spread.max():.3f}"
    )
    distance = found.people["offline_share_pct"] - found.national_average_pct
    print(
        f"drivers: largest gap from their sum {(found.drivers.sum(axis=1) - distance).abs().max():.1e} points"
    )
    exact = (found.people["offline_share_pct"] / 100 * found.people["adults"]).sum()
    councils = found.people.groupby(table["lad_cd"])["people_offline"].sum()
    print(
        f"people: areas {found.people['people_offline'].sum():,}, councils {councils.sum():,}, exact {exact:,.2f}"
    )
    region = table["rgn_cd"].astype("object").where(table["rgn_cd"].notna(), "W92000004")
    used = {row["code"]: row["used_pct"] / 100 for row in found.facts["regions"]}
    if used:
        level = (region.map(used).astype(float) * table["adults_16plus"]).sum()
        whole = found.people["people_offline"].groupby(region.astype(str)).sum()
        print(
            f"level '{found.level.id}': {level:,.0f} adults of these regions; regions add up to {whole.sum():,}"
        )
    if asked.report:
        points = table[["x_m", "y_m"]]
        print(*timed("report", lambda: write_report(found, asked.report, points=points)), sep="\n")


if __name__ == "__main__":
    main()
