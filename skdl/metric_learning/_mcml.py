"""Maximally collapsing metric learning."""

import numpy as np

from skdl.kernels.metric.eigen import leading_factor
from skdl.kernels.metric.graphs import group_scatter
from skdl.kernels.metric.pairs import AllPairs, LogPartition
from skdl.metric_learning._descent import MatrixLearner, run
from skdl.metric_learning._docs import share_documentation
from skdl.utils import resolve_device

__all__ = ["MCML"]


@share_documentation
class MCML(MatrixLearner):
    """Maximally collapsing metric learning: draw each class towards a point, and classes apart.

    Use it where classes have one centre each: its problem is convex, so that the start does not matter, and few
    directions of its matrix serve well for plots and nearest neighbours. Put the columns on comparable scales first.

    Parameters
    ----------
    <n_components>
    init : {"identity", "covariance"} or array-like of shape (n_features, n_features), default="identity"
        The matrix to begin with: the identity, the inverse of the covariance, or one that is given.
    max_iter : int, default=100
        The largest number of iterations of L-BFGS.
    tol : float, default=1e-5
        The tolerance of L-BFGS.
    <kernel>
    <verbose>
    <device>

    Attributes
    ----------
    <attributes>
    n_iter_ : int
        The number of iterations.
    objective_ : float
        The mean Kullback-Leibler divergence of the whole matrix.

    Raises
    ------
    <errors>

    Warns
    -----
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the best matrix until then.

    See Also
    --------
    NCA : Asks for one neighbour of the same class, not for all.

    Notes
    -----
    Row i picks row j with odds ``exp(-(x_i - x_j)' M (x_i - x_j))``. The mean over rows of the divergence from these
    probabilities of the ideal ones, which are equal for all other rows of the class and zero for the rest, is convex in
    M. It is minimised by L-BFGS over a square factor of M, which has no other minima; the components are the
    eigenvectors of M times the roots of the eigenvalues, the largest first. Classes of one row count for the others
    only.

    Cost: an evaluation takes ``4 n^2 n_features`` operations and ``n^2`` exponentials; memory beyond the data is a tile
    of about 1 MiB a thread and a few ``n_features^2`` matrices. All ``n_components`` of a search share one solution.

    References
    ----------
    Globerson, A. & Roweis, S. (2005). Metric learning by collapsing classes. Advances in Neural Information Processing
    Systems 18, 451-458. https://papers.nips.cc/paper/2947-metric-learning-by-collapsing-classes

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import MCML
    >>> X, y = load_iris(return_X_y=True)
    >>> MCML(n_components=2).fit(X, y).transform(X).shape
    (150, 2)
    """

    def __init__(
        self,
        n_components=None,
        *,
        init="identity",
        max_iter=100,
        tol=1e-5,
        kernel=None,
        kernel_params=None,
        verbose=0,
        device="auto",
    ):
        self.n_components = n_components
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.kernel = kernel
        self.kernel_params = kernel_params
        self.verbose = verbose
        self.device = device

    def _learn(self, X, y, weight):
        pairs = AllPairs(X, resolve_device(self.device))
        start = self._start_factor(X)
        together, ideal, counted = np.zeros((X.shape[1],) * 2), 0.0, np.zeros(len(X))
        for code in range(y.max() + 1):
            rows = y == code
            size = int(rows.sum())
            if size > 1:
                counted[rows] = 1.0
                ideal -= size * np.log(size - 1)
                scatter, _ = group_scatter(X[rows], np.zeros(size, dtype=np.int64))
                together += scatter * (2 * size / (size - 1))
        if not counted.any():
            raise ValueError("MCML found no class with two rows: there is nothing to draw together. Add rows.")
        n, local = counted.sum(), LogPartition(pairs.tensor(counted))

        def function(L):
            loss, half = pairs.loss(L, local)
            pull = L @ together
            return (loss + (pull * L).sum() + ideal) / n, 2 * (half + pull) / n

        found = run(self, function, start)
        return {
            "components_": leading_factor(found.L.T @ found.L),
            "n_iter_": found.n_iter,
            "objective_": found.loss,
        }
