"""Weights of members, learned from what they say of rows that they were not fitted on."""

import numpy as np
from scipy.stats import rankdata

from skdl.ensemble._combine import SMALLEST
from skdl.ensemble._simplex import least_squares, minimize, mixture_log_loss, pooled_log_loss


def weights_from_scores(scores: np.ndarray, *, by_rank: bool) -> np.ndarray:
    """Return weights in proportion to scores, or to scores divided by their ranks.

    Parameters
    ----------
    scores : ndarray of shape (M,)
        Greater is better; a member that scores less than 0 gets no weight.
    by_rank : bool
        Whether to divide each score by its rank: 1 for the best one, equal scores share the better rank.

    Returns
    -------
    ndarray of shape (M,)
        They sum to one.

    Raises
    ------
    ValueError
        If no score is positive.
    """
    usable = np.maximum(scores, 0.0)
    if not usable.any():
        raise ValueError(
            f"The members score {np.round(scores, 4).tolist()}, but weights='score' and 'rank' need positive scores, "
            "the greater the better. Choose such a scoring, or weights='optimal'."
        )
    if by_rank:
        usable = usable / rankdata(-scores, method="min")
    return usable / usable.sum()


def optimal_weights(predictions: np.ndarray, target: np.ndarray, weight, *, kind: str) -> np.ndarray:
    """Return the weights on the simplex whose combination has the least loss.

    Parameters
    ----------
    predictions : ndarray of shape (M, n) or (M, n, K)
        What each member says of rows that it was not fitted on: numbers, class codes ("votes"), or probabilities.
    target : ndarray of shape (n,)
        The true numbers or class codes.
    weight : ndarray of shape (n,) or None
        Weights of the samples.
    kind : {"mean", "probability", "logit", "vote"}
        What is combined: numbers (squared error), probabilities (log-loss of their mean), log-probabilities (log-loss
        of what their mean gives) or votes (squared error of their shares).

    Returns
    -------
    ndarray of shape (M,)
    """
    n = len(target)
    share = np.full(n, 1.0 / n) if weight is None else weight / weight.sum()
    if kind == "mean":
        root = np.sqrt(share)
        return least_squares((predictions * root).T, target * root)
    if kind == "vote":
        # The squared error of a vote's shares, as a sum over classes: two members differ in two classes or in none.
        n_classes = int(max(predictions.max(), target.max())) + 1
        root = np.sqrt(share)[:, None]
        votes = (predictions[:, :, None] == np.arange(n_classes)) * root  # (M, n, K)
        truth = (target[:, None] == np.arange(n_classes)) * root
        return least_squares(votes.reshape(len(votes), -1).T, truth.ravel())
    if kind == "logit":
        logs = np.log(np.maximum(predictions, SMALLEST))
        return minimize(pooled_log_loss(logs, target, share), len(predictions))
    true = np.take_along_axis(predictions, target[None, :, None], axis=2)[:, :, 0].T  # (n, M)
    return minimize(mixture_log_loss(np.maximum(true, SMALLEST), share), len(predictions))


def check_weights(weights, n_members: int, owner: str) -> np.ndarray:
    """Check weights that somebody else made.

    Parameters
    ----------
    weights : array-like
        Given by the user, or by a callable of the user's.
    n_members : int
        How many there have to be.
    owner : str
        The ensemble's name, for messages.

    Returns
    -------
    ndarray of shape (n_members,)

    Raises
    ------
    ValueError
        If the number is wrong, or one is negative or not finite, or all are zero.
    """
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (n_members,):
        raise ValueError(
            f"Number of `estimators` and weights must be equal; got {found.size} weights, {n_members} estimators "
            f"of {owner}."
        )
    if not np.isfinite(found).all() or (found < 0).any() or not found.any():
        raise ValueError(
            f"weights of {owner} must be finite and not negative, and one of them positive; got {found.tolist()}."
        )
    return found
