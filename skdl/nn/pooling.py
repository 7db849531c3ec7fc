"""From a vector for each step to one vector for the sequence; steps of padding have no part in it."""

import torch
from torch import Tensor, nn

POOLINGS = ("last", "mean", "max", "attention")


def step_mask(lengths: Tensor, n_steps: int) -> Tensor:
    """Return which steps are real ``(n, n_steps)``, given the lengths ``(n,)``."""
    return torch.arange(n_steps, device=lengths.device) < lengths.unsqueeze(1)


class Pooling(nn.Module):
    """Sum up the steps of each sequence.

    Parameters
    ----------
    kind : {"last", "mean", "max", "attention"}
        - "last": the last real step; of a bidirectional layer, whose backward half ends at the first step, that half's
          first step;
        - "mean", "max": over the real steps, each feature for itself;
        - "attention": a weighted mean, the weights being a softmax over learnt scores of the steps (Yang et al. 2016,
          https://doi.org/10.18653/v1/N16-1174).
    width : int
        The number of features of a step.
    bidirectional : bool, default=False
        Whether the second half of the features runs backwards.
    """

    def __init__(self, kind: str, width: int, bidirectional: bool = False):
        super().__init__()
        self.kind = kind
        self.ahead = width // 2 if bidirectional else width
        if kind == "attention":
            self.key = nn.Linear(width, width)
            self.query = nn.Linear(width, 1, bias=False)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return vectors ``(n, width)`` of steps ``(n, t, width)`` and lengths ``(n,)``, each at least 1."""
        if self.kind == "last":
            last = (lengths - 1).view(-1, 1, 1).expand(-1, 1, self.ahead)
            ends = steps[:, :, : self.ahead].gather(1, last).squeeze(1)  # (n, ahead)
            return ends if self.ahead == steps.shape[2] else torch.cat([ends, steps[:, 0, self.ahead :]], dim=1)
        padding = ~step_mask(lengths, steps.shape[1]).unsqueeze(2)  # (n, t, 1)
        if self.kind == "max":
            return steps.masked_fill(padding, -torch.inf).amax(dim=1)
        if self.kind == "mean":
            return steps.masked_fill(padding, 0.0).sum(dim=1) / lengths.unsqueeze(1)
        scores = self.query(torch.tanh(self.key(steps))).masked_fill(padding, -torch.inf)  # (n, t, 1)
        return (scores.softmax(dim=1) * steps).sum(dim=1)

    def extra_repr(self) -> str:
        return self.kind
