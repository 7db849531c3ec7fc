"""Walking down a tree: against a walk in plain Python, whatever the table looks like in memory."""

import copy
import pickle

import numpy as np
import pytest

from skdl.tree import DecisionTreeClassifier, DecisionTreeRegressor


def leaf_of(tree, row) -> int:
    node = 0
    while tree.children_left[node] >= 0:
        feature, x = tree.feature[node], row[tree.feature[node]]
        start = tree.left_categories_start[node]
        if np.isnan(x) or (start >= 0 and not 0 <= x < tree.n_categories[feature]):
            left = tree.missing_go_to_left[node] == 1
        elif start >= 0:
            left = tree.left_categories[start + int(x)] == 1
        else:
            left = x <= tree.threshold[node]
        node = tree.children_left[node] if left else tree.children_right[node]
    return node


def _table(dtype, missing):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(700, 6)).astype(dtype)
    X[:, 4] = rng.integers(12, size=700)
    X[:, 5] = rng.integers(3, size=700)
    if missing:
        X[rng.uniform(size=X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0] * X[:, 1]) + np.isin(X[:, 4], [1, 5, 7]) + rng.normal(size=700) / 2
    return X, y


@pytest.mark.parametrize("setting", [{}, {"max_leaf_nodes": 40}, {"max_depth": 1}, {"min_samples_leaf": 700}], ids=str)
@pytest.mark.parametrize("categorical", [None, [4, 5], [0, 1, 2, 3, 4, 5]], ids=str)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_row_reaches_the_leaf_of_a_plain_walk(dtype, missing, categorical, setting):
    X, y = _table(dtype, missing)
    model = DecisionTreeRegressor(categorical_features=categorical, **setting).fit(X[:400], y[:400])
    encoded = model._encoded(X)
    leaves = [leaf_of(model.tree_, row) for row in encoded]
    assert model.apply(X).tolist() == leaves
    np.testing.assert_array_equal(model.predict(X), model.tree_.value[leaves, 0, 0])
    for rows in (1, 2, 127, 128, 129):
        assert model.apply(X[:rows]).tolist() == leaves[:rows]


def test_the_layout_of_the_table_does_not_matter():
    X, y = _table(np.float64, missing=True)
    model = DecisionTreeClassifier().fit(X, y > 0.5)
    expected = model.apply(X)
    frozen = X.copy()
    frozen.flags.writeable = False
    wide = np.repeat(X, 2, axis=1)[:, ::2]
    for same in (np.asfortranarray(X), frozen, wide, X[::-1][::-1], X.astype(">f8")):
        np.testing.assert_array_equal(model.apply(same), expected)
    assert frozen.flags.writeable is False
    assert X.flags.writeable


def test_predicting_leaves_nothing_in_copies():
    X, y = _table(np.float64, missing=False)
    for target in (y > 0.5, np.stack([y > 0, y > 1], axis=1)):
        model = DecisionTreeClassifier().fit(X, target)
        before = len(pickle.dumps(model))
        expected = model.predict(X)
        np.testing.assert_array_equal(expected, target)
        assert len(pickle.dumps(model)) == before
        for again in (copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(again.predict(X), expected)
        refitted = copy.copy(model).fit(X, ~target)
        np.testing.assert_array_equal(refitted.predict(X), ~expected)
        np.testing.assert_array_equal(model.predict(X), expected)


def test_a_table_of_the_wrong_form_is_still_refused():
    X, y = _table(np.float32, missing=False)
    model = DecisionTreeClassifier().fit(X, y > 0)
    bad = X.copy()
    bad[3, 2] = np.inf
    with pytest.raises(ValueError, match="row 3, column 2"):
        model.predict(bad)
    with pytest.raises(ValueError, match="expecting 6 features"):
        model.predict(X[:, :5])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(X[:0])
    with pytest.raises(ValueError, match="2D array"):
        model.predict(X[0])
    huge = np.full_like(X, 3e38)  # its sum is infinite, no value is
    assert model.predict(huge).shape == (700,)
