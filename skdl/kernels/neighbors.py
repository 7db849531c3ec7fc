"""Euclidean neighbours: candidates by products in low precision, the decision by exact differences.

For centred and scaled vectors q and x, ``t = |x|^2 / 2 - q.x`` orders the points by their distance from q. A product in
floating point of unit roundoff u gives it with an error below ``E = c (|q||x| + |x|^2 / 2)``, where ``c = (d + 16) u``
covers every order of summation and the roundings of the inputs. The product is arranged to give ``t - E``, a lower
bound, at no cost: one column more. The k points of the smallest lower bounds have an upper bound ``t + E`` each; the
largest of these is a threshold that no true neighbour's lower bound exceeds. Whatever lies at or below it is compared
in float64 by differences (see :mod:`skdl.kernels.distances`). So no neighbour can be missed, whatever the data: bad
data give more candidates, never wrong answers.
"""

import math
from typing import NamedTuple

import torch

from skdl.kernels.distances import pair_distances
from skdl.kernels.integers import Integers, as_integers, empty_integers
from skdl.kernels.selection import ranked

# Below this a product may have lost its low bits to underflow (the data are scaled to at most 1).
_TINY = 1e-30
# How much is converted at a time where the points stay in their file.
_PART_BYTES = 1 << 20
# How much of them is ready for a product at a time.
TILE_BYTES = 1 << 23


class Reference(NamedTuple):
    """Training points, ready to be searched.

    Attributes
    ----------
    points : Tensor of shape (n, d)
        As they came.
    shift : Tensor of shape (d,), dtype float64
        What was subtracted.
    scale : float
        The power of two that was multiplied by afterwards.
    dtype : torch.dtype
        The precision of the products: float64, float32 or int8.
    augmented : Tensor of shape (n, d + 1) or None
        Centred points, and their norms as the last column; None where they are made by :meth:`part` each time. In int8
        the integers alone, of shape (n, d).
    low : Tensor of shape (n,)
        The part of the lower bound that depends on the point alone.
    norms : Tensor of shape (n,)
        The norms of the centred points.
    slack : float
        The constant c of the error bound.
    exact_scale : float
        A power of two for the exact comparison; 1 unless squares would overflow or vanish.
    basis : Tensor of shape (d, r), dtype float64, or None
        Directions along which products are taken instead of whole rows (see :mod:`skdl.kernels.directions`). The
        augmented points are then of shape (n, r + 2): coordinates, lengths of what is left, norms.
    integers : Integers or None
        In int8, what bounds the products.
    """

    points: torch.Tensor
    shift: torch.Tensor
    scale: float
    dtype: torch.dtype
    augmented: torch.Tensor | None
    low: torch.Tensor
    norms: torch.Tensor
    slack: float
    exact_scale: float
    basis: torch.Tensor | None = None
    integers: Integers | None = None

    def tile_rows(self, most: int) -> int:
        """How many points to multiply with at a time: ``most``, or fewer where they have to be made ready."""
        if self.augmented is not None:
            return most
        fitting = TILE_BYTES // ((self.points.shape[1] + 1) * self.dtype.itemsize)
        return min(most, max(64, fitting - fitting % 64))

    def part(self, rows: slice, empty=torch.empty) -> torch.Tensor:
        """Some rows of ``augmented``, in memory that ``empty`` gives where they have to be made ready."""
        if self.augmented is not None:
            return self.augmented[rows]
        points = self.points[rows]
        m, d = points.shape
        augmented = empty((m, d + 1), dtype=self.dtype, device=points.device)
        step = max(1, _PART_BYTES // (8 * d))
        for start in range(0, m, step):
            centred = points[start : start + step].double() - self.shift
            augmented[start : start + step, :d] = centred.mul_(self.scale)
        augmented[:, d] = self.norms[rows]
        return augmented

    def tiles(self):
        """All rows of ``augmented``, with their slices; a piece at a time where they have to be made ready."""
        n = len(self.points)
        step = self.tile_rows(n)
        for start in range(0, n, step):
            rows = slice(start, min(start + step, n))
            yield rows, self.part(rows)


def _power_of_two(largest: float) -> float:
    """The scale that brings ``largest`` to about 1; 1 for zero."""
    if largest == 0.0 or not math.isfinite(largest):
        return 1.0
    return 2.0 ** -min(max(math.frexp(largest)[1], -1000), 1000)


def _slack(d: int, dtype) -> float:
    """The constant of the error bound of products of length d."""
    if dtype == torch.int8:
        # Products have bounds of their own (see :mod:`skdl.kernels.integers`): what is left is float32's rounding.
        return 2e-6
    return (d + 16) * torch.finfo(dtype).eps / 2 * 1.01


def _coordinates(centred, norms, basis):
    """What stands for centred rows in a product: themselves, or their coordinates and the lengths of what is left."""
    if basis is None:
        return centred
    along = centred @ basis  # (m, r)
    rest = norms * norms - along.square().sum(dim=1)
    # A little too long, as the difference of squares is rounded.
    rest = (rest.clamp_min_(0) + 8 * (len(basis) + 16) * 2.0**-53 * norms * norms).sqrt_()
    return torch.cat([along, rest[:, None]], dim=1)


def prepare(points, dtype=torch.float32, chunk_rows: int = 1 << 14, keep: bool = True, basis=None) -> Reference:
    """Centre, scale and augment training points.

    Parameters
    ----------
    points : Tensor of shape (n, d)
        Float32 or float64; kept, not copied.
    dtype : torch.dtype, default=torch.float32
        The precision of the products; int8 too.
    chunk_rows : int, default=16384
        How many rows to convert at a time.
    keep : bool, default=True
        Whether to keep the augmented points, a copy of all. Otherwise they are made when they are needed, in bounded
        memory, and ``dtype`` must not be int8.
    basis : Tensor of shape (d, r), dtype float64, or None, default=None
        Orthonormal directions along which to take products; ``keep`` must then be true.

    Returns
    -------
    Reference
    """
    n, d = points.shape
    device = points.device
    if not keep:
        chunk_rows = max(1, _PART_BYTES // (8 * d))
    chunks = [slice(start, start + chunk_rows) for start in range(0, n, chunk_rows)]
    largest = max(float(points[rows].abs().max()) for rows in chunks)
    outer = _power_of_two(largest)
    total = torch.zeros(d, dtype=torch.float64, device=device)
    for rows in chunks:
        total += (points[rows].double() * outer).sum(dim=0)
    shift = total / n / outer
    spread = max(float((points[rows].double() - shift).abs().max()) for rows in chunks)
    scale = _power_of_two(spread)
    width = d if basis is None else basis.shape[1] + 1
    integers = empty_integers(n, d) if dtype == torch.int8 else None
    augmented = torch.empty((n, width + 1), dtype=dtype, device=device) if keep and integers is None else None
    slack = _slack(width, dtype)
    if basis is not None:
        # Coordinates are rounded in float64, and the directions orthonormal to within rounding.
        skew = float((basis.T @ basis - torch.eye(basis.shape[1], dtype=basis.dtype, device=device)).norm())
        slack += 4 * (skew + 4 * (d + 16) * 2.0**-53)
    rest = torch.float32 if dtype == torch.int8 else dtype
    low = torch.empty(n, dtype=rest, device=device)
    size = torch.empty(n, dtype=rest, device=device)
    for rows in chunks:
        centred = (points[rows].double() - shift) * scale
        norms = torch.linalg.vector_norm(centred, dim=1)
        if integers is not None:
            for held, part in zip(integers, as_integers(centred, norms), strict=True):
                held[rows] = part
        if augmented is not None:
            augmented[rows, :width] = _coordinates(centred, norms, basis).to(dtype)
            augmented[rows, width] = norms.to(dtype)
        low[rows] = (norms * norms * (0.5 * (1 - slack)) - _TINY).to(rest)
        size[rows] = norms.to(rest)
    return Reference(
        points=points,
        shift=shift,
        scale=scale,
        dtype=dtype,
        augmented=augmented if integers is None else integers.values,
        low=low,
        norms=size,
        slack=slack,
        exact_scale=outer if not 1e-140 < max(largest, 1e-300) < 1e140 else 1.0,
        basis=basis,
        integers=integers,
    )


def centred_queries(reference: Reference, queries):
    """Bring queries to the reference's coordinates.

    Returns
    -------
    augmented : Tensor of shape (m, d + 1), or (m, r + 2) along directions; Integers in int8
    norms : Tensor of shape (m,), dtype float64
    """
    centred = (queries.double() - reference.shift) * reference.scale
    norms = torch.linalg.vector_norm(centred, dim=1)
    if reference.integers is not None:
        return as_integers(centred, norms), norms
    dtype = reference.dtype
    rows = _coordinates(centred, norms, reference.basis)
    return torch.cat([rows.to(dtype), (reference.slack * norms).to(dtype)[:, None]], dim=1), norms


def _lower_bounds(reference, augmented):
    if reference.augmented is not None:
        return torch.addmm(reference.low, augmented, reference.augmented.T, alpha=-1)  # (m, n)
    bounds = augmented.new_empty((len(augmented), len(reference.low)))
    for rows, part in reference.tiles():
        bounds[:, rows] = torch.addmm(reference.low[rows], augmented, part.T, alpha=-1)
    return bounds


def _blur(reference) -> float:
    """How far the exact distances themselves may be rounded, relatively; rows within it count as equally distant."""
    return 4 * (reference.shift.shape[0] + 16) * 2.0**-53


def _exact(reference, queries, rows, columns):
    return pair_distances(queries, reference.points, rows, columns, scale=reference.exact_scale)


def nearest(reference: Reference, queries, k: int, limit: int | None = None):
    """Find the k nearest points of a few queries, ties by index.

    Parameters
    ----------
    reference : Reference
        The training points.
    queries : Tensor of shape (m, d)
        On the same device; so few that an (m, n) block fits.
    k : int
        How many.
    limit : int or None, default=None
        Give up if there are more candidates than this.

    Returns
    -------
    distances : Tensor of shape (m, k), dtype float64
        Squared, and multiplied by ``reference.exact_scale`` squared.
    indices : Tensor of shape (m, k), dtype int64

    None is returned instead if there were too many candidates.
    """
    augmented, norms = centred_queries(reference, queries)
    bounds = _lower_bounds(reference, augmented)
    best = torch.topk(bounds, k, dim=1, largest=False)
    sizes = reference.norms[best.indices].double()  # (m, k)
    upper = best.values.double() + reference.slack * sizes * (2 * norms[:, None] + sizes) + 2 * _TINY
    threshold = (upper + _blur(reference) * (upper.abs() + norms[:, None] ** 2)).amax(dim=1, keepdim=True)
    threshold = threshold.to(bounds.dtype)
    mask = ~(bounds > threshold)  # so written that NaN, from a query far out, takes every point
    if limit is not None and int(torch.count_nonzero(mask)) > limit:
        return None
    rows, columns = torch.nonzero(mask, as_tuple=True)
    return ranked(rows, columns, _exact(reference, queries, rows, columns), len(queries), k)


def within(reference: Reference, queries, radius):
    """Find the points that may lie within a radius of a few queries, none of those that do left out.

    Parameters
    ----------
    radius : Tensor of shape (m,), dtype float64
        A radius for each query; points at this distance belong to it.

    Returns
    -------
    rows, columns : Tensor of shape (n_pairs,), dtype int64
        Sorted by row and column.
    distances : Tensor of shape (n_pairs,), dtype float64
        Squared, and multiplied by ``reference.exact_scale`` squared.
    """
    augmented, norms = centred_queries(reference, queries)
    bounds = _lower_bounds(reference, augmented)
    reach = ((radius * reference.scale) ** 2 - norms**2) / 2
    blur = (4 * torch.finfo(bounds.dtype).eps + _blur(reference)) * (
        (radius * reference.scale) ** 2 + norms**2
    ) + 2 * _TINY
    rows, columns = torch.nonzero(~(bounds > (reach + blur).to(bounds.dtype)[:, None]), as_tuple=True)
    return rows, columns, _exact(reference, queries, rows, columns)


def euclidean_block(reference: Reference, queries):
    """Compute all distances of a few queries: by products, and by differences where products cancel.

    Parameters
    ----------
    reference : Reference
        The training points, prepared in float64.
    queries : Tensor of shape (m, d)
        On the same device.

    Returns
    -------
    Tensor of shape (m, n), dtype float64
    """
    augmented, norms = centred_queries(reference, queries)
    d = queries.shape[1]
    squares = norms[:, None] ** 2 + reference.norms**2
    cancelled = squares * 1e-4
    for some, part in reference.tiles():
        squares[:, some].addmm_(augmented[:, :d], part[:, :d].T, alpha=-2)
    rows, columns = torch.nonzero(~(squares > cancelled), as_tuple=True)
    distances = squares.clamp_(min=0).sqrt_().div_(reference.scale)
    distances[rows, columns] = _exact(reference, queries, rows, columns).sqrt_().div_(reference.exact_scale)
    return distances
