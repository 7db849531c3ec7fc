"""Bregman projections onto bounds on distances: information-theoretic metric learning."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def project(M, away, signs, bounds, gamma, max_iter, tol):
    """Cycle through the constraints, projecting the matrix onto each, until the multipliers settle.

    Parameters
    ----------
    M : ndarray of shape (d, d)
        The matrix to begin with; overwritten.
    away : ndarray of shape (n, d)
        The differences of the pairs.
    signs : ndarray of shape (n,)
        1 where the squared distance is to be at most the bound, -1 where at least.
    bounds : ndarray of shape (n,)
        Bounds on the squared distances; overwritten with those that slack has moved.
    gamma : ndarray of shape (n,)
        How dear slack is, for each pair.
    max_iter : int
        The largest number of passes.
    tol : float
        The multipliers have settled when, in sum, they change by less than this part of them in a pass.

    Returns
    -------
    n_iter : int
        Passes made.
    """
    n, d = away.shape
    multipliers = np.zeros(n)
    product = np.empty(d)
    passes = 0
    for _ in range(max_iter):
        passes += 1
        change, size = 0.0, 0.0
        for i in range(n):
            square = 0.0
            for f in range(d):
                total = 0.0
                for g in range(d):
                    total += M[f, g] * away[i, g]
                product[f] = total
                square += total * away[i, f]
            if square <= 0.0:
                continue
            # So much that the new distance is the new bound: 1 / square - a = 1 / bound + a / gamma with signed a.
            dear = gamma[i]
            alpha = min(multipliers[i], signs[i] * dear / (dear + 1.0) * (1.0 / square - 1.0 / bounds[i]))
            beta = signs[i] * alpha / (1.0 - signs[i] * alpha * square)
            bounds[i] = dear * bounds[i] / (dear + signs[i] * alpha * bounds[i])
            multipliers[i] -= alpha
            change += abs(alpha)
            size += multipliers[i]
            for f in range(d):
                scaled = beta * product[f]
                for g in range(d):
                    M[f, g] += scaled * product[g]
        if change <= tol * size:
            break
    return passes
