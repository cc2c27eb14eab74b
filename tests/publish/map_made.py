"""A small made county for the map's tests: areas with wandering shared edges, a hole, an island, venues, reach."""

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import LineString, MultiPolygon, Polygon

from exclusion.access.surfaces import Overlay
from exclusion.publish.map.content import (
    SURFACE_BREAKS_MIN,
    SURFACE_COLOURS,
    Context,
    Domain,
    Edition,
    PageContent,
    Plan,
    Reach,
    SourceNote,
    SurfaceLayer,
)

DOMAINS = (Domain("skills", "Skills and use", 55.0), Domain("connection", "Connection", 45.0))


def made_areas(columns: int = 6, rows: int = 5, *, seed: int = 0) -> gpd.GeoDataFrame:
    """Cells of a grid whose edges wander; the first holds an enclave, the last has an island."""
    rng = np.random.default_rng(seed)
    west, south, side, steps = 400_000.0, 580_000.0, 2_000.0, 6

    def wander(a, b):
        t = np.linspace(0, 1, steps + 1)[1:-1, None]
        return [tuple(p) for p in a + (b - a) * t + rng.uniform(-150, 150, (steps - 1, 2))]

    corner = {
        (i, j): np.array([west + i * side, south + j * side]) + rng.uniform(-200, 200, 2)
        for i in range(columns + 1)
        for j in range(rows + 1)
    }
    across = {(i, j): wander(corner[i, j], corner[i + 1, j]) for i in range(columns) for j in range(rows + 1)}
    upward = {(i, j): wander(corner[i, j], corner[i, j + 1]) for i in range(columns + 1) for j in range(rows)}

    def ring(i, j):
        up, down = reversed(across[i, j + 1]), across[i, j]
        left, right = reversed(upward[i, j]), upward[i + 1, j]
        return [
            tuple(corner[i, j]), *down, tuple(corner[i + 1, j]), *right, tuple(corner[i + 1, j + 1]), *up,
            tuple(corner[i, j + 1]), *left,
        ]  # fmt: skip

    shapes = [ring(i, j) for j in range(rows) for i in range(columns)]
    middle = np.array(shapes[0]).mean(axis=0)
    hole = [
        tuple(middle + 300 * np.array([np.cos(a), np.sin(a)])) for a in np.linspace(0, 2 * np.pi, 13)[:-1]
    ]
    polygons = [Polygon(shapes[0], [hole]), *(Polygon(shape) for shape in shapes[1:-1])]
    far = west + (columns + 1) * side
    island = Polygon([(far, south), (far + 400, south), (far + 400, south + 500), (far, south + 400)])
    polygons += [MultiPolygon([Polygon(shapes[-1]), island]), Polygon(hole)]
    count = len(polygons)
    frame = gpd.GeoDataFrame(
        {
            "lsoa21cd": [f"E0100{at:04d}" for at in range(count)],
            "lsoa21nm": [f"Fellshire {at // 5 + 1:03d}{'ABCDE'[at % 5]}" for at in range(count)],
            "lad_cd": ["E06000998" if at % columns < columns // 2 else "E06000999" for at in range(count)],
            "lad_nm": ["Fellshire" if at % columns < columns // 2 else "Marrick" for at in range(count)],
            "wd_nm": [f"Ward {at // 3}" for at in range(count)],
            "ruc21nm": [("Larger rural", "Urban")[at % 2] for at in range(count)],
            "is_rural": [at % 2 == 0 for at in range(count)],
        },
        geometry=polygons,
        crs=27700,
    )
    points = frame.representative_point()
    return frame.assign(x_m=points.x, y_m=points.y)


def made_table(areas: gpd.GeoDataFrame, *, seed: int = 1) -> pd.DataFrame:
    """Values for every column that the page knows, with a null here and there."""
    rng = np.random.default_rng(seed)
    count = len(areas)
    risk = rng.uniform(20, 80, count)
    help_min = rng.gamma(4, 5, count)
    exclusion = risk * (1 + 0.01 * help_min)
    table = pd.DataFrame(
        {
            "risk_score": risk, "exclusion_score": exclusion, "rural_contribution": exclusion - risk,
            "risk_rank": (-risk).argsort().argsort() + 1, "exclusion_rank": (-exclusion).argsort().argsort() + 1,
            "rural_factor": 1 + 0.01 * help_min, "is_ranked": True, "skills_score": rng.uniform(0, 100, count),
            "connection_score": rng.uniform(0, 100, count), "skills_rank": np.arange(1, count + 1),
            "skills_contribution": rng.uniform(-9, 9, count), "connection_contribution": rng.uniform(-9, 9, count),
            "adults": rng.integers(900, 2_000, count), "help_min": help_min, "help_car_min": help_min * 0.8,
            "help_other_min": help_min * 2.2, "chance_worst_tenth_pct": rng.uniform(0, 100, count),
            "needs_type": rng.choice(["Skills and confidence", "No good connection"], count),
            "action": rng.choice(["Offer drop-in help", "Tell people of social tariffs"], count),
            "nearest_venue_nm": "Marrick Library",
            "reason": [f"High for skills; nearest help {minutes:.0f} minutes away." for minutes in help_min],
            "help_min__status": "modelled", "skills_score__status": rng.choice(["observed", "fallback"], count),
        },
        index=pd.Index(areas["lsoa21cd"], name="lsoa21cd"),
    )  # fmt: skip
    share = rng.uniform(4, 35, count)
    table["offline_share_pct"] = share
    table["people_offline"] = table["adults"] * share / 100
    for end, factor in (("low", 0.7), ("high", 1.4)):
        table[f"people_offline_{end}"] = table["people_offline"] * factor
        table[f"offline_share_{end}_pct"] = share * factor
        shift = -3 if end == "low" else 4
        for rank in ("risk_rank", "exclusion_rank"):
            table[f"{rank}_{end}"] = (table[rank] + shift).clip(1, count)
    table["people_offline_beyond_20_min"] = np.where(help_min > 20, table["people_offline"] * 0.6, 0.0)
    table.loc[table.index[3], "exclusion_score"] = np.nan
    table.loc[table.index[5], "help_min"] = np.nan
    return table


def made_venues(areas: gpd.GeoDataFrame) -> pd.DataFrame:
    """Four libraries that help today and eight halls that could."""
    at = [(7 * place) % len(areas) for place in range(12)]
    return pd.DataFrame(
        {
            "venue_id": [f"v{place:02d}" for place in range(12)],
            "name": [
                f"Marrick Library {place}" if place < 4 else f"Village Hall {place}" for place in range(12)
            ],
            "kind": ["library" if place < 4 else "village_hall" for place in range(12)],
            "is_existing": [place < 4 for place in range(12)],
            "postcode": ["NE46 1AA" if place < 4 else None for place in range(12)],
            "hours_per_week": [22.5 if place < 4 else np.nan for place in range(12)],
            "x_m": areas["x_m"].to_numpy()[at] + 150,
            "y_m": areas["y_m"].to_numpy()[at] - 150,
        }
    )


def made_reach(areas: gpd.GeoDataFrame, table: pd.DataFrame, venues: pd.DataFrame) -> Reach:
    """Three places in each area; straight-line minutes to every venue within 45 minutes."""
    rng = np.random.default_rng(2)
    demand = pd.DataFrame(
        {
            "demand_id": [f"{code}-{part}" for code in areas["lsoa21cd"] for part in range(3)],
            "lsoa21cd": np.repeat(areas["lsoa21cd"].to_numpy(), 3),
            "people_offline": np.repeat(table["people_offline"].to_numpy() / 3, 3),
        }
    )
    x = np.repeat(areas["x_m"].to_numpy(), 3) + rng.normal(0, 400, len(demand))
    y = np.repeat(areas["y_m"].to_numpy(), 3) + rng.normal(0, 400, len(demand))
    minutes = np.hypot(x[:, None] - venues["x_m"].to_numpy(), y[:, None] - venues["y_m"].to_numpy()) / 200
    row, column = np.nonzero(minutes <= 45)
    pairs = pd.DataFrame(
        {
            "demand_id": demand["demand_id"].to_numpy()[row],
            "venue_id": venues["venue_id"].to_numpy()[column],
            "minutes": minutes[row, column],
        }
    )
    return Reach(demand, pairs, 45.0, "straight line")


def made_edition(count: int, **changes: object) -> Edition:
    """An edition with one of everything."""
    settings: dict[str, object] = {
        "name": "2026-11", "date_text": "23 November 2026", "place_name": "Fellshire", "ranked_areas": count,
        "ranked_among": f"{count} areas of Fellshire",
        "sources": (SourceNote("Census 2021", "Office for National Statistics", "2021", "OGL v3.0", "ab" * 32, "supplied by hand"),),
        "fallbacks": ("Age bands stand in for single years.",), "backtest": ("Rank correlation 0.80.",),
        "method": ("Weighted sum.",), "limits": ("An estimate.",), "attribution": ("Contains OS data.", "Contains Royal Mail data."),
        "is_demonstration": True,
    }  # fmt: skip
    return Edition(**(settings | changes))  # type: ignore[arg-type]


def made_surface(areas: gpd.GeoDataFrame, key: str) -> SurfaceLayer:
    """Minutes to help that rise from west to east, in each of the seven classes."""
    west, south, east, north = areas.to_crs("EPSG:4326").total_bounds
    classes = np.repeat(np.arange(7, dtype=np.uint8)[None, :], 4, axis=0)
    overlay = Overlay(classes, SURFACE_BREAKS_MIN, west, south, east, north)
    return SurfaceLayer(key, overlay.png(SURFACE_COLOURS), (south, west, north, east))


def made_content(**changes: object) -> PageContent:
    """A whole page's content; any field can be given another value."""
    areas = made_areas()
    table = made_table(areas)
    venues = made_venues(areas)
    names = pd.DataFrame(
        {
            "name": ["Marrick", "Fell End"],
            "size": [1, 4],
            "x_m": [404_000.0, 408_000.0],
            "y_m": [584_000.0, 586_000.0],
        }
    )
    west, south, east, north = areas.total_bounds
    roads = gpd.GeoSeries(
        [
            LineString([(west - 900, south), (west + 5_000, south + 6_000), (east, north)]),
            LineString([(west, north), (east + 900, south + 2_000)]),
        ],
        crs=27700,
    )
    outlines = gpd.GeoSeries([areas.union_all().buffer(3_000)], crs=27700)
    settings: dict[str, object] = {
        "areas": areas, "table": table, "edition": made_edition(len(areas)), "domains": DOMAINS, "venues": venues,
        "plan": Plan(("v05", "v07"), (120.4, 60.0), "No two venues can reach more than 200.", minutes=20.0),
        "reach": made_reach(areas, table, venues),
        "postcodes": pd.DataFrame({"postcode": ["NE46 1AA", "NE46 1AB", "NE47 9ZZ"], "lsoa21cd": areas["lsoa21cd"].to_numpy()[[0, 1, 9]]}),
        "surfaces": (made_surface(areas, "with_car"), made_surface(areas, "without_car")),
        "context": Context(place_names=names, roads=roads, outlines=outlines),
    }  # fmt: skip
    return PageContent(**(settings | changes))  # type: ignore[arg-type]
