"""Build one map page: a council's, or the nation's."""

from typing import Any

import numpy as np

from exclusion.publish.map.arcs import TILE_PIXELS, Topology, topology_of, world_pixels
from exclusion.publish.map.assets import MAP_SCRIPTS, MAP_STYLES, script_of, style_of
from exclusion.publish.map.content import (
    SURFACE_BREAKS_MIN,
    SURFACE_COLOURS,
    PageContent,
    checked,
    has,
)
from exclusion.publish.map.elements import (
    AreaLayer,
    OfflineControl,
    OfflineMap,
    PageSection,
    Planner,
    PublicPage,
)
from exclusion.publish.map.markup import cleaned
from exclusion.publish.map.measures import MISSING_16, Column, category_column, columns_of
from exclusion.publish.map.packing import column_bytes, json_bytes, streams, topology_bytes, zigzag
from exclusion.publish.map.places import context_block, place_name_list, postcode_block, venue_list
from exclusion.publish.map.plain_names import input_name
from exclusion.publish.map.reach import reach_block
from exclusion.publish.map.shell import areas_table, map_end, page_bottom, page_top, text_or
from exclusion.publish.map.words import Words, words_of

# Grid of the boundaries: about 2.8 m at 54 degrees north, where the boundaries are generalised to 20 m. One grid for
# councils and nation, so that each edge is rounded and encoded once.
GRID_ZOOM = 15
_SCRIPT_WORDS = ("surface.", "find.", "show.", "legend.", "card.", "status.", "try.", "plan.", "table.", "share.", "map.", "print.",
                 "unit.", "venue.", "page.map_moves", "page.appearance")  # fmt: skip


def build_page(content: PageContent, topology: Topology | None = None) -> bytes:
    """Return one map page as UTF-8 HTML, the same bytes for the same content.

    `topology` may carry the areas' boundaries (in the order of sorted lsoa21cd) where the caller has them already.
    Raises ContractError or InputError where the content cannot make an honest page.
    """
    return map_page(content, topology).page_bytes()


def map_page(content: PageContent, topology: Topology | None = None) -> PublicPage:
    """Return the page as a Folium figure, so that a user can add ordinary Folium children to `page.map`."""
    content = checked(content)
    words = words_of(content.language)
    if topology is None:
        topology = topology_of(content.areas.geometry, GRID_ZOOM)
    columns = columns_of(content, words)
    by_key = {column.measure.key: column for column in columns}
    groups = group_columns(content, words)
    reach, reach_facts = reach_block(content)
    if reach_facts and reach_facts["engine"]:
        reach_facts["engine"] = engine_text(str(reach_facts["engine"]), words)
    facts = page_facts(content, words, columns, groups, topology) | {"reach": reach_facts}
    blocks = [
        ("facts", json_bytes(facts)),
        ("areas", topology_bytes(topology)),
        ("columns", column_bytes([column.values for column in (*columns, *groups)])),
    ]
    blocks += [("reach", reach)] if reach else []
    postcodes = postcode_block(content)
    blocks += [("postcodes", postcodes)] if postcodes else []
    context = context_block(content, topology.zoom)
    blocks += [("context", context)] if context else []
    blocks += [(f"surface-{surface.key}", surface.png) for surface in content.surfaces]
    title = words(
        "page.title_nation" if content.is_national else "page.title",
        place=content.edition.place_name, date=content.edition.date_text,
    )  # fmt: skip
    page = PublicPage(
        language=words("page.lang"),
        title=title,
        style=style_of(*MAP_STYLES),
        own_script=script_of(*MAP_SCRIPTS),
        blocks=tuple(blocks),
    )
    page.add_child(PageSection(page_top(content, words, by_key)))
    _add_map(page, content, words, topology)
    page.add_child(
        PageSection(
            map_end(content, words)
            + content.explanation
            + areas_table(content, words, by_key)
            + page_bottom(content, words)
        )
    )
    return page


def _add_map(page: PublicPage, content: PageContent, words: Words, topology: Topology) -> None:
    bounds = lat_lon_bounds(topology)
    area_map = OfflineMap(
        figure=page, label=words("map.name", place=content.edition.place_name), bounds=bounds,
        min_zoom=5, max_zoom=17, zoom_snap=0.25, zoom_delta=1, zoom_animation=False, fade_animation=False,
        marker_zoom_animation=False, attribution_control=True, world_copy_jump=False,
    )  # fmt: skip
    layer = AreaLayer(cleaned(content.edition.place_name), bounds)
    area_map.add_child(layer)
    area_map.add_child(OfflineControl("ExclusionMove", position="topright"))
    area_map.add_child(OfflineControl("ExclusionScale", position="bottomleft"))
    area_map.add_child(Planner(area_map, layer))
    page.map = area_map


def lat_lon_bounds(topology: Topology) -> list[list[float]]:
    """Return the areas' bounds as [[south, west], [north, east]] in degrees, to five decimals."""
    size = TILE_PIXELS * 2**topology.zoom
    west, north = topology.xy.min(axis=0) / size
    east, south = topology.xy.max(axis=0) / size

    def latitude(y: float) -> float:
        return round(float(np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * y))))), 5)

    return [[latitude(south), round(west * 360 - 180, 5)], [latitude(north), round(east * 360 - 180, 5)]]


def engine_text(engine: str, words: Words) -> str:
    """Return in a sentence what measured the travel times; one that has no sentence is named."""
    return words.get(f"engine.{engine}") or words("engine.other", engine=cleaned(engine))


def group_columns(content: PageContent, words: Words) -> list[Column]:
    """Return the columns of names that many areas share: council, ward, neighbourhood, action."""
    found = []
    for key, frame, label in (
        ("lad_nm", content.areas, words("card.council")),
        ("wd_nm", content.areas, words("card.ward")),
        ("msoa_hcl_nm", content.areas, words("find.msoa")),
        ("action", content.table, words("card.action")),
        ("nearest_venue_nm", content.table, words("card.help")),
    ):
        if has(frame, key) and not (content.is_national and key == "nearest_venue_nm"):
            found.append(
                category_column(
                    frame[key].map(cleaned, na_action="ignore"), key=key, label=label, is_shown=False
                )
            )
    if has(content.areas, "is_rural"):
        codes = (
            content.areas["is_rural"].map({True: 1, False: 0}).fillna(MISSING_16).to_numpy(dtype=np.uint16)
        )
        from exclusion.publish.map.measures import Measure

        found.append(Column(Measure(key="is_rural", label="", categories=("urban", "rural")), codes))
    return found


def page_facts(
    content: PageContent, words: Words, columns: list[Column], groups: list[Column], topology: Topology
) -> dict[str, Any]:
    """Return what the page's script needs in words and numbers, apart from the packed columns."""
    edition = content.edition
    table = content.table
    facts: dict[str, Any] = {
        "zoom": topology.zoom,
        "columns": [
            column.measure.described() | {"bytes": column.values.dtype.itemsize}
            for column in (*columns, *groups)
        ],
        "codes": list(content.areas.index),
        "names": [
            cleaned(text_or(name, code))
            for name, code in zip(content.areas["lsoa21nm"], content.areas.index, strict=True)
        ],
        "isNational": content.is_national,
        "place": cleaned(edition.place_name),
        "edition": cleaned(edition.name),
        "date": cleaned(edition.date_text),
        "ranked": edition.ranked_areas,
        "among": cleaned(edition.ranked_among),
        "notice": cleaned(
            edition.notice or (words("page.demonstration") if edition.is_demonstration else "")
        ),
        "credits": [cleaned(text) for text in edition.attribution],
        "domains": [{"key": domain.key, "label": domain.label} for domain in content.domains],
        "venues": venue_list(content, words, topology.zoom),
        "plan": list(content.plan.venue_ids) if content.plan else [],
        "planNumbers": list(content.plan.numbers_shown) if content.plan else [],
        "planMinutes": content.plan.minutes if content.plan else None,
        "placeNames": place_name_list(content, topology.zoom),
        "gaps": (gaps := status_gaps(content)),
        "gapNames": {column: input_name(column, words) for column in gaps},
        "words": words.starting(*_SCRIPT_WORDS),
        "english": sorted(words.english & set(words.starting(*_SCRIPT_WORDS))),
        "englishTexts": sorted(
            {words(key) for key in words.english if key.startswith(("measure.", "engine."))}
        ),
        "language": words("page.lang"),
        "pages": dict(sorted(content.pages.items())),
    }
    if content.surfaces:
        facts["surfaces"] = {
            "bounds": {s.key: [list(s.bounds[:2]), list(s.bounds[2:])] for s in content.surfaces},
            "breaks": SURFACE_BREAKS_MIN,
            "colours": SURFACE_COLOURS,
        }
    if has(table, "reason"):
        facts["reasons"] = [cleaned(text_or(text, "")) for text in table["reason"]]
    if not content.is_national and has(table, "rank_hangs_on"):
        facts["certainty"] = _certainty(table, words)
    if "is_ranked" in table.columns:
        facts["notRanked"] = [
            at for at, is_ranked in enumerate(table["is_ranked"]) if is_ranked is not None and not is_ranked
        ]
    if {"x_m", "y_m"} <= set(content.areas.columns) and content.areas[["x_m", "y_m"]].notna().all(axis=None):
        points = world_pixels(content.areas["x_m"], content.areas["y_m"], topology.zoom)
        if not content.is_national:
            facts["points"] = points.tolist()
    if content.pages and has(content.areas, "lad_cd"):
        facts["councilOf"] = _council_codes(content)
    return facts


def _certainty(table: Any, words: Words) -> dict[str, Any]:
    """Return what each area's rank hangs on and whether it lies in a hot spot: distinct texts, and one number an area."""
    hot = table["hot_spot"] if "hot_spot" in table else [""] * len(table)
    said = [
        f"{cleaned(text_or(text, ''))} {words('card.hot_spot') if spot == 'hot spot' else ''}".strip()
        for text, spot in zip(table["rank_hangs_on"], hot, strict=True)
    ]
    texts = sorted(set(said))
    place_of = {text: at for at, text in enumerate(texts)}
    return {"texts": texts, "at": [place_of[text] for text in said]}


def _council_codes(content: PageContent) -> dict[str, str]:
    """Return the code of each council by its name."""
    pairs = content.areas[["lad_nm", "lad_cd"]].dropna().drop_duplicates()
    return {cleaned(name): str(code) for name, code in zip(pairs["lad_nm"], pairs["lad_cd"], strict=True)}


def status_gaps(content: PageContent) -> dict[str, Any]:
    """Return, by column, why figures are missing or stand-ins: the status and the areas it holds for (or "all")."""
    gaps: dict[str, Any] = {}
    for column in sorted(content.table.columns):
        if not str(column).endswith("__status"):
            continue
        code, values = content.table[column].factorize(sort=True)
        entry: dict[str, Any] = {}
        for number, value in enumerate(values):
            if value != "observed":
                at = np.flatnonzero(code == number)
                entry[str(value)] = "all" if len(at) == len(code) else np.diff(at, prepend=0).tolist()
        if entry:
            gaps[str(column).removesuffix("__status")] = entry
    return gaps


__all__ = ["build_page", "map_page", "streams", "zigzag"]
