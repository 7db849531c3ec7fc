"""What the K-means estimators share: checks of data and starts, predict, transform, score."""

import warnings
from collections.abc import Iterable
from functools import cached_property

import numpy as np
import scipy.sparse as sp
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.kernels.compiled_rows import CompiledRows, dense_rows, prepare
from skdl.kernels.lloyd import on_sphere
from skdl.kernels.rows import Rows, SparseRows
from skdl.kernels.seeding import Walk, at_random, in_parallel, number_of_trials, plus_plus, row_hashes
from skdl.utils import Interval, Options, derive_seeds, resolve_device, to_host, validate_sample_weight, validate_X

__all__: list[str] = []


class BaseKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, Estimator):
    """Base class of the K-means estimators: checks, starts, and all that needs only ``cluster_centers_``."""

    _constraints = {
        "n_clusters": [Interval("int", 1, None)],
        "init": [Options("k-means++", "k-means||", "random"), callable, Iterable],
        "n_init": [Options("auto"), Interval("int", 1, None)],
        "max_iter": [Interval("int", 1, None)],
        "tol": [Interval("real", 0, None)],
        "verbose": [bool, Interval("int", 0, None)],
        "random_state": [None, Interval("int", 0, None), np.random.RandomState],
        "spherical": [bool],
    }
    cluster_centers_: np.ndarray  # (k, d)
    # The number of starts that n_init="auto" means where starts are cheap.
    _default_starts = 10

    def fit_predict(self, X, y=None, sample_weight=None):
        """Fit, and return the cluster of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : object, default=None
            Ignored; here for the sake of pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        ndarray of shape (n_samples,), int32
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def fit_transform(self, X, y=None, sample_weight=None):
        """Fit, and return the distance of each sample to each centre.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : object, default=None
            Ignored; here for the sake of pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
        """
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def predict(self, X):
        """Return the nearest centre of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,), int32
        """
        rows, centers = self._against_centers(X)
        labels = np.empty(rows.n, dtype=np.int32)
        rows.assign(centers, labels)
        return labels

    def transform(self, X):
        """Return the distance of each sample to each centre.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_clusters)
        """
        rows, centers = self._against_centers(X)
        square = rows.distances_to(centers)  # (k, n)
        distances = np.sqrt(np.maximum(square, 0, out=square), out=square).T
        return np.ldexp(distances, rows.exponent, out=distances) if rows.exponent else np.ascontiguousarray(distances)

    def score(self, X, y=None, sample_weight=None):
        """Return minus the inertia of the samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : object, default=None
            Ignored; here for the sake of pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        float
        """
        rows, centers = self._against_centers(X, sample_weight)
        labels = np.empty(rows.n, dtype=np.int32)
        rows.assign(centers, labels)
        return -rows.squared_unit(rows.inertia(centers, labels))

    def _against_centers(self, X, sample_weight=None) -> tuple[Rows, np.ndarray]:
        """Checked rows and the centres in their space."""
        check_is_fitted(self)
        X = self._checked(X)
        return self._beside_centers(X, validate_sample_weight(sample_weight, X.shape[0]))

    def _beside_centers(self, X, weight) -> tuple[Rows, np.ndarray]:
        device = resolve_device(self.device)
        if sp.issparse(X):
            rows: Rows = SparseRows(X, weight, device)
            return rows, rows.to_tile_space(self.cluster_centers_)
        centers = self.cluster_centers_.astype(X.dtype, copy=False)
        shift = centers.mean(axis=0, dtype=np.float64)
        spread = float(np.abs(centers - shift).max())
        # Squares of distances between centres must be neither lost nor infinite.
        exponent = 0 if spread == 0 or 1e-10 < spread < 1e10 else int(np.frexp(spread)[1])
        rows = dense_rows(X, weight, shift, exponent, device)
        return rows, rows.to_tile_space(centers)

    def _checked(self, X, reset=False):
        X = validate_X(self, X, reset=reset, accept_sparse="csr")
        return unit_rows(X) if self.spherical else X

    def _checked_start(self, X, sample_weight):
        """Checked rows and weights of a fit that begins."""
        X = self._checked(X, reset=True)
        if X.shape[0] < self.n_clusters:
            raise ValueError(
                f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}: ask for fewer clusters or pass "
                "more rows."
            )
        weight = validate_sample_weight(sample_weight, X.shape[0])
        self._new_device_cache()
        return X, weight

    def _prepared(self, X, weight) -> "Prepared":
        """The rows of positive weight, ready for a fit."""
        kept = slice(None) if weight is None or weight.all() else np.flatnonzero(weight)
        some = None if weight is None else weight[kept]
        rows, variance = prepare(X[kept], some, resolve_device(self.device), centred=not self.spherical)
        return Prepared(rows, variance, all_rows=isinstance(kept, slice))

    def _number_of_starts(self):
        if not isinstance(self.init, str) and not callable(self.init):
            if self.n_init not in ("auto", 1):
                warnings.warn(
                    f"Explicit initial center position passed: performing only one init in {type(self).__name__} "
                    f"instead of n_init={self.n_init}.",
                    RuntimeWarning,
                    stacklevel=4,
                )
            return 1
        if self.n_init != "auto":
            return self.n_init
        return 1 if self.init in ("k-means++", "k-means||") else self._default_starts

    def _start(self, data: "Prepared", seed: int, i: int) -> np.ndarray:
        """The first centres of one start, in tile space."""
        rows, k = data.rows, self.n_clusters
        if isinstance(self.init, str):
            if self.init == "k-means||":
                return in_parallel(rows, data.walk, k, seed, i)
            if self.init == "k-means++":
                return rows.points(data.plus_plus(k, seed, i))
            if self.init == "random":
                return rows.points(at_random(data.walk, rows.no_weight, k, seed, i))
            raise ValueError(
                f"init of {type(self).__name__} must be 'k-means++', 'k-means||', 'random', a callable or an array of "
                f"centres; got {self.init!r}."
            )
        if callable(self.init):
            random_state = np.random.RandomState(int(derive_seeds(seed, "callable", i + 1)[i]))
            centers = self.init(rows.X, k, random_state=random_state)
        else:
            centers = self.init
        centers = rows.to_tile_space(self._checked_centers(rows.X, np.asarray(to_host(centers))))
        return on_sphere(centers) if self.spherical else centers

    def _checked_centers(self, X, centers):
        if centers.dtype.kind not in "biuf" or centers.ndim != 2 or not np.isfinite(centers).all():
            raise ValueError(
                f"init of {type(self).__name__} must be 'k-means++', 'k-means||', 'random', a callable or finite "
                "numbers of shape (n_clusters, n_features); got an array of type "
                f"{centers.dtype} and shape {centers.shape}."
            )
        if centers.shape[0] != self.n_clusters:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of clusters "
                f"{self.n_clusters}: pass one row for each cluster."
            )
        if centers.shape[1] != X.shape[1]:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of features of the "
                f"data {X.shape[1]}: pass one column for each column of X."
            )
        return centers.astype(X.dtype)

    @property
    def _n_features_out(self):
        return self.cluster_centers_.shape[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class Prepared:
    """The rows of a fit and what its starts, or the starts of its siblings, share.

    Parameters
    ----------
    rows : Rows
        The rows of positive weight.
    variance : float
        The mean variance of their columns, in tile space.
    all_rows : bool
        Whether no row was left out.
    """

    def __init__(self, rows: Rows, variance: float, all_rows: bool):
        self.rows, self.variance, self.all_rows = rows, variance, all_rows
        self._seeds: dict[tuple[int, int, int], np.ndarray] = {}

    @cached_property
    def walk(self) -> Walk:
        return Walk(row_hashes(self.rows.X))

    @property
    def is_small(self) -> bool:
        """Whether a run keeps to one thread."""
        return isinstance(self.rows, CompiledRows) and self.rows.is_small

    def make_ready(self) -> None:
        """Compute now what several threads would ask for at once."""
        _ = self.walk.by_hash
        if isinstance(self.rows, CompiledRows):
            _ = self.rows.turned

    def plus_plus(self, n_clusters: int, seed: int, start: int, ahead: int = 0) -> np.ndarray:
        """Rows chosen by k-means++; with as many candidates a step, fewer clusters begin with the same rows."""
        key = (seed, start, number_of_trials(n_clusters))
        known = self._seeds.get(key, np.empty(0, dtype=np.int64))
        if len(known) < n_clusters:
            known = self._seeds[key] = plus_plus(self.rows, self.walk, max(n_clusters, ahead), seed, start)
        return known[:n_clusters]


def unit_rows(X):
    """Rows of length one; a row of zeros stays."""
    if not sp.issparse(X):
        return on_sphere(X)
    length = np.sqrt(np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64)).ravel()
    scale = 1 / np.where(length > 0, length, 1.0)
    return sp.csr_array((X.data * np.repeat(scale, np.diff(X.indptr)).astype(X.dtype), X.indices, X.indptr), X.shape)
