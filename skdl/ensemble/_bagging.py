"""Bags: copies of one estimator, each fitted on rows drawn for it."""

import warnings

import numpy as np
from sklearn import ensemble
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from skdl.base import take_rows
from skdl.ensemble._bagging_base import Bagging, _columns
from skdl.ensemble._members import ask
from skdl.utils import encode_classes, validate_y

_TOO_FEW = (
    "Some inputs do not have OOB scores. This probably means too few estimators were used to compute any reliable oob "
    "estimates."
)


def _members_decide(bag) -> bool:
    members = getattr(bag, "estimators_", None)
    getattr(bag._get_estimator() if members is None else members[0], "decision_function")  # noqa: B009, may raise
    return True


class BaggingClassifier(Bagging, ensemble.BaggingClassifier):
    """The mean of classifiers that were fitted on rows (and features) drawn at random.

    Use it to steady an estimator that changes much with its rows: deep trees, networks. scikit-learn's class,
    with members that are fitted as one family where the estimator knows how: our trees and networks.

    Parameters
    ----------
    estimator : classifier or None, default=None
        What the members are copies of; None is scikit-learn's decision tree, as in scikit-learn.
    n_estimators : int, default=10
        The number of members.
    max_samples : int, float or None, default=None
        How many rows a member is given: a number, a part, or as many as there are.
    max_features : int or float, default=1.0
        How many features a member is given: a number or a part.
    bootstrap : bool, default=True
        Whether rows are drawn with replacement.
    bootstrap_features : bool, default=False
        Whether features are drawn with replacement.
    oob_score : bool, default=False
        Whether to score each row by the members that were not fitted on it.
    warm_start : bool, default=False
        Whether ``fit`` keeps the members of the last one and adds more.
    n_jobs : int, default=None
        How many parts the members are divided into, each fitted by a process of its own, as joblib understands it.
    random_state : int, RandomState or None, default=None
        Decides the draws, and the seeds of the members.
    verbose : int, default=0
        As in :class:`joblib.Parallel`.

    Attributes
    ----------
    estimator_ : classifier
        What the members are copies of.
    estimators_ : list of classifiers
        The fitted members. They know the classes by their codes.
    estimators_samples_ : list of ndarray of int
        The rows that each member was fitted on.
    estimators_features_ : list of ndarray of int
        The features that each member was fitted on.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_classes_ : int
        Their number.
    oob_score_ : float
        The accuracy over rows by members that were not fitted on them; only if ``oob_score``.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        The probabilities by those members, NaN where there are none; only if ``oob_score``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame with names.

    Raises
    ------
    ValueError
        For bad parameters and data. An error of a member says its number.

    See Also
    --------
    BaggingRegressor : The same for numbers.
    DeepEnsembleClassifier : Networks that differ by their seeds alone.

    Notes
    -----
    *Cost.* One fit for each member, or one family fit for all.

    *Differences from scikit-learn.* With the same seed the draws and the predictions are the same to the last bit. A
    member with a family fit is fitted on its rows, repeated as drawn, any other as in scikit-learn: on all rows, with
    weights where it takes weights. Frames stay frames, so that members see names and categories. ``sample_weight``
    draws rows as in scikit-learn 1.9, save that rows of weight zero do not count as samples and equal weights are none.

    References
    ----------
    Breiman, L. (1996). Bagging predictors. Machine Learning 24, 123-140. https://doi.org/10.1007/BF00058655

    Louppe, G. & Geurts, P. (2012). Ensembles on random patches. ECML PKDD, 346-361.
    https://doi.org/10.1007/978-3-642-33460-3_28

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdl.ensemble import BaggingClassifier
    >>> from skdl.tree import DecisionTreeClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> bag = BaggingClassifier(DecisionTreeClassifier(), 30, oob_score=True, random_state=0).fit(X, y)
    >>> round(bag.oob_score_, 2)
    0.94
    """

    def __init__(
        self,
        estimator=None,
        n_estimators=10,
        *,
        max_samples=None,
        max_features=1.0,
        bootstrap=True,
        bootstrap_features=False,
        oob_score=False,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            estimator,
            n_estimators,
            max_samples=max_samples,
            max_features=max_features,
            bootstrap=bootstrap,
            bootstrap_features=bootstrap_features,
            oob_score=oob_score,
            warm_start=warm_start,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if not is_classifier(self._get_estimator()):
            raise ValueError(f"estimator of {type(self).__name__} should be a classifier; got {self.estimator!r}.")

    def _targets(self, y):
        return encode_classes(validate_y(self, y), owner=type(self).__name__)

    def _set_classes(self, classes) -> None:
        self.classes_, self.n_classes_ = classes, len(classes)

    def _score_out_of_bag(self, X, codes) -> None:
        shares = np.zeros((len(codes), self.n_classes_))
        for member, features, rows in self._out_of_bag(len(codes)):
            if len(rows):
                shares[rows] += self._shares_of(member, _columns(take_rows(X, rows), features))
        seen = shares.sum(axis=1)
        if (seen == 0).any():
            warnings.warn(_TOO_FEW, stacklevel=3)
        self.oob_decision_function_ = np.divide(
            shares, seen[:, None], out=np.full_like(shares, np.nan), where=seen[:, None] > 0
        )
        self.oob_score_ = float(accuracy_score(codes, shares.argmax(axis=1)))

    def _shares_of(self, member, X) -> np.ndarray:
        """Probabilities, or the vote of a member that has none."""
        if hasattr(member, "predict_proba"):
            return ask(self, "of the bag", member, X, "predict_proba", self.n_classes_)
        return np.eye(self.n_classes_)[ask(self, "of the bag", member, X, "predict", self.n_classes_)]

    def predict(self, X, **params):
        """Predict the class of the largest mean probability.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.
        **params : dict
            What the members asked for, where metadata routing is on.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        best = self._mean_shares(X, "predict", params).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X, **params):
        """Predict the mean probability of each class; of members without probabilities, the share of votes.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.
        **params : dict
            What the members asked for, where metadata routing is on.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        return self._mean_shares(X, "predict_proba", params)

    def _mean_shares(self, X, caller: str, params: dict) -> np.ndarray:
        X = self._asked(X)
        method = "predict_proba" if hasattr(self.estimators_[0], "predict_proba") else "predict"
        params = self._routed_params(caller, method, params)
        total = np.zeros((X.shape[0], self.n_classes_))
        for said in self._answers(X, method, self.n_classes_, params):
            total += said if method == "predict_proba" else np.eye(self.n_classes_)[said]
        return total / len(self.estimators_)

    def predict_log_proba(self, X, **params):
        """Predict the logarithm of the mean probability of each class.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.
        **params : dict
            What the members asked for, where metadata routing is on.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``.
        """
        X = self._asked(X)
        if not hasattr(self.estimators_[0], "predict_log_proba"):
            with np.errstate(divide="ignore"):
                return np.log(self._mean_shares(X, "predict_log_proba", params))
        params = self._routed_params("predict_log_proba", "predict_log_proba", params)
        total = np.full((X.shape[0], self.n_classes_), -np.inf)
        with np.errstate(divide="ignore"):  # members may take the logarithm of zero
            for member, said in zip(self.estimators_, self._answers(X, "predict_log_proba", None, params), strict=True):
                seen = getattr(member, "classes_", np.arange(self.n_classes_))
                total[:, seen] = np.logaddexp(total[:, seen], said)
        return total - np.log(len(self.estimators_))

    @available_if(_members_decide)
    def decision_function(self, X, **params):
        """Return the mean of the members' decision values.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.
        **params : dict
            What the members asked for, where metadata routing is on.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        X = self._asked(X)
        params = self._routed_params("decision_function", "decision_function", params)
        return sum(self._answers(X, "decision_function", None, params)) / len(self.estimators_)


class BaggingRegressor(Bagging, ensemble.BaggingRegressor):
    """The mean of regressors that were fitted on rows (and features) drawn at random.

    Use it to steady an estimator that changes much with its rows: deep trees, networks. scikit-learn's class,
    with members that are fitted as one family where the estimator knows how: our trees and networks.

    Parameters
    ----------
    estimator : regressor or None, default=None
        What the members are copies of; None is scikit-learn's decision tree, as in scikit-learn.
    n_estimators : int, default=10
        The number of members.
    max_samples : int, float or None, default=None
        How many rows a member is given: a number, a part, or as many as there are.
    max_features : int or float, default=1.0
        How many features a member is given: a number or a part.
    bootstrap : bool, default=True
        Whether rows are drawn with replacement.
    bootstrap_features : bool, default=False
        Whether features are drawn with replacement.
    oob_score : bool, default=False
        Whether to score each row by the members that were not fitted on it.
    warm_start : bool, default=False
        Whether ``fit`` keeps the members of the last one and adds more.
    n_jobs : int, default=None
        How many parts the members are divided into, each fitted by a process of its own, as joblib understands it.
    random_state : int, RandomState or None, default=None
        Decides the draws, and the seeds of the members.
    verbose : int, default=0
        As in :class:`joblib.Parallel`.

    Attributes
    ----------
    estimator_ : regressor
        What the members are copies of.
    estimators_ : list of regressors
        The fitted members.
    estimators_samples_ : list of ndarray of int
        The rows that each member was fitted on.
    estimators_features_ : list of ndarray of int
        The features that each member was fitted on.
    oob_score_ : float
        R2 over rows by members that were not fitted on them; only if ``oob_score``.
    oob_prediction_ : ndarray of shape (n_samples,)
        The predictions by those members, 0 where there are none; only if ``oob_score``.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame with names.

    Raises
    ------
    ValueError
        For bad parameters and data. An error of a member says its number.

    See Also
    --------
    BaggingClassifier : The same for classes.
    DeepEnsembleRegressor : Networks that differ by their seeds alone.

    Notes
    -----
    *Cost* and *differences from scikit-learn* are those of :class:`BaggingClassifier`.

    References
    ----------
    Breiman, L. (1996). Bagging predictors. Machine Learning 24, 123-140. https://doi.org/10.1007/BF00058655

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import BaggingRegressor
    >>> from skdl.tree import DecisionTreeRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> bag = BaggingRegressor(DecisionTreeRegressor(min_samples_leaf=5), 50, oob_score=True, random_state=0).fit(X, y)
    >>> bool(bag.oob_score_ > 0.4)
    True
    """

    def __init__(
        self,
        estimator=None,
        n_estimators=10,
        *,
        max_samples=None,
        max_features=1.0,
        bootstrap=True,
        bootstrap_features=False,
        oob_score=False,
        warm_start=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        super().__init__(
            estimator,
            n_estimators,
            max_samples=max_samples,
            max_features=max_features,
            bootstrap=bootstrap,
            bootstrap_features=bootstrap_features,
            oob_score=oob_score,
            warm_start=warm_start,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )

    def _targets(self, y):
        y = validate_y(self, y, multi_output=True, y_numeric=True)
        return None, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _set_classes(self, classes) -> None:
        """Numbers have none."""

    def _score_out_of_bag(self, X, target) -> None:
        total, count = np.zeros_like(target, dtype=np.float64), np.zeros(len(target))
        for member, features, rows in self._out_of_bag(len(target)):
            if len(rows):
                total[rows] += ask(self, "of the bag", member, _columns(take_rows(X, rows), features), "predict")
                count[rows] += 1
        if (count == 0).any():
            warnings.warn(_TOO_FEW, stacklevel=3)
        self.oob_prediction_ = (total.T / np.maximum(count, 1)).T
        self.oob_score_ = float(r2_score(target, self.oob_prediction_))

    def predict(self, X, **params):
        """Predict the mean of the members' predictions.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.
        **params : dict
            What the members asked for, where metadata routing is on.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        X = self._asked(X)
        params = self._routed_params("predict", "predict", params)
        return sum(self._answers(X, "predict", None, params)) / len(self.estimators_)
