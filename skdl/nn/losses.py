"""Losses with a weight for every sample."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Loss(nn.Module):
    """The mean over samples of a loss, each sample with its weight.

    Parameters
    ----------
    kind : str
        For classes, logits ``(n, K)`` against codes ``(n,)`` or rows of probabilities ``(n, K)``:

        - "cross_entropy";
        - "focal": cross-entropy in which the term of each class is multiplied by ``(1 - p)**gamma``, so that samples
          which are well classified count less (Lin et al. 2017, https://doi.org/10.1109/ICCV.2017.324);
        - "distillation": targets ``(n, 1 + K)``, the code and the probabilities that a teacher gives at a
          ``temperature``: ``(1 - soft_share)`` times the cross-entropy to the code plus ``soft_share * temperature**2``
          times the divergence of Kullback and Leibler from the teacher to the softmax of ``logits / temperature``
          (Hinton, Vinyals & Dean 2015, https://doi.org/10.48550/arXiv.1503.02531).

        For several labels at once, logits ``(n, L)`` against targets in [0, 1] ``(n, L)``, the mean over the L labels:

        - "binary_cross_entropy";
        - "binary_focal".

        For numbers, outputs ``(n, K)`` against targets ``(n, K)``, the mean over the K outputs, by the difference r:

        - "squared_error": ``r**2``;
        - "absolute_error": ``|r|``;
        - "huber": ``r**2 / 2`` up to ``delta``, ``delta * (|r| - delta / 2)`` beyond;
        - "quantile": ``quantile * r`` where the target is above the output, ``(quantile - 1) * r`` where it is below.
    label_smoothing : float, default=0.0
        Of the losses for classes and labels: the part of a target that is spread evenly over the classes.
    gamma : float, default=2.0
        Of the focal losses.
    delta : float, default=1.0
        Of "huber".
    quantile : float, default=0.5
        Of "quantile".
    temperature : float, default=1.0
        Of "distillation".
    soft_share : float, default=0.5
        Of "distillation".
    """

    def __init__(
        self,
        kind: str,
        *,
        label_smoothing: float = 0.0,
        gamma: float = 2.0,
        delta: float = 1.0,
        quantile: float = 0.5,
        temperature: float = 1.0,
        soft_share: float = 0.5,
    ):
        super().__init__()
        self.kind = kind
        self.label_smoothing = label_smoothing
        self.gamma = gamma
        self.delta = delta
        self.quantile = quantile
        self.temperature = temperature
        self.soft_share = soft_share
        self._loss: Callable[..., Tensor] = getattr(self, f"_{kind}")

    def forward(self, output: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        """Return the mean of ``weight * loss`` over the samples; weights are expected to have mean one."""
        if weight is None:
            return self._loss(output, target, "mean")
        return torch.dot(self.per_sample(output, target), weight) / len(weight)

    def per_sample(self, output: Tensor, target: Tensor) -> Tensor:
        """Return the loss of each sample ``(n,)``."""
        loss = self._loss(output, target, "none")
        return loss if loss.ndim == 1 else loss.mean(dim=1)

    def _cross_entropy(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        return F.cross_entropy(output, target, reduction=reduction, label_smoothing=self.label_smoothing)

    def _focal(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        if target.ndim == 1:
            target = F.one_hot(target, output.shape[1]).to(output.dtype)
        target = self._smoothed(target, output.shape[1])
        log_p = output.log_softmax(dim=1)  # (n, K)
        return _reduced(-(target * _power(-torch.expm1(log_p), self.gamma) * log_p).sum(dim=1), reduction)

    def _distillation(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        hard = self._cross_entropy(output, target[:, 0].long(), "none")
        soft = F.kl_div((output / self.temperature).log_softmax(dim=1), target[:, 1:], reduction="none").sum(dim=1)
        mixed = (1.0 - self.soft_share) * hard + self.soft_share * self.temperature**2 * soft
        return _reduced(mixed, reduction)

    def _binary_cross_entropy(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        return F.binary_cross_entropy_with_logits(output, self._smoothed(target, 2), reduction=reduction)

    def _binary_focal(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        target = self._smoothed(target, 2)
        yes, no = F.logsigmoid(output), F.logsigmoid(-output)  # (n, L)
        loss = -target * _power(no.exp(), self.gamma) * yes - (1.0 - target) * _power(yes.exp(), self.gamma) * no
        return _reduced(loss, reduction)

    def _smoothed(self, target: Tensor, n_classes: int) -> Tensor:
        if not self.label_smoothing:
            return target
        return target * (1.0 - self.label_smoothing) + self.label_smoothing / n_classes

    def _squared_error(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        return F.mse_loss(output, target, reduction=reduction)

    def _absolute_error(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        return F.l1_loss(output, target, reduction=reduction)

    def _huber(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        return F.huber_loss(output, target, reduction=reduction, delta=self.delta)

    def _quantile(self, output: Tensor, target: Tensor, reduction: str) -> Tensor:
        difference = target - output
        return _reduced(torch.maximum(self.quantile * difference, (self.quantile - 1.0) * difference), reduction)

    def extra_repr(self) -> str:
        return repr(self.kind)


def _power(miss: Tensor, gamma: float) -> Tensor:
    """``miss**gamma``, whose slope at zero would be infinite for a gamma below one."""
    return miss.clamp_min(torch.finfo(miss.dtype).tiny).pow(gamma)


def _reduced(loss: Tensor, reduction: str) -> Tensor:
    return loss.mean() if reduction == "mean" else loss
