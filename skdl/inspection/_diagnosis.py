"""Under-fitted, over-fitted or a good fit: what two curves can tell, by a rule that is written down."""

from typing import Any

import numpy as np

# The rule, in parts of what there is to learn: from the baseline to the ideal.
LARGEST_GAP = 0.15
LARGEST_RISE = 0.05
LARGEST_REMAINDER = 0.5
LARGEST_GAIN = 0.05

UNDER, OVER, GOOD, UNKNOWN = "under-fitted", "over-fitted", "good fit", "unknown"


def diagnose_fit(
    train, valid=None, *, judged=None, baseline=None, ideal=None, greater_is_better=False, over="epochs"
) -> dict[str, Any]:
    """Say whether a model is under-fitted, over-fitted or a good fit, and by which figures.

    Parameters
    ----------
    train : array-like of shape (n_steps,) or (n_steps, n_folds)
        The loss, or score, on the training rows; NaN after a fold has stopped.
    valid : array-like of the shape of ``train`` or None, default=None
        The same on rows that were not trained on.
    judged : array-like of int of shape (n_folds,) or None, default=None
        The step whose weights each fold has kept; None for its last.
    baseline : float or None, default=None
        What predicting a constant gives: ``log(n_classes)`` for cross-entropy and balanced classes, 1 for the squared
        error on standardized targets. None takes the worse of the first steps, which may be better already than a
        constant.
    ideal : float or None, default=None
        What could be reached at best; None for a loss of 0 or a score of 1.
    greater_is_better : bool, default=False
        Whether the curves are scores.
    over : {"epochs", "samples"}, default="epochs"
        What a step is: an epoch of training, or a number of training samples.

    Returns
    -------
    dict
        ``verdict``: "under-fitted", "over-fitted", "good fit" or "unknown"; ``because``: why, in words; ``step``: the
        judged one (mean over folds, counted from 0); ``train`` and ``valid`` there; and, in parts of what there is to
        learn, which is the way from the baseline to the ideal: ``gap`` (between train and valid), ``remainder`` (what
        the training rows still lack), ``rise`` (what has been lost on the validation rows since their best step) and
        ``gain`` (what the last fifth of the steps, at least five, has brought on the validation rows, by the slope of
        a line through them; 0 where the best step is not among the last quarter of these). All are means over the
        folds. Where nothing is validated, the gain is that on the training rows.

    Raises
    ------
    ValueError
        If shapes do not fit together, a fold has no step, or the baseline is no worse than the ideal.

    See Also
    --------
    LearningCurveDisplay : The curves with the verdict.

    Notes
    -----
    The rule, of which the first line that holds decides:

    ================================================ =============
    ``gap > 0.15`` or ``rise > 0.05``                over-fitted
    ``remainder > 0.5``                              under-fitted
    ``gain > 0.05``, over epochs                     under-fitted
    there is no validation curve                     unknown
    otherwise                                        good fit
    ================================================ =============

    The limits are conventions. Two curves cannot tell a network that is too small from labels that are noisy: both
    leave much of the loss on the training rows. Where the noise is known, say by ``ideal`` what can be reached at best.
    And a loss does not tell whether the errors matter: a network may grow ever surer of a few wrong samples, its loss
    rise and its accuracy stay.

    References
    ----------
    Goodfellow, I., Bengio, Y. & Courville, A. (2016). Deep Learning, section 5.2. MIT Press.
    https://www.deeplearningbook.org

    Examples
    --------
    >>> from skdl.inspection import diagnose_fit
    >>> diagnose_fit([1.0, 0.5, 0.2, 0.1, 0.0], [1.0, 0.6, 0.5, 0.6, 0.8])["verdict"]
    'over-fitted'
    """
    if over not in ("epochs", "samples"):
        raise ValueError(f"over must be 'epochs' or 'samples', got {over!r}.")
    train_curves = _columns(train, "train")  # (n_steps, n_folds)
    valid_curves = None if valid is None else _columns(valid, "valid")
    if valid_curves is not None and valid_curves.shape != train_curves.shape:
        raise ValueError(
            f"train has the shape {train_curves.shape} and valid {valid_curves.shape}; they must have the same steps "
            "and folds."
        )
    ideal = float(greater_is_better) if ideal is None else float(ideal)
    firsts = [curves[0] for curves in (train_curves, valid_curves) if curves is not None]
    if baseline is None:
        baseline = float(np.nanmin(firsts) if greater_is_better else np.nanmax(firsts))
    way = (ideal - baseline) if greater_is_better else (baseline - ideal)
    if not way > 0:
        raise ValueError(
            f"baseline={baseline:g} must be worse than ideal={ideal:g}; there would be nothing to learn. Set both."
        )
    sign = -1.0 if greater_is_better else 1.0
    lacks = sign * (train_curves - ideal) / way
    lacks_valid = lacks if valid_curves is None else sign * (valid_curves - ideal) / way
    ends = [int(np.flatnonzero(~np.isnan(column))[-1]) for column in lacks.T]
    places = np.array(ends) if judged is None else np.asarray(judged, dtype=int)
    if places.shape != (len(ends),) or (places < 0).any() or (places > ends).any():
        raise ValueError(f"judged must name one of the steps of each of the {len(ends)} folds, got {judged!r}.")
    folds = np.arange(len(ends))
    figures: dict[str, Any] = {
        "step": float(places.mean()),
        "train": float(train_curves[places, folds].mean()),
        "valid": np.nan if valid_curves is None else float(valid_curves[places, folds].mean()),
        "gap": float((lacks_valid - lacks)[places, folds].mean()) if valid_curves is not None else np.nan,
        "remainder": float(lacks[places, folds].mean()),
        "rise": float((lacks_valid[places, folds] - np.nanmin(lacks_valid, axis=0)).mean())
        if valid_curves is not None and over == "epochs"
        else np.nan,
        "gain": float(np.mean([_gain(lacks_valid[: end + 1, fold]) for fold, end in enumerate(ends)])),
    }
    verdict, because = _judge(figures, over)
    return {"verdict": verdict, "because": because, **figures}


def _judge(figures: dict[str, Any], over: str) -> tuple[str, str]:
    gap, rise, remainder, gain = (figures[name] for name in ("gap", "rise", "remainder", "gain"))
    if gap > LARGEST_GAP:
        more = "; more samples still help" if over == "samples" and gain > LARGEST_GAIN else ""
        return OVER, f"new rows lack {_percent(gap)} more than training rows{more}"
    if rise > LARGEST_RISE:
        return OVER, f"{_percent(rise)} were lost on new rows since their best step"
    if remainder > LARGEST_REMAINDER:
        return UNDER, f"training rows still lack {_percent(remainder)}: too small, too short, or noisy labels"
    if over == "epochs" and gain > LARGEST_GAIN:
        return UNDER, f"the last epochs still brought {_percent(gain)}: train longer"
    if np.isnan(gap):
        return UNKNOWN, "no validation curve: fit with early_stopping=True, or with X_val and y_val"
    return GOOD, f"training rows lack {_percent(remainder)}, new rows {_percent(remainder + gap)}"


def _percent(part: float) -> str:
    return f"{max(part, 0.0):.0%}"


def _gain(lacks: np.ndarray) -> float:
    """What the last steps have brought: the drop of a line through them, over their length."""
    lacks = lacks[~np.isnan(lacks)]
    window = min(len(lacks), max(5, len(lacks) // 5))
    if window < 2:
        return np.nan
    if np.argmin(lacks) < len(lacks) - 1 - window // 4:
        return 0.0
    slope = np.polyfit(np.arange(window), lacks[-window:], 1)[0]
    return float(-slope * (window - 1))


def _columns(curve, name: str) -> np.ndarray:
    array = np.asarray(curve, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{name} must be a curve (n_steps,) or one for each fold (n_steps, n_folds).")
    if np.isnan(array).all(axis=0).any():
        raise ValueError(f"{name} holds a fold without any step.")
    return array
