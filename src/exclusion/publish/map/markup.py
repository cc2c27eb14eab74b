"""Small pieces of escaped HTML; every text from data passes through `escaped`."""

import html
import re
from collections.abc import Iterable, Sequence

# What HTML cannot hold at all: control characters but tab and line feed.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
# Marks that turn the direction of the text around them, so that a name could change what stands beside it.
_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def cleaned(text: object) -> str:
    """Return text without control characters and without marks that turn the reading direction of what follows."""
    said = str(text)
    # Neither can be printed, and nearly every text can.
    return said if said.isprintable() else _DIRECTIONS.sub("", _CONTROLS.sub(" ", said))


def escaped(text: object) -> str:
    """Return text fit for an element's content or a quoted attribute."""
    return html.escape(cleaned(text), quote=True)


def paragraphs(texts: Iterable[str], empty: str = "") -> str:
    """Return a list of texts as a bullet list, a single one as a paragraph, and none as the text for emptiness."""
    found = [text for text in texts if text.strip()]
    if not found:
        return f"<p>{escaped(empty)}</p>\n" if empty else ""
    if len(found) == 1:
        return f"<p>{escaped(found[0])}</p>\n"
    return "<ul>\n" + "".join(f"<li>{escaped(text)}</li>\n" for text in found) + "</ul>\n"


def table(
    caption: str,
    heads: Sequence[tuple[str, bool]],
    rows: Iterable[Sequence[str]],
    *,
    name: str,
    is_hidden_caption: bool = False,
) -> str:
    """Return a table of plain texts: heads as (text, is a number); the first cell of a row heads it."""
    numeric = [is_number for _, is_number in heads]
    head = "".join(
        f'<th scope="col"{" class=num" if is_number else ""}>{escaped(text)}</th>'
        for text, is_number in heads
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{escaped(cell)}</th>'
            if at == 0
            else f"<td{' class=num' if numeric[at] else ''}>{escaped(cell)}</td>"
            for at, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    hidden = ' class="hidden"' if is_hidden_caption else ""
    return (
        f'<table id="{escaped(name)}"><caption{hidden}>{escaped(caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>\n"
    )
