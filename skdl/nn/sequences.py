"""Networks over sequences: tokens are embedded, a body works on the steps, a pooling sums them up."""

import torch
from torch import Tensor, nn

from skdl.nn.dropout import StreamDropout
from skdl.nn.pooling import Pooling

# Layers of a body number their dropouts from zero; that before the last layer is out of their way.
_HEAD_DROPOUT = 1 << 20


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
        dropout: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        width = int(body.width)  # type: ignore[arg-type]
        self.embedding = embedding
        self.embedding_dropout = StreamDropout(dropout, seed, _HEAD_DROPOUT + 1)
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
        return self.head(self.dropout(self.pooling(self.body(steps, lengths), lengths)))
