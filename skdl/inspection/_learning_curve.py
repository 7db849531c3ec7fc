"""How losses fall while networks train, and what that says about the fit."""

from typing import Any

import numpy as np
import pandas as pd

from skdl.inspection._diagnosis import diagnose_fit
from skdl.inspection._drawing import COLOURS, draw_folds, legend_beside, new_axes, pyplot
from skdl.inspection._histories import (
    gather_curves,
    histories_of_search,
    keeps_best,
    known_baseline,
    named,
    network_of,
)

_STYLES = ("fill_between", "lines", None)


class LearningCurveDisplay:
    """Learning curves: training and validation loss by epoch, or scores by number of samples, with a verdict.

    Use it after ``fit``, to see whether training was long enough, and after a search with ``return_history=True``, to
    see how its best candidates learnt on each fold. Make it by :meth:`from_estimator`, :meth:`from_search`,
    :meth:`from_history` or :meth:`from_scores`.

    Parameters
    ----------
    names : list of str
        What each curve is called.
    steps : list of ndarray of shape (n_steps,)
        The epochs, or numbers of samples, of each curve.
    train : list of ndarray of shape (n_steps, n_folds)
        The losses or scores on the training rows, NaN after a fold has stopped.
    valid : list of ndarray of shape (n_steps, n_folds) or None
        The same on the validation rows, None for a curve that has none.
    judged : list of ndarray of int of shape (n_folds,) or None, default=None
        The places in ``steps`` whose weights were kept; None for the last of each fold.
    baseline : list of float or None, default=None
        What a constant prediction gives, for each curve; None as in :func:`diagnose_fit`.
    ideal : float or None, default=None
        What could be reached at best; None for a loss of 0 or a score of 1.
    greater_is_better : bool, default=False
        Whether the curves are scores.
    quantity : str, default="Loss"
        The label of the vertical axis.
    over : {"epochs", "samples"}, default="epochs"
        What the steps are.

    Attributes
    ----------
    diagnosis_ : pandas.DataFrame
        A row for each curve with all that :func:`diagnose_fit` says; needs no plot.
    verdict_ : str or dict of str to str
        Its verdict, or those of several curves by name.
    ax_ : matplotlib.axes.Axes
        Where the curves are; after :meth:`plot`.
    figure_ : matplotlib.figure.Figure
        What holds them.
    lines_ : list of matplotlib.lines.Line2D
        The means over the folds: training and validation of each curve in turn.
    fill_between_ : list of matplotlib.collections.PolyCollection or None
        A standard deviation to both sides, where there are several folds.

    See Also
    --------
    diagnose_fit : The rule behind the verdict, and what it cannot tell.
    sklearn.model_selection.LearningCurveDisplay : Scores by the number of samples, computed and drawn at once.

    Notes
    -----
    Where folds stop at different epochs, the mean is that of the folds that still train, and may jump where one stops.
    A point marks the epoch whose weights were kept (over folds: the middle one), which the verdict is about: the best
    one with early stopping, else the last one.

    References
    ----------
    Prechelt, L. (1998). Early stopping - but when? In Neural Networks: Tricks of the Trade, 55-69. Springer.
    https://doi.org/10.1007/3-540-49430-8_3

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl.inspection import LearningCurveDisplay
    >>> from skdl.neural import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifier(early_stopping=True, max_epochs=30, random_state=0).fit(X, y)
    >>> LearningCurveDisplay.from_estimator(model).verdict_
    'good fit'
    """

    def __init__(
        self,
        *,
        names,
        steps,
        train,
        valid,
        judged=None,
        baseline=None,
        ideal=None,
        greater_is_better=False,
        quantity="Loss",
        over="epochs",
    ):
        self.names = names
        self.steps = steps
        self.train = train
        self.valid = valid
        self.judged = judged
        self.baseline = baseline
        self.ideal = ideal
        self.greater_is_better = greater_is_better
        self.quantity = quantity
        self.over = over

    @property
    def diagnosis_(self) -> pd.DataFrame:
        """A row for each curve: verdict, reason and figures."""
        rows = [
            diagnose_fit(
                train,
                valid,
                judged=None if self.judged is None else self.judged[place],
                baseline=None if self.baseline is None else self.baseline[place],
                ideal=self.ideal,
                greater_is_better=self.greater_is_better,
                over=self.over,
            )
            for place, (train, valid) in enumerate(zip(self.train, self.valid, strict=True))
        ]
        return pd.DataFrame(rows, index=pd.Index(self.names, name="curve"))

    @property
    def verdict_(self) -> str | dict[str, str]:
        """Under-fitted, over-fitted, a good fit, or unknown."""
        verdicts = self.diagnosis_["verdict"]
        return str(verdicts.iloc[0]) if len(verdicts) == 1 else verdicts.to_dict()

    @classmethod
    def from_estimator(
        cls, estimator, *, metric="loss", greater_is_better=None, baseline=None, ideal=None, ax=None, **plot_kw
    ):
        """Draw how fitted neural estimators have learnt.

        Parameters
        ----------
        estimator : estimator, list of estimators or dict of str to estimator
            With ``history_``, or pipelines that end with one. A list inside a list or dict holds the same estimator
            fitted to several folds, as ``cross_validate(..., return_estimator=True)["estimator"]``.
        metric : str, default="loss"
            Which columns of ``history_``: ``train_<metric>`` and ``valid_<metric>``; callbacks may record others.
        greater_is_better : bool or None, default=None
            Whether it is a score; None says no to "loss" and what ends in "loss" or "error".
        baseline : float or None, default=None
            What a constant prediction gives. None knows it for cross-entropy with balanced classes and for squared
            errors, and takes the worse of the first epochs for all else.
        ideal : float or None, default=None
            As in :func:`diagnose_fit`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        ValueError
            If an estimator is not fitted, has no ``history_``, or its history no such metric.
        """
        members: dict[str, Any] = named(estimator)
        histories, kept = {}, {}
        baselines: list[float | None] = []
        for name, item in members.items():
            folds = [network_of(fold) for fold in (item if isinstance(item, (list, tuple)) else [item])]
            histories[name] = [fold.history_ for fold in folds]
            kept[name] = [keeps_best(fold) for fold in folds]
            baselines.append(known_baseline(folds[0], metric) if baseline is None else baseline)
        return cls._from_folds(
            histories, kept, metric, greater_is_better, baselines, ideal, type(estimator).__name__, ax, plot_kw
        )

    @classmethod
    def from_search(
        cls,
        search,
        *,
        candidates=4,
        metric="loss",
        greater_is_better=None,
        baseline=None,
        ideal=None,
        ax=None,
        **plot_kw,
    ):
        """Draw how the candidates of a search have learnt, mean and spread over the folds.

        Parameters
        ----------
        search : search
            Finished, with ``return_history=True``.
        candidates : int or list of int, default=4
            How many of the best candidates, or which, by their places in ``cv_results_``.
        metric : str, default="loss"
            As in :meth:`from_estimator`.
        greater_is_better : bool or None, default=None
            As in :meth:`from_estimator`.
        baseline : float or None, default=None
            As in :meth:`from_estimator`.
        ideal : float or None, default=None
            As in :func:`diagnose_fit`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        ValueError
            If the search is not finished, has kept no histories, or has no such candidate.
        """
        histories, kept, baselines = histories_of_search(search, candidates, metric, baseline)
        return cls._from_folds(
            histories, kept, metric, greater_is_better, baselines, ideal, type(search).__name__, ax, plot_kw
        )

    @classmethod
    def from_history(
        cls,
        history,
        *,
        metric="loss",
        kept="last",
        greater_is_better=None,
        baseline=None,
        ideal=None,
        ax=None,
        **plot_kw,
    ):
        """Draw tables of losses, from whatever training they come.

        Parameters
        ----------
        history : pandas.DataFrame, list of them, or dict of str to one or a list of them
            A row for each epoch, columns ``train_<metric>`` and, where there are validation rows, ``valid_<metric>``. A
            list inside a list or dict holds folds.
        metric : str, default="loss"
            Which columns.
        kept : {"last", "best"}, default="last"
            Which epoch's weights were kept: the last one's, or, as early stopping does, those with the best validation.
        greater_is_better : bool or None, default=None
            As in :meth:`from_estimator`.
        baseline : float or None, default=None
            As in :func:`diagnose_fit`.
        ideal : float or None, default=None
            As in :func:`diagnose_fit`.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        ValueError
            If a table has no such metric, or no row.
        """
        if kept not in ("last", "best"):
            raise ValueError(f"kept must be 'last' or 'best', got {kept!r}.")
        histories = {
            name: list(item) if isinstance(item, (list, tuple)) else [item] for name, item in named(history).items()
        }
        flags = {name: [kept == "best"] * len(folds) for name, folds in histories.items()}
        baselines = [baseline] * len(histories)
        return cls._from_folds(histories, flags, metric, greater_is_better, baselines, ideal, "history", ax, plot_kw)

    @classmethod
    def from_scores(
        cls,
        train_sizes,
        train_scores,
        test_scores,
        *,
        name="scores",
        baseline=0.0,
        ideal=1.0,
        quantity="Score",
        ax=None,
        **plot_kw,
    ):
        """Draw what :func:`skdl.model_selection.learning_curve` returns: scores by the number of training samples.

        Parameters
        ----------
        train_sizes : array-like of shape (n_sizes,)
            The numbers of training samples.
        train_scores : array-like of shape (n_sizes, n_folds)
            The scores on the training samples; greater is better.
        test_scores : array-like of shape (n_sizes, n_folds)
            The scores on the test samples.
        name : str, default="scores"
            What the curve is called.
        baseline : float, default=0.0
            The score of a constant prediction: 0 for R2, one by the number of classes for accuracy.
        ideal : float, default=1.0
            What could be reached at best.
        quantity : str, default="Score"
            The label of the vertical axis.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        LearningCurveDisplay
        """
        display = cls(
            names=[name],
            steps=[np.asarray(train_sizes)],
            train=[np.asarray(train_scores, dtype=np.float64)],
            valid=[np.asarray(test_scores, dtype=np.float64)],
            baseline=[baseline],
            ideal=ideal,
            greater_is_better=True,
            quantity=quantity,
            over="samples",
        )
        return display.plot(ax=ax, **plot_kw)

    @classmethod
    def _from_folds(cls, histories, kept, metric, greater_is_better, baselines, ideal, owner, ax, plot_kw):
        if greater_is_better is None:
            greater_is_better = not metric.endswith(("loss", "error"))
        curves = gather_curves(histories, kept, metric, owner)
        display = cls(
            names=list(histories),
            **curves,
            baseline=baselines,
            ideal=ideal,
            greater_is_better=greater_is_better,
            quantity=metric.replace("_", " ").capitalize(),
        )
        return display.plot(ax=ax, **plot_kw)

    def plot(self, ax=None, *, std_display_style="fill_between", quantity=None, say=True, line_kw=None, fill_kw=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        std_display_style : {"fill_between", "lines"} or None, default="fill_between"
            How folds are shown beside their mean: a band of one standard deviation to both sides, a thin line for each,
            or not at all.
        quantity : str, default=None
            The label of the vertical axis; None for that of the display.
        say : bool, default=True
            Whether to write the verdict: above one curve with its figures, into the legend for several.
        line_kw : dict, default=None
            Keyword arguments of matplotlib's ``plot`` for the means.
        fill_kw : dict, default=None
            Keyword arguments of matplotlib's ``fill_between`` for the bands.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If ``std_display_style`` is unknown.
        """
        if std_display_style not in _STYLES:
            raise ValueError(f"std_display_style must be one of {list(_STYLES)}, got {std_display_style!r}.")
        plt = pyplot("LearningCurveDisplay.plot")
        alone = len(self.names) == 1
        ax = new_axes(plt, ax, figsize=(6.4, 4.8) if alone else (9.0, 4.8))
        self.lines_, bands = [], []
        diagnosis = self.diagnosis_
        second = "Validation" if self.over == "epochs" else "Test"
        for place, name in enumerate(self.names):
            judged = None if self.judged is None else self.judged[place]
            verdict = f" ({diagnosis['verdict'].iloc[place]})" if say and not alone else ""
            kinds = [("Training", self.train[place], "--"), (second, self.valid[place], "-")]
            has_valid = self.valid[place] is not None
            for which, (kind, curves, dash) in enumerate(kinds):
                if curves is None:
                    continue
                main = which == int(has_valid)
                # The line that stands for a curve among several carries its name.
                label = kind if alone else (name + verdict if main else None)
                colour = COLOURS[which if alone else place % len(COLOURS)]
                line, band = draw_folds(
                    ax,
                    self.steps[place],
                    np.asarray(curves, dtype=np.float64).reshape(len(self.steps[place]), -1),
                    point=int(np.median(judged)) if judged is not None and main else None,
                    point_label="Weights kept" if alone else None,
                    style=std_display_style,
                    line_kw={"color": colour, "linestyle": dash, "label": label, **(line_kw or {})},
                    fill_kw=fill_kw or {},
                )
                self.lines_.append(line)
                bands += [] if band is None else [band]
        self.fill_between_ = bands or None
        ax.set_xlabel("Epoch" if self.over == "epochs" else "Training samples")
        ax.set_ylabel(self.quantity if quantity is None else quantity)
        if self.over == "epochs" and ax.get_xscale() == "linear":
            ax.xaxis.get_major_locator().set_params(integer=True)
        if say and alone:
            verdict, because = diagnosis[["verdict", "because"]].iloc[0]
            ax.set_title(f"{verdict[0].upper()}{verdict[1:]}\n", fontsize="medium", fontweight="bold")
            ax.text(0.5, 1.02, because, transform=ax.transAxes, ha="center", fontsize="small")
        title = None if alone else f"Solid: {second.lower()}, dashed: training, point: kept"
        legend_beside(ax, 1 if alone else 9, title=title)
        self.ax_, self.figure_ = ax, ax.figure
        return self
