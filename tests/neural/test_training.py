"""The training parameters that all neural estimators share."""

import inspect

import numpy as np
import pytest
import torch
from numpydoc.docscrape import NumpyDocString
from sklearn.base import is_classifier
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import Lasso

from skdl.neural import MLPClassifier, MLPRegressor, NeuralRegressor
from skdl.neural._base import NeuralEstimator
from skdl.utils import all_estimators

NEURAL = [cls for _, cls in all_estimators() if issubclass(cls, NeuralEstimator)]
# What a family may choose for itself: how fast and how long it trains.
OWN_DEFAULTS = {
    "label_smoothing",
    "patience",
    "lr",
    "weight_decay",
    "batch_size",
    "max_epochs",
    "schedule",
    "warmup_epochs",
    "gradient_clip",
}


def shared_names(cls):
    constraints = NeuralEstimator._constraints | cls._task_constraints
    return [name for name in constraints if name != "dropout"] + ["device", "random_state"]


def documented(cls):
    return {entry.name: entry for entry in NumpyDocString(inspect.getdoc(cls))["Parameters"]}


@pytest.mark.parametrize("cls", NEURAL, ids=lambda cls: cls.__name__)
def test_training_parameters_are_the_same_everywhere(cls):
    model = MLPClassifier if "classes_" in cls.__doc__ else MLPRegressor
    parameters, expected = inspect.signature(cls).parameters, inspect.signature(model).parameters
    texts, expected_texts = documented(cls), documented(model)
    for name in shared_names(cls):
        assert name in parameters, f"{cls.__name__} lacks {name}"
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        # What "auto" means to some families alone stands behind what all say.
        said = " ".join(texts[name].desc)
        assert " ".join(expected_texts[name].desc) in (said, said.partition('; "auto"')[0] + ".")
        if name not in OWN_DEFAULTS:
            assert parameters[name].default == expected[name].default, name
    order = [name for name in parameters if name in shared_names(cls)]
    assert order == [name for name in expected if name in order]


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def small(**changes):
    settings = {"hidden_layer_sizes": (16,), "dropout": 0.0, "lr": 1e-2, "max_epochs": 20, "schedule": None}
    return MLPClassifier(**(settings | {"random_state": 0} | changes))


def test_l1_finds_the_lasso():
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), (y - y.mean()) / y.std()
    settings = {"optimizer": "nesterov", "weight_decay": 0.0, "batch_size": 500, "schedule": "linear"}
    # The loss is twice half the squared error; targets have the variance one already, and no intercept is left.
    model = NeuralRegressor(l1=0.2, lr=0.01, max_epochs=3000, random_state=0, **settings).fit(X, y)
    reference = Lasso(alpha=0.1, fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(model._weights["1.weight"][0], reference.coef_, atol=2e-3)
    assert (np.abs(reference.coef_) == 0).sum() > 3


def test_an_average_of_weights_predicts(iris):
    X, y = iris
    plain = small(batch_size=32).fit(X, y)
    averaged = small(batch_size=32, ema_decay=0.99).fit(X, y)
    assert averaged.score(X, y) > 0.9
    assert not np.allclose(averaged.predict_proba(X), plain.predict_proba(X), rtol=1e-2)
    np.testing.assert_array_equal(averaged.history_["train_loss"], plain.history_["train_loss"])


def test_plateau_warm_up_and_clipping_are_passed_on(iris):
    X, y = iris
    plain = small().fit(X, y).predict_proba(X)
    for change in ({"schedule": "plateau", "lr": 0.5}, {"warmup_epochs": 3}, {"gradient_clip_value": 1e-3}):
        model = small(**change).fit(X, y)
        assert np.isfinite(model.loss_)
        assert not np.array_equal(model.predict_proba(X), plain)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"l1": -1.0}, r"l1 of MLPClassifier must be a number in \[0, inf\); got -1.0"),
        ({"schedule": "cyclic"}, r"schedule .* 'one_cycle', 'plateau'; got 'cyclic'"),
        ({"warmup_epochs": -1}, r"warmup_epochs .* \[0, inf\); got -1"),
        ({"gradient_clip_value": 0.0}, r"gradient_clip_value .* None or a number in \(0, inf\)"),
        ({"ema_decay": 1.0}, r"ema_decay .* None or a number in \(0, 1\); got 1.0"),
    ],
)
def test_bad_parameters(iris, changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes).fit(*iris)


@pytest.mark.parametrize("cls", [cls for cls in NEURAL if is_classifier(cls())], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("batch_size", [64, 512])  # below and above the number of samples
def test_fits_inside_a_callers_inference_mode(iris, cls, batch_size):
    # Tensors that are made in this mode can never be trained with, nor saved for a backward pass.
    model = cls(max_epochs=2, batch_size=batch_size, random_state=0)
    expected = model.fit(*iris).predict_proba(iris[0])
    with torch.inference_mode():
        inside = model.fit(*iris).predict_proba(iris[0])
        model.partial_fit(*iris)
    np.testing.assert_array_equal(inside, expected)
    model.partial_fit(*iris)
