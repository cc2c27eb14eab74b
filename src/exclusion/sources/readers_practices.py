"""GP practices from the NHS register, in the columns of the `venues` table."""

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.sources.contracts import check_rows, fail
from exclusion.sources.readers_text import TextFile, field, load_text, read_places, resolve, tidy_text
from exclusion.sources.readers_venues import finish_venues, read_parquet, tidy_postcode, to_grid

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source


def read_gp_practices_parquet(path: Path, source: "Source") -> pd.DataFrame:
    """Read GP practices with degrees from Parquet; returns venue columns, null positions where degrees are missing."""
    raw = read_parquet(path, source)
    wanted = {
        "code": field("Code", "Organisation code"), "name": field("Name"), "postcode": field("Postcode"),
        "lat": field("lat|latitude", kind="number"), "lon": field("long?|lng|longitude", kind="number"),
    }  # fmt: skip
    places = resolve([str(c) for c in raw.columns], wanted, source, path.name)
    frame = pd.DataFrame({name: raw.iloc[:, place] for name, place in places.items()})
    check_rows(len(frame), source, path)
    x, y = to_grid(frame["lon"], frame["lat"])
    return _practices(frame, x, y, source, path)


# Positions of the ODS report, which may or may not start with a header row.
_ODS = {"code": 0, "name": 1, "postcode": 9, "status": 12, "role": 25}
_ODS_HEADERS = {
    "code": field("Code|Organisation Code|Org.*Code"), "name": field("Name|Organisation Name"),
    "postcode": field("Postcode"), "status": field("Status( Code)?"), "role": field("Role.*|Prescribing Setting"),
}  # fmt: skip


def read_gp_practices_csv(path: Path, source: "Source") -> pd.DataFrame:
    """Read GP practices from the NHS report `epraccur` (headerless or with a header, no coordinates).

    Returns active practices of role RO76 (prescribing setting 4 in the older form) as venue columns with null
    positions: `place_by_postcode` finds them.
    """
    file = load_text(path, source)
    first = file.header
    if (
        len(first) > max(_ODS.values())
        and re.fullmatch(r"[A-Z]\d{5}|[A-Z0-9]{3,8}", first[0])
        and "code" not in first[0].lower()
    ):
        # No header: the first line is a practice and must not be lost.
        line = io.StringIO()
        csv.writer(line).writerow(first)
        file = TextFile(
            file.name, tuple(f"column {i}" for i in range(len(first))), line.getvalue().encode() + file.body
        )
        places = _ODS
    else:
        places = resolve(file.header, _ODS_HEADERS, source, path.name)
    frame = read_places(file, {name: (place, "text") for name, place in places.items()}, source)
    check_rows(len(frame), source, path)
    is_practice = frame["role"].fillna("").str.contains(r"\bRO76\b|^4$", regex=True)
    is_active = frame["status"].fillna("").str.upper().isin(["ACTIVE", "A"])
    if not (is_practice & is_active).any():
        raise fail(
            source, path, "no row is an ACTIVE practice of role RO76", "check that it is the report epraccur"
        )
    frame = frame[is_practice & is_active].reset_index(drop=True)
    nothing = np.full(len(frame), np.nan)
    return _practices(frame, nothing, nothing.copy(), source, path)


def _practices(frame: pd.DataFrame, x: Any, y: Any, source: "Source", path: Path) -> pd.DataFrame:
    code = frame["code"].astype("str").str.strip()
    if code.duplicated().any():
        row = int(code.duplicated().idxmax())
        raise fail(source, path, f"practice {code[row]} stands on more than one row (data row {row + 1:,})")
    out = pd.DataFrame(
        {
            "venue_id": [f"{source.id}:{c}" for c in code],
            "name": tidy_text(frame["name"]).map(spoken_name, na_action="ignore"),
            "kind": "gp_practice",
            "is_existing": False,
            "postcode": frame["postcode"].map(tidy_postcode),
            "x_m": x,
            "y_m": y,
            "hours_per_week": np.nan,
        }
    )
    return finish_venues(out, source, path.name)


_LOWER = frozenset({"and", "at", "by", "for", "in", "le", "of", "on", "the", "upon", "with"})
# Written like words although they have no vowel.
_SHORT_WORDS = frozenset({"ctr", "dr", "drs", "mr", "mrs", "ms", "mt", "rd", "st"})
_ACRONYMS = frozenset(
    {
        "apms",
        "cic",
        "gms",
        "gp",
        "hq",
        "ii",
        "iii",
        "iv",
        "ne",
        "nhs",
        "nw",
        "pcc",
        "pct",
        "pms",
        "se",
        "sw",
        "uk",
        "ymca",
    }
)


def spoken_name(name: str) -> str:
    """Write a name that stands all in capitals as people write it; any other name is returned as it is.

    Words without a vowel, initials and the register's common abbreviations keep their capitals. Where only whoever
    bears a name knows better (MCDONALD), it becomes a plain word.
    """
    if not name.isupper():
        return name
    parts = re.split(r"([^\W_]+(?:['\u2019][^\W_]+)*)", name)
    return "".join(_spoken_word(part, is_first=at == 1) if at % 2 else part for at, part in enumerate(parts))


def _spoken_word(word: str, *, is_first: bool) -> str:
    lower = word.lower()
    if lower in _LOWER:
        return word.capitalize() if is_first else lower
    if re.fullmatch(r"\d+(st|nd|rd|th)", lower):
        return lower
    has_no_vowel = not re.search("[aeiouwy\u00e0-\u024f]", lower)
    if lower in _ACRONYMS or (has_no_vowel and lower not in _SHORT_WORDS):
        return word
    # O'CONNOR and D'ARCY go on with a capital, ST MARY'S does not.
    return re.sub(r"^([a-z]['\u2019])?([^\W\d_])", lambda first: first[0].upper(), lower)
