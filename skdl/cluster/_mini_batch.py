"""K-means on small batches of rows."""

import warnings

import numpy as np
import scipy.sparse as sp

from skdl.cluster._base import BaseKMeans, Prepared
from skdl.exceptions import InterruptedFitWarning
from skdl.kernels.compiled_rows import dense_rows
from skdl.kernels.lloyd import on_sphere
from skdl.kernels.rows import Rows, SparseRows
from skdl.kernels.seeding import Walk, at_random, row_hashes, uniforms
from skdl.utils import Interval, draw_seed, progress, validate_sample_weight

__all__ = ["MiniBatchKMeans"]


class MiniBatchKMeans(BaseKMeans):
    """K-means that moves its centres after each small batch of rows.

    Use it where :class:`KMeans` takes too long, or where the rows come in pieces (``partial_fit``). The inertia is a
    little higher.

    Parameters
    ----------
    n_clusters : int, default=8
        The number of clusters.
    init : {"k-means++", "k-means||", "random"}, callable or array-like of shape (n_clusters, n_features), \
            default="k-means++"
        The first centres, as in :class:`KMeans`, of ``init_size`` rows drawn at random.
    max_iter : int, default=100
        The largest number of passes over the data.
    batch_size : int, default=1024
        The number of rows in a batch.
    verbose : int, default=0
        Positive values show a progress bar.
    compute_labels : bool, default=True
        Whether ``labels_`` and ``inertia_`` are computed for all the rows at the end.
    random_state : int, RandomState instance or None, default=None
        The seed of the starts, the batches and the reassignments.
    tol : float, default=0.0
        Stop when the squared moves of the centres after a batch add up to less than this part of the columns' mean
        variance; 0 does not look at it.
    max_no_improvement : int or None, default=10
        Stop after so many batches in a row that did not lower the smoothed inertia; None does not look at it.
    init_size : int or None, default=None
        The number of rows that the first centres are chosen from; None means three batches, and at least three rows
        for each cluster.
    n_init : "auto" or int, default="auto"
        The number of starts, of which the one with the least inertia on a sample is taken; ``"auto"`` means 1 for
        ``"k-means++"``, ``"k-means||"`` and an array, 3 for others.
    reassignment_ratio : float, default=0.01
        A centre with less than this part of the largest centre's weight is now and then moved to a row drawn at random.
    spherical : bool, default=False
        Whether rows and centres are brought to length one, so that clusters are of like direction.
    device : str or torch.device, default="auto"
        Where to compute: ``"auto"`` takes CUDA where there is a device, else the CPU.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        The centres.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    inertia_ : float
        The weighted sum of the squared distances to the nearest centre, with ``compute_labels``.
    labels_ : ndarray of shape (n_samples,), int32
        The cluster of each sample (of the last piece after ``partial_fit``), with ``compute_labels``.
    n_features_in_ : int
        The number of columns.
    n_iter_ : int
        The number of passes over the data, begun ones included; only after ``fit``.
    n_steps_ : int
        The number of batches.

    Raises
    ------
    ValueError
        If X holds NaN or infinity or has fewer rows than ``n_clusters``, or a parameter is out of its range.

    Warns
    -----
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the centres reached until then.

    See Also
    --------
    KMeans : All the rows in every iteration.

    Notes
    -----
    Cost: ``batch_size * d * n_clusters`` multiplications a batch; memory beyond the data is that of some batches.

    Differences from scikit-learn: rows are drawn in an order that their contents decide, so that weights equal
    repetition and the order of rows does not matter to ``fit``; after a batch a centre is the weighted mean of all the
    rows it has been given so far, as there.

    References
    ----------
    Sculley, D. (2010). Web-scale k-means clustering. WWW '10, 1177-1178. https://doi.org/10.1145/1772690.1772862

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.cluster import MiniBatchKMeans
    >>> X, _ = load_digits(return_X_y=True)
    >>> MiniBatchKMeans(n_clusters=10, random_state=0).fit(X).cluster_centers_.shape
    (10, 64)
    """

    _default_starts = 3
    _constraints = {
        **BaseKMeans._constraints,
        "batch_size": [Interval("int", 1, None)],
        "compute_labels": [bool],
        "max_no_improvement": [None, Interval("int", 0, None)],
        "init_size": [None, Interval("int", 1, None)],
        "reassignment_ratio": [Interval("real", 0, None)],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        init="k-means++",
        max_iter=100,
        batch_size=1024,
        verbose=0,
        compute_labels=True,
        random_state=None,
        tol=0.0,
        max_no_improvement=10,
        init_size=None,
        n_init="auto",
        reassignment_ratio=0.01,
        spherical=False,
        device="auto",
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio
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
        data = self._prepared(X, weight)
        rows = data.rows
        self._begin(data, draw_seed(self.random_state))
        # A pass is as long as the weights say, so that repeated rows and weights take the same steps.
        total = _total(rows)
        batch = min(self.batch_size, total)
        n_steps = max(1, self.max_iter * total // batch)
        watch = _Watch(self.max_no_improvement, min(1.0, 2.0 * batch / (total + 1)))
        interrupted = False
        self.n_steps_ = 0
        with progress(total=n_steps, desc="MiniBatchKMeans", unit="batch", verbose=self.verbose) as bar:
            try:
                while self.n_steps_ < n_steps:
                    numbers = uniforms(self._seed, "batch", self.n_steps_, n=batch)
                    drawn = data.walk.draw_many(rows.no_weight, numbers)
                    inertia, moved = self._step(rows.points(drawn), np.ones(len(drawn)), rows)
                    bar.update()
                    if watch.says_stop(inertia / batch) or (self.tol > 0 and moved <= self.tol * data.variance):
                        break
            except KeyboardInterrupt:
                interrupted = True
        self.n_iter_ = max(1, -(-self.n_steps_ * batch // total))
        self._conclude(X, weight, rows)
        if interrupted:
            warnings.warn(
                f"MiniBatchKMeans was interrupted after {self.n_steps_} batches; the model holds the centres reached "
                "until then.",
                InterruptedFitWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(self, X, y=None, sample_weight=None):
        """Move the centres by one batch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The samples of the batch.
        y : object, default=None
            Ignored; here for the sake of pipelines.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        self
        """
        self._check_parameters()
        first = not hasattr(self, "cluster_centers_")
        if first:
            X, weight = self._checked_start(X, sample_weight)
            data = self._prepared(X, weight)
            rows = data.rows
            self._begin(data, draw_seed(self.random_state))
            self.n_steps_ = 0
        else:
            X = self._checked(X)
            weight = validate_sample_weight(sample_weight, X.shape[0])
            rows = self._prepared(X, weight).rows
            self._centers = rows.to_tile_space(self.cluster_centers_).astype(np.float64)
        self._step(rows.points(slice(None)), rows.no_weight, rows)
        self._conclude(X, weight, rows)
        return self

    def _begin(self, data: Prepared, seed: int):
        """Choose the first centres from a sample of the rows, the best of some starts by another sample."""
        self._seed = seed
        size = max(self.init_size or 3 * self.batch_size, 3 * self.n_clusters)
        best = np.inf
        for i in range(self._number_of_starts()):
            sample, valid = (_sample_of(data, uniforms(seed, purpose, i, n=size)) for purpose in ("sample", "validate"))
            centers = self._start(sample, seed, i)
            labels = np.empty(valid.rows.n, dtype=np.int32)
            valid.rows.assign(centers, labels)
            inertia = valid.rows.inertia(centers, labels)
            if i == 0 or inertia < best:
                best, self._centers = inertia, centers.astype(np.float64)
        self._counts = np.zeros(self.n_clusters)
        self._since_reassignment = 0.0

    def _step(self, batch, weight, rows):
        """Move the centres by some rows in tile space; return their inertia and how far the centres moved."""
        here = Rows(batch, weight, np.zeros(rows.d), 0, rows.device)
        centers = self._centers.astype(rows.dtype)
        labels = np.empty(here.n, dtype=np.int32)
        sums, weights = here.assign(centers, labels, sums=True)
        inertia = here.inertia(centers, labels)
        before = self._counts.copy()
        self._counts += weights
        there = weights > 0
        share = (weights[there] / self._counts[there])[:, None]
        new = self._centers.copy()
        new[there] += share * (sums[there] / weights[there, None] - new[there])
        self._reassign(batch, weight, new, before)
        if self.spherical:
            new = on_sphere(new)
        moved = float(((new - self._centers) ** 2).sum())
        self._centers = new
        self.n_steps_ += 1
        return inertia, moved

    def _reassign(self, batch, weight, centers, before):
        """Now and then move centres that hardly any row has chosen to rows of the batch."""
        self._since_reassignment += weight.sum()
        due = (before == 0).any() or self._since_reassignment >= 10 * self.n_clusters
        if not due or self.reassignment_ratio == 0:
            return
        self._since_reassignment = 0.0
        weak = np.flatnonzero(self._counts < self.reassignment_ratio * self._counts.max())
        # At most half the rows of the batch become centres, the weakest first.
        weak = weak[np.argsort(self._counts[weak], kind="stable")][: len(batch) // 2]
        if len(weak):
            walk = Walk(row_hashes(batch))
            centers[weak] = batch[at_random(walk, weight, len(weak), self._seed, self.n_steps_, 1)]
            strong = np.ones(len(self._counts), dtype=bool)
            strong[weak] = False
            # Not so small that they would be moved again at once.
            self._counts[weak] = self._counts[strong].min()

    def _conclude(self, X, weight, rows):
        self.cluster_centers_ = rows.from_tile_space(self._centers)
        del self._centers
        for name in ("labels_", "inertia_"):
            if hasattr(self, name):
                delattr(self, name)
        if self.compute_labels:
            there, centers = self._beside_centers(X, weight)
            self.labels_ = np.empty(there.n, dtype=np.int32)
            there.assign(centers, self.labels_)
            self.inertia_ = there.squared_unit(there.inertia(centers, self.labels_))


def _total(rows) -> int:
    """How many rows there are, a row of weight two counted twice."""
    return rows.n if rows.weight is None else max(1, int(np.ceil(rows.weight.sum())))


def _sample_of(data: Prepared, numbers) -> Prepared:
    """A sample of rows, or all of them where the sample would be as large."""
    rows = data.rows
    if len(numbers) >= _total(rows):
        return data
    X = rows.X[data.walk.draw_many(rows.no_weight, numbers)]
    sample: Rows
    if sp.issparse(X):
        sample = SparseRows(X, None, rows.device)
    else:
        sample = dense_rows(X, None, rows.shift, rows.exponent, rows.device)
    return Prepared(sample, data.variance, all_rows=False)


class _Watch:
    """Says when the inertia of the batches, smoothed, has not fallen for some time."""

    def __init__(self, patience, alpha):
        self.patience, self.alpha = patience, alpha
        self.smoothed = self.least = None
        self.first, self.since = True, 0

    def says_stop(self, inertia) -> bool:
        if self.first:  # the inertia of the start says nothing
            self.first = False
            return False
        self.smoothed = inertia if self.smoothed is None else self.smoothed + self.alpha * (inertia - self.smoothed)
        if self.least is None or self.smoothed < self.least:
            self.least, self.since = self.smoothed, 0
        else:
            self.since += 1
        return self.patience is not None and self.since >= self.patience
