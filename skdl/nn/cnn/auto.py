"""A small network for images or series of any size: what one would write first."""

from torch import nn

from skdl.nn.cnn.layers import Trunk


def auto(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Pairs of 3-wide convolutions with batch normalisation, halving the map and doubling the channels from 32 to 128.

    The last maps are reduced to at most four regions along each axis and read by a linear layer, so that where
    something stands in the picture counts.
    """
    trunk = Trunk(in_channels, size)
    for channels in (32, 64, 128):
        for _ in range(2):
            trunk.conv(channels, 3, bias=False).norm().relu()
        if min(trunk.size) < 8:
            break
        trunk.max_pool(2)
    trunk.adapt(4)
    return trunk.done(nn.Flatten(), nn.Linear(trunk.n_values, n_outputs))
