"""Indexes of dense rows for the metrics that skdl computes itself, on any device."""

import sys
import threading
import warnings

import numpy as np
import torch

from skdl.kernels import neighbors as kernel
from skdl.kernels.directions import directions_that_pay, leading_directions
from skdl.kernels.distances import block_distances
from skdl.kernels.integers import integers_pay
from skdl.kernels.mixed import mixed_block
from skdl.kernels.precision import single_precision_is_kept
from skdl.kernels.selection import smallest
from skdl.kernels.tensors import as_tensor
from skdl.neighbors._index_base import Index, entries_within, n_threads, tree_within
from skdl.utils import is_left_in_file, progress

# From how much work on (queries x rows x features) the search goes by compiled tiles, and by products of integers.
# Once the compiled code is loaded, from how much.
TILE_WORK = 1 << 28
LOADED_TILE_WORK = 1 << 21
COARSE_WORK = 1 << 32
COARSE_FEATURES = 32
# What they are taken to cost, relative to float32.
COARSE_COST = 0.3
# And along a few directions, which take a while to find.
DIRECTIONS_WORK = 1 << 36
DIRECTIONS_FEATURES = 128
# There distances are computed from coordinates that are scaled; squares of such scales are far from overflowing.
DIRECTIONS_SCALE = 1e100
# A leaf of a tree is compared by vector instructions: it had better not be small.
LEAF_ROWS = 100

# How many queries are embedded at a time.
QUERY_ROWS = 1 << 15


class DenseIndex(Index):
    """Dense search for the metrics that skdl computes itself; large searches on a CPU go by compiled kernels."""

    tree_kind = 0

    def __init__(self, metric, X, **options):
        super().__init__(metric, metric.embed(X, False), **options)
        self.points = as_tensor(self.X, self.device)
        self.lock = threading.RLock()
        self._held: dict = {}
        # Whether the points are read from their file tile by tile.
        self.stays_in_file = metric.kind == "euclidean" and self.device.type == "cpu" and is_left_in_file(self.X)

    def held(self, key, build):
        """An item that is built once, by whichever thread comes first."""
        with self.lock:
            if key not in self._held:
                self._held[key] = build()
            return self._held[key]

    def is_large(self, m: int) -> bool:
        """Whether so many queries are worth compiled code, which takes a while to load."""
        n, d = self.X.shape
        loaded = "skdl.kernels.tiles" in sys.modules or "skdl.kernels.kdtree" in sys.modules
        enough = min(TILE_WORK, LOADED_TILE_WORK) if loaded else TILE_WORK
        return self.device.type == "cpu" and m * n * (d + 16) >= enough

    def exact_scale(self) -> float:
        return 1.0

    def tree(self):
        """The k-d tree of the points."""
        from skdl.kernels.kdtree import KDTree

        return self.held(
            "tree",
            lambda: KDTree(self.X, self.tree_kind, leaf_size=self._leaf_rows(), scale=self.exact_scale()),
        )

    def _leaf_rows(self) -> int:
        """How many rows the leaves have: what was asked for, or more where it is left to us and that is quicker."""
        if self.algorithm == "kd_tree":
            return self.leaf_size
        return max(self.leaf_size, LEAF_ROWS if self.X.shape[1] > 3 else LEAF_ROWS // 2)

    def radius_neighbors(self, queries, radius, verbose=0):
        by_blocks = self.algorithm == "brute" or (self.stays_in_file and self.algorithm != "kd_tree")
        if by_blocks or self.X.shape[1] >= 16 or not self.is_large(queries.shape[0]):
            return super().radius_neighbors(queries, radius, verbose)
        return tree_within(self, queries, radius)

    def in_parts(self, queries, k, verbose, search):
        """Search large pieces of the queries, embedded and made dense one after the other."""
        m = queries.shape[0]
        distances, indices = np.empty((m, k)), np.empty((m, k), dtype=np.int64)
        with progress(total=m, desc="neighbors", unit="row", verbose=verbose) as bar:
            for start in range(0, m, QUERY_ROWS):
                rows = slice(start, min(start + QUERY_ROWS, m))
                part = as_tensor(self.prepare_queries(queries[rows]), self.device).numpy()
                distances[rows], indices[rows] = search(part, bar.update)
        return self.metric.finish(distances), indices

    def kneighbors(self, queries, k, verbose=0):
        if not self.is_large(queries.shape[0]):
            return super().kneighbors(queries, k, verbose)
        threads = n_threads(self.n_jobs)
        return self.in_parts(queries, k, verbose, lambda part, done: self.tree().kneighbors(part, k, threads, done))


class EuclideanIndex(DenseIndex):
    """Dense Euclidean search by products and exact differences, on any device, or by a k-d tree."""

    def reference(self, stage):
        """The points prepared for products of a type or, for a number, along so many directions in float32."""
        if isinstance(stage, int):
            return self.held(stage, lambda: kernel.prepare(self.points, basis=self._directions()[:, :stage].clone()))
        return self.held(stage, lambda: kernel.prepare(self.points, stage, keep=not self.stays_in_file))

    def _directions(self):
        return self.held("directions", lambda: leading_directions(self.points))

    def _n_directions(self, queries, k, rows_cost: float) -> int:
        """Along how many directions to take the first products; zero for whole rows, which cost what is said."""
        m, (n, d) = queries.shape[0], self.X.shape
        if d < DIRECTIONS_FEATURES or m * n * d < DIRECTIONS_WORK or k > n // 64 or self.stays_in_file:
            return 0

        def probe():
            largest = float(self.points.abs().max())
            if not 1 / DIRECTIONS_SCALE < largest < DIRECTIONS_SCALE:
                return 0
            some = as_tensor(self.prepare_queries(queries[:: max(1, m // 64)][:64]), self.device)
            return directions_that_pay(self.points, some, self._directions(), k, rows_cost)

        return self.held(("directions", k, rows_cost), probe)

    def exact_scale(self):
        return self.reference(torch.float32).exact_scale

    def _precisions(self):
        # TF32 or bfloat16 products would break the error bound.
        exact = single_precision_is_kept(self.device)
        return [torch.float32, torch.float64] if exact else [torch.float64]

    def _tree_pays(self, queries, k) -> bool:
        """Whether a k-d tree looks at so few leaves that it beats the comparison with all rows."""
        n, d = self.X.shape
        if d >= 16 or self.algorithm == "brute" or k > 128:
            return False
        if self.algorithm == "kd_tree":
            return True
        if self.stays_in_file:
            return False

        def probe():
            step = max(1, queries.shape[0] // 64)
            visits = self.tree().visits(self.prepare_queries(queries[::step][:64]), k)
            # Nanoseconds for a leaf and for a row, as measured; the answer is the same either way.
            return visits * (80 + self._leaf_rows() * (0.5 + 0.25 * d)) < n * (0.7 + 0.01 * d)

        return self.held(("pays", k), probe)

    def kneighbors(self, queries, k, verbose=0):
        m, (n, d) = queries.shape[0], self.X.shape
        if not (self.is_large(m) or self.stays_in_file) or self._tree_pays(queries, k):
            return super().kneighbors(queries, k, verbose)
        from skdl.kernels.tiles import TileSearch

        tiles = self.held("tiles", lambda: TileSearch(self.points.numpy(), self.reference))
        stages = self._precisions()
        large = d >= COARSE_FEATURES and m * n * d >= COARSE_WORK and not self.stays_in_file
        coarse = large and integers_pay(d)
        n_directions = self._n_directions(queries, k, COARSE_COST if coarse else 1.0) if torch.float32 in stages else 0
        if n_directions or coarse:
            stages = [n_directions or torch.int8, *stages]
        threads = n_threads(self.n_jobs)
        return self.in_parts(queries, k, verbose, lambda part, done: tiles.kneighbors(part, k, stages, threads, done))

    def block(self, queries):
        reference = self.reference(torch.float64)
        return kernel.euclidean_block(reference, as_tensor(queries, self.device))

    def search(self, queries, k):
        queries = as_tensor(queries, self.device)
        limit = 8 * (k + 8) * len(queries)
        precisions = self._precisions()
        found = kernel.nearest(self.reference(precisions[0]), queries, k, limit)
        if found is None:
            found = kernel.nearest(self.reference(torch.float64), queries, k)
        return self._root(found[0]), found[1].cpu().numpy()

    def _root(self, squares):
        # By NumPy, since torch's root is not always rounded to the nearest number.
        return np.sqrt(squares.cpu().numpy()) / self.exact_scale()

    def search_within(self, queries, radius):
        queries, reach = as_tensor(queries, self.device), as_tensor(radius, self.device)
        rows, columns, squares = kernel.within(self.reference(self._precisions()[0]), queries, reach)
        rows, columns, distances = rows.cpu().numpy(), columns.cpu().numpy(), self._root(squares)
        inside = distances <= radius[rows]
        return rows[inside], columns[inside], distances[inside]


class DifferenceIndex(DenseIndex):
    """Dense Manhattan and Chebyshev search by differences, on any device, or by a k-d tree."""

    entry_bytes = 16 * 8 + 24

    def __init__(self, metric, X, **options):
        super().__init__(metric, X, **options)
        self.tree_kind = {"manhattan": 1, "chebyshev": 2}[metric.kind]

    def block(self, queries):
        return self._block(queries)

    def _block(self, queries):
        columns = self.held("columns", lambda: self.points.double().T.contiguous())
        return block_distances(as_tensor(queries, self.device).double(), columns, self.metric.kind)

    def search(self, queries, k):
        return tuple(part.cpu().numpy() for part in smallest(self._block(queries), k))

    def search_within(self, queries, radius):
        return entries_within(self._block(queries).cpu().numpy(), radius)


class MixedIndex(Index):
    """Tables with numbers, categories and gaps, on any device."""

    entry_bytes = 64

    def __init__(self, metric, X, *, categorical, **options):
        super().__init__(metric, X, **options)
        self.categorical = categorical
        with warnings.catch_warnings():
            # A column may hold nothing but gaps.
            warnings.simplefilter("ignore", RuntimeWarning)
            self.ranges = np.nanmax(X, axis=0) - np.nanmin(X, axis=0)
        self.points = as_tensor(X, self.device).double()

    def block(self, queries):
        queries = as_tensor(queries, self.device).double()
        return mixed_block(queries, self.points, self.categorical, self.ranges, self.metric.arguments["metric"])

    def search(self, queries, k):
        return tuple(part.cpu().numpy() for part in smallest(self.block(queries), k))

    def search_within(self, queries, radius):
        return entries_within(self.block(queries).cpu().numpy(), radius)
