"""Whole people add up at every level and are never off by one person or more."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from exclusion.estimate.rounding import largest_remainder, whole_people


@given(st.lists(st.floats(0, 5_000), min_size=1, max_size=60))
def test_largest_remainder_adds_up_and_stays_within_one(values):
    array = np.array(values)
    total = int(np.rint(array.sum()))
    whole = largest_remainder(array, total)
    assert whole.sum() == total
    assert (np.abs(whole - array) < 1 + 1e-6).all()
    assert (whole >= 0).all()


def test_largest_remainder_by_hand():
    # Quotas 1.5, 1.5, 2.0 for five seats: the earlier of the two equal remainders gets the seat.
    assert largest_remainder(np.array([1.5, 1.5, 2.0]), 5).tolist() == [2, 1, 2]
    assert largest_remainder(np.array([0.1 + 0.2, 0.7]), 1).tolist() == [0, 1]


@settings(max_examples=50)
@given(seed=st.integers(0, 100_000), areas=st.integers(1, 200))
def test_areas_add_to_councils_regions_and_the_country(seed, areas):
    rng = np.random.default_rng(seed)
    values = pd.Series(rng.gamma(2, 30, areas), index=[f"a{number}" for number in range(areas)])
    council = pd.Series(rng.integers(0, 12, areas).astype(str), index=values.index)
    region = council.map(lambda code: f"r{int(code) % 3}")
    whole = whole_people(values, [region, council])
    assert whole.sum() == np.rint(values.sum())
    for level in (region, council):
        sums = pd.DataFrame({"whole": whole, "exact": values}).groupby(level.to_numpy()).sum()
        assert ((sums["whole"] - sums["exact"]).abs() < 1 + 1e-6).all()
    assert ((whole - values).abs() < 1 + 1e-6).all()
