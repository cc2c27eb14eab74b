"""exclusion points: count points (postcodes, premises, sign-ups) in each area."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def points(
    file: Path,
    *,
    out: Path,
    x: str = "x_m",
    y: str = "y_m",
    engine: str = "shapely",
    inbox: Path | None = None,
    home: Path = Path(),
    demo: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Count the points of a file in each area, from a few to tens of millions.

    Example: exclusion points premises.parquet --x eastings --y northings --out premises-by-area.csv

    Parameters
    ----------
    file
        A Parquet or CSV file with a column of eastings and one of northings (EPSG:27700, metres).
    out
        The CSV to write: one row an area, with its number of points.
    x
        The column of eastings.
    y
        The column of northings.
    engine
        shapely (default), sedonadb (extra `scale`) or dask (extra `dask`); all give the same counts.
    inbox
        A folder of files dropped in by hand, used where nothing has been retrieved yet.
    home
        The folder that holds data/ and maps/.
    demo
        Use the fictional county's areas.
    """
    from exclusion.cli.display import Display
    from exclusion.files import write_text
    from exclusion.geography.points import check_points, count_points
    from exclusion.job import Job
    from exclusion.plan import prepared
    from exclusion.stages import read_table, standing_note

    check_points(file, x=x, y=y, engine=engine)
    job = Job(home=home, inbox=inbox, is_demo=demo)
    display = Display()
    files = prepared(job, display, until="indicators")
    with display.doing(f"Counting the points of {file.name} in each area"):
        found = count_points(file, read_table(files["areas.parquet"]), x=x, y=y, engine=engine)
    write_text(out, found.areas.to_csv(index=False, lineterminator="\n"))
    inside = int(found.areas["points"].sum())
    print(
        f"{found.points:,} points: {inside:,} in {int((found.areas['points'] > 0).sum()):,} of {len(found.areas):,} "
        f"areas, {found.outside:,} in none, {found.without_place:,} without coordinates. Written to {out}"
    )
    if note := standing_note(job):
        print(note)
