"""What a careless user gives to a tree: a sane tree comes out, or an error that says what, where and what to do."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

from skdl.base import fit_family
from skdl.tree import C45Classifier, CARTClassifier, DecisionTreeClassifier, DecisionTreeRegressor, ID3Classifier

KINDS = {
    "exact": lambda **more: DecisionTreeClassifier(max_bins=None, **more),
    "histogram": lambda **more: DecisionTreeClassifier(max_bins=255, **more),
    "entropy": lambda **more: DecisionTreeClassifier(criterion="entropy", **more),
    "CART": CARTClassifier,
    "ID3": ID3Classifier,
    "C4.5": C45Classifier,
    "regression": DecisionTreeRegressor,
    "absolute error": lambda **more: DecisionTreeRegressor(criterion="absolute_error", **more),
}


@pytest.fixture(params=KINDS)
def make(request):
    return KINDS[request.param]


def _table(n=60):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int)


def test_values_at_both_ends_of_the_floats(make):
    X, y = _table()
    ends = np.where(X > 0, 1.7e308, -1.7e308)
    model = make().fit(ends, y)
    assert model.score(ends, y) == 1.0
    np.testing.assert_array_equal(model.predict(ends), y)
    small = np.where(X > 0, 5e-324, -5e-324)
    assert make().fit(small, y).score(small, y) == 1.0


def test_one_row(make):
    model = make().fit([[1.0, np.nan]], [3])
    assert (model.get_n_leaves(), model.get_depth()) == (1, 0)
    np.testing.assert_array_equal(model.predict([[np.nan, 2.0], [-1e308, 0.0]]), [3, 3])


def test_a_column_that_was_missing_in_fit_is_no_matter_later(make):
    X, y = _table()
    model = make().fit(np.c_[X, np.full(len(X), np.nan)], y)
    for value in (np.nan, -3.0, 1e308):
        np.testing.assert_array_equal(model.predict(np.c_[X, np.full(len(X), value)]), y)


def test_weights_of_zero_alone_are_refused(make):
    X, y = _table()
    with pytest.raises(ValueError, match="at least one non-zero"):
        make().fit(X, y, sample_weight=np.zeros(len(X)))
    one = make().fit(X, y, sample_weight=np.eye(len(X))[7])
    assert one.get_n_leaves() == 1
    assert one.predict(X[:1])[0] == y[7]


def test_strings_that_are_numbers_are_numbers_and_words_are_told(make):
    X, y = _table()
    np.testing.assert_array_equal(make().fit(X.astype(str), y).predict(X), make().fit(X, y).predict(X))
    words = pd.DataFrame({"size": X[:, 0], "colour": ["red", "blue"] * 30})
    with pytest.raises(ValueError, match=r"row 0, column 'colour' \('red'\).*dtype 'category'"):
        make().fit(words, y)
    declared = words.astype({"colour": "category"})
    assert make().fit(declared, y).score(declared, y) == 1.0
    assert make(categorical_features=["colour"]).fit(words, y).score(words, y) == 1.0


def test_sparse_tables_are_refused_with_the_way_out(make):
    X, y = _table()
    with pytest.raises(TypeError, match="toarray"):
        make().fit(sp.csr_matrix(X), y)
    with pytest.raises(TypeError, match="toarray"):
        make().fit(X, y).predict(sp.csr_matrix(X))


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_columns_in_another_order_are_refused_with_the_way_out(make, frame):
    X, y = _table()
    table = frame({name: X[:, j] for j, name in enumerate("abc")})
    model = make().fit(table, y)
    with pytest.raises(ValueError, match=r"(?s)same order.*X\[list\(estimator.feature_names_in_\)\]"):
        model.predict(table[["b", "a", "c"]])
    np.testing.assert_array_equal(model.predict(table[["b", "a", "c"]][list(model.feature_names_in_)]), y)


def test_infinity_is_refused_and_found(make):
    X, y = _table()
    X[4, 1] = -np.inf
    with pytest.raises(ValueError, match=r"(?s)infinity.*row 4, column 1"):
        make().fit(X, y)


def test_categories_by_the_thousand_and_those_that_nobody_has_seen(make):
    n = 10_000
    X, y = np.arange(n, dtype=float)[:, None], (np.arange(n) % 7 == 0).astype(int)
    model = make(categorical_features=[0], max_depth=3).fit(X, y)
    unseen = model.predict([[n + 5.0], [np.nan], [-4.0]])
    assert np.isin(unseen, (0, 1)).all()
    assert len(set(unseen)) == 1


def test_a_chain_of_ten_thousand_splits_is_grown_pruned_and_told():
    # Each weight is so much smaller than the one before that every split takes the heaviest sample off alone.
    n = 10_001
    X, y, weight = np.arange(n, dtype=float)[:, None], np.arange(n) % 2, 0.935 ** np.arange(n)
    models = dict(enumerate([{}, {"max_depth": 100}, {"ccp_alpha": 1e-6}]))
    family = fit_family(
        DecisionTreeClassifier(criterion="entropy"), X, y, candidates=list(models.values()), splits=[np.arange(n)],
        sample_weight=weight,
    )  # fmt: skip
    for candidate, _, member in family:
        models[candidate] = member
    whole, truncated, pruned = models.values()
    assert (whole.get_depth(), whole.get_n_leaves()) == (n - 1, n)
    assert whole.score(X, y) == 1.0
    assert whole.decision_path(X[-1:]).nnz == n
    assert len(whole.to_rules()) == n
    assert (truncated.get_depth(), truncated.get_n_leaves()) == (100, 101)
    assert 1 < pruned.get_n_leaves() < 1000
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(whole)).predict(X), y)
