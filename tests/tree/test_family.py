"""A family of trees is what its members would be alone, to the last bit."""

import gc
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, make_classification
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid
from sklearn.tree import DecisionTreeClassifier as Reference

import skdl
from skdl.base import fit_family, fit_one_by_one, take_rows
from skdl.model_selection import GridSearchCV as FamilyGridSearchCV
from skdl.tree import C45Classifier, DecisionTreeClassifier, DecisionTreeRegressor, _family


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


@pytest.mark.parametrize("estimator", [DecisionTreeClassifier(), DecisionTreeRegressor(criterion="friedman_mse")])
def test_our_search_scores_as_scikit_learns(estimator):
    X, y = load_breast_cancer(return_X_y=True)
    grid = {"max_depth": [1, 2, 3, 5, None], "ccp_alpha": [0.0, 0.002, 0.01, 0.05]}
    ours, theirs = (
        search(estimator, grid, cv=3, return_train_score=True).fit(X, y).cv_results_
        for search in (FamilyGridSearchCV, GridSearchCV)
    )
    for name in (f"split{j}_{part}_score" for j in range(3) for part in ("train", "test")):
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_siblings_share_leaves_of_arrays_that_cannot_change():
    X, y = make_classification(600, 6, flip_y=0.2, random_state=0)
    parts = [X[:300].copy(), X[300:].copy(), X[100:200].copy()]
    alone = [DecisionTreeClassifier(ccp_alpha=alpha).fit(X, y) for alpha in (0.0, 0.002, 0.01)]
    for frozen in (False, True):
        family = fit_family(
            DecisionTreeClassifier(), X, y, candidates=[{"ccp_alpha": a} for a in (0.0, 0.002, 0.01)],
            splits=[np.arange(600)],
        )  # fmt: skip
        members = [member for _, _, member in family]
        for part in parts:
            part.flags.writeable = not frozen
        for part in (*parts, *parts):
            for member, other in zip(members, alone, strict=True):
                np.testing.assert_array_equal(member.predict_proba(part), other.predict_proba(part))
        assert len({member.get_n_leaves() for member in members}) == 3
    with skdl.config_context(dtype="float32"):  # the table is another one
        a, b = (tree.apply(parts[0]) for tree in (members[0], alone[0]))
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(members[0].predict(parts[0]), alone[0].predict(parts[0]))
    asked = members[0].tree_.cached("shared", lambda: None)._known
    del part, parts
    gc.collect()
    assert all(reference() is None for reference, _, _ in asked)  # nobody's rows are kept


def test_bad_candidates_are_told_wherever_they_stand():
    X, y = load_iris(return_X_y=True)
    for bad in ({"max_depth": -1}, {"max_depth": 2, "ccp_alpha": -0.1}, {"nonsense": 1}):
        candidates = [{"max_depth": 2}, {"max_depth": 2, "ccp_alpha": 0.1}, bad]
        with pytest.raises(ValueError, match=r"max_depth of|ccp_alpha of|nonsense"):
            list(fit_family(DecisionTreeClassifier(), X, y, candidates=candidates, splits=[np.arange(150)]))


def test_pruning_agrees_with_scikit_learn():
    X, y = load_iris(return_X_y=True)
    X = X[:, [2]].astype(np.float32)  # one column: nothing ties
    for alpha in (0.001, 0.01, 0.05, 0.3):
        a, b = (tree(ccp_alpha=alpha, random_state=0).fit(X, y) for tree in (DecisionTreeClassifier, Reference))
        np.testing.assert_array_equal(a.tree_.threshold, b.tree_.threshold)


def _bootstraps(n, n_members, seed=0):
    """Rows of each member, drawn with repetition, and a seed for each; the pairs that bagging asks for."""
    rng = np.random.default_rng(seed)
    splits = [rng.integers(n, size=n) for _ in range(n_members)]
    seeds = [{"random_state": int(seed)} for seed in rng.integers(2**31, size=n_members)]
    return seeds, splits, [(member, member) for member in range(n_members)]


def _assert_same_trees(estimator, X, y, candidates, splits, pairs, weight=None):
    arrived = []
    for i, j, member in fit_family(
        estimator, X, y, candidates=candidates, splits=splits, pairs=pairs, sample_weight=weight
    ):
        arrived.append((i, j))
        alone = clone(estimator).set_params(**candidates[i])
        alone.fit(take_rows(X, splits[j]), y[splits[j]], None if weight is None else weight[splits[j]])
        ours, theirs = member.tree_.__getstate__(), alone.tree_.__getstate__()
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
        assert vars(member).keys() == vars(alone).keys()
        assert str(member.get_params()) == str(alone.get_params())
    assert sorted(arrived) == sorted(pairs)


BAGGED = [
    DecisionTreeClassifier(max_features=2),
    DecisionTreeClassifier(splitter="random", criterion="entropy"),
    DecisionTreeClassifier(pruning="reduced_error"),
    DecisionTreeClassifier(max_bins=20),
    DecisionTreeRegressor(criterion="absolute_error", max_depth=3),
    DecisionTreeRegressor(max_features=2),
    C45Classifier(),
]


@pytest.mark.parametrize("estimator", BAGGED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("weighted", [False, True])
def test_pairs_with_rows_that_repeat(estimator, weighted):
    X, y = _mixed()
    weight = np.random.default_rng(1).uniform(0.1, 2.0, len(y)) * (np.arange(len(y)) % 7 > 0) if weighted else None
    candidates, splits, pairs = _bootstraps(len(y), 5)
    splits[2] = splits[2] % 40  # most values of the table do not come up
    _assert_same_trees(estimator, X, y, candidates, splits, [*pairs, (0, 3), (4, 1)], weight)


def test_pairs_of_numbers_with_ties_negative_zeros_and_missing_values():
    rng = np.random.default_rng(0)
    X = rng.integers(-4, 5, size=(400, 5)) * np.array([0.0, 1.0, -1.0, 0.1, 1e300])
    X[rng.uniform(size=X.shape) < 0.1] = np.nan
    y = rng.normal(size=400)
    candidates, splits, pairs = _bootstraps(len(y), 4)
    for dtype in (np.float32, np.float64):
        Z = np.where(np.abs(X) < 1e30, X, 0.0).astype(dtype) if dtype is np.float32 else X
        _assert_same_trees(DecisionTreeRegressor(), Z, y, candidates, splits, pairs)
        _assert_same_trees(DecisionTreeClassifier(), Z, y > 0, candidates, splits, pairs, rng.uniform(size=400))


@pytest.mark.parametrize("frame", ["array", "polars"])
def test_categories_that_a_split_lacks(frame):
    X, y = _mixed()
    if frame == "polars":
        X, estimator = pl.from_pandas(X), DecisionTreeClassifier()
    else:
        codes = X.assign(colour=X["colour"].cat.codes, size=X["size"].cat.codes).to_numpy(dtype=float)
        X, estimator = codes, DecisionTreeClassifier(categorical_features=[1, 2])
    candidates, splits, pairs = _bootstraps(len(y), 3)
    splits[1] = splits[1][:25]
    _assert_same_trees(estimator, X, y, candidates, splits, pairs)


def test_values_outside_the_splits_do_not_matter():
    X, y = load_iris(return_X_y=True)
    X = X.copy()
    X[149, 2] = np.inf
    members = list(fit_family(DecisionTreeClassifier(), X, y, candidates=[{}], splits=[np.arange(140)]))
    np.testing.assert_array_equal(members[0][2].predict(X[:140]), y[:140])
    with pytest.raises(ValueError, match="infinity"):
        list(fit_family(DecisionTreeClassifier(), X, y, candidates=[{}], splits=[np.arange(150)]))


def test_members_in_threads_are_the_same_and_come_once(monkeypatch):
    X, y = make_classification(6000, 10, random_state=0)
    candidates, splits, pairs = _bootstraps(len(y), 6)
    trees = []
    for n_threads in (1, 3):
        monkeypatch.setattr(_family, "n_threads_allowed", lambda n_threads=n_threads: n_threads)
        family = fit_family(
            DecisionTreeClassifier(max_features=3), X, y, candidates=candidates, splits=splits, pairs=pairs
        )
        trees.append({i: member.tree_ for i, _, member in family})
    assert trees[0].keys() == trees[1].keys() == set(range(6))
    for i, tree in trees[0].items():
        np.testing.assert_array_equal(tree.threshold, trees[1][i].threshold)


def test_settings_hold_in_threads(monkeypatch):
    monkeypatch.setattr(_family, "n_threads_allowed", lambda: 2)
    monkeypatch.setattr(_family, "_WORTH_A_THREAD", 0)
    X, y = make_classification(300, 5, random_state=0)
    X[0, 0] = np.inf  # in no split, so each split is read by itself, in its thread
    splits = [np.arange(1, 200), np.arange(100, 300)]
    with skdl.config_context(dtype="float32"), sklearn.config_context(skip_parameter_validation=True):
        family = fit_family(DecisionTreeClassifier(), X, y, candidates=[{}], splits=splits)
        for _, j, member in family:
            alone = DecisionTreeClassifier().fit(X[splits[j]], y[splits[j]])
            np.testing.assert_array_equal(member.tree_.threshold, alone.tree_.threshold)
            inner = member.tree_.threshold[member.tree_.feature >= 0]
    assert (DecisionTreeClassifier().fit(X[splits[1]], y[splits[1]]).tree_.threshold[0]) not in inner


def test_scikit_learns_bagging_needs_no_memory_for_each_member():
    X, y = make_classification(20_000, 30, random_state=0)

    def peak(n_members):
        model = BaggingClassifier(DecisionTreeClassifier(max_depth=3, max_bins=255), n_members, random_state=0)
        gc.collect()
        tracemalloc.start()
        model.fit(X, y)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(1)
    assert peak(12) < peak(2) + X.nbytes / 4


@pytest.mark.parametrize("max_bins", [None, 255])
def test_many_members_need_no_more_memory_than_one(max_bins, monkeypatch):
    monkeypatch.setattr(_family, "n_threads_allowed", lambda: 1)
    X, y = make_classification(20_000, 30, random_state=0)
    estimator = DecisionTreeClassifier(max_depth=3, max_bins=max_bins)

    def peak(n_members):
        candidates, splits, pairs = _bootstraps(len(y), n_members)
        gc.collect()
        tracemalloc.start()
        family = fit_family(estimator, X, y, candidates=candidates, splits=splits, pairs=pairs)
        members = [member for _, _, member in family]
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(members) == n_members
        return most

    peak(1)
    few, many = peak(2), peak(12)
    assert many < few + X.nbytes / 4  # copies of X or of its bins would be 10 times X or 1.25 times
