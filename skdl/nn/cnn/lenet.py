"""LeNet-5 (LeCun et al. 1998, https://doi.org/10.1109/5.726791), with rectifiers and maxima."""

from torch import nn

from skdl.nn.cnn.layers import Trunk


def lenet(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Two convolutions and three linear layers; images below 32 pixels are padded as the paper pads 28 to 32."""
    trunk = Trunk(in_channels, size)
    trunk.conv(6, 5, padding=2 if min(size) < 32 else 0).relu().max_pool(2)
    trunk.conv(16, 5, padding=0 if min(trunk.size) >= 5 else 2).relu().max_pool(2)
    head = [nn.Linear(trunk.n_values, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, n_outputs)]
    return trunk.done(nn.Flatten(), *head)
