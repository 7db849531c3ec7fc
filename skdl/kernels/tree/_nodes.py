"""The arrays of a binary tree while it grows."""

from typing import NamedTuple

import numpy as np

from skdl.kernels._array_loops import longer
from skdl.kernels._compile import compiled, compiled_part

# Columns of Nodes.whole and Nodes.real.
LEFT, RIGHT, FEATURE, N_SAMPLES, MISSING_LEFT, SET_START, DEPTH, START, POSITION = range(9)
THRESHOLD, IMPURITY, WEIGHT, LOWER, UPPER = range(5)


class Nodes(NamedTuple):
    """The tree so far, with room for more."""

    whole: np.ndarray  # (capacity, 9) int64
    real: np.ndarray  # (capacity, 5) float64
    value: np.ndarray  # (capacity, V) float64: means or medians
    key: np.ndarray  # (capacity, 1) uint64: the root of the node's random numbers
    sets: np.ndarray  # (set capacity,) uint8: for each categorical split, which categories go left
    used: np.ndarray  # (2,) int64: nodes, entries of sets


@compiled
def new_nodes(capacity, n_stats):
    return Nodes(
        np.empty((capacity, 9), np.int64),
        np.empty((capacity, 5)),
        np.empty((capacity, n_stats)),
        np.empty((capacity, 1), np.uint64),
        np.empty(64, np.uint8),
        np.zeros(2, np.int64),
    )


@compiled_part
def with_room(nodes):
    """The nodes with room for one more node."""
    if nodes.used[0] < len(nodes.whole):
        return nodes
    n = 2 * len(nodes.whole)
    whole, real, value, key = (
        longer(nodes.whole, n),
        longer(nodes.real, n),
        longer(nodes.value, n),
        longer(nodes.key, n),
    )
    return Nodes(whole, real, value, key, nodes.sets, nodes.used)


@compiled_part
def with_room_in_sets(nodes, n_set):
    """The nodes with room for ``n_set`` more entries of sets."""
    sets = nodes.sets
    while nodes.used[1] + n_set > len(sets):
        sets = longer(sets, 2 * len(sets))
    return Nodes(nodes.whole, nodes.real, nodes.value, nodes.key, sets, nodes.used)


@compiled_part
def add_leaf(nodes, n, start, depth, parent, is_left, weight, share, impurity, stats):
    """Append a leaf with the value ``stats / share`` and tell its parent; return the nodes and its number."""
    nodes = with_room(nodes)
    i = nodes.used[0]
    nodes.used[0] += 1
    whole, real, value = nodes.whole, nodes.real, nodes.value
    whole[i, LEFT], whole[i, RIGHT], whole[i, FEATURE], whole[i, MISSING_LEFT] = -1, -1, -2, 0
    whole[i, N_SAMPLES], whole[i, DEPTH], whole[i, START], whole[i, SET_START] = n, depth, start, -1
    real[i, THRESHOLD], real[i, IMPURITY], real[i, WEIGHT] = -2.0, impurity, weight
    for v in range(len(stats)):
        value[i, v] = stats[v] / share
    if parent >= 0:
        whole[parent, LEFT if is_left else RIGHT] = i
    return nodes, i
