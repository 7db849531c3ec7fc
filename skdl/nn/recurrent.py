"""Recurrent layers over padded sequences."""

import math
import zlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from skdl.nn.dropout import StreamDropout
from skdl.utils import derive_keys, random_uniform

CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def reverse_steps(steps: Tensor, lengths: Tensor) -> Tensor:
    """Turn each sequence round within its own length; padding stays where it is.

    Parameters
    ----------
    steps : Tensor of shape (n, t, width)
    lengths : Tensor of int of shape (n,)

    Returns
    -------
    Tensor of shape (n, t, width)
    """
    place = torch.arange(steps.shape[1], device=steps.device)  # (t,)
    mirrored = lengths.unsqueeze(1) - 1 - place  # (n, t)
    return steps.gather(1, torch.where(mirrored < 0, place, mirrored).unsqueeze(2).expand_as(steps))


class Recurrent(nn.Module):
    """Recurrent layers one upon another, in one direction or both.

    A layer runs over the padded steps as they are: what comes after a sequence's end can't reach its real steps. The
    backward layer gets the sequences turned round within their own lengths, so that it starts at the real end. Unlike
    with packed sequences, the shapes of the products do not depend on the lengths of other rows.

    Parameters
    ----------
    width : int
        The number of features of a step.
    hidden_size : int
        The width of a layer's state.
    cell : {"rnn", "gru", "lstm"}, default="gru"
        The kind of layer; "rnn" is Elman's, with tanh.
    num_layers : int, default=1
        The number of layers.
    bidirectional : bool, default=False
        Whether each layer runs in both directions, each with weights of its own; the outputs are joined.
    dropout : float, default=0.0
        The probability of zeroing a value between layers while training.
    seed : int, default=0
        The seed of the weights, which are uniform within ``1 / sqrt(hidden_size)`` as torch's are, and of the dropout
        masks.
    """

    def __init__(
        self,
        width: int,
        hidden_size: int,
        *,
        cell: str = "gru",
        num_layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        self.width = hidden_size * (2 if bidirectional else 1)
        widths = [width] + [self.width] * (num_layers - 1)
        self.ahead = nn.ModuleList(CELLS[cell](width, hidden_size, batch_first=True) for width in widths)
        behind = widths if bidirectional else []
        self.behind = nn.ModuleList(CELLS[cell](width, hidden_size, batch_first=True) for width in behind)
        self.dropouts = nn.ModuleList(StreamDropout(dropout, seed, layer) for layer in range(num_layers - 1))
        self._draw_weights(seed, 1.0 / math.sqrt(hidden_size))

    @torch.no_grad()
    def _draw_weights(self, seed: int, bound: float) -> None:
        for name, weights in self.named_parameters():
            key = derive_keys(seed, "recurrent weights", zlib.crc32(name.encode()))
            weights.copy_((2.0 * random_uniform(key, weights.numel()) - 1.0).view_as(weights) * bound)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return the states ``(n, t, width)`` of steps ``(n, t, width)`` and lengths ``(n,)``."""
        for layer, ahead in enumerate(self.ahead):
            if layer:
                steps = self.dropouts[layer - 1](steps)
            states, _ = ahead(steps)
            if self.behind:
                back, _ = self.behind[layer](reverse_steps(steps, lengths))
                states = torch.cat([states, reverse_steps(back, lengths)], dim=2)
            steps = states
        return steps
