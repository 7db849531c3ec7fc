"""What the naive Bayes classifiers of counts and categories share: smoothing and class priors."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from skdl.kernels.counts import class_sums
from skdl.kernels.rowblocks import cut, on_threads
from skdl.naive_bayes._base import BaseNaiveBayes, log_of
from skdl.utils import Interval, resolve_device, to_host

__all__: list[str] = []

_SMALLEST_ALPHA = 1e-10
_VALUES_PER_PART = 1 << 20


@dataclass
class Counts:
    """The sums of a model of counts."""

    of_class: np.ndarray  # (C,)
    of_feature: np.ndarray  # (C, d)

    def __add__(self, other):
        return Counts(self.of_class + other.of_class, self.of_feature + other.of_feature)

    def reindexed(self, positions, n_classes):
        of_class = np.zeros(n_classes)
        of_feature = np.zeros((n_classes, self.of_feature.shape[1]))
        of_class[positions], of_feature[positions] = self.of_class, self.of_feature
        return Counts(of_class, of_feature)

    def is_finite(self):
        return bool(np.isfinite(self.of_feature).all())


def place_of_negative(X):
    """Where the first negative value lies, in words; None if there is none."""
    if sp.issparse(X):
        parts = cut(len(X.data), -(-len(X.data) // _VALUES_PER_PART))
        # NaN is neither negative nor not: of what holds it each value is looked at.
        if not X.nnz or min(on_threads(lambda part: X.data[part].min(), parts)) >= 0 or not (X.data < 0).any():
            return None
        X = X.tocoo()
        first = int((X.data < 0).argmax())
        return f"row {X.row[first]}, column {X.col[first]} ({X.data[first]})"
    if not X.size or X.min() >= 0:
        return None
    row, column = np.unravel_index(int((X < 0).argmax()), X.shape)
    return f"row {row}, column {column} ({X[row, column]})"


class BaseDiscrete(BaseNaiveBayes):
    """Base class of the models with parameters ``alpha``, ``force_alpha``, ``fit_prior`` and ``class_prior``."""

    _constraints = {
        "alpha": [Interval("real", 0, None), Iterable],
        "force_alpha": [bool],
        "fit_prior": [bool],
        "class_prior": [None, Iterable],
    }

    def _settle(self):
        of_class, of_values = vars(self._sums).values()
        with np.errstate(over="ignore"):
            totals = [part.sum() for part in (of_class, *(of_values if isinstance(of_values, list) else [of_values]))]
        if not np.isfinite(totals).all():
            raise ValueError(
                f"The sums that {type(self).__name__} learns from overflow: scale sample_weight, or X, down."
            )
        self.class_count_ = self._sums.of_class.copy()
        self._settle_features(self._checked_alpha())
        n_classes = len(self.classes_)
        if self.class_prior is not None:
            prior = np.asarray(to_host(self.class_prior), dtype=np.float64)
            if prior.shape != (n_classes,):
                raise ValueError(
                    f"Number of priors must match number of classes: {type(self).__name__} got class_prior of shape "
                    f"{prior.shape} for {n_classes} classes."
                )
            if not (prior >= 0).all():
                raise ValueError(
                    f"class_prior of {type(self).__name__} must be non-negative, got {prior.min()} for class "
                    f"{self.classes_[prior.argmin()]!r}."
                )
            self.class_log_prior_ = log_of(prior)
        elif self.fit_prior:
            self.class_log_prior_ = log_of(self.class_count_) - np.log(self.class_count_.sum())
        else:
            self.class_log_prior_ = np.full(n_classes, -np.log(n_classes))

    def _checked_alpha(self):
        alpha = self.alpha if isinstance(self.alpha, (int, float)) else np.asarray(to_host(self.alpha), np.float64)
        if np.ndim(alpha):
            if np.shape(alpha) != (self.n_features_in_,):
                raise ValueError(
                    "When alpha is an array, it should contains `n_features` numbers: got shape "
                    f"{np.shape(alpha)} for {self.n_features_in_} columns."
                )
            if not np.min(alpha) >= 0:
                raise ValueError(
                    f"All values in alpha must be non-negative, got {np.min(alpha)} for column {np.argmin(alpha)}."
                )
        if np.min(alpha) < _SMALLEST_ALPHA and not self.force_alpha:
            warnings.warn(
                f"alpha too small will result in numeric errors, setting alpha = {_SMALLEST_ALPHA:.1e}. "
                "Use `force_alpha=True` to keep alpha unchanged.",
                UserWarning,
                stacklevel=4,
            )
            alpha = np.maximum(alpha, _SMALLEST_ALPHA)
        return alpha


class BaseCounts(BaseDiscrete):
    """Base class of the models of counts, whose likelihood is linear in the counts; sparse rows are welcome."""

    _input_checks: dict[str, Any] = {"accept_sparse": "csr"}

    def _gather(self, X, codes, weight, n_classes):
        of_class = np.bincount(codes, weights=weight, minlength=n_classes).astype(np.float64)
        return Counts(of_class, class_sums(X, codes, weight, n_classes, resolve_device(self.device)))

    def _refuse_negative(self, X):
        place = place_of_negative(X)
        if place is not None:
            name = type(self).__name__
            raise ValueError(
                f"Negative values in data passed to {name} (input X). The first one is in {place}: {name} takes counts "
                "or other numbers that are not negative; shift or bin the column, or use GaussianNB."
            )
        return X

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.poor_score = True
        return tags
