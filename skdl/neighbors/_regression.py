"""Regression by the average of the nearest neighbors."""

import numpy as np
from sklearn.base import MultiOutputMixin, RegressorMixin

from skdl.neighbors._base import NEIGHBORS_CONSTRAINTS
from skdl.neighbors._supervised import SupervisedNeighbors
from skdl.neighbors._votes import averages
from skdl.utils import Options, validate_sample_weight


class KNeighborsRegressor(MultiOutputMixin, RegressorMixin, SupervisedNeighbors):
    """Predict the average target of the nearest training rows.

    Use it for smooth functions of a few columns of a common scale, and as a baseline; standardize the columns, or learn
    the metric inside with ``metric=``.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many rows are averaged.
    weights : {"uniform", "distance"}, callable or None, default="uniform"
        The weight of a neighbor: the same for all (also None), the inverse of the distance, or a function that takes an
        array of distances of shape (n_queries, n_neighbors) and returns weights of that shape.
    algorithm : {"auto", "kd_tree", "ball_tree", "brute"}, default="auto"
        How to search; the answer is the same. "kd_tree" is for few columns (up to about 15) and Minkowski metrics,
        "brute" compares all rows, "auto" and "ball_tree" choose.
    leaf_size : int, default=30
        About how many rows a leaf of the tree has; with ``algorithm="auto"`` more where that is quicker.
    p : float, default=2
        The power of the Minkowski metric.
    metric : str, callable, DistanceMetric or transformer, default="minkowski"
        What near means. A name: "euclidean", "manhattan", "chebyshev", "minkowski" (with ``p``), "cosine",
        "mahalanobis", "seuclidean" and all others of scikit-learn and SciPy; "heom" and "gower" for frames with
        categories and missing values; "precomputed" for a matrix of distances; a function of two vectors; or a
        transformer (a metric learner), which is cloned, fitted on the training rows, kept as ``metric_``, and after
        which Minkowski distances are taken.
    metric_params : dict or None, default=None
        Further arguments of the metric.
    n_jobs : int or None, default=None
        The number of threads; None takes torch's.
    device : str or torch.device, default="auto"
        Where Euclidean, Manhattan, Chebyshev, cosine, Mahalanobis distances and their like are computed; other metrics
        are computed on the CPU.
    verbose : int, default=0
        Whether to show a progress bar while predicting.

    Attributes
    ----------
    effective_metric_ : str or callable
        The metric in use: "euclidean" for Minkowski with p=2, say.
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
        If X or y has NaN or infinite values (X may for "nan_euclidean"), no rows, other columns than in ``fit``, or
        fewer rows than neighbors; if the metric is unknown, or a weight function gives all neighbors weight zero.

    See Also
    --------
    KNeighborsClassifier : The same for labels.
    NearestNeighbors : The search alone.

    Notes
    -----
    ``fit`` takes time O(n d), ``predict`` O(n_queries n d) and constant memory beside the data, a single-precision copy
    of it and the answer.

    Euclidean training rows that lie in a file (a memory-mapped float32 or float64 array in C order) of more than 256
    MiB stay there: on a CPU they are read once for each 512 queries and no copy is made, nor is one of queries that lie
    in a file. Beside the answer and some 24 bytes for each row this takes some 30 MiB for each thread.
    ``sample_weight`` copies the queries, and the rows where a weight is zero.

    Differs from scikit-learn in these: ``sample_weight``. A row of weight w counts as w equal rows: rows are collected
    until their weights add up to ``n_neighbors``. Weights that are scaled to sum to 1 must be scaled back. A function
    given as ``weights`` must then work distance by distance. Ties of distance go by index. Sums run in double
    precision, and the prediction has the type of y (float64 for whole numbers).

    References
    ----------
    Altman, N. S. (1992). An introduction to kernel and nearest-neighbor nonparametric regression. The American
    Statistician 46(3), 175-185. https://doi.org/10.1080/00031305.1992.10475879

    Examples
    --------
    >>> from skdl.neighbors import KNeighborsRegressor
    >>> model = KNeighborsRegressor(n_neighbors=2).fit([[0], [1], [2], [3]], [0, 0, 1, 1])
    >>> model.predict([[1.5]])
    array([0.5])
    """

    _constraints = {**NEIGHBORS_CONSTRAINTS, "weights": [Options("uniform", "distance"), callable, None]}

    def __init__(
        self,
        n_neighbors=5,
        *,
        weights="uniform",
        algorithm="auto",
        leaf_size=30,
        p=2,
        metric="minkowski",
        metric_params=None,
        n_jobs=None,
        device="auto",
        verbose=0,
    ):
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.metric = metric
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.device = device
        self.verbose = verbose

    def fit(self, X, y, sample_weight=None):
        """Keep the training rows and their targets.

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
        self : KNeighborsRegressor
        """
        X, y = self._validate_fit(X, y, y_numeric=True)
        if y.dtype.kind not in "biuf":
            raise ValueError(
                f"y must hold numbers for a regression, got dtype {y.dtype}. Convert it (y.astype(float)), or use "
                "KNeighborsClassifier for labels."
            )
        weight = validate_sample_weight(sample_weight, X.shape[0])
        self._y = y if y.dtype.kind == "f" else y.astype(np.float64)
        self._keep_weight(weight)
        self._fit_rows(X, self._y, weight)
        return self

    def predict(self, X):
        """Predict the average target of each query's neighbors.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_queries, n_features) or None
            The queries; None takes the training rows, none of which is then its own neighbor.

        Returns
        -------
        ndarray of shape (n_queries,) or (n_queries, n_outputs)
        """
        indices, weights = self._neighborhood(X)
        return averages(self._y, indices, weights).astype(self._y.dtype, copy=False)
