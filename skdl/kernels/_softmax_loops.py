"""The compiled loops of softmax regression in single precision: a pass over the samples, which stay in cache for it.

With several classes the two products of a pass are narrow, and libraries are slow at such: logits are made of turned
blocks of 64 samples as in :mod:`skdl.kernels._turned_loops`, and the derivative is pulled back through the rows as they
are. (With two classes they are products with a vector, which memory bounds.) What lies between is exponentials and sums
over classes, computed for 128 samples at a time by vector instructions: logits of neighbouring samples lie side by
side. A logarithm is taken of the product of many sums at once, which costs less than the logarithm of each.
"""

import numpy as np
from numba import njit

from skdl.kernels._array_loops import copy
from skdl.kernels._turned_loops import four_scores, turn
from skdl.kernels.rowblocks import BLOCK as TURNED

BLOCK = 128
# So many samples are worked on at a time; their sums are in single precision.
CHUNK = 512
# So many sums of at most 1e9 exponentials, none above one, have a product within the range of float64.
_GROUP = 32

_LOG2E = np.float32(1.4426950408889634)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LOWEST = np.float32(-87.0)
_HALF, _ONE = np.float32(0.5), np.float32(1.0)
# The Taylor polynomial: between -ln(2) / 2 and ln(2) / 2 it errs by less than 2e-8 of the result.
_C3, _C4, _C5, _C6 = np.float32(1 / 6), np.float32(1 / 24), np.float32(1 / 120), np.float32(1 / 720)
_C7 = np.float32(1 / 5040)


@njit(cache=True, nogil=True, fastmath={"contract"})
def _exponentials(z, bits, powers):
    """Turn numbers that are not positive into their exponentials; ``powers`` is ``bits`` read as float32."""
    for r in range(BLOCK):
        x = max(z[r], _LOWEST)
        exponent = np.int32(x * _LOG2E - _HALF)
        bits[r] = (exponent + np.int32(127)) << np.int32(23)
        n = np.float32(exponent)
        x = x - n * _LN2_HIGH - n * _LN2_LOW
        tail = _C3 + x * (_C4 + x * (_C5 + x * (_C6 + x * _C7)))
        z[r] = _ONE + x * (_ONE + x * (_HALF + x * tail))
    for r in range(BLOCK):
        z[r] *= powers[r]


# Sums and products may be reordered in these, or they could not be made by vector instructions.


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _logarithm(totals):
    """The sum of the logarithms of numbers that are at least one."""
    result = 0.0
    for start in range(0, BLOCK, _GROUP):
        product = 1.0
        for r in range(_GROUP):
            product *= totals[start + r]
        result += np.log(product)
    return result


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _positive_sum(values):
    """The sum of the positive ones among some values."""
    total = 0.0
    for r in range(BLOCK):
        total += np.float64(values[r] if values[r] > 0 else np.float32(0.0))
    return total


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _scaled_sum(values, factors):
    """Multiply by factors in place and sum what comes out."""
    total = np.float32(0.0)
    for r in range(BLOCK):
        values[r] *= factors[r]
        total += values[r]
    return total


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def residuals(Z, codes, weight, sums):
    """Turn the logits of several classes into the derivative of the loss.

    Parameters
    ----------
    Z : ndarray of shape (K, t), float32
        The logits, in place.
    codes : ndarray of shape (t,), int64
        The class of each sample.
    weight : ndarray of shape (t,) or (0,), float32
        The weights of the samples; empty for all ones.
    sums : ndarray of shape (K + 1,), float64
        The sums of the derivative over the samples are added here, and the summed loss to the last one.
    """
    K, t = Z.shape
    z, top, totals = np.zeros((K, BLOCK), np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    factors, bits = np.zeros(BLOCK, np.float32), np.empty(BLOCK, np.int32)
    powers = bits.view(np.float32)
    loss = 0.0
    for start in range(0, t, BLOCK):
        inside = min(BLOCK, t - start)
        for k in range(K):
            copy(Z[k, start : start + inside], z[k])
        copy(z[0], top)
        for k in range(1, K):
            row = z[k]
            for r in range(BLOCK):
                top[r] = row[r] if row[r] > top[r] else top[r]
        for k in range(K):
            row = z[k]
            for r in range(BLOCK):
                row[r] -= top[r]
        if len(weight):
            for r in range(inside):
                loss -= weight[start + r] * z[codes[start + r], r]
        else:
            for r in range(inside):
                loss -= z[codes[start + r], r]
        totals[:] = 0
        for k in range(K):
            row = z[k]
            _exponentials(row, bits, powers)
            for r in range(BLOCK):
                totals[r] += row[r]
        if len(weight):
            for r in range(inside):
                loss += weight[start + r] * np.log(np.float64(totals[r]))
                factors[r] = weight[start + r] / totals[r]
        else:
            for r in range(BLOCK):
                factors[r] = _ONE / totals[r]
            for r in range(inside, BLOCK):
                totals[r] = _ONE
            loss += _logarithm(totals)
        for r in range(inside, BLOCK):
            factors[r] = 0
        for k in range(K):
            sums[k] += _scaled_sum(z[k], factors)
        if len(weight):
            for r in range(inside):
                z[codes[start + r], r] -= weight[start + r]
                sums[codes[start + r]] -= weight[start + r]
        else:
            for r in range(inside):
                z[codes[start + r], r] -= _ONE
                sums[codes[start + r]] -= 1.0
        for k in range(K):
            copy(z[k, :inside], Z[k, start:])
    sums[-1] += loss


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def binary_residuals(Z, signs, weight, sums):
    """As :func:`residuals` for one logit, of shape (1, t); signs are what makes it the larger the more it is wrong."""
    t = Z.shape[1]
    z, e, totals = np.zeros(BLOCK, np.float32), np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    factors, bits = np.zeros(BLOCK, np.float32), np.empty(BLOCK, np.int32)
    powers = bits.view(np.float32)
    loss = 0.0
    for start in range(0, t, BLOCK):
        inside = min(BLOCK, t - start)
        for r in range(inside):
            z[r] = Z[0, start + r] * signs[start + r]
            factors[r] = signs[start + r]
        for r in range(inside, BLOCK):
            factors[r] = 0
        for r in range(BLOCK):
            e[r] = -abs(z[r])
        _exponentials(e, bits, powers)
        for r in range(BLOCK):
            totals[r] = _ONE + e[r]
        if len(weight):
            for r in range(inside):
                factors[r] *= weight[start + r]
                loss += weight[start + r] * (max(z[r], np.float32(0)) + np.log1p(np.float64(e[r])))
        else:
            for r in range(inside, BLOCK):
                z[r], totals[r] = 0, _ONE
            loss += _positive_sum(z) + _logarithm(totals)
        for r in range(BLOCK):
            z[r] = (_ONE if z[r] >= 0 else e[r]) / totals[r]
        sums[0] += _scaled_sum(z, factors)
        copy(z[:inside], Z[0, start:])
    sums[-1] += loss


@njit(cache=True, nogil=True)
def _logits(X, start, inside, turned, slopes, offset, here, four, Z):
    """Write ``slopes @ X.T + offset`` for a chunk of samples to Z (K, 512)."""
    K = len(slopes)
    for first in range(0, inside, TURNED):
        if len(turned):
            block = turned[(start + first) // TURNED]
        else:
            turn(X[start + first : start + inside], np.zeros(X.shape[1], X.dtype), _ONE, here)
            block = here[0]
        for c in range(0, K, 4):
            four_scores(block, slopes, offset, c, four)
            for q in range(min(4, K - c)):
                copy(four[q * TURNED : (q + 1) * TURNED], Z[c + q, first:])


@njit(cache=True, nogil=True, fastmath={"contract"})
def _pull_back(X, start, inside, Z, slope, total):
    """Add ``Z @ X`` for a chunk of samples to `total` (K, d), float64; `slope` (K * d,) is room for its sums."""
    K, d = total.shape
    slope[:] = 0
    for i in range(0, inside, 4):
        # Where fewer than four are left they count as nothing.
        i1, i2, i3 = min(i + 1, inside - 1), min(i + 2, inside - 1), min(i + 3, inside - 1)
        x0, x1, x2, x3 = X[start + i], X[start + i1], X[start + i2], X[start + i3]
        u1, u2, u3 = np.float32(i + 1 < inside), np.float32(i + 2 < inside), np.float32(i + 3 < inside)
        for k in range(0, K - 1, 2):
            a0, a1, a2, a3 = Z[k, i], Z[k, i1] * u1, Z[k, i2] * u2, Z[k, i3] * u3
            b0, b1, b2, b3 = Z[k + 1, i], Z[k + 1, i1] * u1, Z[k + 1, i2] * u2, Z[k + 1, i3] * u3
            first, second = np.uint64(k * d), np.uint64((k + 1) * d)
            for j in range(d):
                p, q, s, t = x0[j], x1[j], x2[j], x3[j]
                slope[np.uint64(first + np.uint64(j))] += (p * a0 + q * a1) + (s * a2 + t * a3)
                slope[np.uint64(second + np.uint64(j))] += (p * b0 + q * b1) + (s * b2 + t * b3)
        if K % 2:
            k = K - 1
            a0, a1, a2, a3 = Z[k, i], Z[k, i1] * u1, Z[k, i2] * u2, Z[k, i3] * u3
            first = np.uint64(k * d)
            for j in range(d):
                p, q, s, t = x0[j], x1[j], x2[j], x3[j]
                slope[np.uint64(first + np.uint64(j))] += (p * a0 + q * a1) + (s * a2 + t * a3)
    for k in range(K):
        for j in range(d):
            total[k, j] += np.float64(slope[k * d + j])


@njit(cache=True, nogil=True)
def several_classes(X, turned, slopes, offset, codes, weight, total, sums):
    """One pass for several classes: logits, residuals and what is pulled back of them.

    Parameters
    ----------
    X : ndarray of shape (n, d), float32
    turned : ndarray of shape (n_blocks, d, 64) or (0, d, 64), float32
        The same rows turned; empty where they are to be turned here.
    slopes, offset : ndarray of shape (K, d) and (K,), float32
    codes, weight, sums : as in :func:`residuals`
    total : ndarray of shape (K, d), float64
        The derivatives by the slopes are added here.
    """
    n, d = X.shape
    K = len(slopes)
    Z, slope = np.zeros((K, CHUNK), np.float32), np.zeros(K * d, np.float32)
    here, four = np.empty((1, d, TURNED), np.float32), np.empty(4 * TURNED, np.float32)
    for start in range(0, n, CHUNK):
        inside = min(CHUNK, n - start)
        _logits(X, start, inside, turned, slopes, offset, here, four, Z)
        there = slice(start, start + inside)
        residuals(Z[:, :inside], codes[there], weight[there], sums)
        _pull_back(X, start, inside, Z, slope, total)
