"""The compiled loops of :mod:`skdl.kernels.counts` over the rows of a CSR matrix."""

import numpy as np
from numba import njit

# Places are unsigned below: of a signed one the compiled code asks each time whether it counts from the end.


@njit(cache=True, nogil=True)
def add(data, indices, indptr, codes, weight, total):
    """Add each row, times its weight, to the sums of its class.

    Parameters
    ----------
    data, indices : ndarray of shape (nnz,)
    indptr : ndarray of shape (m + 1,)
    codes : ndarray of shape (m,), int64
    weight : ndarray of shape (m,), float64
    total : ndarray of shape (C, d), float64
    """
    for i in range(len(codes)):
        sums = total[codes[i]]
        w = weight[i]
        for place in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
            sums[np.uint64(indices[place])] += w * data[place]


@njit(cache=True, nogil=True)
def score(data, indices, indptr, by_column, constant, result):
    """Write ``row @ by_column + constant`` for each row.

    Parameters
    ----------
    data, indices : ndarray of shape (nnz,)
    indptr : ndarray of shape (m + 1,)
    by_column : ndarray of shape (d, C), float64
    constant : ndarray of shape (C,), float64
    result : ndarray of shape (m, C), float64
    """
    n_classes = len(constant)
    for i in range(len(result)):
        for c in range(n_classes):
            result[i, c] = constant[c]
        for place in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
            value = data[place]
            column = by_column[np.uint64(indices[place])]
            for c in range(n_classes):
                result[i, c] += value * column[c]
