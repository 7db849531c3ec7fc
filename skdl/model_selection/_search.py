"""Searches over a grid, and over samples from one."""

import numpy as np
from sklearn import model_selection

from skdl.model_selection._base import FamilySearch

__all__ = ["GridSearchCV", "RandomizedSearchCV"]


class GridSearchCV(FamilySearch, model_selection.GridSearchCV):
    """Search a grid of parameters by cross-validation, all candidates and folds fitted together.

    The same results as from scikit-learn's class, at a fraction of the cost where the estimator (or the last step of a
    pipeline) knows how to fit a family: neighbours search once for all ``n_neighbors``, networks train side by side.
    Other estimators are fitted one by one, and the earlier steps of a pipeline once for each of their settings and
    fold. ``plan_`` says what was done.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn estimator; it is cloned and not changed. It has a ``score`` method unless ``scoring`` is given.
    param_grid : dict of str to list, or list of such dicts
        The values to try of each parameter, nested ones as ``step__name``.
    scoring : str, callable, list, tuple or dict, default=None
        One metric or several, by scikit-learn's names or as callables ``(estimator, X, y)`` that return a number or a
        dict of them; None for the estimator's ``score``.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time; None is 1 unless ``joblib.parallel_config`` says otherwise, -1
        is all processors. A family is divided between processes; a single GPU is never shared by several.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate to all the samples, the name of the metric that decides which it is, or a
        callable that takes ``cv_results_`` and returns its index.
    cv : int, splitter or iterable of (train, test), default=None
        The folds; None is 5. An int makes stratified folds for a classifier.
    verbose : int, default=0
        Above 0 the plan and a progress bar with the time left are shown, above 1 a line for each fit.
    pre_dispatch : int or str, default="2*n_jobs"
        How many groups are sent to the processes ahead; see :class:`joblib.Parallel`.
    error_score : "raise" or float, default=nan
        The score of a fit that fails; its siblings are not touched by it.
    return_train_score : bool, default=False
        Whether to score on the training samples too.
    checkpoint : str or path-like, default=None
        A file in which finished groups of fits are written down. A search that was killed, run again, goes on from
        there and ends with the same results; a file of another search is refused. A group is then one fold of all
        candidates.
    return_history : bool, default=False
        Whether to keep ``history_`` of each fitted estimator that has one.
    return_predictions : bool or str, default=False
        Whether to keep what each candidate predicts for the test folds: True or "predict", "predict_proba",
        "predict_log_proba" or "decision_function". From these predictions
        :meth:`skdl.ensemble.GreedyEnsembleClassifier.from_search` ("predict_proba") and
        :meth:`skdl.ensemble.GreedyEnsembleRegressor.from_search` (True) choose an ensemble of candidates, with nothing
        cross-validated again.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray of shape (n_candidates,)
        As scikit-learn's: ``params``, ``param_*``, ``split*_test_score``, ``mean_test_score``, ``rank_test_score``,
        times, ... The time of a family is divided evenly among its members, so that the sums are what was spent.
    best_estimator_ : estimator
        The best candidate, fitted to all the samples; only if ``refit``.
    best_score_ : float
        Its mean score on the test folds.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its place in ``cv_results_``.
    scorer_ : callable or dict of str to callable
        The scorer, or the scorers by name.
    n_splits_ : int
        The number of folds.
    refit_time_ : float
        The seconds that the last fit took; only if ``refit``.
    multimetric_ : bool
        Whether there are several metrics.
    classes_ : ndarray of shape (n_classes,)
        The labels, of a classifier that was refitted.
    n_features_in_ : int
        The number of features; only if ``refit`` and ``best_estimator_`` has it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names; only if ``refit`` and X is a frame.
    plan_ : Plan
        What was fitted together, what one by one and why; ``print`` shows it.
    history_ : list of list
        The ``history_`` of each candidate and fold, None where there is none; only if ``return_history``.
    oof_predictions_ : list of ndarray of shape (n_samples,) or (n_samples, n_classes)
        The out-of-fold predictions: for each candidate, in the order of ``cv_results_``, what each sample is predicted
        by the fit that has not seen it. Rows as in X, columns in the order of the sorted labels, of shape
        (n_samples,) where the method gives one value for each sample; NaN (None for labels that are no numbers) for a
        sample that no fold tests or whose fold's fit failed. None for a candidate of which every fit failed. Only if
        ``return_predictions``.
    oof_method_ : str
        The method that gave them: "predict", "predict_proba", ... Only if ``return_predictions``.

    Raises
    ------
    ValueError
        If all fits fail, if ``checkpoint`` belongs to another search, or if ``return_predictions`` and ``cv`` tests a
        sample twice; and as scikit-learn's class.

    See Also
    --------
    RandomizedSearchCV : A number of candidates drawn from the grid or from distributions.
    HalvingGridSearchCV : Spend most on the candidates that look best.
    skdl.ensemble.GreedyEnsembleClassifier.from_search : An ensemble of the candidates in place of the best one.

    Notes
    -----
    *Cost.* Time is that of the estimator's family fit and of scoring each member. In memory there are, beside what a
    family fit holds, one fitted member at a time and copies of at most 4 times the rows of X in all (more only where a
    single split has more). Networks behind the earlier steps of a pipeline are trained for several folds at
    once, of which the transformed samples are held then, at most 8 times the rows of X.

    *If Ctrl-C is pressed*, the candidates of which all folds are done make the results, with a warning; if there are
    none, ``KeyboardInterrupt`` is raised.

    *A family whose fit fails* is halved until the failing member stands alone; so is one for which memory does not
    suffice.

    *On several machines.* Within ``joblib.parallel_config("dask")`` the groups are carried out by the workers of the
    ``distributed`` cluster whose client was made last (``pip install skdl[distributed]``). Every worker is given X and
    y once, so that one which is lost takes nothing with it: its groups are done again by the others. ::

        client = distributed.Client("scheduler-address:8786")
        with joblib.parallel_config("dask"):
            search.fit(X, y)

    *What is not stacked.* Convolutional, recurrent and attention networks are trained one by one: grouped convolutions
    take longer than single ones on a CPU, and recurrent cells as batched products are no faster than torch's
    (``benchmarks/stacks.py`` measures both). So are perceptrons with options that a stack does not have; ``plan_`` says
    which. Perceptrons too wide to gain by batched products are trained by a thread each.

    *Differences from scikit-learn.* Earlier steps of a pipeline that draw random numbers with ``random_state=None``
    draw them once for all candidates of a group. The last three parameters and attributes are additional.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import GridSearchCV
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 5, 15], "weights": ["uniform", "distance"]})
    >>> search.fit(X, y).best_params_
    {'n_neighbors': 5, 'weights': 'uniform'}
    >>> search.cv_results_["mean_test_score"].round(3)
    array([0.96 , 0.96 , 0.973, 0.967, 0.967, 0.973])
    """

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
        checkpoint=None,
        return_history=False,
        return_predictions=False,
    ):
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.checkpoint = checkpoint
        self.return_history = return_history
        self.return_predictions = return_predictions


class RandomizedSearchCV(FamilySearch, model_selection.RandomizedSearchCV):
    """Search parameters drawn at random by cross-validation, all candidates and folds fitted together.

    To be preferred to :class:`GridSearchCV` where there are many parameters or continuous ones.

    Parameters
    ----------
    estimator : estimator
        Any scikit-learn estimator; it is cloned and not changed. It has a ``score`` method unless ``scoring`` is given.
    param_distributions : dict of str to list or distribution, or list of such dicts
        The values of each parameter, or a distribution with a method ``rvs``. If all are lists, no candidate comes
        twice.
    n_iter : int, default=10
        The number of candidates.
    scoring : str, callable, list, tuple or dict, default=None
        As in :class:`GridSearchCV`.
    n_jobs : int, default=None
        As in :class:`GridSearchCV`.
    refit : bool, str or callable, default=True
        As in :class:`GridSearchCV`.
    cv : int, splitter or iterable of (train, test), default=None
        As in :class:`GridSearchCV`.
    verbose : int, default=0
        As in :class:`GridSearchCV`.
    pre_dispatch : int or str, default="2*n_jobs"
        As in :class:`GridSearchCV`.
    random_state : int, RandomState or None, default=None
        What the candidates are drawn with.
    error_score : "raise" or float, default=nan
        As in :class:`GridSearchCV`.
    return_train_score : bool, default=False
        As in :class:`GridSearchCV`.
    checkpoint : str or path-like, default=None
        As in :class:`GridSearchCV`; needs an int as ``random_state``.
    return_history : bool, default=False
        As in :class:`GridSearchCV`.
    return_predictions : bool or str, default=False
        As in :class:`GridSearchCV`.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray of shape (n_candidates,)
        As in :class:`GridSearchCV`, and so are all the other attributes.

    See Also
    --------
    GridSearchCV : All candidates of a grid.
    HalvingRandomSearchCV : Spend most on the candidates that look best.

    Notes
    -----
    Costs, errors and differences from scikit-learn are those of :class:`GridSearchCV`.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import RandomizedSearchCV
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> search = RandomizedSearchCV(GaussianNB(), {"var_smoothing": loguniform(1e-9, 1)}, n_iter=20, random_state=0)
    >>> round(float(search.fit(X, y).best_score_), 3)
    0.953
    """

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        random_state=None,
        error_score=np.nan,
        return_train_score=False,
        checkpoint=None,
        return_history=False,
        return_predictions=False,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.checkpoint = checkpoint
        self.return_history = return_history
        self.return_predictions = return_predictions
