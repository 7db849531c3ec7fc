"""Multinomial naive Bayes."""

import numpy as np

from skdl.kernels.counts import linear_scores
from skdl.naive_bayes._base import log_of
from skdl.naive_bayes._discrete import BaseCounts
from skdl.utils import resolve_device

__all__ = ["MultinomialNB"]


class MultinomialNB(BaseCounts):
    """Multinomial naive Bayes: a sample is a bag of counts, drawn with the frequencies of its class.

    Use it for word counts, and for other counts of many kinds; fractions such as tf-idf work too.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1.0
        What is added to the count of each feature in each class (Laplace or Lidstone smoothing).
    force_alpha : bool, default=True
        Whether an ``alpha`` below 1e-10 is taken as it is; False raises it to 1e-10 with a warning.
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
        The weighted sum of each column in each class.
    feature_log_prob_ : ndarray of shape (n_classes, n_features)
        The logarithm of the smoothed frequency of each feature in each class.
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

    Differences from scikit-learn: with ``alpha=0`` a feature that a class never had makes the class impossible for
    the samples that have it, and changes nothing for the others; samples that every class rules out are of each as
    probably as of another (scikit-learn gives NaN for both). Fits on one class alone and negative numbers in
    ``predict`` are refused.

    References
    ----------
    Manning, C. D., Raghavan, P. & Schütze, H. (2008). Introduction to Information Retrieval, chapter 13. Cambridge
    University Press. https://doi.org/10.1017/CBO9780511809071

    Examples
    --------
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from skdl.naive_bayes import MultinomialNB
    >>> texts = ["cheap pills", "cheap watches", "lunch at noon", "minutes of the meeting at noon"]
    >>> words = CountVectorizer()
    >>> model = MultinomialNB().fit(words.fit_transform(texts), ["spam", "spam", "ham", "ham"])
    >>> model.predict(words.transform(["meeting at noon", "pills"])).tolist()
    ['ham', 'spam']
    """

    _gaps_show_where_sparse = True

    def __init__(
        self,
        *,
        alpha=1.0,
        force_alpha=True,
        fit_prior=True,
        class_prior=None,
        device="auto",
    ):
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.device = device

    def _gather(self, X, codes, weight, n_classes):
        return super()._gather(self._refuse_negative(X), codes, weight, n_classes)

    def _settle_features(self, alpha):
        self.feature_count_ = self._sums.of_feature.copy()
        smoothed = self.feature_count_ + alpha
        total = smoothed.sum(axis=1, keepdims=True)
        # A class in which nothing was counted, without smoothing, makes no feature likelier than another.
        self.feature_log_prob_ = np.where(total > 0, log_of(smoothed), 0.0) - np.log(np.where(total > 0, total, 1.0))

    def _joint_log_likelihood(self, X):
        device = resolve_device(self.device)
        return linear_scores(self._refuse_negative(X), self.feature_log_prob_, self.class_log_prior_, device)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags
