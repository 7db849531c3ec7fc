"""What displays draw with: matplotlib when it is needed, colours that everybody can tell apart, scales of axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Okabe & Ito's colours (https://jfly.uni-koeln.de/color/), without yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")


def pyplot(caller: str):
    """Import matplotlib's pyplot for who draws.

    Parameters
    ----------
    caller : str
        Its name, for the message.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError(f"{caller} draws with matplotlib: pip install 'skdl[plot]'.") from None
    return plt


def look(place: int) -> dict[str, str]:
    """Return a colour and a marker for the place-th of many classes or lines; 70 differ."""
    return {
        "color": COLOURS[place % len(COLOURS)],
        "marker": MARKERS[(place // len(COLOURS) + place) % len(MARKERS)],
    }


def new_axes(plt, ax=None, **figure_kw):
    """Return the axes to draw on, new ones where there are none."""
    return plt.subplots(layout="constrained", **figure_kw)[1] if ax is None else ax


def grid_of_axes(plt, n: int, ax=None, *, n_columns: int, size: tuple[float, float]) -> tuple[Any, np.ndarray]:
    """Return the figure and n axes in rows: in a new figure, in place of one axes, or those that are given.

    Parameters
    ----------
    plt : module
        From :func:`pyplot`.
    n : int
        How many axes are needed.
    ax : matplotlib.axes.Axes, array-like of n of them or None
        None makes a figure. One axes is divided; several are taken as they are.
    n_columns : int
        The most in a row.
    size : tuple of float
        The width and height of one, in inches, in a new figure.

    Returns
    -------
    figure, axes
        The axes as an array of shape (n,).
    """
    if ax is not None and np.ndim(ax) > 0:
        axes = np.asarray(ax).ravel()
        if len(axes) != n:
            raise ValueError(
                f"ax holds {len(axes)} axes, but {n} are needed; hand over as many, a single one, or None."
            )
        return axes[0].figure, axes
    n_columns = max(1, min(n, n_columns))
    n_rows = -(-n // n_columns)
    if ax is None:
        figure = plt.figure(figsize=(size[0] * n_columns, size[1] * n_rows + 0.6), layout="constrained")
        grid = figure.add_gridspec(n_rows, n_columns)
    else:
        figure = ax.figure
        ax.set_axis_off()
        grid = ax.get_subplotspec().subgridspec(n_rows, n_columns)
    return figure, np.array([figure.add_subplot(grid[place // n_columns, place % n_columns]) for place in range(n)])


def is_geometric(values: Sequence[float] | np.ndarray) -> bool:
    """Tell whether numbers lie more evenly on a logarithmic axis than on a plain one.

    Parameters
    ----------
    values : array-like of float
        Distinct values.

    Returns
    -------
    bool
        False for fewer than three, and where one is not positive.
    """
    array = np.sort(np.asarray(values, dtype=np.float64))
    if len(array) < 3 or array[0] <= 0:
        return False
    # How far the middle one of the values is from the middle of the axis: grids and random draws are judged alike.
    plain, logarithmic = (
        abs(np.median(places) - (places[0] + places[-1]) / 2) / (places[-1] - places[0])
        for places in (array, np.log(array))
    )
    return bool(logarithmic < (plain if array[-1] >= 10 * array[0] else plain / 2))


def legend_beside(ax, n_entries: int, **options) -> None:
    """Write a legend: into the axes where it is short, beside them where it would cover the data."""
    beside = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.0}
    ax.legend(**({} if n_entries <= 3 else beside), fontsize="small", **options)


def legend_above(ax, *, n_columns: int = 1) -> None:
    """Write a legend above the axes, where points may lie in any of their corners."""
    above = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.01), "borderaxespad": 0.0}
    ax.legend(**above, ncols=n_columns, fontsize="small", frameon=False)


def mean_and_spread(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and standard deviation over the folds that have got so far."""
    there = ~np.isnan(curves)
    count = np.maximum(there.sum(axis=1), 1)
    mean = np.where(there, curves, 0.0).sum(axis=1) / count
    spread = np.sqrt((np.where(there, curves - mean[:, None], 0.0) ** 2).sum(axis=1) / count)
    missing = ~there.any(axis=1)
    mean[missing] = spread[missing] = np.nan
    return mean, spread


def draw_folds(ax, steps, curves: np.ndarray, *, point, point_label, style, line_kw, fill_kw) -> tuple[Any, Any]:
    """Draw the mean of several folds, and how far they lie apart.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where to draw.
    steps : ndarray of shape (n_steps,)
        Where the folds were measured.
    curves : ndarray of shape (n_steps, n_folds)
        What was measured; NaN after a fold has stopped.
    point : int or None
        The place of a step that is marked on the mean.
    point_label : str or None
        What the legend calls it.
    style : {"fill_between", "lines"} or None
        A band of one standard deviation to both sides, a thin line for each fold, or neither.
    line_kw, fill_kw : dict
        Keyword arguments of matplotlib's ``plot`` and ``fill_between``.

    Returns
    -------
    line, band
        The mean, and the band or None.
    """
    mean, spread = mean_and_spread(curves)
    (line,) = ax.plot(steps, mean, **line_kw)
    colour, band = line.get_color(), None
    if point is not None:
        ax.plot(steps[point], mean[point], "o", color=colour, label=point_label)
    if curves.shape[1] > 1 and style == "fill_between":
        band = ax.fill_between(
            steps, mean - spread, mean + spread, **{"color": colour, "alpha": 0.2, "linewidth": 0, **fill_kw}
        )
    if curves.shape[1] > 1 and style == "lines":
        ax.plot(steps, curves, color=colour, linestyle=line.get_linestyle(), linewidth=0.6, alpha=0.6)
    return line, band
