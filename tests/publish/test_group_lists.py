"""Larger places: exact sums to every level, ranges from draws for whole places alone, own areas from parts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import InputError
from exclusion.publish.columns import GROUP_LIST, PLACE_LIST
from exclusion.publish.group_lists import LEVELS, group_list
from exclusion.publish.lists import fair_share, ranked_list
from exclusion.publish.place_lists import larger_places
from tests.publish.lists_made import made_results

RESULTS = made_results()[1]


@settings(max_examples=25)
@given(
    st.lists(st.integers(0, 3), min_size=len(RESULTS), max_size=len(RESULTS)),
    st.randoms(use_true_random=False),
)
def test_people_add_up_exactly_to_every_level_however_areas_are_grouped(groups, random):
    results = RESULTS.assign(
        lad_cd=[f"E0600000{g}" for g in groups],
        people_offline=[float(random.randint(0, 900)) for _ in groups],
    )
    listed = ranked_list(results).set_index("lsoa21cd")["people_offline"]
    for level in ("ward", "council", "region", "nation"):
        table = group_list(results, level=level, n_ranked=len(results))
        assert int(table["people_offline"].sum()) == int(listed.sum())
        assert int(table["areas"].sum()) == len(results)
        column = LEVELS[level][0]
        own = listed.groupby(results[column]).sum()
        assert table.set_index("group")["people_offline"].to_dict() == own.to_dict()


def test_a_larger_place_has_the_share_of_its_sums_and_not_a_mean_of_shares():
    table = group_list(RESULTS, level="council", n_ranked=len(RESULTS)).set_index("group")
    here = RESULTS[RESULTS["lad_cd"] == "E06000998"]
    assert table.loc["E06000998", "offline_share_pct"] == pytest.approx(
        100 * here["people_offline"].sum() / here["adults"].sum(), abs=0.051
    )
    assert table.loc["E06000998", "name"] == "Fellshire"
    assert tuple(table.reset_index().columns.sort_values()) == tuple(sorted(c.name for c in GROUP_LIST))


def test_every_level_is_listed_once_and_levels_that_do_not_exist_are_left_out():
    table = larger_places(RESULTS, RESULTS.index, n_ranked=len(RESULTS))
    assert tuple(table.columns) == tuple(column.name for column in PLACE_LIST)
    assert list(table["level"].unique()) == [
        "nation",
        "region",
        "care-board",
        "county",
        "council",
        "neighbourhood",
        "ward",
    ]
    assert not table.duplicated(["level", "group"]).any()
    assert set(table.groupby("level")["people_offline"].sum()) == {int(RESULTS["people_offline"].sum())}
    assert (table["areas_here"] == table["areas"]).all()
    assert table["rank"].isna().all()


def test_larger_places_are_whole_and_ranked_among_all_of_their_kind():
    rollups = pd.DataFrame({
        "level": "council", "code": ["E06000998", "E06000999"],
        "areas": [(RESULTS["lad_cd"] == code).sum() for code in ("E06000998", "E06000999")], "rank": [2, 1], "rank_low": [1.0, 1.0],
        "rank_high": [2.0, 2.0], "people_offline_low": np.nan, "people_offline_high": np.nan,
    })  # fmt: skip
    codes = RESULTS.index[RESULTS["lad_cd"] == "E06000998"][:3]
    table = larger_places(RESULTS, codes, n_ranked=len(RESULTS), rollups=rollups).set_index(
        ["level", "group"]
    )
    council = table.loc[("council", "E06000998")]
    assert council["areas_here"] == 3
    assert council["areas"] == (RESULTS["lad_cd"] == "E06000998").sum()
    assert council["people_offline"] == int(RESULTS.groupby("lad_cd")["people_offline"].sum()["E06000998"])
    assert (council["rank"], council["rank_low"], council["rank_high"]) == (2, 1, 2)
    other = table.loc[("council", "E06000999")]
    assert (other["areas_here"], other["rank"]) == (0, 1)
    wards = set(table.loc["ward"].index)
    assert wards == set(RESULTS.loc[codes, "wd_cd"])
    assert wards < set(RESULTS["wd_cd"])


def test_ranges_of_whole_places_come_from_draws_and_of_parts_from_sums():
    drawn = pd.DataFrame({"level": ["council", "council"], "code": ["E06000998", "E06000999"], "areas": [(RESULTS["lad_cd"] == "E06000998").sum(), 99], "people_offline_low": [11.0, 12.0], "people_offline_high": [21.0, 22.0], "rank": [3, 4], "rank_low": [2.0, 1.0], "rank_high": [5.0, 9.0]})  # fmt: skip
    table = group_list(RESULTS, level="council", n_ranked=len(RESULTS), drawn=drawn).set_index("group")
    assert table.loc["E06000998", "people_offline_low"] == 11
    assert table.loc["E06000998", ["rank", "rank_low", "rank_high"]].tolist() == [3, 2, 5]
    assert table.loc["E06000999", ["rank", "rank_low", "rank_high"]].isna().all()
    here = RESULTS[RESULTS["lad_cd"] == "E06000999"]
    assert table.loc["E06000999", "people_offline_low"] == int(here["people_offline_low"].sum())


def test_people_far_from_help_are_not_zero_where_help_is_not_known():
    table = group_list(
        RESULTS.assign(people_offline_beyond_20_min=np.nan), level="council", n_ranked=len(RESULTS)
    )
    assert table["people_offline_beyond_20_min"].isna().all()
    assert (table["areas_without_help_known"] == table["areas"]).all()


def test_parts_of_areas_count_in_part():
    codes = RESULTS.index[:2]
    member = pd.DataFrame(
        {
            "lsoa21cd": [codes[0], codes[1], codes[1]],
            "group": ["A", "A", "B"],
            "weight": [1.0, 0.25, 0.75],
            "covered_pct": 100.0,
        }
    )
    table = group_list(RESULTS, level=member, n_ranked=len(RESULTS)).set_index("group")
    people = RESULTS["people_offline"]
    assert table.loc["A", "people_offline"] == int(np.floor(people[codes[0]] + 0.25 * people[codes[1]] + 0.5))
    assert abs(int(table["people_offline"].sum()) - int(people[codes].sum())) <= 1


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"level": "parish"}, "--level parish"),
        ({"level": "council", "by": "help"}, "--by help"),
        ({"level": "council", "top": 0}, "--top 0"),
        ({"level": "combined-authority"}, "no area"),
    ],
)
def test_a_list_that_cannot_be_made_is_one_sentence(how, message):
    with pytest.raises(InputError, match=message):
        group_list(RESULTS, n_ranked=len(RESULTS), **how)


@given(st.integers(1, len(RESULTS)))
def test_a_fair_share_list_has_rural_areas_in_proportion_to_people_offline(top):
    table = fair_share(RESULTS, top=top)
    assert len(table) == top
    assert table["lsoa21cd"].is_unique
    people = RESULTS.groupby("is_rural")["people_offline"].sum()
    wanted = top * people[True] / people.sum()
    room = RESULTS["is_rural"].value_counts()
    expected = min(max(wanted, top - room[False]), room[True])
    assert abs((table["stratum"] == "rural").sum() - expected) <= 0.5 + 1e-9
    whole = ranked_list(RESULTS)
    for stratum, flag in (("rural", True), ("urban", False)):
        own = table.loc[table["stratum"] == stratum, "lsoa21cd"].tolist()
        assert own == whole.loc[whole["is_rural"].astype(bool) == flag, "lsoa21cd"].tolist()[: len(own)]


def test_places_that_tie_stand_in_the_order_of_their_rank():
    even = RESULTS.assign(people_offline=50.0, adults=500.0)
    table = group_list(even, level="ward", n_ranked=len(even), by="share")
    assert set(table["offline_share_pct"]) == {10.0}
    assert table["average_rank"].is_monotonic_decreasing
