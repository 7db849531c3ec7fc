"""Network in network (Lin, Chen & Yan 2014, https://doi.org/10.48550/arXiv.1312.4400), its net for ImageNet."""

from torch import nn

from skdl.nn.cnn.layers import Trunk


def nin(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Convolutions, each followed by two of width 1; the last has a map for each output, whose mean is the answer.

    Below 64 pixels the first kernel is 5 wide and keeps the resolution.
    """
    trunk = Trunk(in_channels, size)
    small = min(size) < 64
    stages = [(96, 5 if small else 11, 1 if small else 4, 2 if small else 0), (256, 5, 1, 2), (384, 3, 1, 1)]
    for channels, kernel, stride, padding in stages:
        trunk.conv(channels, kernel, stride=stride, padding=padding).relu()
        trunk.conv(channels, 1).relu().conv(channels, 1).relu().max_pool(3, 2, ceil=True)
    trunk.add(nn.Dropout())
    trunk.conv(1024, 3).relu().conv(1024, 1).relu().conv(n_outputs, 1)
    return trunk.adapt(1).done(nn.Flatten())
