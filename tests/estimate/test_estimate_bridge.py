"""From households in 2021 to adults now: raking against its margins, shrinkage at its limits, one definition at a time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import ContractError, InputError
from exclusion.estimate import bridge as bridges
from exclusion.estimate.bridge import ADULT_BANDS, fit_bridge, ipf
from exclusion.estimate.levels import Pattern, default_level, find_level, levels, pattern_of


@settings(max_examples=40)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), seed=st.integers(0, 10_000))
def test_ipf_meets_both_margins_and_keeps_the_odds_of_the_seed(rows, columns, seed):
    rng = np.random.default_rng(seed)
    start, wanted = rng.gamma(2, 1, (rows, columns)) + 0.05, rng.gamma(2, 1, (rows, columns)) + 0.05
    fitted = ipf(start, wanted.sum(axis=1), wanted.sum(axis=0))
    np.testing.assert_allclose(fitted.sum(axis=1), wanted.sum(axis=1), rtol=1e-7)
    np.testing.assert_allclose(fitted.sum(axis=0), wanted.sum(axis=0), rtol=1e-7)
    if rows > 1 and columns > 1:
        odds = fitted[0, 0] * fitted[1, 1] / (fitted[0, 1] * fitted[1, 0])
        seed_odds = start[0, 0] * start[1, 1] / (start[0, 1] * start[1, 0])
        assert odds == pytest.approx(seed_odds, rel=1e-6)


def whole(made, regions=("E12000001", "E12000002")):
    """The made country as two whole regions: their survey populations are cut to the adults it holds."""
    table = made.table.copy()
    half = len(table) // 2
    table["rgn_cd"] = [regions[0]] * half + [regions[1]] * (len(table) - half)
    pattern = pattern_of()
    adults = table.groupby("rgn_cd")["adults_16plus"].sum() / 1000
    small = pattern.regions.loc[list(regions)].assign(people_thousand=adults)
    return table, Pattern(
        pattern.source,
        pattern.level,
        pattern.effective_sample,
        pattern.people_thousand,
        pattern.cells,
        small,
        pattern.nations,
    )


def test_the_area_rates_meet_region_and_age_margins(made):
    table, pattern = whole(made)
    fitted = fit_bridge(table, made.truth.to_numpy(), find_level("not_used_three_months_2020"), pattern)
    assert fitted.is_raked
    share = fitted.apply(made.truth.to_numpy())
    adults = table["adults_16plus"].to_numpy(float)
    for region in fitted.regions:
        mine = (table["rgn_cd"] == region.code).to_numpy()
        assert np.average(share[mine], weights=adults[mine]) == pytest.approx(region.used, rel=1e-6)
    national = sum(
        pattern.regions.loc[code, "rate"] * adults[(table["rgn_cd"] == code).to_numpy()].sum()
        for code in pattern.regions.index
    )
    assert (share * adults).sum() == pytest.approx(national, rel=1e-9)
    assert ((share > 0) & (share < 1)).all()


def test_a_survey_without_respondents_leaves_the_areas_alone_and_an_endless_one_rules(made):
    table, pattern = whole(made)
    level = find_level("not_used_three_months_2020")

    def regions_with(sample):
        wide = Pattern(
            pattern.source,
            pattern.level,
            sample,
            pattern.people_thousand,
            pattern.cells,
            pattern.regions,
            pattern.nations,
        )
        return fit_bridge(table, made.truth.to_numpy(), level, wide).regions

    for region in regions_with(1e-6):
        assert region.weight_of_survey == pytest.approx(0, abs=1e-6)
    for region in regions_with(1e15):
        assert region.weight_of_survey == pytest.approx(1, abs=1e-6)
        assert region.used == pytest.approx(region.survey, rel=1e-6)


def test_a_part_of_the_country_is_not_raked_to_its_region(made):
    fitted = fit_bridge(made.table, made.truth.to_numpy(), find_level("no_home_internet_2025"), pattern_of())
    assert not fitted.is_raked
    assert fitted.regions == ()


def test_the_level_of_a_part_follows_from_the_national_household_share(made):
    from exclusion.estimate.levels import national_household_share

    level = find_level("not_used_three_months_2020")
    flat = np.full(len(made.table), national_household_share())
    share = fit_bridge(made.table, flat, level, pattern_of()).apply(flat)
    assert share == pytest.approx(np.full(len(flat), share[0]), rel=1e-6)
    # England and Wales lie a little below the United Kingdom's 7.8%, because Northern Ireland and Scotland lie above.
    assert 0.07 < share[0] < 0.078


def test_more_households_offline_is_more_adults_offline(made):
    table, pattern = whole(made)
    for name in levels():
        fitted = fit_bridge(table, made.truth.to_numpy(), find_level(name), pattern)
        less = fitted.apply(made.truth.to_numpy() * 0.9)
        more = fitted.apply(made.truth.to_numpy() * 1.1)
        assert (less < more).all()
        extremes = fitted.apply(np.array([0.0, 1.0] * (len(table) // 2)))
        assert ((extremes >= 0) & (extremes <= 1)).all()


def test_the_census_level_is_the_household_share_itself(made):
    fitted = fit_bridge(made.table, made.truth.to_numpy(), find_level("census_paper_2021"), pattern_of())
    np.testing.assert_array_equal(fitted.apply(made.truth.to_numpy()), made.truth.to_numpy())


def test_older_areas_have_more_people_offline_at_the_same_household_share(made):
    share = fit_bridge(
        made.table, made.truth.to_numpy(), find_level("no_home_internet_2025"), pattern_of()
    ).from_rates()
    older = made.table[["age_75_79", "age_80_84", "age_85plus"]].sum(axis=1) / made.table["adults_16plus"]
    assert np.corrcoef(share, older)[0, 1] > 0.9


def test_bands_are_scaled_to_the_published_adults(made):
    table = made.table.assign(adults_16plus=made.table["adults_16plus"] + 7)
    fitted = fit_bridge(table, made.truth.to_numpy(), find_level("no_home_internet_2025"), pattern_of())
    np.testing.assert_allclose(fitted.bands.sum(axis=1), table["adults_16plus"])


def test_every_census_band_of_adults_has_survey_rates_that_add_up():
    assert tuple(bridges._BAND_MIX) == ADULT_BANDS
    for mix in bridges._BAND_MIX.values():
        assert sum(mix.values()) == pytest.approx(1)


def test_levels_name_their_source_year_and_definition():
    known = levels()
    assert default_level() in known
    assert len({level.definition for level in known.values()}) == len(known)
    for level in known.values():
        assert level.source
        assert 2018 <= level.year <= 2026
        assert str(level.year) in level.label
        assert level.level is None or 0 < level.level < 1
    assert known["not_used_three_months_2020"].level == pytest.approx(0.078)
    with pytest.raises(InputError, match="no_home_internet_2025"):
        find_level("nonsense")


def test_the_survey_cells_repeat_the_national_figures():
    pattern = pattern_of()
    # 6.3% never and 1.5% lapsed of 53.2 million (tables 1A, 1B).
    national = (pattern.cells["rate"] * pattern.cells["people_thousand"]).sum() / pattern.cells[
        "people_thousand"
    ].sum()
    assert national == pytest.approx(0.078, abs=0.001)
    assert pattern.cells["people_thousand"].sum() == pytest.approx(53_208, abs=20)
    assert len(pattern.regions) == 10
    assert pattern.regions.loc["E12000007", "rate"] == pytest.approx(0.048)


def users(value=lambda kept: kept):
    """A workbook's long table made from the rates that are kept."""
    pattern = pattern_of()
    rows = []
    for subject, frame in (("age_disability", pattern.cells), ("region", pattern.regions.reset_index())):
        for record in frame.to_dict("records"):
            who = (
                {
                    "group": record["band"],
                    "name": ("" if record["is_disabled"] else "Not ") + "Equality Act Disabled",
                }
                if subject == "age_disability"
                else {
                    "group": None,
                    "name": record["name"],
                    "nuts_cd": "UK" + "CDEFGHIJKL"[frame["code"].tolist().index(record["code"])],
                }
            )
            base = {"subject": subject, "nuts_cd": None, "year": 2020} | who
            rows.append(
                base | {"unit": "thousands", "use": "last_3_months", "value": record["people_thousand"]}
            )
            for use, column in (("over_3_months_ago", "lapsed_pct"), ("never", "never_pct")):
                rows.append(base | {"unit": "percent", "use": use, "value": value(record[column])})
    frame = pd.DataFrame(rows)
    old = frame.assign(year=2019, value=50.0)
    return pd.concat([frame, old], ignore_index=True)


def test_the_workbook_takes_the_place_of_the_rates_kept():
    pd.testing.assert_frame_equal(pattern_of(users()).cells[["rate"]], pattern_of().cells[["rate"]])
    doubled = pattern_of(users(lambda rate: 2 * rate))
    np.testing.assert_allclose(doubled.regions["rate"], 2 * pattern_of().regions["rate"])


def test_a_workbook_that_lacks_a_figure_is_refused():
    table = users()
    with pytest.raises(ContractError, match="lacks a figure by region"):
        pattern_of(table[table["nuts_cd"].ne("UKC")])
    with pytest.raises(ContractError, match="nuts_cd"):
        pattern_of(table.drop(columns="nuts_cd"))
