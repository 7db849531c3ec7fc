"""Optimizers by name."""

import inspect

import torch

OPTIMIZERS: dict[str, tuple[type[torch.optim.Optimizer], dict]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nesterov": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adam": (torch.optim.Adam, {}),
    "adamax": (torch.optim.Adamax, {}),
    "adamw": (torch.optim.AdamW, {}),
    "nadam": (torch.optim.NAdam, {}),
    "radam": (torch.optim.RAdam, {}),
}


def optimizer_arguments(name: str, lr: float, weight_decay: float, device: torch.device) -> dict:
    """Return the skorch arguments that make a net use an optimizer.

    Parameters
    ----------
    name : str
        A key of ``OPTIMIZERS``.
    lr : float
        The learning rate.
    weight_decay : float
        The factor of the squared penalty; decoupled from the gradient for "adamw".
    device : torch.device
        Where the weights lie. One fused kernel updates them all where torch has it for the optimizer.

    Returns
    -------
    dict
        ``optimizer``, ``lr`` and ``optimizer__...``.
    """
    optimizer, defaults = OPTIMIZERS[name]
    arguments = dict(defaults, weight_decay=weight_decay)
    if "fused" in inspect.signature(optimizer).parameters and device.type in ("cpu", "cuda"):
        # torch has no fused Adagrad on CUDA.
        arguments["fused"] = device.type == "cpu" or optimizer is not torch.optim.Adagrad
    return {"optimizer": optimizer, "lr": lr} | {f"optimizer__{key}": value for key, value in arguments.items()}
