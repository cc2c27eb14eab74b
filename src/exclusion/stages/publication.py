"""The publish step: pages and lists of the job's place, and the draft of its edition."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.editions.store import Draft
from exclusion.files import sha256_of, sha256_of_parts, stable_json, write_bytes, write_text
from exclusion.job import Job
from exclusion.publish.map.words import compare_keys
from exclusion.stages.edition_facts import edition_facts, standing_note
from exclusion.stages.surroundings import surroundings_of
from exclusion.stages.tables import Inputs, place_of, read_json, read_table, write_table
from exclusion.stages.takeaways import ACCESS, CHANGE, PLAN, write_takeaways
from exclusion.stages.travel_facts import surfaces_of

if TYPE_CHECKING:
    from exclusion.publish.map.content import Edition

FACTS = "facts.json"
PLAN_FILES = (PLAN, "plan.geojson", "plan.json")


def results_of(job: Job, inputs: Inputs) -> pd.DataFrame:
    """Return everything that lists and pages show, one row an area of the job's place (all areas where it has none)."""
    from exclusion.publish.lists import join_results

    results = join_results(
        read_table(inputs["areas.parquet"]),
        read_table(inputs["index.parquet"]),
        read_table(inputs["people_offline.parquet"]),
        read_table(inputs["travel.parquet"]),
        read_table(inputs["indicators.parquet"]),
        read_table(inputs["uncertainty.parquet"]),
        read_table(inputs["sensitivity.parquet"]) if "sensitivity.parquet" in inputs else None,
    )
    if not job.places:
        return results
    return results.loc[list(place_of(job, inputs).lsoa21cd)]


def draws_of(inputs: Inputs) -> int:
    """Return how many versions of the index were drawn."""
    return int(read_json(inputs["index.json"])["draws"])


def backtest_lines(inputs: Inputs) -> list[str]:
    """Return the back-test of the estimate and of the index as lines for a terminal."""
    index = read_json(inputs["index.json"])
    return [inputs["backtest.txt"].read_text(encoding="utf-8").rstrip("\n"), "", *index["backtest"]]


def make_publication(
    job: Job,
    sources: Mapping[str, Mapping[str, Any]],
    code: str,
    read_postcodes: Callable[[], pd.DataFrame] | None = None,
) -> Callable[[Inputs, Path], None]:
    """Return the builder of the publish step: `pages/`, `tables/` and the facts of the draft.

    `read_postcodes` returns where every postcode lies; without it the pages have no search by postcode.
    """

    def build(inputs: Inputs, folder: Path) -> None:
        from exclusion.geography.postcodes import postcode_areas
        from exclusion.publish.access_list import access_list
        from exclusion.publish.change_list import change_list
        from exclusion.publish.edition_pages import MADE_HREF, edition_pages
        from exclusion.publish.lists import csv_bytes, missed_outside, ranked_list, worst_tenth
        from exclusion.publish.map.provenance import build_provenance
        from exclusion.publish.method_report import METHOD_HREF, MethodFacts, build_method_report

        place = place_of(job, inputs)
        everything = results_of(job.model_copy(update={"places": ()}), inputs)
        results = everything.loc[list(place.lsoa21cd)]
        areas = read_table(inputs["areas.parquet"])
        here = areas[areas["lsoa21cd"].isin(place.lsoa21cd)].reset_index(drop=True)
        key = sha256_of_parts(
            [
                code,
                *(f"{n}={sha256_of(p)}" for n, p in sorted(inputs.items())),
                job.model_dump_json(
                    include={"places", "choose", "within_min", "engine", "publisher", "contact"}
                ),
            ]
        )
        name = f"{place.slug}-{key[:10]}"
        facts = edition_facts(job, place.label, everything, results, inputs, sources)
        facts["downloads"] = _downloads(inputs)
        postcodes = None if read_postcodes is None else postcode_areas(read_postcodes(), here)
        tables = replace(
            _tables(job, name, facts, here, everything, inputs, postcodes),
            surroundings=surroundings_of(areas, here, inputs.get("roads")),
        )
        note = standing_note(job)
        for file, page in edition_pages(tables, place.label, place.slug):
            write_bytes(folder / "pages" / file, page)
        write_bytes(folder / "pages" / MADE_HREF, build_provenance(tables.edition))
        rollups = read_table(inputs["rollups.parquet"])
        method = MethodFacts(
            edition=tables.edition,
            index=read_json(inputs["index.json"]),
            sensitivity=read_json(inputs["sensitivity.json"]),
            estimate=read_json(inputs["estimate.json"]),
            backtest=read_json(inputs["backtest.json"]),
            sources=facts["sources"],
            stand_ins=facts["stand_ins"],
            results=results,
            places=rollups,
        )
        write_bytes(folder / "pages" / METHOD_HREF, build_method_report(method))
        if "change.parquet" in inputs:
            change = change_list(read_table(inputs["change.parquet"]), results)
            write_bytes(folder / "pages" / CHANGE, csv_bytes(change, note=note))
        ranked = ranked_list(results)
        write_bytes(folder / "pages" / "ranked-areas.csv", csv_bytes(ranked, note=note))
        missed = missed_outside(results, ranked["lsoa21cd"].head(worst_tenth(results)))
        write_bytes(folder / "pages" / "people-missed-by-the-worst-tenth.csv", csv_bytes(missed, note=note))
        write_bytes(folder / "pages" / "back-test.html", inputs["backtest.html"].read_bytes())
        write_bytes(folder / "pages" / "back-test.json", inputs["backtest.json"].read_bytes())
        for file in PLAN_FILES:
            if f"plan/{file}" in inputs:
                write_bytes(folder / "pages" / file, _plan_file(inputs[f"plan/{file}"], note))
        write_bytes(folder / "pages" / ACCESS, csv_bytes(access_list(results), note=note))
        for surface in surfaces_of(inputs):
            path = inputs[f"surfaces/{surface['file']}"]
            write_bytes(folder / "pages" / path.name, path.read_bytes())
        write_table(results, folder / "tables" / "results.parquet")
        write_table(rollups, folder / "tables" / "rollups.parquet")
        write_bytes(folder / "tables" / "reference.npz", inputs["reference.npz"].read_bytes())
        facts["map_pages"] = _map_pages(tables, place.label, place.slug, facts["ranked_areas"])
        facts["edition"] = name
        facts["downloads"] += write_takeaways(
            folder, inputs, facts=facts, edition=tables.edition, domains=tables.domains,
            everything=everything, here=here, venues=tables.venues,
        )  # fmt: skip
        write_text(folder / FACTS, stable_json(facts))

    return build


def _plan_file(path: Path, note: str | None) -> bytes:
    """Return a file of the plan as it is published: a table is written as all lists are."""
    from exclusion.publish.columns import PLAN_LIST, read_list
    from exclusion.publish.lists import csv_bytes, rounded

    if path.suffix != ".csv":
        return path.read_bytes()
    return csv_bytes(rounded(read_list(path, PLAN_LIST), PLAN_LIST), note=note)


def _downloads(inputs: Inputs) -> list[list[str]]:
    """Return label and file name of what can be taken away beside the maps."""
    files = [
        ["Ranked areas (CSV)", "ranked-areas.csv"],
        ["People missed by the worst tenth (CSV)", "people-missed-by-the-worst-tenth.csv"],
        ["Method report", "method.html"],
        ["Access to help by area (CSV)", ACCESS],
        ["How well the estimate does", "back-test.html"],
        *(
            [f"{file['title'][:1].upper()}{file['title'][1:]} (GeoTIFF)", file["file"]]
            for file in surfaces_of(inputs)
        ),
        ["Figures of the back-test (JSON)", "back-test.json"],
    ]
    if "change.parquet" in inputs:
        files.append(["Change since the reference edition (CSV)", CHANGE])
    labels = {
        PLAN: "Plan (CSV)",
        "plan.geojson": "Plan (GeoJSON)",
        "plan.json": "Plan with its proof (JSON)",
    }
    return files + [[labels[name], name] for name in PLAN_FILES if f"plan/{name}" in inputs]


def _tables(
    job: Job,
    name: str,
    facts: Mapping[str, Any],
    here: Any,
    everything: pd.DataFrame,
    inputs: Inputs,
    postcodes: pd.DataFrame | None,
) -> Any:
    from exclusion.publish.edition_pages import EditionTables
    from exclusion.publish.map.content import Domain, Plan, Reach, SurfaceLayer

    index, plan = read_json(inputs["index.json"]), read_json(inputs["siting.json"])
    estimate, access = read_json(inputs["estimate.json"]), read_json(inputs["access.json"])
    edition = replace(
        edition_of(job, name, facts),
        method=tuple(_method(facts, index, access, estimate.get("how", _FITTED))),
        limits=(
            *estimate["notes"],
            *index["warnings"],
            *read_json(inputs["backtest.json"])["backtest"]["caveats"],
        ),
        method_href="method.html",
        definition=facts["definition"],
    )
    has_reach = "reach.parquet" in inputs
    venues = read_table(inputs["place_venues.parquet" if has_reach else "venues.parquet"])
    return EditionTables(
        areas=here,
        results=everything,
        venues=venues,
        edition=edition,
        domains=tuple(Domain(d["id"], d["label"], 100.0 * d["weight"]) for d in index["domains"]),
        plan=None
        if "why_not" in plan
        else Plan(
            venue_ids=tuple(venue["venue_id"] for venue in plan["venues"]),
            newly_reached=tuple(venue["newly_reached"] for venue in plan["venues"]),
            bound_text=plan["summary"],
            title=f"{len(plan['venues'])} new venues for {plan['place']}",
            minutes=plan["within_min"],
        ),
        reach=Reach(
            demand=read_table(inputs["demand.parquet"])[["demand_id", "lsoa21cd", "people_offline"]],
            pairs=read_table(inputs["reach.parquet"]),
            limit_min=max(job.within_min, 30.0),
            engine=str(plan["engine"]),
        )
        if has_reach
        else None,
        postcodes=postcodes,
        surfaces=tuple(
            SurfaceLayer(
                surface["overlay"]["key"],
                inputs[f"surfaces/{surface['overlay']['file']}"].read_bytes(),
                tuple(surface["overlay"]["bounds"]),
            )
            for surface in surfaces_of(inputs)
            if "overlay" in surface
        ),
    )


def edition_of(job: Job, name: str, facts: Mapping[str, Any]) -> "Edition":
    """Return what every page says of its edition."""
    from exclusion.publish.edition_pages import source_notes
    from exclusion.publish.map.content import Edition

    return Edition(
        name=name,
        date_text=facts["date_text"],
        place_name=facts["label"],
        ranked_areas=facts["ranked_areas"],
        ranked_among=facts["ranked_among"],
        sources=source_notes(facts["sources"]),
        fallbacks=tuple(facts["stand_ins"]),
        backtest=tuple(facts["backtest"]),
        attribution=tuple(facts["attribution"]),
        is_demonstration=job.is_demo,
        notice=facts["notice"],
        compares=compare_keys(facts["spine"]["id"]) if "spine" in facts else (),
        index_href="../index.html",
    )


_FITTED = "estimated for each area with an interval and fitted on observed behaviour, whole councils held out"


def _method(
    facts: Mapping[str, Any], index: Mapping[str, Any], access: Mapping[str, Any], how: str
) -> list[str]:
    """Return how the numbers were made, a sentence each."""
    weights = ", ".join(f"{d['label'].lower()} {100 * d['weight']:.0f}%" for d in index["domains"])
    return [
        f"People offline: {facts['definition']}, {how}.",
        f"Risk is a weighted mean of {len(index['domains'])} domains ({weights}); it has no rural term.",
        f"The exclusion index is risk weighted by up to {100 * index['meta']['rural_lambda']:.0f}% for the time to help in person. Both ranks are always shown.",
        f"Ranks are among {facts['ranked_among']}.",
        *index["rural_effect"],
        *facts["certainty"],
        *facts["change"],
        *facts["travel"]["sentences"],
        f"People are placed by {access.get('population_from', 'nothing')}.",
    ]


def _map_pages(tables: Any, label: str, slug: str, ranked: int) -> list[dict[str, Any]]:
    """Return the figures of each page for the front page: the whole place, then its councils by code."""
    from exclusion.publish.edition_pages import council_hrefs, whole_file
    from exclusion.publish.map.overview import council_outlines

    areas = tables.areas.set_index("lsoa21cd")
    hrefs = council_hrefs(areas)
    results = tables.results.loc[areas.index]
    rows = [_map_page(label, whole_file(hrefs, slug), results, ranked)]
    outlines = council_outlines(tables.areas)
    if len(hrefs) == 1:
        (outline,) = outlines.values()
        rows[0]["outline"] = outline.as_json()
    else:
        for lad_cd, here in results.groupby("lad_cd"):
            row = _map_page(here["lad_nm"].iloc[0], hrefs[lad_cd], here, ranked)
            rows.append(row | {"outline": outlines[lad_cd].as_json()})
    return rows


def _map_page(name: str, file: str, table: pd.DataFrame, ranked: int) -> dict[str, Any]:
    """Return the figures of one page for the front page."""
    people, adults = float(table["people_offline"].sum()), float(table["adults"].sum())
    regions = table["rgn_nm"].dropna().unique()
    return {
        "name": name,
        "href": file,
        "areas": len(table),
        "people_offline": round(people),
        "offline_share_pct": round(100.0 * people / adults, 1) if adults else None,
        "worst_tenth": int((table["exclusion_rank"].astype(float) <= ranked / 10).sum()),
        "region": str(regions[0]) if len(regions) == 1 else "",
    }


def draft_of(job: Job, files: Mapping[str, Path]) -> Draft:
    """Return the draft of the edition from the files of the publish step."""
    facts = read_json(files[FACTS])
    return Draft(
        name=facts["edition"],
        slug=facts["edition"].rpartition("-")[0],
        label=facts["label"],
        pages={
            name.removeprefix("pages/"): path for name, path in files.items() if name.startswith("pages/")
        },
        tables={
            name.removeprefix("tables/"): path for name, path in files.items() if name.startswith("tables/")
        },
        facts={key: value for key, value in facts.items() if key not in {"label", "edition"}},
        is_demonstration=job.is_demo,
    )
