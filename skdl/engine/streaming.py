"""Training data that lies in a file or comes from a Dataset, and is read a block at a time."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from skdl.engine.data import _BATCHES_PER_BLOCK, TensorData

# How much is read at once, or one batch. Some eight times this is what streaming needs beside the targets.
_BLOCK_BYTES = 1 << 22
# How many rows stand for all of them where a training is told from others.
_ROWS_OF_IDENTITY = 256


class StreamedRows:
    """Rows of samples that are read when they are needed.

    A slice is read and gives an array; numbers of rows, or a mask, give another one of these, and read nothing.

    Parameters
    ----------
    read : callable
        Takes ascending numbers of rows and returns their samples as an array.
    n_rows : int
        How many there are.
    rows : ndarray of int of shape (n,) or None, default=None
        Which of them are meant; None means all.
    """

    def __init__(self, read: Callable[[np.ndarray], np.ndarray], n_rows: int, rows: np.ndarray | None = None):
        self.read = read
        self.rows = np.arange(n_rows) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, key):
        if isinstance(key, slice):
            return self.take(np.arange(len(self))[key])
        return StreamedRows(self.read, len(self), self.rows[np.asarray(key)])

    def take(self, positions: np.ndarray) -> np.ndarray:
        """Read the samples at these positions, in this order."""
        rows = self.rows[positions]
        if (rows[1:] >= rows[:-1]).all():
            return self.read(rows)
        order = np.argsort(rows, kind="stable")  # a file is read forwards
        samples = self.read(rows[order])
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return samples[back]

    def sample(self, n: int) -> np.ndarray:
        """Read at most ``n`` positions, evenly spaced: all of them where there are no more."""
        return np.unique(np.linspace(0, len(self) - 1, n).astype(np.int64)) if len(self) > n else np.arange(len(self))


class StreamedData(TensorData):
    """Rows of tensors that are made a block at a time.

    Parameters
    ----------
    rows : StreamedRows
        The samples.
    convert : callable
        Turns an array of samples into the tuple of tensors that the module takes.
    device : torch.device
        Where the tensors go.
    target : Tensor of shape (n, ...)
        What the loss compares with.
    weight : Tensor of shape (n,) or None, default=None
        A weight for each row, mean one.
    """

    def __init__(
        self,
        rows: StreamedRows,
        convert: Callable[[np.ndarray], tuple[Tensor, ...]],
        device: torch.device,
        target: Tensor,
        weight: Tensor | None = None,
    ):
        self.rows = rows
        self.convert = convert
        self.device = device
        # One sample tells the shapes and the device of all.
        super().__init__(self._inputs(np.arange(1)), target, weight)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row):
        rest = tuple(tensor[row] for tensor in (self.target, self.weight) if tensor is not None)
        return self.batch(tuple(tensor[0] for tensor in self._inputs(np.array([row]))) + rest)

    def _inputs(self, positions: np.ndarray) -> tuple[Tensor, ...]:
        return tuple(tensor.to(self.device) for tensor in self.convert(self.rows.take(positions)))

    def blocks(self, order: Tensor | None, block_rows: int) -> Iterator[tuple[Tensor, ...]]:
        """Read the rows of all tensors, a block at a time; as :meth:`TensorData.blocks`, in blocks of bounded size."""
        batch_size = max(1, block_rows // _BATCHES_PER_BLOCK)
        row_bytes = sum(tensor[0].numel() * tensor.element_size() for tensor in self.inputs)
        block_rows = batch_size * min(_BATCHES_PER_BLOCK, max(1, _BLOCK_BYTES // (row_bytes * batch_size)))
        for start in range(0, len(self), block_rows):
            stop = min(start + block_rows, len(self))
            rows = torch.arange(start, stop, device=self.device) if order is None else order[start:stop]
            rest = tuple(tensor[rows] for tensor in (self.target, self.weight) if tensor is not None)
            yield (*self._inputs(rows.cpu().numpy()), *rest)

    def identity(self) -> list:
        """What tells these rows from others: all targets and weights, and some of the samples."""
        return [len(self), self.rows.take(self.rows.sample(_ROWS_OF_IDENTITY)), self.target, self.weight]
