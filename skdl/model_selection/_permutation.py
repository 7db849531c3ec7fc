"""Scores against those of permuted targets."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import check_random_state, indexable
from sklearn.utils.parallel import Parallel, delayed

from skdl.model_selection._carry_out import carry_out
from skdl.model_selection._fold import as_rows
from skdl.model_selection._inherited import rows_of
from skdl.model_selection._job import Job
from skdl.model_selection._outcome import Scores, is_transparent
from skdl.model_selection._routing import check_arguments, route

__all__ = ["permutation_test_score"]


def permutation_test_score(
    estimator,
    X,
    y,
    *,
    groups=None,
    cv=None,
    n_permutations=100,
    n_jobs=None,
    random_state=0,
    verbose=0,
    scoring=None,
    params=None,
):
    """Tell by permuted targets whether a cross-validated score is more than chance.

    Parameters
    ----------
    estimator : estimator
        Cloned for each fit and not changed.
    X : array-like or frame of shape (n_samples, n_features)
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), or None
        The targets.
    groups : array-like of shape (n_samples,), default=None
        Targets are permuted within groups; the splitter gets them too.
    cv : int, splitter or iterable of (train, test), default=None
        As in :func:`cross_validate`.
    n_permutations : int, default=100
        How often the targets are permuted.
    n_jobs : int, default=None
        How many permutations are worked on at a time.
    random_state : int, RandomState or None, default=0
        What they are permuted with.
    verbose : int, default=0
        Passed on to :class:`joblib.Parallel`.
    scoring : str or callable, default=None
        One metric; None for the estimator's ``score``.
    params : dict of str to object, default=None
        As in :func:`cross_validate`.

    Returns
    -------
    score : float
        The mean score of the folds with the targets as they are.
    permutation_scores : ndarray of shape (n_permutations,)
        The same with permuted targets.
    pvalue : float
        ``(1 + how many of them reach score) / (1 + n_permutations)``, the chance of such a score if samples and targets
        are independent.

    References
    ----------
    M. Ojala and G. C. Garriga, Permutation Tests for Studying Classifier Performance, JMLR 11 (2010) 1833-1863.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import permutation_test_score
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> score, scores, pvalue = permutation_test_score(GaussianNB(), X, y)
    >>> round(float(score), 3), round(float(pvalue), 3)
    (0.953, 0.01)
    """
    check_arguments(
        "permutation_test_score",
        estimator,
        groups,
        n_jobs=n_jobs,
        verbose=verbose,
        params=params,
        n_permutations=n_permutations,
    )
    X, y, groups = indexable(X, y, groups)
    cv = check_cv(cv, y, classifier=is_classifier(estimator))
    scorer = check_scoring(estimator, scoring=scoring)
    random_state = check_random_state(random_state)
    routed = route("permutation_test_score", groups, params, estimator=estimator, cv=cv, scorer=scorer)
    outcome = Scores(scorer, transparent=is_transparent(scoring), metadata=routed.scorer.score, error_score="raise")
    score = _mean_score(estimator, X, y, cv, outcome, routed)
    scores = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_mean_score)(estimator, X, _permuted(y, groups, random_state), cv, outcome, routed)
        for _ in range(n_permutations)
    )
    scores = np.array(scores)
    return score, scores, (np.sum(scores >= score) + 1.0) / (n_permutations + 1)


def _mean_score(estimator, X, y, cv, outcome: Scores, routed):
    splits = [(as_rows(train), as_rows(test)) for train, test in cv.split(X, y, **routed.splitter.split)]
    job = Job(estimator, X, y, [{}], splits, outcome, fit_params=routed.estimator.fit, total=(1, len(splits)))
    members, _, interrupted = carry_out(job, n_jobs=1)
    if interrupted:
        raise KeyboardInterrupt
    return np.mean([members[0, split]["test_scores"] for split in range(len(splits))])


def _permuted(y, groups, random_state):
    if groups is None:
        rows = random_state.permutation(len(y))
    else:
        rows = np.arange(len(groups))
        for group in np.unique(groups):
            of_group = np.asarray(groups) == group
            rows[of_group] = random_state.permutation(rows[of_group])
    return rows_of(y, rows)
