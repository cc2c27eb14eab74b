"""Time the index engine: 35,672 areas and 15 indicators, spec to ranked table with contributions and sentences.

Prints CPU seconds of one core beside the same work as a plain pandas program would do it (ranks, normal scores,
exponential domains, weighted sum, ranks; no contributions, no ladder, no sentences), and, where the real data are
beside the repository, the published English index recomputed.

    OMP_NUM_THREADS=1 python benchmarks/index.py
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd

from exclusion.index.engine import build
from exclusion.index.rules import check_rules
from exclusion.index.spec import load_spec, parse_spec

AREAS, INDICATORS, DOMAINS = 35_672, 15, 5
REAL = Path(__file__).resolve().parents[1].parent / "shared" / "real"


def made() -> tuple[dict, pd.DataFrame]:
    rng = np.random.default_rng(20260101)
    factor = rng.normal(size=AREAS)
    index = pd.Index([f"E{i:08d}" for i in range(AREAS)], name="lsoa21cd")
    table = pd.DataFrame(index=index)
    indicators = []
    for k in range(INDICATORS):
        share = 1 / (1 + np.exp(-(0.7 * factor + rng.normal(size=AREAS) - 1)))
        table[f"n{k}"] = rng.integers(600, 2400, AREAS).astype(float)
        table[f"r{k}"] = rng.binomial(table[f"n{k}"].astype(int), share).astype(float)
        table.loc[index[rng.random(AREAS) < 0.01], f"r{k}"] = np.nan
        indicators.append(
            {
                "id": f"i{k}", "domain": f"d{k % DOMAINS}", "label": f"Indicator {k}", "weight": 1 / 3,
                "direction": "+", "numerator": [f"r{k}"], "denominator": [f"n{k}"], "unit": "%",
                "phrase": f"of residents have trait {k}", "error": "binomial",
                "missing": ["parent:msoa21cd", "group_median:lad_cd", "neutral"], "source": {"id": f"s{k}"},
            }
        )  # fmt: skip
    council = np.arange(AREAS) * 318 // AREAS
    table["lad_cd"] = [f"E06{c:06d}" for c in council]
    table["msoa21cd"] = [f"E02{i // 5:06d}" for i in range(AREAS)]
    table["ruc21cd"] = np.where(rng.random(AREAS) < 0.17, "RSN1", "UN1")
    table["help_min"] = rng.gamma(2, 12, AREAS)
    spec = {
        "stratify": ["lad_cd", "ruc21cd"],
        "index": {"id": "made", "version": "1", "label": "Made", "higher_is": "more_excluded"},
        "domains": {
            f"d{d}": {"weight": 0.2, "label": f"Domain {d}", "needs": f"{d}-led", "action": f"Do {d}."}
            for d in range(DOMAINS)
        },
        "indicator": indicators,
        "rural": {
            "mode": "effective_need",
            "measures": [
                {"column": "help_min", "t0": 15.0, "t1": 60.0, "unit": "min", "label": "minutes to help"}
            ],
        },
        "needs": {"threshold": 50.0, "help_action": "Bring it nearer.", "lower_action": "Nothing special."},
    }
    return spec, table


def plain_pandas(table: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import norm

    scores = {}
    for k in range(INDICATORS):
        rate = table[f"r{k}"] / table[f"n{k}"]
        rate = rate.fillna(rate.groupby(table["msoa21cd"]).transform("mean")).fillna(rate.median())
        scores[k] = norm.ppf((rate.rank() - 0.5) / AREAS)
    out = pd.DataFrame(index=table.index)
    risk = 0.0
    for d in range(DOMAINS):
        total = pd.Series(sum(scores[k] / 3 for k in range(d, INDICATORS, DOMAINS)), index=table.index)
        out[f"d{d}"] = -23 * np.log(1 - total.rank() / AREAS * (1 - np.exp(-100 / 23)))
        risk = risk + 0.2 * out[f"d{d}"]
    out["risk"], out["rank"] = risk, risk.rank(ascending=False)
    return out


def main() -> None:
    data, table = made()
    build(parse_spec(data, "warm-up"), table.iloc[:200])
    times = []
    for _ in range(5):
        start = time.process_time()
        spec = parse_spec(data, "benchmark")
        check_rules(spec, "benchmark")
        result = build(spec, table)
        times.append(time.process_time() - start)
    gap = result.layers.risk - result.contributions.reference_score
    error = np.abs(result.contributions.indicators.sum(axis=0) - gap).max()
    print(f"{AREAS:,} areas x {INDICATORS} indicators, {DOMAINS} domains; CPU seconds, one core, median of 5")
    print(
        f"  ours, spec to table with contributions, needs types and sentences  {np.median(times):.2f}  (limit 2.00)"
    )
    print(f"  contributions sum to the score difference within                   {error:.1e}")
    plain = []
    for _ in range(3):
        start = time.process_time()
        plain_pandas(table)
        plain.append(time.process_time() - start)
    print(f"  plain pandas, scores and ranks only                                {np.median(plain):.2f}")
    path = next((REAL / "deprivation").glob("File_7*.csv"), None) if REAL.is_dir() else None
    if path is None:
        print("IMD 2025: the real data are not beside the repository, not recomputed")
        return
    file7 = pd.read_csv(path, encoding="utf-8-sig").set_index("LSOA code (2021)").rename_axis("lsoa21cd")
    names = {
        "income": "Income", "employment": "Employment", "education": "Education, Skills and Training",
        "health": "Health Deprivation and Disability", "crime": "Crime",
        "barriers": "Barriers to Housing and Services", "living_environment": "Living Environment",
    }  # fmt: skip
    suffix = "Rank (where 1 is most deprived)"
    ranks = pd.DataFrame({f"iod2025_{k}_rank": file7[f"{v} {suffix}"] for k, v in names.items()})
    start = time.process_time()
    found = build(load_spec("imd2025"), ranks).table
    spent = time.process_time() - start
    equal = (
        found["risk_rank"].to_numpy() == file7[f"Index of Multiple Deprivation (IMD) {suffix}"].to_numpy()
    ).sum()
    worst = np.abs(
        found["risk_score"].to_numpy() - file7["Index of Multiple Deprivation (IMD) Score"].to_numpy()
    ).max()
    print(
        f"IMD 2025: {equal:,} of {len(found):,} ranks equal, largest score error {worst:.6f}, {spent:.2f} CPU-s"
    )


if __name__ == "__main__":
    main()
