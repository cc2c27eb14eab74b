"""Golden G10 and clusters that were put there."""

import numpy as np
import pytest

from exclusion.errors import InputError
from exclusion.index.spatial import (
    NOT_CLUSTERED,
    conditional_p,
    discoveries,
    global_moran,
    local_clusters,
    nearest_weights,
    neighbour_sensitivity,
)


def _example(name, column, gal):
    import geopandas as gpd
    import libpysal

    frame = gpd.read_file(libpysal.examples.get_path(name), engine="pyogrio")
    weights = libpysal.io.open(libpysal.examples.get_path(gal)).read()
    weights.transform = "r"
    return frame[column].to_numpy(float), weights


@pytest.mark.filterwarnings("ignore")
def test_g10_moran_of_the_shipped_examples():
    from esda import Moran

    values, weights = _example("stl_hom.shp", "HR8893", "stl.gal")
    assert global_moran(values, weights).i == pytest.approx(0.24365582621771659, abs=1e-12)
    assert Moran(values, weights, two_tailed=False).p_norm == pytest.approx(0.00013573931385468807, rel=1e-9)
    values, weights = _example("sids2.shp", "SIDR74", "sids2.gal")
    assert global_moran(values, weights).i == pytest.approx(0.24772519320480135, abs=1e-12)


def test_g10_variances_on_a_lattice():
    from esda import Moran
    from libpysal.weights import lat2W

    found = Moran(np.arange(1.0, 10.0), lat2W(3, 3), transformation="B", permutations=0)
    assert found.VI_rand == pytest.approx(0.0596875)
    assert found.VI_norm == pytest.approx(0.053125)


@pytest.fixture(scope="module")
def field():
    x, y = np.meshgrid(np.arange(20.0), np.arange(20.0))
    rng = np.random.default_rng(1)
    values = rng.normal(size=400)
    values[(x.ravel() < 6) & (y.ravel() < 6)] += 4.0
    return values, x.ravel() * 1000, y.ravel() * 1000


def test_a_planted_cluster_is_found_and_noise_is_not(field):
    values, x, y = field
    weights = nearest_weights(x, y)
    assert global_moran(values, weights).p < 0.01
    clusters = local_clusters(values, weights)
    planted = (x < 5000) & (y < 5000)
    high = (clusters["cluster"] == "high among high").to_numpy()
    assert high[planted].mean() > 0.8
    assert high[(x > 8000) | (y > 8000)].mean() < 0.02
    hot = local_clusters(values, weights, statistic="hot_spot")
    assert (hot.loc[planted, "cluster"] == "hot spot").mean() > 0.8
    assert set(hot["cluster"]) <= {"hot spot", "cold spot", NOT_CLUSTERED}
    noise = np.random.default_rng(2).normal(size=400)
    assert local_clusters(noise, weights)["is_significant"].mean() < 0.02
    assert global_moran(noise, weights).p > 0.01


def test_same_seed_same_clusters_and_the_global_state_is_left_alone(field):
    values, x, y = field
    weights = nearest_weights(x, y)
    np.random.seed(5)  # noqa: NPY002 (the state that esda draws from)
    first = np.random.random()  # noqa: NPY002 (the state that esda draws from)
    np.random.seed(5)  # noqa: NPY002 (the state that esda draws from)
    one = global_moran(values, weights, seed=3)
    assert np.random.random() == first  # noqa: NPY002 (the state that esda draws from)
    assert one == global_moran(values, weights, seed=3)
    assert local_clusters(values, weights, seed=3).equals(local_clusters(values, weights, seed=3))


def test_the_same_p_by_one_thread_or_many_and_for_both_statistics(field, monkeypatch):
    values, x, y = field
    weights = nearest_weights(x, y)
    alone, many = [], []
    for threads, found in ((1, alone), (7, many)):
        monkeypatch.setattr("exclusion.index.spatial._THREADS", threads)
        monkeypatch.setattr("exclusion.index.spatial.os.cpu_count", lambda: 7)
        found.append(conditional_p(values, weights, permutations=199, seed=4))
    assert (alone[0] == many[0]).all()
    for statistic in ("moran", "hot_spot"):
        own = local_clusters(values, weights, permutations=199, seed=4, statistic=statistic)
        assert local_clusters(values, weights, p=many[0], statistic=statistic).equals(own)


def test_the_definition_of_neighbours_is_tried(field):
    found = neighbour_sensitivity(*field, ks=(4, 12)).set_index("neighbours")
    assert list(found.index) == [4, 8, 12]
    assert found.loc[8, "overlap_with_8_pct"] == 100
    assert (found["overlap_with_8_pct"] > 50).all()


def test_local_statistics_are_those_of_esda(field):
    from esda import G_Local, Moran_Local

    values, x, y = field
    weights = nearest_weights(x, y)
    found = local_clusters(values, weights)
    esda = Moran_Local(values, weights, permutations=0)
    assert np.allclose(found["statistic"], esda.Is, atol=1e-12)
    quadrants = {1: "high among high", 2: "low among high", 3: "low among low", 4: "high among low"}
    stands = found["is_significant"].to_numpy()
    assert stands.sum() > 20
    assert list(found.loc[stands, "cluster"]) == [quadrants[q] for q in esda.q[stands]]
    hot = local_clusters(values, weights, permutations=99, statistic="hot_spot")
    # Binary weights, because esda's variance takes the weights to be their own squares.
    binary = nearest_weights(x, y)
    assert np.allclose(
        hot["statistic"], G_Local(values, binary, transform="B", permutations=0, star=True).Zs, atol=1e-9
    )


def test_the_test_is_the_plain_conditional_permutation():
    rng = np.random.default_rng(4)
    x, y, values = rng.uniform(0, 9, 40), rng.uniform(0, 9, 40), rng.normal(size=40)
    weights = nearest_weights(x, y, k=4)
    found = local_clusters(values, weights, permutations=9_999)["p"].to_numpy()
    for i in range(0, 40, 5):
        others = np.delete(values, i)
        drawn = np.array([rng.choice(others, 4, replace=False).mean() for _ in range(4_000)])
        own = values[list(weights.neighbors[i])].mean()
        p = min(2 * min((drawn >= own).mean(), (drawn <= own).mean()), 1.0)
        assert found[i] == pytest.approx(p, abs=0.05)


def test_a_plain_of_equal_values_is_no_cold_spot(field):
    _, x, y = field
    values = np.where((x < 4000) & (y < 4000), 90.0, 0.0)
    found = local_clusters(values, nearest_weights(x, y), permutations=9_999, statistic="hot_spot")
    assert (found.loc[values > 0, "cluster"] == "hot spot").mean() > 0.7
    assert not (found["cluster"] == "cold spot").any()


def test_more_neighbours_than_half_of_the_areas():
    x = np.arange(12.0)
    found = local_clusters(x, nearest_weights(x, x**1.5, k=8), permutations=99)
    assert found["p"].between(0.02, 1).all()


def test_false_discoveries_are_held_down():
    p = np.concatenate([np.full(10, 1e-6), np.linspace(0.01, 1, 990)])
    assert discoveries(p).sum() == 10


def test_what_cannot_be_tested_is_said():
    x = np.arange(30.0)
    with pytest.raises(InputError, match="more than 8 areas"):
        nearest_weights(x[:8], x[:8])
    with pytest.raises(InputError, match="centroid of every area"):
        nearest_weights(np.append(x, np.nan), np.append(x, 1.0))
    weights = nearest_weights(x, x**1.5)
    with pytest.raises(InputError, match="same value"):
        global_moran(np.ones(30), weights)
    with pytest.raises(InputError, match="value for every area"):
        local_clusters(np.append(x[:-1], np.nan), weights)
