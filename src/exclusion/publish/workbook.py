"""What an accessible spreadsheet holds: cover, contents, notes, then one table a sheet; written by `sheets` and `ods`.

After the guidance of the Analysis Function, "Releasing statistics in spreadsheets": a cover sheet first, tables from
column A, one a sheet, named and with one header row, no merged cells, no empty cells without a shorthand, nothing said
by colour or place alone.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from exclusion.errors import ContractError
from exclusion.publish.columns import ListColumn, columns_for, reworded

# Shorthand of the Government Statistical Service, explained on the notes sheet.
NOT_AVAILABLE, NOT_APPLICABLE = "[x]", "[z]"
_RANKS = ("exclusion_rank", "risk_rank")
SHORTHAND = (
    (NOT_AVAILABLE, "not available: no source says it for this place, or it was not asked"),
    (
        NOT_APPLICABLE,
        "not applicable: the area is not ranked, because too much of its evidence is missing, or the level does not exist there",
    ),
)
# More rows than this make a spreadsheet slow to open; the whole list is then in the CSV beside it.
MOST_ROWS = 5_000
_TITLE_LENGTH = 31
_NARROW = 6
# Lists have some 35 columns: at this size they print on a quarter of the sheets, in letters of 7 points.
PRINT_SCALE_PCT = 60
# Widths in letters of the columns of cover (no wider than an upright A4 page), contents and notes, in either format.
COVER, CONTENTS, NOTES = 74, (32, 90), (44, 100)


@dataclass(frozen=True)
class Sheet:
    """One sheet with one table.

    name: the tab, at most 31 letters without spaces; title: the heading in A1; lead: sentences below it.
    """

    name: str
    title: str
    table: pd.DataFrame
    lead: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold the sheet to what spreadsheets can carry."""
        if not self.name.replace("_", "").isalnum() or len(self.name) > _TITLE_LENGTH:
            raise ContractError(f"Sheet {self.name!r}: a tab is at most 31 letters, digits and underscores.")
        if self.table.empty:
            raise ContractError(f"Sheet {self.name!r} has no rows; leave the sheet out.")

    @property
    def columns(self) -> tuple[ListColumn, ...]:
        """Return the contracts of the table's columns."""
        return columns_for(self.table.columns)

    @property
    def first_row(self) -> int:
        """Return the row (from 0) of the table's header: below the title and the lead."""
        return 1 + len(self.leads)

    @property
    def leads(self) -> tuple[str, ...]:
        """Return the sentences below the title; the first says that there is one table, for screen readers."""
        return (
            f"This worksheet contains one table, {self.table_name}, with {len(self.table):,} row{'s' if len(self.table) != 1 else ''}.",
            *self.lead,
        )

    @property
    def table_name(self) -> str:
        """Return the name of the table, which no other sheet has."""
        return f"table_{self.name}"

    def rows(self) -> list[list[Any]]:
        """Return the cells: text, int or float; a null is a shorthand, never an empty cell."""
        found = []
        for column in self.columns:
            values = self.table[column.name].tolist()
            gap = (
                NOT_APPLICABLE if column.name.startswith(_RANKS) or column.name == "rgn_nm" else NOT_AVAILABLE
            )
            found.append([_cell(value, column, gap) for value in values])
        return [list(row) for row in zip(*found, strict=True)]


@dataclass(frozen=True)
class Workbook:
    """A whole spreadsheet: what the cover says, the sheets, and notes; `terms` as for `columns.reworded`."""

    title: str
    about: tuple[str, ...]
    sheets: tuple[Sheet, ...]
    notes: tuple[str, ...] = ()
    notice: str = ""
    credits: tuple[str, ...] = field(default=())
    terms: Mapping[str, str] | None = None

    def cover(self) -> list[str]:
        """Return the lines of the cover sheet, the title first."""
        return [
            self.title,
            *([self.notice] if self.notice else []),
            *self.about,
            "Everything in this file is estimated from open data; ranges and ranks with intervals say how sure each number is.",
            f"Shorthand is used where a number is not there: {'; '.join(f'{code} means {text}' for code, text in SHORTHAND)}.",
            "Credits",
            *self.credits,
        ]

    def note_rows(self) -> list[tuple[str, str]]:
        """Return the notes sheet's table: what is explained, and the explanation."""
        rows = [*SHORTHAND]
        rows += [(f"note {number}", text) for number, text in enumerate(self.notes, start=1)]
        seen: dict[str, str] = {}
        for sheet in self.sheets:
            seen |= {column.heading: reworded(column.about, self.terms) for column in sheet.columns}
        return [*rows, *seen.items()]


def _cell(value: Any, column: ListColumn, gap: str) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return gap
    if column.kind == "flag":
        return "yes" if value else "no"
    if column.kind == "whole":
        return int(value)
    if column.kind == "number":
        return float(value)
    text = str(value).replace("\r", " ").replace("\n", " ").strip()
    if not text:
        return "none" if column.name == "caveats" else gap
    return text


def lines_of(text: str, width: int) -> int:
    """Return how many lines a text takes when it is wrapped in a column of a width in letters, words kept whole.

    A tenth of the width is left free, because letters of the sheets' face are now and then wider than the column's.
    """
    return max(1, len(textwrap.wrap(text, max(1, int(0.9 * width)))))


def label_columns(sheet: Sheet) -> int:
    """Return how many columns at the left tell which row it is: up to the first name, repeated on each printed page.

    0 where the sheet is narrow enough to be printed without.
    """
    names = [column.name for column in sheet.columns]
    known = [names.index(name) for name in ("lsoa21nm", "name") if name in names]
    return min(known) + 1 if known and len(names) > _NARROW else 0


def width_of(column: ListColumn, cells: Sequence[Any]) -> int:
    """Return a column's width in letters, wide enough for numbers and codes, narrow enough to read text wrapped."""
    longest = max((len(str(cell)) for cell in cells[:200]), default=8)
    widest = {"text": 40, "whole": 14, "number": 14, "flag": 10}[column.kind]
    return max(10, min(widest, longest + 2), min(18, max(len(word) for word in column.heading.split()) + 3))
