"""Arrays as tensors that are only read."""

import numpy as np
import torch

from skdl.utils import is_mapped


class _Writable:
    """What makes NumPy take the memory of an array for one that may be written to."""

    def __init__(self, array: np.ndarray):
        self.array = array
        interface = dict(array.__array_interface__)
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def as_tensor(array: np.ndarray, device) -> torch.Tensor:
    """A tensor on the device, not to be written to; on a CPU it shares the array's memory where it can.

    torch takes no read-only memory without a warning: a small array is copied, and one that lies in a file is not told.
    """
    if array.flags.c_contiguous and array.flags.aligned and not array.flags.writeable and is_mapped(array):
        array = np.asarray(_Writable(array))
    if not array.flags.writeable or not array.flags.c_contiguous:
        array = np.array(array, order="C")
    return torch.from_numpy(array).to(device)
