"""The multi-layer perceptron over numeric and categorical columns."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skdl.nn.dropout import StreamDropout

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


def embedding_size(n_categories: int) -> int:
    """The width of a column's embedding: Howard and Gugger's rule of thumb, 1.6 times the 0.56th power, at most 50."""
    return min(50, max(2, round(1.6 * n_categories**0.56)))


class MLP(nn.Module):
    """Linear layers with an activation between them.

    Categorical columns go through an embedding each and join the numeric ones before the first layer.

    Parameters
    ----------
    n_numeric : int
        The number of numeric columns.
    n_categories : sequence of int
        The number of categories of each categorical column.
    n_outputs : int
        The width of the last layer, which has no activation.
    hidden_layer_sizes : sequence of int
        The widths of the hidden layers; none gives a linear model.
    activation : str
        A key of ``ACTIVATIONS``.
    dropout : float
        The probability of zeroing a hidden value while training.
    seed : int
        The seed of the dropout masks.
    """

    def __init__(
        self,
        n_numeric: int,
        n_categories: Sequence[int],
        n_outputs: int,
        *,
        hidden_layer_sizes: Sequence[int],
        activation: str = "relu",
        dropout: float = 0.0,
        seed: int = 0,
    ):
        super().__init__()
        # Code 0 stands for a category that is missing or was not seen in fit; its embedding is zero and stays so.
        self.embeddings = nn.ModuleList(
            nn.Embedding(count + 1, embedding_size(count), padding_idx=0) for count in n_categories
        )
        width = n_numeric + sum(embedding_size(count) for count in n_categories)
        layers: list[nn.Module] = []
        for position, size in enumerate(hidden_layer_sizes):
            layers += [nn.Linear(width, size), ACTIVATIONS[activation]()]
            if dropout > 0.0:
                layers.append(StreamDropout(dropout, seed, position))
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_outputs))

    def forward(self, numeric: Tensor, codes: Tensor | None = None) -> Tensor:
        """Return the outputs ``(n, n_outputs)`` of numeric columns ``(n, d)`` and category codes ``(n, c)``."""
        if codes is not None:
            embedded = [embedding(codes[:, j]) for j, embedding in enumerate(self.embeddings)]
            numeric = torch.cat([numeric, *embedded], dim=1)
        return self.layers(numeric)
