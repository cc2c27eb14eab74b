"""Print the planner's map beside folium.Choropleth and geopandas.explore: bytes, build time, and how it feels offline.

Run `python benchmarks/map.py` for a council (Northumberland), `--nation` for all 35,672 areas as well (the peers then
take minutes and gigabytes; leave them out with `--ours`), `--councils` for all 318 pages. Real boundaries stand beside
the repository; the figures on them are made up. Times are CPU seconds of this process and milliseconds in Chromium.
"""

import argparse
import hashlib
import multiprocessing
import os
import resource
import statistics
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd

from exclusion.publish.map.content import Domain, Edition, PageContent, Reach
from exclusion.publish.map.councils import council_pages
from exclusion.publish.map.page import build_page
from exclusion.steps import give_back_memory

REAL = Path(__file__).resolve().parents[1].parent / "shared" / "real"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DOMAINS = tuple(
    Domain(key, key.title(), 25.0) for key in ("skills", "connection", "affordability", "age_health")
)
READY = """
new MutationObserver(() => {
  if (document.documentElement.classList.contains("ready") && !window.drawnAt) {
    requestAnimationFrame(() => requestAnimationFrame(() => { window.drawnAt = performance.now(); }));
    window.drawnAt = -1;
  }
}).observe(document, {attributes: true, subtree: true});
"""
SWITCH = """async () => {
  const select = document.getElementById("measure"), times = [];
  for (let round = 0; round < 3; round++) for (const option of Array.from(select.options)) {
    const begin = performance.now();
    select.value = option.value;
    select.dispatchEvent(new Event("change"));
    const worked = performance.now() - begin;
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push([worked, performance.now() - begin]);
  }
  return times;
}"""


def read_areas() -> gpd.GeoDataFrame:
    """Return all areas with their names, councils and rural class, in EPSG:27700."""
    areas = gpd.read_parquet(REAL / "boundaries" / "lsoa21_ew_bgc_wgs84.parquet").to_crs(27700)
    areas = areas.rename(columns={"LSOA21CD": "lsoa21cd", "LSOA21NM": "lsoa21nm", "LADCD": "lad_cd"})
    areas["lad_nm"] = areas["lsoa21nm"].str.rsplit(" ", n=1).str[0]
    wards = pd.read_csv(REAL / "lookups" / "lsoa21_ward24_lad24_ew.csv.gz", encoding="utf-8-sig")
    areas["wd_nm"] = areas["lsoa21cd"].map(wards.set_index("lsoa21_code")["ward24_name"])
    rural = pd.read_csv(REAL / "ruc" / "LSOA21_RUC21_EW_LU.csv", encoding="utf-8-sig").set_index("LSOA21CD")
    areas["ruc21nm"] = areas["lsoa21cd"].map(rural["RUC21NM"])
    areas["is_rural"] = areas["lsoa21cd"].map(rural["Urban_rural_flag"]) == "Rural"
    bounds = areas.bounds
    return areas.assign(x_m=(bounds["minx"] + bounds["maxx"]) / 2, y_m=(bounds["miny"] + bounds["maxy"]) / 2)


def made_table(areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return made-up figures for every measure of the page."""
    rng = np.random.default_rng(1)
    count = len(areas)
    table = pd.DataFrame(index=pd.Index(areas["lsoa21cd"], name="lsoa21cd"))
    table["risk_score"] = rng.uniform(10, 90, count)
    table["help_min"] = rng.gamma(4, 4, count)
    table["help_car_min"], table["help_other_min"] = table["help_min"] * 0.8, table["help_min"] * 2.3
    table["exclusion_score"] = table["risk_score"] * (1 + 0.01 * table["help_min"])
    table["rural_contribution"] = table["exclusion_score"] - table["risk_score"]
    for score in ("risk", "exclusion"):
        table[f"{score}_rank"] = table[f"{score}_score"].rank(ascending=False, method="first")
        table[f"{score}_rank_low"] = (table[f"{score}_rank"] - count * 0.05).clip(lower=1)
        table[f"{score}_rank_high"] = (table[f"{score}_rank"] + count * 0.07).clip(upper=count)
    table["adults"] = rng.integers(800, 2_000, count)
    table["offline_share_pct"] = rng.gamma(6, 2, count).clip(1, 60)
    table["people_offline"] = table["adults"] * table["offline_share_pct"] / 100
    table["people_offline_low"], table["people_offline_high"] = (
        table["people_offline"] * 0.7,
        table["people_offline"] * 1.4,
    )
    table["people_offline_beyond_20_min"] = np.where(table["help_min"] > 20, table["people_offline"], 0.0)
    table["chance_worst_tenth_pct"] = 100 / (1 + np.exp(-(table["exclusion_score"] - 80) / 8))
    for domain in DOMAINS:
        table[f"{domain.key}_score"] = rng.uniform(0, 100, count)
        table[f"{domain.key}_contribution"] = rng.uniform(-12, 12, count)
    kinds = np.array(
        ["Skills and confidence", "Affording a connection", "No good connection", "Help close to home"]
    )
    table["needs_type"] = kinds[rng.integers(0, 4, count)]
    table["action"] = "Offer drop-in help near home: " + table["needs_type"].str.lower()
    table["reason"] = [
        f"High for {kind.lower()}: {share:.1f}% of adults are likely to be offline and help is {minutes:.0f} minutes away."
        for kind, share, minutes in zip(
            table["needs_type"], table["offline_share_pct"], table["help_min"], strict=True
        )
    ]
    return table


def postcodes_of(areas: gpd.GeoDataFrame, *, is_sectors: bool) -> pd.DataFrame:
    """Return unit postcodes, or sectors at the median of their units, with the area that holds each."""
    units = pd.read_parquet(
        REAL / "postcodes" / "codepoint_open_gb_2025_2.parquet", columns=["pcds", "eastings", "northings"]
    )
    west, south, east, north = areas.total_bounds
    units = units[units["eastings"].between(west, east) & units["northings"].between(south, north)]
    names = units["pcds"].str[:-2] if is_sectors else units["pcds"]
    places = (
        units.assign(postcode=names).groupby("postcode")[["eastings", "northings"]].median().reset_index()
    )
    points = gpd.GeoDataFrame(
        places, geometry=gpd.points_from_xy(places["eastings"], places["northings"]), crs=27700
    )
    return gpd.sjoin(points, areas[["lsoa21cd", "geometry"]], predicate="within")[["postcode", "lsoa21cd"]]


def venues_and_reach(areas: gpd.GeoDataFrame, table: pd.DataFrame) -> tuple[pd.DataFrame, Reach]:
    """Return 80 venues and straight-line reach from four places in each area."""
    rng = np.random.default_rng(2)
    at = rng.integers(0, len(areas), 80)
    venues = pd.DataFrame({
        "venue_id": [f"v{place:03d}" for place in range(80)], "name": [f"Hall {place}" for place in range(80)],
        "kind": "village_hall", "is_existing": np.arange(80) < 20, "x_m": areas["x_m"].to_numpy()[at], "y_m": areas["y_m"].to_numpy()[at],
    })  # fmt: skip
    demand = pd.DataFrame(
        {"demand_id": range(4 * len(areas)), "lsoa21cd": np.repeat(areas["lsoa21cd"].to_numpy(), 4)}
    )
    demand["people_offline"] = np.repeat(table["people_offline"].to_numpy() / 4, 4)
    x = np.repeat(areas["x_m"].to_numpy(), 4) + rng.normal(0, 1_500, len(demand))
    y = np.repeat(areas["y_m"].to_numpy(), 4) + rng.normal(0, 1_500, len(demand))
    minutes = np.hypot(x[:, None] - venues["x_m"].to_numpy(), y[:, None] - venues["y_m"].to_numpy()) / 500
    row, column = np.nonzero(minutes <= 45)
    pairs = pd.DataFrame(
        {"demand_id": row, "venue_id": venues["venue_id"].to_numpy()[column], "minutes": minutes[row, column]}
    )
    return venues, Reach(demand, pairs, 45.0, "straight line")


def content_of(areas: gpd.GeoDataFrame, place: str, *, is_national: bool) -> PageContent:
    """Return a whole page's content."""
    table = made_table(areas)
    count = f"{len(areas):,} areas of {place}"
    content = PageContent(
        areas=areas, table=table, domains=DOMAINS, is_national=is_national,
        edition=Edition("benchmark", "no date", place, len(areas), count, attribution=("Contains OS data.",)),
        postcodes=postcodes_of(areas, is_sectors=is_national),
    )  # fmt: skip
    if is_national:
        return replace(content, pages={code: f"{code}.html" for code in areas["lad_cd"].unique()})
    venues, reach = venues_and_reach(areas, table)
    return replace(content, venues=venues, reach=reach)


def renderer_mb(browser: Any) -> float:
    """Return the proportional set size of the largest renderer in megabytes."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return max((pss_mb(process["id"]) for process in found if process["type"] == "renderer"), default=0.0)


class PeakMemory:
    """Watch the proportional set size of this process and its children in the background."""

    def __init__(self) -> None:
        """Begin to watch."""
        self._peak = (0.0, 0.0)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> tuple[float, float]:
        """Return the peak of all together, and this process's share of it, in megabytes."""
        self._done.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            own = pss_mb(os.getpid())
            children = multiprocessing.active_children()
            self._peak = max(self._peak, (own + sum(pss_mb(child.pid or 0) for child in children), own))


def pss_mb(process: int) -> float:
    """Return a process's proportional set size in megabytes, 0 where it is gone."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def thread_ms(clock: Any) -> float:
    """Return the main thread's time in tasks so far, in milliseconds."""
    metrics = clock.send("Performance.getMetrics")["metrics"]
    return 1000 * next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def in_browser(path: Path, *, is_ours: bool) -> dict[str, str]:
    """Return how a page behaves in headless Chromium with the network off."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opens, opened, switches, each, works, memory, faults = [], [], [], [], [], 0.0, 0
        for _ in range(3 if is_ours else 1):
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=[*ARGUMENTS, "--js-flags=--expose-gc"]
            )
            page = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True).new_page()
            errors: list[str] = []
            page.on(
                "console",
                lambda message, kept=errors: kept.append(message.text) if message.type == "error" else None,
            )
            page.on("pageerror", lambda error, kept=errors: kept.append(str(error)))
            page.add_init_script(READY)
            clock = page.context.new_cdp_session(page)
            # Durations by the thread's own clock, so that other work on the machine does not count.
            clock.send("Performance.enable", {"timeDomain": "threadTicks"})
            page.goto(path.as_uri(), timeout=240_000)
            if is_ours:
                page.wait_for_selector("html.ready", timeout=60_000)
                page.wait_for_timeout(500)
                opens.append(page.evaluate("window.drawnAt"))
                page.evaluate("window.gc && window.gc()")
                memory = max(memory, renderer_mb(browser))
                before = thread_ms(clock)
                opened.append(before)
                times = page.evaluate(SWITCH)
                each.append((thread_ms(clock) - before) / len(times))
                works += [worked for worked, _ in times]
                switches += [shown for _, shown in times]
            faults = len(errors)
            browser.close()
    if not is_ours:
        return {"offline": f"blank: {faults} errors"}
    return {
        "offline": f"works: {faults} errors", "open": f"{statistics.median(opens):.0f} ms ({statistics.median(opened):.0f} ms of the page's thread)",
        "switch": f"{statistics.median(works):.0f} ms, {statistics.median(switches):.0f} ms to the second frame "
        f"({statistics.median(each):.0f} ms of the page's thread, layout and paint with it)",
        "renderer": f"{memory:.0f} MB",
    }  # fmt: skip


def choropleth(areas: gpd.GeoDataFrame, table: pd.DataFrame) -> bytes:
    """Return what plain Folium writes for one indicator with a tooltip."""
    shapes = areas[["lsoa21cd", "lsoa21nm", "geometry"]].to_crs(4326)
    made = folium.Map(location=[53, -2], zoom_start=7)
    folium.Choropleth(
        shapes,
        data=table["exclusion_score"],
        key_on="feature.properties.lsoa21cd",
        columns=None,
        fill_color="YlGnBu",
    ).add_to(made)
    folium.GeoJson(shapes, tooltip=folium.GeoJsonTooltip(["lsoa21nm"])).add_to(made)
    return made.get_root().render().encode()


def explore(areas: gpd.GeoDataFrame, table: pd.DataFrame) -> bytes:
    """Return what geopandas writes for one indicator."""
    shapes = areas[["lsoa21cd", "lsoa21nm", "geometry"]].assign(score=table["exclusion_score"].to_numpy())
    return shapes.explore("score", scheme="quantiles", k=5).get_root().render().encode()


def show(name: str, build: Any, folder: Path, *, is_ours: bool, has_browser: bool) -> None:
    """Build a page, measure it, and print one line."""
    begin = time.process_time()
    data = build()
    cpu = time.process_time() - begin
    path = folder / f"{name.split(maxsplit=1)[0]}.html"
    path.write_bytes(data)
    facts = in_browser(path, is_ours=is_ours) if has_browser else {}
    print(
        f"  {name:<38} {len(data):>12,} bytes  build {cpu:6.2f} CPU-s  "
        + "  ".join(f"{key} {text}" for key, text in facts.items()),
        flush=True,
    )


def councils(everywhere: gpd.GeoDataFrame, workers: int) -> None:
    """Build every council's page and the nation's, twice, and print what it took and whether the bytes are the same."""
    whole = content_of(everywhere, "England and Wales", is_national=True)
    units = postcodes_of(everywhere, is_sectors=False)
    digests = []
    # As a run does between its steps.
    give_back_memory()
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  the input's own reading and joining took {held:.0f} MB at its peak, before any page was built")
    for _ in range(2):
        begin, wall = time.process_time(), time.perf_counter()
        watch = PeakMemory()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        nation = build_page(whole)
        sizes, digest = [], hashlib.sha256(nation)
        # As a run does, no page is kept once it is made.
        for _, _, page in council_pages(replace(whole, pages={}, postcodes=units), workers=workers):
            sizes.append(len(page))
            digest.update(page)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = time.process_time() - begin
        cpu += after.ru_utime + after.ru_stime - children.ru_utime - children.ru_stime
        peak, own = watch.stop()
        sizes.sort()
        digests.append(digest.hexdigest())
        print(
            f"  {len(sizes)} councils with all unit postcodes, and the nation ({len(nation):,} bytes): {cpu:.0f} CPU-s "
            f"({time.perf_counter() - wall:.0f} s by the clock, {workers} workers), peak of all processes {peak:.0f} MB, of which {own:.0f} MB this one with the input's tables; "
            f"median {sizes[len(sizes) // 2]:,} bytes, largest {sizes[-1]:,}, all {sum(sizes):,}"
        )
    print(
        "  the second build is byte-identical" if digests[0] == digests[1] else "  THE SECOND BUILD DIFFERS"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nation", action="store_true", help="all 35,672 areas too")
    parser.add_argument("--councils", action="store_true", help="build all 318 councils' pages, twice")
    parser.add_argument("--ours", action="store_true", help="leave the peers out")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    if not REAL.is_dir():
        raise SystemExit("real open data are not beside the repository; nothing was measured")
    has_browser = Path(CHROMIUM).exists()
    everywhere = read_areas()
    if asked.councils:
        councils(everywhere, asked.workers)
        return
    jobs = [
        (
            "Northumberland, 200 areas",
            everywhere[everywhere["lad_cd"] == "E06000057"].reset_index(drop=True),
            False,
        )
    ]
    jobs += [("England and Wales, 35,672 areas", everywhere, True)] if asked.nation else []
    with tempfile.TemporaryDirectory() as name:
        for title, areas, is_national in jobs:
            content = content_of(areas, title.split(",")[0], is_national=is_national)
            print(title)
            show(
                "ours: the whole tool",
                lambda made=content: build_page(made),
                Path(name),
                is_ours=True,
                has_browser=has_browser,
            )
            if not asked.ours:
                show(
                    "choropleth: folium, one indicator",
                    lambda a=areas, c=content: choropleth(a, c.table),
                    Path(name),
                    is_ours=False,
                    has_browser=has_browser,
                )
                show(
                    "explore: geopandas, one indicator",
                    lambda a=areas, c=content: explore(a, c.table),
                    Path(name),
                    is_ours=False,
                    has_browser=has_browser,
                )


if __name__ == "__main__":
    main()
