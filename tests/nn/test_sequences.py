"""Recurrent layers against torch's, poolings against closed forms, and padding that reaches nothing."""

import numpy as np
import pytest
import torch
from torch import nn

from skdl.nn.pooling import POOLINGS, Pooling, step_mask
from skdl.nn.recurrent import CELLS, Recurrent, reverse_steps
from skdl.nn.sequences import Frames, SequenceNetwork


def torchs(body, cell, width, hidden, num_layers, bidirectional):
    """torch's own layers with the weights of ours."""
    reference = CELLS[cell](width, hidden, num_layers, batch_first=True, bidirectional=bidirectional)
    state = {}
    for part, suffix in (("ahead", ""), ("behind", "_reverse")):
        for layer, own in enumerate(getattr(body, part)):
            state |= {name.replace("_l0", f"_l{layer}{suffix}"): value for name, value in own.state_dict().items()}
    reference.load_state_dict(state)
    return reference


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("num_layers", "bidirectional"), [(1, False), (1, True), (3, False), (2, True)])
def test_recurrent_is_torchs(cell, num_layers, bidirectional):
    body = Recurrent(3, 5, cell=cell, num_layers=num_layers, bidirectional=bidirectional, seed=1)
    reference = torchs(body, cell, 3, 5, num_layers, bidirectional)
    assert sum(w.numel() for w in body.parameters()) == sum(w.numel() for w in reference.parameters())
    steps, lengths = torch.randn(4, 7, 3, generator=torch.Generator().manual_seed(0)), torch.full((4,), 7)
    expected, _ = reference(steps)
    torch.testing.assert_close(body(steps, lengths), expected, rtol=1e-5, atol=1e-6)
    assert body.width == expected.shape[2]


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_over_padding_is_torchs_over_packed_sequences(cell):
    body = Recurrent(2, 4, cell=cell, num_layers=2, bidirectional=True, seed=1)
    reference = torchs(body, cell, 2, 4, 2, True)
    lengths = torch.tensor([5, 1, 7, 3])
    steps = torch.randn(4, 7, 2, generator=torch.Generator().manual_seed(0))
    packed = nn.utils.rnn.pack_padded_sequence(steps, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    real = step_mask(lengths, 7)
    torch.testing.assert_close(body(steps, lengths)[real], expected[real], rtol=1e-5, atol=1e-6)


def test_weights_of_recurrent_layers_come_from_the_seed():
    torch.manual_seed(0)
    one = Recurrent(3, 16, num_layers=2, bidirectional=True, seed=4)
    torch.manual_seed(1)
    same, other = Recurrent(3, 16, num_layers=2, bidirectional=True, seed=4), Recurrent(3, 16, num_layers=2, seed=5)
    for (name, weights), (_, twin) in zip(one.named_parameters(), same.named_parameters(), strict=True):
        assert torch.equal(weights, twin)
        assert weights.abs().max() <= 0.25  # 1 / sqrt(16)
        assert weights.ndim == 1 or weights.std().item() == pytest.approx(0.25 / 3**0.5, rel=0.1), name
    assert not torch.equal(one.ahead[0].weight_hh_l0, other.ahead[0].weight_hh_l0)
    assert not torch.equal(one.ahead[0].weight_hh_l0, one.behind[0].weight_hh_l0)


def test_sequences_are_turned_round_within_their_lengths():
    steps = torch.arange(10.0).view(2, 5, 1)
    turned = reverse_steps(steps, torch.tensor([3, 5]))
    assert turned[:, :, 0].tolist() == [[2, 1, 0, 3, 4], [9, 8, 7, 6, 5]]
    assert torch.equal(reverse_steps(turned, torch.tensor([3, 5])), steps)


@pytest.mark.parametrize("kind", POOLINGS)
def test_poolings(kind):
    lengths = torch.tensor([4, 1, 6])
    steps = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0))
    pooling = Pooling(kind, 4)
    for row, length in enumerate(lengths):
        real = steps[row, :length]
        if kind == "attention":
            scores = pooling.query(torch.tanh(pooling.key(real)))[:, 0].exp()
            expected = scores / scores.sum() @ real
        else:
            expected = {"last": real[-1], "mean": real.mean(dim=0), "max": real.max(dim=0).values}[kind]
        torch.testing.assert_close(pooling(steps, lengths)[row], expected)


def test_the_last_state_of_a_backward_half_is_at_the_first_step():
    steps = torch.randn(2, 6, 4)
    pooled = Pooling("last", 4, bidirectional=True)(steps, torch.tensor([3, 6]))
    assert torch.equal(pooled[0], torch.cat([steps[0, 2, :2], steps[0, 0, 2:]]))
    assert torch.equal(pooled[1], torch.cat([steps[1, 5, :2], steps[1, 0, 2:]]))


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize("cell", CELLS)
def test_what_stands_in_the_padding_reaches_neither_outputs_nor_gradients(kind, cell):
    lengths = torch.tensor([4, 2, 6])
    body = Recurrent(3, 5, cell=cell, num_layers=2, bidirectional=True)
    network = SequenceNetwork(body, 2, pooling=kind, bidirectional=True)
    steps = torch.randn(3, 6, 3, generator=torch.Generator().manual_seed(0))
    wild = torch.where(step_mask(lengths, 6).unsqueeze(2), steps, 1e3).requires_grad_()
    output = network(wild, lengths)
    assert torch.equal(output, network(steps, lengths))
    output.sum().backward()
    np.testing.assert_array_equal(wild.grad.abs().sum(dim=2).numpy() > 0, step_mask(lengths, 6).numpy())


def test_dropout_acts_while_training_alone():
    body = Recurrent(3, 8, num_layers=2, dropout=0.5)
    network = SequenceNetwork(body, 2, pooling="max", embedding=nn.Embedding(6, 3, padding_idx=0), dropout=0.5)
    codes, lengths = torch.tensor([[2, 3, 4], [5, 1, 0]]), torch.tensor([3, 2])
    network.eval()
    assert torch.equal(network(codes, lengths), network(codes, lengths))
    network.train()
    assert not torch.equal(network(codes, lengths), network(codes, lengths))
    assert len({layer.layer for layer in network.modules() if hasattr(layer, "layer")}) == 3


def test_dropout_leaves_out_whole_tokens():
    class Seen(nn.Module):
        width = 3

        def forward(self, steps, lengths):
            self.steps = steps
            return steps

    body, embedding = Seen(), nn.Embedding(60, 3)
    network = SequenceNetwork(body, 2, pooling="mean", embedding=embedding, dropout=0.25)
    codes, lengths = torch.arange(60).view(2, 30), torch.tensor([30, 30])
    network.train()(codes, lengths)
    kept = body.steps.abs().sum(dim=2) > 0
    assert 30 < int(kept.sum()) < 60
    torch.testing.assert_close(body.steps, embedding(codes) * kept[:, :, None] / 0.75)
    network.eval()(codes, lengths)
    assert torch.equal(body.steps, embedding(codes))


@pytest.mark.parametrize(("length", "hop"), [(2, 1), (5, 1), (9, 2), (16, 4)])
def test_frames_are_pieces_of_the_series(length, hop):
    steps = torch.randn(3, 21, 2, generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([21, 1, 11])
    frames, n_frames = Frames(length)(steps, lengths)
    assert frames.shape == (3, -(-21 // hop), 2 * length)
    assert n_frames.tolist() == [-(-21 // hop), 1, -(-11 // hop)]
    before = (length - hop) // 2
    wide = torch.cat([torch.zeros(3, before, 2), steps, torch.zeros(3, length, 2)], dim=1)
    for place in range(frames.shape[1]):
        expected = wide[:, place * hop : place * hop + length].reshape(3, -1)
        torch.testing.assert_close(frames[:, place], expected, rtol=0, atol=0)
