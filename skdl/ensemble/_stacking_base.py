"""What both stacks share: out-of-fold predictions, and the matrix that the final estimator sees."""

from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn import get_config
from sklearn.base import is_classifier
from sklearn.utils.metadata_routing import get_routing_for_object, process_routing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from skdl.ensemble._base import CROSS_VALIDATION, Heterogeneous, drop_weightless
from skdl.ensemble._members import ask, blame, fit_members, one_class_by_name
from skdl.utils import Options, to_host, validate_y

_METHODS = ("predict_proba", "decision_function", "predict")


def final_has(method: str):
    """Make a condition for :func:`sklearn.utils.metaestimators.available_if`: the final estimator has the method.

    Parameters
    ----------
    method : str
        Its name.

    Returns
    -------
    callable
    """

    def has(stack) -> bool:
        final = getattr(stack, "final_estimator_", None) or stack._final()
        getattr(final, method)  # its AttributeError says what is missing
        return True

    return has


class Stacking(Heterogeneous):
    """What classifier and regressor share."""

    final_estimator: Any
    _constraints: ClassVar[dict[str, list]] = {
        **Heterogeneous._constraints,
        "cv": [None, Options("prefit"), CROSS_VALIDATION],
        "passthrough": [bool],
    }

    def _final(self):
        """The final estimator, not fitted."""
        return self._default_final() if self.final_estimator is None else self.final_estimator

    def _check_parameters(self) -> None:
        super()._check_parameters()
        owner, final = type(self).__name__, self._final()
        if not hasattr(final, "fit") or isinstance(final, type):
            raise ValueError(f"final_estimator of {owner} must be None or an instance with fit; got {final!r}.")
        if is_classifier(final) != is_classifier(self):
            kind = "classifier" if is_classifier(self) else "regressor"
            raise ValueError(f"'final_estimator' parameter of {owner} should be a {kind}. Got {final}.")

    def fit(self, X, y, **fit_params):
        """Fit the members, and the final estimator to what they say of rows that they were not fitted on.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The training samples, of any kind that the members take.
        y : array-like of shape (n_samples,)
            The targets; a 0/1 indicator matrix of labels is taken by the classifier.
        **fit_params : dict
            ``sample_weight`` for the members and the final estimator; where metadata routing is on, what the members
            asked for, and ``groups`` for ``cv``.

        Returns
        -------
        self
            The fitted ensemble.
        """
        self._check_parameters()
        members = self._active_members()
        X, target, classes = self._data(X, y)
        weight, params, split = self._routed(members, len(target), fit_params)
        methods = [self._method_of(name, member) for name, member in members]
        several = isinstance(classes, list)
        self._n_classes = None if classes is None or several else len(classes)
        if isinstance(self.cv, str):
            fitted = []
            for name, member in members:
                with blame(self, name, member):
                    check_is_fitted(member)
                fitted.append(member)
            said = [ask(self, *item, X, method) for item, method in zip(members, methods, strict=True)]
        else:
            X, target, classes, weight, params, split = drop_weightless(X, target, classes, weight, params, split)
            self._n_classes = None if classes is None or several else len(classes)
            with one_class_by_name(self, None if several else classes):
                folds = self._folds(X, target, split)
                fitted, by_fold = self._fit_folds_and_all(members, X, target, folds, params)
            said = self._out_of_fold(members, by_fold, X, folds, methods, self._n_classes)
        self.stack_method_ = methods
        if classes is not None:
            self.classes_ = classes
        widths: list[int] = []
        table = self._table(X, said, methods, widths)
        final = self._final()
        final_params = {} if weight is None or not _asks_for_weights(final) else {"sample_weight": weight}
        with one_class_by_name(self, None if several else classes):
            found = fit_members(self, [("final_estimator", final)], table, target, splits=[None], params=[final_params])
        self._set_members(members, fitted)
        # The name is the one that scikit-learn's `get_feature_names_out`, which this class inherits, looks for.
        self._n_feature_outs = widths
        self.final_estimator_ = found[0, 0]
        return self

    def _data(self, X, y) -> tuple:
        y = to_host(y)
        matrix = getattr(y, "ndim", 1) == 2 and y.shape[1] > 1
        if not is_classifier(self) or not matrix or type_of_target(y) != "multilabel-indicator":
            return super()._data(X, y)
        y = validate_y(self, y, multi_output=True)
        y = y.toarray() if sp.issparse(y) else y
        classes, codes = zip(*(np.unique(column, return_inverse=True) for column in y.T), strict=True)
        X, _, _ = super()._data(X, np.resize([0, 1], len(y)))
        return X, np.column_stack(codes), list(classes)

    def _method_of(self, name: str, member) -> str:
        wanted = _METHODS if self.stack_method == "auto" else (self.stack_method,)
        for method in wanted:
            if hasattr(member, method):
                return method
        raise ValueError(
            f"Underlying estimator {name} does not implement the method {' or '.join(wanted)}. "
            "Choose another stack_method, or leave the member out."
        )

    def _table(self, X, said: list, methods: list[str], widths: list | None = None):
        """Join what members say to the matrix that the final estimator sees; note how wide each part is."""
        binary = self._n_classes == 2
        columns: list[np.ndarray] = []
        for values, method in zip(said, methods, strict=True):
            if isinstance(values, list):  # of several labels; the columns of one sum to one
                columns += [part[:, 1:] for part in values]
            elif values.ndim == 1:
                columns.append(values.reshape(-1, 1))
            elif method == "predict_proba" and binary:
                columns.append(values[:, 1:])
            else:
                columns.append(values)
        if widths is not None:
            widths += [part.shape[1] for part in columns]
        if not self.passthrough:
            return np.hstack(columns)
        if sp.issparse(X):
            return sp.hstack([*columns, X], format=X.format)
        return np.hstack([*columns, X])

    def _transformed(self, X):
        X = to_host(X)
        members = self._named_fitted()
        n_classes = None if isinstance(self.cv, str) else self._n_classes  # fitted members know labels, not codes
        said = [
            ask(self, name, member, X, method, n_classes)
            for (name, member), method in zip(members, self.stack_method_, strict=True)
        ]
        return self._table(X, said, self.stack_method_)

    def _finally(self, X, method: str, **params):
        check_is_fitted(self)
        table = self._transformed(X)
        with blame(self, "final_estimator", self.final_estimator_, table):
            return getattr(self.final_estimator_, method)(table, **params)

    @available_if(final_has("predict"))
    def predict(self, X, **predict_params):
        """Predict by the final estimator.

        Parameters
        ----------
        X : array-like, frame or sparse matrix of shape (n_samples, n_features)
            The samples.
        **predict_params : dict
            What ``predict`` of the final estimator takes.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        if get_config()["enable_metadata_routing"]:
            predict_params = process_routing(self, "predict", **predict_params).final_estimator_["predict"]
        said = self._finally(X, "predict", **predict_params)
        if not hasattr(self, "classes_"):
            return said
        if isinstance(self.classes_, list):
            return np.column_stack([known[codes] for known, codes in zip(self.classes_, said.T, strict=True)])
        return self.classes_[said]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "final_estimator_")


def _asks_for_weights(final) -> bool:
    if not get_config()["enable_metadata_routing"]:
        return True
    return bool(get_routing_for_object(final).consumes("fit", ["sample_weight"]))
