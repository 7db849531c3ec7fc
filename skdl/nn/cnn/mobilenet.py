"""MobileNet (Howard et al. 2017, https://doi.org/10.48550/arXiv.1704.04861): depthwise separable convolutions."""

from torch import nn

from skdl.nn.cnn.layers import Trunk

# Channels and stride of each separable convolution.
_LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))


def mobilenet(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Thirteen separable convolutions; below 64 pixels the first layer and the first halving keep the resolution."""
    trunk = Trunk(in_channels, size)
    small = min(size) < 64
    trunk.conv(32, 3, stride=1 if small else 2, bias=False).norm().relu()
    for position, (channels, stride) in enumerate(_LAYERS):
        stride = 1 if small and position == 1 else stride
        trunk.conv(trunk.channels, 3, stride=stride, groups=trunk.channels, bias=False).norm().relu()
        trunk.conv(channels, 1, bias=False).norm().relu()
    trunk.adapt(1)
    return trunk.done(nn.Flatten(), nn.Linear(trunk.channels, n_outputs))
