"""Rows to validate with that the caller gives."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdl.neural import CNNClassifier, MLPClassifier, MLPRegressor


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(150)
    return X[order], np.array(["a", "b", "c"])[y[order]]


def small(**changes):
    settings = {"hidden_layer_sizes": (16,), "lr": 1e-2, "max_epochs": 20, "batch_size": 32, "random_state": 0}
    settings |= {"dropout": 0.0, "schedule": None}
    return MLPClassifier(**(settings | changes))


def test_their_loss_is_recorded_and_they_are_not_trained_on(iris):
    X, y = iris
    model = small(early_stopping=False).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    assert model.n_iter_ == 20
    alone = small().fit(X[:100], y[:100])
    np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    expected = log_loss(y[100:], model.predict_proba(X[100:]))
    assert model.history_["valid_loss"].iloc[-1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("asked", [True, "auto"])
def test_early_stopping_goes_by_them(iris, asked):
    X, y = iris
    noise = np.random.default_rng(0).permutation(y[100:])
    settings = {"early_stopping": asked, "patience": 3, "max_epochs": 200}
    model = small(**settings).fit(X[:100], y[:100], X_val=X[100:], y_val=noise)
    losses = model.history_["valid_loss"].to_numpy()
    assert model.n_iter_ == losses.argmin() + 1 + 3 < 200
    assert log_loss(noise, model.predict_proba(X[100:])) == pytest.approx(losses.min(), rel=1e-5)
    # All rows of X are trained on: none is held out beside.
    other = small(max_epochs=int(losses.argmin()) + 1).fit(X[:100], y[:100])
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))


def test_they_are_weighted_by_the_classes_of_the_training_rows(iris):
    X, y = iris
    weights = {"a": 2.0, "b": 0.5, "c": 1.0}
    model = small(class_weight=weights).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    weight = np.array([weights[label] for label in y[100:]])
    expected = log_loss(y[100:], model.predict_proba(X[100:]), sample_weight=weight)
    last = small(class_weight=weights, early_stopping=False).fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    assert model.history_["valid_loss"].min() == pytest.approx(expected, rel=1e-5)
    assert last.history_["valid_loss"].iloc[-1] == pytest.approx(
        log_loss(y[100:], last.predict_proba(X[100:]), sample_weight=weight), rel=1e-5
    )


def test_targets_are_scaled_as_those_of_the_training_rows():
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressor(hidden_layer_sizes=(8,), max_epochs=5, early_stopping=False, random_state=0)
    model.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    expected = np.mean(((model.predict(X[300:]) - y[300:]) / y[:300].std()) ** 2)
    assert model.history_["valid_loss"].iloc[-1] == pytest.approx(expected, rel=1e-4)


def test_pictures_and_frames(iris):
    rng = np.random.default_rng(0)
    pictures, y = rng.normal(size=(60, 8, 8)), rng.integers(0, 2, 60)
    model = CNNClassifier("lenet", max_epochs=2, random_state=0).fit(
        pictures[:40], y[:40], X_val=pictures[40:], y_val=y[40:]
    )
    assert "valid_loss" in model.history_
    frame = pd.DataFrame({"city": pd.Categorical(list("xyz") * 20), "size": rng.normal(size=60)})
    assert "valid_loss" in small().fit(frame[:40], y[:40], X_val=frame[40:], y_val=y[40:]).history_


def test_in_a_pipeline_they_go_through_the_steps_before(iris):
    X, y = iris
    X = X * 1000 + 5
    with sklearn.config_context(enable_metadata_routing=True):
        model = small(scaling=None, early_stopping=False).set_fit_request(X_val=True, y_val=True)
        steps = [("scale", StandardScaler()), ("net", model)]
        pipeline = Pipeline(steps, transform_input=["X_val"])
        pipeline.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
        expected = log_loss(y[100:], pipeline.predict_proba(X[100:]))
    assert pipeline[-1].history_["valid_loss"].iloc[-1] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda X, y: {"X_val": X}, "y_val is missing: fit takes X_val and y_val together"),
        (lambda X, y: {"y_val": y}, "X_val is missing"),
        (
            lambda X, y: {"X_val": X[:, 1:], "y_val": y},
            "In X_val and y_val: X has 3 features, but MLPClassifier is exp",
        ),
        (lambda X, y: {"X_val": X, "y_val": y[1:]}, "In X_val and y_val: Found input variables with inconsistent"),
        (lambda X, y: {"X_val": X * np.nan, "y_val": y}, "In X_val and y_val: Input X contains NaN"),
        (lambda X, y: {"X_val": X, "y_val": np.full(150, "z")}, r"In X_val and y_val: y\[0\] is 'z', which is none of"),
    ],
)
def test_bad_rows(iris, given, message):
    with pytest.raises(ValueError, match=message):
        small().fit(*iris, **given(*iris))
