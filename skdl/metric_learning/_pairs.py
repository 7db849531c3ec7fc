"""Pairs of rows that are known to belong together or apart, given or drawn from labels."""

import numpy as np

from skdl.metric_learning._base import check_indices
from skdl.utils import derive_keys, random_uniform, to_host


def check_pairs(owner: str, pairs, together, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of row numbers, and whether each belongs together."""  # (n, 2), (n,)
    pairs = check_indices(owner, "pairs", pairs, 2, n_rows)
    together = np.asarray(to_host(together))
    if together.shape != (len(pairs),) or not np.isin(together, (-1, 0, 1)).all():
        raise ValueError(
            f"together must hold, for each of the {len(pairs)} pairs, True or 1 where its rows belong together, and "
            f"False, 0 or -1 where they do not; got dtype {together.dtype} and shape {together.shape}."
        )
    together = together == 1
    if together.all() or not together.any():
        raise ValueError(
            f"{owner} needs pairs of both kinds, and all {len(pairs)} belong "
            + ("together." if together.any() else "apart.")
        )
    return pairs, together


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
