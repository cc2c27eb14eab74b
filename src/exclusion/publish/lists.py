"""Ranked lists: each area once, with names a resident would know, both ranks, people and the reason."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Literal, get_args

import pandas as pd

from exclusion.errors import ContractError, InputError
from exclusion.geography.keys import keyed

By = Literal["exclusion", "risk", "people", "share", "help"]

# Sort column and direction of each order; ties go to the other rank, then to the code.
_ORDERS: dict[str, tuple[str, bool]] = {
    "exclusion": ("exclusion_rank", True),
    "risk": ("risk_rank", True),
    "people": ("people_offline", False),
    "share": ("offline_share_pct", False),
    "help": ("help_min", False),
}

LIST_COLUMNS = (
    "position", "lsoa21cd", "lsoa21nm", "neighbourhood", "wd_nm", "lad_nm", "rgn_nm", "ruc21nm", "is_rural",
    "exclusion_rank", "exclusion_rank_low", "exclusion_rank_high", "risk_rank", "risk_rank_low", "risk_rank_high",
    "chance_worst_tenth_pct", "stability", "rank_hangs_on", "cluster", "exclusion_score", "risk_score", "people_offline", "people_offline_low",
    "people_offline_high", "offline_share_pct", "adults", "definition", "help_min", "nearest_venue_nm",
    "needs_type", "reason", "action", "caveats",
)  # fmt: skip

_DECIMALS = {
    "chance_worst_tenth_pct": 1,
    "exclusion_score": 2,
    "risk_score": 2,
    "offline_share_pct": 1,
    "help_min": 1,
}
_WHOLE = (
    "position",
    "exclusion_rank",
    "exclusion_rank_low",
    "exclusion_rank_high",
    "risk_rank",
    "risk_rank_low",
    "risk_rank_high",
    "people_offline",
    "people_offline_low",
    "people_offline_high",
    "adults",
)

# The length of a council's own list in the draws: `run_uncertainty`'s council_list.
_COUNCIL_LIST = 10

_STATUS_WORDS = {
    "fallback": "from a stand-in source",
    "modelled": "modelled, not observed",
    "carried": "carried over from 2011 areas",
    "suppressed": "withheld by the publisher",
    "missing": "missing",
    "not_published": "not published here",
}


def join_results(
    areas: Any,
    index: pd.DataFrame,
    people: pd.DataFrame,
    travel: pd.DataFrame,
    indicators: pd.DataFrame,
    uncertainty: pd.DataFrame | None = None,
    sensitivity: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Return one row an area with everything that lists and pages show, indexed by `lsoa21cd`.

    Every table must hold every area of `areas` once; ContractError names the table and the first area lost.
    Status columns of `indicators` are kept, its other columns only where they are declared rates.
    """
    base = keyed(pd.DataFrame(areas.drop(columns="geometry")), "lsoa21cd", "areas")
    indicators = keyed(indicators, "lsoa21cd", "Table indicators")
    keep = [c for c in indicators if c.endswith(("__status", "_pct"))] + ["residents", "households"]
    for name, table in (
        ("index", index),
        *([("uncertainty", uncertainty)] if uncertainty is not None else []),
        *([("sensitivity", sensitivity)] if sensitivity is not None else []),
        ("people_offline", people),
        ("travel", travel),
        ("indicators", indicators[[c for c in keep if c in indicators]]),
    ):
        rows = keyed(table, "lsoa21cd", f"Table {name}")
        lost = base.index.difference(rows.index)
        if len(lost):
            raise ContractError(
                f"Table {name}: area {lost[0]} (and {len(lost) - 1:,} more) has no row; make it anew."
            )
        fresh = rows[[c for c in rows if c not in base.columns]]
        base = base.join(fresh, how="left", validate="one_to_one")
    return base


def ranked_list(results: pd.DataFrame, *, by: By = "exclusion", top: int | None = None) -> pd.DataFrame:
    """Return the areas of `results` (from `join_results`) in order, LIST_COLUMNS, `position` from 1.

    `by`: the exclusion index, risk, people offline, share offline, or minutes to help. Unranked areas come last
    and keep null ranks. InputError for an unknown order or a `top` below 1.
    """
    if by not in get_args(By):
        raise InputError(f"--by {by}: choose one of {', '.join(get_args(By))}.")
    if top is not None and top < 1:
        raise InputError(f"--top {top}: a list needs at least one area.")
    column, ascending = _ORDERS[by]
    tie = "risk_rank" if by != "risk" else "exclusion_rank"
    rows = results.reset_index().sort_values(
        [column, tie, "lsoa21cd"], ascending=[ascending, True, True], na_position="last", ignore_index=True
    )
    rows = rows.assign(
        position=range(1, len(rows) + 1),
        neighbourhood=rows["msoa_hcl_nm"].fillna(rows["msoa21nm"]),
        caveats=_caveats(rows),
    )
    out = rows.reindex(columns=list(LIST_COLUMNS)).head(top)
    for name, places in _DECIMALS.items():
        out[name] = out[name].astype(float).round(places)
    for name in _WHOLE:
        out[name] = out[name].astype(float).round(0).astype("Int64")
    return out


def solid_lines(listed: pd.DataFrame, draws: int, *, noun: str = "areas") -> list[str]:
    """Return how much of a list is solid, a sentence each; `listed` holds the list's areas as `join_results` gives them.

    In words: how many are firmly in the worst tenth of all areas, and how many of those that rank in the first ten of
    their council do so in at least 95% of versions. Nothing where no chances are known.
    """
    said = []
    sure = 95.0
    known = listed.get("chance_worst_tenth_pct", pd.Series(dtype=float)).dropna()
    if len(known):
        firm = int((known >= sure).sum())
        said.append(
            f"{firm:,} of the {len(known):,} {noun} are in the worst tenth of all ranked areas in at least {sure:.0f}% "
            f"of {draws:,} plausible versions."
        )
    if {"chance_council_list_pct", "exclusion_rank_in_lad_cd"} <= set(listed):
        first = listed[listed["exclusion_rank_in_lad_cd"].astype(float) <= _COUNCIL_LIST]
        firm = int((first["chance_council_list_pct"] >= sure).sum())
        if len(first):
            said.append(
                f"{firm:,} of the {len(first):,} areas among them that are in their council's worst {_COUNCIL_LIST} are in it in "
                f"at least {sure:.0f}% of versions."
            )
    return said


def _caveats(rows: pd.DataFrame) -> list[str]:
    """Return for each row, in words, which inputs were not observed in the area itself."""
    words = pd.DataFrame(index=rows.index)
    for column in sorted(c for c in rows if c.endswith("__status")):
        label = column.removesuffix("__status").replace("_", " ")
        words[column] = (
            rows[column]
            .map(_STATUS_WORDS)
            .map(lambda w, label=label: f"{label}: {w}" if isinstance(w, str) else "")
        )
    if words.empty:
        return [""] * len(rows)
    return ["; ".join(filter(None, row)) for row in words.itertuples(index=False)]


def missed_outside(results: pd.DataFrame, listed: Iterable[str]) -> pd.DataFrame:
    """Return the people offline whom a list misses, by rural class: `ruc21nm, people_offline, missed, missed_pct`."""
    is_listed = results.index.isin(list(listed))
    people = results.groupby("ruc21nm", observed=True)["people_offline"].sum()
    missed = (
        results[~is_listed]
        .groupby("ruc21nm", observed=True)["people_offline"]
        .sum()
        .reindex(people.index, fill_value=0)
    )
    return pd.DataFrame(
        {
            "people_offline": people,
            "missed": missed,
            "missed_pct": (100.0 * missed / people.where(people > 0)).round(1),
        }
    ).reset_index()


def csv_bytes(table: pd.DataFrame, *, note: str | None = None) -> bytes:
    """Return a CSV in UTF-8 with a byte-order mark (spreadsheets need it), the same bytes for the same table.

    A text that a spreadsheet would run as a formula is prefixed with an apostrophe. `note` becomes a last column
    of its own, so that a warning travels with every row.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    columns = [*table.columns, *(["note"] if note else [])]
    writer.writerow(columns)
    for row in table.itertuples(index=False):
        writer.writerow([_cell(value) for value in row] + ([note] if note else []))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        text = value.replace("\r", " ").replace("\n", " ")
        return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@", "\t"} else text
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
