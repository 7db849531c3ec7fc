import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Perceptron as Reference
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdl.exceptions import DivergenceError, InterruptedFitWarning
from skdl.linear_model import Perceptron


# A check asks for tiny weights of one class, which no pass satisfies.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([Perceptron(penalty="elasticnet")])  # tests/common checks the default
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def standardized(load):
    X, y = load(return_X_y=True)
    return (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0), y


PENALTIES = [
    {},
    {"penalty": "l2", "alpha": 0.01},
    {"penalty": "l1", "alpha": 0.001},
    {"penalty": "elasticnet", "alpha": 0.01, "l1_ratio": 0.3},
    {"fit_intercept": False, "eta0": 0.1},
    {"tol": None, "max_iter": 7},
    {"n_iter_no_change": 2, "tol": 0.1},
]


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize("parameters", PENALTIES)
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_without_shuffling_the_weights_are_scikit_learns(load, parameters, class_weight):
    X, y = standardized(load)
    ours = Perceptron(shuffle=False, class_weight=class_weight, **parameters).fit(X, y)
    theirs = Reference(shuffle=False, class_weight=class_weight, **parameters).fit(X, y)
    scale = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9 * scale)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-9 * scale)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_


@pytest.mark.parametrize("penalty", [None, "l2", "l1"])
def test_sparse_samples_are_scikit_learns(penalty):
    X, y = load_digits(return_X_y=True)
    X = sp.csr_matrix(X)
    if penalty is None:
        dense = Perceptron().fit(X.toarray(), y)
        np.testing.assert_allclose(Perceptron().fit(X, y).coef_, dense.coef_, rtol=1e-9, atol=1e-9)
    # scikit-learn takes shorter steps of the intercept for sparse samples.
    ours = Perceptron(shuffle=False, fit_intercept=False, penalty=penalty).fit(X, y)
    theirs = Reference(shuffle=False, fit_intercept=False, penalty=penalty).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9 * np.abs(theirs.coef_).max())


def test_partial_fit_is_scikit_learns():
    X, y = standardized(load_digits)
    ours, theirs = Perceptron(shuffle=False), Reference(shuffle=False)
    for start in range(0, len(X), 300):
        rows = slice(start, start + 300)
        ours.partial_fit(X[rows], y[rows], classes=np.arange(10))
        theirs.partial_fit(X[rows], y[rows], classes=np.arange(10))
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-9)
    assert ours.t_ == theirs.t_ == len(X) + 1


def test_weights_multiply_the_updates():
    X, y = standardized(load_wine)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, size=len(y))
    ours = Perceptron(shuffle=False).fit(X, y, sample_weight=weight)
    theirs = Reference(shuffle=False).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-9)


def test_start_from_given_weights():
    X, y = standardized(load_wine)
    W, b = np.random.default_rng(0).normal(size=(3, 13)), np.arange(3.0)
    ours = Perceptron(shuffle=False, max_iter=1, tol=None).fit(X, y, coef_init=W, intercept_init=b)
    theirs = Reference(shuffle=False, max_iter=1, tol=None).fit(X, y, coef_init=W.copy(), intercept_init=b.copy())
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
    with pytest.raises(ValueError, match=r"Weights to begin with have the shapes \(2, 2\)"):
        Perceptron().fit(X, y, coef_init=np.ones((2, 2)))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_with_shuffling_a_weight_is_a_copy_and_order_does_not_matter(early_stopping, make):
    X, y = standardized(load_wine)
    rng = np.random.default_rng(0)
    weight = rng.integers(0, 3, size=len(y))
    copies = rng.permutation(np.repeat(np.arange(len(y)), weight))
    model = Perceptron(early_stopping=early_stopping, tol=1e-4)
    weighted = model.fit(make(X), y, sample_weight=weight).coef_
    np.testing.assert_array_equal(model.fit(make(X[copies]), y[copies]).coef_, weighted)
    assert not np.array_equal(model.set_params(random_state=1).fit(make(X[copies]), y[copies]).coef_, weighted)


def test_threads_give_the_same_weights():
    X, y = load_digits(return_X_y=True)
    np.testing.assert_array_equal(Perceptron(n_jobs=2).fit(X, y).coef_, Perceptron().fit(X, y).coef_)


def test_it_learns():
    X, y = load_digits(return_X_y=True)
    assert Perceptron().fit(X[:1200], y[:1200]).score(X[1200:], y[1200:]) > 0.85


def test_warm_start():
    X, y = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="did not converge in max_iter=1 passes"):
        cold = Perceptron(shuffle=False, max_iter=1).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warm = Perceptron(shuffle=False, max_iter=1, warm_start=True).fit(X, y).fit(X, y)
    two = Perceptron(shuffle=False, max_iter=2, tol=None).fit(X, y)
    assert not np.array_equal(cold.coef_, warm.coef_)
    np.testing.assert_allclose(warm.coef_, two.coef_)


def test_ctrl_c_leaves_a_usable_model(monkeypatch):
    import skdl.kernels.perceptron as kernel

    pass_dense, calls = kernel.pass_dense, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return pass_dense(*arguments)

    monkeypatch.setattr(kernel, "pass_dense", interrupted)
    X, y = standardized(load_breast_cancer)
    with pytest.warns(InterruptedFitWarning, match="interrupted after 3 passes"):
        model = Perceptron().fit(X, y)
    assert model.score(X, y) > 0.9


class TestBadInput:
    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"alpha": -1.0}, r"alpha of Perceptron must be a number in \[0, inf\); got -1.0"),
            ({"eta0": 0.0}, "eta0 of Perceptron must be"),
            ({"penalty": "l3"}, "penalty of Perceptron must be one of"),
            ({"l1_ratio": 1.5}, "l1_ratio of Perceptron must be"),
            ({"max_iter": 0}, "max_iter of Perceptron must be"),
            ({"validation_fraction": 1.0}, "validation_fraction of Perceptron must be"),
        ],
    )
    def test_parameters(self, parameters, message):
        with pytest.raises(ValueError, match=message):
            Perceptron(**parameters).fit([[0.0], [1.0]], [0, 1])

    def test_overflow(self):
        with pytest.raises(DivergenceError, match="infinite in pass 1: scale X"):
            Perceptron(eta0=1e300).fit([[1e300], [-1e300]], [0, 1])

    def test_not_finite(self):
        with pytest.raises(ValueError, match=r"contains NaN[\s\S]*row 1, column 0 \(nan\)\. Fill it"):
            Perceptron().fit([[0.0], [np.nan]], [0, 1])

    def test_one_class(self):
        with pytest.raises(ValueError, match="at least 2 classes"):
            Perceptron().fit([[0.0], [1.0]], [1, 1])

    def test_partial_fit_without_classes(self):
        with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
            Perceptron().partial_fit([[0.0]], [1])

    def test_partial_fit_with_other_classes(self):
        model = Perceptron().partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1])
        with pytest.raises(ValueError, match=r"classes=\[0, 2\] is not the same as on last call to partial_fit"):
            model.partial_fit([[0.0]], [0], classes=[0, 2])
        with pytest.raises(ValueError, match=r"y holds \[7\], not among the first call's classes=\[0, 1\]"):
            model.partial_fit([[0.0]], [7])

    def test_partial_fit_does_not_balance_or_stop_early(self):
        with pytest.raises(ValueError, match="class_weight='balanced' is not supported by partial_fit"):
            Perceptron(class_weight="balanced").partial_fit([[0.0]], [0], classes=[0, 1])
        with pytest.raises(ValueError, match="early_stopping should be False with partial_fit"):
            Perceptron(early_stopping=True).partial_fit([[0.0]], [0], classes=[0, 1])
