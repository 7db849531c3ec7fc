"""One search serves a family, and each member is what it would have been alone."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold

from skdl.base import fit_family, fit_one_by_one
from skdl.neighbors import KNeighborsClassifier, KNeighborsRegressor
from skdl.neighbors._base import NeighborsBase
from skdl.utils import freeze

CANDIDATES = [
    {"n_neighbors": k, "weights": weights}
    for k in (1, 4, 9)
    for weights in ("uniform", "distance", lambda d: 1 / (1 + d))
] + [{"n_neighbors": 5, "metric": "manhattan"}, {"n_neighbors": 3, "metric": "manhattan"}]


def _data():
    X, y = load_digits(return_X_y=True)
    return X[:500] + np.random.default_rng(0).random((500, 64)), y[:500]


@pytest.mark.parametrize("weight", [None, "whole"])
@pytest.mark.parametrize("cls", [KNeighborsClassifier, KNeighborsRegressor])
def test_members_predict_the_same_bits(cls, weight):
    X, y = _data()
    splits = [train for train, _ in KFold(3).split(X)]
    weight = None if weight is None else np.arange(len(X)) % 3
    options = {"candidates": CANDIDATES, "splits": splits, "sample_weight": weight}
    together = {(i, j): model for i, j, model in fit_family(cls(), X, y, **options)}
    alone = {(i, j): model for i, j, model in fit_one_by_one(cls(), X, y, **options)}
    assert together.keys() == alone.keys()
    assert len(alone) == 3 * len(CANDIDATES)
    methods = ["predict", "predict_proba"] if cls is KNeighborsClassifier else ["predict"]
    unchanging = X[:70].copy()
    freeze(unchanging)
    # Rows that were fitted are at no distance from themselves.
    for queries in (X, X[:50] + 0.3, X[::-1], None, unchanging):
        for method in methods:
            for member, model in together.items():
                expected = getattr(alone[member], method)(queries)
                np.testing.assert_array_equal(getattr(model, method)(queries), expected)


def test_votes_that_are_counted_together_are_those_of_each_alone():
    # Whole numbers and few classes: ties of distance and of votes everywhere.
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 4, (300, 3)).astype(float), rng.integers(0, 3, 300)
    candidates = [{"n_neighbors": k, "weights": w} for k in (8, 1, 30, 3, 2) for w in ("uniform", "distance", None)]
    for _, _, model in fit_family(KNeighborsClassifier(), X, y, candidates=candidates, splits=[np.arange(200)]):
        alone = KNeighborsClassifier(**model.get_params()).fit(X[:200], y[:200])
        for queries in (X[200:], X[200:] + 0.25):
            np.testing.assert_array_equal(model.predict(queries), alone.predict(queries))
        assert model.score(X[200:], y[200:]) == alone.score(X[200:], y[200:])


def test_one_search_serves_all(monkeypatch):
    X, y = _data()
    calls = []
    original = NeighborsBase._search_alone

    def counted(model, queries, k):
        calls.append(k)
        return original(model, queries, k)

    monkeypatch.setattr(NeighborsBase, "_search_alone", counted)
    candidates = [{"n_neighbors": k, "weights": w} for k in (1, 20, 7) for w in ("uniform", "distance")]
    members = list(fit_family(KNeighborsClassifier(), X, y, candidates=candidates, splits=[np.arange(300)]))
    for _ in range(2):
        for _, _, model in members:
            get_scorer("accuracy")(model, X[300:], y[300:])
            get_scorer("accuracy")(model, X[:300], y[:300])
    assert calls == [20, 20]


def test_a_changed_array_is_searched_anew():
    X, y = _data()
    [(_, _, model)] = fit_family(KNeighborsClassifier(), X, y, candidates=[{}], splits=[np.arange(300)])
    queries = X[300:].copy()
    model.predict_proba(queries)
    queries += 3 * np.random.default_rng(1).standard_normal(queries.shape)
    expected = KNeighborsClassifier().fit(X[:300], y[:300]).predict_proba(queries)
    np.testing.assert_array_equal(model.predict_proba(queries), expected)
    found = model.kneighbors(queries)
    found[0][:] = -1
    assert (model.kneighbors(queries)[0] >= 0).all()


def test_a_member_that_cannot_be_fitted_is_left_out():
    X, y = _data()
    candidates = [{"n_neighbors": 3}, {"n_neighbors": -1}, {"metric": "nearness"}, {"n_neighbors": 4}]
    members = list(fit_family(KNeighborsClassifier(), X, y, candidates=candidates, splits=[np.arange(300)]))
    assert [candidate for candidate, _, _ in members] == [0, 3]


def test_a_member_stands_alone_after_pickling():
    X, y = _data()
    members = list(
        fit_family(KNeighborsClassifier(), X, y, candidates=[{}, {"n_neighbors": 2}], splits=[np.arange(300)])
    )
    for _, _, model in members:
        expected = model.predict_proba(X)
        single = KNeighborsClassifier(**model.get_params()).fit(X[:300], y[:300])
        assert len(pickle.dumps(model)) == len(pickle.dumps(single))
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), expected)
