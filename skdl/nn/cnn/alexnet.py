"""AlexNet in one column (Krizhevsky 2014, https://doi.org/10.48550/arXiv.1404.5997)."""

from torch import nn

from skdl.nn.cnn.layers import Trunk


def alexnet(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Five convolutions, three linear layers; below 64 pixels the first kernel is 3 wide and keeps the resolution."""
    trunk = Trunk(in_channels, size)
    if min(size) < 64:
        trunk.conv(64, 3)
    else:
        trunk.conv(64, 11, stride=4, padding=2)
    trunk.relu().max_pool(3, 2)
    trunk.conv(192, 5).relu().max_pool(3, 2)
    trunk.conv(384, 3).relu().conv(256, 3).relu().conv(256, 3).relu().max_pool(3, 2)
    trunk.adapt(6)
    head = [nn.Dropout(), nn.Linear(trunk.n_values, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()]
    return trunk.done(nn.Flatten(), *head, nn.Linear(4096, n_outputs))
