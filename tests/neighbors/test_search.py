"""The search finds the nearest rows exactly, whatever the data."""

import numpy as np
import pytest
import scipy.sparse as sp
import scipy.spatial.distance
import sklearn.neighbors
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from skdl.neighbors import NearestNeighbors
from tests.neighbors.oracles import all_distances, assert_same_neighbors, nearest

BUNDLED = [load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine]


def _halves(X):
    return X[::2], X[1::2]


def _random(n, m, d, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((m, d)).astype(dtype)


@pytest.mark.parametrize("load", BUNDLED)
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "sqeuclidean", "cosine"])
def test_bundled_data_like_scikit_learn(load, metric):
    X, queries = _halves(load(return_X_y=True)[0])
    ours = NearestNeighbors(n_neighbors=7, metric=metric).fit(X)
    theirs = sklearn.neighbors.NearestNeighbors(n_neighbors=7, metric=metric, algorithm="brute").fit(X)
    expected, expected_indices = theirs.kneighbors(queries)
    distances, indices = ours.kneighbors(queries)
    # scikit-learn's expanded formula loses digits of small distances.
    np.testing.assert_allclose(distances, expected, rtol=1e-6, atol=1e-7 * expected.max())
    full = sklearn.metrics.pairwise_distances(queries, X, metric=metric)
    assert_same_neighbors((distances, indices), full, 7, rtol=1e-7)
    assert_same_neighbors((expected, expected_indices), full, 7, rtol=1e-7)


@pytest.mark.parametrize("load", BUNDLED)
def test_euclidean_neighbors_are_exact(load):
    X, queries = _halves(load(return_X_y=True)[0])
    found = NearestNeighbors(n_neighbors=7).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X), 7)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_minkowski(p, dtype):
    X, queries = _random(300, 70, 9, dtype=dtype)
    found = NearestNeighbors(n_neighbors=6, p=p).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X, p), 6)


@pytest.mark.parametrize("offset", [1e3, 1e4, 1e6])
@pytest.mark.parametrize("d", [2, 40])
def test_badly_centred_float32(offset, d):
    X, queries = _random(2000, 50, d, dtype=np.float32)
    X, queries = X + np.float32(offset), queries + np.float32(offset)
    found = NearestNeighbors(n_neighbors=10).fit(X).kneighbors(queries)
    expected, expected_indices = nearest(all_distances(queries, X), 10)
    if offset <= 1e4 or d == 2:
        # Integers in disguise: the differences are exact, and so are ties.
        np.testing.assert_array_equal(found[1], expected_indices)
    np.testing.assert_allclose(found[0], expected, rtol=1e-14)


@pytest.mark.parametrize("offset", [1e4, 1e8, 1e12])
def test_badly_centred_float64(offset):
    X, queries = _random(2000, 50, 20)
    X, queries = X + offset, queries + offset
    found = NearestNeighbors(n_neighbors=10).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X), 10)


def test_far_clusters_of_tiny_spread():
    # The products in single precision cannot tell the rows of a cluster apart.
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((5, 12)) * 1e5
    X = (centres[:, None] + rng.standard_normal((5, 200, 12))).reshape(-1, 12)
    queries = (centres[:, None] + rng.standard_normal((5, 8, 12))).reshape(-1, 12)
    found = NearestNeighbors(n_neighbors=5).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X), 5)


@pytest.mark.parametrize("exponent", [-200, -150, -40, 40, 150, 200])
def test_extreme_scales(exponent):
    X, queries = _random(400, 30, 6)
    expected = NearestNeighbors(n_neighbors=4).fit(X).kneighbors(queries)
    # A power of two changes no digit.
    factor = 2.0 ** int(exponent * np.log2(10))
    found = NearestNeighbors(n_neighbors=4).fit(X * factor).kneighbors(queries * factor)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0] * factor)


def test_columns_of_unlike_scale():
    X, queries = _random(300, 30, 4)
    scale = np.array([1e-100, 1.0, 1e5, 1e-3])
    found = NearestNeighbors(n_neighbors=4).fit(X * scale).kneighbors(queries * scale)
    assert_same_neighbors(found, all_distances(queries * scale, X * scale), 4)


def test_a_query_far_out():
    X, _ = _random(300, 1, 5)
    queries = np.array([[1e30] * 5, [1e60, 0, 0, 0, 0], [1e-30] * 5])
    found = NearestNeighbors(n_neighbors=3).fit(X).kneighbors(queries)
    np.testing.assert_array_equal(found[1], nearest(all_distances(queries, X), 3)[1])


def test_an_outlier_among_the_rows():
    X, queries = _random(500, 40, 8)
    X[7] = 1e12
    found = NearestNeighbors(n_neighbors=3).fit(X).kneighbors(queries)
    np.testing.assert_array_equal(found[1], nearest(all_distances(queries, X), 3)[1])


@pytest.mark.parametrize("d", [1, 3, 17])
def test_ties_go_by_index(d):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 3, (400, d)).astype(float)
    queries = rng.integers(0, 3, (60, d)).astype(float)
    for metric, p in [("euclidean", 2), ("manhattan", 1), ("chebyshev", np.inf)]:
        distances, indices = NearestNeighbors(n_neighbors=9, metric=metric).fit(X).kneighbors(queries)
        expected, expected_indices = nearest(all_distances(queries, X, p), 9)
        np.testing.assert_array_equal(indices, expected_indices)
        np.testing.assert_allclose(distances, expected, rtol=1e-15)


def test_constant_data():
    X = np.full((50, 3), 7.5)
    distances, indices = NearestNeighbors(n_neighbors=4).fit(X).kneighbors(X[:2])
    assert indices.tolist() == [[0, 1, 2, 3]] * 2
    assert (distances == 0).all()


def test_a_constant_column_changes_nothing():
    X, queries = _random(200, 30, 5)
    expected = NearestNeighbors().fit(X).kneighbors(queries)
    wide = [np.hstack([rows[:, :2], np.full((len(rows), 1), 1e6), rows[:, 2:]]) for rows in (X, queries)]
    found = NearestNeighbors().fit(wide[0]).kneighbors(wide[1])
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-15)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine", "canberra"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_batch_of_queries_does_not_matter(metric, dtype):
    X, queries = _random(500, 40, 20, dtype=dtype)
    search = NearestNeighbors(metric=metric).fit(X)
    distances, indices = search.kneighbors(queries)
    for rows in (slice(0, 1), slice(3, 10), slice(39, None, -1)):
        part = search.kneighbors(queries[rows])
        np.testing.assert_array_equal(part[0], distances[rows])
        np.testing.assert_array_equal(part[1], indices[rows])


def test_the_order_of_training_rows_does_not_matter():
    X, queries = _random(500, 40, 20)
    order = np.random.default_rng(3).permutation(500)
    expected = NearestNeighbors().fit(X).kneighbors(queries)
    found = NearestNeighbors().fit(X[order]).kneighbors(queries)
    np.testing.assert_array_equal(order[found[1]], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "canberra"])
def test_none_asks_for_the_neighbors_of_the_training_rows(metric):
    X, _ = _random(80, 1, 4)
    X = np.vstack([X, X[:5], X[:5]])
    distances, indices = NearestNeighbors(n_neighbors=4, metric=metric).fit(X).kneighbors()
    norms = {"euclidean": 2, "manhattan": 1}
    full = all_distances(X, X, norms[metric]) if metric in norms else scipy.spatial.distance.cdist(X, X, metric)
    np.fill_diagonal(full, np.inf)
    expected, expected_indices = nearest(full, 4)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_allclose(distances, expected, rtol=1e-13)


@pytest.mark.parametrize(
    "metric",
    ["braycurtis", "canberra", "correlation", "cosine", "haversine", "nan_euclidean", "seuclidean", "mahalanobis"],
)
def test_rare_metrics_like_scikit_learn(metric):
    X, queries = _random(150, 30, 2 if metric == "haversine" else 6)
    params = {"V": X.var(axis=0, ddof=1)} if metric == "seuclidean" else {}
    params = {"VI": np.linalg.inv(np.cov(X.T))} if metric == "mahalanobis" else params
    expected = sklearn.metrics.pairwise_distances(queries, X, metric=metric, **params)
    for given in (params, None):
        found = NearestNeighbors(n_neighbors=5, metric=metric, metric_params=given).fit(X).kneighbors(queries)
        assert_same_neighbors(found, expected, 5, rtol=1e-9)


@pytest.mark.parametrize(
    "metric", ["hamming", "jaccard", "dice", "rogerstanimoto", "russellrao", "sokalsneath", "yule"]
)
def test_metrics_of_sets_like_scikit_learn(metric):
    rng = np.random.default_rng(0)
    X, queries = rng.random((60, 12)) < 0.4, rng.random((20, 12)) < 0.4
    expected = sklearn.metrics.pairwise_distances(queries, X, metric=metric)
    found = NearestNeighbors(n_neighbors=5, metric=metric).fit(X).kneighbors(queries)
    np.testing.assert_array_equal(found[1], nearest(expected, 5)[1])


def test_nan_euclidean_takes_missing_values():
    X, queries = _random(60, 10, 5)
    X[::3, 1] = np.nan
    queries[2, :] = np.nan
    found = NearestNeighbors(n_neighbors=3, metric="nan_euclidean").fit(X).kneighbors(queries)
    expected = sklearn.metrics.pairwise.nan_euclidean_distances(queries, X)
    whole = np.isfinite(expected).all(axis=1)
    assert whole.sum() == 9
    np.testing.assert_array_equal(found[1][whole], nearest(expected[whole], 3)[1])
    assert np.isnan(found[0][2]).all()


def test_a_row_of_zeros_is_at_cosine_distance_one():
    X = np.array([[1.0, 0.0], [0.0, 0.0], [-1.0, 0.0]])
    distances, indices = NearestNeighbors(n_neighbors=3, metric="cosine").fit(X).kneighbors([[2.0, 0.0], [0.0, 0.0]])
    assert indices.tolist() == [[0, 1, 2], [0, 1, 2]]
    np.testing.assert_allclose(distances, [[0, 1, 2], [1, 1, 1]], atol=1e-15)


def test_a_function_as_metric():
    X, queries = _random(40, 8, 3)
    found = NearestNeighbors(metric=lambda a, b: np.abs(a - b).sum()).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X, 1), 5)


def test_a_distance_metric_object():
    X, queries = _random(40, 8, 3)
    metric = sklearn.metrics.DistanceMetric.get_metric("minkowski", p=3)
    found = NearestNeighbors(metric=metric).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries, X, 3), 5)


def test_weighted_minkowski():
    X, queries = _random(40, 8, 3)
    w = np.array([1.0, 4.0, 0.25])
    found = NearestNeighbors(p=2, metric_params={"w": w}).fit(X).kneighbors(queries)
    assert_same_neighbors(found, all_distances(queries * np.sqrt(w), X * np.sqrt(w)), 5)


def test_metric_params_win_over_p():
    X, queries = _random(40, 8, 3)
    with pytest.warns(UserWarning, match=r"metric_params\['p'\]=1 is used and p=3 ignored"):
        search = NearestNeighbors(p=3, metric_params={"p": 1}).fit(X)
    assert search.effective_metric_ == "manhattan"
    assert_same_neighbors(search.kneighbors(queries), all_distances(queries, X, 1), 5)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "manhattan", "cosine"])
def test_sparse_rows(metric):
    X = sp.random(200, 300, density=0.05, random_state=1, format="csr")
    queries = sp.random(30, 300, density=0.05, random_state=2, format="csr")
    expected = sklearn.metrics.pairwise_distances(queries.toarray(), X.toarray(), metric=metric)
    search = NearestNeighbors(n_neighbors=4, metric=metric).fit(X)
    for given in (queries, queries.tocoo(), sp.csc_array(queries), queries.toarray()):
        assert_same_neighbors(search.kneighbors(given), expected, 4, rtol=1e-7)
    dense = NearestNeighbors(n_neighbors=4, metric=metric).fit(X.toarray())
    assert_same_neighbors(dense.kneighbors(queries), expected, 4, rtol=1e-7)


def test_sparse_differences_decide():
    # Rows that the expanded formula cannot tell apart.
    base = np.zeros(40)
    base[:10] = 1e6
    X = np.tile(base, (30, 1))
    X[np.arange(30), np.arange(10, 40)] = np.linspace(1e-3, 2e-3, 30)[::-1]
    found = NearestNeighbors(n_neighbors=3).fit(sp.csr_array(X)).kneighbors(sp.csr_array(base[None]))
    np.testing.assert_array_equal(found[1], [[29, 28, 27]])


def test_neighbors_in_a_precomputed_matrix():
    X, queries = _random(40, 8, 3)
    full = all_distances(queries, X)
    search = NearestNeighbors(metric="precomputed").fit(all_distances(X, X))
    assert_same_neighbors(search.kneighbors(full), full, 5)
    own = search.kneighbors()
    square = all_distances(X, X)
    np.fill_diagonal(square, np.inf)
    np.testing.assert_array_equal(own[1], nearest(square, 5)[1])


def test_neighbors_in_a_precomputed_graph():
    X, _ = _random(40, 8, 3)
    graph = NearestNeighbors(n_neighbors=9).fit(X).kneighbors_graph(mode="distance")
    expected = NearestNeighbors(n_neighbors=4).fit(X).kneighbors()
    found = NearestNeighbors(n_neighbors=4, metric="precomputed").fit(graph).kneighbors()
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])
    with pytest.raises(ValueError, match=r"10 neighbors per samples .* only 9 neighbors .*row 0"):
        NearestNeighbors(n_neighbors=10, metric="precomputed").fit(graph).kneighbors()


def test_graphs_serve_scikit_learn():
    from sklearn.cluster import DBSCAN
    from sklearn.manifold import Isomap

    X = load_iris().data
    graph = NearestNeighbors(radius=0.5).fit(X).radius_neighbors_graph(X, mode="distance", sort_results=True)
    expected = DBSCAN(eps=0.5).fit(X).labels_
    np.testing.assert_array_equal(DBSCAN(eps=0.5, metric="precomputed").fit(graph).labels_, expected)
    X, _ = _random(200, 1, 5)
    graph = NearestNeighbors().fit(X).kneighbors_graph(X, n_neighbors=13, mode="distance")
    embedded = Isomap(n_neighbors=12, metric="precomputed").fit_transform(graph)
    np.testing.assert_allclose(np.abs(embedded), np.abs(Isomap(n_neighbors=12).fit_transform(X)), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine", "canberra", "sqeuclidean"])
def test_radius_like_the_full_matrix(metric):
    X, queries = _random(200, 30, 4)
    full = sklearn.metrics.pairwise_distances(queries, X, metric=metric)
    radius = float(np.quantile(full, 0.05))
    search = NearestNeighbors(metric=metric, radius=radius).fit(X)
    distances, indices = search.radius_neighbors(queries)
    for row in range(30):
        np.testing.assert_array_equal(indices[row], np.flatnonzero(full[row] <= radius))
        np.testing.assert_allclose(distances[row], full[row][indices[row]], rtol=1e-9)
    ordered, by_distance = search.radius_neighbors(queries, sort_results=True)
    for row in range(30):
        assert (np.diff(ordered[row]) >= 0).all()
        assert sorted(by_distance[row]) == indices[row].tolist()
    graph = search.radius_neighbors_graph(queries)
    np.testing.assert_array_equal(graph.toarray(), full <= radius)


def test_radius_reaches_its_edge():
    X = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [0.1, 0.0]])
    search = NearestNeighbors().fit(X)
    assert search.radius_neighbors([[0.0, 0.0]], radius=5.0, return_distance=False)[0].tolist() == [0, 1, 2, 3]
    assert search.radius_neighbors([[0.0, 0.0]], radius=np.sqrt(2), return_distance=False)[0].tolist() == [0, 2, 3]
    assert search.radius_neighbors([[0.0, 0.0]], radius=0.1, return_distance=False)[0].tolist() == [0, 3]
    assert search.radius_neighbors([[0.0, 0.0]], radius=0, return_distance=False)[0].tolist() == [0]


def test_a_radius_for_each_query_and_none_for_the_training_rows():
    X, _ = _random(50, 1, 3)
    full = all_distances(X, X)
    np.fill_diagonal(full, np.inf)
    radius = np.linspace(0.1, 2, 50)
    indices = NearestNeighbors().fit(X).radius_neighbors(radius=radius, return_distance=False)
    for row in range(50):
        np.testing.assert_array_equal(indices[row], np.flatnonzero(full[row] <= radius[row]))


def test_radius_in_precomputed_distances():
    X, _ = _random(50, 8, 3)
    full = all_distances(X, X)
    expected = NearestNeighbors().fit(X).radius_neighbors(radius=0.8)[1]
    for given in (full, sp.csr_array(full), sp.csr_matrix(full)):
        found = NearestNeighbors(metric="precomputed").fit(given).radius_neighbors(radius=0.8)[1]
        for row in range(50):
            np.testing.assert_array_equal(found[row], expected[row])


def test_radius_on_sparse_rows():
    X = sp.random(100, 30, density=0.2, random_state=1, format="csr")
    full = all_distances(X.toarray(), X.toarray())
    found = NearestNeighbors().fit(X).radius_neighbors(X, radius=1.2, return_distance=False)
    for row in range(100):
        np.testing.assert_array_equal(found[row], np.flatnonzero(full[row] <= 1.2))


def test_float32_products_in_low_precision_are_not_trusted():
    import torch

    X, queries = _random(500, 30, 50, dtype=np.float32)
    search = NearestNeighbors().fit(X)
    expected = search.kneighbors(queries)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = NearestNeighbors().fit(X).kneighbors(queries)
        again = search.kneighbors(queries)
    finally:
        torch.set_float32_matmul_precision(before)
    for result in (found, again):
        np.testing.assert_array_equal(result[1], expected[1])


@pytest.mark.gpu
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "cosine"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gpu_says_what_the_cpu_says(metric, dtype):
    X, queries = _random(5000, 400, 33, dtype=dtype)
    expected = NearestNeighbors(metric=metric, device="cpu").fit(X).kneighbors(queries)
    found = NearestNeighbors(metric=metric, device="cuda").fit(X).kneighbors(queries)
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-15)
