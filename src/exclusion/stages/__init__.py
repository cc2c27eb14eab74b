"""What each step does: read tables, call one room, write tables. The arithmetic is in the rooms."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from exclusion.job import Job
from exclusion.stages.asked_lists import ListRequest, format_of, make_list, write_list
from exclusion.stages.database import edition_tables
from exclusion.stages.edition_facts import standing_note
from exclusion.stages.national import (
    POSTCODES,
    RASTER_SOURCES,
    ROADS,
    USED_SOURCES,
    built_on,
    index_input,
    make_access,
    make_estimate,
    make_index,
    make_indicators,
    snapshot_inputs,
    sources_of,
    spine_of,
)
from exclusion.stages.publication import (
    backtest_lines,
    draft_of,
    draws_of,
    make_publication,
    results_of,
)
from exclusion.stages.sensitivity import make_sensitivity
from exclusion.stages.siting import make_siting
from exclusion.stages.tables import gazetteer_of, place_of, read_table
from exclusion.stages.takeaways import brief_page
from exclusion.steps import Step, code_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from exclusion.sources import PullReport

__all__ = [
    "USED_SOURCES",
    "ListRequest",
    "backtest_lines",
    "brief_page",
    "built_on",
    "draft_of",
    "draws_of",
    "edition_tables",
    "format_of",
    "gazetteer_of",
    "index_input",
    "make_list",
    "place_of",
    "read_table",
    "results_of",
    "sources_of",
    "spine_of",
    "standing_note",
    "steps_of",
    "write_list",
]

_NATIONAL = ("stages/national.py", "stages/tables.py")
_PAGES = (
    "geography/points.py",
    "geography/postcodes.py",
    "publish",
    "editions",
    "index/people_draws.py",
    "access/main_roads.py",
    "access/travel.py",
    "stages/edition_facts.py",
    "stages/publication.py",
    "stages/surroundings.py",
    "stages/travel_facts.py",
    "index",
    "siting/benefit.py",
    "siting/benefit.toml",
    "stages/takeaways.py",
    "stages/tables.py",
    "demo/__init__.py",
)


def steps_of(job: Job, report: "PullReport") -> list[Step]:
    """Return the steps of a job over the snapshots that a pull settled on."""
    snapshots = snapshot_inputs(report)
    raster = next(
        (path for name, path in snapshots.items() if name.removeprefix("source:") in RASTER_SOURCES), None
    )
    spine = spine_of(job)
    if job.spec == "default":
        job = job.model_copy(update={"spec": spine.spec})
    roads = snapshots.get(f"source:{spine.sources.get(ROADS, ROADS)}")
    tables = {name: path for name, path in snapshots.items() if path not in (raster, roads)}
    ground = {} if raster is None else {"population_raster": raster}
    if roads is not None and job.engine != "straight":
        ground["roads"] = roads
    lists = {f"place:{Path(text).name}": Path(text) for text in job.places if Path(text).is_file()}
    own = {} if job.venues is None else {"own_venues": job.venues}
    if own and f"source:{POSTCODES}" in snapshots:
        own["postcodes"] = snapshots[f"source:{POSTCODES}"]
    spec = {"spec": Path(job.spec)} if job.spec.endswith(".toml") else {}
    # The file's hash is an input; where it lies changes nothing.
    spec_name = Path(job.spec).name
    reference = {} if job.reference is None else {"reference": job.reference}
    readers = {
        s.source_id: [s.reader, s.stands_in_for or ""] for s in report.snapshots.values() if s.path != roads
    }
    notes = _stand_in_notes(report)
    sources = _source_records(report)
    postcodes = report.get(POSTCODES)
    return [
        Step(
            "indicators", "Joining all sources to areas", (), ("geography", "sources", "indicators", *_NATIONAL),
            ("areas.parquet", "indicators.parquet", "yardstick.parquet", "lad_codes.parquet", "venues.parquet", "indicators.json"),
            make_indicators(report, notes, spine), {"readers": readers, "notes": notes}, tables,
        ),
        Step(
            "estimate", "Estimating people offline", ("indicators",),
            ("geography", "indicators/census.py", "estimate", "stages/results_in_words.py", *_NATIONAL),
            ("people_offline.parquet", "offline_drivers.parquet", "backtest.json", "backtest.txt", "estimate.json"),
            make_estimate(job.target, job.processed / "models", standing_note(job), spine), {"target": job.target, "is_demo": job.is_demo},
        ),
        Step(
            "access", "Measuring the way to help", ("indicators", "estimate"), ("geography", "access", *_NATIONAL),
            ("travel.parquet", "access.json"),
            make_access(job.engine), {"engine": job.engine}, ground,
        ),
        Step(
            "index", "Building the index and drawing its versions", ("indicators", "estimate", "access"), ("geography", "estimate", "index", "stages/rollups.py", "stages/results_in_words.py", *_NATIONAL),
            ("index.parquet", "uncertainty.parquet", "rollups.parquet", "reference.npz", "index.json"),
            make_index(job.spec, job.draws), {"spec": spec_name, "draws": job.draws}, spec,
        ),
        Step(
            "sensitivity", "Finding what drives ranks, and clusters", ("indicators", "access", "index"), ("geography", "index", "stages/sensitivity.py", *_NATIONAL),
            ("sensitivity.parquet", "sensitivity.json"),
            make_sensitivity(job.spec, job.sensitivity_base), {"spec": spec_name, "base": job.sensitivity_base}, spec | reference,
        ),
        Step(
            "siting", "Choosing venues", ("indicators", "estimate"), ("geography", "sources", "access", "siting", "stages/siting.py", "stages/own_venues.py", "stages/surfaces.py", *_NATIONAL),
            ("siting.json",),
            make_siting(job, report), {"places": list(job.places), "choose": job.choose, "within_min": job.within_min, "engine": job.engine, "is_demo": job.is_demo},
            {**ground, **own, **lists},
        ),
        Step(
            "publish", "Drawing maps and lists", ("indicators", "estimate", "access", "index", "sensitivity", "siting"), _PAGES,
            ("facts.json", "pages/ranked-areas.csv"),
            make_publication(job, sources, code_hash(_PAGES), _postcode_reader(report)),
            {
                "places": list(job.places), "sources": sources, "is_demo": job.is_demo, "publisher": job.publisher,
                "contact": job.contact,
            },
            {
                **lists,
                **({f"source:{POSTCODES}": postcodes.path} if postcodes else {}),
                **({"roads": roads} if roads else {}),
            },
        ),
    ]  # fmt: skip


def _postcode_reader(report: "PullReport") -> "Callable[[], pd.DataFrame] | None":
    """Return what reads where every postcode lies, None where that was not retrieved."""
    snapshot = report.get(POSTCODES)
    if snapshot is None:
        return None

    def read() -> "pd.DataFrame":
        from exclusion.sources import load

        return load(snapshot)

    return read


def _stand_in_notes(report: "PullReport") -> list[str]:
    """Return the sentences that the map must carry where one source stands in for another; no clock in them."""
    from exclusion.sources import catalogue

    notes = []
    for snapshot in report.snapshots.values():
        if snapshot.stands_in_for is not None:
            wanted = catalogue().source(snapshot.stands_in_for)
            notes += [a.map_note for a in wanted.alternatives if a.source == snapshot.source_id]
    return notes


def _source_records(report: "PullReport") -> dict[str, dict[str, Any]]:
    """Return what manifest and provenance page say of each source used."""
    from exclusion.sources import catalogue

    known = catalogue()
    found = {}
    for snapshot in report.snapshots.values():
        source = known.source(snapshot.source_id)
        found[snapshot.source_id] = {
            "title": source.title,
            "publisher": known.publisher_of(source).name,
            "vintage": snapshot.vintage,
            "licence": snapshot.licence,
            "credit": snapshot.credit,
            "sha256": snapshot.sha256,
            "bytes": snapshot.bytes,
            "file": snapshot.path.name,
            "obtained": snapshot.obtained.replace("_", " "),
            "retrieved": snapshot.retrieved_at[:10],
            "used_for": ", ".join(source.needed_for),
            "stands_in_for": snapshot.stands_in_for or "",
        }
    return found
