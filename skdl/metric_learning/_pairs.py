"""Pairs of rows that are known to belong together or apart, given or drawn from labels."""

from typing import Any

import numpy as np

from skdl.metric_learning._base import check_indices
from skdl.metric_learning._descent import MatrixLearner
from skdl.utils import derive_keys, random_uniform, to_host, validate_sample_weight


class PairLearner(MatrixLearner):
    """A learner of a matrix from pairs; it implements ``_learn_pairs``."""

    def fit_pairs(self, X, pairs, together, sample_weight=None):
        """Learn the metric from pairs of rows.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The rows.
        pairs : array-like of int of shape (n_pairs, 2)
            The row numbers of each pair.
        together : array-like of shape (n_pairs,)
            True or 1 where the two rows belong together; False, 0 or -1 where they belong apart.
        sample_weight : array-like of shape (n_pairs,), default=None
            How often each pair counts; None counts each once.

        Returns
        -------
        self
        """
        X, _, _ = self._begin(X, target=False)
        pairs, together, weight = check_pairs(type(self).__name__, pairs, together, sample_weight, len(X))
        return self._finish(self._learn_pairs(X, pairs, together, weight))

    def _learn_pairs(self, X: np.ndarray, pairs, together, weight) -> dict[str, Any]:
        """Return the fitted attributes."""
        raise AssertionError("a learner implements this")  # pragma: no cover


def check_pairs(owner: str, pairs, together, sample_weight, n_rows: int):
    """Return pairs of row numbers, whether each belongs together, and weights; without pairs of weight zero."""
    # (n, 2), (n,), (n,)
    pairs = check_indices(owner, "pairs", pairs, 2, n_rows)
    together = np.asarray(to_host(together))
    if together.shape != (len(pairs),) or not np.isin(together, (-1, 0, 1)).all():
        raise ValueError(
            f"together must hold, for each of the {len(pairs)} pairs, True or 1 where its rows belong together, and "
            f"False, 0 or -1 where they do not; got dtype {together.dtype} and shape {together.shape}."
        )
    weight = validate_sample_weight(sample_weight, len(pairs))
    weight = np.ones(len(pairs)) if weight is None else weight
    kept = weight > 0
    pairs, together, weight = pairs[kept], together[kept] == 1, weight[kept]
    if together.all() or not together.any():
        raise ValueError(
            f"{owner} needs pairs of both kinds, and all {len(pairs)} belong "
            + ("together." if together.any() else "apart.")
        )
    return pairs, together, weight


def draw_pairs(owner: str, y: np.ndarray, n_each: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of rows from labels: ``n_each`` of one class, and as many of two, with replacement.

    Returns
    -------
    pairs : ndarray of shape (2 n_each, 2)
    together : ndarray of shape (2 n_each,), dtype bool
    """
    n, counts = len(y), np.bincount(y)
    if counts.max() < 2 or len(counts) < 2:
        lacking = "two classes" if len(counts) < 2 else "a class with two rows"
        raise ValueError(f"{owner} draws pairs from labels, for which it needs {lacking}. Add rows of other labels.")
    order = np.argsort(y, kind="stable")
    starts = np.cumsum(counts) - counts
    draws = (
        random_uniform(derive_keys(seed, "metric_learning.pairs", np.arange(4)), n_each).double().numpy()
    )  # (4, n_each)
    # In the order of classes, a partner is so many places further on, around the class or around the rest.
    anchors = np.flatnonzero(counts[y[order]] > 1)
    first = anchors[(draws[0] * len(anchors)).astype(np.int64)]
    own = y[order[first]]
    step = 1 + (draws[1] * (counts[own] - 1)).astype(np.int64)
    second = starts[own] + (first - starts[own] + step) % counts[own]
    other = (draws[2] * n).astype(np.int64)
    own = y[order[other]]
    far = (starts[own] + counts[own] + (draws[3] * (n - counts[own])).astype(np.int64)) % n
    pairs = np.concatenate([np.c_[order[first], order[second]], np.c_[order[other], order[far]]])
    return pairs, np.repeat([True, False], n_each)
