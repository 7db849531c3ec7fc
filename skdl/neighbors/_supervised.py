"""What the k-neighbors classifier and regressor share: the neighborhood of a query, by count or by weight."""

import math
from functools import partial

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skdl.neighbors._base import NeighborsBase
from skdl.neighbors._votes import neighbor_weights

# How far, relatively, a sum of weights may be off the number that it stands for.
_ROUNDING = 1e-9


class SupervisedNeighbors(NeighborsBase):
    """k-neighbors prediction.

    A row of weight w counts as w equal rows: the nearest rows are collected until their weights add up to
    ``n_neighbors``, and the last one counts with what was missing. So a whole weight is the same as repeating the row,
    a weight of zero the same as leaving it out, and fractions lie between.
    """

    def _keep_weight(self, weight) -> None:
        """Remember the row weights, or that there are none."""
        plain = weight is None or bool((weight == weight[0]).all() and weight[0] == 1)
        self._row_weight = None if plain else weight

    def _neighborhood(self, X):
        """Indices and weights (None: all alike) of the neighbors that decide for each query."""
        check_is_fitted(self)
        if X is not None and not self._has_checked(X):
            X = self._validate_queries(X)
        if self._row_weight is None:
            k = self._check_n_neighbors(None, self.n_samples_fit_ if X is None else X.shape[0], X is None)
            distances, indices = self._search_others(k) if X is None else self._search(X, k)
            return indices, neighbor_weights(distances, self.weights)
        distances, indices, mass = self._weighted_neighborhood(X)
        return indices, neighbor_weights(distances, self.weights, mass)

    def _has_checked(self, X) -> bool:
        """Whether a sibling has validated these very queries."""
        shared = self._device_cache.get("shared", lambda: None)
        return shared is not None and shared.has_checked(X)

    def _classes_among_siblings(self, X, n_classes):
        """The number of each query's class, votes counted for all siblings at once; None where that is not done."""
        check_is_fitted(self)
        shared = self._device_cache.get("shared", lambda: None)
        plain = self.weights is None or isinstance(self.weights, str)
        if shared is None or X is None or self._row_weight is not None or not plain:
            return None
        if not shared.has_checked(X):
            X = self._validate_queries(X)
        if sp.issparse(X):
            return None
        k = self._check_n_neighbors(None, X.shape[0], False)
        search = partial(self._search_alone, X)
        return shared.classify(X, k, self.weights, self._n_found, search, self._y, n_classes)

    def _weighted_neighborhood(self, X):
        weight, k = np.asarray(self._row_weight), float(self.n_neighbors)
        own = X is None
        total = weight.sum() - own
        if total < k * (1 - _ROUNDING):
            raise ValueError(
                f"Expected n_neighbors <= the sum of the weights, but n_neighbors = {self.n_neighbors} and the weights "
                f"(sample_weight times class_weight) sum to {total:g}. A weight counts how often a row is present: "
                "multiply all weights by a constant, or lower n_neighbors."
            )
        queries = self._fit_X if own else X
        m, n_found = queries.shape[0], self._n_found
        found: list = [None] * m
        pending = np.arange(m)
        width = min(n_found, math.ceil(1.25 * k * n_found / weight.sum()) + 1)
        while len(pending):
            distances, indices = self._search(queries[pending], width)
            available = weight[indices]
            if own:
                # One of the copies that the query's row stands for is the query itself.
                available = np.where(indices == pending[:, None], np.maximum(available - 1, 0), available)
            reached = np.cumsum(available, axis=1)
            before = np.hstack([np.zeros((len(pending), 1)), reached[:, :-1]])
            missing = np.where(k - before < _ROUNDING * k, 0.0, k - before)
            mass = np.minimum(missing, available)
            done = (reached[:, -1] >= k * (1 - _ROUNDING)) | (width == n_found)
            for place in np.flatnonzero(done):
                used = int(np.count_nonzero(missing[place]))
                found[pending[place]] = (distances[place, :used], indices[place, :used], mass[place, :used])
            pending = pending[~done]
            width = min(n_found, 2 * width)
        return _padded(found)


def _padded(found: list):
    """Stack rows of unequal length; the last neighbor is repeated with no mass."""
    longest = max(len(row[0]) for row in found)
    distances, mass = np.empty((len(found), longest)), np.zeros((len(found), longest))
    indices = np.empty((len(found), longest), dtype=np.int64)
    for place, (distance, index, share) in enumerate(found):
        used = len(distance)
        distances[place, :used], distances[place, used:] = distance, distance[-1]
        indices[place, :used], indices[place, used:] = index, index[-1]
        mass[place, :used] = share
    return distances, indices, mass
