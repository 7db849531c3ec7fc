"""Categories, missing values, bins, and tables that break programs."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier, VotingClassifier

from skdl.kernels.tree import _fit
from skdl.kernels.tree._bins import bin_columns
from skdl.tree import C45Classifier, DecisionTreeClassifier, DecisionTreeRegressor, ID3Classifier, export_text
from skdl.tree._base import links_of
from tests.tree._proof import impurity

EVERY_CLASSIFIER = [DecisionTreeClassifier, C45Classifier, ID3Classifier]


def _best_subset(codes, y, weight, criterion):
    """The least impurity after a split, by trying every subset of the categories."""
    values = np.unique(codes)
    best = np.inf
    for size in range(1, len(values)):
        for chosen in itertools.combinations(values, size):
            left = np.isin(codes, chosen)
            parts = [(y[side], weight[side]) for side in (left, ~left)]
            best = min(best, sum(w.sum() * impurity(criterion, part, w) for part, w in parts) / weight.sum())
    return best


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("criterion", "n_classes", "n_categories"),
    [("gini", 2, 8), ("entropy", 2, 8), ("gini", 4, 7), ("entropy", 3, 7), ("squared_error", 0, 8), ("poisson", 0, 8)],
)
def test_the_best_subset_of_categories_is_found(criterion, n_classes, n_categories, weighted):
    rng = np.random.default_rng(0)
    for _ in range(5):
        codes = rng.integers(n_categories, size=120)
        level = rng.uniform(size=n_categories)[codes]
        y = (
            np.floor(n_classes * (0.5 * level + 0.5 * rng.uniform(size=120)))
            if n_classes
            else level + rng.uniform(size=120)
        )
        weight = rng.uniform(0.5, 2.0, size=120) if weighted else np.ones(120)
        kind = DecisionTreeClassifier if n_classes else DecisionTreeRegressor
        tree = kind(criterion=criterion, max_depth=1, categorical_features=[0])
        tree = tree.fit(codes[:, None].astype(float), y, sample_weight=weight).tree_
        after = (tree.weighted_n_node_samples[1:] * tree.impurity[1:]).sum() / tree.weighted_n_node_samples[0]
        assert after == pytest.approx(_best_subset(codes, y, weight, criterion), rel=1e-9)


def test_many_categories_and_classes_come_close_to_the_best_subset():
    rng = np.random.default_rng(0)
    codes = rng.integers(12, size=600)
    y = (codes % 3 + rng.integers(2, size=600)) % 3
    tree = DecisionTreeClassifier(max_depth=1, categorical_features=[0]).fit(codes[:, None].astype(float), y).tree_
    after = (tree.weighted_n_node_samples[1:] * tree.impurity[1:]).sum() / 600
    best = _best_subset(codes, y, np.ones(600), "gini")
    whole = tree.impurity[0]
    assert whole - after >= 0.95 * (whole - best)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_unseen_and_missing_categories_have_a_path(frame):
    colours = ["red"] * 10 + ["green"] * 6 + ["blue"] * 3
    X = pd.DataFrame({"colour": pd.Categorical(colours)})
    y = np.array([0] * 10 + [1] * 6 + [2] * 3)
    new = pd.DataFrame({"colour": pd.Categorical(["red", "green", "blue", "mauve", None])})
    if frame is pl.DataFrame:
        X, new = pl.from_pandas(X), pl.from_pandas(new)
    binary = DecisionTreeClassifier().fit(X, y)
    assert binary.predict(new).tolist() == [0, 1, 2, 0, 0]  # with the majority at every split
    many = C45Classifier().fit(X, y)
    np.testing.assert_allclose(many.predict_proba(new)[3:], [[10 / 19, 6 / 19, 3 / 19]] * 2)  # shared out


def test_missing_values_learn_their_side():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    X[:100] = np.nan
    for missing_is in (0, 1):
        y = np.where(np.isnan(X[:, 0]), missing_is, X[:, 0] > 0)
        tree = DecisionTreeClassifier().fit(X, y)
        assert tree.score(X, y) == 1.0
        assert tree.predict([[np.nan]])[0] == missing_is
        colours = pd.DataFrame(
            {"c": pd.Categorical(np.where(np.isnan(X[:, 0]), None, np.where(X[:, 0] > 0, "a", "b")))}
        )
        assert DecisionTreeClassifier().fit(colours, y).score(colours, y) == 1.0


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("n_classes", [2, 4])
def test_histograms_grow_the_tree_of_the_sorted_codes(criterion, n_classes, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 6))
    X[rng.uniform(size=X.shape) < 0.05] = np.nan
    y = np.digitize(np.nan_to_num(X[:, 0] * X[:, 1] + X[:, 2]), np.linspace(-1, 1, n_classes - 1))
    for setting in ({}, {"max_depth": 4}, {"min_samples_leaf": 30}, {"min_impurity_decrease": 0.002}):
        trees = []
        for small in (40, 10**9):  # histograms almost to the leaves, and none at all
            monkeypatch.setattr(_fit, "SMALL", small)
            trees.append(DecisionTreeClassifier(criterion=criterion, max_bins=64, **setting).fit(X, y).tree_)
        for name, values in trees[0].__getstate__().items():
            np.testing.assert_array_equal(values, getattr(trees[1], name), err_msg=name)


@pytest.mark.parametrize("weights", ["none", "whole", "real"])
@pytest.mark.parametrize("kind", ["gini", "entropy", "outputs", "squared_error", "squared_errors", "friedman_mse"])
def test_histograms_of_sums_grow_the_tree_of_the_sorted_codes(kind, weights, monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 6))
    X[rng.uniform(size=X.shape) < 0.05] = np.nan
    signal = np.nan_to_num(X[:, 0] * X[:, 1] + X[:, 2]) + rng.normal(size=6000)
    weight = {"none": None, "whole": rng.integers(4, size=6000), "real": rng.integers(200, 2048, 6000) / 1024.0}[
        weights
    ]
    if kind in ("gini", "entropy", "outputs"):
        y = np.digitize(signal, [-1.0, 0.5])
        estimator = DecisionTreeClassifier(criterion="gini" if kind == "outputs" else kind)
        y = np.stack([y, X[:, 4] > 0], axis=1) if kind == "outputs" else y
    else:
        y = np.stack([signal, X[:, 3] ** 2], axis=1) if kind == "squared_errors" else signal + 1e3
        y = np.nan_to_num(y)
        estimator = DecisionTreeRegressor(criterion="friedman_mse" if kind == "friedman_mse" else "squared_error")
    for setting in ({"min_samples_leaf": 5}, {"max_depth": 4}, {"min_weight_fraction_leaf": 0.02}):
        trees = []
        for small in (40, 10**9):  # histograms almost to the leaves, and none at all
            monkeypatch.setattr(_fit, "SMALL", small)
            model = clone(estimator).set_params(max_bins=64, **setting).fit(X, y, sample_weight=weight)
            trees.append(model.tree_)
        for name in ("children_left", "feature", "threshold", "n_node_samples", "missing_go_to_left"):
            np.testing.assert_array_equal(getattr(trees[0], name), getattr(trees[1], name), err_msg=name)
        for name in ("value", "impurity", "weighted_n_node_samples"):
            np.testing.assert_allclose(getattr(trees[0], name), getattr(trees[1], name), rtol=1e-9, atol=1e-12)


def test_sums_are_made_anew_where_a_difference_would_be_noise(monkeypatch):
    # One target is so large that nothing of the others is left in a difference of sums.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 4))
    y = (X[:, 0] > 0) * 1.0 + (X[:, 1] > 0) * 0.5 + 0.01 * rng.normal(size=4000)
    y[0] = 1e18
    trees = []
    for small in (40, 10**9):
        monkeypatch.setattr(_fit, "SMALL", small)
        trees.append(DecisionTreeRegressor(max_bins=32, min_samples_leaf=10, max_depth=6).fit(X, y).tree_)
    np.testing.assert_array_equal(trees[0].feature, trees[1].feature)
    np.testing.assert_array_equal(trees[0].threshold, trees[1].threshold)
    assert {0, 1} <= set(trees[0].feature.tolist())


def test_few_distinct_values_make_bins_exact():
    rng = np.random.default_rng(0)
    X = rng.integers(200, size=(4000, 5)) / 7.0
    y = (X[:, 0] + X[:, 1] * X[:, 2] > rng.normal(200, 30, size=4000)).astype(int)
    exact = DecisionTreeClassifier(max_bins=None).fit(X, y)
    binned = DecisionTreeClassifier(max_bins=255).fit(X, y)
    np.testing.assert_array_equal(exact.tree_.threshold, binned.tree_.threshold)
    np.testing.assert_array_equal(exact.tree_.feature, binned.tree_.feature)


def test_bins_are_as_accurate_and_large_tables_get_them():
    X, y = make_classification(120_000, 8, n_informative=6, n_redundant=0, random_state=0)
    train, test = slice(0, 105_000), slice(105_000, None)
    exact = DecisionTreeClassifier(max_bins=None, max_depth=10).fit(X[train], y[train])
    binned = DecisionTreeClassifier(max_depth=10).fit(X[train], y[train])
    assert not np.array_equal(exact.tree_.threshold, binned.tree_.threshold)
    assert abs(exact.score(X[test], y[test]) - binned.score(X[test], y[test])) < 0.01


def test_bins_in_regression_and_with_categories():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=3000), "c": pd.Categorical(rng.choice(list("abcdef"), size=3000))})
    y = X["x"] ** 2 + X["c"].isin(["a", "d"]) + 0.1 * rng.normal(size=3000)
    exact = DecisionTreeRegressor(max_depth=6).fit(X, y).score(X, y)
    assert DecisionTreeRegressor(max_depth=6, max_bins=255).fit(X, y).score(X, y) == pytest.approx(exact, abs=0.02)


def test_a_leaf_of_one_sample_predicts_its_target_exactly():
    X = np.arange(50.0)[:, None]
    y = np.concatenate([[1e12, -1e-9], np.random.default_rng(0).normal(size=48)])
    for criterion in ("squared_error", "absolute_error"):
        np.testing.assert_array_equal(DecisionTreeRegressor(criterion=criterion).fit(X, y).predict(X), y)


def test_weights_are_repetitions_and_the_order_of_rows_does_not_matter():
    X, y = make_classification(300, 5, random_state=0)
    counts = np.random.default_rng(0).integers(0, 4, size=300)
    for tree in (DecisionTreeClassifier(), C45Classifier(), DecisionTreeRegressor()):
        weighted = tree.fit(X, y, sample_weight=counts).predict(X)
        repeated = tree.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts)).predict(X)
        np.testing.assert_array_equal(weighted, repeated)
        order = np.random.default_rng(1).permutation(300)
        np.testing.assert_array_equal(tree.fit(X[order], y[order]).predict(X), tree.fit(X, y).predict(X))


def test_a_chain_of_ten_thousand_splits():
    # Each weight is so much smaller than the one before that every split takes the heaviest sample off alone.
    n = 10_001
    x = np.arange(n, dtype=float)[:, None]
    y = (np.arange(n) % 2).astype(float)
    weight = np.maximum(0.93 ** np.arange(n), 1e-300)
    model = DecisionTreeRegressor().fit(x, y, sample_weight=weight)
    assert model.score(x, y) == 1.0
    assert model.get_n_leaves() == n
    few = DecisionTreeRegressor(ccp_alpha=1e-9).fit(x[:2001], y[:2001], sample_weight=weight[:2001])
    assert 1 < few.get_n_leaves() < 2001


def test_a_tree_as_deep_as_there_are_samples_needs_no_recursion():
    depth = 10_000
    tree = DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1.0])
    n = 2 * depth + 1
    chain = tree.tree_
    left = np.full(n, -1)
    right = np.full(n, -1)
    left[0 : n - 1 : 2], right[0 : n - 1 : 2] = np.arange(1, n, 2), np.arange(2, n, 2)
    inner = left >= 0
    chain.children_left, chain.children_right = left, right
    chain.feature = np.where(inner, 0, -2)
    chain.threshold = np.where(inner, np.arange(n) / 2.0, -2.0)
    chain.impurity = np.linspace(1.0, 0.0, n)
    chain.n_node_samples = np.arange(n, 0, -1)
    chain.weighted_n_node_samples = np.arange(n, 0, -1).astype(float)
    chain.missing_go_to_left = np.zeros(n, dtype=np.uint8)
    chain.value = np.arange(n, dtype=float)[:, None, None]
    chain.left_categories_start = np.full(n, -1)
    assert tree.get_depth() == depth
    assert tree.predict([[1e9]])[0] == n - 1
    assert tree.decision_path([[1e9]]).nnz == depth + 1
    assert len(export_text(tree, max_depth=depth + 1)) > depth
    assert len(tree.to_rules()) == depth + 1
    assert chain.collapsed(links_of(chain) <= 1e9).node_count == 1


@pytest.mark.parametrize("kind", [*EVERY_CLASSIFIER, DecisionTreeRegressor])
def test_columns_without_information(kind):
    y = np.arange(100) % 2
    constant = np.ones((100, 3))
    missing = np.full((100, 2), np.nan)
    for X in (constant, missing, np.hstack([constant, missing])):
        model = kind().fit(X, y)
        assert model.get_n_leaves() == 1
        assert model.get_depth() == 0
        assert (model.feature_importances_ == 0).all()
        assert len(set(model.predict(X))) == 1
    useful = np.hstack([constant, missing, np.arange(100.0)[:, None]])
    assert kind().fit(useful, y * 0 + (np.arange(100) > 50)).get_n_leaves() == 2


@pytest.mark.parametrize("kind", EVERY_CLASSIFIER)
def test_huge_values(kind):
    X = np.tile([-1.7e308, -1e308, 0.0, 1e308, 1.7e308], 20)[:, None]
    y = np.tile([0, 1, 0, 1, 0], 20)
    assert kind().fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize("criterion", ["squared_error", "absolute_error", "poisson"])
def test_huge_targets(criterion):
    X = np.tile(np.arange(5.0), 20)[:, None]
    y = np.tile([1e300, 1.7e308, 5.0, 1e308, 1e-300], 20)
    model = DecisionTreeRegressor(criterion=criterion).fit(X, y)
    np.testing.assert_allclose(model.predict(X[:2]), y[:2], rtol=1e-12)
    assert np.isfinite(model.tree_.impurity).all()


@pytest.mark.parametrize("kind", EVERY_CLASSIFIER)
def test_one_unique_value_for_each_row(kind):
    X = np.random.default_rng(0).permutation(3000).astype(float)[:, None]
    y = (X[:, 0] // 100 % 2).astype(int)
    model = kind().fit(X, y)
    assert model.score(X, y) == 1.0
    assert model.get_n_leaves() == 30
    numbers = kind(categorical_features=[0]).fit(X, y)  # each row its own category
    assert numbers.get_n_leaves() == {DecisionTreeClassifier: 2, C45Classifier: 1, ID3Classifier: 3000}[kind]


def test_one_unique_target_for_each_row():
    X = np.arange(3000.0)[:, None]
    y = np.random.default_rng(0).permutation(3000).astype(float)
    for bins in (None, 255):
        model = DecisionTreeRegressor(max_bins=bins).fit(X, y)
        assert model.get_n_leaves() == (3000 if bins is None else 255)
    assert DecisionTreeRegressor().fit(X, y).score(X, y) == 1.0


@pytest.mark.parametrize("kind", EVERY_CLASSIFIER)
def test_ten_thousand_categories(kind):
    rng = np.random.default_rng(0)
    codes = np.concatenate([np.arange(10_000), rng.integers(10_000, size=10_000)])
    y = (rng.uniform(size=10_000) > 0.5)[codes]
    model = kind(categorical_features=[0]).fit(codes[:, None].astype(float), y)
    assert model.score(codes[:, None].astype(float), y) > 0.7 if kind is C45Classifier else True
    if kind is not C45Classifier:
        assert model.score(codes[:, None].astype(float), y) == 1.0


@pytest.mark.parametrize("kind", [*EVERY_CLASSIFIER, DecisionTreeRegressor])
def test_weights_of_zero_leave_samples_out(kind):
    X, y = make_classification(200, 4, random_state=0)
    used = np.arange(200) % 3 > 0
    a = kind().fit(X, y, sample_weight=used.astype(float))
    b = kind().fit(X[used], y[used])
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


def test_bagging_and_voting_run_in_threads():
    X, y = make_classification(800, 10, random_state=0)
    for kind in (DecisionTreeClassifier(random_state=0), C45Classifier(random_state=0)):
        alone = BaggingClassifier(kind, n_estimators=4, random_state=0).fit(X, y)
        from joblib import parallel_backend

        with parallel_backend("threading", n_jobs=2):
            together = BaggingClassifier(kind, n_estimators=4, random_state=0, n_jobs=2).fit(X, y)
        np.testing.assert_allclose(alone.predict_proba(X), together.predict_proba(X), rtol=1e-14)
        vote = VotingClassifier([("a", kind), ("b", DecisionTreeClassifier(max_depth=3))], voting="soft").fit(X, y)
        assert vote.score(X, y) > 0.9


def test_bad_input_is_explained():
    X = np.ones((4, 2))
    with pytest.raises(ValueError, match="monotonic_cst has shape"):
        DecisionTreeClassifier(monotonic_cst=[1]).fit(X, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="only -1, 0 or 1"):
        DecisionTreeClassifier(monotonic_cst=[1, 3]).fit(X, [0, 1, 0, 1])
    with pytest.raises(ValueError, match="multiclass"):
        DecisionTreeClassifier(monotonic_cst=[1, 0]).fit(X, [0, 1, 2, 1])
    with pytest.raises(ValueError, match="multiple outputs"):
        DecisionTreeClassifier(monotonic_cst=[1, 0]).fit(X, [[0, 1], [1, 0], [0, 0], [1, 1]])
    with pytest.raises(ValueError, match=r"y\[1\] is negative"):
        DecisionTreeRegressor(criterion="poisson").fit(X, [1, -1, 0, 1])
    with pytest.raises(ValueError, match="All targets are zero"):
        DecisionTreeRegressor(criterion="poisson").fit(X, [0, 0, 0, 0])
    with pytest.raises(ValueError, match="predicts numbers"):
        DecisionTreeRegressor().fit(X, ["a", "b", "a", "b"])
    with pytest.raises(ValueError, match="too few to hold some out"):
        DecisionTreeClassifier(pruning="reduced_error", validation_fraction=0.9).fit(X[:1], [0])
    with pytest.raises(ValueError, match="one output; y has several"):
        DecisionTreeClassifier(pruning="pessimistic").fit(X, [[0, 1], [1, 0], [0, 0], [1, 1]])
    with pytest.raises(ValueError, match="one row for each sample"):
        DecisionTreeClassifier().fit(X, [0, 1, 0])
    with pytest.raises(ValueError, match="requires y"):
        DecisionTreeClassifier().fit(X, None)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("max_bins", [2, 7, 255])
def test_codes_are_the_bins_of_the_values_however_they_are_spread(dtype, max_bins):
    rng = np.random.default_rng(0)
    n, most = 3000, np.finfo(dtype).max
    X = np.stack(
        [
            rng.normal(size=n),
            np.exp(9 * rng.normal(size=n)),  # nearly all in the first of the cells of equal width
            rng.choice([-most, -1.0, 0.0, 1e-30, 1.0, most], size=n),
            rng.uniform(-most / 2, most / 2, size=n) * 2,
            rng.normal(size=n) * np.finfo(dtype).tiny,
            np.where(rng.uniform(size=n) < 0.5, np.nan, rng.integers(9, size=n)),
            np.full(n, np.nan),
        ],
        axis=1,
    ).astype(dtype)
    d = X.shape[1]
    codes, columns = bin_columns(X, np.arange(n), np.zeros(d, bool), np.zeros(d, np.int64), max_bins)
    for f in range(d):
        first, last = columns.offset[f], columns.offset[f + 1]
        assert last - first <= max_bins
        known = ~np.isnan(X[:, f])
        assert (codes[~known, f] == last - first).all()
        if known.any():
            low, high = columns.low[first:last][codes[known, f]], columns.high[first:last][codes[known, f]]
            values = X[known, f].astype(float)
            assert (values <= high).all()
            assert (values >= low).all()
            assert set(codes[known, f]) == set(range(last - first))  # no bin is empty
