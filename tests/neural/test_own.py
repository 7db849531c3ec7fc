"""Modules of one's own behind the estimators' contract."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skdl.neural import NeuralClassifier, NeuralRegressor


class Net(nn.Module):
    def __init__(self, n_features, n_outputs, width=8, dropout=0.0):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Dropout(dropout))
        self.head = nn.Linear(width, n_outputs)

    def forward(self, x):
        return self.head(self.layers(x))


def picture_net(input_shape, n_outputs):
    c, h, w = input_shape
    return nn.Sequential(nn.Conv2d(c, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * (h - 2) * (w - 2), n_outputs))


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def own(module=Net, **changes):
    return NeuralClassifier(module, **({"max_epochs": 30, "random_state": 0} | changes))


def test_without_a_module_it_is_softmax_regression(iris):
    X, y = iris
    model = NeuralClassifier(
        optimizer="nesterov", lr=0.1, weight_decay=0.01, batch_size=200, max_epochs=4000, random_state=0
    ).fit(X, y)
    design = np.column_stack([X, np.ones(len(X))])
    reference = LogisticRegression(C=1 / (len(X) * 0.01), fit_intercept=False, tol=1e-10, max_iter=1000).fit(design, y)
    found = np.column_stack([model._weights["1.weight"], model._weights["1.bias"]])
    np.testing.assert_allclose(found, reference.coef_, atol=1e-4)


def test_the_modules_arguments_are_searched(iris):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), own(module__width=4)),
        {"neuralclassifier__module__width": [2, 16], "neuralclassifier__lr": [1e-2, 5e-2]},
        cv=3,
    ).fit(*iris)
    assert (
        search.best_estimator_[-1].net_.module_.head.in_features
        == search.best_params_["neuralclassifier__module__width"]
    )
    assert search.best_score_ > 0.9


def test_the_modules_arguments_survive_copies(iris):
    model = own(module__width=5, module__dropout=0.5)
    assert clone(model).get_params() == model.get_params()
    assert clone(model).module__width == 5
    model.set_params(module__width=7, lr=0.02).fit(*iris)
    assert model.net_.module_.head.in_features == 7
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict_proba(iris[0]), model.predict_proba(iris[0]))


def test_dropout_of_others_is_seeded_and_leaves_torchs_generator_alone(iris):
    X, y = iris
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = own(module__dropout=0.5).fit(X, y).predict_proba(X)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    np.testing.assert_array_equal(own(module__dropout=0.5).fit(X, y).predict_proba(X), one)
    assert not np.array_equal(own(module__dropout=0.5, random_state=1).fit(X, y).predict_proba(X), one)


def test_samples_of_more_dimensions():
    X, y = load_digits(return_X_y=True)
    pictures = (X / 16).reshape(-1, 1, 8, 8)
    model = own(picture_net, max_epochs=20).fit(pictures[:1200], y[:1200])
    assert model.score(pictures[1200:], y[1200:]) > 0.9
    with pytest.raises(
        ValueError, match=r"samples of shape \(1, 7, 8\), but NeuralClassifier is expecting \(1, 8, 8\)"
    ):
        model.predict(pictures[:, :, 1:])


def test_several_targets():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    Y = X @ rng.normal(size=(3, 2)) + 5
    model = NeuralRegressor(Net, module__width=16, lr=0.01, max_epochs=100, random_state=0).fit(X, Y)
    assert model.score(X, Y) > 0.98


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (own(Net(4, 3)), "must be a class or a function that makes a module, .* got an instance of Net"),
        (own("Net"), "module of NeuralClassifier must be None or a callable; got 'Net'"),
        (
            own(module__depth=3),
            r"could not be built with the arguments \['depth', 'n_features', 'n_outputs'\]: .*depth",
        ),
        (
            own(lambda: nn.Linear(4, 2)),
            r"gives an output of shape \(2, 2\) .* \(2, 3\) is needed: a logit for each class",
        ),
        (own(widht=3), "NeuralClassifier has no parameter 'widht'; arguments of the module begin with 'module__'"),
    ],
)
def test_bad_modules(iris, model, message):
    with pytest.raises(ValueError, match=message):
        model.fit(*iris)


def test_unknown_parameters_are_refused_at_once():
    with pytest.raises(ValueError, match="Invalid parameter 'widht'"):
        own().set_params(widht=3)
