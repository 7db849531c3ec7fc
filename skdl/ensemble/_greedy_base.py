"""What both greedy ensembles share: the library of out-of-fold predictions, and the members chosen from it."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import check_random_state

from skdl.base import take_rows
from skdl.ensemble._base import CROSS_VALIDATION, Heterogeneous, drop_weightless
from skdl.ensemble._members import ask, fit_members, one_class_by_name
from skdl.ensemble._selection import greedy_weights, losses_for
from skdl.utils import Interval, to_host

# From this many candidates on, half of them are as good as all, and chance is the greater danger.
_LARGE_LIBRARY = 20


class Greedy(Heterogeneous):
    """What classifier and regressor share."""

    predictions: Any
    _constraints: ClassVar[dict[str, list]] = {
        **Heterogeneous._constraints,
        "n_steps": [Interval("int", 0, None)],
        "n_init": [Interval("int", 1, None)],
        "n_bags": [Interval("int", 1, None)],
        "bag_fraction": [None, Interval("real", 0, 1, closed="right")],
        "cv": [None, CROSS_VALIDATION],
        "predictions": [None, list, tuple, np.ndarray],
    }
    # What scikit-learn's votes, which these classes derive from, know as parameters.
    weights = None
    voting = "soft"
    flatten_transform = True

    @classmethod
    def from_search(cls, search, n=None, **parameters):
        """Make an ensemble of the candidates of a finished search, from the predictions that it has paid for.

        Parameters
        ----------
        search : fitted search
            One of :mod:`skdl.model_selection`, fitted with ``return_predictions="predict_proba"`` (of regressors True).
        n : int or None, default=None
            How many of the best candidates to choose from; None for all.
        **parameters : dict
            Parameters of the ensemble.

        Returns
        -------
        estimator
            Not fitted; ``fit`` takes the rows that the search was fitted on, and fits the chosen candidates alone.
        """
        method = cls._response
        if getattr(search, "oof_method_", None) != method:
            raise ValueError(
                f"{cls.__name__} needs the out-of-fold {method} of a finished search: "
                f"fit {type(search).__name__} with return_predictions={method!r}."
            )
        results = search.cv_results_
        metric = "score" if not search.multimetric_ else search.refit if isinstance(search.refit, str) else None
        if metric is None:
            metric = next(iter(search.scorer_))
        order = np.argsort(results[f"rank_test_{metric}"], kind="stable")
        usable = [int(i) for i in order if search.oof_predictions_[i] is not None][:n]
        estimators = [
            (f"candidate{i}", clone(search.estimator).set_params(**clone(results["params"][i], safe=False)))
            for i in usable
        ]
        return cls(estimators, predictions=[search.oof_predictions_[i] for i in usable], **parameters)

    def fit(self, X, y, **fit_params):
        """Choose members by what they say of rows that they were not fitted on, and fit these on all rows.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The training samples, of any kind that the members take.
        y : array-like of shape (n_samples,)
            The targets.
        **fit_params : dict
            ``sample_weight`` for the members and the loss; where metadata routing is on, what the members asked for,
            and ``groups`` for ``cv``.

        Returns
        -------
        self
            The fitted ensemble.
        """
        self._check_parameters()
        members = self._active_members()
        X, target, classes = self._data(X, y)
        weight, params, split = self._routed(members, len(target), fit_params)
        n_given = len(target)
        if self.predictions is None:
            X, target, classes, weight, params, split = drop_weightless(X, target, classes, weight, params, split)
        n_classes = None if classes is None else len(classes)
        with one_class_by_name(self, classes):
            if self.predictions is None:
                folds = self._folds(X, target, split)
                by_fold = fit_members(
                    self,
                    members,
                    X,
                    target,
                    splits=[train for train, _ in folds],
                    params=params,
                    n_jobs=self.n_jobs,
                    verbose=int(self.verbose),
                )
                found = [[by_fold[i, s] for s in range(len(folds))] for i in range(len(members))]
                methods = [self._response] * len(members)
                said = np.asarray(self._out_of_fold(members, found, X, folds, methods, n_classes))
                rows = np.arange(len(target))
            else:
                said, rows = self._given(members, n_given, n_classes)
            chosen_from = said[:, rows]
            row_weight = take_rows(weight, rows)
            weights = greedy_weights(
                chosen_from,
                target[rows],
                row_weight,
                loss=self._loss(),
                n_steps=self.n_steps,
                n_init=self.n_init,
                n_bags=self.n_bags,
                bag_fraction=self._fraction(len(members)),
                generator=check_random_state(self.random_state),
            )
            picked = np.flatnonzero(weights)
            chosen = [members[i] for i in picked]
            fitted = fit_members(
                self,
                chosen,
                X,
                target,
                splits=[None],
                params=[params[i] for i in picked],
                n_jobs=self.n_jobs,
                verbose=int(self.verbose),
            )
        parts, losses = losses_for(self._loss(), chosen_from, target[rows], row_weight)
        self.losses_ = losses(parts)
        self.loss_ = float(losses(np.tensordot(weights, parts, axes=1)[None])[0])
        self.weights_ = weights
        self._chosen_weights = weights[picked]
        self._n_classes = n_classes
        if classes is not None:
            self.classes_ = classes
            self.le_ = LabelEncoder().fit(classes)
        self._set_members(chosen, [fitted[i, 0] for i in range(len(chosen))])
        return self

    def _given(self, members, n_samples: int, n_classes: int | None) -> tuple[np.ndarray, np.ndarray]:
        """The predictions that were given, and the rows of which there are any."""
        owner = type(self).__name__
        expected = (n_samples,) if n_classes is None else (n_samples, n_classes)
        if len(self.predictions) != len(self.estimators):
            raise ValueError(
                f"predictions of {owner} must be one array for each of its {len(self.estimators)} estimators; got "
                f"{len(self.predictions)}."
            )
        active = {name for name, _ in members}
        said = []
        for (name, _), values in zip(self.estimators, self.predictions, strict=True):
            if name not in active:
                continue
            values = np.asarray(values, dtype=np.float64)
            if values.shape != expected:
                raise ValueError(
                    f"predictions of {owner} for {name!r} have the shape {values.shape}, not {expected}: "
                    "give the rows that they were made for."
                )
            said.append(values)
        joined = np.stack(said)
        known = np.isfinite(joined).all(axis=tuple(i for i in range(joined.ndim) if i != 1))
        if not known.any():
            raise ValueError(f"predictions of {owner} have no row that every estimator has a number for.")
        return joined, np.flatnonzero(known)

    def _fraction(self, n_candidates: int) -> float:
        if self.bag_fraction is not None:
            return self.bag_fraction
        return 1.0 if n_candidates < _LARGE_LIBRARY else 0.5

    def _loss(self):
        if self.loss is not None:
            return self.loss
        return "log_loss" if is_classifier(self) else "squared_error"

    def _said(self, X) -> np.ndarray:
        members = self._named_fitted()
        X = to_host(X)
        return np.asarray([ask(self, name, member, X, self._response, self._n_classes) for name, member in members])
