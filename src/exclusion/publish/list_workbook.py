"""The spreadsheet of an edition: the lists that policy staff take away, a sheet each."""

from collections.abc import Mapping, Sequence

import pandas as pd

from exclusion.publish.group_lists import LEVELS, group_list
from exclusion.publish.lists import By, fair_share, missed_outside, ranked_list, worst_tenth
from exclusion.publish.workbook import MOST_ROWS, Sheet, Workbook

# A list to be worked through is seldom longer.
_TOP = 100
_ORDERS: tuple[tuple[str, By, str], ...] = (
    ("by_risk", "risk", "by risk, without any weight for remoteness"),
    ("by_people_offline", "people", "by people offline"),
    ("by_chance", "chance", "by the chance of being in the worst tenth"),
    (
        "for_a_venue",
        "venue",
        "by people offline who live more than 20 minutes from help: where a venue is missed most",
    ),
)
_LEVEL_SHEETS = {"ward": "wards", "neighbourhood": "neighbourhoods", "council": "councils", "county": "counties", "combined-authority": "combined_authorities", "care-board": "care_boards", "region": "regions", "nation": "nations"}  # fmt: skip


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
    for name, by, words in _ORDERS:
        table = ranked_list(results, by=by, top=_TOP)
        if by != "venue" or table["people_offline_beyond_20_min"].notna().any():
            sheets.append(Sheet(name, f"The first {len(table):,} areas of {place} {words}", table, (lead,)))
    fair = fair_share(results, top=min(tenth, MOST_ROWS))
    sheets.append(
        Sheet(
            "fair_share",
            f"{len(fair):,} areas of {place}, rural and urban in proportion to people offline",
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
            (f"The worst tenth of the place is its first {tenth:,} areas by the exclusion index.",),
        )
    )
    for level, (code, _) in LEVELS.items():
        if 1 < results[code].nunique() <= MOST_ROWS:
            table = group_list(results, level=level, n_ranked=n_ranked, drawn=drawn)
            sheets.append(
                Sheet(
                    _LEVEL_SHEETS[level],
                    f"{_LEVEL_SHEETS[level].replace('_', ' ').capitalize()} of {place}, summed from areas",
                    table,
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
