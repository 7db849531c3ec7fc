"""K-means."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skdl.cluster._base import BaseKMeans
from skdl.exceptions import InterruptedFitWarning
from skdl.kernels.lloyd import centred_rows, lloyd
from skdl.kernels.seeding import Walk, at_random, plus_plus, row_hashes
from skdl.utils import (
    Interval,
    Options,
    draw_seed,
    progress,
    resolve_device,
    to_host,
    validate_sample_weight,
    validate_X,
)

__all__ = ["KMeans"]


class KMeans(BaseKMeans):
    """K-means: clusters around centres, so that the squared distances to the nearest centre are small in sum.

    Use it for compact clusters of like size, to compress data to a few prototypes, or to turn columns into distances to
    prototypes. Put the columns on comparable scales first.

    Parameters
    ----------
    n_clusters : int, default=8
        The number of clusters.
    init : {"k-means++", "random"}, callable or array-like of shape (n_clusters, n_features), default="k-means++"
        The first centres: chosen far from each other in greedy steps, rows drawn at random, what
        ``init(X, n_clusters, random_state=...)`` returns, or the centres themselves.
    n_init : "auto" or int, default="auto"
        The number of starts, of which the best is kept; ``"auto"`` means 1 for ``"k-means++"`` and for an array, 10
        for others.
    max_iter : int, default=300
        The largest number of iterations in a start.
    tol : float, default=1e-4
        A start ends when the squared moves of the centres add up to less than this part of the columns' mean variance.
    verbose : int, default=0
        Positive values show a progress bar.
    random_state : int, RandomState instance or None, default=None
        The seed of the starts.
    copy_x : bool, default=True
        A hint of scikit-learn's that changes nothing here: X is neither copied nor written to.
    algorithm : {"lloyd", "elkan"}, default="lloyd"
        The name of the iteration; the results are the same.
    device : str or torch.device, default="auto"
        Where to compute: ``"auto"`` takes CUDA where there is a device, else the CPU.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centres.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    inertia_ : float
        The weighted sum of the squared distances to the nearest centre.
    labels_ : ndarray of shape (n_samples,), int32
        The cluster of each sample.
    n_features_in_ : int
        The number of columns.
    n_iter_ : int
        The number of iterations of the best start.

    Raises
    ------
    ValueError
        If X holds NaN or infinity or has fewer rows than ``n_clusters``, or a parameter is out of its range.

    Warns
    -----
    ConvergenceWarning
        If fewer distinct clusters than ``n_clusters`` were found, mostly because rows are repeated.
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the centres reached until then.

    Notes
    -----
    Cost: ``n * d * n_clusters`` multiplications an iteration, and the seeding about ``2 + log(n_clusters)`` iterations;
    memory beyond the data is 30 to 60 bytes a row.

    Differences from scikit-learn: k-means++ and ``"random"`` draw rows in an order that their contents decide, so that
    weights equal repetition and the order of rows does not matter; ``"random"`` draws distinct rows; rows of weight
    zero are left out of everything but ``labels_``; ``tol`` refers to the weighted variance; a callable ``init`` gets
    the rows as they are. From the same array of centres both give the same clusters.

    References
    ----------
    Lloyd, S. (1982). Least squares quantization in PCM. IEEE Transactions on Information Theory 28(2), 129-137.
    https://doi.org/10.1109/TIT.1982.1056489

    Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA '07, 1027-1035.
    https://dl.acm.org/doi/10.5555/1283383.1283494

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.cluster import KMeans
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = KMeans(n_clusters=3, random_state=0).fit(X)
    >>> round(model.inertia_, 2)
    78.85
    """

    _constraints = {
        "n_clusters": [Interval("int", 1, None)],
        "n_init": [Options("auto"), Interval("int", 1, None)],
        "max_iter": [Interval("int", 1, None)],
        "tol": [Interval("real", 0, None)],
        "copy_x": [bool],
        "algorithm": [Options("lloyd", "elkan")],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        init="k-means++",
        n_init="auto",
        max_iter=300,
        tol=1e-4,
        verbose=0,
        random_state=None,
        copy_x=True,
        algorithm="lloyd",
        device="auto",
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm
        self.device = device

    def fit(self, X, y=None, sample_weight=None):
        """Find the centres.

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
        self
        """
        self._check_parameters()
        X = validate_X(self, X, reset=True)
        if len(X) < self.n_clusters:
            raise ValueError(
                f"n_samples={len(X)} should be >= n_clusters={self.n_clusters}: ask for fewer clusters or pass more "
                "rows."
            )
        weight = validate_sample_weight(sample_weight, len(X))
        self._new_device_cache()
        kept = slice(None) if weight is None or weight.all() else np.flatnonzero(weight)
        rows, variance = centred_rows(X[kept], None if weight is None else weight[kept], resolve_device(self.device))
        best = self._best_run(rows, variance * self.tol)
        self.cluster_centers_ = rows.from_tile_space(best.centers)
        self.inertia_ = rows.squared_unit(best.inertia)
        self.n_iter_ = best.n_iter
        self.labels_ = best.labels if isinstance(kept, slice) else self.predict(X)
        found = len(np.unique(best.labels))
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters ({self.n_clusters}). "
                "Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=2,
            )
        if best.interrupted:
            warnings.warn(
                f"KMeans was interrupted after {best.n_iter} iterations; the model holds the centres reached until "
                "then.",
                InterruptedFitWarning,
                stacklevel=2,
            )
        return self

    def _best_run(self, rows, tol):
        seed = draw_seed(self.random_state)
        starts = self._starts(rows, seed)
        best = None
        with progress(total=len(starts) * self.max_iter, desc="KMeans", unit="iteration", verbose=self.verbose) as bar:
            for start in starts:
                centers = start()
                run = lloyd(rows, centers, self.max_iter, tol, bar.update)
                if best is None or (run.inertia < best.inertia and not _same_clusters(run.labels, best.labels)):
                    best = run
                if run.interrupted:
                    best.interrupted = True
                    break
        return best

    def _starts(self, rows, seed):
        """Functions that return the first centres of each start, in tile space."""
        if not isinstance(self.init, str) and not callable(self.init):
            if self.n_init not in ("auto", 1):
                warnings.warn(
                    "Explicit initial center position passed: performing only one init in KMeans instead of "
                    f"n_init={self.n_init}.",
                    RuntimeWarning,
                    stacklevel=4,
                )
            centers = rows.to_tile_space(self._checked_init(rows.X))
            return [lambda: centers]
        if callable(self.init):
            random_state = check_random_state(seed)

            def start(_):
                centers = np.asarray(to_host(self.init(rows.X, self.n_clusters, random_state=random_state)))
                return rows.to_tile_space(self._checked_centers(rows.X, centers))

        else:
            if self.init not in ("k-means++", "random"):
                raise ValueError(
                    "init of KMeans must be 'k-means++', 'random', a callable or an array of centres; "
                    f"got {self.init!r}."
                )
            walk = Walk(row_hashes(rows.X))
            weight = np.ones(rows.n) if rows.weight is None else rows.weight

            def start(i):
                if self.init == "random":
                    chosen = at_random(walk, weight, self.n_clusters, seed, i)
                else:
                    chosen = plus_plus(rows, walk, self.n_clusters, seed, i)
                return rows.to_tile_space(rows.X[chosen])

        n_init = self.n_init if self.n_init != "auto" else 1 if self.init == "k-means++" else 10
        return [lambda i=i: start(i) for i in range(n_init)]


def _same_clusters(labels, others):
    """Whether two labellings are the same but for the names of the clusters."""
    pairs = np.unique(labels.astype(np.int64) << 32 | others)
    return len(pairs) == len(np.unique(labels)) == len(np.unique(others))
