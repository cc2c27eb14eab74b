"""Planners' own venue files in one table, each row a venue or accounted for; postcodes are read only where they are needed."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

# Rows that one sentence names.
_TOLD = 3
_UNREAD = {
    "hours_per_week": "The hours a week",
    "cost": "The cost",
    "capacity_people": "The number of people that can be helped",
}


@dataclass(frozen=True, kw_only=True)
class OwnFiles:
    """What planners' files hold.

    `venues` has the venue columns and `file, row, cost, capacity_people, parish, round_id`; `left_out` the rows that
    cannot be used, `file, row, name, reason`; `unread` the entries that are no numbers, `file, row, name, what, written`.
    """

    venues: pd.DataFrame
    left_out: pd.DataFrame
    unread: pd.DataFrame


def read_own_files(paths: Sequence[Path], postcodes: Callable[[], pd.DataFrame | None]) -> OwnFiles:
    """Read venue files.

    `postcodes` reads Code-Point Open and is asked only where a row has no coordinates. Ids are made unique over files
    by the file's place in the list. Raises ContractError where no row of a file can be used.
    """
    from exclusion.sources import catalogue
    from exclusion.sources.readers_own_venues import read_own_venues, read_venues_file

    source = catalogue().source("own_venues")
    tables = [pd.DataFrame({"venue_id": [], "name": []}, dtype="object")]
    lost = [pd.DataFrame({"file": [], "row": [], "name": [], "reason": []}, dtype="object")]
    unread = [pd.DataFrame({"file": [], "row": [], "name": [], "what": [], "written": []}, dtype="object")]
    for number, path in enumerate(paths, start=1):
        first = read_venues_file(path, source)
        found = read_own_venues(path, source, postcodes() if first["x_m"].isna().any() else None)
        table = found.venues.merge(found.extras, on="venue_id", how="left", validate="one_to_one")
        rows = first.attrs["rows"]
        table["row"] = [rows[identity] for identity in table["venue_id"]]
        table["file"] = path.name
        if number > 1:
            table["venue_id"] = table["venue_id"] + f"-{number}"
        tables.append(table)
        lost.append(found.left_out.assign(file=path.name)[["file", "row", "name", "reason"]])
        unread.append(found.unread.assign(file=path.name)[["file", "row", "name", "what", "written"]])
    return OwnFiles(venues=_joined(tables), left_out=_joined(lost), unread=_joined(unread))


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return tables in one; the first, without rows, stands for all where none has any."""
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def unread_text(unread: pd.DataFrame, whats: Collection[str]) -> list[str]:
    """Return a sentence for each file and kind of entry that is no number, of the kinds that a question rests on."""
    said = []
    for (file, what), rows in unread[unread["what"].isin(list(whats))].groupby(["file", "what"], sort=True):
        named = [
            f"row {int(row.row)} ({row.name}) says '{row.written}'"
            for row in rows.head(_TOLD).itertuples(index=False)
        ]
        more = f" and {len(rows) - _TOLD:,} more" if len(rows) > _TOLD else ""
        count = "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
        said.append(
            f"{_UNREAD[str(what)]} of {count} of {file} {'is' if what != 'hours_per_week' else 'are'} taken as not known, for "
            f"there is no number that can be used: {', '.join(named)}{more}."
        )
    return said


def left_out_text(left_out: pd.DataFrame) -> list[str]:
    """Return a sentence for each row that could not be used."""
    return [
        f"Row {int(row.row)} of {row.file}"
        + (f" ({row.name})" if row.name else "")
        + f" is left out: {row.reason}."
        for row in left_out.itertuples(index=False)
    ]


def left_out_count(count: int) -> str:
    """Return how many rows could not be used, as the subject of a sentence."""
    return "1 row" if count == 1 else f"{count:,} rows"
