"""What is wanted of each fitted member: scores, or predictions."""

import numbers
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from traceback import format_exc
from typing import Any

import numpy as np
from sklearn import get_config
from sklearn.base import ClassifierMixin

from skdl.model_selection._fold import Fold, count_rows, take_metadata
from skdl.model_selection._inherited import scorers_by_name
from skdl.model_selection._predictions import predict_fold
from skdl.utils import to_host

__all__ = ["Predictions", "Scores", "is_transparent"]


def is_transparent(scoring) -> bool:
    """Whether scorers are scikit-learn's own, which ask an estimator for nothing but its predictions."""
    if scoring is None or isinstance(scoring, str):
        return True
    if callable(scoring):
        return False
    return all(isinstance(name, str) for name in (scoring.values() if isinstance(scoring, dict) else scoring))


@dataclass(frozen=True)
class Scores:
    """Scores of a member, and what else is to be kept of it.

    Parameters
    ----------
    scorer : callable
        Takes a fitted estimator, X and y; returns a number, or a dict of them.
    transparent : bool
        Whether the scorer is one of scikit-learn's, which asks the estimator for nothing but its predictions; a
        callable of the user's may look at the steps of a pipeline.
    metadata : dict of str to object
        What the scorer takes beside them, for all the samples.
    error_score : number or "raise"
        The score of a member that fails.
    with_train, with_estimator, with_history : bool, default=False
        Whether to score on the training samples too, to keep the fitted estimator, to keep its ``history_``.
    with_predictions : str or None, default=None
        The method whose values for the test samples are to be kept.
    classes : ndarray, list of ndarray or None, default=None
        The classes in all of y, for the columns of the predictions.
    is_accuracy : bool, default=False
        Whether the scorer is the estimator's own ``score``, or the accuracy by name.
    """

    scorer: Any
    transparent: bool
    metadata: dict
    error_score: Any
    with_train: bool = False
    with_estimator: bool = False
    with_history: bool = False
    with_predictions: str | None = None
    classes: Any = None
    is_accuracy: bool = False

    def of(self, estimator, fold: Fold) -> dict[str, Any]:
        """Return the scores of a fitted estimator, and what else was asked for."""
        X_test, y_test = fold.testing
        start = time.perf_counter()
        scored = {"test_scores": self._score(estimator, X_test, y_test, fold, fold.test)}
        scored["score_time"] = time.perf_counter() - start
        if self.with_train:
            X_train, y_train = fold.training
            scored["train_scores"] = self._score(estimator, X_train, y_train, fold, fold.train)
        if self.with_estimator:
            scored["estimator"] = estimator
        if self.with_history:
            scored["history"] = _history_of(estimator)
        if self.with_predictions is not None:
            scored["predictions"] = predict_fold(estimator, X_test, self.with_predictions, self.classes)
        scored["n_test_samples"] = count_rows(X_test)
        return scored

    def of_failure(self, estimator) -> dict[str, Any]:
        """Return the same for an estimator whose fit failed."""
        names = scorers_by_name(self.scorer)
        score = self.error_score if names is None else dict.fromkeys(names, self.error_score)
        failed = {"test_scores": score, "score_time": 0.0}
        if self.with_train:
            failed["train_scores"] = score if names is None else dict(score)
        if self.with_estimator:
            failed["estimator"] = estimator
        if self.with_history:
            failed["history"] = None
        if self.with_predictions is not None:
            failed["predictions"] = None
        return failed

    def _score(self, estimator, X, y, fold, rows):
        if self.is_accuracy and not self.metadata and _scores_by_accuracy(estimator):
            # The same number, without looking again at each sibling's labels for what kind of labels they are.
            accuracy = _accuracy(y, estimator.predict(X)) if _is_plain(y) else None
            if accuracy is not None:
                return accuracy
        if not get_config()["array_api_dispatch"]:
            y = to_host(y)  # scikit-learn before 1.7 compares no tensor with the predictions, which are NumPy's
        arguments = (X,) if y is None else (X, y)
        try:
            scores = self.scorer(estimator, *arguments, **take_metadata(fold.X, self.metadata, rows))
        except Exception:
            # A scorer of several metrics raises only if it was told to; else it returns tracebacks among the scores.
            if self.error_score == "raise" or scorers_by_name(self.scorer) is not None:
                raise
            scores = self._instead(format_exc())
        if not isinstance(scores, dict):
            return _as_number(scores, self.scorer)
        if scorers_by_name(self.scorer) is not None:
            scores = {name: self._instead(s) if isinstance(s, str) else s for name, s in scores.items()}
        return {name: _as_number(score, name) for name, score in scores.items()}

    def _instead(self, details: str):
        warnings.warn(
            "Scoring failed. The score on this train-test partition for these parameters will be set to "
            f"{self.error_score}. Details: \n{details}",
            UserWarning,
            stacklevel=4,
        )
        return self.error_score


@dataclass(frozen=True)
class Predictions:
    """What a member predicts for the test samples.

    Parameters
    ----------
    method : str
        The method to be called.
    classes : list of ndarray, ndarray or None
        The classes in all of y, coded as numbers; None where columns are not classes.
    """

    method: str
    classes: Any
    error_score: str = "raise"
    transparent: bool = True

    def of(self, estimator, fold: Fold) -> dict[str, Any]:
        """Return the predictions of a fitted estimator."""
        return {"predictions": predict_fold(estimator, fold.testing[0], self.method, self.classes)}

    def of_failure(self, estimator):
        """Raise what made the fit fail: there is nothing to return in its place."""
        raise


def _scores_by_accuracy(estimator) -> bool:
    return getattr(type(estimator), "score", None) is ClassifierMixin.score


def _is_plain(y) -> bool:
    return isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuSU"


def _accuracy(y, predicted) -> float | None:
    """The share of labels that are right; None where they are of another kind than the targets."""
    if not _is_plain(predicted) or predicted.dtype.kind != y.dtype.kind or len(predicted) != len(y) or not len(y):
        return None
    return float(np.count_nonzero(predicted == y) / len(y))


def _as_number(score, owner):
    if hasattr(score, "item"):
        with suppress(ValueError):
            score = score.item()
    if not isinstance(score, numbers.Number):
        raise ValueError(f"scoring must return a number, got {score} ({type(score)}) instead. (scorer={owner})")
    return score


def _history_of(estimator):
    """The ``history_`` of an estimator, or of the last step of a pipeline."""
    while not hasattr(estimator, "history_") and getattr(estimator, "steps", None):
        estimator = estimator.steps[-1][1]
    return getattr(estimator, "history_", None)
