"""The compiled loops over turned blocks, where 64 rows lie side by side: narrow products, at which libraries are slow.

A block is of shape (d, 64), so that neighbouring numbers belong to neighbouring rows, and what is computed of 64 rows
is computed by vector instructions. Each number that is loaded serves several columns of results.
"""

import numpy as np
from numba import njit

from skdl.kernels.rowblocks import BLOCK


@njit(cache=True, nogil=True)
def turn(X, shift, scale, turned, order=None):
    """Write centred, scaled rows as columns of blocks, of shape (n_blocks, d, 64); what is left over is zero.

    With an order, the rows at these places take the place of all.
    """
    n, d = len(X), X.shape[1]
    if order is not None:
        n = len(order)
    for b in range(len(turned)):
        block = turned[b]
        start = b * BLOCK
        inside = min(BLOCK, n - start)
        for r in range(inside):
            place = start + r
            if order is not None:
                place = order[start + r]
            row = X[place]
            for j in range(d):
                block[j, r] = (row[j] - shift[j]) * scale
        for r in range(inside, BLOCK):
            for j in range(d):
                block[j, r] = 0


# In these all numbers of a block are reached by way of the block, and results lie one after the other in one array: of
# so few arrays a compiler can tell that they do not overlap, and only then does it use vector instructions. Indices are
# unsigned, of which it knows that they do not count from the end.


@njit(cache=True, nogil=True)
def four_levels(levels, c, out):
    """Write what four columns of results begin with, from c on, 64 times each; the last one may be repeated."""
    last = len(levels) - 1
    l0, l1, l2, l3 = levels[c], levels[min(c + 1, last)], levels[min(c + 2, last)], levels[min(c + 3, last)]
    for r in range(BLOCK):
        out[r] = l0
        out[np.uint64(BLOCK + r)] = l1
        out[np.uint64(2 * BLOCK + r)] = l2
        out[np.uint64(3 * BLOCK + r)] = l3


@njit(cache=True, nogil=True, fastmath={"contract"})
def four_scores(block, slopes, levels, c, out):
    """Write ``levels + slopes @ block`` for the 64 rows of a turned block and four centres from c on, (4 * 64,).

    A number that has been loaded is multiplied four times. Where fewer than four are left the last one is repeated.
    """
    d, last = slopes.shape[1], len(slopes) - 1
    k0, k1, k2, k3 = c, min(c + 1, last), min(c + 2, last), min(c + 3, last)
    four_levels(levels, c, out)
    j = 0
    while j + 4 <= d:
        a0, a1, a2, a3 = slopes[k0, j], slopes[k0, j + 1], slopes[k0, j + 2], slopes[k0, j + 3]
        b0, b1, b2, b3 = slopes[k1, j], slopes[k1, j + 1], slopes[k1, j + 2], slopes[k1, j + 3]
        e0, e1, e2, e3 = slopes[k2, j], slopes[k2, j + 1], slopes[k2, j + 2], slopes[k2, j + 3]
        f0, f1, f2, f3 = slopes[k3, j], slopes[k3, j + 1], slopes[k3, j + 2], slopes[k3, j + 3]
        for r in range(BLOCK):
            x0, x1, x2, x3 = block[j, r], block[j + 1, r], block[j + 2, r], block[j + 3, r]
            out[r] += x0 * a0 + x1 * a1 + x2 * a2 + x3 * a3
            out[np.uint64(BLOCK + r)] += x0 * b0 + x1 * b1 + x2 * b2 + x3 * b3
            out[np.uint64(2 * BLOCK + r)] += x0 * e0 + x1 * e1 + x2 * e2 + x3 * e3
            out[np.uint64(3 * BLOCK + r)] += x0 * f0 + x1 * f1 + x2 * f2 + x3 * f3
        j += 4
    while j < d:
        a0, b0, e0, f0 = slopes[k0, j], slopes[k1, j], slopes[k2, j], slopes[k3, j]
        for r in range(BLOCK):
            x0 = block[j, r]
            out[r] += x0 * a0
            out[np.uint64(BLOCK + r)] += x0 * b0
            out[np.uint64(2 * BLOCK + r)] += x0 * e0
            out[np.uint64(3 * BLOCK + r)] += x0 * f0
        j += 1


@njit(cache=True, nogil=True)
def least_of_four(scores, c, found):
    """Lower the least scores so far, and their centres, by four scores of each row; the first one of equals stays.

    Parameters
    ----------
    scores : ndarray of shape (4 * 64,)
        From :func:`four_scores`, for centres from c on.
    found : ndarray of shape (2 * 64,), type of `scores`
        The least scores, and their centres: in that type they are chosen by the same vector instructions.
    """
    kind = scores.dtype.type
    n0, n1, n2, n3 = kind(c), kind(c + 1), kind(c + 2), kind(c + 3)
    for r in range(BLOCK):
        s0, s1 = scores[r], scores[np.uint64(BLOCK + r)]
        s2, s3 = scores[np.uint64(2 * BLOCK + r)], scores[np.uint64(3 * BLOCK + r)]
        low, name = (s1 if s1 < s0 else s0), (n1 if s1 < s0 else n0)
        other, other_name = (s3 if s3 < s2 else s2), (n3 if s3 < s2 else n2)
        closer = other < low
        low, name = (other if closer else low), (other_name if closer else name)
        closer = low < found[r]
        found[r] = low if closer else found[r]
        found[np.uint64(BLOCK + r)] = name if closer else found[np.uint64(BLOCK + r)]


@njit(cache=True, nogil=True, fastmath={"contract"})
def three_square_distances(block, centers, c, out):
    """As :func:`square_distances` to three centres from c on, (3 * 64,); the last one may be repeated."""
    d, last = centers.shape[1], len(centers) - 1
    k0, k1, k2 = c, min(c + 1, last), min(c + 2, last)
    for r in range(3 * BLOCK):
        out[r] = 0
    j = 0
    while j + 4 <= d:
        a0, a1, a2, a3 = centers[k0, j], centers[k0, j + 1], centers[k0, j + 2], centers[k0, j + 3]
        b0, b1, b2, b3 = centers[k1, j], centers[k1, j + 1], centers[k1, j + 2], centers[k1, j + 3]
        e0, e1, e2, e3 = centers[k2, j], centers[k2, j + 1], centers[k2, j + 2], centers[k2, j + 3]
        for r in range(BLOCK):
            x0, x1, x2, x3 = block[j, r], block[j + 1, r], block[j + 2, r], block[j + 3, r]
            g, h, p, q = x0 - a0, x1 - a1, x2 - a2, x3 - a3
            out[r] += (g * g + h * h) + (p * p + q * q)
            g, h, p, q = x0 - b0, x1 - b1, x2 - b2, x3 - b3
            out[np.uint64(BLOCK + r)] += (g * g + h * h) + (p * p + q * q)
            g, h, p, q = x0 - e0, x1 - e1, x2 - e2, x3 - e3
            out[np.uint64(2 * BLOCK + r)] += (g * g + h * h) + (p * p + q * q)
        j += 4
    while j < d:
        a0, b0, e0 = centers[k0, j], centers[k1, j], centers[k2, j]
        for r in range(BLOCK):
            x0 = block[j, r]
            g, h, p = x0 - a0, x0 - b0, x0 - e0
            out[r] += g * g
            out[np.uint64(BLOCK + r)] += h * h
            out[np.uint64(2 * BLOCK + r)] += p * p
        j += 1


@njit(cache=True, nogil=True, fastmath={"contract"})
def square_distances(block, center, out):
    """Write the squared distances of the block's rows to one centre: differences are squared, so nothing cancels."""
    d = len(center)
    for r in range(BLOCK):
        out[r] = 0
    j = 0
    while j + 8 <= d:
        c0, c1, c2, c3 = center[j], center[j + 1], center[j + 2], center[j + 3]
        c4, c5, c6, c7 = center[j + 4], center[j + 5], center[j + 6], center[j + 7]
        for r in range(BLOCK):
            a, b, e, f = block[j, r] - c0, block[j + 1, r] - c1, block[j + 2, r] - c2, block[j + 3, r] - c3
            g, h, p, q = block[j + 4, r] - c4, block[j + 5, r] - c5, block[j + 6, r] - c6, block[j + 7, r] - c7
            out[r] += (a * a + b * b + e * e + f * f) + (g * g + h * h + p * p + q * q)
        j += 8
    while j < d:
        c0 = center[j]
        for r in range(BLOCK):
            a = block[j, r] - c0
            out[r] += a * a
        j += 1
