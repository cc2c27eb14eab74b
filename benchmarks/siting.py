"""Print what siting takes beside PySAL spopt, in CPU seconds (this process and its children), in one run.

    python benchmarks/siting.py county            # and spopt with CBC and with HiGHS on the same county
    python benchmarks/siting.py county frontier median capacity centroids region nation nation-median
    python benchmarks/siting.py region nation --spopt 3600   # spopt there too: ended after an hour, or its memory measured

Instances are made up (siting_instances.py); compiled loops are warmed up first and that time is not counted. A figure
of spopt's plan is its own sites evaluated in people, for its percentage counts places.
"""

import argparse
import importlib.metadata
import multiprocessing
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from siting_instances import COUNTY, NATION, REGION, Size, made_up

from exclusion.access.reach import Reach
from exclusion.siting.choice import choose, frontier
from exclusion.siting.plan import Plan, covered
from exclusion.siting.plan_files import plan_record
from exclusion.siting.problem import Effort, Problem
from exclusion.siting.verification import verify


def cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def memory_mb() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return (own.ru_maxrss + children.ru_maxrss) / 1024


def line(name: str, value: str, bound: str, gap: str, seconds: float, more: str = "") -> None:
    print(f"{name:<44} {value:>12} {bound:>12} {gap:>9} {seconds:>9.2f}  {more}", flush=True)


def ours(name: str, size: Size, limit_min: float, effort: Effort | None = None, **options) -> Plan:
    demand, venues, reach = made_up(size, limit_min)
    if options.get("goal") == "capacity":
        venues["capacity_people"] = options.pop("places")
    problem = Problem(demand=demand, venues=venues, reach=reach, limit_min=limit_min, **options)
    began = cpu()
    plan = choose(problem, effort)
    spent = cpu() - began
    digits = 3 if plan.value < 100 else 0
    line(
        name,
        f"{plan.value:,.{digits}f}",
        f"{plan.bound:,.{digits}f}",
        "proven" if plan.is_proven else f"{plan.gap_pct:.3f}%",
        spent,
        f"certificate {plan.certified_bound:,.{digits}f}; {len(reach.indices):,} pairs; {memory_mb():,.0f} MB",
    )
    return plan


def warmed_up() -> None:
    """Compile the loops once, so that the compiler's time is in no figure."""
    small = Size("warm", 60, 20, 20.0, 6, 3_000)
    for goal in ("cover", "mean_time", "capacity"):
        demand, venues, reach = made_up(small, 15)
        venues["capacity_people"] = 300.0
        effort = Effort(is_exact_tried=False, search_rounds=10)
        choose(Problem(demand=demand, venues=venues, reach=reach, limit_min=15, choose=3, goal=goal), effort)


def theirs(
    size: Size, limit_min: float, venues_to_choose: int, solver_name: str, seconds: float | None = None
) -> None:
    """Run spopt in a child process, so that its time and memory are its own; end it after so many wall seconds."""
    process = multiprocessing.get_context("spawn").Process(
        target=_spopt, args=(size, limit_min, venues_to_choose, solver_name)
    )
    before = cpu()
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
        line(
            f"spopt + {solver_name}",
            "no plan",
            "none given",
            "?",
            cpu() - before,
            f"ended after {seconds:.0f} s",
        )
    elif process.exitcode != 0:
        line(f"spopt + {solver_name}", "failed", "", "", float("nan"), f"exit code {process.exitcode}")


def their_memory_gb(size: Size) -> float:
    """Return the memory that spopt's model of an instance would take, by what two smaller ones were measured to take.

    Its matrix of minutes and its sums over every pair are dense, so memory grows with demand rows times venues.
    """
    context = multiprocessing.get_context("spawn")
    cells, peaks = [], []
    for venues in (COUNTY.venues // 2, COUNTY.venues):
        small = replace(COUNTY, venues=venues)
        peak = context.Queue()
        process = context.Process(target=_spopt_built, args=(small, peak))
        process.start()
        peaks.append(peak.get())
        process.join()
        cells.append(small.demand * small.venues)
    each = (peaks[1] - peaks[0]) / (cells[1] - cells[0])
    print(
        f"  spopt's model: {each:,.0f} bytes for each pair of a demand row and a venue (measured at {cells[0]:,} and {cells[1]:,})"
    )
    return (peaks[0] + each * (size.demand * size.venues - cells[0])) / 1e9


def _spopt_built(size: Size, peak: "multiprocessing.Queue[float]") -> None:
    warnings.simplefilter("ignore")
    from spopt.locate import MCLP

    demand, venues, reach = made_up(size, 15.0)
    minutes = np.full((len(demand), len(venues)), 1e6)
    minutes[reach.rows(), reach.indices] = reach.minutes
    MCLP.from_cost_matrix(minutes, demand["people_offline"].to_numpy(dtype=float), 15.0, p_facilities=20)
    peak.put(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0)


def _spopt(size: Size, limit_min: float, venues_to_choose: int, solver_name: str) -> None:
    warnings.simplefilter("ignore")
    import pulp
    from spopt.locate import MCLP

    demand, venues, reach = made_up(size, limit_min)
    minutes = np.full((len(demand), len(venues)), 1e6)
    minutes[reach.rows(), reach.indices] = reach.minutes
    people = demand["people_offline"].to_numpy()
    began = cpu()
    model = MCLP.from_cost_matrix(minutes, people.astype(float), limit_min, p_facilities=venues_to_choose)
    built = cpu() - began
    solver = (
        pulp.PULP_CBC_CMD(msg=False) if solver_name == "CBC" else pulp.HiGHS(msg=False, output_flag=False)
    )
    model = model.solve(solver)
    spent = cpu() - began
    # not fac2cli: it lists every site whose variable is above 0, by 1e-14 too (28 sites where 20 were asked for)
    sites = [site for site, variable in enumerate(model.fac_vars) if variable.varValue > 0.5]
    value = people[(minutes[:, sites] <= limit_min).any(axis=1)].sum()
    version = importlib.metadata.version("spopt")
    line(
        f"spopt {version} + {solver_name}",
        f"{value:,.0f}",
        "none given",
        "?",
        spent,
        f"build {built:.1f} s; {memory_mb():,.0f} MB",
    )


def county(arguments: argparse.Namespace) -> None:
    del arguments
    for limit_min, venues in ((15.0, 20), (10.0, 50)):
        ours(f"county {limit_min:g} min, {venues} venues", COUNTY, limit_min, choose=venues)
        for solver in ("CBC", "HiGHS"):
            theirs(COUNTY, limit_min, venues, solver)


def county_frontier(arguments: argparse.Namespace) -> None:
    del arguments
    demand, venues, reach = made_up(COUNTY, 15)
    began = cpu()
    points = frontier(Problem(demand=demand, venues=venues, reach=reach, limit_min=15, choose=1), 60)
    spent = cpu() - began
    proven = sum(point.is_proven for point in points)
    line("county frontier, 1 to 60 venues", f"{points[-1].value:,.0f}", "", f"{proven}/{len(points)}", spent,
         f"nobody is added after {points[-1].choose} venues" if len(points) < 60 else "")  # fmt: skip


def median(arguments: argparse.Namespace) -> None:
    del arguments
    for venues in (20, 50):
        ours(f"county p-median, {venues} venues", COUNTY, 200.0, choose=venues, goal="mean_time")


def capacity(arguments: argparse.Namespace) -> None:
    del arguments
    for places in (2_500, 1_900):
        ours(
            f"county, 20 champions of {places:,} people", COUNTY, 15.0, Effort(is_exact_tried=False), choose=20,
            goal="capacity", places=places,
        )  # fmt: skip


def region(arguments: argparse.Namespace) -> None:
    ours("region 15 min, 100 venues", REGION, 15.0, Effort(exact_seconds=300), choose=100)
    if arguments.spopt:
        theirs(REGION, 15.0, 100, "HiGHS", arguments.spopt)


def nation(arguments: argparse.Namespace) -> None:
    plan = ours("nation 15 min, 1,000 venues", NATION, 15.0, choose=1_000)
    began = cpu()
    found = verify(plan_record(plan))
    line("  its certificate checked again", "holds" if found.is_valid else "FAILS", "", "", cpu() - began)
    if arguments.spopt:
        needed = their_memory_gb(NATION)
        here = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
        if needed > here:
            more = f"needs about {needed:,.0f} GB of memory; this machine has {here:,.0f}"
            line("spopt + HiGHS", "not run", "none given", "?", float("nan"), more)
        else:
            theirs(NATION, 15.0, 1_000, "HiGHS", arguments.spopt)


def nation_median(arguments: argparse.Namespace) -> None:
    del arguments
    ours("nation p-median capped at 30 min, 1,000", NATION, 30.0, choose=1_000, goal="mean_time")


def centroids(arguments: argparse.Namespace) -> None:
    """Site on population-weighted centroids of areas and on populated cells; judge both plans on the cells."""
    del arguments
    cells, venues, _ = made_up(replace(COUNTY, demand=21_337, people=269_000), 15)
    area = _areas(cells[["x_m", "y_m"]].to_numpy(), cells["people_offline"].to_numpy(), 256)
    weight = cells["people_offline"].to_numpy(dtype=float)
    sums = np.bincount(area, weights=weight)
    x = np.bincount(area, weights=weight * cells["x_m"]) / sums
    y = np.bincount(area, weights=weight * cells["y_m"]) / sums
    is_rural = np.bincount(area, weights=weight * ~cells["is_rural"]) < sums / 2
    centres = pd.DataFrame(
        {
            "demand_id": [f"a{number}" for number in range(256)],
            "x_m": x,
            "y_m": y,
            "people_offline": sums,
            "is_rural": is_rural,
        }
    )
    truth = Problem(demand=cells, venues=venues, reach=_reach(cells, venues), limit_min=15, choose=20)
    claimed = choose(replace(truth, demand=centres, reach=_reach(centres, venues)))
    began = cpu()
    exact = choose(truth)
    spent = cpu() - began
    on_cells = covered(exact.instance, np.array(claimed.chosen))
    reached = exact.instance.weight[on_cells].sum() / exact.instance.weight.sum()
    line("plan on 256 area centroids: claims", f"{claimed.reached_pct:.1f}%", "", "", 0.0)
    line("  the same plan, on populated cells", f"{100 * reached:.1f}%", "", "", 0.0)
    line(
        "plan on 21,337 populated cells: claims, is",
        f"{exact.reached_pct:.1f}%",
        "",
        "proven" if exact.is_proven else "?",
        spent,
    )


def _areas(at: np.ndarray, people: np.ndarray, count: int) -> np.ndarray:
    """Cut points into areas of about equal population by halving the longer side again and again."""
    area = np.zeros(len(at), dtype=np.int64)
    parts = [np.arange(len(at))]
    while len(parts) < count:
        halves = []
        for part in parts:
            side = int(np.ptp(at[part, 1]) > np.ptp(at[part, 0]))
            order = part[np.argsort(at[part, side], kind="stable")]
            half = np.searchsorted(np.cumsum(people[order]), people[order].sum() / 2)
            half = int(np.clip(half, 1, len(order) - 1))
            halves += [order[:half], order[half:]]
        parts = halves
    for number, part in enumerate(parts):
        area[part] = number
    return area


def _reach(demand: pd.DataFrame, venues: pd.DataFrame) -> Reach:
    """Return reach lists of 15 minutes with the travel times of siting_instances."""
    from scipy.spatial import cKDTree

    speed = np.where(demand["is_rural"], 45.0, 22.0)
    at, hall = demand[["x_m", "y_m"]].to_numpy() / 1000, venues[["x_m", "y_m"]].to_numpy() / 1000
    lists = cKDTree(hall).query_ball_point(at, 13 * speed / 81, return_sorted=True)
    row = np.repeat(np.arange(len(at)), [len(one) for one in lists])
    column = np.concatenate([np.array(one, dtype=np.int64) for one in lists])
    minutes = np.round(2 + 81 * np.hypot(*(at[row] - hall[column]).T) / speed[row], 2)
    keep = minutes <= 15
    pointers = np.concatenate(([0], np.cumsum(np.bincount(row[keep], minlength=len(at)))))
    return Reach(
        pointers.astype(np.int64),
        column[keep].astype(np.int32),
        minutes[keep].astype(np.float32),
        len(hall),
        15.0,
    )


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "county": county,
    "frontier": county_frontier,
    "median": median,
    "capacity": capacity,
    "centroids": centroids,
    "region": region,
    "nation": nation,
    "nation-median": nation_median,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["county"], choices=[*PARTS, []])
    parser.add_argument(
        "--spopt",
        type=float,
        metavar="SECONDS",
        help="run spopt at region and nation size too, for so long at most",
    )
    arguments = parser.parse_args()
    began = time.monotonic()
    warmed_up()
    print(f"{'what':<44} {'value':>12} {'bound':>12} {'gap':>9} {'CPU s':>9}")
    for part in arguments.parts or ["county"]:
        PARTS[part](arguments)
    print(f"(wall {time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
