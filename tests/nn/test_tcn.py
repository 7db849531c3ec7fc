"""Temporal convolutions: nothing of the future, all of the receptive field, the paper's convolutions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skdl.nn.dropout import StreamDropout
from skdl.nn.init import initialize
from skdl.nn.tcn import CausalConv, TemporalBlock, TemporalConvolutions, levels_to_cover, receptive_field


def body(width=2, channels=6, num_levels=3, **settings):
    torch.manual_seed(0)
    return initialize(TemporalConvolutions(width, channels, num_levels, **settings), 0)


def whole(n, t):
    return torch.full((n,), t)


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
@pytest.mark.parametrize("changed", [0, 11, 29])
def test_a_change_alters_no_bit_of_the_past(kernel_size, changed):
    layers = body(kernel_size=kernel_size)
    x = torch.randn(4, 30, 2)
    other = x.clone()
    other[:, changed:] = 100.0
    before, after = layers(x, whole(4, 30)), layers(other, whole(4, 30))
    assert torch.equal(before[:, :changed], after[:, :changed])
    assert not torch.equal(before[:, changed], after[:, changed])


@pytest.mark.parametrize(("num_levels", "kernel_size"), [(1, 2), (1, 3), (2, 3), (3, 2), (3, 5)])
def test_receptive_field(num_levels, kernel_size):
    field = receptive_field(num_levels, kernel_size)
    assert field == 1 + sum(2 * (kernel_size - 1) * 2**level for level in range(num_levels))
    layers = body(num_levels=num_levels, kernel_size=kernel_size).double()
    with torch.no_grad():  # no rectifier stands in the way of a gradient
        for weight in layers.parameters():
            weight.abs_()
    x = torch.rand(1, field + 10, 2, dtype=torch.double, requires_grad=True)
    layers(x, whole(1, field + 10))[0, -1].sum().backward()
    seen = x.grad.abs().sum(dim=(0, 2)) > 0
    assert not seen[:10].any()
    assert seen[10:].all()


@pytest.mark.parametrize("kernel_size", [2, 3, 7])
@pytest.mark.parametrize("n_steps", [1, 2, 5, 6, 29, 150, 427])
def test_levels_cover_the_length(n_steps, kernel_size):
    levels = levels_to_cover(n_steps, kernel_size)
    assert receptive_field(levels, kernel_size) >= n_steps
    assert levels == 1 or receptive_field(levels - 1, kernel_size) < n_steps


def test_a_convolution_is_the_sum_over_the_steps_it_looks_back_at():
    torch.manual_seed(0)
    conv = CausalConv(3, 4, kernel_size=3, dilation=2).double()
    x = torch.randn(2, 12, 3, dtype=torch.double)
    direction = conv.direction.weight.detach().numpy()
    norms = np.sqrt((direction**2).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(conv.length.detach(), np.sqrt(2), rtol=1e-7)
    weight = conv.length.detach().numpy() * direction / norms
    padded = np.concatenate([np.zeros((2, 4, 3)), x.numpy()], axis=1)
    expected = sum(padded[:, 2 * k : 2 * k + 12] @ weight[:, 3 * k : 3 * k + 3].T for k in range(3))
    expected += conv.direction.bias.detach().numpy()
    np.testing.assert_allclose(conv(x).detach().numpy(), expected, rtol=1e-9)
    conv.direction.weight.data *= 7.0
    np.testing.assert_allclose(conv(x).detach().numpy(), expected, rtol=1e-9)


def test_weight_normalisation_is_torchs():
    torch.manual_seed(0)
    conv = CausalConv(3, 4, kernel_size=2, dilation=1)
    theirs = torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv1d(3, 4, 2))
    theirs.parametrizations.weight.original0.data = conv.length.data[:, :, None]
    theirs.parametrizations.weight.original1.data = conv.direction.weight.data.view(4, 2, 3).transpose(1, 2)
    theirs.bias.data = conv.direction.bias.data
    x = torch.randn(2, 9, 3)
    torch.testing.assert_close(conv(x)[:, 1:], theirs(x.transpose(1, 2)).transpose(1, 2))
    assert sum(w.numel() for w in conv.parameters()) == sum(w.numel() for w in theirs.parameters())


@pytest.mark.parametrize(("inside", "outside"), [(5, 5), (2, 5)])
def test_a_block_adds_what_it_was_given(inside, outside):
    torch.manual_seed(0)
    block = TemporalBlock(inside, outside, 3, 2, 0.0, 0, 0)
    x = torch.randn(2, 10, inside)
    path = F.relu(block.second(F.relu(block.first(x))))
    torch.testing.assert_close(block(x), F.relu(path + (x if inside == outside else block.skip(x))))


@pytest.mark.parametrize(
    ("width", "channels", "num_levels", "kernel_size"), [(1, 25, 8, 7), (2, 30, 8, 7), (88, 150, 4, 5)]
)
def test_number_of_parameters(width, channels, num_levels, kernel_size):
    """The closed form; at the paper's sizes for sequential MNIST, the adding problem and Nottingham."""
    layers = TemporalConvolutions(width, channels, num_levels, kernel_size=kernel_size)
    inputs = [width] + [channels] * (num_levels - 1)
    per_conv = sum(
        (i + channels) * channels * kernel_size + 2 * 2 * channels for i in inputs
    )  # weights, lengths, biases
    skip = (width + 1) * channels * (width != channels)
    assert sum(weight.numel() for weight in layers.parameters()) == per_conv + skip


def test_dilations_double_and_dropouts_differ():
    layers = body(num_levels=4, dropout=0.3)
    assert [block.first.delays for block in layers.blocks] == [[2, 1, 0], [4, 2, 0], [8, 4, 0], [16, 8, 0]]
    assert [block.second.delays for block in layers.blocks] == [block.first.delays for block in layers.blocks]
    dropouts = [layer.layer for layer in layers.modules() if isinstance(layer, StreamDropout)]
    assert sorted(dropouts) == list(range(8))


def test_the_variance_is_kept_through_the_levels():
    layers = body(width=64, channels=64, num_levels=1)
    x = torch.randn(8, 500, 64)
    first = layers.blocks[0].first(x)
    assert first.var().item() == pytest.approx(2.0, rel=0.2)
    assert layers.blocks[0].second(torch.relu(first)).var().item() == pytest.approx(2.0, rel=0.4)
