"""A family of trees is what its members would be alone, to the last bit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid
from sklearn.tree import DecisionTreeClassifier as Reference

from skdl.base import fit_family, fit_one_by_one
from skdl.tree import C45Classifier, DecisionTreeClassifier, DecisionTreeRegressor


def _mixed(n=300, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "number": rng.normal(size=n),
            "colour": pd.Categorical(rng.choice(["red", "green", "blue", "black"], size=n)),
            "size": pd.Categorical(rng.choice(list("abcdefghijklmno"), size=n)),
            "other": rng.normal(size=n),
        }
    )
    frame.loc[rng.uniform(size=n) < 0.1, "number"] = np.nan
    frame.loc[rng.uniform(size=n) < 0.1, "colour"] = None
    y = np.where(frame["colour"] == "red", frame["other"] > 0, frame["size"].isin(list("abcdef")))
    return frame, np.where(rng.uniform(size=n) < 0.15, ~y, y).astype(int)


CASES = [
    (DecisionTreeClassifier(), {"max_depth": [1, 2, 5, None], "ccp_alpha": [0.0, 0.005, 0.02]}),
    (DecisionTreeClassifier(splitter="random", random_state=5), {"max_depth": [2, 4], "min_samples_leaf": [1, 5]}),
    (DecisionTreeClassifier(max_features=2, random_state=5, criterion="entropy"), {"max_depth": [2, 3, 9]}),
    (DecisionTreeClassifier(max_leaf_nodes=7), {"max_depth": [2, 3, None], "ccp_alpha": [0.0, 0.01]}),
    (
        DecisionTreeClassifier(random_state=0),
        {"pruning": [None, "pessimistic", "reduced_error"], "max_depth": [3, None], "confidence_factor": [0.1, 0.25]},
    ),
    (C45Classifier(random_state=0), {"max_depth": [2, 4, None], "confidence_factor": [0.05, 0.25, 0.5]}),
    (
        C45Classifier(random_state=0),
        {"pruning": [None, "reduced_error", "pessimistic"], "subtree_raising": [True, False]},
    ),
]


@pytest.mark.parametrize(("estimator", "grid"), CASES, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("weighted", [False, True])
def test_identical_to_single_fits(estimator, grid, weighted):
    X, y = _mixed()
    weight = np.random.default_rng(1).uniform(0.1, 2.0, len(y)) if weighted else None
    splits = [train for train, _ in KFold(3, shuffle=True, random_state=0).split(X)]
    arguments = {"candidates": list(ParameterGrid(grid)), "splits": splits, "sample_weight": weight}
    together = {(i, j): member for i, j, member in fit_family(estimator, X, y, **arguments)}
    alone = {(i, j): member for i, j, member in fit_one_by_one(estimator, X, y, **arguments)}
    assert together.keys() == alone.keys()
    for key, member in together.items():
        assert member.get_params() == alone[key].get_params()
        ours, theirs = member.tree_.__getstate__(), alone[key].tree_.__getstate__()
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
        assert vars(member).keys() == vars(alone[key]).keys()


def test_regression_and_large_trees():
    X, y = load_diabetes(return_X_y=True)
    candidates = list(ParameterGrid({"max_depth": [1, 3, None], "ccp_alpha": [0.0, 10.0, 100.0]}))
    splits = [np.arange(300), np.r_[np.arange(200), np.arange(200)]]
    for criterion in ("squared_error", "absolute_error"):
        estimator = DecisionTreeRegressor(criterion=criterion)
        alone = {(i, j): m for i, j, m in fit_one_by_one(estimator, X, y, candidates=candidates, splits=splits)}
        for i, j, member in fit_family(estimator, X, y, candidates=candidates, splits=splits):
            np.testing.assert_array_equal(member.tree_.value, alone[i, j].tree_.value)
            np.testing.assert_array_equal(member.tree_.threshold, alone[i, j].tree_.threshold)


def test_scores_of_scikit_learns_search_over_the_same_estimator():
    X, y = load_breast_cancer(return_X_y=True)
    grid = {"max_depth": [1, 2, 3, 5, 8, None], "ccp_alpha": [0.0, 0.002, 0.01, 0.05]}
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(DecisionTreeClassifier(), grid, cv=folds).fit(X, y)
    splits = list(folds.split(X))
    scores = np.empty((len(search.cv_results_["params"]), 3))
    family = fit_family(
        DecisionTreeClassifier(), X, y, candidates=search.cv_results_["params"], splits=[train for train, _ in splits]
    )
    for i, j, member in family:
        scores[i, j] = member.score(X[splits[j][1]], y[splits[j][1]])
    for j in range(3):
        np.testing.assert_array_equal(scores[:, j], search.cv_results_[f"split{j}_test_score"])


def test_pruning_agrees_with_scikit_learn():
    X, y = load_iris(return_X_y=True)
    X = X[:, [2]].astype(np.float32)  # one column: nothing ties
    for alpha in (0.001, 0.01, 0.05, 0.3):
        a, b = (tree(ccp_alpha=alpha, random_state=0).fit(X, y) for tree in (DecisionTreeClassifier, Reference))
        np.testing.assert_array_equal(a.tree_.threshold, b.tree_.threshold)
