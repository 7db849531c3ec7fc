"""The layers of a module in the order in which its ``forward`` calls them: the head, and how far the others are."""

from threading import get_ident

import torch
from torch import Tensor, nn

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


@torch.no_grad()
def called_layers(module: nn.Module, inputs: tuple[Tensor, ...]) -> list[str]:
    """Name the layers that have weights of their own, in the order of their first call.

    Parameters
    ----------
    module : torch.nn.Module
        The network; it is called once, in evaluation mode.
    inputs : tuple of Tensor, each of shape (n, ...)
        Something to call it with.

    Returns
    -------
    list of str
        Paths in the module; the last one is the head. A module that uses its weights without layers is its own head.
    """
    order: dict[str, None] = {}
    thread = get_ident()  # others may call the same module meanwhile

    def note(path: str) -> None:
        if get_ident() == thread:
            order.setdefault(path)

    hooks = [
        layer.register_forward_hook(lambda *_, path=path: note(path))
        for path, layer in module.named_modules()
        if path and any(True for _ in layer.parameters(recurse=False))
    ]
    trains = {layer: layer.training for layer in module.modules()}
    try:
        module.eval()(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
        for layer, mode in trains.items():
            layer.training = mode
    return list(order) or [""]


def heights(module: nn.Module, layers: list[str]) -> dict[str, int]:
    """Tell how many layers lie between each weight and the output.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    layers : list of str
        From :func:`called_layers`.

    Returns
    -------
    dict of str to int
        By the name of the weight; 0 for those of the head. A layer that only normalises counts with the one before, and
        embeddings beside each other count as one. Weights of layers inside a layer count with it.
    """
    levels: dict[str, int] = {}
    level, before = -1, None
    for path in layers:
        layer = module.get_submodule(path)
        has_matrix = any(weight.ndim > 1 for weight in layer.parameters(recurse=False))
        side_by_side = isinstance(layer, nn.Embedding) and isinstance(before, nn.Embedding)
        if level < 0 or (has_matrix and not side_by_side):
            level += 1
        levels[path] = level
        before = layer
    found = {}
    for name, _ in module.named_parameters():
        path = name.rpartition(".")[0]
        while path and path not in levels:
            path = path.rpartition(".")[0]
        found[name] = level - levels.get(path, 0)
    return found


class Body(nn.Module):
    """A network without its head: what the head would read.

    Parameters
    ----------
    module : torch.nn.Module
        The network.
    head : str
        The path of its last layer.
    """

    def __init__(self, module: nn.Module, head: str):
        super().__init__()
        self.module = module
        self.head = head

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the head's inputs ``(n, width)``, averaged over places where there are several."""
        seen: list[Tensor] = []
        head = self.module.get_submodule(self.head)
        thread = get_ident()

        def note(_, arguments) -> None:
            if get_ident() == thread:  # others may call the same module meanwhile
                seen.append(arguments[0])

        hook = head.register_forward_pre_hook(note)
        try:
            self.module(*inputs)
        finally:
            hook.remove()
        features = seen[-1]
        if features.ndim <= 2:
            return features.reshape(len(features), -1)
        if isinstance(head, _CONVOLUTIONS):
            return features.flatten(2).mean(dim=2)
        return features.flatten(1, -2).mean(dim=1)
