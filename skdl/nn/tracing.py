"""What goes on inside a network while it predicts: outputs of its layers, weights of its attention."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from skdl.nn.anatomy import called_layers
from skdl.nn.attention import SelfAttention

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def called_convolutions(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[str]:
    """Name the convolutions in the order of their first call.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is called once, in evaluation mode, and left as it was.
    inputs : tuple of Tensor, each of shape (n, ...)
        What to call it with.

    Returns
    -------
    list of str
        Paths in the module.
    """
    return [path for path in called_layers(module, inputs) if isinstance(module.get_submodule(path), _CONVOLUTIONS)]


@torch.no_grad()
def layer_output(module: nn.Module, inputs: tuple[Tensor, ...], path: str) -> Tensor:
    """Return what a layer gives when a network is called.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is called once, in evaluation mode, and left as it was.
    inputs : tuple of Tensor, each of shape (n, ...)
        What to call it with.
    path : str
        The layer's place in the network, as in ``named_modules``.

    Returns
    -------
    Tensor
        Of the last call, where a layer is called several times.

    Raises
    ------
    ValueError
        If the layer is not called, or gives no tensor.
    """
    seen: list[Any] = []

    def note(_, arguments, output):
        # The next layer may well write over its input, as rectifiers do.
        seen.append(output.clone() if isinstance(output, Tensor) else output)

    hook = module.get_submodule(path).register_forward_hook(note)
    with _evaluating(module, [hook]):
        module(*inputs)
    if not seen or not isinstance(seen[-1], Tensor):
        raise ValueError(f"The layer {path!r} {'gives no tensor' if seen else 'is not called by the network'}.")
    return seen[-1]


@torch.no_grad()
def attention_weights(module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
    """Return the weights with which each step looks at each other step.

    The network predicts as ever, by torch's fused attention, which forms no weights; they are computed beside it.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is called once, in evaluation mode, and left as it was.
    inputs : tuple of Tensor, each of shape (n, ...)
        What to call it with.

    Returns
    -------
    dict of str to Tensor of shape (n, n_heads, t, t)
        By the path of each :class:`SelfAttention` and ``torch.nn.MultiheadAttention``, in the order of their calls;
        empty where there is none. Rows, of which each adds up to 1, belong to the steps that look.
    """
    found: dict[str, Tensor] = {}
    hooks = []
    for path, layer in module.named_modules():
        if isinstance(layer, SelfAttention):

            def note(layer, arguments, path=path):
                found[path] = _weights(layer, *arguments)

            hooks.append(layer.register_forward_pre_hook(note))
        elif isinstance(layer, nn.MultiheadAttention):

            def note_output(_, arguments, output, path=path):
                found[path] = output[1]

            hooks.append(layer.register_forward_pre_hook(_ask_for_weights, with_kwargs=True))
            hooks.append(layer.register_forward_hook(note_output))
    with _evaluating(module, hooks):
        module(*inputs)
    return found


def _ask_for_weights(_, arguments, settings):
    # query, key and value alone come by position, from those who call it so in torch
    return arguments[:3], settings | {"need_weights": True, "average_attn_weights": False}


def _weights(layer: SelfAttention, steps: Tensor, real: Tensor) -> Tensor:
    n, t, width = steps.shape
    parts = layer.queries_keys_values(steps).view(n, t, 3, layer.n_heads, width // layer.n_heads)
    queries, keys, _ = parts.permute(2, 0, 3, 1, 4)  # (n, heads, t, width / heads) each
    scores = queries @ keys.transpose(2, 3) / math.sqrt(width / layer.n_heads)
    return scores.masked_fill(~real[:, None, None, :], -math.inf).softmax(dim=3)


@contextmanager
def _evaluating(module: nn.Module, hooks: list) -> Iterator[None]:
    """Switch to evaluation for a call; afterwards, take hooks away and give every layer its mode back."""
    trains = {layer: layer.training for layer in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for layer, mode in trains.items():
            layer.training = mode
