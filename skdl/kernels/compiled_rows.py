"""Dense rows on a CPU in compiled loops and products, and the choice among all kinds of rows."""

from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch

from skdl.kernels import _lloyd_loops, _turned_loops
from skdl.kernels.moments import class_moments
from skdl.kernels.rowblocks import BLOCK, cut, on_threads, tile_rows
from skdl.kernels.rows import Rows, SparseRows
from skdl.kernels.tensors import as_tensor

# Up to this many columns compiled loops are quicker than products at comparing few rows, or with few centres.
_LOOP_COLUMNS = 128
# Up to this many columns they are as quick at comparing all rows with all centres.
_FEW_COLUMNS = 32
# Up to this many centres loops are quicker than a product, of which they make a narrow one.
_FEW_CENTRES = 16
# Below this many values one thread has done the work before others have begun.
_SMALL_VALUES = 300_000
# The most memory that a turned copy of the rows may take.
TURNED_BYTES = 1 << 27


class CompiledRows(Rows):
    """Dense rows on a CPU: the loops of :mod:`skdl.kernels._lloyd_loops` over turned blocks of rows."""

    by_loops = True

    def __init__(self, X, weight, shift, exponent, device):
        super().__init__(np.ascontiguousarray(X), weight, shift, exponent, device)
        if self.is_small and not self.X.flags.writeable:
            # Arrays that cannot be written to would be compiled for once more.
            self.X = self.X.copy()
        self.scale = self.dtype.type(2.0**-self.exponent)
        self.share = np.empty(0) if weight is None else weight

    def share_of(self, part) -> np.ndarray:
        """The weights of some rows; empty where each row counts once."""
        return self.share[part] if len(self.share) else self.share

    @cached_property
    def turned(self) -> np.ndarray | None:
        """All the rows turned, of shape (n_blocks, d, 64), where they are not so many that they had better not be."""
        if self.X.nbytes > TURNED_BYTES:
            return None
        turned = np.empty((-(-self.n // BLOCK), self.d, BLOCK), dtype=self.dtype)
        if self.is_small:
            self._turn(slice(0, self.n), turned)
        else:
            # Parts that begin where a block does.
            parts = [slice(part.start * BLOCK, min(part.stop * BLOCK, self.n)) for part in cut(len(turned), 16)]
            on_threads(lambda part: self._turn(part, turned[part.start // BLOCK : -(-part.stop // BLOCK)]), parts)
        return turned

    @property
    def is_small(self) -> bool:
        """Whether the work is so little that one thread does it best."""
        return self.X.size < _SMALL_VALUES

    def _turn(self, part, turned):
        _turned_loops.turn(self.X[part], self.shift, self.scale, turned)

    def each_block(self, part: slice):
        """Yield slices of rows together with their turned blocks; the part must begin where a block does."""
        if self.turned is not None:
            yield part, self.turned[part.start // BLOCK : -(-part.stop // BLOCK)]
            return
        rows = tile_rows(self.d, self.dtype.itemsize, 1 << 17) // BLOCK * BLOCK
        scratch = np.empty((rows // BLOCK, self.d, BLOCK), dtype=self.dtype)
        for start in range(part.start, part.stop, rows):
            piece = slice(start, min(start + rows, part.stop))
            turned = scratch[: -(-(piece.stop - start) // BLOCK)]
            self._turn(piece, turned)
            yield piece, turned

    def block_parts(self, n_clusters: int) -> list[slice]:
        """As :meth:`parts`, beginning where blocks do."""
        blocks = cut(-(-self.n // BLOCK), len(self.parts(n_clusters)))
        return [slice(part.start * BLOCK, min(part.stop * BLOCK, self.n)) for part in blocks]

    def on_blocks(self, work, n_clusters: int = 1) -> list:
        """Call ``work(part)`` on parts of the rows, by threads where there is enough to do."""
        if self.is_small:
            return [work(slice(0, self.n))]
        return on_threads(work, self.block_parts(n_clusters))

    def assign(self, centers, labels, *, sums=False):
        total, weights = self._no_sums(len(centers)) if sums else self._no_sums(0)
        labels[:] = -1
        self.update(centers, labels, total, weights)
        return (total, weights) if sums else None

    def _no_sums(self, n_clusters):
        return np.zeros((n_clusters, self.d)), np.zeros(n_clusters)

    def update(self, centers, labels, sums, weights):
        slopes, levels = self.slopes_of(centers)

        def work(part):
            more, heavier = np.zeros_like(sums), np.zeros_like(weights)
            changed = 0
            for piece, turned in self.each_block(part):
                n = piece.stop - piece.start
                share = self.share_of(piece)
                changed += _lloyd_loops.step(turned, n, slopes, levels, labels[piece], share, more, heavier)
            return changed, more, heavier

        return _add_changes(self.on_blocks(work, len(centers)), sums, weights)

    @staticmethod
    def slopes_of(centers):
        """What scores are made of: the centres times minus two, and their squared lengths."""
        slopes, levels = np.empty_like(centers), np.empty(len(centers), dtype=centers.dtype)
        _lloyd_loops.slopes_of(centers, slopes, levels)
        return slopes, levels

    def scores_of_gathered(self, gathered, slopes, levels):
        """Products of gathered rows, which lie in tile space, with the centres, and what has to be added to them."""
        turned = np.empty((-(-len(gathered) // BLOCK), self.d, BLOCK), dtype=self.dtype)
        _turned_loops.turn(gathered, np.zeros_like(self.shift), self.dtype.type(1), turned)
        scores = np.empty((len(slopes), len(gathered)), dtype=self.dtype)
        _lloyd_loops.all_scores(turned, len(gathered), slopes, levels, scores)
        return scores, np.zeros_like(levels)

    def distances_to(self, centers):
        result = np.empty((len(centers), self.n), dtype=self.dtype)

        def work(part):
            for piece, turned in self.each_block(part):
                _lloyd_loops.all_distances(turned, piece.stop - piece.start, centers, result[:, piece])

        self.on_blocks(work)
        return result

    def distances_to_own(self, centers, labels):
        result = np.empty(self.n)

        def work(part):
            X = self.X[part]
            _lloyd_loops.own_distances(X, self.shift, self.scale, centers, labels[part], result[part])

        self.on_blocks(work)
        return result


class ProductRows(CompiledRows):
    """Dense rows on a CPU, more columns: products by tiles on each thread, labels and sums by compiled loops."""

    def __init__(self, X, weight, shift, exponent, device, lean: bool):
        super().__init__(X, weight, shift, exponent, device)
        # Where the shift is small beside the spread, the rows themselves are as good as centred ones in products.
        self.lean = lean and not self.exponent
        self.square: np.ndarray | None = None
        self.by_loops = self.d <= _LOOP_COLUMNS

    @property
    def is_small(self):
        return False

    def distances_to(self, centers):
        return super().distances_to(centers) if self.by_loops else Rows.distances_to(self, centers)

    def distances_to_candidates(self, points):
        if self.by_loops:
            return super().distances_to(points)
        square = self._squares()
        slopes, levels = self._slopes(points)
        result = np.empty((len(points), self.n), dtype=self.dtype)

        def work(part):
            for piece, tile in self._tiles(part, len(points)):
                distances = _products(slopes, tile)
                distances += square[piece] + levels[:, None]
                np.maximum(distances, 0, out=result[:, piece])

        on_threads(work, self.parts(1))
        return result

    def _squares(self) -> np.ndarray:
        """The squared lengths of the rows in tile space."""
        if self.square is None:
            here = np.zeros((1, self.d), dtype=self.dtype)
            self.square = self.distances_to_own(here, np.zeros(self.n, dtype=np.int32)).astype(self.dtype)
        return self.square

    def _slopes(self, centers):
        """What tiles are multiplied with, and what their products lack to be comparable: (k, d), (k,)."""
        slopes, levels = self.slopes_of(centers)
        return slopes, levels + 2 * (centers @ self.shift) if self.lean else levels

    def _tiles(self, part, n_columns):
        rows = tile_rows(self.d + n_columns, self.dtype.itemsize, 1 << 19)
        for start in range(part.start, part.stop, rows):
            piece = slice(start, min(start + rows, part.stop))
            yield piece, self.X[piece] if self.lean else self.points(piece)

    def update(self, centers, labels, sums, weights):
        slopes, levels = self._slopes(centers)
        shift = self.shift if self.lean else np.zeros_like(self.shift)

        def work(part):
            more, heavier = np.zeros_like(sums), np.zeros_like(weights)
            changed = 0
            for piece, tile in self._tiles(part, len(centers)):
                scores, share = _products(slopes, tile), self.share_of(piece)
                changed += _lloyd_loops.relabel(scores, levels, tile, shift, labels[piece], share, more, heavier)
            return changed, more, heavier

        return _add_changes(on_threads(work, self.parts(len(centers))), sums, weights)

    def scores_of_gathered(self, gathered, slopes, levels):
        return _products(slopes, gathered), levels


def _products(slopes, tile):
    """Return ``slopes @ tile.T``, of shape (k, m)."""
    out = np.empty((len(slopes), len(tile)), dtype=tile.dtype)
    if len(slopes) <= _FEW_CENTRES:
        _lloyd_loops.products(tile, slopes, out)
    else:
        torch.mm(torch.from_numpy(slopes), as_tensor(tile, "cpu").T, out=torch.from_numpy(out))
    return out


def _add_changes(results, sums, weights) -> int:
    """Add what parts of the rows changed in the sums; return how many rows changed their cluster."""
    for changed, more, heavier in results:
        if changed and len(sums):
            sums += more
            weights += heavier
    return sum(changed for changed, *_ in results)


def dense_rows(X: np.ndarray, weight, shift: np.ndarray, exponent: int, device, *, lean: bool = False) -> Rows:
    """Choose how dense rows are worked on, by their size alone."""
    if device.type != "cpu":
        return Rows(X, weight, shift, exponent, device)
    if X.shape[1] <= _FEW_COLUMNS or X.size < _SMALL_VALUES:
        return CompiledRows(X, weight, shift, exponent, device)
    return ProductRows(X, weight, shift, exponent, device, lean)


def prepare(X, weight: np.ndarray | None, device, *, centred: bool = True) -> tuple[Rows, float]:
    """Prepare rows for a fit; return them with the mean variance of their columns in tile space.

    Rows that lie on a sphere around the origin stay there with ``centred=False``.
    """
    if sp.issparse(X):
        share = np.ones(X.shape[0]) if weight is None else weight
        wide = X.astype(np.float64)
        mean = wide.T @ share / share.sum()
        square = wide.multiply(wide).T @ share / share.sum()
        return SparseRows(X, weight, device), float((square - mean**2).mean())
    if X.size < _SMALL_VALUES and centred:
        shift, variance = _ordinary_moments(X, weight)
        limit = 14 if X.dtype == np.float32 else 149
        if np.ldexp(1.0, -2 * limit) < variance.max() < np.ldexp(1.0, 2 * limit):
            return dense_rows(X, weight, shift, 0, device, lean=False), float(variance.mean())
    moments = class_moments(X, np.zeros(len(X), dtype=np.int64), weight, 1, torch.device("cpu"))
    variance = moments.variance()[0]  # in units of 4**moments.exponent
    if not centred:
        return dense_rows(X, weight, np.zeros(X.shape[1]), 0, device), float(variance.mean())
    largest = variance.max()
    limit = 15 if X.dtype == np.float32 else 150
    own = moments.exponent + int(np.frexp(np.sqrt(largest))[1]) if largest else 0
    exponent = own if abs(own) > limit else 0
    lean = bool((np.ldexp(moments.mean[0], -moments.exponent) ** 2).sum() <= 4 * variance.sum())
    rows = dense_rows(X, weight, moments.mean[0], exponent, device, lean=lean)
    return rows, float(np.ldexp(variance.mean(), 2 * (moments.exponent - exponent)))


def _ordinary_moments(X: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """About the mean of each column, and its variance; anything where squares overflow or vanish."""
    share = np.full(len(X), 1.0 / len(X)) if weight is None else weight / weight.sum()
    wide = X.astype(np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        shift = share @ wide
        wide -= shift
        rest = share @ wide
        return shift, share @ np.square(wide, out=wide) - rest**2
