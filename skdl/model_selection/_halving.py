"""Searches by successive halving: many candidates on little, few candidates on much."""

import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV as _HalvingGridSearchCV
from sklearn.model_selection import HalvingRandomSearchCV as _HalvingRandomSearchCV

from skdl.model_selection._base import FamilySearch
from skdl.model_selection._fold import count_rows

__all__ = ["HalvingGridSearchCV", "HalvingRandomSearchCV"]


class _HalvingSearch(FamilySearch):
    """The ``fit`` of a halving search."""

    def fit(self, X, y=None, **params):
        """Evaluate candidates in rounds, of which each keeps the best, and fit the best one to all the samples.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.
        **params : dict of str to object
            As in :meth:`GridSearchCV.fit`.

        Returns
        -------
        self
            The fitted search.

        Raises
        ------
        ValueError
            If there are fewer samples than a round needs.
        """
        self._n_samples_orig = count_rows(X)
        if self._n_samples_orig == 1:
            raise ValueError(
                f"{type(self).__name__} needs two samples at least, got n_samples = {self._n_samples_orig}."
            )
        super().fit(X, y, **params)
        self.best_score_ = self.cv_results_["mean_test_score"][self.best_index_]
        return self


class HalvingGridSearchCV(_HalvingSearch, _HalvingGridSearchCV):
    """Search a grid by successive halving, the candidates and folds of each round fitted together.

    All candidates begin with few samples (or little of another resource); the best ``1 / factor`` of them go on with
    ``factor`` times as much. To be preferred to :class:`GridSearchCV` where fits to all the samples are long.

    Parameters
    ----------
    estimator : estimator
        As in :class:`GridSearchCV`.
    param_grid : dict of str to list, or list of such dicts
        As in :class:`GridSearchCV`.
    factor : int or float, default=3
        How many times fewer candidates, and how much more resource, each round has.
    resource : str, default="n_samples"
        "n_samples", or a parameter of the estimator that is a positive int.
    max_resources : int or "auto", default="auto"
        The most of the resource that a candidate is given; "auto" is all the samples.
    min_resources : int, "exhaust" or "smallest", default="exhaust"
        What candidates begin with: "smallest" is what a small sample of each class and fold needs; "exhaust" is such
        that the last round has as much as there is.
    aggressive_elimination : bool, default=False
        Whether to repeat the first round until few enough candidates are left for the last one.
    cv : int, splitter or iterable of (train, test), default=5
        The folds; the same ones at each call.
    scoring : str, callable or None, default=None
        One metric, as in :class:`GridSearchCV`.
    refit : bool or callable, default=True
        Whether to fit the best candidate of the last round to all the samples.
    error_score : "raise" or float, default=nan
        As in :class:`GridSearchCV`.
    return_train_score : bool, default=True
        As in :class:`GridSearchCV`.
    random_state : int, RandomState or None, default=None
        What the samples of a round are drawn with.
    n_jobs : int, default=None
        As in :class:`GridSearchCV`.
    verbose : int, default=0
        As in :class:`GridSearchCV`.
    checkpoint : str or path-like, default=None
        As in :class:`GridSearchCV`; needs an int as ``random_state``.
    return_history : bool, default=False
        As in :class:`GridSearchCV`.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        As in :class:`GridSearchCV`, with ``iter`` and ``n_resources``; a row for each candidate of each round.
    n_resources_ : list of int
        The resource of each round.
    n_candidates_ : list of int
        The number of candidates of each round.
    n_remaining_candidates_ : int
        The number of candidates that would have gone on.
    min_resources_, max_resources_ : int
        The resource of the first round, and the bound.
    n_iterations_, n_required_iterations_, n_possible_iterations_ : int
        The number of rounds: done, needed to be left with less than ``factor`` candidates, possible within the bounds.
    plan_ : Plan
        How all rounds were carried out. The other attributes are those of :class:`GridSearchCV`.

    See Also
    --------
    HalvingRandomSearchCV : The same for candidates drawn at random.

    Notes
    -----
    Costs, errors and differences from scikit-learn are those of :class:`GridSearchCV`. scikit-learn calls its class
    experimental and wants ``enable_halving_search_cv`` to be imported; here that is not needed.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.model_selection import HalvingGridSearchCV
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_digits(return_X_y=True)
    >>> grid = {"var_smoothing": [1e-9, 1e-6, 1e-3, 1e-2, 1e-1, 1.0]}
    >>> search = HalvingGridSearchCV(GaussianNB(), grid, random_state=0).fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([6, 2], [599, 1797])
    """

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        factor=3,
        resource="n_samples",
        max_resources="auto",
        min_resources="exhaust",
        aggressive_elimination=False,
        cv=5,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=True,
        random_state=None,
        n_jobs=None,
        verbose=0,
        checkpoint=None,
        return_history=False,
    ):
        super().__init__(
            estimator,
            param_grid,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.checkpoint = checkpoint
        self.return_history = return_history


class HalvingRandomSearchCV(_HalvingSearch, _HalvingRandomSearchCV):
    """Search candidates drawn at random by successive halving, those of each round fitted together.

    Parameters
    ----------
    estimator : estimator
        As in :class:`GridSearchCV`.
    param_distributions : dict of str to list or distribution, or list of such dicts
        As in :class:`RandomizedSearchCV`.
    n_candidates : int or "exhaust", default="exhaust"
        The number of candidates of the first round; "exhaust" is so many that the last round uses as much as there is.
    factor : int or float, default=3
        As in :class:`HalvingGridSearchCV`.
    resource : str, default="n_samples"
        As in :class:`HalvingGridSearchCV`.
    max_resources : int or "auto", default="auto"
        As in :class:`HalvingGridSearchCV`.
    min_resources : int, "exhaust" or "smallest", default="smallest"
        As in :class:`HalvingGridSearchCV`.
    aggressive_elimination : bool, default=False
        As in :class:`HalvingGridSearchCV`.
    cv : int, splitter or iterable of (train, test), default=5
        As in :class:`HalvingGridSearchCV`.
    scoring : str, callable or None, default=None
        As in :class:`HalvingGridSearchCV`.
    refit : bool or callable, default=True
        As in :class:`HalvingGridSearchCV`.
    error_score : "raise" or float, default=nan
        As in :class:`GridSearchCV`.
    return_train_score : bool, default=True
        As in :class:`GridSearchCV`.
    random_state : int, RandomState or None, default=None
        What the candidates and the samples of a round are drawn with.
    n_jobs : int, default=None
        As in :class:`GridSearchCV`.
    verbose : int, default=0
        As in :class:`GridSearchCV`.
    checkpoint : str or path-like, default=None
        As in :class:`GridSearchCV`; needs an int as ``random_state``.
    return_history : bool, default=False
        As in :class:`GridSearchCV`.

    Attributes
    ----------
    cv_results_ : dict of str to ndarray
        As in :class:`HalvingGridSearchCV`, and so are all the other attributes.

    See Also
    --------
    HalvingGridSearchCV : The same for a grid.

    Notes
    -----
    Costs, errors and differences from scikit-learn are those of :class:`HalvingGridSearchCV`.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skdl.model_selection import HalvingRandomSearchCV
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_iris(return_X_y=True)
    >>> search = HalvingRandomSearchCV(GaussianNB(), {"var_smoothing": loguniform(1e-9, 1)}, random_state=0)
    >>> search.fit(X, y).n_candidates_
    [5, 2]
    """

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_candidates="exhaust",
        factor=3,
        resource="n_samples",
        max_resources="auto",
        min_resources="smallest",
        aggressive_elimination=False,
        cv=5,
        scoring=None,
        refit=True,
        error_score=np.nan,
        return_train_score=True,
        random_state=None,
        n_jobs=None,
        verbose=0,
        checkpoint=None,
        return_history=False,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_candidates=n_candidates,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
        self.checkpoint = checkpoint
        self.return_history = return_history
