"""Impossible and silly requests get a sentence that says what to change."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from siting_worlds import problem_of

from exclusion.errors import ContractError, InputError
from exclusion.files import stable_json
from exclusion.siting.choice import choose, frontier
from exclusion.siting.comparison import compare, side_from
from exclusion.siting.explanation import explain
from exclusion.siting.instance import instance_of
from exclusion.siting.plan_files import plan_record

MINUTES = [[2.0, 12.0, 40.0], [12.0, 3.0, 40.0], [40.0, 14.0, 5.0], [40.0, 40.0, 4.0]]
PEOPLE = [10, 20, 30, 5]


def _problem(**options):
    settings = {
        "choose": 1,
        "demand": {"is_rural": [False, False, True, True], "lad_cd": ["A", "A", "B", "B"]},
        "venues": {
            "cost": [3.0, 4.0, 5.0],
            "kind": ["hall", "hall", "library"],
            "wd_cd": ["W1", "W1", "W2"],
            "capacity_people": [5.0, 15.0, 20.0],
        },
    } | options
    return problem_of(MINUTES, PEOPLE, reach_limit=30.0, **settings)


REFUSED = {
    "k of 0": ({"choose": 0}, "ask for at least 1 venue"),
    "k above the venues": ({"choose": 4}, "only 3 may be opened: choose at most 3"),
    "more kept than counted": (
        {"choose": 1, "keep": ("v0", "v1"), "is_keep_counted": True},
        "choose at least 2 or keep fewer",
    ),
    "as many kept as counted": (
        {"choose": 1, "keep": ("v0",), "is_keep_counted": True},
        "ask for at least 1",
    ),
    "neither number nor budget": ({"choose": None}, "Say how many venues to choose, or give a budget"),
    "budget below the cheapest": ({"choose": None, "budget": 2.0}, "below the cheapest venue \\(3\\)"),
    "budget without costs": ({"budget": 9.0, "cost": "price"}, "add a column 'price'"),
    "budget that is no number": (
        {"choose": None, "budget": float("nan")},
        "give an amount of money of 0 or more",
    ),
    "budget without end": ({"choose": None, "budget": float("inf")}, "give an amount of money of 0 or more"),
    "budget below 0": ({"choose": None, "budget": -5.0}, "give an amount of money of 0 or more"),
    "cost missing, by name": (
        {
            "choose": None,
            "budget": 9.0,
            "venues": {"cost": [1.0, None, 2.0], "name": ["Ash", "Birch", "Cedar"]},
        },
        "cost of venue 'Birch' is missing",
    ),
    "forced in and out, by name": (
        {"must": ("v0",), "never": ("v0",), "venues": {"name": ["Ash", "Birch", "Cedar"]}},
        "Venue 'Ash' is both",
    ),
    "a council's floor, by name": (
        {
            "district_share": 1.0,
            "demand": {
                "lad_cd": ["E1", "E1", "E2", "E2"],
                "lad_nm": ["Upton", "Upton", "Netherby", "Netherby"],
            },
            "never": ("v2",),
            "choose": 2,
        },
        "in Netherby",
    ),
    "forced in beyond the budget": (
        {"choose": None, "budget": 6.0, "must": ("v1", "v2")},
        "more than the budget of 6",
    ),
    "unknown venue kept": ({"keep": ("v00",)}, "no such venue_id: did you mean 'v0'"),
    "unknown venue, nothing like it": (
        {"keep": ("hall of mirrors",)},
        "give its venue_id as in the venues table",
    ),
    "kept and forced out": ({"keep": ("v0",), "never": ("v0",)}, "take it off one of the two lists"),
    "forced in and out": ({"must": ("v0",), "never": ("v0",)}, "both forced in and forced out"),
    "more forced in than chosen": (
        {"must": ("v0", "v1")},
        "2 venues are forced in, more than the 1 to choose",
    ),
    "two forced into one ward": (
        {"choose": 2, "must": ("v0", "v1"), "one_per": "wd_cd"},
        "'W1' would hold more than one",
    ),
    "kept and forced in one ward": (
        {"keep": ("v0",), "must": ("v1",), "one_per": "wd_cd"},
        "would hold more than one",
    ),
    "no such group": ({"one_per": "parish_cd"}, "needs that column"),
    "unknown kind": (
        {"kind_at_most": {"pub": 1}},
        "quota for 'pub', but the venues are of the kinds hall, library",
    ),
    "quota below 0": ({"kind_at_most": {"hall": -1}}, "quota for 'hall' is -1: give 0"),
    "forced in beyond its quota": (
        {"choose": 2, "must": ("v0", "v1"), "kind_at_most": {"hall": 1}},
        "above their quota",
    ),
    "limit of 0": ({"limit": 0.0}, "give a time above 0"),
    "limit beyond the times": ({"limit": 45.0}, "computed up to 30 minutes"),
    "no venue in reach": ({"limit": 1.0}, "No venue is within 1 minutes.*raise the limit"),
    "no free venue in reach": ({"never": ("v0", "v1", "v2")}, "only 0 may be opened"),
    "rural share above 1": ({"rural_share": 40}, "a share from 0 to 1; 40 was given"),
    "rural share beyond reach": (
        {"rural_share": 1.0, "never": ("v2",), "choose": 2},
        "at most 85.7% is possible",
    ),
    "rural share too high for k": (
        {"rural_share": 0.9, "one_per": "wd_cd", "never": ("v2",)},
        "at most 85.7% is possible",
    ),
    "no rural people": (
        {"rural_share": 0.5, "demand": {"is_rural": [False] * 4}},
        "leave the rural share out",
    ),
    "no rural column": ({"rural_share": 0.5, "demand": {}}, "needs is_rural"),
    "no district column": (
        {"district_share": 0.5, "district_column": "par"},
        "needs 'par' in the demand table",
    ),
    "floors impossible together": (
        {"district_share": 0.9},
        "each of the 2 floors alone but not all together",
    ),
    "share without its goal": ({"share_pct": 90.0}, "belongs to the goal 'fewest'"),
    "fewest without share": ({"goal": "fewest", "choose": None}, "Give share_pct"),
    "fewest beyond reach": (
        {"goal": "fewest", "choose": None, "share_pct": 100.0, "never": ("v2",)},
        "bring only 92.3% of the people offline.*ask for less",
    ),
    "fewest with too few": ({"goal": "fewest", "choose": 1, "share_pct": 100.0}, "cannot bring 100%"),
    "worst time beyond reach": ({"goal": "worst_time"}, "cannot bring everybody within 15 minutes"),
    "gradual without its full time": ({"goal": "gradual"}, "needs full_min"),
    "gradual the wrong way round": ({"goal": "gradual", "full_min": 20.0}, "below the limit of 15"),
    "backup share of 2": ({"goal": "backup", "backup_share": 2.0}, "from 0 to 1"),
    "capacity without numbers": ({"goal": "capacity", "capacity": "people"}, "add the column 'people'"),
    "capacity of null": (
        {"goal": "capacity", "venues": {"capacity_people": [1.0, None, 2.0]}},
        "capacity of venue 'v1' is missing",
    ),
    "sessions without capacity": ({"sessions_at_most": 2}, "use the goal 'capacity'"),
    "no session": ({"goal": "capacity", "sessions_at_most": 0}, "sessions_at_most of 1 or more"),
    "capacity floor too high": ({"goal": "capacity", "rural_share": 0.9}, "lower\\s+the share"),
    "negative minimum gain": ({"minimum_gain": -1.0}, "0 or more"),
    "minimum gain that is no number": ({"minimum_gain": float("nan")}, "0 or more"),
    "minimum gain for fewest": (
        {"goal": "fewest", "choose": None, "share_pct": 50.0, "minimum_gain": 3.0},
        "leave it out",
    ),
    "unknown goal": ({"goal": "best"}, "is no goal of siting"),
    "unknown weight": ({"weight": "index"}, "no column 'index' to weigh people by"),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_request_that_cannot_be_met_says_what_to_change(name):
    options, sentence = REFUSED[name]
    with pytest.raises(InputError, match=sentence) as caught:
        choose(_problem(**options))
    assert str(caught.value).endswith((".", "?"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"people_offline": [1.0, None, 3.0, 4.0]}, "null or negative in 1 rows, first 'd1'"),
        ({"people_offline": [1.0, -1.0, 3.0, 4.0]}, "null or negative"),
    ],
)
def test_people_that_are_null_or_negative_are_a_broken_contract(change, sentence):
    with pytest.raises(ContractError, match=sentence):
        choose(_problem(demand=change))


def test_nobody_to_serve_is_said():
    with pytest.raises(InputError, match="no people offline in the place"):
        choose(_problem(demand={"people_offline": [0.0] * 4}))


def test_duplicate_venues_are_named():
    with pytest.raises(InputError, match="repeat the id of another, first 'v0'"):
        choose(_problem(venues={"venue_id": ["v0", "v0", "v2"]}))


def test_only_as_many_venues_are_opened_as_add_somebody():
    plan = choose(_problem(choose=3, limit=15.0))
    assert len(plan.chosen) == 2
    assert any("Only 2 of the 3 venues are used" in sentence for sentence in explain(plan).sentences)


def test_a_budget_is_spent_on_what_pays():
    plan = choose(_problem(choose=None, budget=9.0))
    assert plan.chosen_ids == ("v1", "v2")
    assert plan.people_reached == 65
    assert "no plan of venues within the budget of £9 can do better." in plan.summary


def test_a_number_and_a_budget_are_both_said_and_what_is_spent():
    plan = choose(_problem(choose=2, budget=6.0))
    assert plan.chosen_ids == ("v1",)
    assert "no plan of 2 venues within the budget of £6 can do better." in plan.summary
    said = explain(plan).sentences
    assert "The chosen venues cost £4 of the budget of £6." in said
    assert (
        "Only 1 of the 2 venues is used: a further one adds nobody or not enough, or the budget is too small for it."
        in said
    )
    assert "One more venue (v2) would add 5 people offline, at a cost of £5." in said


def test_a_proof_under_conditions_says_so():
    assert "can do better." in choose(_problem()).summary
    for conditions in ({"rural_share": 0.5}, {"must": ("v0",)}, {"never": ("v0",)}, {"one_per": "wd_cd"}):
        assert "can do better under the same conditions." in choose(_problem(**conditions)).summary


def test_kept_venues_use_up_their_ward():
    plan = choose(_problem(keep=("v0",), choose=2, one_per="wd_cd"))
    assert plan.chosen_ids == ("v2",)


def test_the_price_of_equity_shows():
    free = choose(_problem(choose=1))
    fair = choose(_problem(choose=1, rural_share=1.0))
    assert free.chosen_ids == ("v1",)
    assert fair.chosen_ids == ("v2",)
    assert free.people_reached == 60
    assert fair.people_reached == 35
    found = compare(free, fair)
    assert (found.people_only_first, found.people_only_second) == (30, 5)
    assert found.rural_second_pct == 100
    assert found.summary.endswith("0 venues are in both.")
    assert compare(free, free).summary.endswith("1 venue is in both.")
    assert "5 come within reach and 30 fall out of it" in found.summary


def test_plans_of_different_people_are_not_compared():
    other = _problem(demand={"demand_id": ["a", "b", "c", "d"]})
    with pytest.raises(InputError, match="same people of the same place"):
        compare(choose(_problem()), choose(other))


def test_two_plan_files_compare_as_the_plans_do():
    free, fair = choose(_problem()), choose(_problem(rural_share=1.0))
    sides = [side_from(json.loads(stable_json(plan_record(plan)))) for plan in (free, fair)]
    assert compare(*sides) == compare(free, fair)
    named = compare(free, choose(_problem(venues={"venue_id": ["a", "b", "c"]})))
    assert named.only_first == ("v1",)
    assert named.only_second == ("b",)
    assert (named.people_only_first, named.people_only_second) == (0, 0)


def test_a_plan_with_no_venue_open_reaches_nobody_before():
    plan = choose(_problem())
    assert plan.people_reached_before == 0


def test_a_frontier_needs_a_goal_with_a_value():
    with pytest.raises(InputError, match="no meaning for the goal 'worst_time'"):
        frontier(_problem(goal="worst_time"), 3)
    with pytest.raises(InputError, match="at least one number"):
        frontier(_problem(), 0)


def test_draws_of_the_wrong_shape_are_refused():
    plan = choose(replace(_problem(), people_draws=np.ones((3, 2))))
    with pytest.raises(InputError, match="3 x 2; they must be draws x 4"):
        explain(plan)


def test_stability_counts_how_often_a_venue_is_chosen():
    people = np.array(PEOPLE, dtype=float)
    draws = np.vstack([np.tile(people, (9, 1)), [[0.0, 0.0, 0.0, 50.0]]])
    told = explain(choose(replace(_problem(choose=1), people_draws=draws)))
    assert told.venues["chosen_in_draws_pct"].tolist() == [90.0]
    assert told.draws == 10
    assert told.reached_in_draws[2] == 60


def test_the_explanation_counts_by_hand():
    told = explain(choose(_problem(choose=2, keep=("v0",))))
    table = told.venues.set_index("venue_id")
    # v0 is kept and reaches d0 and d1; v1 adds d2, v2 adds d2 and d3
    assert table.loc["v2", "people_added"] == 35
    assert table.loc["v2", "people_nearest"] == 35
    assert table.loc["v0", "people_nearest"] == 30
    assert table.loc["v0", "people_lost_if_closed"] == 30
    assert pd.isna(table.loc["v0", "people_added"])
    assert told.curve["people_reached"].iloc[-1] == 65
    assert told.beyond["people_beyond"].sum() == 0


def test_minutes_are_compared_as_printed():
    problem = _problem(limit=12.0)
    assert instance_of(problem).limit == 1200
    assert choose(problem).people_reached == 35
