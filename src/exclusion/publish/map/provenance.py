"""The page "How this was made": every source with its hash, stand-ins, method, back-test and limits."""

from exclusion.publish.map.content import Edition, SourceNote
from exclusion.publish.map.markup import escaped as e
from exclusion.publish.map.markup import paragraphs
from exclusion.publish.map.plain_page import plain_page
from exclusion.publish.map.words import Words, words_of


def build_provenance(edition: Edition, *, language: str = "en") -> bytes:
    """Return the page "How this was made" as UTF-8 HTML; what the edition does not record is said to be missing."""
    words = words_of(language)
    sections = (
        ("sources", f"<p>{e(words('made.sources_lead'))}</p>\n" + _sources(edition.sources, words)),
        ("fallbacks", paragraphs(edition.fallbacks, words("made.no_fallbacks"))),
        ("method", _method_link(edition, words) + paragraphs(edition.method, words("made.none"))),
        ("backtest", paragraphs(edition.backtest, words("made.no_backtest"))),
        *(
            [("compares", paragraphs([words(key) for key in edition.compares], ""))]
            if edition.compares
            else []
        ),
        ("limits", paragraphs(edition.limits, words("made.none"))),
        ("attribution", paragraphs(edition.attribution, words("made.none"))),
        ("software", paragraphs([words("made.software_text")])),
    )
    contents = "".join(f'<li><a href="#{key}">{e(words(f"made.{key}"))}</a></li>\n' for key, _ in sections)
    body = (
        f'<h1>{e(words("made.heading"))}</h1>\n<p class="lead">{e(edition.place_name)}. '
        f"{e(words('index.edition_text', edition=edition.name, date=edition.date_text))}</p>\n"
        f'<nav class="contents" aria-label="{e(words("made.contents"))}"><ul>\n{contents}</ul></nav>\n'
        + "".join(
            f'<section aria-labelledby="{key}"><h2 id="{key}">{e(words(f"made.{key}"))}</h2>\n{text}</section>\n'
            for key, text in sections
        )
    )
    title = words("made.title", place=edition.place_name, date=edition.date_text)
    links: tuple[tuple[str, str], ...] = ((edition.index_href, words("page.to_index")),)
    if edition.method_href:
        links += ((edition.method_href, words("page.to_method")),)
    return plain_page(edition, words, title=title, body=body, links=links)


def _method_link(edition: Edition, words: Words) -> str:
    if not edition.method_href:
        return ""
    return f'<p><a href="{e(edition.method_href)}">{e(words("made.method_report"))}</a></p>\n'


def _sources(sources: tuple[SourceNote, ...], words: Words) -> str:
    if not sources:
        return f"<p>{e(words('made.none'))}</p>\n"
    heads = ("source", "publisher", "vintage", "licence", "used_for", "obtained", "retrieved", "hash")
    head = "".join(f'<th scope="col">{e(words(f"made.{key}"))}</th>' for key in heads)
    missing = words("made.not_recorded")
    rows = []
    for note in sorted(sources, key=lambda source: (source.name, source.sha256)):
        cells = (note.publisher, note.vintage, note.licence, note.used_for, note.obtained, note.retrieved)
        rows.append(
            f'<tr><th scope="row">{e(note.name)}</th>'
            + "".join(f"<td>{e(text or missing)}</td>" for text in cells)
            + f'<td><span class="hash">{e(note.sha256 or missing)}</span></td></tr>\n'
        )
    return (
        f'<div class="scroll" role="region" aria-label="{e(words("table.scroll"))}" tabindex="0"><table><caption class="hidden">{e(words("made.sources"))}'
        f"</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody></table></div>\n"
    )
