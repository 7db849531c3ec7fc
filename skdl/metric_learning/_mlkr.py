"""Metric learning for kernel regression."""

from skdl.kernels.metric.pairs import AllPairs, KernelResiduals
from skdl.metric_learning._descent import MapLearner, run
from skdl.metric_learning._docs import share_documentation
from skdl.utils import Options

__all__ = ["MLKR"]


@share_documentation
class MLKR(MapLearner):
    """Metric learning for kernel regression: a linear map in which near rows have like targets.

    Use it before nearest-neighbour or kernel regression (``KernelRegressor(bandwidth=1 / sqrt(2))`` after it predicts
    with the kernel that it was learnt for), or to draw data with a number for a target. Put the columns on comparable
    scales first.

    Parameters
    ----------
    <n_components>
    <init regression>
    warm_start : bool, default=False
        Whether ``fit`` goes on from the ``components_`` of the last one.
    max_iter : int, default=100
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
        The mean squared error on the training rows, each left out of its own prediction, as a part of the variance of
        y.

    Raises
    ------
    <errors>

    Warns
    -----
    InterruptedFitWarning
        If Ctrl-C ended the fit; the model holds the best map until then.

    See Also
    --------
    NCA : The same for classes.

    Notes
    -----
    The prediction for row i is the mean of the other targets with weights ``exp(-|L (x_i - x_j)|^2)``, and the mean of
    its squared errors is minimised by L-BFGS. Targets are brought to variance 1, so that ``tol`` does not depend on
    their unit.

    Cost: an evaluation takes ``2 n^2 (n_components + min(n_features, 2 n_components))`` operations and ``n^2``
    exponentials; memory beyond the data is a tile of about 1 MiB a thread and a few ``n_features^2`` matrices.

    References
    ----------
    Weinberger, K. Q. & Tesauro, G. (2007). Metric learning for kernel regression. Proceedings of Machine Learning
    Research 2 (AISTATS), 612-619. https://proceedings.mlr.press/v2/weinberger07a.html

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.metric_learning import MLKR
    >>> X, y = load_diabetes(return_X_y=True)
    >>> MLKR(n_components=2).fit(X, y).transform(X).shape
    (442, 2)
    """

    _target = "numbers"
    _starts = ("auto", "pca", "identity", "random")
    _constraints = {**MapLearner._constraints, "init": [Options(*_starts), *MapLearner._constraints["init"][1:]]}

    def __init__(
        self,
        n_components=None,
        *,
        init="auto",
        warm_start=False,
        max_iter=100,
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
        pairs = AllPairs(X, device)
        spread = y.std()
        target = (y - y.mean()) / (spread if spread > 0 else 1.0)
        local = KernelResiduals(pairs.tensor(target.astype(float)))

        def function(L):
            loss, half = pairs.loss(L, local)
            return loss / len(X), 2 * half / len(X)

        found = run(self, function, start)
        return {"components_": found.L, "n_iter_": found.n_iter, "objective_": found.loss}
