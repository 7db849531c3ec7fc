"""Scaling of numeric columns inside a network, by statistics of the training rows."""

from dataclasses import dataclass

import numpy as np

# How much a group of columns may take in float64 while it is learnt from, and how many it has at least.
_GROUP_BYTES = 1 << 20
_GROUP_COLUMNS = 16
# How much is scaled at a time, and how many rows at least.
_PIECE_BYTES = 1 << 20
_PIECE_ROWS = 256


@dataclass
class Scaling:
    """What is subtracted from each column and what it is multiplied with.

    Attributes
    ----------
    center, factor : ndarray of shape (d,), dtype float64
        A constant column has the factor 0.
    clip : bool
        Whether values are drawn smoothly into (-3, 3), as ``z / sqrt(1 + (z / 3)**2)``.
    """

    center: np.ndarray
    factor: np.ndarray
    clip: bool

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Return the scaled columns ``(n, d)``, float32."""
        step = max(_PIECE_ROWS, _PIECE_BYTES // (8 * max(1, X.shape[1])))
        if len(X) <= step:
            return self._apply(X)
        # In the order of memory that X has.
        scaled = np.empty_like(X, dtype=np.float32, subok=False)
        for start in range(0, len(X), step):
            scaled[start : start + step] = self._apply(X[start : start + step])
        return scaled

    def _apply(self, X: np.ndarray) -> np.ndarray:
        # Centred in float64: a float32 difference of large numbers would lose the digits that matter.
        Z = X - self.center
        Z *= self.factor
        if self.clip:
            norm = Z / 3.0
            np.square(norm, out=norm)
            norm += 1.0
            Z /= np.sqrt(norm, out=norm)
        return Z.astype(np.float32)


def weighted_quantiles(X: np.ndarray, weight: np.ndarray | None, levels: tuple[float, ...]) -> np.ndarray:
    """Return quantiles of each column, each a value that occurs: the inverse of the weighted distribution function.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        The values.
    weight : ndarray of shape (n,) or None
        A weight w counts as w rows.
    levels : tuple of float
        The levels in [0, 1].

    Returns
    -------
    ndarray of shape (len(levels), d)
    """
    n = len(X)
    if weight is None:
        ranks = [min(n - 1, max(0, int(np.ceil(level * n)) - 1)) for level in levels]
        return np.partition(X, sorted(set(ranks)), axis=0)[ranks]
    order = np.argsort(X, axis=0, kind="stable")  # (n, d)
    reached = np.cumsum(weight[order], axis=0)  # (n, d)
    # The sum of the weights of equal sums may differ in its last bit with the order of the rows.
    rows = [np.argmax(reached >= level * reached[-1] * (1.0 - 1e-12), axis=0) for level in levels]
    return np.stack([np.take_along_axis(X, order[row, range(X.shape[1])][None], axis=0)[0] for row in rows])


def bin_edges(X: np.ndarray, weight: np.ndarray | None, n_bins: int) -> list[np.ndarray]:
    """Return the edges of bins that hold equally many rows each.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        The training rows.
    weight : ndarray of shape (n,) or None
        A weight w counts as w rows.
    n_bins : int
        The largest number of bins of a column.

    Returns
    -------
    list of ndarray, length d
        Ascending edges, each a value that occurs; where values repeat there are fewer.
    """
    quantiles = weighted_quantiles(X, weight, tuple(np.linspace(0.0, 1.0, n_bins + 1)))
    return [np.unique(column) for column in quantiles.T]


def fit_scaling(X: np.ndarray, weight: np.ndarray | None, kind: str | None) -> Scaling:
    """Learn a scaling.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        The training rows. What is missing (NaN) takes no part; a column without a value has the factor 0.
    weight : ndarray of shape (n,) or None
        Their weights.
    kind : {"robust", "standard"} or None
        - "robust": the median goes to 0 and the quartiles to a distance of 1, then values are clipped smoothly; a
          column whose quartiles are equal is scaled by its range (Holzmüller, Grinsztajn & Steinwart 2024,
          https://doi.org/10.48550/arXiv.2407.04491);
        - "standard": mean 0 and variance 1;
        - None: nothing is done.

    Returns
    -------
    Scaling
    """
    X = X.astype(np.float64, copy=False)
    d = X.shape[1]
    missing = np.isnan(X)
    if missing.any():
        columns = [_fit_present(X[:, j], missing[:, j], weight, kind) for j in range(d)]
        center, factor = (np.array([getattr(own, name)[0] for own in columns]) for name in ("center", "factor"))
        return Scaling(center, factor, clip=kind == "robust")
    if kind is None:
        return Scaling(np.zeros(d), np.ones(d), clip=False)
    if kind == "standard":
        center = np.average(X, axis=0, weights=weight)
        width = np.sqrt(np.average((X - center) ** 2, axis=0, weights=weight))
        # Rounding leaves a constant column a width of about eps times its value.
        width[width <= 1e-12 * np.abs(center)] = 0.0
    else:
        low, first, center, third, high = weighted_quantiles(X, weight, (0.0, 0.25, 0.5, 0.75, 1.0))
        width = third - first
        width = np.where(width > 0, width, (high - low) / 2.0)
    factor = np.divide(1.0, width, out=np.zeros(d), where=width > 0)
    return Scaling(center, factor, clip=kind == "robust")


def fit_column_scaling(X: np.ndarray, columns: np.ndarray, weight: np.ndarray | None, kind: str | None) -> Scaling:
    """Learn the scaling of some columns, a group of them at a time: what that takes is small beside many rows.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    columns : ndarray of int of shape (n_columns,)
        Which of them.
    weight, kind : as in :func:`fit_scaling`

    Returns
    -------
    Scaling
        The same as all columns at once would give.
    """
    width = max(_GROUP_COLUMNS, _GROUP_BYTES // (8 * len(X)))
    groups = [columns[start : start + width] for start in range(0, len(columns), width)] or [columns]
    parts = [fit_scaling(X[:, group], weight, kind) for group in groups]
    center, factor = (np.concatenate([getattr(part, name) for part in parts]) for name in ("center", "factor"))
    return Scaling(center, factor, clip=parts[0].clip)


def _fit_present(column: np.ndarray, missing: np.ndarray, weight: np.ndarray | None, kind: str | None) -> Scaling:
    """The scaling of one column by the rows where it has a value."""
    if missing.all():
        return Scaling(np.zeros(1), np.zeros(1), clip=kind == "robust")
    return fit_scaling(column[~missing, None], None if weight is None else weight[~missing], kind)
