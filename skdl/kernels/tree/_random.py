"""Random numbers inside a tree: each is a hash of (seed, path to the node, purpose) and of nothing else.

So a node draws the same columns and thresholds whatever the depth limit of the tree, and whichever node was grown
first.
"""

import numpy as np

from skdl.kernels._compile import compiled_part

U = np.uint64
_GAMMA = U(0x9E3779B97F4A7C15)


@compiled_part
def mix(key, counter):
    """The finaliser of SplitMix64 (doi:10.1145/2660193.2660195) over a key and a counter."""
    z = U(key) + (U(counter) + U(1)) * _GAMMA
    z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
    return z ^ (z >> U(31))


@compiled_part
def uniform(key, counter):
    """A float64 in [0, 1)."""
    return float(mix(key, counter) >> U(11)) * 2.0**-53


@compiled_part
def draw_order(order, key):
    """Fill ``order`` with a random permutation."""
    d = len(order)
    for i in range(d):
        order[i] = i
    for i in range(d - 1):
        j = i + np.int64(uniform(key, i) * (d - i))
        order[i], order[j] = order[j], order[i]
