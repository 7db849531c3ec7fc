"""Ensembles of networks: each member is the one fitted alone; snapshots, mean weights and dropout by hand."""

import copy

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_multilabel_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from torch import nn

import skdl
from skdl.ensemble import (
    DeepEnsembleClassifier,
    DeepEnsembleRegressor,
    MonteCarloDropoutClassifier,
    MonteCarloDropoutRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
)
from skdl.ensemble._dropout import SharedDropout, keep_dropping
from skdl.ensemble._snapshot import average_weights
from skdl.neural import MLPClassifier, MLPRegressor, NeuralClassifier

SMALL = {"hidden_layer_sizes": (16,), "max_epochs": 6, "batch_size": 32, "lr": 0.01}


def _digits():
    X, y = load_digits(return_X_y=True)
    return X[:300] / 16, np.array([f"digit {label}" for label in y[:300]]), X[300:400] / 16


def _diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:300], y[:300], X[300:]


def test_each_member_is_the_one_that_is_fitted_alone(monkeypatch):
    X, y, X_test = _digits()
    asked = []
    family = MLPClassifier._fit_family

    def counted(self, X, y, *, candidates, **options):
        asked.append(len(candidates))
        return family(self, X, y, candidates=candidates, **options)

    monkeypatch.setattr(MLPClassifier, "_fit_family", counted)
    deep = DeepEnsembleClassifier(MLPClassifier(**SMALL), n_members=4, random_state=3).fit(X, y)
    assert asked == [4]
    seeds = {member.random_state for member in deep.estimators_}
    assert len(seeds) == 4
    for member in deep.estimators_:
        alone = MLPClassifier(**SMALL, random_state=member.random_state).fit(X, y)
        np.testing.assert_array_equal(member.predict_proba(X_test), alone.predict_proba(X_test))
    mean = np.mean([member.predict_proba(X_test) for member in deep.estimators_], axis=0)
    np.testing.assert_array_equal(deep.predict_proba(X_test), mean)
    np.testing.assert_array_equal(deep.predict(X_test), deep.classes_[mean.argmax(axis=1)])


def test_the_spread_of_regressors():
    X, y, X_test = _diabetes()
    deep = DeepEnsembleRegressor(MLPRegressor(**SMALL), n_members=3, random_state=0).fit(X, y)
    said = np.array([member.predict(X_test) for member in deep.estimators_])
    mean, std = deep.predict(X_test, return_std=True)
    np.testing.assert_array_equal(mean, said.mean(axis=0))
    np.testing.assert_array_equal(std, said.std(axis=0))
    np.testing.assert_array_equal(deep.predict(X_test), mean)


def test_a_pipeline_is_prepared_once_and_its_networks_are_stacked():
    X, y, X_test = _digits()
    net = make_pipeline(StandardScaler(), MLPClassifier(**SMALL))
    deep = DeepEnsembleClassifier(net, n_members=3, random_state=0).fit(X, y)
    assert len({id(member[0]) for member in deep.estimators_}) == 1
    first = deep.estimators_[1]
    alone = clone(net).set_params(mlpclassifier__random_state=first[-1].random_state).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X_test), alone.predict_proba(X_test))


def test_several_labels_and_several_targets():
    X, y = make_multilabel_classification(200, random_state=0)
    deep = DeepEnsembleClassifier(MLPClassifier(**SMALL), n_members=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(deep.predict(X), (deep.predict_proba(X) > 0.5).astype(int))
    X, y, _ = _diabetes()
    targets = np.column_stack([y, -y])
    deep = DeepEnsembleRegressor(MLPRegressor(**SMALL), n_members=2, random_state=0).fit(X, targets)
    mean, std = deep.predict(X, return_std=True)
    assert mean.shape == std.shape == targets.shape


def test_weights_of_samples_reach_the_members():
    X, y, X_test = _digits()
    weight = np.random.default_rng(0).uniform(0.1, 3, len(X))
    deep = DeepEnsembleClassifier(MLPClassifier(**SMALL), n_members=2, random_state=0).fit(X, y, sample_weight=weight)
    member = deep.estimators_[0]
    alone = clone(member).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(member.predict_proba(X_test), alone.predict_proba(X_test))


def test_an_estimator_without_a_seed_is_refused():
    X, y, _ = _digits()
    with pytest.raises(ValueError, match=r"has no random_state.*KNeighborsClassifier. A BaggingClassifier"):
        DeepEnsembleClassifier(skdl.neighbors.KNeighborsClassifier()).fit(X, y)


# Snapshots.


def test_snapshots_are_the_ends_of_warm_restarts():
    X, y, X_test = _digits()
    net = MLPClassifier(**{**SMALL, "max_epochs": 9}, random_state=0)
    snapshots = SnapshotEnsembleClassifier(net, n_members=3, burn_in=2).fit(X, y)
    by_hand = clone(net).set_params(warm_start=True, schedule="cosine", early_stopping=False, max_epochs=2).fit(X, y)
    by_hand.set_params(max_epochs=2)
    for number, member in enumerate(snapshots.estimators_):
        by_hand.fit(X, y)
        assert member.n_iter_ == 2 + 2 * (number + 1)
        np.testing.assert_array_equal(member.predict_proba(X_test), by_hand.predict_proba(X_test))
    mean = np.mean([member.predict_proba(X_test) for member in snapshots.estimators_], axis=0)
    np.testing.assert_array_equal(snapshots.predict_proba(X_test), mean)


def test_mean_weights():
    X, y, X_test = _diabetes()
    net = MLPRegressor(**{**SMALL, "max_epochs": 12}, random_state=0)
    apart = SnapshotEnsembleRegressor(net, n_members=3, burn_in=6).fit(X, y)
    (averaged,) = SnapshotEnsembleRegressor(net, n_members=3, combine="weights").fit(X, y).estimators_
    for layer in range(2):
        mean = np.mean([member.coefs_[layer] for member in apart.estimators_], axis=0, dtype=np.float64)
        np.testing.assert_allclose(averaged.coefs_[layer], mean, rtol=1e-6)
    twin = copy.deepcopy(apart.estimators_[0])
    twin.net_.module_.load_state_dict(averaged.net_.module_.state_dict())
    np.testing.assert_array_equal(twin.predict(X_test), averaged.predict(X_test))


def test_statistics_of_batch_normalization_are_counted_anew():
    X, y, _ = _digits()
    net = MLPClassifier(**SMALL, dropout=0.0, normalization="batch", random_state=0)
    apart = SnapshotEnsembleClassifier(net, n_members=2, burn_in=2).fit(X, y)
    (averaged,) = SnapshotEnsembleClassifier(net, n_members=2, burn_in=2, combine="weights").fit(X, y).estimators_
    plain = average_weights(apart.estimators_)
    before, after = plain.net_.module_.state_dict(), averaged.net_.module_.state_dict()
    for name, value in before.items():
        if not isinstance(value, torch.Tensor) or "num_batches" in name:
            continue
        assert torch.equal(value, after[name]) == ("running" not in name), name
    assert averaged.lr == net.lr


def test_a_network_that_chooses_its_epochs_has_a_hundred_for_the_cycles():
    X, y, _ = _digits()
    net = MLPClassifier(**{**SMALL, "max_epochs": "auto"}, random_state=0)
    first, second = SnapshotEnsembleClassifier(net, n_members=2).fit(X[:100], y[:100]).estimators_
    assert (first.n_iter_, second.n_iter_) == (50, 100)


def test_more_cycles_than_epochs():
    X, y, _ = _digits()
    with pytest.raises(ValueError, match=r"n_members=7 cycles.*do not fit into max_epochs=6"):
        SnapshotEnsembleClassifier(MLPClassifier(**SMALL), n_members=7).fit(X, y)
    with pytest.raises(ValueError, match=r"must be a network of skdl.neural.*DecisionTreeClassifier lacks"):
        SnapshotEnsembleClassifier(DecisionTreeClassifier()).fit(X, y)


# Dropout.


def test_a_pass_is_a_thinned_network():
    X, y, X_test = _diabetes()
    net = MLPRegressor(**SMALL, dropout=0.3, scaling=None, random_state=0)
    unsure = MonteCarloDropoutRegressor(net, n_samples=40).fit(X, y)
    twin = copy.deepcopy(unsure.estimator_)
    (layer,) = keep_dropping(twin.net_.module_, unsure._seed)
    said = []
    for number in range(40):
        layer.number = number
        mask = layer(torch.ones(1, 16))[0].numpy().astype(np.float64)
        assert set(np.round(mask, 6)) <= {0.0, round(1 / 0.7, 6)}
        hidden = np.maximum(X_test @ twin.coefs_[0] + twin.intercepts_[0], 0) * mask
        outputs = hidden @ twin.coefs_[1] + twin.intercepts_[1]
        said.append(outputs[:, 0] * twin._target_scale[0] + twin._target_mean[0])
    mean, std = unsure.predict(X_test, return_std=True)
    np.testing.assert_allclose(mean, np.mean(said, axis=0), rtol=1e-4)
    np.testing.assert_allclose(std, np.std(said, axis=0), rtol=1e-3, atol=1e-3)
    # The network itself is left as it is.
    np.testing.assert_array_equal(unsure.estimator_.predict(X_test), clone(net).fit(X, y).predict(X_test))


def test_masks_leave_out_the_right_part():
    layer = SharedDropout(0.25, seed=1, layer=0, whole_channels=False)
    masks = []
    for number in range(400):
        layer.number = number
        masks.append(layer(torch.ones(1, 50)).numpy())
    np.testing.assert_allclose(np.mean(np.array(masks) == 0), 0.25, atol=0.015)
    channels = SharedDropout(0.5, seed=1, layer=1, whole_channels=True)(torch.ones(3, 64, 4, 5))
    assert torch.equal(channels, channels[:1, :, :1, :1].expand(3, 64, 4, 5))
    assert 0 < (channels == 0).float().mean() < 1


class OwnModule(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(p), nn.Linear(32, 10))

    def forward(self, X):
        return self.layers(X)


def test_modules_of_ones_own_drop_too():
    X, y, X_test = _digits()
    net = NeuralClassifier(OwnModule, max_epochs=5, random_state=0)
    unsure = MonteCarloDropoutClassifier(net, n_samples=10).fit(X, y)
    p = unsure.predict_proba(X_test)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
    assert not np.allclose(p, unsure.estimator_.predict_proba(X_test), atol=1e-3)
    np.testing.assert_array_equal(p, unsure.predict_proba(X_test))


def test_a_network_without_dropout_is_refused():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.raises(ValueError, match=r"has no layer of dropout.*set its parameter dropout"):
        MonteCarloDropoutClassifier(MLPClassifier(**SMALL, dropout=0.0)).fit(X, y)
