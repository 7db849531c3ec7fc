"""Groups for the folds of ensembles, by metadata routing."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, KFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier

from skdl.ensemble import (
    GreedyEnsembleClassifier,
    GreedyEnsembleRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from skdl.model_selection import GridSearchCV, cross_validate

CLASSIFIERS = [("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=3, random_state=0))]
REGRESSORS = [("ridge", Ridge()), ("near", KNeighborsRegressor())]
ENSEMBLES = [
    VotingClassifier(CLASSIFIERS, weights="optimal", voting="soft"),
    VotingRegressor(REGRESSORS, weights="optimal"),
    StackingClassifier(CLASSIFIERS, LogisticRegression(max_iter=5000)),
    StackingRegressor(REGRESSORS),
    GreedyEnsembleClassifier(CLASSIFIERS),
    GreedyEnsembleRegressor(REGRESSORS),
]


def _data(ensemble):
    if hasattr(ensemble, "predict_proba"):
        X, y = make_classification(200, 6, n_informative=4, n_classes=3, flip_y=0.2, random_state=0)
    else:
        X, y = load_diabetes(return_X_y=True)
    return X, y, np.random.default_rng(0).integers(0, 9, len(y))


def _said(ensemble, X):
    return getattr(ensemble, "predict_proba" if hasattr(ensemble, "predict_proba") else "predict")(X)


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda ensemble: type(ensemble).__name__)
def test_folds_keep_groups_together(routing, ensemble):
    X, y, groups = _data(ensemble)
    by_groups = sklearn.clone(ensemble).set_params(cv=GroupKFold(3)).fit(X, y, groups=groups)
    by_hand = sklearn.clone(ensemble).set_params(cv=list(GroupKFold(3).split(X, y, groups))).fit(X, y)
    np.testing.assert_array_equal(_said(by_groups, X), _said(by_hand, X))
    others = sklearn.clone(ensemble).set_params(cv=list(GroupKFold(3).split(X, y, groups[::-1]))).fit(X, y)
    assert not np.array_equal(_said(others, X), _said(by_hand, X))


def test_groups_of_rows_that_weigh_nothing(routing):
    X, y, groups = _data(ENSEMBLES[2])
    members = [(name, sklearn.clone(member).set_fit_request(sample_weight=True)) for name, member in CLASSIFIERS]
    final = LogisticRegression(max_iter=5000).set_fit_request(sample_weight=True)
    weight = (np.arange(len(y)) % 4 != 0).astype(float)
    kept = weight > 0
    stack = StackingClassifier(members, final, cv=GroupKFold(3))
    weighted = stack.fit(X, y, sample_weight=weight, groups=groups)
    said = _said(weighted, X)
    without = stack.fit(X[kept], y[kept], sample_weight=weight[kept], groups=groups[kept])
    np.testing.assert_array_equal(said, _said(without, X))


@pytest.mark.parametrize("ensemble", [ENSEMBLES[0], ENSEMBLES[4]], ids=["vote", "greedy"])
def test_groups_go_through_searches_and_cross_validation(routing, ensemble):
    X, y, groups = _data(ensemble)
    ensemble = sklearn.clone(ensemble).set_params(cv=GroupKFold(3))
    search = GridSearchCV(ensemble, {"tree__max_depth": [1, 3]}, cv=GroupKFold(3)).fit(X, y, groups=groups)
    train, test = next(iter(GroupKFold(3).split(X, y, groups)))
    by_hand = sklearn.clone(ensemble).set_params(tree__max_depth=1).fit(X[train], y[train], groups=groups[train])
    assert search.cv_results_["split0_test_score"][0] == by_hand.score(X[test], y[test])
    scores = cross_validate(ensemble, X, y, cv=GroupKFold(3), params={"groups": groups})["test_score"]
    np.testing.assert_array_equal(scores, [search.cv_results_[f"split{fold}_test_score"][1] for fold in range(3)])


@pytest.mark.parametrize("ensemble", ENSEMBLES, ids=lambda ensemble: type(ensemble).__name__)
def test_what_is_missing_is_said(ensemble):
    X, y, groups = _data(ensemble)
    grouped = sklearn.clone(ensemble).set_params(cv=GroupKFold(3))
    with pytest.raises(ValueError, match=r"GroupKFold.*needs groups(.|\n)*enable_metadata_routing=True"):
        grouped.fit(X, y)
    with pytest.raises(ValueError, match=r"enable_metadata_routing=True(.|\n)*\['groups'\]"):
        grouped.fit(X, y, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        with pytest.raises(TypeError, match=r"unexpected argument.*groups"):
            sklearn.clone(ensemble).set_params(cv=KFold(3)).fit(X, y, groups=groups)
        with pytest.raises(ValueError, match="needs groups"):
            grouped.fit(X, y)
