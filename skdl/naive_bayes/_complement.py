"""Complement naive Bayes."""

import numpy as np

from skdl.kernels.counts import linear_scores
from skdl.naive_bayes._base import log_of
from skdl.naive_bayes._discrete import BaseCounts
from skdl.utils import resolve_device

__all__ = ["ComplementNB"]


class ComplementNB(BaseCounts):
    """Complement naive Bayes: a sample belongs to the class whose complement it resembles least.

    Use it in place of :class:`MultinomialNB` for texts with classes of unequal size.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to the count of each feature in each class (Laplace or Lidstone smoothing).
    force_alpha : bool, default=True
        Whether an ``alpha`` below 1e-10 is taken as it is; False raises it to 1e-10 with a warning.
    fit_prior : bool, default=True
        Accepted for the sake of scikit-learn's signature: class probabilities do not enter the rule.
    class_prior : array-like of shape (n_classes,), default=None
        Accepted for the sake of scikit-learn's signature: class probabilities do not enter the rule.
    norm : bool, default=False
        Whether the weights of each class are divided by their sum.
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
    feature_all_ : ndarray of shape (n_features,)
        The weighted sum of each column.
    feature_count_ : ndarray of shape (n_classes, n_features)
        The weighted sum of each column in each class.
    feature_log_prob_ : ndarray of shape (n_classes, n_features)
        The weight of each feature for each class: minus the logarithm of its frequency in the other classes.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    n_features_in_ : int
        The number of columns.

    Raises
    ------
    ValueError
        If X holds NaN, infinity or negative numbers, y one class only, or ``alpha`` or ``class_prior`` does not fit.

    Notes
    -----
    Cost: one pass over the data to fit, ``C`` multiplications for each value (each stored value of sparse data) to
    predict; memory beyond the data is of the order of ``C * d``.

    Differences from scikit-learn: a class that no sample of positive weight has is never predicted; with ``alpha=0`` a
    feature that one class alone has decides for it (scikit-learn gives NaN). Fits on one class
    alone and negative numbers in ``predict`` are refused.

    References
    ----------
    Rennie, J. D. M., Shih, L., Teevan, J. & Karger, D. R. (2003). Tackling the poor assumptions of naive Bayes text
    classifiers. ICML 2003, 616-623. https://people.csail.mit.edu/jrennie/papers/icml03-nb.pdf

    Examples
    --------
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from skdl.naive_bayes import ComplementNB
    >>> texts = ["cheap pills", "cheap watches", "lunch at noon", "minutes of the meeting at noon"]
    >>> words = CountVectorizer()
    >>> model = ComplementNB().fit(words.fit_transform(texts), ["spam", "spam", "ham", "ham"])
    >>> model.predict(words.transform(["meeting at noon", "pills"])).tolist()
    ['ham', 'spam']
    """

    _constraints = {**BaseCounts._constraints, "norm": [bool]}

    _gaps_show_where_sparse = True

    def __init__(
        self,
        *,
        alpha=1.0,
        force_alpha=True,
        fit_prior=True,
        class_prior=None,
        norm=False,
        device="auto",
    ):
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.norm = norm
        self.device = device

    def _gather(self, X, codes, weight, n_classes):
        return super()._gather(self._refuse_negative(X), codes, weight, n_classes)

    def _settle_features(self, alpha):
        self.feature_count_ = self._sums.of_feature.copy()
        self.feature_all_ = self.feature_count_.sum(axis=0)
        others = self.feature_all_ + alpha - self.feature_count_
        total = others.sum(axis=1, keepdims=True)
        log_others = np.where(total > 0, log_of(others), 0.0) - np.log(np.where(total > 0, total, 1.0))
        if self.norm:
            never = np.isneginf(log_others)
            # Features that the others never have outweigh all that they may have.
            log_others = np.where(never.any(axis=1, keepdims=True), -never.astype(np.float64), log_others)
            scale = log_others.sum(axis=1, keepdims=True)
            self.feature_log_prob_ = np.divide(
                log_others, scale, out=np.zeros_like(scale + log_others), where=scale != 0
            )
        else:
            self.feature_log_prob_ = -log_others

    def _joint_log_likelihood(self, X):
        device = resolve_device(self.device)
        # A class that no sample has is no candidate, however unlike the others its complement is.
        level = np.where(self.class_count_ > 0, 0.0, -np.inf)
        return linear_scores(self._refuse_negative(X), self.feature_log_prob_, level, device)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
