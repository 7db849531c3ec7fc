"""Coding and sorting the columns of a table, once for a tree.

A key holds the upper bits of a value, made to sort as an unsigned integer, and below them the number of the row: one
vector sort of 64-bit integers then sorts values and rows together. Values that differ only in the bits that were cut
off are put right afterwards, so nothing is rounded.
"""

# mypy: disable-error-code="assignment"
# numba types these functions; mypy would tell int from numpy.int64.

from typing import NamedTuple

import numpy as np

from skdl.kernels._array_loops import stable_order
from skdl.kernels._compile import compiled, compiled_part
from skdl.kernels.tree._problem import Columns, Layout
from skdl.kernels.tree._turns import in_turns

U = np.uint64
_MISSING = U(0xFFFFFFFFFFFFFFFF)
_SIGN = U(1 << 63)
_INFINITY = U(0x7FF0000000000000)
TOGETHER = 16  # columns that are turned from rows into columns at a time


@compiled
def transposed(X, rows, first, out):
    """Some rows and columns of X as rows of ``out``; blocks keep both sides in the cache."""
    n = len(rows)
    for begin in range(0, n, 64):
        end = min(begin + 64, n)
        for f in range(out.shape[0]):
            for i in range(begin, end):
                out[f, i] = X[rows[i], first + f] + 0.0  # -0.0 becomes 0.0


@compiled
def _make_keys(bits, row_bits, keys):
    """Fill keys from the raw bits of float64 values; return whether no value lost any bits."""
    low_mask = (U(1) << U(row_bits)) - U(1)
    lost = U(0)
    for i in range(len(bits)):
        raw = bits[i]
        if (raw & ~_SIGN) > _INFINITY:
            key = _MISSING
        else:
            lost |= raw & low_mask
            key = ~raw if raw & _SIGN else raw | _SIGN
        keys[i] = (key & ~low_mask) | U(i)
    return lost == U(0)


@compiled_part
def _order_ties(keys, begin, end, values, row_mask):
    """Sort keys that agree in their upper bits by the whole values."""
    if end - begin <= 24:
        for i in range(begin + 1, end):
            key = keys[i]
            value = values[np.int64(key & row_mask)]
            j = i
            while j > begin and values[np.int64(keys[j - 1] & row_mask)] > value:
                keys[j] = keys[j - 1]
                j -= 1
            keys[j] = key
        return
    part = np.empty(end - begin)
    for i in range(begin, end):
        part[i - begin] = values[np.int64(keys[i] & row_mask)]
    unsorted = keys[begin:end].copy()
    for place, i in enumerate(stable_order(part)):
        keys[begin + place] = unsorted[i]


@compiled
def _to_records(keys, values, lossless, label, layout, distinct):
    """Turn sorted keys into records, in place; fill ``distinct`` and return how many values there are."""
    row_bits, code_shift = U(layout.row_bits), U(layout.row_bits + layout.label_bits)
    row_mask = (U(1) << row_bits) - U(1)
    missing = _MISSING & ~row_mask
    n = len(keys)
    n_codes = 0
    i = np.int64(0)
    last, last_upper = np.nan, missing
    while i < n:
        upper = keys[i] & ~row_mask
        end = i + 1
        if upper == missing:
            end = n
        elif not lossless:
            while end < n and (keys[end] & ~row_mask) == upper:
                end += 1
            if end - i > 1:
                _order_ties(keys, i, end, values, row_mask)
        for j in range(i, end):
            row = keys[j] & row_mask
            if upper == missing:
                code = U(n_codes)
            else:
                if lossless:  # equal upper bits mean equal values, so each value is looked up once
                    if upper != last_upper:
                        distinct[n_codes] = values[np.int64(row)]
                        n_codes += 1
                        last_upper = upper
                else:
                    value = values[np.int64(row)]
                    if n_codes == 0 or value != last:
                        distinct[n_codes] = value
                        n_codes += 1
                        last = value
                code = U(n_codes - 1)
            record = (code << code_shift) | row
            if layout.label_bits > 0:
                record |= U(label[np.int64(row)]) << row_bits
            keys[j] = record
        i = end
    return n_codes


@compiled
def _sort_categories(values, n_codes, label, layout, records):
    """Records of a column of category codes, by counting; missing (NaN) is the code ``n_codes``."""
    row_bits, code_shift = U(layout.row_bits), U(layout.row_bits + layout.label_bits)
    begin = np.zeros(n_codes + 2, np.int64)
    for value in values:
        begin[(n_codes if np.isnan(value) else np.int64(value)) + 1] += 1
    for code in range(1, n_codes + 2):
        begin[code] += begin[code - 1]
    for row in range(len(values)):
        code = n_codes if np.isnan(values[row]) else np.int64(values[row])
        record = (U(code) << code_shift) | U(row)
        if layout.label_bits > 0:
            record |= U(label[row]) << row_bits
        records[begin[code]] = record
        begin[code] += 1


def record_layout(n: int, n_labels: int) -> Layout:
    """Bits for n rows and ``n_labels`` classes (0 or 1: no label in the record)."""
    return Layout(max(int(n - 1).bit_length(), 1), int(n_labels - 1).bit_length() if n_labels > 1 else 0)


def sort_columns(X, rows, is_categorical, n_categories, label, n_labels, n_threads=1):
    """Code and sort every column.

    Parameters
    ----------
    X : ndarray of shape (N, d), float32 or float64
        Numbers; categories as codes; NaN where missing.
    rows : ndarray of shape (n,), int64
        Which rows of X, and how often.
    is_categorical : ndarray of shape (d,), bool
    n_categories : ndarray of shape (d,), int64
        Read for categorical columns only.
    label : ndarray of shape (n,), int32
        Class codes to go into the records if ``n_labels`` > 1.
    n_labels : int
    n_threads : int, default=1

    Returns
    -------
    records : ndarray of shape (d, n), uint64
    columns : Columns
    layout : Layout
    """
    n, d = len(rows), X.shape[1]
    layout = record_layout(n, n_labels)
    if 2 * layout.row_bits + layout.label_bits > 64:
        raise ValueError(f"{n} rows with {n_labels} classes do not fit into 64-bit records; fit on fewer rows.")
    records = np.empty((d, n), np.uint64)
    together = min(TOGETHER, -(-d // n_threads))

    def sort_some(first: int) -> list:
        values, distinct, parts = np.empty((min(d - first, together), n)), np.empty(n), []
        transposed(X, rows, first, values)
        for f, column in enumerate(values, first):
            if is_categorical[f]:
                _sort_categories(column, int(n_categories[f]), label, layout, records[f])
                parts.append(np.arange(n_categories[f], dtype=np.float64))
            else:
                lossless = _make_keys(column.view(np.uint64), layout.row_bits, records[f])
                records[f].sort()
                n_codes = _to_records(records[f], column, lossless, label, layout, distinct)
                parts.append(distinct[:n_codes].copy())
        return parts

    parts = [part for some in in_turns(sort_some, list(range(0, d, together)), n_threads) for part in some]
    offset = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    low = np.concatenate(parts)
    return records, Columns(offset, low, low, np.ascontiguousarray(is_categorical)), layout


class Ranked(NamedTuple):
    """A table whose values are replaced by their ranks, from which any rows of it are sorted by counting."""

    codes: np.ndarray  # (d, N) uint32
    columns: Columns


def rank_columns(X, is_categorical, n_categories, n_threads=1) -> Ranked:
    """Rank the values of every column of X (N, d)."""
    n, d = X.shape
    codes, rows = np.empty((d, n), np.uint32), np.arange(n)
    together = min(TOGETHER, -(-d // n_threads))

    def rank_some(first: int) -> Columns:
        some = slice(first, first + together)
        records, columns, layout = sort_columns(
            X[:, some], rows, is_categorical[some], n_categories[some], np.empty(0, np.int32), 0
        )
        _note_ranks(records, layout.row_bits, codes[some])
        return columns

    parts = in_turns(rank_some, list(range(0, d, together)), n_threads)
    low = np.concatenate([part.low for part in parts])
    offset = np.concatenate([[0], np.cumsum(np.concatenate([np.diff(part.offset) for part in parts]))])
    return Ranked(codes, Columns(offset.astype(np.int64), low, low, np.ascontiguousarray(is_categorical)))


@compiled
def _note_ranks(records, row_bits, codes):
    row_mask = (U(1) << U(row_bits)) - U(1)
    for f in range(records.shape[0]):
        for record in records[f]:
            codes[f, np.int64(record & row_mask)] = record >> U(row_bits)


def sort_ranked(ranked: Ranked, rows, label, n_labels):
    """Records of some rows of a ranked table, as :func:`sort_columns` makes them; None where they do not fit.

    A value has its rank in the whole table for a code, which changes neither the order of the records nor the values
    that codes stand for.
    """
    layout = record_layout(len(rows), n_labels)
    n_codes = np.diff(ranked.columns.offset)
    if int(n_codes.max(initial=0)).bit_length() + layout.row_bits + layout.label_bits > 64:
        return None
    records = np.empty((len(n_codes), len(rows)), np.uint64)
    _place_ranks(ranked.codes, rows, n_codes, label, layout, records)
    return records, ranked.columns, layout


@compiled
def _place_ranks(codes, rows, n_codes, label, layout, records):
    row_bits, code_shift = U(layout.row_bits), U(layout.row_bits + layout.label_bits)
    begin = np.empty(n_codes.max() + 2, np.uint32)
    for f in range(len(n_codes)):
        begin[: n_codes[f] + 2] = 0
        for row in rows:
            begin[codes[f, row] + U(1)] += 1
        for code in range(1, n_codes[f] + 2):
            begin[code] += begin[code - 1]
        for i in range(len(rows)):
            code = U(codes[f, rows[i]])
            record = (code << code_shift) | U(i)
            if layout.label_bits > 0:
                record |= U(label[i]) << row_bits
            records[f, begin[code]] = record
            begin[code] += 1
