"""The spreadsheet of an edition: the lists that policy staff take away, a sheet each."""

from collections.abc import Mapping, Sequence

import pandas as pd

from exclusion.publish.group_lists import LEVELS, PLURALS, group_list
from exclusion.publish.lists import ORDER_WORDS, By, fair_share, missed_outside, ranked_list, worst_tenth
from exclusion.publish.workbook import MOST_ROWS, Sheet, Workbook

# A list to be worked through is seldom longer.
_TOP = 100
_ORDERS: tuple[tuple[str, By], ...] = (
    ("by_risk", "risk"),
    ("by_people_offline", "people"),
    ("by_chance", "chance"),
    ("for_a_venue", "venue"),
)


def edition_workbook(
    results: pd.DataFrame,
    *,
    place: str,
    n_ranked: int,
    about: Sequence[str],
    notes: Sequence[str],
    credit_lines: Sequence[str],
    notice: str = "",
    drawn: pd.DataFrame | None = None,
    terms: Mapping[str, str] | None = None,
) -> Workbook:
    """Return the edition's spreadsheet for a place; a list too long for a sheet is cut to the worst tenth, and says so."""
    whole = ranked_list(results)
    tenth = worst_tenth(results)
    lead = f"Both ranks run over {n_ranked:,} areas; 1 is the most excluded."
    if len(whole) <= MOST_ROWS:
        sheets = [Sheet("by_exclusion", f"All areas of {place} by the exclusion index", whole, (lead,))]
    else:
        said = f"Only the worst tenth is shown; all {len(whole):,} areas are in ranked-areas.csv and areas.parquet."
        sheets = [
            Sheet(
                "by_exclusion",
                f"The worst tenth of areas of {place} by the exclusion index",
                whole.head(tenth),
                (lead, said),
            )
        ]
    for name, by in _ORDERS:
        table = ranked_list(results, by=by, top=_TOP)
        if by != "venue" or table["people_offline_beyond_20_min"].notna().any():
            sheets.append(
                Sheet(name, f"The {_first(len(table))} of {place} by {ORDER_WORDS[by]}", table, (lead,))
            )
    fair = fair_share(results, top=min(tenth, MOST_ROWS))
    sheets.append(
        Sheet(
            "fair_share",
            f"{len(fair):,} area{'s' if len(fair) != 1 else ''} of {place}, rural and urban in proportion to people offline",
            fair,
            (lead,),
        )
    )
    missed = missed_outside(results, whole["lsoa21cd"].head(tenth))
    sheets.append(
        Sheet(
            "people_missed",
            f"People offline in {place} whom the worst tenth misses, by rural class",
            missed,
            (f"The worst tenth of the place is its {_first(tenth)} by the exclusion index.",),
        )
    )
    for level, (code, _) in LEVELS.items():
        if 1 < results[code].nunique() <= MOST_ROWS:
            table = group_list(results, level=level, n_ranked=n_ranked, drawn=drawn)
            sheets.append(
                Sheet(
                    PLURALS[level].replace(" ", "_"),
                    f"{PLURALS[level].capitalize()} of {place}, summed from areas",
                    table,
                    (
                        f"Each is counted from its areas in {place} alone, and has no rank where others lie elsewhere.",
                    ),
                )
            )
    return Workbook(
        f"Digital exclusion in {place}: lists",
        tuple(about),
        tuple(sheets),
        tuple(notes),
        notice,
        tuple(credit_lines),
        terms,
    )


def _first(count: int) -> str:
    return "first area" if count == 1 else f"first {count:,} areas"
