"""Smallest values over the simplex: weights that are not negative and sum to one."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

# (value, gradient, Hessian) of a convex function at a point.
Expansion = tuple[float, np.ndarray, np.ndarray]


def least_squares(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Minimize ``|A w - b|^2`` over the simplex, exactly.

    On the simplex ``A w - b = (A - b 1') w = D w``. Non-negative least squares of ``[D; c 1'] u = [0; c]`` finds it for
    any ``c > 0``: for ``u = s w`` the sum of squares is ``s^2 |D w|^2 + c^2 (s - 1)^2``, which is least in ``w`` where
    ``|D w|`` is, whatever ``s``.

    Parameters
    ----------
    A : ndarray of shape (n, M)
    b : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (M,)
    """
    D = A - b[:, None]
    # Only the Gram matrix of D matters: its triangular factor has M rows instead of n.
    if len(D) > D.shape[1]:
        D = np.asarray(np.linalg.qr(D, mode="r"))
    scale = float(np.abs(D).max(initial=0.0)) or 1.0
    stacked = np.vstack([D / scale, np.ones(D.shape[1])])
    u, _ = nnls(stacked, np.r_[np.zeros(len(D)), 1.0])
    return u / u.sum()


def minimize(expand: Callable[[np.ndarray], Expansion], n: int, *, tol: float = 1e-10, max_iter: int = 200):
    """Minimize a smooth convex function over the simplex by Newton steps, each a :func:`least_squares`.

    Parameters
    ----------
    expand : callable
        Gives the value, the gradient and the Hessian at a point.
    n : int
        The number of weights.
    tol : float, default=1e-10
        How far the value may lie above the least one.
    max_iter : int, default=200
        The largest number of steps.

    Returns
    -------
    ndarray of shape (n,)
    """
    w = np.full(n, 1.0 / n)
    value, gradient, hessian = expand(w)
    for _ in range(max_iter):
        # The value lies above the least one by this much at most, since the function is convex.
        if gradient @ w - gradient.min() <= tol:
            break
        # (v - w)' H (v - w) / 2 + g' (v - w) = |R v - r|^2 / 2 + const, with R'R = H and R'(R w - r) = g.
        eigenvalues, vectors = np.linalg.eigh(hessian)
        roots = np.sqrt(np.maximum(eigenvalues, 1e-12 * (max(eigenvalues[-1], 0.0) or 1.0)))
        R = roots[:, None] * vectors.T
        direction = least_squares(R, R @ w - (vectors.T @ gradient) / roots) - w
        slope = gradient @ direction
        if slope >= 0.0:  # nothing is left to gain but rounding
            break
        step = 1.0
        while step > 1e-12:
            trial = np.maximum(w + step * direction, 0.0)
            trial /= trial.sum()
            found = expand(trial)
            if found[0] <= value + 1e-4 * step * slope:
                break
            step *= 0.5
        else:
            break
        w, (value, gradient, hessian) = trial, found
    return w


def mixture_log_loss(p: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray], Expansion]:
    """The log-loss of a weighted mean of probabilities, as a function of the weights.

    Parameters
    ----------
    p : ndarray of shape (n, M)
        What each member gives the true class, positive.
    weight : ndarray of shape (n,)
        Weights of the samples, sum one.

    Returns
    -------
    callable
        See :func:`minimize`.
    """

    def expand(w: np.ndarray) -> Expansion:
        ratio = p / (p @ w)[:, None]  # (n, M)
        return float(-weight @ np.log(p @ w)), -(weight @ ratio), ratio.T @ (weight[:, None] * ratio)

    return expand


def pooled_log_loss(logs: np.ndarray, codes: np.ndarray, weight: np.ndarray) -> Callable[[np.ndarray], Expansion]:
    """The log-loss of averaged log-probabilities, as a function of the weights.

    Parameters
    ----------
    logs : ndarray of shape (M, n, K)
        Log-probabilities of each member.
    codes : ndarray of int of shape (n,)
        The true classes.
    weight : ndarray of shape (n,)
        Weights of the samples, sum one.

    Returns
    -------
    callable
        See :func:`minimize`.
    """
    true = np.take_along_axis(logs, codes[None, :, None], axis=2)[:, :, 0]  # (M, n)

    def expand(w: np.ndarray) -> Expansion:
        pooled = np.tensordot(w, logs, axes=1)  # (n, K)
        top = pooled.max(axis=1, keepdims=True)
        share = np.exp(pooled - top)
        total = share.sum(axis=1, keepdims=True)
        share /= total
        value = weight @ (np.log(total[:, 0]) + top[:, 0] - w @ true)
        mean = np.einsum("mnk,nk->mn", logs, share)
        second = np.einsum("mnk,lnk,nk->ml", logs, logs, share * weight[:, None], optimize=True)
        return float(value), (mean - true) @ weight, second - (mean * weight) @ mean.T

    return expand
