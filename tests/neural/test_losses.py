"""What the losses make of the estimators: quantiles, robustness, smoothed and soft targets."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.datasets import load_iris

from skdl.neural import MLPClassifier, MLPRegressor, NeuralClassifier, NeuralRegressor


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantiles_of_a_constant_are_those_of_the_sample(level):
    # Without a signal, the best prediction is the quantile of y; 2001 values make it unique.
    y = np.random.default_rng(0).gamma(2.0, 30.0, 2001)
    settings = {"optimizer": "adam", "weight_decay": 0.0, "batch_size": 4000, "schedule": "cosine", "lr": 0.05}
    model = NeuralRegressor(loss="quantile", quantile=level, max_epochs=1500, random_state=0, **settings)
    predicted = model.fit(np.arange(2001.0)[:, None] * 0, y).predict([[0.0]])
    assert np.mean(y <= predicted[0]) == pytest.approx(level, abs=2e-3)


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_robust_losses_do_not_follow_outliers(loss):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1))
    y = 3 * X[:, 0]
    y[:15] += 200
    settings = {"lr": 0.05, "max_epochs": 300, "schedule": "cosine", "weight_decay": 0.0, "random_state": 0}

    def error(**changes):
        return np.abs(NeuralRegressor(**settings, **changes).fit(X, y).predict(X[15:]) - y[15:]).mean()

    assert error(loss=loss, huber_delta=0.01) < 0.5
    assert error() > 5


def test_huber_turns_into_a_line_where_it_is_told_to():
    X = np.random.default_rng(0).normal(size=(200, 3))
    y = X[:, 0] + X[:, 1] ** 2
    settings = {"hidden_layer_sizes": (8,), "max_epochs": 30, "optimizer": "sgd", "weight_decay": 0.0}
    settings |= {"dropout": 0.0, "schedule": None}
    square = MLPRegressor(lr=0.1, random_state=0, **settings).fit(X, y)
    # Far beyond all errors the Huber loss is half the squared one; twice the rate gives the same steps.
    huber = MLPRegressor(loss="huber", huber_delta=1e6, lr=0.2, random_state=0, **settings).fit(X, y)
    np.testing.assert_allclose(huber.predict(X), square.predict(X), rtol=1e-5, atol=1e-5)
    other = MLPRegressor(loss="huber", huber_delta=0.1, lr=0.2, random_state=0, **settings).fit(X, y)
    assert np.abs(other.predict(X) - square.predict(X)).max() > 0.01


def test_label_smoothing_bounds_how_sure_a_model_becomes(iris):
    X, y = iris
    settings = {"dropout": 0.0, "max_epochs": 400, "weight_decay": 0.0, "batch_size": 200, "schedule": None}
    settings |= {"random_state": 0}
    smooth = MLPClassifier(label_smoothing=0.3, **settings).fit(X[:100], y[:100]).predict_proba(X[:100])
    # Two classes that can be told apart: the loss is smallest at probabilities of 0.85 and 0.15.
    np.testing.assert_allclose(smooth.max(axis=1), 0.85, atol=0.02)
    assert MLPClassifier(**settings).fit(X[:100], y[:100]).predict_proba(X[:100]).max(axis=1).min() > 0.99


def test_focal_loss_is_learnt_from(iris):
    X, y = iris
    settings = {"dropout": 0.0, "max_epochs": 40, "schedule": None, "random_state": 0}
    plain = MLPClassifier(**settings).fit(X, y)
    focal = MLPClassifier(loss="focal", focal_gamma=3.0, **settings).fit(X, y)
    assert focal.score(X, y) > 0.94
    assert focal.predict_proba(X).max(axis=1).mean() < plain.predict_proba(X).max(axis=1).mean() - 0.02
    same = MLPClassifier(loss="focal", focal_gamma=0.0, **settings).fit(X, y)
    np.testing.assert_allclose(same.predict_proba(X), plain.predict_proba(X), atol=1e-4)
    labels = np.column_stack([y == 0, y == 2]).astype(int)
    assert MLPClassifier(loss="focal", **settings).fit(X, labels).score(X, labels) > 0.9


def test_a_student_learns_what_its_teacher_says(iris):
    X, y = iris
    teacher = softmax(X @ np.random.default_rng(0).normal(size=(4, 3)), axis=1)  # says nothing about y
    names = np.array(["a", "b", "c"])[y]
    settings = {"max_epochs": 1500, "lr": 0.1, "weight_decay": 0.0, "batch_size": 200, "schedule": "cosine"}
    alone = NeuralClassifier(random_state=0, **settings)._fit_distilled(X, names, teacher, temperature=1.0, share=1.0)
    np.testing.assert_array_equal(alone.classes_, ["a", "b", "c"])
    np.testing.assert_allclose(alone.predict_proba(X), teacher, atol=0.02)
    # A temperature divides the student's logits, too.
    hot = NeuralClassifier(random_state=0, **settings)._fit_distilled(X, names, teacher, temperature=2.0, share=1.0)
    logs = hot.predict_log_proba(X) / 2
    np.testing.assert_allclose(softmax(logs, axis=1), teacher, atol=0.02)


def test_without_a_share_the_teacher_is_not_heard(iris):
    X, y = iris
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    settings = {"max_epochs": 10, "early_stopping": True, "class_weight": {1: 3.0}, "random_state": 0}
    teacher = np.full((150, 3), 1 / 3)
    student = MLPClassifier(**settings)._fit_distilled(X, y, teacher, temperature=3.0, share=0.0, sample_weight=weight)
    alone = MLPClassifier(**settings).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(student.predict_proba(X), alone.predict_proba(X), rtol=1e-4, atol=1e-6)
    # It goes on, and can be fitted again, like any other model.
    student.partial_fit(X, y)
    np.testing.assert_array_equal(
        student.fit(X, y).predict_proba(X), MLPClassifier(**settings).fit(X, y).predict_proba(X)
    )


def test_a_teacher_must_know_the_classes(iris):
    X, y = iris
    with pytest.raises(
        ValueError, match=r"probabilities have the shape \(150, 2\), but y has 150 samples of 3 classes"
    ):
        MLPClassifier()._fit_distilled(X, y, np.full((150, 2), 0.5), temperature=1.0, share=0.5)
    labels = np.column_stack([y == 0, y == 2]).astype(int)
    with pytest.raises(ValueError, match="of 2 labels: one column of classes"):
        MLPClassifier()._fit_distilled(X, labels, np.full((150, 2), 0.5), temperature=1.0, share=0.5)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (MLPClassifier(loss="huber"), "loss of MLPClassifier must be one of 'auto', 'cross_entropy', 'focal'"),
        (MLPClassifier(label_smoothing=1.0), r"label_smoothing .* \[0, 1\); got 1.0"),
        (MLPClassifier(focal_gamma=-1), r"focal_gamma .* \[0, inf\)"),
        (MLPRegressor(loss="focal"), "loss of MLPRegressor must be one of 'auto', 'squared_error'"),
        (MLPRegressor(huber_delta=0.0), r"huber_delta .* \(0, inf\)"),
        (MLPRegressor(quantile=1.0), r"quantile .* \(0, 1\)"),
    ],
)
def test_bad_parameters(iris, model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(*iris)
