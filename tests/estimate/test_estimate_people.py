"""The way in: the contract of the table, sums to the person, drivers that sum, cache and what is said in words."""

import json

import numpy as np
import pandas as pd
import pytest

from exclusion.errors import ContractError, InputError
from exclusion.estimate import cache as cached
from exclusion.estimate import people as module
from exclusion.estimate.features import DRIVERS
from exclusion.estimate.levels import levels
from exclusion.estimate.people import SURVEY_LEVEL, estimate_people_offline
from tests.estimate.countries import make

COLUMNS = [
    "adults",
    "offline_share_pct",
    "offline_share_low_pct",
    "offline_share_high_pct",
    "people_offline",
    "people_offline_low",
    "people_offline_high",
    "definition",
    "backtest_share_pct",
    "observed_share_pct",
]


@pytest.fixture(scope="module")
def small():
    return make(councils=4, areas=25, seed=2)


def test_the_table_keeps_its_contract(made, estimate):
    people = estimate.people
    assert list(people.columns) == COLUMNS
    assert people.index.equals(made.table.index)
    assert people.drop(columns=["backtest_share_pct", "observed_share_pct"]).notna().all(axis=None)
    assert people["offline_share_pct"].between(0, 100).all()
    assert (people["offline_share_low_pct"] >= 0).all()
    assert (people["offline_share_high_pct"] <= 100).all()
    assert (people["people_offline_low"] <= people["people_offline"]).all()
    assert (people["people_offline"] <= people["people_offline_high"]).all()
    assert (people["people_offline_high"] <= people["adults"]).all()
    assert people["definition"].unique().tolist() == [estimate.level.label]


def test_people_add_up_to_the_person(made, estimate):
    people = estimate.people
    exact = people["offline_share_pct"] / 100 * people["adults"]
    assert people["people_offline"].sum() == round(exact.sum()) == estimate.facts["people_offline"]
    council = (
        pd.DataFrame({"whole": people["people_offline"], "exact": exact}).groupby(made.table["lad_cd"]).sum()
    )
    assert ((council["whole"] - council["exact"]).abs() < 1).all()


def test_drivers_sum_exactly_to_the_distance_from_the_national_average(made, estimate):
    assert list(estimate.drivers.columns) == [*DRIVERS, SURVEY_LEVEL]
    distance = estimate.people["offline_share_pct"] - estimate.national_average_pct
    np.testing.assert_allclose(estimate.drivers.sum(axis=1), distance, atol=1e-9)
    weights = made.table["adults_16plus"]
    average = np.average(estimate.people["offline_share_pct"], weights=weights)
    assert estimate.national_average_pct == pytest.approx(average, abs=1e-9)


def test_drivers_point_the_way_the_country_was_made(made, estimate):
    older = (
        made.table[["age_65_74", "age_75_79", "age_80_84", "age_85plus"]].sum(axis=1)
        / made.table["residents"]
    )
    assert estimate.drivers["older_age"].corr(older) > 0.8


def test_targets_change_the_level_and_its_name_but_never_mix(made, tmp_path):
    seen = {}
    for name, level in levels().items():
        if name in {"census_paper_2021", "lacks_foundation_2024"}:
            seen[name] = estimate_people_offline(made.table, made.yardstick, target=name, cache=tmp_path)
            assert seen[name].people["definition"].eq(level.label).all()
            distance = seen[name].people["offline_share_pct"] - seen[name].national_average_pct
            np.testing.assert_allclose(seen[name].drivers.sum(axis=1), distance, atol=1e-9)
    paper, skills = seen["census_paper_2021"], seen["lacks_foundation_2024"]
    assert skills.people["offline_share_pct"].mean() > 1.5 * paper.people["offline_share_pct"].mean()
    np.testing.assert_array_equal(paper.people["backtest_share_pct"], skills.people["backtest_share_pct"])


def test_same_input_same_bytes_and_row_order_of_the_yardstick_does_not_matter(small):
    one = estimate_people_offline(small.table, small.yardstick)
    two = estimate_people_offline(small.table, small.yardstick.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(one.people, two.people, check_exact=True)
    pd.testing.assert_frame_equal(one.drivers, two.drivers, check_exact=True)


def test_the_cache_is_used_only_where_it_can_be_believed(small, tmp_path, monkeypatch):
    calls = []
    real_fit = module.fit
    monkeypatch.setattr(module, "fit", lambda *args, **named: calls.append(1) or real_fit(*args, **named))

    def run(table=small.table, **named):
        return estimate_people_offline(table, small.yardstick, cache=tmp_path, **named)

    first = run()
    (path,) = tmp_path.iterdir()
    again = run()
    assert len(calls) == 1
    pd.testing.assert_frame_equal(first.people, again.people, check_exact=True)
    assert again.is_from_cache
    assert not first.is_from_cache
    assert first.notes == again.notes
    whole = path.read_bytes()
    for spoilt in (whole[: len(whole) // 2], whole[:-9] + b"\x00" * 9, b"", b"rubbish" + whole):
        path.write_bytes(spoilt)
        before = len(calls)
        pd.testing.assert_frame_equal(run().people, first.people, check_exact=True)
        assert len(calls) == before + 1
        assert path.read_bytes() == whole
    changed = small.table.copy()
    changed.iloc[0, changed.columns.get_loc("ts045_no_cars_or_vans_in_household")] += 1
    before = len(calls)
    run(changed)
    run(confidence=0.8)
    run(seed=1)
    assert len(calls) == before + 3


def test_a_fit_kept_under_another_key_is_not_believed(small, tmp_path):
    table, observed = small.table, small.yardstick["observed_offline_share_pct"] / 100
    key = cached.fingerprint(table, observed, seed=1)
    assert cached.load(tmp_path, key, len(table)) is None
    fitted = module.fit(table, module.build_features(table), observed, confidence=0.9, seed=1, landmarks=20)
    path = cached.save(fitted, tmp_path, key)
    assert cached.load(tmp_path, key, len(table)) is not None
    assert cached.load(tmp_path, key, len(table) + 1) is None
    # The name is cut short, so a file of another key may lie where this one is looked for.
    other = key[:16] + "f" * 48
    assert cached.load(tmp_path, other, len(table)) is None
    assert path.exists()


def test_without_three_councils_there_is_a_clear_error_and_a_named_way_out(small):
    two = small.yardstick.copy()
    two.loc[small.table["lad_cd"] > "E07000001", "observed_offline_share_pct"] = np.nan
    with pytest.raises(InputError, match="synthetic"):
        estimate_people_offline(small.table, two)
    with pytest.raises(InputError, match="no yardstick"):
        estimate_people_offline(small.table, None)
    way_out = estimate_people_offline(small.table, None, method="synthetic")
    assert way_out.backtest is None
    assert list(way_out.people.columns) == COLUMNS
    assert way_out.people["offline_share_low_pct"].isna().all()
    assert way_out.people["people_offline_low"].isna().all()
    assert way_out.people["people_offline"].gt(0).all()
    assert any("not fitted to any observed behaviour" in note for note in way_out.notes)
    distance = way_out.people["offline_share_pct"] - way_out.national_average_pct
    np.testing.assert_allclose(way_out.drivers.sum(axis=1), distance, atol=1e-9)
    with pytest.raises(InputError, match="yardstick itself"):
        estimate_people_offline(small.table, None, method="synthetic", target="census_paper_2021")


def test_mistakes_are_named(small):
    with pytest.raises(InputError, match=r"confidence of 1"):
        estimate_people_offline(small.table, small.yardstick, confidence=1)
    with pytest.raises(ContractError, match="dpi_carry"):
        estimate_people_offline(small.table, small.yardstick.drop(columns="dpi_carry"))
    with pytest.raises(ContractError, match="twice"):
        estimate_people_offline(small.table, pd.concat([small.yardstick, small.yardstick.iloc[:1]]))


def test_optional_columns_may_be_absent(small):
    bare = small.table.drop(columns=["iod2025_income_rate", "is_rural", "rgn_cd", "rgn_nm", "ts038_total"])
    found = estimate_people_offline(bare, small.yardstick[["observed_offline_share_pct", "dpi_carry"]])
    assert "DERI v1.6" in found.backtest.facts["peers_not_at_hand"]
    assert "Indices of Deprivation 2025 (England)" in found.backtest.absent
    assert any("Indices of Deprivation 2025" in note for note in found.notes)


def test_higher_confidence_is_wider(small):
    narrow = estimate_people_offline(small.table, small.yardstick, confidence=0.6).people
    wide = estimate_people_offline(small.table, small.yardstick, confidence=0.95).people
    assert (wide["offline_share_high_pct"] >= narrow["offline_share_high_pct"]).all()
    assert (wide["offline_share_low_pct"] <= narrow["offline_share_low_pct"]).all()
    pd.testing.assert_series_equal(narrow["people_offline"], wide["people_offline"])


def test_facts_are_plain(estimate):
    assert json.loads(json.dumps(estimate.facts)) == estimate.facts
