"""What every index shares: queries are answered in chunks of bounded memory."""

import numpy as np
import scipy.sparse as sp
import torch
from joblib import effective_n_jobs

from skdl.neighbors._metrics import Metric
from skdl.utils import for_each_chunk, progress

# What the temporaries of one chunk of queries may take, in bytes.
WORK_BYTES = {"cpu": 96 << 20, "cuda": 1 << 30}


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


def tree_within(index, queries, radius):
    """Lists of distances and of indices of an index's points within a radius of each query, by its k-d tree."""
    m = queries.shape[0]
    reach = index.metric.undo(np.array(np.broadcast_to(radius, (m,)), dtype=np.float64))
    row, column, distance = index.tree().within(index.prepare_queries(queries), reach, n_threads(index.n_jobs))
    cuts = np.cumsum(np.bincount(row, minlength=m))[:-1]
    return np.split(index.metric.finish(distance), cuts), np.split(column, cuts)


def entries_within(block, radius):
    """Rows, columns and distances of the entries of a block that are at most each row's radius."""
    rows, columns = np.nonzero(block <= np.asarray(radius)[:, None])
    return rows, columns, block[rows, columns]
