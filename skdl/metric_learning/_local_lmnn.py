"""Large margin nearest neighbours with a metric for each class or region."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.cluster import KMeans
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator
from skdl.kernels.metric.impostors import LargeMargin, target_neighbours
from skdl.kernels.metric.local_margin import LocalMargin, nearest_by_regions
from skdl.metric_learning._base import check_n_components
from skdl.metric_learning._descent import DESCENT_CONSTRAINTS, Starting, run
from skdl.metric_learning._docs import share_documentation
from skdl.metric_learning._lmnn import ROUND
from skdl.utils import Interval, Options, draw_seed, encode_classes, validate_X, validate_X_y

__all__ = ["LocalLMNNClassifier"]


@share_documentation
class LocalLMNNClassifier(ClassifierMixin, Starting, Estimator):
    """Nearest neighbours by local metrics: one for each class, or for each cluster, learnt with large margins.

    Use it where what is near differs from place to place, so that no one metric of :class:`LMNN` serves all of the
    rows, and there are rows enough for several: some hundreds for each metric. It is a classifier and no transformer,
    since no one map of the rows has its distances. Put the columns on comparable scales first.

    Parameters
    ----------
    n_components : int or None, default=None
        The number of rows of each local map; None takes as many as there are columns.
    regions : "class" or int, default="class"
        "class" learns a metric for each class; a number learns one for each of so many clusters that k-means finds.
    n_neighbors : int, default=3
        The number of target neighbours of a row in training, and of rows that vote in prediction.
    push : float, default=0.5
        The weight of the hinge on impostors; target neighbours are pulled with ``1 - push``.
    <init>
    max_iter : int, default=100
        The largest number of iterations of L-BFGS, for the common map and again for the local ones.
    tol : float, default=1e-4
        A descent ends when 15 iterations lower the loss by less than this part of it.
    <verbose>
    <random_state>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    components_ : ndarray of shape (n_regions, n_components, n_features)
        The local maps; the distance from anywhere to a training row x of region r is the length of ``L_r (a - x)``.
    regions_ : ndarray of shape (n_samples,)
        The region of each training row; the position of its class in ``classes_`` for ``regions="class"``.
    common_objective_ : float
        The loss of the one map that the local maps began as, divided by the number of rows.
    objective_ : float
        The loss of the local maps, divided by the number of rows.
    n_iter_ : int
        The number of iterations, of both descents together.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    n_features_in_ : int
        The number of columns.

    Raises
    ------
    <errors>

    Warns
    -----
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the best maps until then.

    See Also
    --------
    LMNN : One metric, as a transformer.

    Notes
    -----
    The distance D_ij to row j is that of the region of j. The loss is that of :class:`LMNN` with these distances:
    ``(1 - push) sum_ij D_ij + push sum_ijl [1 + D_ij - D_il]_+`` over rows i, their target neighbours j by the given
    columns and all rows l of other classes. All maps are learnt together, so that distances of different regions can
    be compared; they begin as the common map of :class:`LMNN`, and so their loss is at most that one's. A query has
    its distance to each training row by the map of that row's region, whatever region the query lies in.

    Cost: as :class:`LMNN`; memory is that of ``n_regions`` maps of all rows, ``n_regions n_samples n_components``
    numbers, and 4 bytes a candidate, 256 MiB at most. Prediction takes ``n_features n_components`` operations for each
    query and region, and a search by brute force.

    References
    ----------
    Weinberger, K. Q. & Saul, L. K. (2008). Fast solvers and efficient implementations for distance metric learning.
    ICML 2008, 1160-1167. https://doi.org/10.1145/1390156.1390302

    Weinberger, K. Q. & Saul, L. K. (2009). Distance metric learning for large margin nearest neighbor classification.
    Journal of Machine Learning Research 10, 207-244. https://www.jmlr.org/papers/v10/weinberger09a.html

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import LocalLMNNClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LocalLMNNClassifier().fit(X, y)
    >>> model.components_.shape
    (3, 4, 4)
    >>> model.predict(X[:2]).tolist()
    [0, 0]
    """

    _constraints = {
        **DESCENT_CONSTRAINTS,
        "n_components": [Interval("int", 1, None), None],
        "regions": [Options("class"), Interval("int", 1, None)],
        "n_neighbors": [Interval("int", 1, None)],
        "push": [Interval("real", 0, 1, closed="neither")],
        "init": [Options(*Starting._starts), np.ndarray, list],
    }

    def __init__(
        self,
        n_components=None,
        *,
        regions="class",
        n_neighbors=3,
        push=0.5,
        init="auto",
        max_iter=100,
        tol=1e-4,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.regions = regions
        self.n_neighbors = n_neighbors
        self.push = push
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X, y):
        """Learn the metrics.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,)
            Their labels.

        Returns
        -------
        self
        """
        self._check_parameters()
        X, y = validate_X_y(self, X, y, order="C")
        classes, y = encode_classes(y, owner=type(self).__name__, min_classes=2)
        check_n_components(self, X.shape[1], "columns of X")
        dtype, X = X.dtype, X.astype(np.float64)
        shift = X.mean(axis=0)
        X = X - shift
        regions = y if self.regions == "class" else self._clusters(X)
        order = np.argsort(y, kind="stable")
        codes, rows = y[order], np.ascontiguousarray(X[order])
        edges = np.searchsorted(codes, np.arange(codes[-1] + 2))
        targets = target_neighbours(rows, edges, min(self.n_neighbors, int(np.diff(edges).max()) - 1))
        if not (targets >= 0).any():
            raise ValueError(
                f"{type(self).__name__} found no class with two rows: there is no neighbour to keep near. Add rows."
            )
        common = run(self, LargeMargin(rows, codes, targets, self.push), self._first_map(X, y), rounds=ROUND)
        maps, loss, n_iter = np.repeat(common.L[None], regions.max() + 1, axis=0), common.loss, common.n_iter
        if not common.interrupted:
            found = run(self, LocalMargin(rows, codes, regions[order], targets, self.push), maps, rounds=ROUND)
            maps, loss, n_iter = found.L, found.loss, n_iter + found.n_iter
        self.classes_, self._codes, self._rows, self._shift = classes, y, X, shift
        self.regions_, self.components_ = regions, maps.astype(dtype)
        self.common_objective_, self.objective_, self.n_iter_ = common.loss, loss, n_iter
        return self

    def _clusters(self, X) -> np.ndarray:
        """Return the cluster of each row; none is empty."""  # (n,)
        if self.regions > len(X):
            raise ValueError(
                f"regions={self.regions} of {type(self).__name__} is more than the {len(X)} rows of X; lower it."
            )
        clusters = KMeans(self.regions, n_init=4, random_state=draw_seed(self.random_state) % 2**32)
        return np.unique(clusters.fit_predict(X), return_inverse=True)[1].astype(np.int64)

    def kneighbors(self, X, n_neighbors=None):
        """Find the nearest training rows of queries by the local metrics.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_queries, n_features)
            The queries.
        n_neighbors : int or None, default=None
            How many; None takes ``n_neighbors`` of the model, or all rows where there are fewer.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            In increasing order, ties by index.
        indices : ndarray of shape (n_queries, n_neighbors)
            The numbers of the training rows.
        """
        check_is_fitted(self)
        X = validate_X(self, X).astype(np.float64) - self._shift
        n_rows = len(self._rows)
        k = min(self.n_neighbors, n_rows) if n_neighbors is None else n_neighbors
        if not isinstance(k, int | np.integer) or not 1 <= k <= n_rows:
            raise ValueError(f"n_neighbors must be an int from 1 to {n_rows}, the number of training rows; got {k!r}.")
        return nearest_by_regions(self.components_.astype(np.float64), self._rows, self.regions_, X, int(k))

    def predict_proba(self, X):
        """Return the share of the votes that each class gets.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_queries, n_features)
            The queries.

        Returns
        -------
        ndarray of shape (n_queries, n_classes)
        """
        indices = self.kneighbors(X)[1]
        votes = self._codes[indices]  # (m, k)
        n_classes = len(self.classes_)
        cells = votes + n_classes * np.arange(len(votes))[:, None]
        return np.bincount(cells.ravel(), minlength=votes.shape[0] * n_classes).reshape(-1, n_classes) / votes.shape[1]

    def predict(self, X):
        """Return the class of most votes, the first one of several.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_queries, n_features)
            The queries.

        Returns
        -------
        ndarray of shape (n_queries,)
        """
        winners = self.predict_proba(X).argmax(axis=1)
        return self.classes_[winners]

    def get_mahalanobis_matrix(self):
        """Return the matrices of the local metrics.

        Returns
        -------
        ndarray of shape (n_regions, n_features, n_features)
            ``M_r = L_r' L_r`` for each region.
        """
        check_is_fitted(self)
        return self.components_.transpose(0, 2, 1) @ self.components_
