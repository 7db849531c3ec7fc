"""Cross-validation of one estimator: scores and predictions."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import indexable

from skdl.model_selection._carry_out import carry_out, in_order
from skdl.model_selection._fold import as_rows, count_rows
from skdl.model_selection._job import Job
from skdl.model_selection._outcome import Predictions, Scores, is_transparent
from skdl.model_selection._predictions import classes_of, is_permutation, join_folds
from skdl.model_selection._results import gather_scores, settle_failures
from skdl.model_selection._routing import check_arguments, route

__all__ = ["cross_val_predict", "cross_val_score", "cross_validate", "members_of"]


def members_of(job: Job, n_jobs, pre_dispatch) -> list[dict]:
    """Carry out a job; return its members by candidates, then splits.

    Parameters
    ----------
    job : Job
        The work.
    n_jobs, pre_dispatch : object
        See :func:`cross_validate`.

    Returns
    -------
    list of dict
        See :func:`run_group`.
    """
    members, _, interrupted = carry_out(job, n_jobs=n_jobs, pre_dispatch=pre_dispatch)
    if interrupted:
        raise KeyboardInterrupt
    return in_order(members, len(job.candidates), len(job.splits))


def cross_validate(
    estimator,
    X,
    y=None,
    *,
    groups=None,
    scoring=None,
    cv=None,
    n_jobs=None,
    verbose=0,
    params=None,
    pre_dispatch="2*n_jobs",
    return_train_score=False,
    return_estimator=False,
    return_indices=False,
    error_score=np.nan,
):
    """Score an estimator by cross-validation, all folds fitted together where it knows how.

    Parameters
    ----------
    estimator : estimator
        Cloned for each fold and not changed.
    X : array-like or frame of shape (n_samples, n_features)
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets.
    groups : array-like of shape (n_samples,), default=None
        What a splitter by groups needs.
    scoring : str, callable, list, tuple or dict, default=None
        One metric or several, as in :class:`GridSearchCV`.
    cv : int, splitter or iterable of (train, test), default=None
        The folds; None is 5. An int makes stratified folds for a classifier.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it.
    verbose : int, default=0
        Above 0 the plan and a progress bar are shown, above 1 a line for each fit.
    params : dict of str to object, default=None
        What ``fit`` takes beside X and y; where metadata routing is on, what the scorer and the splitter take too.
    pre_dispatch : int or str, default="2*n_jobs"
        How many groups are sent to the processes ahead.
    return_train_score : bool, default=False
        Whether to score on the training samples too.
    return_estimator : bool, default=False
        Whether to keep the fitted estimators.
    return_indices : bool, default=False
        Whether to return the rows of each fold.
    error_score : "raise" or float, default=nan
        The score of a fit that fails.

    Returns
    -------
    dict of str to ndarray of shape (n_splits,)
        ``test_score`` (``test_<name>`` for several metrics), ``train_score``, ``fit_time`` and ``score_time`` in
        seconds, those of a family divided evenly; ``estimator`` and ``indices`` as asked for.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import cross_validate
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> cross_validate(KNeighborsClassifier(), X, y, scoring=["accuracy", "f1_macro"])["test_accuracy"].round(3)
    array([0.967, 1.   , 0.933, 0.967, 1.   ])
    """
    check_arguments(
        "cross_validate",
        estimator,
        groups,
        error_score=error_score,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        pre_dispatch=pre_dispatch,
        return_train_score=return_train_score,
        return_estimator=return_estimator,
        return_indices=return_indices,
    )
    X, y = indexable(X, y)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    scorer = check_scoring(estimator, scoring=scoring, raise_exc=(error_score == "raise"))
    routed = route("cross_validate", groups, params, estimator=estimator, cv=cv, scorer=scorer)
    indices = list(cv.split(X, y, **routed.splitter.split))
    outcome = Scores(
        scorer,
        transparent=is_transparent(scoring),
        metadata=routed.scorer.score,
        error_score=error_score,
        with_train=return_train_score,
        with_estimator=return_estimator,
    )
    splits = [(as_rows(train), as_rows(test)) for train, test in indices]
    job = Job(
        estimator,
        X,
        y,
        [{}],
        splits,
        outcome,
        fit_params=routed.estimator.fit,
        error_score=error_score,
        verbose=verbose,
        total=(1, len(splits)),
    )
    members = members_of(job, n_jobs, pre_dispatch)
    settle_failures(members, error_score)
    times = ("fit_time", "score_time")
    returned: dict[str, Any] = {name: np.asarray([member[name] for member in members]) for name in times}
    if return_estimator:
        returned["estimator"] = [member["estimator"] for member in members]
    if return_indices:
        train, test = zip(*indices, strict=True)
        returned["indices"] = {"train": train, "test": test}
    train_scores = gather_scores(members, "train_scores") if return_train_score else {}
    for name, values in gather_scores(members, "test_scores").items():
        returned[f"test_{name}"] = values
        if return_train_score:
            returned[f"train_{name}"] = train_scores[name]
    return returned


def cross_val_score(
    estimator,
    X,
    y=None,
    *,
    groups=None,
    scoring=None,
    cv=None,
    n_jobs=None,
    verbose=0,
    params=None,
    pre_dispatch="2*n_jobs",
    error_score=np.nan,
):
    """Score an estimator by cross-validation with one metric.

    Parameters
    ----------
    estimator : estimator
        As in :func:`cross_validate`.
    X : array-like or frame of shape (n_samples, n_features)
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets.
    groups : array-like of shape (n_samples,), default=None
        As in :func:`cross_validate`.
    scoring : str or callable, default=None
        One metric; None for the estimator's ``score``.
    cv : int, splitter or iterable of (train, test), default=None
        As in :func:`cross_validate`.
    n_jobs : int, default=None
        As in :func:`cross_validate`.
    verbose : int, default=0
        As in :func:`cross_validate`.
    params : dict of str to object, default=None
        As in :func:`cross_validate`.
    pre_dispatch : int or str, default="2*n_jobs"
        As in :func:`cross_validate`.
    error_score : "raise" or float, default=nan
        As in :func:`cross_validate`.

    Returns
    -------
    ndarray of shape (n_splits,)
        The score of each fold.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import cross_val_score
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> cross_val_score(GaussianNB(), X, y).round(3)
    array([0.933, 0.967, 0.933, 0.933, 1.   ])
    """
    scorer = check_scoring(estimator, scoring=scoring)
    scored = cross_validate(
        estimator,
        X,
        y,
        groups=groups,
        # One name, so that a callable that returns several scores is refused; scikit-learn's own stay known as such.
        scoring={"score": scoring if isinstance(scoring, str) else scorer},
        cv=cv,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        pre_dispatch=pre_dispatch,
        error_score=error_score,
    )
    return scored["test_score"]


def cross_val_predict(
    estimator,
    X,
    y=None,
    *,
    groups=None,
    cv=None,
    n_jobs=None,
    verbose=0,
    params=None,
    pre_dispatch="2*n_jobs",
    method="predict",
):
    """Predict each sample by an estimator fitted on the other folds.

    Parameters
    ----------
    estimator : estimator
        As in :func:`cross_validate`.
    X : array-like or frame of shape (n_samples, n_features)
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        The targets.
    groups : array-like of shape (n_samples,), default=None
        As in :func:`cross_validate`.
    cv : int, splitter or iterable of (train, test), default=None
        As in :func:`cross_validate`; each sample is in one test fold.
    n_jobs : int, default=None
        As in :func:`cross_validate`.
    verbose : int, default=0
        As in :func:`cross_validate`.
    params : dict of str to object, default=None
        What ``fit`` takes beside X and y; where metadata routing is on, what the splitter takes too.
    pre_dispatch : int or str, default="2*n_jobs"
        As in :func:`cross_validate`.
    method : str, default="predict"
        "predict", "predict_proba", "predict_log_proba" or "decision_function".

    Returns
    -------
    ndarray of shape (n_samples,) or (n_samples, n_classes)
        Rows as in X. Columns are in the order of the sorted labels; one of a class that a fold does not train on has
        probability zero, or the smallest number of its type. A list of arrays for targets of several outputs.

    Raises
    ------
    ValueError
        If a sample is in no test fold or in two.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import cross_val_predict
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> int((cross_val_predict(KNeighborsClassifier(), X, y) == y).sum())
    146
    """
    check_arguments(
        "cross_val_predict",
        estimator,
        groups,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        pre_dispatch=pre_dispatch,
        method=method,
    )
    X, y = indexable(X, y)
    routed = route("cross_val_predict", groups, params, estimator=estimator, cv=cv)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    splits = [(as_rows(train), as_rows(test)) for train, test in cv.split(X, y, **routed.splitter.split)]
    tests = [test for _, test in splits]
    if not is_permutation(np.concatenate(tests), count_rows(X)):
        raise ValueError("cross_val_predict only works for partitions: each sample has to be in one test fold")
    if y is not None and method != "predict":
        # Numbers for labels, so that columns are found by them.
        y = np.asarray(y)
        y = LabelEncoder().fit_transform(y) if y.ndim == 1 else _encoded_columns(y)
    job = Job(
        estimator,
        X,
        y,
        [{}],
        splits,
        Predictions(method, classes_of(y, method)),
        fit_params=routed.estimator.fit,
        verbose=verbose,
        total=(1, len(splits)),
    )
    members = members_of(job, n_jobs, pre_dispatch)
    return join_folds([member["predictions"] for member in members], tests, count_rows(X))


def _encoded_columns(y):
    encoded = np.zeros_like(y, dtype=int)
    for column in range(y.shape[1]):
        encoded[:, column] = LabelEncoder().fit_transform(y[:, column])
    return encoded
