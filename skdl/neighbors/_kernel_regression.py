"""Regression by a kernel-weighted average of all training rows."""

import numpy as np
import torch
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from skdl.kernels.smoothing import KERNELS, kernel_weights, weighted_average
from skdl.neighbors._base import NEIGHBORS_CONSTRAINTS, NeighborsBase
from skdl.utils import Interval, Options, resolve_device, validate_sample_weight

# How many bandwidths are tried, first over the whole range and then around the best.
_COARSE, _FINE = 24, 12


class KernelRegressor(MultiOutputMixin, RegressorMixin, NeighborsBase):
    """Predict the average of all training targets, weighted by a kernel of the distance (Nadaraya-Watson).

    Use it for smooth functions of a few columns of a common scale where the number of neighbors should follow the
    density of the data, and to smooth a curve.

    Parameters
    ----------
    kernel : str or callable, default="gaussian"
        The weight of a row at distance d, as a function of u = d / bandwidth: "gaussian" exp(-u^2/2), "exponential"
        exp(-u); and zero beyond u = 1 for "epanechnikov" 1-u^2, "tophat" 1, "triangular" 1-u, "biweight" (1-u^2)^2,
        "triweight" (1-u^2)^3, "tricube" (1-u^3)^3, "cosine" cos(pi u/2). A callable takes an array of u of shape
        (n_queries, n_rows) and returns weights, not negative, of that shape.
    bandwidth : float or "loo", default="loo"
        The scale of the distances, in the unit of the metric; "loo" takes the one with the smallest leave-one-out error
        in the square, from between the typical distance of the nearest row and the largest distance.
    p : float, default=2
        The power of the Minkowski metric.
    metric : str, callable, DistanceMetric or transformer, default="minkowski"
        What near means, as in :class:`KNeighborsRegressor`: a name, "precomputed", a function of two vectors or a
        transformer that is fitted inside.
    metric_params : dict or None, default=None
        Further arguments of the metric.
    n_jobs : int or None, default=None
        The number of jobs of a metric that scikit-learn computes.
    device : str or torch.device, default="auto"
        Where to compute.
    verbose : int, default=0
        Whether to show a progress bar.

    Attributes
    ----------
    bandwidth_ : float
        The bandwidth in use.
    effective_metric_ : str or callable
        The metric in use.
    effective_metric_params_ : dict
        Its arguments.
    metric_ : estimator
        The fitted metric learner, only if ``metric`` is one.
    n_samples_fit_ : int
        The number of training rows.
    n_features_in_ : int
        The number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the columns, only if X had names.

    Raises
    ------
    ValueError
        If X or y has NaN or infinite values, no rows, other columns than in ``fit``; if the metric is unknown, or the
        kernel returns other than weights.

    See Also
    --------
    KNeighborsRegressor : The average of a fixed number of rows.

    Notes
    -----
    ``predict`` takes time O(n_queries n d) and constant memory beside the data; the choice of a bandwidth O(n^2 d) and
    36 passes over the distances. Where no row lies within reach of a kernel, the nearest rows are averaged. A row of
    weight w counts as w equal rows, also when one is left out.

    References
    ----------
    Nadaraya, E. A. (1964). On estimating regression. Theory of Probability and its Applications 9(1), 141-142.
    https://doi.org/10.1137/1109020

    Watson, G. S. (1964). Smooth regression analysis. Sankhya A 26(4), 359-372. https://www.jstor.org/stable/25049340

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.neighbors import KernelRegressor
    >>> X = np.linspace(0, 6, 61)[:, None]
    >>> model = KernelRegressor(bandwidth=0.2).fit(X, np.sin(X[:, 0]))
    >>> model.predict([[1.5]]).round(2)
    array([0.98])
    """

    _constraints = {
        **{name: NEIGHBORS_CONSTRAINTS[name] for name in ("p", "metric_params", "n_jobs", "verbose")},
        "kernel": [Options(*KERNELS), callable],
        "bandwidth": [Interval("real", 0, None, closed="neither"), Options("loo")],
    }
    # The search for neighbors is not used, but is there.
    n_neighbors = 1
    algorithm = "auto"
    leaf_size = 30

    def __init__(
        self,
        kernel="gaussian",
        *,
        bandwidth="loo",
        p=2,
        metric="minkowski",
        metric_params=None,
        n_jobs=None,
        device="auto",
        verbose=0,
    ):
        self.kernel = kernel
        self.bandwidth = bandwidth
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.device = device
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Keep the training rows and choose the bandwidth.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_samples, n_features)
            The training rows; a square matrix of distances if ``metric="precomputed"``.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets, numbers.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : KernelRegressor
        """
        X, y = self._validate_fit(X, y, y_numeric=True)
        if y.dtype.kind not in "biuf":
            raise ValueError(
                f"y must hold numbers for a regression, got dtype {y.dtype}. Convert it (y.astype(float))."
            )
        if self.metric == "precomputed" and not isinstance(X, np.ndarray):
            raise ValueError("A kernel needs all distances: make the precomputed matrix dense with X.toarray().")
        weight = validate_sample_weight(sample_weight, X.shape[0])
        self._y = y if y.dtype.kind == "f" else y.astype(np.float64)
        self._fit_rows(X, self._y, weight)
        rows = slice(None) if self._found_rows is None else self._found_rows
        self._weight = np.ones(self._n_found) if weight is None else weight[rows]
        self.bandwidth_ = float(self._choose_bandwidth() if self.bandwidth == "loo" else self.bandwidth)
        return self

    def _targets(self, device):
        rows = slice(None) if self._found_rows is None else self._found_rows
        targets = self._y[rows].reshape(self._n_found, -1)
        return torch.tensor(targets, dtype=torch.float64, device=device), torch.tensor(self._weight, device=device)

    def _weights_of(self, distances, bandwidth):
        scaled = distances / bandwidth
        if isinstance(self.kernel, str):
            return kernel_weights(scaled, self.kernel)
        given = np.asarray(self.kernel(scaled.cpu().numpy()), dtype=np.float64)
        if given.shape != scaled.shape or not (given >= 0).all() or np.isinf(given).any():
            raise ValueError(
                f"kernel={self.kernel!r} must return finite weights, none negative, in the shape of the distances, "
                f"{tuple(scaled.shape)}; it returned shape {given.shape}."
            )
        return torch.from_numpy(np.array(given)).to(distances.device)

    def _blocks(self, X, work):
        """Call ``work`` with slices of queries and their distances to the rows of positive weight."""
        queries = self._queries(X)
        if self.metric == "precomputed" and self._found_rows is not None:
            queries = queries[:, self._found_rows]
        self._index().blocks(queries, work, int(self.verbose))

    def _choose_bandwidth(self) -> float:
        """The bandwidth with the smallest leave-one-out error: first of a coarse grid, then of a fine one around it."""
        n = self._n_found
        own = self._fit_X if self._found_rows is None else self._fit_X[self._found_rows]
        nearest, largest = np.full(n, np.inf), np.zeros(n)

        def look(rows, distances):
            positive = torch.where(distances > 0, distances, torch.inf)
            nearest[rows] = positive.amin(dim=1).cpu().numpy()
            largest[rows] = distances.amax(dim=1).cpu().numpy()

        self._blocks(own, look)
        finite = np.isfinite(nearest)
        if not finite.any() or not largest.max() > 0:
            return 1.0
        order = np.argsort(nearest[finite])
        mass = np.cumsum(self._weight[finite][order])
        typical = nearest[finite][order][np.searchsorted(mass, mass[-1] / 2)]
        grid = np.geomspace(typical / 4, largest.max(), _COARSE)
        best = int(np.argmin(self._leave_one_out(own, grid)))
        grid = np.geomspace(grid[max(0, best - 1)], grid[min(_COARSE - 1, best + 1)], _FINE)
        return grid[int(np.argmin(self._leave_one_out(own, grid)))]

    def _leave_one_out(self, own, bandwidths) -> np.ndarray:
        errors = np.zeros(len(bandwidths))
        targets, weight = None, None

        def work(rows, distances):
            nonlocal targets, weight
            if targets is None:
                targets, weight = self._targets(distances.device)
            # One of the copies that a row stands for is left out.
            diagonal = torch.arange(rows.start, rows.stop, device=distances.device)
            line = diagonal - rows.start
            counts = weight.repeat(len(line), 1)
            counts[line, diagonal] = (weight[diagonal] - 1).clamp(min=0)
            distances = distances.clone()
            distances[line, diagonal] = torch.where(counts[line, diagonal] > 0, 0.0, torch.inf).to(distances.dtype)
            for place, bandwidth in enumerate(bandwidths):
                weights = torch.nan_to_num(self._weights_of(distances, bandwidth))
                found = weighted_average(weights, distances, counts, targets)
                missed = ((found - targets[diagonal]) ** 2).sum(dim=1)
                errors[place] += float((missed * weight[diagonal]).nansum())

        self._blocks(own, work)
        return errors

    def predict(self, X):
        """Predict the weighted average of the training targets.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features)
            The queries.

        Returns
        -------
        ndarray of shape (n_queries,) or (n_queries, n_outputs)
        """
        check_is_fitted(self)
        X = self._validate_queries(X)
        predicted = np.empty((X.shape[0], self._y.reshape(len(self._y), -1).shape[1]))
        targets, weight = self._device_cache.get("targets", lambda: self._targets(self._device()))

        def work(rows, distances):
            weights = self._weights_of(distances, self.bandwidth_)
            found = weighted_average(weights, distances, weight.to(distances.device), targets.to(distances.device))
            predicted[rows] = found.cpu().numpy()

        self._blocks(X, work)
        return predicted.reshape(X.shape[0], *self._y.shape[1:]).astype(self._y.dtype, copy=False)

    def _device(self):
        return resolve_device(self.device)
