"""Indexes that answer neighbour queries, one class for each way to search: which one serves, and the rarer ones."""

import numpy as np
import scipy.sparse as sp
import torch

from skdl.exceptions import DeviceError
from skdl.kernels.selection import smallest
from skdl.kernels.sparse_products import dense_product
from skdl.neighbors._index_base import Index, entries_within, n_threads, tree_within
from skdl.neighbors._index_dense import DifferenceIndex, EuclideanIndex, MixedIndex
from skdl.neighbors._metrics import Metric, block_of_distances
from skdl.utils import progress

# From how many rows on Minkowski distances of odd powers are searched by a tree.
TREE_ROWS = 4096


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
        return entries_within(self._block(queries), radius)


class PowerIndex(PairwiseIndex):
    """Minkowski distances of any power; many rows of few columns by a k-d tree."""

    def __init__(self, metric, X, *, algorithm, leaf_size, **options):
        super().__init__(metric, X, algorithm=algorithm, leaf_size=leaf_size, **options)
        # Decided by the training rows alone: powers are rounded differently in a tree.
        self.by_tree = algorithm != "brute" and X.shape[1] < 16 and X.shape[0] >= TREE_ROWS
        self._tree = None

    def tree(self):
        """The k-d tree of the points."""
        from skdl.kernels.kdtree import POWERS, KDTree

        if self._tree is None:
            self._tree = KDTree(self.X, POWERS, p=self.metric.arguments["p"], leaf_size=self.leaf_size)
        return self._tree

    def kneighbors(self, queries, k, verbose=0):
        if not self.by_tree:
            return super().kneighbors(queries, k, verbose)
        with progress(total=queries.shape[0], desc="neighbors", unit="row", verbose=verbose) as bar:
            return self.tree().kneighbors(self.prepare_queries(queries), k, n_threads(self.n_jobs), bar.update)

    def radius_neighbors(self, queries, radius, verbose=0):
        if not self.by_tree:
            return super().radius_neighbors(queries, radius, verbose)
        return tree_within(self, queries, radius)


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
        error = squares[:, None] + self.squares
        low = dense_product(queries, self.transposed)
        low *= -2
        low += error
        error *= 4 * self.slack
        error += np.finfo(np.float64).tiny
        low -= error
        return low, error

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
        best = torch.topk(torch.from_numpy(low), k, dim=1, largest=False, sorted=False).indices.numpy()
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


def build_index(metric: Metric, X, *, device, algorithm="auto", leaf_size=30, n_jobs=None, categorical=None) -> Index:
    """Choose the index for a metric and training rows."""
    if device.type == "mps":
        raise DeviceError("Neighbors are compared in float64, which Apple GPUs do not have: use device='cpu'.")
    options = {"device": device, "algorithm": algorithm, "leaf_size": leaf_size, "n_jobs": n_jobs}
    host = {"device": torch.device("cpu"), "n_jobs": n_jobs}
    if metric.kind == "precomputed":
        return PrecomputedIndex(metric, X, **host)
    if metric.arguments.get("metric") == "minkowski" and "w" not in metric.arguments and not sp.issparse(X):
        return PowerIndex(metric, X, algorithm=algorithm, leaf_size=leaf_size, **host)
    if metric.kind == "pairwise":
        return PairwiseIndex(metric, X, **host)
    if metric.kind == "mixed":
        return MixedIndex(metric, X, categorical=categorical, **options)
    if sp.issparse(X):
        return SparseEuclideanIndex(metric, X, **host)
    return (EuclideanIndex if metric.kind == "euclidean" else DifferenceIndex)(metric, X, **options)
