"""A family fit is the same fits done together."""

from itertools import pairwise

import numpy as np
import pytest

from skdl.base import fit_family, fit_one_by_one
from tests.common.table import for_each_row
from tests.common.tools import assert_same_outputs, outputs, samples


def _splits(n: int):
    """Training rows of unequal number, out of order, overlapping."""
    rows = np.random.default_rng(2).permutation(n)
    return [rows[: n // 2], np.sort(rows[n // 4 :]), rows[: (3 * n) // 4][::-1]]


def _members(fit, row, X, y, **options):
    members = {}
    for candidate, split, fitted in fit(row.make(), X, y, candidates=row.candidates, splits=_splits(len(X)), **options):
        assert (candidate, split) not in members
        members[candidate, split] = fitted
    return members


def _assert_same_members(row, X, y, **options):
    together = _members(fit_family, row, X, y, **options)
    alone = _members(fit_one_by_one, row, X, y, **options)
    assert together.keys() == alone.keys()
    assert len(alone) == 3 * len(row.candidates)
    for member, fitted in together.items():
        assert type(fitted) is row.cls
        assert str(fitted.get_params()) == str(alone[member].get_params())
        assert fitted.n_features_in_ == X.shape[1]
        assert_same_outputs(outputs(fitted, X), outputs(alone[member], X), row.family_tolerance)


@for_each_row()
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_members_are_what_single_fits_give(row, dtype):
    X, y = samples(row)
    _assert_same_members(row, X.astype(dtype), y)


@for_each_row(lambda row: row.kind == "classifier")
def test_members_with_string_labels_and_a_class_that_a_split_lacks(row):
    X, y = samples(row)
    labels = np.array(["low", "high", "high", "rare"])[y]
    labels[_splits(len(X))[1][:2]] = "rare"
    labels[_splits(len(X))[0]] = np.array(["low", "high", "high"])[y[_splits(len(X))[0]]]
    _assert_same_members(row, X, labels)


@for_each_row(lambda row: row.takes_weights)
def test_members_with_weights(row):
    X, y = samples(row)
    weight = np.random.default_rng(3).integers(1, 4, len(X)).astype(float)
    _assert_same_members(row, X, y, sample_weight=weight)


@for_each_row()
def test_members_are_free_of_each_other(row):
    X, y = samples(row)
    members = _members(fit_family, row, X, y)
    before = outputs(members[0, 0], X)
    for member, fitted in members.items():
        if member != (0, 0):
            fitted.fit(X * 2 + 1, y)
    assert_same_outputs(outputs(members[0, 0], X), before)


@for_each_row()
def test_a_family_leaves_the_estimator_alone(row):
    X, y = samples(row)
    estimator = row.make()
    list(fit_family(estimator, X, y, candidates=row.candidates, splits=_splits(len(X))))
    assert not [name for name in vars(estimator) if name.endswith("_")]
    assert str(estimator.get_params()) == str(row.make().get_params())


@for_each_row()
def test_the_candidates_of_the_table_differ(row):
    assert len(row.candidates) > 1
    X, y = samples(row)
    said = [outputs(row.make(**candidate).fit(X, y), X) for candidate in row.candidates]
    assert any(
        first[method].shape != other[method].shape or not np.array_equal(first[method], other[method])
        for first, other in pairwise(said)
        for method in first
    )
