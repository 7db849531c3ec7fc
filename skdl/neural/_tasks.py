"""The two tasks: how targets are encoded and outputs are read."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
import torch
from scipy.special import expit, log_softmax, softmax
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from skdl.utils import Interval, Options, class_weights, encode_classes, validate_y


def _is_multilabel(y: np.ndarray) -> bool:
    return y.ndim == 2 and y.shape[1] > 1


@dataclass
class SoftTargets:
    """The targets of a student, as :meth:`NeuralClassifierMixin._fit_distilled` gets them."""

    y: Any
    probabilities: Any
    temperature: float
    share: float


class NeuralClassifierMixin(ClassifierMixin):
    """Classification into one of several classes, or of several labels at once (y a 0/1 indicator matrix)."""

    _task_constraints: ClassVar[dict[str, list]] = {
        "loss": [Options("auto", "cross_entropy", "focal")],
        "focal_gamma": [Interval("real", 0, None)],
        "label_smoothing": [Interval("real", 0, 1, closed="left")],
        "class_weight": [None, dict, Options("balanced")],
    }

    n_outputs_: int
    _multilabel: bool

    def _validate_labels(self, y) -> np.ndarray:
        y = validate_y(self, y, multi_output=True)
        if sp.issparse(y):
            y = y.toarray()
        if y.ndim == 2 and y.shape[1] > 1 and type_of_target(y) != "multilabel-indicator":
            check_classification_targets(y)
            raise ValueError(
                f"y has {y.shape[1]} columns of several classes each. {type(self).__name__} takes one column of "
                "classes or a 0/1 indicator matrix; wrap it in sklearn.multioutput.MultiOutputClassifier for this y."
            )
        return y

    def _fit_targets(self, y, classes=None) -> np.ndarray:
        self._soft: SoftTargets | None = None
        if isinstance(y, SoftTargets):
            codes = self._fit_targets(y.y)
            probabilities = np.asarray(y.probabilities, dtype=np.float64)
            if self._multilabel or probabilities.shape != (len(codes), self.n_outputs_):
                raise ValueError(
                    f"The teacher's probabilities have the shape {probabilities.shape}, but y has {len(codes)} samples "
                    f"of {self.n_outputs_} {'labels' if self._multilabel else 'classes'}: one column of classes and a "
                    "probability for each are needed."
                )
            self._soft = replace(y, y=None, probabilities=None)
            return np.column_stack([codes, probabilities])  # (n, 1 + n_classes)
        y = self._validate_labels(y)
        self._multilabel = _is_multilabel(y)
        if self._multilabel:
            self.classes_ = np.arange(y.shape[1])
            self.n_outputs_ = y.shape[1]
            return y.astype(np.float32)
        if classes is None:
            self.classes_, codes = encode_classes(y, owner=type(self).__name__, min_classes=2)
        else:
            self.classes_ = np.unique(classes)
            codes = self._codes(y)
        self.n_outputs_ = len(self.classes_)
        return codes

    def _encode_targets(self, y) -> np.ndarray:
        self._soft = None
        y = self._validate_labels(y)
        if _is_multilabel(y) != self._multilabel or (self._multilabel and y.shape[1] != self.n_outputs_):
            raise ValueError(
                f"y has the shape {y.shape}, but training began with "
                + (f"{self.n_outputs_} labels." if self._multilabel else "one column of classes.")
            )
        return y.astype(np.float32) if self._multilabel else self._codes(y)

    def _codes(self, y) -> np.ndarray:
        y = column_or_1d(y, warn=True)
        codes = np.searchsorted(self.classes_, y).clip(max=len(self.classes_) - 1)
        unknown = self.classes_[codes] != y
        if unknown.any():
            row = int(unknown.argmax())
            raise ValueError(
                f"y[{row}] is {y[[row]].tolist()[0]!r}, which is none of the classes {self.classes_.tolist()} that "
                "training began with. Name all classes in the first partial_fit, or fit anew with warm_start=False."
            )
        return codes

    def _fit_target_scaling(self, target, weight) -> None:
        """Codes need none."""

    def _target_tensor(self, target) -> torch.Tensor:
        return torch.from_numpy(target.astype(np.float32) if self._soft else target)

    def _loss_settings(self) -> dict[str, Any]:
        if self._soft is None:
            return {}
        return {"loss": "distillation", "temperature": self._soft.temperature, "soft_share": self._soft.share}

    def _class_codes(self, target: np.ndarray) -> np.ndarray:
        return target[:, 0].astype(np.int64) if self._soft else target

    def _task_weights(self, target, weight):
        if self.class_weight is None:
            return weight
        if self._multilabel:
            raise ValueError("class_weight has no meaning for a multi-label y; use sample_weight, or set it to None.")
        codes = self._class_codes(target)
        self._class_factors = class_weights(self.class_weight, self.classes_, codes, weight)  # (n_classes,)
        factors = self._class_factors[codes]
        return factors if weight is None else factors * weight

    def _validation_weights(self, target):
        return None if self.class_weight is None else self._class_factors[target]

    def _strata(self, target):
        return None if self._multilabel else self._class_codes(target)

    @property
    def _task(self) -> str:
        return "multilabel" if self._multilabel else "classification"

    def _fit_distilled(self, X, y, probabilities, *, temperature: float, share: float, sample_weight=None):
        """Fit to labels and to a teacher's probabilities together; what :mod:`skdl.ensemble` asks of a student.

        Parameters
        ----------
        X, y, sample_weight : as in :meth:`fit`
        probabilities : ndarray of shape (n, n_classes)
            The teacher's at the ``temperature``, in the order of the sorted labels.
        temperature : float
            What the student's logits are divided by before they are compared with the teacher's probabilities.
        share : float
            How much the teacher counts, from 0 (labels alone) to 1 (teacher alone). The labels' part is cross-entropy.

        Returns
        -------
        self
            The fitted estimator.
        """
        self._check_parameters()
        return self._fit(X, SoftTargets(y, probabilities, temperature, share), sample_weight, reset=True)

    def predict_proba(self, X) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n, n_classes), dtype float64
            In the order of ``classes_``; for a multi-label fit the probability of each label.
        """
        outputs = self._outputs(X).astype(np.float64)
        return expit(outputs) if self._multilabel else softmax(outputs, axis=1)

    def predict_log_proba(self, X) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n, n_classes), dtype float64
            Finite also where ``predict_proba`` rounds to zero.
        """
        outputs = self._outputs(X).astype(np.float64)
        return -np.logaddexp(0.0, -outputs) if self._multilabel else log_softmax(outputs, axis=1)

    def predict(self, X) -> np.ndarray:
        """Predict the most probable class.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n,) or (n, n_labels)
            Labels as ``fit`` saw them; for a multi-label fit a 0/1 indicator matrix.
        """
        outputs = self._outputs(X)
        return (outputs > 0).astype(np.int64) if self._multilabel else self.classes_[outputs.argmax(axis=1)]

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Train for one epoch on some more data, at the learning rate ``lr``: schedule and warm-up are left out.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.
        y : array-like of shape (n,) or (n, n_labels)
            The targets.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; needed in the first call where ``y`` does not hold them all.
        sample_weight : array-like of shape (n,), default=None
            How much each sample counts in the loss.

        Returns
        -------
        self
            The estimator; columns, scales and classes are those of the first call.
        """
        self._check_parameters()
        reset = not self.__sklearn_is_fitted__()
        if not reset and classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"classes is {np.unique(classes).tolist()}, but training began with {self.classes_.tolist()}."
            )
        return self._fit(X, y, sample_weight, reset=reset, one_epoch=True, classes=classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NeuralRegressorMixin(RegressorMixin):
    """Regression on one number or several. The network learns targets of mean zero and variance one."""

    _task_constraints: ClassVar[dict[str, list]] = {
        "loss": [Options("auto", "squared_error", "absolute_error", "huber", "quantile")],
        "huber_delta": [Interval("real", 0, None, closed="neither")],
        "quantile": [Interval("real", 0, 1, closed="neither")],
    }

    @property
    def _task(self) -> str:
        return "regression"

    def _fit_targets(self, y, classes=None) -> np.ndarray:
        y = validate_y(self, y, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._single_output = y.ndim == 1
        self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        return y.reshape(len(y), self.n_outputs_).astype(np.float64)

    def _encode_targets(self, y) -> np.ndarray:
        y = validate_y(self, y, multi_output=True, y_numeric=True)
        n_outputs = 1 if y.ndim == 1 else y.shape[1]
        if n_outputs != self.n_outputs_:
            raise ValueError(f"y has {n_outputs} columns, but training began with {self.n_outputs_}.")
        return y.reshape(len(y), n_outputs).astype(np.float64)

    def _fit_target_scaling(self, target, weight) -> None:
        # In units, powers of two, that leave no square to overflow or to vanish.
        unit = np.ldexp(1.0, np.frexp(np.abs(target).max(axis=0))[1] - 1)
        target = target / unit
        mean = np.average(target, axis=0, weights=weight)
        width = np.sqrt(np.average((target - mean) ** 2, axis=0, weights=weight))
        self._target_mean = mean * unit
        self._target_scale = np.where(width > 1e-12 * np.abs(mean), width * unit, 1.0)

    def _target_tensor(self, target) -> torch.Tensor:
        return torch.from_numpy(((target - self._target_mean) / self._target_scale).astype(np.float32))

    def predict(self, X) -> np.ndarray:
        """Predict the targets.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.

        Returns
        -------
        ndarray of shape (n,) or (n, n_outputs), dtype float64
            Computed in float32.
        """
        predicted = self._outputs(X).astype(np.float64) * self._target_scale + self._target_mean
        return predicted[:, 0] if self._single_output else predicted

    def partial_fit(self, X, y, sample_weight=None):
        """Train for one epoch on some more data, at the learning rate ``lr``: schedule and warm-up are left out.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n, d)
            The samples.
        y : array-like of shape (n,) or (n, n_outputs)
            The targets.
        sample_weight : array-like of shape (n,), default=None
            How much each sample counts in the loss.

        Returns
        -------
        self
            The estimator; columns and scales are those of the first call.
        """
        self._check_parameters()
        reset = not self.__sklearn_is_fitted__()
        return self._fit(X, y, sample_weight, reset=reset, one_epoch=True)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
