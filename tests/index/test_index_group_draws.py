"""Larger places in the draws: intervals from steps against those of all draws kept."""

import numpy as np
import pytest
from scipy.stats import rankdata

from exclusion.index.engine import build
from exclusion.index.group_draws import ROLLUP_MEASURES, STEPS, GroupDraws
from exclusion.index.rollups import summary_measures
from exclusion.index.spec import load_spec
from exclusion.index.uncertainty import run_uncertainty
from tests.index.made import table


def drawn(codes, groups, people, draws, seed=1):
    """The same draws counted on the grid, and kept whole: (draws, groups) of each measure and rank."""
    rng = np.random.default_rng(seed)
    n = len(codes)
    centre = rng.permutation(n)
    level, kept = GroupDraws(codes, groups, people), {}
    for at in range(0, draws, 50):
        cells = level.cells(50)
        for j in range(50):
            ranks = (np.argsort(np.argsort(centre + rng.normal(0, 0.1 * n, n))) + 1).astype(np.uint16)
            level.place(ranks, 0.1 * n, cells[j])
            use = codes >= 0
            exact = summary_measures(
                ranks[use].astype(float), ranks[use].astype(float), people[use], codes[use], groups, n
            )
            for name in ROLLUP_MEASURES:
                kept.setdefault(name, []).append(exact[name])
                kept.setdefault(f"{name}_rank", []).append(
                    rankdata(-exact[name].astype(np.float32), method="min")
                )
        assert at < draws
        level.add(cells)
    return level.table([f"g{g:05d}" for g in range(groups)], draws, 0.90), {
        name: np.array(values, dtype=float) for name, values in kept.items()
    }


@pytest.mark.parametrize(("n", "groups"), [(3000, 40), (6000, 1500)])
def test_ends_lie_within_a_thousandth_of_those_of_all_draws(n, groups):
    rng = np.random.default_rng(n)
    codes = rng.permutation(np.arange(n) % groups).astype(np.int32)
    people = rng.integers(800, 3000, n).astype(float)
    found, kept = drawn(codes, groups, people, 200)
    spans = {"average_rank": n, "share_in_worst_tenth_pct": 100.0, "extent_pct": 100.0}
    for name in ROLLUP_MEASURES:
        for suffix, span in (("", spans[name]), ("_rank", groups)):
            exact = np.quantile(kept[name + suffix], (0.05, 0.5, 0.95), axis=0, method="inverted_cdf")
            ends = np.vstack([found[f"{name}{suffix}_{end}"] for end in ("low", "median", "high")])
            # Half a step, and for whole ranks the rounding of the end.
            slack = 0.5 * span / STEPS * 1.001 + (0.5 if suffix and groups > STEPS else 0.0)
            if (suffix and groups <= STEPS + 1) or (name == "share_in_worst_tenth_pct" and not suffix):
                slack = 1e-4
            assert np.abs(ends - exact).max() <= slack, name + suffix


def test_places_that_tie_share_the_smaller_rank():
    """Most wards have no area in the worst tenth: none of them may stand before another for the order of its code."""
    codes = np.repeat(np.arange(5, dtype=np.int32), 20)
    ranks = np.arange(1, 101).astype(np.uint16)
    level = GroupDraws(codes, 5, np.ones(100))
    cells = level.cells(1)
    level.place(ranks, 10.0, cells[0])
    level.add(cells)
    found = level.table(list("abcde"), 1, 0.90)
    assert found["share_in_worst_tenth_pct_rank_median"].tolist() == [1, 2, 2, 2, 2]
    assert found["average_rank_rank_median"].tolist() == [1, 2, 3, 4, 5]
    assert found["share_in_worst_tenth_pct_low"].tolist() == [50, 0, 0, 0, 0]


def test_places_without_people_are_null_and_do_not_take_a_rank():
    codes = np.array([0, 0, 1, 1, 3, 3, -1], np.int32)
    people = np.array([1, 1, 0, 0, 1, 1, 1], float)
    level = GroupDraws(codes, 4, people)
    cells = level.cells(1)
    level.place(np.arange(1, 8).astype(np.uint16), 0.7, cells[0])
    level.add(cells)
    found = level.table(list("abcd"), 1, 0.90).set_index("group")
    assert found.loc[["b", "c"]].isna().all().all()
    assert found["average_rank_rank_high"].dropna().to_dict() == {"a": 1, "d": 2}


def test_wards_have_intervals_like_every_other_level():
    data = table(600)
    data["wd_cd"] = [f"E05{i // 6:06d}" for i in range(600)]
    result = build(load_spec("default"), data)
    found = run_uncertainty(result, data, draws=200, rollups={"ward": "wd_cd", "council": "lad_cd"})
    wards = found.rollups["ward"]
    assert len(wards) == 100
    assert (wards["average_rank_rank_low"] <= wards["average_rank_rank_median"]).all()
    assert (wards["average_rank_rank_median"] <= wards["average_rank_rank_high"]).all()
    assert (wards["average_rank_rank_high"] - wards["average_rank_rank_low"]).median() > 3
    nominal = result.table["exclusion_rank"].to_numpy(float)
    exact = summary_measures(
        nominal, nominal, data["residents"].to_numpy(), data["wd_cd"].factorize()[0], 100, 600
    )
    inside = (wards["average_rank_low"] <= exact["average_rank"] + 0.6) & (
        exact["average_rank"] - 0.6 <= wards["average_rank_high"]
    )
    assert inside.mean() > 0.85
