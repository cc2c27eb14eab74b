"""Workbooks: sheets as rows of cells, with the header row found by what it says and not by its number."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exclusion.errors import SourceError
from exclusion.sources.contracts import fail

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# Header rows stand within the first lines of a sheet: titles, notes and blank lines come above them.
_HEADER_WITHIN = 40


def open_workbook(path: Path, source: "Source") -> Any:
    """Open an xlsx, xls or ods workbook; SourceError names the file where it is none or is cut short."""
    import python_calamine

    try:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except (python_calamine.CalamineError, OSError, ValueError) as fault:
        reason = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise SourceError(
            f"{source.id}: {path.name} cannot be opened as a workbook ({reason}); retrieve it again or put a whole "
            "copy into the inbox."
        ) from None


def sheet_rows(book: Any, name: str) -> list[list[Any]]:
    """Return a sheet's cells, row by row, empty cells as empty text; a formula gives its stored value."""
    rows: list[list[Any]] = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    return rows


def find_header(rows: Sequence[Sequence[Any]], pattern: str, source: "Source", where: str) -> int:
    """Return the number of the first row with a cell that matches a pattern; ContractError shows what there is."""
    for number, row in enumerate(rows[:_HEADER_WITHIN]):
        if any(re.fullmatch(pattern, " ".join(str(cell).split()), re.IGNORECASE) for cell in row):
            return number
    first = next((row for row in rows if any(str(cell).strip() for cell in row)), [])
    shown = ", ".join(f"'{str(cell).strip()[:40]}'" for cell in first if str(cell).strip())
    raise fail(
        source,
        where,
        f"the layout is not the one expected: no header like '{pattern}' in the first {_HEADER_WITHIN} rows, which "
        f"begin with {shown or 'nothing'}",
        "check that it is the file the catalogue names",
    )


def sheet_named(path: Path, pattern: str, source: "Source") -> tuple[list[list[Any]], str]:
    """Return the cells and the name of the one sheet whose name matches a pattern; ContractError shows what there is."""
    book = open_workbook(path, source)
    names = [n for n in book.sheet_names if re.fullmatch(pattern, " ".join(n.split()), re.IGNORECASE)]
    if len(names) != 1:
        raise fail(
            source,
            path,
            f"it has {len(names) or 'no'} sheet like '{pattern}' among {', '.join(book.sheet_names)}",
            "check that it is the workbook the catalogue names",
        )
    return sheet_rows(book, names[0]), names[0]
