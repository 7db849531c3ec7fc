"""Learning-rate schedules: the factor of the learning rate as a function of how far training has come.

A schedule is a pure function of the progress in [0, 1], so that many models trained side by side can each follow their
own. The one that depends on more than that, "plateau", is carried out by :class:`skdl.engine.callbacks.Schedule`.
"""

import math
from collections.abc import Callable


def cosine(progress: float) -> float:
    """Fall from 1 to 0 along half a cosine (Loshchilov & Hutter 2017)."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def linear(progress: float) -> float:
    """Fall from 1 to 0 along a line."""
    return 1.0 - progress


def step(progress: float) -> float:
    """Divide by ten after half and after three quarters of the training (He et al. 2016)."""
    return 1.0 if progress < 0.5 else (0.1 if progress < 0.75 else 0.01)


def one_cycle(progress: float) -> float:
    """Rise from 1/25 to 1 over the first 30 percent, then fall to almost 0 (Smith & Topin 2019)."""
    if progress < 0.3:
        return 0.04 + 0.96 * 0.5 * (1.0 - math.cos(math.pi * progress / 0.3))
    return 4e-6 + (1.0 - 4e-6) * 0.5 * (1.0 + math.cos(math.pi * (progress - 0.3) / 0.7))


# Divides the rate by ten when the loss has stopped falling.
PLATEAU = "plateau"

SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": cosine,
    "linear": linear,
    "step": step,
    "one_cycle": one_cycle,
}


def rate_factor(schedule: str | None, step: int, n_steps: int, n_warmup: int = 0) -> float:
    """Return what the learning rate is multiplied with.

    Parameters
    ----------
    schedule : str or None
        A key of ``SCHEDULES``; anything else has a factor of one.
    step : int
        The number of updates so far.
    n_steps : int
        The number of updates of the whole training.
    n_warmup : int, default=0
        The number of updates over which the rate also rises along a line from zero.

    Returns
    -------
    float
    """
    factor = SCHEDULES[schedule](min(1.0, step / n_steps)) if schedule in SCHEDULES else 1.0
    return factor * min(1.0, (step + 1) / n_warmup) if n_warmup else factor
