"""Bernoulli naive Bayes."""

import numpy as np
import scipy.sparse as sp

from skdl.kernels.counts import linear_scores
from skdl.naive_bayes._base import log_of
from skdl.naive_bayes._discrete import BaseCounts
from skdl.utils import Interval, resolve_device

__all__ = ["BernoulliNB"]


class BernoulliNB(BaseCounts):
    """Bernoulli naive Bayes: in each class every feature is there or not, independently of the others.

    Use it for binary columns, and for short texts, where it matters whether a word is there rather than how often.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to the counts of presence and of absence of each feature (Laplace or Lidstone smoothing).
    force_alpha : bool, default=True
        Whether an ``alpha`` below 1e-10 is taken as it is; False raises it to 1e-10 with a warning.
    binarize : float or None, default=0.0
        A value above it counts as present; None takes X as zeros and ones.
    fit_prior : bool, default=True
        Whether class probabilities are learnt; False takes all classes as equally probable.
    class_prior : array-like of shape (n_classes,), default=None
        Probabilities of the classes; None takes those that ``fit_prior`` asks for.
    device : str or torch.device, default="auto"
        Where dense rows are counted and scored: ``"auto"`` takes CUDA where there is a device, else the CPU. Sparse
        rows stay on the CPU.

    Attributes
    ----------
    class_count_ : ndarray of shape (n_classes,)
        The number (the weight) of the samples of each class.
    class_log_prior_ : ndarray of shape (n_classes,)
        The logarithm of the probability of each class.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    feature_count_ : ndarray of shape (n_classes, n_features)
        The weight of the samples of each class that have the feature.
    feature_log_prob_ : ndarray of shape (n_classes, n_features)
        The logarithm of the smoothed probability of each feature in each class.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    n_features_in_ : int
        The number of columns.

    Raises
    ------
    ValueError
        If X holds NaN, infinity, y one class only, or ``alpha`` or ``class_prior`` does not fit.

    Notes
    -----
    Cost: one pass over the data to fit, ``C`` multiplications for each value (each stored value of sparse data) to
    predict; memory beyond the data is of the order of ``C * d``.

    Differences from scikit-learn: with ``alpha=0`` a feature that a class always or never had rules the class out for
    the samples that contradict it, and those that every class rules out are of each as probably as of another
    (scikit-learn gives NaN for both); ``alpha`` may be an array. Fits on one class alone are refused.

    References
    ----------
    Manning, C. D., Raghavan, P. & Schütze, H. (2008). Introduction to Information Retrieval, chapter 13. Cambridge
    University Press. https://doi.org/10.1017/CBO9780511809071

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.naive_bayes import BernoulliNB
    >>> X = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]])
    >>> BernoulliNB().fit(X, ["a", "a", "b", "b"]).predict([[1, 0, 0], [0, 0, 1]]).tolist()
    ['a', 'b']
    """

    _constraints = {**BaseCounts._constraints, "binarize": [None, Interval("real", 0, None)]}
    _sums_depend_on = ("device", "binarize")

    def __init__(
        self,
        *,
        alpha=1.0,
        force_alpha=True,
        binarize=0.0,
        fit_prior=True,
        class_prior=None,
        device="auto",
    ):
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.binarize = binarize
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.device = device

    def _gather(self, X, codes, weight, n_classes):
        return super()._gather(self._binarized(X), codes, weight, n_classes)

    def _binarized(self, X):
        if self.binarize is None:
            return X
        if not sp.issparse(X):
            return np.greater(X, self.binarize)
        return sp.csr_array(((X.data > self.binarize).astype(np.float64), X.indices, X.indptr), shape=X.shape)

    def _settle_features(self, alpha):
        self.feature_count_ = self._sums.of_feature.copy()
        of_class = np.log(np.maximum(self._sums.of_class[:, None] + 2 * alpha, np.finfo(np.float64).tiny))
        self.feature_log_prob_ = log_of(self.feature_count_ + alpha) - of_class
        # From the counts: one minus a rounded probability would lose digits.
        self._absent_log_prob = (
            log_of(np.maximum(self._sums.of_class[:, None] - self.feature_count_, 0) + alpha) - of_class
        )

    def _joint_log_likelihood(self, X):
        device = resolve_device(self.device)
        X = self._binarized(X)
        present, absent = self.feature_log_prob_, self._absent_log_prob
        never, always = np.isneginf(present), np.isneginf(absent)
        slope = np.where(never, 0.0, present) - np.where(always, 0.0, absent)
        jll = linear_scores(X, slope, self.class_log_prior_ + np.where(always, 0.0, absent).sum(axis=1), device)
        if never.any() or always.any():
            # A feature that a class never has, or never lacks, rules the class out.
            broken = linear_scores(X, never.astype(float) - always, always.sum(axis=1).astype(float), device)
            jll[broken > 0.5] = -np.inf
        return jll
