"""One split of the data, as an estimator fitted on it and a scorer see it."""

from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils import get_tags, indexable

from skdl.model_selection._inherited import rows_of
from skdl.utils import freeze

__all__ = ["Fold", "as_rows", "count_rows", "take_metadata"]


def count_rows(X) -> int:
    """Return the number of samples of anything that can be indexed."""
    if hasattr(X, "shape"):
        return X.shape[0]
    return len(X) if hasattr(X, "__len__") else len(np.asarray(X))


def as_rows(indices) -> np.ndarray:
    """Return the indices of a splitter as numbers of rows; some splitters give masks."""
    indices = np.asarray(indices)
    return np.flatnonzero(indices) if indices.dtype == bool else indices


def take_metadata(X, metadata: dict[str, Any], rows=None) -> dict[str, Any]:
    """Take the rows of what belongs to the samples of X, and leave the rest as it is.

    Parameters
    ----------
    X : indexable
        All the samples.
    metadata : dict of str to object
        Sample weights, groups, options, ...
    rows : ndarray of int or None, default=None
        The rows; None for all of them.

    Returns
    -------
    dict of str to object
        The same names.
    """
    taken = {}
    for name, value in metadata.items():
        if _has_rows(value) and count_rows(value) == count_rows(X):
            (value,) = indexable(value)
            value = value if rows is None else rows_of(value, rows)
        taken[name] = value
    return taken


def _has_rows(value) -> bool:
    if isinstance(value, (str, bytes, dict, type)):
        return False
    return bool(value.shape) if hasattr(value, "shape") else hasattr(value, "__len__")


class Fold:
    """The training and test samples of one split; slices are made on first use and then kept.

    Parameters
    ----------
    estimator : estimator
        Says by its tags whether X is a square matrix between samples, of which columns are taken too.
    X : indexable
        All the samples.
    y : indexable or None
        All the targets.
    train, test : ndarray of int
        Rows.
    frozen : bool, default=False
        Whether slices are arrays that cannot be written to, so that siblings that are asked about them one after the
        other need not look whether they are the same.
    """

    def __init__(self, estimator, X, y, train, test, *, frozen=False):
        self.estimator = estimator
        self.X = X
        self.y = y
        self.train = train
        self.test = test
        self.frozen = frozen

    @cached_property
    def training(self) -> tuple:
        """The X and y to be fitted on."""
        return self._take(self.train)

    @cached_property
    def testing(self) -> tuple:
        """The X and y to be scored on."""
        return self._take(self.test)

    def _take(self, rows):
        X = self.X
        y = None if self.y is None else rows_of(self.y, rows)
        if not get_tags(self.estimator).input_tags.pairwise:
            X = rows_of(X, rows)
            if self.frozen:
                freeze(X)
            return X, y
        if not hasattr(X, "shape"):
            raise ValueError("Precomputed kernels or affinity matrices have to be passed as arrays or sparse matrices.")
        if X.shape[0] != X.shape[1]:
            raise ValueError(f"X should be a square kernel matrix, got shape {X.shape}.")
        return X[np.ix_(rows, self.train)], y
