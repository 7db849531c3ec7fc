"""Candidates fitted from shared sums are, to the last bit, what single fits give."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification

import skdl.naive_bayes as room
from skdl.base import fit_family, fit_one_by_one
from skdl.kernels import gaussian
from skdl.kernels._gaussian_loops import best_classes
from skdl.utils import freeze
from tests.naive_bayes.test_discrete import _counts
from tests.naive_bayes.test_mixed import _frame

CANDIDATES = {
    "BernoulliNB": [{"alpha": 0.1}, {"alpha": 2.0, "binarize": 1.0}, {"fit_prior": False, "binarize": 1.0}, {}],
    "CategoricalNB": [{"alpha": 0.1}, {"alpha": 2.0, "min_categories": 40}, {"fit_prior": False}],
    "ComplementNB": [{"alpha": 0.1}, {"alpha": 2.0, "norm": True}, {}],
    "GaussianNB": [{"var_smoothing": 0.1}, {"var_smoothing": 1e-5}, {"priors": [0.1, 0.8, 0.1]}, {}],
    "MixedNB": [{"var_smoothing": 0.1}, {"alpha": 0.5}, {"categorical_features": [1]}, {}],
    "MultinomialNB": [{"alpha": 0.1}, {"alpha": 2.0}, {"fit_prior": False}, {"class_prior": [0.1, 0.8, 0.1]}],
}


@pytest.mark.parametrize("name", CANDIDATES)
@pytest.mark.parametrize("weighted", [False, True])
def test_members_are_single_fits_to_the_last_bit(name, weighted, monkeypatch):
    X, y = _counts()
    rng = np.random.default_rng(1)
    weight = rng.random(len(y)) if weighted else None
    splits = [rng.permutation(300)[:200], np.arange(0, 300, 2), np.arange(299, 50, -1)]
    estimator = getattr(room, name)()
    options = {"candidates": CANDIDATES[name], "splits": splits, "sample_weight": weight}
    alone = {(i, j): model for i, j, model in fit_one_by_one(estimator, X, y, **options)}
    gathered = []
    gather = type(estimator)._gather
    monkeypatch.setattr(type(estimator), "_gather", lambda self, *args: gathered.append(1) or gather(self, *args))
    family = {(i, j): model for i, j, model in fit_family(estimator, X, y, **options)}
    assert family.keys() == alone.keys()
    for member, model in family.items():
        assert str(model.get_params()) == str(alone[member].get_params())
        assert_array_equal(model.predict_joint_log_proba(X), alone[member].predict_joint_log_proba(X))
        for attribute, value in vars(alone[member]).items():
            if isinstance(value, np.ndarray):
                assert_array_equal(getattr(model, attribute), value, err_msg=attribute)
    assert len(gathered) < len(alone)


def test_members_of_a_frame():
    frame, y = _frame()
    splits = [np.arange(300), np.arange(100, 400)]
    options = {"candidates": CANDIDATES["MixedNB"], "splits": splits}
    alone = {(i, j): model for i, j, model in fit_one_by_one(room.MixedNB(), frame[["size", "hue"]], y, **options)}
    for i, j, model in fit_family(room.MixedNB(), frame[["size", "hue"]], y, **options):
        assert_array_equal(
            model.predict_proba(frame[["size", "hue"]]), alone[i, j].predict_proba(frame[["size", "hue"]])
        )


def test_a_member_that_is_changed_changes_no_sibling():
    X, y = _counts()
    options = {"candidates": [{"alpha": 0.1}, {"alpha": 2.0}], "splits": [np.arange(200)]}
    (_, _, expected) = list(fit_one_by_one(room.MultinomialNB(), X, y, **options))[1]
    family = fit_family(room.MultinomialNB(), X, y, **options)
    _, _, first = next(family)
    first.partial_fit(X, y)
    first.feature_count_[:] = 0
    _, _, second = next(family)
    assert_array_equal(second.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("compiled_from", [0, 10**9])
@pytest.mark.parametrize(
    "kind", ["writeable", "frozen", "float32", "far from the origin", "twin classes", "many classes"]
)
def test_classes_that_are_found_together_are_those_of_each_alone(kind, compiled_from, monkeypatch):
    monkeypatch.setattr(gaussian, "_COMPILED_ENTRIES", compiled_from)
    rng = np.random.default_rng(0)
    n_classes = 40 if kind == "many classes" else 4
    y = rng.integers(0, n_classes, 3000)
    X = rng.normal(size=(3000, 5)) * [1, 10, 0.1, 1, 3] + y[:, None] * 0.3
    if kind == "far from the origin":
        X += 1e7
    elif kind == "float32":
        X = X.astype(np.float32)
    elif kind == "twin classes":
        # Two classes of the same rows: exact ties everywhere.
        X, y = (
            np.vstack([X[y == 0], X[y == 0], X[y == 1]]),
            np.repeat([2, 1, 0], [(y == 0).sum()] * 2 + [(y == 1).sum()]),
        )
    candidates = [{"var_smoothing": value} for value in (1e-9, 1e-3, 1.0, 0.0)] + [{}]
    queries = X[::3] + 0.01
    if kind == "frozen":
        freeze(queries)
    splits = [np.arange(0, len(X), 2), rng.permutation(len(X))[: len(X) // 2]]
    for _, split, model in fit_family(room.GaussianNB(), X, y, candidates=candidates, splits=splits):
        alone = room.GaussianNB(**model.get_params()).fit(X[splits[split]], y[splits[split]])
        for data in (queries, X[:50], queries):
            assert_array_equal(model.predict(data), alone.predict(data))
        model.partial_fit(X[:200] * 3, y[:200])
        assert_array_equal(model.predict(queries), alone.partial_fit(X[:200] * 3, y[:200]).predict(queries))


def test_classes_are_found_together(monkeypatch):
    X, y = make_classification(500, 6, n_informative=4, n_classes=3, random_state=0)
    candidates = [{"var_smoothing": value} for value in (1e-9, 1e-3, 1.0)]
    monkeypatch.setattr(room.GaussianNB, "_joint_log_likelihood", None)
    for _, _, model in fit_family(room.GaussianNB(), X, y, candidates=candidates, splits=[np.arange(400)]):
        assert model.score(X[400:], y[400:]) > 0.5


def test_gaps_are_found_where_rows_are_not_copied():
    X, y = make_classification(500, 6, n_informative=4, n_classes=3, random_state=0)
    X[7, 3] = np.nan
    fits = fit_family(room.GaussianNB(), X, y, candidates=[{}, {"var_smoothing": 0.1}], splits=[np.arange(5, 400)])
    with pytest.raises(ValueError, match=r"Input X contains NaN(.|\n)*row 2"):
        list(fits)
    [_, (_, _, model)] = fit_family(
        room.GaussianNB(), X, y, candidates=[{}, {"var_smoothing": 0.1}], splits=[np.arange(8, 400)]
    )
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(X[:20])


@pytest.mark.parametrize("find", [gaussian._best_classes, best_classes])
def test_the_best_classes_of_blocks_of_likelihoods(find):
    rng = np.random.default_rng(0)
    jll = rng.integers(-4, 4, (5, 3, 40)).astype(float)  # full of ties
    jll[0] = np.arange(3)[:, None] * 10.0
    jll[1, 1] = -np.inf
    jll[2, :, 7] = [0.0, -1.0, -0.5]
    classes, certain = np.empty((5, 40), dtype=np.uint8), np.ones(5, dtype=bool)
    find(jll, np.full(40, 0.5), classes, certain)
    assert_array_equal(classes, jll.argmax(axis=1))
    ordered = np.sort(jll, axis=1)
    assert_array_equal(certain, (ordered[:, -1] - ordered[:, -2] > 0.5).all(axis=1))
    assert certain[0]
    assert not certain[3]
    # Where squares overflow, any rounding is possible.
    certain[:] = True
    find(jll[:1], np.full(40, np.inf), classes[:1], certain[:1])
    assert not certain[0]
