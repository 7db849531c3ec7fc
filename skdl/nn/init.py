"""Initial weights from counter-based streams: the same bits whatever the device, the siblings or torch's generator."""

import math
import zlib

import torch
from torch import nn

from skdl.utils import derive_keys, random_normal, random_uniform


@torch.no_grad()
def initialize(module: nn.Module, seed: int) -> nn.Module:
    """Overwrite the initial weights of a module.

    Every layer draws from a stream of its own, named after the layer's path in the module, so that adding a layer
    leaves the others as they were. The distributions are torch's defaults: linear layers uniform within ``1 /
    sqrt(fan_in)`` (biases too), embeddings standard normal.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place; must lie on the CPU, where the numbers are drawn. Layers of other kinds keep their weights.
    seed : int
        The seed of the model.

    Returns
    -------
    torch.nn.Module
        The same module.
    """
    for path, layer in module.named_modules():
        name = zlib.crc32(path.encode())
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            bound = 1.0 / math.sqrt(max(1, layer.weight[0].numel()))
            for position, weights in enumerate((layer.weight, layer.bias)):
                if weights is not None:
                    uniform = random_uniform(derive_keys(seed, "weights", name, position), weights.numel())
                    weights.copy_((2.0 * uniform - 1.0).view_as(weights) * bound)
        elif isinstance(layer, nn.Embedding):
            normal = random_normal(derive_keys(seed, "weights", name, 0), layer.weight.numel())
            layer.weight.copy_(normal.view_as(layer.weight))
            if layer.padding_idx is not None:
                layer.weight[layer.padding_idx] = 0.0
    return module
