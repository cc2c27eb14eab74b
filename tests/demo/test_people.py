"""The people: one population behind every table, correlated as in England."""

import numpy as np
import pytest
import shapely
from scipy.stats import spearmanr

from exclusion.demo.people import offline_share_pct


def _share(county, part, whole):
    return county.by_lsoa(part) / county.by_lsoa(whole)


def test_tables_share_one_population(county):
    people = county.people
    assert (people.ages.sum(axis=1) == people.residents).all()
    assert (people.ts038.sum(axis=1) == people.residents).all()
    assert (people.ts037.sum(axis=1) == people.residents).all()
    for table in (people.ts003, people.ts011, people.ts044, people.ts045, people.ts054):
        assert (table.sum(axis=1) == people.households).all()
    for table in (people.ts062, people.ts066, people.ts067):
        assert (table.sum(axis=1) == people.adults).all()
    assert (people.ts063.sum(axis=1) + people.ts065.sum(axis=1) == people.adults).all()
    employed = people.ts066[:, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12]].sum(axis=1)
    assert (people.ts063.sum(axis=1) == employed).all()
    assert (people.ts029.sum(axis=1) == people.aged_3plus).all()
    assert (people.ts068.sum(axis=1) == people.aged_5plus).all()
    assert (people.adults <= people.residents).all()
    assert (people.communal < people.residents).all()


def test_areas_are_of_the_size_of_lsoas(county):
    residents = county.by_lsoa(county.people.residents)
    households = county.by_lsoa(county.people.households)
    # The Office for National Statistics holds LSOAs between 1,000 and 3,000 people and 400 and 1,200 households.
    assert residents.min() >= 1_000
    assert residents.max() <= 3_000
    assert households.min() >= 400
    assert households.max() <= 1_200
    assert 280_000 < residents.sum() < 380_000


def test_homes_hold_everybody_and_lie_in_their_output_area(county):
    homes = county.homes
    by_oa = np.bincount(homes.oa, homes.residents, len(county.oa_code))
    assert by_oa == pytest.approx(county.people.residents)
    assert shapely.contains_xy(county.land.oas[homes.oa], homes.points[:, 0], homes.points[:, 1]).all()


def test_shares_go_together_as_they_do_in_england(county):
    people = county.people
    hardship = county.by_lsoa(people.hardship * people.residents) / county.by_lsoa(people.residents)
    old = _share(county, people.ages[:, 13:].sum(axis=1), people.residents)
    no_car = _share(county, people.ts045[:, 0], people.households)
    unqualified = _share(county, people.ts067[:, 0], people.adults)
    limited = _share(county, people.ts038[:, 0], people.residents)
    social = _share(county, people.ts054[:, 3] + people.ts054[:, 4], people.households)
    rural = np.char.startswith(county.nesting.ruc, "R")
    assert old[rural].mean() > old[~rural].mean() + 0.02
    assert no_car[rural].mean() < 0.5 * no_car[~rural].mean()
    for share in (no_car, unqualified, social):
        assert spearmanr(hardship, share).statistic > 0.6
    assert spearmanr(hardship, limited).statistic > 0.4
    assert 0.20 < old.mean() < 0.30
    assert 0.14 < unqualified.mean() < 0.24
    # Estates and suburbs lie side by side: real rural counties spread as widely.
    assert no_car.std() > 0.08


def test_deprivation_ranks_are_whole_and_follow_the_scores(county):
    for name, index in county.deprivation.indices.items():
        assert sorted(index.rank) == list(range(1, county.lsoa_count + 1)), name
        assert (np.diff(index.score[np.argsort(index.rank)]) <= 1e-9).all(), name
        assert index.decile.min() == 1, name
        assert index.decile.max() == 10, name


def test_offline_share_has_the_level_of_the_observed_one(county):
    share = county.offline_share_pct[county.lsoa11_in_use]
    # The real index has mean 6.05 and standard deviation 2.26 over its areas.
    assert 4.5 < share.mean() < 8.0
    assert 1.2 < share.std() < 3.0
    old = county.people.ages[:, 15:].sum(axis=1)
    count = len(county.lsoa11_code)
    rate = np.bincount(county.nesting.lsoa11, old, count) / np.maximum(
        np.bincount(county.nesting.lsoa11, county.people.residents, count), 1
    )
    assert spearmanr(rate[county.lsoa11_in_use], share).statistic > 0.5


def test_offline_share_moves_with_its_noise_only(county):
    one = offline_share_pct(
        county.people, county.nesting.lsoa11, np.random.default_rng(1), count=len(county.lsoa11_code)
    )
    two = offline_share_pct(
        county.people, county.nesting.lsoa11, np.random.default_rng(2), count=len(county.lsoa11_code)
    )
    difference = (one - two)[county.lsoa11_in_use]
    assert abs(difference.mean()) < 0.3
    # Two draws of one point each.
    assert 1.2 < difference.std() < 1.7


def test_broadband_is_worse_where_homes_are_scattered(county):
    steps = county.by_lsoa(county.connection.steps)
    slow = steps[:, :5].sum(axis=1) / steps.sum(axis=1)
    gigabit = steps[:, 8] / steps.sum(axis=1)
    dales = np.char.startswith(county.nesting.ruc, "RS")
    towns = np.char.startswith(county.nesting.ruc, "U")
    assert slow[dales].mean() > 5 * slow[towns].mean()
    assert gigabit[dales].mean() < gigabit[towns].mean() - 0.25
    assert (county.connection.matched <= county.connection.premises).all()
    assert (county.connection.residential_steps <= county.connection.steps).all()
    assert (county.connection.residential_premises == 0).sum() >= 3
