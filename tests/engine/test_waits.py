"""No step of a training waits for the device: none fetches a number from it, and none sends one.

A tensor on torch's "meta" device has a shape and no numbers. To fetch one raises, and what is sent there is counted.
"""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from skdl.engine import TensorData, TrainingPlan, make_net
from skdl.engine.stacked_rows import StackedRows
from skdl.engine.stacked_steps import StackedSteps
from skdl.nn import MLP, Augmentation, StackedMLP
from skdl.nn.cnn import ARCHITECTURES

META = torch.device("meta")


class Sent(TorchDispatchMode):
    """Counts what goes from the host to the device."""

    def __init__(self):
        super().__init__()
        self.count = 0
        self._tensor = torch.tensor

    def __enter__(self):
        torch.tensor = self._from_list  # which tells nobody what it does
        return super().__enter__()

    def __exit__(self, *error):
        torch.tensor = self._tensor
        return super().__exit__(*error)

    def _from_list(self, data, **options):
        made = self._tensor(data, **options)
        self.count += made.device == META and made.ndim > 0
        return made

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        from_host = any(isinstance(one, torch.Tensor) and one.device.type == "cpu" and one.ndim for one in args)
        self.count += from_host and isinstance(out, torch.Tensor) and out.device == META
        return out


def perceptron(seed=0):
    return MLP(20, [], 3, hidden_layer_sizes=(32, 16), dropout=0.2, seed=seed)


def plan(seed=0, **settings):
    return TrainingPlan("classification", seed, META, batch_size=32, max_epochs=5, **settings)


SETTINGS = [
    {},
    {"schedule": "cosine", "weight_decay": 0.01},
    {"optimizer": "sgd", "schedule": "step", "gradient_clip": 1.0},
]


def test_what_is_counted():
    with Sent() as sent:
        torch.as_tensor(np.ones(3), device=META)
        torch.tensor([1.0, 2.0], device=META)
        assert sent.count == 2
        torch.ones(3, device=META) * 2.0
    assert sent.count == 2
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        torch.ones(3, device=META).sum().item()


@pytest.mark.parametrize("settings", SETTINGS)
def test_steps_of_a_stack(settings):
    plans = [plan(seed, **settings) for seed in range(4)]
    stack = StackedMLP([perceptron(one.seed) for one in plans], META)
    data = TensorData((torch.empty(320, 20, device=META),), torch.empty(320, dtype=torch.int64, device=META))
    rows = StackedRows([data, data], [(seed % 2, seed) for seed in range(4)], 32)
    steps, criterion = StackedSteps(stack, plans, 10), plans[0].make_loss()
    sent_by = []
    for number, (_, inputs, target, scale) in enumerate(rows.batches(0)):
        with Sent() as sent:
            stack.differentiate(inputs, target, scale, criterion)
            steps.take(number)
        sent_by.append(sent.count)
    assert sent_by[1:] == [0] * 9
    # The first step sends what the others need: the keys of two dropouts, and the rates of the epoch.
    assert sent_by[0] == 2 + ("schedule" in settings)


NETWORKS = {
    "perceptron": (perceptron, (20,)),
    "lenet": (lambda: ARCHITECTURES["lenet"](1, (28, 28), 3), (1, 28, 28)),
    "resnet18": (lambda: ARCHITECTURES["resnet18"](3, (32, 32), 3), (3, 32, 32)),
    "augmented": (
        lambda: torch.nn.Sequential(
            Augmentation(["flip", "crop", "rotation", "color", "noise", "cutout"], 0),
            ARCHITECTURES["lenet"](3, (32, 32), 3),
        ),
        (3, 32, 32),
    ),
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", NETWORKS)
def test_steps_of_one_network(name, settings):
    build, shape = NETWORKS[name]
    data = TensorData((torch.empty(96, *shape, device=META),), torch.empty(96, dtype=torch.int64, device=META))
    net = make_net(build(), plan(**settings), n_rows=96).initialize()
    net.scaler_ = net.average_ = None
    net.notify("on_train_begin", X=data, y=None)
    batches = list(net.get_iterator(data, training=True))
    net._set_training(True)
    for batch in batches:
        with Sent() as sent:
            net.train_step(batch)
        assert sent.count == 0
