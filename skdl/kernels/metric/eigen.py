"""Directions that maximise or minimise a ratio of two quadratic forms."""

import numpy as np

# Directions in which the training rows differ by less than this part of the largest spread carry nothing but rounding.
_FLAT = 1e-12


def signed(rows: np.ndarray) -> np.ndarray:
    """Turn each row so that its entry of the largest size is positive: a direction has no sign of its own."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return rows * np.where(largest < 0, -1.0, 1.0)


def ratio_directions(above, below, total, *, largest: bool, reg: float):
    """Solve ``above v = ratio below v`` inside the span of ``total``.

    Parameters
    ----------
    above, below, total : ndarray of shape (d, d)
        Symmetric; ``below`` and ``total`` not negative.
    largest : bool
        Whether the largest ratios come first, or the smallest.
    reg : float
        This part of the mean diagonal of ``below`` is added to it.

    Returns
    -------
    ratios : ndarray of shape (d,)
        Zero where ``total`` is flat; these come last.
    directions : ndarray of shape (d, d)
        One in each row, with ``v' below v = 1``; zero where ``total`` is flat.
    """
    d = len(total)
    spread, axes = np.linalg.eigh(total)
    axes = axes[:, spread > _FLAT * max(spread[-1], 0.0)]  # (d, r)
    ratios, directions = np.zeros(d), np.zeros((d, d))
    r = axes.shape[1]
    if r == 0:
        return ratios, directions
    inside = axes.T @ below @ axes
    inside[np.diag_indices(r)] += reg * np.trace(inside) / r
    size, turn = np.linalg.eigh(inside)
    size = np.maximum(size, _FLAT * size[-1])
    whiten = axes @ (turn / np.sqrt(size))  # (d, r)
    small = whiten.T @ above @ whiten
    values, vectors = np.linalg.eigh((small + small.T) / 2)
    order = slice(None, None, -1) if largest else slice(None)
    ratios[:r] = values[order]
    directions[:r] = signed((whiten @ vectors).T[order])
    return ratios, directions


def leading_factor(M: np.ndarray) -> np.ndarray:
    """Factor a matrix without negative eigenvalues as ``L' L``, the longest row of L first."""  # (d, d) -> (d, d)
    values, vectors = np.linalg.eigh((M + M.T) / 2)
    return signed((vectors * np.sqrt(np.maximum(values, 0.0))).T[::-1])
