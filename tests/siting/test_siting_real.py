"""Northumberland: its libraries stay, GP practices are candidates; the plan must read as a planner would expect."""

import geopandas
import numpy as np
import pandas as pd
import pytest
from siting_worlds import reach_of

from exclusion.siting.choice import choose, frontier
from exclusion.siting.explanation import explain
from exclusion.siting.plan_files import write_plan
from exclusion.siting.problem import Problem
from exclusion.siting.verification import verify

pytestmark = pytest.mark.real
COUNCIL = "E06000057"


@pytest.fixture(scope="module")
def county(real):
    """Demand on population-weighted centroids (residents over 75), libraries and surgeries, straight-line car minutes."""
    lookup = pd.read_csv(real / "lookups" / "lsoa21_ward24_lad24_ew.csv.gz", dtype=str)
    areas = lookup.loc[lookup["ltla24_code"] == COUNCIL, ["lsoa21_code"]].drop_duplicates()
    centres = pd.read_csv(
        real / "centroids" / "lsoa21_population_weighted_centroids_ew_bng.csv.gz", encoding="utf-8-sig"
    )
    ages = pd.read_csv(real / "census2021" / "census2021_age_bands_lsoa21.csv.gz")
    old = ["Aged 75 to 79 years", "Aged 80 to 84 years", "Aged 85 years and over"]
    ages["people_offline"] = ages[old].sum(axis=1)
    ruc = pd.read_csv(real / "ruc" / "LSOA21_RUC21_EW_LU.csv", encoding="utf-8-sig")
    demand = (
        areas.merge(centres, left_on="lsoa21_code", right_on="LSOA21CD", validate="one_to_one")
        .merge(ages, left_on="LSOA21CD", right_on="geography code", validate="one_to_one")
        .merge(ruc[["LSOA21CD", "RUC21CD", "Urban_rural_flag"]], on="LSOA21CD", validate="one_to_one")
        .rename(columns={"x": "x_m", "y": "y_m", "RUC21CD": "ruc21cd", "LSOA21CD": "lsoa21cd"})
    )
    demand["is_rural"] = demand["Urban_rural_flag"] == "Rural"
    demand["demand_id"] = demand["lsoa21cd"]
    demand = demand[["demand_id", "lsoa21cd", "x_m", "y_m", "people_offline", "ruc21cd", "is_rural"]]
    assert len(demand) == 200

    libraries = pd.read_parquet(real / "venues" / "libraries_england_2023_enhanced.parquet")
    libraries = libraries[
        (libraries["Reporting service"].str.contains("Northumberland"))
        & libraries["Year closed"].isna()
        & libraries["Operation in 2023"].notna()
        & (libraries["Type"] == "Static Library")
        & libraries["Easting"].notna()
    ]
    surgeries = pd.read_parquet(real / "venues" / "gp_practices_england_2020_geocoded.parquet").dropna(
        subset=["lat"]
    )
    points = geopandas.GeoSeries(
        geopandas.points_from_xy(surgeries["long"], surgeries["lat"]), crs=4326, index=surgeries.index
    ).to_crs(27700)
    west, south = demand["x_m"].min() - 3000, demand["y_m"].min() - 3000
    outline = geopandas.read_parquet(real / "boundaries" / "lsoa21_ew_bgc_wgs84.parquet")
    outline = outline[outline["LSOA21CD"].isin(areas["lsoa21_code"])].to_crs(27700).geometry.union_all()
    inside = points.x.between(west, west + 200_000) & points.y.between(south, south + 200_000)
    inside &= points.within(outline)
    venues = pd.concat(
        [
            pd.DataFrame(
                {
                    "venue_id": "library-"
                    + libraries["Postcode"].str.replace(" ", "")
                    + "-"
                    + libraries["Name"],
                    "name": libraries["Name"],
                    "kind": "library",
                    "x_m": libraries["Easting"],
                    "y_m": libraries["Northing"],
                }
            ),
            pd.DataFrame(
                {
                    "venue_id": "gp-" + surgeries.loc[inside, "Code"],
                    "name": surgeries.loc[inside, "Name"],
                    "kind": "gp_practice",
                    "x_m": points[inside].x,
                    "y_m": points[inside].y,
                }
            ),
        ],
        ignore_index=True,
    )
    km = np.hypot(
        *(demand[["x_m", "y_m"]].to_numpy()[:, None] - venues[["x_m", "y_m"]].to_numpy()[None]).transpose(
            2, 0, 1
        )
    )
    minutes = np.round(2 + 60 * 1.35 * km / 1000 / np.where(demand["is_rural"], 45.0, 22.0)[:, None], 2)
    return demand, venues, reach_of(minutes, 30.0)


def _problem(county, **options):
    demand, venues, reach = county
    keep = tuple(venues.loc[venues["kind"] == "library", "venue_id"])
    return Problem(
        demand=demand, venues=venues, reach=reach, keep=keep, place_name="Northumberland",
        weight_name="people over 75", **({"choose": 8, "limit_min": 10.0} | options),
    )  # fmt: skip


def test_a_plan_for_northumberland_is_proven_and_reads_well(county, tmp_path):
    demand, _, _ = county
    plan = choose(_problem(county))
    told = explain(plan)
    assert plan.is_proven
    assert 15 <= len(plan.instance.keep) <= 45
    assert all(identity.startswith("gp-") for identity in plan.chosen_ids)
    assert plan.people_reached_before < plan.people_reached <= plan.people_reachable <= plan.people_total
    assert plan.people_total == demand["people_offline"].sum()
    gains = told.curve.loc[told.curve["is_chosen"], "people_added"].to_numpy()
    assert (np.diff(gains) <= 1e-9).all()
    assert (gains > 0).all()
    # no new venue stands next door to a library, and one that stands near is pointed out
    new = told.venues[: len(plan.chosen)]
    assert new["nearest_open_km"].min() > 0.3
    assert (
        any(line.startswith("Look twice at") for line in told.sentences) == (new["nearest_open_km"] < 1).any()
    )
    assert "people over 75 within 10 minutes of help" in plan.summary
    assert verify(write_plan(plan, tmp_path, told)[0]).is_valid
    assert told.beyond["people_beyond"].sum() == pytest.approx(plan.people_total - plan.people_reached)


def test_the_frontier_of_northumberland_is_proven_and_agrees_with_its_plan(county):
    points = frontier(_problem(county), 10)
    assert all(point.is_proven for point in points)
    plan = choose(_problem(county))
    best = max(point.value for point in points if point.choose <= 8)
    assert best == plan.value


def test_a_rural_floor_moves_the_plan_or_says_what_is_possible(county):
    plan = choose(_problem(county, limit_min=12.0, choose=4))
    rural = plan.problem.demand["is_rural"].to_numpy()
    from exclusion.siting.plan import covered

    reached = covered(plan.instance, plan.open_venues)
    weight = plan.instance.weight
    share = weight[rural & reached].sum() / weight[rural].sum()
    fair = choose(_problem(county, limit_min=12.0, choose=4, rural_share=float(share)))
    assert fair.people_reached >= plan.people_reached - 1e-9
