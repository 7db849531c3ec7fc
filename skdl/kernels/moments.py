"""Counts, means and sums of squared deviations per class, and the likelihood of independent Gaussians.

Every sum is a float64 sum of deviations from a point near the class mean, so nothing is lost on data far from the
origin. Where squares would overflow or underflow float64, deviations are measured in units of a power of two
(`exponent`), which changes no digit.
"""

from dataclasses import dataclass

import numpy as np
import torch

_LOG_2PI = float(np.log(2.0 * np.pi))
# Rows are cut into pieces of this many bytes, so that a piece and its squares stay in a core's cache.
_TILE_BYTES = 1 << 19
# Largest sum of squared standardised class means for which the likelihood as two products keeps ten digits.
_PRODUCT_LIMIT = 1e5


def tile_rows(n_features: int, itemsize: int = 8) -> int:
    """How many rows make up a piece that stays in cache."""
    return max(64, _TILE_BYTES // max(1, n_features * itemsize))


@dataclass
class Moments:
    """What a Gaussian model keeps of the data; `mean` is in the data's unit, `ssd` in units of ``4**exponent``."""

    count: np.ndarray  # (C,)
    mean: np.ndarray  # (C, d)
    ssd: np.ndarray  # (C, d)
    exponent: int = 0

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both data sets together, after Chan, Golub & LeVeque (1979)."""
        exponent = max(self.exponent, other.exponent)
        count = self.count + other.count
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(count > 0, other.count / count, 0.0)[:, None]
        gap = np.ldexp(other.mean, -exponent) - np.ldexp(self.mean, -exponent)
        ssd = np.ldexp(self.ssd, 2 * (self.exponent - exponent)) + np.ldexp(other.ssd, 2 * (other.exponent - exponent))
        ssd += self.count[:, None] * share * gap**2
        # A side without samples gives way, so that adding nothing changes no bit.
        mean = np.where((self.count > 0)[:, None], self.mean + np.ldexp(gap * share, exponent), other.mean)
        return Moments(count, mean, ssd, exponent)

    def overall_variance(self) -> np.ndarray:
        """The variance of each column over all classes together, in units of ``4**exponent``."""  # (d,)
        share = (self.count / self.count.sum())[:, None]
        scaled = np.ldexp(self.mean, -self.exponent)
        center = scaled[self.count.argmax()]
        gap = scaled - center
        center_gap = (share * gap).sum(axis=0)
        total = self.ssd.sum(axis=0) + (self.count[:, None] * (gap - center_gap) ** 2).sum(axis=0)
        return total / self.count.sum()


def class_moments(X: np.ndarray, codes: np.ndarray, weight: np.ndarray | None, n_classes: int, device) -> Moments:
    """Reduce the rows of each class to their count, mean and sum of squared deviations.

    Parameters
    ----------
    X : ndarray of shape (n, d), float32 or float64
    codes : ndarray of shape (n,), int64
        The class of each row.
    weight : ndarray of shape (n,), float64, or None
    n_classes : int
    device : torch.device

    Returns
    -------
    Moments
    """
    if weight is not None and not weight.all():
        # A row without weight may hold anything, even what would overflow.
        kept = np.flatnonzero(weight)
        X, codes, weight = X[kept], codes[kept], weight[kept]
    first = np.full(n_classes, -1)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    shift = np.where(first[:, None] >= 0, X[first], 0).astype(np.float64)  # (C, d), a row of each class
    exponent = 0
    for _ in range(3):
        count, total, squares = _shifted_sums(X, codes, weight, shift, exponent, device)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            offset = np.where(count[:, None] > 0, total / count[:, None], 0.0)
            ssd = np.maximum(squares - total * offset, 0.0)
        mean = shift + np.ldexp(offset, exponent)
        variance = ssd.sum(axis=0).max() / count.sum()
        if not np.isfinite(ssd).all() or not 1e-250 < variance < 1e250:
            spread = max(
                float(np.abs(X[start : start + 4096] - shift[codes[start : start + 4096]]).max())
                for start in range(0, len(X), 4096)
            )
            rescaled = int(np.frexp(spread)[1]) if spread > 0 else 0
            if rescaled != exponent:
                exponent = rescaled
                continue
        # The deviation from the shift must not dwarf the deviation from the mean: three lost digits are enough.
        if (total * offset <= 1e3 * ssd + 0.0).all() or np.array_equal(shift, mean):
            break
        shift = mean
    return Moments(count, mean, ssd, exponent)


def _shifted_sums(X, codes, weight, shift, exponent, device):
    """Weighted counts, and sums of ``(x - shift) / 2**exponent`` and of its square, per class."""
    n_classes, n_features = shift.shape
    count = np.bincount(codes, weights=weight, minlength=n_classes).astype(np.float64)
    shift_there = torch.as_tensor(shift, device=device)  # (C, d)
    total = torch.zeros((n_classes, n_features), dtype=torch.float64, device=device)
    squares = torch.zeros_like(total)
    rows = tile_rows(n_features)
    for start in range(0, len(X), rows):
        piece = slice(start, start + rows)
        tile = torch.as_tensor(np.asarray(X[piece], dtype=np.float64, copy=True), device=device)  # (m, d)
        code = torch.as_tensor(codes[piece], device=device)
        tile -= shift_there[code]
        if exponent:
            tile *= 2.0**-exponent
        member = torch.zeros((n_classes, len(tile)), dtype=torch.float64, device=device)
        share = 1.0 if weight is None else torch.as_tensor(weight[piece], device=device)
        member[code, torch.arange(len(tile), device=device)] = share
        total += member @ tile
        squares += member @ tile.square_()
    return count, total.cpu().numpy(), squares.cpu().numpy()


@dataclass
class Likelihood:
    """What the joint log-likelihood of independent Gaussians is computed from; `u` are centred and scaled rows."""

    center: torch.Tensor  # (d,)
    exponent: int
    mean: torch.Tensor  # (C, d), of u
    precision: torch.Tensor  # (C, d), half the inverse variance of u
    linear: torch.Tensor  # (C, d), u @ linear.T is the mixed term of the square
    constant: torch.Tensor  # (C,), with the prior
    normalizer: torch.Tensor  # (C,), without the squares of the means
    as_products: bool


def gaussian_likelihood(moments: Moments, variance: np.ndarray, log_prior: np.ndarray, device) -> Likelihood:
    """Prepare the joint log-likelihood.

    Parameters
    ----------
    moments : Moments
    variance : ndarray of shape (C, d)
        Smoothed variances, positive, in units of ``4**moments.exponent``.
    log_prior : ndarray of shape (C,)
    device : torch.device
    """
    center = (moments.count[:, None] / moments.count.sum() * moments.mean).sum(axis=0)
    mean = np.ldexp(moments.mean - center, -moments.exponent)
    precision = 0.5 / variance
    n_features = mean.shape[1]
    log_volume = np.log(variance).sum(axis=1) + n_features * (_LOG_2PI + 2 * moments.exponent * np.log(2.0))
    normalizer = log_prior - 0.5 * log_volume
    squares = (mean**2 * precision).sum(axis=1)
    seen = moments.count > 0
    return Likelihood(
        torch.as_tensor(center, device=device),
        moments.exponent,
        torch.as_tensor(mean, device=device),
        torch.as_tensor(precision, device=device),
        torch.as_tensor(2 * mean * precision, device=device),
        torch.as_tensor(normalizer - squares, device=device),
        torch.as_tensor(normalizer, device=device),
        bool((squares[seen] < _PRODUCT_LIMIT).all()),
    )


def joint_log_likelihood(X: np.ndarray, model: Likelihood) -> np.ndarray:
    """Compute ``log P(c) + log P(x|c)``.

    Parameters
    ----------
    X : ndarray of shape (n, d), float32 or float64
    model : Likelihood

    Returns
    -------
    ndarray of shape (n, C), float64

    Notes
    -----
    Two products, of the rows and of their squares, where that keeps the digits: the squares of the standardised means
    must not be so large that they cancel. Otherwise the squared differences themselves, class by class.
    """
    device = model.center.device
    n_classes, n_features = model.mean.shape
    result = np.empty((len(X), n_classes))
    rows = tile_rows(n_features)
    for start in range(0, len(X), rows):
        piece = slice(start, start + rows)
        u = torch.as_tensor(np.asarray(X[piece], dtype=np.float64, copy=True), device=device)  # (m, d)
        u -= model.center
        if model.exponent:
            u *= 2.0**-model.exponent
        if model.as_products:
            jll = torch.addmm(model.constant, u, model.linear.T)
            jll -= u.square_() @ model.precision.T
        else:
            jll = torch.stack(
                [(u - mean).square_() @ half for mean, half in zip(model.mean, model.precision, strict=True)], dim=1
            )
            torch.sub(model.normalizer, jll, out=jll)
        result[piece] = jll.cpu().numpy()
    return result
