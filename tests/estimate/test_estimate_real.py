"""On real councils: better than the peer on the same rows, intervals that hold, sums to the person."""

import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest

from exclusion.estimate import people as module
from exclusion.estimate.features import AGE_BANDS
from exclusion.estimate.people import estimate_people_offline
from exclusion.geography.census_names import census_column

TABLES = ("ts011", "ts037", "ts038", "ts041", "ts045", "ts054", "ts062", "ts063")
#: Every fourth council keeps the test short and still holds all regions, Wales and all rural classes.
EVERY = 4


def read(real, path, **named):
    return pd.read_csv(real / path, encoding="utf-8-sig", **named)


@pytest.fixture(scope="module")
def country(real):
    import geopandas as gpd

    lookup = read(real, "lookups/lsoa21_lad23_ew.csv.gz").set_index("LSOA21CD")
    table = pd.DataFrame({"lad_cd": lookup["LAD23CD"]}).rename_axis("lsoa21cd").sort_index()
    table = table[table["lad_cd"].isin(sorted(table["lad_cd"].unique())[::EVERY])]
    regions = read(real, "lookups/lad24_region24_en.csv.gz").set_index("ltla24_code")
    table["rgn_cd"] = table["lad_cd"].map(regions["region24_code"])
    table["rgn_nm"] = table["lad_cd"].map(regions["region24_name"])
    table["nation"] = np.where(table.index.str.startswith("W"), "Wales", "England")
    classes = read(real, "ruc/LSOA21_RUC21_EW_LU.csv").set_index("LSOA21CD")
    table["ruc21cd"] = classes["RUC21CD"]
    centres = read(real, "centroids/lsoa21_population_weighted_centroids_ew_bng.csv.gz").set_index("LSOA21CD")
    table["x_m"], table["y_m"] = centres["x"], centres["y"]
    shapes = gpd.read_parquet(real / "boundaries/lsoa21_ew_bsc_wgs84.parquet").set_index("lsoa21_code")
    table["area_km2"] = shapes.loc[table.index].to_crs(27700).area / 1e6
    for name in TABLES:
        with zipfile.ZipFile(real / f"census2021/census2021-{name}.zip") as archive:
            frame = pd.read_csv(archive.open(archive.namelist()[0])).set_index("geography code")
        frame = frame.drop(columns=["date", "geography"])
        frame.columns = [census_column(name, column) for column in frame.columns]
        table = table.join(frame, validate="one_to_one")
    bands = read(real, "census2021/census2021_age_bands_lsoa21.csv.gz").set_index("geography code")
    table = table.join(bands.set_axis(["residents", *AGE_BANDS], axis=1), validate="one_to_one")
    table["adults_16plus"] = table["residents"] - table["age_0_15"]
    table["households"] = table["ts041_number_of_households"]
    carried = read(real, "lookups/lsoa11_lsoa21_lad22_exact_fit_ew.csv.gz")
    carried = carried[carried["CHGIND"] == "U"].set_index("LSOA21CD")["F_LSOA11CD"].reindex(table.index)
    score = read(real, "digital/digital_propensity_index_2021_lsoa11.csv").set_index("LSOAcode")["Score"]
    peer = read(real, "peers/deri_v1_6_components_gb_lsoa11_dz11.csv.gz").set_index("lsoa11_dz11_code")
    yardstick = pd.DataFrame(
        {
            "observed_offline_share_pct": 100 - carried.map(score),
            "dpi_carry": carried.notna().map({True: "U", False: None}),
            "deri_score": carried.map(peer["deri_score_national"]),
        },
        index=table.index,
    )
    return table.copy(), yardstick


@pytest.mark.real
@pytest.mark.slow
def test_real_councils_held_out(country, monkeypatch):
    table, yardstick = country
    monkeypatch.setattr(module, "fit", partial(module.fit, landmarks=250))
    found = estimate_people_offline(table, yardstick)
    scores, facts = found.backtest.scores, found.backtest.facts
    own, peer = scores.loc["this estimate"], scores.loc["DERI v1.6"]
    # Eight Census tables and a quarter of the councils: the whole country and all features do better (benchmarks/).
    assert own["spearman"] > 0.83
    assert own["spearman"] > peer["spearman"] + 0.15
    assert own["worst_tenth_overlap"] > peer["worst_tenth_overlap"] + 0.15
    assert own["within_council_spearman"] > 0.72
    assert own["spearman_wales"] > 0.7
    assert 0.88 < facts["coverage"] < 0.92
    assert found.people["people_offline"].sum() == round(
        (found.people["offline_share_pct"] / 100 * found.people["adults"]).sum()
    )
    distance = found.people["offline_share_pct"] - found.national_average_pct
    np.testing.assert_allclose(found.drivers.sum(axis=1), distance, atol=1e-9)


@pytest.mark.real
def test_the_rates_kept_are_those_of_the_workbook(real):
    from exclusion.estimate.levels import pattern_of
    from exclusion.sources import catalogue
    from exclusion.sources.readers_internet_use import read_internet_users_xlsx

    source = catalogue().source("internet_users_2020")
    users = read_internet_users_xlsx(real / "digital/internetusers2020.xlsx", source)
    read_now, kept = pattern_of(users), pattern_of()
    pd.testing.assert_frame_equal(read_now.cells[["rate"]], kept.cells[["rate"]])
    pd.testing.assert_frame_equal(read_now.regions[["rate"]], kept.regions[["rate"]])
    np.testing.assert_allclose(read_now.cells["people_thousand"], kept.cells["people_thousand"], rtol=1e-3)
