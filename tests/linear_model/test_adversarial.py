"""Data that break careless arithmetic."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import expit
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.linear_model import Perceptron as PerceptronReference

from skdl.linear_model import LinearRegression, LogisticRegression, Perceptron, Ridge
from tests.linear_model.test_logistic import objective


def noisy(n=200, d=5, n_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=(d, n_classes)) + rng.gumbel(size=(n, n_classes))).argmax(axis=1)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("C", [1.0, np.inf])
def test_constant_columns_get_no_weight(n_classes, C):
    X, y = noisy(n_classes=n_classes)
    plain = LogisticRegression(C=C, tol=1e-9).fit(X, y)
    constants = np.hstack([X, np.zeros((200, 1)), np.full((200, 1), 0.1), np.full((200, 1), 1e9)])
    model = LogisticRegression(C=C, tol=1e-9).fit(constants, y)
    np.testing.assert_allclose(model.coef_[:, :5], plain.coef_, atol=1e-8)
    np.testing.assert_array_equal(model.coef_[:, 5:], 0.0)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_copies_of_a_column_share_its_weight(n_classes):
    X, y = noisy(n_classes=n_classes)
    model = LogisticRegression(tol=1e-10).fit(np.hstack([X, X]), y)
    np.testing.assert_allclose(model.coef_[:, :5], model.coef_[:, 5:], atol=1e-9)
    theirs = Reference(tol=1e-10, max_iter=1000).fit(np.hstack([X, X]), y)
    expected = objective(theirs, np.hstack([X, X]), y)
    assert objective(model, np.hstack([X, X]), y) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_an_offset_moves_only_the_intercept(n_classes, offset):
    X, y = noisy(n_classes=n_classes)
    X = np.round(8 * X)  # so that adding the offset costs no digit of X
    plain, moved = LogisticRegression(tol=1e-9).fit(X, y), LogisticRegression(tol=1e-9).fit(X + offset, y)
    np.testing.assert_allclose(moved.coef_, plain.coef_, atol=1e-8)
    expected = plain.intercept_ - offset * plain.coef_.sum(axis=1)
    np.testing.assert_allclose(moved.intercept_, expected, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_units_do_not_matter_without_a_penalty(n_classes):
    X, y = noisy(n_classes=n_classes)
    units = 2.0 ** np.array([-660, -20, 0, 30, 660])  # 1e-199 to 1e199
    plain, other = LogisticRegression(C=np.inf).fit(X, y), LogisticRegression(C=np.inf).fit(X * units, y)
    np.testing.assert_allclose(other.coef_ * units, plain.coef_, rtol=1e-6)
    np.testing.assert_allclose(other.predict_proba(X * units), plain.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_columns_far_too_small_for_the_penalty_get_no_weight(n_classes, l1_ratio):
    X, y = noisy(n_classes=n_classes)
    units = np.array([1e-200, 1.0, 1.0, 1.0, 1e-180])
    model = LogisticRegression(l1_ratio=l1_ratio, tol=1e-9).fit(X * units, y)
    rest = LogisticRegression(l1_ratio=l1_ratio, tol=1e-9).fit(X[:, 1:4], y)
    np.testing.assert_allclose(model.coef_[:, 1:4], rest.coef_, atol=1e-8)
    assert np.abs(model.coef_[:, [0, 4]]).max() < 1e-150
    assert np.isfinite(model.predict_proba(X * units)).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_enormous_columns_are_not_penalized(n_classes):
    X, y = noisy(n_classes=n_classes)
    model = LogisticRegression(tol=1e-9).fit(X * 1e200, y)
    free = LogisticRegression(C=np.inf, tol=1e-9).fit(X, y)
    np.testing.assert_allclose(model.coef_ * 1e200, free.coef_, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_more_columns_than_rows(n_classes):
    X, y = noisy(40, 500, n_classes)
    ours, theirs = LogisticRegression(tol=1e-9).fit(X, y), Reference(tol=1e-9, max_iter=1000).fit(X, y)
    assert objective(ours, X, y) == pytest.approx(objective(theirs, X, y), rel=1e-9)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_a_class_whose_weights_are_all_zero(make):
    X, y = load_iris(return_X_y=True)
    weight = (y != 1).astype(float)
    model = LogisticRegression().fit(make(X), y, sample_weight=weight)
    assert model.classes_.tolist() == [0, 1, 2]
    assert set(model.predict(make(X))) == {0, 2}
    assert model.predict_proba(make(X))[:, 1].max() < 1e-3
    without = LogisticRegression().fit(X[y != 1], y[y != 1])
    # The forgotten class keeps two coefficient rows that share what one difference had.
    np.testing.assert_allclose((model.coef_[2] - model.coef_[0]).sum(), without.coef_.sum(), rtol=0.5)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_separable_without_penalty(n_classes):
    X, y = load_iris(return_X_y=True)
    keep = y != 1 if n_classes == 2 else y == y
    X, y = X[keep], y[keep]
    X = np.where(y[:, None] == 2, X + 3.0, X)
    X = np.where(y[:, None] == 0, X - 3.0, X)
    model = LogisticRegression(C=np.inf).fit(X, y)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y) == 1.0
    # Its objective is below any that can be asked for, as scikit-learn's is.
    assert objective(model, X, y, np.inf) / len(X) < 1e-3


def test_rare_classes_and_tiny_weights():
    X, y = noisy(3000, 4, 3)
    weight = np.where(y == 0, 1e-12, 1.0)
    ours = LogisticRegression(tol=1e-9).fit(X, y, weight)
    theirs = Reference(tol=1e-9, max_iter=10_000, solver="newton-cg").fit(X, y, weight)
    expected = objective(theirs, X, y, weight=weight)
    assert objective(ours, X, y, weight=weight) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("order", ["sorted", "cyclic"])
def test_large_data_in_an_awkward_order(order):
    X, y = noisy(60_000, 20, 5)
    rows = np.argsort(y, kind="stable")
    if order == "cyclic":
        rows = rows[np.arange(60_000).reshape(5, -1).T.ravel()]
    ours = LogisticRegression().fit(X[rows], y[rows])
    plain = LogisticRegression(tol=1e-8).fit(X, y)
    assert objective(ours, X, y) == pytest.approx(objective(plain, X, y), rel=1e-7)
    single = LogisticRegression().fit(X[rows].astype(np.float32) + 100.0, y[rows])
    np.testing.assert_allclose(single.coef_, plain.coef_, atol=1e-3 * np.abs(plain.coef_).max())


def test_a_class_that_a_sample_of_the_rows_may_miss():
    X, y = noisy(60_000, 20, 4)
    y[:5] = 4
    X[:5, 0] += 4.0
    ours, tight = LogisticRegression().fit(X, y), LogisticRegression(tol=1e-8).fit(X, y)
    assert ours.classes_.tolist() == [0, 1, 2, 3, 4]
    assert objective(ours, X, y) == pytest.approx(objective(tight, X, y), rel=1e-6)


def test_large_fits_do_not_depend_on_weights_or_copies():
    X, y = noisy(50_000, 20, 4)
    weight = np.random.default_rng(5).integers(0, 3, len(y))
    copies = np.repeat(np.arange(len(y)), weight)
    weighted = LogisticRegression(tol=1e-8).fit(X, y, weight)
    copied = LogisticRegression(tol=1e-8).fit(X[copies], y[copies])
    np.testing.assert_allclose(weighted.coef_, copied.coef_, atol=1e-6)


def test_binary_probabilities_of_a_tiny_problem_in_closed_form():
    # One column of zeros and ones without penalty: the probabilities are the frequencies.
    X = np.array([[0.0]] * 10 + [[1.0]] * 20)
    y = np.array([0] * 7 + [1] * 3 + [0] * 4 + [1] * 16)
    model = LogisticRegression(C=np.inf, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.predict_proba([[0.0], [1.0]])[:, 1], [0.3, 0.8], rtol=1e-12)
    np.testing.assert_allclose(expit(model.intercept_), [0.3], rtol=1e-12)


@pytest.mark.parametrize("cls", [Ridge, LinearRegression])
def test_least_squares_on_constants_and_copies(cls):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, 2.0, 3.0] + 5.0
    wide = np.hstack([X, X[:, :1], np.full((50, 1), 7.0), np.zeros((50, 1))])
    model = cls().fit(wide, y)
    np.testing.assert_allclose(model.coef_[0], model.coef_[3], rtol=1e-9)
    np.testing.assert_allclose(model.coef_[4:], 0.0, atol=1e-12)
    if cls is LinearRegression:
        np.testing.assert_allclose(model.predict(wide), y, rtol=1e-12)


def linear(n=60, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, X @ np.arange(1.0, d + 1) + rng.normal(size=n)


def test_units_of_columns_and_targets_do_not_matter_to_least_squares():
    X, y = linear()
    units = 2.0 ** np.array([-660, -20, 30, 660])  # 1e-199 to 1e199
    expected = np.linalg.lstsq(np.hstack([X, np.ones((60, 1))]), y, rcond=None)[0]
    model = LinearRegression().fit(X * units, y)
    np.testing.assert_allclose(model.coef_ * units, expected[:4], rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, expected[4], rtol=1e-9)
    for unit in (1e-200, 1e200):
        np.testing.assert_allclose(LinearRegression().fit(X, y * unit).coef_, expected[:4] * unit, rtol=1e-9)


@pytest.mark.parametrize("unit", [2.0**-330, 2.0**330])
def test_the_unit_of_ridge_is_a_penalty(unit):
    X, y = linear()
    plain = Ridge(3.0).fit(X, y)
    centred = X - X.mean(axis=0)
    expected = np.linalg.solve(centred.T @ centred + 3.0 * np.eye(4), centred.T @ (y - y.mean()))
    np.testing.assert_allclose(plain.coef_, expected, rtol=1e-10)
    np.testing.assert_allclose(Ridge(3.0 * unit**2).fit(X * unit, y).coef_ * unit, expected, rtol=1e-9)


def test_ridge_gives_tiny_columns_no_weight_and_enormous_ones_no_penalty():
    X, y = linear()
    tiny = Ridge(3.0).fit(X * [1e-200, 1.0, 1.0, 1e-180], y)
    np.testing.assert_allclose(tiny.coef_[1:3], Ridge(3.0).fit(X[:, 1:3], y).coef_, rtol=1e-9)
    assert np.abs(tiny.coef_[[0, 3]]).max() < 1e-150
    enormous = Ridge(3.0).fit(X * 1e200, y)
    np.testing.assert_allclose(enormous.coef_ * 1e200, LinearRegression().fit(X, y).coef_, rtol=1e-9)


@pytest.mark.parametrize("cls", [Ridge, LinearRegression])
@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_an_offset_moves_only_the_intercept_of_least_squares(cls, offset):
    X, y = linear()
    X = np.round(8 * X)  # so that adding the offset costs no digit of X
    plain, moved = cls().fit(X, y), cls().fit(X + offset, y)
    np.testing.assert_allclose(moved.coef_, plain.coef_, rtol=1e-8)
    np.testing.assert_allclose(moved.intercept_, plain.intercept_ - offset * plain.coef_.sum(), rtol=1e-8)


@pytest.mark.parametrize("cls", [Ridge, LinearRegression])
def test_rows_of_no_weight_are_no_rows_to_least_squares(cls):
    X, y = linear()
    weight = (np.arange(60) % 3 > 0).astype(float)
    y[weight == 0] = 1e6
    model, without = cls().fit(X, y, sample_weight=weight), cls().fit(X[weight > 0], y[weight > 0])
    np.testing.assert_allclose(model.coef_, without.coef_, rtol=1e-9)
    np.testing.assert_allclose(model.intercept_, without.intercept_, rtol=1e-9)


@pytest.mark.parametrize("unit", [2.0**-330, 1.0, 2.0**330])
@pytest.mark.parametrize("extra", ["nothing", "constants", "copies"])
def test_the_perceptron_is_scikit_learns_in_any_unit_on_constants_and_copies(unit, extra):
    X, y = noisy()
    more = {"nothing": X[:, :0], "constants": np.full((200, 2), [0.0, 7.0]), "copies": X}[extra]
    X = np.hstack([X, more]) * unit
    options = {"shuffle": False, "max_iter": 20, "tol": None}
    ours, theirs = Perceptron(**options).fit(X, y), PerceptronReference(**options).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9, atol=1e-12 * unit)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_the_perceptron_of_a_class_whose_weights_are_all_zero_is_scikit_learns():
    X, y = load_iris(return_X_y=True)
    weight = (y != 1).astype(float)
    options = {"shuffle": False, "max_iter": 20, "tol": None}
    ours = Perceptron(**options).fit(X, y, sample_weight=weight)
    theirs = PerceptronReference(**options).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-9)
    assert set(ours.predict(X[y != 1])) == {0, 2}


@pytest.mark.parametrize("cls", [LogisticRegression, Perceptron, Ridge, LinearRegression])
def test_nothing_is_written_into_x(cls):
    X, y = noisy(n_classes=2)
    before = X.copy()
    X.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        cls().fit(X, y)
    np.testing.assert_array_equal(X, before)
