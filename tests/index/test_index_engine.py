"""Properties of the build: direction, units, ties, missing patterns, lambda, and that no area is lost."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.errors import ContractError, InputError
from exclusion.index.check import check_text
from exclusion.index.engine import build
from exclusion.index.reference import load_reference, save_reference
from exclusion.index.spec import load_spec
from tests.index.made import default_data, parsed, spec_of, table

TWO = {
    "one": (0.6, "arithmetic", [("a", 0.5, "+"), ("b", 0.5, "-")]),
    "two": (0.4, "arithmetic", [("c", 1.0, "+")]),
}


def frame(columns, n):
    index = pd.Index([f"E{i:08d}" for i in range(n)], name="lsoa21cd")
    return pd.DataFrame(columns, index=index, dtype=float)


numbers = st.integers(-30, 30)


@st.composite
def frames(draw, gaps=False):
    n = draw(st.integers(3, 40))
    cell = st.one_of(numbers, st.none()) if gaps else numbers
    return frame({c: draw(st.lists(cell, min_size=n, max_size=n)) for c in "abc"}, n)


@given(frames(), st.integers(0, 1000), st.sampled_from("abc"), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_more_of_a_harm_never_improves_the_rank(data, at, column, more):
    spec = spec_of(TWO)
    area = data.index[at % len(data)]
    worse = data.copy()
    worse.loc[area, column] += -more if column == "b" else more
    before = build(spec, data).table.set_index("lsoa21cd")
    after = build(spec, worse).table.set_index("lsoa21cd")
    assert after.loc[area, "risk_rank"] <= before.loc[area, "risk_rank"]


@given(frames(gaps=True), st.sampled_from([0.001, 7.0, 1e6]), st.integers(-100, 100))
@settings(max_examples=40, deadline=None)
def test_units_do_not_matter(data, factor, shift):
    spec = spec_of(TWO)
    changed = data.assign(a=data["a"] * factor + shift)
    first, second = build(spec, data), build(spec, changed)
    np.testing.assert_allclose(first.layers.risk, second.layers.risk, atol=1e-9)
    assert first.table["risk_rank"].equals(second.table["risk_rank"])


@given(frames())
@settings(max_examples=40, deadline=None)
def test_areas_that_are_alike_share_score_and_rank(data):
    twice = pd.concat([data, data.set_axis([f"W{i:08d}" for i in range(len(data))])]).rename_axis("lsoa21cd")
    found = build(spec_of(TWO), twice).table
    first, second = found.iloc[: len(data)], found.iloc[len(data) :]
    for column in ("risk_score", "risk_rank", "one_rank", "reason", "a" if False else "top_reason"):
        assert (first[column].to_numpy() == second[column].to_numpy()).all()


@given(frames(gaps=True))
@settings(max_examples=60, deadline=None)
def test_no_area_is_lost_whatever_is_missing(data):
    spec = spec_of(TWO)
    found = build(spec, data)
    out = found.table
    assert out["lsoa21cd"].tolist() == data.index.tolist()
    weights = np.array([0.3, 0.3, 0.4])
    observed = data.notna().to_numpy() @ weights
    assert (out["is_ranked"].to_numpy() == (observed >= 2 / 3 - 1e-9)).all()
    assert out.loc[~out["is_ranked"], ["risk_rank", "risk_score", "exclusion_rank"]].isna().all().all()
    assert out.loc[out["is_ranked"], "risk_rank"].notna().all()
    assert out["reason"].str.len().gt(0).all()
    assert (found.status.notna()).all().all()
    present = data[["a", "b", "c"]].notna().to_numpy()
    assert ((found.status == "observed").to_numpy() == present).all()


@given(frames(), st.lists(st.floats(0, 120), min_size=40, max_size=40))
@settings(max_examples=40, deadline=None)
def test_the_exclusion_score_never_falls_with_lambda(data, minutes):
    data = data.assign(minutes=minutes[: len(data)])
    spec = spec_of(TWO, rural=True)
    held = None
    for lambda_ in (0.0, 0.1, 0.25, 0.5, 1.0):
        found = build(spec.edited(rural={"lambda_": lambda_}), data)
        assert (found.layers.exclusion <= 1.5 * found.layers.risk + 1e-9).all()
        if held is not None:
            assert (found.layers.exclusion >= held - 1e-9).all()
        held = found.layers.exclusion
        if lambda_ == 0.0:
            assert found.table["exclusion_rank"].equals(found.table["risk_rank"])


def test_order_of_the_rows_does_not_matter():
    data = table(120)
    spec = load_spec("default")
    first = build(spec, data).table.set_index("lsoa21cd")
    second = build(spec, data.sample(frac=1.0, random_state=3)).table.set_index("lsoa21cd").loc[first.index]
    np.testing.assert_allclose(first["risk_score"], second["risk_score"], rtol=1e-12)
    assert (first["exclusion_rank"] == second["exclusion_rank"]).all()


def test_the_contract_of_the_table_and_the_same_bytes_twice(tmp_path):
    spec = load_spec("default")
    first, second = build(spec, table()), build(spec, table())
    pd.testing.assert_frame_equal(first.table, second.table)
    assert first.meta == second.meta
    wanted = {
        "lsoa21cd", "risk_score", "risk_rank", "exclusion_score", "exclusion_rank", "rural_factor", "is_ranked",
        "rural_contribution", "needs_type", "reason", "action", "skills_score", "skills_rank", "skills_contribution",
        "aged_75plus_contribution", "risk_rank_in_lad_cd", "exclusion_rank_in_ruc21cd",
    }  # fmt: skip
    assert wanted <= set(first.table)
    assert save_reference(first.reference, tmp_path / "a.npz") == save_reference(
        second.reference, tmp_path / "b.npz"
    )
    loaded = load_reference(tmp_path / "a.npz")
    county = table().query("lad_cd == 'E06000002'")
    again, direct = build(spec, county, loaded), build(spec, county, first.reference)
    pd.testing.assert_frame_equal(again.table, direct.table)
    inside = first.table.set_index("lsoa21cd").loc[county.index]
    assert (again.table["risk_rank"].to_numpy() == inside["risk_rank"].to_numpy()).all()
    assert (again.table["exclusion_score"].to_numpy() == inside["exclusion_score"].to_numpy()).all()
    thin = first.reference.thinned(50)
    assert np.abs(build(spec, county, thin).layers.risk - direct.layers.risk).max() < 5


def test_a_reference_of_another_spec_or_another_file_is_refused(tmp_path):
    first = build(load_spec("default"), table())
    with pytest.raises(InputError, match="made by another spec"):
        build(load_spec("deri"), table(), first.reference)
    (tmp_path / "no.npz").write_bytes(b"not a reference")
    with pytest.raises(InputError, match="not a reference"):
        load_reference(tmp_path / "no.npz")


def test_tables_that_cannot_be_read_are_refused():
    data = table(50)
    with pytest.raises(InputError, match="`disabled` reads the column ts038"):
        build(load_spec("default"), data.drop(columns="ts038_disabled_under_the_equality_act"))
    with pytest.raises(ContractError, match="unique `lsoa21cd`"):
        build(load_spec("default"), data.reset_index())
    with pytest.raises(InputError, match="no areas"):
        build(load_spec("default"), data.iloc[:0])
    with pytest.raises(InputError, match="groups areas by msoa21cd"):
        build(
            load_spec("default"),
            data.drop(columns="msoa21cd").assign(broadband_deficit=np.where(np.arange(50) < 3, np.nan, 1.0)),
        )


def _indicator(data, name):
    return next(one for one in data["indicator"] if one["id"] == name)


@pytest.mark.parametrize(
    ("edit", "spoil", "words"),
    [
        (lambda d: d.update(stratify=["parish"]), None, ["`stratify` groups areas by parish", "lad_cd"]),
        (
            lambda d: _indicator(d, "disabled").update(missing=["group_median:lad_cd+parish"]),
            None,
            ["`disabled` (missing) groups areas by parish"],
        ),
        (
            lambda d: _indicator(d, "disabled").update(shrink={"to": ["parish"]}),
            None,
            ["`disabled` (shrink) groups areas by parish"],
        ),
        (
            lambda d: None,
            lambda t: t.assign(broadband_deficit="fast"),
            ["`slow_broadband` reads the column broadband_deficit, which does not hold numbers"],
        ),
        (
            lambda d: None,
            lambda t: t.assign(
                ts054_social_rented=t["ts054_social_rented"].where(t.index != t.index[7], -1.0)
            ),
            ["`social_rented` is made from counts", "first in E01000007"],
        ),
    ],
)
def test_data_that_do_not_fit_are_named_in_one_sentence(edit, spoil, words):
    data, held = default_data(), table(60)
    edit(data)
    with pytest.raises(InputError) as caught:
        build(parsed(data), held if spoil is None else spoil(held))
    for word in words:
        assert word in str(caught.value)


def test_an_indicator_that_is_the_same_everywhere_is_told():
    held = table(60).assign(broadband_deficit=7.0)
    found = build(load_spec("default"), held)
    assert "Slow broadband: the same everywhere, so it tells no areas apart." in found.warnings
    assert found.table["connection_contribution"].abs().max() < 1e-9


def test_a_table_in_which_no_area_can_be_ranked_is_still_checked():
    held = table(60)
    held[[c for c in held if c.endswith("_total")]] = 0.0
    spec = load_spec("default")
    found = build(spec, held)
    assert not found.table["is_ranked"].any()
    assert "60 areas are not ranked" in check_text(spec, found)


def test_the_ladder_climbs_from_parent_to_group_to_neutral():
    data = table(80)
    spec = load_spec("default")
    data.loc[data.index[0], "ts038_disabled_under_the_equality_act"] = np.nan
    data.loc[data.index[5:10], "ts038_disabled_under_the_equality_act"] = np.nan
    data["ts038_disabled_under_the_equality_act__status"] = "observed"
    data.loc[data.index[0], "ts038_disabled_under_the_equality_act__status"] = "suppressed"
    found = build(spec, data)
    status = found.status["disabled"]
    assert status.iloc[0] == "parent:msoa21cd (suppressed)"
    assert (status.iloc[5:10] == "group_median:lad_cd (observed)").sum() == 0
    assert status.iloc[5:10].str.startswith("group_median:lad_cd").all()
    siblings = data.iloc[1:5]
    rate = 100 * siblings["ts038_disabled_under_the_equality_act"].sum() / siblings["ts038_total"].sum()
    assert found.shrunk["disabled"].iloc[0] == pytest.approx(rate)
    assert np.isnan(found.raw["disabled"].iloc[0])
    assert found.table["is_ranked"].all()
    in_council = data.index[data["lad_cd"] == data["lad_cd"].iloc[5]]
    known = found.raw.loc[in_council, "disabled"].dropna()
    assert found.shrunk["disabled"].iloc[7] == pytest.approx(known.median())


def test_zero_missing_and_an_empty_denominator_differ():
    data = table(60)
    data.loc[data.index[0], "ts054_social_rented"] = 0.0
    data.loc[data.index[1], "ts054_social_rented"] = np.nan
    data.loc[data.index[2], ["ts054_social_rented", "ts054_total"]] = 0.0
    raw = build(load_spec("default"), data).raw["social_rented"]
    assert raw.iloc[0] == 0.0
    assert raw.iloc[1:3].isna().all()


def test_shrinkage_acts_on_noisy_indicators_and_is_shown_beside_the_raw_value():
    data = default_data()
    data["indicator"][0]["shrink"] = {"to": ["lad_cd", "is_rural"], "when_cv_above": 0.0}
    data["indicator"][1]["shrink"] = {"to": ["lad_cd"], "when_cv_above": 10.0}
    small = table(200)
    small[["ts062_total", "ts062_l12_semi_routine_occupations", "ts062_l13_routine_occupations"]] //= 20
    small["ts065_not_in_employment__not_worked_in_the_last_12_months"] //= 20
    found = build(parsed(data), small)
    assert not np.allclose(found.raw["routine_work"], found.shrunk["routine_work"])
    assert found.shrunk["routine_work"].std() < found.raw["routine_work"].std()
    assert np.allclose(found.raw["not_worked_12_months"], found.shrunk["not_worked_12_months"])


def test_factor_weights_inside_a_domain():
    rng = np.random.default_rng(4)
    factor = rng.normal(size=300)
    data = frame(
        {c: a * factor + rng.normal(size=300) * (1 - a) for c, a in zip("abc", (0.8, 0.6, 0.4), strict=True)},
        300,
    )
    members = [("a", 1.0, "+"), ("b", 1.0, "+"), ("c", 1.0, "+")]
    found = build(spec_of({"one": (1.0, "factor_ml", members)}), data)
    weights = found.meta["inner_weights"]
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights["i_a"] > weights["i_b"] > weights["i_c"]


def test_within_a_nation_that_has_no_figure_at_all():
    data = table(90).assign(broadband_deficit=np.nan, broadband_deficit__status="not_published")
    found = build(load_spec("default"), data)
    assert "no figure for any area" in " ".join(found.warnings)
    assert (found.table["observed_weight_pct"].round(6) == 90).all()
    assert found.table["is_ranked"].all()
    assert found.table["connection_rank"].isna().all()


def test_needs_types_and_actions_follow_the_rule():
    data = table(300)
    found = build(load_spec("default"), data)
    out = found.table
    spec = found.spec
    far = data["help_min"].to_numpy() >= 30
    drivers = np.vstack([out[f"{d}_score"].to_numpy() >= 50 for d in spec.domain_ids])
    count = drivers.sum(axis=0) + far
    one = out["needs_type"].isin(
        ["skills-led", "connection-led", "cost-led", "age/health-led", "help-too-far"]
    )
    assert (one.to_numpy() == (count == 1)).all()
    assert (out.loc[count > 1, "needs_type"] == "multiple").all()
    broad = (count == 0) & (out["risk_rank"].to_numpy(float) <= 0.2 * len(out))
    assert (out.loc[broad, "needs_type"] == "multiple").all()
    assert (out.loc[(count == 0) & ~broad, "needs_type"] == "lower priority").all()
    only_far = out[(out["needs_type"] == "help-too-far")]
    assert (only_far["action"] == spec.needs.help_action).all()
    assert out["action"].str.len().gt(0).all()


def test_sentences_say_where_the_area_stands_and_why():
    data = table(300)
    found = build(load_spec("default"), data, label="in Madeshire")
    out = found.table
    worst = out.sort_values("risk_rank").iloc[0]
    best = out.sort_values("risk_rank").iloc[-1]
    assert worst["reason"].startswith(
        "At higher risk of digital exclusion than 99 in 100 areas in Madeshire, mainly because "
    )
    assert best["reason"].startswith(
        "At lower risk of digital exclusion than 99 in 100 areas in Madeshire, mainly because "
    )
    assert "% of " in worst["reason"]
    assert "(" in worst["top_reason"]
    far = out[out["rural_factor"] > 1.1]["reason"]
    assert far.str.contains(
        r"Help in person is about \d+ minutes away, so the exclusion index counts its need \d+% more"
    ).all()
    near = out[out["rural_factor"] == 1.0]["reason"]
    assert not near.str.contains("Help in person").any()
    assert not out["reason"].str.contains("nan").any()


def test_a_reason_is_never_an_imputed_value():
    data = table(100)
    worst = data.index[:20]
    data.loc[worst, "ts038_disabled_under_the_equality_act"] = np.nan
    found = build(load_spec("default"), data).table.set_index("lsoa21cd")
    assert not found.loc[worst, "reason"].str.contains("% of residents are disabled").any()
    assert found.loc[worst, "reason"].str.contains("No figure is published here for disabled residents").all()


def test_identity_scores_reproduce_a_plain_mean():
    """The published DERI is the plain mean of its three published components."""
    rng = np.random.default_rng(6)
    data = frame({c: rng.uniform(0, 10, 40) for c in "abc"}, 40)
    third = 1 / 3
    domains = {c: (third, "arithmetic", [(c, 1.0, "+")]) for c in ("a", "b")} | {
        "c": (third, "arithmetic", [("c", 1.0, "+")])
    }
    found = build(spec_of(domains, indicator_score="identity", score="identity"), data)
    np.testing.assert_allclose(found.layers.risk, data[list("abc")].mean(axis=1), atol=1e-12)


def test_outlier_treatment_is_inside_the_frozen_curve():
    data = default_data()
    data["indicator"][2]["score"] = "minmax"
    data["indicator"][2]["treat"] = {"winsor_max": 3, "then": "none"}
    made = table(200)
    made.loc[made.index[0], "broadband_deficit"] = 5000.0
    spec = parsed(data)
    found = build(spec, made)
    scores = found.layers.scores[2]
    assert np.median(scores) > 5
    again = build(spec, made.iloc[:30], found.reference)
    np.testing.assert_array_equal(again.layers.scores[2], scores[:30])
