"""The errors and warnings of skdl. Every error is a ValueError, as scikit-learn's users expect of bad input."""

__all__ = [
    "DeviceError",
    "DeviceMemoryWarning",
    "DivergenceError",
    "InterruptedFitWarning",
    "InvalidParameterError",
]


class InvalidParameterError(ValueError, TypeError):
    """A parameter of an estimator has a value of the wrong type or outside its range."""


class DeviceError(ValueError):
    """A device was asked for by name that this process cannot use."""


class DivergenceError(ValueError):
    """A loss became NaN or infinite while training; the estimator is left unfitted."""


class DeviceMemoryWarning(UserWarning):
    """The device ran out of memory, and the work goes on in smaller pieces."""


class InterruptedFitWarning(UserWarning):
    """Ctrl-C ended the training early; the estimator is fitted with what it had learnt until then."""
