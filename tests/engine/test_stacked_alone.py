"""A network that is fitted alone takes the steps of a stack of one: the bits of a family, and torch's numbers."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_classification
from sklearn.model_selection import KFold
from skorch.callbacks import Callback, EpochScoring, Freezer

import skdl.neural._base
from skdl.base import family_notes, fit_family
from skdl.ensemble import DeepEnsembleClassifier, DeepEnsembleRegressor
from skdl.exceptions import DivergenceError, InterruptedFitWarning
from skdl.model_selection import GridSearchCV
from skdl.neural import MLPClassifier, MLPRegressor


@pytest.fixture(scope="module")
def data():
    X, y = make_classification(271, 7, n_informative=5, n_classes=3, weights=[0.6, 0.3], random_state=0)
    return X.astype(np.float32), y


@pytest.fixture
def steps_of_torch(monkeypatch):
    """A function that makes torch take the steps of what is fitted from then on."""
    return lambda: monkeypatch.setattr(skdl.neural._base, "why_not_stacked", lambda *_: "torch is to do it")


def small(**changes):
    settings = {"hidden_layer_sizes": (16, 9), "max_epochs": 6, "batch_size": 32, "lr": 0.02, "random_state": 0}
    settings |= {"dropout": 0.0, "schedule": None}
    return MLPClassifier(**(settings | changes))


def assert_same_bits(one, other, X):
    """Assert that two networks are equal, in all that a later training depends on."""
    for name, value in other._weights.items():
        np.testing.assert_array_equal(one._weights[name], value, err_msg=name)
    for place, state in other._optimizer_state["state"].items():
        for name, value in state.items():
            np.testing.assert_array_equal(one._optimizer_state["state"][place][name], value, err_msg=name)
    losses = [name for name in other.history_ if name.endswith("_loss")]
    np.testing.assert_array_equal(one.history_[losses], other.history_[losses])
    method = "predict_proba" if hasattr(one, "predict_proba") else "predict"
    np.testing.assert_array_equal(getattr(one, method)(X), getattr(other, method)(X))


# The same bits as among siblings.


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dropout": 0.3, "early_stopping": True, "patience": 2, "lr": 0.05},
        {"class_weight": "balanced", "activation": "tanh"},
        {"normalization": "layer"},
        {"normalization": "batch", "dropout": 0.2},
        {"activation": "gelu", "dropout": 0.2, "optimizer": "momentum"},
        {"gradient_clip": 0.1, "schedule": "cosine", "optimizer": "nadam"},
        {"label_smoothing": 0.1, "ema_decay": 0.9, "l1": 1e-3, "warmup_epochs": 2},
        {"hidden_layer_sizes": (), "batch_size": 500},
    ],
)
def test_members_of_unequal_folds_are_single_fits(data, settings, seed):
    X, y = data
    splits = [np.arange(0, 200), np.arange(73, 271), np.arange(40, 231)]
    net = small(random_state=seed, **settings)
    weight = np.random.default_rng(seed).integers(1, 4, len(y)).astype(float)
    candidates = [{"lr": 0.02}, {"lr": 1e-3, "weight_decay": 0.2}]
    for i, j, member in fit_family(net, X, y, candidates=candidates, splits=splits, sample_weight=weight):
        alone = clone(net).set_params(**candidates[i]).fit(X[splits[j]], y[splits[j]], weight[splits[j]])
        assert_same_bits(member, alone, X)
        # What is learnt later is the same, too: masks and moments go on from where they were.
        rows = np.arange(100)
        assert_same_bits(member.partial_fit(X[rows], y[rows]), alone.partial_fit(X[rows], y[rows]), X)


@pytest.mark.parametrize("outputs", [1, 3])
def test_members_of_regressors_are_single_fits(outputs):
    X, y = load_diabetes(return_X_y=True)
    y = y if outputs == 1 else np.column_stack([y, X[:, 0], y**0.5])
    net = MLPRegressor(hidden_layer_sizes=(20,), dropout=0.1, max_epochs=6, batch_size=64, early_stopping=True)
    deep = DeepEnsembleRegressor(net, n_members=3, random_state=0).fit(X, y)
    for member in deep.estimators_:
        assert_same_bits(member, clone(net).set_params(random_state=member.random_state).fit(X, y), X)


def test_members_with_categories_are_single_fits(data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    frame["h"] = pd.Categorical(np.where(X[:, 0] > 0, "yes", "no"))
    net = small(weight_decay=0.1)
    for _, _, member in fit_family(net, frame, y, candidates=[{}, {"lr": 1e-3}], splits=[np.arange(200)]):
        assert_same_bits(member, clone(member).fit(frame.iloc[:200], y[:200]), frame)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_deep_ensembles_and_searches_are_single_fits(data, n_threads):
    X, y = data
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        net = small(dropout=0.2)
        deep = DeepEnsembleClassifier(net, n_members=5, random_state=1).fit(X, y)
        for member in deep.estimators_:
            assert_same_bits(member, clone(net).set_params(random_state=member.random_state).fit(X, y), X)
        grid = {"lr": [1e-3, 1e-2], "dropout": [0.0, 0.4]}
        search = GridSearchCV(net, grid, cv=KFold(3), scoring="neg_log_loss").fit(X, y)
        assert torch.get_num_threads() == n_threads
    finally:
        torch.set_num_threads(before)
    for place, params in enumerate(search.cv_results_["params"]):
        for fold, (train, test) in enumerate(KFold(3).split(X)):
            alone = clone(net).set_params(**params).fit(X[train], y[train])
            score = search.scorer_(alone, X[test], y[test])
            assert score == search.cv_results_[f"split{fold}_test_score"][place]


@pytest.mark.parametrize(("hidden", "batch"), [((26,), 1024), ((128, 64), 300)])
def test_threads_change_no_bit_of_a_long_batch(hidden, batch):
    # Of products with many rows and few results each thread would sum up some of the rows.
    X, y = make_classification(2048, 13, n_informative=8, n_classes=4, random_state=0)
    net = small(hidden_layer_sizes=hidden, batch_size=batch, max_epochs=3)
    before = torch.get_num_threads()
    models = []
    try:
        for n_threads in (1, 2, 4):
            torch.set_num_threads(n_threads)
            models.append(clone(net).fit(X, y))
    finally:
        torch.set_num_threads(before)
    for model in models[1:]:
        assert_same_bits(model, models[0], X)


@pytest.mark.parametrize("n_members", [1, 3])
def test_members_results_are_aligned(monkeypatch, data, n_members):
    # Libraries have other kernels for results at other addresses, and siblings would move them.
    X, y = data
    product, addresses = torch.bmm, set()

    def recorded(left, right, *, out):
        addresses.update(member.data_ptr() % 16 for member in out)
        return product(left, right, out=out)

    monkeypatch.setattr(torch, "bmm", recorded)
    net = small(hidden_layer_sizes=(9, 12, 6, 3), batch_size=30, max_epochs=1)
    assert len([*fit_family(net, X, y, candidates=[{}] * n_members, splits=[np.arange(270)])]) == n_members
    assert addresses == {0}


@pytest.mark.parametrize(("n_threads", "keeps_bits"), [(1, True), (2, True), (2, False), (4, True)])
def test_wide_networks_get_a_thread_each_or_share_their_products(monkeypatch, data, n_threads, keeps_bits):
    X, y = data
    monkeypatch.setattr("skdl.engine.stacked_width._WIDE", 32 * 16 * 7)
    if not keeps_bits:
        monkeypatch.setattr("skdl.engine.stacked.threads_keep_bits", lambda *_: False)
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    notes: list[str] = []
    try:
        with family_notes(notes):
            members = [*fit_family(small(), X, y, candidates=[{}, {"lr": 0.1}], splits=[np.arange(271)])]
        for _, _, member in members:
            assert_same_bits(member, clone(member).fit(X, y), X)
    finally:
        torch.set_num_threads(before)
    stacked = "MLPClassifier: 2 networks trained in 2 stacks (2 of 1)"
    alone = "MLPClassifier: 2 networks trained one by one, since its products are shared by threads"
    if n_threads == 2 and keeps_bits:  # what two threads do to such small products is for the trial to say
        assert notes in ([stacked], [alone])
    else:
        assert notes == [stacked if n_threads == 1 else alone]


def test_a_wide_network_is_stacked_where_threads_keep_its_bits(monkeypatch):
    # What a thread's own share of the rows would do to a sum: the trial must see it.
    X, y = make_classification(300, 512, n_informative=20, n_classes=3, random_state=0)
    net = small(hidden_layer_sizes=(512,), batch_size=128, max_epochs=1)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    product = torch.bmm

    def unsteady(left, right, out=None):
        found = product(left, right)
        if torch.get_num_threads() > 1:
            found = found + found.abs().max() * 1e-6
        return found if out is None else out.copy_(found)

    try:
        for keeps_bits in (True, False):
            if not keeps_bits:
                monkeypatch.setattr(torch, "bmm", unsteady)
            monkeypatch.setattr("skdl.engine.stacked_width._known", {})
            notes: list[str] = []
            with family_notes(notes):
                members = [*fit_family(net, X, y, candidates=[{}, {"lr": 0.1}], splits=[np.arange(300)])]
            if not keeps_bits:
                assert notes == [
                    "MLPClassifier: 2 networks trained one by one, since its products are shared by threads"
                ]
            for _, _, member in members:
                assert_same_bits(member, clone(member).fit(X, y), X)
    finally:
        torch.set_num_threads(before)


# torch's numbers.


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dropout": 0.3},
        {"activation": "tanh", "early_stopping": True},
        {"activation": "gelu"},
        {"label_smoothing": 0.2},
        {"loss": "focal"},
        {"gradient_clip": 0.05},
        {"gradient_clip_value": 1e-3},
        {"l1": 1e-3, "optimizer": "sgd"},
        {"ema_decay": 0.9},
        {"schedule": "plateau", "patience": 2},
        {"schedule": "one_cycle", "warmup_epochs": 1},
        {"optimizer": "momentum", "weight_decay": 0.1},
        {"optimizer": "adagrad"},
        {"optimizer": "rmsprop"},
        {"optimizer": "adam", "weight_decay": 0.1},
        {"hidden_layer_sizes": ()},
        {"batch_size": 400},
    ],
)
def test_the_steps_are_those_of_torch(data, settings, steps_of_torch):
    X, y = data
    weight = np.random.default_rng(0).uniform(0.5, 2.0, len(y))
    stacked = small(lr=3e-3, **settings).fit(X, y, weight).partial_fit(X[:70], y[:70])
    steps_of_torch()
    plain = small(lr=3e-3, **settings).fit(X, y, weight).partial_fit(X[:70], y[:70])
    np.testing.assert_allclose(stacked.predict_proba(X), plain.predict_proba(X), rtol=1e-4, atol=1e-6)
    assert list(stacked.history_) == list(plain.history_)
    np.testing.assert_allclose(stacked.history_["train_loss"], plain.history_["train_loss"], rtol=1e-4)
    one, other = stacked._optimizer_state, plain._optimizer_state
    assert one["param_groups"][0]["lr"] == other["param_groups"][0]["lr"]
    for place, state in other["state"].items():
        for name, value in state.items():
            if value is not None:
                np.testing.assert_allclose(one["state"][place][name], value, rtol=2e-2, atol=1e-4, err_msg=name)


# The loop around the steps.


def test_a_callback_sees_outputs_gradients_and_rates_and_changes_no_bit(data):
    X, y = data

    class Watch(Callback):
        outputs: list = []
        norms: list = []

        def on_batch_end(self, net, batch, training, y_pred, loss, **kwargs):
            if training:
                expected = torch.nn.functional.cross_entropy(y_pred, batch[1])
                torch.testing.assert_close(loss, expected)
                self.outputs.append(y_pred.shape)

        def on_grad_computed(self, net, named_parameters, **kwargs):
            self.norms.append([weight.grad.norm().item() for _, weight in named_parameters])

    scorer = EpochScoring("accuracy", lower_is_better=False, on_train=True, name="accuracy")
    watched = small(callbacks=[Watch(), scorer]).fit(X, y)
    assert_same_bits(watched, small().fit(X, y), X)
    assert Watch.outputs[:9] == [(32, 3)] * 8 + [(15, 3)]
    assert np.min(Watch.norms) > 0
    assert watched.history_["accuracy"].iloc[-1] > 0.6


@pytest.mark.parametrize("way", ["in place", "another", "none"])
def test_a_callback_may_change_gradients(data, way, steps_of_torch):
    class Change(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            for name, weight in named_parameters:
                if way == "in place":
                    weight.grad.mul_(0.5)
                elif way == "another":
                    weight.grad = weight.grad * 0.5
                elif name == "layers.0.weight":
                    weight.grad = None

    X, y = data
    settings = {"callbacks": [Change()], "optimizer": "sgd", "weight_decay": 0.0}
    stacked = small(**settings).fit(X, y)
    steps_of_torch()
    plain = small(**settings).fit(X, y)
    for name, value in plain._weights.items():
        np.testing.assert_allclose(stacked._weights[name], value, rtol=1e-4, atol=1e-6)
    assert not np.allclose(
        stacked._weights["layers.0.weight"], small(optimizer="sgd").fit(X, y)._weights["layers.0.weight"]
    )


@pytest.mark.parametrize("at", [1, 4])
def test_a_callback_may_freeze_weights(data, at, steps_of_torch):
    X, y = data
    settings = {"callbacks": [Freezer("layers.0.*", at=at)], "gradient_clip": 0.5, "dropout": 0.1}
    stacked = small(lr=3e-3, **settings).fit(X, y)
    before = small(lr=3e-3, gradient_clip=0.5, dropout=0.1, max_epochs=max(1, at - 1)).fit(X, y)
    frozen = np.array_equal(stacked._weights["layers.0.weight"], before._weights["layers.0.weight"])
    assert frozen == (at == 4)  # for 1, they are the initial weights
    steps_of_torch()
    plain = small(lr=3e-3, **settings).fit(X, y)
    for name, value in plain._weights.items():
        np.testing.assert_allclose(stacked._weights[name], value, rtol=1e-4, atol=1e-6)


def test_ctrl_c_and_divergence(data, monkeypatch):
    X, y = data
    with pytest.raises(
        DivergenceError, match=r"training loss became (nan|inf) in epoch \d+ with a learning rate of 1e\+30"
    ):
        small(optimizer="sgd", lr=1e30).fit(X, y)
    from skdl.engine.stacked_alone import StackOfOne

    move, moves = StackOfOne.move, []

    def interrupted(self):
        moves.append(None)
        if len(moves) == 9 * 3 + 5:
            raise KeyboardInterrupt
        move(self)

    monkeypatch.setattr(StackOfOne, "move", interrupted)
    with pytest.warns(InterruptedFitWarning, match="after 3 of 6 epochs"):
        model = small().fit(X, y)
    assert model.n_iter_ == 3
    assert model.score(X, y) > 0.5
    assert model.partial_fit(X, y).n_iter_ == 4


def test_a_trained_net_has_memory_of_its_own(data):
    X, y = data
    net = small().fit(X, y).net_
    weights = list(net.module_.parameters())
    places = {weight.untyped_storage().data_ptr() for weight in weights}
    assert len(places) == len(weights)
    assert all(weight.untyped_storage().nbytes() == 4 * weight.numel() for weight in weights)
    assert net.stack_ is None
    # It can be trained by skorch's own means.
    net.partial_fit(X, y)
    assert len(net.history) == 12
