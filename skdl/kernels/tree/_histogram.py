"""Growing the upper part of a tree from histograms of coded columns.

A node's histogram holds, for every column and code, the counts of the classes of its records or, where weights or
numeric targets are involved, sums of the statistics, of the weights and of ones; the larger child's is the parent's
less the smaller child's. Once a node is small, sorting its records costs less than another histogram, and ``_grow``
takes over.
"""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

import numpy as np

from skdl.kernels._array_loops import copy, longer
from skdl.kernels._compile import compiled, compiled_part
from skdl.kernels.tree._bins import sort_codes
from skdl.kernels.tree._criteria import NO_SPLIT, impurity_of_classes, is_pure, tolerance, weight_of, worth
from skdl.kernels.tree._grow import add_node, grow, measure, new_stack, push, put_off
from skdl.kernels.tree._nodes import FEATURE, MISSING_LEFT, POSITION, THRESHOLD, new_nodes
from skdl.kernels.tree._problem import BINARY_GINI, COUNTS, ENTROPY, GAIN_RATIO, GINI, SQUARED
from skdl.kernels.tree._random import mix
from skdl.kernels.tree._scan_column import Node

U = np.uint64
# How small a node may be against the one whose sums its own were subtracted from, before it is summed up anew.
_NOISE = 2e-7


@compiled_part
def _count(codes, rows, label, histogram):
    """Fill a histogram (d, 256, V) with the class counts of the rows."""
    histogram[:] = 0
    d = codes.shape[1]
    for row in rows:
        c = label[row]
        for f in range(d):
            histogram[f, np.int64(codes[row, f]), c] += 1


@compiled_part
def _scan_codes(counts, n_codes, mode, min_leaf, total, n, table, scale, entropy, tol, left):
    """The best cut of one column from its counts (256, V): (worth, last code on the left, missing_left)."""
    n_classes = len(total)
    missing = 0
    for c in range(n_classes):
        missing += np.int64(counts[n_codes, c])
    whole = 0
    if mode == COUNTS:
        for c in range(n_classes):
            whole += table[total[c]]
    base = 0.0
    if mode == COUNTS:
        base = -float(whole - table[n]) / scale if entropy else -float(whole) / n
    best, position, missing_left = NO_SPLIT, 0, False
    for side in range(2 if missing > 0 else 1):
        for c in range(n_classes):
            left[c] = np.int64(counts[n_codes, c]) if side == 1 else 0
        n_left = missing if side == 1 else 0
        for code in range(n_codes):
            here = 0
            for c in range(n_classes):
                left[c] += np.int64(counts[code, c])
                here += np.int64(counts[code, c])
            if here == 0:
                continue
            n_left += here
            n_right = n - n_left
            if n_left < min_leaf or n_right < min_leaf or n_right == 0:
                continue
            if mode == BINARY_GINI:
                deviation = float(left[1] * n - n_left * total[1])
                score = deviation * deviation / (float(n_left) * float(n_right)) * (2.0 / n)
            else:
                sum_left, sum_right = 0, 0
                for c in range(n_classes):
                    sum_left += table[left[c]]
                    sum_right += table[total[c] - left[c]]
                if entropy:
                    score = float(sum_left - table[n_left] + sum_right - table[n_right]) / scale + base
                else:
                    score = float(sum_left) / n_left + float(sum_right) / n_right + base
            if score > best + tol or position == 0:
                best, position, missing_left = max(score, 0.0), code + 1, side == 1
    return best, position, missing_left


@compiled_part
def _add_up(codes, rows, samples, target, histogram):
    """Fill a histogram (d, 256, S) with sums: V statistics, the weights where there are any, and ones.

    Return how large the numbers are that were added up.
    """
    histogram[:] = 0.0
    d = codes.shape[1]
    n_labels, n_targets, weighted = samples.label.shape[1], target.shape[1], len(samples.weight) > 0
    last = histogram.shape[2] - 1
    size = 0.0
    for row in rows:
        w = weight_of(samples, row)
        size += w
        for k in range(n_targets):
            size += w * abs(target[row, k])
        for f in range(d):
            code = np.int64(codes[row, f])
            for k in range(n_labels):
                histogram[f, code, samples.first[k] + samples.label[row, k]] += w
            for k in range(n_targets):
                histogram[f, code, k] += w * target[row, k]
            if weighted:
                histogram[f, code, last - 1] += w
            histogram[f, code, last] += 1.0
    return size


@compiled_part
def _scan_sums(sums, n_codes, samples, limits, total, tol, left, right):
    """The best cut of one column from its sums (256, S): (worth, last code on the left, missing_left)."""
    criterion, first = limits.criterion, samples.first
    last = len(total) - 1
    at_weight = last - 1 if len(samples.weight) > 0 else last
    n_stats = at_weight
    n, weight = total[last], total[at_weight]
    has_missing = sums[n_codes, last] > 0.0
    mean = total[0] / weight
    by_sum = criterion == SQUARED and n_stats == 1
    squares = 0.0
    by_squares = criterion == GINI and len(first) == 2
    if by_squares:
        for v in range(n_stats):
            squares += total[v] * total[v]
    best, position, missing_left = NO_SPLIT, 0, False
    for side in range(2 if has_missing else 1):
        for v in range(last + 1):
            left[v] = sums[n_codes, v] if side == 1 else 0.0
        for code in range(n_codes):
            if sums[code, last] == 0.0:
                continue
            for v in range(last + 1):
                left[v] += sums[code, v]
            n_left, weight_left = left[last], left[at_weight]
            weight_right = weight - weight_left
            lighter = min(weight_left, weight_right)
            if n_left < limits.min_samples_leaf or n - n_left < max(limits.min_samples_leaf, 1):
                continue
            if lighter < limits.min_weight_leaf or lighter <= 0.0:
                continue
            if by_sum:
                deviation = left[0] - weight_left * mean
                score = (deviation / weight_left) * (deviation / weight_right) * weight
            elif by_squares:
                on_left, on_right = 0.0, 0.0
                for v in range(n_stats):
                    rest = total[v] - left[v]
                    on_left += left[v] * left[v]
                    on_right += rest * rest
                score = max(on_left / weight_left + on_right / weight_right - squares / weight, 0.0)
            else:
                for v in range(n_stats):
                    right[v] = total[v] - left[v]
                score = worth(
                    criterion, first, left[:n_stats], right[:n_stats], total[:n_stats], weight_left, weight_right
                )
            if score > best + tol or (position == 0 and score > NO_SPLIT):
                best, position, missing_left = score, code + 1, side == 1
    return best, position, missing_left


@compiled_part
def _next_code(counts, n_codes, code):
    """The first code after ``code`` that has records, or ``n_codes``; ``counts`` (256, V) are counts."""
    while code < n_codes:
        for c in range(counts.shape[1]):
            if counts[code, c] > 0:
                return code
        code += 1
    return code


@compiled_part
def _divide(codes, f, position, missing_left, n_codes, rows, buffer):
    """Bring the rows that go left to the front, keeping the order on both sides; return how many there are."""
    n_left, n_right = 0, 0
    for row in rows:
        code = np.int64(codes[row, f])
        left = np.int64(code < position) if code < n_codes else np.int64(missing_left)
        rows[n_left] = row
        buffer[n_right] = row
        n_left += left
        n_right += 1 - left
    copy(buffer[:n_right], rows[n_left:])
    return n_left


@compiled
def grow_from_histograms(codes, rows, first_depth, first_key, least, small, problem, scratch, rare, room, pool, target):
    """Grow the node of ``rows`` (m,), int32, and what comes below it; put off nodes with at most ``least`` rows.

    Nodes with fewer than ``small`` rows are grown from sorted records.

    ``pool`` is room for histograms (8, d, 256, S). Of whole numbers, with ``target`` None, it holds the counts of
    classes; of floats it holds sums, and ``target`` (n, o) the targets less their median, (n, 0) in classification.
    """
    samples, columns, limits, mode = problem.samples, problem.columns, problem.limits, problem.mode
    n, d = len(rows), codes.shape[1]
    n_classes, n_sums = len(scratch.stats), pool.shape[3]
    label = samples.label[:, 0].copy() if samples.label.shape[1] == 1 else np.empty(0, np.int32)
    entropy = limits.criterion in (ENTROPY, GAIN_RATIO)
    buffer = np.empty(n, np.int32)
    # Rows as records without code and label.
    segment, row_mask = np.empty(n if target is not None else 0, np.uint64), (U(1) << U(problem.layout.row_bits)) - U(1)
    base = np.zeros(8)
    free = np.arange(8)[::-1].copy()
    n_free = 8
    slots = np.empty(256, np.int64)  # the histogram of each node on the stack, or -1
    nodes, stack, inner, later = new_nodes(256, n_classes), new_stack(), new_stack(), new_stack()
    # A literal would make numba compile a function once more.
    zero, one = np.int64(0), np.int64(1)
    stack = push(stack, zero, n, first_depth, np.int64(-1), zero, -np.inf, np.inf, U(first_key))
    records = np.empty(d * min(small, n), np.uint64)
    total, left_counts = np.empty(n_classes, np.int64), np.empty(n_classes, np.int64)
    sums, left_sums, right_sums = np.empty(n_sums), np.empty(n_sums), np.empty(n_sums)
    slots[0] = -1
    if n >= small:
        n_free -= 1
        slots[0] = free[n_free]
        if target is None:
            _count(codes, rows, label, pool[slots[0]])
        else:
            base[slots[0]] = _add_up(codes, rows, samples, target, pool[slots[0]])
    while stack.top[0] > 0:
        stack.top[0] -= 1
        top = stack.top[0]
        start, end, depth, parent, is_left = stack.whole[top]
        key, slot, m = stack.key[top], slots[top], end - start
        if m <= least and parent >= 0 and depth < limits.max_depth:
            if slot >= 0:
                free[n_free] = slot
                n_free += 1
            nodes, later = put_off(nodes, later, start, end, depth, parent, is_left, -np.inf, np.inf, key)
            continue
        if slot < 0 and depth >= limits.max_depth:
            if target is None:
                scratch.stats[:] = 0.0
                for row in rows[start:end]:
                    scratch.stats[label[row]] += 1.0
                impurity = impurity_of_classes(limits.criterion, samples.first, scratch.stats, float(m))
                node = Node(float(m), m * impurity, 0.0, -np.inf, np.inf)
            else:
                copy(rows[start:end], segment)
                node, impurity = measure(segment[:m], problem, scratch, rare, -np.inf, np.inf)
            nodes, _ = add_node(nodes, start, end, depth, parent, is_left, key, node, impurity, problem, scratch)
            continue
        if slot < 0:
            part = records[: d * m].reshape((d, m))
            sort_codes(codes, rows[start:end], columns, label, problem.layout, part)
            inner = push(inner, zero, m, depth, parent, is_left, -np.inf, np.inf, key)
            nodes, inner, later = grow(part, nodes, inner, later, zero, problem, scratch, rare, room)
            continue
        histogram = pool[slot]
        if target is None:
            total[:] = 0
            for code in range(256):
                for c in range(n_classes):
                    total[c] += np.int64(histogram[0, code, c])
            for c in range(n_classes):
                scratch.stats[c] = total[c]
            weight = float(m)
            impurity = impurity_of_classes(limits.criterion, samples.first, scratch.stats, weight)
            tol = tolerance(limits.criterion, weight, weight * impurity)
            node = Node(weight, weight * impurity, tol, -np.inf, np.inf)
            pure = total.max() == m
        else:
            copy(rows[start:end], segment)
            node, impurity = measure(segment[:m], problem, scratch, rare, -np.inf, np.inf)
            tol = node.tol
            pure = is_pure(samples, segment[:m], row_mask)
            if not pure and _NOISE * base[slot] > np.sqrt(node.worth * node.weight):
                base[slot] = _add_up(codes, rows[start:end], samples, target, histogram)
            for v in range(n_sums):
                sums[v] = histogram[0, :, v].sum()
        nodes, i = add_node(nodes, start, end, depth, parent, is_left, key, node, impurity, problem, scratch)
        best, f, position, missing_left = NO_SPLIT, np.int64(-1), zero, m < 0
        if depth < limits.max_depth and m >= limits.min_samples_split and not pure:
            for g in range(d):
                n_codes = columns.offset[g + 1] - columns.offset[g]
                if target is None:
                    score, at, side = _scan_codes(
                        histogram[g], n_codes, mode, limits.min_samples_leaf, total, m, problem.table, problem.scale,
                        entropy, tol, left_counts,
                    )  # fmt: skip
                else:
                    score, at, side = _scan_sums(
                        histogram[g], n_codes, samples, limits, sums, tol, left_sums, right_sums
                    )
                if at > 0 and (f < 0 or score > best + tol):
                    best, f, position, missing_left = score, g, at, side
        if f < 0 or best * (1.0 + 1e-12) < limits.min_gain:
            free[n_free] = slot
            n_free += 1
            continue
        first, n_codes = columns.offset[f], columns.offset[f + 1] - columns.offset[f]
        # Sums of classes tell which codes have records; of the other sums the last one does.
        counts = histogram[f] if target is None else histogram[f, :, n_sums - 1 :]
        above = _next_code(counts, n_codes, position)
        has_missing = _next_code(counts, n_codes + 1, n_codes) == n_codes
        threshold = np.inf
        if above < n_codes:
            below, beyond = columns.high[first + position - 1], columns.low[first + above]
            threshold = below / 2.0 + beyond / 2.0
            threshold = below if threshold >= beyond or threshold < below else threshold
        n_left = _divide(codes, f, position, missing_left, n_codes, rows[start:end], buffer)
        middle = start + n_left
        nodes.whole[i, FEATURE], nodes.whole[i, POSITION], nodes.real[i, THRESHOLD] = f, position, threshold
        nodes.whole[i, MISSING_LEFT] = missing_left if has_missing else 2 * n_left > m
        left_slot, right_slot = -1, -1
        if max(n_left, m - n_left) >= max(small, least + 1) and depth + 1 < limits.max_depth:
            if n_free == 0:
                n_free = len(pool)
                pool, base = longer(pool, 2 * n_free), longer(base, 2 * n_free)
                free = np.empty(2 * n_free, np.int64)
                copy(np.arange(n_free, 2 * n_free)[::-1], free)
            n_free -= 1
            other = free[n_free]
            left_is_small = n_left <= m - n_left
            begin, stop = (start, middle) if left_is_small else (middle, end)
            if target is None:
                _count(codes, rows[begin:stop], label, pool[other])
            else:
                base[other] = _add_up(codes, rows[begin:stop], samples, target, pool[other])
            _subtract(pool[slot], pool[other])
            left_slot, right_slot = (other, slot) if left_is_small else (slot, other)
            if n_left < max(small, least + 1):
                free[n_free] = left_slot
                n_free += 1
                left_slot = -1
            if m - n_left < max(small, least + 1):
                free[n_free] = right_slot
                n_free += 1
                right_slot = -1
        else:
            free[n_free] = slot
            n_free += 1
        if stack.top[0] + 2 > len(slots):
            slots = longer(slots, 2 * len(slots))
        slots[stack.top[0]] = right_slot
        stack = push(stack, middle, end, depth + 1, i, zero, -np.inf, np.inf, mix(key, U(1)))
        slots[stack.top[0]] = left_slot
        stack = push(stack, start, middle, depth + 1, i, one, -np.inf, np.inf, mix(key, U(0)))
    return nodes, later


@compiled_part
def _subtract(whole, part):
    for f in range(whole.shape[0]):
        for code in range(256):
            for c in range(whole.shape[2]):
                whole[f, code, c] -= part[f, code, c]
