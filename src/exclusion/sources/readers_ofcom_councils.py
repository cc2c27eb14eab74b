"""Ofcom Connected Nations by council: fixed coverage and mobile, from the published CSV and from the cut JSON."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.sources.archives import open_path, open_plain
from exclusion.sources.contracts import (
    Contract,
    Rule,
    code,
    count,
    fail,
    finish,
    percentage,
    refuse_fractions,
    text,
)
from exclusion.sources.readers_ofcom import RISING_COUNTS, count_fields, member_named
from exclusion.sources.readers_text import (
    TextFile,
    field,
    parse_text,
    read_columns,
    read_json,
    read_places,
    resolve,
)

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_COVERAGE = {
    "superfast_pct": percentage(),
    "ultrafast_pct": percentage(),
    "full_fibre_pct": percentage(is_nullable=True),
    "gigabit_pct": percentage(is_nullable=True),
    "below_decent_pct": percentage(),
}
_KEY = {"lad_cd": code("lad"), "lad_nm": text()}
_RISING = (("full_fibre_pct", "gigabit_pct", "ultrafast_pct", "superfast_pct"),)
# Shares with one decimal may cross by a rounding step.
_TOLERANCE = 0.11


def read_ofcom_laua_json(path: Path, source: "Source") -> pd.DataFrame:
    """Read fixed coverage by council from JSON (`{code: {laName, superfast, ...}}`), UK.

    Returns `lad_cd, lad_nm, superfast_pct, ultrafast_pct` (300 Mbit/s), `full_fibre_pct, gigabit_pct,
    below_decent_pct`: shares of premises.
    """
    names = {
        "superfast": "superfast_pct", "ultrafast": "ultrafast_pct", "fullFibre": "full_fibre_pct",
        "gigabit": "gigabit_pct", "belowUso": "below_decent_pct",
    }  # fmt: skip
    frame = _from_json(path, names, source)
    refuse_fractions(frame, "superfast_pct", source, path)
    contract = Contract(source.title, ("lad_cd",), _KEY | _COVERAGE, rising=_RISING, tolerance=_TOLERANCE)
    return finish(frame, contract, source, path)


def read_ofcom_mobile_json(path: Path, source: "Source") -> pd.DataFrame:
    """Read mobile coverage by council from JSON, UK.

    Returns `lad_cd, lad_nm, mobile_4g_any_pct, mobile_4g_all_pct, mobile_5g_any_pct`: shares of premises with any and
    with all operators.
    """
    names = {
        "fourGAny": "mobile_4g_any_pct",
        "fourGAll": "mobile_4g_all_pct",
        "fiveGAny": "mobile_5g_any_pct",
    }
    frame = _from_json(path, names, source)
    rules = _KEY | {name: percentage() for name in names.values()}
    rising = (("mobile_4g_all_pct", "mobile_4g_any_pct"),)
    return finish(
        frame, Contract(source.title, ("lad_cd",), rules, rising=rising, tolerance=_TOLERANCE), source, path
    )


def _from_json(path: Path, names: dict[str, str], source: "Source") -> pd.DataFrame:
    body: Any = read_json(path, source)
    if not isinstance(body, dict) or not all(isinstance(v, dict) for v in body.values()):
        raise fail(
            source, path, "the layout is not the one expected: it is not an object of councils by code"
        )
    rows = []
    for code_, values in body.items():
        lacking = [key for key in ("laName", *names) if key not in values]
        if lacking:
            raise fail(
                source, path, f"{code_} has no '{lacking[0]}', only {', '.join(sorted(values)) or 'nothing'}"
            )
        wrong = [k for k in names if isinstance(values[k], bool) or not isinstance(values[k], int | float)]
        if wrong:
            raise fail(source, path, f"{code_}: '{wrong[0]}' is {values[wrong[0]]!r}, which is no number")
        rows.append(
            {"lad_cd": code_, "lad_nm": values["laName"], **{n: float(values[k]) for k, n in names.items()}}
        )
    return pd.DataFrame(rows, columns=["lad_cd", "lad_nm", *names.values()])


def read_ofcom_laua_coverage(path: Path, source: "Source") -> pd.DataFrame:
    """Read fixed coverage by council from Ofcom's zip; see `read_ofcom_laua_coverage_csv`."""
    return _coverage(_member_text(path, ("laua", "coverage"), source), source)


def read_ofcom_laua_coverage_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read fixed coverage by council from CSV, 2019 to date.

    Returns `lad_cd, lad_nm`, counts (`premises, premises_superfast, ...`) and the shares of `read_ofcom_laua_json`
    recomputed from the counts, because the superfast percentage of 2019 leaves ultrafast premises out. Shares that
    the release has no count for are null.
    """
    with open_plain(path) as stream:
        return _coverage(parse_text(stream.read(), path.name, source), source)


def _member_text(path: Path, tokens: tuple[str, ...], source: "Source") -> TextFile:
    members = member_named(path, tokens, source)
    plain = [m for m in members if not re.search(r"4g5g", m.name, re.IGNORECASE)] or members
    if len(plain) > 1:
        names = ", ".join(m.name for m in plain[:4])
        raise fail(
            source, path, f"it holds {len(plain)} members where one is wanted ({names})", "keep the newest"
        )
    with open_path(path, plain[0]) as stream:
        return parse_text(stream.read(), f"{path.name} ({plain[0].name})", source)


def _coverage(file: TextFile, source: "Source") -> pd.DataFrame:
    wanted = {"lad_cd": field("laua", "laua_code", "lad_cd"), "lad_nm": field("laua_name", "lad_nm")}
    wanted |= count_fields(frozenset({"superfast", "ultrafast_300", "below_decent"}))
    frame = read_columns(file, wanted, source)
    shares = {
        "superfast_pct": "premises_superfast", "ultrafast_pct": "premises_ultrafast_300",
        "full_fibre_pct": "premises_full_fibre", "gigabit_pct": "premises_gigabit", "below_decent_pct": "premises_below_decent",
    }  # fmt: skip
    counts = list(frame.columns[2:])
    for share, column in shares.items():
        base = frame["premises"].where(frame["premises"] > 0)
        frame[share] = 100.0 * frame[column] / base if column in frame else float("nan")
    rules: dict[str, Rule] = _KEY | {c: count() for c in counts} | _COVERAGE
    contract = Contract(source.title, ("lad_cd",), rules, rising=RISING_COUNTS)
    return finish(frame, contract, source, file.name)


_MOBILE = re.compile(
    r"(?P<what>[a-z0-9_]+?)_(?P<base>prem|geo)_(?P<place>in|out)_(?P<operators>[0-4])", re.IGNORECASE
)


def read_ofcom_mobile_laua(path: Path, source: "Source") -> pd.DataFrame:
    """Read mobile coverage by council from Ofcom's zip; see `read_ofcom_mobile_laua_csv`."""
    return _mobile(_member_text(path, ("mobile", "laua"), source), source)


def read_ofcom_mobile_laua_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read mobile coverage by council from CSV: shares covered by exactly 0 to 4 operators, as published.

    Returns `lad_cd, lad_nm, mobile_<4g...>_<prem|geo>_<in|out>_<0..4>_pct` and, where the release has their parts,
    `mobile_4g_any_pct` and `mobile_4g_all_pct` (premises, indoors) and `mobile_5g_any_pct` (premises, outdoors, high
    confidence). A blank is 0 in this file: ContractError where the five shares do not then add up to 100.
    """
    with open_plain(path) as stream:
        return _mobile(parse_text(stream.read(), path.name, source), source)


def _mobile(file: TextFile, source: "Source") -> pd.DataFrame:
    key = resolve(file.header, {"lad_cd": field("laua"), "lad_nm": field("laua_name")}, source, file.name)
    names = {f"mobile_{h.lower()}_pct": i for i, h in enumerate(file.header) if _MOBILE.fullmatch(h)}
    if not names:
        raise fail(
            source,
            file.name,
            f"the layout is not the one expected: no column like '4G_prem_in_0' among {', '.join(file.header[:8])}",
        )
    wanted = {n: (p, "text") for n, p in key.items()} | {n: (p, "number") for n, p in names.items()}
    frame = read_places(file, wanted, source)
    frame = frame.fillna(dict.fromkeys(names, 0.0))
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name[: -len("_0_pct")], []).append(name)
    for group, parts in groups.items():
        if len(parts) == 5:
            total = frame[parts].sum(axis=1)
            is_off = (total - 100).abs() > 0.6
            if is_off.any():
                row = frame.loc[is_off.idxmax()]
                raise fail(
                    source,
                    file.name,
                    f"the shares '{group}_0' to '_4' of {row['lad_cd']} add up to {total[is_off.idxmax()]:g} and not to 100",
                )
    for name, group, operators in (
        ("mobile_4g_any_pct", "mobile_4g_prem_in", "0"),
        ("mobile_4g_all_pct", "mobile_4g_prem_in", "4"),
        ("mobile_5g_any_pct", "mobile_5g_high_confidence_prem_out", "0"),
    ):
        part = f"{group}_{operators}_pct"
        if part in frame:
            frame[name] = frame[part] if operators == "4" else (100.0 - frame[part]).round(6)
    rules: dict[str, Rule] = _KEY | {c: percentage() for c in frame.columns if c.endswith("_pct")}
    return finish(frame, Contract(source.title, ("lad_cd",), rules), source, file.name)
