"""A small whole draft, to be damaged in one place."""

import pandas as pd

from exclusion.editions.store import Draft, Edition

NOTICE = "Demonstration data: not a real place"
PAGE = f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'"><p>{NOTICE}</p>'
AREAS = 100
INDICATOR = {
    "id": "no_car",
    "label": "No car",
    "direction": "+",
    "weight_pct": 100.0,
    "points_as_declared": 0.98,
    "agrees_with_risk": 0.6,
    "not_own_pct": 3.0,
}
FACTS = {
    "areas": AREAS,
    "areas_in_results": AREAS,
    "ranked_areas": AREAS,
    "residents": 150_000,
    "residents_published": 150_000,
    "households": 60_000,
    "households_published": 60_000,
    "adults": 120_000,
    "people_offline": 20_000,
    "people_offline_low": 15_000,
    "people_offline_high": 26_000,
    "notice": NOTICE,
    "map_pages": [{"href": "map.html", "areas": AREAS}],
    "backtest_scores": {"rank_correlation": 0.70, "worst_tenth_found_pct": 50.0},
    "indicators": [INDICATOR],
    "spec": {"spec_id": "digital_exclusion"},
    "sources": {"census": {"sha256": "aa", "vintage": "Census 2021"}},
}


def made_results(**columns):
    """100 areas, ranked in order of their code."""
    ranks = pd.array(range(1, AREAS + 1), dtype="Int64")
    table = pd.DataFrame(
        {
            "lsoa21nm": [f"Dale {n:03d}A" for n in range(AREAS)],
            "lad_cd": "E07900001",
            "lad_nm": "Dale",
            "residents": 1500,
            "households": 600,
            "adults": 1200,
            "people_offline": 200,
            "offline_share_low_pct": 12.0,
            "offline_share_pct": 16.0,
            "offline_share_high_pct": 21.0,
            "risk_score": [float(AREAS - n) for n in range(AREAS)],
            "exclusion_score": [float(AREAS - n) for n in range(AREAS)],
            "risk_rank": ranks,
            "exclusion_rank": ranks,
            "is_ranked": True,
            "help_min": 12.0,
        },
        index=pd.Index([f"E01{900001 + n}" for n in range(AREAS)], name="lsoa21cd"),
    )
    return table.assign(**columns)


def made_draft(tmp_path, *, name="dale-0000000001", page=PAGE, results=None, **facts):
    """A draft that passes every gate, but for what is given."""
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    (folder / "map.html").write_text(page)
    (made_results() if results is None else results).to_parquet(folder / "results.parquet")
    return Draft(
        name=name,
        slug="dale",
        label="Dale",
        pages={"map.html": folder / "map.html"},
        tables={"results.parquet": folder / "results.parquet"},
        facts={**FACTS, **facts},
        is_demonstration=True,
    )


def made_edition(tmp_path, **changes):
    """The edition that went before: a draft as it would lie on disk."""
    draft = made_draft(tmp_path, name="dale-0000000000", **changes)
    return Edition(
        name=draft.name,
        label=draft.label,
        slug=draft.slug,
        is_demonstration=True,
        folder=tmp_path / draft.name,
        tables=tmp_path / draft.name,
        manifest=draft.facts,
    )
