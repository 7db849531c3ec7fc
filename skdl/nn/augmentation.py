"""Random changes to training samples, on the device, decided by counter-based streams."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from scipy.special import betaincinv
from torch import Tensor, nn

from skdl.nn import transforms
from skdl.utils import derive_keys, random_bits, random_normal, random_permutation, random_uniform

# What each strength is when none is given.
STRENGTHS: dict[str, float] = {
    "flip": 0.5,
    "vertical_flip": 0.5,
    "crop": 0.125,
    "rotation": 15.0,
    "scaling": 0.2,
    "time_warp": 0.3,
    "color": 0.3,
    "noise": 0.1,
    "cutout": 0.5,
    "mixup": 0.2,
    "cutmix": 1.0,
}
# Strengths up to which each makes sense.
LIMITS: dict[str, float] = {
    "flip": 1.0,
    "vertical_flip": 1.0,
    "crop": 1.0,
    "rotation": 180.0,
    "scaling": 1.0,
    "color": 1.0,
    "cutout": 1.0,
}
# What may happen to which samples.
FOR_IMAGES = tuple(name for name in STRENGTHS if name != "time_warp")
FOR_SERIES = tuple(name for name in STRENGTHS if name not in ("vertical_flip", "rotation"))
FOR_UNEQUAL_LENGTHS = ("crop", "time_warp", "noise", "cutout")
# In how many parts of a series time runs at a speed of its own.
_PARTS = 5


def strengths(augment: str | Sequence[str] | Mapping[str, float] | None) -> dict[str, float]:
    """Turn the ways to write an augmentation into strengths by name, in the order in which they are applied.

    Parameters
    ----------
    augment : str, sequence of str, mapping of str to float, or None
        Names of ``STRENGTHS``, with strengths or without.

    Returns
    -------
    dict of str to float

    Raises
    ------
    ValueError
        For a name that is none and a strength out of bounds.
    """
    if augment is None:
        return {}
    names = [augment] if isinstance(augment, str) else list(augment)
    for name in names:
        if name not in STRENGTHS:
            raise ValueError(f"{name!r} is none of the augmentations {', '.join(map(repr, STRENGTHS))}.")
    given = {name: float(augment[name]) if isinstance(augment, Mapping) else STRENGTHS[name] for name in names}
    for name, strength in given.items():
        if not 0.0 < strength <= LIMITS.get(name, np.inf) or not np.isfinite(strength):
            upper = f"{LIMITS[name]:g}]" if name in LIMITS else "inf)"
            raise ValueError(f"The strength of the augmentation {name!r} must lie in (0, {upper}; got {strength:g}.")
    return {name: given[name] for name in STRENGTHS if name in given}


class Augmentation(nn.Module):
    """Changes samples at random while training, and nothing otherwise.

    It stands between the standardisation of channels and the network. What is drawn depends on the seed, the name of
    the change and how many batches came before: training is the same whatever else draws numbers. Each sample has its
    own amounts; partners of mixtures are other samples of the batch.

    Parameters
    ----------
    augment : str, sequence of str or mapping of str to float
        Which changes, with strengths:

        - "flip", "vertical_flip": mirror from left to right (series: in time), upside down; the probability of it;
        - "crop": move by whole places, as padding and cropping does; the largest move as a part of each extent;
        - "rotation": the largest angle in degrees;
        - "scaling": grow or shrink; 0.2 is by factors from 1 / 1.2 to 1.2;
        - "time_warp": let time run faster and slower in each fifth of a series, from its first step to its last; the
          standard deviation of the logarithm of the speed (Um et al. 2017, https://doi.org/10.1145/3136755.3136817);
        - "color": brightness, contrast and saturation; the largest change of each;
        - "noise": add normal numbers; their standard deviation, in units of the channels';
        - "cutout": zeros in a box; its sides as parts of the extents (DeVries & Taylor 2017,
          https://doi.org/10.48550/arXiv.1708.04552);
        - "mixup": average with a partner; a of the distribution Beta(a, a) of the share, drawn for each batch
          (Zhang et al. 2018, https://doi.org/10.48550/arXiv.1710.09412);
        - "cutmix": a box of a partner; a of the distribution Beta(a, a) of the part that stays
          (Yun et al. 2019, https://doi.org/10.1109/ICCV.2019.00612). With "mixup" the batches take turns by chance.
    seed : int
        The seed of the model.

    Attributes
    ----------
    mixture : tuple of (Tensor, Tensor) or None
        Of the last batch: the partner of each sample and the share ``(n,)`` that each sample has kept, by which the
        loss is to be mixed as well; None where nothing was mixed.
    """

    def __init__(self, augment, seed: int):
        super().__init__()
        self.strengths = strengths(augment)
        self.seed = seed
        self.mixture: tuple[Tensor, Tensor] | None = None
        self._step = 0

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return changed samples ``(n, c, *size)``; of series ``(n, c, t)`` with ``lengths`` padding stays zero."""
        self.mixture = None
        if not self.training:
            return x
        for name in self.strengths:
            if name == "time_warp":
                x = _time_warp(self, x, self.strengths[name], lengths)
            elif name in _CHANGES:
                x = _CHANGES[name](self, x, self.strengths[name])
        if lengths is not None:
            x = x * (torch.arange(x.shape[2], device=x.device) < lengths.unsqueeze(1)).unsqueeze(1)
        mixing = [name for name in ("mixup", "cutmix") if name in self.strengths]
        if mixing:
            turn = int(random_bits(self._keys("turn"), 1).item() & 1) if len(mixing) == 2 else 0
            x = _MIXTURES[mixing[turn]](self, x, self.strengths[mixing[turn]])
        self._step += 1
        return x

    # Draws: the key of a stream names the change, the position in it the sample.

    def _keys(self, name: str) -> np.ndarray:
        return derive_keys(self.seed, "augment " + name, self._step)

    def uniform(self, name: str, x: Tensor, low: float, high: float) -> Tensor:
        """Draw a number for each sample, ``(n,)``."""
        return low + (high - low) * random_uniform(self._keys(name), len(x), device=x.device)[0]

    def box(self, name: str, x: Tensor, sides: list[int]) -> tuple[Tensor, Tensor]:
        """Draw a box for each sample, its centre anywhere, cut off at the edges: start and stop ``(n, axes)``."""
        starts, stops = [], []
        for axis, side in enumerate(sides):
            extent = x.shape[2 + axis]
            centre = (random_uniform(self._keys(f"{name} {axis}"), len(x), device=x.device)[0] * extent).long()
            starts.append((centre - side // 2).clamp(0, extent))
            stops.append((centre - side // 2 + side).clamp(0, extent))
        return torch.stack(starts, dim=1), torch.stack(stops, dim=1)

    def share(self, name: str, alpha: float) -> float:
        """Draw a number from Beta(alpha, alpha)."""
        uniform = float(random_uniform(self._keys(name), 1)[0, 0])
        return float(betaincinv(alpha, alpha, uniform))

    def partner(self, name: str, x: Tensor) -> Tensor:
        return random_permutation(self._keys(name), len(x), device=x.device)[0]

    # The step travels with the state dict, so that training which goes on later goes on with the next draws.

    def get_extra_state(self) -> Tensor:
        return torch.tensor(self._step)

    def set_extra_state(self, state: Tensor) -> None:
        self._step = int(state)

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={strength:g}" for name, strength in self.strengths.items())


def mixed_loss(
    criterion: nn.Module,
    output: Tensor,
    target: Tensor,
    weight: Tensor | None,
    mixture: tuple[Tensor, Tensor],
) -> Tensor:
    """Return the loss of mixed samples: by its share that of each one's own target, by the rest that of its partner's.

    Parameters
    ----------
    criterion : Module
        Takes outputs, targets and weights, and gives the mean over samples.
    output : Tensor of shape (n, n_outputs)
        What the network makes of the mixed samples.
    target : Tensor of shape (n, ...)
        The targets of the samples before they were mixed.
    weight : Tensor of shape (n,) or None
        Their weights.
    mixture : tuple of (Tensor, Tensor)
        Partners and shares; see :class:`Augmentation`.

    Returns
    -------
    Tensor of shape ()
    """
    partner, share = mixture
    own, others = (share, 1.0 - share) if weight is None else (share * weight, (1.0 - share) * weight[partner])
    return criterion(output, target, own) + criterion(output, target[partner], others)


def _flip(own: Augmentation, x: Tensor, probability: float) -> Tensor:
    return transforms.flip(x, own.uniform("flip", x, 0.0, 1.0) < probability, axis=x.ndim - 1)


def _vertical_flip(own: Augmentation, x: Tensor, probability: float) -> Tensor:
    return transforms.flip(x, own.uniform("vertical_flip", x, 0.0, 1.0) < probability, axis=x.ndim - 2)


def _crop(own: Augmentation, x: Tensor, part: float) -> Tensor:
    moves = []
    for axis in range(2, x.ndim):
        most = round(part * x.shape[axis])
        moves.append(own.uniform(f"crop {axis}", x, -most, most + 1).floor().clamp(-most, most).long())
    return transforms.shift(x, torch.stack(moves, dim=1))


def _rotation(own: Augmentation, x: Tensor, most: float) -> Tensor:
    return transforms.affine(x, own.uniform("rotation", x, -most, most), None)


def _scaling(own: Augmentation, x: Tensor, most: float) -> Tensor:
    exponent = own.uniform("scaling", x, -1.0, 1.0)
    return transforms.affine(x, None, torch.pow(1.0 + most, exponent))


def _time_warp(own: Augmentation, x: Tensor, deviation: float, lengths: Tensor | None) -> Tensor:
    n, _, n_steps = x.shape
    speeds = torch.exp(deviation * random_normal(own._keys("time_warp"), n * _PARTS, device=x.device).view(n, _PARTS))
    lengths = torch.full((n,), n_steps, device=x.device) if lengths is None else lengths
    return transforms.read_at(x, transforms.warped_times(speeds, lengths, n_steps))


def _color(own: Augmentation, x: Tensor, most: float) -> Tensor:
    brightness = own.uniform("brightness", x, -most, most)
    contrast = own.uniform("contrast", x, 1.0 - most, 1.0 + most)
    saturation = own.uniform("saturation", x, 1.0 - most, 1.0 + most) if x.shape[1] > 1 else None
    return transforms.color(x, brightness, contrast, saturation)


def _noise(own: Augmentation, x: Tensor, deviation: float) -> Tensor:
    return x + deviation * random_normal(own._keys("noise"), x.numel(), device=x.device).view_as(x).to(x.dtype)


def _cutout(own: Augmentation, x: Tensor, part: float) -> Tensor:
    sides = [max(1, round(part * extent)) for extent in x.shape[2:]]
    return transforms.cutout(x, *own.box("cutout", x, sides))


def _mixup(own: Augmentation, x: Tensor, alpha: float) -> Tensor:
    partner = own.partner("mixup partner", x)
    share = torch.full((len(x),), own.share("mixup", alpha), dtype=x.dtype, device=x.device)
    own.mixture = partner, share
    return transforms.mix(x, partner, share)


def _cutmix(own: Augmentation, x: Tensor, alpha: float) -> Tensor:
    partner = own.partner("cutmix partner", x)
    size = x.shape[2:]
    part = (1.0 - own.share("cutmix", alpha)) ** (1.0 / len(size))
    start, stop = own.box("cutmix", x, [round(part * extent) for extent in size])
    covered = (stop - start).prod(dim=1).to(x.dtype) / float(np.prod(size))
    own.mixture = partner, 1.0 - covered
    return transforms.patch(x, partner, start, stop)


_Change = Callable[[Augmentation, Tensor, float], Tensor]
_CHANGES: dict[str, _Change] = {
    "flip": _flip,
    "vertical_flip": _vertical_flip,
    "crop": _crop,
    "rotation": _rotation,
    "scaling": _scaling,
    "color": _color,
    "noise": _noise,
    "cutout": _cutout,
}
_MIXTURES: dict[str, _Change] = {"mixup": _mixup, "cutmix": _cutmix}
