"""The joint log-likelihood of classes whose columns are independent Gaussians."""

from dataclasses import dataclass

import numpy as np
import torch

from skdl.kernels.moments import Moments
from skdl.kernels.rowblocks import cut, on_threads, tile_rows
from skdl.utils import for_each_chunk

_LOG_2PI = float(np.log(2.0 * np.pi))
# Largest sum of squared standardised class means for which the likelihood as two products keeps ten digits.
_PRODUCT_LIMIT = 1e5
_ROWS_PER_PART = 16384
_DEVICE_BYTES = 1 << 28
# Of siblings the rows of a part, at least, and the bytes of a tile: calls cost more than leaving the cache for once.
_SIBLING_ROWS = 2048
_SIBLING_BYTES = 1 << 22
# From so many likelihoods on, the compiled loop is worth loading.
_COMPILED_ENTRIES = 500_000


@dataclass
class Likelihood:
    """What the joint log-likelihood is computed from; `u` are centred and scaled rows.

    Of siblings that differ in their variances alone, what depends on these has an axis of siblings before the others.
    """

    center: torch.Tensor  # (d,)
    exponent: int
    mean: torch.Tensor  # (C, d), of u
    precision: torch.Tensor  # (C, d), half the inverse variance of u
    linear: torch.Tensor  # (C, d), u @ linear.T is the mixed term of the square
    log_volume: torch.Tensor  # (C, d), half the logarithm of 2 pi times the variance
    log_prior: torch.Tensor  # (C,)
    as_products: np.ndarray  # of bool, (); of siblings (S,)


def gaussian_likelihood(moments: Moments, variance: np.ndarray, log_prior: np.ndarray, device) -> Likelihood:
    """Prepare the joint log-likelihood.

    Parameters
    ----------
    moments : Moments
    variance : ndarray of shape (C, d) or (S, C, d)
        Smoothed variances, positive, in units of ``4**moments.exponent``; of one model or of S siblings.
    log_prior : ndarray of shape (C,)
    device : torch.device
    """
    share = moments.count / np.maximum(moments.count.sum(axis=0), np.finfo(np.float64).tiny)
    center = (share * moments.mean).sum(axis=0)
    mean = np.ldexp(moments.mean - center, -moments.exponent)
    precision = 0.5 / variance
    log_volume = 0.5 * (np.log(variance) + _LOG_2PI + 2 * moments.exponent * np.log(2.0))
    seen = moments.count.max(axis=1, initial=0.0) > 0
    with np.errstate(over="ignore"):
        standardised = (mean**2 * precision).sum(axis=-1)[..., seen]
    return Likelihood(
        torch.as_tensor(center, device=device),
        moments.exponent,
        torch.as_tensor(mean, device=device),
        torch.as_tensor(precision, device=device),
        torch.as_tensor(2 * mean * precision, device=device),
        torch.as_tensor(log_volume, device=device),
        torch.as_tensor(log_prior, device=device),
        (standardised < _PRODUCT_LIMIT).all(axis=-1),
    )


def joint_log_likelihood(X: np.ndarray, model: Likelihood, *, missing: bool = False) -> np.ndarray:
    """Compute ``log P(c) + log P(x|c)``.

    Parameters
    ----------
    X : ndarray of shape (n, d), float32 or float64
    model : Likelihood
    missing : bool, default=False
        Whether NaN may stand for values that were not seen, which are then left out of the product.

    Returns
    -------
    ndarray of shape (n, C), float64

    Notes
    -----
    Two products, of the rows and of their squares, where that keeps the digits: the squares of the standardised means
    must not be so large that they cancel. Otherwise the squared differences themselves, class by class.
    """
    result = np.empty((len(X), len(model.mean)))
    if not missing and _is_compiled(X, model):
        from skdl.kernels._gaussian_loops import likelihoods

        terms = _terms(model)
        on_threads(lambda part: likelihoods(X[part], *terms, result[part]), _large_parts(X))  # type: ignore[call-arg]
    elif model.center.device.type == "cpu":
        rows = tile_rows(X.shape[1])

        def work(part):
            for start in range(part.start, part.stop, rows):
                piece = slice(start, min(start + rows, part.stop))
                result[piece] = _tile_likelihood(X[piece], model, missing).numpy()

        on_threads(work, cut(len(X), -(-len(X) // _ROWS_PER_PART)))
    else:
        width = 8 * (3 * X.shape[1] + 2 * result.shape[1])

        def work_there(piece):
            result[piece] = _tile_likelihood(X[piece], model, missing).cpu().numpy()

        for_each_chunk(len(X), _DEVICE_BYTES // width, work_there)
    return result


def most_likely(X: np.ndarray, model: Likelihood) -> tuple[np.ndarray, float] | None:
    """Find the most probable class of each row, the first one of equals.

    Returns
    -------
    classes : ndarray of shape (n,), int64
    total : float
        A sum over the rows, finite if and only if the likelihoods of these classes are.

    None is returned instead where :func:`joint_log_likelihood` would not be quicker compiled.
    """
    if not _is_compiled(X, model):
        return None
    from skdl.kernels import _gaussian_loops

    classes, terms = np.empty(len(X), dtype=np.int64), _terms(model)
    totals = on_threads(lambda part: _gaussian_loops.most_likely(X[part], *terms, classes[part]), _large_parts(X))  # type: ignore[call-arg]
    return classes, sum(totals)


def _is_compiled(X: np.ndarray, model: Likelihood) -> bool:
    enough = len(X) * len(model.mean) >= _COMPILED_ENTRIES and X.flags.c_contiguous and X.dtype.isnative
    return enough and bool(model.as_products) and model.center.device.type == "cpu"


def _large_parts(X: np.ndarray) -> list[slice]:
    return cut(len(X), -(-len(X) // _ROWS_PER_PART))


def _terms(model: Likelihood) -> tuple:
    """What the compiled loops take: center, factor, linear and squared terms, constants."""
    squares = (model.mean.square() * model.precision).sum(dim=1)
    constant = model.log_prior - model.log_volume.sum(dim=1) - squares
    arrays = (part.contiguous().numpy() for part in (model.linear, model.precision, constant))
    return model.center.numpy(), 2.0**-model.exponent, *arrays


def _centred(X: np.ndarray, model, out: torch.Tensor | None = None) -> torch.Tensor:
    """Rows in float64 as a likelihood takes them: less its center, in units of its power of two."""  # (m, d)
    if X.dtype == np.float64 and X.flags.carray and model.center.device.type == "cpu":
        u = torch.sub(torch.from_numpy(X), model.center, out=out)
    else:
        u = torch.as_tensor(np.array(X, dtype=np.float64, order="C"), device=model.center.device)
        u = torch.sub(u, model.center, out=u if out is None else out)
    if model.exponent:
        u *= 2.0**-model.exponent
    return u


class Siblings:
    """Likelihoods of one set of moments, of which all but the variances are the same; on a CPU, as products.

    Parameters
    ----------
    models : Likelihood
        Of siblings; those are taken that are ``as_products``.
    """

    def __init__(self, models: Likelihood):
        plain = torch.from_numpy(models.as_products)
        precision, linear, log_volume = (part[plain] for part in (models.precision, models.linear, models.log_volume))
        self.center, self.exponent = models.center, models.exponent
        self.shape = precision.shape[:2]  # (S, C)
        squares = (models.mean.square() * precision).sum(dim=2)  # (S, C)
        self.constant = (models.log_prior - log_volume.sum(dim=2) - squares).view(-1, 1)  # (S C, 1)
        self.factors = torch.cat([linear, -precision], dim=2).flatten(0, 1)  # (S C, 2 d)
        # What the terms of one likelihood add up to, all taken as positive, less what depends on the row: the mixed
        # terms are no larger than the squares of both that are mixed.
        self.size = float((models.log_prior.abs() + log_volume.abs().sum(dim=2) + 2 * squares).max())
        self.steepest = precision.amax(dim=(0, 1))  # (d,)

    def classify(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the most probable class of each row for each sibling.

        Parameters
        ----------
        X : ndarray of shape (n, d), float32 or float64

        Returns
        -------
        classes : ndarray of int of shape (S, n)
        certain : ndarray of bool of shape (S,)
            Whether no other order of summation could have given another class to any row.
        """
        n_siblings, n_classes = self.shape
        classes = np.empty((n_siblings, len(X)), dtype=np.min_scalar_type(n_classes))
        rows = tile_rows(n_siblings * n_classes + 4 * X.shape[1], cache_bytes=_SIBLING_BYTES)
        best_classes = _best_classes
        if len(X) * n_siblings * n_classes >= _COMPILED_ENTRIES:
            from skdl.kernels._gaussian_loops import best_classes

        def work(part):
            certain = np.ones(n_siblings, dtype=bool)
            scratch = torch.empty(rows * (2 * X.shape[1] + n_siblings * n_classes), dtype=torch.float64)
            for start in range(part.start, part.stop, rows):
                piece = slice(start, min(start + rows, part.stop))
                jll, rounding = self._tile(X[piece], scratch)
                best_classes(jll.numpy(), rounding.numpy(), classes[:, piece], certain)
            return certain

        parts = on_threads(work, cut(len(X), len(X) // _SIBLING_ROWS))
        return classes, np.logical_and.reduce(parts)

    def _tile(self, X: np.ndarray, scratch: torch.Tensor):
        """The likelihoods of some rows, and by how much rounding may have moved two of a row apart."""
        m, d = X.shape
        both, jll = scratch[: 2 * m * d].view(m, 2 * d), scratch[2 * m * d :][: len(self.factors) * m]
        u = _centred(X, self, out=both[:, :d])
        squares = torch.mul(u, u, out=both[:, d:])
        torch.addmm(self.constant, self.factors, both.T, out=jll.view(-1, m))
        # Two sums of the same terms differ by less, whatever their order.
        rounding = (4 * d + 64) * 2.0**-52 * (self.size + 2 * (squares @ self.steepest))
        return jll.view(*self.shape, m), rounding  # (S, C, m), (m,)


def _best_classes(jll, rounding, classes, certain):
    """Do what the compiled loop does, for so few rows that it is not worth loading."""
    best, second = np.partition(jll, -2, axis=1)[:, -2:].transpose(1, 0, 2)[::-1]  # (S, m)
    certain &= (best - second > rounding).all(axis=1)
    classes[...] = jll.argmax(axis=1)


def _tile_likelihood(X: np.ndarray, model: Likelihood, missing: bool) -> torch.Tensor:
    # In float64 whatever the type of X: the difference of large squares decides between classes.
    u = _centred(X, model)
    if missing:
        there = (~u.isnan()).double()
        u.nan_to_num_(nan=0.0)
        jll = model.log_prior - there @ model.log_volume.T  # (m, C)
    else:
        there = None
        jll = (model.log_prior - model.log_volume.sum(dim=1)).repeat(len(u), 1)
    if model.as_products:
        jll.addmm_(u, model.linear.T)
        constant = model.mean.square() * model.precision  # (C, d)
        jll -= constant.sum(dim=1) if there is None else there @ constant.T
        return jll.addmm_(u.square_(), model.precision.T, alpha=-1)
    for c in range(len(model.mean)):
        gap = u - model.mean[c]
        if there is not None:
            gap *= there
        jll[:, c] -= gap.square_() @ model.precision[c]
    return jll
