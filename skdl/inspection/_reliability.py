"""How sure a classifier is, against how often it is right."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl.inspection._drawing import COLOURS, legend_above, pyplot
from skdl.kernels.calibration import calibration_report, reliability_curve
from skdl.utils import to_host

# By which a display finds what others have drawn on the same axes.
_MARK = "skdl reliability"


class ReliabilityDisplay:
    """Reliability curve: accuracy against confidence, with the samples' number in each bin, ECE and Brier score.

    Use it to see whether probabilities can be taken at their word, and on which side they err: below the diagonal a
    classifier is too sure of itself, above it too modest. Make it by :meth:`from_estimator` or
    :meth:`from_predictions`.

    Parameters
    ----------
    confidence : ndarray of shape (n_bins,)
        The mean of the largest probability, in each bin that holds samples.
    accuracy : ndarray of shape (n_bins,)
        How often the most probable class is the true one.
    weight : ndarray of shape (n_bins,)
        The part of the samples, which adds up to 1.
    edges : ndarray of shape (n_bins, 2)
        The lower and upper bound of each bin.
    n_samples : int or None, default=None
        The number of samples, which turns parts into counts.
    ece : float or None, default=None
        The expected calibration error.
    brier : float or None, default=None
        The Brier score, summed over the classes: from 0 to 2.
    name : str or None, default=None
        What the curve is called in the legend.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where the curve is; after :meth:`plot`.
    ax_counts_ : matplotlib.axes.Axes or None
        Where the bins' counts are.
    figure_ : matplotlib.figure.Figure
        What holds them.
    line_ : matplotlib.lines.Line2D
        The curve.
    bars_ : matplotlib.container.BarContainer or None
        The counts.

    See Also
    --------
    skdl.ensemble.reliability_curve : The numbers alone.
    skdl.ensemble.calibration_report : All scores of the probabilities.
    sklearn.calibration.CalibrationDisplay : The same for the positive class of two, without counts.

    Notes
    -----
    The expected calibration error depends on the bins: with few samples in a bin, its accuracy is uncertain, and the
    error of a perfect classifier is not zero. Compare models on the same samples with the same bins.

    References
    ----------
    Guo, C., Pleiss, G., Sun, Y. & Weinberger, K. Q. (2017). On calibration of modern neural networks. ICML.
    https://doi.org/10.48550/arXiv.1706.04599

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdl.inspection import ReliabilityDisplay
    >>> from skdl.naive_bayes import GaussianNB
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> display = ReliabilityDisplay.from_estimator(GaussianNB().fit(X[:400], y[:400]), X[400:], y[400:])
    >>> bool(display.confidence[-1] > 0.99)
    True
    """

    def __init__(self, *, confidence, accuracy, weight, edges, n_samples=None, ece=None, brier=None, name=None):
        self.confidence = confidence
        self.accuracy = accuracy
        self.weight = weight
        self.edges = edges
        self.n_samples = n_samples
        self.ece = ece
        self.brier = brier
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, X, y, *, n_bins=10, strategy="uniform", sample_weight=None, name=None, ax=None, **plot_kw
    ):
        """Draw the curve of a fitted classifier.

        Parameters
        ----------
        estimator : classifier
            Fitted, with ``predict_proba``.
        X : array-like, frame or tensor of shape (n_samples, n_features)
            Samples that it was not fitted on.
        y : array-like of shape (n_samples,)
            Their labels.
        n_bins : int, default=10
            The number of bins that the largest probability of each sample is sorted into.
        strategy : {"uniform", "quantile"}, default="uniform"
            Whether bins are of equal width between 0 and 1, or hold equally many samples.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each sample counts.
        name : str, default=None
            What the curve is called; None for the name of the class.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If the estimator is not fitted or knows no probabilities.
        """
        check_is_fitted(estimator)
        if not hasattr(estimator, "predict_proba"):
            raise ValueError(
                f"ReliabilityDisplay needs probabilities, and {type(estimator).__name__} has no predict_proba. Wrap it "
                "in sklearn.calibration.CalibratedClassifierCV, or take another classifier."
            )
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            n_bins=n_bins,
            strategy=strategy,
            sample_weight=sample_weight,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            **plot_kw,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_prob,
        *,
        classes=None,
        n_bins=10,
        strategy="uniform",
        sample_weight=None,
        name=None,
        ax=None,
        **plot_kw,
    ):
        """Draw the curve of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            The true labels.
        y_prob : array-like of shape (n_samples, n_classes) or (n_samples,)
            The predicted probabilities; of the second of two classes, where there is one column.
        classes : array-like of shape (n_classes,), default=None
            The labels of the columns; None for those of ``y_true``, sorted.
        n_bins : int, default=10
            As in :meth:`from_estimator`.
        strategy : {"uniform", "quantile"}, default="uniform"
            As in :meth:`from_estimator`.
        sample_weight : array-like of shape (n_samples,), default=None
            As in :meth:`from_estimator`.
        name : str, default=None
            What the curve is called.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure.
        **plot_kw : dict
            As in :meth:`plot`.

        Returns
        -------
        ReliabilityDisplay

        Raises
        ------
        ValueError
            If shapes do not fit together, a probability is not between 0 and 1, or ``y_true`` holds labels that
            ``classes`` does not.
        """
        probability = np.asarray(to_host(y_prob), dtype=np.float64)
        if not ((probability >= 0) & (probability <= 1)).all():  # NaN is neither
            raise ValueError("y_prob must hold probabilities between 0 and 1; scores of another kind have no curve.")
        if probability.ndim == 1:
            probability = np.column_stack([1 - probability, probability])
        common = {"classes": classes, "n_bins": n_bins, "strategy": strategy, "sample_weight": sample_weight}
        curve = reliability_curve(y_true, probability, **common)
        report = calibration_report(y_true, probability, **common)
        display = cls(
            confidence=curve["confidence"].to_numpy(),
            accuracy=curve["accuracy"].to_numpy(),
            weight=curve["weight"].to_numpy(),
            edges=curve[["low", "high"]].to_numpy(),
            n_samples=len(probability),
            ece=report["ece"],
            brier=report["brier"],
            name=name,
        )
        return display.plot(ax=ax, **plot_kw)

    def plot(self, ax=None, *, name=None, ax_counts="auto", ref_line=True, **line_kw):
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None makes a new figure. Hand over ``ax_`` of another display to compare.
        name : str, default=None
            What the curve is called; None for ``name`` of the display.
        ax_counts : matplotlib.axes.Axes, "auto" or None, default="auto"
            Where the parts of the samples in each bin are drawn; "auto" makes axes below, unless ``ax`` is that of
            another display, whose are taken. None draws none.
        ref_line : bool, default=True
            Whether to draw the diagonal, on which a perfectly calibrated classifier lies.
        **line_kw : dict
            Keyword arguments of matplotlib's ``plot`` for the curve.

        Returns
        -------
        self
        """
        plt = pyplot("ReliabilityDisplay.plot")
        if ax is None and isinstance(ax_counts, str):
            ratios = {"height_ratios": [4, 1]}
            _, (ax, ax_counts) = plt.subplots(2, 1, sharex=True, figsize=(5.5, 6.2), layout="constrained", **ratios)
            ax_counts.set_gid(_MARK)
        elif ax is None:
            _, ax = plt.subplots(figsize=(5.5, 5.2), layout="constrained")
        drawn = sum(line.get_gid() == _MARK for line in ax.lines)
        if ref_line and not drawn:
            ax.plot([0, 1], [0, 1], linestyle=":", color="gray", label="Perfectly calibrated")
        name = self.name if name is None else name
        scores = [
            f"{key} {value:.3f}" for key, value in (("ECE", self.ece), ("Brier", self.brier)) if value is not None
        ]
        label = ": ".join(part for part in (name, ", ".join(scores)) if part) or None
        colour = COLOURS[drawn % len(COLOURS)]
        options = {"marker": "o", "color": colour, "label": label, "gid": _MARK, **line_kw}
        (self.line_,) = ax.plot(self.confidence, self.accuracy, **options)
        ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="Accuracy (part of the samples that is right)")
        legend_above(ax)
        self.ax_, self.figure_ = ax, ax.figure
        self._plot_counts(ax_counts)
        (ax if self.ax_counts_ is None else self.ax_counts_).set_xlabel("Confidence (mean largest probability)")
        return self

    def _plot_counts(self, ax_counts) -> None:
        ax, self.bars_ = self.ax_, None
        if isinstance(ax_counts, str):
            beside = [*ax.get_shared_x_axes().get_siblings(ax), *ax.child_axes]
            ax_counts = next((item for item in beside if item.get_gid() == _MARK), None)
            if ax_counts is None:
                ax_counts = ax.inset_axes((0.0, -0.27, 1.0, 0.2), sharex=ax, gid=_MARK)
                ax.tick_params(labelbottom=False)
        self.ax_counts_ = ax_counts
        if ax_counts is None:
            return
        low, high = np.asarray(self.edges).T
        scale = 1 if self.n_samples is None else self.n_samples
        self.bars_ = ax_counts.bar(
            low,
            np.asarray(self.weight) * scale,
            width=high - low,
            align="edge",
            facecolor=(*_rgb(self.line_.get_color()), 0.25),
            edgecolor=self.line_.get_color(),
        )
        heights = np.array([bar.get_height() for bar in ax_counts.patches])
        if heights.max() > 30 * heights[heights > 0].min():  # else small bins, the uncertain ones, would not be seen
            ax_counts.set_yscale("log")
        ax_counts.set_ylabel("Part" if self.n_samples is None else "Samples")


def _rgb(colour) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
