"""One pass of the perceptron rule over the samples, compiled.

Weights are kept as ``stretch * w``, so that an l2 penalty costs one multiplication per sample; an l1 penalty is the
cumulative one of Tsuruoka, Tsujii & Ananiadou (2009), https://aclanthology.org/P09-1054.
"""

import math

import numpy as np
from numba import njit

_SMALLEST_STRETCH = 1e-9


@njit(cache=True, nogil=True)
def _update(values, columns, target, strength, w, drawn, state, eta, shrink, pull, fit_intercept):
    """Learn from one sample; returns its loss before. ``columns`` is None where values are those of all columns."""
    # state: intercept, stretch, squared norm and l1 norm of the stretched weights, l1 penalty so far
    margin = 0.0
    # One after the other, as scikit-learn adds them: rounding decides about samples on the boundary itself.
    for j in range(len(values)):
        column = j
        if columns is not None:
            column = columns[j]
        margin += w[column] * values[j]
    margin = margin * state[1] + state[0]
    loss = max(0.0, -target * margin)
    if shrink != 1.0:
        state[1] *= shrink
        state[2] *= shrink * shrink
        state[3] *= shrink
        if state[1] < _SMALLEST_STRETCH:
            w *= state[1]
            state[1] = 1.0
    if target * margin <= 0.0:
        step = eta * target * strength
        if step != 0.0:
            # The norms that the stopping rule reads are scikit-learn's: those of the columns just touched.
            square, absolute = 0.0, 0.0
            for j in range(len(values)):
                column = j
                if columns is not None:
                    column = columns[j]
                w[column] += values[j] * (step / state[1])
                square += w[column] * w[column]
                absolute += abs(w[column])
            state[2] = square * state[1] * state[1]
            state[3] = absolute * state[1]
            if fit_intercept:
                state[0] += step * fit_intercept
    if pull > 0.0:
        state[4] += pull
        for j in range(len(values)):
            column = j
            if columns is not None:
                column = columns[j]
            before = w[column]
            if before > 0.0:
                w[column] = max(0.0, before - (state[4] + drawn[column]) / state[1])
            elif before < 0.0:
                w[column] = min(0.0, before + (state[4] - drawn[column]) / state[1])
            drawn[column] += state[1] * (w[column] - before)
    return loss


@njit(cache=True, nogil=True)
def _penalty(state, alpha, l1_ratio):
    return alpha * ((1.0 - l1_ratio) * 0.5 * state[2] + l1_ratio * state[3])


@njit(cache=True, nogil=True)
def pass_dense(X, target, strength, counted, order, w, drawn, state, eta, alpha, l1_ratio, fit_intercept):
    """Visit the rows of X in the given order; returns the counted mean of losses and penalties on the way.

    Parameters
    ----------
    X : array of shape (n, d), float64
        The samples.
    target : array of shape (n,), float64
        One or minus one.
    strength : array of shape (n,), float64
        What each update is multiplied by.
    counted : array of shape (n,), float64
        How much each sample counts in the mean that is returned.
    order : array of int
        The rows to visit.
    w, drawn : arrays of shape (d,), float64
        The weights before stretching, and the l1 penalty that each has had; changed.
    state : array of shape (5,), float64
        Intercept, stretch, squared norm, l1 norm, l1 penalty so far; changed.
    eta, alpha, l1_ratio : float
        The step, the strength of the penalty (0 for none) and the share of l1 in it.
    fit_intercept : float
        What steps of the intercept are multiplied by; zero for no intercept.
    """
    shrink = max(0.0, 1.0 - (1.0 - l1_ratio) * eta * alpha)
    total, count = 0.0, 0.0
    for row in order:
        penalty = _penalty(state, alpha, l1_ratio) if alpha > 0.0 else 0.0
        loss = _update(
            X[row], None, target[row], strength[row], w, drawn, state, eta, shrink,
            l1_ratio * eta * alpha, fit_intercept,
        )  # fmt: skip
        total += counted[row] * (loss + penalty)
        count += counted[row]
    return total / count


@njit(cache=True, nogil=True)
def pass_sparse(
    data, indices, indptr, target, strength, counted, order, w, drawn, state, eta, alpha, l1_ratio, fit_intercept
):
    """As :func:`pass_dense`, for the rows of a CSR matrix."""
    shrink = max(0.0, 1.0 - (1.0 - l1_ratio) * eta * alpha)
    total, count = 0.0, 0.0
    for row in order:
        penalty = _penalty(state, alpha, l1_ratio) if alpha > 0.0 else 0.0
        start, stop = indptr[row], indptr[row + 1]
        loss = _update(
            data[start:stop], indices[start:stop], target[row], strength[row], w, drawn, state, eta, shrink,
            l1_ratio * eta * alpha, fit_intercept,
        )  # fmt: skip
        total += counted[row] * (loss + penalty)
        count += counted[row]
    return total / count


def train(run_pass, d: int, start, orders, *, max_iter: int, tol: float, patience: int, score=None, epoch_done=None):
    """Repeat passes until the mean loss (or a score) stops improving.

    Parameters
    ----------
    run_pass : callable
        ``run_pass(order, w, drawn, state)`` makes one pass and returns its mean loss.
    d : int
        The number of columns.
    start : tuple of (ndarray of shape (d,), float)
        Weights and intercept to begin with.
    orders : iterator of array of int
        The order of each pass.
    max_iter : int
        How many passes at most.
    tol : float
        What counts as an improvement; minus infinity never stops early.
    patience : int
        Stop after so many passes without an improvement.
    score : callable or None
        ``score(w, intercept)`` on held-out samples, to be used in place of the loss.
    epoch_done : callable or None
        Called after each pass with its loss or score.

    Returns
    -------
    w : ndarray of shape (d,)
    intercept : float
    n_iter : int
    interrupted : bool
    """
    w, drawn = np.array(start[0], dtype=np.float64), np.zeros(d)
    state = np.array([start[1], 1.0, float(w @ w), float(np.abs(w).sum()), 0.0])
    best, waited, n_iter = math.inf, 0, 0
    kept = w.copy(), float(start[1])
    try:
        for n_iter in range(1, max_iter + 1):
            loss = run_pass(next(orders), w, drawn, state)
            current = w * state[1]
            if not (np.isfinite(current).all() and math.isfinite(state[0])):
                raise FloatingPointError(n_iter)
            kept = current, float(state[0])
            value = loss if score is None else -score(*kept)
            if epoch_done is not None:
                epoch_done(value)
            waited = waited + 1 if tol > -math.inf and value > best - tol else 0
            best = min(best, value)
            if waited >= patience:
                break
    except KeyboardInterrupt:
        return *kept, max(n_iter - 1, 0), True
    return *kept, n_iter, False
