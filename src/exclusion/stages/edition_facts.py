"""The facts of an edition: what its manifest, its gates, the summary on a terminal and its pages say of it."""

import math
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from exclusion.demo import DEMONSTRATION_NOTICE
from exclusion.job import Job
from exclusion.publish.map.words import compare_keys, words_of
from exclusion.stages.national import spine_of
from exclusion.stages.tables import Inputs, read_json, read_table
from exclusion.stages.travel_facts import travel_facts
from exclusion.steps import code_hash

_TOP = 10
_DECISIVE_PACKAGES = (
    "exactextract", "folium", "geopandas", "highspy", "numba", "numpy", "pandas", "pyarrow", "pyogrio", "pyproj",
    "rasterio", "scikit-learn", "scipy", "shapely",
)  # fmt: skip


def standing_note(job: Job) -> str | None:
    """Return the sentence that every page and list carries: of the made-up county, or of a spine of its own."""
    if job.is_demo:
        return DEMONSTRATION_NOTICE
    spine = spine_of(job)
    return words_of("en")("compare.within", nation=spine.label) if spine.sources else None


def ranked_count(everything: pd.DataFrame) -> int:
    """Return how many areas ranks run over: an area with too little observed is in every table but has no rank."""
    return int(everything["exclusion_rank"].notna().sum())


def edition_facts(
    job: Job,
    label: str,
    everything: pd.DataFrame,
    results: pd.DataFrame,
    inputs: Inputs,
    sources: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what the manifest, the gates, the summary and the pages say of the edition."""
    from exclusion.publish.lists import ranked_list

    record, estimate, index = (
        read_json(inputs[name]) for name in ("indicators.json", "estimate.json", "index.json")
    )
    plan = read_json(inputs["siting.json"])
    top = ranked_list(results, top=_TOP)
    names = top["neighbourhood"].fillna(top["lsoa21nm"]) + " (" + top["lsoa21nm"].astype(str) + ")"
    travel = travel_facts(job, results, inputs)
    stand_ins = list(
        dict.fromkeys([*record["stand_ins"], *index["notes"], *plan.get("remarks", []), *travel["remarks"]])
    )
    return {
        "label": label,
        "areas": len(results),
        "areas_in_results": int(results["risk_score"].notna().sum()),
        "residents": int(results["residents"].sum()),
        "residents_published": _published(inputs, results, "ts001_total"),
        "households": int(results["households"].sum()),
        "households_published": _published(inputs, results, "ts041_number_of_households", "ts045_total"),
        "adults": int(results["adults"].sum()),
        "people_offline": int(results["people_offline"].sum()),
        **_people_interval(results, index["method"], read_table(inputs["rollups.parquet"])),
        # A number of people offline says of which year it is, wherever it goes.
        "definition": f"{estimate['definition']} ({estimate['level']['year']})",
        "ranked_areas": ranked_count(everything),
        "ranked_among": f"{ranked_count(everything):,} areas {index['relative_to']}",
        "notice": standing_note(job) or "",
        "date_text": date_text(sources),
        "backtest": [*estimate["backtest"], *index["backtest"]],
        "backtest_scores": _backtest_scores(read_json(inputs["backtest.json"])),
        "indicators": index["indicators"],
        "rural_effect": index["rural_effect"],
        "certainty": _certainty(index, results),
        "change": _change_words(read_json(inputs["sensitivity.json"]).get("change")),
        "plan": _plan_words(plan),
        "travel": travel,
        "stand_ins": stand_ins,
        "top_areas": [
            {
                "position": int(row.position),
                "lsoa21cd": row.lsoa21cd,
                "name": name,
                "exclusion_rank": None if pd.isna(row.exclusion_rank) else int(row.exclusion_rank),
                "risk_rank": None if pd.isna(row.risk_rank) else int(row.risk_rank),
                "people_offline": int(row.people_offline),
                "reason": row.reason,
            }
            for row, name in zip(top.itertuples(index=False), names, strict=True)
        ],
        "publisher": job.publisher,
        "contact": job.contact,
        "sources": sources,
        "attribution": sorted({str(source["credit"]) for source in sources.values() if source["credit"]}),
        "spec": {**index["meta"], "declaration": index["declaration"]},
        "made_with": made_with(),
        "parameters": {
            # A path would tell of the machine that it was made on.
            "spec": Path(job.spec).name,
            "draws": job.draws,
            "sensitivity_base": job.sensitivity_base,
            "target": estimate["level"]["id"],
            "choose": job.choose,
            "within_min": job.within_min,
            "engine": job.engine,
        },
        **_spine_facts(job),
    }


def _spine_facts(job: Job) -> dict[str, Any]:
    """Return what is said of a spine of its own; nothing in England and Wales, which all texts are written for."""
    spine = spine_of(job)
    if not spine.sources:
        return {}
    words = words_of("en")
    compares = [words(key) for key in compare_keys(spine.id)]
    return {
        "spine": {
            "id": spine.id,
            "area_kind": spine.area_kind,
            "census": spine.census,
            "terms": dict(spine.terms),
            "compares": compares,
        }
    }


def _published(inputs: Inputs, results: pd.DataFrame, *columns: str) -> int:
    """Return the sum of the first of the Census tables' own columns that is at hand, over the place's areas."""
    counts = read_table(inputs["indicators.parquet"]).set_index("lsoa21cd")
    column = next(name for name in columns if name in counts)
    return int(counts.loc[results.index, column].sum())


def _backtest_scores(record: Mapping[str, Any]) -> dict[str, float] | None:
    """Return how the estimate of people offline did on councils held out, for comparison with the next edition.

    None where nothing was observed that it could be tested on.
    """
    if not record["backtest"]["scores"]:
        return None
    first = record["backtest"]["scores"][0]
    return {
        "rank_correlation": first["spearman"],
        "worst_tenth_found_pct": round(100.0 * first["worst_tenth_overlap"], 2),
    }


def made_with() -> dict[str, Any]:
    """Return the versions of our own code (and its hash), of Python and of the packages that decide the figures."""
    return {
        "exclusion": metadata.version("exclusion-map"),
        "code": code_hash((".",)),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _DECISIVE_PACKAGES},
    }


def _people_interval(
    results: pd.DataFrame, method: Mapping[str, Any], rollups: pd.DataFrame
) -> dict[str, int]:
    """Return the interval of the place's people offline from draws, or the sums of the areas' bounds without draws.

    A larger place has the interval that lists of such places give it. The bounds of all areas do not come true
    together, so their sums are far too wide.
    """
    from exclusion.index.people_draws import draw_people
    from exclusion.stages.rollups import drawn_range

    known = drawn_range(rollups, results)
    if known is not None:
        return {"people_offline_low": known[0], "people_offline_high": known[1]}
    declared, draws = method["uncertain"], method["draws"]
    if not declared["people_offline"]:
        return {name: int(results[name].sum()) for name in ("people_offline_low", "people_offline_high")}
    place = pd.Series("place", index=results.index)
    found = draw_people(
        results,
        results["lad_cd"],
        {"place": place},
        shared=draws["shared_error"],
        interval=declared["interval"],
        draws=draws["draws"],
        seed=draws["seed"],
    ).groups["place"]
    return {
        "people_offline_low": math.floor(found["people_offline_low"].iloc[0]),
        "people_offline_high": math.ceil(found["people_offline_high"].iloc[0]),
    }


def _certainty(index: Mapping[str, Any], results: pd.DataFrame) -> list[str]:
    """Return how much of the worst tenth, of all areas and of the place, is solid."""
    from exclusion.publish.lists import solid_lines

    draws = index["method"]["draws"]
    said = [f"Worst tenth {index['relative_to']}: {draws['solid']}"] if draws["solid"] else []
    return said + solid_lines(results, draws["draws"], where="of the place")


def _change_words(change: Mapping[str, Any] | None) -> list[str]:
    """Return how far scores moved since the edition whose reference was given, and why."""
    if change is None:
        return []
    points = change["mean_points"]
    parts = ", ".join(f"{part} {points[part]:.2f}" for part in ("data", "reference", "method", "geography"))
    return [
        (
            f"Against the reference edition ({change['since']}): the risk score of {change['moved_areas']:,} areas changed, by "
            f"{points['change']:.2f} points on average; the parts, on average and without sign: {parts}."
        )
    ]


def date_text(sources: Mapping[str, Mapping[str, Any]]) -> str:
    """Say up to when data were retrieved: the edition's own date."""
    newest = max((str(source["retrieved"]) for source in sources.values()), default="")
    return f"data retrieved up to {newest}" if newest else ""


def _plan_words(plan: Mapping[str, Any]) -> list[str]:
    """Return what the plan does, its proof and how it comes about, a sentence each."""
    if "why_not" in plan:
        return [str(plan["why_not"])]
    before = (
        f"{plan['reached_before']:,.0f} of {plan['people_offline']:,.0f} people offline are within "
        f"{plan['within_min']:g} minutes of help now."
    )
    chosen = "; ".join(f"{venue['name']} (+{venue['newly_reached']:,.0f})" for venue in plan["venues"])
    first, *others = plan["sentences"]
    return [before, first, f"In order of what each adds: {chosen}.", *others]
