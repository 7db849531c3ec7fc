"""Walking samples down a tree."""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.uint64.

from typing import NamedTuple

import numpy as np

from skdl.kernels._compile import compiled

U = np.uint64
_BLOCK = 128  # rows that walk side by side: while one waits for the memory the others move
_LEVELS = 4  # levels between two looks at who has arrived


class Walker(NamedTuple):
    """A tree for walking: nodes in the order of a walk that goes left first, 16 bytes each.

    Node k is at ``2 * k``: its threshold, then, in one whole number, from the top: the node on the right (32 bits; the
    one on the left is k + 1), the feature (30 bits), whether it splits on categories, whether a missing value goes
    left. A leaf sends everything to the right, where it stands itself. A split on categories has instead of a
    threshold the place of its flags.
    """

    whole: np.ndarray  # (2 * nodes,) int64
    real: np.ndarray  # the same memory as float64
    flags: np.ndarray  # uint8: for each split on categories which of them go left, then the missing ones
    sizes: np.ndarray  # (d,) float64: how many categories each column has
    number: np.ndarray  # (nodes,) int64: the number of each node in the tree; (0,) where it is k


def make_walker(left, right, feature, threshold, missing_left, set_start, n_categories, sets) -> Walker:
    """Arrange the arrays of a binary tree for walking."""
    n = len(left)
    leaf = left < 0
    order = _left_first(left, right)
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n)
    categorical = set_start >= 0
    flags, starts = _flags(feature, missing_left, set_start, n_categories, sets, np.flatnonzero(categorical))
    whole = np.empty(2 * n, dtype=np.int64)
    real = whole.view(np.float64)
    real[::2] = np.where(leaf, -np.inf, threshold)[order]
    whole[0::2][categorical[order]] = starts[order][categorical[order]]
    target = np.where(leaf, place, place[right])
    side = np.where(leaf, 0, missing_left).astype(np.int64)
    kind = (np.where(leaf, 0, feature) << 2) | (categorical.astype(np.int64) << 1) | side
    whole[1::2] = ((target << 32) | kind)[order]
    number = np.empty(0, dtype=np.int64) if (order == np.arange(n)).all() else order
    return Walker(whole, real, flags, n_categories.astype(np.float64), number)


def _flags(feature, missing_left, set_start, n_categories, sets, nodes):
    """The flags of the splits on categories, each with one more for missing values, and where they begin."""
    starts = np.zeros(len(feature), dtype=np.int64)
    parts, begin = [np.zeros(1, dtype=np.uint8)], 1
    for node in nodes.tolist():
        size = int(n_categories[feature[node]])
        parts += [sets[set_start[node] : set_start[node] + size], missing_left[node : node + 1]]
        starts[node] = begin
        begin += size + 1
    return np.concatenate(parts), starts


@compiled
def _left_first(left, right):
    """The nodes in the order in which a walk meets them that goes left first."""
    n = len(left)
    order, stack = np.empty(n, np.int64), np.empty(n, np.int64)
    stack[0], top = 0, 1
    for k in range(n):
        top -= 1
        node = stack[top]
        order[k] = node
        if left[node] >= 0:
            stack[top], stack[top + 1] = right[node], left[node]
            top += 2
    return order


@compiled
def walk(X, walker, categorical, out):
    """Put the leaf of each row of X (n, d) into ``out`` (n,); ``categorical`` says whether any split is on categories.

    A block of rows takes a few levels together, without a branch that could be guessed wrong; then those that stand at
    a leaf leave the block.
    """
    whole, real, flags, sizes = walker.whole, walker.real, walker.flags, walker.sizes
    n, d = X.shape
    node, row = np.empty(_BLOCK, np.uint32), np.empty(_BLOCK, np.uint64)
    for begin in range(0, n, _BLOCK):
        size = min(_BLOCK, n - begin)
        has_missing = False
        for j in range(size):
            node[j], row[j] = 0, begin + j
            for f in range(d):
                has_missing |= X[begin + j, f] != X[begin + j, f]
        while size > 0:
            for _ in range(_LEVELS):
                if categorical:
                    for j in range(size):
                        at = U(node[j])
                        meta = U(whole[at + at + U(1)])
                        f = (meta >> U(2)) & U(0x3FFFFFFF)
                        x = np.float64(X[row[j], f])
                        known = (x >= 0.0) & (x < sizes[f])  # as a category; one that fit did not see is negative
                        code = U(np.int64(x if known else sizes[f]))
                        mask = U(0) - ((meta >> U(1)) & U(1))  # all ones where the split is on categories
                        flag = U(flags[(U(whole[at + at]) + code) & mask])
                        below = U((x <= real[at + at]) | ((x != x) & ((meta & U(1)) != U(0))))
                        left = ((flag & mask) | (below & ~mask)) != U(0)
                        node[j] = np.uint32(at + U(1)) if left else np.uint32(meta >> U(32))
                elif has_missing:
                    for j in range(size):
                        at = U(node[j])
                        meta = U(whole[at + at + U(1)])
                        x = np.float64(X[row[j], meta >> U(2) & U(0x3FFFFFFF)])
                        left = (x <= real[at + at]) | ((x != x) & ((meta & U(1)) != U(0)))
                        node[j] = np.uint32(at + U(1)) if left else np.uint32(meta >> U(32))
                else:
                    for j in range(size):
                        at = U(node[j])
                        meta = U(whole[at + at + U(1)])
                        x = np.float64(X[row[j], meta >> U(2) & U(0x3FFFFFFF)])
                        node[j] = np.uint32(at + U(1)) if x <= real[at + at] else np.uint32(meta >> U(32))
            still = 0
            for j in range(size):
                at = node[j]
                out[row[j]] = at
                node[still], row[still] = at, row[j]
                still += np.int64((U(whole[U(2) * U(at) + U(1)]) >> U(32)) != U(at))
            size = still


@compiled
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
