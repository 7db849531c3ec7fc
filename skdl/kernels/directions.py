"""Directions in which points vary most: products along a few of them bound all distances from below.

With an orthonormal basis R of some directions, a vector x falls into its coordinates x' = R'x and a rest of length
|x''|, and by Cauchy and Schwarz q.x <= q'.x' + |q''||x''|. Where a few directions hold most of the variance, as in
pictures, spectra and embeddings, this says of nearly all points that they are too far away, for a fraction of the
multiplications (Chan & Ng (2005) and others prune by such bounds).
"""

import torch

_SAMPLE = 4096
_MOST = 256
_CHOICES = (32, 48, 64, 96, 128, 192, 256)
# Nanoseconds, as measured: of a multiplication in a product, of an entry in the scan, and of an exact comparison and
# its value in each feature. Only the time depends on them.
_MULTIPLY, _SCAN, _COMPARE, _FEATURE = 0.028, 1.5, 300.0, 2.0
# How often a list is thinned, by k exact comparisons.
_THINNED = 10
# What directions have to save.
_WORTH = 0.7


def _sample(points):
    """Some rows in float64, not to be written to."""
    return points[:: max(1, len(points) // _SAMPLE)][:_SAMPLE].double()


def leading_directions(points) -> torch.Tensor:
    """Find an orthonormal basis, the directions of most variance first, from a sample.

    Parameters
    ----------
    points : Tensor of shape (n, d)
        Finite, and neither their squares nor the inverses of these overflow.

    Returns
    -------
    Tensor of shape (d, q), dtype float64
        At most a third of all directions.
    """
    sample = _sample(points)
    sample = sample - sample.mean(dim=0)
    narrow = (sample / sample.abs().max().clamp_min(1e-300)).float()
    d = sample.shape[1]
    generator = torch.Generator().manual_seed(0)
    basis = torch.randn(d, min(_MOST, d // 3), generator=generator)
    for _ in range(3):
        basis = torch.linalg.qr(narrow.T @ (narrow @ basis)).Q
    # Ordered among themselves, and orthogonal to the last digit.
    seen = narrow @ basis
    order = torch.linalg.eigh(seen.T @ seen).eigenvectors.flip(1)
    return torch.linalg.qr((basis @ order).double()).Q


def directions_that_pay(points, queries, basis, k: int, rows_cost: float = 1.0) -> int:
    """Choose how many directions the first products should be taken along.

    Parameters
    ----------
    points : Tensor of shape (n, d)
        The points.
    queries : Tensor of shape (m, d)
        Some dozens, to be judged by.
    basis : Tensor of shape (d, q), dtype float64
        From :func:`leading_directions`.
    k : int
        How many neighbours are looked for.
    rows_cost : float, default=1.0
        What products of whole rows cost, relative to float32.

    Returns
    -------
    int
        Zero where products of whole rows are not much slower.
    """
    n, d = points.shape
    sample = _sample(points)
    center = sample.mean(dim=0)
    sample, queries = sample - center, queries.double() - center
    squares, query_squares = sample.square().sum(dim=1), queries.square().sum(dim=1)[:, None]
    level = squares + query_squares
    # As far as the k nearest of all points are, there is this many points of the sample.
    reach = torch.kthvalue(level - 2 * queries @ sample.T, -(-k * len(sample) // n), dim=1, keepdim=True).values
    coordinates, query_coordinates = sample @ basis, queries @ basis
    compare = _COMPARE + _FEATURE * d
    best, least = 0, _WORTH * n * (_MULTIPLY * rows_cost * (d + 1) + _SCAN)
    for r in _CHOICES:
        if r > basis.shape[1]:
            break
        x, q = coordinates[:, :r], query_coordinates[:, :r]
        rest = (squares - x.square().sum(dim=1)).clamp_min(0).sqrt()
        query_rest = (query_squares - q.square().sum(dim=1, keepdim=True)).clamp_min(0).sqrt()
        bounds = level - 2 * (q @ x.T + query_rest * rest)
        left = float((bounds <= reach).double().mean()) * n
        cost = n * (_MULTIPLY * (r + 2) + _SCAN) + (left + _THINNED * k) * compare
        if cost < least:
            best, least = r, cost
    return best
