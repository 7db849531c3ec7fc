"""What a fit of a tree has checked and encoded."""

from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from skdl.kernels.tree import Samples, rank_columns
from skdl.utils import TableSchema

__all__: list[str] = []


class Table:
    """An encoded table, of which one fit or several read rows of their own.

    Parameters
    ----------
    X : ndarray of shape (N, d)
    schema : TableSchema
    shared : bool, default=False
        Whether several trees are grown from it.
    """

    def __init__(self, X: np.ndarray, schema: TableSchema, shared: bool = False):
        self.X, self.schema, self.shared = X, schema, shared
        self.n_categories = np.array(
            [0 if values is None else len(values) for values in schema.categories], dtype=np.int64
        )
        self._ranked: Any = None
        self._lock = Lock()

    def ranked(self):
        """The ranks of all values where they serve several trees; they are found once."""
        if not self.shared:
            return None
        with self._lock:
            if self._ranked is None:
                self._ranked = rank_columns(self.X, self.schema.is_categorical, self.n_categories)
            return self._ranked


class TrainingSet(NamedTuple):
    """What a fit has checked and encoded."""

    table: Table
    rows: np.ndarray  # (n,) the row of the table of each sample; none of weight zero
    samples: Samples
    n_classes: np.ndarray
    scale: np.ndarray  # (o,) the targets in the samples are y / scale
    seed: int
    grown_from: np.ndarray | None  # positions in ``rows``, where others are held out for pruning
    held_out: np.ndarray | None

    def X(self, some=None) -> np.ndarray:
        """The values of some samples, or of all, of shape (n, d)."""
        rows = self.rows if some is None else self.rows[some]
        whole = len(rows) == len(self.table.X) and bool((rows == np.arange(len(rows))).all())
        return self.table.X if whole else self.table.X[rows]

    def part(self) -> "TrainingSet":
        """The samples that the tree is grown from."""
        some = self.grown_from
        if some is None:
            return self
        label, target, weight, first = self.samples
        samples = Samples(label[some], target[some], weight[some] if len(weight) else weight, first)
        return self._replace(rows=self.rows[some], samples=samples)


def label_and_weight(training: TrainingSet) -> tuple[np.ndarray, np.ndarray]:
    """The class codes and the weights of a training set with one output, both of shape (n,)."""
    weight = training.samples.weight
    return np.ascontiguousarray(training.samples.label[:, 0]), weight if len(weight) else np.ones(len(training.rows))
