"""What policy staff take away from an edition: spreadsheets, map files, open-data metadata and briefs."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.files import sha256_of, stable_json, write_bytes, write_text
from exclusion.stages.national import index_input
from exclusion.stages.tables import Inputs, place_of, read_json, read_table, write_table

if TYPE_CHECKING:
    from exclusion.job import Job
    from exclusion.publish.briefs.content import Scope
    from exclusion.publish.map.content import Domain, Edition

LISTS = "ranked-areas.csv"
MISSED = "people-missed-by-the-worst-tenth.csv"
PLACES, FAIR, DICTIONARY = "larger-places.csv", "fair-share.csv", "data-dictionary.csv"
ACCESS, CHANGE, PLAN = "access-to-help.csv", "change-since-reference.csv", "plan.csv"
BRIEFS = "briefs.html"
# A GeoJSON of more areas than this is too large for any program that reads GeoJSON; the GeoPackage holds them.
_GEOJSON_AREAS = 5_000
# The tables by which `exclusion compare` takes a change of score apart.
INDEX_INPUT, SPEC = "index_input.parquet", "spec.json"
_LABELS = {
    "ranked-areas.xlsx": "All lists (Excel)",
    "ranked-areas.ods": "All lists (OpenDocument)",
    "areas.gpkg": "Areas for a GIS, coloured (GeoPackage)",
    "areas.geojson": "Areas (GeoJSON)",
    "areas.parquet": "Areas (GeoParquet)",
    PLACES: "Wards, councils, regions and nations, ranked with intervals (CSV)",
    FAIR: "Rural and urban in proportion to people offline (CSV)",
    DICTIONARY: "Data dictionary (CSV)",
    "csv-metadata.json": "Types, units and licence of the CSV files (CSVW)",
    "dcat.json": "Entry for an open-data portal (DCAT)",
    BRIEFS: "One-page briefs to print",
}


def write_takeaways(
    folder: Path, inputs: Inputs, *, facts: Mapping[str, Any], edition: "Edition", domains: "tuple[Domain, ...]",
    everything: pd.DataFrame, here: Any, venues: pd.DataFrame,
) -> list[list[str]]:  # fmt: skip
    """Write spreadsheets, map files, metadata and briefs into `folder/pages`, and what a comparison needs to `tables`.

    `here` are the place's areas (GeoDataFrame, 27700), `everything` the results of all ranked areas. Returns label
    and file of each for the front page. The other CSV lists are there already.
    """
    from exclusion.publish.csvw import METADATA, csvw_bytes
    from exclusion.publish.dictionary import dictionary_table
    from exclusion.publish.geo_files import list_layer, write_geojson, write_geopackage, write_geoparquet
    from exclusion.publish.list_workbook import edition_workbook
    from exclusion.publish.lists import csv_bytes, fair_share, missed_outside, ranked_list, worst_tenth
    from exclusion.publish.ods import ods_bytes
    from exclusion.publish.place_lists import larger_places
    from exclusion.publish.sheets import xlsx_bytes

    pages, place, note = folder / "pages", str(facts["label"]), facts["notice"] or None
    terms = facts.get("spine", {}).get("terms")
    results = everything.loc[list(here["lsoa21cd"])]
    ranked = ranked_list(results)
    drawn = read_table(inputs["rollups.parquet"]) if "rollups.parquet" in inputs else None
    tenth = worst_tenth(results)
    tables = {
        PLACES: (
            "Wards, councils, counties, regions and nations",
            larger_places(everything, results.index, n_ranked=facts["ranked_areas"], rollups=drawn),
        ),
        FAIR: (
            "A list with rural and urban areas in proportion to people offline",
            fair_share(results, top=tenth),
        ),
        DICTIONARY: ("Data dictionary", dictionary_table(terms)),
    }
    for name, (_, table) in tables.items():
        write_bytes(pages / name, csv_bytes(table, note=note))
    tables |= {
        LISTS: ("All areas by the exclusion index", ranked),
        MISSED: (
            "People offline whom the worst tenth misses",
            missed_outside(results, ranked["lsoa21cd"].head(tenth)),
        ),
        **_written(pages),
    }
    write_bytes(
        pages / METADATA,
        csvw_bytes(
            tables,
            title=f"Digital exclusion in {place}",
            credit_lines=tuple(facts["attribution"]),
            note=note,
            terms=terms,
        ),
    )
    book = edition_workbook(
        results, place=place, n_ranked=facts["ranked_areas"], about=_about(facts), notes=[*_compares(facts), *facts["backtest"], *facts["rural_effect"], *facts["stand_ins"]],
        credit_lines=facts["attribution"], notice=facts["notice"], drawn=drawn, terms=terms,
    )  # fmt: skip
    write_bytes(pages / "ranked-areas.xlsx", xlsx_bytes(book))
    write_bytes(pages / "ranked-areas.ods", ods_bytes(book))
    layer = list_layer(here, ranked)
    write_geopackage(
        pages / "areas.gpkg",
        layer,
        ranked=facts["ranked_areas"],
        title=f"Digital exclusion in {place}",
        note=note,
        terms=terms,
    )
    write_geoparquet(pages / "areas.parquet", layer if note is None else layer.assign(note=note))
    if len(layer) <= _GEOJSON_AREAS:
        write_geojson(pages / "areas.geojson", layer, note=note)
    _briefs(pages, inputs, facts, edition, domains, everything, here, venues)
    write_table(index_input(inputs).copy(), folder / "tables" / INDEX_INPUT)
    write_text(folder / "tables" / SPEC, stable_json(_declaration(facts)))
    _portal(pages, facts, layer)
    return [[label, name] for name, label in _LABELS.items() if (pages / name).is_file()]


def _written(pages: Path) -> dict[str, tuple[str, pd.DataFrame]]:
    """Return title and table of the lists that were written before, as far as the edition has them."""
    from exclusion.publish.columns import ACCESS_LIST, PLAN_LIST, REFERENCE_LIST, read_list

    lists = {
        ACCESS: ("How far each area is from help", ACCESS_LIST),
        CHANGE: ("Change of each area since the reference edition", REFERENCE_LIST),
        PLAN: ("The venues of the plan", PLAN_LIST),
    }
    return {
        name: (title, read_list(pages / name, columns).drop(columns="note", errors="ignore"))
        for name, (title, columns) in lists.items()
        if (pages / name).is_file()
    }


def _compares(facts: Mapping[str, Any]) -> list[str]:
    """Return what compares with other nations and what does not; nothing in England and Wales."""
    return list(facts.get("spine", {}).get("compares", []))


def _about(facts: Mapping[str, Any]) -> list[str]:
    kind = facts.get("spine", {}).get("area_kind", "LSOA 2021")
    return [
        f"Lists of small areas ({kind}) of {facts['label']}, ranked among {facts['ranked_among']}; {facts['date_text']}.",
        f"People offline are {facts['definition']}: {facts['people_offline']:,} of {facts['adults']:,} adults.",
        "Risk has no rural term. The exclusion index weighs risk for the way to help. Both ranks are always shown.",
    ]


def _declaration(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the index specification in full, as it was used."""
    declaration: dict[str, Any] = facts["spec"]["declaration"]
    return declaration


def scope_of(
    inputs: Inputs, facts: Mapping[str, Any], domains: "tuple[Domain, ...]", everything: pd.DataFrame
) -> "Scope":
    """Return what briefs are written from."""
    from exclusion.publish.briefs.content import Scope
    from exclusion.publish.briefs.spoken import one_in

    scores = read_json(inputs["backtest.json"])["backtest"]["scores"]
    found = scores[0]["worst_tenth_overlap"] if scores else None
    return Scope(
        results=everything,
        ranked=facts["ranked_areas"],
        among=facts["ranked_among"],
        definition=facts["definition"],
        domains=domains,
        plan=read_json(inputs["siting.json"]),
        tested=""
        if found is None
        else f"We tested it on places it had not seen. It found {one_in(100 * found)} of their worst areas.",
    )


def brief_page(job: "Job", inputs: Inputs, *, area: str | None, is_plan: bool) -> tuple[str, bytes]:
    """Return file name and HTML of one brief from the last run: of an area, of the plan, or of the job's place.

    InputError where the area is unknown or the last run made no plan.
    """
    from exclusion.errors import InputError
    from exclusion.geography.places import slug_of
    from exclusion.publish.briefs.content import area_brief, place_brief, plan_brief
    from exclusion.publish.briefs.page import build_brief
    from exclusion.publish.map.content import Domain
    from exclusion.stages.publication import edition_of, results_of
    from exclusion.stages.rollups import drawn_range

    facts = read_json(inputs["facts.json"])
    domains = tuple(
        Domain(d["id"], d["label"], 100.0 * d["weight"]) for d in read_json(inputs["index.json"])["domains"]
    )
    everything = results_of(job.model_copy(update={"places": ()}), inputs)
    scope = scope_of(inputs, facts, domains, everything)
    edition = replace(edition_of(job, facts["edition"], facts), index_href="", provenance_href="")
    areas = read_table(inputs["areas.parquet"]).set_index("lsoa21cd")
    if area is not None:
        code = area.strip().upper()
        brief = area_brief(scope, code)
        around = areas[areas["lad_cd"] == areas.loc[code, "lad_cd"]]
        return f"brief-{code.lower()}.html", build_brief(brief, scope, edition, around, marked=(code,))
    if is_plan:
        place = (scope.plan or {}).get("place")
        if place != facts["label"] or (job.places and place_of(job, inputs).label != place):
            raise InputError(f"The last run made a plan for {place}; run the place that you want a plan for.")
        here = areas.loc[list(read_table(inputs["tables/results.parquet"])["lsoa21cd"])]
        venues = read_table(
            inputs["place_venues.parquet" if "place_venues.parquet" in inputs else "venues.parquet"]
        )
        brief = plan_brief(scope, facts["label"], everything.loc[here.index], interval=_place_range(facts))
        pins = venues.set_index("venue_id").reindex([v["venue_id"] for v in (scope.plan or {})["venues"]])
        return f"brief-plan-{slug_of(facts['label'])}.html", build_brief(
            brief, scope, edition, here, pins=pins
        )
    place = place_of(job, inputs)
    here = areas.loc[list(place.lsoa21cd)]
    interval: tuple[float, float] | None = drawn_range(read_table(inputs["rollups.parquet"]), here)
    if interval is None and place.label == facts["label"]:
        interval = _place_range(facts)
    return f"brief-{place.slug}.html", build_brief(
        place_brief(scope, place.label, everything.loc[here.index], interval=interval), scope, edition, here
    )


def _place_range(facts: Mapping[str, Any]) -> tuple[float, float]:
    return float(facts["people_offline_low"]), float(facts["people_offline_high"])


def _council_ranges(inputs: Inputs) -> dict[str, tuple[float, float]]:
    """Return the range of each council's people offline from draws, by its code, as far as the run drew them."""
    if "rollups.parquet" not in inputs:
        return {}
    rows = read_table(inputs["rollups.parquet"])
    bounds = ["people_offline_low", "people_offline_high"]
    known = rows.loc[rows["level"] == "council", ["code", *bounds]].dropna().drop_duplicates("code")
    return {
        str(code): (float(low), float(high)) for code, low, high in known.itertuples(index=False, name=None)
    }


def _briefs(
    pages: Path, inputs: Inputs, facts: Mapping[str, Any], edition: "Edition", domains: "tuple[Domain, ...]",
    everything: pd.DataFrame, here: Any, venues: pd.DataFrame,
) -> None:  # fmt: skip
    """Write the briefs of the place, of its plan and of each of its councils, and the page that lists them."""
    from exclusion.geography.places import slug_of
    from exclusion.publish.briefs.content import place_brief, plan_brief
    from exclusion.publish.briefs.page import build_brief, build_list

    scope = scope_of(inputs, facts, domains, everything)
    areas = here.set_index("lsoa21cd")
    maps = {page["name"]: page["href"] for page in facts["map_pages"]}
    listed: list[tuple[str, str]] = []

    def write(file: str, text: str, brief: Any, shown: Any, **more: Any) -> None:
        own = replace(edition, place_name=text)
        write_bytes(pages / file, build_brief(brief, scope, own, shown, back=maps.get(text, ""), **more))
        listed.append((text, file))

    write(
        "brief.html",
        facts["label"],
        place_brief(scope, facts["label"], everything.loc[areas.index], interval=_place_range(facts)),
        areas,
    )
    if scope.plan is not None and "why_not" not in scope.plan:
        chosen = [venue["venue_id"] for venue in scope.plan["venues"]]
        pins = venues.set_index("venue_id").reindex(chosen)
        write(
            "brief-plan.html",
            f"The plan for {facts['label']}",
            plan_brief(scope, facts["label"], everything.loc[areas.index], interval=_place_range(facts)),
            areas,
            pins=pins,
        )
    councils = areas.groupby("lad_cd")["lad_nm"].first()
    is_twice = councils.duplicated(keep=False)
    if len(councils) > 1:
        ranges, results = _council_ranges(inputs), dict(iter(everything.loc[areas.index].groupby("lad_cd")))
        for code, part in areas.groupby("lad_cd"):
            name = councils[code]
            file = f"brief-{slug_of(name)}{'-' + str(code).lower() if is_twice[code] else ''}.html"
            brief = place_brief(scope, name, results[code], interval=ranges.get(str(code)))
            write(file, name, brief, part)
    whole = len(listed) - (len(councils) if len(councils) > 1 else 0)
    write_bytes(pages / BRIEFS, build_list(edition, [*listed[:whole], *sorted(listed[whole:])]))


def _portal(pages: Path, facts: Mapping[str, Any], layer: Any) -> None:
    from exclusion.publish.portal import PORTAL_FILE, dcat_bytes

    labels = {name: label for label, name in facts["downloads"]} | _LABELS
    files = {
        path.name: (labels[path.name], sha256_of(path), path.stat().st_size)
        for path in sorted(pages.iterdir())
        if path.name in labels and path.name != PORTAL_FILE
    }
    about = (
        " ".join(_about(facts))
        if not facts["notice"]
        else f"{facts['notice'].rstrip('.')}. {' '.join(_about(facts))}"
    )
    bounds = layer.to_crs(4326).total_bounds
    write_bytes(
        pages / PORTAL_FILE,
        dcat_bytes(files, edition=facts["edition"], place=facts["label"], about=about, bounds=bounds, sources=facts["sources"], credit_lines=facts["attribution"],
                   area_kind=facts.get("spine", {}).get("area_kind", "LSOA 2021"), publisher=facts["publisher"], contact=facts["contact"]),
    )  # fmt: skip
