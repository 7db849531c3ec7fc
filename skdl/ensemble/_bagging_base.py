"""What both bags share: draws, fits of the members as one family, sums over members."""

import numbers
import warnings
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
from joblib import effective_n_jobs
from sklearn import get_config
from sklearn.base import clone
from sklearn.utils import _safe_indexing, check_consistent_length, check_random_state
from sklearn.utils.metadata_routing import get_routing_for_object, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.random import sample_without_replacement
from sklearn.utils.validation import check_is_fitted, has_fit_parameter, validate_data

from skdl.base import Estimator, fit_family, take_rows
from skdl.ensemble._members import ask, blame, one_class_by_name, some_samples
from skdl.utils import Interval, explained, to_host, validate_sample_weight

_LARGEST = np.iinfo(np.int32).max


def random_states(estimator, seed) -> dict[str, int]:
    """Draw a seed for every ``random_state`` of an estimator and of those inside it, as scikit-learn does.

    Parameters
    ----------
    estimator : estimator instance
        Not changed.
    seed : int
        The seed of the member.

    Returns
    -------
    dict of str to int
        Parameters to be set.
    """
    generator = np.random.RandomState(seed)
    names = [name for name in sorted(estimator.get_params(deep=True)) if name.rpartition("__")[2] == "random_state"]
    return {name: int(generator.randint(_LARGEST)) for name in names}


class Bagging(Estimator):
    """What classifier and regressor share."""

    estimators_: list
    estimators_features_: list
    _draws: list[tuple]
    _constraints: ClassVar[dict[str, list]] = {
        "n_estimators": [Interval("int", 1, None)],
        "max_samples": [None, Interval("int", 1, None), Interval("real", 0, 1, closed="right")],
        "max_features": [Interval("int", 1, None), Interval("real", 0, 1, closed="right")],
        "bootstrap": [bool],
        "bootstrap_features": [bool],
        "oob_score": [bool],
        "warm_start": [bool],
        "n_jobs": [None, Interval("int", None, None)],
        "verbose": [bool, Interval("int", 0, None)],
    }

    def _check_parameters(self) -> None:
        super()._check_parameters()
        owner, estimator = type(self).__name__, self._get_estimator()
        if not (hasattr(estimator, "fit") and hasattr(estimator, "predict")) or isinstance(estimator, type):
            raise ValueError(
                f"estimator of {owner} must be None or an instance with fit and predict; got {estimator!r}."
            )
        if self.oob_score and not self.bootstrap:
            raise ValueError(f"Out of bag estimation of {owner} is only available if bootstrap=True.")
        if self.oob_score and self.warm_start:
            raise ValueError(f"Out of bag estimate of {owner} is only available if warm_start=False.")

    def _samples(self, X, *, reset: bool):
        """Check X and learn or compare its columns; a frame stays one, so that members see its names."""
        X = to_host(X)
        if hasattr(X, "columns"):
            X = some_samples(self, X)
            with explained(self, X):
                return validate_data(self, X, reset=reset, skip_check_array=True)
        with explained(self, X):
            return validate_data(
                self, X, reset=reset, accept_sparse=["csr", "csc"], dtype=None, ensure_all_finite=False
            )

    def fit(self, X, y, **fit_params):
        """Fit the members, each on rows and features drawn for it.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The training samples.
        y : array-like of shape (n_samples,)
            The targets.
        **fit_params : dict
            ``sample_weight``, in proportion to which rows are drawn; where metadata routing is on, what the members
            asked for.

        Returns
        -------
        self
            The fitted ensemble.
        """
        self._check_parameters()
        X = self._samples(X, reset=True)
        classes, target = self._targets(y)
        with explained(self, X, target):
            check_consistent_length(X, target)
        n_samples = len(target)
        weight = validate_sample_weight(fit_params.pop("sample_weight", None), n_samples)
        params = self._routed_params("fit", "fit", fit_params)
        go_on = self.warm_start and hasattr(self, "estimators_")
        n_more = self.n_estimators - (len(self.estimators_) if go_on else 0)
        if n_more < 0:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be larger or equal to len(estimators_)={len(self.estimators_)} "
                "when warm_start==True."
            )
        if n_more == 0:
            warnings.warn("Warm-start fitting without increasing n_estimators does not fit new trees.", stacklevel=2)
            return self
        generator = check_random_state(self.random_state)
        if go_on:  # as if all had been drawn at once
            generator.randint(_LARGEST, size=len(self.estimators_))
        seeds = generator.randint(_LARGEST, size=n_more)
        sizes = self._sizes(n_samples, weight)
        draws = [self._draw(seed, n_samples, weight, *sizes) for seed in seeds]
        with one_class_by_name(self, classes):
            members = self._fit_members(X, target, seeds, draws, params, sizes[1])
        before = (self.estimators_, self.estimators_features_, self._draws) if go_on else ([], [], [])
        # All or nothing: what follows cannot fail.
        self.estimator_ = self._get_estimator()
        self.estimators_ = [*before[0], *members]
        self.estimators_features_ = [*before[1], *(features for features, _ in draws)]
        self._draws = [*before[2], *((int(seed), n_samples, weight, *sizes) for seed in seeds)]
        self._set_classes(classes)
        for name in ("oob_score_", "oob_decision_function_", "oob_prediction_"):
            self.__dict__.pop(name, None)
        if self.oob_score:
            self._score_out_of_bag(X, target)
        return self

    def _sizes(self, n_samples: int, weight) -> tuple[int, int]:
        """How many rows and features a member is given."""
        n_drawn = n_samples if weight is None else int(np.count_nonzero(weight))
        if isinstance(self.max_samples, numbers.Integral):
            n_rows = int(self.max_samples)
        elif self.max_samples is None:
            n_rows = n_drawn
        else:
            n_rows = max(int(self.max_samples * (n_samples if weight is None else weight.sum())), 1)
        if not self.bootstrap and n_rows > n_drawn:
            raise ValueError(
                f"Effective max_samples={n_rows} must be <= n_samples={n_drawn} to be able to sample without "
                "replacement. Lower max_samples, or set bootstrap=True."
            )
        if isinstance(self.max_features, numbers.Integral):
            n_columns = int(self.max_features)
        else:
            n_columns = max(1, int(self.max_features * self.n_features_in_))
        if n_columns > self.n_features_in_:
            raise ValueError(
                f"max_features must be <= n_features: max_features={self.max_features} of {type(self).__name__}, but X "
                f"has {self.n_features_in_} features."
            )
        return n_rows, n_columns

    def _draw(self, seed, n_samples: int, weight, n_rows: int, n_columns: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw features and rows of a member, by the calls that scikit-learn makes."""
        generator = np.random.RandomState(seed)
        features = _choose(generator, self.bootstrap_features, self.n_features_in_, n_columns)
        if weight is None:
            return features, _choose(generator, self.bootstrap, n_samples, n_rows)
        rows = np.flatnonzero(weight)
        kept = weight[rows]
        if (kept == kept[0]).all():  # rows that weigh the same are drawn as without weights
            return features, rows[_choose(generator, self.bootstrap, len(rows), n_rows)]
        return features, rows[generator.choice(len(rows), n_rows, replace=self.bootstrap, p=kept / kept.sum())]

    def _fit_members(self, X, y, seeds, draws, params: dict, n_columns: int) -> list:
        prototype = self._get_estimator()
        settings = [random_states(prototype, seed) for seed in seeds]
        all_features = n_columns == self.n_features_in_ and not self.bootstrap_features
        together = hasattr(prototype, "_fit_family") and all_features and not params
        fit = _fit_together if together else _fit_one_by_one
        if all_features:
            draws = [(None, rows) for _, rows in draws]
        n_jobs = min(effective_n_jobs(self.n_jobs), len(draws))
        chunks = np.array_split(np.arange(len(draws)), n_jobs)
        found = Parallel(n_jobs=n_jobs, verbose=int(self.verbose))(
            delayed(fit)(
                self, prototype, X, y, [settings[i] for i in chunk], [draws[i] for i in chunk], params, int(chunk[0])
            )
            for chunk in chunks
        )
        return [member for part in found for member in part]

    @property
    def estimators_samples_(self) -> list[np.ndarray]:
        """The rows that each member was fitted on, drawn again at each call."""
        return [self._draw(*draw)[1] for draw in self._draws]

    def _routed_params(self, caller: str, callee: str, params: dict) -> dict:
        """What the members take besides X and y."""
        if get_config()["enable_metadata_routing"]:
            return dict(process_routing(self, caller, **params).estimator.get(callee, {})) if params else {}
        if params:
            raise ValueError(
                f"Passing extra keyword arguments to {type(self).__name__}.{caller} is only supported if "
                "enable_metadata_routing=True, which you can set using `sklearn.set_config`. "
                f"Extra parameters passed are: {sorted(params)}."
            )
        return {}

    def _answers(self, X, method: str, n_classes: int | None = None, params: dict | None = None):
        """Yield what each member says of its features of X, one member at a time."""
        for position, (member, features) in enumerate(zip(self.estimators_, self.estimators_features_, strict=True)):
            part = _columns(X, features)
            bound = member if not params else _Bound(member, method, params)
            yield ask(self, str(position), bound, part, method, n_classes)

    def _asked(self, X) -> Any:
        check_is_fitted(self)
        return self._samples(X, reset=False)

    def _out_of_bag(self, n_samples: int):
        """Yield the members with their features and the rows that they did not see."""
        for member, rows, features in zip(
            self.estimators_, self.estimators_samples_, self.estimators_features_, strict=True
        ):
            unseen = np.ones(n_samples, dtype=bool)
            unseen[rows] = False
            yield member, features, np.flatnonzero(unseen)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "estimators_")


class _Bound:
    """A member whose method is called with some metadata."""

    def __init__(self, member, method: str, params: dict):
        self.classes_ = getattr(member, "classes_", None)
        setattr(self, method, lambda X: getattr(member, method)(X, **params))


def _choose(generator, with_replacement: bool, population: int, n: int) -> np.ndarray:
    if with_replacement:
        return generator.randint(0, population, n)
    return sample_without_replacement(population, n, random_state=generator)


def _columns(X, features: np.ndarray):
    """Some columns of an array, a sparse matrix or a frame.

    All columns of an array are copied, too, as scikit-learn does it: products round by the order in memory.
    """
    if hasattr(X, "columns") and np.array_equal(features, np.arange(X.shape[1])):
        return X
    return _safe_indexing(X, features, axis=1)


def _fit_together(owner, prototype, X, y, settings, draws, params: dict, first: int) -> list:
    """Fit members on their rows as one family."""
    splits = [rows for _, rows in draws]
    seeded = any(settings)
    fitted = {}
    with suppress(Exception):  # whoever it was fails again below, alone and by name
        for candidate, split, member in fit_family(
            prototype,
            X,
            y,
            candidates=settings if seeded else [{}],
            splits=splits,
            pairs=[(i, i) for i in range(len(splits))] if seeded else None,
        ):
            fitted[split if not seeded else candidate] = member
    return [
        fitted[i] if i in fitted else _fit_rows(owner, first + i, prototype, X, y, settings[i], draws[i], params)
        for i in range(len(splits))
    ]


def _fit_one_by_one(owner, prototype, X, y, settings, draws, params: dict, first: int) -> list:
    """Fit members as scikit-learn does: rows drawn are weights where the member takes weights."""
    weighs = _takes_weights(prototype)
    fitted = []
    for position, (setting, (features, rows)) in enumerate(zip(settings, draws, strict=True)):
        if not weighs:
            fitted.append(_fit_rows(owner, first + position, prototype, X, y, setting, (features, rows), params))
            continue
        part = X if features is None else _columns(X, features)
        member = clone(prototype).set_params(**setting)
        counts = np.bincount(rows, minlength=len(y))
        with blame(owner, str(first + position), member, part, y):
            fitted.append(member.fit(part, y, **{**params, "sample_weight": counts}))
    return fitted


def _fit_rows(owner, position: int, prototype, X, y, setting: dict, draw, params: dict):
    features, rows = draw
    member = clone(prototype).set_params(**setting)
    X_rows, y_rows = take_rows(X, rows), take_rows(y, rows)
    if features is not None:
        X_rows = _columns(X_rows, features)
    try:
        with blame(owner, str(position), member, X_rows, y_rows):
            return member.fit(X_rows, y_rows, **{name: take_rows(value, rows) for name, value in params.items()})
    except Exception:
        # An error over all rows tells the place as the user counts rows; where there is none, that of the draw stands.
        X = X if features is None else _columns(X, features)
        with blame(owner, str(position), member, X, y):
            clone(member).fit(X, y, **params)
        raise


def _takes_weights(estimator) -> bool:
    if get_config()["enable_metadata_routing"]:
        return bool(get_routing_for_object(estimator).consumes("fit", ("sample_weight",)))
    return has_fit_parameter(estimator, "sample_weight")
