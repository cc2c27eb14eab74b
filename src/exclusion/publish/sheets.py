"""Accessible .xlsx workbooks, the same bytes for the same tables."""

import datetime as dt
import io
from typing import Any

from exclusion.publish.workbook import (
    CONTENTS,
    COVER,
    NOTES,
    PRINT_SCALE_PCT,
    Sheet,
    Workbook,
    label_columns,
    lines_of,
    width_of,
)

# A workbook must carry a time of creation; a fixed one keeps its bytes the same. The cover names the edition.
_CREATED = dt.datetime(2000, 1, 1, tzinfo=dt.UTC).replace(tzinfo=None)
# Points a line of 12-point Arial takes. Not every office measures wrapped rows on opening: heights are written.
_LINE_PT = 15.75
_A4 = 9
_FONT = {"font_name": "Arial", "font_size": 12, "valign": "top"}


def xlsx_bytes(book: Workbook) -> bytes:
    """Return a workbook as .xlsx: cover, contents, notes, one named table a sheet with a frozen header row.

    Every text is written as text: a name that looks like a formula or an address stays what it is.
    """
    import xlsxwriter

    out = io.BytesIO()
    file = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
            "default_format_properties": dict(_FONT),
        },
    )
    file.set_properties(
        {
            "title": book.title,
            "subject": "Digital exclusion",
            "author": "The digital exclusion map",
            "comments": book.notice,
            "created": _CREATED,
        }
    )
    formats = {
        "title": file.add_format({**_FONT, "bold": True, "font_size": 16}),
        "wrap": file.add_format({**_FONT, "text_wrap": True}),
        "head": file.add_format({**_FONT, "bold": True, "text_wrap": True, "bottom": 1}),
        "whole": file.add_format({**_FONT, "num_format": "#,##0"}),
        "gap": file.add_format({**_FONT, "align": "right"}),
        "link": file.add_format({**_FONT, "underline": 1, "font_color": "#0b4f8a"}),
    }
    for places in (1, 2, 3, 4):
        formats[f"number{places}"] = file.add_format({**_FONT, "num_format": f"#,##0.{'0' * places}"})
    _cover(file.add_worksheet("Cover"), book, formats)
    _contents(file.add_worksheet("Contents"), book, formats)
    _notes(file.add_worksheet("Notes"), book, formats)
    for sheet in book.sheets:
        _table(file.add_worksheet(sheet.name), sheet, formats)
    file.close()
    return out.getvalue()


def _cover(page: Any, book: Workbook, formats: dict[str, Any]) -> None:
    page.set_column(0, 0, COVER)
    _print(page)
    for row, text in enumerate(book.cover()):
        if row:
            _height(page, row, lines_of(text, COVER))
        page.write_string(
            row, 0, text, formats["title" if row == 0 else "head" if text == "Credits" else "wrap"]
        )
    page.activate()


def _contents(page: Any, book: Workbook, formats: dict[str, Any]) -> None:
    page.write_string(0, 0, "Table of contents", formats["title"])
    page.write_string(
        1, 0, "This worksheet contains one table, table_Contents. Each name links to its worksheet."
    )
    for at, width in enumerate(CONTENTS):
        page.set_column(at, at, width)
    _print(page)
    rows = [
        ("Notes", "Shorthand, notes and the meaning of every column"),
        *((s.name, s.title) for s in book.sheets),
    ]
    _add(page, "table_Contents", 2, ["Worksheet", "What it holds"], len(rows), formats)
    for row, (name, title) in enumerate(rows, start=3):
        page.write_url(row, 0, f"internal:'{name}'!A1", formats["link"], string=name)
        page.write_string(row, 1, title, formats["wrap"])
        _height(page, row, lines_of(title, CONTENTS[1]))


def _notes(page: Any, book: Workbook, formats: dict[str, Any]) -> None:
    page.write_string(0, 0, "Notes", formats["title"])
    page.write_string(
        1, 0, "This worksheet contains one table, table_Notes: shorthand, notes, then what each column means."
    )
    for at, width in enumerate(NOTES):
        page.set_column(at, at, width)
    _print(page)
    rows = book.note_rows()
    _add(page, "table_Notes", 2, ["Term", "Meaning"], len(rows), formats)
    for row, (term, meaning) in enumerate(rows, start=3):
        page.write_string(row, 0, term, formats["wrap"])
        page.write_string(row, 1, meaning, formats["wrap"])
        _height(page, row, max(map(lines_of, (term, meaning), NOTES)))


def _table(page: Any, sheet: Sheet, formats: dict[str, Any]) -> None:
    page.write_string(0, 0, sheet.title, formats["title"])
    for row, text in enumerate(sheet.leads, start=1):
        page.write_string(row, 0, text)
    head, rows = sheet.first_row, sheet.rows()
    columns = sheet.columns
    _add(
        page,
        sheet.table_name,
        head,
        [column.heading for column in columns],
        len(rows),
        formats,
        is_filtered=True,
    )
    by_kind = [
        formats["whole"]
        if c.kind == "whole"
        else formats[f"number{max(1, c.decimals)}"]
        if c.kind == "number"
        else None
        for c in columns
    ]
    for row, cells in enumerate(rows, start=head + 1):
        for at, cell in enumerate(cells):
            if isinstance(cell, str):
                # a shorthand stands where the column's numbers stand
                page.write_string(row, at, cell, formats["gap"] if by_kind[at] is not None else None)
            else:
                page.write_number(row, at, cell, by_kind[at])
    widths = [width_of(column, [row[at] for row in rows]) for at, column in enumerate(columns)]
    for at, width in enumerate(widths):
        page.set_column(at, at, width)
    _height(
        page,
        head,
        max(lines_of(column.heading, width) for column, width in zip(columns, widths, strict=True)),
    )
    page.freeze_panes(head + 1, 0)
    page.set_paper(_A4)
    page.set_landscape()
    page.set_print_scale(PRINT_SCALE_PCT)
    page.repeat_rows(head)
    if labels := label_columns(sheet):
        page.repeat_columns(0, labels - 1)


def _height(page: Any, row: int, lines: int) -> None:
    page.set_row(row, lines * _LINE_PT)


def _print(page: Any) -> None:
    """Print a sheet of text as wide as one upright page."""
    page.set_paper(_A4)
    page.fit_to_pages(1, 0)


def _add(
    page: Any,
    name: str,
    head: int,
    headings: list[str],
    count: int,
    formats: dict[str, Any],
    *,
    is_filtered: bool = False,
) -> None:
    """Add a named table without banding: its header row is marked up as one for screen readers."""
    page.add_table(
        head, 0, head + count, len(headings) - 1,
        {"name": name, "style": None, "autofilter": is_filtered, "columns": [{"header": text, "header_format": formats["head"]} for text in headings]},
    )  # fmt: skip
