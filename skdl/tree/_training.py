"""What a fit of a tree has checked and encoded."""

from typing import Any, NamedTuple

import numpy as np

from skdl.kernels.tree import Samples

__all__: list[str] = []


class TrainingSet(NamedTuple):
    """What a fit has checked and encoded."""

    X: np.ndarray  # (n, d) without the rows of weight zero
    samples: Samples
    schema: Any
    n_classes: np.ndarray
    scale: np.ndarray  # (o,) the targets in the samples are y / scale
    seed: int
    grown_from: np.ndarray | None  # rows, where others are held out for pruning
    held_out: np.ndarray | None

    def part(self) -> "TrainingSet":
        """The rows that the tree is grown from."""
        rows = self.grown_from
        if rows is None:
            return self
        label, target, weight, first = self.samples
        samples = Samples(label[rows], target[rows], weight[rows] if len(weight) else weight, first)
        return self._replace(X=self.X[rows], samples=samples)


def category_counts(schema) -> np.ndarray:
    """How many categories each column has, of shape (d,); 0 for a numeric one."""
    return np.array([0 if values is None else len(values) for values in schema.categories], dtype=np.int64)


def label_and_weight(training: TrainingSet) -> tuple[np.ndarray, np.ndarray]:
    """The class codes and the weights of a training set with one output, both of shape (n,)."""
    weight = training.samples.weight
    return np.ascontiguousarray(training.samples.label[:, 0]), weight if len(weight) else np.ones(len(training.X))
