"""Ensembles that choose their members."""

from typing import ClassVar

import numpy as np
from sklearn import ensemble
from sklearn.utils.validation import check_is_fitted

from skdl.ensemble._greedy_base import Greedy
from skdl.utils import Options


class GreedyEnsembleClassifier(Greedy, ensemble.VotingClassifier):
    """A weighted vote whose members are chosen one by one from a library of classifiers.

    Use it over many candidates, good and bad, the candidates of a search above all: what helps the vote is
    chosen, several times if need be, and the rest is left out.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The library. "drop" in place of a candidate leaves it out.
    n_steps : int, default=50
        How many members are added after the first ones.
    n_init : int, default=5
        How many of the best candidates the ensemble may begin with: as many as are best together.
    n_bags : int, default=20
        How many ensembles are selected, each from a random part of the library; their mean is taken.
    bag_fraction : float or None, default=None
        That part; at 1 a single ensemble is selected. None is 0.5 from 20 candidates on, and 1 for fewer, of which the
        best may be missed.
    loss : {"log_loss", "brier", "error"}, callable or None, default=None
        What each step makes as small as it can; a function is given the codes of the true classes and the mean
        probabilities. None is "log_loss".
    cv : int, splitter or iterable of (train, test), default=None
        The folds of the out-of-fold predictions, each row tested once; None is 5, stratified. A splitter of
        groups gets them by metadata routing.
    predictions : list of ndarray of shape (n_samples, n_classes), or None, default=None
        Out-of-fold probabilities of each candidate that are there already, columns in the order of the sorted labels;
        nothing is then cross-validated. See :meth:`from_search`.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it.
    verbose : bool or int, default=0
        Shows a progress bar if positive.
    random_state : int, RandomState or None, default=None
        Draws the parts of the library.

    Attributes
    ----------
    weights_ : ndarray of shape (n_candidates,)
        How much each candidate counts, sum one; most are zero.
    loss_ : float
        The loss of the ensemble on out-of-fold predictions: those that it was chosen by, so that it flatters.
    losses_ : ndarray of shape (n_candidates,)
        The loss of each candidate on them.
    estimators_ : list of classifiers
        The candidates with weights, fitted on all rows. They know the classes by their codes.
    named_estimators_ : sklearn.utils.Bunch
        All by name; "drop" in place of a candidate without weight.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    le_ : sklearn.preprocessing.LabelEncoder
        Turns labels into codes and back.
    n_features_in_ : int
        The number of features, as the first member knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where members know them.

    Raises
    ------
    ValueError
        For bad parameters and data. An error of a member says its name.

    See Also
    --------
    VotingClassifier : With ``weights="optimal"`` the weights of the least loss, of any size.
    skdl.model_selection.GridSearchCV : Its candidates may be chosen from.

    Notes
    -----
    *Cost.* A fit for each candidate and fold, none if ``predictions`` are given, and one more for those chosen. Members
    of one class with a family fit are fitted together, pipelines that begin alike share the fit of these steps. A
    step looks at all out-of-fold predictions of all candidates once.

    *Differences from the paper.* The first members are as many of the best as are best together, and the best ensemble
    on the way is taken, not the last.

    References
    ----------
    Caruana, R., Niculescu-Mizil, A., Crew, G. & Ksikes, A. (2004). Ensemble selection from libraries of models. ICML.
    https://doi.org/10.1145/1015330.1015432

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.ensemble import GreedyEnsembleClassifier
    >>> from skdl.model_selection import GridSearchCV
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> grid = {"n_neighbors": [1, 5, 15, 45], "weights": ["uniform", "distance"]}
    >>> search = GridSearchCV(KNeighborsClassifier(), grid, return_predictions="predict_proba").fit(X, y)
    >>> chosen = GreedyEnsembleClassifier.from_search(search, random_state=0).fit(X, y)
    >>> bool(chosen.loss_ < chosen.losses_.min())
    True
    """

    _response = "predict_proba"
    _constraints: ClassVar[dict[str, list]] = {
        **Greedy._constraints,
        "loss": [None, Options("log_loss", "brier", "error"), callable],
    }

    def __init__(
        self,
        estimators,
        *,
        n_steps=50,
        n_init=5,
        n_bags=20,
        bag_fraction=None,
        loss=None,
        cv=None,
        predictions=None,
        n_jobs=None,
        verbose=0,
        random_state=None,
    ):
        self.estimators = estimators
        self.n_steps = n_steps
        self.n_init = n_init
        self.n_bags = n_bags
        self.bag_fraction = bag_fraction
        self.loss = loss
        self.cv = cv
        self.predictions = predictions
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def predict(self, X):
        """Predict the class of the largest mean probability.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X):
        """Predict the weighted mean probability of each class.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        return np.average(self._said(X), axis=0, weights=self._chosen_weights)

    def transform(self, X):
        """Return the probabilities that each chosen member gives.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_members * n_classes)
        """
        return np.hstack(list(self._said(X)))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of :meth:`transform`.

        Parameters
        ----------
        input_features : object, default=None
            Not used.

        Returns
        -------
        ndarray of str of shape (n_members * n_classes,)
        """
        prefix = type(self).__name__.lower()
        names = [f"{prefix}_{name}{k}" for name, _ in self._named_fitted() for k in range(len(self.classes_))]
        return np.asarray(names, dtype=object)


class GreedyEnsembleRegressor(Greedy, ensemble.VotingRegressor):
    """A weighted mean whose members are chosen one by one from a library of regressors.

    Use it over many candidates, good and bad, the candidates of a search above all: what helps the mean is
    chosen, several times if need be, and the rest is left out.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The library. "drop" in place of a candidate leaves it out.
    n_steps : int, default=50
        How many members are added after the first ones.
    n_init : int, default=5
        How many of the best candidates the ensemble may begin with: as many as are best together.
    n_bags : int, default=20
        How many ensembles are selected, each from a random part of the library; their mean is taken.
    bag_fraction : float or None, default=None
        That part; at 1 a single ensemble is selected. None is 0.5 from 20 candidates on, and 1 for fewer, of which the
        best may be missed.
    loss : {"squared_error", "absolute_error"}, callable or None, default=None
        What each step makes as small as it can; a function is given the targets and the mean predictions. None is
        "squared_error".
    cv : int, splitter or iterable of (train, test), default=None
        The folds of the out-of-fold predictions, each row tested once; None is 5. A splitter of groups gets them by
        metadata routing.
    predictions : list of ndarray of shape (n_samples,), or None, default=None
        Out-of-fold predictions of each candidate that are there already; nothing is then cross-validated. See
        :meth:`from_search`.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it.
    verbose : bool or int, default=0
        Shows a progress bar if positive.
    random_state : int, RandomState or None, default=None
        Draws the parts of the library.

    Attributes
    ----------
    weights_ : ndarray of shape (n_candidates,)
        How much each candidate counts, sum one; most are zero.
    loss_ : float
        The loss of the ensemble on out-of-fold predictions: those that it was chosen by, so that it flatters.
    losses_ : ndarray of shape (n_candidates,)
        The loss of each candidate on them.
    estimators_ : list of regressors
        The candidates with weights, fitted on all rows.
    named_estimators_ : sklearn.utils.Bunch
        All by name; "drop" in place of a candidate without weight.
    n_features_in_ : int
        The number of features, as the first member knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where members know them.

    Raises
    ------
    ValueError
        For bad parameters and data. An error of a member says its name.

    See Also
    --------
    VotingRegressor : With ``weights="optimal"`` the weights of the least loss, of any size.
    skdl.model_selection.GridSearchCV : Its candidates may be chosen from.

    Notes
    -----
    *Cost* and *differences from the paper* are those of :class:`GreedyEnsembleClassifier`.

    References
    ----------
    Caruana, R., Niculescu-Mizil, A., Crew, G. & Ksikes, A. (2004). Ensemble selection from libraries of models. ICML.
    https://doi.org/10.1145/1015330.1015432

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import GreedyEnsembleRegressor
    >>> from skdl.linear_model import Ridge
    >>> from skdl.neighbors import KNeighborsRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> library = [(f"ridge{i}", Ridge(alpha)) for i, alpha in enumerate([0.1, 1])]
    >>> library += [(f"neighbours{k}", KNeighborsRegressor(k)) for k in (5, 20)]
    >>> chosen = GreedyEnsembleRegressor(library, random_state=0).fit(X, y)
    >>> bool(chosen.loss_ < chosen.losses_.min())
    True
    """

    _response = "predict"
    _constraints: ClassVar[dict[str, list]] = {
        **Greedy._constraints,
        "loss": [None, Options("squared_error", "absolute_error"), callable],
    }

    def __init__(
        self,
        estimators,
        *,
        n_steps=50,
        n_init=5,
        n_bags=20,
        bag_fraction=None,
        loss=None,
        cv=None,
        predictions=None,
        n_jobs=None,
        verbose=0,
        random_state=None,
    ):
        self.estimators = estimators
        self.n_steps = n_steps
        self.n_init = n_init
        self.n_bags = n_bags
        self.bag_fraction = bag_fraction
        self.loss = loss
        self.cv = cv
        self.predictions = predictions
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def predict(self, X):
        """Predict the weighted mean of the members.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return np.average(self._said(X).T, axis=1, weights=self._chosen_weights)

    def transform(self, X):
        """Return what each chosen member predicts.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_members)
        """
        return self._said(X).T

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of :meth:`transform`.

        Parameters
        ----------
        input_features : object, default=None
            Not used.

        Returns
        -------
        ndarray of str of shape (n_members,)
        """
        prefix = type(self).__name__.lower()
        return np.asarray([f"{prefix}_{name}" for name, _ in self._named_fitted()], dtype=object)
