"""From tables to pages: which pages an edition has and what each of them is filled with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from exclusion.publish.map.content import (
    Context,
    Domain,
    Edition,
    PageContent,
    Plan,
    Reach,
    SourceNote,
)

MADE_HREF = "how-this-was-made.html"
# Numbers whose classes a county's page takes from all ranked areas, so that colours mean the same on every page.
_NATIONAL_CLASSES = ("exclusion_score", "risk_score", "offline_share_pct", "people_offline")
# Venues this far outside a place are shown on its map: people use them.
_AROUND_M = 10_000.0
# More areas than this are one national page that leaves the details to the council pages.
_NATIONAL_AREAS = 5_000


@dataclass(frozen=True)
class EditionTables:
    """All that the pages of one edition are made from.

    areas: the place's areas (GeoDataFrame, 27700); results: `join_results` of all ranked areas; venues; plan and
    reach where siting made them; facts about the edition.
    """

    areas: Any
    results: pd.DataFrame
    venues: pd.DataFrame
    edition: Edition
    domains: tuple[Domain, ...]
    plan: Plan | None = None
    reach: Reach | None = None


def page_contents(tables: EditionTables, label: str, slug: str) -> dict[str, PageContent]:
    """Return the content of each map page by its file name: the whole place, and one for each of its councils."""
    is_part = len(tables.areas) < len(tables.results)
    breaks = national_breaks(tables.results, list(tables.domains)) if is_part else {}
    areas = tables.areas.set_index("lsoa21cd")
    councils = areas.groupby("lad_cd")["lad_nm"].first().sort_index()
    names = {code: f"{_file(name)}.html" for code, name in councils.items()}
    whole = PageContent(
        areas=areas,
        table=tables.results.loc[areas.index],
        edition=replace(tables.edition, place_name=label),
        domains=tables.domains,
        title=label,
        venues=venues_around(tables.venues, areas),
        plan=tables.plan,
        reach=tables.reach,
        context=context_of(areas),
        national_breaks=breaks,
        is_national=len(areas) > _NATIONAL_AREAS,
        pages=names if len(councils) > 1 else {},
    )
    if len(councils) == 1:
        return {f"{slug}.html": whole}
    pages = {"all-areas.html": whole}
    for code, name in councils.items():
        here = areas[areas["lad_cd"] == code]
        pages[names[code]] = replace(
            whole,
            areas=here,
            table=tables.results.loc[here.index],
            edition=replace(tables.edition, place_name=name),
            title=name,
            venues=venues_around(tables.venues, here),
            plan=plan_within(tables.plan, tables.venues, here),
            reach=reach_within(tables.reach, here),
            context=context_of(here),
            is_national=False,
            pages={},
        )
    return pages


def national_breaks(results: pd.DataFrame, domains: list[Domain]) -> dict[str, tuple[float, ...]]:
    """Return the limits between fifths of all ranked areas, for every number that is compared across places."""
    columns = [*_NATIONAL_CLASSES, *(f"{domain.key}_score" for domain in domains)]
    return {
        name: tuple(float(limit) for limit in results[name].astype(float).quantile([0.2, 0.4, 0.6, 0.8]))
        for name in columns
        if name in results and results[name].notna().any()
    }


def venues_around(venues: pd.DataFrame, areas: Any) -> pd.DataFrame:
    """Return the venues within the areas' bounding box and a little beyond."""
    west, south, east, north = areas.total_bounds
    is_near = venues["x_m"].between(west - _AROUND_M, east + _AROUND_M) & venues["y_m"].between(
        south - _AROUND_M, north + _AROUND_M
    )
    return venues[is_near].reset_index(drop=True)


def plan_within(plan: Plan | None, venues: pd.DataFrame, areas: Any) -> Plan | None:
    """Return the part of a plan whose venues stand around the areas; its proof is of the whole and stays so worded."""
    if plan is None:
        return None
    near = set(venues_around(venues, areas)["venue_id"])
    kept = [position for position, venue in enumerate(plan.venue_ids) if venue in near]
    if not kept:
        return None
    gains = tuple(plan.newly_reached[position] for position in kept) if plan.newly_reached else ()
    return replace(plan, venue_ids=tuple(plan.venue_ids[position] for position in kept), newly_reached=gains)


def reach_within(reach: Reach | None, areas: Any) -> Reach | None:
    """Return the reach of the demand that lives in the areas."""
    if reach is None:
        return None
    demand = reach.demand[reach.demand["lsoa21cd"].isin(areas.index)]
    pairs = reach.pairs[reach.pairs["demand_id"].isin(demand["demand_id"])]
    return replace(reach, demand=demand, pairs=pairs)


def context_of(areas: Any) -> Context:
    """Return place names to find one's way by: councils on a wide map, neighbourhoods on a council's."""
    level = "lad_nm" if areas["lad_cd"].nunique() > 12 else "msoa_hcl_nm"
    if areas[level].isna().all():
        level = "wd_nm"
    named = areas.dropna(subset=[level]).groupby(level)
    names = named[["x_m", "y_m"]].mean().reset_index().rename(columns={level: "name"})
    spread = named["area_km2"].sum().reindex(names["name"]).rank(ascending=False).to_numpy()
    names["size"] = [2 if position <= 8 else 3 if position <= 25 else 4 for position in spread]
    return Context(place_names=names)


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
