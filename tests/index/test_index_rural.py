"""The rural term, what it does to lists, the people no list reaches; and change over time."""

import numpy as np
import pandas as pd
import pytest

from exclusion.errors import InputError
from exclusion.index.backtest import agreement
from exclusion.index.change import backcast, change_terms
from exclusion.index.coherence import remoteness_correlation
from exclusion.index.engine import build
from exclusion.index.past import Past
from exclusion.index.reference import save_reference
from exclusion.index.rural import list_effect, people_missed, rural_factor, shape_remoteness
from exclusion.index.spec import RuralMeasure, load_spec
from tests.index.made import default_data, parsed, table

NAMES = {"column": "t", "label": "t"}


def test_the_shapes_of_remoteness():
    t = np.array([0.0, 15.0, 37.5, 60.0, 90.0, np.inf, np.nan])
    linear = shape_remoteness(RuralMeasure(t0=15, t1=60, **NAMES), t, None)
    np.testing.assert_allclose(linear[:6], [0, 0, 0.5, 1, 1, 1])
    assert np.isnan(linear[6])
    saturating = shape_remoteness(RuralMeasure(shape="saturating", t0=15, tau=20, **NAMES), t, None)
    np.testing.assert_allclose(
        saturating[:6], [0, 0, 1 - np.exp(-22.5 / 20), 1 - np.exp(-45 / 20), 1 - np.exp(-75 / 20), 1]
    )
    np.testing.assert_allclose(rural_factor(np.array([0, 0.5, 1]), 0.25, 1.5), [1, 1.125, 1.25])
    np.testing.assert_allclose(rural_factor(np.array([1.0]), 4.0, 1.5), [1.5])


def test_the_first_measure_that_covers_the_areas_is_used_and_said():
    data = table(100)
    spec = load_spec("default")
    by_time = build(spec, data)
    assert by_time.meta["rural_measure"] == "help_min"
    few = data.assign(help_min=np.where(np.arange(100) < 20, 90.0, np.nan))
    fallback = build(spec, few)
    assert fallback.meta["rural_measure"] == "iod2025_connectivity_score"
    assert "known for only 20 areas" in " ".join(fallback.notes)
    assert fallback.table["rural_factor"].max() == pytest.approx(1.25)
    order = fallback.table["rural_factor"].rank().to_numpy()
    assert np.corrcoef(order, -data["iod2025_connectivity_score"].rank())[0, 1] == pytest.approx(1.0)
    neither = build(spec, data.drop(columns=["help_min", "iod2025_connectivity_score"]))
    assert (neither.table["rural_factor"] == 1).all()
    assert "no rural weight is applied" in " ".join(neither.notes)
    assert (neither.table["rural_contribution"] == 0).all()


def test_an_area_without_a_time_keeps_its_risk_and_says_so():
    data = table(100)
    data.loc[data.index[:3], "help_min"] = np.nan
    data.loc[data.index[4], "help_min"] = np.inf
    found = build(load_spec("default"), data)
    assert (found.table["rural_factor"].iloc[:3] == 1.0).all()
    assert not found.layers.rural.is_known[:3].any()
    assert found.table["rural_factor"].iloc[4] == 1.25
    assert "out of reach" in found.table["reason"].iloc[4]
    assert "not known for 3 areas" in " ".join(found.notes)


def test_list_effect_counts_what_moved():
    codes = [f"E{i:08d}" for i in range(10)]
    out = pd.DataFrame(
        {"lsoa21cd": codes, "risk_rank": range(1, 11), "exclusion_rank": [1, 2, 5, 4, 3, *range(6, 11)]}
    )
    areas = pd.DataFrame({"lsoa21cd": codes, "is_rural": [False] * 4 + [True] + [False] * 5})
    found = list_effect(out, areas, sizes={"worst three": 3}).iloc[0]
    assert found["areas"] == 3
    assert found["moved_areas"] == 1
    assert found["rural_pct_of_risk_list"] == 0
    assert found["rural_pct_of_exclusion_list"] == pytest.approx(100 / 3)
    assert found["rural_pct_of_all"] == 10
    with pytest.raises(InputError, match="no row for E00000009"):
        list_effect(out, areas.iloc[:9], sizes={"x": 3})


def test_people_missed_are_those_outside_the_list():
    codes = [f"E{i:08d}" for i in range(6)]
    out = pd.DataFrame(
        {"lsoa21cd": codes, "risk_rank": [1, 2, 3, 4, 5, 6], "exclusion_rank": [1, 4, 3, 2, 5, 6]}
    )
    people = pd.DataFrame(
        {"lsoa21cd": codes, "ruc21cd": list("UURRRU"), "people_offline": [10.0, 20, 30, 40, 50, np.nan]}
    )
    found = people_missed(out, people, size=2).set_index("ruc21cd")
    assert found.loc["U", "people"] == 30
    assert found.loc["U", "missed_by_risk_list"] == 0
    assert found.loc["U", "missed_by_exclusion_list"] == 20
    assert found.loc["R", "missed_by_exclusion_list"] == 80
    assert found.loc["R", "missed_by_risk_list_pct"] == 100
    assert found.loc["all", "people"] == 150
    assert found.loc["U", "areas_without_count"] == 1


def test_stratified_ranks_start_at_one_in_every_group():
    out = build(load_spec("default"), table(160)).table
    data = table(160)
    for column in ("lad_cd", "ruc21cd"):
        ranks = out[f"exclusion_rank_in_{column}"].astype(int)
        groups = data[column].to_numpy()
        assert (ranks.groupby(groups).min() == 1).all()
        national = out["exclusion_rank"].astype(int)
        for group in np.unique(groups):
            inside = groups == group
            assert (ranks[inside].argsort().to_numpy() == national[inside].argsort().to_numpy()).all()


def test_remoteness_correlation_is_reported():
    data = table(200)
    found = build(load_spec("default"), data)
    data["help_min"] = found.layers.risk
    assert remoteness_correlation(build(load_spec("default"), data)) > 0.7
    assert np.isnan(remoteness_correlation(build(load_spec("deri"), data)))


def test_change_is_split_exactly_and_zero_where_nothing_changed():
    spec0 = load_spec("default")
    edited = default_data()
    edited["domains"]["skills"]["weight"], edited["domains"]["connection"]["weight"] = 0.30, 0.15
    spec1 = parsed(edited)
    t0, t1 = table(150), table(150)
    t1["ts054_social_rented"] = (t1["ts054_social_rented"] * 0.7).round()
    before, after = build(spec0, t0), build(spec1, t1)
    out = change_terms(before, after, t1)
    terms = out[["data", "reference", "method", "geography"]]
    np.testing.assert_allclose(terms.sum(axis=1), out["change"], atol=1e-9)
    assert (out["geography"] == 0).all()
    assert terms["data"].abs().max() > 0.1
    assert terms["method"].abs().max() > 0.1
    same = change_terms(before, before, t0)
    np.testing.assert_allclose(same[["data", "reference", "method", "geography", "change"]], 0.0, atol=1e-12)
    np.testing.assert_allclose(out["score_fixed"], out["score_before"] + out["data"])
    method_only = backcast(before, t0, spec1)
    np.testing.assert_allclose(
        method_only["method"], method_only["score_backcast"] - method_only["score_before"]
    )


def test_an_edition_on_disk_is_as_good_as_the_build_in_hand(tmp_path):
    t0, t1 = table(150), table(150)
    t1["ts054_social_rented"] = (t1["ts054_social_rented"] * 0.7).round()
    before, after = build(load_spec("default"), t0), build(load_spec("deri"), t1)
    path = tmp_path / "reference.npz"
    digest = Past.of(before).save(path)
    assert Past.of(build(load_spec("default"), t0)).save(tmp_path / "again.npz") == digest
    held = Past.load(path)
    assert held.spec.hash == before.spec.hash
    pd.testing.assert_frame_equal(change_terms(held, after, t1), change_terms(before, after, t1))
    save_reference(before.reference, path)
    with pytest.raises(InputError, match="not the reference of an edition"):
        Past.load(path)
    path.write_bytes(b"PK but no archive")
    with pytest.raises(InputError, match="not a reference of the index"):
        Past.load(path)


def test_if_everyone_improves_ranks_stay_and_fixed_scores_fall():
    t0 = table(150)
    t1 = t0.copy()
    for column in t1.columns[t1.columns.str.startswith("age_")]:
        t1[column] = t1[column] * 0.8
    spec = load_spec("default")
    before, after = build(spec, t0), build(spec, t1)
    out = change_terms(before, after, t1)
    np.testing.assert_allclose(out["change"], 0.0, atol=1e-9)
    assert (out["data"] < 1e-12).all()
    np.testing.assert_allclose(out["data"], -out["reference"], atol=1e-9)


def test_a_split_area_has_a_geography_term():
    spec = load_spec("default")
    t0 = table(100)
    t1 = t0.drop(t0.index[0])
    halves = t0.iloc[[0, 0]].set_axis(["E99000001", "E99000002"]).rename_axis("lsoa21cd")
    counts = [
        c
        for c in halves
        if halves[c].dtype == float
        and c not in ("broadband_deficit", "help_min", "iod2025_connectivity_score")
    ]
    halves[counts] = halves[counts] // 2
    t1 = pd.concat([t1, halves]).rename_axis("lsoa21cd")
    before, after = build(spec, t0), build(spec, t1)
    parents = pd.DataFrame({"lsoa21cd": halves.index, "parent_cd": t0.index[0], "weight": 1.0})
    with pytest.raises(InputError, match="E99000001.*was not in the earlier edition"):
        change_terms(before, after, t1)
    out = change_terms(before, after, t1, carried=halves, parents=parents)
    terms = out[["data", "reference", "method", "geography"]]
    np.testing.assert_allclose(terms.sum(axis=1), out["change"], atol=1e-9)
    assert out.loc[halves.index, "geography"].abs().max() > 0
    assert (out.loc[halves.index, "data"] == 0).all()
    assert (out.loc[t0.index[1:], "geography"] == 0).all()
    with pytest.raises(InputError, match="Parent area E77"):
        change_terms(before, after, t1, carried=halves, parents=parents.assign(parent_cd="E77000000"))


def test_the_back_test_knows_a_perfect_and_a_blind_index():
    data = table(400)
    truth = pd.Series(np.random.default_rng(3).uniform(0, 30, 400), index=data.index)
    blind = pd.Series(np.random.default_rng(4).uniform(size=400), index=data.index)
    found = agreement({"perfect": truth**2, "blind": blind}, truth, data).set_index("index")
    assert found.loc["perfect", "spearman"] == pytest.approx(1.0)
    assert found.loc["perfect", "worst_tenth_overlap_pct"] == 100
    assert abs(found.loc["blind", "spearman"]) < 0.2
    with pytest.raises(InputError, match="fewer than 20"):
        agreement({"x": truth.iloc[:5]}, truth, data)
