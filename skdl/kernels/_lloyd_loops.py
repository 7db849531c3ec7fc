"""The compiled loops of K-means: blocks of 64 rows, turned so that neighbouring numbers belong to neighbouring rows.

In a turned block the distances of 64 rows to one centre are computed side by side, by vector instructions, and so is
the comparison with the best so far. Differences are squared as they are, so nothing cancels.
"""

import numpy as np
from numba import njit

BLOCK = 64


@njit(cache=True, nogil=True, inline="always")
def _turn(X, rows, start, stop, shift, scale, turned):
    """Write centred, scaled rows as columns; `rows` picks them unless it is empty."""
    d = X.shape[1]
    for r in range(stop - start):
        row = X[rows[start + r]] if len(rows) else X[start + r]
        for j in range(d):
            turned[j, r] = (row[j] - shift[j]) * scale
    for r in range(stop - start, BLOCK):
        for j in range(d):
            turned[j, r] = 0


@njit(cache=True, nogil=True, inline="always", fastmath={"contract"})
def _square_distances(turned, center, out):
    """Squared distances of the block's rows to one centre."""
    d = turned.shape[0]
    whole = d - d % 4
    for r in range(BLOCK):
        out[r] = 0
    for j in range(0, whole, 4):
        x0, x1, x2, x3 = turned[j], turned[j + 1], turned[j + 2], turned[j + 3]
        c0, c1, c2, c3 = center[j], center[j + 1], center[j + 2], center[j + 3]
        for r in range(BLOCK):
            a, b, e, f = x0[r] - c0, x1[r] - c1, x2[r] - c2, x3[r] - c3
            out[r] += a * a + b * b + e * e + f * f
    for j in range(whole, d):
        x0 = turned[j]
        c0 = center[j]
        for r in range(BLOCK):
            a = x0[r] - c0
            out[r] += a * a


@njit(cache=True, nogil=True, fastmath={"contract"})
def nearest(X, shift, scale, centers, labels, distances):
    """Write each row's nearest centre, the first one of equals, and the squared distance to it.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    shift : ndarray of shape (d,), type of X
    scale : scalar, type of X
    centers : ndarray of shape (k, d), type of X
    labels : ndarray of shape (n,), int32
    distances : ndarray of shape (n,) or (0,), type of X
        Left alone where it is empty.
    """
    n, d = X.shape
    turned = np.empty((d, BLOCK), dtype=X.dtype)
    square = np.empty(BLOCK, dtype=X.dtype)
    best = np.empty(BLOCK, dtype=X.dtype)
    label = np.empty(BLOCK, dtype=np.int32)
    nobody = np.empty(0, dtype=np.int64)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        _turn(X, nobody, start, stop, shift, scale, turned)
        best[:] = np.inf
        label[:] = 0
        for c in range(len(centers)):
            _square_distances(turned, centers[c], square)
            for r in range(BLOCK):
                closer = square[r] < best[r]
                best[r] = square[r] if closer else best[r]
                label[r] = c if closer else label[r]
        labels[start:stop] = label[: stop - start]
        if len(distances):
            distances[start:stop] = best[: stop - start]


@njit(cache=True, nogil=True)
def add_up(X, shift, scale, labels, weight, sums, weights):
    """Add centred, scaled rows to the sums of their clusters.

    Parameters
    ----------
    weight : ndarray of shape (n,) or (0,), float64
        Empty where each row counts once.
    sums : ndarray of shape (k, d), float64
    weights : ndarray of shape (k,), float64
    """
    n, d = X.shape
    for i in range(n):
        c = labels[i]
        row, into = X[i], sums[c]
        if len(weight):
            w = weight[i]
            weights[c] += w
            for j in range(d):
                into[j] += w * np.float64((row[j] - shift[j]) * scale)
        else:
            weights[c] += 1.0
            for j in range(d):
                into[j] += np.float64((row[j] - shift[j]) * scale)


@njit(cache=True, nogil=True, fastmath={"contract"})
def all_distances(X, shift, scale, centers, out):
    """Write the squared distances of all rows to all centres; out is of shape (k, n)."""
    n, d = X.shape
    turned = np.empty((d, BLOCK), dtype=X.dtype)
    square = np.empty(BLOCK, dtype=X.dtype)
    nobody = np.empty(0, dtype=np.int64)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        _turn(X, nobody, start, stop, shift, scale, turned)
        for c in range(len(centers)):
            _square_distances(turned, centers[c], square)
            out[c, start:stop] = square[: stop - start]


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


@njit(cache=True, nogil=True, fastmath={"contract"})
def bounded_step(
    X, shift, scale, centers, labels, upper, lower, apart, moved, farthest, slack, weight, sums, weights, failing
):
    """Move bounds along with the centres, and compare with all centres only the rows whose bounds do not decide.

    Parameters
    ----------
    labels : ndarray of shape (n,), int32
        -1 in the first step.
    upper, lower : ndarray of shape (n,), float64
        No less than the distance to the own centre, no more than the distance to any other.
    apart : ndarray of shape (k,), float64
        Half the distance from each centre to its nearest neighbour.
    moved : ndarray of shape (k,), float64
        How far each centre moved since the last step.
    farthest : ndarray of shape (k,), float64
        How far any other centre moved.
    slack : float
        One and a little more: what rounding may have changed.
    weight : ndarray of shape (n,) or (0,), float64
    sums, weights : ndarray of shape (k, d) and (k,), float64
        Rows that change their cluster are moved from one sum to another.
    failing : ndarray of shape (n,), int64
        Scratch.

    Returns
    -------
    changed, compared : int
        The numbers of rows that changed their cluster, and of rows that were compared with all centres.
    """
    n, d = X.shape
    n_failing = 0
    for i in range(n):
        c = labels[i]
        if c >= 0:
            upper[i] += moved[c]
            lower[i] -= farthest[c]
            bound = max(lower[i], apart[c])
            if upper[i] * slack <= bound:
                continue
            upper[i] = np.sqrt(_square_distance(X[i], shift, scale, centers[c]))
            if upper[i] * slack <= bound:
                continue
        failing[n_failing] = i
        n_failing += 1
    turned = np.empty((d, BLOCK), dtype=X.dtype)
    square = np.empty(BLOCK, dtype=X.dtype)
    best = np.empty(BLOCK, dtype=X.dtype)
    second = np.empty(BLOCK, dtype=X.dtype)
    label = np.empty(BLOCK, dtype=np.int32)
    changed = 0
    for start in range(0, n_failing, BLOCK):
        stop = min(start + BLOCK, n_failing)
        _turn(X, failing, start, stop, shift, scale, turned)
        best[:] = np.inf
        second[:] = np.inf
        label[:] = 0
        for c in range(len(centers)):
            _square_distances(turned, centers[c], square)
            for r in range(BLOCK):
                closer = square[r] < best[r]
                other = best[r] if closer else square[r]
                second[r] = other if other < second[r] else second[r]
                best[r] = square[r] if closer else best[r]
                label[r] = c if closer else label[r]
        for r in range(stop - start):
            i = failing[start + r]
            upper[i] = np.sqrt(np.float64(best[r])) * slack
            lower[i] = np.sqrt(np.float64(second[r])) / slack
            old, new = labels[i], label[r]
            if old != new:
                changed += 1
                labels[i] = new
                w = weight[i] if len(weight) else 1.0
                weights[new] += w
                for j in range(d):
                    sums[new, j] += w * np.float64(turned[j, r])
                if old >= 0:
                    weights[old] -= w
                    for j in range(d):
                        sums[old, j] -= w * np.float64(turned[j, r])
    return changed, n_failing


@njit(cache=True, nogil=True)
def label_products(scores, labels):
    """Write the column-wise position of the least score, the first one of equals; scores is of shape (k, m)."""
    k, m = scores.shape
    best = scores[0].copy()
    labels[:] = 0
    for c in range(1, k):
        row = scores[c]
        for r in range(m):
            closer = row[r] < best[r]
            best[r] = row[r] if closer else best[r]
            labels[r] = c if closer else labels[r]
