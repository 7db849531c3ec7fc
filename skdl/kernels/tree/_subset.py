"""Categorical columns in a binary tree: which categories go left.

With two classes, or one numeric target, some best subset is a prefix of the categories sorted by their mean target
(Fisher 1958, Breiman et al. 1984 theorem 4.5), so one scan finds it. With more classes or outputs every subset is
tried up to MAX_EXHAUSTIVE categories in the node; beyond that the prefixes of several orders are: by the share of
each class and along the first principal component of the class shares (Coppersmith, Hong & Hosking 1999,
doi:10.1023/A:1009869804967).
"""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

import numpy as np

from skdl.kernels._array_loops import copy, stable_order
from skdl.kernels._compile import compiled_part
from skdl.kernels.tree._criteria import NO_SPLIT, add_sample, weight_of, worth
from skdl.kernels.tree._problem import ABSOLUTE
from skdl.kernels.tree._random import mix
from skdl.kernels.tree._scan_column import scan_numeric

U = np.uint64
MAX_EXHAUSTIVE = 10


@compiled_part
def scan_categories(segment, n_known, problem, scratch, rare, node, sign, random_key):
    """The best subset of the categories in ``segment``; see ``_scan`` for what goes in and out.

    ``scratch.left_set`` is set to the categories that go left (position tells no more than that a cut was found).
    """
    limits, n_stats = problem.limits, len(scratch.stats)
    n_groups = _find_groups(segment, n_known, problem, n_stats, rare)
    two_sided = n_stats == 1 or (problem.samples.label.shape[1] == 1 and n_stats == 2)
    first_key, last_key, only = 0, n_stats, 0
    if limits.random_splits:
        first_key, last_key = n_stats + 1, n_stats + 1
        only = 1 + np.int64(mix(random_key, U(1 << 40)) % U(max(n_groups - 1, 1)))
    elif two_sided:
        first_key, last_key = n_stats - 1, n_stats - 1
    elif limits.criterion != ABSOLUTE and n_groups <= MAX_EXHAUSTIVE:
        return _try_all_subsets(segment, n_known, n_groups, problem, scratch, rare, node)
    best, position, missing_left = NO_SPLIT, 0, False
    for key in range(first_key, last_key + 1):
        _set_keys(n_groups, key, n_stats, random_key, rare)
        bar = best + node.tol if position > 0 else -np.inf
        score, at, side = _scan_order(segment, n_known, n_groups, only, problem, scratch, rare, node, sign, bar)
        if at > 0 and (score > best + node.tol or position == 0):
            best, position, missing_left = score, at, side
    return best, position, missing_left


@compiled_part
def _find_groups(segment, n_known, problem, n_stats, rare):
    """Collect the categories in the node, where their records lie, and their statistics."""
    code_shift = U(problem.layout.row_bits + problem.layout.label_bits)
    row_mask = (U(1) << U(problem.layout.row_bits)) - U(1)
    n_groups = 0
    for i in range(n_known):
        code = np.int64(segment[i] >> code_shift)
        if n_groups == 0 or rare.groups[n_groups - 1, 0] != code:
            rare.groups[n_groups, 0] = code
            rare.groups[n_groups, 1] = i
            rare.group_stats[n_groups, :] = 0.0
            n_groups += 1
        rare.groups[n_groups - 1, 2] = i + 1
        row = np.int64(segment[i] & row_mask)
        w = weight_of(problem.samples, row)
        add_sample(rare.group_stats[n_groups - 1], problem.samples, row, w)
        rare.group_stats[n_groups - 1, n_stats] += w
    return n_groups


@compiled_part
def _set_keys(n_groups, key, n_stats, random_key, rare):
    """Set the sorting key of each category: its mean of one statistic, (key = V) the first principal component, or
    (key = V + 1) a random number."""
    stats = rare.group_stats
    if key > n_stats:
        for g in range(n_groups):
            stats[g, n_stats + 1] = float(mix(random_key, rare.groups[g, 0]) >> U(11))
        return
    if key < n_stats:
        for g in range(n_groups):
            stats[g, n_stats + 1] = stats[g, key] / stats[g, n_stats]
        return
    centre, axis, image = np.zeros(n_stats), np.ones(n_stats), np.zeros(n_stats)
    weight = stats[:n_groups, n_stats].sum()
    for v in range(n_stats):
        centre[v] = stats[:n_groups, v].sum() / weight
        axis[v] = 1.0 / (v + 1.0)
    for _ in range(20):
        image[:] = 0.0
        for g in range(n_groups):
            w = stats[g, n_stats]
            along = 0.0
            for v in range(n_stats):
                along += (stats[g, v] / w - centre[v]) * axis[v]
            for v in range(n_stats):
                image[v] += w * along * (stats[g, v] / w - centre[v])
        length = np.sqrt((image * image).sum())
        if length == 0.0:
            break
        for v in range(n_stats):
            axis[v] = image[v] / length
    for g in range(n_groups):
        along = 0.0
        for v in range(n_stats):
            along += stats[g, v] / stats[g, n_stats] * axis[v]
        stats[g, n_stats + 1] = along


@compiled_part
def _scan_order(segment, n_known, n_groups, only_group, problem, scratch, rare, node, sign, bar):
    """Scan the prefixes of the categories in the order of their keys; write the best one down if it is above
    ``bar``.
    """
    code_shift = U(problem.layout.row_bits + problem.layout.label_bits)
    low_bits = (U(1) << code_shift) - U(1)
    n_stats = len(scratch.stats)
    order = stable_order(rare.group_stats[:n_groups, n_stats + 1])
    n = len(segment)
    arranged = scratch.buffer[:n]
    at, only = np.int64(0), np.int64(0)  # a literal would make numba compile the scans once more
    for place in range(n_groups):
        g = order[place]
        for i in range(rare.groups[g, 1], rare.groups[g, 2]):
            arranged[at] = (segment[i] & low_bits) | (U(place) << code_shift)
            at += 1
        if place + 1 == only_group:
            only = at
    copy(segment[n_known:], arranged[n_known:])
    best, position, missing_left = scan_numeric(arranged, n_known, problem, scratch, rare, node, sign, only)
    if position > 0 and best > bar:
        scratch.left_set[:] = 0
        at = 0
        for place in range(n_groups):
            g = order[place]
            at += rare.groups[g, 2] - rare.groups[g, 1]
            if at <= position:
                scratch.left_set[rare.groups[g, 0]] = 1
    return best, position, missing_left


@compiled_part
def _try_all_subsets(segment, n_known, n_groups, problem, scratch, rare, node):
    """Try every subset in the order of a Gray code, so that each one differs from the last by one category."""
    row_mask = (U(1) << U(problem.layout.row_bits)) - U(1)
    samples, limits = problem.samples, problem.limits
    groups, stats, n_stats = rare.groups, rare.group_stats, len(scratch.stats)
    left, right, total = scratch.left, scratch.right, scratch.stats
    n = len(segment)
    n_missing = n - n_known
    best, best_mask, missing_left = NO_SPLIT, 0, False
    for side in range(2 if n_missing > 0 else 1):
        left[:] = 0.0
        weight_left, n_left = 0.0, 0
        if side == 1:
            n_left = n_missing
            for i in range(n_known, n):
                row = np.int64(segment[i] & row_mask)
                w = weight_of(samples, row)
                add_sample(left, samples, row, w)
                weight_left += w
        mask = 0
        # Without missing values a subset and its complement are one split, so the last category stays on the right.
        free = n_groups if n_missing > 0 else n_groups - 1
        for turn in range(1, 1 << free):
            g = 0
            while (turn >> g) & 1 == 0:
                g += 1
            mask ^= 1 << g
            direction = 1.0 if (mask >> g) & 1 else -1.0
            for v in range(n_stats):
                left[v] += direction * stats[g, v]
            weight_left += direction * stats[g, n_stats]
            n_left += np.int64(direction) * (groups[g, 2] - groups[g, 1])
            weight_right = node.weight - weight_left
            if n_left < limits.min_samples_leaf or n - n_left < limits.min_samples_leaf or n_left == n:
                continue
            if weight_left < limits.min_weight_leaf or weight_right < limits.min_weight_leaf or weight_right <= 0.0:
                continue
            for v in range(n_stats):
                right[v] = total[v] - left[v]
            score = worth(limits.criterion, samples.first, left, right, total, weight_left, weight_right)
            if score > best + node.tol or (best_mask == 0 and score > NO_SPLIT):
                best, best_mask, missing_left = score, mask, side == 1
    scratch.left_set[:] = 0
    for g in range(n_groups):
        if (best_mask >> g) & 1:
            scratch.left_set[groups[g, 0]] = 1
    return best, best_mask, missing_left
