"""Networks over sequences: tokens are embedded, series cut to pieces, a body works on these, a pooling sums them up."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdl.nn.augmentation import Augmentation
from skdl.nn.dropout import StreamDropout
from skdl.nn.pooling import Pooling

# Layers of a body number their dropouts from zero; that before the last layer is out of their way.
_HEAD_DROPOUT = 1 << 20


class Frames(nn.Module):
    """Overlapping pieces of a series, each laid out as one step; the next one begins a quarter of a piece later.

    The first piece begins before the series, so that all pieces have their middles within it; what is beside the series
    is zero, as padding is.

    Parameters
    ----------
    length : int
        The number of steps of a piece.
    """

    def __init__(self, length: int):
        super().__init__()
        self.length = length
        self.hop = max(1, length // 4)

    def forward(self, steps: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return pieces ``(n, ceil(t / hop), length * d)`` of steps ``(n, t, d)``, and how many of them are real."""
        n_frames = (steps.shape[1] + self.hop - 1) // self.hop
        before = (self.length - self.hop) // 2
        padded = F.pad(steps, (0, 0, before, self.length))
        first = self.hop * torch.arange(n_frames, device=steps.device)
        places = first.unsqueeze(1) + torch.arange(self.length, device=steps.device)  # (n_frames, length)
        return padded[:, places].flatten(2), (lengths + self.hop - 1) // self.hop

    def extra_repr(self) -> str:
        return f"{self.length}, hop={self.hop}"


class SequenceNetwork(nn.Module):
    """A network that maps sequences to outputs.

    Parameters
    ----------
    body : torch.nn.Module
        Maps steps ``(n, t, d)`` and lengths ``(n,)`` to steps ``(n, t, body.width)``; must let nothing of the padding
        into the real steps.
    n_outputs : int
        The width of the last layer.
    pooling : str
        The kind of :class:`skdl.nn.pooling.Pooling`.
    bidirectional : bool, default=False
        Whether the second half of the body's features runs backwards.
    embedding : torch.nn.Embedding or None, default=None
        Where steps are tokens, maps their codes ``(n, t)`` to ``(n, t, d)``.
    frame : int, default=1
        How many steps the body gets as one, as :class:`Frames` has it.
    augmentation : skdl.nn.Augmentation or None, default=None
        How training series are changed at random, before they are cut to pieces.
    dropout : float, default=0.0
        The probability of leaving out a token, and of zeroing a value that the last layer reads, while training.
    seed : int, default=0
        The seed of the dropout masks.
    """

    def __init__(
        self,
        body: nn.Module,
        n_outputs: int,
        *,
        pooling: str,
        bidirectional: bool = False,
        embedding: nn.Embedding | None = None,
        frame: int = 1,
        augmentation: Augmentation | None = None,
        dropout: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        width = int(body.width)  # type: ignore[arg-type]
        self.embedding = embedding
        self.embedding_dropout = StreamDropout(dropout, seed, _HEAD_DROPOUT + 1)
        self.augmentation = augmentation
        self.frames = Frames(frame) if frame > 1 else None
        self.body = body
        self.pooling = Pooling(pooling, width, bidirectional)
        self.dropout = StreamDropout(dropout, seed, _HEAD_DROPOUT)
        self.head = nn.Linear(width, n_outputs)

    def forward(self, steps: Tensor, lengths: Tensor) -> Tensor:
        """Return the outputs ``(n, n_outputs)`` of steps ``(n, t, d)``, or codes ``(n, t)``, and lengths ``(n,)``."""
        lengths = lengths.clamp(min=1)  # rows that fill up a block have none
        if self.embedding is not None:
            steps = self.embedding(steps)
            if self.training:  # whole tokens: what a text is about must not hang on one word of it
                steps = steps * self.embedding_dropout(torch.ones_like(steps[:, :, :1]))
        if self.augmentation is not None and self.training:
            steps = self.augmentation(steps.transpose(1, 2), lengths).transpose(1, 2)
        if self.frames is not None:
            steps, lengths = self.frames(steps, lengths)
        return self.head(self.dropout(self.pooling(self.body(steps, lengths), lengths)))
