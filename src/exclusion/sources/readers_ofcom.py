"""Ofcom Connected Nations by output area and postcode: counts kept, percentages checked, summed to LSOA by counts.

Names of files and columns drift from release to release (`r01` became `r1`, "below the USO" became "unable to
receive decent broadband from fixed or FWA"), and archives are nested, so members and columns are found by pattern.
Files are read as a stream: only the table that is asked for is ever whole in memory.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.errors import ContractError
from exclusion.sources.archives import Member, OpenArchive, list_members, open_path, open_plain
from exclusion.sources.contracts import Contract, Rule, code, count, fail, finish, number
from exclusion.sources.contracts_wide import finish_wide
from exclusion.sources.readers_text import Field, field, parse_text, read_places, resolve
from exclusion.sources.readers_wide import read_wide
from exclusion.sources.readers_wide_parts import Part, Wanted, packed_keys

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# What is measured, as Ofcom's headers name it between "Number of premises" and the like; None for the plain total.
_MEASURES = {
    "superfast": r"SFBB availability",
    "ultrafast_100": r"UFBB \(100 ?Mbit/s\) availability",
    "ultrafast_300": r"UFBB availability",
    "full_fibre": r"Full Fibre availability",
    "gigabit": r"Gigabit availability",
    "nga": r"NGA",
    "below_decent": r"(unable to receive decent broadband.*|below the USO)",
    "decent_by_fwa": r"able to receive decent broadband from FWA",
    "below_2mbit": r"unable to receive 2 ?Mbit/s",
    "below_5mbit": r"unable to receive 5 ?Mbit/s",
    "below_10mbit": r"unable to receive 10 ?Mbit/s",
    "below_30mbit": r"unable to receive 30 ?Mbit/s",
    "lines_0_2mbit": r"0<2 ?Mbit/s download speed",
    "lines_2_5mbit": r"2<5 ?Mbit/s download speed",
    "lines_5_10mbit": r"5<10 ?Mbit/s download speed",
    "lines_10_30mbit": r"10<30 ?Mbit/s download speed",
    "lines_30_300mbit": r"30<300 ?Mbit/s download speed",
    "lines_300mbit_plus": r">=300 ?Mbit/s download speed",
}
# Without these there is no saying who can get what; the others come and go between releases.
_NEEDED = {"superfast", "ultrafast_300", "below_30mbit"}
# Speed thresholds nest: what gigabit reaches, 300, 100 and 30 Mbit/s reach too.
RISING_COUNTS = (
    ("premises_gigabit", "premises_ultrafast_300", "premises_ultrafast_100", "premises_superfast", "premises"),
    ("premises_full_fibre", "premises_gigabit"),
    ("premises_ultrafast_300", "premises_superfast"),
    ("premises_below_2mbit", "premises_below_5mbit", "premises_below_10mbit", "premises_below_30mbit", "premises"),
    ("premises_matched", "premises"),
    ("premises_below_decent", "premises"),
)  # fmt: skip
_RISING_SHARES = (
    ("gigabit_pct", "ultrafast_300_pct", "ultrafast_100_pct", "superfast_pct"),
    ("ultrafast_300_pct", "superfast_pct"),
    ("below_2mbit_pct", "below_5mbit_pct", "below_10mbit_pct", "below_30mbit_pct"),
)
# A rounding step of shares with one decimal, and what 32-bit numbers add to it.
_ROUNDING = 0.101
# An output area that Ofcom leaves out has no premises; more than this share left out is a file cut short.
_MOST_ABSENT = 0.02


def count_fields(needed: frozenset[str] = frozenset(_NEEDED)) -> dict[str, Field]:
    """Return the count columns to look for: `premises`, `premises_matched` and `premises_<measure>`."""
    fields = {
        "premises": field("All Premises", kind="integer"),
        "premises_matched": field("All Matched Premises", kind="integer", is_optional=True),
    }
    for name, words in _MEASURES.items():
        pattern = f"(Number of premises|No\\.? of premises)( with)? {words}"
        fields[f"premises_{name}"] = field(pattern, kind="integer", is_optional=name not in needed)
    return fields


def share_fields(needed: frozenset[str] = frozenset()) -> dict[str, Field]:
    """Return the percentage columns to look for: `<measure>_pct`."""
    return {
        f"{name}_pct": field(
            f"({words} \\(% premises\\)|% of premises( with)? {words})",
            kind="number",
            is_optional=name not in needed,
        )
        for name, words in _MEASURES.items()
    }


def member_named(
    path: Path, tokens: tuple[str, ...], source: "Source", *, is_residential: bool = False
) -> list[Member]:
    """Return the CSV members whose name has all the words (`oa`, `coverage`), residential twins apart or alone."""
    members = [m for m in list_members(path) if m.name.lower().endswith(".csv")]
    found = []
    for member in members:
        words = set(re.split(r"[-_.]+", member.name.lower()))
        # The OA vintage may be glued to the level: oa11.
        words |= {re.sub(r"\d+$", "", word) for word in words}
        if set(tokens) <= words and ("res" in words) == is_residential:
            found.append(member)
    if not found:
        names = ", ".join(m.name for m in members[:10]) or "no CSV at all"
        raise fail(
            source,
            path,
            f"it holds no member named for {' and '.join(tokens)}; it holds {names}",
            "use Ofcom's archive for this level",
        )
    return found


def _only(found: list[Member], path: Path, source: "Source") -> Member:
    if len(found) > 1:
        names = ", ".join(m.name for m in found[:4])
        raise fail(
            source, path, f"it holds {len(found)} members where one is wanted ({names})", "keep the newest"
        )
    return found[0]


def read_ofcom_oa_coverage(path: Path, source: "Source") -> pd.DataFrame:
    """Read fixed coverage by output area from Ofcom's zip, nested or not.

    Returns `oa21cd, premises, premises_matched, premises_<measure>`: counts of all premises (not the residential
    twin), `premises_superfast` 30 Mbit/s and up, `premises_ultrafast_100`, `premises_ultrafast_300`,
    `premises_gigabit`, `premises_below_30mbit` and so on as the release has them. Percentages are checked, not kept:
    they must be recomputed from counts. ContractError where a percentage is outside 0 to 100 or thresholds do not
    nest.
    """
    member = _only(member_named(path, ("oa", "coverage"), source), path, source)
    with OpenArchive(path) as archive:
        return _oa_coverage(_part(path, archive, member), source)


def _part(path: Path, archive: OpenArchive, member: Member) -> Part:
    return Part(f"{path.name} ({member.name})", member.size, lambda: archive.open(member))


def read_ofcom_oa_coverage_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read fixed coverage by output area from the CSV itself; see `read_ofcom_oa_coverage`."""
    return _oa_coverage(Part(path.name, path.stat().st_size, lambda: open_plain(path)), source)


_OA = field("output_area", r"oa\d\d(cd)?", "oa")


def _oa_coverage(part: Part, source: "Source") -> pd.DataFrame:
    wanted = {"oa21cd": _OA} | count_fields() | share_fields()
    # Published shares are rounded to one decimal, so neighbours may cross by a step; counts may not cross at all.
    streamed = Contract(
        source.title,
        ("oa21cd",),
        {
            n: number(0, 100, is_nullable=True) if n.endswith("_pct") else count()
            for n in wanted
            if n != "oa21cd"
        },
        rising=RISING_COUNTS + _RISING_SHARES,
        tolerance=_ROUNDING,
    )
    wide = read_wide(
        [part],
        Wanted("oa21cd", wanted, lambda name: not name.endswith("_pct"), streamed, source, part.name),
    )
    rules: dict[str, Rule] = {c: count() for c in wide.columns} | {"oa21cd": code("oa_uk", 2021)}
    kept = Contract(source.title, ("oa21cd",), rules, rising=RISING_COUNTS)
    return finish_wide(wide, kept, source, part.name)


def sum_to_lsoa(oa_table: pd.DataFrame, oa_lookup: pd.DataFrame) -> pd.DataFrame:
    """Sum counts of output areas to LSOA 2021 (output areas nest exactly): never an average of percentages.

    `oa_table` is the table of `read_ofcom_oa_coverage`, `oa_lookup` has `oa21cd, lsoa21cd` once an output area.
    Returns one row an LSOA of the lookup, sorted: `lsoa21cd`, every count, `premises_below_ultrafast` (premises
    that cannot get 100 Mbit/s, or 300 where the release has no 100) and `premises__status`: `observed`, or `missing`
    where Ofcom names none of the area's output areas, whose counts are then null. Scottish and Northern Irish rows
    are left out. ContractError where an English or Welsh output area is in no lookup, as with 2011 output areas,
    or more than 2 % of the lookup's are absent.
    """
    from exclusion.sources.readers_wide_keys import sum_groups

    place = _places(oa_lookup["oa21cd"], oa_table["oa21cd"])
    is_here = place >= 0
    unknown = ~is_here
    if unknown.any():
        elsewhere = oa_table["oa21cd"][unknown].str[0].isin(["S", "N"])
        unknown[np.flatnonzero(unknown)[elsewhere.to_numpy()]] = False
    # A part of the country is a fair lookup; codes beyond it are not 2011's, they are the rest of the file's.
    if unknown.any() and (len(oa_lookup) > len(oa_table) // 2 or not is_here.any()):
        first = oa_table.loc[int(unknown.argmax()), "oa21cd"]
        raise ContractError(
            f"Ofcom coverage by output area: {first} (and {int(unknown.sum()) - 1:,} more) is in no row of the output "
            "area 2021 lookup; the file may be on output areas of 2011, which cannot be summed to LSOA 2021."
        )
    absent = len(oa_lookup) - int(is_here.sum())
    if absent > _MOST_ABSENT * len(oa_lookup):
        gone = oa_lookup["oa21cd"][~oa_lookup["oa21cd"].isin(oa_table["oa21cd"])]
        raise ContractError(
            f"Ofcom coverage by output area: {absent:,} of {len(oa_lookup):,} output areas, {gone.iloc[0]} first, have no "
            "row; retrieve the whole file again."
        )
    names, areas = _factorize(oa_lookup["lsoa21cd"])
    # Rows of no area are summed into one more, past the last.
    group = np.where(is_here, areas[place], len(names)).astype(np.int32)
    rows = np.bincount(group, minlength=len(names))[: len(names)]
    out: dict[str, Any] = {"lsoa21cd": names}
    for column in oa_table.columns[1:]:
        out[column] = sum_groups(oa_table[column].to_numpy(), group, len(names))
    fast = "premises_ultrafast_100" if "premises_ultrafast_100" in out else "premises_ultrafast_300"
    out["premises_below_ultrafast"] = out["premises"] - out[fast]
    frame = pd.DataFrame(out, copy=False)
    frame["premises__status"] = pd.Series("observed", index=frame.index, dtype="str")
    is_absent = rows == 0
    if is_absent.any():
        numbers = list(frame.columns[1:-1])
        frame = frame.astype(dict.fromkeys(numbers, "float64"))
        frame.loc[is_absent, numbers] = np.nan
        frame.loc[is_absent, "premises__status"] = "missing"
    return frame


# Tables of fewer rows are matched as text; packing keys is for hundreds of thousands.
_MANY = 50_000


def _places(known: pd.Series, wanted: pd.Series) -> np.ndarray[Any, Any]:
    """Return the row of each wanted key among the known, -1 where there is none; ContractError where one stands twice."""
    packed = packed_keys(known) if len(known) > _MANY else None
    sought = packed_keys(wanted) if packed is not None else None
    if packed is None or sought is None:
        if known.duplicated().any():
            raise _twice(known)
        return np.asarray(pd.Index(known).get_indexer(wanted))
    if len(packed) == len(sought) and (packed == sought).all() and (packed[1:] > packed[:-1]).all():
        return np.arange(len(packed))
    order = np.argsort(packed, kind="stable")
    ranked = packed[order]
    if (ranked[1:] == ranked[:-1]).any():
        raise _twice(known)
    spot = np.minimum(np.searchsorted(ranked, sought), len(ranked) - 1)
    return np.where(ranked[spot] == sought, order[spot], -1)


def _twice(keys: pd.Series) -> ContractError:
    return ContractError(
        f"Output area lookup: {keys[keys.duplicated()].iloc[0]} stands on more than one row; each may have one."
    )


def _factorize(values: pd.Series) -> tuple[pd.Series, np.ndarray[Any, Any]]:
    """Return the distinct values in order and, for each row, its number among them."""
    packed = packed_keys(values) if len(values) > _MANY else None
    if packed is None:
        codes, names = pd.factorize(values, sort=True)
        return pd.Series(names, dtype="str"), codes
    rises = packed[1:] > packed[:-1]
    if (rises | (packed[1:] == packed[:-1])).all():
        # Sorted already, as lookups mostly are.
        first = np.concatenate([[0], np.flatnonzero(rises) + 1])
        codes = np.concatenate([[0], np.cumsum(rises)])
    else:
        _, first, codes = np.unique(packed, return_index=True, return_inverse=True)
    return values.iloc[first].astype("str").reset_index(drop=True), codes


def read_ofcom_postcode_coverage(path: Path, source: "Source") -> pd.DataFrame:
    """Read fixed coverage by postcode from Ofcom's zip of some 120 files (a BOM on most, not on all).

    Returns `pcds` (as `AB1 2CD`) and `<measure>_pct` as 32-bit numbers, checked to lie within 0 to 100 and to nest;
    for looking up, never for averaging. A postcode that is in no row has no premises in Ofcom's file.
    """
    members = member_named(path, ("pc", "coverage"), source)
    with OpenArchive(path) as archive:
        return postcode_coverage([_part(path, archive, m) for m in members], source, path.name)


def postcode_coverage(parts: Sequence[Part], source: "Source", name: str) -> pd.DataFrame:
    """Read postcode files, wherever they lie, into one table; see `read_ofcom_postcode_coverage`."""
    wanted = {"pcds": field("postcode_space", "postcode")} | share_fields(
        frozenset({"superfast", "below_30mbit"})
    )
    rules: dict[str, Rule] = {c: number(0, 100) for c in wanted} | {"pcds": code("postcode")}
    contract = Contract(source.title, ("pcds",), rules, rising=_RISING_SHARES, tolerance=_ROUNDING)
    wide = read_wide(parts, Wanted("pcds", wanted, lambda _: True, contract, source, name))
    contract = replace(contract, columns={c: rules[c] for c in ("pcds", *wide.columns)})
    return finish_wide(wide, contract, source, name)


def read_ofcom_oa_performance(path: Path, source: "Source") -> pd.DataFrame:
    """Read the speed of lines in use by output area (areas with 5 lines or more) from Ofcom's zip.

    Returns `oa21cd` and, for each band the release has, `download_mbit_lines_<band>` and `upload_mbit_...` (mean of
    the lines' maximum speed), or the older `average_download_speed_mbit_s` and so on. A blank is null with
    `<column>__status` `not_published`: suppressed and without lines cannot be told apart. The July 2025 file is
    cp1252.
    """
    member = _only(member_named(path, ("oa", "performance"), source), path, source)
    with open_path(path, member) as stream:
        return _oa_performance(stream.read(), source, f"{path.name} ({member.name})")


def read_ofcom_oa_performance_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read the speed of lines in use by output area from the CSV itself; see `read_ofcom_oa_performance`."""
    with open_plain(path) as stream:
        return _oa_performance(stream.read(), source, path.name)


_BAND = re.compile(r"lines\s*(<|>=)?\s*(\d+)\s*(?:<\s*(\d+))?", re.IGNORECASE)


def performance_column(header: str) -> str:
    """Return the tidy name of a performance header; bands become `below_10`, `10_30`, `900plus`."""
    found = _BAND.search(header)
    way = "upload" if "upload" in header.lower() else "download"
    if found and re.search(r"average max", header, re.IGNORECASE):
        sign, low, high = found.groups()
        band = f"below_{low}" if sign == "<" else f"{low}plus" if sign == ">=" else f"{low}_{high}"
        return f"{way}_mbit_lines_{band}"
    return re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_")


def _oa_performance(body: bytes, source: "Source", name: str) -> pd.DataFrame:
    file = parse_text(body, name, source)
    key = resolve(file.header, {"oa21cd": _OA}, source, name)["oa21cd"]
    names = {performance_column(h): (i, "number") for i, h in enumerate(file.header) if i != key and h}
    if not any("download" in column for column in names):
        shown = ", ".join(file.header[:8])
        raise fail(
            source, name, f"the layout is not the one expected: no column of download speed among {shown}"
        )
    frame = read_places(file, {"oa21cd": (key, "text")} | names, source)
    rules: dict[str, Rule] = {"oa21cd": code("oa_uk", 2021)}
    for column in names:
        if frame[column].isna().any():
            frame[f"{column}__status"] = (
                frame[column].isna().map({True: "not_published", False: "observed"}).astype("str")
            )
        rules[column] = number(0, has_status=f"{column}__status" in frame)
    return finish(frame, Contract(source.title, ("oa21cd",), rules), source, name)
