"""How training samples are changed at random, and which series want that where nobody says."""

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from skdl.kernels.warping import SERIES, differ_by_timing
from skdl.neural._base import NeuralEstimator
from skdl.neural._rows import even_choice
from skdl.nn import Augmentation
from skdl.nn.augmentation import strengths
from skdl.utils import Options

# What series get whose classes are told better after time warping.
_FOR_TIMING = {"time_warp": 0.3, "noise": 0.3}


class AugmentingEstimator(NeuralEstimator):
    """A network that may be given changed samples while it trains."""

    _constraints: ClassVar[dict[str, list]] = {
        **NeuralEstimator._constraints,
        "augment": [Options("auto"), None, str, list, tuple, dict],
    }

    augment_: dict[str, float]

    def _check_parameters(self) -> None:
        super()._check_parameters()
        try:
            self._asked_changes()
        except ValueError as error:
            raise ValueError(f"augment of {type(self).__name__} is {self.augment!r}: {error}") from None

    def _asked_changes(self) -> dict[str, float]:
        """The changes that ``augment`` names, with strengths."""
        return {} if isinstance(self.augment, str) and self.augment == "auto" else strengths(self.augment)

    def _refuse_changes(self, fit: tuple[str, ...], reason: str) -> None:
        """Refuse what ``augment`` names and is not ``fit`` for the samples."""
        unfit = [name for name in self._asked_changes() if name not in fit]
        if unfit:
            raise ValueError(f"augment={self.augment!r}: {unfit[0]!r} {reason}")

    def _training_sets(self, X, target, weight, reset: bool, *rest):
        train, valid = super()._training_sets(X, target, weight, reset, *rest)
        if reset:
            self.augment_ = self._asked_changes()
            if self.augment == "auto" and target.ndim == 1 and target.dtype.kind in "iu" and self._differ(*train[:2]):
                self.augment_ = dict(_FOR_TIMING)
        return train, valid

    def _differ(self, X, codes: np.ndarray) -> bool:
        """Whether the series that X holds differ by their timing."""
        if not isinstance(X, np.ndarray):  # what is streamed is more than a network knows by heart
            return False
        chosen = even_choice(len(X), SERIES)
        series = self._series_of(X[chosen])
        return series is not None and differ_by_timing(*series, codes[chosen])

    @abstractmethod
    def _series_of(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return standardised series ``(n, t, c)`` and their lengths, or None where X holds something else."""

    def _augmentation(self, seed: int) -> Augmentation | None:
        return Augmentation(self.augment_, seed) if self.augment_ else None
