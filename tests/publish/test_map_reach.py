"""Reach tables in a page: what is packed gives the same people as the full table."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import ContractError
from exclusion.publish.map import reach as reach_module
from exclusion.publish.map.content import Reach, checked
from exclusion.publish.map.reach import reach_block
from tests.publish.map_made import made_content
from tests.publish.test_map_arcs import read_streams

CONTENT = checked(made_content())


def unpacked(content):
    data, facts = reach_block(content)
    area, people, today, counts, demand, minutes = read_streams(data, 6)
    start = np.concatenate([[0], np.cumsum(np.maximum(counts - 1, 0))])
    venues = [
        dict(zip(np.cumsum(demand[a:b]).tolist(), minutes[a:b].tolist(), strict=True))
        for a, b in itertools.pairwise(start)
    ]
    return np.cumsum(area), people / facts["scale"], today, venues, facts


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 11)), st.integers(1, 45))
def test_any_set_of_venues_beside_todays_help_reaches_the_same_people_as_the_full_table(chosen, minutes):
    _, people, today, venues, _ = unpacked(CONTENT)
    reached = {place for venue in chosen for place, took in venues[venue].items() if took <= minutes}
    reached |= {place for place, took in enumerate(today) if took and took - 1 <= minutes}
    ids = {f"v{venue:02d}" for venue in chosen} | set(
        CONTENT.venues.loc[CONTENT.venues["is_existing"], "venue_id"]
    )
    pairs = CONTENT.reach.pairs
    full = pairs[pairs["venue_id"].isin(ids) & (pairs["minutes"] <= minutes)]["demand_id"].unique()
    demand = CONTENT.reach.demand.set_index("demand_id")["people_offline"]
    assert sum(people[place] for place in reached) == pytest.approx(
        demand[full].sum(), abs=0.005 * len(demand)
    )


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 0.2), st.none() | st.integers(0, 60)), min_size=1, max_size=400))
def test_small_places_lose_nobody_within_any_minutes_of_todays_help(places):
    people = np.array([held for held, _ in places])
    today = pd.Series([at for _, at in places], dtype=float)
    packed = reach_module._hundredths(people, today)
    assert (packed >= 0).all()
    for minutes in (0, 20, 60):
        within = (today <= minutes).to_numpy()
        assert packed[within].sum() / 100 == pytest.approx(people[within].sum(), abs=0.0051)
    assert packed.sum() / 100 == pytest.approx(people.sum(), abs=0.0051)


def test_areas_are_those_of_the_demand():
    area, people, *_ = unpacked(CONTENT)
    by_area = np.bincount(area, weights=people, minlength=len(CONTENT.areas))
    assert by_area == pytest.approx(CONTENT.table["people_offline"].to_numpy(), abs=0.02)


def test_too_many_pairs_are_merged_and_said_to_be(monkeypatch):
    monkeypatch.setattr(reach_module, "MOST_PAIRS", 100)
    _, people, _, venues, facts = unpacked(CONTENT)
    assert facts["isAveraged"]
    assert sum(map(len, venues)) < len(CONTENT.reach.pairs)
    assert people.sum() == pytest.approx(CONTENT.reach.demand["people_offline"].sum(), abs=1)


def test_a_pair_without_demand_is_an_error():
    pairs = pd.concat(
        [CONTENT.reach.pairs, pd.DataFrame({"demand_id": ["nobody"], "venue_id": ["v00"], "minutes": [1.0]})]
    )
    with pytest.raises(ContractError, match="nobody"):
        reach_block(replace(CONTENT, reach=Reach(CONTENT.reach.demand, pairs, 45.0)))


def test_no_reach_no_block():
    assert reach_block(replace(CONTENT, reach=None)) == (b"", None)


def test_nobody_in_reach_is_an_empty_table_not_a_failure():
    data, facts = reach_block(
        replace(CONTENT, reach=replace(CONTENT.reach, pairs=CONTENT.reach.pairs.iloc[:0]))
    )
    assert facts is not None
    _, _, today, counts, _, _ = read_streams(data, 6)
    assert sum(today) == sum(counts) == 0


def test_a_candidate_that_adds_nobody_can_still_be_tried():
    """Its times are known, so it stands in the list, though none of its pairs beats today's help."""
    pairs = CONTENT.reach.pairs
    near = pairs[pairs["venue_id"] == "v00"].assign(minutes=0.0)
    beaten = pd.concat([pairs[pairs["venue_id"] != "v00"], near])
    data, _ = reach_block(replace(CONTENT, reach=replace(CONTENT.reach, pairs=beaten)))
    *_, counts, demand, _ = read_streams(data, 6)
    only = near["demand_id"].nunique()
    assert only
    assert counts[:4].tolist() == [0, 0, 0, 0]
    assert (counts[4:] >= 1).all()
    assert (
        len(demand) == (counts[4:] - 1).sum() < (~pairs["venue_id"].isin(["v00", "v01", "v02", "v03"])).sum()
    )
