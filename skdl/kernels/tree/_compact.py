"""Growing the small parts of a classification tree, depth first, in records of 32 bits that stay in the cache.

Serves one output, no weights, no missing values, numeric columns, and a search that visits all columns. Most nodes of a
tree that is grown to purity are here.
"""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

import numpy as np

from skdl.kernels._compile import compiled_part
from skdl.kernels.tree._criteria import NO_SPLIT, impurity_of_classes, tolerance
from skdl.kernels.tree._nodes import FEATURE, MISSING_LEFT, POSITION, THRESHOLD, add_leaf
from skdl.kernels.tree._problem import ENTROPY

U = np.uint64


@compiled_part
def _gather(records, start, end, layout, row_bits, compact, known, place):
    """Rewrite records: rows are numbered from 0, and so are the values of each column that occur here."""
    long_row, long_code = U(layout.row_bits), U(layout.row_bits + layout.label_bits)
    long_mask, label_mask = (U(1) << long_row) - U(1), (U(1) << U(layout.label_bits)) - U(1)
    code_shift = row_bits + layout.label_bits
    for i in range(start, end):
        place[np.int64(records[0, i] & long_mask)] = i - start
    for f in range(records.shape[0]):
        last, code = records[f, start] >> long_code, 0
        known[f, 0] = last
        for i in range(start, end):
            record = records[f, i]
            here = record >> long_code
            code += np.int64(here != last)
            known[f, code] = here
            last = here
            label = np.int64((record >> long_row) & label_mask)
            compact[f, i - start] = (code << code_shift) | (label << row_bits) | place[np.int64(record & long_mask)]


@compiled_part
def _split_of_two(compact, start, end, row_bits, code_shift, min_leaf, one, n_ones, step, tol, inverse, deviations):
    """The best split by the Gini index where two classes occur, ``one`` among them: (worth, column, position).

    ``step`` (V,) has room for what a record of each class adds to the deviation: to look it up is quicker than a branch
    that depends on the label and is guessed wrong half of the time.
    """
    n = end - start
    label_mask = (1 << (code_shift - row_bits)) - 1
    for i in range(n - 1):
        inverse[i] = 1.0 / (float(i + 1) * float(n - 1 - i))
    step[:] = -n_ones
    step[one] += n
    slack = tol * n / 2.0  # scores are in units of 2 / n
    best, column, position, bar = NO_SPLIT, -1, 0, -1.0
    for f in range(compact.shape[0]):
        segment = compact[f, start:end]
        if (segment[0] >> code_shift) == (segment[n - 1] >> code_shift):
            continue
        deviation = 0
        for i in range(n - 1):
            deviation += step[(segment[i] >> row_bits) & label_mask]
            deviations[i] = deviation
        n_better = 0  # most columns have no better cut, and counting runs over several at a time
        for i in range(n - 1):
            n_better += np.int64(deviations[i] * deviations[i] * inverse[i] > bar)
        if n_better == 0:
            continue
        for i in range(n - 1):
            score = deviations[i] * deviations[i] * inverse[i]
            allowed = min_leaf <= i + 1 <= n - min_leaf
            if score > bar and allowed and (segment[i] >> code_shift) != (segment[i + 1] >> code_shift):
                best, column, position, bar = score, f, i + 1, score + slack
    return (best * 2.0 / n if column >= 0 else NO_SPLIT), column, position


@compiled_part
def _split_of_many(compact, start, end, row_bits, code_shift, min_leaf, total, left, tol, inverse, scores):
    """The best split by the Gini index: (worth, column, position)."""
    n = end - start
    label_mask = (1 << (code_shift - row_bits)) - 1
    for i in range(n - 1):
        inverse[i] = 1.0 / (float(i + 1) * float(n - 1 - i))
    squares = 0
    for count in total:
        squares += count * count
    base = float(squares) / n
    best, column, position, bar = NO_SPLIT, -1, 0, base - 1.0
    for f in range(compact.shape[0]):
        segment = compact[f, start:end]
        if (segment[0] >> code_shift) == (segment[n - 1] >> code_shift):
            continue
        left[:] = 0
        on_left, on_right = 0, squares
        for i in range(n - 1):
            c = (segment[i] >> row_bits) & label_mask
            count = left[c]
            left[c] = count + 1
            on_left += 2 * count + 1
            on_right += 2 * (count - total[c]) + 1
            scores[i] = on_left * (n - 1 - i) + on_right * (i + 1)
        n_better = 0
        for i in range(n - 1):
            n_better += np.int64(scores[i] * inverse[i] > bar)
        if n_better == 0:
            continue
        for i in range(n - 1):
            score = scores[i] * inverse[i]
            allowed = min_leaf <= i + 1 <= n - min_leaf
            if score > bar and allowed and (segment[i] >> code_shift) != (segment[i + 1] >> code_shift):
                best, column, position, bar = score, f, i + 1, score + tol
    return (max(best - base, 0.0) if column >= 0 else NO_SPLIT), column, position


@compiled_part
def _split_by_table(compact, start, end, row_bits, code_shift, min_leaf, total, left, tol, table, scale):
    """The best split by the entropy, from ``table[c]``, which is c * log2(c) * scale in whole numbers."""
    n = end - start
    label_mask = (1 << (code_shift - row_bits)) - 1
    whole = 0
    for count in total:
        whole += table[count]
    base = -float(whole - table[n]) / scale
    best, column, position, bar = NO_SPLIT, -1, 0, -1.0
    for f in range(compact.shape[0]):
        segment = compact[f, start:end]
        if (segment[0] >> code_shift) == (segment[n - 1] >> code_shift):
            continue
        left[:] = 0
        sums = whole
        for i in range(n - 1):
            c = (segment[i] >> row_bits) & label_mask
            count = left[c]
            left[c] = count + 1
            rest = total[c] - count
            sums += table[count + 1] - table[count] + table[rest - 1] - table[rest]
            score = float(sums - table[i + 1] - table[n - 1 - i]) / scale + base
            allowed = i + 1 >= min_leaf and n - 1 - i >= min_leaf
            if score > bar and allowed and (segment[i] >> code_shift) != (segment[i + 1] >> code_shift):
                best, column, position = max(score, 0.0), f, i + 1
                bar = best + tol
    return best, column, position


@compiled_part
def _part(segment, row_mask, side, buffer, keep_left, keep_right):
    """Bring the records that go left to the front; a side that is not kept may be lost."""
    n = len(segment)
    if not keep_right:
        n_left = 0
        for i in range(n):
            record = segment[i]
            segment[n_left] = record
            n_left += np.int64(side[record & row_mask])
    elif not keep_left:
        begin = n - 1
        for i in range(n - 1, -1, -1):
            record = segment[i]
            segment[begin] = record
            begin -= 1 - np.int64(side[record & row_mask])
    else:
        n_left, n_right = 0, 0
        for i in range(n):
            record = segment[i]
            left = np.int64(side[record & row_mask])
            segment[n_left] = record
            buffer[n_right] = record
            n_left += left
            n_right += 1 - left
        for i in range(n_right):
            segment[n_left + i] = buffer[i]


@compiled_part
def grow_compact(records, start, end, depth, parent, is_left, nodes, problem, room):
    """Grow the node with the records ``start:end`` of every column, and all that comes below it."""
    columns, limits, layout, first = problem.columns, problem.limits, problem.layout, problem.samples.first
    compact, known, side, buffer, waiting = room.records, room.known, room.side, room.buffer, room.waiting
    total, left, stats = room.counts[0], room.counts[1], room.stats
    inverse, sums = room.inverse, room.sums
    row_bits = 1
    while (1 << row_bits) < end - start:
        row_bits += 1
    code_shift = row_bits + layout.label_bits
    row_mask, label_mask = (1 << row_bits) - 1, (1 << layout.label_bits) - 1
    _gather(records, start, end, layout, row_bits, compact, known, room.place)
    offset = columns.offset
    n_classes = len(total)
    entropy = limits.criterion == ENTROPY
    waiting[0, 0], waiting[0, 1], waiting[0, 2], waiting[0, 3], waiting[0, 4] = 0, end - start, depth, parent, is_left
    top = 1
    while top > 0:
        top -= 1
        begin, stop, depth, parent, is_left = waiting[top]
        n = stop - begin
        total[:] = 0
        for i in range(begin, stop):
            total[(compact[0, i] >> row_bits) & label_mask] += 1
        one, n_present, most = np.int64(0), 0, 0  # a literal would make numba compile a function once more
        for c in range(n_classes):
            stats[c] = total[c]
            if total[c] > 0:
                one = c
                n_present += 1
                most = max(most, total[c])
        weight = float(n)
        impurity = impurity_of_classes(limits.criterion, first, stats, weight)
        nodes, i = add_leaf(nodes, n, start + begin, depth, parent, is_left, weight, weight, impurity, stats)
        small = n < limits.min_samples_split or n < 2 * limits.min_samples_leaf
        if small or n_present < 2 or depth >= limits.max_depth:
            continue
        tol, min_leaf = tolerance(limits.criterion, weight, weight * impurity), limits.min_samples_leaf
        if entropy:
            gain, f, position = _split_by_table(
                compact, begin, stop, row_bits, code_shift, min_leaf, total, left, tol, problem.table, problem.scale
            )
        elif n_present == 2:
            gain, f, position = _split_of_two(
                compact, begin, stop, row_bits, code_shift, min_leaf, one, total[one], left, tol, inverse, sums
            )
        else:
            gain, f, position = _split_of_many(
                compact, begin, stop, row_bits, code_shift, min_leaf, total, left, tol, inverse, sums
            )
        if f < 0 or gain * (1.0 + 1e-12) < limits.min_gain:
            continue
        middle = begin + position
        below = offset[f] + np.int64(known[f, compact[f, middle - 1] >> code_shift])
        above = offset[f] + np.int64(known[f, compact[f, middle] >> code_shift])
        low, high = columns.high[below], columns.low[above]
        between = low / 2.0 + high / 2.0
        nodes.real[i, THRESHOLD] = low if between >= high or between < low else between
        nodes.whole[i, FEATURE], nodes.whole[i, POSITION], nodes.whole[i, MISSING_LEFT] = f, position, 2 * position > n
        left[:] = 0
        for j in range(begin, middle):
            record = compact[f, j]
            side[record & row_mask] = 1
            left[(record >> row_bits) & label_mask] += 1
        for j in range(middle, stop):
            side[compact[f, j] & row_mask] = 0
        pure_left, pure_right = False, False
        for c in range(n_classes):
            pure_left |= left[c] == position
            pure_right |= total[c] - left[c] == n - position
        least = max(limits.min_samples_split, 2 * limits.min_samples_leaf)
        deeper = depth + 1 < limits.max_depth
        grow_left = deeper and not pure_left and position >= least
        grow_right = deeper and not pure_right and n - position >= least
        _part(compact[0, begin:stop], row_mask, side, buffer, n > 0, n > 0)  # literals would make it two functions
        if grow_left or grow_right:
            for g in range(1, compact.shape[0]):
                if g != f:
                    _part(compact[g, begin:stop], row_mask, side, buffer, grow_left, grow_right)
        waiting[top, 0], waiting[top, 1], waiting[top, 2], waiting[top, 3], waiting[top, 4] = (
            middle, stop, depth + 1, i, 0
        )  # fmt: skip
        top += 1
        waiting[top, 0], waiting[top, 1], waiting[top, 2], waiting[top, 3], waiting[top, 4] = (
            begin, middle, depth + 1, i, 1
        )  # fmt: skip
        top += 1
    return nodes
