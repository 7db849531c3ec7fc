"""The rows that K-means works on: dense ones on any device, in compiled loops on a CPU, or sparse ones.

All of them look at rows in *tile space*: ``(X - shift) * 2**-exponent``. Centred data keep their digits in products,
and a power of two brings data of any size to where squares neither overflow nor vanish. Nothing is centred but the
piece at hand, so that memory stays bounded.
"""

from collections.abc import Callable

import numpy as np
import torch

from skdl.kernels.counts import class_sums
from skdl.kernels.rowblocks import cut, on_threads, tile_rows
from skdl.utils import for_each_chunk

_DEVICE_BYTES = 1 << 28


class Rows:
    """Dense rows in tile space, as tensors on a device."""

    def __init__(self, X, weight: np.ndarray | None, shift: np.ndarray, exponent: int, device):
        self.X = X
        self.weight = weight
        self.n, self.d = X.shape
        self.dtype = X.dtype
        self.device = device
        self.shift = shift.astype(X.dtype)  # (d,)
        self.exponent = max(exponent, -1000)
        self.no_weight = np.ones(self.n) if weight is None else weight

    def points(self, rows) -> np.ndarray:
        """Return rows in tile space, by slice or by index."""  # (m, d)
        return self.to_tile_space(self.X[rows])

    def to_tile_space(self, points: np.ndarray) -> np.ndarray:
        moved = np.ascontiguousarray(points.astype(self.dtype, copy=False) - self.shift)
        return np.ldexp(moved, -self.exponent, out=moved) if self.exponent else moved

    def from_tile_space(self, points: np.ndarray) -> np.ndarray:
        return (np.ldexp(points.astype(np.float64), self.exponent) + self.shift).astype(self.dtype)

    def squared_unit(self, value: float) -> float:
        """Turn a squared distance in tile space into the data's unit; infinite where float64 ends."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.ldexp(value, 2 * self.exponent))

    def parts(self, n_clusters: int) -> list[slice]:
        """Cut the rows for threads; the parts' sums must stay small beside the data."""
        return cut(self.n, max(1, min(16, self.n // max(128, (1 << 16) // self.d, 8 * n_clusters))))

    def assign(self, centers: np.ndarray, labels: np.ndarray, *, sums: bool = False):
        """Write the label of each row's nearest centre; where asked, return sums of rows and weights per cluster.

        Parameters
        ----------
        centers : ndarray of shape (k, d), in tile space
        labels : ndarray of shape (n,), int32
        sums : bool, default=False

        Returns
        -------
        None or pair of ndarray of shapes (k, d) and (k,), float64
        """
        there = torch.as_tensor(centers, device=self.device)
        center_square = there.square().sum(dim=1)
        total = torch.zeros(there.shape, dtype=torch.float64, device=self.device)
        weights = torch.zeros(len(there), dtype=torch.float64, device=self.device)

        def work(piece, tile):
            label = torch.addmm(center_square, tile, there.T, alpha=-2).argmin(dim=1)  # (m,)
            labels[piece] = label.cpu().numpy()
            if sums:
                member = torch.zeros((len(there), len(tile)), dtype=torch.float64, device=self.device)
                share = 1.0 if self.weight is None else torch.as_tensor(self.weight[piece], device=self.device)
                member[label, torch.arange(len(tile), device=self.device)] = share
                total.add_(member @ tile.double())
                weights.add_(member.sum(dim=1))

        self._each_tile(2 * len(centers), work)
        return (total.cpu().numpy(), weights.cpu().numpy()) if sums else None

    def update(self, centers: np.ndarray, labels: np.ndarray, sums: np.ndarray, weights: np.ndarray) -> int:
        """Assign the rows anew, change the sums of rows and weights to match; return how many rows moved.

        Parameters
        ----------
        centers : ndarray of shape (k, d), in tile space
        labels : ndarray of shape (n,), int32
            The labels of the step before; -1 where there was none.
        sums, weights : ndarray of shape (k, d) and (k,), float64
            The sums of the step before, zero in the first one; where they are empty, only labels are written.
        """
        old = labels.copy()
        sums[:], weights[:] = self.assign(centers, labels, sums=True)
        return int(np.count_nonzero(labels != old))

    def distances_to(self, centers: np.ndarray) -> np.ndarray:
        """Squared distances of all rows to some points in tile space, of shape (k, n)."""
        there = torch.as_tensor(centers, device=self.device)
        result = np.empty((len(centers), self.n), dtype=self.dtype)

        def work(piece, tile):
            result[:, piece] = _squared_distances(tile, there).T.cpu().numpy()

        self._each_tile(2 * len(centers), work)
        return result

    def distances_to_candidates(self, points: np.ndarray) -> np.ndarray:
        """As :meth:`distances_to`, for drawing seeds: small distances may be off by the rounding of large ones."""
        return self.distances_to(points)

    def distances_to_own(self, centers: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Squared distance of each row to the centre of its cluster, float64, in tile space."""
        result = np.empty(self.n)
        rows = tile_rows(self.d)

        def work(part):
            for start in range(part.start, part.stop, rows):
                piece = slice(start, min(start + rows, part.stop))
                gap = (self.points(piece) - centers[labels[piece]]).astype(np.float64, copy=False)
                result[piece] = np.einsum("ij,ij->i", gap, gap)

        on_threads(work, self.parts(1))
        return result

    def inertia(self, centers: np.ndarray, labels: np.ndarray) -> float:
        """Weighted sum of squared distances to the own centre, in tile space."""
        distances = self.distances_to_own(centers, labels)
        return float(distances.sum() if self.weight is None else distances @ self.weight)

    def _each_tile(self, n_columns: int, work: Callable[[slice, torch.Tensor], None]) -> None:
        width = self.d + n_columns
        if self.device.type != "cpu":
            for_each_chunk(
                self.n,
                max(64, _DEVICE_BYTES // (width * self.dtype.itemsize)),
                lambda piece: work(piece, torch.from_numpy(self.points(piece)).to(self.device)),
            )
            return
        rows = tile_rows(width, self.dtype.itemsize)
        # Tiles are so small that waking torch's threads for each operation costs more than they save.
        n_threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for start in range(0, self.n, rows):
                piece = slice(start, min(start + rows, self.n))
                work(piece, torch.from_numpy(self.points(piece)))
        finally:
            torch.set_num_threads(n_threads)


class SparseRows(Rows):
    """Sparse rows: neither centred nor scaled, products with the stored values alone."""

    def __init__(self, X, weight, device):
        super().__init__(X, weight, np.zeros(X.shape[1]), 0, device)
        self.square = np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64).ravel()  # (n,)

    def points(self, rows):
        return self.X[rows].toarray()

    def _scores(self, piece, centers):
        some = self.X if piece.stop - piece.start == self.n else self.X[piece]
        return np.asarray(some @ centers.T)  # (m, k)

    def _each_piece(self, n_columns, work):
        on_threads(work, cut(self.n, max(1, self.n // max(64, (1 << 22) // (8 * n_columns)))))

    def assign(self, centers, labels, *, sums=False):
        level = np.einsum("ij,ij->i", centers, centers)

        def work(piece):
            labels[piece] = (level - 2 * self._scores(piece, centers)).argmin(axis=1)

        self._each_piece(len(centers), work)
        if not sums:
            return None
        total = class_sums(self.X, labels.astype(np.int64), self.weight, len(centers), self.device)
        return total, np.bincount(labels, weights=self.weight, minlength=len(centers)).astype(np.float64)

    def distances_to(self, centers):
        result = np.empty((len(centers), self.n), dtype=self.dtype)
        wide = centers.astype(np.float64)
        level = np.einsum("ij,ij->i", wide, wide)

        def work(piece):
            square = self.square[piece, None] - 2 * self._scores(piece, wide) + level
            result[:, piece] = np.maximum(square, 0).T

        self._each_piece(len(centers), work)
        return result

    def distances_to_own(self, centers, labels):
        wide = centers.astype(np.float64)
        own = np.empty(self.n)

        def work(piece):
            part = self.X[piece].tocoo()
            product = part.data.astype(np.float64) * wide[labels[piece][part.row], part.col]
            own[piece] = np.bincount(part.row, weights=product, minlength=piece.stop - piece.start)

        self._each_piece(64, work)
        level = np.einsum("ij,ij->i", wide, wide)
        return np.maximum(self.square - 2 * own + level[labels], 0)


def _squared_distances(tile: torch.Tensor, centers: torch.Tensor) -> torch.Tensor:
    """Squared distances between rows and centres; those that cancellation would spoil come from the differences."""
    square = tile.square().sum(dim=1, keepdim=True)  # (m, 1)
    center_square = centers.square().sum(dim=1)  # (k,)
    distances = torch.addmm(center_square, tile, centers.T, alpha=-2).add_(square)  # (m, k)
    doubtful = (distances < 1e-4 * (square + center_square)).nonzero()
    if len(doubtful):
        row, center = doubtful.T
        distances[row, center] = (tile[row] - centers[center]).square().sum(dim=1)
    return distances
