"""Candidates fitted from shared sums are, to the last bit, what single fits give."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import skdl.naive_bayes as room
from skdl.base import fit_family, fit_one_by_one
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
