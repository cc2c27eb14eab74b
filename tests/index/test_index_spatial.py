"""Golden G10 and clusters that were put there."""

import numpy as np
import pytest

from exclusion.errors import InputError
from exclusion.index.spatial import (
    NOT_CLUSTERED,
    discoveries,
    global_moran,
    local_clusters,
    nearest_weights,
    neighbour_sensitivity,
)

pytest.importorskip("esda")


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


@pytest.mark.slow  # esda compiles its local statistics anew in every process
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


@pytest.mark.slow  # esda compiles its local statistics anew in every process
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


@pytest.mark.slow  # esda compiles its local statistics anew in every process
def test_the_definition_of_neighbours_is_tried(field):
    found = neighbour_sensitivity(*field, ks=(4, 12)).set_index("neighbours")
    assert list(found.index) == [4, 8, 12]
    assert found.loc[8, "overlap_with_8_pct"] == 100
    assert (found["overlap_with_8_pct"] > 50).all()


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
