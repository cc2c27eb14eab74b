"""The overview `maps/index.html`: a searchable list of places, the edition, and what changed since the last."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from exclusion.publish.map.content import Edition
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.markup import paragraphs
from exclusion.publish.map.overview import Outline, Shape, overview_map
from exclusion.publish.map.plain_page import plain_page
from exclusion.publish.map.words import Words, words_of


@dataclass(frozen=True)
class PlaceRow:
    """Describe one place of the overview; a figure that is not known is None. Numbers are printed as given.

    `worst_tenth` counts its areas among the worst tenth of all ranked areas; `outline` draws it on the overview map.
    """

    name: str
    href: str
    areas: int
    people_offline: int | None = None
    offline_share_pct: float | None = None
    worst_tenth: int | None = None
    region: str = ""
    outline: Outline | None = None


@dataclass(frozen=True)
class Files:
    """Name the files of one edition to take away: whose they are, and (label, address) of each."""

    place: str
    links: tuple[tuple[str, str], ...]


def build_index(
    edition: Edition, places: tuple[PlaceRow, ...], *, national_href: str = "", lists: tuple["Files", ...] = (), language: str = "en"
) -> bytes:  # fmt: skip
    """Return the overview as UTF-8 HTML; without scripts it is a plain table of all places.

    `national_href` is the one-file map of all areas, `lists` are the files of each edition; "" and () where there are
    none.
    """
    words = words_of(language)
    body = (
        f"<h1>{e(words('index.heading'))}: {e(edition.place_name)}</h1>\n"
        f'<p class="lead">{e(words("index.lead_one" if len(places) == 1 else "index.lead", n=f"{len(places):,}"))}</p>\n'
        f'<section aria-labelledby="edition"><h2 id="edition">{e(words("index.edition"))}</h2>\n'
        f"<p>{e(words('index.edition_text', edition=edition.name, date=edition.date_text))}</p>\n"
        + (f'<p><a href="{e(national_href)}">{e(words("index.national"))}</a></p>\n' if national_href else "")
        + f'<p><a href="{e(edition.provenance_href)}">{e(words("page.to_made"))}</a></p>\n'
        + f"<h3>{e(words('index.changes'))}</h3>\n{paragraphs(edition.changes, words('index.no_changes'))}</section>\n"
        + overview_map(_shapes(places), words)
        + _places(places, words)
        + _lists(lists, words)
        + f'<p class="hint">{e(words("index.open_hint"))}</p>\n'
    )
    title = words("index.title", place=edition.place_name, date=edition.date_text)
    return plain_page(
        edition, words, title=title, body=body, scripts=("places.js",), styles=("overview.css",), links=((edition.provenance_href, words("page.to_made")),)
    )  # fmt: skip


def _shapes(places: tuple[PlaceRow, ...]) -> list[Shape]:
    """Return the places that can be drawn, the wider first, so that a council lies on top of what holds it."""
    drawn = [
        Shape(place.name, place.href, place.offline_share_pct, place.outline)
        for place in places
        if place.outline
    ]
    return sorted(drawn, key=lambda shape: (-_extent(shape.outline), shape.name, shape.href))


def _extent(outline: Outline) -> int:
    west, north, east, south = outline.box
    return (east - west) * (south - north)


# What a file is for, by the end of its name; a kind that is not listed stands with the last.
_USES = {
    "read": (".html",),
    "tables": (".xlsx", ".ods", ".csv"),
    "gis": (".gpkg", ".geojson", ".parquet", ".tif"),
    "about": (".json",),
}


def _by_use(links: tuple[tuple[str, str], ...]) -> dict[str, list[tuple[str, str]]]:
    """Return links by what they are for, spreadsheets before single tables; uses without a file are left out."""
    place = {ending: (use, at) for use, endings in _USES.items() for at, ending in enumerate(endings)}
    found: dict[str, list[tuple[int, tuple[str, str]]]] = {use: [] for use in _USES}
    for link in links:
        use, at = place.get(PurePosixPath(link[1]).suffix, ("about", 0))
        found[use].append((at, link))
    return {
        use: [link for _, link in sorted(kept, key=lambda one: one[0])] for use, kept in found.items() if kept
    }


def _lists(lists: tuple[Files, ...], words: Words) -> str:
    if not lists:
        return ""
    parts = []
    for files in lists:
        # In a screen reader's list of links each says whose file it is.
        whose = f'<span class="hidden">, {e(files.place)}</span>'
        parts.append(f"<h3>{e(files.place)}</h3>\n")
        for use, links in _by_use(files.links).items():
            items = "".join(f'<li><a href="{e(href)}">{e(label)}{whose}</a></li>\n' for label, href in links)
            parts.append(f'<h4>{e(words(f"index.lists_{use}"))}</h4>\n<ul class="files">\n{items}</ul>\n')
    return f'<section aria-labelledby="lists-title"><h2 id="lists-title">{e(words("index.lists"))}</h2>\n{"".join(parts)}</section>\n'


def _places(places: tuple[PlaceRow, ...], words: Words) -> str:
    ordered = sorted(places, key=lambda place: (place.name, place.href))
    shown = [("areas", True)]
    shown += [("people", any(place.people_offline is not None for place in places))]
    shown += [("share", any(place.offline_share_pct is not None for place in places))]
    shown += [("worst", any(place.worst_tenth is not None for place in places))]
    kept = [key for key, is_kept in shown if is_kept]
    head = f'<th scope="col">{e(words("index.place"))}</th>' + "".join(
        f'<th scope="col" class="num">{e(words(f"index.{key}"))}</th>' for key in kept
    )
    rows = "".join(
        f'<tr><th scope="row"><a href="{e(place.href)}">{e(place.name)}</a>'
        + (f' <span class="quiet">{e(place.region)}</span>' if place.region else "")
        + "</th>"
        + "".join(f'<td class="num">{e(_figure(place, key, words))}</td>' for key in kept)
        + "</tr>\n"
        for place in ordered
    )
    count = words("index.count")
    return (
        f'<section aria-labelledby="places-title"><h2 id="places-title">{e(words("index.caption"))}</h2>\n'
        f'<div class="field needs-script"><label for="place-text">{e(words("index.find"))}</label>\n'
        f'<p class="hint" id="place-hint">{e(words("index.find_hint"))}</p>\n'
        f'<input id="place-text" type="search" autocomplete="off" aria-describedby="place-hint" data-count="{e(count)}">\n'
        '<p id="place-count" role="status" class="hint"></p></div>\n'
        f'<div class="scroll" role="region" aria-label="{e(words("table.scroll"))}" tabindex="0">\n'
        f'<table id="places"><caption class="hidden">{e(words("index.caption"))}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody></table></div></section>\n"
    )


def _figure(place: PlaceRow, key: str, words: Words) -> str:
    value = {
        "areas": place.areas, "people": place.people_offline, "share": place.offline_share_pct, "worst": place.worst_tenth,
    }[key]  # fmt: skip
    if value is None:
        return words("table.unknown")
    return f"{value:.1f}%" if key == "share" else f"{value:,}"
