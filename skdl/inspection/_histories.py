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


def histories_of_search(search, candidates, metric: str, baseline: float | None) -> tuple[dict, dict, list]:
    """Find how candidates of a search have learnt.

    Parameters
    ----------
    search : search
        Finished, with ``return_history=True``.
    candidates : int or list of int
        How many of the best candidates, or which.
    metric : str
        What is looked at.
    baseline : float or None
        What a constant costs; None where it is to be known.

    Returns
    -------
    histories : dict of str to list of pandas.DataFrame
        The folds of each candidate, by what sets it apart.
    kept : dict of str to list of bool
        Whether each fold went back to its best epoch.
    baselines : list of float or None
        For each candidate.
    """
    check_is_fitted(search, "cv_results_")
    name = type(search).__name__
    if not hasattr(search, "history_"):
        raise ValueError(
            f"{name} has kept no histories: fit it with return_history=True (searches of skdl.model_selection)."
        )
    results = search.cv_results_
    if isinstance(candidates, (int, np.integer)):
        if candidates < 1:
            raise ValueError(f"candidates must be at least 1, or a list of their places; got {candidates}.")
        rank = next(results[key] for key in results if key.startswith("rank_test_"))
        learnt = [
            place for place in np.argsort(rank, kind="stable") if any(h is not None for h in search.history_[place])
        ]
        candidates = learnt[: int(candidates)]
    if not len(candidates):
        raise ValueError(
            f"None of the candidates of {name} has a history_: the estimator keeps none, or all fits failed."
        )
    histories, kept = {}, {}
    baselines: list[float | None] = []
    different = _varying(results["params"])
    network = last_step(getattr(search, "best_estimator_", search.estimator))
    for place in candidates:
        if not 0 <= place < len(search.history_):
            raise ValueError(f"{name} has no candidate {place}; it has {len(search.history_)}, counted from 0.")
        folds = [history for history in search.history_[place] if history is not None]
        if not folds:
            raise ValueError(f"Candidate {place} of {name} has no history: its fits failed, or keep none.")
        parameters = results["params"][place]
        label = ", ".join(f"{key}={_short(parameters[key])}" for key in different if key in parameters)
        label = label or f"candidate {place}"
        histories[label] = folds
        early = _setting(parameters, "early_stopping", getattr(network, "early_stopping", False))
        kept[label] = [early is not False] * len(folds)
        if baseline is None and _setting(parameters, "loss", None) is None:
            baselines.append(known_baseline(network, metric))
        else:  # a loss of the candidate's own
            baselines.append(baseline)
    return histories, kept, baselines


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
        for history in folds:
            if not isinstance(history, pd.DataFrame):
                raise TypeError(
                    f"A history is a pandas.DataFrame with a row for each epoch; got {type(history).__name__}. Columns "
                    "in a dict become one by pandas.DataFrame(columns)."
                )
        n = max(len(history) for history in folds)
        if not n:
            raise ValueError(f"The history of {owner} holds no epoch.")
        train = [_padded_column(history, f"train_{metric}", n, owner) for history in folds]
        has_valid = all(_holds(history, f"valid_{metric}") for history in folds)
        valid = [_padded_column(history, f"valid_{metric}", n, owner) for history in folds] if has_valid else None
        ends = [
            _best_epoch(history) if best else len(history) - 1 for history, best in zip(folds, kept[name], strict=True)
        ]
        curves["steps"].append(np.arange(1, n + 1))
        curves["train"].append(np.column_stack(train))
        curves["valid"].append(None if valid is None else np.column_stack(valid))
        curves["judged"].append(np.array(ends))
    return curves


def _padded_column(history: pd.DataFrame, name: str, n: int, owner: str) -> np.ndarray:
    """Return a column of a history, followed by NaN up to a length of n."""
    if name not in history:
        raise ValueError(f"The history of {owner} has no column {name!r}; its columns are {list(history.columns)}.")
    column = np.full(n, np.nan)
    column[: len(history)] = history[name].to_numpy(dtype=np.float64)
    return column


def _holds(history: pd.DataFrame, name: str) -> bool:
    """Tell whether a column is there, with a number at least: other loops write NaN where nothing was measured."""
    return name in history and bool(history[name].notna().any())


def _best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch that early stopping goes back to: the first with the least validation loss."""
    if not _holds(history, "valid_loss"):
        return len(history) - 1
    return int(np.nanargmin(history["valid_loss"].to_numpy(dtype=np.float64)))


def _varying(params: list[dict]) -> list[str]:
    """Return the parameters in which candidates differ, in their order."""
    names = dict.fromkeys(name for candidate in params for name in candidate)
    first = {name: repr(params[0].get(name)) for name in names}
    return [name for name in names if any(repr(candidate.get(name)) != first[name] for candidate in params)]


def _setting(parameters: dict, name: str, otherwise):
    """Return a parameter of the last step, as the candidate sets it."""
    return next((value for key, value in parameters.items() if key.split("__")[-1] == name), otherwise)


def _short(value) -> str:
    """Write a value of a parameter."""
    return f"{value:.4g}" if isinstance(value, (float, np.floating)) else str(value)
