"""The same fits on a GPU, loaded on a CPU."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone

from skdl.linear_model import LinearRegression, LogisticRegression, Ridge

pytestmark = pytest.mark.gpu


def made(n=3000, d=20, n_classes=4):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=(d, n_classes)) + rng.gumbel(size=(n, n_classes))).argmax(axis=1)


def on_both(model, X, y):
    here = clone(model).set_params(device="cpu").fit(X, y)
    there = clone(model).set_params(device="cuda").fit(X, y)
    return here, pickle.loads(pickle.dumps(there))


@pytest.mark.parametrize(
    "parameters",
    [{}, {"C": 0.01}, {"l1_ratio": 0.5, "C": 0.05}, {"multi_class": "ovr"}, {"fit_intercept": False}],
)
@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_logistic_regression(parameters, n_classes, make):
    X, y = made(30_000 if make is sp.csr_array else 3000, n_classes=n_classes)
    here, there = on_both(LogisticRegression(tol=1e-8, **parameters), make(X), y)
    np.testing.assert_allclose(there.coef_, here.coef_, atol=1e-6)
    np.testing.assert_array_equal(there.predict(X), here.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logistic_regression(dtype):
    X, y = made(200_000, 50, 8)
    here, there = on_both(LogisticRegression(), X.astype(dtype), y)
    np.testing.assert_allclose(there.coef_, here.coef_, atol=1e-3 * np.abs(here.coef_).max())


def test_batches():
    X, y = made()
    models = [LogisticRegression(device=device, tol=1e-8) for device in ("cpu", "cuda")]
    for model in models:
        model.partial_fit(X[:1500], y[:1500], classes=np.arange(4)).partial_fit(X[1500:], y[1500:])
    np.testing.assert_allclose(models[1].coef_, models[0].coef_, atol=1e-6)


@pytest.mark.parametrize("model", [Ridge(), Ridge(positive=True), LinearRegression(), LinearRegression(positive=True)])
@pytest.mark.parametrize("shape", [(500, 20), (20, 60)])
def test_least_squares(model, shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    here, there = on_both(model, X, X @ rng.normal(size=shape[1]) + 1.0)
    np.testing.assert_allclose(there.predict(X), here.predict(X), atol=1e-8)


def test_leave_one_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10))
    y = X @ rng.normal(size=10) + rng.normal(size=200)
    here, there = (Ridge(device=device).leave_one_out(X, y, [0.1, 1.0]) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there, here, atol=1e-9)
