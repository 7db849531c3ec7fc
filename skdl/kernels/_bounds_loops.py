"""The compiled loops of K-means with Hamerly's bounds: which rows are in doubt, and what becomes of them."""

import numpy as np
from numba import njit

from skdl.kernels._lloyd_loops import _move, _square_distance
from skdl.kernels.rowblocks import BLOCK


@njit(cache=True, nogil=True)
def in_doubt(X, shift, scale, centers, labels, gap, lower, apart, drift, fled, slack, doubtful):
    """List the rows whose bounds do not decide, and return their number.

    Bounds are stored together with what the centres had moved when they were made, so that a row that is certain of its
    cluster is read and not written.

    Parameters
    ----------
    labels : ndarray of shape (n,), int32
        -1 in the first step.
    gap : ndarray of shape (n,), float64
        How much nearer the own centre was than any other, at least, and what `drift` was then.
    lower : ndarray of shape (n,), float64
        No more than the distance to any other centre, and what `fled` was then.
    apart : ndarray of shape (k,), float64
        Half the distance from each centre to its nearest neighbour.
    drift : ndarray of shape (k,), float64
        By how much the gaps of a cluster have closed since the first step, at most.
    fled : ndarray of shape (k,), float64
        How far any other centre has moved, step by step, since the first one.
    slack : float
        One and a little more: what rounding may have changed.
    doubtful : ndarray of shape (n,), int64
        Where the rows are listed.
    """
    listed = 0
    for i in range(len(X)):
        doubtful[listed] = i
        c = labels[i]
        listed += c < 0 or gap[i] <= drift[c]
    # Rows are fetched in a loop of their own, where the processor does not wait for one before it asks for the next.
    count = 0
    for place in range(listed):
        i = doubtful[place]
        c = labels[i]
        decided = False
        if c >= 0:
            upper = slack * np.sqrt(_square_distance(X[i], shift, scale, centers[c]))
            bound = max(lower[i] - fled[c], apart[c])
            decided = upper < bound
            gap[i] = bound - upper + drift[c]
        doubtful[count] = i
        count += not decided
    return count


@njit(cache=True, nogil=True)
def gather(X, rows, shift, scale, out):
    """Write some rows, centred and scaled."""
    for r in range(len(rows)):
        row = X[rows[r]]
        for j in range(len(shift)):
            out[r, j] = (row[j] - shift[j]) * scale


@njit(cache=True, nogil=True)
def _nearest_two(scores, width, start, inside, levels, found):
    """As :func:`skdl.kernels._lloyd_loops._nearest`, and the second least score in the third block."""
    for r in range(inside):
        found[r] = np.inf
        found[np.uint64(BLOCK + r)] = 0
        found[np.uint64(2 * BLOCK + r)] = np.inf
    for c in range(len(levels)):
        at, level, name = c * width + start, levels[c], scores.dtype.type(c)
        for r in range(inside):
            score = scores[np.uint64(at + r)] + level
            least = found[r]
            closer = score < least
            other = least if closer else score
            second = found[np.uint64(2 * BLOCK + r)]
            found[np.uint64(2 * BLOCK + r)] = other if other < second else second
            found[r] = score if closer else least
            found[np.uint64(BLOCK + r)] = name if closer else found[np.uint64(BLOCK + r)]


@njit(cache=True, nogil=True)
def relabel_doubtful(
    scores, levels, X, rows, largest, rounding, slack, labels, gap, lower, apart, drift, fled, weight, sums, weights
):
    """As :func:`skdl.kernels._lloyd_loops.relabel` for gathered rows, whose bounds are made anew.

    Parameters
    ----------
    X : ndarray of shape (m, d)
        The gathered rows.
    rows : ndarray of shape (m,), int64
        Where they stand in `labels`, `gap`, `lower` and `weight`.
    largest : float
        The largest squared length of a centre.
    rounding : float
        The largest error of a score as a part of the squares that it is made of.
    slack, gap, lower, apart, drift, fled : as in :func:`in_doubt`
    """
    m, d = X.shape
    flat = scores.reshape(-1)
    found = np.empty(3 * BLOCK, dtype=scores.dtype)
    nothing = np.zeros(d, dtype=X.dtype)
    nowhere = np.zeros(d, dtype=X.dtype)
    changed = 0
    for start in range(0, m, BLOCK):
        inside = min(BLOCK, m - start)
        _nearest_two(flat, m, start, inside, levels, found)
        for r in range(inside):
            row, i = X[start + r], rows[start + r]
            old, new = labels[i], np.int32(found[BLOCK + r])
            square = _square_distance(row, nothing, X.dtype.type(1), nowhere)
            error = rounding * (square + largest)
            upper = slack * np.sqrt(max(0.0, np.float64(found[r]) + square + error))
            other = np.sqrt(max(0.0, np.float64(found[2 * BLOCK + r]) + square - error))
            gap[i] = max(other, apart[new]) - upper + drift[new]
            lower[i] = other + fled[new]
            if old != new:
                changed += 1
                labels[i] = new
                _move(row, nothing, weight[i] if len(weight) else 1.0, old, new, sums, weights)
    return changed
