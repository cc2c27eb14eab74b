"""Venues: one row a building, none without a place, nothing lost in silence."""

import pandas as pd

from exclusion.indicators.venues import VENUE_COLUMNS, join_venues


def venue(venue_id, name, x_m, y_m=400_000.0, *, is_existing=False, source_id="halls"):
    return (venue_id, name, "hall", is_existing, None, x_m, y_m, None, source_id)


def table(*rows):
    return pd.DataFrame(rows, columns=list(VENUE_COLUMNS))


def test_a_building_that_two_sources_tell_of_is_kept_as_the_one_that_helps_now():
    libraries = table(venue("libraries:1", "Ash Library", 400_000.0, is_existing=True, source_id="libraries"))
    halls = table(
        venue("halls:9", "ash  library", 400_100.0),
        venue("halls:1", "Ash Library", 401_000.0),
        venue("halls:2", None, 400_000.0),
        venue("halls:3", None, 400_000.0),
    )
    joined, notes = join_venues({"libraries": libraries, "halls": halls})
    assert joined["venue_id"].tolist() == ["halls:1", "halls:2", "halls:3", "libraries:1"]
    assert notes == ("1 venues that two sources tell of are counted once.",)


def test_a_venue_without_coordinates_is_left_out_and_counted():
    joined, notes = join_venues(
        {"halls": table(venue("halls:1", "A", None), venue("halls:2", "B", 400_000.0))}
    )
    assert joined["venue_id"].tolist() == ["halls:2"]
    assert notes == ("Venues without coordinates are left out: 1 of halls.",)


def test_no_source_gives_an_empty_table_with_all_columns():
    joined, notes = join_venues({})
    assert (tuple(joined.columns), len(joined), notes) == (VENUE_COLUMNS, 0, ())


def test_a_venue_with_a_postcode_alone_is_placed_by_it_and_postcodes_are_read_only_then():
    halls = table(venue("halls:1", "A", None), venue("halls:2", "B", None), venue("halls:3", "C", 400_000.0))
    halls["postcode"] = ["XL1 1AA", "XL9 9ZZ", None]
    known = pd.DataFrame({"pcds": ["XL1 1AA"], "x_m": [401_000.0], "y_m": [402_000.0]})
    joined, notes = join_venues({"halls": halls}, postcodes=lambda: known)
    assert joined.set_index("venue_id").loc["halls:1", ["x_m", "y_m"]].tolist() == [401_000.0, 402_000.0]
    assert joined["venue_id"].tolist() == ["halls:1", "halls:3"]
    assert notes == ("Venues without coordinates are left out: 1 of halls.",)

    def never():
        raise AssertionError("postcodes were read though every venue has a place")

    join_venues({"halls": halls.tail(1)}, postcodes=never)
