"""Going on from another network: bodies, frozen weights, rates by depth, features."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from torch import nn

from skdl.model_selection import GridSearchCV
from skdl.neural import CNNClassifier, MLPClassifier, MLPRegressor, NeuralClassifier


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X.reshape(-1, 8, 8).astype(np.uint8), y


def small(**changes):
    settings = {"hidden_layer_sizes": (16, 8), "lr": 1e-2, "max_epochs": 20, "random_state": 0}
    settings |= {"dropout": 0.0, "schedule": None}
    return MLPClassifier(**(settings | changes))


# Bodies.


def test_with_the_same_outputs_the_whole_network_is_taken(iris):
    X, y = iris
    source = small().fit(X, y)
    model = small(init_from=source, optimizer="sgd", lr=1e-30, weight_decay=0.0, random_state=1).fit(X[:90], y[:90])
    assert model.n_outputs_ == 2
    model = small(init_from=source, optimizer="sgd", lr=1e-30, weight_decay=0.0, random_state=1).fit(X[::2], y[::2])
    # Scales are those that the body was trained with, not those of the new rows.
    np.testing.assert_array_equal(model.predict_proba(X), source.predict_proba(X))


def test_another_number_of_outputs_gets_a_new_head(iris):
    X, y = iris
    source = small().fit(X, y)
    still = {"optimizer": "sgd", "lr": 1e-30, "weight_decay": 0.0, "random_state": 1}
    model = small(init_from=source, **still).fit(X[:100], y[:100])
    fresh = small(**still).fit(X[:100], y[:100])
    for place in (0, 1):
        np.testing.assert_array_equal(model.coefs_[place], source.coefs_[place])
        np.testing.assert_array_equal(model.intercepts_[place], source.intercepts_[place])
    np.testing.assert_array_equal(model.coefs_[2], fresh.coefs_[2])
    for dropout in (0.0, 0.3):  # which stands between the layers
        regressor = MLPRegressor((16, 8), dropout=dropout, init_from=source, **still).fit(X, X[:, 0])
        for place in range(2):
            np.testing.assert_array_equal(regressor.coefs_[place], source.coefs_[place])


def test_a_trained_body_helps_where_samples_are_few(digits):
    X, y = digits
    source = CNNClassifier("lenet", max_epochs=10, random_state=0).fit(X[:1200][y[:1200] < 8], y[:1200][y[:1200] < 8])
    few = np.concatenate([np.flatnonzero(y == label)[:4] for label in range(10)])
    rest = np.setdiff1d(np.arange(1200, 1797), few)
    settings = {"architecture": "lenet", "max_epochs": 20, "random_state": 0}
    tuned = CNNClassifier(init_from=source, **settings).fit(X[few], y[few]).score(X[rest], y[rest])
    fresh = CNNClassifier(**settings).fit(X[few], y[few]).score(X[rest], y[rest])
    assert tuned > fresh + 0.1


def test_categories_are_those_of_the_body():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": pd.Categorical(list("xyzxyzxyzx") * 6), "size": rng.normal(size=60)})
    y = (frame["city"] == "x").to_numpy()
    source = small().fit(frame, y)
    few = frame[frame["city"] != "x"].assign(city=lambda rows: pd.Categorical(rows["city"].astype(str)))
    model = small(init_from=source, max_epochs=1).fit(few, rng.integers(0, 3, len(few)))
    assert model._schema.categories[0].tolist() == ["x", "y", "z"]
    assert model._weights["embeddings.0.weight"].shape == source._weights["embeddings.0.weight"].shape


def test_in_a_search_a_frozen_source_stays_fitted(iris):
    X, y = iris
    source = small().fit(X, y)
    still = small(init_from=FrozenEstimator(source), max_epochs=1, lr=1e-6)
    assert cross_val_score(still, X, y, cv=3).mean() > 0.9
    search = GridSearchCV(still, {"lr": [1e-6, 1e-5]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.9
    with pytest.raises(ValueError, match=r"not fitted.*FrozenEstimator"):
        clone(small(init_from=source)).fit(X, y)


def test_warm_start_does_not_go_back_to_the_source(iris):
    X, y = iris
    source = small().fit(X, y)
    model = small(init_from=source, warm_start=True).fit(X, y).fit(X, y)
    once = small(init_from=source, warm_start=True).fit(X, y)
    assert model.n_iter_ == 40
    assert model.loss_ < once.loss_


def test_sources_that_do_not_fit(iris):
    X, y = iris
    with pytest.raises(ValueError, match=r"must be a fitted neural estimator of skdl.*got LogisticRegression"):
        small(init_from=LogisticRegression(max_iter=1000).fit(X, y)).fit(X, y)
    with pytest.raises(ValueError, match=r"brings no weights for layers.0.weight \(16, 4\), .*same layers"):
        small(init_from=small(hidden_layer_sizes=(9, 8), max_epochs=1).fit(X, y)).fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features, but the MLPClassifier of init_from was fitted to 4"):
        small(init_from=small(max_epochs=1).fit(X, y)).fit(X[:, 1:], y)
    with pytest.raises(ValueError, match="init_from of MLPClassifier must be None or an instance of BaseEstimator"):
        small(init_from="resnet").fit(X, y)


# Frozen weights.


def test_frozen_weights_stay(iris):
    X, y = iris
    start = small(optimizer="sgd", lr=1e-30, weight_decay=0.0).fit(X, y)
    for optimizer in ("adamw", "sgd"):
        model = small(freeze=["layers.0.*", "*.2.bias"], l1=0.01, ema_decay=0.5, optimizer=optimizer, lr=0.05).fit(X, y)
        np.testing.assert_array_equal(model.coefs_[0], start.coefs_[0])
        np.testing.assert_array_equal(model.intercepts_[0], start.intercepts_[0])
        np.testing.assert_array_equal(model.intercepts_[1], start.intercepts_[1])
        assert not np.array_equal(model.coefs_[1], start.coefs_[1])
    model.partial_fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], start.coefs_[0])
    one = small(freeze="layers.0.*").fit(X, y)
    assert np.array_equal(one.coefs_[0], start.coefs_[0])


def test_frozen_normalisations_keep_their_statistics(iris):
    def network(n_features, n_outputs):
        return nn.Sequential(nn.BatchNorm1d(n_features), nn.Linear(n_features, n_outputs))

    X, y = iris
    for freeze, moves in ((None, True), ("0.*", False)):
        model = NeuralClassifier(network, freeze=freeze, max_epochs=3, random_state=0).fit(X, y)
        assert np.any(model._weights["0.running_mean"]) == moves


def test_patterns_that_cannot_be_meant(iris):
    with pytest.raises(ValueError, match=r"freeze='conv\*' matches no weight; the weights are \['layers.0.weight',"):
        small(freeze=["conv*"]).fit(*iris)
    with pytest.raises(ValueError, match=r"freeze=\['\*'\] leaves no weight to train"):
        small(freeze="*").fit(*iris)


# Rates by depth.


def test_a_layer_moves_by_its_rate(iris):
    X, y = iris
    settings = {"optimizer": "sgd", "weight_decay": 0.0, "batch_size": 200, "max_epochs": 1, "lr": 0.5}
    start = small(**settings | {"lr": 1e-30}).fit(X, y)
    plain = small(**settings).fit(X, y)
    decayed = small(**settings, layer_lr_decay=0.25).fit(X, y)
    for place, factor in ((0, 0.25**2), (1, 0.25), (2, 1.0)):
        for name in ("coefs_", "intercepts_"):
            begin, far, near = (getattr(model, name)[place] for model in (start, plain, decayed))
            np.testing.assert_allclose(near - begin, factor * (far - begin), rtol=1e-3, atol=2e-7)


def test_rates_by_depth_go_on(iris):
    X, y = iris
    settings = {"layer_lr_decay": 0.5, "schedule": "cosine", "batch_size": 32}
    model = small(**settings).fit(X, y)
    rates = [group["lr"] for group in model.net_.optimizer_.param_groups]
    assert rates == pytest.approx([0.0025, 0.005, 0.01])
    parts = small(**settings | {"schedule": None})
    whole = small(**settings | {"schedule": None, "max_epochs": 2}).fit(X, y)
    again = pickle.loads(pickle.dumps(parts.partial_fit(X, y))).partial_fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), whole.predict_proba(X))


# Features.


def test_features_are_what_the_last_layer_reads(iris):
    X, y = iris
    model = small().fit(X, y)
    features = model.transform(X)
    assert features.shape == (150, 8)
    assert features.dtype == np.float32
    logits = features @ model.coefs_[2] + model.intercepts_[2]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(model.get_feature_names_out(), [f"mlpclassifier{i}" for i in range(8)])
    # A row's features do not depend on the rows beside it.
    np.testing.assert_array_equal(model.transform(X[7:9]), features[7:9])


def test_a_network_is_a_step_of_a_pipeline(iris):
    X, y = iris
    pipeline = make_pipeline(small(), LogisticRegression(max_iter=1000)).set_output(transform="pandas")
    assert pipeline.fit(X, y).score(X, y) > 0.95
    assert list(pipeline[:1].transform(X).columns) == [f"mlpclassifier{i}" for i in range(8)]


@pytest.mark.parametrize("architecture", ["auto", "lenet", "nin"])
def test_features_of_pictures(digits, architecture):
    X, y = digits
    model = CNNClassifier(architecture, max_epochs=1, early_stopping=False, random_state=0).fit(X[:100], y[:100])
    features = model.transform(X[:5])
    assert features.shape == (5, len(model.get_feature_names_out()))
    assert np.isfinite(features).all()
    if architecture == "lenet":
        head = model.net_.module_[1][-1]
        with torch.no_grad():
            logits = head(torch.from_numpy(features)).numpy()
        np.testing.assert_array_equal(model.classes_[logits.argmax(axis=1)], model.predict(X[:5]))
