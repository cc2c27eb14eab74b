"""Venues from every source in one table: who gives help now, and who could."""

from collections.abc import Callable, Mapping

import pandas as pd

VENUE_COLUMNS = (
    "venue_id", "name", "kind", "is_existing", "postcode", "x_m", "y_m", "hours_per_week", "source_id",
)  # fmt: skip

# Two venues of one kind nearer than this with the same name are one building told of twice.
_SAME_BUILDING_M = 150.0


def join_venues(
    tables: Mapping[str, pd.DataFrame], *, postcodes: Callable[[], pd.DataFrame | None] | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return the `venues` table of all sources, sorted by `venue_id`, and what was left out, in words.

    A venue without coordinates is placed by its postcode (`postcodes` reads Code-Point Open, and is asked only where
    there is such a venue); one that cannot be placed cannot be reached and is left out. One building that two sources tell of (the same
    name within 150 m) stays once, as the source that gives help now, else as the first by id.
    """
    notes = []
    parts = [table[list(VENUE_COLUMNS)] for _, table in sorted(tables.items())]
    if not parts:
        return pd.DataFrame(columns=list(VENUE_COLUMNS)).astype(
            {"x_m": float, "y_m": float, "is_existing": bool}
        ), ()
    venues = pd.concat(parts, ignore_index=True)
    if postcodes is not None and (venues["x_m"].isna() & venues["postcode"].notna()).any():
        venues = _by_postcode(venues, postcodes())
    is_placed = venues["x_m"].notna() & venues["y_m"].notna()
    if not is_placed.all():
        lost = venues.loc[~is_placed, "source_id"].value_counts().sort_index()
        listed = ", ".join(f"{count:,} of {source}" for source, count in lost.items())
        notes.append(f"Venues without coordinates are left out: {listed}.")
        venues = venues[is_placed]
    venues = venues.assign(is_existing=venues["is_existing"].astype(bool))
    kept = _once_a_building(venues)
    if len(kept) < len(venues):
        notes.append(f"{len(venues) - len(kept):,} venues that two sources tell of are counted once.")
    return kept.sort_values("venue_id", ignore_index=True), tuple(notes)


def _by_postcode(venues: pd.DataFrame, postcodes: pd.DataFrame | None) -> pd.DataFrame:
    """Give venues without coordinates the position of their postcode, where it is known."""
    if postcodes is None:
        return venues
    # Of 1.7 million postcodes only those of venues are looked up: an index of all of them takes twenty seconds.
    wanted = venues.loc[venues["x_m"].isna(), "postcode"].dropna().unique()
    placed = postcodes[postcodes["pcds"].isin(wanted)].dropna(subset=["x_m", "y_m"])
    known = placed.set_index("pcds")[["x_m", "y_m"]]
    is_bare = venues["x_m"].isna() & venues["postcode"].isin(known.index)
    found = known.reindex(venues.loc[is_bare, "postcode"])
    venues = venues.copy()
    venues.loc[is_bare, ["x_m", "y_m"]] = found.to_numpy(float)
    return venues


def _once_a_building(venues: pd.DataFrame) -> pd.DataFrame:
    """Keep one row of each building: the same folded name in the same or a neighbouring square."""
    ordered = venues.sort_values(["is_existing", "venue_id"], ascending=[False, True])
    name = ordered["name"].fillna("").str.lower().str.replace(r"[^a-z0-9]+", " ", regex=True).str.strip()
    is_kept = pd.Series(data=True, index=ordered.index)
    for _, group in ordered.assign(folded=name).groupby("folded", sort=True):
        if len(group) == 1 or group["folded"].iloc[0] == "":
            continue
        xy = group[["x_m", "y_m"]].to_numpy(float)
        standing: list[int] = []
        for row in range(len(group)):
            near = any(((xy[row] - xy[other]) ** 2).sum() <= _SAME_BUILDING_M**2 for other in standing)
            if near:
                is_kept[group.index[row]] = False
            else:
                standing.append(row)
    return ordered[is_kept]
