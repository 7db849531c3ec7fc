"""Learning curves are those of the histories, and who has none is told so."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV as TheirGridSearchCV
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl.inspection import LearningCurveDisplay
from skdl.model_selection import GridSearchCV, learning_curve
from skdl.naive_bayes import GaussianNB
from skdl.neural import MLPClassifier, MLPRegressor


@pytest.fixture(scope="module")
def search(digits):
    X, y = digits
    settings = {"dropout": 0.0, "max_epochs": 12, "early_stopping": True, "patience": 2, "schedule": None}
    network = MLPClassifier((16,), **settings, random_state=0)
    grid = {"lr": [1e-4, 3e-3, 3e-2], "batch_size": [64]}
    return GridSearchCV(network, grid, cv=3, return_history=True).fit(X[:600], y[:600])


def _history(train, valid=None):
    columns = {"epoch": range(1, len(train) + 1), "train_loss": train}
    return pd.DataFrame(columns if valid is None else {**columns, "valid_loss": valid})


def test_one_network(stopped_early):
    display = LearningCurveDisplay.from_estimator(stopped_early)
    history = stopped_early.history_
    train, valid = display.lines_
    np.testing.assert_array_equal(train.get_xdata(), np.arange(1, len(history) + 1))
    np.testing.assert_array_equal(train.get_ydata(), history["train_loss"])
    np.testing.assert_array_equal(valid.get_ydata(), history["valid_loss"])
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == [
        "Training",
        "Validation",
        "Weights kept",
    ]
    (kept,) = [line for line in display.ax_.lines if line not in display.lines_]
    best = history["valid_loss"].argmin()
    assert (kept.get_xdata()[0], kept.get_ydata()[0]) == (best + 1, history["valid_loss"][best])
    assert display.fill_between_ is None
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.ax_.get_ylabel() == "Loss"
    assert display.ax_.get_title().strip() == "Good fit"
    assert display.figure_ is display.ax_.figure


def test_several_networks_carry_their_verdicts(stopped_early, digits):
    short = MLPClassifier((64,), max_epochs=1, random_state=0).fit(*digits)
    display = LearningCurveDisplay.from_estimator({"long": stopped_early, "short": short})
    assert display.verdict_ == {"long": "good fit", "short": display.diagnosis_.loc["short", "verdict"]}
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels[0] == "long (good fit)"
    assert labels[1].startswith("short (")
    assert len(display.lines_) == 3  # the second one has no validation
    silent = display.plot(say=False)
    assert [text.get_text() for text in silent.ax_.get_legend().get_texts()] == ["long", "short"]


def test_the_axes_that_are_given_are_drawn_on(stopped_early):
    _, ax = plt.subplots()
    display = LearningCurveDisplay.from_estimator(
        stopped_early, ax=ax, quantity="Cross-entropy", line_kw={"linewidth": 3}
    )
    assert display.ax_ is ax
    assert ax.get_ylabel() == "Cross-entropy"
    assert {line.get_linewidth() for line in display.lines_} == {3}


def test_the_last_step_of_a_pipeline(digits):
    model = make_pipeline(StandardScaler(), MLPClassifier(max_epochs=3, random_state=0)).fit(*digits)
    display = LearningCurveDisplay.from_estimator(model)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), model[-1].history_["train_loss"])
    assert display.names == ["MLPClassifier"]
    assert display.verdict_ in ("unknown", "under-fitted")  # nothing is validated
    in_a_search = GridSearchCV(model, {"mlpclassifier__lr": [1e-3]}, cv=2).fit(*digits)
    best = LearningCurveDisplay.from_estimator(in_a_search)
    np.testing.assert_array_equal(best.lines_[0].get_ydata(), in_a_search.best_estimator_[-1].history_["train_loss"])


def test_folds_of_a_cross_validation(digits):
    network = MLPClassifier((16,), max_epochs=5, early_stopping=True, random_state=0)
    members = cross_validate(network, *digits, cv=3, return_estimator=True)["estimator"]
    display = LearningCurveDisplay.from_estimator({"network": members})
    curves = np.column_stack([member.history_["valid_loss"] for member in members])
    np.testing.assert_allclose(display.lines_[1].get_ydata(), curves.mean(axis=1))
    band = display.fill_between_[1].get_paths()[0].vertices
    upper, lower = curves.mean(axis=1) + curves.std(axis=1), curves.mean(axis=1) - curves.std(axis=1)
    np.testing.assert_allclose(band[:, 1].max(), upper.max())
    np.testing.assert_allclose(band[:, 1].min(), lower.min())


def test_candidates_and_folds_of_a_search(search):
    display = LearningCurveDisplay.from_search(search, candidates=[1, 0])
    assert display.names == ["lr=0.003", "lr=0.0001"]  # batch_size does not vary
    for place, candidate in enumerate([1, 0]):
        histories = search.history_[candidate]
        n = max(map(len, histories))
        padded = np.full((n, 3), np.nan)
        for fold, history in enumerate(histories):
            padded[: len(history), fold] = history["train_loss"]
        np.testing.assert_array_equal(display.train[place], padded)
        np.testing.assert_allclose(display.lines_[2 * place].get_ydata(), np.nanmean(padded, axis=1))
        best = [history["valid_loss"].argmin() for history in histories]
        np.testing.assert_array_equal(display.judged[place], best)
    assert len(display.fill_between_) == 4
    np.testing.assert_allclose(display.baseline, [np.log(10)] * 2)


def test_the_best_candidates_come_first(search):
    display = LearningCurveDisplay.from_search(search, candidates=2)
    order = np.argsort(search.cv_results_["rank_test_score"], kind="stable")[:2]
    assert display.names == [f"lr={search.cv_results_['params'][place]['lr']:.4g}" for place in order]


def test_candidates_with_losses_of_their_own(digits):
    X, y = digits
    network = MLPRegressor((8,), max_epochs=3, early_stopping=True, random_state=0)
    search = GridSearchCV(network, {"loss": ["huber", "squared_error"]}, cv=2, return_history=True, refit=False)
    display = LearningCurveDisplay.from_search(search.fit(X[:300], y[:300]), candidates=[0, 1])
    assert display.names == ["loss=huber", "loss=squared_error"]
    assert display.baseline == [None, None]
    stops = GridSearchCV(network, {"early_stopping": [False, True]}, cv=2, return_history=True)
    display = LearningCurveDisplay.from_search(stops.fit(X[:300], y[:300]), candidates=[0, 1])
    assert display.baseline == [1.0, 1.0]
    assert display.valid[0] is None
    np.testing.assert_array_equal(display.judged[0], [2, 2])
    best = [history["valid_loss"].argmin() for history in stops.history_[1]]
    np.testing.assert_array_equal(display.judged[1], best)


def test_folds_that_stop_early_leave_the_mean_to_the_others():
    folds = [_history([1.0, 0.5, 0.2], [1.0, 0.6, 0.4]), _history([0.8, 0.4], [0.9, 0.8])]
    display = LearningCurveDisplay.from_history({"folds": folds})
    np.testing.assert_allclose(display.lines_[0].get_ydata(), [0.9, 0.45, 0.2])
    np.testing.assert_allclose(display.lines_[1].get_ydata(), [0.95, 0.7, 0.4])
    lines = LearningCurveDisplay.from_history({"folds": folds}, std_display_style="lines")
    assert lines.fill_between_ is None
    thin = [line for line in lines.ax_.lines if line.get_linewidth() == 0.6]
    np.testing.assert_array_equal(thin[1].get_ydata(), [0.8, 0.4, np.nan])
    assert len(thin) == 4


def test_which_epoch_is_judged():
    history = _history([1.0, 0.5, 0.3], [1.0, 0.6, 0.8])
    last = LearningCurveDisplay.from_history(history, baseline=1.0)
    best = LearningCurveDisplay.from_history(history, baseline=1.0, kept="best")
    assert (last.verdict_, last.diagnosis_["step"].item()) == ("over-fitted", 2)
    assert (best.verdict_, best.diagnosis_["step"].item()) == ("good fit", 1)


def test_losses_that_were_never_measured():
    # Loops of others write NaN where there were no rows to validate with.
    history = _history([1.0, 0.5, 0.3]).assign(valid_loss=np.nan)
    for kept in ("last", "best"):
        display = LearningCurveDisplay.from_history(history, kept=kept)
        assert display.valid == [None]
        np.testing.assert_array_equal(display.judged, [[2]])


def test_scores_that_a_callback_records():
    history = pd.DataFrame({"train_accuracy": [0.1, 0.6, 0.9], "valid_accuracy": [0.1, 0.5, 0.6]})
    display = LearningCurveDisplay.from_history(history, metric="accuracy", baseline=0.1)
    assert display.ax_.get_ylabel() == "Accuracy"
    assert display.verdict_ == "over-fitted"
    np.testing.assert_allclose(display.diagnosis_["gap"].item(), 0.3 / 0.9)


def test_scores_by_the_number_of_samples(digits):
    sizes, train, test = learning_curve(GaussianNB(), *digits, train_sizes=[0.1, 0.5, 1.0], cv=4)
    display = LearningCurveDisplay.from_scores(sizes, train, test, quantity="Accuracy", baseline=0.1)
    np.testing.assert_allclose(display.lines_[0].get_ydata(), train.mean(axis=1))
    np.testing.assert_allclose(display.lines_[1].get_ydata(), test.mean(axis=1))
    np.testing.assert_array_equal(display.lines_[1].get_xdata(), sizes)
    assert display.ax_.get_xlabel() == "Training samples"
    np.testing.assert_allclose(display.diagnosis_["gap"].item(), (train - test)[-1].mean() / 0.9)


def test_baselines_are_known_for_known_losses_alone(digits):
    X, y = digits
    quick = {"max_epochs": 2, "random_state": 0}
    several = np.column_stack([y > 3, y % 2 == 0]).astype(int)
    networks = {
        np.log(10): MLPClassifier(**quick).fit(X, y),
        np.log(2): MLPClassifier(**quick).fit(X, several),
        1.0: MLPRegressor(**quick).fit(X, y),
        None: MLPRegressor(loss="absolute_error", **quick).fit(X, y),
    }
    for expected, network in networks.items():
        assert LearningCurveDisplay.from_estimator(network).baseline == [expected]
    # An untrained network of one epoch is near it.
    first = MLPClassifier(max_epochs=1, lr=1e-9, random_state=0).fit(X, y)
    np.testing.assert_allclose(first.loss_, np.log(10), rtol=0.1)


def test_who_has_no_history_is_told_so(digits, search):
    X, y = digits
    with pytest.raises(ValueError, match="not fitted yet"):
        LearningCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(ValueError, match="LogisticRegression has no history_ of its training"):
        LearningCurveDisplay.from_estimator(LogisticRegression(max_iter=5000).fit(X[:99], y[:99]))
    with pytest.raises(ValueError, match="the list is empty"):
        LearningCurveDisplay.from_estimator([])
    theirs = TheirGridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=2)
    with pytest.raises(ValueError, match="not fitted yet"):
        LearningCurveDisplay.from_search(theirs)
    with pytest.raises(ValueError, match="has kept no histories: fit it with return_history=True"):
        LearningCurveDisplay.from_search(theirs.fit(X, y))
    without = GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, cv=2, return_history=True).fit(X, y)
    with pytest.raises(ValueError, match="None of the candidates of GridSearchCV has a history_"):
        LearningCurveDisplay.from_search(without)
    with pytest.raises(ValueError, match="Candidate 0 of GridSearchCV has no history"):
        LearningCurveDisplay.from_search(without, candidates=[0])
    with pytest.raises(ValueError, match="candidates must be at least 1"):
        LearningCurveDisplay.from_search(search, candidates=0)
    with pytest.raises(ValueError, match="GridSearchCV has no candidate 7; it has 3"):
        LearningCurveDisplay.from_search(search, candidates=[7])


def test_unknown_options_are_named(stopped_early):
    with pytest.raises(ValueError, match=r"no column 'train_accuracy'; its columns are \['epoch'"):
        LearningCurveDisplay.from_estimator(stopped_early, metric="accuracy")
    with pytest.raises(ValueError, match="std_display_style must be one of"):
        LearningCurveDisplay.from_estimator(stopped_early, std_display_style="bars")
    with pytest.raises(ValueError, match="kept must be 'last' or 'best'"):
        LearningCurveDisplay.from_history(_history([1.0]), kept="first")
    with pytest.raises(ValueError, match="holds no epoch"):
        LearningCurveDisplay.from_history(_history([]))
    with pytest.raises(TypeError, match=r"A history is a pandas\.DataFrame with a row for each epoch; got dict"):
        LearningCurveDisplay.from_history([{"train_loss": [1.0]}])
    with pytest.raises(TypeError, match="got NoneType"):
        LearningCurveDisplay.from_history(None)
