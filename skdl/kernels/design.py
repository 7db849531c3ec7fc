"""A design matrix ready for iterations: on its device, centred and scaled so that no column is lost to rounding.

Column ``j`` of the design stands for ``(X[:, j] - shift[j]) / scale[j] - mean[j]``: the shift and the scale are
applied to the stored values, the mean is only carried along (a sparse matrix stays sparse that way, and a large
float32 one is not copied). Scales are powers of two, so that dividing by them costs no digit.
"""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from skdl.kernels.rowblocks import BLOCK, blocks_alone_on_threads, cut, on_threads, tile_rows
from skdl.kernels.threads import one_torch_thread

# Rows of a tile: the values of one tile and what is computed from them should stay in a core's cache.
_TILE_VALUES = {"cpu": 1 << 20, "cuda": 1 << 27, "mps": 1 << 25}
# From how many values on each thread has tiles of its own.
_THREADED = 1 << 19
# How many values a part has whose work is one call, and the most memory that turned rows may take.
_PART_VALUES = 1 << 21
_TURNED_BYTES = 1 << 28
# Up to this many columns a product of X with itself is a small one of many rows, and made by parts of them.
_NARROW = 512
# Rows of the pieces that a product which sums over samples is split into.
_SPLIT = 512
# From so many values on, compiled loops are worth loading.
_COMPILED_VALUES = 1 << 20
# Above this many values the copy that centring costs is made only where the columns need it.
_LARGE = 1 << 21
# Below this many values a sparse matrix is made dense: its products would cost more.
_SMALL = 1 << 18


def wide_dtype(device: torch.device) -> torch.dtype:
    """The type for parameters and sums: float64, except where the device has none."""
    return torch.float32 if device.type == "mps" else torch.float64


@dataclass
class Design:
    """What the solvers read; made by :func:`make_design`."""

    X: Tensor  # (n, d), dense or sparse CSR
    transposed: Tensor | None  # (d, n), sparse CSR; None for a dense X
    shift: np.ndarray  # (d,)
    scale: np.ndarray  # (d,), powers of two
    mean: Tensor  # (d,), zeros where the columns are not centred
    square: Tensor  # (d,), weighted mean squares of the centred columns
    weight: Tensor | None  # (n,), of mean one; None for all ones
    total: float  # the sum of the weights that were given

    @property
    def n(self) -> int:
        return self.X.shape[0]

    @property
    def d(self) -> int:
        return self.X.shape[1]

    @property
    def is_compiled(self) -> bool:
        """Whether passes over the rows are compiled loops: dense rows on a CPU, so many that loading them pays."""
        return self.transposed is None and self.X.device.type == "cpu" and self.X.numel() >= _COMPILED_VALUES

    def slices(self, width: int = 1, rows: int | None = None) -> list[slice]:
        """Tiles of rows; ``width`` is how many values a row's results take beside its ``d`` values."""
        if self.transposed is not None:
            return [slice(0, self.n)]
        step = max(256, _TILE_VALUES[self.X.device.type] // max(self.d, 2 * width)) if rows is None else rows
        return [slice(start, min(start + step, self.n)) for start in range(0, self.n, step)]

    def tiles(self, width: int = 1) -> list[slice]:
        """As :meth:`slices`, on a CPU so small that a tile stays in the cache of the one thread that works on it."""
        if self.transposed is not None or self.X.device.type != "cpu" or self.n * (self.d + width) < _THREADED:
            return self.slices(width)
        return self.slices(rows=tile_rows(self.d + 2 * width, self.X.element_size()))

    def threads(self, width: int = 1) -> AbstractContextManager:
        """What a solver sets up whose passes over the rows are products with ``width`` columns.

        One thread for small ones, which a library may round by the number of threads; threads for parts of the rows,
        but not for what lies between the passes, where they are large and dense.
        """
        if self.X.device.type != "cpu":
            return nullcontext()
        if self.n * (self.d + width) < _THREADED:
            return one_torch_thread()
        return nullcontext() if self.transposed is not None else blocks_alone_on_threads()

    def parts(self, width: int = 1) -> list[slice]:
        """Parts larger than :meth:`tiles`, for compiled work; they begin where the blocks of `turned` do."""
        blocks = cut(-(-self.n // BLOCK), self.n * (self.d + width) // _PART_VALUES)
        return [slice(part.start * BLOCK, min(part.stop * BLOCK, self.n)) for part in blocks]

    @cached_property
    def turned(self) -> np.ndarray:
        """Rows as columns of blocks (n_blocks, d, 64), for solvers that pass over them often; empty if too many."""
        from skdl.kernels._turned_loops import turn

        X = self.X.numpy()
        n_blocks = -(-self.n // BLOCK) if X.nbytes <= _TURNED_BYTES else 0
        turned = np.empty((n_blocks, self.d, BLOCK), dtype=X.dtype)
        if n_blocks:
            nothing, one = np.zeros(self.d, dtype=X.dtype), X.dtype.type(1)

            def work(rows):
                turn(X[rows], nothing, one, turned[rows.start // BLOCK : -(-rows.stop // BLOCK)])

            on_threads(work, self.parts())
        return turned

    def summed(self, work: Callable, tiles: list[slice]) -> list[Tensor]:
        """Add up what ``work(i, tiles[i])`` returns, a tuple of tensors, by as many threads as torch has been given."""

        def add_up(some: slice) -> list[Tensor]:
            total: list[Tensor] = []
            for i in range(some.start, some.stop):
                terms = work(i, tiles[i])
                total = [a + b for a, b in zip(total, terms, strict=True)] if total else list(terms)
            return total

        # The groups are cut by the size of the data alone, so that the number of threads changes no bit.
        threaded = self.X.device.type == "cpu" and len(tiles) > 1
        groups = on_threads(add_up, cut(len(tiles), 16)) if threaded else [add_up(slice(0, len(tiles)))]
        return [torch.stack(terms).sum(dim=0) for terms in zip(*groups, strict=True)]

    def with_dtype(self, dtype: torch.dtype) -> "Design":
        """The same design with its values in another floating-point type."""
        if self.X.dtype == dtype:
            return self
        transposed = None if self.transposed is None else self.transposed.to(dtype)
        weight = None if self.weight is None else self.weight.to(dtype)
        return Design(self.X.to(dtype), transposed, self.shift, self.scale, self.mean, self.square, weight, self.total)

    def centred_rows(self, index: Tensor | None, dtype: torch.dtype) -> "Design":
        """A design of some of the rows, or all (dense only), whose stored columns are centred, in a type of its own."""
        X, weight = self.X, self.weight
        if index is not None:
            X, weight = X[index], None if weight is None else weight[index] / weight[index].mean().clamp_min(1e-30)
        X = (X - self.mean.to(X.dtype)).to(dtype)
        weight = None if weight is None else weight.to(dtype)
        zeros = torch.zeros_like(self.mean)
        return Design(X, None, self.shift, self.scale, zeros, self.square, weight, self.total)

    def tile(self, rows: slice, dtype: torch.dtype) -> Tensor:
        """Rows of X in a type of their own; all of X where it is sparse, which has one tile."""
        return self.X if self.transposed is not None else self.X[rows].to(dtype)

    def times(self, W: Tensor, offset: Tensor, X: Tensor) -> Tensor:
        """``W @ X.T + offset`` for a tile X (t, d); W (K, d) and offset (K,) give (K, t)."""
        if self.transposed is not None:
            return (X @ W.T).add_(offset).T.contiguous()
        return torch.addmm(offset[:, None], W, X.T)

    def pulled_back(self, R: Tensor, X: Tensor) -> Tensor:
        """``R @ X`` for a tile X (t, d); R (K, t) gives (K, d)."""
        if self.transposed is not None:
            return (self.transposed @ R.T).T
        t = len(X)
        if t < 4 * _SPLIT:
            return R @ X
        # The sum over samples is long and the result is small: products of this shape are slow unless they are split.
        whole = t - t % _SPLIT
        parts = torch.bmm(
            R[:, :whole].reshape(len(R), -1, _SPLIT).transpose(0, 1), X[:whole].view(-1, _SPLIT, X.shape[1])
        ).sum(dim=0)
        return parts if whole == t else parts.addmm_(R[:, whole:], X[whole:])

    def gram(self, limit: int | None = None) -> Tensor:
        """The weighted mean of ``x x'`` over centred rows, from ``limit`` rows drawn at random where there are more."""
        if self.transposed is not None:
            product = self.transposed @ (self.X if self.weight is None else _scaled_rows(self.X, self.weight))
            total, mass = product.to_dense().to(self.mean.dtype), float(self.n)
        elif limit is not None and self.n > limit:
            index = some_rows(self.n, limit, self.X.device)
            total, mass = _squared(self.X[index], None if self.weight is None else self.weight[index])
        else:
            total, mass = _squared(self.X, self.weight)
        return (total / max(mass, 1e-300)).addr_(self.mean.to(total), self.mean.to(total), alpha=-1.0)


def some_rows(n: int, size: int, device: torch.device) -> Tensor:
    """Positions of rows drawn at random, always the same for the same sizes."""
    return torch.from_numpy(np.sort(np.random.default_rng(0).integers(n, size=size))).to(device)


def _squared(X: Tensor, weight: Tensor | None) -> tuple[Tensor, float]:
    """``X'WX`` in the wide type, summed over tiles, and the sum of the weights."""
    d, wide, step = X.shape[1], wide_dtype(X.device), max(256, 2 * _TILE_VALUES[X.device.type] // X.shape[1])
    # Some columns at a time with those behind them: the other half is the same.
    band = max(32, -(-d // 4)) if X.device.type == "cpu" else d

    def squared(part: slice) -> Tensor:
        total = torch.zeros(d, d, dtype=wide, device=X.device)
        for start in range(part.start, part.stop, step):
            rows = slice(start, min(start + step, part.stop))
            tile = X[rows]
            scaled = tile if weight is None else tile * weight[rows, None]
            for first in range(0, d, band):
                total[first : first + band, first:] += scaled[:, first : first + band].T @ tile[:, first:]
        return total

    if X.device.type == "cpu" and d <= _NARROW:
        total = torch.stack(on_threads(squared, cut(len(X), 16))).sum(dim=0)
    else:
        total = squared(slice(0, len(X)))
    return total.triu_().add_(total.triu(1).T), float(len(X) if weight is None else weight.sum())


def _scaled_rows(X: Tensor, weight: Tensor) -> Tensor:
    counts = X.crow_indices().diff()
    return csr_like(X, X.values() * torch.repeat_interleave(weight, counts))


def csr_like(X: Tensor, values: Tensor) -> Tensor:
    """A sparse tensor with the places of X and other values."""
    return _csr_tensor(X.crow_indices(), X.col_indices(), values, X.shape)


def _csr_tensor(rows: Tensor, columns: Tensor, values: Tensor, shape) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(rows, columns, values, shape, check_invariants=False)


def _sparse_tensor(X: sp.csr_array, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _csr_tensor(
        torch.from_numpy(X.indptr.astype(np.int64)).to(device),
        torch.from_numpy(X.indices.astype(np.int64)).to(device),
        torch.from_numpy(np.ascontiguousarray(X.data)).to(device=device, dtype=dtype),
        X.shape,
    )


def _power_of_two(values: np.ndarray) -> np.ndarray:
    """The nearest power of two to each value; one where a value is zero."""
    _, exponent = np.frexp(np.where(values > 0, values, 1.0))
    return np.ldexp(1.0, np.clip(exponent, -1020, 1020))


def make_design(X, weight: np.ndarray | None, *, center: bool, device: torch.device) -> Design:
    """Move X to the device and find the centre and the scale of its columns.

    Parameters
    ----------
    X : ndarray or scipy sparse matrix of shape (n, d), float32 or float64
        The samples, finite. A small sparse matrix becomes dense.
    weight : ndarray of shape (n,) or None
        Weights of the samples.
    center : bool
        Whether columns are centred at their weighted mean; true where the model has a free intercept.
    device : torch.device
        Where to compute.

    Returns
    -------
    Design
    """
    n, d = X.shape
    wide = wide_dtype(device)
    total = float(n) if weight is None else float(weight.sum())
    weights = None if weight is None else weight * (n / total)
    if sp.issparse(X) and n * d <= _SMALL:
        X = X.toarray()
    if sp.issparse(X):
        return _make_sparse(sp.csr_array(X), weights, total, center=center, device=device)
    zeros = np.zeros(d)
    if X.size > _LARGE and not (X.dtype == np.float64 and device.type == "mps"):
        tensor = torch.from_numpy(np.ascontiguousarray(X)).to(device)
        design = Design(
            tensor, None, zeros, np.ones(d), torch.zeros(d, dtype=wide, device=device),
            torch.zeros(d, dtype=wide, device=device), _tensor(weights, tensor.dtype, device), total,
        )  # fmt: skip
        if _try_uncopied(design, center):
            return design
    # Half of a column's extremes is finite even where their sum or the column's sum is not.
    low, high = X.min(axis=0).astype(np.float64), X.max(axis=0).astype(np.float64)
    middle = 0.5 * low + 0.5 * high if center else zeros
    reach = np.maximum(high - middle, middle - low) if center else np.maximum(np.abs(low), np.abs(high))
    scale = _power_of_two(reach)
    # A copy is made anyway: in float64 it costs little more, unless there is much of it.
    dtype = torch.float64 if (X.dtype == np.float64 or X.size <= _LARGE) and device.type != "mps" else torch.float32
    working = np.float64 if dtype == torch.float64 else np.float32
    # Two steps: the extremes bring every column into [-1, 1], where means and squares cannot overflow.
    unit = np.empty(X.shape, dtype=working)
    inverse = 1.0 / scale
    for start in range(0, n, step := max(1, (1 << 17) // max(d, 1))):
        rows = slice(start, start + step)
        unit[rows] = (X[rows].astype(np.float64, copy=False) - middle) * inverse
    mean = np.average(unit, axis=0, weights=weights).astype(np.float64) if center else zeros
    if weights is None:
        square = np.einsum("ij,ij->j", unit, unit, dtype=np.float64) / n
    else:
        square = np.einsum("i,ij,ij->j", weights, unit, unit, dtype=np.float64) / n
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    spread[spread < 64 * np.finfo(working).eps * np.maximum(np.abs(mean), 1e-300)] = 0.0
    factor = np.where(spread > 0, _power_of_two(spread), 1.0)
    unit -= mean.astype(unit.dtype)
    unit *= (1.0 / factor).astype(unit.dtype)
    constant = (reach == 0) if center else np.zeros(d, dtype=bool)
    unit[:, constant] = 0.0
    # The mean that was subtracted is the rounded one, and what is left of it is carried along.
    shift = middle + mean.astype(unit.dtype).astype(np.float64) * scale
    tensor = torch.from_numpy(unit).to(device=device, dtype=dtype)
    rest = (np.average(unit, axis=0, weights=weights) if center else zeros).astype(np.float64)
    return Design(
        tensor, None, shift, scale * factor, _tensor(rest, wide, device),
        _tensor((spread / factor) ** 2, wide, device), _tensor(weights, dtype, device), total,
    )  # fmt: skip


def _tensor(values: np.ndarray | None, dtype: torch.dtype, device: torch.device):
    return None if values is None else torch.from_numpy(np.ascontiguousarray(values)).to(device=device, dtype=dtype)


def _try_uncopied(design: Design, center: bool) -> bool:
    """Fill in mean and squares of X as it stands; False where products of uncentred columns would lose digits."""
    furthest, largest = (30.0, 1e4) if design.X.dtype == torch.float32 else (1e3, 1e6)
    first, second = (total / design.n for total in (_compiled_moments if design.is_compiled else _moments)(design))
    if center:
        design.mean = first
    design.square = second - design.mean**2
    large = second.sqrt()
    fine = torch.isfinite(second) & (large < largest) & ((large > 1 / largest) | (large == 0))
    if center:
        fine &= (first.abs() < furthest * design.square.clamp_min(0).sqrt()) | (large == 0)
    return bool(fine.all())


def _moments(design: Design) -> list[Tensor]:
    """The weighted sums of the columns and of their squares, in the wide type."""
    wide, X = design.mean.dtype, design.X

    def sums(_, rows):
        Xt, weight = X[rows], design.weight
        squares = Xt * Xt
        if weight is not None:
            squares, Xt = squares.mul_(weight[rows, None]), Xt * weight[rows, None]
        return Xt.sum(dim=0).to(wide), squares.sum(dim=0).to(wide)

    return design.summed(sums, design.tiles())


def _compiled_moments(design: Design) -> list[Tensor]:
    """As :func:`_moments`, in one pass."""
    from skdl.kernels._design_loops import add_moments

    X = design.X.numpy()
    weight = np.empty(0, X.dtype) if design.weight is None else design.weight.numpy()

    def work(rows: slice) -> np.ndarray:
        sums = np.zeros((2, design.d))
        add_moments(X[rows], weight[rows], *sums)
        return sums

    return [torch.from_numpy(total) for total in sum(on_threads(work, cut(design.n, 16)))]


def _make_sparse(X: sp.csr_array, weights, total: float, *, center: bool, device: torch.device) -> Design:
    n, d = X.shape
    wide = wide_dtype(device)
    largest = np.asarray(abs(X).max(axis=0).todense(), dtype=np.float64).ravel() if X.nnz else np.zeros(d)
    scale = _power_of_two(largest)
    scaled = sp.csr_array((X.data * (1.0 / scale)[X.indices], X.indices, X.indptr), shape=X.shape).astype(X.dtype)
    mass = np.ones(n) if weights is None else weights
    mean = (scaled.T @ mass) / n if center else np.zeros(d)
    square = (scaled.multiply(scaled).T @ mass) / n - mean**2
    dtype = torch.float32 if X.dtype == np.float32 or device.type == "mps" else torch.float64
    return Design(
        _sparse_tensor(scaled, dtype, device), _sparse_tensor(scaled.T.tocsr(), dtype, device), np.zeros(d),
        scale, _tensor(mean, wide, device), _tensor(np.maximum(square, 0.0), wide, device),
        _tensor(weights, dtype, device), total,
    )  # fmt: skip


def plain_design(X, weight: np.ndarray | None, *, device: torch.device) -> Design:
    """A design whose columns are the user's own, as batches need them that are to be remembered together."""
    n, d = X.shape
    wide = wide_dtype(device)
    total = float(n) if weight is None else float(weight.sum())
    weights = None if weight is None else weight * (n / total)
    if sp.issparse(X):
        X = sp.csr_array(X)
        tensor, transposed = _sparse_tensor(X, wide, device), _sparse_tensor(X.T.tocsr(), wide, device)
    else:
        tensor, transposed = _tensor(np.asarray(X), wide, device), None
    zeros = torch.zeros(d, dtype=wide, device=device)
    return Design(
        tensor, transposed, np.zeros(d), np.ones(d), zeros, zeros + 1.0, _tensor(weights, wide, device), total
    )
