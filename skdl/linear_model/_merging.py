"""Equal samples merged into one of their total weight, in an order that depends on what they are."""

import numpy as np
import scipy.sparse as sp

from skdl.utils import derive_keys


def _mixed(values: np.ndarray) -> np.ndarray:
    """Hash float64 values one by one; zero, of either sign, gives zero."""
    z = np.where(values == 0.0, 0.0, values).view(np.uint64)
    z = (z ^ (z >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return z ^ (z >> np.uint64(29))


def _row_hashes(X, codes: np.ndarray) -> np.ndarray:
    n, d = X.shape
    # Odd multipliers keep every bit of a value.
    factors = derive_keys(np.zeros(d, dtype=np.int64), "columns", np.arange(d)).view(np.uint64) | np.uint64(1)
    hashes = codes.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    if sp.issparse(X):
        terms = _mixed(X.data) * factors[X.indices]
        np.add.at(hashes, np.repeat(np.arange(n), np.diff(X.indptr)), terms)
    else:
        for start in range(0, n, step := max(1, (1 << 18) // d)):
            hashes[start : start + step] += (_mixed(X[start : start + step]) * factors).sum(axis=1, dtype=np.uint64)
    hashes ^= hashes >> np.uint64(31)
    hashes *= np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(30))


def merge_equal_rows(X, codes: np.ndarray, weight: np.ndarray | None):
    """Merge samples of equal columns and class, and sort them by a hash of both.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d), float64
        The samples.
    codes : ndarray of shape (n,)
        Their classes.
    weight : ndarray of shape (n,) or None
        Their weights; samples of weight zero are left out.

    Returns
    -------
    X, codes, weight
        Of the merged samples.
    """
    weight = np.ones(len(codes)) if weight is None else weight
    rows = np.flatnonzero(weight > 0)
    hashes = _row_hashes(X, codes)[rows]
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    return X[rows[first]], codes[rows[first]], np.bincount(group.ravel(), weights=weight[rows])
