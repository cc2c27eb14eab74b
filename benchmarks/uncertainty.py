"""Time the draws: 10,000 of weights alone and 2,000 of everything, 35,672 areas and 12 indicators.

Each job runs in a process of its own and prints CPU seconds, CPU milliseconds a draw and peak memory. Beside it runs
the same job as a straightforward NumPy and pandas loop, on fewer draws, scaled up by the draw; both give, for risk and
exclusion ranks, the median and 90% interval, the chance of the worst tenth and fifth and of the council's worst ten.

    OMP_NUM_THREADS=1 python benchmarks/uncertainty.py [weights draws] [full draws]
"""

import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, ndtri

from exclusion.index.engine import build
from exclusion.index.spec import parse_spec
from exclusion.index.uncertainty import run_uncertainty

AREAS, INDICATORS, DOMAINS, COUNCILS = 35_672, 12, 4, 318
LIMITS = {"weights": (10_000, 40.0), "full": (2_000, 80.0)}


def made() -> tuple[dict, pd.DataFrame]:
    rng = np.random.default_rng(20260101)
    factor = rng.normal(size=AREAS)
    columns, indicators = {}, []
    for k in range(INDICATORS):
        share = expit(0.7 * factor + rng.normal(size=AREAS) - 1)
        columns[f"n{k}"] = rng.integers(600, 2400, AREAS).astype(float)
        columns[f"r{k}"] = rng.binomial(columns[f"n{k}"].astype(int), share).astype(float)
        columns[f"r{k}"][rng.random(AREAS) < 0.01] = np.nan
        indicators.append(
            {
                "id": f"i{k}", "domain": f"d{k % DOMAINS}", "label": f"Indicator {k}", "weight": 1 / 3,
                "direction": "+", "numerator": [f"r{k}"], "denominator": [f"n{k}"], "unit": "%",
                "phrase": f"of residents have trait {k}", "error": "binomial",
                "missing": ["parent:msoa21cd", "neutral"], "source": {"id": f"s{k // 2}"}, "overlap_ack": "made",
            }
        )  # fmt: skip
    columns["lad_cd"] = [f"E06{c:06d}" for c in np.arange(AREAS) * COUNCILS // AREAS]
    columns["wd_cd"] = [f"E05{i // 5:06d}" for i in range(AREAS)]
    columns["msoa21cd"] = [f"E02{i // 5:06d}" for i in range(AREAS)]
    columns["help_min"] = rng.gamma(2, 12, AREAS)
    columns["residents"] = rng.integers(1000, 3000, AREAS).astype(float)
    index = pd.Index([f"E{i:08d}" for i in range(AREAS)], name="lsoa21cd")
    spec = {
        "index": {"id": "made", "version": "1", "label": "Made", "higher_is": "more_excluded"},
        "domains": {f"d{d}": {"weight": 0.25, "label": f"Domain {d}"} for d in range(DOMAINS)},
        "indicator": indicators,
        "rural": {
            "mode": "effective_need",
            "measures": [
                {"column": "help_min", "t0": 15.0, "t1": 60.0, "unit": "min", "label": "minutes to help"}
            ],
        },
        "needs": {"threshold": 50.0, "help_action": "Bring it nearer.", "lower_action": "Nothing special."},
        "uncertainty": {
            "normalisation": ["exponential", "normal", "minmax"],
            "aggregation": ["arithmetic", "power:2"],
            "rural_lambda": [0.0, 0.5],
        },
    }
    return spec, pd.DataFrame(columns, index=index)


def ours(mode: str, draws: int) -> None:
    data, table = made()
    result = build(parse_spec(data, "benchmark"), table)
    run_uncertainty(result, table, draws=2, mode=mode)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.process_time()
    run_uncertainty(result, table, draws=draws, mode=mode)
    spent = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(spent, before, after)


def memory(workers: int, draws: int) -> None:
    """Print resident memory, as the kernel counts it: how far the draws raise the peak, and the whole process's peak.

    Workers are threads that share the model, so that one more adds its own histograms and working arrays alone; wards and
    councils are drawn as in a run.
    """
    data, table = made()
    result = build(parse_spec(data, "benchmark"), table)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    run_uncertainty(
        result, table, draws=draws, workers=workers, rollups={"ward": "wd_cd", "council": "lad_cd"}
    )
    peak = resident("VmHWM")
    print(peak - before, peak)


def resident(field: str) -> float:
    """Return a field of this process's memory in MB (Linux)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(field + ":"))


def summaries(risk: np.ndarray, exclusion: np.ndarray, council: np.ndarray) -> None:
    for ranks in (risk, exclusion):
        np.quantile(ranks, (0.05, 0.5, 0.95), axis=0)
        (ranks <= AREAS / 10).mean(axis=0)
        (ranks <= AREAS / 5).mean(axis=0)
        deciles = np.ceil(ranks * 10 / AREAS).astype(int)
        np.vstack([(deciles == d).sum(axis=0) for d in range(1, 11)]).argmax(axis=0)
    within = np.vstack([pd.Series(row).groupby(council).rank().to_numpy() for row in exclusion])
    (within <= 10).mean(axis=0)


def plain(mode: str, draws: int) -> None:
    """The loop that a careful analyst would write with NumPy and pandas."""
    data, table = made()
    result = build(parse_spec(data, "benchmark"), table)
    rng = np.random.default_rng(1)
    council = table["lad_cd"].to_numpy()
    h = result.layers.rural.remoteness
    scores = pd.DataFrame(result.layers.domain_scores.T)
    logits, sd = result.layers.posterior, result.layers.posterior_sd
    risk, exclusion = np.empty((draws, AREAS)), np.empty((draws, AREAS))
    start = time.process_time()
    for j in range(draws):
        weights = rng.dirichlet(140 * np.full(DOMAINS, 1 / DOMAINS))
        lambda_, power, kind = 0.25, 1, "exponential"
        now = scores
        if mode == "full":
            lambda_, power = rng.uniform(0, 0.5), rng.choice([1, 2])
            kind = rng.choice(["exponential", "normal", "minmax"])
            noise = rng.standard_normal((INDICATORS // 2, AREAS))
            dropped = rng.integers(-1, INDICATORS)
            sums = np.zeros((DOMAINS, AREAS))
            for k in range(INDICATORS):
                rate = pd.Series(expit(logits[k] + sd[k] * noise[k // 2]))
                rate = rate.fillna(rate.median())
                if k != dropped:
                    sums[k % DOMAINS] += ndtri((rate.rank().to_numpy() - 0.5) / AREAS)
            parts = []
            for total in sums:
                share = pd.Series(total).rank().to_numpy() / AREAS
                if kind == "exponential":
                    parts.append(-23 * np.log1p(-share * (1 - np.exp(-100 / 23))))
                elif kind == "normal":
                    z = ndtri(share - 0.5 / AREAS)
                    parts.append(100 * (z - z.min()) / np.ptp(z))
                else:
                    parts.append(100 * (total - total.min()) / np.ptp(total))
            now = pd.DataFrame(np.array(parts).T)
        score = (now**power).mul(weights, axis=1).sum(axis=1) ** (1 / power)
        risk[j] = score.rank(ascending=False)
        exclusion[j] = (score * (1 + lambda_ * h)).rank(ascending=False)
    summaries(risk, exclusion, council)
    print(time.process_time() - start)


def run(*arguments: str) -> list[float]:
    done = subprocess.run([sys.executable, __file__, *arguments], check=True, capture_output=True, text=True)
    return [float(number) for number in done.stdout.split()]


def main() -> None:
    if len(sys.argv) > 2 and sys.argv[1] == "memory":
        memory(int(sys.argv[2]), int(sys.argv[3]))
        return
    if len(sys.argv) > 2 and sys.argv[1] in {"ours", "plain"}:
        (ours if sys.argv[1] == "ours" else plain)(sys.argv[2], int(sys.argv[3]))
        return
    asked = dict(zip(("weights", "full"), map(int, sys.argv[1:]), strict=False))
    print(f"{AREAS:,} areas x {INDICATORS} indicators, {DOMAINS} domains, {COUNCILS} councils; one thread")
    for mode, (standard, limit) in LIMITS.items():
        draws = asked.get(mode, standard)
        few = {"weights": 200, "full": 40}[mode]
        spent, _, after = run("ours", mode, str(draws))
        (loop,) = run("plain", mode, str(few))
        ratio = (loop / few) / (spent / draws)
        print(
            f"  {mode:8} {draws:6,} draws: {spent:6.1f} CPU-s ({1000 * spent / draws:.2f} ms a draw, limit {limit:.0f} "
            f"CPU-s for {standard:,}), plain loop {1000 * loop / few:.1f} ms a draw, ratio {ratio:.1f} (at least 10); "
            f"whole process with table and libraries {after:.0f} MB"
        )
    for workers in (1, 2):
        few, many = run("memory", str(workers), "200"), run("memory", str(workers), "800")
        print(
            f"  resident memory, {workers} worker{'s' * (workers > 1)}: the draws raise the peak by {few[0]:.0f} MB (200 draws) "
            f"and {many[0]:.0f} MB (800 draws), limit {250 * workers} MB; whole process with Python, libraries, table and "
            f"build {many[1]:.0f} MB"
        )


if __name__ == "__main__":
    main()
