"""What may be added to the plain loop, each against a loop written by hand."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from skdl.engine import SCHEDULES, TensorData, TrainingPlan, make_net
from skdl.engine.callbacks import judge
from skdl.nn import initialize
from skdl.utils import derive_keys, random_permutation

N, D, K, BATCH, EPOCHS, RATE = 70, 5, 3, 16, 4, 1e-2
CPU = torch.device("cpu")


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(0)
    X = torch.randn(N, D, generator=generator)
    return TensorData((X,), (X @ torch.randn(D, K, generator=generator)).argmax(1))


def module():
    return initialize(nn.Sequential(nn.Linear(D, 8), nn.ReLU(), nn.Linear(8, K)), seed=3)


def train(data, valid=None, **changes):
    settings = {"task": "classification", "seed": 5, "device": CPU, "batch_size": BATCH, "max_epochs": EPOCHS}
    plan = TrainingPlan(**(settings | {"lr": RATE, "optimizer": "adam"} | changes))
    net = make_net(module(), plan, n_rows=len(data), valid=valid)
    net.partial_fit(data, None)
    return net


def by_hand(data, change_gradients=lambda weights: None, after_step=lambda weights: None):
    """Train as a person would, with something done to the gradients and something after each step."""
    network = module()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE, fused=True)
    for epoch in range(EPOCHS):
        order = random_permutation(derive_keys(5, "batches", epoch), N)[0]
        for rows in order.split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(data.inputs[0][rows]), data.target[rows]).backward()
            with torch.no_grad():
                change_gradients(list(network.parameters()))
            optimizer.step()
            with torch.no_grad():
                after_step(list(network.parameters()))
    return network


def assert_same_weights(net, network):
    for ours, theirs in zip(net.module_.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_l1_adds_the_signs_of_the_weights(data):
    def add_signs(weights):
        for weight in weights:
            weight.grad += 0.01 * torch.sign(weight)

    assert_same_weights(train(data, l1=0.01), by_hand(data, add_signs))


def test_clipping_by_value_comes_before_clipping_by_norm(data):
    def clip(weights):
        for weight in weights:
            weight.grad.clamp_(-0.02, 0.02)

    def clip_twice(weights):
        clip(weights)
        nn.utils.clip_grad_norm_(weights, 0.05)

    assert_same_weights(train(data, gradient_clip_value=0.02), by_hand(data, clip))
    assert_same_weights(train(data, gradient_clip_value=0.02, gradient_clip=0.05), by_hand(data, clip_twice))


def test_moving_average_of_the_weights(data):
    averages = [weight.detach().clone() for weight in module().parameters()]
    steps = []

    def average(weights):
        steps.append(0)
        decay = min(0.8, (1 + len(steps)) / (10 + len(steps)))
        for mean, weight in zip(averages, weights, strict=True):
            mean.lerp_(weight, 1.0 - decay)

    last = by_hand(data, after_step=average)
    net = train(data, ema_decay=0.8)
    for ours, theirs, raw in zip(net.module_.parameters(), averages, last.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
        assert not torch.allclose(ours, raw, rtol=1e-3)


def test_the_average_is_validated_and_kept_but_not_trained_on(data):
    noise = TensorData(data.inputs, data.target[torch.randperm(N, generator=torch.Generator().manual_seed(1))])
    net = train(data, valid=noise, ema_decay=0.9, patience=3, max_epochs=200)
    losses = net.history[:, "valid_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 3
    with torch.no_grad():
        kept = nn.functional.cross_entropy(net.module_.eval()(noise.inputs[0]), noise.target).item()
    assert kept == pytest.approx(losses[best], rel=1e-6)
    # Training itself is that of a net without an average.
    plain = train(data, max_epochs=len(losses))
    np.testing.assert_array_equal(net.history[:, "train_loss"], plain.history[:, "train_loss"])


def rates_of(data, *, lr=RATE, **changes):
    rates = []

    class Watch(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            rates.append(net.optimizer_.param_groups[0]["lr"])

    net = train(data, callbacks=[Watch()], lr=lr, **changes)
    assert net.optimizer_.param_groups[0]["lr"] == lr
    return np.array(rates) / lr, net


@pytest.mark.parametrize("schedule", [None, *SCHEDULES])
def test_warm_up_goes_with_every_schedule(data, schedule):
    rates, _ = rates_of(data, schedule=schedule, warmup_epochs=1.5)
    n_steps, n_warmup = EPOCHS * 5, 8  # 1.5 epochs of 5 batches
    factors = [1.0 if schedule is None else SCHEDULES[schedule](step / n_steps) for step in range(n_steps)]
    expected = [factor * min(1.0, (step + 1) / n_warmup) for step, factor in enumerate(factors)]
    np.testing.assert_allclose(rates, expected)


@pytest.mark.parametrize("held_out", [False, True])
def test_plateau_is_torchs(data, held_out):
    noise = TensorData(data.inputs, data.target[torch.randperm(N, generator=torch.Generator().manual_seed(1))])
    # At a rate as large as this the loss of labels without a pattern rises and falls.
    rates, net = rates_of(noise, valid=data if held_out else None, schedule="plateau", max_epochs=60, lr=0.5)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(()))], lr=1.0)
    reference = ReduceLROnPlateau(optimizer, factor=0.1, patience=4, threshold=0.0, eps=0.0)
    expected = []
    for loss in net.history[:, "valid_loss" if held_out else "train_loss"]:
        expected += [optimizer.param_groups[0]["lr"]] * 5
        reference.step(loss)
    np.testing.assert_allclose(rates, expected)
    assert rates[-1] < 0.5


def test_judgement_of_one_and_of_many():
    assert judge(0.5, 1.0, 3, 0, 3) == (True, False)
    assert judge(1.0, 1.0, 3, 0, 3) == (False, True)
    assert judge(1.0, 1.0, 2, 0, 3) == (False, False)
    better, over = judge(np.array([0.5, 1.0, 1.0]), np.ones(3), 3, np.array([0, 0, 1]), np.array([3, 3, 3]))
    np.testing.assert_array_equal(better, [True, False, False])
    np.testing.assert_array_equal(over, [False, True, False])
