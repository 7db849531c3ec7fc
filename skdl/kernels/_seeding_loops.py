"""The compiled loops of K-means seeding."""

import numpy as np
from numba import njit

from skdl.kernels._lloyd_loops import BLOCK, _square_distances, _turn


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
def potentials(X, shift, scale, candidates, closest, weight, out):
    """Add to `out` what the weighted sum of squared distances would be with each of the candidates.

    Parameters
    ----------
    candidates : ndarray of shape (L, d), type of X, in tile space
    closest : ndarray of shape (n,), type of X
        Squared distances to the nearest centre so far.
    weight : ndarray of shape (n,) or (0,), float64
    out : ndarray of shape (L,), float64
    """
    n, d = X.shape
    turned = np.empty((d, BLOCK), dtype=X.dtype)
    square = np.empty(BLOCK, dtype=X.dtype)
    held = np.zeros(BLOCK, dtype=X.dtype)
    share = np.zeros(BLOCK, dtype=X.dtype)
    nobody = np.empty(0, dtype=np.int64)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        _turn(X, nobody, start, stop, shift, scale, turned)
        for r in range(BLOCK):
            inside = r < stop - start
            held[r] = closest[start + r] if inside else 0
            share[r] = (weight[start + r] if len(weight) else 1.0) if inside else 0.0
        for c in range(len(candidates)):
            _square_distances(turned, candidates[c], square)
            # In the type of X within a block alone; blocks are added up in float64.
            total = share[0] * min(square[0], held[0])
            for r in range(1, BLOCK):
                total += share[r] * (square[r] if square[r] < held[r] else held[r])
            out[c] += np.float64(total)


@njit(cache=True, nogil=True, fastmath={"contract"})
def lower_closest(X, shift, scale, center, closest, weight, buckets, hashes, same, bucket_mass):
    """Lower the squared distances to the nearest centre by a new centre, and add up the mass of each bucket.

    Parameters
    ----------
    center : ndarray of shape (d,), type of X, in tile space
    closest : ndarray of shape (n,), type of X
    weight : ndarray of shape (n,) or (0,), float64
    buckets : ndarray of shape (n,), uint16
    hashes : ndarray of shape (n,), uint64
    same : uint64
        The hash of the new centre's row: rows with it are at no distance, whatever rounding says.
    bucket_mass : ndarray of shape (B,), float64
    """
    n, d = X.shape
    turned = np.empty((d, BLOCK), dtype=X.dtype)
    square = np.empty(BLOCK, dtype=X.dtype)
    nobody = np.empty(0, dtype=np.int64)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        _turn(X, nobody, start, stop, shift, scale, turned)
        _square_distances(turned, center, square)
        for r in range(stop - start):
            i = start + r
            value = min(square[r], closest[i])
            if hashes[i] == same:
                value = 0
            closest[i] = value
            bucket_mass[buckets[i]] += np.float64(value) * (weight[i] if len(weight) else 1.0)
