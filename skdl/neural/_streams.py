"""Samples that are streamed: large memory-mapped arrays, and torch Datasets."""

from collections.abc import Callable

import numpy as np
from torch.utils.data import Dataset

from skdl.engine import StreamedRows
from skdl.utils import to_host

# How much of a large X scales are learnt from.
SAMPLED_BYTES = 1 << 24
# How much of X is turned into tensors at once where outputs are computed.
COMPUTED_BYTES = 1 << 22


def is_dataset(X) -> bool:
    """Whether X is a torch Dataset."""
    return isinstance(X, Dataset)


def stream_array(X: np.ndarray) -> StreamedRows:
    """Read an array that lies in a file row by row."""
    return StreamedRows(lambda rows: X[rows], len(X))


def stream_dataset(dataset: Dataset, encode: Callable[[np.ndarray], np.ndarray]) -> StreamedRows:
    """Read a Dataset sample by sample.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Its items are samples or tuples that begin with one.
    encode : callable
        Validates samples, and arranges them as the network's tensors are made from.

    Returns
    -------
    StreamedRows
    """
    return StreamedRows(lambda rows: encode(samples_of(dataset, rows)), len(dataset))  # type: ignore[arg-type]


def check_dataset(owner: str, dataset: Dataset, streams: bool) -> None:
    """Refuse a Dataset that cannot be read in any order, and all of them where samples cannot be streamed."""
    if not streams:
        raise ValueError(f"{owner} takes no torch Dataset: hand over its samples as a list of arrays or of strings.")
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise ValueError(
            f"{owner} takes Datasets with a length and items by number; {type(dataset).__name__} has none. Wrap it in "
            "one that has."
        )


def samples_of(dataset: Dataset, rows) -> np.ndarray:
    """The samples of some items ``(n, ...)``."""
    items = (dataset[int(row)] for row in rows)
    return np.stack([np.asarray(to_host(item[0] if isinstance(item, tuple) else item)) for item in items])


def targets_of(owner: str, dataset: Dataset) -> np.ndarray:
    """The targets of all items, which takes reading all of them once."""
    targets = []
    for row in range(len(dataset)):  # type: ignore[arg-type]
        item = dataset[row]
        if not (isinstance(item, tuple) and len(item) == 2):
            raise ValueError(
                f"y is None, and item {row} of the {type(dataset).__name__} is no pair (sample, target). Give y to "
                f"{owner}.fit, or let the items be pairs."
            )
        targets.append(np.asarray(to_host(item[1])))
    return np.stack(targets)
