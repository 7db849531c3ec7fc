"""What votes and averages share: fitting members, learning their weights, asking them."""

from typing import ClassVar

import numpy as np
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.validation import check_is_fitted

from skdl.ensemble._base import CROSS_VALIDATION, Heterogeneous, drop_weightless
from skdl.ensemble._combine import RankAverage
from skdl.ensemble._members import ask, blame, one_class_by_name
from skdl.ensemble._weights import check_weights, optimal_weights, weights_from_scores
from skdl.utils import Options, to_host

_LEARNED = ("score", "rank", "optimal")


class Voting(Heterogeneous):
    """What classifier and regressor share."""

    _constraints: ClassVar[dict[str, list]] = {
        **Heterogeneous._constraints,
        "weights": [None, Options(*_LEARNED), list, tuple, np.ndarray, callable],
        "prefit": [bool],
        "cv": [None, CROSS_VALIDATION],
        "scoring": [None, str, callable],
    }

    def fit(self, X, y, **fit_params):
        """Fit the members, and learn their weights where they are to be learned.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The training samples, of any kind that the members take.
        y : array-like of shape (n_samples,)
            The targets.
        **fit_params : dict
            ``sample_weight`` for the members; where metadata routing is on, what the members asked for,
            and ``groups`` for ``cv``.

        Returns
        -------
        self
            The fitted ensemble.
        """
        self._check_parameters()
        members = self._active_members()
        fixed = self._fixed_weights(members)
        X, target, classes = self._data(X, y)
        weight, params, split = self._routed(members, len(target), fit_params)
        if self.prefit:
            classes, target = self._known_classes(members, classes, target)
        self._n_classes = None if classes is None else len(classes)
        self._labels = classes if self.prefit else None
        learns = isinstance(self.weights, str) or callable(self.weights)
        needs = learns or self.voting == "rank"
        said, scores = None, None
        if self.prefit:
            fitted = [member for _, member in members]
            if needs:
                said = self._collect(members, X)
                rows = np.arange(len(target))
                folds, by_fold = [(rows, rows)], [[member] for member in fitted]
                truth = target if classes is None else classes[target]
        else:
            if needs:
                X, target, classes, weight, params, split = drop_weightless(X, target, classes, weight, params, split)
                self._n_classes = None if classes is None else len(classes)
            with one_class_by_name(self, classes):
                if needs:
                    truth, folds = target, self._folds(X, target, split)
                    fitted, by_fold = self._fit_folds_and_all(members, X, target, folds, params)
                    methods = [self._method()] * len(members)
                    said = np.asarray(self._out_of_fold(members, by_fold, X, folds, methods, self._n_classes))
                else:
                    fitted, _ = self._fit_folds_and_all(members, X, target, [], params)
        if isinstance(self.weights, str) and self.weights in ("score", "rank"):
            scores = self._scores(members, by_fold, X, truth, folds)
        self._check_answers(members, fitted)
        self._averaged_with = self._learn(said, target, weight, scores) if learns else fixed
        self._ranks = None if said is None or self.voting != "rank" else RankAverage(said, self._averaged_with)
        self.__dict__.pop("scores_", None)
        if scores is not None:
            self.scores_ = scores
        raw = np.ones(len(members)) if self._averaged_with is None else self._averaged_with
        self.weights_ = raw / raw.sum()
        if classes is not None:
            self.classes_ = classes
            self.le_ = LabelEncoder().fit(classes)
        self._set_members(members, fitted)
        return self

    def _fixed_weights(self, members) -> np.ndarray | None:
        """The weights that were given, without those of dropped members."""
        if self.weights is None or isinstance(self.weights, str) or callable(self.weights):
            return None
        given = check_weights(self.weights, len(self.estimators), type(self).__name__)
        active = {name for name, _ in members}
        return given[[name in active for name, _ in self.estimators]]

    def _known_classes(self, members, classes, target):
        """Check that members are fitted; return all classes that they know, and the targets as codes of these."""
        for name, member in members:
            with blame(self, name, member):
                check_is_fitted(member)
        if classes is None:
            return None, target
        known = np.unique(np.concatenate([classes, *(np.asarray(member.classes_) for _, member in members)]))
        return known, np.searchsorted(known, classes[target])

    def _learn(self, said, target, weight, scores) -> np.ndarray:
        if callable(self.weights):
            return check_weights(self.weights(said, target), len(said), type(self).__name__)
        if self.weights == "optimal":
            return optimal_weights(said, target, weight, kind=self._kind())
        return weights_from_scores(scores, by_rank=self.weights == "rank")

    def _collect(self, members, X) -> np.ndarray:
        """What all members say of X: ``(M, n)`` or ``(M, n, K)``."""
        method = self._method()
        said = [ask(self, name, member, X, method, self._n_classes, self._labels) for name, member in members]
        return np.asarray(said)

    def _said(self, X) -> np.ndarray:
        return self._collect(self._named_fitted(), to_host(X))

    def _check_answers(self, members, fitted) -> None:
        method = self._method()
        for (name, _), member in zip(members, fitted, strict=True):
            if not hasattr(member, method):
                raise ValueError(
                    f"voting={self.voting!r} of {type(self).__name__} needs {method}, which its member {name!r}, a "
                    f"{type(member).__name__}, lacks. Use voting='hard', drop the member, or wrap it in "
                    "sklearn.calibration.CalibratedClassifierCV."
                )
