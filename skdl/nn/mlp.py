"""The multi-layer perceptron over numeric and categorical columns."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skdl.nn.dropout import StreamDropout
from skdl.nn.embeddings import PeriodicEmbedding, PiecewiseLinearEncoding
from skdl.nn.normalization import BatchNorm1d

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "hardswish": nn.Hardswish,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}
NORMALIZATIONS: dict[str, type[nn.Module]] = {"batch": BatchNorm1d, "layer": nn.LayerNorm}


def embedding_size(n_categories: int) -> int:
    """The width of a column's embedding: Howard and Gugger's rule of thumb, 1.6 times the 0.56th power, at most 50."""
    return min(50, max(2, round(1.6 * n_categories**0.56)))


class ResidualBlock(nn.Module):
    """What a branch adds to its input: normalise, linear, activation, dropout, linear, dropout."""

    def __init__(self, *branch: nn.Module):
        super().__init__()
        self.branch = nn.Sequential(*branch)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.branch(x)


class MLP(nn.Module):
    """Linear layers with an activation between them, or residual blocks of them.

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
        The widths of the hidden layers; none gives a linear model. With ``residual`` the widths inside the blocks,
        between which the width is that of the first one.
    activation : str
        A key of ``ACTIVATIONS``.
    dropout : float
        The probability of zeroing a hidden value while training.
    normalization : {"batch", "layer"} or None
        What stands before each activation, or at the head of each residual block and before the last layer.
    residual : bool
        Whether there are residual blocks, a block for each hidden size, in place of bare layers (Gorishniy et al.
        2021, https://doi.org/10.48550/arXiv.2106.11959).
    numeric_embedding : Module or None
        What the first numeric columns go through; has ``n_values``, the number of values that come out.
    n_embedded : int
        How many numeric columns go through it.
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
        normalization: str | None = None,
        residual: bool = False,
        numeric_embedding: PeriodicEmbedding | PiecewiseLinearEncoding | None = None,
        n_embedded: int = 0,
        seed: int = 0,
    ):
        super().__init__()
        # Code 0 stands for a category that is missing or was not seen in fit; its embedding is zero and stays so.
        self.embeddings = nn.ModuleList(
            nn.Embedding(count + 1, embedding_size(count), padding_idx=0) for count in n_categories
        )
        self.numeric_embedding = numeric_embedding
        self.n_embedded = n_embedded
        width = n_numeric + sum(embedding_size(count) for count in n_categories)
        if numeric_embedding is not None:
            width += numeric_embedding.n_values - n_embedded
        self.activation = ACTIVATIONS[activation]
        self.normalization = None if normalization is None else NORMALIZATIONS[normalization]
        self.dropout, self.seed, self._n_dropouts = dropout, seed, 0
        layers, width = (self._blocks if residual else self._plain)(width, list(hidden_layer_sizes))
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_outputs))

    def _plain(self, width: int, sizes: list[int]) -> tuple[list[nn.Module], int]:
        layers: list[nn.Module] = []
        for size in sizes:
            layers += [nn.Linear(width, size), *self._norm(size), self.activation(), *self._drop()]
            width = size
        return layers, width

    def _blocks(self, width: int, sizes: list[int]) -> tuple[list[nn.Module], int]:
        if not sizes:
            return [], width
        layers: list[nn.Module] = [nn.Linear(width, sizes[0])]
        for size in sizes:
            inner = [*self._norm(sizes[0]), nn.Linear(sizes[0], size), self.activation(), *self._drop()]
            layers.append(ResidualBlock(*inner, nn.Linear(size, sizes[0]), *self._drop()))
        return [*layers, *self._norm(sizes[0]), self.activation()], sizes[0]

    def _norm(self, width: int) -> list[nn.Module]:
        return [] if self.normalization is None else [self.normalization(width)]

    def _drop(self) -> list[nn.Module]:
        if self.dropout == 0.0:
            return []
        self._n_dropouts += 1
        return [StreamDropout(self.dropout, self.seed, self._n_dropouts - 1)]

    @property
    def is_plain(self) -> bool:
        """Whether there are but linear layers, activations, dropout and embeddings of categories."""
        known = (nn.Linear, StreamDropout, *ACTIVATIONS.values())
        return self.numeric_embedding is None and all(type(layer) in known for layer in self.layers)

    def forward(self, numeric: Tensor, codes: Tensor | None = None) -> Tensor:
        """Return the outputs ``(n, n_outputs)`` of numeric columns ``(n, d)`` and category codes ``(n, c)``."""
        if self.numeric_embedding is not None:
            embedded = self.numeric_embedding(numeric[:, : self.n_embedded])
            numeric = torch.cat([embedded, numeric[:, self.n_embedded :]], dim=1)
        if codes is not None:
            parts = [embedding(codes[:, j]) for j, embedding in enumerate(self.embeddings)]
            numeric = torch.cat([numeric, *parts], dim=1)
        return self.layers(numeric)
