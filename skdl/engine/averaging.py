"""A moving average of the weights, to be validated and predicted with in their place."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """The exponential moving average of weights.

    The first steps count more, so that the average forgets the initial weights: step t has a decay of at most
    ``(1 + t) / (10 + t)``.

    Parameters
    ----------
    weights : iterable of Tensor
        What is averaged; the tensors that the optimizer changes in place.
    decay : float
        The part of the average that a step leaves.
    """

    def __init__(self, weights: Iterable[Tensor], decay: float):
        self.weights = list(weights)
        self.decay = decay
        self.averages = [weight.detach().clone() for weight in self.weights]
        self.step = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the average."""
        self.step += 1
        decay = min(self.decay, (1 + self.step) / (10 + self.step))
        get_ema_multi_avg_fn(decay)(self.averages, [weight.detach() for weight in self.weights], self.step)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights and their averages."""
        for weight, average in zip(self.weights, self.averages, strict=True):
            present = weight.detach().clone()
            weight.copy_(average)
            average.copy_(present)

    def state_dict(self) -> dict:
        """What :meth:`load_state_dict` needs to go on."""
        return {"averages": self.averages, "step": self.step}

    @torch.no_grad()
    def load_state_dict(self, state: dict) -> None:
        """Go on from where another one was."""
        self.step = state["step"]
        for average, value in zip(self.averages, state["averages"], strict=True):
            average.copy_(value)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Let the averages stand in the place of the weights for a while."""
        self.swap()
        try:
            yield
        finally:
            self.swap()
