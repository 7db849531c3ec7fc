"""The compiled loops of :mod:`skdl.kernels.gaussian`: likelihoods, the best class of each row, and how sure that is."""

import numpy as np
from numba import njit

from skdl.kernels._turned_loops import four_levels, turn
from skdl.kernels.rowblocks import BLOCK


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


@njit(cache=True, nogil=True, fastmath={"contract"})
def _four_likelihoods(block, linear, precision, constant, c, out):
    """Write ``constant + u (linear - u precision)``, summed over columns, for 64 rows and four classes from c on.

    Where fewer than four are left the last one is repeated.
    """
    d, last = linear.shape[1], len(linear) - 1
    k0, k1, k2, k3 = c, min(c + 1, last), min(c + 2, last), min(c + 3, last)
    four_levels(constant, c, out)
    j = 0
    while j + 2 <= d:
        a0, a1, p0, p1 = linear[k0, j], linear[k0, j + 1], precision[k0, j], precision[k0, j + 1]
        b0, b1, q0, q1 = linear[k1, j], linear[k1, j + 1], precision[k1, j], precision[k1, j + 1]
        e0, e1, s0, s1 = linear[k2, j], linear[k2, j + 1], precision[k2, j], precision[k2, j + 1]
        f0, f1, t0, t1 = linear[k3, j], linear[k3, j + 1], precision[k3, j], precision[k3, j + 1]
        for r in range(BLOCK):
            x, y = block[j, r], block[j + 1, r]
            out[r] += x * (a0 - p0 * x) + y * (a1 - p1 * y)
            out[np.uint64(BLOCK + r)] += x * (b0 - q0 * x) + y * (b1 - q1 * y)
            out[np.uint64(2 * BLOCK + r)] += x * (e0 - s0 * x) + y * (e1 - s1 * y)
            out[np.uint64(3 * BLOCK + r)] += x * (f0 - t0 * x) + y * (f1 - t1 * y)
        j += 2
    if j < d:
        a0, p0, b0, q0 = linear[k0, j], precision[k0, j], linear[k1, j], precision[k1, j]
        e0, s0, f0, t0 = linear[k2, j], precision[k2, j], linear[k3, j], precision[k3, j]
        for r in range(BLOCK):
            x = block[j, r]
            out[r] += x * (a0 - p0 * x)
            out[np.uint64(BLOCK + r)] += x * (b0 - q0 * x)
            out[np.uint64(2 * BLOCK + r)] += x * (e0 - s0 * x)
            out[np.uint64(3 * BLOCK + r)] += x * (f0 - t0 * x)


@njit(cache=True, nogil=True)
def likelihoods(X, center, factor, linear, precision, constant, result):
    """Compute the joint log-likelihoods of rows as products.

    Parameters
    ----------
    X : ndarray of shape (m, d)
    center : ndarray of shape (d,), float64
    factor : float
        ``u = (X - center) * factor``.
    linear, precision : ndarray of shape (C, d), float64
    constant : ndarray of shape (C,), float64
    result : ndarray of shape (m, C), float64
        Is filled.
    """
    n_classes = len(constant)
    turned, four = np.empty((1, len(center), BLOCK)), np.empty(4 * BLOCK)
    for start in range(0, len(X), BLOCK):
        inside = min(BLOCK, len(X) - start)
        turn(X[start : start + inside], center, factor, turned)
        for c in range(0, n_classes, 4):
            _four_likelihoods(turned[0], linear, precision, constant, c, four)
            for r in range(inside):
                for k in range(min(4, n_classes - c)):
                    result[start + r, c + k] = four[k * BLOCK + r]


@njit(cache=True, nogil=True)
def most_likely(X, center, factor, linear, precision, constant, classes):
    """Find the first most probable class of each row; return the sum of their joint log-likelihoods.

    Parameters
    ----------
    X, center, factor, linear, precision, constant : as in :func:`likelihoods`
    classes : ndarray of shape (m,), int64
        Is filled.
    """
    n_classes = len(constant)
    turned, four = np.empty((1, len(center), BLOCK)), np.empty(4 * BLOCK)
    # The best so far, and after them their classes as numbers of the same type.
    found = np.empty(2 * BLOCK)
    total = 0.0
    for start in range(0, len(X), BLOCK):
        inside = min(BLOCK, len(X) - start)
        turn(X[start : start + inside], center, factor, turned)
        found[:BLOCK] = -np.inf
        found[BLOCK:] = 0
        for c in range(0, n_classes, 4):
            _four_likelihoods(turned[0], linear, precision, constant, c, four)
            for k in range(min(4, n_classes - c)):
                at, name = k * BLOCK, np.float64(c + k)
                for r in range(BLOCK):
                    value = four[np.uint64(at + r)]
                    larger = value > found[r]
                    found[r] = value if larger else found[r]
                    found[np.uint64(BLOCK + r)] = name if larger else found[np.uint64(BLOCK + r)]
        for r in range(inside):
            classes[start + r] = np.int64(found[BLOCK + r])
            total += found[r]
    return total
