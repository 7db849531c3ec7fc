"""The compiled loops of K-means: blocks of 64 rows, turned so that neighbouring numbers belong to neighbouring rows.

In a turned block the scores of 64 rows with one centre are computed side by side, by vector instructions, and so is the
comparison with the best so far. A score is what a squared distance lacks the row's own square: ``|c|^2 - 2 x c``. Sums
of clusters are those of the step before but for the rows that changed their cluster.
"""

import numpy as np
from numba import njit

from skdl.kernels._array_loops import copy
from skdl.kernels._turned_loops import four_scores, least_of_four, three_square_distances
from skdl.kernels.rowblocks import BLOCK


@njit(cache=True, nogil=True)
def slopes_of(centers, slopes, levels):
    """Write what scores are made of: the centres times minus two, and their squared lengths."""
    for c in range(len(centers)):
        square = centers.dtype.type(0)
        for j in range(centers.shape[1]):
            slopes[c, j] = -2 * centers[c, j]
            square += centers[c, j] * centers[c, j]
        levels[c] = square


@njit(cache=True, nogil=True)
def step(turned, n, slopes, levels, labels, weight, sums, weights):
    """Write each row's nearest centre, the first one of equals; move rows that changed from one sum to another.

    Parameters
    ----------
    turned : ndarray of shape (n_blocks, d, 64)
    n : int
        How many rows there are.
    slopes : ndarray of shape (k, d)
        The centres, times minus two.
    levels : ndarray of shape (k,)
        The squared lengths of the centres.
    labels : ndarray of shape (n,), int32
        The labels of the step before; -1 where there was none.
    weight : ndarray of shape (n,) or (0,), float64
        Empty where each row counts once.
    sums, weights : ndarray of shape (k, d) and (k,), float64
        Left alone where they are empty.

    Returns
    -------
    int
        How many rows changed their cluster.
    """
    d = turned.shape[1]
    scores = np.empty(4 * BLOCK, dtype=turned.dtype)
    found = np.empty(2 * BLOCK, dtype=turned.dtype)
    changed = 0
    for b in range(len(turned)):
        block = turned[b]
        found[:BLOCK] = np.inf
        found[BLOCK:] = 0
        for c in range(0, len(slopes), 4):
            four_scores(block, slopes, levels, c, scores)
            least_of_four(scores, c, found)
        start = b * BLOCK
        inside = min(BLOCK, n - start)
        differ = False
        for r in range(inside):
            differ |= labels[start + r] != np.int32(found[np.uint64(BLOCK + r)])
        if not differ:
            continue
        for r in range(inside):
            old, new = labels[start + r], np.int32(found[BLOCK + r])
            if old != new:
                changed += 1
                labels[start + r] = new
                if len(sums):
                    w = weight[start + r] if len(weight) else 1.0
                    weights[new] += w
                    for j in range(d):
                        sums[new, j] += w * np.float64(block[j, r])
                    if old >= 0:
                        weights[old] -= w
                        for j in range(d):
                            sums[old, j] -= w * np.float64(block[j, r])
    return changed


@njit(cache=True, nogil=True)
def run(turned, n, centers, weight, n_steps, tol, on_sphere, labels, sums, weights):
    """Take up to ``n_steps`` whole iterations of Lloyd's algorithm, as far as no cluster loses its rows.

    Parameters
    ----------
    centers : ndarray of shape (k, d), type of `turned`
        Moved by each iteration.
    tol : float
        The end is reached when the squared shifts of the centres add up to no more.
    on_sphere : bool
        Whether centres are brought to length one.
    turned, n, weight, labels, sums, weights : as in :func:`step`

    Returns
    -------
    n_iter : int
        How many iterations began.
    state : int
        0: all were taken, 1: the labels stayed, 2: the centres hardly moved; 3: a cluster has no rows, and the last
        iteration lacks the move of the centres, 4: the same where the labels stayed.
    """
    k, d = centers.shape
    slopes = np.empty((k, d), dtype=centers.dtype)
    levels = np.empty(k, dtype=centers.dtype)
    counts = np.empty(k, dtype=np.int64)
    moved = np.empty(d, dtype=np.float64)
    for i in range(n_steps):
        slopes_of(centers, slopes, levels)
        changed = step(turned, n, slopes, levels, labels, weight, sums, weights)
        if len(weight):
            # What is left of the weight of a cluster that lost all its rows is rounding.
            counts[:] = 0
            for r in range(n):
                counts[labels[r]] += 1
        else:
            for c in range(k):
                counts[c] = np.int64(weights[c])
        for c in range(k):
            if counts[c] == 0:
                return i + 1, 3 if changed else 4
        shift = 0.0
        for c in range(k):
            square = 0.0
            for j in range(d):
                # The mean is rounded to the type of the rows before its length is taken.
                moved[j] = np.float64(centers.dtype.type(sums[c, j] / weights[c]))
                square += moved[j] * moved[j]
            length = np.sqrt(square) if on_sphere and square > 0 else 1.0
            for j in range(d):
                new = centers.dtype.type(moved[j] / length)
                gap = np.float64(new - centers[c, j])
                shift += gap * gap
                centers[c, j] = new
        if changed == 0:
            return i + 1, 1
        if shift <= tol:
            return i + 1, 2
    return n_steps, 0


@njit(cache=True, nogil=True)
def all_scores(turned, n, slopes, levels, out):
    """Write the scores of all rows with all centres; out is of shape (k, n)."""
    scores = np.empty(4 * BLOCK, dtype=turned.dtype)
    for b in range(len(turned)):
        start = b * BLOCK
        inside = min(BLOCK, n - start)
        for c in range(0, len(slopes), 4):
            four_scores(turned[b], slopes, levels, c, scores)
            for q in range(min(4, len(slopes) - c)):
                copy(scores[q * BLOCK : q * BLOCK + inside], out[c + q, start:])


@njit(cache=True, nogil=True)
def all_distances(turned, n, centers, out):
    """Write the squared distances of all rows to all centres; out is of shape (k, n)."""
    squares = np.empty(3 * BLOCK, dtype=turned.dtype)
    for b in range(len(turned)):
        start = b * BLOCK
        inside = min(BLOCK, n - start)
        for c in range(0, len(centers), 3):
            three_square_distances(turned[b], centers, c, squares)
            for q in range(min(3, len(centers) - c)):
                copy(squares[q * BLOCK : q * BLOCK + inside], out[c + q, start:])


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def products(X, slopes, out):
    """Write the products of rows with a few slopes, five at a time, to out of shape (k, n)."""
    last = len(slopes) - 1
    for i in range(len(X)):
        row = X[i]
        for c in range(0, last + 1, 5):
            # Where fewer than five are left, the last one is computed again.
            c1, c2, c3, c4 = min(c + 1, last), min(c + 2, last), min(c + 3, last), min(c + 4, last)
            a0, a1, a2, a3, a4 = slopes[c], slopes[c1], slopes[c2], slopes[c3], slopes[c4]
            s0 = s1 = s2 = s3 = s4 = X.dtype.type(0)
            for j in range(len(row)):
                x = row[j]
                s0 += x * a0[j]
                s1 += x * a1[j]
                s2 += x * a2[j]
                s3 += x * a3[j]
                s4 += x * a4[j]
            out[c, i], out[c1, i], out[c2, i], out[c3, i], out[c4, i] = s0, s1, s2, s3, s4


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _square_distance(row, shift, scale, center):
    total = 0.0
    for j in range(len(shift)):
        gap = np.float64((row[j] - shift[j]) * scale - center[j])
        total += gap * gap
    return total


@njit(cache=True, nogil=True)
def own_distances(X, shift, scale, centers, labels, distances):
    """Write the squared distance of each row to its own centre, float64."""
    for i in range(len(X)):
        distances[i] = _square_distance(X[i], shift, scale, centers[labels[i]])


@njit(cache=True, nogil=True)
def _move(row, shift, w, old, new, sums, weights):
    """Move a row from one sum to another."""
    weights[new] += w
    for j in range(len(row)):
        sums[new, j] += w * np.float64(row[j] - shift[j])
    if old >= 0:
        weights[old] -= w
        for j in range(len(row)):
            sums[old, j] -= w * np.float64(row[j] - shift[j])


@njit(cache=True, nogil=True)
def _nearest(scores, width, start, inside, levels, found):
    """Write the least score of some rows, and its centre, to the first two blocks of `found`.

    Parameters
    ----------
    scores : ndarray of shape (k * width,)
        The scores with each centre, one after the other; `levels` have to be added.
    start, inside : int
        The first row, and how many there are, at most 64.
    """
    for r in range(inside):
        found[r] = np.inf
        found[np.uint64(BLOCK + r)] = 0
    for c in range(len(levels)):
        at, level, name = c * width + start, levels[c], scores.dtype.type(c)
        for r in range(inside):
            score = scores[np.uint64(at + r)] + level
            closer = score < found[r]
            found[r] = score if closer else found[r]
            found[np.uint64(BLOCK + r)] = name if closer else found[np.uint64(BLOCK + r)]


@njit(cache=True, nogil=True)
def relabel(scores, levels, X, shift, labels, weight, sums, weights):
    """As :func:`step` from products of shape (k, m), to which the levels are added; X lacks the shift."""
    m = scores.shape[1]
    flat = scores.reshape(-1)
    found = np.empty(2 * BLOCK, dtype=scores.dtype)
    changed = 0
    for start in range(0, m, BLOCK):
        inside = min(BLOCK, m - start)
        _nearest(flat, m, start, inside, levels, found)
        for r in range(inside):
            i = start + r
            old, new = labels[i], np.int32(found[BLOCK + r])
            if old != new:
                changed += 1
                labels[i] = new
                if len(sums):
                    _move(X[i], shift, weight[i] if len(weight) else 1.0, old, new, sums, weights)
    return changed
