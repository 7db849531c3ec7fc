"""What the K-means estimators share: checks of data and starts, predict, transform, score."""

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.kernels.lloyd import Rows, assign, inertia_of, squared_distances
from skdl.utils import resolve_device, to_host, validate_sample_weight, validate_X

__all__: list[str] = []


class BaseKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, Estimator):
    """Base class of the K-means estimators: all that needs only ``cluster_centers_``."""

    def fit_predict(self, X, y=None, sample_weight=None):
        """Fit, and return the cluster of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : ignored
            Here for the sake of pipelines.
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
        y : ignored
            Here for the sake of pipelines.
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
        assign(rows, centers, labels)
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
        result = np.empty((rows.n, len(centers)), dtype=rows.dtype)

        def work(piece, tile):
            result[piece] = squared_distances(tile, centers).clamp_(min=0).sqrt_().cpu().numpy()

        rows.each(len(centers), work)
        return np.ldexp(result, rows.exponent, out=result) if rows.exponent else result

    def score(self, X, y=None, sample_weight=None):
        """Return minus the inertia of the samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : ignored
            Here for the sake of pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        float
        """
        rows, centers = self._against_centers(X, sample_weight)
        labels = np.empty(rows.n, dtype=np.int32)
        assign(rows, centers, labels)
        return -rows.squared_unit(inertia_of(rows, centers, labels))

    def _against_centers(self, X, sample_weight=None):
        """Checked rows and the centres in their space."""
        check_is_fitted(self)
        X = validate_X(self, X)
        weight = validate_sample_weight(sample_weight, len(X))
        centers = self.cluster_centers_.astype(X.dtype, copy=False)
        shift = centers.mean(axis=0, dtype=np.float64)
        spread = float(np.abs(centers - shift).max())
        # Squares of distances between centres must be neither lost nor infinite.
        exponent = 0 if spread == 0 or 1e-10 < spread < 1e10 else int(np.frexp(spread)[1])
        rows = Rows(X, weight, shift, exponent, resolve_device(self.device))
        return rows, torch.as_tensor(rows.to_tile_space(centers), device=rows.device)

    def _checked_init(self, X):
        """The centres to start from, where ``init`` is an array."""
        init = np.asarray(to_host(self.init))
        if init.dtype.kind not in "biuf" or init.ndim != 2 or not np.isfinite(init).all():
            raise ValueError(
                f"init of {type(self).__name__} must be 'k-means++', 'random', a callable or finite numbers of shape "
                f"(n_clusters, n_features); got an array of type {init.dtype} and shape {init.shape}."
            )
        return self._checked_centers(X, init)

    def _checked_centers(self, X, centers):
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
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
