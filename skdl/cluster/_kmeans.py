"""K-means."""

import numbers
import warnings
from dataclasses import replace

import numpy as np
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skdl.base import take_rows
from skdl.cluster._base import BaseKMeans, Prepared
from skdl.exceptions import InterruptedFitWarning
from skdl.kernels.lloyd import lloyd
from skdl.kernels.rowblocks import on_threads
from skdl.utils import Options, draw_seed, progress

__all__ = ["KMeans"]


class KMeans(BaseKMeans):
    """K-means: clusters around centres, so that the squared distances to the nearest centre are small in sum.

    Use it for compact clusters of like size, to compress data to a few prototypes, or to turn columns into distances to
    prototypes. Put the columns on comparable scales first.

    Parameters
    ----------
    n_clusters : int, default=8
        The number of clusters.
    init : {"k-means++", "k-means||", "random"}, callable or array-like of shape (n_clusters, n_features), \
            default="k-means++"
        The first centres: chosen far from each other in greedy steps; the same in a few rounds that draw many rows at
        once, for many clusters; rows drawn at random; what ``init(X, n_clusters, random_state=...)`` returns; or the
        centres themselves.
    n_init : "auto" or int, default="auto"
        The number of starts, of which the best is kept; ``"auto"`` means 1 for ``"k-means++"``, ``"k-means||"`` and an
        array, 10 for others.
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
    algorithm : {"auto", "lloyd", "elkan"}, default="auto"
        Whether every row is compared with every centre in each iteration (``"lloyd"``), or bounds spare most of the
        comparisons where they can (``"elkan"``); ``"auto"`` tries bounds and gives them up where they do not pay. The
        results are the same.
    spherical : bool, default=False
        Whether rows and centres are brought to length one, so that clusters are of like direction (cosine).
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
    memory beyond the data is 30 to 60 bytes a row. X is copied where it is not contiguous row by row. Bounds are
    Hamerly's: one on the distance to the own centre, one on the distance to all others.

    Differences from scikit-learn: k-means++ and ``"random"`` draw rows in an order that their contents decide, so that
    weights equal repetition and the order of rows does not matter; ``"random"`` draws distinct rows; rows of weight
    zero are left out of everything but ``labels_``; ``tol`` refers to the weighted variance; a callable ``init`` gets
    the rows as they are. From the same array of centres both give the same clusters.

    References
    ----------
    Lloyd, S. (1982). Least squares quantization in PCM. IEEE Transactions on Information Theory 28(2), 129-137.
    https://doi.org/10.1109/TIT.1982.1056489

    Hamerly, G. (2010). Making k-means even faster. SDM 2010, 130-140. https://doi.org/10.1137/1.9781611972801.12

    Bahmani, B., Moseley, B., Vattani, A., Kumar, R. & Vassilvitskii, S. (2012). Scalable k-means++. PVLDB 5(7),
    622-633. https://doi.org/10.14778/2180912.2180915

    Arthur, D. & Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA '07, 1027-1035.
    https://dl.acm.org/doi/10.5555/1283383.1283494

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.cluster import KMeans
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = KMeans(n_clusters=3, n_init=10, random_state=0).fit(X)
    >>> round(model.inertia_, 2)
    78.85
    """

    _constraints = {
        **BaseKMeans._constraints,
        "copy_x": [bool],
        "algorithm": [Options("auto", "lloyd", "elkan")],
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
        algorithm="auto",
        spherical=False,
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
        self.spherical = spherical
        self.device = device

    def fit(self, X, y=None, sample_weight=None):
        """Find the centres.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples.
        y : object, default=None
            Ignored; here for the sake of pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        self
        """
        self._check_parameters()
        X, weight = self._checked_start(X, sample_weight)
        return self._fit_prepared(X, self._prepared(X, weight))

    def _fit_prepared(self, X, data):
        rows = data.rows
        best = self._best_run(data)
        self.cluster_centers_ = rows.from_tile_space(best.centers)
        self.inertia_ = rows.squared_unit(best.inertia)
        self.n_iter_ = best.n_iter
        if data.all_rows:
            self.labels_ = best.labels
        else:
            there, centers = self._beside_centers(X, None)
            self.labels_ = np.empty(there.n, dtype=np.int32)
            there.assign(centers, self.labels_)
        found = len(np.unique(best.labels))
        if found < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({found}) found smaller than n_clusters ({self.n_clusters}). "
                "Possibly due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=3,
            )
        if best.interrupted:
            warnings.warn(
                f"KMeans was interrupted after {best.n_iter} iterations; the model holds the centres reached until "
                "then.",
                InterruptedFitWarning,
                stacklevel=3,
            )
        return self

    def _best_run(self, data):
        seed = draw_seed(self.random_state)
        n_starts = self._number_of_starts()
        best = None
        with progress(total=n_starts * self.max_iter, desc="KMeans", unit="iteration", verbose=self.verbose) as bar:
            for run in self._runs(data, seed, n_starts, bar.update):
                if best is None or (run.inertia < best.inertia and not _same_clusters(run.labels, best.labels)):
                    best = run
                if run.interrupted:
                    best.interrupted = True
                    break
        return best

    def _runs(self, data, seed, n_starts, report):
        """Yield the run of each start; on little data some of them go side by side."""

        def run(i, max_iter=self.max_iter):
            start, tol = self._start(data, seed, i), self.tol * data.variance
            return lloyd(data.rows, start, max_iter, tol, report, algorithm=self.algorithm, spherical=self.spherical)

        if not (n_starts > 1 and isinstance(self.init, str) and data.is_small):
            yield from map(run, range(n_starts))
            return
        data.make_ready()
        at_a_time = 2 * torch.get_num_threads()
        for first in range(0, n_starts, at_a_time):
            try:
                yield from on_threads(run, range(first, min(first + at_a_time, n_starts)))
            except KeyboardInterrupt:
                yield replace(run(first, max_iter=1), interrupted=True)
                return

    def _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None):
        """Fit candidates on splits; rows, their hashes and common seeds are made ready once for each split."""
        for split_index, chosen in enumerate(splits):
            X_split = take_rows(X, chosen)
            weight_split = take_rows(sample_weight, chosen)
            members = [clone(self).set_params(**clone(dict(candidate), safe=False)) for candidate in candidates]
            ready: dict[tuple, Prepared] = {}
            # The largest numbers of clusters come first, and leave their seeds to the smaller ones.
            order = sorted(range(len(members)), key=lambda i: -_size_of(members[i]))
            for index in order:
                member = members[index]
                member._check_parameters()
                checked, weight = member._checked_start(X_split, weight_split)
                key = (str(member.device), member.spherical)
                if key not in ready:
                    ready[key] = member._prepared(checked, weight)
                yield index, split_index, member._fit_prepared(checked, ready[key])


def _size_of(member):
    return member.n_clusters if isinstance(member.n_clusters, numbers.Integral) else 0


def _same_clusters(labels, others):
    """Whether two labellings are the same but for the names of the clusters."""
    pairs = np.unique(labels.astype(np.int64) << 32 | others)
    return len(pairs) == len(np.unique(labels)) == len(np.unique(others))
