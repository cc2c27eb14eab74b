"""exclusion rank: the ranked list of areas or of larger places, on the screen or as a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from exclusion.cli.numbers import Whole

if TYPE_CHECKING:
    import pandas as pd

Flag = Annotated[bool, Parameter(negative=())]

# Where a list on the screen is in an order that its columns do not show: the column of the order and its heading.
_ORDER_SHOWN = {
    "share": ("offline_share_pct", "% offline"),
    "help": ("help_min", "minutes to help"),
    "chance": ("chance_worst_tenth_pct", "% chance of worst tenth"),
    "venue": ("people_offline_beyond_20_min", "people over 20 min from help"),
}
_GROUP_ORDER_SHOWN = {
    "risk": ("average_risk_rank", "average risk rank, largest worst"),
    "share": ("offline_share_pct", "% offline"),
    "chance": ("share_in_worst_tenth_pct", "% in worst tenth"),
    "venue": ("people_offline_beyond_20_min", "people over 20 min from help"),
}


def rank(
    *,
    place: Annotated[list[str] | None, Parameter(consume_multiple=True, negative=())] = None,
    top: Whole = 20,
    by: str = "exclusion",
    worst_tenth: Flag = False,
    fair_share: Flag = False,
    level: str | None = None,
    areas: Path | None = None,
    format: str | None = None,  # noqa: A002 - the option is called --format
    out: Path | None = None,
    demo: Flag = False,
    home: Path = Path(),
) -> None:
    """Rank the areas of a place by need, from the last run's tables; both ranks are always shown.

    Example: exclusion rank --place "West Yorkshire" --top 100 --by people --format xlsx

    Parameters
    ----------
    place
        As for `exclusion run`: any place within the areas of the last run; all of them where it is left out.
    top
        How many areas to list; 0 for all.
    by
        exclusion (risk weighted for remoteness), risk, people (offline), share (offline), chance (of being in the
        worst tenth), venue (people offline far from help: where a venue is missed most), or help (minutes to it).
    worst_tenth
        List the worst tenth of the place, whatever --top says.
    fair_share
        Share the list out between rural and urban areas in proportion to people offline.
    level
        List larger places in place of areas: ward, neighbourhood, council, county, combined-authority, care-board,
        region or nation; always summed from areas.
    areas
        Your own areas in place of LSOAs: a CSV of LSOA codes and names, or shapes (GeoJSON, GeoPackage).
    format
        csv, xlsx, ods, gpkg, geojson or parquet; the ending of --out where it is left out.
    out
        Write to this file; with --format alone the file is named after the place and the order.
    demo
        Use the fictional county's tables.
    home
        The folder that holds data/ and maps/.
    """
    from exclusion.errors import InputError
    from exclusion.job import Job
    from exclusion.plan import last_files
    from exclusion.stages import ListRequest, format_of, make_list, place_of, standing_note, write_list

    job = Job(home=home, places=tuple(place or ()), is_demo=demo)
    if level is not None and areas is not None:
        raise InputError("--level and --areas: give one of the two.")
    kind = format_of(out, format)
    request = ListRequest(
        by=by, top=top, is_worst_tenth=worst_tenth, is_fair_share=fair_share, level=level, own_areas=areas
    )
    files = last_files(job, until="publish")
    found = make_list(job, files, request)
    note = standing_note(job)
    if out is None and kind is not None:
        label = place_of(job, files).slug if job.places else "all-areas"
        out = Path(f"{label}-{request.slug}.{kind}")
    if out is not None and kind is not None:
        write_list(files, found, out, kind)
        print(
            f"{len(found.table):,} {found.noun if len(found.table) != 1 else found.noun[:-1]} written to {out}"
        )
    else:
        print("\n".join(_lines(found.table, by)))
    if note:
        print(note)
    print("\n".join(found.remarks))
    if found.missed is not None:
        print("\n".join(_missed_lines(found.missed)))


def _lines(table: "pd.DataFrame", by: str) -> list[str]:
    column, heading = (_GROUP_ORDER_SHOWN if "group" in table else _ORDER_SHOWN).get(by, ("", ""))
    shown = f" {heading}" if column else ""
    extra = (
        [f" {_decimal(value):>{len(heading)}}" for value in table[column]] if column else [""] * len(table)
    )
    if "group" in table:
        lines = [
            f"{'':>4} {'code':<12} {'name':<40} {'rank':>6} {'likely':>15} {'areas':>6} {'worst tenth':>11} {'people':>9}{shown}"
        ]
        return lines + [
            f"{row.position:>4} {str(row.group)[:12]:<12} {str(row.name)[:40]:<40} {_number(row.rank):>6} "
            f"{_range(row.rank_low, row.rank_high):>15} {row.areas:>6,} {row.areas_in_worst_tenth:>11,} "
            f"{_number(row.people_offline):>9}{more}"
            for row, more in zip(table.itertuples(index=False), extra, strict=True)
        ]
    wide = max(map(len, ["council", *table["lad_nm"].astype(str)]))
    head = (
        f"{'':>4} {'area':<10} {'name':<40} {'council':<{wide}} {'exclusion':>9} {'risk':>7} {'people':>7}{shown}  "
        "kind of need"
    )
    lines = [head]
    for row, more in zip(table.itertuples(index=False), extra, strict=True):
        name = str(row.neighbourhood or row.lsoa21nm)
        lines.append(
            f"{row.position:>4} {row.lsoa21cd:<10} {name[:40]:<40} {row.lad_nm!s:<{wide}} "
            f"{_number(row.exclusion_rank):>9} {_number(row.risk_rank):>7} {_number(row.people_offline):>7}{more}  "
            f"{row.needs_type}"
        )
    return lines


def _missed_lines(missed: "pd.DataFrame") -> list[str]:
    return [
        f"  {row.ruc21nm:<56} {row.missed:>10,.0f} of {row.people_offline:>10,.0f}"
        for row in missed.itertuples(index=False)
    ]


def _range(low: object, high: object) -> str:
    ends = _number(low), _number(high)
    return "-" if "-" in ends else f"{ends[0]} to {ends[1]}"


def _number(value: object) -> str:
    import pandas as pd

    return "-" if pd.isna(value) else f"{int(value):,}"  # type: ignore[call-overload]


def _decimal(value: object) -> str:
    import pandas as pd

    return "-" if pd.isna(value) else f"{float(value):,.1f}"  # type: ignore[arg-type]
