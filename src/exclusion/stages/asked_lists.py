"""The list that a user asks for: from the last run's tables, in any order, for any place, in any format."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from exclusion.errors import InputError
from exclusion.files import write_bytes
from exclusion.job import Job
from exclusion.stages.edition_facts import ranked_count
from exclusion.stages.publication import draws_of, results_of
from exclusion.stages.tables import Inputs, place_of, read_json, read_table

FORMATS = ("csv", "xlsx", "ods", "gpkg", "geojson", "parquet")
# Places counted in part that are named one by one.
_PARTS_TOLD = 5


def format_of(out: Path | None, kind: str | None) -> str | None:
    """Return the format that a list is to be written in, None for the screen; InputError that names the option.

    `kind` is what was asked for, else the ending of `out` says it; the two may not differ, because a spreadsheet
    under the name of a CSV is opened by nothing.
    """
    ending = None if out is None else out.suffix.removeprefix(".").lower()
    if kind is not None and kind.lower() not in FORMATS:
        raise InputError(f"--format {kind}: choose one of {', '.join(FORMATS)}.")
    if kind is None and ending is not None and ending not in FORMATS:
        raise InputError(
            f"--out {out}: its ending is none of {', '.join(FORMATS)}; give it one of these, or add --format."
        )
    if kind is not None and ending in FORMATS and ending != kind.lower():
        raise InputError(f"--out {out} and --format {kind} say different things: leave one out, or mend it.")
    return ending if kind is None else kind.lower()


@dataclass(frozen=True)
class ListRequest:
    """What list is wanted; `top` 0 is all, `level` and `own_areas` list larger places."""

    by: str = "exclusion"
    top: int = 20
    is_worst_tenth: bool = False
    is_fair_share: bool = False
    level: str | None = None
    own_areas: Path | None = None

    @property
    def slug(self) -> str:
        """Return the request as part of a file name."""
        size = "worst-tenth" if self.is_worst_tenth else f"top-{self.top}" if self.top else "all"
        parts = [
            self.by,
            "fair-share" if self.is_fair_share else "",
            self.level or ("own-areas" if self.own_areas else ""),
            size,
        ]
        return "-".join(part for part in parts if part)


@dataclass(frozen=True)
class AskedList:
    """A list, what its rows are, a title, what is to be said about it, a line each, and whom it misses.

    `missed` is the table of `missed_outside`, null where the list is of larger places.
    """

    table: pd.DataFrame
    noun: str
    title: str
    remarks: tuple[str, ...]
    missed: pd.DataFrame | None = None


def make_list(job: Job, inputs: Inputs, request: ListRequest) -> AskedList:
    """Return the list from the tables of the last run; InputError names the option that cannot be met."""
    if request.top < 0:
        raise InputError(f"--top {request.top}: a list needs at least one area; 0 lists all.")
    results = results_of(job, inputs)
    place = read_json(inputs["facts.json"])["ranked_among"] if not job.places else place_of(job, inputs).label
    if request.level is not None or request.own_areas is not None:
        return _larger(inputs, request, results, place)
    return _areas(inputs, request, results, place)


def _areas(inputs: Inputs, request: ListRequest, results: pd.DataFrame, place: str) -> AskedList:
    from exclusion.publish.lists import (
        ORDER_WORDS,
        fair_share,
        missed_outside,
        ranked_list,
        solid_lines,
        worst_tenth,
    )

    top = worst_tenth(results) if request.is_worst_tenth else request.top or len(results)
    by: Any = request.by  # refused by the lists themselves
    table = (
        fair_share(results, by=by, top=top) if request.is_fair_share else ranked_list(results, by=by, top=top)
    )
    if request.by == "venue" and table["people_offline_beyond_20_min"].isna().all():
        raise InputError(
            "--by venue: no source says where help is given in this place, so nobody can be said to be far from it."
        )
    missed = missed_outside(results, table["lsoa21cd"])
    said = [*solid_lines(results.loc[table["lsoa21cd"]], draws_of(inputs)), missed_words(missed)]
    if request.is_fair_share:
        said.insert(0, _shared_out(table, results))
    title = f"{_size_words(request, len(table), len(results))} of {place} by {ORDER_WORDS[by]}"
    if request.is_fair_share and len(table) < len(results):
        title += "; rural and urban in proportion to people offline"
    return AskedList(table, "areas", title, tuple(said), missed)


def _size_words(request: ListRequest, listed: int, areas: int) -> str:
    if areas == 1:
        return "The only area"
    if request.is_worst_tenth:
        return "The worst tenth of areas"
    if listed == areas:
        return "All areas"
    return f"The first {listed:,} areas" if listed > 1 else "The first area"


def missed_words(missed: pd.DataFrame) -> str:
    """Say how many people offline are in no area of a list."""
    total, outside = int(missed["people_offline"].sum()), int(missed["missed"].sum())
    if not outside:
        return f"The list misses none of the {total:,} people offline."
    share = f"{100 * outside / total:.1f}%"
    # A long list of few people is neither all nor nothing.
    if outside < total and share == "100.0%":
        share = "more than 99.9%"
    if share == "0.0%":
        share = "less than 0.1%"
    return f"The list misses {outside:,} of {total:,} people offline ({share})."


def _shared_out(table: pd.DataFrame, results: pd.DataFrame) -> str:
    """Say how much of a list is rural beside how many of the people offline are."""
    rural = int((table["stratum"] == "rural").sum())
    people, is_rural = results["people_offline"].astype(float), results["is_rural"].astype(bool)
    share = 100.0 * float(people[is_rural].sum()) / max(float(people.sum()), 1.0)
    areas = f"{len(table):,} area{'s' if len(table) != 1 else ''}"
    return (
        f"{rural:,} of {areas} of the list {'is' if rural == 1 else 'are'} rural ({100.0 * rural / len(table):.1f}%); "
        f"{share:.1f}% of people offline live in rural areas."
    )


def _larger(inputs: Inputs, request: ListRequest, results: pd.DataFrame, place: str) -> AskedList:
    from exclusion.geography.custom_areas import read_custom_areas
    from exclusion.publish.group_lists import GROUP_ORDER_WORDS, PLURALS, group_list

    if request.is_worst_tenth or request.is_fair_share:
        raise InputError(
            "--worst-tenth and --fair-share are for lists of areas; leave out --level and --areas."
        )
    n_ranked = ranked_count(read_table(inputs["index.parquet"]))
    drawn = read_table(inputs["rollups.parquet"]) if "rollups.parquet" in inputs else None
    remarks: tuple[str, ...] = ()
    level: Any = request.level
    if request.own_areas is not None:
        areas = read_table(inputs["areas.parquet"])
        areas = areas[areas["lsoa21cd"].isin(results.index)].reset_index(drop=True)
        custom = read_custom_areas(request.own_areas, areas, _populated(inputs))
        level, remarks = custom.member, custom.remarks
    table = group_list(
        results, level=level, n_ranked=n_ranked, by=request.by, top=request.top or None, drawn=drawn
    )
    if request.level is not None:
        total = int(results["people_offline"].sum())
        remarks = (
            f"{int(table['people_offline'].sum()):,} of {total:,} people offline are in the places listed.",
            *_in_part(table, inputs, request.level, place),
        )
    what = (
        f"{PLURALS[request.level].capitalize()} of" if request.level is not None else "Your own areas within"
    )
    return AskedList(table, "places", f"{what} {place} by {GROUP_ORDER_WORDS[request.by]}", remarks)


def _in_part(table: pd.DataFrame, inputs: Inputs, level: str, place: str) -> list[str]:
    """Say which places of a list lie in the asked place only in part, for the list counts that part alone."""
    from exclusion.publish.group_lists import LEVELS, PLURALS

    everywhere = read_table(inputs["areas.parquet"])[LEVELS[level][0]].value_counts()
    whole = table["group"].map(everywhere).astype(int)
    part = table[table["areas"].astype(int) < whole]
    said = [
        f"{row.name}: {row.areas:,} of its {count:,} areas {'lies' if row.areas == 1 else 'lie'} in {place}, and only "
        f"{'this is' if row.areas == 1 else 'these are'} counted."
        for row, count in zip(part.itertuples(index=False), whole[part.index], strict=True)
    ]
    more = len(said) - _PARTS_TOLD
    return (
        said
        if more <= 0
        else [
            *said[:_PARTS_TOLD],
            f"So it is for {more:,} more of the {PLURALS[level]}: they are counted in part.",
        ]
    )


def _populated(inputs: Inputs) -> pd.DataFrame | None:
    """Return where people live, `lsoa21cd, x_m, y_m, people`, if the last run looked; else None."""
    if "demand.parquet" not in inputs:
        return None
    demand = read_table(inputs["demand.parquet"])
    return (
        demand.groupby(["lsoa21cd", "x_m", "y_m"], as_index=False)["adults"]
        .sum()
        .rename(columns={"adults": "people"})
    )


def write_list(inputs: Inputs, found: AskedList, out: Path, kind: str) -> None:
    """Write a list in one of FORMATS; a CSV gets its CSVW metadata beside it.

    What was run last says what every row must carry.
    """
    facts = read_json(inputs["facts.json"])
    note = facts["notice"] or None
    if kind == "csv":
        from exclusion.publish.csvw import csvw_bytes
        from exclusion.publish.lists import csv_bytes

        write_bytes(out, csv_bytes(found.table, note=note))
        meta = csvw_bytes(
            {out.name: (found.title, found.table)},
            title=found.title,
            credit_lines=tuple(facts["attribution"]),
            note=note,
            terms=facts.get("spine", {}).get("terms"),
        )
        write_bytes(out.with_name(f"{out.name}-metadata.json"), meta)
    elif kind in {"xlsx", "ods"}:
        write_bytes(out, _workbook(found, facts, kind))
    else:
        _write_map_file(inputs, found, out, kind, note)


def _workbook(found: AskedList, facts: dict[str, Any], kind: str) -> bytes:
    from exclusion.publish.ods import ods_bytes
    from exclusion.publish.sheets import xlsx_bytes
    from exclusion.publish.workbook import Sheet, Workbook

    if found.table.empty:
        raise InputError("The list is empty, so there is no spreadsheet to write.")
    about = (
        f"Ranked among {facts['ranked_among']}; {facts['date_text']}.",
        f"People offline are {facts['definition']}.",
        *found.remarks,
    )
    sheets = [Sheet("list", found.title, found.table)]
    if found.missed is not None:
        sheets.append(
            Sheet("people_missed", "People offline whom the list misses, by rural class", found.missed)
        )
    book = Workbook(
        found.title,
        about,
        tuple(sheets),
        (*facts["backtest"], *facts["stand_ins"]),
        facts["notice"],
        tuple(facts["attribution"]),
        facts.get("spine", {}).get("terms"),
    )
    return ods_bytes(book) if kind == "ods" else xlsx_bytes(book)


def _write_map_file(inputs: Inputs, found: AskedList, out: Path, kind: str, note: str | None) -> None:
    from exclusion.publish.geo_files import list_layer, write_geojson, write_geopackage, write_geoparquet

    if "lsoa21cd" not in found.table:
        raise InputError(
            f"--format {kind}: larger places have no boundaries of their own here; choose csv, xlsx or ods."
        )
    table = found.table.drop(columns="stratum", errors="ignore")
    layer = list_layer(read_table(inputs["areas.parquet"]), table)
    if kind == "gpkg":
        write_geopackage(
            out,
            layer,
            ranked=ranked_count(read_table(inputs["index.parquet"])),
            title=found.title,
            note=note,
            terms=read_json(inputs["facts.json"]).get("spine", {}).get("terms"),
        )
    elif kind == "geojson":
        write_geojson(out, layer, note=note)
    else:
        write_geoparquet(out, layer if note is None else layer.assign(note=note))
