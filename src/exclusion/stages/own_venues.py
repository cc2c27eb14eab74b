"""Planners' own venue files in one table, each row a venue or accounted for; postcodes are read only where they are needed."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd


def read_own_files(
    paths: Sequence[Path], postcodes: Callable[[], pd.DataFrame | None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read venue files; return their venues and the rows that cannot be used.

    The first table has the venue columns and `file, row, cost, capacity_people, parish, round_id`; the second `file,
    row, name, reason`. `postcodes` reads Code-Point Open and is asked only where a row has no coordinates. Ids are
    made unique over files by the file's place in the list. Raises ContractError where no row of a file can be used.
    """
    from exclusion.sources import catalogue
    from exclusion.sources.readers_own_venues import read_own_venues, read_venues_file

    source = catalogue().source("own_venues")
    tables, lost = [], []
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
    if not tables:
        empty = pd.DataFrame({"file": [], "row": [], "name": [], "reason": []}, dtype="object")
        return pd.DataFrame({"venue_id": [], "name": []}, dtype="object"), empty
    return pd.concat(tables, ignore_index=True), pd.concat(lost, ignore_index=True)


def left_out_text(left_out: pd.DataFrame) -> list[str]:
    """Return a sentence for each row that could not be used."""
    return [
        f"Row {int(row.row)} of {row.file}"
        + (f" ({row.name})" if row.name else "")
        + f" is left out: {row.reason}."
        for row in left_out.itertuples(index=False)
    ]
