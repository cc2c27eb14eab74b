"""Which venues a question is about, and whom it counts: words of planners, one row a building, sums that stay."""

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import box

from exclusion.errors import InputError
from exclusion.siting.candidates import gathered, kind_of, selected
from exclusion.siting.request import goal_of
from exclusion.siting.weights import people_draws, spread

KINDS = ("community_centre", "gp_practice", "library", "village_hall")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("libraries", "library"), ("Library", "library"), ("GP practices", "gp_practice"), ("halls", "village_hall"),
        ("village-halls", "village_hall"), ("community centres", "community_centre"), ("surgeries", "gp_practice"),
        ("churches", None), ("pubs", None),
    ],
)  # fmt: skip
def test_kinds_are_understood_as_planners_write_them(word, kind):
    assert kind_of(word, KINDS) == kind


def _venues(*rows):
    columns = ["venue_id", "name", "kind", "is_existing", "x_m", "y_m"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(postcode=None, hours_per_week=np.nan, source_id="known")


KNOWN = _venues(
    ("lib:ash", "Ash Library", "library", True, 400_100.0, 500_100.0),
    ("hall:elm", "Elm Hall", "village_hall", False, 405_000.0, 505_000.0),
    ("hall:oak", "Oak Hall", "village_hall", False, 408_000.0, 508_000.0),
    ("hall:oak-2", "Oak Hall", "village_hall", False, 402_000.0, 502_000.0),
    ("lib:over", "Over the border Library", "library", True, 412_000.0, 505_000.0),
    ("hall:over", "Over the border Hall", "village_hall", False, 412_000.0, 505_000.0),
)


def test_venues_are_named_by_kind_id_or_name():
    assert selected(KNOWN, ["libraries"], option="--keep") == ("lib:ash", "lib:over")
    assert selected(KNOWN, ["elm hall", "lib:ash"], option="--must") == ("hall:elm", "lib:ash")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [("Elm Hal", "did you mean 'Elm Hall'"), ("Oak Hall", "2 venues have that name"), ("zzz", "no venue of this question")],
)  # fmt: skip
def test_a_name_that_fits_nothing_or_two_is_refused(word, sentence):
    with pytest.raises(InputError, match=sentence):
        selected(KNOWN, [word], option="--must")


def _areas():
    return geopandas.GeoDataFrame(
        {"lsoa21cd": ["E1", "E2"], "wd_cd": ["W1", "W2"], "lad_cd": ["L", "L"], "msoa21cd": ["M", "M"]},
        geometry=[box(400_000, 500_000, 405_000, 510_000), box(405_000, 500_000, 410_000, 510_000)],
        crs="EPSG:27700",
    )


def _own(*rows):
    table = pd.DataFrame(rows, columns=["venue_id", "name", "x_m", "y_m", "row"])
    return table.assign(
        kind="village_hall", is_existing=False, postcode=None, hours_per_week=np.nan, source_id="own_venues",
        file="halls.csv", cost=np.nan, capacity_people=np.nan, parish=None, round_id=None,
    )  # fmt: skip


NONE_LOST = pd.DataFrame({"file": [], "row": [], "name": [], "reason": []}, dtype="object")


def test_each_building_stands_once_and_candidates_inside_the_place():
    own = _own(
        ("own:ash", "ASH LIBRARY", 400_150.0, 500_100.0, 2),
        ("own:elm", "Elm-Hall", 405_050.0, 505_000.0, 3),
        ("own:far", "Far Hall", 413_000.0, 505_000.0, 4),
        ("own:new", "New Hall", 403_000.0, 503_000.0, 5),
    )
    found = gathered(KNOWN, own, NONE_LOST, _areas(), place="Testshire", around_m=25_000.0)
    # the planner's own row of a hall takes the known one's place; help that is given already stays as it is known
    assert found.venues["venue_id"].tolist() == [
        "hall:oak", "hall:oak-2", "lib:ash", "lib:over", "own:elm", "own:new",
    ]  # fmt: skip
    assert found.venues.set_index("venue_id").loc["own:new", "wd_cd"] == "W1"
    assert found.left_out[["row", "reason"]].to_numpy().tolist() == [
        [2, "it gives digital help already and is counted so"],
        [4, "it stands outside Testshire, 3.0 km from it"],
    ]


def test_a_hall_that_a_planner_lists_twice_stands_once_whatever_its_letters():
    own = _own(
        ("own:mawr", "T\u0177 Mawr", 403_000.0, 503_000.0, 2),
        ("own:mawr-2", "TY MAWR", 403_100.0, 503_000.0, 3),
        ("own:mawr-3", "T\u0177 Mawr", 403_000.0, 504_000.0, 4),
        ("own:stop", "Square", 402_000.0, 503_000.0, 5),
        ("own:stop-2", "Square", 402_000.0, 503_000.0, 6),
    )
    own["round_id"] = [None, None, None, "Monday", "Friday"]
    found = gathered(KNOWN, own, NONE_LOST, _areas(), place="Testshire", around_m=1_000.0)
    ids = found.venues["venue_id"]
    assert ids[ids.str.startswith("own")].tolist() == ["own:mawr", "own:mawr-3", "own:stop", "own:stop-2"]
    assert found.left_out[["row", "reason"]].to_numpy().tolist() == [[3, "it repeats row 2 of halls.csv"]]


def test_no_file_leaves_known_venues_as_they_are():
    found = gathered(
        KNOWN, pd.DataFrame({"venue_id": [], "name": []}), NONE_LOST, _areas(), place="T", around_m=1_000.0
    )
    assert found.venues["venue_id"].tolist() == ["hall:elm", "hall:oak", "hall:oak-2", "lib:ash"]
    assert found.left_out.empty


@pytest.mark.parametrize(
    ("word", "goal"),
    [("coverage", "cover"), ("Share", "fewest"), ("median", "mean_time"), ("centre", "worst_time")],
)
def test_goals_have_names_that_planners_use(word, goal):
    assert goal_of(word) == goal


def test_an_unknown_goal_is_refused():
    with pytest.raises(InputError, match="'profit' is no kind of problem: choose coverage"):
        goal_of("profit")


def _demand():
    return pd.DataFrame(
        {
            "lsoa21cd": ["A", "A", "B", "B", "C"],
            "lad_cd": ["X", "X", "X", "X", "Y"],
            "adults": [10.0, 30.0, 5.0, 5.0, 8.0],
            "people_offline": [1.0, 4.0, 0.0, 0.0, 2.0],
        }
    )


def test_a_number_of_an_area_is_spread_as_its_people_offline_live():
    found = spread(_demand(), pd.Series({"A": 100.0, "B": 7.0, "C": 3.0}), name="own")
    assert found.tolist() == [20.0, 80.0, 3.5, 3.5, 3.0]


def test_an_area_without_a_number_is_never_taken_for_zero():
    with pytest.raises(InputError, match="no number of 0 or more for 1 areas of the place, first C"):
        spread(_demand(), pd.Series({"A": 100.0, "B": 7.0}), name="own")


def test_draws_keep_to_the_published_interval_and_to_where_people_live():
    people = pd.DataFrame(
        {"people_offline": [5.0, 0.0, 2.0], "people_offline_low": [3.0, 0.0, 2.0], "people_offline_high": [9.0, 0.0, 2.0]},
        index=pd.Index(["A", "B", "C"], name="lsoa21cd"),
    )  # fmt: skip
    drawn = people_draws(_demand(), people, shared=0.5, draws=4000, seed=3)
    area = drawn[:, :2].sum(axis=1)
    assert np.mean((area >= 3.0) & (area <= 9.0)) == pytest.approx(0.9, abs=0.02)
    assert np.allclose(drawn[:, 1], 4 * drawn[:, 0])
    assert (drawn[:, 2:4] == 0).all()
    assert (drawn[:, 4] == 2.0).all()
    assert np.array_equal(drawn, people_draws(_demand(), people, shared=0.5, draws=4000, seed=3))
