"""Elastic nets, families, sparse text, and batches."""

import threading

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdl.base import fit_family, fit_one_by_one
from skdl.kernels.threads import side_by_side
from skdl.linear_model import LogisticRegression, _logistic, _logistic_family
from tests.linear_model.test_logistic import objective, standardized


@parametrize_with_checks([LogisticRegression(l1_ratio=1.0), LogisticRegression(l1_ratio=0.5, C=0.1)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def largest_violation(model, X, y, C, l1_ratio):
    """How far the optimality conditions are from holding, coefficient by coefficient."""
    residual = model.predict_proba(X) - (y[:, None] == model.classes_)
    if len(model.classes_) == 2:
        residual = residual[:, 1:]
    W = model.coef_
    gradient = C * residual.T @ X + (1 - l1_ratio) * W
    at_zero = np.maximum(np.abs(gradient) - l1_ratio, 0.0)
    violation = np.where(W == 0, at_zero, np.abs(gradient + l1_ratio * np.sign(W)))
    return max(violation.max(), np.abs(C * residual.sum(axis=0)).max())


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize("C", [0.05, 1.0])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_elastic_nets_meet_the_conditions_of_an_optimum(load, C, l1_ratio):
    X, y = standardized(load)
    model = LogisticRegression(C=C, l1_ratio=l1_ratio, tol=1e-8, max_iter=500).fit(X, y)
    assert largest_violation(model, X, y, C, l1_ratio) < 1e-5 * len(X) * C
    assert (model.coef_ == 0).any()


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_elastic_nets_are_scikit_learns(load, l1_ratio):
    X, y = standardized(load)
    ours = LogisticRegression(C=0.1, l1_ratio=l1_ratio, tol=1e-8).fit(X, y)
    theirs = Reference(C=0.1, l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=50_000).fit(X, y)
    expected = objective(theirs, X, y, 0.1, l1_ratio)
    assert objective(ours, X, y, 0.1, l1_ratio) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(ours.coef_ != 0, theirs.coef_ != 0)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)


def test_l1_of_liblinear_penalizes_the_intercept():
    X, y = standardized(load_breast_cancer)
    ours = LogisticRegression(solver="liblinear", l1_ratio=1.0, C=0.1, tol=1e-9).fit(X, y)
    theirs = Reference(solver="liblinear", l1_ratio=1.0, C=0.1, tol=1e-9, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)


def test_every_coefficient_is_zero_under_a_strong_l1_penalty():
    X, y = standardized(load_wine)
    model = LogisticRegression(C=1e-4, l1_ratio=1.0).fit(X, y)
    assert not model.coef_.any()
    np.testing.assert_allclose(model.predict_proba(X[:1])[0], np.bincount(y) / len(y), rtol=1e-6)


CANDIDATES = [
    {"C": 10.0},
    {"C": 0.01},
    {"C": 1.0, "l1_ratio": 0.5},
    {"C": 0.1, "l1_ratio": 0.5},
    {"C": 1.0, "fit_intercept": False},
    {"C": 1.0, "class_weight": "balanced"},
    {"C": 0.1, "tol": 1e-9},
    {"C": 1.0, "multi_class": "ovr"},
    {"C": 1.0, "solver": "liblinear", "multi_class": "ovr"},
]


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_family_is_its_members_fitted_alone(make, weighted):
    X, y = standardized(load_digits)
    X = make(X)
    names = np.array(list("abcdefghij"))[y]
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y)) if weighted else None
    splits = [np.arange(900), np.arange(600, 1797)[::-1]]
    model = LogisticRegression(tol=1e-6, max_iter=300)
    options = {"candidates": CANDIDATES, "splits": splits, "sample_weight": weight}
    alone = {(i, j): fitted for i, j, fitted in fit_one_by_one(model, X, names, **options)}
    together = {(i, j): fitted for i, j, fitted in fit_family(model, X, names, **options)}
    assert together.keys() == alone.keys()
    for key, fitted in together.items():
        assert fitted.get_params() == alone[key].get_params()
        scale = np.abs(alone[key].coef_).max()
        np.testing.assert_allclose(fitted.coef_, alone[key].coef_, atol=2e-5 * scale)
        np.testing.assert_array_equal(fitted.predict(X), alone[key].predict(X))


@pytest.fixture(scope="module")
def large():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 30))
    y = (X @ rng.normal(size=(30, 6)) + rng.gumbel(size=(40_000, 6))).argmax(axis=1)
    return X, y, [np.arange(30_000), np.arange(10_000, 40_000), np.arange(0, 40_000, 2), np.arange(1, 40_000, 2)]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_large_family_is_within_the_stated_tolerance(large, weighted, two_threads):
    X, y, splits = large
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(y)) if weighted else None
    candidates = [{"C": C} for C in (1e-4, 1e-2, 1.0, 100.0)]
    options = {"candidates": candidates, "splits": splits, "sample_weight": weight}
    alone = {(i, j): fitted for i, j, fitted in fit_one_by_one(LogisticRegression(), X, y, **options)}
    together = {(i, j): fitted for i, j, fitted in fit_family(LogisticRegression(), X, y, **options)}
    assert together.keys() == alone.keys()
    for (i, j), fitted in together.items():
        C, rows = candidates[i]["C"], splits[j]
        of_rows = {} if weight is None else {"weight": weight[rows]}
        expected = objective(alone[i, j], X[rows], y[rows], C, **of_rows)
        assert objective(fitted, X[rows], y[rows], C, **of_rows) == pytest.approx(expected, rel=1e-7)


def test_splits_that_have_threads_are_those_without(large, monkeypatch):
    X, y, splits = large
    options = {"candidates": [{"C": 0.1}, {"C": 10.0}], "splits": splits}
    sizes = []
    monkeypatch.setattr(_logistic_family, "side_by_side", lambda *args: sizes.append(args[1]) or side_by_side(*args))
    before, found = torch.get_num_threads(), {}
    for n_threads in (1, 2, 3):
        torch.set_num_threads(n_threads)
        found[n_threads] = {(i, j): model.coef_ for i, j, model in fit_family(LogisticRegression(), X, y, **options)}
    torch.set_num_threads(before)
    assert sizes == [2, 3]
    for key, coef in found[1].items():
        for n_threads in (2, 3):
            np.testing.assert_allclose(found[n_threads][key], coef, rtol=1e-9)


def test_what_goes_wrong_in_a_thread_is_said(large, two_threads):
    X, y, splits = large
    one_class = np.flatnonzero(y == 0)
    candidates = [{"C": C} for C in np.geomspace(1e-3, 1e3, 30)]
    family = fit_family(LogisticRegression(), X, y, candidates=candidates, splits=[*splits[:2], one_class, splits[3]])
    with pytest.raises(ValueError, match="2 classes"):
        list(family)
    with pytest.warns(ConvergenceWarning, match="max_iter=1 ") as said:
        list(fit_family(LogisticRegression(max_iter=1), X, y, candidates=[{}, {"C": 2.0}], splits=splits))
    assert len(said) == 8
    assert {warning.filename for warning in said} == {_logistic.__file__}  # who asks for the members, in no thread


def test_a_family_that_is_left_halfway_stops_its_threads(large, two_threads):
    X, y, splits = large
    family = fit_family(LogisticRegression(), X, y, candidates=[{"C": 1.0}, {"C": 2.0}], splits=splits * 10)
    for _ in range(4):
        next(family)
    assert any("side_by_side" in thread.name for thread in threading.enumerate())
    family.close()
    assert not any("side_by_side" in thread.name for thread in threading.enumerate())


@pytest.fixture(scope="module")
def text():
    words = np.array([f"w{i}" for i in range(3000)])
    rng = np.random.default_rng(0)
    frequencies = 1.0 / np.arange(1, 3001)
    documents, y = [], rng.integers(4, size=600)
    for label in y:
        p = frequencies * np.exp(0.8 * np.sin(np.arange(3000) * (label + 1)))
        documents.append(" ".join(rng.choice(words, size=60, p=p / p.sum())))
    return TfidfVectorizer().fit_transform(documents), y


@pytest.mark.parametrize("parameters", [{}, {"C": 100.0}, {"C": 5.0, "l1_ratio": 1.0}, {"fit_intercept": False}])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_text_is_scikit_learns(text, parameters, n_classes):
    X, y = text
    X, y = X[y < n_classes], y[y < n_classes]
    ours = LogisticRegression(tol=1e-7, **parameters).fit(X, y)
    solver = "saga" if "l1_ratio" in parameters else "lbfgs"
    theirs = Reference(tol=1e-7, max_iter=20_000, solver=solver, random_state=0, **parameters).fit(X, y)
    C, l1_ratio = parameters.get("C", 1.0), parameters.get("l1_ratio", 0.0)
    assert X.shape[0] * X.shape[1] > 2**18  # so that it stays sparse
    assert objective(ours, X, y, C, l1_ratio) == pytest.approx(objective(theirs, X, y, C, l1_ratio), rel=1e-6)


def test_float32_text(text):
    X, y = text
    model = LogisticRegression().fit(X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    optimum = LogisticRegression(tol=1e-8).fit(X, y)
    assert objective(model, X, y) == pytest.approx(objective(optimum, X, y), rel=1e-6)


def test_weights_of_text(text):
    X, y = text
    weight = np.random.default_rng(7).integers(0, 3, len(y))
    copies = np.repeat(np.arange(len(y)), weight)
    weighted = LogisticRegression(tol=1e-9).fit(X, y, weight)
    copied = LogisticRegression(tol=1e-9).fit(X[copies], y[copies])
    np.testing.assert_allclose(weighted.coef_, copied.coef_, atol=1e-8)
