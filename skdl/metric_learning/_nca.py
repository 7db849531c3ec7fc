"""Neighbourhood components analysis."""

import numpy as np

from skdl.kernels.metric.pairs import AllPairs, NeighbourOdds
from skdl.metric_learning._descent import MapLearner, run
from skdl.metric_learning._docs import share_documentation

__all__ = ["NCA"]


@share_documentation
class NCA(MapLearner):
    """Neighbourhood components analysis: a linear map in which a random neighbour tends to be of the same class.

    Use it before nearest neighbours, or to draw labelled data in two or three dimensions, for up to some ten thousand
    rows. It is :class:`sklearn.neighbors.NeighborhoodComponentsAnalysis` with the same objective, computed several
    times faster and in bounded memory. Put the columns on comparable scales first.

    Parameters
    ----------
    <n_components>
    <init>
    warm_start : bool, default=False
        Whether ``fit`` goes on from the ``components_`` of the last one.
    max_iter : int, default=50
        The largest number of iterations of L-BFGS.
    tol : float, default=1e-5
        The tolerance of L-BFGS.
    callback : callable or None, default=None
        Called after each iteration with the flat map and the number of iterations.
    <kernel>
    <verbose>
    <random_state>
    <device>

    Attributes
    ----------
    <attributes>
    n_iter_ : int
        The number of iterations.
    objective_ : float
        The expected number of training rows whose random neighbour is of their class.

    Raises
    ------
    <errors>

    Warns
    -----
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the best map until then.

    See Also
    --------
    LMNN : Looks at near rows alone, and takes more rows.

    Notes
    -----
    Row i picks row j as its neighbour with odds ``exp(-|L (x_i - x_j)|^2)``; the sum over rows of the probability to
    pick one of the same class is maximised, by L-BFGS from the start that ``init`` names.

    Cost: an evaluation takes ``2 n^2 (n_components + min(n_features, 2 n_components))`` operations and ``n^2``
    exponentials; memory beyond the data is a tile of about 1 MiB a thread and a few ``n_features^2`` matrices, never
    ``n^2``.

    Differences from scikit-learn: ``n_iter_`` counts iterations, not evaluations; the map is computed in float64
    whatever X is, and has the type of X; of the evaluations the best is kept; collinear columns do not make the "lda"
    start warn; a kernel and a device may be chosen.

    References
    ----------
    Goldberger, J., Roweis, S., Hinton, G. & Salakhutdinov, R. (2004). Neighbourhood components analysis. Advances in
    Neural Information Processing Systems 17, 513-520.
    https://papers.nips.cc/paper/2566-neighbourhood-components-analysis

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import NCA
    >>> X, y = load_iris(return_X_y=True)
    >>> NCA(n_components=2).fit(X, y).transform(X).shape
    (150, 2)
    """

    def __init__(
        self,
        n_components=None,
        *,
        init="auto",
        warm_start=False,
        max_iter=50,
        tol=1e-5,
        callback=None,
        kernel=None,
        kernel_params=None,
        verbose=0,
        random_state=None,
        device="auto",
    ):
        self.n_components = n_components
        self.init = init
        self.warm_start = warm_start
        self.max_iter = max_iter
        self.tol = tol
        self.callback = callback
        self.kernel = kernel
        self.kernel_params = kernel_params
        self.verbose = verbose
        self.random_state = random_state
        self.device = device

    def _learn(self, X, y, weight):
        device = self._device()
        start = self._start(X, y)
        order = np.argsort(y, kind="stable")
        pairs, local = AllPairs(X[order], device), NeighbourOdds(y[order])

        def function(L):
            loss, half = pairs.loss(L, local)
            return loss, 2 * half

        found = run(self, function, start)
        return {"components_": found.L, "n_iter_": found.n_iter, "objective_": -found.loss}
