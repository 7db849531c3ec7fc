"""Coefficients that are kept as a sparse matrix say the same, and are dense again where a fit goes on from them."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from skdl.linear_model import LogisticRegression, Perceptron

MODELS = [
    LogisticRegression(C=0.05, l1_ratio=1.0, warm_start=True),
    Perceptron(penalty="l1", alpha=0.01, warm_start=True, random_state=0),
]


def _data(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_predictions_stay_the_same(model, load):
    X, y = _data(load)
    model = clone(model).fit(X, y)
    coef, scores = model.coef_, model.decision_function(X)
    assert (coef == 0).any()
    assert model.sparsify() is model
    assert sp.issparse(model.coef_)
    for rows in (X, sp.csr_array(X), X.astype(np.float32)):
        assert_allclose(model.decision_function(rows), scores, rtol=1e-4, atol=1e-5)
    assert_array_equal(model.sparsify().predict(X), model.densify().predict(X))
    assert_array_equal(model.coef_, coef)
    assert_array_equal(model.densify().coef_, coef)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_a_fit_goes_on_from_sparse_coefficients(model):
    X, y = _data(load_iris)
    expected = clone(model).fit(X, y).fit(X, y).coef_
    again = clone(model).fit(X, y).sparsify().fit(X, y)
    assert isinstance(again.coef_, np.ndarray)
    assert_array_equal(again.coef_, expected)


def test_a_batch_goes_on_from_sparse_coefficients():
    X, y = _data(load_iris)
    models = [Perceptron(random_state=0).partial_fit(X, y, classes=[0, 1, 2]) for _ in range(2)]
    models[0].sparsify()
    dense, sparse = (model.partial_fit(X, y).coef_ for model in models[::-1])
    assert_array_equal(sparse, dense)


def test_there_is_nothing_to_make_sparse_before_a_fit():
    for method in ("sparsify", "densify"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(LogisticRegression(), method)()
