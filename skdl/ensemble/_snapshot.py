"""Snapshot ensembles: several members from one training, along a cyclic learning rate; or their mean weights."""

import copy
from typing import ClassVar

import numpy as np

from skdl.ensemble._members import learn_columns
from skdl.ensemble._single import FromOne, ManyClassifiers, ManyRegressors, answers_of
from skdl.utils import Interval, Options


def average_weights(members: list):
    """Return a network whose weights are the mean of other networks' weights.

    This is the one place that reaches into a neural estimator: its weights are kept as arrays by name.

    Parameters
    ----------
    members : list of fitted neural estimators
        Of one shape.

    Returns
    -------
    estimator
        A copy of the last one; what is not a floating-point number, a counter say, is as there.
    """
    averaged = copy.deepcopy(members[-1])
    averaged._weights = {
        name: np.mean([member._weights[name] for member in members], axis=0, dtype=np.float64).astype(last.dtype)
        if isinstance(last, np.ndarray) and last.dtype.kind == "f"
        else last
        for name, last in members[-1]._weights.items()
    }
    averaged._new_device_cache()
    return averaged


class _Snapshot(FromOne):
    """What classifier and regressor share."""

    _needs = ("max_epochs", "schedule", "warm_start", "early_stopping")
    _constraints: ClassVar[dict[str, list]] = {
        **FromOne._constraints,
        "n_members": [Interval("int", 1, None)],
        "combine": [Options("predictions", "weights")],
        "burn_in": [None, Interval("int", 0, None)],
    }

    def fit(self, X, y, sample_weight=None):
        """Train one network along the cycles and keep what it is at the end of each.

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
        X, y, weight = self._data(X, y, sample_weight)
        cycle, burn_in = self._epochs()
        net = self._seeded().set_params(warm_start=True, schedule="cosine", early_stopping=False)
        if burn_in:
            self._fit_one(net.set_params(max_epochs=burn_in), X, y, weight)
        members = []
        for _ in range(self.n_members):
            # A warm start goes on from the weights with a new optimizer and the schedule from its beginning: a restart.
            self._fit_one(net.set_params(max_epochs=cycle), X, y, weight)
            members.append(copy.deepcopy(net))
        if self.combine == "weights":
            members = [self._with_statistics(average_weights(members), X, y, weight)]
        self._several_labels = y.ndim == 2 and y.shape[1] > 1
        self.estimators_ = members
        learn_columns(self, members[0])
        return self

    def _epochs(self) -> tuple[int, int]:
        """The epochs of a cycle, and those before the first one."""
        total = 100 if self.estimator.max_epochs == "auto" else self.estimator.max_epochs
        burn_in = self.burn_in
        if burn_in is None:
            burn_in = total // 2 if self.combine == "weights" else 0
        cycle = (total - burn_in) // self.n_members
        if cycle < 1:
            raise ValueError(
                f"n_members={self.n_members} cycles of {type(self).__name__} after burn_in={burn_in} epochs do not fit "
                f"into max_epochs={total} of its estimator: an epoch for each is needed. Raise max_epochs."
            )
        return cycle, burn_in

    def _with_statistics(self, averaged, X, y, weight):
        """Let layers of batch normalization count anew: their mean is not what the mean weights would see."""
        if not any(name.endswith("running_mean") for name in averaged._weights):
            return averaged
        before = {name: getattr(averaged, name) for name in ("lr", "max_epochs", "schedule")}
        # A warm start at a rate that moves no weight: what it leaves behind are the running statistics.
        averaged.set_params(lr=1e-30, max_epochs=1, schedule=None)
        return self._fit_one(averaged, X, y, weight).set_params(**before)

    def _answers(self, X, method: str) -> list:
        return answers_of(self, self.estimators_, X, method)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")


class SnapshotEnsembleClassifier(ManyClassifiers, _Snapshot):
    """The mean of what one network was at the end of each cycle of its learning rate.

    Use it where training several networks costs too much: the rate falls to zero along a cosine and starts
    anew, several times, and each time the network settles elsewhere. With ``combine="weights"`` a single network is
    left, the mean of their weights, which costs no more than one to predict with.

    Parameters
    ----------
    estimator : classifier of skdl.neural
        The network. Its ``max_epochs`` (100 where that is "auto") are those of the whole training, its ``lr`` the rate
        at which a cycle begins.
        Schedule, early stopping and warm start are set by the ensemble.
    n_members : int, default=5
        The number of cycles.
    combine : {"predictions", "weights"}, default="predictions"
        What is averaged: probabilities (snapshot ensembles), or weights (stochastic weight averaging).
    burn_in : int or None, default=None
        Epochs before the first cycle, whose end is not kept. None is 0, or half of ``max_epochs`` where weights are
        averaged: only networks that have settled in one valley have a mean.
    random_state : int, RandomState or None, default=None
        Draws the seed of the network; None leaves it its own.

    Attributes
    ----------
    estimators_ : list of classifiers
        The network at the end of each cycle; with ``combine="weights"`` the one network that is left.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame with names.

    Raises
    ------
    ValueError
        For bad parameters and data.

    See Also
    --------
    DeepEnsembleClassifier : Members trained from different seeds, better and dearer.
    MonteCarloDropoutClassifier : Members for nothing, from dropout.

    Notes
    -----
    *Cost.* That of one training. Memory and prediction grow with the members, save for ``combine="weights"``.

    *Differences from the papers.* The optimizer starts anew with each cycle. Weights are averaged at the ends of cosine
    cycles; layers of batch normalization then count their statistics anew.

    References
    ----------
    Huang, G. et al. (2017). Snapshot ensembles: train 1, get M for free. ICLR. https://doi.org/10.48550/arXiv.1704.00109

    Izmailov, P. et al. (2018). Averaging weights leads to wider optima and better generalization. UAI.
    https://doi.org/10.48550/arXiv.1803.05407

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.ensemble import SnapshotEnsembleClassifier
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(hidden_layer_sizes=(16,), lr=0.02, max_epochs=40)
    >>> snapshots = SnapshotEnsembleClassifier(net, n_members=4, random_state=0).fit(X, y)
    >>> [member.n_iter_ for member in snapshots.estimators_]
    [10, 20, 30, 40]
    """

    def __init__(self, estimator, n_members=5, *, combine="predictions", burn_in=None, random_state=None):
        self.estimator = estimator
        self.n_members = n_members
        self.combine = combine
        self.burn_in = burn_in
        self.random_state = random_state


class SnapshotEnsembleRegressor(ManyRegressors, _Snapshot):
    """The mean of what one network was at the end of each cycle of its learning rate.

    Use it where training several networks costs too much: the rate falls to zero along a cosine and starts
    anew, several times, and each time the network settles elsewhere. With ``combine="weights"`` a single network is
    left, the mean of their weights, which costs no more than one to predict with.

    Parameters
    ----------
    estimator : regressor of skdl.neural
        The network. Its ``max_epochs`` (100 where that is "auto") are those of the whole training, its ``lr`` the rate
        at which a cycle begins.
        Schedule, early stopping and warm start are set by the ensemble.
    n_members : int, default=5
        The number of cycles.
    combine : {"predictions", "weights"}, default="predictions"
        What is averaged: predictions (snapshot ensembles), or weights (stochastic weight averaging).
    burn_in : int or None, default=None
        Epochs before the first cycle, whose end is not kept. None is 0, or half of ``max_epochs`` where weights are
        averaged: only networks that have settled in one valley have a mean.
    random_state : int, RandomState or None, default=None
        Draws the seed of the network; None leaves it its own.

    Attributes
    ----------
    estimators_ : list of regressors
        The network at the end of each cycle; with ``combine="weights"`` the one network that is left.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X was a frame with names.

    Raises
    ------
    ValueError
        For bad parameters and data.

    See Also
    --------
    DeepEnsembleRegressor : Members trained from different seeds, better and dearer.
    MonteCarloDropoutRegressor : Members for nothing, from dropout.

    Notes
    -----
    *Cost* and *differences* are those of :class:`SnapshotEnsembleClassifier`.

    References
    ----------
    Huang, G. et al. (2017). Snapshot ensembles: train 1, get M for free. ICLR. https://doi.org/10.48550/arXiv.1704.00109

    Izmailov, P. et al. (2018). Averaging weights leads to wider optima and better generalization. UAI.
    https://doi.org/10.48550/arXiv.1803.05407

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import SnapshotEnsembleRegressor
    >>> from skdl.neural import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = MLPRegressor(hidden_layer_sizes=(16,), max_epochs=40)
    >>> averaged = SnapshotEnsembleRegressor(net, combine="weights", random_state=0).fit(X, y)
    >>> len(averaged.estimators_), bool(averaged.score(X, y) > 0.3)
    (1, True)
    """

    def __init__(self, estimator, n_members=5, *, combine="predictions", burn_in=None, random_state=None):
        self.estimator = estimator
        self.n_members = n_members
        self.combine = combine
        self.burn_in = burn_in
        self.random_state = random_state
