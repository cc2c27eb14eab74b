"""A brief as one printed page of HTML: the words, a locator map, the reasons and the range as pictures."""

from collections.abc import Sequence
from typing import Any

from exclusion.publish.briefs.content import Brief, Scope
from exclusion.publish.briefs.pictures import Picture, bars, fifth_of, interval, legend, locator
from exclusion.publish.map.content import Edition
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.plain_page import plain_page
from exclusion.publish.map.words import words_of

_STYLE = """
.brief { display: grid; grid-template-columns: minmax(0, 1fr) 320px; gap: 0 1.5rem; max-width: 62rem; }
.brief h1, .brief .lead, .brief .brief-end { grid-column: 1 / -1; }
.brief h2 { font-size: 1.1rem; margin: .5rem 0 .2rem; }
.brief p, .brief ul, .brief ol { margin-bottom: .3rem; }
.brief figure { margin: 0 0 .6rem; }
.brief figcaption { font-weight: bold; margin-bottom: .2rem; }
.brief svg { max-width: 100%; height: auto; }
.brief-key { list-style: none; padding: 0; font-size: .875rem; }
/* On screen the page's header says it; the header is not printed. */
.brief .on-paper { display: none; }
@media (max-width: 46rem) { .brief { grid-template-columns: 1fr; } }
@media print {
  main { padding: 0; }
  .brief .on-paper { display: block; }
  .brief { grid-template-columns: minmax(0, 1fr) 72mm; }
  .brief h1 { font-size: 16pt; margin: 0 0 3pt; }
  .brief h2 { font-size: 11pt; margin: 4pt 0 1pt; }
  .brief p, .brief li { font-size: 9.5pt; line-height: 1.3; }
  .brief figure svg { max-height: 82mm; }
  .brief svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .brief-key, .brief .brief-end { font-size: 8pt; }
  .brief figure, .brief section { break-inside: avoid; }
}
"""


def build_brief(
    brief: Brief,
    scope: Scope,
    edition: Edition,
    areas: Any,
    *,
    marked: tuple[str, ...] = (),
    pins: Any = None,
    back: str = "",
) -> bytes:
    """Return a brief as UTF-8 HTML, the same bytes for the same content.

    `areas` (GeoDataFrame by `lsoa21cd`, 27700) is what the locator map shows, `marked` the areas outlined on it and
    `pins` venues; `back` is the address of the map page it belongs to.
    """
    codes = fifth_of(scope.results.loc[areas.index, "exclusion_rank"], scope.ranked)
    worst = int((codes == 0).sum())
    map_words = (
        f"A map of {len(areas):,} small areas. {worst:,} of them are in the fifth of all areas with most need."
        + (" The area of this brief is outlined in red." if marked else "")
        + (" Numbers show where to open." if pins is not None else "")
    )
    shown = [locator(areas, codes, title="Where the need is", words=map_words, marked=marked, pins=pins)]
    low, middle, high = brief.people
    if high > 0:
        shown.append(interval(low, middle, high, title="Adults offline, with the likely range"))
    if any(abs(value) >= 0.05 for _, value in brief.reasons):
        said = "; ".join(f"{label} {value:+.1f} points" for label, value in brief.reasons)
        shown.append(
            bars(
                brief.reasons,
                title=f"Points of risk above or below {brief.against}",
                words=f"What raises or lowers the risk, in points against {brief.against}: {said}.",
            )
        )
    body = (
        f'<article class="brief"><h1>{e(brief.title)}</h1>\n'
        + (f'<p class="lead on-paper"><strong>{e(edition.notice)}</strong></p>\n' if edition.notice else "")
        + f'<div class="lead">{"".join(f"<p>{e(text)}</p>" for text in brief.lead)}</div>\n'
        + f"<div>{''.join(_section(at, *section, is_numbered=brief.is_numbered) for at, section in enumerate(brief.sections))}</div>\n"
        + f"<div>{_figures(shown, legend(codes))}</div>\n"
        + f'<p class="brief-end">{e(_end(edition))}</p></article>\n'
    )
    links = tuple(
        (href, text)
        for href, text in (
            (edition.index_href, words_of("en")("page.to_index")),
            (back, "Map and table"),
            (edition.provenance_href, "How this was made"),
        )
        if href
    )
    return plain_page(
        edition,
        words_of("en"),
        title=f"{brief.title}, {edition.date_text}",
        body=body,
        links=links,
        style=_STYLE,
    )


def build_list(edition: Edition, briefs: Sequence[tuple[str, str]]) -> bytes:
    """Return the page that lists briefs, as (place, address)."""
    rows = "".join(f'<li><a href="{e(href)}">{e(text)}</a></li>\n' for text, href in briefs)
    body = f'<h1>Briefs</h1>\n<p class="lead">One printed page each: where, who, why, how sure, what to do.</p>\n<ul>\n{rows}</ul>\n'
    words = words_of("en")
    return plain_page(
        edition,
        words,
        title=f"Briefs: {edition.place_name}, {edition.date_text}",
        body=body,
        links=((edition.index_href, words("page.to_index")),),
    )


def _section(
    at: int, heading: str, texts: tuple[str, ...], bullets: tuple[str, ...], *, is_numbered: bool
) -> str:
    said = "".join(f"<p>{e(text)}</p>" for text in texts)
    mark = "ol" if is_numbered else "ul"
    points = f"<{mark}>{''.join(f'<li>{e(text)}</li>' for text in bullets)}</{mark}>" if bullets else ""
    return (
        f'<section aria-labelledby="part-{at}"><h2 id="part-{at}">{e(heading)}</h2>{said}{points}</section>\n'
    )


def _figures(shown: list[Picture], key: str) -> str:
    return "".join(
        f"<figure><figcaption>{e(picture.title)}</figcaption>{picture.svg}{key if at == 0 else ''}</figure>\n"
        for at, picture in enumerate(shown)
    )


def _end(edition: Edition) -> str:
    """Return what stands at the foot of the printed page: where it comes from."""
    return f"Made from open data; edition {edition.name}, {edition.date_text}. Numbers are rounded. Exact ones, sources and method are in the edition."
