"""Which venues a question is about: kinds and names as planners write them, one row a building, inside the place."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from exclusion.errors import InputError
from exclusion.geography.place_names import fold_name

# Two venues of one name nearer than this are one building told of twice.
_SAME_BUILDING_M = 150.0
_KIND_WORDS = {
    "hall": "village_hall", "gp": "gp_practice", "surgery": "gp_practice", "practice": "gp_practice",
    "doctor": "gp_practice", "church": "place_of_worship", "mobile": "mobile_library_stop", "community_hall": "community_centre",
    "community_center": "community_centre", "job_centre": "jobcentre", "jobcentre_plus": "jobcentre",
}  # fmt: skip
# Column of the venues table behind each word for a rule of one venue in each.
ONE_PER = {
    "ward": "wd_cd",
    "parish": "parish",
    "neighbourhood": "msoa21cd",
    "msoa": "msoa21cd",
    "council": "lad_cd",
}


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Hold the venues of a question and what was left out of it.

    `venues` is sorted by `venue_id`, with `lsoa21cd, wd_cd, lad_cd, msoa21cd` (and names where the areas have them) of
    the area each stands in (null outside the place). `left_out` has `file, row, name, reason`.
    """

    venues: Any
    left_out: Any


def kind_of(word: str, kinds: Sequence[str]) -> str | None:
    """Return the kind of venue that a word stands for ("libraries", "GP practices", "halls"), None where it is none."""
    plain = re.sub(r"[^a-z0-9]+", "_", word.strip().lower()).strip("_")
    single = re.sub(r"ies$", "y", plain) if plain.endswith("ies") else re.sub(r"(?<=ch)es$|s$", "", plain)
    for name in (plain, single):
        if name in kinds:
            return name
        if _KIND_WORDS.get(name) in kinds:
            return _KIND_WORDS[name]
    return None


def selected(venues: Any, words: Sequence[str], *, option: str) -> tuple[str, ...]:
    """Return the ids of the venues that words name: a kind, an id, or a name that only one venue has.

    Raises InputError naming the word that fits nothing, or several venues of one name.
    """
    kinds = sorted(set(venues["kind"].astype(str)))
    ids = venues["venue_id"].astype(str)
    names = venues["name"].astype(str).str.casefold().str.strip()
    found: list[str] = []
    for word in words:
        kind = kind_of(word, kinds)
        is_named = names == word.casefold().strip()
        if (ids == word).any():
            found.append(word)
        elif is_named.sum() == 1:
            found += ids[is_named].tolist()
        elif is_named.any():
            raise InputError(
                f"{option} {word!r}: {int(is_named.sum())} venues have that name"
                f" ({', '.join(ids[is_named].tolist()[:3])}): give the id of the one that is meant."
            )
        elif kind is not None:
            found += ids[venues["kind"].astype(str) == kind].tolist()
        else:
            raise InputError(f"{option} {word!r}: {_nothing(word, kinds, venues)}")
    return tuple(sorted(set(found)))


def _nothing(word: str, kinds: list[str], venues: Any) -> str:
    known = {
        name.casefold(): name
        for name in [*kinds, *venues["name"].astype(str), *venues["venue_id"].astype(str)]
    }
    near = difflib.get_close_matches(word.casefold(), list(known), n=1)
    hint = f"did you mean {known[near[0]]!r}?" if near else "give a kind, a venue's name or its id."
    return f"no venue of this question has that name, id or kind ({', '.join(kinds)}); {hint}"


def gathered(
    known: Any, own: Any, own_left_out: Any, areas: Any, *, place: str, around_m: float
) -> Candidates:
    """Put known venues and those of planners' files in one table, each building once, candidates inside the place only.

    `known` and `own` have the venue columns; `own` also `file, row, cost, capacity_people, parish, round_id`. Existing
    venues count up to `around_m` beyond the place's bounds, for people use them; a candidate outside the place is left out.
    """
    import geopandas
    import pandas as pd

    west, south, east, north = areas.total_bounds
    near = known[
        known["x_m"].between(west - around_m, east + around_m)
        & known["y_m"].between(south - around_m, north + around_m)
    ].reset_index(drop=True)
    lost = [own_left_out]
    if len(own):
        earlier = _repeated(own)
        is_again = np.array([row is not None for row in earlier])
        lost.append(
            own.loc[is_again, ["file", "row", "name"]].assign(
                reason=[f"it repeats {text}" for text in earlier if text is not None]
            )
        )
        own = own[~is_again].reset_index(drop=True)
        twin = _twins(own, near)
        is_same = np.array([name is not None for name in twin])
        # A planner's row of a building that gives help already tells nothing new; of another one it is the better row.
        is_there = near.set_index("venue_id")["is_existing"].astype(bool)
        is_lost = np.array([name is not None and bool(is_there[name]) for name in twin])
        lost.append(
            own.loc[is_lost, ["file", "row", "name"]].assign(
                reason="it gives digital help already and is counted so"
            )
        )
        near = near[
            ~near["venue_id"].isin(
                [name for name, gone in zip(twin, is_lost, strict=True) if name and not gone]
            )
        ]
        own = own[~is_lost | ~is_same]
    parts = [part for part in (near, own.drop(columns=["file"], errors="ignore")) if len(part)]
    venues = pd.concat(parts, ignore_index=True) if parts else near
    points = geopandas.GeoDataFrame(
        venues, geometry=geopandas.points_from_xy(venues["x_m"], venues["y_m"]), crs="EPSG:27700"
    )
    names = [name for name in ("wd_nm", "lad_nm") if name in areas.columns]
    columns = ["lsoa21cd", "wd_cd", "lad_cd", "msoa21cd", *names, "geometry"]
    placed = points.sjoin(areas[columns], how="left", predicate="intersects").drop_duplicates("venue_id")
    venues = pd.DataFrame(placed.drop(columns=["geometry", "index_right"]))
    is_outside = venues["lsoa21cd"].isna() & ~venues["is_existing"].astype(bool)
    outside = venues[is_outside & venues["venue_id"].isin(own["venue_id"] if len(own) else [])]
    if len(outside):
        away = _km_outside(outside["x_m"], outside["y_m"], areas)
        exchanged = _km_outside(outside["y_m"], outside["x_m"], areas)
        files = own.set_index("venue_id")["file"].reindex(outside["venue_id"]).to_numpy()
        lost.append(
            pd.DataFrame(
                {
                    "file": files,
                    "row": outside["row"].to_numpy(),
                    "name": outside["name"].to_numpy(),
                    "reason": [
                        f"it stands outside {place}, {km:,.1f} km from it"
                        + (" (inside it with easting and northing exchanged)" if other == 0 else "")
                        for km, other in zip(away, exchanged, strict=True)
                    ],
                }
            )
        )
    kept = (
        venues[~is_outside].drop(columns=["row"], errors="ignore").sort_values("venue_id", ignore_index=True)
    )
    left_out = pd.concat([part for part in lost if len(part)] or [own_left_out], ignore_index=True)
    return Candidates(venues=kept, left_out=left_out.sort_values(["file", "row"], ignore_index=True))


def _twins(own: Any, known: Any) -> list[str | None]:
    """Return for each of a planner's venues the known one of the same name within 150 m, None where there is none."""
    folded = known["name"].map(lambda name: fold_name(str(name or "")))
    found: list[str | None] = []
    for row in own.itertuples(index=False):
        same = known[(folded == fold_name(str(row.name))) & (folded != "")]
        metres = np.hypot(same["x_m"].to_numpy(float) - row.x_m, same["y_m"].to_numpy(float) - row.y_m)
        is_near = metres <= _SAME_BUILDING_M
        found.append(str(same["venue_id"].to_numpy()[is_near][0]) if is_near.any() else None)
    return found


def _repeated(own: Any) -> list[str | None]:
    """Return for each of a planner's venues the earlier row of its name and round within 150 m, None where there is none."""
    seen: dict[tuple[str, str], list[Any]] = {}
    found: list[str | None] = []
    rounds = own["round_id"].astype("object").where(own["round_id"].notna(), "")
    for row, of_round in zip(own.itertuples(index=False), rounds, strict=True):
        named = seen.setdefault((fold_name(str(row.name)), str(of_round)), [])
        same = [one for one in named if np.hypot(one.x_m - row.x_m, one.y_m - row.y_m) <= _SAME_BUILDING_M]
        found.append(
            f"row {int(same[0].row)} of {same[0].file}" if same and fold_name(str(row.name)) else None
        )
        named.append(row)
    return found


def _km_outside(x_m: Any, y_m: Any, areas: Any) -> list[float]:
    """Return how far outside the areas each point stands, in kilometres; 0 inside."""
    import geopandas

    outline = areas.geometry.union_all()
    points = geopandas.GeoSeries(geopandas.points_from_xy(x_m, y_m), crs="EPSG:27700")
    return [float(metres) / 1000 for metres in points.distance(outline)]
