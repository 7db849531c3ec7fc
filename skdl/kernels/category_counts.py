"""Counts of the categories of each column per class, and the scores they give; a negative code is a missing value."""

import numpy as np

from skdl.kernels.rowblocks import cut, on_threads, tile_rows


def category_counts(
    codes: np.ndarray, classes: np.ndarray, weight: np.ndarray | None, n_classes: int, n_categories: np.ndarray
) -> list[np.ndarray]:
    """Count the categories of each column in each class.

    Parameters
    ----------
    codes : ndarray of shape (n, d), int64
        The category of each value; negative where there is none.
    classes : ndarray of shape (n,), int64
    weight : ndarray of shape (n,), float64, or None
    n_classes : int
    n_categories : ndarray of shape (d,), int64

    Returns
    -------
    list of ndarray of shape (n_classes, n_categories[j]), float64
    """

    def count(j):
        size = int(n_categories[j])
        column = codes[:, j]
        there = column >= 0
        if there.all():
            cells, share = classes * size + column, weight
        else:
            cells, share = classes[there] * size + column[there], None if weight is None else weight[there]
        counted = np.bincount(cells, weights=share, minlength=n_classes * size)
        return counted.astype(np.float64).reshape(n_classes, size)

    return on_threads(count, range(codes.shape[1]))


def category_scores(codes: np.ndarray, log_prob: list[np.ndarray], level: np.ndarray) -> np.ndarray:
    """Add up the logarithms of the probabilities of each row's categories.

    Parameters
    ----------
    codes : ndarray of shape (n, d), int64
        A code that is negative, or beyond a column's categories, is left out.
    log_prob : list of ndarray of shape (C, n_categories[j])
    level : ndarray of shape (C,)
        Where the sums begin.

    Returns
    -------
    ndarray of shape (n, C), float64
    """
    n_classes = len(level)
    # One more category, of probability one, for the values that are left out.
    tables = [np.concatenate([table.T, np.zeros((1, n_classes))]) for table in log_prob]  # (K_j + 1, C)
    result = np.empty((len(codes), n_classes))
    rows = tile_rows(2 * n_classes)

    def work(part):
        for start in range(part.start, part.stop, rows):
            piece = slice(start, min(start + rows, part.stop))
            scores = np.tile(level, (piece.stop - piece.start, 1))
            for j, table in enumerate(tables):
                column = codes[piece, j]
                known = (column >= 0) & (column < len(table) - 1)
                scores += table[np.where(known, column, len(table) - 1)]
            result[piece] = scores

    on_threads(work, cut(len(codes), -(-len(codes) // 16384)))
    return result


def smoothed_log_prob(counts: list[np.ndarray], alpha: float) -> list[np.ndarray]:
    """The logarithms of smoothed frequencies; where a class has no count and no smoothing, all are alike."""
    result = []
    for table in counts:
        smoothed = table + alpha
        total = smoothed.sum(axis=1, keepdims=True)
        with np.errstate(divide="ignore"):
            result.append(np.where(total > 0, np.log(smoothed) - np.log(np.where(total > 0, total, 1.0)), 0.0))
    return result


def widened(counts: list[np.ndarray], n_categories: np.ndarray) -> list[np.ndarray]:
    """The same counts with room for more categories."""
    return [
        np.pad(table, [(0, 0), (0, int(size) - table.shape[1])])
        for table, size in zip(counts, n_categories, strict=True)
    ]
