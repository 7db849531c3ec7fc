"""Neighbourhood preserving embedding."""

from skdl.kernels.metric.eigen import ratio_directions
from skdl.kernels.metric.graphs import barycenters
from skdl.metric_learning._base import SharedLearner
from skdl.metric_learning._docs import share_documentation
from skdl.utils import Interval

__all__ = ["NPE"]


@share_documentation
class NPE(SharedLearner):
    """Neighbourhood preserving embedding: a linear map in which neighbours make up a row as they did before.

    Use it without labels, to reduce data that lie near a bent surface: the linear sister of
    :class:`sklearn.manifold.LocallyLinearEmbedding`, which maps new rows as well.

    Parameters
    ----------
    n_components : int or None, default=2
        The number of columns after ``transform``; None keeps as many as come in.
    n_neighbors : int, default=5
        The number of neighbours that make up each row; all others where there are fewer.
    weight_reg : float, default=1e-3
        This part of the trace of the Gram matrix of a row's neighbours is added to its diagonal.
    reg : float, default=1e-9
        This part of the mean variance is added to that of every direction.
    <kernel>

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    LPP : Keeps neighbours near each other.

    Notes
    -----
    With W the weights by which its neighbours come nearest to each row and ``M = (I - W)' (I - W)``, the components
    minimise ``a' X' M X a`` with ``a' X' X a = 1`` for centred X, the smallest first. Directions in which the rows do
    not differ get a zero component, last. ``y`` is ignored.

    Cost: a neighbour search (at most ``n^2 d`` operations, by tiles), ``n (k^2 d + k^3) + n d^2 + d^3``; memory is a
    float64 copy of X and the graph. All ``n_components`` of a search share one solution.

    References
    ----------
    He, X., Cai, D., Yan, S. & Zhang, H.-J. (2005). Neighborhood preserving embedding. ICCV 2005, 1208-1213.
    https://doi.org/10.1109/ICCV.2005.167

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import NPE
    >>> X, _ = load_iris(return_X_y=True)
    >>> NPE(n_components=2).fit(X).transform(X).shape
    (150, 2)
    """

    _target = None
    _constraints = {
        **SharedLearner._constraints,
        "n_neighbors": [Interval("int", 1, None)],
        "weight_reg": [Interval("real", 0, None, closed="neither")],
        "reg": [Interval("real", 0, None)],
    }

    def __init__(self, n_components=2, *, n_neighbors=5, weight_reg=1e-3, reg=1e-9, kernel=None, kernel_params=None):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.weight_reg = weight_reg
        self.reg = reg
        self.kernel = kernel
        self.kernel_params = kernel_params

    def _learn(self, X, y, weight):
        X = X - X.mean(axis=0)
        left = X - barycenters(X, min(self.n_neighbors, len(X) - 1), self.weight_reg) @ X
        spread = X.T @ X
        return {"components_": ratio_directions(left.T @ left, spread, spread, largest=False, reg=self.reg)[1]}
