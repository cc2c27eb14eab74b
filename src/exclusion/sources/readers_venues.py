"""The `venues` table that all readers of venues make: its contract, ids that stay, and places by postcode."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from exclusion.sources.contracts import Contract, fail, finish, flag, number, text
from exclusion.sources.readers_lookups import EASTING, NORTHING

if TYPE_CHECKING:
    from exclusion.sources.catalogue import Source

VENUE_COLUMNS = [
    "venue_id", "name", "kind", "is_existing", "postcode", "x_m", "y_m", "hours_per_week", "source_id",
]  # fmt: skip
# kind: what a venue is, in the order in which planners name them.
KINDS = (
    "library", "village_hall", "community_centre", "gp_practice", "jobcentre", "mobile_library_stop", "post_office",
    "pharmacy", "place_of_worship", "school", "other",
)  # fmt: skip
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)\s*([0-9][A-Z]{2})")
_VENUE = Contract(
    title="venues",
    key=("venue_id",),
    columns={
        "venue_id": text(),
        "name": text(),
        "kind": text(one_of=KINDS),
        "is_existing": flag(),
        "postcode": text(is_nullable=True, pattern=r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"),
        "x_m": number(EASTING.low, EASTING.high, is_nullable=True),
        "y_m": number(NORTHING.low, NORTHING.high, is_nullable=True),
        "hours_per_week": number(0, 168, is_nullable=True),
        "source_id": text(),
    },
)


def tidy_postcode(value: object) -> str | None:
    """Return a postcode as `AB1 2CD`, or None where the text holds none."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    found = _POSTCODE.fullmatch(re.sub(r"[\s.,-]+", "", str(value)).upper())
    return f"{found[1]} {found[2]}" if found else None


def slug(*parts: object) -> str:
    """Return words as a lower-case name part for an id."""
    words = " ".join(str(part) for part in parts if part is not None and part == part)  # noqa: PLR0124 - NaN
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def unique_ids(source_id: str, names: Sequence[str], finer: Sequence[Sequence[str | None]] = ()) -> list[str]:
    """Return `<source_id>:<name>`; names that clash take the finer parts in turn, and at last a number by order."""
    ids = pd.Series(list(names), dtype="str")
    for parts in finer:
        is_twice = ids.duplicated(keep=False)
        if not is_twice.any():
            break
        ids = ids.where(~is_twice, [f"{i}-{slug(p)}" if p else i for i, p in zip(ids, parts, strict=True)])
    order = ids.groupby(ids).cumcount()
    ids = ids.where(order == 0, [f"{i}-{n + 1}" for i, n in zip(ids, order, strict=True)])
    return [f"{source_id}:{name}" for name in ids]


def to_grid(longitude: Any, latitude: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return EPSG:27700 metres of WGS 84 degrees, null where either is missing."""
    from pyproj import Transformer

    lon = pd.to_numeric(pd.Series(longitude), errors="coerce").to_numpy(float)
    lat = pd.to_numeric(pd.Series(latitude), errors="coerce").to_numpy(float)
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:27700", always_xy=True).transform(lon, lat)
    is_there = np.isfinite(lon) & np.isfinite(lat) & np.isfinite(x) & np.isfinite(y)
    return np.where(is_there, x, np.nan), np.where(is_there, y, np.nan)


def finish_venues(frame: pd.DataFrame, source: "Source", name: str, *, key: str = "venue_id") -> pd.DataFrame:
    """Check venues against their contract and sort them by id; positions are null in pairs or not at all.

    A venue at 0, 0, in the sea west of Cornwall, has no position: some programs write 0 for a blank.
    """
    is_blank = (frame["x_m"] == 0) & (frame["y_m"] == 0)
    frame = frame.assign(**{axis: frame[axis].mask(is_blank) for axis in ("x_m", "y_m")})
    half = frame["x_m"].isna() != frame["y_m"].isna()
    if half.any():
        raise fail(source, name, f"venue {frame.loc[half.idxmax(), key]} has one coordinate of two")
    frame = frame.assign(
        is_existing=frame["is_existing"].astype(bool),
        hours_per_week=frame["hours_per_week"].astype(float),
        postcode=frame["postcode"].astype("str").where(frame["postcode"].notna()),
        source_id=source.id,
    )
    return finish(frame[VENUE_COLUMNS], _VENUE, source, name, is_whole=False)


@dataclass(frozen=True)
class Placed:
    """Venues that have a position, and those left out: `venue_id, name, reason`."""

    venues: pd.DataFrame
    left_out: pd.DataFrame


def place_by_postcode(venues: pd.DataFrame, postcodes: pd.DataFrame | None) -> Placed:
    """Give venues without coordinates the position of their postcode.

    `postcodes` is the table of Code-Point Open (`pcds, quality, x_m, y_m`); None where it is not at hand. Nothing is
    guessed: a venue whose postcode is missing, unknown, or of quality 90 (no coordinates) is left out with a reason.
    """
    is_bare = venues["x_m"].isna()
    venues = venues.copy()
    reason = pd.Series(pd.NA, index=venues.index, dtype="object")
    if is_bare.any() and postcodes is not None:
        wanted = venues.loc[is_bare, "postcode"].dropna().unique()
        known = postcodes[postcodes["pcds"].isin(wanted)].set_index("pcds")[["x_m", "y_m"]]
        found = known.reindex(venues.loc[is_bare, "postcode"])
        venues.loc[is_bare, "x_m"] = found["x_m"].to_numpy()
        venues.loc[is_bare, "y_m"] = found["y_m"].to_numpy()
        is_known = venues["postcode"].isin(known.index)
        reason[is_bare & ~is_known] = "its postcode is not in Code-Point Open"
        reason[is_bare & is_known] = "its postcode has no coordinates in Code-Point Open"
    elif is_bare.any():
        reason[is_bare] = "it has a postcode and no coordinates, and Code-Point Open is not at hand"
    reason[is_bare & venues["postcode"].isna()] = "it has neither coordinates nor a postcode"
    is_placed = venues["x_m"].notna()
    left_out = venues.loc[~is_placed, ["venue_id", "name"]].assign(reason=reason[~is_placed].astype("str"))
    return Placed(
        venues[is_placed].sort_values("venue_id", ignore_index=True),
        left_out.sort_values("venue_id", ignore_index=True),
    )


def read_parquet(path: Path, source: "Source") -> pd.DataFrame:
    """Read a Parquet table; ContractError names the file where it is not whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table: pd.DataFrame = pq.read_table(path).to_pandas()
    except (pa.ArrowInvalid, OSError) as fault:
        raise fail(source, path, f"it is not whole Parquet ({str(fault).splitlines()[0]})") from None
    return table
