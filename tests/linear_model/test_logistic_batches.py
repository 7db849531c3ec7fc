import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_iris

from skdl.linear_model import LogisticRegression


def made(n=6000, d=8, n_classes=4):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d))
    return X + 2.0, (X @ rng.normal(size=(d, n_classes)) + rng.gumbel(size=(n, n_classes))).argmax(axis=1)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_one_batch_is_a_fit(make, n_classes, fit_intercept):
    X, y = load_iris(return_X_y=True)
    X, y = make(X[y < n_classes]), y[y < n_classes]
    model = LogisticRegression(tol=1e-9, fit_intercept=fit_intercept)
    whole = LogisticRegression(tol=1e-9, fit_intercept=fit_intercept).fit(X, y)
    weight = np.ones(len(y))
    batch = model.partial_fit(X, y, classes=np.arange(n_classes), sample_weight=weight)
    np.testing.assert_allclose(batch.coef_, whole.coef_, atol=1e-7)
    np.testing.assert_allclose(batch.intercept_, whole.intercept_, atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_batches_come_close_to_a_fit_on_all(n_classes):
    X, y = made(n_classes=n_classes)
    whole = LogisticRegression().fit(X, y)
    model = LogisticRegression()
    for start in range(0, 6000, 500):
        rows = slice(start, start + 500)
        model.partial_fit(X[rows], y[rows], classes=np.arange(n_classes))
    last = LogisticRegression().fit(X[-500:], y[-500:])
    difference = np.abs(model.predict_proba(X) - whole.predict_proba(X)).mean()
    assert difference < 0.005
    assert difference < 0.2 * np.abs(last.predict_proba(X) - whole.predict_proba(X)).mean()


def test_wide_batches_remember_a_diagonal():
    rng = np.random.default_rng(0)
    X = sp.random(400, 700, density=0.05, rng=0, format="csr")
    y = (X @ rng.normal(size=700) > 0).astype(int)
    model = LogisticRegression(C=10.0).partial_fit(X[:200], y[:200], classes=[0, 1])
    once = model.score(X[200:], y[200:])
    model.partial_fit(X[200:], y[200:])
    np.testing.assert_allclose(model._memory[1].shape, (1, 701))
    assert model.score(X[200:], y[200:]) > once
    assert model.score(X[:200], y[:200]) > 0.9
    dense = LogisticRegression(C=10.0).partial_fit(X[:200].toarray(), y[:200], classes=[0, 1])
    dense.partial_fit(X[200:].toarray(), y[200:])
    np.testing.assert_allclose(dense.coef_, model.coef_, atol=1e-4)


def test_weights_and_class_weights_of_batches():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    weight = np.where(y == 1, 3.0, 1.0)
    by_sample = LogisticRegression(tol=1e-9).partial_fit(X, y, classes=[0, 1], sample_weight=weight)
    by_class = LogisticRegression(tol=1e-9, class_weight={0: 1.0, 1: 3.0}).partial_fit(X, y, classes=[0, 1])
    np.testing.assert_allclose(by_sample.coef_, by_class.coef_, rtol=1e-6)


def test_batches_may_lack_classes():
    X, y = made()
    model = LogisticRegression().partial_fit(X[y < 2], y[y < 2], classes=np.arange(4))
    assert set(model.predict(X)) == {0, 1}
    assert model.predict_proba(X).shape == (6000, 4)
    model.partial_fit(X, y)
    assert set(model.predict(X)) == {0, 1, 2, 3}


def test_fit_forgets_the_batches():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression().partial_fit(X[:100], y[:100], classes=[0, 1, 2]).fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(model.coef_, LogisticRegression().partial_fit(X, y, classes=[0, 1, 2]).coef_)


@pytest.mark.parametrize(
    "parameters", [{"l1_ratio": 0.5}, {"C": np.inf}, {"multi_class": "ovr"}, {"solver": "liblinear"}]
)
def test_what_batches_cannot_do(parameters):
    assert hasattr(LogisticRegression(), "partial_fit")
    assert not hasattr(LogisticRegression(**parameters), "partial_fit")


def test_batches_are_not_balanced():
    with pytest.raises(ValueError, match="class_weight='balanced' is not supported by partial_fit"):
        LogisticRegression(class_weight="balanced").partial_fit([[0.0]], [0], classes=[0, 1])


def test_labels_that_were_not_announced():
    X, y = load_iris(return_X_y=True)
    model = LogisticRegression().partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"y holds \[5\], not among the first call's classes=\[0, 1, 2\]"):
        model.partial_fit(X[:2], [5, 5])
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, y, classes=[0, 1])
