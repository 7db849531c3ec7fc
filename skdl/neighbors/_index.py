"""Indexes: what answers neighbour queries, one class for each way to search."""

import threading
import warnings

import numpy as np
import scipy.sparse as sp
import torch
from joblib import effective_n_jobs

from skdl.exceptions import DeviceError
from skdl.kernels import neighbors as kernel
from skdl.kernels.distances import block_distances
from skdl.kernels.mixed import mixed_block
from skdl.kernels.selection import smallest
from skdl.neighbors._metrics import Metric, block_of_distances
from skdl.utils import for_each_chunk, progress

# What the temporaries of one chunk of queries may take, in bytes.
WORK_BYTES = {"cpu": 96 << 20, "cuda": 1 << 30}

# From how much work on (queries x rows x features) the search goes by compiled tiles, and by products in bfloat16.
TILE_WORK = 1 << 28
COARSE_WORK = 1 << 34
COARSE_FEATURES = 128

# How many queries are embedded at a time.
QUERY_ROWS = 1 << 15


def n_threads(n_jobs) -> int:
    """The number of threads that ``n_jobs`` stands for; torch's setting for None."""
    return torch.get_num_threads() if n_jobs is None else effective_n_jobs(n_jobs)


class Index:
    """Answer queries against fixed training rows, in chunks of bounded memory.

    Subclasses say how many bytes an entry of the (queries, rows) block costs and search one chunk.
    """

    entry_bytes = 24

    def __init__(self, metric: Metric, X, *, device, algorithm="auto", leaf_size=30, n_jobs=None):
        self.metric = metric
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.device = device
        self.n_jobs = n_jobs
        self.X = X
        self.n_rows = X.shape[0]

    def prepare_queries(self, queries):
        """Bring a chunk of queries to the space of the index."""
        if sp.issparse(queries) and not sp.issparse(self.X):
            queries = queries.toarray()
        elif sp.issparse(self.X):
            queries = sp.csr_matrix(queries)
        return self.metric.embed(queries, True)

    def search(self, queries, k: int):  # -> (m, k) distances and indices
        raise TypeError(f"{type(self).__name__} answers no queries for a number of neighbors.")

    def search_within(self, queries, radius):  # -> rows, columns, distances
        raise TypeError(f"{type(self).__name__} answers no queries for a radius.")

    def block(self, queries) -> torch.Tensor:
        """All distances of prepared queries in float64, of shape (m, n_rows), right to within rounding."""
        raise TypeError(f"{type(self).__name__} computes no blocks of distances.")

    def blocks(self, queries, work, verbose: int = 0) -> None:
        """Call ``work(rows, distances)`` for consecutive slices of queries."""
        with progress(total=queries.shape[0], desc="distances", unit="row", verbose=verbose) as bar:

            def chunk(rows):
                work(rows, self.metric.finish(self.block(self.prepare_queries(queries[rows]))))
                bar.update(rows.stop - rows.start)

            for_each_chunk(queries.shape[0], self._chunk_rows(), chunk)

    def _chunk_rows(self) -> int:
        return max(1, WORK_BYTES.get(self.device.type, 96 << 20) // (self.entry_bytes * max(1, self.n_rows)))

    def kneighbors(self, queries, k: int, verbose: int = 0):
        """Return distances (m, k) and indices (m, k), nearest first, ties by index."""
        m = queries.shape[0]
        distances, indices = np.empty((m, k)), np.empty((m, k), dtype=np.int64)
        with progress(total=m, desc="neighbors", unit="row", verbose=verbose) as bar:

            def work(rows):
                distances[rows], indices[rows] = self.search(self.prepare_queries(queries[rows]), k)
                bar.update(rows.stop - rows.start)

            for_each_chunk(m, self._chunk_rows(), work)
        return self.metric.finish(distances), indices

    def radius_neighbors(self, queries, radius: np.ndarray, verbose: int = 0):
        """Return lists of distances and of indices for each query, by index."""
        m = queries.shape[0]
        distances, indices = [], []
        reach = self.metric.undo(np.array(np.broadcast_to(radius, (m,)), dtype=np.float64))
        with progress(total=m, desc="neighbors", unit="row", verbose=verbose) as bar:

            def work(rows):
                row, column, distance = self.search_within(self.prepare_queries(queries[rows]), reach[rows])
                cuts = np.cumsum(np.bincount(row, minlength=rows.stop - rows.start))[:-1]
                distances.extend(np.split(self.metric.finish(distance), cuts))
                indices.extend(np.split(column, cuts))
                bar.update(rows.stop - rows.start)

            for_each_chunk(m, self._chunk_rows(), work)
        return distances, indices


class DenseIndex(Index):
    """Dense search for the metrics that skdl computes itself; large searches on a CPU go by compiled kernels."""

    tree_kind = 0

    def __init__(self, metric, X, **options):
        super().__init__(metric, metric.embed(X, False), **options)
        self.points = kernel.as_tensor(self.X, self.device)
        self.lock = threading.RLock()
        self._held: dict = {}

    def held(self, key, build):
        """An item that is built once, by whichever thread comes first."""
        with self.lock:
            if key not in self._held:
                self._held[key] = build()
            return self._held[key]

    def is_large(self, m: int) -> bool:
        """Whether so many queries are worth compiled code, which takes a while to load."""
        n, d = self.X.shape
        return self.device.type == "cpu" and m * n * (d + 16) >= TILE_WORK

    def exact_scale(self) -> float:
        return 1.0

    def tree(self):
        """The k-d tree of the points."""
        from skdl.kernels.kdtree import KDTree

        return self.held(
            "tree",
            lambda: KDTree(self.X, self.tree_kind, leaf_size=self.leaf_size, scale=self.exact_scale()),
        )

    def in_parts(self, queries, k, verbose, search):
        """Search large pieces of the queries, embedded and made dense one after the other."""
        m = queries.shape[0]
        distances, indices = np.empty((m, k)), np.empty((m, k), dtype=np.int64)
        with progress(total=m, desc="neighbors", unit="row", verbose=verbose) as bar:
            for start in range(0, m, QUERY_ROWS):
                rows = slice(start, min(start + QUERY_ROWS, m))
                part = kernel.as_tensor(self.prepare_queries(queries[rows]), self.device).numpy()
                distances[rows], indices[rows] = search(part, bar.update)
        return self.metric.finish(distances), indices

    def kneighbors(self, queries, k, verbose=0):
        if not self.is_large(queries.shape[0]):
            return super().kneighbors(queries, k, verbose)
        threads = n_threads(self.n_jobs)
        return self.in_parts(queries, k, verbose, lambda part, done: self.tree().kneighbors(part, k, threads, done))


class EuclideanIndex(DenseIndex):
    """Dense Euclidean search by products and exact differences, on any device, or by a k-d tree."""

    def reference(self, dtype):
        """The points prepared for products of this type."""
        return self.held(dtype, lambda: kernel.prepare(self.points, dtype))

    def exact_scale(self):
        return self.reference(torch.float32).exact_scale

    def _precisions(self):
        # TF32 or bfloat16 products would break the error bound.
        exact = kernel.single_precision_is_kept(self.device)
        return [torch.float32, torch.float64] if exact else [torch.float64]

    def _tree_pays(self, queries, k) -> bool:
        """Whether a k-d tree looks at so few leaves that it beats the comparison with all rows."""
        n, d = self.X.shape
        if d >= 16 or self.algorithm == "brute" or k > 128:
            return False
        if self.algorithm == "kd_tree":
            return True

        def probe():
            step = max(1, queries.shape[0] // 64)
            visits = self.tree().visits(self.prepare_queries(queries[::step][:64]), k)
            # Nanoseconds for a leaf and for a row, as measured; the answer is the same either way.
            return visits * (60 + self.leaf_size * (1 + 0.4 * d)) < n * (0.7 + 0.01 * d)

        return self.held(("pays", k), probe)

    def kneighbors(self, queries, k, verbose=0):
        m, (n, d) = queries.shape[0], self.X.shape
        if not self.is_large(m) or self._tree_pays(queries, k):
            return super().kneighbors(queries, k, verbose)
        from skdl.kernels.tiles import TileSearch, coarse_products_pay

        tiles = self.held("tiles", lambda: TileSearch(self.points.numpy(), self.reference))
        precisions = self._precisions()
        if d >= COARSE_FEATURES and m * n * d >= COARSE_WORK and coarse_products_pay(d):
            precisions = [torch.bfloat16, *precisions]
        threads = n_threads(self.n_jobs)
        return self.in_parts(
            queries, k, verbose, lambda part, done: tiles.kneighbors(part, k, precisions, threads, done)
        )

    def block(self, queries):
        reference = self.reference(torch.float64)
        return kernel.euclidean_block(reference, kernel.as_tensor(queries, self.device))

    def search(self, queries, k):
        queries = kernel.as_tensor(queries, self.device)
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
        queries, reach = kernel.as_tensor(queries, self.device), kernel.as_tensor(radius, self.device)
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
        return block_distances(kernel.as_tensor(queries, self.device).double(), columns, self.metric.kind)

    def search(self, queries, k):
        return tuple(part.cpu().numpy() for part in smallest(self._block(queries), k))

    def search_within(self, queries, radius):
        return _entries_within(self._block(queries).cpu().numpy(), radius)


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
        self.points = kernel.as_tensor(X, self.device).double()

    def block(self, queries):
        queries = kernel.as_tensor(queries, self.device).double()
        return mixed_block(queries, self.points, self.categorical, self.ranges, self.metric.arguments["metric"])

    def search(self, queries, k):
        return tuple(part.cpu().numpy() for part in smallest(self.block(queries), k))

    def search_within(self, queries, radius):
        return _entries_within(self.block(queries).cpu().numpy(), radius)


class PairwiseIndex(Index):
    """Any metric that scikit-learn or SciPy computes, block by block on the CPU."""

    entry_bytes = 40

    def __init__(self, metric, X, **options):
        super().__init__(metric, metric.embed(X, False), **options)

    def _block(self, queries):
        return block_of_distances(self.metric, queries, self.X, self.n_jobs)

    def block(self, queries):
        return torch.from_numpy(np.array(self._block(queries), dtype=np.float64))

    def search(self, queries, k):
        block = torch.from_numpy(np.ascontiguousarray(self._block(queries)))
        return tuple(part.numpy() for part in smallest(block, k))

    def search_within(self, queries, radius):
        return _entries_within(self._block(queries), radius)


class PrecomputedIndex(PairwiseIndex):
    """Distances that come as a dense matrix of (queries, training rows)."""

    def _block(self, queries):
        return queries


class SparseEuclideanIndex(Index):
    """Sparse Euclidean search: products find candidates, sparse differences decide."""

    def __init__(self, metric, X, **options):
        super().__init__(metric, sp.csr_matrix(X), **options)
        self.transposed = self.X.T.astype(np.float64).tocsr()
        self.squares = np.asarray(self.X.astype(np.float64).power(2).sum(axis=1)).ravel()
        # The error bound of skdl.kernels.neighbors for products in float64.
        self.slack = (self.X.shape[1] + 16) * 2.0**-53

    def _bounds(self, queries):
        """Squared distances less their error bound, and the bound."""
        squares = np.asarray(queries.power(2).sum(axis=1)).ravel()
        products = (queries @ self.transposed).toarray()
        total = squares[:, None] + self.squares
        error = 4 * self.slack * total + np.finfo(np.float64).tiny
        return total - 2 * products - error, error

    def block(self, queries):
        queries = queries.astype(np.float64)
        low, error = self._bounds(queries)
        distances = np.sqrt(np.maximum(low + error, 0))
        # Where the products cancel, differences are taken.
        rows, columns = np.nonzero(low * self.slack < 1e-4 * error)
        distances[rows, columns] = self._exact(queries, rows, columns)
        return torch.from_numpy(distances)

    def _exact(self, queries, rows, columns):
        exact = np.empty(len(rows))
        step = 1 << 15
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            difference = (queries[rows[part]] - self.X[columns[part]].astype(np.float64)).tocsr()
            count = difference.shape[0]
            entry = np.repeat(np.arange(count), np.diff(difference.indptr))
            exact[part] = np.bincount(entry, weights=difference.data**2, minlength=count)
        return np.sqrt(exact)

    def search(self, queries, k):
        queries = queries.astype(np.float64)
        low, error = self._bounds(queries)
        best = np.argpartition(low, k - 1, axis=1)[:, :k]
        upper = np.take_along_axis(low + 2 * error, best, axis=1).max(axis=1, keepdims=True)
        rows, columns = np.nonzero(low <= upper)
        exact = self._exact(queries, rows, columns)
        order = np.lexsort((columns, exact, rows))
        counts = np.bincount(rows, minlength=queries.shape[0])
        taken = order[(np.cumsum(counts) - counts)[:, None] + np.arange(k)]
        return exact[taken], columns[taken]

    def search_within(self, queries, radius):
        queries = queries.astype(np.float64)
        low, _ = self._bounds(queries)
        rows, columns = np.nonzero(low <= (radius * radius * (1 + 1e-15))[:, None])
        exact = self._exact(queries, rows, columns)
        inside = exact <= radius[rows]
        return rows[inside], columns[inside], exact[inside]


def _entries_within(block, radius):
    rows, columns = np.nonzero(block <= np.asarray(radius)[:, None])
    return rows, columns, block[rows, columns]


def build_index(metric: Metric, X, *, device, algorithm="auto", leaf_size=30, n_jobs=None, categorical=None) -> Index:
    """Choose the index for a metric and training rows."""
    if device.type == "mps":
        raise DeviceError("Neighbors are compared in float64, which Apple GPUs do not have: use device='cpu'.")
    options = {"device": device, "algorithm": algorithm, "leaf_size": leaf_size, "n_jobs": n_jobs}
    host = {"device": torch.device("cpu"), "n_jobs": n_jobs}
    if metric.kind == "precomputed":
        return PrecomputedIndex(metric, X, **host)
    if metric.kind == "pairwise":
        return PairwiseIndex(metric, X, **host)
    if metric.kind == "mixed":
        return MixedIndex(metric, X, categorical=categorical, **options)
    if sp.issparse(X):
        return SparseEuclideanIndex(metric, X, **host)
    return (EuclideanIndex if metric.kind == "euclidean" else DifferenceIndex)(metric, X, **options)
