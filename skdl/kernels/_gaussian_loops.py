"""The compiled loop of :mod:`skdl.kernels.gaussian`: the best class of each row, and how sure that is."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def best_classes(jll, rounding, classes, certain):
    """Find the first largest entry of each column of each sibling's block.

    Parameters
    ----------
    jll : ndarray of shape (S, C, m), float64
    rounding : ndarray of shape (m,), float64
        How far two entries of a column must be apart for their order to be certain.
    classes : ndarray of int of shape (S, m)
        Is filled.
    certain : ndarray of bool of shape (S,)
        Becomes False for siblings of which an order is not certain.
    """
    n_siblings, n_classes, m = jll.shape
    best, second = np.empty(m), np.empty(m)
    place = np.empty(m, dtype=np.int64)  # as wide as the entries, so that choosing compiles to vector instructions
    for s in range(n_siblings):
        for j in range(m):
            best[j] = jll[s, 0, j]
            second[j] = -np.inf
            place[j] = 0
        for c in range(1, n_classes):
            row = jll[s, c]
            for j in range(m):
                value, top = row[j], best[j]
                larger = value > top
                beaten = top if larger else value
                second[j] = beaten if beaten > second[j] else second[j]
                place[j] = c if larger else place[j]
                best[j] = value if larger else top
        n_sure = 0
        for j in range(m):
            n_sure += best[j] - second[j] > rounding[j]
        if n_sure < m:
            certain[s] = False
        for j in range(m):
            classes[s, j] = place[j]
