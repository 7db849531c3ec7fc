"""Plain torch modules: networks, layers, initial weights and losses. Nothing here knows scikit-learn or skorch."""

from skdl.nn.augmentation import Augmentation
from skdl.nn.dropout import StreamDropout
from skdl.nn.embedding_losses import EmbeddingLoss
from skdl.nn.embeddings import PeriodicEmbedding, PiecewiseLinearEncoding
from skdl.nn.init import initialize
from skdl.nn.losses import Loss
from skdl.nn.mlp import MLP
from skdl.nn.stacked import StackedMLP

__all__ = [
    "MLP",
    "Augmentation",
    "EmbeddingLoss",
    "Loss",
    "PeriodicEmbedding",
    "PiecewiseLinearEncoding",
    "StackedMLP",
    "StreamDropout",
    "initialize",
]
