"""Transformer encoders over padded sequences (Vaswani et al. 2017, https://doi.org/10.48550/arXiv.1706.03762)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdl.nn.dropout import StreamDropout
from skdl.nn.pooling import step_mask


def positional_encoding(n_steps: int, width: int, device: torch.device | None = None) -> Tensor:
    """Sines and cosines of a step's number, at wavelengths from 2 pi to 10000 times 2 pi.

    Parameters
    ----------
    n_steps : int
    width : int
        The number of features.
    device : torch.device or None, default=None
        Where to compute; None means the CPU.

    Returns
    -------
    Tensor of shape (n_steps, width), float32
        ``sin(p / 10000**(2 i / width))`` in column 2 i, the cosine in column 2 i + 1.
    """
    pair = torch.arange(0, width, 2, device=device, dtype=torch.float64)  # (ceil(width / 2),)
    angle = torch.arange(n_steps, device=device, dtype=torch.float64)[:, None] * torch.exp(
        pair * (-math.log(10000.0) / width)
    )
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :width].float()


class SelfAttention(nn.Module):
    """Every step looks at all real steps of its sequence, through several heads.

    Parameters
    ----------
    width : int
        The number of features of a step, a multiple of ``n_heads``.
    n_heads : int
        The number of heads.
    """

    def __init__(self, width: int, n_heads: int):
        super().__init__()
        self.n_heads = n_heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, steps: Tensor, real: Tensor) -> Tensor:
        """Return ``(n, t, width)`` of steps ``(n, t, width)``, of which those in ``real`` ``(n, t)`` may be seen."""
        n, t, width = steps.shape
        parts = self.queries_keys_values(steps).view(n, t, 3, self.n_heads, width // self.n_heads)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)  # (n, heads, t, width / heads) each
        seen = F.scaled_dot_product_attention(queries, keys, values, attn_mask=real[:, None, None, :])
        return self.output(seen.transpose(1, 2).reshape(n, t, width))


class EncoderLayer(nn.Module):
    """Self-attention, then a network for each step by itself, each beside a connection that leaves its input as it is.

    What goes in is normalised, not what comes out, which trains without a warm-up (Xiong et al. 2020,
    https://doi.org/10.48550/arXiv.2002.04745). Normalisations have no weights: the linear layers behind them can hold
    those.

    Parameters
    ----------
    width : int
        The number of features of a step.
    n_heads : int
        The number of heads.
    feedforward : int
        The width of the hidden layer of the network for each step.
    dropout : float
        The probability of zeroing a value behind attention, and in and behind the network, while training.
    seed, layer : int
        The seed of the dropout masks, and the number of the first one.
    """

    def __init__(self, width: int, n_heads: int, feedforward: int, dropout: float, seed: int, layer: int):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = SelfAttention(width, n_heads)
        self.attention_dropout = StreamDropout(dropout, seed, layer)
        self.network = nn.Sequential(
            nn.LayerNorm(width, elementwise_affine=False),
            nn.Linear(width, feedforward),
            nn.GELU(),
            StreamDropout(dropout, seed, layer + 1),
            nn.Linear(feedforward, width),
            StreamDropout(dropout, seed, layer + 2),
        )

    def forward(self, steps: Tensor, real: Tensor) -> Tensor:
        """Return ``(n, t, width)`` of steps ``(n, t, width)``, of which those in ``real`` ``(n, t)`` may be seen."""
        steps = steps + self.attention_dropout(self.attention(self.attention_norm(steps), real))
        return steps + self.network(steps)


class TransformerEncoder(nn.Module):
    """Layers of self-attention over steps that know their places.

    Parameters
    ----------
    width : int
        The number of features of a step.
    d_model : int
        The number of features that each step is mapped to.
    n_heads : int
        The number of heads; divides ``d_model``.
    num_layers : int
        The number of layers.
    feedforward : int
        The width of the hidden layer of the networks for each step.
    dropout : float, default=0.0
        The probability of zeroing a value while training: where steps get their places, and in each layer.
    seed : int, default=0
        The seed of the dropout masks.
    """

    def __init__(
        self,
        width: int,
        d_model: int,
        n_heads: int,
        num_layers: int,
        feedforward: int,
        *,
        dropout: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        self.width = d_model
        self.input = nn.Linear(width, d_model)
        self.dropout = StreamDropout(dropout, seed, 0)
        self.layers = nn.ModuleList(
            EncoderLayer(d_model, n_heads, feedforward, dropout, seed, 1 + 3 * layer) for layer in range(num_layers)
        )
        self.norm = nn.LayerNorm(d_model, elementwise_affine=False)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return the features ``(n, t, d_model)`` of steps ``(n, t, width)`` and lengths ``(n,)``."""
        real = step_mask(lengths, steps.shape[1])
        steps = self.dropout(self.input(steps) + positional_encoding(steps.shape[1], self.width, steps.device))
        for layer in self.layers:
            steps = layer(steps, real)
        return self.norm(steps)
