"""The compiled loops of dense designs on a CPU: passes that fetch each row once and add up in float64."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def add_moments(X, weight, total, squares):
    """Add the weighted rows, and their squares, to the sums of the columns.

    Parameters
    ----------
    X : ndarray of shape (m, d), float32 or float64
    weight : ndarray of shape (m,), type of X, or of shape (0,) for ones
    total, squares : ndarray of shape (d,), float64
    """
    m, d = X.shape
    whole = m - m % 4
    for i in range(0, whole, 4):
        x0, x1, x2, x3 = X[i], X[i + 1], X[i + 2], X[i + 3]
        if len(weight):
            w0, w1 = np.float64(weight[i]), np.float64(weight[i + 1])
            w2, w3 = np.float64(weight[i + 2]), np.float64(weight[i + 3])
            for j in range(d):
                a, b, c, e = np.float64(x0[j]), np.float64(x1[j]), np.float64(x2[j]), np.float64(x3[j])
                total[j] += (w0 * a + w1 * b) + (w2 * c + w3 * e)
                squares[j] += (w0 * a * a + w1 * b * b) + (w2 * c * c + w3 * e * e)
        else:
            for j in range(d):
                a, b, c, e = np.float64(x0[j]), np.float64(x1[j]), np.float64(x2[j]), np.float64(x3[j])
                total[j] += (a + b) + (c + e)
                squares[j] += (a * a + b * b) + (c * c + e * e)
    for i in range(whole, m):
        w = np.float64(weight[i]) if len(weight) else 1.0
        for j in range(d):
            a = np.float64(X[i, j])
            total[j] += w * a
            squares[j] += w * a * a


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def add_left_over(X, y, level, w, weight, total):
    """Add ``X' r`` of the weighted residuals ``r = y + level - X @ w``, and return their sum.

    Parameters
    ----------
    X : ndarray of shape (m, d), float32 or float64
    y : ndarray of shape (m,), float64
    level : float
    w : ndarray of shape (d,), float64
    weight : ndarray of shape (m,), float64, or of shape (0,) for ones
    total : ndarray of shape (d,), float64
    """
    m, d = X.shape
    whole = m - m % 4
    mass = 0.0
    for i in range(0, whole, 4):
        x0, x1, x2, x3 = X[i], X[i + 1], X[i + 2], X[i + 3]
        p0 = p1 = p2 = p3 = 0.0
        for j in range(d):
            p0 += x0[j] * w[j]
            p1 += x1[j] * w[j]
            p2 += x2[j] * w[j]
            p3 += x3[j] * w[j]
        r0, r1, r2, r3 = y[i] + level - p0, y[i + 1] + level - p1, y[i + 2] + level - p2, y[i + 3] + level - p3
        if len(weight):
            r0, r1, r2, r3 = r0 * weight[i], r1 * weight[i + 1], r2 * weight[i + 2], r3 * weight[i + 3]
        for j in range(d):
            total[j] += (r0 * x0[j] + r1 * x1[j]) + (r2 * x2[j] + r3 * x3[j])
        mass += (r0 + r1) + (r2 + r3)
    for i in range(whole, m):
        p = 0.0
        for j in range(d):
            p += X[i, j] * w[j]
        r = y[i] + level - p
        if len(weight):
            r *= weight[i]
        for j in range(d):
            total[j] += r * X[i, j]
        mass += r
    return mass
