"""Naive Bayes over numeric and categorical columns together."""

import copy
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_consistent_length

from skdl.kernels.category_counts import category_counts, category_scores, smoothed_log_prob
from skdl.kernels.gaussian import gaussian_likelihood, joint_log_likelihood
from skdl.kernels.moments import Moments, class_moments
from skdl.naive_bayes._base import BaseNaiveBayes, checked_priors, log_of
from skdl.naive_bayes._categorical import CategoryCounts
from skdl.naive_bayes._gaussian import TINY, smoothed_variance
from skdl.utils import Interval, Options, TableSchema, encode_table, explained, fit_table, resolve_device, validate_y

__all__ = ["MixedNB"]


@dataclass
class MixedSums:
    """The sums of both kinds of columns; either kind may have no column."""

    moments: Moments
    categories: CategoryCounts

    def __add__(self, other):
        return MixedSums(self.moments + other.moments, self.categories + other.categories)

    def reindexed(self, positions, n_classes):
        return MixedSums(self.moments.reindexed(positions, n_classes), self.categories.reindexed(positions, n_classes))


class MixedNB(BaseNaiveBayes):
    """Naive Bayes for tables: numeric columns are Gaussian in each class, categorical ones draw a category.

    Use it on a frame as it is, with categories and with missing values, as a fast baseline that needs no encoding.

    Parameters
    ----------
    priors : array-like of shape (n_classes,), default=None
        Prior probabilities of the classes, in the order of ``classes_``; None takes their frequencies in the data.
    var_smoothing : float, default=1e-9
        The part of the largest variance of a numeric column that is added to every variance.
    alpha : float, default=1.0
        What is added to the count of each category in each class (Laplace or Lidstone smoothing).
    categorical_features : "from_dtype", None or array-like, default="from_dtype"
        Which columns hold categories: those of a categorical type in a frame, none, or those that are named, numbered
        or masked.
    device : str or torch.device, default="auto"
        Where numeric columns are computed: ``"auto"`` takes CUDA where there is a device, else the CPU.

    Attributes
    ----------
    categories_ : list of (ndarray or None), length n_features
        The categories of each column in the order of their counts; None for a numeric column.
    category_count_ : list of (ndarray or None), length n_features
        The weight of each category in each class, of shape (n_classes, n_categories); None for a numeric column.
    class_count_ : ndarray of shape (n_classes,)
        The number (the weight) of the samples of each class.
    class_prior_ : ndarray of shape (n_classes,)
        The probability of each class.
    classes_ : ndarray of shape (n_classes,)
        The class labels, sorted.
    epsilon_ : float
        What was added to the variances, in the square of the data's unit.
    feature_log_prob_ : list of (ndarray or None), length n_features
        The logarithm of the smoothed frequency of each category in each class; None for a numeric column.
    feature_names_in_ : ndarray of shape (n_features,)
        The names of the columns, where X had names.
    is_categorical_ : ndarray of shape (n_features,), bool
        Which columns hold categories.
    n_features_in_ : int
        The number of columns.
    theta_ : ndarray of shape (n_classes, n_features)
        The mean of each numeric column in each class; NaN for a categorical column.
    var_ : ndarray of shape (n_classes, n_features)
        The variance of each numeric column in each class, with ``epsilon_``; NaN for a categorical column.

    Raises
    ------
    ValueError
        If a numeric column holds text or infinity, y one class only, or a parameter does not fit.

    See Also
    --------
    GaussianNB : All columns numeric.
    CategoricalNB : All columns categories, numbered from 0.

    Notes
    -----
    Cost: one pass over the data to fit; ``C`` multiplications for each number and a look-up of ``C`` numbers for each
    category to predict. Memory beyond the data is one float copy of the table, for the encoded categories.

    A value that is missing, and a category that ``fit`` did not see, are left out of the product, in ``fit`` and in
    ``predict``. Where a class shows no value of a numeric column at all, it takes the mean and the variance of the
    whole column. scikit-learn has no such estimator; with numeric columns alone this is :class:`GaussianNB`, with
    categorical ones alone :class:`CategoricalNB`.

    References
    ----------
    Hand, D. J. & Yu, K. (2001). Idiot's Bayes: not so stupid after all? International Statistical Review 69(3),
    385-398. https://doi.org/10.1111/j.1751-5823.2001.tb00465.x

    Examples
    --------
    >>> import pandas as pd
    >>> from skdl.naive_bayes import MixedNB
    >>> frame = pd.DataFrame({"size": [1.0, 1.2, None, 2.9, 3.1], "hue": ["red", "red", "red", "blue", "blue"]})
    >>> frame["hue"] = frame["hue"].astype("category")
    >>> model = MixedNB().fit(frame, ["berry", "berry", "berry", "plum", "plum"])
    >>> model.predict(pd.DataFrame({"size": [1.1, 3.0], "hue": ["red", "green"]})).tolist()
    ['berry', 'plum']
    """

    _constraints = {
        "var_smoothing": [Interval("real", 0, None)],
        "alpha": [Interval("real", 0, None)],
        "priors": [None, Iterable],
        "categorical_features": [Options("from_dtype"), None, Iterable],
    }
    _sums_depend_on = ("device", "categorical_features")
    _learnt_with_sums = (*BaseNaiveBayes._learnt_with_sums, "_schema")

    def __init__(self, *, priors=None, var_smoothing=1e-9, alpha=1.0, categorical_features="from_dtype", device="auto"):
        self.priors = priors
        self.var_smoothing = var_smoothing
        self.alpha = alpha
        self.categorical_features = categorical_features
        self.device = device

    def _checked_X(self, X, **checks):
        return encode_table(self, X, self._schema, allow_nan=True)

    def _checked_X_y(self, X, y, reset, **checks):
        if reset:
            self._schema, encoded = fit_table(self, X, self.categorical_features, allow_nan=True)
        else:
            encoded = self._checked_X(X)
        y = validate_y(self, y)
        with explained(self, X, y):
            check_consistent_length(encoded, y)
        return encoded, y

    def _gather(self, X, codes, weight, n_classes):
        numbers, categories = self._by_kind(X)
        device = resolve_device(self.device)
        moments = class_moments(numbers, codes, weight, n_classes, device, missing=True)
        of_class = np.bincount(codes, weights=weight, minlength=n_classes).astype(np.float64)
        tables = category_counts(categories, codes, weight, n_classes, self._schema.n_categories)
        return MixedSums(moments, CategoryCounts(of_class, tables))

    def _by_kind(self, X):
        """The numeric columns as they are, and the categorical ones as whole codes, -1 for what is not known."""
        mask = self._schema.is_categorical
        if not mask.any():
            return X, np.empty((len(X), 0), dtype=np.int64)
        return X[:, ~mask], np.nan_to_num(X[:, mask], nan=-1.0).astype(np.int64)

    def _settle(self):
        mask = self._schema.is_categorical
        moments, counts = self._completed_moments(), self._sums.categories
        shape = (len(self.classes_), len(mask))
        self.class_count_ = counts.of_class.copy()
        if self.priors is None:
            self.class_prior_ = self.class_count_ / self.class_count_.sum()
        else:
            self.class_prior_ = checked_priors(self.priors, len(self.classes_), type(self).__name__)
        self.theta_, self.var_ = np.full((2, *shape), np.nan)
        self.theta_[:, ~mask] = moments.mean
        variance, epsilon = smoothed_variance(moments, self.var_smoothing)
        with np.errstate(over="ignore"):
            self.var_[:, ~mask] = np.ldexp(variance, 2 * moments.exponent)
            self.epsilon_ = float(np.ldexp(epsilon, 2 * moments.exponent))
        self.is_categorical_ = mask.copy()
        self.categories_ = [None if values is None else values.copy() for values in self._schema.categories]
        self.category_count_ = _spread([table.copy() for table in counts.tables], mask)
        self.feature_log_prob_ = _spread(smoothed_log_prob(counts.tables, self.alpha), mask)

    def _completed_moments(self):
        """The moments, where a class that shows no value of a column takes those of the whole column."""
        moments = self._sums.moments
        unseen = (moments.count == 0) & (self._sums.categories.of_class > 0)[:, None]
        if not unseen.any():
            return moments
        total = np.maximum(moments.count.sum(axis=0), np.finfo(np.float64).tiny)
        overall = (moments.count / total * moments.mean).sum(axis=0)
        # A sample of no weight to speak of: it must not move the moments of the column.
        count = np.where(unseen, np.finfo(np.float64).tiny, moments.count)
        mean = np.where(unseen, overall, moments.mean)
        ssd = np.where(unseen, moments.overall_variance() * np.finfo(np.float64).tiny, moments.ssd)
        return Moments(count, mean, ssd, moments.exponent)

    def _joint_log_likelihood(self, X):
        device = resolve_device(self.device)

        def build():
            moments = self._completed_moments()
            variance, _ = smoothed_variance(moments, self.var_smoothing)
            return gaussian_likelihood(moments, np.maximum(variance, TINY), log_of(self.class_prior_), device)

        numbers, categories = self._by_kind(X)
        model = self._device_cache.get(("likelihood", str(device)), build)
        jll = joint_log_likelihood(numbers, model, missing=True)
        tables = [table for table in self.feature_log_prob_ if table is not None]
        return jll + category_scores(categories, tables, np.zeros(len(self.classes_)))

    def _sums_to_merge(self, other):
        """Sums of both whose categories are in one order, which this model takes over."""
        mine, theirs = self._schema, other._schema
        if not np.array_equal(mine.is_categorical, theirs.is_categorical):
            raise ValueError(
                "The models to merge must hold the same columns for categorical: this one has "
                f"{np.flatnonzero(mine.is_categorical)}, the other {np.flatnonzero(theirs.is_categorical)}."
            )
        union = [None if values is None else list(values) for values in mine.categories]
        for known, values in zip(union, theirs.categories, strict=True):
            if known is not None:
                known.extend([value for value in values if value not in set(known)])
        schema = TableSchema(mine.is_categorical.copy(), [_array_of(values) for values in union])
        pair = tuple(_in_order(model._sums, model._schema, schema) for model in (self, other))
        self._schema = schema
        return pair

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _spread(tables, mask):
    """One item for each column: a table for a categorical one, None for a numeric one."""
    remaining = iter(tables)
    return [next(remaining) if categorical else None for categorical in mask]


def _array_of(values):
    if values is None:
        return None
    array = np.asarray(values)
    # NumPy would turn values of several types into strings.
    return array if array.tolist() == values else np.array(values, dtype=object)


def _in_order(sums, schema, other):
    """The sums with the categories in the order of another schema."""
    known = [values for values in schema.categories if values is not None]
    asked = [values for values in other.categories if values is not None]
    tables = []
    for table, values, order in zip(sums.categories.tables, known, asked, strict=True):
        place = {value: j for j, value in enumerate(order.tolist())}
        wider = np.zeros((len(table), len(order)))
        wider[:, [place[value] for value in values.tolist()]] = table
        tables.append(wider)
    return MixedSums(copy.deepcopy(sums.moments), CategoryCounts(sums.categories.of_class, tables))
