"""Votes and averages of unlike models."""

from typing import ClassVar

import numpy as np
from sklearn import ensemble
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdl.ensemble._combine import count_votes, normalize_rows, pool_logits, weighted_median
from skdl.ensemble._voting_base import Voting
from skdl.utils import Options


def _gives_probabilities(vote) -> bool:
    if vote.voting == "hard":
        raise AttributeError(f"predict_proba is not available when voting={vote.voting!r}")
    return True


class VotingClassifier(Voting, ensemble.VotingClassifier):
    """A vote of classifiers: by labels, probabilities, log-probabilities or ranks, with weights given or learned.

    Use it over unlike models that are about equally good: their errors cancel. scikit-learn's class, with
    more ways to vote, with weights that are learned on predictions for rows that the members did not see, and with
    members that are fitted together where they know how.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The members by name. "drop" in place of one leaves it out.
    voting : {"hard", "soft", "rank", "logit"}, default="hard"
        "hard" counts the predicted labels; "soft" averages probabilities; "logit" averages log-probabilities (a
        geometric mean: a member that is sure counts more); "rank" averages the ranks of the probabilities of each
        class, for members whose probabilities are not on one scale. Ranks are those among out-of-fold predictions, and
        the average rank is read as the value of that rank among the members' mean.
    weights : array-like of shape (n_estimators,), {"score", "rank", "optimal"}, callable or None, default=None
        How much each member counts; None for equal weights. Learned on out-of-fold predictions: "score" in proportion
        to the cross-validated score; "rank" in proportion to the score divided by its rank; "optimal" minimizes the
        log-loss over all weights that are not negative and sum to one (for "hard" the squared error of the votes'
        shares, for "rank" the log-loss that the mean would have). A callable is given the predictions, (n_estimators,
        n_samples) codes or (n_estimators, n_samples, n_classes) probabilities, and the true codes, and returns weights.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it.
    flatten_transform : bool, default=True
        Whether ``transform`` gives one matrix, of shape (n_samples, n_estimators * n_classes), or one for each member.
    verbose : bool or int, default=False
        Shows a progress bar if positive.
    prefit : bool, default=False
        Whether members are fitted already. ``fit`` then learns weights and ranks alone, from the rows it is given:
        rows that the members were not fitted on.
    cv : int, splitter or iterable of (train, test), default=None
        The folds of the out-of-fold predictions, each row tested once; None is 5, stratified. A splitter of
        groups gets them by metadata routing.
    scoring : str, callable or None, default=None
        What the weights "score" and "rank" go by; None for the members' ``score``.

    Attributes
    ----------
    estimators_ : list of classifiers
        The fitted members without the dropped ones. They know the classes by their codes, unless ``prefit``.
    named_estimators_ : sklearn.utils.Bunch
        The fitted members by name.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    le_ : sklearn.preprocessing.LabelEncoder
        Turns labels into codes and back.
    weights_ : ndarray of shape (n_members,)
        The weights of the members, sum one.
    scores_ : ndarray of shape (n_members,)
        Mean scores over the folds; only for the weights "score" and "rank".
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
    VotingRegressor : The same for numbers.
    GreedyEnsembleClassifier : Chooses members, too.
    StackingClassifier : Learns to combine by an estimator.

    Notes
    -----
    *Cost.* One fit for each member; learned weights and ranks take one more for each fold. Members of one class with a
    family fit are fitted together, and pipelines that begin with the same steps share the fit of these.

    *Differences from scikit-learn.* With default arguments the predictions are the same to the last bit. "rank",
    "logit", learned weights, ``prefit``, ``cv`` and ``scoring`` are additional. ``sample_weight`` reaches the last step
    of a pipeline also without metadata routing. A clone of a prefit ensemble has members that are not fitted, as every
    clone; wrap them in :class:`sklearn.frozen.FrozenEstimator` where that matters.

    References
    ----------
    Kittler, J., Hatef, M., Duin, R. P. W. & Matas, J. (1998). On combining classifiers. IEEE Transactions on Pattern
    Analysis and Machine Intelligence 20, 226-239. https://doi.org/10.1109/34.667881

    Genest, C. & Zidek, J. V. (1986). Combining probability distributions: a critique and an annotated bibliography.
    Statistical Science 1, 114-135. https://doi.org/10.1214/ss/1177013825

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.ensemble import VotingClassifier
    >>> from skdl.naive_bayes import GaussianNB
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> members = [("bayes", GaussianNB()), ("neighbours", KNeighborsClassifier())]
    >>> vote = VotingClassifier(members, voting="soft", weights="optimal").fit(X, y)
    >>> vote.weights_.round(2)
    array([0.42, 0.58])
    >>> vote.predict(X[:2])
    array([0, 0])
    """

    _constraints: ClassVar[dict[str, list]] = {
        **Voting._constraints,
        "voting": [Options("hard", "soft", "rank", "logit")],
        "flatten_transform": [bool],
    }

    def __init__(
        self,
        estimators,
        *,
        voting="hard",
        weights=None,
        n_jobs=None,
        flatten_transform=True,
        verbose=False,
        prefit=False,
        cv=None,
        scoring=None,
    ):
        super().__init__(
            estimators,
            voting=voting,
            weights=weights,
            n_jobs=n_jobs,
            flatten_transform=flatten_transform,
            verbose=verbose,
        )
        self.prefit = prefit
        self.cv = cv
        self.scoring = scoring

    def _method(self) -> str:
        return "predict" if self.voting == "hard" else "predict_proba"

    def _kind(self) -> str:
        return {"hard": "vote", "logit": "logit"}.get(self.voting, "probability")

    def predict(self, X):
        """Predict the class that wins the vote.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels; of several winners, the first in ``classes_``.
        """
        check_is_fitted(self)
        if self.voting == "hard":
            shares = count_votes(self._said(X), len(self.classes_), self._averaged_with)
        else:
            shares = self.predict_proba(X)
        return self.classes_[shares.argmax(axis=1)]

    @available_if(_gives_probabilities)
    def predict_proba(self, X):
        """Predict the probability of each class.

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
        said = self._said(X)
        if self.voting == "logit":
            return pool_logits(said, self._averaged_with)
        if self._ranks is not None:
            return normalize_rows(self._ranks(said))
        return np.average(said, axis=0, weights=self._averaged_with)

    def transform(self, X):
        """Return what each member says.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray
            Class codes of shape (n_samples, n_estimators) if ``voting`` is "hard"; else probabilities, of shape
            (n_samples, n_estimators * n_classes), or (n_estimators, n_samples, n_classes) without
            ``flatten_transform``.
        """
        said = self._said(X)
        if self.voting == "hard":
            return said.T
        return np.hstack(list(said)) if self.flatten_transform else said


class VotingRegressor(Voting, ensemble.VotingRegressor):
    """An average of regressors: mean, median or mean rank, with weights given or learned.

    Use it over unlike models that are about equally good: their errors cancel. scikit-learn's class, with
    more ways to average, with weights that are learned on predictions for rows that the members did not see, and with
    members that are fitted together where they know how.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The members by name. "drop" in place of one leaves it out.
    weights : array-like of shape (n_estimators,), {"score", "rank", "optimal"}, callable or None, default=None
        How much each member counts; None for equal weights. Learned on out-of-fold predictions: "score" in proportion
        to the cross-validated score; "rank" in proportion to the score divided by its rank; "optimal" minimizes the
        squared error of the weighted mean over all weights that are not negative and sum to one. A callable is given
        the predictions of shape (n_estimators, n_samples) and the targets, and returns weights.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it.
    verbose : bool or int, default=False
        Shows a progress bar if positive.
    voting : {"mean", "median", "rank"}, default="mean"
        "median" does not mind a member that is far off; "rank" averages the ranks of the predictions among out-of-fold
        ones, for members that are not on one scale, and reads the average as the value of that rank among the members'
        mean.
    prefit : bool, default=False
        Whether members are fitted already. ``fit`` then learns weights and ranks alone, from the rows it is given:
        rows that the members were not fitted on.
    cv : int, splitter or iterable of (train, test), default=None
        The folds of the out-of-fold predictions, each row tested once; None is 5. A splitter of groups gets them by
        metadata routing.
    scoring : str, callable or None, default=None
        What the weights "score" and "rank" go by; None for the members' ``score``.

    Attributes
    ----------
    estimators_ : list of regressors
        The fitted members without the dropped ones.
    named_estimators_ : sklearn.utils.Bunch
        The fitted members by name.
    weights_ : ndarray of shape (n_members,)
        The weights of the members, sum one.
    scores_ : ndarray of shape (n_members,)
        Mean scores over the folds; only for the weights "score" and "rank".
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
    VotingClassifier : The same for classes.
    GreedyEnsembleRegressor : Chooses members, too.
    StackingRegressor : Learns to combine by an estimator.

    Notes
    -----
    *Cost.* One fit for each member; learned weights and ranks take one more for each fold. Members of one class with a
    family fit are fitted together, and pipelines that begin with the same steps share the fit of these.

    *Differences from scikit-learn.* With default arguments the predictions are the same to the last bit. ``voting``,
    learned weights, ``prefit``, ``cv`` and ``scoring`` are additional. ``sample_weight`` reaches the last step of a
    pipeline also without metadata routing.

    References
    ----------
    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64. https://doi.org/10.1007/BF00117832

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import VotingRegressor
    >>> from skdl.linear_model import Ridge
    >>> from skdl.neighbors import KNeighborsRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> members = [("ridge", Ridge(alpha=0.1)), ("neighbours", KNeighborsRegressor(20))]
    >>> vote = VotingRegressor(members, weights="optimal").fit(X, y)
    >>> vote.weights_.round(2)
    array([0.73, 0.27])
    >>> vote.predict(X[:2]).round()
    array([198.,  80.])
    """

    _constraints: ClassVar[dict[str, list]] = {
        **Voting._constraints,
        "voting": [Options("mean", "median", "rank")],
    }

    def __init__(
        self,
        estimators,
        *,
        weights=None,
        n_jobs=None,
        verbose=False,
        voting="mean",
        prefit=False,
        cv=None,
        scoring=None,
    ):
        super().__init__(estimators, weights=weights, n_jobs=n_jobs, verbose=verbose)
        self.voting = voting
        self.prefit = prefit
        self.cv = cv
        self.scoring = scoring

    def _method(self) -> str:
        return "predict"

    def _kind(self) -> str:
        return "mean"

    def predict(self, X):
        """Predict by the average of the members.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        said = self._said(X)
        if self.voting == "median":
            return weighted_median(said, self._averaged_with)
        if self._ranks is not None:
            return self._ranks(said)
        return np.average(said.T, axis=1, weights=self._averaged_with)

    def transform(self, X):
        """Return what each member predicts.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_estimators)
        """
        check_is_fitted(self)
        return self._said(X).T
