"""Real data: the UKCEH raster keeps every total, and Rutland's roads, grid and villages agree."""

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest

from exclusion.access import population
from exclusion.access.friction import FrictionGrid
from exclusion.access.modes import rural_codes
from exclusion.access.population import FROM_RASTER, apportioned, demand_of, populated_places
from exclusion.access.rasters import cell_shares
from exclusion.access.road_graph import RoadGraph
from exclusion.access.roads import read_roads
from exclusion.access.travel import Points, points_of

pytestmark = pytest.mark.real

RASTER = "raster/GB_residential_population_2011_1_km_deflate.tif"
EXTRACT = "roads/rutland-latest.osm.pbf"


def real_areas(real, council=None):
    filters = None if council is None else [("LADCD", "==", council)]
    areas = gpd.read_parquet(real / "boundaries" / "lsoa21_ew_bgc_wgs84.parquet", filters=filters)
    areas = areas.rename(columns={"LSOA21CD": "lsoa21cd"})[["lsoa21cd", "geometry"]].to_crs(27700)
    areas["geometry"] = areas.geometry.make_valid()
    centroids = pd.read_csv(
        real / "centroids" / "lsoa21_population_weighted_centroids_ew_bng.csv.gz", encoding="utf-8-sig"
    ).rename(columns={"LSOA21CD": "lsoa21cd", "x": "x_m", "y": "y_m"})
    rural = pd.read_csv(real / "ruc" / "LSOA21_RUC21_EW_LU.csv").rename(
        columns={"LSOA21CD": "lsoa21cd", "RUC21CD": "ruc21cd"}
    )
    areas = areas.merge(centroids[["lsoa21cd", "x_m", "y_m"]], on="lsoa21cd", validate="1:1")
    return areas.merge(rural[["lsoa21cd", "ruc21cd"]], on="lsoa21cd", validate="1:1")


def real_people(real):
    cars = pd.read_csv(real / "census2021" / "census2021-ts045.zip").set_index("geography code")
    ages = pd.read_csv(real / "census2021" / "census2021_age_bands_lsoa21.csv.gz").set_index("geography code")
    adults = ages["Total"] - ages["Aged 15 years and under"]
    return pd.DataFrame(
        {
            "adults_16plus": adults,
            "people_offline": adults * 0.0731,
            "ts045_total": cars["Number of cars or vans: Total: All households"],
            "ts045_no_cars_or_vans_in_household": cars[
                "Number of cars or vans: No cars or vans in household"
            ],
        }
    ).rename_axis("lsoa21cd")


def test_northumberlands_totals_are_kept_and_no_cell_counts_twice(real):
    areas, people = real_areas(real, "E06000057"), real_people(real)
    assert len(areas) == 200
    shares, facts = cell_shares(areas, real / RASTER)
    assert facts.crs.to_epsg() == 27700
    assert shares.groupby(["row", "column"])["coverage"].sum().max() <= 1 + 1e-9
    # 316,028 people in the Census of 2011; the part of coastal cells that lies in the sea falls to nobody.
    assert 0.975 * 316_028 < shares["population"].sum() < 316_028
    places = populated_places(areas, raster=real / RASTER)
    assert places["place_from"].eq(FROM_RASTER).all()
    demand, notes = demand_of(places, people)
    assert notes == []
    for name, source in (("adults", "adults_16plus"), ("people_offline", "people_offline")):
        sums = demand.groupby("lsoa21cd")[name].sum()
        assert np.abs(sums - people.loc[sums.index, source]).max() < 1e-6
    # A moor's people are in its dales: the places of the widest area are far from its middle.
    widest = areas.loc[areas.area.idxmax()]
    mine = places[places["lsoa21cd"] == widest["lsoa21cd"]]
    assert len(mine) > 40
    middle = widest["geometry"].centroid
    assert np.hypot(mine["x_m"] - middle.x, mine["y_m"] - middle.y).max() > 10_000


@pytest.mark.slow
def test_totals_of_england_and_wales_are_kept_to_a_millionth(real, monkeypatch):
    areas, people = real_areas(real), real_people(real)
    assert len(areas) == 35_672
    seen = []
    monkeypatch.setattr(
        population,
        "cell_shares",
        lambda *args, **kwargs: seen.append(cell_shares(*args, **kwargs)) or seen[0],
    )
    places = populated_places(areas, raster=real / RASTER)
    codes, group = np.unique(places["lsoa21cd"].to_numpy(dtype=object).astype(str), return_inverse=True)
    assert len(codes) == 35_672
    for source in ("adults_16plus", "people_offline"):
        totals = people.loc[codes, source].to_numpy(dtype=float)
        parts = apportioned(totals, group, places["weight"].to_numpy())
        assert np.abs(np.bincount(group, weights=parts) - totals).max() < 1e-6
    assert places.loc[places["place_from"] == FROM_RASTER, "lsoa21cd"].nunique() > 35_600
    shares, _ = seen[0]
    assert shares.groupby(["row", "column"])["coverage"].sum().max() <= 1 + 1e-9
    # 56.08 million in the Census of 2011; the part of coastal cells that lies in the sea falls to nobody.
    assert 0.985 * 56_075_912 < shares["population"].sum() < 56_075_912


def helping_places(real):
    """The extract's libraries and community centres: nodes, and ways at the mean of their corners."""
    rows = []
    reader = (
        osmium.FileProcessor(str(real / EXTRACT))
        .with_locations()
        .with_filter(osmium.filter.KeyFilter("amenity"))
    )
    for thing in reader:
        kind = thing.tags.get("amenity")
        if kind not in ("library", "community_centre") or thing.is_relation():
            continue
        spots = (
            [(thing.lon, thing.lat)] if thing.is_node() else [(node.lon, node.lat) for node in thing.nodes]
        )
        rows.append((kind, thing.tags.get("name"), *np.mean(spots, axis=0)))
    table = pd.DataFrame(rows, columns=["kind", "name", "longitude", "latitude"])
    spots = gpd.GeoSeries(gpd.points_from_xy(table["longitude"], table["latitude"]), crs=4326).to_crs(27700)
    return table.assign(x_m=spots.x, y_m=spots.y)


@pytest.fixture(scope="module")
def rutland(real):
    areas = real_areas(real, "E06000017")
    places = populated_places(areas, raster=real / RASTER)
    rural = rural_codes(places["lsoa21cd"].map(areas.set_index("lsoa21cd")["ruc21cd"]).to_numpy(dtype=object))
    network = read_roads(real / EXTRACT)
    homes = points_of(places, what="places", rural=rural)
    return homes, network, RoadGraph(network), FrictionGrid.from_roads(network, homes, cell_m=100.0)


def test_rutlands_roads_are_connected_and_every_home_is_joined(real, rutland):
    homes, network, roads, _grid = rutland
    venues = helping_places(real)
    assert venues["kind"].value_counts().to_dict() == {"community_centre": 28, "library": 4}
    report = roads.report(homes, points_of(venues, what="venues"))
    # 927 km of driveable road in the data's README; private drives are left out here.
    assert network.driveable_km == pytest.approx(900, abs=50)
    assert report["drive_main_pct"] > 95
    assert report["drive_islands"] > 0
    assert report["drive_origins_unjoined"] == report["drive_venues_unjoined"] == 0
    assert report["drive_origins_on_islands"] == 0
    assert report["drive_origins_past_islands"] > 0
    assert report["drive_origins_join_max_m"] < 1_500
    assert report["drive_venues_join_max_m"] < 250


def test_roads_and_grid_agree_in_rutland(real, rutland):
    homes, _network, roads, grid = rutland
    venues = helping_places(real)
    for kind, least in (("library", 0.95), ("community_centre", 0.9)):
        goal = points_of(venues[venues["kind"] == kind], what="venues")
        by_road = roads.minutes_to_nearest(homes, goal, mode="drive")
        by_grid = grid.minutes_to_nearest(homes, goal, mode="drive")
        assert np.isfinite(by_road).all()
        assert np.corrcoef(by_road, by_grid)[0, 1] > least
        assert abs(np.median(by_grid - by_road)) < 1.0
    goal = points_of(venues, what="venues")
    by_road = roads.pairs(homes, goal, mode="drive", limit_min=90).matrix().toarray()
    by_grid = grid.pairs(homes, goal, mode="drive", limit_min=90).matrix().toarray()
    both = (by_road > 0) & (by_grid > 0)
    assert both.mean() > 0.99
    assert np.corrcoef(by_road[both], by_grid[both])[0, 1] > 0.98
    assert np.median(by_grid[both] / by_road[both]) == pytest.approx(1.0, abs=0.05)


# Off-peak drives as a person who knows the roads would put them, from distance and the kind of road. Cottesmore to
# Oakham: 7.5 km by Burley, about 9 minutes. Whissendine to Oakham: 8 km of lanes and the A606, about 11. Barrowden to
# Uppingham: 9.5 km by the A47, about 10.
VILLAGES = {
    "Cottesmore": ((490_100, 313_600), "Rutland County Library", 9.0),
    "Whissendine": ((483_100, 314_300), "Rutland County Library", 11.0),
    "Barrowden": ((494_500, 300_100), "Uppingham Library", 10.0),
}


def test_three_villages_take_a_plausible_drive(real, rutland):
    _homes, _network, roads, _grid = rutland
    venues = helping_places(real).set_index("name")
    for (x, y), library, expected in VILLAGES.values():
        home = Points(np.array([float(x)]), np.array([float(y)]), np.zeros(1, dtype=np.int8))
        minutes = roads.pairs(
            home, points_of(venues.loc[[library]], what="venues"), mode="drive", limit_min=60
        ).minutes
        assert minutes[0] == pytest.approx(expected, rel=0.2)
