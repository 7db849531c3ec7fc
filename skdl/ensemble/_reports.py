"""How far probabilities can be trusted, and how much the members of an ensemble differ. Numbers, no plots."""

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skdl.ensemble._combine import SMALLEST
from skdl.utils import encode_classes, to_host, validate_sample_weight


def reliability_curve(y, probability, *, classes=None, n_bins=10, strategy="uniform", sample_weight=None):
    """Compare how sure predictions are with how often they are right.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The true labels.
    probability : array-like of shape (n_samples, n_classes)
        The predicted probabilities.
    classes : array-like of shape (n_classes,), default=None
        The labels of the columns; None for those of ``y``, sorted.
    n_bins : int, default=10
        The number of bins that the largest probability of each sample is sorted into.
    strategy : {"uniform", "quantile"}, default="uniform"
        Whether bins are of equal width between 0 and 1, or hold equally many samples.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each sample counts.

    Returns
    -------
    pandas.DataFrame
        A row for each bin that holds samples: ``confidence`` (mean of the largest probability), ``accuracy`` (how often
        the most probable class is the true one), ``weight`` (the part of the samples), ``low`` and ``high`` (its
        bounds).

    Raises
    ------
    ValueError
        If shapes do not fit together, or ``y`` holds labels that ``classes`` does not.

    Examples
    --------
    >>> from skdl.ensemble import reliability_curve
    >>> curve = reliability_curve([0, 1, 1, 0], [[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]], n_bins=5)
    >>> curve[["confidence", "accuracy", "weight"]].round(3).values.tolist()
    [[0.6, 0.667, 0.75], [0.9, 1.0, 0.25]]
    """
    codes, p, weight = _checked(y, probability, classes, sample_weight)
    if strategy not in ("uniform", "quantile"):
        raise ValueError(f"strategy must be 'uniform' or 'quantile', got {strategy!r}.")
    if not isinstance(n_bins, (int, np.integer)) or n_bins < 1:
        raise ValueError(f"n_bins must be a whole number of at least 1, got {n_bins!r}.")
    confidence, right = p.max(axis=1), p.argmax(axis=1) == codes
    places = np.linspace(0, 1, n_bins + 1)
    edges = places if strategy == "uniform" else np.unique(np.quantile(confidence, places))
    # A bin holds its upper bound; the first one its lower bound, too.
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, max(len(edges) - 2, 0))
    total = np.bincount(bins, weights=weight)
    kept = np.flatnonzero(total)
    return pd.DataFrame(
        {
            "confidence": np.bincount(bins, weights=weight * confidence)[kept] / total[kept],
            "accuracy": np.bincount(bins, weights=weight * right)[kept] / total[kept],
            "weight": total[kept] / total.sum(),
            "low": edges[kept],
            "high": edges[np.minimum(kept + 1, len(edges) - 1)],
        }
    )


def calibration_report(y, probability, *, classes=None, n_bins=10, strategy="uniform", sample_weight=None):
    """Score predicted probabilities.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        The true labels.
    probability : array-like of shape (n_samples, n_classes)
        The predicted probabilities.
    classes : array-like of shape (n_classes,), default=None
        The labels of the columns; None for those of ``y``, sorted.
    n_bins : int, default=10
        As in :func:`reliability_curve`.
    strategy : {"uniform", "quantile"}, default="uniform"
        As in :func:`reliability_curve`.
    sample_weight : array-like of shape (n_samples,), default=None
        How much each sample counts.

    Returns
    -------
    dict of str to float
        ``accuracy``; ``log_loss``; ``brier``, the squared error summed over the classes (Brier 1950, from 0 to 2);
        ``ece``, the expected calibration error, the mean over the samples' bins of ``|accuracy - confidence|``;
        ``mce``, the largest of these; ``confidence``, the mean largest probability.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. & Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.
    https://doi.org/10.48550/arXiv.1706.04599

    Examples
    --------
    >>> from skdl.ensemble import calibration_report
    >>> report = calibration_report([0, 1, 1, 0], [[0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]], n_bins=5)
    >>> {name: round(value, 3) for name, value in report.items()}["brier"]
    0.345
    """
    codes, p, weight = _checked(y, probability, classes, sample_weight)
    share = weight / weight.sum()
    curve = reliability_curve(
        y, probability, classes=classes, n_bins=n_bins, strategy=strategy, sample_weight=sample_weight
    )
    gap = np.abs(curve["accuracy"] - curve["confidence"]).to_numpy()
    true = p[np.arange(len(codes)), codes]
    return {
        "accuracy": float(share @ (p.argmax(axis=1) == codes)),
        "log_loss": float(-share @ np.log(np.maximum(true, SMALLEST))),
        "brier": float(share @ ((p - np.eye(p.shape[1])[codes]) ** 2).sum(axis=1)),
        "ece": float(gap @ curve["weight"].to_numpy()),
        "mce": float(gap.max()),
        "confidence": float(share @ p.max(axis=1)),
    }


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


def _checked(y, probability, classes, sample_weight) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    known, codes = encode_classes(to_host(y), owner="y")
    p = np.asarray(to_host(probability), dtype=np.float64)
    if classes is not None:
        labels = np.asarray(classes)
        order = np.argsort(labels)
        places = np.searchsorted(labels, known, sorter=order).clip(max=len(labels) - 1)
        if (labels[order][places] != known).any():
            unknown = known[labels[order][places] != known].tolist()
            raise ValueError(f"y holds the labels {unknown}, which are none of the classes {labels.tolist()}.")
        codes = order[places][codes]
        known = labels
    if p.shape != (len(codes), len(known)):
        raise ValueError(
            f"probability has the shape {p.shape}, but y has {len(codes)} samples of {len(known)} classes; name the "
            "classes of the columns in classes where y does not hold them all."
        )
    weight = validate_sample_weight(sample_weight, len(codes))
    return codes, p, np.ones(len(codes)) if weight is None else weight
