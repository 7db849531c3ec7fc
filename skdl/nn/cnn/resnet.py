"""Residual networks (He et al. 2016, https://doi.org/10.1109/CVPR.2016.90), and with squeeze and excitation
(Hu et al. 2018, https://doi.org/10.1109/CVPR.2018.00745)."""

from functools import partial

from torch import nn

from skdl.nn.cnn.layers import Excitation, Residual, Trunk


def _block(trunk: Trunk, width: int, stride: int, bottleneck: bool, excite: bool) -> None:
    branch = Trunk(trunk.channels, trunk.size)
    if bottleneck:
        branch.conv(width, 1, bias=False).norm().relu().conv(width, 3, stride=stride, bias=False).norm().relu()
        branch.conv(4 * width, 1, bias=False).norm()
    else:
        branch.conv(width, 3, stride=stride, bias=False).norm().relu().conv(width, 3, bias=False).norm()
    if excite:
        branch.add(Excitation(branch.channels))
    shortcut: nn.Module = nn.Identity()
    if stride > 1 or trunk.channels != branch.channels:
        project = Trunk(trunk.channels, trunk.size)
        shortcut = project.conv(branch.channels, 1, stride=stride, bias=False).norm().done()
    trunk.add(Residual(branch.done(), shortcut))
    trunk.channels, trunk.size = branch.channels, branch.size


def _resnet(
    in_channels: int, size: tuple[int, ...], n_outputs: int, *, depths: tuple[int, ...], bottleneck=False, excite=False
) -> nn.Module:
    """Four stages of residual blocks; below 64 pixels the stem is one 3-wide convolution, the paper's for CIFAR."""
    trunk = Trunk(in_channels, size)
    if min(size) < 64:
        trunk.conv(64, 3, bias=False).norm().relu()
    else:
        trunk.conv(64, 7, stride=2, bias=False).norm().relu().max_pool(3, 2, padding=1)
    for stage, (width, depth) in enumerate(zip((64, 128, 256, 512), depths, strict=True)):
        for position in range(depth):
            _block(trunk, width, 2 if stage and not position else 1, bottleneck, excite)
    trunk.adapt(1)
    return trunk.done(nn.Flatten(), nn.Linear(trunk.channels, n_outputs))


resnet18 = partial(_resnet, depths=(2, 2, 2, 2))
resnet34 = partial(_resnet, depths=(3, 4, 6, 3))
resnet50 = partial(_resnet, depths=(3, 4, 6, 3), bottleneck=True)
senet = partial(_resnet, depths=(3, 4, 6, 3), bottleneck=True, excite=True)
