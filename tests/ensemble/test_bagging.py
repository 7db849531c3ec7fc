"""Bags: scikit-learn's draws and predictions, families of our trees and networks."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from sklearn import ensemble
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import skdl
from skdl.ensemble import BaggingClassifier, BaggingRegressor

LOADERS = {"iris": load_iris, "wine": load_wine, "breast_cancer": load_breast_cancer, "digits": load_digits}
PARAMETERS = [
    {},
    {"max_samples": 0.5, "max_features": 0.5},
    {"max_samples": 30, "max_features": 3, "bootstrap": False},
    {"bootstrap_features": True, "oob_score": True, "n_estimators": 25},
    {"estimator": KNeighborsClassifier(3), "oob_score": True, "n_estimators": 25},
    {"estimator": make_pipeline(StandardScaler(), LogisticRegression())},
    {"estimator": make_pipeline(StandardScaler(), LinearSVC(random_state=0))},
    {"estimator": make_pipeline(StandardScaler(), Perceptron()), "max_features": 0.7},
    {"estimator": skdl.neighbors.KNeighborsClassifier(3)},
    {"estimator": skdl.tree.DecisionTreeClassifier(), "oob_score": True, "n_estimators": 25},
]


def _split(load, n=360):
    X, y = load(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))[:n]
    half = len(order) // 2
    return X[order[:half]], y[order[:half]], X[order[half:]], y[order[half:]]


@pytest.mark.filterwarnings("ignore:.*encountered in log:RuntimeWarning")
@pytest.mark.parametrize("name", LOADERS)
@pytest.mark.parametrize("parameters", PARAMETERS, ids=str)
def test_a_bag_is_scikit_learns(name, parameters):
    X, y, X_test, _ = _split(LOADERS[name])
    y = np.array([f"class {9 - label}" for label in y])
    ours = BaggingClassifier(random_state=7, **parameters).fit(X, y)
    theirs = ensemble.BaggingClassifier(random_state=7, **parameters).fit(X, y)
    for rows, other in zip(ours.estimators_samples_, theirs.estimators_samples_, strict=True):
        np.testing.assert_array_equal(rows, other)
    for features, other in zip(ours.estimators_features_, theirs.estimators_features_, strict=True):
        np.testing.assert_array_equal(features, other)
    np.testing.assert_array_equal(ours.predict(X_test), theirs.predict(X_test))
    np.testing.assert_array_equal(ours.predict_proba(X_test), theirs.predict_proba(X_test))
    np.testing.assert_array_equal(ours.predict_log_proba(X_test), theirs.predict_log_proba(X_test))
    assert hasattr(ours, "decision_function") == hasattr(theirs, "decision_function")
    if hasattr(ours, "decision_function"):
        np.testing.assert_array_equal(ours.decision_function(X_test), theirs.decision_function(X_test))
    if parameters.get("oob_score"):
        assert ours.oob_score_ == theirs.oob_score_
        np.testing.assert_array_equal(ours.oob_decision_function_, theirs.oob_decision_function_)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"max_samples": 0.5, "max_features": 0.5},
        {"estimator": Ridge(), "oob_score": True, "n_estimators": 25},
        {"estimator": KNeighborsRegressor(3), "bootstrap": False, "max_samples": 100},
        {"estimator": skdl.neighbors.KNeighborsRegressor(3)},
    ],
    ids=str,
)
def test_a_bag_of_regressors_is_scikit_learns(parameters):
    X, y = load_diabetes(return_X_y=True)
    ours = BaggingRegressor(random_state=3, **parameters).fit(X[:300], y[:300])
    theirs = ensemble.BaggingRegressor(random_state=3, **parameters).fit(X[:300], y[:300])
    np.testing.assert_array_equal(ours.predict(X[300:]), theirs.predict(X[300:]))
    if parameters.get("oob_score"):
        assert ours.oob_score_ == theirs.oob_score_
        np.testing.assert_array_equal(ours.oob_prediction_, theirs.oob_prediction_)


def test_several_targets():
    X, y = load_diabetes(return_X_y=True)
    y = np.column_stack([y, -y + X[:, 0]])
    ours, theirs = (cls(random_state=0).fit(X[:300], y[:300]) for cls in (BaggingRegressor, ensemble.BaggingRegressor))
    np.testing.assert_array_equal(ours.predict(X[300:]), theirs.predict(X[300:]))


@pytest.mark.parametrize("bootstrap", [True, False])
def test_weights_draw_the_rows(bootstrap):
    X, y, X_test, _ = _split(load_wine)
    weight = np.random.default_rng(0).integers(1, 5, len(X)).astype(float)
    bag = BaggingClassifier(random_state=0, bootstrap=bootstrap, max_samples=40).fit(X, y, sample_weight=weight)
    for i, rows in enumerate(bag.estimators_samples_):
        generator = np.random.RandomState(bag._draws[i][0])
        # The features are drawn first, as scikit-learn does it.
        sklearn.utils.random.sample_without_replacement(X.shape[1], X.shape[1], random_state=generator)
        expected = generator.choice(len(X), 40, replace=bootstrap, p=weight / weight.sum())
        np.testing.assert_array_equal(rows, expected)
    assert bag.predict(X_test).shape == (len(X_test),)


def test_equal_weights_are_none_and_rows_of_weight_zero_do_not_count():
    X, y, X_test, _ = _split(load_wine)
    kept = np.arange(len(X)) % 3 != 0
    without = BaggingClassifier(random_state=0).fit(X[kept], y[kept]).predict_proba(X_test)
    weighted = BaggingClassifier(random_state=0).fit(X, y, sample_weight=2.0 * kept)
    np.testing.assert_array_equal(weighted.predict_proba(X_test), without)
    assert not np.isin(np.concatenate(weighted.estimators_samples_), np.flatnonzero(~kept)).any()


def test_rows_of_more_weight_are_drawn_more_often():
    X, y, _, _ = _split(load_wine)
    weight = np.where(np.arange(len(X)) < 10, 50.0, 1.0)
    bag = BaggingClassifier(n_estimators=20, random_state=0).fit(X, y, sample_weight=weight)
    heavy = np.mean(np.concatenate(bag.estimators_samples_) < 10)
    np.testing.assert_allclose(heavy, 500 / (500 + len(X) - 10), atol=0.03)


class _Counter:
    def __init__(self, family):
        self.family, self.asked = family, []

    def __get__(self, instance, owner=None):
        def call(X, y, *, candidates, splits, sample_weight=None, pairs=None):
            self.asked.append((len(candidates), len(splits), pairs))
            return self.family(
                instance, X, y, candidates=candidates, splits=splits, sample_weight=sample_weight, pairs=pairs
            )

        return call


def test_networks_are_one_family_and_equal_to_single_fits(monkeypatch):
    X, y, X_test, _ = _split(load_digits)
    net = skdl.neural.MLPClassifier((16,), max_epochs=5)
    counter = _Counter(type(net)._fit_family)
    monkeypatch.setattr(type(net), "_fit_family", counter)
    bag = BaggingClassifier(net, 4, random_state=0).fit(X, y)
    assert counter.asked == [(4, 4, [(i, i) for i in range(4)])]
    for member, rows in zip(bag.estimators_, bag.estimators_samples_, strict=True):
        assert isinstance(member.random_state, int)
        alone = clone(member).fit(X[rows], y[rows])
        np.testing.assert_allclose(member.predict_proba(X_test), alone.predict_proba(X_test), atol=1e-4)
    assert len({member.random_state for member in bag.estimators_}) == 4


def test_trees_are_one_family(monkeypatch):
    X, y, X_test, _ = _split(load_digits)
    tree = skdl.tree.DecisionTreeClassifier()
    asked = []
    family = type(tree)._fit_family

    def counted(self, X, y, *, candidates, splits, **options):
        asked.append(len(splits))
        return family(self, X, y, candidates=candidates, splits=splits, **options)

    monkeypatch.setattr(type(tree), "_fit_family", counted)
    bag = BaggingClassifier(tree, 12, random_state=0).fit(X, y)
    assert sum(asked) == 12
    for member, rows in zip(bag.estimators_, bag.estimators_samples_, strict=True):
        expected = clone(tree).fit(X[rows], y[rows]).predict_proba(X_test)
        np.testing.assert_array_equal(member.predict_proba(X_test), expected)


def test_frames_stay_frames():
    X, y = load_iris(return_X_y=True, as_frame=True)
    X = X.assign(colour=pd.Categorical(np.resize(["red", "green", "blue"], len(X))))
    bag = BaggingClassifier(skdl.tree.DecisionTreeClassifier(), max_features=3, random_state=0).fit(X, y)
    for member, features in zip(bag.estimators_, bag.estimators_features_, strict=True):
        np.testing.assert_array_equal(member.feature_names_in_, X.columns[features])
    assert bag.score(X, y) > 0.9
    assert list(bag.feature_names_in_) == list(X.columns)


def test_sparse():
    X, y, X_test, _ = _split(load_digits)
    ours, theirs = (
        cls(skdl.naive_bayes.MultinomialNB(), max_features=0.5, random_state=0).fit(sp.csr_array(X), y)
        for cls in (BaggingClassifier, ensemble.BaggingClassifier)
    )
    np.testing.assert_allclose(ours.predict_proba(X_test), theirs.predict_proba(X_test), rtol=1e-12)


def test_warm_start_goes_on_as_if_all_were_drawn_at_once():
    X, y, X_test, _ = _split(load_wine)
    bag = BaggingClassifier(n_estimators=3, warm_start=True, random_state=0).fit(X, y)
    first = bag.estimators_[0]
    bag.set_params(n_estimators=8).fit(X, y)
    assert bag.estimators_[0] is first
    at_once = BaggingClassifier(n_estimators=8, random_state=0).fit(X, y)
    np.testing.assert_array_equal(bag.predict_proba(X_test), at_once.predict_proba(X_test))
    for rows, other in zip(bag.estimators_samples_, at_once.estimators_samples_, strict=True):
        np.testing.assert_array_equal(rows, other)
    with pytest.warns(UserWarning, match="does not fit new trees"):
        bag.fit(X, y)
    with pytest.raises(ValueError, match="n_estimators=2 must be larger or equal"):
        bag.set_params(n_estimators=2).fit(X, y)


def test_too_few_members_for_an_out_of_bag_score():
    X, y, _, _ = _split(load_wine)
    with pytest.warns(UserWarning, match="Some inputs do not have OOB scores"):
        bag = BaggingClassifier(n_estimators=1, oob_score=True, random_state=0).fit(X, y)
    assert np.isnan(bag.oob_decision_function_[np.unique(bag.estimators_samples_[0])]).all()


@pytest.mark.parametrize("estimator", [None, skdl.tree.DecisionTreeClassifier()])
def test_jobs_change_nothing(estimator):
    X, y, X_test, _ = _split(load_wine)
    expected = BaggingClassifier(estimator, random_state=0).fit(X, y).predict_proba(X_test)
    bag = BaggingClassifier(estimator, random_state=0, n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(bag.predict_proba(X_test), expected)


def test_it_acts_as_a_list_of_its_members():
    X, y, _, _ = _split(load_wine)
    bag = BaggingClassifier(n_estimators=3).fit(X, y)
    assert len(bag) == 3
    assert bag[1] is list(bag)[1]


class Unlucky(ClassifierMixin, BaseEstimator):
    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        if self.random_state % 2:
            raise RuntimeError("out of luck")
        return self

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def test_a_member_that_fails_says_its_number():
    X, y, _, _ = _split(load_wine)
    with pytest.raises(RuntimeError, match=r"out of luck\n\(member '\d+' of BaggingClassifier\)"):
        BaggingClassifier(Unlucky(), 20, random_state=0).fit(X, y)


def test_metadata_are_routed():
    X, y, X_test, _ = _split(load_wine)
    with sklearn.config_context(enable_metadata_routing=True):
        tree = DecisionTreeClassifier(random_state=0).set_fit_request(sample_weight=True)
        bag = BaggingClassifier(tree, random_state=0).fit(X, y)
        theirs = ensemble.BaggingClassifier(tree, random_state=0).fit(X, y)
        np.testing.assert_array_equal(bag.predict_proba(X_test), theirs.predict_proba(X_test))
        scores = cross_val_score(bag, X, y, params={"sample_weight": np.ones(len(y))})
        assert scores.mean() > 0.8
    with pytest.raises(ValueError, match=r"only supported if enable_metadata_routing=True(.|\n)*\['groups'\]"):
        BaggingClassifier().fit(X, y, groups=y)


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"estimator": Ridge()}, "should be a classifier"),
        ({"estimator": GaussianNB}, "must be None or an instance with fit and predict"),
        ({"oob_score": True, "bootstrap": False}, "only available if bootstrap=True"),
        ({"oob_score": True, "warm_start": True}, "only available if warm_start=False"),
        ({"max_samples": 1000, "bootstrap": False}, "max_samples=1000 must be <= n_samples=150"),
        ({"max_features": 9}, "max_features must be <= n_features: max_features=9"),
        ({"max_samples": 0.0}, "max_samples of BaggingClassifier must be"),
    ],
)
def test_bad_parameters(parameters, told):
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=told):
        BaggingClassifier(**parameters).fit(X, y)
