"""The rows of the members of a stack, and their batches."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from skdl.engine.data import TensorData, bucket_length
from skdl.nn.stacked import ALIGNED
from skdl.nn.stacked_loops import gather
from skdl.utils import derive_keys, random_permutation

# How much is gathered at once where each call costs more than small batches do.
_BLOCK_BYTES = 1 << 26


def rows_of_batch(n_rows: int | None, batch_size: int) -> int:
    """Say to how many rows a batch is padded.

    Parameters
    ----------
    n_rows : int or None
        How many there are in all; None if there may be any number.
    batch_size : int
        How many a batch has, if there are as many.

    Returns
    -------
    int
        A multiple of ``ALIGNED``: a member's part of a buffer then begins where a vector of the processor is aligned.
    """
    rows = batch_size if n_rows is None or n_rows > batch_size else bucket_length(n_rows)
    return -(-rows // ALIGNED) * ALIGNED


class StackedRows:
    """The members' rows: each distinct data set once, an order for each distinct (data, seed).

    Members may differ in their number of rows as long as an epoch has the same number of batches. A batch that is not
    full is padded with rows of scale zero: products of as many rows are rounded alike, whatever the other members have.
    """

    def __init__(self, data: Sequence[TensorData], keys: Sequence[tuple], batch_size: int, *, fixed: bool = False):
        self.keys = list(keys)
        self.batch_size = batch_size
        self.n_inputs = len(data[0].inputs)
        self.device = data[0].inputs[0].device
        used = list(dict.fromkeys(index for index, _ in keys))
        self.place = {index: position for position, index in enumerate(used)}
        self.lengths = np.array([len(data[index]) for index in used])
        longest = int(self.lengths.max())
        # Each tensor's rows as (D, n, k).
        parts = zip(*(data[index]._tensors() for index in used), strict=True)
        self.shapes = [tensor.shape[1:] for tensor in data[0]._tensors()]
        self.tensors = [
            torch.stack(
                [_padded(tensor.flatten(1) if tensor.ndim > 1 else tensor[:, None], longest) for tensor in same]
            )
            for same in parts
        ]
        self.n_rows = rows_of_batch(None if fixed else longest, batch_size)
        self.weighted = data[0].weight is not None
        if self.device.type == "cpu":
            self.arrays = [tensor.numpy() for tensor in self.tensors]
        self._settle()

    def _settle(self) -> None:
        distinct = list(dict.fromkeys(self.keys))
        self.entries = [(self.place[index], seed) for index, seed in distinct]
        where = {key: position for position, key in enumerate(distinct)}
        self.entry = np.array([where[key] for key in self.keys])  # (M,)
        self.data_of = np.array([self.place[index] for index, _ in self.keys])  # (M,)
        self.n = self.lengths[self.data_of]  # (M,)
        self.n_batches = -(-self.n // self.batch_size)  # (M,)
        self.buffers: tuple[list, list] | None = None
        # On other devices the numbers lie where they are used: a copy in each batch would make the host wait.
        self.entry_there = torch.as_tensor(self.entry, device=self.device)
        self.data_there = torch.as_tensor(self.data_of, device=self.device)
        # Of each batch: where it begins, each member's number of rows, and the factors that make a sum a mean, (M, B).
        self.parts = []
        known: dict[tuple, tuple] = {}
        for start in range(0, int(self.n.max()), self.batch_size):
            counts = np.clip(self.n - start, 0, self.batch_size)
            key = tuple(counts.tolist())
            if key not in known:
                there = np.arange(self.n_rows) < counts[:, None]
                scale = there / np.maximum(counts, 1)[:, None]
                known[key] = counts, torch.as_tensor(scale, dtype=torch.float32, device=self.device)
            self.parts.append((start, *known[key]))

    def keep(self, stays: np.ndarray) -> None:
        """Forget the other members."""
        self.keys = [key for key, stay in zip(self.keys, stays, strict=True) if stay]
        self._settle()

    def _order(self, epoch: int | None) -> Tensor:
        """The order of the rows of each entry, (E, n)."""
        width = (len(self.parts) - 1) * self.batch_size + self.n_rows
        order = torch.zeros(len(self.entries), width, dtype=torch.int64, device=self.device)
        longest = int(self.n.max())
        order[:, :longest] = torch.arange(longest, device=self.device)
        lengths = self.lengths[[place for place, _ in self.entries]]
        for length in np.unique(lengths) if epoch is not None else ():
            # One batch of everything has no order worth drawing; leaving it alone keeps sums in the order of the rows.
            if length > self.batch_size:
                those = np.flatnonzero(lengths == length)
                keys = np.concatenate([derive_keys(self.entries[entry][1], "batches", epoch) for entry in those])
                drawn = random_permutation(keys, int(length), device=self.device)
                order[torch.from_numpy(those).to(self.device), :length] = drawn
        return order

    def batches(self, epoch: int | None) -> Iterator[tuple[np.ndarray, tuple, Tensor, Tensor]]:
        """Yield (each member's number of rows, inputs (M, B, ...), target, scale); without an epoch in the rows' order.

        The tensors are overwritten by the next batch. The scale makes a sum over rows the mean that a loss is.
        """
        order = self._order(epoch)
        gathered = self._compiled(order) if self.device.type == "cpu" else self._indexed(order)
        for (_, counts, scale), tensors in zip(self.parts, gathered, strict=True):
            weight = tensors.pop() if self.weighted else None
            scaled = scale if weight is None else weight * scale
            yield counts, tuple(tensors[: self.n_inputs]), tensors[self.n_inputs], scaled

    def _compiled(self, order: Tensor) -> Iterator[list[Tensor]]:
        """The rows of each tensor for each batch, (M, B, ...), zero past a member's own."""
        if self.buffers is None:
            flat = [tensor.new_empty(len(self.keys), self.n_rows, tensor.shape[2]) for tensor in self.tensors]
            shaped = [part.view(*part.shape[:2], *shape) for part, shape in zip(flat, self.shapes, strict=True)]
            self.buffers = [part.numpy() for part in flat], shaped
        (arrays, shaped), numbers = self.buffers, order.numpy()
        for start, counts, _ in self.parts:
            for source, out in zip(self.arrays, arrays, strict=True):
                gather(source, self.data_of, numbers, self.entry, start, counts, out)
            yield list(shaped)

    def _indexed(self, order: Tensor) -> Iterator[list[Tensor]]:
        """The same by torch, some batches at once; any rows past a member's own."""
        numbers = order.unfold(1, self.n_rows, self.batch_size)  # (E, n_batches, B)
        size = len(self.keys) * self.n_rows * sum(tensor.shape[2] * tensor.element_size() for tensor in self.tensors)
        data_of = self.data_there[:, None]  # (M, 1)
        step = max(1, _BLOCK_BYTES // size)
        for first in range(0, len(self.parts), step):
            rows = numbers[:, first : first + step].transpose(0, 1)[:, self.entry_there]  # (k, M, B)
            parts = [
                tensor[data_of, rows].view(*rows.shape, *shape)
                for tensor, shape in zip(self.tensors, self.shapes, strict=True)
            ]
            yield from map(list, zip(*parts, strict=True))


def _padded(tensor: Tensor, n: int) -> Tensor:
    missing = n - len(tensor)
    return torch.cat([tensor, tensor.new_zeros(missing, *tensor.shape[1:])]) if missing else tensor
