"""Stacks: a final estimator that learns from what the members say."""

from typing import ClassVar

import numpy as np
from sklearn import ensemble
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.utils.metaestimators import available_if

from skdl.ensemble._stacking_base import Stacking, final_has
from skdl.utils import Options


class StackingClassifier(Stacking, ensemble.StackingClassifier):
    """A classifier that learns from what its members say of rows that they were not fitted on.

    Use it over unlike models where one is right on some samples and another on others. scikit-learn's class,
    with members, folds and the last fit trained together where the members know how.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The members by name, regressors among them if need be. "drop" in place of one leaves it out.
    final_estimator : classifier or None, default=None
        What learns from the members; None is scikit-learn's logistic regression.
    cv : int, splitter, iterable of (train, test) or "prefit", default=None
        The folds of the out-of-fold predictions, each row tested once; None is 5, stratified. A splitter of
        groups gets them by metadata routing. "prefit" takes the members as they are, fitted on other rows.
    stack_method : {"auto", "predict_proba", "decision_function", "predict"}, default="auto"
        What members are asked for; "auto" takes the first of the three that a member has.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it.
    passthrough : bool, default=False
        Whether the final estimator sees X, too.
    verbose : bool or int, default=0
        Shows a progress bar if positive.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of these
        The labels; a list for a 0/1 indicator matrix of labels.
    estimators_ : list of estimators
        The members, fitted on all rows. They know the classes by their codes, unless ``cv`` is "prefit".
    named_estimators_ : sklearn.utils.Bunch
        The fitted members by name.
    final_estimator_ : estimator
        The fitted final estimator.
    stack_method_ : list of str
        What each member is asked for.
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
    StackingRegressor : The same for numbers.
    VotingClassifier : Combines by weights alone.

    Notes
    -----
    *Cost.* For each member one fit on all rows and one for each fold, and one fit of the final estimator. Members of
    one class with a family fit are fitted together, all folds at once, and pipelines that begin with the same steps
    share the fit of these.

    *Differences from scikit-learn.* With default arguments the predictions are the same to the last bit. All members
    share the folds also where ``cv`` shuffles without a seed. ``sample_weight`` reaches the last step of a pipeline
    also without metadata routing, and rows of weight zero are left out of the folds.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5, 241-259.
    https://doi.org/10.1016/S0893-6080(05)80023-1

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.ensemble import StackingClassifier
    >>> from skdl.naive_bayes import GaussianNB
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> stack = StackingClassifier([("bayes", GaussianNB()), ("neighbours", KNeighborsClassifier())]).fit(X, y)
    >>> stack.predict(X[:2])
    array([0, 0])
    >>> stack.transform(X[:2]).shape
    (2, 6)
    """

    _constraints: ClassVar[dict[str, list]] = {
        **Stacking._constraints,
        "stack_method": [Options("auto", "predict_proba", "decision_function", "predict")],
    }
    _members_of_one_kind = False

    def __init__(
        self,
        estimators,
        final_estimator=None,
        *,
        cv=None,
        stack_method="auto",
        n_jobs=None,
        passthrough=False,
        verbose=0,
    ):
        super().__init__(
            estimators,
            final_estimator,
            cv=cv,
            stack_method=stack_method,
            n_jobs=n_jobs,
            passthrough=passthrough,
            verbose=verbose,
        )

    def _default_final(self):
        return LogisticRegression()

    @available_if(final_has("predict_proba"))
    def predict_proba(self, X):
        """Predict the probability of each class by the final estimator.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. For several labels a column for each, of its first class.
        """
        said = self._finally(X, "predict_proba")
        return np.array([part[:, 0] for part in said]).T if isinstance(said, list) else said

    @available_if(final_has("decision_function"))
    def decision_function(self, X):
        """Return the decision values of the final estimator.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._finally(X, "decision_function")

    def transform(self, X):
        """Return what the final estimator sees: what the members say, and X with ``passthrough``.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray or sparse matrix of shape (n_samples, n_columns)
        """
        return self._transformed(X)


class StackingRegressor(Stacking, ensemble.StackingRegressor):
    """A regressor that learns from what its members predict for rows that they were not fitted on.

    Use it over unlike models where one is right on some samples and another on others. scikit-learn's class,
    with members, folds and the last fit trained together where the members know how.

    Parameters
    ----------
    estimators : list of (str, estimator)
        The members by name. "drop" in place of one leaves it out.
    final_estimator : regressor or None, default=None
        What learns from the members; None is scikit-learn's ridge regression with its penalty chosen by
        cross-validation.
    cv : int, splitter, iterable of (train, test) or "prefit", default=None
        The folds of the out-of-fold predictions, each row tested once; None is 5. A splitter of groups gets them by
        metadata routing. "prefit" takes the members as they are, fitted on other rows.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it.
    passthrough : bool, default=False
        Whether the final estimator sees X, too.
    verbose : bool or int, default=0
        Shows a progress bar if positive.

    Attributes
    ----------
    estimators_ : list of estimators
        The members, fitted on all rows.
    named_estimators_ : sklearn.utils.Bunch
        The fitted members by name.
    final_estimator_ : estimator
        The fitted final estimator.
    stack_method_ : list of str
        What each member is asked for.
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
    StackingClassifier : The same for classes.
    VotingRegressor : Combines by weights alone.

    Notes
    -----
    *Cost* and *differences from scikit-learn* are those of :class:`StackingClassifier`.

    References
    ----------
    Wolpert, D. H. (1992). Stacked generalization. Neural Networks 5, 241-259.
    https://doi.org/10.1016/S0893-6080(05)80023-1

    Breiman, L. (1996). Stacked regressions. Machine Learning 24, 49-64. https://doi.org/10.1007/BF00117832

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import StackingRegressor
    >>> from skdl.linear_model import Ridge
    >>> from skdl.neighbors import KNeighborsRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> stack = StackingRegressor([("ridge", Ridge(0.1)), ("neighbours", KNeighborsRegressor(20))]).fit(X, y)
    >>> stack.transform(X[:2]).shape
    (2, 2)
    >>> bool(stack.score(X, y) > 0.5)
    True
    """

    def __init__(self, estimators, final_estimator=None, *, cv=None, n_jobs=None, passthrough=False, verbose=0):
        super().__init__(estimators, final_estimator, cv=cv, n_jobs=n_jobs, passthrough=passthrough, verbose=verbose)

    def _default_final(self):
        return RidgeCV()

    def transform(self, X):
        """Return what the final estimator sees: what the members predict, and X with ``passthrough``.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        ndarray or sparse matrix of shape (n_samples, n_columns)
        """
        return self._transformed(X)
