"""From arrays to a grown tree: set up the problem, choose the scan, run the grower."""

import numpy as np

from skdl.kernels.tree._bins import MAX_BINS, bin_columns, sort_codes
from skdl.kernels.tree._columns import Ranked, record_layout, sort_columns, sort_ranked
from skdl.kernels.tree._grow import grow, new_stack, push
from skdl.kernels.tree._histogram import grow_from_histograms
from skdl.kernels.tree._nodes import Nodes, new_nodes
from skdl.kernels.tree._parts import Part, grow_in_parts
from skdl.kernels.tree._problem import (
    ABSOLUTE,
    ANY,
    BINARY_GINI,
    COUNTS,
    ENTROPY,
    GAIN_RATIO,
    GINI,
    MEDIAN,
    SQUARED,
    SQUARED_SUM,
    WEIGHTS,
    Columns,
    Layout,
    Limits,
    Problem,
    Rare,
    Room,
    Samples,
    Scratch,
)
from skdl.kernels.tree._turns import n_useful_threads

SMALL = 512  # rows per class below which sorted records beat histograms
_CACHE = 1 << 20  # bytes of the records of a node that is grown in the cache


def make_problem(samples: Samples, columns: Columns, layout: Layout, limits: Limits) -> Problem:
    """Choose the fastest scan that serves, and make its table."""
    n = max(len(samples.label), len(samples.target))
    plain = len(limits.monotonic) == 0 and not limits.random_splits
    unweighted = len(samples.weight) == 0
    table, scale = np.empty(0, np.int64), 1.0
    target = np.ascontiguousarray(samples.target[:, 0]) if samples.target.shape[1] == 1 else np.empty(0)
    if unweighted:
        # Weights are counts here, so one limit says both.
        leaf = max(limits.min_samples_leaf, int(np.ceil(limits.min_weight_leaf)))
        limits = limits._replace(min_samples_leaf=leaf)
    if limits.criterion == ABSOLUTE:
        mode = MEDIAN
    elif plain and samples.label.shape[1] == 1 and not unweighted:
        mode = WEIGHTS
    elif plain and samples.label.shape[1] == 1:
        counts = np.arange(n + 2, dtype=np.int64)
        if limits.criterion == GINI:
            mode = BINARY_GINI if samples.first[1] == 2 else COUNTS
            table = counts * counts if mode == COUNTS else table
        else:
            mode = COUNTS
            exact = counts * np.log2(np.maximum(counts, 1))
            scale = 2.0 ** (60 - int(np.ceil(np.log2(exact[-1] + 2.0))))
            table = np.rint(exact * scale).astype(np.int64)
    elif plain and limits.criterion == SQUARED and samples.target.shape[1] == 1:
        mode = SQUARED_SUM
    else:
        mode = ANY
    return Problem(samples, columns, layout, limits, mode, target, table, scale)


def _is_common(problem: Problem) -> bool:
    """Whether all columns are numeric and visited in their order, and nodes are grown as they come."""
    limits, is_categorical = problem.limits, problem.columns.is_categorical
    visits_all = limits.max_features >= len(is_categorical) and not limits.random_splits
    return visits_all and limits.max_leaf_nodes == 0 and not is_categorical.any()


def _most_categories(columns: Columns) -> int:
    return int(np.diff(columns.offset)[columns.is_categorical].max(initial=0))


def make_scratch(problem: Problem, n: int) -> Scratch:
    """Working memory for a node of at most ``n`` records."""
    samples, columns = problem.samples, problem.columns
    n_rows = max(len(samples.label), len(samples.target))
    n_stats = int(samples.first[-1])
    most = _most_categories(columns)
    return Scratch(
        np.zeros(n_stats),
        np.zeros(n_stats),
        np.zeros(n_stats),
        np.zeros((3, n_stats), np.int64),
        np.empty(n, np.uint64),
        np.zeros(n_rows, np.uint8),
        np.zeros(most, np.uint8),
    )


def make_rare(problem: Problem, n: int) -> Rare | None:
    """What few trees need besides, for a node of at most ``n`` records."""
    samples, columns, limits = problem.samples, problem.columns, problem.limits
    if problem.mode < ANY and limits.criterion != GAIN_RATIO and _is_common(problem):
        return None
    d = len(columns.is_categorical)
    n_rows = max(len(samples.label), len(samples.target))
    n_outputs, n_stats = len(samples.first) - 1, int(samples.first[-1])
    most = _most_categories(columns)
    median = problem.mode == MEDIAN
    return Rare(
        np.arange(d),
        np.zeros((d, 2)),
        np.zeros((most + 2, 3), np.int64),
        np.zeros((most + 2, n_stats + 2)),
        np.zeros((n_rows, n_outputs) if median else (0, 0), np.int32),
        np.zeros((4, n + 1) if median else (0, 0)),
        np.zeros((3, n + 1) if median else (0, 0)),
    )


def make_room(problem: Problem, n: int) -> Room:
    """Working memory for small nodes of a tree of n samples, if they have a way of their own."""
    limits, d = problem.limits, len(problem.columns.is_categorical)
    size = 0
    if problem.mode in (BINARY_GINI, COUNTS) and limits.criterion in (GINI, ENTROPY) and _is_common(problem):
        size = min(n, 1 << (32 - problem.layout.label_bits) // 2, max(_CACHE // (4 * d), 64))
    n_stats = int(problem.samples.first[-1])
    return Room(
        np.empty((d, size), np.uint32),
        np.empty((d, size), np.uint32),
        np.empty(n if size else 0, np.uint16),
        np.empty(size, np.uint8),
        np.empty(size, np.uint32),
        np.empty((size + 2, 5), np.int64),
        np.empty((2, n_stats), np.int64),
        np.empty(n_stats),
        np.empty(size),
        np.empty(size),
    )


def grow_tree(
    X,
    rows,
    is_categorical,
    n_categories,
    samples: Samples,
    limits: Limits,
    max_bins=None,
    ranked: Ranked | None = None,
    n_threads: int = 1,
) -> Nodes:
    """Grow a tree.

    Parameters
    ----------
    X : ndarray of shape (N, d), float32 or float64
        Numbers; categories as codes; NaN where missing.
    rows : ndarray of shape (n,), int64
        The row of X of each sample.
    is_categorical : ndarray of shape (d,), bool
    n_categories : ndarray of shape (d,), int64
        Read for categorical columns only.
    samples : Samples
        Of n samples.
    limits : Limits
    max_bins : int or None, default=None
        None looks at every distinct value, a number cuts each column into at most so many bins.
    ranked : Ranked, default=None
        The ranks of X, where several trees are grown from it.
    n_threads : int, default=1
        How many threads may work at a time. The tree does not depend on it.
    """
    n_labels = int(samples.first[1]) if samples.label.shape[1] == 1 else 0
    label = np.ascontiguousarray(samples.label[:, 0]) if n_labels else np.empty(0, np.int32)
    n = len(rows)
    n_threads = n_useful_threads(n_threads, n, X.shape[1])
    root = Part(0, n, 0, -np.inf, np.inf, limits.seed)
    if max_bins is not None and (n_categories <= MAX_BINS).all():
        codes, columns = bin_columns(X, rows, is_categorical, n_categories, max_bins, n_threads)
        layout = record_layout(n, n_labels)
        problem = make_problem(samples, columns, layout, limits)
        small = SMALL * max(n_labels, 2)
        if _histograms_serve(problem, n, small):
            return _grow_binned(codes, small, problem, n_threads)
        records = np.empty((X.shape[1], n), np.uint64)
        sort_codes(codes, np.arange(n), columns, label, layout, records)
        del codes
    else:
        in_order = None if ranked is None else sort_ranked(ranked, rows, label, n_labels)
        if in_order is None:
            in_order = sort_columns(X, rows, is_categorical, n_categories, label, n_labels, n_threads)
        records, columns, layout = in_order
        problem = make_problem(samples, columns, layout, limits)

    def grow_part(part: Part, put_off: bool):
        m = part.end - part.start
        stack = push(new_stack(), part.start, part.end, part.depth, -1, 0, part.lower, part.upper, np.uint64(part.key))
        nodes, _, later = grow(
            records, new_nodes(256, int(samples.first[-1])), stack, new_stack(), m - 1 if put_off else 0, problem,
            make_scratch(problem, m), make_rare(problem, m), make_room(problem, n),
        )  # fmt: skip
        return nodes, later

    alone = limits.max_leaf_nodes > 0 or bool(is_categorical.any())
    return grow_in_parts(grow_part, root, n if alone or n_threads == 1 else n // 16, n_threads)


def _grow_binned(codes, small: int, problem: Problem, n_threads: int) -> Nodes:
    """Grow a tree from codes of one byte; see :func:`grow_tree`."""
    n, d = codes.shape
    rows = np.arange(n, dtype=np.int32)
    # Sums of weights and targets are not exact, so they are always taken in one way.
    whole = n // 4 if n_threads > 1 and problem.mode in (BINARY_GINI, COUNTS) else n

    def grow_part(part: Part, put_off: bool):
        part_rows = rows[part.start : part.end]
        nodes, later = grow_from_histograms(
            codes, part_rows, part.depth, np.uint64(part.key), whole if put_off else 0, small, problem,
            make_scratch(problem, min(small, n)), make_rare(problem, min(small, n)), make_room(problem, n),
            *_histograms(problem, d),
        )  # fmt: skip
        later.whole[: later.top[0], :2] += part.start
        return nodes, later

    root = Part(0, n, 0, -np.inf, np.inf, problem.limits.seed)
    return grow_in_parts(grow_part, root, whole, n_threads)


def _histograms_serve(problem: Problem, n: int, small: int) -> bool:
    """Whether the upper part of the tree can be grown from histograms, and is large enough for it to pay."""
    limits, d = problem.limits, len(problem.columns.is_categorical)
    return (
        n >= small
        and limits.criterion in (GINI, ENTROPY, SQUARED)
        and len(limits.monotonic) == 0
        and _is_common(problem)
        and d * int(problem.samples.first[-1]) <= 8192  # a histogram of at most 8 or 16 MiB
    )


def _histograms(problem: Problem, d: int):
    """Room for histograms, of counts or of sums, and the targets that are summed up in them."""
    samples = problem.samples
    n_stats = int(samples.first[-1])
    if problem.mode in (BINARY_GINI, COUNTS):
        return np.empty((8, d, 256, n_stats), np.int32), None
    target = samples.target
    if target.shape[1]:  # deviations are small where the targets are not, and one huge target moves no median
        target = target - np.median(target, axis=0)
    return np.empty((8, d, 256, n_stats + (2 if len(samples.weight) else 1))), target
