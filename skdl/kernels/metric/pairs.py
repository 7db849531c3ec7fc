"""Losses over all pairs of rows, by tiles of distances that stay in cache.

A loss is a sum over rows i of a function of the squared distances ``D_ij = |L (x_i - x_j)|^2`` to all rows j. With V_ij
its derivative by ``D_ij``, the derivative by L is ``2 L S``, where ``S = sum_ij V_ij (x_i - x_j)(x_i - x_j)'``.
A tile of a few rows is made by one product, turned into V in place by a *local* function, and multiplied once more; no
more than a tile is kept. Everything is computed in float64: iterations magnify what is lost.
"""

from collections.abc import Callable

import numpy as np
import torch

from skdl.kernels.rowblocks import cut, on_threads, tile_rows
from skdl.kernels.threads import one_torch_thread
from skdl.utils import for_each_chunk

# A function of (tile, squares, rows): tile (m, n) holds |L x_i|^2 - D_ij and is overwritten by V; squares (m,) holds
# |L x_i|^2. It returns the loss of these rows.
Local = Callable[[torch.Tensor, torch.Tensor, slice], torch.Tensor]

_DEVICE_ENTRIES = 1 << 25
_FEW_ROWS = 1024
_LEAST_EXPONENT = -200.0


class AllPairs:
    """The rows whose pairs are looked at."""

    def __init__(self, X: np.ndarray, device=None):
        device = torch.device("cpu") if device is None else device
        self.X = torch.from_numpy(X - X.mean(axis=0)).to(device)  # (n, d)
        self.n, self.d = X.shape

    def tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.X.device)

    def loss(self, L: np.ndarray, local: Local) -> tuple[float, np.ndarray]:
        """Compute a loss and half its derivative.

        Parameters
        ----------
        L : ndarray of shape (h, d)
        local : callable
            As described for ``Local``.

        Returns
        -------
        loss : float
        half : ndarray of shape (h, d)
            ``L S``.
        """
        there = self.tensor(L)
        with torch.no_grad():
            if self.X.device.type != "cpu":
                loss, half = self._on_device(there, local)
            else:
                loss, half = self._on_cpu(there, local)
        return float(loss), half.cpu().numpy()

    def _on_cpu(self, L, local):
        step = tile_rows(self.n, cache_bytes=1 << 20)

        def work(part):
            total = sums.nothing()
            space = torch.empty((min(step, part.stop - part.start), self.n), dtype=torch.float64)
            for start in range(part.start, part.stop, step):
                sums.add(total, slice(start, min(start + step, part.stop)), space)
            return total

        with one_torch_thread():
            sums = _Sums(self.X, L, local)
            if self.n < _FEW_ROWS:
                return sums.finish(work(slice(0, self.n)))
        results = on_threads(work, cut(self.n, 8))
        with one_torch_thread():
            return sums.finish([sum(each[1:], start=each[0]) for each in zip(*results, strict=True)])

    def _on_device(self, L, local):
        sums = _Sums(self.X, L, local)
        total = sums.nothing()

        def work(rows):
            piece = sums.nothing()
            sums.add(piece, rows)
            for whole, part in zip(total, piece, strict=True):
                whole += part

        for_each_chunk(self.n, max(1, _DEVICE_ENTRIES // self.n), work)
        return sums.finish(total)


class _Sums:
    """What is added up tile by tile: the loss, the sums of V, and V between the two sides."""

    def __init__(self, X, L, local):
        self.X, self.L, self.local = X, L, local
        self.Z = X @ L.T  # (n, h)
        self.square = self.Z.square().sum(dim=1)
        # One column more gives 2 z_i'z_j - |z_j|^2 by a plain product, which is quicker than one that adds.
        self.left = torch.cat([2 * self.Z, self.Z.new_full((len(X), 1), -1.0)], dim=1)  # (n, h + 1)
        self.right = torch.cat([self.Z, self.square[:, None]], dim=1).T.contiguous()  # (h + 1, n)
        # V goes between X and X, or, where Z is much narrower, between Z and Z's two sides.
        self.wide = 2 * L.shape[0] >= X.shape[1]

    def nothing(self):
        n, d = self.X.shape
        new = self.X.new_zeros
        return [new(()), new(n), new((d, d)) if self.wide else new((n, self.Z.shape[1]))]

    def add(self, total, rows, space=None):
        """Add the tile of some rows to the loss, the sums of V's rows and columns, and ``X' V X`` or ``(V + V') Z``."""
        loss, sums, product = total
        space = None if space is None else space[: rows.stop - rows.start]
        tile = torch.mm(self.left[rows], self.right, out=space)  # (m, n)
        loss += self.local(tile, self.square[rows], rows)
        sums += tile.sum(dim=0)
        sums[rows] += tile.sum(dim=1)
        if self.wide:
            product += self.X[rows].T @ (tile @ self.X)
        else:
            product[rows] += tile @ self.Z
            product.addmm_(tile.T, self.Z[rows])

    def finish(self, total):
        loss, sums, product = total
        if self.wide:
            S = (self.X.T * sums) @ self.X - product - product.T
            return loss, self.L @ S
        return loss, (self.Z * sums[:, None] - product).T @ self.X


def soften(tile, rows):
    """Turn a tile into ``exp(-D_ij)`` of each row up to a factor, next to zero for a row and itself; in place.

    Returns
    -------
    sums : Tensor of shape (m, 1)
        Of the new entries.
    top : Tensor of shape (m, 1)
        ``log(sums) + top - squares`` is the logarithm of the sum of ``exp(-D_ij)``.
    """
    here = torch.arange(rows.start, rows.stop, device=tile.device)
    tile[here - rows.start, here] = -torch.inf
    top = tile.amax(dim=1, keepdim=True)
    # What is smaller than this is lost in any sum, and numbers below the normal ones make products very slow.
    tile.sub_(top).clamp_(min=_LEAST_EXPONENT).exp_()
    return tile.sum(dim=1, keepdim=True), top


class NeighbourOdds:
    """NCA's loss: less the expected number of rows whose drawn neighbour is of their class. Rows are sorted by class.

    A row draws its neighbour with odds ``exp(-D_ij)``.
    """

    def __init__(self, codes: np.ndarray):
        self.codes = codes
        self.edges = np.searchsorted(codes, np.arange(codes[-1] + 2))

    def __call__(self, tile, squares, rows):
        sums, _ = soften(tile, rows)
        loss = tile.new_zeros(())
        for code in range(self.codes[rows.start], self.codes[rows.stop - 1] + 1):
            start, stop = self.edges[code], self.edges[code + 1]
            piece = slice(max(start - rows.start, 0), min(stop, rows.stop) - rows.start)
            part, total = tile[piece], sums[piece]
            right = part[:, start:stop].sum(dim=1, keepdim=True) / total
            loss -= right.sum()
            wrong = -right / total
            part[:, :start].mul_(wrong)
            part[:, start:stop].mul_((1 - right) / total)
            part[:, stop:].mul_(wrong)
        return loss


class KernelResiduals:
    """MLKR's loss: the squared error of kernel regression with ``exp(-D_ij)``, each row left out of its own."""

    def __init__(self, y: torch.Tensor):
        self.y = y  # (n,)

    def __call__(self, tile, squares, rows):
        sums, _ = soften(tile, rows)
        predicted = (tile @ self.y)[:, None] / sums
        error = predicted - self.y[rows, None]
        tile.mul_(predicted - self.y).mul_(2 * error / sums)
        return error.square().sum()


class LogPartition:
    """The part of MCML's loss that is not linear: the sum of ``log sum_j exp(-D_ij)`` over rows that are counted."""

    def __init__(self, counted: torch.Tensor):
        self.counted = counted  # (n,), of 0 and 1

    def __call__(self, tile, squares, rows):
        sums, top = soften(tile, rows)
        counted = self.counted[rows]
        tile.mul_(-counted[:, None] / sums)
        return ((sums.log() + top)[:, 0] - squares) @ counted


class RootsBetween:
    """MMC's sum of distances between rows of different classes, each pair from both sides. Rows are sorted by class."""

    def __init__(self, codes: np.ndarray):
        self.codes = codes
        self.edges = np.searchsorted(codes, np.arange(codes[-1] + 2))

    def __call__(self, tile, squares, rows):
        tile.neg_().add_(squares[:, None]).clamp_(min=0).sqrt_()
        for code in range(self.codes[rows.start], self.codes[rows.stop - 1] + 1):
            start, stop = self.edges[code], self.edges[code + 1]
            tile[max(start - rows.start, 0) : min(stop, rows.stop) - rows.start, start:stop] = 0
        loss = tile.sum()
        # Rows in one place have no direction in which to part them.
        tile.mul_(2).reciprocal_().masked_fill_(torch.isinf(tile), 0)
        return loss
