"""The compiled loops of K-means seeding."""

import numpy as np
from numba import njit

from skdl.kernels._lloyd_loops import BLOCK, _square_distances


@njit(cache=True, nogil=True)
def extremes(X, low, high):
    """Lower and raise the extremes of the columns to those of X, float64."""
    n, d = X.shape
    for i in range(n):
        row = X[i]
        for j in range(d):
            value = np.float64(row[j])
            low[j] = value if value < low[j] else low[j]
            high[j] = value if value > high[j] else high[j]


@njit(cache=True, nogil=True)
def hash_rows(X, keys, hashes):
    """Write for each row the sum of its folded bits times the keys of the columns."""
    n, d = X.shape
    row = np.empty(d, dtype=np.float64)
    bits = row.view(np.uint64)
    for i in range(n):
        for j in range(d):
            row[j] = np.float64(X[i, j]) + 0.0
        total = np.uint64(0)
        for j in range(d):
            total += (bits[j] ^ (bits[j] >> np.uint64(32))) * keys[j]
        hashes[i] = total


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _potential(square, held, share):
    # In the type of X within a block alone; blocks are added up in float64.
    total = share[0] * min(square[0], held[0])
    for r in range(1, BLOCK):
        total += share[r] * (square[r] if square[r] < held[r] else held[r])
    return np.float64(total)


@njit(cache=True, nogil=True)
def potentials(turned, n, candidates, closest, weight, out):
    """Add to `out` what the weighted sum of squared distances would be with each of the candidates.

    Parameters
    ----------
    turned : ndarray of shape (n_blocks, d, 64)
    n : int
        How many rows there are.
    candidates : ndarray of shape (L, d), type of `turned`, in tile space
    closest : ndarray of shape (n,), type of `turned`
        Squared distances to the nearest centre so far.
    weight : ndarray of shape (n,) or (0,), float64
    out : ndarray of shape (L,), float64
    """
    square = np.empty(BLOCK, dtype=turned.dtype)
    held = np.zeros(BLOCK, dtype=turned.dtype)
    share = np.ones(BLOCK, dtype=turned.dtype)
    for b in range(len(turned)):
        start = b * BLOCK
        inside = min(BLOCK, n - start)
        held[:inside] = closest[start : start + inside]
        if len(weight):
            for r in range(inside):
                share[r] = weight[start + r]
        held[inside:] = 0
        for c in range(len(candidates)):
            _square_distances(turned[b], candidates[c], square)
            out[c] += _potential(square, held, share)


@njit(cache=True, nogil=True)
def lower_closest(turned, n, center, closest, weight, buckets, hashes, same, bucket_mass):
    """Lower the squared distances to the nearest centre by a new centre, and add up the mass of each bucket.

    Parameters
    ----------
    center : ndarray of shape (d,), type of `turned`, in tile space
    closest : ndarray of shape (n,), type of `turned`
    weight : ndarray of shape (n,) or (0,), float64
    buckets : ndarray of shape (n,), uint16
    hashes : ndarray of shape (n,), uint64
    same : uint64
        The hash of the new centre's row: rows with it are at no distance, whatever rounding says.
    bucket_mass : ndarray of shape (B,), float64
    """
    square = np.empty(BLOCK, dtype=turned.dtype)
    for b in range(len(turned)):
        start = b * BLOCK
        _square_distances(turned[b], center, square)
        for r in range(min(BLOCK, n - start)):
            i = start + r
            value = min(square[r], closest[i])
            if hashes[i] == same:
                value = 0
            closest[i] = value
            bucket_mass[buckets[i]] += np.float64(value) * (weight[i] if len(weight) else 1.0)


@njit(cache=True, nogil=True)
def _drawn(ends, total, target):
    """The first place that the cumulated masses pass, but not one beyond the last row that has any."""
    place = np.searchsorted(ends, target, side="right")
    return min(place, np.searchsorted(ends, total))


@njit(cache=True, nogil=True)
def plus_plus(turned, points, weight, order, hashes, uniform, chosen):
    """Choose rows by greedy k-means++, all in one thread.

    Parameters
    ----------
    turned : ndarray of shape (n_blocks, d, 64)
    points : ndarray of shape (n, d), type of `turned`
        The same rows as they were.
    weight : ndarray of shape (n,), float64
    order : ndarray of shape (n,), int64
        The rows in the order of their hashes.
    hashes : ndarray of shape (n,), uint64
    uniform : ndarray of shape (k, L), float64
        The numbers that decide; the first step uses one.
    chosen : ndarray of shape (k,), int64
    """
    n = len(points)
    n_trials = uniform.shape[1]
    closest = np.full(n, np.inf, dtype=turned.dtype)
    square = np.empty((n_trials, n), dtype=turned.dtype)
    one = np.empty(BLOCK, dtype=turned.dtype)
    ends = np.empty(n, dtype=np.float64)
    candidates = np.empty(n_trials, dtype=np.int64)
    for step in range(len(chosen)):
        total = 0.0
        if step:
            for place in range(n):
                i = order[place]
                total += weight[i] * np.float64(closest[i])
                ends[place] = total
        if not total > 0:
            # The first centre; or fewer distinct rows than clusters, where any row will do and repeats one.
            total = 0.0
            for place in range(n):
                total += weight[order[place]]
                ends[place] = total
        count = n_trials if step else 1
        for trial in range(count):
            candidates[trial] = order[_drawn(ends, total, uniform[step, trial] * total)]
        best, least = 0, np.inf
        if step == len(chosen) - 1 and count == 1:
            chosen[step] = candidates[0]
            return
        for trial in range(count):
            center = points[candidates[trial]]
            potential = 0.0
            for b in range(len(turned)):
                start = b * BLOCK
                _square_distances(turned[b], center, one)
                for r in range(min(BLOCK, n - start)):
                    value = min(one[r], closest[start + r])
                    square[trial, start + r] = value
                    potential += weight[start + r] * np.float64(value)
            if potential < least:
                best, least = trial, potential
        row = candidates[best]
        chosen[step] = row
        for i in range(n):
            # Rounding must not leave a row at a distance from itself.
            closest[i] = 0 if hashes[i] == hashes[row] else square[best, i]


@njit(cache=True, nogil=True)
def distinct(weight, order, hashes, uniform, chosen):
    """Choose rows of different contents in proportion to their weights; rows are repeated only where there are too few.

    Parameters
    ----------
    weight, order, hashes, chosen : as in :func:`plus_plus`
    uniform : ndarray of shape (k,), float64
    """
    n = len(weight)
    mass = weight.copy()
    ends = np.empty(n, dtype=np.float64)
    for step in range(len(chosen)):
        total = 0.0
        while not total > 0:
            for place in range(n):
                total += mass[order[place]]
                ends[place] = total
            if not total > 0:
                mass[:] = weight
        place = _drawn(ends, total, uniform[step] * total)
        row = chosen[step] = order[place]
        # Rows of one content stand together.
        while place > 0 and hashes[order[place - 1]] == hashes[row]:
            place -= 1
        while place < n and hashes[order[place]] == hashes[row]:
            mass[order[place]] = 0.0
            place += 1
