"""Dilated convolutions: the context module of Yu & Koltun 2016 (https://doi.org/10.48550/arXiv.1511.07122), read by a
mean and a linear layer."""

from torch import nn

from skdl.nn.cnn.layers import Trunk

# Of each 3-wide layer of the basic module; with the last one a value has seen 67 places along each axis.
_DILATIONS = (1, 1, 2, 4, 8, 16, 1)
_CHANNELS = 32


def context(trunk: Trunk) -> Trunk:
    """Append the basic context module: seven 3-wide layers whose holes double, and one of width 1."""
    channels = trunk.channels
    for dilation in _DILATIONS:
        trunk.conv(channels, 3, dilation=dilation, bias=False).norm().relu()
    return trunk.conv(channels, 1, bias=False).norm().relu()


def dilated(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """One 3-wide convolution, the context module at full resolution, the mean of each map, a linear layer.

    The paper aggregates for a prediction at each place; here the mean over places is classified. Layers are batch
    normalised in place of the paper's start from the identity. From 64 pixels on the first layer halves the map, from
    128 on once more.
    """
    trunk = Trunk(in_channels, size)
    trunk.conv(_CHANNELS, 3, stride=2 if min(size) >= 64 else 1, bias=False).norm().relu()
    if min(size) >= 128:
        trunk.max_pool(2)
    context(trunk).adapt(1)
    return trunk.done(nn.Flatten(), nn.Linear(trunk.channels, n_outputs))
