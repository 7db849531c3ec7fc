"""Compiled loops of a search by tiles: products are scanned, lists are thinned, what is left is compared exactly."""

import numpy as np
from numba import njit
from numba.core.types import NoneType
from numba.extending import overload

# How many bounds of a row are compared at once.
BLOCK = 64


@njit(nogil=True, cache=True)
def exact_square(a, b, lanes, scale):
    """The squared distance of two rows, added in the order of :mod:`skdl.kernels.distances`."""
    d = a.shape[0]
    if d < 16:
        total = 0.0
        for f in range(d):
            t = np.float64(a[f]) * scale - np.float64(b[f]) * scale
            total += t * t
        return total
    for lane in range(16):
        lanes[lane] = 0.0
    whole = d - d % 16
    for first in range(0, whole, 16):
        # Slices of a fixed length compile to vector instructions.
        u, v = a[first : first + 16], b[first : first + 16]
        for lane in range(16):
            t = np.float64(u[lane]) * scale - np.float64(v[lane]) * scale
            lanes[lane] += t * t
    for f in range(whole, d):
        t = np.float64(a[f]) * scale - np.float64(b[f]) * scale
        lanes[f - whole] += t * t
    for half in (8, 4, 2, 1):
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
    return lanes[0]


@njit(nogil=True, cache=True)
def at_least(values, k, most):
    """Find a bound that at least k of the values do not exceed and, unless several are alike, at most ``most``."""
    infinite, half = values.dtype.type(np.inf), values.dtype.type(0.5)
    low, high, finite = infinite, -infinite, 0
    for value in values:
        if value < infinite:
            low, high = min(low, value), max(high, value)
            finite += 1
    if finite < k:
        return infinite
    while True:
        middle = low + (high - low) * half
        if not low < middle < high:
            break
        count = np.int32(0)
        for place in range(values.shape[0]):
            count = np.int32(count + np.int32(values[place] <= middle))
        if count < k:
            low = middle
        else:
            high = middle
            if count <= most:
                break
    return high


@njit(nogil=True, cache=True)
def _thin(values, columns, i, count, k, most, norms, query_norm, slack, blur, threshold, exact):
    """Lower the threshold of list i and drop what lies above it; return the new threshold and length.

    The k points of the smallest bounds, or up to ``most``, give the threshold: by their upper bounds or, where
    ``exact`` is not None (see :mod:`skdl.kernels.tiles`), by their distances.
    """
    if count < k:
        return threshold, count
    bounds, places = values[i], columns[i]
    length = np.uint64(count)
    kth = at_least(bounds[:count], k, most)
    upper = -np.inf
    for place in range(length):
        if bounds[place] <= kth:
            if exact is None:
                size = np.float64(norms[places[place]])
                bound = np.float64(bounds[place]) + slack * size * (2.0 * query_norm + size) + 2e-30
            else:
                queries, points, scale, ratio, lanes = exact
                distance = exact_square(queries[i], points[places[place]], lanes, scale) * ratio
                bound = 0.5 * (distance - query_norm * query_norm) + blur * (distance + query_norm * query_norm) + 2e-30
            if bound > upper:
                upper = bound
    upper += blur * (abs(upper) + query_norm * query_norm)
    # Rounded upwards, whichever precision the list has.
    lowered = upper + abs(upper) * 1.2e-7 if values.itemsize == 4 else upper
    if lowered < threshold:
        threshold = lowered
    kept = np.uint64(0)
    # Without a branch, as in the scan.
    for place in range(length):
        bound, column = bounds[place], places[place]
        bounds[kept] = bound
        places[kept] = column
        kept += np.uint64(bound <= threshold)
    return threshold, np.int64(kept)


@njit(nogil=True, cache=True, fastmath={"contract"})
def _most(products, first, scale, error, norm, rounded):
    """The most that a row of products of integers may stand for (see :mod:`skdl.kernels.integers`)."""
    width = products.shape[0]
    scales, errors, sizes, _, _, _, row = rounded
    scales, errors, sizes = scales[first : first + width], errors[first : first + width], sizes[first : first + width]
    for place in range(width):
        most = norm * errors[place] + error * sizes[place]
        row[place] = most + scale * np.float32(products[place]) * scales[place]
    return row


def _row(tile, i, first, query_norm, rounded):
    """A row of a tile as numbers that are compared: compiled by what is below."""


@overload(_row)
def _choose_row(tile, i, first, query_norm, rounded):
    if isinstance(rounded, NoneType):
        return lambda tile, i, first, query_norm, rounded: tile[i]

    def row(tile, i, first, query_norm, rounded):
        return _most(tile[i], first, rounded[3][i], rounded[4][i], np.float32(query_norm), rounded)

    return row


@njit(nogil=True, cache=True)
def scan(
    tile, low, norms, first, k, query_norms, slack, blur, values, columns, counts, triggers, thresholds, exact, rounded
):
    """Add to each query's list what its row of products has at or below its threshold.

    Parameters
    ----------
    tile : ndarray of shape (m, w), float32, float64 or int32
        Products.
    low, norms : ndarray of shape (n,)
        Of the stage.
    first : int
        The point of the tile's first column.
    k : int
        How many neighbours are looked for.
    query_norms : ndarray of shape (n_queries,)
        The norms of the centred queries.
    slack, blur : float
        The constants of the error bounds of the products and of the exact distances.
    values, columns : ndarray of shape (n_queries, capacity)
        The lists.
    counts, triggers : ndarray of shape (n_queries,), dtype int64
        The length of each list, -1 once it has overflowed, and the length at which it is thinned next.
    thresholds : ndarray of shape (n_queries,), dtype float64
        What each list takes.
    exact : tuple or None
        See :func:`_thin`.
    rounded : tuple or None
        For products of integers, scales, errors and sizes of points and of queries, and room for a row.
    """
    width = tile.shape[1]
    whole = width - width % BLOCK
    capacity = values.shape[1] - BLOCK
    for i in range(tile.shape[0]):
        count = counts[i]
        if count < 0:
            continue
        threshold = thresholds[i]
        limit = values.dtype.type(threshold)
        row = _row(tile, i, first, query_norms[i], rounded)
        for start in range(0, width, BLOCK):
            # Slices of a fixed length let the comparison compile to vector instructions.
            products = row[start : start + BLOCK]
            below = low[first + start : first + start + BLOCK]
            length = BLOCK
            if start < whole:
                above = np.int32(0)
                for place in range(BLOCK):
                    above = np.int32(above + np.int32(below[place] - products[place] > limit))
                if above == BLOCK:
                    continue
            else:
                length = width - whole
            # Without a branch: each entry is written, and the next one writes over it unless it counts.
            for place in range(length):
                bound = below[place] - products[place]
                values[i, count] = bound
                columns[i, count] = first + start + place
                count += bound <= limit
            if count >= triggers[i]:
                threshold, count = _thin(
                    values, columns, i, count, k, k + k // 8, norms, query_norms[i], slack, blur, threshold, exact
                )
                limit = values.dtype.type(threshold)
                triggers[i] = min(capacity, 3 * count + 16)
                if count >= capacity:
                    count = -1
                    break
        counts[i] = count
        thresholds[i] = threshold


@njit(nogil=True, cache=True)
def _insert(distances, indices, filled, distance, index):
    """Insert into a sorted list; of equal distances the one that is there stays ahead."""
    k = distances.shape[0]
    place = filled if filled < k else k - 1
    while place > 0 and distances[place - 1] > distance:
        distances[place] = distances[place - 1]
        indices[place] = indices[place - 1]
        place -= 1
    distances[place] = distance
    indices[place] = index


@njit(nogil=True, cache=True)
def rank(
    queries,
    points,
    scale,
    blur,
    norms,
    query_norms,
    slack,
    values,
    columns,
    counts,
    thresholds,
    distances,
    indices,
    exact,
):
    """Compare the listed points exactly."""
    k = distances.shape[1]
    lanes = np.empty(16)
    squares = np.empty(values.shape[1])
    for i in range(queries.shape[0]):
        if counts[i] < 0:
            continue
        _, count = _thin(values, columns, i, counts[i], k, k, norms, query_norms[i], slack, blur, thresholds[i], exact)
        # Apart from the sorting, whose jumps nobody foresees: so that rows come from memory while others are compared.
        for place in range(count):
            squares[place] = exact_square(queries[i], points[columns[i, place]], lanes, scale)
        filled = 0
        # Columns are in increasing order, so that equal distances stay in the order of the points.
        for place in range(count):
            if filled < k or squares[place] < distances[i, k - 1]:
                _insert(distances[i], indices[i], filled, squares[place], columns[i, place])
                filled += filled < k


@njit(nogil=True, cache=True)
def compare_all(queries, rows, points, scale, distances, indices):
    """Compare some queries exactly with all points."""
    k = distances.shape[1]
    lanes = np.empty(16)
    for i in rows:
        filled = 0
        for index in range(points.shape[0]):
            distance = exact_square(queries[i], points[index], lanes, scale)
            if filled < k or distance < distances[i, k - 1]:
                _insert(distances[i], indices[i], filled, distance, index)
                filled += filled < k
