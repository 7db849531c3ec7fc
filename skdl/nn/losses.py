"""Losses with a weight for every sample."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": F.cross_entropy,
    "binary_cross_entropy": F.binary_cross_entropy_with_logits,
    "squared_error": F.mse_loss,
}


class Loss(nn.Module):
    """The mean over samples of a loss, each sample with its weight.

    Parameters
    ----------
    kind : {"cross_entropy", "binary_cross_entropy", "squared_error"}
        - "cross_entropy": logits ``(n, K)`` against class codes ``(n,)``;
        - "binary_cross_entropy": logits ``(n, L)`` against 0/1 targets ``(n, L)``, the mean over the L labels;
        - "squared_error": outputs ``(n, K)`` against targets ``(n, K)``, the mean over the K outputs.
    """

    def __init__(self, kind: str):
        super().__init__()
        self.kind = kind

    def forward(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the mean of ``weight * loss`` over the samples; weights are expected to have mean one."""
        if weight is None:
            return _LOSSES[self.kind](output, target)
        return torch.dot(self.per_sample(output, target), weight) / len(weight)

    def per_sample(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each sample ``(n,)``."""
        loss = _LOSSES[self.kind](output, target, reduction="none")
        return loss if loss.ndim == 1 else loss.mean(dim=1)

    def extra_repr(self) -> str:
        return repr(self.kind)
