"""The compiled loops of K-means seeding."""

import numpy as np
from numba import njit

from skdl.kernels._array_loops import copy, stable_order
from skdl.kernels._turned_loops import square_distances, three_square_distances
from skdl.kernels.rowblocks import BLOCK


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


@njit(cache=True, nogil=True)
def sort_within(order, hashes, edges):
    """Sort the rows that stand between two neighbouring edges by their hashes; of equals the order stays."""
    for b in range(len(edges) - 1):
        some = order[edges[b] : edges[b + 1]]
        if len(some) > 64:
            copy(some[stable_order(hashes[some])], some)
            continue
        for i in range(1, len(some)):
            row, place = some[i], i
            while place > 0 and hashes[some[place - 1]] > hashes[row]:
                some[place] = some[place - 1]
                place -= 1
            some[place] = row


@njit(cache=True, nogil=True, fastmath={"contract", "reassoc"})
def _potential(square, held, share):
    # In the type of X within a block alone; blocks are added up in float64.
    total = share[0] * min(square[0], held[0])
    for r in range(1, BLOCK):
        total += share[r] * (square[r] if square[r] < held[r] else held[r])
    return np.float64(total)


@njit(cache=True, nogil=True)
def _drawn(ends, total, target):
    """The first place that the cumulated masses pass, but not one beyond the last row that has any."""
    place = np.searchsorted(ends, target, side="right")
    return min(place, np.searchsorted(ends, total))


@njit(cache=True, nogil=True)
def try_candidates(turned, n, center, candidates, closest, weight, masses):
    """Lower the squared distances to the nearest centre by a new centre, and say what candidates would make of them.

    Parameters
    ----------
    turned : ndarray of shape (n_blocks, d, 64)
    n : int
        How many rows there are.
    center : ndarray of shape (1, d) or (0, d), type of `turned`, in tile space
        The new centre, if there is one.
    candidates : ndarray of shape (L, d), type of `turned`, in tile space
    closest : ndarray of shape (n,), type of `turned`
        Squared distances to the nearest centre.
    weight : ndarray of shape (n,) or (0,), float64
    masses : ndarray of shape (L, n_blocks), float64
        The weighted sum of each block's squared distances with each candidate is written here.
    """
    square = np.empty(BLOCK, dtype=turned.dtype)
    squares = np.empty(3 * BLOCK, dtype=turned.dtype)
    held = np.zeros(BLOCK, dtype=turned.dtype)
    share = np.ones(BLOCK, dtype=turned.dtype)
    for b in range(len(turned)):
        start = b * BLOCK
        inside = min(BLOCK, n - start)
        copy(closest[start : start + inside], held)
        held[inside:] = 0
        if len(center):
            square_distances(turned[b], center[0], square)
            for r in range(BLOCK):
                held[r] = square[r] if square[r] < held[r] else held[r]
            copy(held[:inside], closest[start:])
        if len(weight):
            for r in range(inside):
                share[r] = weight[start + r]
        for c in range(0, len(candidates), 3):
            three_square_distances(turned[b], candidates, c, squares)
            for q in range(min(3, len(candidates) - c)):
                masses[c + q, b] = _potential(squares[q * BLOCK : (q + 1) * BLOCK], held, share)


@njit(cache=True, nogil=True)
def draw(X, order, shift, scale, center, closest, weight, masses, uniform, chosen):
    """Draw rows in proportion to the masses of their blocks, and within a block to their own.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    order : ndarray of shape (n,), int64
        The rows in the order in which they lie in blocks.
    center : ndarray of shape (1, d) or (0, d), in tile space
        A centre by which `closest` has yet to be lowered; where there is none, the weights alone are the masses.
    closest, weight : ndarray of shape (n,), in that order; `weight` may be empty
    masses : ndarray of shape (n_blocks,), float64
    uniform : ndarray of shape (L,), float64
    chosen : ndarray of shape (L,), int64
    """
    ends = np.cumsum(masses)
    inner = np.empty(BLOCK, dtype=np.float64)
    for i in range(len(uniform)):
        target = uniform[i] * ends[-1]
        b = _drawn(ends, ends[-1], target)
        if b:
            target -= ends[b - 1]
        start = b * BLOCK
        inside = min(BLOCK, len(order) - start)
        total = 0.0
        for r in range(inside):
            mass = weight[start + r] if len(weight) else 1.0
            if len(center):
                row = X[order[start + r]]
                square = X.dtype.type(0)
                for j in range(len(row)):
                    gap = (row[j] - shift[j]) * scale - center[0, j]
                    square += gap * gap
                mass *= np.float64(min(square, closest[start + r]))
            total += mass
            inner[r] = total
        chosen[i] = order[start + _drawn(inner[:inside], total, target)]


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
                square_distances(turned[b], center, one)
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
                copy(weight, mass)
        place = _drawn(ends, total, uniform[step] * total)
        row = chosen[step] = order[place]
        # Rows of one content stand together.
        while place > 0 and hashes[order[place - 1]] == hashes[row]:
            place -= 1
        while place < n and hashes[order[place]] == hashes[row]:
            mass[order[place]] = 0.0
            place += 1
