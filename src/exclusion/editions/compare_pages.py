"""A comparison of editions for people: Markdown for a message, HTML for a browser."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from exclusion.editions.compare import Comparison
from exclusion.publish.columns import columns_for
from exclusion.publish.map.content import Edition
from exclusion.publish.map.markup import escaped, paragraphs, table
from exclusion.publish.map.plain_page import plain_page
from exclusion.publish.map.words import words_of

# How many areas each table of a page shows; the CSV holds all.
_SHOWN = 50
_SHOWN_IN_TEXT = 10
_COLUMNS = (
    "lsoa21cd", "neighbourhood", "lad_nm", "exclusion_rank_before", "exclusion_rank_after", "people_offline_before",
    "people_offline_after", "main_cause",
)  # fmt: skip


def _parts(found: Comparison, shown: int) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return heading, column headings and rows of each table."""
    areas = found.areas.set_index("lsoa21cd", drop=False)
    moved = areas[areas["rank_change"].fillna(0) != 0]
    heads = [column.title for column in columns_for(_COLUMNS)]
    return [
        ("Entered the worst tenth", heads, _rows(areas.loc[list(found.entered)], shown)),
        ("Left the worst tenth", heads, _rows(areas.loc[list(found.left)], shown)),
        ("Areas that moved most", heads, _rows(moved, shown)),
        ("Sources that changed", ["Source", "Change"], [list(row) for row in found.sources]),
        ("Columns that changed", ["Column", "Change"], [list(row) for row in found.drift]),
    ]


def _rows(areas: pd.DataFrame, shown: int) -> list[list[str]]:
    return [
        [_text(value) for value in row] for row in areas[list(_COLUMNS)].head(shown).itertuples(index=False)
    ]


def _text(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return "not known"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _title(found: Comparison) -> str:
    return f"What changed in {found.label}"


def markdown_of(found: Comparison) -> str:
    """Return the comparison as Markdown, fit for a message."""
    lines = [
        f"# {_title(found)}",
        "",
        *([f"**{found.notice}**", ""] if found.notice else []),
        f"From {found.before} to {found.after}.",
        "",
    ]
    lines += [f"- {text}" for text in found.summary]
    for heading, heads, rows in _parts(found, _SHOWN_IN_TEXT):
        lines += ["", f"## {heading}", ""]
        lines += [*_grid(heads, rows)] if rows else ["None."]
    return "\n".join(lines) + "\n"


def _grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(heads), "|" + "---|" * len(heads), *(line(row) for row in rows)]


def page_of(found: Comparison) -> bytes:
    """Return the comparison as one HTML page under the policy of all pages."""
    edition = Edition(
        name=found.after, date_text=f"compared with {found.before}", place_name=found.label, ranked_areas=0, ranked_among="",
        is_demonstration=bool(found.notice), notice=found.notice,
    )  # fmt: skip
    sections = []
    for number, (heading, heads, rows) in enumerate(_parts(found, _SHOWN)):
        shown = (
            table(
                heading,
                [
                    (
                        text,
                        text
                        not in {
                            "Area code",
                            "Neighbourhood",
                            "Council",
                            "Main cause",
                            "Source",
                            "Column",
                            "Change",
                        },
                    )
                    for text in heads
                ],
                rows,
                name=f"table-{number}",
                is_hidden_caption=True,
            )
            if rows
            else "<p>None.</p>\n"
        )
        sections.append(
            f'<section aria-labelledby="part-{number}"><h2 id="part-{number}">{escaped(heading)}</h2>\n{shown}</section>\n'
        )
    body = (
        f'<h1>{escaped(_title(found))}</h1>\n<p class="lead">{escaped(f"From {found.before} to {found.after}.")}</p>\n'
        f"{paragraphs(found.summary)}{''.join(sections)}<p>compare.csv holds all areas, with the parts of each change.</p>\n"
    )
    return plain_page(edition, words_of("en"), title=f"{_title(found)}. {found.after}", body=body)
