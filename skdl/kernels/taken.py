"""Some rows of an array, read where they stand: pieces are taken when they are asked for, and never all at once."""

import numpy as np


class TakenRows:
    """What ``X[rows]`` is, to who asks for pieces of it.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    rows : ndarray of int of shape (m,)
    """

    def __init__(self, X: np.ndarray, rows: np.ndarray):
        self._X = X
        self._rows = rows
        self.shape = (len(rows), X.shape[1])
        self.dtype = X.dtype
        self.size = len(rows) * X.shape[1]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key) -> np.ndarray:
        return self._X[self._rows[key]]
