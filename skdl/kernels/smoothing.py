"""Kernel weights and weighted averages of Nadaraya and Watson."""

import math

import torch

KERNELS = (
    "gaussian",
    "exponential",
    "epanechnikov",
    "tophat",
    "triangular",
    "biweight",
    "triweight",
    "tricube",
    "cosine",
)


def kernel_weights(scaled, kernel: str):
    """Compute the weights of distances.

    Parameters
    ----------
    scaled : Tensor of shape (m, n)
        Distances over the bandwidth; infinite ones get weight zero.
    kernel : str
        One of ``KERNELS``.

    Returns
    -------
    Tensor of shape (m, n)
        Each row up to a factor, which a weighted average does not see; so no row of a Gaussian vanishes by underflow.
    """
    if kernel == "gaussian":
        squares = scaled * scaled
        return torch.exp((_least(squares) - squares) / 2)
    if kernel == "exponential":
        return torch.exp(_least(scaled) - scaled)
    inside = (scaled <= 1).to(scaled.dtype)
    scaled = scaled.clamp(max=1)
    if kernel == "tophat":
        return inside
    if kernel == "triangular":
        return 1 - scaled
    if kernel == "tricube":
        return (1 - scaled**3) ** 3
    if kernel == "cosine":
        return inside * torch.cos(scaled * (math.pi / 2)).clamp(min=0)
    return (1 - scaled * scaled) ** {"epanechnikov": 1, "biweight": 2, "triweight": 3}[kernel]


def _least(values):
    """The smallest entry of each row; 0 where all are infinite."""
    least = values.amin(dim=1, keepdim=True)
    return torch.where(torch.isinf(least), torch.zeros_like(least), least)


def weighted_average(weights, distances, row_weights, targets):
    """Average targets; where all weights are zero, those at the smallest distance.

    Parameters
    ----------
    weights : Tensor of shape (m, n)
        Kernel weights.
    distances : Tensor of shape (m, n)
        Distances.
    row_weights : Tensor of shape (n,) or (m, n)
        How often each row counts.
    targets : Tensor of shape (n, n_outputs)
        What to average.

    Returns
    -------
    Tensor of shape (m, n_outputs)
    """
    weights = weights * row_weights
    total = weights.sum(dim=1, keepdim=True)
    lost = ~(total[:, 0] > 0)
    if bool(lost.any()):
        far = distances[lost]
        counts = row_weights if row_weights.ndim == 1 else row_weights[lost]
        nearest = (far == far.amin(dim=1, keepdim=True)) * counts
        weights[lost] = nearest
        total[lost] = nearest.sum(dim=1, keepdim=True)
    return (weights @ targets) / total
