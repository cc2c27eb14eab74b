"""The ONS Internet users workbook: 20 sheets of blocks of years, made into one long table."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.sources.contracts import Contract, count, fail, finish, number, text
from exclusion.sources.readers_sheets import open_workbook, sheet_rows
from exclusion.sources.readers_text import REASONS

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# What each pair of sheets is by; 8 to 10 are 95 % limits of the newest year.
SUBJECTS = {
    "1": "all", "2": "age_sex", "3": "age_disability", "4": "ethnic_group", "5": "region", "6": "nuts3",
    "7": "economic_activity", "8": "all", "9": "nuts3", "10": "ethnic_group",
}  # fmt: skip
_NEEDED = ("1b", "2b", "3b", "5b", "6b")
_USES = {
    r"used in the last 3 months": "last_3_months",
    r"used over 3 months ago": "over_3_months_ago",
    r"never used( the internet)?": "never",
    r"used over 3 months ago ?/ ?never used": "over_3_months_ago_or_never",
}
_LIMITS = {"lower limit": "low", "survey estimate": "value", "upper limit": "high"}
_NUTS = re.compile(r"UK[A-Z]?[0-9A-Z]{0,3}")
# A line of notes is a sentence, or begins with the number of a footnote or the sign it explains.
_NOTE = re.compile(
    r"^(\d+\. |\s?[-~]\d? |source:|the |some |estimates |these |tables? |discrepancies|a (small|number))",
    re.IGNORECASE,
)
_CONTRACT = Contract(
    title="internet users",
    key=("sheet", "panel", "row", "use", "year"),
    columns={
        "sheet": text(),
        "panel": count(),
        "row": count(),
        "subject": text(one_of=tuple(dict.fromkeys(SUBJECTS.values()))),
        "unit": text(one_of=("thousands", "percent")),
        "nuts_cd": text(is_nullable=True, pattern=r"UK[A-Z]?[0-9A-Z]{0,3}"),
        "group": text(is_nullable=True),
        "name": text(),
        "use": text(one_of=tuple(_USES.values())),
        "year": count(),
        "value": number(0, has_status=True),
        "low": number(0, has_status=True),
        "high": number(0, has_status=True),
    },
)


def read_internet_users_xlsx(path: Path, source: "Source") -> pd.DataFrame:
    """Read every sheet of the workbook into one long table, one row a cell.

    Columns: `sheet` ("1b"), `panel` (1, or 2 for the list beside it), `row` (its number in the
    sheet), `subject` (all, age_sex, age_disability, ethnic_group,
    region, nuts3, economic_activity), `unit` (thousands, percent), `nuts_cd` (regional sheets), `group` (the heading
    or the age group a row stands under), `name` (the row), `use` (last_3_months, over_3_months_ago, never,
    over_3_months_ago_or_never), `year`, `value`, and `low`, `high` (95 % limits, sheets 8 to 10). A cell without a
    number is null with its reason in `<column>__status`: `not_published` for `-` and for limits that a sheet has
    not, `too_small` for `~0`. The rows of years, blocks and units are found by what they say. ContractError where a
    sheet that is needed is missing, a block or a unit is not understood, or a percentage is above 100.
    """
    book = open_workbook(path, source)
    sheets = {name.strip().lower(): name for name in book.sheet_names}
    lacking = [name for name in _NEEDED if name not in sheets]
    if lacking:
        raise fail(
            source,
            path,
            f"the layout is not the one expected: there is no sheet '{lacking[0]}' among {', '.join(book.sheet_names)}",
            "check that it is the workbook of Internet users 2020",
        )
    cells: list[dict[str, Any]] = []
    for name, original in sheets.items():
        if re.fullmatch(r"\d+[ab]", name):
            cells += _sheet(sheet_rows(book, original), name, source, f"{path.name}, sheet '{original}'")
    frame = pd.DataFrame(cells)
    for column in ("value", "low", "high"):
        frame[column] = frame[column].astype("float64")
        frame[f"{column}__status"] = frame[f"{column}__status"].astype("str")
    frame["nuts_cd"] = frame["nuts_cd"].astype("str").where(frame["nuts_cd"].notna())
    frame["group"] = frame["group"].astype("str").where(frame["group"].notna())
    is_over = (frame["unit"] == "percent") & (frame[["value", "low", "high"]] > 100).any(axis=1)
    if is_over.any():
        row = frame.loc[is_over.idxmax()]
        raise fail(
            source,
            path,
            f"sheet '{row['sheet']}', row {row['row']} ({row['name']}) has more than 100 per cent",
        )
    return finish(frame, _CONTRACT, source, path, is_whole=False)


def _sheet(rows: list[list[Any]], name: str, source: "Source", where: str) -> list[dict[str, Any]]:
    top = next((i for i, row in enumerate(rows[:40]) if _is_scale(row)), None)
    if top is None:
        raise fail(source, where, "the layout is not the one expected: no row of years in the first 40 rows")
    subject = SUBJECTS[re.sub(r"[ab]$", "", name)]
    base = {"sheet": name, "subject": subject, "unit": _unit(rows[:top], source, where)}
    newest = max((int(cell) for row in rows[:top] for cell in _years_in(row)), default=2020)
    out: list[dict[str, Any]] = []
    panels = _panels(rows[top - 1], rows[top], source, where)
    for panel, (first, blocks) in enumerate(panels, start=1):
        for named in _named_rows(rows, top, first, blocks, is_grouped=subject.startswith("age_")):
            number_, nuts, group, title = named
            if not title:
                raise fail(source, where, f"row {number_} has figures and no name")
            record = base | {"panel": panel, "row": number_, "nuts_cd": nuts, "group": group, "name": title}
            for use, places in blocks:
                out += _cells(record, use, places, rows[top], rows[number_ - 1], newest, source, where)
    if not out:
        raise fail(source, where, "the sheet holds no figures")
    return out


def _named_rows(
    rows: list[list[Any]], top: int, first: int, blocks: list[tuple[str, list[int]]], *, is_grouped: bool
) -> Iterator[tuple[int, str | None, str | None, str]]:
    """Yield the rows with figures: number in the sheet, NUTS code, the heading they stand under, and their name.

    A line with words alone is a heading, unless it begins the notes. Where rows are grouped (`is_grouped`) the first
    of two names is the group's.
    """
    group: str | None = None
    for number_, row in enumerate(rows[top + 1 :], start=top + 2):
        nuts, head, label = _names(row, first, blocks[0][1][0])
        if any(_is_cell(row[place]) for _, places in blocks for place in places if place < len(row)):
            if is_grouped and head:
                group = _plain(head)
            yield number_, nuts, group, _plain(label or head)
        elif head and not _NOTE.match(head):
            group = _plain(head)
        elif head and first == 0:
            return


def _cells(
    base: dict[str, Any],
    use: str,
    places: list[int],
    scale: list[Any],
    row: list[Any],
    newest: int,
    source: "Source",
    where: str,
) -> list[dict[str, Any]]:
    """Return one record a year, or one of the estimate with its limits."""
    nothing = {
        f"{c}{s}": v for c in ("value", "low", "high") for s, v in (("", None), ("__status", "not_published"))
    }
    if _LIMITS.get(str(scale[places[0]]).strip().lower()):
        record = base | {"use": use, "year": newest} | nothing
        for place in places:
            column = _LIMITS[str(scale[place]).strip().lower()]
            record[column], record[f"{column}__status"] = _number(row, place, source, where, base["row"])
        return [record]
    found = []
    for place in places:
        record = base | {"use": use, "year": int(float(scale[place]))} | nothing
        record["value"], record["value__status"] = _number(row, place, source, where, base["row"])
        found.append(record)
    return found


def _number(
    row: list[Any], place: int, source: "Source", where: str, number_: int
) -> tuple[float | None, str]:
    cell = row[place] if place < len(row) else ""
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell), "observed"
    sign = str(cell).strip().lower()
    if sign in REASONS:
        return None, REASONS[sign]
    try:
        return float(sign.replace(",", "")), "observed"
    except ValueError:
        raise fail(
            source, where, f"row {number_} holds '{cell}', which is neither a number nor a known sign"
        ) from None


def _is_year(cell: Any) -> bool:
    return re.fullmatch(r"(19|20)\d\d(\.0)?", str(cell).strip()) is not None


def _years_in(row: list[Any]) -> list[str]:
    return [found for cell in row for found in re.findall(r"\b20\d\d\b", str(cell))]


def _is_scale(row: list[Any]) -> bool:
    cells = [cell for cell in row if str(cell).strip()]
    limits = [cell for cell in cells if str(cell).strip().lower() in _LIMITS]
    return sum(map(_is_year, cells)) >= 2 or len(limits) >= 3


def _is_cell(cell: Any) -> bool:
    return isinstance(cell, int | float) or (str(cell).strip() != "" and str(cell).strip().lower() in REASONS)


def _unit(rows: list[list[Any]], source: "Source", where: str) -> str:
    words = {str(cell).strip().lower() for row in rows for cell in row}
    if "thousands" in words:
        return "thousands"
    if "%" in words or "per cent" in words:
        return "percent"
    raise fail(
        source,
        where,
        "the layout is not the one expected: neither 'Thousands' nor '%' stands above the years",
    )


def _panels(
    heads: list[Any], scale: list[Any], source: "Source", where: str
) -> list[tuple[int, list[tuple[str, list[int]]]]]:
    """Return the panels of a sheet, side by side: where their names begin, and their blocks of columns by use.

    Sheets 9 print two lists of areas beside each other; a panel begins anew where a name column stands between
    blocks of the same use.
    """
    starts = [i for i, cell in enumerate(heads) if str(cell).strip()]
    uses: list[tuple[str, int]] = []
    for start in starts:
        words = " ".join(str(heads[start]).split()).lower()
        use = next((value for pattern, value in _USES.items() if re.fullmatch(pattern, words)), None)
        if use is None:
            raise fail(
                source, where, f"the layout is not the one expected: block '{heads[start]}' is not understood"
            )
        uses.append((use, start))
    if not uses:
        raise fail(source, where, "the layout is not the one expected: no block is named above the years")
    blocks = []
    for i, (use, start) in enumerate(uses):
        end = uses[i + 1][1] if i + 1 < len(uses) else len(scale)
        places = [
            p for p in range(start, end) if _is_year(scale[p]) or str(scale[p]).strip().lower() in _LIMITS
        ]
        blocks.append((use, places))
    if len({use for use, _ in uses}) == len(uses):
        return [(0, blocks)]
    firsts = [0, *(places[-1] + 1 for _, places in blocks[:-1])]
    return [(first, [block]) for first, block in zip(firsts, blocks, strict=True)]


def _names(row: list[Any], first: int, until: int) -> tuple[str | None, str, str]:
    """Return the NUTS code, the heading and the label that stand before the figures."""
    cells = [str(cell).strip() for cell in row[first:until]]
    nuts = next((cell for cell in cells if _NUTS.fullmatch(cell) and cell != "UK"), None)
    words = [cell for cell in cells if cell and cell != nuts]
    if nuts is not None or not words:
        return nuts, "", words[0] if words else ""
    if len(words) > 1:
        return None, words[0], words[1]
    # One name: a heading or row of its own where it stands first, a label under a heading where it does not.
    return (None, words[0], "") if cells[0] else (None, "", words[0])


def _plain(name: str) -> str:
    """Return a name without its footnote number: `Equality Act Disabled1` and the like."""
    bare = " ".join(name.split())
    return re.sub(r"(?<=[A-Za-z])\d$", "", bare)
