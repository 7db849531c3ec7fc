"""Training by several processes, or on several GPUs, through accelerate.

Every process has all rows and sees the same batches; each computes the gradient of its part of a batch, and the parts
are averaged before each step. The weights, the history and the decision to stop are the same in all of them.
"""

import atexit
import gc
from collections.abc import Iterator
from importlib import import_module

import torch
from skorch.hf import AccelerateMixin

from skdl.engine.data import Batches


class Share:
    """One process's part of each batch.

    Parameters
    ----------
    batches : Batches
        The batches of all.
    rank : int
        Which of the processes this is.
    n_processes : int
        How many there are.
    """

    def __init__(self, batches: Batches, rank: int, n_processes: int):
        self.batches = batches
        self.rank = rank
        self.n_processes = n_processes
        self.sizes: list[int] = []

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator:
        """Yield batches whose weights make the mean over the processes the mean over the rows."""
        self.sizes = []
        for inputs, (target, weight) in self.batches:
            n = len(inputs[0])
            self.sizes.append(n)
            start, stop = (n * (self.rank + part) // self.n_processes for part in (0, 1))
            # With fewer rows than processes some have none, but all must take part in the step: by a row that counts
            # nothing.
            rows = slice(start, stop) if stop > start else slice(0, 1)
            share = (stop - start) * self.n_processes / n
            part = torch.ones(n, device=inputs[0].device) if weight is None else weight
            yield tuple(tensor[rows] for tensor in inputs), (target[rows], part[rows] * share)


class _Accelerated(AccelerateMixin):
    """What several processes need beside what skorch's mixin does."""

    def get_iterator(self, dataset, training=False):
        batches = super().get_iterator(dataset, training=training)
        if not isinstance(batches, Batches):
            return batches
        return Share(batches, self.accelerator.process_index, self.accelerator.num_processes)

    def train_step_single(self, batch, **fit_params):
        # skorch's mixin would leave types and scaling to accelerate, which allows one choice in a process; the loop's
        # own way serves here too, since gradients are averaged in the backward pass.
        return super(AccelerateMixin, self).train_step_single(batch, **fit_params)

    def _batch_losses(self, losses, sizes, iterator):
        losses, sizes = super()._batch_losses(losses, sizes, iterator)
        return self.accelerator.reduce(losses, reduction="mean"), getattr(iterator, "sizes", sizes)


def accelerated(net_class: type) -> type:
    """Return a net class that trains with accelerate.

    Parameters
    ----------
    net_class : type
        One of the engine's nets.

    Returns
    -------
    type
        It takes an ``accelerator`` besides.
    """
    return type(f"Accelerated{net_class.__name__}", (_Accelerated, net_class), {})


def make_accelerator(device: torch.device):
    """Join the processes that were launched together.

    Parameters
    ----------
    device : torch.device
        Where to compute; on a GPU each process takes the one that the launcher gave it.

    Returns
    -------
    accelerate.Accelerator
    """
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise ImportError("accelerate=True needs the package accelerate: pip install 'skdl[accelerate]'.") from error
    joined_before = _is_joined()
    if torch.distributed.is_available():
        # Functions of this module keep, as the default of an argument, the group that there is when it is imported.
        # Such a group would outlive _leave, and its threads would run into the end of the interpreter.
        import_module("torch.distributed.nn.functional")
    made = Accelerator(cpu=device.type == "cpu", device_placement=False, mixed_precision="no")
    if _is_joined() and not joined_before:
        # A process whose threads still hold tensors when the interpreter ends is aborted.
        atexit.register(_leave)
    return made


def _is_joined() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def _leave() -> None:
    if _is_joined():
        gc.collect()  # a trained net that is part of a cycle still holds the group
        torch.distributed.destroy_process_group()
