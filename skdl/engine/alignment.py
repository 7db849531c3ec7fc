"""Rows that begin where a processor's vectors do, so that a library rounds all of them alike."""

from torch import nn
from torch.overrides import TorchFunctionMode

from skdl.nn.stacked import ALIGNED


class AlignedRows(TorchFunctionMode):
    """Within it, linear layers on a CPU read rows that all begin at multiples of 16 bytes.

    On processors without AVX-512, MKL adds up a row of a narrow product by where the row begins: of rows of three
    float32, say, every fourth is rounded in one way and the others in another.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is nn.functional.linear:
            x, *others = args
            missing = -x.shape[-1] % ALIGNED
            if missing and x.device.type == "cpu":
                args = nn.functional.pad(x, (0, missing))[..., : x.shape[-1]], *others
        return function(*args, **(kwargs or {}))
