"""State dicts of modules and optimizers as NumPy, and back."""

import numpy as np
import torch
from torch import Tensor


def state_to_numpy(state):
    """Turn the tensors in nested dicts and lists into arrays of their own.

    Parameters
    ----------
    state : object
        A state dict of a module or an optimizer.

    Returns
    -------
    object
        The same with arrays in place of tensors and lists in place of tuples.
    """
    if isinstance(state, Tensor):
        return state.detach().cpu().numpy().copy()
    if isinstance(state, dict):
        return {key: state_to_numpy(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return [state_to_numpy(value) for value in state]
    return state


def state_from_numpy(state):
    """Undo :func:`state_to_numpy`.

    Parameters
    ----------
    state : object
        What that function returned.

    Returns
    -------
    object
        The same with tensors in place of arrays; they share no memory.
    """
    if isinstance(state, np.ndarray):
        return torch.from_numpy(state.copy())
    if isinstance(state, dict):
        return {key: state_from_numpy(value) for key, value in state.items()}
    if isinstance(state, list):
        return [state_from_numpy(value) for value in state]
    return state
