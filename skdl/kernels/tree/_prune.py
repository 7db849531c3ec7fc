"""Cutting subtrees off. A child always has a greater number than its parent, so loops replace recursion."""

import heapq

import numpy as np

from skdl.kernels._compile import compiled


@compiled
def cut_nodes(left, right, feature, threshold, impurity, n_samples, weight, missing_left, value, set_start, collapse):
    """The arrays of the tree whose marked nodes are leaves, in the order of the arguments; nodes keep their order."""
    n = len(left)
    number = np.full(n, -1)
    number[0] = 0
    n_kept = 0
    for i in range(n):
        if number[i] < 0:
            continue
        number[i] = n_kept
        n_kept += 1
        if left[i] >= 0 and not collapse[i]:
            number[left[i]], number[right[i]] = 0, 0
    new_left, new_right = np.empty(n_kept, left.dtype), np.empty(n_kept, left.dtype)
    new_feature, new_threshold = np.empty(n_kept, feature.dtype), np.empty(n_kept, threshold.dtype)
    new_impurity, new_n_samples = np.empty(n_kept, impurity.dtype), np.empty(n_kept, n_samples.dtype)
    new_weight, new_missing_left = np.empty(n_kept, weight.dtype), np.empty(n_kept, missing_left.dtype)
    new_value = np.empty((n_kept, value.shape[1], value.shape[2]), value.dtype)
    new_set_start = np.empty(n_kept, set_start.dtype)
    for i in range(n):
        k = number[i]
        if k < 0:
            continue
        new_impurity[k], new_n_samples[k], new_weight[k] = impurity[i], n_samples[i], weight[i]
        for o in range(value.shape[1]):
            for c in range(value.shape[2]):
                new_value[k, o, c] = value[i, o, c]
        if left[i] >= 0 and not collapse[i]:
            new_left[k], new_right[k] = number[left[i]], number[right[i]]
            new_feature[k], new_threshold[k] = feature[i], threshold[i]
            new_missing_left[k], new_set_start[k] = missing_left[i], set_start[i]
        else:
            new_left[k], new_right[k], new_feature[k], new_threshold[k] = -1, -1, -2, -2.0
            new_missing_left[k], new_set_start[k] = 0, -1
    return (
        new_left, new_right, new_feature, new_threshold, new_impurity, new_n_samples, new_weight, new_missing_left,
        new_value, new_set_start,
    )  # fmt: skip


@compiled
def places_in_pruned(left, right, pruned_left, pruned_right):
    """For each node of a tree the one of its pruning that its samples come to: itself, or the leaf above it."""
    place = np.zeros(len(left), np.int64)
    for i in range(len(left)):
        if left[i] >= 0:
            k = place[i]
            is_leaf = pruned_left[k] < 0
            place[left[i]] = k if is_leaf else pruned_left[k]
            place[right[i]] = k if is_leaf else pruned_right[k]
    return place


@compiled
def parents_and_depths(left, right):
    parent = np.full(len(left), -1)
    depth = np.zeros(len(left), np.int64)
    for i in range(len(left)):
        if left[i] >= 0:
            parent[left[i]], parent[right[i]] = i, i
            depth[left[i]], depth[right[i]] = depth[i] + 1, depth[i] + 1
    return parent, depth


@compiled
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


@compiled
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
