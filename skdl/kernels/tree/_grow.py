"""Growing a binary tree from sorted records, depth first or best first."""

import heapq
from typing import NamedTuple

import numpy as np

from skdl.kernels._array_loops import copy, longer
from skdl.kernels._compile import compiled, compiled_part
from skdl.kernels.tree._compact import grow_compact
from skdl.kernels.tree._criteria import (
    impurity_of_classes,
    impurity_of_targets,
    is_pure,
    node_statistics,
    tolerance,
    weight_of,
)
from skdl.kernels.tree._median import node_medians
from skdl.kernels.tree._nodes import (
    DEPTH,
    FEATURE,
    LOWER,
    MISSING_LEFT,
    N_SAMPLES,
    POSITION,
    SET_START,
    START,
    THRESHOLD,
    UPPER,
    add_leaf,
    with_room_in_sets,
)
from skdl.kernels.tree._problem import ABSOLUTE
from skdl.kernels.tree._random import mix
from skdl.kernels.tree._scan_column import Node
from skdl.kernels.tree._split import find_split, mark_sides, partition, threshold_between

U = np.uint64


class Stack(NamedTuple):
    """Nodes that wait to be grown."""

    whole: np.ndarray  # (capacity, 5) int64: start, end, depth, parent, 1 if left child
    bounds: np.ndarray  # (capacity, 2) float64
    key: np.ndarray  # (capacity,) uint64
    top: np.ndarray  # (1,) int64


@compiled
def new_stack():
    return Stack(np.empty((64, 5), np.int64), np.empty((64, 2)), np.empty(64, np.uint64), np.zeros(1, np.int64))


@compiled
def push(stack, start, end, depth, parent, is_left, lower, upper, key):
    top = stack.top[0]
    if top == len(stack.key):
        n = 2 * top
        stack = Stack(longer(stack.whole, n), longer(stack.bounds, n), longer(stack.key, n), stack.top)
    stack.whole[top, 0], stack.whole[top, 1], stack.whole[top, 2] = start, end, depth
    stack.whole[top, 3], stack.whole[top, 4] = parent, is_left
    stack.bounds[top, 0], stack.bounds[top, 1] = lower, upper
    stack.key[top] = key
    stack.top[0] = top + 1
    return stack


@compiled_part
def first_mean(segment, problem, scratch, rare, lower, upper):
    """The mean (or median) of the first statistic of a set of records, within bounds."""
    row_mask = (U(1) << U(problem.layout.row_bits)) - U(1)
    if problem.limits.criterion == ABSOLUTE:
        node_medians(problem.samples, segment, row_mask, scratch.left, rare.rank)
    else:
        weight = node_statistics(problem.samples, segment, row_mask, scratch.left)
        scratch.left[0] /= weight
    return min(max(scratch.left[0], lower), upper)


@compiled_part
def measure(segment, problem, scratch, rare, lower, upper):
    """Sum up the records of a node in ``scratch.stats``; return the Node and its impurity."""
    samples, criterion = problem.samples, problem.limits.criterion
    row_mask = (U(1) << U(problem.layout.row_bits)) - U(1)
    stats = scratch.stats
    if rare is not None and criterion == ABSOLUTE:
        impurity = node_medians(samples, segment, row_mask, stats, rare.rank)
        weight = 0.0
        for record in segment:
            weight += weight_of(samples, np.int64(record & row_mask))
    else:
        weight = node_statistics(samples, segment, row_mask, stats)
        if samples.label.shape[1] > 0:
            impurity = impurity_of_classes(criterion, samples.first, stats, weight)
        else:
            impurity = impurity_of_targets(criterion, samples, segment, row_mask, stats, weight)
    return Node(weight, weight * impurity, tolerance(criterion, weight, weight * impurity), lower, upper), impurity


@compiled_part
def add_node(nodes, start, end, depth, parent, is_left, key, node, impurity, problem, scratch):
    """Append a leaf to the tree and tell its parent; return the nodes and its number."""
    share = 1.0 if problem.limits.criterion == ABSOLUTE else node.weight  # medians are what they are
    nodes, i = add_leaf(nodes, end - start, start, depth, parent, is_left, node.weight, share, impurity, scratch.stats)
    value = nodes.value
    nodes.real[i, LOWER], nodes.real[i, UPPER] = node.lower, node.upper
    if value[i, 0] < node.lower or value[i, 0] > node.upper:
        value[i, 0] = min(max(value[i, 0], node.lower), node.upper)
        if problem.samples.label.shape[1] > 0:
            value[i, 1] = 1.0 - value[i, 0]
    nodes.key[i, 0] = key
    return nodes, i


@compiled_part
def may_split(segment, depth, problem):
    """Whether a node is worth a search for a split."""
    limits = problem.limits
    n = len(segment)
    if depth >= limits.max_depth or n < limits.min_samples_split or n < 2 * limits.min_samples_leaf:
        return False
    return not is_pure(problem.samples, segment, (U(1) << U(problem.layout.row_bits)) - U(1))


@compiled_part
def write_split(nodes, i, f, position, missing_left, threshold, segment, problem, scratch):
    """Note the split of node ``i``; its children come with :func:`cut`."""
    columns = problem.columns
    n_codes = columns.offset[f + 1] - columns.offset[f]
    if columns.is_categorical[f]:
        nodes = with_room_in_sets(nodes, n_codes)
        begin = nodes.used[1]
        nodes.used[1] += n_codes
        copy(scratch.left_set[:n_codes], nodes.sets[begin:])
        nodes.whole[i, SET_START] = begin
        threshold = np.nan
    elif np.isnan(threshold):
        threshold = threshold_between(f, segment, position, problem)
    nodes.whole[i, FEATURE], nodes.whole[i, POSITION], nodes.whole[i, MISSING_LEFT] = f, position, missing_left
    nodes.real[i, THRESHOLD] = threshold
    return nodes


@compiled_part
def cut(records, nodes, i, stack, problem, scratch, rare):
    """Send the records of node ``i`` to its two sides and put both on the stack, the left one on top."""
    columns, limits, row_bits = problem.columns, problem.limits, problem.layout.row_bits
    whole = nodes.whole[i]
    f, start, depth, key = whole[FEATURE], whole[START], whole[DEPTH] + 1, nodes.key[i, 0]
    end = start + whole[N_SAMPLES]
    n_codes = columns.offset[f + 1] - columns.offset[f]
    if columns.is_categorical[f]:
        copy(nodes.sets[whole[SET_START] : whole[SET_START] + n_codes], scratch.left_set)
    segment = records[f, start:end]
    has_missing = np.int64(segment[-1] >> U(row_bits + problem.layout.label_bits)) >= n_codes
    n_left = mark_sides(f, segment, whole[POSITION], whole[MISSING_LEFT] == 1, problem, scratch)
    if not has_missing:  # values that will be missing follow the majority
        whole[MISSING_LEFT] = 2 * n_left > end - start
    partition(records[0, start:end], row_bits, scratch.side, scratch.buffer)
    middle = start + n_left
    if may_split(records[0, start:middle], depth, problem) or may_split(records[0, middle:end], depth, problem):
        for g in range(1, records.shape[0]):
            partition(records[g, start:end], row_bits, scratch.side, scratch.buffer)
    sign = np.int64(limits.monotonic[f]) if len(limits.monotonic) > 0 else 0
    lower, upper = nodes.real[i, LOWER], nodes.real[i, UPPER]
    between = 0.0
    if rare is not None and sign != 0:
        for side in range(2):
            child = records[0, start:middle] if side == 0 else records[0, middle:end]
            between += first_mean(child, problem, scratch, rare, lower, upper) / 2.0
    for is_left in range(2):
        low = between if sign != 0 and (sign > 0) != (is_left == 1) else lower
        high = between if sign != 0 and (sign > 0) == (is_left == 1) else upper
        begin, stop = (start, middle) if is_left == 1 else (middle, end)
        stack = push(stack, begin, stop, depth, i, is_left, low, high, mix(key, U(1 - is_left)))
    return stack


@compiled_part
def no_missing(records, problem):
    """Whether every column of the records has a value everywhere."""
    code_shift, offset = U(problem.layout.row_bits + problem.layout.label_bits), problem.columns.offset
    n_missing = 0
    for f in range(records.shape[0]):
        n_missing += np.int64(records[f, -1] >> code_shift) >= offset[f + 1] - offset[f]
    return n_missing == 0


@compiled_part
def put_off(nodes, later, start, end, depth, parent, is_left, lower, upper, key):
    """Put a leaf where a node will be grown later, and note the node; ``later`` holds the leaf's number as parent."""
    nodes, i = add_leaf(nodes, np.int64(0), start, depth, parent, is_left, 0.0, 1.0, 0.0, nodes.value[0])
    return nodes, push(later, start, end, depth, i, is_left, lower, upper, key)


@compiled
def grow(records, nodes, stack, later, least, problem, scratch, rare, room):
    """Grow the nodes of the stack and all that comes below them, but put off those with at most ``least`` records.

    Depth first, or, if ``max_leaf_nodes`` is set, always the leaf whose split gains most.
    """
    limits = problem.limits
    best_first = limits.max_leaf_nodes > 0
    if rare is not None:
        frontier = [(0.0, 0)]
        frontier.pop()
    n_leaves = 1
    compact = room.records.shape[1]  # nodes up to this size have a shorter way
    if compact > 0 and not no_missing(records, problem):
        compact = 0
    while True:
        if stack.top[0] > 0:
            stack.top[0] -= 1
            top = stack.top[0]
            start, end, depth, parent, is_left = stack.whole[top]
            if end - start <= least and parent >= 0:
                lower, upper = stack.bounds[top]
                nodes, later = put_off(nodes, later, start, end, depth, parent, is_left, lower, upper, stack.key[top])
                continue
            if end - start <= compact:
                nodes = grow_compact(records, start, end, depth, parent, is_left, nodes, problem, room)
                continue
            key = stack.key[top]
            segment = records[0, start:end]
            node, impurity = measure(segment, problem, scratch, rare, stack.bounds[top, 0], stack.bounds[top, 1])
            nodes, i = add_node(nodes, start, end, depth, parent, is_left, key, node, impurity, problem, scratch)
            if not may_split(segment, depth, problem):
                continue
            gain, f, position, missing_left, threshold = find_split(
                records, start, end, problem, scratch, rare, node, key
            )
            if f < 0 or gain * (1.0 + 1e-12) < limits.min_gain:
                continue
            nodes = write_split(nodes, i, f, position, missing_left, threshold, records[f, start:end], problem, scratch)
            if rare is not None and best_first:
                heapq.heappush(frontier, (-gain, i))
                continue
        elif rare is not None and len(frontier) > 0 and n_leaves < limits.max_leaf_nodes:
            i = heapq.heappop(frontier)[1]
        else:
            break
        n_leaves += 1
        stack = cut(records, nodes, i, stack, problem, scratch, rare)
    if rare is not None:
        for _, i in frontier:  # splits that were not needed
            nodes.whole[i, FEATURE], nodes.whole[i, SET_START], nodes.whole[i, MISSING_LEFT] = -2, -1, 0
            nodes.real[i, THRESHOLD] = -2.0
    return nodes, stack, later
