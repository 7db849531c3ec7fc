"""Descent by L-BFGS, which may be interrupted."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize


class Found(NamedTuple):
    """Where a descent ended.

    Attributes
    ----------
    L : ndarray
        Of the shape of the start.
    loss : float
    n_iter : int
        At least 1.
    interrupted : bool
        Whether Ctrl-C ended it.
    """

    L: np.ndarray
    loss: float
    n_iter: int
    interrupted: bool


def descend(function: Callable, start: np.ndarray, max_iter: int, tol: float, each: Callable) -> Found:
    """Minimise a function of a matrix.

    Parameters
    ----------
    function : callable
        Takes a matrix, returns the loss and its derivative, of the same shape.
    start : ndarray
        Where to begin.
    max_iter : int
        The largest number of iterations.
    tol : float
        Both tolerances of scipy's L-BFGS-B.
    each : callable
        Is called after each iteration with the flat matrix and the number of iterations.

    Returns
    -------
    Found
    """
    least, best = np.inf, start.copy()
    n_iter = 0

    def evaluate(flat):
        nonlocal least, best
        L = flat.reshape(start.shape)
        loss, gradient = function(L)
        if loss < least:
            least, best = loss, L.copy()
        return loss, gradient.ravel()

    def after(flat):
        nonlocal n_iter
        n_iter += 1
        each(flat, n_iter)

    interrupted = False
    try:
        minimize(
            evaluate,
            start.ravel(),
            jac=True,
            method="L-BFGS-B",
            tol=tol,
            options={"maxiter": max_iter},
            callback=after,
        )
    except KeyboardInterrupt:
        interrupted = True
    return Found(best, float(least), max(n_iter, 1), interrupted)
