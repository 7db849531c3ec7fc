"""The rule on curves whose answer is known, made up and real."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from skdl.inspection import LearningCurveDisplay, diagnose_fit
from skdl.neural import MLPClassifier, MLPRegressor

EPOCHS = np.arange(50)
FALLS = np.exp(-EPOCHS / 5)


@pytest.mark.parametrize(
    ("train", "valid", "verdict"),
    [
        (FALLS, FALLS + 0.05, "good fit"),
        (FALLS, FALLS + 0.3 * (1 - FALLS), "over-fitted"),  # a gap
        (0.2 * FALLS, 0.3 * FALLS + 0.003 * EPOCHS, "over-fitted"),  # a rise, and no large gap
        (0.7 + 0.3 * FALLS, 0.72 + 0.3 * FALLS, "under-fitted"),  # a plateau near the baseline
        (1 - 0.012 * EPOCHS, 1.01 - 0.012 * EPOCHS, "under-fitted"),  # still falling
        (0.4 + 0.6 * FALLS, None, "unknown"),
        (0.7 + 0.3 * FALLS, None, "under-fitted"),
    ],
)
def test_curves_with_a_known_answer(train, valid, verdict):
    found = diagnose_fit(train, valid, baseline=1.0)
    assert found["verdict"] == verdict
    # Scores are the same curves upside down.
    upside_down = diagnose_fit(1 - train, None if valid is None else 1 - valid, baseline=0.0, greater_is_better=True)
    assert upside_down["verdict"] == verdict
    for name in ("gap", "rise", "remainder", "gain", "step"):
        np.testing.assert_allclose(upside_down[name], found[name], atol=1e-12)


def test_figures_are_those_of_the_rule():
    train, valid = [2.0, 1.0, 0.8, 0.6, 0.5, 0.4], [2.0, 1.2, 1.0, 1.2, 1.3, 1.4]
    found = diagnose_fit(train, valid, baseline=2.4, ideal=0.4)
    assert found["step"] == 5
    assert (found["train"], found["valid"]) == (0.4, 1.4)
    np.testing.assert_allclose(found["gap"], (1.4 - 0.4) / 2)
    np.testing.assert_allclose(found["remainder"], 0.0, atol=1e-15)
    np.testing.assert_allclose(found["rise"], (1.4 - 1.0) / 2)
    assert found["gain"] == 0.0  # the best step has long passed
    at_best = diagnose_fit(train, valid, baseline=2.4, ideal=0.4, judged=[2])
    np.testing.assert_allclose([at_best["gap"], at_best["rise"], at_best["remainder"]], [0.1, 0.0, 0.2], atol=1e-12)


def test_the_limits_are_those_that_are_written_down():
    def verdict(**ends):
        train, valid = np.full(20, ends["train"]), np.full(20, ends["train"] + ends["gap"])
        valid[0] -= ends.get("rise", 0.0)
        return diagnose_fit(train, valid, baseline=1.0)["verdict"]

    assert verdict(train=0.2, gap=0.149) == "good fit"
    assert verdict(train=0.2, gap=0.151) == "over-fitted"
    assert verdict(train=0.2, gap=0.1, rise=0.049) == "good fit"
    assert verdict(train=0.2, gap=0.1, rise=0.051) == "over-fitted"
    assert verdict(train=0.499, gap=0.1) == "good fit"
    assert verdict(train=0.501, gap=0.1) == "under-fitted"
    for drop, expected in ((0.049, "good fit"), (0.051, "under-fitted")):
        line = np.full(50, 0.3)
        line[-10:] = np.linspace(0.3, 0.3 - drop, 10)
        assert diagnose_fit(line, line, baseline=1.0)["verdict"] == expected


def test_gain_is_the_drop_of_a_line():
    valid = np.array([2.0, 1.5, 1.2, 1.0, 0.9, 0.8, 0.81])
    slope = np.polyfit(np.arange(5), valid[-5:], 1)[0]
    np.testing.assert_allclose(diagnose_fit(valid, valid, baseline=2.0)["gain"], -slope * 4 / 2)
    risen = np.append(valid, 0.9)
    assert diagnose_fit(risen, risen, baseline=2.0)["gain"] == 0.0
    long = np.linspace(1.0, 0.5, 100)
    np.testing.assert_allclose(diagnose_fit(long, long, baseline=1.0)["gain"], 19 * 0.5 / 99)


def test_folds_are_averaged_and_may_stop_at_different_epochs():
    train = np.array([[1.0, 1.0], [0.5, 0.6], [0.2, np.nan]])
    valid = np.array([[1.0, 1.0], [0.6, 0.8], [0.3, np.nan]])
    found = diagnose_fit(train, valid, baseline=1.0)
    assert found["step"] == 1.5
    np.testing.assert_allclose(found["train"], (0.2 + 0.6) / 2)
    np.testing.assert_allclose(found["gap"], (0.1 + 0.2) / 2)


def test_more_samples_are_no_longer_training():
    scores = np.array([[0.5], [0.7], [0.9]])
    found = diagnose_fit(scores + 0.05, scores, baseline=0.0, greater_is_better=True, over="samples")
    assert found["gain"] > 0.05
    assert found["verdict"] == "good fit"
    far = diagnose_fit(scores * 0 + 1.0, scores - 0.2, baseline=0.0, greater_is_better=True, over="samples")
    assert far["verdict"] == "over-fitted"
    assert "more samples still help" in far["because"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"train": []}, "train must be a curve"),
        ({"train": [[[1.0]]]}, "train must be a curve"),
        ({"train": [np.nan, np.nan]}, "train holds a fold without any step"),
        ({"train": [1.0, 0.5], "valid": [1.0]}, r"train has the shape \(2, 1\) and valid \(1, 1\)"),
        ({"train": [1.0, 0.5], "baseline": 0.0}, "baseline=0 must be worse than ideal=0"),
        ({"train": [1.0, 0.5], "judged": [2]}, "judged must name one of the steps of each of the 1 folds"),
        ({"train": [1.0, 0.5], "over": "days"}, "over must be 'epochs' or 'samples', got 'days'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        diagnose_fit(**arguments)


def test_a_network_that_is_far_too_small(digits):
    X, y = digits
    model = MLPClassifier((1,), dropout=0.0, max_epochs=60, early_stopping=False, schedule=None, random_state=0)
    model.fit(X[:1000], y[:1000], X_val=X[1000:], y_val=y[1000:])
    display = LearningCurveDisplay.from_estimator(model)
    assert display.verdict_ == "under-fitted"
    assert display.diagnosis_["remainder"].item() > 0.6
    assert model.score(X, y) < 0.5  # it is


def test_a_large_network_trained_for_too_long(noisy_digits):
    X, y = noisy_digits
    parameters = {"max_epochs": 60, "weight_decay": 0, "dropout": 0.0, "schedule": None}
    parameters |= {"random_state": 0, "early_stopping": False}
    model = MLPClassifier((256, 256), **parameters).fit(X[:1000], y[:1000], X_val=X[1000:], y_val=y[1000:])
    display = LearningCurveDisplay.from_estimator(model)
    assert display.verdict_ == "over-fitted"
    assert display.diagnosis_["rise"].item() > 0.5
    assert model.score(X[:1000], y[:1000]) > 0.95
    assert model.score(X[1000:], y[1000:]) < 0.65


def test_a_network_that_is_stopped_in_the_middle(digits):
    X, y = digits
    model = MLPClassifier(
        (64,), dropout=0.0, lr=1e-3, max_epochs=16, early_stopping=False, schedule=None, random_state=0
    )
    model.fit(X[:1000], y[:1000], X_val=X[1000:], y_val=y[1000:])
    display = LearningCurveDisplay.from_estimator(model)
    assert display.verdict_ == "under-fitted"
    assert display.diagnosis_["remainder"].item() < 0.5
    assert display.diagnosis_["gain"].item() > 0.05


def test_early_stopping_is_a_good_fit(stopped_early):
    display = LearningCurveDisplay.from_estimator(stopped_early)
    assert display.verdict_ == "good fit"
    best = stopped_early.history_["valid_loss"].argmin()
    assert display.diagnosis_["step"].item() == best
    np.testing.assert_allclose(display.diagnosis_["valid"].item(), stopped_early.history_["valid_loss"][best])
    np.testing.assert_allclose(display.baseline, [np.log(10)])


def test_regressors_are_judged_on_standardized_targets():
    X, y = load_diabetes(return_X_y=True)
    parameters = {"dropout": 0.0, "max_epochs": 150, "early_stopping": False, "schedule": None, "random_state": 0}
    verdicts = {}
    for width in (8, 256):
        model = MLPRegressor((width,) * (1 + (width > 8)), **parameters)
        model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
        display = LearningCurveDisplay.from_estimator(model)
        assert display.baseline == [1.0]
        verdicts[width] = display.verdict_
    assert verdicts == {8: "good fit", 256: "over-fitted"}
