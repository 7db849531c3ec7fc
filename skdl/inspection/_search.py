"""The scores of a search against one or two of its parameters."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from skdl.inspection._drawing import COLOURS, legend_above, pyplot
from skdl.inspection._grid import axis_of, choose_points, read_results

_OTHERS = ("auto", "best", "mean", "max", "all")
# Cells of a heat map in which numbers can be read.
_MOST_LABELLED = 120


class SearchDisplay:
    """Scores of a finished search: a line over one parameter with the folds' spread, a heat map over two.

    Use it to see whether the best candidate lies at the edge of the grid, how sharp the optimum is, and whether
    differences are larger than the spread of the folds. Make it by :meth:`from_search` or :meth:`from_cv_results`.

    Parameters
    ----------
    param_names : tuple of str
        One or two parameters.
    values : tuple of ndarray of shape (n_points,)
        Their values at each point.
    scores : ndarray of shape (n_points,)
        The mean scores.
    fold_scores : ndarray of shape (n_points, n_folds) or None, default=None
        The scores of each fold.
    others : str, default="best"
        What the other parameters were; see :meth:`from_search`.
    score_name : str, default="Score"
        What the scores are called.
    best : int or None, default=None
        The point that is marked; None for the first with the highest score.

    Attributes
    ----------
    best_ : int
        The point with the highest score; needs no plot.
    ax_ : matplotlib.axes.Axes
        Where the scores are; after :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        What holds them.
    line_ : matplotlib.lines.Line2D or None
        The line over one parameter.
    fill_between_ : matplotlib.collections.PolyCollection or None
        A standard deviation of the folds to both sides of it.
    errorbar_ : matplotlib.container.ErrorbarContainer or None
        The same as bars, where values have no order.
    image_ : matplotlib.collections.QuadMesh or None
        The cells of a heat map.
    points_ : matplotlib.collections.PathCollection or None
        Points, one for each candidate, where candidates do not lie on a grid.
    best_marker_ : matplotlib.artist.Artist
        What marks the best one.

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : Fits and draws one parameter, training scores beside it.
    LearningCurveDisplay : How the candidates of a search learnt.

    Notes
    -----
    The best of many candidates looks better than it is: its score was chosen for being high. The spread is that of the
    folds, whose training sets overlap; it says less than independent samples would.

    An axis is logarithmic where the values lie more evenly on one, and has a place for each value where they are no
    numbers. A halving search tries candidates with growing resources: each is shown with those of its last round.

    References
    ----------
    Cawley, G. C. & Talbot, N. L. C. (2010). On over-fitting in model selection and subsequent selection bias in
    performance evaluation. Journal of Machine Learning Research 11, 2079-2107.
    https://www.jmlr.org/papers/v11/cawley10a.html

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl.inspection import SearchDisplay
    >>> from skdl.model_selection import GridSearchCV
    >>> from skdl.neighbors import KNeighborsClassifier
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 2, 4, 8, 16, 32, 64]})
    >>> display = SearchDisplay.from_search(search.fit(*load_iris(return_X_y=True)))
    >>> int(display.values[0][display.best_])
    4
    >>> display.ax_.get_xscale()
    'log'
    """

    def __init__(self, *, param_names, values, scores, fold_scores=None, others="best", score_name="Score", best=None):
        self.param_names = param_names
        self.values = values
        self.scores = scores
        self.fold_scores = fold_scores
        self.others = others
        self.score_name = score_name
        self.best = best

    @property
    def best_(self) -> int:
        """The point with the highest score."""
        return int(np.nanargmax(self.scores)) if self.best is None else self.best

    @classmethod
    def from_search(cls, search, param=None, *, metric=None, others="auto", ax=None, **plot_kw):
        """Draw the scores of a finished search, scikit-learn's or skdl's.

        Parameters
        ----------
        search : search
            With ``cv_results_``.
        param : str, tuple of two str or None, default=None
            The parameters, by the names of the grid; None takes those that vary, if they are one or two.
        metric : str, default=None
            Which of several metrics; None takes the one that was refitted by, or the first.
        others : {"auto", "best", "mean", "max", "all"}, default="auto"
            What becomes of the candidates that differ in other parameters: "best" keeps those that agree there with the
            best candidate, "mean" and "max" take the mean or the best of all with the same values, and "all" draws a
            point for each candidate. "auto" is "best" where that leaves a whole grid, else "all".
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        ValueError
            If the search is not finished, has no such parameter or metric, or too many parameters vary and ``param``
            does not say which.
        """
        check_is_fitted(search, "cv_results_")
        refit = getattr(search, "refit", None)
        if metric is None and isinstance(refit, str) and f"mean_test_{refit}" in search.cv_results_:
            metric = refit
        scoring = getattr(search, "scoring", None)
        if metric is None and isinstance(scoring, str):  # what cv_results_ calls "score"
            plot_kw = {"score_name": _name_of(scoring, plot_kw.get("negate_score", False)), **plot_kw}
        return cls.from_cv_results(search.cv_results_, param, metric=metric, others=others, ax=ax, **plot_kw)

    @classmethod
    def from_cv_results(cls, cv_results, param=None, *, metric=None, others="auto", ax=None, **plot_kw):
        """Draw the scores in ``cv_results_``.

        Parameters
        ----------
        cv_results : dict or pandas.DataFrame
            ``cv_results_`` of a search, or a frame made of it.
        param : str, tuple of two str or None, default=None
            As in :meth:`from_search`.
        metric : str, default=None
            Which of several metrics; None takes the first.
        others : {"auto", "best", "mean", "max", "all"}, default="auto"
            As in :meth:`from_search`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        SearchDisplay

        Raises
        ------
        ValueError
            As in :meth:`from_search`.
        """
        if others not in _OTHERS:
            raise ValueError(f"others must be one of {list(_OTHERS)}, got {others!r}.")
        metric, table, scores, fold_scores = read_results(pd.DataFrame(dict(cv_results)), metric)
        points = choose_points(table, scores, fold_scores, param, others)
        return cls(**vars(points), score_name=_name_of(metric)).plot(ax=ax, **plot_kw)

    def plot(self, ax=None, *, negate_score=False, score_name=None, annotate="auto", cmap="cividis", **line_kw):
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        negate_score : bool, default=False
            Whether to draw minus the scores: errors, of a metric called ``neg_...``.
        score_name : str, default=None
            What the scores are called; None for the name of the display.
        annotate : bool or "auto", default="auto"
            Whether to write the scores into the cells of a heat map; "auto" does where they are at most 120.
        cmap : str or matplotlib.colors.Colormap, default="cividis"
            The colours of a heat map.
        **line_kw : dict
            Keyword arguments of matplotlib's ``plot`` for the line.

        Returns
        -------
        self
        """
        plt = pyplot("SearchDisplay.plot")
        name = _name_of(self.score_name, negate_score) if score_name is None else score_name
        sign = -1.0 if negate_score else 1.0
        axes = [axis_of(values) for values in self.values]
        if ax is None:
            cells = [min(len(axis.ticks), 24) if axis.ticks is not None else 0 for axis in axes]
            wide = len(axes) == 2 and self.others != "all"
            size = (3.5 + 0.55 * cells[0], 2.0 + 0.4 * cells[1]) if wide else (6.4, 4.8)
            _, ax = plt.subplots(figsize=(max(size[0], 6.4), max(size[1], 3.6)), layout="constrained")
        self.line_ = self.fill_between_ = self.errorbar_ = self.image_ = self.points_ = None
        self.best_marker_: Any = None
        scores = sign * np.asarray(self.scores, dtype=np.float64)
        draw = self._plot_line if len(axes) == 1 else self._plot_map
        draw(plt, ax, axes, scores, name, annotate=annotate, cmap=cmap, line_kw=line_kw)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _plot_line(self, plt, ax, axes, scores, name, *, line_kw, **_):
        (axis,) = axes
        places = axis.places
        spread = None if self.fold_scores is None else np.nanstd(self.fold_scores, axis=1)
        colour = line_kw.pop("color", COLOURS[0])
        if self.others == "all":
            self.points_ = ax.scatter(places, scores, color=colour, s=20, label="Candidates", **line_kw)
        elif axis.is_numeric:
            (self.line_,) = ax.plot(places, scores, **{"marker": ".", "color": colour, "label": "Mean", **line_kw})
            if spread is not None:
                label = "Standard deviation over folds"
                band = {"color": colour, "alpha": 0.2, "linewidth": 0, "label": label}
                self.fill_between_ = ax.fill_between(places, scores - spread, scores + spread, **band)
        else:
            options = {"fmt": "o", "color": colour, "capsize": 4, "label": "Mean and standard deviation over folds"}
            self.errorbar_ = ax.errorbar(places, scores, yerr=spread, **{**options, **line_kw})
        best = self.best_
        label = f"Best: {axis.texts[best]}"
        style = {"markersize": 14, "color": COLOURS[1], "markeredgecolor": "black", "linestyle": "none", "zorder": 3}
        (self.best_marker_,) = ax.plot(places[best], scores[best], marker="*", label=label, **style)
        axis.label(ax.xaxis, ax.set_xscale, self.param_names[0])
        ax.set_ylabel(name)
        if not axis.is_numeric:
            ax.margins(x=0.5 / len(axis.ticks))
        legend_above(ax, n_columns=2)

    def _plot_map(self, plt, ax, axes, scores, name, *, annotate, cmap, **_):
        across, up = axes
        best = self.best_
        if self.others == "all":
            order = np.argsort(scores)  # high ones on top
            self.points_ = ax.scatter(
                across.places[order], up.places[order], c=scores[order], cmap=cmap, edgecolors="black", linewidths=0.4
            )
            where = (across.places[best], up.places[best])
            across.label(ax.xaxis, ax.set_xscale, self.param_names[0])
            up.label(ax.yaxis, ax.set_yscale, self.param_names[1])
        else:
            cells = np.full((len(up.ticks), len(across.ticks)), np.nan)
            cells[up.codes, across.codes] = scores
            self.image_ = ax.pcolormesh(cells, cmap=cmap, edgecolors="white", linewidth=0.5)
            where = (across.codes[best] + 0.5, up.codes[best] + 0.5)
            across.label_cells(ax.xaxis, self.param_names[0])
            up.label_cells(ax.yaxis, self.param_names[1])
            if annotate is True or (annotate == "auto" and cells.size <= _MOST_LABELLED):
                self._annotate(ax, cells)
        shown = self.points_ if self.image_ is None else self.image_
        ax.figure.colorbar(shown, ax=ax, label=name)
        if self.image_ is None:
            style = {"markersize": 16, "markerfacecolor": "none", "markeredgewidth": 2.0, "color": COLOURS[1]}
            (self.best_marker_,) = ax.plot(*where, marker="o", linestyle="none", **style)
        else:
            corner = (where[0] - 0.5, where[1] - 0.5)
            frame = plt.Rectangle(corner, 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=3.0, clip_on=False)
            self.best_marker_ = ax.add_patch(frame)
        ax.set_title(
            f"Best: {self.param_names[0]}={across.texts[best]}, {self.param_names[1]}={up.texts[best]}",
            fontsize="medium",
        )

    def _annotate(self, ax, cells) -> None:
        image: Any = self.image_
        colours = image.get_cmap()(image.norm(cells))
        dark = colours[..., :3] @ (0.299, 0.587, 0.114) < 0.5
        spread = np.nanmax(np.abs(cells))
        digits = 3 if spread < 10 else 1
        for row, column in np.ndindex(cells.shape):
            if not np.isnan(cells[row, column]):
                text = f"{cells[row, column]:.{digits}f}" if spread < 1e4 else f"{cells[row, column]:.3g}"
                colour = "white" if dark[row, column] else "black"
                ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=colour, fontsize="small")


def _name_of(metric: str, negated: bool = False) -> str:
    """Write the name of a metric, or of what it is minus the negative of."""
    words = metric.replace("_", " ")
    if negated:
        words = words[4:] if words.lower().startswith("neg ") else f"-{words}"
    return words[:1].upper() + words[1:]
