"""The order of layers, how far from the output they are, and networks without their heads."""

import torch
from torch import nn

from skdl.nn import MLP
from skdl.nn.anatomy import Body, called_layers, heights


class Backwards(nn.Module):
    """Layers that are made in another order than they are called in; one of them never is."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(6, 2)
        self.unused = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(6)
        self.first = nn.Sequential(nn.Linear(4, 6), nn.ReLU())

    def forward(self, x):
        return self.head(self.norm(self.first(x)))


def test_layers_come_in_the_order_of_their_calls():
    module = Backwards()
    assert called_layers(module, (torch.ones(1, 4),)) == ["first.0", "norm", "head"]
    assert module.training
    assert module.norm.training
    assert module.norm.num_batches_tracked == 0


def test_heights_are_counted_from_the_head():
    module = Backwards()
    levels = heights(module, called_layers(module, (torch.ones(1, 4),)))
    assert {name: levels[f"{name}.weight"] for name in ("first.0", "norm", "head")} == {
        "first.0": 1,
        "norm": 1,
        "head": 0,
    }
    assert set(levels) == {name for name, _ in module.named_parameters()}


def test_embeddings_beside_each_other_are_one_layer():
    module = MLP(2, [3, 4], 2, hidden_layer_sizes=[5, 5])
    levels = heights(module, called_layers(module, (torch.ones(1, 2), torch.ones(1, 2, dtype=torch.int64))))
    assert levels["embeddings.0.weight"] == levels["embeddings.1.weight"] == 3
    assert [levels[f"layers.{place}.bias"] for place in (0, 2, 4)] == [2, 1, 0]


def test_a_module_without_layers_is_its_own_head():
    linear = nn.Linear(3, 2)
    assert called_layers(linear, (torch.ones(1, 3),)) == [""]
    x = torch.randn(4, 3)
    assert torch.equal(Body(linear, "")(x), x)


def test_a_body_is_what_the_head_reads():
    module = Backwards().eval()
    x = torch.randn(5, 4)
    assert torch.equal(Body(module, "head")(x), module.norm(module.first(x)))
    torch.testing.assert_close(module.head(Body(module, "head")(x)), module(x))
    assert not module.head._forward_pre_hooks


def test_places_are_averaged():
    maps = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    x = torch.randn(4, 1, 6, 6)
    torch.testing.assert_close(Body(maps, "1")(x), maps[0](x).mean(dim=(2, 3)))
    steps = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    x = torch.randn(4, 7, 3)
    torch.testing.assert_close(Body(steps, "1")(x), steps[0](x).mean(dim=1))
