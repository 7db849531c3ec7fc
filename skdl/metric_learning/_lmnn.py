"""Large margin nearest neighbours."""

import numpy as np

from skdl.kernels.metric.impostors import LargeMargin, target_neighbours, triplet_loss
from skdl.metric_learning._base import check_indices
from skdl.metric_learning._descent import MapLearner, run
from skdl.metric_learning._docs import share_documentation
from skdl.utils import Interval, validate_sample_weight

__all__ = ["LMNN"]

# After so many iterations the impostors are looked for again.
ROUND = 15


@share_documentation
class LMNN(MapLearner):
    """Large margin nearest neighbours: the near rows of a class stay near, and other classes keep a margin.

    Use it before nearest neighbours on labelled data of a hundred to a hundred thousand rows; it looks at near rows
    alone, so that classes may have any shape. ``KNeighborsClassifier(metric=LMNN())`` fits it inside. Put the columns
    on comparable scales first: the margin is 1 in squared units of the map.

    Parameters
    ----------
    <n_components>
    n_neighbors : int, default=3
        The number of target neighbours: the nearest rows of the same class by the given columns; all others in smaller
        classes.
    push : float, default=0.5
        The weight of the hinge on impostors; target neighbours are pulled with ``1 - push``.
    <init>
    warm_start : bool, default=False
        Whether ``fit`` goes on from the ``components_`` of the last one.
    max_iter : int, default=100
        The largest number of iterations of L-BFGS.
    tol : float, default=1e-4
        The fit ends when 15 iterations lower the loss by less than this part of it.
    callback : callable or None, default=None
        Called after each iteration with the flat map and the number of iterations.
    <kernel>
    <verbose>
    <random_state>

    Attributes
    ----------
    <attributes>
    n_iter_ : int
        The number of iterations.
    objective_ : float
        The loss, divided by the number of rows, or of triplets.

    Raises
    ------
    <errors>

    Warns
    -----
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the best map until then.

    See Also
    --------
    NCA : Smooth, from all pairs.
    LocalLMNNClassifier : A metric for each class or region.

    Notes
    -----
    With squared distances D after the map, the loss is ``(1 - push) sum_ij D_ij + push sum_ijl [1 + D_ij - D_il]_+``
    over rows i, their target neighbours j and all rows l of other classes. L-BFGS minimises it over the map. Rows of
    other classes within 1.2 times the reach of a row are its candidates for impostors; every 15 iterations all rows
    are compared anew by tiles, and where a row had come in unseen and spoilt the gain, the steps are taken again with
    it. The reported loss is that over all rows.

    Cost: ``2 n^2 n_components`` operations each time that all rows are compared, and ``n_features + n_components`` for
    each candidate in an evaluation; memory beyond a float64 copy of X is 4 bytes a candidate, 256 MiB at most: where
    there are more, they are found anew in each evaluation and not kept.

    References
    ----------
    Weinberger, K. Q. & Saul, L. K. (2009). Distance metric learning for large margin nearest neighbor classification.
    Journal of Machine Learning Research 10, 207-244. https://www.jmlr.org/papers/v10/weinberger09a.html

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import LMNN
    >>> X, y = load_iris(return_X_y=True)
    >>> LMNN(n_components=2).fit(X, y).transform(X).shape
    (150, 2)
    """

    _constraints = {
        **MapLearner._constraints,
        "n_neighbors": [Interval("int", 1, None)],
        "push": [Interval("real", 0, 1, closed="neither")],
    }

    def __init__(
        self,
        n_components=None,
        *,
        n_neighbors=3,
        push=0.5,
        init="auto",
        warm_start=False,
        max_iter=100,
        tol=1e-4,
        callback=None,
        kernel=None,
        kernel_params=None,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.push = push
        self.init = init
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol
        self.callback = callback
        self.kernel = kernel
        self.kernel_params = kernel_params
        self.verbose = verbose
        self.random_state = random_state

    def fit_triplets(self, X, triplets, sample_weight=None):
        """Learn the metric from triplets of rows: each anchor is to be nearer to its positive than to its negative.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The rows.
        triplets : array-like of int of shape (n_triplets, 3)
            The row numbers of anchor, positive and negative. ``init`` may be anything but "lda".
        sample_weight : array-like of shape (n_triplets,), default=None
            How often the hinge of each triplet counts; None counts each once. An anchor and its positive are pulled
            once, whatever the weights.

        Returns
        -------
        self
        """
        X, _, _ = self._begin(X, target=False)
        triplets = check_indices("LMNN", "triplets", triplets, 3, len(X))
        weight = validate_sample_weight(sample_weight, len(triplets))
        weight = np.ones(len(triplets)) if weight is None else weight
        triplets, weight = triplets[weight > 0], weight[weight > 0]
        if self.init == "lda":
            raise ValueError('init="lda" of LMNN needs labels, and triplets have none: take "pca" or "identity".')
        start = self._start(X, np.zeros(len(X), dtype=np.int64))
        X = X - X.mean(axis=0)
        found = run(self, lambda L: triplet_loss(X, triplets, weight, self.push, L), start)
        return self._finish({"components_": found.L, "n_iter_": found.n_iter, "objective_": found.loss})

    def _learn(self, X, y, weight):
        start = self._start(X, y)
        order = np.argsort(y, kind="stable")
        codes, rows = y[order], np.ascontiguousarray((X - X.mean(axis=0))[order])
        edges = np.searchsorted(codes, np.arange(codes[-1] + 2))
        targets = target_neighbours(rows, edges, min(self.n_neighbors, int(np.diff(edges).max()) - 1))
        if not (targets >= 0).any():
            raise ValueError("LMNN found no class with two rows: there is no neighbour to keep near. Add rows.")
        found = run(self, LargeMargin(rows, codes, targets, self.push), start, rounds=ROUND)
        return {"components_": found.L, "n_iter_": found.n_iter, "objective_": found.loss}
