"""Probabilities beside scikit-learn's on many real sets."""

import numpy as np
import pytest
import sklearn.naive_bayes as reference
from numpy.testing import assert_allclose, assert_array_equal

import skdl.naive_bayes as room
from tests.naive_bayes.real_data import ALL_SETS, TABLES, load_frame, load_numbers


@pytest.mark.parametrize("name", ALL_SETS)
def test_gaussian(name):
    X, y = load_numbers(name)
    mine, theirs = room.GaussianNB().fit(X, y), reference.GaussianNB().fit(X, y)
    assert_allclose(mine.theta_, theirs.theta_, rtol=1e-9, atol=1e-9)
    assert_allclose(mine.var_, theirs.var_, rtol=1e-8)
    log_proba = theirs.predict_log_proba(X)
    assert_allclose(mine.predict_log_proba(X), log_proba, rtol=1e-7, atol=1e-6)
    ordered = np.sort(log_proba, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 1e-6
    assert clear.mean() > 0.9
    assert_array_equal(mine.predict(X)[clear], theirs.predict(X)[clear])


@pytest.mark.parametrize("name", ALL_SETS)
@pytest.mark.parametrize("model", ["BernoulliNB", "CategoricalNB", "ComplementNB", "MultinomialNB"])
def test_counts(name, model):
    X, y = load_numbers(name)
    X = np.round(10 * (X - X.min(axis=0)) / np.maximum(np.ptp(X, axis=0), 1e-9))
    mine, theirs = getattr(room, model)().fit(X, y), getattr(reference, model)().fit(X, y)
    assert_allclose(mine.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", TABLES)
def test_mixed_takes_every_table_as_it_is(name):
    frame, y = load_frame(name)
    model = room.MixedNB(var_smoothing=1e-3).fit(frame, y)
    majority = np.unique(y, return_counts=True)[1].max() / len(y)
    assert model.score(frame, y) > majority - 0.1
    assert np.isfinite(model.predict_proba(frame)).all()
