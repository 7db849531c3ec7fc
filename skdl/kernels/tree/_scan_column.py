"""One numeric column of a node: choose the scan that serves the problem."""

from typing import NamedTuple

import numpy as np

from skdl.kernels._compile import compiled_part
from skdl.kernels.tree._median import scan_median
from skdl.kernels.tree._problem import ANY, BINARY_GINI, COUNTS, ENTROPY, GAIN_RATIO, MEDIAN, WEIGHTS
from skdl.kernels.tree._scan import scan_any, scan_binary_gini, scan_counts, scan_squared, scan_weights

U = np.uint64


class Node(NamedTuple):
    """What the scans of a node need to know of it."""

    weight: float
    worth: float  # weight times impurity: no split can be worth more
    tol: float
    lower: float  # bounds of the first statistic's mean, from monotonic constraints above
    upper: float


@compiled_part
def scan_fast(segment, n_known, mode, problem_numbers, counts, table, total, target, sample_weight, left):
    """The scans that serve most problems, called with little: see ``numbers_of`` for the tuple."""
    row_bits, code_shift, min_leaf, min_weight, weight, tol, scale, entropy = problem_numbers
    if mode == BINARY_GINI:
        return scan_binary_gini(segment, n_known, row_bits, code_shift, min_leaf, counts[2, 1], tol)
    if mode == COUNTS:
        return scan_counts(segment, n_known, row_bits, code_shift, min_leaf, counts, table, scale, entropy, tol)
    if mode == WEIGHTS:
        return scan_weights(
            segment, n_known, row_bits, code_shift, (min_leaf, min_weight), total, sample_weight, weight, entropy, tol,
            left,
        )  # fmt: skip
    return scan_squared(
        segment, n_known, row_bits, code_shift, (min_leaf, min_weight), total[0], target, sample_weight, weight, tol
    )


@compiled_part
def numbers_of(problem, scratch, node):
    """What ``scan_fast`` needs to know of a node; its counts go to ``scratch.counts``."""
    limits, layout = problem.limits, problem.layout
    if problem.mode == BINARY_GINI or problem.mode == COUNTS:
        for v in range(len(scratch.left)):
            scratch.counts[2, v] = np.int64(scratch.stats[v])
    entropy = limits.criterion in (ENTROPY, GAIN_RATIO)
    return (
        U(layout.row_bits), U(layout.row_bits + layout.label_bits), limits.min_samples_leaf, limits.min_weight_leaf,
        node.weight, node.tol, problem.scale, entropy,
    )  # fmt: skip


@compiled_part
def scan_numeric(segment, n_known, problem, scratch, rare, node, sign, only):
    """The best cut of a column, or with ``only`` > 0 the cut at that position; see ``_scan``."""
    samples, limits = problem.samples, problem.limits
    if problem.mode == MEDIAN:
        return scan_median(
            segment, n_known, problem.layout, limits, samples, node.weight, node.worth, node.tol, sign, node.lower,
            node.upper, only, rare,
        )  # fmt: skip
    if problem.mode == ANY:
        return scan_any(
            segment, n_known, problem.layout, limits, samples, scratch.stats, node.weight, node.tol, sign, node.lower,
            node.upper, only, scratch.left, scratch.right,
        )  # fmt: skip
    return scan_fast(
        segment, n_known, problem.mode, numbers_of(problem, scratch, node), scratch.counts, problem.table,
        scratch.stats, problem.target, samples.weight, scratch.left,
    )  # fmt: skip
