"""Categorical naive Bayes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from skdl.kernels.category_counts import category_counts, category_scores, smoothed_log_prob, widened
from skdl.naive_bayes._discrete import BaseDiscrete, place_of_negative
from skdl.utils import Interval, to_host

__all__ = ["CategoricalNB"]


@dataclass
class CategoryCounts:
    """The sums of a model of categories."""

    of_class: np.ndarray  # (C,)
    tables: list[np.ndarray]  # d of shape (C, K_j)

    def __add__(self, other):
        sizes = np.array([max(a.shape[1], b.shape[1]) for a, b in zip(self.tables, other.tables, strict=True)])
        pairs = zip(widened(self.tables, sizes), widened(other.tables, sizes), strict=True)
        return CategoryCounts(self.of_class + other.of_class, [a + b for a, b in pairs])

    def reindexed(self, positions, n_classes):
        grown = [np.zeros((n_classes, *part.shape[1:])) for part in (self.of_class, *self.tables)]
        for new, old in zip(grown, (self.of_class, *self.tables), strict=True):
            new[positions] = old
        return CategoryCounts(grown[0], grown[1:])


class CategoricalNB(BaseDiscrete):
    """Categorical naive Bayes: in each class every column draws its category independently of the others.

    Use it for columns of whole numbers that name categories, as ``OrdinalEncoder`` makes them. :class:`MixedNB` takes
    the categories of a frame as they are.

    Parameters
    ----------
    alpha : float, default=1.0
        What is added to the count of each category in each class (Laplace or Lidstone smoothing).
    force_alpha : bool, default=True
        Whether an ``alpha`` below 1e-10 is taken as it is; False raises it to 1e-10 with a warning.
    fit_prior : bool, default=True
        Whether class probabilities are learnt; False takes all classes as equally probable.
    class_prior : array-like of shape (n_classes,), default=None
        Probabilities of the classes; None takes those that ``fit_prior`` asks for.
    min_categories : int or array-like of shape (n_features,), default=None
        The least number of categories of each column; None takes what the data show.

    Attributes
    ----------
    category_count_ : list of ndarray of shape (n_classes, n_categories_[j])
        The weight of each category in each class, for each column.
    class_count_ : ndarray of shape (n_classes,)
        The number (the weight) of the samples of each class.
    class_log_prior_ : ndarray of shape (n_classes,)
        The logarithm of the probability of each class.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    feature_log_prob_ : list of ndarray of shape (n_classes, n_categories_[j])
        The logarithm of the smoothed frequency of each category in each class, for each column.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    n_categories_ : ndarray of shape (n_features,), int64
        The number of categories of each column.
    n_features_in_ : int
        The number of columns.

    Raises
    ------
    ValueError
        If X holds NaN, infinity or negative numbers, y one class only, or a parameter does not fit.

    See Also
    --------
    MixedNB : Numeric and categorical columns of a frame together, with missing values.

    Notes
    -----
    Cost: one pass over the data to fit, ``n * d`` look-ups of ``C`` numbers to predict; memory beyond the data is an
    int64 copy of X and the tables of counts.

    Differences from scikit-learn: a category that ``fit`` did not see is left out of the product (scikit-learn raises
    an IndexError); rows of weight zero add no categories; after ``partial_fit``, ``n_categories_`` counts all the data
    (scikit-learn: the last piece). Fits on one class alone are refused.

    References
    ----------
    Manning, C. D., Raghavan, P. & Schütze, H. (2008). Introduction to Information Retrieval, chapter 13. Cambridge
    University Press. https://doi.org/10.1017/CBO9780511809071

    Examples
    --------
    >>> from skdl.naive_bayes import CategoricalNB
    >>> X = [[0, 2], [0, 1], [1, 0], [1, 0]]
    >>> CategoricalNB().fit(X, ["a", "a", "b", "b"]).predict([[0, 0], [1, 1]]).tolist()
    ['a', 'b']
    """

    _constraints = {
        **BaseDiscrete._constraints,
        "alpha": [Interval("real", 0, None)],
        "min_categories": [None, Interval("int", 1, None), Iterable],
    }
    _sums_depend_on = ("min_categories",)

    def __init__(self, *, alpha=1.0, force_alpha=True, fit_prior=True, class_prior=None, min_categories=None):
        self.alpha = alpha
        self.force_alpha = force_alpha
        self.fit_prior = fit_prior
        self.class_prior = class_prior
        self.min_categories = min_categories

    def _checked_X(self, X, **checks):
        return super()._checked_X(X, **checks).astype(np.int64)

    def _checked_X_y(self, X, y, reset, **checks):
        X, y = super()._checked_X_y(X, y, reset, **checks)
        return X.astype(np.int64), y

    def _gather(self, X, codes, weight, n_classes):
        _refuse_negative(X)
        there = X if weight is None else X[weight > 0]
        sizes = np.maximum(there.max(axis=0) + 1, self._least_categories())
        of_class = np.bincount(codes, weights=weight, minlength=n_classes).astype(np.float64)
        if len(there) < len(X):
            codes, weight = codes[weight > 0], weight[weight > 0]
        return CategoryCounts(of_class, category_counts(there, codes, weight, n_classes, sizes))

    def _least_categories(self):
        if self.min_categories is None:
            return 1
        least = np.asarray(to_host(self.min_categories))
        if least.dtype.kind not in "iu":
            raise ValueError(f"'min_categories' should have integral type. Got {least.dtype} instead.")
        if least.ndim and least.shape != (self.n_features_in_,):
            raise ValueError(
                f"'min_categories' should have shape ({self.n_features_in_},) when an array-like is provided. "
                f"Got {least.shape} instead."
            )
        return least

    def _settle_features(self, alpha):
        self.category_count_ = [table.copy() for table in self._sums.tables]
        self.n_categories_ = np.array([table.shape[1] for table in self.category_count_], dtype=np.int64)
        self.feature_log_prob_ = smoothed_log_prob(self.category_count_, alpha)

    def _joint_log_likelihood(self, X):
        _refuse_negative(X)
        return category_scores(X, self.feature_log_prob_, self.class_log_prior_)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        tags.classifier_tags.poor_score = True
        return tags


def _refuse_negative(X):
    place = place_of_negative(X)
    if place is not None:
        raise ValueError(
            f"Negative values in data passed to CategoricalNB (input X). The first one is in {place}: number the "
            "categories of each column from 0 (sklearn.preprocessing.OrdinalEncoder)."
        )
