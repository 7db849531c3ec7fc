"""VGG (Simonyan & Zisserman 2015, https://doi.org/10.48550/arXiv.1409.1556)."""

from functools import partial

from torch import nn

from skdl.nn.cnn.layers import Trunk


def _vgg(in_channels: int, size: tuple[int, ...], n_outputs: int, *, depths: tuple[int, ...]) -> nn.Module:
    """Blocks of 3-wide convolutions, each followed by a halving, and three linear layers.

    On small images a halving that would leave nothing is left out.
    """
    trunk = Trunk(in_channels, size)
    for channels, depth in zip((64, 128, 256, 512, 512), depths, strict=True):
        for _ in range(depth):
            trunk.conv(channels, 3).relu()
        trunk.max_pool(2)
    trunk.adapt(7)
    head = [nn.Linear(trunk.n_values, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    return trunk.done(nn.Flatten(), *head, nn.Linear(4096, n_outputs))


vgg11 = partial(_vgg, depths=(1, 1, 2, 2, 2))
vgg13 = partial(_vgg, depths=(2, 2, 2, 2, 2))
vgg16 = partial(_vgg, depths=(2, 2, 3, 3, 3))
vgg19 = partial(_vgg, depths=(2, 2, 4, 4, 4))
