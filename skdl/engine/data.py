"""Training data that lies in memory as tensors on the device, and batches that are slices of it."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset

from skdl.utils import derive_keys, random_permutation

# How many batches are gathered at once. A block amortises the cost of indexing, and is small beside the data.
_BATCHES_PER_BLOCK = 64


class TensorData(Dataset):
    """Rows of tensors.

    Parameters
    ----------
    inputs : tuple of Tensor, each of shape (n, ...)
        What the module's ``forward`` takes, in order.
    target : Tensor of shape (n, ...) or None, default=None
        What the loss compares with.
    weight : Tensor of shape (n,) or None, default=None
        A weight for each row, mean one.
    """

    def __init__(self, inputs: tuple[Tensor, ...], target: Tensor | None = None, weight: Tensor | None = None):
        self.inputs = inputs
        self.target = target
        self.weight = weight

    def __len__(self) -> int:
        return len(self.inputs[0])

    def __getitem__(self, row):
        return self.batch(tuple(tensor[row] for tensor in self._tensors()))

    def _tensors(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in (*self.inputs, self.target, self.weight) if tensor is not None)

    def batch(self, tensors: tuple[Tensor, ...]):
        """Arrange rows of all tensors as a net expects a batch.

        Parameters
        ----------
        tensors : tuple of Tensor
            Rows of the inputs, the target and the weight, those of them that there are.

        Returns
        -------
        inputs : tuple of Tensor
        target_and_weight : tuple of (Tensor or None)
        """
        n_inputs = len(self.inputs)
        target = tensors[n_inputs] if self.target is not None else None
        weight = tensors[-1] if self.weight is not None else None
        return tensors[:n_inputs], (target, weight)

    def blocks(self, order: Tensor | None, block_rows: int) -> Iterator[tuple[Tensor, ...]]:
        """Gather the rows of all tensors, a block at a time.

        Parameters
        ----------
        order : Tensor of int of shape (n,) or None
            The order of the rows; None keeps theirs.
        block_rows : int
            The number of rows of a block.

        Yields
        ------
        tuple of Tensor
        """
        for start in range(0, len(self), block_rows):
            rows: slice | Tensor = slice(start, start + block_rows)
            if order is not None:
                rows = order[rows]
            yield tuple(tensor[rows] for tensor in self._tensors())


class Batches:
    """The batches of one epoch after another; what a DataLoader is to a Dataset.

    Parameters
    ----------
    data : TensorData
        The rows.
    batch_size : int
        The number of rows of a batch; the last one of an epoch may have fewer.
    seed : int or None, default=None
        The seed of the order; None keeps the rows in their order.
    epoch : int, default=0
        The number of the first epoch; each epoch has an order of its own.
    """

    def __init__(self, data: TensorData, batch_size: int, seed: int | None = None, epoch: int = 0):
        self.data = data
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.data) // self.batch_size)

    def _order(self) -> Tensor | None:
        n = len(self.data)
        # One batch of everything has no order worth drawing; leaving it alone keeps sums in the order of the rows.
        if self.seed is None or n <= self.batch_size:
            return None
        key = derive_keys(self.seed, "batches", self.epoch)
        return random_permutation(key, n, device=self.data.inputs[0].device)[0]

    def __iter__(self):
        order = self._order()
        self.epoch += 1
        for block in self.data.blocks(order, self.batch_size * _BATCHES_PER_BLOCK):
            for tensors in zip(*(torch.split(tensor, self.batch_size) for tensor in block), strict=True):
                yield self.data.batch(tensors)
