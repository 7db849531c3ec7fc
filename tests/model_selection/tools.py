"""What the tests of this room share."""

import time
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.datasets import make_classification


def table(n=180):
    """Return X of shape (n, 6) and y of three classes that overlap."""
    return make_classification(n, 6, n_informative=4, n_classes=3, flip_y=0.2, random_state=0)


def assert_same_results(actual, expected):
    """Compare two ``cv_results_`` bit by bit, but for times."""
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        if name == "params":
            assert [str(params) for params in actual[name]] == [str(params) for params in value]
        elif "_time" not in name:
            np.testing.assert_array_equal(np.ma.getmaskarray(actual[name]), np.ma.getmaskarray(value), name)
            shown = np.ma.getmaskarray(value)
            pairs = zip(np.ma.getdata(actual[name])[~shown], np.ma.getdata(value)[~shown], strict=True)
            assert all(one == other or str(one) == str(other) for one, other in pairs), name


class FamilyOfStumps(ClassifierMixin, BaseEstimator):
    """Asks ``depth`` times whether features are positive; its family fit fails where a member does."""

    def __init__(self, depth=1, most_members=1000, seconds=0.0):
        self.depth = depth
        self.most_members = most_members
        self.seconds = seconds

    def fit(self, X, y):
        if self.depth < 0:
            raise ValueError("a depth is negative")
        self.classes_, counts = np.unique(y, return_counts=True)
        codes = self._codes(X)
        shares = np.zeros((2**self.depth, len(self.classes_)))
        np.add.at(shares, (codes, np.searchsorted(self.classes_, y)), 1.0)
        self.shares_ = shares + 1e-3 * counts
        self.history_ = [{"depth": self.depth}]
        return self

    def _codes(self, X):
        return (np.asarray(X)[:, : self.depth] > 0) @ (1 << np.arange(self.depth))

    def predict(self, X):
        return self.classes_[self.shares_[self._codes(X)].argmax(axis=1)]

    def _fit_family(self, X, y, *, candidates, splits, sample_weight=None):
        members = [clone(self).set_params(**candidate) for candidate in candidates]
        if len(candidates) * len(splits) > min(member.most_members for member in members):
            raise MemoryError
        time.sleep(max(member.seconds for member in members))
        if min(member.depth for member in members) < 0:
            raise ValueError("a depth is negative")
        for candidate, member in enumerate(members):
            for split, rows in enumerate(splits):
                yield candidate, split, clone(member).fit(X[rows], y[rows])


class CountingScaler(TransformerMixin, BaseEstimator):
    """Divides by ``by``, and writes down each fit."""

    fits: ClassVar[list] = []

    def __init__(self, by=1.0):
        self.by = by

    def fit(self, X, y=None):
        self.fits.append(self.by)
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X / self.by
