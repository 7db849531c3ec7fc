"""Relevant component analysis."""

import numpy as np

from skdl.kernels.metric.eigen import ratio_directions
from skdl.kernels.metric.graphs import group_scatter
from skdl.metric_learning._base import SharedLearner, WeightedLearner
from skdl.metric_learning._docs import share_documentation
from skdl.utils import Interval, to_host

__all__ = ["RCA"]


@share_documentation
class RCA(WeightedLearner, SharedLearner):
    """Relevant component analysis: whiten the spread that rows which belong together have among themselves.

    Use it where small groups of rows are known to be of one kind (chunks: frames of one track, photos of one day), or
    with labels as a fast whitening by the spread inside classes. It has a closed form.

    Parameters
    ----------
    <n_components>
    reg : float, default=1e-6
        This part of the mean variance within chunks is added to the variance of every direction, so that redundant
        columns do no harm.
    <kernel>

    Attributes
    ----------
    <attributes>

    Raises
    ------
    <errors>

    See Also
    --------
    LFDA : Takes account of classes that consist of several clusters.

    Notes
    -----
    The inverse of ``get_mahalanobis_matrix()`` is the covariance within chunks where ``n_components`` is None. Fewer
    components are those directions with the largest ratio of total variance to variance within chunks (Fisher's, as in
    the paper), scaled so that the latter is 1. ``fit`` takes each class as a chunk. Directions in which the rows do not
    differ get a zero component.

    Cost: ``n d^2 + d^3`` operations; memory is a float64 copy of X and a few ``d x d`` matrices. All ``n_components``
    of a search share one solution.

    References
    ----------
    Bar-Hillel, A., Hertz, T., Shental, N. & Weinshall, D. (2003). Learning distance functions using equivalence
    relations. ICML 2003, 11-18.

    Bar-Hillel, A., Hertz, T., Shental, N. & Weinshall, D. (2005). Learning a Mahalanobis metric from equivalence
    constraints. Journal of Machine Learning Research 6, 937-965. https://www.jmlr.org/papers/v6/bar-hillel05a.html

    <kernel reference>

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl.metric_learning import RCA
    >>> X, y = load_wine(return_X_y=True)
    >>> RCA(n_components=2).fit(X, y).transform(X).shape
    (178, 2)
    """

    _constraints = {**SharedLearner._constraints, "reg": [Interval("real", 0, None)]}

    def __init__(self, n_components=None, *, reg=1e-6, kernel=None, kernel_params=None):
        self.n_components = n_components
        self.reg = reg
        self.kernel = kernel
        self.kernel_params = kernel_params

    def fit_chunks(self, X, chunks):
        """Learn the metric from groups of rows that belong together.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The samples.
        chunks : array-like of int of shape (n_samples,)
            The number of each row's chunk; -1 for a row that is in none.

        Returns
        -------
        self
        """
        X, _, _ = self._begin(X, target=False)
        chunks = np.asarray(to_host(chunks))
        if chunks.shape != (len(X),) or chunks.dtype.kind not in "iu":
            raise ValueError(
                f"chunks must be an array of ints of shape ({len(X)},), one for each row of X and -1 for a row in no "
                f"chunk; got dtype {chunks.dtype} and shape {chunks.shape}."
            )
        known = chunks >= 0
        if np.bincount(chunks[known], minlength=1).max() < 2:
            raise ValueError("No chunk holds two rows: give the same number to rows that belong together.")
        return self._finish(self._learn(X[known], np.unique(chunks[known], return_inverse=True)[1], None))

    def _learn(self, X, y, weight):
        within, counts = group_scatter(X, y, weight)
        total, _ = group_scatter(X, np.zeros(len(X), dtype=np.int64), weight)
        directions = ratio_directions(total, within, total, largest=True, reg=self.reg)[1]
        return {"components_": directions * np.sqrt(counts.sum())}
