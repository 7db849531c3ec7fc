"""Siblings that ask the same questions: one search serves every number of neighbors and every weighting."""

import threading
from collections.abc import Callable

import numpy as np

# Parameters that do not change which rows are near.
_FREE = ("n_neighbors", "weights", "radius", "verbose")
# Training rows and test rows, as a search with training scores asks.
_REMEMBERED = 2


class SharedSearch:
    """Answers of the last queries, for the largest number of neighbors in the family.

    Parameters
    ----------
    n_neighbors : int
        The largest number of neighbors that a sibling asks for.
    """

    def __init__(self, n_neighbors: int):
        self.n_neighbors = n_neighbors
        self._answers: list = []
        self._lock = threading.Lock()

    def search(self, queries, k: int, available: int, compute: Callable):
        """Return the k nearest of each query, from memory where the same was asked before.

        Parameters
        ----------
        queries : ndarray of shape (m, d) or None
            The queries; None for the fitted rows.
        k : int
            How many neighbors.
        available : int
            How many there are.
        compute : callable
            Takes a number of neighbors and returns distances and indices.

        Returns
        -------
        distances, indices : ndarray of shape (m, k)
            Copies that the caller may change.
        """
        with self._lock:
            for asked, distances, indices in self._answers:
                same = (
                    asked is queries
                    if queries is None or asked is None
                    else np.array_equal(asked, queries, equal_nan=True)
                )
                if same and distances.shape[1] >= k:
                    return distances[:, :k].copy(), indices[:, :k].copy()
            distances, indices = compute(min(available, max(k, self.n_neighbors + (queries is None))))
            asked = None if queries is None else queries.copy()
            self._answers = [(asked, distances, indices), *self._answers[: _REMEMBERED - 1]]
            return distances[:, :k].copy(), indices[:, :k].copy()


def _are_equal(left, right) -> bool:
    if left is None or right is None:
        return left is right
    return np.array_equal(left, right, equal_nan=True)


def same_search(left: dict, right: dict) -> bool:
    """Whether two candidates differ in nothing that changes which rows are near."""
    left, right = ({name: value for name, value in one.items() if name not in _FREE} for one in (left, right))
    return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)


def _same(left, right) -> bool:
    plain = (str, int, float, bool, type(None))
    return left is right or (type(left) is type(right) and isinstance(left, plain) and left == right)
