"""Euclidean neighbours on a CPU, by tiles that stay in cache.

A product of a few hundred queries and a thousand points is scanned as soon as it is made: what lies at or below the
query's threshold goes into a short list, and whenever the list is full the threshold is lowered and the list thinned
(the bounds are those of :mod:`skdl.kernels.neighbors`). At the end the list is compared exactly. A list that stays full
means that the products are too coarse for the query, or that very many points are equally distant: the query then goes
to the next stage, of higher precision, and in the end to a comparison with all points.
"""

import threading
from collections.abc import Callable, Hashable

import numpy as np
import torch
from numba import njit

from skdl.kernels.neighbors import TILE_BYTES, Reference, centred_queries
from skdl.kernels.threads import in_threads, one_torch_thread

QUERY_TILE = 512
POINT_TILE = 1024
_BLOCK = 64
# Beyond this norm (the points have norms of about 1) products may overflow in single precision.
_FAR = 1e15


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
def _at_least(values, k, most):
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
    ``exact`` is not None (see :func:`_exact_terms`), by their distances.
    """
    if count < k:
        return threshold, count
    bounds, places = values[i], columns[i]
    length = np.uint64(count)
    kth = _at_least(bounds[:count], k, most)
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


@njit(nogil=True, cache=True)
def _scan(tile, low, norms, first, k, query_norms, slack, blur, values, columns, counts, triggers, thresholds, exact):
    """Add to each query's list what its row of products has at or below its threshold.

    Parameters
    ----------
    tile : ndarray of shape (m, w), float32 or float64
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
    """
    width = tile.shape[1]
    whole = width - width % _BLOCK
    capacity = values.shape[1] - _BLOCK
    for i in range(tile.shape[0]):
        count = counts[i]
        if count < 0:
            continue
        threshold = thresholds[i]
        limit = values.dtype.type(threshold)
        for start in range(0, width, _BLOCK):
            # Slices of a fixed length let the comparison compile to vector instructions.
            products = tile[i, start : start + _BLOCK]
            below = low[first + start : first + start + _BLOCK]
            length = _BLOCK
            if start < whole:
                above = np.int32(0)
                for place in range(_BLOCK):
                    above = np.int32(above + np.int32(below[place] - products[place] > limit))
                if above == _BLOCK:
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
def _rank(
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
def _compare_all(queries, rows, points, scale, distances, indices):
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


class _Scratch(threading.local):
    """The tiles of each thread, one of each type, and the points that were made ready last."""

    def tile(self, m, width, dtype):
        held = self.__dict__.setdefault(dtype, torch.empty(0, dtype=dtype))
        if not held.numel():
            held = self.__dict__[dtype] = torch.empty(QUERY_TILE * POINT_TILE, dtype=dtype)
        return held[: m * width].view(m, width)

    def points(self, shape, dtype, device):
        held = self.__dict__.get("ready")
        if held is None or held.dtype != dtype or held.shape[1] != shape[1] or len(held) < shape[0]:
            held = self.__dict__["ready"] = torch.empty(shape, dtype=dtype, device=device)
        return held[: shape[0]]


def _search_stage(stage: Reference, scratch, queries, augmented, query_norms, points, k, distances, indices):
    """Search one tile of queries in one precision; return which queries overflowed."""
    m, n = len(queries), len(points)
    low, norms = stage.low.numpy(), stage.norms.numpy()
    kind = low.dtype
    coarse = stage.dtype == torch.bfloat16
    width = stage.tile_rows(POINT_TILE)
    exact = _exact_terms(stage, queries, points)
    capacity = (16 * k + 256) * (1 if exact is None else 4)
    values = np.empty((m, capacity + _BLOCK), dtype=kind)
    columns = np.empty((m, capacity + _BLOCK), dtype=np.int32)
    counts = np.where(query_norms < _FAR, 0, -1)
    triggers = np.full(m, 2 * k + 32)
    thresholds = np.full(m, np.inf)
    blur = 4 * (queries.shape[1] + 16) * 2.0**-53
    for first in range(0, n, width):
        part = stage.part(slice(first, first + width), scratch.points)
        tile = scratch.tile(m, len(part), stage.dtype)
        torch.mm(augmented, part.T, out=tile)
        if coarse:
            tile = scratch.tile(m, len(part), torch.float32).copy_(tile)
        _scan(
            tile.numpy(),
            low,
            norms,
            first,
            k,
            query_norms,
            stage.slack,
            blur,
            values,
            columns,
            counts,
            triggers,
            thresholds,
            exact,
        )
    _rank(
        queries,
        points,
        stage.exact_scale,
        blur,
        norms,
        query_norms,
        stage.slack,
        values,
        columns,
        counts,
        thresholds,
        distances,
        indices,
        exact,
    )
    return np.flatnonzero(counts < 0)


def _exact_terms(stage: Reference, queries, points):
    """What thresholds are computed exactly from where bounds are loose, as along a few directions; else None."""
    if stage.basis is None:
        return None
    return queries, points, stage.exact_scale, (stage.scale / stage.exact_scale) ** 2, np.empty(16)


class TileSearch:
    """Search fixed points by tiles.

    Parameters
    ----------
    points : ndarray of shape (n, d), C order
        Float32 or float64.
    reference : callable
        Takes one of the ``stages`` and returns the points as :class:`skdl.kernels.neighbors.Reference`.
    """

    def __init__(self, points, reference: Callable[[Hashable], Reference]):
        self.points = points
        self.reference = reference
        self._too_coarse: set[Hashable] = set()

    def kneighbors(self, queries, k: int, stages: list, n_threads: int, done: Callable[[int], object]):
        """Find the k nearest points of each query, ties by index.

        Parameters
        ----------
        queries : ndarray of shape (m, d), C order
            Of the type of the points.
        k : int
            How many.
        stages : list
            What to try, from the coarsest to the finest; the last one is ``torch.float64``.
        n_threads : int
            How many tiles of queries to work on at a time.
        done : callable
            Is told the number of queries of each finished tile.

        Returns
        -------
        distances : ndarray of shape (m, k), dtype float64
        indices : ndarray of shape (m, k), dtype int64
        """
        m = len(queries)
        distances, indices = np.empty((m, k)), np.empty((m, k), dtype=np.int64)
        scratch = _Scratch()
        # Small batches are cut so that every thread has work.
        step = min(QUERY_TILE, max(64, -(-m // max(1, n_threads))))
        if self.reference(stages[0]).augmented is None:
            step = min(step, max(64, TILE_BYTES // (8 * queries.shape[1])))

        def work(start):
            rows = slice(start, min(start + step, m))
            self._search_tile(queries[rows], k, stages, scratch, distances[rows], indices[rows])
            done(rows.stop - rows.start)

        with one_torch_thread():
            in_threads(work, range(0, m, step), n_threads)
        np.sqrt(distances, out=distances)
        distances /= self.reference(stages[0]).exact_scale
        return distances, indices

    def _search_tile(self, queries, k, stages, scratch, distances, indices):
        rows = np.arange(len(queries))
        for one in stages:
            if one in self._too_coarse:
                continue
            stage = self.reference(one)
            some = queries[rows]
            augmented, norms = centred_queries(stage, torch.from_numpy(some))
            found, found_indices = distances[rows], indices[rows]
            failed = _search_stage(stage, scratch, some, augmented, norms.numpy(), self.points, k, found, found_indices)
            distances[rows], indices[rows] = found, found_indices
            if len(failed) > 0.3 * len(rows) and one != torch.float64:
                # Not precise enough for these data: the tiles to come need not try it.
                self._too_coarse.add(one)
            rows = rows[failed]
            if not len(rows):
                return
        _compare_all(queries, rows, self.points, stage.exact_scale, distances, indices)
