"""From the results of a search to points of one or two parameters, and to the axes that they lie on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Number

import numpy as np
import pandas as pd

from skdl.inspection._drawing import is_geometric

_PREFIX = "param_"


@dataclass
class Points:
    """What is drawn; the fields are the parameters of :class:`SearchDisplay`."""

    param_names: tuple[str, ...]
    values: tuple[np.ndarray, ...]
    scores: np.ndarray
    fold_scores: np.ndarray | None
    others: str
    best: int


def read_results(results: pd.DataFrame, metric: str | None) -> tuple[str, pd.DataFrame, np.ndarray, np.ndarray | None]:
    """Read the parameters and scores of the candidates.

    Parameters
    ----------
    results : pandas.DataFrame
        ``cv_results_``.
    metric : str or None
        Which metric; None for the first.

    Returns
    -------
    metric : str
        The name of the metric.
    table : pandas.DataFrame
        A column for each parameter, by its name.
    scores : ndarray of shape (n_candidates,)
        The mean scores.
    fold_scores : ndarray of shape (n_candidates, n_folds) or None
        The scores of each fold, where the results hold them.
    """
    metrics = [name.removeprefix("mean_test_") for name in results if name.startswith("mean_test_")]
    if not metrics:
        raise ValueError("There are no scores: cv_results must hold columns mean_test_<metric>, as cv_results_ does.")
    if metric is None:
        metric = metrics[0]
    if metric not in metrics:
        raise ValueError(f"There is no metric {metric!r}; the search has {metrics}.")
    names = [name.removeprefix(_PREFIX) for name in results if name.startswith(_PREFIX)]
    if "iter" in results and "params" in results:  # a halving search: the last round of each candidate
        names_of = results["params"].map(repr)
        results = results[results.groupby(names_of, sort=False)["iter"].transform("max") == results["iter"]]
    table = pd.DataFrame({name: [_plain(value) for value in results[_PREFIX + name]] for name in names}, dtype=object)
    scores = results[f"mean_test_{metric}"].to_numpy(dtype=np.float64)
    if np.isnan(scores).all():
        raise ValueError(f"All scores of {metric!r} are NaN: every fit failed, see the warnings of the search.")
    folds = [name for name in results if re.fullmatch(rf"split\d+_test_{re.escape(metric)}", name)]
    return metric, table, scores, results[folds].to_numpy(dtype=np.float64) if folds else None


def choose_points(table: pd.DataFrame, scores: np.ndarray, fold_scores, param, others: str) -> Points:
    """Choose, or sum up, the candidates that are drawn.

    Parameters
    ----------
    table, scores, fold_scores : from :func:`read_results`
    param : str, sequence of two str or None
        The parameters.
    others : str
        As in :meth:`SearchDisplay.from_search`.

    Returns
    -------
    Points
    """
    names = list(table)
    varying = [name for name in names if len(set(map(_identity, table[name]))) > 1]
    if param is None:
        if not 1 <= len(varying) <= 2:
            raise ValueError(
                f"The candidates differ in {len(varying)} parameters, {varying}: say by param which one, or which two, "
                "to draw."
                if varying
                else "The candidates do not differ in any parameter: there is nothing to draw a score against."
            )
        param = tuple(varying)
    chosen = (param,) if isinstance(param, str) else tuple(param)
    if not 1 <= len(chosen) <= 2 or len(set(chosen)) < len(chosen):
        raise ValueError(f"param must be one parameter or a tuple of two, got {param!r}.")
    chosen = tuple(name.removeprefix(_PREFIX) if name not in names else name for name in chosen)
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise ValueError(f"The search has no parameter {unknown[0]!r}; it has {names}.")
    there = np.array([all(value is not _MISSING for value in row) for row in table[list(chosen)].to_numpy()])
    there &= ~np.isnan(scores)
    if not there.any():
        raise ValueError(f"No candidate has values of {chosen} and a score.")
    best = int(np.flatnonzero(there)[np.argmax(scores[there])])
    rest = [name for name in varying if name not in chosen]
    same = there.copy()
    for name in rest:
        same &= np.array([_identity(value) == _identity(table[name].iloc[best]) for value in table[name]])
    if others == "auto":
        n_values = [len(set(map(_identity, table[name][there]))) for name in chosen]
        others = "best" if same.sum() == np.prod(n_values) else "all"
    if others in ("best", "all"):
        groups = [[int(row)] for row in np.flatnonzero(same if others == "best" else there)]
    else:
        alike: dict[tuple, list[int]] = {}
        for row in np.flatnonzero(there):
            alike.setdefault(tuple(_identity(table[name].iloc[row]) for name in chosen), []).append(int(row))
        groups = list(alike.values())
    if others == "max":
        groups = [[rows[int(np.argmax(scores[rows]))]] for rows in groups]
    if len(chosen) == 1 and all(_is_number(table[chosen[0]].iloc[rows[0]]) for rows in groups):
        groups.sort(key=lambda rows: float(table[chosen[0]].iloc[rows[0]]))  # a line goes from left to right
    means = np.array([scores[rows].mean() for rows in groups])
    folds = None if fold_scores is None else np.array([fold_scores[rows].mean(axis=0) for rows in groups])
    # Among equals, the one that the search took.
    tops = [place for place, rows in enumerate(groups) if best in rows] if others != "mean" else []
    return Points(
        chosen,
        tuple(table[name].to_numpy()[[rows[0] for rows in groups]] for name in chosen),
        means,
        folds,
        others,
        tops[0] if tops else int(np.argmax(means)),
    )


class _Missing:
    def __repr__(self):
        return "(not set)"


_MISSING = _Missing()


def _plain(value):
    if value is np.ma.masked or (isinstance(value, float) and np.isnan(value)):
        return _MISSING
    return value.item() if isinstance(value, np.generic) else value


def _is_number(value) -> bool:
    return isinstance(value, Number) and not isinstance(value, (bool, complex))


def _identity(value) -> float | str:
    """What two values of a parameter share if they are the same."""
    return float(value) if _is_number(value) else repr(value)


@dataclass
class Axis:
    """Where the values of a parameter lie.

    Attributes
    ----------
    places : ndarray of shape (n_points,)
        The numbers, or a place for each distinct value.
    codes : ndarray of int of shape (n_points,)
        Which of the ticks each point has.
    ticks : list of str
        The distinct values: numbers in their order, all else as they come.
    texts : list of str
        The value of each point.
    is_numeric, is_log : bool
        Whether the values are numbers, and lie on a logarithmic axis.
    """

    places: np.ndarray
    codes: np.ndarray
    ticks: list[str]
    texts: list[str]
    is_numeric: bool
    is_log: bool

    def label(self, axis, set_scale, name: str) -> None:
        """Scale and label an axis on which points lie at their values."""
        axis.set_label_text(name)
        if self.is_log:
            set_scale("log")
            if len(self.ticks) <= 10:
                axis.set_ticks(np.unique(self.places), self.ticks)
                axis.set_ticks([], minor=True)
        if not self.is_numeric:
            axis.set_ticks(range(len(self.ticks)), self.ticks)
            self._turn(axis)

    def label_cells(self, axis, name: str) -> None:
        """Label the cells of a heat map."""
        axis.set_label_text(name)
        every = -(-len(self.ticks) // 24)
        axis.set_ticks(np.arange(0, len(self.ticks), every) + 0.5, self.ticks[::every])
        self._turn(axis)

    def _turn(self, axis) -> None:
        if axis.axis_name == "x" and sum(map(len, self.ticks)) > 50:
            for label in axis.get_ticklabels():
                label.set(rotation=45, ha="right", rotation_mode="anchor")


def axis_of(values: Sequence) -> Axis:
    """Lay the values of a parameter along an axis.

    Parameters
    ----------
    values : sequence
        The value of each point.

    Returns
    -------
    Axis
    """
    is_numeric = all(_is_number(value) for value in values)
    first = {_identity(value): value for value in values}
    distinct = sorted(first.values()) if is_numeric else list(first.values())
    code_of = {_identity(value): code for code, value in enumerate(distinct)}
    codes = np.array([code_of[_identity(value)] for value in values])
    texts = [_text(value) for value in distinct]
    return Axis(
        places=np.array([float(value) for value in values]) if is_numeric else codes.astype(float),
        codes=codes,
        ticks=texts,
        texts=[texts[code] for code in codes],
        is_numeric=is_numeric,
        is_log=is_numeric and is_geometric(distinct),
    )


def _text(value) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if hasattr(value, "get_params"):
        return type(value).__name__
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    return str(value)
