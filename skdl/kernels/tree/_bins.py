"""Binning: every numeric column as at most 255 codes of one byte."""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

import numpy as np
from numba import njit

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
    sample = np.ascontiguousarray(X[some].T)  # (d, len(some))
    in_turns(np.ndarray.sort, np.array_split(sample, n_threads), n_threads)  # by rows; NaN comes last
    edges = np.full((d, 256), np.inf)
    n_codes = np.zeros(d, dtype=np.int64)
    lows, highs = [], []
    for f in range(d):
        if is_categorical[f]:
            n_codes[f] = n_categories[f]
            edges[f, : n_categories[f] - 1] = np.arange(n_categories[f] - 1) + 0.5
            lows.append(np.arange(n_categories[f], dtype=np.float64))
            highs.append(lows[-1])
            continue
        values = sample[f, : len(some) - int(np.isnan(sample[f]).sum())].astype(np.float64) + 0.0
        first = np.flatnonzero(np.diff(values, prepend=-np.inf) > 0.0)  # where each distinct value begins
        distinct = values[first]
        whole = len(distinct) <= max_bins
        if not whole:
            # The cut nearest to each quantile that lies between two distinct values.
            wanted = np.arange(1, max_bins) * len(values) / max_bins
            first = first[np.unique(np.searchsorted(first, wanted).clip(1, len(first) - 1))]
            cuts = values[first - 1] / 2.0 + values[first] / 2.0
            cuts = np.unique(np.where(cuts >= values[first], values[first - 1], cuts))
        else:
            cuts = distinct[:-1] / 2.0 + distinct[1:] / 2.0
            cuts = np.where(cuts >= distinct[1:], distinct[:-1], cuts)
        edges[f, : len(cuts)] = cuts
        n_codes[f] = len(cuts) + 1 if len(values) else 0
        if whole and not sampled:
            lows.append(distinct)
            highs.append(distinct)
        else:
            lows.append(np.concatenate([values[:1], cuts])[: n_codes[f]])
            highs.append(np.concatenate([cuts, values[-1:]])[: n_codes[f]])
    codes = np.empty((n, d), dtype=np.uint8)
    step = -(-n // n_threads)
    blocks = [slice(begin, begin + step) for begin in range(0, n, step)]
    in_turns(lambda part: _digitize(X, rows[part], edges, n_codes, codes[part]), blocks, n_threads)
    offset = np.concatenate([[0], np.cumsum(n_codes)]).astype(np.int64)
    columns = Columns(offset, np.concatenate(lows), np.concatenate(highs), np.ascontiguousarray(is_categorical))
    return codes, columns


@njit(cache=True, nogil=True, error_model="numpy")
def _digitize(X, rows, edges, n_codes, codes):
    n, d = codes.shape
    for begin in range(0, n, 256):
        end = min(begin + 256, n)
        for f in range(d):
            for i in range(begin, end):
                x = np.float64(X[rows[i], f])
                # How many edges are below x: eight halvings without a branch.
                at = 0
                at += 128 * (edges[f, at + 127] < x)
                at += 64 * (edges[f, at + 63] < x)
                at += 32 * (edges[f, at + 31] < x)
                at += 16 * (edges[f, at + 15] < x)
                at += 8 * (edges[f, at + 7] < x)
                at += 4 * (edges[f, at + 3] < x)
                at += 2 * (edges[f, at + 1] < x)
                at += edges[f, at] < x
                codes[i, f] = n_codes[f] if np.isnan(x) else at


@njit(cache=True, nogil=True, error_model="numpy")
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
