"""Layers of one or two dimensions, and a builder that keeps track of channels and size."""

import torch
from torch import Tensor, nn

from skdl.nn.normalization import BatchNorm1d, BatchNorm2d

_CONV = {1: nn.Conv1d, 2: nn.Conv2d}
_NORM = {1: BatchNorm1d, 2: BatchNorm2d}
_MAX = {1: nn.MaxPool1d, 2: nn.MaxPool2d}
_MEAN = {1: nn.AvgPool1d, 2: nn.AvgPool2d}
_ADAPT = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d}


class Trunk:
    """A sequence of layers under construction.

    Parameters
    ----------
    in_channels : int
        The channels of the input.
    size : tuple of int
        The height and width, or the length, of the input.

    Attributes
    ----------
    layers : list of Module
        What was added.
    channels : int
        The channels of the last layer's output.
    size : tuple of int
        The size of the last layer's output.
    """

    def __init__(self, in_channels: int, size: tuple[int, ...]):
        self.layers: list[nn.Module] = []
        self.channels = in_channels
        self.size = tuple(size)

    @property
    def dims(self) -> int:
        return len(self.size)

    @property
    def n_values(self) -> int:
        """The number of values that ``nn.Flatten`` makes of the output."""
        product = self.channels
        for extent in self.size:
            product *= extent
        return product

    def add(self, *layers: nn.Module) -> "Trunk":
        """Append layers that change neither channels nor size."""
        self.layers += layers
        return self

    def conv(
        self, channels: int, kernel: int, *, stride=1, padding: int | None = None, dilation=1, groups=1, bias=True
    ) -> "Trunk":
        """Append a convolution; without ``padding`` the kernel is centred."""
        span = dilation * (kernel - 1) + 1
        padding = span // 2 if padding is None else padding
        kind = _CONV[self.dims]
        self.layers.append(kind(self.channels, channels, kernel, stride, padding, dilation, groups=groups, bias=bias))
        self.channels = channels
        return self._resize(span, stride, padding)

    def norm(self) -> "Trunk":
        """Append a batch normalisation."""
        return self.add(_NORM[self.dims](self.channels))

    def relu(self) -> "Trunk":
        return self.add(nn.ReLU(inplace=True))

    def max_pool(self, kernel: int, stride: int | None = None, *, padding: int = 0, ceil: bool = False) -> "Trunk":
        """Append a pooling by maxima, or nothing where the map is too small for it."""
        return self._pool(_MAX, kernel, stride or kernel, padding, ceil)

    def mean_pool(self, kernel: int, stride: int | None = None) -> "Trunk":
        """Append a pooling by means, or nothing where the map is too small for it."""
        return self._pool(_MEAN, kernel, stride or kernel, 0, False)

    def _pool(self, kind: dict, kernel: int, stride: int, padding: int, ceil: bool) -> "Trunk":
        if min(self.size) + 2 * padding < kernel:
            return self
        self.layers.append(kind[self.dims](kernel, stride, padding, ceil_mode=ceil))
        return self._resize(kernel, stride, padding, ceil)

    def adapt(self, extent: int) -> "Trunk":
        """Append means over at most ``extent`` regions along each axis."""
        self.size = tuple(min(extent, own) for own in self.size)
        return self.add(_ADAPT[self.dims](self.size))

    def _resize(self, kernel: int, stride: int, padding: int, ceil: bool = False) -> "Trunk":
        def extent(own: int) -> int:
            span = own + 2 * padding - kernel
            steps = -(-span // stride) if ceil else span // stride
            # torch drops a last window that would begin behind the input.
            return steps if ceil and steps * stride >= own + padding else steps + 1

        self.size = tuple(extent(own) for own in self.size)
        return self

    def done(self, *head: nn.Module) -> nn.Sequential:
        """Return all layers with the head behind them."""
        return nn.Sequential(*self.layers, *head)


class Residual(nn.Module):
    """The sum of a branch and a shortcut, rectified."""

    def __init__(self, branch: nn.Module, shortcut: nn.Module):
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.branch(x) + self.shortcut(x))


class Parallel(nn.Module):
    """Branches side by side, their channels one after the other."""

    def __init__(self, *branches: nn.Module):
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Excitation(nn.Module):
    """Squeeze and excitation: channels are weighed by what is seen in all of them (Hu et al. 2018)."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        hidden = max(1, channels // reduction)
        self.weigh = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weigh(x.flatten(2).mean(dim=2))  # (n, channels)
        return x * weight.view(*weight.shape, *[1] * (x.ndim - 2))
