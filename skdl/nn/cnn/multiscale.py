"""InceptionTime's network (Ismail Fawaz et al. 2020, https://doi.org/10.1007/s10618-020-00710-y): kernels of several
widths side by side, for series; the same with kernels for pictures."""

from torch import nn

from skdl.nn.cnn.layers import Parallel, Residual, Trunk

# Widths of the parallel kernels for series and for pictures; the paper's 40, 20 and 10 made odd, so that they have a
# centre.
_KERNELS = {1: (39, 19, 9), 2: (7, 5, 3)}
_CHANNELS = 32


def _module(trunk: Trunk) -> None:
    """Reduce to 32 channels, look with kernels of three widths, beside a maximum over neighbours."""
    reduced = Trunk(trunk.channels, trunk.size)
    if trunk.channels > 1:
        reduced.conv(_CHANNELS, 1, bias=False)
    wide = [Trunk(reduced.channels, trunk.size).conv(_CHANNELS, kernel, bias=False) for kernel in _KERNELS[trunk.dims]]
    pooled = Trunk(trunk.channels, trunk.size).max_pool(3, 1, padding=1).conv(_CHANNELS, 1, bias=False)
    seen = reduced.done(Parallel(*(branch.done() for branch in wide)))
    trunk.add(Parallel(seen, pooled.done()))
    trunk.channels = _CHANNELS * (len(wide) + 1)
    trunk.norm().relu()


def multiscale(in_channels: int, size: tuple[int, ...], n_outputs: int) -> nn.Module:
    """Six modules with a shortcut around each three, the mean of each map, a linear layer.

    Maps of pictures are halved before each three modules while they have 16 pixels or more; series keep their length,
    as in the paper.
    """
    trunk = Trunk(in_channels, size)
    for _ in range(2):
        if trunk.dims == 2 and min(trunk.size) >= 16:
            trunk.max_pool(2)
        branch = Trunk(trunk.channels, trunk.size)
        for _ in range(3):
            _module(branch)
        shortcut = Trunk(trunk.channels, trunk.size)
        if trunk.channels != branch.channels:
            shortcut.conv(branch.channels, 1, bias=False)
        trunk.add(Residual(branch.done(), shortcut.norm().done()))
        trunk.channels = branch.channels
    trunk.adapt(1)
    return trunk.done(nn.Flatten(), nn.Linear(trunk.channels, n_outputs))
