"""Distance metric learning with side information (MMC)."""

import numpy as np

from skdl.kernels.metric.eigen import leading_factor
from skdl.kernels.metric.graphs import group_scatter
from skdl.kernels.metric.pairs import AllPairs, RootsBetween
from skdl.metric_learning._descent import run
from skdl.metric_learning._docs import share_documentation
from skdl.metric_learning._pairs import PairLearner
from skdl.utils import Interval, resolve_device

__all__ = ["MMC"]


@share_documentation
class MMC(PairLearner):
    """Metric learning for clustering: push apart what belongs apart, while what belongs together stays near.

    Use it before clustering, with pairs of rows that are known to belong together or apart, or with labels of a part of
    the rows. ``diagonal=True`` weighs the columns alone, which is steadier with few pairs.

    Parameters
    ----------
    <n_components>
    diagonal : bool, default=False
        Whether the matrix is diagonal: a weight for each column.
    init : {"identity", "covariance"} or array-like of shape (n_features, n_features), default="identity"
        The matrix to begin with: the identity, the inverse of the covariance, or one that is given.
    reg : float, default=1e-6
        This part of the mean variance among pairs that belong together is added to that of every direction.
    max_iter : int, default=200
        The largest number of iterations of L-BFGS.
    tol : float, default=1e-7
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
        The sum of the distances of the pairs that belong apart, by the whole matrix.

    Raises
    ------
    <errors>

    Warns
    -----
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the best matrix until then.

    See Also
    --------
    ITML : Pairs as well, with bounds on their distances.

    Notes
    -----
    The matrix M maximises the sum of the distances ``sqrt((x_i - x_j)' M (x_i - x_j))`` of the pairs that belong apart,
    while the squared distances of those that belong together add up to 1: a concave problem. ``fit`` takes all pairs of
    rows, by tiles. The diagonal problem of the paper has the same solution up to a factor.

    Both sides scale with M, so that the constraint becomes a quotient, whose logarithm L-BFGS maximises over a square
    factor of M (the roots of the weights where it is diagonal); the paper projects onto the two constraints in turn
    instead, and comes less near to the optimum. The components are the eigenvectors of M times the roots of the
    eigenvalues, the largest first.

    Cost: an evaluation takes ``4 n^2 n_features`` operations, or ``4 n_pairs n_features^2``; memory beyond the data is
    a tile of about 1 MiB a thread, or the differences of the pairs. All ``n_components`` of a search share one
    solution.

    References
    ----------
    Xing, E. P., Ng, A. Y., Jordan, M. I. & Russell, S. (2002). Distance metric learning, with application to clustering
    with side-information. Advances in Neural Information Processing Systems 15, 505-512.
    https://papers.nips.cc/paper/2164-distance-metric-learning-with-application-to-clustering-with-side-information

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import MMC
    >>> X, y = load_iris(return_X_y=True)
    >>> MMC(n_components=2).fit(X, y).transform(X).shape
    (150, 2)
    """

    _constraints = {
        **PairLearner._constraints,
        "diagonal": [bool],
        "reg": [Interval("real", 0, None)],
    }

    def __init__(
        self,
        n_components=None,
        *,
        diagonal=False,
        init="identity",
        reg=1e-6,
        max_iter=200,
        tol=1e-7,
        kernel=None,
        kernel_params=None,
        verbose=0,
        device="auto",
    ):
        self.n_components = n_components
        self.diagonal = diagonal
        self.init = init
        self.reg = reg
        self.max_iter = max_iter
        self.tol = tol
        self.kernel = kernel
        self.kernel_params = kernel_params
        self.verbose = verbose
        self.device = device

    def _learn_pairs(self, X, pairs, together, weight):
        away = X[pairs[:, 0]] - X[pairs[:, 1]]
        near, far = away[together], away[~together]
        often = weight[~together]

        def apart(L):
            mapped = far @ L.T
            lengths = np.linalg.norm(mapped, axis=1)
            pull = np.divide(0.5 * often, lengths, out=np.zeros_like(lengths), where=lengths > 0)
            return lengths @ often, (mapped * pull[:, None]).T @ far

        return self._maximise(X, (near.T * weight[together]) @ near, apart)

    def _learn(self, X, y, weight):
        order = np.argsort(y, kind="stable")
        if y.max() == 0:
            raise ValueError("MMC needs rows of two classes, and y contains only one class. Add rows of another.")
        pairs, local = AllPairs(X[order], resolve_device(self.device)), RootsBetween(y[order])
        near = np.zeros((X.shape[1],) * 2)
        for code in range(y.max() + 1):
            rows = X[y == code]
            near += group_scatter(rows, np.zeros(len(rows), dtype=np.int64))[0] * len(rows)

        def apart(L):
            # Each pair comes from both sides.
            total, half = pairs.loss(L, local)
            return total / 2, half / 2

        return self._maximise(X, near, apart)

    def _maximise(self, X, near, apart):
        """Maximise ``log apart(L) - log(tr(L near L')) / 2``."""
        d = len(near)
        if not near.any():
            raise ValueError("All rows that belong together are in one place: MMC needs some spread among them.")
        near = near + np.eye(d) * (self.reg * np.trace(near) / d)
        start = self._start_matrix(X)
        start = np.sqrt(np.diag(start)) if self.diagonal else leading_factor(start)
        if apart(np.diag(start) if self.diagonal else start)[0] == 0:
            raise ValueError(
                "All rows that belong apart are in one place by the matrix to begin with. Pass another init."
            )

        def function(free):
            L = np.diag(free) if self.diagonal else free
            far, half = apart(L)
            pull = L @ near
            together = (pull * L).sum()
            gradient = pull / together - 2 * half / far
            return np.log(together) / 2 - np.log(far), np.diag(gradient) if self.diagonal else gradient

        found = run(self, function, start)
        L = np.diag(found.L) if self.diagonal else found.L
        L = L / np.sqrt(((L @ near) * L).sum())
        return {
            "components_": leading_factor(L.T @ L),
            "n_iter_": found.n_iter,
            "objective_": float(np.exp(-found.loss)),
        }
