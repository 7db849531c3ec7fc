"""Threads that grow one tree change nothing in it."""

import numpy as np
import pytest

from skdl.kernels.tree import _turns
from skdl.tree import DecisionTreeClassifier, DecisionTreeRegressor, _base
from skdl.tree._tree import _PER_NODE

_ARRAYS = (*_PER_NODE, "left_categories")


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (DecisionTreeClassifier(), "plain"),
        (DecisionTreeClassifier(criterion="entropy"), "plain"),
        (DecisionTreeClassifier(max_bins=255), "plain"),
        (DecisionTreeClassifier(max_bins=255, max_depth=3), "plain"),
        (DecisionTreeClassifier(max_bins=20, min_samples_leaf=7, min_impurity_decrease=1e-3), "plain"),
        (DecisionTreeClassifier(max_leaf_nodes=50), "plain"),
        (DecisionTreeClassifier(max_features=3, random_state=0), "plain"),
        (DecisionTreeClassifier(splitter="random", random_state=0), "plain"),
        (DecisionTreeClassifier(), "missing"),
        (DecisionTreeClassifier(max_bins=255), "missing"),
        (DecisionTreeClassifier(categorical_features=[4]), "categories"),
        (DecisionTreeClassifier(), "weights"),
        (DecisionTreeClassifier(max_bins=255), "weights"),
        (DecisionTreeRegressor(max_depth=8), "plain"),
        (DecisionTreeRegressor(max_bins=255), "plain"),
    ],
    ids=lambda value: str(value),
)
def test_the_tree_does_not_depend_on_the_number_of_threads(model, kind, monkeypatch):
    monkeypatch.setattr(_turns, "_WORTH_A_THREAD", 0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(9000, 6))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=9000) > 0) + (X[:, 3] > 0.5)
    weight = rng.integers(1, 4, size=9000) / 3.0 if kind == "weights" else None
    if kind == "missing":
        X[rng.uniform(size=X.shape) < 0.1] = np.nan
    if kind == "categories":
        X[:, 4] = rng.integers(9, size=9000)
    trees = []
    for n_threads in (1, 2, 3):
        monkeypatch.setattr(_base, "n_threads_allowed", lambda n_threads=n_threads: n_threads)
        trees.append(model.fit(X, y, sample_weight=weight).tree_)
    assert trees[0].node_count > 10
    for other in trees[1:]:
        for name in _ARRAYS:
            np.testing.assert_array_equal(getattr(other, name), getattr(trees[0], name), err_msg=name)
