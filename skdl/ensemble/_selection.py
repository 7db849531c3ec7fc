"""Forward selection of an ensemble from a library of predictions (Caruana et al. 2004). Pure functions of arrays."""

from collections.abc import Callable
from functools import partial

import numpy as np

from skdl.ensemble._combine import SMALLEST

# Takes candidate means (m, ...) and gives the loss of each (m,).
Losses = Callable[[np.ndarray], np.ndarray]


def losses_for(kind, predictions: np.ndarray, target: np.ndarray, weight) -> tuple[np.ndarray, Losses]:
    """Prepare a loss for many evaluations.

    Parameters
    ----------
    kind : str or callable
        "log_loss", "brier" or "error" of probabilities, "squared_error" or "absolute_error" of numbers, or a function
        of (target, prediction), the less the better.
    predictions : ndarray of shape (M, n) or (M, n, K)
        What each candidate says.
    target : ndarray of shape (n,)
        Numbers, or codes of classes.
    weight : ndarray of shape (n,) or None
        Weights of the samples.

    Returns
    -------
    parts : ndarray of shape (M, ...)
        What has to be averaged of each candidate.
    losses : callable
        The losses of such averages ``(m, ...)``.
    """
    share = np.full(len(target), 1.0 / len(target)) if weight is None else weight / weight.sum()
    if callable(kind):
        return predictions, lambda means: np.array([float(kind(target, mean)) for mean in means])
    if kind == "log_loss":  # of all probabilities only that of the true class matters
        true = np.take_along_axis(predictions, target[None, :, None], axis=2)[:, :, 0]
        return true, lambda means: -np.log(np.maximum(means, SMALLEST)) @ share
    if kind == "brier":
        truth = np.eye(predictions.shape[2])[target]
        return predictions, lambda means: ((means - truth) ** 2).sum(axis=2) @ share
    if kind == "error":
        return predictions, lambda means: (means.argmax(axis=2) != target) @ share
    if kind == "squared_error":
        return predictions, lambda means: (means - target) ** 2 @ share
    return predictions, lambda means: np.abs(means - target) @ share


def select(parts: np.ndarray, losses: Losses, *, n_steps: int, n_init: int) -> np.ndarray:
    """Add candidates one by one, with replacement, each time the one that leaves the least loss.

    Parameters
    ----------
    parts : ndarray of shape (M, ...)
        What is averaged.
    losses : callable
        See :func:`losses_for`.
    n_steps : int
        How many are added at most.
    n_init : int
        How many of the best candidates the ensemble may begin with: as many as are best together.

    Returns
    -------
    ndarray of int of shape (M,)
        How many times each candidate is in the best ensemble that was met.
    """
    order = np.argsort(losses(parts), kind="stable")[:n_init]
    sizes = np.arange(1, len(order) + 1).reshape(-1, *[1] * (parts.ndim - 1))
    beginnings = losses(np.cumsum(parts[order], axis=0) / sizes)
    size = int(beginnings.argmin()) + 1
    counts = np.zeros(len(parts), dtype=np.int64)
    counts[order[:size]] = 1
    total = parts[order[:size]].sum(axis=0)
    best, best_counts = beginnings[size - 1], counts.copy()
    for _ in range(n_steps):
        found = losses((total + parts) / (size + 1))
        chosen = int(found.argmin())
        counts[chosen] += 1
        total = total + parts[chosen]
        size += 1
        if found[chosen] < best:
            best, best_counts = found[chosen], counts.copy()
    return best_counts


def greedy_weights(
    predictions: np.ndarray,
    target: np.ndarray,
    weight=None,
    *,
    loss,
    n_steps: int,
    n_init: int,
    n_bags: int,
    bag_fraction: float,
    generator: np.random.RandomState,
) -> np.ndarray:
    """Return the mean composition of ensembles that were selected from random parts of the library.

    Parameters
    ----------
    predictions : ndarray of shape (M, n) or (M, n, K)
        What each candidate says of rows that it was not fitted on.
    target : ndarray of shape (n,)
        Numbers, or codes of classes.
    weight : ndarray of shape (n,) or None, default=None
        Weights of the samples.
    loss : str or callable
        See :func:`losses_for`.
    n_steps, n_init : int
        See :func:`select`.
    n_bags : int
        How many times to select.
    bag_fraction : float
        The part of the candidates that is at hand each time.
    generator : numpy.random.RandomState
        Draws these parts.

    Returns
    -------
    ndarray of shape (M,)
        They sum to one.
    """
    parts, losses = losses_for(loss, predictions, target, weight)
    pick = partial(select, losses=losses, n_steps=n_steps, n_init=n_init)
    n_candidates = len(parts)
    n_at_hand = max(1, round(bag_fraction * n_candidates))
    if n_bags == 1 or n_at_hand == n_candidates:
        counts = pick(parts)
        return counts / counts.sum()
    weights = np.zeros(n_candidates)
    for _ in range(n_bags):
        at_hand = np.sort(generator.permutation(n_candidates)[:n_at_hand])
        counts = pick(parts[at_hand])
        weights[at_hand] += counts / counts.sum()
    return weights / n_bags
