"""What tables go through: initial weights by name, normalisation, residual blocks, embeddings of numbers."""

import numpy as np
import pytest
import torch
from torch import nn

from skdl.nn import MLP, PeriodicEmbedding, PiecewiseLinearEncoding, initialize
from skdl.nn.init import WEIGHT_RULES


@pytest.mark.parametrize(
    ("rule", "variance", "bound"),
    [
        ("xavier_uniform", 2 / 700, (6 / 700) ** 0.5),
        ("xavier_normal", 2 / 700, None),
        ("kaiming_uniform", 2 / 300, (6 / 300) ** 0.5),
        ("kaiming_normal", 2 / 300, None),
        ("lecun_uniform", 1 / 300, (3 / 300) ** 0.5),
        ("lecun_normal", 1 / 300, None),
    ],
)
def test_rules_have_the_variance_of_their_papers(rule, variance, bound):
    weight = initialize(nn.Linear(300, 400), 0, rule).weight.detach()
    assert weight.var().item() == pytest.approx(variance, rel=0.015)  # 120,000 draws: five standard deviations
    assert abs(weight.mean().item()) < 5 * (variance / 120_000) ** 0.5
    if bound is not None:
        assert 0.999 * bound < weight.abs().max().item() <= bound
    else:
        assert weight.abs().max().item() > 3.5 * variance**0.5


@pytest.mark.parametrize(("rule", "fan"), [("kaiming_normal", 16 * 9), ("xavier_normal", (16 + 64) * 9 / 2)])
def test_fans_of_convolutions_count_the_places_of_the_kernel(rule, fan):
    weight = initialize(nn.Conv2d(16, 64, 3), 0, rule).weight
    gain = 2 if rule == "kaiming_normal" else 1
    assert weight.var().item() == pytest.approx(gain / fan, rel=0.08)


@pytest.mark.parametrize("shape", [(30, 70), (70, 30), (40, 40)])
def test_orthogonal_weights_are_orthonormal_and_without_preferred_signs(shape):
    weight = initialize(nn.Linear(*shape), 0, "orthogonal").weight.detach().double()
    smaller = weight @ weight.T if weight.shape[0] <= weight.shape[1] else weight.T @ weight
    torch.testing.assert_close(smaller, torch.eye(len(smaller), dtype=torch.float64), atol=1e-6, rtol=0)
    first = [initialize(nn.Linear(2, 2), seed, "orthogonal").weight[0, 0].item() for seed in range(40)]
    assert 8 < sum(value > 0 for value in first) < 32


@pytest.mark.parametrize("rule", WEIGHT_RULES)
def test_every_rule_is_decided_by_the_seed(rule):
    def draw(seed):
        return initialize(nn.Sequential(nn.Linear(5, 4), nn.Conv1d(4, 3, 3)), seed, rule).state_dict()

    torch.manual_seed(0)
    one = draw(1)
    torch.manual_seed(1)
    assert all(torch.equal(value, one[name]) for name, value in draw(1).items())
    assert not torch.equal(draw(2)["0.weight"], one["0.weight"])
    assert rule == "auto" or not one["0.bias"].any()


def _names(module):
    return [type(layer).__name__ for layer in module.layers]


def test_normalisation_stands_before_each_activation():
    module = MLP(3, [], 2, hidden_layer_sizes=[5, 4], normalization="batch", dropout=0.1)
    block = ["Linear", "BatchNorm1d", "ReLU", "StreamDropout"]
    assert _names(module) == [*block, *block, "Linear"]
    module = initialize(MLP(3, [], 2, hidden_layer_sizes=[5], normalization="layer", activation="tanh"), 0)
    x = torch.randn(6, 3)
    first, norm, _, last = module.layers
    hidden = x @ first.weight.T + first.bias
    z = (hidden - hidden.mean(1, keepdim=True)) / (hidden.var(1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    torch.testing.assert_close(module(x), torch.tanh(z) @ last.weight.T + last.bias)


def test_residual_network_is_the_formula_of_its_paper():
    sizes = [6, 9]
    module = initialize(MLP(4, [], 3, hidden_layer_sizes=sizes, normalization="batch", residual=True, dropout=0.2), 0)
    x = torch.randn(50, 4)
    module(x)  # moves the statistics away from 0 and 1
    module.eval()
    first, *blocks, norm, _, last = module.layers

    def normal(layer, values):
        scaled = (values - layer.running_mean) / (layer.running_var + layer.eps).sqrt()
        return scaled * layer.weight + layer.bias

    hidden = x @ first.weight.T + first.bias
    assert len(blocks) == 2
    for block, size in zip(blocks, sizes, strict=True):
        head, into, _, _, back, _ = block.branch
        assert into.weight.shape == (size, 6)
        inner = torch.relu(normal(head, hidden) @ into.weight.T + into.bias)
        hidden = hidden + inner @ back.weight.T + back.bias
    expected = torch.relu(normal(norm, hidden)) @ last.weight.T + last.bias
    torch.testing.assert_close(module(x), expected)


def test_residual_dropouts_have_masks_of_their_own():
    module = MLP(4, [], 3, hidden_layer_sizes=[6, 6], residual=True, dropout=0.2, seed=3)
    layers = [layer.layer for layer in module.modules() if type(layer).__name__ == "StreamDropout"]
    assert layers == [0, 1, 2, 3]


def test_which_networks_are_plain():
    assert MLP(3, [4], 2, hidden_layer_sizes=[5], dropout=0.1, activation="mish").is_plain
    assert not MLP(3, [], 2, hidden_layer_sizes=[5], normalization="layer").is_plain
    assert not MLP(3, [], 2, hidden_layer_sizes=[5], residual=True).is_plain
    assert not MLP(3, [], 2, hidden_layer_sizes=[5], numeric_embedding=PeriodicEmbedding(3), n_embedded=3).is_plain


def test_periodic_embedding_is_the_formula_of_its_paper():
    layer = PeriodicEmbedding(3, width=4, n_frequencies=5, scale=2.0)
    layer.draw_weights(7, 0)
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    frequency, weight, bias = (value.detach().numpy() for value in (layer.frequency, layer.weight, layer.bias))
    expected = np.empty((6, 3, 4))
    for row in range(6):
        for column in range(3):
            angle = 2 * np.pi * frequency[column] * x[row, column]
            waves = np.concatenate([np.sin(angle), np.cos(angle)])
            expected[row, column] = np.maximum(waves @ weight[column] + bias[column], 0)
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach(), expected.reshape(6, 12), rtol=1e-4, atol=1e-5)
    assert layer.n_values == 12


def test_periodic_embedding_draws_from_its_streams():
    def build(seed):
        return initialize(nn.Sequential(PeriodicEmbedding(40, n_frequencies=50, scale=0.3)), seed)[0]

    torch.manual_seed(0)
    one = build(1)
    torch.manual_seed(1)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), build(1).parameters(), strict=True))
    assert not torch.equal(build(2).frequency, one.frequency)
    assert one.frequency.std().item() == pytest.approx(0.3, rel=0.06)
    assert one.weight.abs().max().item() <= 0.1  # a linear layer of 100 inputs


def _encode_naively(x, edges):
    """Equation (1) of the paper, value by value."""
    encoded = []
    for value, own in zip(x, edges, strict=True):
        n_bins = len(own) - 1
        for t in range(1, n_bins + 1):
            low, high = own[t - 1], own[t]
            if value < low and t > 1:
                encoded.append(0.0)
            elif value >= high and t < n_bins:
                encoded.append(1.0)
            else:
                encoded.append((value - low) / (high - low))
    return encoded


def test_piecewise_linear_encoding_is_the_formula_of_its_paper():
    rng = np.random.default_rng(0)
    edges = [np.sort(rng.normal(size=6)), np.array([-1.0, 0.5, 2.0]), np.sort(rng.normal(size=4))]
    x = rng.normal(size=(200, 3)).astype(np.float32) * 2  # many values lie outside
    x[:6, 0] = edges[0]
    encoded = PiecewiseLinearEncoding(edges)(torch.from_numpy(x))
    expected = np.array([_encode_naively(row, [e.astype(np.float32) for e in edges]) for row in x])
    np.testing.assert_allclose(encoded, expected, rtol=2e-5, atol=2e-5)


def test_columns_of_one_bin_stay_as_they_are():
    x = torch.randn(5, 3)
    edges = [np.array([2.0]), np.array([0.0, 1.0, 2.0]), np.array([-3.0, 5.0])]
    encoded = PiecewiseLinearEncoding(edges)(x)
    assert encoded.shape == (5, 4)
    assert torch.equal(encoded[:, [0, 3]], x[:, [0, 2]])


def test_embedded_columns_come_first_and_the_others_pass_by():
    module = MLP(3, [], 2, hidden_layer_sizes=[], numeric_embedding=PeriodicEmbedding(2, width=4), n_embedded=2)
    x = torch.randn(5, 3)
    table = torch.cat([module.numeric_embedding(x[:, :2]), x[:, 2:]], dim=1)
    torch.testing.assert_close(module(x), module.layers(table))
    assert module.layers[0].in_features == 9
