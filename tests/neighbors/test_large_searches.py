"""The compiled kernels find what the plain ones find, to the last bit."""

import numpy as np
import pytest
import torch

from skdl.kernels import _tile_loops, tiles
from skdl.kernels.kdtree import KDTree
from skdl.kernels.neighbors import prepare
from skdl.kernels.tiles import TileSearch
from skdl.neighbors import NearestNeighbors, _index_base, _index_dense
from tests.neighbors.oracles import all_distances, assert_same_neighbors, nearest


@pytest.fixture(params=["tiles", "tree"])
def large(request, monkeypatch):
    """Send every search to the compiled kernels."""
    monkeypatch.setattr(_index_dense, "TILE_WORK", 0)
    return {"algorithm": "brute" if request.param == "tiles" else "kd_tree"}


def _random(n, m, d, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)


def _plain(X, queries, k, **params):
    distances, indices = [], []
    for start in range(0, len(queries), 16):
        found = _index_base.Index.kneighbors(NearestNeighbors(**params).fit(X)._index(), queries[start : start + 16], k)
        distances.append(found[0])
        indices.append(found[1])
    return np.vstack(distances), np.vstack(indices)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d", "k"), [(1500, 3, 1), (2100, 8, 10), (1100, 15, 40), (1300, 16, 7), (700, 37, 700)])
def test_same_bits_as_the_plain_search(large, metric, dtype, n, d, k):
    X, queries = _random(n, 150, d, dtype)
    found = NearestNeighbors(n_neighbors=k, metric=metric, **large).fit(X).kneighbors(queries)
    expected = _plain(X, queries, k, metric=metric)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])


def test_ties_go_by_index(large):
    rng = np.random.default_rng(0)
    for d in (2, 5, 20):
        X = rng.integers(0, 2, (3000, d)).astype(np.float32)
        queries = rng.integers(0, 2, (90, d)).astype(np.float32)
        found = NearestNeighbors(n_neighbors=12, **large).fit(X).kneighbors(queries)
        np.testing.assert_array_equal(found[1], nearest(all_distances(queries, X), 12)[1])


def test_constant_data(large):
    X = np.full((3000, 4), 3.25)
    found = NearestNeighbors(n_neighbors=3, **large).fit(X).kneighbors(X[:70])
    assert (found[1] == [0, 1, 2]).all()
    assert (found[0] == 0).all()


@pytest.mark.parametrize("offset", [1e4, 1e6])
def test_badly_centred_float32(large, offset):
    X, queries = _random(3000, 80, 12, np.float32)
    X, queries = X + np.float32(offset), queries + np.float32(offset)
    found = NearestNeighbors(n_neighbors=10, **large).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X), 10)


def test_far_clusters_of_tiny_spread(large):
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((4, 12)) * 1e6
    X = (centres[:, None] + rng.standard_normal((4, 700, 12))).reshape(-1, 12)
    queries = (centres[:, None] + rng.standard_normal((4, 30, 12))).reshape(-1, 12)
    found = NearestNeighbors(n_neighbors=5, **large).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X), 5)


def test_queries_far_out(large):
    X, queries = _random(2500, 70, 6)
    queries[3], queries[5], queries[40] = 1e30, 1e200, -1e8
    found = NearestNeighbors(n_neighbors=3, **large).fit(X).kneighbors(queries)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(found[1], nearest(all_distances(queries, X), 3)[1])


@pytest.mark.parametrize("exponent", [-600, 600])
def test_extreme_scales(large, exponent):
    X, queries = _random(1200, 70, 7)
    expected = NearestNeighbors(**large).fit(X).kneighbors(queries)
    found = NearestNeighbors(**large).fit(X * 2.0**exponent).kneighbors(queries * 2.0**exponent)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0] * 2.0**exponent)


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_threads_and_batches_do_not_matter(large, n_jobs):
    X, queries = _random(2500, 1300, 9)
    expected = NearestNeighbors(**large).fit(X).kneighbors(queries)
    before = torch.get_num_threads()
    search = NearestNeighbors(**large, n_jobs=n_jobs).fit(X)
    for part in (slice(None), slice(5, 6), slice(100, 1200)):
        found = search.kneighbors(queries[part])
        np.testing.assert_array_equal(found[1], expected[1][part])
        np.testing.assert_array_equal(found[0], expected[0][part])
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("dtype", [torch.int8, torch.float32, torch.float64])
@pytest.mark.parametrize("d", [20, 130])
def test_each_precision_alone(dtype, d):
    X, queries = _random(2600, 140, d, np.float32)
    search = TileSearch(X, lambda kind: prepare(torch.from_numpy(X), kind))
    found = search.kneighbors(queries, 8, [dtype], 1, lambda rows: None)
    assert_same_neighbors(found, all_distances(queries, X), 8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_bounds_hold(dtype):
    # The certificate itself: lower bounds lie below, and not far below.
    X, queries = _random(500, 60, 150, np.float32)
    reference = prepare(torch.from_numpy(X), dtype)
    augmented, norms = tiles.centred_queries(reference, torch.from_numpy(queries))
    product = (augmented @ reference.augmented.T).double()
    low = reference.low.double() - product
    centred = (torch.from_numpy(X).double() - reference.shift) * reference.scale
    centred_queries = (torch.from_numpy(queries).double() - reference.shift) * reference.scale
    true = (centred**2).sum(1) / 2 - centred_queries @ centred.T
    size = reference.norms.double()
    width = reference.slack * size * (2 * norms[:, None] + size)
    assert (low <= true).all()
    assert (true <= low + width).all()


@pytest.mark.parametrize("kind", ["even", "one large value", "tiny rows", "a row of zeros", "halves"])
def test_the_bounds_of_integers_hold(kind):
    X, queries = _random(500, 60, 150, np.float32)
    if kind == "one large value":
        X[::3, 7] *= 1000
        queries[::2, 8] *= 1000
    elif kind == "tiny rows":
        X[::3] *= 1e-30
        queries[::2] *= 1e-25
    elif kind == "a row of zeros":
        X[5], queries[6] = 0, 0
    elif kind == "halves":  # all of them are rounded by as much as there is
        X, queries = np.sign(X) * 0.5, np.sign(queries) * 0.5
        X[:, 0], queries[:, 0] = 127, -127
    X -= X.mean(axis=0)
    reference = prepare(torch.from_numpy(X), torch.int8)
    ours = reference.integers
    theirs, norms = tiles.centred_queries(reference, torch.from_numpy(queries))
    assert int(ours.values.abs().max()) <= 127
    products = theirs.values.int() @ ours.values.int().T
    sides = (*(side.numpy() for side in (*ours[1:], *theirs[1:])), np.empty(500, dtype=np.float32))
    low = np.empty((60, 500))
    for i in range(60):
        scale, error, norm = (np.float32(side[i]) for side in (theirs.scales, theirs.errors, norms))
        most = _tile_loops._most(products[i].numpy().astype(np.int32), 0, scale, error, norm, sides)
        low[i] = reference.low.numpy() - most
    centred = ((torch.from_numpy(X).double() - reference.shift) * reference.scale).numpy()
    centred_queries = ((torch.from_numpy(queries).double() - reference.shift) * reference.scale).numpy()
    true = (centred**2).sum(axis=1) / 2 - centred_queries @ centred.T
    assert (low <= true).all()
    # And not far below: a value is rounded by half a step, which is a 127th of the largest.
    step = np.abs(centred).max(axis=1) / 127, np.abs(centred_queries).max(axis=1)[:, None] / 127
    size, query_size = np.linalg.norm(centred, axis=1), norms.numpy()[:, None]
    width = np.sqrt(150) / 2 * (step[0] * query_size + step[1] * (size + step[0])) + 1e-5 * size * (query_size + size)
    assert (true <= low + 2 * width + 1e-29).all()


def test_data_that_are_too_coarse_for_integers():
    X, queries = _random(3000, 600, 200, np.float32)
    X, queries = X * 1e-3 + np.sign(X[:, :1]), queries * 1e-3 + np.sign(queries[:, :1])
    search = TileSearch(X, lambda kind: prepare(torch.from_numpy(X), kind))
    found = search.kneighbors(queries, 5, [torch.int8, torch.float32, torch.float64], 1, lambda rows: None)
    assert torch.int8 in search._too_coarse
    assert_same_neighbors(found, all_distances(queries, X), 5)


@pytest.mark.parametrize("leaf_size", [1, 2, 30, 5000])
@pytest.mark.parametrize("n", [1, 2, 3, 1000])
def test_trees_of_any_size(leaf_size, n):
    X, queries = _random(n, 20, 3)
    tree = KDTree(X, 0, leaf_size=leaf_size)
    k = min(n, 4)
    found = tree.kneighbors(queries, k, 1, lambda rows: None)
    np.testing.assert_array_equal(found[1], nearest(all_distances(queries, X), k)[1])
    assert tree.visits(queries, k) >= 1


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("kind", "p"), [(0, 2), (1, 1), (2, np.inf), (3, 3)])
def test_radius_in_a_tree(kind, p, n_threads):
    X, queries = _random(900, 600, 4)
    full = all_distances(queries, X, p)
    radii = np.quantile(full, 0.02, axis=1)
    radii[:3] = [0, 1e-9, 1e9]
    rows, columns, distances = KDTree(X, kind, p=p).within(queries, radii, n_threads)
    expected = np.nonzero(full <= radii[:, None])
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(columns, expected[1])
    np.testing.assert_allclose(distances, full[expected], rtol=1e-13)


def test_minkowski_powers_in_a_tree():
    X, queries = _random(800, 60, 4)
    found = KDTree(X, 3, p=3.0).kneighbors(queries, 6, 2, lambda rows: None)
    assert_same_neighbors(found, all_distances(queries, X, 3), 6)


def test_auto_takes_the_tree_for_few_features_alone(monkeypatch):
    monkeypatch.setattr(_index_dense, "TILE_WORK", 0)
    for d, expected in [(2, True), (14, False)]:
        X, queries = _random(20000, 200, d)
        search = NearestNeighbors().fit(X)
        search.kneighbors(queries)
        assert search._index()._held[("pays", 5)] == expected


@pytest.mark.parametrize("p", [1.5, 3, 0.5])
def test_odd_powers_go_by_a_tree(p):
    X, queries = _random(5000, 60, 4)
    search = NearestNeighbors(p=p).fit(X)
    full = all_distances(queries, X, p)
    assert_same_neighbors(search.kneighbors(queries), full, 5, rtol=1e-11)
    radius = float(np.quantile(full, 0.01))
    indices = search.radius_neighbors(queries, radius=radius, return_distance=False)
    for row in range(60):
        np.testing.assert_array_equal(indices[row], np.flatnonzero(full[row] <= radius))
    assert search._index().by_tree
    assert_same_neighbors(NearestNeighbors(p=p, algorithm="brute").fit(X).kneighbors(queries), full, 5, rtol=1e-11)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine", "sqeuclidean"])
def test_radius_of_large_searches(metric, large):
    X, queries = _random(1500, 90, 5)
    radius = {"cosine": 0.05, "sqeuclidean": 0.5}.get(metric, 0.7)
    found = NearestNeighbors(metric=metric, radius=radius, **large).fit(X).radius_neighbors(queries)
    index = NearestNeighbors(metric=metric, radius=radius).fit(X)._index()
    expected = _index_base.Index.radius_neighbors(index, queries, np.full(90, radius))
    for row in range(90):
        np.testing.assert_array_equal(found[1][row], expected[1][row])
        np.testing.assert_array_equal(found[0][row], expected[0][row])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_bound_of_the_k_smallest_of_a_list(dtype):
    rng = np.random.default_rng(0)
    for n in [1, 2, 3, *rng.integers(4, 60, 300).tolist()]:
        values = rng.integers(0, rng.integers(1, 30), n).astype(dtype)  # ties
        values[rng.random(n) < 0.1] = np.inf
        values[rng.random(n) < 0.5] *= 1e-7
        for k in {1, n, int(rng.integers(1, n + 1))}:
            kth = np.sort(values)[k - 1]
            for most in (k, k + 3):
                bound = _tile_loops.at_least(values, k, most)
                assert bound >= kth
                # More than asked for are below only if the last of them are alike, or differ by a rounding.
                beyond = np.sort(values[values <= bound])[most:]
                assert not len(beyond) or beyond[-1] <= np.nextafter(kth, dtype(np.inf))
