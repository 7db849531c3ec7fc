"""Batch normalisation that survives a batch of one value."""

from torch import Tensor, nn


class _OfOneValue(nn.modules.batchnorm._BatchNorm):
    """A single value for each channel has no variance: it is normalised by the running statistics."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.numel() == x.shape[1]:
            return nn.functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


class BatchNorm1d(_OfOneValue, nn.BatchNorm1d):
    """Normalise each channel of ``(n, c)`` or ``(n, c, t)`` by the statistics of the batch."""


class BatchNorm2d(_OfOneValue, nn.BatchNorm2d):
    """Normalise each channel of ``(n, c, h, w)`` by the statistics of the batch."""
