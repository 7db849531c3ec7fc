"""What all neighbour estimators share: parameters, the fitted rows, and queries for k neighbors."""

import numbers
import warnings
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils import check_array, check_X_y, get_tags
from sklearn.utils.validation import check_is_fitted, check_non_negative, has_fit_parameter

from skdl.base import Estimator, sibling_maker, take_rows
from skdl.neighbors._family import SharedSearch, same_search
from skdl.neighbors._index import build_index
from skdl.neighbors._metrics import (
    MIXED,
    check_metric_name,
    check_takes_sparse,
    effective_metric,
    is_metric_learner,
    resolve_metric,
)
from skdl.utils import (
    Interval,
    Options,
    encode_table,
    explained,
    fit_table,
    resolve_device,
    to_host,
    validate_X,
    validate_X_y,
)

NEIGHBORS_CONSTRAINTS: dict[str, list] = {
    "n_neighbors": [Interval("int", 1, None)],
    "algorithm": [Options("auto", "ball_tree", "kd_tree", "brute")],
    "leaf_size": [Interval("int", 1, None)],
    "p": [Interval("real", 0, None, closed="right"), None],
    "metric_params": [dict, None],
    "n_jobs": [Interval("int", None, None), None],
    "verbose": [Interval("int", 0, None), bool],
}


class NeighborsBase(Estimator):
    """Fitted rows and the search among them.

    Subclasses validate ``X`` in ``fit`` and then call ``_fit_rows``.
    """

    def _check(self):
        self._check_parameters()
        if self.metric_params is not None and self.metric_params.get("p", self.p) != self.p and self.p is not None:
            warnings.warn(
                f"metric_params['p']={self.metric_params['p']!r} is used and p={self.p!r} ignored: drop one of them.",
                UserWarning,
                stacklevel=3,
            )
        metric = self.metric
        if not (
            isinstance(metric, str) or callable(metric) or is_metric_learner(metric) or hasattr(metric, "pairwise")
        ):
            raise ValueError(
                f"metric must be a name, a callable of two vectors or a transformer to fit inside; got {metric!r}."
            )
        resolve_device(self.device)

    def _check_options(self) -> dict:
        """What X may be, for validation."""
        options: dict = {"accept_sparse": "csr", "order": "C"}
        if self.metric == "precomputed":
            options["accept_sparse"] = ("csr", "csc", "coo", "lil")
        if get_tags(self).input_tags.allow_nan:
            options["ensure_all_finite"] = "allow-nan"
        return options

    def _fit_rows(self, X, y=None, weight=None) -> None:
        """Keep the rows, fit the metric learner, forget old indexes.

        Rows of weight zero are kept, so that indices stay those of ``X``, but are never found.
        """
        check_metric_name(self.metric)
        self._new_device_cache()
        self.__dict__.pop("metric_", None)
        if self.metric == "precomputed":
            if X.shape[0] != X.shape[1]:
                raise ValueError(
                    f"Precomputed matrix must be square: entry (i, j) is the distance of the training rows i and j. "
                    f"Input is a {X.shape[0]}x{X.shape[1]} matrix."
                )
            check_non_negative(X, "a precomputed matrix of distances")
        self._fit_X = sp.csr_matrix(X) if sp.issparse(X) else X
        self.n_samples_fit_ = X.shape[0]
        self._found_rows = None if weight is None or weight.all() else np.flatnonzero(weight)
        self.effective_metric_, self.effective_metric_params_ = effective_metric(
            self.metric, self.p, self.metric_params
        )
        if is_metric_learner(self.metric):
            self._fit_metric(X, y, weight)
        elif sp.issparse(X):
            check_takes_sparse(self.effective_metric_)
        # An impossible metric should fail in fit, not in predict.
        if self.effective_metric_ in ("seuclidean", "mahalanobis"):
            self._index()

    def _fit_metric(self, X, y, weight) -> None:
        rows = slice(None) if self._found_rows is None else self._found_rows
        learner = clone(self.metric)
        fit_params = {}
        if weight is not None and has_fit_parameter(learner, "sample_weight"):
            fit_params["sample_weight"] = weight[rows]
        learner.fit(X[rows], None if y is None else y[rows], **fit_params)
        self.metric_ = learner

    def _embedded(self, X):
        """Rows in the space of the metric: transformed by the metric learner if there is one."""
        if not hasattr(self, "metric_"):
            return X
        transformed = self.metric_.transform(X)
        with explained(self, transformed):
            return check_array(transformed, accept_sparse="csr", order="C", input_name="the output of metric.transform")

    def _index(self):
        def build():
            X = self._fit_X if self._found_rows is None else self._fit_X[self._found_rows]
            X = self._embedded(X)
            metric = resolve_metric(self.effective_metric_, self.effective_metric_params_, X)
            return build_index(
                metric,
                X,
                device=resolve_device(self.device),
                algorithm=self.algorithm,
                leaf_size=self.leaf_size,
                n_jobs=self.n_jobs,
                categorical=None if self._schema is None else self._schema.is_categorical,
            )

        return self._device_cache.get("index", build)

    def _validate_rows(self, X, y=None, **options):
        """Check and, for a metric of tables with categories, encode the training rows and their targets."""
        self._schema: Any = None
        if not self._takes_tables():
            if y is None:
                return validate_X(self, X, reset=True, **self._check_options()), None
            return validate_X_y(self, X, y, multi_output=True, **self._check_options(), **options)
        features = (self.metric_params or {}).get("categorical_features", "from_dtype")
        self._schema, X = fit_table(self, X, features, allow_nan=True, order="C")
        if y is not None:
            y = to_host(y)
            with explained(self, X, y):
                X, y = check_X_y(X, y, ensure_all_finite="allow-nan", multi_output=True, order="C", **options)
        return X, y

    def _validate_fit(self, X, y, **options):
        if y is None:
            raise ValueError(
                f"requires y to be passed, but the target y is None: {type(self).__name__} needs a target for each row."
            )
        self._check()
        return self._validate_rows(X, y, **options)

    def _takes_tables(self) -> bool:
        return isinstance(self.metric, str) and self.metric in MIXED

    def _validate_queries(self, X):
        if self._schema is not None:
            return encode_table(self, X, self._schema, allow_nan=True, order="C")
        X = validate_X(self, X, reset=False, **self._check_options())
        if self.metric == "precomputed":
            check_non_negative(X, "a precomputed matrix of distances")
        return X

    def _queries(self, X):
        """Validated queries in the space of the metric; the fitted rows where X is None."""
        return self._embedded(self._fit_X if X is None else X)

    @property
    def _n_found(self) -> int:
        return self.n_samples_fit_ if self._found_rows is None else len(self._found_rows)

    def _search(self, X, k: int):
        """Distances and indices of the k nearest fitted rows of validated queries X (None: of the fitted rows)."""
        shared = self._device_cache.get("shared", lambda: None)
        if shared is None or sp.issparse(X):
            return self._search_alone(X, k)
        return shared.search(X, k, self._n_found, lambda most: self._search_alone(X, most))

    def _search_alone(self, X, k: int):
        queries = self._queries(X)
        if self.metric == "precomputed":
            if sp.issparse(queries):
                return _nearest_in_graph(queries, k, self._found_rows)
            if self._found_rows is not None:
                queries = queries[:, self._found_rows]
        distances, indices = self._index().kneighbors(queries, k, verbose=int(self.verbose))
        return distances, indices if self._found_rows is None else self._found_rows[indices]

    def _search_others(self, k: int):
        """Distances and indices of the k nearest fitted rows of each fitted row, the row itself left out."""
        if self.metric == "precomputed" and sp.issparse(self._fit_X):
            return _nearest_in_graph(_without_diagonal(self._fit_X), k, self._found_rows)
        distances, indices = self._search(None, k + 1)
        own = indices == np.arange(len(indices))[:, None]
        # Where copies with lower indices fill the list the row is not in it: then the last one is too many.
        own[~own.any(axis=1), -1] = True
        shape = (len(indices), k)
        return distances[~own].reshape(shape), indices[~own].reshape(shape)

    def _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None):
        """Fit once for each split and metric; siblings share the fitted rows and the answers of the search."""
        make, own = sibling_maker(self), self.get_params(deep=False).keys()
        for split_index, rows in enumerate(splits):
            X_split, y_split = take_rows(X, rows), take_rows(y, rows)
            weight = {} if sample_weight is None else {"sample_weight": take_rows(sample_weight, rows)}
            members = [make(one) for one in candidates]
            leaders: list = []
            for candidate_index, (parameters, member) in enumerate(zip(candidates, members, strict=True)):
                leader = next((fitted for known, fitted in leaders if same_search(known, parameters)), None)
                try:
                    if leader is None:
                        leader = member.fit(X_split, y_split, **weight)
                        leaders.append((parameters, leader))
                        siblings = [
                            (other.n_neighbors, getattr(other, "weights", None))
                            for known, other in zip(candidates, members, strict=True)
                            if same_search(known, parameters)
                        ]
                        leader._device_cache.get("shared", lambda siblings=siblings: SharedSearch(siblings))
                    else:
                        member._check()
                        vars(member).update({name: value for name, value in vars(leader).items() if name not in own})
                except ValueError:
                    # Left out: fitted alone, it says why.
                    continue
                yield candidate_index, split_index, member

    def _check_n_neighbors(self, n_neighbors, n_queries, among_others: bool) -> int:
        if n_neighbors is None:
            n_neighbors = self.n_neighbors
        elif not isinstance(n_neighbors, numbers.Integral) or isinstance(n_neighbors, bool):
            raise TypeError(f"n_neighbors must be an int, got {n_neighbors!r}.")
        elif n_neighbors <= 0:
            raise ValueError(f"Expected n_neighbors > 0. Got {n_neighbors}.")
        available = self._n_found - among_others
        if n_neighbors > available:
            raise ValueError(
                f"Expected n_neighbors {'<' if among_others else '<='} n_samples_fit, but n_neighbors = {n_neighbors}, "
                f"n_samples_fit = {self._n_found}, n_samples = {n_queries}. Lower n_neighbors to {available} at most, "
                "or fit on more rows."
            )
        return int(n_neighbors)

    def kneighbors(self, X=None, n_neighbors=None, return_distance=True):
        """Find the nearest fitted rows of each query.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features) or None, default=None
            The queries; (n_queries, n_samples_fit_) distances if ``metric="precomputed"``. None takes the fitted rows,
            none of which is then a neighbor of itself.
        n_neighbors : int or None, default=None
            How many; None takes the parameter of that name.
        return_distance : bool, default=True
            Whether to return the distances too.

        Returns
        -------
        neigh_dist : ndarray of shape (n_queries, n_neighbors), dtype float64
            The distances, nearest first. Only if ``return_distance``.
        neigh_ind : ndarray of shape (n_queries, n_neighbors), dtype int64
            The rows; of equally distant ones the lower index comes first.
        """
        check_is_fitted(self)
        if X is None:
            k = self._check_n_neighbors(n_neighbors, self.n_samples_fit_, True)
            distances, indices = self._search_others(k)
        else:
            X = self._validate_queries(X)
            k = self._check_n_neighbors(n_neighbors, X.shape[0], False)
            distances, indices = self._search(X, k)
        return (distances, indices) if return_distance else indices

    def kneighbors_graph(self, X=None, n_neighbors=None, mode="connectivity"):
        """Compute the graph of the nearest fitted rows of each query.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features) or None, default=None
            As in :meth:`kneighbors`.
        n_neighbors : int or None, default=None
            As in :meth:`kneighbors`.
        mode : {"connectivity", "distance"}, default="connectivity"
            Whether an edge is 1 or the distance.

        Returns
        -------
        sparse matrix of shape (n_queries, n_samples_fit_), CSR format
            Each row holds its neighbors in increasing distance.
        """
        check_is_fitted(self)
        check_mode(mode)
        distances, indices = self.kneighbors(X, n_neighbors)
        m, k = indices.shape
        data = distances.ravel() if mode == "distance" else np.ones(m * k)
        return as_graph(data, indices.ravel(), np.arange(0, m * k + 1, k), (m, self.n_samples_fit_))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        learner = is_metric_learner(self.metric)
        tables = self._takes_tables()
        tags.input_tags.sparse = get_tags(self.metric).input_tags.sparse if learner else not tables
        tags.input_tags.categorical = tables
        tags.input_tags.pairwise = isinstance(self.metric, str) and self.metric == "precomputed"
        tags.input_tags.positive_only = tags.input_tags.pairwise
        tags.input_tags.allow_nan = tables or (isinstance(self.metric, str) and self.metric == "nan_euclidean")
        return tags


def check_mode(mode) -> None:
    """Raise if a graph's mode is unknown."""
    if mode not in ("connectivity", "distance"):
        raise ValueError(f'Unsupported mode, must be one of "connectivity", or "distance" but got "{mode}" instead.')


def as_graph(data, indices, indptr, shape):
    """A CSR matrix in scikit-learn's configured interface (sparse arrays or matrices)."""
    wants_array = get_config().get("sparse_interface") == "sparray"
    return (sp.csr_array if wants_array else sp.csr_matrix)((data, indices, indptr), shape=shape)


def _without_diagonal(graph):
    graph = graph.tocoo()
    others = graph.row != graph.col
    return sp.csr_matrix((graph.data[others], (graph.row[others], graph.col[others])), shape=graph.shape)


def _nearest_in_graph(graph, k: int, found_rows):
    """The k smallest stored entries of each row of a sparse matrix of distances, ties by column."""
    graph = sp.coo_matrix(graph)
    row, column, data = graph.row, graph.col.astype(np.int64), graph.data
    if found_rows is not None:
        kept = np.isin(column, found_rows)
        row, column, data = row[kept], column[kept], data[kept]
    counts = np.bincount(row, minlength=graph.shape[0])
    if counts.min(initial=k) < k:
        worst = int(counts.argmin())
        raise ValueError(
            f"{k} neighbors per samples are required, but some samples have only {counts[worst]} neighbors in "
            f"precomputed graph matrix (row {worst} is the first). Lower n_neighbors, or add neighbors to the graph."
        )
    order = np.lexsort((column, data, row))
    taken = order[(np.cumsum(counts) - counts)[:, None] + np.arange(k)]
    return data[taken].astype(np.float64), column[taken]
