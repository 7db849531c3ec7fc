"""Layers, initial weights and losses against closed forms."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from skdl.nn import MLP, Loss, StreamDropout, initialize
from skdl.nn.mlp import embedding_size


def test_dropout_zeroes_the_asked_part_and_scales_the_rest():
    layer = StreamDropout(0.3, seed=1, layer=0)
    out = layer(torch.ones(400, 500))
    assert (out == 0).float().mean().item() == pytest.approx(0.3, abs=0.005)  # 5 standard deviations are 0.005
    assert out.max().item() == pytest.approx(1 / 0.7)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)


def test_dropout_masks_depend_on_seed_layer_and_step_alone():
    x = torch.ones(8, 16)
    torch.manual_seed(0)
    one = StreamDropout(0.5, seed=1, layer=0)
    first, second = one(x), one(x)
    torch.manual_seed(9)
    again = StreamDropout(0.5, seed=1, layer=0)
    assert torch.equal(again(x), first)
    assert not torch.equal(first, second)
    assert not torch.equal(StreamDropout(0.5, seed=2, layer=0)(x), first)
    assert not torch.equal(StreamDropout(0.5, seed=1, layer=1)(x), first)
    resumed = StreamDropout(0.5, seed=1, layer=0)
    resumed.load_state_dict(again.state_dict())
    assert torch.equal(resumed(x), second)


def test_dropout_does_nothing_when_predicting():
    x = torch.randn(4, 5)
    assert torch.equal(StreamDropout(0.9, 0, 0).eval()(x), x)
    assert torch.equal(StreamDropout(0.0, 0, 0)(x), x)


def test_initial_weights_have_the_stated_distribution():
    module = initialize(
        nn.ModuleDict({"linear": nn.Linear(100, 5000), "embedding": nn.Embedding(5000, 50, padding_idx=0)}), 0
    )
    weight = module["linear"].weight
    assert weight.abs().max().item() <= 0.1
    assert weight.var().item() == pytest.approx(0.2**2 / 12, rel=0.01)
    assert module["linear"].bias.abs().max().item() <= 0.1
    embedding = module["embedding"].weight
    assert embedding[1:].var().item() == pytest.approx(1.0, rel=0.02)
    assert not embedding[0].any()


def test_initial_weights_depend_on_seed_and_name_alone():
    def build(seed, extra=False):
        layers = {"a": nn.Linear(3, 4)} | ({"b": nn.Linear(4, 4)} if extra else {})
        return initialize(nn.ModuleDict(layers), seed)["a"].weight

    torch.manual_seed(0)
    weight = build(1)
    torch.manual_seed(1)
    assert torch.equal(build(1), weight)
    assert torch.equal(build(1, extra=True), weight)
    assert not torch.equal(build(2), weight)


def test_losses_by_hand():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5]])
    target = torch.tensor([0, 2])
    each = [math.log(math.exp(2) + 1 + math.exp(-1)) - 2, math.log(3)]
    weight = torch.tensor([0.5, 1.5])
    assert Loss("cross_entropy")(logits, target).item() == pytest.approx(np.mean(each))
    assert Loss("cross_entropy")(logits, target, weight).item() == pytest.approx((0.5 * each[0] + 1.5 * each[1]) / 2)

    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    pairs = torch.tensor([[1.0, -2.0], [3.0, 0.0]])
    softplus = [[math.log1p(math.exp(-1)), math.log1p(math.exp(-2))], [math.log1p(math.exp(3)), math.log(2)]]
    each = np.mean(softplus, axis=1)
    assert Loss("binary_cross_entropy")(pairs, labels).item() == pytest.approx(each.mean())
    assert Loss("binary_cross_entropy")(pairs, labels, weight).item() == pytest.approx(
        (0.5 * each[0] + 1.5 * each[1]) / 2
    )

    each = np.mean((pairs - labels).numpy() ** 2, axis=1)
    assert Loss("squared_error")(pairs, labels).item() == pytest.approx(each.mean())
    assert Loss("squared_error")(pairs, labels, weight).item() == pytest.approx((0.5 * each[0] + 1.5 * each[1]) / 2)


def test_mlp_is_the_composition_of_its_layers():
    module = initialize(MLP(3, [4], 2, hidden_layer_sizes=[5], activation="tanh"), seed=0)
    numeric, codes = torch.randn(6, 3), torch.tensor([[0], [1], [2], [3], [4], [1]])
    table = torch.cat([numeric, module.embeddings[0].weight[codes[:, 0]]], dim=1)
    first, _, last = module.layers
    expected = torch.tanh(table @ first.weight.T + first.bias) @ last.weight.T + last.bias
    torch.testing.assert_close(module(numeric, codes), expected)
    assert sum(p.numel() for p in module.parameters()) == 5 * embedding_size(4) + (3 + embedding_size(4) + 1) * 5 + 12


def test_mlp_without_hidden_layers_is_linear():
    module = initialize(MLP(3, [], 2, hidden_layer_sizes=[]), seed=0)
    x = torch.randn(4, 3)
    torch.testing.assert_close(module(x) + module(-x), 2 * module(torch.zeros(4, 3)))
