"""From neighbors to predictions: the weight of each neighbor, votes and averages.

Sums over neighbors run from the nearest to the farthest, one after the other, so that a prediction does not depend on
which other rows it is computed with.
"""

import numpy as np


def neighbor_weights(distances, weights, mass=None):
    """Compute the weight of each neighbor.

    Parameters
    ----------
    distances : ndarray of shape (m, k)
        Nearest first.
    weights : {"uniform", "distance"}, callable or None
        As in :class:`skdl.neighbors.KNeighborsClassifier`.
    mass : ndarray of shape (m, k) or None, default=None
        How many times each neighbor counts; None for once.

    Returns
    -------
    ndarray of shape (m, k) or None
        None if all count alike.
    """
    if weights in (None, "uniform"):
        return mass
    absent = np.zeros(distances.shape, dtype=bool) if mass is None else mass == 0
    if callable(weights):
        given = np.array(weights(distances.copy()), dtype=np.float64)
        if given.shape != distances.shape:
            raise ValueError(
                f"weights={weights!r} must return an array of the shape of the distances, {distances.shape}; it "
                f"returned shape {given.shape}."
            )
    else:
        with np.errstate(divide="ignore"):
            given = 1.0 / distances
        given[absent] = 0.0
        # A neighbor at no distance outweighs all others.
        infinite = np.isinf(given)
        hit = infinite.any(axis=1)
        given[hit] = infinite[hit]
    if mass is not None:
        given = np.where(absent, 0.0, given) * mass
    empty = ~given.any(axis=1)
    if empty.any():
        raise ValueError(
            "All neighbors of some sample is getting zero weights. "
            f"The first such query is row {int(empty.argmax())}: check the function given as weights, or X's scale."
        )
    return given


def shares(codes, indices, weights, n_classes: int):
    """Share the votes of each query's neighbors among the classes.

    Parameters
    ----------
    codes : ndarray of shape (n,), dtype int64
        The class of each fitted row.
    indices : ndarray of shape (m, k), dtype int64
        The neighbors.
    weights : ndarray of shape (m, k) or None
        Their weights; None for one each.
    n_classes : int
        How many classes.

    Returns
    -------
    ndarray of shape (m, n_classes), dtype float64
        Rows sum to 1.
    """
    m = len(indices)
    cells = codes[indices] + np.arange(m)[:, None] * n_classes
    # Adds in the order of the neighbors.
    votes = np.bincount(cells.ravel(), None if weights is None else weights.ravel(), m * n_classes)
    votes = votes.reshape(m, n_classes)
    return votes / votes.sum(axis=1, keepdims=True)


def averages(y, indices, weights):
    """Average the targets of each query's neighbors.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, n_outputs)
        The targets of the fitted rows.
    indices : ndarray of shape (m, k), dtype int64
        The neighbors.
    weights : ndarray of shape (m, k) or None
        Their weights; None for one each.

    Returns
    -------
    ndarray of shape (m,) or (m, n_outputs), dtype float64
    """
    total = np.zeros((len(indices), *y.shape[1:]))
    if weights is None:
        for place in range(indices.shape[1]):
            total += y[indices[:, place]]
        return total / indices.shape[1]
    columns = weights.reshape(*weights.shape, *(1,) * (y.ndim - 1))
    weight_sum = np.zeros(len(indices))
    for place in range(indices.shape[1]):
        total += columns[:, place] * y[indices[:, place]]
        weight_sum += weights[:, place]
    return total / weight_sum.reshape(-1, *(1,) * (y.ndim - 1))
