"""A made edition's records for the tests of the method report, by the code that makes them in a run."""

import numpy as np
import pandas as pd

from exclusion.index.account import method_account
from exclusion.index.engine import build
from exclusion.index.people_draws import draw_people
from exclusion.index.uncertainty import run_uncertainty
from exclusion.publish.map.content import Edition
from exclusion.publish.method_report import MethodFacts
from exclusion.stages.rollups import rollup_table
from exclusion.stages.sensitivity import clusters_of, effects_of
from tests.index.made import default_data, parsed, table


def made_facts(
    tmp_path, *, name="Fellshire", note="A limit of the estimate.", n=160, **sections
) -> MethodFacts:
    data = default_data()
    for section, changes in sections.items():
        data[section] |= changes
    areas = table(n)
    rng = np.random.default_rng(5)
    areas["x_m"], areas["y_m"] = rng.uniform(4e5, 4.2e5, n), rng.uniform(5e5, 5.2e5, n)
    areas.loc[areas.index[:7], "broadband_deficit"] = np.nan
    areas["lad_nm"] = [f"{name} {code[-1]}" for code in areas["lad_cd"]]
    areas["rgn_nm"] = "The North"
    areas["residents"] = 1500.0
    for column in ("wd_cd", "utla_cd", "cauth_cd", "icb_cd"):
        areas[column] = None
        areas[column.replace("_cd", "_nm")] = None
    result = build(parsed(data), areas, label="in the made county")
    draws = run_uncertainty(result, areas, draws=100, rollups={"council": "lad_cd"})
    people = pd.DataFrame(
        {"people_offline": 90.0, "people_offline_low": 60.0, "people_offline_high": 130.0, "adults": 1200.0},
        index=areas.index,
    )
    drawn = draw_people(people, areas["lad_cd"], {"council": areas["lad_cd"]}, shared=0.1, draws=50)
    draws.table.to_parquet(tmp_path / "uncertainty.parquet")
    effects, by_area = effects_of(result, areas, base=64)
    clusters, found = clusters_of(result, areas, {"uncertainty.parquet": tmp_path / "uncertainty.parquet"})
    rows = result.table.merge(draws.table, on="lsoa21cd").merge(by_area, on="lsoa21cd")
    rows = rows.merge(clusters, on="lsoa21cd").set_index("lsoa21cd")
    rows["lsoa21nm"] = [f"{name} {at:03d}A" for at in range(n)]
    rows["msoa21nm"], rows["msoa_hcl_nm"] = name, f"{name} Town"
    rows["lad_cd"] = areas["lad_cd"]
    score = {"worst_tenth_overlap": 0.5, "within_council_spearman": None, "areas": 150}
    return MethodFacts(
        edition=Edition(
            name="fellshire-1", date_text="data retrieved up to 2026-01-01", place_name=name, ranked_areas=n,
            ranked_among=f"{n} areas in the made county", index_href="../index.html",
        ),
        index={
            "method": method_account(result, draws, shared_error=0.1),
            "meta": result.meta,
            "rural_effect": ["The weight for remoteness moves 3 areas."],
            "backtest": [],
            "warnings": list(result.warnings),
            "notes": list(result.notes),
        },
        sensitivity={"effects": effects, "clusters": found},
        estimate={
            "definition": "adults without a connection", "level": {"year": 2025}, "notes": [note], "backtest": ["Tested."],
        },
        backtest={
            "backtest": {
                "scores": [
                    {"predictor": "this estimate", "spearman": 0.81, **score},
                    {"predictor": "a peer", "spearman": 0.42, **score},
                    {"predictor": "a peer that is absent", "spearman": None, **score},
                ],
                "facts": {"areas": 150, "councils": 5},
                "caveats": ["A caveat of the back-test."],
            }
        },
        sources={
            "census_ts054": {
                "title": "Census 2021 TS054 Tenure", "publisher": "Nomis", "vintage": "Census 2021", "obtained": "downloaded",
            }
        },
        stand_ins=(),
        results=rows,
        places=rollup_table(areas, result.table, draws, drawn),
    )  # fmt: skip
