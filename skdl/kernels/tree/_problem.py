"""What is given to the growers: the samples, the coded columns, the limits. All are plain arrays in named tuples, which
numba takes as they are."""

from typing import NamedTuple

import numpy as np

GINI, ENTROPY, GAIN_RATIO, SQUARED, POISSON, ABSOLUTE = range(6)

CRITERIA = {
    "gini": GINI,
    "entropy": ENTROPY,
    "log_loss": ENTROPY,
    "gain_ratio": GAIN_RATIO,
    "squared_error": SQUARED,
    "friedman_mse": SQUARED,
    "poisson": POISSON,
    "absolute_error": ABSOLUTE,
}


class Samples(NamedTuple):
    """The targets and weights of n samples with o outputs.

    A vector of V statistics describes any set of samples: for classification the weight of each class of each output
    (output k at ``first[k]:first[k+1]``), for regression the weighted sum of each output (V = o).
    """

    label: np.ndarray  # (n, o) int32: class codes; (n, 0) in regression
    target: np.ndarray  # (n, o) float64, scaled; (n, 0) in classification
    weight: np.ndarray  # (n,) float64; (0,) if all are one
    first: np.ndarray  # (o + 1,) int64


class Columns(NamedTuple):
    """The columns in code: code c of column f stands for the values from ``low`` to ``high`` at ``offset[f] + c``.

    In exact mode every distinct value has its own code and low equals high; bins have edges. Categories are their own
    codes. Missing is the code ``offset[f+1] - offset[f]``.
    """

    offset: np.ndarray  # (d + 1,) int64
    low: np.ndarray  # (offset[d],) float64
    high: np.ndarray  # (offset[d],) float64
    is_categorical: np.ndarray  # (d,) bool


class Layout(NamedTuple):
    """Where code, label and row stand in the 64 bits of a record: code | label | row."""

    row_bits: int
    label_bits: int


class Limits(NamedTuple):
    """When to stop, and which splits are allowed."""

    criterion: int
    max_depth: int
    min_samples_split: int
    min_samples_leaf: int
    min_weight_leaf: float
    min_gain: float  # weighted impurity decrease, not divided by the total weight
    max_features: int
    max_leaf_nodes: int  # 0: no limit
    random_splits: bool
    seed: int  # uint64
    monotonic: np.ndarray  # (d,) int8, the sign for the first statistic; (0,) without constraints


class Problem(NamedTuple):
    """All that stays the same while a tree grows."""

    samples: Samples
    columns: Columns
    layout: Layout
    limits: Limits
    mode: int  # which scan serves numeric cuts
    target: np.ndarray  # (n,) float64: the one target where there is one; (0,)
    table: np.ndarray  # (n + 1,) int64: c*c or c*log2(c) times scale; (0,) where the mode needs none
    scale: float


class Scratch(NamedTuple):
    """Working memory of one grower."""

    stats: np.ndarray  # (V,) float64: the statistics of the node
    left: np.ndarray  # (V,) float64
    right: np.ndarray  # (V,) float64
    counts: np.ndarray  # (3, V) int64: left, right, total
    buffer: np.ndarray  # (n,) uint64
    side: np.ndarray  # (n,) uint8: which rows go left
    left_set: np.ndarray  # (most codes of a column,) uint8: the categories that go left


class Rare(NamedTuple):
    """Working memory for what few trees need: all but numeric columns, visited in their order, in modes below ANY.

    Growers are given None where a tree needs none of it. They then are compiled without it, in a third of the time.
    """

    order: np.ndarray  # (d,) int64: the columns in the order of their visit
    found: np.ndarray  # (d, 2) float64: worth and split information of each column
    groups: np.ndarray  # (most codes + 2, 3) int64: code, begin and end of each category in a node
    group_stats: np.ndarray  # (most codes + 2, V + 2) float64: statistics, weight, sorting key
    rank: np.ndarray  # (n, o) int32: order of the targets inside a node; (0, 0) but for absolute error
    losses: np.ndarray  # (4, n + 1) float64, for absolute error
    fenwick: np.ndarray  # (3, n + 1) float64, for absolute error: weights, sums, targets in order


class Room(NamedTuple):
    """Working memory for nodes of at most m records that are grown in the cache; m is 0 where none are."""

    records: np.ndarray  # (d, m) uint32
    known: np.ndarray  # (d, m) uint32: the code of each value that occurs
    place: np.ndarray  # (n,) uint16: the number of each row inside the node
    side: np.ndarray  # (m,) uint8: which rows go left
    buffer: np.ndarray  # (m,) uint32
    waiting: np.ndarray  # (m + 2, 5) int64: start, end, depth, parent, 1 if left child
    counts: np.ndarray  # (2, V) int64: total, left
    stats: np.ndarray  # (V,) float64
    inverse: np.ndarray  # (m,) float64
    sums: np.ndarray  # (m,) float64


BINARY_GINI, COUNTS, WEIGHTS, SQUARED_SUM, ANY, MEDIAN = range(6)
