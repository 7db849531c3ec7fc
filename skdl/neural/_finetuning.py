"""Start a network from the weights of another one."""

from typing import Any

import torch
from torch import Tensor, nn

from skdl.engine import state_from_numpy
from skdl.nn.anatomy import called_layers


def adopt_body(module: nn.Module, source: Any, probe: tuple[Tensor, ...]) -> None:
    """Copy the weights of a fitted estimator's network.

    Parameters
    ----------
    module : torch.nn.Module
        The new network; changed in place.
    source : NeuralEstimator
        Fitted.
    probe : tuple of Tensor
        Something to call the new network with.

    Raises
    ------
    ValueError
        If the networks differ anywhere but in the shape of their heads.
    """
    theirs = state_from_numpy(source._weights)
    head = called_layers(module, probe)[-1]
    ours = {name: value for name, value in module.state_dict().items() if isinstance(value, Tensor)}
    # How often a layer was called is the affair of each training.
    ours = {name: value for name, value in ours.items() if not name.endswith("_extra_state")}
    head_names = {name for name in ours if name.rpartition(".")[0] == head}
    same_head = all(name in theirs and theirs[name].shape == ours[name].shape for name in head_names)
    taken = {name: value for name, value in ours.items() if same_head or name not in head_names}
    strange = [
        f"{name} {tuple(value.shape)}"
        for name, value in taken.items()
        if name not in theirs or theirs[name].shape != value.shape
    ]
    if strange:
        raise ValueError(
            f"init_from brings no weights for {', '.join(strange[:5])}{', ...' if len(strange) > 5 else ''} of the new "
            f"network. Its {type(source).__name__} must have the same layers; the last one alone may differ."
        )
    with torch.no_grad():
        for name, value in taken.items():
            value.copy_(theirs[name])
