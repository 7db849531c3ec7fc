"""Locality preserving projections."""

from skdl.kernels.metric.eigen import ratio_directions
from skdl.kernels.metric.graphs import heat_graph
from skdl.metric_learning._base import SharedLearner
from skdl.metric_learning._docs import share_documentation
from skdl.utils import Interval, Options

__all__ = ["LPP"]


@share_documentation
class LPP(SharedLearner):
    """Locality preserving projections: a linear map that keeps neighbours near each other.

    Use it without labels, where principal components lose the neighbourhoods that matter because large variance lies
    elsewhere: the linear sister of Laplacian eigenmaps (:class:`sklearn.manifold.SpectralEmbedding`), which maps new
    rows as well.

    Parameters
    ----------
    n_components : int or None, default=2
        The number of columns after ``transform``; None keeps as many as come in.
    n_neighbors : int, default=5
        The number of neighbours that each row is joined to; all others where there are fewer.
    weights : {"heat", "binary"}, default="heat"
        Whether an edge weighs ``exp(-distance^2 / bandwidth)`` or 1.
    bandwidth : float or None, default=None
        The scale of the heat kernel, in squared units of X; None takes the mean squared distance of neighbours.
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
    NPE : Keeps the weights by which neighbours make up a row.

    Notes
    -----
    With W the weights of the edges and D their sums, the components minimise ``a' X' (D - W) X a`` with
    ``a' X' D X a = 1``, the smallest first. Rows are centred by their mean with weights D, which takes away the
    solution that maps all rows to one point. Directions in which the rows do not differ get a zero component, last.
    ``y`` is ignored.

    Cost: a neighbour search (at most ``n^2 d`` operations, by tiles), ``n k d + n d^2 + d^3``; memory is a float64 copy
    of X and the graph. All ``n_components`` of a search share one solution.

    References
    ----------
    He, X. & Niyogi, P. (2003). Locality preserving projections. Advances in Neural Information Processing Systems 16.
    https://papers.nips.cc/paper/2359-locality-preserving-projections

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.metric_learning import LPP
    >>> X, _ = load_iris(return_X_y=True)
    >>> LPP(n_components=2).fit(X).transform(X).shape
    (150, 2)
    """

    _target = None
    _constraints = {
        **SharedLearner._constraints,
        "n_neighbors": [Interval("int", 1, None)],
        "weights": [Options("heat", "binary")],
        "bandwidth": [Interval("real", 0, None, closed="neither"), None],
        "reg": [Interval("real", 0, None)],
    }

    def __init__(
        self,
        n_components=2,
        *,
        n_neighbors=5,
        weights="heat",
        bandwidth=None,
        reg=1e-9,
        kernel=None,
        kernel_params=None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.bandwidth = bandwidth
        self.reg = reg
        self.kernel = kernel
        self.kernel_params = kernel_params

    def _learn(self, X, y, weight):
        graph = heat_graph(X, min(self.n_neighbors, len(X) - 1), self.bandwidth, self.weights == "binary")
        degree = graph.sum(axis=1)
        X = X - degree @ X / degree.sum()
        spread = (X.T * degree) @ X
        rough = spread - X.T @ (graph @ X)
        return {"components_": ratio_directions(rough, spread, spread, largest=False, reg=self.reg)[1]}
