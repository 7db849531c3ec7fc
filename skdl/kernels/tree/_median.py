"""Absolute error: weighted medians of growing sets, from two Fenwick trees over the order of the targets."""

import numpy as np

from skdl.kernels._array_loops import stable_order
from skdl.kernels._compile import compiled_part
from skdl.kernels.tree._criteria import NO_SPLIT, weight_of

U = np.uint64


@compiled_part
def weighted_median(values, weights):
    """The median of values with weights; the mean of two neighbours where the weight below is exactly one half."""
    order = stable_order(values)
    half = weights.sum() / 2.0
    below = 0.0
    for i in range(len(order)):
        below += weights[order[i]]
        if below > half:
            return values[order[i]]
        if below == half and i + 1 < len(order):
            return (values[order[i]] + values[order[i + 1]]) / 2.0
    return values[order[-1]]


@compiled_part
def node_medians(samples, segment, row_mask, stats, rank):
    """Put the median of each output into ``stats`` and the order of the targets into ``rank``; return the impurity."""
    m = len(segment)
    values, weights = np.empty(m), np.empty(m)
    impurity = 0.0
    for k in range(samples.target.shape[1]):
        for i in range(m):
            row = np.int64(segment[i] & row_mask)
            values[i] = samples.target[row, k]
            weights[i] = weight_of(samples, row)
        stats[k] = weighted_median(values, weights)
        order = stable_order(values)
        for place in range(m):
            rank[np.int64(segment[order[place]] & row_mask), k] = place
        impurity += (weights * np.abs(values - stats[k])).sum() / weights.sum()
    return impurity / samples.target.shape[1]


@compiled_part
def _running_losses(segment, row_mask, samples, k, rank, first, stop, step, begin, end, fenwick, losses, medians):
    """Add records ``begin:end``, then one by one those from ``first`` to ``stop``; after each store the loss."""
    m = len(segment)
    fenwick[:2, : m + 1] = 0.0
    top = 1
    while top * 2 <= m:
        top *= 2
    weight, total = 0.0, 0.0
    for turn in range(end - begin + abs(stop - first)):
        preload = turn < end - begin
        i = begin + turn if preload else first + (turn - (end - begin)) * step
        row = np.int64(segment[i] & row_mask)
        y, w = samples.target[row, k], weight_of(samples, row)
        weight += w
        total += w * y
        place = rank[row, k] + 1
        while place <= m:
            fenwick[0, place] += w
            fenwick[1, place] += w * y
            place += place & -place
        if preload:
            continue
        # Walk down to the last place with less than half of the weight; the next one holds a median.
        place, below, sum_below, jump = 0, 0.0, 0.0, top
        while jump > 0:
            if place + jump <= m and below + fenwick[0, place + jump] < weight / 2.0:
                place += jump
                below += fenwick[0, place]
                sum_below += fenwick[1, place]
            jump //= 2
        median = fenwick[2, place]
        losses[i] += median * (2.0 * below - weight) - 2.0 * sum_below + total
        medians[i] = median


@compiled_part
def scan_median(segment, n_known, layout, limits, samples, weight, node_loss, tol, sign, lower, upper, only, rare):
    """The best cut under absolute error; see ``_scan`` for what goes in and out."""
    code_shift = U(layout.row_bits + layout.label_bits)
    row_mask = (U(1) << U(layout.row_bits)) - U(1)
    n = len(segment)
    # Literals would make numba compile the losses once more.
    zero, one = np.int64(0), np.int64(1)
    n_missing = n - n_known
    n_outputs = samples.target.shape[1]
    fenwick, losses = rare.fenwick, rare.losses
    best, position, missing_left = NO_SPLIT, 0, False
    for side in range(2 if n_missing > 0 else 1):
        losses[:, :n] = 0.0
        for k in range(n_outputs):
            for record in segment:
                row = np.int64(record & row_mask)
                fenwick[2, rare.rank[row, k]] = samples.target[row, k]
            preload_left = n_known if side == 0 else n
            _running_losses(
                segment, row_mask, samples, k, rare.rank, zero, n_known, one,
                n_known, n_known if side == 0 else n, fenwick, losses[0], losses[2],
            )  # fmt: skip
            _running_losses(
                segment, row_mask, samples, k, rare.rank, n_known - 1, -one, -one,
                preload_left, n, fenwick, losses[1], losses[3],
            )  # fmt: skip
            if side == 0 and n_missing > 0:
                _running_losses(
                    segment, row_mask, samples, k, rare.rank, n - 1, n_known - 1, -one, zero, zero, fenwick,
                    losses[1], losses[3],
                )  # fmt: skip
        weight_left, extra = 0.0, 0
        if side == 1:
            extra = n_missing
            for i in range(n_known, n):
                weight_left += weight_of(samples, np.int64(segment[i] & row_mask))
        for i in range(n_known if side == 0 and n_missing > 0 else n_known - 1):
            weight_left += weight_of(samples, np.int64(segment[i] & row_mask))
            if only > 0 and i + 1 != only:
                continue
            if (segment[i] >> code_shift) == (segment[i + 1] >> code_shift):
                continue
            n_left = extra + i + 1
            weight_right = weight - weight_left
            if n_left < limits.min_samples_leaf or n - n_left < limits.min_samples_leaf:
                continue
            if weight_left < limits.min_weight_leaf or weight_right < limits.min_weight_leaf or weight_right <= 0.0:
                continue
            below, above = losses[2, i], losses[3, i + 1]
            outside = min(below, above) < lower or max(below, above) > upper
            if sign != 0 and (outside or sign * (above - below) < 0.0):
                continue
            score = max(node_loss - (losses[0, i] + losses[1, i + 1]) / n_outputs, 0.0)
            if score > best + tol or position == 0:
                best, position, missing_left = score, i + 1, side == 1
    return best, position, missing_left
