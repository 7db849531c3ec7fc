"""Arrays inside of loops, in ways that are quick to compile.

NumPy has all of it, but for the assignment of a slice numba compiles the texts of its errors too, in every function
that calls the one with the assignment, and for argsort more than most growers are.
"""

import numpy as np

from skdl.kernels._compile import compiled_part


@compiled_part
def longer(array, n):
    """A copy with room for n entries along the first axis."""
    more = np.empty((n,) + array.shape[1:], array.dtype)
    copy(array.reshape(array.size), more.reshape(more.size))
    return more


@compiled_part
def copy(source, target):
    """Write a vector to the front of another."""
    for i in range(len(source)):
        target[i] = source[i]


@compiled_part
def stable_order(values):
    """The order (n,) that sorts values (n,), by merging; equal ones keep their order, and NaN come last."""
    n = len(values)
    order, merged = np.arange(n), np.empty(n, np.int64)
    width = 1
    while width < n:
        for begin in range(0, n, 2 * width):
            middle, end = min(begin + width, n), min(begin + 2 * width, n)
            i, j = begin, middle
            for place in range(begin, end):
                take = i == middle
                if not take and j < end:
                    left, right = values[order[i]], values[order[j]]
                    take = right < left or (left != left and right == right)
                if take:
                    merged[place] = order[j]
                    j += 1
                else:
                    merged[place] = order[i]
                    i += 1
        order, merged = merged, order
        width *= 2
    return order
