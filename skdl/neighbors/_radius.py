"""Queries for all neighbors within a radius."""

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import check_is_fitted

from skdl.neighbors._base import NeighborsBase, as_graph, check_mode


def _as_objects(parts: list) -> np.ndarray:
    array = np.empty(len(parts), dtype=object)
    for position, part in enumerate(parts):
        array[position] = part
    return array


class RadiusNeighborsBase(NeighborsBase):
    """Fitted rows that are also searched within a radius, the parameter ``radius``."""

    radius: float

    def radius_neighbors(self, X=None, radius=None, return_distance=True, sort_results=False):
        """Find all fitted rows within a radius of each query; rows at just this distance belong to it.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features) or None, default=None
            The queries; None takes the fitted rows, none of which is then a neighbor of itself.
        radius : float, array-like of shape (n_queries,) or None, default=None
            The radius, or one for each query; None takes the parameter of that name.
        return_distance : bool, default=True
            Whether to return the distances too.
        sort_results : bool, default=False
            Whether to sort each query's neighbors by distance; they come by index otherwise.

        Returns
        -------
        neigh_dist : ndarray of shape (n_queries,) of ndarrays of float64
            The distances. Only if ``return_distance``.
        neigh_ind : ndarray of shape (n_queries,) of ndarrays of int64
            The rows.
        """
        check_is_fitted(self)
        if sort_results and not return_distance:
            raise ValueError("return_distance must be True if sort_results is True.")
        own = X is None
        X = X if own else self._validate_queries(X)
        radius = self._check_radius(radius, self.n_samples_fit_ if own else X.shape[0])
        distances, indices = self._search_within(X, radius)
        for row, (distance, index) in enumerate(zip(distances, indices, strict=True)):
            if own:
                others = index != row
                distance, index = distance[others], index[others]
            if sort_results:
                order = np.argsort(distance, kind="stable")
                distance, index = distance[order], index[order]
            distances[row], indices[row] = distance, index
        found = _as_objects(indices)
        return (_as_objects(distances), found) if return_distance else found

    def _check_radius(self, radius, n_queries: int) -> np.ndarray:
        radius = np.asarray(self.radius if radius is None else radius)
        if radius.dtype.kind not in "iuf" or radius.ndim > 1 or (radius.ndim and len(radius) != n_queries):
            raise ValueError(
                f"radius must be a number or one number for each of the {n_queries} queries, got shape {radius.shape} "
                f"and dtype {radius.dtype}."
            )
        if not (radius >= 0).all():
            raise ValueError(f"radius must not be negative or NaN, got {float(radius.min())}.")
        return np.broadcast_to(radius.astype(np.float64), (n_queries,))

    def _search_within(self, X, radius):
        queries = self._queries(X)
        if self.metric == "precomputed" and sp.issparse(queries):
            return _within_in_graph(queries, radius)
        return self._index().radius_neighbors(queries, radius, verbose=int(self.verbose))

    def radius_neighbors_graph(self, X=None, radius=None, mode="connectivity", sort_results=False):
        """Compute the graph of the fitted rows within a radius of each query.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features) or None, default=None
            As in :meth:`radius_neighbors`.
        radius : float, array-like of shape (n_queries,) or None, default=None
            As in :meth:`radius_neighbors`.
        mode : {"connectivity", "distance"}, default="connectivity"
            Whether an edge is 1 or the distance.
        sort_results : bool, default=False
            Whether to store each row's edges by distance; they are stored by index otherwise.

        Returns
        -------
        sparse matrix of shape (n_queries, n_samples_fit_), CSR format
        """
        check_is_fitted(self)
        check_mode(mode)
        distances, indices = self.radius_neighbors(X, radius, sort_results=sort_results)
        counts = np.array([len(index) for index in indices])
        columns = np.concatenate([*indices, np.empty(0, dtype=np.int64)])
        data = np.concatenate([*distances, np.empty(0)]) if mode == "distance" else np.ones(len(columns))
        indptr = np.concatenate([[0], np.cumsum(counts)])
        return as_graph(data, columns, indptr, (len(indices), self.n_samples_fit_))


def _within_in_graph(graph, radius):
    """The stored entries of each row of a sparse matrix of distances that are at most ``radius``."""
    graph = sp.csr_matrix(graph, copy=True)
    graph.sort_indices()
    row = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    inside = graph.data <= np.asarray(radius)[row]
    cuts = np.cumsum(np.bincount(row[inside], minlength=graph.shape[0]))[:-1]
    return (
        np.split(graph.data[inside].astype(np.float64), cuts),
        np.split(graph.indices[inside].astype(np.int64), cuts),
    )
