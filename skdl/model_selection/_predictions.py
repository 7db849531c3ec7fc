"""Predictions for test folds: columns for all classes, rows in the order of X."""

import warnings

import numpy as np
import scipy.sparse as sp

__all__ = ["classes_of", "is_permutation", "join_folds", "predict_fold"]

CLASS_METHODS = ("decision_function", "predict_proba", "predict_log_proba")


def classes_of(y, method: str):
    """Return the classes that the columns of a method's values stand for.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_outputs), or None
        All the targets.
    method : str
        The method of the estimator.

    Returns
    -------
    ndarray, list of ndarray or None
        A list for targets of several outputs; None where columns are no classes.
    """
    if y is None or method not in CLASS_METHODS:
        return None
    y = np.asarray(y)
    return np.unique(y) if y.ndim == 1 else [np.unique(column) for column in y.T]


def predict_fold(estimator, X, method: str, classes):
    """Return what a fitted estimator says of X, with a column for each class, fitted or not.

    Parameters
    ----------
    estimator : fitted estimator
        Has seen some of the classes.
    X : indexable
        Samples.
    method : str
        The method to be called.
    classes : ndarray, list of ndarray or None
        See :func:`classes_of`.

    Returns
    -------
    ndarray, sparse matrix or list of ndarray
        A list for targets of several outputs.
    """
    predictions = getattr(estimator, method)(X)
    if classes is None:
        return predictions
    if isinstance(predictions, list):
        parts = zip(estimator.classes_, predictions, classes, strict=True)
        return [_with_all_classes(seen, part, all_classes, method) for seen, part, all_classes in parts]
    if isinstance(classes, list):
        # Targets of several outputs and one matrix: an indicator of labels, a column for each.
        classes = np.arange(len(classes))
    return _with_all_classes(estimator.classes_, predictions, classes, method)


def _with_all_classes(seen, predictions, classes, method: str):
    n_seen, n_classes = len(seen), len(classes)
    if n_seen == n_classes:
        return predictions
    advice = "To fix this, use a cross-validation technique resulting in properly stratified folds"
    warnings.warn(
        f"Number of classes in training fold ({n_seen}) does not match total number of classes ({n_classes}). "
        f"Results may not be appropriate for your use case. {advice}",
        RuntimeWarning,
        stacklevel=2,
    )
    if method == "decision_function":
        if predictions.ndim == 2 and predictions.shape[1] != n_seen:
            raise ValueError(
                f"Output shape {predictions.shape} of {method} does not match number of classes ({n_seen}) in fold. "
                "Irregular decision_function outputs are not currently supported by cross_val_predict"
            )
        if n_seen <= 2:
            raise ValueError(
                f"Only {n_seen} class/es in training fold, but {n_classes} in overall dataset. This is not supported "
                f"for decision_function with imbalanced folds. {advice}"
            )
    missing = 0 if method == "predict_proba" else np.finfo(predictions.dtype).min
    filled = np.full((len(predictions), n_classes), missing, dtype=predictions.dtype)
    filled[:, np.searchsorted(classes, seen)] = predictions
    return filled


def is_permutation(rows, n: int) -> bool:
    """Whether rows holds every number from 0 to n - 1 once."""
    return len(rows) == n and np.array_equal(np.sort(rows), np.arange(n))


def join_folds(predictions: list, tests: list, n: int):
    """Put the predictions for test folds in the order of the rows of X.

    Parameters
    ----------
    predictions : list of (ndarray, sparse matrix, or list of ndarray)
        Of each fold.
    tests : list of ndarray of int
        The test rows of each fold; no row in two of them.
    n : int
        The number of rows of X.

    Returns
    -------
    ndarray, sparse matrix or list of ndarray
        Rows that are in no test fold are NaN, or None where values are no numbers.
    """
    if isinstance(predictions[0], list):
        return [join_folds([p[i] for p in predictions], tests, n) for i in range(len(predictions[0]))]
    rows = np.concatenate(tests)
    if sp.issparse(predictions[0]):
        return sp.vstack(predictions, format=predictions[0].format)[np.argsort(rows)]
    values = np.concatenate(predictions)
    if len(rows) == n:
        joined = np.empty_like(values)
    elif values.dtype.kind in "biuf":
        joined = np.full((n, *values.shape[1:]), np.nan, dtype=np.result_type(values.dtype, np.float32))
    else:
        joined = np.full((n, *values.shape[1:]), None, dtype=object)
    joined[rows] = values
    return joined
