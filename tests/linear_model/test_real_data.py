"""The optimum is scikit-learn's, on real tables."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression as LinearReference
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.linear_model import Perceptron as PerceptronReference
from sklearn.linear_model import Ridge as RidgeReference

from skdl.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge
from tests.linear_model.real_data import CLASSIFICATION, REGRESSION, load
from tests.linear_model.test_logistic import objective


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("C", [1.0, 100.0])
def test_logistic_regression(name, C):
    X, y = load(name, CLASSIFICATION[name])
    default = LogisticRegression(C=C).fit(X, y)
    tight = LogisticRegression(C=C, tol=1e-9).fit(X, y)
    theirs = Reference(C=C, tol=1e-8, solver="newton-cholesky", max_iter=200).fit(X, y)
    expected = objective(theirs, X, y, C)
    assert objective(tight, X, y, C) <= expected * (1 + 1e-9)
    assert objective(tight, X, y, C) == pytest.approx(expected, rel=1e-6)
    assert objective(default, X, y, C) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(tight.predict_proba(X), theirs.predict_proba(X), atol=2e-4)


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_float32(name):
    X, y = load(name, CLASSIFICATION[name])
    single = LogisticRegression().fit(X.astype(np.float32), y)
    optimum = LogisticRegression(tol=1e-9).fit(X, y)
    assert objective(single, X, y) == pytest.approx(objective(optimum, X, y), rel=1e-6)


@pytest.mark.parametrize("name", ["glass", "vehicle", "german_credit", "breast_w", "heart_c", "zoo", "pima_diabetes"])
def test_elastic_net(name):
    X, y = load(name, CLASSIFICATION[name])
    ours = LogisticRegression(C=0.3, l1_ratio=0.7, tol=1e-7).fit(X, y)
    theirs = Reference(C=0.3, l1_ratio=0.7, tol=1e-7, solver="saga", max_iter=20_000, random_state=0).fit(X, y)
    assert objective(ours, X, y, 0.3, 0.7) == pytest.approx(objective(theirs, X, y, 0.3, 0.7), rel=1e-6)


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_perceptron(name):
    X, y = load(name, CLASSIFICATION[name])
    ours = Perceptron(shuffle=False, max_iter=50, tol=None).fit(X, y)
    theirs = PerceptronReference(shuffle=False, max_iter=50, tol=None).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("name", REGRESSION)
def test_least_squares(name):
    X, y = load(name, REGRESSION[name])
    y = y.astype(np.float64)
    ours, theirs = LinearRegression().fit(X, y), LinearReference().fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8, atol=1e-8 * np.abs(y).max())
    for alpha in (0.1, 10.0):
        ridge, reference = Ridge(alpha).fit(X, y), RidgeReference(alpha).fit(X, y)
        np.testing.assert_allclose(ridge.coef_, reference.coef_, rtol=1e-7, atol=1e-9 * np.abs(reference.coef_).max())


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_least_squares_of_codes_of_classes(name):
    X, y = load(name, CLASSIFICATION[name])
    codes = np.unique(y, return_inverse=True)[1].astype(np.float64)

    def loss(model, alpha=0.0):
        return ((codes - model.predict(X)) ** 2).sum() + alpha * (model.coef_**2).sum()

    assert loss(LinearRegression().fit(X, codes)) == pytest.approx(loss(LinearReference().fit(X, codes)), rel=1e-6)
    for alpha in (0.1, 10.0):
        ours, theirs = Ridge(alpha).fit(X, codes), RidgeReference(alpha).fit(X, codes)
        assert loss(ours, alpha) == pytest.approx(loss(theirs, alpha), rel=1e-6)
