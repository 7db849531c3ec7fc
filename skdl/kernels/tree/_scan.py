"""Scans of one column: the best place to cut a sequence of records sorted by code.

Every scan takes the records of a node (``segment``, the known values first, then the missing ones) and returns
(worth, position, missing_left): the first ``position`` known records go left, and the missing ones where the flag says.
Worth is the decrease of impurity times the weight; NO_SPLIT if no cut is allowed.
"""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

import numpy as np

from skdl.kernels._compile import compiled_part
from skdl.kernels.tree._criteria import NO_SPLIT, add_sample, weight_of, worth, x_log_x

U = np.uint64


@compiled_part
def scan_binary_gini(segment, n_known, row_bits, code_shift, min_leaf, n_ones, tol):
    """Two classes, no weights: one counter is enough."""
    n = len(segment)
    n_missing = n - n_known
    missing_ones = 0
    for i in range(n_known, n):
        missing_ones += np.int64((segment[i] >> row_bits) & U(1))
    scale = 2.0 / n
    best, position, missing_left = NO_SPLIT, 0, False
    bar = 0.0  # best in units of 1 / scale
    for side in range(2 if n_missing > 0 else 1):
        ones = missing_ones if side == 1 else 0
        extra = n_missing if side == 1 else 0
        for i in range(n_known - 1):
            record = segment[i]
            ones += np.int64((record >> row_bits) & U(1))
            if (record >> code_shift) != (segment[i + 1] >> code_shift):
                n_left = extra + i + 1
                n_right = n - n_left
                if n_left >= min_leaf and n_right >= min_leaf:
                    deviation = float(ones * n - n_left * n_ones)
                    score = deviation * deviation / (float(n_left) * float(n_right))
                    if score > bar or position == 0:
                        best, position, missing_left = score * scale, i + 1, side == 1
                        bar = score + tol / scale
    if n_missing >= min_leaf and n_known >= min_leaf and n_missing > 0 and n_known > 0:
        deviation = float((n_ones - missing_ones) * n - n_known * n_ones)
        score = deviation * deviation / (float(n_known) * float(n_missing))
        if score > bar or position == 0:
            best, position, missing_left = score * scale, n_known, False
    return best, position, missing_left


@compiled_part
def scan_counts(segment, n_known, row_bits, code_shift, min_leaf, counts, table, scale, entropy, tol):
    """Any number of classes, no weights: ``table[c]`` is c*c (Gini) or c*log2(c) times ``scale``, in whole numbers.

    Whole numbers make the running sums exact, so equal cuts of different columns have equal worth. ``counts`` (3, V)
    has room for the left and the right side, and the counts of the node in its last row.
    """
    mask = (U(1) << (code_shift - row_bits)) - U(1)
    n = len(segment)
    n_missing = n - n_known
    left, right, total = counts[0], counts[1], counts[2]
    n_classes = len(total)
    whole = 0
    for c in range(n_classes):
        whole += table[total[c]]
    base = -float(whole - table[n]) / scale if entropy else -float(whole) / n
    best, position, missing_left = NO_SPLIT, 0, False
    for side in range(2 if n_missing > 0 else 1):
        left[:] = 0
        extra = 0
        if side == 1:
            extra = n_missing
            for i in range(n_known, n):
                left[np.int64((segment[i] >> row_bits) & mask)] += 1
        sum_left, sum_right = 0, 0
        for c in range(n_classes):
            right[c] = total[c] - left[c]
            sum_left += table[left[c]]
            sum_right += table[right[c]]
        # The last turn of the first side is the cut between the known and the missing values.
        for i in range(n_known if side == 0 and n_missing > 0 else n_known - 1):
            record = segment[i]
            c = np.int64((record >> row_bits) & mask)
            sum_left += table[left[c] + 1] - table[left[c]]
            sum_right += table[right[c] - 1] - table[right[c]]
            left[c] += 1
            right[c] -= 1
            if (record >> code_shift) != (segment[i + 1] >> code_shift):
                n_left = extra + i + 1
                n_right = n - n_left
                if n_left >= min_leaf and n_right >= min_leaf:
                    if entropy:
                        score = float(sum_left - table[n_left] + sum_right - table[n_right]) / scale + base
                    else:
                        score = float(sum_left) / n_left + float(sum_right) / n_right + base
                    if score > best + tol or position == 0:
                        best, position, missing_left = max(score, 0.0), i + 1, side == 1
    return best, position, missing_left


@compiled_part
def scan_weights(
    segment, n_known, row_bits, code_shift, limits_of_side, total, sample_weight, weight, entropy, tol, left
):
    """Any number of classes with weights, one output; ``limits_of_side`` is (min_samples_leaf, min_weight_leaf)."""
    row_mask = (U(1) << row_bits) - U(1)
    label_mask = (U(1) << (code_shift - row_bits)) - U(1)
    min_leaf, min_weight = limits_of_side
    n = len(segment)
    n_missing = n - n_known
    n_classes = len(total)
    best, position, missing_left = NO_SPLIT, 0, False
    for side in range(2 if n_missing > 0 else 1):
        left[:] = 0.0
        extra, weight_left = 0, 0.0
        if side == 1:
            extra = n_missing
            for i in range(n_known, n):
                w = sample_weight[np.int64(segment[i] & row_mask)]
                left[np.int64((segment[i] >> row_bits) & label_mask)] += w
                weight_left += w
        sum_left, sum_right, whole = 0.0, 0.0, 0.0
        for c in range(n_classes):
            rest = total[c] - left[c]
            sum_left += x_log_x(left[c]) if entropy else left[c] * left[c]
            sum_right += x_log_x(rest) if entropy else rest * rest
            whole += x_log_x(total[c]) if entropy else total[c] * total[c]
        base = x_log_x(weight) - whole if entropy else -whole / weight
        for i in range(n_known if side == 0 and n_missing > 0 else n_known - 1):
            record = segment[i]
            c = np.int64((record >> row_bits) & label_mask)
            w = sample_weight[np.int64(record & row_mask)]
            before, after = left[c], left[c] + w
            rest_before, rest_after = total[c] - before, total[c] - after
            if entropy:
                sum_left += x_log_x(after) - x_log_x(before)
                sum_right += x_log_x(rest_after) - x_log_x(rest_before)
            else:
                sum_left += w * (before + after)
                sum_right -= w * (rest_before + rest_after)
            left[c] = after
            weight_left += w
            if (record >> code_shift) != (segment[i + 1] >> code_shift):
                n_left = extra + i + 1
                weight_right = weight - weight_left
                lighter = min(weight_left, weight_right)
                if n_left >= min_leaf and n - n_left >= min_leaf and lighter >= min_weight and lighter > 0.0:
                    if entropy:
                        score = sum_left - x_log_x(weight_left) + sum_right - x_log_x(weight_right) + base
                    else:
                        score = sum_left / weight_left + sum_right / weight_right + base
                    if score > best + tol or position == 0:
                        best, position, missing_left = max(score, 0.0), i + 1, side == 1
    return best, position, missing_left


@compiled_part
def scan_squared(segment, n_known, row_bits, code_shift, limits_of_side, total, target, sample_weight, weight, tol):
    """One numeric target, squared error."""
    mask = (U(1) << row_bits) - U(1)
    min_leaf, min_weight = limits_of_side
    n = len(segment)
    n_missing = n - n_known
    mean = total / weight
    weighted = len(sample_weight) > 0
    best, position, missing_left = NO_SPLIT, 0, False
    for side in range(2 if n_missing > 0 else 1):
        deviation, weight_left, extra = 0.0, 0.0, 0
        if side == 1:
            extra = n_missing
            for i in range(n_known, n):
                row = np.int64(segment[i] & mask)
                w = sample_weight[row] if weighted else 1.0
                deviation += w * (target[row] - mean)
                weight_left += w
        for i in range(n_known if side == 0 and n_missing > 0 else n_known - 1):
            record = segment[i]
            row = np.int64(record & mask)
            w = sample_weight[row] if weighted else 1.0
            deviation += w * (target[row] - mean)
            weight_left += w
            if (record >> code_shift) != (segment[i + 1] >> code_shift):
                n_left = extra + i + 1
                weight_right = weight - weight_left
                lighter = min(weight_left, weight_right)
                if n_left >= min_leaf and n - n_left >= min_leaf and lighter >= min_weight and lighter > 0.0:
                    score = (deviation / weight_left) * (deviation / weight_right) * weight
                    if score > best + tol or position == 0:
                        best, position, missing_left = score, i + 1, side == 1
    return best, position, missing_left


@compiled_part
def scan_any(segment, n_known, layout, limits, samples, total, weight, tol, sign, lower, upper, only, left, right):
    """Any additive criterion, weights, several outputs, a monotonic constraint (``sign``), or one cut only.

    ``only`` is the one position to look at (with both sides for the missing values), or 0 to look at all.
    """
    code_shift = U(layout.row_bits + layout.label_bits)
    mask = (U(1) << U(layout.row_bits)) - U(1)
    n = len(segment)
    n_missing = n - n_known
    best, position, missing_left = NO_SPLIT, 0, False
    for side in range(2 if n_missing > 0 else 1):
        left[:] = 0.0
        weight_left, extra = 0.0, 0
        if side == 1:
            extra = n_missing
            for i in range(n_known, n):
                row = np.int64(segment[i] & mask)
                w = weight_of(samples, row)
                add_sample(left, samples, row, w)
                weight_left += w
        for i in range(n_known if side == 0 and n_missing > 0 else n_known - 1):
            record = segment[i]
            row = np.int64(record & mask)
            w = weight_of(samples, row)
            add_sample(left, samples, row, w)
            weight_left += w
            if only > 0 and i + 1 != only:
                continue
            if (record >> code_shift) == (segment[i + 1] >> code_shift):
                continue
            n_left = extra + i + 1
            weight_right = weight - weight_left
            if n_left < limits.min_samples_leaf or n - n_left < limits.min_samples_leaf:
                continue
            if weight_left < limits.min_weight_leaf or weight_right < limits.min_weight_leaf or weight_right <= 0.0:
                continue
            for v in range(len(total)):
                right[v] = total[v] - left[v]
            if sign != 0:
                mean_left = left[0] / weight_left
                mean_right = right[0] / weight_right
                if min(mean_left, mean_right) < lower or max(mean_left, mean_right) > upper:
                    continue
                if sign * (mean_right - mean_left) < 0.0:
                    continue
            score = worth(limits.criterion, samples.first, left, right, total, weight_left, weight_right)
            if score > best + tol or (position == 0 and score > NO_SPLIT):
                best, position, missing_left = score, i + 1, side == 1
    return best, position, missing_left
