"""Finding the histories of fitted networks, wherever they are."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_regressor
from sklearn.utils.validation import check_is_fitted


def named(items) -> dict[str, Any]:
    """Give names to one item, a list or a dict of items."""
    if isinstance(items, Mapping):
        named = {str(name): item for name, item in items.items()}
    elif isinstance(items, (list, tuple)):
        named = {f"{place}: {kind(item)}": item for place, item in enumerate(items)}
    else:
        named = {kind(items): items}
    if not named:
        raise ValueError("There is nothing to draw: the list is empty.")
    return named


def kind(item) -> str:
    """What an item is called that has no name of its own."""
    while isinstance(item, (list, tuple)) and item:
        item = item[0]
    return "history" if isinstance(item, pd.DataFrame) else type(last_step(item)).__name__


def last_step(estimator):
    """Return the estimator itself, that which a search has chosen, or the last step of a pipeline."""
    while not hasattr(estimator, "history_") or hasattr(estimator, "cv_results_"):
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif getattr(estimator, "steps", None):
            estimator = estimator.steps[-1][1]
        else:
            break
    return estimator


def network_of(estimator):
    """Return the fitted network that an estimator is or ends with."""
    check_is_fitted(estimator)
    network = last_step(estimator)
    if not hasattr(network, "history_"):
        raise ValueError(
            f"{type(network).__name__} has no history_ of its training; neural estimators of skdl.neural have one. For "
            "scores by the number of samples use LearningCurveDisplay.from_scores."
        )
    return network


def keeps_best(network) -> bool:
    """Tell whether a network went back to the weights of its best epoch, where it had rows to validate with."""
    return getattr(network, "early_stopping", False) is not False and getattr(network, "patience", 1) is not None


def known_baseline(network, metric: str) -> float | None:
    """Return what predicting a constant costs, where it is known without the data."""
    loss = getattr(network, "loss", None)
    if metric != "loss" or (loss not in ("auto", "cross_entropy", "squared_error")):
        return None
    if is_regressor(network):
        return 1.0  # targets are standardized, and the loss is their squared error
    n_classes = len(getattr(network, "classes_", ()))
    if getattr(network, "_multilabel", False):
        return math.log(2.0)
    return math.log(n_classes) if n_classes > 1 else None


def gather_curves(histories: dict[str, list], kept: dict[str, list[bool]], metric: str, owner: str) -> dict[str, list]:
    """Bring histories to arrays.

    Parameters
    ----------
    histories : dict of str to list of pandas.DataFrame
        The folds of each curve.
    kept : dict of str to list of bool
        Whether each fold went back to its best epoch.
    metric : str
        Which columns.
    owner : str
        Whose histories they are, for messages.

    Returns
    -------
    dict of str to list
        ``steps``, ``train``, ``valid`` and ``judged``, as :class:`LearningCurveDisplay` takes them.
    """
    curves: dict[str, list] = {"steps": [], "train": [], "valid": [], "judged": []}
    for name, folds in histories.items():
        n = max(len(history) for history in folds)
        if not n:
            raise ValueError(f"The history of {owner} holds no epoch.")
        train = [_padded_column(history, f"train_{metric}", n, owner) for history in folds]
        has_valid = all(f"valid_{metric}" in history for history in folds)
        valid = [_padded_column(history, f"valid_{metric}", n, owner) for history in folds] if has_valid else None
        ends = [
            _best_epoch(history) if best else len(history) - 1 for history, best in zip(folds, kept[name], strict=True)
        ]
        curves["steps"].append(np.arange(1, n + 1))
        curves["train"].append(np.column_stack(train))
        curves["valid"].append(None if valid is None else np.column_stack(valid))
        curves["judged"].append(np.array(ends))
    return curves


def mean_and_spread(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation over the folds that have got so far."""
    there = ~np.isnan(curves)
    count = np.maximum(there.sum(axis=1), 1)
    mean = np.where(there, curves, 0.0).sum(axis=1) / count
    spread = np.sqrt((np.where(there, curves - mean[:, None], 0.0) ** 2).sum(axis=1) / count)
    missing = ~there.any(axis=1)
    mean[missing] = spread[missing] = np.nan
    return mean, spread


def _padded_column(history: pd.DataFrame, name: str, n: int, owner: str) -> np.ndarray:
    """Return a column of a history, followed by NaN up to a length of n."""
    if name not in history:
        raise ValueError(f"The history of {owner} has no column {name!r}; its columns are {list(history.columns)}.")
    column = np.full(n, np.nan)
    column[: len(history)] = history[name].to_numpy(dtype=np.float64)
    return column


def _best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch that early stopping goes back to: the first with the least validation loss."""
    if "valid_loss" not in history:
        return len(history) - 1
    return int(np.nanargmin(history["valid_loss"].to_numpy(dtype=np.float64)))


def varying(params: list[dict]) -> list[str]:
    """Return the parameters in which candidates differ, in their order."""
    names = dict.fromkeys(name for candidate in params for name in candidate)
    first = {name: repr(params[0].get(name)) for name in names}
    return [name for name in names if any(repr(candidate.get(name)) != first[name] for candidate in params)]


def setting(parameters: dict, name: str, otherwise):
    """Return a parameter of the last step, as the candidate sets it."""
    return next((value for key, value in parameters.items() if key.split("__")[-1] == name), otherwise)


def short(value) -> str:
    """Write a value of a parameter."""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
