"""People offline from rates alone: the nation's own level, honest width, and the figures that the width rests on."""

import zipfile

import numpy as np
import pandas as pd
import pytest

from exclusion.errors import InputError
from exclusion.estimate.bridge import ADULT_BANDS, area_shares, fit_bridge, logit, region_codes
from exclusion.estimate.features import AGE_BANDS
from exclusion.estimate.levels import find_level, pattern_of, rates_alone
from exclusion.estimate.rates import estimate_from_rates, nation_level
from exclusion.geography.census_names import census_column
from exclusion.index.people_draws import shared_error

LEVEL, PATTERN = find_level("no_home_internet_2025"), pattern_of()
BANDS = np.array([150, 120, 120, 180, 190, 110, 50, 40, 40], dtype=float)


def made(count=60, *, nation="Scotland", adults=None, seed=1):
    """Areas that differ in how old they are; `adults` scales them to a nation's number."""
    tilt = np.linspace(-1, 1, count)
    ages = BANDS * np.exp(np.outer(tilt, np.linspace(-1, 1, len(BANDS))))
    table = pd.DataFrame(
        ages,
        columns=list(AGE_BANDS),
        index=pd.Index([f"S0101{n:04d}" for n in range(count)], name="lsoa21cd"),
    )
    if adults is not None:
        table *= adults / table[list(ADULT_BANDS)].to_numpy().sum()
    table["adults_16plus"] = table[list(ADULT_BANDS)].sum(axis=1).round()
    table["residents"] = table[list(AGE_BANDS)].sum(axis=1)
    table["ts038_total"] = table["residents"]
    share = np.random.default_rng(seed).uniform(0.1, 0.3, count)
    table["ts038_disabled_under_the_equality_act"] = table["residents"] * share
    return table.assign(nation=nation, rgn_cd=None, lad_cd=[f"S1200000{5 + n % 3}" for n in range(count)])


def test_a_whole_nation_has_its_own_level_and_older_areas_more_of_it():
    found = estimate_from_rates(made(adults=4_500_000))
    wanted = nation_level(LEVEL, PATTERN, "S92000003")
    people = found.people
    assert people["people_offline"].sum() / people["adults"].sum() == pytest.approx(wanted, abs=1e-5)
    # Scotland had 8.7% where the United Kingdom had 7.8%: as far from it in log-odds.
    assert logit(np.array([wanted]))[0] - logit(np.array([0.05]))[0] == pytest.approx(
        np.log(0.087 / 0.913) - np.log(0.078 / 0.922)
    )
    assert found.facts["is_whole_nation"]
    assert people["offline_share_pct"].iloc[-10:].min() > people["offline_share_pct"].iloc[:10].max()


def test_a_part_of_a_nation_is_not_held_to_its_mean_and_says_so():
    young = made().iloc[:10]
    found = estimate_from_rates(young)
    assert not found.facts["is_whole_nation"]
    assert found.national_average_pct < 100 * nation_level(LEVEL, PATTERN, "S92000003")
    assert any("does not hold all of Scotland" in note for note in found.notes)


def test_northern_ireland_lies_above_scotland_at_the_same_ages():
    scotland = estimate_from_rates(made())
    northern_ireland = estimate_from_rates(made(nation="Northern Ireland"))
    assert (northern_ireland.people["offline_share_pct"] > scotland.people["offline_share_pct"]).all()


def test_the_interval_is_that_of_rates_alone_and_the_survey_and_holds_the_estimate():
    found = estimate_from_rates(made(adults=4_500_000)).people
    low, middle, high = (found[f"offline_share_{part}pct"].to_numpy() / 100 for part in ("low_", "", "high_"))
    assert ((low < middle) & (middle < high) & (low > 0) & (high < 1)).all()
    assert (logit(middle) - logit(low) > -rates_alone().low).all()
    assert (logit(high) - logit(middle) > rates_alone().high).all()
    assert (logit(high) - logit(middle) < 1.1 * rates_alone().high).all()
    narrow = estimate_from_rates(made(adults=4_500_000), confidence=0.5).people
    assert (narrow["people_offline_high"] < found["people_offline_high"]).all()


def test_it_says_that_it_is_not_tested_and_carries_how_errors_go_together():
    found = estimate_from_rates(made())
    assert found.backtest is None
    assert "no observed behaviour is published for Scotland" in found.facts["why_no_backtest"]
    assert found.facts["shared_error"] == rates_alone().shared
    assert found.drivers.sum(axis=1).to_numpy() == pytest.approx(
        found.people["offline_share_pct"].to_numpy() - found.national_average_pct
    )


def test_a_nation_that_does_not_publish_disability_has_rates_by_age():
    table = made()
    table[["ts038_total", "ts038_disabled_under_the_equality_act"]] = np.nan
    assert estimate_from_rates(table).people["people_offline"].notna().all()


def test_what_cannot_be_made_is_refused():
    with pytest.raises(InputError, match="observed behaviour in England and Wales"):
        estimate_from_rates(made(), target="census_paper_2021")
    with pytest.raises(InputError, match="no rate for Wales"):
        estimate_from_rates(made(nation="Wales"))


def test_a_nation_without_regions_is_its_own():
    table = pd.DataFrame(
        {
            "nation": ["Wales", "Scotland", "Northern Ireland", "England"],
            "rgn_cd": [None, None, None, "E12000001"],
        }
    )
    assert region_codes(table).tolist() == ["W92000004", "S92000003", "N92000002", "E12000001"]
    assert region_codes(table[["nation"]]).tolist() == ["W92000004", "S92000003", "N92000002", "E92000001"]


def test_the_workbook_gives_the_rates_of_the_nations_that_are_kept(real):
    from exclusion.sources.readers import read_source
    from tests.sources.made_reader_files import source

    users = read_source(real / "digital/internetusers2020.xlsx", source("internet_users_2020"))
    pd.testing.assert_frame_equal(
        pattern_of(users).nations[["people_thousand", "rate"]], PATTERN.nations[["people_thousand", "rate"]],
        check_dtype=False, check_index_type=False, check_names=False, atol=2, rtol=0,
    )  # fmt: skip
    assert pattern_of(users).nations["rate"].to_numpy() == pytest.approx(PATTERN.nations["rate"].to_numpy())


def test_the_width_is_what_areas_of_england_and_wales_show(real):
    def read(path, **named):
        return pd.read_csv(real / path, encoding="utf-8-sig", **named)

    lookup = read("lookups/lsoa21_lad23_ew.csv.gz").set_index("LSOA21CD")
    table = pd.DataFrame({"lad_cd": lookup["LAD23CD"]}).rename_axis("lsoa21cd").sort_index()
    with zipfile.ZipFile(real / "census2021/census2021-ts038.zip") as archive:
        frame = pd.read_csv(archive.open(archive.namelist()[0])).set_index("geography code")
    frame = frame.drop(columns=["date", "geography"])
    table = table.join(frame.set_axis([census_column("ts038", column) for column in frame], axis=1))
    bands = read("census2021/census2021_age_bands_lsoa21.csv.gz").set_index("geography code")
    table = table.join(bands.set_axis(["residents", *AGE_BANDS], axis=1))
    table["adults_16plus"] = table["residents"] - table["age_0_15"]
    carried = read("lookups/lsoa11_lsoa21_lad22_exact_fit_ew.csv.gz")
    carried = carried[carried["CHGIND"] == "U"].set_index("LSOA21CD")["F_LSOA11CD"].reindex(table.index)
    score = read("digital/digital_propensity_index_2021_lsoa11.csv").set_index("LSOAcode")["Score"]
    observed = ((100 - carried.map(score)) / 100).to_numpy()
    # The survey's own level: a level shifts all areas alike, and the scatter is about the mean.
    level = find_level("not_used_three_months_2020")
    bridge = fit_bridge(table.assign(nation="England"), np.full(len(table), 0.06), level, PATTERN)
    share = area_shares(bridge.seeds, bridge.bands)
    known = np.isfinite(observed) & (observed > 0)
    error = logit(observed[known]) - logit(share[known])
    error -= error.mean()
    kept = rates_alone()
    assert int(known.sum()) == kept.areas
    assert np.quantile(error, [0.05, 0.95]) == pytest.approx([kept.low, kept.high], abs=0.002)
    assert shared_error(error, table["lad_cd"].to_numpy()[known]) == pytest.approx(kept.shared, abs=0.002)
    ranks = pd.DataFrame({"a": observed[known], "b": share[known]}).rank().corr().iloc[0, 1]
    assert ranks == pytest.approx(kept.rank_correlation, abs=0.002)
