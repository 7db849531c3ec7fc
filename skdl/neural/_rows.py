"""Which rows a network trains on: without weightless ones, split for early stopping, equal ones merged."""

import numpy as np

from skdl.utils import derive_keys, random_permutation

# (X, target, weight)
Rows = tuple[np.ndarray, np.ndarray, np.ndarray | None]


def drop_weightless(X, target, weight) -> Rows:
    """Leave out the rows of weight zero, which must not matter for scales, splits or batches."""
    if weight is None or weight.all():
        return X, target, weight
    kept = weight > 0
    if not kept.any():
        raise ValueError("All sample weights are zero, sample_weight times class_weight: no row is left to learn from.")
    return X[kept], target[kept], weight[kept]


def split_validation(X, target, weight, fraction: float, strata: np.ndarray | None, seed: int) -> tuple[Rows, Rows]:
    """Choose validation rows at random, the same fraction of each stratum.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
    target : ndarray of shape (n,) or (n, n_outputs)
    weight : ndarray of shape (n,) or None
    fraction : float
        The part to choose; rounded to whole rows in each stratum.
    strata : ndarray of int of shape (n,) or None
        The class of each row.
    seed : int
        Decides the choice.

    Returns
    -------
    train, valid : tuple of (X, target, weight)
        The rows in their old order.

    Raises
    ------
    ValueError
        If there are too few rows to choose any, or to leave any.
    """
    n = len(X)
    order = random_permutation(derive_keys(seed, "validation"), n)[0].numpy()
    groups = np.zeros(n, dtype=np.int64) if strata is None else strata
    by_group = order[np.argsort(groups[order], kind="stable")]  # shuffled within each stratum
    counts = np.bincount(groups)
    rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    wanted = np.minimum(np.floor(fraction * counts + 0.5), np.maximum(counts - 1, 0))  # each stratum keeps a row
    chosen = rank < np.repeat(wanted, counts)
    valid, train = np.sort(by_group[chosen]), np.sort(by_group[~chosen])
    if not len(valid):
        raise ValueError(
            f"validation_fraction={fraction} of {n} samples leaves no validation sample. "
            "Raise it, or set early_stopping=False."
        )

    def take(rows: np.ndarray) -> Rows:
        return X[rows], target[rows], None if weight is None else weight[rows]

    return take(train), take(valid)


def merge_equal_rows(X, target, weight, batch_size: int) -> Rows:
    """Merge equal rows into one that carries their weight, where a batch holds all rows that differ.

    Training is then gradient descent on the whole training set, in which neither the order of the rows nor repetition
    as against weight has a meaning; sorted and merged, they have no effect on rounding either. Larger sets come back as
    they are.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
    target : ndarray of shape (n,) or (n, n_outputs)
    weight : ndarray of shape (n,) or None
    batch_size : int

    Returns
    -------
    X, target, weight
    """
    n = len(X)
    # Most sets show in their first rows that they do not fit in a batch.
    head = min(n, 4 * batch_size)
    if n > head and len(_distinct(X[:head], target[:head])[0]) > batch_size:
        return X, target, weight
    first, inverse = _distinct(X, target)
    if len(first) > batch_size:
        return X, target, weight
    if weight is None and len(first) == n:
        return X[first], target[first], None
    merged = np.bincount(inverse, weights=weight, minlength=len(first)).astype(np.float64)
    if (merged == merged[0]).all():
        return X[first], target[first], None
    return X[first], target[first], merged


def _distinct(X, target):
    """The first row of each distinct (x, y), sorted by value, and which of them each row equals."""
    table = np.column_stack([X.reshape(len(X), -1), target]).astype(np.float64, copy=False)
    table[np.isnan(table)] = np.inf  # NaN equals nothing and has no place in an order; infinities do not come here
    _, first, inverse = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return first, inverse.ravel()


def even_choice(n: int, most: int) -> np.ndarray:
    """Return the positions of all of ``n`` rows, or of ``most`` that lie evenly apart."""
    m = min(n, most)
    return np.arange(m) * n // m
