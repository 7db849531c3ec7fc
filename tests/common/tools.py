"""What the common tests share: data, fits, outputs and their comparison."""

from functools import cache

import numpy as np
from scipy.sparse import issparse
from sklearn.datasets import make_blobs

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score_samples",
    "kneighbors",
)
COLUMNS = ["alpha", "beta", "gamma", "delta"]


@cache
def _samples(n: int, whole: bool):
    """Three overlapping blobs; ``whole`` numbers are the same in every dtype, the others have no ties."""
    X, labels = make_blobs(n, n_features=4, centers=3, cluster_std=2.0, center_box=(-4, 4), random_state=3)
    X = X - X.min(axis=0)
    if whole:
        X = np.round(4 * X)
    target = np.round(X @ np.array([1.0, -2.0, 0.5, 0.0]) + 3 * np.sin(X[:, 3]), 2)
    for array in (X, labels, target):
        array.flags.writeable = False
    return X, labels, target


def samples(row, n: int = 60, *, whole: bool = False):
    """Return X of shape (n, 4), not negative, and a y that fits the row: labels 0 to 2, numbers or None."""
    X, labels, target = _samples(n, whole or row.whole)
    return X, {"classifier": labels, "regressor": target}.get(row.learns_from or row.kind)


def outputs(estimator, X) -> dict[str, np.ndarray]:
    """Everything that a fitted estimator says about X, by method."""
    said = {}
    for method in METHODS:
        if hasattr(estimator, method):
            value = getattr(estimator, method)(X)
            if isinstance(value, tuple):
                said |= {f"{method}[{i}]": np.asarray(part) for i, part in enumerate(value)}
            else:
                said[method] = value.toarray() if issparse(value) else np.asarray(value)
    assert said, f"{type(estimator).__name__} has none of the methods {METHODS}"
    return said


def assert_same_outputs(actual: dict, expected: dict, rtol: float = 0.0):
    """Compare two results of :func:`outputs`: floats within ``rtol`` of the largest, all else exactly."""
    assert actual.keys() == expected.keys()
    for method, value in expected.items():
        if rtol and value.dtype.kind == "f":
            finite = np.abs(value[np.isfinite(value)])
            # A logarithm magnifies the relative error of a small probability, so that it is compared as a difference.
            scale = max(1.0, finite.max(initial=0.0))
            np.testing.assert_allclose(actual[method], value, rtol=rtol, atol=rtol * scale, err_msg=method)
        else:
            np.testing.assert_array_equal(actual[method], value, err_msg=method)


def fitted_outputs(row, X, y, X_test=None, *, settled=False, **fit_params):
    """Fit the row's fast instance and return what it says about ``X_test`` (X where that is None)."""
    estimator = row.make_settled() if settled else row.make()
    estimator.fit(X, y, **fit_params)
    return outputs(estimator, X if X_test is None else X_test)
