"""The exact mode grows the trees that scikit-learn's algorithm grows."""

import numpy as np
import pytest
import sklearn.tree as reference
from sklearn.datasets import load_diabetes, load_iris, make_classification

from skdl.tree import DecisionTreeClassifier, DecisionTreeRegressor
from tests.tree._proof import assert_every_split_is_best
from tests.tree._tables import BUNDLED, CLASSIFICATION, REGRESSION, load_numbers

LARGE = ("letter", "nursery", "covertype_10k", "mammography", "spambase", "phoneme")
TABLES = [*BUNDLED, *(pytest.param(name, marks=[pytest.mark.slow] * (name in LARGE)) for name in CLASSIFICATION)]


def _compare(name, ours, theirs, weighted):
    X, y = load_numbers(name)
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(X))
    train, test = rows[: len(X) * 7 // 10], rows[len(X) * 7 // 10 :]
    weight = rng.uniform(0.1, 3.0, len(train)) if weighted else None
    ours.fit(X[train], y[train], sample_weight=weight)
    theirs.fit(X[train], y[train], sample_weight=weight)
    if not np.array_equal(ours.predict(X[test]), theirs.predict(X[test])):
        assert_every_split_is_best(ours, theirs, X[train], y[train], weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("name", TABLES)
def test_same_predictions_or_ties_on_real_tables(name, criterion, weighted):
    theirs = reference.DecisionTreeClassifier(criterion=criterion, random_state=0)
    _compare(name, DecisionTreeClassifier(criterion=criterion), theirs, weighted)


@pytest.mark.parametrize("name", ["boston_housing", "bodyfat"])
@pytest.mark.parametrize("criterion", ["squared_error", "poisson", "absolute_error"])
def test_regression_on_real_tables(name, criterion):
    theirs = reference.DecisionTreeRegressor(criterion=criterion, random_state=0)
    _compare(name, DecisionTreeRegressor(criterion=criterion), theirs, False)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in REGRESSION if name not in ("boston_housing", "bodyfat")])
def test_squared_error_on_large_real_tables(name):
    _compare(
        name,
        DecisionTreeRegressor(min_samples_leaf=5),
        reference.DecisionTreeRegressor(random_state=0, min_samples_leaf=5),
        True,
    )


def _continuous(n=400, d=6, seed=0, missing=0.0):
    """Numbers without ties among the best splits of large nodes, so that both libraries grow one tree."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(np.float32)
    signal = X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=n)
    if missing:
        X[rng.uniform(size=X.shape) < missing] = np.nan
    return X, signal


def _weights(rows):
    """Weights whose sums are exact and hardly ever tie."""
    return np.random.default_rng(1).integers(200, 2048, len(rows)) / 1024.0


SETTINGS = [
    {},
    {"max_depth": 3},
    {"min_samples_split": 30},
    {"min_samples_split": 0.1},
    {"min_samples_leaf": 12},
    {"min_samples_leaf": 0.05},
    {"min_weight_fraction_leaf": 0.07},
    {"min_impurity_decrease": 0.01},
    {"max_leaf_nodes": 9},
    {"max_leaf_nodes": 9, "max_depth": 3},
    {"ccp_alpha": 0.01},
]


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_parameters_of_the_classifier(setting, missing):
    X, signal = _continuous(missing=missing)
    y = np.digitize(signal, [-0.7, 0.9])
    weight = _weights(y)
    setting = {"min_samples_leaf": 8, **setting}
    for criterion in ("gini", "entropy"):
        a = DecisionTreeClassifier(criterion=criterion, **setting).fit(X, y, weight)
        b = reference.DecisionTreeClassifier(criterion=criterion, random_state=0, **setting).fit(X, y, weight)
        _assert_same_tree(a.tree_, b.tree_, numbering="max_leaf_nodes" not in setting)
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-12)
        np.testing.assert_allclose(a.feature_importances_, b.feature_importances_, rtol=1e-9, atol=1e-14)
        assert (a.get_depth(), a.get_n_leaves()) == (b.get_depth(), b.get_n_leaves())


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_parameters_of_the_regressor(setting, weighted, missing):
    X, y = _continuous(missing=missing)
    weight = _weights(y) if weighted else None
    setting = {"min_samples_leaf": 8, **setting}
    for criterion in ("squared_error", "poisson", "absolute_error"):
        if criterion == "absolute_error" and (missing or not weighted):
            continue  # scikit-learn has no missing values there, and sums of plain distances to a median often tie
        target = np.exp(y / 2) if criterion == "poisson" else y
        a = DecisionTreeRegressor(criterion=criterion, **setting).fit(X, target, weight)
        b = reference.DecisionTreeRegressor(criterion=criterion, random_state=0, **setting).fit(X, target, weight)
        _assert_same_tree(a.tree_, b.tree_, numbering="max_leaf_nodes" not in setting)
        np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-9)


def _assert_same_tree(a, b, numbering=True):
    assert a.node_count == b.node_count
    names = ("children_left", "children_right", "feature", "n_node_samples", "missing_go_to_left")
    if numbering:
        for name in names:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        for name in ("threshold", "weighted_n_node_samples"):
            np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=1e-12, err_msg=name)
        np.testing.assert_allclose(a.impurity, b.impurity, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(a.value, b.value, rtol=1e-9)
    else:
        assert sorted(a.feature) == sorted(b.feature)


def test_apply_decision_path_and_pruning_path():
    X, y = _continuous()
    a = DecisionTreeRegressor(min_samples_leaf=8).fit(X, y)
    b = reference.DecisionTreeRegressor(min_samples_leaf=8, random_state=0).fit(X, y)
    np.testing.assert_array_equal(a.apply(X), b.apply(X))
    assert (a.decision_path(X) != b.decision_path(X)).nnz == 0
    ours, theirs = a.cost_complexity_pruning_path(X, y), b.cost_complexity_pruning_path(X, y)
    np.testing.assert_allclose(ours.ccp_alphas, theirs.ccp_alphas, atol=1e-12)
    np.testing.assert_allclose(ours.impurities, theirs.impurities, atol=1e-12)
    for step, alpha in enumerate(ours.ccp_alphas[:-1]):
        pruned = DecisionTreeRegressor(min_samples_leaf=8, ccp_alpha=alpha).fit(X, y)
        impurity = (pruned.tree_.impurity * pruned.tree_.n_node_samples)[pruned.tree_.feature < 0].sum() / len(X)
        assert impurity == pytest.approx(ours.impurities[step], rel=1e-9)


def test_several_outputs():
    X, signal = _continuous(n=1000)
    weight = _weights(X)
    y = np.stack([signal > 0, np.digitize(X[:, 3], [-1.0, 0.0, 1.0])], axis=1)
    a = DecisionTreeClassifier(min_samples_leaf=30).fit(X, y, weight)
    b = reference.DecisionTreeClassifier(min_samples_leaf=30, random_state=0).fit(X, y, weight)
    _assert_same_tree(a.tree_, b.tree_)
    np.testing.assert_array_equal(a.predict(X), b.predict(X))
    for ours, theirs in zip(a.predict_proba(X), b.predict_proba(X), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    y = np.stack([signal, X[:, 3] ** 2], axis=1)
    for criterion in ("squared_error", "absolute_error"):
        a = DecisionTreeRegressor(criterion=criterion, min_samples_leaf=30).fit(X, y, weight)
        b = reference.DecisionTreeRegressor(criterion=criterion, min_samples_leaf=30, random_state=0).fit(X, y, weight)
        _assert_same_tree(a.tree_, b.tree_)
        np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-9)


@pytest.mark.parametrize("sign", [-1, 1])
def test_monotonic_constraints(sign):
    X, signal = _continuous(n=600)
    constraints = [sign, 0, -sign, 0, 0, 0]
    for ours, theirs, y in (
        (DecisionTreeClassifier, reference.DecisionTreeClassifier, signal > 0),
        (DecisionTreeRegressor, reference.DecisionTreeRegressor, signal),
    ):
        a = ours(monotonic_cst=constraints, min_samples_leaf=30).fit(X, y, _weights(y))
        b = theirs(monotonic_cst=constraints, min_samples_leaf=30, random_state=0).fit(X, y, _weights(y))
        _assert_same_tree(a.tree_, b.tree_)
        free = ours(min_samples_leaf=30).fit(X, y)
        assert not np.array_equal(a.tree_.feature, free.tree_.feature)
        steps = np.repeat(X[:50], 20, axis=0)
        steps[:, 0] = np.tile(np.linspace(-3, 3, 20), 50)
        out = a.predict_proba(steps)[:, 1] if a.__sklearn_tags__().estimator_type == "classifier" else a.predict(steps)
        assert (sign * np.diff(out.reshape(50, 20), axis=1) >= -1e-12).all()


def test_class_weight():
    X, signal = _continuous(n=1000)
    y = np.where(signal > 0.8, "rare", "common")
    for class_weight in ("balanced", {"rare": 3.0, "common": 0.5}):
        a = DecisionTreeClassifier(class_weight=class_weight, max_depth=3).fit(X, y, _weights(y))
        b = reference.DecisionTreeClassifier(class_weight=class_weight, max_depth=3, random_state=0)
        b.fit(X, y, _weights(y))
        _assert_same_tree(a.tree_, b.tree_)


def test_random_splits_and_features_follow_the_seed_and_not_the_depth():
    X, y = load_iris(return_X_y=True)
    for setting in ({"splitter": "random"}, {"max_features": 2}, {"max_features": "sqrt", "splitter": "random"}):
        deep = DecisionTreeClassifier(random_state=3, **setting).fit(X, y)
        again = DecisionTreeClassifier(random_state=3, **setting).fit(X, y)
        np.testing.assert_array_equal(deep.tree_.threshold, again.tree_.threshold)
        others = [DecisionTreeClassifier(random_state=s, **setting).fit(X, y).tree_.threshold[0] for s in range(10)]
        assert len(set(others)) > 1
        shallow = DecisionTreeClassifier(random_state=3, max_depth=2, **setting).fit(X, y).tree_
        top = deep.tree_.collapsed(deep.tree_.depths == 2)
        np.testing.assert_array_equal(shallow.feature, top.feature)
        np.testing.assert_array_equal(shallow.threshold, top.threshold)
        np.testing.assert_array_equal(shallow.value, top.value)
        assert deep.score(X, y) == 1.0


def test_random_trees_are_as_good_as_scikit_learns():
    X, y = make_classification(2000, 10, n_informative=5, random_state=0)
    train, test = slice(0, 1000), slice(1000, None)
    for setting in ({"splitter": "random"}, {"max_features": 3}):
        scores = np.array(
            [
                [
                    tree(random_state=seed, **setting).fit(X[train], y[train]).score(X[test], y[test])
                    for seed in range(20)
                ]
                for tree in (DecisionTreeClassifier, reference.DecisionTreeClassifier)
            ]
        )
        spread = scores.std(axis=1).mean() / np.sqrt(20)
        assert abs(scores[0].mean() - scores[1].mean()) < 4 * spread


def test_float64_is_not_rounded():
    X = np.array([[1.0], [1.0 + 1e-12], [1.0 + 2e-12]])
    tree = DecisionTreeClassifier().fit(X, [0, 1, 0])
    assert tree.score(X, [0, 1, 0]) == 1.0
    assert reference.DecisionTreeClassifier().fit(X, [0, 1, 0]).get_n_leaves() == 1


def test_diabetes_regression_scores():
    X, y = load_diabetes(return_X_y=True)
    a = DecisionTreeRegressor(min_samples_leaf=15).fit(X[:300], y[:300])
    b = reference.DecisionTreeRegressor(min_samples_leaf=15, random_state=0).fit(X[:300], y[:300])
    assert a.score(X[300:], y[300:]) == pytest.approx(b.score(X[300:], y[300:]), abs=1e-9)
