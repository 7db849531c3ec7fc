"""What ensembles of unlike members share: their parameters, their data, and who gets what."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, check_consistent_length
from sklearn.utils.metadata_routing import MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from skdl.base import Estimator, take_rows
from skdl.ensemble._members import Member, ask, blame, fit_members, join, some_samples
from skdl.utils import Interval, encode_classes, explained, to_host, validate_sample_weight, validate_y


class _CrossValidation:
    """Takes what scikit-learn takes as ``cv``."""

    def accepts(self, value) -> bool:
        if isinstance(value, str):
            return False
        return Interval("int", 2, None).accepts(value) or hasattr(value, "split") or isinstance(value, Iterable)

    def __str__(self):
        return "a number of folds from 2, a splitter, or an iterable of (train, test)"


CROSS_VALIDATION = _CrossValidation()


def drop_weightless(X, y, classes, weight, params: Sequence[dict], split_params: dict) -> tuple:
    """Leave out rows that weigh nothing for any member, so that no fold is drawn with them.

    Parameters
    ----------
    X : object
        Samples.
    y : ndarray
        Targets; codes of classes.
    classes : ndarray of shape (n_classes,), list of these, or None
        The labels.
    weight : ndarray of shape (n,) or None
        Weights of the samples.
    params : sequence of dict
        What ``fit`` of each member takes.
    split_params : dict
        What ``split`` of the cross-validation takes.

    Returns
    -------
    X, y, classes, weight, params, split_params
        As they came where every row matters to somebody; else without classes that have no row left.
    """
    if weight is None or weight.all() or not all(item.get("sample_weight") is weight for item in params):
        return X, y, classes, weight, params, split_params
    rows = np.flatnonzero(weight)
    kept = weight[rows]
    taken = [
        {name: kept if value is weight else take_rows(value, rows) for name, value in item.items()} for item in params
    ]
    X, y = take_rows(X, rows), take_rows(y, rows)
    if isinstance(classes, np.ndarray):
        present, y = np.unique(y, return_inverse=True)
        classes = classes[present]
    return X, y, classes, kept, taken, {name: take_rows(value, rows) for name, value in split_params.items()}


class Heterogeneous(Estimator):
    """Base of the ensembles whose members are named by the user."""

    estimators: Any
    cv: Any
    _constraints: ClassVar[dict[str, list]] = {
        "estimators": [list, tuple],
        "n_jobs": [None, Interval("int", None, None)],
        "verbose": [bool, Interval("int", 0, None)],
    }
    # Whether members have to be of the kind of the ensemble.
    _members_of_one_kind = True

    def _active_members(self) -> list[Member]:
        """Check ``estimators`` and return the members that are not dropped."""
        owner, members = type(self).__name__, self.estimators
        if not members or not all(
            isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str) for item in members
        ):
            raise ValueError(
                f"Invalid 'estimators' attribute, 'estimators' of {owner} should be a non-empty list of "
                f"(string, estimator) tuples; got {members!r}."
            )
        names = [name for name, _ in members]
        if len(set(names)) < len(names):
            raise ValueError(
                f"Names provided are not unique: {names!r}. Give each member of {owner} a name of its own."
            )
        taken = sorted(set(names) & set(self.get_params(deep=False)))
        if taken:
            raise ValueError(f"Estimator names conflict with constructor arguments: {taken!r}. Rename these members.")
        if any("__" in name for name in names):
            raise ValueError(f"Estimator names must not contain __: got {names!r}.")
        active = [(name, member) for name, member in members if not (isinstance(member, str) and member == "drop")]
        if not active:
            raise ValueError("All estimators are dropped. At least one is required to be an estimator.")
        kind = "classifier" if is_classifier(self) else "regressor"
        for name, member in active:
            if not hasattr(member, "fit") or isinstance(member, type):
                raise ValueError(
                    f"The estimator {name!r} of {owner} must be an instance with a method fit, or 'drop'; "
                    f"got {member!r}."
                )
            if self._members_of_one_kind and is_classifier(member) != is_classifier(self):
                raise ValueError(
                    f"The estimator {type(member).__name__} should be a {kind}: it is {name!r} of {owner}."
                )
        return active

    def _targets(self, y) -> tuple[np.ndarray | None, np.ndarray]:
        """Check y; return the classes (None in regression) and what the members are fitted on."""
        if not is_classifier(self):
            return None, validate_y(self, y, y_numeric=True)
        return encode_classes(validate_y(self, y), owner=type(self).__name__)

    def _data(self, X, y) -> tuple:
        """Check that X and y belong together; return them with the classes."""
        X = some_samples(self, X)
        if sp.issparse(X) and X.format not in ("csr", "csc"):  # rows have to be taken
            X = X.tocsr()
        classes, target = self._targets(y)
        with explained(self, X, target):
            check_consistent_length(X, target)
        return X, target, classes

    def _routed(self, members: Sequence[Member], n_samples: int, fit_params: dict) -> tuple:
        """Return the weights of the samples, and what ``fit`` of each member and ``split`` of ``cv`` take besides."""
        given = {name: to_host(value) for name, value in fit_params.items() if value is not None}
        weight = validate_sample_weight(given.get("sample_weight"), n_samples)
        if weight is not None:
            given["sample_weight"] = weight
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **given)
            split = dict(routed["cv"]["split"]) if hasattr(self.cv, "get_metadata_routing") else {}
            return weight, [dict(routed[name]["fit"]) for name, _ in members], split
        unknown = sorted(set(given) - {"sample_weight"})
        if unknown:
            raise ValueError(
                f"Passing extra keyword arguments to {type(self).__name__}.fit is only supported if "
                "enable_metadata_routing=True, which you can set using `sklearn.set_config`. "
                f"Extra parameters passed are: {unknown}."
            )
        return weight, [dict(given) for _ in members], {}

    def get_metadata_routing(self):
        """Say who asks for what: the members, and ``cv`` where it is a splitter that takes groups, say.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
        """
        router = super().get_metadata_routing()
        if hasattr(self.cv, "get_metadata_routing"):
            # No member can have this name, which is that of a parameter.
            router.add(cv=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
        return router

    def _folds(self, X, target, split_params: dict) -> list[tuple[np.ndarray, np.ndarray]]:
        """The folds of ``cv``; every row is tested once."""
        splitter = check_cv(self.cv, target, classifier=is_classifier(self))
        try:
            folds = [
                tuple(np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows) for rows in fold)
                for fold in splitter.split(X, target, **split_params)
            ]
        except ValueError as error:
            if "groups" not in str(error) or "groups" in split_params:
                raise
            raise ValueError(
                f"cv of {type(self).__name__}, {splitter!r}, needs groups: {error} Switch metadata routing on by "
                "sklearn.set_config(enable_metadata_routing=True), and give groups to fit."
            ) from error
        tested = np.concatenate([test for _, test in folds])
        if not np.array_equal(np.sort(tested), np.arange(len(target))):
            raise ValueError(
                f"cv of {type(self).__name__} must test every sample once, so that each has one out-of-fold "
                f"prediction: it tests {len(tested)} rows of {len(target)}. Use KFold, say, in place of a repeated or "
                "shuffled splitter."
            )
        return folds  # type: ignore[return-value]

    def _fit_folds_and_all(self, members, X, target, folds, params) -> tuple[list, list[list]]:
        """Fit members on all rows and on each fold; return (fitted on all, fitted on each fold by member)."""
        n_folds = len(folds)
        splits = [train for train, _ in folds] + [None]
        fitted = fit_members(
            self, members, X, target, splits=splits, params=params, n_jobs=self.n_jobs, verbose=int(self.verbose)
        )
        positions = range(len(members))
        return [fitted[i, n_folds] for i in positions], [[fitted[i, s] for s in range(n_folds)] for i in positions]

    def _out_of_fold(self, members, by_fold, X, folds, methods, n_classes) -> list:
        """What each member says of rows that it was not fitted on."""
        tests = [test for _, test in folds]
        said = []
        for (name, _), fitted, method in zip(members, by_fold, methods, strict=True):
            parts = [
                ask(self, name, estimator, take_rows(X, test), method, n_classes)
                for estimator, test in zip(fitted, tests, strict=True)
            ]
            said.append(join(parts, tests))
        return said

    def _scores(self, members, by_fold, X, target, folds) -> np.ndarray:
        """The mean score of each member on rows that it was not fitted on ``(M,)``."""
        scores = []
        for (name, member), fitted in zip(members, by_fold, strict=True):
            with blame(self, name, member, X, target):
                scorer = check_scoring(member, scoring=self.scoring)
                scores.append(
                    np.mean(
                        [
                            scorer(estimator, take_rows(X, test), take_rows(target, test))
                            for estimator, (_, test) in zip(fitted, folds, strict=True)
                        ]
                    )
                )
        return np.array(scores)

    def _set_members(self, members, fitted) -> None:
        """Keep the fitted members, and what they know of the columns."""
        found = dict(zip([name for name, _ in members], fitted, strict=True))
        self.estimators_ = list(fitted)
        self.named_estimators_ = Bunch(**{name: found.get(name, "drop") for name, _ in self.estimators})
        self.__dict__.pop("feature_names_in_", None)
        for estimator in fitted:
            if hasattr(estimator, "feature_names_in_"):
                self.feature_names_in_ = estimator.feature_names_in_

    def _named_fitted(self) -> list[Member]:
        check_is_fitted(self)
        return [(name, member) for name, member in self.named_estimators_.items() if not isinstance(member, str)]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")
