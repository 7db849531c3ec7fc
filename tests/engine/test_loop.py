"""The training loop against a loop written by hand, and what skorch's callbacks see of it."""

import math

import numpy as np
import pytest
import torch
from skorch.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    EpochScoring,
    Freezer,
    GradientNormClipping,
    LRScheduler,
)
from torch import nn

from skdl.engine import SCHEDULES, TensorData, TrainingPlan, make_net
from skdl.exceptions import DivergenceError, InterruptedFitWarning
from skdl.nn import initialize
from skdl.utils import derive_keys, random_permutation

N, D, K, BATCH, EPOCHS = 70, 5, 3, 16, 4
CPU = torch.device("cpu")


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(N, D, generator=generator)
    return TensorData((X,), (X @ torch.randn(D, K, generator=generator)).argmax(1))


def module():
    return initialize(nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, K)), seed=3)


def plan(**changes):
    settings = {"task": "classification", "seed": 5, "device": CPU, "batch_size": BATCH, "max_epochs": EPOCHS}
    return TrainingPlan(**(settings | {"lr": 1e-2, "optimizer": "adam"} | changes))


def train(data, valid=None, **changes):
    net = make_net(module(), plan(**changes), n_rows=len(data), valid=valid)
    net.partial_fit(data, None)
    return net


def test_the_loop_is_the_one_a_person_would_write(data):
    net = train(data)

    by_hand = module()
    optimizer = torch.optim.Adam(by_hand.parameters(), lr=1e-2, fused=True)
    losses = []
    for epoch in range(EPOCHS):
        order = random_permutation(derive_keys(5, "batches", epoch), N)[0]
        total = 0.0
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(by_hand(data.inputs[0][rows]), data.target[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / N)
    for ours, theirs in zip(net.module_.parameters(), by_hand.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    np.testing.assert_allclose(net.history[:, "train_loss"], losses, rtol=1e-12)


def test_an_epoch_waits_for_the_device_once(data, monkeypatch):
    net = make_net(module(), plan(), n_rows=N)
    waits = []
    item, cpu = torch.Tensor.item, torch.Tensor.cpu
    monkeypatch.setattr(torch.Tensor, "item", lambda self: waits.append("item") or item(self))
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: waits.append("cpu") or cpu(self))
    net.partial_fit(data, None)
    assert waits == ["cpu", "item"] * EPOCHS  # the vector of losses is copied, and its mean is read from the copy


def test_a_weight_of_two_is_a_row_that_stands_twice(data):
    X, y = data.inputs[0], data.target
    twice = TensorData((torch.cat([X, X[:9]]),), torch.cat([y, y[:9]]))
    weight = torch.ones(N)
    weight[:9] = 2
    weighted = TensorData((X,), y, weight / weight.mean())
    nets = [train(rows, batch_size=200, optimizer="sgd", lr=0.1) for rows in (twice, weighted)]
    for one, other in zip(*(net.module_.parameters() for net in nets), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(nets[0].history[:, "train_loss"], nets[1].history[:, "train_loss"], rtol=1e-6)


def test_training_goes_on_where_it_stopped(data):
    whole = train(data, max_epochs=6)
    parts = make_net(module(), plan(max_epochs=3), n_rows=N)
    parts.partial_fit(data, None)
    parts.partial_fit(data, None)
    for one, other in zip(whole.module_.parameters(), parts.module_.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_schedule_sets_the_rate_before_each_batch(data, name):
    rates = []

    class Watch(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    net = train(data, schedule=name, callbacks=[Watch()])
    steps = EPOCHS * math.ceil(N / BATCH)
    np.testing.assert_allclose(rates, [1e-2 * SCHEDULES[name](step / steps) for step in range(steps)])
    assert net.optimizer_.param_groups[0]["lr"] == 1e-2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cosine", [1.0, 0.5, 0.0]),
        ("linear", [1.0, 0.5, 0.0]),
        ("step", [1.0, 0.1, 0.01]),
        ("one_cycle", [0.04, 0.811745, 4e-6]),
    ],
)
def test_schedules_at_the_beginning_the_middle_and_the_end(name, expected):
    np.testing.assert_allclose([SCHEDULES[name](progress) for progress in (0.0, 0.5, 1.0)], expected, atol=1e-6)


def test_gradient_clip_bounds_the_norm(data):
    norms = []

    class Watch(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            norms.append(math.sqrt(sum(float((p.grad**2).sum()) for _, p in named_parameters)))

    train(data, callbacks=[Watch()], max_epochs=1)
    free = list(norms)
    norms.clear()
    train(data, gradient_clip=0.05, callbacks=[Watch()], max_epochs=1)
    assert max(free) > 0.1
    assert max(norms) <= 0.05 * (1 + 1e-5)


def test_early_stopping_returns_to_the_best_weights(data):
    noise = TensorData(data.inputs, data.target[torch.randperm(N, generator=torch.Generator().manual_seed(1))])
    net = train(data, valid=noise, patience=3, max_epochs=200)
    losses = net.history[:, "valid_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3 < 200
    with torch.no_grad():
        kept = nn.functional.cross_entropy(net.module_.eval()(noise.inputs[0]), noise.target).item()
    assert kept == pytest.approx(losses[best], rel=1e-6)
    assert [row["valid_loss_best"] for row in net.history][best]


def test_skorch_callbacks_work(data, tmp_path):
    net = train(
        data,
        valid=data,
        max_epochs=12,
        callbacks=[
            ("accuracy", EpochScoring("accuracy", lower_is_better=False, on_train=True, name="train_accuracy")),
            ("rate", LRScheduler("StepLR", step_size=1, gamma=0.5)),
            ("freeze", Freezer("0.*")),
            ("clip", GradientNormClipping(1.0)),
            ("checkpoint", Checkpoint(dirname=str(tmp_path), monitor="valid_loss_best")),
            ("stop", EarlyStopping(patience=2, threshold=0.5)),
        ],
    )
    assert torch.equal(net.module_[0].weight, module()[0].weight)  # frozen
    assert not torch.equal(net.module_[2].weight, module()[2].weight)
    assert net.optimizer_.param_groups[0]["lr"] == pytest.approx(1e-2 * 0.5 ** len(net.history))
    assert (tmp_path / "params.pt").exists()
    assert len(net.history) < 12  # stopped by skorch's EarlyStopping
    # Scored over the batches of the epoch while the weights changed.
    assert 0.0 < net.history[-1, "train_accuracy"] <= 1.0
    batches = net.history[0, "batches"]
    assert [row["train_batch_size"] for row in batches if "train_batch_size" in row] == [16, 16, 16, 16, 6]


def test_batches_are_not_recorded_unless_a_callback_asks(data):
    assert train(data).history[0, "batches"] == []


def test_a_loss_that_is_not_finite_stops_training(data):
    with pytest.raises(
        DivergenceError, match=r"training loss became (nan|inf) in epoch \d+ with a learning rate of 1e\+30"
    ):
        train(data, optimizer="sgd", lr=1e30, max_epochs=20)


def test_ctrl_c_keeps_what_was_learnt(data):
    class PressCtrlC(Callback):
        def on_batch_begin(self, net, **kwargs):
            if len(net.history) == 3:
                raise KeyboardInterrupt

    with pytest.warns(InterruptedFitWarning, match="after 2 of 4 epochs"):
        net = train(data, callbacks=[PressCtrlC()])
    assert len(net.history) == 2
    expected = train(data, max_epochs=2)
    for one, other in zip(net.module_.parameters(), expected.module_.parameters(), strict=True):
        assert torch.equal(one, other)


def test_predictions_of_the_net_itself(data):
    net = train(data)
    probabilities = net.predict_proba(data.inputs[0].numpy())
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(net.predict(data.inputs[0].numpy()), probabilities.argmax(axis=1))
