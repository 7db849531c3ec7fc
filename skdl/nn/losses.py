"""Losses with a weight for every sample."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        reduction = "mean" if weight is None else "none"
        if self.kind == "cross_entropy":
            loss = F.cross_entropy(output, target, reduction=reduction)
        elif self.kind == "binary_cross_entropy":
            loss = F.binary_cross_entropy_with_logits(output, target, reduction=reduction)
        else:
            loss = F.mse_loss(output, target, reduction=reduction)
        if weight is None:
            return loss
        per_sample = loss if loss.ndim == 1 else loss.mean(dim=1)  # (n,)
        return torch.dot(per_sample, weight) / len(weight)

    def extra_repr(self) -> str:
        return repr(self.kind)
