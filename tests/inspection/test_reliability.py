"""The curve is that of reliability_curve, the legend that of calibration_report."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.svm import LinearSVC

from skdl.ensemble import calibration_report, reliability_curve
from skdl.inspection import ReliabilityDisplay
from skdl.naive_bayes import GaussianNB


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    return GaussianNB().fit(X[:900], y[:900]), X[900:], y[900:]


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_the_curve_the_counts_and_the_scores(fitted, strategy):
    model, X, y = fitted
    weight = np.linspace(0.5, 1.5, len(y))
    display = ReliabilityDisplay.from_estimator(model, X, y, n_bins=7, strategy=strategy, sample_weight=weight)
    options = {"n_bins": 7, "strategy": strategy, "sample_weight": weight}
    curve = reliability_curve(y, model.predict_proba(X), **options)
    report = calibration_report(y, model.predict_proba(X), **options)
    np.testing.assert_array_equal(display.line_.get_xdata(), curve["confidence"])
    np.testing.assert_array_equal(display.line_.get_ydata(), curve["accuracy"])
    np.testing.assert_allclose([bar.get_height() for bar in display.bars_], curve["weight"] * len(y))
    np.testing.assert_allclose([bar.get_x() for bar in display.bars_], curve["low"])
    np.testing.assert_allclose([bar.get_width() for bar in display.bars_], curve["high"] - curve["low"])
    (label,) = [text.get_text() for text in display.ax_.get_legend().get_texts() if "ECE" in text.get_text()]
    assert label == f"GaussianNB: ECE {report['ece']:.3f}, Brier {report['brier']:.3f}"
    assert (display.ece, display.brier) == (report["ece"], report["brier"])
    assert display.ax_counts_.get_ylabel() == "Samples"


def test_unweighted_counts_are_those_of_the_samples(fitted):
    model, X, y = fitted
    display = ReliabilityDisplay.from_estimator(model, X, y)
    confidence = model.predict_proba(X).max(axis=1)
    counts = np.histogram(confidence, bins=np.linspace(0, 1, 11))[0]
    np.testing.assert_allclose([bar.get_height() for bar in display.bars_], counts[counts > 0])


def test_one_column_is_the_second_class():
    rng = np.random.default_rng(0)
    p = rng.uniform(0.5, 1.0, size=500)
    y = (rng.random(500) < p).astype(int)
    display = ReliabilityDisplay.from_predictions(y, p, n_bins=5, name="drawn")
    # Where the second class is always the likelier one, scikit-learn's curve is the same.
    accuracy, confidence = calibration_curve(y, p, n_bins=5)
    np.testing.assert_allclose(display.accuracy, accuracy)
    np.testing.assert_allclose(display.confidence, confidence)


def test_several_models_share_axes_and_differ_in_colour(fitted):
    model, X, y = fitted
    first = ReliabilityDisplay.from_estimator(model, X, y)
    second = ReliabilityDisplay.from_predictions(y, np.full((len(y), 10), 0.1), ax=first.ax_, name="guess")
    assert second.ax_ is first.ax_
    assert second.ax_counts_ is first.ax_counts_
    assert second.line_.get_color() != first.line_.get_color()
    labels = [text.get_text() for text in first.ax_.get_legend().get_texts()]
    assert len(labels) == 3  # one diagonal
    assert labels[2].startswith("guess: ECE")
    _, ax = plt.subplots()
    below = ReliabilityDisplay.from_estimator(model, X, y, ax=ax)
    assert below.ax_counts_ in ax.child_axes
    again = ReliabilityDisplay.from_estimator(model, X, y, ax=ax, name="again")
    assert again.ax_counts_ is below.ax_counts_


def test_parts_that_are_not_wanted(fitted):
    model, X, y = fitted
    display = ReliabilityDisplay.from_estimator(model, X, y, ax_counts=None, ref_line=False, name="bayes")
    assert display.bars_ is None
    assert display.ax_counts_ is None
    assert len(display.ax_.lines) == 1
    assert display.ax_.get_xlabel().startswith("Confidence")
    plain = ReliabilityDisplay(
        confidence=np.array([0.5]), accuracy=np.array([0.6]), weight=np.array([1.0]), edges=np.array([[0.0, 1.0]])
    ).plot()
    assert plain.ax_counts_.get_ylabel() == "Part"


def test_bad_input(fitted):
    model, X, y = fitted
    with pytest.raises(ValueError, match="not fitted yet"):
        ReliabilityDisplay.from_estimator(GaussianNB(), X, y)
    with pytest.raises(ValueError, match="LinearSVC has no predict_proba"):
        ReliabilityDisplay.from_estimator(LinearSVC(max_iter=10000).fit(X[:50] / 16, y[:50]), X, y)
    with pytest.raises(ValueError, match="y_prob must hold probabilities between 0 and 1"):
        ReliabilityDisplay.from_predictions([0, 1], [-1.0, 2.0])
    with pytest.raises(ValueError, match="y_prob must hold probabilities between 0 and 1"):
        ReliabilityDisplay.from_predictions([0, 1], [np.nan, 0.5])
    with pytest.raises(ValueError, match="strategy must be 'uniform' or 'quantile'"):
        ReliabilityDisplay.from_estimator(model, X, y, strategy="best")
    with pytest.raises(ValueError, match="probability has the shape"):
        ReliabilityDisplay.from_predictions([0, 1, 2], [0.1, 0.2, 0.3])
