"""The best split of a node over its columns, and carrying it out."""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

import numpy as np

from skdl.kernels._compile import compiled_part
from skdl.kernels.tree._criteria import NO_SPLIT, weight_of, x_log_x
from skdl.kernels.tree._problem import ANY, GAIN_RATIO
from skdl.kernels.tree._random import draw_order, mix, uniform
from skdl.kernels.tree._scan_column import numbers_of, scan_fast, scan_numeric
from skdl.kernels.tree._subset import scan_categories

U = np.uint64


@compiled_part
def count_known(segment, code_shift, missing_code):
    """How many records of a sorted segment have a value."""
    n = len(segment)
    if np.int64(segment[n - 1] >> code_shift) < missing_code:
        return n
    low, high = 0, n - 1  # the first missing record is in low..high
    while low < high:
        middle = (low + high) // 2
        if np.int64(segment[middle] >> code_shift) < missing_code:
            low = middle + 1
        else:
            high = middle
    return low


@compiled_part
def scan_column(f, segment, problem, scratch, rare, node, key):
    """The best cut of column ``f``: (worth, position, missing_left, threshold or NaN for the midpoint)."""
    columns, limits = problem.columns, problem.limits
    code_shift = U(problem.layout.row_bits + problem.layout.label_bits)
    n_known = count_known(segment, code_shift, columns.offset[f + 1] - columns.offset[f])
    if n_known == 0:
        return NO_SPLIT, 0, False, np.nan
    first, last = np.int64(segment[0] >> code_shift), np.int64(segment[n_known - 1] >> code_shift)
    if first == last and n_known == len(segment):
        return NO_SPLIT, 0, False, np.nan
    sign = np.int64(limits.monotonic[f]) if len(limits.monotonic) > 0 else 0
    column_key = mix(key, U(f) + U(1 << 32))
    if columns.is_categorical[f]:
        score, position, side = scan_categories(segment, n_known, problem, scratch, rare, node, sign, column_key)
        return score, position, side, np.nan
    only, threshold = np.int64(0), np.nan  # a literal would make numba compile the scans once more
    if limits.random_splits:
        threshold, only = random_cut(f, segment, n_known, problem, column_key)
    score, position, side = scan_numeric(segment, n_known, problem, scratch, rare, node, sign, only)
    return score, position, side, threshold if position < n_known or not limits.random_splits else np.inf


@compiled_part
def random_cut(f, segment, n_known, problem, key):
    """Draw a threshold between the smallest and the largest value; return it and how many records are below."""
    columns = problem.columns
    code_shift = U(problem.layout.row_bits + problem.layout.label_bits)
    low = columns.low[columns.offset[f] + np.int64(segment[0] >> code_shift)]
    high = columns.high[columns.offset[f] + np.int64(segment[n_known - 1] >> code_shift)]
    share = uniform(key, 0)
    threshold = low * (1.0 - share) + high * share
    if not threshold < high:
        threshold = low
    position, stop = 0, n_known
    while position < stop:  # the first record above the threshold
        middle = (position + stop) // 2
        if columns.low[columns.offset[f] + np.int64(segment[middle] >> code_shift)] <= threshold:
            position = middle + 1
        else:
            stop = middle
    return threshold, max(position, 1)


@compiled_part
def find_split(records, start, end, problem, scratch, rare, node, key):
    """The best split of the node with records ``start:end``: (worth, column, position, missing_left, threshold).

    A tie goes to the column that is visited first: in their order, or, where ``max_features`` leaves some out, in an
    order drawn for the node.
    """
    limits = problem.limits
    d = records.shape[0]
    draw, by_ratio = False, False
    if rare is not None:
        draw = limits.max_features < d or limits.random_splits
        by_ratio = limits.criterion == GAIN_RATIO
        if draw:
            draw_order(rare.order, key)
    # The usual problems take a short way: handing all of `problem` to another function for each column would cost more
    # than the scan of a small node.
    mode, n = problem.mode, end - start
    fast = mode < ANY
    numbers = numbers_of(problem, scratch, node)
    code_shift = numbers[1]
    offset, is_categorical = problem.columns.offset, problem.columns.is_categorical
    counts, table, stats, target, left = scratch.counts, problem.table, scratch.stats, problem.target, scratch.left
    sample_weight = problem.samples.weight
    best, column, position, missing_left, threshold = NO_SPLIT, -1, 0, False, np.nan
    n_found, gain_sum = 0, 0.0
    last = column  # the column that was scanned last: its subset is the one in scratch
    visit = np.int64(0)  # a literal would make numba compile a function once more
    while True:
        again = visit == d or (visit >= limits.max_features and column >= 0)
        if again:
            if rare is not None and by_ratio and n_found > 1:
                column = _best_ratio(rare, gain_sum / n_found - node.tol, visit, draw)
            if column < 0 or column == last or not (by_ratio or is_categorical[column]):
                return best, column, position, missing_left, threshold
        f = column if again else visit
        if rare is not None and draw and not again:
            f = rare.order[visit]
        segment = records[f, start:end]
        score, at, side, drawn = NO_SPLIT, 0, False, np.nan
        if fast and not is_categorical[f]:
            n_known = count_known(segment, code_shift, offset[f + 1] - offset[f])
            differ = n_known < n or (segment[0] >> code_shift) != (segment[n - 1] >> code_shift)
            if n_known > 0 and differ:
                score, at, side = scan_fast(
                    segment, n_known, mode, numbers, counts, table, stats, target, sample_weight, left
                )
        elif rare is not None:
            score, at, side, drawn = scan_column(f, segment, problem, scratch, rare, node, key)
        if again:
            return score, f, at, side, drawn
        visit += 1
        last = f
        if rare is not None:
            rare.found[f, 0] = score
            if by_ratio and at > 0:
                rare.found[f, 1] = _split_information(f, segment, at, side, problem, scratch, node)
                n_found += 1
                gain_sum += score
        if at == 0:
            continue
        if column < 0 or score > best + node.tol:
            best, column, position, missing_left, threshold = score, f, at, side, drawn


@compiled_part
def _best_ratio(rare, bar, n_visited, draw):
    """Quinlan's choice: the best gain ratio among the columns whose gain is at least average."""
    column, ratio = -1, -1.0
    for visit in range(n_visited):
        f = rare.order[visit] if draw else visit
        if rare.found[f, 0] > NO_SPLIT and rare.found[f, 0] >= bar:
            candidate = rare.found[f, 0] / rare.found[f, 1]
            if candidate > ratio * (1.0 + 1e-12):
                ratio, column = candidate, f
    return column


@compiled_part
def _split_information(f, segment, position, missing_left, problem, scratch, node):
    """The entropy of the split itself, times the weight."""
    code_shift = U(problem.layout.row_bits + problem.layout.label_bits)
    row_mask = (U(1) << U(problem.layout.row_bits)) - U(1)
    columns = problem.columns
    n_codes = columns.offset[f + 1] - columns.offset[f]
    left = 0.0
    for i in range(len(segment)):
        if _goes_left(i, segment[i], code_shift, n_codes, columns.is_categorical[f], position, missing_left, scratch):
            left += weight_of(problem.samples, np.int64(segment[i] & row_mask))
    return x_log_x(node.weight) - x_log_x(left) - x_log_x(node.weight - left)


@compiled_part
def _goes_left(i, record, code_shift, n_codes, categorical, position, missing_left, scratch):
    code = np.int64(record >> code_shift)
    if code >= n_codes:
        return missing_left
    if categorical:
        return scratch.left_set[code] == 1
    return i < position


@compiled_part
def mark_sides(f, segment, position, missing_left, problem, scratch):
    """Note for each row of the node whether it goes left; return how many do."""
    code_shift = U(problem.layout.row_bits + problem.layout.label_bits)
    row_mask = (U(1) << U(problem.layout.row_bits)) - U(1)
    columns = problem.columns
    n_codes = columns.offset[f + 1] - columns.offset[f]
    n_left = 0
    for i in range(len(segment)):
        left = _goes_left(
            i, segment[i], code_shift, n_codes, columns.is_categorical[f], position, missing_left, scratch
        )
        scratch.side[np.int64(segment[i] & row_mask)] = left
        n_left += left
    return n_left


@compiled_part
def partition(segment, row_bits, side, buffer):
    """Bring the records that go left to the front, keeping both sides sorted."""
    row_mask = (U(1) << U(row_bits)) - U(1)
    n_left, n_right = 0, 0
    for i in range(len(segment)):
        record = segment[i]
        left = np.int64(side[np.int64(record & row_mask)])
        # Both are written and one is overwritten later: no branch to guess wrong.
        segment[n_left] = record
        buffer[n_right] = record
        n_left += left
        n_right += 1 - left
    for i in range(n_right):
        segment[n_left + i] = buffer[i]


@compiled_part
def threshold_between(f, segment, position, problem):
    """The midpoint of the values on both sides of a cut, or infinity where only missing values are on the right."""
    columns = problem.columns
    code_shift = U(problem.layout.row_bits + problem.layout.label_bits)
    below = np.int64(segment[position - 1] >> code_shift)
    above = np.int64(segment[position] >> code_shift) if position < len(segment) else columns.offset[f + 1]
    if above >= columns.offset[f + 1] - columns.offset[f]:
        return np.inf
    low, high = columns.high[columns.offset[f] + below], columns.low[columns.offset[f] + above]
    middle = low / 2.0 + high / 2.0
    return low if middle >= high or middle < low else middle
