"""Local Fisher discriminant analysis."""

import numpy as np

from skdl.kernels.metric.eigen import ratio_directions
from skdl.kernels.metric.graphs import group_scatter, local_scatter
from skdl.metric_learning._base import SharedLearner, WeightedLearner
from skdl.metric_learning._docs import share_documentation
from skdl.utils import Interval, Options

__all__ = ["LFDA"]


@share_documentation
class LFDA(WeightedLearner, SharedLearner):
    """Local Fisher discriminant analysis: part classes, keep near rows of a class near and leave far ones alone.

    Use it to reduce labelled data to a few columns for nearest neighbours or a plot, above all where a class consists
    of several clusters, which Fisher's discriminant would press into one; and where more columns than classes are
    wanted. It has a closed form.

    Parameters
    ----------
    <n_components>
    n_neighbors : int, default=7
        The neighbour, among the rows of the same class, whose distance is the scale around a row; the last one there
        is in smaller classes.
    embedding_type : {"weighted", "orthonormalized", "plain"}, default="weighted"
        How long the components are: "weighted" multiplies each by the root of its ratio, "orthonormalized" makes them
        orthogonal and of length 1, "plain" leaves the local spread inside classes at 1 along each.
    reg : float, default=1e-6
        This part of the mean local variance inside classes is added to that of every direction.
    <kernel>

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    RCA : Whitens by the spread inside classes as a whole.

    Notes
    -----
    Directions in which the rows do not differ get a zero component. A row of weight w counts as w equal rows, also
    among the neighbours that make the scale: weights that were scaled to sum to 1 must be scaled back.

    Cost: ``(n d + n^2 d)`` operations for each class of n rows, by tiles, so that memory stays at a float64 copy of X
    and a few ``d x d`` matrices. All ``n_components`` of a search share one solution.

    References
    ----------
    Sugiyama, M. (2007). Dimensionality reduction of multimodal labeled data by local Fisher discriminant analysis.
    Journal of Machine Learning Research 8, 1027-1061. https://www.jmlr.org/papers/v8/sugiyama07b.html

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl.metric_learning import LFDA
    >>> X, y = load_wine(return_X_y=True)
    >>> LFDA(n_components=2).fit(X, y).transform(X).shape
    (178, 2)
    """

    _constraints = {
        **SharedLearner._constraints,
        "n_neighbors": [Interval("int", 1, None)],
        "embedding_type": [Options("weighted", "orthonormalized", "plain")],
        "reg": [Interval("real", 0, None)],
    }

    def __init__(
        self,
        n_components=None,
        *,
        n_neighbors=7,
        embedding_type="weighted",
        reg=1e-6,
        kernel=None,
        kernel_params=None,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.embedding_type = embedding_type
        self.reg = reg
        self.kernel = kernel
        self.kernel_params = kernel_params

    def _learn(self, X, y, weight):
        d = X.shape[1]
        total, counts = group_scatter(X, np.zeros(len(X), dtype=np.int64), weight)
        n = counts[0]
        within, between = np.zeros((d, d)), total.copy()
        for code in range(y.max() + 1):
            members = y == code
            rows = np.ascontiguousarray(X[members])
            if len(rows) > 1:
                heavy = None if weight is None else weight[members]
                local = local_scatter(rows, self.n_neighbors, heavy)
                spread, counts = group_scatter(rows, np.zeros(len(rows), dtype=np.int64), heavy)
                size = counts[0]
                within += local / size
                between += local * (1 / n - 1 / size)
                between -= spread * (size / n)
        ratios, components = ratio_directions(between, within, total, largest=True, reg=self.reg)
        if self.embedding_type == "weighted":
            components = components * np.sqrt(np.maximum(ratios, 0.0))[:, None]
        elif self.embedding_type == "orthonormalized":
            components = _orthonormal(components)
        return {"components_": components}


def _orthonormal(rows: np.ndarray) -> np.ndarray:
    """Make rows orthonormal one after the other; zeros stay zeros."""
    kept = rows.any(axis=1)
    basis, triangle = np.linalg.qr(rows[kept].T)
    result = np.zeros_like(rows)
    result[kept] = (basis * np.where(np.diag(triangle) < 0, -1.0, 1.0)).T
    return result
