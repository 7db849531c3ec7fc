"""What a ``metric`` parameter means: which vectors to compare, and how."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import distance_metrics

_SYNONYMS = {"l2": "euclidean", "l1": "manhattan", "cityblock": "manhattan", "infinity": "chebyshev", "p": "minkowski"}
_BOOLEAN = ("dice", "jaccard", "rogerstanimoto", "russellrao", "sokalmichener", "sokalsneath", "yule")
_SCIPY = ("braycurtis", "canberra", "chebyshev", "correlation", "hamming", "mahalanobis", "minkowski", "seuclidean")
MIXED = ("gower", "heom")
_SPARSE = ("euclidean", "sqeuclidean", "manhattan", "cosine", "precomputed")

VALID_METRICS = sorted({*distance_metrics(), *_SYNONYMS, *_BOOLEAN, *_SCIPY, *MIXED, "sqeuclidean"})
"""The names that ``metric`` takes."""


def is_metric_learner(metric) -> bool:
    """Whether ``metric`` is an estimator to be fitted inside."""
    return hasattr(metric, "get_params") and hasattr(metric, "transform") and not isinstance(metric, type)


@dataclass(frozen=True)
class Metric:
    """A metric, resolved for the training data.

    Attributes
    ----------
    kind : {"euclidean", "manhattan", "chebyshev", "mixed", "pairwise", "precomputed"}
        How embedded vectors are compared: the first four by kernels of skdl on any device, "pairwise" by
        :func:`sklearn.metrics.pairwise_distances` on the CPU.
    embed : callable
        Takes rows and whether they are queries; returns the vectors to compare.
    finish : callable
        Turns the distance of the vectors into the distance that was asked for; increasing.
    undo : callable
        The inverse of ``finish``, for radii.
    arguments : dict
        What to pass to ``pairwise_distances``, the metric included.
    """

    kind: str
    embed: Callable[[Any, bool], Any] = lambda X, queries: X
    finish: Callable[[Any], Any] = lambda distances: distances
    undo: Callable[[np.ndarray], np.ndarray] = lambda radius: radius
    arguments: dict = field(default_factory=dict)


def effective_metric(metric, p, metric_params):
    """Name the metric as scikit-learn does in ``effective_metric_`` and ``effective_metric_params_``."""
    params = dict(metric_params or {})
    if is_metric_learner(metric):
        metric, params = "minkowski", {}
    if not isinstance(metric, str) or metric not in ("minkowski", "p"):
        return metric, params
    p = params.pop("p", 2 if p is None else p)
    w = params.pop("w", None)
    if w is None and p in (1, 2, np.inf):
        return {1: "manhattan", 2: "euclidean", np.inf: "chebyshev"}[p], params
    return "minkowski", {**params, "p": p, "w": w}


def check_metric_name(metric) -> None:
    """Raise if ``metric`` is a name that is unknown."""
    if isinstance(metric, str) and metric not in VALID_METRICS:
        raise ValueError(
            f"metric={metric!r} is not known. Use one of {', '.join(VALID_METRICS)}; a callable of two vectors; or a "
            "transformer (a metric learner), which is fitted inside."
        )


def check_takes_sparse(name) -> None:
    """Raise if the effective metric does not take sparse data."""
    if isinstance(name, str) and _SYNONYMS.get(name, name) not in _SPARSE:
        raise ValueError(
            f"metric={name!r} does not take sparse data. Use one of {', '.join(_SPARSE)} or a callable, or make the "
            "data dense with X.toarray() where memory allows."
        )


def resolve_metric(name, params: dict, X) -> Metric:
    """Turn an effective metric into what the indexes work with.

    Parameters
    ----------
    name : str or callable or DistanceMetric
        ``effective_metric_``.
    params : dict
        ``effective_metric_params_``.
    X : ndarray or sparse matrix of shape (n, d)
        The training rows; variances and covariances that are not given are computed from them.

    Returns
    -------
    Metric
    """
    if hasattr(name, "pairwise"):  # a sklearn.metrics.DistanceMetric
        return Metric("pairwise", arguments={"metric": name})
    if callable(name):
        return Metric("pairwise", arguments={"metric": name, **params})
    name = _SYNONYMS.get(name, name)
    if name == "precomputed" or (name == "euclidean" and not params):
        return Metric(name)
    if name == "sqeuclidean" and not params:
        return Metric("euclidean", finish=lambda distances: distances * distances, undo=np.sqrt)
    if name in MIXED:
        return Metric("mixed", arguments={"metric": name, **params})
    if sp.issparse(X):
        return Metric("pairwise", arguments={"metric": name, **params})
    if name in ("manhattan", "chebyshev") and not params:
        return Metric(name)
    if name == "minkowski":
        return Metric("pairwise", arguments={"metric": name, **{k: v for k, v in params.items() if v is not None}})
    if name == "cosine":
        return Metric(
            "euclidean",
            embed=_on_sphere,
            finish=lambda distances: distances * distances / 2,
            undo=lambda radius: np.sqrt(2 * np.maximum(radius, 0)),
        )
    if name == "seuclidean":
        variance = np.asarray(params["V"] if "V" in params else X.astype(np.float64).var(axis=0, ddof=1))
        if not (variance > 0).all():
            raise ValueError(
                f"metric='seuclidean' divides by the variance of each column, and that of column "
                f"{int(np.argmin(variance > 0))} is not positive. Drop constant columns, or pass "
                "metric_params={'V': ...}."
            )
        deviation = np.sqrt(variance)
        return Metric("euclidean", embed=lambda rows, queries: rows / deviation)
    if name == "mahalanobis":
        return _mahalanobis(params, X)
    if name in _BOOLEAN:
        return Metric("pairwise", embed=lambda rows, queries: rows != 0, arguments={"metric": name, **params})
    return Metric("pairwise", arguments={"metric": name, **params})


def _on_sphere(rows, queries: bool):
    """Unit vectors, whose squared distance is twice the cosine distance.

    Two columns are added so that a row of zeros, which has no direction, is at distance 1 from all others.
    """
    rows = rows.astype(np.float64)
    largest = np.abs(rows).max(axis=1, initial=0.0)
    zero = largest == 0
    rows = rows / np.where(zero, 1.0, largest)[:, None]
    rows /= np.where(zero, 1.0, np.linalg.norm(rows, axis=1))[:, None]
    extra = np.zeros((len(rows), 2))
    extra[zero, int(queries)] = 1.0
    return np.hstack([rows, extra])


def _product(rows, matrix):
    """Multiply row by row in one order, which a product by BLAS changes with the number of rows."""
    total = np.zeros((len(rows), matrix.shape[1]))
    for feature, weights in enumerate(matrix):
        total += rows[:, feature, None] * weights
    return total


def _mahalanobis(params: dict, X) -> Metric:
    """Rows times a factor of the inverse covariance, whose Euclidean distance is the Mahalanobis distance."""
    try:
        if "VI" in params:
            inverse = np.asarray(params["VI"], dtype=np.float64)
            factor = np.linalg.cholesky((inverse + inverse.T) / 2)
        else:
            covariance = params["V"] if "V" in params else np.cov(X.astype(np.float64), rowvar=False)
            factor = np.linalg.inv(np.linalg.cholesky(np.atleast_2d(covariance))).T
        singular = not np.isfinite(factor).all()
    except np.linalg.LinAlgError:
        singular = True
    if singular:
        raise ValueError(
            "metric='mahalanobis' needs a covariance matrix that is positive definite, and that of the training rows "
            "(or the one in metric_params) is not. Drop constant and redundant columns, add rows, or pass "
            "metric_params={'VI': ...}."
        )
    return Metric("euclidean", embed=lambda rows, queries: _product(rows.astype(np.float64), factor))


def block_of_distances(metric: Metric, queries, X, n_jobs) -> np.ndarray:
    """Compute a dense block (queries, training rows) of a "pairwise" metric."""
    arguments = dict(metric.arguments)
    name = arguments.pop("metric")
    if hasattr(name, "pairwise"):
        return name.pairwise(np.asarray(queries, dtype=np.float64), np.asarray(X, dtype=np.float64))
    if name == "nan_euclidean":
        arguments["ensure_all_finite"] = "allow-nan"
    return np.asarray(pairwise_distances(queries, X, metric=name, n_jobs=n_jobs, **arguments))
