"""Draws: the same numbers for any number of workers, exact intervals, honest coverage, and Ishigami."""

import dataclasses
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from exclusion.errors import InputError
from exclusion.index import kernels
from exclusion.index.draws import DrawModel, Scratch, drawable_mode
from exclusion.index.engine import build
from exclusion.index.rollups import summary_measures
from exclusion.index.sensitivity import affordable_base, budget_within, run_sensitivity, sobol_effects
from exclusion.index.spec import load_spec
from exclusion.index.uncertainty import BINS, bin_of_rank, interval_ends, run_uncertainty
from tests.index.made import default_data, parsed, table

FIXED = {
    "weights": {"kind": "fixed"},
    "sampling_error": False,
    "imputation": False,
    "leave_one_out": False,
    "draws": 200,
}


def spec_with(**uncertainty):
    data = default_data()
    data["uncertainty"] = {**FIXED, **uncertainty}
    return parsed(data)


@pytest.fixture(scope="module")
def made():
    data = table(700)
    data.loc[data.index[3:9], "ts038_disabled_under_the_equality_act"] = np.nan
    data.loc[data.index[20:40], "broadband_deficit"] = np.nan
    return data, build(load_spec("default"), data)


def ranked(values):
    n = len(values)
    values = np.asarray(values, np.float32)
    order, spare = np.empty(n, np.int32), np.empty(n, np.int32)
    keys, spare_keys = np.empty(n, np.uint32), np.empty(n, np.uint32)
    out = np.empty(n, np.float32)
    kernels.rank_up(values, order, keys, spare, spare_keys, out)
    return out, order


@given(st.lists(st.integers(-2000, 2000), min_size=1, max_size=300))
@settings(max_examples=60, deadline=None)
def test_the_radix_sort_ranks_as_scipy_does(numbers):
    ranks, order = ranked(numbers)
    np.testing.assert_array_equal(ranks, rankdata(numbers).astype(np.float32))
    assert sorted(order) == list(range(len(numbers)))
    assert (np.diff(np.asarray(numbers)[order]) >= 0).all()


def test_the_radix_sort_on_many_floats():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.gamma(0.5, 20.0, 20_000), rng.normal(size=9_000), [0.0, -0.0]]).astype(
        np.float32
    )
    ranks, _ = ranked(values)
    np.testing.assert_array_equal(ranks, rankdata(values).astype(np.float32))


def test_same_seed_same_numbers_for_one_or_two_workers(made):
    data, result = made
    how = {"draws": 250, "rollups": {"council": "lad_cd", "rural": "ruc21cd"}, "council_list": 5}
    one, two = run_uncertainty(result, data, **how), run_uncertainty(result, data, workers=2, **how)
    pd.testing.assert_frame_equal(one.table, two.table)
    for name in one.rollups:
        pd.testing.assert_frame_equal(one.rollups[name], two.rollups[name])
    np.testing.assert_array_equal(one.shift_pct, two.shift_pct)
    other = run_uncertainty(result, data, seed=7, **how)
    assert not one.table["chance_worst_tenth_pct"].equals(other.table["chance_worst_tenth_pct"])


def test_intervals_are_within_a_thousandth_of_the_exact_quantiles():
    rng = np.random.default_rng(3)
    n, draws = 6000, 1000
    centre = rng.permutation(n)
    exact = np.empty((draws, n), np.uint16)
    for j in range(draws):
        exact[j] = np.argsort(np.argsort(centre + rng.normal(0, 0.04 * n, n))) + 1
    histogram = np.zeros((n, BINS), np.uint16)
    kernels.add_ranks(exact, bin_of_rank(n), histogram)
    assert (histogram.sum(axis=1) == draws).all()
    shares = (0.05, 0.5, 0.95)
    found = interval_ends(histogram, shares, draws, n)
    expected = np.quantile(exact, shares, axis=0, method="inverted_cdf")
    assert np.abs(found - expected).max() <= 0.001 * n


@pytest.mark.parametrize("n", [10, 77, 509, 510, 3567, 35672])
def test_bins_hold_whole_tenths(n):
    bins = bin_of_rank(n)
    ranks = np.arange(1, n + 1)
    tenth = BINS // 10
    assert ((bins[1:] < tenth) == (ranks <= 0.1 * n)).all()
    assert ((bins[1:] < 2 * tenth) == (ranks <= 0.2 * n)).all()
    assert bins.max() < BINS


def test_no_rank_lies_outside_its_interval_for_the_bins_alone():
    data = table(4_000)
    result = build(spec_with(), data)
    found = run_uncertainty(result, data, draws=100)
    for name in ("exclusion", "risk"):
        nominal = result.table[f"{name}_rank"].astype(float)
        low, high = (found.table[f"{name}_rank_{end}"].astype(float) for end in ("low", "high"))
        assert ((low <= nominal) & (nominal <= high)).all()
        assert (high - low).max() <= 4_000 / BINS


def test_nothing_uncertain_means_the_nominal_index():
    data = table(700)
    result = build(spec_with(), data)
    found = run_uncertainty(result, data, draws=100, rollups={"council": "lad_cd"})
    nominal = result.table["exclusion_rank"].astype(float)
    assert found.factors == ()
    assert np.abs(found.table["exclusion_rank_low"].astype(float) - nominal).max() <= 0.001 * 700 + 1
    assert set(found.table["chance_worst_tenth_pct"]) == {0.0, 100.0}
    assert (found.table["needs_confidence_pct"] == 100.0).all()
    assert found.shift_pct.max() < 0.01
    assert found.overlap_pct.min() == 100.0
    exact = summary_measures(
        nominal.to_numpy(),
        nominal.to_numpy(),
        data["residents"].to_numpy(),
        data["lad_cd"].factorize()[0],
        8,
        700,
    )
    council = found.rollups["council"]
    np.testing.assert_allclose(council["average_rank_median"], exact["average_rank"], atol=1.0)
    np.testing.assert_allclose(council["extent_pct_low"], exact["extent_pct"], atol=0.1001)
    np.testing.assert_allclose(
        council["share_in_worst_tenth_pct_high"], exact["share_in_worst_tenth_pct"], rtol=1e-4
    )


def test_the_nominal_version_is_the_built_index(made):
    data, _ = made
    result = build(load_spec("default"), data)
    model = DrawModel(result, data)
    scratch = Scratch(model)
    model.version(model.nominal_factors(), scratch)
    whole = result.layers.cells[2].is_present
    # Areas without broadband are tied in a draw at the middle of the domain, in the build at its neutral score.
    difference = scratch.risk_rank.astype(int) - result.table["risk_rank"].to_numpy(int)
    assert np.abs(difference[whole]).max() <= 12
    assert np.abs(difference).mean() < 3
    assert difference.sum() == 0


def test_each_factor_moves_ranks_and_leaves_sums_right(made):
    data, _ = made
    for change in (
        {"weights": {"kind": "dirichlet", "concentration": 140}},
        {"normalisation": ["exponential", "normal", "minmax"]},
        {"aggregation": ["arithmetic", "power:2", "power:3"]},
        {"sampling_error": True},
        {"imputation": True},
        {"rural_lambda": [0.0, 0.5]},
        {"leave_one_out": True},
    ):
        result = build(spec_with(**change), data)
        found = run_uncertainty(result, data, draws=100)
        assert found.factors == tuple(change)
        assert found.shift_pct.mean() > 0
        chances = found.table
        assert chances["chance_worst_tenth_pct"].sum() == pytest.approx(100 * 70, rel=0.02)
        assert (chances["chance_worst_fifth_pct"] >= chances["chance_worst_tenth_pct"]).all()
        low, middle, high = (chances[f"exclusion_rank_{e}"] for e in ("low", "median", "high"))
        assert (low <= middle).all()
        assert (middle <= high).all()


def test_lambda_means_the_same_on_every_scale(made):
    """On normal scores around 50 an unadjusted factor would weigh remoteness three times as much."""
    data, result = made
    model = DrawModel(result, data)
    scratch = Scratch(model)
    gaps = []
    for code in (kernels.EXPONENTIAL, kernels.NORMAL, kernels.MINMAX):
        model.version(dataclasses.replace(model.nominal_factors(), normalisation=code), scratch)
        gaps.append(np.abs(scratch.exclusion_rank.astype(int) - scratch.risk_rank).mean())
    assert max(gaps) < 1.15 * min(gaps)


def test_imputed_areas_are_less_sure(made):
    data, _ = made
    result = build(spec_with(imputation=True), data)
    found = run_uncertainty(result, data, draws=300).table
    width = (found["exclusion_rank_high"] - found["exclusion_rank_low"]).astype(float)
    imputed = ~np.vstack([c.is_present for c in result.layers.cells]).all(axis=0)
    assert width[imputed].mean() > 3 * max(width[~imputed].mean(), 1.0)


def test_noisier_areas_have_wider_intervals(made):
    data, _ = made
    small = data.copy()
    counts = [c for c in data if c.startswith(("ts0", "age_", "residents"))]
    small[counts] = (small[counts] // 12).astype(float)
    wide, narrow = (
        run_uncertainty(build(spec_with(sampling_error=True), d), d, draws=200).table for d in (small, data)
    )
    spread = [(t["risk_rank_high"] - t["risk_rank_low"]).astype(float).mean() for t in (wide, narrow)]
    assert spread[0] > 1.5 * spread[1]


def test_a_list_that_holds_all_of_its_council_tells_nothing_of_it(made):
    data, _ = made
    small = data.copy()
    small["lad_cd"] = small["lad_cd"].where(np.arange(len(small)) >= 5, "E06000999")
    found = run_uncertainty(build(load_spec("default"), small), small, draws=50, council_list=5)
    chances = found.table.set_index("lsoa21cd")["chance_council_list_pct"]
    assert chances.head(5).isna().all()
    assert chances.iloc[5:].notna().all()


def test_council_lists_hold_as_many_as_they_say(made):
    data, result = made
    found = run_uncertainty(result, data, draws=100, council_list=5)
    assert found.table["chance_council_list_pct"].sum() == pytest.approx(8 * 5 * 100.0)
    worst = result.table.nsmallest(70, "exclusion_rank")["lsoa21cd"]
    sentence = found.solid(worst)
    firm = int((found.table.set_index("lsoa21cd").loc[worst, "chance_worst_tenth_pct"] >= 95).sum())
    assert sentence == f"{firm} of 70 areas are in the list in at least 95% of 100 plausible versions."
    without = run_uncertainty(result, data, draws=100, council="no_such_column")
    assert without.table["chance_council_list_pct"].isna().all()


def test_unranked_areas_have_nulls(made):
    data, _ = made
    lost = data.copy()
    skills = [
        "ts062_l12_semi_routine_occupations",
        "ts065_not_in_employment__not_worked_in_the_last_12_months",
    ]
    lost.loc[lost.index[:2], skills] = np.nan
    result = build(load_spec("default"), lost)
    assert (~result.table["is_ranked"]).sum() == 2
    found = run_uncertainty(result, lost, draws=100)
    assert found.table.iloc[:2]["chance_worst_tenth_pct"].isna().all()
    assert found.table.iloc[:2]["exclusion_rank_median"].isna().all()
    assert found.table["stability"].iloc[:2].isna().all()
    assert found.table["lsoa21cd"].tolist() == lost.index.tolist()


def test_progress_is_told_and_a_stop_keeps_what_is_done(made):
    data, result = made
    stop = threading.Event()
    seen = []

    def progress(done, asked, left):
        seen.append((done, asked))
        assert left >= 0
        if done >= 200:
            stop.set()

    found = run_uncertainty(result, data, draws=500, progress=progress, cancel=stop)
    assert seen == [(100, 500), (200, 500)]
    assert found.draws == 200
    assert found.asked == 500
    again = run_uncertainty(result, data, draws=200)
    pd.testing.assert_frame_equal(found.table, again.table)
    with pytest.raises(InputError, match="before the first chunk"):
        run_uncertainty(result, data, draws=100, cancel=stop)


def test_what_cannot_be_drawn_is_refused(made):
    data, _ = made
    with pytest.raises(InputError, match="because domain scores are of the kind identity"):
        run_uncertainty(build(load_spec("deri"), data), data)
    with pytest.raises(InputError, match="1 to 65,535"):
        run_uncertainty(build(load_spec("default"), data), data, draws=70_000)


@pytest.mark.parametrize(
    "index",
    [
        {"aggregation": "geometric", "offset": 1.0},
        {"aggregation": "harmonic", "offset": 1.0},
        {"aggregation": "power", "power": 2.0, "offset": 3.0},
        {"score": "prank"},
    ],
)
def test_where_not_everything_can_be_drawn_the_weights_are(made, index):
    data, _ = made
    edited = default_data()
    edited["index"] |= index
    result = build(parsed(edited), data)
    mode, why = drawable_mode(result.spec)
    assert (mode, bool(why)) == ("weights", True)
    model = DrawModel(result, data, mode=mode)
    scratch = Scratch(model)
    model.version(model.nominal_factors(), scratch)
    for name in ("risk", "exclusion"):
        nominal = result.table[f"{name}_rank"].to_numpy(float, na_value=np.nan)[model.areas]
        assert np.abs(getattr(scratch, f"{name}_rank") - nominal).max() <= 2
    assert run_uncertainty(result, data, draws=50, mode=mode).factors == ("weights",)
    assert len(run_sensitivity(result, data, base=64).words) == 4


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_from_the_keyboard_ends_all_workers_at_once(made, workers):
    data, result = made
    told = []

    def stop(done, asked, left):
        told.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_uncertainty(result, data, draws=60_000, workers=workers, progress=stop)
    assert len(told) == 1


def test_weight_draws_agree_with_a_plain_loop(made):
    data, result = made
    found = run_uncertainty(result, data, draws=300, mode="weights", seed=11)
    spec = result.spec
    weights = np.array([d.weight for d in spec.domains.values()])
    in_tenth = np.zeros(700)
    for c, seed in enumerate(np.random.SeedSequence(11).spawn(3)):
        rng = np.random.Generator(np.random.SFC64(seed))
        for _ in range(100):
            score = (rng.dirichlet(140 * weights) @ result.layers.domain_scores) * result.layers.rural.factor
            in_tenth += rankdata(-score) <= 70
        assert c < 3
    assert np.abs(found.table["chance_worst_tenth_pct"] - 100 * in_tenth / 300).max() <= 1.0


def test_ninety_per_cent_intervals_hold_the_true_rank_nine_times_in_ten():
    """Simulated truth, and nothing uncertain but the count."""
    data = default_data()
    data["domains"] = {"one": {"weight": 1.0, "label": "One"}}
    data["indicator"] = [
        {
            "id": "rate", "domain": "one", "label": "Rate", "weight": 1.0, "direction": "+", "numerator": ["r"],
            "denominator": ["n"], "unit": "%", "phrase": "of people", "error": "binomial", "source": {"id": "s"},
        }
    ]  # fmt: skip
    data["rural"] = {"mode": "none"}
    data["stratify"] = []
    del data["needs"]
    data["uncertainty"] = {**FIXED, "sampling_error": True}
    spec = parsed(data)
    inside = []
    for trial in range(4):
        rng = np.random.default_rng(100 + trial)
        truth = 1 / (1 + np.exp(-rng.normal(-1.2, 0.5, 1500)))
        n = rng.integers(80, 400, 1500)
        index = pd.Index([f"E{i:08d}" for i in range(1500)], name="lsoa21cd")
        held = pd.DataFrame({"r": rng.binomial(n, truth).astype(float), "n": n.astype(float)}, index=index)
        found = run_uncertainty(build(spec, held), held, draws=600).table
        true_rank = rankdata(-truth)
        # Half a bin either way is how finely intervals are kept.
        half = 0.5 * 1500 / BINS
        low, high = (found[f"risk_rank_{e}"].to_numpy(float) for e in ("low", "high"))
        inside.append(((true_rank >= low - half) & (true_rank <= high + half)).mean())
    assert 0.88 <= np.mean(inside) <= 0.92


def ishigami(u):
    x = np.pi * (2 * u - 1)
    return np.array([np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]), 3.0])


def test_g9_ishigami_through_the_same_path():
    """Analytic: S1 .3139 .4424 0; ST .5576 .4424 .2437 (a = 7, b = 0.1). An output that never varies has no effects."""
    found = sobol_effects(ishigami, ("a", "b", "c"), base=4096, seed=1, targets=("y", "constant"))
    y = found[found["target"] == "y"]
    np.testing.assert_allclose(y["first"], [0.3142, 0.4434, -0.0003], atol=5e-5)
    np.testing.assert_allclose(y["total"], [0.5576, 0.4422, 0.2445], atol=5e-5)
    np.testing.assert_allclose(y["first"], [0.313905191, 0.442411145, 0], atol=0.01)
    np.testing.assert_allclose(y["total"], [0.557588855, 0.442411145, 0.243683664], atol=0.01)
    assert (found.loc[found["target"] == "constant", ["first", "total"]] == 0).all().all()


def test_g7_an_unused_input_has_no_total_effect():
    found = sobol_effects(lambda u: u[:1], ("used", "unused"), base=64, seed=1)
    assert found.loc[1, "total"] == 0.0
    with pytest.raises(InputError, match="power of two"):
        sobol_effects(lambda u: u[:1], ("a",), base=100, seed=1)


def test_sensitivity_finds_what_moves_the_ranks(made):
    data, _ = made
    result = build(spec_with(rural_lambda=[0.0, 0.5], imputation=True), data)
    found = run_sensitivity(result, data, base=32, council_list=5)
    assert found.versions == 32 * 4
    assert set(found.overall["factor"]) == {"imputation", "rural_lambda"}
    areas = found.areas.set_index("lsoa21cd")
    assert len(areas) == 700
    imputed = ~np.vstack([c.is_present for c in result.layers.cells]).all(axis=0)
    by_imputation = (areas["main_factor"] == "imputation").to_numpy()
    assert by_imputation[imputed].mean() > 0.8
    assert by_imputation[~imputed].mean() < 0.2
    assert areas["sentence"].str.startswith("This rank ").all()
    with pytest.raises(InputError, match="two or more uncertain factors"):
        run_sensitivity(build(spec_with(imputation=True), data), data, base=16)


def test_each_domains_weight_is_a_factor_of_its_own(made):
    data, _ = made
    result = build(spec_with(weights={"kind": "dirichlet", "concentration": 140}), data)
    found = run_sensitivity(result, data, base=64)
    assert list(found.words.values()) == [
        "the weight of skills and use", "the weight of connection", "the weight of affordability",
        "the weight of age and health",
    ]  # fmt: skip
    # A weight decides where a domain is far from the others, so areas differ in what they hang on.
    assert found.areas["main_factor"].nunique() > 2
    domains = result.layers.domain_scores - result.layers.risk
    lead = found.areas["main_factor"].to_numpy()
    for d, name in enumerate(result.spec.domain_ids):
        mine = lead == f"weight_{name}"
        if mine.sum() > 20:
            assert np.abs(domains[d, mine]).mean() > np.abs(domains[d, ~mine]).mean()
    model = DrawModel(result, data)
    rng = [np.random.default_rng(i) for i in range(4)]
    drawn = np.array([model.stated.at(np.random.default_rng(i).random(4), rng)[0] for i in range(4_000)])
    np.testing.assert_allclose(drawn.sum(axis=1), 1.0)
    np.testing.assert_allclose(drawn.mean(axis=0), model.domain_weights, atol=0.003)
    expected = np.sqrt(model.domain_weights * (1 - model.domain_weights) / 141)
    np.testing.assert_allclose(drawn.std(axis=0), expected, rtol=0.05)


def test_leaving_one_out_is_reported_apart(made):
    data, result = made
    found = run_sensitivity(result, data, base=64).without.set_index("id")
    for k, indicator in enumerate(result.spec.indicators):
        rest = default_data()
        rest["indicator"] = [one for one in rest["indicator"] if one["id"] != indicator.id]
        inside = [one for one in rest["indicator"] if one["domain"] == indicator.domain]
        for one in inside:
            one["weight"] /= 1 - indicator.weight
        if not inside:
            del rest["domains"][indicator.domain]
            for domain in rest["domains"].values():
                domain["weight"] /= 1 - result.spec.domains[indicator.domain].weight
        apart = build(parsed(rest), data).table["exclusion_rank"].to_numpy(float)
        nominal = result.table["exclusion_rank"].to_numpy(float)
        shift = 100 * np.abs(apart - nominal).mean() / 700
        assert found.loc[indicator.id, "mean_rank_shift_pct"] == pytest.approx(shift, abs=0.5), k
        kept = 100 * (apart[nominal <= 70] <= 70).mean()
        assert found.loc[indicator.id, "worst_tenth_overlap_pct"] == pytest.approx(kept, abs=3.0)
    fixed = build(spec_with(sampling_error=True, imputation=True), data)
    assert run_sensitivity(fixed, data, base=64).without.empty


def test_a_time_budget_becomes_a_number_to_declare(made, monkeypatch):
    data, result = made
    clock = iter(float(second) for second in range(1000))
    monkeypatch.setattr("exclusion.index.sensitivity.time.monotonic", lambda: next(clock))
    factors = len(run_sensitivity(result, data, base=64).words)
    clock = iter([0.0, 0.08])  # eight versions in 0.08 s: 10 ms a version
    found = budget_within(result, data, 0.01 * (factors + 2) * 300)
    assert (found.base, found.versions) == (256, 256 * (factors + 2))
    assert found.seconds == pytest.approx(0.01 * found.versions)
    clock = iter([0.0, 0.08])
    assert budget_within(result, data, 1e-3).base == 64
    clock = iter([0.0, 0.08])
    assert budget_within(result, data, 1e9).base == 8192


def test_the_budget_of_work_sets_the_base_from_the_size_alone():
    assert affordable_base(200, 10) == 512
    assert affordable_base(35_672, 10) == 128
    assert affordable_base(65_000, 30) == 64
