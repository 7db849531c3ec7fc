"""Walking samples down a tree."""

import numpy as np
from numba import njit

_BATCH = 16


@njit(cache=True, nogil=True, error_model="numpy")
def apply_numeric(X, feature, threshold, children, missing_left, out):
    """Leaf of each sample where every split is numeric; ``children`` is (nodes, 2) with a leaf its own child.

    Several samples walk side by side, so that one waits for the memory while the others move.
    """
    n = X.shape[0]
    at = np.zeros(_BATCH, np.int64)
    for begin in range(0, n, _BATCH):
        size = min(_BATCH, n - begin)
        at[:] = 0
        moved = True
        while moved:
            moved = False
            for j in range(size):
                node = at[j]
                x = X[begin + j, feature[node]]
                left = (x <= threshold[node]) | ((x != x) & missing_left[node])
                after = children[node, 1 - np.int64(left)]
                moved |= after != node
                at[j] = after
        for j in range(size):
            out[begin + j] = at[j]


@njit(cache=True, nogil=True, error_model="numpy")
def goes_left(x, threshold, missing_left, set_start, set_size, sets):
    """Whether a value goes left; a category that fit did not see (a negative code) goes where missing values go."""
    if np.isnan(x):
        return missing_left
    if set_start < 0:
        return x <= threshold
    code = np.int64(x)
    if code < 0 or code >= set_size:
        return missing_left
    return sets[set_start + code] == 1


@njit(cache=True, nogil=True, error_model="numpy")
def apply_mixed(X, feature, threshold, children, missing_left, set_start, set_size, sets, out):
    """Leaf of each sample of a tree with categorical splits."""
    for i in range(X.shape[0]):
        node = 0
        while children[node, 0] != node:
            x = X[i, feature[node]]
            left = goes_left(x, threshold[node], missing_left[node], set_start[node], set_size[feature[node]], sets)
            node = children[node, 0 if left else 1]
        out[i] = node


@njit(cache=True, nogil=True, error_model="numpy")
def paths(leaves, parent, depth):
    """The nodes from the root to each sample's leaf: (indptr, indices), each row sorted by number."""
    n = len(leaves)
    indptr = np.zeros(n + 1, np.int64)
    for i in range(n):
        indptr[i + 1] = indptr[i] + depth[leaves[i]] + 1
    indices = np.empty(indptr[n], np.int64)
    for i in range(n):
        node = leaves[i]
        for place in range(indptr[i + 1] - 1, indptr[i] - 1, -1):
            indices[place] = node
            node = parent[node]
    return indptr, indices
