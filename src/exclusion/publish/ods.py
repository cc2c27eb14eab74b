"""Accessible .ods workbooks (OpenDocument 1.3), the same bytes for the same tables.

Written directly: the format is a ZIP of four small XML files, and no library at hand writes frozen header rows and
named tables with fixed times.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from exclusion.publish.map.markup import cleaned
from exclusion.publish.workbook import (
    CONTENTS,
    COVER,
    NOTES,
    PRINT_SCALE_PCT,
    Sheet,
    Workbook,
    label_columns,
    width_of,
)

_MIME = "application/vnd.oasis.opendocument.spreadsheet"
_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{urn}:1.0"'
    for name, urn in (
        ("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"), ("config", "config"),
        ("fo", "xsl-fo-compatible"), ("meta", "meta"), ("number", "datastyle"), ("manifest", "manifest"),
    )
) + ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'  # fmt: skip
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MANIFEST = _HEAD + (
    f'<manifest:manifest {_SPACES} manifest:version="1.3">'
    f'<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{_MIME}"/>'
    + "".join(
        f'<manifest:file-entry manifest:full-path="{name}" manifest:media-type="text/xml"/>'
        for name in ("content.xml", "styles.xml", "meta.xml", "settings.xml")
    )
    + "</manifest:manifest>"
)
_FIXED = (1980, 1, 1, 0, 0, 0)
# A letter of 12-point Arial is about this wide.
_LETTER_CM = 0.235


def ods_bytes(book: Workbook) -> bytes:
    """Return a workbook as .ods: cover, contents, notes, one named table a sheet with a frozen header row."""
    out = io.BytesIO()
    files = {
        "content.xml": _content(book),
        "styles.xml": _styles(),
        "meta.xml": _meta(book),
        "settings.xml": _settings(book),
        "META-INF/manifest.xml": _MANIFEST,
    }
    with zipfile.ZipFile(out, "w") as archive:
        # The type comes first and is not compressed, so that a program can tell the file by its first bytes.
        archive.writestr(_entry("mimetype", zipfile.ZIP_STORED), _MIME)
        for name, text in files.items():
            archive.writestr(_entry(name, zipfile.ZIP_DEFLATED), text.encode())
    return out.getvalue()


def _entry(name: str, how: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIXED)
    entry.compress_type = how
    entry.external_attr = 0o644 << 16
    entry.create_system = 3
    return entry


def _text(text: object) -> str:
    return escape(cleaned(text))


def _cell(value: Any, style: str = "wrap") -> str:
    if isinstance(value, str):
        return f'<table:table-cell table:style-name="{style}" office:value-type="string"><text:p>{_text(value)}</text:p></table:table-cell>'
    return f'<table:table-cell table:style-name="number" office:value-type="float" office:value="{value!r}"><text:p>{value!r}</text:p></table:table-cell>'


def _link(name: str) -> str:
    target = quoteattr(f"#{name}.A1")
    return (
        '<table:table-cell table:style-name="link" office:value-type="string"><text:p>'
        f'<text:a xlink:type="simple" xlink:href={target}>{_text(name)}</text:a></text:p></table:table-cell>'
    )


def _row(cells: Iterable[str]) -> str:
    return f"<table:table-row>{''.join(cells)}</table:table-row>"


def _sheet(
    name: str,
    widths: Sequence[int],
    top: Sequence[str],
    head: Sequence[str],
    rows: Iterable[str],
    *,
    how: str = "text",
    labels: int = 0,
) -> str:
    each = [f'<table:table-column table:style-name="w{width}"/>' for width in widths]
    columns = "".join(each[labels:])
    if labels:
        columns = (
            f"<table:table-header-columns>{''.join(each[:labels])}</table:table-header-columns>{columns}"
        )
    title, *lead = top
    before = _row([_cell(title, "title")]) + "".join(_row([_cell(text, "plain")]) for text in lead)
    header = (
        f"<table:table-header-rows>{_row(_cell(text, 'head') for text in head)}</table:table-header-rows>"
        if head
        else ""
    )
    return f'<table:table table:name={quoteattr(name)} table:style-name="{how}">{columns}{before}{header}{"".join(rows)}</table:table>'


def _content(book: Workbook) -> str:
    title, *cover = book.cover()
    contents = [
        ("Notes", "Shorthand, notes and the meaning of every column"),
        *((s.name, s.title) for s in book.sheets),
    ]
    notes = book.note_rows()
    pages = [
        _sheet("Cover", [COVER], [title], [], [_row([_cell(text, "head" if text == "Credits" else "wrap")]) for text in cover]),
        _sheet(
            "Contents", CONTENTS,
            ["Table of contents", "This worksheet contains one table, table_Contents. Each name links to its worksheet."],
            ["Worksheet", "What it holds"], [_row([_link(name), _cell(text)]) for name, text in contents],
        ),
        _sheet(
            "Notes", NOTES,
            ["Notes", "This worksheet contains one table, table_Notes: shorthand, notes, then what each column means."],
            ["Term", "Meaning"], [_row([_cell(term), _cell(text)]) for term, text in notes],
        ),
    ]  # fmt: skip
    widths = {COVER, *CONTENTS, *NOTES}
    for sheet in book.sheets:
        page, used = _table(sheet)
        pages.append(page)
        widths |= used
    ranges = [
        _range("table_Contents", "Contents", 2, len(contents), 2),
        _range("table_Notes", "Notes", 2, len(notes), 2),
        *(
            _range(s.table_name, s.name, s.first_row, len(s.table), len(s.columns), is_filtered=True)
            for s in book.sheets
        ),
    ]
    styles = "".join(
        f'<style:style style:name="w{width}" style:family="table-column"><style:table-column-properties style:column-width="{width * _LETTER_CM:.2f}cm"/></style:style>'
        for width in sorted(widths)
    )
    return (
        f'{_HEAD}<office:document-content {_SPACES} office:version="1.3"><office:automatic-styles>{_TABLES}{styles}{_CELLS}</office:automatic-styles>'
        f"<office:body><office:spreadsheet>{''.join(pages)}<table:database-ranges>{''.join(ranges)}</table:database-ranges>"
        "</office:spreadsheet></office:body></office:document-content>"
    )


def _table(sheet: Sheet) -> tuple[str, set[int]]:
    rows, columns = sheet.rows(), sheet.columns
    widths = [width_of(column, [row[at] for row in rows]) for at, column in enumerate(columns)]
    styles = ["plain" if column.kind in {"text", "flag"} else "gap" for column in columns]
    body = (_row(_cell(cell, style) for cell, style in zip(row, styles, strict=True)) for row in rows)
    page = _sheet(
        sheet.name,
        widths,
        [sheet.title, *sheet.leads],
        [c.heading for c in columns],
        body,
        how="list",
        labels=label_columns(sheet),
    )
    return page, set(widths)


def _range(name: str, sheet: str, head: int, count: int, width: int, *, is_filtered: bool = False) -> str:
    address = f"{sheet}.A{head + 1}:{sheet}.{_letters(width)}{head + 1 + count}"
    shown = ' table:display-filter-buttons="true"' if is_filtered else ""
    return f'<table:database-range table:name="{name}" table:target-range-address="{address}" table:contains-header="true"{shown}/>'


def _letters(number: int) -> str:
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def _style(name: str, text: str, cell: str = "", paragraph: str = "") -> str:
    return (
        f'<style:style style:name="{name}" style:family="table-cell"><style:table-cell-properties style:vertical-align="top"{cell}/>'
        f'<style:paragraph-properties{paragraph}/><style:text-properties fo:font-family="Arial" {text}/></style:style>'
    )


# Sheets of text are printed as wide as one upright page, lists across, with headings and names on each page.
_TABLES = "".join(
    f'<style:style style:name="{how}" style:family="table" style:master-page-name="{how}"><style:table-properties table:display="true"/></style:style>'
    for how in ("text", "list")
)
_LAYOUTS = "".join(
    f'<style:page-layout style:name="layout-{how}"><style:page-layout-properties fo:page-width="{width}cm" fo:page-height="{height}cm"'
    f' style:print-orientation="{turn}" fo:margin="1.5cm"{scale}/></style:page-layout>'
    for how, width, height, turn, scale in (
        ("text", "21", "29.7", "portrait", ' style:scale-to-X="1" style:scale-to-Y="0"'),
        ("list", "29.7", "21", "landscape", f' style:scale-to="{PRINT_SCALE_PCT}%"'),
    )
)
_MASTERS = "".join(
    f'<style:master-page style:name="{how}" style:page-layout-name="layout-{how}"/>'
    for how in ("text", "list")
)
_CELLS = (
    _style("plain", 'fo:font-size="12pt"')
    + _style("wrap", 'fo:font-size="12pt"', ' fo:wrap-option="wrap"')
    + _style("title", 'fo:font-size="16pt" fo:font-weight="bold"')
    + _style(
        "head",
        'fo:font-size="12pt" fo:font-weight="bold"',
        ' fo:wrap-option="wrap" fo:border-bottom="0.5pt solid #000000"',
    )
    + _style("number", 'fo:font-size="12pt"')
    + _style("gap", 'fo:font-size="12pt"', "", ' fo:text-align="end"')
    + _style("link", 'fo:font-size="12pt" fo:color="#0b4f8a"')
)


def _styles() -> str:
    default = (
        '<style:default-style style:family="table-cell"><style:text-properties fo:font-family="Arial" fo:font-size="12pt"'
        ' fo:language="en" fo:country="GB"/></style:default-style>'
    )
    return (
        f'{_HEAD}<office:document-styles {_SPACES} office:version="1.3"><office:styles>{default}</office:styles>'
        f"<office:automatic-styles>{_LAYOUTS}</office:automatic-styles><office:master-styles>{_MASTERS}</office:master-styles></office:document-styles>"
    )


def _meta(book: Workbook) -> str:
    return (
        f'{_HEAD}<office:document-meta {_SPACES} office:version="1.3"><office:meta><dc:title>{_text(book.title)}</dc:title>'
        f"<dc:description>{_text(book.notice)}</dc:description><dc:language>en-GB</dc:language>"
        "<meta:initial-creator>The digital exclusion map</meta:initial-creator></office:meta></office:document-meta>"
    )


def _settings(book: Workbook) -> str:
    """Freeze each table's header row and open at the cover."""

    def item(name: str, kind: str, value: object) -> str:
        return f'<config:config-item config:name="{name}" config:type="{kind}">{value}</config:config-item>'

    views = []
    for sheet in book.sheets:
        split = sheet.first_row + 1
        views.append(
            f"<config:config-item-map-entry config:name={quoteattr(sheet.name)}>"
            + item("VerticalSplitMode", "short", 2)
            + item("VerticalSplitPosition", "int", split)
            + item("ActiveSplitRange", "short", 2)
            + item("PositionBottom", "int", split)
            + "</config:config-item-map-entry>"
        )
    return (
        f'{_HEAD}<office:document-settings {_SPACES} office:version="1.3"><office:settings>'
        '<config:config-item-set config:name="ooo:view-settings"><config:config-item-map-indexed config:name="Views">'
        "<config:config-item-map-entry>"
        + item("ViewId", "string", "view1")
        + f'<config:config-item-map-named config:name="Tables">{"".join(views)}</config:config-item-map-named>'
        + item("ActiveTable", "string", "Cover")
        + "</config:config-item-map-entry></config:config-item-map-indexed></config:config-item-set></office:settings></office:document-settings>"
    )
