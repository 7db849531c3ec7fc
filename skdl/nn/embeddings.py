"""Embeddings of numeric columns (Gorishniy, Rubachev & Babenko 2022, https://doi.org/10.48550/arXiv.2203.05556)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from skdl.utils import derive_keys, random_normal, random_uniform


class PeriodicEmbedding(nn.Module):
    """Each column becomes sines and cosines of learnt frequencies, and these a few values of its own: the paper's PLR.

    A network that reads a column through smooth layers sees its fast changes late or never; periodic functions show
    them at once.

    Parameters
    ----------
    n_features : int
        The number of columns.
    width : int, default=12
        The number of values that a column becomes.
    n_frequencies : int, default=16
        The number of frequencies of a column.
    scale : float, default=0.3
        The standard deviation of the initial frequencies, in periods per unit of the column.
    """

    def __init__(self, n_features: int, width: int = 12, n_frequencies: int = 16, scale: float = 0.3):
        super().__init__()
        self.scale = scale
        self.n_values = n_features * width
        self.frequency = nn.Parameter(torch.empty(n_features, n_frequencies))
        self.weight = nn.Parameter(torch.empty(n_features, 2 * n_frequencies, width))
        self.bias = nn.Parameter(torch.empty(n_features, width))
        self.draw_weights(0, 0)

    @torch.no_grad()
    def draw_weights(self, seed: int, name: int) -> None:
        """Draw initial weights: normal frequencies, then each column's layer as a linear layer of its own.

        Parameters
        ----------
        seed : int
            The seed of the model.
        name : int
            Tells the layers of a model apart.
        """
        normal = random_normal(derive_keys(seed, "weights", name, 0), self.frequency.numel())
        self.frequency.copy_(self.scale * normal.view_as(self.frequency))
        bound = self.weight.shape[1] ** -0.5
        for position, weights in enumerate((self.weight, self.bias), start=1):
            uniform = random_uniform(derive_keys(seed, "weights", name, position), weights.numel())
            weights.copy_((2.0 * uniform - 1.0).view_as(weights) * bound)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(n, d * width)`` for columns ``(n, d)``."""
        angle = 2.0 * torch.pi * self.frequency * x.unsqueeze(-1)  # (n, d, k)
        waves = torch.cat([angle.sin(), angle.cos()], dim=-1)  # (n, d, 2k)
        return (torch.einsum("ndk,dkw->ndw", waves, self.weight) + self.bias).relu().flatten(1)


class PiecewiseLinearEncoding(nn.Module):
    """Each column becomes one value for each of its bins: 0 below the bin, 1 above it, rising along it between.

    The first bin goes on below and the last one above, so that no value outside the training rows is cut off. A bias
    and a slope for each bin is what the next layer can make of it: a piecewise linear function of the column.

    Parameters
    ----------
    edges : sequence of ndarray
        The ascending edges of each column's bins; fewer than three leave the column as it is.
    """

    start: Tensor
    width: Tensor
    lowest: Tensor
    highest: Tensor
    column: Tensor

    def __init__(self, edges: Sequence[np.ndarray]):
        super().__init__()
        starts, widths, lowest, highest, columns = [], [], [], [], []
        for position, own in enumerate(edges):
            # A column of one bin would only be moved and stretched, by edges that a network has no use for.
            own = np.asarray(own, dtype=np.float64) if len(own) > 2 else np.array([0.0, 1.0])
            n_bins = len(own) - 1
            starts.append(own[:-1])
            widths.append(np.diff(own))
            lowest.append(np.where(np.arange(n_bins) == 0, -np.inf, 0.0))
            highest.append(np.where(np.arange(n_bins) == n_bins - 1, np.inf, 1.0))
            columns.append(np.full(n_bins, position))
        self.n_values = sum(len(part) for part in starts)
        for name, parts in (("start", starts), ("width", widths), ("lowest", lowest), ("highest", highest)):
            self.register_buffer(name, torch.from_numpy(np.concatenate(parts)).float(), persistent=False)
        self.register_buffer("column", torch.from_numpy(np.concatenate(columns)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(n, bins of all columns)`` for columns ``(n, d)``."""
        share = (x[:, self.column] - self.start) / self.width
        return torch.minimum(torch.maximum(share, self.lowest), self.highest)
