"""C4.5 and ID3: one branch for each category, two for a number, and cases with a missing value shared out among the
branches.

Source: J. R. Quinlan, C4.5: Programs for Machine Learning (1993), and Improved Use of Continuous Attributes in C4.5,
JAIR 4 (1996), https://doi.org/10.1613/jair.279.
"""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

from typing import NamedTuple

import numpy as np

from skdl.kernels._array_loops import copy, longer, stable_order
from skdl.kernels._compile import compiled, compiled_part
from skdl.kernels.tree._criteria import x_log_x
from skdl.kernels.tree._problem import GAIN_RATIO, GINI

EPSILON = 1e-9
AVERAGE_SLACK = 1e-3  # in bits, as in C4.5: a gain this little below the average still counts as average


class Table(NamedTuple):
    """The cases."""

    X: np.ndarray  # (n, d) float64: numbers, category codes, NaN where missing
    label: np.ndarray  # (n,) int32
    n_categories: np.ndarray  # (d,) int64; 0 for a numeric column
    n_classes: int


class Rules(NamedTuple):
    """How to grow."""

    criterion: int
    max_depth: int
    min_split: float  # weight below which a node is a leaf
    min_branch: float  # at least two branches must have this weight


class Multiway(NamedTuple):
    """A tree whose node i has the branches ``start[i]:start[i] + n_branches[i]``, leaves none.

    Branch b of a categorical split is category b; the branches of a numeric one are "up to the threshold" and "above".
    """

    feature: np.ndarray  # (capacity,) int64; -2 for a leaf
    threshold: np.ndarray  # (capacity,) float64
    start: np.ndarray  # (capacity,) int64
    n_branches: np.ndarray  # (capacity,) int64
    depth: np.ndarray  # (capacity,) int64
    value: np.ndarray  # (capacity, K) float64: weight of each class; of the parent where no case came
    weight: np.ndarray  # (capacity,) float64: 0 where no case came
    child: np.ndarray  # (branch capacity,) int64
    share: np.ndarray  # (branch capacity,) float64: part of the known weight that takes the branch
    used: np.ndarray  # (2,) int64: nodes, branches


@compiled_part
def impurity_times_weight(criterion, freq, weight):
    """The weight of a set of cases times its impurity."""
    if weight <= 0.0:
        return 0.0
    if criterion == GINI:
        total = 0.0
        for f in freq:
            total += f * f
        return weight - total / weight
    total = x_log_x(weight)
    for f in freq:
        total -= x_log_x(f)
    return total


@compiled_part
def _with_room_for_node(tree):
    if tree.used[0] < len(tree.feature):
        return tree
    n = 2 * len(tree.feature)
    return Multiway(
        longer(tree.feature, n), longer(tree.threshold, n), longer(tree.start, n), longer(tree.n_branches, n),
        longer(tree.depth, n), longer(tree.value, n), longer(tree.weight, n), tree.child, tree.share, tree.used,
    )  # fmt: skip


@compiled_part
def _with_room_for_branches(tree, n_branches):
    if tree.used[1] + n_branches <= len(tree.child):
        return tree
    n = 2 * len(tree.child) + n_branches
    return Multiway(
        tree.feature, tree.threshold, tree.start, tree.n_branches, tree.depth, tree.value, tree.weight,
        longer(tree.child, n), longer(tree.share, n), tree.used,
    )  # fmt: skip


@compiled_part
def branch_of(tree, node, x):
    """The branch that a value takes; -1 if it is missing, or a category without a branch."""
    if np.isnan(x):
        return -1
    if tree.threshold[node] == tree.threshold[node]:
        return 0 if x <= tree.threshold[node] else 1
    branch = np.int64(x)
    return branch if 0 <= branch < tree.n_branches[node] else -1


@compiled_part
def _numeric_split(values, classes, weights, known, total, weight, table, rules):
    """The best threshold: (gain, split information, threshold), both as weight times bits; gain < 0 if there is
    none.
    """
    order = stable_order(values[:known])
    known_weight = 0.0
    freq = np.zeros(table.n_classes)
    for i in range(known):
        freq[classes[i]] += weights[i]
        known_weight += weights[i]
    c45 = rules.criterion == GAIN_RATIO
    least = rules.min_branch
    if c45:
        least = max(least, min(0.1 * known_weight / table.n_classes, 25.0))
    base = impurity_times_weight(rules.criterion, freq, known_weight)
    left, right = np.zeros(table.n_classes), freq.copy()
    low, tries, best, cut, low_at_cut = 0.0, 0, -1.0, -1, 0.0
    for place in range(known - 1):
        i, j = order[place], order[place + 1]
        left[classes[i]] += weights[i]
        right[classes[i]] -= weights[i]
        low += weights[i]
        if values[j] <= values[i] or low < least - EPSILON:
            continue
        if low > known_weight - least + EPSILON:
            break
        tries += 1
        gain = base - impurity_times_weight(rules.criterion, left, low)
        gain -= impurity_times_weight(rules.criterion, right, known_weight - low)
        if gain > best + EPSILON:
            best, cut, low_at_cut = gain, place, low
    if cut < 0:
        return -1.0, 0.0, 0.0
    if c45:
        # The bits that say which threshold it was (Quinlan 1996).
        best -= np.log2(tries) * (known_weight / weight)
        if best <= 0.0:
            return -1.0, 0.0, 0.0
    info = x_log_x(weight) - x_log_x(low_at_cut) - x_log_x(known_weight - low_at_cut)
    info -= x_log_x(weight - known_weight)
    below, above = values[order[cut]], values[order[cut + 1]]
    middle = below / 2.0 + above / 2.0
    return best, info, below if middle >= above or middle < below else middle


@compiled_part
def _categorical_split(codes, classes, weights, known, n_categories, weight, table, rules):
    """Gain and split information of one branch for each category."""
    counts = np.zeros((n_categories, table.n_classes))
    freq, sizes = np.zeros(table.n_classes), np.zeros(n_categories)
    known_weight = 0.0
    for i in range(known):
        code = np.int64(codes[i])
        counts[code, classes[i]] += weights[i]
        sizes[code] += weights[i]
        freq[classes[i]] += weights[i]
        known_weight += weights[i]
    reasonable = 0
    gain = impurity_times_weight(rules.criterion, freq, known_weight)
    info = x_log_x(weight) - x_log_x(weight - known_weight)
    for code in range(n_categories):
        gain -= impurity_times_weight(rules.criterion, counts[code], sizes[code])
        info -= x_log_x(sizes[code])
        reasonable += sizes[code] >= rules.min_branch - EPSILON and sizes[code] > 0.0
    return (gain if reasonable >= 2 else -1.0), info


@compiled_part
def _best_split(rows, weights, freq, weight, table, rules):
    """The column and threshold (NaN for categories) of the best split; column -1 if none is worth it."""
    m, d = len(rows), table.X.shape[1]
    values, classes, known_weights = np.empty(m), np.empty(m, np.int64), np.empty(m)
    gains, infos, cuts = np.full(d, -1.0), np.zeros(d), np.full(d, np.nan)
    total, possible, all_many = 0.0, 0, True
    for f in range(d):
        many = table.n_categories[f] >= 0.3 * table.X.shape[0]
        all_many = all_many and (many or table.n_categories[f] == 0)
    for f in range(d):
        known = np.int64(0)  # a literal would make numba compile two functions once more
        for i in range(m):
            x = table.X[rows[i], f]
            if x == x:
                values[known], classes[known], known_weights[known] = x, table.label[rows[i]], weights[i]
                known += 1
        if known < 2:
            continue
        if table.n_categories[f] > 0:
            gains[f], infos[f] = _categorical_split(
                values, classes, known_weights, known, table.n_categories[f], weight, table, rules
            )
            counted = all_many or table.n_categories[f] < 0.3 * table.X.shape[0]
        else:
            gains[f], infos[f], cuts[f] = _numeric_split(
                values, classes, known_weights, known, freq, weight, table, rules
            )
            counted = True
        if gains[f] >= 0.0 and counted:
            total += gains[f]
            possible += 1
    best, column = EPSILON if rules.criterion != GAIN_RATIO else 0.0, -1
    average = total / possible if possible > 0 else np.inf
    for f in range(d):
        if gains[f] < 0.0:
            continue
        worth = gains[f]
        if rules.criterion == GAIN_RATIO:
            worth = gains[f] / infos[f] if gains[f] >= average - AVERAGE_SLACK * weight and infos[f] > EPSILON else -1.0
        if worth > best + EPSILON:
            best, column = worth, f
    return column, cuts[column] if column >= 0 else np.nan


@compiled
def grow_multiway(table, sample_weight, distinct, distinct_start, rules):
    """Grow the tree. ``distinct`` holds the sorted values of each numeric column, from ``distinct_start`` on."""
    n_rows, n_classes = len(table.label), table.n_classes
    tree = Multiway(
        np.empty(64, np.int64), np.empty(64), np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64),
        np.empty((64, n_classes)), np.empty(64), np.empty(64, np.int64), np.empty(64), np.zeros(2, np.int64),
    )  # fmt: skip
    rows, weights = np.arange(n_rows), sample_weight.copy()  # the cases of the waiting nodes, one after the other
    waiting = np.empty((64, 4), np.int64)  # begin, end, parent, branch slot
    waiting[0, 0], waiting[0, 1], waiting[0, 2], waiting[0, 3] = 0, n_rows, -1, -1
    n_waiting = 1
    while n_waiting > 0:
        n_waiting -= 1
        begin, end, parent, slot = waiting[n_waiting]
        own_rows, own_weights = rows[begin:end].copy(), weights[begin:end].copy()
        tree = _with_room_for_node(tree)
        i = tree.used[0]
        tree.used[0] += 1
        depth = tree.depth[parent] + 1 if parent >= 0 else 0
        tree.feature[i], tree.threshold[i], tree.start[i], tree.n_branches[i], tree.depth[i] = -2, np.nan, 0, 0, depth
        if parent >= 0:
            tree.child[slot] = i
        freq = np.zeros(n_classes)
        for k in range(len(own_rows)):
            freq[table.label[own_rows[k]]] += own_weights[k]
        weight = freq.sum()
        tree.weight[i] = weight
        copy(freq if weight > 0.0 else tree.value[parent], tree.value[i])
        if depth >= rules.max_depth or weight < rules.min_split - EPSILON or freq.max() >= weight - EPSILON:
            continue
        f, threshold = _best_split(own_rows, own_weights, freq, weight, table, rules)
        if f < 0:
            continue
        if table.n_categories[f] == 0:
            # The largest value of the whole table that is not above the midpoint, as C4.5 names its thresholds.
            values = distinct[distinct_start[f] : distinct_start[f + 1]]
            threshold = values[np.searchsorted(values, threshold, side="right") - 1]
        n_branches = table.n_categories[f] if table.n_categories[f] > 0 else 2
        tree = _with_room_for_branches(tree, n_branches)
        first = tree.used[1]
        tree.used[1] += n_branches
        tree.feature[i], tree.threshold[i], tree.start[i], tree.n_branches[i] = f, threshold, first, n_branches
        sizes, counts = np.zeros(n_branches), np.zeros(n_branches, np.int64)
        taken = np.empty(len(own_rows), np.int64)
        n_missing = 0
        for k in range(len(own_rows)):
            taken[k] = branch_of(tree, i, table.X[own_rows[k], f])
            if taken[k] >= 0:
                sizes[taken[k]] += own_weights[k]
                counts[taken[k]] += 1
            else:
                n_missing += 1
        known_weight = sizes.sum()
        while n_waiting + n_branches > len(waiting):
            waiting = longer(waiting, 2 * len(waiting))
        at = begin
        # The first branch lies on top of the stack, so numbers follow the order of the branches.
        for branch in range(n_branches - 1, -1, -1):
            share = sizes[branch] / known_weight
            tree.share[first + branch] = share
            need = counts[branch] + (n_missing if share > 0.0 else 0)
            if at + need > len(rows):
                rows, weights = longer(rows, 2 * len(rows) + need), longer(weights, 2 * len(weights) + need)
            stop = at
            for k in range(len(own_rows)):
                w = own_weights[k] if taken[k] == branch else (own_weights[k] * share if taken[k] < 0 else 0.0)
                if w > 0.0:
                    rows[stop], weights[stop] = own_rows[k], w
                    stop += 1
            waiting[n_waiting, 0], waiting[n_waiting, 1] = at, stop
            waiting[n_waiting, 2], waiting[n_waiting, 3] = i, first + branch
            n_waiting += 1
            at = stop
    return tree


@compiled
def collapse_useless(tree):
    """Make a leaf of every subtree that makes no fewer errors on its own cases than a leaf would."""
    n = tree.used[0]
    errors = np.zeros(n)
    for i in range(n - 1, -1, -1):
        own = tree.weight[i] - tree.value[i].max() if tree.weight[i] > 0.0 else 0.0
        if tree.feature[i] < 0:
            errors[i] = own
            continue
        for b in range(tree.start[i], tree.start[i] + tree.n_branches[i]):
            errors[i] += errors[tree.child[b]]
        if errors[i] >= own - 1e-4:
            tree.feature[i], tree.n_branches[i], errors[i] = -2, 0, own
