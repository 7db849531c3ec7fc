"""GoogLeNet (Szegedy et al. 2015, https://doi.org/10.1109/CVPR.2015.7298594), without the auxiliary classifiers."""

from torch import nn

from skdl.nn.cnn.layers import Parallel, Trunk

# For each block: 1x1; 3x3 reduced, 3x3; 5x5 reduced, 5x5; pooled and projected. None is a halving.
_BLOCKS = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    None,
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    None,
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)


def _inception(trunk: Trunk, one: int, reduce3: int, three: int, reduce5: int, five: int, project: int) -> None:
    def branch() -> Trunk:
        return Trunk(trunk.channels, trunk.size)

    trunk.add(
        Parallel(
            branch().conv(one, 1).relu().done(),
            branch().conv(reduce3, 1).relu().conv(three, 3).relu().done(),
            branch().conv(reduce5, 1).relu().conv(five, 5).relu().done(),
            branch().max_pool(3, 1, padding=1).conv(project, 1).relu().done(),
        )
    )
    trunk.channels = one + three + five + project


def googlenet(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Nine inception blocks; below 64 pixels the stem's first kernel is 3 wide and keeps the resolution."""
    trunk = Trunk(in_channels, size)
    if min(size) < 64:
        trunk.conv(64, 3).relu()
    else:
        trunk.conv(64, 7, stride=2).relu().max_pool(3, 2, ceil=True)
    trunk.conv(64, 1).relu().conv(192, 3).relu().max_pool(3, 2, ceil=True)
    for block in _BLOCKS:
        if block is None:
            trunk.max_pool(3, 2, ceil=True)
        else:
            _inception(trunk, *block)
    trunk.adapt(1)
    return trunk.done(nn.Flatten(), nn.Dropout(0.4), nn.Linear(trunk.channels, n_outputs))
