"""Counts, means and sums of squared deviations per class.

Every sum is a float64 sum of deviations from a row of the same class, so nothing is lost on data far from the origin.
Where squares would overflow or underflow float64, deviations are measured in units of a power of two (`exponent`),
which changes no digit. How rows are cut into parts depends on their number alone, so that threads change no bit.
"""

from dataclasses import dataclass

import numpy as np
import torch

from skdl.kernels.rowblocks import cut, on_threads, tile_rows

# Below this many values the products of NumPy and torch are as quick as compiled loops, which take time to load.
_COMPILED_VALUES = 1_000_000
_PARTS = 16


@dataclass
class Moments:
    """What a Gaussian model keeps of the data; `mean` is in the data's unit, `ssd` in units of ``4**exponent``.

    The count is per class, or per class and column where values are missing.
    """

    count: np.ndarray  # (C, 1) or (C, d)
    mean: np.ndarray  # (C, d)
    ssd: np.ndarray  # (C, d)
    exponent: int = 0

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both data sets together, after Chan, Golub & LeVeque (1983)."""
        exponent = max(self.exponent, other.exponent)
        count = self.count + other.count
        share = np.divide(other.count, count, out=np.zeros_like(count), where=count > 0)
        gap = np.ldexp(other.mean, -exponent) - np.ldexp(self.mean, -exponent)
        ssd = np.ldexp(self.ssd, 2 * (self.exponent - exponent)) + np.ldexp(other.ssd, 2 * (other.exponent - exponent))
        ssd += self.count * share * gap**2
        # A side without samples gives way, so that adding nothing changes no bit.
        mean = np.where(self.count > 0, self.mean + np.ldexp(gap * share, exponent), other.mean)
        return Moments(count, mean, ssd, exponent)

    def is_finite(self) -> bool:
        """Whether there was neither a gap nor an infinity among the values."""
        return bool(np.isfinite(self.mean).all() and np.isfinite(self.ssd).all())

    def reindexed(self, positions: np.ndarray, n_classes: int) -> "Moments":
        """The same for more classes: class ``i`` becomes class ``positions[i]``."""
        grown = [np.zeros((n_classes, part.shape[1])) for part in (self.count, self.mean, self.ssd)]
        for new, old in zip(grown, (self.count, self.mean, self.ssd), strict=True):
            new[positions] = old
        return Moments(grown[0], grown[1], grown[2], self.exponent)

    def variance(self) -> np.ndarray:
        """Variances in units of ``4**exponent``, zero where nothing was seen."""  # (C, d)
        return np.divide(self.ssd, self.count, out=np.zeros_like(self.ssd), where=self.count > 0)

    def overall_variance(self) -> np.ndarray:
        """The variance of each column over all classes together, in units of ``4**exponent``."""  # (d,)
        total = np.maximum(self.count.sum(axis=0), np.finfo(np.float64).tiny)
        share = self.count / total  # (C, 1) or (C, d)
        scaled = np.ldexp(self.mean, -self.exponent)
        gap = scaled - scaled[self.count.sum(axis=1).argmax()]
        between = (self.count * (gap - (share * gap).sum(axis=0)) ** 2).sum(axis=0)
        return (self.ssd.sum(axis=0) + between) / total


def class_moments(
    X: np.ndarray, codes: np.ndarray, weight: np.ndarray | None, n_classes: int, device, *, missing: bool = False
) -> Moments:
    """Reduce the rows of each class to their count, mean and sum of squared deviations.

    Parameters
    ----------
    X : ndarray of shape (n, d), float32 or float64
    codes : ndarray of shape (n,), int64
        The class of each row.
    weight : ndarray of shape (n,), float64, or None
    n_classes : int
    device : torch.device
    missing : bool, default=False
        Whether NaN may stand for values that were not seen; counts are then per column.

    Returns
    -------
    Moments
    """
    if weight is not None and not weight.all():
        # A row without weight may hold anything, even what would overflow.
        kept = np.flatnonzero(weight)
        X, codes, weight = X[kept], codes[kept], weight[kept]
    shift = _row_of_each_class(X, codes, n_classes, missing)
    per_column, missing = missing, missing and bool(np.isnan(X).any())
    exponent = 0
    for _ in range(4):
        count, total, squares = _shifted_sums(X, codes, weight, shift, exponent, device, missing)
        with np.errstate(invalid="ignore", over="ignore"):
            offset = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
            ssd = np.maximum(squares - total * offset, 0.0)
            mean = shift + np.ldexp(offset, exponent)
            largest = ssd.sum(axis=0).max(initial=0.0) / max(count.sum(axis=0).max(initial=0.0), 1e-300)
        if not np.isfinite(ssd).all() or not 1e-250 < largest < 1e250:
            rescaled = _exponent_of_spread(X, codes, shift)
            if rescaled != exponent:
                exponent = rescaled
                continue
        # The distance from shift to mean must not dwarf the deviations: three lost digits are enough.
        if (total * offset <= 1e3 * ssd).all() or np.array_equal(shift, mean):
            break
        shift = mean
    return Moments(np.broadcast_to(count, mean.shape).copy() if per_column else count, mean, ssd, exponent)


def _row_of_each_class(X, codes, n_classes, missing):
    """The first row of each class as float64, zeros for a class without rows."""  # (C, d)
    first = np.full(n_classes, -1)
    # Most often the first rows hold all the classes.
    start, length = 0, 4096
    while start < len(codes) and (first < 0).any():
        piece = codes[start : start + length][::-1]
        new = np.full(n_classes, -1)
        new[piece] = np.arange(start + len(piece) - 1, start - 1, -1)
        first = np.where(first < 0, new, first)
        start, length = start + length, length * 4
    shift = np.where(first[:, None] >= 0, X[first], 0).astype(np.float64)
    return np.nan_to_num(shift, copy=False) if missing else shift


def _exponent_of_spread(X, codes, shift) -> int:
    spread = 0.0
    for start in range(0, len(X), 4096):
        piece = slice(start, start + 4096)
        with np.errstate(over="ignore", invalid="ignore"):
            gaps = np.abs(np.nan_to_num(X[piece] - shift[codes[piece]], nan=0.0))
        spread = max(spread, float(gaps.max(initial=0.0)))
    return int(np.frexp(min(spread, np.finfo(np.float64).max))[1]) if spread > 0 else 0


def _shifted_sums(X, codes, weight, shift, exponent, device, missing):
    """Weighted counts, and sums of ``(x - shift) / 2**exponent`` and of its square, per class."""
    n_classes, n_features = shift.shape
    compiled = device.type == "cpu" and not missing and X.size >= _COMPILED_VALUES
    if compiled:
        from skdl.kernels import _moments_loops

    # The compiled loop reads rows where they lie, one after the other; others are copied first, some at a time.
    in_place = compiled and isinstance(X, np.ndarray) and X.flags.c_contiguous

    def work(part):
        count = np.zeros((n_classes, n_features if missing else 1))
        total, squares = np.zeros((2, n_classes, n_features))
        rows = part.stop - part.start if in_place else tile_rows(n_features)
        for start in range(part.start, part.stop, rows):
            piece = slice(start, min(start + rows, part.stop))
            share = None if weight is None else weight[piece]
            if compiled:
                tile = np.ascontiguousarray(X[piece])
                _moments_loops.add(tile, codes[piece], share, shift, 2.0**-exponent, count, total, squares)
            else:
                _add(X[piece], codes[piece], share, shift, exponent, device, missing, count, total, squares)
        return count, total, squares

    # The parts' sums take memory, which must stay small beside the data's.
    n_parts = max(1, min(_PARTS, len(X) // max(4096, 8 * n_classes)))
    parts = cut(len(X), n_parts)
    results = on_threads(work, parts) if compiled else [work(part) for part in parts]
    return tuple(sum(sums[1:], start=sums[0]) for sums in zip(*results, strict=True))


def _add(X, codes, weight, shift, exponent, device, missing, count, total, squares):
    """Add the sums of some rows as products with the matrix of their classes."""
    tile = torch.as_tensor(np.array(X, dtype=np.float64, order="C"), device=device)  # (m, d)
    code = torch.as_tensor(codes, device=device)
    member = torch.zeros((len(shift), len(tile)), dtype=torch.float64, device=device)  # (C, m)
    share = 1.0 if weight is None else torch.as_tensor(weight, device=device)
    member[code, torch.arange(len(tile), device=device)] = share
    tile -= torch.as_tensor(shift, device=device)[code]
    if exponent:
        tile *= 2.0**-exponent
    if missing:
        there = ~tile.isnan()
        count += (member @ there.double()).cpu().numpy()
        tile.nan_to_num_(nan=0.0, posinf=torch.inf, neginf=-torch.inf)
    else:
        count += member.sum(dim=1, keepdim=True).cpu().numpy()
    total += (member @ tile).cpu().numpy()
    squares += (member @ tile.square_()).cpu().numpy()
