"""A small network for images or series of any size: what one would write first."""

from torch import nn

from skdl.nn.cnn.layers import Residual, Trunk


def auto(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """For images :func:`plain`, for series :func:`series`, or :func:`plain` where they have fewer than 16 steps."""
    return (series if len(size) == 1 and size[0] >= 16 else plain)(in_channels, size, n_outputs)


def plain(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """A 3-wide convolution with batch normalisation and two pairs of them, halving the map and doubling the channels
    from 32 to 128.

    The last maps are reduced to at most four regions along each axis and read by a linear layer, so that where
    something stands in the picture counts.
    """
    trunk = Trunk(in_channels, size)
    for channels, depth in ((32, 1), (64, 2), (128, 2)):
        for _ in range(depth):
            trunk.conv(channels, 3, bias=False).norm().relu()
        if min(trunk.size) < 8:
            break
        trunk.max_pool(2)
    trunk.adapt(4)
    return trunk.done(nn.Flatten(), nn.Linear(trunk.n_values, n_outputs))


def series(
    in_channels: int,
    size: tuple[int, ...],
    n_outputs: int,
    *,
    width: int = 32,
    kernels: tuple[int, int, int] = (15, 9, 5),
    halve: bool = True,
) -> nn.Module:
    """After the residual network for series of Wang, Yan & Oates 2017 (https://doi.org/10.1109/IJCNN.2017.7966039).

    Three blocks of convolutions with ``width``, twice and twice as many channels, the mean of each map, a linear layer.
    The paper has 64 channels and kernels of width 7, 5 and 3, and keeps the map's length, so that no unit sees more
    than 37 steps. Here kernels are twice as wide and blocks hand on means of two steps (``halve``): units see 186,
    whole shapes, for about the same time. Half of the channels learn as well from the few series that there mostly
    are.
    """
    trunk = Trunk(in_channels, size)
    for channels in (width, 2 * width, 2 * width):
        if halve and trunk.layers:
            trunk.mean_pool(2)
        branch = Trunk(trunk.channels, trunk.size)
        branch.conv(channels, kernels[0], bias=False).norm().relu()
        branch.conv(channels, kernels[1], bias=False).norm().relu()
        branch.conv(channels, kernels[2], bias=False).norm()
        shortcut = Trunk(trunk.channels, trunk.size)
        if trunk.channels != channels:
            shortcut.conv(channels, 1, bias=False)
        trunk.add(Residual(branch.done(), shortcut.norm().done()))
        trunk.channels = channels
    trunk.adapt(1)
    return trunk.done(nn.Flatten(), nn.Linear(trunk.channels, n_outputs))
