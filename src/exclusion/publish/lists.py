"""Ranked lists: each area once, with names a resident would know, both ranks, people and the reason."""

import csv
import io
from collections.abc import Iterable
from typing import Any, Literal, get_args

import pandas as pd

from exclusion.errors import ContractError, InputError
from exclusion.geography.keys import keyed
from exclusion.publish.columns import AREA_LIST, MISSED_LIST, STRATUM, ListColumn
from exclusion.publish.map.measures import scaled_integers
from exclusion.publish.map.plain_names import input_name
from exclusion.publish.map.words import words_of

By = Literal["exclusion", "risk", "people", "share", "help", "chance", "venue"]

# Sort column and direction of each order; ties go to the other rank, then to the code.
_ORDERS: dict[str, tuple[str, bool]] = {
    "exclusion": ("exclusion_rank", True),
    "risk": ("risk_rank", True),
    "people": ("people_offline", False),
    "share": ("offline_share_pct", False),
    "help": ("help_min", False),
    "chance": ("chance_worst_tenth_pct", False),
    "venue": ("people_offline_beyond_20_min", False),
}

# Each order in the title of a list.
ORDER_WORDS: dict[str, str] = {
    "exclusion": "the exclusion index",
    "risk": "risk, without any weight for remoteness",
    "people": "people offline",
    "share": "the share of adults offline",
    "help": "the time to help",
    "chance": "the chance of being in the worst tenth",
    "venue": "people offline who live more than 20 minutes from help: where a venue is missed most",
}

LIST_COLUMNS = tuple(column.name for column in AREA_LIST)

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

    `by`: the exclusion index, risk, people offline, share offline, minutes to help, the chance of being in the worst
    tenth, or the people offline far from help (where a venue is missed most). Unranked areas come last and keep null
    ranks. InputError for an unknown order or a `top` below 1.
    """
    if by not in get_args(By):
        raise InputError(f"--by {by}: choose one of {', '.join(get_args(By))}.")
    if top is not None and top < 1:
        raise InputError(f"--top {top}: a list needs at least one area.")
    column, ascending = _ORDERS[by]
    tie = "risk_rank" if by != "risk" else "exclusion_rank"
    areas = results.reset_index()
    order = areas[[column, tie, "lsoa21cd"]].sort_values(
        [column, tie, "lsoa21cd"], ascending=[ascending, True, True], na_position="last"
    )
    # Only the rows that are asked for are put into words and rounded.
    rows = areas.loc[order.index[:top], _needed(areas)].reset_index(drop=True)
    rows = rows.assign(
        position=range(1, len(rows) + 1),
        neighbourhood=rows["msoa_hcl_nm"].fillna(rows["msoa21nm"]),
        caveats=_caveats(rows),
    )
    return rounded(rows.reindex(columns=list(LIST_COLUMNS)), AREA_LIST)


def _needed(areas: pd.DataFrame) -> list[str]:
    """Return the columns of the results that a ranked list is made from."""
    made_from = {*LIST_COLUMNS, "msoa_hcl_nm", "msoa21nm"}
    return [name for name in areas if name in made_from or name.endswith("__status")]


def rounded(table: pd.DataFrame, columns: Iterable[ListColumn]) -> pd.DataFrame:
    """Return a table with numbers rounded as their columns declare, half up like on the map; null stays null."""
    out = table.copy()
    for column in columns:
        if column.kind in {"whole", "number"} and column.name in out:
            scaled, is_known = scaled_integers(
                out[column.name].to_numpy(dtype=float, na_value=float("nan")), column.decimals
            )
            if column.kind == "whole":
                out[column.name] = pd.Series(scaled, out.index, dtype="Int64").where(is_known)
            else:
                out[column.name] = pd.Series(scaled / 10**column.decimals, out.index).where(is_known)
    return out


def solid_lines(listed: pd.DataFrame, draws: int, *, where: str = "") -> list[str]:
    """Return how much of a list is solid, a sentence each; `listed` holds the list's areas as `join_results` gives them.

    In words: how many are firmly in the worst tenth of all areas by the exclusion index, and how many of those that rank
    in the first ten of their council do so in at least 95% of versions. `where` says what areas they are ("of the
    place"). Nothing where no chances are known.
    """
    said = []
    sure = 95.0
    known = listed.get("chance_worst_tenth_pct", pd.Series(dtype=float)).dropna()
    if len(known):
        firm = int((known >= sure).sum())
        who = f"{_some_of(firm, len(known))} {where or ('listed' if len(known) == 1 else '')}".rstrip()
        is_not = "is not" if firm == 0 and len(known) == 1 else "is" if firm <= 1 else "are"
        said.append(
            f"{who} {is_not} in the worst tenth of all ranked areas by the exclusion index in at least {sure:.0f}% of "
            f"{draws:,} plausible versions."
        )
    if {"chance_council_list_pct", "exclusion_rank_in_lad_cd"} <= set(listed):
        is_first = listed["exclusion_rank_in_lad_cd"].astype(float) <= _COUNCIL_LIST
        # Null where a council has no more areas than such a list.
        first = listed[is_first & listed["chance_council_list_pct"].notna()]
        firm = int((first["chance_council_list_pct"] >= sure).sum())
        if len(first):
            rank, whose = ("ranks", "its") if len(first) == 1 else ("rank", "their")
            stay = "does not stay" if firm == 0 and len(first) == 1 else "stays" if firm <= 1 else "stay"
            said.append(
                f"{_some_of(firm, len(first))} that {rank} in the worst {_COUNCIL_LIST} of {whose} council {stay} there in at "
                f"least {sure:.0f}% of versions."
            )
    return said


def _some_of(count: int, total: int) -> str:
    """Return some of the areas as the subject of a sentence: "5 of the 20 areas", "None of the 3 areas"."""
    if total == 1:
        return "The only area"
    return f"{count:,} of the {total:,} areas" if count else f"None of the {total:,} areas"


def worst_tenth(results: pd.DataFrame) -> int:
    """Return how many areas the worst tenth of a place is: a tenth rounded down, at least one."""
    return max(1, len(results) // 10)


def fair_share(results: pd.DataFrame, *, by: By = "exclusion", top: int) -> pd.DataFrame:
    """Return a list whose rural and urban places are shared out in proportion to people offline.

    Within each stratum areas come in the order of `by`; what is left by rounding down goes to the larger remainder,
    and a stratum with too few areas leaves its places to the other. LIST_COLUMNS and `stratum` (rural, urban), in
    the order of `by`.
    """
    whole = ranked_list(results, by=by)
    top = min(top, len(whole))
    if top < 1:
        raise InputError(f"--top {top}: a list needs at least one area.")
    is_rural = results["is_rural"].astype(bool)
    people = results["people_offline"].astype(float)
    total = float(people.sum())
    share = float(people[is_rural].sum()) / total if total > 0 else float(is_rural.mean())
    count = int(is_rural.sum())
    rural = min(max(round(top * share), top - (len(results) - count)), count)
    stratum = whole["is_rural"].astype(bool).map({True: "rural", False: "urban"})
    within = stratum.groupby(stratum).cumcount()
    is_in = within < stratum.map({"rural": rural, "urban": top - rural})
    found = whole[is_in].assign(stratum=stratum[is_in], position=range(1, int(is_in.sum()) + 1))
    found["position"] = found["position"].astype("Int64")
    return found[[LIST_COLUMNS[0], STRATUM.name, *LIST_COLUMNS[1:]]].reset_index(drop=True)


def _caveats(rows: pd.DataFrame) -> list[str]:
    """Return for each row, in words, which inputs were not observed in the area itself."""
    plain = words_of("en")
    columns = sorted(c for c in rows if c.endswith("__status"))
    if not columns:
        return [""] * len(rows)
    labels = [input_name(column.removesuffix("__status"), plain) for column in columns]
    # Thousands of areas have the same statuses, and each combination is put into words once.
    said: dict[tuple[Any, ...], str] = {}
    found = []
    for statuses in zip(*(rows[column].tolist() for column in columns), strict=True):
        if statuses not in said:
            known = zip(labels, map(_STATUS_WORDS.get, statuses), strict=True)
            # Columns of one family have one name, and it is said once.
            said[statuses] = "; ".join(dict.fromkeys(f"{label}: {text}" for label, text in known if text))
        found.append(said[statuses])
    return found


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
    table = pd.DataFrame(
        {
            "people_offline": people,
            "missed": missed,
            "missed_pct": 100.0 * missed / people.where(people > 0),
        }
    )
    return rounded(table.reset_index(), MISSED_LIST)


def csv_bytes(table: pd.DataFrame, *, note: str | None = None) -> bytes:
    """Return a CSV in UTF-8 with a byte-order mark (spreadsheets need it), the same bytes for the same table.

    A text that a spreadsheet would run as a formula is prefixed with an apostrophe. `note` becomes a last column
    of its own, so that a warning travels with every row.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*table.columns, *(["note"] if note else [])])
    cells = [_cells(column) for _, column in table.items()]
    if note:
        cells.append([note] * len(table))
    writer.writerows(zip(*cells, strict=True))
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _cells(column: pd.Series) -> list[str]:
    """Return a column as the texts of its cells; of a column of texts each is made once, for many are alike."""
    values = column.tolist()
    if isinstance(column.dtype, pd.StringDtype):
        cell_of = {value: _cell(value) for value in set(values)}
        return [cell_of[value] for value in values]
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - NaN differs from itself
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        text = value.replace("\r", " ").replace("\n", " ")
        return f"'{text}" if text.lstrip()[:1] in {"=", "+", "-", "@", "\t"} else text
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
