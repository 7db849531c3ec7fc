"""Scores along a parameter, or along the number of samples."""

import time
import warnings

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed

from skdl.model_selection._fold import Fold, as_rows, take_metadata
from skdl.model_selection._job import Job
from skdl.model_selection._outcome import Scores, is_transparent
from skdl.model_selection._results import gather_scores, settle_failures
from skdl.model_selection._routing import check_arguments, route
from skdl.model_selection._validation import members_of

__all__ = ["learning_curve", "validation_curve"]


def validation_curve(
    estimator,
    X,
    y,
    *,
    param_name,
    param_range,
    groups=None,
    cv=None,
    scoring=None,
    n_jobs=None,
    pre_dispatch="all",
    verbose=0,
    error_score=np.nan,
    params=None,
):
    """Score an estimator for each value of a parameter, all values and folds fitted together where it knows how.

    Parameters
    ----------
    estimator : estimator
        Cloned for each fit and not changed.
    X : array-like or frame of shape (n_samples, n_features)
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None
        The targets.
    param_name : str
        The parameter.
    param_range : array-like of shape (n_values,)
        Its values.
    groups : array-like of shape (n_samples,), default=None
        As in :func:`cross_validate`.
    cv : int, splitter or iterable of (train, test), default=None
        As in :func:`cross_validate`.
    scoring : str or callable, default=None
        One metric; None for the estimator's ``score``.
    n_jobs : int, default=None
        As in :func:`cross_validate`.
    pre_dispatch : int or str, default="all"
        As in :func:`cross_validate`.
    verbose : int, default=0
        As in :func:`cross_validate`.
    error_score : "raise" or float, default=nan
        As in :func:`cross_validate`.
    params : dict of str to object, default=None
        As in :func:`cross_validate`.

    Returns
    -------
    train_scores, test_scores : ndarray of shape (n_values, n_splits)
        The scores on the training and the test samples.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import validation_curve
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> train, test = validation_curve(KNeighborsClassifier(), X, y, param_name="n_neighbors", param_range=[1, 15, 75])
    >>> test.mean(axis=1).round(3)
    array([0.96 , 0.967, 0.88 ])
    """
    check_arguments(
        "validation_curve",
        estimator,
        groups,
        error_score=error_score,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        pre_dispatch=pre_dispatch,
        param_name=param_name,
    )
    X, y, groups = indexable(X, y, groups)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    scorer = check_scoring(estimator, scoring=scoring)
    routed = route("validation_curve", groups, params, estimator=estimator, cv=cv, scorer=scorer)
    splits = [(as_rows(train), as_rows(test)) for train, test in cv.split(X, y, **routed.splitter.split)]
    candidates = [{param_name: value} for value in param_range]
    job = Job(
        estimator,
        X,
        y,
        candidates,
        splits,
        _train_and_test(scorer, scoring, routed, error_score),
        fit_params=routed.estimator.fit,
        error_score=error_score,
        verbose=verbose,
        total=(len(candidates), len(splits)),
    )
    members = members_of(job, n_jobs, pre_dispatch)
    settle_failures(members, error_score, tell=False)
    shape = (len(candidates), len(splits))
    return tuple(_table(members, kind, shape) for kind in ("train_scores", "test_scores"))


def learning_curve(
    estimator,
    X,
    y,
    *,
    groups=None,
    train_sizes=np.linspace(0.1, 1.0, 5),  # noqa: B008 scikit-learn's signature; the array is only read
    cv=None,
    scoring=None,
    exploit_incremental_learning=False,
    n_jobs=None,
    pre_dispatch="all",
    verbose=0,
    shuffle=False,
    random_state=None,
    error_score=np.nan,
    return_times=False,
    params=None,
):
    """Score an estimator for growing numbers of training samples, all fits together where it knows how.

    Parameters
    ----------
    estimator : estimator
        Cloned for each fit and not changed.
    X : array-like or frame of shape (n_samples, n_features)
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None
        The targets.
    groups : array-like of shape (n_samples,), default=None
        As in :func:`cross_validate`.
    train_sizes : array-like of shape (n_sizes,), default=np.linspace(0.1, 1.0, 5)
        Numbers of samples if ints, fractions of the first training fold in (0, 1] if floats.
    cv : int, splitter or iterable of (train, test), default=None
        As in :func:`cross_validate`.
    scoring : str or callable, default=None
        One metric; None for the estimator's ``score``.
    exploit_incremental_learning : bool, default=False
        Whether to go from one size to the next by ``partial_fit``.
    n_jobs : int, default=None
        As in :func:`cross_validate`.
    pre_dispatch : int or str, default="all"
        As in :func:`cross_validate`.
    verbose : int, default=0
        As in :func:`cross_validate`.
    shuffle : bool, default=False
        Whether to shuffle the training samples before the first ones of them are taken.
    random_state : int, RandomState or None, default=None
        What they are shuffled with.
    error_score : "raise" or float, default=nan
        As in :func:`cross_validate`.
    return_times : bool, default=False
        Whether to return the times too.
    params : dict of str to object, default=None
        As in :func:`cross_validate`.

    Returns
    -------
    train_sizes_abs : ndarray of int of shape (n_unique_sizes,)
        The numbers of training samples.
    train_scores, test_scores : ndarray of shape (n_unique_sizes, n_splits)
        The scores on the training and the test samples.
    fit_times, score_times : ndarray of shape (n_unique_sizes, n_splits)
        In seconds; only if ``return_times``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import learning_curve
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> sizes, train, test = learning_curve(GaussianNB(), X, y, train_sizes=[30, 120], shuffle=True, random_state=0)
    >>> test.mean(axis=1).round(3)
    array([0.94 , 0.953])
    """
    check_arguments(
        "learning_curve",
        estimator,
        groups,
        error_score=error_score,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        pre_dispatch=pre_dispatch,
        shuffle=shuffle,
        return_times=return_times,
        exploit_incremental_learning=exploit_incremental_learning,
    )
    if exploit_incremental_learning and not hasattr(estimator, "partial_fit"):
        raise ValueError("An estimator must support the partial_fit interface to exploit incremental learning")
    X, y, groups = indexable(X, y, groups)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    scorer = check_scoring(estimator, scoring=scoring)
    routed = route("learning_curve", groups, params, estimator=estimator, cv=cv, scorer=scorer, partial_fit=True)
    splits = [(as_rows(train), as_rows(test)) for train, test in cv.split(X, y, **routed.splitter.split)]
    sizes = _absolute_sizes(train_sizes, len(splits[0][0]))
    if verbose > 0:
        print(f"[learning_curve] Training set sizes: {sizes}")
    if shuffle:
        rng = check_random_state(random_state)
        splits = [(rng.permutation(train), test) for train, test in splits]
    outcome = _train_and_test(scorer, scoring, routed, error_score)
    if exploit_incremental_learning:
        classes = {"classes": np.unique(y)} if is_classifier(estimator) else {}
        rows = Parallel(n_jobs=n_jobs, pre_dispatch=pre_dispatch)(
            delayed(_grow)(estimator, X, y, train, test, sizes, outcome, {**routed.estimator.partial_fit, **classes})
            for train, test in splits
        )
        members = [member for row in rows for member in row]
    else:
        job = Job(
            estimator,
            X,
            y,
            [{}],
            [(train[:size], test) for train, test in splits for size in sizes],
            outcome,
            fit_params=routed.estimator.fit,
            error_score=error_score,
            verbose=verbose,
            total=(1, len(splits) * len(sizes)),
        )
        members = members_of(job, n_jobs, pre_dispatch)
        settle_failures(members, error_score)
    shape = (len(splits), len(sizes))
    curves = [_table(members, kind, shape).T for kind in ("train_scores", "test_scores")]
    if return_times:
        curves += [np.reshape([member[kind] for member in members], shape).T for kind in ("fit_time", "score_time")]
    return sizes, *curves


def _train_and_test(scorer, scoring, routed, error_score) -> Scores:
    return Scores(
        scorer,
        transparent=is_transparent(scoring),
        metadata=routed.scorer.score,
        error_score=error_score,
        with_train=True,
    )


def _table(members, kind, shape):
    return gather_scores(members, kind)["score"].reshape(shape)


def _absolute_sizes(train_sizes, n_most: int):
    sizes = np.asarray(train_sizes)
    n_asked = len(sizes)
    least, most = np.min(sizes), np.max(sizes)
    if np.issubdtype(sizes.dtype, np.floating):
        if least <= 0.0 or most > 1.0:
            raise ValueError(
                "train_sizes has been interpreted as fractions of the maximum number of training samples and must be "
                f"within (0, 1], but is within [{least}, {most}]."
            )
        sizes = np.clip((sizes * n_most).astype(int), 1, n_most)
    elif least <= 0 or most > n_most:
        raise ValueError(
            "train_sizes has been interpreted as absolute numbers of training samples and must be within "
            f"(0, {n_most}], but is within [{least}, {most}]."
        )
    sizes = np.unique(sizes)
    if len(sizes) < n_asked:
        warnings.warn(
            "Removed duplicate entries from 'train_sizes'. Number of ticks will be less than the size of "
            f"'train_sizes': {len(sizes)} instead of {n_asked}.",
            RuntimeWarning,
            stacklevel=3,
        )
    return sizes


def _grow(estimator, X, y, train, test, sizes, outcome: Scores, fit_params) -> list[dict]:
    """Feed the training samples of a fold to one estimator piece by piece, and score it after each piece."""
    estimator = clone(estimator)
    members = []
    for start, size in zip([0, *sizes[:-1]], sizes, strict=True):
        piece = Fold(estimator, X, y, train[start:size], test)
        begun = time.perf_counter()
        X_piece, y_piece = piece.training
        arguments = (X_piece,) if y is None else (X_piece, y_piece)
        estimator.partial_fit(*arguments, **take_metadata(X, fit_params, piece.train))
        fit_time = time.perf_counter() - begun
        members.append({**outcome.of(estimator, Fold(estimator, X, y, train[:size], test)), "fit_time": fit_time})
    return members
