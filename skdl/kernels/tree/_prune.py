"""Cutting subtrees off. A child always has a greater number than its parent, so loops replace recursion."""

import heapq

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def kept_nodes(left, right, collapse):
    """Which nodes remain when the marked nodes become leaves: their old numbers, in order."""
    n = len(left)
    keep = np.zeros(n, np.bool_)
    keep[0] = True
    for i in range(n):
        if keep[i] and left[i] >= 0 and not collapse[i]:
            keep[left[i]] = True
            keep[right[i]] = True
    return np.flatnonzero(keep)


@njit(cache=True, nogil=True, error_model="numpy")
def parents_and_depths(left, right):
    parent = np.full(len(left), -1)
    depth = np.zeros(len(left), np.int64)
    for i in range(len(left)):
        if left[i] >= 0:
            parent[left[i]], parent[right[i]] = i, i
            depth[left[i]], depth[right[i]] = depth[i] + 1, depth[i] + 1
    return parent, depth


@njit(cache=True, nogil=True, error_model="numpy")
def weakest_links(left, right, risk):
    """Minimal cost-complexity pruning (Breiman et al. 1984, chapter 3) of the whole tree.

    ``risk`` is each node's impurity times its share of the weight. Returns for each node the alpha at which it
    becomes a leaf (infinite for leaves and for nodes that vanish with one above them at the same or a smaller
    alpha), and the path: one entry for each pruning, with its alpha and the total risk of what remains.
    """
    n = len(left)
    parent, _ = parents_and_depths(left, right)
    below = risk.copy()  # risk of the leaves under a node
    leaves = np.ones(n, np.int64)
    n_internal = 0
    for i in range(n - 1, -1, -1):
        if left[i] >= 0:
            below[i] = below[left[i]] + below[right[i]]
            leaves[i] = leaves[left[i]] + leaves[right[i]]
            n_internal += 1
    heap = [(0.0, 0)]
    heap.pop()
    for i in range(n):
        if left[i] >= 0:
            heap.append(((risk[i] - below[i]) / (leaves[i] - 1), i))
    heapq.heapify(heap)
    alphas = np.full(n, np.inf)
    gone = np.zeros(n, np.bool_)
    path_alpha, path_risk = np.empty(n_internal + 1), np.empty(n_internal + 1)
    path_alpha[0], path_risk[0] = 0.0, below[0]
    steps = 1
    while len(heap) > 0:
        stored, i = heapq.heappop(heap)
        if gone[i]:
            continue
        # Pruning below a node only makes its link stronger, so an entry that is out of date is too small.
        link = (risk[i] - below[i]) / (leaves[i] - 1)
        if link > stored:
            heapq.heappush(heap, (link, i))
            continue
        alphas[i] = max(link, path_alpha[steps - 1])
        # All under i is gone; its subtree is walked once, since what is gone is not entered again.
        walk = [i]
        while len(walk) > 0:
            node = walk.pop()
            gone[node] = True
            if left[node] >= 0 and (node == i or alphas[node] == np.inf):
                walk.append(left[node])
                walk.append(right[node])
        fewer, more = leaves[i] - 1, risk[i] - below[i]
        node = i
        while node >= 0:
            leaves[node] -= fewer
            below[node] += more
            node = parent[node]
        path_alpha[steps], path_risk[steps] = alphas[i], below[0]
        steps += 1
    return alphas, path_alpha[:steps], path_risk[:steps]


@njit(cache=True, nogil=True, error_model="numpy")
def no_worse_as_leaves(left, right, errors, slack):
    """Which nodes to make leaves of, bottom-up: those whose ``errors`` exceed their pruned subtree's by at most
    ``slack``.
    """
    n = len(left)
    collapse = np.zeros(n, np.bool_)
    below = errors.copy()
    for i in range(n - 1, -1, -1):
        if left[i] >= 0:
            below[i] = below[left[i]] + below[right[i]]
            if errors[i] <= below[i] + slack:
                collapse[i] = True
                below[i] = errors[i]
    return collapse
