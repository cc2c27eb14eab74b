"""A user's own areas: a CSV that says which areas each is made of, or shapes drawn on a map."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from exclusion.errors import InputError
from exclusion.geography.areas import WORKING_CRS
from exclusion.geography.codes import is_area

_SHAPES = (".geojson", ".json", ".gpkg", ".shp", ".parquet")
_NAME_COLUMNS = ("name", "group", "label", "title", "ward", "parish", "pcn")
# A shape that misses less than this of its own ground counts as covered: shorelines are drawn differently.
_COVERED_PCT = 99.0


@dataclass(frozen=True)
class CustomAreas:
    """Which part of which area is in which of the user's areas, and how that was found.

    member: `lsoa21cd, group, weight` (share of the area's people, above 0 to 1) and `covered_pct` (of the shape);
    remarks: a sentence each on coverage, split areas and rounding.
    """

    member: pd.DataFrame
    remarks: tuple[str, ...]


def read_custom_areas(path: Path, areas: Any, places: pd.DataFrame | None = None) -> CustomAreas:
    """Read a user's own areas from a CSV of codes or a file of shapes (GeoJSON, GeoPackage, Shapefile, GeoParquet).

    `areas` is the areas table (27700). `places` says where people live, `lsoa21cd, x_m, y_m, people`: an area that a
    shape cuts is shared out by the people on each side. An area without places goes whole to the shape that holds its
    population-weighted centroid. InputError says what is wrong with the file.
    """
    if not path.is_file():
        raise InputError(f"--areas {path}: there is no such file.")
    if path.suffix.lower() in _SHAPES:
        return _from_shapes(path, areas, places)
    return _from_codes(path, areas)


def _from_codes(path: Path, areas: Any) -> CustomAreas:
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: this is not a CSV in UTF-8 ({error}); save it again as CSV UTF-8."
        ) from error
    if not rows:
        raise InputError(
            f"{path}: the file holds no rows; it needs a column of LSOA 2021 codes and a column of names."
        )
    columns = [str(name) for name in rows[0] if name]
    code = next((c for c in columns if any(is_area((row[c] or "").strip().upper()) for row in rows)), None)
    if code is None:
        raise InputError(f"{path}: no column holds LSOA codes such as E01027363; add a column lsoa21cd.")
    weight = next((c for c in columns if c.strip().lower() == "weight"), None)
    others = [c for c in columns if c not in {code, weight}]
    group = next(
        (c for wanted in _NAME_COLUMNS for c in others if c.strip().lower() == wanted),
        others[0] if others else None,
    )
    if group is None:
        raise InputError(
            f"{path}: there is no column that names your areas; add a column `name` beside {code}."
        )
    known = set(areas["lsoa21cd"])
    found = []
    for number, row in enumerate(rows, start=2):
        lsoa, name = (row[code] or "").strip().upper(), (row[group] or "").strip()
        if lsoa not in known:
            raise InputError(
                f"{path}, line {number}: '{lsoa}' is not among the LSOA 2021 areas at hand; mend or remove the line."
            )
        if not name:
            raise InputError(f"{path}, line {number}: {lsoa} has no {group}; name the area it belongs to.")
        found.append((lsoa, name, _weight(path, number, None if weight is None else row[weight])))
    member = pd.DataFrame(found, columns=["lsoa21cd", "group", "weight"])
    twice = member.duplicated(["lsoa21cd", "group"])
    if twice.any():
        first = member[twice].iloc[0]
        raise InputError(
            f"{path}: {first['lsoa21cd']} is twice in {first['group']}; remove one of the lines."
        )
    return CustomAreas(
        member.assign(covered_pct=100.0),
        tuple(
            _remarks(
                member,
                areas,
                "the weights of your file" if weight is not None else "whole areas, as your file lists them",
            )
        ),
    )


def _weight(path: Path, number: int, text: str | None) -> float:
    if text is None or not text.strip():
        return 1.0
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 < weight <= 1:
        raise InputError(f"{path}, line {number}: weight '{text}' is not a share above 0 and up to 1.")
    return weight


def _from_shapes(path: Path, areas: Any, places: pd.DataFrame | None) -> CustomAreas:
    import geopandas

    shapes = _read_shapes(path)
    points, how = _points(areas, places)
    inside = points.sjoin(shapes[["group", "geometry"]], predicate="within")
    member = (
        pd.DataFrame(inside.drop(columns="geometry"))
        .groupby(["group", "lsoa21cd"])["share"]
        .sum()
        .clip(upper=1.0)
    )
    member = member[member > 0].rename("weight").reset_index()[["lsoa21cd", "group", "weight"]]
    lost = sorted(set(shapes["group"]) - set(member["group"]))
    if lost:
        raise InputError(
            f"{path}: nobody of the areas at hand lives in '{lost[0]}'; draw it over areas that have been run, or remove it."
        )
    west, south, east, north = shapes.total_bounds
    near = geopandas.GeoDataFrame(areas[["geometry"]], crs=areas.crs).cx[west:east, south:north]
    whole = near.geometry.union_all()
    covered = 100.0 * shapes.geometry.intersection(whole).area / shapes.geometry.area
    by_group = pd.Series(covered.to_numpy(), index=shapes["group"].to_numpy())
    member["covered_pct"] = member["group"].map(by_group)
    remarks = _remarks(member, areas, how)
    remarks += [
        f"{name}: {share:.1f}% of the shape lies in areas at hand; people in the rest are not counted."
        for name, share in by_group.items()
        if share < _COVERED_PCT
    ]
    return CustomAreas(member.sort_values(["group", "lsoa21cd"], ignore_index=True), tuple(remarks))


def _read_shapes(path: Path) -> Any:
    """Return the shapes as `group, geometry` in EPSG:27700, one row a name."""
    import geopandas
    import pyogrio.errors
    import shapely

    try:
        shapes = (
            geopandas.read_parquet(path) if path.suffix.lower() == ".parquet" else geopandas.read_file(path)
        )
    except (pyogrio.errors.DataSourceError, OSError, ValueError) as error:
        raise InputError(
            f"{path}: this is no file of shapes that can be read ({str(error).splitlines()[0]})."
        ) from None
    if shapes.empty or shapes.crs is None:
        raise InputError(
            f"{path}: the file holds {'no shapes' if shapes.empty else 'no coordinate reference system'}; save it again from your GIS."
        )
    texts = [c for c in shapes.columns if c != "geometry" and not pd.api.types.is_numeric_dtype(shapes[c])]
    name = next(
        (c for wanted in _NAME_COLUMNS for c in shapes.columns if str(c).lower() == wanted),
        texts[0] if texts else None,
    )
    if name is None:
        raise InputError(f"{path}: the shapes have no names; give each a property `name`.")
    shapes = shapes.to_crs(WORKING_CRS)
    shapes["group"] = shapes[name].astype("string").str.strip()
    if shapes["group"].isna().any() or (shapes["group"] == "").any():
        raise InputError(f"{path}: a shape has no {name}; name every one.")
    shapes["geometry"] = shapely.make_valid(shapes.geometry.to_numpy())
    is_area = shapes.geometry.area > 0
    if not is_area.all():
        raise InputError(
            f"{path}: '{shapes.loc[~is_area, 'group'].iloc[0]}' is no area but a point or a line; draw it as a polygon."
        )
    merged = shapes[["group", "geometry"]].astype({"group": str}).dissolve("group")
    return merged.reset_index()


def _points(areas: Any, places: pd.DataFrame | None) -> tuple[Any, str]:
    """Return where people live, `lsoa21cd, share` as points (shares of an area sum to 1), and how that is known."""
    import geopandas

    centroids = pd.DataFrame(
        {"lsoa21cd": areas["lsoa21cd"], "x_m": areas["x_m"], "y_m": areas["y_m"], "share": 1.0}
    )
    how = "population-weighted centroids: an area goes whole to the shape that holds its centroid"
    table = centroids
    if places is not None and len(places):
        total = places.groupby("lsoa21cd")["people"].transform("sum")
        known = places[total > 0].assign(share=places["people"] / total)
        known = known[known["lsoa21cd"].isin(areas["lsoa21cd"])]
        rest = centroids[~centroids["lsoa21cd"].isin(known["lsoa21cd"])]
        table = pd.concat([known[centroids.columns], rest], ignore_index=True)
        how = "where people live: an area that a shape cuts is shared out by the people on each side"
        if len(rest):
            how += f" ({len(rest):,} areas by their population-weighted centroid)"
    points = geopandas.GeoDataFrame(
        table[["lsoa21cd", "share"]],
        geometry=geopandas.points_from_xy(table["x_m"], table["y_m"]),
        crs=WORKING_CRS,
    )
    return points, how


def _remarks(member: pd.DataFrame, areas: Any, how: str) -> list[str]:
    held = member.groupby("lsoa21cd")["weight"].sum()
    parts = int((held < 1 - 1e-9).sum())
    twice = int((held > 1 + 1e-9).sum())
    said = [
        f"{_own(member['group'].nunique())} {len(held):,} of {len(areas):,} small areas; weights from {how}.",
        "Counts are summed over parts of areas and rounded to whole people at the very end, so each row may be half a person off.",
    ]
    if parts:
        said.append(
            f"{parts:,} small area{'s lie' if parts != 1 else ' lies'} only in part in your areas; the rest of the people there are in none of them."
        )
    if twice:
        said.append(
            f"{twice:,} small area{'s are' if twice != 1 else ' is'} counted in more than one of your areas, which overlap."
        )
    return said


def _own(number: int) -> str:
    return "1 area of your own holds" if number == 1 else f"{number:,} areas of your own hold"
