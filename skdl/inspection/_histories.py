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


def padded_column(history: pd.DataFrame, name: str, n: int, owner: str) -> np.ndarray:
    """Return a column of a history, followed by NaN up to a length of n."""
    if name not in history:
        raise ValueError(f"The history of {owner} has no column {name!r}; its columns are {list(history.columns)}.")
    column = np.full(n, np.nan)
    column[: len(history)] = history[name].to_numpy(dtype=np.float64)
    return column


def best_epoch(history: pd.DataFrame) -> int:
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
