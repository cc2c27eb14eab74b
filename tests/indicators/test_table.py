"""The indicator table: everything joined, nothing lost, missing never filled."""

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from exclusion.errors import ContractError
from exclusion.indicators.census import AGE_BANDS
from exclusion.indicators.table import build_indicators, declared_rates

CODES = ["E01000001", "E01000002", "E01000003", "W01000001"]


def tidy(**columns):
    return pd.DataFrame({"lsoa21cd": CODES, **columns})


def made_tables():
    boundaries = geopandas.GeoDataFrame(
        {"lsoa21cd": CODES, "lsoa21nm": list("ABCD")},
        geometry=[box(n * 1000, 0, n * 1000 + 1000, 2000) for n in range(4)],
        crs=27700,
    )
    return {
        "lsoa21_boundaries": boundaries.sample(frac=1, random_state=1),
        "lsoa21_centroids": tidy(x_m=[500.0, 1500, 2500, 3500], y_m=[1000.0] * 4),
        "lsoa21_ward_lad": tidy(
            wd_cd=["E05000001"] * 3 + ["W05000001"],
            wd_nm=["North"] * 3 + ["De"],
            lad_cd=["E07000001", "E07000001", "E07000002", "W06000001"],
            lad_nm=["Dale", "Dale", "Moor", "Ynys"],
        ),
        "lsoa21_msoa21": tidy(
            msoa21cd=["E02000001"] * 3 + ["W02000001"], msoa21nm=["Dale 001"] * 3 + ["Ynys 001"]
        ),
        "ruc21": tidy(
            ruc21cd=["UN1", "UN1", "RSF1", "RSF1"],
            ruc21nm=["Urban", "Urban", "Rural", "Rural"],
            is_rural=[False, False, True, True],
        ),
        "lad_codes": pd.DataFrame(
            {
                "lad_cd": ["E07000001"],
                "lad_nm": ["Dale"],
                "lad_cd_active": ["E07000001"],
                "cauth_cd": [""],
                "cauth_nm": [""],
            }
        ),
        "lad_region": pd.DataFrame(
            {"lad_cd": ["E07000001", "E07000002"], "rgn_cd": ["E12000001"] * 2, "rgn_nm": ["North"] * 2}
        ),
        "lad_county": pd.DataFrame(
            {"lad_cd": ["E07000001", "E07000002"], "utla_cd": ["E10000001"] * 2, "utla_nm": ["Shire"] * 2}
        ),
        "lsoa11_lsoa21": pd.DataFrame(
            {
                "lsoa11cd": ["E01000001", "E01000009", "E01000009", "W01000001"],
                "lsoa21cd": CODES,
                "chgind": ["U", "S", "S", "U"],
            }
        ),
        "census_ts001": tidy(ts001_total=[1000, 1100, 900, 0]),
        "census_ts038": tidy(
            ts038_total=[1000, 1100, 900, 0], ts038_disabled_under_the_equality_act=[200, 110, 90, 0]
        ),
        "census_ts045": tidy(
            ts045_total=[400, 500, 300, 0], ts045_no_cars_or_vans_in_household=[100, 50, 0, 0]
        ),
        "census_age_bands": tidy(**{band: [100, 120, 100, 0] for band in AGE_BANDS}),
        "iod2025_file7": pd.DataFrame({"lsoa21cd": CODES[:3], "income_rate": [0.1, 0.2, 0.3]}),
        "iod2025_digital_connectivity": pd.DataFrame(
            {
                "lsoa21cd": CODES[:3],
                "digital_connectivity_broadband_download_and_upload_speeds": [0.5, -0.5, 1.0],
            }
        ),
        "digital_propensity_index": pd.DataFrame(
            {"lsoa11cd": ["E01000001", "E01000009"], "offline_share_pct": [4.0, 6.0]}
        ),
        "deri_v1_6": pd.DataFrame({"lsoa11cd": ["E01000001", "S01000001"], "deri_score": [3.0, 1.0]}),
    }


@pytest.fixture
def tables():
    return made_tables()


def test_all_areas_are_joined_in_order_and_totals_are_kept(tables):
    built = build_indicators(tables)
    assert built.areas["lsoa21cd"].tolist() == CODES
    assert built.indicators.index.tolist() == CODES
    assert built.checks == {"areas": 4, "residents": 3000, "residents_published": 3000, "households": 1200}
    assert built.areas["area_km2"].tolist() == [2.0] * 4
    assert built.areas["nation"].tolist() == ["England"] * 3 + ["Wales"]
    assert built.areas.set_index("lsoa21cd").loc["W01000001", ["utla_cd", "utla_nm"]].tolist() == [
        "W06000001",
        "Ynys",
    ]
    assert built.areas["rgn_cd"].isna().tolist() == [False, False, False, True]


def test_an_empty_denominator_is_missing_and_a_true_zero_is_zero(tables):
    rates = build_indicators(tables).indicators
    assert rates["no_car_pct"].tolist()[:3] == [25.0, 10.0, 0.0]
    assert np.isnan(rates.loc["W01000001", "no_car_pct"])
    assert np.isnan(rates.loc["W01000001", "iod2025_income_rate"])


def test_every_declared_rate_says_what_it_is(tables):
    built = build_indicators(tables).indicators
    for name, rate in declared_rates().items():
        assert rate["label"]
        is_there = {*rate["numerators"], rate["denominator"]} <= set(built.columns)
        assert (name in built.columns) == is_there


def test_the_yardstick_says_which_values_are_the_publishers_own(tables):
    yardstick = build_indicators(tables).yardstick
    assert yardstick["observed_offline_share_pct"].tolist()[:3] == [4.0, 6.0, 6.0]
    assert yardstick["dpi_carry"].fillna("").tolist() == ["U", "S", "S", ""]
    assert yardstick["deri_score"].tolist()[0] == 3.0


def test_what_stands_in_is_said(tables):
    built = build_indicators(tables)
    assert built.indicators["broadband_deficit__status"].tolist() == ["fallback"] * 3 + ["not_published"]
    assert "IoD 2025 digital connectivity" in built.stand_ins[0]
    assert "1 areas" in built.stand_ins[1]


def test_ofcoms_own_counts_win_and_no_premises_is_missing_not_zero(tables):
    premises = pd.DataFrame(
        {
            "premises": [500, 400, 300, 0],
            "premises_below_ultrafast": [50, 0, 300, 0],
            "premises_below_30mbit": [5, 0, 30, 0],
        },
        index=pd.Index(CODES, name="lsoa21cd"),
    )
    built = build_indicators({**tables, "ofcom_premises": premises})
    assert built.indicators["broadband_deficit"].fillna(-1).tolist() == [10.0, 0.0, 100.0, -1]
    assert built.indicators["broadband_deficit__status"].tolist() == ["observed"] * 3 + ["missing"]


def test_wales_is_modelled_from_councils_where_enough_of_them_are_known():
    from exclusion.indicators.connection import connection

    councils = [f"E0600{n:04d}" for n in range(40)]
    areas = pd.DataFrame(
        {
            "lsoa21cd": [f"E01{n:06d}" for n in range(40)] + ["W01000001"],
            "lad_cd": [*councils, "W06000001"],
            "nation": ["England"] * 40 + ["Wales"],
        }
    )
    slow = np.linspace(5, 60, 40)
    lad = pd.DataFrame(
        {"ultrafast_pct": [*(100 - slow), 70.0], "superfast_pct": 95.0, "below_decent_pct": 1.0},
        index=pd.Index([*councils, "W06000001"], name="lad_cd"),
    )
    iod = pd.Series(0.1 * slow, index=areas["lsoa21cd"][:40])
    part = connection(areas, premises=None, iod_connectivity=iod, lad_coverage=lad)
    assert part.table.loc["W01000001", "broadband_deficit"] == pytest.approx(3.0)
    assert part.table.loc["W01000001", "broadband_deficit__status"] == "modelled"
    assert "Wales is modelled" in part.stand_ins[1]


@pytest.mark.parametrize(
    ("source", "damage", "message"),
    [
        ("lsoa21_centroids", lambda t: t.iloc[:3], "centroids: W01000001"),
        ("lsoa21_ward_lad", lambda t: pd.concat([t, t.head(1)]), "E01000001 stands on more than one row"),
        ("census_ts045", lambda t: t.iloc[1:], "census_ts045: area E01000001"),
        ("census_ts045", lambda t: pd.concat([t, t.tail(1)]), "W01000001 stands on more than one row"),
        ("lsoa21_boundaries", lambda t: t.to_crs(4326), "EPSG:27700"),
        (
            "lsoa21_boundaries",
            lambda t: t.assign(lsoa21cd=t["lsoa21cd"].str.replace("E01", "E02")),
            "not codes of LSOA 2021",
        ),
        ("digital_propensity_index", lambda t: t.assign(lsoa11cd=["E01000001", "E01099999"]), "E01099999"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tables, source, damage, message):
    tables[source] = damage(tables[source])
    with pytest.raises(ContractError, match=message):
        build_indicators(tables)


def test_ages_come_from_five_year_bands_where_they_are_published(tables):
    del tables["census_age_bands"]
    with pytest.raises(ContractError, match="census2021-ts007a.zip"):
        build_indicators(tables)
    names = ["4_years_and_under", *(f"{a}_to_{a + 4}_years" for a in range(5, 85, 5)), "85_years_and_over"]
    tables["census_ts007a"] = tidy(**{f"ts007a_aged_{name}": [10, 10, 10, 0] for name in names})
    built = build_indicators(tables).indicators
    assert built[list(AGE_BANDS)].iloc[0].tolist() == [32.0, 18.0, 20.0, 30.0, 30.0, 20.0, 10.0, 10.0, 10.0]
    assert built["age_16_24__status"].tolist() == ["modelled"] * 4
