"""Networks so wide that the threads of a CPU should share each of their products, where there is but one of them."""

from typing import Any

import torch
from torch import Tensor, nn

from skdl.engine.data import TensorData
from skdl.engine.stacked_rows import StackedRows
from skdl.engine.training import TrainingPlan
from skdl.kernels.threads import one_torch_thread
from skdl.nn import MLP, StackedMLP

# A product of more multiplications than this is quicker in several threads.
_WIDE = 2**24
SHARED = "its products are shared by threads"
# What is known of networks, data and numbers of threads.
_known: dict[tuple, bool] = {}


def is_wide(plan: TrainingPlan, module: nn.Module, data: TensorData) -> bool:
    """Tell whether a network that is trained alone has products that all threads of a CPU should share.

    Parameters
    ----------
    plan : TrainingPlan
        How it is to be trained.
    module : Module
        The network.
    data : TensorData
        Its training rows.

    Returns
    -------
    bool
        A stack of several such networks gains nothing, but a thread for each does.
    """
    rows = min(plan.batch_size, len(data))
    return plan.device.type == "cpu" and rows * max(weight.numel() for weight in module.parameters()) > _WIDE


def threads_keep_bits(plan: TrainingPlan, module: MLP, data: TensorData) -> bool:
    """Tell whether a wide network comes to the same bits in one thread and in as many as torch has now.

    Parameters
    ----------
    plan, module, data : as in :func:`is_wide`
        The network and how it is to be trained.

    Returns
    -------
    bool
        A library may sum up in another order where several threads share a product, or may not: a step is tried.
    """
    n_threads = torch.get_num_threads()
    shapes = tuple((tuple(tensor.shape[1:]), tensor.dtype) for tensor in data._tensors())
    layers = tuple((type(layer), *(weight.shape for weight in layer.parameters())) for layer in module.layers)
    key = n_threads, plan.batch_size, min(len(data), plan.batch_size + 1), plan.task, shapes, layers
    if key not in _known:
        shared = _step(plan, module, data)
        with one_torch_thread():
            _known[key] = n_threads == 1 or all(map(torch.equal, shared, _step(plan, module, data)))
    return _known[key]


@torch.inference_mode(False)
@torch.no_grad()
def _step(plan: TrainingPlan, module: MLP, data: TensorData) -> list[Tensor]:
    """Losses and derivatives of a batch of random rows, and the losses without dropout of one to validate with."""
    generator = torch.Generator().manual_seed(0)
    stack = StackedMLP([module], plan.device)
    criterion: Any = plan.make_loss()
    found = []
    for fixed in (False, True):
        rows = StackedRows([data], [(0, 0)], plan.batch_size, fixed=fixed)
        _, inputs, target, scale = next(rows.batches(None))
        for tensor in inputs:
            if tensor.dtype.is_floating_point:
                tensor.normal_(generator=generator)
        work = stack.losses if fixed else stack.differentiate
        found.append(work(inputs, target, scale, criterion).clone())
    return [*found, stack.gradient]
