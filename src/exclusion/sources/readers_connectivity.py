"""DfT transport connectivity metric: the LSOA sheet of a workbook of about 1 GB of XML, streamed."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from exclusion.sources.contracts import Contract, Rule, code, fail, finish, number
from exclusion.sources.readers_ods import open_rows, sheet_named
from exclusion.sources.readers_text import field, resolve

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

_PURPOSES = {
    "employment": "employment", "business": "employment",  # public transport to work is headed `Business`
    "education": "education", "healthcare": "healthcare", "leisure and community": "leisure", "leisure & community": "leisure",
    "shopping": "shopping", "residential": "residential", "overall": "overall",
}  # fmt: skip
_MODES = {
    "walking": "walking", "cycling": "cycling", "public transport": "public_transport", "driving": "driving",
    "overall": "overall",
}  # fmt: skip
_LEVELS = {
    "lsoa21": ("LSOA", "lsoa21cd", "LSOA21CD|LSOA21_?code", "lsoa"),
    "oa21": ("OA", "oa21cd", "OA21CD", "oa"),
}
_HEADER_WITHIN = 15


def connectivity_column(header: str) -> str | None:
    """Return the tidy name of a score, such as `connectivity_employment_public_transport`; None for other columns.

    The last column, `Overall` alone, is `connectivity_overall`.
    """
    words = " ".join(header.lower().split())
    found = re.fullmatch(r"(?P<purpose>[a-z& ]+?) ?\((?P<mode>[a-z ]+)\)", words)
    if words == "overall":
        return "connectivity_overall"
    if not found or found["purpose"].strip() not in _PURPOSES or found["mode"] not in _MODES:
        return None
    return f"connectivity_{_PURPOSES[found['purpose'].strip()]}_{_MODES[found['mode']]}"


def read_dft_connectivity_ods(path: Path, source: "Source") -> pd.DataFrame:
    """Read scores of LSOA 2021 (or of output areas, where the catalogue's geography is `oa21`), row by row.

    Returns the key and `connectivity_<purpose>_<mode>`, 0 to 100 relative to the best place in England and Wales;
    purposes employment, education, healthcare, leisure, shopping, residential, overall; modes walking, cycling,
    public_transport, driving, overall; and `connectivity_overall`. A blank is null with its reason beside it.
    """
    level, key, pattern, kind = _LEVELS[source.geography]
    sheet = sheet_named(path, rf"{level}s?( scores)?", source)
    where = f"{path.name}, sheet '{sheet}'"
    rows = open_rows(path, sheet, source)
    header: list[str] = []
    for _, row in zip(range(_HEADER_WITHIN), rows, strict=False):
        header = [" ".join(str(cell or "").split()) for cell in row]
        if any(re.fullmatch(pattern, cell, re.IGNORECASE) for cell in header):
            break
    place = resolve(header, {key: field(pattern)}, source, where)[key]
    columns = {i: name for i, cell in enumerate(header) if (name := connectivity_column(cell))}
    strange = [c for i, c in enumerate(header) if i != place and i not in columns and "(" in c]
    if strange or "connectivity_overall" not in columns.values():
        what = f"column '{strange[0]}' is not understood" if strange else "there is no column 'Overall'"
        raise fail(source, where, f"the layout is not the one expected: {what}")
    if len(set(columns.values())) < len(columns):
        raise fail(source, where, "two columns hold the score of the same purpose and mode")
    keys: list[str] = []
    values: dict[str, list[float | None]] = {name: [] for name in columns.values()}
    for row in rows:
        code_ = str(row[place] or "").strip() if len(row) > place else ""
        if not code_:
            continue
        keys.append(code_)
        for i, name in columns.items():
            values[name].append(_score(row, i, name, code_, source, where))
    frame = pd.DataFrame(
        {key: pd.Series(keys, dtype="str"), **{n: pd.Series(v, dtype="float64") for n, v in values.items()}}
    )
    rules: dict[str, Rule] = {key: code(kind, 2021)}
    for name in columns.values():
        if frame[name].isna().any():
            frame[f"{name}__status"] = (
                frame[name].isna().map({True: "not_published", False: "observed"}).astype("str")
            )
        rules[name] = number(0, 100, has_status=f"{name}__status" in frame)
    return finish(frame, Contract(source.title, (key,), rules), source, where)


def _score(row: list[Any], place: int, name: str, key: str, source: "Source", where: str) -> float | None:
    cell = row[place] if place < len(row) else None
    if cell is None or isinstance(cell, float):
        return cell
    try:
        return float(str(cell))
    except ValueError:
        raise fail(source, where, f"column '{name}' holds '{cell}' at {key}, which is no number") from None
