"""OS Code-Point Open: where every postcode of Great Britain lies."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from exclusion.sources.archives import list_members
from exclusion.sources.contracts import Contract, Rule, check_rows, code, fail, finish, number, text
from exclusion.sources.readers_lookups import EASTING, NORTHING
from exclusion.sources.readers_text import TextFile, field, load_text, read_places, resolve
from exclusion.sources.readers_venues import read_parquet

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

# Quality 10 is the best; 90 means that there are no coordinates.
_NO_PLACE = 90
_POSITIONS = {
    "pcds": (0, "text"), "quality": (1, "integer"), "x_m": (2, "integer"), "y_m": (3, "integer"), "country_cd": (4, "text"),
    "lad_cd": (8, "text"), "wd_cd": (9, "text"),
}  # fmt: skip
_RULES: dict[str, Rule] = {
    "pcds": code("postcode"),
    "quality": Rule(kind="count", low=10, high=_NO_PLACE),
    "x_m": number(EASTING.low, EASTING.high, is_nullable=True),
    "y_m": number(NORTHING.low, NORTHING.high, is_nullable=True),
    "country_cd": text(),
    "lad_cd": code("lad", is_nullable=True),
    "wd_cd": text(is_nullable=True),
}


def read_codepoint_parquet(path: Path, source: "Source") -> pd.DataFrame:
    """Read Code-Point Open from Parquet; see `read_codepoint_zip`."""
    raw = read_parquet(path, source)
    wanted = {
        "pcds": field("pcds|postcode"), "quality": field("quality|positional_quality_indicator"),
        "x_m": field("eastings?"), "y_m": field("northings?"), "country_cd": field("country_code"),
        "lad_cd": field("admin_district_code"), "wd_cd": field("admin_ward_code"),
    }  # fmt: skip
    places = resolve([str(c) for c in raw.columns], wanted, source, path.name)
    frame = pd.DataFrame({name: raw.iloc[:, place] for name, place in places.items()}, copy=False)
    del raw
    return _finish(frame, source, path)


def read_codepoint_zip(path: Path, source: "Source") -> pd.DataFrame:
    """Read Code-Point Open from its zip of some 120 CSV files, which have no header row.

    Returns `pcds` (as `AB1 2CD`), `quality` (10 best to 90), `x_m, y_m` (EPSG:27700 metres, null where quality is
    90, which is the reason), `country_cd, lad_cd, wd_cd`; Great Britain only. A file that does begin with a header
    loses nothing by it. ContractError where a postcode stands twice or a coordinate is off the grid.
    """
    members = [m for m in list_members(path) if m.name.lower().endswith(".csv") and _is_data(m.path[-1])]
    if not members:
        raise fail(
            source, path, "it holds no CSV of postcodes in Data/CSV", "use codepo_gb.zip of Ordnance Survey"
        )
    parts = []
    for member in members:
        file = load_text(path, source, member)
        if len(file.header) < max(place for place, _ in _POSITIONS.values()) + 1:
            raise fail(
                source,
                file.name,
                f"it has {len(file.header)} columns where Code-Point Open has 10 (first '{file.header[0]}')",
            )
        if file.header[0].strip('"').lower() not in {"postcode", "pc"}:
            line = ",".join(f'"{cell}"' if cell.strip() else '""' for cell in file.header)
            names = tuple(f"column {i}" for i in range(len(file.header)))
            file = TextFile(file.name, names, line.encode() + b"\n" + file.body)
        parts.append(read_places(file, _POSITIONS, source))
    return _finish(pd.concat(parts, ignore_index=True), source, path)


def _is_data(name: str) -> bool:
    """Tell the postcode files from code lists and documents that come with them."""
    return "doc" not in name.lower() and not name.lower().endswith(("column_headers.csv", "headers.csv"))


def _finish(frame: pd.DataFrame, source: "Source", path: Path) -> pd.DataFrame:
    check_rows(len(frame), source, path)
    has_no_place = (frame["quality"] == _NO_PLACE).to_numpy()
    is_zero = ((frame["x_m"] == 0) & (frame["y_m"] == 0)).to_numpy()
    if (is_zero & ~has_no_place).any():
        row = int((is_zero & ~has_no_place).argmax())
        raise fail(
            source,
            path,
            f"postcode {frame['pcds'].iloc[row]} has no coordinates and quality {frame['quality'].iloc[row]}",
        )
    bare = frame["pcds"].str.replace(" ", "", regex=False)
    frame = frame.assign(
        # Published with the outward part padded to four places: `AB1 0AA`, `AB101AA`, `W1A 1AA`.
        pcds=bare.str[:-3] + " " + bare.str[-3:],
        x_m=np.where(has_no_place, np.nan, frame["x_m"].to_numpy(float)),
        y_m=np.where(has_no_place, np.nan, frame["y_m"].to_numpy(float)),
        quality=frame["quality"].astype("int16"),
    )
    return finish(frame, Contract(source.title, ("pcds",), _RULES), source, path)
