"""Temporal convolutional networks: causal, dilated, residual (Bai, Kolter & Koltun 2018).

https://doi.org/10.48550/arXiv.1803.01271
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdl.nn.dropout import StreamDropout


def receptive_field(num_levels: int, kernel_size: int) -> int:
    """The number of steps, itself and earlier ones, that a step of the last level depends on."""
    return 1 + 2 * (kernel_size - 1) * (2**num_levels - 1)


def levels_to_cover(n_steps: int, kernel_size: int) -> int:
    """The smallest number of levels, at least 1, whose last step sees the first one of ``n_steps``.

    Parameters
    ----------
    n_steps : int
    kernel_size : int
        At least 2: a wider view is made of kernels that look back.

    Returns
    -------
    int
    """
    levels = 1
    while receptive_field(levels, kernel_size) < n_steps:
        levels += 1
    return levels


class CausalConv(nn.Module):
    """A convolution over time in which a step depends on itself and earlier ones alone, its weights normalised.

    Each filter is a direction times a length of its own (Salimans & Kingma 2016,
    https://doi.org/10.48550/arXiv.1602.07868). The steps that a filter sees are laid side by side and multiplied at
    once: for series that is as fast as a convolution, whose gradients depend on the number of threads.

    Parameters
    ----------
    in_channels, out_channels : int
        The numbers of channels.
    kernel_size : int
        The number of steps that a filter sees.
    dilation : int
        How far apart they are.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, dilation: int):
        super().__init__()
        self.direction = nn.Linear(kernel_size * in_channels, out_channels)  # the earliest step first
        # With this length a rectifier that follows keeps the variance.
        self.length = nn.Parameter(torch.full((out_channels, 1), math.sqrt(2.0)))
        self.delays = [dilation * back for back in range(kernel_size - 1, -1, -1)]

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(n, t, out_channels)`` of ``(n, t, in_channels)``."""
        n_steps, reach = x.shape[1], self.delays[0]
        padded = F.pad(x, (0, 0, reach, 0))
        seen = torch.cat([padded[:, reach - delay : reach - delay + n_steps] for delay in self.delays], dim=2)
        direction = self.direction.weight
        weight = direction * (self.length / direction.norm(dim=1, keepdim=True))
        return F.linear(seen, weight, self.direction.bias)


class TemporalBlock(nn.Module):
    """Two causal convolutions beside a connection that leaves the input as it is.

    Parameters
    ----------
    in_channels, out_channels : int
        The numbers of channels; where they differ, the connection is a linear map.
    kernel_size, dilation : int
        Of the convolutions.
    dropout : float
        The probability of zeroing a value behind each convolution while training.
    seed, layer : int
        The seed of the dropout masks, and the number of the first one.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        dilation: int,
        dropout: float,
        seed: int,
        layer: int,
    ):
        super().__init__()
        self.first = CausalConv(in_channels, out_channels, kernel_size, dilation)
        self.first_dropout = StreamDropout(dropout, seed, layer)
        self.second = CausalConv(out_channels, out_channels, kernel_size, dilation)
        self.second_dropout = StreamDropout(dropout, seed, layer + 1)
        self.skip = nn.Identity() if in_channels == out_channels else nn.Linear(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(n, t, out_channels)`` of ``(n, t, in_channels)``."""
        y = self.first_dropout(torch.relu(self.first(x)))
        y = self.second_dropout(torch.relu(self.second(y)))
        return torch.relu(y + self.skip(x))


class TemporalConvolutions(nn.Module):
    """Blocks whose dilation doubles from one to the next.

    Nothing of a step reaches an earlier one, so that padding behind the end of a sequence can't reach its steps.

    Parameters
    ----------
    width : int
        The number of features of a step.
    channels : int
        The number of channels of all blocks.
    num_levels : int
        The number of blocks.
    kernel_size : int, default=3
        The number of steps that a filter sees.
    dropout : float, default=0.0
        The probability of zeroing a value behind each convolution while training.
    seed : int, default=0
        The seed of the dropout masks.
    """

    def __init__(
        self, width: int, channels: int, num_levels: int, *, kernel_size: int = 3, dropout: float = 0.0, seed: int = 0
    ):
        super().__init__()
        self.width = channels
        widths = [width] + [channels] * (num_levels - 1)
        self.blocks = nn.Sequential(
            *(
                TemporalBlock(width, channels, kernel_size, 2**level, dropout, seed, 2 * level)
                for level, width in enumerate(widths)
            )
        )

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return the features ``(n, t, channels)`` of steps ``(n, t, width)``; lengths ``(n,)`` do not matter."""
        return self.blocks(steps)
