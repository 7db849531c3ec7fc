"""Training data that lies in memory as tensors on the device, and batches that are slices of it."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from skdl.utils import derive_keys, random_permutation

# How many batches are gathered at once. A block amortises the cost of indexing, and is small beside the data.
_BATCHES_PER_BLOCK = 64


def bucket_length(length: int) -> int:
    """Round a length up to one of eight lengths in each octave, at most an eighth longer.

    Few lengths mean few shapes of products, for which libraries prepare themselves one by one.

    Parameters
    ----------
    length : int
        At least 1.

    Returns
    -------
    int
        Lengths up to 16 stay as they are.
    """
    step = 1 << max(0, (length - 1).bit_length() - 4)
    return -(-length // step) * step


def mean_loss(losses: Tensor, sizes) -> Tensor:
    """Return the mean over rows of the mean losses of batches, added up in their order.

    Parameters
    ----------
    losses : Tensor of shape (n_batches,) or (n_batches, M)
        The loss of each batch, of one network or of several.
    sizes : array-like of shape (n_batches,) or (n_batches, M)
        The batches' numbers of rows.

    Returns
    -------
    Tensor of float64 of shape () or (M,)
        On the CPU: the epoch's one wait for the device.
    """
    counts = torch.as_tensor(np.asarray(sizes), dtype=torch.float64)
    return torch.cumsum(losses.double().cpu() * counts, dim=0)[-1] / counts.sum(dim=0)


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
    lengths : ndarray of int of shape (n,) or None, default=None
        How many steps of the first input, of shape (n, t, ...), are real; the others are padding. Batches gather rows
        of like lengths, and are cut to the longest of them.
    """

    def __init__(
        self,
        inputs: tuple[Tensor, ...],
        target: Tensor | None = None,
        weight: Tensor | None = None,
        lengths: np.ndarray | None = None,
    ):
        self.inputs = inputs
        self.target = target
        self.weight = weight
        # Where all rows are of the whole length there is nothing to gather or to cut.
        self.lengths = None if lengths is None or (lengths == inputs[0].shape[1]).all() else lengths

    def __len__(self) -> int:
        return len(self.inputs[0])

    def __getitem__(self, row):
        return self.batch(tuple(tensor[row] for tensor in self._tensors()))

    def _tensors(self) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in (*self.inputs, self.target, self.weight) if tensor is not None)

    def identity(self) -> list:
        """What tells these rows from others."""
        return [*self._tensors(), self.lengths]

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
        if self.data.lengths is not None:
            yield from self._padded_batches(self.data.lengths)
            return
        order = self._order()
        self.epoch += 1
        for block in self.data.blocks(order, self.batch_size * _BATCHES_PER_BLOCK):
            for tensors in zip(*(torch.split(tensor, self.batch_size) for tensor in block), strict=True):
                yield self.data.batch(tensors)

    def _padded_batches(self, lengths: np.ndarray):
        batches = self._alike(lengths)
        self.epoch += 1
        # The device gets all row numbers at once: one transfer an epoch.
        order = torch.from_numpy(np.concatenate(batches)).to(self.data.inputs[0].device)
        steps, *others = self.data._tensors()
        for rows, chosen in zip(batches, torch.split(order, [len(rows) for rows in batches]), strict=True):
            longest = bucket_length(int(lengths[rows].max()))
            yield self.data.batch((steps[:, :longest][chosen], *(tensor[chosen] for tensor in others)))

    def _alike(self, lengths: np.ndarray) -> list[np.ndarray]:
        """The rows of each batch of an epoch.

        Rows are shuffled, then sorted by length within groups of batches, then the batches are shuffled. In a group the
        padding sums up to at most one batch of rows as long as the longest is longer than the shortest.
        """
        n = len(lengths)
        if self.seed is None or n <= self.batch_size:
            return np.split(np.arange(n), range(self.batch_size, n, self.batch_size))
        order = random_permutation(derive_keys(self.seed, "batches", self.epoch), n)[0].numpy()
        # Groups of a quarter of the rows leave the batches of a small set something to chance.
        group = self.batch_size * min(_BATCHES_PER_BLOCK, max(1, len(self) // 4))
        batches: list[np.ndarray] = []
        for start in range(0, n, group):
            rows = order[start : start + group]
            rows = rows[np.argsort(lengths[rows], kind="stable")]
            batches += np.split(rows, range(self.batch_size, len(rows), self.batch_size))
        places = random_permutation(derive_keys(self.seed, "order of batches", self.epoch), len(batches))[0]
        return [batches[place] for place in places.tolist()]
