"""Changes to a whole batch of images ``(n, c, h, w)`` or series ``(n, c, t)`` at once, each sample by its own amount.

Pure functions: what is random about an augmentation is drawn elsewhere and handed over. What a change moves in from
outside is zero, the mean of channels that are standardised.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def per_sample(values: Tensor, x: Tensor) -> Tensor:
    """Give ``(n,)`` the trailing axes that broadcast it over ``x``."""
    return values.view(-1, *[1] * (x.ndim - 1))


def flip(x: Tensor, chosen: Tensor, axis: int) -> Tensor:
    """Mirror the samples that are ``chosen``, bool ``(n,)``, along an axis."""
    return torch.where(per_sample(chosen, x), x.flip(axis), x)


def shift(x: Tensor, offsets: Tensor) -> Tensor:
    """Move each sample by whole places; what leaves at one end is lost, zeros follow at the other.

    Parameters
    ----------
    x : Tensor of shape (n, c, *size)
        The samples.
    offsets : Tensor of int of shape (n, number of axes of a size)
        By how much contents move towards the ends of the axes.

    Returns
    -------
    Tensor of shape (n, c, *size)
    """
    for axis in range(2, x.ndim):
        extent = x.shape[axis]
        places = torch.arange(extent, device=x.device) - offsets[:, axis - 2, None]  # (n, extent)
        inside = (places >= 0) & (places < extent)
        shape = [len(x), *[1] * (x.ndim - 1)]
        shape[axis] = extent
        index = places.clamp(0, extent - 1).view(shape).expand_as(x)
        x = x.gather(axis, index) * inside.view(shape)
    return x


def affine(x: Tensor, degrees: Tensor | None, factors: Tensor | None) -> Tensor:
    """Rotate each sample about its centre, and enlarge it, by bilinear interpolation.

    Parameters
    ----------
    x : Tensor of shape (n, c, h, w) or (n, c, t)
        The samples.
    degrees : Tensor of shape (n,) or None
        Counter-clockwise; None for series.
    factors : Tensor of shape (n,) or None
        Above 1 contents grow, along both axes of an image.

    Returns
    -------
    Tensor
        As ``x``.
    """
    images = x if x.ndim == 4 else x.unsqueeze(2)
    n, _, height, width = images.shape
    angle = x.new_zeros(n) if degrees is None else torch.deg2rad(degrees)
    grow = x.new_ones(n) if factors is None else factors
    cos, sin = angle.cos() / grow, angle.sin() / grow
    zero = torch.zeros_like(cos)
    # Where each place of the result looks, in coordinates from -1 to 1 along each axis; those of an image that is no
    # square have different units.
    matrix = torch.stack(
        [
            torch.stack([cos, -sin * height / width, zero], dim=1),
            torch.stack([sin * width / height, cos if x.ndim == 4 else torch.ones_like(cos), zero], dim=1),
        ],
        dim=1,
    )  # (n, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, align_corners=False).view_as(x)


def warped_times(speeds: Tensor, lengths: Tensor, n_steps: int) -> Tensor:
    """Return which time of a series each step of a copy shows, where time runs at changing speeds.

    It runs from the first step of the series to its last.

    Parameters
    ----------
    speeds : Tensor of shape (n, k)
        The speeds in k equal parts of each series; only their ratios count.
    lengths : Tensor of int of shape (n,)
        The number of real steps of each series.
    n_steps : int
        The number of steps, with padding.

    Returns
    -------
    Tensor of shape (n, n_steps)
        Times from 0 to ``lengths - 1``, which all steps behind the end have.
    """
    k = speeds.shape[1]
    ends = F.pad(speeds.cumsum(dim=1) / speeds.sum(dim=1, keepdim=True), (1, 0))  # (n, k + 1), from 0 to 1
    last = (lengths - 1).unsqueeze(1).to(speeds.dtype)
    passed = (torch.arange(n_steps, device=speeds.device) / last.clamp(min=1)).clamp(max=1) * k  # (n, n_steps), parts
    part = passed.long().clamp(max=k - 1)
    begin = ends.gather(1, part)
    return last * (begin + (passed - part) * (ends.gather(1, part + 1) - begin)).clamp(max=1)


def read_at(x: Tensor, times: Tensor) -> Tensor:
    """Read each series ``(n, c, t)`` at times of its own between its steps, ``(n, s)``, by linear interpolation."""
    before = times.long()
    after = (before + 1).clamp(max=x.shape[2] - 1)
    first, second = (x.gather(2, steps.unsqueeze(1).expand(-1, x.shape[1], -1)) for steps in (before, after))
    return torch.lerp(first, second, (times - before).unsqueeze(1).to(x.dtype))


def color(x: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor | None) -> Tensor:
    """Change how bright, rich in contrast and colourful each sample is.

    Parameters
    ----------
    x : Tensor of shape (n, c, *size)
        Samples of standardised channels.
    brightness : Tensor of shape (n,)
        Is added.
    contrast : Tensor of shape (n,)
        Multiplies the distances from the sample's mean.
    saturation : Tensor of shape (n,) or None
        Multiplies the distances of channels from their mean at each place.

    Returns
    -------
    Tensor of shape (n, c, *size)
    """
    if saturation is not None:
        grey = x.mean(dim=1, keepdim=True)
        x = grey + (x - grey) * per_sample(saturation, x)
    mean = x.flatten(1).mean(dim=1)
    return per_sample(mean + brightness, x) + (x - per_sample(mean, x)) * per_sample(contrast, x)


def in_box(size: tuple[int, ...], start: Tensor, stop: Tensor) -> Tensor:
    """Which places lie in a box of each sample's own.

    Parameters
    ----------
    size : tuple of int
        The extents of the axes.
    start, stop : Tensor of int of shape (n, len(size))
        The box's first place along each axis, and the one behind its last.

    Returns
    -------
    Tensor of shape (n, 1, *size), dtype bool
    """
    inside = torch.ones((len(start), 1, *size), dtype=torch.bool, device=start.device)
    for axis, extent in enumerate(size):
        places = torch.arange(extent, device=start.device)
        within = (places >= start[:, axis, None]) & (places < stop[:, axis, None])  # (n, extent)
        shape = [len(start), 1, *[1] * len(size)]
        shape[2 + axis] = extent
        inside = inside & within.view(shape)
    return inside


def cutout(x: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """Put zeros into a box of each sample's own; as in :func:`in_box`."""
    return x.masked_fill(in_box(tuple(x.shape[2:]), start, stop), 0.0)


def mix(x: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """Return ``share * x + (1 - share) * x[partner]``, with ``partner`` and ``share`` of shape ``(n,)``."""
    share = per_sample(share, x)
    return share * x + (1.0 - share) * x[partner]


def patch(x: Tensor, partner: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """Put what ``x[partner]`` shows in a box into the same box of ``x``; as in :func:`in_box`."""
    return torch.where(in_box(tuple(x.shape[2:]), start, stop), x[partner], x)
