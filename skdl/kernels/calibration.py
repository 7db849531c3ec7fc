"""How far probabilities can be trusted. Numbers, no plots."""

import numpy as np
import pandas as pd

from skdl.utils import encode_classes, to_host, validate_sample_weight

# What a probability is raised to before its logarithm is taken.
SMALLEST = np.finfo(np.float64).eps


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
