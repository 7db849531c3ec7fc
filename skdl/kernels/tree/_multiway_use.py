"""Predicting with, pruning and tidying trees of any branching."""

import numpy as np

from skdl.kernels._array_loops import copy, longer
from skdl.kernels._compile import compiled, compiled_part
from skdl.kernels.tree._multiway import Multiway, branch_of

SLACK = 0.1  # Quinlan: prefer the simpler tree unless the other is estimated to make this many errors fewer


@compiled
def predict_shares(tree, X, out):
    """Class shares of each row (n, K): a case with a missing value takes every branch, weighted by the share of it."""
    n_classes = out.shape[1]
    nodes, parts = np.empty(tree.used[0] + 1, np.int64), np.empty(tree.used[0] + 1)
    for i in range(X.shape[0]):
        out[i] = 0.0
        nodes[0], parts[0] = 0, 1.0
        top = 1
        while top > 0:
            top -= 1
            node, part = nodes[top], parts[top]
            branch = -2
            while tree.feature[node] >= 0:
                branch = branch_of(tree, node, X[i, tree.feature[node]])
                if branch < 0:
                    break
                node = tree.child[tree.start[node] + branch]
            if tree.feature[node] < 0:
                total = tree.value[node].sum()
                for c in range(n_classes):
                    out[i, c] += part * tree.value[node, c] / total
                continue
            for b in range(tree.start[node], tree.start[node] + tree.n_branches[node]):
                if tree.share[b] > 0.0:
                    nodes[top], parts[top] = tree.child[b], part * tree.share[b]
                    top += 1


@compiled
def apply_multiway(tree, X, out):
    """The leaf of each row; where a value is missing, the branch with the largest share."""
    for i in range(X.shape[0]):
        node = 0
        while tree.feature[node] >= 0:
            branch = branch_of(tree, node, X[i, tree.feature[node]])
            if branch < 0:
                branch = np.argmax(tree.share[tree.start[node] : tree.start[node] + tree.n_branches[node]])
            node = tree.child[tree.start[node] + branch]
        out[i] = node


@compiled
def extra_errors(weight, errors, confidence, deviate):
    """By how much the upper confidence limit of the errors exceeds the errors (Quinlan 1993, chapter 4).

    ``deviate`` is the square of the normal deviate at ``confidence``.
    """
    if weight <= 0.0:
        return 0.0
    none = weight * (1.0 - confidence ** (1.0 / weight))
    if errors < 1e-6:
        return none
    if errors < 0.9999:
        return none + errors * (extra_errors(weight, 1.0, confidence, deviate) - none)
    if errors + 0.5 >= weight:
        return 0.67 * (weight - errors)
    e = errors + 0.5
    rate = e + deviate / 2.0 + np.sqrt(deviate * (e * (1.0 - e / weight) + deviate / 4.0))
    return weight * (rate / (weight + deviate)) - errors


@compiled_part
def _leaf_estimate(freq, confidence, deviate):
    weight = freq.sum()
    errors = weight - freq.max()
    return errors + extra_errors(weight, errors, confidence, deviate)


@compiled_part
def _branch_estimate(tree, top, table, rows, weights, confidence, deviate, freq):
    """Estimated errors of the subtree at ``top`` if it were given these cases. ``freq`` (nodes, K) is working
    memory.
    """
    order, n_order = np.empty(tree.used[0], np.int64), 1
    order[0] = top
    at = 0
    while at < n_order:
        node = order[at]
        at += 1
        freq[node] = 0.0
        for b in range(tree.start[node], tree.start[node] + tree.n_branches[node]):
            order[n_order] = tree.child[b]
            n_order += 1
    nodes, parts = np.empty(tree.used[0] + 1, np.int64), np.empty(tree.used[0] + 1)
    for k in range(len(rows)):
        nodes[0], parts[0] = top, weights[k]
        depth = 1
        while depth > 0:
            depth -= 1
            node, part = nodes[depth], parts[depth]
            if tree.feature[node] < 0:
                freq[node, table.label[rows[k]]] += part
                continue
            branch = branch_of(tree, node, table.X[rows[k], tree.feature[node]])
            for b in range(tree.n_branches[node]):
                slot = tree.start[node] + b
                if b == branch or (branch < 0 and tree.share[slot] > 0.0):
                    nodes[depth], parts[depth] = tree.child[slot], part if b == branch else part * tree.share[slot]
                    depth += 1
    total = 0.0
    for at in range(n_order):
        if tree.feature[order[at]] < 0:
            total += _leaf_estimate(freq[order[at]], confidence, deviate)
    return total


@compiled
def prune_pessimistic(tree, table, sample_weight, confidence, deviate, raising):
    """C4.5's error-based pruning, in place: bottom-up, a node becomes a leaf, or its largest branch, if that is
    estimated to make no more errors."""
    n = tree.used[0]
    estimate, freq = np.zeros(n), np.zeros((n, table.n_classes))
    rows, weights = np.arange(len(table.label)), sample_weight.copy()
    frames = np.empty((64, 4), np.int64)  # node, next branch, begin and end of its cases
    frames[0, 0], frames[0, 1], frames[0, 2], frames[0, 3] = 0, -1, 0, len(rows)
    n_frames = 1
    while n_frames > 0:
        node, branch, begin, end = frames[n_frames - 1]
        if branch < 0:
            _recount(tree, node, table, rows[begin:end], weights[begin:end])
            estimate[node] = 0.0
            frames[n_frames - 1, 1] = 0
            continue
        if tree.feature[node] >= 0 and branch < tree.n_branches[node]:
            frames[n_frames - 1, 1] += 1
            slot = tree.start[node] + branch
            if end + (end - begin) > len(rows):
                rows, weights = longer(rows, 2 * len(rows) + end), longer(weights, 2 * len(rows) + end)
            stop = end
            for k in range(begin, end):
                taken = branch_of(tree, node, table.X[rows[k], tree.feature[node]])
                part = weights[k] if taken == branch else (weights[k] * tree.share[slot] if taken < 0 else 0.0)
                if part > 0.0:
                    rows[stop], weights[stop] = rows[k], part
                    stop += 1
            if n_frames == len(frames):
                frames = longer(frames, 2 * n_frames)
            frames[n_frames, 0], frames[n_frames, 1] = tree.child[slot], -1
            frames[n_frames, 2], frames[n_frames, 3] = end, stop
            n_frames += 1
            continue
        n_frames -= 1
        as_leaf = _leaf_estimate(tree.value[node], confidence, deviate) if tree.weight[node] > 0.0 else 0.0
        if tree.feature[node] < 0:
            estimate[node] = as_leaf
            continue
        as_tree, largest = 0.0, tree.start[node]
        for b in range(tree.start[node], tree.start[node] + tree.n_branches[node]):
            as_tree += estimate[tree.child[b]]
            if tree.share[b] > tree.share[largest]:
                largest = b
        as_branch, heir = np.inf, tree.child[largest]
        if raising:
            as_branch = _branch_estimate(
                tree, heir, table, rows[begin:end], weights[begin:end], confidence, deviate, freq
            )
        estimate[node] = as_tree
        if as_leaf <= as_tree + SLACK and as_leaf <= as_branch + SLACK:
            tree.feature[node], tree.n_branches[node], estimate[node] = -2, 0, as_leaf
        elif as_branch <= as_tree + SLACK:
            tree.feature[node], tree.threshold[node] = tree.feature[heir], tree.threshold[heir]
            tree.start[node], tree.n_branches[node] = tree.start[heir], tree.n_branches[heir]
            frames[n_frames, 1] = -1  # the node again, with its new branches
            n_frames += 1


@compiled_part
def _recount(tree, node, table, rows, weights):
    """Set the class weights of a node and the shares of its branches from its cases."""
    if len(rows) == 0:
        tree.weight[node] = 0.0
        return
    tree.value[node] = 0.0
    for k in range(len(rows)):
        tree.value[node, table.label[rows[k]]] += weights[k]
    tree.weight[node] = tree.value[node].sum()
    if tree.feature[node] < 0:
        return
    sizes = np.zeros(tree.n_branches[node])
    for k in range(len(rows)):
        branch = branch_of(tree, node, table.X[rows[k], tree.feature[node]])
        if branch >= 0:
            sizes[branch] += weights[k]
    if sizes.sum() > 0.0:
        for b in range(tree.n_branches[node]):
            tree.share[tree.start[node] + b] = sizes[b] / sizes.sum()


@compiled
def prune_by_errors(tree, errors):
    """Make a leaf, bottom-up, of each node whose own ``errors`` do not exceed those of its subtree; in place."""
    below = errors.copy()
    for i in range(tree.used[0] - 1, -1, -1):
        if tree.feature[i] < 0:
            continue
        below[i] = 0.0
        for b in range(tree.start[i], tree.start[i] + tree.n_branches[i]):
            below[i] += below[tree.child[b]]
        if errors[i] <= below[i]:
            tree.feature[i], tree.n_branches[i], below[i] = -2, 0, errors[i]


@compiled
def held_out_errors(tree, X, label, errors):
    """How many of the rows each node would get wrong if it were a leaf; a missing value takes the largest branch."""
    for i in range(X.shape[0]):
        node = 0
        while True:
            errors[node] += np.argmax(tree.value[node]) != label[i]
            if tree.feature[node] < 0:
                break
            branch = branch_of(tree, node, X[i, tree.feature[node]])
            if branch < 0:
                branch = np.argmax(tree.share[tree.start[node] : tree.start[node] + tree.n_branches[node]])
            node = tree.child[tree.start[node] + branch]


@compiled
def truncate_multiway(tree, max_depth):
    """Make leaves of the nodes at ``max_depth``; in place."""
    for i in range(tree.used[0]):
        if tree.depth[i] >= max_depth:
            tree.feature[i], tree.n_branches[i] = -2, 0


@compiled
def tidied(tree):
    """A copy with nothing but the nodes that can be reached, numbered depth first."""
    n, n_classes = tree.used[0], tree.value.shape[1]
    number, order = np.full(n, -1), np.empty(n, np.int64)
    depth = np.zeros(n, np.int64)
    stack, top, found, n_branches = np.empty(n + 1, np.int64), 1, 0, 0
    stack[0] = 0
    while top > 0:
        top -= 1
        node = stack[top]
        number[node], order[found] = found, node
        found += 1
        n_branches += tree.n_branches[node]
        for b in range(tree.start[node] + tree.n_branches[node] - 1, tree.start[node] - 1, -1):
            depth[tree.child[b]] = depth[node] + 1
            stack[top] = tree.child[b]
            top += 1
    out = Multiway(
        np.empty(found, np.int64), np.empty(found), np.empty(found, np.int64), np.empty(found, np.int64),
        np.empty(found, np.int64), np.empty((found, n_classes)), np.empty(found), np.empty(n_branches, np.int64),
        np.empty(n_branches), np.array([found, n_branches]),
    )  # fmt: skip
    at = 0
    for i in range(found):
        node = order[i]
        out.feature[i], out.threshold[i], out.depth[i] = tree.feature[node], tree.threshold[node], depth[node]
        copy(tree.value[node], out.value[i])
        out.weight[i] = tree.weight[node]
        out.start[i], out.n_branches[i] = at, tree.n_branches[node]
        if tree.feature[node] < 0:
            out.threshold[i] = np.nan
        for b in range(tree.start[node], tree.start[node] + tree.n_branches[node]):
            out.child[at], out.share[at] = number[tree.child[b]], tree.share[b]
            at += 1
    return out
