"""Dropout whose masks come from counter-based streams."""

import torch
from torch import Tensor, nn

from skdl.utils import derive_keys, random_keep


class StreamDropout(nn.Module):
    """Zero each value with probability ``p`` while training, and scale the others by ``1 / (1 - p)``.

    Unlike :class:`torch.nn.Dropout` the mask depends only on the seed, the layer and how many times the layer was
    called, not on torch's global generator: training is the same on a CPU and on a GPU, and whatever else draws
    numbers.

    Parameters
    ----------
    p : float
        The probability of zeroing a value, in [0, 1).
    seed : int
        The seed of the model.
    layer : int
        Tells the layers of a model apart.
    """

    def __init__(self, p: float, seed: int, layer: int):
        super().__init__()
        self.p = p
        self.seed = seed
        self.layer = layer
        self._step = 0

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0.0:
            return x
        key = derive_keys(self.seed, "dropout", self.layer, self._step)
        self._step += 1
        keep = random_keep(key, x.numel(), 1.0 - self.p, device=x.device).view(x.shape)
        return x * keep / (1.0 - self.p)

    # The step travels with the state dict, so that training which goes on later goes on with the next mask.
    def get_extra_state(self) -> Tensor:
        return torch.tensor(self._step)

    def set_extra_state(self, state: Tensor) -> None:
        self._step = int(state)

    def extra_repr(self) -> str:
        return f"p={self.p}"
