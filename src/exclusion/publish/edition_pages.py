"""From tables to pages: which pages an edition has and what each of them is filled with."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from exclusion.geography.postcodes import sector_areas
from exclusion.publish.map.arcs import topology_of
from exclusion.publish.map.content import (
    Domain,
    Edition,
    PageContent,
    Plan,
    Reach,
    SourceNote,
    SurfaceLayer,
    checked,
)
from exclusion.publish.map.councils import council_pages, national_breaks, welsh_href
from exclusion.publish.map.page import GRID_ZOOM, build_page
from exclusion.publish.map.surroundings import Surroundings

MADE_HREF = "how-this-was-made.html"
# Venues this far outside a place are shown on its map: people use them.
_AROUND_M = 10_000.0
# More areas than this are one national page that leaves the details to the council pages.
_NATIONAL_AREAS = 5_000
# From so many councils on, pages are shared out to other processes; below, starting them costs more than it saves.
_COUNCILS_SHARED_OUT = 12
_WORKERS = 2


@dataclass(frozen=True)
class EditionTables:
    """All that the pages of one edition are made from.

    areas: the place's areas (GeoDataFrame, 27700); results: `join_results` of all ranked areas; venues; plan and
    reach where siting made them; unit postcodes with their areas where there are any; facts about the edition; minutes
    on the ground as pictures where siting wrote surfaces; councils and main roads round about.
    """

    areas: Any
    results: pd.DataFrame
    venues: pd.DataFrame
    edition: Edition
    domains: tuple[Domain, ...]
    plan: Plan | None = None
    reach: Reach | None = None
    postcodes: pd.DataFrame | None = None
    surfaces: tuple[SurfaceLayer, ...] = ()
    surroundings: Surroundings = field(default_factory=Surroundings)


def whole_page(tables: EditionTables, label: str, slug: str) -> tuple[str, PageContent]:
    """Return file name and content of the page of the whole place, with the addresses of its councils' pages."""
    is_part = len(tables.areas) < len(tables.results)
    areas = tables.areas.set_index("lsoa21cd")
    hrefs = council_hrefs(areas)
    is_national = len(areas) > _NATIONAL_AREAS
    content = PageContent(
        areas=areas,
        table=tables.results.loc[areas.index],
        edition=replace(tables.edition, place_name=label),
        domains=tables.domains,
        venues=venues_around(tables.venues, areas),
        plan=tables.plan,
        reach=tables.reach,
        postcodes=tables.postcodes,
        context=tables.surroundings.context_of(areas),
        national_breaks=national_breaks(tables.results, tables.domains) if is_part else {},
        is_national=is_national,
        pages=hrefs if len(hrefs) > 1 else {},
        surfaces=tables.surfaces,
    )
    return whole_file(hrefs, slug), content


def whole_file(hrefs: Mapping[str, str], slug: str) -> str:
    """Return the file of the page of the whole place; a place of one council has no other page."""
    return f"{slug}.html" if len(hrefs) == 1 else "all-areas.html"


def council_hrefs(areas: Any) -> dict[str, str]:
    """Return the file of each council's page by its code; councils of one name get their code in it."""
    names = areas.groupby("lad_cd")["lad_nm"].first().sort_index().map(_file)
    is_twice = names.duplicated(keep=False)
    return {
        code: f"{name}-{code.lower()}.html" if is_twice[code] else f"{name}.html"
        for code, name in names.items()
    }


def edition_pages(tables: EditionTables, label: str, slug: str) -> Iterator[tuple[str, bytes]]:
    """Yield file name and bytes of each map page: the whole place, and one for each of its councils.

    A council of Wales has a page in Welsh beside the one in English. Edges are encoded once for all pages.
    """
    file, content = whole_page(tables, label, slug)
    content = checked(content)
    topology = topology_of(content.areas.geometry, GRID_ZOOM)
    hrefs = council_hrefs(content.areas)
    if len(hrefs) == 1:
        (lad_cd,) = hrefs
        other = welsh_href(file) if lad_cd.startswith("W") else ""
        yield file, build_page(replace(content, other_language=other), topology)
        if other:
            yield other, build_page(replace(content, language="cy", other_language=file), topology)
        return
    plans = {
        lad_cd: plan
        for lad_cd, here in content.areas.groupby("lad_cd")
        if (plan := plan_within(tables.plan, tables.venues, here)) is not None
    }
    pages = council_pages(
        content, plans=plans, context_of=tables.surroundings.context_of, hrefs=hrefs, topology=topology,
        workers=min(_WORKERS, os.cpu_count() or 1) if len(hrefs) >= _COUNCILS_SHARED_OUT else 1,
    )  # fmt: skip
    for lad_cd, language, page in pages:
        yield hrefs[lad_cd] if language == "en" else welsh_href(hrefs[lad_cd]), page
    if content.is_national and content.postcodes is not None:
        content = replace(content, postcodes=sector_areas(content.postcodes))
    yield file, build_page(content, topology)


def venues_around(venues: pd.DataFrame, areas: Any) -> pd.DataFrame:
    """Return the venues within the areas' bounding box and a little beyond."""
    west, south, east, north = areas.total_bounds
    is_near = venues["x_m"].between(west - _AROUND_M, east + _AROUND_M) & venues["y_m"].between(
        south - _AROUND_M, north + _AROUND_M
    )
    return venues[is_near].reset_index(drop=True)


def plan_within(plan: Plan | None, venues: pd.DataFrame, areas: Any) -> Plan | None:
    """Return the part of a plan whose venues stand around the areas; its numbers and its proof stay those of the whole."""
    if plan is None:
        return None
    near = set(venues_around(venues, areas)["venue_id"])
    kept = [position for position, venue in enumerate(plan.venue_ids) if venue in near]
    if not kept:
        return None
    gains = tuple(plan.newly_reached[position] for position in kept) if plan.newly_reached else ()
    return replace(
        plan, venue_ids=tuple(plan.venue_ids[position] for position in kept), newly_reached=gains,
        numbers=tuple(plan.numbers_shown[position] for position in kept), venues_in_all=len(plan.venue_ids),
    )  # fmt: skip


def source_notes(sources: Mapping[str, Mapping[str, Any]]) -> tuple[SourceNote, ...]:
    """Return what the provenance page prints of each source."""
    return tuple(
        SourceNote(
            name=str(source["title"]),
            publisher=str(source["publisher"]),
            vintage=str(source["vintage"]),
            licence=str(source["licence"]),
            sha256=str(source["sha256"]),
            obtained=str(source["obtained"]),
            retrieved=str(source["retrieved"]),
            attribution=str(source["credit"]),
            used_for=str(source["used_for"]),
        )
        for _, source in sorted(sources.items())
    )


def _file(name: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name.lower())
    return "-".join(filter(None, kept.split("-"))) or "place"
