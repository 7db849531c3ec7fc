"""Information-theoretic metric learning."""

import numpy as np

from skdl.kernels.metric.bregman import project
from skdl.kernels.metric.eigen import leading_factor
from skdl.metric_learning._docs import share_documentation
from skdl.metric_learning._pairs import PairLearner, draw_pairs
from skdl.utils import Interval, draw_seed

__all__ = ["ITML"]


@share_documentation
class ITML(PairLearner):
    """Information-theoretic metric learning: bounds on distances of pairs, met by the nearest matrix to a first one.

    Use it where pairs of rows are known to belong together or apart, above all where there are few of them and the
    metric to begin with is already good. Put the columns on comparable scales first.

    Parameters
    ----------
    <n_components>
    init : {"identity", "covariance"} or array-like of shape (n_features, n_features), default="identity"
        The matrix to stay near to: the identity, the inverse of the covariance, or one that is given. It must be
        positive definite.
    gamma : float, default=1.0
        How dear it is to miss a bound; larger values stay less near to the first matrix. It is worth a search from
        0.01 to 10.
    bounds : tuple of two floats or None, default=None
        The largest squared distance of rows that belong together and the smallest of those that do not. None takes the
        5th and the 95th percentile of the squared distances of the pairs by the first matrix.
    n_pairs : int or None, default=None
        The number of pairs of each kind that ``fit`` draws from labels; None draws ``10 * n_classes**2``.
    max_iter : int, default=1000
        The largest number of passes over the pairs.
    tol : float, default=1e-3
        Passes end when the multipliers change by less than this part of them.
    <kernel>
    <random_state>

    Attributes
    ----------
    <attributes>
    bounds_ : ndarray of shape (2,)
        The two bounds.
    n_iter_ : int
        The number of passes.

    Raises
    ------
    <errors>

    See Also
    --------
    MMC : Pairs as well, without bounds and without a first matrix.

    Notes
    -----
    The matrix minimises the LogDet divergence to the first one, plus ``gamma`` times that of the bounds that it meets
    to those that were asked for, by cyclic projections; it stays positive definite without any eigendecomposition. The
    components are its eigenvectors times the roots of the eigenvalues, the largest first.

    The step of a projection is ``gamma / (gamma + 1) * (1 / p - 1 / xi)``, which solves the projection with slack for
    every ``gamma``; line 3.4 of the paper's algorithm, ``(1 / p - gamma / xi) / 2``, is the same for ``gamma=1`` alone.

    Cost: ``4 n_features^2`` operations for each pair and pass; memory is the differences of the pairs and a few
    ``n_features^2`` matrices. All ``n_components`` of a search share one solution.

    References
    ----------
    Davis, J. V., Kulis, B., Jain, P., Sra, S. & Dhillon, I. S. (2007). Information-theoretic metric learning. ICML
    2007, 209-216. https://doi.org/10.1145/1273496.1273523

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import ITML
    >>> X, y = load_iris(return_X_y=True)
    >>> ITML(n_components=2, random_state=0).fit(X, y).transform(X).shape
    (150, 2)
    """

    _constraints = {
        **{name: value for name, value in PairLearner._constraints.items() if name != "verbose"},
        "gamma": [Interval("real", 0, None, closed="neither")],
        "bounds": [tuple, list, None],
        "n_pairs": [Interval("int", 1, None), None],
    }

    def __init__(
        self,
        n_components=None,
        *,
        init="identity",
        gamma=1.0,
        bounds=None,
        n_pairs=None,
        max_iter=1000,
        tol=1e-3,
        kernel=None,
        kernel_params=None,
        random_state=None,
    ):
        self.n_components = n_components
        self.init = init
        self.gamma = gamma
        self.bounds = bounds
        self.n_pairs = n_pairs
        self.max_iter = max_iter
        self.tol = tol
        self.kernel = kernel
        self.kernel_params = kernel_params
        self.random_state = random_state

    def _learn(self, X, y, weight):
        n_pairs = self.n_pairs or 10 * (y.max() + 1) ** 2
        pairs, together = draw_pairs("ITML", y, n_pairs, draw_seed(self.random_state))
        return self._learn_pairs(X, pairs, together, np.ones(len(pairs)))

    def _learn_pairs(self, X, pairs, together, weight):
        M = self._start_matrix(X)
        away = X[pairs[:, 0]] - X[pairs[:, 1]]
        squares = np.einsum("if,fg,ig->i", away, M, away, optimize=True)
        # Copies have no direction: no matrix moves them.
        kept = squares > 0
        if not kept.any():
            raise ValueError("The rows of all pairs are in one place, so that there is nothing to learn from.")
        bounds = self._bounds(squares[kept])
        signs = np.where(together[kept], 1.0, -1.0)
        asked = np.where(together[kept], bounds[0], bounds[1])
        M = np.ascontiguousarray(M)
        # A pair that is there so many times pays for its slack so many times.
        gamma = self.gamma * weight[kept]
        n_iter = project(M, np.ascontiguousarray(away[kept]), signs, asked, gamma, self.max_iter, self.tol)
        return {"components_": leading_factor(M), "bounds_": bounds, "n_iter_": int(n_iter)}

    def _bounds(self, squares) -> np.ndarray:
        bounds = np.percentile(squares, [5, 95]) if self.bounds is None else np.asarray(self.bounds, dtype=float)
        if bounds.shape != (2,) or not 0 < bounds[0] <= bounds[1] < np.inf:
            raise ValueError(
                f"bounds of ITML must be two positive numbers, the smaller one first; got {self.bounds!r}."
            )
        return bounds
