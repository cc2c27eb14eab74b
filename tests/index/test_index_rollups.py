"""Goldens G11 and G12, and that roll-ups come from counts."""

import numpy as np
import pandas as pd
import pytest

from exclusion.errors import InputError
from exclusion.index.poverty import counting, needs_counting
from exclusion.index.rollups import MEASURES, extent_weight, local_concentration, roll_up, summary_measures

# G11: IoD 2019 Technical Report, Appendix N.
N = 32844


def _group(ranks, people):
    return np.array(ranks, float), np.array(people, float), np.zeros(len(ranks), int)


def test_g11_average_rank_and_score():
    ranks, people, codes = _group([3000, 10000, 500, 1000, 20000], [1200, 1800, 1400, 1500, 1700])
    scores = np.array([45.90, 26.51, 65.67, 59.14, 13.64])
    found = summary_measures(ranks, scores, people, codes, 1, N)
    assert found["average_rank"][0] == pytest.approx(25239.74, abs=0.005)
    assert found["average_score"][0] == pytest.approx(40.34658, abs=5e-6)


def test_g11_share_in_the_worst_tenth():
    ranks, people, codes = _group([*range(1, 19), *range(4000, 4047)], [1] * 65)
    found = summary_measures(ranks, ranks, people, codes, 1, N)
    assert found["share_in_worst_tenth_pct"][0] == pytest.approx(27.7, abs=0.05)


def test_g11_extent():
    ranks, people, codes = _group([500, 1000, 3000, 9000, 30000], [1400, 1500, 1200, 1800, 70000 - 5900])
    assert extent_weight(np.array([9000.0]), N)[0] == pytest.approx(0.144737, abs=5e-7)
    found = summary_measures(ranks, ranks, people, codes, 1, N)
    assert found["extent_pct"][0] == pytest.approx(6.2293, abs=5e-5)
    np.testing.assert_allclose(
        extent_weight(np.array([0.1, 0.11, 0.3, 0.301]) * 10000, 10000), [1, 0.95, 0.05, 0]
    )


def test_g11_local_concentration_cuts_the_last_area():
    ranks, people, codes = _group(
        [500, 1000, 3000, 10000, 20000, 30000], [1400, 1500, 1200, 1800, 1700, 62400]
    )
    assert local_concentration(ranks, people, codes, 1, N)[0] == pytest.approx(26302.14, abs=0.005)


def test_g11_income_scale_is_a_sum():
    table = _table([1, 2, 3, 4, 5])
    areas = _areas(["A"] * 5).assign(income=[1563, 1672, 1745, 1499, 1812])
    out = roll_up(table, areas, by="lad", people="residents", n_ranked=5, counts=("income",))
    assert out.loc[0, "income"] == 8291


def test_g12_counting_measures():
    """The matrix of Alkire & Foster 2011: four people, four dimensions."""
    y = np.array([[13.1, 14, 4, 1], [15.2, 7, 5, 0], [12.5, 10, 1, 0], [20, 11, 3, 1]])
    found = counting(y, np.array([13.0, 12, 3, 1]), 2)
    assert found.counts.tolist() == [0, 2, 4, 1]
    assert (found.headcount, found.intensity, found.m0) == (0.5, 0.75, 0.375)
    assert found.m1 == pytest.approx(0.205528846, abs=5e-10)
    # By hand: (25/144 + 1 + (0.5/13)^2 + (2/12)^2 + (2/3)^2 + 1) / 16.
    assert found.m2 == pytest.approx(0.165457039, abs=5e-10)
    assert found.by_dimension.sum() == pytest.approx(found.m0)


def test_needs_are_counted_from_the_threshold_on():
    scores = np.array([[50.0, 49.9, 80.0], [50.0, 70.0, 10.0]])
    found = needs_counting(scores, 50.0, k=2)
    assert found.counts.tolist() == [2, 1, 1]
    assert found.headcount == pytest.approx(1 / 3)


def _codes(n):
    return [f"E{i:08d}" for i in range(n)]


def _table(ranks):
    ranks = pd.array(ranks, dtype="Int64")
    scores = 100.0 - ranks.to_numpy(dtype=float, na_value=np.nan)
    return pd.DataFrame({"lsoa21cd": _codes(len(ranks)), "risk_rank": ranks, "risk_score": scores})


def _areas(groups):
    return pd.DataFrame(
        {"lsoa21cd": _codes(len(groups)), "lad": groups, "residents": 1000.0 + np.arange(len(groups))}
    )


def test_unranked_areas_count_as_people_but_not_in_measures():
    out = roll_up(
        _table([1, None, 3, 4]), _areas(["A", "A", "B", None]), by="lad", people="residents", n_ranked=4
    )
    assert out["group"].tolist() == ["A", "B"]
    assert out["areas"].tolist() == [2, 1]
    assert out["areas_ranked"].tolist() == [1, 1]
    assert out["people_not_ranked"].tolist() == [1001.0, 0.0]
    assert out.loc[0, "average_rank"] == 4.0


def test_custom_sets_may_overlap_and_unknown_areas_are_named():
    sets = pd.DataFrame({"lsoa21cd": [*_codes(3), _codes(3)[0]], "group": ["X", "X", "Y", "Y"]})
    out = roll_up(_table([1, 2, 3]), _areas(["A"] * 3), by=sets, people="residents", n_ranked=3)
    assert out["areas"].tolist() == [2, 2]
    with pytest.raises(InputError, match="names E99999999"):
        roll_up(
            _table([1, 2, 3]),
            _areas(["A"] * 3),
            by=pd.DataFrame({"lsoa21cd": ["E99999999"], "group": ["Z"]}),
            people="residents",
            n_ranked=3,
        )


def test_a_level_of_the_whole_is_the_people_weighted_mean_of_its_parts():
    rng = np.random.default_rng(5)
    ranks = rng.permutation(60) + 1
    groups = rng.choice(list("ABC"), 60)
    parts = roll_up(_table(ranks), _areas(groups), by="lad", people="residents", n_ranked=60)
    whole = roll_up(_table(ranks), _areas(["all"] * 60), by="lad", people="residents", n_ranked=60)
    for name in ("average_rank", "average_score", "extent_pct"):
        assert np.average(parts[name], weights=parts["people"]) == pytest.approx(whole.loc[0, name])
    assert set(MEASURES) <= set(parts)


def test_people_must_be_known_everywhere():
    areas = _areas(["A", "A"])
    areas.loc[1, "residents"] = np.nan
    with pytest.raises(InputError, match="E00000001 is not known"):
        roll_up(_table([1, 2]), areas, by="lad", people="residents", n_ranked=2)
