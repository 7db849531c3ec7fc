"""The kernel-weighted average beside a plain one."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from skdl.kernels.smoothing import KERNELS
from skdl.neighbors import KernelRegressor
from tests.neighbors.oracles import all_distances

FORMULAS = {
    "gaussian": lambda u: np.exp(-(u**2) / 2),
    "exponential": lambda u: np.exp(-u),
    "epanechnikov": lambda u: (1 - u**2) * (u <= 1),
    "tophat": lambda u: 1.0 * (u <= 1),
    "triangular": lambda u: (1 - u) * (u <= 1),
    "biweight": lambda u: (1 - u**2) ** 2 * (u <= 1),
    "triweight": lambda u: (1 - u**2) ** 3 * (u <= 1),
    "tricube": lambda u: (1 - u**3) ** 3 * (u <= 1),
    "cosine": lambda u: np.cos(np.pi * u / 2) * (u <= 1),
}


def _data(n=150, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, np.sin(X[:, 0]) + 0.1 * rng.standard_normal(n), rng.standard_normal((40, d))


def _smooth(D, y, kernel, bandwidth, weight=1.0):
    K = FORMULAS[kernel](D / bandwidth) * weight
    return K @ y / K.sum(axis=1)


def test_every_kernel_has_a_formula():
    assert set(FORMULAS) == set(KERNELS)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("metric", "p"), [("euclidean", 2), ("manhattan", 1), ("chebyshev", np.inf)])
def test_predictions(kernel, metric, p):
    X, y, queries = _data()
    D = all_distances(queries, X, p)
    bandwidth = 1.01 * np.sort(D, axis=1)[:, 5].max()  # everybody has neighbors
    model = KernelRegressor(kernel, bandwidth=bandwidth, metric=metric).fit(X, y)
    np.testing.assert_allclose(model.predict(queries), _smooth(D, y, kernel, bandwidth), rtol=1e-10)
    weight = np.linspace(0.1, 3, len(X))
    model.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.predict(queries), _smooth(D, y, kernel, bandwidth, weight), rtol=1e-10)


def test_a_function_as_kernel():
    X, y, queries = _data()
    model = KernelRegressor(FORMULAS["gaussian"], bandwidth=0.7).fit(X, y)
    expected = KernelRegressor(bandwidth=0.7).fit(X, y)
    np.testing.assert_allclose(model.predict(queries), expected.predict(queries), rtol=1e-10)


def test_several_outputs_and_types():
    X, y, queries = _data()
    Y = np.column_stack([y, -y, y**2])
    found = KernelRegressor(bandwidth=0.5).fit(X, Y).predict(queries)
    for column in range(3):
        expected = KernelRegressor(bandwidth=0.5).fit(X, Y[:, column]).predict(queries)
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-12)
    assert KernelRegressor(bandwidth=0.5).fit(X, y.astype(np.float32)).predict(queries).dtype == np.float32
    assert KernelRegressor(bandwidth=0.5).fit(X, (10 * y).astype(int)).predict(queries).dtype == np.float64


@pytest.mark.parametrize("kernel", ["gaussian", "exponential", "epanechnikov", "tophat"])
def test_far_from_all_rows_the_nearest_decide(kernel):
    X = np.array([[0.0], [1.0], [1.0], [2.0]])
    model = KernelRegressor(kernel, bandwidth=0.01).fit(X, [1.0, 2.0, 4.0, 8.0], sample_weight=[1, 1, 3, 1])
    np.testing.assert_allclose(model.predict([[-1e3], [0.9], [500.0]]), [1.0, 3.5, 8.0])


def _leave_one_out(X, y, kernel, bandwidth):
    D = all_distances(X, X)
    K = FORMULAS[kernel](D / bandwidth)
    np.fill_diagonal(K, 0)
    return np.mean((K @ y / K.sum(axis=1) - y) ** 2)


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
def test_the_bandwidth_minimizes_the_leave_one_out_error(kernel):
    X, y = load_diabetes(return_X_y=True)
    X = StandardScaler().fit_transform(X)[:, [2, 8]]
    model = KernelRegressor(kernel).fit(X, y)
    best = _leave_one_out(X, y, kernel, model.bandwidth_)
    for bandwidth in np.geomspace(0.05, 5, 60):
        assert best <= _leave_one_out(X, y, kernel, bandwidth) * 1.001
    assert best < 0.65 * y.var()


@pytest.mark.parametrize("kernel", ["gaussian", "tricube"])
def test_a_whole_weight_is_a_repetition(kernel):
    X, y, queries = _data(60)
    repeats = np.random.default_rng(0).integers(0, 4, 60)
    weighted = KernelRegressor(kernel).fit(X, y, sample_weight=repeats)
    repeated = KernelRegressor(kernel).fit(X.repeat(repeats, axis=0), y.repeat(repeats))
    np.testing.assert_allclose(weighted.bandwidth_, repeated.bandwidth_, rtol=1e-12)
    np.testing.assert_allclose(weighted.predict(queries), repeated.predict(queries), rtol=1e-9)


def test_other_forms_of_data():
    X, y, queries = _data()
    expected = KernelRegressor().fit(X, y)
    D, square = all_distances(queries, X), all_distances(X, X)
    precomputed = KernelRegressor(metric="precomputed").fit(square, y)
    np.testing.assert_allclose(precomputed.bandwidth_, expected.bandwidth_, rtol=1e-9)
    np.testing.assert_allclose(precomputed.predict(D), expected.predict(queries), rtol=1e-7)
    sparse = KernelRegressor().fit(sp.csr_array(X), y)
    np.testing.assert_allclose(sparse.predict(sp.csr_array(queries)), expected.predict(queries), rtol=1e-7)
    learner = KernelRegressor(metric=StandardScaler()).fit(X * [1, 10, 100], y)
    outside = KernelRegressor().fit(StandardScaler().fit_transform(X), y)
    np.testing.assert_allclose(learner.bandwidth_, outside.bandwidth_, rtol=1e-9)
    function = KernelRegressor(metric=lambda a, b: np.sqrt(((a - b) ** 2).sum())).fit(X[:40], y[:40])
    np.testing.assert_allclose(function.predict(X), KernelRegressor().fit(X[:40], y[:40]).predict(X), rtol=1e-7)


def test_badly_centred_rows():
    X, y, queries = _data()
    near = KernelRegressor(bandwidth=0.5).fit(X, y).predict(queries)
    far = KernelRegressor(bandwidth=0.5).fit(X + 1e6, y).predict(queries + 1e6)
    np.testing.assert_allclose(far, near, rtol=1e-6)


def test_equal_rows_and_a_single_one():
    model = KernelRegressor().fit(np.ones((5, 2)), [1.0, 2.0, 3.0, 4.0, 5.0])
    assert model.bandwidth_ == 1.0
    np.testing.assert_allclose(model.predict([[1.0, 1.0], [9.0, 9.0]]), [3.0, 3.0])
    np.testing.assert_allclose(KernelRegressor().fit([[1.0, 2.0]], [7.0]).predict([[0.0, 0.0]]), [7.0])


def test_bad_parameters():
    X, y, _ = _data()
    for value in (0, -1.0, "auto", None, True):
        with pytest.raises(ValueError, match=r"bandwidth of KernelRegressor must be a number in .* or one of 'loo'"):
            KernelRegressor(bandwidth=value).fit(X, y)
    with pytest.raises(ValueError, match=r"kernel of KernelRegressor must be one of 'gaussian'"):
        KernelRegressor("box").fit(X, y)
    with pytest.raises(ValueError, match=r"must return finite weights, none negative.*\(40, 150\)"):
        KernelRegressor(lambda u: -u, bandwidth=1).fit(X, y).predict(X[:40])
    with pytest.raises(ValueError, match=r"needs all distances.*X\.toarray\(\)"):
        KernelRegressor(metric="precomputed").fit(sp.csr_array(all_distances(X, X)), y)
    with pytest.raises(ValueError, match=r"y must hold numbers for a regression"):
        KernelRegressor().fit(X, np.repeat("a", len(X)))


@pytest.mark.gpu
def test_a_gpu_says_what_the_cpu_says():
    X, y, queries = _data(2000, 20)
    expected = KernelRegressor(device="cpu").fit(X, y)
    found = KernelRegressor(device="cuda").fit(X, y)
    np.testing.assert_allclose(found.bandwidth_, expected.bandwidth_, rtol=1e-9)
    np.testing.assert_allclose(found.predict(queries), expected.predict(queries), rtol=1e-9)
