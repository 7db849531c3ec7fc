"""The compiled loops of :mod:`skdl.kernels.warping`."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def aligned_distance(a, b, row, least_of_interest):
    """The sum of squared differences along the best alignment of two series, or inf where it is no less than asked for.

    Parameters
    ----------
    a, b : ndarray of shape (T, c)
        Steps of one series may be aligned with several of the other, in order.
    row : ndarray of shape (T + 1,), float64
        Scratch.
    least_of_interest : float
        Distances from here on need not be known.
    """
    row[:] = np.inf
    row[0] = 0.0
    for i in range(len(a)):
        diagonal, row[0] = row[0], np.inf
        least = np.inf
        for j in range(len(b)):
            difference = 0.0
            for channel in range(a.shape[1]):
                difference += (a[i, channel] - b[j, channel]) ** 2
            before = min(diagonal, row[j], row[j + 1])
            diagonal, row[j + 1] = row[j + 1], difference + before
            least = min(least, row[j + 1])
        if least >= least_of_interest:
            return np.inf
    return row[-1]


@njit(cache=True, nogil=True)
def nearest_others(X, aligned):
    """Return which other series is the nearest of each, the first of several, ``(m,)``.

    Parameters
    ----------
    X : ndarray of shape (m, T, c), float64
    aligned : bool
        Whether by the best alignment, or step by step.
    """
    found = np.zeros(len(X), np.int64)
    best = np.full(len(X), np.inf)
    row = np.empty(X.shape[1] + 1)
    for i in range(len(X)):
        for j in range(i + 1, len(X)):
            if aligned:
                distance = aligned_distance(X[i], X[j], row, max(best[i], best[j]))
            else:
                distance = ((X[i] - X[j]) ** 2).sum()
            # Others come in the order of their numbers, for either of the two.
            for own, other in ((i, j), (j, i)):
                if distance < best[own]:
                    best[own], found[own] = distance, other
    return found
