"""Binning: every numeric column as at most 255 codes of one byte."""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

import numpy as np

from skdl.kernels._compile import compiled, compiled_part
from skdl.kernels.tree._columns import TOGETHER, transposed
from skdl.kernels.tree._problem import Columns
from skdl.kernels.tree._turns import in_turns

MAX_BINS = 255
_SAMPLE = 100_000  # rows that the edges are drawn from


def bin_columns(X, rows, is_categorical, n_categories, max_bins, n_threads=1):
    """Code the columns of the given rows (n,) of X (N, d).

    A column with at most ``max_bins`` distinct values keeps them all; others are cut into bins of nearly equal
    weight. Of large tables a fixed random sample of rows decides the edges.

    Returns
    -------
    codes : ndarray of shape (n, d), uint8
        A missing value has the code after the last one.
    columns : Columns
    """
    n, d = len(rows), X.shape[1]
    sampled = n > _SAMPLE
    some = rows[np.sort(np.random.default_rng(0).integers(n, size=_SAMPLE))] if sampled else rows
    edges = np.full((d, 512), np.inf)
    low, high = np.empty((d, 256)), np.empty((d, 256))
    n_codes = np.where(is_categorical, n_categories, 0)
    together = min(TOGETHER, -(-d // n_threads))

    def find_edges(first: int) -> None:
        values = np.empty((min(d - first, together), len(some)), X.dtype)
        transposed(X, some, first, values)
        begins = np.empty(len(some), np.int64)
        for f, column in enumerate(values, first):
            if is_categorical[f]:
                edges[f, : n_categories[f] - 1] = np.arange(n_categories[f] - 1) + 0.5
                low[f], high[f] = np.arange(256), np.arange(256)
            else:
                column.sort()  # NaN comes last
                n_codes[f] = _find_cuts(column, max_bins, sampled, begins, edges[f], low[f], high[f])

    in_turns(find_edges, list(range(0, d, together)), n_threads)
    codes = np.empty((n, d), dtype=np.uint8)
    finders = [_make_finder(edge) for edge in edges]
    start, scale, levels, base = (np.array(part) for part in zip(*finders, strict=True))
    step = -(-n // n_threads)
    blocks = [slice(begin, begin + step) for begin in range(0, n, step)]
    in_turns(
        lambda part: _digitize(X, rows[part], edges, n_codes, start, scale, levels, base, codes[part]),
        blocks,
        n_threads,
    )
    offset = np.concatenate([[0], np.cumsum(n_codes)]).astype(np.int64)
    there = np.arange(256) < n_codes[:, None]
    return codes, Columns(offset, low[there], high[there], np.ascontiguousarray(is_categorical))


@compiled
def _find_cuts(values, max_bins, sampled, begins, edges, low, high):
    """Fill the edges between bins and the lowest and highest value of each; return how many bins there are.

    ``values`` (n,) are sorted, missing ones last; ``begins`` (n,) is room for the places where distinct values begin.
    """
    n, n_distinct = 0, 0
    while n < len(values) and values[n] == values[n]:
        if n == 0 or values[n] != values[n - 1]:
            begins[n_distinct] = n
            n_distinct += 1
        n += 1
    if n == 0:
        return 0
    whole = n_distinct <= max_bins
    n_cuts, j, last = 0, 0, 0
    for k in range(1, n_distinct if whole else max_bins):
        if whole:
            j = k
        else:  # the cut nearest to each quantile that lies between two distinct values
            wanted = float(k * n) / max_bins
            while j < n_distinct and begins[j] < wanted:
                j += 1
            j = min(max(j, 1), n_distinct - 1)
            if j == last:
                continue
            last = j
        below, above = np.float64(values[begins[j] - 1]), np.float64(values[begins[j]])
        middle = below / 2.0 + above / 2.0
        edges[n_cuts] = below if middle >= above else middle
        n_cuts += 1
    for k in range(n_cuts + 1):
        if whole and not sampled:
            low[k] = high[k] = values[begins[k]]
        else:
            low[k] = values[0] if k == 0 else edges[k - 1]
            high[k] = values[n - 1] if k == n_cuts else edges[k]
    return n_cuts + 1


@compiled_part
def _cell(x, start, scale):
    """In which of 1024 cells of equal width x is; NaN in the first."""
    cell = (x / 2.0 - start) * scale
    cell = cell if cell > 0.0 else 0.0
    return np.int64(cell if cell < 1023.0 else 1023.0)


@compiled
def _make_finder(edges):
    """Prepare to look up how many of the sorted edges (512,), the rest infinite, are below a value.

    Cells follow the order of the values, so an edge in an earlier cell is below and one in a later cell is not; only
    those in the value's own cell are compared with it. Returns where the cells start, cells for each unit (of half the
    value: the range of values may not be a number), how often the most edges of a cell can be halved, and for each cell
    how many edges are in earlier ones.
    """
    base = np.zeros(1025, np.int16)
    n_edges = 0
    while edges[n_edges] < np.inf:
        n_edges += 1
    start, scale = 0.0, 0.0
    if n_edges > 1:
        start = edges[0] / 2.0
        scale = 1022.0 / (edges[n_edges - 1] / 2.0 - start)
        if scale == np.inf:
            scale = 0.0
    for k in range(n_edges):
        base[_cell(edges[k], start, scale) + 1] += 1
    most, levels = base.max(), 0
    while most > 0:
        levels += 1
        most >>= 1
    for cell in range(1024):
        base[cell + 1] += base[cell]
    return start, scale, levels, base[:1024].copy()


@compiled
def _digitize(X, rows, edges, n_codes, start, scale, levels, base, codes):
    n, d = codes.shape
    value, at = np.empty(256), np.empty(256, np.int64)
    for begin in range(0, n, 256):
        m = min(256, n - begin)
        for f in range(d):
            first, per_unit, half = start[f], scale[f], np.int64(1) << levels[f] >> 1
            edge, cells, missing = edges[f], base[f], n_codes[f]
            for i in range(m):
                value[i] = X[rows[begin + i], f]
            for i in range(m):
                at[i] = _cell(value[i], first, per_unit)
            for i in range(m):
                at[i] = cells[at[i]]
            while half > 0:  # as often for every value, and without a branch inside
                for i in range(m):
                    at[i] += half * np.int64(edge[at[i] + half - 1] < value[i])
                half >>= 1
            for i in range(m):
                codes[begin + i, f] = missing if np.isnan(value[i]) else at[i]


@compiled
def sort_codes(codes, rows, columns, label, layout, records):
    """Records (d, m) of the given rows of the coded table, each column sorted by counting."""
    row_bits, code_shift = np.uint64(layout.row_bits), np.uint64(layout.row_bits + layout.label_bits)
    begin = np.empty(258, np.int64)
    for f in range(records.shape[0]):
        begin[:] = 0
        for row in rows:
            begin[np.int64(codes[row, f]) + 1] += 1
        for code in range(1, 257):
            begin[code] += begin[code - 1]
        for row in rows:
            code = np.int64(codes[row, f])
            record = (np.uint64(code) << code_shift) | np.uint64(row)
            if layout.label_bits > 0:
                record |= np.uint64(label[row]) << row_bits
            records[f, begin[code]] = record
            begin[code] += 1
