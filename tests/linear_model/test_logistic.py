import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.special import log_softmax
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.multiclass import OneVsRestClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdl.exceptions import InterruptedFitWarning
from skdl.linear_model import LogisticRegression


@parametrize_with_checks([LogisticRegression(multi_class="ovr")])  # tests/common checks the default
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def objective(model, X, y, C=1.0, l1_ratio=0.0, weight=None):
    """scikit-learn's objective, written down once more."""
    scores = X @ model.coef_.T + model.intercept_
    if scores.shape[1] == 1:
        scores = np.hstack([np.zeros_like(scores), scores])
    codes = np.searchsorted(model.classes_, y)
    losses = -log_softmax(scores, axis=1)[np.arange(len(y)), codes]
    total = losses.sum() if weight is None else losses @ weight
    penalty = (1 - l1_ratio) * 0.5 * (model.coef_**2).sum() + l1_ratio * np.abs(model.coef_).sum()
    return total if np.isinf(C) else C * total + penalty


def standardized(load):
    X, y = load(return_X_y=True)
    return (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0), y


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
@pytest.mark.parametrize("C", [0.01, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_optimum_is_scikit_learns(load, C, fit_intercept):
    X, y = standardized(load)
    ours = LogisticRegression(C=C, fit_intercept=fit_intercept, tol=1e-8).fit(X, y)
    theirs = Reference(C=C, fit_intercept=fit_intercept, tol=1e-8, max_iter=10_000).fit(X, y)
    assert objective(ours, X, y, C) == pytest.approx(objective(theirs, X, y, C), rel=1e-9)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    # What is left is how far scikit-learn stops from the optimum: the objective is flat to 1e-9 along 3e-5.
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4 * np.abs(theirs.coef_).max())
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
def test_the_default_tolerance_is_within_a_millionth_of_the_optimum(load):
    X, y = load(return_X_y=True)
    ours, optimum = LogisticRegression().fit(X, y), LogisticRegression(tol=1e-9).fit(X, y)
    assert objective(ours, X, y) == pytest.approx(objective(optimum, X, y), rel=1e-6)


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_digits])
def test_the_gradient_vanishes(load):
    X, y = standardized(load)
    model = LogisticRegression(tol=1e-9).fit(X, y)
    residual = model.predict_proba(X) - (y[:, None] == model.classes_)
    if len(model.classes_) == 2:
        residual = residual[:, 1:]
    np.testing.assert_allclose(residual.T @ X + model.coef_, 0.0, atol=1e-6)
    np.testing.assert_allclose(residual.sum(axis=0), 0.0, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_weights_are_repetitions(n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4))
    y = rng.integers(n_classes, size=80)
    weight = rng.integers(4, size=80)
    weighted = LogisticRegression(tol=1e-10).fit(X, y, sample_weight=weight)
    repeated = LogisticRegression(tol=1e-10).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-9)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, atol=1e-9)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.3, 1: 2.0, 2: 5.0}])
@pytest.mark.parametrize("weighted", [False, True])
def test_class_weight_is_scikit_learns(class_weight, weighted):
    X, y = load_wine(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    weight = np.random.default_rng(0).uniform(size=len(y)) if weighted else None
    ours = LogisticRegression(class_weight=class_weight, tol=1e-9).fit(X, y, weight)
    if class_weight == "balanced":
        # By hand: before version 1.7 scikit-learn left the weights of the samples out of the balance.
        class_weight = dict(enumerate(len(y) / 3 / np.bincount(y)))
        if weighted:
            class_weight = dict(enumerate(weight.sum() / 3 / np.bincount(y, weights=weight)))
    theirs = Reference(class_weight=class_weight, tol=1e-9, max_iter=1000).fit(X, y, weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)


@pytest.mark.parametrize("scaling", [1.0, 10.0])
def test_liblinear_penalizes_the_intercept(scaling):
    X, y = standardized(load_breast_cancer)
    ours = LogisticRegression(solver="liblinear", intercept_scaling=scaling, tol=1e-9).fit(X, y)
    theirs = Reference(solver="liblinear", intercept_scaling=scaling, tol=1e-9, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-6)


@pytest.mark.parametrize("class_weight", [None, {0: 1.0, 1: 2.0, 2: 0.5}])
def test_one_vs_rest_is_one_binary_model_for_each_class(class_weight):
    X, y = load_iris(return_X_y=True)
    weight = None if class_weight is None else np.array([class_weight[label] for label in y])
    ours = LogisticRegression(multi_class="ovr", class_weight=class_weight, tol=1e-9).fit(X, y)
    for k in range(3):
        one = LogisticRegression(tol=1e-9).fit(X, y == k, sample_weight=weight)
        np.testing.assert_allclose(ours.coef_[k], one.coef_[0], rtol=1e-9)
    wrapped = OneVsRestClassifier(LogisticRegression(tol=1e-9)).fit(X, y)
    if class_weight is None:
        np.testing.assert_allclose(ours.predict_proba(X), wrapped.predict_proba(X), rtol=1e-7)
    assert ours.n_iter_.shape == (3,)
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X), rtol=1e-12)


def test_one_vs_rest_balances_each_side():
    X, y = load_iris(return_X_y=True)
    X, y = X[:120], y[:120]
    ours = LogisticRegression(multi_class="ovr", class_weight="balanced", tol=1e-9).fit(X, y)
    for k in range(3):
        one = LogisticRegression(class_weight="balanced", tol=1e-9).fit(X, y == k)
        np.testing.assert_allclose(ours.coef_[k], one.coef_[0], rtol=1e-9)


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris])
def test_probabilities(load):
    X, y = standardized(load)
    model = LogisticRegression(C=1e4).fit(X, y)
    probability = model.predict_proba(X)
    np.testing.assert_allclose(probability.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(model.classes_[probability.argmax(axis=1)], model.predict(X))
    far = model.predict_log_proba(1e4 * X)
    assert np.isfinite(far).all()
    assert (far < -800).any()
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), probability, atol=1e-15)


def test_float32_stays_float32():
    X, y = standardized(load_wine)
    single, double = LogisticRegression().fit(X.astype(np.float32), y), LogisticRegression().fit(X, y)
    assert single.coef_.dtype == single.intercept_.dtype == np.float32
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert double.coef_.dtype == np.float64
    np.testing.assert_allclose(single.coef_, double.coef_, atol=1e-4)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csr_array, sp.csc_matrix, sp.coo_matrix])
def test_sparse_is_dense(make):
    X, y = load_digits(return_X_y=True)
    dense, sparse = LogisticRegression().fit(X, y), LogisticRegression().fit(make(X), y)
    np.testing.assert_allclose(sparse.predict_proba(make(X)), dense.predict_proba(X), atol=1e-6)


def test_warm_start_goes_on_from_the_coefficients():
    X, y = load_digits(return_X_y=True)
    model = LogisticRegression(warm_start=True, tol=1e-6).fit(X, y)
    first = model.n_iter_[0]
    model.fit(X, y)
    assert model.n_iter_[0] <= 2 < first
    with pytest.raises(
        ValueError, match=r"warm_start=True goes on from coef_ of shape \(10, 64\), but these data need"
    ):
        model.fit(X[y < 3], y[y < 3])


def test_too_few_iterations_warn():
    X, y = load_digits(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="did not converge in max_iter=1 iterations"):
        LogisticRegression(max_iter=1).fit(X, y)


def test_ctrl_c_leaves_a_usable_model(monkeypatch):
    from skdl.kernels.softmax_regression import SoftmaxObjective

    evaluate, calls = SoftmaxObjective.evaluate_with_hessian, []

    def interrupted(self, theta):
        calls.append(theta)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return evaluate(self, theta)

    monkeypatch.setattr(SoftmaxObjective, "evaluate_with_hessian", interrupted)
    X, y = load_iris(return_X_y=True)
    with pytest.warns(InterruptedFitWarning, match="interrupted after 4 iterations"):
        model = LogisticRegression().fit(X, y)
    assert model.score(X, y) > 0.9


def test_deprecated_penalties_mean_what_they_meant():
    X, y = standardized(load_breast_cancer)
    with pytest.warns(FutureWarning, match="penalty is deprecated"):
        none = LogisticRegression("l2", C=0.1).fit(X, y)
    np.testing.assert_array_equal(none.coef_, LogisticRegression(C=0.1).fit(X, y).coef_)
    X, y = make_classification(200, flip_y=0.3, random_state=0)
    with pytest.warns(FutureWarning, match="penalty is deprecated"):
        none = LogisticRegression(None).fit(X, y)
    np.testing.assert_array_equal(none.coef_, LogisticRegression(C=np.inf).fit(X, y).coef_)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        with pytest.warns(UserWarning, match="penalty=None ignores C"):
            LogisticRegression(None, C=2.0).fit(X, y)
    with (
        pytest.warns(FutureWarning, match="n_jobs has no effect"),
    ):
        LogisticRegression(n_jobs=2).fit(X, y)


def frame():
    X, y = load_iris(return_X_y=True, as_frame=True)
    return X, y


def with_value(value):
    X, y = frame()
    X.iloc[7, 2] = value
    return X, y


class TestBadInput:
    @pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
    def test_not_finite(self, value, word):
        with pytest.raises(
            ValueError, match=rf"contains {word}[\s\S]*row 7, column 'petal length \(cm\)'[\s\S]*Fill it"
        ):
            LogisticRegression().fit(*with_value(value))

    def test_object_columns(self):
        X, y = frame()
        X["colour"] = ["red", "blue"] * 75
        with pytest.raises(ValueError, match=r"row 0, column 'colour' \('red'\): LogisticRegression takes numbers"):
            LogisticRegression().fit(X, y)

    def test_empty(self):
        with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
            LogisticRegression().fit(np.empty((0, 3)), [])

    def test_one_class(self):
        with pytest.raises(ValueError, match=r"at least 2 classes.*only one class: .*'a'.*\. Add rows"):
            LogisticRegression().fit(np.ones((4, 2)), ["a"] * 4)

    def test_one_row(self):
        with pytest.raises(ValueError, match="only one class"):
            LogisticRegression().fit([[1.0, 2.0]], [0])

    def test_wrong_number_of_columns(self):
        X = frame()[0].iloc[:, :3].to_numpy()
        model = LogisticRegression().fit(frame()[0].to_numpy(), frame()[1])
        with pytest.raises(ValueError, match=r"expecting 4 features as input[\s\S]*Pass the 4 columns that fit saw"):
            model.predict(X)

    def test_renamed_columns(self):
        X, y = frame()
        with pytest.raises(ValueError, match=r"feature names should match[\s\S]*Select the columns by name"):
            LogisticRegression().fit(X, y).predict(X.rename(columns={"sepal width (cm)": "width"}))

    def test_y_of_another_length(self):
        X, y = frame()
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[150, 149\][\s\S]*one row for each"):
            LogisticRegression().fit(X, y[:-1])

    def test_weight_of_another_length(self):
        X, y = frame()
        with pytest.raises(ValueError, match=r"sample_weight.shape == \(2,\), expected \(150,\)"):
            LogisticRegression().fit(X, y, sample_weight=[1.0, 2.0])

    def test_continuous_target(self):
        X, _ = frame()
        with pytest.raises(ValueError, match="Unknown label type"):
            LogisticRegression().fit(X, X.iloc[:, 0] + 0.5)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"C": -1.0}, r"C of LogisticRegression must be a number in \(0, inf\); got -1.0"),
            ({"C": 0.0}, "C of LogisticRegression must be"),
            ({"l1_ratio": 2.0}, r"l1_ratio of LogisticRegression must be a number in \[0, 1\]"),
            ({"tol": -1.0}, "tol of LogisticRegression must be"),
            ({"max_iter": -1}, "max_iter of LogisticRegression must be an int"),
            ({"solver": "adam"}, "solver of LogisticRegression must be one of 'lbfgs'"),
            ({"class_weight": "equal"}, "class_weight of LogisticRegression must be"),
            ({"multi_class": "auto"}, "multi_class of LogisticRegression must be one of 'multinomial', 'ovr'"),
            ({"device": "cuda:99"}, "device='cuda:99' was asked for"),
            ({"device": "gpu"}, "device='gpu' is not a device"),
            ({"solver": "liblinear"}, "does not support multiclass.*multi_class='ovr'"),
            ({"solver": "liblinear", "C": np.inf, "multi_class": "ovr"}, "penalizes always"),
            ({"class_weight": {7: 1.0}}, "not in class_weight"),
        ],
    )
    def test_parameters(self, parameters, message):
        with pytest.raises(ValueError, match=message):
            LogisticRegression(**parameters).fit(*frame())

    def test_elastic_net_needs_a_ratio(self):
        with pytest.raises(ValueError, match="l1_ratio must be specified when penalty is elasticnet"):
            LogisticRegression("elasticnet", l1_ratio=None).fit(*frame())

    def test_unfitted(self):
        with pytest.raises(ValueError, match="not fitted yet"):
            LogisticRegression().predict(np.ones((2, 2)))


def test_labels_of_any_kind():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    np.testing.assert_array_equal(
        LogisticRegression().fit(X, names).predict(X), np.array(["setosa", "versicolor", "virginica"])[
            LogisticRegression().fit(X, y).predict(X)
        ],
    )  # fmt: skip
    assert LogisticRegression().fit(X, y > 0).predict(X).dtype == bool
    assert LogisticRegression().fit(pd.DataFrame(X), pd.Series(names, dtype="category")).classes_.tolist() == [
        "setosa", "versicolor", "virginica",
    ]  # fmt: skip
