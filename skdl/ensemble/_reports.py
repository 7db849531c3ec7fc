"""How much the members of an ensemble differ; beside it, how far probabilities can be trusted. Numbers, no plots."""

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skdl.ensemble._combine import SMALLEST
from skdl.kernels.calibration import calibration_report, reliability_curve
from skdl.utils import to_host

__all__ = ["calibration_report", "diversity_report", "reliability_curve"]


def diversity_report(ensemble, X, y):
    """Say how much the members of a fitted ensemble differ, and what it brings.

    Parameters
    ----------
    ensemble : fitted ensemble
        One with ``estimators_`` that are asked with equal weights: a deep or a snapshot ensemble, a vote, a bag.
    X : array-like, frame or tensor of shape (n_samples, n_features)
        Samples that it was not fitted on.
    y : array-like of shape (n_samples,)
        Their labels or targets.

    Returns
    -------
    dict of str to float
        Of classifiers: ``member_accuracy`` (mean), ``accuracy`` (of the ensemble), ``disagreement`` (the part of
        samples on which two members predict another class, mean over the pairs), ``error_correlation`` (mean
        correlation of two members' errors; NaN where one makes none), and ``member_log_loss`` and ``log_loss`` where
        there are probabilities. Of regressors: ``member_mse`` (mean), ``mse`` (of the mean of the members),
        ``ambiguity`` (the mean variance over members: for equal weights member_mse = mse + ambiguity), and
        ``error_correlation``.

    Raises
    ------
    ValueError
        If the ensemble has fewer than two members.

    References
    ----------
    Krogh, A. & Vedelsby, J. (1995). Neural network ensembles, cross validation, and active learning. NIPS 7, 231-238.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl.ensemble import BaggingRegressor, diversity_report
    >>> X, y = load_diabetes(return_X_y=True)
    >>> report = diversity_report(BaggingRegressor(random_state=0).fit(X[:300], y[:300]), X[300:], y[300:])
    >>> abs(report["member_mse"] - report["mse"] - report["ambiguity"]) < 1e-6
    True
    """
    check_is_fitted(ensemble)
    members = getattr(ensemble, "estimators_", [])
    if len(members) < 2:
        raise ValueError(
            f"diversity_report needs an ensemble with at least two members in estimators_; "
            f"{type(ensemble).__name__} has {len(members)}."
        )
    X, y = to_host(X), np.asarray(to_host(y))
    features = getattr(ensemble, "estimators_features_", None)
    parts = [X] * len(members) if features is None else [_some_columns(X, chosen) for chosen in features]
    said = [member.predict(part) for member, part in zip(members, parts, strict=True)]
    if not is_classifier(ensemble):
        values = np.asarray(said, dtype=np.float64)
        errors = values - y
        return {
            "member_mse": float((errors**2).mean()),
            "mse": float((errors.mean(axis=0) ** 2).mean()),
            "ambiguity": float(values.var(axis=0).mean()),
            "error_correlation": _mean_correlation(errors.reshape(len(errors), -1)),
        }
    classes = np.asarray(ensemble.classes_)
    codes = np.searchsorted(classes, y)
    # Members of votes, stacks and bags know codes, those of deep ensembles labels.
    by_code = not np.isin(np.asarray(members[0].classes_), classes).all() or _knows_codes(ensemble)
    predicted = np.array([part if by_code else np.searchsorted(classes, part) for part in said]).astype(int)
    wrong = (predicted != codes).astype(np.float64)
    pairs = [(i, j) for i in range(len(members)) for j in range(i)]
    report = {
        "member_accuracy": float(1 - wrong.mean()),
        "accuracy": float((np.asarray(ensemble.predict(X)) == y).mean()),
        "disagreement": float(np.mean([(predicted[i] != predicted[j]).mean() for i, j in pairs])),
        "error_correlation": _mean_correlation(wrong),
    }
    if hasattr(ensemble, "predict_proba") and all(hasattr(member, "predict_proba") for member in members):
        p = [member.predict_proba(part) for member, part in zip(members, parts, strict=True)]
        if all(part.shape[1] == len(classes) for part in p):
            report["member_log_loss"] = float(np.mean([_log_loss(part, codes) for part in p]))
            report["log_loss"] = _log_loss(ensemble.predict_proba(X), codes)
    return report


def _knows_codes(ensemble) -> bool:
    of_a_vote = hasattr(ensemble, "le_") and not getattr(ensemble, "prefit", False)
    return of_a_vote or hasattr(ensemble, "estimators_samples_")


def _log_loss(p: np.ndarray, codes: np.ndarray) -> float:
    return float(-np.log(np.maximum(p[np.arange(len(codes)), codes], SMALLEST)).mean())


def _mean_correlation(errors: np.ndarray) -> float:
    if (errors.std(axis=1) == 0).any():
        return float("nan")
    correlation = np.corrcoef(errors)
    return float(correlation[np.triu_indices(len(errors), 1)].mean())


def _some_columns(X, chosen: np.ndarray):
    if hasattr(X, "iloc"):
        return X.iloc[:, chosen]
    return (X if hasattr(X, "shape") else np.asarray(X))[:, chosen]
