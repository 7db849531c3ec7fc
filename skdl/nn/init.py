"""Initial weights from counter-based streams: the same bits whatever the device, the siblings or torch's generator."""

import math
import zlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from skdl.nn.embeddings import PeriodicEmbedding
from skdl.utils import derive_keys, random_normal, random_uniform

# For each rule: how the numbers are distributed, and their variance from (fan_in, fan_out).
_VARIANCES: dict[str, tuple[str, Callable[[int, int], float]]] = {
    "xavier_uniform": ("uniform", lambda fan_in, fan_out: 2.0 / (fan_in + fan_out)),
    "xavier_normal": ("normal", lambda fan_in, fan_out: 2.0 / (fan_in + fan_out)),
    "kaiming_uniform": ("uniform", lambda fan_in, fan_out: 2.0 / fan_in),
    "kaiming_normal": ("normal", lambda fan_in, fan_out: 2.0 / fan_in),
    "lecun_uniform": ("uniform", lambda fan_in, fan_out: 1.0 / fan_in),
    "lecun_normal": ("normal", lambda fan_in, fan_out: 1.0 / fan_in),
}
WEIGHT_RULES = ("auto", *_VARIANCES, "orthogonal")


@torch.no_grad()
def initialize(module: nn.Module, seed: int, rule: str = "auto") -> nn.Module:
    """Overwrite the initial weights of a module.

    Every layer draws from a stream of its own, named after the layer's path in the module, so that adding a layer
    leaves the others as they were. Embeddings are standard normal; numeric embeddings draw their own.

    Parameters
    ----------
    module : torch.nn.Module
        Changed in place; must lie on the CPU, where the numbers are drawn. Layers of other kinds keep their weights.
    seed : int
        The seed of the model.
    rule : str, default="auto"
        How the weights of linear and convolutional layers are drawn, one of ``WEIGHT_RULES``:

        - "auto": torch's default, uniform within ``1 / sqrt(fan_in)``, biases too; with all others biases are 0;
        - "xavier_uniform", "xavier_normal": variance ``2 / (fan_in + fan_out)``
          (Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html);
        - "kaiming_uniform", "kaiming_normal": variance ``2 / fan_in``
          (He et al. 2015, https://doi.org/10.1109/ICCV.2015.123);
        - "lecun_uniform", "lecun_normal": variance ``1 / fan_in``
          (LeCun et al. 1998, https://doi.org/10.1007/3-540-49430-8_2);
        - "orthogonal": orthonormal rows, or columns where they are fewer
          (Saxe, McClelland & Ganguli 2014, https://doi.org/10.48550/arXiv.1312.6120).

    Returns
    -------
    torch.nn.Module
        The same module.
    """
    for path, layer in module.named_modules():
        name = zlib.crc32(path.encode())
        if isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            layer.weight.copy_(_draw(layer.weight, derive_keys(seed, "weights", name, 0), rule))
            if layer.bias is not None and rule == "auto":
                layer.bias.copy_(_bounded(layer.bias, derive_keys(seed, "weights", name, 1), _fan_in(layer.weight)))
            elif layer.bias is not None:
                layer.bias.zero_()
        elif isinstance(layer, PeriodicEmbedding):
            layer.draw_weights(seed, name)
        elif isinstance(layer, nn.Embedding):
            normal = random_normal(derive_keys(seed, "weights", name, 0), layer.weight.numel())
            layer.weight.copy_(normal.view_as(layer.weight))
            if layer.padding_idx is not None:
                layer.weight[layer.padding_idx] = 0.0
    return module


def _fan_in(weight: Tensor) -> int:
    return max(1, weight[0].numel())


def _bounded(like: Tensor, key, fan_in: int) -> Tensor:
    """Uniform numbers within ``1 / sqrt(fan_in)``."""
    return (2.0 * random_uniform(key, like.numel()) - 1.0).view_as(like) * (1.0 / math.sqrt(fan_in))


def _draw(weight: Tensor, key, rule: str) -> Tensor:
    """Weights of a layer ``(out, in, ...)`` by a rule."""
    if rule == "auto":
        return _bounded(weight, key, _fan_in(weight))
    if rule == "orthogonal":
        rows, columns = len(weight), _fan_in(weight)
        normal = random_normal(key, weight.numel()).view(max(rows, columns), min(rows, columns))
        basis, triangle = torch.linalg.qr(normal)
        # The signs that a factorization happens to choose would not be uniform.
        basis = basis * triangle.diagonal().sign()
        return (basis if rows >= columns else basis.T).reshape(weight.shape)
    kind, variance = _VARIANCES[rule]
    fan_out = len(weight) * (_fan_in(weight) // max(1, weight.shape[1]))
    deviation = math.sqrt(variance(_fan_in(weight), fan_out))
    if kind == "normal":
        return deviation * random_normal(key, weight.numel()).view_as(weight)
    return math.sqrt(3.0) * deviation * (2.0 * random_uniform(key, weight.numel()) - 1.0).view_as(weight)
