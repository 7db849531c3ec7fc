"""What an skdl estimator is, and how siblings are fitted together.

An estimator derives from :class:`Estimator` and scikit-learn's mixins. It may also implement the family protocol,

    _fit_family(self, X, y=None, *, candidates, splits, sample_weight=None)
        -> iterator of (candidate_index, split_index, fitted_estimator)

and promises that each estimator which comes out is what
``clone(self).set_params(**candidates[i]).fit(X[splits[j]], y[splits[j]])`` would have given, whatever its siblings
were. Where ``_family_joins_splits`` is true, as for networks, work is shared across splits that have nothing in common,
too: a search then joins what the earlier steps of a pipeline make of each split. Callers use :func:`fit_family`, which
falls back to ordinary fits for an estimator without the method.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from inspect import isfunction, signature
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import _safe_indexing

from skdl.utils import DeviceCache, Interval, check_parameters

__all__ = [
    "Estimator",
    "family_notes",
    "fit_family",
    "fit_one_by_one",
    "note_family",
    "or_as_before",
    "sibling_maker",
    "take_rows",
]

_notes: ContextVar[list[str] | None] = ContextVar("_notes", default=None)


# Parameters that mean the same in every estimator that has them; `device` is checked by `resolve_device`.
_SHARED_CONSTRAINTS: dict[str, list] = {
    "random_state": [None, Interval("int", 0, 2**32 - 1), np.random.RandomState],
}


class Estimator(BaseEstimator):
    """Base class of every skdl estimator.

    Subclasses list what their parameters may be in ``_constraints`` and call ``_check_parameters()`` first in ``fit``.
    """

    _constraints: ClassVar[dict[str, list]] = {}

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for name in ("fit", "partial_fit"):
            if isfunction(vars(cls).get(name)):  # what is there only if something holds is wrapped where it stands
                setattr(cls, name, or_as_before(vars(cls)[name]))

    def _check_parameters(self) -> None:
        constraints = {**_SHARED_CONSTRAINTS, **self._constraints}
        # Parameters stand under their names; `get_params` would read the constructor's signature for each sibling.
        check_parameters(type(self).__name__, constraints, dict(vars(self)))

    def _new_device_cache(self) -> None:
        """Forget what lies on a device; to be called by every fit."""
        self._device_cache = DeviceCache()


def or_as_before(method):
    """Let a method that learns, and fails, leave the estimator as it was: half of a new model is none.

    Parameters
    ----------
    method : function
        ``fit`` or ``partial_fit``; :class:`Estimator` wraps those that do not stand behind another decorator.

    Returns
    -------
    function
        The method that does so.
    """

    @wraps(method)
    def learn(self, *args, **kwargs):
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except Exception:
            vars(self).clear()
            vars(self).update(before)
            raise

    return learn


def fit_family(
    estimator,
    X,
    y=None,
    *,
    candidates: Sequence[dict[str, Any]],
    splits: Sequence,
    sample_weight=None,
    pairs: Sequence[tuple[int, int]] | None = None,
) -> Iterator[tuple[int, int, Any]]:
    """Fit an estimator for every candidate on every split, together where it knows how.

    Parameters
    ----------
    estimator : estimator instance
        Any scikit-learn estimator; it is not changed.
    X : array-like or frame of shape (n, d)
        All the samples.
    y : array-like of shape (n,) or (n, n_outputs), default=None
        All the targets.
    candidates : sequence of dict
        Parameters that differ from the estimator's own.
    splits : sequence of ndarray of int
        The training rows of each split.
    sample_weight : array-like of shape (n,), default=None
        All the weights.
    pairs : sequence of (candidate_index, split_index), default=None
        The members that are wanted, each once, as in bagging, where every member has a seed and rows of its own; None
        wants all. An estimator whose ``_fit_family`` has this parameter shares work among all of them, any other
        among the splits of one candidate.

    Yields
    ------
    candidate_index, split_index : int
        Which member this is; members come in any order, each once. A member that cannot be fitted may be left out by a
        family fit, so as not to hold up its siblings; fitted alone it raises the error that says why.
    fitted : estimator
        The fitted member.
    """
    fit: Callable[..., Iterator] = getattr(estimator, "_fit_family", None) or partial(fit_one_by_one, estimator)
    if pairs is None:
        yield from fit(X, y, candidates=candidates, splits=splits, sample_weight=sample_weight)
    elif "pairs" in signature(fit).parameters:
        yield from fit(X, y, candidates=candidates, splits=splits, sample_weight=sample_weight, pairs=pairs)
    else:
        splits_of: dict[int, list[int]] = {}
        for candidate_index, split_index in pairs:
            splits_of.setdefault(candidate_index, []).append(split_index)
        for candidate_index, wanted in splits_of.items():
            some = {"candidates": [candidates[candidate_index]], "splits": [splits[index] for index in wanted]}
            for _, position, member in fit(X, y, **some, sample_weight=sample_weight):
                yield candidate_index, wanted[position], member


def note_family(note: str) -> None:
    """Let whoever listens by :func:`family_notes` know how a family is fitted; called by family fits.

    Parameters
    ----------
    note : str
        A line.
    """
    notes = _notes.get()
    if notes is not None and note not in notes:
        notes.append(note)


@contextmanager
def family_notes(notes: list[str]):
    """Collect what family fits say of how they share the work.

    Parameters
    ----------
    notes : list of str
        Where to put their lines, each once.

    Yields
    ------
    None
        While the context lasts, ``notes`` grows.
    """
    token = _notes.set(notes)
    try:
        yield
    finally:
        _notes.reset(token)


def take_rows(data, rows):
    """Take some rows of X, y or sample_weight in whatever form they come.

    Parameters
    ----------
    data : array-like, frame, sparse matrix or None
        What to take from.
    rows : ndarray of int of shape (m,)
        Which rows.

    Returns
    -------
    same kind as ``data``
        None stays None.
    """
    return None if data is None else _safe_indexing(data, rows)


def sibling_maker(estimator) -> Callable[[dict[str, Any]], Any]:
    """Return a function that makes unfitted copies of an estimator, each with some parameters of its own.

    Parameters
    ----------
    estimator : estimator instance
        It is not changed.

    Returns
    -------
    callable
        Takes a dict of parameters and returns what ``clone(estimator).set_params(...)`` with clones of them would;
        where all are numbers, strings and the like, which need no cloning, in a fraction of the time.
    """
    template = clone(estimator)
    held = vars(template)
    ordinary = type(template).set_params is BaseEstimator.set_params and _is_plain(held.values())
    if ordinary and held.keys() == template.get_params(deep=False).keys():

        def make(parameters):
            if parameters.keys() <= held.keys() and _is_plain(parameters.values()):
                sibling = object.__new__(type(template))
                vars(sibling).update(held, **parameters)
                return sibling
            return clone(template).set_params(**clone(dict(parameters), safe=False))

        return make
    return lambda parameters: clone(template).set_params(**clone(dict(parameters), safe=False))


def _is_plain(values) -> bool:
    return all(isinstance(value, (str, int, float, np.generic, type(None))) for value in values)


def fit_one_by_one(estimator, X, y=None, *, candidates, splits, sample_weight=None):
    """Do what :func:`fit_family` does by an ordinary fit for each member; the fallback, and the oracle of its tests.

    Parameters
    ----------
    estimator, X, y, candidates, splits, sample_weight : as in :func:`fit_family`

    Yields
    ------
    candidate_index, split_index : int
        Which member this is.
    fitted : estimator
        The fitted member.
    """
    for split_index, rows in enumerate(splits):
        X_split, y_split = take_rows(X, rows), take_rows(y, rows)
        fit_params = {} if sample_weight is None else {"sample_weight": take_rows(sample_weight, rows)}
        for candidate_index, parameters in enumerate(candidates):
            member = clone(estimator).set_params(**clone(dict(parameters), safe=False))
            yield candidate_index, split_index, member.fit(X_split, y_split, **fit_params)
