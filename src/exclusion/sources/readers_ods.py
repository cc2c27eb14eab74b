"""OpenDocument sheets, streamed: a sheet of a million cells is read row by row in bounded memory.

An .ods is a zip whose `content.xml` holds every sheet; DfT's is about 1 GB once unpacked, which a workbook library
would hold whole. Sheets that are not wanted go by as bytes; the one that is wanted is parsed as it is unpacked, and
each row is let go once it has been handed on.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from exclusion.errors import SourceError
from exclusion.sources.archives import open_member
from exclusion.sources.contracts import fail

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_SHEET = re.compile(rb'<table:table\s[^>]*?table:name="([^"]*)"[^>]*>')
_SHEET_END = b"</table:table>"
_SHEET_START = b"<table:table "
# Small, because a piece is parsed whole before its rows are handed on and let go.
_CHUNK = 1 << 17
# Longer than any opening tag of a sheet, so that none is missed where two chunks meet.
_OVERLAP = 1 << 14
# A row of blank cells may be repeated a million times to the sheet's end; nothing published is this wide.
_WIDEST = 2_000
# As many rows as LibreOffice and Excel have: a row repeated further is a bomb.
_LONGEST = 1_048_576
_NUMBERS = {"float", "percentage", "currency"}


def sheet_names(path: Path, source: "Source") -> list[str]:
    """Return the names of the sheets in order; SourceError where there is none or the archive is damaged."""
    names: list[str] = []
    with open_member(path, "content.xml") as stream:
        held = b""
        while chunk := stream.read(_CHUNK):
            held += chunk
            end = 0
            for found in _sheets(held):
                names.append(_name(found))
                end = found.end()
            held = held[max(end, len(held) - _OVERLAP) :]
    if not names:
        raise SourceError(
            f"{source.id}: {path.name} (content.xml) holds no sheet, or is damaged; retrieve it again."
        )
    return names


def _sheets(held: bytes) -> Iterator["re.Match[bytes]"]:
    """Yield the opening tags of sheets; a plain search for their start is a hundred times faster than a pattern."""
    place = held.find(_SHEET_START)
    while place >= 0:
        found = _SHEET.match(held, place)
        if found:
            yield found
        place = held.find(_SHEET_START, place + 1)


def _name(found: "re.Match[bytes]") -> str:
    return html.unescape(found[1].decode("utf-8", "replace"))


def sheet_named(path: Path, pattern: str, source: "Source") -> str:
    """Return the name of the one sheet that matches a pattern; ContractError lists those there are."""
    names = sheet_names(path, source)
    found = [name for name in names if re.fullmatch(pattern, name.strip(), re.IGNORECASE)]
    if len(found) != 1:
        raise fail(
            source,
            path,
            f"there is no one sheet like '{pattern}' among {', '.join(names)}",
            "check that it is the file the catalogue names",
        )
    return found[0]


def open_rows(path: Path, sheet: str, source: "Source") -> Iterator[list[Any]]:
    """Yield the rows of a sheet from the top: numbers as float, the rest as text, blank cells as None.

    Repeated cells are written out, a row's trailing blanks are dropped, and repeated blank rows are given once.
    SourceError where the archive or its XML is damaged or ends before the sheet does.
    """
    # The text is the publisher's own, comes from a zip with a ceiling, and expat refuses entity bombs.
    parser: Any = ET.XMLPullParser(["start", "end"])
    holder: ET.Element | None = None
    rows = 0
    try:
        with open_member(path, "content.xml") as stream:
            for chunk in _bytes_of(stream, sheet):
                parser.feed(chunk)
                for event, element in parser.read_events():
                    if event == "start":
                        if element.tag == f"{_TABLE}table":
                            holder = element
                        continue
                    if element.tag == f"{_TABLE}table":
                        return
                    if element.tag == f"{_TABLE}table-row":
                        row = _row(element)
                        times = _times(element, "number-rows-repeated") if row else 1
                        rows = _within(rows + times)
                        for _ in range(times):
                            yield list(row)
                        # Let go of the row, and of the sheet's memory of it.
                        element.clear()
                        if holder is not None:
                            holder.clear()
    except (ET.ParseError, ValueError) as fault:
        raise _damaged(path, source, str(fault)) from None
    raise _damaged(path, source, f"sheet '{sheet}' has no end")


def _damaged(path: Path, source: "Source", why: str) -> SourceError:
    return SourceError(
        f"{source.id}: {path.name} (content.xml) is damaged or cut short ({why}); retrieve it again."
    )


def _bytes_of(stream: IO[bytes], sheet: str) -> Iterator[bytes]:
    """Yield what stands before the first sheet, then one sheet's own bytes; the others are passed over."""
    held, is_begun, is_inside = b"", False, False
    while chunk := stream.read(_CHUNK):
        held += chunk
        if not is_inside:
            end = 0
            for found in _sheets(held):
                if not is_begun:
                    yield held[: found.start()]
                    is_begun = True
                end = found.end()
                if _name(found) == sheet:
                    is_inside = True
                    held = held[found.start() :]
                    break
            if not is_inside:
                # Until the first sheet, all is kept: it declares the namespaces.
                held = held[max(end, len(held) - _OVERLAP) :] if is_begun else held
                continue
        stop = held.find(_SHEET_END)
        if stop >= 0:
            yield held[: stop + len(_SHEET_END)]
            return
        keep = len(_SHEET_END)
        yield held[:-keep]
        held = held[-keep:]


def _row(element: ET.Element) -> list[Any]:
    cells: list[Any] = []
    for cell in element:
        if cell.tag not in {f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"}:
            continue
        times = _times(cell, "number-columns-repeated")
        value = _value(cell)
        if times > _WIDEST:
            if value is not None:
                raise ValueError(f"a cell that is not blank is repeated {times:,} times")
            continue
        cells.extend([value] * times)
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def _within(rows: int) -> int:
    if rows > _LONGEST:
        raise ValueError(f"it has more than {_LONGEST:,} rows")
    return rows


def _times(element: ET.Element, attribute: str) -> int:
    return int(element.get(f"{_TABLE}{attribute}", "1"))


def _value(cell: ET.Element) -> Any:
    if cell.get(f"{_OFFICE}value-type") in _NUMBERS:
        text = cell.get(f"{_OFFICE}value")
        if text is not None:
            return float(text)
    words = ["".join(part.itertext()) for part in cell.iter(f"{_TEXT}p")]
    return "\n".join(words) if any(words) else None
