"""A k-d tree for Minkowski distances on a CPU.

Nodes are split at the median of their widest feature until a leaf is left, whose points are stored feature by feature,
so that the distances to all of them are computed side by side, in the order of :mod:`skdl.kernels.distances`. A
distance to a box is rounded downwards, so that pruning loses no neighbour, not even one that ties in the last bit.
"""

import numpy as np
from numba import njit

from skdl.kernels.threads import in_threads

SQUARES, SUMS, LARGEST, POWERS = 0, 1, 2, 3
"""How differences are put together: squared Euclidean, Manhattan, Chebyshev, p-th power of Minkowski."""

_LANES = 16
_QUERY_ROWS = 256
_ROUNDED_DOWN = 1 - 1e-12


@njit(nogil=True, cache=True)
def _select(values, order, start, stop, middle):
    """Partition ``order[start:stop]`` so that ``values`` up to ``middle`` are not larger than those from it on."""
    low, high = start, stop - 1
    while low < high:
        pivot = values[order[(low + high) // 2]]
        i, j = low, high
        while i <= j:
            while values[order[i]] < pivot:
                i += 1
            while values[order[j]] > pivot:
                j -= 1
            if i <= j:
                order[i], order[j] = order[j], order[i]
                i += 1
                j -= 1
        if middle <= j:
            high = j
        elif middle >= i:
            low = i
        else:
            break


@njit(nogil=True, cache=True)
def _build(columns, depth, order, starts, stops, lower, upper):
    """Fill the nodes of a tree; the children of node i are 2 i + 1 and 2 i + 2."""
    d, n = columns.shape
    starts[0], stops[0] = 0, n
    for node in range(len(starts)):
        start, stop = starts[node], stops[node]
        widest, width = 0, -1.0
        for f in range(d):
            low = high = columns[f, order[start]]
            for place in range(start + 1, stop):
                value = columns[f, order[place]]
                low = min(low, value)
                high = max(high, value)
            lower[node, f] = low
            upper[node, f] = high
            if high - low > width:
                widest, width = f, high - low
        if node < (1 << depth) - 1:
            middle = (start + stop) // 2
            _select(columns[widest], order, start, stop, middle)
            starts[2 * node + 1], stops[2 * node + 1] = start, middle
            starts[2 * node + 2], stops[2 * node + 2] = middle, stop


@njit(nogil=True, cache=True, fastmath={"reassoc", "nsz"})
def _box_distance(query, lower, upper, node, kind, p):
    """A lower bound of the distance of a query to the points in a node's box."""
    total = 0.0
    if kind == SQUARES:
        for f in range(query.shape[0]):
            gap = max(max(lower[node, f] - query[f], query[f] - upper[node, f]), 0.0)
            total += gap * gap
    elif kind == SUMS:
        for f in range(query.shape[0]):
            total += max(max(lower[node, f] - query[f], query[f] - upper[node, f]), 0.0)
    elif kind == LARGEST:
        for f in range(query.shape[0]):
            total = max(total, max(lower[node, f] - query[f], query[f] - upper[node, f]))
    else:
        for f in range(query.shape[0]):
            total += max(max(lower[node, f] - query[f], query[f] - upper[node, f]), 0.0) ** p
    # The sum may have been rounded upwards, by less than this.
    return total * _ROUNDED_DOWN


@njit(nogil=True, cache=True)
def _leaf_distances(leaves, leaf, query, kind, p, sums):
    """The distances of a query to a leaf's points, in the first row of ``sums``."""
    d, width = leaves.shape[1], leaves.shape[2]
    n_lanes = 1 if d < _LANES or kind == LARGEST else _LANES
    for lane in range(n_lanes):
        for place in range(width):
            sums[lane, place] = 0.0
    for f in range(d):
        value = query[f]
        lane = 0 if n_lanes == 1 else f % _LANES
        if kind == SQUARES:
            for place in range(width):
                difference = leaves[leaf, f, place] - value
                sums[lane, place] += difference * difference
        elif kind == SUMS:
            for place in range(width):
                sums[lane, place] += abs(leaves[leaf, f, place] - value)
        elif kind == LARGEST:
            for place in range(width):
                sums[lane, place] = max(sums[lane, place], abs(leaves[leaf, f, place] - value))
        else:
            for place in range(width):
                sums[lane, place] += abs(leaves[leaf, f, place] - value) ** p
    half = n_lanes // 2
    while half > 0:
        for lane in range(half):
            for place in range(width):
                sums[lane, place] += sums[lane + half, place]
        half //= 2


@njit(nogil=True, cache=True)
def _insert(distances, indices, i, filled, distance, index):
    """Insert into a sorted list; of equal distances the lower index goes first."""
    k = distances.shape[1]
    place = filled if filled < k else k - 1
    while place > 0 and (
        distances[i, place - 1] > distance or (distances[i, place - 1] == distance and indices[i, place - 1] > index)
    ):
        distances[i, place] = distances[i, place - 1]
        indices[i, place] = indices[i, place - 1]
        place -= 1
    distances[i, place] = distance
    indices[i, place] = index


@njit(nogil=True, cache=True)
def _nearest(queries, rows, tree, kind, p, distances, indices):
    """Find the nearest points of some queries, the nearer child first; return the number of leaves looked at."""
    leaves, order, starts, stops, lower, upper = tree
    visits = 0
    k = distances.shape[1]
    first_leaf = len(starts) // 2
    stack = np.empty(128, dtype=np.int64)
    bounds = np.empty(128)
    sums = np.empty((_LANES, leaves.shape[2]))
    for i in rows:
        query = queries[i]
        filled = 0
        worst = np.inf
        stack[0], bounds[0] = 0, 0.0
        height = 1
        while height > 0:
            height -= 1
            node = stack[height]
            if bounds[height] > worst:
                continue
            while node < first_leaf:
                left = 2 * node + 1
                near = _box_distance(query, lower, upper, left, kind, p)
                far = _box_distance(query, lower, upper, left + 1, kind, p)
                node = left
                if far < near:
                    near, far, node = far, near, left + 1
                if far <= worst:
                    stack[height], bounds[height] = 4 * (left // 2) + 3 - node, far
                    height += 1
                if near > worst:
                    node = -1
                    break
            if node < 0:
                continue
            _leaf_distances(leaves, node - first_leaf, query, kind, p, sums)
            visits += 1
            width = leaves.shape[2]
            hits = np.int32(0)
            for place in range(width):
                hits = np.int32(hits + np.int32(sums[0, place] <= worst))
            if hits == 0:
                continue
            start = starts[node]
            for place in range(stops[node] - start):
                distance = sums[0, place]
                if filled < k or distance <= worst:
                    index = order[start + place]
                    if filled == k and distance == worst and index > indices[i, k - 1]:
                        continue
                    _insert(distances, indices, i, filled, distance, index)
                    filled += filled < k
                    if filled == k:
                        worst = distances[i, k - 1]
    return visits


@njit(nogil=True, cache=True)
def _within(queries, radii, tree, kind, p, offsets, distances, indices):
    """Count the points within a radius of each query or, where there is room for them, list them."""
    leaves, order, starts, stops, lower, upper = tree
    first_leaf = len(starts) // 2
    listing = len(indices) > 0
    counts = np.zeros(len(queries), dtype=np.int64)
    stack = np.empty(128, dtype=np.int64)
    sums = np.empty((_LANES, leaves.shape[2]))
    for i in range(len(queries)):
        query = queries[i]
        stack[0] = 0
        height = 1
        while height > 0:
            height -= 1
            node = stack[height]
            if _root(_box_distance(query, lower, upper, node, kind, p), kind, p) > radii[i]:
                continue
            if node < first_leaf:
                stack[height], stack[height + 1] = 2 * node + 1, 2 * node + 2
                height += 2
                continue
            _leaf_distances(leaves, node - first_leaf, query, kind, p, sums)
            for place in range(stops[node] - starts[node]):
                distance = _root(sums[0, place], kind, p)
                if distance <= radii[i]:
                    if listing:
                        distances[offsets[i] + counts[i]] = distance
                        indices[offsets[i] + counts[i]] = order[starts[node] + place]
                    counts[i] += 1
    return counts


@njit(nogil=True, cache=True)
def _root(total, kind, p):
    if kind == SQUARES:
        return np.sqrt(total)
    if kind == POWERS:
        return total ** (1.0 / p)
    return total


@njit(nogil=True, cache=True)
def _first_leaves(queries, starts, lower, upper):
    """The leaf that each query would be put into, to visit neighbouring queries one after the other."""
    found = np.empty(len(queries), dtype=np.int64)
    first_leaf = len(starts) // 2
    for i in range(len(queries)):
        node = 0
        while node < first_leaf:
            left = 2 * node + 1
            near = _box_distance(queries[i], lower, upper, left, SUMS, 1.0)
            far = _box_distance(queries[i], lower, upper, left + 1, SUMS, 1.0)
            node = left if near <= far else left + 1
        found[i] = node
    return found


class KDTree:
    """Points in a k-d tree.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Float32 or float64; n at least 1.
    kind : int
        SQUARES, SUMS, LARGEST or POWERS.
    p : float, default=2.0
        The power, for POWERS.
    leaf_size : int, default=30
        About how many points a leaf has, at most.
    scale : float, default=1.0
        A power of two by which coordinates are multiplied, so that squares neither overflow nor vanish.
    """

    def __init__(self, points, kind: int, p: float = 2.0, leaf_size: int = 30, scale: float = 1.0):
        n, d = points.shape
        self.kind, self.p, self.scale = kind, float(p), scale
        columns = np.ascontiguousarray(points.T, dtype=np.float64) * scale  # (d, n)
        depth = max(0, int(np.ceil(np.log2(n / max(1, leaf_size)))))
        n_nodes = (2 << depth) - 1
        self.order = np.arange(n)
        self.starts, self.stops = np.empty(n_nodes, dtype=np.int64), np.empty(n_nodes, dtype=np.int64)
        self.lower, self.upper = np.empty((n_nodes, d)), np.empty((n_nodes, d))
        _build(columns, depth, self.order, self.starts, self.stops, self.lower, self.upper)
        first_leaf = n_nodes // 2
        sizes = self.stops[first_leaf:] - self.starts[first_leaf:]
        # The last places of a leaf repeat its last point, and are never looked at.
        places = np.minimum(self.starts[first_leaf:, None] + np.arange(sizes.max()), self.stops[first_leaf:, None] - 1)
        leaves = columns[:, self.order[places]].transpose(1, 0, 2)  # (n_leaves, d, width)
        # Most of the time goes into fetching leaves: numbers of single precision stay as short as they came.
        kept = np.float32 if points.dtype == np.float32 and scale == 1.0 else np.float64
        self.leaves = np.ascontiguousarray(leaves, dtype=kept)

    def _tree(self):
        return self.leaves, self.order, self.starts, self.stops, self.lower, self.upper

    def _scaled(self, queries):
        return np.ascontiguousarray(queries, dtype=np.float64) * self.scale

    def _finish(self, distances):
        if self.kind == SQUARES:
            np.sqrt(distances, out=distances)
        elif self.kind == POWERS:
            np.power(distances, 1 / self.p, out=distances)
        distances /= self.scale
        return distances

    def visits(self, queries, k: int) -> float:
        """Count the leaves that a search for k neighbours looks at, on average over some queries.

        Parameters
        ----------
        queries : ndarray of shape (m, d)
            Float32 or float64; some dozens tell enough.
        k : int
            How many neighbours.

        Returns
        -------
        float
        """
        queries = self._scaled(queries)
        distances, indices = np.empty((len(queries), k)), np.empty((len(queries), k), dtype=np.int64)
        rows = np.arange(len(queries))
        return _nearest(queries, rows, self._tree(), self.kind, self.p, distances, indices) / len(rows)

    def kneighbors(self, queries, k: int, n_threads: int, done):
        """Find the k nearest points of each query, ties by index.

        Parameters
        ----------
        queries : ndarray of shape (m, d)
            Float32 or float64.
        k : int
            How many; at most n.
        n_threads : int
            How many groups of queries to work on at a time.
        done : callable
            Is told the number of queries of each finished group.

        Returns
        -------
        distances : ndarray of shape (m, k), dtype float64
        indices : ndarray of shape (m, k), dtype int64
        """
        queries = self._scaled(queries)
        m = len(queries)
        distances, indices = np.empty((m, k)), np.empty((m, k), dtype=np.int64)
        near = np.argsort(_first_leaves(queries, self.starts, self.lower, self.upper), kind="stable")

        def work(start):
            rows = near[start : start + _QUERY_ROWS]
            _nearest(queries, rows, self._tree(), self.kind, self.p, distances, indices)
            done(len(rows))

        in_threads(work, range(0, m, _QUERY_ROWS), n_threads)
        return self._finish(distances), indices

    def within(self, queries, radii, n_threads: int):
        """Find the points within a radius of each query, the edge included.

        Parameters
        ----------
        queries : ndarray of shape (m, d)
            Float32 or float64.
        radii : ndarray of shape (m,), dtype float64
            A radius for each query.
        n_threads : int
            How many groups of queries to work on at a time.

        Returns
        -------
        rows : ndarray of shape (n_pairs,), dtype int64
        columns : ndarray of shape (n_pairs,), dtype int64
            Increasing within a row.
        distances : ndarray of shape (n_pairs,), dtype float64
        """
        queries, radii = self._scaled(queries), radii * self.scale
        m = len(queries)
        counts = np.empty(m, dtype=np.int64)
        nothing = np.empty(0), np.empty(0, dtype=np.int64)

        def count(start):
            part = slice(start, start + _QUERY_ROWS)
            counts[part] = _within(
                queries[part], radii[part], self._tree(), self.kind, self.p, counts[part], nothing[0], nothing[1]
            )

        in_threads(count, range(0, m, _QUERY_ROWS), n_threads)
        offsets = np.cumsum(counts) - counts
        distances, columns = np.empty(counts.sum()), np.empty(counts.sum(), dtype=np.int64)

        def fill(start):
            part = slice(start, start + _QUERY_ROWS)
            _within(queries[part], radii[part], self._tree(), self.kind, self.p, offsets[part], distances, columns)

        if len(columns):
            in_threads(fill, range(0, m, _QUERY_ROWS), n_threads)
        rows = np.repeat(np.arange(m), counts)
        order = np.lexsort((columns, rows))
        return rows, columns[order], distances[order] / self.scale
