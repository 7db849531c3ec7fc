"""Batches that are put together for losses of pairs: some rows of each of some classes, or each row twice."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skdl.engine.data import Batches, TensorData, bucket_length
from skdl.utils import derive_keys, random_bits, random_permutation


@dataclass(frozen=True)
class ClassBalanced:
    """Batches of ``n_samples`` rows of each of ``n_classes`` classes, sorted by class.

    Each batch has classes of its own, drawn without repetition. The rows of a class come in a new order each epoch and
    are taken in turn, so that none comes twice before all have come.

    Parameters
    ----------
    n_classes : int
        At most as many as there are.
    n_samples : int
        Rows of each.
    n_batches : int
        Batches of an epoch.
    repeats : bool, default=True
        Whether a class with fewer rows than ``n_samples`` repeats them, so that all give as many, or gives what it has.
    """

    n_classes: int
    n_samples: int
    n_batches: int
    repeats: bool = True

    @property
    def size(self) -> int:
        """The number of rows of a batch."""
        return self.n_classes * self.n_samples

    def rows(self, target: np.ndarray, seed: int, epoch: int, n_batches: int) -> list[np.ndarray]:
        """Choose the rows of the batches of an epoch.

        Parameters
        ----------
        target : ndarray of int of shape (n,)
            The class of each row.
        seed : int
            The seed of the model.
        epoch : int
            Which epoch.
        n_batches : int
            How many batches.

        Returns
        -------
        list of ndarray of int
            For each batch.
        """
        _, codes = np.unique(target, return_inverse=True)
        counts = np.bincount(codes)  # (C,)
        bits = random_bits(derive_keys(seed, "rows of classes", epoch), len(codes))[0].numpy()
        shuffled = np.lexsort((bits, codes))  # class by class
        keys = derive_keys(np.full(n_batches, seed), "classes of batches", epoch, np.arange(n_batches))
        chosen = random_permutation(keys, len(counts))[:, : self.n_classes].numpy()  # (n_batches, n_classes)
        # How often each class was chosen before, by which its turn is known.
        flat = chosen.ravel()
        order = np.argsort(flat, kind="stable")
        times = np.bincount(flat, minlength=len(counts))
        earlier = np.empty(len(flat), dtype=np.int64)
        earlier[order] = np.arange(len(flat)) - np.repeat(np.cumsum(times) - times, times)
        places = np.arange(self.n_samples)
        turn = earlier[:, None] * self.n_samples + places  # (n_batches * n_classes, n_samples)
        first = np.cumsum(counts) - counts
        rows = shuffled[first[flat, None] + turn % counts[flat, None]].reshape(n_batches, -1)
        if self.repeats:
            return list(rows)
        new = (places < counts[flat, None]).reshape(n_batches, -1)
        return [of_batch[which] for of_batch, which in zip(rows, new, strict=True)]


@dataclass(frozen=True)
class TwoViews:
    """Batches in which each row stands twice, to be changed at random by the network's augmentation or here.

    Parameters
    ----------
    n_rows : int
        Different rows of a batch, at most as many as there are; those of an epoch that are left over wait for another.
    n_batches : int
        Batches of an epoch.
    corruption : float, default=0.0
        The probability with which an entry of the second view is replaced by that of another row in the same place
        (Bahri et al. 2022, https://doi.org/10.48550/arXiv.2106.15147).
    """

    n_rows: int
    n_batches: int
    corruption: float = 0.0

    @property
    def size(self) -> int:
        """The number of different rows of a batch."""
        return self.n_rows

    def rows(self, target: np.ndarray, seed: int, epoch: int, n_batches: int) -> list[np.ndarray]:
        """Choose the rows of the batches of an epoch.

        Parameters
        ----------
        target : ndarray of shape (n,)
            One entry for each row.
        seed : int
            The seed of the model.
        epoch : int
            Which epoch.
        n_batches : int
            How many batches.

        Returns
        -------
        list of ndarray of int
            For each batch; first all rows, then all again.
        """
        order = random_permutation(derive_keys(seed, "batches", epoch), len(target))[0].numpy()
        starts = range(0, n_batches * self.n_rows, self.n_rows)
        return [np.tile(order[start : start + self.n_rows], 2) for start in starts]

    def corrupt(self, tensors: tuple[Tensor, ...], source: tuple[Tensor, ...], seed: int, epoch: int, batch: int):
        """Replace entries of the second half of a batch by those of random rows of the source.

        Parameters
        ----------
        tensors : tuple of Tensor, each of shape (2 * n_rows, ...)
            The inputs of a batch.
        source : tuple of Tensor, each of shape (n, ...)
            The inputs of all rows.
        seed : int
            The seed of the model.
        epoch, batch : int
            Which batch.

        Returns
        -------
        tuple of Tensor
        """
        changed = []
        for position, (tensor, everything) in enumerate(zip(tensors, source, strict=True)):
            kept, view = tensor.chunk(2)
            flat, size = everything.flatten(1), view.flatten(1)
            bits = random_bits(derive_keys(seed, "corruption", epoch, batch, position), 2 * size.numel(), tensor.device)
            which, where = bits[0].view(2, *size.shape)
            other = (which & (2**62 - 1)) % len(flat)  # (n_rows, entries)
            donated = flat.gather(0, other).view(view.shape)
            hit = ((where & (2**53 - 1)).double() * 2.0**-53 < self.corruption).view(view.shape)
            changed.append(torch.cat([kept, torch.where(hit, donated, view)]))
        return tuple(changed)


class SampledBatches(Batches):
    """The batches that a sampling puts together, of one epoch after another.

    Parameters
    ----------
    data : TensorData
        The rows.
    sampling : ClassBalanced or TwoViews
        How batches are put together.
    seed : int
        The seed of the model.
    epoch : int or None, default=0
        The number of the first epoch; None gives the same batches each time, as validation wants them: about as many
        as hold every row once, at least ten.
    """

    def __init__(self, data: TensorData, sampling: ClassBalanced | TwoViews, seed: int, epoch: int | None = 0):
        super().__init__(data, sampling.size, seed, 0 if epoch is None else epoch)
        self.sampling = sampling
        self.trains = epoch is not None
        self._target = np.arange(len(data)) if data.target is None else data.target.cpu().numpy()

    def __len__(self) -> int:
        once = -(-len(self.data) // self.sampling.size)
        return self.sampling.n_batches if self.trains else min(self.sampling.n_batches, max(10, once))

    def __iter__(self):
        epoch, lengths = self.epoch, self.data.lengths
        purpose = "sampled batches" if self.trains else "sampled batches to validate with"
        seed = int(derive_keys(self.seed, purpose)[0])
        batches = self.sampling.rows(self._target, seed, epoch, len(self))
        self.epoch += self.trains
        # The device gets all row numbers at once: one transfer an epoch.
        order = torch.from_numpy(np.concatenate(batches)).to(self.data.inputs[0].device)
        split = torch.split(order, [len(rows) for rows in batches])
        for number, (rows, chosen) in enumerate(zip(batches, split, strict=True)):
            steps, *others = self.data._tensors()
            if lengths is not None:
                steps = steps[:, : bucket_length(int(lengths[rows].max()))]
            inputs, target = self.data.batch((steps[chosen], *(tensor[chosen] for tensor in others)))
            if isinstance(self.sampling, TwoViews) and self.sampling.corruption:
                inputs = self.sampling.corrupt(inputs, self.data.inputs, seed, epoch, number)
            yield inputs, target
