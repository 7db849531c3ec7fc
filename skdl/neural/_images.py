"""Networks that take images, or series as images of one row: layouts of X, scales of channels."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from skdl.neural._augment import AugmentingEstimator
from skdl.nn import Augmentation, initialize
from skdl.nn.augmentation import FOR_IMAGES, FOR_SERIES
from skdl.nn.cnn import ARCHITECTURES
from skdl.utils import Options, derive_keys, validate_X

# As many channels as pictures have; an axis of this length, first or last, is taken for the channels.
_CHANNELS = (1, 2, 3, 4)


def channels_first(shape: tuple[int, ...], asked: str) -> bool:
    """Whether samples of shape ``(a, b, c)`` are channels, height, width, as against height, width, channels."""
    if asked != "auto":
        return asked == "first"
    return not (shape[-1] in _CHANNELS and shape[0] not in _CHANNELS)


class Standardize(nn.Module):
    """Subtract a mean from each channel and divide by a width, on the device; X may stay in bytes until here.

    While training, samples are augmented then.
    """

    mean: Tensor
    factor: Tensor

    def __init__(self, mean: np.ndarray, factor: np.ndarray, n_axes: int, augmentation: Augmentation | None = None):
        super().__init__()
        self.augmentation = augmentation
        shape = (-1, *[1] * n_axes)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(shape))
        self.register_buffer("factor", torch.tensor(factor, dtype=torch.float32).view(shape))

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) * self.factor
        return x if self.augmentation is None else self.augmentation(x)


class ImageModule(nn.Sequential):
    """A standardisation and a network behind it."""

    @property
    def mixture(self) -> tuple[Tensor, Tensor] | None:
        """Which samples of the last batch were mixed, and how, as :func:`skdl.nn.augmentation.mixed_loss` takes it."""
        augmentation = self[0].augmentation
        return augmentation.mixture if isinstance(augmentation, Augmentation) else None


class ImageNetwork(AugmentingEstimator):
    """What classifier and regressor share: pictures go in, a convolutional network is built."""

    _constraints: ClassVar[dict[str, list]] = {
        **AugmentingEstimator._constraints,
        "architecture": [Options(*ARCHITECTURES), callable],
        "image_shape": [None, tuple, list],
        "channels": [Options("auto", "first", "last")],
    }
    _input_attributes: ClassVar[tuple[str, ...]] = ("_mean", "_factor")
    # Architectures bring torch's own dropout.
    _layers_draw = True

    def _fit_inputs(self, X) -> np.ndarray:
        X = self._validate(X, reset=True, ensure_min_samples=2)
        self._sample_shape = X.shape[1:]
        shape = self._sample_shape if self.image_shape is None else tuple(self.image_shape)
        if not 1 <= len(shape) <= 3 or any(extent < 1 for extent in shape):
            raise ValueError(
                f"Samples have the shape {shape}, but {type(self).__name__} takes series (t,), images (h, w) and "
                "images with channels (c, h, w) or (h, w, c). Set image_shape where X holds flat rows."
            )
        if self._is_series(shape):
            self._refuse_changes(FOR_SERIES, "is for images, but the samples of X are series.")
        else:
            self._refuse_changes(FOR_IMAGES, "is for series, but the samples of X are images.")
        if np.prod(shape) != np.prod(self._sample_shape):
            raise ValueError(
                f"image_shape={self.image_shape} stands for {int(np.prod(shape))} values, but a sample of X has "
                f"{int(np.prod(self._sample_shape))}."
            )
        self._image_shape = shape
        return self._arrange(X)

    def _encode_inputs(self, X) -> np.ndarray:
        X = self._validate(X, reset=False)
        self._check_sample_shape(X, self._sample_shape)
        return self._arrange(X)

    def _validate(self, X, *, reset: bool, **check_params) -> np.ndarray:
        # Bytes stay bytes; all else becomes float32, which is what is computed in.
        return validate_X(self, X, reset=reset, dtype=[np.float32, np.uint8], allow_nd=True, **check_params)

    def _is_series(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 1 or (len(shape) == 2 and self.channels != "auto")

    def _arrange(self, X: np.ndarray) -> np.ndarray:
        """Bring samples to (n, channels, height, width) or (n, channels, length)."""
        X = X.reshape(len(X), *self._image_shape)
        if len(self._image_shape) == 1 or (len(self._image_shape) == 2 and self.channels == "auto"):
            return X[:, None]
        if len(self._image_shape) == 2:
            return X if self.channels == "first" else np.moveaxis(X, -1, 1)
        return X if channels_first(self._image_shape, self.channels) else np.moveaxis(X, -1, 1)

    def _fit_preprocessing(self, X: np.ndarray, weight: np.ndarray | None) -> None:
        means, variances = np.empty((2, *X.shape[:2]))  # (n, channels)
        for start in range(0, len(X), 1024):
            part = X[start : start + 1024].reshape(-1, X.shape[1], int(np.prod(X.shape[2:]))).astype(np.float64)
            means[start : start + 1024], variances[start : start + 1024] = part.mean(axis=2), part.var(axis=2)
        self._mean = np.average(means, axis=0, weights=weight)
        variance = np.average((means - self._mean) ** 2 + variances, axis=0, weights=weight)
        width = np.sqrt(variance)
        self._factor = np.divide(1.0, width, out=np.zeros_like(width), where=width > 1e-12 * np.abs(self._mean))
        self._input_size = X.shape[1:]

    def _to_tensors(self, X: np.ndarray) -> tuple[Tensor, ...]:
        # A copy has the strides that its shape implies. NumPy's may differ along an axis of length one, and torch would
        # choose another algorithm, with another rounding, for them.
        return (torch.from_numpy(np.array(X, order="C")),)

    def _series_of(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        if X.ndim != 3:
            return None
        steps = (X - self._mean[:, None]) * self._factor[:, None]  # (n, c, t)
        return np.moveaxis(steps, 1, 2), np.full(len(X), X.shape[2])

    def _build_module(self, seed: int) -> nn.Module:
        torch.manual_seed(int(derive_keys(seed, "module")[0]))
        build: Callable = ARCHITECTURES[self.architecture] if isinstance(self.architecture, str) else self.architecture
        network = build(self._input_size[0], tuple(self._input_size[1:]), self.n_outputs_)
        if isinstance(self.architecture, str):
            network = initialize(network, seed)
        else:
            self._check_network(network)
        standardize = Standardize(self._mean, self._factor, len(self._input_size) - 1, self._augmentation(seed))
        return ImageModule(standardize, network)

    def _check_network(self, network) -> None:
        """Fail before training where a network of the user's does not fit the samples or the targets."""
        name, shape = type(self).__name__, tuple(self._input_size)
        if not isinstance(network, nn.Module):
            raise ValueError(f"architecture of {name} must return a torch.nn.Module; it returned {network!r}.")
        network.eval()
        try:
            with torch.no_grad():
                output = network(torch.zeros((2, *shape)))
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"architecture of {name} gives a network that does not take samples of shape {shape}: {error}\n"
                "Enlarge the images before (torch.nn.functional.interpolate, say), take a network with fewer halvings, "
                "or one of the named architectures, which are sized to the input."
            ) from error
        network.train()
        if not isinstance(output, Tensor) or tuple(output.shape) != (2, self.n_outputs_):
            found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(
                f"architecture of {name} gives a network whose output for 2 samples is {found}, but a tensor of shape "
                f"(2, {self.n_outputs_}) is needed: the callable gets n_outputs={self.n_outputs_} for that."
            )

    def _block_rows(self, device: torch.device) -> int:
        # About four million values go in at once: enough to fill a GPU, little enough for a cache of intermediate maps.
        size = max(1, int(np.prod(self._input_size)))
        return max(1, min(256 if device.type == "cpu" else 8192, (1 << 22) // size))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
