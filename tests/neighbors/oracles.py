"""Slow and obvious neighbour searches to compare with."""

import numpy as np


def all_distances(queries, X, p=2):
    """Minkowski distances in float64 from plain differences."""
    difference = np.abs(np.asarray(queries, dtype=np.float64)[:, None] - np.asarray(X, dtype=np.float64)[None])
    if p == np.inf:
        return difference.max(axis=2)
    return (difference**p).sum(axis=2) ** (1 / p)


def nearest(distances, k):
    """The k smallest of each row, ties by column."""
    indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, indices, axis=1), indices


def assert_same_neighbors(found, distances, k, rtol=1e-12):
    """Compare with the full matrix of distances; neighbours may be swapped only within rounding.

    Parameters
    ----------
    found : (ndarray, ndarray)
        Distances and indices that were found.
    distances : ndarray of shape (m, n)
        All distances.
    k : int
        How many there should be.
    rtol : float
        What counts as rounding.
    """
    expected, expected_indices = nearest(distances, k)
    assert found[1].shape == (len(distances), k)
    np.testing.assert_allclose(found[0], expected, rtol=rtol, atol=rtol * np.abs(expected).max())
    np.testing.assert_allclose(
        np.take_along_axis(distances, found[1], axis=1), expected, rtol=rtol, atol=rtol * np.abs(expected).max()
    )
    # Where no other distance is near, the index is decided.
    ordered = np.sort(distances, axis=1)
    gap = np.diff(ordered, axis=1, append=np.inf)[:, :k] > 10 * rtol * np.abs(expected).max()
    before = np.hstack([np.ones((len(gap), 1), dtype=bool), gap[:, :-1]])
    decided = gap & before
    np.testing.assert_array_equal(found[1][decided], expected_indices[decided])
    assert all(len(set(row)) == k for row in found[1].tolist())
