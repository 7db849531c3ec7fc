"""Self-attention against a softmax by hand, places against their closed form, and masks that let nothing through."""

import numpy as np
import pytest
import torch

from skdl.nn.attention import EncoderLayer, SelfAttention, TransformerEncoder, positional_encoding
from skdl.nn.dropout import StreamDropout
from skdl.nn.pooling import step_mask


@pytest.mark.parametrize(("n_steps", "width"), [(1, 2), (7, 4), (50, 16), (9, 5)])
def test_positional_encoding(n_steps, width):
    expected = np.empty((n_steps, width))
    for position in range(n_steps):
        for column in range(width):
            angle = position / 10000 ** (2 * (column // 2) / width)
            expected[position, column] = np.sin(angle) if column % 2 == 0 else np.cos(angle)
    encoding = positional_encoding(n_steps, width)
    assert encoding.dtype == torch.float32
    np.testing.assert_allclose(encoding.numpy(), expected, atol=1e-7)


@pytest.mark.parametrize("n_heads", [1, 2, 4])
def test_attention_is_a_softmax_by_hand(n_heads):
    torch.manual_seed(0)
    width, lengths = 8, [5, 1, 3]
    attention = SelfAttention(width, n_heads).double()
    steps = torch.randn(3, 5, width, dtype=torch.double)
    actual = attention(steps, step_mask(torch.tensor(lengths), 5)).detach().numpy()
    weight, bias = (w.detach().numpy() for w in attention.queries_keys_values.parameters())
    out_weight, out_bias = (w.detach().numpy() for w in attention.output.parameters())
    for row, length in enumerate(lengths):
        queries, keys, values = np.split(steps[row, :length].numpy() @ weight.T + bias, 3, axis=1)
        heads = []
        for head in range(n_heads):
            part = slice(head * width // n_heads, (head + 1) * width // n_heads)
            scores = np.exp(queries[:, part] @ keys[:, part].T / np.sqrt(width / n_heads))
            heads.append(scores / scores.sum(axis=1, keepdims=True) @ values[:, part])
        expected = np.concatenate(heads, axis=1) @ out_weight.T + out_bias
        np.testing.assert_allclose(actual[row, :length], expected, rtol=1e-10, atol=1e-12)


def test_attention_is_torchs():
    torch.manual_seed(0)
    ours, theirs = SelfAttention(12, 3), torch.nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = (
        ours.queries_keys_values.weight,
        ours.queries_keys_values.bias,
    )
    theirs.out_proj.weight.data, theirs.out_proj.bias.data = ours.output.weight, ours.output.bias
    assert sum(w.numel() for w in ours.parameters()) == sum(w.numel() for w in theirs.parameters())
    steps, real = torch.randn(4, 6, 12), step_mask(torch.tensor([6, 2, 4, 1]), 6)
    expected, _ = theirs(steps, steps, steps, key_padding_mask=~real, need_weights=False)
    torch.testing.assert_close(ours(steps, real)[real], expected[real])


def test_a_layer_is_torchs():
    torch.manual_seed(0)
    ours = EncoderLayer(8, 2, 16, 0.0, 0, 0)
    theirs = torch.nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True)
    own = dict(ours.named_parameters())
    pairs = {
        "self_attn.in_proj": "attention.queries_keys_values.",
        "self_attn.out_proj.": "attention.output.",
        "linear1.": "network.1.",
        "linear2.": "network.4.",
    }
    with torch.no_grad():
        for name, weight in theirs.named_parameters():
            if name.startswith("norm"):  # ones and zeros
                continue
            start = next(start for start in pairs if name.startswith(start))
            weight.copy_(own.pop(pairs[start] + name.removeprefix(start).removeprefix("_")))
    assert not own
    steps, real = torch.randn(3, 6, 8), step_mask(torch.tensor([6, 2, 4]), 6)
    torch.testing.assert_close(ours(steps, real)[real], theirs(steps, src_key_padding_mask=~real)[real])


def test_padding_reaches_neither_steps_nor_gradients():
    torch.manual_seed(0)
    encoder = TransformerEncoder(3, 8, 2, 2, 16)
    lengths = torch.tensor([4, 1, 6])
    real = step_mask(lengths, 6)
    steps = torch.randn(3, 6, 3)
    wild = torch.where(real.unsqueeze(2), steps, 1e3).requires_grad_()
    output = encoder(wild, lengths)[real]
    assert torch.equal(output, encoder(steps, lengths)[real])
    output.square().sum().backward()
    np.testing.assert_array_equal(wild.grad.abs().sum(dim=2).numpy() > 0, real.numpy())


def test_steps_know_their_places():
    torch.manual_seed(0)
    encoder = TransformerEncoder(3, 8, 2, 1, 16)
    steps, lengths = torch.randn(1, 5, 3), torch.tensor([5])
    order = torch.tensor([3, 1, 0, 2, 4])
    shuffled = encoder(steps[:, order], lengths)
    assert not torch.allclose(shuffled, encoder(steps, lengths)[:, order], atol=1e-3)


def test_number_of_parameters():
    width, d, layers, hidden = 5, 12, 3, 20
    encoder = TransformerEncoder(width, d, 4, layers, hidden)
    each = 4 * d * d + 4 * d + 2 * d * hidden + hidden + d  # attention, network
    expected = width * d + d + layers * each
    assert sum(weight.numel() for weight in encoder.parameters()) == expected


def test_dropouts_differ():
    encoder = TransformerEncoder(5, 12, 4, 3, 20, dropout=0.2)
    numbers = [layer.layer for layer in encoder.modules() if isinstance(layer, StreamDropout)]
    assert sorted(numbers) == list(range(10))
