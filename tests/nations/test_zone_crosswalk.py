"""The crosswalk from older zones: counts keep their sum, rates come from counts, nobody is lost in silence."""

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from exclusion.errors import ContractError
from exclusion.geography.spines import spines
from exclusion.geography.zone_crosswalk import (
    ZoneCrosswalk,
    carry_zone_counts,
    carry_zone_ranks,
    crosswalk_of_postcodes,
    supplied_crosswalk,
)
from exclusion.indicators.spine_tables import (
    carried_deprivation,
    complete_tables,
    inner_points,
    rural_classes,
)

SCOTLAND = spines()["scotland"]
INDEX = pd.Index(["a", "b", "c"], name="lsoa21cd")
# Zone p lies in a (30 people) and b (10), q in b (20) and c (60).
PAIRS = ZoneCrosswalk(
    pd.DataFrame(
        [("p", "a", 30.0), ("p", "b", 10.0), ("q", "b", 20.0), ("q", "c", 60.0)],
        columns=["zone_cd", "lsoa21cd", "people"],
    ),
    "by hand",
)


def values(**columns):
    return pd.DataFrame(columns, index=pd.Index(["p", "q"], name="dz11cd"), dtype=float)


def test_counts_are_split_by_people_and_rates_are_made_of_them():
    carried = carry_zone_counts(values(poor=[8, 40], all=[40, 80]), PAIRS, INDEX)
    assert carried["poor"].tolist() == [6, 12, 30]
    assert carried["all"].tolist() == [30, 30, 60]
    rate = carried["poor"] / carried["all"]
    # The plain mean of the two zones' rates would be 0.35 in b; by people it is (10 x 0.2 + 20 x 0.5) / 30.
    assert rate.tolist() == pytest.approx([0.2, 0.4, 0.5])


def test_ranks_are_averaged_by_people():
    assert carry_zone_ranks(values(rank=[1, 4]), PAIRS, INDEX)["rank"].tolist() == [1, 3, 4]


@given(
    counts=st.lists(st.integers(0, 1000), min_size=3, max_size=3),
    people=st.lists(st.floats(0.5, 900), min_size=9, max_size=9),
)
def test_a_sum_is_kept_whatever_the_pairs(counts, people):
    pairs = pd.DataFrame(
        [(z, a, people[3 * i + j]) for i, z in enumerate("pqr") for j, a in enumerate("abc")],
        columns=["zone_cd", "lsoa21cd", "people"],
    )
    table = pd.DataFrame({"n": counts}, index=list("pqr"), dtype=float)
    carried = carry_zone_counts(table, ZoneCrosswalk(pairs, ""), INDEX)
    assert carried["n"].sum() == pytest.approx(sum(counts))


def test_a_zone_without_a_row_is_an_error_that_names_it():
    table = pd.DataFrame({"n": [1.0, 2.0, 3.0]}, index=["p", "q", "lost"])
    for carry in (carry_zone_counts, carry_zone_ranks):
        with pytest.raises(
            ContractError,
            match=r"lost \(and 0 more\) of 3 zones are in no row, so their people would be lost",
        ):
            carry(table, PAIRS, INDEX)
    # Nothing is lost with a zone that says nothing.
    assert carry_zone_counts(table.assign(n=[1.0, 2.0, np.nan]), PAIRS, INDEX)["n"].sum() == 3


def test_a_withheld_count_makes_its_areas_null_and_leaves_the_others():
    carried = carry_zone_counts(values(n=[np.nan, 40]), PAIRS, INDEX)
    assert carried["n"].isna().tolist() == [True, True, False]


def test_a_zone_twice_is_an_error():
    twice = pd.DataFrame({"n": [1.0, 2.0]}, index=["p", "p"])
    with pytest.raises(ContractError, match="p stands on more than one row"):
        carry_zone_counts(twice, PAIRS, INDEX)


def squares(codes, edges, column):
    shapes = [box(low, 0, high, 100) for low, high in itertools.pairwise(edges)]
    return gpd.GeoDataFrame({column: codes}, geometry=shapes, crs="EPSG:27700")


def test_postcodes_say_where_people_of_an_area_live():
    areas = squares(["a", "b"], [0, 100, 200], "lsoa21cd")
    zones = squares(["p", "q"], [0, 125, 200], "dz11cd")
    # a lies in p; of four postcodes of b one is in p.
    postcodes = pd.DataFrame({"x_m": [10, 50, 110, 150, 160, 190, np.nan, 5000], "y_m": [50.0] * 8})
    found = crosswalk_of_postcodes(postcodes, zones, areas, pd.Series({"a": 100, "b": 80}), zone="dz11cd")
    assert found.pairs.to_dict("records") == [
        {"zone_cd": "p", "lsoa21cd": "a", "people": 100.0},
        {"zone_cd": "p", "lsoa21cd": "b", "people": 20.0},
        {"zone_cd": "q", "lsoa21cd": "b", "people": 60.0},
    ]
    assert found.by_shape == 0


def test_zones_and_areas_without_a_postcode_are_joined_by_their_shape():
    areas = squares(["a", "b"], [0, 100, 200], "lsoa21cd")
    zones = squares(["p", "q"], [0, 125, 200], "dz11cd")
    postcodes = pd.DataFrame({"x_m": [10.0], "y_m": [50.0]})
    found = crosswalk_of_postcodes(postcodes, zones, areas, pd.Series({"a": 100, "b": 80}), zone="dz11cd")
    assert set(found.pairs["zone_cd"]) == {"p", "q"}
    assert set(found.pairs["lsoa21cd"]) == {"a", "b"}
    assert found.by_shape == 2


def test_the_same_zones_carry_to_themselves_to_the_person(scotland):
    zones = scotland.zones.rename(columns={"code": "lsoa21cd"})
    chance = np.random.default_rng(3)
    postcodes = pd.DataFrame(
        {"x_m": chance.uniform(285_000, 293_000, 900), "y_m": chance.uniform(690_000, 696_000, 900)}
    )
    found = crosswalk_of_postcodes(
        postcodes, zones.rename(columns={"lsoa21cd": "dz11cd"}), zones, scotland.residents, zone="dz11cd"
    )
    counts = pd.DataFrame({"n": np.arange(48.0)}, index=sorted(scotland.zones["code"]))
    carried = carry_zone_counts(counts, found, counts.index)
    assert carried["n"].tolist() == counts["n"].tolist()


def test_zones_in_another_grid_are_refused(scotland):
    zones = scotland.zones.rename(columns={"code": "lsoa21cd"})
    with pytest.raises(ContractError, match="must be in EPSG:27700"):
        crosswalk_of_postcodes(
            pd.DataFrame({"x_m": [1.0], "y_m": [1.0]}),
            zones.rename(columns={"lsoa21cd": "dz11cd"}).to_crs(4326),
            zones,
            scotland.residents,
            zone="dz11cd",
        )


def test_a_supplied_crosswalk_goes_before_a_made_one():
    table = pd.DataFrame({"dz11cd": ["p", "p"], "lsoa21cd": ["a", "b"], "people": [3.0, 0.0]})
    assert supplied_crosswalk(table, "dz11cd").pairs["people"].tolist() == [3.0]


def test_an_index_without_a_crosswalk_is_null_with_its_reason_and_said_so(scotland):
    ranks = pd.DataFrame({"dz11cd": scotland.old["code"], "simd2020_rank": 1.0})
    areas = scotland.zones.rename(columns={"code": "lsoa21cd"})
    index = pd.Index(sorted(areas["lsoa21cd"]), name="lsoa21cd")
    table, said = carried_deprivation(
        {"deprivation_ranks": ranks}, SCOTLAND, areas, scotland.residents, index
    )
    assert table["simd2020_rank"].isna().all()
    assert set(table["simd2020_rank__status"]) == {"not_published"}
    assert set(SCOTLAND.deprivation_columns) <= set(table)
    assert "nothing that carries them" in said[0]
    table, said = carried_deprivation({}, SCOTLAND, areas, scotland.residents, index)
    assert set(table["simd2020_income_count__status"]) == {"not_published"}
    assert said == ["The index of deprivation of Scotland is not at hand."]


def test_rural_classes_are_mapped_and_an_unknown_one_is_told():
    lookup = pd.DataFrame({"lsoa21cd": ["S01013500", "S01013501"], "rural_class": ["3", "7.0"]})
    table = rural_classes(lookup, SCOTLAND)
    assert table["ruc21cd"].tolist() == ["RLN1", "RSF1"]
    assert table["is_rural"].tolist() == [False, True]
    with pytest.raises(
        ContractError, match="S01013501 is of the urban rural class '9', which is none of 1, 2"
    ):
        rural_classes(lookup.assign(rural_class=["1", "9"]), SCOTLAND)
    country = pd.DataFrame({"lsoa21cd": ["N20000001"], "rural_class": [None]})
    assert rural_classes(country, spines()["northern_ireland"])["ruc21cd"].tolist() == ["RSF1"]


def test_points_lie_inside_their_areas_with_postcodes_or_without(scotland):
    areas = scotland.zones.rename(columns={"code": "lsoa21cd"})
    postcodes = pd.DataFrame({"x_m": [285_100.0, 285_300.0, np.nan], "y_m": [690_100.0, 690_100.0, np.nan]})
    points, said = inner_points(areas, postcodes, SCOTLAND)
    assert points.loc[0, ["x_m", "y_m"]].tolist() == [285_200.0, 690_100.0]
    assert "postcodes" in said
    bare, said = inner_points(areas, None, SCOTLAND)
    assert "inside its outline" in said
    for table in (points, bare):
        shapes = areas.sort_values("lsoa21cd").geometry.to_numpy()
        inside = gpd.GeoSeries.from_xy(table["x_m"], table["y_m"], crs=27700).within(
            gpd.GeoSeries(shapes, crs=27700)
        )
        assert inside.all()


def test_a_table_that_a_nation_cannot_do_without_is_named():
    with pytest.raises(
        ContractError, match=r"Scotland: boundaries \(source dz22_boundaries\) is not at hand"
    ):
        complete_tables({}, SCOTLAND)


def test_england_and_wales_are_left_as_they_are():
    tables = {"anything": pd.DataFrame()}
    assert complete_tables(tables, spines()["england_wales"]).tables is tables
