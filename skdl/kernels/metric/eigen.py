"""Directions that maximise or minimise a ratio of two quadratic forms."""

from itertools import pairwise

import numpy as np

# Directions in which the training rows differ by less than this part of the largest spread carry nothing but rounding.
_FLAT = 1e-12
# Ratios that differ by less than this part of them count as one.
_ALIKE = 1e-5


def signed(rows: np.ndarray) -> np.ndarray:
    """Turn each row so that its entry of the largest size is positive: a direction has no sign of its own."""
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return rows * np.where(largest < 0, -1.0, 1.0)


def ratio_directions(above, below, total, *, largest: bool, reg: float):
    """Solve ``above v = ratio below v`` inside the span of ``total``.

    Parameters
    ----------
    above, below, total : ndarray of shape (d, d)
        Symmetric; ``below``, ``above + below`` and ``total`` not negative.
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
    # Where the sum of both is the identity they have the same axes, and parts of 1 along each: ratios of any size come
    # out of numbers of one size, where a plain quotient would lose the small ones beside the large.
    both = axes.T @ above @ axes + inside
    size, turn = np.linalg.eigh((both + both.T) / 2)
    whiten = turn / np.sqrt(np.maximum(size, _FLAT * size[-1]))  # (r, r)
    part = whiten.T @ inside @ whiten
    shares, vectors = np.linalg.eigh((part + part.T) / 2)
    shares = np.maximum(shares, _FLAT)
    found = (axes @ (whiten @ (vectors / np.sqrt(shares)))).T  # (r, d)
    _settle(shares, found)
    order = slice(None) if largest else slice(None, None, -1)
    ratios[:r] = (1 / shares - 1)[order]
    directions[:r] = signed(found[order])
    return ratios, directions


def _settle(shares: np.ndarray, directions: np.ndarray) -> None:
    """Turn directions of one ratio so that they are orthogonal, the longest first; in place.

    Any turn of them has that ratio, and which one comes out would be decided by rounding.
    """
    r = len(shares)
    alike = np.diff(shares) <= _ALIKE * np.minimum(shares[1:], 1 - shares[:-1])
    edges = np.r_[0, np.flatnonzero(~alike) + 1, r]
    for start, stop in pairwise(edges):
        if stop - start > 1:
            group = directions[start:stop]
            turn = np.linalg.eigh(group @ group.T)[1]
            directions[start:stop] = (group.T @ turn).T[::-1]


def leading_factor(M: np.ndarray) -> np.ndarray:
    """Factor a matrix without negative eigenvalues as ``L' L``, the longest row of L first."""  # (d, d) -> (d, d)
    values, vectors = np.linalg.eigh((M + M.T) / 2)
    return signed((vectors * np.sqrt(np.maximum(values, 0.0))).T[::-1])
