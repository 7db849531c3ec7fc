"""What all naive Bayes classifiers share: everything but the likelihood and the sums it is estimated from.

A subclass gathers sums from data (`_gather`), turns sums into probabilities (`_settle`) and computes the joint
log-likelihood. Sums can be added, so incremental fits, merged models and families of candidates come from here.
"""

import copy
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.special import logsumexp
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator, sibling_maker, take_rows
from skdl.config import get_config
from skdl.kernels.rowblocks import cut, on_threads
from skdl.kernels.taken import TakenRows
from skdl.utils import encode_classes, to_host, validate_sample_weight, validate_X, validate_X_y

__all__: list[str] = []

# So many values are worth the trouble of not reading them twice.
_LARGE = 1_000_000
_ROWS_PER_PART = 16_384
# Of X that is checked late.
_UNSEEN = {"ensure_all_finite": False}


class BaseNaiveBayes(ClassifierMixin, Estimator, ABC):
    """Base class of the naive Bayes classifiers."""

    # How X is checked, beyond the usual; the keywords of `validate_X`.
    _input_checks: dict[str, Any] = {}
    # Whether a gap or an infinity in X shows in the sums and in the likelihood, so that large X is read but once.
    _gaps_show = False
    _gaps_show_where_sparse = False
    # The parameters that change the sums; candidates that share them share one pass over the data.
    _sums_depend_on: tuple[str, ...] = ("device",)
    # What a fit learns beside the attributes that `_settle` makes of the sums.
    _learnt_with_sums: tuple[str, ...] = ("n_features_in_", "feature_names_in_", "classes_", "_sums")

    @abstractmethod
    def _gather(self, X, codes, weight, n_classes):
        """Return the sums of the checked rows: an object with ``+`` and ``reindexed(positions, n_classes)``."""

    @abstractmethod
    def _settle(self):
        """Turn ``_sums`` and the parameters into the public attributes."""

    @abstractmethod
    def _joint_log_likelihood(self, X):
        """Return ``log P(c) + log P(x|c)`` of checked rows, of shape (n, C), float64."""

    def fit(self, X, y, sample_weight=None):
        """Fit the classifier.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,)
            The class of each sample.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        self
        """
        self._check_parameters()
        given, late = X, sample_weight is None and self._may_be_checked_late(X)
        X, y = self._checked_X_y(X, y, reset=True, **(_UNSEEN if late else {}))
        weight = validate_sample_weight(sample_weight, len(y))
        classes, codes = encode_classes(y, owner=type(self).__name__, min_classes=2)
        sums = self._gather(X, codes, weight, len(classes))
        if late and not sums.is_finite():
            self._checked_X(given)
        return self._adopt(classes, sums)

    def _may_be_checked_late(self, X) -> bool:
        if sp.issparse(X):
            return self._gaps_show_where_sparse and X.format == "csr" and X.dtype.kind == "f" and X.nnz >= _LARGE
        return self._gaps_show and isinstance(X, np.ndarray) and X.dtype.kind == "f" and X.size >= _LARGE

    def _adopt(self, classes, sums):
        self._settled = False
        self.classes_, self._sums = classes, sums
        self._new_device_cache()
        self._settle()
        self._settled = True
        return self

    def __sklearn_is_fitted__(self):
        return getattr(self, "_settled", False)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from some more samples; any cut into pieces gives the model of one fit, but for rounding.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,)
            The class of each sample.
        classes : array-like of shape (n_classes,), default=None
            All the classes that may ever come; needed at the first call, optional later.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts; None counts each once.

        Returns
        -------
        self
        """
        self._check_parameters()
        first = not self.__sklearn_is_fitted__()
        known = self._known_classes(classes, first)
        X, y = self._checked_X_y(X, y, reset=first)
        weight = validate_sample_weight(sample_weight, len(y))
        labels, codes = encode_classes(y, owner=type(self).__name__)
        strange = ~np.isin(labels, known)
        if strange.any():
            raise ValueError(
                f"The target label(s) {labels[strange]} in y do not exist in the initial classes {known}. "
                "Name every class that may come in `classes` at the first call of partial_fit."
            )
        sums = self._gather(X, np.searchsorted(known, labels)[codes], weight, len(known))
        return self._adopt(known, sums if first else self._sums + sums)

    def _known_classes(self, classes, first):
        if classes is None:
            if first:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            return self.classes_
        classes = unique_labels(to_host(classes))
        if not first and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"`classes={classes}` is not the same as on last call to partial_fit, was: {self.classes_}. "
                "Leave `classes` out after the first call."
            )
        return classes

    def merge(self, other):
        """Add what another model has learnt, as if its samples had been fitted together with this one's.

        The models may come from other processes or other days. Classes that only one of them knows are taken over.

        Parameters
        ----------
        other : estimator of the same class
            A fitted model with the same columns; it is not changed.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        if type(other) is not type(self):
            raise ValueError(f"Only another {type(self).__name__} can be merged, got {type(other).__name__}.")
        check_is_fitted(other)
        names, their_names = (list(getattr(model, "feature_names_in_", [])) for model in (self, other))
        if self.n_features_in_ != other.n_features_in_ or (names and their_names and names != their_names):
            raise ValueError(
                f"The models to merge must have seen the same columns: this one has {names or self.n_features_in_}, "
                f"the other {their_names or other.n_features_in_}. Fit both on the same columns in the same order."
            )
        classes = np.union1d(self.classes_, other.classes_)
        mine, theirs = (
            sums.reindexed(np.searchsorted(classes, model.classes_), len(classes))
            for model, sums in zip((self, other), self._sums_to_merge(other), strict=True)
        )
        return self._adopt(classes, mine + theirs)

    def _sums_to_merge(self, other):
        """The sums of this model and of the other, fit to be added once the classes agree."""
        return self._sums, other._sums

    def predict_joint_log_proba(self, X):
        """Return ``log P(x, y) = log P(y) + log P(x|y)`` of each sample and class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        jll, dtype = self._scored(X)
        return jll.astype(dtype, copy=False)

    def predict(self, X):
        """Return the most probable class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        best = self._most_probable(X)  # first of all: it says so where nothing has been fitted
        return self.classes_[best]

    def _most_probable(self, X) -> np.ndarray:
        """The number of each sample's most probable class, of shape (n,)."""
        return self._answered(X, self._classified)[0]

    def predict_log_proba(self, X):
        """Return the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        jll, dtype = self._scored(X)
        jll = _log_proba(jll)
        if dtype == np.float32:
            # The logarithm of a probability that float32 rounds to one is zero, as it is for who takes it themselves.
            jll[jll > -(2.0**-25)] = 0.0
        return jll.astype(dtype, copy=False)

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            The columns are in the order of ``classes_``.
        """
        jll, dtype = self._scored(X)
        jll = _log_proba(jll)
        return np.exp(jll, out=jll).astype(dtype, copy=False)

    def _scored(self, X):
        return self._answered(X, self._summed)

    def _summed(self, X):
        """The joint log-likelihoods of checked samples, and their sum."""
        jll = self._joint_log_likelihood(X)
        return jll, jll.sum()

    def _classified(self, X):
        """The classes of checked samples, and a number for :meth:`_answered`."""
        jll, total = self._summed(X)
        parts = cut(len(jll), len(jll) // _ROWS_PER_PART)
        return np.concatenate(on_threads(lambda part: jll[part].argmax(axis=1), parts)), total

    def _answered(self, X, work):
        """What ``work`` makes of the checked samples, and their type.

        ``work`` returns a number besides, which is finite only if all the samples are: of many samples this is checked
        by what comes out.
        """
        check_is_fitted(self)
        given, late = X, self._may_be_checked_late(X)
        X = self._checked_X(X, **(_UNSEEN if late else {}))
        answer, number = work(X)
        if late and not np.isfinite(number):
            self._checked_X(given)
        return answer, np.float32 if X.dtype == np.float32 else np.float64

    def _checked_X(self, X, **checks):
        return validate_X(self, X, **(self._input_checks | checks))

    def _checked_X_y(self, X, y, reset, **checks):
        return validate_X_y(self, X, y, reset=reset, **(self._input_checks | checks))

    def _fit_family(self, X, y, *, candidates, splits, sample_weight=None):
        """Fit candidates on splits from one set of sums for each split; see :func:`skdl.base.fit_family`."""
        groups: dict[str, list[int]] = {}
        for index, candidate in enumerate(candidates):
            asked = {name: value for name, value in candidate.items() if name in self._sums_depend_on}
            groups.setdefault(repr(sorted(asked.items(), key=lambda item: item[0])), []).append(index)
        make = sibling_maker(self)
        where_they_stand = sample_weight is None and self._gaps_show and _is_plain(X, y)
        for rows in splits if where_they_stand else ():
            where_they_stand &= len(rows) > 0 and np.asarray(rows).dtype.kind == "i"
        for split_index, rows in enumerate(splits):
            if not where_they_stand:
                X_split, y_split = take_rows(X, rows), take_rows(y, rows)
                weight = take_rows(sample_weight, rows)
            for members in groups.values():
                learnt: dict[str, Any] = {}
                siblings = [make(candidates[index]) for index in members]
                for index, member in zip(members, siblings, strict=True):
                    if learnt:
                        member._take_over(learnt)
                    else:
                        if where_they_stand:
                            member._fit_where_they_stand(X, y, rows)
                        else:
                            member.fit(X_split, y_split, weight)
                        learnt = {name: vars(member)[name] for name in self._learnt_with_sums if name in vars(member)}
                        shared = member._shared_with(siblings)
                    if shared is not None:
                        member._device_cache.get("shared", lambda shared=shared: shared)
                    yield index, split_index, member

    def _fit_where_they_stand(self, X, y, rows):
        """Fit some rows without a copy of them; the same bits."""
        self._check_parameters()
        classes, codes = encode_classes(y[rows], owner=type(self).__name__, min_classes=2)
        sums = self._gather(TakenRows(X, rows), codes, None, len(classes))
        if not sums.is_finite():
            # It says where.
            self.fit(X[rows], y[rows])
            return
        self.n_features_in_ = X.shape[1]
        self._adopt(classes, sums)

    def _shared_with(self, siblings):
        """What makes predictions for all siblings at once, or None; asked of the first one, which is fitted."""
        return None

    def _take_over(self, learnt):
        """Become what a fit on a sibling's data would give, from what the sibling learnt."""
        self._check_parameters()
        for name, value in learnt.items():
            # What is private, the sums above all, is replaced by a later fit and never changed where it stands.
            setattr(self, name, value if name.startswith("_") else copy.copy(value))
        self._adopt(self.classes_, self._sums)


def _is_plain(X, y) -> bool:
    """Whether validation would leave float rows and their labels as they are, but for gaps."""
    arrays = type(X) is np.ndarray and type(y) is np.ndarray
    return arrays and (
        X.ndim == 2
        and X.shape[1] > 0
        and X.dtype in (np.float32, np.float64)
        and y.shape == X.shape[:1]
        and y.dtype.kind in "iubUS"
        and get_config()["dtype"] is None
    )


def _log_proba(jll):
    """Normalise joint log-likelihoods, in place; what every class rules out is of each as probably as of another."""
    most = jll.max(axis=1, keepdims=True)
    undecided = np.isinf(most[:, 0])
    if undecided.any():
        jll[undecided] = np.where(jll[undecided] == most[undecided], 0.0, -np.inf)
    jll -= logsumexp(jll, axis=1, keepdims=True)
    return jll


def log_of(probabilities):
    """Logarithms, minus infinity for a probability of zero."""
    with np.errstate(divide="ignore"):
        return np.log(probabilities)


def checked_priors(priors, n_classes, owner):
    """Return class priors as an array, or raise what is wrong with them."""
    priors = np.asarray(to_host(priors), dtype=np.float64)
    if priors.shape != (n_classes,):
        raise ValueError(
            f"Number of priors must match number of classes: {owner} got priors of shape {priors.shape} for "
            f"{n_classes} classes."
        )
    if not np.isclose(priors.sum(), 1.0):
        raise ValueError(f"The sum of the priors should be 1., got {priors.sum()}. Divide them by their sum.")
    if (priors < 0).any():
        raise ValueError(f"Priors must be non-negative, got {priors.min()} for class {int(priors.argmin())}.")
    return priors
