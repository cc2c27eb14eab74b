"""exclusion rank: the ranked list of areas, on the screen or as a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    import pandas as pd


def rank(
    *,
    place: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    top: int | None = 20,
    by: str = "exclusion",
    out: Path | None = None,
    demo: Annotated[bool, Parameter(negative=())] = False,
    home: Path = Path(),
) -> None:
    """Rank the areas of a place by need, from the last run's tables; both ranks are always shown.

    Example: exclusion rank --place Northumberland --top 50 --by people --out northumberland.csv

    Parameters
    ----------
    place
        As for `exclusion run`: any place within the areas of the last run; all of them where it is left out.
    top
        How many areas to list; 0 for all.
    by
        exclusion (risk weighted for remoteness), risk, people (offline), share (offline), or help (minutes to it).
    out
        Write a CSV to this file instead of a table on the screen.
    demo
        Use the fictional county's tables.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.files import write_bytes
    from exclusion.job import Job
    from exclusion.plan import last_files
    from exclusion.publish.lists import csv_bytes, missed_outside, ranked_list, solid_lines
    from exclusion.stages import demonstration_note, draws_of, results_of

    job = Job(home=home, places=tuple(place or ()), is_demo=demo)
    files = last_files(job, until="sensitivity")
    results = results_of(job, files)
    table = ranked_list(results, by=by, top=top or None)  # type: ignore[arg-type]  # refused by ranked_list itself
    note = demonstration_note(job)
    if out is not None:
        write_bytes(out, csv_bytes(table, note=note))
        print(f"{len(table):,} areas written to {out}")
    else:
        print("\n".join(_lines(table)))
    if note:
        print(note)
    print("\n".join(solid_lines(results.loc[table["lsoa21cd"]], draws_of(files))))
    missed = missed_outside(results, table["lsoa21cd"])
    total, outside = float(missed["people_offline"].sum()), float(missed["missed"].sum())
    print(
        f"The list misses {outside:,.0f} of {total:,.0f} people offline ({100 * outside / max(total, 1.0):.0f}%):"
    )
    for row in missed.itertuples(index=False):
        print(f"  {row.ruc21nm:<56} {row.missed:>10,.0f} of {row.people_offline:>10,.0f}")


def _lines(table: "pd.DataFrame") -> list[str]:
    head = f"{'':>4} {'area':<10} {'name':<40} {'council':<26} {'exclusion':>9} {'risk':>7} {'people':>7}  reason"
    lines = [head]
    for row in table.itertuples(index=False):
        name = str(row.neighbourhood or row.lsoa21nm)
        lines.append(
            f"{row.position:>4} {row.lsoa21cd:<10} {name[:40]:<40} {str(row.lad_nm)[:26]:<26} "
            f"{_number(row.exclusion_rank):>9} {_number(row.risk_rank):>7} {_number(row.people_offline):>7}  {row.needs_type}"
        )
    return lines


def _number(value: object) -> str:
    import pandas as pd

    return "-" if pd.isna(value) else f"{int(value):,}"  # type: ignore[call-overload]
