"""Lloyd's iteration over tiles of rows that are centred, scaled and forgotten again, so memory stays bounded."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from skdl.kernels.moments import class_moments
from skdl.utils import for_each_chunk

_TILE_BYTES = 1 << 20


class Rows:
    """The data as centred tiles: ``(X[rows] - shift) * scale`` on a device, in the type of X.

    Centred data keep their digits in products, and a power of two brings data of any size to where squares
    neither overflow nor vanish.
    """

    def __init__(self, X: np.ndarray, weight: np.ndarray | None, shift: np.ndarray, exponent: int, device):
        self.X = X
        self.weight = weight
        self.n, self.d = X.shape
        self.dtype = X.dtype
        self.device = device
        self.shift = shift.astype(X.dtype)  # (d,)
        self.exponent = exponent

    def tile(self, rows) -> torch.Tensor:
        """Return centred rows, by slice or by index."""  # (m, d)
        return torch.from_numpy(self.to_tile_space(self.X[rows])).to(self.device)

    def to_tile_space(self, points: np.ndarray) -> np.ndarray:
        moved = np.ascontiguousarray(points - self.shift)
        return np.ldexp(moved, -self.exponent, out=moved) if self.exponent else moved

    def from_tile_space(self, points: np.ndarray) -> np.ndarray:
        return (np.ldexp(points.astype(np.float64), self.exponent) + self.shift).astype(self.dtype)

    def squared_unit(self, value: float) -> float:
        """Turn a squared distance in tile space into the data's unit; infinite where float64 ends."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.ldexp(value, 2 * self.exponent))

    def weights(self, rows) -> torch.Tensor | None:
        return None if self.weight is None else torch.as_tensor(self.weight[rows], device=self.device)

    def each(self, n_columns: int, work: Callable[[slice, torch.Tensor], None]) -> None:
        """Call ``work(rows, tile)`` over all the rows; a tile and its (m, n_columns) distances stay in cache."""
        width = self.d + n_columns
        size = _TILE_BYTES if self.device.type == "cpu" else 256 * _TILE_BYTES
        for_each_chunk(self.n, max(64, size // (width * self.dtype.itemsize)), lambda rows: work(rows, self.tile(rows)))


def centred_rows(X: np.ndarray, weight: np.ndarray | None, device) -> tuple[Rows, float]:
    """Prepare rows; return them with the mean variance of their columns in tile space."""
    moments = class_moments(X, np.zeros(len(X), dtype=np.int64), weight, 1, torch.device("cpu"))
    variance = moments.ssd[0] / moments.count[0]  # in units of 4**moments.exponent
    exponent = moments.exponent
    limit = 1e10 if X.dtype == np.float32 else 1e100
    largest = float(np.ldexp(variance.max(), 2 * exponent)) if abs(exponent) < 400 else 0.0
    if largest and 1 / limit < largest < limit:
        return Rows(X, weight, moments.mean[0], 0, device), float(np.ldexp(variance.mean(), 2 * exponent))
    if not variance.any():
        return Rows(X, weight, moments.mean[0], 0, device), 0.0
    own = exponent + int(np.frexp(np.sqrt(variance.max()))[1])
    rows = Rows(X, weight, moments.mean[0], own, device)
    return rows, float(np.ldexp(variance.mean(), 2 * (exponent - own)))


def squared_distances(tile: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    """Squared distances between rows and centres; those that cancellation would spoil come from the differences."""
    square = tile.square().sum(dim=1, keepdim=True)  # (m, 1)
    center_square = centers.square().sum(dim=1)  # (k,)
    distances = torch.addmm(center_square, tile, centers.T, alpha=-2).add_(square)  # (m, k)
    doubtful = (distances < 1e-4 * (square + center_square)).nonzero()
    if len(doubtful):
        row, center = doubtful.T
        distances[row, center] = (tile[row] - centers[center]).square().sum(dim=1)
    return distances


def squared_distances_to(rows: Rows, chosen: np.ndarray) -> np.ndarray:
    """Squared distances of all rows to a few of them, float64, of shape (len(chosen), n)."""
    centers = rows.tile(chosen)
    result = np.empty((len(chosen), rows.n))

    def work(piece, tile):
        result[:, piece] = squared_distances(tile, centers).T.cpu().numpy()

    rows.each(len(chosen), work)
    return result


def assign(rows: Rows, centers: torch.Tensor, labels: np.ndarray, sums=None) -> None:
    """Write the label of each row's nearest centre; where asked, add up the rows of each cluster.

    Parameters
    ----------
    rows : Rows
    centers : Tensor of shape (k, d), in tile space
    labels : ndarray of shape (n,), int32
        Written to.
    sums : None or pair of Tensors of shapes (k, d) and (k,), float64
        Added to: sums of the rows and of their weights.
    """
    center_square = centers.square().sum(dim=1)

    def work(piece, tile):
        score = torch.addmm(center_square, tile, centers.T, alpha=-2)  # (m, k)
        label = score.argmin(dim=1)
        labels[piece] = label.cpu().numpy()
        if sums is not None:
            member = torch.zeros((len(centers), len(tile)), dtype=tile.dtype, device=tile.device)
            weight = rows.weights(piece)
            member[label, torch.arange(len(tile), device=tile.device)] = (
                1.0 if weight is None else weight.to(tile.dtype)
            )
            sums[0].add_(member @ tile)
            sums[1].add_(member.sum(dim=1, dtype=torch.float64))

    rows.each(len(centers), work)


def distances_to_own(rows: Rows, centers: torch.Tensor, labels: np.ndarray) -> np.ndarray:
    """Squared distance of each row to the centre of its cluster, float64, in tile space."""
    result = np.empty(rows.n)

    def work(piece, tile):
        own = centers[torch.as_tensor(labels[piece], device=tile.device).long()]
        result[piece] = (tile - own).double().square().sum(dim=1).cpu().numpy()

    rows.each(rows.d, work)
    return result


def inertia_of(rows: Rows, centers: torch.Tensor, labels: np.ndarray) -> float:
    """Weighted sum of squared distances to the own centre, in tile space."""
    distances = distances_to_own(rows, centers, labels)
    return float(distances.sum() if rows.weight is None else distances @ rows.weight)


@dataclass
class Run:
    """What one run of Lloyd's algorithm found; centres and inertia in tile space."""

    labels: np.ndarray  # (n,), int32
    centers: np.ndarray  # (k, d)
    inertia: float
    n_iter: int
    interrupted: bool


def lloyd(rows: Rows, centers: np.ndarray, max_iter: int, tol: float, report: Callable[[], None]) -> Run:
    """Move centres to the means of their clusters until the labels stay or the centres hardly move.

    Parameters
    ----------
    rows : Rows
    centers : ndarray of shape (k, d), in tile space
    max_iter : int
    tol : float
        Stop when the squared shifts of the centres add up to no more.
    report : callable
        Called after each iteration.
    """
    there = torch.as_tensor(centers, device=rows.device)
    labels = np.full(rows.n, -1, dtype=np.int32)
    labels_old = labels.copy()
    settled = interrupted = False
    n_iter = 0
    try:
        while n_iter < max_iter:
            n_iter += 1
            sums = torch.zeros(there.shape, dtype=torch.float64, device=rows.device)
            weights = torch.zeros(len(there), dtype=torch.float64, device=rows.device)
            assign(rows, there, labels, (sums, weights))
            moved = new_centers(rows, there, labels, sums.cpu().numpy(), weights.cpu().numpy())
            shift = float((moved - there).double().square().sum())
            there = moved
            report()
            settled = np.array_equal(labels, labels_old)
            if settled or shift <= tol:
                break
            labels_old[:] = labels
    except KeyboardInterrupt:
        interrupted = True
    if not settled:
        # The labels belong to the centres before the last move.
        assign(rows, there, labels)
    return Run(labels, there.cpu().numpy(), inertia_of(rows, there, labels), max(1, n_iter), interrupted)


def new_centers(rows: Rows, centers: torch.Tensor, labels, sums: np.ndarray, weights: np.ndarray) -> torch.Tensor:
    """Turn sums into means; a cluster without rows moves to the row that is farthest from its own centre.

    Where all rows lie on their centres, an empty cluster moves to the centre of the largest one.
    """
    empty = np.flatnonzero(weights == 0)
    if len(empty):
        distances = distances_to_own(rows, centers, labels)
        if distances.max() > 0:
            far = np.argpartition(distances, -len(empty))[: -len(empty) - 1 : -1]
            points = rows.tile(far).double().cpu().numpy()
            for cluster, row, point in zip(empty, far, points, strict=True):
                weight = 1.0 if rows.weight is None else rows.weight[row]
                sums[labels[row]] -= weight * point
                weights[labels[row]] -= weight
                sums[cluster] = weight * point
                weights[cluster] = weight
    filled = weights > 0
    means = np.empty_like(sums)
    np.divide(sums, weights[:, None], out=means, where=filled[:, None])
    means[~filled] = means[weights.argmax()]
    return torch.as_tensor(means.astype(rows.dtype), device=rows.device)
