"""How predictions of members become one: votes, averages, medians, ranks. Pure functions of arrays."""

import numpy as np

from skdl.kernels.calibration import SMALLEST


def count_votes(codes: np.ndarray, n_classes: int, weights=None) -> np.ndarray:
    """Add up the votes for each class.

    Parameters
    ----------
    codes : ndarray of int of shape (M, n)
        The class that each member votes for.
    n_classes : int
        The number of classes.
    weights : array-like of shape (M,) or None, default=None
        How much each vote counts; None for 1.

    Returns
    -------
    ndarray of shape (n, n_classes)
    """
    rows = np.arange(codes.shape[1])
    votes = np.zeros((codes.shape[1], n_classes))
    for member, said in enumerate(codes):
        votes[rows, said] += 1.0 if weights is None else weights[member]
    return votes


def pool_logits(probabilities: np.ndarray, weights=None) -> np.ndarray:
    """Average log-probabilities: the weighted geometric mean, normalized.

    Parameters
    ----------
    probabilities : ndarray of shape (M, n, K)
        Of each member.
    weights : array-like of shape (M,) or None, default=None
        Weights of the members; None for equal ones.

    Returns
    -------
    ndarray of shape (n, K)
    """
    logits = np.average(np.log(np.maximum(probabilities, SMALLEST)), axis=0, weights=weights)
    pooled = np.exp(logits - logits.max(axis=1, keepdims=True))
    return pooled / pooled.sum(axis=1, keepdims=True)


def weighted_median(values: np.ndarray, weights=None) -> np.ndarray:
    """Return the median over members.

    Parameters
    ----------
    values : ndarray of shape (M, n)
        Of each member.
    weights : array-like of shape (M,) or None, default=None
        Weights of the members; None for equal ones.

    Returns
    -------
    ndarray of shape (n,)
        Where half of the weight lies exactly below, the middle between the two neighbours.
    """
    if weights is None:
        return np.median(values, axis=0)
    weights = np.asarray(weights, dtype=np.float64)
    values, weights = values[weights > 0], weights[weights > 0]  # a member without weight is no neighbour
    order = np.argsort(values, axis=0, kind="stable")  # (M, n)
    ascending = np.take_along_axis(values, order, axis=0)
    # Shares are compared with a half up to rounding, so that three equal weights of 1/3 behave as 1, 1 and 1 do.
    below = np.cumsum(weights[order], axis=0) / weights.sum()
    lower = (below < 0.5 - 1e-12).sum(axis=0)
    upper = (below <= 0.5 + 1e-12).sum(axis=0)
    columns = np.arange(values.shape[1])
    return 0.5 * (ascending[lower, columns] + ascending[upper, columns])


def rank_table(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Learn the ranks of a column of values.

    Parameters
    ----------
    values : ndarray of shape (n,)
        What ranks refer to.

    Returns
    -------
    distinct : ndarray of shape (m,)
        The distinct values, ascending.
    ranks : ndarray of shape (m,)
        Their average ranks, from 1/(2n) to 1 - 1/(2n).
    """
    distinct, counts = np.unique(values, return_counts=True)
    return distinct, (np.cumsum(counts) - 0.5 * counts) / len(values)


def look_up_ranks(table: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return the ranks that values have among those of a table; between two of them, what lies between.

    Parameters
    ----------
    table : tuple of ndarray
        See :func:`rank_table`.
    values : ndarray of any shape

    Returns
    -------
    ndarray of the same shape, in (0, 1)
    """
    return _between(values, *table)


def value_at_rank(table: tuple[np.ndarray, np.ndarray], ranks: np.ndarray) -> np.ndarray:
    """Return the values that have these ranks: the inverse of :func:`look_up_ranks`.

    Parameters
    ----------
    table : tuple of ndarray
        See :func:`rank_table`.
    ranks : ndarray of any shape

    Returns
    -------
    ndarray of the same shape
    """
    distinct, known = table
    return _between(ranks, known, distinct)


def _between(x: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Interpolate without slopes, which overflow between probabilities that are almost zero; constant outside."""
    if len(known) == 1:
        return np.full(np.shape(x), values[0])
    left = np.clip(np.searchsorted(known, x, side="right") - 1, 0, len(known) - 2)
    part = np.clip((x - known[left]) / (known[left + 1] - known[left]), 0.0, 1.0)
    return values[left] * (1.0 - part) + values[left + 1] * part


class RankAverage:
    """Average the ranks that members give, and read the average as a value again.

    Members are ranked among what they said of a reference, so that a row has the same rank whatever rows are asked for
    beside it. The average rank is turned into the value that has this rank among the members' mean.

    Parameters
    ----------
    reference : ndarray of shape (M, n) or (M, n, K)
        What the members said of some rows; each column is ranked by itself.
    weights : array-like of shape (M,) or None, default=None
        Weights of the members; None for equal ones.
    """

    def __init__(self, reference: np.ndarray, weights=None):
        self.weights = None if weights is None else np.asarray(weights, dtype=np.float64)
        columns = reference.reshape(*reference.shape[:2], -1)  # (M, n, K)
        self.tables = [[rank_table(column) for column in member.T] for member in columns]
        mean = np.average(columns, axis=0, weights=weights)
        self.scale = [rank_table(column) for column in mean.T]

    def mean_ranks(self, values: np.ndarray) -> np.ndarray:
        """Return the mean rank of each row.

        Parameters
        ----------
        values : ndarray of shape (M, n) or (M, n, K)
            What the members say.

        Returns
        -------
        ndarray of shape (n,) or (n, K), in (0, 1)
        """
        columns = values.reshape(*values.shape[:2], -1)
        ranks = [
            np.stack([look_up_ranks(table, column) for table, column in zip(tables, said.T, strict=True)], axis=1)
            for tables, said in zip(self.tables, columns, strict=True)
        ]
        return np.average(ranks, axis=0, weights=self.weights).reshape(values.shape[1:])

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the value at the mean rank of each row.

        Parameters
        ----------
        values : ndarray of shape (M, n) or (M, n, K)
            What the members say.

        Returns
        -------
        ndarray of shape (n,) or (n, K)
        """
        ranks = self.mean_ranks(values)
        columns = ranks.reshape(len(ranks), -1)
        found = [value_at_rank(table, column) for table, column in zip(self.scale, columns.T, strict=True)]
        return np.stack(found, axis=1).reshape(ranks.shape)


def normalize_rows(values: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; a row of zeros becomes equal shares.

    Parameters
    ----------
    values : ndarray of shape (n, K)
        Not negative.

    Returns
    -------
    ndarray of shape (n, K)
    """
    total = values.sum(axis=1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1.0), 1.0 / values.shape[1])
