"""Descent by L-BFGS, which may be interrupted."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

# How often a round is taken again with what it had not seen.
_REPEATS = 3


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


def descend_in_rounds(loss, start: np.ndarray, max_iter: int, tol: float, each: Callable, length: int) -> Found:
    """Minimise a loss that is cheap near a map that it has looked at, by rounds with a look before each.

    A round whose end costs more than its start, because of what the look had not seen, is taken again with that.

    Parameters
    ----------
    loss : object
        With ``look(L)``, ``look_again(L)``, which adds to what was seen, and ``loss(L)``, which is exact at an L that
        was looked at.
    start, max_iter, each : as in :func:`descend`
    tol : float
        Ends the rounds when one gains less than this part of the loss.
    length : int
        How many iterations make up a round.

    Returns
    -------
    Found
    """
    best, n_iter, repeats = start.copy(), 0, 0
    try:
        loss.look(best)
        least = loss.loss(best)[0]
    except KeyboardInterrupt:
        return Found(best, np.inf, 1, True)
    while n_iter < max_iter:
        done = n_iter

        def after(flat, count, done=done):
            each(flat, done + count)

        found = descend(loss.loss, best, min(length, max_iter - n_iter), tol * 1e-2, after)
        n_iter += found.n_iter
        if found.interrupted:
            # What was gained may rest on rows that were not seen: the map of the last look is sure.
            return Found(best, least, n_iter, True)
        try:
            if repeats:
                loss.look_again(found.L)
            else:
                loss.look(found.L)
            reached = loss.loss(found.L)[0]
            if reached > least:
                repeats += 1
                if repeats > _REPEATS:
                    break
                if repeats == 1:
                    loss.look(best)
                    loss.look_again(found.L)
                continue
        except KeyboardInterrupt:
            return Found(best, least, n_iter, True)
        repeats = 0
        gain, best, least = least - reached, found.L, reached
        if gain <= tol * least:
            break
    return Found(best, float(least), max(n_iter, 1), False)


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
