"""The compiled loop of :mod:`skdl.kernels.moments`: one pass over rows that stand in cache."""

import numpy as np
from numba import njit


def add(X, codes, weight, shift, scale, count, total, squares):
    """Add the counts of the rows, and of their scaled deviations from the shift and of the squares, to their classes.

    Parameters
    ----------
    X : ndarray of shape (m, d), float32 or float64, contiguous
    codes : ndarray of shape (m,), int64
    weight : ndarray of shape (m,), float64, or None
    shift : ndarray of shape (C, d), float64
    scale : float
    count : ndarray of shape (C, 1), float64
    total, squares : ndarray of shape (C, d), float64
    """
    if weight is None:
        _add_rows(X, codes, shift, scale, count, total, squares)
    else:
        _add_weighted_rows(X, codes, weight, shift, scale, count, total, squares)


@njit(cache=True, nogil=True, error_model="numpy")
def _add_rows(X, codes, shift, scale, count, total, squares):
    m, d = X.shape
    for i in range(m):
        c = codes[i]
        count[c, 0] += 1.0
        row, origin, sums, sums_of_squares = X[i], shift[c], total[c], squares[c]
        for j in range(d):
            deviation = (np.float64(row[j]) - origin[j]) * scale
            sums[j] += deviation
            sums_of_squares[j] += deviation * deviation


@njit(cache=True, nogil=True, error_model="numpy")
def _add_weighted_rows(X, codes, weight, shift, scale, count, total, squares):
    m, d = X.shape
    for i in range(m):
        c = codes[i]
        w = weight[i]
        count[c, 0] += w
        row, origin, sums, sums_of_squares = X[i], shift[c], total[c], squares[c]
        for j in range(d):
            deviation = (np.float64(row[j]) - origin[j]) * scale
            sums[j] += w * deviation
            sums_of_squares[j] += w * deviation * deviation
