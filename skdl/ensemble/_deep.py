"""Deep ensembles: copies of one network that differ by their seeds."""

from typing import ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from skdl.ensemble._bagging_base import random_states
from skdl.ensemble._members import fit_members, learn_columns
from skdl.ensemble._single import FromOne, ManyClassifiers, ManyRegressors, answers_of
from skdl.utils import Interval

_LARGEST = np.iinfo(np.int32).max


class _Deep(FromOne):
    """What classifier and regressor share."""

    _constraints: ClassVar[dict[str, list]] = {
        **FromOne._constraints,
        "n_members": [Interval("int", 1, None)],
        "n_jobs": [None, Interval("int", None, None)],
    }

    def fit(self, X, y, sample_weight=None):
        """Fit all members, in one loop where they know how.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
            The training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.

        Returns
        -------
        self
            The fitted ensemble.
        """
        self._check_parameters()
        if not random_states(self.estimator, 0):
            raise ValueError(
                f"estimator of {type(self).__name__} has no random_state, so that all members would be equal: "
                f"{type(self.estimator).__name__}. A BaggingClassifier or BaggingRegressor makes its members differ."
            )
        X, y, weight = self._data(X, y, sample_weight)
        seeds = check_random_state(self.random_state).randint(_LARGEST, size=self.n_members)
        members = [
            (str(number), clone(self.estimator).set_params(**random_states(self.estimator, seed)))
            for number, seed in enumerate(seeds)
        ]
        params: dict = {} if weight is None else {"sample_weight": weight}
        fitted = fit_members(
            self,
            members,
            X,
            y,
            splits=[None],
            params=[params] * len(members),
            n_jobs=self.n_jobs,
            verbose=int(self.verbose),
        )
        self._several_labels = y.ndim == 2 and y.shape[1] > 1
        self.estimators_ = [fitted[i, 0] for i in range(len(members))]
        learn_columns(self, self.estimators_[0])
        return self

    def _answers(self, X, method: str) -> list:
        return answers_of(self, self.estimators_, X, method)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")


class DeepEnsembleClassifier(ManyClassifiers, _Deep):
    """The mean of classifiers that differ by their seeds alone.

    Use it over networks: their errors differ with the initial weights and the order of the batches, so that the
    mean is more accurate and its probabilities can be trusted more. Our networks are trained as one stack, at little
    more than the cost of one while they are small.

    Parameters
    ----------
    estimator : classifier
        What the members are copies of: a network, a pipeline that ends in one, or whatever has a ``random_state``.
    n_members : int, default=10
        The number of members.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it; a stack is one.
    verbose : bool or int, default=0
        Shows a progress bar if positive.
    random_state : int, RandomState or None, default=None
        Draws the seeds of the members.

    Attributes
    ----------
    estimators_ : list of classifiers
        The fitted members; each is what it would be fitted alone.
    classes_ : ndarray of shape (n_classes,)
        The labels.
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
    SnapshotEnsembleClassifier : Several members from one training.
    BaggingClassifier : Members that differ by their rows, too.
    diversity_report : How much the members differ, and what it brings.

    Notes
    -----
    *Cost.* Ten members on a CPU take two times the time of one where it is small (a hidden layer of 32, batches of 32),
    and about six times where it is not (128-128, batches of 128), in one thread; each of torch's threads trains a
    part of them, and with two threads one waits between four and five times as long. One that is fitted alone takes the
    steps of a stack, too, and is equal to the member to the last bit. Networks that cannot be stacked are trained one
    by one. Predicting asks each member.

    *Differences from scikit-learn*, which has no such class: the paper also trains on adversarial examples, which adds
    little, and is not done.

    References
    ----------
    Lakshminarayanan, B., Pritzel, A. & Blundell, C. (2017). Simple and scalable predictive uncertainty estimation using
    deep ensembles. NeurIPS. https://doi.org/10.48550/arXiv.1612.01474

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.ensemble import DeepEnsembleClassifier
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(hidden_layer_sizes=(16,), max_epochs=20)
    >>> deep = DeepEnsembleClassifier(net, n_members=5, random_state=0).fit(X, y)
    >>> deep.predict(X[:2])
    array([0, 0])
    >>> len(deep.estimators_)
    5
    """

    def __init__(self, estimator, n_members=10, *, n_jobs=None, verbose=0, random_state=None):
        self.estimator = estimator
        self.n_members = n_members
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state


class DeepEnsembleRegressor(ManyRegressors, _Deep):
    """The mean of regressors that differ by their seeds alone, with how far they are apart.

    Use it over networks: their errors differ with the initial weights and the order of the batches, so that the
    mean is more accurate, and the spread tells where the model does not know. Our networks are trained as one stack, at
    little more than the cost of one while they are small.

    Parameters
    ----------
    estimator : regressor
        What the members are copies of: a network, a pipeline that ends in one, or whatever has a ``random_state``.
    n_members : int, default=10
        The number of members.
    n_jobs : int, default=None
        How many groups of fits are worked on at a time, as joblib understands it; a stack is one.
    verbose : bool or int, default=0
        Shows a progress bar if positive.
    random_state : int, RandomState or None, default=None
        Draws the seeds of the members.

    Attributes
    ----------
    estimators_ : list of regressors
        The fitted members; each is what it would be fitted alone.
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
    SnapshotEnsembleRegressor : Several members from one training.
    BaggingRegressor : Members that differ by their rows, too.
    diversity_report : How much the members differ, and what it brings.

    Notes
    -----
    *Cost* and *differences* are those of :class:`DeepEnsembleClassifier`. Members predict a mean, no variance.

    References
    ----------
    Lakshminarayanan, B., Pritzel, A. & Blundell, C. (2017). Simple and scalable predictive uncertainty estimation using
    deep ensembles. NeurIPS. https://doi.org/10.48550/arXiv.1612.01474

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import DeepEnsembleRegressor
    >>> from skdl.neural import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = MLPRegressor(hidden_layer_sizes=(16,), max_epochs=20)
    >>> deep = DeepEnsembleRegressor(net, n_members=5, random_state=0).fit(X, y)
    >>> mean, std = deep.predict(X[:3], return_std=True)
    >>> mean.shape, bool((std > 0).all())
    ((3,), True)
    """

    def __init__(self, estimator, n_members=10, *, n_jobs=None, verbose=0, random_state=None):
        self.estimator = estimator
        self.n_members = n_members
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state
