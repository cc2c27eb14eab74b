"""The front page: every place that is served, with a link into its edition."""

from exclusion.editions.changes import changes_said
from exclusion.editions.store import Edition
from exclusion.publish.map.content import Edition as PageEdition
from exclusion.publish.map.index_page import Files, PlaceRow, build_index
from exclusion.publish.map.overview import Outline


def front_page(editions: list[Edition]) -> bytes:
    """Return `maps/index.html` for the served editions: a searchable table of places, the same bytes each time."""
    places = tuple(
        PlaceRow(
            name=page["name"],
            href=f"{edition.name}/{page['href']}",
            areas=page["areas"],
            people_offline=page["people_offline"],
            offline_share_pct=page["offline_share_pct"],
            worst_tenth=page["worst_tenth"],
            region=page["region"],
            outline=Outline.from_json(page.get("outline")),
        )
        for edition in editions
        for page in edition.manifest["map_pages"]
    )
    lists = tuple(
        Files(e.label, tuple((text, f"{e.name}/{href}") for text, href in e.manifest["downloads"]))
        for e in editions
        if e.manifest["downloads"]
    )
    newest = editions[-1].manifest if editions else {}
    is_demonstration = any(edition.is_demonstration for edition in editions)
    about = PageEdition(
        name=", ".join(edition.name for edition in editions),
        date_text=str(newest.get("date_text", "")),
        place_name=", ".join(edition.label for edition in editions),
        ranked_areas=int(newest.get("ranked_areas", 0)),
        ranked_among=str(newest.get("ranked_among", "")),
        attribution=tuple(dict.fromkeys(text for e in editions for text in e.manifest["attribution"])),
        changes=tuple(text for e in editions for text in changes_said(e.label, e.manifest.get("changes"))),
        is_demonstration=is_demonstration,
        notice=str(newest.get("notice", "")) if is_demonstration else "",
        provenance_href=f"{editions[-1].name}/how-this-was-made.html" if editions else "",
    )
    return build_index(about, places, lists=lists)
