"""Search for nearest neighbors without a target."""

from skdl.neighbors._base import NEIGHBORS_CONSTRAINTS
from skdl.neighbors._radius import RadiusNeighborsBase
from skdl.utils import Interval, to_host


class NearestNeighbors(RadiusNeighborsBase):
    """Find the nearest rows of a table, exactly.

    Use it to look up similar rows, to build neighbor graphs for other estimators (``metric="precomputed"``), or to find
    all rows within a radius.

    Parameters
    ----------
    n_neighbors : int, default=5
        How many neighbors :meth:`kneighbors` finds.
    radius : float, default=1.0
        How far :meth:`radius_neighbors` looks, in the unit of the metric.
    algorithm : {"auto", "kd_tree", "ball_tree", "brute"}, default="auto"
        How to search; the answer is the same. "kd_tree" is for few columns (up to about 15) and Minkowski metrics,
        "brute" compares all rows, "auto" and "ball_tree" choose.
    leaf_size : int, default=30
        About how many rows a leaf of the tree has; with ``algorithm="auto"`` more where that is quicker.
    metric : str, callable, DistanceMetric or transformer, default="minkowski"
        What near means. A name: "euclidean", "manhattan", "chebyshev", "minkowski" (with ``p``), "cosine",
        "mahalanobis", "seuclidean" and all others of scikit-learn and SciPy; "heom" and "gower" for frames with
        categories and missing values; "precomputed" for a matrix of distances; a function of two vectors; or a
        transformer such as :class:`sklearn.neighbors.NeighborhoodComponentsAnalysis`, which is cloned, fitted on the
        training rows, kept as ``metric_``, and after which Minkowski distances are taken.
    p : float, default=2
        The power of the Minkowski metric.
    metric_params : dict or None, default=None
        Further arguments of the metric.
    n_jobs : int or None, default=None
        The number of threads; None takes torch's.
    device : str or torch.device, default="auto"
        Where Euclidean, Manhattan, Chebyshev, cosine, Mahalanobis distances and their like are computed; other metrics
        are computed on the CPU.
    verbose : int, default=0
        Whether to show a progress bar.

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
        If X has NaN or infinite values (except for "nan_euclidean"), no rows, other columns than in ``fit``, or fewer
        rows than neighbors; if the metric is unknown.

    See Also
    --------
    KNeighborsClassifier : The vote of the neighbors.
    KNeighborsRegressor : The average of the neighbors.

    Notes
    -----
    Time O(n_queries n d), memory a constant beside the data, a single-precision copy of it and the answer. Products in
    single precision find candidates with a bound on their error; differences in double precision decide. So data far
    from the origin lose no digits, and of equally distant rows the one with the lower index comes first.

    Euclidean training rows that lie in a file (a memory-mapped float32 or float64 array in C order) of more than 256
    MiB stay there: on a CPU they are read once for each 512 queries and no copy is made, nor is one of queries that lie
    in a file. Beside the answer and some 24 bytes for each row this takes some 30 MiB for each thread. For a radius the
    rows are read more often, with some 100 MiB at a time.

    Differs from scikit-learn in these: ties go by index always; a row's own entry is left out by its index where X is
    None, also among duplicates; a radius is compared with the returned distance; ``V`` and ``VI`` of "seuclidean" and
    "mahalanobis" are computed from the training rows where they are not given; ``fit`` takes no tree.

    References
    ----------
    Cover, T. & Hart, P. (1967). Nearest neighbor pattern classification. IEEE Transactions on Information Theory 13(1),
    21-27. https://doi.org/10.1109/TIT.1967.1053964

    Examples
    --------
    >>> from skdl.neighbors import NearestNeighbors
    >>> search = NearestNeighbors(n_neighbors=2).fit([[0.0], [3.0], [1.0]])
    >>> distances, indices = search.kneighbors([[0.9]])
    >>> indices
    array([[2, 0]])
    >>> search.kneighbors_graph().toarray()
    array([[0., 1., 1.],
           [1., 0., 1.],
           [1., 1., 0.]])
    """

    _constraints = {**NEIGHBORS_CONSTRAINTS, "radius": [Interval("real", 0, None)]}

    def __init__(
        self,
        *,
        n_neighbors=5,
        radius=1.0,
        algorithm="auto",
        leaf_size=30,
        metric="minkowski",
        p=2,
        metric_params=None,
        n_jobs=None,
        device="auto",
        verbose=0,
    ):
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
        self.n_jobs = n_jobs
        self.device = device
        self.verbose = verbose

    def fit(self, X, y=None):
        """Keep the rows to be searched.

        Parameters
        ----------
        X : array-like, frame, tensor or sparse matrix of shape (n_samples, n_features)
            The rows; a square matrix of distances if ``metric="precomputed"``.
        y : array-like of shape (n_samples,) or None, default=None
            Ignored, except by a metric learner that needs a target.

        Returns
        -------
        self : NearestNeighbors
        """
        self._check()
        X, _ = self._validate_rows(X)
        self._fit_rows(X, to_host(y))
        return self
