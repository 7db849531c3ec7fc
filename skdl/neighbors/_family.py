"""Siblings that ask the same questions: one search serves every number of neighbors and every weighting."""

import numbers
import threading
from collections.abc import Callable

import numpy as np

from skdl.neighbors._votes import neighbor_weights
from skdl.utils import Answers

# Parameters that do not change which rows are near.
_FREE = ("n_neighbors", "weights", "radius", "verbose")


class SharedSearch:
    """Answers of the last queries, for the largest number of neighbors in the family.

    Parameters
    ----------
    candidates : list of (object, object)
        The number of neighbors and the weighting of each sibling; what is no such number fails elsewhere.
    """

    def __init__(self, candidates: list):
        self.candidates = [
            (int(k), weights) for k, weights in candidates if isinstance(k, numbers.Integral) and int(k) > 0
        ]
        self.n_neighbors = max([1, *(k for k, _ in self.candidates)])
        self._answers = Answers()
        self._lock = threading.RLock()

    def has_checked(self, queries) -> bool:
        """Return whether these very queries have been validated, and cannot have changed since."""
        return self._answers.has_seen(queries)

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
            answer = self._answer(queries, k, available, compute)
            return answer.distances[:, :k].copy(), answer.indices[:, :k].copy()

    def classify(self, queries, k: int, weights, available: int, compute: Callable, codes, n_classes: int):
        """Return the class that gets most votes of the k nearest of each query, those of all siblings counted at once.

        Parameters
        ----------
        queries, k, available, compute : as in :meth:`search`
        weights : {"uniform", "distance"} or None
            The weighting.
        codes : ndarray of shape (n,), dtype int64
            The class of each fitted row.
        n_classes : int
            How many classes.

        Returns
        -------
        ndarray of int of shape (m,)
        """
        kind = weights or "uniform"
        with self._lock:
            answer = self._answer(queries, k, available, compute)
            if (kind, k) not in answer.classes:
                asked = {n for n, w in self.candidates if (w or "uniform") == kind and n <= answer.distances.shape[1]}
                answer.classes.update(answer.count(kind, sorted({k, *asked}), codes, n_classes))
            return answer.classes[kind, k]

    def _answer(self, queries, k, available, compute) -> "_Answer":
        answer = self._answers.find(queries, lambda answer: answer.distances.shape[1] >= k)
        if answer is None:
            found = compute(min(available, max(k, self.n_neighbors + (queries is None))))
            answer = self._answers.add(queries, _Answer(*found))
        return answer


class _Answer:
    """The neighbors of some queries, and the classes that siblings give them."""

    def __init__(self, distances, indices):
        self.distances = distances
        self.indices = indices
        self.classes: dict[tuple[str, int], np.ndarray] = {}

    def count(self, kind: str, numbers_of_neighbors: list[int], codes, n_classes: int) -> dict:
        """The classes for some numbers of neighbors, of which the larger goes on where the smaller has stopped.

        Votes are added from the nearest to the farthest, as in :func:`skdl.neighbors._votes.shares`: the same bits.
        """
        m, most = len(self.indices), numbers_of_neighbors[-1]
        weights = neighbor_weights(self.distances[:, :most], kind)
        cells = (codes[self.indices[:, :most]] + np.arange(m)[:, None] * n_classes).T.copy()  # (most, m)
        columns = None if weights is None else weights.T.copy()
        votes = np.zeros((m, n_classes))
        flat = votes.reshape(-1)
        classes = {}
        counted = 0
        for k in numbers_of_neighbors:
            for place in range(counted, k):
                flat[cells[place]] += 1.0 if columns is None else columns[place]
            counted = k
            share = votes / votes.sum(axis=1, keepdims=True)
            classes[kind, k] = share.argmax(axis=1).astype(np.min_scalar_type(n_classes))
        return classes


def same_search(left: dict, right: dict) -> bool:
    """Whether two candidates differ in nothing that changes which rows are near."""
    left, right = ({name: value for name, value in one.items() if name not in _FREE} for one in (left, right))
    return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)


def _same(left, right) -> bool:
    plain = (str, int, float, bool, type(None))
    return left is right or (type(left) is type(right) and isinstance(left, plain) and left == right)
